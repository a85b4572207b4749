/*
 * demo.c - a container, one kernel feature at a time.
 *
 *   step01  run a program and report how it ended    fork(2), execve(2)
 *   step02  make it process 1                        pid_namespaces(7)
 *   step03  give it a hostname                       uts_namespaces(7)
 *   step04  give it a root, and a /proc              mount_namespaces(7)
 *   step05  limit what it uses                       cgroups(7)
 *   step06  connect it to a network                  network_namespaces(7)
 *
 * Read it from main, at the end, upwards: every function stands below those
 * that it calls. Try it with -v, which narrates each kernel call.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/magic.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <linux/veth.h>
#include <net/if.h>
#include <nftables/libnftables.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

/* Exit statuses, as a shell's: our own failures keep clear of the program's. */
enum {
    EXIT_USAGE = 2,
    EXIT_DEMO_FAILED = 125,
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
    EXIT_SIGNALLED = 128, /* and the signal's number on top */
};

enum {
    SAFEGUARDS = 8, /* no more words than these can be left out */
};

/* A line for a file of our cgroup: { "memory.max", "52428800" }. */
struct limit {
    const char *file;
    char value[32];
};

/* demonstration.c: what the demo does without a command. */
int demonstrate(int chapter);
int newest_chapter(void);

/* Everything we know about the one container that we run. */
struct container {
    char **argv; /* the program to run, and its arguments */
    pid_t pid; /* its PID, as the host sees it */
    int status; /* how it ended, as an exit status */
    bool ended;
    bool verbose; /* narrate each kernel call */
    int chapter; /* whose demonstration to give; 0: the newest one's */
    sigset_t signals; /* what wait_for_child waits for */
    struct clone_args clone; /* how to start it: clone3(2) */
    int sync_fd[2]; /* a lifeline: the parent's end, the child's */
    pid_t group; /* ours, if it is in the terminal's foreground; else 0 */
    pid_t ear; /* hears the terminal's keys, where we can't; else 0 */
    const char *hostname;
    const char *root_path; /* the directory that becomes its "/" */
    const char *without[SAFEGUARDS]; /* left out, to see what breaks */
    struct limit limits[8]; /* what to write into its cgroup */
    int place_fd; /* the directory in cgroupfs that its cgroup is in */
    int cgroup_fd; /* its cgroup; 0: none */
    char cgroup_name[32];
    char enabled[64]; /* controllers that we switched on for it */
    const char *bridge; /* the switch that connects containers */
    struct in_addr ip; /* the container's address; 0: none */
    struct in_addr gateway; /* the first address of its subnet: the bridge's */
    int prefix; /* the subnet's length in bits */
    bool nat; /* let it out into the world */
    char veth[IFNAMSIZ]; /* the host's end of its cable */
    int resolv_conf_fd; /* the host's name servers, as a mount; -1: none */
};

/* ------------------------------------------------------- words and errors */

/*
 * One line on standard error, in one write, so that parent and child don't
 * talk into each other's lines. Whatever a line quotes, it stays a line.
 */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    char line[8192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    for (char *p = line; *p; p++) {
        if (iscntrl((unsigned char)*p))
            *p = '?';
    }
    dprintf(STDERR_FILENO, "%s\n", line);
}

/*
 * Say which kernel call comes next and the shell command that does the same.
 * The number in brackets is who speaks, as getpid(2) tells it.
 */
__attribute__((format(printf, 2, 3))) static void
narrate(const struct container *c, const char *format, ...)
{
    char call[4096];
    if (!c->verbose)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(call, sizeof(call), format, arguments);
    va_end(arguments);
    say("demo[%d]: %s", getpid(), call);
}

/*
 * Report what failed, on which object, and why: errno, then what to do about
 * it. HINT may be NULL. In the child the parent hands our status on.
 */
