/*
 * network.c - veth, bridge and NAT through rtnetlink(7) and nftables.
 *
 *   host's network namespace                the container's
 *   ------------------------                ---------------
 *   rung0 (bridge, 10.240.0.1/24)
 *     |
 *     +-- rung-0af00002  <=== veth pair ===>  eth0 (10.240.0.2/24)
 *     +-- rung-0af00003  <=== ...
 *
 * The first container makes the bridge and the last one removes it. Nothing
 * but the kernel remembers who is there: a container is a link of the bridge.
 * A bridge that is ours has the group of step06: so the containers of both can
 * share one.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/veth.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/library.h"
#include "base/lock.h"
#include "base/memory.h"
#include "base/report.h"
#include "config/spec.h"
#include "network/nat.h"
#include "network/netlink.h"
#include "network/network.h"

#define IN_USE "create link %s: it exists (another container has this address)"

/* How long we wait for the kernel to remove a link by itself. */
enum {
    LINK_GONE_MS = 100
};

/* "rung" in ASCII; to the kernel a group is but a number: ip-link(8). */
static const uint32_t OUR_GROUP = 0x72756e67;

/* --- names and numbers --- */

/* The bridge has the first address of the subnet: it is the gateway. */
static struct in_addr first_address(const struct network_spec *net)
{
    uint32_t mask = ~(uint32_t)0 << (32 - net->prefix);
    uint32_t first = (ntohl(net->ip.s_addr) & mask) | 1;
    return (struct in_addr){.s_addr = htonl(first)};
}

/* Refuse an address that no container can have. */
static void check_address(const struct network_spec *net)
{
    char ip[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &net->ip, ip, sizeof(ip));
    if (net->ip.s_addr == first_address(net).s_addr)
        fail("--ip %s/%u: the first address is the bridge's own", ip,
             net->prefix);
    uint32_t top = ntohl(net->ip.s_addr) >> 24;
    if (top == 0 || top == 127 || top >= 224)
        fail("--ip %s/%u: not an address that a machine can have", ip,
             net->prefix);
}

/* What the kernel accepts as a link's name, and nft in a rule. */
static bool is_link_name(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
    return length > 0 && length < IFNAMSIZ && name[length] == '\0' &&
           name[0] != '-' && name[0] != '.';
}

void network_plan(struct network *n, const struct spec *spec)
{
    *n = (struct network){.link = ""};
    const struct network_spec *net = &spec->network;
    if (!net->wanted)
        return;
    library_prepare(); /* NAT of others may end with us */
    check_address(net);
    if (!is_link_name(net->bridge))
        fail("--bridge %s: not a link's name (letters, digits, at most %d)",
             net->bridge, IFNAMSIZ - 1);
    if (spec->rootless)
        fail("--ip: a bridge on the host needs root (a rootless container "
             "has only lo)");
    if (net->nat)
        nat_check();
    snprintf(n->bridge, sizeof(n->bridge), "%s", net->bridge);
    snprintf(n->link, sizeof(n->link), "rung-%08x", ntohl(net->ip.s_addr));
    if (if_nametoindex(n->link))
        fail(IN_USE, n->link);
}

void network_reopen(struct network *n, const char *link, const char *bridge)
{
    *n = (struct network){.link = ""};
    if (!link || !bridge || !is_link_name(link) || !is_link_name(bridge))
        return;
    snprintf(n->link, sizeof(n->link), "%s", link);
    snprintf(n->bridge, sizeof(n->bridge), "%s", bridge);
}

/* --- who is on the bridge --- */

struct survey {
    unsigned int bridge; /* index of the bridge we ask about; 0: none */
    unsigned int members;
    unsigned int containers; /* those of them whose names say so */
    bool is_bridge;
    bool ours;
};

/* What kind of link it is, is an attribute in an attribute. */
static bool kind_is_bridge(const struct nlattr *info)
{
    const struct nlattr *attribute;
    mnl_attr_for_each_nested(attribute, info)
    {
        if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND)
            return strcmp(mnl_attr_get_str(attribute), "bridge") == 0;
    }
    return false;
}

/* One link of the host; called by ask() for each. */
static int look_at_link(const struct nlmsghdr *answer, void *data)
{
    struct survey *s = data;
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(answer);
    const char *name = "";
    uint32_t group = 0;
    bool is_bridge = false;
    bool member = false;
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, answer, sizeof(*link))
    {
        uint16_t type = mnl_attr_get_type(attribute);
        if (type == IFLA_GROUP)
            group = mnl_attr_get_u32(attribute);
        else if (type == IFLA_IFNAME)
            name = mnl_attr_get_str(attribute);
        else if (type == IFLA_LINKINFO)
            is_bridge = kind_is_bridge(attribute);
        else if (type == IFLA_MASTER)
            member = mnl_attr_get_u32(attribute) == s->bridge;
    }
    if ((unsigned int)link->ifi_index == s->bridge) {
        s->is_bridge = is_bridge;
        s->ours = group == OUR_GROUP;
    }
    s->members += member;
    s->containers += member && strncmp(name, "rung-", 5) == 0;
    return MNL_CB_OK;
}

