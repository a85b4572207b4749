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

/* seccomp_default.c: names of system calls, with a space between. */
extern const char ALLOWED_CALLS[];
extern const char REFUSED_CALLS[];

/* seccomp_profile.c: the filter that linux.seccomp asks for. */
void *seccomp_read_profile(const struct json_t *profile);

#endif
