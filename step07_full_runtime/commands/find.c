/*
 * find.c - the container that a command is about.
 *
 * It is known by its state file. It must never be believed to run because a
 * process has its PID: the start time has to fit. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "cgroup/cgroup.h"
#include "commands/commands.h"
#include "commands/flags.h"

const char *only_id(int argc, char **argv, const struct flag *flags)
{
    read_flags_anywhere(argc, argv, flags, "ID");
    if (optind + 1 != argc)
        usage_error("%s: needs one container's name", argv[0]);
    return argv[optind];
}

bool find_state(struct state *state, const char *id)
{
    if (!state_id_is_valid(id))
        usage_error("%s: not a container's name (" STATE_ID_RULE ")",
                    *id ? id : "''");
    if (state_load(state, state_root(globals.root), id) == 0)
        return true;
    if (errno == EBADMSG) /* it has said what is wrong */
        exit(1);
    if (errno != ENOENT)
        quit(1, "open the container %s: %s", id, strerror(errno));
    return false;
}

void load_state(struct state *state, const char *id)
{
    if (!find_state(state, id))
        quit(1, "open the container %s: container does not exist", id);
}

void load_cgroup(struct state *state, const char *id, struct cgroup *cgroup)
{
    load_state(state, id);
    enum status status = state_status(state);
    if (status == STATUS_STOPPED || status == STATUS_CREATING)
        quit(1, "container %s: container not running (it is %s)", id,
             status_name(status));
    if (!state->cgroup_path)
        fail("container %s: it has no cgroup of its own", id);
    cgroup_reopen(cgroup, state->cgroup_path, state->scope);
    if (cgroup->fd == -1)
        die("open cgroup %s", state->cgroup_path);
}
