/*
 * rootfs.c - the container's root file system.
 *
 * Runs in the child: takes the root (a directory, or an overlay of several),
 * hides in it what a container must not see, and makes it "/". It must never
 * change the directory itself beyond mount points that are missing, and never
 * leave the old root reachable. It grew out of step04.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mount_fd.h"
#include "rootfs.h"
#include "util.h"

/* What was opened while we could still name it as the caller. */
static struct {
    int root_fd; /* root.path */
    int *layer_fds;
    int scratch_fd;
    int null_fd; /* the host's /dev/null */
} sources = {-1, NULL, -1, -1};

static void check_directory(const char *path, const char *hint)
{
    struct stat st;
    if (stat(path, &st) == -1)
        die("open the root file system %s%s", path, hint);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        die("open the root file system %s%s", path, hint);
    }
}

void rootfs_check(const struct spec *spec)
{
    check_directory(spec->root_path,
                    " (run \"make rootfs\", or give --rootfs DIR)");
    for (char **layer = spec->overlay.layers; *layer; layer++)
        check_directory(*layer, " (a --layer)");
}

void rootfs_check_usual(const struct spec *spec)
{
    static const char *const names[] = {"proc", "sys", "dev", "tmp"};
    rootfs_check(spec);
    for (size_t i = 0; i < ARRAY_SIZE(names) && !spec->overlay.wanted; i++) {
        CLEANUP(free_string) char *path = join_path(spec->root_path, names[i]);
        struct stat st;
        if (lstat(path, &st) == -1)
            die("find the directory %s to mount on (is this a root file "
                "system? --overlay makes what is missing)",
                path);
    }
}

/*
 * Most systems mount "/" shared: what is mounted in a copy of the namespace
 * appears on the host as well. So cut all our mounts off first.
 * mount_namespaces(7), SHARED SUBTREES.
 */
void rootfs_make_private(void)
{
    if (without("private"))
        return;
    narrate(4, "mount(\"/\", MS_REC | MS_PRIVATE) # mount --make-rprivate /");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
        die("make the mounts private");
}

static int open_directory(const char *path)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        die("open %s", path);
    return fd;
}

static bool is_device(int fd, unsigned int major_number,
                      unsigned int minor_number)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
           st.st_rdev == makedev(major_number, minor_number);
}

void rootfs_open_sources(const struct spec *spec, const char *scratch_path)
{
    sources.root_fd = open_directory(spec->root_path);
    sources.null_fd = open("/dev/null", O_PATH | O_CLOEXEC);
    if (sources.null_fd == -1 || !is_device(sources.null_fd, 1, 3))
        fail("open /dev/null: not the device 1:3");
    if (!spec->overlay.wanted)
        return;
    size_t count = 0;
    while (spec->overlay.layers[count])
        count++;
    sources.layer_fds = allocate(count, sizeof(int));
    for (size_t i = 0; i < count; i++)
        sources.layer_fds[i] = open_directory(spec->overlay.layers[i]);
    sources.scratch_fd = open_directory(scratch_path);
}

/* The text for lowerdir=: the top layer first. Descriptors in place of paths:
 * short, no character needs an escape, and mountinfo tells nothing. */
static char *list_layers(const struct spec *spec)
{
    char *list = print_string("/proc/self/fd/%d", sources.root_fd);
    for (size_t i = 0; spec->overlay.layers[i]; i++) {
        char *below = list;
        list = print_string("/proc/self/fd/%d:%s", sources.layer_fds[i], below);
        free(below);
    }
    return list;
}

/*
 * Overlayfs shows several directories as one. Reads fall through to the lower
 * ones; what is written goes to the upper one. Ours is on a tmpfs that only
 * this mount namespace has: it is gone with the container, and its memory
 * counts as the container's. (Mounted over a directory of ours, because
 * overlayfs wants an upper directory that is attached.)
 */
