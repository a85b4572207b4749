/*
 * spec_resources.c - the object "linux.resources" of config.json.
 *
 * Numbers here are what config.json says; cgroup.c turns them into what the
 * files of cgroup v2 take. It must have no side effect. Part of spec.c; grew
 * out of the options of step05.
 */
#define _GNU_SOURCE

#include <string.h>

#include "spec_parts.h"

/* -1 is "max"; a limit that is not there stays unset. */
static int64_t read_limit(const struct field *object, const char *name)
{
    struct field f = member(object, name);
    return get_integer(&f, -1, INT64_MAX, LIMIT_UNSET);
}

static void read_memory(struct resources *r, const struct field *memory)
{
    struct field swap = member(memory, "swap");
    r->memory_limit = read_limit(memory, "limit");
    r->memory_reservation = read_limit(memory, "reservation");
    r->memory_swap = read_limit(memory, "swap");
    r->memory_high = LIMIT_UNSET;
    /* OCI counts memory and swap together, as cgroup v1 did. */
    if (r->memory_swap > 0 && r->memory_limit > r->memory_swap)
        refuse(&swap, "is less than \"limit\", which it includes");
}

static void read_cpu(struct resources *r, const struct field *cpu)
{
    struct field period = member(cpu, "period");
    struct field shares = member(cpu, "shares");
    struct field quota = member(cpu, "quota");
    struct field cpus = member(cpu, "cpus");
    struct field mems = member(cpu, "mems");
    r->cpu_quota = read_limit(cpu, "quota");
    if (r->cpu_quota != LIMIT_UNSET && r->cpu_quota > 0 && r->cpu_quota < 1000)
        refuse(&quota, "less than 1000 microseconds, the kernel's least");
    r->cpu_period = (uint64_t)get_integer(&period, 0, 1000000, 0);
    if (r->cpu_period && r->cpu_period < 1000)
        refuse(&period, "less than 1000 microseconds, the kernel's least");
    r->cpu_shares = (uint64_t)get_integer(&shares, 0, INT32_MAX, 0);
    r->cpuset_cpus = get_text(&cpus);
    r->cpuset_mems = get_text(&mems);
}

static void read_unified(struct resources *r, const struct field *object)
{
    if (object->json && !json_is_object(object->json))
        refuse(object, "not an object");
    r->unified = allocate(json_object_size(object->json), sizeof(*r->unified));
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object->json, key, value)
    {
        struct field f = member(object, key);
        /* The key is a file name. "cgroup." files are the kernel's own, and
         * we hold the container together with them. */
        if (strchr(key, '/') || !strchr(key, '.') || key[0] == '.' ||
            strncmp(key, "cgroup.", 7) == 0)
            refuse(&f, "not a file of a controller, like memory.high");
        r->unified[r->unified_count++] = (struct unified_setting){
            .file = copy_string(key),
            .value = get_text(&f),
        };
    }
}

static unsigned int read_access(const struct field *f)
{
    unsigned int access = 0;
    CLEANUP(free_string) char *letters = get_string(f);
    for (const char *p = letters ? letters : "rwm"; *p; p++) {
        if (*p == 'r')
            access |= DEVICE_READ;
        else if (*p == 'w')
            access |= DEVICE_WRITE;
        else if (*p == 'm')
            access |= DEVICE_MKNOD;
        else
            refuse(f, "\"%s\" has a letter that is not r, w or m", letters);
    }
    return access;
}

static void read_device_rule(struct device_rule *rule, const struct field *f)
{
    struct field allow = member(f, "allow");
    struct field type = member(f, "type");
    struct field major = member(f, "major");
    struct field minor = member(f, "minor");
    struct field access = member(f, "access");
    require(&allow);
    rule->allow = get_bool(&allow, false);
    CLEANUP(free_string) char *letter = get_string(&type);
    if (letter && (strlen(letter) != 1 || !strchr("abc", letter[0])))
        refuse(&type, "\"%s\" is not a, b or c", letter);
    rule->type = letter ? letter[0] : 'a';
    rule->major = get_integer(&major, -1, UINT32_MAX, -1);
    rule->minor = get_integer(&minor, -1, UINT32_MAX, -1);
    rule->access = read_access(&access);
}

void read_resources(struct spec *spec, const struct field *resources)
{
    struct resources *r = &spec->resources;
    struct field memory = member(resources, "memory");
    struct field pids = member(resources, "pids");
    struct field cpu = member(resources, "cpu");
    struct field unified = member(resources, "unified");
    struct field rules = member(resources, "devices");

    read_memory(r, &memory);
    r->pids_limit = read_limit(&pids, "limit");
    /* Older engines write 0 when they mean "no limit". */
    if (r->pids_limit == 0)
        r->pids_limit = LIMIT_UNSET;
    read_cpu(r, &cpu);
    read_unified(r, &unified);
    r->device_rule_count = get_size(&rules);
    r->device_rules = allocate(r->device_rule_count, sizeof(*r->device_rules));
    for (size_t i = 0; i < r->device_rule_count; i++) {
        struct field entry = item(&rules, i);
        read_device_rule(&r->device_rules[i], &entry);
    }
}
