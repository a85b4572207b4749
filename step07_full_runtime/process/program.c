/*
 * program.c - become the program: execve(2), and why it could not be.
 *
 * "Not found" for a file that is there has cost many an afternoon: it must
 * always be said what is missing. It grew out of program.c in step01.
 */
#define _GNU_SOURCE

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "process/process.h"

/* Does the file start with these bytes? */
static bool starts_with(int fd, const char *bytes, size_t length)
{
    char start[8];
    return pread(fd, start, length, 0) == (ssize_t)length &&
           memcmp(start, bytes, length) == 0;
}

/* "not found" for a file that is there has cost many an afternoon. */
static const char *why_not_executed(const char *path, int error)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd == -1 || fstat(fd, &st) == -1)
        return "";
    if (S_ISDIR(st.st_mode))
        return " (it is a directory)";
    bool is_elf = starts_with(fd, ELFMAG, SELFMAG);
    if (error == ENOENT)
        return is_elf ? " (it is there, but the loader it was linked with is "
                        "not)"
                      : " (it is there, but the interpreter in its #! line is "
                        "not)";
    if (error == ENOEXEC)
        return is_elf ? " (built for another architecture?)"
                      : " (no ELF file, and no script with a #! line)";
    if (error == EACCES)
        return " (not executable, or on a noexec mount)";
    return "";
}

/* What to do with a file that may be the program: 0, or an errno. */
typedef int attempt_function(const char *path, char **args, char **env);

static int try_to_find(const char *path, char **args, char **env)
{
    (void)args;
    (void)env;
    struct stat st;
    if (stat(path, &st) == -1)
        return errno;
    if (!S_ISREG(st.st_mode))
        return EACCES;
    return access(path, X_OK) == -1 ? errno : 0;
}

static int try_to_execute(const char *path, char **args, char **env)
{
    execve(path, args, env);
    return errno;
}

/* Along the container's own PATH, as execvp(3). Returns if an attempt has
 * succeeded: 0; else the errno, and *culprit is the file that was found but
 * cannot be executed, in case that nothing better follows; NULL: none. */
static int search_path(char **args, char **env, attempt_function *attempt,
                       char **culprit)
{
    const char *variable = *find_variable(env, "PATH");
    CLEANUP(free_string)
    char *copy =
        copy_string(variable ? variable + strlen("PATH=") : "/usr/bin:/bin");
    char *rest = copy;
    int reason = ENOENT;
    for (char *dir; (dir = strsep(&rest, ":"));) {
        CLEANUP(free_string) char *path = join_path(*dir ? dir : ".", args[0]);
        int error = attempt(path, args, env);
        if (error == 0)
            return 0;
        if (error == ENOTDIR || access(path, F_OK) == -1)
            continue;
        free(*culprit);
        *culprit = copy_string(path);
        reason = error;
        if (error != EACCES)
            break;
    }
    return reason;
}

/* Engines look for "not found" and "Permission denied" in what we say. */
static void search(char **args, char **env, attempt_function *attempt)
{
    const char *name = args[0];
    bool is_path = !*name || strchr(name, '/');
    CLEANUP(free_string) char *culprit = is_path ? copy_string(name) : NULL;
    int reason = is_path ? attempt(name, args, env)
                         : search_path(args, env, attempt, &culprit);
    if (reason == 0)
        return;
    if (!culprit)
        quit(EXIT_NOT_FOUND,
             "execute %s: executable file not found in $PATH: %s", name,
             strerror(ENOENT));
    quit(reason == ENOENT || reason == ENOTDIR ? EXIT_NOT_FOUND
                                               : EXIT_CANNOT_EXECUTE,
         "execute %s: %s%s", *culprit ? culprit : "''", strerror(reason),
         why_not_executed(culprit, reason));
}

void process_find_executable(const struct spec *spec, char **env)
{
    search(spec->process.args, env, try_to_find);
}

void run_program(const struct spec *spec, char **env)
{
    narrate(1, "execve(\"%s\") # exec %s", spec->process.args[0],
            spec->process.args[0]);
    search(spec->process.args, env, try_to_execute);
    abort(); /* it does not return from an attempt that succeeds */
}
