/*
 * commands_cgroup.c - the commands about a container's cgroup: pause, resume,
 * update, ps.
 *
 * Each finds the cgroup in the container's state and hands over to cgroup.c.
 * Nothing here changes anything before all that was asked for has been
 * checked. Grew out of step05; new in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "devices.h"
#include "json.h"
#include "run.h"
#include "util.h"

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

/* --- pause, resume --- */

static int freeze(int argc, char **argv, bool frozen)
{
    struct state state;
    struct cgroup cgroup;
    load_cgroup(&state, only_id(argc, argv), &cgroup);
    enum status status = state_status(&state);
    if (frozen == (status == STATUS_PAUSED))
        quit(1, "%s container %s: container %s (it is %s)", argv[0], state.id,
             frozen ? "already paused" : "not paused", status_name(status));
    if (cgroup_freeze(&cgroup, frozen) == 0)
        return 0;
    int reason = errno;
    if (frozen)
        (void)cgroup_freeze(&cgroup, false); /* all of it or nothing */
    errno = reason;
    die("%s container %s", argv[0], state.id);
}

int command_pause(int argc, char **argv)
{
    return freeze(argc, argv, true);
}

int command_resume(int argc, char **argv)
{
    return freeze(argc, argv, false);
}

/* --- update --- */

/* The flags, and the member of linux.resources that each of them sets. */
static const struct limit_flag {
    const char *name;
    const char *object;
    const char *member;
    enum {
        NUMBER,
        SIZE,
        TEXT
    } kind;
} FLAGS[] = {
    {"blkio-weight", "blockIO", "weight", NUMBER},
    {"cpu-period", "cpu", "period", NUMBER},
    {"cpu-quota", "cpu", "quota", NUMBER},
    {"cpu-burst", "cpu", "burst", NUMBER},
    {"cpu-share", "cpu", "shares", NUMBER},
    {"cpu-rt-period", "cpu", "realtimePeriod", NUMBER},
    {"cpu-rt-runtime", "cpu", "realtimeRuntime", NUMBER},
    {"cpu-idle", "cpu", "idle", NUMBER},
    {"cpuset-cpus", "cpu", "cpus", TEXT},
    {"cpuset-mems", "cpu", "mems", TEXT},
    {"memory", "memory", "limit", SIZE},
    {"memory-reservation", "memory", "reservation", SIZE},
    {"memory-swap", "memory", "swap", SIZE},
    {"kernel-memory", "memory", "kernel", SIZE},
    {"kernel-memory-tcp", "memory", "kernelTCP", SIZE},
    {"pids-limit", "pids", "limit", NUMBER},
};

static json_t *flag_value(const struct limit_flag *flag, const char *text)
{
    int64_t bytes;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (flag->kind == TEXT)
        return json_string(text);
    if (flag->kind == SIZE && parse_size(text, &bytes))
        return json_integer(bytes);
    if (flag->kind == NUMBER && *text && !*end && errno == 0)
        return json_integer(number);
    usage_error("--%s %s: not a %s", flag->name, text,
                flag->kind == SIZE ? "size (examples: 50M, 1G, -1)" : "number");
}

static void set_limit(json_t *resources, const struct limit_flag *flag,
                      const char *text)
{
    if (!*text)
        return; /* not given, for runc */
    json_t *object = json_object_get(resources, flag->object);
    if (!object) {
        object = json_object();
        json_object_set_new(resources, flag->object, object);
    }
    json_object_set_new(object, flag->member, flag_value(flag, text));
}

static json_t *read_resources_file(const char *path)
{
    json_error_t error;
    json_t *json = strcmp(path, "-") == 0
                       ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &error)
                       : json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json)
        fail("read the limits from %s: %s (line %d)", path, error.text,
             error.line);
    if (!json_is_object(json))
        fail("read the limits from %s: not a JSON object", path);
    return json;
}

