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
char *copy_string(const char *text);
char *print_string(const char *format, ...) PRINTF(1, 2);
/* Join with exactly one slash between. */
char *join_path(const char *directory, const char *name);

/* Run at the end of the block: CLEANUP(free_string) char *path = ...; */
#define CLEANUP(function) __attribute__((cleanup(function)))
void free_string(char **text);

#endif