/* Look at all links. Done again if they changed meanwhile (EINTR): with another
 * socket, because the rest of the first answer waits in this one. */
static int look_at_bridge(const char *bridge, struct survey *s)
{
    int result = -1;
    for (int tries = 0; result == -1 && tries < 10; tries++) {
        *s = (struct survey){.bridge = if_nametoindex(bridge)};
        if (!s->bridge && errno != ENODEV)
            return -1;
        CLEANUP(close_netlink)
        struct mnl_socket *nl = open_netlink(NETLINK_ROUTE, 0);
        if (!nl)
            return -1;
        char buffer[REQUEST_SIZE];
        struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
        request->nlmsg_type = RTM_GETLINK;
        request->nlmsg_flags = NLM_F_DUMP;
        mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
        result = ask(nl, request, look_at_link, s);
        if (result == -1 && errno != EINTR)
            return -1;
    }
    return result;
}

/* --- setting up, in the parent --- */

/*
 * A bridge is a switch inside the kernel: `ip link add rung0 type bridge`.
 * It gets a hardware address of its own; else it would take one of its
 * links', and change it, to everybody's confusion, when that link goes. The
 * group marks it as ours from the first moment on: we may be killed in the
 * next.
 */
static void make_bridge(struct mnl_socket *nl, const char *bridge,
                        struct in_addr gateway)
{
    unsigned char hardware[6] = {0x02, 0x72}; /* 02: locally administered */
    memcpy(hardware + 2, &gateway, sizeof(gateway));
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request =
        new_link_request(buffer, RTM_NEWLINK, bridge, IFF_UP);
    request->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
    mnl_attr_put(request, IFLA_ADDRESS, sizeof(hardware), hardware);
    mnl_attr_put_u32(request, IFLA_GROUP, OUR_GROUP);
    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_strz(request, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(request, info);
    narrate(6, "RTM_NEWLINK %s bridge # ip link add %s up type bridge", bridge,
            bridge);
    if (ask(nl, request, NULL, NULL) == 0)
        return;
    if (errno == EOPNOTSUPP)
        fail("create bridge %s: this kernel has no bridges (modprobe bridge)",
             bridge);
    die("create bridge %s (are you root?)", bridge);
}

/* Make the bridge if it is not there. One that is not ours stays as it is. */
static void have_bridge(struct mnl_socket *nl, const struct network_spec *net,
                        struct survey *s)
{
    struct in_addr gateway = first_address(net);
    if (!if_nametoindex(net->bridge))
        make_bridge(nl, net->bridge, gateway);
    if (look_at_bridge(net->bridge, s) == -1)
        die("list the links");
    if (!s->is_bridge)
        fail("use link %s: it is not a bridge", net->bridge);
    if (s->ours && add_address(nl, net->bridge, gateway, net->prefix) == -1 &&
        errno != EEXIST)
        die("give %s to bridge %s", inet_ntoa(gateway), net->bridge);
}

/* The link is somebody else's, so undo must not touch it. Who has seen, with
 * the lock, that there is none may undo it, even if the answer to the request
 * that made it got lost. */
static _Noreturn void fail_in_use(struct network *n)
{
    char link[IFNAMSIZ];
    memcpy(link, n->link, sizeof(link));
    n->link[0] = '\0';
    fail(IN_USE, link);
}

/*
 * A veth pair is a cable: what goes in at one end comes out at the other. One
 * request makes both ends, ours on the bridge and the other one straight in
 * the container's namespace, where it is called eth0: veth(4).
 */
static void make_veth(struct mnl_socket *nl, struct network *n,
                      unsigned int bridge, int namespace_fd)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request =
        new_link_request(buffer, RTM_NEWLINK, n->link, IFF_UP);
    request->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
    mnl_attr_put_u32(request, IFLA_MASTER, bridge);
    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
    struct nlattr *kind_data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(request, IFLA_IFNAME, "eth0");
    mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)namespace_fd);
    mnl_attr_nest_end(request, peer);
    mnl_attr_nest_end(request, kind_data);
    mnl_attr_nest_end(request, info);
    narrate(6,
            "RTM_NEWLINK %s veth # ip link add %s master %s up type veth "
            "peer name eth0 netns PID",
            n->link, n->link, n->bridge);
    if (ask(nl, request, NULL, NULL) == 0)
        return;
    if (errno == EEXIST)
        fail_in_use(n);
    if (errno == EOPNOTSUPP)
        fail("create link %s: this kernel has no veth (modprobe veth)",
             n->link);
    die("create link %s (are you root?)", n->link);
}

