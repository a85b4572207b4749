/*
 * demo.c - a container, one kernel feature at a time.
 *
 *   step01  run a program and report how it ended    fork(2), execve(2)
 *
 * Read it from main, at the end, upwards: every function stands below those
 * that it calls. What has a file of its own is listed in demo.h. Try it with
 * -v, which narrates the kernel calls that matter.
 */
#define _GNU_SOURCE

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

/* The signals that the parent waits for are the program's to handle again. */
static void unblock_signals(const struct container *c)
{
    if (sigprocmask(SIG_UNBLOCK, &c->signals, NULL) == -1)
        die("sigprocmask");
}

/* What the new process does, in this order, to become the container. */
__attribute__((noreturn)) static void child(struct container *c)
{
    unblock_signals(c);
    run_program(c);
}

/*
 * From now on signals wait until we ask for them, in wait_for_child: none is
 * lost, none interrupts a call half-way. sigprocmask(2), signal(7)
 */
static void block_signals(struct container *c)
{
    static const int signals[] = {
        SIGCHLD, /* the child has ended, stopped or continued */
        SIGHUP, /* the terminal has gone */
        SIGINT, /* Ctrl-C */
        SIGQUIT, /* Ctrl-\ */
        SIGTERM, /* please end */
        SIGUSR1, /* for the program to give a meaning */
        SIGUSR2, /* the same */
    };
    sigemptyset(&c->signals);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        sigaddset(&c->signals, signals[i]);
    /* Our caller may have left SIGCHLD ignored: no zombies, so no status. */
    signal(SIGCHLD, SIG_DFL);
    if (sigprocmask(SIG_BLOCK, &c->signals, NULL) == -1)
        die("sigprocmask");
}

/*
 * Start the child. It has a copy of all we have, and goes on from here.
 */
static void start(struct container *c)
{
    c->pid = fork();
    if (c->pid == -1)
        die("start a process");
    if (c->pid == 0)
        child(c);
    narrate(c, "fork() = %d, my parent is %d   # command &", c->pid, getppid());
}

/*
 * Hand a signal to the child. A key such as Ctrl-C sends it to all processes
 * in the terminal's foreground, the child among them: don't send it twice.
 */
static void pass_on(const struct container *c, const siginfo_t *info)
{
    int signal = info->si_signo;
    if (info->si_code == SI_KERNEL)
        return;
    narrate(c, "kill(%d, %d)   # kill -%d %d", c->pid, signal, signal, c->pid);
    kill(c->pid, signal); /* it may be gone already */
}

/* Ask what has become of the child, without waiting: waitpid(2) */
static void collect(struct container *c)
{
    int status = 0;
    while (!c->ended) {
        pid_t changed =
            waitpid(c->pid, &status, WNOHANG | WUNTRACED | WCONTINUED);
        if (changed == -1)
            die("ask what has become of process %d", c->pid);
        if (changed == 0)
            return;
        if (WIFSTOPPED(status)) {
            narrate(c, "waitpid: stopped by signal %d   # kill -CONT %d",
                    WSTOPSIG(status), c->pid);
        } else if (WIFCONTINUED(status)) {
            narrate(c, "waitpid: continued");
        } else if (WIFSIGNALED(status)) {
            c->status = EXIT_SIGNALLED + WTERMSIG(status);
            c->ended = true;
            narrate(c, "waitpid: killed by signal %d", WTERMSIG(status));
        } else {
            c->status = WEXITSTATUS(status);
            c->ended = true;
            narrate(c, "waitpid: exited with status %d", c->status);
        }
    }
}

/* Sleep until a signal comes; until the child has ended. sigwaitinfo(2) */
static void wait_for_child(struct container *c)
{
    narrate(c, "sigwaitinfo(SIGCHLD)   # wait %d", c->pid);
    while (!c->ended) {
        siginfo_t info;
        int signal = sigwaitinfo(&c->signals, &info);
        if (signal == SIGCHLD)
            collect(c);
        else if (signal > 0)
            pass_on(c, &info);
    }
}

/* What the parent does while the child is, or becomes, the container. */
static void parent(struct container *c)
{
    wait_for_child(c);
}

int main(int argc, char **argv)
{
    static struct container container; /* zeroed, and there to the very end */
    parse_options(&container, argc, argv);
    if (!container.argv[0])
        return demonstrate(container.chapter, !container.no_pause);
    block_signals(&container);
    start(&container);
    parent(&container);
    return container.status;
}
