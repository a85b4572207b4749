/*
 * copy_up.c - fill a tmpfs with what it is going to hide ("tmpcopyup").
 *
 * The source belongs to the image, and another container may be changing it:
 * so each name is opened beside the descriptor of its directory, no link is
 * ever followed, and depth is bounded (the size is: by the tmpfs). The copy is
 * attached nowhere yet, so nobody but us can touch it. New in step07.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <linux/openat2.h>
#include <search.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "rootfs/copy_up.h"

/* A directory on both sides. Each level holds three descriptors. */
struct place {
    int source_fd;
    int target_fd;
    const char *path; /* below the mount, for links and errors */
    int depth;
};

enum {
    DEPTH_MAX = 100
};

/* A file that has more than one name, and the first name it got. */
struct linked {
    dev_t device;
    ino_t inode;
    char *path;
};

static struct {
    const struct mount_spec *mount;
    int root_fd;
    void *linked_files; /* a tree: tsearch(3) */
} job;

static _Noreturn void cannot(const char *what, const char *path)
{
    die("copy %s/%s into the tmpfs that covers it: %s", job.mount->destination,
        path, what);
}

/* One name of a directory, never through a link, nor into another mount. */
static int open_entry(int directory_fd, const char *name, uint64_t flags)
{
    struct open_how how = {
        .flags = flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
    };
    return (int)syscall(SYS_openat2, directory_fd, name, &how, sizeof(how));
}

/* Holes stay holes: a file may be larger than what it holds. */
static int copy_data(int source_fd, int target_fd, off_t size)
{
    off_t at = 0;
    while ((at = lseek(source_fd, at, SEEK_DATA)) != -1) {
        off_t end = lseek(source_fd, at, SEEK_HOLE);
        if (end == -1 || lseek(target_fd, at, SEEK_SET) == -1)
            return -1;
        while (at < end) {
            ssize_t n = sendfile(target_fd, source_fd, &at, (size_t)(end - at));
            if (n == -1 && errno != EINTR)
                return -1;
            if (n == 0) /* it has become shorter meanwhile */
                return ftruncate(target_fd, at);
        }
    }
    return errno == ENXIO ? ftruncate(target_fd, size) : -1;
}

/* "trusted." is for the host's file systems, overlayfs for one. */
static void copy_attributes(int source_fd, int target_fd, const char *path)
{
    static char names[XATTR_LIST_MAX];
    static char value[XATTR_SIZE_MAX];
    ssize_t length = flistxattr(source_fd, names, sizeof(names));
    if (length == -1 && errno != EOPNOTSUPP)
        cannot("list its attributes", path);
    for (char *name = names; name < names + length; name += strlen(name) + 1) {
        if (strncmp(name, "trusted.", 8) == 0)
            continue;
        ssize_t size = fgetxattr(source_fd, name, value, sizeof(value));
        if (size == -1 && errno == ENODATA)
            continue;
        if (size == -1 ||
            (fsetxattr(target_fd, name, value, (size_t)size, 0) == -1 &&
             errno != EOPNOTSUPP))
            cannot(name, path);
    }
}

/*
 * The owner first: to change him takes set-user-ID and capabilities away. The
 * times last: all else changes them. The descriptors are -1 for what was not
 * opened.
 */
static void copy_metadata(const struct place *p, const char *name,
                          const struct stat *st, int source_fd, int target_fd,
                          const char *path)
{
    struct timespec times[] = {st->st_atim, st->st_mtim};
    if (fchownat(p->target_fd, name, st->st_uid, st->st_gid,
                 AT_SYMLINK_NOFOLLOW) == -1)
        cannot("set its owner (has he a number in this user namespace?)", path);
    if (source_fd != -1)
        copy_attributes(source_fd, target_fd, path);
    if (!S_ISLNK(st->st_mode) &&
        fchmodat(p->target_fd, name, st->st_mode & 07777, 0) == -1)
        cannot("set its mode", path);
    if (utimensat(p->target_fd, name, times, AT_SYMLINK_NOFOLLOW) == -1)
        cannot("set its times", path);
}

