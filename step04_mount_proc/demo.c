/*
 * demo.c - a container, one kernel feature at a time.
 *
 *   step01  run a program and report how it ended    fork(2), execve(2)
 *   step02  make it process 1                        pid_namespaces(7)
 *   step03  give it a hostname                       uts_namespaces(7)
 *   step04  give it a root, and a /proc              mount_namespaces(7)
 *
 * Read it from main, at the end, upwards: every function stands below those
 * that it calls. Try it with -v, which narrates each kernel call.
 */
#define _GNU_SOURCE

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit statuses, as a shell's: our own failures keep clear of the program's. */
enum {
    EXIT_USAGE = 2,
    EXIT_DEMO_FAILED = 125,
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
    EXIT_SIGNALLED = 128, /* and the signal's number on top */
};

enum {
    SAFEGUARDS = 8, /* no more words than these can be left out */
};

/* demonstration.c: what the demo does without a command. */
int demonstrate(int chapter);
int newest_chapter(void);

/* Everything we know about the one container that we run. */
struct container {
    char **argv; /* the program to run, and its arguments */
    pid_t pid; /* its PID, as the host sees it */
    int status; /* how it ended, as an exit status */
    bool ended;
    bool verbose; /* narrate each kernel call */
    int chapter; /* whose demonstration to give; 0: the newest one's */
    sigset_t signals; /* what wait_for_child waits for */
    struct clone_args clone; /* how to start it: clone3(2) */
    int sync_fd[2]; /* a lifeline: the parent's end, the child's */
    pid_t group; /* ours, if it is in the terminal's foreground; else 0 */
    pid_t ear; /* hears the terminal's keys, where we can't; else 0 */
    const char *hostname;
    const char *root_path; /* the directory that becomes its "/" */
    const char *without[SAFEGUARDS]; /* left out, to see what breaks */
};

/* ------------------------------------------------------- words and errors */

/*
 * One line on standard error, in one write, so that parent and child don't
 * talk into each other's lines. Whatever a line quotes, it stays a line.
 */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[8192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (char *p = line; *p; p++) {
        if (iscntrl((unsigned char)*p))
            *p = '?';
    }
    dprintf(STDERR_FILENO, "%s\n", line);
}

/*
 * Say which kernel call comes next and the shell command that does the same.
 * The number in brackets is who speaks, as getpid(2) tells it.
 */
__attribute__((format(printf, 2, 3))) static void
narrate(const struct container *c, const char *format, ...)
{
    char call[4096];
    if (!c->verbose)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(call, sizeof(call), format, arguments);
    va_end(arguments);
    say("demo[%d]: %s", getpid(), call);
}

/*
 * Report what failed, on which object, and why: errno, then what to do about
 * it. HINT may be NULL. In the child the parent hands our status on.
 */
