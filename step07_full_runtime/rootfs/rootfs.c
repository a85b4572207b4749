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
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/safeguards.h"
#include "rootfs/host_files.h"
#include "rootfs/mount_fd.h"
#include "rootfs/rootfs.h"

static void check_directory(const char *path, const char *hint)
{
    struct stat st;
    if (stat(path, &st) == -1)
        die_with_hint(hint, "open the root file system %s", path);
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        die_with_hint(hint, "open the root file system %s", path);
    }
}

static void check_root(const struct spec *spec, const char *root_hint)
{
    if (spec->namespaces[NS_MOUNT].path)
        return; /* it is a path in there */
    if (spec->invocation.no_pivot && spec_makes(spec, NS_USER))
        fail("--no-pivot: a user namespace can't get rid of the host's mounts");
    check_directory(spec->root_path, root_hint);
    for (char **layer = spec->overlay.layers; *layer; layer++)
        check_directory(*layer, "a --layer");
}

void rootfs_check(const struct spec *spec)
{
    check_root(spec, "root.path of config.json");
}

void rootfs_check_usual(const struct spec *spec)
{
    static const char *const names[] = {"proc", "sys", "dev", "tmp"};
    check_root(spec, "run \"make rootfs\", or give --rootfs DIR");
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
 * appears on the host as well. So cut all our mounts off first, but for what
 * the host mounts later: some config.json want that to come in.
 * mount_namespaces(7), SHARED SUBTREES.
 */
void make_mounts_private(void)
{
    if (without("private"))
        return;
    narrate(4, "mount(\"/\", MS_REC | MS_SLAVE) # mount --make-rslave /");
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == -1)
        die("make the mounts slaves of the host's");
}

static int open_host_file(const char *path)
{
    int fd = host_file_open(path, false);
    if (fd == -1)
        die("open %s", path);
    return fd;
}

static size_t count_layers(const struct spec *spec)
{
    size_t count = 0;
    while (spec->overlay.layers[count])
        count++;
    return count;
}

static int copy_mapped(const char *path, bool recursive, int maps_fd)
{
    int fd = mount_copy_path(path, recursive);
    if (fd == -1)
        die("copy the mount of %s", path);
    narrate(7, "mount_setattr(\"%s\", MOUNT_ATTR_IDMAP)", path);
    mount_map_ids(fd, maps_fd, false, path);
    return fd;
}

void rootfs_prepare(struct root_sources *s, const struct spec *spec,
                    int maps_fd)
{
    *s = (struct root_sources){-1, -1, NULL, -1, -1, NULL, NULL};
    size_t count = count_layers(spec);
    s->layer_fds = allocate(count, sizeof(int));
    if (!spec->idmap_root)
        return;
    s->copy_fd = copy_mapped(spec->root_path, !spec->overlay.wanted, maps_fd);
    for (size_t i = 0; i < count; i++)
        s->layer_fds[i] = copy_mapped(spec->overlay.layers[i], false, maps_fd);
}

void rootfs_open_sources(struct root_sources *s, const struct spec *spec,
                         const char *scratch_path)
{
    s->root_fd = open_host_file(spec->root_path);
    s->null_fd = open_host_file("/dev/null");
    if (!is_device(s->null_fd, 'c', 1, 3))
        die("open /dev/null (is it the device c 1:3?)");
    if (spec->invocation.no_pivot) {
        s->mountinfo = read_file_at(AT_FDCWD, "/proc/self/mountinfo");
        if (!s->mountinfo)
            die("read /proc/self/mountinfo");
    }
    if (!spec->overlay.wanted && s->copy_fd == -1)
        s->copy_fd = mount_copy(s->root_fd, true);
    if (!spec->overlay.wanted && s->copy_fd == -1)
        die("copy the mount of the root file system %s", spec->root_path);
    if (!spec->overlay.wanted)
        return;
    for (size_t i = 0; !spec->idmap_root && spec->overlay.layers[i]; i++)
        s->layer_fds[i] = open_host_file(spec->overlay.layers[i]);
    s->scratch_fd = open_host_file(scratch_path);
}

/* The text for lowerdir=: the top layer first. Descriptors in place of paths:
 * short, no character needs an escape, and mountinfo tells nothing. */
