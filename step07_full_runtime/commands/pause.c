/*
 * pause.c - the commands "pause" and "resume".
 *
 * All of a container's processes stop, or none. It grew out of step05.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdbool.h>

#include "base/report.h"
#include "cgroup/cgroup.h"
#include "commands/commands.h"

static int freeze(int argc, char **argv, bool frozen)
{
    struct state state;
    struct cgroup cgroup;
    load_cgroup(&state, only_id(argc, argv, NULL), &cgroup);
    enum status status = state_status(&state);
    if (status == STATUS_CREATED) /* `start` would wait for it */
        quit(1, "%s container %s: container not running (it is created)",
             argv[0], state.id);
    if (frozen == (status == STATUS_PAUSED))
        quit(1, "%s container %s: container %s (it is %s)", argv[0], state.id,
             frozen ? "already paused" : "not paused", status_name(status));
    if (cgroup_freeze(&cgroup, frozen) == 0)
        return 0;
    int reason = errno;
    if (frozen)
        (void)cgroup_freeze(&cgroup, false); /* all of it or nothing */
    errno = reason;
    die("%s container %s", argv[0], state.id);
}

int command_pause(int argc, char **argv)
{
    return freeze(argc, argv, true);
}

int command_resume(int argc, char **argv)
{
    return freeze(argc, argv, false);
}
