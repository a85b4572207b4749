/*
 * attend.c - what the parent does while the container runs.
 *
 * Three things may come: a signal, a message of the child, bytes of its
 * terminal. Each is passed on. It must never miss the end of the process: a
 * pidfd is readable then. It grew out of parent() in step01.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "container/container.h"
#include "container/notify.h"
#include "container/self.h"
#include "process/console.h"
#include "process/process.h"
#include "rootfs/host_files.h"

/* Is the signal in this set of /proc/PID/status? "\nSigBlk:" */
static bool is_in_set(const char *status, const char *name, int number)
{
    uint64_t set;
    return process_read_signals(status, name, &set) && set >> (number - 1) & 1;
}

/*
 * Does it handle or ignore the signal, or block it and wait for it as we do?
 * Whoever waits for a signal sleeps. A shell that is about to fork blocks all
 * for a moment, and hears none: then look again. If it stays so, the key has
 * stopped the child that it waits for in vfork(2). proc(5)
 */
static bool hears(pid_t pid, int number)
{
    CLEANUP(free_string) char *path = print_string("/proc/%d/status", pid);
    bool waits = false;
    for (int looks = 0; looks < 1000; looks++) {
        CLEANUP(free_string) char *status = read_file_at(AT_FDCWD, path);
        if (!status)
            return false; /* it has ended */
        if (is_in_set(status, "\nSigIgn:", number) ||
            is_in_set(status, "\nSigCgt:", number))
            return true;
        if (!is_in_set(status, "\nSigBlk:", number))
            return false;
        if (strstr(status, "\nState:\tS") || strstr(status, "\nState:\tT"))
            return true;
        waits = strstr(status, "\nState:\tD");
        (void)usleep(1000);
    }
    return !waits;
}

/*
 * The kernel drops a signal for process 1 of a PID namespace if it has no
 * handler. The sender meant to end the command: so end it, with the one signal
 * that always works. pid_namespaces(7).
 */
static bool would_be_dropped(const struct container *c, int number)
{
    if (!spec_makes(c->spec, NS_PID) || c->spec->process.init ||
        c->spec->invocation.is_exec)
        return false; /* not process 1, or our own, which hears everything */
    return !is_harmless(number) && !hears(c->pid, number);
}

static void pass_on(struct container *c, int number)
{
    if (number == SIGCHLD)
        return;
    if (number == SIGWINCH && c->terminal_fd != -1) {
        console_resize(c->terminal_fd);
        return;
    }
    bool has_started = c->socket_fd == -1;
    if (!has_started && is_harmless(number))
        return; /* there is nobody yet whom it could mean */
    if (!has_started || would_be_dropped(c, number))
        number = SIGKILL;
    c->was_ended |= !has_started;
    /* It may have ended a moment ago. */
    (void)syscall(SYS_pidfd_send_signal, c->pidfd, number, NULL, 0);
}

static void read_signals(struct container *c)
{
    struct signalfd_siginfo info;
    while (read(c->signal_fd, &info, sizeof(info)) == sizeof(info))
        pass_on(c, (int)info.ssi_signo);
}

static void take_terminal(struct container *c, int fd)
{
    if (c->console_socket) {
        console_hand_over(c->console_socket, fd);
        close(fd);
        return;
    }
    c->terminal_fd = fd;
    console_start(c->spec, fd);
}

/*
 * The socket closes when execve(2) succeeds, but also when something kills the
 * process just before: its filter, which lets it say nothing. So ask the
 * kernel: a flag in /proc/PID/stat goes with the first execve(2), and before
 * the socket. Who has been collected already, by another parent, is believed.
 * Our own init says so by closing the socket, and stays as it is.
 */
static bool has_executed(const struct container *c)
{
    return c->spec->process.init || state_process_has_executed(c->pid);
}

