/*
 * state_file.c - ROOT/ID: make it, write it, read it, remove it.
 *
 * The directory is the reservation: mkdir(2) succeeds once, so two containers
 * cannot have the same id. The file is written beside its place and renamed
 * onto it: rename(2) is atomic, so a reader finds the old file or the new one,
 * and never a half. What is read must be ours, and as we have written it. Part
 * of state.c; new in step07.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "config/json.h"
#include "config/state.h"

#define FILE_NAME "state.json"
#define NEW_NAME "state.json.new"
#define CONFIG_NAME "config.json"

/* --- whose it is --- */

/*
 * Open a directory, and see that what stands in there is ours: it tells us
 * what to kill and to remove. /tmp/rung-UID may have been made by somebody
 * else, who was first. -1 and errno; ends the program if it is not ours.
 */
static int open_ours(int at_fd, const char *name, const char *path)
{
    struct stat info;
    int fd = openat(at_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd == -1)
        return -1;
    if (fstat(fd, &info) == -1)
        die("look at %s", path);
    const char *what = NULL;
    if (!S_ISDIR(info.st_mode))
        what = S_ISLNK(info.st_mode) ? "it is a link" : "it is no directory";
    else if (info.st_uid != geteuid())
        what = "it belongs to somebody else";
    else if (info.st_mode & (S_IWGRP | S_IWOTH))
        what = "others may write there";
    if (what)
        fail("use the states in %s: %s (--root DIR names another directory)",
             path, what);
    return fd;
}

/* The same of ROOT/ID. */
static int open_ours_below(const char *root, const char *id)
{
    CLEANUP(close_fd) int root_fd = open_ours(AT_FDCWD, root, root);
    CLEANUP(free_string) char *path = join_path(root, id);
    return root_fd == -1 ? -1 : open_ours(root_fd, id, path);
}

static char *file_path(const struct state *s, const char *name)
{
    return print_string("%s/%s/%s", s->root, s->id, name);
}

/* --- writing --- */

/* mkdir -p, and open it. */
static int make_root(const char *root)
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
    int fd = open_ours(AT_FDCWD, root, root);
    if (fd == -1)
        die("open the directory of states %s", root);
    return fd;
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
static int write_json(const struct state *s, const char *name,
                      const json_t *json, size_t flags)
{
    CLEANUP(free_string) char *path = file_path(s, name);
    CLEANUP(free_string) char *new_path = file_path(s, NEW_NAME);
    narrate(7, "rename(\"%s\", \"%s\")", new_path, path);
    FILE *file = fopen(new_path, "we");
    bool done =
        file && json_dumpf(json, file, flags) == 0 && fputc('\n', file) != EOF;
    if (file && fclose(file) == EOF)
        done = false;
    return done ? rename(new_path, path) : -1;
}

/* The same; EILSEQ: a path is not UTF-8. */
static int save(const struct state *s)
{
    json_t *json = to_json(s);
    errno = EILSEQ;
    int result = json ? write_json(s, FILE_NAME, json, JSON_INDENT(4)) : -1;
    json_decref(json);
    return result;
}

static void state_save(const struct state *s)
{
    if (save(s) == -1)
        die("write the state %s/%s", s->root, s->id);
}

