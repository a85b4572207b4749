/*
 * init.h - the child's way from a copy of rung to the command.
 */
#ifndef RUNG_INIT_H
#define RUNG_INIT_H

#include <stdbool.h>
#include <sys/types.h>

#include "config/spec.h"
#include "config/state.h"

struct filter;
struct root_sources;

struct init_plan {
    const struct spec *spec;
    struct filter *filter; /* of system calls, or NULL */
    struct state *state; /* for hooks */
    int socket_fd; /* to the parent */
    bool parent_first; /* nothing can begin before GO */
    int start_fd; /* listens for `start`; -1: go on at once */
    const char *console_socket; /* who gets its terminal; NULL: we */
    bool is_detached; /* the parent leaves while the command runs */
    const int *namespace_fds; /* to join, NS_COUNT of them */
    const char *scratch_path; /* a directory of ours on the host */
    struct root_sources *sources; /* opened for the root */
    char **env; /* the command's, when it can be known */
};

/* Wait for the parent's GO: our PID, as the host sees it. */
pid_t wait_for_go(int socket_fd);
/* From root to the command's user and rights; the last way before execve. */
_Noreturn void init_execute(const struct init_plan *plan);

/* The whole way; plan is copied. */
_Noreturn void child(const struct init_plan *given);

#endif
