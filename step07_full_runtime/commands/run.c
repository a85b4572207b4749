/*
 * run.c - the commands that make a process: run, create, exec; and spec.
 *
 * Each reads its arguments and calls what does the work; nothing here makes a
 * kernel call of its own. It grew out of main() in step01.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "commands/edits.h"
#include "commands/flags.h"
#include "commands/options.h"
#include "commands/run.h"
#include "config/json.h"
#include "container/container.h"
#include "container/notify.h"
#include "rootfs/rootfs.h"

static void pass_variable(json_t *config, const char *name, const char *value)
{
    if (!value)
        return;
    CLEANUP(free_string) char *text = print_string("%s=%s", name, value);
    edit_env(config, name, text);
}

/*
 * Files by socket activation, sd_listen_fds(3): they are the command's, unless
 * LISTEN_PID says that they were meant for somebody before us.
 */
static void take_activation(json_t *config)
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
static void take_notify(json_t *config, const char *id)
{
    static const char option[] = "NOTIFY_SOCKET";
    if (!notify_is_wanted())
        return;
    CLEANUP(free_string)
    char *volume = print_string("%s/%s/" NOTIFY_DIRECTORY ":/run/notify:ro",
                                state_root(globals.root), id);
    edit_volume(config, option, volume);
    edit_env(config, option, "NOTIFY_SOCKET=/run/" NOTIFY_SOCKET);
}

/* Somebody has to hold the terminal's other side. */
static void check_terminal(const struct container *c)
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

int command_run(int argc, char **argv)
{
    const struct options *options =
        options_parse(argc, argv, &globals.invocation);
    bool is_create = strcmp(argv[0], "create") == 0;
    if (is_create && !options->id)
        usage_error("create: needs a name for the container");
    const char *id = options->id ? options->id : print_string("%d", getpid());
    if (!state_id_is_valid(id))
        usage_error("--name %s: not a container's name (letters, digits and "
                    "_+-. only)",
                    *id ? id : "''");
    globals.invocation.id = id;
    globals.invocation.needs_process = !is_create;
    if (!is_create || json_object_get(options->config, "process")) {
        take_activation(options->config);
        take_notify(options->config, id);
    }
    static struct container container;
    container_prepare(
        &container,
        spec_parse(options->config, options->bundle, &globals.invocation),
        state_root(globals.root), id);
    if (options->is_builtin)
        rootfs_check_usual(container.spec);
    container.pid_file = options->pid_file;
    container.console_socket = options->console_socket;
    container.detach = options->detach;
    container.keep = options->keep;
    container.create = is_create;
    check_terminal(&container);
    return container_run(&container);
}

/* What somebody has written is never lost. */
static void write_config(const char *path, const json_t *config)
{
    FILE *file = fopen(path, "wxe");
    if (!file && errno == EEXIST)
        fail("write %s: it is there already (remove it, or print with --print)",
             path);
    if (file && json_dumpf(config, file, JSON_INDENT(4)) == 0 &&
        fputc('\n', file) != EOF && fclose(file) == 0)
        return;
    int reason = errno;
    if (file)
        (void)unlink(path); /* a half would be taken for the whole */
    errno = reason;
    die("write %s", path);
}

int command_spec(int argc, char **argv)
{
    const struct options *options =
        options_parse(argc, argv, &globals.invocation);
    globals.invocation.needs_process = true;
    /* What is written may be for root, who may do more than we. */
    if (options->print || geteuid() == 0)
        (void)spec_parse(options->config, options->bundle, &globals.invocation);
    if (options->print)
        print_json(options->config, JSON_INDENT(4));
    else
        write_config(options->config_path, options->config);
    return 0;
}

/* --- exec --- */

static const char *process_path;
static const char *pid_file;
static const char *console_socket;
static const char *preserve_fds;
static const char *sub_cgroup;
static bool detach;
static bool ignore_paused;

static const struct flag EXEC_FLAGS[] = {
    {"process", 'p', "FILE", "the process, as in config.json",
     .text = &process_path},
    {"tty", 't', NULL, "a terminal of its own", .edit = edit_field},
    {"env", 'e', "NAME=VALUE", "an environment variable", .edit = edit_env},
    {"cwd", 'w', "DIR", "start in this directory", .edit = edit_workdir},
    {"user", 'u', "UID[:GID]", "run as this user", .edit = edit_user},
    {"additional-gids", 'g', "GID", "one more group", .edit = edit_group},
    {"cap", 'c', "NAME", "give a capability", .edit = edit_exec_cap},
    {"apparmor", 0, "PROFILE", "AppArmor profile", .edit = edit_field},
    {"process-label", 0, "LABEL", "SELinux label", .edit = edit_field},
    {"no-new-privs", 0, NULL, "set-user-ID programs do not work",
     .edit = edit_field},
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
    read_flags(argc, argv, EXEC_FLAGS, "ID [--] command [argument...]", NULL);
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
    container_prepare(&container, NULL, state.root, id);
    container.detach = detach;
    container.pid_file = pid_file;
    container.console_socket = console_socket;
    container.sub_cgroup = sub_cgroup;
    if (preserve_fds)
        globals.invocation.preserve_fds = parse_preserve_fds(preserve_fds);
    edit_by_flags(argc, argv, EXEC_FLAGS, config);
    if (*args)
        edit_args(config, args);
    take_activation(config);
    globals.invocation.id = id;
    globals.invocation.is_exec = true;
    globals.invocation.needs_process = true;
    container.spec = spec_parse(config, state.bundle, &globals.invocation);
    container.state = state;
    check_terminal(&container);
    return container_exec(&container);
}
