/*
 * spec_resources.c - the object "linux.resources" of config.json.
 *
 * Its words and numbers are those of cgroup v1. Here they become the files of
 * cgroup v2 and what to write into them; a limit that cgroup v2 cannot express
 * is refused. It must have no side effect. Part of spec.c; grew out of the
 * options of step05.
 */
#define _GNU_SOURCE

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/report.h"
#include "base/safeguards.h"
#include "config/spec_parts.h"

/* --- the list of settings --- */

/* Takes over the value. */
static struct cgroup_setting *add(struct resources *r, const char *file,
                                  char *value)
{
    r->settings = enlarge(r->settings, r->setting_count, sizeof(*r->settings));
    r->settings[r->setting_count] = (struct cgroup_setting){
        .file = copy_string(file),
        .value = value,
    };
    return &r->settings[r->setting_count++];
}

/* A number of at least 0, or "max". Unset: nothing to write. */
static void add_limit(struct resources *r, const char *file, int64_t value)
{
    if (value == LIMIT_MAX)
        add(r, file, copy_string("max"));
    else if (value != LIMIT_UNSET)
        add(r, file, print_string("%" PRId64, value));
}

/* -1 is "max". 0 is no limit at all for runc and for engines. */
static int64_t read_limit(struct field object, const char *name)
{
    struct field f = member(&object, name);
    int64_t value = get_integer(f, -1, INT64_MAX, LIMIT_UNSET);
    return value == 0 ? LIMIT_UNSET : value;
}

static uint64_t read_number(struct field object, const char *name, int64_t max)
{
    struct field f = member(&object, name);
    return (uint64_t)get_integer(f, 0, max, 0);
}

/* --- memory --- */

/* cgroup v1 counts memory and swap together; cgroup v2 counts swap alone. 0 is
 * no swap, as for crun. */
static int64_t read_swap(struct field memory, int64_t limit)
{
    struct field f = member(&memory, "swap");
    int64_t swap = get_integer(f, -1, INT64_MAX, LIMIT_UNSET);
    if (swap == 0)
        return 0;
    if (swap == LIMIT_UNSET)
        return limit == LIMIT_MAX ? LIMIT_MAX : LIMIT_UNSET;
    if (swap == LIMIT_MAX || limit == LIMIT_MAX)
        return swap;
    if (limit == LIMIT_UNSET)
        refuse(f, "needs \"limit\", which it includes");
    if (swap < limit)
        refuse(f, "is less than \"limit\", which it includes");
    return swap - limit;
}

/* What only cgroup v1 has. The value that changes nothing there is accepted;
 * any other one would be a promise that we cannot keep. */
static void refuse_v1_memory(struct field memory)
{
    struct field swappiness = member(&memory, "swappiness");
    struct field no_killer = member(&memory, "disableOOMKiller");
    struct field hierarchy = member(&memory, "useHierarchy");
    static const char *const kernel[] = {"kernel", "kernelTCP"};
    for (size_t i = 0; i < ARRAY_SIZE(kernel); i++) {
        struct field f = member(&memory, kernel[i]);
        if (get_integer(f, -1, INT64_MAX, -1) > 0)
            refuse(f, "cgroup v2 has no limit of its own for it: \"limit\" "
                      "includes the kernel's memory");
    }
    if (get_integer(swappiness, 0, 100, -1) != -1)
        refuse(swappiness, "cgroup v2 has one for the whole machine only: "
                           "sysctl vm.swappiness");
    if (get_bool(no_killer, false))
        refuse(no_killer, "cgroup v2 cannot do without the OOM killer "
                          "(unified \"memory.high\" slows down instead)");
    if (!get_bool(hierarchy, true))
        refuse(hierarchy, "cgroup v2 always counts what is below, too");
}

