/*
 * exec.c - a further process in a container that runs.
 *
 * A pidfd names a process's namespaces all at once: setns(2) with several
 * flags joins them together or not at all, and no path is looked up in the
 * container. The new process must never stand where the container can see it,
 * in its PID namespace, with anything of the host's: no root, no directory, no
 * file. So a helper outside joins everything, and the process is born in there
 * (clone.c). It grew out of nsenter(1) in step02's chapter.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "container/container.h"
#include "process/capabilities.h"
#include "process/console.h"
#include "process/lsm.h"
#include "process/namespaces.h"
#include "process/open_files.h"
#include "process/process.h"
#include "process/scheduling.h"
#include "seccomp/seccomp.h"

/* What has a path on the host, while paths are the host's. */
static void use_host(struct filter *filter, const struct spec *spec)
{
    process_oom_score(spec, getpid());
    seccomp_connect(filter, spec);
    /* Children inherit what we ask for here. */
    lsm_open(spec);
    lsm_apply(spec);
}

/*
 * In the helper. The PID namespace, too, is one that only children enter; so
 * nobody in the container sees us here. The root of a mount namespace is not
 * always the root of the process.
 */
static void join_container(struct container *c)
{
    const struct state *state = &c->state;
    CLEANUP(free_string) char *root = print_string("/proc/%d/root", state->pid);
    CLEANUP(close_fd)
    int root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    /* After it: so it was that process's root, and no later one's. */
    CLEANUP(close_fd) int pidfd = state_open_process(state);
    if (root_fd == -1 || pidfd == -1)
        die("open the process of container %s", c->id);
    use_host(c->filter, c->spec);
    int flags = namespaces_join_flags(c->spec);
    narrate(7, "setns(pidfd of %d, ...) # nsenter --target %d --all",
            state->pid, state->pid);
    if (flags && setns(pidfd, flags) == -1)
        die("join the namespaces of container %s", c->id);
    if (fchdir(root_fd) == -1 || chroot(".") == -1)
        die("enter the root of container %s", c->id);
    namespaces_become_root(c->spec);
    process_hide();
}

static _Noreturn void exec_run(struct container *c)
{
    const struct spec *spec = c->spec;
    die_with_parent(c->child_socket_fd);
    seccomp_introduce(c->filter, spec, &c->state,
                      wait_for_go(c->child_socket_fd));
    process_session(spec);
    console_open(spec, c->child_socket_fd, c->console_socket);
    process_directory(spec);
    c->env = process_environment(spec);
    process_find_executable(spec, c->env);
    capabilities_check(spec);
    init_execute(c);
}

/*
 * The directory of process 1's cgroup: what /proc/PID/cgroup says, below the
 * mount point, which is where the path of the container's own begins.
 */
static char *cgroup_of_first(const struct state *state)
{
    CLEANUP(free_string)
    char *file = print_string("/proc/%d/cgroup", state->pid);
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, file);
    const char *line = text ? strstr(text, "0::/") : NULL;
    if (!line)
        die("read %s", file);
    line += strlen("0::");
    CLEANUP(free_string) char *top = copy_string(state->cgroup_path);
    for (char *end = strchr(top + 1, '/'); end; end = strchr(end + 1, '/')) {
        *end = '\0';
        struct statfs fs;
        if (statfs(top, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
            break;
        *end = '/';
    }
    return print_string("%s%.*s", top, (int)strcspn(line, "\n"), line);
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
 * The container's cgroup, if a process may be in it: one that hands controllers
 * to cgroups below takes none, and clone3(2) would fail with EBUSY: cgroups(7),
 * "no internal processes". An init system in the container arranges its cgroup
 * so, or may have left it. Then we go where process 1 is.
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
    if (c->cgroup.fd == -1 && (errno != ENOENT || c->sub_cgroup))
        die("open the cgroup %s", path);
    if (c->sub_cgroup) {
        open_sub_cgroup(c);
        return;
    }
    CLEANUP(free_string)
    char *given = read_file_at(c->cgroup.fd, "cgroup.subtree_control");
    if (given && (*given == '\n' || *given == '\0'))
        return;
    CLEANUP(free_string) char *other = cgroup_of_first(&c->state);
    close_fd(&c->cgroup.fd);
    c->cgroup.fd = open(other, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (c->cgroup.fd == -1)
        die("open the cgroup %s", other);
}

int container_exec(struct container *c)
{
    files_close_callers(c->spec);
    lsm_check(c->spec);
    block_signals(c);
    open_cgroup(c);
    undo_at_exit(c);
    files_give_standard(c->spec);
    scheduling_start(c->spec);
    c->join_first = join_container;
    clone_process(c, 0);
    if (c->pid == 0)
        exec_run(c);
    process_limits(c->spec, c->pid);
    scheduling_set(c->spec, c->pid);
    let_go(c);
    attend(c);
    return container_finish(c);
}
