/*
 * commands.h - the commands, and what several of them use. Each command gets
 * its own argv and returns an exit status.
 */
#ifndef RUNG_COMMANDS_H
#define RUNG_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/spec.h"
#include "config/state.h"

struct cgroup;
struct container;
struct flag;
struct json_t;
struct options;

#define RUNG_VERSION "0.1.0"

/* What the global options say, for every command. */
struct globals {
    const char *root; /* --root DIR, or NULL */
    bool no_pause; /* between the scenes of the demonstration */
    struct invocation invocation;
};

/* --- globals.c --- */
extern struct globals globals;
/* optind is then the command. --help calls explain and ends the program. */
void parse_global_options(int argc, char **argv, void (*explain)(void));
/* The list for --help. */
void print_global_flags(void);

/* --- run.c --- */
int command_run(int argc, char **argv);
void prepare_by_options(struct container *c, const struct options *options,
                        const char *id, bool needs_process);
/* Somebody has to hold the terminal's other side: or a usage error. */
void check_terminal(const struct container *c);

/* --- create.c --- */
int command_create(int argc, char **argv);

/* --- exec.c --- */
int command_exec(int argc, char **argv);

/* --- start.c --- */
int command_start(int argc, char **argv);

/* --- state.c --- */
int command_state(int argc, char **argv);

/* --- kill.c --- */
int command_kill(int argc, char **argv);

/* --- delete.c --- */
int command_delete(int argc, char **argv);

/* --- list.c --- */
int command_list(int argc, char **argv);

/* --- spec.c --- */
int command_spec(int argc, char **argv);

/* --- ps.c --- */
int command_ps(int argc, char **argv);

/* --- pause.c --- */
int command_pause(int argc, char **argv);
int command_resume(int argc, char **argv);

/* --- update.c --- */
int command_update(int argc, char **argv);

/* --- events.c --- */
int command_events(int argc, char **argv);

/* --- features.c --- */
int command_features(int argc, char **argv);

/* --- demonstration.c --- */
/* What to show when no command is given; on a terminal, waiting for Enter after
 * each scene, if PAUSE. */
int demonstrate(bool pause);

/* --- find.c --- */
/* Reads the flags (NULL: it has none of its own) of a command that is about one
 * container: its name. */
const char *only_id(int argc, char **argv, const struct flag *flags);
/* False: there is no such container. */
bool find_state(struct state *state, const char *id);
/* The same; ends the program if there is none. */
void load_state(struct state *state, const char *id);
/* A running container with a cgroup of its own, opened. */
void load_cgroup(struct state *state, const char *id, struct cgroup *cgroup);

/* --- describe.c --- */
/* The specification's members, and those that runc adds. */
struct json_t *describe(const struct state *state, const struct json_t *config);
/* What --format says: "json", or "table". */
bool wants_json(const char *format);
/* To standard output; json_dumpf(3)'s flags. Takes the reference. */
void print_json(struct json_t *json, size_t flags);

/* --- activation.c --- */
/* Open files and a socket of the service manager become the command's. */
void take_activation(struct json_t *config);
void take_notify(struct json_t *config, const char *id);

#endif
