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
#include "edits.h"
#include "flags.h"
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
    if (status == STATUS_CREATED) /* `start` would wait for it */
        quit(1, "%s container %s: container not running (it is created)",
             argv[0], state.id);
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
    const char *path;
    enum {
        NUMBER,
        SIZE,
        TEXT
    } kind;
    const char *help;
} LIMITS[] = {
    {"blkio-weight", "blockIO/weight", NUMBER, "10 to 1000"},
    {"cpu-period", "cpu/period", NUMBER, "microseconds"},
    {"cpu-quota", "cpu/quota", NUMBER, "microseconds in each period"},
    {"cpu-burst", "cpu/burst", NUMBER, "microseconds it may save up"},
    {"cpu-share", "cpu/shares", NUMBER, "2 to 262144, beside others"},
    {"cpu-rt-period", "cpu/realtimePeriod", NUMBER, "only in cgroup v1"},
    {"cpu-rt-runtime", "cpu/realtimeRuntime", NUMBER, "only in cgroup v1"},
    {"cpu-idle", "cpu/idle", NUMBER, "1: only when nobody else runs"},
    {"cpuset-cpus", "cpu/cpus", TEXT, "0-3,7"},
    {"cpuset-mems", "cpu/mems", TEXT, "0-3,7"},
    {"memory", "memory/limit", SIZE, "kill when it uses more"},
    {"memory-reservation", "memory/reservation", SIZE, "spare so much"},
    {"memory-swap", "memory/swap", SIZE, "memory and swap together"},
    {"kernel-memory", "memory/kernel", SIZE, "only in cgroup v1"},
    {"kernel-memory-tcp", "memory/kernelTCP", SIZE, "only in cgroup v1"},
    {"pids-limit", "pids/limit", NUMBER, "processes at most"},
};

static json_t *limit_value(const struct limit_flag *limit, const char *text)
{
    int64_t bytes;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (limit->kind == TEXT)
        return json_string(text);
    if (limit->kind == SIZE && parse_size(text, &bytes))
        return json_integer(bytes);
    if (limit->kind == NUMBER && *text && !*end && errno == 0)
        return json_integer(number);
    usage_error("--%s %s: not a %s", limit->name, text,
                limit->kind == SIZE ? "size (examples: 50M, 1G, -1)"
                                    : "number");
}

static void edit_limit(json_t *resources, const char *option, const char *text)
{
    for (size_t i = 0; i < ARRAY_SIZE(LIMITS); i++) {
        /* An empty text is "not given", for runc. */
        if (*text && strcmp(LIMITS[i].name, option + 2) == 0)
            set(resources, LIMITS[i].path, limit_value(&LIMITS[i], text));
    }
}

static json_t *read_resources_file(const char *path)
{
    json_error_t error;
    bool is_stdin = strcmp(path, "-") == 0;
    json_t *json = load_json(is_stdin ? "/dev/stdin" : path, false, &error);
    if (!json)
        fail("read the limits from %s: %s", path, error.text);
    if (!json_is_object(json))
        fail("read the limits from %s: not a JSON object", path);
    return json;
}

/* What to change, as linux.resources has it; and the container's name. */
static json_t *parse_update(int argc, char **argv, const char **id)
{
    static const char *file;
    struct flag flags[ARRAY_SIZE(LIMITS) + 2] = {
        {"resources", 'r', "FILE", "all of it, as linux.resources has it",
         .text = &file},
    };
    for (size_t i = 0; i < ARRAY_SIZE(LIMITS); i++)
        flags[i + 1] = (struct flag){
            .name = LIMITS[i].name,
            .value = LIMITS[i].kind == SIZE ? "SIZE" : "N",
            .help = LIMITS[i].help,
            .edit = edit_limit,
        };
    json_t *resources = json_object();
    read_flags(argc, argv, flags, "ID", NULL);
    edit_by_flags(argc, argv, flags, resources);
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
    json_t *old = place(config, "linux/resources", JSON_OBJECT);
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
    strftime(start, sizeof(start), age < 86400 ? "%H:%M" : "%b%d",
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
    static const char *format = "table";
    static const struct flag flags[] = {
        {"format", 'f', "FORMAT", "table or json", .text = &format},
        {0},
    };
    read_flags(argc, argv, flags, "ID [-ef]", NULL);
    bool is_json = strcmp(format, "json") == 0;
    if (!is_json && strcmp(format, "table") != 0)
        usage_error("--format %s: not table or json", format);
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
