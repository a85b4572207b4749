#!/usr/bin/env bats
#
# The filter of system calls: agents that judge calls, calls newer than the profile, filters that let nothing start.
#
# bats file_tags=step07,seccomp
# shellcheck disable=SC2016,SC2030,SC2031,SC2053,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() { requires root rootfs cgroup2; }

# hint: The agent read once, and had not all of it. Or a call of your own waits for an agent that knows nothing yet.
# hint: unix(7), SCM_RIGHTS: text and descriptor in one sendmsg(2); seccomp_unotify(2).
# hint: send_listener in seccomp/notify.c: `channel_send_fd(fd, text, strlen(text), listener_fd)`.
@test "a seccomp agent gets each state in one message, and may judge every call that follows" {
    start_agent 8
    local profile='linux.seccomp = {"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "'$PWD'/agent"}' no_new_privileges
    for no_new_privileges in False True; do
        bundle "$profile" "process.noNewPrivileges = $no_new_privileges" \
            'process.user = {"uid": 1000, "gid": 1000, "additionalGids": [7]}' \
            'hooks = {"startContainer": [hook("true"), hook("true")]}'
        oci_run
        oci exec c1 echo further
        assert_output further
        oci delete --force c1
        assert_status 0
    done
    # Two hooks, the command, and one more: each has a filter, and so a listener, of its own.
    [[ $(sed 's/.*"status":"\([a-z]*\)".*/\1/' agent.out | uniq -c | tr -s ' \n' ' ') == ' 3 creating 1 running 3 creating 1 running ' ]] ||
        fail "$(<agent.out)"
}

# hint: The newest call has the highest number: what does the profile say to numbers beyond its last one?
# hint: seccomp(2); a program that hears ENOSYS falls back to an older call, one that hears EPERM gives up.
# hint: answer_to_newer in seccomp/profile.c, and emit_architecture.
@test "calls that are newer than the profile do not exist, and older ones have its answer" {
    # ASan's own calls are not in the list.
    [[ $DEMO != */asan/* ]] || return 0
    make_own_root
    gcc -x c -std=gnu17 -static -O1 -o "$root/calls" - <<'END'
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#define TRY(call) (syscall(call, 0, 0, 0) == -1 ? strerrorname_np(errno) : "OK")
int main(void)
{
    printf("%s %s %s %s\n", TRY(SYS_setns), TRY(SYS_openat2), TRY(600), TRY(SYS_getppid));
    return 0;
}
END
    local rest='"syscalls": [{"action": "SCMP_ACT_ALLOW", "names": ["execve", "exit_group", "brk", "arch_prctl", "set_tid_address",
        "set_robust_list", "rseq", "prlimit64", "readlinkat", "getrandom", "mprotect", "fstat", "newfstatat", "write", "getppid"]}]}'
    local default expected
    while read -r default expected; do
        bundle "linux.seccomp = {\"defaultAction\": $default, $rest" 'process.args = ["/calls"]' 'process.noNewPrivileges = True'
        oci_run
        [[ $(oci_output) == $expected ]] || fail "$default: $(oci_output)"
        oci delete --force c1
    done <<'END'
"SCMP_ACT_ERRNO" EPERM ENOSYS ENOSYS OK
"SCMP_ACT_ERRNO","defaultErrnoRet":13 EACCES ENOSYS ENOSYS OK
"SCMP_ACT_LOG" E[!NP]* E[!NP]* ENOSYS OK
END
}

# hint: It died, and nobody said why. A filter can forbid even that: then it is for the parent to say.
# hint: proc(5): the flags in /proc/PID/stat; PF_FORKNOEXEC goes with execve(2). A zombie still has them.
# hint: seccomp_forbids in seccomp/program.c; has_executed in container/attend.c.
@test "a filter that lets no command start: one line says so" {
    local action
    for action in KILL KILL_PROCESS TRAP ERRNO; do
        cannot_create '*linux.seccomp*execve*' 'linux.seccomp = {"defaultAction": "SCMP_ACT_'$action'"}'
    done
    cannot_create '*linux.seccomp*execve*' 'linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["execve"], "action": "SCMP_ACT_ERRNO"}]}'
    # A call of our own, on the way: the command never ran.
    bundle 'linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["capset"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
    oci run --bundle "$bundle" c1
    assert_status 125
    refused '*signal 31*linux.seccomp*'
    # The same calls are the command's own affair once it runs.
    bundle 'process.noNewPrivileges = True' 'process.args = ["rmdir", "/dev/shm"]' \
        'linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["rmdir", "unlinkat", "rt_sigaction", "rt_sigprocmask"], "action": "SCMP_ACT_KILL_PROCESS"}]}'
    oci run --bundle "$bundle" c1
    assert_status 159
    [[ -z $stderr ]]
}