__attribute__((noreturn, format(printf, 2, 3))) static void
die_with_hint(const char *hint, const char *format, ...)
{
    int error = errno;
    char what[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    if (!hint && (error == EPERM || error == EACCES) && geteuid() != 0)
        hint = "this needs root: try sudo";
    say(hint ? "demo: %s: %s (%s)" : "demo: %s: %s", what, strerror(error),
        hint);
    exit(EXIT_DEMO_FAILED);
}

#define die(...) die_with_hint(NULL, __VA_ARGS__)

__attribute__((noreturn)) static void
usage_error(const char *option, const char *value, const char *why)
{
    say("demo: --%s%s%s: %s (see --help)", option, *value ? " " : "", value,
        why);
    exit(EXIT_USAGE);
}

/* Letters, digits and OTHERS only? */
static bool is_made_of(const char *text, const char *others)
{
    while (isalnum((unsigned char)*text) || (*text && strchr(others, *text)))
        text++;
    return *text == '\0';
}

/* Has the user asked to leave out this safeguard? */
static bool without(const struct container *c, const char *safeguard)
{
    for (int i = 0; i < SAFEGUARDS; i++) {
        if (c->without[i] && strcmp(c->without[i], safeguard) == 0)
            return true;
    }
    return false;
}

/* --------------------------------------------------------- files and locks */

/* Write TEXT into the file NAME of the directory DIR; -1 and errno if not. */
static int write_file(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    if (fd == -1)
        return -1;
    ssize_t written = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return written == -1 ? -1 : 0;
}

/* Read the small file NAME of the directory DIR; "" if there is none. */
static const char *read_file(int dir, const char *name)
{
    static char text[4096];
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd == -1 ? 0 : read(fd, text, sizeof(text) - 1);
    if (fd != -1)
        close(fd);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

/*
 * What several demos share (a controller, a bridge) changes hands under this
 * lock, so that the last one leaves and the next one comes in one at a time.
 * Whoever fails while holding it undoes things with it still held. The file is
 * root's alone: what others can open, they can lock, and halt us all. flock(2)
 */
static const char lock_path[] = "/run/rung.lock";
static int host_lock = -1;

/* Who unlocks removes the file: whoever waited for that one looks again. */
static bool try_lock(void)
{
    struct stat status;
    host_lock =
        open(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (host_lock == -1)
        die("open %s", lock_path);
    if (flock(host_lock, LOCK_EX | LOCK_NB) == 0 &&
        fstat(host_lock, &status) == 0 && status.st_nlink > 0)
        return true;
    close(host_lock);
    host_lock = -1;
    return false;
}

static void lock_host(void)
{
    if (host_lock != -1)
        return;
    /* Nobody holds it for long; ten seconds are for a machine on its knees. */
    for (int tries = 0; !try_lock(); tries++) {
        errno = EWOULDBLOCK;
        if (tries == 1000)
            die_with_hint("is another demo stopped half-way?", "lock %s",
                          lock_path);
        usleep(10000);
    }
}

static void unlock_host(void)
{
    unlink(lock_path);
    close(host_lock);
    host_lock = -1;
}

/*
 * What we leave on the host is taken away by functions given to atexit(3) as
 * soon as it exists. A child inherits them, and must not do the parent's work.
 */
static struct container *to_undo;

static void forget_undo(void)
{
    to_undo = NULL;
}

/* ------------------------------------------------------------------ child */

/*
 * When the demo dies, even of SIGKILL, the container dies with it: it is our
 * child, and as process 1 it takes its whole PID namespace along. But if the
 * demo died before we asked, nothing would come any more: then its end of the
 * lifeline is closed. (getppid(2) is 0 in here in any case.) A command that
 * changes its user takes the wish back. prctl(2), PR_SET_PDEATHSIG; poll(2)
 */
static void die_with_parent(const struct container *c)
{
    struct pollfd parent = {.fd = c->sync_fd[1]};
    close(c->sync_fd[0]);
    narrate(c, "prctl(PR_SET_PDEATHSIG, SIGKILL)   # setpriv --pdeathsig KILL");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
        die("prctl PR_SET_PDEATHSIG");
    int gone = poll(&parent, 1, 0);
    if (gone == -1)
        die("look whether the parent lives");
    if (gone)
        _exit(EXIT_DEMO_FAILED); /* and nobody to tell */
}

/*
 * /proc/self/cgroup would tell the container where on the host its cgroup is.
 * In a cgroup namespace that place becomes "/". We are in our cgroup since
 * clone3, so it is the namespace's root: cgroup_namespaces(7). (In one go with
 * CLONE_INTO_CGROUP, the root would be the parent's cgroup.)
 */
static void enter_cgroup_namespace(const struct container *c)
{
    if (!c->cgroup_fd)
        return;
    narrate(c, "unshare(CLONE_NEWCGROUP)   # unshare --cgroup");
    if (unshare(CLONE_NEWCGROUP) == -1)
        die("unshare the cgroup namespace");
}

/*
 * Our network is made by the parent, who must know our PID first: so we wait
 * until it says go. If it dies instead we read the end of file and must stop,
 * not start half-made. socketpair(2)
 */
static void wait_for_go(const struct container *c)
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
 * The hostname belongs to the UTS namespace. Ours is a copy of the host's,
 * made by clone3; a change stays in here: uts_namespaces(7), sethostname(2).
 */
static void set_hostname(const struct container *c)
{
    narrate(c, "sethostname(\"%s\")   # hostname %s", c->hostname, c->hostname);
    if (sethostname(c->hostname, strlen(c->hostname)) == -1)
        die("set the hostname %s", c->hostname);
}

/*
 * A new mount namespace starts as a copy of the host's, and where the host's
 * mounts are "shared" (systemd makes all of them so) a mount in either copy
 * appears in the other as well: /proc of the container on top of the host's.
 * Private first, then mount. mount_namespaces(7), "Shared subtrees"
 */
static void make_mounts_private(const struct container *c)
{
    if (without(c, "private"))
        return;
    narrate(c, "mount(\"/\", MS_REC | MS_PRIVATE)   # mount --make-rprivate /");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1)
        die("make the mounts private");
}

/*
 * Programs find a name server through /etc/resolv.conf. Take the host's, as a
 * mount that is nowhere yet: after pivot_root its path is out of our reach.
 * systemd-resolved listens on the host's loopback, which is not ours, and keeps
 * the list of the real servers beside it. open_tree(2), resolv.conf(5)
 */
static void take_resolv_conf(struct container *c)
{
    const char *path = "/run/systemd/resolve/resolv.conf";
    if (access(path, R_OK) == -1)
        path = "/etc/resolv.conf";
    c->resolv_conf_fd = -1;
    if (c->ip.s_addr) /* a host without the file does without names, too */
        c->resolv_conf_fd =
            open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

/*
 * Make root_path our "/". pivot_root(2) swaps the root mount of the whole
 * namespace, then the old one is detached: no path leads there any more.
 * chroot(2) only changes where our own "/" points; the host's files stay
 * mounted behind it, and root can get back to them.
 * The new root must be a mount, so bind the directory onto itself.
 */
static void enter_root(const struct container *c)
{
    const char *root = c->root_path;
    narrate(c, "mount(MS_BIND | MS_REC)   # mount --rbind %s %s", root, root);
    if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) == -1)
        die("bind the root file system %s", root);
    if (chdir(root) == -1)
        die("change to the directory %s", root);
    /* With shared mounts pivot_root refuses; buggy programs chroot then. */
    if (without(c, "pivot") || without(c, "private")) {
        narrate(c, "chroot(\".\")   # chroot %s", root);
        if (chroot(".") == -1)
            die("chroot to %s", root);
        return;
    }
    narrate(c, "pivot_root(\".\", \".\")   # pivot_root . .");
    if (syscall(SYS_pivot_root, ".", ".") == -1)
        die_with_hint(errno == EBUSY ? "it is the host's own root"
                                     : "is this host's root a ramfs?",
                      "pivot_root to %s", root);
    narrate(c, "umount2(\".\", MNT_DETACH)   # umount --lazy .");
    if (umount2(".", MNT_DETACH) == -1)
        die("unmount the old root");
}

/*
 * What a program expects to find, and why each may not be the host's: /proc
 * shows the processes of the PID namespace of whoever mounts it; /sys is
 * for reading only; /dev holds harmless devices; the rest forgets its content.
 */
static const struct {
    const char *type;
    const char *path;
    unsigned long flags;
    const char *data;
} filesystems[] = {
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, ""},
    {"tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k"},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666"},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777"},
    {"mqueue", "/dev/mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"},
};

/*
 * We are in the new root: a path that leads through a symbolic link of the
 * image can't leave it. Nothing is created in the image itself, only in our
 * /dev. mount(2), proc(5), devpts: kernel, filesystems/devpts.rst
 */
static void mount_filesystems(const struct container *c)
{
    for (size_t i = 0; i < sizeof(filesystems) / sizeof(*filesystems); i++) {
        const char *type = filesystems[i].type;
        const char *path = filesystems[i].path;
        if (strncmp(path, "/dev/", 5) == 0 && mkdir(path, 0755) == -1)
            die("make the directory %s", path);
        narrate(c, "mount(\"%s\", \"%s\")   # mount -t %s %s %s", type, path,
                type, type, path);
        if (mount(type, path, type, filesystems[i].flags,
                  filesystems[i].data) == -1)
            die_with_hint(errno == ENOENT
                              ? "the root file system lacks the directory"
                              : NULL,
                          "mount %s on %s", type, path);
    }
}

/* The devices that every container has, by number: mem(4), random(4), tty(4) */
static const struct {
    const char *path;
    unsigned char major;
    unsigned char minor;
} devices[] = {
    {"/dev/null", 1, 3}, /* takes anything, gives nothing */
    {"/dev/zero", 1, 5}, /* gives zero bytes */
    {"/dev/full", 1, 7}, /* takes nothing: "no space left" */
    {"/dev/random", 1, 8}, /* gives random bytes */
    {"/dev/urandom", 1, 9}, /* the same */
    {"/dev/tty", 5, 0}, /* the terminal of whoever opens it */
};

static const struct {
    const char *target;
    const char *path;
} links[] = {
    {"pts/ptmx", "/dev/ptmx"}, /* makes a new pseudo-terminal */
    {"/proc/self/fd", "/dev/fd"}, /* bash's <(command) needs it */
    {"/proc/self/fd/0", "/dev/stdin"}, /* the next three: for scripts */
    {"/proc/self/fd/1", "/dev/stdout"}, /* that want a file name */
    {"/proc/self/fd/2", "/dev/stderr"}, /* where they could have none */
};

/* A device node is a name for a driver of the kernel: mknod(2) */
static void make_devices(const struct container *c)
{
    mode_t mask = umask(0);
    for (size_t i = 0; i < sizeof(devices) / sizeof(*devices); i++) {
        dev_t device = makedev(devices[i].major, devices[i].minor);
        narrate(c, "mknod(\"%s\")   # mknod -m 666 %s c %d %d", devices[i].path,
                devices[i].path, devices[i].major, devices[i].minor);
        if (mknod(devices[i].path, S_IFCHR | 0666, device) == -1)
            die("make the device %s", devices[i].path);
    }
    for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
        if (symlink(links[i].target, links[i].path) == -1)
            die("make the link %s", links[i].path);
    }
    umask(mask);
}

/*
 * A directory that our caller had open would still be a way to the host's
 * files, pivot_root or not. Close all but the standard three. close_range(2)
 */
static void close_files(const struct container *c)
{
    narrate(c, "close_range(3, CLOSE_RANGE_CLOEXEC)   # exec 3>&- 4>&- ...");
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == -1)
        die("close the other files");
}

