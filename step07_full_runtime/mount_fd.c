/*
 * mount_fd.c - mounts as descriptors: open_tree(2), fsopen(2), move_mount(2).
 *
 * It must never be given a path that leads into a container's root, except
 * beside the descriptor of that root. It grew out of step04.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount_fd.h"
#include "util.h"

/* The kernel leaves a sentence about what it did not like: "e overlay: ..." */
static void print_complaint(int fs_fd, char *text, size_t size)
{
    int saved_errno = errno;
    ssize_t n = read(fs_fd, text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    errno = saved_errno;
}

/* One word of mount(8)'s -o list: "size=1m", or "ro". */
static int configure(int fs_fd, char *option)
{
    char *value = strchr(option, '=');
    if (!value)
        return fsconfig(fs_fd, FSCONFIG_SET_FLAG, option, NULL, 0);
    *value++ = '\0';
    return fsconfig(fs_fd, FSCONFIG_SET_STRING, option, value, 0);
}

/* source is shown in mountinfo; each option of data is handed over. */
static int configure_all(int fs_fd, const char *source, const char *data)
{
    if (source && fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", source, 0))
        return -1;
    CLEANUP(free_string) char *copy = copy_string(data ? data : "");
    for (char *rest = copy, *option; (option = strsep(&rest, ","));) {
        if (*option && configure(fs_fd, option) == -1)
            return -1;
    }
    return fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/*
 * fsopen(2) makes an empty context, fsconfig(2) fills it in, fsmount(2) turns
 * it into a mount that is nowhere yet. mount(2) does all of it at once, but
 * takes a path for the target.
 */
static int create(const char *type, const char *source, const char *data,
                  uint64_t attributes, char *complaint, size_t size)
{
    CLEANUP(close_fd) int fs_fd = fsopen(type, FSOPEN_CLOEXEC);
    if (fs_fd == -1)
        return -1;
    if (configure_all(fs_fd, source, data) == -1) {
        print_complaint(fs_fd, complaint, size);
        return -1;
    }
    return fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned int)attributes);
}

int mount_try_new(const char *type, const char *source, const char *data,
                  uint64_t attributes)
{
    char complaint[256] = "";
    return create(type, source, data, attributes, complaint, sizeof(complaint));
}

int mount_new(const char *type, const char *source, const char *data,
              uint64_t attributes)
{
    char complaint[256] = "";
    int fd =
        create(type, source, data, attributes, complaint, sizeof(complaint));
    if (fd == -1)
        die("mount a new %s%s%s%s%s", type, data ? " with " : "",
            data ? data : "", *complaint ? ": " : "", complaint);
    return fd;
}

int mount_copy(int fd, bool recursive)
{
    unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
    return open_tree(fd, "", flags | (recursive ? AT_RECURSIVE : 0));
}

/*
 * mount_setattr(2), unlike a remount, can change a whole tree at once, and
 * leaves what is not named as it is.
 */
void mount_change(int mount_fd, uint64_t set, uint64_t clear,
                  unsigned long propagation, bool recursive)
{
    if (!set && !clear && !propagation)
        return;
    struct mount_attr change = {
        .attr_set = set,
        .attr_clr = clear,
        .propagation = propagation & ~(unsigned long)MS_REC,
    };
    unsigned int flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
    if (mount_setattr(mount_fd, "", flags, &change, sizeof(change)) == -1)
        die("change the attributes of a mount");
}

void mount_attach(int mount_fd, int target_fd, const char *target_name)
{
    if (move_mount(mount_fd, "", target_fd, "",
                   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == -1)
        die("mount on %s in the root", target_name);
}

/* Split "/a/b/c" into "/a/b" and "c"; false if there is no last part. */
static bool split_path(char *path, char **last)
{
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        path[--length] = '\0';
    char *slash = strrchr(path, '/');
    *last = slash ? slash + 1 : path;
    if (slash)
        *slash = '\0';
    return **last && strcmp(*last, "..") != 0 && strcmp(*last, ".") != 0;
}

/*
 * Each part is made beside a descriptor of the directory above it, and looked
 * up again inside the root: a link that appears meanwhile cannot lead out.
 */
int make_directories(int root_fd, const char *path, mode_t mode)
{
    int fd = open_in_root(root_fd, path, O_PATH | O_DIRECTORY);
    if (fd != -1 || errno != ENOENT)
        return fd;
    CLEANUP(free_string) char *parent = copy_string(path);
    char *name;
    if (!split_path(parent, &name)) {
        errno = ENOENT;
        return -1;
    }
    CLEANUP(close_fd) int parent_fd = make_directories(root_fd, parent, mode);
    if (parent_fd == -1 ||
        (mkdirat(parent_fd, name, mode) == -1 && errno != EEXIST))
        return -1;
    return open_in_root(root_fd, path, O_PATH | O_DIRECTORY);
}

static int make_file(int root_fd, const char *path)
{
    CLEANUP(free_string) char *parent = copy_string(path);
    char *name;
    if (!split_path(parent, &name)) {
        errno = ENOENT;
        return -1;
    }
    CLEANUP(close_fd) int parent_fd = make_directories(root_fd, parent, 0755);
    if (parent_fd == -1)
        return -1;
    CLEANUP(close_fd)
    int fd = openat(parent_fd, name,
                    O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd == -1 && errno != EEXIST)
        return -1;
    return open_in_root(root_fd, path, O_PATH);
}

int mount_target(int root_fd, const char *path, bool is_directory)
{
    int fd = open_in_root(root_fd, path, O_PATH);
    if (fd == -1 && errno == ENOENT)
        fd = is_directory ? make_directories(root_fd, path, 0755)
                          : make_file(root_fd, path);
    if (fd == -1)
        die("make %s in the root, to mount on", path);
    struct stat st;
    if (fstat(fd, &st) == -1)
        die("look at %s in the root", path);
    if (S_ISDIR(st.st_mode) != is_directory)
        fail("mount on %s in the root: %s a directory (the source is the "
             "other kind)",
             path, is_directory ? "not" : "is");
    return fd;
}
