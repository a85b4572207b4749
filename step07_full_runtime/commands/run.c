/*
 * run.c - the command "run": make a container, run a command in it, undo it.
 *
 * The flags and config.json are read and checked to the end before anything is
 * made on the host; nothing here makes a kernel call of its own. It grew out of
 * main() in step01.
 */
#define _GNU_SOURCE

#include <jansson.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/report.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "container/container.h"
#include "rootfs/rootfs.h"

/* Somebody has to hold the terminal's other side. */
void check_terminal(const struct container *c)
{
    bool leaves = c->create || c->detach;
    if (c->spec->process.terminal && leaves && !c->console_socket)
        usage_error("--console-socket: needed, because we leave a container "
                    "that wants a terminal (process.terminal)");
    if (!c->spec->process.terminal && c->console_socket)
        usage_error("--console-socket %s: the container wants no terminal "
                    "(process.terminal, --tty)",
                    c->console_socket);
}

/*
 * What run and create have in common: a container as the flags and config.json
 * say, checked, and nothing made yet. needs_process: it has to have a command.
 */
void prepare_by_options(struct container *c, const struct options *options,
                        const char *id, bool needs_process)
{
    if (!state_id_is_valid(id))
        usage_error("--name %s: not a container's name (" STATE_ID_RULE ")",
                    *id ? id : "''");
    globals.invocation.id = id;
    globals.invocation.needs_process = needs_process;
    if (needs_process || json_object_get(options->config, "process")) {
        take_activation(options->config);
        take_notify(options->config, id);
    }
    container_prepare(
        c, spec_parse(options->config, options->bundle, &globals.invocation),
        state_root(globals.root), id);
    if (options->is_builtin)
        rootfs_check_usual(c->spec);
    c->pid_file = options->pid_file;
    c->console_socket = options->console_socket;
    c->detach = options->detach;
    c->keep = options->keep;
}

int command_run(int argc, char **argv)
{
    static struct container container; /* there to the very end */
    const struct options *options =
        options_parse(argc, argv, &globals.invocation);
    const char *id = options->id ? options->id : print_string("%d", getpid());
    prepare_by_options(&container, options, id, true);
    check_terminal(&container);
    return container_run(&container);
}
