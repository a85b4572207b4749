/*
 * spec_process.c - the object "process" of config.json.
 *
 * Everything that is true of the command alone: what to run, as whom, and with
 * which rights. It must have no side effect. Part of spec.c.
 */
#define _GNU_SOURCE

#include <linux/ioprio.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

#include "base/memory.h"
#include "base/report.h"
#include "config/spec_parts.h"

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
static rlim_t rlimit_value(struct field f)
{
    require(f);
    int64_t value = get_integer(f, -1, INT64_MAX, 0);
    return value == -1 ? RLIM_INFINITY : (rlim_t)value;
}

static void read_rlimits(struct process_spec *p, struct field list)
{
    p->rlimit_count = get_size(list);
    p->rlimits = allocate(p->rlimit_count, sizeof(*p->rlimits));
    for (size_t i = 0; i < p->rlimit_count; i++) {
        struct field entry = item(&list, i);
        struct field type = member(&entry, "type");
        struct rlimit_spec *r = &p->rlimits[i];
        require(type);
        r->resource = (int)get_word(type, &LIMITS, 0);
        r->name = get_string(type);
        r->limit.rlim_cur = rlimit_value(member(&entry, "soft"));
        r->limit.rlim_max = rlimit_value(member(&entry, "hard"));
        if (r->limit.rlim_cur > r->limit.rlim_max)
            refuse(member(&entry, "soft"), "is more than \"hard\"");
        for (size_t j = 0; j < i; j++) {
            if (p->rlimits[j].resource == r->resource)
                refuse(type, "the same limit twice");
        }
    }
}

/* A capability that nobody knows is a warning, as the specification says: it
 * may be one of a newer kernel. It is not given. */
static uint64_t read_capability_set(struct field list)
{
    uint64_t set = 0;
    for (size_t i = 0; i < get_size(list); i++) {
        struct field entry = item(&list, i);
        CLEANUP(free_string) char *name = get_string(entry);
        cap_value_t number;
        if (cap_from_name(name, &number) != 0 || number >= cap_max_bits())
            complain(entry, "capability \"%s\" is unknown, so not given", name);
        else
            set |= UINT64_C(1) << number;
    }
    return set;
}

static void read_capabilities(struct capability_sets *sets, uid_t uid,
                              struct field object)
{
    struct field bounding = member(&object, "bounding");
    struct field effective = member(&object, "effective");
    struct field ambient = member(&object, "ambient");
    sets->bounding = read_capability_set(bounding);
    sets->effective = read_capability_set(effective);
    sets->permitted = read_capability_set(member(&object, "permitted"));
    sets->inheritable = read_capability_set(member(&object, "inheritable"));
    sets->ambient = read_capability_set(ambient);
    /* What cannot be given is a warning too. */
    if (sets->effective & ~sets->permitted)
        complain(effective, "what is not in \"permitted\" is not given");
    uint64_t both = sets->permitted & sets->inheritable;
    /* Root loses nothing: execve(2) gives it all of the bounding set. */
    if (sets->ambient & ~both && uid != 0)
        complain(ambient, "what is not in \"permitted\" and \"inheritable\" "
                          "is not given");
    sets->effective &= sets->permitted;
    sets->ambient &= both;
}

static void read_user(struct process_spec *p, struct field user)
{
    struct field uid = member(&user, "uid");
    struct field gid = member(&user, "gid");
    struct field groups = member(&user, "additionalGids");
    if (user.json) {
        require(uid);
        require(gid);
    }
    p->uid = (uid_t)get_integer(uid, 0, UINT32_MAX - 1, 0);
    p->gid = (gid_t)get_integer(gid, 0, UINT32_MAX - 1, 0);
    /* The caller may be a daemon with any: runc and crun take 022 too. */
    p->umask = (mode_t)get_integer(member(&user, "umask"), 0, 0777, 0022);
    p->groups.count = get_size(groups);
    if (p->groups.count > 65536)
        refuse(groups, "more than 65536 groups");
    p->groups.ids = allocate(p->groups.count, sizeof(gid_t));
    for (size_t i = 0; i < p->groups.count; i++) {
        struct field group = item(&groups, i);
        p->groups.ids[i] = (gid_t)get_integer(group, 0, UINT32_MAX - 1, 0);
    }
}

/* Of two values for one name the last one counts: last has its index. */
static json_t *find_last(char *const *env, struct field f)
{
    json_t *last = json_object();
    for (size_t i = 0; env[i]; i++) {
        const char *equals = strchr(env[i], '=');
        if (!equals || equals == env[i])
            refuse(item(&f, i), "\"%s\" is not NAME=VALUE", env[i]);
        if (json_object_setn_new(last, env[i], (size_t)(equals - env[i]),
                                 json_integer((json_int_t)i)) == -1)
            die("allocate memory");
    }
    return last;
}

static void read_environment(struct process_spec *p, struct field env)
{
    CLEANUP(free_strings) char **all = get_strings(env);
    json_t *last = find_last(all, env);
    size_t count = 0;
    p->env = allocate(get_size(env) + 1, sizeof(*p->env));
    for (size_t i = 0; all[i]; i++) {
        size_t length = strcspn(all[i], "=");
        json_t *index = json_object_getn(last, all[i], length);
        if (json_integer_value(index) == (json_int_t)i)
            p->env[count++] = copy_string(all[i]);
    }
    json_decref(last);
}

