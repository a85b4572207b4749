#!/usr/bin/env bats
#
# Limits: the files of the container's cgroup, and what the kernel does then.
#
# bats file_tags=step07,cgroup
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper

before_each() {
    requires root rootfs cgroup2
    # The cgroup that the test moved to, if it did.
    own=$(cgroup_of self)
}

after_each() {
    # Back to where the test began, so that its own cgroups can go.
    echo "$BASHPID" >"$own/cgroup.procs" || true
    [[ ! -d $own/test ]] || rmdir "$own"/test/*/ "$own/test"
}

# start_ready FLAGS...: a container that sleeps; $pid is its process 1, $cgroup its directory.
start_ready() {
    start_demo "$@" sh -c 'echo ready; exec sleep 100'
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
    cgroup=$(cgroup_of "$pid")
}

value() { cat "$cgroup/$1"; }

# key FILE NAME: the number after NAME in a file of lines like "oom_kill 1".
key() { sed -n "s/^$2 //p" "$cgroup/$1"; }

# --- Where it is ---

# points: 8
# needs: nothing
# chapter: The same, made robust
# hint: Step05 put its child into a cgroup, with or without limits. What is its name now, and who else is in it?
# hint: clone3(2): CLONE_INTO_CGROUP; cgroups(7).
# hint: make_cgroup makes "rung-" and the id, and `args.cgroup` of clone3 puts the child in there.
# bats test_tags=lesson
@test "each container is alone in a cgroup of its own" {
    start_ready
    [[ ${cgroup##*/} == rung-* ]]
    [[ $(value cgroup.procs) == "$pid" ]]
    first=$cgroup
    start_ready
    [[ $cgroup != "$first" ]]
}

