/*
 * limits.c - write the limits, and who may write in the cgroup.
 *
 * config/spec_resources.c has made a list of files and values of config.json.
 * It must never let a limit that was asked for go unset, nor leave half of an
 * update without saying so. It grew out of step05.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "cgroup/parts.h"
#include "cgroup/systemd.h"
#include "config/spec.h"

/* --- one file, one limit --- */

static bool has_file(const struct cgroup *c, const char *file)
{
    return file_exists_at(c->fd, file);
}

/* Does /proc/swaps list any, below its heading? */
static bool has_swap(void)
{
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, "/proc/swaps");
    if (!text && errno != ENOENT) /* a kernel without swap has no such file */
        die("read /proc/swaps");
    const char *heading = text ? strchr(text, '\n') : NULL;
    return heading && heading[1];
}

/* Without the file there is nothing that the limit could hold back: "max" is
 * so anyway, and a machine without swap may lack the file for it. */
static bool is_so_anyway(const struct cgroup_setting *s)
{
    return strncmp(s->value, "max", 3) == 0 ||
           (strcmp(s->file, "memory.swap.max") == 0 && !has_swap());
}

/* Which of its two files there is; NULL: neither. */
static const char *existing_file(const struct cgroup *c,
                                 const struct cgroup_setting *s)
{
    if (!s->other_file || has_file(c, s->file))
        return has_file(c, s->file) ? s->file : NULL;
    return has_file(c, s->other_file) ? s->other_file : NULL;
}

/* 0, or -1 and errno. */
static int set(const struct cgroup *c, const struct cgroup_setting *s)
{
    const char *file = s->file;
    const char *value = s->value;
    narrate(5, "write(\"%s\") # echo %s > %s/%s", value, value, c->path, file);
    int result = write_file_at(c->fd, file, value);
    if (result == -1 && errno == ENOENT && s->other_file)
        result = write_file_at(c->fd, s->other_file, s->other_value);
    if (result == -1 && errno == ENOENT && is_so_anyway(s))
        return 0;
    return result;
}

/* --- whose it is --- */

static bool shows_cgroup_writable(const struct spec *spec)
{
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct mount_spec *m = &spec->mounts[i];
        if (strcmp(m->destination, "/sys/fs/cgroup") == 0 && m->type &&
            strncmp(m->type, "cgroup", 6) == 0 &&
            !(m->attr_set & MOUNT_ATTR_RDONLY))
            return spec_makes(spec, NS_CGROUP);
    }
    return false;
}

/*
 * Who sees its cgroup writable is to make cgroups below it, as systemd does.
 * The kernel lists what its owner has to own for that; all other files, with
 * the limits in them, stay ours. cgroups(7), "delegation".
 */
static void give_away(const struct cgroup *c, const struct spec *spec)
{
    uid_t uid;
    if (!shows_cgroup_writable(spec) || !spec_host_user(spec, &uid) ||
        uid == geteuid())
        return;
    CLEANUP(free_string)
    char *list = read_file_at(AT_FDCWD, "/sys/kernel/cgroup/delegate");
    if (!list)
        list = copy_string("cgroup.procs\ncgroup.subtree_control\n"
                           "cgroup.threads\n");
    narrate(5, "fchown(%u) # chown %u %s", uid, uid, c->path);
    bool done = fchownat(c->fd, ".", uid, (gid_t)-1, 0) == 0;
    char *rest = list;
    for (char *file; done && (file = strsep(&rest, "\n"));) {
        if (*file && !strchr(file, '/'))
            done = fchownat(c->fd, file, uid, (gid_t)-1, 0) == 0 ||
                   errno == ENOENT;
    }
    /* Only root may give things away; ordinary users map their own id. */
    if (!done && !spec->rootless)
        die("give cgroup %s to user %u", c->path, uid);
}

void cgroup_limits(const struct cgroup *c, const struct spec *spec)
{
    if (!c->path)
        return;
    const struct resources *r = &spec->resources;
    for (size_t i = 0; i < r->setting_count; i++) {
        const struct cgroup_setting *s = &r->settings[i];
        if (set(c, s) == -1)
            die("write %s to %s/%s", s->value, c->path, s->file);
    }
    give_away(c, spec);
}

/* --- new limits --- */

/* What can be known beforehand is checked before anything changes. */
static void check_update(const struct cgroup *c, const struct resources *r)
{
    for (size_t i = 0; i < r->setting_count; i++) {
        const struct cgroup_setting *s = &r->settings[i];
        if (!existing_file(c, s) && !is_so_anyway(s))
            fail("set limits: %s has no file %s (does the kernel have it?)",
                 c->path, s->file);
    }
    if (!r->memory_check || r->memory_limit <= 0)
        return;
    CLEANUP(free_string) char *text = read_file_at(c->fd, "memory.current");
    if (!text)
        die("read %s/memory.current", c->path);
    long long used;
    if (sscanf(text, "%lld", &used) == 1 && used > r->memory_limit)
        fail("set limits: memory.max %lld: %s uses %lld bytes already "
             "(checkBeforeUpdate)",
             (long long)r->memory_limit, c->path, used);
}

/* Write the old values again, the last one first. What has a line for each
 * device cannot be written as it is read: false. */
static bool take_back(const struct cgroup *c, const struct resources *r,
                      char **old, size_t count)
{
    bool all = true;
    while (count-- > 0) {
        const char *file = existing_file(c, &r->settings[count]);
        char *end = old[count] ? strchr(old[count], '\n') : NULL;
        if (!file)
            continue;
        if (end && !end[1] && !strchr(old[count], '='))
            *end = '\0';
        else
            end = NULL;
        if (!end || write_file_at(c->fd, file, old[count]) == -1) {
            warn("take back the new limit in %s/%s: it stays", c->path, file);
            all = false;
        }
    }
    return all;
}

static _Noreturn void give_up(const struct cgroup *c, const struct resources *r,
                              char **old, size_t count, const char *what)
{
    CLEANUP(free_string) char *reason = copy_string(strerror(errno));
    bool back = take_back(c, r, old, count);
    fail("%s: %s (%s)", what, reason,
         back ? "all limits are as before" : "not all limits are as before");
}

void cgroup_update(struct cgroup *c, const struct spec *spec)
{
    const struct resources *r = &spec->resources;
    if (!c->path || c->fd == -1)
        fail("set limits: the container has no cgroup of its own");
    c->need = controllers_needed(r);
    CLEANUP(unlock_host) bool locked = lock_host();
    if (!locked)
        die("take the lock on what containers share");
    enable_controllers(c, c->parent, c->need);
    check_update(c, r);
    char **old = allocate(r->setting_count + 1, sizeof(*old));
    for (size_t i = 0; i < r->setting_count; i++) {
        const struct cgroup_setting *s = &r->settings[i];
        const char *file = existing_file(c, s);
        old[i] = file ? read_file_at(c->fd, file) : NULL;
        if (set(c, s) == 0)
            continue;
        int reason = errno;
        CLEANUP(free_string)
        char *what = print_string("write %s to %s/%s", s->value, c->path,
                                  file ? file : s->file);
        errno = reason;
        give_up(c, r, old, i, what);
    }
    if (c->scope && systemd_set_limits(c->scope, r) == -1)
        give_up(c, r, old, r->setting_count, "tell systemd the limits");
    for (size_t i = 0; i < r->setting_count; i++)
        free(old[i]);
    free(old);
}
