#!/usr/bin/env bats
#
# What a further process of a container must be, and must not be able to do.

# shellcheck disable=SC2154 # the helpers set state, out, pid, cgroup, stderr
load ../scripts/test_helper
load ../scripts/oci_helper

# bats file_tags=step07,exec

# points: 2
# hint: The container's cgroup has children now, so no process may be in it. Where else?
# hint: cgroups(7), "no internal processes" rule; /proc/PID/cgroup of process 1.
# hint: open_cgroup in exec.c: where process 1 is.
@test "exec joins the container of an init system that has made cgroups of its own" {
    requires root pids
    bundle 'mounts.append({"destination": "/sys/fs/cgroup", "type": "cgroup2", "source": "cgroup"})' \
        'process.args = ["sh", "-c", "cd /sys/fs/cgroup && mkdir init && echo 1 >init/cgroup.procs && echo +pids >cgroup.subtree_control && echo ready; exec sleep 100"]'
    oci_run
    eventually grep -q ready "$out"
    oci exec c1 cat /proc/self/cgroup
    assert_status 0
    [[ $output == *0::/init ]]
}

# points: 2
# hint: Descriptor 7 was your caller's. Who lets 3 through, and closes the rest?
# hint: close_range(2); runc-exec(8): --preserve-fds.
# hint: process_close_files with the number from parse_preserve_fds.
@test "exec hands over no file but the three standard ones, and those that were asked for" {
    requires root
    bundle
    oci_run
    # shellcheck disable=SC2016
    local list='for fd in /proc/self/fd/*; do [ "$(readlink $fd)" = "" ] || echo ${fd##*/}; done'
    oci exec c1 sh -c "$list" 7</etc/passwd
    assert_status 0
    [[ $output == $'0\n1\n2' ]]
    run "$DEMO_PROGRAM" --root "$state" exec --preserve-fds 1 c1 sh -c "head -n 1 <&3; $list" 3</etc/passwd 7</etc/passwd
    assert_status 0
    [[ $output == *root:* && $output == *$'0\n1\n2\n3' ]]
}

# points: 3
# hint: Which of them differs from process 1's, or was joined though it is the host's?
# hint: setns(2) with a pidfd and several flags at once; pidfd_open(2).
# hint: join_namespaces in exec.c: the PID namespace before clone3, the rest in the child.
@test "exec enters all of the container's namespaces, and only those" {
    requires root
    bundle 'linux.namespaces = [{"type": "pid"}, {"type": "mount"}, {"type": "uts"}, {"type": "cgroup"}]'
    oci_run
    oci exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" c1 sleep 100
    assert_status 0
    local other name
    other=$(<"$BATS_TEST_TMPDIR/pid")
    for name in pid mnt uts cgroup; do
        [[ "/proc/$other/ns/$name" -ef "/proc/$pid/ns/$name" ]] || fail "it is not in its $name namespace"
        [[ ! "/proc/$other/ns/$name" -ef "/proc/self/ns/$name" ]] || fail "it is in our $name namespace"
    done
    for name in net ipc user; do
        [[ "/proc/$other/ns/$name" -ef "/proc/self/ns/$name" ]] || fail "it is not in our $name namespace"
    done
    [[ "/proc/$other/root" -ef "/proc/$pid/root" ]]
    grep -qx "$other" "$cgroup/cgroup.procs"
}

# hint: After setns into a user namespace, who are you?
# hint: setns(2), user_namespaces(7): set the ids afterwards.
# hint: join_namespaces, namespaces_become_root, then process_ids.
@test "exec in a user namespace is root in there, and nobody out here" {
    requires root
    bundle 'linux.namespaces.append({"type": "user"})' \
        'linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]' \
        'linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
    oci_run
    oci exec c1 sh -c 'id -u; cat /proc/self/uid_map'
    assert_status 0
    [[ ${lines[0]} == 0 && ${lines[1]} == *100000* ]]
    oci exec --user 5:6 --detach --pid-file "$BATS_TEST_TMPDIR/pid" c1 sleep 100
    assert_status 0
    grep -Pq '^Uid:\t100005\t100005' "/proc/$(<"$BATS_TEST_TMPDIR/pid")/status"
}

# points: 2
# hint: exec starts a second process beside the first. Which of its fences did you leave out?
# hint: config.json was stored at create: read it again. capset(2), seccomp(2), prctl(2).
# hint: exec_enter calls the same process_ functions as the start does.
@test "exec has the container's capabilities, filter and no_new_privs" {
    requires root
    bundle 'process.noNewPrivileges = true' \
        'process.capabilities = {s: ["CAP_CHOWN"] for s in ("bounding", "permitted", "effective")}' \
        'linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdirat", "mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5}]}'
    oci_run
    oci exec c1 sh -c 'grep -e CapEff -e CapBnd -e NoNewPrivs -e ^Seccomp: /proc/self/status; mkdir /tmp/x'
    [[ $output == *$'CapEff:\t0000000000000001'* && $output == *$'CapBnd:\t0000000000000001'* ]]
    [[ $output == *$'NoNewPrivs:\t1'* && $output == *$'Seccomp:\t2'* ]]
    [[ $output$stderr == *'Input/output error'* || $output$stderr == *'I/O error'* ]]
}

# hint: Which of the three got the wrong answer?
# hint: runtime.md, "State"; kill(2) with 0, or a pidfd, says whether it lives.
# hint: container_exec asks the state first.
@test "exec: a stopped, a created and an absent container" {
    requires root
    oci exec nosuch true
    [[ $status != 0 && $stderr == *'does not exist'* ]]
    bundle
    oci_create
    oci exec c1 true
    assert_status 0
    oci kill c1 KILL
    eventually is stopped
    oci exec c1 true
    [[ $status != 0 && $stderr == *stopped* ]]
}
