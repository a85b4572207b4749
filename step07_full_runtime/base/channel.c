/*
 * channel.c - messages between the runtime's parent and child: unix(7).
 *
 * It knows how a message travels, not what it means. It must not lose a
 * descriptor that came along. It grew out of the handshake of step06.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"

enum {
    /* Who takes longer than this many seconds to listen is taken for dead. */
    PATIENCE = 10,
};

void channel_pair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1)
        die("make a pair of sockets");
}

int channel_send_text(int socket_fd, enum message_type type, int status,
                      const char *text)
{
    struct message message = {.type = (int)type, .status = status};
    size_t length = strlen(text);
    if (length >= sizeof(message.text)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(message.text, text, length);
    size_t size = offsetof(struct message, text) + length + 1;
    return send(socket_fd, &message, size, MSG_NOSIGNAL) == -1 ? -1 : 0;
}

int channel_send(int socket_fd, enum message_type type, int status)
{
    return channel_send_text(socket_fd, type, status, "");
}

/* Room for one descriptor: SCM_RIGHTS, unix(7). */
union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

int channel_send_fd(int socket_fd, const void *data, size_t size, int fd)
{
    struct iovec iov = {(void *)data, size};
    union control control = {0};
    struct msghdr header = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = sizeof(control.space),
    };
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
    ssize_t n = sendmsg(socket_fd, &header, MSG_NOSIGNAL);
    if (n != -1 && n < (ssize_t)size)
        errno = EAGAIN; /* a stream whose reader is slow took a part */
    return n == (ssize_t)size ? 0 : -1;
}

bool channel_receive(int socket_fd, struct message *message, int *fd)
{
    struct iovec iov = {message, sizeof(*message)};
    union control control = {0};
    struct msghdr header = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = sizeof(control.space),
    };
    ssize_t n;
    do { /* ECONNRESET, once: it has ended, and not read all that we sent */
        n = recvmsg(socket_fd, &header, MSG_CMSG_CLOEXEC);
    } while (n == -1 && (errno == EINTR || errno == ECONNRESET));
    *fd = -1;
    if (n < (ssize_t)offsetof(struct message, text) + 1) {
        if (n != -1)
            errno = 0;
        return false;
    }
    if (control.header.cmsg_len == CMSG_LEN(sizeof(int)) &&
        control.header.cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(&control.header), sizeof(int));
    message->text[n - (ssize_t)offsetof(struct message, text) - 1] = '\0';
    return true;
}

/*
 * A socket's address holds 107 characters; a path may have 4095. Through
 * /proc/self/fd the directory is reached by a descriptor, and the name is
 * short.
 */
static int open_socket(const char *path, int type, struct sockaddr_un *address,
                       int *directory_fd)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    CLEANUP(free_string)
    char *directory = print_string("%.*s", (int)(name - path), path);
    *directory_fd =
        open(slash ? directory : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*directory_fd == -1)
        return -1;
    address->sun_family = AF_UNIX;
    int n = snprintf(address->sun_path, sizeof(address->sun_path),
                     "/proc/self/fd/%d/%s", *directory_fd, name);
    if (n >= (int)sizeof(address->sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
}

int channel_listen(const char *path, int type)
{
    struct sockaddr_un address;
    CLEANUP(close_fd) int directory_fd = -1;
    int fd = open_socket(path, type, &address, &directory_fd);
    if (fd == -1 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
        (type != SOCK_DGRAM && listen(fd, 8) == -1))
        close_fd(&fd);
    return fd;
}

int channel_connect(const char *path, int type)
{
    struct sockaddr_un address;
    CLEANUP(close_fd) int directory_fd = -1;
    int fd = open_socket(path, type, &address, &directory_fd);
    struct timeval patience = {.tv_sec = PATIENCE};
    if (fd == -1 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) ==
            -1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
        close_fd(&fd);
    return fd;
}
