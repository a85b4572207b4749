/*
 * edits_ids.c - the flags for the user and time namespaces.
 *
 * Who the container's users are on the host. Never the host's root, unless
 * somebody writes so himself. Part of edits.c; new in step07.
 */
#define _GNU_SOURCE

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edits.h"
#include "util.h"

static bool has_namespace(json_t *config, const char *type)
{
    json_t *list = array_at(config, "linux", "namespaces");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *entry = json_array_get(list, i);
        const char *old = json_string_value(json_object_get(entry, "type"));
        if (old && strcmp(old, type) == 0)
            return true;
    }
    return false;
}

static void want_namespace(json_t *config, const char *type)
{
    if (!has_namespace(config, type))
        add(array_at(config, "linux", "namespaces"),
            json_pack("{s:s}", "type", type));
}

static void add_map(json_t *config, const char *list, uint64_t inside,
                    uint64_t outside, uint64_t count)
{
    want_namespace(config, "user");
    add(array_at(config, "linux", list),
        json_pack("{s:I, s:I, s:I}", "containerID", (json_int_t)inside,
                  "hostID", (json_int_t)outside, "size", (json_int_t)count));
}

/* INSIDE:OUTSIDE:COUNT, as in /proc/PID/uid_map. */
static void edit_map(json_t *config, const char *list, const char *option,
                     const char *value)
{
    CLEANUP(free_string) char *copy = copy_string(value);
    char *rest = copy;
    uint64_t numbers[3];
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        const char *word = strsep(&rest, ":");
        if (!word || !parse_u64(word, &numbers[i]) || numbers[i] >= UINT32_MAX)
            usage_error("%s %s: not INSIDE:OUTSIDE:COUNT, like 0:100000:65536",
                        option, *value ? value : "''");
    }
    if (rest || numbers[2] == 0)
        usage_error("%s %s: not INSIDE:OUTSIDE:COUNT, like 0:100000:65536",
                    option, value);
    add_map(config, list, numbers[0], numbers[1], numbers[2]);
}

void edit_uidmap(json_t *config, const char *option, const char *value)
{
    edit_map(config, "uidMappings", option, value);
}

void edit_gidmap(json_t *config, const char *option, const char *value)
{
    edit_map(config, "gidMappings", option, value);
}

/* "alice:100000:65536" in /etc/subuid grants alice those ids: subuid(5). */
static bool find_granted_ids(const char *path, uint64_t *start, uint64_t *count)
{
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, path);
    const struct passwd *user = getpwuid(getuid());
    char number[16];
    snprintf(number, sizeof(number), "%u", getuid());
    char *rest = text;
    for (char *line; rest && (line = strsep(&rest, "\n"));) {
        const char *name = strsep(&line, ":");
        const char *first = strsep(&line, ":");
        bool is_ours = strcmp(name, number) == 0 ||
                       (user && strcmp(name, user->pw_name) == 0);
        if (is_ours && first && line && parse_u64(first, start) &&
            parse_u64(line, count) && *count > 0)
            return true;
    }
    return false;
}

/*
 * Root inside is an ordinary user outside. For root that is a range that
 * nobody else uses; for an ordinary user himself, and what he was granted for
 * the others, if the programs that grant it are installed.
 */
void edit_userns(json_t *config, const char *option, const char *value)
{
    (void)option;
    (void)value;
    uint64_t start = 0;
    uint64_t count = 0;
    uint64_t group_start = 0;
    uint64_t group_count = 0;
    if (geteuid() == 0) {
        add_map(config, "uidMappings", 0, 100000, 65536);
        add_map(config, "gidMappings", 0, 100000, 65536);
        annotate(config, "io.rung.idmap", "true");
        return;
    }
    add_map(config, "uidMappings", 0, geteuid(), 1);
    add_map(config, "gidMappings", 0, getegid(), 1);
    if (access("/usr/bin/newuidmap", X_OK) == 0 &&
        access("/usr/bin/newgidmap", X_OK) == 0 &&
        find_granted_ids("/etc/subuid", &start, &count) &&
        find_granted_ids("/etc/subgid", &group_start, &group_count)) {
        add_map(config, "uidMappings", 1, start, count);
        add_map(config, "gidMappings", 1, group_start, group_count);
    }
}

/* --net and its like: most are new anyway, without being asked. */
void edit_namespace(json_t *config, const char *option, const char *value)
{
    (void)value;
    const char *type = option + 2;
    want_namespace(config, strcmp(type, "net") == 0 ? "network" : type);
}

/* Clocks that count from the boot run ahead by this many seconds. */
void edit_time_offset(json_t *config, const char *option, const char *value)
{
    uint64_t seconds;
    bool negative = *value == '-';
    if (!parse_u64(value + negative, &seconds) || seconds > INT32_MAX)
        usage_error("%s %s: not a number of seconds", option,
                    *value ? value : "''");
    json_int_t offset = negative ? -(json_int_t)seconds : (json_int_t)seconds;
    want_namespace(config, "time");
    json_t *clocks = object_at(config, "linux", "timeOffsets", NULL);
    put(clocks, "boottime", json_pack("{s:I}", "secs", offset));
    put(clocks, "monotonic", json_pack("{s:I}", "secs", offset));
}

static bool maps_group(json_t *config, json_int_t group)
{
    json_t *list = array_at(config, "linux", "gidMappings");
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *map = json_array_get(list, i);
        json_int_t inside =
            json_integer_value(json_object_get(map, "containerID"));
        json_int_t size = json_integer_value(json_object_get(map, "size"));
        if (group >= inside && group < inside + size)
            return true;
    }
    return false;
}

/* devpts gives terminals to the group "tty", 5, if there is such a group. */
static void drop_terminal_group(json_t *config)
{
    json_t *mounts = array_at(config, NULL, "mounts");
    for (size_t i = 0; i < json_array_size(mounts); i++) {
        json_t *options = json_object_get(json_array_get(mounts, i), "options");
        for (size_t j = json_array_size(options); j-- > 0;) {
            const char *word = json_string_value(json_array_get(options, j));
            if (word && strcmp(word, "gid=5") == 0)
                json_array_remove(options, j);
        }
    }
}

/*
 * Programs of an ordinary user have no capabilities after execve(2), except
 * those in the ambient set. So he gets what --cap-add gave him, and nothing
 * of the default set, which is meant for root.
 */
static void fit_capabilities(json_t *config)
{
    json_t *user = object_at(config, "process", "user", NULL);
    json_t *note = object_at(config, "annotations", NULL);
    json_t *added = json_incref(json_object_get(note, "io.rung.added"));
    json_object_del(note, "io.rung.added");
    json_t *sets = object_at(config, "process", "capabilities", NULL);
    if (json_integer_value(json_object_get(user, "uid")) != 0) {
        if (!added)
            added = json_array();
        put(sets, "effective", json_copy(added));
        put(sets, "permitted", json_copy(added));
        put(sets, "inheritable", json_copy(added));
        put(sets, "ambient", json_copy(added));
    }
    json_decref(added);
}

void finish_ids(json_t *config)
{
    if (geteuid() != 0 && !has_namespace(config, "user"))
        edit_userns(config, "--userns", NULL);
    if (has_namespace(config, "user") && !maps_group(config, 5))
        drop_terminal_group(config);
    if (json_array_size(array_at(config, "linux", "gidMappings")) == 0)
        json_object_del(json_object_get(config, "linux"), "gidMappings");
    fit_capabilities(config);
}