void state_create(struct state *s)
{
    CLEANUP(close_fd) int root_fd = make_root(s->root);
    CLEANUP(free_string) char *directory = join_path(s->root, s->id);
    if (mkdirat(root_fd, s->id, 0700) == -1) {
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
    if (write_json(s, CONFIG_NAME, config, JSON_COMPACT) == -1)
        die("write %s/%s/" CONFIG_NAME, s->root, s->id);
}

/* --- reading --- */

/* What a file has to have, and what it may have. */
static const struct {
    const char *name;
    json_type type;
    bool required;
} MEMBERS[] = {
    {"id", JSON_STRING, true},          {"status", JSON_STRING, true},
    {"bundle", JSON_STRING, true},      {"rootPath", JSON_STRING, false},
    {"cgroupPath", JSON_STRING, false}, {"scope", JSON_STRING, false},
    {"link", JSON_STRING, false},       {"bridge", JSON_STRING, false},
    {"runtimePid", JSON_INTEGER, true}, {"runtimeStart", JSON_INTEGER, true},
    {"pid", JSON_INTEGER, true},        {"startTime", JSON_INTEGER, true},
    {"created", JSON_INTEGER, true},    {"owner", JSON_INTEGER, true},
};

/* The first one that is not as we write it; NULL: all is well. */
static const char *wrong_member(const json_t *json)
{
    for (size_t i = 0; i < ARRAY_SIZE(MEMBERS); i++) {
        const json_t *value = json_object_get(json, MEMBERS[i].name);
        bool fits = value ? json_typeof(value) == MEMBERS[i].type
                          : !MEMBERS[i].required;
        if (!fits || json_integer_value(value) < 0)
            return MEMBERS[i].name;
    }
    const char *cgroup = json_string_value(json_object_get(json, "cgroupPath"));
    return cgroup && strrchr(cgroup, '/') <= cgroup ? "cgroupPath" : NULL;
}

static char *get_copy(const json_t *json, const char *name)
{
    return copy_string(json_string_value(json_object_get(json, name)));
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

/* 0, or -1 and EBADMSG after a line that says what is wrong. */
static int parse(struct state *s, const char *text, const char *directory)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *wrong = json ? wrong_member(json) : "its JSON";
    if (!wrong)
        from_json(s, json);
    else
        warn("use the state %s/" FILE_NAME ": %s is missing or wrong (what it "
             "names has to be removed by hand)",
             directory, wrong);
    json_decref(json);
    errno = EBADMSG;
    return wrong ? -1 : 0;
}

int state_load(struct state *s, const char *root, const char *id)
{
    if (!state_id_is_valid(id)) {
        errno = EINVAL;
        return -1;
    }
    *s = (struct state){.root = copy_string(root), .id = copy_string(id)};
    CLEANUP(close_fd) int directory_fd = open_ours_below(root, id);
    if (directory_fd == -1)
        return -1;
    CLEANUP(free_string) char *text = read_file_at(directory_fd, FILE_NAME);
    if (!text)
        return errno == ENOENT ? 0 : -1; /* reserved, nothing made yet */
    CLEANUP(free_string) char *directory = join_path(root, id);
    return parse(s, text, directory);
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

/* --- all of them --- */

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
    CLEANUP(close_fd) int root_fd = open_ours(AT_FDCWD, root, root);
    if (root_fd == -1 && errno == ENOENT)
        return ids;
    CLEANUP(close_directory) DIR *directory = open_directory(root_fd, ".");
    if (!directory)
        die("list the states in %s", root);
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        if (!is_state(root, entry->d_name))
            continue;
        ids = enlarge(ids, count + 1, sizeof(*ids));
        ids[count++] = copy_string(entry->d_name);
        ids[count] = NULL;
    }
    qsort(ids, count, sizeof(*ids), compare_names);
    return ids;
}

/* --- removing --- */

int state_remove(const struct state *s)
{
    CLEANUP(free_string) char *path = file_path(s, FILE_NAME);
    CLEANUP(free_string) char *directory = join_path(s->root, s->id);
    static const char *const others[] = {NEW_NAME, CONFIG_NAME, START_SOCKET,
                                         NOTIFY_SOCKET, NOTIFY_DIRECTORY};
    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        CLEANUP(free_string) char *other = file_path(s, others[i]);
        (void)remove(other); /* if it stays, rmdir fails */
    }
    if ((unlink(path) == -1 && errno != ENOENT) ||
        (rmdir(directory) == -1 && errno != ENOENT)) {
        warn("remove the state %s: %s", directory, strerror(errno));
        return -1;
    }
    return 0;
}
