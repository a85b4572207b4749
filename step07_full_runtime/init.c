/*
 * init.c - the child's way from a copy of rung to the command.
 *
 * One list of calls, in an order that has reasons: each line says why it is
 * not later or earlier. Nothing here may fail and go on. It grew out of
 * child() in step01.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capabilities.h"
#include "console.h"
#include "init.h"
#include "mounts.h"
#include "namespaces.h"
#include "network.h"
#include "process.h"
#include "rootfs.h"
#include "seccomp.h"
#include "util.h"

/*
 * The parent writes our id maps and connects our network first. If it dies
 * before it says "go", the socket ends: and then so do we.
 */
static void wait_for_go(int socket_fd)
{
    if (without("handshake"))
        return;
    char byte;
    ssize_t n;
    do {
        n = recv(socket_fd, &byte, 1, 0);
    } while (n == -1 && errno == EINTR);
    if (n == -1)
        die("wait for the parent");
    if (n != 1 || byte != 'g')
        _exit(EXIT_RUNTIME); /* the parent has said why, if it could */
}

/* Still as the caller on the host, with all its privileges in here. */
static void enter_namespaces(const struct init_plan *plan)
{
    const struct spec *spec = plan->spec;
    namespaces_join(spec, plan->namespace_fds);
    /* The maps are written: from now on nobody may look into us. */
    process_hide();
    rootfs_make_private();
    /* Host paths, while we have the ids that may open them. */
    rootfs_open_sources(spec, plan->scratch_path);
    mounts_open_sources(spec);
    /* Files that we make from now on belong to the container's root. */
    namespaces_become_root(spec);
    process_session();
    /* Before sysfs is mounted, which shows the network of its mounter. */
    if (spec_makes(spec, NS_NETWORK))
        network_inside(spec);
    namespaces_finish(spec);
    /* While /proc is still the host's, which nobody has tampered with. */
    process_settings(spec);
}

static void enter_root(const struct spec *spec)
{
    int root_fd = rootfs_attach(spec);
    mounts_apply(spec, root_fd);
    rootfs_finish(spec, root_fd);
    rootfs_enter(spec, root_fd);
    close_fd(&root_fd);
}

static void drop_privileges(const struct init_plan *plan)
{
    const struct spec *spec = plan->spec;
    /* Needs CAP_SETPCAP, so it comes before the ids and the other sets. */
    capabilities_drop_bounding(spec);
    /* Without no_new_privs a filter needs CAP_SYS_ADMIN: so it comes now. */
    if (!spec->process.no_new_privs || without("no-new-privs"))
        seccomp_apply(spec);
    process_ids(spec);
    process_die_with_parent(plan->socket_fd);
    capabilities_set(spec);
    process_no_new_privs(spec);
    /* As late as possible: what we still do has to pass the filter too. */
    if (spec->process.no_new_privs && !without("no-new-privs"))
        seccomp_apply(spec);
}

void init_run(const struct init_plan *plan)
{
    const struct spec *spec = plan->spec;
    process_die_with_parent(plan->socket_fd);
    wait_for_go(plan->socket_fd);
    enter_namespaces(plan);
    enter_root(spec);
    console_open(spec, plan->socket_fd);
    process_directory(spec);
    drop_privileges(plan);
    process_close_files();
    if (spec->process.init) {
        /* No execve(2) will close it; it tells the parent that all is well. */
        close(plan->socket_fd);
        process_init(spec);
    }
    process_execute(spec);
}