/* What to change, as linux.resources has it; and the container's name. */
static json_t *parse_update(int argc, char **argv, const char **id)
{
    struct option list[ARRAY_SIZE(FLAGS) + 3] = {
        {"resources", required_argument, NULL, 'r'},
        {"help", no_argument, NULL, 'h'},
    };
    for (size_t i = 0; i < ARRAY_SIZE(FLAGS); i++)
        list[i + 2] = (struct option){FLAGS[i].name, required_argument, NULL,
                                      256 + (int)i};
    json_t *resources = json_object();
    const char *file = NULL;
    optind = 0;
    for (int flag; (flag = next_flag(argc, argv, list, "+:r:h",
                                     "[--resources FILE] [--memory SIZE] "
                                     "[--pids-limit N]... ID")) != -1;) {
        if (flag == 'r')
            file = optarg;
        else
            set_limit(resources, &FLAGS[flag - 256], optarg);
    }
    if (optind + 1 != argc)
        usage_error("update: needs one container's name");
    *id = argv[optind];
    return file ? read_resources_file(file) : resources;
}

/* For runc, 0 is "leave it as it is" wherever 0 is no limit. */
static bool is_left_out(const char *object, const char *key,
                        const json_t *value)
{
    static const char *const objects[] = {"memory", "cpu", "blockIO"};
    if (json_is_null(value))
        return true;
    bool zero = json_is_integer(value) && json_integer_value(value) == 0;
    for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
        if (zero && strcmp(object, objects[i]) == 0)
            return strcmp(key, "idle") != 0 && strcmp(key, "burst") != 0;
    }
    return false;
}

static void merge(json_t *old, json_t *new, const char *name)
{
    const char *key;
    json_t *value;
    json_object_foreach(new, key, value)
    {
        json_t *here = json_object_get(old, key);
        if (is_left_out(name, key, value))
            continue;
        if (json_is_object(here) && json_is_object(value))
            merge(here, value, key);
        else
            json_object_set(old, key, value);
    }
}

/* "swap" includes the memory: so a new limit moves it along, unless it is
 * given, too. */
static void keep_swap(json_t *old, json_t *new)
{
    json_t *memory = json_object_get(old, "memory");
    json_t *changed = json_object_get(new, "memory");
    json_int_t limit = json_integer_value(json_object_get(changed, "limit"));
    json_int_t given = json_integer_value(json_object_get(changed, "swap"));
    json_int_t before = json_integer_value(json_object_get(memory, "limit"));
    json_int_t swap = json_integer_value(json_object_get(memory, "swap"));
    if (limit == 0 || given != 0 || swap <= 0)
        return;
    if (limit == -1 || before <= 0)
        json_object_del(memory, "swap");
    else
        json_object_set_new(memory, "swap",
                            json_integer(swap - before + limit));
}

/* The member, made if it is not there. */
static json_t *object_in(json_t *parent, const char *name)
{
    json_t *object = json_object_get(parent, name);
    if (!json_is_object(object)) {
        object = json_object();
        json_object_set_new(parent, name, object);
    }
    return object;
}

int command_update(int argc, char **argv)
{
    const char *id;
    json_t *new = parse_update(argc, argv, &id);
    struct state state;
    struct cgroup cgroup;
    load_cgroup(&state, id, &cgroup);
    json_t *config = state_config(&state);
    if (!config)
        return EXIT_RUNTIME;
    json_t *old = object_in(object_in(config, "linux"), "resources");
    keep_swap(old, new);
    merge(old, new, "");
    globals.invocation.id = state.id;
    struct spec *spec = spec_parse(config, state.bundle, &globals.invocation);
    cgroup_update(&cgroup, spec);
    if (json_object_get(new, "devices") && !spec->rootless)
        devices_replace(cgroup.fd, spec);
    state_save_config(&state, config);
    json_decref(new);
    return 0;
}

/* --- ps --- */

/* What ps(1) shows of a process: proc_pid_stat(5). */
struct process_row {
    pid_t pid;
    pid_t parent;
    int terminal;
    uint64_t ticks; /* of CPU time, as all of these */
    uint64_t start; /* since the machine began */
    char name[64];
};

static bool read_row(pid_t pid, struct process_row *row)
{
    CLEANUP(free_string) char *path = print_string("/proc/%d/stat", (int)pid);
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, path);
    char *name = text ? strchr(text, '(') : NULL;
    char *rest = text ? strrchr(text, ')') : NULL;
    unsigned long long user;
    unsigned long long system;
    unsigned long long start;
    if (!name || !rest ||
        sscanf(rest + 1,
               " %*c %d %*d %*d %d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d "
               "%*d %*d %*d %*d %llu",
               &row->parent, &row->terminal, &user, &system, &start) != 5)
        return false;
    row->pid = pid;
    row->ticks = user + system;
    row->start = start;
    snprintf(row->name, sizeof(row->name), "[%.*s]", (int)(rest - name - 1),
             name + 1);
    return true;
}

