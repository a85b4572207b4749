/*
 * milestones.c - what the parent does when the child has come so far.
 *
 * It may go on; the host's hooks are due; its command runs. A command that
 * nobody could find again must never run. It grew out of the handshake of
 * step06.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/memory.h"
#include "base/report.h"
#include "container/container.h"
#include "container/hooks.h"

/* Who waits for the file sees it when all of it is there: rename(2). What is no
 * plain file, like a pipe, is written to. */
void write_pid_file(const struct container *c)
{
    if (!c->pid_file)
        return;
    struct stat info;
    bool in_place = stat(c->pid_file, &info) == 0 && !S_ISREG(info.st_mode);
    CLEANUP(free_string)
    char *path = in_place ? copy_string(c->pid_file)
                          : print_string("%s.%d", c->pid_file, getpid());
    FILE *file = fopen(path, in_place ? "we" : "wxe");
    bool done = file && fprintf(file, "%d", c->pid) > 0;
    if (file && fclose(file) != 0)
        done = false;
    if (done && (in_place || rename(path, c->pid_file) == 0))
        return;
    int reason = errno;
    if (file && !in_place)
        (void)unlink(path);
    errno = reason;
    die("write %s", c->pid_file);
}

void let_go(const struct container *c)
{
    /* A command that nobody could find again does not run. */
    if (!c->create)
        write_pid_file(c);
    narrate(6, "send(GO): the child may go on");
    if (channel_send(c->socket_fd, MESSAGE_GO, c->pid) == -1 && errno != EPIPE)
        die("tell the child to go on");
}

void container_early_hooks(struct container *c)
{
    (void)hooks_run(c->spec, HOOK_PRESTART, &c->state, STATUS_CREATING, NULL);
    (void)hooks_run(c->spec, HOOK_CREATE_RUNTIME, &c->state, STATUS_CREATING,
                    NULL);
    let_go(c);
}

void container_runs(struct container *c)
{
    if (c->spec->invocation.is_exec)
        return;
    /* Of all others the kernel can tell: state_status(). */
    if (c->spec->process.init)
        state_change(&c->state, STATUS_RUNNING);
    if (hooks_run(c->spec, HOOK_POSTSTART, &c->state, STATUS_RUNNING, NULL) ==
        0)
        return;
    c->failure = EXIT_RUNTIME;
    (void)syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
}
