/*
 * edits_ids.c - the flags for users, capabilities and further namespaces.
 *
 * Who the container's users are on the host. Never the host's root, unless
 * somebody writes so himself. Part of edits.c; new in step07.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <unistd.h>

#include "base/files.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "commands/edits.h"

static const char GIDS[] = "linux/gidMappings";
static const char UIDS[] = "linux/uidMappings";

/* --- users and capabilities --- */

static bool has_user; /* --user was given */
static json_t *added; /* what --cap-add gave */

void edit_user(json_t *config, const char *option, const char *value)
{
    static const char what[] = "a user's number, or USER:GROUP";
    CLEANUP(free_string) char *copy = copy_string(value);
    char *rest = copy;
    const char *user = strsep(&rest, ":");
    const char *group = rest ? rest : user;
    has_user = true;
    set(config, "process/user/uid",
        json_integer(number_of(user, 0, UINT32_MAX - 1, what, option, value)));
    set(config, "process/user/gid",
        json_integer(number_of(group, 0, UINT32_MAX - 1, what, option, value)));
}

void edit_group(json_t *config, const char *option, const char *value)
{
    add(config, "process/user/additionalGids",
        json_integer(number_of(value, 0, UINT32_MAX - 1, "a group's number",
                               option, value)));
}

/* "net_admin", "CAP_NET_ADMIN" or "ALL" (NULL). */
static char *capability_name(const char *option, const char *value)
{
    if (strcasecmp(value, "all") == 0)
        return NULL;
    bool has_prefix = strncasecmp(value, "cap_", 4) == 0;
    char *name = print_string("CAP_%s", value + (has_prefix ? 4 : 0));
    cap_value_t number;
    if (cap_from_name(name, &number) == -1)
        not_a("a capability (see capabilities(7))", option, value);
    for (char *p = name; *p; p++)
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 0x20) : *p;
    return name;
}

static const char *const SETS[] = {
    "process/capabilities/bounding",
    "process/capabilities/permitted",
    "process/capabilities/effective",
};

/* Take it out of the set; NULL takes all. */
static void remove_capability(json_t *list, const char *name)
{
    for (size_t i = json_array_size(list); i-- > 0;) {
        const char *old = json_string_value(json_array_get(list, i));
        if (!name || (old && strcasecmp(old, name) == 0))
            json_array_remove(list, i);
    }
}

static void add_capability(json_t *config, const char *path, const char *name)
{
    remove_capability(place(config, path, JSON_ARRAY), name);
    add(config, path, json_string(name));
}

void edit_cap_add(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *name = capability_name(option, value);
    for (int i = 0; !name && i < cap_max_bits(); i++) {
        char *each = cap_to_name(i);
        edit_cap_add(config, option, each);
        cap_free(each);
    }
    if (!name)
        return;
    if (!added)
        added = json_array();
    remove_capability(added, name);
    (void)json_array_append_new(added, json_string(name));
    for (size_t i = 0; i < ARRAY_SIZE(SETS); i++)
        add_capability(config, SETS[i], name);
}

/* Of a further process: one that is inheritable goes on to programs of an
 * ordinary user, too. */
void edit_exec_cap(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *name = capability_name(option, value);
    edit_cap_add(config, option, value);
    json_t *list = find_value(config, "process/capabilities/inheritable");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *old = json_string_value(json_array_get(list, i));
        if (old && (!name || strcasecmp(old, name) == 0))
            add_capability(config, "process/capabilities/ambient", old);
    }
}

void edit_cap_drop(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *name = capability_name(option, value);
    remove_capability(added, name);
    for (size_t i = 0; i < ARRAY_SIZE(SETS); i++)
        remove_capability(place(config, SETS[i], JSON_ARRAY), name);
    remove_capability(find_value(config, "process/capabilities/inheritable"),
                      name);
    remove_capability(find_value(config, "process/capabilities/ambient"), name);
}

/*
 * Programs of an ordinary user have no capabilities after execve(2), except
 * those in the ambient set. So he gets what --cap-add gave him, and nothing
 * of the default set, which is meant for root.
 */
static void fit_capabilities(json_t *config)
{
    static const char ambient[] = "process/capabilities/ambient";
    if ((!has_user && !added) ||
        json_integer_value(find_value(config, "process/user/uid")) == 0)
        return;
    for (size_t i = 0; i < json_array_size(added); i++) {
        const char *name = json_string_value(json_array_get(added, i));
        add_capability(config, "process/capabilities/inheritable", name);
        add_capability(config, ambient, name);
    }
    json_t *list = place(config, ambient, JSON_ARRAY);
    set(config, "process/capabilities/permitted", json_copy(list));
    set(config, "process/capabilities/effective", json_copy(list));
}