__attribute__((noreturn, format(printf, 2, 3))) static void
die_with_hint(const char *hint, const char *format, ...)
{
    int error = errno;
    char what[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    if (!hint && (error == EPERM || error == EACCES) && geteuid() != 0)
        hint = "this needs root: try sudo";
    say(hint ? "demo: %s: %s (%s)" : "demo: %s: %s", what, strerror(error),
        hint);
    exit(EXIT_DEMO_FAILED);
}

#define die(...) die_with_hint(NULL, __VA_ARGS__)

__attribute__((noreturn)) static void
usage_error(const char *option, const char *value, const char *why)
{
    say("demo: --%s%s%s: %s (see --help)", option, *value ? " " : "", value,
        why);
    exit(EXIT_USAGE);
}

/* Letters, digits and OTHERS only? */
static bool is_made_of(const char *text, const char *others)
{
    while (isalnum((unsigned char)*text) || (*text && strchr(others, *text)))
        text++;
    return *text == '\0';
}

/* Has the user asked to leave out this safeguard? */
static bool without(const struct container *c, const char *safeguard)
{
    for (int i = 0; i < SAFEGUARDS; i++) {
        if (c->without[i] && strcmp(c->without[i], safeguard) == 0)
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------ child */

/*
 * When the demo dies, even of SIGKILL, the container dies with it: it is our
 * child, and as process 1 it takes its whole PID namespace along. But if the
 * demo died before we asked, nothing would come any more: then its end of the
 * lifeline is closed. (getppid(2) is 0 in here in any case.) A command that
 * changes its user takes the wish back. prctl(2), PR_SET_PDEATHSIG; poll(2)
 */
static void die_with_parent(const struct container *c)
{
    struct pollfd parent = {.fd = c->sync_fd[1]};
    close(c->sync_fd[0]);
    narrate(c, "prctl(PR_SET_PDEATHSIG, SIGKILL)   # setpriv --pdeathsig KILL");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
        die("prctl PR_SET_PDEATHSIG");
    int gone = poll(&parent, 1, 0);
    if (gone == -1)
        die("look whether the parent lives");
    if (gone)
        _exit(EXIT_DEMO_FAILED); /* and nobody to tell */
}

/*
 * The hostname belongs to the UTS namespace. Ours is a copy of the host's,
 * made by clone3; a change stays in here: uts_namespaces(7), sethostname(2).
 */
static void set_hostname(const struct container *c)
{
    narrate(c, "sethostname(\"%s\")   # hostname %s", c->hostname, c->hostname);
    if (sethostname(c->hostname, strlen(c->hostname)) == -1)
        die("set the hostname %s", c->hostname);
}

/*
 * A new mount namespace starts as a copy of the host's, and where the host's
 * mounts are "shared" (systemd makes all of them so) a mount in either copy
 * appears in the other as well: /proc of the container on top of the host's.
 * Private first, then mount. mount_namespaces(7), "Shared subtrees"
 */
static void make_mounts_private(const struct container *c)
{
    if (without(c, "private"))
        return;
    narrate(c, "mount(\"/\", MS_REC | MS_PRIVATE)   # mount --make-rprivate /");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
        die("make the mounts private");
}

/*
 * Make root_path our "/". pivot_root(2) swaps the root mount of the whole
 * namespace, then the old one is detached: no path leads there any more.
 * chroot(2) only changes where our own "/" points; the host's files stay
 * mounted behind it, and root can get back to them.
 * The new root must be a mount, so bind the directory onto itself.
 */
static void enter_root(const struct container *c)
{
    const char *root = c->root_path;
    narrate(c, "mount(MS_BIND | MS_REC)   # mount --rbind %s %s", root, root);
    if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) == -1)
        die("bind the root file system %s", root);
    if (chdir(root) == -1)
        die("change to the directory %s", root);
    /* With shared mounts pivot_root refuses; buggy programs chroot then. */
    if (without(c, "pivot") || without(c, "private")) {
        narrate(c, "chroot(\".\")   # chroot %s", root);
        if (chroot(".") == -1)
            die("chroot to %s", root);
        return;
    }
    narrate(c, "pivot_root(\".\", \".\")   # pivot_root . .");
    if (syscall(SYS_pivot_root, ".", ".") == -1)
        die_with_hint(errno == EBUSY ? "it is the host's own root"
                                     : "is this host's root a ramfs?",
                      "pivot_root to %s", root);
    narrate(c, "umount2(\".\", MNT_DETACH)   # umount --lazy .");
    if (umount2(".", MNT_DETACH) == -1)
        die("unmount the old root");
}

/*
 * What a program expects to find, and why each may not be the host's: /proc
 * shows the processes of the PID namespace of whoever mounts it; /sys is
 * for reading only; /dev holds harmless devices; the rest forgets its content.
 */
static const struct {
    const char *type;
    const char *path;
    unsigned long flags;
    const char *data;
} filesystems[] = {
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, ""},
    {"tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k"},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666"},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777"},
    {"mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"},
};

