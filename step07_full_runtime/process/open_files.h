/*
 * open_files.h - which open files the command gets, and which not.
 */
#ifndef RUNG_OPEN_FILES_H
#define RUNG_OPEN_FILES_H

#include "config/spec.h"

/* All of them end the program when they fail. */

/* In the parent, first of all: close what our caller had open, but for the
 * standard files and those to preserve. */
void files_close_callers(const struct spec *spec);
/* In the parent: give the standard files to the command's user, who may want
 * to open them again: /dev/stdout. */
void files_give_standard(const struct spec *spec);
/* In the child: what is open beyond those will not outlive execve(2). */
void close_files(const struct spec *spec);

#endif
