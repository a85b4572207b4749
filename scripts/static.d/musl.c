/*
 * musl.c - what the libraries in the static program ask glibc for.
 *
 * Distributions compile their static libraries for glibc. They work with musl,
 * too, but for a few functions: those with which -D_FORTIFY_SOURCE checks the
 * size of what is written to, and other names for strtol(3) and its like. And
 * musl has no functions for the youngest system calls, nor signals' short
 * names. A few that it has do more than a program with one thread needs. (Names
 * alone are in layout.ld.)
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* --- checked functions: size is that of what is written to --- */

static void check(size_t needed, size_t size)
{
    if (needed > size)
        abort();
}

void *__memcpy_chk(void *to, const void *from, size_t n, size_t size)
{
    check(n, size);
    return memcpy(to, from, n);
}

void *__memset_chk(void *to, int byte, size_t n, size_t size)
{
    check(n, size);
    return memset(to, byte, n);
}

char *__strncpy_chk(char *to, const char *from, size_t n, size_t size)
{
    check(n, size);
    return strncpy(to, from, n);
}

char *__strcpy_chk(char *to, const char *from, size_t size)
{
    check(strlen(from) + 1, size);
    return strcpy(to, from);
}

char *__strcat_chk(char *to, const char *from, size_t size)
{
    check(strlen(to) + strlen(from) + 1, size);
    return strcat(to, from);
}

/* (flag: whether %n may be used in a format that can be written to.) */
int __vsnprintf_chk(char *to, size_t n, int flag, size_t size,
                    const char *format, va_list values)
{
    (void)flag;
    check(n, size);
    return vsnprintf(to, n, format, values);
}

int __snprintf_chk(char *to, size_t n, int flag, size_t size,
                   const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = __vsnprintf_chk(to, n, flag, size, format, values);
    va_end(values);
    return length;
}

int __sprintf_chk(char *to, int flag, size_t size, const char *format, ...)
{
    (void)flag;
    va_list values;
    va_start(values, format);
    int length = vsnprintf(to, size, format, values);
    va_end(values);
    check((size_t)length + 1, size);
    return length;
}

int __asprintf_chk(char **to, int flag, const char *format, ...)
{
    (void)flag;
    va_list values;
    va_start(values, format);
    int length = vasprintf(to, format, values);
    va_end(values);
    return length;
}

int __fprintf_chk(FILE *to, int flag, const char *format, ...)
{
    (void)flag;
    va_list values;
    va_start(values, format);
    int length = vfprintf(to, format, values);
    va_end(values);
    return length;
}

/* --- what glibc 2.38 and newer call what it has always had --- */

long __isoc23_strtol(const char *text, char **end, int base)
{
    return strtol(text, end, base);
}

unsigned long __isoc23_strtoul(const char *text, char **end, int base)
{
    return strtoul(text, end, base);
}

long long __isoc23_strtoll(const char *text, char **end, int base)
{
    return strtoll(text, end, base);
}

unsigned long long __isoc23_strtoull(const char *text, char **end, int base)
{
    return strtoull(text, end, base);
}

/* --- system calls --- */

int close_range(unsigned int fd, unsigned int max_fd, int flags)
{
    return (int)syscall(SYS_close_range, fd, max_fd, flags);
}

int execveat(int fd, const char *path, char *const argv[], char *const envp[],
             int flags)
{
    return (int)syscall(SYS_execveat, fd, path, argv, envp, flags);
}

int fsconfig(int fd, unsigned int command, const char *key, const void *value,
             int aux)
{
    return (int)syscall(SYS_fsconfig, fd, command, key, value, aux);
}

int fsmount(int fd, unsigned int flags, unsigned int attributes)
{
    return (int)syscall(SYS_fsmount, fd, flags, attributes);
}

int fsopen(const char *type, unsigned int flags)
{
    return (int)syscall(SYS_fsopen, type, flags);
}

int fspick(int fd, const char *path, unsigned int flags)
{
    return (int)syscall(SYS_fspick, fd, path, flags);
}

int mount_setattr(int fd, const char *path, unsigned int flags,
                  struct mount_attr *attributes, unsigned long size)
{
    return (int)syscall(SYS_mount_setattr, fd, path, flags, attributes, size);
}

int move_mount(int from_fd, const char *from, int to_fd, const char *to,
               unsigned int flags)
{
    return (int)syscall(SYS_move_mount, from_fd, from, to_fd, to, flags);
}

int open_tree(int fd, const char *path, unsigned int flags)
{
    return (int)syscall(SYS_open_tree, fd, path, flags);
}

/* A seccomp filter may refuse even this, and musl's would try for ever. */
void _Exit(int status)
{
    syscall(SYS_exit_group, status);
    syscall(SYS_exit, status);
    __builtin_trap();
}

/* --- system calls that musl makes more of --- */

/* Read from the vdso(7), it takes three pages that nothing else touches. */
int clock_gettime(clockid_t clock_id, struct timespec *tp)
{
    return (int)syscall(SYS_clock_gettime, clock_id, tp);
}

time_t time(time_t *timer)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (timer)
        *timer = now.tv_sec;
    return now.tv_sec;
}

/* musl's sets O_CLOEXEC once more: kernels before Linux 2.6.23 did not. */
int open(const char *file, int oflag, ...)
{
    bool creates = oflag & O_CREAT || (oflag & O_TMPFILE) == O_TMPFILE;
    va_list values;
    va_start(values, oflag);
    mode_t mode = creates ? va_arg(values, mode_t) : 0;
    va_end(values);
    return openat(AT_FDCWD, file, oflag, mode);
}

/* For every thread, with all signals blocked meanwhile: we have one thread. */
int setgroups(size_t n, const gid_t *groups)
{
    return (int)syscall(SYS_setgroups, n, groups);
}

int setresgid(gid_t rgid, gid_t egid, gid_t sgid)
{
    return (int)syscall(SYS_setresgid, rgid, egid, sgid);
}

int setresuid(uid_t ruid, uid_t euid, uid_t suid)
{
    return (int)syscall(SYS_setresuid, ruid, euid, suid);
}

/* --- signals --- */

/* All of them: musl's leaves out those that it keeps for itself. */
int sigfillset(sigset_t *set)
{
    memset(set, 0xff, sizeof(*set));
    return 0;
}

const char *sigabbrev_np(int sig)
{
    static const char *const names[] = {
        [SIGHUP] = "HUP",       [SIGINT] = "INT",       [SIGQUIT] = "QUIT",
        [SIGILL] = "ILL",       [SIGTRAP] = "TRAP",     [SIGABRT] = "ABRT",
        [SIGBUS] = "BUS",       [SIGFPE] = "FPE",       [SIGKILL] = "KILL",
        [SIGUSR1] = "USR1",     [SIGSEGV] = "SEGV",     [SIGUSR2] = "USR2",
        [SIGPIPE] = "PIPE",     [SIGALRM] = "ALRM",     [SIGTERM] = "TERM",
        [SIGSTKFLT] = "STKFLT", [SIGCHLD] = "CHLD",     [SIGCONT] = "CONT",
        [SIGSTOP] = "STOP",     [SIGTSTP] = "TSTP",     [SIGTTIN] = "TTIN",
        [SIGTTOU] = "TTOU",     [SIGURG] = "URG",       [SIGXCPU] = "XCPU",
        [SIGXFSZ] = "XFSZ",     [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF",
        [SIGWINCH] = "WINCH",   [SIGIO] = "POLL",       [SIGPWR] = "PWR",
        [SIGSYS] = "SYS",
    };
    return sig > 0 && sig <= SIGSYS ? names[sig] : NULL;
}
