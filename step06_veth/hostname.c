/*
 * hostname.c - a hostname of its own: uts_namespaces(7).
 */
#define _GNU_SOURCE

#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

/*
 * The hostname belongs to the UTS namespace. Ours is a copy of the host's,
 * made by clone3; a change stays in here: uts_namespaces(7), sethostname(2).
 */
void set_hostname(const struct container *c)
{
    narrate(c, "sethostname(\"%s\")   # hostname %s", c->hostname, c->hostname);
    if (sethostname(c->hostname, strlen(c->hostname)) == -1)
        die("set the hostname %s", c->hostname);
}

/* A hostname of its own needs a UTS namespace: uts_namespaces(7) */
void want_uts_namespace(struct container *c)
{
    c->clone.flags |= CLONE_NEWUTS;
}
