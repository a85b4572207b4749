/*
 * lock.c - the lock around what all containers share: flock(2) on a file.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/lock.h"

enum {
    TRIES = 1000,
    TRY_EVERY_MS = 10,
};

static char *held_path;
static int held_fd = -1;

/*
 * What others can open, they can lock, and halt us all: the file is its owner's
 * alone. Who unlocks removes it: whoever waited for that one looks again.
 * -1 with EWOULDBLOCK: not now.
 */
static int try_lock(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd == -1)
        return -1;
    int error = EWOULDBLOCK;
    if (fstat(fd, &status) == -1 || status.st_uid != geteuid())
        error = EPERM;
    else if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &status) == 0 &&
             status.st_nlink > 0)
        return fd;
    close(fd);
    errno = error;
    return -1;
}

/*
 * flock(2) has no time limit of its own: so ask without blocking, again and
 * again. Two containers seldom start in the same millisecond, so the first try
 * nearly always works.
 *
 * die() in the middle of the work runs the undo functions, which lock too: a
 * second descriptor would wait for the first one, for ever.
 */
bool lock_host(void)
{
    if (held_fd != -1)
        return true;
    if (!held_path)
        held_path = runtime_path(".lock");
    for (int i = 0; i < TRIES; i++) {
        held_fd = try_lock(held_path);
        if (held_fd != -1)
            return true;
        if (errno != EWOULDBLOCK)
            return false;
        struct timespec pause = {.tv_nsec = TRY_EVERY_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    errno = ETIMEDOUT;
    return false;
}

void unlock_host(bool *locked)
{
    if (!*locked || held_fd == -1)
        return;
    unlink(held_path);
    close(held_fd);
    held_fd = -1;
}
