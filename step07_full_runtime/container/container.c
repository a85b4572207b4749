/*
 * container.c - the life of a container, seen from the parent.
 *
 *   parent                                child (process 1)
 *   ------                                -----------------
 *   plan                  checked; nothing touched yet
 *   state_create          the state file says what will be made
 *   make_cgroup
 *   clone3 ------------------------------> mounts, unless it needs us first
 *   state_process         process 1 is on record
 *   cgroup_adopt, cgroup_limits, devices_attach
 *   maps, network
 *   GO ----------------------------------> init.c: the container from inside
 *   <------------------------------ HOOKS  if there are some for us
 *   prestart, createRuntime
 *   GO ----------------------------------> createContainer, pivot_root
 *   <--------------------------- TERMINAL  if it wants one
 *   <------------------------------ READY  created: waits for `start`
 *   <-------------------------- EXECUTING  nothing but execve(2) is left
 *   <------------------------- end of file the command runs
 *   pass signals and bytes, wait
 *   undo                  cgroup, link, state, hooks poststop
 *
 * `create` ends at READY, a detached `run` at the end of file. What was made
 * is undone whatever happens to us short of SIGKILL. It must never let the
 * child go on after something failed. It grew out of parent() in step01, and
 * the handshake of step06.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/safeguards.h"
#include "cgroup/devices.h"
#include "container/container.h"
#include "container/hooks.h"
#include "container/notify.h"
#include "network/netdevices.h"
#include "process/lsm.h"
#include "process/namespaces.h"
#include "process/open_files.h"
#include "process/process.h"
#include "process/scheduling.h"
#include "rootfs/host_files.h"
#include "rootfs/mounts.h"
#include "rootfs/rootfs.h"
#include "seccomp/seccomp.h"

/* Whose traces atexit(3) has to remove. */
static struct container *running;

static int undo(struct cgroup *cgroup, const struct network *network,
                const struct state *state)
{
    /* The cgroup first: while a process lives, its network does too. */
    int result = cgroup_undo(cgroup);
    if (detach_network(network) == -1)
        result = -1;
    /* What remains has to stay on record. */
    if (result == 0 && state_remove(state) == -1)
        result = -1;
    return result;
}

/* We are leaving early: so must the process, and everything in there. */
static void kill_running(const struct container *c)
{
    siginfo_t info;
    if (c->pid <= 0 || c->pidfd == -1)
        return;
    (void)syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
    (void)waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED);
}

static void undo_running(void)
{
    struct container *c = running;
    if (!c)
        return;
    running = NULL;
    kill_running(c);
    if (c->spec->invocation.is_exec)
        return;
    if (undo(&c->cgroup, &c->network, &c->state) == -1)
        warn("container %s: not all of it could be removed (rung delete "
             "--force %s tries again)",
             c->id, c->id);
    (void)hooks_run(c->spec, HOOK_POSTSTOP, &c->state, STATUS_STOPPED, NULL);
}

/*
 * For hosts without a cgroup to kill. The start time tells that it is still
 * the same process, and not another one that got its number. It may not come
 * to its end, for want of a parent that waits: state_process_lives().
 */