static char *list_layers(const struct root_sources *s, const struct spec *spec)
{
    char *list = print_string("/proc/self/fd/%d",
                              spec->idmap_root ? s->copy_fd : s->root_fd);
    for (size_t i = 0; spec->overlay.layers[i]; i++) {
        char *below = list;
        list = print_string("/proc/self/fd/%d:%s", s->layer_fds[i], below);
        free(below);
    }
    return list;
}

/* Overlayfs wants its layers attached, too, if they are mounts of their own. */
static void attach_layers(const struct root_sources *s, const struct spec *spec)
{
    if (!spec->idmap_root)
        return;
    mount_attach(s->copy_fd, s->scratch_fd, "our own directory");
    for (size_t i = 0; spec->overlay.layers[i]; i++)
        mount_attach(s->layer_fds[i], s->scratch_fd, "our own directory");
}

/*
 * Overlayfs shows several directories as one. Reads fall through to the lower
 * ones; what is written goes to the upper one. Ours is on a tmpfs that only
 * this mount namespace has: it is gone with the container, and its memory
 * counts as the container's. (Mounted over a directory of ours, because
 * overlayfs wants an upper directory that is attached.)
 */
static int make_overlay(const struct root_sources *s, const struct spec *spec)
{
    CLEANUP(close_fd)
    int tmpfs_fd = mount_new("tmpfs", "rung", "mode=755,uid=0,gid=0", 0);
    mount_attach(tmpfs_fd, s->scratch_fd, "our own directory");
    attach_layers(s, spec);
    if (mkdirat(tmpfs_fd, "upper", 0755) == -1 ||
        mkdirat(tmpfs_fd, "work", 0755) == -1)
        die("make the directories upper and work");
    CLEANUP(free_string) char *layers = list_layers(s, spec);
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
 * not appear in the directory for others: so it is bound on itself. "slave"
 * lets the host's later mounts come in, and nothing go out.
 */
int rootfs_attach(const struct root_sources *s, const struct spec *spec)
{
    mount_use_label(spec->mount_label);
    int fd = spec->overlay.wanted ? make_overlay(s, spec) : s->copy_fd;
    narrate(4, "open_tree, move_mount(\"%s\") # mount --rbind %s %s; cd %s",
            spec->root_path, spec->root_path, spec->root_path, spec->root_path);
    if (!without("private"))
        mount_change(fd, 0, 0,
                     spec->root_propagation & MS_SLAVE ? MS_SLAVE : MS_PRIVATE,
                     true, "the root");
    mount_attach(fd, s->root_fd, spec->root_path);
    return fd;
}

/* What is named twice is mounted once. */
static bool is_repeated(char **paths, char **path)
{
    while (paths < path && strcmp(*paths, *path) != 0)
        paths++;
    return paths < path;
}

/*
 * /proc/kcore is the host's memory, /proc/keys its keys: what no namespace
 * covers is covered by something empty, /dev/null on files and one read-only
 * tmpfs on all directories.
 */
static void mask_paths(const struct root_sources *s, const struct spec *spec,
                       int root_fd)
{
    CLEANUP(close_fd) int empty_fd = -1;
    for (char **path = spec->masked_paths; *path; path++) {
        if (is_repeated(spec->masked_paths, path))
            continue;
        CLEANUP(close_fd) int target_fd = open_in_root(root_fd, *path, O_PATH);
        if (target_fd == -1 && (errno == ENOENT || errno == ENOTDIR))
            continue; /* this kernel does not have it */
        struct stat st;
        if (target_fd == -1 || fstat(target_fd, &st) == -1)
            die("open %s in the root, to mask it", *path);
        CLEANUP(close_fd) int cover_fd = -1;
        if (!S_ISDIR(st.st_mode)) {
            cover_fd = mount_copy(s->null_fd, false);
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
        if (is_repeated(spec->readonly_paths, path))
            continue;
        CLEANUP(close_fd) int target_fd = open_in_root(root_fd, *path, O_PATH);
        if (target_fd == -1 && (errno == ENOENT || errno == ENOTDIR))
            continue;
        CLEANUP(close_fd)
        int copy_fd = target_fd == -1 ? -1 : mount_copy(target_fd, true);
        if (copy_fd == -1)
            die("open %s in the root, to make it read-only", *path);
        mount_change(copy_fd, MOUNT_ATTR_RDONLY, 0, 0, true, *path);
        narrate(7, "mount_setattr(\"%s\", RDONLY) # mount --bind -r .%s .%s",
                *path, *path, *path);
        mount_attach(copy_fd, target_fd, *path);
    }
}

/* While it can still be made; if not, whoever enters it will say why. */
static void make_working_directory(const struct spec *spec, int root_fd)
{
    CLEANUP(close_fd)
    int fd = make_directories(root_fd, spec->process.cwd, 0755);
}

void rootfs_protect(const struct root_sources *s, const struct spec *spec,
                    int root_fd)
{
    make_working_directory(spec, root_fd);
    if (!without("masked-paths"))
        mask_paths(s, spec, root_fd);
    if (!without("read-only-paths"))
        protect_paths(spec, root_fd);
    if (spec->root_readonly)
        mount_change(root_fd, MOUNT_ATTR_RDONLY, 0, 0, false, "the root");
}

/*
 * pivot_root(2) swaps the two roots; the old one is then on top of the new,
 * and goes away with all its mounts. chroot(2) only changes where "/" starts:
 * the old root stays mounted, and root can climb back out to it.
 */
static void pivot(const struct spec *spec)
{
    narrate(4, "pivot_root(\"%s\") # cd %s && pivot_root . . && umount -l .",
            spec->root_path, spec->root_path);
    if (syscall(SYS_pivot_root, ".", ".") == -1)
        die("pivot_root to %s (is the host's root a ramfs? see --no-pivot)",
            spec->root_path);
    if (umount2(".", MNT_DETACH) == -1)
        die("detach the old root");
}

static void change_root(const char *path)
{
    narrate(4, "chroot(\"%s\") # chroot %s", path, path);
    if (chroot(".") == -1)
        die("chroot to %s", path);
}

/* The last mount first: it may be on one before it. */
static void detach_old_mounts(char *mountinfo)
{
    for (char *text = mountinfo; *text;) {
        text[strlen(text) - 1] = '\0'; /* the last newline */
        char *line = strrchr(text, '\n');
        line = line ? line + 1 : text;
        CLEANUP(free_string) char *path = NULL;
        if (sscanf(line, "%*s %*s %*s %*s %ms", &path) != 1)
            fail("understand /proc/self/mountinfo: %s", line);
        unescape_mount(path);
        *line = '\0';
        if (strcmp(path, "/") != 0 &&
            umount2(path + 1, MNT_DETACH | UMOUNT_NOFOLLOW) == -1)
            die("detach the host's mount %s, for --no-pivot", path);
    }
}

/*
 * A host that runs from its initial ramfs can't give that up. So the new root
 * is moved on top of the old one, as a boot does it; and all of the host's
 * other mounts, which would still be there below, are detached.
 */
static void move_root(const struct root_sources *s, int root_fd)
{
    CLEANUP(close_fd) int old_fd = open_host_file("/");
    narrate(4, "move_mount(\"/\") # mount --move . /");
    mount_attach(root_fd, old_fd, "/");
    if (fchdir(old_fd) == -1)
        die("enter the old root");
    detach_old_mounts(s->mountinfo);
    if (fchdir(root_fd) == -1)
        die("enter the new root");
}

void enter_root(const struct root_sources *s, const struct spec *spec,
                int root_fd)
{
    if (fchdir(root_fd) == -1)
        die("enter the root file system %s", spec->root_path);
    if (without("pivot")) {
        change_root(spec->root_path);
        return;
    }
    if (without("private"))
        (void)mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
    if (spec->invocation.no_pivot) {
        move_root(s, root_fd);
        change_root(spec->root_path);
    } else {
        pivot(spec);
    }
    if (chdir("/") == -1)
        die("enter the new root");
    /* Private and slave it has been from the beginning: what one mount wants to
     * be instead it stays. */
    if (spec->root_propagation &&
        !(spec->root_propagation & (MS_PRIVATE | MS_SLAVE)) &&
        mount(NULL, "/", NULL, spec->root_propagation, NULL) == -1)
        die("set the propagation of the root");
}

void rootfs_join(const struct spec *spec)
{
    CLEANUP(close_fd) int fd = open_host_file(spec->root_path);
    if (fchdir(fd) == -1)
        die("enter the root file system %s", spec->root_path);
    change_root(spec->root_path);
    if (chdir("/") == -1)
        die("enter the new root");
}
