/*
 * notify.c - a service's readiness, from its container to systemd.
 *
 * NOTIFY_SOCKET tells a service where to say READY=1: sd_notify(3). Systemd
 * believes only the service's own processes, and a container's are not in its
 * cgroup. So the command gets a socket of ours, and we say it again outside.
 * Never anything else of what it says: a container could name any process as
 * the main one of the service. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "config/state.h"
#include "container/notify.h"

/* Where the host listens; "" if it does not. */
static const char *host_path(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    return path && (*path == '/' || *path == '@') ? path : "";
}

bool notify_is_wanted(void)
{
    return *host_path();
}

void notify_make(const char *state)
{
    CLEANUP(free_string) char *directory = join_path(state, NOTIFY_DIRECTORY);
    /* The command may be any user of the container, and our umask anything. */
    if (mkdir(directory, 0755) == -1 || chmod(directory, 0755) == -1)
        die("make %s", directory);
}

int notify_listen(const char *state)
{
    CLEANUP(free_string) char *path = join_path(state, NOTIFY_SOCKET);
    CLEANUP(free_string) char *directory = join_path(state, NOTIFY_DIRECTORY);
    if (!notify_is_wanted() || !file_exists_at(AT_FDCWD, directory))
        return -1;
    (void)unlink(path); /* of a start that was killed */
    narrate(7, "bind(\"%s\") # for READY=1", path);
    int fd = channel_listen(path, SOCK_DGRAM);
    if (fd == -1 || chmod(path, 0777) == -1)
        die("listen at %s", path);
    return fd;
}

static bool says_ready(int fd)
{
    char text[4096];
    ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = '\0';
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (strcmp(line, "READY=1") == 0)
            return true;
    }
    return false;
}

/* A name that begins with "@" is an abstract one: its first byte is 0. */
static int send_to_host(const char *text)
{
    const char *path = host_path();
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CLEANUP(close_fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    size_t length = strlen(path);
    if (fd == -1)
        return -1;
    if (length >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, length);
    if (*path == '@')
        address.sun_path[0] = '\0';
    length += offsetof(struct sockaddr_un, sun_path);
    return (int)sendto(fd, text, strlen(text), MSG_NOSIGNAL,
                       (struct sockaddr *)&address, (socklen_t)length);
}

bool notify_pass(int fd, pid_t main_pid)
{
    if (!says_ready(fd))
        return false;
    CLEANUP(free_string)
    char *text = main_pid ? print_string("MAINPID=%d\nREADY=1", main_pid)
                          : copy_string("READY=1");
    if (send_to_host(text) == -1)
        warn("tell %s that the container is ready: %s", host_path(),
             strerror(errno));
    return true;
}
