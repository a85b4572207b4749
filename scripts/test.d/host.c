/* Prints the host as it is now, a line for each thing that a container could
 * leave behind: hostname, forwarding, mounts, links, nftables, processes, files
 * in the root file system that tests share ($RUNG_SHARED_ROOT, if it is set),
 * and the cgroups that demos make. Tests compare what it says before and after.
 *
 *     host TEST [CGROUPS]
 *
 * TEST is the value of RUNG_TEST in the environment of what the test starts.
 * CGROUPS, lines as this program has printed them, are no matter; without them
 * none is looked for. One process, since it runs twice in every test.
 */

#define _GNU_SOURCE

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *test, *cgroups_before;

/* The whole of a file, ended by a NUL; its length without that in *LENGTH. NULL
 * if it can't be read, or is empty. */
static char *contents(const char *path, size_t *length)
{
    char *text = NULL;
    size_t size;
    FILE *file = fopen(path, "re"), *into = open_memstream(&text, &size);
    char piece[BUFSIZ];
    size_t got;

    if (!into)
        abort();
    while (file && (got = fread(piece, 1, sizeof(piece), file)) > 0)
        fwrite(piece, 1, got, into);
    if (file)
        fclose(file);
    fclose(into);
    *length = size;
    if (size == 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* Print NAME and each line of a file. */
static void print_lines(const char *name, const char *path)
{
    size_t length;
    char *text = contents(path, &length), *rest = text, *line;

    while ((line = strsep(&rest, "\n")))
        if (*line)
            printf("%s %s\n", name, line);
    free(text);
}

static void print_names(const char *kind, const char *path)
{
    struct dirent **names;
    int count = scandir(path, &names, NULL, alphasort);

    for (int i = 0; i < count; i++)
        if (strcmp(names[i]->d_name, ".") != 0 &&
            strcmp(names[i]->d_name, "..") != 0)
            printf("%s %s\n", kind, names[i]->d_name);
}

/* Where a container would put something: the programs' directories are long. */
static void print_root(const char *root)
{
    static const char *const directories[] = {"",    "dev",  "etc", "home",
                                              "mnt", "proc", "run", "root",
                                              "sys", "tmp",  "var"};

    for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
        char path[4096];
        snprintf(path, sizeof(path), "file %s/%s", root, directories[i]);
        print_names(path, strchr(path, ' ') + 1);
    }
}

static int print_table(const struct nlmsghdr *message, void *data)
{
    const struct nfgenmsg *table = mnl_nlmsg_get_payload(message);
    const struct nlattr *attribute;
    static const char *const families[] = {
        [NFPROTO_INET] = "inet",     [NFPROTO_IPV4] = "ip",
        [NFPROTO_ARP] = "arp",       [NFPROTO_NETDEV] = "netdev",
        [NFPROTO_BRIDGE] = "bridge", [NFPROTO_IPV6] = "ip6",
    };

    (void)data;
    mnl_attr_for_each(attribute, message,
                      sizeof(*table)) if (mnl_attr_get_type(attribute) ==
                                          NFTA_TABLE_NAME)
        printf("nft table %s %s\n",
               table->nfgen_family < sizeof(families) / sizeof(*families)
                   ? families[table->nfgen_family]
                   : "?",
               mnl_attr_get_str(attribute));
    return MNL_CB_OK;
}

/* Without root, or nftables, there are none that we see. */
static void print_tables(void)
{
    char buffer[BUFSIZ];
    struct mnl_socket *socket =
        mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    ssize_t length;

    if (!socket)
        return;
    request->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    mnl_nlmsg_put_extra_header(request, sizeof(struct nfgenmsg));
    if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(socket, request, request->nlmsg_len) > 0)
        while ((length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer))) >
                   0 &&
               mnl_cb_run(buffer, (size_t)length, 0,
                          mnl_socket_get_portid(socket), print_table,
                          NULL) > MNL_CB_STOP)
            continue;
    mnl_socket_close(socket);
}

/* Who started the process PID? NOBODYS: it has ended. */
enum whose {
    NOBODYS,
    ANOTHERS,
    OURS
};

static enum whose whose_process(const char *pid)
{
    char path[64], wanted[4096];
    size_t length;

    snprintf(path, sizeof(path), "/proc/%.16s/environ", pid);
    char *environment = contents(path, &length);
    if (!environment)
        return NOBODYS;
    snprintf(wanted, sizeof(wanted), "RUNG_TEST=%s", test);
    enum whose whose = ANOTHERS;
    for (const char *entry = environment; entry < environment + length;
         entry += strlen(entry) + 1)
        if (strcmp(entry, wanted) == 0)
            whose = OURS;
    free(environment);
    return whose;
}

/* A demo calls its own rung-PID. Those of others' demos that live don't count,
 * but for the list of those that were there before. */
static int print_cgroup(const char *path, const struct stat *status, int kind,
                        struct FTW *place)
{
    const char *pid = path + place->base + strlen("rung-");
    char line[4096];

    (void)status;
    snprintf(line, sizeof(line), "cgroup %s\n", path);
    if (kind == FTW_D && strncmp(path + place->base, "rung-", 5) == 0 &&
        isdigit((unsigned char)*pid) && !strstr(cgroups_before, line) &&
        (!*cgroups_before || whose_process(pid) != ANOTHERS))
        fputs(line, stdout);
    return 0;
}

static void print_cgroups(void)
{
    size_t length;
    char *mounts = contents("/proc/self/mountinfo", &length), *rest = mounts,
         *line;

    while ((line = strsep(&rest, "\n"))) {
        char *mount_point;
        if (strstr(line, " - cgroup2 ") &&
            sscanf(line, "%*s %*s %*s %*s %ms", &mount_point) == 1) {
            nftw(mount_point, print_cgroup, 16, FTW_PHYS);
            free(mount_point);
            break;
        }
    }
    free(mounts);
}

/* Zombies have no environment any more: who should reap them is found instead.
 */
static void print_processes(void)
{
    struct dirent *entry;
    DIR *proc = opendir("/proc");

    while (proc && (entry = readdir(proc))) {
        if (!isdigit((unsigned char)entry->d_name[0]) ||
            atoi(entry->d_name) == getpid() ||
            whose_process(entry->d_name) != OURS)
            continue;
        char path[64];
        size_t length;
        snprintf(path, sizeof(path), "/proc/%.16s/cmdline", entry->d_name);
        char *words = contents(path, &length);
        for (size_t i = 0; words && i < length; i++)
            if (words[i] == '\0' || words[i] == '\n')
                words[i] = ' ';
        printf("process %s %s\n", entry->d_name, words ? words : "");
        free(words);
    }
    if (proc)
        closedir(proc);
}

int main(int argc, char *argv[])
{
    if (argc < 2 || argc > 3) {
        fputs("usage: host TEST [CGROUPS]\n", stderr);
        return 2;
    }
    test = argv[1];
    print_lines("hostname", "/proc/sys/kernel/hostname");
    print_lines("ip_forward", "/proc/sys/net/ipv4/ip_forward");
    print_lines("mount", "/proc/self/mountinfo");
    print_names("link", "/sys/class/net");
    print_tables();
    print_processes();
    if (getenv("RUNG_SHARED_ROOT"))
        print_root(getenv("RUNG_SHARED_ROOT"));
    cgroups_before = argv[2];
    if (cgroups_before)
        print_cgroups();
    return 0;
}
