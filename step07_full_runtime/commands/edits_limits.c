/*
 * edits_limits.c - the flags for limits and for the network.
 *
 * Part of edits.c; grew out of parse_options in steps 05 and 06.
 */
#define _GNU_SOURCE

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/numbers.h"
#include "base/report.h"
#include "commands/edits.h"
#include "config/spec.h"

static int64_t size_of(const char *value, int64_t least, const char *option)
{
    int64_t bytes;
    if (*value == '-' || !parse_size(value, &bytes) ||
        (bytes != -1 && bytes < least))
        not_a("a size (examples: 50M, 1G)", option, value);
    return bytes;
}

static bool has_memory;
static int64_t swap_beside = LIMIT_UNSET;

void edit_memory(json_t *config, const char *option, const char *value)
{
    has_memory = true;
    set(config, "linux/resources/memory/limit",
        json_integer(size_of(value, 1, option)));
}

/* Kept aside until all flags are read: OCI's number includes the memory. */
void edit_swap(json_t *config, const char *option, const char *value)
{
    (void)config;
    swap_beside = size_of(value, 0, option);
}

/* No swap by default: what is over the limit is to be killed, not slow. */
void finish_limits(json_t *config)
{
    static const char where[] = "linux/resources/memory/swap";
    json_int_t limit =
        json_integer_value(find_value(config, "linux/resources/memory/limit"));
    if (swap_beside != LIMIT_UNSET && limit <= 0)
        usage_error("--swap: needs --memory");
    if (swap_beside == LIMIT_UNSET && (!has_memory || limit <= 0))
        return;
    int64_t beside = swap_beside == LIMIT_UNSET ? 0 : swap_beside;
    if (beside > INT64_MAX - limit)
        usage_error("--swap: more than there can be");
    set(config, where, json_integer(beside == -1 ? -1 : limit + beside));
}

void edit_memory_high(json_t *config, const char *option, const char *value)
{
    int64_t bytes = size_of(value, 1, option);
    char text[32] = "max";
    if (bytes != -1)
        snprintf(text, sizeof(text), "%lld", (long long)bytes);
    set(config, "linux/resources/unified/memory.high", json_string(text));
}

void edit_pids(json_t *config, const char *option, const char *value)
{
    int64_t number =
        number_of(value, 1, 4194304, "a number of processes (1 to 4194304)",
                  option, value);
    set(config, "linux/resources/pids/limit", json_integer(number));
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
        not_a("a number of CPUs (0.01 to 4096)", option, value);
    set(config, "linux/resources/cpu/period", json_integer(period));
    set(config, "linux/resources/cpu/quota",
        json_integer((json_int_t)(cpus * (double)period + 0.5)));
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
        not_a("an address with its prefix, like 10.240.0.2/24", option, value);
    set(config, "annotations/io.rung.ip", json_string(value));
    const char *source = resolver_path();
    if (source)
        add(config, "mounts",
            json_pack("{s:s, s:s, s:s, s:[s, s, s, s, s]}", "destination",
                      "/etc/resolv.conf", "type", "bind", "source", source,
                      "options", "bind", "ro", "nosuid", "nodev", "noexec"));
}

void edit_bridge(json_t *config, const char *option, const char *value)
{
    if (!could_be_link(value))
        not_a("a link's name (1 to 15 characters)", option, value);
    set(config, "annotations/io.rung.bridge", json_string(value));
}
