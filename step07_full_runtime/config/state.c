/*
 * state.c - what can be told from ROOT/ID/state.json, and whether process 1
 * still lives. The file itself is in state_file.c.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/report.h"
#include "config/spec.h"
#include "config/state.h"

enum {
    ID_LENGTH = 128
};

/* --- names --- */

char *state_root(const char *option)
{
    return option ? absolute_path(option) : runtime_path("");
}

bool state_id_is_valid(const char *id)
{
    size_t length = strspn(id, "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_+-.");
    return length > 0 && length <= ID_LENGTH && id[length] == '\0' &&
           strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
}

/* --- processes --- */

/* What /proc/PID/stat says of it. */
struct process {
    char letter; /* 'Z': it is a zombie */
    unsigned int flags;
    uint64_t start;
};

/* In the flags, from <linux/sched.h> of the kernel: it has begun to end; it has
 * not called execve(2) since it was made. */
#define PF_EXITING 0x4U
#define PF_FORKNOEXEC 0x40U

/*
 * A PID is used again after its process has gone. Together with the time the
 * process started it is unique: proc_pid_stat(5), field 22. The second field
 * is the name in parentheses, which may hold anything: so start at the last
 * one.
 */
static bool read_process(pid_t pid, struct process *p)
{
    CLEANUP(free_string) char *path = print_string("/proc/%d/stat", (int)pid);
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, path);
    /* Who cannot look must not take it for gone. */
    if (!text && errno != ENOENT && errno != ESRCH)
        die("read %s", path);
    const char *rest = text ? strrchr(text, ')') : NULL;
    return rest && sscanf(rest + 1,
                          " %c %*s %*s %*s %*s %*s %u %*s %*s %*s %*s %*s %*s "
                          "%*s %*s %*s %*s %*s %*s %" SCNu64,
                          &p->letter, &p->flags, &p->start) == 3;
}

uint64_t state_process_start(pid_t pid)
{
    struct process p;
    return pid > 0 && read_process(pid, &p) ? p.start : 0;
}

/* Process 1 of a PID namespace becomes a zombie only when all others have been
 * waited for; a process of `exec` has its parent outside, who may not care. So
 * it may stay for long, but runs nothing any more. */
static bool read_living(pid_t pid, uint64_t start_time, struct process *p)
{
    return pid > 0 && start_time && read_process(pid, p) &&
           p->start == start_time && p->letter != 'Z' && p->letter != 'X' &&
           !(p->flags & PF_EXITING);
}

bool state_process_lives(pid_t pid, uint64_t start_time)
{
    struct process p;
    return read_living(pid, start_time, &p);
}

bool state_process_has_executed(pid_t pid)
{
    struct process p;
    return !read_process(pid, &p) || !(p.flags & PF_FORKNOEXEC);
}

static const char *const STATUS_NAMES[] = {
    [STATUS_CREATING] = "creating", [STATUS_CREATED] = "created",
    [STATUS_RUNNING] = "running",   [STATUS_PAUSED] = "paused",
    [STATUS_STOPPED] = "stopped",
};

const char *status_name(enum status status)
{
    return STATUS_NAMES[status];
}

/* The kernel knows, whoever froze it: cgroup.events. */
static bool is_frozen(const struct state *s)
{
    if (!s->cgroup_path)
        return false;
    CLEANUP(free_string)
    char *path = join_path(s->cgroup_path, "cgroup.events");
    CLEANUP(free_string) char *events = read_file_at(AT_FDCWD, path);
    if (!events && errno != ENOENT && errno != ENODEV) /* it has gone */
        die("read %s", path);
    return events && strstr(events, "frozen 1");
}

/* The file says how far we have brought the container; whether its command
 * runs, which begins in a moment that is not ours, the kernel says. */
enum status state_status(const struct state *s)
{
    struct process p;
    if (!s->status_name)
        return STATUS_CREATING; /* a directory, and no file in it yet */
    if (s->pid == 0)
        return state_process_lives(s->runtime_pid, s->runtime_start)
                   ? STATUS_CREATING
                   : STATUS_STOPPED;
    if (!read_living(s->pid, s->start_time, &p))
        return STATUS_STOPPED;
    for (int i = STATUS_CREATING; i < STATUS_RUNNING && p.flags & PF_FORKNOEXEC;
         i++) {
        if (strcmp(s->status_name, STATUS_NAMES[i]) == 0)
            return (enum status)i;
    }
    return is_frozen(s) ? STATUS_PAUSED : STATUS_RUNNING;
}

json_t *state_to_oci(const struct state *s, enum status status,
                     const json_t *config)
{
    json_t *notes = json_object_get(config, "annotations");
    json_t *oci = json_pack(
        "{s:s, s:s, s:s, s:s, s:O*}", "ociVersion", OCI_VERSION, "id", s->id,
        "status", status_name(status), "bundle", s->bundle ? s->bundle : "",
        "annotations", json_is_object(notes) ? notes : NULL);
    if (!oci)
        fail("describe the state of %s: not UTF-8", s->id);
    if (s->pid > 0 && status != STATUS_STOPPED)
        json_object_set_new(oci, "pid", json_integer(s->pid));
    return oci;
}

int state_open_process(const struct state *s)
{
    int fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (fd == -1 || state_process_lives(s->pid, s->start_time))
        return fd;
    close(fd);
    errno = ESRCH;
    return -1;
}