static int make_overlay(const struct spec *spec)
{
    CLEANUP(close_fd)
    int tmpfs_fd = mount_new("tmpfs", "rung", "mode=755,uid=0,gid=0", 0);
    mount_attach(tmpfs_fd, sources.scratch_fd, "our own directory");
    if (mkdirat(tmpfs_fd, "upper", 0755) == -1 ||
        mkdirat(tmpfs_fd, "work", 0755) == -1)
        die("make the directories upper and work");
    CLEANUP(free_string) char *layers = list_layers(spec);
    narrate(7,
            "fsopen(\"overlay\") # mount -t overlay -o lowerdir=%s,"
            "upperdir=upper,workdir=work overlay %s",
            spec->root_path, spec->root_path);
    CLEANUP(free_string)
    char *data = print_string("lowerdir=%s,upperdir=/proc/self/fd/%d/upper,"
                              "workdir=/proc/self/fd/%d/work%s",
                              layers, tmpfs_fd, tmpfs_fd,
                              spec_makes(spec, NS_USER) ? ",userxattr" : "");
    return mount_new("overlay", "overlay", data, 0);
}

/*
 * pivot_root(2) wants the new root to be a mount, and mounts made inside must
 * not appear in the directory for others: so it is bound on itself.
 */
int rootfs_attach(const struct spec *spec)
{
    int fd = spec->overlay.wanted ? make_overlay(spec)
                                  : mount_copy(sources.root_fd, true);
    if (fd == -1)
        die("bind the root file system %s", spec->root_path);
    narrate(4, "open_tree, move_mount(\"%s\") # mount --rbind %s %s; cd %s",
            spec->root_path, spec->root_path, spec->root_path, spec->root_path);
    if (!without("private"))
        mount_change(fd, 0, 0, MS_PRIVATE, true);
    mount_attach(fd, sources.root_fd, spec->root_path);
    return fd;
}

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

/* No device can be made in a user namespace, but the host's can be bound. */
static void bind_device(const struct device_spec *d, int root_fd)
{
    CLEANUP(close_fd) int host_fd = open(d->path, O_PATH | O_CLOEXEC);
    if (host_fd == -1 || !is_device(host_fd, d->major, d->minor))
        fail("bind the device %s: the host has no such device", d->path);
    CLEANUP(close_fd) int copy_fd = mount_copy(host_fd, false);
    if (copy_fd == -1)
        die("bind the device %s", d->path);
    CLEANUP(close_fd) int target_fd = mount_target(root_fd, d->path, false);
    narrate(4, "open_tree, move_mount(\"%s\") # mount --bind %s .%s", d->path,
            d->path, d->path);
    mount_attach(copy_fd, target_fd, d->path);
}

static void make_device(const struct device_spec *d, int root_fd)
{
    mode_t type = d->type == 'c' ? S_IFCHR : d->type == 'b' ? S_IFBLK : S_IFIFO;
    CLEANUP(free_string) char *directory = copy_string(d->path);
    char *name = strrchr(directory, '/') + 1;
    name[-1] = '\0';
    CLEANUP(close_fd) int fd = make_directories(root_fd, directory, 0755);
    if (fd == -1)
        die("open %s/ in the root", directory);
    narrate(4, "mknod(\"%s\") # mknod -m %o %s %c %u %u", d->path, d->mode,
            d->path, d->type, d->major, d->minor);
    (void)unlinkat(fd, name, 0); /* ours replaces one of the same name */
    if (mknodat(fd, name, type | d->mode, makedev(d->major, d->minor)) == -1 ||
        fchmodat(fd, name, d->mode, 0) == -1 ||
        fchownat(fd, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) == -1)
        die("make the device %s", d->path);
}

/* Only a /dev that we mounted is filled: never the image's own directory. */
static bool has_own_dev(const struct spec *spec)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        if (strcmp(spec->mounts[i].destination, "/dev") == 0)
            return !spec->mounts[i].bind;
    }
    return false;
}

static void make_devices(const struct spec *spec, int root_fd)
{
    if (!has_own_dev(spec))
        return;
    bool is_host_root = !spec->rootless && !spec->namespaces[NS_USER].wanted;
    for (size_t i = 0; i < ARRAY_SIZE(DEVICES); i++) {
        if (is_host_root)
            make_device(&DEVICES[i], root_fd);
        else
            bind_device(&DEVICES[i], root_fd);
    }
    for (size_t i = 0; i < spec->device_count; i++) {
        if (is_host_root)
            make_device(&spec->devices[i], root_fd);
        else
            bind_device(&spec->devices[i], root_fd);
    }
    CLEANUP(close_fd) int dev_fd = open_in_root(root_fd, "/dev", O_PATH);
    for (size_t i = 0; i < ARRAY_SIZE(LINKS); i++) {
        if (symlinkat(LINKS[i].target, dev_fd, LINKS[i].path) == -1 &&
            errno != EEXIST)
            die("make the link /dev/%s", LINKS[i].path);
    }
}

