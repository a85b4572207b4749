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

enum {
    SAFEGUARDS = 8, /* no more words than these can be left out */
};

/* A line for a file of our cgroup: { "memory.max", "52428800" }. */
struct limit {
    const char *file;
    char value[32];
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
    const char *root_path; /* the directory that becomes its "/" */
    const char *without[SAFEGUARDS]; /* left out, to see what breaks */
    struct limit limits[8]; /* what to write into its cgroup */
    int place_fd; /* the directory in cgroupfs that its cgroup is in */
    int cgroup_fd; /* its cgroup; 0: none */
    char cgroup_name[32];
    char enabled[64]; /* controllers that we switched on for it */
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
bool without(const struct container *c, const char *safeguard);
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

/* --- rootfs.c --- */
void make_mounts_private(const struct container *c);
void enter_root(const struct container *c);
void mount_filesystems(const struct container *c);
void make_devices(const struct container *c);
void close_files(const struct container *c);
void want_mount_namespace(struct container *c);
void sacrifice_mount_namespace(const struct container *c);

/* --- host.c --- */
int write_file(int dir, const char *name, const char *text);
const char *read_file(int dir, const char *name);
void lock_host(void);
void unlock_host(void);
extern struct container *to_undo;
void forget_undo(void);

/* --- cgroup.c --- */
void enter_cgroup_namespace(const struct container *c);
void mount_cgroup(const struct container *c);
void make_cgroup(struct container *c);
void report_usage(const struct container *c);

#endif
