#!/usr/bin/env bats
#
# Namespaces, hostname, user and group maps, rootless: seen from the host.
#
# bats file_tags=step07,namespaces
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

before_each() { requires root rootfs; }

# start_ready FLAGS...: a container that sleeps; $pid is its process 1.
start_ready() {
    start_demo "$@" sh -c 'echo ready; exec sleep 100'
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
}

# needs: nothing
@test "it has six namespaces of its own, and shares the host's users and clocks" {
    start_ready
    for type in cgroup ipc mnt net pid uts; do
        [[ $(ns_inode "$pid" "$type") != "$(ns_inode self "$type")" ]]
    done
    [[ $(ns_inode "$pid" user) == "$(ns_inode self user)" ]]
    [[ $(ns_inode "$pid" time) == "$(ns_inode self time)" ]]
}

@test "two containers share no namespace but the users' and the clocks'" {
    start_ready
    first=$pid
    start_ready
    for type in cgroup ipc mnt net pid uts; do
        [[ $(ns_inode "$first" "$type") != "$(ns_inode "$pid" "$type")" ]]
    done
}

@test "the command is process 1, and sees only its own processes" {
    start_ready
    read -r outside inside rest <<<"$(status_field "$pid" NSpid)"
    [[ $outside == "$pid" && $inside == 1 && -z $rest ]]
    demo sh -c 'echo $$; ls -d /proc/[0-9]*'
    assert_status 0
    [[ ${lines[0]} == 1 && ${lines[1]} == /proc/1 ]]
    ((${#lines[@]} <= 3))
}

@test "its hostname is its own, and the host keeps its own" {
    before=$(</proc/sys/kernel/hostname)
    start_ready --hostname inside
    [[ $(nsenter --uts="/proc/$pid/ns/uts" hostname) == inside ]]
    [[ $(</proc/sys/kernel/hostname) == "$before" ]]
}

@test "without --hostname it is called container" {
    demo hostname
    assert_output container
}

@test "it cannot see or remove the host's shared memory" {
    id=$(ipcmk --shmem 4096 | grep -o '[0-9]*$')
    demo sh -c 'wc -l < /proc/sysvipc/shm; ls /dev/shm'
    ipcrm --shmem-id "$id"
    assert_status 0
    assert_output 1
}

@test "the root of its cgroup namespace is its own cgroup" {
    demo grep ^0:: /proc/self/cgroup
    assert_status 0
    assert_output 0::/
}

@test "the time namespace moves its clocks, not the host's" {
    requires time_ns
    start_ready --time-offset 1000000
    [[ $(ns_inode "$pid" time) != "$(ns_inode self time)" ]]
    read -r host _ </proc/uptime
    read -r inside _ <<<"$(nsenter --time="/proc/$pid/ns/time" cat /proc/uptime)"
    ((${inside%.*} - ${host%.*} >= 999999 && ${inside%.*} - ${host%.*} <= 1000100))
}

@test "--userns: root inside is nobody of the host" {
    start_ready --userns
    [[ $(ns_inode "$pid" user) != "$(ns_inode self user)" ]]
    [[ $(status_field "$pid" Uid) == 100000$'\t'* ]]
    [[ $(status_field "$pid" Gid) == 100000$'\t'* ]]
    demo --userns id -u
    assert_output 0
}

@test "--userns never maps the host's root" {
    start_ready --userns
    while read -r _ outside _; do
        ((outside > 0))
    done <"/proc/$pid/uid_map"
    while read -r _ outside _; do
        ((outside > 0))
    done <"/proc/$pid/gid_map"
}

@test "--uidmap and --gidmap are the lines of uid_map and gid_map" {
    start_ready --uidmap 0:200000:1000 --uidmap 1000:300000:10 --gidmap 0:400000:2000
    [[ $(tr -s ' ' <"/proc/$pid/uid_map") == $' 0 200000 1000\n 1000 300000 10' ]]
    [[ $(tr -s ' ' <"/proc/$pid/gid_map") == ' 0 400000 2000' ]]
}

@test "--userns: it has no rights over the host's kernel" {
    before=$(</proc/sys/kernel/core_pattern)
    demo --userns sh -c 'echo x >/proc/sys/kernel/core_pattern'
    ((status != 0))
    demo --userns hostname other
    ((status != 0))
    [[ $(</proc/sys/kernel/core_pattern) == "$before" ]]
}

@test "an ordinary user gets a container too, and is root in it" {
    requires user_ns
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" sh -c 'id -u; hostname; cat /proc/self/uid_map /proc/self/setgroups'
    assert_status 0
    [[ $(tr -s ' ' <<<"$output") == $'0\ncontainer\n 0 65534 1\ndeny' ]]
}

@test "rootless: it has namespaces of its own, lo alone, and the command's exit status" {
    requires user_ns
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" sh -c 'echo $$; ls /sys/class/net; exit 7'
    assert_status 7
    assert_output $'1\nlo'
}

@test "rootless: --ip and limits are refused, and say why" {
    requires user_ns
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" --ip 10.240.0.2/24 true
    assert_status 125
    assert_one_line_error '*--ip*root*'
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" --memory 50M true
    assert_status 125
    assert_one_line_error '*memory*'
}

@test "rootless: what it writes to its own root belongs to the user" {
    requires user_ns
    make_public_copies
    chown -R 65534:65534 "$PUBLIC/rootfs"
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" sh -c 'echo hello >/root/file'
    assert_status 0
    [[ $(stat -c '%u:%g' "$PUBLIC/rootfs/root/file") == 65534:65534 ]]
}

@test "a namespace of config.json with a path is joined, and outlives the container" {
    unshare --uts sh -c 'hostname joined; exec sleep 100' 3>&- 4>&- &
    other=$!
    eventually grep -qx sleep "/proc/$other/comm"
    bundle uts "/proc/$other/ns/uts"
    run_and_show "$DEMO_PROGRAM" run --bundle bundle joined
    kill "$other"
    assert_status 0
    assert_output joined
}

# bundle TYPE PATH: a bundle whose command prints its hostname, with one namespace to join.
bundle() {
    mkdir bundle
    "$DEMO_PROGRAM" spec -- hostname >bundle/config.json
    python3 - "$1" "$2" "$ROOTFS" <<'END'
import json, sys
kind, path, root = sys.argv[1:]
config = json.load(open("bundle/config.json"))
config["root"]["path"] = root
config.pop("hostname", None)
for namespace in config["linux"]["namespaces"]:
    if namespace["type"] == kind:
        namespace["path"] = path
json.dump(config, open("bundle/config.json", "w"))
END
}

@test "after the container its namespaces are gone" {
    start_ready
    inode=$(ns_inode "$pid" net)
    stop_demo
    run ! grep -q "$inode" <(readlink /proc/[0-9]*/ns/net)
}
