/*
 * cgroup.c - limits: cgroups(7).
 *
 * Find a place in the tree, make a directory, write the limits; in the end see
 * what was used, kill what is left, and remove it.
 */
#define _GNU_SOURCE

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "demo.h"

/*
 * /proc/self/cgroup would tell the container where on the host its cgroup is.
 * In a cgroup namespace that place becomes "/". We are in our cgroup since
 * clone3, so it is the namespace's root: cgroup_namespaces(7). (In one go with
 * CLONE_INTO_CGROUP, the root would be the parent's cgroup.)
 */
void enter_cgroup_namespace(const struct container *c)
{
    if (!c->cgroup_fd)
        return;
    narrate(c, "unshare(CLONE_NEWCGROUP)   # unshare --cgroup");
    if (unshare(CLONE_NEWCGROUP) == -1)
        die("unshare the cgroup namespace");
}

/*
 * Show the container its own cgroup, to read. Only here, in the cgroup
 * namespace, is it all that the mount shows. cgroup_namespaces(7)
 */
void mount_cgroup(const struct container *c)
{
    if (!c->cgroup_fd)
        return;
    narrate(c,
            "mount(\"cgroup2\")   # mount -t cgroup2 -o ro c /sys/fs/cgroup");
    if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2",
              MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) == -1)
        die("mount cgroup2 on /sys/fs/cgroup");
}

/* Is WORD one of these WORDS? ("cpu" is none of "cpuset io".) */
static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *p = words; (p = strstr(p, word)); p += length) {
        if ((p == words || isspace(p[-1])) &&
            (p[length] == '\0' || isspace(p[length])))
            return true;
    }
    return false;
}

/* Of a file of /proc, which is there on every Linux. False: no more lines. */
static bool next_line(FILE *file, char *line, int size)
{
    if (!file)
        die("open /proc/self/cgroup and mountinfo");
    if (fgets(line, size, file))
        return true;
    if (ferror(file))
        die("read /proc/self/cgroup and mountinfo");
    fclose(file);
    return false;
}

/*
 * Open the directory of the cgroup that we are in. Its path is the line "0::"
 * of /proc/self/cgroup, seen from the root of the mount whose line in
 * /proc/self/mountinfo says cgroup2: cgroups(7). -1 without cgroup v2.
 */
static int open_own_cgroup(void)
{
    char line[8192];
    char own[4096] = "";
    char root[4096];
    char point[4096];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (next_line(file, line, sizeof(line)))
        sscanf(line, "0::%4095[^\n]", own);
    int fd = -1;
    file = fopen("/proc/self/mountinfo", "re");
    while (next_line(file, line, sizeof(line))) {
        if (fd != -1 || !strstr(line, " - cgroup2 ") ||
            sscanf(line, "%*d %*d %*s %4095s %4095s", root, point) != 2)
            continue;
        size_t skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
        if (strncmp(own, root, skip) != 0)
            continue;
        snprintf(line, sizeof(line), "%s%s", point, own + skip);
        fd = open(line, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd == -1 && errno != ENOENT) /* not below this mount */
            die("open the cgroup %s", line);
    }
    return fd;
}

/*
 * May a child of this cgroup have processes? "cpu" and "pids" can share out
 * single threads, too. Handed down by a cgroup that has processes itself, they
 * make it "domain threaded": what is below is then for its own threads, and
 * clone3 fails there (EOPNOTSUPP). (The root has no such file; it may have
 * both.) cgroups(7), "Cgroups v2 thread mode"
 */
static bool is_domain(int dir)
{
    const char *type = read_file(dir, "cgroup.type");
    return *type == '\0' || strcmp(type, "domain\n") == 0;
}

/*
 * A cgroup has the controllers that its parent names in subtree_control. Name
 * those that our limits need and that are not there yet. The kernel refuses
 * where the parent itself lacks one (ENOENT), or has processes beside its
 * children (EBUSY; the root alone may): kernel, admin-guide/cgroup-v2.rst
 */
