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

after_each() { end_commands; }

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

# points: 12
# needs: nothing
# chapter: The idea
# hint: /proc/PID/status of the command must have two numbers in its line NSpid. How does a child get a second number?
# hint: clone3(2) and pid_namespaces(7). unshare(2) would do it for the next child only, and not without fork.
# hint: In start: `c->pid = clone3(&c->clone);` where step01 had fork, and clone3 is `(pid_t)syscall(SYS_clone3, args,
#   sizeof(*args))`.
# bats test_tags=lesson
@test "the host knows it by another number, as the demo's child" {
    start_ready sh -c 'echo ready; exec sleep 100'
    [[ $(numbers_of "$pid") == "$pid 1" ]]
    [[ $(status_field "$pid" PPid) == "$demo_pid" ]]
}

# points: 10
# chapter: In a few lines
# hint: `echo $$` in the command prints 1 only in a PID namespace of its own. Which flag asks for one, and when?
# hint: clone3(2): the field flags of struct clone_args; CLONE_NEWPID in pid_namespaces(7).
# hint: `c->clone.flags |= CLONE_NEWPID;` in want_pid_namespace, which main calls before start.
# bats test_tags=lesson
@test "the command is process 1, and has no parent" {
    demo sh -c 'echo $$ $PPID'
    assert_status 0
    assert_output '1 0'
}

# points: 8
# chapter: The idea
# hint: Who got the new namespace: the child, or the demo as well?
# hint: clone3(2): its flags are for the child. unshare(2) changes what the caller's own children get.
# hint: `c->clone.flags |= CLONE_NEWPID;` in want_pid_namespace, and no unshare.
# bats test_tags=lesson
@test "its PID namespace is new; the demo stays in the host's" {
    start_ready sh -c 'echo ready; exec sleep 100'
    [[ $(ns_inode "$pid" pid) != "$(ns_inode self pid)" ]]
    [[ $(ns_inode "$demo_pid" pid) == "$(ns_inode self pid)" ]]
}

# hint: The command has more new namespaces than were asked for. Where do they come from?
# hint: clone3(2): each CLONE_NEW... flag is one namespace. `lsns -p PID` shows which are new.
# hint: want_pid_namespace sets CLONE_NEWPID alone; the others only come from `c->clone.flags |= flags[...]` in
#   open_namespace.
@test "no other namespace is new" {
    start_ready sh -c 'echo ready; exec sleep 100'
    [[ $(new_namespaces "$pid") == pid ]]
}

# hint: Both commands should be number 1, each in its own world. Is something kept from one run to the next?
# hint: clone3(2) makes a new namespace at each call with CLONE_NEWPID. setns(2) would join an old one.
# hint: One clone3 for each run, in start: `c->pid = clone3(&c->clone);`
@test "two containers have two PID namespaces" {
    start_ready sh -c 'echo ready; exec sleep 100'
    first=$pid
    start_ready sh -c 'echo ready; exec sleep 100'
    [[ $(ns_inode "$first" pid) != "$(ns_inode "$pid" pid)" ]]
    [[ $(numbers_of "$first") == *' 1' && $(numbers_of "$pid") == *' 1' ]]
}

# hint: Process 1's first child should be number 2. Who took that number, or who stands between?
# hint: pid_namespaces(7): numbers are given in order. Every fork of yours inside takes one.
# hint: child goes straight to execve: no second fork between clone3 and run_program.
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

# hint: The inner demo is process 1 of the outer container. Which call of yours fails, or acts strangely, there?
# hint: pid_namespaces(7): namespaces nest, up to 32 deep. getppid(2) says 0 for who has no parent in there.
# hint: `c->pid = clone3(&c->clone);` works there as anywhere; don't give up when getppid() is 0.
@test "a container in a container: each world has its own number for the innermost process" {
    start_ready "${DEMO_WORDS[@]}" sh -c 'echo ready; exec sleep 100'
    # $pid runs sleep: it is the demo's grandchild, and process 1 of the inner namespace.
    [[ $(numbers_of "$pid") =~ ^"$pid"\ ([0-9]+)\ 1$ ]]
    ((BASH_REMATCH[1] > 1))
}

# --- /proc -----------------------------------------------------------------

