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

#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "commands/edits.h"
#include "config/json.h"

void not_a(const struct edits *e, const char *what)
{
    usage_error("%s %s: not %s", e->option, *e->value ? e->value : "''", what);
}

int64_t number_of(const struct edits *e, const char *text, int64_t min,
                  int64_t max, const char *what)
{
    bool negative = *text == '-' && min < 0;
    uint64_t size = 0;
    if (!parse_u64(text + negative, &size) || size > INT64_MAX)
        not_a(e, what);
    int64_t number = negative ? -(int64_t)size : (int64_t)size;
    if (number < min || number > max)
        not_a(e, what);
    return number;
}

static void put(json_t *object, const char *key, json_t *value)
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

static char *path_of(const struct edits *e, const char *path)
{
    if (!*path)
        not_a(e, "a path (it is empty)");
    return absolute_path(path);
}

/* The flag's value as JSON. */
static json_t *value_of(const struct edits *e, const struct flag *flag)
{
    bool is_any = flag->least == 0 && flag->most == 0;
    int64_t bytes;
    switch (flag->kind) {
    case NUMBER:
        return json_integer(number_of(e, e->value,
                                      is_any ? -INT64_MAX : flag->least,
                                      is_any ? INT64_MAX : flag->most,
                                      flag->what ? flag->what : "a number"));
    case SIZE:
        if (!parse_size(e->value, &bytes))
            not_a(e, "a size (examples: 50M, 1G, -1)");
        return json_integer(bytes);
    case PATH: {
        CLEANUP(free_string) char *path = path_of(e, e->value);
        return json_string(path);
    }
    default:
        return json_string(e->value);
    }
}

void edit_field(struct edits *e, const struct flag *flag)
{
    if (flag->json)
        set(e->config, flag->path,
            json_loads(flag->json, JSON_DECODE_ANY, NULL));
    else if (*e->value || !flag->may_be_empty)
        set(e->config, flag->path, value_of(e, flag));
}

void edit_hostname(struct edits *e)
{
    if (!*e->value || strlen(e->value) > 64)
        not_a(e, "a host name (1 to 64 characters)");
    set(e->config, "hostname", json_string(e->value));
}

void edit_layer(struct edits *e)
{
    static const char where[] = "annotations/io.rung.layers";
    CLEANUP(free_string) char *path = path_of(e, e->value);
    if (strchr(path, ':'))
        not_a(e, "the path of a layer (it has a ':' in it)");
    const char *below = json_string_value(find_value(e->config, where));
    CLEANUP(free_string)
    char *list = below ? print_string("%s:%s", below, path) : copy_string(path);
    set(e->config, where, json_string(list));
}

/* Later mounts cover earlier ones, so a volume on /tmp is seen. */
void edit_volume(struct edits *e)
{
    CLEANUP(free_string) char *copy = copy_string(e->value);
    char *rest = copy;
    char *source = strsep(&rest, ":");
    char *destination = strsep(&rest, ":");
    bool is_read_only = rest && strcmp(rest, "ro") == 0;
    if (!*source || !destination || *destination != '/' ||
        (rest && !is_read_only && strcmp(rest, "rw") != 0))
        not_a(e, "SOURCE:/DESTINATION or SOURCE:/DESTINATION:ro");
    if (destination[strspn(destination, "/.")] == '\0')
        not_a(e,
              "a volume: it would hide the whole root (--rootfs replaces it)");
    CLEANUP(free_string) char *path = path_of(e, source);
    add(e->config, "mounts",
        json_pack("{s:s, s:s, s:s, s:[s, s, s, s]}", "destination", destination,
                  "type", "bind", "source", path, "options", "rbind",
                  is_read_only ? "rro" : "rw", "nosuid", "nodev"));
}

/* NAME=VALUE, or NAME for the caller's value; the last one counts. */
void edit_env(struct edits *e)
{
    size_t length = strcspn(e->value, "=");
    const char *ours = e->value[length] ? NULL : getenv(e->value);
    if (length == 0 || (!e->value[length] && !ours))
        not_a(e, "NAME=VALUE, and no variable of ours");
    json_t *env = place(e->config, "process/env", JSON_ARRAY);
    for (size_t i = json_array_size(env); i-- > 0;) {
        const char *old = json_string_value(json_array_get(env, i));
        if (old && strncmp(old, e->value, length) == 0 && old[length] == '=')
            json_array_remove(env, i);
    }
    CLEANUP(free_string)
    char *entry =
        ours ? print_string("%s=%s", e->value, ours) : copy_string(e->value);
    add(e->config, "process/env", json_string(entry));
}

void edit_workdir(struct edits *e)
{
    if (*e->value != '/')
        not_a(e, "an absolute path");
    set(e->config, "process/cwd", json_string(e->value));
}

/* "default", "unconfined", or a file with the object of linux.seccomp. */
void edit_seccomp(struct edits *e)
{
    json_object_del(find_value(e->config, "annotations"), "io.rung.seccomp");
    json_object_del(find_value(e->config, "linux"), "seccomp");
    if (strcmp(e->value, "unconfined") == 0)
        return;
    if (strcmp(e->value, "default") == 0) {
        set(e->config, "annotations/io.rung.seccomp", json_string(e->value));
        return;
    }
    json_error_t error;
    json_t *profile = load_json(e->value, false, &error);
    if (!profile)
        usage_error("%s %s: not default, unconfined or a profile: %s",
                    e->option, *e->value ? e->value : "''", error.text);
    set(e->config, "linux/seccomp", profile);
}

void edit_sysctl(struct edits *e)
{
    CLEANUP(free_string) char *key = copy_string(e->value);
    char *equals = strchr(key, '=');
    if (!equals || equals == key)
        not_a(e, "KEY=VALUE");
    *equals = '\0';
    put(place(e->config, "linux/sysctl", JSON_OBJECT), key,
        json_string(equals + 1));
}

/* nofile=1024:2048 */
void edit_ulimit(struct edits *e)
{
    static const char what[] = "NAME=SOFT:HARD, like nofile=1024:2048";
    CLEANUP(free_string) char *copy = copy_string(e->value);
    char *rest = copy;
    const char *name = strsep(&rest, "=");
    const char *first = rest ? strsep(&rest, ":") : "";
    int64_t soft = number_of(e, first, 0, INT64_MAX, what);
    int64_t hard = rest ? number_of(e, rest, 0, INT64_MAX, what) : soft;
    if (!*name)
        not_a(e, what);
    CLEANUP(free_string) char *type = print_string("RLIMIT_%s", name);
    for (char *p = type; *p; p++)
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 0x20) : *p;
    add(e->config, "process/rlimits",
        json_pack("{s:s, s:I, s:I}", "type", type, "soft", (json_int_t)soft,
                  "hard", (json_int_t)hard));
}

void edit_args(json_t *config, char **args)
{
    set(config, "process/args", json_array());
    for (; *args; args++)
        add(config, "process/args", json_string(*args));
}
