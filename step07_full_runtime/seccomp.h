/*
 * seccomp.h - which system calls the command may make.
 */
#ifndef RUNG_SECCOMP_H
#define RUNG_SECCOMP_H

#include <stdint.h>

#include "spec.h"

/* In the parent, before the first side effect: compile the filter, so that a
 * profile with a mistake in it is refused in time. */
void seccomp_prepare(const struct spec *spec);
/* In the child, as late as possible. */
void seccomp_apply(const struct spec *spec);

/* seccomp_default.c: the system calls of the default filter, with a space
 * between. capability is the one that the bounding set must have, or -1. The
 * last entry has no names. */
struct allowed_calls {
    int capability;
    const char *names;
};
extern const struct allowed_calls DEFAULT_CALLS[];

/* seccomp_profile.c: the filter that linux.seccomp asks for. */
void *seccomp_read_profile(const struct json_t *profile);

#endif
