/*
 * process.h - what the command is allowed, who it is, and its start.
 */
#ifndef RUNG_PROCESS_H
#define RUNG_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/spec.h"

/* In the parent, who alone may raise hard limits: prlimit(2). */
void process_limits(const struct spec *spec, pid_t pid);
/* And lower the score; in a user namespace the child may not even raise it. */
void process_oom_score(const struct spec *spec, pid_t pid);

/* A set of signals in /proc/PID/status, by its name, like "\nSigIgn:": bit N-1
 * is signal N. False, and the set as it was, if there is none. */
bool process_read_signals(const char *status, const char *name, uint64_t *set);
/* For a child of ours: its unblock_signals() resets these alone, not all. While
 * /proc is the host's. */
void find_ignored_signals(void);

/* In the child. */
/* While /proc is the host's. */
void die_with_parent(int socket_fd);
void process_session(const struct spec *spec);
void process_hide(void); /* from those who could look into us */
void process_directory(const struct spec *spec);
void process_lower_limits(const struct spec *spec); /* setrlimit(2) */
void process_ids(const struct spec *spec);
void process_no_new_privs(const struct spec *spec);
/* What is blocked or ignored would stay so in the command. Before the filter,
 * which may forbid these calls. sigprocmask(2), rt_sigaction(2) */
void unblock_signals(void);
/* Stay process 1, and run the command as a child. */
_Noreturn void process_init(const struct spec *spec, char **env);

/* --- program.c --- */
/* Quit with 127 or 126 if the command is not there, or cannot be executed, as
 * far as we can tell without doing it. */
void process_find_executable(const struct spec *spec, char **env);
_Noreturn void run_program(const struct spec *spec, char **env);

/* --- environment.c --- */
/* The place of NAME=value in the environment, or of the NULL at its end. */
char **find_variable(char **env, const char *name);
/* The command's variables: those of config.json, and HOME, if it has no value
 * there. In the container's root. */
char **process_environment(const struct spec *spec);
/* Socket activation is for the process with our PID: tell the command so. */
void process_name_listener(const struct spec *spec, char **env);

/* --- personality.c --- */
/* In the child, before the filter of system calls: personality(2). */
void process_personality(const struct spec *spec);

/* --- sysctl.c --- */
/* While /proc is the host's. */
void process_sysctls(const struct spec *spec);

#endif
