#!/usr/bin/env bats
#
# What a hostile container must not be able to do, and what holds it back.
#
# bats file_tags=step07,security
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() { requires root rootfs; }

# start_ready FLAGS...: a container that sleeps; $pid is its process 1.
start_ready() {
    start_demo "$@" sh -c 'echo ready; exec sleep 100'
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
}

# compile FILE: a static program from standard input, to run in any root.
compile() {
    gcc -x c -std=gnu17 -static -O1 -o "$1" -
}

# Nearly as much as the host's root may. (Not ALL: the root of a cloud machine may lack some itself.)
most=(--cap-add SYS_ADMIN --cap-add SYS_PTRACE --cap-add NET_ADMIN --cap-add MKNOD --cap-add DAC_READ_SEARCH
    --cap-add SYS_MODULE --cap-add SYS_RAWIO --cap-add SYSLOG --cap-add SYS_BOOT)

# refused: the command ran, and could not do it.
refused() {
    ((status != 0 && status != 125 && status != 127)) || fail "status is $status"
}

# --- Capabilities ---

# The documented set: CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP.
DEFAULT_CAPABILITIES=00000000800405fb

# points: 10
# needs: nothing
# chapter: The same, made robust
# hint: /proc/PID/status shows five sets. Which of them is too large, and who left it so?
# hint: capabilities(7): bounding, effective, permitted, inheritable, ambient; capset(2), prctl(2) PR_CAPBSET_DROP.
# hint: capabilities_drop_bounding first, then capabilities_set with all the others: process/capabilities.c.
# bats test_tags=lesson
@test "the default capabilities are the documented ones, in every set" {
    start_ready
    [[ $(status_field "$pid" CapBnd) == "$DEFAULT_CAPABILITIES" ]]
    [[ $(status_field "$pid" CapEff) == "$DEFAULT_CAPABILITIES" ]]
    [[ $(status_field "$pid" CapPrm) == "$DEFAULT_CAPABILITIES" ]]
    [[ $(status_field "$pid" CapInh) == 0000000000000000 ]]
    [[ $(status_field "$pid" CapAmb) == 0000000000000000 ]]
}

# hint: NET_RAW is bit 13. Is it missing in one of the sets, or are others still there?
# hint: capabilities(7); capsh(1) --decode=2000.
# hint: edit_cap_drop empties all the lists of process.capabilities, edit_cap_add adds to bounding, effective and
#   permitted.
@test "--cap-drop ALL leaves none, and --cap-add gives one back" {
    start_ready --cap-drop ALL
    [[ $(status_field "$pid" CapBnd) == 0000000000000000 ]]
    [[ $(status_field "$pid" CapEff) == 0000000000000000 ]]
    start_ready --cap-drop ALL --cap-add NET_RAW
    [[ $(status_field "$pid" CapBnd) == 0000000000002000 ]]
    [[ $(status_field "$pid" CapEff) == 0000000000002000 ]]
}

# hint: net_raw, CAP_KILL, Chown: what do the three spellings have in common?
# hint: cap_from_name(3) knows one spelling; toupper(3).
# hint: capability_name in flags of edits: upper case, with "CAP_" before it.
@test "--cap-add and --cap-drop change the default set, in any spelling" {
    start_ready --cap-add net_raw --cap-drop CAP_KILL --cap-drop Chown
    # Bit 13 added, bits 5 and 0 removed.
    [[ $(status_field "$pid" CapBnd) == 00000000800425da ]]
    [[ $(status_field "$pid" CapEff) == 00000000800425da ]]
}

# hint: The file gives CAP_SYS_ADMIN to whoever executes it. What is the limit to that?
# hint: capabilities(7), "Transformation of capabilities during execve": the bounding set. And no_new_privs.
# hint: PR_CAPBSET_DROP for each one that is not listed: capabilities_drop_bounding.
@test "a program with file capabilities gets no more than the bounding set" {
    make_own_root
    compile "$root/chown" <<'END'
#include <unistd.h>
int main(void) { return sethostname("x", 1) ? 1 : 0; }
END
    setcap cap_sys_admin+ep "$root/chown" || skip 'this file system has no file capabilities'
    demo /chown
    refused
}

