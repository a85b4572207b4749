/*
 * start.c - the static program starts anew before its C library has begun.
 *
 * A command that gets into a container is started twice: the second time from a
 * copy of our file's mount that is read-only (step07's container/self.c, which
 * says why). All that the first start has done is thrown away then. So this is
 * what the kernel calls first, in place of the C library's _start: three system
 * calls, and the program is gone. There is no library here yet, not even errno.
 *
 * It decides nothing. Where it can't help, it goes on to _start; and main() has
 * self_protect look whether we are protected, and end us if we can't be.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#define OWN_FILE "/proc/self/exe"

/* syscall(2) without a library: the result, or the negative error. */
static long call(long number, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
                     : "memory");
    return x0;
#endif
}

/* Where the kernel begins, with argc on top of the stack: so it stays for
 * _start as it was. The first instructions can't be C. */
#if defined(__x86_64__)
__asm__(".globl start_anew\n"
        "start_anew:\n"
        "    mov %rdx, %rbx\n"
        "    mov %rsp, %rdi\n"
        "    call leave\n"
        "    mov %rbx, %rdx\n"
        "    jmp _start\n");
#elif defined(__aarch64__)
__asm__(".globl start_anew\n"
        "start_anew:\n"
        "    mov x19, x0\n"
        "    mov x0, sp\n"
        "    bl leave\n"
        "    mov x0, x19\n"
        "    b _start\n");
#endif

static bool is(const char *word, const char *name)
{
    for (; *word && *word == *name; word++, name++)
        continue;
    return *word == *name;
}

/* May it be one of the commands that "enter" (main.c)? A word too many costs a
 * start, and no more. What -v shows and --without leaves out is main()'s. */
static bool enters(char **argv)
{
    bool found = false;
    for (; *argv; argv++) {
        if (is(*argv, "-v") || is(*argv, "--without") ||
            is(*argv, "--without=own-binary"))
            return false;
        found = found || is(*argv, "run") || is(*argv, "create") ||
                is(*argv, "exec");
    }
    return found;
}

/* stack: argc, argv and NULL, environ and NULL. execve(2) */
__attribute__((used)) static void leave(long *stack)
{
    char **argv = (char **)(stack + 1);
    struct statfs fs;
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    fs.f_flags = 0;
    if (!enters(argv) || call(SYS_statfs, (long)OWN_FILE, (long)&fs, 0, 0, 0) ||
        fs.f_flags & ST_RDONLY)
        return;
    long fd = call(SYS_open_tree, AT_FDCWD, (long)OWN_FILE,
                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0);
    if (fd < 0)
        return;
    if (call(SYS_mount_setattr, fd, (long)"", AT_EMPTY_PATH, (long)&attr,
             sizeof(attr)) == 0)
        (void)call(SYS_execveat, fd, (long)"", (long)argv,
                   (long)(argv + stack[0] + 1), AT_EMPTY_PATH);
    (void)call(SYS_close, fd, 0, 0, 0, 0);
}
