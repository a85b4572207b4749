/* cgroup_stats.c - what the kernel counted for a container. */
#define _GNU_SOURCE

#include <stdio.h>
#include <string.h>

#include "cgroup.h"
#include "util.h"

static int64_t read_number(const struct cgroup *c, const char *file)
{
    CLEANUP(free_string) char *text = read_file_at(c->fd, file);
    long long value;
    return text && sscanf(text, "%lld", &value) == 1 ? value : -1;
}

/* The number after `key` in a file of lines like "oom_kill 1". */
static int64_t read_key(const struct cgroup *c, const char *file,
                        const char *key)
{
    CLEANUP(free_string) char *text = read_file_at(c->fd, file);
    size_t length = strlen(key);
    for (const char *line = text; line && *line;) {
        long long value;
        if (strncmp(line, key, length) == 0 && line[length] == ' ' &&
            sscanf(line + length, "%lld", &value) == 1)
            return value;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return -1;
}

void cgroup_read_stats(const struct cgroup *c, struct cgroup_stats *stats)
{
    *stats = (struct cgroup_stats){
        .memory_current = read_number(c, "memory.current"),
        .memory_peak = read_number(c, "memory.peak"),
        .memory_max = read_number(c, "memory.max"),
        .oom_kills = read_key(c, "memory.events", "oom_kill"),
        .pids_current = read_number(c, "pids.current"),
        .pids_max_events = read_key(c, "pids.events", "max"),
        .cpu_usage_usec = read_key(c, "cpu.stat", "usage_usec"),
        .cpu_nr_throttled = read_key(c, "cpu.stat", "nr_throttled"),
        .cpu_throttled_usec = read_key(c, "cpu.stat", "throttled_usec"),
    };
}
