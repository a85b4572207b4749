/*
 * properties.c - what systemd is told of a scope.
 *
 * Limits by systemd's names for them, so that it knows, and the annotations
 * that pass other properties on. Part of systemd.c; it must have no side
 * effect. New in step07.
 */
#define _GNU_SOURCE

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "cgroup/systemd.h"
#include "config/spec.h"

#define ANNOTATION "org.systemd.property."

/* A property to fill in; its name is copied. */
static struct property *add_property(struct properties *p, const char *name,
                                     const char *type)
{
    p->list = enlarge(p->list, p->count, sizeof(*p->list));
    p->list[p->count] = (struct property){
        .name = copy_string(name),
        .type = type,
    };
    return &p->list[p->count++];
}

void free_properties(struct properties *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->list[i].name);
        free(p->list[i].text);
        free(p->list[i].bytes);
        for (char **s = p->list[i].strings; s && *s; s++)
            free(*s);
        free(p->list[i].strings);
    }
    free(p->list);
}

/* --- the scope --- */

/* Delegate: what is below is ours. Gone, it shall be forgotten, even if it
 * failed; and the memory's end of one process is no end of the others. */
void add_scope_properties(struct properties *p, const char *slice,
                          const char *scope, pid_t pid, int version)
{
    static const struct {
        const char *name;
        bool value;
    } SWITCHES[] = {
        {"Delegate", true},         {"DefaultDependencies", false},
        {"MemoryAccounting", true}, {"TasksAccounting", true},
        {"IOAccounting", true},
    };
    add_property(p, "Description", "s")->text =
        print_string("container %s", scope);
    add_property(p, "Slice", "s")->text = copy_string(slice);
    for (size_t i = 0; i < ARRAY_SIZE(SWITCHES); i++)
        add_property(p, SWITCHES[i].name, "b")->number = SWITCHES[i].value;
    add_property(p, "CollectMode", "s")->text =
        copy_string("inactive-or-failed");
    if (version >= 253)
        add_property(p, "OOMPolicy", "s")->text = copy_string("continue");
    struct property *pids = add_property(p, "PIDs", "au");
    uint32_t number = (uint32_t)pid;
    pids->size = sizeof(number);
    pids->bytes = allocate(1, sizeof(number));
    memcpy(pids->bytes, &number, sizeof(number));
    /* systemd's own limit of processes would hold where we want none. */
    add_property(p, "TasksMax", "t")->number = UINT64_MAX;
}

/* --- limits --- */

/* "max" is all ones; TasksMax cannot be 0. */
static uint64_t read_amount(const char *text)
{
    uint64_t value;
    return parse_u64(text, &value) ? value : UINT64_MAX;
}

/* "50000 100000" is half a CPU: 500000 of each second, in steps of 10 ms. */
static void add_quota(struct properties *p, const char *text)
{
    uint64_t quota = 0;
    uint64_t period = 100000;
    uint64_t per_second = UINT64_MAX;
    if (sscanf(text, "%" SCNu64 " %" SCNu64, &quota, &period) >= 1 && period)
        per_second = (quota * 1000000 / period + 9999) / 10000 * 10000;
    else
        (void)sscanf(text, "max %" SCNu64, &period);
    add_property(p, "CPUQuotaPerSecUSec", "t")->number = per_second;
    add_property(p, "CPUQuotaPeriodUSec", "t")->number = period;
}

/* "0-2,7" to a bit for each: 0x87. */
static void add_bits(struct properties *p, const char *name, const char *text)
{
    struct property *one = add_property(p, name, "ay");
    one->bytes = allocate(65536 / 8, 1);
    const char *at = text;
    unsigned int first;
    unsigned int last;
    int length;
    while (sscanf(at, "%u%n", &first, &length) == 1) {
        at += length;
        last = first;
        if (sscanf(at, "-%u%n", &last, &length) == 1)
            at += length;
        for (unsigned int bit = first; bit <= last && bit < 65536; bit++) {
            one->bytes[bit / 8] |= (uint8_t)(1U << bit % 8);
            if (one->size <= bit / 8)
                one->size = bit / 8 + 1;
        }
        at += *at == ',';
    }
}