static int compare_files(const void *a, const void *b)
{
    const struct linked *x = a;
    const struct linked *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

static void free_linked(void *file)
{
    free(((struct linked *)file)->path);
    free(file);
}

/* True if another name of the file is there already, and is given this one. */
static bool link_to_copy(const struct place *p, const char *name,
                         const struct stat *st, const char *path)
{
    if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
        return false;
    struct linked *file = allocate(1, sizeof(*file));
    *file = (struct linked){st->st_dev, st->st_ino, copy_string(path)};
    struct linked **found = tsearch(file, &job.linked_files, compare_files);
    if (!found)
        cannot("remember its link", path);
    if (*found == file)
        return false;
    if (linkat(job.root_fd, (*found)->path, p->target_fd, name, 0) == -1)
        cannot("link", path);
    free_linked(file);
    return true;
}

static void copy_entries(const struct place *p);

/* A mount inside is left out: source_fd is -1, and an empty place remains. */
static int fill(const struct place *p, const char *name, struct stat *st,
                int source_fd, const char *path)
{
    bool is_directory = S_ISDIR(st->st_mode);
    if (is_directory && mkdirat(p->target_fd, name, 0700) == -1)
        cannot("make", path);
    int target_fd =
        openat(p->target_fd, name,
               is_directory ? O_RDONLY | O_DIRECTORY | O_CLOEXEC
                            : O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
               0600);
    if (target_fd == -1)
        cannot("make", path);
    if (source_fd == -1)
        return target_fd;
    mode_t type = st->st_mode & S_IFMT;
    if (fstat(source_fd, st) == -1 || (st->st_mode & S_IFMT) != type) {
        errno = ESTALE;
        cannot("it has just been replaced", path);
    }
    struct place below = {source_fd, target_fd, path, p->depth + 1};
    if (is_directory)
        copy_entries(&below);
    else if (copy_data(source_fd, target_fd, st->st_size) == -1)
        cannot("copy its data", path);
    return target_fd;
}

/* Files and directories; what else there is must never be opened. */
static void copy_file(const struct place *p, const char *name, struct stat *st,
                      const char *path)
{
    CLEANUP(close_fd)
    int source_fd =
        open_entry(p->source_fd, name,
                   O_RDONLY | (S_ISDIR(st->st_mode) ? O_DIRECTORY : 0));
    if (source_fd == -1 && errno != EXDEV)
        cannot("open", path);
    CLEANUP(close_fd) int target_fd = fill(p, name, st, source_fd, path);
    copy_metadata(p, name, st, source_fd, target_fd, path);
}

static void copy_special(const struct place *p, const char *name,
                         const struct stat *st, const char *path)
{
    char target[PATH_MAX] = "";
    if (S_ISLNK(st->st_mode)
            ? readlinkat(p->source_fd, name, target, sizeof(target) - 1) ==
                      -1 ||
                  symlinkat(target, p->target_fd, name) == -1
            : mknodat(p->target_fd, name, st->st_mode, st->st_rdev) == -1)
        cannot("make", path);
    copy_metadata(p, name, st, -1, -1, path);
}

static void copy_entry(const struct place *p, const char *name)
{
    CLEANUP(free_string)
    char *path = *p->path ? join_path(p->path, name) : copy_string(name);
    struct stat st;
    if (p->depth == DEPTH_MAX)
        fail("copy %s/%s into the tmpfs that covers it: too deep (%d)",
             job.mount->destination, path, DEPTH_MAX);
    if (fstatat(p->source_fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
        cannot("look at it", path);
    if (link_to_copy(p, name, &st, path))
        return;
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        copy_file(p, name, &st, path);
    else
        copy_special(p, name, &st, path);
}

static void copy_entries(const struct place *p)
{
    CLEANUP(close_directory) DIR *directory = open_directory(p->source_fd, ".");
    if (!directory)
        cannot("read", p->path);
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            copy_entry(p, entry->d_name);
    }
    if (errno)
        cannot("read", p->path);
}

void copy_up(int source_fd, int mount_fd, const struct mount_spec *m)
{
    CLEANUP(close_fd)
    int from_fd = openat(source_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(close_fd)
    int to_fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;
    struct stat own;
    job.mount = m;
    job.root_fd = to_fd;
    if (from_fd == -1 || to_fd == -1 || fstat(from_fd, &st) == -1 ||
        fstat(to_fd, &own) == -1)
        cannot("open", "");
    narrate(7, "openat, sendfile, ... # cp -ax .%s/. /the/new/tmpfs",
            m->destination);
    struct place top = {from_fd, to_fd, "", 0};
    copy_entries(&top);
    const char *data = m->data ? m->data : "";
    if (strstr(data, "mode="))
        st.st_mode = own.st_mode;
    if (strstr(data, "uid="))
        st.st_uid = own.st_uid;
    if (strstr(data, "gid="))
        st.st_gid = own.st_gid;
    copy_metadata(&top, ".", &st, from_fd, to_fd, "");
    tdestroy(job.linked_files, free_linked);
    job.linked_files = NULL;
}
