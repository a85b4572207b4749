/*
 * container.h - the life of a container, seen from the parent.
 *
 * The order, which the modules below rely on:
 *
 *   parent                                child (process 1)
 *   ------                                -----------------
 *   spec_parse            checked, nothing touched yet
 *   cgroup_plan           where the cgroup will be; no side effect
 *   network_plan          names of the links; no side effect
 *   state_create          the state file says what will be made
 *   cgroup_create         mkdir, controllers
 *   cgroup_limits         memory.max ...
 *   devices_attach        the device filter
 *   clone3 ------------------------------> waits for "go"
 *   state_started         pid, start time
 *   namespaces_write_maps setgroups, gid_map, uid_map
 *   network_attach        bridge, veth, nat
 *   "go" --------------------------------> network_inside: lo, eth0, route
 *                                          rootfs, mounts, ids, seccomp
 *                                          execve
 *   wait, pass signals
 *   network_undo          (host's end of the veth, bridge, nat)
 *   cgroup_undo           kill, wait for "populated 0", rmdir
 *   state_remove
 *
 * What is called here, with these parameters (layer 2 includes only util.h and
 * spec.h, never this file or one another):
 *
 *   void cgroup_plan(struct cgroup *, const struct spec *, const char *id);
 *   void cgroup_create(struct cgroup *);           its fd is for clone3
 *   void cgroup_limits(struct cgroup *, const struct resources *);
 *   void cgroup_report(const struct cgroup *);     "oom_kill 1", afterwards
 *   int cgroup_undo(const char *path);
 *   void devices_attach(int cgroup_fd, const struct device_rule *, size_t);
 *   void network_plan(struct network *, const struct spec *);
 *   void network_attach(struct network *, const struct network_spec *, pid_t);
 *   void network_inside(const struct network_spec *);
 *   int network_undo(const struct network *);
 *   void state_create(struct state *);             its fields filled in by us
 *   void state_started(struct state *, pid_t);
 *   int state_remove(const struct state *);
 *   const char *state_directory(const struct state *);
 *
 * The undo functions are registered with atexit(3) as soon as the thing exists;
 * they return 0, or -1 after warn(), and may be called twice. All the others
 * die() when they fail: nothing fails open.
 */
#ifndef RUNG_CONTAINER_H
#define RUNG_CONTAINER_H

#include <stdbool.h>
#include <sys/types.h>

#include "cgroup.h"
#include "network.h"
#include "spec.h"
#include "state.h"

struct container {
    const struct spec *spec;
    const char *id;
    const char *pid_file; /* NULL: none wanted */
    pid_t pid; /* process 1, as the host sees it */
    int pidfd;
    int socket_fd; /* our end of the handshake */
    int child_socket_fd;
    int root_fd; /* the root file system, opened before the first side effect */
    int terminal_fd; /* the master's side of the container's terminal, or -1 */
    int namespace_fds[NS_COUNT]; /* of namespaces to join, or -1 */
    struct cgroup cgroup;
    struct network network;
    struct state state;
};

/* Make it, run it, wait for it, undo it: the exit status for main. */
int container_run(struct container *c);

#endif
