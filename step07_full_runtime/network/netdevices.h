/*
 * netdevices.h - links of the host that move into the container.
 */
#ifndef RUNG_NETDEVICES_H
#define RUNG_NETDEVICES_H

#include <sys/types.h>

#include "config/spec.h"

/* In the parent: are they there? No side effect. */
void netdevices_check(const struct spec *spec);
/* In the parent: move them to the network namespace of process pid. */
void netdevices_move(const struct spec *spec, pid_t pid);

#endif
