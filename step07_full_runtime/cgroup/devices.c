/*
 * devices.c - the rules of config.json as an eBPF program: bpf(2).
 *
 * eBPF is the machine language of a small computer inside the kernel: eleven
 * registers r0 to r10, and no loops here. The kernel calls our program with
 * r1 pointing to "who wants what" (struct bpf_cgroup_dev_ctx), and reads the
 * answer from r0: 1 is yes, 0 is no. One rule looks like this:
 *
 *         r3 = what is wanted (r, w, m)
 *         r2 = type ^ char             allow c 1:3 rw
 *         r2 |= major ^ 1
 *         r2 |= minor ^ 3
 *         if r2 != 0 goto next         it is about another device
 *         r3 &= ~(r | w)               these are granted
 *         if r3 != 0 goto next
 *         r0 = 1; exit                 nothing else was wanted
 *   next: ...                          the rule before it
 *         r0 = 0; exit                 no rule grants what is left: no
 *
 * Of two rules the later one counts, for each of r, w and m by itself: so the
 * program asks them from the last to the first.
 *
 * The kernel takes no program before it has followed every path through it. A
 * jump for each of the three numbers, with what it tells about the next rules,
 * made that a million steps for a thousand rules. So a rule reads all of them
 * anew, and compares once: then the paths meet at each "next".
 */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "cgroup/devices.h"

#define FILTER_NAME "rung_devices"

enum {
    ANY_ACCESS = DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD,
    RULE_LENGTH = 17, /* the most instructions that one rule becomes */
    FRAME_LENGTH = 8,
    MOST_FILTERS = 64, /* in one cgroup: the kernel's limit */
};

/* What every container has: the devices of the specification's list. */
static const struct device_rule ALWAYS[] = {
    {true, 'c', 1, 3, ANY_ACCESS}, /* /dev/null */
    {true, 'c', 1, 5, ANY_ACCESS}, /* /dev/zero */
    {true, 'c', 1, 7, ANY_ACCESS}, /* /dev/full */
    {true, 'c', 1, 8, ANY_ACCESS}, /* /dev/random */
    {true, 'c', 1, 9, ANY_ACCESS}, /* /dev/urandom */
    {true, 'c', 5, 0, ANY_ACCESS}, /* /dev/tty */
    {true, 'c', 5, 2, ANY_ACCESS}, /* /dev/ptmx */
    {true, 'c', 136, -1, ANY_ACCESS}, /* /dev/pts/N, /dev/console */
};

struct program {
    struct bpf_insn *code;
    uint32_t length;
};

/* --- one instruction each --- */

static void emit(struct program *p, struct bpf_insn instruction)
{
    p->code[p->length++] = instruction;
}

/* to = the 32-bit number `offset` bytes behind the pointer in r1 */
static void emit_load(struct program *p, uint8_t to, int16_t offset)
{
    emit(p, (struct bpf_insn){.code = BPF_LDX | BPF_MEM | BPF_W,
                              .dst_reg = to,
                              .src_reg = BPF_REG_1,
                              .off = offset});
}

/* to = to OPERATION number */
static void emit_number(struct program *p, uint8_t operation, uint8_t to,
                        int32_t number)
{
    emit(p, (struct bpf_insn){.code = BPF_ALU64 | operation | BPF_K,
                              .dst_reg = to,
                              .imm = number});
}

/* to = to OPERATION from */
static void emit_register(struct program *p, uint8_t operation, uint8_t to,
                          uint8_t from)
{
    emit(p, (struct bpf_insn){.code = BPF_ALU64 | operation | BPF_X,
                              .dst_reg = to,
                              .src_reg = from});
}

/* if (left COMPARISON number) goto a place that emit_rule() fills in */
static void emit_jump(struct program *p, uint8_t comparison, uint8_t left,
                      int32_t number)
{
    emit(p, (struct bpf_insn){.code = BPF_JMP | comparison | BPF_K,
                              .dst_reg = left,
                              .imm = number});
}

/* r0 = answer; exit */
static void emit_answer(struct program *p, bool answer)
{
    emit_number(p, BPF_MOV, BPF_REG_0, answer);
    emit(p, (struct bpf_insn){.code = BPF_JMP | BPF_EXIT});
}

/* --- from rules to a program --- */

