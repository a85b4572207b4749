/*
 * namespaces.c - which namespaces are new, which are joined, which are shared.
 *
 * It must never let a process run in a user namespace whose maps are not
 * written, nor write maps in any order but setgroups, gid_map, uid_map. It
 * grew out of steps 02 and 03.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/safeguards.h"
#include "process/id_maps.h"
#include "process/namespaces.h"

static const struct {
    uint64_t flag;
    const char *flag_name;
    const char *name; /* as unshare(1) has it */
    int chapter;
} NAMESPACES[NS_COUNT] = {
    [NS_USER] = {CLONE_NEWUSER, "CLONE_NEWUSER", "user", 7},
    [NS_PID] = {CLONE_NEWPID, "CLONE_NEWPID", "pid", 2},
    [NS_MOUNT] = {CLONE_NEWNS, "CLONE_NEWNS", "mount", 4},
    [NS_IPC] = {CLONE_NEWIPC, "CLONE_NEWIPC", "ipc", 4},
    [NS_UTS] = {CLONE_NEWUTS, "CLONE_NEWUTS", "uts", 3},
    [NS_NETWORK] = {CLONE_NEWNET, "CLONE_NEWNET", "net", 6},
    [NS_CGROUP] = {CLONE_NEWCGROUP, "CLONE_NEWCGROUP", "cgroup", 5},
    [NS_TIME] = {CLONE_NEWTIME, "CLONE_NEWTIME", "time", 7},
};

void namespaces_open(const struct spec *spec, int *fds)
{
    for (size_t i = 0; i < NS_COUNT; i++) {
        const char *path = spec->namespaces[i].path;
        fds[i] = -1;
        if (!path)
            continue;
        fds[i] = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fds[i] == -1)
            die("open the namespace %s", path);
        if (ioctl(fds[i], NS_GET_NSTYPE) != (int)NAMESPACES[i].flag)
            fail("open the namespace %s: not a %s namespace", path,
                 NAMESPACES[i].name);
    }
}

int namespaces_open_maps(const struct spec *spec, const int *fds)
{
    bool is_wanted = spec->idmap_root;
    for (size_t i = 0; i < spec->mount_count; i++)
        is_wanted |= spec->mounts[i].idmap && !spec->mounts[i].uid_maps.count;
    if (!is_wanted)
        return -1;
    return fds[NS_USER] == -1
               ? id_maps_namespace(&spec->uid_maps, &spec->gid_maps)
               : fcntl(fds[NS_USER], F_DUPFD_CLOEXEC, 3);
}

static bool has_offsets(const struct spec *spec)
{
    return spec->monotonic.seconds || spec->monotonic.nanoseconds ||
           spec->boottime.seconds || spec->boottime.nanoseconds;
}

/*
 * Two are left out. A new cgroup namespace has its root where the process that
 * makes it is: that would be our cgroup, not the child's, so the child makes
 * it. And a time namespace's clocks can be set only while nobody is in it.
 */
uint64_t namespaces_clone_flags(const struct spec *spec)
{
    uint64_t flags = 0;
    for (size_t i = 0; i < NS_COUNT; i++) {
        if (i == NS_CGROUP || (i == NS_TIME && has_offsets(spec)))
            continue;
        if (spec_makes(spec, (enum namespace_type)i)) {
            narrate(NAMESPACES[i].chapter, "clone3(flags |= %s) # unshare --%s",
                    NAMESPACES[i].flag_name, NAMESPACES[i].name);
            flags |= NAMESPACES[i].flag;
        }
    }
    return flags;
}

int namespaces_join_flags(const struct spec *spec)
{
    uint64_t flags = 0;
    for (size_t i = 0; i < NS_COUNT; i++)
        flags |= spec->namespaces[i].wanted ? NAMESPACES[i].flag : 0;
    return (int)flags;
}

/*
 * unshare(2) makes a time namespace for the children to come; the offsets are
 * written before the first one enters it: time_namespaces(7).
 */