static void read_memory(struct resources *r, struct field memory)
{
    refuse_v1_memory(memory);
    r->memory_limit = read_limit(memory, "limit");
    r->memory_check = get_bool(member(&memory, "checkBeforeUpdate"), false);
    int64_t swap = read_swap(memory, r->memory_limit);
    if (!without("swap-limit"))
        add_limit(r, "memory.swap.max", swap);
    add_limit(r, "memory.max", r->memory_limit);
    add_limit(r, "memory.low", read_limit(memory, "reservation"));
}

/* --- processor --- */

static double logarithm(double x) /* to the base of 2; x is at least 1 */
{
    double result = 0;
    while (x >= 2) {
        x /= 2;
        result += 1;
    }
    double bit = 1;
    for (int i = 0; i < 40; i++) {
        bit /= 2;
        x *= x;
        if (x >= 2) {
            x /= 2;
            result += bit;
        }
    }
    return result;
}

/*
 * Shares go from 2 to 262144 and start at 1024, weights from 1 to 10000 and
 * start at 100. runc and crun agreed on the curve through these three points:
 * weight = 10^((l^2 + 125 l) / 612 - 7/34), where l is log2(shares).
 * (By hand: a library of mathematics would have to be loaded at every start.)
 */
static uint64_t weight_of_shares(uint64_t shares)
{
    if (shares <= 2)
        return 1;
    if (shares >= 262144)
        return 10000;
    double l = logarithm((double)shares);
    double exponent = (l * l + 125 * l) / 612 - 7.0 / 34;
    uint64_t weight = 1; /* rounded up; 3.3... is log2(10) */
    while (logarithm((double)weight) < exponent * 3.321928094887362 - 1e-9)
        weight++;
    return weight;
}

/* The kernel wants burst <= quota at each write: so the old burst goes first.
 */
static void read_cpu_time(struct resources *r, struct field cpu)
{
    struct field burst = member(&cpu, "burst");
    struct field period_field = member(&cpu, "period");
    struct field quota_field = member(&cpu, "quota");
    int64_t quota = read_limit(cpu, "quota");
    uint64_t period = read_number(cpu, "period", 1000000);
    uint64_t extra = read_number(cpu, "burst", INT64_MAX / 1000);
    if (quota > 0 && quota < 1000)
        refuse(quota_field, "less than 1000 microseconds, the kernel's least");
    if (period && period < 1000)
        refuse(period_field, "less than 1000 microseconds, the kernel's "
                             "least");
    if (extra && quota > 0 && extra > (uint64_t)quota)
        refuse(burst, "more than \"quota\"");
    if (burst.json)
        add(r, "cpu.max.burst", copy_string("0"));
    if (quota > 0)
        add(r, "cpu.max",
            print_string("%" PRId64 " %" PRIu64, quota,
                         period ? period : 100000));
    else if (quota == LIMIT_MAX || period)
        add(r, "cpu.max",
            period ? print_string("max %" PRIu64, period) : copy_string("max"));
    if (extra)
        add(r, "cpu.max.burst", print_string("%" PRIu64, extra));
}

static void read_cpu(struct resources *r, struct field cpu)
{
    static const char *const realtime[] = {"realtimeRuntime", "realtimePeriod"};
    for (size_t i = 0; i < ARRAY_SIZE(realtime); i++) {
        struct field f = member(&cpu, realtime[i]);
        if (get_integer(f, INT64_MIN, INT64_MAX, 0) != 0)
            refuse(f, "cgroup v2 has no limit for realtime processes");
    }
    int64_t is_idle = get_integer(member(&cpu, "idle"), 0, 1, LIMIT_UNSET);
    uint64_t shares = read_number(cpu, "shares", INT64_MAX);
    add_limit(r, "cpu.idle", is_idle);
    if (shares && is_idle != 1) /* who is member(&cpu, "idle") has no weight */
        add_limit(r, "cpu.weight", (int64_t)weight_of_shares(shares));
    read_cpu_time(r, cpu);
    CLEANUP(free_string) char *cpu_list = get_ranges(member(&cpu, "cpus"));
    CLEANUP(free_string) char *node_list = get_ranges(member(&cpu, "mems"));
    if (cpu_list)
        add(r, "cpuset.cpus", copy_string(cpu_list));
    if (node_list)
        add(r, "cpuset.mems", copy_string(node_list));
}

