#!/usr/bin/env bats
#
# The process: environment, user, directory, terminal, init, limits, ending.
#
# bats file_tags=step07,process
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() { requires root rootfs; }

# start_ready FLAGS...: a container that sleeps; $pid is its process 1.
start_ready() {
    start_demo "$@" sh -c 'echo ready; exec sleep 100'
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
}

# --- Environment and directory ---

# hint: A variable of your shell is in there. Which environment did execve get?
# hint: environ(7), execve(2): the third argument; config.md, "env".
# hint: run_program takes what process_environment made: process.env of the spec, and HOME.
@test "the environment is not the caller's" {
    SECRET=1 demo env
    assert_status 0
    [[ $output != *SECRET* ]]
    assert_output_like '*PATH=*'
    assert_output_like '*HOME=/root*'
}

# hint: A is there twice, or the first one won. Do you look for the name before you add?
# hint: getenv(3) finds the first.
# hint: edit_env in commands/edits.c: replace if it is there.
@test "--env adds a variable, and the last one counts" {
    demo --env A=1 --env B='two words' --env A=3 --env EMPTY= sh -c 'echo "$A/$B/${EMPTY-unset}"; env | grep -c ^A='
    assert_status 0
    assert_output $'3/two words/\n1'
}

# hint: Whose PATH was searched: the container's, or yours?
# hint: execvp(3) takes PATH from its own environ.
# hint: process_find_executable looks into the PATH of process.env.
@test "--env PATH is where the command is searched" {
    make_own_root
    mkdir "$root/mine"
    put "$root/mine/tool" $'#!/bin/sh\necho my tool\n'
    demo --env PATH=/mine:/bin tool
    assert_output 'my tool'
    demo tool
    assert_status 127
}

# hint: Where was the last chdir, before or after the root changed?
# hint: chdir(2); config.md, "cwd".
# hint: process_directory in process/process.c, after enter_root.
@test "it starts in /, or in --workdir" {
    demo pwd
    assert_output /
    demo --workdir /usr/bin pwd
    assert_output /usr/bin
}

# hint: The directory does not exist. Who makes it, and in which root?
# hint: mkdirat(2), chdir(2): ENOENT.
# hint: process_directory makes it, in the new root only.
@test "--workdir makes a directory that is missing, inside the root" {
    make_own_root
    demo --workdir /new/work pwd
    assert_status 0
    assert_output /new/work
    [[ -d $root/new/work && ! -e /new/work ]]
}

# hint: A link in the image: from which root is it followed?
# hint: chdir(2): ENOTDIR; path_resolution(7).
# hint: process_directory comes after the pivot, and checks getcwd(3).
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

# points: 6
# needs: nothing
# chapter: The same, made robust
# hint: Four numbers in Uid, four in Gid. Which calls set all of them, and in which order?
# hint: setresuid(2), setresgid(2), setgroups(2): the groups first, the user last.
# hint: process_ids in process/process.c; then capabilities_set, as those of an ordinary user go.
# bats test_tags=lesson
@test "--user: ids of the process, seen from the host" {
    start_ready --user 1000:2000
    [[ $(status_field "$pid" Uid) == $'1000\t1000\t1000\t1000' ]]
    [[ $(status_field "$pid" Gid) == $'2000\t2000\t2000\t2000' ]]
    [[ $(status_field "$pid" CapEff) == 0000000000000000 ]]
    [[ $(status_field "$pid" CapPrm) == 0000000000000000 ]]
}

# hint: No group was given. Which one has the process?
# hint: config.md, "user": uid and gid; passwd(5).
# hint: edit_user in commands/edits_ids.c.
@test "--user with a number alone" {
    demo --user 1000 id -u
    assert_status 0
    assert_output 1000
}

# hint: The groups of whoever called you are still there. Which call empties the list?
# hint: setgroups(2) with 0 groups; credentials(7).
# hint: set_groups in process/process.c, before setresgid.
@test "the caller's supplementary groups are gone" {
    DEMO_WORDS=(setpriv "--groups=4,5,6" "${DEMO_WORDS[@]}")
    start_ready
    [[ $(status_field "$pid" Groups | tr -d ' \t') == '' ]]
    start_ready --user 1000:1000
    [[ $(status_field "$pid" Groups | tr -d ' \t') == '' ]]
}

