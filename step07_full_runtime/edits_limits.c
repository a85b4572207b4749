/*
 * edits_limits.c - the flags for limits and for the network.
 *
 * Part of edits.c; grew out of parse_options in steps 05 and 06.
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edits.h"
#include "spec.h"
#include "util.h"

static const char *shown(const char *value)
{
    return *value ? value : "''";
}

static int64_t read_size(const char *option, const char *value, int64_t least)
{
    int64_t bytes;
    if (*value == '-' || !parse_size(value, &bytes) ||
        (bytes != -1 && bytes < least))
        usage_error("%s %s: not a size (examples: 50M, 1G)", option,
                    shown(value));
    return bytes;
}

void edit_memory(json_t *config, const char *option, const char *value)
{
    int64_t bytes = read_size(option, value, 1);
    put(object_at(config, "linux", "resources", "memory", NULL), "limit",
        json_integer(bytes));
}

void edit_memory_high(json_t *config, const char *option, const char *value)
{
    int64_t bytes = read_size(option, value, 1);
    char text[32] = "max";
    if (bytes != -1)
        snprintf(text, sizeof(text), "%lld", (long long)bytes);
    put(object_at(config, "linux", "resources", "unified", NULL), "memory.high",
        json_string(text));
}

/* Kept aside until all flags are read: OCI's number includes the memory. */
void edit_swap(json_t *config, const char *option, const char *value)
{
    int64_t bytes = read_size(option, value, 0);
    put(object_at(config, "linux", "resources", "memory", NULL), "swap",
        json_integer(bytes));
    annotate(config, "io.rung.swap", "separate");
}

void edit_pids(json_t *config, const char *option, const char *value)
{
    uint64_t number;
    if (!parse_u64(value, &number) || number < 1 || number > 4194304)
        usage_error("%s %s: not a number of processes (1 to 4194304)", option,
                    shown(value));
    put(object_at(config, "linux", "resources", "pids", NULL), "limit",
        json_integer((json_int_t)number));
}

/* "0.5" is 50000 of each 100000 microseconds. */
void edit_cpus(json_t *config, const char *option, const char *value)
{
    const json_int_t period = 100000;
    char *end = NULL;
    double cpus = 0;
    if (*value && strspn(value, "0123456789.") == strlen(value))
        cpus = strtod(value, &end);
    if (!end || *end || cpus < 0.01 || cpus > 4096)
        usage_error("%s %s: not a number of CPUs (0.01 to 4096)", option,
                    shown(value));
    json_t *cpu = object_at(config, "linux", "resources", "cpu", NULL);
    put(cpu, "period", json_integer(period));
    put(cpu, "quota", json_integer((json_int_t)(cpus * (double)period + 0.5)));
}

/* The host's list of name servers, or the one behind systemd's local stub. */
static const char *resolver_path(void)
{
    static const char upstream[] = "/run/systemd/resolve/resolv.conf";
    if (access(upstream, R_OK) == 0)
        return upstream;
    return access("/etc/resolv.conf", R_OK) == 0 ? "/etc/resolv.conf" : NULL;
}

void edit_ip(json_t *config, const char *option, const char *value)
{
    struct in_addr address;
    unsigned int prefix;
    if (!parse_address(value, &address, &prefix))
        usage_error("%s %s: not an address with its prefix, like 10.240.0.2/24",
                    option, shown(value));
    annotate(config, "io.rung.ip", value);
    const char *source = resolver_path();
    if (source)
        add(array_at(config, NULL, "mounts"),
            json_pack("{s:s, s:s, s:s, s:[s, s, s, s, s]}", "destination",
                      "/etc/resolv.conf", "type", "bind", "source", source,
                      "options", "bind", "ro", "nosuid", "nodev", "noexec"));
}

void edit_bridge(json_t *config, const char *option, const char *value)
{
    if (!could_be_link(value))
        usage_error("%s %s: not a link's name (1 to 15 characters)", option,
                    shown(value));
    annotate(config, "io.rung.bridge", value);
}

void edit_nat(json_t *config, const char *option, const char *value)
{
    (void)option;
    (void)value;
    annotate(config, "io.rung.nat", "true");
}

static void finish_swap(json_t *config)
{
    json_t *annotations = json_object_get(config, "annotations");
    json_t *memory = object_at(config, "linux", "resources", "memory", NULL);
    json_t *limit = json_object_get(memory, "limit");
    json_t *swap = json_object_get(memory, "swap");
    bool is_separate = json_object_get(annotations, "io.rung.swap") != NULL;
    json_object_del(annotations, "io.rung.swap");
    json_int_t limit_bytes = json_integer_value(limit);
    json_int_t swap_bytes = json_integer_value(swap);
    if (is_separate && (!limit || limit_bytes == -1))
        usage_error("--swap: needs --memory");
    /* No swap by default: what is over the limit is to be killed, not slow. */
    if (limit && limit_bytes != -1 && !swap)
        put(memory, "swap", json_integer(limit_bytes));
    if (is_separate && swap_bytes != -1)
        put(memory, "swap", json_integer(limit_bytes + swap_bytes));
    if (json_object_size(memory) == 0)
        json_object_del(object_at(config, "linux", "resources", NULL),
                        "memory");
}

void edit_finish(json_t *config)
{
    finish_swap(config);
    finish_ids(config);
    json_t *annotations = json_object_get(config, "annotations");
    if (json_object_get(annotations, "io.rung.nat") &&
        !json_object_get(annotations, "io.rung.ip"))
        usage_error("--nat: needs --ip");
}
