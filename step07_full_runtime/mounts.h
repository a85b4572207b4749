/*
 * mounts.h - the mounts that config.json lists. It grew out of step04.
 */
#ifndef RUNG_MOUNTS_H
#define RUNG_MOUNTS_H

#include "spec.h"

/*
 * In the parent, before anything is made: is there what is to be bound? What
 * only root on the host may do is done here: the child may be root of a user
 * namespace alone. maps_fd is a user namespace with the container's id maps;
 * -1 if no mount needs it (spec_needs_maps).
 */
void mounts_prepare(const struct spec *spec, int maps_fd);

/* In the child, in this order. */

/* Copy what is to be bound, as the user who called us: in a user namespace we
 * soon have other ids, which may not reach the same files. */
void mounts_open_sources(const struct spec *spec);
/* Put all of them into the root, in the order of config.json. */
void mounts_apply(const struct spec *spec, int root_fd);
/* Nothing more has to be written into them: make them read-only. */
void mounts_finish(const struct spec *spec);

#endif
