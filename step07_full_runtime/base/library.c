/*
 * library.c - load a shared library, or become the program that can.
 *
 * `make static` makes a program that starts in half the time and loads nothing.
 * What only a library can do, it leaves to the plain program, which `make
 * install` has put beside it. It must never pretend that a library was not
 * wanted. New in step07.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/library.h"
#include "base/memory.h"
#include "base/report.h"

static char **arguments;
static const char *why_not; /* we cannot become the plain program */

void library_arguments(char **argv)
{
    arguments = argv;
}

#ifdef PLAIN_PROGRAM

/* Once: whoever has gone on without it has made things meanwhile. */
void library_prepare(void)
{
    if (why_not)
        return;
    narrate(7, "execve(\"" PLAIN_PROGRAM "\"), which can load libraries");
    execv(PLAIN_PROGRAM, arguments);
    why_not = print_string("this program is static, and %s is not there: %s",
                           PLAIN_PROGRAM, strerror(errno));
}

void *library_open(const char *name, const char **why)
{
    (void)name;
    library_prepare();
    *why = why_not;
    return NULL;
}

void *library_symbol(void *library, const char *name)
{
    (void)library;
    (void)name;
    return NULL;
}

#else

void library_prepare(void)
{
    (void)arguments;
    (void)why_not;
}

void *library_open(const char *name, const char **why)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        *why = dlerror();
    return library;
}

void *library_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

#endif
