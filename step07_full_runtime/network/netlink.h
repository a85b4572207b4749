/*
 * netlink.h - links, addresses and routes: requests to rtnetlink(7).
 *
 * For: what `ip link`, `ip address` and `ip route` do, one function each, in
 * the network namespace that the socket was opened in. Knows nothing about
 * containers. It grew out of step06.
 */
#ifndef RUNG_NETLINK_H
#define RUNG_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdint.h>

/* The length of a buffer that new_link_request() begins to fill. */
enum {
    REQUEST_SIZE = 1024
};
/* What the kernel may say in one piece, when it lists many links. */
enum {
    ANSWER_SIZE = 32768
};

/* A socket to this part of the kernel, such as NETLINK_ROUTE, that also hears
 * the news of these groups, such as RTMGRP_LINK; 0: none. NULL and errno on
 * failure. netlink(7) */
struct mnl_socket *open_netlink(int family, unsigned int groups);
void close_netlink(struct mnl_socket **nl); /* with CLEANUP() */

/* Send one request; hand each answer to `each` (it may be NULL). 0, or -1 and
 * errno. */
int ask(struct mnl_socket *nl, struct nlmsghdr *request, mnl_cb_t each,
        void *data);

/* Begin a request about the link of this name. up: IFF_UP, or 0 to leave it
 * as it is. */
struct nlmsghdr *new_link_request(char *buffer, uint16_t type, const char *name,
                                  unsigned int up);

/* `ip link set NAME up`: 0, or -1 and errno, like all below. */
int set_link_up(struct mnl_socket *nl, const char *name);
/* `ip link delete NAME`. Fine if there is no such link. */
int delete_link(struct mnl_socket *nl, const char *name);
/* `ip address add IP/PREFIX dev NAME` */
int add_address(struct mnl_socket *nl, const char *name, struct in_addr ip,
                unsigned int prefix);
/* `ip route add default via GATEWAY` */
int add_default_route(struct mnl_socket *nl, struct in_addr gateway);

#endif
