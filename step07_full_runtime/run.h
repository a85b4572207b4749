/*
 * run.h - the commands. Each gets its own argv and returns an exit status.
 */
#ifndef RUNG_RUN_H
#define RUNG_RUN_H

/* --root DIR, or NULL. */
void set_state_root(const char *path);

int command_run(int argc, char **argv);
int command_spec(int argc, char **argv);
int command_list(int argc, char **argv);
int command_state(int argc, char **argv);
int command_delete(int argc, char **argv);

/* demonstration.c */
int demonstrate(void);

#endif
