/*
 * mounts.c - the mounts that config.json lists.
 *
 * Runs in the child, in its own mount namespace, before pivot_root: the host's
 * paths can still be named, and the root is a descriptor. It must never use a
 * path inside the root without that descriptor, nor leave out a mount, or an
 * attribute of it, that it could not make. It grew out of step04.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/safeguards.h"
#include "process/id_maps.h"
#include "rootfs/copy_up.h"
#include "rootfs/host_files.h"
#include "rootfs/mount_fd.h"
#include "rootfs/mounts.h"
#include "rootfs/rootfs.h"

static bool is_type(const struct mount_spec *m, const char *type)
{
    return m->type && strcmp(m->type, type) == 0;
}

static int open_source(const struct mount_spec *m)
{
    int fd = host_file_open(m->source, m->src_nofollow || m->copy_symlink);
    if (fd == -1)
        die("bind %s to %s in the root", m->source, m->destination);
    return fd;
}

static int copy_source(const struct mount_spec *m, int source_fd)
{
    int fd = mount_copy(source_fd, m->recursive);
    if (fd == -1)
        die_with_hint(
            errno == EINVAL && !m->recursive
                ? "it hides something below: \"rbind\" takes that along"
                : NULL,
            "bind %s to %s in the root", m->source, m->destination);
    return fd;
}

/*
 * The owners of the files appear as the maps say, and on the disk they stay.
 * The kernel wants a mount that nobody has used yet, and the privilege over
 * the file system's owner, which is the host.
 */
static int copy_mapped(const struct mount_spec *m, int maps_fd)
{
    CLEANUP(close_fd) int source_fd = open_source(m);
    int fd = copy_source(m, source_fd);
    CLEANUP(close_fd)
    int own_maps_fd =
        m->uid_maps.count ? id_maps_namespace(&m->uid_maps, &m->gid_maps) : -1;
    narrate(7,
            "mount_setattr(\"%s\", MOUNT_ATTR_IDMAP) # mount -o X-mount."
            "idmap=... --bind %s .%s",
            m->source, m->source, m->destination);
    mount_map_ids(fd, own_maps_fd == -1 ? maps_fd : own_maps_fd,
                  m->idmap_recursive, m->destination);
    return fd;
}

void mounts_prepare(struct root_sources *s, const struct spec *spec,
                    int maps_fd)
{
    s->mount_fds = allocate(spec->mount_count, sizeof(*s->mount_fds));
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct mount_spec *m = &spec->mounts[i];
        s->mount_fds[i] = m->idmap ? copy_mapped(m, maps_fd) : -1;
    }
}

void mounts_copy_shared(struct root_sources *s, const struct spec *spec)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct mount_spec *m = &spec->mounts[i];
        if (m->bind && !m->remount && !m->src_nofollow && !m->copy_symlink &&
            m->propagation & MS_SHARED && s->mount_fds[i] == -1)
            s->mount_fds[i] = mount_copy_path(m->source, m->recursive);
    }
}

static bool is_procfs(int fd, const char *name)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) == -1)
        die("find the file system of %s", name);
    return fs.f_type == PROC_SUPER_MAGIC;
}

/*
 * Programs, and runtimes, trust what they read in /proc: nothing but a procfs
 * may be mounted there, and on a few of its files what shows the container's
 * limits as the machine's (lxcfs does).
 */
static void guard_proc(const struct mount_spec *m, int fd, int target_fd)
{
    static const char *const HARMLESS[] = {
        "/proc/cpuinfo",
        "/proc/diskstats",
        "/proc/loadavg",
        "/proc/meminfo",
        "/proc/slabinfo",
        "/proc/stat",
        "/proc/swaps",
        "/proc/sys/crypto/fips_enabled",
        "/proc/sys/kernel/ns_last_pid",
        "/proc/uptime",
    };
    bool is_proc = strcmp(m->destination, "/proc") == 0;
    if (!is_proc && strncmp(m->destination, "/proc/", 6) != 0 &&
        !is_procfs(target_fd, m->destination))
        return;
    if (is_proc && is_procfs(fd, m->source ? m->source : m->type))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(HARMLESS); i++) {
        if (strcmp(m->destination, HARMLESS[i]) == 0)
            return;
    }
    fail("mount on %s in the root: it would fake what /proc shows",
         m->destination);
}

