/*
 * init.c - the child's way from a copy of rung to the command.
 *
 * One list of calls, in an order that has reasons: each line says why it is
 * not later or earlier. Nothing here may fail and go on. It grew out of
 * child() in step01.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/safeguards.h"
#include "container/hooks.h"
#include "container/init.h"
#include "network/network.h"
#include "process/capabilities.h"
#include "process/console.h"
#include "process/lsm.h"
#include "process/namespaces.h"
#include "process/open_files.h"
#include "process/process.h"
#include "process/scheduling.h"
#include "rootfs/host_files.h"
#include "rootfs/mounts.h"
#include "rootfs/rootfs.h"
#include "seccomp/seccomp.h"

/*
 * The parent puts us on record, writes our id maps, connects our network. If it
 * dies before it says GO, the socket ends: and then so do we.
 */
pid_t wait_for_go(int socket_fd)
{
    struct message message;
    int fd;
    if (without("handshake"))
        return 0;
    if (channel_receive(socket_fd, &message, &fd) && message.type == MESSAGE_GO)
        return message.status;
    if (errno)
        die("hear from the parent");
    _exit(EXIT_RUNTIME); /* it has said why, if it could */
}

/*
 * With two processors the parent does its part while we mount ours: nothing of
 * that reaches the host, and it ends with us. has_mounted: it is done.
 */
static void meet_parent(const struct init_plan *plan, bool has_mounted)
{
    if (plan->parent_first == has_mounted)
        return;
    plan->state->pid = wait_for_go(plan->socket_fd);
    seccomp_introduce(plan->filter, plan->spec, plan->state, plan->state->pid);
}

/* It waits for our word, or misses it: so a word that is lost is an end. */
static void tell_parent(const struct init_plan *plan, enum message_type type)
{
    if (channel_send(plan->socket_fd, type, 0) == -1 && errno != EPIPE)
        die("tell the parent how far we are");
}

/* Still as the caller on the host, with all its privileges in here. */
static void enter_namespaces(const struct init_plan *plan)
{
    const struct spec *spec = plan->spec;
    /* What has a path on the host, while paths are the host's. */
    lsm_open(spec);
    seccomp_connect(plan->filter, spec);
    namespaces_join(spec, plan->namespace_fds);
    /* The maps are written: from now on nobody may look into us. */
    process_hide();
    if (spec_prepares_root(spec)) {
        /* Host paths, while we have the ids that may open them. */
        rootfs_open_sources(plan->sources, spec, plan->scratch_path);
        mounts_copy_shared(plan->sources, spec);
        make_mounts_private();
    }
    /* Files that we make from now on belong to the container's root. */
    namespaces_become_root(spec);
    process_session(spec);
    /* Before sysfs is mounted, which shows the network of its mounter. */
    if (spec_makes(spec, NS_NETWORK))
        set_up_network(spec);
    enter_cgroup_namespace(spec);
    set_hostname(spec);
    /* While /proc is still the host's, which nobody has tampered with. */
    process_sysctls(spec);
}

/* Hooks of the host's side find everything in place; and our mounts are ours
 * alone by now, so what they mount in here stays in here. */
static void wait_for_hooks(const struct init_plan *plan)
{
    const struct spec *spec = plan->spec;
    if (!spec->hooks[HOOK_PRESTART].count &&
        !spec->hooks[HOOK_CREATE_RUNTIME].count)
        return;
    tell_parent(plan, MESSAGE_HOOKS);
    (void)wait_for_go(plan->socket_fd);
}

/* Programs of the host, in the container. The directory that we are in is the
 * root: only so do they find an overlay, which has no path in config.json. */
static void run_create_hooks(const struct init_plan *plan)
{
    plan->state->pid = getpid(); /* as they see us */
    (void)hooks_run(plan->spec, HOOK_CREATE_CONTAINER, plan->state,
                    STATUS_CREATING, NULL);
}

static void prepare_root(const struct init_plan *plan)
{
    const struct spec *spec = plan->spec;
    if (!spec_prepares_root(spec)) {
        wait_for_hooks(plan);
        if (chdir(spec->root_path) == -1)
            die("enter the root file system %s", spec->root_path);
        run_create_hooks(plan);
        rootfs_join(spec);
        return;
    }
    CLEANUP(close_fd) int root_fd = rootfs_attach(plan->sources, spec);
    CLEANUP(close_fd) int dev_fd = rootfs_need_dev(spec, root_fd);
    mount_filesystems(plan->sources, spec, root_fd, &dev_fd);
    /* Its cgroup decides which devices may be made. */
    meet_parent(plan, true);
    make_devices(spec, root_fd, dev_fd);
    wait_for_hooks(plan);
    /* The last moment at which the host's files, and theirs, have names; and
     * they may add to the root, which is read-only only after that. */
    if (fchdir(root_fd) == -1)
        die("enter the root file system %s", spec->root_path);
    run_create_hooks(plan);
    rootfs_protect(plan->sources, spec, root_fd);
    mounts_finish(plan->sources, spec);
    /* The point of no return: from here on nothing of the host has a name. */
    enter_root(plan->sources, spec, root_fd);
}

