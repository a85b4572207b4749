#!/usr/bin/env bats
#
# Limits: what the container's cgroup says, and what the kernel does about it.
#
# bats file_tags=step05,cgroup
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

before_each() {
    requires root rootfs cgroup2 memory pids cpu
    made_cgroups=()
}

# What a failed test left of its own cgroups: the deepest first.
after_each() {
    local pid i
    for pid in "${!running[@]}"; do
        stop_demo "$pid" >/dev/null || true
    done
    for ((i = ${#made_cgroups[@]} - 1; i >= 0; i--)); do
        echo 1 >"${made_cgroups[i]}/cgroup.kill" || true
        eventually rmdir_if_there "${made_cgroups[i]}"
    done
}

# --- The vocabulary of this file -------------------------------------------

# start_ready OPTIONS...: a container that waits; $pid is its process 1, $cgroup the directory of its cgroup.
start_ready() {
    start_demo "$@" sh -c 'echo ready; exec sleep 1000'
    look_at_container
}

# start_script OPTIONS... SCRIPT: a container whose shell runs it until it says ready.
start_script() {
    start_demo "${@:1:$#-1}" sh -c "${*: -1}"
    look_at_container
}

look_at_container() {
    eventually is_ready_or_dead
    grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
    cgroup=$(cgroup_of "$pid")
    [[ $cgroup != "$(cgroup_of "$demo_pid")" ]] || fail "it is in the demo's own cgroup"
}

is_ready_or_dead() {
    grep -q ready "$demo_out" || process_ended "$demo_pid"
}

# number_in FILE WORD: the number after WORD in a file of $cgroup.
number_in() {
    sed -n "s/^$2 //p" "$cgroup/$1"
}

is_gone() { [[ ! -e $1 ]]; }
is_frozen() { grep -qx 'frozen 1' "$cgroup/cgroup.events"; }
rmdir_if_there() { [[ ! -d $1 ]] || rmdir "$1"; }

# at_least N FILE WORD
at_least() { (($(number_in "$2" "$3") >= $1)); }

# make_cgroup PATH: below the root of the hierarchy; sets $made. It goes with the test.
make_cgroup() {
    made=$(cgroup2_mount)/$1
    mkdir "$made"
    made_cgroups+=("$made")
}

# What a demo could change for others: the controllers handed down by the cgroups from ours to the root.
handed_down() {
    local directory
    directory=$(cgroup_of self)
    while [[ -e $directory/cgroup.subtree_control ]]; do
        echo "$directory: $(<"$directory/cgroup.subtree_control")"
        directory=${directory%/*}
    done
}

# --- The cgroup ------------------------------------------------------------

# needs: nothing
@test "its limits are files in its cgroup" {
    start_ready --memory 50M --memory-high 40M --swap 1M --pids 20 --cpus 0.5
    [[ $(<"$cgroup/memory.max") == 52428800 ]]
    [[ $(<"$cgroup/memory.high") == 41943040 ]]
    [[ $(<"$cgroup/memory.swap.max") == 1048576 ]]
    [[ $(<"$cgroup/pids.max") == 20 ]]
    [[ $(<"$cgroup/cpu.max") == '50000 100000' ]]
}

@test "sizes take K, M and G" {
    for size in 8388608:8388608 8192K:8388608 8M:8388608 1G:1073741824; do
        start_ready --memory "${size%:*}"
        [[ $(<"$cgroup/memory.max") == "${size#*:}" ]]
        stop_demo
    done
}

@test "more than one processor" {
    start_ready --cpus 2.5
    [[ $(<"$cgroup/cpu.max") == '250000 100000' ]]
}

@test "its cgroup is its own, and every process of it is in there" {
    start_script 'sleep 1000 & echo ready; wait'
    [[ $cgroup != "$(cgroup_of self)" && $cgroup != "$(cgroup_of "$demo_pid")" ]]
    [[ $(sort -n "$cgroup/cgroup.procs") == "$( (echo "$pid" && children_of "$pid" | xargs -n 1) | sort -n)" ]]
    [[ $(wc -l <"$cgroup/cgroup.procs") == 2 ]]
}

@test "the demo itself is not in it: it lives on to tidy up" {
    start_ready --memory 50M
    run ! grep -qx "$demo_pid" "$cgroup/cgroup.procs"
}

@test "the command is limited from its first instruction" {
    # A static program, and nothing before it: what it allocates at once is already too much.
    for _ in {1..5}; do
        demo --memory 20M dd if=/dev/zero of=/dev/null bs=60M count=1
        assert_status 137
    done
    for _ in {1..5}; do
        demo --pids 20 cat /proc/self/cgroup
        assert_output '0::/'
    done
}

@test "two at once have limits of their own" {
    start_ready --memory 50M --pids 20
    first=$cgroup first_demo=$demo_pid
    start_ready --memory 60M
    [[ $first != "$cgroup" ]]
    [[ $(<"$first/memory.max") == 52428800 && $(<"$cgroup/memory.max") == 62914560 ]]
    stop_demo "$first_demo"
    [[ $(<"$cgroup/memory.max") == 62914560 ]]
}

# --- Memory ----------------------------------------------------------------

@test "who allocates more than memory.max is killed, and the container lives on" {
    start_script --memory 50M 'dd if=/dev/zero of=/dev/null bs=60M count=1; echo status $?; echo ready; sleep 1000'
    grep -qx 'status 137' "$demo_out"
    [[ $(number_in memory.events oom_kill) == 1 ]]
    (($(number_in memory.events max) > 0))
    [[ ! -e $cgroup/memory.peak ]] || (($(<"$cgroup/memory.peak") <= 52428800))
}

@test "memory below the limit is there" {
    demo --memory 50M dd if=/dev/zero of=/dev/null bs=30M count=1
    assert_status 0
}

@test "when process 1 itself is killed for memory, the demo says so" {
    demo --memory 50M dd if=/dev/zero of=/dev/null bs=60M count=1
    assert_status 137
    assert_stderr_like '*oom_kill 1*'
}

@test "with a limit to memory there is no swap" {
    start_ready --memory 50M
    [[ $(<"$cgroup/memory.swap.max") == 0 ]]
}

@test "without a limit to memory swap is left alone" {
    start_ready --pids 20
    [[ ! -e $cgroup/memory.swap.max || $(<"$cgroup/memory.swap.max") == max ]]
}

@test "--swap allows as much as it says" {
    start_ready --swap 16M --memory 50M
    [[ $(<"$cgroup/memory.swap.max") == 16777216 ]]
}

has_swap() { (($(awk '$1 == "SwapFree:" { print $2 }' /proc/meminfo) > 100 << 10)); }

@test "with swap the same program escapes the limit" {
    requires swap
    demo --memory 50M --swap 100M dd if=/dev/zero of=/dev/null bs=60M count=1
    assert_status 0
    demo --memory 50M --without=swap-limit dd if=/dev/zero of=/dev/null bs=60M count=1
    assert_status 0
}

@test "--without=swap-limit leaves swap unlimited" {
    start_ready --memory 50M --without=swap-limit
    [[ $(<"$cgroup/memory.swap.max") == max ]]
}

@test "memory.high slows down, and kills nobody" {
    start_script --memory 100M --memory-high 10M \
        'dd if=/dev/zero of=/dev/null bs=12M count=1; echo status $?; echo ready; sleep 1000'
    grep -qx 'status 0' "$demo_out"
    (($(number_in memory.events high) > 0))
    [[ $(number_in memory.events max) == 0 && $(number_in memory.events oom_kill) == 0 ]]
}

# --- Processes -------------------------------------------------------------

@test "a fork bomb stops at pids.max, and the host can still fork" {
    # One fork while there is room, and from then on none: a shell that can't fork ends.
    start_script --pids 20 'bomb() { bomb | bomb & }; bomb 2>/dev/null & echo ready; exec sleep 1000'
    eventually at_least 1 pids.events max
    for _ in {1..20}; do
        (($(<"$cgroup/pids.current") <= 20))
        (($(wc -l <"$cgroup/cgroup.procs") <= 20))
    done
    [[ $(sh -c 'echo alive') == alive ]]
    stop_demo
    eventually is_gone "$cgroup"
}

@test "--pids 1 leaves room for the command alone" {
    demo --pids 1 echo alone
    assert_status 0
    assert_output alone
    demo --pids 1 sh -c 'sleep 0; echo not reached'
    ((status != 0))
    assert_output ''
}

# --- Processor time --------------------------------------------------------

@test "a loop gets half a processor with --cpus 0.5" {
    start_script --cpus 0.5 'echo ready; while :; do :; done'
    eventually at_least 5 cpu.stat nr_throttled
    # Look at the clock first and last: what comes between is counted against us.
    start=$(date +%s%N)
    usage=$(number_in cpu.stat usage_usec)
    throttled=$(number_in cpu.stat nr_throttled)
    eventually at_least $((throttled + 10)) cpu.stat nr_throttled
    usage=$(($(number_in cpu.stat usage_usec) - usage))
    elapsed=$((($(date +%s%N) - start) / 1000))
    # At most half, and one period's share (50 ms) on top: we began and ended within periods.
    ((usage <= elapsed / 2 + 50000)) || fail "it used $usage us in $elapsed us"
}

@test "without --cpus a loop is not throttled" {
    start_script --pids 20 'echo ready; i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; echo done; sleep 1000'
    eventually grep -q 'done' "$demo_out"
    [[ $(<"$cgroup/cgroup.controllers") != *cpu* || $(number_in cpu.stat nr_throttled) == 0 ]]
}

# --- What the container sees -----------------------------------------------

@test "it sees its cgroup as the root" {
    demo cat /proc/self/cgroup
    assert_output '0::/'
    start_ready
    [[ $(ns_inode "$pid" cgroup) != "$(ns_inode self cgroup)" ]]
    [[ $(sed -n 's/^0:://p' "/proc/$pid/cgroup") == */* ]]
    [[ $(sed -n 's/^0:://p' "/proc/$pid/cgroup") != / ]]
}

@test "it reads its limits in /sys/fs/cgroup, and nothing beside" {
    demo --memory 50M --pids 20 sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max; ls -d */ 2>/dev/null'
    assert_output $'52428800\n20'
}

@test "it cannot write its limits" {
    demo --memory 50M --pids 20 sh -c 'cd /sys/fs/cgroup
        echo max 2>/dev/null >memory.max; echo max 2>/dev/null >pids.max; echo $$ 2>/dev/null >cgroup.procs
        mkdir new 2>/dev/null; cat memory.max pids.max; ls -d new 2>/dev/null || :'
    assert_status 0
    assert_output $'52428800\n20'
}

# --- The host's handles ----------------------------------------------------

@test "the host can freeze it, and let it go on" {
    start_script 'echo ready; while :; do echo tick; sleep 0.05; done'
    eventually grep -q tick "$demo_out"
    echo 1 >"$cgroup/cgroup.freeze"
    eventually is_frozen
    size=$(wc -c <"$demo_out")
    read -rt 0.3 </dev/zero || true # a while
    [[ $(wc -c <"$demo_out") == "$size" ]]
    echo 0 >"$cgroup/cgroup.freeze"
    eventually has_grown "$demo_out" "$size"
}

has_grown() { (($(wc -c <"$1") > $2)); }

@test "cgroup.kill ends all of it at once" {
    start_script 'sleep 1000 & sleep 1000 & echo ready; wait'
    mapfile -t pids <"$cgroup/cgroup.procs"
    ((${#pids[@]} == 3))
    echo 1 >"$cgroup/cgroup.kill"
    wait_for_demo
    assert_status 137
    for process in "${pids[@]}"; do
        eventually process_ended "$process"
    done
    [[ ! -e $cgroup ]]
}

@test "SIGTERM ends a frozen container, too" {
    start_ready
    echo 1 >"$cgroup/cgroup.freeze"
    eventually is_frozen
    stop_demo
    [[ ! -e $cgroup ]]
}

# --- Every ending ----------------------------------------------------------

limits=(--memory 50M --pids 20 --cpus 0.5)

@test "the cgroup is removed and the controllers are as before: normal end, and none" {
    handed_down >before
    for wanted in 0 7; do
        demo "${limits[@]}" sh -c "exit $wanted"
        assert_status "$wanted"
        assert_host_unchanged
    done
    demo "${limits[@]}" no-such-program
    assert_status 127
    assert_host_unchanged
    handed_down >after
    diff before after
}

@test "the cgroup is removed and the controllers are as before: killed for memory" {
    handed_down >before
    demo "${limits[@]}" dd if=/dev/zero of=/dev/null bs=60M count=1
    assert_status 137
    assert_host_unchanged
    handed_down >after
    diff before after
}

@test "the cgroup is removed and the controllers are as before: SIGTERM, SIGINT, SIGHUP" {
    handed_down >before
    for signal in TERM INT HUP; do
        start_ready "${limits[@]}"
        kill -"$signal" "$demo_pid"
        wait_for_demo
        [[ ! -e $cgroup ]]
    done
    handed_down >after
    diff before after
}

@test "the cgroup is removed and the controllers are as before: an error half-way" {
    handed_down >before
    make_own_root
    rmdir "$root/proc"
    # A build that checks its memory use could not do so without /proc.
    export ASAN_OPTIONS=detect_leaks=0
    demo "${limits[@]}" true
    assert_status 125
    assert_host_unchanged
    handed_down >after
    diff before after
}

@test "the cgroup is removed and the controllers are as before: a limit nothing can live in" {
    handed_down >before
    demo --memory 0 true
    ((status == 125 || status == 137))
    assert_host_unchanged
    handed_down >after
    diff before after
}

@test "cgroups that the container made in its own go as well" {
    start_script "${limits[@]}" 'mkdir /tmp/c; mount -t cgroup2 c /tmp/c; mkdir -p /tmp/c/one/two /tmp/c/three
        sleep 1000 & echo $! >/tmp/c/one/two/cgroup.procs; echo ready; wait'
    [[ -n $(cat "$cgroup/one/two/cgroup.procs") ]]
    stop_demo
    [[ ! -e $cgroup ]]
}

@test "after SIGKILL scripts/cleanup removes the cgroup, and those in it" {
    handed_down >before
    start_script "${limits[@]}" 'mkdir /tmp/c; mount -t cgroup2 c /tmp/c; mkdir -p /tmp/c/one/two
        echo $$ >/tmp/c/one/two/cgroup.procs; echo ready; exec sleep 1000'
    cgroup=${cgroup%/one/two}
    kill -KILL "$demo_pid"
    wait_for_demo
    eventually process_ended "$pid"
    [[ -d $cgroup/one/two ]]
    run_and_show "$TOP/scripts/cleanup"
    assert_status 0
    [[ ! -e $cgroup ]]
    demo "${limits[@]}" true
    assert_status 0
}

@test "the controllers stay as long as another container needs them" {
    handed_down >before
    start_ready --memory 50M
    first=$demo_pid
    start_ready --memory 60M --pids 20
    stop_demo "$first"
    [[ $(<"$cgroup/memory.max") == 62914560 && $(<"$cgroup/pids.max") == 20 ]]
    stop_demo
}

# --- Places ----------------------------------------------------------------

@test "it works from a cgroup that has processes and no controllers" {
    make_cgroup rung-test-nested
    make_cgroup rung-test-nested/deeper
    # The demo starts in there.
    DEMO_WORDS=(sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$made" "${DEMO_WORDS[@]}")
    start_ready --memory 50M --pids 20 --cpus 0.5
    [[ $(<"$cgroup/memory.max") == 52428800 && $(<"$cgroup/pids.max") == 20 ]]
    [[ $(<"$cgroup/cpu.max") == '50000 100000' ]]
    stop_demo
    [[ ! -e $cgroup ]]
    [[ -z $(<"$made/cgroup.subtree_control") ]]
}

# in_cgroup_namespace: demos see the cgroup $made as the root of all, and start in its child called leaf.
in_cgroup_namespace() {
    DEMO_WORDS=(sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$made"
        unshare --cgroup --mount --propagation private sh -c '
            mount -t cgroup2 delegated "$0"
            if [ "$1" ]; then mkdir -p "$0/$1" && echo $$ >"$0/$1/cgroup.procs"; fi
            shift
            exec "$@"' "$(cgroup2_mount)" "${1-}" "${DEMO_WORDS[@]}")
    [[ -z ${1-} ]] || made_cgroups+=("$made/$1")
}

# delegate: a cgroup with all controllers, as systemd hands it to a user or to a container.
delegate() {
    make_cgroup rung-test-delegated
    eventually delegated_controllers
}

# Not ours to switch off again: "handed_down" is compared where it matters.
delegated_controllers() {
    local root
    root=$(cgroup2_mount)
    before_delegation=${before_delegation-$(<"$root/cgroup.subtree_control")}
    echo '+memory +pids +cpu' >"$root/cgroup.subtree_control"
    [[ $(<"$made/cgroup.controllers") == *memory* ]]
}

# undelegate: switch off again what was off.
undelegate() {
    local root controller
    root=$(cgroup2_mount)
    for controller in memory pids cpu; do
        [[ " $before_delegation " == *" $controller "* ]] || echo "-$controller" >"$root/cgroup.subtree_control"
    done
}

@test "it works in a cgroup namespace, below a root that is no root" {
    delegate
    in_cgroup_namespace leaf
    start_ready --memory 50M --pids 20
    [[ $cgroup == "$made"/* && $cgroup != */leaf/* ]]
    [[ $(<"$cgroup/memory.max") == 52428800 ]]
    stop_demo
    [[ ! -e $cgroup && -z $(<"$made/cgroup.subtree_control") ]]
    undelegate
}

@test "processes in a root that is no root: the error says what is wrong" {
    delegate
    in_cgroup_namespace
    demo --memory 50M true
    assert_status 125
    assert_one_line_error '*cgroup*: Device or resource busy (*processes*)'
    undelegate
}

@test "where v2 has no controllers, as on a hybrid host, the error says what to do" {
    make_cgroup rung-test-hybrid
    # It hands nothing down to its child: for those who see that as the root, v2 is empty.
    make_cgroup rung-test-hybrid/below
    in_cgroup_namespace leaf
    demo --memory 50M true
    assert_status 125
    assert_one_line_error '*controllers*: No such file or directory (*v1*)'
}

@test "without cgroup v2 the error says what to do, and unlimited runs go on" {
    DEMO_WORDS=(unshare --mount --propagation private sh -c '
        umount --lazy "$0" && exec "$@"' "$(cgroup2_mount)" "${DEMO_WORDS[@]}")
    demo --memory 50M true
    assert_status 125
    assert_one_line_error '*cgroup v2*(*v1*)'
    [[ $stderr != *Success* ]]
    demo echo hello
    assert_status 0
    assert_output hello
}

@test "cgroup v2 may be mounted elsewhere" {
    mkdir elsewhere
    DEMO_WORDS=(unshare --mount --propagation private sh -c '
        mount --move "$0" elsewhere 2>/dev/null || { mount --rbind "$0" elsewhere && umount --lazy "$0"; }
        exec "$@"' "$(cgroup2_mount)" "${DEMO_WORDS[@]}")
    demo --memory 50M sh -c 'cat /sys/fs/cgroup/memory.max'
    assert_status 0
    assert_output 52428800
}

# --- What the steps before have promised -----------------------------------

@test "its mounts stay its own" {
    start_ready
    diff <(cut -d ' ' -f 5 /proc/self/mountinfo) <(cut -d ' ' -f 5 "/proc/$demo_pid/mountinfo")
}

@test "joining its own mount namespace leads nowhere else" {
    demo sh -c 'touch /tmp/in-here; nsenter -m -t 1 /bin/sh -c "[ -e /tmp/in-here ] && echo no way out"'
    assert_output 'no way out'
}

# --- The demonstration -----------------------------------------------------

@test "the demonstration observes all of it" {
    demo --chapter 5
    assert_status 0
    [[ ${lines[-1]} == demo:*observed ]]
}
