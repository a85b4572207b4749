/*
 * cgroup.c - make a cgroup, with the controllers that it needs.
 *
 * A cgroup is a directory. place.c found where it goes; the limits are
 * in limits.c, the end of it all in end.c. The controllers that
 * we switch on above a cgroup of our own are noted there in the extended
 * attribute "user.rung", so that the last container, whichever it is, can
 * switch them off again. Directories on the way to one that an engine named
 * carry "user.rung.made". It grew out of step05.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/files.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "cgroup/parts.h"
#include "cgroup/systemd.h"
#include "config/spec.h"

/* Note in `directory` that we switched these controllers on. */
static void note_controllers(const char *directory, unsigned int set)
{
    char old[128] = "";
    (void)getxattr(directory, CGROUP_NOTE, old, sizeof(old) - 1); /* or "" */
    CLEANUP(free_string)
    char *names = controller_names(set | controllers_in(old), "");
    if (setxattr(directory, CGROUP_NOTE, names, strlen(names), 0) == -1)
        warn("note the controllers of %s: %s (they will stay on)", directory,
             strerror(errno));
}

void enable_controllers(const struct cgroup *c, const char *directory,
                        unsigned int set)
{
    unsigned int missing =
        set & ~read_controllers(directory, "cgroup.subtree_control");
    if (!missing)
        return;
    unsigned int here = read_controllers(directory, "cgroup.controllers");
    if (missing & ~here) {
        CLEANUP(free_string) char *above = copy_string(directory);
        *strrchr(above, '/') = '\0';
        if (read_controllers(above, "cgroup.controllers")) {
            enable_controllers(c, above, missing & ~here);
            here = read_controllers(directory, "cgroup.controllers");
        }
    }
    unsigned int needed = missing & c->need;
    if (needed & ~here) {
        CLEANUP(free_string) char *names = controller_names(needed & ~here, "");
        fail("set limits: %s does not have the controllers %s", directory,
             names);
    }
    missing &= here;
    if (missing && cgroup_is_own(c->path))
        note_controllers(directory, missing);
    needed &= missing ? switch_controllers(directory, missing, "+") : 0;
    if (!needed)
        return;
    CLEANUP(free_string) char *names = controller_names(needed, "");
    if (errno == EBUSY)
        fail("hand the controllers %s down from %s: it has processes of its "
             "own (a cgroup with limits has to be beside them, not below)",
             names, directory);
    die("hand the controllers %s down from %s", names, directory);
}

/* The directories above the one that config.json names. */
static void make_parents(const char *path)
{
    CLEANUP(free_string) char *copy = copy_string(path);
    for (char *slash = strchr(copy + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) == 0)
            (void)setxattr(copy, CGROUP_MADE, "1", 1, 0); /* or it stays */
        else if (errno != EEXIST)
            die("create cgroup %s", copy);
        *slash = '/';
    }
}

/* An engine may have made it; but nobody may be in it, or be able to wait in
 * it for ever. */
static void check_fresh(const struct cgroup *c)
{
    CLEANUP(free_string) char *events = read_file_at(c->fd, "cgroup.events");
    CLEANUP(free_string) char *frozen = read_file_at(c->fd, "cgroup.freeze");
    const char *what = NULL;
    if (!events)
        die("read cgroup.events of the cgroup %s, which is there", c->path);
    if (!strstr(events, "populated 0\n"))
        what = "has processes already";
    else if (frozen && *frozen == '1')
        what = "is frozen";
    if (!what)
        return;
    fail("create cgroup %s: it is there and %s", c->path, what);
}

static void make_directory(struct cgroup *c)
{
    narrate(5, "mkdir(\"%s\") # mkdir %s", c->path, c->path);
    const char *path = c->path;
    bool made = mkdir(path, 0755) == 0;
    /* Not ours? Then undo must forget it, or it would kill strangers. */
    if (!made)
        c->path = NULL;
    if (!made && (errno != EEXIST || cgroup_is_own(path)))
        die("create cgroup %s", path);
    c->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (c->fd == -1)
        die("open cgroup %s", path);
    struct cgroup found = {.path = (char *)path, .fd = c->fd};
    if (!made)
        check_fresh(&found);
    c->path = (char *)path;
}

void make_cgroup(struct cgroup *c)
{
    if (!c->path || c->scope)
        return;
    /* Nobody may take the controllers or the directories above away until
     * our own directory is there. */
    bool is_own = cgroup_is_own(c->path);
    CLEANUP(unlock_host) bool locked = (c->wish || !is_own) && lock_host();
    if ((c->wish || !is_own) && !locked)
        die("take the lock on what containers share");
    if (!is_own)
        make_parents(c->path);
    enable_controllers(c, c->parent, c->wish);
    make_directory(c);
}

/* Ends the program if it cannot be read, for that says nothing. */
static bool has_process(const char *directory, const char *pid)
{
    CLEANUP(free_string) char *path = join_path(directory, "cgroup.procs");
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, path);
    if (!text)
        die("read %s", path);
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (strcmp(line, pid) == 0)
            return true;
    }
    return false;
}

/*
 * The files of the scope itself belong to systemd, which may write them again
 * at any time. With "Delegate=yes" all below is ours: so the container gets a
 * directory there, and its limits stay as we set them.
 */
void cgroup_adopt(struct cgroup *c, const struct spec *spec, pid_t pid)
{
    if (!c->scope)
        return;
    if (!systemd_start_scope(c->slice, c->scope, spec, pid)) {
        c->path = NULL; /* or undo would kill strangers */
        fail("create cgroup %s: systemd has such a scope already", c->parent);
    }
    CLEANUP(free_string) char *number = print_string("%d", (int)pid);
    if (!has_process(c->parent, number))
        fail("create cgroup %s: systemd did not put the process %s there",
             c->parent, number);
    make_directory(c);
    narrate(5, "write(\"%s\") # echo %s > %s/cgroup.procs", number, number,
            c->path);
    if (write_file_at(c->fd, "cgroup.procs", number) == -1)
        die("move process %s to %s", number, c->path);
    enable_controllers(c, c->parent,
                       read_controllers(c->parent, "cgroup.controllers"));
}

void cgroup_join(const struct cgroup *c, pid_t pid)
{
    CLEANUP(free_string) char *link = print_string("/proc/self/fd/%d", c->fd);
    char path[PATH_MAX];
    ssize_t length = readlink(link, path, sizeof(path) - 1);
    if (length == -1)
        die("read the name of the cgroup");
    path[length] = '\0';
    const char *name = c->scope ? strstr(path, c->scope) : NULL;
    if (name) {
        systemd_attach(c->scope, name + strlen(c->scope), pid);
        return;
    }
    CLEANUP(free_string) char *number = print_string("%d", (int)pid);
    if (write_file_at(c->fd, "cgroup.procs", number) == -1)
        die("move process %s to cgroup %s (is the cgroup that we are in ours, "
            "too?)",
            number, path);
}
