/*
 * program.c - rules become a program for the kernel's filter machine.
 *
 * The kernel runs the program at each system call: it loads the call's number
 * (or half an argument) into its only register, compares, and jumps, forward
 * alone, until an instruction returns what is to happen. We put the numbers
 * into a binary tree, so that eight comparisons find any of four hundred.
 * libseccomp, which knows the names and numbers, could make a program too, but
 * takes 3 ms for one architecture and 20 ms for three; this half of one.
 *
 * It must never let a call through that no rule allows: an architecture or a
 * numbering without rules is killed. Part of seccomp.c. Read on in seccomp(2),
 * and in the kernel's Documentation/userspace-api/seccomp_filter.rst.
 */
#define _GNU_SOURCE

#include <endian.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/report.h"
#include "seccomp/parts.h"

/* x32 is the x86-64 architecture with this bit in its numbers. */
#define X32_BIT UINT32_C(0x40000000)

/* Where a condition that does not hold jumps: patched when it is known. */
enum {
    TO_NEXT_RULE = 255,
};

/* The one that is being made. */
static struct sock_filter code[BPF_MAXINSNS];
static size_t length;

static void emit(int operation, uint32_t value, size_t if_true, size_t if_false)
{
    if (length == ARRAY_SIZE(code))
        fail("seccomp: the profile is too large for the kernel");
    code[length++] = (struct sock_filter){
        .code = (uint16_t)operation,
        .jt = (uint8_t)if_true,
        .jf = (uint8_t)if_false,
        .k = value,
    };
}

static void emit_jump(int comparison, uint32_t value, size_t if_true,
                      size_t if_false)
{
    emit(BPF_JMP | comparison | BPF_K, value, if_true, if_false);
}

static void emit_return(uint32_t action)
{
    emit(BPF_RET | BPF_K, action, 0, 0);
}

