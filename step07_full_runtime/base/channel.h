/*
 * channel.h - messages between the runtime's parent and child: unix(7).
 *
 * A socket of type SOCK_SEQPACKET keeps each message whole. Its end tells that
 * the other side has died, or has become the command: every descriptor of ours
 * is closed by execve(2). Never: a wait for a message goes on when the other
 * side is gone. It grew out of the handshake of step06.
 */
#ifndef RUNG_CHANNEL_H
#define RUNG_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

/* What parent and child say to each other, a packet each. */
enum message_type {
    MESSAGE_LOG, /* level, status (of an error that ends the child), text */
    MESSAGE_GO, /* the parent: go on; status: your PID on the host */
    MESSAGE_OPEN, /* the child: open this path for me; status: a link itself */
    MESSAGE_OPENED, /* the answer: errno, or a descriptor comes along */
    MESSAGE_TERMINAL, /* a descriptor comes along */
    MESSAGE_HOOKS, /* the container is made: now prestart, createRuntime */
    MESSAGE_READY, /* created: waits for "start" */
    MESSAGE_EXECUTING, /* only execve(2) is left to do */
};

enum {
    LINE_SIZE = 4096
};

struct message {
    int type;
    int level;
    int status;
    char text[LINE_SIZE];
};

/* Both ends, close-on-exec. */
void channel_pair(int fds[2]);
/* -1 and errno if the other side is gone (EPIPE). */
int channel_send(int socket_fd, enum message_type type, int status);
int channel_send_text(int socket_fd, enum message_type type, int status,
                      const char *text);
/* The next message; its descriptor goes to *fd, or -1. False: the end (errno
 * is 0), or an error. */
bool channel_receive(int socket_fd, struct message *message, int *fd);
/* Hand a descriptor to another process, with a few bytes. -1 and errno. */
int channel_send_fd(int socket_fd, const void *data, size_t size, int fd);
/* A socket that listens at this path, or is connected to it. -1 and errno. The
 * path may be longer than a socket's address can be. */
int channel_listen(const char *path, int type);
int channel_connect(const char *path, int type);

#endif