# hint: An engine asked to keep the groups, for a directory that only a group may read. Who has emptied the list?
# hint: setgroups(2); crun(1): run.oci.keep_original_groups. Any value but "0" says yes.
# hint: set_groups in process/process.c looks at keep_groups.
@test "the annotation run.oci.keep_original_groups keeps the caller's groups" {
    put member $'#!/bin/sh\nexec setpriv --groups=4,5,6 '"$DEMO_PROGRAM"$' "$@"\n'
    DEMO_PROGRAM=$PWD/member
    local value expected
    while read -r value expected; do
        bundle 'annotations = {"run.oci.keep_original_groups": "'"$value"'"}' 'process.user.additionalGids = [7]'
        oci_run
        [[ $(status_field "$pid" Groups) == "$expected" ]] || fail "$value: $(status_field "$pid" Groups)"
        oci exec c1 sed -n 's/^Groups:.//p' /proc/self/status
        [[ $output == "$expected"* ]]
        oci delete --force c1
    done <<'END'
1 4 5 6
0 7
END
}

# hint: The ids are set, and it could write all the same. By what right?
# hint: capabilities(7): CAP_DAC_OVERRIDE; effect of user ID changes.
# hint: process_ids, then capabilities_set: for another user than root, effective is what the spec says.
@test "an ordinary user inside may not write what is root's" {
    make_own_root
    demo --user 1000:1000 sh -c 'echo x >/etc/passwd; echo x >/tmp/mine && cat /tmp/mine'
    assert_status 0
    assert_output x
    run ! grep -qx x "$root/etc/passwd"
}

# hint: umask is inherited. What does the specification want?
# hint: umask(2); config.md, "umask".
# hint: process_ids calls `umask(p->umask)`; read_user has 022 where config.json says nothing.
@test "the umask is 022, whatever the caller's is" {
    umask 077
    demo sh -c umask
    assert_output 0022
}

# hint: Whose passwd file did you read: the host's, or the container's?
# hint: passwd(5); getpwuid(3) reads the host's unless the root has changed.
# hint: process_environment and find_home read /etc/passwd in the new root.
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
    bundle "$print" 'process.user.uid = 1000' 'process.env.append("HOME=")'
    oci run --bundle "$bundle" c1
    assert_output '/home/of user'
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
    # It may be there, and we cannot know.
    rm "$root/etc/passwd"
    ln -s passwd "$root/etc/passwd"
    oci run --bundle "$bundle" c1
    assert_status 125
    refused '*/etc/passwd*ymbolic link*'
}

# hint: To open /dev/stdout asks the file's owner. Who is that, and who in the container is he?
# hint: proc(5): /proc/PID/fd; fchown(2), user_namespaces(7).
# hint: files_give_standard in process/open_files.c, on the host's side, with the host's number of the command's user.
@test "an ordinary user can open /dev/stdout and /dev/stdin again, in a user namespace too" {
    local say='process.args = ["sh", "-c", "cat /dev/stdin >/dev/stdout; echo error >/dev/stderr"]' users
    local maps='linux.uidMappings = linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
    echo input >input
    for users in '' 10; do
        bundle "$say" 'process.user = {"uid": 1000, "gid": 1000}' ${users:+'linux.namespaces.append({"type": "user"})' "$maps"}
        oci_set_up
        run_and_show sh -c '"$@" | cat' sh sh -c 'cat input | "$@"' sh \
            "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" c1
        [[ $output == input && $stderr == error ]] || fail "pipes: $output $stderr"
        rm -f regular
        oci run --bundle "$bundle" c1 <input
        "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" c1 <input >regular 2>/dev/null
        [[ $(<regular) == input ]] || fail "regular files: $(<regular)"
        # What is only read stays our own.
        [[ $(stat -c %u input) == "$EUID" && $(stat -c %u regular) == "${users}1000" ]]
    done
}

# hint: At create the program does not run yet. How can you know about it?
# hint: execvp(3) describes the search; access(2), X_OK.
# hint: process_find_executable, at the end of create: 127 or 126.
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

