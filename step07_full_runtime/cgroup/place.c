/*
 * place.c - where the container's cgroup goes, and if it can go there.
 *
 * A cgroup can have limits only if the one above hands the controllers down:
 * its cgroup.subtree_control lists them. The kernel refuses that where
 * processes live in the one above itself (only the root may have both). So we
 * start at our own cgroup and climb until one can hand down what the limits
 * need, and what later ones may: cgroups(7), "no internal processes rule".
 * Looking changes nothing.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "cgroup/parts.h"
#include "config/spec.h"

bool cgroup_is_own(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && strncmp(slash + 1, OWN_PREFIX, strlen(OWN_PREFIX)) == 0;
}

/* --- where we are --- */

/* Where the cgroup2 file system is mounted, and which part of it. */
struct hierarchy {
    char *mount; /* the mount point */
    char *own; /* the directory of our own cgroup, below mount */
};

static void free_hierarchy(struct hierarchy *h)
{
    free(h->mount);
    free(h->own);
}

/* Our own cgroup v2, from the line "0::/path" of /proc/self/cgroup. */
static char *own_path(void)
{
    CLEANUP(free_string)
    char *text = read_file_at(AT_FDCWD, "/proc/self/cgroup");
    if (!text)
        die("read /proc/self/cgroup");
    char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (!line)
        return NULL;
    line = strstr(line, "0::") + 3;
    line[strcspn(line, "\n")] = '\0';
    return copy_string(line);
}

/*
 * One line of /proc/self/mountinfo: proc_pid_mountinfo(5). Only a part of the
 * hierarchy may be mounted ("root"); our own cgroup must be in that part.
 */
static bool line_is_our_mount(char *line, const char *own, struct hierarchy *h)
{
    char *type = strstr(line, " - ");
    if (!type || strncmp(type, " - cgroup2 ", 11) != 0)
        return false;
    *type = '\0';
    char *save;
    char *field[5];
    for (size_t i = 0; i < ARRAY_SIZE(field); i++) {
        field[i] = strtok_r(i ? NULL : line, " ", &save);
        if (!field[i])
            return false;
    }
    char *root = field[3];
    unescape_mount(root);
    unescape_mount(field[4]);
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(own, root, length) != 0 ||
        (own[length] != '/' && own[length] != '\0'))
        return false;
    h->mount = copy_string(field[4]);
    h->own = own[length] && own[length + 1]
                 ? join_path(field[4], own + length + 1)
                 : copy_string(field[4]);
    return true;
}

/* False if no cgroup v2 hierarchy of ours is mounted. A host may have thousands
 * of mounts, and the kernel writes the lines as they are read: so no more of
 * them than it takes. */
static bool find_hierarchy(struct hierarchy *h)
{
    CLEANUP(free_string) char *own = own_path();
    if (!own || strncmp(own, "/..", 3) == 0)
        return false;
    FILE *mounts = fopen("/proc/self/mountinfo", "re");
    if (!mounts)
        die("read /proc/self/mountinfo");
    CLEANUP(free_string) char *line = NULL;
    size_t size = 0;
    bool found = false;
    while (!found && getline(&line, &size, mounts) > 0)
        found = line_is_our_mount(line, own, h);
    if (ferror(mounts))
        die("read /proc/self/mountinfo");
    (void)fclose(mounts);
    return found;
}

/* --- can this one hand controllers down? --- */

/* NULL if we may; else why not. */
static const char *why_not_write(const char *directory, const char *file)
{
    CLEANUP(free_string) char *path = join_path(directory, file);
    if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0)
        return NULL;
    switch (errno) {
    case EACCES:
        return "Permission denied (not delegated; are you root?)";
    case EROFS:
        return "Read-only file system (is it mounted so?)";
    case ENOENT:
        return "No such file or directory (is it mounted elsewhere?)";
    default:
        die("look at %s", path);
    }
}

/* The root of the whole hierarchy has no cgroup.type: cgroups(7). */
static bool has_processes(const char *directory)
{
    CLEANUP(free_string) char *type = join_path(directory, "cgroup.type");
    if (!file_exists_at(AT_FDCWD, type))
        return false;
    CLEANUP(free_string) char *procs = join_path(directory, "cgroup.procs");
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, procs);
    if (!text)
        die("read %s", procs);
    return *text;
}

/*
 * The controllers that can tell threads apart (cpu, pids) could be switched on
 * in a cgroup with processes; but then its children are for threads only, and
 * clone3(2) into one is EOPNOTSUPP: cgroups(7), "thread mode".
 */
