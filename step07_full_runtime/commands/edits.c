/*
 * edits.c - what each flag does to config.json.
 *
 * Here a flag becomes JSON, nothing more: whether it can be done is decided by
 * config/spec.c for all containers alike. It must have no side effect. It grew
 * out of parse_options in steps 03 and 04.
 */
#define _GNU_SOURCE

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "commands/edits.h"
#include "config/json.h"

void not_a(const char *what, const char *option, const char *value)
{
    usage_error("%s %s: not %s", option, *value ? value : "''", what);
}

int64_t number_of(const char *text, int64_t min, int64_t max, const char *what,
                  const char *option, const char *value)
{
    bool negative = *text == '-' && min < 0;
    uint64_t size = 0;
    if (!parse_u64(text + negative, &size) || size > INT64_MAX)
        not_a(what, option, value);
    int64_t number = negative ? -(int64_t)size : (int64_t)size;
    if (number < min || number > max)
        not_a(what, option, value);
    return number;
}

void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) == -1)
        fail("edit config.json: \"%s\" is not text in UTF-8", key);
}

/* Nothing of what the user wrote is replaced because it has the wrong type. */
json_t *place(json_t *config, const char *path, json_type type)
{
    CLEANUP(free_string) char *copy = copy_string(path);
    char *rest = copy;
    for (const char *name; (name = strsep(&rest, "/"));) {
        bool is_array = !rest && type == JSON_ARRAY;
        json_t *next = json_object_get(config, name);
        if (!next || json_is_null(next)) {
            next = is_array ? json_array() : json_object();
            put(config, name, next);
        }
        if (is_array ? !json_is_array(next) : !json_is_object(next))
            fail("config.json: %s: not an %s", name,
                 is_array ? "array" : "object");
        config = next;
    }
    return config;
}

json_t *find_value(json_t *config, const char *path)
{
    CLEANUP(free_string) char *copy = copy_string(path);
    char *rest = copy;
    for (const char *name; (name = strsep(&rest, "/"));)
        config = json_object_get(config, name);
    return config;
}

void set(json_t *config, const char *path, json_t *value)
{
    CLEANUP(free_string) char *copy = copy_string(path);
    char *slash = strrchr(copy, '/');
    if (slash)
        *slash = '\0';
    put(slash ? place(config, copy, JSON_OBJECT) : config,
        slash ? slash + 1 : copy, value);
}

void add(json_t *config, const char *path, json_t *value)
{
    if (json_array_append_new(place(config, path, JSON_ARRAY), value) == -1)
        fail("edit config.json: a value is not text in UTF-8");
}

void edit_field(json_t *config, const char *option, const char *value)
{
    static const struct {
        const char *option;
        const char *path;
        const char *text; /* NULL: the flag's value */
    } FIELDS[] = {
        {"--read-only", "root/readonly", "true"},
        {"--tty", "process/terminal", "true"},
        {"--no-tty", "process/terminal", "false"},
        {"--new-privs", "process/noNewPrivileges", "false"},
        {"--no-new-privs", "process/noNewPrivileges", "true"},
        {"--apparmor", "process/apparmorProfile", NULL},
        {"--process-label", "process/selinuxLabel", NULL},
        {"--overlay", "annotations/io.rung.overlay", "\"true\""},
        {"--init", "annotations/io.rung.init", "\"true\""},
        {"--nat", "annotations/io.rung.nat", "\"true\""},
    };
    for (size_t i = 0; i < ARRAY_SIZE(FIELDS); i++) {
        const char *text = FIELDS[i].text;
        if (strcmp(FIELDS[i].option, option) == 0)
            set(config, FIELDS[i].path,
                text ? json_loads(text, JSON_DECODE_ANY, NULL)
                     : json_string(value));
    }
}

static char *absolute_path(const char *option, const char *path)
{
    if (!*path)
        not_a("a path (it is empty)", option, path);
    if (*path == '/')
        return copy_string(path);
    CLEANUP(free_string) char *cwd = getcwd(NULL, 0);
    if (!cwd)
        die("find the current directory");
    return join_path(cwd, path);
}

void edit_hostname(json_t *config, const char *option, const char *value)
{
    if (!*value || strlen(value) > 64)
        not_a("a host name (1 to 64 characters)", option, value);
    set(config, "hostname", json_string(value));
}

void edit_rootfs(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *path = absolute_path(option, value);
    set(config, "root/path", json_string(path));
}

void edit_layer(json_t *config, const char *option, const char *value)
{
    static const char where[] = "annotations/io.rung.layers";
    CLEANUP(free_string) char *path = absolute_path(option, value);
    if (strchr(path, ':'))
        not_a("the path of a layer (it has a ':' in it)", option, value);
    const char *below = json_string_value(find_value(config, where));
    CLEANUP(free_string)
    char *list = below ? print_string("%s:%s", below, path) : copy_string(path);
    set(config, where, json_string(list));
}

