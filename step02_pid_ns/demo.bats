#!/usr/bin/env bats
#
# The command is process 1 of a PID namespace of its own, and has what process 1 has: no parent, deaf ears, adopted
# children, and the life of all the others. The letters open the other namespaces. Seen from the host.
#
# bats file_tags=step02,pid
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

before_each() { requires root; }

# start_ready ARGS...: start the demo, and wait until its command has printed "ready"; $pid is the command: process 1.
start_ready() {
    start_demo "$@"
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
    [[ $(numbers_of "$pid") == *' 1' ]] || fail "the command is not process 1, but $(numbers_of "$pid")"
}

# state_is PID LETTERS: R runs, S sleeps, T is stopped, Z is a zombie.
state_is() {
    [[ $(status_field "$1" State) == [$2]* ]]
}

# zombies_of PID N: of its children, exactly N are zombies.
zombies_of() {
    local child count=0
    for child in $(children_of "$1"); do
        ! state_is "$child" Z || count=$((count + 1))
    done
    ((count == $2))
}

# wait_for_line PATTERN: the command has printed it.
wait_for_line() {
    eventually grep -q "$1" "$demo_out" || fail "it never printed $1"
}

# numbers_of PID: the numbers of a process, from this PID namespace inwards.
numbers_of() {
    local numbers
    read -ra numbers <<<"$(status_field "$1" NSpid)"
    echo "${numbers[*]}"
}

# --- Process 1 -------------------------------------------------------------

@test "the command is process 1, and has no parent" {
    demo sh -c 'echo $$ $PPID'
    assert_status 0
    assert_output '1 0'
}

# needs: nothing
@test "the host knows it by another number, as the demo's child" {
    start_ready sh -c 'echo ready; exec sleep 100'
    [[ $(numbers_of "$pid") == "$pid 1" ]]
    [[ $(status_field "$pid" PPid) == "$demo_pid" ]]
}

@test "its PID namespace is new; the demo stays in the host's" {
    start_ready sh -c 'echo ready; exec sleep 100'
    [[ $(ns_inode "$pid" pid) != "$(ns_inode self pid)" ]]
    [[ $(ns_inode "$demo_pid" pid) == "$(ns_inode self pid)" ]]
}

@test "no other namespace is new" {
    start_ready sh -c 'echo ready; exec sleep 100'
    [[ $(new_namespaces "$pid") == pid ]]
}

@test "two containers have two PID namespaces" {
    start_ready sh -c 'echo ready; exec sleep 100'
    first=$pid
    start_ready sh -c 'echo ready; exec sleep 100'
    [[ $(ns_inode "$first" pid) != "$(ns_inode "$pid" pid)" ]]
    [[ $(numbers_of "$first") == *' 1' && $(numbers_of "$pid") == *' 1' ]]
}

@test "three generations: the demo outside, process 1 of both worlds, and its child 2" {
    start_ready sh -c 'echo $$ $PPID; sh -c "echo \$\$ \$PPID; echo ready; exec sleep 100"; :'
    child=$(children_of "$pid")
    child=${child% }
    [[ $(numbers_of "$child") == "$child 2" ]]
    [[ $(status_field "$child" PPid) == "$pid" ]]
    [[ $(status_field "$pid" PPid) == "$demo_pid" ]]
    mapfile -t seen <"$demo_out"
    [[ ${seen[0]} == '1 0' && ${seen[1]} == '2 1' ]]
}

@test "a container in a container: each world has its own number for the innermost process" {
    start_ready "${DEMO_WORDS[@]}" sh -c 'echo ready; exec sleep 100'
    # $pid runs sleep: it is the demo's grandchild, and process 1 of the inner namespace.
    [[ $(numbers_of "$pid") =~ ^"$pid"\ ([0-9]+)\ 1$ ]]
    ((BASH_REMATCH[1] > 1))
}

# --- /proc -----------------------------------------------------------------

@test "/proc, and so ps, still shows the host" {
    start_ready sh -c 'echo /proc calls me $(cut -d " " -f 4 /proc/self/stat); ps -e -o pid=,args= >list
        cat /proc/1/comm; echo ready; exec sleep 100'
    mapfile -t seen <"$demo_out"
    # It is process 1, but its children's parent goes by another number in there.
    [[ ${seen[0]} == "/proc calls me $pid" ]]
    [[ ${seen[1]} == "$(cat /proc/1/comm)" ]]
    grep -qE "^ *$demo_pid " list
    grep -qE "^ *$pid " list
}

# --- Signals ---------------------------------------------------------------

@test "process 1 does not hear its own namespace's signals, not even SIGKILL and SIGSTOP" {
    demo sh -c 'for signal in HUP TERM USR1 STOP KILL; do kill -$signal 1; kill -$signal $$; done; echo here'
    assert_status 0
    assert_output here
}

