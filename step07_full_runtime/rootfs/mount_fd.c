/*
 * mount_fd.c - mounts as descriptors: open_tree(2), fsopen(2), move_mount(2).
 *
 * It must never be given a path that leads into a container's root, except
 * beside the descriptor of that root. It grew out of step04.
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
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "rootfs/mount_fd.h"

/* What the kernel said about the last file system that it did not like. */
static char complaint[256];

/* It leaves a sentence in the context, after a letter (e for error) and a
 * space: "e overlay: ..." */
static void read_complaint(int fs_fd)
{
    int saved_errno = errno;
    char text[sizeof(complaint)];
    ssize_t n = read(fs_fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    memcpy(complaint, n > 2 ? text + 2 : "", n > 2 ? strlen(text + 2) + 1 : 1);
    errno = saved_errno;
}

/* The next word of mount(8)'s -o list. A comma in quotes, or after a
 * backslash, does not end it: the first is SELinux's way, the second overlay's.
 */
static char *next_word(char **rest)
{
    char *word = *rest;
    char *end = word;
    for (bool is_quoted = false; *end && (is_quoted || *end != ','); end++) {
        if (*end == '\\' && end[1])
            end++;
        else if (*end == '"')
            is_quoted = !is_quoted;
    }
    *rest = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

/* "size=1m", or "sync"; in quotes: the value is without them. */
static int configure(int fs_fd, char *option)
{
    char *value = strchr(option, '=');
    if (!value)
        return fsconfig(fs_fd, FSCONFIG_SET_FLAG, option, NULL, 0);
    *value++ = '\0';
    size_t length = strlen(value);
    if (length > 1 && value[0] == '"' && value[length - 1] == '"') {
        value[length - 1] = '\0';
        value++;
    }
    return fsconfig(fs_fd, FSCONFIG_SET_STRING, option, value, 0);
}

static int configure_all(int fs_fd, const char *data, unsigned int command)
{
    CLEANUP(free_string) char *copy = copy_string(data ? data : "");
    for (char *rest = copy; *rest;) {
        char *option = next_word(&rest);
        if (*option && configure(fs_fd, option) == -1)
            return -1;
    }
    return fsconfig(fs_fd, command, NULL, NULL, 0);
}

static const char *selinux_label;

void mount_use_label(const char *label)
{
    selinux_label = label && *label ? label : NULL;
}

/* The files of these have labels of the kernel's own. */
static bool takes_label(const char *type)
{
    static const char *const OTHERS[] = {"proc", "sysfs", "mqueue", "cgroup2"};
    for (size_t i = 0; i < ARRAY_SIZE(OTHERS); i++) {
        if (strcmp(OTHERS[i], type) == 0)
            return false;
    }
    return true;
}

/* The source is a disk, or a word that mountinfo shows. Read-only is said
 * here, too, as mount(2) does it: it keeps a disk from being written. */
static int configure_common(int fs_fd, const char *type, const char *source,
                            bool is_readonly)
{
    if (source && fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", source, 0))
        return -1;
    if (is_readonly && fsconfig(fs_fd, FSCONFIG_SET_FLAG, "ro", NULL, 0))
        return -1;
    if (selinux_label && takes_label(type))
        return fsconfig(fs_fd, FSCONFIG_SET_STRING, "context", selinux_label,
                        0);
    return 0;
}

/*
 * fsopen(2) makes an empty context, fsconfig(2) fills it in, fsmount(2) turns
 * it into a mount that is nowhere yet. mount(2) does all of it at once, but
 * takes a path for the target.
 */
int mount_try_new(const char *type, const char *source, const char *data,
                  uint64_t attributes)
{
    complaint[0] = '\0';
    CLEANUP(close_fd) int fs_fd = fsopen(type, FSOPEN_CLOEXEC);
    if (fs_fd == -1)
        return -1;
    if (configure_common(fs_fd, type, source, attributes & MOUNT_ATTR_RDONLY) ==
            -1 ||
        configure_all(fs_fd, data, FSCONFIG_CMD_CREATE) == -1) {
        read_complaint(fs_fd);
        return -1;
    }
    return fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int)attributes);
}

void mount_new_failed(const char *type, const char *data)
{
    const char *label = selinux_label && takes_label(type) ? selinux_label : "";
    die_with_hint(errno == EPERM ? "does the user namespace own what it shows?"
                                 : NULL,
                  "mount a new %s with \"%s\"%s%s%s%s", type, data ? data : "",
                  *label ? " and the SELinux context " : "", label,
                  *complaint ? ": " : "", complaint);
}

int mount_new(const char *type, const char *source, const char *data,
              uint64_t attributes)
{
    int fd = mount_try_new(type, source, data, attributes);
    if (fd == -1)
        mount_new_failed(type, data);
    return fd;
}

void mount_reconfigure(int mount_fd, const char *data, const char *name)
{
    complaint[0] = '\0';
    CLEANUP(close_fd)
    int fs_fd = fspick(mount_fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
    if (fs_fd == -1)
        die("remount %s (is something mounted there?)", name);
    if (configure_all(fs_fd, data, FSCONFIG_CMD_RECONFIGURE) == -1) {
        read_complaint(fs_fd);
        die("remount %s with %s%s%s", name, data, *complaint ? ": " : "",
            complaint);
    }
}

static int copy(int fd, const char *path, bool recursive, unsigned int flags)
{
    return open_tree(fd, path,
                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags |
                         (recursive ? AT_RECURSIVE : 0));
}

int mount_copy(int fd, bool recursive)
{
    return copy(fd, "", recursive, AT_EMPTY_PATH);
}

int mount_copy_path(const char *path, bool recursive)
{
    return copy(AT_FDCWD, path, recursive, 0);
}

static int set_attributes(int mount_fd, struct mount_attr *change,
                          bool recursive)
{
    unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    return mount_setattr(mount_fd, "", flags, change, sizeof(*change));
}

/*
 * mount_setattr(2), unlike a remount, can change a whole tree at once, and
 * leaves what is not named as it is.
 */
void mount_change(int mount_fd, uint64_t set, uint64_t clear,
                  unsigned long propagation, bool recursive, const char *name)
{
    if (!set && !clear && !propagation)
        return;
    struct mount_attr change = {
        .attr_set = set,
        .attr_clr = clear,
        .propagation = propagation & ~(unsigned long)MS_REC,
    };
    if (set_attributes(mount_fd, &change, recursive) == -1)
        die_with_hint(
            errno == EPERM && clear
                ? "a user namespace cannot take away what the host has set"
                : NULL,
            "change the attributes of the mount for %s", name);
}

void mount_map_ids(int mount_fd, int user_namespace_fd, bool recursive,
                   const char *name)
{
    struct mount_attr change = {
        .attr_set = MOUNT_ATTR_IDMAP,
        .userns_fd = (uint64_t)user_namespace_fd,
    };
    if (set_attributes(mount_fd, &change, recursive) == -1)
        die_with_hint(errno == EINVAL  ? "its file system does not allow it"
                      : errno == EPERM ? "its file system is not this root's"
                                       : NULL,
                      "map the ids of the mount for %s", name);
}

void mount_attach(int mount_fd, int target_fd, const char *target_name)
{
    if (move_mount(mount_fd, "", target_fd, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == -1)
        die("mount on %s in the root", target_name);
}

bool is_device(int fd, char type, unsigned int major_number,
               unsigned int minor_number)
{
    struct stat st;
    if (fstat(fd, &st) == -1)
        return false;
    errno = ENODEV; /* if it is not */
    return (st.st_mode & S_IFMT) == (type == 'b' ? S_IFBLK : S_IFCHR) &&
           st.st_rdev == makedev(major_number, minor_number);
}

int make_parent(int root_fd, const char *path, char **name)
{
    CLEANUP(free_string) char *parent = copy_string(path);
    size_t length = strlen(parent);
    while (length > 0 && parent[length - 1] == '/')
        parent[--length] = '\0';
    char *slash = strrchr(parent, '/');
    *name = copy_string(slash ? slash + 1 : parent);
    if (**name == '\0' || strcmp(*name, "..") == 0 || strcmp(*name, ".") == 0) {
        errno = ENOENT;
        return -1;
    }
    if (slash)
        *slash = '\0';
    return make_directories(root_fd, slash ? parent : "", 0755);
}

/*
 * Where the link of that name leads, as a path in the root. NULL: no link, or
 * one of /proc: what that says of an open file is a path of the host's.
 */
static char *link_target(int directory_fd, const char *path, const char *name)
{
    char target[PATH_MAX];
    struct statfs fs;
    if (fstatfs(directory_fd, &fs) == -1 || fs.f_type == PROC_SUPER_MAGIC)
        return NULL;
    ssize_t n = readlinkat(directory_fd, name, target, sizeof(target) - 1);
    if (n == -1)
        return NULL;
    target[n] = '\0';
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    size_t directory = *target == '/' ? 0 : length - strlen(name);
    return print_string("%.*s%s", (int)directory, path, target);
}

/*
 * Each part is made beside a descriptor of the directory above it, and looked
 * up again inside the root: a link that appears meanwhile cannot lead out. Of
 * a link that leads to nothing, what it names is made.
 */
int make_directories(int root_fd, const char *path, mode_t mode)
{
    int fd = open_in_root(root_fd, path, O_PATH | O_DIRECTORY);
    if (fd != -1 || errno != ENOENT)
        return fd;
    CLEANUP(free_string) char *name = NULL;
    CLEANUP(close_fd) int parent_fd = make_parent(root_fd, path, &name);
    if (parent_fd == -1)
        return -1;
    bool is_made = mkdirat(parent_fd, name, mode) == 0;
    if (!is_made && errno != EEXIST)
        return -1;
    CLEANUP(free_string)
    char *target = is_made ? NULL : link_target(parent_fd, path, name);
    return target ? make_directories(root_fd, target, mode)
                  : open_in_root(root_fd, path, O_PATH | O_DIRECTORY);
}

/* The same for an empty file: resolv.conf is often such a link. */
static int make_file(int root_fd, const char *path)
{
    CLEANUP(free_string) char *name = NULL;
    CLEANUP(close_fd) int parent_fd = make_parent(root_fd, path, &name);
    if (parent_fd == -1)
        return -1;
    bool is_made = mknodat(parent_fd, name, S_IFREG | 0644, 0) == 0;
    if (!is_made && errno != EEXIST)
        return -1;
    CLEANUP(free_string)
    char *target = is_made ? NULL : link_target(parent_fd, path, name);
    return target ? make_file(root_fd, target)
                  : open_in_root(root_fd, path, O_PATH);
}

/* The kernel says "Not a directory" of any part of the path. */
static _Noreturn void cannot_mount_on(int root_fd, const char *path)
{
    int error = errno;
    CLEANUP(close_fd) int fd = open_in_root(root_fd, path, O_PATH);
    if (error == ENOTDIR && fd != -1)
        fail("mount a directory on %s in the root: it is a file", path);
    errno = error;
    die("make %s in the root, to mount on", path);
}

int mount_target(int root_fd, const char *path, bool is_directory)
{
    int fd = is_directory ? make_directories(root_fd, path, 0755)
                          : open_in_root(root_fd, path, O_PATH);
    if (fd == -1 && errno == ENOENT && !is_directory)
        fd = make_file(root_fd, path);
    if (fd == -1)
        cannot_mount_on(root_fd, path);
    struct stat st;
    if (fstat(fd, &st) == -1)
        die("look at %s in the root", path);
    if (!is_directory && S_ISDIR(st.st_mode))
        fail("mount a file on %s in the root: it is a directory", path);
    return fd;
}

int mount_target_shared(int root_fd, const char *path)
{
    mode_t old_umask = umask(0);
    int fd = make_directories(root_fd, path, 01777);
    if (fd == -1)
        cannot_mount_on(root_fd, path);
    (void)umask(old_umask);
    return fd;
}

int mount_target_plain(int root_fd, const char *path)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    int fd = open_in_root(root_fd, path, flags);
    if (fd == -1 && errno == ENOENT) {
        int made_fd = make_directories(root_fd, path, 0755);
        close_fd(&made_fd);
        fd = open_in_root(root_fd, path, flags);
    }
    if (fd == -1)
        die_with_hint(errno == ENOTDIR ? "a link would lead elsewhere" : NULL,
                      "make %s in the root, to mount on", path);
    return fd;
}