/* Later mounts cover earlier ones, so a volume on /tmp is seen. */
void edit_volume(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *copy = copy_string(value);
    char *rest = copy;
    char *source = strsep(&rest, ":");
    char *destination = strsep(&rest, ":");
    bool is_read_only = rest && strcmp(rest, "ro") == 0;
    if (!*source || !destination || *destination != '/' ||
        (rest && !is_read_only && strcmp(rest, "rw") != 0))
        not_a("SOURCE:/DESTINATION or SOURCE:/DESTINATION:ro", option, value);
    if (destination[strspn(destination, "/.")] == '\0')
        not_a("a volume: it would hide the whole root (--rootfs replaces it)",
              option, value);
    CLEANUP(free_string) char *path = absolute_path(option, source);
    add(config, "mounts",
        json_pack("{s:s, s:s, s:s, s:[s, s, s, s]}", "destination", destination,
                  "type", "bind", "source", path, "options", "rbind",
                  is_read_only ? "rro" : "rw", "nosuid", "nodev"));
}

/* NAME=VALUE, or NAME for the caller's value; the last one counts. */
void edit_env(json_t *config, const char *option, const char *value)
{
    size_t length = strcspn(value, "=");
    const char *ours = value[length] ? NULL : getenv(value);
    if (length == 0 || (!value[length] && !ours))
        not_a("NAME=VALUE, and no variable of ours", option, value);
    json_t *env = place(config, "process/env", JSON_ARRAY);
    for (size_t i = json_array_size(env); i-- > 0;) {
        const char *old = json_string_value(json_array_get(env, i));
        if (old && strncmp(old, value, length) == 0 && old[length] == '=')
            json_array_remove(env, i);
    }
    CLEANUP(free_string)
    char *entry =
        ours ? print_string("%s=%s", value, ours) : copy_string(value);
    add(config, "process/env", json_string(entry));
}

void edit_workdir(json_t *config, const char *option, const char *value)
{
    if (*value != '/')
        not_a("an absolute path", option, value);
    set(config, "process/cwd", json_string(value));
}

/* "default", "unconfined", or a file with the object of linux.seccomp. */
void edit_seccomp(json_t *config, const char *option, const char *value)
{
    json_object_del(find_value(config, "annotations"), "io.rung.seccomp");
    json_object_del(find_value(config, "linux"), "seccomp");
    if (strcmp(value, "unconfined") == 0)
        return;
    if (strcmp(value, "default") == 0) {
        set(config, "annotations/io.rung.seccomp", json_string(value));
        return;
    }
    json_error_t error;
    json_t *profile = load_json(value, false, &error);
    if (!profile)
        usage_error("%s %s: not default, unconfined or a profile: %s", option,
                    *value ? value : "''", error.text);
    set(config, "linux/seccomp", profile);
}

void edit_sysctl(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *key = copy_string(value);
    char *equals = strchr(key, '=');
    if (!equals || equals == key)
        not_a("KEY=VALUE", option, value);
    *equals = '\0';
    put(place(config, "linux/sysctl", JSON_OBJECT), key,
        json_string(equals + 1));
}

/* nofile=1024:2048 */
void edit_ulimit(json_t *config, const char *option, const char *value)
{
    static const char what[] = "NAME=SOFT:HARD, like nofile=1024:2048";
    CLEANUP(free_string) char *copy = copy_string(value);
    char *rest = copy;
    const char *name = strsep(&rest, "=");
    const char *first = rest ? strsep(&rest, ":") : "";
    int64_t soft = number_of(first, 0, INT64_MAX, what, option, value);
    int64_t hard =
        rest ? number_of(rest, 0, INT64_MAX, what, option, value) : soft;
    if (!*name)
        not_a(what, option, value);
    CLEANUP(free_string) char *type = print_string("RLIMIT_%s", name);
    for (char *p = type; *p; p++)
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 0x20) : *p;
    add(config, "process/rlimits",
        json_pack("{s:s, s:I, s:I}", "type", type, "soft", (json_int_t)soft,
                  "hard", (json_int_t)hard));
}

void edit_oom_score(json_t *config, const char *option, const char *value)
{
    int64_t score = number_of(value, -1000, 1000, "a number from -1000 to 1000",
                              option, value);
    set(config, "process/oomScoreAdj", json_integer(score));
}

void edit_args(json_t *config, char **args)
{
    set(config, "process/args", json_array());
    for (; *args; args++)
        add(config, "process/args", json_string(*args));
}
