/*
 * demo.h - the container, and an index of all functions, file by file.
 *
 * What each does is said where it is defined.
 */
#ifndef DEMO_H
#define DEMO_H

#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "demonstration.h"

/* Exit statuses, as a shell's: our own failures keep clear of the program's. */
enum {
    EXIT_USAGE = 2,
    EXIT_DEMO_FAILED = 125,
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
    EXIT_SIGNALLED = 128, /* and the signal's number on top */
};

/* Everything we know about the one container that we run. */
struct container {
    char **argv; /* the program to run, and its arguments */
    pid_t pid; /* its PID, as the host sees it */
    int status; /* how it ended, as an exit status */
    bool ended;
    bool verbose; /* narrate the kernel calls that matter */
    int chapter; /* whose demonstration to give; 0: the newest one's */
    bool no_pause; /* and go on without the reader's Enter */
    sigset_t signals; /* what wait_for_child waits for */
    struct clone_args clone; /* how to start it: clone3(2) */
    int sync_fd[2]; /* a lifeline: the parent's end, the child's */
    pid_t group; /* ours, if it is in the terminal's foreground; else 0 */
    pid_t ear; /* hears the terminal's keys, where we can't; else 0 */
    const char *hostname;
};

/* --- report.c --- */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);
__attribute__((format(printf, 2, 3))) void narrate(const struct container *c,
                                                   const char *format, ...);
__attribute__((noreturn, format(printf, 2, 3))) void
die_with_hint(const char *hint, const char *format, ...);
__attribute__((noreturn)) void usage_error(const char *option,
                                           const char *value, const char *why);

#define die(...) die_with_hint(NULL, __VA_ARGS__)

/* --- program.c --- */
__attribute__((noreturn)) void run_program(const struct container *c);

/* --- options.c --- */
void parse_options(struct container *c, int argc, char **argv);

/* --- terminal.c --- */
void take_terminal(const struct container *c);
bool is_deaf(const struct container *c, int signal);
void share_terminal(struct container *c);
void leave_terminal(struct container *c);
void suspend(struct container *c);

/* --- namespaces.c --- */
void want_pid_namespace(struct container *c);
void want_namespace(struct container *c, char letter);

/* --- hostname.c --- */
void set_hostname(const struct container *c);
void want_uts_namespace(struct container *c);

#endif
