/*
 * create.c - the command "create": make a container that waits for `start`.
 *
 * New in step07.
 */
#define _GNU_SOURCE

#include "base/report.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "container/container.h"

int command_create(int argc, char **argv)
{
    static struct container container; /* there to the very end */
    const struct options *options =
        options_parse(argc, argv, &globals.invocation);
    if (!options->id)
        usage_error("create: needs a name for the container");
    prepare_by_options(&container, options, options->id, false);
    container.create = true;
    check_terminal(&container);
    return container_run(&container);
}
