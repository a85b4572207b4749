/*
 * signals.c - signals that come while a container is made, or runs.
 *
 * None may be lost, and none may end us where we cannot clean up. It grew out
 * of block_signals() in step01.
 */
#define _GNU_SOURCE

#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/report.h"
#include "container/container.h"

/*
 * Signals must find us where we can clean up: so they wait, blocked, until we
 * read them from a descriptor: signalfd(2). Those that stop a process keep
 * their usual effect on us.
 */
void block_signals(struct container *c)
{
    sigset_t signals;
    sigfillset(&signals);
    sigdelset(&signals, SIGTSTP);
    sigdelset(&signals, SIGTTIN);
    sigdelset(&signals, SIGTTOU);
    if (sigprocmask(SIG_SETMASK, &signals, NULL) == -1)
        die("block signals");
    c->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (c->signal_fd == -1)
        die("make a signalfd");
}

/* Those that do nothing to a process without a handler. */
bool is_harmless(int number)
{
    return number == SIGCHLD || number == SIGCONT || number == SIGURG ||
           number == SIGWINCH;
}

bool told_to_end(const struct container *c)
{
    struct signalfd_siginfo info;
    while (read(c->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (!is_harmless((int)info.ssi_signo))
            return true;
    }
    return false;
}
