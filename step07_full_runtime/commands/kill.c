/*
 * kill.c - the command "kill": a signal for process 1, or for all.
 *
 * It must never signal a process that got the PID of one that has ended. New in
 * step07.
 */
#define _GNU_SOURCE

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "commands/commands.h"
#include "commands/flags.h"

/* "9", "KILL" or "SIGKILL"; "0" only asks whether there is somebody to hear.
 * -1 if it is none. */
static int signal_number(const char *text)
{
    uint64_t number;
    if (parse_u64(text, &number))
        return number < NSIG ? (int)number : -1;
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (int i = 1; i < NSIG; i++) {
        const char *name = sigabbrev_np(i);
        if (name && strcasecmp(name, text) == 0)
            return i;
    }
    int low = 0;
    if (sscanf(text, "RTMIN+%d", &low) == 1 || strcasecmp(text, "RTMIN") == 0)
        low = SIGRTMIN + low;
    else if (sscanf(text, "RTMAX-%d", &low) == 1 ||
             strcasecmp(text, "RTMAX") == 0)
        low = SIGRTMAX - low;
    return low >= SIGRTMIN && low <= SIGRTMAX ? low : -1;
}

/* Send it to everybody in the cgroup. False: there is nobody. */
static bool signal_all(const struct state *state, int number)
{
    struct cgroup cgroup;
    cgroup_reopen(&cgroup, state->cgroup_path, state->scope);
    if (cgroup.fd == -1)
        return false;
    CLEANUP(free_pids) struct pids pids = cgroup_processes(&cgroup);
    if ((number == SIGKILL ? cgroup_kill(&cgroup)
                           : cgroup_signal(&cgroup, number)) == -1)
        die("kill all of container %s", state->id);
    close_fd(&cgroup.fd);
    return pids.count > 0;
}

/* Send it to process 1. False: it has ended. */
static bool signal_first(const struct state *state, enum status status,
                         int number)
{
    if (status == STATUS_STOPPED || status == STATUS_CREATING)
        return false;
    CLEANUP(close_fd) int pidfd = state_open_process(state);
    if (pidfd == -1 ||
        syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) == -1)
        die("kill container %s", state->id);
    return true;
}

/* Without a PID namespace of the container's own, the others outlive process
 * 1. Who sends SIGKILL wants an end of them all. */
int command_kill(int argc, char **argv)
{
    static bool all;
    static const struct flag flags[] = {
        {"all", 'a', NULL, "all its processes", .on = &all},
        {0},
    };
    read_flags_anywhere(argc, argv, flags, "ID [SIGNAL]");
    if (optind == argc || optind + 2 < argc)
        usage_error("kill: needs a container's name, and perhaps a signal");
    const char *name = optind + 1 < argc ? argv[optind + 1] : "SIGTERM";
    int number = signal_number(name);
    if (number == -1)
        usage_error("kill: %s: not a signal (examples: KILL, SIGTERM, 9)",
                    name);
    struct state state;
    load_state(&state, argv[optind]);
    if (all && !state.cgroup_path)
        fail("kill all of container %s: it has no cgroup that tells who "
             "belongs to it",
             state.id);
    enum status status = state_status(&state);
    bool found = !all && signal_first(&state, status, number);
    if (all || (number == SIGKILL && status != STATUS_CREATING))
        found = signal_all(&state, number) || found;
    if (!found && !all)
        quit(1, "kill container %s: container not running (it is %s)", state.id,
             status_name(status));
    return 0;
}
