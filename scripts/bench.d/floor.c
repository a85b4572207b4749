/*
 * floor.c - the least that the default container takes, and nothing else.
 *
 *   floor ROOT COMMAND...   run it in the container that `rung spec` describes
 *   floor [wait]            do nothing, or wait: what runs in the containers
 *
 * No options, no configuration, no state, no undo, and hardly a message: what
 * this takes, no runtime can save. scripts/bench measures all others by it.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A check that names the line: this program has no better errors. */
#define MUST(call) \
    do { \
        if ((call) == -1) { \
            perror(#call); \
            _exit(125); \
        } \
    } while (0)

/* --- the cgroup, with its device filter --- */

#define LOAD(to, field) \
    { \
        .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = (to), \
        .src_reg = BPF_REG_1, \
        .off = offsetof(struct bpf_cgroup_dev_ctx, field) \
    }
#define JUMP(test, left, number, over) \
    { \
        .code = BPF_JMP | (test) | BPF_K, .dst_reg = (left), .off = (over), \
        .imm = (number) \
    }
#define SET(to, number) \
    { \
        .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (to), .imm = (number) \
    }
#define EXIT \
    { \
        .code = BPF_JMP | BPF_EXIT \
    }

/* c 1:3 1:5 1:7 1:8 1:9, 5:0 5:2, 136:*; r0 is the answer. */
static const struct bpf_insn DEVICES[] = {
    LOAD(BPF_REG_2, access_type),
    {.code = BPF_ALU64 | BPF_AND | BPF_K, .dst_reg = BPF_REG_2, .imm = 0xffff},
    LOAD(BPF_REG_3, major),
    LOAD(BPF_REG_4, minor),
    SET(BPF_REG_0, 1),
    JUMP(BPF_JNE, BPF_REG_2, BPF_DEVCG_DEV_CHAR, 12),
    JUMP(BPF_JEQ, BPF_REG_3, 136, 12),
    JUMP(BPF_JEQ, BPF_REG_3, 5, 7),
    JUMP(BPF_JNE, BPF_REG_3, 1, 9),
    JUMP(BPF_JEQ, BPF_REG_4, 3, 9),
    JUMP(BPF_JEQ, BPF_REG_4, 5, 8),
    JUMP(BPF_JEQ, BPF_REG_4, 7, 7),
    JUMP(BPF_JEQ, BPF_REG_4, 8, 6),
    JUMP(BPF_JEQ, BPF_REG_4, 9, 5),
    JUMP(BPF_JA, 0, 0, 3),
    JUMP(BPF_JEQ, BPF_REG_4, 0, 3),
    JUMP(BPF_JEQ, BPF_REG_4, 2, 2),
    JUMP(BPF_JA, 0, 0, 0),
    SET(BPF_REG_0, 0),
    EXIT,
};

static int make_cgroup(const char *path)
{
    MUST(mkdir(path, 0755));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST(fd);
    union bpf_attr load = {
        .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
        .insns = (uintptr_t)DEVICES,
        .insn_cnt = COUNT(DEVICES),
        .license = (uintptr_t) "MIT",
    };
    int filter = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
    MUST(filter);
    union bpf_attr attach = {
        .target_fd = (uint32_t)fd,
        .attach_bpf_fd = (uint32_t)filter,
        .attach_type = BPF_CGROUP_DEVICE,
        .attach_flags = BPF_F_ALLOW_MULTI,
    };
    MUST(syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)));
    return fd;
}

/* --- the child's part --- */

static void open_lo(void)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    MUST(fd);
    MUST(ioctl(fd, SIOCSIFFLAGS, &lo));
    close(fd);
}

/* (The working directory is the root file system.) */
static void mount_all(void)
{
    enum {
        USUAL = MS_NOSUID | MS_NOEXEC | MS_NODEV
    };
    MUST(mount("proc", "proc", "proc", USUAL, NULL));
    MUST(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC,
               "mode=755,size=64k"));
    MUST(mkdir("dev/pts", 0755));
    MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
               "newinstance,ptmxmode=0666,mode=0620,gid=5"));
    MUST(mkdir("dev/shm", 0755));
    MUST(mount("shm", "dev/shm", "tmpfs", USUAL, "mode=1777,size=64m"));
    MUST(mkdir("dev/mqueue", 0755));
    MUST(mount("mqueue", "dev/mqueue", "mqueue", USUAL, NULL));
    MUST(mount("sysfs", "sys", "sysfs", USUAL | MS_RDONLY, NULL));
    MUST(mount("cgroup", "sys/fs/cgroup", "cgroup2", USUAL | MS_RDONLY, NULL));
}

