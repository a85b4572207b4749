/*
 * cgroup.h - the container's cgroup: cgroups(7), cgroup v2 only.
 *
 * For: limits, freezing, killing all of a container at once, statistics.
 * Never: assumes /sys/fs/cgroup; joins a path unchecked; waits without a
 * bound; lets a limit that was asked for go unset. It grew out of step05.
 */
#ifndef RUNG_CGROUP_H
#define RUNG_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct json_t;
struct spec;

/*
 * path is NULL where the host has no cgroup v2 for us and no limit was asked
 * for: the container then stays in our own cgroup. All functions accept that.
 */
struct cgroup {
    char *path; /* its directory; goes into the state file */
    char *parent; /* the directory above, which hands out controllers */
    unsigned int need; /* controllers that the limits need, a bit for each */
    unsigned int wish; /* and those that are nice to have */
    int fd; /* the directory, for CLONE_INTO_CGROUP; or -1 */
    char *slice; /* systemd's unit above, and the one that holds our cgroup; */
    char *scope; /* NULL: we make the directory ourselves */
};

/* Find the place: path, parent and need. No side effect. Ends the program if
 * a limit was asked for that this host cannot set. */
void cgroup_plan(struct cgroup *c, const struct spec *spec, const char *id);
/* Fill the structure from what a state file names (or NULL). */
void cgroup_reopen(struct cgroup *c, const char *path, const char *scope);

/* Enable the controllers, make the directory, open fd. With systemd's help
 * that has to wait for a process: then fd stays -1. */
void make_cgroup(struct cgroup *c);
/* For systemd: make a scope with this process in it, then our directory below,
 * and open fd. Otherwise the process is in place since clone3(2). */
void cgroup_adopt(struct cgroup *c, const struct spec *spec, pid_t pid);
/* Move the process to c->fd, for who may not have clone3(2) do it: systemd
 * can. Ends the program. */
void cgroup_join(const struct cgroup *c, pid_t pid);
/* Write the limits, and give the cgroup to the container's user if it is to
 * see it writable. */
void cgroup_limits(const struct cgroup *c, const struct spec *spec);
/* New limits for a container that runs: all of them, or the program ends and
 * says which were not taken back. */
void cgroup_update(struct cgroup *c, const struct spec *spec);

/* Stop or continue every process in it. Waits until it is so, 10 s at most;
 * 0, or -1 and errno. */
int cgroup_freeze(const struct cgroup *c, bool frozen);
/* Send a signal to every process in it: 0, or -1 and errno. */
int cgroup_signal(const struct cgroup *c, int number);
/* SIGKILL to every process in it: 0, or -1 and errno. Does not wait. */
int cgroup_kill(const struct cgroup *c);
/* Kill, wait for "populated 0", remove it and all below, and the directories
 * above that we made and nobody uses; then take back the controllers that no
 * container needs any more. 0, or -1 after warn(). */
int cgroup_undo(struct cgroup *c);

/* How many processes the kernel has killed for want of memory; -1: this host or
 * cgroup does not say. */
int64_t cgroup_oom_kills(const struct cgroup *c);
/* All that the kernel counted, for `events`: the caller frees it with
 * json_decref(). */
struct json_t *cgroup_stats_json(const struct cgroup *c);

/* Who is in it, and in the cgroups below. Free it with free_pids(). */
struct pids {
    pid_t *list;
    size_t count;
};
struct pids cgroup_processes(const struct cgroup *c);
void free_pids(struct pids *pids);

#endif