static void kill_process(const struct state *state)
{
    CLEANUP(close_fd) int fd = state_open_process(state);
    if (fd == -1)
        return;
    (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    int looks = 0; /* at one that runs nothing any more */
    for (int i = 0; i < 500 && poll(&ended, 1, 20) != 1 && looks < 10; i++)
        looks += !state_process_lives(state->pid, state->start_time);
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

/* After the container is gone, as the specification has it. Its hooks must
 * not keep it from going, so config.json is only looked at then. */
static void run_last_hooks(const struct state *state, json_t *config)
{
    if (!json_object_get(config, "hooks"))
        return;
    struct invocation invocation = {.id = state->id};
    (void)hooks_run(spec_parse(config, state->bundle, &invocation),
                    HOOK_POSTSTOP, state, STATUS_STOPPED, NULL);
}

int container_delete(struct state *state)
{
    if (state->pid > 0)
        kill_process(state);
    if (state->runtime_pid > 0 && is_undone_by_runtime(state))
        return 0;
    json_t *config = state->pid > 0 ? state_config(state) : NULL;
    struct cgroup cgroup;
    struct network network;
    cgroup_reopen(&cgroup, state->cgroup_path, state->scope);
    network_reopen(&network, state->link, state->bridge);
    if (undo(&cgroup, &network, state) == -1)
        return -1;
    run_last_hooks(state, config);
    return 0;
}

void container_prepare(struct container *c, const struct spec *spec,
                       const char *root, const char *id)
{
    *c = (struct container){
        .spec = spec,
        .filter = seccomp_prepare(spec),
        .state_root = root,
        .id = id,
        .pidfd = -1,
        .socket_fd = -1,
        .child_socket_fd = -1,
        .start_fd = -1,
        .signal_fd = -1,
        .notify_fd = -1,
        .terminal_fd = -1,
        .cgroup = {.fd = -1},
    };
    for (size_t i = 0; i < NS_COUNT; i++)
        c->namespace_fds[i] = -1;
}

/* Everything that can be wrong, and is not our doing, shows here. */
static void plan(struct container *c)
{
    files_close_callers(c->spec);
    rootfs_check(c->spec);
    lsm_check(c->spec);
    namespaces_open(c->spec, c->namespace_fds);
    CLEANUP(close_fd)
    int maps_fd = namespaces_open_maps(c->spec, c->namespace_fds);
    rootfs_prepare(&c->sources, c->spec, maps_fd);
    mounts_prepare(&c->sources, c->spec, maps_fd);
    cgroup_plan(&c->cgroup, c->spec, c->id);
    network_plan(&c->network, c->spec);
    netdevices_check(c->spec);
}

void undo_at_exit(struct container *c)
{
    running = c;
    if (atexit(undo_running) != 0)
        die("register the undo function");
}

static void record(struct container *c)
{
    struct state *s = &c->state;
    s->root = copy_string(c->state_root);
    s->id = copy_string(c->id);
    s->bundle = copy_string(c->spec->bundle);
    s->root_path = copy_string(c->spec->root_path);
    s->cgroup_path = copy_string(c->cgroup.path);
    s->scope = copy_string(c->cgroup.scope);
    if (*c->network.link) {
        s->link = copy_string(c->network.link);
        s->bridge = copy_string(c->network.bridge);
    }
    state_create(s);
    undo_at_exit(c);
}

/* A created container says READY=1 to `start`. */
static void open_notify_socket(struct container *c)
{
    if (!notify_is_wanted())
        return;
    CLEANUP(free_string) char *directory = join_path(c->state_root, c->id);
    notify_make(directory);
    if (!c->create)
        c->notify_fd = notify_listen(directory);
}

/* Where `start` will find the process that waits for it. */
static void open_start_socket(struct container *c)
{
    if (!c->create)
        return;
    CLEANUP(free_string)
    char *path = print_string("%s/%s/" START_SOCKET, c->state_root, c->id);
    narrate(7, "bind(\"%s\")", path);
    c->start_fd = channel_listen(path, SOCK_SEQPACKET);
    if (c->start_fd == -1)
        die("listen at %s", path);
}

/*
 * To show what private mounts prevent without hurting the host, its mounts are
 * copied first: what leaks goes to the copy.
 */
static void sacrifice_mount_namespace(void)
{
    if (!without("private"))
        return;
    if (unshare(CLONE_NEWNS) == -1 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
        mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) == -1)
        die("copy the mounts, to show how they leak");
}

/*
 * New namespaces belong to the user namespace of whoever makes them; and if
 * they did not belong to the one that the container joins, its root could
 * mount nothing.
 */
static void join_user(struct container *c)
{
    namespaces_before_clone(c->spec, c->namespace_fds);
    namespaces_join_early(c->namespace_fds);
    namespaces_join_user(c->spec, c->namespace_fds);
}

static void start(struct container *c)
{
    sacrifice_mount_namespace();
    if (namespaces_need_helper(c->spec, c->namespace_fds))
        c->join_first = join_user;
    else
        namespaces_before_clone(c->spec, c->namespace_fds);
    clone_process(c, namespaces_clone_flags(c->spec));
    if (c->pid == 0)
        child(c);
}

/* "killed" is all that the exit status says; the kernel knows more. */
static void report_usage(const struct container *c, int status)
{
    if (status != 128 + SIGKILL || !c->cgroup.path)
        return;
    int64_t kills = cgroup_oom_kills(&c->cgroup);
    if (kills > 0)
        warn("the container used more than its memory.max: oom_kill %" PRId64,
             kills);
}

/* With everything around it, up to the command or up to `start`. */
static void parent(struct container *c)
{
    plan(c);
    block_signals(c);
    record(c);
    open_start_socket(c);
    open_notify_socket(c);
    hooks_open_output(c->spec);
    make_cgroup(&c->cgroup);
    files_give_standard(c->spec);
    start(c);
    close_fd(&c->start_fd);
    state_process(&c->state, c->pid);
    state_save_config(&c->state, c->spec->config);
    cgroup_adopt(&c->cgroup, c->spec, c->pid);
    cgroup_limits(&c->cgroup, c->spec);
    devices_attach(c->cgroup.fd, c->spec);
    process_limits(c->spec, c->pid);
    process_oom_score(c->spec, c->pid);
    scheduling_set(c->spec, c->pid);
    if (c->spec->namespaces[NS_USER].wanted)
        host_files_prepare(c->pid);
    namespaces_write_maps(c->spec, c->pid);
    attach_network(&c->network, c->spec, c->pid);
    netdevices_move(c->spec, c->pid);
    let_go(c);
    attend(c);
}

/* It is on its own now, and whatever happens to us is not its end. */
static int leave_it(struct container *c)
{
    if (c->create) {
        write_pid_file(c);
        state_change(&c->state, STATUS_CREATED);
    }
    running = NULL;
    return 0;
}

static const char *likely_cause(int status)
{
    switch (status - 128) {
    case SIGKILL:
        return " (is its memory limit too low?)";
    case SIGSYS:
    case SIGSEGV: /* of one that may not even exit; which one depends on */
    case SIGILL: /* the machine and the C library */
    case SIGTRAP:
        return " (does linux.seccomp forbid what it takes to start, or is "
               "its agent gone?)";
    default:
        return "";
    }
}

/* The process has ended before it was the command, and has said why; or it was
 * killed, and could not. */
static int report_failure(const struct container *c, int status)
{
    if (c->failure)
        return c->failure;
    if (c->was_ended)
        fail("start container %s: a signal told us to end it", c->id);
    if (status < 128)
        fail("start container %s: it ended while it was set up (exit status "
             "%d)",
             c->id, status);
    fail("start container %s: it was killed while it was set up (signal %d)%s",
         c->id, status - 128, likely_cause(status));
}

int container_finish(struct container *c)
{
    bool runs = c->socket_fd == -1 && c->is_executing && !c->failure;
    if (!c->was_ended && ((c->create && c->is_ready) || (c->detach && runs)))
        return leave_it(c);
    int status = wait_for_child(c);
    report_usage(c, status);
    if (c->failure || !c->is_executing)
        return report_failure(c, status);
    if (c->keep)
        running = NULL;
    return status;
}

int container_run(struct container *c)
{
    parent(c);
    return container_finish(c);
}