static void drop_privileges(const void *given)
{
    const struct init_plan *plan = given;
    const struct spec *spec = plan->spec;
    /* We open few files from here on, and the filter may forbid these calls. */
    scheduling_inside(spec);
    process_personality(spec);
    process_lower_limits(spec);
    /* After the hooks, which have no profile. A further process has its own
     * already. */
    if (!spec->invocation.is_exec)
        lsm_apply(spec);
    /* Needs CAP_SETPCAP, so it comes before the ids and the other sets. */
    capabilities_drop_bounding(spec);
    /* Without no_new_privs a filter needs CAP_SYS_ADMIN: so it comes now. */
    if (!spec->process.no_new_privs || without("no-new-privs"))
        seccomp_apply(plan->filter);
    process_ids(spec);
    if (!plan->is_detached)
        die_with_parent(plan->socket_fd);
    capabilities_set(spec);
    process_no_new_privs(spec);
    /* As late as possible: what we still do has to pass the filter too. */
    if (spec->process.no_new_privs && !without("no-new-privs"))
        seccomp_apply(plan->filter);
}

/* Programs of the image: so they get what the command will have, and no more.
 * We drop our own rights later, when all of them have run. */
static void run_start_hooks(const struct init_plan *plan)
{
    struct hook_rights rights = {drop_privileges, plan, plan->env};
    plan->state->pid = getpid();
    (void)hooks_run(plan->spec, HOOK_START_CONTAINER, plan->state,
                    STATUS_CREATED, &rights);
}

/*
 * Created: our parent may leave now, so its death is no longer ours. Whoever
 * connects is `rung start`; its GO starts the command. If it dies before, the
 * next one may try.
 */
static void wait_for_start(struct init_plan *plan)
{
    if (plan->start_fd == -1)
        return;
    if (prctl(PR_SET_PDEATHSIG, 0) == -1 ||
        channel_send(plan->socket_fd, MESSAGE_READY, 0) == -1)
        die("tell the parent that the container is created");
    struct message message = {.type = MESSAGE_READY};
    int fd;
    do {
        close_fd(&plan->socket_fd);
        plan->socket_fd = accept4(plan->start_fd, NULL, NULL, SOCK_CLOEXEC);
        if (plan->socket_fd == -1)
            (void)usleep(10000); /* whatever it was may pass: we wait */
        report_to(plan->socket_fd);
    } while (plan->socket_fd == -1 ||
             channel_send(plan->socket_fd, MESSAGE_READY, 0) == -1 ||
             !channel_receive(plan->socket_fd, &message, &fd) ||
             message.type != MESSAGE_GO);
    close_fd(&plan->start_fd);
    plan->is_detached = true;
}

/* From here on we need nothing that the command may not have, but for the
 * rights to give rights up. */
void init_execute(const struct init_plan *plan)
{
    const struct spec *spec = plan->spec;
    if (plan->is_detached && prctl(PR_SET_PDEATHSIG, 0) == -1)
        die("outlive the parent");
    close_files(spec);
    /* Before the filter, which may forbid to say anything. */
    tell_parent(plan, MESSAGE_EXECUTING);
    unblock_signals();
    process_name_listener(spec, plan->env);
    drop_privileges(plan);
    if (spec->process.init)
        process_init(spec, plan->env);
    run_program(spec, plan->env);
}

void child(const struct init_plan *given)
{
    struct init_plan plan = *given;
    const struct spec *spec = plan.spec;
    die_with_parent(plan.socket_fd);
    meet_parent(&plan, false);
    host_files_ask(plan.socket_fd);
    enter_namespaces(&plan);
    prepare_root(&plan);
    console_open(spec, plan.socket_fd, plan.console_socket);
    rootfs_bind_console(spec);
    process_directory(spec);
    plan.env = process_environment(spec);
    /* Now, so that "create" can tell already. */
    if (spec->process.args)
        process_find_executable(spec, plan.env);
    wait_for_start(&plan);
    run_start_hooks(&plan);
    init_execute(&plan);
}
