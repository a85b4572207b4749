/*
 * state.c - ROOT/ID/state.json, and what can be told from it.
 *
 * The directory is the reservation: mkdir(2) succeeds once, so two containers
 * cannot have the same id. The file is written beside its place and renamed
 * onto it: rename(2) is atomic, so a reader finds the old file or the new one,
 * and never a half.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "json.h"
#include "spec.h"
#include "state.h"
#include "util.h"

#define FILE_NAME "state.json"
#define NEW_NAME "state.json.new"
#define CONFIG_NAME "config.json"

enum {
    ID_LENGTH = 128
};

/* --- names --- */

char *state_root(const char *option)
{
    if (option && option[0] == '/')
        return copy_string(option);
    if (option) {
        CLEANUP(free_string) char *here = getcwd(NULL, 0);
        if (!here)
            die("find the current directory");
        return join_path(here, option);
    }
    if (is_host_root())
        return copy_string("/run/rung");
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    if (runtime && runtime[0] == '/')
        return join_path(runtime, "rung");
    return print_string("/tmp/rung-%u", geteuid());
}

bool state_id_is_valid(const char *id)
{
    size_t length = strspn(id, "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "0123456789_+-.");
    return length > 0 && length <= ID_LENGTH && id[length] == '\0' &&
           strcmp(id, ".") != 0 && strcmp(id, "..") != 0;
}

static char *file_path(const struct state *s, const char *name)
{
    return print_string("%s/%s/%s", s->root, s->id, name);
}

/* --- processes --- */

/*
 * A PID is used again after its process has gone. Together with the time the
 * process started it is unique: proc_pid_stat(5), field 22. The second field
 * is the name in parentheses, which may hold anything: so start at the last
 * one.
 */
static uint64_t read_process(pid_t pid, char *letter)
{
    CLEANUP(free_string) char *path = print_string("/proc/%d/stat", (int)pid);
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, path);
    const char *rest = text ? strrchr(text, ')') : NULL;
    unsigned long long start;
    if (!rest || sscanf(rest + 1,
                        " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                        "%*s %*s %*s %*s %*s %*s %llu",
                        letter, &start) != 2)
        return 0;
    return start;
}

uint64_t state_process_start(pid_t pid)
{
    char letter;
    return pid > 0 ? read_process(pid, &letter) : 0;
}

bool state_process_lives(pid_t pid, uint64_t start_time)
{
    char letter = 'X';
    return pid > 0 && start_time && read_process(pid, &letter) == start_time &&
           letter != 'Z' && letter != 'X';
}

static const char *const STATUS_NAMES[] = {
    [STATUS_CREATING] = "creating", [STATUS_CREATED] = "created",
    [STATUS_RUNNING] = "running",   [STATUS_PAUSED] = "paused",
    [STATUS_STOPPED] = "stopped",
};

const char *status_name(enum status status)
{
    return STATUS_NAMES[status];
}

/* The kernel knows, whoever froze it: cgroup.events. */
static bool is_frozen(const struct state *s)
{
    if (!s->cgroup_path)
        return false;
    CLEANUP(free_string)
    char *path = join_path(s->cgroup_path, "cgroup.events");
    CLEANUP(free_string) char *events = read_file_at(AT_FDCWD, path);
    return events && strstr(events, "frozen 1");
}

enum status state_status(const struct state *s)
{
    if (!s->status_name)
        return STATUS_CREATING; /* a directory, and no file in it yet */
    if (s->pid == 0)
        return state_process_lives(s->runtime_pid, s->runtime_start)
                   ? STATUS_CREATING
                   : STATUS_STOPPED;
    if (!state_process_lives(s->pid, s->start_time))
        return STATUS_STOPPED;
    for (int i = STATUS_CREATING; i < STATUS_RUNNING; i++) {
        if (strcmp(s->status_name, STATUS_NAMES[i]) == 0)
            return (enum status)i;
    }
    return is_frozen(s) ? STATUS_PAUSED : STATUS_RUNNING;
}

/* --- writing --- */

