/*
 * program.c - become the program: execve(2), and why it could not be.
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

#include "demo.h"

/* Does FD start with these bytes? */
static bool starts_with(int fd, const char *bytes, size_t length)
{
    char start[8];
    return pread(fd, start, length, 0) == (ssize_t)length &&
           memcmp(start, bytes, length) == 0;
}

/*
 * "No such file" may mean a file that the program needs: a script names its
 * interpreter after #!, an ELF file its dynamic loader. execve(2)
 */
static const char *why_not_executed(const char *path, int error)
{
    struct stat status;
    if (!strchr(path, '/'))
        return error == ENOENT ? "no such program in $PATH" : NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 || fstat(fd, &status) == -1)
        return NULL;
    bool script = starts_with(fd, "#!", 2);
    bool elf = starts_with(fd, ELFMAG, SELFMAG);
    close(fd);
    if (S_ISDIR(status.st_mode))
        return "it is a directory";
    if (error == ENOENT && script)
        return "it is there, but the interpreter in its #! line is not";
    if (error == ENOENT && elf)
        return "it is there, but the loader that it was linked with is not";
    if (error == ENOEXEC && elf)
        return "built for another architecture?";
    if (error == ENOEXEC)
        return "no ELF file, and no script with a #! line";
    if (error == EACCES)
        return "not executable, or on a noexec mount";
    return NULL;
}

/*
 * Become the program. What is not replaced stays: PID, namespaces, working
 * directory, descriptors without O_CLOEXEC. Returns only to fail. execve(2)
 * (execvp(3) alone would feed a file that is no program to /bin/sh.)
 */
void run_program(const struct container *c)
{
    const char *name = c->argv[0];
    narrate(c, "execve(\"%s\"), my parent is %d   # exec %s", name, getppid(),
            name);
    if (strchr(name, '/'))
        execv(name, c->argv);
    else
        execvp(name, c->argv);
    int error = errno;
    const char *why = why_not_executed(name, error);
    say(why ? "demo: execute %s: %s (%s)" : "demo: execute %s: %s", name,
        strerror(error), why);
    exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);
}
