/*
 * edits.c - what each flag does to config.json.
 *
 * Here a flag becomes JSON, nothing more: whether it can be done is decided by
 * spec.c for all containers alike. It must have no side effect. It grew out
 * of parse_options in steps 03 and 04.
 */
#define _GNU_SOURCE

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <unistd.h>

#include "edits.h"
#include "json.h"
#include "util.h"

/* Nothing of what the user wrote is replaced because it has the wrong type. */
static void refuse_type(const json_t *value, bool is_right, const char *path,
                        const char *type)
{
    if (value && !is_right)
        fail("config.json: %s: not an %s", path, type);
}

json_t *object_at(json_t *config, ...)
{
    char path[64] = "";
    va_list names;
    va_start(names, config);
    for (const char *name; (name = va_arg(names, const char *));) {
        size_t length = strlen(path);
        snprintf(path + length, sizeof(path) - length, "%s%s",
                 length ? "." : "", name);
        json_t *next = json_object_get(config, name);
        refuse_type(next, json_is_object(next), path, "object");
        if (!next) {
            next = json_object();
            put(config, name, next);
        }
        config = next;
    }
    va_end(names);
    return config;
}

json_t *array_at(json_t *config, const char *object, const char *name)
{
    json_t *parent = object ? object_at(config, object, NULL) : config;
    json_t *array = json_object_get(parent, name);
    CLEANUP(free_string)
    char *path =
        print_string("%s%s%s", object ? object : "", object ? "." : "", name);
    refuse_type(array, json_is_array(array), path, "array");
    if (array)
        return array;
    array = json_array();
    put(parent, name, array);
    return array;
}

void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value) == -1)
        fail("edit config.json: \"%s\" is not text in UTF-8", key);
}

void add(json_t *array, json_t *value)
{
    if (json_array_append_new(array, value) == -1)
        fail("edit config.json: a value is not text in UTF-8");
}

void annotate(json_t *config, const char *key, const char *value)
{
    put(object_at(config, "annotations", NULL), key, json_string(value));
}

static char *absolute_path(const char *option, const char *path)
{
    if (!*path)
        usage_error("%s '': not a path (it is empty)", option);
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
        usage_error("%s %s: not a host name (1 to 64 characters)", option,
                    *value ? value : "''");
    put(config, "hostname", json_string(value));
}

void edit_rootfs(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *path = absolute_path(option, value);
    put(object_at(config, "root", NULL), "path", json_string(path));
}

void edit_read_only(json_t *config, const char *option, const char *value)
{
    (void)option;
    (void)value;
    put(object_at(config, "root", NULL), "readonly", json_true());
}

void edit_overlay(json_t *config, const char *option, const char *value)
{
    (void)option;
    (void)value;
    annotate(config, "io.rung.overlay", "true");
}

void edit_layer(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *path = absolute_path(option, value);
    if (strchr(path, ':'))
        usage_error("%s %s: a layer's path cannot have a ':' in it", option,
                    value);
    const char *below = json_string_value(json_object_get(
        json_object_get(config, "annotations"), "io.rung.layers"));
    CLEANUP(free_string)
    char *list = below ? print_string("%s:%s", below, path) : copy_string(path);
    annotate(config, "io.rung.layers", list);
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
        usage_error("%s %s: not SOURCE:/DESTINATION or "
                    "SOURCE:/DESTINATION:ro",
                    option, value);
    CLEANUP(free_string) char *path = absolute_path(option, source);
    json_t *mount =
        json_pack("{s:s, s:s, s:s, s:[s, s, s, s]}", "destination", destination,
                  "type", "bind", "source", path, "options", "rbind",
                  is_read_only ? "rro" : "rw", "nosuid", "nodev");
    add(array_at(config, NULL, "mounts"), mount);
}

/* NAME=VALUE, or NAME for the caller's value; the last one counts. */
void edit_env(json_t *config, const char *option, const char *value)
{
    size_t length = strcspn(value, "=");
    const char *ours = value[length] ? NULL : getenv(value);
    if (length == 0 || (!value[length] && !ours))
        usage_error("%s %s: not NAME=VALUE, and no variable of ours", option,
                    *value ? value : "''");
    json_t *env = array_at(config, "process", "env");
    for (size_t i = json_array_size(env); i-- > 0;) {
        const char *old = json_string_value(json_array_get(env, i));
        if (old && strncmp(old, value, length) == 0 && old[length] == '=')
            json_array_remove(env, i);
    }
    CLEANUP(free_string)
    char *entry =
        ours ? print_string("%s=%s", value, ours) : copy_string(value);
    add(env, json_string(entry));
}

void edit_workdir(json_t *config, const char *option, const char *value)
{
    if (*value != '/')
        usage_error("%s %s: not an absolute path", option,
                    *value ? value : "''");
    put(object_at(config, "process", NULL), "cwd", json_string(value));
}

void edit_user(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *copy = copy_string(value);
    char *rest = copy;
    const char *user = strsep(&rest, ":");
    uint64_t uid;
    uint64_t gid = 0;
    if (!parse_u64(user, &uid) || uid >= UINT32_MAX ||
        (rest && (!parse_u64(rest, &gid) || gid >= UINT32_MAX)))
        usage_error("%s %s: not a user's number, or USER:GROUP", option, value);
    json_t *object = object_at(config, "process", "user", NULL);
    put(object, "uid", json_integer((json_int_t)uid));
    put(object, "gid", json_integer((json_int_t)(rest ? gid : uid)));
}

void edit_tty(json_t *config, const char *option, const char *value)
{
    (void)value;
    put(object_at(config, "process", NULL), "terminal",
        json_boolean(strcmp(option, "--no-tty") != 0));
}

