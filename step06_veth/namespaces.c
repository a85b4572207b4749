/*
 * namespaces.c - a PID namespace of its own, and a look at the other seven.
 */
#define _GNU_SOURCE

#include <sched.h>
#include <stdint.h>

#include "demo.h"

/*
 * A child started with CLONE_NEWPID is process 1 of a new PID namespace. We
 * stay where we are, and see it under another number. pid_namespaces(7)
 */
void want_pid_namespace(struct container *c)
{
    c->clone.flags |= CLONE_NEWPID;
}

/* The letters open the other namespaces, to look into: namespaces(7) */
void want_namespace(struct container *c, char letter)
{
    static const uint64_t flags[] = {
        ['i'] = CLONE_NEWIPC, /* ipc_namespaces(7) */
        ['m'] = CLONE_NEWNS, /* mount_namespaces(7) */
        ['n'] = CLONE_NEWNET, /* network_namespaces(7) */
        ['p'] = CLONE_NEWPID, /* pid_namespaces(7) */
        ['u'] = CLONE_NEWUTS, /* uts_namespaces(7) */
        ['U'] = CLONE_NEWUSER, /* user_namespaces(7) */
        ['C'] = CLONE_NEWCGROUP, /* cgroup_namespaces(7) */
        ['T'] = CLONE_NEWTIME, /* time_namespaces(7) */
    };
    c->clone.flags |= flags[(unsigned char)letter];
}
