/*
 * report.h - what the runtime says, and how it gives up.
 */
#ifndef RUNG_REPORT_H
#define RUNG_REPORT_H

#include <stdarg.h>
#include <stdbool.h>

/* The exit statuses that are ours; every other one is the command's. */
enum {
    EXIT_USAGE = 2,
    EXIT_RUNTIME = 125,
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
};

#define PRINTF(text, first) __attribute__((format(printf, text, first)))

/* --- errors: always one line, on the descriptor that log_to() names --- */

/* The name errors start with: "demo" or "rung", after argv[0]. */
void set_program_name(const char *argv0);
const char *program_name(void);

/* Keep the caller's standard error for errors and narration, even when the
 * container's own standard error becomes a terminal. */
void log_to(int fd);

/* "demo: mount /x: Permission denied", exit status 125. die() adds errno's
 * text; fail() does not, for errors that we found ourselves. */
_Noreturn void die(const char *format, ...) PRINTF(1, 2);
/* The same with a hint that depends on something; NULL: none. */
_Noreturn void die_with_hint(const char *hint, const char *format, ...)
    PRINTF(2, 3);
_Noreturn void fail(const char *format, ...) PRINTF(1, 2);
/* The same for a wrong command line: exit status 2. */
_Noreturn void usage_error(const char *format, ...) PRINTF(1, 2);
/* A line that does not end the program. */
void warn(const char *format, ...) PRINTF(1, 2);
/* Print one line and leave with this status. */
_Noreturn void quit(int status, const char *format, ...) PRINTF(2, 3);

/* --log FILE: the same lines as records with a time, "time=... level=error
 * msg=..." or JSON, in the form in which engines read runc's log. */
void log_to_file(const char *path, bool is_json);

enum log_level {
    LOG_ERROR,
    LOG_WARNING,
    LOG_DEBUG, /* narration */
};
/* Log a line that is complete, such as one that the child has reported; status
 * is what an error ends the program with. */
void log_text(enum log_level level, int status, const char *text);

/* From here on this process is the container's side: die() must _exit(2), so
 * that the parent's undo functions (atexit) do not run in the child. */
void become_child(void);
/* The child's lines, packed in messages, go to the socket of its parent: only
 * the parent has the log open. channel.h */
void report_to(int fd);

/* --- narration: one line for a kernel call, with -v --- */

/*
 * narrate(4, "mount(\"proc\", \"%s\") # mount -t proc proc %s", path, path);
 * The text before " # " is the kernel call, after it the shell command that
 * does the same; the number is the chapter (the step) that explains it.
 */
void narrate(int chapter, const char *format, ...) PRINTF(2, 3);
void set_verbose(bool on);
bool is_verbose(void);

#endif
