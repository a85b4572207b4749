/*
 * self.h - our own program file, out of the container's reach.
 */
#ifndef RUNG_SELF_H
#define RUNG_SELF_H

/* Go on as the same program from a file that cannot be written. Returns if
 * that is so already. */
void self_protect(char **argv);

/* A copy of our file's mount that we run from, or -1. Only the static program
 * has one: scripts/static.d/start.c. */
extern int self_mount_fd;

/* Close it: in the child at once, in the parent when there is nothing better to
 * do. The last of them makes the kernel wait for all processors. */
void self_let_go(void);

#endif
