/*
 * stats.c - what the kernel counted for a container, and who is in it.
 *
 * For engines as JSON, in the form that runc gave it: "events --stats". It only
 * reads. Part of cgroup.c; grew out of step05.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "cgroup/cgroup.h"

/* "max" is the greatest number; -1: there is no such file. */
static int64_t read_number(const struct cgroup *c, const char *file)
{
    CLEANUP(free_string) char *text = read_file_at(c->fd, file);
    long long value;
    if (text && strcmp(text, "max\n") == 0)
        return INT64_MAX;
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

int64_t cgroup_oom_kills(const struct cgroup *c)
{
    return read_key(c, "memory.events", "oom_kill");
}

/* --- JSON --- */

/* Set the member, unless the kernel does not say (-1). */
static void put(json_t *object, const char *name, int64_t value)
{
    if (value >= 0)
        json_object_set_new(object, name, json_integer(value));
}

static int64_t nanoseconds(int64_t microseconds)
{
    return microseconds < 0 ? -1 : microseconds * 1000;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0": how much time was lost by
 * waiting for it. proc_pressure(5) */
static void put_pressure(json_t *object, const struct cgroup *c,
                         const char *file)
{
    CLEANUP(free_string) char *text = read_file_at(c->fd, file);
    json_t *psi = json_object();
    char *rest = text;
    for (char *line; text && (line = strsep(&rest, "\n"));) {
        char kind[8];
        double average[3];
        long long total;
        if (sscanf(line, "%7s avg10=%lf avg60=%lf avg300=%lf total=%lld", kind,
                   &average[0], &average[1], &average[2], &total) == 5)
            json_object_set_new(psi, kind,
                                json_pack("{s:f, s:f, s:f, s:I}", "avg10",
                                          average[0], "avg60", average[1],
                                          "avg300", average[2], "total",
                                          (json_int_t)total));
    }
    if (json_object_size(psi) > 0)
        json_object_set(object, "psi", psi);
    json_decref(psi);
}

static json_t *cpu_json(const struct cgroup *c)
{
    static const struct {
        const char *object;
        const char *name;
        const char *key;
        bool is_time;
    } KEYS[] = {
        {"usage", "total", "usage_usec", true},
        {"usage", "user", "user_usec", true},
        {"usage", "kernel", "system_usec", true},
        {"throttling", "periods", "nr_periods", false},
        {"throttling", "throttledPeriods", "nr_throttled", false},
        {"throttling", "throttledTime", "throttled_usec", true},
    };
    json_t *cpu = json_pack("{s:{}, s:{}}", "usage", "throttling");
    for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++) {
        int64_t value = read_key(c, "cpu.stat", KEYS[i].key);
        put(json_object_get(cpu, KEYS[i].object), KEYS[i].name,
            KEYS[i].is_time ? nanoseconds(value) : value);
    }
    put_pressure(cpu, c, "cpu.pressure");
    return cpu;
}

/* The files of one kind of memory: "memory", "memory.swap". */
static json_t *usage_json(const struct cgroup *c, const char *prefix,
                          const char *failed_file)
{
    static const char *const PARTS[][2] = {
        {"limit", "max"}, {"usage", "current"}, {"max", "peak"}};
    json_t *usage = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(PARTS); i++) {
        CLEANUP(free_string)
        char *file = print_string("%s.%s", prefix, PARTS[i][1]);
        put(usage, PARTS[i][0], read_number(c, file));
    }
    put(usage, "failcnt", read_key(c, failed_file, "max"));
    return usage;
}

static json_t *memory_json(const struct cgroup *c)
{
    CLEANUP(free_string) char *text = read_file_at(c->fd, "memory.stat");
    json_t *raw = json_object();
    char *rest = text;
    for (char *line; text && (line = strsep(&rest, "\n"));) {
        char key[64];
        long long value;
        if (sscanf(line, "%63s %lld", key, &value) == 2)
            json_object_set_new(raw, key, json_integer(value));
    }
    json_t *memory = json_pack(
        "{s:o, s:o, s:o}", "usage", usage_json(c, "memory", "memory.events"),
        "swap", usage_json(c, "memory.swap", "memory.swap.events"), "raw", raw);
    put(memory, "cache", read_key(c, "memory.stat", "file"));
    put_pressure(memory, c, "memory.pressure");
    return memory;
}