# hint: SYS_TIME was asked for, and you have not got it yourself. Is that an error for the specification?
# hint: config.md, "capabilities": what can't be granted is a warning; capget(2).
# hint: fit_capabilities: what is not in our own bounding set is taken out, with a word about it.
@test "a capability that the runtime lacks itself is a warning, and the rest is given" {
    DEMO_WORDS=(setpriv --bounding-set=-sys_time "${DEMO_WORDS[@]}")
    demo --cap-add SYS_TIME --cap-add NET_RAW grep -e CapEff -e CapBnd /proc/self/status
    assert_status 0
    assert_output $'CapEff:\t00000000800425fb\nCapBnd:\t00000000800425fb'
    assert_stderr_like '*sys_time*'
}

# hint: Effective must be among permitted, ambient among permitted and inheritable. What do you do with the others?
# hint: capabilities(7), "Process capability sets"; capset(2), EPERM.
# hint: read_capability_set warns of unknown names, fit_capabilities of what does not fit.
@test "capabilities that nobody knows, or that contradict one another, are warnings" {
    local sets='process.capabilities = {"bounding": ["CAP_KILL", "CAP_NEXT_YEAR"], "permitted": ["CAP_KILL"],
        "effective": ["CAP_KILL", "CAP_CHOWN"], "ambient": ["CAP_KILL"]}'
    bundle "$sets" 'process.args = ["grep", "Cap", "/proc/self/status"]' 'process.user.uid = 1000'
    oci run --bundle "$bundle" c1
    assert_status 0
    assert_stderr_like '*bounding*CAP_NEXT_YEAR*effective*ambient*'
    # Root's programs have what is in the bounding set: nothing is lost.
    bundle "$sets" 'process.args = ["grep", "Cap", "/proc/self/status"]'
    oci run --bundle "$bundle" c1
    assert_status 0
    assert_stderr_like '*bounding*CAP_NEXT_YEAR*effective*'
    [[ $stderr != *ambient* ]]
    assert_output $'CapInh:\t0000000000000000\nCapPrm:\t0000000000000020\nCapEff:\t0000000000000020\nCapBnd:\t0000000000000020\nCapAmb:\t0000000000000000'
}

# hint: Which of these commands worked, and which capability does it need?
# hint: capabilities(7) lists what each allows.
# hint: The default list in commands/defaults.c has neither CAP_SYS_ADMIN nor CAP_NET_ADMIN nor CAP_SYS_TIME.
@test "root inside may not do what the host's root may" {
    demo sh -c 'mount -t tmpfs x /mnt; hostname x; date -s 2000-01-01; mknod /tmp/sda b 8 0; chroot / true && echo chroot'
    assert_output_like '*chroot'
    for command in 'mount -t tmpfs x /mnt' 'hostname other' 'mknod /tmp/sda b 8 0' 'ip link add x type dummy' \
        'umount /proc' 'mount -o remount,rw /sys' 'swapoff -a && dmesg -c'; do
        demo sh -c "$command"
        refused || fail "it may: $command"
    done
}

# --- No new privileges ---

# points: 8
# chapter: The same, made robust
# hint: The line NoNewPrivs in /proc/PID/status says 0. Which call sets it, and when?
# hint: prctl(2): PR_SET_NO_NEW_PRIVS; it survives execve.
# hint: process_no_new_privs in process/process.c, shortly before execve.
# bats test_tags=lesson
@test "NoNewPrivs is set, seen from the host; --new-privs leaves it out" {
    start_ready
    [[ $(status_field "$pid" NoNewPrivs) == 1 ]]
    start_ready --new-privs
    [[ $(status_field "$pid" NoNewPrivs) == 0 ]]
}

# needs: NoNewPrivs is set, seen from the host; --new-privs leaves it out
# hint: The file belongs to root and has the s bit. What keeps execve from granting it?
# hint: execve(2): no_new_privs, and MS_NOSUID.
# hint: process.noNewPrivileges in commands/defaults.c, process_no_new_privs in process/process.c.
@test "a set-user-ID program gives an ordinary user nothing" {
    make_own_root
    compile "$root/who" <<'END'
#include <stdio.h>
#include <unistd.h>
int main(void) { return printf("%d\n", (int)geteuid()) < 0; }
END
    chmod 4755 "$root/who"
    # Where the test works, set-user-ID may be off for all; on an overlay it is on.
    demo --overlay --user 1000 /who
    assert_output 1000
    demo --overlay --user 1000 --new-privs /who
    assert_output 0
}

# --- Seccomp ---

