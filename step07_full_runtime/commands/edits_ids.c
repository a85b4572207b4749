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

void edit_user(struct edits *e)
{
    static const char what[] = "a user's number, or USER:GROUP";
    CLEANUP(free_string) char *copy = copy_string(e->value);
    char *rest = copy;
    const char *user = strsep(&rest, ":");
    const char *group = rest ? rest : user;
    e->has_user = true;
    set(e->config, "process/user/uid",
        json_integer(number_of(e, user, 0, UINT32_MAX - 1, what)));
    set(e->config, "process/user/gid",
        json_integer(number_of(e, group, 0, UINT32_MAX - 1, what)));
}

void edit_group(struct edits *e)
{
    add(e->config, "process/user/additionalGids",
        json_integer(
            number_of(e, e->value, 0, UINT32_MAX - 1, "a group's number")));
}

/* "net_admin", "CAP_NET_ADMIN" or "ALL" (NULL). */
static char *capability_name(const struct edits *e)
{
    const char *value = e->value;
    if (strcasecmp(value, "all") == 0)
        return NULL;
    bool has_prefix = strncasecmp(value, "cap_", 4) == 0;
    char *name = print_string("CAP_%s", value + (has_prefix ? 4 : 0));
    cap_value_t number;
    if (cap_from_name(name, &number) == -1)
        not_a(e, "a capability (see capabilities(7))");
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

void edit_cap_add(struct edits *e)
{
    CLEANUP(free_string) char *name = capability_name(e);
    for (int i = 0; !name && i < cap_max_bits(); i++) {
        char *each = cap_to_name(i);
        e->value = each;
        edit_cap_add(e);
        cap_free(each);
    }
    if (!name)
        return;
    if (!e->added)
        e->added = json_array();
    remove_capability(e->added, name);
    (void)json_array_append_new(e->added, json_string(name));
    for (size_t i = 0; i < ARRAY_SIZE(SETS); i++)
        add_capability(e->config, SETS[i], name);
}

/* Of a further process: one that is inheritable goes on to programs of an
 * ordinary user, too. */
void edit_exec_cap(struct edits *e)
{
    CLEANUP(free_string) char *name = capability_name(e);
    edit_cap_add(e);
    json_t *list = find_value(e->config, "process/capabilities/inheritable");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *old = json_string_value(json_array_get(list, i));
        if (old && (!name || strcasecmp(old, name) == 0))
            add_capability(e->config, "process/capabilities/ambient", old);
    }
}

void edit_cap_drop(struct edits *e)
{
    CLEANUP(free_string) char *name = capability_name(e);
    remove_capability(e->added, name);
    for (size_t i = 0; i < ARRAY_SIZE(SETS); i++)
        remove_capability(place(e->config, SETS[i], JSON_ARRAY), name);
    remove_capability(find_value(e->config, "process/capabilities/inheritable"),
                      name);
    remove_capability(find_value(e->config, "process/capabilities/ambient"),
                      name);
}

/*
 * Programs of an ordinary user have no capabilities after execve(2), except
 * those in the ambient set. So he gets what --cap-add gave him, and nothing
 * of the default set, which is meant for root.
 */
static void fit_capabilities(const struct edits *e)
{
    static const char ambient[] = "process/capabilities/ambient";
    if ((!e->has_user && !e->added) ||
        json_integer_value(find_value(e->config, "process/user/uid")) == 0)
        return;
    for (size_t i = 0; i < json_array_size(e->added); i++) {
        const char *name = json_string_value(json_array_get(e->added, i));
        add_capability(e->config, "process/capabilities/inheritable", name);
        add_capability(e->config, ambient, name);
    }
    json_t *list = place(e->config, ambient, JSON_ARRAY);
    set(e->config, "process/capabilities/permitted", json_copy(list));
    set(e->config, "process/capabilities/effective", json_copy(list));
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

static void add_map(struct edits *e, const char *list, int64_t inside,
                    int64_t outside, int64_t count)
{
    e->has_maps = true;
    want_namespace(e->config, "user");
    add(e->config, list,
        json_pack("{s:I, s:I, s:I}", "containerID", (json_int_t)inside,
                  "hostID", (json_int_t)outside, "size", (json_int_t)count));
}

/* INSIDE:OUTSIDE:COUNT, as in /proc/PID/uid_map. */
static void edit_map(struct edits *e, const char *list)
{
    static const char what[] = "INSIDE:OUTSIDE:COUNT, like 0:100000:65536";
    CLEANUP(free_string) char *copy = copy_string(e->value);
    char *rest = copy;
    int64_t numbers[3];
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        const char *word = rest ? strsep(&rest, ":") : "";
        numbers[i] = number_of(e, word, i == 2, UINT32_MAX - 1, what);
    }
    if (rest)
        not_a(e, what);
    add_map(e, list, numbers[0], numbers[1], numbers[2]);
}

void edit_uidmap(struct edits *e)
{
    edit_map(e, UIDS);
}

void edit_gidmap(struct edits *e)
{
    edit_map(e, GIDS);
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
void edit_userns(struct edits *e)
{
    uint64_t start = 0;
    uint64_t count = 0;
    uint64_t group_start = 0;
    uint64_t group_count = 0;
    if (geteuid() == 0) {
        add_map(e, UIDS, 0, 100000, 65536);
        add_map(e, GIDS, 0, 100000, 65536);
        set(e->config, "annotations/io.rung.idmap", json_string("true"));
        return;
    }
    add_map(e, UIDS, 0, geteuid(), 1);
    add_map(e, GIDS, 0, getegid(), 1);
    if (access("/usr/bin/newuidmap", X_OK) == 0 &&
        access("/usr/bin/newgidmap", X_OK) == 0 &&
        find_granted_ids("/etc/subuid", &start, &count) &&
        find_granted_ids("/etc/subgid", &group_start, &group_count)) {
        add_map(e, UIDS, 1, (int64_t)start, (int64_t)count);
        add_map(e, GIDS, 1, (int64_t)group_start, (int64_t)group_count);
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

void edit_for_user(struct edits *e)
{
    if (geteuid() != 0 && !has_namespace(e->config, "user"))
        edit_userns(e);
}

void finish_ids(struct edits *e)
{
    if (e->has_maps && !maps_group(e->config, 5))
        drop_terminal_group(e->config);
    fit_capabilities(e);
}

/* --- other namespaces --- */

/* --net and its like: most are new anyway, without being asked. */
void edit_namespace(struct edits *e)
{
    const char *type = e->option + 2;
    want_namespace(e->config, strcmp(type, "net") == 0 ? "network" : type);
}

/* Clocks that count from the boot run ahead by this many seconds. */
void edit_time_offset(struct edits *e)
{
    int64_t seconds =
        number_of(e, e->value, -INT32_MAX, INT32_MAX, "a number of seconds");
    want_namespace(e->config, "time");
    set(e->config, "linux/timeOffsets/boottime/secs", json_integer(seconds));
    set(e->config, "linux/timeOffsets/monotonic/secs", json_integer(seconds));
}
