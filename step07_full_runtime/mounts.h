/*
 * mounts.h - the mounts that config.json lists. It grew out of step04.
 */
#ifndef RUNG_MOUNTS_H
#define RUNG_MOUNTS_H

#include "spec.h"

/* Open what is to be bound, as the user who called us: in a user namespace we
 * soon have other ids, which may not reach the same files. */
void mounts_open_sources(const struct spec *spec);
/* Put all of them into the root, in the order of config.json. */
void mounts_apply(const struct spec *spec, int root_fd);

#endif
