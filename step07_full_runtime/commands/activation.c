/*
 * activation.c - what a service manager has handed us for the command: open
 * sockets, and where to say that it is ready.
 *
 * It must never hand on what was meant for another process. New in step07.
 */
#define _GNU_SOURCE

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "commands/commands.h"
#include "commands/edits.h"
#include "commands/options.h"
#include "container/notify.h"

static void pass_variable(json_t *config, const char *name, const char *value)
{
    if (!value)
        return;
    CLEANUP(free_string) char *text = print_string("%s=%s", name, value);
    edit_env(&(struct edits){.config = config, .option = name, .value = text});
}

/*
 * Files by socket activation, sd_listen_fds(3): they are the command's, unless
 * LISTEN_PID says that they were meant for somebody before us.
 */
void take_activation(json_t *config)
{
    const char *count = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    const char *pid = getenv("LISTEN_PID");
    uint64_t value;
    if (!count ||
        (pid && (!parse_u64(pid, &value) || value != (uint64_t)getpid())))
        return;
    globals.invocation.preserve_fds += parse_preserve_fds(count);
    globals.invocation.listens = true;
    pass_variable(config, "LISTEN_FDS", count);
    pass_variable(config, "LISTEN_FDNAMES", names);
    pass_variable(config, "LISTEN_PID", "1"); /* process_name_listener */
}

/* A service's command says there that it is ready: sd_notify(3). */
void take_notify(json_t *config, const char *id)
{
    static const char name[] = "NOTIFY_SOCKET";
    if (!notify_is_wanted())
        return;
    CLEANUP(free_string)
    char *volume = print_string("%s/%s/" NOTIFY_DIRECTORY ":/run/notify:ro",
                                state_root(globals.root), id);
    edit_volume(
        &(struct edits){.config = config, .option = name, .value = volume});
    pass_variable(config, name, "/run/" NOTIFY_SOCKET);
}
