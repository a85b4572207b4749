#!/usr/bin/env bats
#
# The process: environment, user, directory, terminal, init, limits, ending.
#
# bats file_tags=step07,process
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper
load ../scripts/oci_helper

before_each() { requires root rootfs; }

# start_ready FLAGS...: a container that sleeps; $pid is its process 1.
start_ready() {
    start_demo "$@" sh -c 'echo ready; exec sleep 100'
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
}

# --- Environment and directory ---

@test "the environment is not the caller's" {
    SECRET=1 demo env
    assert_status 0
    [[ $output != *SECRET* ]]
    assert_output_like '*PATH=*'
    assert_output_like '*HOME=/root*'
}

@test "--env adds a variable, and the last one counts" {
    demo --env A=1 --env B='two words' --env A=3 --env EMPTY= sh -c 'echo "$A/$B/${EMPTY-unset}"; env | grep -c ^A='
    assert_status 0
    assert_output $'3/two words/\n1'
}

@test "--env PATH is where the command is searched" {
    make_own_root
    mkdir "$root/mine"
    put "$root/mine/tool" $'#!/bin/sh\necho my tool\n'
    demo --env PATH=/mine:/bin tool
    assert_output 'my tool'
    demo tool
    assert_status 127
}

@test "it starts in /, or in --workdir" {
    demo pwd
    assert_output /
    demo --workdir /usr/bin pwd
    assert_output /usr/bin
}

@test "--workdir makes a directory that is missing, inside the root" {
    make_own_root
    demo --workdir /new/work pwd
    assert_status 0
    assert_output /new/work
    [[ -d $root/new/work && ! -e /new/work ]]
}

@test "--workdir: a file is refused, and a link stays inside" {
    make_own_root
    ln -s / "$root/slash"
    demo --workdir /etc/passwd true
    ((status == 125 || status == 126))
    assert_one_line_error '*/etc/passwd*'
    demo --workdir /slash/bin ls busybox
    assert_output busybox
}

# --- User ---

# needs: nothing
@test "--user: ids of the process, seen from the host" {
    start_ready --user 1000:2000
    [[ $(status_field "$pid" Uid) == $'1000\t1000\t1000\t1000' ]]
    [[ $(status_field "$pid" Gid) == $'2000\t2000\t2000\t2000' ]]
    [[ $(status_field "$pid" CapEff) == 0000000000000000 ]]
    [[ $(status_field "$pid" CapPrm) == 0000000000000000 ]]
}

@test "--user with a number alone" {
    demo --user 1000 id -u
    assert_status 0
    assert_output 1000
}

@test "the caller's supplementary groups are gone" {
    DEMO_WORDS=(setpriv "--groups=4,5,6" "${DEMO_WORDS[@]}")
    start_ready
    [[ $(status_field "$pid" Groups | tr -d ' \t') == '' ]]
    start_ready --user 1000:1000
    [[ $(status_field "$pid" Groups | tr -d ' \t') == '' ]]
}

@test "an ordinary user inside may not write what is root's" {
    make_own_root
    demo --user 1000:1000 sh -c 'echo x >/etc/passwd; echo x >/tmp/mine && cat /tmp/mine'
    assert_status 0
    assert_output x
    run ! grep -qx x "$root/etc/passwd"
}

@test "the umask is 022, whatever the caller's is" {
    umask 077
    demo sh -c umask
    assert_output 0022
}

@test "HOME is the user's home directory in the container, unless it is given" {
    make_own_root
    printf '%s\n' 'root:x:0:0::/root:/bin/sh' 'other:x:10:10::/wrong:' 'user:x:1000:1000:A User:/home/of user:/bin/sh' >"$root/etc/passwd"
    local print='process.args = ["sh", "-c", "echo $HOME"]'
    bundle "$print" 'process.user.uid = 1000'
    oci run --bundle "$bundle" c1
    assert_output '/home/of user'
    bundle "$print" 'process.user.uid = 1001'
    oci run --bundle "$bundle" c1
    assert_output /
    bundle "$print" 'process.env.append("HOME=/mine")'
    oci run --bundle "$bundle" c1
    assert_output /mine
    # A link leads to a file of the container's, or to none; a pipe does not make us wait.
    ln -sf "$BATS_TEST_TMPDIR/passwd" "$root/etc/passwd"
    echo 'user:x:1000:1000::/of the host:' >"$BATS_TEST_TMPDIR/passwd"
    bundle "$print" 'process.user.uid = 1000'
    oci run --bundle "$bundle" c1
    assert_output /
    rm "$root/etc/passwd"
    mkfifo "$root/etc/passwd"
    oci run --bundle "$bundle" c1
    assert_output /
}

