/*
 * id_maps.c - the lines of uid_map and gid_map: user_namespaces(7).
 *
 * It must leave no process behind. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "process/id_maps.h"

char *id_maps_text(const struct id_maps *maps)
{
    char *text = copy_string("");
    for (size_t i = 0; i < maps->count; i++) {
        const struct id_map *map = &maps->maps[i];
        char *before = text;
        text = print_string("%s%u %u %u\n", before, map->inside, map->outside,
                            map->count);
        free(before);
    }
    return text;
}

static void write_map(pid_t pid, const char *file, const struct id_maps *maps)
{
    CLEANUP(free_string) char *path = print_string("/proc/%d/%s", pid, file);
    CLEANUP(free_string) char *text = id_maps_text(maps);
    if (write_file_at(AT_FDCWD, path, text) == -1)
        die("write %s for an idmapped mount", path);
}

/*
 * A namespace needs a process to be born. This one reads a pipe until we let
 * go of the other end, and so it ends with us in any case. No signal tells of
 * its end: a caller who ignores SIGCHLD would reap it before we do.
 */
static pid_t start_holder(int *pipe_fd)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) == -1)
        die("make a pipe");
    struct clone_args args = {.flags = CLONE_NEWUSER};
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (pid == -1)
        die("make a user namespace for an idmapped mount");
    if (pid == 0) {
        (void)close(fds[1]);
        char byte;
        while (read(fds[0], &byte, 1) == -1 && errno == EINTR)
            continue;
        _exit(0);
    }
    (void)close(fds[0]);
    *pipe_fd = fds[1];
    return pid;
}

int id_maps_namespace(const struct id_maps *uids, const struct id_maps *gids)
{
    int pipe_fd;
    pid_t pid = start_holder(&pipe_fd);
    write_map(pid, "gid_map", gids);
    write_map(pid, "uid_map", uids);
    CLEANUP(free_string) char *path = print_string("/proc/%d/ns/user", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        die("open %s", path);
    (void)close(pipe_fd);
    while (waitpid(pid, NULL, __WALL) == -1 && errno == EINTR)
        continue;
    return fd;
}