/*
 * As long as the mount is attached nowhere, nobody sees it without them. What
 * is said of this mount wins over what is said of all below it. others is the
 * propagation of the mounts below, if the option is for one alone.
 */
static void set_attributes(const struct mount_spec *m, int fd, uint64_t set,
                           uint64_t clear, unsigned long others)
{
    bool is_for_all = m->propagation & MS_REC;
    mount_change(fd, m->recursive_set, m->recursive_clear,
                 is_for_all ? m->propagation : others, true, m->destination);
    mount_change(fd, set, clear, is_for_all ? 0 : m->propagation, false,
                 m->destination);
}

/* "copy-symlink": a link of the source's becomes one in the root. */
static void copy_link(const struct mount_spec *m, int source_fd, int root_fd)
{
    char target[PATH_MAX] = "";
    char old[PATH_MAX] = "";
    CLEANUP(free_string) char *name = NULL;
    CLEANUP(close_fd)
    int directory_fd = make_parent(root_fd, m->destination, &name);
    if (directory_fd == -1 ||
        readlinkat(source_fd, "", target, sizeof(target) - 1) == -1)
        die("copy the link %s to %s in the root", m->source, m->destination);
    narrate(7, "symlinkat(\"%s\") # ln -s %s .%s", m->destination, target,
            m->destination);
    if (symlinkat(target, directory_fd, name) == 0)
        return;
    int error = errno;
    if (readlinkat(directory_fd, name, old, sizeof(old) - 1) != -1 &&
        strcmp(old, target) == 0)
        return;
    errno = error;
    die("copy the link %s to %s in the root", m->source, m->destination);
}

/* "dest-nofollow": a link that is there is covered itself. */
static int bind_target(const struct mount_spec *m, int root_fd,
                       bool is_directory)
{
    int fd = -1;
    if (m->is_dev && is_directory)
        return mount_target_plain(root_fd, m->destination);
    if (m->dest_nofollow)
        fd = open_in_root(root_fd, m->destination, O_PATH | O_NOFOLLOW);
    return fd != -1 ? fd : mount_target(root_fd, m->destination, is_directory);
}

