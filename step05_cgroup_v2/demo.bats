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
    local i
    end_commands
    # That the demo removes its cgroup has tests of its own: the others hold without it.
    case $BATS_TEST_DESCRIPTION in
    'the cgroup is removed'* | 'cgroups that'* | 'after SIGKILL'*) ;;
    *) remove_leftovers ;;
    esac
    for ((i = ${#made_cgroups[@]} - 1; i >= 0; i--)); do
        echo 1 >"${made_cgroups[i]}/cgroup.kill" || true
        eventually rmdir_if_there "${made_cgroups[i]}"
    done
}

# The cgroups of this test's demos, if they are still there.
remove_leftovers() {
    local name
    while read -r _ name; do
        eventually rmdir_if_there "$name"
    done < <(left_on_host cgroup)
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

# points: 12
# needs: nothing
# chapter: In a few lines
# hint: A limit is a number in a file. In which directory, who makes it, and how does the command get into it?
# hint: cgroups(7), "Cgroups v2"; kernel: admin-guide/cgroup-v2.rst for memory.max, pids.max, cpu.max; mkdir(2);
#   clone3(2): CLONE_INTO_CGROUP.
# hint: make_cgroup in main, before start: mkdirat, then write_file(c->cgroup_fd, limit->file, limit->value) for each
#   limit, then `c->clone.flags |= CLONE_INTO_CGROUP; c->clone.cgroup = (uint64_t)c->cgroup_fd;`
# bats test_tags=lesson
@test "its limit is a file in its cgroup" {
    start_ready --memory 50M
    [[ $(<"$cgroup/memory.max") == 52428800 ]]
}

# points: 6
# chapter: The idea
# hint: `ls` the cgroup of the command: which file belongs to which option, and which of them says "max"?
# hint: kernel: admin-guide/cgroup-v2.rst: memory.high, memory.swap.max, pids.max, cpu.max (microseconds of work, and of
#   how many).
# hint: A row for each option in `rows[]`, and `set_limit(c, file, text)` in limit_size, limit_pids and limit_cpus.
# bats test_tags=lesson
@test "each limit is in the file of its name" {
    start_ready --memory 50M --memory-high 40M --swap 1M --pids 20 --cpus 0.5
    [[ $(<"$cgroup/memory.high") == 41943040 ]]
    [[ $(<"$cgroup/memory.swap.max") == 1048576 ]]
    [[ $(<"$cgroup/pids.max") == 20 ]]
    [[ $(<"$cgroup/cpu.max") == '50000 100000' ]]
}

# points: 4
# chapter: The same, made robust
# hint: 8192K and 8M are the same. Did you count in 1000s, or stop at the letter?
# hint: strtoll(3): endptr points at the letter. A shift by 10, 20 or 30 bits does the rest.
# hint: `int shift = unit ? 10 * (int)(unit - units + 1) : 0;` and `size << shift` in limit_size.
# bats test_tags=lesson
@test "sizes take K, M and G" {
    for size in 8388608:8388608 8192K:8388608 8M:8388608 1G:1073741824; do
        start_ready --memory "${size%:*}"
        [[ $(<"$cgroup/memory.max") == "${size#*:}" ]]
        end_commands
    done
}

# hint: 2.5 processors: how many microseconds of work in 100 milliseconds is that?
# hint: kernel: admin-guide/cgroup-v2.rst, cpu.max: quota and period. strtod(3).
# hint: `snprintf(text, sizeof(text), "%ld 100000", (long)(cpus * 100000));` in limit_cpus.
@test "more than one processor" {
    start_ready --cpus 2.5
    [[ $(<"$cgroup/cpu.max") == '250000 100000' ]]
}

# points: 8
# chapter: The idea
# hint: cgroup.procs should hold the command and its children. Who was put there, and when?
# hint: cgroups(7): a child starts in its parent's cgroup. clone3(2): CLONE_INTO_CGROUP.
# hint: `c->clone.cgroup = (uint64_t)c->cgroup_fd;` in make_cgroup; what the command starts follows by itself.
# bats test_tags=lesson
@test "its cgroup is its own, and every process of it is in there" {
    start_script 'sleep 1000 & echo ready; wait'
    [[ $cgroup != "$(cgroup_of self)" && $cgroup != "$(cgroup_of "$demo_pid")" ]]
    [[ $(sort -n "$cgroup/cgroup.procs") == "$( (echo "$pid" && children_of "$pid" | xargs -n 1) | sort -n)" ]]
    [[ $(wc -l <"$cgroup/cgroup.procs") == 2 ]]
}

# points: 6
# chapter: The idea
# hint: The demo's own PID is in cgroup.procs. Then what happens to it when the limit is hit, or at rmdir?
# hint: cgroups(7): writing 0 or your own PID to cgroup.procs moves you. clone3(2) moves the child alone.
# hint: CLONE_INTO_CGROUP in make_cgroup, and no write to cgroup.procs.
# bats test_tags=lesson
@test "the demo itself is not in it: it lives on to tidy up" {
    start_ready --memory 50M
    run ! grep -qx "$demo_pid" "$cgroup/cgroup.procs"
}

# points: 8
# chapter: The same, made robust
# hint: Some of the runs got through. What happens between the child's first instruction and your write to
#   cgroup.procs?
# hint: clone3(2): CLONE_INTO_CGROUP leaves no such gap. All limits are written before it.
# hint: In main: `make_cgroup(&container);` stands before `start(&container);`
# bats test_tags=lesson
@test "the command is limited from its first instruction" {
    # A static program, and nothing before it: what it allocates at once is already too much.
    for _ in {1..5}; do
        demo --memory 20M dd if=/dev/zero of=/dev/null bs=60M count=1
        assert_status 137
    done
}

# hint: The second run changed the first one's limit, or could not start. What do the two share?
# hint: mkdir(2), EEXIST: the name must be unique. getpid(2) is.
# hint: `"rung-%d", getpid()` for cgroup_name in make_cgroup: no fixed name.
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

# points: 12
# chapter: Try it
# hint: One process in there was to be killed, not all of them. What says memory.oom.group, and is there swap to hide
#   in?
# hint: kernel: admin-guide/cgroup-v2.rst: memory.max, memory.oom.group, memory.events.
# hint: `set_limit(c, file, text)` with "memory.max" in limit_size, and swap off: default_swap.
# bats test_tags=lesson
@test "who allocates more than memory.max is killed, and the container lives on" {
    start_script --memory 50M 'dd if=/dev/zero of=/dev/null bs=60M count=1; echo status $?; echo ready; sleep 1000'
    grep -qx 'status 137' "$demo_out"
    [[ $(number_in memory.events oom_kill) == 1 ]]
    (($(number_in memory.events max) > 0))
    [[ ! -e $cgroup/memory.peak ]] || (($(<"$cgroup/memory.peak") <= 52428800))
}

# hint: 30 of 50 MB were too much. Is the limit really 50 MB? Look at memory.max.
# hint: strtoll(3), and your shift: K is 10 bits, M is 20.
# hint: `static const char units[] = "KMG";` in limit_size, and `size << shift`.
@test "memory below the limit is there" {
    demo --memory 50M dd if=/dev/zero of=/dev/null bs=30M count=1
    assert_status 0
}

# hint: Status 137 alone could be any SIGKILL. Who knows that it was for memory?
# hint: kernel: admin-guide/cgroup-v2.rst, memory.events: the line oom_kill. Read it before the cgroup goes.
# hint: report_usage, after wait_for_child in parent: `say("demo: memory.events: oom_kill %lld", kills);` if kills >
#   0.
@test "when process 1 itself is killed for memory, the demo says so" {
    demo --memory 50M dd if=/dev/zero of=/dev/null bs=60M count=1
    assert_status 137
    assert_stderr_like '*oom_kill 1*'
}

# points: 6
# chapter: The idea
# hint: memory.max counts memory, not swap. Where do the pages go that do not fit?
# hint: kernel: admin-guide/cgroup-v2.rst, memory.swap.max.
# hint: `if (memory && !without(c, "swap-limit")) set_limit(c, "memory.swap.max", "0");` in default_swap.
# bats test_tags=lesson
@test "with a limit to memory there is no swap" {
    start_ready --memory 50M
    [[ $(<"$cgroup/memory.swap.max") == 0 ]]
}

# needs: with a limit to memory there is no swap
# hint: Nobody asked for a memory limit here. Why is there one for swap?
# hint: kernel: admin-guide/cgroup-v2.rst, memory.swap.max: its default is "max".
# hint: In default_swap: `memory |= strcmp(limit->file, "memory.max") == 0;`, and nothing if it stays false.
@test "without a limit to memory swap is left alone" {
    start_ready --pids 20
    [[ ! -e $cgroup/memory.swap.max || $(<"$cgroup/memory.swap.max") == max ]]
}

# hint: --swap came before --memory on this command line. Does the default overwrite what was asked for?
# hint: getopt_long(3): apply defaults after all options have been read.
# hint: `if (strcmp(limit->file, "memory.swap.max") == 0) return;` in default_swap, called at the end of
#   parse_options.
@test "--swap allows as much as it says" {
    start_ready --swap 16M --memory 50M
    [[ $(<"$cgroup/memory.swap.max") == 16777216 ]]
}

has_swap() { (($(awk '$1 == "SwapFree:" { print $2 }' /proc/meminfo) > 100 << 10)); }

# needs: --swap allows as much as it says
# hint: The program was killed although there was swap for it. How much swap did the cgroup have?
# hint: memory.swap.max and memory.swap.current: kernel, admin-guide/cgroup-v2.rst.
# hint: `--swap` sets "memory.swap.max" in limit_size; `--without=swap-limit` leaves it alone in default_swap.
@test "with swap the same program escapes the limit" {
    requires swap
    demo --memory 50M --swap 100M dd if=/dev/zero of=/dev/null bs=60M count=1
    assert_status 0
    demo --memory 50M --without=swap-limit dd if=/dev/zero of=/dev/null bs=60M count=1
    assert_status 0
}

# needs: with a limit to memory there is no swap
# hint: The safeguard was to be left out. Is its word known, and does anybody ask for it?
# hint: `./demo --help` lists the safeguards; swapoff(8) tells what swap is about.
# hint: A row `{"swap-limit", "it swaps instead of being killed"}` in `safeguards[]`, and `without(c, "swap-limit")`
#   in default_swap.
@test "--without=swap-limit leaves swap unlimited" {
    start_ready --memory 50M --without=swap-limit
    [[ $(<"$cgroup/memory.swap.max") == max ]]
}

# hint: Between memory.high and memory.max nobody is killed. Did the value reach the right file?
# hint: kernel: admin-guide/cgroup-v2.rst, memory.high and memory.events.
# hint: In limit_size: "memory" is memory.max, "swap" is memory.swap.max, and "memory-high" is memory.high.
@test "memory.high slows down, and kills nobody" {
    start_script --memory 100M --memory-high 10M \
        'dd if=/dev/zero of=/dev/null bs=12M count=1; echo status $?; echo ready; sleep 1000'
    grep -qx 'status 0' "$demo_out"
    (($(number_in memory.events high) > 0))
    [[ $(number_in memory.events max) == 0 && $(number_in memory.events oom_kill) == 0 ]]
}

# --- Processes -------------------------------------------------------------

# points: 10
# chapter: By hand, in two terminals
# hint: Each process starts two more, for ever. Which file says how many there may be?
# hint: kernel: admin-guide/cgroup-v2.rst, pids.max; fork(2): EAGAIN.
# hint: `set_limit(c, "pids.max", value);` in limit_pids; the end is cgroup.kill, in remove_cgroup.
# bats test_tags=lesson
@test "a fork bomb stops at pids.max, and the host can still fork" {
    # Twice as many each time, six times and no more, should nothing stop them.
    start_script --pids 20 'bomb() { [ $1 = 0 ] && exec sleep 20; bomb $(($1 - 1)) | bomb $(($1 - 1)) & }
        bomb 6 2>/dev/null & echo ready; exec sleep 1000'
    eventually at_least 1 pids.events max
    for _ in {1..20}; do
        (($(<"$cgroup/pids.current") <= 20))
        (($(wc -l <"$cgroup/cgroup.procs") <= 20))
    done
    [[ $(sh -c 'echo alive') == alive ]]
    end_commands
    eventually is_gone "$cgroup"
}

# hint: One process is allowed, and that is the command. Who else of yours is in the cgroup?
# hint: clone3(2) and execve(2): one process, no more. A helper process would count.
# hint: child goes straight to execve: `run_program(c);`, with no fork inside.
@test "--pids 1 leaves room for the command alone" {
    demo --pids 1 echo alone
    assert_status 0
    assert_output alone
    demo --pids 1 sh -c 'sleep 0; echo not reached'
    ((status != 0))
    assert_output ''
}

# --- Processor time --------------------------------------------------------

# points: 8
# chapter: Try it
# hint: cpu.max has two numbers. Which is the share, and which the period?
# hint: kernel: admin-guide/cgroup-v2.rst, cpu.max; cpu.stat: nr_throttled, usage_usec.
# hint: `snprintf(text, sizeof(text), "%ld 100000", (long)(cpus * 100000)); set_limit(c, "cpu.max", text);` in
#   limit_cpus.
# bats test_tags=lesson
@test "a loop gets half a processor with --cpus 0.5" {
    start_script --cpus 0.5 'ulimit -t 100; echo ready; while :; do :; done'
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

# hint: Nobody asked for a limit on processor time. Who wrote one?
# hint: cpu.max is "max 100000" by default: kernel, admin-guide/cgroup-v2.rst.
# hint: `for (struct limit *limit = c->limits; limit->file; limit++)` in make_cgroup: write what was asked for, and no
#   more.
@test "without --cpus a loop is not throttled" {
    start_script --pids 20 'echo ready; i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; echo done; sleep 1000'
    eventually grep -q 'done' "$demo_out"
    [[ $(<"$cgroup/cgroup.controllers") != *cpu* || $(number_in cpu.stat nr_throttled) == 0 ]]
}

# --- What the container sees -----------------------------------------------

# points: 6
# chapter: The same, made robust
# hint: /proc/self/cgroup in the container should be "0::/". When do you make the cgroup namespace, and in which
#   cgroup is the process then?
# hint: cgroup_namespaces(7): the root is the cgroup of that moment. With CLONE_NEWCGROUP in clone3 it would be the
#   parent's.
# hint: `unshare(CLONE_NEWCGROUP)` in enter_cgroup_namespace, called by child before the mounts.
# bats test_tags=lesson
@test "it sees its cgroup as the root" {
    demo cat /proc/self/cgroup
    assert_output '0::/'
    start_ready
    [[ $(ns_inode "$pid" cgroup) != "$(ns_inode self cgroup)" ]]
    [[ $(sed -n 's/^0:://p' "/proc/$pid/cgroup") == */* ]]
    [[ $(sed -n 's/^0:://p' "/proc/$pid/cgroup") != / ]]
}

# needs: it sees its cgroup as the root
# hint: Is /sys/fs/cgroup empty, or does it show the host's whole tree?
# hint: mount(2) with the type cgroup2; cgroup_namespaces(7): the mount shows the namespace's root.
# hint: mount_cgroup in child, after mount_filesystems: `mount("cgroup2", "/sys/fs/cgroup", "cgroup2", ...)`.
@test "it reads its limits in /sys/fs/cgroup, and nothing beside" {
    demo --memory 50M --pids 20 sh -c 'cd /sys/fs/cgroup; cat memory.max pids.max; ls -d */ 2>/dev/null'
    assert_output $'52428800\n20'
}

# needs: it reads its limits in /sys/fs/cgroup, and nothing beside
# hint: Root in the container could write "max" into memory.max. What keeps it from that?
# hint: mount(2): MS_RDONLY.
# hint: `MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY` in mount_cgroup.
@test "it cannot write its limits" {
    demo --memory 50M --pids 20 sh -c 'cd /sys/fs/cgroup
        echo max 2>/dev/null >memory.max; echo max 2>/dev/null >pids.max; echo $$ 2>/dev/null >cgroup.procs
        mkdir new 2>/dev/null; cat memory.max pids.max; ls -d new 2>/dev/null || :'
    assert_status 0
    assert_output $'52428800\n20'
}

# --- The host's handles ----------------------------------------------------

# hint: The test writes 1 to cgroup.freeze. Is the command really in the cgroup that /proc/PID/cgroup names?
# hint: kernel: admin-guide/cgroup-v2.rst, cgroup.freeze and cgroup.events.
# hint: CLONE_INTO_CGROUP in make_cgroup is all it takes.
@test "the host can freeze it, and let it go on" {
    start_script 'echo ready; while [ $((i += 1)) -lt 2000 ]; do echo tick; sleep 0.05; done'
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

# points: 4
# chapter: The same, made robust
# hint: The kernel killed all processes in the cgroup. What does the demo do when its child ends like that?
# hint: kernel: admin-guide/cgroup-v2.rst, cgroup.kill. waitpid(2): WIFSIGNALED.
# hint: Nothing new: collect reports 137; then `atexit(remove_cgroup);`, registered in make_cgroup, removes the
#   directory.
# bats test_tags=lesson
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

# hint: A frozen process does not handle signals. Which end does reach it?
# hint: kernel: admin-guide/cgroup-v2.rst: a frozen cgroup can be killed, with SIGKILL or cgroup.kill.
# hint: pass_on makes a SIGKILL of what the command is deaf to; `write_file(c->cgroup_fd, "cgroup.kill", "1")` in
#   remove_cgroup does the rest.
@test "SIGTERM ends a frozen container, too" {
    start_ready
    echo 1 >"$cgroup/cgroup.freeze"
    eventually is_frozen
    stop_demo
    [[ ! -e $cgroup ]]
}

# --- Every ending ----------------------------------------------------------

limits=(--memory 50M --pids 20 --cpus 0.5)

# points: 8
# chapter: The same, made robust
# hint: `find /sys/fs/cgroup -name 'rung-*'`: what is left after a run, and why could it not be removed?
# hint: rmdir(2): EBUSY as long as a process is in it; atexit(3); cgroup.events says "populated 0".
# hint: `atexit(remove_cgroup);` right after mkdirat in make_cgroup; disable_controllers at the end of remove_cgroup.
# bats test_tags=lesson
@test "the cgroup is removed and the controllers are as before: normal end, and none" {
    limits=(--memory 50M)
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

# needs: the cgroup is removed and the controllers are as before: normal end, and none
# hint: The command was killed. Is that another way out of your program?
# hint: exit(3) and return from main run what atexit(3) registered. _exit(2) does not.
# hint: `return container.status;` at the end of main, for every ending.
@test "the cgroup is removed and the controllers are as before: killed for memory" {
    handed_down >before
    demo "${limits[@]}" dd if=/dev/zero of=/dev/null bs=60M count=1
    assert_status 137
    assert_host_unchanged
    handed_down >after
    diff before after
}

# needs: the cgroup is removed and the controllers are as before: normal end, and none
# hint: A signal that kills the demo skips atexit. Is one of the three not blocked when the cgroup is made?
# hint: signal(7), sigprocmask(2): blocked from the beginning, taken by sigwaitinfo(2).
# hint: In main: `block_signals(&container);` comes before `make_cgroup(&container);`
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

# needs: the cgroup is removed and the controllers are as before: normal end, and none
# hint: The child failed at a mount. Who tidies up: it, or its parent? And does the child run the parent's atexit?
# hint: atexit(3): a child inherits the list. fork(2).
# hint: `forget_undo();` first in child; the parent sees status 125 and returns from main.
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

# needs: the cgroup is removed and the controllers are as before: normal end, and none
# hint: With no memory at all the child dies, or clone3 fails. Does your undo run in both cases?
# hint: atexit(3): registered before clone3(2), it runs after die as well.
# hint: `to_undo = c; atexit(remove_cgroup);` in make_cgroup, before the limits are written.
@test "the cgroup is removed and the controllers are as before: a limit nothing can live in" {
    handed_down >before
    demo --memory 0 true
    ((status == 125 || status == 137))
    assert_host_unchanged
    handed_down >after
    diff before after
}

# needs: the cgroup is removed and the controllers are as before: normal end, and none
# hint: rmdir says "busy" or "not empty": the command made cgroups below its own. In which order can they go?
# hint: rmdir(2), readdir(3): the deepest first. A cgroup's files need no removing.
# hint: remove_tree calls itself for each `entry->d_type == DT_DIR`, then `unlinkat(dir, name, AT_REMOVEDIR)`.
@test "cgroups that the container made in its own go as well" {
    start_script "${limits[@]}" 'mkdir /tmp/c; mount -t cgroup2 c /tmp/c; mkdir -p /tmp/c/one/two /tmp/c/three
        sleep 1000 & echo $! >/tmp/c/one/two/cgroup.procs; echo ready; wait'
    [[ -n $(cat "$cgroup/one/two/cgroup.procs") ]]
    stop_demo
    [[ ! -e $cgroup ]]
}

# hint: kill -9 skips every undo. By which name does scripts/cleanup know what is yours?
# hint: `scripts/cleanup --help`; a demo that is gone is recognised by its PID.
# hint: "rung-%d" with getpid(): `cgroup_name` in make_cgroup.
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

# hint: The first demo ended and took away a controller that the second one's limits depend on. How could it know?
# hint: cgroups(7), cgroup.subtree_control: writing "-memory" takes memory.max away from all children.
# hint: In disable_controllers: look for other "rung-" directories first, `others |= strncmp(entry->d_name, "rung-",
#   5) == 0;`, under lock_host.
@test "the controllers stay as long as another container needs them" {
    handed_down >before
    start_ready --memory 50M
    first=$demo_pid
    start_ready --memory 60M --pids 20
    stop_demo "$first"
    [[ $(<"$cgroup/memory.max") == 62914560 && $(<"$cgroup/pids.max") == 20 ]]
    stop_demo
}

# hint: Somebody who is not root holds your lock, and you wait. How could they open it?
# hint: flock(2) needs an open file, and any user can open a directory such as /run. open(2): O_CREAT with the mode 0600.
# hint: `open(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600)` in try_lock.
@test "no other user can hold up a demo" {
    "${AS_NOBODY[@]}" flock --no-fork /run sh -c 'echo locked; exec sleep 1000' </dev/null >locked 2>&1 3>&- 4>&- &
    eventually grep -q locked locked
    demo --pids 20 echo hello
    kill $!
    assert_status 0
    assert_output hello
    [[ ! -e /run/rung.lock ]]
}

# --- Places ----------------------------------------------------------------

# hint: The demo's own cgroup has processes, so it may have no children with limits. Where else could yours be?
# hint: cgroups(7), "no internal processes" rule: EBUSY, or ENOENT where a controller is missing. Go up: openat(2)
#   with "..".
# hint: The loop in find_place: `while (!enable_controllers(c, dir))`, then `openat(dir, "..", ...)`.
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

# needs: it works from a cgroup that has processes and no controllers
# hint: In a cgroup namespace, /proc/self/cgroup and the mount show less. Where does the path begin?
# hint: cgroup_namespaces(7); proc(5): field 4 of /proc/self/mountinfo is the root of the mount.
# hint: `size_t skip = strcmp(root, "/") == 0 ? 0 : strlen(root);` in open_own_cgroup.
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

# start_in DIRECTORY...: from now on demos start in this cgroup, after a moment in those before it.
start_in() {
    DEMO_WORDS=(sh -c 'until [ "$1" = -- ]; do echo $$ >"$1/cgroup.procs" && shift || exit; done; shift; exec "$@"' sh
        "$@" -- "${DEMO_WORDS[@]}")
}

# one_limit_alone: or none.
one_limit_alone() {
    start_ready --pids 20
    [[ $(<"$cgroup/pids.max") == 20 ]]
    stop_demo
    start_ready --cpus 0.5
    [[ $(<"$cgroup/cpu.max") == '50000 100000' ]]
    stop_demo
    start_ready
    [[ $(<"$cgroup/cgroup.type") == domain ]]
    stop_demo
}

# needs: it works from a cgroup that has processes and no controllers
# hint: "+pids" and "+cpu" succeed where "+memory" is refused: beside processes. What does cgroup.type say afterwards, there
#   and below?
# hint: cgroups(7), "Cgroups v2 thread mode": "domain threaded", "domain invalid"; clone3(2), EOPNOTSUPP.
# hint: `if (!is_domain(dir))` in enable_controllers, after the write: take it back, and let find_place climb.
@test "one limit alone holds, too, beside the demo's own cgroup" {
    delegate
    start_in "$made"
    one_limit_alone
    [[ $(<"$made/cgroup.type") == domain && -z $(<"$made/cgroup.subtree_control") ]]
    undelegate
}

# hint: Here clone3 fails without any limit. What is in cgroup.type, here and above?
# hint: cgroups(7), "Cgroups v2 thread mode": in a threaded cgroup there are threads, and the processes are further up.
# hint: `if (!is_domain(dir))` in enable_controllers, before the write: let find_place climb.
@test "a cgroup for threads is no place for a container" {
    delegate
    make_cgroup rung-test-delegated/threads
    echo threaded >"$made/cgroup.type"
    start_in "${made%/*}" "$made"
    one_limit_alone
    [[ $(<"$made/cgroup.type") == threaded ]]
    undelegate
}

# hint: No cgroup up to the top can have children with limits. Does your error say that processes are in the way?
# hint: cgroups(7), "no internal processes" rule: EBUSY.
# hint: `if (error == EBUSY) die_with_hint("processes sit in that cgroup: ...", ...)` in no_place.
@test "processes in a root that is no root: the error says what is wrong" {
    delegate
    in_cgroup_namespace
    for limit in '--memory 50M' '--pids 20'; do
        demo "${limit% *}" "${limit#* }" true
        assert_status 125
        assert_one_line_error '*cgroup*: Device or resource busy (*processes*)'
        [[ -z $(<"$made/cgroup.subtree_control") ]]
    done
    undelegate
}

# hint: cgroup v2 is there, but empty-handed. Who has the controllers, and what can the reader do?
# hint: cgroups(7): a controller is in v1 or in v2, not in both. ENOENT from cgroup.subtree_control.
# hint: `if (error == ENOENT) die_with_hint("cgroup v2 lacks one here: does v1 hold it? ...", ...)` in no_place.
@test "where v2 has no controllers, as on a hybrid host, the error says what to do" {
    make_cgroup rung-test-hybrid
    # It hands nothing down to its child: for those who see that as the root, v2 is empty.
    make_cgroup rung-test-hybrid/below
    in_cgroup_namespace leaf
    demo --memory 50M true
    assert_status 125
    assert_one_line_error '*controllers*: No such file or directory (*v1*)'
}

# hint: No cgroup v2 at all: a limit is impossible, but who asked for one? And is errno set when you call die?
# hint: cgroups(7); errno(3): "Success" in an error means that nobody set it.
# hint: `if (dir == -1 && !c->limits[0].file) return -1;`, then `errno = ENOENT;` and die_with_hint, in find_place.
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

# hint: Where does your code get "/sys/fs/cgroup" from?
# hint: proc(5): /proc/self/mountinfo, the line with " - cgroup2 "; field 5 is the mount point.
# hint: open_own_cgroup reads it: `sscanf(line, "%*d %*d %*s %4095s %4095s", root, point)`.
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

# hint: Step04 kept the host's mounts as they were. Which mount of this step is made in the wrong process, or too
#   early?
# hint: mount_namespaces(7): only in the child, after make_mounts_private.
# hint: `mount_cgroup(c);` in child, after `mount_filesystems(c);`.
@test "its mounts stay its own" {
    start_ready
    diff <(cut -d ' ' -f 5 /proc/self/mountinfo) <(cut -d ' ' -f 5 "/proc/$demo_pid/mountinfo")
}

# hint: Did enter_root change, or its place among the calls?
# hint: pivot_root(2), setns(2).
# hint: The order in child: make_mounts_private, enter_root, mount_filesystems, mount_cgroup.
@test "joining its own mount namespace leads nowhere else" {
    demo --pids 20 sh -c 'touch /tmp/in-here; nsenter -m -t 1 /bin/sh -c "[ -e /tmp/in-here ] && cat /sys/fs/cgroup/pids.max"'
    assert_output 20
}

# --- The demonstration -----------------------------------------------------

# needs: it reads its limits in /sys/fs/cgroup, and nothing beside
# needs: --without=swap-limit leaves swap unlimited
# hint: Which scene of chapter 5 says NOT OBSERVED?
# hint: `sudo ./demo --chapter 5`; the scenes are in scenes.c. Most read files in /sys/fs/cgroup of the
#   container.
# hint: Most need mount_cgroup: `mount("cgroup2", "/sys/fs/cgroup", "cgroup2", ...)`, the rest one limit each.
@test "the demonstration observes all of it" {
    demo --chapter 5
    assert_status 0
    [[ ${lines[-1]} == demo:*observed ]]
}
