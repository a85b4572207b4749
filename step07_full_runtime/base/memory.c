/*
 * memory.c - memory and strings.
 *
 * Nobody here can do anything about memory that ends: so these functions never
 * return without. New in step07.
 */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/report.h"

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        die("allocate %zu times %zu bytes", count, size);
    return memory;
}

void *enlarge(void *list, size_t count, size_t size)
{
    void *larger = reallocarray(list, count + 1, size);
    if (!larger)
        die("allocate %zu times %zu bytes", count + 1, size);
    return larger;
}

char *copy_string(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        die("copy a string");
    return copy;
}

char *print_string(const char *format, ...)
{
    char *text = NULL;
    va_list values;
    va_start(values, format);
    int length = vasprintf(&text, format, values);
    va_end(values);
    if (length < 0)
        die("make a string");
    return text;
}

char *join_path(const char *directory, const char *name)
{
    size_t length = strlen(directory);
    while (length > 0 && directory[length - 1] == '/')
        length--;
    while (*name == '/')
        name++;
    return print_string("%.*s/%s", (int)length, directory, name);
}

char *absolute_path(const char *path)
{
    if (*path == '/')
        return copy_string(path);
    CLEANUP(free_string) char *here = getcwd(NULL, 0);
    if (!here)
        die("find the current directory");
    return join_path(here, path);
}

__attribute__((weak)) void memory_before_clone(void)
{
}

void free_string(char **text)
{
    free(*text);
}