/* --- disks --- */

/* With the scheduler BFQ the numbers are the same, 10 to 1000; without it
 * they go from 1 to 10000. */
static void add_weight(struct resources *r, const char *device, int64_t weight)
{
    struct cgroup_setting *s =
        add(r, "io.bfq.weight", print_string("%s%" PRId64, device, weight));
    s->other_file = copy_string("io.weight");
    s->other_value =
        print_string("%s%" PRId64, device, 1 + (weight - 10) * 9999 / 990);
}

/* "8:16 " */
static char *read_device_number(struct field entry)
{
    return print_string("%" PRId64 ":%" PRId64 " ",
                        get_integer(required(&entry, "major"), 0, 0xfff, 0),
                        get_integer(required(&entry, "minor"), 0, 0xfffff, 0));
}

static void read_weights(struct resources *r, struct field block)
{
    struct field list = member(&block, "weightDevice");
    if (get_integer(member(&block, "leafWeight"), 0, UINT16_MAX, 0) != 0)
        complain(member(&block, "leafWeight"), "cgroup v2 has none; ignored");
    if (get_integer(member(&block, "weight"), 0, 1000, 0) != 0)
        add_weight(r, "", get_integer(member(&block, "weight"), 10, 1000, 0));
    for (size_t i = 0; i < get_size(list); i++) {
        struct field entry = item(&list, i);
        struct field one = member(&entry, "weight");
        struct field its_leaf = member(&entry, "leafWeight");
        CLEANUP(free_string) char *device = read_device_number(entry);
        if (!one.json && !its_leaf.json)
            refuse(entry, "has neither \"weight\" nor \"leafWeight\"");
        if (get_integer(its_leaf, 0, UINT16_MAX, 0) != 0)
            complain(its_leaf, "cgroup v2 has none; ignored");
        if (get_integer(one, 0, 1000, 0) != 0)
            add_weight(r, device, get_integer(one, 10, 1000, 0));
    }
}

static void read_block_io(struct resources *r, struct field block)
{
    static const struct {
        const char *name;
        const char *key;
    } RATES[] = {
        {"throttleReadBpsDevice", "rbps"},
        {"throttleWriteBpsDevice", "wbps"},
        {"throttleReadIOPSDevice", "riops"},
        {"throttleWriteIOPSDevice", "wiops"},
    };
    read_weights(r, block);
    for (size_t i = 0; i < ARRAY_SIZE(RATES); i++) {
        struct field list = member(&block, RATES[i].name);
        for (size_t j = 0; j < get_size(list); j++) {
            struct field entry = item(&list, j);
            CLEANUP(free_string) char *device = read_device_number(entry);
            int64_t rate =
                get_integer(required(&entry, "rate"), 0, INT64_MAX, 0);
            add(r, "io.max",
                rate ? print_string("%s%s=%" PRId64, device, RATES[i].key, rate)
                     : print_string("%s%s=max", device, RATES[i].key));
        }
    }
}

/* --- the rest --- */

/* "2MB": a number, K, M or G, and B. */
static bool is_page_size(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] && strchr("KMG", text[digits]) &&
           strcmp(text + digits + 1, "B") == 0;
}

/* Where the kernel can, the limit is for what is reserved: who asks for too
 * much is told at mmap(2), and not killed later. */
static void read_huge_pages(struct resources *r, struct field list)
{
    for (size_t i = 0; i < get_size(list); i++) {
        struct field entry = item(&list, i);
        struct field size = member(&entry, "pageSize");
        require(size);
        CLEANUP(free_string) char *text = get_string(size);
        if (!is_page_size(text))
            refuse(size, "\"%s\" is not a size like 2MB", text);
        int64_t bytes = get_integer(required(&entry, "limit"), 0, INT64_MAX, 0);
        CLEANUP(free_string)
        char *file = print_string("hugetlb.%s.rsvd.max", text);
        struct cgroup_setting *s =
            add(r, file, print_string("%" PRId64, bytes));
        s->other_file = print_string("hugetlb.%s.max", text);
        s->other_value = copy_string(s->value);
    }
}

