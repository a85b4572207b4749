/*
 * lock.h - one program at a time changes what all containers share.
 *
 * The bridge, ip_forward and cgroup.subtree_control belong to every container
 * at once: the first makes them, the last removes them. Who is first and who
 * is last is decided under this lock. It grew out of step06.
 */
#ifndef RUNG_LOCK_H
#define RUNG_LOCK_H

/* flock(2) the directory /run: a descriptor to unlock with, or -1 and errno.
 * Waits at most ten seconds, then says ETIMEDOUT. close(2) unlocks, and so
 * does the end of the process, however it ends. */
int lock_host(void);

#endif
