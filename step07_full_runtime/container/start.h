/*
 * start.h - `rung start`: the two halves of a created container meet.
 */
#ifndef RUNG_START_H
#define RUNG_START_H

#include "config/state.h"

/* `start`: let the command begin; the exit status for main. */
int container_start(struct state *state);

#endif
