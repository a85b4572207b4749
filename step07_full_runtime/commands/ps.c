/*
 * ps.c - the command "ps": the processes of a container.
 *
 * Who is in its cgroup, the kernel knows; what to show of each, proc(5) says.
 * Whoever wants other columns gives flags of ps(1): then that program runs, and
 * we leave out the lines of strangers. It only reads. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/report.h"
#include "cgroup/cgroup.h"
#include "commands/commands.h"
#include "commands/flags.h"

/* --- a table of our own --- */

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
    if (!text && errno != ENOENT && errno != ESRCH)
        die("read %s", path);
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
    return user_name(info.st_uid);
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

static void print_table(const struct pids *pids)
{
    printf("%-8s %7s %7s %2s %5s %-8s %8s %s\n", "UID", "PID", "PPID", "C",
           "STIME", "TTY", "TIME", "CMD");
    for (size_t i = 0; i < pids->count; i++) {
        struct process_row row;
        if (read_row(pids->list[i], &row))
            print_row(&row);
    }
}

/* --- lines of ps(1) --- */

/* Start ps(1) with these flags; its output. */
static FILE *start_ps(char **argv, pid_t *child)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) == -1)
        die("make a pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    errno = posix_spawnp(child, "ps", &actions, NULL, argv, environ);
    if (errno != 0)
        die("run ps (is it installed? without flags it is not needed)");
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    FILE *output = fdopen(fds[0], "r");
    if (!output)
        die("read what ps says");
    return output;
}

/* Word number i of a line, with what follows it; NULL: it has fewer. */
static const char *find_word(const char *line, size_t i)
{
    for (line += strspn(line, " "); i > 0; i--) {
        line += strcspn(line, " ");
        line += strspn(line, " ");
    }
    return *line && *line != '\n' ? line : NULL;
}

/* The number of the column PID; ends the program if there is none. */
static size_t find_pid_column(const char *heading)
{
    const char *word;
    for (size_t i = 0; (word = find_word(heading, i)); i++) {
        if (strncmp(word, "PID", 3) == 0 && strchr(" \n", word[3]))
            return i;
    }
    fail("ps: these flags show no column PID, so nobody can tell which lines "
         "are the container's");
}

static bool is_one_of(const struct pids *pids, const char *word)
{
    long pid = word ? strtol(word, NULL, 10) : 0;
    for (size_t i = 0; i < pids->count; i++) {
        if (pids->list[i] == pid)
            return true;
    }
    return false;
}

/* argv[0] is "ps". The exit status of ps(1). */
static int filter_ps(char **argv, const struct pids *pids)
{
    pid_t child;
    FILE *output = start_ps(argv, &child);
    char *line = NULL;
    size_t size = 0;
    bool is_heading = true;
    size_t column = 0;
    while (getline(&line, &size, output) != -1) {
        if (is_heading)
            column = find_pid_column(line);
        if (is_heading || is_one_of(pids, find_word(line, column)))
            fputs(line, stdout);
        is_heading = false;
    }
    free(line);
    (void)fclose(output);
    int status = 0;
    while (waitpid(child, &status, 0) == -1 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_RUNTIME;
}

/* --- the command --- */

static void print_pids(const struct pids *pids)
{
    json_t *array = json_array();
    for (size_t i = 0; i < pids->count; i++)
        json_array_append_new(array, json_integer(pids->list[i]));
    print_json(array, JSON_COMPACT);
}

/* Of a container that has stopped, nobody; or those whom it has left, where it
 * had no PID namespace of its own. */
static struct pids processes_of(const char *id)
{
    struct state state;
    load_state(&state, id);
    if (!state.cgroup_path)
        fail("container %s: it has no cgroup of its own", id);
    struct cgroup cgroup;
    cgroup_reopen(&cgroup, state.cgroup_path, state.scope);
    return cgroup_processes(&cgroup);
}

int command_ps(int argc, char **argv)
{
    static const char *format = "table";
    static const struct flag flags[] = {
        {"format", 'f', "FORMAT", "table or json", .text = &format},
        {0},
    };
    read_flags(argc, argv, flags, "ID [flags of ps(1)]", NULL);
    bool is_json = wants_json(format);
    if (optind == argc)
        usage_error("ps: needs a container's name");
    CLEANUP(free_pids) struct pids pids = processes_of(argv[optind]);
    char **ps = argv + optind; /* our name becomes that of ps(1) */
    bool has_flags = ps[1] && strcmp(ps[1], "-ef") != 0;
    ps[0] = (char *)"ps";
    if (is_json)
        print_pids(&pids);
    else if (has_flags)
        return filter_ps(ps, &pids);
    else
        print_table(&pids);
    return 0;
}
