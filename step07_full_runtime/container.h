/*
 * container.h - the life of a container, seen from the parent.
 */
#ifndef RUNG_CONTAINER_H
#define RUNG_CONTAINER_H

#include <sys/types.h>

#include "cgroup.h"
#include "network.h"
#include "spec.h"
#include "state.h"

struct container {
    const struct spec *spec;
    const char *state_root;
    const char *id;
    const char *pid_file; /* NULL: none wanted */
    pid_t pid; /* process 1, as the host sees it */
    int pidfd; /* the same, as a descriptor that cannot be reused */
    int socket_fd; /* our end of the handshake */
    int child_socket_fd;
    int signal_fd;
    int terminal_fd; /* our side of the container's terminal, or -1 */
    int namespace_fds[NS_COUNT];
    struct cgroup cgroup;
    struct network network;
    struct state state;
};

/* Make it, run it, wait for it, undo it: the exit status for main. */
int container_run(struct container *c);
/* Undo what a state names: 0, or -1 if something remains. */
int container_delete(struct state *state);

#endif