# points: 8
# chapter: The same, made robust
# hint: The line Seccomp should say 2. Was the filter loaded, and in the process that calls execve?
# hint: seccomp(2): SECCOMP_SET_MODE_FILTER; it needs no_new_privs or CAP_SYS_ADMIN.
# hint: seccomp_apply, one of the last calls before execve.
# bats test_tags=lesson
@test "a seccomp filter is on, seen from the host" {
    start_ready
    [[ $(status_field "$pid" Seccomp) == 2 ]]
    [[ $(status_field "$pid" Seccomp_filters) -ge 1 ]]
    start_ready --seccomp unconfined
    [[ $(status_field "$pid" Seccomp) == 0 ]]
}

# calls: a program that makes system calls which an ordinary program never needs; it prints "NAME ERRNO".
calls() {
    compile "$1" <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#define TRY(name, ...) \
    printf("%s %s\n", #name, \
           syscall(SYS_##name, ##__VA_ARGS__) == -1 ? strerrorname_np(errno) : "OK")
int main(void)
{
    TRY(bpf, 0, 0, 0);
    TRY(unshare, 0x10000000 /* CLONE_NEWUSER */);
    TRY(keyctl, 0, -3, 1);
    TRY(add_key, "user", "k", "v", 1, -3);
    TRY(userfaultfd, 0);
    TRY(perf_event_open, 0, 0, 0, 0, 0);
    TRY(io_uring_setup, 1, 0);
    TRY(ptrace, 16 /* PTRACE_ATTACH */, 1, 0, 0);
    TRY(kexec_load, 0, 0, 0, 0);
    TRY(init_module, 0, 0, "");
    TRY(open_by_handle_at, -1, 0, 0);
    TRY(mount, "x", "/mnt", "tmpfs", 0, 0);
    TRY(setns, -1, 0);
    TRY(clone3, 0, 0);
    TRY(pidfd_getfd, -1, 0, 0);
    TRY(kcmp, 0, 0, 0, 0, 0);
    /* The audit log; the kernel takes 32 bits of the protocol. */
    TRY(socket, 16, 3, 9UL | ~0xffffffffUL);
    TRY(getpid);
    return 0;
}
END
}

# needs: a seccomp filter is on, seen from the host
# hint: One of the calls came through, or an ordinary one did not. What is the answer to what is not listed?
# hint: seccomp(2); clone3 must say ENOSYS, so that the C library falls back to clone(2), whose flags a filter can
#   see.
# hint: seccomp_make_default in seccomp/default.c: the list, EPERM by default, ENOSYS for clone3.
@test "calls that no ordinary program needs are blocked, and others are not" {
    make_own_root
    calls "$root/calls"
    demo /calls
    assert_status 0
    [[ $(sed -n 's/^getpid //p' <<<"$output") == OK ]]
    [[ $(sed -n 's/^clone3 //p' <<<"$output") == ENOSYS ]]
    [[ $(sed -n 's/^socket //p' <<<"$output") == EINVAL ]]
    for name in bpf unshare keyctl add_key userfaultfd io_uring_setup kexec_load init_module open_by_handle_at pidfd_getfd kcmp; do
        [[ $(sed -n "s/^$name //p" <<<"$output") == E@(PERM|NOSYS) ]] || fail "$name is not blocked"
    done
}

# hint: "unconfined" was asked for, and a call is still refused. By whom: the filter, or a missing right?
# hint: seccomp(2); capabilities(7).
# hint: edit_seccomp removes linux.seccomp from config.json for "unconfined".
@test "without a filter some of these calls reach the kernel" {
    make_own_root
    calls "$root/calls"
    demo --seccomp unconfined /calls
    assert_status 0
    [[ $(sed -n 's/^clone3 //p' <<<"$output") == EINVAL ]]
    [[ $(sed -n 's/^unshare //p' <<<"$output") == OK ]]
}

# errno_of CALL: what the program above got.
errno_of() { sed -n "s/^$1 //p" <<<"$output"; }

# hint: The capability was given, and the filter still refuses the call. Who tells the filter?
# hint: capabilities(7) says which calls; the default profile depends on them.
# hint: seccomp_make_default looks at the bounding set.
@test "--cap-add lets in the calls that the capability is for, and no others" {
    make_own_root
    calls "$root/calls"
    demo --cap-add SYS_ADMIN /calls
    assert_status 0
    [[ $(errno_of unshare) == OK && $(errno_of setns) == EBADF && $(errno_of clone3) == EINVAL ]]
    [[ $(errno_of init_module) == EPERM && $(errno_of open_by_handle_at) == EPERM && $(errno_of io_uring_setup) == ENOSYS ]]
    demo --cap-add SYS_ADMIN mount -t tmpfs x /mnt
    assert_status 0
    demo --cap-add SYS_PTRACE /calls
    [[ $(errno_of pidfd_getfd) == EBADF && $(errno_of userfaultfd) == EPERM && $(errno_of setns) == EPERM ]]
    demo --cap-add DAC_READ_SEARCH --cap-add SYS_CHROOT /calls
    [[ $(errno_of open_by_handle_at) == EFAULT && $(errno_of mount) == EPERM && $(errno_of clone3) == ENOSYS ]]
    demo chroot / true
    assert_status 0
    demo --cap-drop SYS_CHROOT chroot / true
    refused
}

# hint: In a new user namespace a process has all capabilities. Which call makes one, and by which flag?
# hint: unshare(2), clone(2): CLONE_NEWUSER; seccomp(2): a filter sees the first argument's bits.
# hint: The rules for clone and unshare in seccomp/default.c look at the flags.
@test "no user namespace can be made inside" {
    demo unshare -U true
    refused
}

# hint: On x86-64 a program can call the kernel as i386. Which numbers do the calls have then?
# hint: seccomp(2): the field arch of struct seccomp_data; "Caveats".
# hint: seccomp_add_architecture for each of the machine's architectures, and an end for all others.
@test "the filter also judges calls made the 32-bit way" {
    demo true
    assert_status 0
    [[ $(uname -m) == x86_64 ]] || return 0
    make_own_root
    compile "$root/old" <<'END'
#include <stdio.h>
int main(void)
{
    long result;
    /* unshare(CLONE_NEWUSER), number 310 of i386 */
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(310), "b"(0x10000000) : "memory");
    printf("%ld\n", result);
    return 0;
}
END
    # Not every kernel has these calls at all.
    [[ $("$root/old") == 0 ]] || return 0
    demo "${most[@]}" /old
    refused || [[ $output == -1 || $output == -38 ]]
}

# hint: Was the file read, and its errno (28) handed on?
# hint: config-linux.md, "Seccomp": defaultAction, syscalls, errnoRet.
# hint: seccomp_read_profile, then read_rule and read_action in seccomp/profile.c.
@test "--seccomp FILE: a profile of one's own" {
    cat >profile.json <<'END'
{"defaultAction": "SCMP_ACT_ALLOW",
 "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}
END
    demo --seccomp "$PWD/profile.json" mkdir /tmp/x
    ((status != 0))
    assert_stderr_like '*No space left*'
}

# hint: A bad profile, and the container ran without a filter. What has to happen instead?
# hint: config-linux.md, "Seccomp"; check before the first side effect.
# hint: edit_seccomp reads and checks it while the command line is read.
@test "--seccomp: a file that is missing, or no profile, is refused before anything runs" {
    demo --seccomp /no/such/profile echo ran
    ((status == 125 || status == 2))
    assert_output ''
    assert_one_line_error '*/no/such/profile*'
    echo '{"defaultAction": 5' >bad.json
    demo --seccomp "$PWD/bad.json" echo ran
    ((status == 125 || status == 2))
    assert_output ''
    assert_one_line_error '*bad.json*'
    echo '{"defaultAction": "SCMP_ACT_EXPLODE"}' >bad.json
    demo --seccomp "$PWD/bad.json" echo ran
    ((status == 125 || status == 2))
    assert_output ''
    assert_one_line_error
}

# A program that makes calls which it does not need, with each value as an argument: "#" where the filter answers.
compile_comparisons() {
    compile "$1" <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    static const long calls[] = {SYS_kcmp, SYS_migrate_pages, SYS_move_pages, SYS_mq_notify, SYS_io_cancel,
                                 SYS_remap_file_pages, SYS_lookup_dcookie};
    static const long long values[] = {0, 4, 5, 6, 0x100000004, 0x100000005, 0x100000006, 0x200000000, -1};
    for (int i = 0; i < 7; i++) {
        for (int j = 0; j < 9; j++) {
            errno = 0;
            syscall(calls[i], -1L, (long)values[j], 0L, 0L, 0L, 0L);
            putchar(errno == 77 ? '#' : '.');
        }
        putchar('\n');
    }
    return 0;
}
END
}

# hint: BPF has 32-bit words, an argument has 64 bits. Which half is compared first?
# hint: seccomp(2): struct seccomp_data, args[6]; the byte order of the machine.
# hint: emit_condition in seccomp/program.c: emit_load_half for the upper, then the lower one.
@test "a profile's operators compare all 64 bits of an argument" {
    make_own_root
    compile_comparisons "$root/compare"
    bundle 'process.args = ["/compare"]' 'calls = ["kcmp", "migrate_pages", "move_pages", "mq_notify", "io_cancel", "remap_file_pages"]' \
        'linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": [name], "action": "SCMP_ACT_ERRNO", "errnoRet": 77,
            "args": [{"index": 1, "value": 0x100000005, "op": "SCMP_CMP_" + op}]}
            for name, op in zip(calls, ["EQ", "NE", "LT", "LE", "GT", "GE"])] + [
            {"names": ["lookup_dcookie"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77,
            "args": [{"index": 1, "value": 0xffffffff00000001, "valueTwo": 0x100000000, "op": "SCMP_CMP_MASKED_EQ"}]}]}'
    oci run --bundle "$bundle" c1
    assert_status 0
    # 0 4 5 6, the same and 2^32, 2^33, 2^64 - 1
    assert_output $'.....#...\n#####.###\n#####....\n######...\n......###\n.....####\n....#.#..'
}

