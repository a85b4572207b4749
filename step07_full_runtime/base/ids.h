/*
 * ids.h - who we are to the host.
 */
#ifndef RUNG_IDS_H
#define RUNG_IDS_H

#include <stdbool.h>

/* Root in a user namespace may call itself so, but is an ordinary user to the
 * host: user_namespaces(7). */
bool is_host_root(void);

#endif