@test "create tells already that there is no such program, or that it cannot be executed" {
    make_own_root
    echo text >"$root/text"
    for args in '"no-such"' '"/no/such"' '"text/x"'; do
        bundle "process.args = [$args]"
        oci create --bundle "$bundle" c1
        assert_status 127
        refused '*@(no-such: executable file not found in $PATH|/no/such|text/x)*@(No such file|Not a)*'
    done
    for args in '"/text"' '"/etc"'; do
        bundle "process.args = [$args]"
        oci create --bundle "$bundle" c1
        assert_status 126
        refused '*Permission denied*'
    done
}

# --- Terminal ---

@test "--tty: a terminal of the container's own" {
    requires pty
    with_pty <<'END'
t = demo("--tty", "sh", "-c", "tty; readlink /proc/self/fd/0; stat -c %t:%T /dev/console; stty size; test -t 0 -a -t 1 -a -t 2 && echo all")
t.expect("/dev/(pts/0|console)")
t.expect("24 80")
t.expect("all")
assert t.wait_status() == 0
END
}

@test "--tty: Ctrl-C, window size and exit status" {
    requires pty
    with_pty <<'END'
t = demo("--tty", "sh")
t.expect("# ")
t.sendline("echo begin$((1 + 1)); sleep 100")
t.expect("begin2")
t.until_in_front("sleep 100")
t.sendintr()
t.expect("# ")
t.setwinsize(33, 99)
t.sendline("until stty size | grep '^33 9[9]'; do sleep 0.1; done")
t.expect("33 99")
t.sendline("exit 7")
assert t.wait_status() == 7
END
}

@test "--tty: the container cannot type into the caller's terminal" {
    requires pty
    with_pty <<'END'
t = Terminal("sh", "-c", "tty >mine; \"$@\"", "sh", *os.environ["DEMO"].split(), "--tty", "sh", "-c",
             "readlink /proc/self/fd/0; ls /dev/pts; echo done")
t.expect("done")
assert t.wait_status() in (0, None)
mine = open("mine").read().strip()
assert mine not in t.before, t.before
END
}

@test "--tty without a terminal of ours still gives one to the command, or says why not" {
    demo --tty sh -c 'test -t 0; echo $?'
    assert_status 0
}

# --- Init ---

@test "--init: process 1 is ours, and the command its child" {
    start_demo --init sh -c 'echo $$ $PPID; exec sleep 100'
    eventually grep -q . "$demo_out"
    [[ $(<"$demo_out") == '2 1' ]]
}

@test "--init reaps orphans; without it zombies pile up" {
    count='i=0; while [ $i -lt 40 ]; do z=$(cat /proc/[0-9]*/stat | grep -c ") Z "); [ $z = 0 ] && break; sleep 0.05; i=$((i+1)); done; echo zombies: $z'
    demo --init sh -c "sh -c 'for i in 1 2 3; do (sleep 0.1 &) ; done'; sleep 0.3; $count"
    assert_status 0
    assert_output 'zombies: 0'
    start_demo sh -c "for i in 1 2 3; do sh -c 'sleep 0.1 & exec true'; done; echo ready; exec sleep 100"
    pid=$(container_pid)
    eventually grep -q ready "$demo_out"
    eventually has_zombies "$pid"
}

has_zombies() {
    local child
    for child in $(children_of "$1"); do
        [[ $(status_field "$child" State) == Z* ]] && return
    done
    return 1
}

