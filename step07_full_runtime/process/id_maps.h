/*
 * id_maps.h - the lines of uid_map and gid_map: user_namespaces(7).
 *
 * namespaces.c gives them to the container, rootfs/mounts.c to mounts that show
 * a file's owner under another number. New in step07.
 */
#ifndef RUNG_ID_MAPS_H
#define RUNG_ID_MAPS_H

#include "config/spec.h"

/* The lines, each "INSIDE OUTSIDE COUNT\n"; the caller frees them. */
char *id_maps_text(const struct id_maps *maps);

/*
 * Make a user namespace that nobody is in: mount_setattr(2) reads its maps.
 * Returns its descriptor; ends the program if it can't be made.
 */
int id_maps_namespace(const struct id_maps *uids, const struct id_maps *gids);

#endif
