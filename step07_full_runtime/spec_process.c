/*
 * spec_process.c - the object "process" of config.json.
 *
 * Everything that is true of the command alone: what to run, as whom, and with
 * which rights. It must have no side effect. Part of spec.c.
 */
#define _GNU_SOURCE

#include <string.h>
#include <sys/capability.h>

#include "spec_parts.h"

static const struct word RLIMITS[] = {
    {"RLIMIT_AS", RLIMIT_AS},
    {"RLIMIT_CORE", RLIMIT_CORE},
    {"RLIMIT_CPU", RLIMIT_CPU},
    {"RLIMIT_DATA", RLIMIT_DATA},
    {"RLIMIT_FSIZE", RLIMIT_FSIZE},
    {"RLIMIT_LOCKS", RLIMIT_LOCKS},
    {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
    {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
    {"RLIMIT_NICE", RLIMIT_NICE},
    {"RLIMIT_NOFILE", RLIMIT_NOFILE},
    {"RLIMIT_NPROC", RLIMIT_NPROC},
    {"RLIMIT_RSS", RLIMIT_RSS},
    {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
    {"RLIMIT_RTTIME", RLIMIT_RTTIME},
    {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
    {"RLIMIT_STACK", RLIMIT_STACK},
};

static const struct vocabulary LIMITS = VOCABULARY("limit", RLIMITS);

/* -1 is "unlimited", as is 18446744073709551615: see load_json(). */
static rlim_t rlimit_value(const struct field *f)
{
    require(f);
    int64_t value = get_integer(f, -1, INT64_MAX, 0);
    return value == -1 ? RLIM_INFINITY : (rlim_t)value;
}

static void read_rlimits(struct process_spec *p, const struct field *list)
{
    p->rlimit_count = get_size(list);
    p->rlimits = allocate(p->rlimit_count, sizeof(*p->rlimits));
    for (size_t i = 0; i < p->rlimit_count; i++) {
        struct field entry = item(list, i);
        struct field type = member(&entry, "type");
        struct field soft = member(&entry, "soft");
        struct field hard = member(&entry, "hard");
        struct rlimit_spec *r = &p->rlimits[i];
        require(&type);
        r->resource = (int)get_word(&type, &LIMITS, 0);
        r->limit.rlim_cur = rlimit_value(&soft);
        r->limit.rlim_max = rlimit_value(&hard);
        if (r->limit.rlim_cur > r->limit.rlim_max)
            refuse(&soft, "is more than \"hard\"");
        for (size_t j = 0; j < i; j++) {
            if (p->rlimits[j].resource == r->resource)
                refuse(&type, "the same limit twice");
        }
    }
}

/* A capability that nobody knows is a warning, as the specification says: it
 * may be one of a newer kernel. It is not given. */
static uint64_t read_capability_set(const struct field *list)
{
    uint64_t set = 0;
    for (size_t i = 0; i < get_size(list); i++) {
        struct field entry = item(list, i);
        CLEANUP(free_string) char *name = get_string(&entry);
        cap_value_t number;
        if (cap_from_name(name, &number) != 0 || number >= cap_max_bits())
            complain(&entry, "capability \"%s\" is unknown, so not given",
                     name);
        else
            set |= UINT64_C(1) << number;
    }
    return set;
}

static void read_capabilities(struct capability_sets *sets,
                              const struct field *object)
{
    struct field bounding = member(object, "bounding");
    struct field effective = member(object, "effective");
    struct field permitted = member(object, "permitted");
    struct field inheritable = member(object, "inheritable");
    struct field ambient = member(object, "ambient");
    sets->bounding = read_capability_set(&bounding);
    sets->effective = read_capability_set(&effective);
    sets->permitted = read_capability_set(&permitted);
    sets->inheritable = read_capability_set(&inheritable);
    sets->ambient = read_capability_set(&ambient);
    if (sets->effective & ~sets->permitted)
        refuse(&effective, "has capabilities that are not in \"permitted\"");
    if (sets->ambient & ~(sets->permitted & sets->inheritable))
        refuse(&ambient, "has capabilities that are not in \"permitted\" and "
                         "\"inheritable\"");
}

static void read_user(struct process_spec *p, const struct field *user)
{
    struct field uid = member(user, "uid");
    struct field gid = member(user, "gid");
    struct field umask = member(user, "umask");
    struct field groups = member(user, "additionalGids");
    p->uid = (uid_t)get_integer(&uid, 0, UINT32_MAX - 1, 0);
    p->gid = (gid_t)get_integer(&gid, 0, UINT32_MAX - 1, 0);
    p->umask = (mode_t)get_integer(&umask, 0, 0777, 0022);
    p->groups.count = get_size(&groups);
    if (p->groups.count > 65536)
        refuse(&groups, "more than 65536 groups");
    p->groups.ids = allocate(p->groups.count, sizeof(gid_t));
    for (size_t i = 0; i < p->groups.count; i++) {
        struct field group = item(&groups, i);
        p->groups.ids[i] = (gid_t)get_integer(&group, 0, UINT32_MAX - 1, 0);
    }
}

static void read_command(struct process_spec *p, const struct field *process)
{
    struct field args = member(process, "args");
    struct field env = member(process, "env");
    struct field cwd = member(process, "cwd");
    require(&args);
    p->args = get_strings(&args);
    if (!p->args[0])
        refuse(&args, "empty");
    p->env = get_strings(&env);
    for (size_t i = 0; p->env[i]; i++) {
        struct field entry = item(&env, i);
        if (!strchr(p->env[i], '=') || p->env[i][0] == '=')
            refuse(&entry, "\"%s\" is not NAME=VALUE", p->env[i]);
    }
    require(&cwd);
    p->cwd = get_path(&cwd);
}

void read_process(struct spec *spec, const struct field *process)
{
    struct process_spec *p = &spec->process;
    struct field user = member(process, "user");
    struct field capabilities = member(process, "capabilities");
    struct field rlimits = member(process, "rlimits");
    struct field terminal = member(process, "terminal");
    struct field size = member(process, "consoleSize");
    struct field rows = member(&size, "height");
    struct field columns = member(&size, "width");
    struct field no_new_privs = member(process, "noNewPrivileges");
    struct field oom = member(process, "oomScoreAdj");

    read_command(p, process);
    read_user(p, &user);
    read_capabilities(&p->capabilities, &capabilities);
    read_rlimits(p, &rlimits);
    p->terminal = get_bool(&terminal, false);
    p->console_rows = (int)get_integer(&rows, 0, 65535, 0);
    p->console_columns = (int)get_integer(&columns, 0, 65535, 0);
    p->no_new_privs = get_bool(&no_new_privs, false);
    p->has_oom_score_adj = oom.json != NULL;
    p->oom_score_adj = (int)get_integer(&oom, -1000, 1000, 0);
}
