/*
 * dev.c - the container's /dev: devices and links.
 *
 * It must never give a device that neither the specification nor config.json
 * names, nor put one into the image. Part of rootfs.c; it grew out of step04.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "rootfs/host_files.h"
#include "rootfs/mount_fd.h"
#include "rootfs/rootfs.h"

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

int rootfs_need_dev(const struct spec *spec, int root_fd)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        if (spec->mounts[i].is_dev)
            return -1;
    }
    int fd = mount_new("tmpfs", "tmpfs", "mode=755,size=64k",
                       MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    CLEANUP(close_fd) int target_fd = mount_target_plain(root_fd, "/dev");
    mount_attach(fd, target_fd, "/dev");
    return fd;
}

static bool is_that_device(const struct device_spec *d, int fd,
                           const struct stat *st)
{
    return d->type == 'p' ? S_ISFIFO(st->st_mode)
                          : is_device(fd, d->type, d->major, d->minor);
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
    if (!is_that_device(d, fd, &st))
        fail("make the device %s: something else has that name", d->path);
    if ((st.st_uid != d->uid || st.st_gid != d->gid) &&
        fchownat(fd, "", d->uid, d->gid, AT_EMPTY_PATH) == -1)
        die("give the device %s to %u:%u", d->path, d->uid, d->gid);
}

/* 0, or -1 and errno. */
static int make_node(const struct device_spec *d, int directory_fd,
                     const char *name)
{
    mode_t type = d->type == 'c' ? S_IFCHR : d->type == 'b' ? S_IFBLK : S_IFIFO;
    narrate(4, "mknod(\"%s\") # mknod -m %o %s %c %u %u", d->path, d->mode,
            d->path, d->type, d->major, d->minor);
    int result = mknodat(directory_fd, name, type | d->mode,
                         makedev(d->major, d->minor));
    if (result == -1 && errno != EEXIST)
        return -1;
    if (result == -1 || d->uid || d->gid)
        check_device(d, directory_fd, name);
    return 0;
}

/* The kernel's own name of the device, below /dev: sysfs(5). NULL: none. */
static char *find_name(const struct device_spec *d)
{
    CLEANUP(free_string)
    char *file =
        print_string("/sys/dev/%s/%u:%u/uevent",
                     d->type == 'b' ? "block" : "char", d->major, d->minor);
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, file);
    char *name = text ? strstr(text, "DEVNAME=") : NULL;
    if (!name)
        return NULL;
    name += strlen("DEVNAME=");
    name[strcspn(name, "\n")] = '\0';
    return join_path("/dev", name);
}

/* The host's, under the same path or the name that the kernel has for it. */
static int open_host_device(const struct device_spec *d)
{
    CLEANUP(free_string) char *name = find_name(d);
    int fd = host_file_open(d->path, false);
    if (fd == -1 && errno != ENOENT && errno != ENOTDIR)
        die("open the host's device %s, to bind it", d->path);
    if (name && !is_device(fd, d->type, d->major, d->minor)) {
        close_fd(&fd);
        fd = host_file_open(name, false);
    }
    if (!is_device(fd, d->type, d->major, d->minor))
        die("find the device %s, %c %u:%u, on the host (in a user namespace it "
            "can't be made)",
            d->path, d->type, d->major, d->minor);
    return fd;
}

/* What a node is called until it has its place. */
static const char OWN_NAME[] = ".rung";

/*
 * A descriptor of such a device. None can be made in a user namespace, but the
 * host's can be bound.
 */
static int open_device(const struct device_spec *d, int dev_fd)
{
    if (make_node(d, dev_fd, OWN_NAME) == 0) {
        int fd = openat(dev_fd, OWN_NAME, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd == -1)
            die("open the device %s", d->path);
        return fd;
    }
    if (errno != EPERM || d->type == 'p')
        die("make the device %s", d->path);
    return open_host_device(d);
}

/*
 * What a device is bound on: an empty file, which an earlier container may have
 * left, or such a device. Anything else is somebody's, or a link that leads
 * elsewhere.
 */
static int open_place(const struct device_spec *d, int directory_fd,
                      const char *name)
{
    const int flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(directory_fd, name, flags);
    if (fd == -1 && errno == ENOENT &&
        mknodat(directory_fd, name, S_IFREG | 0644, 0) == 0)
        fd = openat(directory_fd, name, flags);
    struct stat st;
    if (fd == -1 || fstat(fd, &st) == -1)
        die("make %s in the root, to bind a device on it", d->path);
    if (!(S_ISREG(st.st_mode) && st.st_size == 0) &&
        !is_that_device(d, fd, &st))
        fail("bind the device %s: something else has that name", d->path);
    return fd;
}

