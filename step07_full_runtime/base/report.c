/*
 * report.c - what the runtime says, and how it gives up.
 *
 * It must never print more than one line for an error, nor let what somebody
 * has put into a name reach a terminal as a command. It grew out of report.c
 * in step01.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/log_record.h"
#include "base/report.h"

static struct {
    const char *program_name;
    int log_fd;
    int file_fd; /* --log FILE, or -1 */
    bool is_json;
    bool verbose;
    bool is_child;
    int report_fd; /* the child's: its lines go to the parent, who logs them */
} settings = {
    .program_name = "demo",
    .log_fd = STDERR_FILENO,
    .file_fd = -1,
    .report_fd = -1,
};

void set_program_name(const char *argv0)
{
    if (!argv0)
        return;
    const char *slash = strrchr(argv0, '/');
    settings.program_name = slash ? slash + 1 : argv0;
}

const char *program_name(void)
{
    return settings.program_name;
}

void log_to(int fd)
{
    settings.log_fd = fd;
}

void log_to_file(const char *path, bool is_json)
{
    settings.is_json = is_json;
    settings.file_fd =
        open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
    if (settings.file_fd == -1)
        die("open the log %s", path);
}

void become_child(void)
{
    settings.is_child = true;
}

/* Where we wrote before may be a pipe, and its reader may wait until it has
 * been closed by all who have it: so by us, too. */
void report_to(int fd)
{
    settings.report_fd = fd;
    if (settings.log_fd != STDERR_FILENO)
        (void)close(settings.log_fd);
    if (settings.file_fd != -1)
        (void)close(settings.file_fd);
    settings.log_fd = STDERR_FILENO;
    settings.file_fd = -1;
}

void set_verbose(bool on)
{
    settings.verbose = on;
}

bool is_verbose(void)
{
    return settings.verbose;
}

/* A terminal that passes everything on as it is does not return the carriage at
 * the end of a line: termios(3). */
static bool is_raw(int fd)
{
    struct termios mode;
    return tcgetattr(fd, &mode) == 0 && !(mode.c_oflag & OPOST);
}

/* One write(2) for the whole line, so that two processes' lines do not mix.
 * Nobody is left to tell if it fails. */
static void write_line(int fd, char *line, size_t length, size_t space)
{
    if (length > space - 2)
        length = space - 2;
    if (is_raw(fd))
        line[length++] = '\r';
    line[length++] = '\n';
    ssize_t ignored = write(fd, line, length);
    (void)ignored;
}

void log_text(enum log_level level, int status, const char *text)
{
    static const char *const names[] = {
        [LOG_ERROR] = "error",
        [LOG_WARNING] = "warning",
        [LOG_DEBUG] = "debug",
    };
    if (settings.file_fd != -1)
        log_record(settings.file_fd, settings.is_json, names[level], text,
                   status == EXIT_RUNTIME);
    if (settings.file_fd != -1 && level == LOG_DEBUG)
        return;
    char line[LINE_SIZE + 128];
    int n = level == LOG_DEBUG ? snprintf(line, sizeof(line), "%s", text)
                               : snprintf(line, sizeof(line), "%s: %s",
                                          settings.program_name, text);
    if (n > 0)
        write_line(settings.log_fd, line, (size_t)n, sizeof(line));
}

/* In the child: hand the line to the parent, whose log it is. */
static void report(enum log_level level, int status, const char *text)
{
    struct message message = {.type = MESSAGE_LOG, .level = level};
    message.status = status;
    snprintf(message.text, sizeof(message.text), "%s", text);
    (void)send(settings.report_fd, &message,
               offsetof(struct message, text) + strlen(message.text) + 1,
               MSG_NOSIGNAL);
}

/* An error is one line, and never a command to the terminal that shows it,
 * whatever somebody has put into a name. */
static void say(enum log_level level, int status, const char *format,
                va_list values)
{
    char text[LINE_SIZE];
    vsnprintf(text, sizeof(text), format, values);
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    }
    if (settings.report_fd != -1)
        report(level, status, text);
    else
        log_text(level, status, text);
}

/* In the child, exit(3) would run the parent's undo functions. */
static _Noreturn void leave(int status)
{
    if (settings.is_child)
        _exit(status);
    exit(status);
}

/* Where " (is it there?)" begins, or the end. The format is ours, while the
 * values may hold anything, parentheses too. */
static size_t find_hint(const char *format)
{
    size_t hint = strlen(format);
    bool is_there = hint > 0 && format[hint - 1] == ')';
    for (const char *p = format; is_there && (p = strstr(p, " (")); p++)
        hint = (size_t)(p - format);
    return hint;
}

/* The hint comes last: of "open %s (is it there?)" is made "open /x: No such
 * file or directory (is it there?)". */
void die(const char *format, ...)
{
    int error = errno;
    char action[512];
    char what[2048];
    va_list values;
    snprintf(action, sizeof(action), "%.*s", (int)find_hint(format), format);
    va_start(values, format);
    vsnprintf(what, sizeof(what), action, values);
    va_end(values);
    size_t length = strlen(what);
    va_start(values, format);
    vsnprintf(what, sizeof(what), format, values);
    va_end(values);
    quit(EXIT_RUNTIME, "%.*s: %s%s", (int)length, what, strerror(error),
         what + length);
}

void die_with_hint(const char *hint, const char *format, ...)
{
    int error = errno;
    char what[2048];
    va_list values;
    va_start(values, format);
    vsnprintf(what, sizeof(what), format, values);
    va_end(values);
    quit(EXIT_RUNTIME, hint ? "%s: %s (%s)" : "%s: %s", what, strerror(error),
         hint);
}

void fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(LOG_ERROR, EXIT_RUNTIME, format, values);
    va_end(values);
    leave(EXIT_RUNTIME);
}

void usage_error(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(LOG_ERROR, EXIT_USAGE, format, values);
    va_end(values);
    leave(EXIT_USAGE);
}

void warn(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(LOG_WARNING, 0, format, values);
    va_end(values);
}

void quit(int status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(LOG_ERROR, status, format, values);
    va_end(values);
    leave(status);
}

PRINTF(1, 2) static void debug(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(LOG_DEBUG, 0, format, values);
    va_end(values);
}

/* The number in brackets is who speaks, as getpid(2) tells it. Not a part of
 * narrate(): who says nothing need not touch a page of the stack for it. */
__attribute__((noinline)) static void tell(int chapter, const char *format,
                                           va_list values)
{
    char call[LINE_SIZE];
    vsnprintf(call, sizeof(call), format, values);
    debug("%s[%d]: %s  (chapter %02d)", settings.program_name, getpid(), call,
          chapter);
}

void narrate(int chapter, const char *format, ...)
{
    if (!settings.verbose)
        return;
    int saved_errno = errno;
    va_list values;
    va_start(values, format);
    tell(chapter, format, values);
    va_end(values);
    errno = saved_errno;
}
