/*
 * hooks.h - programs that config.json wants run at certain moments.
 */
#ifndef RUNG_HOOKS_H
#define RUNG_HOOKS_H

#include "spec.h"
#include "state.h"

/* Run those of one kind, one after the other, with the state on their standard
 * input. 0, or -1 after warn() about the first that failed; then the rest of
 * them is run only if go_on is true. */
int hooks_run(const struct spec *spec, enum hook_kind kind,
              const struct state *state, enum status status, bool go_on);

#endif