static void read_command(struct process_spec *p, struct field process)
{
    read_environment(p, member(&process, "env"));
    if (!process.json) {
        p->cwd = copy_string("/");
        return;
    }
    p->args = get_strings(required(&process, "args"));
    if (!p->args[0])
        refuse(member(&process, "args"), "empty");
    p->cwd = get_path(required(&process, "cwd"));
}

/* --- scheduling --- */

static const struct word POLICIES[] = {
    /* No Linux has SCHED_ISO, which the specification lists too. */
    {"SCHED_OTHER", SCHED_NORMAL}, {"SCHED_FIFO", SCHED_FIFO},
    {"SCHED_RR", SCHED_RR},        {"SCHED_BATCH", SCHED_BATCH},
    {"SCHED_IDLE", SCHED_IDLE},    {"SCHED_DEADLINE", SCHED_DEADLINE},
};

static const struct word SCHEDULER_FLAGS[] = {
    {"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
    {"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
    {"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
    {"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
    {"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
    {"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
    {"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
};

/* The rules are the kernel's: sched(7). */
static void check_deadline(const struct scheduler_spec *s,
                           struct field scheduler)
{
    struct field runtime = required(&scheduler, "runtime");
    require(member(&scheduler, "deadline"));
    if (s->runtime < 1024)
        refuse(runtime, "less than 1024 nanoseconds");
    if (s->runtime > s->deadline)
        refuse(runtime, "is more than \"deadline\"");
    if (s->period && s->deadline > s->period)
        refuse(member(&scheduler, "period"), "is less than \"deadline\"");
}

static void read_scheduler(struct scheduler_spec *s, struct field f)
{
    static const struct vocabulary policies = VOCABULARY("policy", POLICIES);
    static const struct vocabulary all_flags =
        VOCABULARY("flag", SCHEDULER_FLAGS);
    struct field priority = member(&f, "priority");
    struct field deadline = member(&f, "deadline");
    if (!f.json)
        return;
    s->wanted = true;
    s->policy = (uint32_t)get_word(required(&f, "policy"), &policies, 0);
    s->flags = get_words(member(&f, "flags"), &all_flags);
    s->nice = (int32_t)get_integer(member(&f, "nice"), -20, 19, 0);
    s->runtime = (uint64_t)get_integer(member(&f, "runtime"), 0, INT64_MAX, 0);
    s->deadline = (uint64_t)get_integer(deadline, 0, INT64_MAX, 0);
    s->period = (uint64_t)get_integer(member(&f, "period"), 0, INT64_MAX, 0);
    bool is_real_time = s->policy == SCHED_FIFO || s->policy == SCHED_RR;
    s->priority = (uint32_t)get_integer(priority, is_real_time ? 1 : 0,
                                        is_real_time ? 99 : 0, 0);
    if (is_real_time)
        require(priority);
    if (s->policy == SCHED_DEADLINE)
        check_deadline(s, f);
}

static void read_io_priority(struct io_priority_spec *p, struct field f)
{
    static const struct word CLASSES[] = {
        {"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
        {"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
        {"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
    };
    static const struct vocabulary classes = VOCABULARY("class", CLASSES);
    if (!f.json)
        return;
    p->wanted = true;
    p->priority_class = (int)get_word(required(&f, "class"), &classes, 0);
    p->level = (int)get_integer(required(&f, "priority"), 0, 7, 0);
}

/* --- all of it --- */

/* A size without a terminal must be ignored, even a senseless one. */
static void read_terminal(struct process_spec *p, struct field process)
{
    struct field size = member(&process, "consoleSize");
    p->terminal = get_bool(member(&process, "terminal"), false);
    if (!p->terminal || !size.json)
        return;
    p->console_rows = (int)get_integer(required(&size, "height"), 0, 65535, 0);
    p->console_columns =
        (int)get_integer(required(&size, "width"), 0, 65535, 0);
}

void read_process(struct spec *spec, struct field process)
{
    struct process_spec *p = &spec->process;
    struct field capabilities = member(&process, "capabilities");
    struct field oom = member(&process, "oomScoreAdj");
    struct field affinity = member(&process, "execCPUAffinity");

    read_command(p, process);
    read_terminal(p, process);
    read_user(p, member(&process, "user"));
    read_capabilities(&p->capabilities, p->uid, capabilities);
    read_rlimits(p, member(&process, "rlimits"));
    p->no_new_privs = get_bool(member(&process, "noNewPrivileges"), false);
    p->has_oom_score_adj = oom.json != NULL;
    p->oom_score_adj = (int)get_integer(oom, -1000, 1000, 0);
    read_scheduler(&p->scheduler, member(&process, "scheduler"));
    read_io_priority(&p->io_priority, member(&process, "ioPriority"));
    p->initial_affinity = get_ranges(member(&affinity, "initial"));
    p->final_affinity = get_ranges(member(&affinity, "final"));
    p->apparmor_profile = get_filled(member(&process, "apparmorProfile"));
    p->selinux_label = get_filled(member(&process, "selinuxLabel"));
}
