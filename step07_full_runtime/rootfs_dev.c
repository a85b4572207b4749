/*
 * rootfs_dev.c - the container's /dev: devices and links.
 *
 * It must never give a device that neither the specification nor config.json
 * names, nor put one into the image. Part of rootfs.c; it grew out of step04.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mount_fd.h"
#include "rootfs.h"
#include "util.h"

static const struct device_spec DEVICES[] = {
    {"/dev/null", 'c', 1, 3, 0666, 0, 0},
    {"/dev/zero", 'c', 1, 5, 0666, 0, 0},
    {"/dev/full", 'c', 1, 7, 0666, 0, 0},
    {"/dev/random", 'c', 1, 8, 0666, 0, 0},
    {"/dev/urandom", 'c', 1, 9, 0666, 0, 0},
    {"/dev/tty", 'c', 5, 0, 0666, 0, 0},
};

static const struct {
    const char *path;
    const char *target;
} LINKS[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"},
    {"ptmx", "pts/ptmx"},
};

/* What config.json mounts on /dev, if anything. */
static const struct mount_spec *find_dev(const struct spec *spec)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        if (strcmp(spec->mounts[i].destination, "/dev") == 0 &&
            !spec->mounts[i].remount)
            return &spec->mounts[i];
    }
    return NULL;
}

void rootfs_need_dev(const struct spec *spec, int root_fd)
{
    if (find_dev(spec))
        return;
    CLEANUP(close_fd)
    int fd = mount_new("tmpfs", "tmpfs", "mode=755,size=64k",
                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    CLEANUP(close_fd) int target_fd = mount_target(root_fd, "/dev", true);
    mount_attach(fd, target_fd, "/dev");
}

/* No device can be made in a user namespace, but the host's can be bound. */
static void bind_device(const struct device_spec *d, int root_fd)
{
    CLEANUP(close_fd) int host_fd = open(d->path, O_PATH | O_CLOEXEC);
    if (host_fd == -1 || !is_device(host_fd, d->type, d->major, d->minor))
        fail("bind the device %s: the host has no such device %c %u:%u",
             d->path, d->type, d->major, d->minor);
    CLEANUP(close_fd) int copy_fd = mount_copy(host_fd, false);
    if (copy_fd == -1)
        die("bind the device %s", d->path);
    CLEANUP(close_fd) int target_fd = mount_target(root_fd, d->path, false);
    narrate(4, "open_tree, move_mount(\"%s\") # mount --bind %s .%s", d->path,
            d->path, d->path);
    mount_attach(copy_fd, target_fd, d->path);
}

/* What was there before, or somebody else has just put there, is no good. */
static void check_device(const struct device_spec *d, int directory_fd,
                         const char *name)
{
    CLEANUP(close_fd)
    int fd = openat(directory_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd == -1 || fstat(fd, &st) == -1)
        die("look at %s in the root", d->path);
    if (d->type == 'p' ? !S_ISFIFO(st.st_mode)
                       : !is_device(fd, d->type, d->major, d->minor))
        fail("make the device %s: something else has that name", d->path);
    if ((st.st_uid != d->uid || st.st_gid != d->gid) &&
        fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) == -1)
        die("give the device %s to %u:%u", d->path, d->uid, d->gid);
}

/* In a user namespace mknod(2) fails: then the host's is bound. */
static void make_device(const struct device_spec *d, int root_fd,
                        int directory_fd, const char *name)
{
    mode_t type = d->type == 'c' ? S_IFCHR : d->type == 'b' ? S_IFBLK : S_IFIFO;
    narrate(4, "mknod(\"%s\") # mknod -m %o %s %c %u %u", d->path, d->mode,
            d->path, d->type, d->major, d->minor);
    int result = mknodat(directory_fd, name, type | d->mode,
                         makedev(d->major, d->minor));
    if (result == -1 && errno == EPERM && d->type != 'p') {
        bind_device(d, root_fd);
        return;
    }
    if (result == -1 && errno != EEXIST)
        die("make the device %s", d->path);
    if (result == -1 || d->uid || d->gid)
        check_device(d, directory_fd, name);
}

static void make_configured_device(const struct device_spec *d, int root_fd)
{
    CLEANUP(free_string) char *name = NULL;
    CLEANUP(close_fd) int fd = make_parent(root_fd, d->path, &name);
    if (fd == -1)
        die("open the directory of %s in the root", d->path);
    make_device(d, root_fd, fd, name);
}

static bool is_configured(const struct spec *spec, const char *path)
{
    for (size_t i = 0; i < spec->device_count; i++) {
        if (strcmp(spec->devices[i].path, path) == 0)
            return true;
    }
    return false;
}

static void make_links(int dev_fd)
{
    for (size_t i = 0; i < ARRAY_SIZE(LINKS); i++) {
        if (symlinkat(LINKS[i].target, dev_fd, LINKS[i].path) == -1 &&
            errno != EEXIST)
            die("make the link /dev/%s", LINKS[i].path);
    }
}

void rootfs_fill_dev(const struct spec *spec, int root_fd)
{
    /* The host's own /dev: it has all there is. */
    const struct mount_spec *dev = find_dev(spec);
    if (dev && dev->bind)
        return;
    CLEANUP(close_fd) int dev_fd = open_in_root(root_fd, "/dev", O_PATH);
    mode_t old_umask = umask(0); /* modes are meant as they are */
    for (size_t i = 0; i < spec->device_count; i++)
        make_configured_device(&spec->devices[i], root_fd);
    for (size_t i = 0; i < ARRAY_SIZE(DEVICES); i++) {
        if (!is_configured(spec, DEVICES[i].path))
            make_device(&DEVICES[i], root_fd, dev_fd,
                        DEVICES[i].path + strlen("/dev/"));
    }
    (void)umask(old_umask);
    make_links(dev_fd);
    if (spec->process.terminal) { /* before /dev can become read-only */
        CLEANUP(close_fd)
        int fd = mount_target(root_fd, "/dev/console", false);
    }
}
