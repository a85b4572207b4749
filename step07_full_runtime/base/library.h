/*
 * library.h - libraries that few containers need: loaded when they do.
 *
 * For: what is worth a millisecond to those alone who use it. Knows nothing of
 * what is in them.
 */
#ifndef RUNG_LIBRARY_H
#define RUNG_LIBRARY_H

/* Keep main's argv: a static program starts again with it. */
void library_arguments(char **argv);

/* Before anything is made: a library may be wanted later. A static program can
 * load none, so it becomes the plain one, if that is installed, and begins
 * again: execve(2). */
void library_prepare(void);

/* dlopen(3) of this file. NULL, and *WHY, which stays valid. It does as
 * library_prepare() does: so where doing all of it again would do harm, that
 * has to come first. */
void *library_open(const char *name, const char **why);

/* dlsym(3): a function of an open library, or NULL. */
void *library_symbol(void *library, const char *name);

#endif
