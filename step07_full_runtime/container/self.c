/*
 * self.c - our own program file, out of the container's reach.
 *
 * While we start a container, its /proc/self/exe is our program on the host. A
 * command named "/proc/self/exe" (or a script with that interpreter) runs us
 * inside the container, with the container's libraries; and root can then
 * write to the file (CVE-2019-5736). So we run from a copy of the mount that
 * is read-only for good, or else from a copy of the file in memory that is
 * sealed. It must come before anything else is done. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "container/self.h"

int self_mount_fd = -1;

void self_let_go(void)
{
    close_fd(&self_mount_fd);
}

static bool is_protected(int fd)
{
    struct statvfs fs;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals != -1 && seals & F_SEAL_WRITE)
        return true;
    return fstatvfs(fd, &fs) == 0 && fs.f_flag & ST_RDONLY;
}

/* A mount of this file alone, attached nowhere, that nobody can remount. */
static int clone_read_only(void)
{
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    int fd = open_tree(AT_FDCWD, "/proc/self/exe",
                       OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (fd == -1)
        return -1;
    if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* For those who may not mount. The seals can never be taken off again. */
static int copy_to_memory(int exe_fd)
{
    struct stat st;
    int fd = memfd_create("rung", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd == -1 || fstat(exe_fd, &st) == -1)
        die("copy our own program to memory");
    for (off_t rest = st.st_size; rest > 0;) {
        ssize_t n = sendfile(fd, exe_fd, NULL, (size_t)rest);
        if (n <= 0 && errno != EINTR)
            die("copy our own program to memory");
        rest -= n > 0 ? n : 0;
    }
    if (fchmod(fd, 0555) == -1 ||
        fcntl(fd, F_ADD_SEALS,
              F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
        die("seal the copy of our own program");
    return fd;
}

/* Before the options are read, because they are read again afterwards. */
static bool is_left_out(char **argv)
{
    for (; *argv; argv++) {
        if (strcmp(*argv, "--without=own-binary") == 0 ||
            (strcmp(*argv, "--without") == 0 && argv[1] &&
             strcmp(argv[1], "own-binary") == 0))
            return true;
        if (strcmp(*argv, "--") == 0)
            break;
    }
    return false;
}

void self_protect(char **argv)
{
    if (is_left_out(argv))
        return;
    CLEANUP(close_fd)
    int exe_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (exe_fd == -1)
        die("open /proc/self/exe (is /proc mounted?)");
    if (is_protected(exe_fd)) {
        (void)prctl(PR_SET_NAME, program_name());
        return;
    }
    int fd = clone_read_only();
    if (fd == -1)
        fd = copy_to_memory(exe_fd);
    narrate(7, "execveat(a read-only copy of our own program) # mount -B -r "
               "...; exec ...");
    execveat(fd, "", argv, environ, AT_EMPTY_PATH);
    die("execute the protected copy of our own program");
}
