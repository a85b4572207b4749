/*
 * rootfs.h - the container's root file system. It grew out of step04.
 */
#ifndef RUNG_ROOTFS_H
#define RUNG_ROOTFS_H

#include "config/spec.h"

/* What was opened while we could still name it as the caller. */
struct root_sources {
    int root_fd; /* root.path */
    int copy_fd; /* a copy of its mount: the root to be, or its lowest layer */
    int *layer_fds;
    int scratch_fd;
    int null_fd; /* the host's /dev/null */
    char *mountinfo; /* all that is mounted before we begin; --no-pivot */
    /* For each mount: first the copy of a source that was made early, later a
     * tmpfs that has to become read-only; -1 for others. mounts.c */
    int *mount_fds;
};

/* --- in the parent, before anything is made --- */

/* Is there such a root? */
void rootfs_check(const struct spec *spec);
/* Is it a whole one? A directory given by mistake stays as it is then. */
void rootfs_check_usual(const struct spec *spec);
/* Show its files' owners through the container's id maps, if it wants that:
 * maps_fd is a user namespace that has them. Only root on the host may. */
void rootfs_prepare(struct root_sources *s, const struct spec *spec,
                    int maps_fd);

/* --- in the child, in this order --- */

/* scratch_path is a directory of the host that is ours, to mount a temporary
 * file system on in our own namespace. */
void rootfs_open_sources(struct root_sources *s, const struct spec *spec,
                         const char *scratch_path);
/* What we mount from now on is ours alone; after the copies of what stays
 * shared are made. */
void make_mounts_private(void);
/* The root as a mount of its own; its descriptor. */
int rootfs_attach(const struct root_sources *s, const struct spec *spec);
/* Masked and read-only paths; the root itself read-only. */
void rootfs_protect(const struct root_sources *s, const struct spec *spec,
                    int root_fd);
/* From here on the host's files have no name any more. */
void enter_root(const struct root_sources *s, const struct spec *spec,
                int root_fd);

/* Instead of all of these, in a mount namespace that is not ours to change
 * (spec_prepares_root): root.path is a path in there. */
void rootfs_join(const struct spec *spec);

/* --- dev.c --- */
/* First a /dev, if config.json mounts none: its descriptor, or -1; then, after
 * the other mounts, what belongs into it. */
int rootfs_need_dev(const struct spec *spec, int root_fd);
void make_devices(const struct spec *spec, int root_fd, int dev_fd);
/* In the new root, when the process has its terminal: /dev/console. */
void rootfs_bind_console(const struct spec *spec);

#endif
