/*
 * run.c - the commands.
 *
 * Each reads its arguments and calls what does the work; nothing here makes a
 * kernel call of its own. It grew out of main() in step01.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "options.h"
#include "rootfs.h"
#include "run.h"
#include "util.h"

static const char *state_root_option;

void set_state_root(const char *path)
{
    state_root_option = path;
}

int command_run(int argc, char **argv)
{
    struct options options = {0};
    options_parse(&options, argc, argv);
    const struct spec *spec = spec_parse(options.config, options.bundle);
    if (options.is_builtin)
        rootfs_check_usual(spec);
    CLEANUP(free_string)
    char *id =
        options.id ? copy_string(options.id) : print_string("%d", getpid());
    if (!state_id_is_valid(id))
        usage_error("--name %s: not a container's name (letters, digits and "
                    "_+-. only)",
                    *id ? id : "''");
    static struct container container = {
        .pidfd = -1,
        .socket_fd = -1,
        .child_socket_fd = -1,
        .signal_fd = -1,
        .terminal_fd = -1,
        .cgroup = {.fd = -1},
    };
    container.spec = spec;
    container.state_root = state_root(state_root_option);
    container.id = copy_string(id);
    container.pid_file = options.pid_file;
    return container_run(&container);
}

int command_spec(int argc, char **argv)
{
    struct options options = {0};
    options_parse(&options, argc, argv);
    (void)spec_parse(options.config, options.bundle);
    if (json_dumpf(options.config, stdout, JSON_INDENT(4)) == -1 ||
        putchar('\n') == EOF || fflush(stdout) == EOF)
        die("write config.json");
    return 0;
}

/* For commands without flags of their own. */
static char *one_id(int argc, char **argv, bool *force)
{
    static const struct option list[] = {
        {"force", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    optind = 0;
    opterr = 0;
    for (int flag; (flag = getopt_long(argc, argv, "+fh", list, NULL)) != -1;) {
        if (flag == 'h') {
            printf("usage: %s %s %sID\n", program_name(), argv[0],
                   force ? "[--force] " : "");
            exit(EXIT_SUCCESS);
        }
        if (flag != 'f' || !force)
            usage_error("%s: unknown option (see --help)", argv[optind - 1]);
        *force = true;
    }
    if (optind + 1 != argc)
        usage_error("%s: needs one container's name", argv[0]);
    if (!state_id_is_valid(argv[optind]))
        usage_error("%s %s: not a container's name", argv[0], argv[optind]);
    return argv[optind];
}

static void load_state(struct state *state, const char *id)
{
    if (state_load(state, state_root(state_root_option), id) == -1)
        die("open the container %s", id);
}

int command_list(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        usage_error("list: takes no arguments");
    char *root = state_root(state_root_option);
    char **ids = state_list(root);
    printf("%-20s %8s  %-10s %s\n", "ID", "PID", "STATUS", "BUNDLE");
    for (size_t i = 0; ids[i]; i++) {
        struct state state = {0};
        if (state_load(&state, root, ids[i]) == -1)
            continue; /* it ended while we looked */
        printf("%-20s %8d  %-10s %s\n", ids[i], state.pid,
               status_name(state_status(&state)),
               state.bundle ? state.bundle : "");
    }
    return 0;
}

int command_state(int argc, char **argv)
{
    struct state state = {0};
    load_state(&state, one_id(argc, argv, NULL));
    enum status status = state_status(&state);
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:i, s:s}", "ociVersion", OCI_VERSION, "id",
                  state.id, "status", status_name(status), "pid",
                  status == STATUS_STOPPED ? 0 : state.pid, "bundle",
                  state.bundle ? state.bundle : "");
    if (!object || json_dumpf(object, stdout, JSON_INDENT(4)) == -1)
        die("write the state");
    json_decref(object);
    putchar('\n');
    return 0;
}

int command_delete(int argc, char **argv)
{
    bool force = false;
    const char *id = one_id(argc, argv, &force);
    struct state state = {0};
    if (state_load(&state, state_root(state_root_option), id) == -1) {
        if (force && errno == ENOENT)
            return 0; /* nothing to delete is what was wanted */
        die("open the container %s", id);
    }
    enum status status = state_status(&state);
    if (status != STATUS_STOPPED && !force)
        fail("delete %s: it is %s (stop it, or give --force)", id,
             status_name(status));
    return container_delete(&state) == 0 ? 0 : EXIT_RUNTIME;
}
