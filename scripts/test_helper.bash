# shellcheck shell=bash
# The vocabulary of the tests.  Every .bats file starts with
#
#     # bats file_tags=step03,uts
#     # shellcheck disable=SC2016,SC2030,SC2031,SC2154
#     load ../scripts/test_helper
#
# and may then say:
#
#   demo ARGS...              run the program under test, to its end: sets $status, $output (its standard output),
#                             $stderr, $lines and $stderr_lines, and shows them when the test fails
#   rung ARGS...              the same for step07's other commands: rung spec, rung list ("demo" is its "run")
#   assert_status N           it must have ended with status N
#   assert_output TEXT        it must have printed exactly TEXT (a * in "assert_output_like" stands for anything)
#   assert_stderr_like TEXT   the same for what it wrote to standard error
#   assert_one_line_error P   standard error must be one line, starting with "demo: ", that fits the pattern P
#   start_demo ARGS...        start it in the background: sets $demo_pid; its output goes to $demo_out and $demo_err
#   container_pid [PID]       print the PID, seen from the host, of the command it runs (waits until it runs)
#   wait_for_demo [PID]       wait until it ends: sets $status, $output and $stderr as demo does
#   stop_demo [PID]           send it SIGTERM, and wait
#   end_commands              kill what the demos run, and wait: for a program that passes no signals on
#   demo_as_nobody ARGS...    demo, as an ordinary user who owns nothing
#   requires NAME...          leave this test out unless this machine has: root cgroup2 memory pids cpu cpuset io_max
#                             io_weight hugetlb veth bridge nft
#                             nat overlay user_ns time_ns pty kmsg mqueue sys_resource rootfs podman
#                             systemd (a name that is not known fails)
#   eventually COMMAND...     try until it succeeds, for 10 seconds: the kernel cleans up late
#   with_pty <<'END'          run a Python script that types into the program's terminal: see below
#   in_outer_mount_namespace shared|private COMMAND...
#                             run it in a mount namespace whose mounts are shared or private: a host to break
#   make_own_root             sets $root: a root file system (a directory) for this test alone; $in_root: its path inside
#   put FILE TEXT             make an executable file
#   ns_inode PID TYPE         print the number of a namespace: ns_inode self pid, ns_inode $pid mnt
#   status_field PID NAME     print a line of /proc/PID/status: status_field $pid NSpid
#   children_of PID           print the PIDs of its children
#   cgroup_of PID             print the directory of its cgroup, below the mount point too
#   assert_host_unchanged     mounts, cgroups, links, nft tables, processes, hostname, the root file system that tests
#                             share: as they were when the test began
#
# Every test begins in an empty directory ($BATS_TEST_TMPDIR) where build/ is the checkout's, and ends with
# assert_host_unchanged.  A file that needs more defines before_each and after_each, not setup and teardown.
#
# From outside: $DEMO is the program under test, split into words ("step04/demo --without=pivot"), by default the
# one of the .bats file's step (for step07 "demo run"); $STEP is the number of its step, two digits.  All that the
# scripts tell each other in the environment:
#
#   RUNG_SLOWNESS=4           gives everything four times as long (also scripts/transcripts)
#   RUNG_PATIENCE=2           the seconds that a test waits for what should come at once, instead of ten (scripts/lab)
#   RUNG_NO_SKIP=1            makes a missing requirement a failure
#   RUNG_HANGS=FILE           where a test notes that the program did not end: it is somebody's who waits for a grade
#   RUNG_HOST_PATIENCE=3      the seconds in which the host must be as it was
#   RUNG_ENOUGH=FILE          one failing test is enough: it makes this file (scripts/mutants)
#   RUNG_ANY_WORDS=1          errors may say what they like: another runtime (scripts/compare-runtimes), a first program (a lesson)
#   RUNG_ATTACKS=1            scripts/attacks runs in its own bound already
#   RUNG_FAULTS=1             so does scripts/faults
#   RUNG_AUDIT=1              so does scripts/audit
#   RUNG_BENCH=inside         so does scripts/bench
#   RUNG_TEST=DIRECTORY       the test that a process belongs to (set here; test.d/host.c looks for it)
#   RUNG_SHARED_ROOT=$ROOTFS  a root file system that no test may leave anything in (set here, for programs of ours)
#   RUNG_BOUND=DIRECTORY      the cgroup that holds a suite (test.d/bounded)
#   RUNG_VM=ENGINE            we are in a virtual machine of scripts/vm
#   RUNG_VM_ENGINE=ENGINE     which one scripts/vm uses: kvm, uml or qemu
#   RUNG_VM_CONSOLE=FILE      where scripts/vm keeps its kernel's messages
#   RUNG_VM_VERBOSE=1         scripts/vm says how long it ran
#   RUNG_FUZZ=300             how many spoilt configurations step07 is given (config.bats)
#   RUNG_MUTANTS=1            scripts/mutants runs in its own bound already

