/*
 * process.c - what the command is allowed, who it is, and its start.
 *
 * Each function is a step of the child's way from "a copy of rung" to the
 * command; container/init.c says in which order, and why. It must never hand
 * over an open file or a privilege that the spec does not name. New in step07.
 */
#define _GNU_SOURCE

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/safeguards.h"
#include "process/process.h"

/*
 * Only the host's root may raise a hard limit, and in a user namespace the
 * child is not that. It lowers the limits itself, when it needs them no more:
 * with no file allowed it could not set up anything.
 */
void process_limits(const struct spec *spec, pid_t pid)
{
    for (size_t i = 0; i < spec->process.rlimit_count; i++) {
        const struct rlimit_spec *r = &spec->process.rlimits[i];
        struct rlimit limit;
        if (prlimit(pid, r->resource, NULL, &limit) == -1)
            die("read %s", r->name);
        if (limit.rlim_max >= r->limit.rlim_max)
            continue;
        limit.rlim_max = r->limit.rlim_max;
        if (prlimit(pid, r->resource, &limit, NULL) == -1)
            die("raise %s to %ju (%s)", r->name, (uintmax_t)limit.rlim_max,
                r->resource == RLIMIT_NOFILE
                    ? "only root may, up to /proc/sys/fs/nr_open"
                    : "only root may");
    }
}

void process_lower_limits(const struct spec *spec)
{
    for (size_t i = 0; i < spec->process.rlimit_count; i++) {
        const struct rlimit_spec *r = &spec->process.rlimits[i];
        if (setrlimit(r->resource, &r->limit) == -1)
            die("set %s", r->name);
    }
}

void process_oom_score(const struct spec *spec, pid_t pid)
{
    if (!spec->process.has_oom_score_adj)
        return;
    CLEANUP(close_fd) int fd = open_procfs();
    CLEANUP(free_string) char *path = print_string("%d/oom_score_adj", pid);
    char text[16];
    snprintf(text, sizeof(text), "%d", spec->process.oom_score_adj);
    if (write_file_at(fd, path, text) == -1)
        die("write %s to /proc/%s", text, path);
}

/*
 * The kernel kills us when the parent dies, but not if it died before we asked:
 * then its end of the socket is closed. Asked twice, because a change of ids
 * takes the wish back: prctl(2), PR_SET_PDEATHSIG.
 */
void die_with_parent(int socket_fd)
{
    if (without("death-signal"))
        return;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
        die("ask to be killed when the parent dies");
    struct pollfd parent = {.fd = socket_fd};
    if (poll(&parent, 1, 0) == -1)
        die("look whether the parent lives");
    if (parent.revents & (POLLHUP | POLLERR))
        _exit(EXIT_RUNTIME); /* and nobody to tell */
}

/*
 * A session of its own: no process in it can reach the caller's terminal by
 * TIOCSTI or job control. And a session keyring of its own: keyrings(7).
 */
void process_session(const struct spec *spec)
{
    if (setsid() == -1)
        die("setsid");
    if (spec->invocation.no_new_keyring || without("keyring"))
        return;
    narrate(7, "keyctl(JOIN_SESSION_KEYRING) # keyctl session");
    if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) == -1 &&
        errno != ENOSYS) /* a kernel without keyrings has none to share */
        die("make a session keyring");
}

/*
 * Until execve(2), our memory and open files are the runtime's: nobody in a
 * shared PID namespace may attach to us or open /proc/PID/fd.
 */
void process_hide(void)
{
    if (!without("dumpable") && prctl(PR_SET_DUMPABLE, 0) == -1)
        die("make ourselves undumpable");
}

/*
 * The directory is made if it is missing, for the first process. getcwd(3)
 * fails, or starts with
 * "(unreachable)", if a trick got us outside the root.
 */
void process_directory(const struct spec *spec)
{
    const char *cwd = spec->process.cwd;
    int result = chdir(cwd);
    if (result == -1 && errno == ENOENT && !spec->invocation.is_exec) {
        /* We are inside the root now: every path stays in it. */
        CLEANUP(free_string) char *path = copy_string(cwd);
        for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
            *p = '\0';
            (void)mkdir(path, 0755); /* chdir will tell */
            *p = '/';
        }
        (void)mkdir(path, 0755);
        result = chdir(cwd);
    }
    if (result == -1)
        die("change to the working directory %s", cwd);
    char *path = getcwd(NULL, 0);
    if (!path && errno != ENOENT)
        die("find the working directory %s", cwd);
    if (!path || path[0] != '/')
        fail("the working directory %s is outside the root", cwd);
    free(path);
}

