/*
 * seccomp_default.c - the system calls of the default filter.
 *
 * What an ordinary program may need, in the spirit of the list that podman and
 * docker use. Those in REFUSED_CALLS answer EPERM: they reach deep into the
 * kernel or need a capability that the default set lacks. All others, such as
 * those of a newer kernel, answer ENOSYS, as on an old one; so programs fall
 * back to an older call. Among those that are nowhere here:
 *
 *   io_uring_*   does other calls' work behind the filter's back
 *   clone3       its flags are in memory, where no filter can look
 *
 * The list is the same whatever --cap-add gives: who wants to mount inside
 * says --cap-add SYS_ADMIN --seccomp unconfined, and means it.
 *
 * clone, personality, socket and ioctl have conditions: see seccomp.c.
 */
#include <stddef.h>

#include "seccomp.h"

const char ALLOWED_CALLS[] =
    "_llseek _newselect accept accept4 access adjtimex alarm arch_prctl "
    "arm_fadvise64_64 arm_sync_file_range bind breakpoint brk cacheflush "
    "cachestat capget capset chdir chmod chown chown32 chroot clock_adjtime "
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
    "io_setup io_submit ioprio_get ioprio_set ipc kcmp kill "
    "landlock_add_rule landlock_create_ruleset landlock_restrict_self "
    "lchown lchown32 lgetxattr link linkat listen listxattr listxattrat "
    "llistxattr lremovexattr lseek lsetxattr lstat lstat64 madvise "
    "map_shadow_stack mbind membarrier memfd_create memfd_secret mincore "
    "mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 "
    "modify_ldt mprotect mq_getsetattr mq_notify mq_open mq_timedreceive "
    "mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink "
    "mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall "
    "munmap name_to_handle_at nanosleep newfstatat open openat openat2 "
    "pause pidfd_getfd pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc "
    "pkey_free pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv "
    "preadv2 prlimit64 process_madvise process_mrelease process_vm_readv "
    "process_vm_writev pselect6 pselect6_time64 ptrace pwrite64 pwritev "
    "pwritev2 read readahead readlink readlinkat readv recv recvfrom "
    "recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr "
    "removexattrat rename renameat renameat2 restart_syscall "
    "riscv_flush_icache rmdir rseq rt_sigaction rt_sigpending "
    "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
    "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
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
    "shmget shutdown sigaltstack signal signalfd signalfd4 sigpending "
    "sigprocmask sigreturn sigsuspend socketcall socketpair splice stat "
    "stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range "
    "sync_file_range2 syncfs sysinfo tee tgkill time timer_create "
    "timer_delete timer_getoverrun timer_gettime timer_gettime64 "
    "timer_settime timer_settime64 timerfd_create timerfd_gettime "
    "timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill "
    "truncate truncate64 ugetrlimit umask uname unlink unlinkat uretprobe "
    "utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid "
    "waitpid write writev";

const char REFUSED_CALLS[] =
    "acct add_key bpf clock_settime clock_settime64 delete_module "
    "fanotify_init fanotify_mark finit_module fsconfig fsmount fsopen "
    "fspick init_module ioperm iopl kexec_file_load kexec_load keyctl "
    "lookup_dcookie migrate_pages mount mount_setattr move_mount move_pages "
    "open_by_handle_at open_tree perf_event_open pivot_root quotactl "
    "quotactl_fd reboot request_key setdomainname sethostname setns "
    "settimeofday stime swapoff swapon syslog umount umount2 unshare "
    "userfaultfd vhangup";
