/*
 * exec.c - the command "exec": a further process in a container.
 *
 * It is described as the first one is, by config.json and the flags that edit
 * it. It grew out of nsenter(1) in step02's chapter.
 */
#define _GNU_SOURCE

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/report.h"
#include "commands/commands.h"
#include "commands/edits.h"
#include "commands/flags.h"
#include "commands/options.h"
#include "config/json.h"
#include "container/container.h"

static const char *process_path;
static const char *pid_file;
static const char *console_socket;
static const char *preserve_fds;
static const char *sub_cgroup;
static bool detach;
static bool ignore_paused;

static const struct flag FLAGS[] = {
    {"process", 'p', "FILE", "the process, as in config.json",
     .text = &process_path},
    {"tty", 't', NULL, "a terminal of its own", .path = "process/terminal",
     .json = "true"},
    {"env", 'e', "NAME=VALUE", "an environment variable", .edit = edit_env},
    {"cwd", 'w', "DIR", "start in this directory", .edit = edit_workdir},
    {"user", 'u', "UID[:GID]", "run as this user", .edit = edit_user},
    {"additional-gids", 'g', "GID", "one more group", .edit = edit_group},
    {"cap", 'c', "NAME", "give a capability", .edit = edit_exec_cap},
    {"apparmor", 0, "PROFILE", "AppArmor profile",
     .path = "process/apparmorProfile"},
    {"process-label", 0, "LABEL", "SELinux label",
     .path = "process/selinuxLabel"},
    {"no-new-privs", 0, NULL, "set-user-ID programs do not work",
     .path = "process/noNewPrivileges", .json = "true"},
    {"detach", 'd', NULL, "do not wait for its end", .on = &detach},
    {"pid-file", 0, "FILE", "write its PID there", .text = &pid_file},
    {"console-socket", 0, "PATH", "give its terminal to who listens there",
     .text = &console_socket},
    {"preserve-fds", 0, "N", "keep N open files, from 3 on",
     .text = &preserve_fds},
    {"cgroup", 0, "PATH", "in this cgroup below the container's",
     .text = &sub_cgroup},
    {"ignore-paused", 0, NULL, "wait, if the container is paused",
     .on = &ignore_paused},
    {0},
};

/* What a further process has in common with the first, and what it has not. */
static void inherit_process(json_t *config)
{
    json_t *process = json_object_get(config, "process");
    json_error_t error;
    if (process_path) {
        process = load_json(process_path, false, &error);
        if (!process)
            fail("%s: %s", process_path, error.text);
        json_object_set_new(config, "process", process);
        return;
    }
    json_object_set_new(process, "terminal", json_false());
    json_object_del(process, "consoleSize");
}

static void check_may_exec(const struct state *state)
{
    enum status status = state_status(state);
    if (status == STATUS_RUNNING || status == STATUS_CREATED)
        return;
    if (status == STATUS_PAUSED && ignore_paused)
        return;
    fail("exec in container %s: it is %s", state->id, status_name(status));
}

int command_exec(int argc, char **argv)
{
    static struct container container;
    read_flags(argc, argv, FLAGS, "ID [--] command [argument...]", NULL);
    if (optind == argc)
        usage_error("exec: needs a container's name");
    const char *id = argv[optind];
    char **args = argv + optind + 1;
    if (*args && strcmp(*args, "--") == 0)
        args++;
    if (!*args && !process_path)
        usage_error("exec %s: needs a command", id);
    struct state state;
    load_state(&state, id);
    check_may_exec(&state);
    json_t *config = state_config(&state);
    if (!config)
        return EXIT_RUNTIME;
    inherit_process(config);
    if (preserve_fds)
        globals.invocation.preserve_fds = parse_preserve_fds(preserve_fds);
    edit_by_flags(argc, argv, FLAGS, &(struct edits){.config = config});
    if (*args)
        edit_args(config, args);
    take_activation(config);
    globals.invocation.id = id;
    globals.invocation.is_exec = true;
    globals.invocation.needs_process = true;
    container_prepare(&container,
                      spec_parse(config, state.bundle, &globals.invocation),
                      state.root, id);
    container.detach = detach;
    container.pid_file = pid_file;
    container.console_socket = console_socket;
    container.sub_cgroup = sub_cgroup;
    container.state = state;
    check_terminal(&container);
    return container_exec(&container);
}
