/*
 * state.h - what a container left on the host, on record.
 *
 * ROOT/ID/state.json is written before the first side effect and names all
 * that is about to be made. So `rung delete --force ID` can undo a container
 * whose runtime was killed half-way. Never: trusts a PID without its start
 * time; follows a path out of ROOT; leaves a half-written file. New in step07.
 *
 * Undoing all that a state names (container/container.c, `delete`):
 *     cgroup_reopen(&cgroup, state.cgroup_path, state.scope);
 *     cgroup_undo(&cgroup);
 *     network_reopen(&network, state.link, state.bridge);
 *     detach_network(&network);
 *     state_remove(&state);                 only if the others returned 0
 */
#ifndef RUNG_STATE_H
#define RUNG_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct json_t;

/* In ROOT/ID: where a created container waits for `start`. base/channel.h */
#define START_SOCKET "start"
/* A directory that the container sees, and in it the socket for READY=1. */
#define NOTIFY_DIRECTORY "notify"
#define NOTIFY_SOCKET "notify/notify.sock"

enum status {
    STATUS_CREATING,
    STATUS_CREATED,
    STATUS_RUNNING,
    STATUS_PAUSED,
    STATUS_STOPPED,
};

/* Strings are malloc()ed, and NULL where there is nothing to name. */
struct state {
    char *root; /* the directory of all states */
    char *id;
    char *bundle;
    char *root_path; /* the container's root file system */
    char *cgroup_path; /* the whole directory name */
    char *scope; /* systemd's unit for it */
    char *link; /* the host's end of the veth */
    char *bridge;
    pid_t runtime_pid; /* of the runtime that makes or watches it */
    uint64_t runtime_start;
    pid_t pid; /* process 1 of the container; 0: not started yet */
    uint64_t start_time;
    uid_t owner; /* who made it */
    int64_t created; /* seconds since 1970 */
    char *status_name; /* what the file says: "creating", "created", ... */
};

/* --root DIR (or NULL) to the directory of states: /run/rung for root, else
 * $XDG_RUNTIME_DIR/rung, else /tmp/rung-UID. Makes nothing. */
char *state_root(const char *option);
/* Not "." or ".." either. */
#define STATE_ID_RULE "letters, digits and _+-. only, at most 128"
bool state_id_is_valid(const char *id);

/* The state as the specification has it, for `state` and the hooks. config
 * gives the annotations. The caller frees it with json_decref(). */
struct json_t *state_to_oci(const struct state *s, enum status status,
                            const struct json_t *config);
/* A descriptor of process 1: pidfd_open(2). -1 and errno; ESRCH: it ended. */
int state_open_process(const struct state *s);

/* What it is now: asks the kernel whether process 1 still lives. */
enum status state_status(const struct state *s);
const char *status_name(enum status status);
/* Is this the process that started then? Not so if it has begun to end. */
bool state_process_lives(pid_t pid, uint64_t start_time);
/* Field 22 of /proc/PID/stat; 0 if there is no such process. */
uint64_t state_process_start(pid_t pid);
/* Has it called execve(2) since it was made? Who is gone is taken for it. */
bool state_process_has_executed(pid_t pid);

/* --- state_file.c --- */
/* Make ROOT/ID and write the file. Fails if ID exists. Like all that opens the
 * file, it ends the program if ROOT or ROOT/ID is not ours alone to write. */
void state_create(struct state *s);
/* Process 1 exists: add its PID and start time. */
void state_process(struct state *s, pid_t pid);
/* "created"; "running" is for a process that never calls execve(2): --init. */
void state_change(struct state *s, enum status status);
/* Keep the config.json that the container was made from, for `exec`,
 * `update` and the hooks; and read it again: NULL after warn(). */
void state_save_config(const struct state *s, const struct json_t *config);
struct json_t *state_config(const struct state *s);
/* Read ROOT/ID/state.json: 0, or -1 and errno (ENOENT: no such container;
 * EBADMSG after warn(): it is damaged). A directory without a file is a
 * container of which nothing was made yet. */
int state_load(struct state *s, const char *root, const char *id);
/* Remove ROOT/ID. 0, or -1 after warn(). May be called twice. */
int state_remove(const struct state *s);
/* The ids of all containers under root, sorted, NULL-terminated. */
char **state_list(const char *root);

#endif
