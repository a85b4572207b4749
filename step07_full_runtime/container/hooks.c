/*
 * hooks.c - programs that config.json wants run at certain moments.
 *
 *   kind               as whom              where
 *   prestart           us                   the host; in the bundle
 *   createRuntime      us                   the host; in the bundle
 *   createContainer    root in there        the container, before pivot_root;
 *                                           in the container's root
 *   startContainer     the command's user   the container, as the command
 *   poststart          us                   the host; in the bundle
 *   poststop           us                   the host; in the bundle
 *
 * Only a startContainer hook is a program of the image; so it gets what the
 * command will have, and no more. The others are the host's: without "env"
 * they get our own environment, and never one that an image could have made
 * (CVE-2025-23266). A hook gets the container's state on its standard input,
 * and must never get any other open file of ours, nor run longer than its
 * timeout. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "container/hooks.h"
#include "process/process.h"

/* One hook, on its way. */
struct run {
    const struct spec *spec;
    const struct hook *hook;
    enum hook_kind kind;
    int state_fd; /* its standard input */
    int words_fd; /* its standard output and error, for us to read */
    int *error; /* shared with it: why execve(2) failed */
    char last_words[1024]; /* the end of what it wrote */
    size_t length; /* of that */
};

/* Where hooks write to, if the engine says so: -1 if it does not. */
static int output_fds[2] = {-1, -1};

static bool has_hooks(const struct spec *spec)
{
    size_t count = 0;
    for (size_t kind = 0; kind < HOOK_COUNT; kind++)
        count += spec->hooks[kind].count;
    return count > 0;
}

void hooks_open_output(const struct spec *spec)
{
    if (!has_hooks(spec))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(output_fds); i++) {
        const char *path = spec->hook_output[i];
        if (!path || output_fds[i] != -1)
            continue;
        output_fds[i] = open(
            path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
        if (output_fds[i] == -1)
            die("open the file for the output of hooks, %s", path);
    }
}

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

static bool is_of_host(enum hook_kind kind)
{
    return kind != HOOK_CREATE_CONTAINER && kind != HOOK_START_CONTAINER;
}

static _Noreturn void become_hook(const struct run *run, int words_fd,
                                  const struct hook_rights *rights)
{
    const struct hook *hook = run->hook;
    char *alone[] = {hook->path, NULL};
    char **env = rights ? rights->env : environ;
    become_child();
    unblock_signals();
    /* A hook that cleans up runs even when the bundle is gone. */
    if (is_of_host(run->kind) && chdir(run->spec->bundle) == -1 &&
        chdir("/") == -1)
        die("change to the directory %s, for a hook", run->spec->bundle);
    if (dup2(run->state_fd, STDIN_FILENO) == -1)
        die("redirect the input of a hook");
    for (int i = 0; i < 2; i++) {
        int fd = output_fds[i] == -1 ? words_fd : output_fds[i];
        if (dup2(fd, STDOUT_FILENO + i) == -1)
            die("redirect the output of a hook");
    }
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == -1)
        die("close our files, for a hook");
    if (rights)
        rights->give(rights->plan);
    execve(hook->path, hook->args ? hook->args : alone,
           hook->env ? hook->env : env);
    *run->error = errno;
    _exit(EXIT_RUNTIME);
}

/* Keep the end of what it writes: whoever fails has often said why. */
static void listen_to(struct run *run, struct pollfd *words)
{
    char *text = run->last_words;
    const size_t half = sizeof(run->last_words) / 2;
    if (run->length > half) {
        memmove(text, text + run->length - half, half);
        run->length = half;
    }
    ssize_t n = read(run->words_fd, text + run->length,
                     sizeof(run->last_words) - 1 - run->length);
    if (n > 0)
        run->length += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        words->fd = -1; /* nobody has the other end any more */
    text[run->length] = '\0';
}

/* The exit status; 128+N for a signal; -1: it ran into its timeout. A process
 * that it leaves behind may keep its output open, but not us waiting. */
static int wait_for_hook(struct run *run, pid_t pid)
{
    CLEANUP(close_fd) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd == -1)
        die("watch a hook");
    struct pollfd fds[2] = {
        {.fd = pidfd, .events = POLLIN},
        {.fd = run->words_fd, .events = POLLIN},
    };
    int64_t limit = run->hook->timeout * 1000;
    int64_t end = now_ms() + limit;
    bool late = false;
    while (!fds[0].revents && !late) {
        int64_t left = limit ? end - now_ms() : -1;
        late = limit && left <= 0;
        if (!late && poll(fds, 2, left < INT32_MAX ? (int)left : -1) > 0 &&
            fds[1].revents)
            listen_to(run, &fds[1]);
    }
    if (late)
        (void)kill(pid, SIGKILL);
    int status;
    if (waitpid(pid, &status, 0) != pid)
        die("wait for a hook");
    if (fds[1].fd != -1)
        listen_to(run, &fds[1]);
    if (late)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Its last line, with a colon before it; empty if it said nothing. */
static char *last_line(struct run *run)
{
    char *text = run->last_words;
    while (run->length && text[run->length - 1] == '\n')
        text[--run->length] = '\0';
    const char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    return print_string("%s%s", *line ? ": " : "", line);
}

static char *explain(struct run *run, int status)
{
    if (*run->error)
        return print_string("execute it: %s", strerror(*run->error));
    CLEANUP(free_string) char *said = last_line(run);
    if (status == -1)
        return print_string("killed after its timeout%s", said);
    return print_string("exit status %d%s", status, said);
}

static int run_hook(struct run *run, const struct hook_rights *rights)
{
    const char *name = hook_name(run->kind);
    narrate(7, "execve(\"%s\"), the %s hook", run->hook->path, name);
    int words[2];
    if (pipe2(words, O_CLOEXEC) == -1 ||
        fcntl(words[0], F_SETFL, O_NONBLOCK) == -1)
        die("make a pipe, for the hook %s", run->hook->path);
    CLEANUP(close_fd) int words_fd = words[0];
    run->words_fd = words_fd;
    *run->error = 0;
    pid_t pid = fork();
    if (pid == -1)
        die("fork, for the hook %s", run->hook->path);
    if (pid == 0)
        become_hook(run, words[1], rights);
    (void)close(words[1]);
    int status = wait_for_hook(run, pid);
    if (status == 0)
        return 0;
    CLEANUP(free_string) char *how = explain(run, status);
    if (run->kind < HOOK_POSTSTART)
        fail("%s hook %s: %s", name, run->hook->path, how);
    warn("%s hook %s: %s", name, run->hook->path, how);
    return -1;
}

int hooks_run(const struct spec *spec, enum hook_kind kind,
              const struct state *state, enum status status,
              const struct hook_rights *rights)
{
    int result = 0;
    const struct hook_list *list = &spec->hooks[kind];
    if (list->count == 0)
        return 0;
    hooks_open_output(spec);
    int *error = mmap(NULL, sizeof(*error), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (error == MAP_FAILED)
        die("share memory with a hook");
    /* Each poststop hook has its own to clean up. */
    bool go_on = kind == HOOK_POSTSTOP;
    for (size_t i = 0; i < list->count && (result == 0 || go_on); i++) {
        CLEANUP(close_fd)
        int state_fd = open_state(state, status, spec->config);
        struct run run = {
            .spec = spec,
            .hook = &list->hooks[i],
            .kind = kind,
            .state_fd = state_fd,
            .error = error,
        };
        if (run_hook(&run, rights) == -1)
            result = -1;
    }
    (void)munmap(error, sizeof(*error));
    return result;
}
