/*
 * update.c - the command "update": other limits for a container that runs.
 *
 * Nothing here changes anything before all that was asked for has been checked.
 * It grew out of step05.
 */
#define _GNU_SOURCE

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "cgroup/devices.h"
#include "commands/commands.h"
#include "commands/edits.h"
#include "commands/flags.h"
#include "config/json.h"

/* A flag and the member of linux.resources that it sets. "" is "not given", for
 * runc. */
#define LIMIT(name, member, of_kind, help_text) \
    { \
        name, .value = (of_kind) == SIZE ? "SIZE" : "N", .help = help_text, \
              .path = member, .kind = of_kind, .may_be_empty = true \
    }

static const char *resources_file;

static const struct flag FLAGS[] = {
    {"resources", 'r', "FILE", "all of it, as linux.resources has it",
     .text = &resources_file},
    LIMIT("blkio-weight", "blockIO/weight", NUMBER, "10 to 1000"),
    LIMIT("cpu-period", "cpu/period", NUMBER, "microseconds"),
    LIMIT("cpu-quota", "cpu/quota", NUMBER, "microseconds in each period"),
    LIMIT("cpu-burst", "cpu/burst", NUMBER, "microseconds it may save up"),
    LIMIT("cpu-share", "cpu/shares", NUMBER, "2 to 262144, beside others"),
    LIMIT("cpu-rt-period", "cpu/realtimePeriod", NUMBER, "only in cgroup v1"),
    LIMIT("cpu-rt-runtime", "cpu/realtimeRuntime", NUMBER, "only in cgroup v1"),
    LIMIT("cpu-idle", "cpu/idle", NUMBER, "1: only when nobody else runs"),
    LIMIT("cpuset-cpus", "cpu/cpus", TEXT, "0-3,7"),
    LIMIT("cpuset-mems", "cpu/mems", TEXT, "0-3,7"),
    LIMIT("memory", "memory/limit", SIZE, "kill when it uses more"),
    LIMIT("memory-reservation", "memory/reservation", SIZE, "spare so much"),
    LIMIT("memory-swap", "memory/swap", SIZE, "memory and swap together"),
    LIMIT("kernel-memory", "memory/kernel", SIZE, "only in cgroup v1"),
    LIMIT("kernel-memory-tcp", "memory/kernelTCP", SIZE, "only in cgroup v1"),
    LIMIT("pids-limit", "pids/limit", NUMBER, "processes at most"),
    {0},
};

static json_t *read_resources_file(const char *path)
{
    json_error_t error;
    bool is_stdin = strcmp(path, "-") == 0;
    json_t *json = load_json(is_stdin ? "/dev/stdin" : path, false, &error);
    if (!json)
        fail("read the limits from %s: %s", path, error.text);
    if (!json_is_object(json))
        fail("read the limits from %s: not a JSON object", path);
    return json;
}

/* What to change, as linux.resources has it; and the container's name. */
static json_t *parse_update(int argc, char **argv, const char **id)
{
    json_t *resources = json_object();
    *id = only_id(argc, argv, FLAGS);
    edit_by_flags(argc, argv, FLAGS, &(struct edits){.config = resources});
    return resources_file ? read_resources_file(resources_file) : resources;
}

/* For runc, 0 is "leave it as it is" wherever 0 is no limit. */
static bool is_left_out(const char *object, const char *key,
                        const json_t *value)
{
    static const char *const objects[] = {"memory", "cpu", "blockIO"};
    if (json_is_null(value))
        return true;
    bool zero = json_is_integer(value) && json_integer_value(value) == 0;
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        if (zero && strcmp(object, objects[i]) == 0)
            return strcmp(key, "idle") != 0 && strcmp(key, "burst") != 0;
    }
    return false;
}

static void merge(json_t *old, json_t *new, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach(new, key, value)
    {
        json_t *here = json_object_get(old, key);
        if (is_left_out(name, key, value))
            continue;
        if (json_is_object(here) && json_is_object(value))
            merge(here, value, key);
        else
            json_object_set(old, key, value);
    }
}

/* "swap" includes the memory: so a new limit moves it along, unless it is
 * given, too. */
static void keep_swap(json_t *old, json_t *new)
{
    json_t *memory = json_object_get(old, "memory");
    json_t *changed = json_object_get(new, "memory");
    json_int_t limit = json_integer_value(json_object_get(changed, "limit"));
    json_int_t given = json_integer_value(json_object_get(changed, "swap"));
    json_int_t before = json_integer_value(json_object_get(memory, "limit"));
    json_int_t swap = json_integer_value(json_object_get(memory, "swap"));
    if (limit == 0 || given != 0 || swap <= 0)
        return;
    if (limit == -1 || before <= 0)
        json_object_del(memory, "swap");
    else
        json_object_set_new(memory, "swap",
                            json_integer(swap - before + limit));
}

int command_update(int argc, char **argv)
{
    const char *id;
    json_t *new = parse_update(argc, argv, &id);
    struct state state;
    struct cgroup cgroup;
    load_cgroup(&state, id, &cgroup);
    json_t *config = state_config(&state);
    if (!config)
        return EXIT_RUNTIME;
    json_t *old = place(config, "linux/resources", JSON_OBJECT);
    keep_swap(old, new);
    merge(old, new, "");
    globals.invocation.id = state.id;
    struct spec *spec = spec_parse(config, state.bundle, &globals.invocation);
    cgroup_update(&cgroup, spec);
    if (json_object_get(new, "devices") && !spec->rootless)
        devices_replace(cgroup.fd, spec);
    state_save_config(&state, config);
    json_decref(new);
    return 0;
}