/* setgroups "deny" means that nobody here may set groups, for good. */
static bool may_set_groups(void)
{
    CLEANUP(free_string)
    char *text = read_file_at(AT_FDCWD, "/proc/self/setgroups");
    return !text || strncmp(text, "deny", 4) != 0;
}

static void set_groups(const struct process_spec *p)
{
    if (without("groups") || p->keep_groups)
        return;
    if (setgroups(p->groups.count, p->groups.ids) == 0)
        return;
    if (errno == EPERM && p->groups.count == 0 && !may_set_groups())
        return; /* the caller's groups stay: the kernel insists */
    die("set the supplementary groups");
}

/*
 * The order matters: after setresuid(2) we could set no groups any more.
 * PR_SET_KEEPCAPS keeps the permitted set over it, for capabilities_set().
 */
void process_ids(const struct spec *spec)
{
    const struct process_spec *p = &spec->process;
    narrate(7, "setgroups, setresgid(%u), setresuid(%u) # setpriv --reuid %u",
            p->gid, p->uid, p->uid);
    if (prctl(PR_SET_KEEPCAPS, 1) == -1)
        die("keep the capabilities");
    set_groups(p);
    if (setresgid(p->gid, p->gid, p->gid) == -1)
        die("become group %u", p->gid);
    if (setresuid(p->uid, p->uid, p->uid) == -1)
        die("become user %u", p->uid);
    if (prctl(PR_SET_KEEPCAPS, 0) == -1)
        die("stop keeping the capabilities");
    umask(p->umask);
}

/* execve(2) of a set-user-ID program gives no privileges any more, for this
 * process and all that come from it. */
void process_no_new_privs(const struct spec *spec)
{
    if (!spec->process.no_new_privs || without("no-new-privs"))
        return;
    narrate(7, "prctl(PR_SET_NO_NEW_PRIVS) # setpriv --no-new-privs");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
        die("set no_new_privs");
}

/* Bit N-1: signal N may be ignored. So may all, until somebody has looked. */
static uint64_t ignored = UINT64_MAX;

bool process_read_signals(const char *status, const char *name, uint64_t *set)
{
    const char *line = strstr(status, name);
    return line && sscanf(line + strlen(name), "%" SCNx64, set) == 1;
}

void find_ignored_signals(void)
{
    CLEANUP(free_string)
    char *status = read_file_at(AT_FDCWD, "/proc/self/status");
    if (status)
        (void)process_read_signals(status, "\nSigIgn:", &ignored);
}

void unblock_signals(void)
{
    /* The kernel's struct sigaction, with SIG_DFL. A C library's function would
     * leave out the signals that it keeps for itself: rt_sigaction(2). */
    static const unsigned long by_default[8];
    sigset_t none;
    sigemptyset(&none);
    for (int i = 1; i < NSIG; i++)
        if (ignored >> (i - 1) & 1 &&
            syscall(SYS_rt_sigaction, i, by_default, NULL, NSIG / 8) == -1 &&
            errno != EINVAL)
            die("reset signal %d", i); /* (KILL and STOP cannot be set) */
    if (sigprocmask(SIG_SETMASK, &none, NULL) == -1)
        die("unblock the signals");
}

/* The command is the terminal's foreground group: Ctrl-C goes to it alone. */
static pid_t start_command(const struct spec *spec, char **env)
{
    pid_t pid = fork();
    if (pid == -1)
        die("fork");
    if (pid > 0)
        return pid;
    (void)setpgid(0, 0);
    if (spec->process.terminal) {
        signal(SIGTTOU, SIG_IGN);
        (void)tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
    }
    unblock_signals();
    process_name_listener(spec, env);
    run_program(spec, env);
}

/*
 * Process 1 has two duties: to collect whoever dies without a parent, and to
 * have a handler for the signals that are to arrive. Most programs know
 * neither; this loop does both for them: pid_namespaces(7).
 */
void process_init(const struct spec *spec, char **env)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "rung-init");
    pid_t command = start_command(spec, env);
    /* No execve(2) will close the socket, whose end tells that all is well, nor
     * what else is open: in /proc/1/fd the command could reach it. */
    if (close_range(3, ~0U, 0) == -1) {
        (void)kill(command, SIGKILL);
        die("close the runtime's files in process 1");
    }
    for (;;) {
        siginfo_t info;
        int number = sigwaitinfo(&all, &info);
        if (number > 0 && number != SIGCHLD)
            (void)kill(command, number); /* it may have just ended */
        if (number != SIGCHLD)
            continue;
        int status;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
            if (pid == command && WIFEXITED(status))
                _exit(WEXITSTATUS(status));
            if (pid == command)
                _exit(128 + WTERMSIG(status));
        }
    }
}