/*
 * Show the container its own cgroup, to read. Only here, in the cgroup
 * namespace, is it all that the mount shows. cgroup_namespaces(7)
 */
static void mount_cgroup(const struct container *c)
{
    if (!c->cgroup_fd)
        return;
    narrate(c,
            "mount(\"cgroup2\")   # mount -t cgroup2 -o ro c /sys/fs/cgroup");
    if (mount("cgroup2", "/sys/fs/cgroup", "cgroup2",
              MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, NULL) == -1)
        die("mount cgroup2 on /sys/fs/cgroup");
}

/* Put the host's list of name servers into place, to read only. */
static void put_resolv_conf(const struct container *c)
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
 * rtnetlink(7) is how the kernel's network is set up: a request is a header,
 * a struct that depends on its type, and attributes. libmnl packs them.
 */
static struct nlmsghdr *new_request(char *buffer, uint16_t type, uint16_t flags)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = type;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    return request;
}

/* A request about the network device NAME. */
static struct nlmsghdr *new_link_request(char *buffer, uint16_t type,
                                         uint16_t flags, const char *name)
{
    struct nlmsghdr *request = new_request(buffer, type, flags);
    struct ifinfomsg *link =
        mnl_nlmsg_put_extra_header(request, sizeof(struct ifinfomsg));
    link->ifi_family = AF_UNSPEC;
    mnl_attr_put_strz(request, IFLA_IFNAME, name);
    return request;
}

/*
 * Send a request, then read until the kernel's acknowledgement: 0, or -1 and
 * the errno in it. CALLBACK, if any, gets the messages that come before.
 */
static int ask(const struct nlmsghdr *request, mnl_cb_t callback, void *data)
{
    char answer[32768];
    struct mnl_socket *netlink = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    if (!netlink)
        return -1;
    int more = -1;
    if (mnl_socket_bind(netlink, 0, MNL_SOCKET_AUTOPID) == 0 &&
        mnl_socket_sendto(netlink, request, request->nlmsg_len) > 0) {
        do {
            ssize_t size = mnl_socket_recvfrom(netlink, answer, sizeof(answer));
            more = size == -1 ? -1
                              : mnl_cb_run(answer, (size_t)size, 0,
                                           mnl_socket_get_portid(netlink),
                                           callback, data);
        } while (more > 0);
    }
    int error = errno;
    mnl_socket_close(netlink);
    errno = error;
    return more;
}

static void set_link_up(const struct container *c, const char *name)
{
    char buffer[1024];
    struct nlmsghdr *request = new_link_request(buffer, RTM_NEWLINK, 0, name);
    struct ifinfomsg *link = mnl_nlmsg_get_payload(request);
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    narrate(c, "RTM_NEWLINK %s   # ip link set %s up", name, name);
    if (ask(request, NULL, NULL) == -1)
        die("switch on the network device %s", name);
}

/* Give a device an address; the same one twice is no error. */
static void add_address(const struct container *c, const char *name,
                        struct in_addr ip)
{
    char buffer[1024];
    struct nlmsghdr *request = new_request(buffer, RTM_NEWADDR, NLM_F_CREATE);
    struct ifaddrmsg *address =
        mnl_nlmsg_put_extra_header(request, sizeof(struct ifaddrmsg));
    address->ifa_family = AF_INET;
    address->ifa_prefixlen = (unsigned char)c->prefix;
    address->ifa_index = if_nametoindex(name);
    mnl_attr_put_u32(request, IFA_LOCAL, ip.s_addr);
    mnl_attr_put_u32(request, IFA_ADDRESS, ip.s_addr);
    narrate(c, "RTM_NEWADDR   # ip address add %s/%d dev %s", inet_ntoa(ip),
            c->prefix, name);
    if (ask(request, NULL, NULL) == -1 && errno != EEXIST)
        die("give %s the address %s", name, inet_ntoa(ip));
}

/* Whatever is in no subnet of ours, send to the gateway. */
static void add_default_route(const struct container *c)
{
    char buffer[1024];
    struct nlmsghdr *request = new_request(buffer, RTM_NEWROUTE, NLM_F_CREATE);
    struct rtmsg *route =
        mnl_nlmsg_put_extra_header(request, sizeof(struct rtmsg));
    route->rtm_family = AF_INET;
    route->rtm_table = RT_TABLE_MAIN;
    route->rtm_protocol = RTPROT_BOOT;
    route->rtm_scope = RT_SCOPE_UNIVERSE;
    route->rtm_type = RTN_UNICAST;
    mnl_attr_put_u32(request, RTA_GATEWAY, c->gateway.s_addr);
    narrate(c, "RTM_NEWROUTE   # ip route add default via %s",
            inet_ntoa(c->gateway));
    if (ask(request, NULL, NULL) == -1)
        die("set the default route via %s", inet_ntoa(c->gateway));
}

/*
 * In a new network namespace there is a loopback device that is off, and
 * since the parent said go, eth0: our end of the cable, off as well.
 * network_namespaces(7)
 */
static void set_up_network(const struct container *c)
{
    set_link_up(c, "lo");
    if (!c->ip.s_addr)
        return;
    add_address(c, "eth0", c->ip);
    set_link_up(c, "eth0");
    add_default_route(c);
}

/* Does FD start with these bytes? */
static bool starts_with(int fd, const char *bytes, size_t length)
{
    char start[8];
    return pread(fd, start, length, 0) == (ssize_t)length &&
           memcmp(start, bytes, length) == 0;
}

/*
 * "No such file" may mean a file that the program needs: a script names its
 * interpreter after #!, an ELF file its dynamic loader. execve(2)
 */
static const char *why_not_executed(const char *path, int error)
{
    struct stat status;
    if (!strchr(path, '/'))
        return error == ENOENT ? "no such program in $PATH" : NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1 || fstat(fd, &status) == -1)
        return NULL;
    bool script = starts_with(fd, "#!", 2);
    bool elf = starts_with(fd, ELFMAG, SELFMAG);
    close(fd);
    if (S_ISDIR(status.st_mode))
        return "it is a directory";
    if (error == ENOENT && script)
        return "it is there, but the interpreter in its #! line is not";
    if (error == ENOENT && elf)
        return "it is there, but the loader that it was linked with is not";
    if (error == ENOEXEC && elf)
        return "built for another architecture?";
    if (error == ENOEXEC)
        return "no ELF file, and no script with a #! line";
    if (error == EACCES)
        return "not executable, or on a noexec mount";
    return NULL;
}

/*
 * Become the program. What is not replaced stays: PID, namespaces, working
 * directory, descriptors without O_CLOEXEC. Returns only to fail. execve(2)
 * (execvp(3) alone would feed a file that is no program to /bin/sh.)
 */
__attribute__((noreturn)) static void run_program(const struct container *c)
{
    const char *name = c->argv[0];
    narrate(c, "execve(\"%s\"), my parent is %d   # exec %s", name, getppid(),
            name);
    if (strchr(name, '/'))
        execv(name, c->argv);
    else
        execvp(name, c->argv);
    int error = errno;
    const char *why = why_not_executed(name, error);
    say(why ? "demo: execute %s: %s (%s)" : "demo: execute %s: %s", name,
        strerror(error), why);
    exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);
}

/* Which group of processes gets the terminal's keys? tcsetpgrp(3) */
static void set_foreground(pid_t group)
{
    signal(SIGTTOU, SIG_IGN); /* what who is not in front gets for this */
    (void)tcsetpgrp(STDIN_FILENO, group);
    signal(SIGTTOU, SIG_DFL);
}

