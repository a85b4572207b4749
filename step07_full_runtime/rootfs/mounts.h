/*
 * mounts.h - the mounts that config.json lists. It grew out of step04.
 */
#ifndef RUNG_MOUNTS_H
#define RUNG_MOUNTS_H

#include "config/spec.h"

struct root_sources;

/*
 * In the parent, before anything is made: idmapped mounts, which only root on
 * the host may make; the child may be root of a user namespace alone. maps_fd
 * is a user namespace with the container's id maps; -1 if no mount needs it
 * (spec_needs_maps).
 */
void mounts_prepare(struct root_sources *s, const struct spec *spec,
                    int maps_fd);

/* In the child, in this order. */

/* Copy what stays shared with the host, while our mounts still are. */
void mounts_copy_shared(struct root_sources *s, const struct spec *spec);
/* Put all of them into the root, in the order of config.json: a later one may
 * be on an earlier one, or from there. *dev_fd becomes the last one on /dev,
 * or -1 if that is the host's, and stays as it is if there is none. */
void mount_filesystems(struct root_sources *s, const struct spec *spec,
                       int root_fd, int *dev_fd);
/* Nothing more has to be written into them: make them read-only. */
void mounts_finish(struct root_sources *s, const struct spec *spec);

#endif
