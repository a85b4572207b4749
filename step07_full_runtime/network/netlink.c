/*
 * netlink.c - requests to the kernel's routing netlink: rtnetlink(7).
 *
 * A request is a header, a fixed structure that depends on its type, and then
 * attributes: small boxes of type, length and content. libmnl puts the boxes
 * together; what must be in them is in rtnetlink(7) and linux/if_link.h.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/report.h"
#include "network/netlink.h"

struct mnl_socket *open_netlink(int family, unsigned int groups)
{
    struct mnl_socket *nl = mnl_socket_open2(family, SOCK_CLOEXEC);
    if (!nl)
        return NULL;
    if (mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) == 0)
        return nl;
    mnl_socket_close(nl);
    return NULL;
}

void close_netlink(struct mnl_socket **nl)
{
    if (*nl)
        mnl_socket_close(*nl);
}

/*
 * The kernel works on a request at once; its answers wait in the socket, and
 * the last one says that it is done or what went wrong: netlink(7).
 */
int ask(struct mnl_socket *nl, struct nlmsghdr *request, mnl_cb_t each,
        void *data)
{
    request->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    if (mnl_socket_sendto(nl, request, request->nlmsg_len) == -1)
        return -1;
    int more = MNL_CB_OK;
    while (more > MNL_CB_STOP) {
        static char answer[ANSWER_SIZE]; /* large for a stack */
        ssize_t length = mnl_socket_recvfrom(nl, answer, sizeof(answer));
        if (length == -1 && errno != EINTR)
            return -1;
        if (length != -1)
            more = mnl_cb_run(answer, (size_t)length, 0,
                              mnl_socket_get_portid(nl), each, data);
    }
    return more;
}

struct nlmsghdr *new_link_request(char *buffer, uint16_t type, const char *name,
                                  unsigned int up)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = type;
    struct ifinfomsg *link = mnl_nlmsg_put_extra_header(request, sizeof(*link));
    link->ifi_flags = up;
    link->ifi_change = up;
    mnl_attr_put_strz(request, IFLA_IFNAME, name);
    return request;
}

/* A new link is down. Nothing passes until somebody opens it. */
int set_link_up(struct mnl_socket *nl, const char *name)
{
    char buffer[REQUEST_SIZE];
    narrate(6, "RTM_NEWLINK %s IFF_UP # ip link set %s up", name, name);
    return ask(nl, new_link_request(buffer, RTM_NEWLINK, name, IFF_UP), NULL,
               NULL);
}

/* Deleting one end of a veth deletes the other one too. */
int delete_link(struct mnl_socket *nl, const char *name)
{
    char buffer[REQUEST_SIZE];
    narrate(6, "RTM_DELLINK %s # ip link delete %s", name, name);
    if (ask(nl, new_link_request(buffer, RTM_DELLINK, name, 0), NULL, NULL) ==
        0)
        return 0;
    return errno == ENODEV ? 0 : -1;
}

/* The prefix also makes the kernel add the route to the neighbours. */
int add_address(struct mnl_socket *nl, const char *name, struct in_addr ip,
                unsigned int prefix)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_NEWADDR;
    request->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
    struct ifaddrmsg *address =
        mnl_nlmsg_put_extra_header(request, sizeof(*address));
    address->ifa_family = AF_INET;
    address->ifa_prefixlen = (unsigned char)prefix;
    address->ifa_index = if_nametoindex(name);
    mnl_attr_put_u32(request, IFA_LOCAL, ip.s_addr);
    mnl_attr_put_u32(request, IFA_ADDRESS, ip.s_addr);
    narrate(6, "RTM_NEWADDR %s/%u # ip address add %s/%u dev %s", inet_ntoa(ip),
            prefix, inet_ntoa(ip), prefix, name);
    return ask(nl, request, NULL, NULL);
}

/* What is for no neighbour goes to the gateway. */
int add_default_route(struct mnl_socket *nl, struct in_addr gateway)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_NEWROUTE;
    request->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
    struct rtmsg *route = mnl_nlmsg_put_extra_header(request, sizeof(*route));
    route->rtm_family = AF_INET;
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_protocol = RTPROT_BOOT;
    route->rtm_scope = RT_SCOPE_UNIVERSE;
    route->rtm_type = RTN_UNICAST;
    mnl_attr_put_u32(request, RTA_GATEWAY, gateway.s_addr);
    narrate(6, "RTM_NEWROUTE default via %s # ip route add default via %s",
            inet_ntoa(gateway), inet_ntoa(gateway));
    return ask(nl, request, NULL, NULL);
}
