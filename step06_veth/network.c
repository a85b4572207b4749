/*
 * network.c - a network of its own: network_namespaces(7).
 *
 * The parent makes the bridge and the cable; the child, who waits for them,
 * switches on its end.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "demo.h"

/*
 * Our network is made by the parent, who must know our PID first: so we wait
 * until it says go. If it dies instead we read the end of file and must stop,
 * not start half-made. socketpair(2)
 */
void wait_for_go(const struct container *c)
{
    if (without(c, "handshake"))
        return;
    char go;
    narrate(c, "read(sync)   # read go <sync");
    ssize_t length = TEMP_FAILURE_RETRY(read(c->sync_fd[1], &go, 1));
    if (length == -1)
        die("read from the parent");
    if (length == 0)
        _exit(EXIT_DEMO_FAILED); /* it has said why */
}

/*
 * Programs find a name server through /etc/resolv.conf. Take the host's, as a
 * mount that is nowhere yet: after pivot_root its path is out of our reach.
 * systemd-resolved listens on the host's loopback, which is not ours, and keeps
 * the list of the real servers beside it. open_tree(2), resolv.conf(5)
 */
void take_resolv_conf(struct container *c)
{
    const char *path = "/run/systemd/resolve/resolv.conf";
    const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    c->resolv_conf_fd = -1;
    if (!c->ip.s_addr)
        return;
    c->resolv_conf_fd = open_tree(AT_FDCWD, path, flags);
    if (c->resolv_conf_fd == -1 && errno == ENOENT) {
        path = "/etc/resolv.conf";
        c->resolv_conf_fd = open_tree(AT_FDCWD, path, flags);
    }
    if (c->resolv_conf_fd == -1 && errno != ENOENT) /* it does without names */
        die("open %s", path);
}

/* Put the host's list of name servers into place, to read only. */
void put_resolv_conf(const struct container *c)
{
    if (c->resolv_conf_fd == -1)
        return;
    narrate(c, "move_mount(\"/etc/resolv.conf\")   # mount --bind");
    if (move_mount(c->resolv_conf_fd, "", AT_FDCWD, "/etc/resolv.conf",
                   MOVE_MOUNT_F_EMPTY_PATH) == -1) {
        if (errno == ENOENT)
            return; /* an image without the file does without names */
        die("mount /etc/resolv.conf");
    }
    if (mount(NULL, "/etc/resolv.conf", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY,
              NULL) == -1)
        die("make /etc/resolv.conf read-only");
}

/*
 * In a new network namespace there is a loopback device that is off, and
 * since the parent said go, eth0: our end of the cable, off as well.
 * network_namespaces(7)
 */
void set_up_network(const struct container *c)
{
    set_link_up(c, "lo");
    if (!c->ip.s_addr)
        return;
    add_address(c, "eth0", c->ip);
    set_link_up(c, "eth0");
    add_default_route(c);
}

/* Devices, addresses, routes and ports of its own: network_namespaces(7) */
void want_network_namespace(struct container *c)
{
    c->clone.flags |= CLONE_NEWNET;
}

/*
 * A device belongs to a group, a number that means nothing to the kernel. Ours
 * is "rung" in ASCII. ip-link(8)
 */
static const uint32_t our_group = 0x72756e67;

/* What there is to know of a bridge before it is touched. */
struct bridge {
    unsigned index; /* 0: there is none */
    int ports; /* the devices plugged into it */
    int containers; /* those of them that a demo plugged in */
    bool ours; /* to set up and to remove */
};

/* Called for each network device of the host. */
static int look_at_link(const struct nlmsghdr *answer, void *data)
{
    struct bridge *bridge = data;
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(answer);
    const struct nlattr *attribute;
    const char *name = "";
    mnl_attr_for_each(attribute, answer, sizeof(*link))
    {
        int type = mnl_attr_get_type(attribute);
        if (type == IFLA_IFNAME)
            name = mnl_attr_get_str(attribute);
        if (type == IFLA_GROUP && (unsigned)link->ifi_index == bridge->index)
            bridge->ours = mnl_attr_get_u32(attribute) == our_group;
        if (type != IFLA_MASTER || mnl_attr_get_u32(attribute) != bridge->index)
            continue;
        bridge->ports++;
        if (strncmp(name, "rung-", 5) == 0)
            bridge->containers++;
    }
    return MNL_CB_OK;
}

