/*
 * memory.h - memory and strings. All of it dies when memory ends.
 */
#ifndef RUNG_MEMORY_H
#define RUNG_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

#include "base/report.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

void *allocate(size_t count, size_t size); /* zeroed */
/* The list with room for one more than COUNT; it may move. */
void *enlarge(void *list, size_t count, size_t size);
char *copy_string(const char *text); /* NULL's is NULL */
char *print_string(const char *format, ...) PRINTF(1, 2);
/* Join with exactly one slash between. */
char *join_path(const char *directory, const char *name);
/* One that is relative starts in the current directory. */
char *absolute_path(const char *path);

/* Right before a process is made: what is allocated from now on is on pages of
 * its own, which the kernel need not copy when one of the two writes there. In
 * the static program; malloc(3) of the C library does as it likes. */
void memory_before_clone(void);

/* Run at the end of the block: CLEANUP(free_string) char *path = ...; */
#define CLEANUP(function) __attribute__((cleanup(function)))
void free_string(char **text);

#endif
