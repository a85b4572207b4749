/*
 * run.h - the commands. Each gets its own argv and returns an exit status.
 */
#ifndef RUNG_RUN_H
#define RUNG_RUN_H

#include <stddef.h>

#include "config/spec.h"
#include "config/state.h"

struct cgroup;
struct option;

#define RUNG_VERSION "0.1.0"

/* What the global options say, for every command. */
struct globals {
    const char *root; /* --root DIR, or NULL */
    struct invocation invocation;
};
extern struct globals globals;

int command_run(int argc, char **argv); /* and create */
int command_spec(int argc, char **argv);
int command_exec(int argc, char **argv);
int command_start(int argc, char **argv);
int command_state(int argc, char **argv);
int command_kill(int argc, char **argv);
int command_delete(int argc, char **argv);
int command_list(int argc, char **argv);
/* cgroup.c, events.c */
int command_pause(int argc, char **argv);
int command_resume(int argc, char **argv);
int command_update(int argc, char **argv);
int command_events(int argc, char **argv);
/* ps.c */
int command_ps(int argc, char **argv);
/* features.c */
int command_features(int argc, char **argv);

/* The container that a command is about; ends the program if there is none. */
void load_state(struct state *state, const char *id);
/* The same, and what its config.json said. */
struct spec *load_spec(const struct state *state);
/* A running container with a cgroup of its own, opened. */
void load_cgroup(struct state *state, const char *id, struct cgroup *cgroup);

/* For commands without flags of their own. */
const char *only_id(int argc, char **argv);
/* To standard output; json_dumpf(3)'s flags. Takes the reference. */
void print_json(struct json_t *json, size_t flags);

/* demonstration.c */
int demonstrate(void);

#endif