/* mkdir -p. Whoever could write there could make us undo what is not ours. */
static void make_root(const char *root)
{
    CLEANUP(free_string) char *path = copy_string(root);
    for (char *slash = path; slash; *slash = '/') {
        slash = strchr(slash + 1, '/');
        if (!slash)
            break;
        *slash = '\0';
        (void)mkdir(path, 0755); /* the last mkdir tells what is wrong */
    }
    if (mkdir(root, 0700) == -1 && errno != EEXIST)
        die("create the directory of states %s", root);
    struct stat info;
    if (stat(root, &info) == -1)
        die("open the directory of states %s", root);
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() ||
        info.st_mode & (S_IWGRP | S_IWOTH))
        fail("use %s for states: it must be a directory that is yours and "
             "that nobody else may write to",
             root);
}

/* A string that is NULL ("s*") is left out. */
static json_t *to_json(const struct state *s)
{
    return json_pack(
        "{s:s, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:s*, s:I, s:I, s:I, s:I, "
        "s:I, s:I}",
        "id", s->id, "status", s->status_name, "bundle", s->bundle, "rootPath",
        s->root_path, "cgroupPath", s->cgroup_path, "scope", s->scope, "link",
        s->link, "bridge", s->bridge, "runtimePid", (json_int_t)s->runtime_pid,
        "runtimeStart", (json_int_t)s->runtime_start, "pid", (json_int_t)s->pid,
        "startTime", (json_int_t)s->start_time, "created",
        (json_int_t)s->created, "owner", (json_int_t)s->owner);
}

/* 0, or -1 and errno. */
static int save(const struct state *s)
{
    json_t *json = to_json(s);
    if (!json) {
        errno = EILSEQ; /* a path that is not UTF-8 */
        return -1;
    }
    CLEANUP(free_string) char *path = file_path(s, FILE_NAME);
    CLEANUP(free_string) char *new_path = file_path(s, NEW_NAME);
    narrate(7, "rename(\"%s\", \"%s\")", new_path, path);
    FILE *file = fopen(new_path, "we");
    bool done = file && json_dumpf(json, file, JSON_INDENT(4)) == 0 &&
                fputc('\n', file) != EOF;
    json_decref(json);
    if (file && fclose(file) == EOF)
        done = false;
    return done ? rename(new_path, path) : -1;
}

void state_save(const struct state *s)
{
    if (save(s) == -1)
        die("write the state %s/%s", s->root, s->id);
}

void state_create(struct state *s)
{
    make_root(s->root);
    CLEANUP(free_string) char *directory = join_path(s->root, s->id);
    if (mkdir(directory, 0700) == -1) {
        if (errno == EEXIST)
            fail("create container %s: there is one with this id (%s)", s->id,
                 directory);
        die("create %s", directory);
    }
    s->status_name = copy_string(status_name(STATUS_CREATING));
    s->runtime_pid = getpid();
    s->runtime_start = state_process_start(s->runtime_pid);
    s->created = time(NULL);
    s->owner = getuid();
    if (save(s) == -1) {
        int reason = errno;
        (void)state_remove(s); /* warns */
        errno = reason;
        die("write the state in %s", directory);
    }
}

void state_process(struct state *s, pid_t pid)
{
    s->pid = pid;
    s->start_time = state_process_start(pid);
    state_save(s);
}

void state_change(struct state *s, enum status status)
{
    free(s->status_name);
    s->status_name = copy_string(status_name(status));
    state_save(s);
}

void state_save_config(const struct state *s, const json_t *config)
{
    CLEANUP(free_string) char *path = file_path(s, CONFIG_NAME);
    CLEANUP(free_string) char *new_path = file_path(s, NEW_NAME);
    FILE *file = fopen(new_path, "we");
    if (!file || json_dumpf(config, file, JSON_COMPACT) == -1 ||
        fclose(file) == EOF || rename(new_path, path) == -1)
        die("write %s", path);
}

/* --- reading --- */

static char *get_copy(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text ? copy_string(text) : NULL;
}

static json_int_t get_number(const json_t *json, const char *name)
{
    return json_integer_value(json_object_get(json, name));
}

