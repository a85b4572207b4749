/*
 * rules.c - names of calls become numbers, for each architecture.
 *
 * libseccomp knows them all. One call may have several numbers: 32-bit
 * machines began with one call "socketcall" whose first argument said which of
 * twenty was meant (and "ipc" likewise), and got the twenty later. It must
 * never forget one of them. Part of seccomp.c.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/audit.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/report.h"
#include "seccomp/parts.h"

static uint32_t kernel_token(uint32_t architecture)
{
    return architecture == SCMP_ARCH_X32 ? AUDIT_ARCH_X86_64 : architecture;
}

static struct call_table *find_table(struct filter *f, uint32_t token)
{
    for (size_t i = 0; i < f->table_count; i++) {
        if (f->tables[i].token == token)
            return &f->tables[i];
    }
    f->tables[f->table_count].token = token;
    return &f->tables[f->table_count++];
}

void seccomp_add_architecture(struct filter *f, uint32_t architecture)
{
    for (size_t i = 0; i < f->architecture_count; i++) {
        if (f->architectures[i] == architecture)
            return;
    }
    if (f->architecture_count == ARRAY_SIZE(f->architectures))
        fail("seccomp: too many architectures");
    f->architectures[f->architecture_count++] = architecture;
    struct call_table *table = find_table(f, kernel_token(architecture));
    table->has_x32 |= architecture == SCMP_ARCH_X32;
}

/* A 32-bit machine's filter sees arguments of 32 bits. */
static const struct scmp_arg_cmp *
copy_conditions(const struct scmp_arg_cmp *conditions, unsigned int count,
                uint32_t token)
{
    struct scmp_arg_cmp *copy = allocate(count, sizeof(*copy));
    for (unsigned int i = 0; i < count; i++) {
        copy[i] = conditions[i];
        if (!(token & __AUDIT_ARCH_64BIT)) {
            copy[i].datum_a &= UINT32_MAX;
            copy[i].datum_b &= UINT32_MAX;
        }
    }
    return copy;
}

static struct call_rule *add(struct call_table *table, int number,
                             uint32_t action,
                             const struct scmp_arg_cmp *conditions,
                             unsigned int count)
{
    enum {
        STEP = 512 /* a profile has hundreds: not one at a time */
    };
    if (table->rule_count % STEP == 0)
        table->rules = enlarge(table->rules, table->rule_count + STEP - 1,
                               sizeof(*table->rules));
    struct call_rule *rule = &table->rules[table->rule_count];
    *rule = (struct call_rule){
        .number = (uint32_t)number,
        .action = action,
        .count = (unsigned char)count,
        .order = (unsigned int)table->rule_count++,
    };
    if (count)
        rule->conditions = copy_conditions(conditions, count, table->token);
    return rule;
}

/* The calls that are no longer pieces came between these numbers. */
enum {
    LATE_FIRST = 320,
    LATE_END = 404,
};

/* libseccomp names a piece where we ask for the later call: so look for it the
 * other way round. -1 if there is none. */
static int late_number(struct call_table *table, const char *name)
{
    if (!table->late_names) {
        table->late_names =
            allocate(LATE_END - LATE_FIRST, sizeof(*table->late_names));
        for (int i = LATE_FIRST; i < LATE_END; i++)
            table->late_names[i - LATE_FIRST] =
                seccomp_syscall_resolve_num_arch(table->token, i);
    }
    for (int i = LATE_FIRST; i < LATE_END; i++) {
        const char *late = table->late_names[i - LATE_FIRST];
        if (late && strcmp(late, name) == 0)
            return i;
    }
    return -1;
}

/*
 * The arguments of a piece are in memory, where no filter can look. So a rule
 * that allows some of them allows none here, and any other is for all.
 */
static void add_piece(struct call_table *table, int whole, int pseudo,
                      uint32_t action, unsigned int count)
{
    if (count && action == SCMP_ACT_ALLOW)
        return;
    /* -101 is number 1 of socketcall, -201 of ipc, whose upper half is a
     * version. */
    struct scmp_arg_cmp is_piece = {
        .arg = 0,
        .op = SCMP_CMP_MASKED_EQ,
        .datum_a = 0xffff,
        .datum_b = (uint64_t)(-pseudo % 100),
    };
    add(table, whole, action, &is_piece, 1)->is_piece = true;
}

void seccomp_add_rule(struct filter *f, uint32_t action, const char *name,
                      const struct scmp_arg_cmp *conditions, unsigned int count)
{
    for (size_t i = 0; i < f->architecture_count; i++) {
        uint32_t architecture = f->architectures[i];
        struct call_table *table = find_table(f, kernel_token(architecture));
        int number = seccomp_syscall_resolve_name_arch(architecture, name);
        if (number <= -100 && number > -300) {
            int whole =
                seccomp_syscall_resolve_name_rewrite(architecture, name);
            if (whole >= 0)
                add_piece(table, whole, number, action, count);
            number = late_number(table, name);
        }
        /* A call that this architecture does not have needs no rule. */
        if (number >= 0)
            add(table, number, action, conditions, count);
    }
}