/* The container's network namespace, which must not be our own. */
static int open_namespace(const struct spec *spec, pid_t pid)
{
    CLEANUP(free_string)
    char *own = print_string("/proc/%d/ns/net", (int)pid);
    const char *path = spec->namespaces[NS_NETWORK].path;
    if (!path)
        path = own;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat theirs;
    struct stat ours;
    if (fd == -1 || fstat(fd, &theirs) == -1 ||
        stat("/proc/self/ns/net", &ours) == -1)
        die("open %s", path);
    if (theirs.st_ino == ours.st_ino)
        fail("--ip: the container shares the host's network");
    return fd;
}

void attach_network(struct network *n, const struct spec *spec, pid_t pid)
{
    if (!n->link[0])
        return;
    CLEANUP(close_fd) int namespace_fd = open_namespace(spec, pid);
    CLEANUP(unlock_host) bool locked = lock_host();
    if (!locked)
        die("take the lock on what containers share");
    CLEANUP(close_netlink)
    struct mnl_socket *nl = open_netlink(NETLINK_ROUTE, 0);
    if (!nl)
        die("open a netlink socket");
    if (if_nametoindex(n->link))
        fail_in_use(n);
    struct survey s;
    have_bridge(nl, &spec->network, &s);
    make_veth(nl, n, s.bridge, namespace_fd);
    if (spec->network.nat && open_nat(n->bridge) == -1)
        fail("--nat: bridge %s has no NAT", n->bridge);
}

/* --- setting up, in the container --- */

void set_up_network(const struct spec *spec)
{
    if (!spec_makes(spec, NS_NETWORK) && !spec->network.wanted)
        return;
    CLEANUP(close_netlink)
    struct mnl_socket *nl = open_netlink(NETLINK_ROUTE, 0);
    if (!nl || set_link_up(nl, "lo") == -1)
        die("set link lo up");
    const struct network_spec *net = &spec->network;
    if (!net->wanted)
        return;
    if (set_link_up(nl, "eth0") == -1)
        die("set link eth0 up");
    if (add_address(nl, "eth0", net->ip, net->prefix) == -1)
        die("give %s to eth0", inet_ntoa(net->ip));
    if (add_default_route(nl, first_address(net)) == -1)
        die("add a default route via %s", inet_ntoa(first_address(net)));
}

/* --- undoing --- */

/*
 * The cable goes when the container's namespace does, but the kernel is in no
 * hurry: it may still be there 0.2 s after the last process. Deleting it
 * ourselves is slower than that on most machines, because then the kernel
 * waits for all CPUs. So listen to the news of the links for a moment.
 */
static void wait_until_gone(const char *link)
{
    CLEANUP(close_netlink)
    struct mnl_socket *nl = open_netlink(NETLINK_ROUTE, RTMGRP_LINK);
    int64_t end = now_ms() + LINK_GONE_MS;
    while (nl && if_nametoindex(link)) {
        int64_t left = end - now_ms();
        struct pollfd news = {.fd = mnl_socket_get_fd(nl), .events = POLLIN};
        if (left <= 0 || poll(&news, 1, (int)left) == 0)
            return;
        char text[ANSWER_SIZE];
        (void)mnl_socket_recvfrom(nl, text,
                                  sizeof(text)); /* any news will do */
    }
}

/* The last container on a bridge takes its NAT away; its bridge, if ours. */
static int leave_bridge(struct mnl_socket *nl, const char *bridge)
{
    struct survey s;
    if (look_at_bridge(bridge, &s) == -1)
        return -1;
    if (s.containers == 0 && close_nat(bridge) == -1)
        return -1;
    if (!s.ours || s.members > 0)
        return 0;
    return delete_link(nl, bridge);
}

int detach_network(const struct network *n)
{
    if (!n->bridge[0])
        return 0;
    if (n->link[0])
        wait_until_gone(n->link);
    CLEANUP(unlock_host) bool locked = lock_host();
    CLEANUP(close_netlink)
    struct mnl_socket *nl = open_netlink(NETLINK_ROUTE, 0);
    if (!locked || !nl) {
        warn("remove link %s: %s", n->link, strerror(errno));
        return -1;
    }
    int result = 0;
    if (n->link[0] && delete_link(nl, n->link) == -1) {
        warn("delete link %s: %s", n->link, strerror(errno));
        result = -1;
    }
    if (leave_bridge(nl, n->bridge) == -1) {
        warn("remove bridge %s: %s", n->bridge, strerror(errno));
        result = -1;
    }
    return result;
}
