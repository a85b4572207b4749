/*
 * container.c - the life of a container, seen from the parent.
 *
 *   parent                                child (process 1)
 *   ------                                -----------------
 *   plan                  checked; nothing touched yet
 *   state_create          the state file says what will be made
 *   cgroup_create
 *   clone3 ------------------------------> waits
 *   state_started         process 1 is on record
 *   cgroup_adopt, cgroup_limits, devices_attach
 *   namespaces_write_maps, network_attach
 *   "go" --------------------------------> init.c: the container from inside
 *   <------------------------------------- its terminal, if it wants one
 *   <------------------------------------- end of file: the command runs
 *   pass signals and bytes, wait
 *   undo                  link, cgroup, state
 *
 * What was made is undone whatever happens to us short of SIGKILL. It must
 * never let the child go on after something failed. It grew out of parent()
 * in step01, and the handshake of step06.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console.h"
#include "container.h"
#include "devices.h"
#include "init.h"
#include "namespaces.h"
#include "process.h"
#include "rootfs.h"
#include "seccomp.h"
#include "util.h"

/* Whose traces atexit(3) has to remove. */
static struct container *running;

static int undo(struct cgroup *cgroup, const struct network *network,
                const struct state *state)
{
    /* The cgroup first: while a process lives, its network does too. */
    int result = cgroup_undo(cgroup);
    if (network_undo(network) == -1)
        result = -1;
    /* What remains has to stay on record. */
    if (result == 0 && state_remove(state) == -1)
        result = -1;
    return result;
}

static void undo_running(void)
{
    struct container *c = running;
    if (!c)
        return;
    running = NULL;
    if (c->pid > 0 && c->pidfd != -1) {
        /* We are leaving early: so must everything in there. */
        (void)syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
        siginfo_t info;
        (void)waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED);
    }
    if (undo(&c->cgroup, &c->network, &c->state) == -1)
        warn("container %s: not all of it could be removed", c->id);
}

/* For hosts without a cgroup to kill. The start time tells that it is still
 * the same process, and not another one that got its number. */
static void kill_process(const struct state *state)
{
    CLEANUP(close_fd) int fd = (int)syscall(SYS_pidfd_open, state->pid, 0);
    if (fd == -1 || !state_process_lives(state->pid, state->start_time))
        return;
    (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    (void)poll(&ended, 1, 10000);
}

/* A runtime that still watches the container undoes it by itself now. */
static bool is_undone_by_runtime(struct state *state)
{
    CLEANUP(close_fd)
    int fd = (int)syscall(SYS_pidfd_open, state->runtime_pid, 0);
    if (fd == -1 ||
        !state_process_lives(state->runtime_pid, state->runtime_start))
        return false;
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    if (poll(&ended, 1, 10000) != 1)
        return false;
    struct state again = {0};
    return state_load(&again, state->root, state->id) == -1 && errno == ENOENT;
}

int container_delete(struct state *state)
{
    if (state->pid > 0)
        kill_process(state);
    if (state->runtime_pid > 0 && is_undone_by_runtime(state))
        return 0;
    struct cgroup cgroup;
    struct network network;
    cgroup_reopen(&cgroup, state->cgroup_path, state->scope);
    network_reopen(&network, state->link, state->bridge);
    return undo(&cgroup, &network, state);
}

/* Everything that can be wrong, and is not our doing, shows here. */
static void plan(struct container *c)
{
    rootfs_check(c->spec);
    seccomp_prepare(c->spec);
    namespaces_open(c->spec, c->namespace_fds);
    cgroup_plan(&c->cgroup, c->spec, c->id);
    network_plan(&c->network, c->spec);
}

static void record(struct container *c)
{
    struct state *s = &c->state;
    s->root = copy_string(c->state_root);
    s->id = copy_string(c->id);
    s->bundle = copy_string(c->spec->bundle);
    s->root_path = copy_string(c->spec->root_path);
    if (c->cgroup.path)
        s->cgroup_path = copy_string(c->cgroup.path);
    if (c->cgroup.scope)
        s->scope = copy_string(c->cgroup.scope);
    if (*c->network.link) {
        s->link = copy_string(c->network.link);
        s->bridge = copy_string(c->network.bridge);
    }
    state_create(s);
    running = c;
    if (atexit(undo_running) != 0)
        die("register the undo function");
}

/*
 * Signals must find us where we can clean up: so they wait, blocked, until we
 * read them from a descriptor: signalfd(2). Those that stop a process keep
 * their usual effect on us.
 */
static void catch_signals(struct container *c)
{
    /* A caller may have left it ignored: then waiting would find nothing. */
    (void)signal(SIGCHLD, SIG_DFL);
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

/*
 * To show what private mounts prevent without hurting the host, its mounts are
 * copied first: what leaks goes to the copy.
 */
static void sacrifice_mounts(void)
{
    if (!without("private"))
        return;
    if (unshare(CLONE_NEWNS) == -1 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
        mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) == -1)
        die("copy the mounts, to show how they leak");
}

/*
 * clone3(2) does four things at once: a process, its namespaces, its place in
 * the cgroup (moving it later is slow), and a descriptor that means this
 * process and no later one with the same number: pidfd_open(2).
 */
static void start(struct container *c)
{
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) == -1)
        die("make a pair of sockets");
    c->socket_fd = sockets[0];
    c->child_socket_fd = sockets[1];
    sacrifice_mounts();
    namespaces_before_clone(c->spec, c->namespace_fds);
    struct clone_args args = {
        .flags = namespaces_clone_flags(c->spec) | CLONE_PIDFD,
        .pidfd = (uintptr_t)&c->pidfd,
        .exit_signal = SIGCHLD,
    };
    if (c->cgroup.fd != -1) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)c->cgroup.fd;
    }
    c->pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (c->pid == -1)
        die("clone3 (%s)", c->spec->rootless
                               ? "are user namespaces allowed here?"
                               : "is a limit of namespaces reached?");
    if (c->pid > 0) {
        narrate(2, "clone3() = %d # unshare --fork ...", c->pid);
        close_fd(&c->child_socket_fd);
        return;
    }
    become_child();
    close_fd(&c->socket_fd);
    CLEANUP(free_string) char *scratch = join_path(c->state_root, c->id);
    init_run(&(struct init_plan){
        .spec = c->spec,
        .socket_fd = c->child_socket_fd,
        .namespace_fds = c->namespace_fds,
        .scratch_path = scratch,
    });
}