static bool is_threaded(const char *directory)
{
    CLEANUP(free_string) char *path = join_path(directory, "cgroup.type");
    CLEANUP(free_string) char *type = read_file_at(AT_FDCWD, path);
    if (!type && errno != ENOENT) /* the root of the hierarchy has none */
        die("read %s", path);
    return type && strcmp(type, "domain\n") != 0;
}

/* Cut the last name off. False if directory is the mount point already. */
static bool climb(char *directory, const char *mount)
{
    if (strlen(directory) <= strlen(mount))
        return false;
    *strrchr(directory, '/') = '\0';
    return true;
}

/* NULL if this one can hand them down; else why not. What it lacks it may
 * get from above, up to `top`. */
static const char *why_not_controllers(const char *directory, const char *top,
                                       unsigned int need)
{
    need &= ~read_controllers(directory, "cgroup.subtree_control");
    if (!need)
        return NULL;
    unsigned int lacking =
        need & ~read_controllers(directory, "cgroup.controllers");
    CLEANUP(free_string) char *above = copy_string(directory);
    if (lacking && !climb(above, top))
        return "it does not have the controllers (not delegated)";
    if (has_processes(directory))
        return "it has processes of its own, so it cannot hand controllers "
               "down (start from a cgroup below it)";
    const char *reason = why_not_write(directory, "cgroup.subtree_control");
    if (reason || !lacking)
        return reason;
    return why_not_controllers(above, top, lacking);
}

/* NULL if a cgroup with these controllers can be made here; else why not. */
static const char *why_not(const char *directory, const char *top,
                           unsigned int need)
{
    const char *reason = why_not_write(directory, ".");
    if (!reason)
        reason = why_not_write(directory, "cgroup.procs");
    if (reason)
        return reason;
    if (is_threaded(directory))
        return "it is divided among threads (cgroup.type)";
    return why_not_controllers(directory, top, need);
}

/* The nearest of our ancestors that will do, or NULL and the reason. */
static char *find_place(const struct hierarchy *h, unsigned int need,
                        const char **reason)
{
    char *directory = copy_string(h->own);
    *reason = NULL;
    do {
        const char *obstacle = why_not(directory, directory, need);
        if (!obstacle)
            return directory;
        if (!*reason)
            *reason = obstacle;
    } while (climb(directory, h->mount));
    free(directory);
    return NULL;
}

/* What later limits may need, and `events` reads, as far as it can be had: who
 * may hand some controllers down, often may not hand down all. */
static unsigned int find_wishes(const struct hierarchy *h, unsigned int need)
{
    unsigned int wishes = need;
    unsigned int all = controllers_in("cpu memory pids");
    const char *reason;
    CLEANUP(free_string) char *usual = find_place(h, need | all, &reason);
    if (usual)
        return need | all;
    all &= read_controllers(h->mount, "cgroup.controllers"); /* of v1? */
    for (unsigned int bit = 1; bit <= all; bit <<= 1) {
        CLEANUP(free_string)
        char *place = all & bit ? find_place(h, need | bit, &reason) : NULL;
        if (place)
            wishes |= bit;
    }
    return wishes;
}

/* --- errors --- */

static bool host_has_v1(void)
{
    CLEANUP(free_string)
    char *text = read_file_at(AT_FDCWD, "/proc/self/cgroup");
    return text && (strstr(text, ":memory") || strstr(text, ":cpu") ||
                    strstr(text, ",memory:") || strstr(text, ":pids:"));
}

/* Why the limits that were asked for cannot be set. Ends the program. */
static _Noreturn void no_place(const struct hierarchy *h, unsigned int need,
                               const char *directory, const char *reason)
{
    CLEANUP(free_string) char *names = controller_names(need, "");
    const char *v1 = host_has_v1() ? " of cgroup v1; boot with "
                                     "systemd.unified_cgroup_hierarchy=1, or "
                                     "use scripts/vm"
                                   : " without it; use scripts/vm";
    if (!h->mount)
        fail("set limits (%s): no cgroup v2 hierarchy is mounted (a host%s)",
             names, v1);
    if (!need)
        fail("create a cgroup below %s: %s", directory, reason);
    unsigned int missing =
        need & ~read_controllers(h->mount, "cgroup.controllers");
    if (missing) {
        CLEANUP(free_string) char *lost = controller_names(missing, "");
        fail("set limits: %s has no controller %s (a host%s)", h->mount, lost,
             v1);
    }
    fail("set limits (%s) below %s: %s", names, directory, reason);
}

