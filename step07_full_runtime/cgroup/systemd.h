/*
 * systemd.h - ask systemd for a cgroup, over D-Bus. For cgroup*.c alone.
 *
 * Where systemd is process 1 it owns the hierarchy: whoever wants a part of it
 * asks for a "scope" with a process in it, org.freedesktop.systemd1(5). Never:
 * loads the library when nobody asked for systemd; waits without a bound. It
 * knows nothing about cgroups' files. New in step07.
 */
#ifndef RUNG_SYSTEMD_H
#define RUNG_SYSTEMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct resources;
struct spec;

/* The cgroup that this systemd manages: "" for the whole hierarchy, for
 * ordinary users that of their own systemd. Ends the program without one. */
char *systemd_own_cgroup(void);

/* Make the scope in the slice, with this process in it and the container's
 * limits, and wait until it is there, 30 s at most. False if somebody else has
 * one of this name; ends the program if it cannot be made. */
bool systemd_start_scope(const char *slice, const char *scope,
                         const struct spec *spec, pid_t pid);
/* Move the process to the scope, or to the cgroup "/..." below it. Ends the
 * program. */
void systemd_attach(const char *scope, const char *below, pid_t pid);
/* New limits. 0, or -1 and errno after warn(). */
int systemd_set_limits(const char *scope, const struct resources *r);
/* Stop the scope, and forget how it ended. No such scope: fine. 0, or -1
 * after warn(). */
int systemd_stop(const char *scope);

/* --- properties.c: what systemd is told of a scope --- */

/* One of systemd.scope(5) or systemd.resource-control(5), in D-Bus's types:
 * 'b' and the whole numbers in number, 's' in text, "as" in strings (NULL at
 * the end), "ay" and "au" in bytes. */
struct property {
    char *name;
    const char *type;
    uint64_t number;
    char *text;
    char **strings;
    uint8_t *bytes;
    size_t size; /* of bytes */
};

struct properties {
    struct property *list;
    size_t count;
};

/* What makes a scope fit for a container; of this version of systemd. */
void add_scope_properties(struct properties *p, const char *slice,
                          const char *scope, pid_t pid, int version);
/* The limits that systemd knows of. */
void add_limit_properties(struct properties *p, const struct resources *r);
/* The annotations org.systemd.property.NAME of config.json: ends the program
 * at one that it does not understand. */
void add_annotated_properties(struct properties *p, const struct spec *spec);
void free_properties(struct properties *p);

#endif