/*
 * We are in the new root: a path that leads through a symbolic link of the
 * image can't leave it. Nothing is created in the image itself, only in our
 * /dev. mount(2), proc(5), devpts: kernel, filesystems/devpts.rst
 */
static void mount_filesystems(const struct container *c)
{
    for (size_t i = 0; i < sizeof(filesystems) / sizeof(*filesystems); i++) {
        const char *type = filesystems[i].type;
        const char *path = filesystems[i].path;
        if (strncmp(path, "/dev/", 5) == 0 && mkdir(path, 0755) == -1)
            die("make the directory %s", path);
        narrate(c, "mount(\"%s\", \"%s\")   # mount -t %s %s %s", type, path,
                type, type, path);
        if (mount(type, path, type, filesystems[i].flags,
                  filesystems[i].data) == -1)
            die_with_hint(errno == ENOENT
                              ? "the root file system lacks the directory"
                              : NULL,
                          "mount %s on %s", type, path);
    }
}

/* The devices that every container has, by number: mem(4), random(4), tty(4) */
static const struct {
    const char *path;
    unsigned char major;
    unsigned char minor;
} devices[] = {
    {"/dev/null", 1, 3}, /* takes anything, gives nothing */
    {"/dev/zero", 1, 5}, /* gives zero bytes */
    {"/dev/full", 1, 7}, /* takes nothing: "no space left" */
    {"/dev/random", 1, 8}, /* gives random bytes */
    {"/dev/urandom", 1, 9}, /* the same */
    {"/dev/tty", 5, 0}, /* the terminal of whoever opens it */
};

static const struct {
    const char *target;
    const char *path;
} links[] = {
    {"pts/ptmx", "/dev/ptmx"}, /* makes a new pseudo-terminal */
    {"/proc/self/fd", "/dev/fd"}, /* bash's <(command) needs it */
    {"/proc/self/fd/0", "/dev/stdin"}, /* the next three: for scripts */
    {"/proc/self/fd/1", "/dev/stdout"}, /* that want a file name */
    {"/proc/self/fd/2", "/dev/stderr"}, /* where they could have none */
};

/* A device node is a name for a driver of the kernel: mknod(2) */
static void make_devices(const struct container *c)
{
    mode_t mask = umask(0);
    for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
        dev_t device = makedev(devices[i].major, devices[i].minor);
        narrate(c, "mknod(\"%s\")   # mknod -m 666 %s c %d %d", devices[i].path,
                devices[i].path, devices[i].major, devices[i].minor);
        if (mknod(devices[i].path, S_IFCHR | 0666, device) == -1)
            die("make the device %s", devices[i].path);
    }
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
        if (symlink(links[i].target, links[i].path) == -1)
            die("make the link %s", links[i].path);
    }
    umask(mask);
}

/*
 * A directory that our caller had open would still be a way to the host's
 * files, pivot_root or not. Close all but the standard three. close_range(2)
 */
static void close_files(const struct container *c)
{
    narrate(c, "close_range(3, CLOSE_RANGE_CLOEXEC)   # exec 3>&- 4>&- ...");
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == -1)
        die("close the other files");
}

/* Does FD start with these bytes? */
static bool starts_with(int fd, const char *bytes, size_t length)
{
    char start[8];
    return pread(fd, start, length, 0) == (ssize_t)length &&
           memcmp(start, bytes, length) == 0;
}

/*
 * "No such file" may mean a file that the program needs: a script names its
 * interpreter after #!, an ELF file its dynamic loader. execve(2)
 */
static const char *why_not_executed(const char *path, int error)
{
    struct stat status;
    if (!strchr(path, '/'))
        return error == ENOENT ? "no such program in $PATH" : NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 || fstat(fd, &status) == -1)
        return NULL;
    bool script = starts_with(fd, "#!", 2);
    bool elf = starts_with(fd, ELFMAG, SELFMAG);
    close(fd);
    if (S_ISDIR(status.st_mode))
        return "it is a directory";
    if (error == ENOENT && script)
        return "it is there, but the interpreter in its #! line is not";
    if (error == ENOENT && elf)
        return "it is there, but the loader that it was linked with is not";
    if (error == ENOEXEC && elf)
        return "built for another architecture?";
    if (error == ENOEXEC)
        return "no ELF file, and no script with a #! line";
    if (error == EACCES)
        return "not executable, or on a noexec mount";
    return NULL;
}

