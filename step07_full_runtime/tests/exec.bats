#!/usr/bin/env bats
#
# What a further process of a container must be, and must not be able to do.

# shellcheck disable=SC2154 # the helpers set state, out, pid, cgroup, stderr
load ../../scripts/test_helper
load ../../scripts/oci_helper

# bats file_tags=step07,exec

# hint: The container's cgroup has children now, so no process may be in it. Where else?
# hint: cgroups(7), "no internal processes" rule; /proc/PID/cgroup of process 1.
# hint: open_cgroup in container/exec.c: where process 1 is.
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

# hint: Descriptor 7 was your caller's. Who lets 3 through, and closes the rest?
# hint: close_range(2); runc-exec(8): --preserve-fds.
# hint: close_files and files_close_callers with the number from parse_preserve_fds.
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

# hint: Which of them differs from process 1's, or was joined though it is the host's?
# hint: setns(2) with a pidfd and several flags at once; pidfd_open(2).
# hint: join_container in container/exec.c, in a helper; clone_in_there in container/clone.c.
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
# hint: join_container calls namespaces_become_root; process_ids comes last.
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

# hint: exec starts a second process beside the first. Which of its fences did you leave out?
# hint: config.json was stored at create: read it again. capset(2), seccomp(2), prctl(2).
# hint: exec_run ends in init_execute, as the start does.
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

# hint: Someone in the container looks into /proc all the time. When does your process appear there, and what is its root in that moment?
# hint: proc(5): /proc/PID/root, /proc/PID/cwd, /proc/PID/fd; clone(2), CLONE_PARENT; CVE-2016-9962.
# hint: A helper outside joins all the namespaces and the root and closes the host's files: join_container. Only then comes clone3.
@test "exec: in the container, nobody finds the host behind a process that enters" {
    requires root
    local i
    mkdir host
    echo secret >host/canary
    # The test's own loop has no directory open; so whoever has one there comes from outside.
    bundle 'process.capabilities = {s: ["CAP_SYS_PTRACE"] for s in ("bounding", "permitted", "effective")}' \
        "process.args = ['sh', '-c', '''
cd /proc
while [ \$((round += 1)) -lt 3000000 ]; do
    for p in [0-9]*; do
        [ -e \$p/root$PWD/host/canary ] && echo \"\$p: its root is the host's\"
        [ -e \$p/cwd/canary ] && echo \"\$p: its working directory is the host's\"
        for f in \$p/fd/*; do
            [ -d \$f/. ] && [ \$p != 1 ] && echo \"\$f is a directory\"
        done
    done
    echo >>/dev/shm/rounds
done''']"
    oci_run
    cd host
    for ((i = 0; i < 25; i++)); do
        "$DEMO_PROGRAM" --root "$state" exec c1 true 7</etc 3>&- 4>&-
    done
    cd ..
    oci exec c1 sh -c 'wc -l </dev/shm/rounds'
    assert_status 0
    ((output > 25)) || fail 'nobody looked'
    [[ ! -s $out ]] || fail "$(sort "$out" | uniq -c | sort -rn | head -n 20)"
}

# hint: The second one failed. What did the first leave behind, and for whom is it?
# hint: config-linux.md, "Default Devices": /dev/console is bound if process.terminal is set: for config.json's process.
# hint: rootfs_bind_console is in the list of child in container/init.c, and not in that of exec_run.
@test "exec --tty again and again: its terminal is not the container's console" {
    requires root
    make_own_root
    bundle
    oci_run
    local i
    for i in 1 2 3; do
        oci exec --tty c1 sh -c 'tty; grep -c /dev/console /proc/self/mountinfo'
        assert_status 1
        [[ $output == $'/dev/pts/0\n0' ]]
    done
    # What process 1 writes to its console is not for us.
    oci exec c1 sh -c 'echo precious >/victim; ln -s /victim /dev/console'
    oci exec --tty c1 sh -c 'echo leaked >/dev/console; cat /victim; grep -c victim /proc/self/mountinfo'
    [[ $output == $'leaked\n0' ]]
}

# hint: The image, or who fills /dev, has made it a link. Whose file is under the terminal now?
# hint: openat2(2), O_NOFOLLOW; CVE-2025-52565.
# hint: console_target in rootfs/dev.c.
@test "a terminal is not bound over a file that /dev/console is a link to" {
    requires root
    make_own_root
    mkdir -p dev/pts
    echo precious >"$root/victim"
    ln -s /victim dev/console
    mknod dev/null c 1 3
    bundle 'process.terminal = true' 'process.args = ["cat", "/victim"]' 'del mounts[1]' \
        "mounts.insert(1, bind('$PWD/dev', '/dev'))" 'del mounts[3]'
    oci run --bundle "$bundle" c1
    assert_status 125
    refused '*/dev/console*link*'
}

# hint: It is your own process 1 that makes what is missing. A further one is to fail.
# hint: runc-exec(8) and crun-exec(1): --cwd.
# hint: process_directory: mkdir for the first process alone.
@test "exec makes no working directory, and no process 1" {
    requires root
    make_own_root
    bundle 'annotations = {"io.rung.init": "true"}'
    oci_run
    oci exec --cwd /no/such c1 true
    assert_status 125
    [[ $stderr == *'/no/such: No such file'* && ! -e $root/no ]]
    oci exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" c1 sleep 100
    [[ $(tr '\0' ' ' <"/proc/$(<"$BATS_TEST_TMPDIR/pid")/cmdline") == 'sleep 100 ' ]]
}

