/*
 * environment.c - the variables that the command finds: environ(7).
 *
 * They are those of config.json. Only HOME is looked up, in the container's own
 * root, and LISTEN_PID is known to nobody before. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "process/process.h"

char **find_variable(char **env, const char *name)
{
    size_t length = strlen(name);
    while (*env && (strncmp(*env, name, length) != 0 || (*env)[length] != '='))
        env++;
    return env;
}

/* The home directory of a user, from /etc/passwd, for the caller to free. We
 * are in the root, whose links lead nowhere else. NULL if it has none. */
static char *find_home(uid_t uid)
{
    CLEANUP(close_fd)
    int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd == -1 && (errno == ENOENT || errno == ENOTDIR))
        return NULL;
    struct stat st;
    if (fd == -1 || fstat(fd, &st) == -1)
        die("open /etc/passwd in the root, for HOME");
    if (!S_ISREG(st.st_mode))
        return NULL;
    CLEANUP(free_string) char *text = read_fd(fd);
    if (!text)
        die("read /etc/passwd in the root, for HOME");
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        const char *fields[6] = {NULL}; /* name, password, uid, gid, ... */
        for (size_t i = 0; i < ARRAY_SIZE(fields) && line; i++)
            fields[i] = strsep(&line, ":");
        uint64_t number;
        if (fields[5] && parse_u64(fields[2], &number) && number == uid)
            return copy_string(fields[5]);
    }
    return NULL;
}

/* Programs expect HOME, and engines leave it to us. */
char **process_environment(const struct spec *spec)
{
    size_t count = 0;
    while (spec->process.env[count])
        count++;
    char **env = allocate(count + 2, sizeof(*env)); /* room for HOME */
    memcpy(env, spec->process.env, count * sizeof(*env));
    char **place = find_variable(env, "HOME");
    if (*place && (*place)[strlen("HOME=")])
        return env;
    CLEANUP(free_string) char *home = find_home(spec->process.uid);
    *place = print_string("HOME=%s", home && *home ? home : "/");
    return env;
}

/* sd_listen_fds(3): it is not always PID 1. */
void process_name_listener(const struct spec *spec, char **env)
{
    if (spec->invocation.listens)
        *find_variable(env, "LISTEN_PID") =
            print_string("LISTEN_PID=%d", getpid());
}