/*
 * Become the program. What is not replaced stays: PID, namespaces, working
 * directory, descriptors without O_CLOEXEC. Returns only to fail. execve(2)
 * (execvp(3) alone would feed a file that is no program to /bin/sh.)
 */
__attribute__((noreturn)) static void run_program(const struct container *c)
{
    const char *name = c->argv[0];
    narrate(c, "execve(\"%s\"), my parent is %d   # exec %s", name, getppid(),
            name);
    if (strchr(name, '/'))
        execv(name, c->argv);
    else
        execvp(name, c->argv);
    int error = errno;
    const char *why = why_not_executed(name, error);
    say(why ? "demo: execute %s: %s (%s)" : "demo: execute %s: %s", name,
        strerror(error), why);
    exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);
}

/* Which group of processes gets the terminal's keys? tcsetpgrp(3) */
static void set_foreground(pid_t group)
{
    signal(SIGTTOU, SIG_IGN); /* what who is not in front gets for this */
    (void)tcsetpgrp(STDIN_FILENO, group);
    signal(SIGTTOU, SIG_DFL);
}

/*
 * Process groups are numbered as processes are, and the one in front of the
 * terminal, ours, has no number in the new namespace; a shell could not give
 * the terminal back to it. So the container gets a group of its own in front.
 */
static void take_terminal(const struct container *c)
{
    if (!c->group)
        return;
    (void)setpgid(0, 0); /* the parent may have done it for us */
    set_foreground(getpid());
}

/* The signals that the parent waits for are the program's to handle again. */
static void unblock_signals(const struct container *c)
{
    if (sigprocmask(SIG_UNBLOCK, &c->signals, NULL) == -1)
        die("sigprocmask");
}

/* What the new process does, in this order, to become the container. */
__attribute__((noreturn)) static void child(struct container *c)
{
    unblock_signals(c);
    die_with_parent(c);
    set_hostname(c);
    make_mounts_private(c);
    enter_root(c);
    mount_filesystems(c);
    make_devices(c);
    close_files(c);
    take_terminal(c);
    run_program(c);
}

/* ----------------------------------------------------------------- parent */

/*
 * From now on signals wait until we ask for them, in wait_for_child: none is
 * lost, none interrupts a call half-way. sigprocmask(2), signal(7)
 */
static void block_signals(struct container *c)
{
    static const int signals[] = {
        SIGCHLD, /* the child has ended, stopped or continued */
        SIGHUP, /* the terminal has gone */
        SIGINT, /* Ctrl-C */
        SIGQUIT, /* Ctrl-\ */
        SIGTERM, /* please end */
        SIGUSR1, /* for the program to give a meaning */
        SIGUSR2, /* the same */
        SIGTSTP, /* Ctrl-Z */
    };
    sigemptyset(&c->signals);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        sigaddset(&c->signals, signals[i]);
    /* Our caller may have left SIGCHLD ignored: no zombies, so no status. */
    signal(SIGCHLD, SIG_DFL);
    if (sigprocmask(SIG_BLOCK, &c->signals, NULL) == -1)
        die("sigprocmask");
}

/*
 * Two connected sockets, one for each of us; execve closes the child's. When a
 * process ends, however it ends, the kernel closes its own. socketpair(2)
 */
static void make_lifeline(struct container *c)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->sync_fd) == -1)
        die("socketpair");
}

/*
 * A child started with CLONE_NEWPID is process 1 of a new PID namespace. We
 * stay where we are, and see it under another number. pid_namespaces(7)
 */