static void make_devices(void)
{
    static const struct {
        const char *path;
        unsigned int major, minor;
    } nodes[] = {
        {"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
        {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0},
    };
    (void)umask(0);
    for (size_t i = 0; i < COUNT(nodes); i++)
        MUST(mknod(nodes[i].path, S_IFCHR | 0666,
                   makedev(nodes[i].major, nodes[i].minor)));
    (void)umask(022);
    MUST(symlink("pts/ptmx", "dev/ptmx"));
    MUST(symlink("/proc/self/fd", "dev/fd"));
    MUST(symlink("/proc/self/fd/0", "dev/stdin"));
    MUST(symlink("/proc/self/fd/1", "dev/stdout"));
    MUST(symlink("/proc/self/fd/2", "dev/stderr"));
}

/* What is not there need not be hidden. One empty file system serves all the
 * directories, and /dev/null all the files. */
static void hide(void)
{
    static const char *const masked[] = {
        "proc/acpi",        "proc/asound",
        "proc/interrupts",  "proc/kcore",
        "proc/keys",        "proc/latency_stats",
        "proc/sched_debug", "proc/scsi",
        "proc/timer_list",  "proc/timer_stats",
        "sys/firmware",     "sys/fs/selinux",
        "sys/dev/block",    "sys/devices/virtual/powercap",
    };
    static const char *const read_only[] = {
        "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger",
    };
    struct stat info;
    const char *empty = NULL;
    for (size_t i = 0; i < COUNT(masked); i++) {
        if (stat(masked[i], &info) == -1)
            continue;
        if (!S_ISDIR(info.st_mode)) {
            MUST(mount("dev/null", masked[i], NULL, MS_BIND, NULL));
        } else if (empty) {
            MUST(mount(empty, masked[i], NULL, MS_BIND, NULL));
        } else {
            MUST(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, "size=0"));
            empty = masked[i];
        }
    }
    for (size_t i = 0; i < COUNT(read_only); i++) {
        const char *path = read_only[i];
        if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) == 0)
            MUST(mount(NULL, path, NULL,
                       MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID |
                           MS_NOEXEC | MS_NODEV,
                       NULL));
    }
}

static void enter_root(void)
{
    MUST(syscall(SYS_pivot_root, ".", "."));
    MUST(umount2(".", MNT_DETACH));
    MUST(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    MUST(chdir("/"));
}

static void drop_privileges(void)
{
    const uint32_t kept =
        1U << CAP_AUDIT_WRITE | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE;
    struct rlimit files = {1024, 1024};
    MUST(setrlimit(RLIMIT_NOFILE, &files));
    for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++) {
        if (cap > 31 || !(kept >> cap & 1))
            MUST(prctl(PR_CAPBSET_DROP, cap));
    }
    MUST(syscall(SYS_setgroups, 0, NULL));
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {
        {.effective = kept, .permitted = kept},
    };
    MUST(syscall(SYS_capset, &header, data));
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void child(char **argv)
{
    MUST(prctl(PR_SET_PDEATHSIG, SIGKILL));
    MUST(prctl(PR_SET_DUMPABLE, 0));
    MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    MUST(setsid());
    MUST(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL));
    open_lo();
    MUST(sethostname("rung", 4));
    MUST(mount(argv[1], argv[1], NULL, MS_BIND | MS_REC, NULL));
    MUST(chdir(argv[1]));
    mount_all();
    make_devices();
    hide();
    enter_root();
    MUST(syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC));
    drop_privileges();
    execv(argv[2], argv + 2);
    perror(argv[2]);
    _exit(127);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        pause();
    if (argc < 3)
        return 0;
    char cgroup[64];
    snprintf(cgroup, sizeof(cgroup), "/sys/fs/cgroup/rung-floor-%d", getpid());
    struct clone_args args = {
        .flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                 CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_INTO_CGROUP,
        .exit_signal = SIGCHLD,
        .cgroup = (uint64_t)make_cgroup(cgroup),
    };
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    MUST(pid);
    if (pid == 0)
        child(argv);
    int status;
    MUST(waitpid(pid, &status, 0));
    MUST(rmdir(cgroup));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
