/*
 * clone.c - make the container's process, or one more: clone3(2).
 *
 * It must never make a process that nobody holds a descriptor of. Part of
 * container.c; it grew out of start() in step02.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "container/container.h"
#include "container/self.h"
#include "process/process.h"

/* The raw system call: glibc has no wrapper. It returns twice, like fork(2). */
static pid_t clone3(const struct clone_args *args)
{
    return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

/* In a cgroup that is frozen the helper stands still, and we have to hear the
 * user who waits no longer. */
static void wait_for_helper(const struct container *c, int fd, pid_t helper)
{
    struct pollfd fds[] = {
        {.fd = fd, .events = POLLIN},
        {.fd = c->signal_fd, .events = POLLIN},
    };
    while (!fds[0].revents) {
        if (poll(fds, ARRAY_SIZE(fds), -1) == -1 && errno != EINTR)
            die("poll");
        if (!fds[0].revents && fds[1].revents && told_to_end(c)) {
            (void)kill(helper, SIGKILL);
            fail("start a process in container %s: ended by a signal", c->id);
        }
    }
}

/* The number of the process that the helper has made, or -1 and errno. */
static pid_t read_pid(int fd, pid_t helper)
{
    int answer;
    ssize_t n;
    do {
        n = read(fd, &answer, sizeof(answer));
    } while (n == -1 && errno == EINTR);
    int reason = n == -1 ? errno : EIO;
    while (waitpid(helper, NULL, 0) == -1 && errno == EINTR)
        continue;
    if (n == 0)
        exit(EXIT_RUNTIME); /* the helper has said why */
    errno = reason;
    if (n != sizeof(answer))
        die("hear from the helper which process it made");
    errno = answer < 0 ? -answer : 0;
    return answer < 0 ? -1 : answer;
}

/* The parent's files are none of the container's: its log, its cgroup. */
static void leave_parent(struct container *c)
{
    become_child();
    report_to(c->child_socket_fd);
    close_fd(&c->socket_fd);
    close_fd(&c->cgroup.fd);
    close_fd(&c->signal_fd);
    self_let_go();
}

/* The parent does not listen to the socket yet: what fails here we have to say
 * ourselves. */
static _Noreturn void tell_pid(int fd, int answer)
{
    ssize_t n;
    do {
        n = write(fd, &answer, sizeof(answer));
    } while (n == -1 && errno == EINTR);
    report_to(-1);
    if (n != sizeof(answer))
        die("tell the parent which process was made");
    _exit(0);
}

/*
 * In the helper. Whoever is in the container's PID namespace can see the new
 * process as soon as it is there, and with CAP_SYS_PTRACE go through its root,
 * working directory and open files in /proc/PID: so what it is born with must
 * be the container's already.
 */
static pid_t clone_in_there(struct container *c, uint64_t flags, int answer_fd)
{
    become_child();
    c->join_first(c);
    leave_parent(c);
    struct clone_args args = {.flags = flags | CLONE_PARENT};
    pid_t pid = clone3(&args);
    if (pid == 0) {
        (void)close(answer_fd);
        return 0;
    }
    tell_pid(answer_fd, pid == -1 ? -errno : pid);
}

/*
 * Some things have to be joined before the process is made. We have to stay
 * where we are; so a helper joins them, and then makes the process as our
 * child, not its own: CLONE_PARENT, clone(2). The cgroup is the helper's first.
 */
static pid_t clone_by_helper(struct container *c, struct clone_args args)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) == -1)
        die("make a pipe");
    uint64_t flags = args.flags;
    args.flags &= CLONE_INTO_CGROUP;
    pid_t helper = clone3(&args);
    if (helper == 0) {
        (void)close(fds[0]);
        return clone_in_there(c, flags & ~CLONE_INTO_CGROUP & ~CLONE_PIDFD,
                              fds[1]);
    }
    (void)close(fds[1]);
    if (helper != -1)
        wait_for_helper(c, fds[0], helper);
    pid_t pid = helper == -1 ? -1 : read_pid(fds[0], helper);
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

static pid_t clone_once(struct container *c, const struct clone_args *args)
{
    if (c->join_first)
        return clone_by_helper(c, *args);
    pid_t pid = clone3(args);
    if (pid == 0)
        leave_parent(c);
    return pid;
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
    find_ignored_signals();
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
    memory_before_clone();
    c->pid = clone_once(c, &args);
    /* An ordinary user may have no right to move what is in our own cgroup. */
    c->is_outside = c->pid == -1 && errno == EACCES && c->cgroup.fd != -1;
    if (c->is_outside) {
        args.flags &= ~(uint64_t)CLONE_INTO_CGROUP;
        c->pid = clone_once(c, &args);
    }
    if (c->pid == -1)
        die("clone3 (%s)", hint_for_clone(c));
    if (c->pid > 0) {
        narrate(2, "clone3() = %d # unshare --fork ...", c->pid);
        close_fd(&c->child_socket_fd);
        if (c->is_outside)
            cgroup_join(&c->cgroup, c->pid);
    }
}
