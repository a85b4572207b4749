/*
 * host.c - what we touch on the host: small files, a lock, and the way back.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo.h"

/* Write TEXT into the file NAME of the directory DIR; -1 and errno if not. */
int write_file(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    if (fd == -1)
        return -1;
    ssize_t length = (ssize_t)strlen(text);
    ssize_t written = TEMP_FAILURE_RETRY(write(fd, text, (size_t)length));
    int error = written == -1 ? errno : EIO;
    close(fd);
    errno = error;
    return written == length ? 0 : -1;
}

/* Read the small file NAME of the directory DIR; "" if there is none. */
const char *read_file(int dir, const char *name)
{
    static char text[4096];
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t length =
        fd == -1 ? 0 : TEMP_FAILURE_RETRY(read(fd, text, sizeof(text) - 1));
    if (fd != -1)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

/*
 * What several demos share (a controller, a bridge) changes hands under this
 * lock, so that the last one leaves and the next one comes in one at a time.
 * Whoever fails while holding it undoes things with it still held. The file is
 * root's alone: what others can open, they can lock, and halt us all. flock(2)
 */
static const char lock_path[] = "/run/rung.lock";
static int host_lock = -1;

/* Who unlocks removes the file: whoever waited for that one looks again. */
static bool try_lock(void)
{
    struct stat status;
    host_lock =
        open(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (host_lock == -1)
        die("open %s", lock_path);
    if (flock(host_lock, LOCK_EX | LOCK_NB) == 0 &&
        fstat(host_lock, &status) == 0 && status.st_nlink > 0)
        return true;
    close(host_lock);
    host_lock = -1;
    return false;
}

void lock_host(void)
{
    if (host_lock != -1)
        return;
    /* Nobody holds it for long; ten seconds are for a machine on its knees. */
    for (int tries = 0; !try_lock(); tries++) {
        errno = EWOULDBLOCK;
        if (tries == 1000)
            die_with_hint("is another demo stopped half-way?", "lock %s",
                          lock_path);
        usleep(10000);
    }
}

void unlock_host(void)
{
    unlink(lock_path);
    close(host_lock);
    host_lock = -1;
}

/*
 * What we leave on the host is taken away by functions given to atexit(3) as
 * soon as it exists. A child inherits them, and must not do the parent's work.
 */
struct container *to_undo;

void forget_undo(void)
{
    to_undo = NULL;
}