void edit_init(json_t *config, const char *option, const char *value)
{
    (void)option;
    (void)value;
    annotate(config, "io.rung.init", "true");
}

/* "net_admin", "CAP_NET_ADMIN" or "ALL" (NULL). */
static char *capability_name(const char *option, const char *value)
{
    if (strcasecmp(value, "all") == 0)
        return NULL;
    CLEANUP(free_string)
    char *name = strncasecmp(value, "cap_", 4) == 0
                     ? copy_string(value)
                     : print_string("cap_%s", value);
    cap_value_t number;
    if (cap_from_name(name, &number) == -1)
        usage_error("%s %s: not a capability (see capabilities(7))", option,
                    *value ? value : "''");
    char *upper = copy_string(name);
    for (char *p = upper; *p; p++)
        *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 0x20) : *p;
    return upper;
}

static const char *const SETS[] = {
    "bounding",
    "permitted",
    "effective",
};

/* Take it out of the set; NULL takes all. */
static void remove_capability(json_t *set, const char *name)
{
    for (size_t i = json_array_size(set); i-- > 0;) {
        const char *old = json_string_value(json_array_get(set, i));
        if (!name || (old && strcasecmp(old, name) == 0))
            json_array_remove(set, i);
    }
}

static void add_capability(json_t *config, const char *name)
{
    json_t *capabilities = object_at(config, "process", "capabilities", NULL);
    /* finish_ids() needs to know those that were asked for. */
    json_t *added = array_at(config, "annotations", "io.rung.added");
    remove_capability(added, name);
    add(added, json_string(name));
    for (size_t i = 0; i < ARRAY_SIZE(SETS); i++) {
        json_t *set = array_at(capabilities, NULL, SETS[i]);
        remove_capability(set, name);
        add(set, json_string(name));
    }
}

void edit_cap_add(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *name = capability_name(option, value);
    if (name) {
        add_capability(config, name);
        return;
    }
    for (int i = 0; i < cap_max_bits(); i++) {
        char *each = cap_to_name(i);
        CLEANUP(free_string) char *upper = capability_name(option, each);
        add_capability(config, upper);
        cap_free(each);
    }
}

void edit_cap_drop(json_t *config, const char *option, const char *value)
{
    json_t *capabilities = object_at(config, "process", "capabilities", NULL);
    CLEANUP(free_string) char *name = capability_name(option, value);
    remove_capability(array_at(config, "annotations", "io.rung.added"), name);
    for (size_t i = 0; i < ARRAY_SIZE(SETS); i++)
        remove_capability(array_at(capabilities, NULL, SETS[i]), name);
}

void edit_privileges(json_t *config, const char *option, const char *value)
{
    (void)option;
    (void)value;
    put(object_at(config, "process", NULL), "noNewPrivileges", json_false());
}

/* "default", "unconfined", or a file with the object of linux.seccomp. */
void edit_seccomp(json_t *config, const char *option, const char *value)
{
    json_t *annotations = object_at(config, "annotations", NULL);
    json_object_del(annotations, "io.rung.seccomp");
    json_object_del(object_at(config, "linux", NULL), "seccomp");
    if (strcmp(value, "unconfined") == 0)
        return;
    if (strcmp(value, "default") == 0) {
        annotate(config, "io.rung.seccomp", "default");
        return;
    }
    json_error_t error;
    json_t *profile = load_json(value, false, &error);
    if (!profile)
        usage_error("%s %s: not default, unconfined or a profile: %s (line %d)",
                    option, *value ? value : "''", error.text, error.line);
    put(object_at(config, "linux", NULL), "seccomp", profile);
}

void edit_sysctl(json_t *config, const char *option, const char *value)
{
    CLEANUP(free_string) char *key = copy_string(value);
    char *equals = strchr(key, '=');
    if (!equals || equals == key)
        usage_error("%s %s: not KEY=VALUE", option, *value ? value : "''");
    *equals = '\0';
    put(object_at(config, "linux", "sysctl", NULL), key,
        json_string(equals + 1));
}

/* nofile=1024:2048 */
void edit_ulimit(json_t *config, const char *option, const char *value)
{
    char name[16];
    uint64_t soft;
    uint64_t hard;
    CLEANUP(free_string) char *copy = copy_string(value);
    char *rest = copy;
    const char *word = strsep(&rest, "=");
    char *first = strsep(&rest, ":");
    if (!*word || strlen(word) >= sizeof(name) || !first ||
        !parse_u64(first, &soft) || !parse_u64(rest ? rest : first, &hard) ||
        soft > INT64_MAX || hard > INT64_MAX)
        usage_error("%s %s: not NAME=SOFT:HARD, like nofile=1024:2048", option,
                    *value ? value : "''");
    size_t length = strlen(word);
    for (size_t i = 0; i <= length; i++)
        name[i] =
            word[i] >= 'a' && word[i] <= 'z' ? (char)(word[i] - 0x20) : word[i];
    CLEANUP(free_string) char *type = print_string("RLIMIT_%s", name);
    add(array_at(config, "process", "rlimits"),
        json_pack("{s:s, s:I, s:I}", "type", type, "soft", (json_int_t)soft,
                  "hard", (json_int_t)hard));
}

void edit_oom_score(json_t *config, const char *option, const char *value)
{
    uint64_t number;
    bool negative = *value == '-';
    if (!parse_u64(value + negative, &number) || number > 1000)
        usage_error("%s %s: not a number from -1000 to 1000", option,
                    *value ? value : "''");
    put(object_at(config, "process", NULL), "oomScoreAdj",
        json_integer(negative ? -(json_int_t)number : (json_int_t)number));
}

void edit_args(json_t *config, char **args)
{
    json_t *array = json_array();
    for (; *args; args++)
        add(array, json_string(*args));
    put(object_at(config, "process", NULL), "args", array);
}