bats_require_minimum_version 1.5.0

# A test that hangs is stopped: by us ($DEMO_LIMIT; that also ends what holds the pipes we read from), or by bats.
SLOWNESS=${RUNG_SLOWNESS:-1}
# What should come at once has ten seconds, or RUNG_PATIENCE of them: whoever waits for a grade has little.
export PATIENCE=$((${RUNG_PATIENCE:-10} * SLOWNESS))
DEMO_LIMIT=$((4 * PATIENCE))
[[ -z ${RUNG_HANGS-} ]] || DEMO_LIMIT=$((2 * PATIENCE))
export BATS_TEST_TIMEOUT=$((12 * PATIENCE))

# No shell here reads more of what a program writes, and no test shows more: a program gone wrong writes without end.
OUTPUT_LIMIT=65536

cd -P "${BASH_SOURCE[0]%/*}/.." && TOP=$PWD && cd "$OLDPWD" || exit # (no other process)

# The step, and the program under test.  Its path becomes an absolute one, as tests run elsewhere.
if [[ -z ${STEP-} && ${DEMO-}$BATS_TEST_DIRNAME =~ step(0[1-9]) ]]; then
    STEP=${BASH_REMATCH[1]}
fi
STEP=${STEP:-01}
if [[ -z ${DEMO-} ]]; then
    DEMO=${BATS_TEST_DIRNAME%/tests}/demo
    # step07's program has commands: "run" does what the other steps do.
    [[ $STEP != 07 ]] || DEMO+=" run"
