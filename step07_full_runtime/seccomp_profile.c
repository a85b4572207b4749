/*
 * seccomp_profile.c - the object "linux.seccomp" as a filter.
 *
 * It must never leave out a rule that it does not understand: a profile is
 * taken as a whole or refused. Part of seccomp.c.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <seccomp.h>
#include <string.h>

#include "json.h"
#include "seccomp.h"

static const struct {
    const char *name;
    uint32_t action;
} ACTIONS[] = {
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG},
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
};

static const struct {
    const char *name;
    enum scmp_compare operator;
} OPERATORS[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static uint32_t read_action(const struct field *f, const struct field *number)
{
    require(f);
    CLEANUP(free_string) char *name = get_string(f);
    if (strcmp(name, "SCMP_ACT_ERRNO") == 0)
        return SCMP_ACT_ERRNO((uint16_t)get_integer(number, 0, 4095, EPERM));
    for (size_t i = 0; i < ARRAY_SIZE(ACTIONS); i++) {
        if (strcmp(ACTIONS[i].name, name) == 0)
            return ACTIONS[i].action;
    }
    refuse(f, "unknown action \"%s\"", name);
}

/* JSON's numbers are signed here: -1 stands for the largest. */
static uint64_t read_value(const struct field *f)
{
    if (f->json && json_is_real(f->json))
        return UINT64_MAX;
    return (uint64_t)get_integer(f, INT64_MIN, INT64_MAX, 0);
}

static struct scmp_arg_cmp read_condition(const struct field *f)
{
    struct field index = member(f, "index");
    struct field value = member(f, "value");
    struct field second = member(f, "valueTwo");
    struct field op = member(f, "op");
    require(&index);
    require(&value);
    require(&op);
    struct scmp_arg_cmp condition = {
        .arg = (unsigned int)get_integer(&index, 0, 5, 0),
        .datum_a = read_value(&value),
        .datum_b = read_value(&second),
    };
    CLEANUP(free_string) char *name = get_string(&op);
    for (size_t i = 0; i < ARRAY_SIZE(OPERATORS); i++) {
        if (strcmp(OPERATORS[i].name, name) != 0)
            continue;
        condition.op = OPERATORS[i].operator;
        return condition;
    }
    refuse(&op, "unknown operator \"%s\"", name);
}

/*
 * Several conditions on one argument cannot be in one rule of libseccomp; as
 * runc does, each becomes a rule of its own then.
 */
static void add_rules(scmp_filter_ctx filter, const struct field *entry,
                      const char *name, uint32_t action)
{
    struct field args = member(entry, "args");
    struct scmp_arg_cmp conditions[6];
    size_t count = get_size(&args);
    if (count > ARRAY_SIZE(conditions))
        refuse(&args, "more than six conditions");
    unsigned int seen = 0;
    bool twice = false;
    for (size_t i = 0; i < count; i++) {
        struct field f = item(&args, i);
        conditions[i] = read_condition(&f);
        twice |= seen >> conditions[i].arg & 1;
        seen |= 1U << conditions[i].arg;
    }
    int number = seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR)
        return; /* a call of another kernel or architecture */
    int result = 0;
    for (size_t i = 0; twice && i < count && result == 0; i++)
        result =
            seccomp_rule_add_array(filter, action, number, 1, &conditions[i]);
    if (!twice)
        result = seccomp_rule_add_array(filter, action, number,
                                        (unsigned int)count, conditions);
    if (result < 0)
        refuse(entry, "the rule for %s: %s", name, strerror(-result));
}

static void read_rule(scmp_filter_ctx filter, const struct field *entry,
                      uint32_t default_action)
{
    struct field names = member(entry, "names");
    struct field action_name = member(entry, "action");
    struct field number = member(entry, "errnoRet");
    struct field includes = member(entry, "includes");
    struct field excludes = member(entry, "excludes");
    require(&names);
    /* Docker's and podman's own format; an engine resolves these. */
    if (json_object_size(includes.json) || json_object_size(excludes.json))
        refuse(entry, "\"includes\" and \"excludes\" are not part of OCI");
    uint32_t action = read_action(&action_name, &number);
    if (action == default_action)
        return;
    CLEANUP(free_strings) char **list = get_strings(&names);
    for (size_t i = 0; list[i]; i++)
        add_rules(filter, entry, list[i], action);
}

static void read_architectures(scmp_filter_ctx filter, const struct field *list)
{
    for (size_t i = 0; i < get_size(list); i++) {
        struct field f = item(list, i);
        CLEANUP(free_string) char *name = get_string(&f);
        char *word = name;
        if (strncmp(name, "SCMP_ARCH_", 10) == 0)
            word += 10;
        for (char *p = word; *p; p++)
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
        uint32_t number = seccomp_arch_resolve_name(word);
        if (!number)
            refuse(&f, "unknown architecture \"%s\"", word);
        int result = seccomp_arch_add(filter, number);
        if (result < 0 && result != -EEXIST)
            refuse(&f, "%s", strerror(-result));
    }
}

void *seccomp_read_profile(const struct json_t *profile)
{
    struct field top = {.json = NULL};
    struct field object = {.json = NULL, .parent = &top, .name = "linux"};
    struct field f = {.json = profile, .parent = &object, .name = "seccomp"};
    struct field action_name = member(&f, "defaultAction");
    struct field number = member(&f, "defaultErrnoRet");
    struct field architectures = member(&f, "architectures");
    struct field calls = member(&f, "syscalls");

    uint32_t action = read_action(&action_name, &number);
    scmp_filter_ctx filter = seccomp_init(action);
    if (!filter)
        fail("seccomp: make a filter");
    read_architectures(filter, &architectures);
    for (size_t i = 0; i < get_size(&calls); i++) {
        struct field entry = item(&calls, i);
        read_rule(filter, &entry, action);
    }
    return filter;
}
