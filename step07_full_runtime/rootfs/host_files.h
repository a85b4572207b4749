/*
 * host_files.h - files of the host, opened by a process that may.
 */
#ifndef RUNG_HOST_FILES_H
#define RUNG_HOST_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/channel.h"

/*
 * A descriptor (O_PATH) of the host's file in our own mount namespace; -1 and
 * errno. Where we may not reach it, the parent is asked, if host_files_ask
 * said how: it may be root there, while we are root of a user namespace.
 */
int host_file_open(const char *path, bool is_link);
/* In the child: who answers from now on. */
void host_files_ask(int socket_fd);
/* In the parent, before its GO. Whatever cannot be opened is not answered. */
void host_files_prepare(pid_t pid);
/* In the parent: open it, in the mount namespace of that child. */
void host_files_answer(int socket_fd, const struct message *question);

#endif
