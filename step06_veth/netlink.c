/*
 * netlink.c - requests to the kernel's network: rtnetlink(7).
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "demo.h"

/*
 * rtnetlink(7) is how the kernel's network is set up: a request is a header,
 * a struct that depends on its type, and attributes. libmnl packs them.
 */
struct nlmsghdr *new_request(char *buffer, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = type;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    return request;
}

/* A request about the network device NAME. */
struct nlmsghdr *new_link_request(char *buffer, uint16_t type, uint16_t flags,
                                  const char *name)
{
    struct nlmsghdr *request = new_request(buffer, type, flags);
    struct ifinfomsg *link =
        mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    link->ifi_family = AF_UNSPEC;
    mnl_attr_put_strz(request, IFLA_IFNAME, name);
    return request;
}

/*
 * Send a request, then read until the kernel's acknowledgement: 0, or -1 and
 * the errno in it. CALLBACK, if any, gets the messages that come before.
 */
int ask(const struct nlmsghdr *request, mnl_cb_t callback, void *data)
{
    char answer[32768];
    /* Netfilter's types have a number in the upper byte, its subsystem. */
    int bus =
        NFNL_SUBSYS_ID(request->nlmsg_type) ? NETLINK_NETFILTER : NETLINK_ROUTE;
    struct mnl_socket *netlink = mnl_socket_open2(bus, SOCK_CLOEXEC);
    if (!netlink)
        return -1;
    int more = -1;
    if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(netlink, request, request->nlmsg_len) > 0) {
        do {
            ssize_t size = mnl_socket_recvfrom(netlink, answer, sizeof(answer));
            more = size == -1 ? -1
                              : mnl_cb_run(answer, (size_t)size, 0,
                                           mnl_socket_get_portid(netlink),
                                           callback, data);
        } while (more > 0);
    }
    int error = errno;
    mnl_socket_close(netlink);
    errno = error;
    return more;
}

void set_link_up(const struct container *c, const char *name)
{
    char buffer[1024];
    struct nlmsghdr *request = new_link_request(buffer, RTM_NEWLINK, 0, name);
    struct ifinfomsg *link = mnl_nlmsg_get_payload(request);
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    narrate(c, "RTM_NEWLINK %s   # ip link set %s up", name, name);
    if (ask(request, NULL, NULL) == -1)
        die("switch on the network device %s", name);
}

/* Give a device an address; the same one twice is no error. */
void add_address(const struct container *c, const char *name, struct in_addr ip)
{
    char buffer[1024];
    struct nlmsghdr *request = new_request(buffer, RTM_NEWADDR, NLM_F_CREATE);
    struct ifaddrmsg *address =
        mnl_nlmsg_put_extra_header(request, sizeof(struct ifaddrmsg));
    address->ifa_family = AF_INET;
    address->ifa_prefixlen = (unsigned char)c->prefix;
    address->ifa_index = if_nametoindex(name);
    mnl_attr_put_u32(request, IFA_LOCAL, ip.s_addr);
    mnl_attr_put_u32(request, IFA_ADDRESS, ip.s_addr);
    narrate(c, "RTM_NEWADDR   # ip address add %s/%d dev %s", inet_ntoa(ip),
            c->prefix, name);
    if (ask(request, NULL, NULL) == -1 && errno != EEXIST)
        die("give %s the address %s", name, inet_ntoa(ip));
}

/* Whatever is in no subnet of ours, send to the gateway. */
void add_default_route(const struct container *c)
{
    char buffer[1024];
    struct nlmsghdr *request = new_request(buffer, RTM_NEWROUTE, NLM_F_CREATE);
    struct rtmsg *route =
        mnl_nlmsg_put_extra_header(request, sizeof(struct rtmsg));
    route->rtm_family = AF_INET;
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_protocol = RTPROT_BOOT;
    route->rtm_scope = RT_SCOPE_UNIVERSE;
    route->rtm_type = RTN_UNICAST;
    mnl_attr_put_u32(request, RTA_GATEWAY, c->gateway.s_addr);
    narrate(c, "RTM_NEWROUTE   # ip route add default via %s",
            inet_ntoa(c->gateway));
    if (ask(request, NULL, NULL) == -1)
        die("set the default route via %s", inet_ntoa(c->gateway));
}

void delete_link(const struct container *c, const char *name)
{
    char buffer[1024];
    narrate(c, "RTM_DELLINK %s   # ip link delete %s", name, name);
    /* With its namespace gone, the cable may be gone already. */
    (void)ask(new_link_request(buffer, RTM_DELLINK, 0, name), NULL, NULL);
}
