/*
 * default.c - the default filter of system calls.
 *
 * What an ordinary program may need, in the spirit of the list that podman and
 * docker use, and what a capability is good for, if the container may have it.
 * Calls that lack their capability answer EPERM. All others, such as those of
 * a newer kernel, answer ENOSYS, as on an old one; so programs fall back to an
 * older call. Among those that are nowhere here:
 *
 *   io_uring_*   does other calls' work behind the filter's back
 *   clone3       its flags are in memory, where no filter can look
 *
 * No architecture but the machine's own is let in: a 32-bit call on a 64-bit
 * machine has other numbers. Part of seccomp.c.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "seccomp/parts.h"

/* Names of system calls, with a space between. */
static const char ALLOWED[] =
    "_llseek _newselect accept accept4 access adjtimex alarm arch_prctl "
    "arm_fadvise64_64 arm_sync_file_range bind breakpoint brk cacheflush "
    "cachestat capget capset chdir chmod chown chown32 clock_adjtime "
    "clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 close "
    "close_range connect copy_file_range creat dup dup2 dup3 epoll_create "
    "epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 "
    "epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit "
    "exit_group faccessat faccessat2 fadvise64 fadvise64_64 fallocate "
    "fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl "
    "fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr "
    "fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate "
    "ftruncate64 futex futex_requeue futex_time64 futex_wait futex_waitv "
    "futex_wake futimesat get_mempolicy get_robust_list get_thread_area "
    "getcpu getcwd getdents getdents64 getegid getegid32 geteuid geteuid32 "
    "getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid "
    "getpgrp getpid getppid getpriority getrandom getresgid getresgid32 "
    "getresuid getresuid32 getrlimit getrusage getsid getsockname "
    "getsockopt gettid gettimeofday getuid getuid32 getxattr getxattrat "
    "inotify_add_watch inotify_init inotify_init1 inotify_rm_watch "
    "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 "
    "io_setup io_submit ioprio_get ioprio_set ipc kill landlock_add_rule "
    "landlock_create_ruleset landlock_restrict_self lchown lchown32 "
    "lgetxattr link linkat listen listxattr listxattrat llistxattr "
    "lremovexattr lseek lsetxattr lstat lstat64 madvise map_shadow_stack "
    "mbind membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod "
    "mknodat mlock mlock2 mlockall mmap mmap2 modify_ldt mprotect "
    "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 "
    "mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget "
    "msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at "
    "nanosleep newfstatat open openat openat2 pause pidfd_open "
    "pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll "
    "ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 "
    "process_mrelease process_vm_readv process_vm_writev pselect6 "
    "pselect6_time64 ptrace pwrite64 pwritev pwritev2 read readahead "
    "readlink readlinkat readv recv recvfrom recvmmsg recvmmsg_time64 "
    "recvmsg remap_file_pages removexattr removexattrat rename renameat "
    "renameat2 restart_syscall riscv_flush_icache rmdir rseq rt_sigaction "
    "rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn "
    "rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
    "sched_get_priority_max sched_get_priority_min sched_getaffinity "
    "sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval "
    "sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
    "sched_setparam sched_setscheduler sched_yield seccomp select semctl "
    "semget semop semtimedop semtimedop_time64 send sendfile sendfile64 "
    "sendmmsg sendmsg sendto set_mempolicy set_mempolicy_home_node "
    "set_robust_list set_thread_area set_tid_address set_tls setfsgid "
    "setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 "
    "setitimer setpgid setpriority setregid setregid32 setresgid "
    "setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid "
    "setsockopt setuid setuid32 setxattr setxattrat shmat shmctl shmdt "
    "shmget shutdown sigaction sigaltstack signal signalfd signalfd4 "
    "sigpending sigprocmask sigreturn sigsuspend socketcall socketpair "
    "splice stat stat64 statfs statfs64 statx symlink symlinkat sync "
    "sync_file_range sync_file_range2 syncfs sysinfo tee tgkill time "
    "timer_create timer_delete timer_getoverrun timer_gettime "
    "timer_gettime64 timer_settime timer_settime64 timerfd_create "
    "timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 "
    "times tkill truncate truncate64 ugetrlimit umask uname unlink unlinkat "
    "uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 "
    "waitid waitpid write writev";

/* No container's. */
static const char REFUSED[] = "add_key keyctl request_key userfaultfd";