# hint: `tty` in the container says "not a tty", or names one of the host's. Who opened it, in which /dev/pts?
# hint: pts(4), posix_openpt(3), devpts; config.md, "terminal".
# hint: console_open in process/console.c, in the child, in the container's own /dev/pts; then console_hand_over.
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

# needs: --tty: a terminal of the container's own
# hint: Somebody writes "\\r\\n" where the program wrote "\\n". Is that good for a log, and for your terminal?
# hint: termios(3): ONLCR, OPOST.
# hint: set_newlines in process/console.c.
@test "--tty: a log has plain newlines, a terminal sees no staircase" {
    requires pty
    demo --tty printf 'one\ntwo\n'
    assert_status 0
    cmp "$BATS_TEST_TMPDIR/stdout" <(printf 'one\ntwo\n')
    with_pty <<'END'
t = demo("--tty", "printf", "one\ntwo\n")
t.expect("one\r\ntwo\r\n")
assert t.wait_status() == 0
t = Terminal("sh", "-c", "\"$@\" | cat; sleep 0.2", "sh", *os.environ["DEMO"].split(), "--tty", "printf", "one\ntwo\n")
t.expect("one\r\ntwo\r\n")
END
}

# needs: --tty: a terminal of the container's own
# hint: Your own terminal has to let all keys through, and its size has to follow. Which signal says that it changed?
# hint: termios(3): cfmakeraw; tty_ioctl(4): TIOCGWINSZ, TIOCSWINSZ; SIGWINCH.
# hint: console_start, console_copy and console_resize in process/console.c.
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
t.sendline("for _ in $(seq 300); do stty size | grep '^33 9[9]' && break; sleep 0.1; done")
t.expect("33 99")
t.sendline("exit 7")
assert t.wait_status() == 7
END
}

# needs: --tty: a terminal of the container's own
# hint: Is one of the command's descriptors still your own terminal?
# hint: tty_ioctl(4): TIOCSTI; setsid(2), TIOCSCTTY; dup2(2).
# hint: console_open and process_session: all three descriptors are the new terminal's.
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

# needs: --tty: a terminal of the container's own
# hint: Standard input is no terminal here. Did a tcgetattr that failed stop you?
# hint: isatty(3).
# hint: make_raw only if isatty says that there is something to make raw.
@test "--tty without a terminal of ours still gives one to the command, or says why not" {
    demo --tty sh -c 'test -t 0; echo $?'
    assert_status 0
}

# --- Init ---

# hint: `echo $$ $PPID` should say 2 1. Who forks, and where?
# hint: fork(2) in the child, after all is set up.
# hint: process_init in process/process.c.
@test "--init: process 1 is ours, and the command its child" {
    start_demo --init sh -c 'echo $$ $PPID; exec sleep 100'
    eventually grep -q . "$demo_out"
    [[ $(<"$demo_out") == '2 1' ]]
}

# hint: The reason went to a socket that was closed too early. Who still has it open when execve fails?
# hint: socketpair(2): the other side reads its end when all copies are closed; execve(2), ENOEXEC.
# hint: process_init forks first, and closes then.
@test "--init: a command that cannot be executed is named, as without" {
    make_own_root
    put "$root/bin/text" 'not a program'
    for init in '' --init; do
        demo $init -- /bin/text
        assert_status 126
        assert_one_line_error '*/bin/text: Exec format error*'
    done
}

# needs: --init: process 1 is ours, and the command its child
# hint: Process 1 waits for the command alone. And for the others?
# hint: waitpid(2) with -1: any child. wait(2), NOTES.
# hint: The loop of process_init: waitpid(-1, ...) until the command itself has ended.
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

