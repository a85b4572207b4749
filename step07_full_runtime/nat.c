/*
 * nat.c - network address translation with nftables.
 *
 * The outside knows the host's address but not the containers'. So what came
 * from the bridge and leaves by another link gets the host's address as its
 * sender; the kernel remembers that, and turns the answers' addresses back.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <nftables/libnftables.h>
#include <string.h>

#include "nat.h"
#include "util.h"

#define IP_FORWARD_PATH "/proc/sys/net/ipv4/ip_forward"

/* Run commands in nft's own language, all or none: libnftables(3). */
static int nft(const char *commands)
{
    narrate(6, "nft_run_cmd_from_buffer() # nft '%s'", commands);
    struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!context) {
        warn("nft %s: cannot begin", commands);
        return -1;
    }
    nft_ctx_buffer_output(context);
    nft_ctx_buffer_error(context);
    int result = nft_run_cmd_from_buffer(context, commands);
    if (result != 0) {
        const char *text = nft_ctx_get_error_buffer(context);
        warn("nft %s: %.*s", commands, (int)strcspn(text, "\n"), text);
    }
    nft_ctx_free(context);
    return result == 0 ? 0 : -1;
}

char nat_ip_forward(void)
{
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, IP_FORWARD_PATH);
    return text ? text[0] : '\0';
}

static int set_ip_forward(const char *value)
{
    narrate(6, "write(\"%s\") # echo %s > " IP_FORWARD_PATH, value, value);
    if (write_file_at(AT_FDCWD, IP_FORWARD_PATH, value) == 0)
        return 0;
    warn("write %s to " IP_FORWARD_PATH ": %s", value, strerror(errno));
    return -1;
}

/* "flush" empties the chain if another container had made it before. */
int nat_start(const char *bridge)
{
    CLEANUP(free_string)
    char *commands =
        print_string("add table ip rung; add chain ip rung from_%s "
                     "{ type nat hook postrouting priority srcnat; }; "
                     "flush chain ip rung from_%s; add rule ip rung from_%s "
                     "iifname \"%s\" oifname != \"%s\" masquerade",
                     bridge, bridge, bridge, bridge, bridge);
    return nft(commands) == 0 ? set_ip_forward("1") : -1;
}

/* "add" before "delete": no error if we were killed before it was there. */
int nat_stop(const char *bridge)
{
    CLEANUP(free_string)
    char *commands = print_string("add table ip rung; "
                                  "add chain ip rung from_%s; "
                                  "delete chain ip rung from_%s",
                                  bridge, bridge);
    return nft(commands);
}

int nat_end(char ip_forward)
{
    const char old[] = {ip_forward, '\0'};
    int result = nft("add table ip rung; delete table ip rung");
    return set_ip_forward(old) == 0 ? result : -1;
}