static void write_pid_file(const struct container *c)
{
    if (!c->pid_file)
        return;
    FILE *file = fopen(c->pid_file, "we");
    if (!file || fprintf(file, "%d", c->pid) < 0 || fclose(file) != 0)
        die("write %s", c->pid_file);
}

static void let_go(const struct container *c)
{
    narrate(6, "send(\"go\"): the child may go on");
    if (send(c->socket_fd, "g", 1, MSG_NOSIGNAL) == -1 && errno != EPIPE)
        die("tell the child to go on");
}

/*
 * The kernel drops a signal for process 1 of a PID namespace if it has no
 * handler. The sender meant to end the command: so end it, with the one signal
 * that always works. pid_namespaces(7).
 */
static bool would_be_dropped(const struct container *c, int number)
{
    if (!spec_makes(c->spec, NS_PID) || c->spec->process.init)
        return false; /* our own process 1 hears everything */
    CLEANUP(free_string) char *path = print_string("/proc/%d/status", c->pid);
    CLEANUP(free_string) char *status = read_file_at(AT_FDCWD, path);
    static const char *const lines[] = {"\nSigBlk:", "\nSigIgn:", "\nSigCgt:"};
    for (size_t i = 0; status && i < ARRAY_SIZE(lines); i++) {
        const char *line = strstr(status, lines[i]);
        uint64_t set = 0;
        if (line && sscanf(line + 9, "%" SCNx64, &set) == 1 &&
            set >> (number - 1) & 1)
            return false;
    }
    switch (number) {
    case SIGCONT:
    case SIGURG:
    case SIGWINCH:
        return false; /* nothing happens by default */
    default:
        return true;
    }
}

static void pass_signal(const struct container *c, int number)
{
    if (number == SIGCHLD)
        return;
    if (number == SIGWINCH && c->terminal_fd != -1) {
        console_resize(c->terminal_fd);
        return;
    }
    bool has_started = c->socket_fd == -1;
    if (!has_started || would_be_dropped(c, number))
        number = SIGKILL;
    /* It may have ended a moment ago. */
    (void)syscall(SYS_pidfd_send_signal, c->pidfd, number, NULL, 0);
}

static void read_signals(const struct container *c)
{
    struct signalfd_siginfo info;
    while (read(c->signal_fd, &info, sizeof(info)) == sizeof(info))
        pass_signal(c, (int)info.ssi_signo);
}

/* The terminal arrives, or the socket ends because the command runs now. */
static void read_socket(struct container *c)
{
    int fd = console_receive(c->socket_fd);
    if (fd == -1) {
        close_fd(&c->socket_fd);
        c->socket_fd = -1;
        return;
    }
    c->terminal_fd = fd;
    console_start(c->spec, fd);
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

/* Pass on what comes, until process 1 has ended: its pidfd is readable then.
 */
static void attend(struct container *c)
{
    for (;;) {
        struct pollfd fds[5] = {
            {.fd = c->pidfd, .events = POLLIN},
            {.fd = c->signal_fd, .events = POLLIN},
            {.fd = c->socket_fd, .events = POLLIN},
        };
        nfds_t count = 3;
        if (c->terminal_fd != -1)
            count += (nfds_t)console_poll_fds(fds + 3, c->terminal_fd);
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
        if (fds[1].revents)
            read_signals(c);
        if (count > 3)
            copy_terminal(c, fds + 3);
        if (fds[0].revents)
            return;
    }
}

static int wait_for_end(struct container *c)
{
    attend(c);
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

/* "killed" is all that the exit status says; the kernel knows more. */
static void report_oom_kill(const struct container *c, int status)
{
    struct cgroup_stats stats;
    if (status != 128 + SIGKILL || !c->cgroup.path)
        return;
    cgroup_read_stats(&c->cgroup, &stats);
    if (stats.oom_kills > 0)
        warn("the container used more than its memory.max: oom_kill %" PRId64,
             stats.oom_kills);
}

int container_run(struct container *c)
{
    plan(c);
    catch_signals(c);
    record(c);
    cgroup_create(&c->cgroup);
    start(c);
    state_started(&c->state, c->pid);
    cgroup_adopt(&c->cgroup, c->spec, c->pid);
    cgroup_limits(&c->cgroup, c->spec);
    devices_attach(c->cgroup.fd, c->spec);
    write_pid_file(c);
    process_limits(c->spec, c->pid);
    namespaces_write_maps(c->spec, c->pid);
    network_attach(&c->network, c->spec, c->pid);
    let_go(c);
    int status = wait_for_end(c);
    report_oom_kill(c, status);
    return status;
}