/* access_type holds two things: (access << 16) | type */
static void emit_start(struct program *p)
{
    emit_load(p, BPF_REG_3, offsetof(struct bpf_cgroup_dev_ctx, access_type));
    emit_number(p, BPF_RSH, BPF_REG_3, 16);
}

/* r2 |= what is in r4 ^ number: anything but 0 if they differ */
static void emit_difference(struct program *p, int64_t number)
{
    emit_number(p, BPF_XOR, BPF_REG_4, (int32_t)number);
    emit_register(p, BPF_OR, BPF_REG_2, BPF_REG_4);
}

/* if (it is about another device) goto a place that emit_rule() fills in */
static void emit_match(struct program *p, const struct device_rule *rule)
{
    emit_number(p, BPF_MOV, BPF_REG_2, 0);
    if (rule->type != 'a') {
        emit_load(p, BPF_REG_4,
                  offsetof(struct bpf_cgroup_dev_ctx, access_type));
        emit_number(p, BPF_AND, BPF_REG_4, 0xffff);
        emit_difference(p, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK
                                             : BPF_DEVCG_DEV_CHAR);
    }
    if (rule->major != -1) {
        emit_load(p, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, major));
        emit_difference(p, rule->major);
    }
    if (rule->minor != -1) {
        emit_load(p, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, minor));
        emit_difference(p, rule->minor);
    }
    if (rule->type != 'a' || rule->major != -1 || rule->minor != -1)
        emit_jump(p, BPF_JNE, BPF_REG_2, 0);
}

static int32_t kernel_access(unsigned int access)
{
    return (access & DEVICE_READ ? BPF_DEVCG_ACC_READ : 0) |
           (access & DEVICE_WRITE ? BPF_DEVCG_ACC_WRITE : 0) |
           (access & DEVICE_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0);
}

/* What the rule decides about. */
static void emit_access(struct program *p, const struct device_rule *rule)
{
    int32_t access = kernel_access(rule->access);
    if (rule->allow) {
        emit_number(p, BPF_AND, BPF_REG_3, ~access);
        if (rule->access != ANY_ACCESS)
            emit_jump(p, BPF_JNE, BPF_REG_3, 0);
    } else if (rule->access != ANY_ACCESS) {
        emit_register(p, BPF_MOV, BPF_REG_2, BPF_REG_3);
        emit_number(p, BPF_AND, BPF_REG_2, access);
        emit_jump(p, BPF_JEQ, BPF_REG_2, 0);
    }
}

/* False if the rule fits everything: nothing after it can be reached. */
static bool emit_rule(struct program *p, const struct device_rule *rule)
{
    uint32_t start = p->length;
    emit_match(p, rule);
    emit_access(p, rule);
    emit_answer(p, rule->allow);
    bool conditional = false;
    for (uint32_t i = start; i < p->length; i++) {
        uint8_t code = p->code[i].code;
        if (code != (BPF_JMP | BPF_JNE | BPF_K) &&
            code != (BPF_JMP | BPF_JEQ | BPF_K))
            continue;
        p->code[i].off = (int16_t)(p->length - i - 1); /* the next rule */
        conditional = true;
    }
    return conditional;
}

/* The nodes that config.json wants us to make: we may make them. */
static void emit_nodes(struct program *p, const struct spec *spec)
{
    for (size_t i = 0; i < spec->device_count; i++) {
        const struct device_spec *d = &spec->devices[i];
        struct device_rule rule = {.allow = true,
                                   .type = d->type,
                                   .major = d->major,
                                   .minor = d->minor,
                                   .access = DEVICE_MKNOD};
        if (d->type == 'b' || d->type == 'c')
            emit_rule(p, &rule);
    }
}

/* From the last rule to the first; ours come after those of config.json. */
static void write_program(struct program *p, const struct spec *spec)
{
    const struct resources *r = &spec->resources;
    emit_start(p);
    emit_nodes(p, spec);
    for (size_t i = ARRAY_SIZE(ALWAYS); i-- > 0;)
        emit_rule(p, &ALWAYS[i]);
    for (size_t i = r->device_rule_count; i-- > 0;) {
        if (!emit_rule(p, &r->device_rules[i]))
            return;
    }
    emit_answer(p, false);
}

/* --- handing it to the kernel --- */

