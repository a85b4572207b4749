/*
 * profile.c - the object "linux.seccomp" as rules.
 *
 * It must never leave out a rule that it does not understand: a profile is
 * taken as a whole or refused. (Names of calls that nobody knows are the
 * exception: a profile lists those of all kernels.) Part of seccomp.c.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "seccomp/parts.h"
#include "seccomp/seccomp.h"

static const struct word ACTIONS[] = {
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
    {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)},
    {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG},
    {"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
};

static const struct word OPERATORS[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static const struct word FLAGS[] = {
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
     SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

/* The names that libseccomp has, with SCMP_ARCH_ before them. */
static const struct word ARCHITECTURES[] = {
    {"SCMP_ARCH_X86", SCMP_ARCH_X86},
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X32", SCMP_ARCH_X32},
    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
    {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
    {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
    /* Those that only newer libseccomps know; this machine is none of them,
     * so there is nothing to do for them. */
    {"SCMP_ARCH_LOONGARCH64", 0},
    {"SCMP_ARCH_M68K", 0},
    {"SCMP_ARCH_SH", 0},
    {"SCMP_ARCH_SHEB", 0},
};

const struct vocabulary SECCOMP_ACTIONS = VOCABULARY("action", ACTIONS);
const struct vocabulary SECCOMP_OPERATORS = VOCABULARY("operator", OPERATORS);
const struct vocabulary SECCOMP_FLAGS = VOCABULARY("flag", FLAGS);
const struct vocabulary SECCOMP_ARCHITECTURES =
    VOCABULARY("architecture", ARCHITECTURES);

static uint32_t read_action(struct field f, struct field number)
{
    require(f);
    uint32_t action = (uint32_t)get_word(f, &SECCOMP_ACTIONS, 0);
    uint32_t code = (uint32_t)get_integer(number, 0, 4095, EPERM);
    if (action == SCMP_ACT_ERRNO(0) || action == SCMP_ACT_TRACE(0))
        return action | code;
    if (number.json)
        refuse(number, "this action returns no error number");
    return action;
}

/* JSON's numbers are signed here: see load_json(). */
static uint64_t read_value(struct field f)
{
    return (uint64_t)get_integer(f, INT64_MIN, INT64_MAX, 0);
}

static struct scmp_arg_cmp read_condition(struct field f)
{
    return (struct scmp_arg_cmp){
        .arg = (unsigned int)get_integer(required(&f, "index"), 0, 5, 0),
        .op = (enum scmp_compare)get_word(required(&f, "op"),
                                          &SECCOMP_OPERATORS, 0),
        .datum_a = read_value(required(&f, "value")),
        .datum_b = read_value(member(&f, "valueTwo")),
    };
}

/*
 * All conditions must hold; but if there are several on one argument, one of
 * all is enough: so runc and crun have it.
 */
static void add_rules(struct filter *filter, struct field entry,
                      const char *name, uint32_t action)
{
    struct field args = member(&entry, "args");
    struct scmp_arg_cmp conditions[6];
    unsigned int count = (unsigned int)get_size(args);
    if (count > ARRAY_SIZE(conditions))
        refuse(args, "more than six conditions");
    unsigned int seen = 0;
    bool twice = false;
    for (unsigned int i = 0; i < count; i++) {
        conditions[i] = read_condition(item(&args, i));
        twice |= seen >> conditions[i].arg & 1;
        seen |= 1U << conditions[i].arg;
    }
    if (!twice)
        seccomp_add_rule(filter, action, name, conditions, count);
    for (unsigned int i = 0; twice && i < count; i++)
        seccomp_add_rule(filter, action, name, &conditions[i], 1);
}

static void read_rule(struct filter *filter, struct field entry)
{
    struct field number = member(&entry, "errnoRet");
    struct field excludes = member(&entry, "excludes");
    /* Docker's and podman's own format; an engine resolves these. */
    if (get_count(member(&entry, "includes")) || get_count(excludes))
        refuse(entry, "\"includes\" and \"excludes\" are not part of OCI");
    uint32_t action = read_action(member(&entry, "action"), number);
    CLEANUP(free_strings) char **list = get_strings(required(&entry, "names"));
    if (!list[0])
        refuse(member(&entry, "names"), "empty");
    for (size_t i = 0; list[i]; i++)
        add_rules(filter, entry, list[i], action);
    filter->notifies |= action == SCMP_ACT_NOTIFY;
}

static void read_listener(struct filter *filter, struct field profile)
{
    struct field path = member(&profile, "listenerPath");
    filter->listener_path = get_path(path);
    filter->listener_metadata = get_text(member(&profile, "listenerMetadata"));
    if (filter->listener_metadata && !filter->listener_path)
        refuse(member(&profile, "listenerMetadata"), "needs \"listenerPath\"");
    if (filter->notifies && !filter->listener_path)
        refuse(path, "missing: SCMP_ACT_NOTIFY needs an agent to notify");
}

/*
 * A program that is told ENOSYS falls back to an older call; one that is told
 * EPERM gives up. A list of what is allowed cannot name the calls of kernels
 * that came after it: so they are not there. runc has it so.
 */
static uint32_t answer_to_newer(uint32_t default_action)
{
    switch (default_action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_KILL_PROCESS:
    case SECCOMP_RET_KILL_THREAD:
    case SECCOMP_RET_TRAP:
    case SECCOMP_RET_ERRNO:
        return SCMP_ACT_ERRNO(ENOSYS);
    default:
        return default_action;
    }
}

void seccomp_read_profile(struct filter *filter, const json_t *profile)
{
    struct field top = {.json = NULL};
    struct field object = {.json = NULL, .parent = &top, .name = "linux"};
    struct field f = {profile, &object, "seccomp", 0};
    struct field number = member(&f, "defaultErrnoRet");
    struct field architectures = member(&f, "architectures");
    struct field flags = member(&f, "flags");
    struct field calls = member(&f, "syscalls");

    for (size_t i = 0; i < get_size(architectures); i++) {
        struct field name = item(&architectures, i);
        uint64_t token = get_word(name, &SECCOMP_ARCHITECTURES, 0);
        if (token)
            seccomp_add_architecture(filter, (uint32_t)token);
    }
    filter->flags = (unsigned int)get_words(flags, &SECCOMP_FLAGS);
    filter->default_action = read_action(member(&f, "defaultAction"), number);
    filter->newer_action = answer_to_newer(filter->default_action);
    filter->notifies = filter->default_action == SCMP_ACT_NOTIFY;
    for (size_t i = 0; i < get_size(calls); i++)
        read_rule(filter, item(&calls, i));
    read_listener(filter, f);
}