/*
 * Process groups are numbered as processes are, and the one in front of the
 * terminal, ours, has no number in the new namespace; a shell could not give
 * the terminal back to it. So the container gets a group of its own in front.
 */
static void take_terminal(const struct container *c)
{
    if (!c->group)
        return;
    (void)setpgid(0, 0); /* the parent may have done it for us */
    set_foreground(getpid());
}

/* The signals that the parent waits for are the program's to handle again. */
static void unblock_signals(const struct container *c)
{
    if (sigprocmask(SIG_UNBLOCK, &c->signals, NULL) == -1)
        die("sigprocmask");
}

/* What the new process does, in this order, to become the container. */
__attribute__((noreturn)) static void child(struct container *c)
{
    forget_undo();
    unblock_signals(c);
    die_with_parent(c);
    enter_cgroup_namespace(c);
    wait_for_go(c);
    set_hostname(c);
    make_mounts_private(c);
    take_resolv_conf(c);
    enter_root(c);
    mount_filesystems(c);
    make_devices(c);
    mount_cgroup(c);
    put_resolv_conf(c);
    set_up_network(c);
    close_files(c);
    take_terminal(c);
    run_program(c);
}

/* ----------------------------------------------------------------- parent */

/*
 * From now on signals wait until we ask for them, in wait_for_child: none is
 * lost, none interrupts a call half-way. sigprocmask(2), signal(7)
 */
static void block_signals(struct container *c)
{
    static const int signals[] = {
        SIGCHLD, /* the child has ended, stopped or continued */
        SIGHUP, /* the terminal has gone */
        SIGINT, /* Ctrl-C */
        SIGQUIT, /* Ctrl-\ */
        SIGTERM, /* please end */
        SIGUSR1, /* for the program to give a meaning */
        SIGUSR2, /* the same */
        SIGTSTP, /* Ctrl-Z */
    };
    sigemptyset(&c->signals);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        sigaddset(&c->signals, signals[i]);
    /* Our caller may have left SIGCHLD ignored: no zombies, so no status. */
    signal(SIGCHLD, SIG_DFL);
    if (sigprocmask(SIG_BLOCK, &c->signals, NULL) == -1)
        die("sigprocmask");
}

/*
 * Two connected sockets, one for each of us; execve closes the child's. When a
 * process ends, however it ends, the kernel closes its own. socketpair(2)
 */
static void make_lifeline(struct container *c)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->sync_fd) == -1)
        die("socketpair");
}

/*
 * A child started with CLONE_NEWPID is process 1 of a new PID namespace. We
 * stay where we are, and see it under another number. pid_namespaces(7)
 */
static void want_pid_namespace(struct container *c)
{
    c->clone.flags |= CLONE_NEWPID;
}

/* The raw system call: glibc has no wrapper. It returns twice, like fork. */
static pid_t clone3(struct clone_args *args)
{
    return (pid_t)syscall(SYS_clone3, args, sizeof(*args));
}

/* A hostname of its own needs a UTS namespace: uts_namespaces(7) */
static void want_uts_namespace(struct container *c)
{
    c->clone.flags |= CLONE_NEWUTS;
}

/*
 * Mounts of its own, and System V and POSIX IPC of its own (/dev/mqueue shows
 * the IPC namespace's queues): mount_namespaces(7), ipc_namespaces(7).
 * The root is opened now, where an error harms nobody yet.
 */
static void want_mount_namespace(struct container *c)
{
    int fd = open(c->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1)
        die_with_hint("run \"make rootfs\", or give --rootfs DIR",
                      "open the root file system %s", c->root_path);
    close(fd);
    c->clone.flags |= CLONE_NEWNS | CLONE_NEWIPC;
}

/*
 * --without=private lets mounts leak; not into the host, though. We move into
 * a mount namespace to be sacrificed: cut off from the host, then shared with
 * the child's copy, as a host's own is. Look at it in /proc/PID/mountinfo.
 */
static void sacrifice_mount_namespace(const struct container *c)
{
    if (!without(c, "private"))
        return;
    narrate(c, "unshare(CLONE_NEWNS)   # unshare --mount --propagation shared");
    if (unshare(CLONE_NEWNS) == -1)
        die("unshare the mount namespace");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
        mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) == -1)
        die("change the propagation of the mounts");
}

/* Is WORD one of these WORDS? ("cpu" is none of "cpuset io".) */
static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *p = words; (p = strstr(p, word)); p += length) {
        if ((p == words || isspace(p[-1])) &&
            (p[length] == '\0' || isspace(p[length])))
            return true;
    }
    return false;
}

/*
 * Open the directory of the cgroup that we are in. Its path is the line "0::"
 * of /proc/self/cgroup, seen from the root of the mount whose line in
 * /proc/self/mountinfo says cgroup2: cgroups(7). -1 without cgroup v2.
 */
