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
#include "container/container.h"
#include "container/hooks.h"
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

/* Do we need what the parent makes for us, before we do anything? Our ids and
 * its own to open files with, our network, our cgroup. */
static bool comes_first(const struct container *c)
{
    const struct spec *spec = c->spec;
    return spec->namespaces[NS_USER].wanted || *c->network.link ||
           spec->net_device_count || c->cgroup.scope || c->is_outside ||
           !spec_prepares_root(spec);
}

/*
 * With two processors the parent does its part while we mount ours: nothing of
 * that reaches the host, and it ends with us. has_mounted: it is done.
 */
static void meet_parent(struct container *c, bool has_mounted)
{
    if (comes_first(c) == has_mounted)
        return;
    c->state.pid = wait_for_go(c->child_socket_fd);
    host_files_ask(c->child_socket_fd); /* not before it listens */
    seccomp_introduce(c->filter, c->spec, &c->state, c->state.pid);
}

/* It waits for our word, or misses it: so a word that is lost is an end. */
static void tell_parent(const struct container *c, enum message_type type)
{
    if (channel_send(c->child_socket_fd, type, 0) == -1 && errno != EPIPE)
        die("tell the parent how far we are");
}

/* Still as the caller on the host, with all its privileges in here. */
static void enter_namespaces(struct container *c)
{
    const struct spec *spec = c->spec;
    /* What has a path on the host, while paths are the host's. */
    lsm_open(spec);
    seccomp_connect(c->filter, spec);
    namespaces_join(spec, c->namespace_fds);
    /* The maps are written: from now on nobody may look into us. */
    process_hide();
    if (spec_prepares_root(spec)) {
        /* Host paths, while we have the ids that may open them. */
        CLEANUP(free_string) char *scratch = join_path(c->state_root, c->id);
        rootfs_open_sources(&c->sources, spec, scratch);
        mounts_copy_shared(&c->sources, spec);
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
static void wait_for_hooks(const struct container *c)
{
    const struct spec *spec = c->spec;
    if (!spec->hooks[HOOK_PRESTART].count &&
        !spec->hooks[HOOK_CREATE_RUNTIME].count)
        return;
    tell_parent(c, MESSAGE_HOOKS);
    (void)wait_for_go(c->child_socket_fd);
}

/* Programs of the host, in the container. The directory that we are in is the
 * root: only so do they find an overlay, which has no path in config.json. */
static void run_create_hooks(struct container *c)
{
    c->state.pid = getpid(); /* as they see us */
    (void)hooks_run(c->spec, HOOK_CREATE_CONTAINER, &c->state, STATUS_CREATING,
                    NULL);
}

static void prepare_root(struct container *c)
{
    const struct spec *spec = c->spec;
    if (!spec_prepares_root(spec)) {
        wait_for_hooks(c);
        if (chdir(spec->root_path) == -1)
            die("enter the root file system %s", spec->root_path);
        run_create_hooks(c);
        rootfs_join(spec);
        return;
    }
    CLEANUP(close_fd) int root_fd = rootfs_attach(&c->sources, spec);
    CLEANUP(close_fd) int dev_fd = rootfs_need_dev(spec, root_fd);
    mount_filesystems(&c->sources, spec, root_fd, &dev_fd);
    /* Its cgroup decides which devices may be made. */
    meet_parent(c, true);
    make_devices(spec, root_fd, dev_fd);
    wait_for_hooks(c);
    /* The last moment at which the host's files, and theirs, have names; and
     * they may add to the root, which is read-only only after that. */
    if (fchdir(root_fd) == -1)
        die("enter the root file system %s", spec->root_path);
    run_create_hooks(c);
    rootfs_protect(&c->sources, spec, root_fd);
    mounts_finish(&c->sources, spec);
    /* The point of no return: from here on nothing of the host has a name. */
    enter_root(&c->sources, spec, root_fd);
}

static void drop_privileges(const void *given)
{
    const struct container *c = given;
    const struct spec *spec = c->spec;
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
        seccomp_apply(c->filter);
    process_ids(spec);
    if (!c->detach)
        die_with_parent(c->child_socket_fd);
    capabilities_set(spec);
    process_no_new_privs(spec);
    /* As late as possible: what we still do has to pass the filter too. */
    if (spec->process.no_new_privs && !without("no-new-privs"))
        seccomp_apply(c->filter);
}

/* Programs of the image: so they get what the command will have, and no more.
 * We drop our own rights later, when all of them have run. */
static void run_start_hooks(struct container *c)
{
    struct hook_rights rights = {drop_privileges, c, c->env};
    c->state.pid = getpid();
    (void)hooks_run(c->spec, HOOK_START_CONTAINER, &c->state, STATUS_CREATED,
                    &rights);
}

/* Whoever has connected may end before it says GO, and the next one come. But
 * while it lives it waits for our word: then we end, and say why. */
static bool hear_go(int socket_fd)
{
    struct message message;
    int fd;
    if (channel_send(socket_fd, MESSAGE_READY, 0) == -1)
        return false;
    if (channel_receive(socket_fd, &message, &fd))
        return message.type == MESSAGE_GO;
    if (errno)
        die("hear from \"start\"");
    return false;
}

/*
 * Created: our parent may leave now, so its death is no longer ours. Whoever
 * connects is `rung start`; its GO starts the command. If it dies before, the
 * next one may try.
 */
static void wait_for_start(struct container *c)
{
    if (c->start_fd == -1)
        return;
    if (prctl(PR_SET_PDEATHSIG, 0) == -1 ||
        channel_send(c->child_socket_fd, MESSAGE_READY, 0) == -1)
        die("tell the parent that the container is created");
    do {
        close_fd(&c->child_socket_fd);
        c->child_socket_fd = accept4(c->start_fd, NULL, NULL, SOCK_CLOEXEC);
        if (c->child_socket_fd == -1)
            (void)usleep(10000); /* whatever it was may pass: we wait */
        report_to(c->child_socket_fd);
    } while (c->child_socket_fd == -1 || !hear_go(c->child_socket_fd));
    close_fd(&c->start_fd);
    c->detach = true;
}

/* From here on we need nothing that the command may not have, but for the
 * rights to give rights up. */
void init_execute(const struct container *c)
{
    const struct spec *spec = c->spec;
    if (c->detach && prctl(PR_SET_PDEATHSIG, 0) == -1)
        die("outlive the parent");
    close_files(spec);
    /* Before the filter, which may forbid to say anything. */
    tell_parent(c, MESSAGE_EXECUTING);
    unblock_signals();
    process_name_listener(spec, c->env);
    drop_privileges(c);
    if (spec->process.init)
        process_init(spec, c->env);
    run_program(spec, c->env);
}

void child(struct container *c)
{
    const struct spec *spec = c->spec;
    die_with_parent(c->child_socket_fd);
    meet_parent(c, false);
    enter_namespaces(c);
    prepare_root(c);
    console_open(spec, c->child_socket_fd, c->console_socket);
    rootfs_bind_console(spec);
    process_directory(spec);
    c->env = process_environment(spec);
    /* Now, so that "create" can tell already. */
    if (spec->process.args)
        process_find_executable(spec, c->env);
    capabilities_check(spec);
    wait_for_start(c);
    run_start_hooks(c);
    init_execute(c);
}
