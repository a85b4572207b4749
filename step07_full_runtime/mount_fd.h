/*
 * mount_fd.h - mounts as descriptors: open_tree(2), fsopen(2), move_mount(2).
 *
 * A mount is made first, complete with its attributes, where nobody can reach
 * it; then it is moved onto a target that is itself a descriptor. So there is
 * no moment when a path could be swapped, or a mount be writable that should
 * not be. Layer 1: used by rootfs.c and mounts.c. It grew out of step04.
 */
#ifndef RUNG_MOUNT_FD_H
#define RUNG_MOUNT_FD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A new file system of this type; data is "size=1m,mode=755" or NULL. All of
 * these end the program when they fail, except where they return -1. */
int mount_new(const char *type, const char *source, const char *data,
              uint64_t attributes);
int mount_try_new(const char *type, const char *source, const char *data,
                  uint64_t attributes);
/* A copy of a mount (and of those below it): what a bind mount is. */
int mount_copy(int fd, bool recursive);
/* Change attributes of a mount: MOUNT_ATTR_..., MS_PRIVATE ... */
void mount_change(int mount_fd, uint64_t set, uint64_t clear,
                  unsigned long propagation, bool recursive);
/* Put the mount on the target. */
void mount_attach(int mount_fd, int target_fd, const char *target_name);

/* The place in the root to mount on, made if it is missing: O_PATH. The name
 * is resolved inside the root, whatever links it holds. */
int mount_target(int root_fd, const char *path, bool is_directory);
/* mkdir -p inside the root; the last directory, O_PATH. */
int make_directories(int root_fd, const char *path, mode_t mode);

#endif