static void want_pid_namespace(struct container *c)
{
    c->clone.flags |= CLONE_NEWPID;
}

/* The raw system call: glibc has no wrapper. It returns twice, like fork. */
static pid_t clone3(struct clone_args *args)
{
    return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

/* A hostname of its own needs a UTS namespace: uts_namespaces(7) */
static void want_uts_namespace(struct container *c)
{
    c->clone.flags |= CLONE_NEWUTS;
}

/*
 * Mounts of its own, and System V and POSIX IPC of its own (/dev/mqueue shows
 * the IPC namespace's queues): mount_namespaces(7), ipc_namespaces(7).
 * The root is opened now, where an error harms nobody yet.
 */
static void want_mount_namespace(struct container *c)
{
    int fd = open(c->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        die_with_hint("run \"make rootfs\", or give --rootfs DIR",
                      "open the root file system %s", c->root_path);
    close(fd);
    c->clone.flags |= CLONE_NEWNS | CLONE_NEWIPC;
}

/*
 * --without=private lets mounts leak; not into the host, though. We move into
 * a mount namespace to be sacrificed: cut off from the host, then shared with
 * the child's copy, as a host's own is. Look at it in /proc/PID/mountinfo.
 */
static void sacrifice_mount_namespace(const struct container *c)
{
    if (!without(c, "private"))
        return;
    narrate(c, "unshare(CLONE_NEWNS)   # unshare --mount --propagation shared");
    if (unshare(CLONE_NEWNS) == -1)
        die("unshare the mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
        mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) == -1)
        die("change the propagation of the mounts");
}

/*
 * Start the child. It has a copy of all we have, and goes on from here.
 * exit_signal: how we hear that it ended, which fork always sets to SIGCHLD.
 */
static void start(struct container *c)
{
    c->clone.exit_signal = SIGCHLD;
    if (tcgetpgrp(STDIN_FILENO) == getpgrp())
        c->group = getpgrp();
    c->pid = clone3(&c->clone); /* fork(2), with a say in what is new */
    if (c->pid == -1)
        die("start a process");
    if (c->pid == 0)
        child(c);
    narrate(c, "clone3() = %d, my parent is %d   # unshare --pid --fork",
            c->pid, getppid());
}

/* What /proc/PID/status says: the state, and sets of signals. proc(5) */
struct hearing {
    char state; /* R runs, S sleeps until something comes, T is stopped */
    uint64_t blocked; /* kept for later */
    uint64_t handled; /* or ignored */
};

static struct hearing look_at_hearing(pid_t pid)
{
    struct hearing hearing = {0};
    char path[64];
    char line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "State:\t", 7) == 0)
            hearing.state = line[7];
        if (strncmp(line, "SigBlk:", 7) == 0)
            hearing.blocked = strtoull(line + 7, NULL, 16);
        if (strncmp(line, "SigIgn:", 7) == 0 ||
            strncmp(line, "SigCgt:", 7) == 0)
            hearing.handled |= strtoull(line + 7, NULL, 16);
    }
    if (file)
        fclose(file);
    return hearing;
}

/*
 * Would the child notice this signal? As process 1 it gets only what it has a
 * handler for, or blocks and waits for as we do; the kernel drops the rest:
 * pid_namespaces(7). Whoever waits for a signal sleeps. A shell that is about
 * to fork blocks all for a moment, and hears none: then look again. If it stays
 * so, the key has stopped the child that it waits for in vfork(2).
 */
static bool is_deaf(const struct container *c, int signal)
{
    uint64_t bit = UINT64_C(1) << (signal - 1);
    struct hearing hearing = {0};
    for (int looks = 0; looks < 1000; looks++) {
        hearing = look_at_hearing(c->pid);
        if (hearing.handled & bit)
            return false;
        if (!(hearing.blocked & bit))
            return true;
        if (hearing.state == 'S' || hearing.state == 'T')
            return false;
        usleep(1000);
    }
    return hearing.state == 'D';
}

