/*
 * parts.h - a filter on its way from names to a program. For this room alone.
 */
#ifndef RUNG_SECCOMP_PARTS_H
#define RUNG_SECCOMP_PARTS_H

#include <linux/filter.h>
#include <seccomp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/json.h"
#include "config/spec.h"

/* What happens to a call, if all the conditions on its arguments hold. */
struct call_rule {
    const struct scmp_arg_cmp *conditions;
    uint32_t number; /* of the call */
    uint32_t action; /* SCMP_ACT_..., which is SECCOMP_RET_... */
    unsigned int order; /* in which it was given */
    unsigned char count; /* of the conditions */
    bool is_piece; /* of a call that does many things: "socketcall" */
};

/* One architecture. */
struct call_table {
    uint32_t token; /* AUDIT_ARCH_...: what the kernel calls it */
    bool has_x32; /* x32 is x86-64 with other numbers */
    struct call_rule *rules;
    size_t rule_count;
    char **late_names; /* see late_number() */
};

/* How the listener comes to the agent: notify.c. */
struct messenger {
    int *socket_fds;
    atomic_int *used; /* how many of them; shared with the hooks */
    char *message; /* the "container process state" of the specification */
    atomic_int listener_fd; /* -1: not yet */
    atomic_bool is_sent;
};

struct filter {
    uint32_t default_action;
    uint32_t newer_action; /* for calls with higher numbers than any rule's */
    uint32_t architectures[32]; /* SCMP_ARCH_... */
    size_t architecture_count;
    struct call_table tables[32];
    size_t table_count;
    unsigned int flags; /* SECCOMP_FILTER_FLAG_... */
    bool notifies; /* a rule says SCMP_ACT_NOTIFY */
    char *listener_path; /* the agent's socket */
    char *listener_metadata;
    struct sock_fprog program;
    struct messenger messenger;
};

/* --- rules.c --- */
/* An architecture, by its SCMP_ARCH_ number; twice is once.
 * The first one is that of this machine. */
void seccomp_add_architecture(struct filter *f, uint32_t architecture);
/* A rule, for each architecture that has the call. All conditions must hold;
 * they are copied. */
void seccomp_add_rule(struct filter *f, uint32_t action, const char *name,
                      const struct scmp_arg_cmp *conditions,
                      unsigned int count);

/* --- program.c --- */
/* When all rules are there. */
void seccomp_assemble(struct filter *f);
/* After that: is this call of our own architecture refused, whatever its
 * arguments are? */
bool seccomp_forbids(const struct filter *f, uint32_t number);

/* --- profile.c --- */
/* What linux.seccomp asks for. */
void seccomp_read_profile(struct filter *f, const json_t *profile);

/* --- default.c --- */
/* What is allowed when nobody says, given the capabilities
 * that the container may have. */
void seccomp_make_default(struct filter *f, uint64_t capabilities);

/* --- notify.c --- */
/* Load it with a listener, which goes to the agent.
 * The result of seccomp(2). */
long seccomp_load_with_listener(struct filter *f);

#endif
