/*
 * files.c - read, write and open files.
 *
 * It must never follow a link of a container's image out of the image, nor
 * take a half-written value for a whole one. It grew out of host.c in step05.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "base/safeguards.h"

/* Configuration files are small; more than this is a mistake or an attack. */
static const size_t FILE_SIZE_MAX = 16 << 20;

void close_fd(int *fd)
{
    int saved_errno = errno;
    if (*fd >= 0)
        (void)close(*fd); /* nothing to do about a failure, and no data */
    *fd = -1;
    errno = saved_errno;
}

/*
 * The files of /proc and of a cgroup take what one write(2) brings as the
 * whole: so a short write is an error, not something to continue.
 */
int write_file_at(int directory_fd, const char *path, const char *text)
{
    CLEANUP(close_fd)
    int fd = openat(directory_fd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd == -1)
        return -1;
    ssize_t written;
    do {
        written = write(fd, text, strlen(text));
    } while (written == -1 && errno == EINTR);
    if (written == -1)
        return -1;
    if ((size_t)written != strlen(text)) {
        errno = EIO;
        return -1;
    }
    return 0;
}

char *read_fd(int fd)
{
    size_t size = 1024;
    size_t length = 0;
    char *text = allocate(1, size);
    for (;;) {
        ssize_t n = read(fd, text + length, size - length - 1);
        if (n == -1 && errno == EINTR)
            continue;
        /* To open a pipe waits for nobody who writes; to read does. */
        if (n == -1 && errno == EAGAIN && fcntl(fd, F_SETFL, 0) == 0)
            continue;
        if (n <= 0) {
            text[length] = '\0';
            if (n == 0 && !memchr(text, '\0', length))
                return text;
            errno = n == 0 ? EILSEQ : errno;
            break;
        }
        length += (size_t)n;
        if (length + 1 < size)
            continue;
        if (size >= FILE_SIZE_MAX) {
            errno = EFBIG;
            break;
        }
        size *= 4;
        char *larger = realloc(text, size);
        if (!larger)
            break;
        text = larger;
    }
    int saved_errno = errno;
    free(text);
    errno = saved_errno;
    return NULL;
}

char *read_file_at(int directory_fd, const char *path)
{
    CLEANUP(close_fd)
    int fd = openat(directory_fd, path,
                    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd == -1 ? NULL : read_fd(fd);
}

bool file_exists_at(int directory_fd, const char *path)
{
    if (faccessat(directory_fd, path, F_OK, 0) == 0)
        return true;
    if (errno != ENOENT && errno != ENOTDIR)
        die("look at %s", path);
    return false;
}

DIR *open_directory(int at_fd, const char *path)
{
    int fd =
        openat(at_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd == -1 ? NULL : fdopendir(fd);
    if (!directory)
        close_fd(&fd);
    return directory;
}

void close_directory(DIR **directory)
{
    if (*directory)
        (void)closedir(*directory); /* nothing was written */
}

int open_procfs(void)
{
    struct statfs fs;
    int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1 || fstatfs(fd, &fs) == -1)
        die("open /proc");
    if (fs.f_type != PROC_SUPER_MAGIC)
        fail("open /proc: not a procfs");
    return fd;
}

bool is_file_system(int fd, long magic)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && (long)fs.f_type == magic;
}

/*
 * A container's image may hold any link, and another container may swap one
 * while we look: so nothing inside a root is ever opened by a plain path. The
 * kernel resolves it with root_fd as "/", "..", absolute links and all, and
 * refuses the magic links of /proc, which lead anywhere: openat2(2).
 */
int open_in_root(int root_fd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)flags | O_CLOEXEC,
        .mode = flags & O_CREAT ? 0644 : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    if (without("resolve-in-root"))
        how.resolve = 0;
    while (without("resolve-in-root") && *path == '/')
        path++;
    if (*path == '\0')
        path = ".";
    for (int tries = 0; tries < 100; tries++) {
        long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        /* EAGAIN: something on the way was renamed meanwhile. */
        if (fd != -1 || (errno != EINTR && errno != EAGAIN))
            return (int)fd;
    }
    return -1;
}

void unescape_mount(char *path)
{
    char *to = path;
    for (const char *from = path; *from; from++) {
        unsigned int code = (unsigned char)*from;
        if (*from == '\\' && sscanf(from + 1, "%3o", &code) == 1)
            from += 3;
        *to++ = (char)code;
    }
    *to = '\0';
}