static const struct {
    int capability;
    const char *calls;
} PRIVILEGED[] = {
    {CAP_SYS_ADMIN,
     "bpf fanotify_init fanotify_mark fsconfig fsmount fsopen fspick "
     "lookup_dcookie mount mount_setattr move_mount open_tree "
     "perf_event_open pivot_root quotactl quotactl_fd setdomainname "
     "sethostname setns swapoff swapon syslog umount umount2 unshare"},
    {CAP_BPF, "bpf"},
    {CAP_DAC_READ_SEARCH, "open_by_handle_at"},
    {CAP_PERFMON, "perf_event_open"},
    {CAP_SYSLOG, "syslog"},
    {CAP_SYS_BOOT, "kexec_file_load kexec_load reboot"},
    {CAP_SYS_CHROOT, "chroot"},
    {CAP_SYS_MODULE, "delete_module finit_module init_module"},
    {CAP_SYS_NICE, "migrate_pages move_pages"},
    {CAP_SYS_PACCT, "acct"},
    {CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise"},
    {CAP_SYS_RAWIO, "ioperm iopl"},
    {CAP_SYS_TIME, "clock_settime clock_settime64 settimeofday stime"},
    {CAP_SYS_TTY_CONFIG, "vhangup"},
};

static void add_rules(struct filter *f, uint32_t action, const char *names)
{
    CLEANUP(free_string) char *copy = copy_string(names);
    for (char *rest = copy, *name; (name = strsep(&rest, " "));)
        seccomp_add_rule(f, action, name, NULL, 0);
}

static void allow_if(struct filter *f, const char *name,
                     struct scmp_arg_cmp condition)
{
    seccomp_add_rule(f, SCMP_ACT_ALLOW, name, &condition, 1);
}

/*
 * Some calls depend on their arguments. The filter sees numbers, never what a
 * pointer points at.
 */
static void add_conditional_rules(struct filter *f)
{
    static const unsigned int personalities[] = {
        PER_LINUX, PER_LINUX32, UNAME26, PER_LINUX32 | UNAME26, 0xffffffff,
    };
    for (size_t i = 0; i < ARRAY_SIZE(personalities); i++)
        allow_if(f, "personality", SCMP_A0_64(SCMP_CMP_EQ, personalities[i]));

    /* No family that few use: vsock, for one, reaches the hypervisor. */
    static const unsigned int families[] = {
        AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET,
    };
    for (size_t i = 0; i < ARRAY_SIZE(families); i++)
        allow_if(f, "socket", SCMP_A0_64(SCMP_CMP_EQ, families[i]));

    /* No new namespaces: in a user namespace of his own anybody is root. */
    const uint64_t new_namespaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
                                    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
                                    CLONE_NEWCGROUP;
    allow_if(f, "clone", SCMP_A0_64(SCMP_CMP_MASKED_EQ, new_namespaces, 0));

    /* TIOCSTI types into a terminal as if its user did. The kernel takes 32
     * bits of it, so whoever sets others means it too. */
    struct scmp_arg_cmp tiocsti =
        SCMP_A1_64(SCMP_CMP_MASKED_EQ, UINT32_MAX, TIOCSTI);
    seccomp_add_rule(f, SCMP_ACT_ERRNO(EPERM), "ioctl", &tiocsti, 1);
    add_rules(f, SCMP_ACT_ALLOW, "ioctl");
}

/* The kernel's audit log is for those who may write to it. The kernel takes 32
 * bits of both. */
static void refuse_audit(struct filter *f)
{
    struct scmp_arg_cmp audit[] = {
        SCMP_A0_64(SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_NETLINK),
        SCMP_A2_64(SCMP_CMP_MASKED_EQ, UINT32_MAX, NETLINK_AUDIT),
    };
    seccomp_add_rule(f, SCMP_ACT_ERRNO(EINVAL), "socket", audit, 2);
}

/* Of two rules for one call the first counts, so all that is given comes
 * before what is refused. */
void seccomp_make_default(struct filter *f, uint64_t capabilities)
{
    f->default_action = SCMP_ACT_ERRNO(ENOSYS);
    f->newer_action = f->default_action;
    add_rules(f, SCMP_ACT_ALLOW, ALLOWED);
    for (size_t i = 0; i < ARRAY_SIZE(PRIVILEGED); i++) {
        if (capabilities >> PRIVILEGED[i].capability & 1)
            add_rules(f, SCMP_ACT_ALLOW, PRIVILEGED[i].calls);
    }
    /* Their flags make namespaces. Who may not gets ENOSYS for clone3, whatever
     * the flags are: the C library then tries clone. */
    if (capabilities >> CAP_SYS_ADMIN & 1)
        add_rules(f, SCMP_ACT_ALLOW, "clone clone3");
    add_conditional_rules(f);
    if (!(capabilities >> CAP_AUDIT_WRITE & 1))
        refuse_audit(f);
    for (size_t i = 0; i < ARRAY_SIZE(PRIVILEGED); i++)
        add_rules(f, SCMP_ACT_ERRNO(EPERM), PRIVILEGED[i].calls);
    add_rules(f, SCMP_ACT_ERRNO(EPERM), REFUSED);
}
