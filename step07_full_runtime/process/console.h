/*
 * console.h - a terminal of the container's own.
 */
#ifndef RUNG_CONSOLE_H
#define RUNG_CONSOLE_H

#include <stdbool.h>

#include "config/spec.h"

/* In the child, in its root: make the terminal, take it as standard input,
 * output and error, and give the other side to the parent; who has it hand it
 * over if there is a console_socket. */
void console_open(const struct spec *spec, int socket_fd,
                  const char *console_socket);

/* In the parent. */
/* Connect to the socket at this path and give the other side away. */
void console_hand_over(const char *path, int terminal_fd);
void console_start(const struct spec *spec, int terminal_fd);
void console_resize(int terminal_fd); /* after SIGWINCH */

/* One turn of copying between us and the container. fds to poll(2) first. */
struct pollfd;
int console_poll_fds(struct pollfd *fds, int terminal_fd);
bool console_copy(const struct pollfd *fds, int terminal_fd);
/* How long poll(2) may wait: -1 for ever. When nothing came, try again. */
int console_timeout(void);
void console_tell_end(void);
/* SIGINT, SIGQUIT or SIGTSTP if that is what the next key means to process
 * group pid, which has the terminal; else 0. Call it before console_copy. */
int console_signal_key(const struct pollfd *fds, int terminal_fd, int pid);
/* Don't pass that key on. */
void console_forget_key(void);
/* Stop ourselves, with the caller's terminal as it was. */
void console_suspend(void);
/* All that is left of the output, after the end. */
void console_drain(int terminal_fd);

#endif