static bool enable_controllers(struct container *c, int dir)
{
    static const char *const controllers[] = {"cpu", "memory", "pids"};
    const char *on = read_file(dir, "cgroup.subtree_control");
    char enable[64] = "";
    char disable[64] = "";
    for (size_t i = 0; i < sizeof(controllers) / sizeof(*controllers); i++) {
        const char *name = controllers[i];
        bool needed = false;
        for (struct limit *limit = c->limits; limit->file; limit++)
            needed |= strncmp(limit->file, name, strlen(name)) == 0;
        if (!needed || has_word(on, name))
            continue;
        strcat(strcat(enable, " +"), name);
        strcat(strcat(disable, " -"), name);
    }
    if (!is_domain(dir)) {
        errno = EOPNOTSUPP;
        return false;
    }
    if (enable[0] == '\0')
        return true;
    narrate(c, "write(\"cgroup.subtree_control\")   # echo '%s' >...",
            enable + 1);
    if (write_file(dir, "cgroup.subtree_control", enable) == -1)
        return false;
    if (!is_domain(dir)) { /* it has processes, and this has changed it */
        (void)write_file(dir, "cgroup.subtree_control", disable);
        errno = EBUSY;
        return false;
    }
    memcpy(c->enabled, disable, sizeof(disable));
    return true;
}

/* Say why no cgroup from ours up to the root may have children with limits. */
__attribute__((noreturn)) static void no_place(int error)
{
    errno = error;
    if (error == ENOENT)
        die_with_hint("cgroup v2 lacks one here: does v1 hold it? Boot with "
                      "systemd.unified_cgroup_hierarchy=1, or use make vm",
                      "enable the controllers for the limits");
    if (error == EBUSY)
        die_with_hint("processes sit in that cgroup: only one without "
                      "any may have children with limits; move them",
                      "enable controllers in the cgroup that we see as root");
    if (error == EOPNOTSUPP)
        die_with_hint("cgroup.type: it shares out the threads of its own "
                      "processes; start the demo from another one",
                      "make a cgroup in the cgroup that we see as root");
    die("enable the controllers for the limits");
}

/* The nearest cgroup, from our own upwards, that can have limited children. */
static int find_place(struct container *c)
{
    int dir = open_own_cgroup();
    if (dir == -1 && !c->limits[0].file)
        return -1; /* nothing to limit, nothing to limit it with */
    errno = ENOENT;
    if (dir == -1)
        die_with_hint("cgroup v1 only? Boot with "
                      "systemd.unified_cgroup_hierarchy=1, or use make vm",
                      "find our cgroup v2");
    while (!enable_controllers(c, dir)) {
        int error = errno;
        struct statfs filesystem;
        int up = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (up == -1 || fstatfs(up, &filesystem) == -1 ||
            filesystem.f_type != CGROUP2_SUPER_MAGIC)
            no_place(error);
        close(dir);
        dir = up;
    }
    return dir;
}

/* Remove the cgroup NAME and those that the container may have made in it. */
static int remove_tree(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd == -1 ? NULL : fdopendir(fd);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            (void)remove_tree(fd, entry->d_name); /* ours then fails, too */
    }
    if (directory)
        closedir(directory);
    return unlinkat(dir, name, AT_REMOVEDIR);
}

/*
 * Leave the parent's subtree_control as it was, unless another demo's cgroup
 * is beside ours: it would lose its limits. Left on, they are harmless.
 */
