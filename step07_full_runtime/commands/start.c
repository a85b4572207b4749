/*
 * start.c - the command "start": let a created container's command begin.
 *
 * New in step07.
 */
#define _GNU_SOURCE

#include "base/report.h"
#include "commands/commands.h"
#include "container/container.h"

int command_start(int argc, char **argv)
{
    struct state state;
    load_state(&state, only_id(argc, argv, NULL));
    enum status status = state_status(&state);
    if (status != STATUS_CREATED)
        fail("start container %s: it is %s, not created", state.id,
             status_name(status));
    return container_start(&state);
}
