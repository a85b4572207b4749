/*
 * costs.c - what the kernel calls of a container cost on this machine.
 *
 *   costs PROGRAM...   and what it takes to start each of these programs
 *
 * Each thing is done many times, in turns with the others; a line is the
 * median, in microseconds. It changes nothing on the host: mounts are made in
 * a mount namespace of its own.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    ROUNDS = 201,
    MOST = 64,
};

struct thing {
    const char *name;
    void (*act)(long); /* what is timed */
    long what; /* its argument */
    double took[ROUNDS];
};

static char *const *programs;
static char place[] = "/tmp/rung-costs-XXXXXX";

static void must(long result, const char *what)
{
    if (result != -1)
        return;
    perror(what);
    exit(1);
}

static void nothing(long unused)
{
    (void)syscall(SYS_getppid, unused);
}

static void set_name(long unused)
{
    (void)unused;
    must(prctl(PR_SET_NAME, "costs"), "prctl");
}

static void read_stat(long unused)
{
    char text[1024];
    (void)unused;
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    must(fd, "open /proc/self/stat");
    must(read(fd, text, sizeof(text)), "read /proc/self/stat");
    close(fd);
}

static void exchange(long unused)
{
    int fds[2];
    char byte = 0;
    (void)unused;
    must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), "socketpair");
    must(send(fds[0], &byte, 1, 0), "send");
    must(recv(fds[1], &byte, 1, 0), "recv");
    close(fds[0]);
    close(fds[1]);
}

/* A child that ends at once, in new namespaces of these kinds. */
static void have_child(long flags)
{
    pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, 0);
    must(pid, "clone (are you root?)");
    if (pid == 0)
        _exit(0);
    must(waitpid(pid, NULL, 0), "waitpid");
}

static void start_program(long which)
{
    pid_t pid;
    char *argv[] = {programs[which], "--version", NULL};
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null",
                                     O_WRONLY, 0);
    if (posix_spawn(&pid, argv[0], &quiet, NULL, argv, NULL) != 0) {
        perror(argv[0]);
        exit(1);
    }
    must(waitpid(pid, NULL, 0), "waitpid");
    posix_spawn_file_actions_destroy(&quiet);
}

static const char *const TYPES[] = {"tmpfs", "proc", "sysfs", "devpts",
                                    "mqueue"};

static void mount_type(long which)
{
    must(mount("costs", place, TYPES[which], 0, NULL), TYPES[which]);
    must(umount2(place, MNT_DETACH), "umount");
}

static void bind_it(long unused)
{
    (void)unused;
    must(mount("/", place, NULL, MS_BIND, NULL), "mount --bind");
    must(umount2(place, MNT_DETACH), "umount");
}

static void make_node(long unused)
{
    char path[64];
    (void)unused;
    snprintf(path, sizeof(path), "%s/node", place);
    must(mknod(path, S_IFCHR | 0600, 0x103), "mknod");
    must(unlink(path), "unlink");
}

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static struct thing things[MOST] = {
    {.name = "any system call: getppid(2)", .act = nothing},
    {.name = "prctl(2)", .act = set_name},
    {.name = "open, read and close /proc/self/stat", .act = read_stat},
    {.name = "socketpair(2), a byte through it, close", .act = exchange},
    {.name = "make a device node, and remove it", .act = make_node},
    {.name = "bind mount and unmount", .act = bind_it},
    {.name = "mount and unmount a tmpfs", .act = mount_type, .what = 0},
    {.name = "mount and unmount proc", .act = mount_type, .what = 1},
    {.name = "mount and unmount sysfs", .act = mount_type, .what = 2},
    {.name = "mount and unmount devpts", .act = mount_type, .what = 3},
    {.name = "mount and unmount mqueue", .act = mount_type, .what = 4},
    {.name = "a child: fork(2)", .act = have_child},
    {.name = "a child in a UTS namespace",
     .act = have_child,
     .what = CLONE_NEWUTS},
    {.name = "a child in a PID namespace",
     .act = have_child,
     .what = CLONE_NEWPID},
    {.name = "a child in a cgroup namespace",
     .act = have_child,
     .what = CLONE_NEWCGROUP},
    {.name = "a child in an IPC namespace",
     .act = have_child,
     .what = CLONE_NEWIPC},
    {.name = "a child in a mount namespace",
     .act = have_child,
     .what = CLONE_NEWNS},
    {.name = "a child in a network namespace",
     .act = have_child,
     .what = CLONE_NEWNET},
    {.name = "a child in all six",
     .act = have_child,
     .what = CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWCGROUP | CLONE_NEWIPC |
             CLONE_NEWNS | CLONE_NEWNET},
};

int main(int argc, char **argv)
{
    size_t count = 0;
    while (things[count].name)
        count++;
    programs = argv + 1;
    for (int i = 1; i < argc && count < MOST; i++)
        things[count++] = (struct thing){
            .name = argv[i], /* with --version */
            .act = start_program,
            .what = i - 1,
        };
    must(unshare(CLONE_NEWNS), "unshare (are you root?)");
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make / private");
    if (!mkdtemp(place))
        must(-1, place);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < count; i++) {
            double begin = now_us();
            things[i].act(things[i].what);
            things[i].took[round] = now_us() - begin;
        }
    }
    (void)rmdir(place);
    for (size_t i = 0; i < count; i++) {
        qsort(things[i].took, ROUNDS, sizeof(double), compare);
        printf("%8.1f  %s\n", things[i].took[ROUNDS / 2], things[i].name);
    }
    return 0;
}
