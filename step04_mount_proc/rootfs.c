/*
 * rootfs.c - a root file system of its own: mount_namespaces(7).
 *
 * Private mounts first, then pivot_root(2), then what every program expects to
 * find: /proc, /sys, /dev.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "demo.h"

/*
 * A new mount namespace starts as a copy of the host's, and where the host's
 * mounts are "shared" (systemd makes all of them so) a mount in either copy
 * appears in the other as well: /proc of the container on top of the host's.
 * Private first, then mount. mount_namespaces(7), "Shared subtrees"
 */
void make_mounts_private(const struct container *c)
{
    if (without(c, "private"))
        return;
    narrate(c, "mount(\"/\", MS_REC | MS_PRIVATE)   # mount --make-rprivate /");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
        die("make the mounts private");
}

/*
 * Make root_path our "/". pivot_root(2) swaps the root mount of the whole
 * namespace, then the old one is detached: no path leads there any more.
 * chroot(2) only changes where our own "/" points; the host's files stay
 * mounted behind it, and root can get back to them.
 * The new root must be a mount, so bind the directory onto itself.
 */
void enter_root(const struct container *c)
{
    const char *root = c->root_path;
    narrate(c, "mount(MS_BIND | MS_REC)   # mount --rbind %s %s", root, root);
    if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) == -1)
        die("bind the root file system %s", root);
    if (chdir(root) == -1)
        die("change to the directory %s", root);
    /* With shared mounts pivot_root refuses; buggy programs chroot then. */
    if (without(c, "pivot") || without(c, "private")) {
        narrate(c, "chroot(\".\")   # chroot %s", root);
        if (chroot(".") == -1)
            die("chroot to %s", root);
        return;
    }
    narrate(c, "pivot_root(\".\", \".\")   # pivot_root . .");
    if (syscall(SYS_pivot_root, ".", ".") == -1)
        die_with_hint(errno == EBUSY ? "it is the host's own root"
                                     : "are mounts still shared? Or is this "
                                       "host's root a ramfs?",
                      "pivot_root to %s", root);
    narrate(c, "umount2(\".\", MNT_DETACH)   # umount --lazy .");
    if (umount2(".", MNT_DETACH) == -1)
        die("unmount the old root");
}

/*
 * What a program expects to find, and why each may not be the host's: /proc
 * shows the processes of the PID namespace of whoever mounts it; /sys is
 * for reading only; /dev holds harmless devices; the rest forgets its content.
 */
static const struct {
    const char *type;
    const char *path;
    unsigned long flags;
    const char *data;
} filesystems[] = {
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, ""},
    {"tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k"},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666"},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777"},
    {"mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"},
};

/*
 * We are in the new root: a path that leads through a symbolic link of the
 * image can't leave it. Nothing is created in the image itself, only in our
 * /dev. mount(2), proc(5), devpts: kernel, filesystems/devpts.rst
 */
void mount_filesystems(const struct container *c)
{
    for (size_t i = 0; i < sizeof(filesystems) / sizeof(*filesystems); i++) {
        const char *type = filesystems[i].type;
        const char *path = filesystems[i].path;
        if (strncmp(path, "/dev/", 5) == 0 && mkdir(path, 0755) == -1)
            die("make the directory %s", path);
        narrate(c, "mount(\"%s\", \"%s\")   # mount -t %s %s %s", type, path,
                type, type, path);
        if (mount(type, path, type, filesystems[i].flags,
                  filesystems[i].data) == -1)
            die_with_hint(errno == ENOENT
                              ? "the root file system lacks the directory"
                              : NULL,
                          "mount %s on %s", type, path);
    }
}

/* The devices that every container has, by number: mem(4), random(4), tty(4) */
static const struct {
    const char *path;
    unsigned char major;
    unsigned char minor;
} devices[] = {
    {"/dev/null", 1, 3}, /* takes anything, gives nothing */
    {"/dev/zero", 1, 5}, /* gives zero bytes */
    {"/dev/full", 1, 7}, /* takes nothing: "no space left" */
    {"/dev/random", 1, 8}, /* gives random bytes */
    {"/dev/urandom", 1, 9}, /* the same */
    {"/dev/tty", 5, 0}, /* the terminal of whoever opens it */
};

static const struct {
    const char *target;
    const char *path;
} links[] = {
    {"pts/ptmx", "/dev/ptmx"}, /* makes a new pseudo-terminal */
    {"/proc/self/fd", "/dev/fd"}, /* bash's <(command) needs it */
    {"/proc/self/fd/0", "/dev/stdin"}, /* the next three: for scripts */
    {"/proc/self/fd/1", "/dev/stdout"}, /* that want a file name */
    {"/proc/self/fd/2", "/dev/stderr"}, /* where they could have none */
};

/* A device node is a name for a driver of the kernel: mknod(2) */
void make_devices(const struct container *c)
{
    mode_t mask = umask(0);
    for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
        dev_t device = makedev(devices[i].major, devices[i].minor);
        narrate(c, "mknod(\"%s\")   # mknod -m 666 %s c %d %d", devices[i].path,
                devices[i].path, devices[i].major, devices[i].minor);
        if (mknod(devices[i].path, S_IFCHR | 0666, device) == -1)
            die("make the device %s", devices[i].path);
    }
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
        if (symlink(links[i].target, links[i].path) == -1)
            die("make the link %s", links[i].path);
    }
    umask(mask);
}

/*
 * A directory that our caller had open would still be a way to the host's
 * files, pivot_root or not. Close all but the standard three. close_range(2)
 */
void close_files(const struct container *c)
{
    narrate(c, "close_range(3, CLOSE_RANGE_CLOEXEC)   # exec 3>&- 4>&- ...");
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == -1)
        die("close the other files");
}

/*
 * Mounts of its own, and System V and POSIX IPC of its own (/dev/mqueue shows
 * the IPC namespace's queues): mount_namespaces(7), ipc_namespaces(7).
 * The root is opened now, where an error harms nobody yet.
 */
void want_mount_namespace(struct container *c)
{
    int fd = open(c->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        die_with_hint("run \"make rootfs\", or give --rootfs DIR",
                      "open the root file system %s", c->root_path);
    close(fd);
    c->clone.flags |= CLONE_NEWNS | CLONE_NEWIPC;
}

/*
 * --without=private lets mounts leak; not into the host, though. We move into
 * a mount namespace to be sacrificed: cut off from the host, then shared with
 * the child's copy, as a host's own is. Look at it in /proc/PID/mountinfo.
 */
void sacrifice_mount_namespace(const struct container *c)
{
    if (!without(c, "private"))
        return;
    narrate(c, "unshare(CLONE_NEWNS)   # unshare --mount --propagation shared");
    if (unshare(CLONE_NEWNS) == -1)
        die("unshare the mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
        mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) == -1)
        die("change the propagation of the mounts");
}