/* --- the plan --- */

/* An absolute path is below the top of the hierarchy; so is any of root's,
 * because the same path has to lead to the same place. Others have a part of
 * the hierarchy only, and theirs are below that. */
static bool is_from_top(const struct spec *spec)
{
    return *spec->cgroups_path == '/' || !spec->rootless;
}

static void plan_given_path(struct cgroup *c, const struct hierarchy *h,
                            const char *given, bool from_top)
{
    const char *name = given + strspn(given, "/");
    if (!*name)
        fail("config.json: linux.cgroupsPath: \"%s\" is not a cgroup's name",
             given);
    c->path = join_path(from_top ? h->mount : c->parent, name);
    size_t last = strlen(c->path) - 1;
    while (c->path[last] == '/')
        c->path[last--] = '\0';
    free(c->parent);
    c->parent = copy_string(c->path);
    *strrchr(c->parent, '/') = '\0';
    /* Engines read statistics: so all that there is, for them. */
    c->wish = read_controllers(h->mount, "cgroup.controllers");
}

/* Directories that are not there yet will be made, as far as we may. */
static char *nearest_existing(const char *path)
{
    char *directory = copy_string(path);
    while (*directory && !file_exists_at(AT_FDCWD, directory))
        *strrchr(directory, '/') = '\0';
    return directory;
}

/* False if it cannot be there, and nobody minds: without root's rights, and
 * without limits, a container may stay in our own cgroup. */
static bool plan_place(struct cgroup *c, const struct hierarchy *h,
                       const struct spec *spec, const char *id)
{
    const char *reason = "";
    if (!h->mount && !c->need && (spec->rootless || !spec->cgroups_path))
        return false;
    if (!h->mount)
        no_place(h, c->need, "", reason);
    if (spec->cgroups_path && is_from_top(spec)) {
        plan_given_path(c, h, spec->cgroups_path, true);
        CLEANUP(free_string) char *at = nearest_existing(c->parent);
        reason = why_not(at, h->mount, c->need);
        if (reason && (c->need || !spec->rootless))
            no_place(h, c->need, at, reason);
        return !reason;
    }
    c->wish = find_wishes(h, c->need);
    c->parent = find_place(h, c->wish, &reason);
    if (!c->parent)
        c->parent = find_place(h, c->wish = c->need, &reason);
    if (!c->parent && c->need)
        no_place(h, c->need, h->own, reason);
    if (c->parent && spec->cgroups_path)
        plan_given_path(c, h, spec->cgroups_path, false);
    else if (c->parent)
        c->path = print_string("%s/%s%s", c->parent,
                               strncmp(id, "rung-", 5) == 0 ? "" : "rung-", id);
    return c->parent;
}

void cgroup_plan(struct cgroup *c, const struct spec *spec, const char *id)
{
    *c = (struct cgroup){.fd = -1};
    c->wish = c->need = controllers_needed(&spec->resources);
    if (spec->invocation.cgroup_manager == CGROUP_DISABLED) {
        if (c->need)
            fail("set limits: not with --cgroup-manager disabled");
        return;
    }
    CLEANUP(free_hierarchy) struct hierarchy h = {.mount = NULL};
    (void)find_hierarchy(&h);
    if (spec->invocation.cgroup_manager == CGROUP_SYSTEMD) {
        if (!h.mount)
            no_place(&h, c->need, "", "");
        cgroup_plan_scope(c, spec, id, h.mount);
        return;
    }
    if (!plan_place(c, &h, spec, id)) {
        free(c->path);
        c->path = NULL;
    } else if (!spec->cgroups_path && file_exists_at(AT_FDCWD, c->path)) {
        fail("create cgroup %s: it exists (another container has this id)",
             c->path);
    }
}

void cgroup_reopen(struct cgroup *c, const char *path, const char *scope)
{
    *c = (struct cgroup){.fd = -1};
    if (!path)
        return;
    c->scope = copy_string(scope);
    c->path = copy_string(path);
    c->parent = copy_string(path);
    char *slash = strrchr(c->parent, '/');
    if (!slash || slash == c->parent)
        fail("state: cgroup \"%s\" is not a path", path);
    *slash = '\0';
    c->fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (c->fd == -1 && errno != ENOENT)
        die("open the cgroup %s", path);
}