static void bind_device(const struct device_spec *d, int dev_fd,
                        int directory_fd, const char *name)
{
    CLEANUP(close_fd) int device_fd = open_device(d, dev_fd);
    CLEANUP(close_fd) int copy_fd = mount_copy(device_fd, false);
    if (copy_fd == -1)
        die("bind the device %s", d->path);
    mount_change(copy_fd, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, MS_PRIVATE,
                 false, d->path);
    CLEANUP(close_fd) int target_fd = open_place(d, directory_fd, name);
    narrate(4, "open_tree, move_mount(\"%s\") # mount --bind %s .%s", d->path,
            d->path, d->path);
    mount_attach(copy_fd, target_fd, d->path);
    if (unlinkat(dev_fd, OWN_NAME, 0) == -1 && errno != ENOENT)
        die("remove the first name of the device %s", d->path);
}

static bool is_in_dev(int directory_fd, int dev_fd)
{
    if (directory_fd == dev_fd)
        return true;
    struct stat directory;
    struct stat dev;
    if (fstat(directory_fd, &directory) == -1 || fstat(dev_fd, &dev) == -1)
        die("look at the root's /dev");
    return directory.st_dev == dev.st_dev;
}

/*
 * Only /dev is ours and the container's alone. Another directory is the
 * image's or a volume's, files of the user, where no device must appear: what
 * is bound there leaves but an empty file.
 */
static void make_device(const struct device_spec *d, int dev_fd,
                        int directory_fd, const char *name)
{
    if (is_in_dev(directory_fd, dev_fd)) {
        if (make_node(d, directory_fd, name) == 0)
            return;
        if (errno != EPERM) /* as in a user namespace */
            die("make the device %s", d->path);
    }
    bind_device(d, dev_fd, directory_fd, name);
}

static void make_configured_device(const struct device_spec *d, int root_fd,
                                   int dev_fd)
{
    CLEANUP(free_string) char *name = NULL;
    CLEANUP(close_fd) int fd = make_parent(root_fd, d->path, &name);
    if (fd == -1)
        die("open the directory of %s in the root", d->path);
    make_device(d, dev_fd, fd, name);
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

void make_devices(const struct spec *spec, int root_fd, int dev_fd)
{
    if (dev_fd == -1) /* the host's own /dev: it has all there is */
        return;
    mode_t old_umask = umask(0); /* modes are meant as they are */
    for (size_t i = 0; i < spec->device_count; i++)
        make_configured_device(&spec->devices[i], root_fd, dev_fd);
    for (size_t i = 0; i < ARRAY_SIZE(DEVICES); i++) {
        if (!is_configured(spec, DEVICES[i].path))
            make_device(&DEVICES[i], dev_fd, dev_fd,
                        DEVICES[i].path + strlen("/dev/"));
    }
    (void)umask(old_umask);
    make_links(dev_fd);
    if (spec->process.terminal) { /* before /dev can become read-only */
        CLEANUP(close_fd) int fd = mount_target(dev_fd, "console", false);
    }
}

/* A link would lead to some other file of the container. */
static int console_target(int root_fd)
{
    int fd = open_in_root(root_fd, "/dev/console", O_PATH | O_NOFOLLOW);
    if (fd == -1 && errno == ENOENT)
        return mount_target(root_fd, "/dev/console", false);
    struct stat st;
    if (fd == -1 || fstat(fd, &st) == -1)
        die("open /dev/console in the root");
    if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
        fail("bind the terminal to /dev/console: it is a link, or no file");
    return fd;
}

/* Programs look for the terminal, which is our standard input by now, at
 * /dev/console too. */
void rootfs_bind_console(const struct spec *spec)
{
    if (!spec->process.terminal)
        return;
    CLEANUP(close_fd)
    int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(close_fd) int copy_fd = mount_copy(STDIN_FILENO, false);
    if (copy_fd == -1)
        die("bind the terminal to /dev/console");
    CLEANUP(close_fd) int target_fd = console_target(root_fd);
    mount_attach(copy_fd, target_fd, "/dev/console");
}