static void make_time_namespace(const struct spec *spec)
{
    narrate(7,
            "unshare(CLONE_NEWTIME) # unshare --time --monotonic %" PRId64
            " --boottime %" PRId64,
            spec->monotonic.seconds, spec->boottime.seconds);
    if (unshare(CLONE_NEWTIME) == -1)
        die("make a time namespace (is the kernel older than 5.6?)");
    CLEANUP(free_string)
    char *text =
        print_string("monotonic %" PRId64 " %u\nboottime %" PRId64 " %u\n",
                     spec->monotonic.seconds, spec->monotonic.nanoseconds,
                     spec->boottime.seconds, spec->boottime.nanoseconds);
    if (write_file_at(AT_FDCWD, "/proc/self/timens_offsets", text) == -1)
        die("write /proc/self/timens_offsets");
}

void namespaces_before_clone(const struct spec *spec, const int *fds)
{
    if (fds[NS_PID] != -1 && setns(fds[NS_PID], CLONE_NEWPID) == -1)
        die("join the PID namespace %s", spec->namespaces[NS_PID].path);
    if (fds[NS_TIME] != -1 && setns(fds[NS_TIME], CLONE_NEWTIME) == -1)
        die("join the time namespace %s", spec->namespaces[NS_TIME].path);
    if (spec_makes(spec, NS_TIME) && has_offsets(spec) &&
        !spec_makes(spec, NS_USER))
        make_time_namespace(spec);
}

static void write_proc(pid_t pid, const char *file, const char *text)
{
    CLEANUP(free_string) char *path = print_string("/proc/%d/%s", pid, file);
    narrate(7, "write(\"%s\") # echo '%.*s' >%s", path,
            (int)strcspn(text, "\n"), text, path);
    if (write_file_at(AT_FDCWD, path, text) == -1)
        die("write %s", path);
}

/*
 * An ordinary user may map only himself. newuidmap(1) and newgidmap(1) are
 * set-user-ID programs that map what /etc/subuid grants him beside that: the
 * only programs that we ever run to do our work.
 */
