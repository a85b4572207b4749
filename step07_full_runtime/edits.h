/*
 * edits.h - what each flag does to config.json.
 *
 * option is the flag's name, for errors; a value that cannot be right is a
 * usage error. Called in the order of the command line.
 */
#ifndef RUNG_EDITS_H
#define RUNG_EDITS_H

#include <jansson.h>

typedef void edit_function(json_t *config, const char *option,
                           const char *value);

edit_function edit_hostname;
edit_function edit_rootfs;
edit_function edit_read_only;
edit_function edit_overlay;
edit_function edit_layer;
edit_function edit_volume;
edit_function edit_env;
edit_function edit_workdir;
edit_function edit_user;
edit_function edit_tty;
edit_function edit_init;
edit_function edit_cap_add;
edit_function edit_cap_drop;
edit_function edit_privileges;
edit_function edit_seccomp;
edit_function edit_sysctl;
edit_function edit_ulimit;
edit_function edit_oom_score;
/* edits_limits.c */
edit_function edit_memory;
edit_function edit_memory_high;
edit_function edit_swap;
edit_function edit_pids;
edit_function edit_cpus;
edit_function edit_ip;
edit_function edit_bridge;
edit_function edit_nat;

/* edits_ids.c */
edit_function edit_uidmap;
edit_function edit_gidmap;
edit_function edit_userns;
edit_function edit_time_offset;
edit_function edit_namespace;
void finish_ids(json_t *config);

/* The command line's rest. */
void edit_args(json_t *config, char **args);
/* After the last flag: what depends on several of them. */
void edit_finish(json_t *config);

/* For both files: the object at this path, made if it is missing; the names
 * end with NULL. */
json_t *object_at(json_t *config, ...);
json_t *array_at(json_t *config, const char *object, const char *name);
/* As json_object_set_new, but running out of memory ends the program. */
void put(json_t *object, const char *key, json_t *value);
void add(json_t *array, json_t *value);
void annotate(json_t *config, const char *key, const char *value);

#endif