static int open_own_cgroup(void)
{
    char line[8192];
    char own[4096] = "";
    char root[4096];
    char point[4096];
    FILE *file = fopen("/proc/self/cgroup", "re");
    while (file && fgets(line, sizeof(line), file))
        sscanf(line, "0::%4095[^\n]", own);
    if (file)
        fclose(file);
    int fd = -1;
    file = fopen("/proc/self/mountinfo", "re");
    while (fd == -1 && file && fgets(line, sizeof(line), file)) {
        if (!strstr(line, " - cgroup2 ") ||
            sscanf(line, "%*d %*d %*s %4095s %4095s", root, point) != 2)
            continue;
        size_t skip = strcmp(root, "/") == 0 ? 0 : strlen(root);
        if (strncmp(own, root, skip) != 0)
            continue;
        snprintf(line, sizeof(line), "%s%s", point, own + skip);
        fd = open(line, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (file)
        fclose(file);
    return fd;
}

/*
 * May a child of this cgroup have processes? "cpu" and "pids" can share out
 * single threads, too. Handed down by a cgroup that has processes itself, they
 * make it "domain threaded": what is below is then for its own threads, and
 * clone3 fails there (EOPNOTSUPP). (The root has no such file; it may have
 * both.) cgroups(7), "Cgroups v2 thread mode"
 */
static bool is_domain(int dir)
{
    const char *type = read_file(dir, "cgroup.type");
    return *type == '\0' || strcmp(type, "domain\n") == 0;
}

/*
 * A cgroup has the controllers that its parent names in subtree_control. Name
 * those that our limits need and that are not there yet. The kernel refuses
 * where the parent itself lacks one (ENOENT), or has processes beside its
 * children (EBUSY; the root alone may): kernel, admin-guide/cgroup-v2.rst
 */
static bool enable_controllers(struct container *c, int dir)
{
    static const char *const controllers[] = {"cpu", "memory", "pids"};
    const char *on = read_file(dir, "cgroup.subtree_control");
    char enable[64] = "";
    char disable[64] = "";
    for (size_t i = 0; i < sizeof(controllers) / sizeof(*controllers); i++) {
        const char *name = controllers[i];
        bool needed = false;
        for (struct limit *limit = c->limits; limit->file; limit++)
            needed |= strncmp(limit->file, name, strlen(name)) == 0;
        if (!needed || has_word(on, name))
            continue;
        strcat(strcat(enable, " +"), name);
        strcat(strcat(disable, " -"), name);
    }
    if (!is_domain(dir)) {
        errno = EOPNOTSUPP;
        return false;
    }
    if (enable[0] == '\0')
        return true;
    narrate(c, "write(\"cgroup.subtree_control\")   # echo '%s' >...",
            enable + 1);
    if (write_file(dir, "cgroup.subtree_control", enable) == -1)
        return false;
    if (!is_domain(dir)) { /* it has processes, and this has changed it */
        (void)write_file(dir, "cgroup.subtree_control", disable);
        errno = EBUSY;
        return false;
    }
    memcpy(c->enabled, disable, sizeof(disable));
    return true;
}

/* Say why no cgroup from ours up to the root may have children with limits. */
__attribute__((noreturn)) static void no_place(int error)
{
    errno = error;
    if (error == ENOENT)
        die_with_hint("cgroup v2 lacks one here: does v1 hold it? Boot with "
                      "systemd.unified_cgroup_hierarchy=1, or use make vm",
                      "enable the controllers for the limits");
    if (error == EBUSY)
        die_with_hint("processes sit in that cgroup: only one without "
                      "any may have children with limits; move them",
                      "enable controllers in the cgroup that we see as root");
    if (error == EOPNOTSUPP)
        die_with_hint("cgroup.type: it shares out the threads of its own "
                      "processes; start the demo from another one",
                      "make a cgroup in the cgroup that we see as root");
    die("enable the controllers for the limits");
}

/* The nearest cgroup, from our own upwards, that can have limited children. */
static int find_place(struct container *c)
{
    int dir = open_own_cgroup();
    if (dir == -1 && !c->limits[0].file)
        return -1; /* nothing to limit, nothing to limit it with */
    errno = ENOENT;
    if (dir == -1)
        die_with_hint("cgroup v1 only? Boot with "
                      "systemd.unified_cgroup_hierarchy=1, or use make vm",
                      "find our cgroup v2");
    while (!enable_controllers(c, dir)) {
        int error = errno;
        struct statfs filesystem;
        int up = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (up == -1 || fstatfs(up, &filesystem) == -1 ||
            filesystem.f_type != CGROUP2_SUPER_MAGIC)
            no_place(error);
        close(dir);
        dir = up;
    }
    return dir;
}

/* Remove the cgroup NAME and those that the container may have made in it. */
static int remove_tree(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd == -1 ? NULL : fdopendir(fd);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            (void)remove_tree(fd, entry->d_name); /* ours then fails, too */
    }
    if (directory)
        closedir(directory);
    return unlinkat(dir, name, AT_REMOVEDIR);
}

/*
 * Leave the parent's subtree_control as it was, unless another demo's cgroup
 * is beside ours: it would lose its limits. Left on, they are harmless.
 */
static void disable_controllers(const struct container *c)
{
    bool others = false;
    int fd = openat(c->place_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd == -1 ? NULL : fdopendir(fd);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        others |= strncmp(entry->d_name, "rung-", 5) == 0;
    if (directory)
        closedir(directory);
    if (c->enabled[0] && !others)
        (void)write_file(c->place_fd, "cgroup.subtree_control", c->enabled);
}

/*
 * Remove the cgroup. Only an empty one goes, so kill what is left in it and
 * wait (five seconds at the most) until the kernel says "populated 0", which
 * poll(2) reports as POLLPRI.
 */
static void remove_cgroup(void)
{
    struct container *c = to_undo;
    if (!c)
        return;
    narrate(c, "rmdir(\"%s\")   # rmdir %s", c->cgroup_name, c->cgroup_name);
    (void)write_file(c->cgroup_fd, "cgroup.kill", "1"); /* empty already? */
    struct pollfd events = {.events = POLLPRI};
    events.fd = openat(c->cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    while (!strstr(read_file(c->cgroup_fd, "cgroup.events"), "populated 0") &&
           poll(&events, 1, 5000) > 0)
        (void)!pread(events.fd, &(char){0}, 1, 0); /* until the next change */
    lock_host();
    if (remove_tree(c->place_fd, c->cgroup_name) == -1)
        say("demo: remove the cgroup %s: %s (try scripts/cleanup)",
            c->cgroup_name, strerror(errno));
    disable_controllers(c);
    unlock_host();
}

/*
 * Make a cgroup for the container, write its limits, and have clone3 start
 * the child inside: not one instruction of it runs unlimited. The limits are
 * set by us, outside, in files that it sees read-only at best.
 */
static void make_cgroup(struct container *c)
{
    lock_host();
    c->place_fd = find_place(c);
    if (c->place_fd == -1) {
        unlock_host();
        return;
    }
    const char *name = c->cgroup_name;
    snprintf(c->cgroup_name, sizeof(c->cgroup_name), "rung-%d", getpid());
    narrate(c, "mkdir(\"%s\")   # mkdir /sys/fs/cgroup/...%s", name, name);
    if (mkdirat(c->place_fd, name, 0755) == -1)
        die_with_hint(errno == EEXIST ? "left by a demo that was killed: run "
                                        "scripts/cleanup"
                                      : NULL,
                      "make the cgroup %s", name);
    to_undo = c;
    atexit(remove_cgroup);
    c->cgroup_fd =
        openat(c->place_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (c->cgroup_fd == -1)
        die("open the cgroup %s", name);
    for (struct limit *limit = c->limits; limit->file; limit++) {
        narrate(c, "write(\"%s\")   # echo '%s' >%s", limit->file, limit->value,
                limit->file);
        if (write_file(c->cgroup_fd, limit->file, limit->value) == -1)
            die("write %s to %s", limit->value, limit->file);
    }
    unlock_host();
    c->clone.flags |= CLONE_INTO_CGROUP;
    c->clone.cgroup = (uint64_t)c->cgroup_fd;
}

/* The number after WORD in a file of the cgroup, such as memory.events. */
static long long cgroup_number(const struct container *c, const char *file,
                               const char *word)
{
    const char *text = read_file(c->cgroup_fd, file);
    for (; text; text = strchr(text, '\n'), text += text ? 1 : 0) {
        if (strncmp(text, word, strlen(word)) == 0)
            return strtoll(text + strlen(word), NULL, 10);
    }
    return 0;
}

/* What the kernel counted: an OOM kill always, the rest with -v. */
static void report_usage(const struct container *c)
{
    if (!c->cgroup_fd)
        return;
    long long kills = cgroup_number(c, "memory.events", "oom_kill ");
    if (kills > 0)
        say("demo: memory.events: oom_kill %lld", kills);
    narrate(c, "memory.events: max %lld, high %lld   # cat memory.events",
            cgroup_number(c, "memory.events", "max "),
            cgroup_number(c, "memory.events", "high "));
    narrate(c, "pids.events: max %lld   # cat pids.events",
            cgroup_number(c, "pids.events", "max "));
    narrate(c, "cpu.stat: usage_usec %lld, nr_throttled %lld   # cat cpu.stat",
            cgroup_number(c, "cpu.stat", "usage_usec "),
            cgroup_number(c, "cpu.stat", "nr_throttled "));
}

/* Devices, addresses, routes and ports of its own: network_namespaces(7) */
static void want_network_namespace(struct container *c)
{
    c->clone.flags |= CLONE_NEWNET;
}

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
        if (type == IFLA_IFALIAS && (unsigned)link->ifi_index == bridge->index)
            bridge->ours = strcmp(mnl_attr_get_str(attribute), "rung") == 0;
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
    if (bridge.index && ask(request, look_at_link, &bridge) == -1)
        die("look at the bridge %s", c->bridge);
    return bridge;
}

/*
 * A bridge is a switch in the kernel: devices plugged into it reach each
 * other. With the gateway's address it is the host's own port as well. The
 * alias says that it is ours, to remove in the end; a bridge of somebody else
 * we use as it is. The MAC address is fixed, or it would change with each
 * port. ip-link(8)
 */
static void make_bridge(const struct container *c)
{
    char buffer[1024];
    unsigned char mac[6] = {2, 0};
    memcpy(mac + 2, &c->gateway, 4);
    struct nlmsghdr *request = new_link_request(
        buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, c->bridge);
    mnl_attr_put(request, IFLA_ADDRESS, sizeof(mac), mac);
    struct nlattr *info = mnl_attr_nest_start(request, IFLA_LINKINFO);
    mnl_attr_put_strz(request, IFLA_INFO_KIND, "bridge");
    mnl_attr_nest_end(request, info);
    narrate(c, "RTM_NEWLINK bridge   # ip link add %s type bridge", c->bridge);
    if (ask(request, NULL, NULL) == 0) {
        request = new_link_request(buffer, RTM_NEWLINK, 0, c->bridge);
        mnl_attr_put_strz(request, IFLA_IFALIAS, "rung");
        if (ask(request, NULL, NULL) == -1)
            die("mark the bridge %s as ours", c->bridge);
    } else if (errno != EEXIST) {
        die("make the bridge %s", c->bridge);
    }
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
    char name[IFNAMSIZ];
    snprintf(name, sizeof(name), "rung-%08x", ntohl(c->ip.s_addr));
    struct nlmsghdr *request =
        new_link_request(buffer, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name);
    struct ifinfomsg *link = mnl_nlmsg_get_payload(request);
    link->ifi_flags = IFF_UP;
    link->ifi_change = IFF_UP;
    mnl_attr_put_u32(request, IFLA_MASTER, if_nametoindex(c->bridge));
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
            name, c->pid);
    if (ask(request, NULL, NULL) == -1)
        die_with_hint(
            errno == EEXIST ? "another container has that address" : NULL,
            "connect %s to the bridge %s", inet_ntoa(c->ip), c->bridge);
    memcpy(c->veth, name, sizeof(name));
}

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

static const char forward_path[] = "/proc/sys/net/ipv4/ip_forward";

/*
 * The world does not know our subnet. So the host forwards the container's
 * packets, and masquerade puts the host's own address on them. The rule is in
 * a table of our own, whose comment remembers what ip_forward was before.
 */
static void open_nat(const struct container *c)
{
    char command[512];
    char forward = read_file(AT_FDCWD, forward_path)[0];
    struct in_addr subnet = {
        c->ip.s_addr & htonl(UINT32_MAX << (32 - c->prefix)),
    };
    char *table = run_nft("list table ip rung");
    snprintf(command, sizeof(command),
             "add table ip rung { comment \"ip_forward was %c\"; }", forward);
    char *made = table ? NULL : run_nft(command);
    if (!table && !made)
        die_with_hint("has this kernel nftables for IPv4?",
                      "make the nftables table ip rung");
    free(table);
    free(made);
    snprintf(
        command, sizeof(command),
        "add chain ip rung from_%s { type nat hook postrouting priority 100; "
        "}; "
        "flush chain ip rung from_%s; "
        "add rule ip rung from_%s ip saddr %s/%d oifname != \"%s\" masquerade",
        c->bridge, c->bridge, c->bridge, inet_ntoa(subnet), c->prefix,
        c->bridge);
    narrate(c, "libnftables   # nft '%s'", command);
    char *output = run_nft(command);
    if (!output)
        die("set up NAT for %s/%d", inet_ntoa(subnet), c->prefix);
    free(output);
    narrate(c, "write(ip_forward)   # sysctl net.ipv4.ip_forward=1");
    if (write_file(AT_FDCWD, forward_path, "1") == -1)
        die("switch on %s", forward_path);
}

/* The last on this bridge drops its rule; the last rule's end drops it all. */
static void close_nat(const struct container *c)
{
    char command[64];
    char *table = run_nft("list table ip rung");
    if (!table)
        return;
    free(table);
    snprintf(command, sizeof(command), "delete chain ip rung from_%s",
             c->bridge);
    free(run_nft(command));
    table = run_nft("list table ip rung");
    if (table && !strstr(table, "chain ")) {
        if (strstr(table, "ip_forward was 0"))
            (void)write_file(AT_FDCWD, forward_path, "0"); /* NAT is off */
        free(run_nft("delete table ip rung"));
    }
    free(table);
}

static void delete_link(const struct container *c, const char *name)
{
    char buffer[1024];
    narrate(c, "RTM_DELLINK %s   # ip link delete %s", name, name);
    /* With its namespace gone, the cable may be gone already. */
    (void)ask(new_link_request(buffer, RTM_DELLINK, 0, name), NULL, NULL);
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
static void attach_network(struct container *c)
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
    (void)send(c->sync_fd[0], "g", 1, MSG_NOSIGNAL);
}

/*
 * Start the child. It has a copy of all we have, and goes on from here.
 * exit_signal: how we hear that it ended, which fork always sets to SIGCHLD.
 */
static void start(struct container *c)
{
    c->clone.exit_signal = SIGCHLD;
    if (tcgetpgrp(STDIN_FILENO) == getpgrp())
        c->group = getpgrp();
    c->pid = clone3(&c->clone); /* fork(2), with a say in what is new */
    if (c->pid == -1)
        die("start a process");
    if (c->pid == 0)
        child(c);
    narrate(c, "clone3() = %d, my parent is %d   # unshare --pid --fork",
            c->pid, getppid());
}

/* What /proc/PID/status says: the state, and sets of signals. proc(5) */
struct hearing {
    char state; /* R runs, S sleeps until something comes, T is stopped */
    uint64_t blocked; /* kept for later */
    uint64_t handled; /* or ignored */
};

static struct hearing look_at_hearing(pid_t pid)
{
    struct hearing hearing = {0};
    char path[64];
    char line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) {
        if (strncmp(line, "State:\t", 7) == 0)
            hearing.state = line[7];
        if (strncmp(line, "SigBlk:", 7) == 0)
            hearing.blocked = strtoull(line + 7, NULL, 16);
        if (strncmp(line, "SigIgn:", 7) == 0 ||
            strncmp(line, "SigCgt:", 7) == 0)
            hearing.handled |= strtoull(line + 7, NULL, 16);
    }
    if (file)
        fclose(file);
    return hearing;
}

/*
 * Would the child notice this signal? As process 1 it gets only what it has a
 * handler for, or blocks and waits for as we do; the kernel drops the rest:
 * pid_namespaces(7). Whoever waits for a signal sleeps. A shell that is about
 * to fork blocks all for a moment, and hears none: then look again. If it stays
 * so, the key has stopped the child that it waits for in vfork(2).
 */
static bool is_deaf(const struct container *c, int signal)
{
    uint64_t bit = UINT64_C(1) << (signal - 1);
    struct hearing hearing = {0};
    for (int looks = 0; looks < 1000; looks++) {
        hearing = look_at_hearing(c->pid);
        if (hearing.handled & bit)
            return false;
        if (!(hearing.blocked & bit))
            return true;
        if (hearing.state == 'S' || hearing.state == 'T')
            return false;
        usleep(1000);
    }
    return hearing.state == 'D';
}

/*
 * The leader of a session can't leave its group: setpgid(2). If we are one, as
 * the first program of a new terminal is, a child of ours goes in front to hear
 * Ctrl-C and Ctrl-\, and hands them on to us.
 */
static void send_ear(struct container *c)
{
    pid_t parent = getpid();
    c->ear = fork();
    if (c->ear == -1)
        die("fork");
    if (c->ear > 0)
        return;
    close(c->sync_fd[0]); /* the lifeline is the parent's alone */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpgid(0, c->pid); /* fails if the container has just ended */
    while (getppid() == parent) {
        int signal = sigwaitinfo(&c->signals, NULL);
        if (signal == SIGINT || signal == SIGQUIT)
            kill(parent, signal);
    }
    _exit(EXIT_SUCCESS);
}

static void dismiss_ear(struct container *c)
{
    if (!c->ear)
        return;
    kill(c->ear, SIGKILL);
    waitpid(c->ear, NULL, 0);
    c->ear = 0;
}

/* Join the container's group in front, to hear the keys as it does. */
static void share_terminal(struct container *c)
{
    if (!c->group)
        return;
    (void)setpgid(c->pid, c->pid); /* whoever is first, it or us */
    set_foreground(c->pid);
    if (setpgid(0, c->pid) == -1)
        send_ear(c);
}

static void leave_terminal(struct container *c)
{
    if (!c->group)
        return;
    dismiss_ear(c);
    (void)setpgid(0, c->group);
    set_foreground(c->group);
}

/* Ctrl-Z: stop the container, then ourselves, until the caller's fg. */
static void suspend(struct container *c)
{
    leave_terminal(c);
    kill(c->pid, SIGSTOP);
    raise(SIGSTOP);
    share_terminal(c);
    kill(c->group ? -c->pid : c->pid, SIGCONT);
}

/*
 * Hand a signal to the child. A key such as Ctrl-C sends it to all processes
 * in the terminal's foreground, the child among them: don't send it twice.
 */
static void pass_on(const struct container *c, const siginfo_t *info)
{
    int signal = info->si_signo;
    if (is_deaf(c, signal)) {
        narrate(c, "kill(%d, SIGKILL), as it is deaf to signal %d   # kill -9",
                c->pid, signal);
        kill(c->pid, SIGKILL); /* it may be gone already */
        return;
    }
    if (info->si_code == SI_KERNEL)
        return;
    if (c->ear && info->si_pid == c->ear) /* so the child heard it as well */
        return;
    narrate(c, "kill(%d, %d)   # kill -%d %d", c->pid, signal, signal, c->pid);
    kill(c->pid, signal); /* it may be gone already */
}

/* Ask what has become of the child, without waiting: waitpid(2) */
static void collect(struct container *c)
{
    int status = 0;
    while (!c->ended &&
           waitpid(c->pid, &status, WNOHANG | WUNTRACED | WCONTINUED) > 0) {
        if (WIFSTOPPED(status)) {
            narrate(c, "waitpid: stopped by signal %d   # kill -CONT %d",
                    WSTOPSIG(status), c->pid);
        } else if (WIFCONTINUED(status)) {
            narrate(c, "waitpid: continued");
        } else if (WIFSIGNALED(status)) {
            c->status = EXIT_SIGNALLED + WTERMSIG(status);
            c->ended = true;
            narrate(c, "waitpid: killed by signal %d", WTERMSIG(status));
        } else {
            c->status = WEXITSTATUS(status);
            c->ended = true;
            narrate(c, "waitpid: exited with status %d", c->status);
        }
    }
}

/* Sleep until a signal comes; until the child has ended. sigwaitinfo(2) */
static void wait_for_child(struct container *c)
{
    narrate(c, "waitpid(%d)   # wait %d", c->pid, c->pid);
    while (!c->ended) {
        siginfo_t info;
        int signal = sigwaitinfo(&c->signals, &info);
        if (signal == SIGCHLD)
            collect(c);
        else if (signal == SIGTSTP && is_deaf(c, SIGTSTP))
            suspend(c);
        else if (signal > 0)
            pass_on(c, &info);
    }
}

/* ----------------------------------------------------------- command line */

/* One row for each option: getopt_long(3) and --help both read it. */
struct option_row {
    const char *name;
    char letter; /* 0: it has none */
    const char *value; /* what --help calls its value; NULL: it has none */
    void (*apply)(struct container *c, const struct option_row *row,
                  const char *value);
    const char *help;
};

static void set_verbose(struct container *c, const struct option_row *row,
                        const char *value)
{
    (void)row;
    (void)value;
    c->verbose = true;
}

/* A whole number from LEAST to MOST, and nothing after it. */
static long parse_number(const char *option, const char *value, long least,
                         long most)
{
    char *end = NULL;
    long number = isdigit((unsigned char)*value) ? strtol(value, &end, 10) : -1;
    if (!end || *end != '\0' || number < least || number > most)
        usage_error(option, value, "not a number, or out of range");
    return number;
}

static void set_chapter(struct container *c, const struct option_row *row,
                        const char *value)
{
    c->chapter = (int)parse_number(row->name, value, 1, newest_chapter());
}

/* The letters open other namespaces, to look into: namespaces(7) */
static void open_namespace(struct container *c, const struct option_row *row,
                           const char *value)
{
    static const uint64_t flags[] = {
        ['i'] = CLONE_NEWIPC, /* ipc_namespaces(7) */
        ['m'] = CLONE_NEWNS, /* mount_namespaces(7) */
        ['n'] = CLONE_NEWNET, /* network_namespaces(7) */
        ['p'] = CLONE_NEWPID, /* pid_namespaces(7) */
        ['u'] = CLONE_NEWUTS, /* uts_namespaces(7) */
        ['U'] = CLONE_NEWUSER, /* user_namespaces(7) */
        ['C'] = CLONE_NEWCGROUP, /* cgroup_namespaces(7) */
        ['T'] = CLONE_NEWTIME, /* time_namespaces(7) */
    };
    (void)value;
    c->clone.flags |= flags[(unsigned char)row->letter];
}

static void set_name(struct container *c, const struct option_row *row,
                     const char *value)
{
    if (strlen(value) < 1 || strlen(value) > 64)
        usage_error(row->name, value, "must have 1 to 64 characters");
    if (!isalnum((unsigned char)*value) || !is_made_of(value, "-."))
        usage_error(row->name, value, "only letters, digits, - and .");
    c->hostname = value;
}

static void set_root(struct container *c, const struct option_row *row,
                     const char *value)
{
    if (!*value)
        usage_error(row->name, value, "needs a directory");
    c->root_path = value;
}

/* The safeguards that can be left out, and what breaks then. */
static const struct {
    const char *word;
    const char *breaks;
} safeguards[] = {
    {"private", "its mounts appear in the host's as well"},
    {"pivot", "it gets a chroot, from which root can escape"},
    {"swap-limit", "it swaps instead of being killed"},
    {"handshake", "it starts before its network is there"},
};

static void leave_out(struct container *c, const struct option_row *row,
                      const char *value)
{
    size_t count = sizeof(safeguards) / sizeof(*safeguards);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(safeguards[i].word, value) == 0) {
            c->without[i] = value;
            return;
        }
    }
    usage_error(row->name, value, "no such safeguard");
}

