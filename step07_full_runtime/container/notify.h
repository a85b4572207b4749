/*
 * notify.h - a service's readiness, from its container to systemd: notify.c.
 */
#ifndef RUNG_NOTIFY_H
#define RUNG_NOTIFY_H

#include <stdbool.h>
#include <sys/types.h>

/* Does somebody wait for this container's READY=1? sd_notify(3) */
bool notify_is_wanted(void);
/* Make the directory in STATE, a container's ROOT/ID. */
void notify_make(const char *state);
/* The socket in it; -1 if the container has none, or nobody waits. */
int notify_listen(const char *state);
/* Pass READY=1 on, and MAIN_PID unless it is 0. False: it was another
 * message, which is dropped. */
bool notify_pass(int fd, pid_t main_pid);

#endif
