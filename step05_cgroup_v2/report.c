/*
 * report.c - what the demo says, and how it gives up.
 *
 * Everything goes to standard error: standard output is the program's.
 */
#define _GNU_SOURCE

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

/*
 * One line on standard error, in one write, so that parent and child don't
 * talk into each other's lines. Whatever a line quotes, it stays a line.
 */
void say(const char *format, ...)
{
    char line[8192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (char *p = line; *p; p++) {
        if (iscntrl((unsigned char)*p))
            *p = '?';
    }
    dprintf(STDERR_FILENO, "%s\n", line);
}

/*
 * Say which kernel call comes next and the shell command that does the same.
 * The number in brackets is who speaks, as getpid(2) tells it.
 */
void narrate(const struct container *c, const char *format, ...)
{
    char call[4096];
    if (!c->verbose)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(call, sizeof(call), format, arguments);
    va_end(arguments);
    say("demo[%d]: %s", getpid(), call);
}

/*
 * Report what failed, on which object, and why: errno, then what to do about
 * it. HINT may be NULL. In the child the parent hands our status on.
 */
void die_with_hint(const char *hint, const char *format, ...)
{
    int error = errno;
    char what[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    if (!hint && (error == EPERM || error == EACCES) && geteuid() != 0)
        hint = "this needs root: try sudo";
    say(hint ? "demo: %s: %s (%s)" : "demo: %s: %s", what, strerror(error),
        hint);
    exit(EXIT_DEMO_FAILED);
}

void usage_error(const char *option, const char *value, const char *why)
{
    say("demo: --%s%s%s: %s (see --help)", option, *value ? " " : "", value,
        why);
    exit(EXIT_USAGE);
}