@test "--init passes signals on, and the status back" {
    start_demo --init sh -c 'trap "exit 9" USR1; echo ready; while :; do sleep 0.1; done'
    eventually grep -q ready "$demo_out"
    kill -USR1 "$demo_pid"
    wait_for_demo
    assert_status 9
    demo --init sh -c 'kill -9 $$'
    assert_status 137
    demo --init no-such-program
    assert_status 127
}

# SIGTERM has no handler in sleep: as process 2 it ends it, as process 1 it would not.
@test "--init: SIGTERM ends a command without a handler, as everywhere else" {
    start_demo --init sleep 100
    eventually container_runs "$demo_pid"
    kill -TERM "$demo_pid"
    wait_for_demo
    [[ $status == 143 || $status == 137 ]]
}

# --- Limits of the process ---

@test "--ulimit, seen from the host" {
    start_ready --ulimit nofile=100:200 --ulimit core=0:0
    [[ $(grep '^Max open files' "/proc/$pid/limits") =~ 100\ +200 ]]
    [[ $(grep '^Max core file' "/proc/$pid/limits") =~ 0\ +0 ]]
}

@test "limits that would stop the runtime hold for the command alone" {
    demo --ulimit nofile=3:3 --ulimit nproc=1:1 --ulimit as=8388608:8388608 sh -c 'ulimit -n; ulimit -u; ulimit -v'
    assert_status 0
    assert_output $'3\n1\n8192'
}

@test "a hard limit can be raised, even in a user namespace" {
    requires user_ns
    ulimit -n 600
    demo --userns --ulimit nofile=700:800 sh -c 'ulimit -n; ulimit -Hn'
    assert_status 0
    assert_output $'700\n800'
}

@test "the CPUs of an exec: not those of the container, and refused if there are none" {
    bundle 'process.execCPUAffinity = {"initial": "0", "final": "0"}'
    oci_run
    oci exec c1 grep Cpus_allowed_list /proc/self/status
    assert_output $'Cpus_allowed_list:\t0'
    oci delete --force c1
    bundle 'process.execCPUAffinity = {"final": "30000"}'
    oci_run
    oci exec c1 true
    assert_status 125
    assert_one_line_error '*30000*'
    bundle 'process.execCPUAffinity = {"final": "3-1"}'
    oci create --bundle "$bundle" c2
    refused_field process.execCPUAffinity.final
}

# refused_field FIELD: the last command ended with an error about it.
refused_field() {
    ((status != 0)) || fail 'it was not refused' || return
    assert_one_line_error "*config.json: $1*"
}

@test "config.json: scheduler, I/O priority, limits and users are checked before anything is made" {
    bundle
    # One Python for all: it starts slowly.
    quick_python -c '
import json, sys
for line in sys.stdin:
    config = json.load(open(sys.argv[1]))
    field, value = line.split(" ", 1)
    config["process"][field] = json.loads(value)
    print(field, json.dumps(config))' "$bundle/config.json" >configs <<'END'
scheduler {}
scheduler {"policy": "SCHED_ISO"}
scheduler {"policy": "SCHED_FIFO"}
scheduler {"policy": "SCHED_OTHER", "priority": 5}
scheduler {"policy": "SCHED_OTHER", "nice": 20}
scheduler {"policy": "SCHED_DEADLINE", "runtime": 5000}
scheduler {"policy": "SCHED_DEADLINE", "runtime": 1000, "deadline": 2000}
scheduler {"policy": "SCHED_DEADLINE", "runtime": 5000, "deadline": 4000}
scheduler {"policy": "SCHED_DEADLINE", "runtime": 5000, "deadline": 6000, "period": 5500}
scheduler {"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_X"]}
ioPriority {"class": "IOPRIO_CLASS_BE"}
ioPriority {"class": "IOPRIO_CLASS_NONE", "priority": 0}
user {"uid": 0}
user {"uid": 4294967295, "gid": 0}
user {"uid": 0, "gid": 0, "additionalGids": [-1]}
user {"uid": 0, "gid": 0, "umask": 512}
env ["NOVALUE"]
cwd "tmp"
terminal "yes"
END
    while read -r field config; do
        echo "$config" >"$bundle/config.json"
        oci create --bundle "$bundle" c1
        refused_field "process.$field" || return
    done <configs
    nothing_left
}

