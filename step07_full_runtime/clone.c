/*
 * clone.c - make the container's process, or one more: clone3(2).
 *
 * It must never make a process that nobody holds a descriptor of. Part of
 * container.c; it grew out of start() in step02.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "container.h"
#include "namespaces.h"
#include "util.h"

/* The number of the process that the helper has made, or -1 and errno. */
static pid_t read_pid(int fd, pid_t helper)
{
    int answer;
    ssize_t n;
    do {
        n = read(fd, &answer, sizeof(answer));
    } while (n == -1 && errno == EINTR);
    while (waitpid(helper, NULL, 0) == -1 && errno == EINTR)
        continue;
    if (n != sizeof(answer))
        exit(EXIT_RUNTIME); /* the helper has said why */
    errno = answer < 0 ? -answer : 0;
    return answer < 0 ? -1 : answer;
}

/*
 * New namespaces belong to the user namespace of whoever makes them; and if
 * they did not belong to the one that the container joins, its root could
 * mount nothing. So a helper joins that first, and then makes the process as
 * our child, not its own: CLONE_PARENT, clone(2).
 */
static pid_t clone_by_helper(struct container *c, struct clone_args args)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) == -1)
        die("make a pipe");
    pid_t helper = fork();
    if (helper == -1)
        die("fork");
    if (helper > 0) {
        (void)close(fds[1]);
        pid_t pid = read_pid(fds[0], helper);
        (void)close(fds[0]);
        if (pid == -1)
            return -1;
        c->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (c->pidfd == -1) {
            (void)kill(pid, SIGKILL);
            die("open a pidfd of the container");
        }
        return pid;
    }
    become_child();
    namespaces_before_clone(c->spec, c->namespace_fds);
    namespaces_join_early(c->namespace_fds);
    namespaces_join_user(c->spec, c->namespace_fds);
    args.flags = (args.flags | CLONE_PARENT) & ~(uint64_t)CLONE_PIDFD;
    args.exit_signal = 0; /* the helper's: SIGCHLD */
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0) {
        (void)close(fds[0]);
        (void)close(fds[1]);
        return 0;
    }
    int answer = pid == -1 ? -errno : pid;
    _exit(write(fds[1], &answer, sizeof(answer)) == sizeof(answer) ? 0 : 1);
}

static pid_t clone_once(struct container *c, const struct clone_args *args)
{
    if (!c->spec->invocation.is_exec &&
        namespaces_need_helper(c->spec, c->namespace_fds))
        return clone_by_helper(c, *args);
    return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

/* What to look at when clone3 has failed. */
static const char *hint_for_clone(const struct container *c)
{
    if (errno == EOPNOTSUPP)
        return "its cgroup can hold threads alone: see cgroup.type there";
    return c->spec->rootless ? "are user namespaces allowed here?"
                             : "is a limit of namespaces reached?";
}

/*
 * clone3(2) does four things at once: a process, its namespaces, its place in
 * the cgroup (moving it later is slow), and a descriptor that means this
 * process and no later one with the same number: pidfd_open(2).
 */
void clone_process(struct container *c, uint64_t flags)
{
    int sockets[2];
    channel_pair(sockets);
    c->socket_fd = sockets[0];
    c->child_socket_fd = sockets[1];
    struct clone_args args = {
        .flags = flags | CLONE_PIDFD,
        .pidfd = (uintptr_t)&c->pidfd,
        .exit_signal = SIGCHLD,
    };
    if (c->cgroup.fd != -1) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)c->cgroup.fd;
    }
    c->pid = clone_once(c, &args);
    /* An ordinary user may have no right to move what is in our own cgroup. */
    bool outside = c->pid == -1 && errno == EACCES && c->cgroup.fd != -1;
    if (outside) {
        args.flags &= ~(uint64_t)CLONE_INTO_CGROUP;
        c->pid = clone_once(c, &args);
    }
    if (c->pid == -1)
        die("clone3 (%s)", hint_for_clone(c));
    if (c->pid > 0) {
        narrate(2, "clone3() = %d # unshare --fork ...", c->pid);
        close_fd(&c->child_socket_fd);
        if (outside)
            cgroup_join(&c->cgroup, c->pid);
        return;
    }
    become_child();
    report_to(c->child_socket_fd);
    close_fd(&c->socket_fd);
}
