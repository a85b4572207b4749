/*
 * hooks.c - programs that config.json wants run at certain moments.
 *
 * Where they run is where they are called from: the parent's namespaces for
 * prestart, createRuntime, poststart and poststop; the container's for
 * createContainer (before pivot_root) and startContainer (after it). A hook
 * gets the container's state on its standard input, and must never get any
 * other open file of ours, nor run longer than its timeout. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hooks.h"
#include "util.h"

static const char *const KIND_NAMES[HOOK_COUNT] = {
    [HOOK_PRESTART] = "prestart",
    [HOOK_CREATE_RUNTIME] = "createRuntime",
    [HOOK_CREATE_CONTAINER] = "createContainer",
    [HOOK_START_CONTAINER] = "startContainer",
    [HOOK_POSTSTART] = "poststart",
    [HOOK_POSTSTOP] = "poststop",
};

/* A file rather than a pipe: a hook that reads nothing cannot block us. */
static int open_state(const struct state *state, enum status status,
                      const json_t *config)
{
    int fd = memfd_create("state", MFD_CLOEXEC);
    json_t *oci = state_to_oci(state, status, config);
    if (fd == -1 || json_dumpfd(oci, fd, JSON_COMPACT) == -1 ||
        lseek(fd, 0, SEEK_SET) == -1)
        die("write the state for a hook");
    json_decref(oci);
    return fd;
}

static _Noreturn void become_hook(const struct hook *hook, int state_fd)
{
    char *alone[] = {hook->path, NULL};
    char *no_env[] = {NULL};
    sigset_t none;
    sigemptyset(&none);
    become_child();
    for (int i = 1; i < NSIG; i++)
        (void)signal(i, SIG_DFL); /* KILL and STOP cannot be set */
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(state_fd, STDIN_FILENO) == -1 ||
        close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == -1)
        _exit(EXIT_RUNTIME);
    execve(hook->path, hook->args ? hook->args : alone,
           hook->env ? hook->env : no_env);
    die("execute the hook %s", hook->path);
}

/* The exit status; 128+N for a signal; -1: it ran into its timeout. */
static int wait_for_hook(pid_t pid, int64_t timeout)
{
    CLEANUP(close_fd) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd == -1)
        die("watch a hook");
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    int wait =
        timeout > 0 && timeout < INT32_MAX / 1000 ? (int)timeout * 1000 : -1;
    int ready;
    do {
        ready = poll(&ended, 1, wait);
    } while (ready == -1 && errno == EINTR);
    if (ready == 0)
        (void)kill(pid, SIGKILL);
    int status;
    if (waitpid(pid, &status, 0) != pid)
        die("wait for a hook");
    if (ready == 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_hook(const struct hook *hook, enum hook_kind kind, int state_fd)
{
    const char *name = KIND_NAMES[kind];
    narrate(7, "execve(\"%s\"), the %s hook", hook->path, name);
    pid_t pid = fork();
    if (pid == -1)
        die("fork, for the hook %s", hook->path);
    if (pid == 0)
        become_hook(hook, state_fd);
    int status = wait_for_hook(pid, hook->timeout);
    if (status == 0)
        return 0;
    CLEANUP(free_string)
    char *how = status == -1 ? copy_string("killed after its timeout")
                             : print_string("exit status %d", status);
    if (kind < HOOK_POSTSTART)
        fail("%s hook %s: %s", name, hook->path, how);
    warn("%s hook %s: %s", name, hook->path, how);
    return -1;
}

int hooks_run(const struct spec *spec, enum hook_kind kind,
              const struct state *state, enum status status)
{
    int result = 0;
    const struct hook_list *list = &spec->hooks[kind];
    /* Each poststop hook has its own to clean up. */
    bool go_on = kind == HOOK_POSTSTOP;
    for (size_t i = 0; i < list->count && (result == 0 || go_on); i++) {
        CLEANUP(close_fd)
        int state_fd = open_state(state, status, spec->config);
        if (run_hook(&list->hooks[i], kind, state_fd) == -1)
            result = -1;
    }
    return result;
}