/*
 * /proc/kcore is the host's memory, /proc/keys its keys: what no namespace
 * covers is covered by something empty, /dev/null on files and one read-only
 * tmpfs on all directories.
 */
static void mask_paths(const struct spec *spec, int root_fd)
{
    CLEANUP(close_fd) int empty_fd = -1;
    for (char **path = spec->masked_paths; *path; path++) {
        CLEANUP(close_fd) int target_fd = open_in_root(root_fd, *path, O_PATH);
        if (target_fd == -1 && (errno == ENOENT || errno == ENOTDIR))
            continue; /* this kernel does not have it */
        struct stat st;
        if (target_fd == -1 || fstat(target_fd, &st) == -1)
            die("open %s in the root, to mask it", *path);
        CLEANUP(close_fd) int cover_fd = -1;
        if (!S_ISDIR(st.st_mode)) {
            cover_fd = mount_copy(sources.null_fd, false);
        } else if (empty_fd == -1) {
            empty_fd = mount_new("tmpfs", "tmpfs", "size=0,nr_inodes=1",
                                 MOUNT_ATTR_RDONLY);
            narrate(7, "move_mount(\"%s\") # mount -t tmpfs -r tmpfs .%s",
                    *path, *path);
            mount_attach(empty_fd, target_fd, *path);
            continue;
        } else {
            cover_fd = mount_copy(empty_fd, false);
        }
        if (cover_fd == -1)
            die("make something to mask %s with", *path);
        narrate(7, "move_mount(\"%s\") # mount --bind %s .%s", *path,
                S_ISDIR(st.st_mode) ? "/an/empty/directory" : "/dev/null",
                *path);
        mount_attach(cover_fd, target_fd, *path);
    }
}

/* A mount of the path on itself, with a read-only door. */
static void protect_paths(const struct spec *spec, int root_fd)
{
    for (char **path = spec->readonly_paths; *path; path++) {
        CLEANUP(close_fd) int target_fd = open_in_root(root_fd, *path, O_PATH);
        if (target_fd == -1 && (errno == ENOENT || errno == ENOTDIR))
            continue;
        CLEANUP(close_fd)
        int copy_fd = target_fd == -1 ? -1 : mount_copy(target_fd, true);
        if (copy_fd == -1)
            die("open %s in the root, to make it read-only", *path);
        mount_change(copy_fd, MOUNT_ATTR_RDONLY, 0, 0, true);
        narrate(7, "mount_setattr(\"%s\", RDONLY) # mount --bind -r .%s .%s",
                *path, *path, *path);
        mount_attach(copy_fd, target_fd, *path);
    }
}

void rootfs_finish(const struct spec *spec, int root_fd)
{
    make_devices(spec, root_fd);
    if (!without("masked-paths"))
        mask_paths(spec, root_fd);
    if (!without("read-only-paths"))
        protect_paths(spec, root_fd);
    if (spec->root_readonly)
        mount_change(root_fd, MOUNT_ATTR_RDONLY, 0, 0, false);
}

/*
 * pivot_root(2) swaps the two roots; the old one is then on top of the new,
 * and goes away with all its mounts. chroot(2) only changes where "/" starts:
 * the old root stays mounted, and root can climb back out to it.
 */
void rootfs_enter(const struct spec *spec, int root_fd)
{
    if (fchdir(root_fd) == -1)
        die("enter the root file system %s", spec->root_path);
    if (without("pivot")) {
        narrate(4, "chroot(\"%s\") # chroot %s", spec->root_path,
                spec->root_path);
        if (chroot(".") == -1)
            die("chroot to %s", spec->root_path);
        return;
    }
    if (without("private"))
        (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    narrate(4, "pivot_root(\"%s\") # cd %s && pivot_root . . && umount -l .",
            spec->root_path, spec->root_path);
    if (syscall(SYS_pivot_root, ".", ".") == -1)
        die("pivot_root to %s (is it on a ramfs?)", spec->root_path);
    if (umount2(".", MNT_DETACH) == -1)
        die("detach the old root");
    if (chdir("/") == -1)
        die("enter the new root");
    if (spec->root_propagation &&
        mount(NULL, "/", NULL, spec->root_propagation, NULL) == -1)
        die("set the propagation of the root");
}
