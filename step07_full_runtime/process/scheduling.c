/*
 * scheduling.c - which CPUs and memory the command gets, and when.
 *
 * What a process inherits from its parent by itself, and keeps over execve(2):
 * so it is enough to set it once. It must come before the filter of system
 * calls, and must never be passed over in silence: a real-time program that is
 * none fails later, and nobody knows why. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/report.h"
#include "process/scheduling.h"

/* As linux/sched/types.h has it; new C libraries have it too. */
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
};

enum {
    LONG_BITS = 8 * sizeof(unsigned long),
    SET_BITS = 32768, /* the kernel's limit; config/spec.c has refused more */
    SET_LONGS = SET_BITS / LONG_BITS,
};

/* "0-3,7" as the bits 0, 1, 2, 3 and 7, for the caller to free. */
static unsigned long *parse_set(const char *ranges)
{
    unsigned long *set = allocate(SET_LONGS, sizeof(*set));
    for (const char *p = ranges; *p; p += *p == ',') {
        char *end;
        unsigned long first = strtoul(p, &end, 10);
        unsigned long last = first;
        if (*end == '-')
            last = strtoul(end + 1, &end, 10);
        for (; first <= last && first < SET_BITS; first++)
            set[first / LONG_BITS] |= 1UL << first % LONG_BITS;
        p = end;
    }
    return set;
}

static void set_affinity(const char *cpus)
{
    if (!cpus)
        return;
    narrate(7, "sched_setaffinity(%s) # taskset --cpu-list %s", cpus, cpus);
    unsigned long *set = parse_set(cpus);
    if (sched_setaffinity(0, SET_LONGS * sizeof(*set), (cpu_set_t *)set) == -1)
        die("run on the CPUs %s (are they there, and in the cgroup's cpuset?)",
            cpus);
    free(set);
}

void scheduling_start(const struct spec *spec)
{
    set_affinity(spec->process.initial_affinity);
}

void scheduling_set(const struct spec *spec, pid_t pid)
{
    const struct scheduler_spec *s = &spec->process.scheduler;
    const struct io_priority_spec *io = &spec->process.io_priority;
    struct attributes attributes = {
        .size = sizeof(attributes),
        .policy = s->policy,
        .flags = s->flags,
        .nice = s->nice,
        .priority = s->priority,
        .runtime = s->runtime,
        .deadline = s->deadline,
        .period = s->period,
    };
    if (s->wanted) {
        narrate(7, "sched_setattr(%d, policy %u) # chrt --pid ... %d", pid,
                s->policy, pid);
        if (syscall(SYS_sched_setattr, pid, &attributes, 0) == -1)
            die("set the scheduling policy (may we? sched(7))");
    }
    if (io->wanted) {
        narrate(7, "ioprio_set(%d, class %d) # ionice --class %d --pid %d", pid,
                io->priority_class, io->priority_class, pid);
        if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid,
                    IOPRIO_PRIO_VALUE(io->priority_class, io->level)) == -1)
            die("set the I/O priority (may we? ioprio_set(2))");
    }
}

/* Memory is taken from certain nodes of a large machine: numa(7). */
static void set_memory_policy(const struct memory_policy_spec *m)
{
    if (!m->wanted)
        return;
    narrate(7, "set_mempolicy(%d) # numactl ...", m->mode);
    unsigned long *set = m->nodes ? parse_set(m->nodes) : NULL;
    /* The kernel looks at one bit less than we say. */
    if (syscall(SYS_set_mempolicy, m->mode | (int)m->flags, set,
                set ? SET_BITS + 1 : 0) == -1)
        die("set the memory policy (does the kernel know it, and the "
            "nodes%s%s?)",
            m->nodes ? " " : "", m->nodes ? m->nodes : "");
    free(set);
}

void scheduling_inside(const struct spec *spec)
{
    set_memory_policy(&spec->memory_policy);
    if (spec->invocation.is_exec)
        set_affinity(spec->process.final_affinity);
}
