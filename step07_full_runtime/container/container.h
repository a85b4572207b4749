/*
 * container.h - the life of a container, seen from the parent.
 */
#ifndef RUNG_CONTAINER_H
#define RUNG_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup/cgroup.h"
#include "config/spec.h"
#include "config/state.h"
#include "network/network.h"
#include "rootfs/rootfs.h"

struct filter;

/* A process of a container, and what the parent holds of it; the child has a
 * copy. */
struct container {
    const struct spec *spec;
    struct filter *filter; /* of system calls, or NULL */
    const char *state_root;
    const char *id;
    const char *pid_file; /* NULL: none wanted */
    const char *console_socket; /* who gets the terminal; NULL: we */
    const char *sub_cgroup; /* for `exec`: below the container's; or NULL */
    bool detach; /* leave it alone once it runs */
    bool keep; /* when it has ended, leave it to `delete` */
    bool create; /* let it wait for `start` */
    pid_t pid; /* process 1 (or the one of `exec`), as the host sees it */
    int pidfd; /* the same, as a descriptor that cannot be reused */
    int socket_fd; /* our end of the channel; -1: the other end is closed */
    int child_socket_fd; /* the child's */
    int start_fd; /* where a created container listens for `start`, or -1 */
    int signal_fd;
    int notify_fd; /* where the command says that it is ready, or -1 */
    int terminal_fd; /* our side of the container's terminal, or -1 */
    int namespace_fds[NS_COUNT];
    /* What is to be joined before the process is made; NULL: nothing. */
    void (*join_first)(struct container *c);
    bool is_ready; /* it waits for `start` */
    bool is_outside; /* of its cgroup, when it is born */
    bool is_executing; /* only execve(2) was left to do */
    bool was_ended; /* by us, before its command: a signal told us to end */
    int failure; /* the exit status of what went wrong before; 0: nothing */
    struct cgroup cgroup;
    struct network network;
    struct root_sources sources; /* opened for its root */
    char **env; /* the command's, when the child knows it */
    struct state state;
};

/* --- container.c --- */
/* One with nothing opened yet. All that config.json says is checked now, the
 * filter of system calls, too. */
void container_prepare(struct container *c, const struct spec *spec,
                       const char *state_root, const char *id);
/* Make it, run it, wait for it, undo it: the exit status for main. With
 * c->detach or c->create it stays, and the status is 0. */
int container_run(struct container *c);
/* Undo what a state names: 0, or -1 if something remains. */
int container_delete(struct state *state);
/* Kill and undo it if we leave early. */
void undo_at_exit(struct container *c);
/* After attend(): leave it alone, or wait for its end; the exit status. A start
 * that failed says why. */
int container_finish(struct container *c);

/* --- exec.c --- */
/* A further process in a running container; as container_run. */
int container_exec(struct container *c);

/* --- init.c --- */
/* In the child: from a copy of rung to the command. */
_Noreturn void child(struct container *c);
/* Wait for the parent's GO: our PID, as the host sees it. */
pid_t wait_for_go(int socket_fd);
/* From root to the command's user and rights; the last way before execve. */
_Noreturn void init_execute(const struct container *c);

/* --- start.c --- */
/* `start`: let the command begin; the exit status for main. */
int container_start(struct state *state);

/* --- clone.c --- */
/* clone3(2) with a channel to the child: c->pid is 0 in the child. */
void clone_process(struct container *c, uint64_t flags);

/* --- attend.c --- */
/* Pass signals, bytes and messages until the process has ended, or until
 * nothing is left to do for us (detach, create). */
void attend(struct container *c);
/* After attend: the exit status as a shell has it. */
int wait_for_child(struct container *c);

/* --- signals.c --- */
void block_signals(struct container *c);
/* Those that do nothing to a process without a handler. */
bool is_harmless(int number);
/* Has one come that ends a container that is being made? Forgets the others. */
bool told_to_end(const struct container *c);

/* --- milestones.c --- */
void write_pid_file(const struct container *c);
/* Tell the child GO. */
void let_go(const struct container *c);
/* The host's hooks are due; the child waits for our GO. */
void container_early_hooks(struct container *c);
/* The command has begun to run. */
void container_runs(struct container *c);

#endif
