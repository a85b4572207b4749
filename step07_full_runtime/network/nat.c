/*
 * nat.c - network address translation with nftables.
 *
 * The outside knows the host's address but not the containers'. So what came
 * from the bridge and leaves by another link gets the host's address as its
 * sender; the kernel remembers that, and turns the answers' addresses back.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <nftables/libnftables.h>
#include <stdbool.h>
#include <string.h>

#include "base/files.h"
#include "base/library.h"
#include "base/memory.h"
#include "base/report.h"
#include "network/nat.h"

#define IP_FORWARD_PATH "/proc/sys/net/ipv4/ip_forward"

/*
 * libnftables and what it needs take a millisecond to load, which only --nat
 * is worth: so it is not linked, but loaded when it is wanted.
 */
#define NFT_FUNCTIONS(DO) \
    DO(nft_ctx_new) \
    DO(nft_ctx_free) \
    DO(nft_ctx_buffer_output) \
    DO(nft_ctx_buffer_error) \
    DO(nft_ctx_get_output_buffer) \
    DO(nft_ctx_get_error_buffer) \
    DO(nft_run_cmd_from_buffer)

#define DECLARE(name) typeof(name) *name;
static struct {
    NFT_FUNCTIONS(DECLARE)
} library;

#define FIND(name) \
    library.name = (typeof(name) *)library_symbol(handle, #name); \
    if (!library.name) \
        return false;

/* False, and *WHY. */
static bool load_library(const char **why)
{
    if (library.nft_run_cmd_from_buffer)
        return true; /* the last one to be found */
    *why = "it lacks a function";
    void *handle = library_open("libnftables.so.1", why);
    if (!handle)
        return false;
    NFT_FUNCTIONS(FIND)
    return true;
}

void nat_check(void)
{
    const char *why;
    if (!load_library(&why))
        fail("--nat: load libnftables.so.1: %s (install the package "
             "libnftables1)",
             why);
}

/*
 * Run commands in nft's own language, all or none: libnftables(3). What they
 * print, for the caller to free; NULL after an error, which goes to *WHY.
 */
static char *run_nft(const char *commands, char **why)
{
    const char *unused;
    struct nft_ctx *context =
        load_library(&unused) ? library.nft_ctx_new(NFT_CTX_DEFAULT) : NULL;
    if (!context)
        return NULL;
    library.nft_ctx_buffer_output(context);
    library.nft_ctx_buffer_error(context);
    char *output = NULL;
    if (library.nft_run_cmd_from_buffer(context, commands) == 0)
        output = print_string("%s", library.nft_ctx_get_output_buffer(context));
    else if (why)
        *why = print_string("%s", library.nft_ctx_get_error_buffer(context));
    library.nft_ctx_free(context);
    return output;
}

/* The same, for commands that must succeed. 0, or -1 after warn(). */
static int nft(const char *commands)
{
    CLEANUP(free_string) char *why = NULL;
    narrate(6, "nft_run_cmd_from_buffer() # nft '%s'", commands);
    CLEANUP(free_string) char *output = run_nft(commands, &why);
    if (output)
        return 0;
    warn("nft %s: %.*s", commands, why ? (int)strcspn(why, "\n") : 0,
         why ? why : "");
    return -1;
}

static int set_ip_forward(const char *value)
{
    narrate(6, "write(\"%s\") # echo %s > " IP_FORWARD_PATH, value, value);
    if (write_file_at(AT_FDCWD, IP_FORWARD_PATH, value) == 0)
        return 0;
    warn("write %s to " IP_FORWARD_PATH ": %s", value, strerror(errno));
    return -1;
}

/* The table is there as long as anybody's NAT: so it keeps the old value. */
static int have_table(void)
{
    CLEANUP(free_string) char *table = run_nft("list table ip rung", NULL);
    if (table)
        return 0;
    CLEANUP(free_string) char *old = read_file_at(AT_FDCWD, IP_FORWARD_PATH);
    if (!old) {
        warn("read " IP_FORWARD_PATH ": %s", strerror(errno));
        return -1;
    }
    CLEANUP(free_string)
    char *command = print_string(
        "add table ip rung { comment \"ip_forward was %c\"; }", old[0]);
    return nft(command);
}

/* "flush" empties the chain if another container had made it before. */
int open_nat(const char *bridge)
{
    CLEANUP(free_string)
    char *commands =
        print_string("add chain ip rung from_%s "
                     "{ type nat hook postrouting priority srcnat; }; "
                     "flush chain ip rung from_%s; add rule ip rung from_%s "
                     "iifname \"%s\" oifname != \"%s\" masquerade",
                     bridge, bridge, bridge, bridge, bridge);
    if (have_table() == -1 || nft(commands) == -1)
        return -1;
    return set_ip_forward("1");
}

int close_nat(const char *bridge)
{
    CLEANUP(free_string) char *table = run_nft("list table ip rung", NULL);
    if (!table)
        return 0; /* nobody has NAT, or this kernel has none */
    CLEANUP(free_string)
    char *delete = print_string("delete chain ip rung from_%s", bridge);
    CLEANUP(free_string) char *deleted = run_nft(delete, NULL);
    CLEANUP(free_string) char *rest = run_nft("list table ip rung", NULL);
    if (!rest || strstr(rest, "chain "))
        return 0;
    int result = strstr(rest, "ip_forward was 0") ? set_ip_forward("0") : 0;
    return nft("delete table ip rung") == 0 ? result : -1;
}
