/*
 * namespaces.h - which namespaces are new, which are joined, which are shared.
 *
 * It grew out of steps 02 and 03.
 */
#ifndef RUNG_NAMESPACES_H
#define RUNG_NAMESPACES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/spec.h"

/* --- in the parent --- */

/* Open the ones to join and check their kind. fds has NS_COUNT places. */
void namespaces_open(const struct spec *spec, int *fds);
/* A user namespace with the container's id maps, to make idmapped mounts; -1
 * if config.json wants none that needs it. */
int namespaces_open_maps(const struct spec *spec, const int *fds);
/* The flags for clone3(2). */
uint64_t namespaces_clone_flags(const struct spec *spec);
/* What only a parent can do for its next child: PID and time. */
void namespaces_before_clone(const struct spec *spec, const int *fds);
/* The same in a helper of the parent, which makes the process in its place: is
 * it needed? It joins what the user namespace may not own, while we may; these
 * fds are -1 then. The user namespace comes before all new ones. */
bool namespaces_need_helper(const struct spec *spec, const int *fds);
void namespaces_join_early(int *fds);
void namespaces_join_user(const struct spec *spec, const int *fds);
/* Who is who in the new user namespace of this process. */
void namespaces_write_maps(const struct spec *spec, pid_t pid);

/* The flags for setns(2) with the pidfd of a container that was made so. */
int namespaces_join_flags(const struct spec *spec);

/* --- in the child --- */

void namespaces_join(const struct spec *spec, const int *fds);
/* Become the first user of the new user namespace. */
void namespaces_become_root(const struct spec *spec);
/* A new cgroup namespace, if it is to have one. */
void enter_cgroup_namespace(const struct spec *spec);
void set_hostname(const struct spec *spec);

#endif