# needs: --init: process 1 is ours, and the command its child
# hint: USR1 reached your process 1. And then?
# hint: kill(2), sigwaitinfo(2), waitpid(2): as in step01.
# hint: process_init: hand on, then exit with the command's status or 128+N.
@test "--init passes signals on, and the status back" {
    start_demo --init sh -c 'trap "exit 9" USR1; echo ready; for _ in $(seq 3000); do sleep 0.1; done'
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
# needs: --init passes signals on, and the status back
# hint: The command is not process 1 now, so a plain SIGTERM is enough. Does your process 1 hear it?
# hint: pid_namespaces(7): process 1 gets what it has a handler for, or blocks and waits for.
# hint: block_signals before the fork in process_init.
@test "--init: SIGTERM ends a command without a handler, as everywhere else" {
    start_demo --init sleep 100
    eventually container_runs "$demo_pid"
    kill -TERM "$demo_pid"
    wait_for_demo
    [[ $status == 143 || $status == 137 ]]
}

# --- Limits of the process ---

# hint: /proc/PID/limits shows other numbers. Which is soft, which hard?
# hint: prlimit(2), setrlimit(2); config.md, "rlimits".
# hint: edit_ulimit and process_limits.
@test "--ulimit, seen from the host" {
    start_ready --ulimit nofile=100:200 --ulimit core=0:0
    [[ $(grep '^Max open files' "/proc/$pid/limits") =~ 100\ +200 ]]
    [[ $(grep '^Max core file' "/proc/$pid/limits") =~ 0\ +0 ]]
}

# hint: With 3 open files or one process the runtime itself can't go on. When do you lower the limits?
# hint: prlimit(2): right before execve.
# hint: process_lower_limits, the last one before run_program.
@test "limits that would stop the runtime hold for the command alone" {
    demo --ulimit nofile=3:3 --ulimit nproc=1:1 sh -c 'ulimit -n; ulimit -u'
    assert_status 0
    assert_output $'3\n1'
    # With its memory use watched, the runtime itself needs terabytes of addresses.
    [[ $DEMO != */asan/* ]] || return 0
    demo --ulimit as=8388608:8388608 sh -c 'ulimit -v'
    assert_status 0
    assert_output 8192
}

# hint: Even root is refused. Which number is too large for the kernel?
# hint: prlimit(2): EPERM, fs.nr_open.
# hint: process_limits names the limit, the value and the file.
@test "more open files than the kernel allows: the error names fs.nr_open" {
    local most
    most=$(($(</proc/sys/fs/nr_open) + 1))
    demo --ulimit "nofile=$most:$most" true
    assert_status 125
    assert_stderr_like "*RLIMIT_NOFILE to $most: *fs/nr_open*"
}

# hint: Raising a hard limit takes CAP_SYS_RESOURCE, of the host. Who has it?
# hint: prlimit(2), EPERM: it is asked in the initial user namespace.
# hint: process_limits before the ids change, or by the parent, with the child's PID.
@test "a hard limit can be raised, even in a user namespace" {
    requires user_ns sys_resource
    ulimit -n 600
    demo --userns --ulimit nofile=700:800 sh -c 'ulimit -n; ulimit -Hn'
    assert_status 0
    assert_output $'700\n800'
}

# hint: The process that has hidden itself may no longer write into its own /proc directory. Who may?
# hint: proc(5), /proc/PID/oom_score_adj: lower takes CAP_SYS_RESOURCE, of the host; prctl(2), PR_SET_DUMPABLE.
# hint: process_oom_score, by the parent, with the child's PID.
@test "the OOM score is set in a user namespace, too, and may be lower than ours" {
    requires user_ns
    local scores=(100)
    # Root of this machine may not be allowed to do that.
    ! (echo -100 >/proc/self/oom_score_adj) 2>/dev/null || scores+=(-100)
    for score in "${scores[@]}"; do
        demo --userns --oom-score-adj "$score" cat /proc/self/oom_score_adj
        assert_status 0
        assert_output "$score"
    done
}

# hint: execCPUAffinity is for exec alone. Where was it used, or not?
# hint: sched_setaffinity(2): EINVAL if none of them is there; config.md, "execCPUAffinity".
# hint: set_affinity in process/scheduling.c, called by exec.
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

# hint: Which value was found out by the kernel only, with half of the container made?
# hint: sched_setattr(2), ioprio_set(2), setrlimit(2): their ranges.
# hint: read_scheduler, read_io_priority, read_rlimits and read_user in config/spec_process.c.
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

# hint: Who writes /proc/self/oom_score_adj, and before the rights go?
# hint: proc(5), /proc/PID/oom_score_adj.
# hint: process_oom_score writes it, in the parent.
@test "--oom-score-adj, seen from the host" {
    start_ready --oom-score-adj 500
    [[ $(<"/proc/$pid/oom_score_adj") == 500 ]]
}

# hint: Which file in /proc/sys is it, and in which namespaces is the process that opens it?
# hint: sysctl(8), namespaces(7): only some keys belong to a namespace.
# hint: read_sysctls checks with sysctl_namespace; the child writes before /proc/sys becomes read-only.
@test "--sysctl sets a value of the container's namespaces, and not the host's" {
    before=$(</proc/sys/kernel/msgmax)
    demo --sysctl kernel.msgmax=4321 --sysctl net.ipv4.ip_unprivileged_port_start=80 cat /proc/sys/kernel/msgmax \
        /proc/sys/net/ipv4/ip_unprivileged_port_start
    assert_status 0
    assert_output $'4321\n80'
    [[ $(</proc/sys/kernel/msgmax) == "$before" ]]
}

# --- Descriptors ---

# hint: Descriptor 7 was open in your caller. Who closes it?
# hint: close_range(2): CLOSE_RANGE_CLOEXEC.
# hint: close_files in init_execute, and files_close_callers long before it.
@test "the caller's open files do not reach the command" {
    exec 7</etc/passwd
    start_ready
    exec 7<&-
    run ! ls "/proc/$pid/fd/7"
    descriptors=("/proc/$pid/fd/"*)
    [[ ${descriptors[*]##*/} == '0 1 2' ]]
}