# hint: The container's cgroup is gone, or takes no process. Where is process 1?
# hint: /proc/PID/cgroup of process 1, seen from the host; clone(2): CLONE_INTO_CGROUP, EBUSY.
# hint: open_cgroup and cgroup_of_first in container/exec.c.
@test "exec finds a process 1 that has left the container's cgroup" {
    requires root pids
    local other=$cgroup parent
    bundle
    oci_run
    other=$cgroup-other
    parent=${cgroup%/*}
    mkdir "$other"
    # The container's own hands controllers down, and process 1 is elsewhere.
    mkdir "$cgroup/below"
    echo "$pid" >"$other/cgroup.procs"
    echo +pids >"$cgroup/cgroup.subtree_control"
    oci exec c1 grep -c . /proc/self/cgroup
    assert_status 0
    oci exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" c1 sleep 100
    assert_status 0
    grep -qx "0::${other#"$parent"}" "/proc/$(<"$BATS_TEST_TMPDIR/pid")/cgroup"
    # It is not there at all.
    rmdir "$cgroup/below" "$cgroup"
    oci exec c1 true
    assert_status 0
    echo 1 >"$other/cgroup.kill"
    eventually rmdir "$other"
}

# hint: A program of an ordinary user keeps only what is ambient, and that must be inheritable.
# hint: capabilities(7), "Transformation of capabilities during execve()"; runc-exec(8): --cap.
# hint: edit_exec_cap in commands/edits_ids.c.
@test "exec --cap reaches an ordinary user's program, if it is inheritable" {
    requires root
    bundle 'process.capabilities = {s: ["CAP_CHOWN", "CAP_KILL"] for s in ("bounding", "permitted", "effective")}' \
        'process.capabilities.inheritable = ["CAP_KILL"]'
    oci_run
    oci exec --user 1000 --cap CAP_KILL --cap CAP_SYS_TIME c1 grep -e CapEff -e CapAmb -e CapBnd /proc/self/status
    assert_status 0
    [[ $output == $'CapEff:\t0000000000000020\nCapBnd:\t0000000002000021\nCapAmb:\t0000000000000020' && -z $stderr ]]
}

# hint: Files by socket activation are for the process with the number in LISTEN_PID. Which has your command?
# hint: sd_listen_fds(3), systemd.socket(5).
# hint: take_activation in commands/activation.c, process_name_listener in process/environment.c.
@test "LISTEN_FDS: the files of socket activation reach the command, and it knows that they are its own" {
    requires root
    echo first >a
    echo second >b
    # shellcheck disable=SC2016
    local look='process.args = ["sh", "-c", "echo $LISTEN_FDS $LISTEN_FDNAMES $((LISTEN_PID - $$)); cat <&3; cat <&4; ls /proc/self/fd | wc -l"]'
    bundle "$look"
    oci_set_up
    run env LISTEN_FDS=2 LISTEN_FDNAMES=a:b "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" c1 3<a 4<b 7</etc
    assert_status 0
    [[ $output == $'2 a:b 0\nfirst\nsecond\n6' ]]
    # Not process 1, and not a new one's.
    bundle "$look" 'annotations = {"io.rung.init": "true"}'
    # shellcheck disable=SC2016
    run sh -c 'export LISTEN_FDS=2 LISTEN_PID=$$; exec "$@"' sh "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" c1 3<a 4<b
    [[ $output == $'2 0\nfirst\nsecond\n6' ]]
    bundle
    oci_run
    # shellcheck disable=SC2016
    run env LISTEN_FDS=1 "$DEMO_PROGRAM" --root "$state" exec c1 sh -c 'echo $LISTEN_FDS $((LISTEN_PID - $$)); cat <&3' 3<a 4<b
    [[ $output == $'1 0\nfirst' ]]
    # They were for somebody else, who did not take them away.
    run env LISTEN_FDS=1 LISTEN_PID=1 "$DEMO_PROGRAM" --root "$state" exec c1 sh -c 'echo "[$LISTEN_FDS]"; ls /proc/self/fd | wc -l' 3<a
    [[ $output == $'[]\n4' ]]
}

# hint: Your helper is in the frozen cgroup too, and you wait for it. What else may come meanwhile?
# hint: poll(2), signalfd(2); a frozen process can be killed: cgroups(7).
# hint: wait_for_helper in container/clone.c.
@test "exec --ignore-paused waits, and can be ended while it does" {
    requires root cgroup2
    bundle
    oci_run
    oci pause c1
    assert_status 0
    "$DEMO_PROGRAM" --root "$state" exec --ignore-paused c1 echo late >"$BATS_TEST_TMPDIR/late" 2>&1 3>&- 4>&- &
    local waiting=$!
    sleep 0.5
    kill -TERM "$waiting"
    eventually process_ended "$waiting"
    "$DEMO_PROGRAM" --root "$state" exec --ignore-paused c1 echo late >"$BATS_TEST_TMPDIR/late" 2>&1 3>&- 4>&- &
    waiting=$!
    sleep 0.5
    [[ ! -s $BATS_TEST_TMPDIR/late ]]
    oci resume c1
    wait "$waiting"
    [[ $(<"$BATS_TEST_TMPDIR/late") == late ]]
}