/* Note a line for a file of the cgroup; the last one for a file counts. */
static void set_limit(struct container *c, const char *file, const char *value)
{
    struct limit *limit = c->limits;
    while (limit->file && strcmp(limit->file, file) != 0)
        limit++;
    limit->file = file;
    snprintf(limit->value, sizeof(limit->value), "%s", value);
}

/* A size in bytes, with K, M or G for the powers of 1024. */
static void limit_size(struct container *c, const struct option_row *row,
                       const char *value)
{
    static const char units[] = "KMG";
    const char *file = strcmp(row->name, "memory") == 0 ? "memory.max"
                       : strcmp(row->name, "swap") == 0 ? "memory.swap.max"
                                                        : "memory.high";
    char text[32];
    char *end = NULL;
    errno = 0;
    long long size =
        isdigit((unsigned char)*value) ? strtoll(value, &end, 10) : -1;
    const char *unit = end && *end ? strchr(units, *end) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    if (!end || end[unit ? 1 : 0] != '\0' || errno || size >> (62 - shift))
        usage_error(row->name, value, "not a size (such as 50M or 1G)");
    snprintf(text, sizeof(text), "%lld", size << shift);
    set_limit(c, file, text);
}

static void limit_pids(struct container *c, const struct option_row *row,
                       const char *value)
{
    (void)parse_number(row->name, value, 1, 4194304);
    set_limit(c, "pids.max", value);
}

