/*
 * malloc.c - malloc(3) for a program that lives for milliseconds.
 *
 * musl's gives memory back to the kernel as soon as it can, and asks for more a
 * moment later: one in seven of a run's system calls was for that. And a page
 * that is touched for the first time is dear. So this one takes memory from one
 * place, in order, and keeps what has been freed for who needs as much. It
 * gives nothing back, and knows no threads.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    ALIGNMENT = 16, /* of what malloc(3) gives: enough for any type */
    EXACT = 64, /* sizes up to 1 KB have a list each, then powers of two */
    EXACT_MAX = EXACT * ALIGNMENT,
    LISTS = EXACT + 64,
    CHUNK = 128 << 10, /* that much at a time, and its pages with it */
    PAGE = 4 << 10, /* the smallest that there is; a larger one is as right */
};

/* What is before each piece of memory. */
union header {
    struct {
        size_t size; /* of the memory after this */
        union header *next; /* while it is free */
    };
    _Alignas(ALIGNMENT) char aligned[ALIGNMENT];
};

static union header *lists[LISTS];
static _Alignas(ALIGNMENT) char first[64 << 10];
static char *unused = first, *end = first + sizeof(first);

/* Makes *size the size that its list has. */
static union header **list_of(size_t *size)
{
    *size = (*size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (*size < EXACT_MAX)
        return &lists[*size / ALIGNMENT];
    int bits = 64 - __builtin_clzll(*size - 1);
    *size = (size_t)1 << bits;
    return &lists[EXACT + bits];
}

/* What is free is on pages that both processes will have: neither takes it.
 * Declared in base/memory.h. */
void memory_before_clone(void);
void memory_before_clone(void)
{
    size_t rest = -(uintptr_t)unused % PAGE;
    memset(lists, 0, sizeof(lists));
    if (rest <= (size_t)(end - unused))
        unused += rest;
}

void *malloc(size_t size)
{
    if (size > PTRDIFF_MAX / 2) {
        errno = ENOMEM;
        return NULL;
    }
    union header **list = list_of(&size);
    union header *found = *list;
    if (found) {
        *list = found->next;
        return found + 1;
    }
    size_t needed = sizeof(union header) + size;
    if (needed > (size_t)(end - unused)) {
        size_t length = needed > CHUNK ? needed : CHUNK;
        char *more = mmap(NULL, length, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (more == MAP_FAILED)
            return NULL;
        unused = more;
        end = more + length;
    }
    found = (union header *)unused;
    found->size = size;
    unused += needed;
    return found + 1;
}

void free(void *ptr)
{
    if (!ptr)
        return;
    union header *freed = (union header *)ptr - 1;
    union header **list = list_of(&freed->size);
    freed->next = *list;
    *list = freed;
}

/* What comes from the kernel, or has never been used, is zero. */
void *calloc(size_t nmemb, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(nmemb, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    bool is_new = all <= PTRDIFF_MAX / 2 && !*list_of(&all);
    void *memory = malloc(all);
    return memory && !is_new ? memset(memory, 0, all) : memory;
}

/* What was given last can grow where it is. */
static bool grow(void *ptr, size_t old, size_t size)
{
    if ((char *)ptr + old != unused || size > PTRDIFF_MAX / 2)
        return false;
    (void)list_of(&size);
    if (size - old > (size_t)(end - unused))
        return false;
    unused += size - old;
    ((union header *)ptr - 1)->size = size;
    return true;
}

void *realloc(void *ptr, size_t size)
{
    size_t old = ptr ? ((union header *)ptr - 1)->size : 0;
    if (ptr && (size <= old || grow(ptr, old, size)))
        return ptr;
    void *larger = malloc(size);
    if (larger && ptr)
        memcpy(larger, ptr, old);
    if (larger)
        free(ptr);
    return larger;
}
