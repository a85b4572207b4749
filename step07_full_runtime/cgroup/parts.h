/*
 * parts.h - what the files of this room share; for them alone.
 */
#ifndef RUNG_CGROUP_PARTS_H
#define RUNG_CGROUP_PARTS_H

#include <stdbool.h>
#include <stddef.h>

struct cgroup;
struct resources;
struct spec;

/* Extended attributes of what we made or changed above a container. */
#define CGROUP_NOTE "user.rung"
#define CGROUP_MADE "user.rung.made"
/* Ours are called so; what an engine names, the engine looks after. */
#define OWN_PREFIX "rung-"

/* --- controllers.c --- */
/* The set that "cpu memory pids\n" lists; NULL is empty. */
unsigned int controllers_in(const char *text);
/* Back to text, each name with the prefix: "+memory +pids". */
char *controller_names(unsigned int set, const char *prefix);
/* The set in a file of a cgroup; empty if it cannot be read. */
unsigned int read_controllers(const char *directory, const char *file);
/* What these limits need. Ends the program at a name that is not one. */
unsigned int controllers_needed(const struct resources *r);
/* "+" or "-": switch these controllers of the cgroups below `directory` on or
 * off. Those that could not be, and errno. */
unsigned int switch_controllers(const char *directory, unsigned int set,
                                const char *sign);

/* --- place.c --- */
/* A name that we chose; others, engines have chosen. */
bool cgroup_is_own(const char *path);

/* --- scope.c --- */
/* The plan if systemd is to make it, below this mount. */
void cgroup_plan_scope(struct cgroup *c, const struct spec *spec,
                       const char *id, const char *mount);

/* --- cgroup.c --- */
/* Let `directory` hand these controllers down; if it does not have them, it
 * gets them from above first. Those of c->need must be: else the program
 * ends. */
void enable_controllers(const struct cgroup *c, const char *directory,
                        unsigned int set);

#endif