/* --- user namespaces --- */

static bool has_namespace(json_t *config, const char *type)
{
    json_t *list = find_value(config, "linux/namespaces");
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
        add(config, "linux/namespaces", json_pack("{s:s}", "type", type));
}

static bool has_maps; /* a flag made some */

static void add_map(json_t *config, const char *list, int64_t inside,
                    int64_t outside, int64_t count)
{
    has_maps = true;
    want_namespace(config, "user");
    add(config, list,
        json_pack("{s:I, s:I, s:I}", "containerID", (json_int_t)inside,
                  "hostID", (json_int_t)outside, "size", (json_int_t)count));
}

/* INSIDE:OUTSIDE:COUNT, as in /proc/PID/uid_map. */
static void edit_map(json_t *config, const char *list, const char *option,
                     const char *value)
{
    static const char what[] = "INSIDE:OUTSIDE:COUNT, like 0:100000:65536";
    CLEANUP(free_string) char *copy = copy_string(value);
    char *rest = copy;
    int64_t numbers[3];
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        const char *word = rest ? strsep(&rest, ":") : "";
        numbers[i] =
            number_of(word, i == 2, UINT32_MAX - 1, what, option, value);
    }
    if (rest)
        not_a(what, option, value);
    add_map(config, list, numbers[0], numbers[1], numbers[2]);
}

void edit_uidmap(json_t *config, const char *option, const char *value)
{
    edit_map(config, UIDS, option, value);
}

void edit_gidmap(json_t *config, const char *option, const char *value)
{
    edit_map(config, GIDS, option, value);
}

/* "alice:100000:65536" in /etc/subuid grants alice those ids: subuid(5). */
static bool find_granted_ids(const char *path, uint64_t *start, uint64_t *count)
{
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, path);
    CLEANUP(free_string) char *user = user_name(getuid());
    char number[16];
    snprintf(number, sizeof(number), "%u", getuid());
    char *rest = text;
    for (char *line; rest && (line = strsep(&rest, "\n"));) {
        const char *name = strsep(&line, ":");
        const char *first = strsep(&line, ":");
        bool is_ours = strcmp(name, number) == 0 || strcmp(name, user) == 0;
        if (is_ours && first && line && parse_u64(first, start) &&
            parse_u64(line, count) && *start <= UINT32_MAX && *count > 0 &&
            *count <= UINT32_MAX)
            return true;
    }
    return false;
}

/*
 * Root inside is an ordinary user outside. For root that is a range that
 * nobody else uses, and the root file system is shown with its owners moved
 * there; for an ordinary user himself, and what he was granted for the others,
 * if the programs that grant it are installed.
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
        add_map(config, UIDS, 0, 100000, 65536);
        add_map(config, GIDS, 0, 100000, 65536);
        set(config, "annotations/io.rung.idmap", json_string("true"));
        return;
    }
    add_map(config, UIDS, 0, geteuid(), 1);
    add_map(config, GIDS, 0, getegid(), 1);
    if (access("/usr/bin/newuidmap", X_OK) == 0 &&
        access("/usr/bin/newgidmap", X_OK) == 0 &&
        find_granted_ids("/etc/subuid", &start, &count) &&
        find_granted_ids("/etc/subgid", &group_start, &group_count)) {
        add_map(config, UIDS, 1, (int64_t)start, (int64_t)count);
        add_map(config, GIDS, 1, (int64_t)group_start, (int64_t)group_count);
    }
}

static bool maps_group(json_t *config, json_int_t group)
{
    json_t *list = find_value(config, GIDS);
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
    json_t *mounts = find_value(config, "mounts");
    for (size_t i = 0; i < json_array_size(mounts); i++) {
        json_t *options = json_object_get(json_array_get(mounts, i), "options");
        for (size_t j = json_array_size(options); j-- > 0;) {
            const char *word = json_string_value(json_array_get(options, j));
            if (word && strcmp(word, "gid=5") == 0)
                json_array_remove(options, j);
        }
    }
}

void edit_for_user(json_t *config)
{
    if (geteuid() != 0 && !has_namespace(config, "user"))
        edit_userns(config, "--userns", NULL);
}

void finish_ids(json_t *config)
{
    if (has_maps && !maps_group(config, 5))
        drop_terminal_group(config);
    fit_capabilities(config);
}

/* --- other namespaces --- */

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
    int64_t seconds = number_of(value, -INT32_MAX, INT32_MAX,
                                "a number of seconds", option, value);
    want_namespace(config, "time");
    set(config, "linux/timeOffsets/boottime/secs", json_integer(seconds));
    set(config, "linux/timeOffsets/monotonic/secs", json_integer(seconds));
}
