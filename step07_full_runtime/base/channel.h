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

#include "base/util.h"

/* Both ends, close-on-exec. */
void channel_pair(int fds[2]);
/* -1 and errno if the other side is gone (EPIPE). */
int channel_send(int socket_fd, enum message_type type, int status);
int channel_send_text(int socket_fd, enum message_type type, int status,
                      const char *text);
/* The next message; its descriptor goes to *fd, or -1. False: the end. */
bool channel_receive(int socket_fd, struct message *message, int *fd);
/* Hand a descriptor to another process, with a few bytes. -1 and errno. */
int channel_send_fd(int socket_fd, const void *data, size_t size, int fd);
/* A socket that listens at DIRECTORY/NAME, or is connected to it. -1 and
 * errno. The whole name may be longer than a socket's address can be. */
int channel_listen(const char *directory, const char *name, int type);
int channel_connect(const char *directory, const char *name, int type);

#endif
