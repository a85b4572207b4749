/*
 * spec_network.c - what config.json says of the network.
 *
 * Links that are to move into the container have a field of their own; a
 * bridge and NAT travel as annotations. It must have no side effect. Part of
 * spec.c; grew out of step06.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "config/spec_parts.h"

/* As the kernel has it. A ':' would be an alias. */
bool could_be_link(const char *name)
{
    return *name && strlen(name) < IFNAMSIZ && !strpbrk(name, "/: \t\n") &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* A subnet's first and last address name the subnet itself and everybody. */
static bool is_reserved(uint32_t address, unsigned int prefix)
{
    uint32_t host_bits = UINT32_MAX >> prefix;
    return (address & host_bits) == 0 || (address & host_bits) == host_bits;
}

bool parse_address(const char *text, struct in_addr *ip, unsigned int *prefix)
{
    CLEANUP(free_string) char *copy = copy_string(text);
    char *slash = strchr(copy, '/');
    uint64_t number;
    if (!slash || !parse_u64(slash + 1, &number) || number < 8 || number > 30)
        return false;
    *slash = '\0';
    *prefix = (unsigned int)number;
    return inet_pton(AF_INET, copy, ip) == 1 &&
           !is_reserved(ntohl(ip->s_addr), *prefix);
}

void read_network(struct spec *spec, struct field annotations)
{
    struct network_spec *network = &spec->network;
    struct field ip = member(&annotations, "io.rung.ip");
    struct field bridge = member(&annotations, "io.rung.bridge");
    struct field nat = member(&annotations, "io.rung.nat");
    CLEANUP(free_string) char *address = get_string(ip);
    if (address && !parse_address(address, &network->ip, &network->prefix))
        refuse(ip, "not an address like 10.240.0.2/24 (prefix 8 to 30)");
    network->wanted = address != NULL;
    network->bridge = get_string(bridge);
    if (!network->bridge)
        network->bridge = copy_string("rung0");
    if (!could_be_link(network->bridge))
        refuse(bridge, "not the name of a link");
    network->nat = get_note(nat);
    if (network->nat && !network->wanted)
        refuse(nat, "needs an address (io.rung.ip, --ip)");
}

/* In the new name, one "%d" is a number that the kernel chooses. */
static bool is_template(const char *name)
{
    const char *percent = strchr(name, '%');
    return percent && percent[1] == 'd' && !strchr(percent + 1, '%');
}

static void read_net_device(struct spec *spec, struct field f, json_t *names)
{
    struct field name = member(&f, "name");
    struct net_device_spec *d = &spec->net_devices[spec->net_device_count];
    d->host_name = copy_string(f.name);
    d->name = get_string(name);
    if (!could_be_link(d->host_name))
        refuse(f, "not the name of a link");
    if (!d->name)
        d->name = copy_string(d->host_name);
    if (!could_be_link(d->name) ||
        (strchr(d->name, '%') && !is_template(d->name)))
        refuse(name, "\"%s\" is not a name for a link", d->name);
    if (json_object_get(names, d->name) && !is_template(d->name))
        refuse(name, "two links cannot be \"%s\"", d->name);
    json_object_set_new(names, d->name, json_true());
    spec->net_device_count++;
}

void read_net_devices(struct spec *spec, struct field object)
{
    spec->net_devices = allocate(get_count(object), sizeof(*spec->net_devices));
    json_t *names = json_object(); /* in the container */
    void *at = NULL;
    for (struct field f; next_member(&object, &at, &f);)
        read_net_device(spec, f, names);
    json_decref(names);
    if (!spec->net_device_count)
        return;
    if (spec->rootless)
        refuse(object, "an ordinary user cannot move a link of the host");
    if (!spec->namespaces[NS_NETWORK].wanted)
        refuse(object, "needs a network namespace of the container's own");
}
