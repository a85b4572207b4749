/*
 * start.h - `rung start`: the two halves of a created container meet.
 */
#ifndef RUNG_START_H
#define RUNG_START_H

#include "init.h"
#include "state.h"

/* The container's process: say READY, wait for `start`, then go on. */
void wait_for_start(struct init_plan *plan);
/* `start`: let the command begin; the exit status for main. */
int container_start(struct state *state);

#endif
