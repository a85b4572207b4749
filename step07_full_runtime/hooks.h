/*
 * hooks.h - programs that config.json wants run at certain moments.
 */
#ifndef RUNG_HOOKS_H
#define RUNG_HOOKS_H

#include "spec.h"
#include "state.h"

/* Run those of one kind, one after the other, with the state on their standard
 * input. One that fails is the end of us, by fail(); but after the command has
 * begun it is a warning and -1: there the caller knows what follows. */
int hooks_run(const struct spec *spec, enum hook_kind kind,
              const struct state *state, enum status status);

#endif
