/*
 * host_files.c - files of the host, opened by a process that may.
 *
 * Root of a user namespace is nobody in particular to the host: a directory
 * that only its owner may enter is closed to the child, and with it a volume
 * in somebody's home. The parent may enter; but what it opens belongs to its
 * own mounts, and the child can bind only its own. So a process of the parent
 * enters the child's mount namespace, opens the file there and hands it over.
 * It must never stay, nor do anything else. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/memory.h"
#include "base/report.h"
#include "rootfs/host_files.h"

static int parent_fd = -1;

void host_files_ask(int socket_fd)
{
    parent_fd = socket_fd;
}

/* O_PATH, too, but it mounts what autofs(5) promises: open_tree(2). */
static int open_here(const char *path, bool is_link)
{
    return open_tree(AT_FDCWD, path,
                     OPEN_TREE_CLOEXEC | (is_link ? AT_SYMLINK_NOFOLLOW : 0));
}

int host_file_open(const char *path, bool is_link)
{
    int fd = open_here(path, is_link);
    if (fd != -1 || errno != EACCES || parent_fd == -1)
        return fd;
    struct message answer;
    if (channel_send_text(parent_fd, MESSAGE_OPEN, is_link, path) == 0 &&
        channel_receive(parent_fd, &answer, &fd) &&
        answer.type == MESSAGE_OPENED) {
        errno = answer.status;
        return fd;
    }
    if (errno)
        die("ask the parent to open %s", path);
    _exit(EXIT_RUNTIME); /* it is gone */
}

/* What it takes to enter, opened while the child can still be looked at: later
 * it hides, and has other ids. */
static struct {
    int root_fd;
    int user_fd;
    int mount_fd;
} child = {-1, -1, -1};

static int open_of(pid_t pid, const char *name, int flags)
{
    CLEANUP(free_string) char *path = print_string("/proc/%d/%s", pid, name);
    return open(path, flags | O_CLOEXEC);
}

void host_files_prepare(pid_t pid)
{
    child.root_fd = open_of(pid, "root", O_PATH | O_DIRECTORY);
    child.user_fd = open_of(pid, "ns/user", O_RDONLY);
    child.mount_fd = open_of(pid, "ns/mnt", O_RDONLY);
}

/* Host paths begin where the child's do. An ordinary user has a right to the
 * mount namespace only in the user namespace, which he owns. */
static int enter(void)
{
    if (setns(child.mount_fd, CLONE_NEWNS) == -1 &&
        (setns(child.user_fd, CLONE_NEWUSER) == -1 ||
         setns(child.mount_fd, CLONE_NEWNS) == -1))
        return -1;
    return fchdir(child.root_fd) == -1 ? -1 : chroot(".");
}

void host_files_answer(int socket_fd, const struct message *question)
{
    pid_t helper = fork();
    if (helper == -1)
        die("fork");
    if (helper > 0) {
        while (waitpid(helper, NULL, 0) == -1 && errno == EINTR)
            continue;
        return;
    }
    become_child();
    struct message answer = {.type = MESSAGE_OPENED};
    int fd = -1;
    if (enter() == -1)
        errno = EACCES; /* what the child knows already */
    else
        fd = open_here(question->text, question->status);
    _exit(fd == -1 ? channel_send(socket_fd, MESSAGE_OPENED, errno)
                   : channel_send_fd(socket_fd, &answer, sizeof(answer), fd));
}
