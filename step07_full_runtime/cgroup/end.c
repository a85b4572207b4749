/*
 * end.c - freeze a cgroup, kill what is in it, remove it.
 *
 * The kernel does all three at once for all processes, and for those that they
 * start meanwhile; then cgroup.events tells when it is done. It must wait with
 * a bound, and never touch what is not a cgroup. It grew out of step05.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "cgroup/parts.h"
#include "cgroup/systemd.h"

enum {
    WAIT_MS = 10000,
    LOOK_EVERY_MS = 20
};

/* --- freezing and killing --- */

/*
 * Wait until cgroup.events says `line`. The kernel wakes a poll(2) on it at
 * every change. 0, or -1 and ETIMEDOUT.
 */
static int wait_for(int cgroup_fd, const char *line, int milliseconds)
{
    int64_t end = now_ms() + milliseconds;
    CLEANUP(close_fd)
    int fd = openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return -1;
    for (;;) {
        char text[256]; /* reading it says: wake me at the next change */
        ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
        if (length == -1 && errno == ENODEV)
            return 0; /* removed: nobody is in it */
        if (length == -1)
            return -1;
        text[length] = '\0';
        if (strstr(text, line))
            return 0;
        struct pollfd p = {.fd = fd, .events = POLLPRI};
        int64_t left = end - now_ms();
        if (left <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        (void)poll(&p, 1, (int)left); /* a signal? then look again */
    }
}

int cgroup_freeze(const struct cgroup *c, bool frozen)
{
    if (!c->path) {
        errno = ENOENT;
        return -1;
    }
    narrate(5, "write(\"%d\") # echo %d > %s/cgroup.freeze", frozen, frozen,
            c->path);
    if (write_file_at(c->fd, "cgroup.freeze", frozen ? "1" : "0") == -1)
        return -1;
    return wait_for(c->fd, frozen ? "frozen 1\n" : "frozen 0\n", WAIT_MS);
}

/* One by one, while they are frozen and cannot fork. Who was frozen before
 * stays so, and hears of it later (SIGKILL works at once). */
int cgroup_signal(const struct cgroup *c, int number)
{
    if (c->fd == -1)
        return 0; /* it is gone, and all of them with it */
    CLEANUP(free_string) char *old = read_file_at(c->fd, "cgroup.freeze");
    bool frozen = old && *old == '1';
    if (!frozen)
        (void)cgroup_freeze(c, true); /* helps, only */
    CLEANUP(free_pids) struct pids pids = cgroup_processes(c);
    for (size_t i = 0; i < pids.count; i++)
        (void)kill(pids.list[i], number); /* gone already: fine */
    return frozen ? 0 : write_file_at(c->fd, "cgroup.freeze", "0");
}

int cgroup_kill(const struct cgroup *c)
{
    if (!c->path || c->fd == -1)
        return 0;
    narrate(5, "write(\"1\") # echo 1 > %s/cgroup.kill", c->path);
    if (write_file_at(c->fd, "cgroup.kill", "1") == 0 || errno == ENODEV)
        return 0;
    /* Kernels before 5.14 have no such file. */
    return errno == ENOENT ? cgroup_signal(c, SIGKILL) : -1;
}

/* --- removing it --- */

/* Open the first cgroup below this one; its name into `name`. -1: none. */
static int open_first_child(int fd, char name[NAME_MAX + 1])
{
    CLEANUP(close_directory) DIR *directory = open_directory(fd, ".");
    if (!directory)
        return -1;
    int child = -1;
    const struct dirent *entry;
    while (child == -1 && (entry = readdir(directory))) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
        child =
            openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    return child;
}

/*
 * The container may have made cgroups below its own, to any depth. Go down
 * along the first ones and remove the last: 1; 0 if there was none; -1.
 */
static int remove_one_below(int top_fd)
{
    char name[NAME_MAX + 1] = "";
    char next_name[NAME_MAX + 1];
    int above = dup(top_fd);
    int fd = open_first_child(above, name);
    if (fd == -1) {
        close(above);
        return 0;
    }
    int next;
    while ((next = open_first_child(fd, next_name)) != -1) {
        close(above);
        above = fd;
        fd = next;
        memcpy(name, next_name, sizeof(name));
    }
    int result = unlinkat(above, name, AT_REMOVEDIR);
    close(above);
    close(fd);
    return result == -1 ? -1 : 1;
}

/*
 * Remove it and all below. Mostly all have ended. EBUSY: somebody still dies
 * there, or came in meanwhile, or made another one; so kill and try again.
 * "populated 0" would be too much to wait for: a process 1 counts, for new
 * kernels, while it waits for a dead one whose parent does not ask how it
 * ended; but no rmdir(2) fails for that. 0, or -1 and errno.
 */
static int remove_tree(const struct cgroup *c)
{
    for (int64_t end = now_ms() + WAIT_MS; now_ms() < end;) {
        if (rmdir(c->path) == 0 || errno == ENOENT)
            return 0;
        if (errno != EBUSY || cgroup_kill(c) == -1)
            return -1;
        int below;
        do {
            below = remove_one_below(c->fd);
        } while (below == 1);
        if (below == -1 && errno != EBUSY)
            return -1;
        (void)wait_for(c->fd, "populated 0\n", LOOK_EVERY_MS); /* or look */
    }
    errno = EBUSY;
    return -1;
}

/* systemd removes the directory of a scope that has ended, perhaps before us.
 */
static bool is_gone(const char *path)
{
    int reason = errno;
    bool result = access(path, F_OK) == -1 && errno == ENOENT;
    errno = reason;
    return result;
}

/* Is there another container of ours below this directory? */
static bool has_own_child(const char *path)
{
    CLEANUP(close_directory) DIR *directory = opendir(path);
    if (!directory)
        return false;
    const struct dirent *entry;
    bool found = false;
    while (!found && (entry = readdir(directory)))
        found = strncmp(entry->d_name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0;
    return found;
}

/*
 * Switch off what we switched on, when no container of ours is left there.
 * EBUSY: somebody else uses one below by now; then that one stays on.
 */
static int disable_controllers(const char *directory)
{
    char names[128] = "";
    if (getxattr(directory, CGROUP_NOTE, names, 0) == -1)
        return 0; /* we switched nothing on */
    CLEANUP(unlock_host) bool locked = lock_host();
    if (!locked)
        return -1;
    if (getxattr(directory, CGROUP_NOTE, names, sizeof(names) - 1) == -1 ||
        has_own_child(directory))
        return 0;
    if (switch_controllers(directory, controllers_in(names), "-") &&
        errno != EBUSY)
        return -1;
    return removexattr(directory, CGROUP_NOTE);
}

static int complain(const char *action, const char *path)
{
    warn("%s cgroup %s: %s", action, path, strerror(errno));
    return -1;
}

/* The directories above that make_parents() made, if nobody else is there. */
static void remove_parents(const char *parent)
{
    CLEANUP(free_string) char *path = copy_string(parent);
    CLEANUP(unlock_host) bool locked = false;
    char one[2];
    while (getxattr(path, CGROUP_MADE, one, sizeof(one)) > 0) {
        if (!locked && !(locked = lock_host()))
            return;
        if (rmdir(path) == -1)
            return;
        *strrchr(path, '/') = '\0';
    }
}

/* What is to be killed and removed: for systemd's scopes that is more than
 * our directory, because the process may not have got there yet. */
static void widen_to_scope(struct cgroup *c)
{
    if (strcmp(strrchr(c->parent, '/') + 1, c->scope) != 0)
        return;
    close_fd(&c->fd);
    free(c->path);
    c->path = copy_string(c->parent);
    *strrchr(c->parent, '/') = '\0';
}

static int remove_cgroup(struct cgroup *c)
{
    if (c->fd == -1)
        c->fd = open(c->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (c->fd == -1)
        return errno == ENOENT ? 0 : complain("open", c->path);
    if (!is_file_system(c->fd, CGROUP2_SUPER_MAGIC)) {
        errno = EINVAL;
        return complain("remove", c->path);
    }
    narrate(5, "rmdir(\"%s\") # rmdir %s", c->path, c->path);
    return remove_tree(c) == -1 && !is_gone(c->path)
               ? complain("remove", c->path)
               : 0;
}

int cgroup_undo(struct cgroup *c)
{
    if (!c->path && c->parent)
        remove_parents(c->parent); /* we got no further */
    if (!c->path)
        return 0;
    if (c->scope)
        widen_to_scope(c);
    if (remove_cgroup(c) == -1)
        return -1;
    if (c->scope && systemd_stop(c->scope) == -1)
        return -1;
    if (cgroup_is_own(c->path) && disable_controllers(c->parent) == -1)
        return complain("take the controllers back from", c->parent);
    if (!c->scope)
        remove_parents(c->parent);
    close_fd(&c->fd);
    return 0;
}
