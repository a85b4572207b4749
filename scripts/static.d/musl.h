/*
 * musl.h - what step07 takes from glibc's headers, and musl's don't have.
 *
 * `make static` includes it first in every file. The functions are in musl.c.
 * Each is the system call of its name in section 2 of the manual.
 */
#pragma once

#include <linux/close_range.h>
#include <linux/mount.h>
#include <signal.h>

/* musl keeps signal 34 for itself. But a container's programs know glibc's. */
#undef SIGRTMIN
#define SIGRTMIN 34

int close_range(unsigned int fd, unsigned int max_fd, int flags);
int execveat(int fd, const char *path, char *const argv[], char *const envp[],
             int flags);
int fsconfig(int fd, unsigned int command, const char *key, const void *value,
             int aux);
int fsmount(int fd, unsigned int flags, unsigned int attributes);
int fsopen(const char *type, unsigned int flags);
int fspick(int fd, const char *path, unsigned int flags);
int mount_setattr(int fd, const char *path, unsigned int flags,
                  struct mount_attr *attributes, unsigned long size);
int move_mount(int from_fd, const char *from, int to_fd, const char *to,
               unsigned int flags);
int open_tree(int fd, const char *path, unsigned int flags);

/* "TERM" for SIGTERM; NULL if there is none: sigabbrev_np(3) */
const char *sigabbrev_np(int sig);