@test "nor does it hear the host's, if it has no handler" {
    start_ready sh -c 'trap "echo heard" USR2; echo ready; while :; do sleep 0.05; done'
    for signal in HUP TERM USR1; do
        kill -"$signal" "$pid"
    done
    # The kernel drops them, at once or when the shell unblocks them: none waits, and the process lives to answer.
    eventually no_hangup_waits "$pid"
    kill -USR2 "$pid"
    wait_for_line heard
    run ! process_ended "$pid"
}

no_hangup_waits() {
    [[ $(status_field "$1" ShdPnd) == *0 ]]
}

@test "it hears what it has a handler for" {
    start_ready sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done'
    kill -TERM "$pid"
    wait_for_demo
    assert_status 9
}

@test "SIGKILL and SIGSTOP from the host reach it" {
    start_ready sh -c 'echo ready; exec sleep 100'
    kill -STOP "$pid"
    eventually state_is "$pid" T
    kill -CONT "$pid"
    eventually state_is "$pid" S
    kill -KILL "$pid"
    wait_for_demo
    assert_status 137
}

@test "the other processes of the container hear every signal" {
    demo sh -c 'sleep 100 & kill -TERM $!; wait $!; echo $? $$'
    assert_output '143 1'
}

@test "what process 1 would not hear, the demo makes a SIGKILL of" {
    for signal in TERM HUP USR1; do
        start_ready sh -c 'echo ready; exec sleep 100'
        kill -"$signal" "$demo_pid"
        wait_for_demo
        assert_status 137
        eventually process_ended "$pid"
    done
}

# --- Orphans and zombies ---------------------------------------------------

@test "an orphan is given to process 1, not to the host's" {
    start_ready sh -c 'sh -c "sleep 100 & echo \$!"; echo ready; read -r _; exec sleep 100'
    read -r number <"$demo_out"
    orphan=$(children_of "$pid")
    orphan=${orphan% }
    [[ $(numbers_of "$orphan") == "$orphan $number" ]]
    [[ $(status_field "$orphan" PPid) == "$pid" ]]
}

@test "zombies pile up when process 1 does not wait for them, and go when it ends" {
    # sleep waits for nobody. It got its five children when it still was a shell.
    start_ready sh -c 'for i in 1 2 3 4 5; do until [ -e go ]; do sleep 0.05; done & done; echo ready; exec sleep 100'
    eventually runs "$pid" sleep
    touch go
    eventually zombies_of "$pid" 5
    zombies=$(children_of "$pid")
    kill -KILL "$pid"
    wait_for_demo
    for zombie in $zombies; do
        [[ ! -e /proc/$zombie ]]
    done
}

@test "a zombie is also what an orphan becomes" {
    start_ready sh -c '(until [ -e go ]; do sleep 0.05; done &); echo ready; exec sleep 100'
    eventually runs "$pid" sleep
    zombies_of "$pid" 0
    touch go
    eventually zombies_of "$pid" 1
}

# runs PID NAME: it has become this program.
runs() {
    [[ $(cat "/proc/$1/comm") == "$2" ]]
}

@test "a process 1 that waits leaves none" {
    start_ready sh -c '(sleep 0.1 &) ; (sleep 0.1 &); echo ready; while :; do sleep 0.05; done'
    eventually has_one_child "$pid"
    eventually zombies_of "$pid" 0
}

has_one_child() {
    [[ $(children_of "$1" | wc -w) == 1 ]]
}

@test "when process 1 ends, the kernel kills all others" {
    start_ready sh -c 'sleep 100 & (trap "" HUP TERM INT; exec sleep 100) & echo ready; read -r _; sleep 100'
    others=$(children_of "$pid")
    (($(wc -w <<<"$others") >= 2))
    kill -KILL "$pid"
    wait_for_demo
    assert_status 137
    # At once, before the demo hears of it: no "eventually" is needed.
    for other in $others; do
        [[ ! -e /proc/$other ]] || state_is "$other" ZX
    done
}

@test "the command's status is its own, though it leaves others behind" {
    demo sh -c 'sleep 100 & exit 3'
    assert_status 3
    [[ -z $(export -n RUNG_TEST && processes_left) ]]
}

@test "process 1 has gone: whoever is still let in cannot fork" {
    # The first child of unshare's shell is process 1. Afterwards the namespace is of no more use.
    run_and_show unshare --pid sh -c '/bin/true; /bin/true'
    assert_stderr_like '*annot*fork*'
    # The demo has no such trap: its process 1 is the command.
    demo sh -c '/bin/true; /bin/true; echo fine $$'
    assert_output 'fine 1'
}

# --- The letters -----------------------------------------------------------

# new_namespaces PID: the types in which it differs from the host, in alphabetical order.
new_namespaces() {
    local type new=()
    for type in cgroup ipc mnt net pid time user uts; do
        [[ ! -e /proc/self/ns/$type || $(ns_inode "$1" "$type") == "$(ns_inode self "$type")" ]] || new+=("$type")
    done
    echo "${new[*]}"
}

