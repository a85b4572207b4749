/*
 * notify.c - calls that another program is to judge:
 * seccomp_unotify(2).
 *
 * The kernel stops such a call, and tells whoever holds the filter's listener,
 * a descriptor. It goes over a socket to the agent that config.json names, in
 * one message: agents read no second one. But once the filter is on, sending
 * it may be such a call itself, and would wait for an agent that knows nothing
 * yet. So a second thread, which the filter does not hold, sends it; the first
 * one makes no call until it is done. The thread shares our descriptors and
 * our fate: if it fails, it ends us both. execve(2) leaves nothing of it.
 *
 * Each filter has a connection of its own: that of the command, and those of
 * the startContainer hooks before it. They are made while the socket's path is
 * the host's.
 *
 * It must never let the command run before the agent has the descriptor. Part
 * of seccomp.c.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/memory.h"
#include "base/report.h"
#include "seccomp/parts.h"
#include "seccomp/seccomp.h"

enum {
    STACK_SIZE = 64 << 10,
};

static char *print_process_state(const char *metadata, const struct spec *spec,
                                 const struct state *state, pid_t pid)
{
    enum status status =
        spec->invocation.is_exec ? STATUS_RUNNING : STATUS_CREATING;
    json_t *object =
        json_pack("{s:s, s:[s], s:i, s:s*, s:o}", "ociVersion", OCI_VERSION,
                  "fds", "seccompFd", "pid", (int)pid, "metadata", metadata,
                  "state", state_to_oci(state, status, spec->config));
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    if (!text)
        die("allocate memory");
    json_decref(object);
    return text;
}

static int connect_to_agent(const char *path)
{
    int fd = channel_connect(path, SOCK_STREAM);
    if (fd == -1)
        die("connect to the seccomp agent at %s (does it run?)", path);
    return fd;
}

void seccomp_connect(struct filter *f, const struct spec *spec)
{
    if (!f || !f->notifies)
        return;
    struct messenger *m = &f->messenger;
    size_t count = 1;
    if (!spec->invocation.is_exec)
        count += spec->hooks[HOOK_START_CONTAINER].count;
    m->socket_fds = allocate(count, sizeof(int));
    for (size_t i = 0; i < count; i++)
        m->socket_fds[i] = connect_to_agent(f->listener_path);
    m->used = mmap(NULL, sizeof(*m->used), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (m->used == MAP_FAILED)
        die("share memory with the hooks");
}

void seccomp_introduce(struct filter *f, const struct spec *spec,
                       const struct state *state, pid_t pid)
{
    if (f && f->notifies)
        f->messenger.message =
            print_process_state(f->listener_metadata, spec, state, pid);
}

/* The descriptor and all of the text at once. shutdown(2), for whoever waits
 * for the end: we may have a copy of this connection in another process. */
static int send_listener(struct messenger *m, int listener_fd)
{
    int fd = m->socket_fds[atomic_fetch_add(m->used, 1)];
    const char *text = m->message;
    if (channel_send_fd(fd, text, strlen(text), listener_fd) == -1)
        return -1;
    return shutdown(fd, SHUT_RDWR) == -1 ? -1 : close(fd);
}

/* Our own copy of the listener goes, too: when the agent's is the only one and
 * the agent is gone, the kernel fails the calls with ENOSYS. A copy of ours
 * would have the command wait for an answer for ever. */
static int hand_over(struct messenger *m, int listener_fd)
{
    return send_listener(m, listener_fd) == -1 ? -1 : close(listener_fd);
}

/* The second thread. It ends with us, so this waiting has an end too. */
static int carry(void *filter)
{
    struct filter *f = filter;
    struct messenger *m = &f->messenger;
    int fd;
    while ((fd = atomic_load(&m->listener_fd)) == -1)
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
    if (hand_over(m, fd) == -1)
        die("send the listener to the seccomp agent at %s", f->listener_path);
    atomic_store(&m->is_sent, true);
    return 0;
}

long seccomp_load_with_listener(struct filter *f)
{
    struct messenger *m = &f->messenger;
    atomic_init(&m->listener_fd, -1);
    char *stack = allocate(1, STACK_SIZE);
    /* Not pthread_create(3): the library is not to know, or it would try to
     * change this thread's ids when we change ours. */
    if (clone(carry, stack + STACK_SIZE,
              CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                  CLONE_SYSVSEM,
              f) == -1)
        die("start the seccomp messenger");
    /* To hold all our threads (TSYNC) is not what we want, nor needed: the
     * command begins with one. */
    unsigned int flags = (f->flags & ~SECCOMP_FILTER_FLAG_TSYNC) |
                         SECCOMP_FILTER_FLAG_NEW_LISTENER;
    long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &f->program);
    if (fd == -1)
        return -1;
    /* No call from here on: it could be one that waits for the agent. */
    atomic_store(&m->listener_fd, (int)fd);
    while (!atomic_load(&m->is_sent))
        ;
    return 0;
}
