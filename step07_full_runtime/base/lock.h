/*
 * lock.h - one program at a time changes what all containers share.
 *
 * The bridge, ip_forward and cgroup.subtree_control belong to every container
 * at once: the first makes them, the last removes them. Who is first and who
 * is last is decided under this lock. It grew out of step06.
 */
#ifndef RUNG_LOCK_H
#define RUNG_LOCK_H

#include <stdbool.h>

/* flock(2) /run/rung.lock, which the demos of the other steps take, too; or a
 * file of the user's own. Waits at most ten
 * seconds, then returns false, with ETIMEDOUT in errno. A process that dies
 * with the lock still has it when its undo functions ask again. The end of the
 * process unlocks. */
bool lock_host(void);
/* With CLEANUP(unlock_host) bool locked = lock_host(); */
void unlock_host(bool *locked);

#endif