@test "--oom-score-adj, seen from the host" {
    start_ready --oom-score-adj 500
    [[ $(<"/proc/$pid/oom_score_adj") == 500 ]]
}

@test "--sysctl sets a value of the container's namespaces, and not the host's" {
    before=$(</proc/sys/kernel/msgmax)
    demo --sysctl kernel.msgmax=4321 --sysctl net.ipv4.ip_unprivileged_port_start=80 cat /proc/sys/kernel/msgmax \
        /proc/sys/net/ipv4/ip_unprivileged_port_start
    assert_status 0
    assert_output $'4321\n80'
    [[ $(</proc/sys/kernel/msgmax) == "$before" ]]
}

# --- Descriptors ---

@test "the caller's open files do not reach the command" {
    exec 7</etc/passwd
    start_ready
    exec 7<&-
    run ! ls "/proc/$pid/fd/7"
    descriptors=("/proc/$pid/fd/"*)
    [[ ${descriptors[*]##*/} == '0 1 2' ]]
}

@test "no descriptor of the runtime reaches the command, on any way" {
    for flags in '' --overlay --init --userns --tty; do
        # shellcheck disable=SC2086
        demo $flags ls -l /proc/self/fd
        assert_status 0
        run ! grep -E '/proc/[0-9]+|cgroup|socket|rung|state' <<<"$output"
    done
}

@test "its working directory is inside its root" {
    start_ready
    [[ $(readlink "/proc/$pid/cwd") == / ]]
    demo sh -c 'cd /proc/self/cwd && pwd -P'
    assert_output /
    for fd in 3 4 5 6 7 8 9; do
        demo --workdir "/proc/self/fd/$fd" ls
        ((status != 0)) || [[ $output != *"${BATS_TEST_TMPDIR##*/}"* ]]
    done
}

# --- The end ---

@test "what the command started ends with it" {
    start_demo sh -c 'sleep 100 & setsid sleep 100 & echo ready; sleep 0.2; exit 3'
    wait_for_demo
    assert_status 3
}

@test "SIGKILL to the runtime ends the container, and delete --force removes the rest" {
    start_demo --name "killed-$$" sh -c 'echo ready; exec sleep 100'
    eventually grep -q ready "$demo_out"
    pid=$(container_pid)
    cgroup=$(cgroup_of "$pid")
    kill -KILL "$demo_pid"
    wait_for_demo
    eventually process_ended "$pid"
    rung list
    assert_output_like "*killed-$$*stopped*"
    rung delete --force "killed-$$"
    assert_status 0
    [[ ! -d $cgroup || $cgroup != *rung-* ]]
    rung list
    run ! grep -q "killed-$$" <<<"$output"
}

@test "delete --force may be repeated; delete of a running container is refused" {
    rung delete --force no-such-container
    assert_status 0
    rung delete no-such-container
    ((status != 0))
    assert_one_line_error '*no-such-container*'
    start_ready --name "busy-$$"
    rung delete "busy-$$"
    ((status != 0))
    assert_one_line_error '*busy*running*'
    rung delete --force "busy-$$"
    assert_status 0
    wait_for_demo
    ((status != 0))
}

@test "list and state tell what runs" {
    start_ready --name "shown-$$"
    rung list
    assert_output_like "*shown*$pid*running*"
    rung state "shown-$$"
    assert_status 0
    [[ $(python3 -c 'import json, sys; s = json.load(sys.stdin); print(s["id"], s["status"], s["pid"])' <<<"$output") == "shown-$$ running $pid" ]]
    stop_demo
    rung state "shown-$$"
    ((status != 0))
    assert_one_line_error '*shown*'
}

@test "two containers cannot have the same name" {
    start_ready --name "twin-$$"
    demo --name "twin-$$" true
    assert_status 125
    assert_one_line_error '*twin*'
    [[ $(status_field "$pid" State) == S* ]]
    stop_demo
    demo --name "twin-$$" true
    assert_status 0
}

@test "--pid-file has the PID of process 1, as the host sees it" {
    start_ready --pid-file "$PWD/pid"
    [[ $(<pid) == "$pid" ]]
}