/*
 * The leader of a session can't leave its group: setpgid(2). If we are one, as
 * the first program of a new terminal is, a child of ours goes in front to hear
 * Ctrl-C and Ctrl-\, and hands them on to us.
 */
static void send_ear(struct container *c)
{
    pid_t parent = getpid();
    c->ear = fork();
    if (c->ear == -1)
        die("fork");
    if (c->ear > 0)
        return;
    close(c->sync_fd[0]); /* the lifeline is the parent's alone */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpgid(0, c->pid); /* fails if the container has just ended */
    while (getppid() == parent) {
        int signal = sigwaitinfo(&c->signals, NULL);
        if (signal == SIGINT || signal == SIGQUIT)
            kill(parent, signal);
    }
    _exit(EXIT_SUCCESS);
}

static void dismiss_ear(struct container *c)
{
    if (!c->ear)
        return;
    kill(c->ear, SIGKILL);
    waitpid(c->ear, NULL, 0);
    c->ear = 0;
}

/* Join the container's group in front, to hear the keys as it does. */
static void share_terminal(struct container *c)
{
    if (!c->group)
        return;
    (void)setpgid(c->pid, c->pid); /* whoever is first, it or us */
    set_foreground(c->pid);
    if (setpgid(0, c->pid) == -1)
        send_ear(c);
}

static void leave_terminal(struct container *c)
{
    if (!c->group)
        return;
    dismiss_ear(c);
    (void)setpgid(0, c->group);
    set_foreground(c->group);
}

/* Ctrl-Z: stop the container, then ourselves, until the caller's fg. */
static void suspend(struct container *c)
{
    leave_terminal(c);
    kill(c->pid, SIGSTOP);
    raise(SIGSTOP);
    share_terminal(c);
    kill(c->group ? -c->pid : c->pid, SIGCONT);
}

/*
 * Hand a signal to the child. A key such as Ctrl-C sends it to all processes
 * in the terminal's foreground, the child among them: don't send it twice.
 */
static void pass_on(const struct container *c, const siginfo_t *info)
{
    int signal = info->si_signo;
    if (is_deaf(c, signal)) {
        narrate(c, "kill(%d, SIGKILL), as it is deaf to signal %d   # kill -9",
                c->pid, signal);
        kill(c->pid, SIGKILL); /* it may be gone already */
        return;
    }
    if (info->si_code == SI_KERNEL)
        return;
    if (c->ear && info->si_pid == c->ear) /* so the child heard it as well */
        return;
    narrate(c, "kill(%d, %d)   # kill -%d %d", c->pid, signal, signal, c->pid);
    kill(c->pid, signal); /* it may be gone already */
}

/* Ask what has become of the child, without waiting: waitpid(2) */
static void collect(struct container *c)
{
    int status = 0;
    while (!c->ended &&
           waitpid(c->pid, &status, WNOHANG | WUNTRACED | WCONTINUED) > 0) {
        if (WIFSTOPPED(status)) {
            narrate(c, "waitpid: stopped by signal %d   # kill -CONT %d",
                    WSTOPSIG(status), c->pid);
        } else if (WIFCONTINUED(status)) {
            narrate(c, "waitpid: continued");
        } else if (WIFSIGNALED(status)) {
            c->status = EXIT_SIGNALLED + WTERMSIG(status);
            c->ended = true;
            narrate(c, "waitpid: killed by signal %d", WTERMSIG(status));
        } else {
            c->status = WEXITSTATUS(status);
            c->ended = true;
            narrate(c, "waitpid: exited with status %d", c->status);
        }
    }
}

