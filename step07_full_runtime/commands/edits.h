/*
 * edits.h - what each flag does to config.json.
 */
#ifndef RUNG_EDITS_H
#define RUNG_EDITS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "commands/flags.h"

/* What the flags of a command line do to a config.json, one after the other; a
 * value that cannot be right is a usage error. Some take effect only after the
 * last: what they say is noted here. */
struct edits {
    json_t *config;
    const char *option; /* the flag, "--memory", for errors */
    const char *value; /* NULL: it takes none */
    bool has_user; /* --user */
    bool has_maps; /* a flag made some */
    bool has_memory; /* --memory */
    bool has_swap;
    int64_t swap; /* beside the memory; -1: no limit */
    json_t *added; /* what --cap-add gave */
};

/* Sets the field that the table of flags names. */
void edit_field(struct edits *e, const struct flag *flag);
edit_function edit_hostname;
edit_function edit_layer;
edit_function edit_volume;
edit_function edit_env;
edit_function edit_workdir;
edit_function edit_seccomp;
edit_function edit_sysctl;
edit_function edit_ulimit;

/* --- edits_limits.c --- */
edit_function edit_memory;
edit_function edit_memory_high;
edit_function edit_swap;
edit_function edit_cpus;
edit_function edit_ip;
edit_function edit_bridge;
/* As finish_ids. */
void finish_limits(struct edits *e);

/* --- edits_ids.c --- */
edit_function edit_user;
edit_function edit_group;
edit_function edit_cap_add;
edit_function edit_exec_cap;
edit_function edit_cap_drop;
edit_function edit_uidmap;
edit_function edit_gidmap;
edit_function edit_userns;
edit_function edit_time_offset;
edit_function edit_namespace;

/* What the caller cannot do without: an ordinary user, a user namespace. */
void edit_for_user(struct edits *e);
/* After the last flag: what depends on several of them. Without flags it
 * changes nothing. */
void finish_ids(struct edits *e);

/* --- edits.c --- */
/* The command line's rest. */
void edit_args(json_t *config, char **args);

/* For edits*.c; a path is like "process/user/uid". */

/* The object or array there, made if it is missing. */
json_t *place(json_t *config, const char *path, json_type type);
/* The value there, NULL if there is none. */
json_t *find_value(json_t *config, const char *path);
/* Set the field there; append to the array there. */
void set(json_t *config, const char *path, json_t *value);
void add(json_t *config, const char *path, json_t *value);

/* "--pids x: not a number of processes" */
_Noreturn void not_a(const struct edits *e, const char *what);
/* The number that text is; not_a() if it is none, or not from min to max. */
int64_t number_of(const struct edits *e, const char *text, int64_t min,
                  int64_t max, const char *what);

#endif