static void from_json(struct state *s, const json_t *json)
{
    s->status_name = get_copy(json, "status");
    s->bundle = get_copy(json, "bundle");
    s->root_path = get_copy(json, "rootPath");
    s->cgroup_path = get_copy(json, "cgroupPath");
    s->scope = get_copy(json, "scope");
    s->link = get_copy(json, "link");
    s->bridge = get_copy(json, "bridge");
    s->runtime_pid = (pid_t)get_number(json, "runtimePid");
    s->runtime_start = (uint64_t)get_number(json, "runtimeStart");
    s->pid = (pid_t)get_number(json, "pid");
    s->start_time = (uint64_t)get_number(json, "startTime");
    s->created = get_number(json, "created");
    s->owner = (uid_t)get_number(json, "owner");
}

int state_load(struct state *s, const char *root, const char *id)
{
    if (!state_id_is_valid(id)) {
        errno = EINVAL;
        return -1;
    }
    *s = (struct state){.root = copy_string(root), .id = copy_string(id)};
    CLEANUP(free_string) char *path = file_path(s, FILE_NAME);
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, path);
    if (!text && errno == ENOENT) {
        CLEANUP(free_string) char *directory = join_path(root, id);
        return access(directory, F_OK); /* reserved, but nothing made yet */
    }
    if (!text)
        return -1;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        errno = EBADMSG;
        return -1;
    }
    from_json(s, json);
    json_decref(json);
    return 0;
}

json_t *state_config(const struct state *s)
{
    CLEANUP(free_string) char *path = file_path(s, CONFIG_NAME);
    json_error_t error;
    json_t *config = load_json(path, false, &error);
    if (!config)
        warn("read the container's configuration: %s", error.text);
    return config;
}

json_t *state_to_oci(const struct state *s, enum status status,
                     const json_t *config)
{
    json_t *notes = json_object_get(config, "annotations");
    json_t *oci = json_pack(
        "{s:s, s:s, s:s, s:s, s:O*}", "ociVersion", OCI_VERSION, "id", s->id,
        "status", status_name(status), "bundle", s->bundle ? s->bundle : "",
        "annotations", json_is_object(notes) ? notes : NULL);
    if (!oci)
        fail("describe the state of %s: not UTF-8", s->id);
    if (s->pid > 0 && status != STATUS_STOPPED)
        json_object_set_new(oci, "pid", json_integer(s->pid));
    return oci;
}

int state_open_process(const struct state *s)
{
    int fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (fd == -1 || state_process_lives(s->pid, s->start_time))
        return fd;
    close(fd);
    errno = ESRCH;
    return -1;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Only directories with a name that could be an id; never "." and "..". */
static bool is_state(const char *root, const char *name)
{
    CLEANUP(free_string) char *path = join_path(root, name);
    struct stat info;
    return state_id_is_valid(name) && lstat(path, &info) == 0 &&
           S_ISDIR(info.st_mode);
}

char **state_list(const char *root)
{
    size_t count = 0;
    char **ids = allocate(1, sizeof(*ids));
    DIR *directory = opendir(root);
    if (!directory && errno != ENOENT)
        die("list the states in %s", root);
    const struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        if (!is_state(root, entry->d_name))
            continue;
        char **longer = reallocarray(ids, count + 2, sizeof(*ids));
        if (!longer)
            die("list the states in %s", root);
        ids = longer;
        ids[count++] = copy_string(entry->d_name);
        ids[count] = NULL;
    }
    if (directory)
        closedir(directory);
    qsort(ids, count, sizeof(*ids), compare_names);
    return ids;
}

/* --- removing --- */

int state_remove(const struct state *s)
{
    CLEANUP(free_string) char *path = file_path(s, FILE_NAME);
    CLEANUP(free_string) char *directory = join_path(s->root, s->id);
    static const char *const others[] = {NEW_NAME, CONFIG_NAME, START_SOCKET};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        CLEANUP(free_string) char *other = file_path(s, others[i]);
        (void)unlink(other); /* if it stays, rmdir fails */
    }
    if ((unlink(path) == -1 && errno != ENOENT) ||
        (rmdir(directory) == -1 && errno != ENOENT)) {
        warn("remove the state %s: %s", directory, strerror(errno));
        return -1;
    }
    return 0;
}