/* The words of the command, or its name if it has none. */
static char *command_line(const struct process_row *row)
{
    CLEANUP(free_string)
    char *path = print_string("/proc/%d/cmdline", (int)row->pid);
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[4096];
    ssize_t length = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);
    if (length <= 0)
        return copy_string(row->name);
    text[length] = '\0';
    for (ssize_t i = 0; i < length - 1; i++) {
        if ((unsigned char)text[i] < ' ')
            text[i] = ' ';
    }
    return copy_string(text);
}

static char *user_of(pid_t pid)
{
    CLEANUP(free_string) char *path = print_string("/proc/%d", (int)pid);
    struct stat info = {0};
    (void)stat(path,
               &info); /* it has ended just now: then it does not matter */
    const struct passwd *user = getpwuid(info.st_uid);
    return user ? copy_string(user->pw_name) : print_string("%u", info.st_uid);
}

static void print_row(const struct process_row *row)
{
    uint64_t tick = (uint64_t)sysconf(_SC_CLK_TCK);
    struct timespec up;
    clock_gettime(CLOCK_BOOTTIME, &up);
    time_t now = time(NULL);
    uint64_t age = (uint64_t)up.tv_sec - row->start / tick;
    time_t began = now - (time_t)age;
    struct tm tm;
    char start[16];
    strftime(start, sizeof(start), age < 24 * 3600 ? "%H:%M" : "%b%d",
             localtime_r(&began, &tm));
    uint64_t used = row->ticks / tick;
    char terminal[16] = "?";
    if (major((dev_t)row->terminal) >= 136)
        snprintf(terminal, sizeof(terminal), "pts/%u",
                 minor((dev_t)row->terminal));
    else if (row->terminal)
        snprintf(terminal, sizeof(terminal), "tty%u",
                 minor((dev_t)row->terminal));
    CLEANUP(free_string) char *user = user_of(row->pid);
    CLEANUP(free_string) char *command = command_line(row);
    printf("%-8s %7d %7d %2u %5s %-8s %02u:%02u:%02u %s\n", user, row->pid,
           row->parent, (unsigned int)(age ? used * 100 / age : 0), start,
           terminal, (unsigned int)(used / 3600),
           (unsigned int)(used / 60 % 60), (unsigned int)(used % 60), command);
}

int command_ps(int argc, char **argv)
{
    static const struct option list[] = {
        {"format", 1, NULL, 'f'}, {"help", 0, NULL, 'h'}, {0}};
    bool is_json = false;
    optind = 0;
    while (next_flag(argc, argv, list, "+:f:h",
                     "[--format table|json] ID [-ef]") != -1) {
        is_json = strcmp(optarg, "json") == 0;
        if (!is_json && strcmp(optarg, "table") != 0)
            usage_error("--format %s: not table or json", optarg);
    }
    if (optind == argc)
        usage_error("ps: needs a container's name");
    if (optind + 1 < argc && strcmp(argv[optind + 1], "-ef") != 0)
        usage_error("ps: %s: what is shown is what \"ps -ef\" shows, always",
                    argv[optind + 1]);
    struct state state;
    struct cgroup cgroup;
    load_cgroup(&state, argv[optind], &cgroup);
    CLEANUP(free_pids) struct pids pids = cgroup_processes(&cgroup);
    json_t *array = json_array();
    if (!is_json)
        printf("%-8s %7s %7s %2s %5s %-8s %8s %s\n", "UID", "PID", "PPID", "C",
               "STIME", "TTY", "TIME", "CMD");
    for (size_t i = 0; i < pids.count; i++) {
        struct process_row row;
        if (is_json)
            json_array_append_new(array, json_integer(pids.list[i]));
        else if (read_row(pids.list[i], &row))
            print_row(&row);
    }
    if (is_json)
        print_json(array, JSON_COMPACT);
    else
        json_decref(array);
    return 0;
}