fi
read -ra DEMO_WORDS <<<"$DEMO"
[[ ${DEMO_WORDS[0]} == /* ]] || DEMO_WORDS[0]=$PWD/${DEMO_WORDS[0]}
DEMO_PROGRAM=${DEMO_WORDS[0]}
DEMO=${DEMO_WORDS[*]}
ROOTFS=$TOP/build/rootfs
export DEMO STEP ROOTFS TOP
# What a learner's program leaves in there is its own affair.
[[ -n ${RUNG_HANGS-} ]] || export RUNG_SHARED_ROOT=$ROOTFS
# The program that looks at the host before and after each test. (scripts/test has made it.)
HOST=$TOP/build/plain/host
[[ -x $HOST ]] || make -s -C "$TOP" build/plain/host
# Messages are compared: everything speaks the same language.
export LC_ALL=C.UTF-8 TERM=${TERM:-dumb}

# --- Running the program ---------------------------------------------------

demo() {
    run_and_show "${DEMO_WORDS[@]}" "$@"
}

# rung ARGS...: step07's other commands. (Safeguards left out by $DEMO are so only for "run", which is "demo".)
rung() {
    run_and_show "$DEMO_PROGRAM" "$@"
}

# run_and_show COMMAND...: like bats' own "run", which warns about the status 127, and waits for ever when the command,
# or what it has left behind, does not end: hence files, and no pipes.
run_and_show() {
    local before=$SECONDS
    status=0
    timeout --kill-after=5 "$DEMO_LIMIT" "$@" >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" 3>&- 4>&- ||
        status=$?
    read_output "$BATS_TEST_TMPDIR/stdout" "$BATS_TEST_TMPDIR/stderr"
    as_typed "$@"
    show_result "$typed"
    if ((SECONDS - before >= DEMO_LIMIT)); then
        [[ -z ${RUNG_HANGS-} ]] || echo "$BATS_TEST_DESCRIPTION" >>"$RUNG_HANGS"
        fail "it did not end within $DEMO_LIMIT seconds"
    fi
}

# shellcheck disable=SC2034 # the arrays are for the tests
read_output() {
    read_file output "$1"
    read_file stderr "$2"
    mapfile -t lines <<<"$output"
    mapfile -t stderr_lines <<<"$stderr"
}

# read_file NAME FILE: as NAME=$(<FILE), up to $OUTPUT_LIMIT, and without another process.
read_file() {
    local text
    IFS= read -r -N "$OUTPUT_LIMIT" text <"$2" || true
    printf -v "$1" %s "${text%"${text##*[!$'\n']}"}"
}

# as_typed WORDS...: sets $typed to what one would type: demo sh -c 'exit 7' ''
as_typed() {
    local word
    typed=
    for word; do
        [[ -n $word && $word != *[!A-Za-z0-9_./:=,@%+-]* ]] || word="'${word//\'/\'\\\'\'}'"
        typed+=${typed:+ }$word
    done
}

show_result() {
    printf '$ %s\n' "${1:0:4096}"
    shown=$((${shown:-0} + ${#output} + ${#stderr}))
    if ((shown >= OUTPUT_LIMIT)); then
        printf 'this test has seen more output than is shown here\n'
    else
        [[ -z $output ]] || printf '%s\n' "$output"
        [[ -z $stderr ]] || printf 'stderr: %s\n' "${stderr_lines[@]}"
    fi
    printf 'status: %s\n' "$status"
}

fail() {
    printf 'FAILED: %s\n' "$*"
    return 1
}

assert_status() {
    ((status == $1)) || fail "status is $status, not $1"
}

assert_output() {
    [[ $output == "$1" ]] || fail "standard output is not: $1"
}

# The patterns below are bash's: * stands for anything.  They are meant to be patterns, hence no quotes.
assert_output_like() {
    # shellcheck disable=SC2053
    [[ $output == $1 ]] || fail "standard output does not fit: $1"
}

assert_stderr_like() {
    # shellcheck disable=SC2053
    [[ $stderr == $1 ]] || fail "standard error does not fit: $1"
}

# assert_one_line_error PATTERN: "demo: ACTION OBJECT: reason (likely cause)", and nothing else.
assert_one_line_error() {
    if [[ -n ${RUNG_ANY_WORDS-} ]]; then
        [[ -n $stderr ]] || fail "there is no error on standard error" || return
        assert_stderr_like "*${1:-*}*"
        return
    fi
    [[ $stderr != *$'\n'* ]] || fail "the error is longer than one line" || return
    [[ $stderr == demo:\ * || $stderr == rung:\ * ]] || fail "the error does not start with 'demo: '" || return
    assert_stderr_like "${1:-*}"
}

# start_demo ARGS...: standard input is empty, so that it never reads the test's own.
start_demo() {
    demo_out=$BATS_TEST_TMPDIR/demo.$((++demos_started)).out
    demo_err=${demo_out%.out}.err
    : >"$demo_out"
    : >"$demo_err"
    # A shell makes what it starts with & ignore Ctrl-C, and nohup the hangup: undo that.
    env --default-signal=HUP,INT,QUIT "${DEMO_WORDS[@]}" "$@" </dev/null >"$demo_out" 2>"$demo_err" 3>&- 4>&- &
    demo_pid=$!
    as_typed "${DEMO_WORDS[@]}" "$@"
    running[demo_pid]=$typed
    printf '$ %s &\n' "${running[demo_pid]}"
    out_of[demo_pid]=$demo_out
}

# wait_for_demo [PID]: by default the one started last.
wait_for_demo() {
    local pid=${1:-$demo_pid}
    eventually process_ended "$pid" || fail "${running[pid]}: still running" || return
    status=0
    wait "$pid" 2>/dev/null || status=$?
    read_output "${out_of[pid]}" "${out_of[pid]%.out}.err"
    show_result "${running[pid]} &"
    unset "running[pid]"
}

# stop_demo [PID]
stop_demo() {
    kill -TERM "${1:-$demo_pid}" 2>/dev/null || true
    wait_for_demo "$@"
}

# end_commands: that a demo passes signals on has tests of its own.
end_commands() {
    local demo
    for demo in "${!running[@]}"; do
        ! kill -KILL "$(container_runs "$demo")" 2>/dev/null || eventually process_ended "$demo" || true
    done
}

# process_ended PID: it is gone, or a zombie that waits for us.
process_ended() {
    local stat=
    { IFS= read -r -d '' stat <"/proc/$1/stat"; } 2>/dev/null || [[ -n $stat ]] || return 0
    [[ ${stat##*) } == [ZX]* ]] # the name before it may hold anything
}

# container_pid [PID OF A DEMO]: the first descendant of the demo that runs another program than the demo's own.
container_pid() {
    local found=
    eventually container_runs_or_ended "${1:-$demo_pid}" || true
    [[ -n $found ]] || fail "the demo runs no command: $(head -c 4096 "$demo_err")" >&2 || return
    echo "$found"
}

container_runs_or_ended() {
    find_container "$1" || { process_ended "$1" && { find_container "$1" || true; }; }
}

# container_runs PID: the same at once, if there is one.
container_runs() {
    local found
    find_container "$1" && echo "$found"
}

# find_container PID: sets $found.
find_container() {
    local child children
    read_children "$1"
    for child in $children; do
        [[ -e /proc/$child/exe ]] || continue
        # The program itself, or step07's copy of it: of its mount, or of the file.
        if [[ ! /proc/$child/exe -ef $DEMO_PROGRAM && $(readlink "/proc/$child/exe") != /memfd:* ]]; then
            found=$child
            return
        fi
        ! find_container "$child" || return 0
    done
    return 1
}

children_of() {
    local children
    read_children "$1"
    printf %s "$children"
}

# read_children PID: sets $children.
read_children() {
    local file line
    children=
    for file in "/proc/$1/task/"*/children; do
        line=
        { read -r line <"$file" || true; } 2>/dev/null
        [[ -z $line ]] || children+="$line "
    done
}

# demo_as_nobody ARGS...: the program, and a root file system for --rootfs ($PUBLIC/rootfs), are copied to where every
# user may read them: the checkout may be in /root.
demo_as_nobody() {
    make_public_copies
    run_and_show "${AS_NOBODY[@]}" "$PUBLIC/demo" "${DEMO_WORDS[@]:1}" "$@"
}

AS_NOBODY=()
if ((EUID == 0)); then
    AS_NOBODY=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi

make_public_copies() {
    PUBLIC=$BATS_TEST_TMPDIR/public
    [[ ! -e $PUBLIC ]] || return 0
    mkdir "$PUBLIC"
    cp "$DEMO_PROGRAM" "$PUBLIC/demo"
    [[ ! -d $ROOTFS ]] || cp -a "$ROOTFS" "$PUBLIC/rootfs"
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
}

# make_own_root: a root file system for this test alone, to put files into: $root is its path here, and $in_root the
# path the command sees.  demo and start_demo use it from now on.  (Up to step03 there are no root file systems.)
make_own_root() {
    root=$BATS_TEST_TMPDIR/root
    if ((10#$STEP < 4)); then
        mkdir "$root"
        # shellcheck disable=SC2034
        in_root=$root
    else
        cp -a "$ROOTFS" "$root"
        # shellcheck disable=SC2034
        in_root=
        DEMO_WORDS+=(--rootfs "$root")
        DEMO=${DEMO_WORDS[*]}
    fi
}

# put FILE TEXT: make an executable file.
put() {
    printf '%s' "$2" >"$1"
    chmod +x "$1"
}

# --- What this machine has -------------------------------------------------

requires() {
    local name missing=()
    for name in "$@"; do
        declare -F "has_$name" >/dev/null || fail "requires: unknown name: $name"
        "has_$name" || missing+=("$name")
    done
    ((${#missing[@]})) || return 0
    # (What needs systemd is run again where it is process 1.)
    if [[ ${RUNG_NO_SKIP-} == 1 && ${missing[*]} != systemd ]]; then
        fail "nothing may be skipped here, and this machine lacks: ${missing[*]}"
    else
        skip "this machine lacks: ${missing[*]}"
    fi
}

has_root() { ((EUID == 0)); }
has_cgroup2() { local mount && read_cgroup2_mount && [[ -n $mount ]]; }
has_memory() { has_controller memory; }
has_pids() { has_controller pids; }
has_cpu() { has_controller cpu; }
has_cpuset() { has_controller cpuset; }
has_hugetlb() { has_cgroup_file hugetlb.2MB.rsvd.max; }
has_io_max() { has_cgroup_file io.max; }
has_io_weight() { has_cgroup_file io.weight || has_cgroup_file io.bfq.weight; }
has_veth() { has_root && can_add_link veth; }
has_bridge() { has_root && can_add_link bridge; }
has_nft() { has_root && command -v nft >/dev/null && unshare --net nft list tables >/dev/null 2>&1; }
has_nat() { has_root && command -v nft >/dev/null && unshare --net nft add table ip probe 2>/dev/null; }
has_overlay() { modprobe -q overlay 2>/dev/null || true; grep -qw overlay /proc/filesystems; }
has_user_ns() { "${AS_NOBODY[@]}" unshare --user true 2>/dev/null; }
has_podman() { type -P podman >/dev/null; }
has_time_ns() { [[ -e /proc/self/ns/time ]]; }
has_strace() { type -P strace >/dev/null; }
has_pty() { python3 -c 'import pexpect' 2>/dev/null; }
has_systemd() { has_root && [[ -d /run/systemd/system ]]; }
has_sys_resource() { (ulimit -Hc 0 && ulimit -Hc 1) 2>/dev/null; } # CAP_SYS_RESOURCE: some containers lack it
has_mqueue() { [[ -d /dev/mqueue ]]; } # a copy of the host's needs one
has_kmsg() { [[ $(</proc/sys/kernel/dmesg_restrict) == 0 ]]; } # who has no CAP_SYSLOG may read it
has_rootfs() { [[ -x $ROOTFS/bin/busybox ]]; }

has_controller() {
    local mount names
    read_cgroup2_mount
    [[ -n $mount ]] && read -r names <"$mount/cgroup.controllers" && [[ " $names " == *" $1 "* ]]
}

# Which files a controller has depends on the kernel; they show in a cgroup alone.
has_cgroup_file() {
    local probe status=0
    probe=$(cgroup2_mount)/rung-probe
    has_root && has_controller "${1%%.*}" && echo "+${1%%.*}" >"${probe%/*}/cgroup.subtree_control" || return
    mkdir "$probe"
    [[ -e $probe/$1 ]] || status=1
    rmdir "$probe"
    return "$status"
}

can_add_link() {
    unshare --net ip link add probe type "$1" 2>/dev/null
}

# Where cgroup v2 is mounted.
cgroup2_mount() {
    local mount
    read_cgroup2_mount
    [[ -z $mount ]] || echo "$mount"
}

# read_cgroup2_mount: sets $mount. Field 5 of mountinfo; the type stands after " - ".
read_cgroup2_mount() {
    local line
    mount=
    while read -r line; do
        [[ $line == *' - cgroup2 '* ]] || continue
        read -r _ _ _ _ mount _ <<<"$line"
        return
    done </proc/self/mountinfo
}

cgroup_of() {
    local mount path line
    read_cgroup2_mount
    while read -r line; do
        [[ $line != 0::* ]] || path=$mount${line#0::}
    done <"/proc/$1/cgroup"
    echo "${path%/}"
}

# --- Looking from the host -------------------------------------------------

ns_inode() {
    local link
    link=$(readlink "/proc/$1/ns/$2") || return
    link=${link#*[}
    echo "${link%]}"
}

status_field() {
    local name value
    while IFS=$': \t' read -r name value; do
        [[ $name != "$2" ]] || echo "$value"
    done <"/proc/$1/status"
}

eventually() {
    local end=$((SECONDS + ${EVENTUALLY_SECONDS:-${RUNG_PATIENCE:-10}} * SLOWNESS)) tries=0
    until "$@"; do
        # A demo that has ended prints nothing any more: what it still had to say arrives within a second.
        if [[ ${!#} == "${demo_out:-none}" ]] && process_ended "$demo_pid"; then
            end=$((end < SECONDS + 1 ? end : SECONDS + 1))
        fi
        ((SECONDS < end)) || return 1
        # What comes comes soon. Later on, leave the machine to others.
        if ((++tries < 10)); then pause 0.05; else pause 0.2; fi
    done
}

# pause SECONDS: as sleep(1), and no other process where run-tests has made a pipe that nothing ever comes from.
pause() {
    if [[ -p $BATS_RUN_TMPDIR/pause ]]; then
        read -r -t "$1" <>"$BATS_RUN_TMPDIR/pause" || true
    else
        sleep "$1"
    fi
}

# no_signal_waits PID: whatever was sent to it has been dealt with, or it is not running.
no_signal_waits() {
    [[ ! -e /proc/$1 || $(status_field "$1" ShdPnd) == 0000000000000000 ]]
}

# is_resting PID: it has dealt with all that was sent to it, and waits for more.
is_resting() {
    no_signal_waits "$1" && [[ $(status_field "$1" State) == S* ]]
}

# in_outer_mount_namespace shared|private COMMAND...: what leaks out of the command's mount namespace stays in here.
in_outer_mount_namespace() {
    local propagation=$1
    shift
    unshare --mount --propagation private unshare --mount --propagation "$propagation" "$@"
}

# --- Terminals -------------------------------------------------------------

# with_pty <<'END' ... END: Python, with what test.d/terminal.py has.  demo("-v", "/bin/sh") starts the program under
# test on a terminal of 24 lines and 80 columns, and returns pexpect's object: .expect("# "), .sendline("echo $$"), .sendintr() (Ctrl-C),
# .sendcontrol("z"), .setwinsize(30, 100), .wait_status() (the status as a shell would give it).
#
# A key reaches the processes that are in front when it is pressed. So before one, wait for what should hear it:
# .until_in_front("sleep 100") for a command with these arguments, in the terminal that it is in; .until_demo_hears()
# for the program under test. .demo() is its PID; .until_demo_rests() waits until it has dealt with all its signals.
with_pty() {
    local script
    script=$(cat)
    cat >"$BATS_TEST_TMPDIR/with_pty.py" <<END
import os, signal, sys, time
sys.dont_write_bytecode = True
sys.path.insert(0, "$TOP/scripts/test.d")
from terminal import *
$script
END
    run_and_show python3 "$BATS_TEST_TMPDIR/with_pty.py"
    assert_status 0
}

# --- The host, before and after --------------------------------------------

setup() {
    [[ -z ${RUNG_ENOUGH-} || ! -e $RUNG_ENOUGH ]] || { left_out=1 && skip "one failure is enough"; }
    if [[ -e ${RUNG_HANGS-} ]] && (($(wc -l <"$RUNG_HANGS") >= 3)); then
        left_out=1
        fail "not tried, as it has not ended in three tests one after the other"
    fi
    [[ -d $BATS_TEST_TMPDIR/cwd ]] || mkdir "$BATS_TEST_TMPDIR/cwd"
    cd "$BATS_TEST_TMPDIR/cwd" || return
    ln -s "$TOP/build" build
    demos_started=0
    running=() # by PID: the command line of each demo in the background
    out_of=() # by PID: where its output goes
    # What the test starts inherits this: it finds what is left of it.
    export RUNG_TEST=$BATS_TEST_TMPDIR
    cgroups_before=
    host_before=$(host_snapshot)
    # Others' cgroups may go meanwhile: what counts is which are new afterwards.
    cgroups_before=none$'\n'
    if [[ $host_before == *$'\ncgroup '* ]]; then
        cgroups_before+="cgroup ${host_before#*$'\ncgroup '}"$'\n'
        host_before=${host_before%%$'\ncgroup '*}
    fi
    if declare -F before_each >/dev/null; then before_each; fi
}

# show_values: when a comparison [[ A == B ]] has failed, say what A is. The test's processes still run.
show_values() {
    [[ -z ${BATS_TEST_COMPLETED-} ]] || return 0
    local frame=${BATS_DEBUG_LAST_STACK_TRACE[0]-} text piece value
    [[ $frame == *" test_"* ]] || return 0
    text=$(sed -n "${frame%% *}p" "$BATS_TEST_FILENAME")
    local comparison='^ *\[\[ (.*) \]\]' left='^([^=]*) (==|!=|=~) '
    [[ $text =~ $comparison ]] || return 0
    while IFS= read -r piece; do
        [[ $piece =~ $left ]] || continue
        # What is cut in the wrong place is no command: then say nothing.
        value=$(trap - DEBUG ERR && set +eE && eval "printf %s \"${BASH_REMATCH[1]}\"" 2>/dev/null) || continue
        printf 'VALUE: %s is: %s\n' "${BASH_REMATCH[1]}" "$value"
    done <<<"${BASH_REMATCH[1]// && /$'\n'}"
}

teardown() {
    show_values || true
    local problem='' pid patience=${RUNG_HOST_PATIENCE:-10}
    [[ -z ${left_out-} ]] || return 0
    # Of a test that has failed the verdict is known.
    [[ $BATS_TEST_COMPLETED == 1 ]] || patience=1
    if declare -F after_each >/dev/null; then after_each || problem=after_each; fi
    for pid in "${!running[@]}"; do
        kill -TERM "$pid" 2>/dev/null || continue
        EVENTUALLY_SECONDS=$patience eventually process_ended "$pid" || problem="SIGTERM did not end $pid"
    done
    EVENTUALLY_SECONDS=$patience assert_host_unchanged || problem='the host has changed'
    [[ -z $problem ]] || clean_up
    cd "$TOP" || return
    if [[ $problem != '' || $BATS_TEST_COMPLETED != 1 ]]; then
        this_is_enough
    elif [[ -n ${RUNG_HANGS-} ]]; then
        : >"$RUNG_HANGS"
    fi
    [[ -z $problem ]] || fail "$problem"
}

# this_is_enough: who looks for one failing test (scripts/mutants) names a file for it to make, and beside it lists the
# tests that don't count.
this_is_enough() {
    [[ -n ${RUNG_ENOUGH-} && -z ${BATS_TEST_SKIPPED-} ]] || return 0
    grep -qxF -e "$BATS_TEST_DESCRIPTION" "$RUNG_ENOUGH.not" || : >"$RUNG_ENOUGH"
}

# assert_host_unchanged: the kernel removes some things a little later than it says, so try for some seconds.
# (A plain "return" would mean another status in here: a failed test's teardown is run by a trap.)
assert_host_unchanged() {
    EVENTUALLY_SECONDS=${EVENTUALLY_SECONDS:-${RUNG_HOST_PATIENCE:-10}} eventually host_is_unchanged && return 0
    echo 'The host has changed (< before, > after):'
    diff <(echo "$host_before") <(echo "$host_after") | head -c 4096 || true
    fail 'the host is not as it was'
}

host_is_unchanged() {
    host_after=$(host_snapshot)
    [[ $host_before == "$host_after" ]]
}

# host_snapshot: the host as it is now, see test.d/host.c. From step05 on there are cgroups, too. (Only for $(...): the
# shell becomes that program.)
host_snapshot() {
    if ((10#$STEP < 5)); then
        exec "$HOST" "$BATS_TEST_TMPDIR"
    else
        exec "$HOST" "$BATS_TEST_TMPDIR" "$cgroups_before"
    fi
}

# left_on_host KIND: what is there now of that kind that was not: "process 12 sleep 100", "cgroup /sys/fs/cgroup/rung-12".
left_on_host() {
    local now
    now=$(host_snapshot) # alone: what would run beside it is the test's, too
    grep "^$1 " <<<"$now" | grep -vxFf <(echo "$host_before") || true
}

# clean_up: remove what a failed test left: only what was not there before, and only what is ours.
clean_up() {
    local kind name rest mount
    while read -r _ name _; do
        kill -KILL "$name" 2>/dev/null || true
    done < <(left_on_host process)
    host_after=$(host_snapshot)
    diff <(echo "$host_before") <(echo "$host_after") | sed -n 's/^> //p' | tac |
        while read -r kind name rest; do
            case $kind in
            cgroup)
                echo 1 >"$name/cgroup.kill" || true
                EVENTUALLY_SECONDS=2 eventually rmdir "$name" || true
                ;;
            link) case $name in rung*) ip link delete "$name" || true ;; esac ;;
            nft) case "$name $rest" in "table ip rung"*) nft delete table ip rung || true ;; esac ;;
            mount) case $rest in *"$BATS_TEST_TMPDIR"* | *"$ROOTFS"*)
                read -r _ _ _ mount _ <<<"$rest"
                umount -l "$mount" || true ;;
            esac ;;
            esac
        done
    sed -n 's/^hostname //p' <<<"$host_before" >/proc/sys/kernel/hostname || true
    sed -n 's/^ip_forward //p' <<<"$host_before" >/proc/sys/net/ipv4/ip_forward || true
} 2>/dev/null