# points: 5
# chapter: Why ps still shows the host
# hint: In this step ps inside must still list the host's processes. What did you mount?
# hint: pid_namespaces(7), "/proc and PID namespaces": /proc belongs to the namespace of whoever mounted it.
# hint: No mount in this step: child is unblock_signals, die_with_parent, take_terminal, run_program.
# bats test_tags=lesson
@test "/proc, and so ps, still shows the host" {
    # Where ps looks. (Some of them stop at once if their own number in here is nobody's in /proc.)
    start_ready sh -c 'echo /proc calls me $(cut -d " " -f 4 /proc/self/stat); echo /proc/[0-9]* >list
        cat /proc/1/comm; echo ready; exec sleep 100'
    mapfile -t seen <"$demo_out"
    # It is process 1, but its children's parent goes by another number in there.
    [[ ${seen[0]} == "/proc calls me $pid" ]]
    [[ ${seen[1]} == "$(cat /proc/1/comm)" ]]
    grep -qw "/proc/$demo_pid" list
    grep -qw "/proc/$pid" list
}

# --- Signals ---------------------------------------------------------------

# points: 5
# chapter: The duties of process 1
# hint: The kernel protects process 1 from its own kind. Is your command process 1, or a child of it?
# hint: pid_namespaces(7), "The namespace init process".
# hint: The child of clone3 itself calls execve: `run_program(c);` at the end of child, with no fork before it.
# bats test_tags=lesson
@test "process 1 does not hear its own namespace's signals, not even SIGKILL and SIGSTOP" {
    demo sh -c 'for signal in HUP TERM USR1 STOP KILL; do kill -$signal 1; kill -$signal $$; done; echo here'
    assert_status 0
    assert_output here
}

