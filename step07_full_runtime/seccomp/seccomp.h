/*
 * seccomp.h - which system calls the command may make.
 */
#ifndef RUNG_SECCOMP_H
#define RUNG_SECCOMP_H

#include <sys/types.h>

#include "config/json.h"
#include "config/spec.h"
#include "config/state.h"

/* The program that the kernel is to run at each system call. */
struct filter;

/* --- seccomp.c --- */
/* Make it, so that a profile with a mistake in it is refused before anything
 * is done. NULL: none is wanted; then the others do nothing. */
struct filter *seccomp_prepare(const struct spec *spec);
/* In the child, as late as possible. */
void seccomp_apply(struct filter *f);

/* --- notify.c --- */
/* In the child, while the host's paths can be opened: connect to the agent of
 * linux.seccomp.listenerPath, if a rule needs it. */
void seccomp_connect(struct filter *f, const struct spec *spec);
/* In the child: what to tell the agent. pid: our own, on the host. */
void seccomp_introduce(struct filter *f, const struct spec *spec,
                       const struct state *state, pid_t pid);

/* --- profile.c: the words of linux.seccomp --- */
extern const struct vocabulary SECCOMP_ACTIONS;
extern const struct vocabulary SECCOMP_OPERATORS;
extern const struct vocabulary SECCOMP_FLAGS;
extern const struct vocabulary SECCOMP_ARCHITECTURES;

#endif
