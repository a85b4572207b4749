#!/usr/bin/env bats
#
# Namespaces, hostname, user and group maps, rootless: seen from the host.
#
# bats file_tags=step07,namespaces
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper

before_each() { requires root rootfs; }

# start_ready FLAGS...: a container that sleeps; $pid is its process 1.
start_ready() {
    start_demo "$@" sh -c 'echo ready; exec sleep 100'
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
}

# points: 10
# needs: nothing
# chapter: Look from the host
# hint: Six of the eight are new by default. Which flag is missing, or too many?
# hint: namespaces(7), clone3(2): CLONE_NEWCGROUP, NEWIPC, NEWNET, NEWNS, NEWPID, NEWUTS.
# hint: namespaces_clone_flags in process/namespaces.c gathers them from the spec's list; commands/defaults.c lists six.
# bats test_tags=lesson
@test "it has six namespaces of its own, and shares the host's users and clocks" {
    start_ready
    for type in cgroup ipc mnt net pid uts; do
        [[ $(ns_inode "$pid" "$type") != "$(ns_inode self "$type")" ]]
    done
    [[ $(ns_inode "$pid" user) == "$(ns_inode self user)" ]]
    [[ $(ns_inode "$pid" time) == "$(ns_inode self time)" ]]
}

# hint: Both runs ended up in one namespace. Which, and who handed it on?
# hint: setns(2) joins, clone3(2) makes.
# hint: namespaces_clone_flags for each container; namespaces_join only for entries with a path.
@test "two containers share no namespace but the users' and the clocks'" {
    start_ready
    first=$pid
    start_ready
    for type in cgroup ipc mnt net pid uts; do
        [[ $(ns_inode "$first" "$type") != "$(ns_inode "$pid" "$type")" ]]
    done
}

