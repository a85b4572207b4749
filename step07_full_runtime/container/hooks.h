/*
 * hooks.h - programs that config.json wants run at certain moments.
 */
#ifndef RUNG_HOOKS_H
#define RUNG_HOOKS_H

#include "config/spec.h"
#include "config/state.h"

/* What a program of the image may have: run in the hook, as the last thing
 * before its execve(2). It returns, or ends the hook by die(). */
struct hook_rights {
    void (*give)(const void *plan);
    const void *plan;
    char **env; /* the command's: a hook without one of its own has that */
};

/* Open the files that the annotations run.oci.hooks.stdout and .stderr name,
 * while paths are the host's: before the container's process is made. */
void hooks_open_output(const struct spec *spec);
/* Run those of one kind, one after the other, with the state on their standard
 * input; rights: NULL for ours. One that fails is the end of us, by fail(); but
 * after the command has begun it is a warning and -1: there the caller knows
 * what follows. */
int hooks_run(const struct spec *spec, enum hook_kind kind,
              const struct state *state, enum status status,
              const struct hook_rights *rights);

#endif
