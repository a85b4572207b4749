/*
 * exec.c - a further process in a container that runs.
 *
 * A pidfd names a process's namespaces all at once: setns(2) with several
 * flags joins them together or not at all, and no path is looked up in the
 * container. It must never hold a descriptor of the host when it enters (but
 * the sockets and files that execve closes), and must be undumpable before
 * the container's processes can see it. It grew out of nsenter(1) in step02's
 * chapter.
 */
#define _GNU_SOURCE

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "container.h"
#include "init.h"
#include "lsm.h"
#include "namespaces.h"
#include "process.h"
#include "scheduling.h"
#include "seccomp.h"
#include "util.h"

struct exec_plan {
    const struct spec *spec;
    struct state *state;
    int pidfd; /* of the container's process 1 */
    int root_fd; /* its root directory */
    int socket_fd; /* to the parent */
    bool is_detached;
};

/*
 * A PID namespace is entered by the children to come. An ordinary user has the
 * right to only once he is in the container's user namespace, which is his.
 */
static void exec_enter(struct exec_plan *plan)
{
    CLEANUP(free_string)
    char *root = print_string("/proc/%d/root", plan->state->pid);
    plan->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (plan->root_fd == -1)
        die("open the root of container %s", plan->state->id);
    int flags = CLONE_NEWPID;
    if (plan->spec->rootless)
        flags |= CLONE_NEWUSER;
    flags &= namespaces_join_flags(plan->spec);
    narrate(2, "setns(pidfd of %d, CLONE_NEWPID) # nsenter --target %d --pid",
            plan->state->pid, plan->state->pid);
    if (flags && setns(plan->pidfd, flags) == -1)
        die("join the PID namespace of container %s", plan->state->id);
}

/* The root of a mount namespace is not always the root of the process. */
static void enter_root(const struct exec_plan *plan)
{
    if (fchdir(plan->root_fd) == -1 || chroot(".") == -1)
        die("enter the root of container %s", plan->state->id);
}

static void join_namespaces(const struct exec_plan *plan)
{
    int flags = namespaces_join_flags(plan->spec) & ~CLONE_NEWPID;
    if (plan->spec->rootless)
        flags &= ~CLONE_NEWUSER;
    narrate(7, "setns(pidfd of %d, ...) # nsenter --target %d --all",
            plan->state->pid, plan->state->pid);
    if (flags && setns(plan->pidfd, flags) == -1)
        die("join the namespaces of container %s", plan->state->id);
}

static _Noreturn void exec_run(const struct exec_plan *plan)
{
    const struct spec *spec = plan->spec;
    process_die_with_parent(plan->socket_fd);
    pid_t pid = wait_for_go(plan->socket_fd);
    process_hide();
    /* While /proc and the agent's socket are still the host's. */
    process_settings(spec);
    lsm_open(spec);
    seccomp_connect(spec, plan->state, pid);
    join_namespaces(plan);
    enter_root(plan);
    namespaces_become_root(spec);
    process_session(spec);
    console_open(spec, plan->socket_fd);
    process_directory(spec);
    process_home(spec);
    process_find_executable(spec);
    init_execute(&(struct init_plan){
        .spec = spec,
        .state = plan->state,
        .socket_fd = plan->socket_fd,
        .start_fd = -1,
        .is_detached = plan->is_detached,
    });
}

/* Where process 1 is, below the container's cgroup: "init.scope". */
static char *own_branch(const struct state *state)
{
    CLEANUP(free_string)
    char *file = print_string("/proc/%d/cgroup", state->pid);
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, file);
    const char *line = text ? strstr(text, "0::/") : NULL;
    if (!line)
        return NULL;
    line += strlen("0::");
    /* The end of our path is the beginning of that one. */
    const char *end = strchr(state->cgroup_path, '/');
    for (; end; end = strchr(end + 1, '/')) {
        size_t length = strlen(end);
        if (strncmp(line, end, length) == 0 && line[length] == '/')
            return print_string("%s%.*s", state->cgroup_path,
                                (int)strcspn(line + length, "\n"),
                                line + length);
    }
    return NULL;
}

/* What --cgroup names is below the container's cgroup, whatever it says. */
static void open_sub_cgroup(struct container *c)
{
    int fd = open_in_root(c->cgroup.fd, c->sub_cgroup, O_PATH | O_DIRECTORY);
    if (fd == -1)
        die("--cgroup %s: open it in %s (it has to be there)", c->sub_cgroup,
            c->state.cgroup_path);
    close_fd(&c->cgroup.fd);
    c->cgroup.fd = fd;
}

/*
 * A cgroup that hands controllers to cgroups below it takes no process, so
 * clone3(2) would fail with EBUSY: cgroups(7), "no internal processes". An init
 * system in the container arranges its cgroup so; then we go where it is.
 */
static void open_cgroup(struct container *c)
{
    const char *path = c->state.cgroup_path;
    if (!path && c->sub_cgroup)
        fail("--cgroup %s: container %s has no cgroup of its own",
             c->sub_cgroup, c->id);
    if (!path)
        return;
    c->cgroup.scope = c->state.scope;
    c->cgroup.fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (c->cgroup.fd == -1)
        die("open the cgroup %s", path);
    if (c->sub_cgroup) {
        open_sub_cgroup(c);
        return;
    }
    CLEANUP(free_string)
    char *given = read_file_at(c->cgroup.fd, "cgroup.subtree_control");
    if (!given || *given == '\n' || *given == '\0')
        return;
    CLEANUP(free_string) char *branch = own_branch(&c->state);
    if (!branch)
        return;
    close_fd(&c->cgroup.fd);
    c->cgroup.fd = open(branch, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (c->cgroup.fd == -1)
        die("open the cgroup %s", branch);
}

int container_exec(struct container *c)
{
    seccomp_prepare(c->spec);
    lsm_check(c->spec);
    catch_signals(c);
    struct exec_plan exec = {
        .spec = c->spec,
        .state = &c->state,
        .pidfd = state_open_process(&c->state),
        .is_detached = c->detach,
    };
    if (exec.pidfd == -1)
        die("open the process of container %s", c->id);
    open_cgroup(c);
    undo_at_exit(c);
    exec_enter(&exec);
    scheduling_start(c->spec);
    clone_process(c, 0);
    if (c->pid == 0) {
        exec.socket_fd = c->child_socket_fd;
        exec_run(&exec);
    }
    process_limits(c->spec, c->pid);
    scheduling_set(c->spec, c->pid);
    let_go(c);
    attend(c);
    if (c->detach && c->socket_fd == -1 && c->is_executing && !c->failure) {
        container_keep();
        return 0;
    }
    int status = wait_for_end(c);
    if (c->failure || !c->is_executing)
        return report_failure(c, status);
    return status;
}
