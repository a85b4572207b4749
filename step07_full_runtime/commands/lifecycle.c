/*
 * lifecycle.c - the commands about a container that is there: start, state,
 * kill, delete, list.
 *
 * They know a container by its state file and must never trust a PID without
 * its start time. New in step07.
 */
#define _GNU_SOURCE

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <pwd.h>
#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "commands/flags.h"
#include "commands/run.h"
#include "container/container.h"
#include "container/start.h"

/* False: there is no such container. */
static bool find_state(struct state *state, const char *id)
{
    if (!state_id_is_valid(id))
        usage_error("%s: not a container's name", *id ? id : "''");
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

struct spec *load_spec(const struct state *state)
{
    json_t *config = state_config(state);
    if (!config)
        exit(EXIT_RUNTIME);
    globals.invocation.id = state->id;
    return spec_parse(config, state->bundle, &globals.invocation);
}

/* --- start, state --- */

const char *only_id(int argc, char **argv)
{
    static const struct flag none[] = {{0}};
    read_flags_anywhere(argc, argv, none, "ID");
    if (optind + 1 != argc)
        usage_error("%s: needs one container's name", argv[0]);
    return argv[optind];
}

int command_start(int argc, char **argv)
{
    struct state state;
    load_state(&state, only_id(argc, argv));
    enum status status = state_status(&state);
    if (status != STATUS_CREATED)
        fail("start container %s: it is %s, not created", state.id,
             status_name(status));
    return container_start(&state);
}

static char *time_text(int64_t seconds)
{
    char text[40];
    struct tm tm;
    time_t when = (time_t)seconds;
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
    return copy_string(text);
}

static char *owner_name(const struct state *state)
{
    const struct passwd *user = getpwuid(state->owner);
    return user ? copy_string(user->pw_name) : print_string("%u", state->owner);
}

/* The specification's members, and those that runc adds. */
static json_t *describe(const struct state *state, const json_t *config)
{
    enum status status = state_status(state);
    json_t *oci = state_to_oci(state, status, config);
    CLEANUP(free_string) char *created = time_text(state->created);
    CLEANUP(free_string) char *owner = owner_name(state);
    if (!json_object_get(oci, "pid"))
        json_object_set_new(oci, "pid", json_integer(0));
    json_object_set_new(oci, "rootfs",
                        json_string(state->root_path ? state->root_path : ""));
    json_object_set_new(oci, "created", json_string(created));
    json_object_set_new(oci, "owner", json_string(owner));
    return oci;
}

void print_json(json_t *json, size_t flags)
{
    if (!json || json_dumpf(json, stdout, flags) == -1 ||
        putchar('\n') == EOF || fflush(stdout) == EOF)
        die("write to standard output");
    json_decref(json);
}

int command_state(int argc, char **argv)
{
    struct state state;
    load_state(&state, only_id(argc, argv));
    json_t *config = state.status_name ? state_config(&state) : NULL;
    print_json(describe(&state, config), JSON_INDENT(2));
    json_decref(config);
    return 0;
}

/* --- kill --- */

/* "9", "KILL" or "SIGKILL"; "0" only asks whether there is somebody to hear.
 * -1 if it is none. */
static int signal_number(const char *text)
{
    uint64_t number;
    if (parse_u64(text, &number))
        return number < NSIG ? (int)number : -1;
    if (strncasecmp(text, "SIG", 3) == 0)
        text += 3;
    for (int i = 1; i < NSIG; i++) {
        const char *name = sigabbrev_np(i);
        if (name && strcasecmp(name, text) == 0)
            return i;
    }
    int low = 0;
    if (sscanf(text, "RTMIN+%d", &low) == 1 || strcasecmp(text, "RTMIN") == 0)
        low = SIGRTMIN + low;
    else if (sscanf(text, "RTMAX-%d", &low) == 1)
        low = SIGRTMAX - low;
    return low >= SIGRTMIN && low <= SIGRTMAX ? low : -1;
}

/* Send it to everybody in the cgroup. False: there is nobody. */
static bool signal_all(const struct state *state, int number)
{
    struct cgroup cgroup;
    cgroup_reopen(&cgroup, state->cgroup_path, state->scope);
    if (cgroup.fd == -1)
        return false;
    CLEANUP(free_pids) struct pids pids = cgroup_processes(&cgroup);
    if ((number == SIGKILL ? cgroup_kill(&cgroup)
                           : cgroup_signal(&cgroup, number)) == -1)
        die("kill all of container %s", state->id);
    close_fd(&cgroup.fd);
    return pids.count > 0;
}

/* Send it to process 1. False: it has ended. */
static bool signal_first(const struct state *state, enum status status,
                         int number)
{
    if (status == STATUS_STOPPED || status == STATUS_CREATING)
        return false;
    CLEANUP(close_fd) int pidfd = state_open_process(state);
    if (pidfd == -1 ||
        syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0) == -1)
        die("kill container %s", state->id);
    return true;
}

