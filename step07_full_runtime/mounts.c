/*
 * mounts.c - the mounts that config.json lists.
 *
 * Runs in the child, in its own mount namespace, before pivot_root: the host's
 * paths can still be named, and the root is a descriptor. It must never use a
 * path inside the root without that descriptor, nor leave out a mount that it
 * could not make. It grew out of step04.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount_fd.h"
#include "mounts.h"
#include "util.h"

/* A copy of each bind mount's source, nowhere attached yet; -1 for others. */
static int *source_fds;

static int open_source(const struct mount_spec *m)
{
    unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    int fd = open_tree(AT_FDCWD, m->source,
                       flags | (m->recursive ? AT_RECURSIVE : 0));
    if (fd == -1)
        die("bind %s to %s in the root", m->source, m->destination);
    return fd;
}

void mounts_open_sources(const struct spec *spec)
{
    source_fds = allocate(spec->mount_count, sizeof(*source_fds));
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct mount_spec *m = &spec->mounts[i];
        source_fds[i] = m->bind ? open_source(m) : -1;
    }
}

static void bind_mount(const struct mount_spec *m, int fd, int root_fd)
{
    struct stat st;
    if (fstat(fd, &st) == -1)
        die("look at %s", m->source);
    mount_change(fd, 0, 0, MS_PRIVATE, true);
    mount_change(fd, m->attr_set, m->attr_clear, 0, false);
    mount_change(fd, m->recursive_set, m->recursive_clear, 0, true);
    CLEANUP(close_fd)
    int target_fd = mount_target(root_fd, m->destination, S_ISDIR(st.st_mode));
    narrate(4, "open_tree(\"%s\"), move_mount(\"%s\") # mount --%sbind %s .%s",
            m->source, m->destination, m->recursive ? "r" : "", m->source,
            m->destination);
    mount_attach(fd, target_fd, m->destination);
}

/*
 * Programs trust what they read in /proc and /sys. An image that has a link
 * there could make us mount them elsewhere, and fake what they show.
 */
static void refuse_link(const struct mount_spec *m, int root_fd)
{
    CLEANUP(close_fd)
    int fd = open_in_root(root_fd, m->destination, O_PATH | O_NOFOLLOW);
    struct stat st;
    if (fd == -1 && errno == ENOENT)
        return; /* it will be made, as a directory */
    if (fd == -1 || fstat(fd, &st) == -1)
        die("look at %s in the root", m->destination);
    if (S_ISLNK(st.st_mode))
        fail("mount %s on %s in the root: it is a symbolic link", m->type,
             m->destination);
}

/*
 * Only the owner of the network namespace may mount its sysfs. If we share the
 * host's network from a user namespace, the host's /sys has to do.
 */
static int new_sysfs(const struct mount_spec *m, uint64_t attributes)
{
    int fd = mount_try_new("sysfs", m->source, m->data, attributes);
    if (fd != -1 || errno != EPERM)
        return fd;
    fd = open_tree(AT_FDCWD, "/sys",
                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (fd != -1)
        mount_change(fd, attributes, 0, MS_PRIVATE, true);
    return fd;
}

static void fresh_mount(const struct mount_spec *m, int root_fd)
{
    bool is_sysfs = strcmp(m->type, "sysfs") == 0;
    if (is_sysfs || strcmp(m->type, "proc") == 0)
        refuse_link(m, root_fd);
    uint64_t attributes = m->attr_set;
    if (is_sysfs && without("read-only-sys"))
        attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
    const char *type = strcmp(m->type, "cgroup") == 0 ? "cgroup2" : m->type;
    CLEANUP(close_fd)
    int fd = is_sysfs ? new_sysfs(m, attributes)
                      : mount_new(type, m->source, m->data, attributes);
    if (fd == -1)
        die("mount a new sysfs");
    CLEANUP(close_fd)
    int target_fd = mount_target(root_fd, m->destination, true);
    narrate(4,
            "fsopen(\"%s\"), fsmount, move_mount(\"%s\") # mount -t %s -o "
            "'%s' %s .%s",
            type, m->destination, type, m->data ? m->data : "defaults",
            m->source ? m->source : type, m->destination);
    mount_attach(fd, target_fd, m->destination);
}

/* "rshared" and the like are for after all is in place. */
static void set_propagation(const struct mount_spec *m, int root_fd)
{
    CLEANUP(close_fd) int fd = open_in_root(root_fd, m->destination, O_PATH);
    if (fd == -1)
        die("open %s in the root", m->destination);
    mount_change(fd, 0, 0, m->propagation, m->propagation & MS_REC);
}

void mounts_apply(const struct spec *spec, int root_fd)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct mount_spec *m = &spec->mounts[i];
        if (m->bind)
            bind_mount(m, source_fds[i], root_fd);
        else
            fresh_mount(m, root_fd);
        close_fd(&source_fds[i]);
        if (m->propagation)
            set_propagation(m, root_fd);
    }
}