# hint: Two rules fit one call. Which answer wins, and in which order are they tried?
# hint: config-linux.md, "Seccomp"; seccomp(2): the order of actions.
# hint: mildness orders them: seccomp/rules.c.
@test "of several rules for a call the strictest counts, and of those without conditions the first" {
    make_own_root
    compile_comparisons "$root/compare"
    bundle 'process.args = ["/compare"]' 'linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["kcmp"], "action": "SCMP_ACT_LOG", "args": [{"index": 1, "value": 7, "op": "SCMP_CMP_LT"}]},
        {"names": ["kcmp"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77, "args": [{"index": 1, "value": 5, "op": "SCMP_CMP_EQ"}]},
        {"names": ["migrate_pages"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 1, "value": 5, "op": "SCMP_CMP_EQ"}]},
        {"names": ["migrate_pages"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77},
        {"names": ["move_pages"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77, "args": [
            {"index": 1, "value": 5, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 3, "op": "SCMP_CMP_EQ"}]},
        {"names": ["mq_notify"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77, "args": [
            {"index": 1, "value": 5, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 6, "op": "SCMP_CMP_EQ"}]},
        {"names": ["io_cancel"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["io_cancel"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77}]}'
    oci run --bundle "$bundle" c1
    assert_status 0
    # The third needs both of its conditions; the fourth, with two on one argument, one of them.
    assert_output $'..#......\n#########\n.........\n..##.....\n.........\n.........\n.........'
}

# hint: i386 has socketcall, one number for twenty calls. Did the rule for bind reach it?
# hint: socketcall(2), ipc(2); syscall(2): numbers differ by architecture.
# hint: add_rules: for each architecture of the profile.
@test "a profile holds for 32-bit programs too, and for each way to make their calls" {
    demo true
    assert_status 0
    [[ $(uname -m) == x86_64 ]] || return 0
    make_own_root
    compile "$root/old" <<'END'
#include <stdio.h>
static long call(long number, long first, long second)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second) : "memory");
    return result;
}
int main(void)
{
    /* getpid; socketcall(SYS_SOCKET), socketcall(SYS_BIND), socket */
    printf("%d %ld %ld %ld\n", call(20, 0, 0) > 0, call(102, 1, 0), call(102, 2, 0), call(359, 0, 0));
    return 0;
}
END
    # Not every kernel has these calls at all.
    [[ $("$root/old") == 1\ * ]] || return 0
    local profile='linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["socket"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77}]'
    bundle 'process.args = ["/old"]' "$profile"', "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]}'
    oci run --bundle "$bundle" c1
    assert_output '1 -77 -14 -77'
    bundle 'process.args = ["/old"]' "$profile}"
    oci run --bundle "$bundle" c1
    assert_status 159
}