/* Without a PID namespace of the container's own, the others outlive process
 * 1. Who sends SIGKILL wants an end of them all. */
int command_kill(int argc, char **argv)
{
    static bool all;
    static const struct flag flags[] = {
        {"all", 'a', NULL, "all its processes", .on = &all},
        {0},
    };
    read_flags_anywhere(argc, argv, flags, "ID [SIGNAL]");
    if (optind == argc || optind + 2 < argc)
        usage_error("kill: needs a container's name, and perhaps a signal");
    const char *name = optind + 1 < argc ? argv[optind + 1] : "SIGTERM";
    int number = signal_number(name);
    if (number == -1)
        usage_error("kill: %s: not a signal (examples: KILL, SIGTERM, 9)",
                    name);
    struct state state;
    load_state(&state, argv[optind]);
    if (all && !state.cgroup_path)
        fail("kill all of container %s: it has no cgroup that tells who "
             "belongs to it",
             state.id);
    enum status status = state_status(&state);
    bool found = !all && signal_first(&state, status, number);
    if (all || (number == SIGKILL && status != STATUS_CREATING))
        found = signal_all(&state, number) || found;
    if (!found && !all)
        quit(1, "kill container %s: container not running (it is %s)", state.id,
             status_name(status));
    return 0;
}

/* --- delete --- */

/* A created container runs nothing of its own yet. */
static bool may_delete(enum status status, bool force)
{
    return force || status == STATUS_STOPPED || status == STATUS_CREATED;
}

/* Those whose names fit: 0, or -1 after warn(). */
static int delete_all(const char *pattern, bool force)
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        usage_error("--regex %s: not a regular expression", pattern);
    char *root = state_root(globals.root);
    int result = 0;
    for (char **id = state_list(root); *id; id++) {
        struct state state;
        if (regexec(&regex, *id, 0, NULL, 0) != 0)
            continue;
        if (state_load(&state, root, *id) == -1) {
            result = errno == ENOENT ? result : -1;
            continue;
        }
        enum status status = state_status(&state);
        bool may = may_delete(status, force);
        if (!may)
            warn("delete %s: it is %s (stop it, or give --force)", *id,
                 status_name(status));
        if (!may || container_delete(&state) == -1)
            result = -1;
    }
    regfree(&regex);
    return result;
}

int command_delete(int argc, char **argv)
{
    static bool force;
    static bool is_regex;
    static const struct flag flags[] = {
        {"force", 'f', NULL, "kill it first, if it runs", .on = &force},
        {"regex", 0, NULL, "all whose names fit this regular expression",
         .on = &is_regex},
        {0},
    };
    read_flags_anywhere(argc, argv, flags, "ID");
    if (optind + 1 != argc)
        usage_error("delete: needs one container's name");
    if (is_regex)
        return delete_all(argv[optind], force) == 0 ? 0 : EXIT_RUNTIME;
    struct state state;
    if (!force)
        load_state(&state, argv[optind]);
    else if (!find_state(&state, argv[optind]))
        return 0; /* nothing to delete is what was wanted */
    enum status status = state_status(&state);
    if (!may_delete(status, force))
        fail("delete %s: it is %s (stop it, or give --force)", state.id,
             status_name(status));
    return container_delete(&state) == 0 ? 0 : EXIT_RUNTIME;
}

/* --- list --- */

static void print_row(const struct state *state)
{
    CLEANUP(free_string) char *created = time_text(state->created);
    CLEANUP(free_string) char *owner = owner_name(state);
    enum status status = state_status(state);
    printf("%-20s %8d  %-10s %-30s %-20s %s\n", state->id,
           status == STATUS_STOPPED ? 0 : state->pid, status_name(status),
           state->bundle ? state->bundle : "", created, owner);
}

int command_list(int argc, char **argv)
{
    static bool quiet;
    static const char *format = "table";
    static const struct flag flags[] = {
        {"format", 'f', "FORMAT", "table or json", .text = &format},
        {"quiet", 'q', NULL, "only the names", .on = &quiet},
        {0},
    };
    read_flags_anywhere(argc, argv, flags, "");
    bool is_json = strcmp(format, "json") == 0;
    if (!is_json && strcmp(format, "table") != 0)
        usage_error("--format %s: not table or json", format);
    if (optind != argc)
        usage_error("list: takes no arguments");
    char *root = state_root(globals.root);
    char **ids = state_list(root);
    json_t *array = json_array();
    if (!quiet && !is_json)
        printf("%-20s %8s  %-10s %-30s %-20s %s\n", "ID", "PID", "STATUS",
               "BUNDLE", "CREATED", "OWNER");
    for (size_t i = 0; ids[i]; i++) {
        struct state state;
        if (state_load(&state, root, ids[i]) == -1)
            continue; /* it ended while we looked */
        if (quiet)
            puts(ids[i]);
        else if (is_json)
            json_array_append_new(array, describe(&state, NULL));
        else
            print_row(&state);
    }
    if (is_json && !quiet)
        print_json(array, JSON_INDENT(2));
    return 0;
}