# hint: `ls -l /proc/self/fd` shows one of yours. With which flag of the command line?
# hint: O_CLOEXEC in open(2), socket(2), memfd_create(2), epoll_create1(2).
# hint: Open everything with O_CLOEXEC; close_files is the second fence.
@test "no descriptor of the runtime reaches the command, on any way" {
    for flags in '' --overlay --init --userns --tty; do
        # shellcheck disable=SC2086
        demo $flags ls -l /proc/self/fd
        assert_status 0
        run ! grep -E '/proc/[0-9]+|cgroup|socket|rung|state' <<<"$output"
    done
}

# hint: A descriptor of a host directory and "/proc/self/fd/N" as working directory: where are you then?
# hint: CVE-2024-21626; getcwd(3) says "(unreachable)"; chdir(2).
# hint: process_directory calls getcwd after chdir, and ends if it is not below /.
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

# hint: The link in /proc says a path of the host's. Did you make that in the container's root?
# hint: proc_pid_fd(5): a magic link is no path; statfs(2) tells where you are.
# hint: link_target in rootfs/mount_fd.c.
@test "a working directory that /proc has a link for is not made in the root" {
    requires root
    make_own_root
    before=$(find "$root" | sort)
    for fd in 3 4 5 6 7 8 9; do
        bundle "process.cwd = '/proc/self/fd/$fd'" 'process.args = ["true"]'
        oci run --bundle "$bundle" c1
        diff <(echo "$before") <(find "$root" | sort)
    done
}

# --- The end ---

# hint: The command has ended; others run on. In which namespace, and whose process 1 was it?
# hint: pid_namespaces(7); cgroup.kill.
# hint: The end of process 1 ends the rest; cgroup_undo kills what is left.
@test "what the command started ends with it" {
    start_demo sh -c 'sleep 100 & setsid sleep 100 & echo ready; sleep 0.2; exit 3'
    wait_for_demo
    assert_status 3
}

# hint: After SIGKILL nobody tidies up. Where is written what there was?
# hint: The state file; rename(2).
# hint: `list` says stopped; container_delete undoes what the state names.
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

# hint: Which of the three answers is wrong: absent and --force, absent, or running?
# hint: runtime.md, "Delete"; runc's --force.
# hint: command_delete in commands/delete.c.
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

# hint: Is the file there while it runs, and are id, status and pid right?
# hint: runtime.md, "State": creating, created, running, stopped.
# hint: command_state and command_list read what record has written.
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

# hint: The second one started, or destroyed the first one's state. What makes a name taken?
# hint: mkdir(2): EEXIST says it at once, with no gap.
# hint: The state's directory is made first: config/state.c.
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

# hint: Which of its numbers is in the file, and is it complete when somebody reads it?
# hint: pid_namespaces(7); rename(2).
# hint: write_pid_file, in the parent, with the PID that clone3 returned.
@test "--pid-file has the PID of process 1, as the host sees it" {
    start_ready --pid-file "$PWD/pid"
    [[ $(<pid) == "$pid" ]]
}
