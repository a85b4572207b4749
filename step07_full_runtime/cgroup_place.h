/*
 * cgroup_place.h - sets of controllers; for cgroup.c and cgroup_place.c only.
 */
#ifndef RUNG_CGROUP_PLACE_H
#define RUNG_CGROUP_PLACE_H

#include <stddef.h>

/* The bit of "memory"; 0 for a name that is no controller. */
unsigned int controller_bit(const char *name, size_t length);
/* The set that "cpu memory pids\n" lists; NULL is empty. */
unsigned int controllers_in(const char *text);
/* Back to text, each name with the prefix: "+memory +pids". */
char *controller_names(unsigned int set, const char *prefix);
/* The set in a file of a cgroup; empty if it cannot be read. */
unsigned int read_controllers(const char *directory, const char *file);

#endif
