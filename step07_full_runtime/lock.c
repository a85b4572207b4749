/* lock.c - the lock around what all containers share: flock(2) on /run. */
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum {
    TRIES = 1000,
    TRY_EVERY_MS = 10
};

/*
 * flock(2) has no time limit of its own, and any user may lock a directory
 * that he can read: so ask without blocking, again and again. Two containers
 * seldom start in the same millisecond, so the first try nearly always works.
 */
int lock_host(void)
{
    int fd = open("/run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        return -1;
    for (int i = 0; i < TRIES; i++) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return fd;
        struct timespec pause = {.tv_nsec = TRY_EVERY_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    close(fd);
    errno = ETIMEDOUT;
    return -1;
}
