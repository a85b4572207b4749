/*
 * open_files.c - which open files the command gets, and which not.
 *
 * The three standard ones, and those that were asked for. It must never let
 * another of the caller's through: root could leave its root by a directory
 * among them (CVE-2024-21626), and a container that waits for `start` would
 * hold them for as long as it waits. New in step07.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/numbers.h"
#include "base/report.h"
#include "base/safeguards.h"
#include "process/open_files.h"

static unsigned int first_other(const struct spec *spec)
{
    return STDERR_FILENO + 1 + spec->invocation.preserve_fds;
}

/* What we opened ourselves is marked close-on-exec; what came through our own
 * execve(2) is not. */
void files_close_callers(const struct spec *spec)
{
    if (without("close-fds"))
        return;
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        die("open /proc/self/fd");
    const struct dirent *entry;
    while ((entry = readdir(directory))) {
        uint64_t fd;
        if (parse_u64(entry->d_name, &fd) && fd >= first_other(spec) &&
            fcntl((int)fd, F_GETFD) == 0)
            (void)close((int)fd); /* not ours: no data to lose */
    }
    (void)closedir(directory);
}

void close_files(const struct spec *spec)
{
    if (without("close-fds"))
        return;
    unsigned int first = first_other(spec);
    narrate(7, "close_range(%u, ~0, CLOEXEC) # exec 3>&- 4>&- ...", first);
    if (close_range(first, ~0U, CLOSE_RANGE_CLOEXEC) == -1)
        die("close the other files");
}

/* Not devices, which are everybody's; nor a file that is only read, which our
 * caller did not mean to give away. */
static bool can_be_given(int fd, const struct stat *st)
{
    bool is_written = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
    return S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode) ||
           (S_ISREG(st->st_mode) && is_written);
}

/*
 * To open /dev/stdout opens the file behind it once more, and asks who may:
 * proc(5), /proc/PID/fd. On the host's side, since a user namespace gives no
 * right to a file whose owner is not mapped in it.
 */
void files_give_standard(const struct spec *spec)
{
    uid_t uid;
    if (spec->process.terminal || !spec_host_user(spec, &uid))
        return;
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        struct stat st;
        if (fstat(fd, &st) == -1)
            die("look at descriptor %d", fd);
        if (st.st_uid == uid || !can_be_given(fd, &st))
            continue;
        /* An ordinary user may not; the command may not need it. */
        if (fchown(fd, uid, (gid_t)-1) == -1 && errno != EPERM &&
            errno != EROFS)
            die("give descriptor %d to user %u", fd, uid);
    }
}