/* io.stat: "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" */
static json_t *block_json(const struct cgroup *c)
{
    static const struct {
        const char *key;
        const char *list;
        const char *operation;
    } KEYS[] = {
        {"rbytes", "ioServiceBytesRecursive", "Read"},
        {"wbytes", "ioServiceBytesRecursive", "Write"},
        {"rios", "ioServicedRecursive", "Read"},
        {"wios", "ioServicedRecursive", "Write"},
    };
    json_t *block = json_pack("{s:[], s:[]}", KEYS[0].list, KEYS[2].list);
    CLEANUP(free_string) char *text = read_file_at(c->fd, "io.stat");
    char *rest = text;
    for (char *line; text && (line = strsep(&rest, "\n"));) {
        int major;
        int minor;
        if (sscanf(line, "%d:%d", &major, &minor) != 2)
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++) {
            const char *at = strstr(line, KEYS[i].key);
            long long value;
            if (at && sscanf(at + strlen(KEYS[i].key), "=%lld", &value) == 1)
                json_array_append_new(json_object_get(block, KEYS[i].list),
                                      json_pack("{s:i, s:i, s:s, s:I}", "major",
                                                major, "minor", minor, "op",
                                                KEYS[i].operation, "value",
                                                (json_int_t)value));
        }
    }
    put_pressure(block, c, "io.pressure");
    return block;
}

/* Each size of pages has files of its own: hugetlb.2MB.current. */
static json_t *huge_pages_json(const struct cgroup *c)
{
    json_t *pages = json_object();
    CLEANUP(close_directory) DIR *directory = open_directory(c->fd, ".");
    const struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        char size[16];
        int end = 0;
        if (sscanf(entry->d_name, "hugetlb.%15[0-9A-Z].current%n", size,
                   &end) != 1 ||
            end == 0 || entry->d_name[end])
            continue;
        CLEANUP(free_string)
        char *events = print_string("hugetlb.%s.events", size);
        json_t *one = json_object();
        put(one, "usage", read_number(c, entry->d_name));
        put(one, "failcnt", read_key(c, events, "max"));
        json_object_set_new(pages, size, one);
    }
    return pages;
}

json_t *cgroup_stats_json(const struct cgroup *c)
{
    json_t *pids = json_object();
    int64_t limit = read_number(c, "pids.max");
    put(pids, "current", read_number(c, "pids.current"));
    put(pids, "limit", limit == INT64_MAX ? 0 : limit);
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "cpu", cpu_json(c), "memory",
                     memory_json(c), "pids", pids, "blkio", block_json(c),
                     "hugetlb", huge_pages_json(c));
}

/* --- who is in it --- */

void free_pids(struct pids *pids)
{
    free(pids->list);
}

static void add_pids(struct pids *pids, char *text)
{
    char *rest = text;
    for (char *line; text && (line = strsep(&rest, "\n"));) {
        uint64_t pid;
        if (!parse_u64(line, &pid) || pid == 0)
            continue;
        pids->list = enlarge(pids->list, pids->count, sizeof(*pids->list));
        pids->list[pids->count++] = (pid_t)pid;
    }
}

/* Those of one directory, and of all below. */
static void collect(struct pids *pids, int fd, const char *path, int depth)
{
    if (depth == 0)
        return;
    CLEANUP(close_directory) DIR *directory = open_directory(fd, path);
    if (!directory && errno != ENOENT && errno != ENODEV)
        die("look who is in a cgroup");
    if (!directory)
        return; /* removed meanwhile */
    CLEANUP(free_string)
    char *text = read_file_at(dirfd(directory), "cgroup.procs");
    /* Removed meanwhile (ENOENT, ENODEV), or a threaded one's. */
    if (!text && errno != ENOENT && errno != ENODEV && errno != EOPNOTSUPP)
        die("read the processes of a cgroup");
    add_pids(pids, text);
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            collect(pids, dirfd(directory), entry->d_name, depth - 1);
    }
}

struct pids cgroup_processes(const struct cgroup *c)
{
    struct pids pids = {0};
    if (c->fd != -1)
        collect(&pids, c->fd, ".", 100);
    return pids;
}