# hint: The kernel drops these signals for process 1. Did something of yours handle or keep them?
# hint: pid_namespaces(7); signal(7). A blocked signal is not dropped, it waits: SigBlk and ShdPnd in proc(5).
# hint: `unblock_signals(c);` is the first line of child.
@test "nor does it hear the host's, if it has no handler" {
    start_ready sh -c 'trap "echo heard" USR2; echo ready; while [ $((i += 1)) -lt 2000 ]; do sleep 0.05; done'
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

# points: 5
# chapter: The duties of process 1
# hint: The command has a trap for SIGTERM. Does a mask that it inherited keep the signal from it?
# hint: sigprocmask(2); execve(2) keeps the mask. /proc/PID/status: SigBlk, SigCgt.
# hint: `sigprocmask(SIG_UNBLOCK, &c->signals, NULL)` in unblock_signals.
# bats test_tags=lesson
@test "it hears what it has a handler for" {
    start_ready sh -c 'trap "exit 9" TERM; echo ready; while [ $((i += 1)) -lt 2000 ]; do sleep 0.05; done'
    kill -TERM "$pid"
    wait_for_demo
    assert_status 9
}

# hint: From the parent's namespace these two always reach process 1. What happened after the stop, or the kill?
# hint: pid_namespaces(7); waitpid(2): WIFSTOPPED is not the end, WIFSIGNALED is.
# hint: `c->status = EXIT_SIGNALLED + WTERMSIG(status);` in collect, as in step01.
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

# hint: Only process 1 is protected. Why does its child not die of SIGTERM?
# hint: signal(7): blocked and ignored signals are inherited. `grep Sig /proc/self/status` in the container.
# hint: `unblock_signals(c);` in child, before run_program.
@test "the other processes of the container hear every signal" {
    demo sh -c 'sleep 100 & kill -TERM $!; wait $!; echo $? $$'
    assert_output '143 1'
}

# points: 10
# chapter: The same, made robust
# hint: SIGTERM to the demo is passed on, and the command, deaf to it, runs on for ever. How can the demo know before
#   it sends?
# hint: proc(5), /proc/PID/status: SigBlk, SigIgn and SigCgt are masks in hexadecimal; bit N-1 is signal N.
#   strtoull(3) with base 16.
# hint: `if (is_deaf(c, signal))`, then `kill(c->pid, SIGKILL);`, in pass_on; in is_deaf: `if (hearing.handled &
#   bit) return false;`
# bats test_tags=lesson
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

# points: 6
# chapter: The duties of process 1
# hint: The orphan went elsewhere. Is the command really process 1 of its namespace?
# hint: pid_namespaces(7): orphans are reparented to the namespace's init. prctl(2), PR_SET_CHILD_SUBREAPER, would
#   divert them.
# hint: `c->clone.flags |= CLONE_NEWPID;` in want_pid_namespace, and no subreaper anywhere.
# bats test_tags=lesson
@test "an orphan is given to process 1, not to the host's" {
    start_ready sh -c 'sh -c "sleep 100 & echo \$!"; echo ready; read -r _; exec sleep 100'
    read -r number <"$demo_out"
    orphan=$(children_of "$pid")
    orphan=${orphan% }
    [[ $(numbers_of "$orphan") == "$orphan $number" ]]
    [[ $(status_field "$orphan" PPid) == "$pid" ]]
}

# points: 5
# chapter: The duties of process 1
# hint: sleep waits for nobody, and its dead children stay. Does a helper of yours, in between, reap them?
# hint: wait(2), NOTES; pid_namespaces(7): who reaps in a namespace is its process 1, and nobody else.
# hint: No little init of your own: `run_program(c);` makes the command itself process 1.
# bats test_tags=lesson
@test "zombies pile up when process 1 does not wait for them, and go when it ends" {
    # sleep waits for nobody. It got its five children when it still was a shell.
    start_ready sh -c 'for n in 1 2 3 4 5; do until [ -e go ] || [ $((i += 1)) = 2000 ]; do sleep 0.05; done & done; echo ready; exec sleep 100'
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

# hint: The orphan's parent is now the command, which does not wait for it. Did the zombie vanish, or never come?
# hint: waitpid(2): you may only wait for children of your own; an orphan in there is not yours.
# hint: `waitpid(c->pid, ...)` in collect, for the command alone; and SIGCHLD is not ignored when it starts.
@test "a zombie is also what an orphan becomes" {
    start_ready sh -c '(until [ -e go ] || [ $((i += 1)) = 2000 ]; do sleep 0.05; done &); echo ready; exec sleep 100'
    eventually runs "$pid" sleep
    zombies_of "$pid" 0
    touch go
    eventually zombies_of "$pid" 1
}

# runs PID NAME: it has become this program.
runs() {
    [[ $(cat "/proc/$1/comm") == "$2" ]]
}

# hint: A shell waits for what it adopts. What keeps it from hearing that a child has ended?
# hint: signal(7): SIGCHLD. If it is blocked or ignored in the command, a shell may miss it.
# hint: SIGCHLD is in `c->signals`, so unblock_signals unblocks it, too: the first line of child.
@test "a process 1 that waits leaves none" {
    start_ready sh -c '(sleep 0.1 &) ; (sleep 0.1 &); echo ready; while [ $((i += 1)) -lt 2000 ]; do sleep 0.05; done'
    eventually has_one_child "$pid"
    eventually zombies_of "$pid" 0
}

has_one_child() {
    [[ $(children_of "$1" | wc -w) == 1 ]]
}

# points: 6
# chapter: The duties of process 1
# hint: Process 1 was killed, and others live on. Were they in its namespace at all?
# hint: pid_namespaces(7): when init ends, the kernel sends SIGKILL to all others there, and only then can you wait
#   for it.
# hint: `c->clone.flags |= CLONE_NEWPID;` in want_pid_namespace; the rest is the kernel's work.
# bats test_tags=lesson
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

# hint: The command ended with 3. Did you report the end of something else, or wait too long?
# hint: waitpid(2) with the PID that clone3 returned. The others die with process 1: pid_namespaces(7).
# hint: `c->status = WEXITSTATUS(status);` in collect, after `waitpid(c->pid, ...)`.
@test "the command's status is its own, though it leaves others behind" {
    demo sh -c 'sleep 100 & exit 3'
    assert_status 3
    [[ -z $(left_on_host process) ]]
}

# hint: "Cannot fork" comes from a namespace whose process 1 has gone. Which process of yours was the first in there?
# hint: pid_namespaces(7), ENOMEM. unshare(2) and then fork: the first child is process 1, and perhaps not your
#   command.
# hint: clone3 instead of unshare: `c->pid = clone3(&c->clone);` makes the command itself process 1.
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
    kill -KILL "$pid"
    wait_for_demo
}

# hint: -i must add a flag to what clone3 gets. Does the option reach it?
# hint: ipc_namespaces(7): CLONE_NEWIPC; getopt_long(3): one row with a name and a letter.
# hint: `{"ipc", 'i', NULL, open_namespace, "open a new IPC namespace"}` in `rows[]`, `['i'] = CLONE_NEWIPC` in
#   open_namespace.
@test "-i and --ipc open an IPC namespace" {
    opens 'ipc pid' -i
    opens 'ipc pid' --ipc
}

# hint: Mount namespaces were the first of all. What is their flag called?
# hint: mount_namespaces(7): CLONE_NEWNS, with no letter for its kind.
# hint: `['m'] = CLONE_NEWNS` in open_namespace, and a row "mount", 'm' in `rows[]`.
@test "-m and --mount open a mount namespace" {
    opens 'mnt pid' -m
    opens 'mnt pid' --mount
}

# hint: `ls -l /proc/PID/ns/net` must differ from the host's. Which flag is missing?
# hint: network_namespaces(7): CLONE_NEWNET.
# hint: `['n'] = CLONE_NEWNET` in open_namespace, and a row "net", 'n' in `rows[]`.
@test "-n and --net open a network namespace" {
    opens 'net pid' -n
    opens 'net pid' --net
}

# hint: -p asks for what is there already. Is it accepted, and does it open a second one?
# hint: clone3(2): flags are bits; setting one twice changes nothing.
# hint: `['p'] = CLONE_NEWPID` in open_namespace: `|=`, not `+=`.
@test "-p and --pid open a PID namespace, which is open anyway" {
    opens 'pid' -p
    opens 'pid' --pid
    start_ready -p sh -c 'echo ready; exec sleep 100'
    [[ $(numbers_of "$pid") == "$pid 1" ]]
}

# hint: Which namespace holds the hostname, and what is its flag?
# hint: uts_namespaces(7): CLONE_NEWUTS.
# hint: `['u'] = CLONE_NEWUTS` in open_namespace, and a row "uts", 'u' in `rows[]`.
@test "-u and --uts open a UTS namespace" {
    opens 'pid uts' -u
    opens 'pid uts' --uts
}

# hint: -U is a capital letter. Does your table tell it from -u?
# hint: user_namespaces(7): CLONE_NEWUSER.
# hint: `['U'] = CLONE_NEWUSER` in open_namespace, and a row "user", 'U' in `rows[]`.
@test "-U and --user open a user namespace" {
    opens 'pid user' -U
    opens 'pid user' --user
}

# hint: A cgroup namespace does not limit anything. What does it change, and which flag asks for it?
# hint: cgroup_namespaces(7): CLONE_NEWCGROUP.
# hint: `['C'] = CLONE_NEWCGROUP` in open_namespace, and a row "cgroup", 'C' in `rows[]`.
@test "-C and --cgroup open a cgroup namespace" {
    opens 'cgroup pid' -C
    opens 'cgroup pid' --cgroup
}

# hint: Its flag does not fit the old clone(2). Is your variable for flags wide enough?
# hint: time_namespaces(7): CLONE_NEWTIME; clone3(2): flags has 64 bits. <linux/sched.h> defines it.
# hint: `['T'] = CLONE_NEWTIME` in a table of uint64_t, in open_namespace.
@test "-T and --time open a time namespace" {
    requires time_ns
    opens 'pid time' -T
    opens 'pid time' --time
}

# points: 8
# needs: -i and --ipc open an IPC namespace
# needs: -u and --uts open a UTS namespace
# chapter: All eight namespaces
# hint: Only the last letter counted, or -iu was not understood. What happens to the flags that were there?
# hint: getopt(3): -iu is -i and -u. In C, `|=` adds a bit and `=` replaces all.
# hint: `c->clone.flags |= flags[(unsigned char)letter];` in want_namespace.
# bats test_tags=lesson
@test "letters add up, together or one by one" {
    opens 'ipc pid uts' -iu
    opens 'cgroup ipc mnt net pid uts' -i -m -n -p -u -C
}

# needs: letters add up, together or one by one
# hint: All flags in one call: is a bit lost on the way, or does the order of your calls matter?
# hint: clone3(2): all of them in one call. Flags in an int lose what is above 31 bits.
# hint: `struct clone_args clone;` in struct container: its field flags is __u64.
@test "all eight at once" {
    requires time_ns
    opens 'cgroup ipc mnt net pid time user uts' -imnpuUCT
}

# needs: -n and --net open a network namespace
# hint: A new network namespace has one device, switched off. Why are there more, or why is it on?
# hint: network_namespaces(7). In this step nobody sets it up.
# hint: `['n'] = CLONE_NEWNET` in open_namespace, and no call for the network besides.
@test "a new network namespace has lo alone, and it is down" {
    demo -n sh -c 'ip -o link; ip route'
    assert_status 0
    ((${#lines[@]} == 1))
    [[ ${lines[0]} == 1:\ lo:\ * && ${lines[0]} == *'state DOWN'* ]]
}

# needs: -i and --ipc open an IPC namespace
# hint: The host's segment is still to be seen. Is it a namespace of its own, and with -i only?
# hint: ipc_namespaces(7); `ipcs -m` in the container and on the host.
# hint: `['i'] = CLONE_NEWIPC` in open_namespace; without -i nothing sets that flag.
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

# needs: -u and --uts open a UTS namespace
# hint: The command set its name, and the host's name changed or the call failed. In which UTS namespace was it?
# hint: uts_namespaces(7), sethostname(2). Compare `readlink /proc/self/ns/uts` inside and outside.
# hint: `c->clone.flags |= flags[(unsigned char)letter]`: `['u'] = CLONE_NEWUTS`, before clone3 runs: parse_options comes before start in
#   main.
@test "a hostname set in a new UTS namespace is not the host's" {
    before=$(hostname)
    demo -u sh -c 'hostname elsewhere; hostname'
    assert_output elsewhere
    [[ $(hostname) == "$before" ]]
}

# needs: -m and --mount open a mount namespace
# hint: The test wants the leak to be there: where mounts are shared, one made inside shows outside. Did you stop it
#   already?
# hint: mount_namespaces(7), "Shared subtrees": MS_SHARED and MS_PRIVATE. Step04 will make them private.
# hint: `['m'] = CLONE_NEWNS` in open_namespace, and no mount(2) in this step.
@test "a mount made in a new mount namespace may still reach the host: it is a copy, but shares what was shared" {
    script='"$@" -m sh -c "mount -t tmpfs leaky /mnt && grep -c leaky /proc/self/mountinfo"
        grep -c leaky /proc/self/mountinfo'
    counts=$(in_outer_mount_namespace private sh -c "$script" sh "${DEMO_WORDS[@]}" || :)
    [[ $counts == $'1\n0' ]]
    counts=$(in_outer_mount_namespace shared sh -c "$script" sh "${DEMO_WORDS[@]}" || :)
    [[ $counts == $'1\n1' ]]
}

# needs: -C and --cgroup open a cgroup namespace
# hint: /proc/self/cgroup in the container should say "/". When was the namespace made?
# hint: cgroup_namespaces(7): the cgroup that a process is in at that moment becomes the root.
# hint: `['C'] = CLONE_NEWCGROUP` in open_namespace.
@test "a new cgroup namespace calls its own cgroup the root" {
    demo -C sh -c 'cut -d : -f 3- /proc/self/cgroup | sort -u'
    assert_status 0
    assert_output /
}

# needs: -U and --user open a user namespace
# hint: In a user namespace without maps, id says 65534. What did you write to uid_map, or to the ids?
# hint: user_namespaces(7): unmapped ids are shown as the overflow id. Step07 writes maps, this one does not.
# hint: `['U'] = CLONE_NEWUSER` in open_namespace, and nothing else for it.
@test "in a new user namespace without maps, everybody is nobody" {
    demo -U sh -c 'id -u; cat /proc/self/uid_map'
    assert_status 0
    assert_output "$(cat /proc/sys/kernel/overflowuid)"
}

# needs: -U and --user open a user namespace
# hint: With -U no root is needed, for any of the others. Do you check for root on your own, or make the namespaces in
#   several calls?
# hint: user_namespaces(7): when CLONE_NEWUSER is among the flags it is made first, and the right to the others comes
#   with it.
# hint: `c->pid = clone3(&c->clone);` once, with all flags, and no check of geteuid() before it.
@test "an ordinary user may open a user namespace, and with it all others" {
    requires user_ns
    demo_as_nobody -Uimnu sh -c 'echo $$'
    assert_status 0
    assert_output 1
}

# needs: -T and --time open a time namespace
# hint: /proc/self/timens_offsets should be two lines of zeros. Is the command in the new time namespace, or only its
#   children?
# hint: time_namespaces(7): after unshare(2) only children are in it; clone3(2) puts the child itself there.
# hint: `['T'] = CLONE_NEWTIME` in open_namespace, given to clone3 and not to unshare.
@test "a new time namespace is named, though its clocks start out as the host's" {
    requires time_ns
    demo -T sh -c 'cat /proc/self/timens_offsets'
    assert_status 0
    [[ ${lines[0]} =~ ^monotonic\ +0\ +0$ && ${lines[1]} =~ ^boottime\ +0\ +0$ ]]
}

# --- The demonstration -----------------------------------------------------

# needs: -n and --net open a network namespace
# needs: -i and --ipc open an IPC namespace
# hint: Which scene of chapter 2 says NOT OBSERVED, and what does it look for?
# hint: `./demo --chapter 2` and its scenes in scenes.c. The first one also looks into what -v prints.
# hint: `narrate(c, "clone3() = %d, my parent is %d   # unshare --pid --fork", ...)` in start; the child narrates as
#   demo[1].
@test "the demonstration shows process 1 with both its numbers" {
    demo --chapter 2
    assert_status 0
    [[ $output =~ 'I see '([0-9]+) ]]
    [[ $output == *"NSpid:"$'\t'"${BASH_REMATCH[1]}"$'\t1'* ]]
    assert_output_like '*I am 1, my parent is 0*still here*adopted*Z (zombie)*two nets*'
    [[ ${lines[-1]} =~ ^demo:\ ([0-9]+)\ of\ ([0-9]+)\ observed$ ]]
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" ]]
}
