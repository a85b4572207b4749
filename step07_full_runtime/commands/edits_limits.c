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

#include "base/files.h"
#include "base/numbers.h"
#include "base/report.h"
#include "commands/edits.h"
#include "config/spec.h"

static int64_t size_of(const struct edits *e, int64_t least)
{
    int64_t bytes;
    if (*e->value == '-' || !parse_size(e->value, &bytes) ||
        (bytes != -1 && bytes < least))
        not_a(e, "a size (examples: 50M, 1G)");
    return bytes;
}

void edit_memory(struct edits *e)
{
    e->has_memory = true;
    set(e->config, "linux/resources/memory/limit", json_integer(size_of(e, 1)));
}

/* Kept aside until all flags are read: OCI's number includes the memory. */
void edit_swap(struct edits *e)
{
    e->has_swap = true;
    e->swap = size_of(e, 0);
}

/* No swap by default: what is over the limit is to be killed, not slow. */
void finish_limits(struct edits *e)
{
    json_int_t limit = json_integer_value(
        find_value(e->config, "linux/resources/memory/limit"));
    if (e->has_swap && limit <= 0)
        usage_error("--swap: needs --memory");
    if (!e->has_swap && (!e->has_memory || limit <= 0))
        return;
    if (e->swap > INT64_MAX - limit)
        usage_error("--swap: more than there can be");
    set(e->config, "linux/resources/memory/swap",
        json_integer(e->swap == -1 ? -1 : limit + e->swap));
}

void edit_memory_high(struct edits *e)
{
    int64_t bytes = size_of(e, 1);
    char text[32] = "max";
    if (bytes != -1)
        snprintf(text, sizeof(text), "%lld", (long long)bytes);
    set(e->config, "linux/resources/unified/memory.high", json_string(text));
}

/* "0.5" is 50000 of each 100000 microseconds. */
void edit_cpus(struct edits *e)
{
    const json_int_t period = 100000;
    char *end = NULL;
    double cpus = 0;
    if (*e->value && strspn(e->value, "0123456789.") == strlen(e->value))
        cpus = strtod(e->value, &end);
    if (!end || *end || cpus < 0.01 || cpus > 4096)
        not_a(e, "a number of CPUs (0.01 to 4096)");
    set(e->config, "linux/resources/cpu/period", json_integer(period));
    set(e->config, "linux/resources/cpu/quota",
        json_integer((json_int_t)(cpus * (double)period + 0.5)));
}

/* The host's list of name servers, or the one behind systemd's local stub. */
static const char *resolver_path(void)
{
    static const char upstream[] = "/run/systemd/resolve/resolv.conf";
    if (file_exists_at(AT_FDCWD, upstream))
        return upstream;
    return file_exists_at(AT_FDCWD, "/etc/resolv.conf") ? "/etc/resolv.conf"
                                                        : NULL;
}

void edit_ip(struct edits *e)
{
    struct in_addr address;
    unsigned int prefix;
    if (!parse_address(e->value, &address, &prefix))
        not_a(e, "an address with its prefix, like 10.240.0.2/24");
    set(e->config, "annotations/io.rung.ip", json_string(e->value));
    const char *source = resolver_path();
    if (source)
        add(e->config, "mounts",
            json_pack("{s:s, s:s, s:s, s:[s, s, s, s, s]}", "destination",
                      "/etc/resolv.conf", "type", "bind", "source", source,
                      "options", "bind", "ro", "nosuid", "nodev", "noexec"));
}

void edit_bridge(struct edits *e)
{
    if (!could_be_link(e->value))
        not_a(e, "a link's name (1 to 15 characters)");
    set(e->config, "annotations/io.rung.bridge", json_string(e->value));
}
