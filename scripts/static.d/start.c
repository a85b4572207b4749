/*
 * start.c - the static program runs from a copy of its file before its C
 * library has begun.
 *
 * A command that gets into a container must run from a copy of our file's mount
 * that is read-only (step07's container/self.c, which says why). To start once
 * more from there costs an execve(2), and what the first start has done is
 * thrown away. But a static program is only two pieces of its file in memory.
 * So this, which the kernel calls first, in place of the C library's _start,
 * maps both again, from the copy; and the kernel takes another file for ours as
 * soon as nothing is left of the one it knows. There is no library here yet,
 * not even errno.
 *
 * It decides nothing. Where the kernel refuses, it starts anew from the copy,
 * and where it can't do that, it goes on to _start; and main() has self_protect
 * look whether we are protected, and end us if we can't be.
 */
#define _GNU_SOURCE

#include <elf.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/prctl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "../../step07_full_runtime/container/self.h"

#define OWN_FILE "/proc/self/exe"

enum {
    TOUCHED = 52 << 10, /* bytes of .bss that every run touches: layout.ld */
};

/* syscall(2) without a library: the result, or the negative error. */
static long call(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
                       "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#endif
}

/* Where the kernel begins, with argc on top of the stack: so it stays for
 * _start as it was. The first instructions can't be C. */
#if defined(__x86_64__)
__asm__(".globl start_protected\n"
        "start_protected:\n"
        "    mov %rdx, %rbx\n"
        "    mov %rsp, %rdi\n"
        "    call protect\n"
        "    mov %rbx, %rdx\n"
        "    jmp _start\n");
#elif defined(__aarch64__)
__asm__(".globl start_protected\n"
        "start_protected:\n"
        "    mov x19, x0\n"
        "    mov x0, sp\n"
        "    bl protect\n"
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
 * few calls. What -v shows and --without leaves out is main()'s. */
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

/* What the kernel has put on the stack: argc, argv and NULL, environ and NULL,
 * and where we are: getauxval(3). */
struct start {
    char **argv;
    char **environ;
    const Elf64_Phdr *segments;
    size_t segment_count;
    size_t page; /* its size in bytes */
    const char *strings_end; /* of argv's and environ's strings */
};

struct fact {
    unsigned long type; /* AT_... */
    union {
        unsigned long number;
        const void *pointer;
    };
};

static void read_stack(struct start *start, long *stack)
{
    char **argv = (char **)(stack + 1);
    *start = (struct start){.argv = argv, .environ = argv + stack[0] + 1};
    char **end = start->environ;
    while (*end)
        end++;
    const struct fact *fact = (const void *)(end + 1);
    for (; fact->type != AT_NULL; fact++) {
        if (fact->type == AT_PHDR)
            start->segments = fact->pointer;
        if (fact->type == AT_PHNUM)
            start->segment_count = fact->number;
        if (fact->type == AT_PAGESZ)
            start->page = fact->number;
        if (fact->type == AT_EXECFN)
            start->strings_end = fact->pointer;
    }
}

extern char data_end[]; /* layout.ld: from here on nothing is in the file */

/* As the kernel has mapped it. Nothing has been written to .data yet; the rest
 * of its last page is .bss. elf(5), mmap(2) */
static bool map_again(const Elf64_Phdr *segment, size_t page, long fd)
{
    size_t before = segment->p_vaddr % page;
    Elf64_Addr start = segment->p_vaddr - before;
    int protection = (segment->p_flags & PF_R ? PROT_READ : 0) |
                     (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                     (segment->p_flags & PF_X ? PROT_EXEC : 0);
    if (call(SYS_mmap, (long)start, (long)(before + segment->p_filesz),
             protection, MAP_PRIVATE | MAP_FIXED | MAP_POPULATE, fd,
             (long)(segment->p_offset - before)) != (long)start)
        return false;
    if (!(protection & PROT_WRITE))
        return true;
    char *bss = data_end;
    for (; (size_t)bss % page; bss++)
        *bss = '\0';
    (void)call(SYS_madvise, (long)bss, TOUCHED, MADV_POPULATE_WRITE, 0, 0, 0);
    return true;
}

/*
 * The kernel asks for all that it knows of where we are, to change the file
 * alone. It takes another if no page of the old one is mapped, and from who may
 * restore a process: CAP_CHECKPOINT_RESTORE, PR_SET_MM_MAP of prctl(2).
 */
static bool replace_file(const struct start *start, long fd)
{
    struct prctl_mm_map map;
    for (size_t i = 0; i < start->segment_count; i++) {
        const Elf64_Phdr *segment = &start->segments[i];
        if (segment->p_type != PT_LOAD)
            continue;
        if (!map_again(segment, start->page, fd))
            return false;
        if (segment->p_flags & PF_W) {
            map.start_data = segment->p_vaddr;
            map.end_data = segment->p_vaddr + segment->p_filesz;
        } else {
            map.start_code = segment->p_vaddr;
            map.end_code = segment->p_vaddr + segment->p_filesz;
        }
    }
    map.start_brk = (__u64)call(SYS_brk, 0, 0, 0, 0, 0, 0);
    map.brk = map.start_brk;
    map.start_stack = (__u64)(start->argv - 1); /* argc */
    map.arg_start = (__u64)start->argv[0];
    map.env_start = (__u64)start->environ[0];
    if (!start->environ[0])
        map.env_start = (__u64)start->strings_end;
    map.arg_end = map.env_start;
    map.env_end = (__u64)start->strings_end;
    map.auxv = NULL;
    map.auxv_size = 0;
    map.exe_fd = (__u32)fd;
    return call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)&map, sizeof(map), 0,
                0) == 0;
}

/* open(2) of what open_tree(2) gave, which can't be mapped: it is O_PATH. */
static long open_again(long fd)
{
    char path[] = "/proc/self/fd/........";
    char *digit = path + sizeof("/proc/self/fd/") - 1;
    long unit = 1;
    while (fd / unit > 9)
        unit *= 10;
    for (; unit > 0; unit /= 10)
        *digit++ = (char)('0' + fd / unit % 10);
    *digit = '\0';
    return call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0,
                0);
}

/* fd: of the copy of our file's mount. self_let_go() closes it later: to take
 * a mount away, the kernel waits for all processors. */
static bool go_on_from(long fd, const struct start *start)
{
    long file_fd = open_again(fd);
    if (file_fd < 0)
        return false;
    bool done = start->segments && start->page && replace_file(start, file_fd);
    (void)call(SYS_close, file_fd, 0, 0, 0, 0, 0);
    if (done)
        self_mount_fd = (int)fd;
    return done;
}

/* execve(2), if there is no other way. */
__attribute__((used)) static void protect(long *stack)
{
    struct start start;
    struct statfs fs;
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
    fs.f_flags = 0;
    read_stack(&start, stack);
    if (!enters(start.argv) ||
        call(SYS_statfs, (long)OWN_FILE, (long)&fs, 0, 0, 0, 0) ||
        fs.f_flags & ST_RDONLY)
        return;
    long fd = call(SYS_open_tree, AT_FDCWD, (long)OWN_FILE,
                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, 0, 0, 0);
    if (fd < 0)
        return;
    if (call(SYS_mount_setattr, fd, (long)"", AT_EMPTY_PATH, (long)&attr,
             sizeof(attr), 0) == 0) {
        if (go_on_from(fd, &start))
            return;
        (void)call(SYS_execveat, fd, (long)"", (long)start.argv,
                   (long)start.environ, AT_EMPTY_PATH, 0);
    }
    (void)call(SYS_close, fd, 0, 0, 0, 0, 0);
}
