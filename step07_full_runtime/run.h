/*
 * run.h - the commands. Each gets its own argv and returns an exit status.
 */
#ifndef RUNG_RUN_H
#define RUNG_RUN_H

#include "spec.h"
#include "state.h"

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
/* features.c */
int command_features(int argc, char **argv);

/* The container that a command is about; ends the program if there is none. */
void load_state(struct state *state, const char *id);
/* The same, and what its config.json said. */
struct spec *load_spec(const struct state *state);

/* demonstration.c */
int demonstrate(void);

#endif