/* So many microseconds in each period of 100000, over all processors. */
static void limit_cpus(struct container *c, const struct option_row *row,
                       const char *value)
{
    char text[32];
    char *end = NULL;
    double cpus = strspn(value, "0123456789.") ? strtod(value, &end) : 0;
    if (!end || *end != '\0' || strchr(value, 'x') || cpus < 0.01 ||
        cpus > 8192)
        usage_error(row->name, value, "not a number from 0.01 to 8192");
    snprintf(text, sizeof(text), "%ld 100000", (long)(cpus * 100000));
    set_limit(c, "cpu.max", text);
}

/* A limit that memory can escape into swap is none: allow no swap, then. */
static void default_swap(struct container *c)
{
    bool memory = false;
    for (struct limit *limit = c->limits; limit->file; limit++) {
        if (strcmp(limit->file, "memory.swap.max") == 0)
            return;
        memory |= strcmp(limit->file, "memory.max") == 0;
    }
    if (memory && !without(c, "swap-limit"))
        set_limit(c, "memory.swap.max", "0");
}

/* ADDRESS/LEN: the container's address, and how long its subnet's part is. */
static void set_ip(struct container *c, const struct option_row *row,
                   const char *value)
{
    char address[INET_ADDRSTRLEN];
    char rest;
    if (sscanf(value, "%15[0-9.]/%2d%c", address, &c->prefix, &rest) != 2 ||
        strpbrk(value, "+- ") || inet_pton(AF_INET, address, &c->ip) != 1 ||
        c->prefix < 8 || c->prefix > 30)
        usage_error(row->name, value, "not like 10.240.0.2/24 (8 to 30 bits)");
    uint32_t ip = ntohl(c->ip.s_addr);
    uint32_t hosts = UINT32_MAX >> c->prefix;
    c->gateway.s_addr = htonl((ip & ~hosts) + 1);
    if ((ip & hosts) <= 1 || (ip & hosts) == hosts || ip >> 24 == 0 ||
        ip >> 24 == 127 || ip >> 24 >= 224)
        usage_error(row->name, value, "the bridge's address, or nobody's");
}

