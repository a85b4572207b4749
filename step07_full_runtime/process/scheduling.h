/*
 * scheduling.h - which CPUs and memory the command gets, and when.
 */
#ifndef RUNG_SCHEDULING_H
#define RUNG_SCHEDULING_H

#include <sys/types.h>

#include "config/spec.h"

/* In the parent, before it makes the process of an exec: on which CPUs the two
 * are until that one is in its cgroup. sched_setaffinity(2) */
void scheduling_start(const struct spec *spec);
/* In the parent, which may more than the child: sched_setattr(2),
 * ioprio_set(2). */
void scheduling_set(const struct spec *spec, pid_t pid);
/* In the child, which alone can do it: set_mempolicy(2), and the CPUs of an
 * exec. */
void scheduling_inside(const struct spec *spec);

#endif