static bool is_same(int a_fd, int b_fd)
{
    struct stat a;
    struct stat b;
    return fstat(a_fd, &a) == 0 && fstat(b_fd, &b) == 0 &&
           a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A copy of what the source is by now, unless the early one is just that. -1:
 * a link, and nothing to mount. */
static int take_source(const struct mount_spec *m, int early_fd, int root_fd)
{
    if (m->idmap)
        return early_fd;
    CLEANUP(close_fd) int source_fd = open_source(m);
    if (early_fd != -1 && is_same(early_fd, source_fd))
        return early_fd;
    close_fd(&early_fd);
    struct stat st;
    if (!m->copy_symlink || fstat(source_fd, &st) == -1 || !S_ISLNK(st.st_mode))
        return copy_source(m, source_fd);
    copy_link(m, source_fd, root_fd);
    return -1;
}

/*
 * A copy is in the same peer group as its source: what the host mounts there
 * would appear in the container, and the other way round. Only "shared" keeps
 * that, and only "slave" the one direction: mount_namespaces(7).
 */
static int bind_mount(const struct mount_spec *m, int early_fd, int root_fd)
{
    int fd = take_source(m, early_fd, root_fd);
    if (fd == -1)
        return -1;
    struct stat st;
    if (fstat(fd, &st) == -1)
        die("look at %s", m->source);
    unsigned long others = m->propagation & MS_SHARED  ? 0
                           : m->propagation & MS_SLAVE ? MS_SLAVE
                                                       : MS_PRIVATE;
    set_attributes(m, fd, m->attr_set, m->attr_clear, others);
    CLEANUP(close_fd)
    int target_fd = bind_target(m, root_fd, S_ISDIR(st.st_mode));
    guard_proc(m, fd, target_fd);
    narrate(4, "open_tree(\"%s\"), move_mount(\"%s\") # mount --%sbind %s .%s",
            m->source, m->destination, m->recursive ? "r" : "", m->source,
            m->destination);
    mount_attach(fd, target_fd, m->destination);
    return fd;
}

/* The file systems that show a namespace, and where the host has them. */
static const struct host_mount {
    const char *type;
    enum namespace_type namespace;
    const char *path;
    long magic;
} HOST_MOUNTS[] = {
    {"proc", NS_PID, "/proc", PROC_SUPER_MAGIC},
    {"sysfs", NS_NETWORK, "/sys", SYSFS_MAGIC},
    {"mqueue", NS_IPC, "/dev/mqueue", 0x19800202 /* in no header */},
    {"cgroup2", NS_CGROUP, "/sys/fs/cgroup", CGROUP2_SUPER_MAGIC},
};

/* The host's mount of that type, if the namespace is the host's. (A network
 * that is joined may be, and sysfs has no more to hide.) */
static const struct host_mount *find_host_mount(const struct spec *spec,
                                                const char *type)
{
    for (size_t i = 0; i < ARRAY_SIZE(HOST_MOUNTS); i++) {
        const struct host_mount *host = &HOST_MOUNTS[i];
        bool is_foreign = host->namespace == NS_NETWORK
                              ? !spec_makes(spec, NS_NETWORK)
                              : !spec->namespaces[host->namespace].wanted;
        if (strcmp(host->type, type) == 0 && is_foreign)
            return host;
    }
    return NULL;
}

/*
 * Only the owner of a namespace may mount the file system that shows it: a
 * user namespace in the host's network is refused sysfs. The host's own mount
 * shows the same, so a copy of that will do.
 */
static int copy_host_mount(const struct host_mount *host, uint64_t attributes)
{
    int fd = mount_copy_path(host->path, true);
    if (fd != -1 && !is_file_system(fd, host->magic)) {
        close_fd(&fd);
        errno = EPERM;
    }
    if (fd != -1)
        mount_change(fd, attributes, 0, MS_PRIVATE, true, host->path);
    return fd;
}

/* For cgroup2 the copy comes first: outside a cgroup namespace a new mount
 * takes the kernel 15 ms. */
static int make_mount(const struct spec *spec, const struct mount_spec *m,
                      const char *data, uint64_t attributes)
{
    const char *type = is_type(m, "cgroup") ? "cgroup2" : m->type;
    const struct host_mount *host = find_host_mount(spec, type);
    int fd = -1;
    if (host && host->namespace == NS_CGROUP)
        fd = copy_host_mount(host, attributes);
    if (fd == -1)
        fd = mount_try_new(type, m->source, data, attributes);
    if (fd == -1 && errno == EPERM && host)
        fd = copy_host_mount(host, attributes);
    if (fd == -1)
        mount_new_failed(type, data);
    return fd;
}

/* fsconfig(2) has no word for "iversion": so it takes a remount, which resets
 * the attributes, too. */
static void set_iversion(const struct mount_spec *m, int fd)
{
    CLEANUP(free_string) char *path = print_string("/proc/self/fd/%d", fd);
    if (mount(NULL, path, NULL, MS_REMOUNT | m->super_flags, NULL) == -1)
        die("remount %s in the root", m->destination);
}

/* An image that has a link for /proc or /sys could make us mount them
 * elsewhere, and show programs something of its own; one that has a link for
 * /dev could lead it to a volume. */
static int fresh_target(const struct mount_spec *m, int root_fd)
{
    if (m->is_dev || is_type(m, "sysfs") || is_type(m, "proc"))
        return mount_target_plain(root_fd, m->destination);
    if (is_type(m, "tmpfs"))
        return mount_target_shared(root_fd, m->destination);
    return mount_target(root_fd, m->destination, true);
}

/* A tmpfs without a mode of its own looks like the directory it covers. */
static char *mount_data(const struct mount_spec *m, int target_fd)
{
    const char *data = m->data ? m->data : "";
    if (!is_type(m, "tmpfs") || strstr(data, "mode="))
        return copy_string(data);
    struct stat st;
    if (fstat(target_fd, &st) == -1)
        die("look at %s in the root", m->destination);
    return print_string("mode=%o,%s", st.st_mode & 07777, data);
}

/* We still have to write into a tmpfs: it becomes read-only at the end. */
static bool waits_for_end(const struct mount_spec *m)
{
    return !m->remount && !m->bind && is_type(m, "tmpfs") &&
           m->attr_set & MOUNT_ATTR_RDONLY;
}

static int fresh_mount(const struct spec *spec, const struct mount_spec *m,
                       int root_fd)
{
    uint64_t attributes = m->attr_set;
    if (waits_for_end(m) || (is_type(m, "sysfs") && without("read-only-sys")))
        attributes &= ~(uint64_t)MOUNT_ATTR_RDONLY;
    CLEANUP(close_fd) int target_fd = fresh_target(m, root_fd);
    CLEANUP(free_string) char *data = mount_data(m, target_fd);
    int fd = make_mount(spec, m, data, attributes);
    guard_proc(m, fd, target_fd);
    if (m->copy_up)
        copy_up(target_fd, fd, m);
    narrate(4,
            "fsopen(\"%s\"), fsmount, move_mount(\"%s\") # mount -t %s -o "
            "'%s' %s .%s",
            m->type, m->destination, m->type, *data ? data : "defaults",
            m->source ? m->source : m->type, m->destination);
    set_attributes(m, fd, 0, 0, 0); /* the others are set already */
    mount_attach(fd, target_fd, m->destination);
    if (m->has_iversion) {
        set_iversion(m, fd);
        set_attributes(m, fd, attributes, MOUNT_ATTR__ATIME, 0);
    }
    return fd;
}

/* "ro" is for this mount alone: the host may have the same file system. */
static int remount(const struct mount_spec *m, int root_fd)
{
    int fd = open_in_root(root_fd, m->destination, O_PATH);
    if (fd == -1)
        die("remount %s in the root", m->destination);
    narrate(4, "fspick(\"%s\"), mount_setattr # mount -o remount,... .%s",
            m->destination, m->destination);
    if (m->data)
        mount_reconfigure(fd, m->data, m->destination);
    if (m->has_iversion)
        set_iversion(m, fd);
    set_attributes(m, fd, m->attr_set, m->attr_clear, 0);
    return fd;
}

/* What /dev is from here on: its descriptor, or -1 if it is the host's. */
static void note_dev(const struct mount_spec *m, int fd, int *dev_fd)
{
    if (!m->is_dev)
        return;
    close_fd(dev_fd);
    *dev_fd =
        m->bind || is_type(m, "devtmpfs") ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (*dev_fd == -1 && !m->bind && !is_type(m, "devtmpfs"))
        die("keep /dev open");
}

void mount_filesystems(struct root_sources *s, const struct spec *spec,
                       int root_fd, int *dev_fd)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct mount_spec *m = &spec->mounts[i];
        int fd = m->remount ? remount(m, root_fd)
                 : m->bind  ? bind_mount(m, s->mount_fds[i], root_fd)
                            : fresh_mount(spec, m, root_fd);
        note_dev(m, fd, dev_fd);
        s->mount_fds[i] = waits_for_end(m) ? fd : -1;
        if (!waits_for_end(m))
            close_fd(&fd);
    }
}

void mounts_finish(struct root_sources *s, const struct spec *spec)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct mount_spec *m = &spec->mounts[i];
        if (!waits_for_end(m))
            continue;
        mount_change(s->mount_fds[i], MOUNT_ATTR_RDONLY, 0, 0, false,
                     m->destination);
        close_fd(&s->mount_fds[i]);
    }
}