notify='linux.seccomp = {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": path, "listenerMetadata": "m"}'

# hint: The first call that waits for the agent comes before the agent has the descriptor. Who waits for whom?
# hint: seccomp_unotify(2): SECCOMP_FILTER_FLAG_NEW_LISTENER; SCM_RIGHTS in unix(7).
# hint: seccomp_load_with_listener, then send_listener by a process that has no filter.
@test "seccomp: the agent gets the listener before a call waits for it, in run, start and exec" {
    start_agent 3
    # Every call is for the agent to judge: none of the runtime's own may come too early.
    bundle "path = '$PWD/agent'" "$notify" 'process.args = ["true"]' 'process.noNewPrivileges = true'
    oci run --bundle "$bundle" c1
    assert_status 0
    bundle "path = '$PWD/agent'" "$notify" 'process.noNewPrivileges = false' 'process.capabilities = {"bounding": ["CAP_KILL"]}'
    oci_run
    oci exec --pid-file exec.pid c1 sh -c 'echo from exec'
    assert_status 0
    assert_output 'from exec'
    [[ $(wc -l <agent.out) == 3 ]]
    [[ $(sed -n 3p agent.out) == *'"fds":["seccompFd"],"pid":'"$(<exec.pid)"',"metadata":"m"'*'"status":"running"'*'"pid":'"$pid"* ]]
}