static void set_bridge(struct container *c, const struct option_row *row,
                       const char *value)
{
    if (!isalpha((unsigned char)*value) || strlen(value) >= IFNAMSIZ ||
        !is_made_of(value, "-_"))
        usage_error(row->name, value, "not 1 to 15 letters, digits, - and _");
    c->bridge = value;
}

static void set_nat(struct container *c, const struct option_row *row,
                    const char *value)
{
    (void)row;
    (void)value;
    c->nat = true;
}

static const struct option_row rows[] = {
    {"help", 'h', NULL, NULL, "print this help"},
    {"verbose", 'v', NULL, set_verbose, "narrate each kernel call"},
    {"chapter", 0, "N", set_chapter, "demonstrate chapter N, not the newest"},
    {"ipc", 'i', NULL, open_namespace, "open a new IPC namespace"},
    {"mount", 'm', NULL, open_namespace, "open a new mount namespace"},
    {"net", 'n', NULL, open_namespace, "open a new network namespace"},
    {"pid", 'p', NULL, open_namespace, "open a new PID namespace (always)"},
    {"uts", 'u', NULL, open_namespace, "open a new UTS namespace"},
    {"user", 'U', NULL, open_namespace, "open a new user namespace"},
    {"cgroup", 'C', NULL, open_namespace, "open a new cgroup namespace"},
    {"time", 'T', NULL, open_namespace, "open a new time namespace"},
    {"hostname", 0, "NAME", set_name, "its hostname (default: container)"},
    {"rootfs", 0, "DIR", set_root, "what becomes its / (build/rootfs)"},
    {"without", 0, "WORD", leave_out, "leave out a safeguard (below)"},
    {"memory", 0, "SIZE", limit_size, "limit its memory (50M); no swap then"},
    {"memory-high", 0, "SIZE", limit_size, "slow it down from there on"},
    {"swap", 0, "SIZE", limit_size, "limit its swap"},
    {"pids", 0, "N", limit_pids, "limit its number of processes"},
    {"cpus", 0, "N", limit_cpus, "limit its processor time (0.5: half of one)"},
    {"ip", 0, "ADDRESS/LEN", set_ip, "its address (10.240.0.2/24)"},
    {"bridge", 0, "NAME", set_bridge, "the bridge to join (default: rung0)"},
    {"nat", 0, NULL, set_nat, "with --ip: let it out into the world"},
};

enum {
    ROWS = sizeof(rows) / sizeof(*rows),
    LONG_OPTION = 256, /* plus the row: what getopt_long returns for a name */
};

__attribute__((noreturn)) static void print_help(void)
{
    puts("usage: demo [options] [--] [command [argument...]]\n"
         "Run a command in the container built so far; without a command,\n"
         "demonstrate the chapter's kernel feature.\n");
    for (int i = 0; i < ROWS; i++) {
        const char *value = rows[i].value ? rows[i].value : "";
        printf(rows[i].letter ? "  -%c," : "     ", rows[i].letter);
        printf(" --%s %-*s %s\n", rows[i].name, 22 - (int)strlen(rows[i].name),
               value, rows[i].help);
    }
    puts("\nSafeguards that --without leaves out:");
    for (size_t i = 0; i < sizeof(safeguards) / sizeof(*safeguards); i++)
        printf("  %-12s%s\n", safeguards[i].word, safeguards[i].breaks);
    puts(
        "\nExit status: the command's own; 128+N: killed by signal N;\n"
        "127: not found; 126: cannot execute; 125: the demo failed; 2: usage.");
    exit(EXIT_SUCCESS);
}

/* The row that getopt_long means; NULL: it has printed an error. */
static const struct option_row *find_row(int option)
{
    for (int i = 0; i < ROWS; i++) {
        if (option == LONG_OPTION + i || option == rows[i].letter)
            return &rows[i];
    }
    return NULL;
}

/* Fill in the container: the defaults, then what the command line says. */
static void parse_options(struct container *c, int argc, char **argv)
{
    struct option options[ROWS + 1] = {0};
    char letters[ROWS + 2] = "+"; /* options end where the command begins */
    char *letter = letters + 1;
    int option;
    for (int i = 0; i < ROWS; i++) {
        options[i].name = rows[i].name;
        options[i].has_arg = rows[i].value ? required_argument : no_argument;
        options[i].val = LONG_OPTION + i;
        if (rows[i].letter)
            *letter++ = rows[i].letter;
    }
    c->hostname = "container";
    c->root_path = "build/rootfs";
    c->bridge = "rung0";
    argv[0] = "demo"; /* what getopt_long calls us in its errors */
    while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        const struct option_row *row = find_row(option);
        if (!row)
            exit(EXIT_USAGE);
        if (!row->apply)
            print_help();
        row->apply(c, row, optarg);
    }
    if (c->clone.flags & CLONE_NEWUSER)
        usage_error("user", "", "its own root file system needs real root");
    default_swap(c);
    if (c->nat && !c->ip.s_addr)
        usage_error("nat", "", "needs --ip");
    c->argv = argv + optind;
}

/* ------------------------------------------------------------------- main */

/* What the parent does while the child is, or becomes, the container. */
static void parent(struct container *c)
{
    attach_network(c);
    share_terminal(c);
    wait_for_child(c);
    leave_terminal(c);
    report_usage(c);
}

int main(int argc, char **argv)
{
    static struct container container; /* zeroed, and there to the very end */
    parse_options(&container, argc, argv);
    if (!container.argv[0])
        return demonstrate(container.chapter);
    block_signals(&container);
    make_lifeline(&container);
    want_pid_namespace(&container);
    want_uts_namespace(&container);
    want_mount_namespace(&container);
    sacrifice_mount_namespace(&container);
    want_network_namespace(&container);
    make_cgroup(&container);
    start(&container);
    parent(&container);
    return container.status;
}
