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
typedef int attempt_function(const char *path, const struct process_spec *p);

static int try_to_find(const char *path, const struct process_spec *p)
{
    (void)p;
    struct stat st;
    if (stat(path, &st) == -1)
        return errno;
    if (!S_ISREG(st.st_mode))
        return EACCES;
    return access(path, X_OK) == -1 ? errno : 0;
}

static int try_to_execute(const char *path, const struct process_spec *p)
{
    execve(path, p->args, p->env);
    return errno;
}

/*
 * As execvp(3), along the container's own PATH. A file that is found but cannot
 * be executed is remembered, in case that nothing better follows. Engines look
 * for "not found" and "Permission denied" in what we say.
 */
static void search(const struct process_spec *p, attempt_function *attempt)
{
    const char *name = p->args[0];
    if (!*name || strchr(name, '/')) {
        int error = attempt(name, p);
        if (error)
            quit(error == ENOENT || error == ENOTDIR ? EXIT_NOT_FOUND
                                                     : EXIT_CANNOT_EXECUTE,
                 "execute %s: %s%s", *name ? name : "''", strerror(error),
                 why_not_executed(name, error));
        return;
    }
    const char *variable = *find_variable(p->env, "PATH");
    CLEANUP(free_string)
    char *copy =
        copy_string(variable ? variable + strlen("PATH=") : "/usr/bin:/bin");
    CLEANUP(free_string) char *culprit = NULL;
    int reason = ENOENT;
    char *rest = copy;
    for (char *dir; reason != 0 && (dir = strsep(&rest, ":"));) {
        char *path = join_path(*dir ? dir : ".", name);
        int error = attempt(path, p);
        if (error == 0) {
            free(path);
            return;
        }
        if (error == ENOTDIR || access(path, F_OK) == -1) {
            free(path);
            continue;
        }
        free(culprit);
        culprit = path;
        reason = error;
        if (error != EACCES)
            break;
    }
    if (!culprit)
        quit(EXIT_NOT_FOUND,
             "execute %s: executable file not found in $PATH: %s", name,
             strerror(ENOENT));
    quit(reason == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE,
         "execute %s: %s%s", culprit, strerror(reason),
         why_not_executed(culprit, reason));
}

void process_find_executable(const struct spec *spec)
{
    search(&spec->process, try_to_find);
}

void run_program(const struct spec *spec)
{
    narrate(1, "execve(\"%s\") # exec %s", spec->process.args[0],
            spec->process.args[0]);
    search(&spec->process, try_to_execute);
    abort(); /* it does not return from an attempt that succeeds */
}
