/*
 * events.c - the command "events": what a container uses, again and again, and
 * when it had too little memory.
 *
 * It only reads. It ends when process 1 has ended. Grew out of step05's
 * memory.events; new in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "commands/commands.h"
#include "commands/flags.h"

/* "5s", "500ms", "1m30s" to milliseconds; 0: not a length of time. */
static int64_t parse_duration(const char *text)
{
    static const struct {
        const char *name;
        double ms;
    } UNITS[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    double sum = 0;
    while (*text) {
        char *end;
        double number = strtod(text, &end);
        size_t i = 0;
        while (i < ARRAY_SIZE(UNITS) &&
               strncmp(end, UNITS[i].name, strlen(UNITS[i].name)) != 0)
            i++;
        if (end == text || i == ARRAY_SIZE(UNITS) || !(number >= 0))
            return 0;
        sum += number * UNITS[i].ms;
        text = end + strlen(UNITS[i].name);
    }
    return sum <= 1e12 ? (int64_t)sum : 0;
}

static void print_event(const char *type, const char *id, json_t *data)
{
    json_t *event =
        json_pack("{s:s, s:s, s:o*}", "type", type, "id", id, "data", data);
    print_json(event, JSON_COMPACT);
}

/* The kernel wakes a poll(2) on memory.events when a number in it changes. */
static void follow(const struct state *state, const struct cgroup *cgroup,
                   int64_t interval)
{
    CLEANUP(close_fd) int pidfd = state_open_process(state);
    CLEANUP(close_fd)
    int events = openat(cgroup->fd, "memory.events", O_RDONLY | O_CLOEXEC);
    int64_t killed = cgroup_oom_kills(cgroup);
    int64_t next = now_ms() + interval;
    struct pollfd fds[2] = {
        {.fd = pidfd, .events = POLLIN},
        {.fd = events, .events = POLLPRI},
    };
    while (pidfd != -1) {
        char text[512]; /* reading it says: wake me at the next change */
        if (events != -1 && pread(events, text, sizeof(text), 0) == -1 &&
            errno != ENODEV) /* its cgroup is gone, and soon its process */
            die("read memory.events of container %s", state->id);
        int64_t left = next - now_ms();
        int wait = left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left;
        if (poll(fds, 2, wait) == -1 && errno != EINTR)
            die("poll");
        for (int64_t more = cgroup_oom_kills(cgroup); killed < more; killed++)
            print_event("oom", state->id, NULL);
        if (fds[0].revents)
            return;
        if (now_ms() < next)
            continue;
        print_event("stats", state->id, cgroup_stats_json(cgroup));
        next += interval;
    }
}

int command_events(int argc, char **argv)
{
    static bool once;
    static const char *length = "5s";
    static const struct flag flags[] = {
        {"stats", 0, NULL, "only once, and end", .on = &once},
        {"interval", 0, "TIME", "how often (5s)", .text = &length},
        {0},
    };
    const char *id = only_id(argc, argv, flags);
    int64_t interval = parse_duration(length);
    if (interval == 0)
        usage_error("--interval %s: not a length of time, like 5s", length);
    struct state state;
    struct cgroup cgroup;
    load_cgroup(&state, id, &cgroup);
    if (once)
        print_event("stats", state.id, cgroup_stats_json(&cgroup));
    else
        follow(&state, &cgroup, interval);
    return 0;
}
