/*
 * ids.h - who we are to the host, and what users are called.
 */
#ifndef RUNG_IDS_H
#define RUNG_IDS_H

#include <stdbool.h>
#include <sys/types.h>

/* Root in a user namespace may call itself so, but is an ordinary user to the
 * host: user_namespaces(7). */
bool is_host_root(void);

/* The name in /etc/passwd, or the number. For the caller to free. getpwuid(3)
 * would ask libraries, which a static program cannot load. */
char *user_name(uid_t uid);

#endif
