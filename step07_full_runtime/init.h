/*
 * init.h - the child's way from a copy of rung to the command.
 */
#ifndef RUNG_INIT_H
#define RUNG_INIT_H

#include "spec.h"

struct init_plan {
    const struct spec *spec;
    int socket_fd; /* to the parent */
    const int *namespace_fds; /* to join, NS_COUNT of them */
    const char *scratch_path; /* a directory of ours on the host */
};

_Noreturn void init_run(const struct init_plan *plan);

#endif