/* Sleep until a signal comes; until the child has ended. sigwaitinfo(2) */
static void wait_for_child(struct container *c)
{
    narrate(c, "waitpid(%d)   # wait %d", c->pid, c->pid);
    while (!c->ended) {
        siginfo_t info;
        int signal = sigwaitinfo(&c->signals, &info);
        if (signal == SIGCHLD)
            collect(c);
        else if (signal == SIGTSTP && is_deaf(c, SIGTSTP))
            suspend(c);
        else if (signal > 0)
            pass_on(c, &info);
    }
}

/* ----------------------------------------------------------- command line */

/* One row for each option: getopt_long(3) and --help both read it. */
struct option_row {
    const char *name;
    char letter; /* 0: it has none */
    const char *value; /* what --help calls its value; NULL: it has none */
    void (*apply)(struct container *c, const struct option_row *row,
                  const char *value);
    const char *help;
};

static void set_verbose(struct container *c, const struct option_row *row,
                        const char *value)
{
    (void)row;
    (void)value;
    c->verbose = true;
}

/* A whole number from LEAST to MOST, and nothing after it. */
static long parse_number(const char *option, const char *value, long least,
                         long most)
{
    char *end = NULL;
    long number = isdigit((unsigned char)*value) ? strtol(value, &end, 10) : -1;
    if (!end || *end != '\0' || number < least || number > most)
        usage_error(option, value, "not a number, or out of range");
    return number;
}

static void set_chapter(struct container *c, const struct option_row *row,
                        const char *value)
{
    c->chapter = (int)parse_number(row->name, value, 1, newest_chapter());
}

/* The letters open other namespaces, to look into: namespaces(7) */
static void open_namespace(struct container *c, const struct option_row *row,
                           const char *value)
{
    static const uint64_t flags[] = {
        ['i'] = CLONE_NEWIPC, /* ipc_namespaces(7) */
        ['m'] = CLONE_NEWNS, /* mount_namespaces(7) */
        ['n'] = CLONE_NEWNET, /* network_namespaces(7) */
        ['p'] = CLONE_NEWPID, /* pid_namespaces(7) */
        ['u'] = CLONE_NEWUTS, /* uts_namespaces(7) */
        ['U'] = CLONE_NEWUSER, /* user_namespaces(7) */
        ['C'] = CLONE_NEWCGROUP, /* cgroup_namespaces(7) */
        ['T'] = CLONE_NEWTIME, /* time_namespaces(7) */
    };
    (void)value;
    c->clone.flags |= flags[(unsigned char)row->letter];
}

static void set_name(struct container *c, const struct option_row *row,
                     const char *value)
{
    if (strlen(value) < 1 || strlen(value) > 64)
        usage_error(row->name, value, "must have 1 to 64 characters");
    if (!isalnum((unsigned char)*value) || !is_made_of(value, "-."))
        usage_error(row->name, value, "only letters, digits, - and .");
    c->hostname = value;
}

static void set_root(struct container *c, const struct option_row *row,
                     const char *value)
{
    if (!*value)
        usage_error(row->name, value, "needs a directory");
    c->root_path = value;
}

/* The safeguards that can be left out, and what breaks then. */
static const struct {
    const char *word;
    const char *breaks;
} safeguards[] = {
    {"private", "its mounts appear in the host's as well"},
    {"pivot", "it gets a chroot, from which root can escape"},
};

static void leave_out(struct container *c, const struct option_row *row,
                      const char *value)
{
    size_t count = sizeof(safeguards) / sizeof(*safeguards);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(safeguards[i].word, value) == 0) {
            c->without[i] = value;
            return;
        }
    }
    usage_error(row->name, value, "no such safeguard");
}