static void disable_controllers(const struct container *c)
{
    bool others = false;
    int fd = openat(c->place_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd == -1 ? NULL : fdopendir(fd);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        others |= strncmp(entry->d_name, "rung-", 5) == 0;
    if (directory)
        closedir(directory);
    if (c->enabled[0] && !others)
        (void)write_file(c->place_fd, "cgroup.subtree_control", c->enabled);
}

/*
 * Remove the cgroup. Only an empty one goes, so kill what is left in it and
 * wait (five seconds at the most) until the kernel says "populated 0", which
 * poll(2) reports as POLLPRI.
 */
static void remove_cgroup(void)
{
    struct container *c = to_undo;
    if (!c)
        return;
    narrate(c, "rmdir(\"%s\")   # rmdir %s", c->cgroup_name, c->cgroup_name);
    (void)write_file(c->cgroup_fd, "cgroup.kill", "1"); /* empty already? */
    struct pollfd events = {.events = POLLPRI};
    events.fd = openat(c->cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    while (!strstr(read_file(c->cgroup_fd, "cgroup.events"), "populated 0") &&
           poll(&events, 1, 5000) > 0)
        (void)!pread(events.fd, &(char){0}, 1, 0); /* until the next change */
    lock_host();
    if (remove_tree(c->place_fd, c->cgroup_name) == -1)
        say("demo: remove the cgroup %s: %s (try scripts/cleanup)",
            c->cgroup_name, strerror(errno));
    disable_controllers(c);
    unlock_host();
}

/*
 * Make a cgroup for the container, write its limits, and have clone3 start
 * the child inside: not one instruction of it runs unlimited. The limits are
 * set by us, outside, in files that it sees read-only at best.
 */
void make_cgroup(struct container *c)
{
    lock_host();
    c->place_fd = find_place(c);
    if (c->place_fd == -1) {
        unlock_host();
        return;
    }
    const char *name = c->cgroup_name;
    snprintf(c->cgroup_name, sizeof(c->cgroup_name), "rung-%d", getpid());
    narrate(c, "mkdir(\"%s\")   # mkdir /sys/fs/cgroup/...%s", name, name);
    if (mkdirat(c->place_fd, name, 0755) == -1)
        die_with_hint(errno == EEXIST ? "left by a demo that was killed: run "
                                        "scripts/cleanup"
                                      : NULL,
                      "make the cgroup %s", name);
    to_undo = c;
    atexit(remove_cgroup);
    c->cgroup_fd =
        openat(c->place_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->cgroup_fd == -1)
        die("open the cgroup %s", name);
    for (struct limit *limit = c->limits; limit->file; limit++) {
        narrate(c, "write(\"%s\")   # echo '%s' >%s", limit->file, limit->value,
                limit->file);
        if (write_file(c->cgroup_fd, limit->file, limit->value) == -1)
            die("write %s to %s", limit->value, limit->file);
    }
    unlock_host();
    c->clone.flags |= CLONE_INTO_CGROUP;
    c->clone.cgroup = (uint64_t)c->cgroup_fd;
}

/* The number after WORD in a file of the cgroup, such as memory.events. */
static long long cgroup_number(const struct container *c, const char *file,
                               const char *word)
{
    const char *text = read_file(c->cgroup_fd, file);
    for (; text; text = strchr(text, '\n'), text += text ? 1 : 0) {
        if (strncmp(text, word, strlen(word)) == 0)
            return strtoll(text + strlen(word), NULL, 10);
    }
    return 0;
}

/* What the kernel counted: an OOM kill always, the rest with -v. */
void report_usage(const struct container *c)
{
    if (!c->cgroup_fd)
        return;
    long long kills = cgroup_number(c, "memory.events", "oom_kill ");
    if (kills > 0)
        say("demo: memory.events: oom_kill %lld", kills);
    narrate(c, "memory.events: max %lld, high %lld   # cat memory.events",
            cgroup_number(c, "memory.events", "max "),
            cgroup_number(c, "memory.events", "high "));
    narrate(c, "pids.events: max %lld   # cat pids.events",
            cgroup_number(c, "pids.events", "max "));
    narrate(c, "cpu.stat: usage_usec %lld, nr_throttled %lld   # cat cpu.stat",
            cgroup_number(c, "cpu.stat", "usage_usec "),
            cgroup_number(c, "cpu.stat", "nr_throttled "));
}
