/*
 * rootfs.h - the container's root file system. It grew out of step04.
 */
#ifndef RUNG_ROOTFS_H
#define RUNG_ROOTFS_H

#include "spec.h"

/* In the parent, before anything is made: is there such a root? */
void rootfs_check(const struct spec *spec);

/* Is it a whole one? A directory given by mistake stays as it is then. */
void rootfs_check_usual(const struct spec *spec);

/* In the child, in this order. scratch_path is a directory of the host that
 * is ours, to mount a temporary file system on in our own namespace. */
void rootfs_make_private(void);
void rootfs_open_sources(const struct spec *spec, const char *scratch_path);
/* The root as a mount of its own; its descriptor. */
int rootfs_attach(const struct spec *spec);
/* /dev, masked and read-only paths; the root itself read-only. */
void rootfs_finish(const struct spec *spec, int root_fd);
/* From here on the host's files have no name any more. */
void rootfs_enter(const struct spec *spec, int root_fd);

#endif
