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

/* Where what we keep while the machine runs is, each of us his own: /run/rung,
 * $XDG_RUNTIME_DIR/rung or /tmp/rung-UID, and this SUFFIX. */
char *runtime_path(const char *suffix);

/* The name in /etc/passwd, or the number. For the caller to free. getpwuid(3)
 * would ask libraries, which a static program cannot load. */
char *user_name(uid_t uid);

#endif
