/*
 * rootfs_move.c - become the root without pivot_root(2) ("--no-pivot").
 *
 * A host that runs from its initial ramfs can't give that up. So the new root
 * is moved on top of the old one, as a boot does it; and all of the host's
 * other mounts, which would still be there below, are detached. It must never
 * go on while one of them is left. Part of rootfs.c.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount_fd.h"
#include "rootfs.h"
#include "util.h"

/* A line of mountinfo: proc_pid_mountinfo(5). */
struct line {
    int id;
    int parent;
    char *path;
};

/* "\040" is a space. */
static void unescape(char *path)
{
    char *to = path;
    for (const char *from = path; *from;) {
        unsigned int code;
        if (*from == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
            *to++ = (char)code;
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    *to = '\0';
}

/* All that can be reached from the old root; the last line has no path. */
static struct line *read_lines(int mountinfo_fd)
{
    CLEANUP(free_string) char *text = NULL;
    if (lseek(mountinfo_fd, 0, SEEK_SET) != -1)
        text = read_fd(mountinfo_fd);
    if (!text)
        die("read /proc/self/mountinfo");
    struct line *lines = allocate(strlen(text) + 1, sizeof(*lines));
    size_t count = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
        struct line *l = &lines[count];
        if (sscanf(line, "%d %d %*s %*s %ms", &l->id, &l->parent, &l->path) ==
            3) {
            unescape(l->path);
            count++;
        }
    }
    return lines;
}

static void free_lines(struct line **lines)
{
    for (struct line *l = *lines; l && l->path; l++)
        free(l->path);
    free(*lines);
}

/* Up from mount to mount: is it the new root, or in there? */
static bool is_ours(const struct line *lines, const struct line *l, int root_id)
{
    while (l->path && l->id != root_id) {
        int parent = l->parent == l->id ? -1 : l->parent;
        for (l = lines; l->path && l->id != parent;)
            l++;
    }
    return l->path != NULL;
}

static int mount_id(int fd)
{
    struct statx st;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) == -1 ||
        !(st.stx_mask & STATX_MNT_ID))
        die("find the number of the root's mount");
    return (int)st.stx_mnt_id;
}

/* The last one first: it may be on one before it. What went together with
 * another is no error; what stays is, and shows when all are done. */
static void detach_others(int old_root_fd, int mountinfo_fd,
                          const struct line *lines, int root_id)
{
    if (fchdir(old_root_fd) == -1)
        die("enter the old root");
    const struct line *last = lines;
    while (last->path)
        last++;
    while (last-- > lines) {
        if (strcmp(last->path, "/") != 0 && !is_ours(lines, last, root_id))
            (void)umount2(last->path + 1, MNT_DETACH | UMOUNT_NOFOLLOW);
    }
    CLEANUP(free_lines) struct line *left = read_lines(mountinfo_fd);
    for (const struct line *l = left; l->path; l++) {
        if (strcmp(l->path, "/") != 0 && !is_ours(left, l, root_id))
            fail("detach the host's mount %s, for --no-pivot", l->path);
    }
}

void rootfs_move(int root_fd)
{
    int root_id = mount_id(root_fd);
    CLEANUP(close_fd) int old_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(close_fd)
    int mountinfo_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    if (old_fd == -1 || mountinfo_fd == -1)
        die("open the old root and its mountinfo");
    CLEANUP(free_lines) struct line *lines = read_lines(mountinfo_fd);
    narrate(4, "move_mount(\"/\") # mount --move . /");
    mount_attach(root_fd, old_fd, "/");
    detach_others(old_fd, mountinfo_fd, lines, root_id);
    if (fchdir(root_fd) == -1)
        die("enter the new root");
}