static struct bridge look_at_bridge(const struct container *c)
{
    char buffer[1024];
    struct bridge bridge = {.index = if_nametoindex(c->bridge)};
    struct nlmsghdr *request = new_request(buffer, RTM_GETLINK, NLM_F_DUMP);
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    if (!bridge.index && errno == ENODEV)
        return bridge;
    if (!bridge.index || ask(request, look_at_link, &bridge) == -1)
        die("look at the bridge %s", c->bridge);
    return bridge;
}

/*
 * A bridge is a switch in the kernel: devices plugged into it reach each
 * other. With the gateway's address it is the host's own port as well. The
 * group says that it is ours, to remove in the end: from the first moment on,
 * should we be killed in the next. A bridge of somebody else we use as it is.
 * The MAC address is fixed, or it would change with each port. ip-link(8)
 */
static void make_bridge(const struct container *c)
{
    char buffer[1024];
    unsigned char mac[6] = {2, 0};
    memcpy(mac + 2, &c->gateway, 4);
    struct nlmsghdr *request = new_link_request(
        buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, c->bridge);
    mnl_attr_put(request, IFLA_ADDRESS, sizeof(mac), mac);
    mnl_attr_put_u32(request, IFLA_GROUP, our_group);
    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_strz(request, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(request, info);
    narrate(c, "RTM_NEWLINK bridge   # ip link add %s type bridge", c->bridge);
    if (ask(request, NULL, NULL) == -1 && errno != EEXIST)
        die("make the bridge %s", c->bridge);
    if (!look_at_bridge(c).ours)
        return;
    add_address(c, c->bridge, c->gateway);
    set_link_up(c, c->bridge);
}

/*
 * A veth pair is a cable: what enters one end leaves at the other. Ours goes
 * into the bridge, the other starts its life in the child's namespace. The
 * address in our end's name makes the kernel refuse the same one twice.
 */
static void make_veth(struct container *c)
{
    char buffer[1024];
    unsigned bridge = if_nametoindex(c->bridge);
    if (!bridge)
        die("look at the bridge %s", c->bridge);
    /* From here on it is ours to remove, even if the answer gets lost. */
    snprintf(c->veth, sizeof(c->veth), "rung-%08x", ntohl(c->ip.s_addr));
    struct nlmsghdr *request = new_link_request(
        buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, c->veth);
    struct ifinfomsg *link = mnl_nlmsg_get_payload(request);
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    mnl_attr_put_u32(request, IFLA_MASTER, bridge);
    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_strz(request, IFLA_INFO_KIND, "veth");
    struct nlattr *data = mnl_attr_nest_start(request, IFLA_INFO_DATA);
    struct nlattr *peer = mnl_attr_nest_start(request, VETH_INFO_PEER);
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(request, IFLA_IFNAME, "eth0");
    mnl_attr_put_u32(request, IFLA_NET_NS_PID, (uint32_t)c->pid);
    mnl_attr_nest_end(request, peer);
    mnl_attr_nest_end(request, data);
    mnl_attr_nest_end(request, info);
    narrate(c,
            "RTM_NEWLINK veth   # ip link add %s type veth peer eth0 netns %d",
            c->veth, c->pid);
    if (ask(request, NULL, NULL) == 0)
        return;
    const char *hint = NULL;
    if (errno == EEXIST) {
        hint = "another container has that address";
        c->veth[0] = '\0'; /* and that link */
    }
    die_with_hint(hint, "connect %s to the bridge %s", inet_ntoa(c->ip),
                  c->bridge);
}

/* Pull the cable; the last to leave the bridge takes it down. */
static void detach_network(void)
{
    struct container *c = to_undo;
    if (!c)
        return;
    lock_host();
    if (c->veth[0])
        delete_link(c, c->veth);
    struct bridge bridge = look_at_bridge(c);
    if (bridge.containers == 0)
        close_nat(c);
    if (bridge.ours && bridge.ports == 0)
        delete_link(c, c->bridge);
    unlock_host();
}

/* Connect the child, which waits for it, to the bridge; then let it go. */
void attach_network(struct container *c)
{
    char end;
    close(c->sync_fd[1]);
    if (without(c, "handshake")) /* be late, as a busy parent is one day */
        (void)!read(c->sync_fd[0], &end, 1);
    if (c->ip.s_addr) {
        lock_host();
        to_undo = c;
        atexit(detach_network);
        make_bridge(c);
        make_veth(c);
        if (c->nat)
            open_nat(c);
        unlock_host();
    }
    narrate(c, "send(sync)   # echo go >sync");
    /* If it has died, wait_for_child will say of what. */
    if (send(c->sync_fd[0], "g", 1, MSG_NOSIGNAL) == -1 && errno != EPIPE)
        die("let the child go");
}
