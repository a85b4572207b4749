/*
 * nat.c - a way out into the world: nftables and ip_forward.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <nftables/libnftables.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

/* Have libnftables run a command of nft(8); what it prints, or NULL. */
static char *run_nft(const char *command)
{
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft)
        return NULL;
    nft_ctx_buffer_output(nft);
    nft_ctx_buffer_error(nft);
    char *output = NULL;
    if (nft_run_cmd_from_buffer(nft, command) == 0)
        output = strdup(nft_ctx_get_output_buffer(nft));
    nft_ctx_free(nft);
    return output;
}

/* Have it run the command: true if all went well. */
static bool nft(const char *command)
{
    char *output = run_nft(command);
    bool went_well = output != NULL;
    free(output);
    return went_well;
}

/*
 * Is our table there? The kernel itself says so, and much faster than
 * libnftables, which takes a millisecond to load. A kernel without nftables
 * says EINVAL. If we can't look, others will say why: so true.
 */
static bool has_table(void)
{
    char buffer[256];
    struct nlmsghdr *request =
        new_request(buffer, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0);
    struct nfgenmsg *message =
        mnl_nlmsg_put_extra_header(request, sizeof(struct nfgenmsg));
    message->nfgen_family = AF_INET;
    mnl_attr_put_strz(request, NFTA_TABLE_NAME, "rung");
    return ask(request, NULL, NULL) == 0 ||
           (errno != ENOENT && errno != EINVAL && errno != EPROTONOSUPPORT);
}

static const char forward_path[] = "/proc/sys/net/ipv4/ip_forward";

/*
 * The world does not know our subnet. So the host forwards the container's
 * packets, and masquerade puts the host's own address on them. The rule is in
 * a table of our own, whose comment remembers what ip_forward was before.
 */
void open_nat(const struct container *c)
{
    char command[512];
    char forward = read_file(AT_FDCWD, forward_path)[0];
    struct in_addr subnet = {
        c->ip.s_addr & htonl(UINT32_MAX << (32 - c->prefix)),
    };
    snprintf(command, sizeof(command),
             "add table ip rung { comment \"ip_forward was %c\"; }", forward);
    if (!has_table() && !nft(command))
        die_with_hint("has this kernel nftables for IPv4?",
                      "make the nftables table ip rung");
    snprintf(
        command, sizeof(command),
        "add chain ip rung from_%s { type nat hook postrouting priority 100; "
        "}; "
        "flush chain ip rung from_%s; "
        "add rule ip rung from_%s ip saddr %s/%d oifname != \"%s\" masquerade",
        c->bridge, c->bridge, c->bridge, inet_ntoa(subnet), c->prefix,
        c->bridge);
    narrate(c, "libnftables   # nft '%s'", command);
    if (!nft(command))
        die("set up NAT for %s/%d", inet_ntoa(subnet), c->prefix);
    narrate(c, "write(ip_forward)   # sysctl net.ipv4.ip_forward=1");
    if (write_file(AT_FDCWD, forward_path, "1") == -1)
        die("switch on %s", forward_path);
}

/* The last on this bridge drops its rule; the last rule's end drops it all. */
void close_nat(const struct container *c)
{
    char command[64];
    if (!has_table())
        return;
    snprintf(command, sizeof(command), "delete chain ip rung from_%s",
             c->bridge);
    (void)nft(command); /* gone already? */
    char *table = run_nft("list table ip rung");
    if (table && !strstr(table, "chain ")) {
        if (strstr(table, "ip_forward was 0"))
            (void)write_file(AT_FDCWD, forward_path, "0"); /* NAT is off */
        (void)nft("delete table ip rung"); /* somebody's rule is in it? */
    }
    free(table);
}