# opens TYPES OPTIONS...: with the options, exactly these namespaces are new (and the PID namespace, as always).
opens() {
    local types=$1
    shift
    start_demo "$@" sleep 100
    pid=$(container_pid) || return
    [[ $(new_namespaces "$pid") == "$types" ]] ||
        fail "$*: new are: $(new_namespaces "$pid"), not: $types" || return
    stop_demo
}

@test "-i and --ipc open an IPC namespace" {
    opens 'ipc pid' -i
    opens 'ipc pid' --ipc
}

@test "-m and --mount open a mount namespace" {
    opens 'mnt pid' -m
    opens 'mnt pid' --mount
}

@test "-n and --net open a network namespace" {
    opens 'net pid' -n
    opens 'net pid' --net
}

@test "-p and --pid open a PID namespace, which is open anyway" {
    opens 'pid' -p
    opens 'pid' --pid
    start_ready -p sh -c 'echo ready; exec sleep 100'
    [[ $(numbers_of "$pid") == "$pid 1" ]]
}

@test "-u and --uts open a UTS namespace" {
    opens 'pid uts' -u
    opens 'pid uts' --uts
}

@test "-U and --user open a user namespace" {
    opens 'pid user' -U
    opens 'pid user' --user
}

@test "-C and --cgroup open a cgroup namespace" {
    opens 'cgroup pid' -C
    opens 'cgroup pid' --cgroup
}

@test "-T and --time open a time namespace" {
    requires time_ns
    opens 'pid time' -T
    opens 'pid time' --time
}

@test "letters add up, together or one by one" {
    opens 'ipc pid uts' -iu
    opens 'cgroup ipc mnt net pid uts' -i -m -n -p -u -C
}

@test "all eight at once" {
    requires time_ns
    opens 'cgroup ipc mnt net pid time user uts' -imnpuUCT
}

@test "a new network namespace has lo alone, and it is down" {
    demo -n sh -c 'ip -o link; ip route'
    assert_status 0
    ((${#lines[@]} == 1))
    [[ ${lines[0]} == 1:\ lo:\ * && ${lines[0]} == *'state DOWN'* ]]
}

@test "a new IPC namespace has none of the host's shared memory" {
    id=$(ipcmk --shmem 4096 | grep -o '[0-9]*$')
    demo -i sh -c 'wc -l </proc/sysvipc/shm'
    inside=$output
    demo sh -c 'wc -l </proc/sysvipc/shm'
    outside=$output
    ipcrm --shmem-id "$id"
    # One line is the heading.
    ((inside == 1 && outside > 1))
}

@test "a hostname set in a new UTS namespace is not the host's" {
    before=$(hostname)
    demo -u sh -c 'hostname elsewhere; hostname'
    assert_output elsewhere
    [[ $(hostname) == "$before" ]]
}

@test "a mount made in a new mount namespace may still reach the host: it is a copy, but shares what was shared" {
    script='"$@" -m sh -c "mount -t tmpfs leaky /mnt && grep -c leaky /proc/self/mountinfo"
        grep -c leaky /proc/self/mountinfo'
    counts=$(in_outer_mount_namespace private sh -c "$script" sh "${DEMO_WORDS[@]}" || :)
    [[ $counts == $'1\n0' ]]
    counts=$(in_outer_mount_namespace shared sh -c "$script" sh "${DEMO_WORDS[@]}" || :)
    [[ $counts == $'1\n1' ]]
}

@test "a new cgroup namespace calls its own cgroup the root" {
    demo -C sh -c 'cut -d : -f 3- /proc/self/cgroup | sort -u'
    assert_status 0
    assert_output /
}

@test "in a new user namespace without maps, everybody is nobody" {
    demo -U sh -c 'id -u; cat /proc/self/uid_map'
    assert_status 0
    assert_output "$(cat /proc/sys/kernel/overflowuid)"
}

@test "an ordinary user may open a user namespace, and with it all others" {
    requires user_ns
    demo_as_nobody -Uimnu sh -c 'echo $$'
    assert_status 0
    assert_output 1
}

@test "a new time namespace is named, though its clocks start out as the host's" {
    requires time_ns
    demo -T sh -c 'cat /proc/self/timens_offsets'
    assert_status 0
    [[ ${lines[0]} =~ ^monotonic\ +0\ +0$ && ${lines[1]} =~ ^boottime\ +0\ +0$ ]]
}

# --- The demonstration -----------------------------------------------------

@test "the demonstration shows process 1 with both its numbers" {
    demo --chapter 2
    assert_status 0
    [[ $output =~ 'I see '([0-9]+) ]]
    [[ $output == *"NSpid:"$'\t'"${BASH_REMATCH[1]}"$'\t1'* ]]
    assert_output_like '*I am 1, my parent is 0*still here*adopted*Z (zombie)*two nets*'
    [[ ${lines[-1]} =~ ^demo:\ ([0-9]+)\ of\ ([0-9]+)\ observed$ ]]
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" ]]
}