# hint: Nobody listens at listenerPath. May the command run?
# hint: config-linux.md, "listenerPath"; connect(2), ECONNREFUSED.
# hint: seccomp_connect, before the start; an error there ends it.
@test "seccomp: without its agent a command does not start" {
    bundle "path = '$PWD/agent'" "$notify" 'process.args = ["touch", "/dev/shm/x"]'
    oci run --bundle "$bundle" c1
    assert_status 125
    assert_one_line_error '*/agent*'
    nothing_left
    bundle 'linux.seccomp = {"defaultAction": "SCMP_ACT_NOTIFY"}'
    oci create --bundle "$bundle" c1
    ((status != 0))
    assert_one_line_error '*linux.seccomp.listenerPath*'
    nothing_left
    # One that is gone before it gets the listener, or while it does. (Then no call is answered, not even exit(2), and
    # ASan's handler of the SIGSEGV that follows never comes to its end.)
    [[ $DEMO != */asan/* ]] || return 0
    for end in leaves dies; do
        start_agent 1 "$end"
        bundle "path = '$PWD/agent'" "$notify"
        oci run --bundle "$bundle" c1
        assert_status 125
        assert_one_line_error '*agent*'
        nothing_left
        rm agent
    done
}

# hint: The kernel has no such module, or no such profile. Did the container start without?
# hint: /proc/self/attr/apparmor/exec; apparmor(7), selinux(8).
# hint: lsm_check in process/lsm.c, in the plan.
@test "a profile of AppArmor or a label of SELinux that the kernel cannot honour is refused" {
    for field in apparmorProfile selinuxLabel; do
        bundle "process.$field = 'no-such-thing'"
        oci run --bundle "$bundle" c1
        assert_status 125
        assert_one_line_error '*no-such-thing*'
        nothing_left
    done
}

# --- The runtime itself ---

# hint: While your program is in the container, /proc/PID/exe leads to its file on the host. What could it be instead?
# hint: memfd_create(2) with F_ADD_SEALS, or open_tree(2) with a read-only clone; proc(5), /proc/PID/exe.
#   CVE-2019-5736.
# hint: self_protect in container/self.c: run again from a copy nobody can write.
@test "the container cannot overwrite the runtime through /proc/self/exe" {
    make_own_root
    before=$(sha256sum <"$DEMO_PROGRAM")
    # The "interpreter" is the runtime itself, which then runs inside; its file must not be open to writing.
    put "$root/again" $'#!/proc/self/exe\n'
    compile "$root/overwrite" <<'END'
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
/* For two seconds, open every process's program for writing, and write. */
int main(void)
{
    for (int i = 0; i < 20000; i++) {
        for (int pid = 1; pid < 30; pid++) {
            char path[64];
            char exe[256] = "";
            snprintf(path, sizeof(path), "/proc/%d/exe", pid);
            if (readlink(path, exe, sizeof(exe) - 1) < 0 || strstr(exe, "overwrite") || strstr(exe, "busybox"))
                continue;
            int fd = open(path, O_WRONLY);
            if (fd != -1 && write(fd, "#!broken", 8) == 8)
                return puts("overwritten") < 0;
        }
        usleep(100);
    }
    return 0;
}
END
    demo "${most[@]}" --seccomp unconfined /proc/self/exe --help
    demo "${most[@]}" --seccomp unconfined /again
    demo "${most[@]}" --seccomp unconfined --init timeout 2 /overwrite
    assert_status 143
    run ! grep overwritten <<<"$output"
    [[ $(sha256sum <"$DEMO_PROGRAM") == "$before" ]]
}

# needs: the container cannot overwrite the runtime through /proc/self/exe
# hint: With --init your own program stays in there as process 1. From which file?
# hint: proc(5), /proc/PID/exe; fcntl(2), file seals.
# hint: clone_read_only or copy_to_memory in container/self.c, before anything else.
@test "the runtime's own program is not writable where it runs in the container" {
    start_demo --init sh -c 'echo ready; exec sleep 100'
    eventually grep -q ready "$demo_out"
    pid=$(children_of "$demo_pid" | tr -d ' ')
    # Process 1 is the runtime: from a read-only mount of its own, or from a sealed copy in memory.
    run_and_show python3 - "$pid" <<'END'
import os, sys
exe = f"/proc/{sys.argv[1]}/exe"
print(os.readlink(exe), "read-only" if os.statvfs(exe).f_flag & os.ST_RDONLY else "writable")
END
    assert_status 0
    [[ $output != *busybox* ]]
    [[ $output == /memfd:* || $output == *' read-only' ]]
}

# With --init process 1 is the runtime, and root inside has the same user as it.
# hint: Process 1 with --init is your program. May the container's root read its memory, files, environment?
# hint: prctl(2): PR_SET_DUMPABLE; ptrace(2), access mode checking.
# hint: process_hide in process/process.c.
@test "the container cannot look into the runtime" {
    for what in 'readlink /proc/1/exe' 'readlink /proc/1/fd/1' 'cat /proc/1/environ' 'head -c 1 /proc/1/maps'; do
        demo --init sh -c "$what"
        refused || fail "it may: $what" || return
        assert_output ''
    done
}

# hint: Keys of the caller's session go along with fork and execve. How does one get an empty ring?
# hint: session-keyring(7), keyctl(2): KEYCTL_JOIN_SESSION_KEYRING.
# hint: process_session makes a new one in the child.
@test "the session keyring is the container's own" {
    # The caller's keyring: what is in /proc/keys as "_ses" of the process, found by keyctl(2) in the container.
    make_own_root
    compile "$root/keyring" <<'END'
#include <linux/keyctl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    return printf("%ld\n", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0)) < 0;
}
END
    own=$("$root/keyring")
    demo --seccomp unconfined /keyring
    assert_status 0
    [[ $output != "$own" && $output != -1 ]]
}

# hint: /proc/PID/setgroups says "allow". What can a user do who drops a group?
# hint: user_namespaces(7): "deny" before gid_map is written.
# hint: namespaces_write_maps writes "deny" first, unless newgidmap did the work.
@test "setgroups is denied to an ordinary user's container" {
    requires user_ns
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" cat /proc/self/setgroups
    assert_status 0
    assert_output deny
}

# hint: The runtime may die at any of its calls. What if it is dead before the child asks to be told?
# hint: prctl(2): PR_SET_PDEATHSIG; after it, look whether the parent is still there: getppid(2), or a pipe's end.
# hint: die_with_parent, first thing in the child, and a look at the parent after it.
@test "the container ends when the runtime is killed, at any moment" {
    for delay in 0 0.005 0.01 0.02 0.04; do
        start_demo sh -c 'sleep 100 & exec sleep 100'
        sleep "$delay"
        kill -KILL "$demo_pid"
        wait_for_demo
        assert_status 137
        rung delete --force "$demo_pid"
        assert_status 0
    done
}

# --- Devices ---

# hint: The image has a node for a disk. Who refuses to open it?
# hint: bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE; config-linux.md, "Allowed Device list".
# hint: devices_attach loads the program that write_program has made: cgroup/devices.c.
@test "a disk in the image cannot be opened" {
    requires cgroup2
    make_own_root
    mknod "$root/disk" b 7 0
    mknod "$root/mem" c 1 1
    mknod "$root/kmsg" c 1 11
    mknod "$root/tun" c 10 200
    chmod 666 "$root"/{disk,mem,kmsg,tun}
    for node in disk mem kmsg tun; do
        demo "${most[@]}" sh -c "exec 3<>/$node"
        refused
        assert_stderr_like '*@(Operation not permitted|Permission denied)*'
    done
}

# needs: a disk in the image cannot be opened
# hint: mknod, too, asks the device filter. What did it answer?
# hint: bpf(2): the program's context has the access: mknod, read, write.
# hint: emit_access in cgroup/devices.c compares what is wanted with what a rule allows.
@test "even with CAP_MKNOD a disk can neither be made nor opened" {
    requires cgroup2
    demo --cap-add MKNOD sh -c 'mknod /tmp/disk b 7 0 && head -c 1 /tmp/disk'
    refused
    demo --cap-add MKNOD sh -c 'mknod /dev/kmsg2 c 1 11 && exec 3</dev/kmsg2'
    refused
}

# needs: a disk in the image cannot be opened
# hint: Rules come in order. Which one counts when two fit?
# hint: config-linux.md, "Allowed Device list": the last one that fits.
# hint: emit_rule in cgroup/devices.c, from the last rule to the first.
@test "a device that config.json allows can be used, and no other" {
    requires cgroup2
    mkdir bundle
    "$DEMO_PROGRAM" spec --print --rootfs "$ROOTFS" -- sh -c 'exec 3</dev/kmsg && echo kmsg; exec 3</dev/loop7' >bundle/config.json
    python3 - <<'END'
import json
config = json.load(open("bundle/config.json"))
linux = config["linux"]
linux["devices"] = [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11, "fileMode": 0o666},
                    {"path": "/dev/loop7", "type": "b", "major": 7, "minor": 7, "fileMode": 0o666}]
linux["resources"]["devices"].append({"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"})
config["process"]["capabilities"]["bounding"].append("CAP_SYSLOG")
config["process"]["capabilities"]["effective"].append("CAP_SYSLOG")
config["process"]["capabilities"]["permitted"].append("CAP_SYSLOG")
json.dump(config, open("bundle/config.json", "w"))
END
    run_and_show "$DEMO_PROGRAM" run --bundle bundle devices
    refused
    assert_output kmsg
    assert_stderr_like '*loop7*Operation not permitted*'
}

