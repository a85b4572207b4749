/*
 * demo.c - a container, one kernel feature at a time.
 *
 *   step01  run a program and report how it ended    fork(2), execve(2)
 *   step02  make it process 1                        pid_namespaces(7)
 *   step03  give it a hostname                       uts_namespaces(7)
 *
 * Read it from main, at the end, upwards: every function stands below those
 * that it calls. What has a file of its own is listed in demo.h. Try it with
 * -v, which narrates the kernel calls that matter.
 */
#define _GNU_SOURCE

#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

/*
 * When the demo dies, even of SIGKILL, the container dies with it: it is our
 * child, and as process 1 it takes its whole PID namespace along. But if the
 * demo died before we asked, nothing would come any more: then its end of the
 * lifeline is closed. (getppid(2) is 0 in here in any case.) A command that
 * changes its user takes the wish back. prctl(2), PR_SET_PDEATHSIG; poll(2)
 */
static void die_with_parent(const struct container *c)
{
    struct pollfd parent = {.fd = c->sync_fd[1]};
    close(c->sync_fd[0]);
    narrate(c, "prctl(PR_SET_PDEATHSIG, SIGKILL)   # setpriv --pdeathsig KILL");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
        die("prctl PR_SET_PDEATHSIG");
    int gone = poll(&parent, 1, 0);
    if (gone == -1)
        die("look whether the parent lives");
    if (gone)
        _exit(EXIT_DEMO_FAILED); /* and nobody to tell */
}

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
    die_with_parent(c);
    set_hostname(c);
    take_terminal(c);
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
        SIGTSTP, /* Ctrl-Z */
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
 * Two connected sockets, one for each of us; execve closes the child's. When a
 * process ends, however it ends, the kernel closes its own. socketpair(2)
 */
static void make_lifeline(struct container *c)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->sync_fd) == -1)
        die("socketpair");
}

/* The raw system call: glibc has no wrapper. It returns twice, like fork. */
static pid_t clone3(struct clone_args *args)
{
    return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

/*
 * Start the child. It has a copy of all we have, and goes on from here.
 * exit_signal: how we hear that it ended, which fork always sets to SIGCHLD.
 */
static void start(struct container *c)
{
    c->clone.exit_signal = SIGCHLD;
    if (tcgetpgrp(STDIN_FILENO) == getpgrp())
        c->group = getpgrp();
    c->pid = clone3(&c->clone); /* fork(2), with a say in what is new */
    if (c->pid == -1)
        die("start a process");
    if (c->pid == 0)
        child(c);
    narrate(c, "clone3() = %d, my parent is %d   # unshare --pid --fork",
            c->pid, getppid());
}

/*
 * Hand a signal to the child. A key such as Ctrl-C sends it to all processes
 * in the terminal's foreground, the child among them: don't send it twice.
 */
static void pass_on(const struct container *c, const siginfo_t *info)
{
    int signal = info->si_signo;
    if (is_deaf(c, signal)) {
        narrate(c, "kill(%d, SIGKILL), as it is deaf to signal %d   # kill -9",
                c->pid, signal);
        kill(c->pid, SIGKILL); /* it may be gone already */
        return;
    }
    if (info->si_code == SI_KERNEL)
        return;
    if (c->ear && info->si_pid == c->ear) /* so the child heard it as well */
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
        else if (signal == SIGTSTP && is_deaf(c, SIGTSTP))
            suspend(c);
        else if (signal > 0)
            pass_on(c, &info);
    }
}

/* What the parent does while the child is, or becomes, the container. */
static void parent(struct container *c)
{
    share_terminal(c);
    wait_for_child(c);
    leave_terminal(c);
}

int main(int argc, char **argv)
{
    static struct container container; /* zeroed, and there to the very end */
    parse_options(&container, argc, argv);
    if (!container.argv[0])
        return demonstrate(container.chapter, !container.no_pause);
    block_signals(&container);
    make_lifeline(&container);
    want_pid_namespace(&container);
    want_uts_namespace(&container);
    start(&container);
    parent(&container);
    return container.status;
}