static void read_rdma(struct resources *r, struct field object)
{
    struct field device;
    for (void *at = NULL; next_member(&object, &at, &device);) {
        struct field handles = member(&device, "hcaHandles");
        struct field objects = member(&device, "hcaObjects");
        if (!handles.json && !objects.json)
            refuse(device, "has neither \"hcaHandles\" nor \"hcaObjects\"");
        if (!*device.name || strpbrk(device.name, " =\n"))
            refuse(device, "not a device's name");
        char *text = copy_string(device.name);
        for (int i = 0; i < 2; i++) {
            struct field f = i ? objects : handles;
            int64_t number = get_integer(f, 0, UINT32_MAX, -1);
            if (number == -1)
                continue;
            char *longer =
                print_string("%s %s=%" PRId64, text,
                             i ? "hca_object" : "hca_handle", number);
            free(text);
            text = longer;
        }
        add(r, "rdma.max", text);
    }
}

/* These need a controller of cgroup v1; on v2 it is done by a firewall. */
static void ignore_network(struct field network)
{
    static const char *const names[] = {"classID", "priorities"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct field f = member(&network, names[i]);
        if (f.json)
            complain(f, "cgroup v2 marks no packets; ignored");
    }
}

/* The key is a file name. Of the kernel's own files, "cgroup.", only these may
 * be set: with the others we hold the container together. */
static bool is_unified_name(const char *key)
{
    if (strcmp(key, "cgroup.max.depth") == 0 ||
        strcmp(key, "cgroup.max.descendants") == 0)
        return true;
    for (const char *p = key; *p; p++) {
        if (!isalnum((unsigned char)*p) && !strchr("._-", *p))
            return false;
    }
    return isalnum((unsigned char)key[0]) && strchr(key, '.') &&
           strncmp(key, "cgroup.", 7) != 0;
}

/* Files like io.max have a line for each device, and take one at a time. */
static void read_unified(struct resources *r, struct field object)
{
    struct field f;
    for (void *at = NULL; next_member(&object, &at, &f);) {
        if (!is_unified_name(f.name))
            refuse(f, "not a file of a controller, like memory.high");
        require(f);
        CLEANUP(free_string) char *text = get_text(f);
        char *rest = text;
        for (char *line; (line = strsep(&rest, "\n"));) {
            if (*line || (line == text && !rest))
                add(r, f.name, copy_string(line));
        }
    }
}

/* Up to version 1.2 the specification let 0 mean no limit; since 1.3 it is one:
 * no process may be added. */
static bool zero_is_a_limit(const struct spec *spec)
{
    int minor = 0;
    const char *version =
        json_string_value(json_object_get(spec->config, "ociVersion"));
    return version && sscanf(version, "1.%d", &minor) == 1 && minor >= 3;
}

void read_resources(struct spec *spec, struct field resources)
{
    struct resources *r = &spec->resources;
    struct field pids = member(&resources, "pids");
    struct field pids_limit = member(&pids, "limit");

    read_memory(r, member(&resources, "memory"));
    int64_t most = get_integer(pids_limit, -1, INT64_MAX, LIMIT_UNSET);
    if (most == 0 && !zero_is_a_limit(spec))
        most = LIMIT_MAX;
    add_limit(r, "pids.max", most);
    read_cpu(r, member(&resources, "cpu"));
    read_block_io(r, member(&resources, "blockIO"));
    read_huge_pages(r, member(&resources, "hugepageLimits"));
    read_rdma(r, member(&resources, "rdma"));
    ignore_network(member(&resources, "network"));
    read_unified(r, member(&resources, "unified"));
    read_device_rules(r, member(&resources, "devices"));
}