# --- Files of the host ---

# hint: Which link in /proc still has the host behind it: root, cwd, or an open descriptor?
# hint: proc(5): /proc/PID/root, cwd, fd; close_range(2).
# hint: pivot in rootfs/rootfs.c, and close_files before execve.
@test "no way leads to the host's files through /proc" {
    make_own_root
    echo secret >"$BATS_TEST_TMPDIR/secret"
    demo "${most[@]}" sh -c "cat /proc/1/root$BATS_TEST_TMPDIR/secret /proc/1/cwd/../../../..$BATS_TEST_TMPDIR/secret \
        /proc/self/fd/*/../../../../../..$BATS_TEST_TMPDIR/secret"
    refused
    assert_output ''
}

# hint: Root in there opened one of these files for writing. Is it below a read-only mount?
# hint: config-linux.md, "Readonly Paths"; mount(2): MS_RDONLY.
# hint: linux.readonlyPaths in commands/defaults.c, protect_paths in rootfs/rootfs.c.
@test "the host's kernel settings cannot be changed" {
    for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /sys/kernel/uevent_helper /proc/sys/kernel/modprobe; do
        [[ -e $file ]] || continue
        # Opened for writing, nothing written.
        demo sh -c "exec 3>>$file"
        refused
    done
}

# hint: A call failed, and a capability that nobody gave is in the bounding set. Who decided how many there are?
# hint: capabilities(7); prctl(2): PR_CAPBSET_DROP says EINVAL for a number that the kernel does not know.
# hint: capabilities_drop_bounding: all 64 bits, without libcap.
@test "a call that fails leaves no capability in the bounding set" {
    requires root
    local n
    bundle 'process.capabilities = {s: ["CAP_KILL"] for s in ("bounding", "permitted", "effective")}' \
        'process.args = ["grep", "CapBnd", "/proc/self/status"]'
    oci_set_up
    for ((n = 1; n <= 14; n++)); do
        run -0 timeout 30 sh -c 'strace -qq -o /dev/null -e trace=prctl -e inject=prctl:error=ENOMEM:when="$0" "$@" || echo failed' "$n" \
            "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" c1
        [[ $output == *failed || $output == *$'CapBnd:\t0000000000000020' ]] || fail "call $n: $output"
    done
}

# hint: A container that waits for `start` may wait for days. What of your caller's does it hold?
# hint: close_range(2) with CLOSE_RANGE_CLOEXEC closes nothing before execve(2).
# hint: files_close_callers in process/open_files.c, in the parent.
@test "a created container holds none of its caller's files, nor do hooks" {
    requires root
    bundle 'hooks = {"createRuntime": [hook("ls -l /proc/self/fd >/tmp/rung-hook-files-'"$$"'")]}'
    oci_create 7</etc/passwd
    assert_status 0
    pid=$(state_of pid)
    [[ $(ls -l "/proc/$pid/fd") == *' 0 -> '* && $(ls -l "/proc/$pid/fd") != *passwd* ]]
    [[ -s /tmp/rung-hook-files-$$ && $(</tmp/rung-hook-files-$$) != *passwd* ]]
    rm "/tmp/rung-hook-files-$$"
}