static int bpf(int command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int load(const struct program *p)
{
    union bpf_attr attr = {
        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
        .insns = (uintptr_t)p->code,
        .insn_cnt = p->length,
        .license = (uintptr_t) "MIT",
        .prog_name = FILTER_NAME,
    };
    narrate(7, "bpf(BPF_PROG_LOAD, %u instructions)", p->length);
    int fd = bpf(BPF_PROG_LOAD, &attr);
    if (fd == -1 && (errno == EINVAL || errno == ENOSYS))
        fail("load the device filter: this kernel has none "
             "(CONFIG_CGROUP_BPF)");
    if (fd == -1)
        die("load the device filter (are you root?)");
    return fd;
}

/* Our filter in this cgroup, as a descriptor; -1: there is none. */
static int attached_filter(int cgroup_fd)
{
    uint32_t ids[MOST_FILTERS];
    union bpf_attr query = {.query = {
                                .target_fd = (uint32_t)cgroup_fd,
                                .attach_type = BPF_CGROUP_DEVICE,
                                .prog_ids = (uintptr_t)ids,
                                .prog_cnt = ARRAY_SIZE(ids),
                            }};
    if (bpf(BPF_PROG_QUERY, &query) == -1)
        return -1;
    for (uint32_t i = 0; i < query.query.prog_cnt; i++) {
        int fd =
            bpf(BPF_PROG_GET_FD_BY_ID, &(union bpf_attr){.prog_id = ids[i]});
        struct bpf_prog_info info = {0};
        union bpf_attr ask = {.info = {
                                  .bpf_fd = (uint32_t)fd,
                                  .info_len = sizeof(info),
                                  .info = (uintptr_t)&info,
                              }};
        if (fd != -1 && bpf(BPF_OBJ_GET_INFO_BY_FD, &ask) == 0 &&
            strcmp(info.name, FILTER_NAME) == 0)
            return fd;
        close_fd(&fd);
    }
    return -1;
}

/*
 * BPF_F_ALLOW_MULTI: programs of the cgroups above still have their say, and
 * all of them must say yes. BPF_F_REPLACE: there is no moment without one.
 */
static void attach(int program_fd, int cgroup_fd, int old_fd)
{
    union bpf_attr attr = {
        .target_fd = (uint32_t)cgroup_fd,
        .attach_bpf_fd = (uint32_t)program_fd,
        .attach_type = BPF_CGROUP_DEVICE,
        .attach_flags = BPF_F_ALLOW_MULTI,
    };
    if (old_fd != -1) {
        attr.attach_flags |= BPF_F_REPLACE;
        attr.replace_bpf_fd = (uint32_t)old_fd;
    }
    narrate(7, "bpf(BPF_PROG_ATTACH, BPF_CGROUP_DEVICE)");
    if (bpf(BPF_PROG_ATTACH, &attr) == -1)
        die("attach the device filter to the cgroup");
}

/* Without a filter, only the lack of CAP_MKNOD keeps devices away. */
static void need_no_filter(const struct spec *spec)
{
    bool own_users = spec->namespaces[NS_USER].wanted;
    if (!own_users && spec->process.capabilities.bounding >> CAP_MKNOD & 1)
        fail("grant CAP_MKNOD: there is no cgroup v2 here for a device "
             "filter, so the container could open every disk");
}

static void attach_filter(int cgroup_fd, const struct spec *spec, int old_fd)
{
    size_t rules = spec->device_count + spec->resources.device_rule_count +
                   ARRAY_SIZE(ALWAYS);
    struct program p = {
        .code = allocate(rules * RULE_LENGTH + FRAME_LENGTH, sizeof(*p.code)),
    };
    write_program(&p, spec);
    CLEANUP(close_fd) int fd = load(&p);
    free(p.code);
    attach(fd, cgroup_fd, old_fd);
}

void devices_attach(int cgroup_fd, const struct spec *spec)
{
    if (spec->rootless)
        return;
    if (cgroup_fd == -1)
        need_no_filter(spec);
    else
        attach_filter(cgroup_fd, spec, -1);
}

void devices_replace(int cgroup_fd, const struct spec *spec)
{
    CLEANUP(close_fd) int old_fd = attached_filter(cgroup_fd);
    if (old_fd == -1)
        fail("replace the device filter: the container has none");
    attach_filter(cgroup_fd, spec, old_fd);
}
