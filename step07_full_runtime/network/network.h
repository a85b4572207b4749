/*
 * network.h - a network for the container: veth(4), bridge, NAT.
 *
 * For: a cable (veth pair) from the container's network namespace to a bridge
 * on the host. Never: runs ip(8); removes a bridge that it did not make;
 * leaves ip_forward changed. It grew out of step06.
 */
#ifndef RUNG_NETWORK_H
#define RUNG_NETWORK_H

#include <net/if.h>
#include <stdbool.h>
#include <sys/types.h>

struct spec;

/* The names that the state file must know. Empty: no cable wanted. */
struct network {
    char link[IFNAMSIZ]; /* the host's end: rung-0af00002 for 10.240.0.2 */
    char bridge[IFNAMSIZ]; /* rung0 */
};

/* Choose the names, check the addresses. No side effect. */
void network_plan(struct network *n, const struct spec *spec);
/* Fill the structure from what a state file names (NULL: nothing). */
void network_reopen(struct network *n, const char *link, const char *bridge);

/* In the parent: bridge, cable into the namespace of process pid, NAT. */
void attach_network(struct network *n, const struct spec *spec, pid_t pid);
/* In the container's network namespace: lo up; eth0's address; route. */
void set_up_network(const struct spec *spec);
/* Remove the cable, and the bridge and NAT if it was the last one's.
 * 0, or -1 after warn(). May be called twice. */
int detach_network(const struct network *n);

#endif
