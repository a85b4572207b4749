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
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/library.h"
#include "base/memory.h"
#include "base/report.h"
#include "network/nat.h"
#include "network/netlink.h"

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

/* The library calls exit(3) if it cannot open its socket. In a child of ours
 * that must not run what we have for atexit(3). */
static void leave_at_once(void)
{
    _exit(EXIT_RUNTIME);
}

/* All that it prints goes to words_fd, and 0 is the status if all went well. */
static _Noreturn void nft_process(const char *commands, int words_fd)
{
    if (atexit(leave_at_once) != 0 || dup2(words_fd, STDERR_FILENO) == -1)
        _exit(EXIT_RUNTIME);
    struct nft_ctx *context = library.nft_ctx_new(NFT_CTX_DEFAULT);
    if (!context)
        _exit(EXIT_RUNTIME);
    library.nft_ctx_buffer_output(context);
    library.nft_ctx_buffer_error(context);
    bool well = library.nft_run_cmd_from_buffer(context, commands) == 0;
    bool said = dprintf(words_fd, "%s",
                        well ? library.nft_ctx_get_output_buffer(context)
                             : library.nft_ctx_get_error_buffer(context)) >= 0;
    _exit(well && said ? 0 : EXIT_RUNTIME);
}

/* Its number, and where its words can be read; -1 and errno on failure. */
static pid_t start_nft(const char *commands, int *words_fd)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) == -1)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        nft_process(commands, fds[1]);
    int reason = errno;
    close(fds[1]);
    *words_fd = fds[0];
    errno = reason;
    return pid;
}

/*
 * Run commands in nft's own language, all or none: libnftables(3). What they
 * print, or NULL and what went wrong in *WHY, for the caller to free. In a
 * process of its own: the library writes to standard error if it has to, and
 * may end the process that calls it.
 */
static char *run_nft(const char *commands, char **why)
{
    const char *unloaded;
    if (!load_library(&unloaded)) {
        *why = copy_string(unloaded);
        return NULL;
    }
    CLEANUP(close_fd) int words_fd = -1;
    pid_t pid = start_nft(commands, &words_fd);
    char *words = pid == -1 ? NULL : read_fd(words_fd);
    int status = 0;
    while (words && waitpid(pid, &status, 0) == -1) {
        if (errno == EINTR)
            continue;
        free(words);
        words = NULL;
    }
    if (words && status == 0)
        return words;
    if (!words)
        *why = copy_string(strerror(errno));
    else
        *why = *words ? words : copy_string("libnftables gave no reason");
    return NULL;
}

/* The same, for commands that must succeed: NULL after warn(). */
static char *nft(const char *commands)
{
    CLEANUP(free_string) char *why = NULL;
    narrate(6, "nft_run_cmd_from_buffer() # nft '%s'", commands);
    char *output = run_nft(commands, &why);
    if (!output)
        warn("nft %s: %.*s", commands, (int)strcspn(why, "\n"), why);
    return output;
}

/*
 * Is there a table of ours? 1 or 0, or -1 after warn(). We ask the kernel
 * itself: the library takes a millisecond to load, and says "no" as it says
 * that it could not look. Of a kernel without nftables come EINVAL and
 * EPROTONOSUPPORT.
 */
static int has_table(void)
{
    char buffer[REQUEST_SIZE];
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE;
    struct nfgenmsg *message =
        mnl_nlmsg_put_extra_header(request, sizeof(*message));
    message->nfgen_family = AF_INET;
    mnl_attr_put_strz(request, NFTA_TABLE_NAME, "rung");
    narrate(6, "NFT_MSG_GETTABLE # nft list table ip rung");
    CLEANUP(close_netlink)
    struct mnl_socket *nl = open_netlink(NETLINK_NETFILTER, 0);
    if (nl && ask(nl, request, NULL, NULL) == 0)
        return 1;
    if (errno == ENOENT || errno == EINVAL || errno == EPROTONOSUPPORT)
        return 0;
    warn("look for the nftables table ip rung: %s", strerror(errno));
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
    int found = has_table();
    if (found != 0)
        return found == 1 ? 0 : -1;
    CLEANUP(free_string) char *old = read_file_at(AT_FDCWD, IP_FORWARD_PATH);
    if (!old) {
        warn("read " IP_FORWARD_PATH ": %s", strerror(errno));
        return -1;
    }
    CLEANUP(free_string)
    char *command = print_string(
        "add table ip rung { comment \"ip_forward was %c\"; }", old[0]);
    CLEANUP(free_string) char *made = nft(command);
    return made ? 0 : -1;
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
    if (have_table() == -1)
        return -1;
    CLEANUP(free_string) char *made = nft(commands);
    return made ? set_ip_forward("1") : -1;
}

/* "add" so that there is one to delete: another bridge's may be alone. */
int close_nat(const char *bridge)
{
    int found = has_table();
    if (found != 1)
        return found;
    CLEANUP(free_string)
    char *delete = print_string("add chain ip rung from_%s; "
                                "delete chain ip rung from_%s",
                                bridge, bridge);
    CLEANUP(free_string) char *deleted = nft(delete);
    CLEANUP(free_string)
    char *rest = deleted ? nft("list table ip rung") : NULL;
    if (!rest)
        return -1;
    if (strstr(rest, "chain "))
        return 0;
    int result = strstr(rest, "ip_forward was 0") ? set_ip_forward("0") : 0;
    CLEANUP(free_string) char *end = nft("delete table ip rung");
    return end ? result : -1;
}
