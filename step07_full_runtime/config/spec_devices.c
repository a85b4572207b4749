/*
 * spec_devices.c - the array "linux.resources.devices" of config.json: which
 * devices the container may open, and make.
 *
 * Part of spec.c; what becomes of the rules is in cgroup/devices.c.
 */
#define _GNU_SOURCE

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "config/spec_parts.h"

enum {
    RULES_MAX = 4000 /* the kernel follows 8192 jumps; two in a rule */
};

static unsigned int read_access(struct field f)
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

static void read_device_rule(struct device_rule *rule, struct field f)
{
    rule->allow = get_bool(required(&f, "allow"), false);
    CLEANUP(free_string) char *letter = get_string(member(&f, "type"));
    if (letter && (strlen(letter) != 1 || !strchr("abc", letter[0])))
        refuse(member(&f, "type"), "\"%s\" is not a, b or c", letter);
    rule->type = letter ? letter[0] : 'a';
    rule->major = get_integer(member(&f, "major"), -1, INT32_MAX, -1);
    rule->minor = get_integer(member(&f, "minor"), -1, INT32_MAX, -1);
    rule->access = read_access(member(&f, "access"));
}

void read_device_rules(struct resources *r, struct field rules)
{
    r->device_rule_count = get_size(rules);
    if (r->device_rule_count > RULES_MAX)
        refuse(rules,
               "%zu rules are more than the %d that the kernel can check",
               r->device_rule_count, RULES_MAX);
    r->device_rules = allocate(r->device_rule_count, sizeof(*r->device_rules));
    for (size_t i = 0; i < r->device_rule_count; i++)
        read_device_rule(&r->device_rules[i], item(&rules, i));
}
