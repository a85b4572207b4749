/*
 * terminal.c - the terminal of a container whose process 1 we are not.
 *
 * Keys such as Ctrl-C are signals to a process group; process 1 of a PID
 * namespace hears only those that it has asked for. pid_namespaces(7), tty(4)
 */
#define _GNU_SOURCE

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

/* Which group of processes gets the terminal's keys? tcsetpgrp(3) */
static void set_foreground(pid_t group)
{
    signal(SIGTTOU, SIG_IGN); /* what who is not in front gets for this */
    (void)tcsetpgrp(STDIN_FILENO, group);
    signal(SIGTTOU, SIG_DFL);
}

/*
 * Process groups are numbered as processes are, and the one in front of the
 * terminal, ours, has no number in the new namespace; a shell could not give
 * the terminal back to it. So the container gets a group of its own in front.
 */
void take_terminal(const struct container *c)
{
    if (!c->group)
        return;
    (void)setpgid(0, 0); /* the parent may have done it for us */
    set_foreground(getpid());
}

/* What /proc/PID/status says: the state, and sets of signals. proc(5) */
struct hearing {
    char state; /* R runs, S sleeps until something comes, T is stopped */
    uint64_t blocked; /* kept for later */
    uint64_t handled; /* or ignored */
};

static struct hearing look_at_hearing(pid_t pid)
{
    struct hearing hearing = {0};
    char path[64];
    char line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "State:\t", 7) == 0)
            hearing.state = line[7];
        if (strncmp(line, "SigBlk:", 7) == 0)
            hearing.blocked = strtoull(line + 7, NULL, 16);
        if (strncmp(line, "SigIgn:", 7) == 0 ||
            strncmp(line, "SigCgt:", 7) == 0)
            hearing.handled |= strtoull(line + 7, NULL, 16);
    }
    if (file)
        fclose(file);
    return hearing;
}

/*
 * Would the child notice this signal? As process 1 it gets only what it has a
 * handler for, or blocks and waits for as we do; the kernel drops the rest:
 * pid_namespaces(7). Whoever waits for a signal sleeps. A shell that is about
 * to fork blocks all for a moment, and hears none: then look again. If it stays
 * so, the key has stopped the child that it waits for in vfork(2).
 */
bool is_deaf(const struct container *c, int signal)
{
    uint64_t bit = UINT64_C(1) << (signal - 1);
    struct hearing hearing = {0};
    for (int looks = 0; looks < 1000; looks++) {
        hearing = look_at_hearing(c->pid);
        if (hearing.handled & bit)
            return false;
        if (!(hearing.blocked & bit))
            return true;
        if (hearing.state == 'S' || hearing.state == 'T')
            return false;
        usleep(1000);
    }
    return hearing.state == 'D';
}

/*
 * The leader of a session can't leave its group: setpgid(2). If we are one, as
 * the first program of a new terminal is, a child of ours goes in front to hear
 * Ctrl-C and Ctrl-\, and hands them on to us.
 */
static void send_ear(struct container *c)
{
    pid_t parent = getpid();
    c->ear = fork();
    if (c->ear == -1)
        die("fork");
    if (c->ear > 0)
        return;
    close(c->sync_fd[0]); /* the lifeline is the parent's alone */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpgid(0, c->pid); /* fails if the container has just ended */
    while (getppid() == parent) {
        int signal = sigwaitinfo(&c->signals, NULL);
        if (signal == SIGINT || signal == SIGQUIT)
            kill(parent, signal);
    }
    _exit(EXIT_SUCCESS);
}

static void dismiss_ear(struct container *c)
{
    if (!c->ear)
        return;
    kill(c->ear, SIGKILL);
    waitpid(c->ear, NULL, 0);
    c->ear = 0;
}

/* Join the container's group in front, to hear the keys as it does. */
void share_terminal(struct container *c)
{
    if (!c->group)
        return;
    (void)setpgid(c->pid, c->pid); /* whoever is first, it or us */
    set_foreground(c->pid);
    if (setpgid(0, c->pid) == -1)
        send_ear(c);
}

void leave_terminal(struct container *c)
{
    if (!c->group)
        return;
    dismiss_ear(c);
    (void)setpgid(0, c->group);
    set_foreground(c->group);
}

/* Ctrl-Z: stop the container, then ourselves, until the caller's fg. */
void suspend(struct container *c)
{
    leave_terminal(c);
    kill(c->pid, SIGSTOP);
    raise(SIGSTOP);
    share_terminal(c);
    kill(c->group ? -c->pid : c->pid, SIGCONT);
}
