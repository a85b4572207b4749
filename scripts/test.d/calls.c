/*
 * calls.c - notes which functions a program enters and leaves, and when.
 *
 * It is linked with a program whose every function calls us first and last:
 * gcc(1), -finstrument-functions. $CALLS names the file, which is made before
 * and mapped: so a note takes no system call, and a process that has another
 * root by now still writes to it. scripts/timeline reads it.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define NOT_ITSELF __attribute__((no_instrument_function))

enum {
    SIZE = 1 << 20,
};

static struct {
    _Atomic(uint64_t) count;
    struct {
        uint64_t function; /* its address, which nm(1) knows */
        uint64_t time; /* ns */
        int32_t pid; /* the container's process is number 1 */
        int32_t is_end;
    } notes[SIZE / 24 - 1];
} * file;

NOT_ITSELF __attribute__((constructor)) static void map_file(void)
{
    const char *path = getenv("CALLS");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd == -1)
        return;
    file = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (file == MAP_FAILED)
        abort();
    close(fd);
}

NOT_ITSELF static void note(void *function, int is_end)
{
    if (!file)
        return;
    uint64_t i = atomic_fetch_add(&file->count, 1);
    if (i >= sizeof(file->notes) / sizeof(file->notes[0]))
        abort();
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    file->notes[i].function = (uint64_t)(uintptr_t)function;
    file->notes[i].time =
        (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    file->notes[i].pid = getpid();
    file->notes[i].is_end = is_end;
}

NOT_ITSELF void __cyg_profile_func_enter(void *function, void *caller)
{
    (void)caller;
    note(function, 0);
}

NOT_ITSELF void __cyg_profile_func_exit(void *function, void *caller)
{
    (void)caller;
    note(function, 1);
}
