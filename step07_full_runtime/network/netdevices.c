/*
 * netdevices.c - links of the host that move into the container: linux
 * .netDevices.
 *
 * A link belongs to one network namespace, and one request moves it to another.
 * On the way it loses its addresses and goes down; both is undone here. It must
 * never move a link that cannot arrive: a virtual one would die with the
 * namespace. The way back is the kernel's business: when the namespace ends,
 * physical links return, virtual ones are gone. It grew out of step06.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "network/netdevices.h"
#include "network/netlink.h"

void netdevices_check(const struct spec *spec)
{
    for (size_t i = 0; i < spec->net_device_count; i++) {
        const char *name = spec->net_devices[i].host_name;
        if (if_nametoindex(name) == 0)
            die("config.json: linux.netDevices: find link %s", name);
        if (strcmp(name, "lo") == 0)
            fail("config.json: linux.netDevices: lo cannot be moved, and the "
                 "container has its own");
    }
}

static int open_namespace(const struct spec *spec, pid_t pid)
{
    CLEANUP(free_string) char *own = print_string("/proc/%d/ns/net", (int)pid);
    const char *path = spec->namespaces[NS_NETWORK].path;
    int fd = open(path ? path : own, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        die("open the network namespace %s", path ? path : own);
    return fd;
}

/* A socket belongs to the network namespace that it was made in, so we visit
 * the other one to make it. */
static struct mnl_socket *open_netlink_in(int namespace_fd)
{
    CLEANUP(close_fd)
    int ours = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (ours == -1 || setns(namespace_fd, CLONE_NEWNET) == -1)
        die("visit the container's network namespace");
    struct mnl_socket *nl = open_netlink(NETLINK_ROUTE, 0);
    if (setns(ours, CLONE_NEWNET) == -1)
        die("return to the host's network namespace");
    if (!nl)
        die("open a netlink socket");
    return nl;
}

static int read_index(const struct nlmsghdr *answer, void *data)
{
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(answer);
    *(unsigned int *)data = (unsigned int)link->ifi_index;
    return MNL_CB_OK;
}

/* if_nametoindex(3), in the socket's namespace. 0: there is none. */
static unsigned int find_link(struct mnl_socket *nl, const char *name)
{
    char buffer[REQUEST_SIZE];
    unsigned int index = 0;
    if (ask(nl, new_link_request(buffer, RTM_GETLINK, name, 0), read_index,
            &index) == -1 &&
        errno != ENODEV)
        die("look for link %s in the container", name);
    return index;
}

/* "eth%d" is the first of eth0, eth1... that is free. */
static void choose_name(struct mnl_socket *there, const char *wanted,
                        char name[IFNAMSIZ])
{
    const char *percent = strstr(wanted, "%d");
    int before = percent ? (int)(percent - wanted) : IFNAMSIZ;
    snprintf(name, IFNAMSIZ, "%s", wanted);
    for (int i = 0; percent && i < 1000; i++) {
        int n = snprintf(name, IFNAMSIZ, "%.*s%d%s", before, wanted, i,
                         percent + 2);
        if (n < IFNAMSIZ && find_link(there, name) == 0)
            return;
    }
    if (percent || find_link(there, name) != 0)
        fail("config.json: linux.netDevices: the container has a link %s "
             "already",
             name);
}

struct addresses {
    unsigned int index; /* of their link */
    struct nlmsghdr *list[256]; /* as the kernel described them */
    size_t count;
};

/* The lasting addresses that the world may know; the others come by themselves
 * on the other side, or do not belong there. */
static int keep_address(const struct nlmsghdr *answer, void *data)
{
    struct addresses *a = data;
    const struct ifaddrmsg *address = mnl_nlmsg_get_payload(answer);
    if (address->ifa_index != a->index ||
        address->ifa_scope != RT_SCOPE_UNIVERSE ||
        !(address->ifa_flags & IFA_F_PERMANENT))
        return MNL_CB_OK;
    if (a->count == ARRAY_SIZE(a->list))
        fail("config.json: linux.netDevices: a link has more than %zu "
             "addresses",
             ARRAY_SIZE(a->list));
    void *copy = allocate(1, answer->nlmsg_len);
    a->list[a->count++] = memcpy(copy, answer, answer->nlmsg_len);
    return MNL_CB_OK;
}

static void list_addresses(struct mnl_socket *nl, struct addresses *a)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_GETADDR;
    request->nlmsg_flags = NLM_F_DUMP;
    mnl_nlmsg_put_extra_header(request, sizeof(struct ifaddrmsg));
    if (ask(nl, request, keep_address, a) == -1)
        die("list the addresses of the host's links");
}

/* The label has the old name in it, and times are for those that end. */
static int add_again(struct mnl_socket *nl, unsigned int index,
                     const struct nlmsghdr *old)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_NEWADDR;
    request->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
    struct ifaddrmsg *address =
        mnl_nlmsg_put_extra_header(request, sizeof(*address));
    memcpy(address, mnl_nlmsg_get_payload(old), sizeof(*address));
    address->ifa_index = index;
    const struct nlattr *attribute;
    mnl_attr_for_each(attribute, old, sizeof(*address))
    {
        uint16_t type = mnl_attr_get_type(attribute);
        if (type != IFA_LABEL && type != IFA_CACHEINFO)
            mnl_attr_put(request, type, mnl_attr_get_payload_len(attribute),
                         mnl_attr_get_payload(attribute));
    }
    return ask(nl, request, NULL, NULL);
}

static void change_namespace(struct mnl_socket *nl, const char *host_name,
                             unsigned int index, const char *name,
                             int namespace_fd)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = new_link_request(buffer, RTM_NEWLINK, name, 0);
    ((struct ifinfomsg *)mnl_nlmsg_get_payload(request))->ifi_index =
        (int)index;
    mnl_attr_put_u32(request, IFLA_NET_NS_FD, (uint32_t)namespace_fd);
    narrate(6,
            "RTM_NEWLINK %s IFLA_NET_NS_FD # ip link set %s netns PID name %s",
            host_name, host_name, name);
    if (ask(nl, request, NULL, NULL) == -1)
        die("config.json: linux.netDevices: move link %s (can links of its "
            "kind be moved?)",
            host_name);
}

static void move(struct mnl_socket *here, struct mnl_socket *there,
                 const struct net_device_spec *d, int namespace_fd)
{
    struct addresses addresses = {.index = find_link(here, d->host_name)};
    char name[IFNAMSIZ];
    choose_name(there, d->name, name);
    list_addresses(here, &addresses);
    change_namespace(here, d->host_name, addresses.index, name, namespace_fd);
    unsigned int index = find_link(there, name);
    for (size_t i = 0; i < addresses.count; i++) {
        if (add_again(there, index, addresses.list[i]) == -1)
            die("config.json: linux.netDevices: give link %s its address back",
                name);
        free(addresses.list[i]);
    }
    if (set_link_up(there, name) == -1)
        die("set link %s up", name);
}

void netdevices_move(const struct spec *spec, pid_t pid)
{
    if (!spec->net_device_count)
        return;
    CLEANUP(close_fd) int namespace_fd = open_namespace(spec, pid);
    CLEANUP(close_netlink)
    struct mnl_socket *there = open_netlink_in(namespace_fd);
    CLEANUP(close_netlink)
    struct mnl_socket *here = open_netlink(NETLINK_ROUTE, 0);
    if (!here)
        die("open a netlink socket");
    for (size_t i = 0; i < spec->net_device_count; i++)
        move(here, there, &spec->net_devices[i], namespace_fd);
}