static void run_map_helper(const char *helper, pid_t pid,
                           const struct id_maps *maps)
{
    char **args = allocate(3 + 3 * maps->count, sizeof(char *));
    size_t n = 0;
    args[n++] = copy_string(helper);
    args[n++] = print_string("%d", pid);
    for (size_t i = 0; i < maps->count; i++) {
        args[n++] = print_string("%u", maps->maps[i].inside);
        args[n++] = print_string("%u", maps->maps[i].outside);
        args[n++] = print_string("%u", maps->maps[i].count);
    }
    narrate(7, "execve(\"%s\") # %s %d %s %s %s ...", helper, helper, pid,
            args[2], args[3], args[4]);
    pid_t helper_pid = fork();
    if (helper_pid == -1)
        die("fork");
    if (helper_pid == 0) {
        become_child();
        char *const empty_environment[] = {NULL};
        execve(helper, args, empty_environment);
        die("execute %s (install the package uidmap)", helper);
    }
    int status;
    while (waitpid(helper_pid, &status, 0) == -1) {
        if (errno != EINTR)
            die("wait for %s", helper);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail("map ids with %s: it refused (see /etc/subuid, /etc/subgid)",
             helper);
    for (size_t i = 0; i < n; i++)
        free(args[i]);
    free(args);
}

static bool is_only(const struct id_maps *maps, uint32_t id)
{
    return maps->count == 1 && maps->maps[0].outside == id &&
           maps->maps[0].count == 1;
}

/*
 * The order is the kernel's: gid_map of an ordinary user is refused until
 * setgroups says "deny" (or a group that forbids him something could be
 * dropped), and ids can be set only when they are mapped: user_namespaces(7).
 */
void namespaces_write_maps(const struct spec *spec, pid_t pid)
{
    if (!spec_makes(spec, NS_USER))
        return;
    bool is_single = is_only(&spec->uid_maps, geteuid()) &&
                     is_only(&spec->gid_maps, getegid());
    bool is_root = geteuid() == 0; /* of our own user namespace, at least */
    if (!is_root && !is_single) {
        run_map_helper("/usr/bin/newgidmap", pid, &spec->gid_maps);
        run_map_helper("/usr/bin/newuidmap", pid, &spec->uid_maps);
        return;
    }
    if (!is_root && !without("setgroups-deny"))
        write_proc(pid, "setgroups", "deny");
    CLEANUP(free_string) char *gids = id_maps_text(&spec->gid_maps);
    write_proc(pid, "gid_map", gids);
    CLEANUP(free_string) char *uids = id_maps_text(&spec->uid_maps);
    write_proc(pid, "uid_map", uids);
}

/*
 * The clocks of a time namespace that a process makes for itself change when
 * it executes a program; kernels before 6.3 wait for its first child.
 */
static void make_time_namespace_for_exec(const struct spec *spec)
{
    struct utsname name;
    int major = 0;
    int minor = 0;
    if (uname(&name) == -1 ||
        sscanf(name.release, "%d.%d", &major, &minor) != 2 || major < 6 ||
        (major == 6 && minor < 3))
        fail("set the clocks of a user namespace: needs Linux 6.3");
    make_time_namespace(spec);
}

static void join(const struct spec *spec, const int *fds, size_t i)
{
    narrate(7, "setns(%s) # nsenter --%s=%s", NAMESPACES[i].name,
            NAMESPACES[i].name, spec->namespaces[i].path);
    if (setns(fds[i], (int)NAMESPACES[i].flag) == -1)
        die("join the namespace %s", spec->namespaces[i].path);
}

static const enum namespace_type EARLY[] = {NS_IPC, NS_UTS, NS_NETWORK};

bool namespaces_need_helper(const struct spec *spec, const int *fds)
{
    bool joins = fds[NS_USER] != -1;
    for (size_t i = 0; i < ARRAY_SIZE(EARLY); i++)
        joins |= spec_makes(spec, NS_USER) && fds[EARLY[i]] != -1;
    return joins;
}

/*
 * Whoever enters a user namespace has no rights left over what others own: to
 * join that comes first. What cannot be joined by us may belong to the user
 * namespace, and then the child can.
 */
void namespaces_join_early(int *fds)
{
    for (size_t i = 0; i < ARRAY_SIZE(EARLY); i++) {
        int *fd = &fds[EARLY[i]];
        if (*fd != -1 && setns(*fd, (int)NAMESPACES[EARLY[i]].flag) == 0)
            close_fd(fd);
    }
}

void namespaces_join_user(const struct spec *spec, const int *fds)
{
    if (fds[NS_USER] != -1)
        join(spec, fds, NS_USER);
}

void namespaces_join(const struct spec *spec, const int *fds)
{
    for (size_t i = 0; i < NS_COUNT; i++) {
        if (fds[i] != -1 && i != NS_USER && i != NS_PID && i != NS_TIME)
            join(spec, fds, i);
    }
    /* Now, because /proc/self is closed to us once we are undumpable. */
    if (spec_makes(spec, NS_TIME) && has_offsets(spec) &&
        spec_makes(spec, NS_USER))
        make_time_namespace_for_exec(spec);
}

/*
 * Until we set ids that are mapped, we are "nobody" in the new namespace, and
 * files that we make would belong to nobody too.
 */
void namespaces_become_root(const struct spec *spec)
{
    if (!spec->namespaces[NS_USER].wanted)
        return;
    gid_t gid = spec->gid_maps.count ? spec->gid_maps.maps[0].inside : 0;
    uid_t uid = spec->uid_maps.count ? spec->uid_maps.maps[0].inside : 0;
    narrate(7, "setresgid(%u), setresuid(%u) # su", gid, uid);
    if (setresgid(gid, gid, gid) == -1)
        die("become group %u of the user namespace", gid);
    if (setresuid(uid, uid, uid) == -1)
        die("become user %u of the user namespace", uid);
}

/*
 * Its root is where we are: in the container's cgroup, since clone3(2). So all
 * that is above has no name in there: cgroup_namespaces(7).
 */
void enter_cgroup_namespace(const struct spec *spec)
{
    if (!spec_makes(spec, NS_CGROUP))
        return;
    narrate(5, "unshare(CLONE_NEWCGROUP) # unshare --cgroup");
    if (unshare(CLONE_NEWCGROUP) == -1)
        die("make a cgroup namespace");
}

void set_hostname(const struct spec *spec)
{
    if (spec->hostname) {
        narrate(3, "sethostname(\"%s\") # hostname %s", spec->hostname,
                spec->hostname);
        if (sethostname(spec->hostname, strlen(spec->hostname)) == -1)
            die("set the host name %s", spec->hostname);
    }
    if (spec->domainname &&
        setdomainname(spec->domainname, strlen(spec->domainname)) == -1)
        die("set the domain name %s", spec->domainname);
}