# hint: The container has a name now. Where does your cgroup's name come from?
# hint: mkdir(2). The directory is "rung-" and the container's id.
# hint: read_controllers in cgroup/controllers.c, called by cgroup_plan.
@test "--name is the cgroup's name" {
    start_ready --name "mine-$$"
    [[ ${cgroup##*/} == "rung-mine-$$" ]]
}

# hint: The second one failed, and took the first one's cgroup with it, or joined it. Whose was the directory?
# hint: mkdir(2), ERRORS: EEXIST. Undo only what you have made yourself.
# hint: make_directory in cgroup/cgroup.c refuses what is there, and check_fresh looks before anything else is done.
@test "a name that is taken by another container is refused, and that one lives on" {
    start_ready --name "taken-$$"
    demo --name "taken-$$" true
    assert_status 125
    [[ $(value cgroup.procs) == "$pid" ]]
    # Also when the other one keeps its states somewhere else.
    run_and_show "$DEMO_PROGRAM" --root "$PWD/other" run --name "taken-$$" true
    assert_status 125
    assert_one_line_error '*rung-taken*'
    [[ $(value cgroup.procs) == "$pid" ]]
}

# hint: No cgroup v2 is mounted, and no limit was asked for. Is that a reason to stop?
# hint: cgroups(7); find_hierarchy looks into /proc/self/mountinfo: proc(5).
# hint: In cgroup_plan: without limits, no hierarchy only means no cgroup.
@test "without limits it also starts where no cgroup can be made" {
    run_and_show unshare --mount sh -c 'umount -l "$1"; shift; exec "$@"' sh "$(cgroup2_mount)" "${DEMO_WORDS[@]}" echo hello
    assert_status 0
    assert_output hello
}

# hint: A limit was asked for, could not be set, and the command ran without it. What should "fail closed" mean here?
# hint: cgroups(7). Decide before the first side effect, in the plan.
# hint: no_place in cgroup/place.c: an error that names the limit and says "cgroup v2".
@test "but a limit that cannot be set is an error, and nothing runs" {
    run_and_show unshare --mount sh -c 'umount -l "$1"; shift; exec "$@"' sh "$(cgroup2_mount)" "${DEMO_WORDS[@]}" \
        --pids 20 echo hello
    assert_status 125
    assert_output ''
    assert_one_line_error '*pids*cgroup v2*'
}

# hint: cgroup.controllers is there and does not name memory. Does the error?
# hint: cgroups(7), cgroup.controllers; read_controllers reads it.
# hint: why_not_controllers in cgroup/place.c says "no controller memory".
@test "a host whose cgroup v2 lacks the controller: the error says so" {
    # Such a host: only the part below a cgroup that gets no controllers is mounted.
    mkdir "$own/test" "$own/test/shell"
    echo "$BASHPID" >"$own/test/shell/cgroup.procs"
    run_and_show unshare --mount sh -c 'mount --bind "$1/test/shell" "$2" && shift 2 && exec "$@"' sh \
        "$own" "$(cgroup2_mount)" "${DEMO_WORDS[@]}" --memory 50M echo hello
    assert_status 125
    assert_output ''
    assert_one_line_error '*no controller memory*'
}

# hint: Your own cgroup has processes. Which one above it may have children with limits, and do you clean up there?
# hint: cgroups(7), "no internal processes" rule.
# hint: find_place calls climb until why_not has nothing to say; what enable_controllers has switched on,
#   disable_controllers takes back.
@test "processes of our own in the cgroup above do not matter: it climbs" {
    requires memory
    mkdir "$own/test" "$own/test/shell"
    echo +memory >"$own/cgroup.subtree_control"
    # "test" has the controller but hands nothing down; "shell" holds processes, so it never can.
    echo "$BASHPID" >"$own/test/shell/cgroup.procs"
    start_ready --memory 50M
    [[ $cgroup == "$own/test/rung-"* ]]
    [[ $(<"$own/test/cgroup.subtree_control") == *memory* ]]
    stop_demo
    # What it switched on is off again.
    [[ $(<"$own/test/cgroup.subtree_control") == '' ]]
}

# hint: No limit was asked for, so any place seemed good. But can the container have a limit tomorrow?
# hint: runc-update(8); cgroups(7), "no internal processes" rule, and "Threaded cgroups" for what holds of pids and cpu.
# hint: find_wishes in cgroup/place.c: plan_place looks for a place with memory, pids and cpu, limits or not.
@test "without limits, too, it goes where limits can be had: update and events work" {
    requires memory pids cpu
    echo '+memory +pids +cpu' >"$own/cgroup.subtree_control"
    mkdir "$own/test" "$own/test/shell"
    echo "$BASHPID" >"$own/test/shell/cgroup.procs"
    start_ready --name "later-$$"
    [[ $cgroup == "$own/test/rung-later-$$" && $(<"$own/test/shell/cgroup.type") == domain ]]
    run_and_show "$DEMO_PROGRAM" update --pids-limit 9 --memory 60M --cpu-quota 50000 "later-$$"
    assert_status 0
    [[ $(value pids.max) == 9 && $(value memory.max) == 62914560 && $(value cpu.max) == '50000 100000' ]]
    run_and_show "$DEMO_PROGRAM" events --stats "later-$$"
    [[ $output == *'"pids":{'*'"current":1'* && $output == *'"usage":{'*'"limit":62914560'* ]]
    stop_demo
    [[ $(<"$own/test/cgroup.subtree_control") == '' ]]
}

# hint: Your cgroup is "domain threaded": its children can hold threads only. Did clone3 say "Operation not supported"?
# hint: cgroups(7), "Creating a threaded subtree" and cgroup.type.
# hint: is_threaded in cgroup/place.c, asked by why_not; then `find_place` climbs on.
@test "it climbs out of a cgroup that is divided among threads" {
    requires pids
    echo +pids >"$own/cgroup.subtree_control"
    mkdir "$own/test" "$own/test/shell"
    echo "$BASHPID" >"$own/test/shell/cgroup.procs"
    echo +pids >"$own/test/cgroup.subtree_control"
    # Switched on where processes are, pids makes of it the root of a threaded subtree.
    echo +pids >"$own/test/shell/cgroup.subtree_control"
    [[ $(<"$own/test/shell/cgroup.type") == 'domain threaded' ]]
    start_ready
    [[ $cgroup != "$own/test/shell/"* ]]
    stop_demo
    start_ready --pids 20
    [[ $cgroup != "$own/test/shell/"* && $(value pids.max) == 20 ]]
    stop_demo
    # One that an engine has named cannot be anywhere else: so the error says why.
    "$DEMO_PROGRAM" spec --print >"$BATS_TEST_TMPDIR/config.json"
    sed -i "s|\"linux\": {|&\"cgroupsPath\": \"${own#"$(cgroup2_mount)"}/test/shell/rung-inner\",|" "$BATS_TEST_TMPDIR/config.json"
    run_and_show "$DEMO_PROGRAM" run --config "$BATS_TEST_TMPDIR/config.json" c9 true
    assert_status 125
    assert_one_line_error '*threads*cgroup.type*'
    echo -pids >"$own/test/shell/cgroup.subtree_control"
}

# hint: A controller was switched off under a living container. How could the first one to end know of the other?
# hint: readdir(3), flock(2): look for other cgroups of ours, under a lock.
# hint: has_own_child is asked before disable_controllers in the end of a cgroup: cgroup/end.c.
@test "the controllers stay on until the last container has gone" {
    requires memory pids
    echo '+memory +pids' >"$own/cgroup.subtree_control"
    mkdir "$own/test" "$own/test/shell"
    echo "$BASHPID" >"$own/test/shell/cgroup.procs"
    start_ready --memory 50M
    one=$demo_pid
    start_ready --memory 60M --pids 20
    two=$demo_pid
    stop_demo "$one"
    [[ $(<"$own/test/cgroup.subtree_control") == *'memory pids' ]]
    [[ $(value memory.max) == 62914560 ]]
    stop_demo "$two"
    [[ $(<"$own/test/cgroup.subtree_control") == '' ]]
}

# hint: A path with ".." was joined to the mount point. Where did it lead?
# hint: The OCI specification's config-linux.md, "Cgroups Path"; check each component of the path before you use it.
# hint: read_cgroups_path in config/spec_linux.c: it is refused before anything is made.
@test "cgroupsPath of config.json is used, and never leads out of the hierarchy" {
    mkdir bundle
    for path in /../../hx ../hx /a/../../hx /./hx; do
        with_path "$path"
        run_and_show "$DEMO_PROGRAM" run --bundle bundle given
        assert_status 125
        assert_one_line_error '*cgroupsPath*'
    done
    [[ ! -e /hx ]]
    with_path /rung-given
    run_and_show "$DEMO_PROGRAM" run --bundle bundle given
    assert_status 0
    assert_output hello
}

# hint: clone3 says "Operation not supported". What is it that this cgroup does not support?
# hint: cgroups(7), "Cgroups v2 thread mode"; clone3(2), ERRORS: EOPNOTSUPP. The file is cgroup.type.
# hint: hint_for_clone in container/clone.c.
@test "a cgroup below one for threads: the error names cgroup.type" {
    mkdir "$own/test" "$own/test/threads" bundle
    echo threaded >"$own/test/threads/cgroup.type"
    path=$own/test/threads/given
    with_path "${path#"$(cgroup2_mount)"}"
    run_and_show "$DEMO_PROGRAM" run --bundle bundle given
    assert_status 125
    assert_one_line_error '*cgroup.type*'
}

with_path() {
    "$DEMO_PROGRAM" spec --print --rootfs "$ROOTFS" -- echo hello >bundle/config.json
    python3 - "$1" <<'END'
import json, sys
config = json.load(open("bundle/config.json"))
config["linux"]["cgroupsPath"] = sys.argv[1]
json.dump(config, open("bundle/config.json", "w"))
END
}

# --- The files ---

# hint: memory.swap.max is swap alone; the specification's memory.swap is memory and swap together. Which do you
#   write?
# hint: kernel: admin-guide/cgroup-v2.rst; config-linux.md, "Memory".
# hint: cgroup_limits in cgroup/limits.c writes each row to its file: memory.max, memory.high, memory.swap.max.
@test "--memory, --memory-high and --swap" {
    requires memory
    start_ready --memory 50M --memory-high 40M
    [[ $(value memory.max) == 52428800 && $(value memory.high) == 41943040 ]]
    [[ ! -e $cgroup/memory.swap.max || $(value memory.swap.max) == 0 ]]
    start_ready --memory 1G --swap 100M
    [[ $(value memory.max) == 1073741824 ]]
    [[ ! -e $cgroup/memory.swap.max || $(value memory.swap.max) == 104857600 ]]
    start_ready --memory 50M --swap max
    [[ ! -e $cgroup/memory.swap.max || $(value memory.swap.max) == max ]]
}

# hint: In config.json a share of the processor is quota and period. Which number is which in cpu.max?
# hint: kernel: admin-guide/cgroup-v2.rst, cpu.max and pids.max.
# hint: commands/edits_limits.c turns --cpus into quota and period; cgroup/limits.c writes "quota period" to cpu.max.
@test "--pids and --cpus" {
    requires pids cpu
    start_ready --pids 20 --cpus 0.5
    [[ $(value pids.max) == 20 && $(value cpu.max) == '50000 100000' ]]
    start_ready --cpus 2
    [[ $(value cpu.max) == '200000 100000' ]]
    start_ready --cpus 0.01
    [[ $(value cpu.max) == '1000 100000' ]]
}

# hint: Root in there wrote to pids.max. How is /sys/fs/cgroup mounted?
# hint: mount(2): MS_RDONLY; cgroup_namespaces(7).
# hint: The mount of type cgroup2 in commands/defaults.c has the option "ro".
@test "the limits cannot be lifted from inside" {
    requires pids
    start_ready --pids 20
    demo --pids 20 sh -c 'echo max >/sys/fs/cgroup/pids.max'
    ((status != 0 && status != 125))
    assert_stderr_like '*Read-only file system*'
}

# --- What they do ---

# dd reads into a buffer as large as a block: memory that is really touched.
# hint: Nothing was killed. Is the limit in the cgroup that the command is really in?
# hint: memory.events: kernel, admin-guide/cgroup-v2.rst.
# hint: cgroup_limits comes before let_go; cgroup_oom_kills reads oom_kill in the end.
@test "more memory than --memory: the OOM killer ends the command" {
    requires memory
    demo --memory 20M sh -c 'dd if=/dev/zero of=/dev/null bs=90M count=1; echo ended with $?'
    assert_output 'ended with 137'
    demo --memory 20M dd if=/dev/zero of=/dev/null bs=90M count=1
    assert_status 137
    assert_stderr_like '*oom_kill*'
}

# hint: With a limit to memory and none to swap, where do the pages go?
# hint: kernel: admin-guide/cgroup-v2.rst, memory.swap.max.
# hint: commands/edits_limits.c: --memory without --swap also sets swap to the same sum, so memory.swap.max becomes 0.
@test "swap does not help" {
    requires memory
    start_ready --memory 20M
    [[ ! -e $cgroup/memory.swap.max || $(value memory.swap.max) == 0 ]]
    demo --memory 20M dd if=/dev/zero of=/dev/null bs=90M count=1
    assert_status 137
}

# hint: Nobody asked for a limit. Which file did you write to all the same?
# hint: kernel: admin-guide/cgroup-v2.rst: the default is "max".
# hint: cgroup/limits.c skips what was not given: has_file and the rows' own "not set".
@test "memory without a limit may be used" {
    demo dd if=/dev/zero of=/dev/null bs=90M count=1
    assert_status 0
}

# hint: How many processes are in the cgroup? Is pids.max written before the command starts?
# hint: pids.max and pids.events: kernel, admin-guide/cgroup-v2.rst.
# hint: make_cgroup, then cgroup_limits, then clone3 with CLONE_INTO_CGROUP.
@test "a fork bomb stops at --pids, and the host does not notice" {
    requires pids
    # A shell that can't fork ends: the bomb's may, the container's may not.
    start_demo --pids 20 sh -c 'bomb() { bomb | bomb & }; bomb 2>/dev/null & echo begin; exec sleep 100'
    eventually grep -q begin "$demo_out"
    cgroup=$(cgroup_of "$(children_of "$demo_pid" | tr -d ' ')")
    eventually refused_forks
    (($(value pids.current) <= 20))
    (($(wc -l <"$cgroup/cgroup.procs") <= 20))
    stop_demo
}

refused_forks() { (($(key pids.events max) > 0)); }

# hint: cpu.stat counts no throttling. What is in cpu.max?
# hint: kernel: admin-guide/cgroup-v2.rst, cpu.max: quota and period in microseconds.
# hint: commands/edits_limits.c: quota is the number of processors times the period.
@test "--cpus holds a spinner back" {
    requires cpu
    start_demo --cpus 0.2 sh -c 'echo begin; exec timeout 100 sh -c "while :; do :; done"'
    eventually grep -q begin "$demo_out"
    cgroup=$(cgroup_of "$(container_pid)")
    eventually throttled
    before=$(key cpu.stat usage_usec)
    start=$EPOCHREALTIME
    eventually throttled_again "$(key cpu.stat nr_throttled)"
    used=$(($(key cpu.stat usage_usec) - before))
    took=$((${EPOCHREALTIME/./} - ${start/./}))
    # A fifth of the time; twice that is allowed for where the measurement begins and ends.
    ((used * 100 < took * 45))
}

throttled() { (($(key cpu.stat nr_throttled) > 2)); }
throttled_again() { (($(key cpu.stat nr_throttled) > $1 + 10)); }

# --- The end ---

# hint: The command has ended and left children. What keeps rmdir from working, and how long does it take them to die?
# hint: cgroup.kill and cgroup.events: kernel, admin-guide/cgroup-v2.rst; poll(2) with POLLPRI.
# hint: cgroup_undo: cgroup_kill, wait_for "populated 0" with a limit to the time, then remove_all.
@test "the cgroup is gone afterwards, whatever the command left in it" {
    start_demo sh -c 'for i in 1 2 3; do setsid sleep 100 & done; echo ready; sleep 0.1; exit 4'
    eventually grep -q ready "$demo_out"
    wait_for_demo
    assert_status 4
    [[ -z $(find "$(cgroup2_mount)" -maxdepth 3 -name "rung-$demo_pid") ]]
}

# hint: rmdir said "busy": there are directories below. In which order can they be removed?
# hint: rmdir(2), openat(2): from the deepest one upwards, by descriptors.
# hint: remove_one_below in cgroup/end.c, until open_first_child finds no more.
@test "cgroups that appeared below the container's go with it" {
    start_ready
    mkdir -p "$cgroup/a/b/c" "$cgroup/a/d" "$cgroup/e"
    echo "$pid" >"$cgroup/a/b/c/cgroup.procs"
    stop_demo
    [[ ! -e $cgroup ]]
}

# hint: A frozen process handles no signal. Which one ends it all the same?
# hint: kernel: admin-guide/cgroup-v2.rst, cgroup.freeze: it can still be killed.
# hint: cgroup_kill writes to cgroup.kill; pass on SIGTERM as SIGKILL where nobody hears it.
@test "a frozen container can be ended" {
    start_ready
    echo 1 >"$cgroup/cgroup.freeze"
    eventually grep -qx 'frozen 1' "$cgroup/cgroup.events"
    kill -TERM "$demo_pid"
    wait_for_demo
    assert_status 137
    [[ ! -e $cgroup ]]
}

# hint: The runtime is dead, the container lives. Where is it written what has to be undone?
# hint: The state file: write it before the first side effect, rename(2) for "all or nothing".
# hint: `delete --force` reads the state, cgroup_reopen finds the cgroup, cgroup_undo empties and removes it.
@test "after SIGKILL delete --force kills what still runs, and removes the cgroup" {
    start_ready --name "orphan-$$" --without=death-signal
    kill -KILL "$demo_pid"
    wait_for_demo
    [[ $(value cgroup.procs) == "$pid" ]]
    rung delete "orphan-$$"
    ((status != 0))
    rung delete --force "orphan-$$"
    assert_status 0
    [[ ! -e $cgroup ]]
    eventually process_ended "$pid"
    rung delete --force "orphan-$$"
    assert_status 0
}
