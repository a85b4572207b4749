/*
 * copy_up.h - fill a tmpfs with what it is going to hide ("tmpcopyup").
 */
#ifndef RUNG_COPY_UP_H
#define RUNG_COPY_UP_H

#include "config/spec.h"

/*
 * Copy the directory source_fd (O_PATH will do) into the mount, with owners,
 * modes, times, extended attributes and hard links. What is mounted inside it
 * stays out. A mode or owner among the mount's options wins over that of the
 * directory itself. Ends the program if anything could not be copied.
 */
void copy_up(int source_fd, int mount_fd, const struct mount_spec *m);

#endif