/* The end of the socket is news too: the command runs now, or has failed. */
static void read_socket(struct container *c)
{
    struct message message;
    int fd;
    if (!channel_receive(c->socket_fd, &message, &fd)) {
        if (errno)
            die("hear from the process of container %s", c->id);
        close_fd(&c->socket_fd);
        c->is_executing = c->is_executing && has_executed(c);
        if (c->is_executing && c->failure == 0)
            container_runs(c);
        return;
    }
    if (message.type == MESSAGE_LOG) {
        log_text((enum log_level)message.level, message.status, message.text);
        if (message.level == LOG_ERROR)
            c->failure = message.status;
    }
    if (message.type == MESSAGE_EXECUTING)
        c->is_executing = true;
    if (message.type == MESSAGE_OPEN)
        host_files_answer(c->socket_fd, &message);
    if (message.type == MESSAGE_HOOKS)
        container_early_hooks(c);
    if (message.type == MESSAGE_READY)
        c->is_ready = true;
    if (message.type == MESSAGE_TERMINAL && fd != -1)
        take_terminal(c, fd);
    else
        close_fd(&fd);
}

/*
 * Ctrl-C and Ctrl-Z arrive as signals from the container's terminal; for a
 * process 1 without a handler they are dropped like any other. So we look, and
 * do what the user meant: end it, or stop it and ourselves.
 */
static void obey_key(struct container *c, int number)
{
    if (number == 0 || c->socket_fd != -1 || !would_be_dropped(c, number))
        return;
    if (number != SIGTSTP) {
        (void)syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
        return;
    }
    console_forget_key(); /* not for the container: we stop all of it */
    (void)killpg(c->pid, SIGSTOP);
    console_suspend();
    (void)killpg(c->pid, SIGCONT);
    console_resize(c->terminal_fd);
}

static void copy_terminal(struct container *c, const struct pollfd *fds)
{
    obey_key(c, console_signal_key(fds, c->terminal_fd, c->pid));
    if (!console_copy(fds, c->terminal_fd))
        c->terminal_fd = -1;
}

static void read_notify(struct container *c)
{
    if (notify_pass(c->notify_fd, c->detach ? c->pid : 0))
        close_fd(&c->notify_fd);
}

/* All that it has said by now, and whether the command runs. */
static void read_words(struct container *c)
{
    struct pollfd words = {.fd = c->socket_fd, .events = POLLIN};
    while (c->socket_fd != -1 && poll(&words, 1, 0) == 1)
        read_socket(c);
}

/*
 * Is there something to do as soon as the command runs? If not, it is enough to
 * hear of it when something else happens: who wakes us just then takes a
 * processor from the command.
 */
static bool waits_for_command(const struct container *c)
{
    const struct spec *spec = c->spec;
    return !c->is_executing || c->detach || spec->process.init ||
           spec->hooks[HOOK_POSTSTART].count || is_verbose();
}

/* Has it come as far as we are to bring it? */
static bool is_on_its_own(const struct container *c)
{
    return (c->create && c->is_ready) ||
           (c->detach && c->socket_fd == -1 && c->is_executing &&
            c->notify_fd == -1);
}

void attend(struct container *c)
{
    self_let_go();
    while (!is_on_its_own(c)) {
        struct pollfd fds[6] = {
            {.fd = c->pidfd, .events = POLLIN},
            {.fd = c->signal_fd, .events = POLLIN},
            {.fd = waits_for_command(c) ? c->socket_fd : -1, .events = POLLIN},
            {.fd = c->notify_fd, .events = POLLIN},
        };
        nfds_t count = 4;
        if (c->terminal_fd != -1)
            count += (nfds_t)console_poll_fds(fds + 4, c->terminal_fd);
        int timeout = c->terminal_fd == -1 ? -1 : console_timeout();
        int ready = poll(fds, count, timeout);
        if (ready == -1 && errno != EINTR)
            die("poll");
        if (ready == 0)
            console_tell_end();
        if (ready <= 0)
            continue;
        /* The socket first: it says whether the command runs already. */
        if (fds[2].revents)
            read_socket(c);
        if (fds[2].fd == -1 || fds[0].revents)
            read_words(c);
        if (fds[1].revents)
            read_signals(c);
        if (fds[3].revents)
            read_notify(c);
        if (count > 4)
            copy_terminal(c, fds + 4);
        if (fds[0].revents)
            return;
    }
}

int wait_for_child(struct container *c)
{
    if (c->terminal_fd != -1)
        console_drain(c->terminal_fd);
    siginfo_t info = {0};
    while (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED) == -1) {
        if (errno != EINTR)
            die("wait for the container");
    }
    c->pid = 0;
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}