static const struct option_row rows[] = {
    {"help", 'h', NULL, NULL, "print this help"},
    {"verbose", 'v', NULL, set_verbose, "narrate each kernel call"},
    {"chapter", 0, "N", set_chapter, "demonstrate chapter N, not the newest"},
    {"ipc", 'i', NULL, open_namespace, "open a new IPC namespace"},
    {"mount", 'm', NULL, open_namespace, "open a new mount namespace"},
    {"net", 'n', NULL, open_namespace, "open a new network namespace"},
    {"pid", 'p', NULL, open_namespace, "open a new PID namespace (always)"},
    {"uts", 'u', NULL, open_namespace, "open a new UTS namespace"},
    {"user", 'U', NULL, open_namespace, "open a new user namespace"},
    {"cgroup", 'C', NULL, open_namespace, "open a new cgroup namespace"},
    {"time", 'T', NULL, open_namespace, "open a new time namespace"},
    {"hostname", 0, "NAME", set_name, "its hostname (default: container)"},
    {"rootfs", 0, "DIR", set_root, "what becomes its / (build/rootfs)"},
    {"without", 0, "WORD", leave_out, "leave out a safeguard (below)"},
};

enum {
    ROWS = sizeof(rows) / sizeof(*rows),
    LONG_OPTION = 256, /* plus the row: what getopt_long returns for a name */
};

__attribute__((noreturn)) static void print_help(void)
{
    puts("usage: demo [options] [--] [command [argument...]]\n"
         "Run a command in the container built so far; without a command,\n"
         "demonstrate the chapter's kernel feature.\n");
    for (int i = 0; i < ROWS; i++) {
        const char *value = rows[i].value ? rows[i].value : "";
        printf(rows[i].letter ? "  -%c," : "     ", rows[i].letter);
        printf(" --%s %-*s %s\n", rows[i].name, 22 - (int)strlen(rows[i].name),
               value, rows[i].help);
    }
    puts("\nSafeguards that --without leaves out:");
    for (size_t i = 0; i < sizeof(safeguards) / sizeof(*safeguards); i++)
        printf("  %-12s%s\n", safeguards[i].word, safeguards[i].breaks);
    puts(
        "\nExit status: the command's own; 128+N: killed by signal N;\n"
        "127: not found; 126: cannot execute; 125: the demo failed; 2: usage.");
    exit(EXIT_SUCCESS);
}

/* The row that getopt_long means; NULL: it has printed an error. */
static const struct option_row *find_row(int option)
{
    for (int i = 0; i < ROWS; i++) {
        if (option == LONG_OPTION + i || option == rows[i].letter)
            return &rows[i];
    }
    return NULL;
}

/* Fill in the container: the defaults, then what the command line says. */
static void parse_options(struct container *c, int argc, char **argv)
{
    struct option options[ROWS + 1] = {0};
    char letters[ROWS + 2] = "+"; /* options end where the command begins */
    char *letter = letters + 1;
    int option;
    for (int i = 0; i < ROWS; i++) {
        options[i].name = rows[i].name;
        options[i].has_arg = rows[i].value ? required_argument : no_argument;
        options[i].val = LONG_OPTION + i;
        if (rows[i].letter)
            *letter++ = rows[i].letter;
    }
    c->hostname = "container";
    c->root_path = "build/rootfs";
    argv[0] = "demo"; /* what getopt_long calls us in its errors */
    while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        const struct option_row *row = find_row(option);
        if (!row)
            exit(EXIT_USAGE);
        if (!row->apply)
            print_help();
        row->apply(c, row, optarg);
    }
    if (c->clone.flags & CLONE_NEWUSER)
        usage_error("user", "", "its own root file system needs real root");
    c->argv = argv + optind;
}

/* ------------------------------------------------------------------- main */

/* What the parent does while the child is, or becomes, the container. */
static void parent(struct container *c)
{
    share_terminal(c);
    wait_for_child(c);
    leave_terminal(c);
}

int main(int argc, char **argv)
{
    static struct container container; /* zeroed, and there to the very end */
    parse_options(&container, argc, argv);
    if (!container.argv[0])
        return demonstrate(container.chapter);
    block_signals(&container);
    make_lifeline(&container);
    want_pid_namespace(&container);
    want_uts_namespace(&container);
    want_mount_namespace(&container);
    sacrifice_mount_namespace(&container);
    start(&container);
    parent(&container);
    return container.status;
}
