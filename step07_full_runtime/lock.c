/*
 * lock.c - the lock around what all containers share: flock(2) on /run.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"

enum {
    TRIES = 1000,
    TRY_EVERY_MS = 10,
};

static int held_fd = -1;

/*
 * flock(2) has no time limit of its own, and any user may lock a directory
 * that he can read: so ask without blocking, again and again. Two containers
 * seldom start in the same millisecond, so the first try nearly always works.
 *
 * die() in the middle of the work runs the undo functions, which lock too: a
 * second descriptor would wait for the first one, for ever.
 */
bool lock_host(void)
{
    if (held_fd != -1)
        return true;
    int fd = open("/run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return false;
    for (int i = 0; i < TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            held_fd = fd;
            return true;
        }
        struct timespec pause = {.tv_nsec = TRY_EVERY_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    close(fd);
    errno = ETIMEDOUT;
    return false;
}

void unlock_host(bool *locked)
{
    if (!*locked || held_fd == -1)
        return;
    close(held_fd);
    held_fd = -1;
}