# hint: Is the command itself process 1, and is /proc the container's?
# hint: pid_namespaces(7); mount(2) with the type proc, in the child.
# hint: CLONE_NEWPID from namespaces_clone_flags, and "proc" among the mounts of commands/defaults.c.
@test "the command is process 1, and sees only its own processes" {
    start_ready
    read -r outside inside rest <<<"$(status_field "$pid" NSpid)"
    [[ $outside == "$pid" && $inside == 1 && -z $rest ]]
    demo sh -c 'echo $$; ls -d /proc/[0-9]*'
    assert_status 0
    [[ ${lines[0]} == 1 && ${lines[1]} == /proc/1 ]]
    ((${#lines[@]} <= 3))
}

# hint: Who was renamed: the container, or your machine?
# hint: sethostname(2), uts_namespaces(7): in the child.
# hint: set_hostname sets the spec's hostname, in the child.
@test "its hostname is its own, and the host keeps its own" {
    before=$(</proc/sys/kernel/hostname)
    start_ready --hostname inside
    [[ $(nsenter --uts="/proc/$pid/ns/uts" hostname) == inside ]]
    [[ $(</proc/sys/kernel/hostname) == "$before" ]]
}

# hint: Where does the name come from if nobody gives one?
# hint: config.md of the OCI specification: "hostname" is one line of config.json.
# hint: `"hostname": "container"` in what commands/defaults.c makes.
@test "without --hostname it is called container" {
    demo hostname
    assert_output container
}

# hint: ipcs in the container lists the host's segments. Which flag is missing? And whose is /dev/shm?
# hint: ipc_namespaces(7): CLONE_NEWIPC; tmpfs(5) for /dev/shm.
# hint: `{"type": "ipc"}` among linux.namespaces in commands/defaults.c.
@test "it cannot see or remove the host's shared memory" {
    id=$(ipcmk --shmem 4096 | grep -o '[0-9]*$')
    demo sh -c 'wc -l < /proc/sysvipc/shm; ls /dev/shm'
    ipcrm --shmem-id "$id"
    assert_status 0
    assert_output 1
}

# hint: /proc/self/cgroup shows the way on the host. In which cgroup was the process when the namespace was made?
# hint: cgroup_namespaces(7): unshare(2) after clone3 with CLONE_INTO_CGROUP, not in one go.
# hint: enter_cgroup_namespace calls `unshare(CLONE_NEWCGROUP)` in the child.
@test "the root of its cgroup namespace is its own cgroup" {
    demo grep ^0:: /proc/self/cgroup
    assert_status 0
    assert_output 0::/
}

# hint: The offsets can be written only once, and only before somebody is in. Who writes them, and when?
# hint: time_namespaces(7): /proc/PID/timens_offsets; after unshare(2) only children are in the new namespace.
# hint: make_time_namespace in process/namespaces.c.
@test "the time namespace moves its clocks, not the host's" {
    requires time_ns
    start_ready --time-offset 1000000
    [[ $(ns_inode "$pid" time) != "$(ns_inode self time)" ]]
    read -r host _ </proc/uptime
    read -r inside _ <<<"$(nsenter --time="/proc/$pid/ns/time" cat /proc/uptime)"
    ((${inside%.*} - ${host%.*} >= 999999 && ${inside%.*} - ${host%.*} <= 1000100))
}

# points: 10
# chapter: Look from the host
# hint: Root in there has a number on the host. Who writes it, and where?
# hint: user_namespaces(7): uid_map, gid_map, written by the parent; setgroups.
# hint: namespaces_write_maps in the parent while the child waits; then namespaces_become_root.
# bats test_tags=lesson
@test "--userns: root inside is nobody of the host" {
    start_ready --userns
    [[ $(ns_inode "$pid" user) != "$(ns_inode self user)" ]]
    [[ $(status_field "$pid" Uid) == 100000$'\t'* ]]
    [[ $(status_field "$pid" Gid) == 100000$'\t'* ]]
    demo --userns id -u
    assert_output 0
}

# hint: One line of the maps begins with the host's 0. Where do the numbers come from?
# hint: user_namespaces(7), subuid(5).
# hint: commands/edits_ids.c: the default range begins at 100000.
@test "--userns never maps the host's root" {
    start_ready --userns
    while read -r _ outside _; do
        ((outside > 0))
    done <"/proc/$pid/uid_map"
    while read -r _ outside _; do
        ((outside > 0))
    done <"/proc/$pid/gid_map"
}

# hint: Three numbers with colons become a line with blanks. In which order?
# hint: user_namespaces(7), "User and group ID mappings": inside, outside, length.
# hint: commands/edits_ids.c fills linux.uidMappings: containerID, hostID, size; process/id_maps.c writes them.
@test "--uidmap and --gidmap are the lines of uid_map and gid_map" {
    start_ready --uidmap 0:200000:1000 --uidmap 1000:300000:10 --gidmap 0:400000:2000
    [[ $(tr -s ' ' <"/proc/$pid/uid_map") == $' 0 200000 1000\n 1000 300000 10' ]]
    [[ $(tr -s ' ' <"/proc/$pid/gid_map") == ' 0 400000 2000' ]]
}

# hint: In a user namespace, root's rights count only for what belongs to it. To whom does the UTS namespace belong,
#   or /proc/sys?
# hint: user_namespaces(7): namespaces belong to the user namespace they were made in; capabilities(7).
# hint: CLONE_NEWUSER in the same clone3 as the others makes them its own; /proc/sys is read-only all the same.
@test "--userns: it has no rights over the host's kernel" {
    before=$(</proc/sys/kernel/core_pattern)
    demo --userns true
    assert_status 0
    demo --userns sh -c 'echo x >/proc/sys/kernel/core_pattern'
    ((status != 0))
    demo --userns hostname other
    ((status != 0))
    [[ $(</proc/sys/kernel/core_pattern) == "$before" ]]
}

# points: 10
# chapter: Look from the host
# hint: Without root only one line can be written into uid_map. Which one? And what must be written before gid_map?
# hint: user_namespaces(7): "deny" into /proc/PID/setgroups, then gid_map. newuidmap(1) for more.
# hint: namespaces_write_maps: write_proc(pid, "setgroups", "deny") first, then the maps.
# bats test_tags=lesson
@test "an ordinary user gets a container too, and is root in it" {
    requires user_ns
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" sh -c 'id -u; hostname; cat /proc/self/uid_map /proc/self/setgroups'
    assert_status 0
    [[ $(tr -s ' ' <<<"$output") == $'0\ncontainer\n 0 65534 1\ndeny' ]]
}

# needs: an ordinary user gets a container too, and is root in it
# hint: What works as root does not work here. Which call says EPERM?
# hint: user_namespaces(7): with CLONE_NEWUSER an ordinary user may make all others. `-v` shows the call.
# hint: namespaces_clone_flags with CLONE_NEWUSER among them; no cgroup and no cable are needed.
@test "rootless: it has namespaces of its own, lo alone, and the command's exit status" {
    requires user_ns
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" sh -c 'echo $$; ls /sys/class/net; exit 7'
    assert_status 7
    assert_output $'1\nlo'
}

# needs: an ordinary user gets a container too, and is root in it
# hint: A bridge on the host needs root. When do you notice: at once, or half-way?
# hint: geteuid(2); check before the first side effect.
# hint: The network's plan refuses --ip with "needs root"; no_place in cgroup/place.c names the limit.
@test "rootless: --ip and limits are refused, and say why" {
    requires user_ns
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" --ip 10.240.0.2/24 true
    assert_status 125
    assert_one_line_error '*--ip*root*'
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" --memory 50M true
    assert_status 125
    assert_one_line_error '*memory*'
}

# needs: an ordinary user gets a container too, and is root in it
# hint: A file made by root in there should belong to whom out here?
# hint: user_namespaces(7): the map decides who a file belongs to.
# hint: `0 UID 1` is the only line of the map: process/id_maps.c.
@test "rootless: what it writes to its own root belongs to the user" {
    requires user_ns
    make_public_copies
    chown -R 65534:65534 "$PUBLIC/rootfs"
    demo_as_nobody --rootfs "$BATS_TEST_TMPDIR/public/rootfs" sh -c 'echo hello >/root/file'
    assert_status 0
    [[ $(stat -c '%u:%g' "$PUBLIC/rootfs/root/file") == 65534:65534 ]]
}

# hint: The path names a namespace that is there. Do you make a new one all the same?
# hint: setns(2), on the path opened before the root changes; config-linux.md, "Namespaces".
# hint: namespaces_open opens the paths, namespaces_join enters them; namespaces_clone_flags leaves those out.
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
    "$DEMO_PROGRAM" spec --print -- hostname >bundle/config.json
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

# hint: A namespace lives as long as somebody is in it, or has it open. Who still has?
# hint: namespaces(7), "Namespace lifetime"; open descriptors and bind mounts keep one.
# hint: Close what namespaces_open has opened: O_CLOEXEC on each.
@test "after the container its namespaces are gone" {
    start_ready
    inode=$(ns_inode "$pid" net)
    stop_demo
    run ! grep -q "$inode" <(readlink /proc/[0-9]*/ns/net)
}