static void emit_load(size_t offset)
{
    emit(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* An argument has 64 bits and the machine 32, so there are two halves. */
static void emit_load_half(unsigned int argument, bool high)
{
    bool second = high == (BYTE_ORDER == LITTLE_ENDIAN);
    emit_load(offsetof(struct seccomp_data, args[argument]) + (second ? 4 : 0));
}

/*
 * Larger, or smaller? The high halves decide, unless they are equal. "Larger"
 * falls through to what follows if it holds; "not larger" if it does not.
 */
static void emit_order(const struct scmp_arg_cmp *c, int low_comparison,
                       bool negated)
{
    uint32_t high = (uint32_t)(c->datum_a >> 32);
    emit_load_half(c->arg, true);
    emit_jump(BPF_JGT, high, negated ? TO_NEXT_RULE : 3, 0);
    emit_jump(BPF_JEQ, high, 0, negated ? 2 : TO_NEXT_RULE);
    emit_load_half(c->arg, false);
    emit_jump(low_comparison, (uint32_t)c->datum_a, negated ? TO_NEXT_RULE : 0,
              negated ? 0 : TO_NEXT_RULE);
}

static void emit_equal(const struct scmp_arg_cmp *c, uint64_t mask,
                       uint64_t value)
{
    for (int half = 1; half >= 0; half--) {
        uint32_t bits = (uint32_t)(mask >> 32 * half);
        uint32_t wanted = (uint32_t)(value >> 32 * half);
        if (bits == 0 && wanted == 0)
            continue;
        emit_load_half(c->arg, half == 1);
        if (bits != UINT32_MAX)
            emit(BPF_ALU | BPF_AND | BPF_K, bits, 0, 0);
        emit_jump(BPF_JEQ, wanted, 0, TO_NEXT_RULE);
    }
}

static void emit_not_equal(const struct scmp_arg_cmp *c)
{
    emit_load_half(c->arg, true);
    emit_jump(BPF_JEQ, (uint32_t)(c->datum_a >> 32), 0, 2);
    emit_load_half(c->arg, false);
    emit_jump(BPF_JEQ, (uint32_t)c->datum_a, TO_NEXT_RULE, 0);
}

static void emit_condition(const struct scmp_arg_cmp *c)
{
    switch (c->op) {
    case SCMP_CMP_NE:
        emit_not_equal(c);
        return;
    case SCMP_CMP_LT:
        emit_order(c, BPF_JGE, true);
        return;
    case SCMP_CMP_LE:
        emit_order(c, BPF_JGT, true);
        return;
    case SCMP_CMP_EQ:
        emit_equal(c, UINT64_MAX, c->datum_a);
        return;
    case SCMP_CMP_GE:
        emit_order(c, BPF_JGE, false);
        return;
    case SCMP_CMP_GT:
        emit_order(c, BPF_JGT, false);
        return;
    case SCMP_CMP_MASKED_EQ:
        emit_equal(c, c->datum_a, c->datum_b);
        return;
    default:
        fail("seccomp: no such comparison: %d", (int)c->op);
    }
}

/* All of a rule's conditions must hold. A rule is at most 6 times 6 long, so
 * 255 is no distance that it jumps. */
static void emit_rule(const struct call_rule *rule)
{
    size_t start = length;
    for (unsigned int i = 0; i < rule->count; i++)
        emit_condition(&rule->conditions[i]);
    emit_return(rule->action);
    for (size_t i = start; i < length; i++) {
        if (BPF_CLASS(code[i].code) != BPF_JMP)
            continue;
        uint8_t distance = (uint8_t)(length - i - 1);
        if (code[i].jt == TO_NEXT_RULE)
            code[i].jt = distance;
        if (code[i].jf == TO_NEXT_RULE)
            code[i].jf = distance;
    }
}

/* Neighbours in the list of numbers to which the same happens. */
struct range {
    uint32_t first; /* it ends where the next one begins */
    uint32_t action; /* if none of the rules fits */
    const struct call_rule *rules; /* with conditions */
    size_t count;
};

/* The number is in the register; one of these ranges has it. */
static void emit_tree(const struct range *ranges, size_t count)
{
    if (count == 1) {
        for (size_t i = 0; i < ranges->count; i++)
            emit_rule(&ranges->rules[i]);
        emit_return(ranges->action);
        return;
    }
    size_t half = count / 2;
    size_t branch = length;
    emit_jump(BPF_JGE, ranges[half].first, 0, 0);
    emit_tree(ranges, half);
    size_t lower = length - branch - 1;
    if (lower > UINT8_MAX) {
        /* Only the jump without a condition reaches that far. */
        emit_return(0);
        memmove(&code[branch + 2], &code[branch + 1], lower * sizeof(*code));
        code[branch + 1] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 0);
        code[branch + 1].k = (uint32_t)lower;
        code[branch].jf = 1;
    } else {
        code[branch].jt = (uint8_t)lower;
    }
    emit_tree(ranges + half, count - half);
}

/* How strict: the kernel's own order, in which it chooses among filters. */
static int32_t mildness(uint32_t action)
{
    return (int32_t)(action & SECCOMP_RET_ACTION_FULL);
}

/*
 * By number. Of one call's rules those with conditions come first, and of them
 * the strictest; pieces of a call that does many things after the whole; else
 * as they were given.
 */
static int compare(const void *left, const void *right)
{
    const struct call_rule *a = left;
    const struct call_rule *b = right;
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    if (!a->count != !b->count)
        return a->count ? -1 : 1;
    if (a->is_piece != b->is_piece)
        return a->is_piece ? 1 : -1;
    if (a->count && mildness(a->action) != mildness(b->action))
        return mildness(a->action) < mildness(b->action) ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static void add_range(struct range *ranges, size_t *count, struct range new)
{
    struct range *last = *count ? &ranges[*count - 1] : NULL;
    if (last && last->first == new.first) /* nothing was in between */
        last = --*count ? &ranges[*count - 1] : NULL;
    if (!last || last->count || new.count || last->action != new.action)
        ranges[(*count)++] = new;
}

static void add_action(struct range *ranges, size_t *count, uint32_t first,
                       uint32_t action)
{
    add_range(ranges, count, (struct range){first, action, NULL, 0});
}

/*
 * What happens to the call of rules[0]: the first rule without a condition
 * counts, and stricter ones with conditions. Returns how many rules these are.
 */
static size_t add_call(struct range *ranges, size_t *count,
                       const struct call_rule *rules, size_t limit,
                       uint32_t otherwise)
{
    struct range range = {rules->number, otherwise, rules, 0};
    size_t all = 0;
    while (all < limit && rules[all].number == rules->number &&
           rules[all].count)
        all++;
    range.count = all;
    if (all < limit && rules[all].number == rules->number) {
        range.action = rules[all].action;
        while (range.count && (rules[range.count - 1].is_piece ||
                               mildness(rules[range.count - 1].action) >
                                   mildness(range.action)))
            range.count--;
    }
    while (all < limit && rules[all].number == rules->number)
        all++;
    add_range(ranges, count, range);
    return all;
}

/* The numbers of one architecture, from 0 to the last. Those after the last
 * that the profile knows are of newer kernels. */
static void emit_architecture(const struct filter *f,
                              const struct call_table *table)
{
    const struct call_rule *rules = table->rules;
    size_t all = table->rule_count;
    if (all)
        qsort(table->rules, all, sizeof(*rules), compare);
    struct range *ranges = allocate(2 * all + 4, sizeof(*ranges));
    size_t count = 0;
    add_action(ranges, &count, 0, f->default_action);
    for (size_t i = 0; i < all;) {
        uint32_t after = rules[i].number + 1;
        i += add_call(ranges, &count, &rules[i], all - i, f->default_action);
        bool is_x32 = after > X32_BIT;
        bool more = i < all && (is_x32 || rules[i].number < X32_BIT);
        add_action(ranges, &count, after,
                   more ? f->default_action : f->newer_action);
        if (!more && !is_x32 && table->has_x32)
            add_action(ranges, &count, X32_BIT, f->default_action);
    }
    if (table->token == AUDIT_ARCH_X86_64 && !table->has_x32) {
        add_action(ranges, &count, X32_BIT, SECCOMP_RET_KILL_PROCESS);
        /* -1 is what a tracer makes of a call that it forbids. */
        add_action(ranges, &count, UINT32_MAX, f->default_action);
    }
    emit_load(offsetof(struct seccomp_data, nr));
    emit_tree(ranges, count);
    free(ranges);
}

bool seccomp_forbids(const struct filter *f, uint32_t number)
{
    uint32_t action = f->default_action;
    const struct call_table *own = &f->tables[0];
    for (size_t i = own->rule_count; i-- > 0;) {
        const struct call_rule *rule = &own->rules[i];
        if (rule->number != number)
            continue;
        if (rule->count)
            return false;
        action = rule->action;
    }
    action &= SECCOMP_RET_ACTION_FULL;
    return action == SECCOMP_RET_KILL_PROCESS ||
           action == SECCOMP_RET_KILL_THREAD || action == SECCOMP_RET_TRAP ||
           action == SECCOMP_RET_ERRNO;
}

void seccomp_assemble(struct filter *f)
{
    length = 0;
    emit_load(offsetof(struct seccomp_data, arch));
    for (size_t i = 0; i < f->table_count; i++) {
        emit_jump(BPF_JEQ, f->tables[i].token, 1, 0);
        size_t skip = length;
        emit(BPF_JMP | BPF_JA, 0, 0, 0);
        emit_architecture(f, &f->tables[i]);
        code[skip].k = (uint32_t)(length - skip - 1);
    }
    emit_return(SECCOMP_RET_KILL_PROCESS);
    f->program.filter =
        memcpy(allocate(length, sizeof(*code)), code, length * sizeof(*code));
    f->program.len = (unsigned short)length;
}