void add_limit_properties(struct properties *p, const struct resources *r)
{
    static const struct {
        const char *file;
        const char *name;
    } AMOUNTS[] = {
        {"memory.max", "MemoryMax"},          {"memory.high", "MemoryHigh"},
        {"memory.low", "MemoryLow"},          {"memory.min", "MemoryMin"},
        {"memory.swap.max", "MemorySwapMax"}, {"pids.max", "TasksMax"},
        {"cpu.weight", "CPUWeight"},
    };
    for (size_t i = 0; i < r->setting_count; i++) {
        const struct cgroup_setting *s = &r->settings[i];
        if (strcmp(s->file, "cpu.max") == 0)
            add_quota(p, s->value);
        else if (strcmp(s->file, "cpuset.cpus") == 0)
            add_bits(p, "AllowedCPUs", s->value);
        else if (strcmp(s->file, "cpuset.mems") == 0)
            add_bits(p, "AllowedMemoryNodes", s->value);
        for (size_t j = 0; j < ARRAY_SIZE(AMOUNTS); j++) {
            if (strcmp(s->file, AMOUNTS[j].file) != 0)
                continue;
            uint64_t value = read_amount(s->value);
            if (value == 0 && strcmp(s->file, "pids.max") == 0)
                value = 1;
            add_property(p, AMOUNTS[j].name, "t")->number = value;
        }
    }
}

/* --- annotations --- */

/* 'text' or "text": its copy, and what follows it. NULL: it is neither. */
static const char *read_quoted(const char *at, char **text)
{
    const char *end = *at == '\'' || *at == '"' ? strchr(at + 1, *at) : NULL;
    if (!end)
        return NULL;
    *text = print_string("%.*s", (int)(end - at - 1), at + 1);
    return end + 1;
}

/* ['a', 'b'] */
static bool read_strings(struct property *p, const char *text)
{
    char **next = p->strings = allocate(strlen(text), sizeof(*p->strings));
    const char *at = text;
    do {
        at += 1 + strspn(at + 1, " ");
        at = read_quoted(at, next++);
        if (!at)
            return false;
        at += strspn(at, " ");
    } while (*at == ',');
    return strcmp(at, "]") == 0;
}

/* "uint32 5", or an int32 with no word before it. */
static bool read_number(struct property *p, const char *text)
{
    static const struct {
        const char *word;
        const char *type;
        int64_t least;
        uint64_t most;
    } TYPES[] = {
        {"byte", "y", 0, UINT8_MAX},    {"int16", "n", INT16_MIN, INT16_MAX},
        {"uint16", "q", 0, UINT16_MAX}, {"int32", "i", INT32_MIN, INT32_MAX},
        {"uint32", "u", 0, UINT32_MAX}, {"int64", "x", INT64_MIN, INT64_MAX},
        {"uint64", "t", 0, UINT64_MAX},
    };
    size_t word = strcspn(text, " ");
    const char *digits = text[word] ? text + word + 1 : text;
    bool negative = *digits == '-';
    uint64_t value;
    if (!parse_u64(digits + negative, &value))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(TYPES); i++) {
        const char *name = digits == text ? "int32" : TYPES[i].word;
        if (strcmp(TYPES[i].word, name) != 0 ||
            (digits != text &&
             (strlen(name) != word || strncmp(text, name, word) != 0)))
            continue;
        p->type = TYPES[i].type;
        p->number = negative ? -value : value;
        return negative ? value <= -(uint64_t)TYPES[i].least
                        : value <= TYPES[i].most;
    }
    return false;
}

/* A value as gvariant-text(7) writes it: the simple ones. */
static bool read_value(struct property *p, const char *text)
{
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        p->type = "b";
        p->number = *text == 't';
        return true;
    }
    if (*text == '[') {
        p->type = "as";
        return read_strings(p, text);
    }
    if (*text == '\'' || *text == '"') {
        p->type = "s";
        const char *end = read_quoted(text, &p->text);
        return end && *end == '\0';
    }
    return read_number(p, text);
}

/* D-Bus counts microseconds: TimeoutStopSec 5 is TimeoutStopUSec 5000000. */
static void from_seconds(struct property *p)
{
    size_t length = strlen(p->name);
    if (length < 4 || strcmp(p->name + length - 3, "Sec") != 0 ||
        p->name[length - 4] == 'U' || !strchr("nqiuxt", *p->type))
        return;
    char *name = print_string("%.*sUSec", (int)(length - 3), p->name);
    free(p->name);
    p->name = name;
    p->type = "t";
    p->number *= 1000000;
}

void add_annotated_properties(struct properties *p, const struct spec *spec)
{
    json_t *annotations = json_object_get(spec->config, "annotations");
    const char *key;
    json_t *value;
    json_object_foreach(annotations, key, value)
    {
        if (strncmp(key, ANNOTATION, strlen(ANNOTATION)) != 0)
            continue;
        const char *name = key + strlen(ANNOTATION);
        const char *text = json_string_value(value);
        struct property *one = add_property(p, name, "b");
        if (!*name || !text || !read_value(one, text))
            fail("config.json: annotations.%s: \"%s\" is not true, a 'text', "
                 "a ['list'] or a number like uint64 5",
                 key, text ? text : "");
        from_seconds(one);
    }
}
