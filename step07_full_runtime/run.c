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
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "edits.h"
#include "json.h"
#include "options.h"
#include "rootfs.h"
#include "run.h"
#include "util.h"

/* An engine gives us files by socket activation as sd_listen_fds(3) has it. */
static void take_activation(json_t *config)
{
    const char *count = getenv("LISTEN_FDS");
    const char *pid = getenv("LISTEN_PID");
    uint64_t value;
    if (!count || !pid || !parse_u64(pid, &value) ||
        value != (uint64_t)getpid())
        return;
    CLEANUP(free_string) char *text = print_string("LISTEN_FDS=%s", count);
    globals.invocation.preserve_fds += parse_preserve_fds(count);
    edit_env(config, "LISTEN_FDS", text);
    edit_env(config, "LISTEN_FDS", "LISTEN_PID=1");
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
    struct options options = {.invocation = &globals.invocation};
    options_parse(&options, argc, argv);
    bool is_create = strcmp(argv[0], "create") == 0;
    if (is_create && !options.id)
        usage_error("create: needs a name for the container");
    const char *id = options.id ? options.id : print_string("%d", getpid());
    if (!state_id_is_valid(id))
        usage_error("--name %s: not a container's name (letters, digits and "
                    "_+-. only)",
                    *id ? id : "''");
    globals.invocation.id = id;
    take_activation(options.config);
    static struct container container;
    container_prepare(
        &container,
        spec_parse(options.config, options.bundle, &globals.invocation),
        state_root(globals.root), id);
    if (options.is_builtin)
        rootfs_check_usual(container.spec);
    container.pid_file = options.pid_file;
    container.console_socket = options.console_socket;
    container.detach = options.detach;
    container.create = is_create;
    check_terminal(&container);
    return container_run(&container);
}

int command_spec(int argc, char **argv)
{
    struct options options = {.invocation = &globals.invocation};
    options_parse(&options, argc, argv);
    (void)spec_parse(options.config, options.bundle, &globals.invocation);
    if (json_dumpf(options.config, stdout, JSON_INDENT(4)) == -1 ||
        putchar('\n') == EOF || fflush(stdout) == EOF)
        die("write config.json");
    return 0;
}

/* --- exec --- */

static const struct {
    struct option option; /* val is the letter, or a number */
    const char *value;
    edit_function *edit;
    const char *help;
} EXEC_FLAGS[] = {
    {{"process", 1, NULL, 'p'}, "FILE", NULL, "the process, as in config.json"},
    {{"tty", 0, NULL, 't'}, NULL, edit_field, "a terminal of its own"},
    {{"env", 1, NULL, 'e'}, "NAME=VALUE", edit_env, "an environment variable"},
    {{"cwd", 1, NULL, 'w'}, "DIR", edit_workdir, "start in this directory"},
    {{"user", 1, NULL, 'u'}, "UID[:GID]", edit_user, "run as this user"},
    {{"additional-gids", 1, NULL, 'g'}, "GID", edit_group, "one more group"},
    {{"cap", 1, NULL, 'c'}, "NAME", edit_cap_add, "give a capability"},
    {{"apparmor", 1, NULL, 'A'}, "PROFILE", edit_field, "AppArmor profile"},
    {{"process-label", 1, NULL, 'L'}, "LABEL", edit_field, "SELinux label"},
    {{"no-new-privs", 0, NULL, 'N'},
     NULL,
     edit_field,
     "set-user-ID programs do not work"},
    {{"detach", 0, NULL, 'd'}, NULL, NULL, "do not wait for its end"},
    {{"pid-file", 1, NULL, 'P'}, "FILE", NULL, "write its PID there"},
    {{"console-socket", 1, NULL, 'S'},
     "PATH",
     NULL,
     "give its terminal to who listens there"},
    {{"preserve-fds", 1, NULL, 'F'}, "N", NULL, "keep N open files, from 3 on"},
    {{"ignore-paused", 0, NULL, 'I'},
     NULL,
     NULL,
     "wait, if the container is paused"},
    {{"help", 0, NULL, 'h'}, NULL, NULL, "this list"},
};

static _Noreturn void exec_help(void)
{
    printf("usage: %s exec [flags] ID [--] command [argument...]\n\n",
           program_name());
    for (size_t i = 0; i < ARRAY_SIZE(EXEC_FLAGS); i++) {
        const char *value = EXEC_FLAGS[i].value;
        CLEANUP(free_string)
        char *flag = print_string("--%s %s", EXEC_FLAGS[i].option.name,
                                  value ? value : "");
        printf("  %-28s %s\n", flag, EXEC_FLAGS[i].help);
    }
    exit(EXIT_SUCCESS);
}

static int next_exec_flag(int argc, char **argv)
{
    static struct option list[ARRAY_SIZE(EXEC_FLAGS) + 1];
    for (size_t i = 0; i < ARRAY_SIZE(EXEC_FLAGS); i++)
        list[i] = EXEC_FLAGS[i].option;
    opterr = 0;
    int letter = getopt_long(argc, argv, "+:p:te:u:g:c:dh", list, NULL);
    if (letter == ':')
        usage_error("%s: needs a value (see --help)", argv[optind - 1]);
    if (letter == '?')
        usage_error("%s: unknown option (see --help)", argv[optind - 1]);
    return letter;
}

/* What a further process has in common with the first, and what it has not. */
static void inherit_process(json_t *config, const char *process_path)
{
    json_t *process = json_object_get(config, "process");
    json_error_t error;
    if (process_path) {
        process = load_json(process_path, false, &error);
        if (!process)
            fail("%s: %s (line %d, column %d)", process_path, error.text,
                 error.line, error.column);
        json_object_set_new(config, "process", process);
        return;
    }
    json_object_set_new(process, "terminal", json_false());
    json_object_del(process, "consoleSize");
}

static void apply_exec_flag(struct container *c, json_t *config, int letter)
{
    switch (letter) {
    case 'd':
        c->detach = true;
        return;
    case 'P':
        c->pid_file = optarg;
        return;
    case 'S':
        c->console_socket = optarg;
        return;
    case 'F':
        globals.invocation.preserve_fds = parse_preserve_fds(optarg);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(EXEC_FLAGS); i++) {
        if (EXEC_FLAGS[i].option.val != letter || !EXEC_FLAGS[i].edit)
            continue;
        CLEANUP(free_string)
        char *name = print_string("--%s", EXEC_FLAGS[i].option.name);
        EXEC_FLAGS[i].edit(config, name, optarg);
    }
}

static void check_may_exec(const struct state *state, bool ignore_paused)
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
    const char *process_path = NULL;
    bool ignore_paused = false;
    /* Twice: first to find the container, then to edit its process. */
    optind = 0;
    for (int letter; (letter = next_exec_flag(argc, argv)) != -1;) {
        if (letter == 'h')
            exec_help();
        if (letter == 'p')
            process_path = optarg;
        ignore_paused |= letter == 'I';
    }
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
    check_may_exec(&state, ignore_paused);
    json_t *config = state_config(&state);
    if (!config)
        return EXIT_RUNTIME;
    inherit_process(config, process_path);
    container_prepare(&container, NULL, state.root, id);
    optind = 0;
    for (int letter; (letter = next_exec_flag(argc, argv)) != -1;)
        apply_exec_flag(&container, config, letter);
    if (*args)
        edit_args(config, args);
    take_activation(config);
    globals.invocation.id = id;
    globals.invocation.is_exec = true;
    container.spec = spec_parse(config, state.bundle, &globals.invocation);
    container.state = state;
    check_terminal(&container);
    return container_exec(&container);
}
