/*
 * scope.c - the place of a cgroup that systemd makes.
 *
 * With --systemd-cgroup, cgroupsPath of config.json is no path but the names
 * of units: "SLICE:PREFIX:NAME". The directories follow from the names, so
 * they are on record before systemd is asked: systemd.slice(5). Part of
 * cgroup.c; new in step07.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "cgroup/parts.h"
#include "cgroup/systemd.h"
#include "config/spec.h"

/* A unit's name may hold these; ours start with a letter or digit. */
static bool is_unit_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                 ":-_.\\@");
    return length > 0 && length < 240 && name[length] == '\0' &&
           strchr(letters, *name);
}

static bool is_slice_name(const char *name)
{
    size_t length = strlen(name);
    return is_unit_name(name) && length > 6 &&
           strcmp(name + length - 6, ".slice") == 0 && !strstr(name, "--") &&
           name[length - 7] != '-';
}

/* A dash in a slice's name is a step down: "a-b.slice" is the directory
 * a.slice/a-b.slice. "-.slice" is the root. */
static char *slice_path(const char *slice)
{
    char *path = copy_string("");
    if (strcmp(slice, "-.slice") == 0)
        return path;
    const char *end = slice + strlen(slice) - strlen(".slice");
    for (const char *dash = slice; dash < end; dash++) {
        dash += strcspn(dash, "-");
        if (dash > end)
            dash = end;
        char *longer =
            print_string("%s/%.*s.slice", path, (int)(dash - slice), slice);
        free(path);
        path = longer;
    }
    return path;
}

static _Noreturn void refuse(const char *given)
{
    fail("config.json: linux.cgroupsPath: \"%s\" is not SLICE:PREFIX:NAME, "
         "like system.slice:rung:web (with --systemd-cgroup)",
         given);
}

/* "slice:prefix:name" to slice and scope. */
static void read_names(struct cgroup *c, const char *given,
                       const char *usual_slice)
{
    CLEANUP(free_string) char *copy = copy_string(given);
    char *rest = copy;
    const char *slice = strsep(&rest, ":");
    const char *prefix = strsep(&rest, ":");
    if (!rest)
        refuse(given);
    c->slice = copy_string(*slice ? slice : usual_slice);
    c->scope = *prefix ? print_string("%s-%s.scope", prefix, rest)
                       : print_string("%s.scope", rest);
    size_t length = strlen(rest);
    if (!is_unit_name(rest) || !is_unit_name(c->scope) ||
        (length > 6 && strcmp(rest + length - 6, ".slice") == 0) ||
        (!is_slice_name(c->slice) && strcmp(c->slice, "-.slice") != 0))
        refuse(given);
}

void cgroup_plan_scope(struct cgroup *c, const struct spec *spec,
                       const char *id, const char *mount)
{
    CLEANUP(free_string)
    char *usual = print_string(":rung:%s", id);
    read_names(c, spec->cgroups_path ? spec->cgroups_path : usual,
               spec->rootless ? "user.slice" : "system.slice");
    CLEANUP(free_properties) struct properties annotated = {0};
    add_annotated_properties(&annotated, spec); /* are they all right? */
    CLEANUP(free_string) char *own = systemd_own_cgroup();
    CLEANUP(free_string) char *top = print_string("%s%s", mount, own);
    unsigned int missing =
        c->need & ~read_controllers(top, "cgroup.controllers");
    if (missing) {
        CLEANUP(free_string) char *names = controller_names(missing, "");
        fail("set limits: %s has no controller %s (not delegated to this "
             "systemd)",
             top, names);
    }
    CLEANUP(free_string) char *slices = slice_path(c->slice);
    c->parent = print_string("%s%s/%s", top, slices, c->scope);
    c->path = join_path(c->parent, "container");
    if (file_exists_at(AT_FDCWD, c->parent))
        fail("create cgroup %s: it exists (another container has this name)",
             c->parent);
}
