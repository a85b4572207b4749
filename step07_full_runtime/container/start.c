/*
 * start.c - `rung start`: the two halves of a created container meet.
 *
 * A created container waits on a socket in its state directory. So `start`
 * hears how execve(2) went, which a mere "go" could not tell; and when the
 * container is dead nobody listens, so `start` cannot hang. It must never let
 * two of them start the same container. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/memory.h"
#include "base/report.h"
#include "container/container.h"
#include "container/notify.h"

/* The one connection that the child accepts. It says READY: whoever hears the
 * end of file instead was second. */
static int ask_to_start(const struct state *state)
{
    struct message message;
    int fd;
    CLEANUP(free_string)
    char *path = print_string("%s/%s/" START_SOCKET, state->root, state->id);
    int socket_fd = channel_connect(path, SOCK_SEQPACKET);
    if (socket_fd == -1)
        die("start container %s (has it been started?)", state->id);
    errno = 0;
    if (channel_receive(socket_fd, &message, &fd) &&
        message.type == MESSAGE_READY)
        return socket_fd;
    if (errno)
        die("hear from container %s", state->id);
    errno = ECONNRESET;
    die("start container %s (does somebody else start it?)", state->id);
}

int container_start(struct state *state)
{
    json_t *config = state_config(state);
    if (!config)
        return EXIT_RUNTIME;
    struct container c;
    struct invocation invocation = {.id = state->id, .needs_process = true};
    container_prepare(&c, spec_parse(config, state->bundle, &invocation),
                      state->root, state->id);
    c.detach = true;
    c.state = *state;
    c.pid = state->pid;
    c.pidfd = state_open_process(state);
    if (c.pidfd == -1)
        die("start container %s", c.id);
    c.socket_fd = ask_to_start(state);
    CLEANUP(free_string) char *directory = join_path(state->root, state->id);
    c.notify_fd = notify_listen(directory);
    block_signals(&c);
    let_go(&c);
    attend(&c);
    if (c.socket_fd == -1 && c.is_executing && !c.failure && !c.was_ended)
        return 0;
    if (!c.failure)
        warn("start container %s: it was killed before its command ran", c.id);
    return c.failure ? c.failure : EXIT_RUNTIME;
}
