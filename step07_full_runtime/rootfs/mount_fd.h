/*
 * mount_fd.h - mounts as descriptors: open_tree(2), fsopen(2), move_mount(2).
 *
 * A mount is made first, complete with its attributes, where nobody can reach
 * it; then it is moved onto a target that is itself a descriptor. So there is
 * no moment when a path could be swapped, or a mount be writable that should
 * not be. rootfs.c and mounts.c use it. It grew out of step04.
 */
#ifndef RUNG_MOUNT_FD_H
#define RUNG_MOUNT_FD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* All of these end the program when they fail, except for those that return
 * -1 and errno. */

/* The SELinux label of all new file systems that can have one, from now on. */
void mount_use_label(const char *label);
/* A new file system of this type; data is "size=1m,mode=755" or NULL; the
 * attributes are MOUNT_ATTR_...: fsopen(2), fsmount(2). */
int mount_new(const char *type, const char *source, const char *data,
              uint64_t attributes);
/* Returns -1 if that fails; mount_new_failed() then says why. */
int mount_try_new(const char *type, const char *source, const char *data,
                  uint64_t attributes);
_Noreturn void mount_new_failed(const char *type, const char *data);
/* Change the file system under a mount: fspick(2). */
void mount_reconfigure(int mount_fd, const char *data, const char *name);

/* A copy of a mount (and of those below it): what a bind mount is. Not yet
 * attached; -1 on failure: open_tree(2). */
int mount_copy(int fd, bool recursive);
int mount_copy_path(const char *path, bool recursive);

/* Change attributes of a mount: MOUNT_ATTR_..., MS_PRIVATE ...; the name is
 * for the error: mount_setattr(2). */
void mount_change(int mount_fd, uint64_t set, uint64_t clear,
                  unsigned long propagation, bool recursive, const char *name);
/* Show its files' owners through the maps of that user namespace. */
void mount_map_ids(int mount_fd, int user_namespace_fd, bool recursive,
                   const char *name);

/* Put the mount on the target: move_mount(2). */
void mount_attach(int mount_fd, int target_fd, const char *target_name);

/* The place in the root to mount on, made if it is missing: O_PATH. The name
 * is resolved inside the root, whatever links it holds. */
int mount_target(int root_fd, const char *path, bool is_directory);
/* The same, a directory; one that is made is like /tmp: for all users. */
int mount_target_shared(int root_fd, const char *path);
/* The same, a directory and not a link to one. */
int mount_target_plain(int root_fd, const char *path);
/* mkdir -p inside the root; the last directory, O_PATH. */
int make_directories(int root_fd, const char *path, mode_t mode);
/* The same without the last part of the path, which is *name: free it. */
int make_parent(int root_fd, const char *path, char **name);
/* Is this open file that device? The type is 'c' or 'b'. False and errno
 * (ENODEV: another file) if not. */
bool is_device(int fd, char type, unsigned int major_number,
               unsigned int minor_number);

#endif
