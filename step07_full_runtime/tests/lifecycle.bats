#!/usr/bin/env bats
#
# The command line that engines speak, and what is left when something dies half-way.
#
# bats file_tags=step07,lifecycle
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() { requires root rootfs cgroup2; }

# --- create, start, run ---

# hint: Relative to what: where the caller stands, or the bundle? Did a chdir come in between?
# hint: runc-create(8): --bundle, --pid-file; realpath(3).
# hint: bundle_path and write_pid_file, before the directory is changed.
# bats test_tags=any-runtime
@test "create: --pid-file, and paths that are relative to the caller" {
    bundle 'process.args = ["sh", "-c", "exit 7"]'
    cd "${bundle%/*}"
    rung --root oci-state --log log.json --log-format json create --bundle "${bundle##*/}" --pid-file pid c1
    assert_status 0
    [[ $(<pid) == "$(state_of pid)" && $(state_of bundle) == "$bundle" ]]
    cd /
    oci_start
    eventually is stopped
    oci delete c1
    cd "$bundle"
    oci run c1
    assert_status 7
    nothing_left
}

# points: 8
# chapter: One description, many flags
# hint: Which of the four is another than runc's?
# hint: runc-run(8).
# hint: container_run in container/container.c, with the flags of commands/run.c.
# bats test_tags=lesson
@test "run: --config, --detach, --pid-file, exit statuses" {
    bundle 'process.args = ["sh", "-c", "exit 3"]'
    mv "$bundle/config.json" "$BATS_TEST_TMPDIR/other.json"
    oci run --bundle "$bundle" --config "$BATS_TEST_TMPDIR/other.json" c1
    assert_status 3
    local pair
    for pair in '/no/such:127' '/etc:126' '/etc/passwd:126' 'no-such:127'; do
        bundle 'process.args = ["'"${pair%:*}"'"]'
        oci run --bundle "$bundle" c1
        assert_status "${pair#*:}"
        nothing_left
    done
    bundle 'process.args = ["sh", "-c", "kill -9 $(($$ + 1)) 2>/dev/null; sleep 0.1 & kill -9 $!; wait $!; exit $?"]'
    oci run --bundle "$bundle" c1
    assert_status 137
    bundle
    oci run --bundle "$bundle" --detach --pid-file "$BATS_TEST_TMPDIR/pid" c1
    assert_status 0
    is running
    [[ $(<"$BATS_TEST_TMPDIR/pid") == "$(state_of pid)" ]]
    bundle 'process.args = ["true"]'
    oci run --bundle "$bundle" --detach c2
    assert_status 0
    eventually is stopped c2
}

# hint: A descriptor travels over a socket. And what does the terminal do to a newline?
# hint: unix(7), SCM_RIGHTS; termios(3), cfmakeraw.
# hint: console_hand_over in process/console.c.
# bats test_tags=any-runtime
@test "--console-socket: the terminal goes to who listens there, and passes bytes as they are" {
    bundle 'process.terminal = True' 'process.args = ["sh", "-c", "stty raw -echo; echo ready; dd bs=1 count=6 2>/dev/null | hexdump -C"]'
    # Ctrl-C, Ctrl-D, Ctrl-Z and a carriage return are bytes like others.
    typed=$'a\x03\x04\x1a\rb' receive_terminal create --bundle "$bundle" c1 >"$BATS_TEST_TMPDIR/out"
    grep -q '61 03 04 1a 0d 62' "$BATS_TEST_TMPDIR/out"
    # Without a listener, or without a socket at all, there is nobody for a terminal.
    bundle 'process.terminal = True'
    oci create --bundle "$bundle" --console-socket /no/such c2
    ((status != 0)) && [[ ! -e $cgroup ]]
    oci create --bundle "$bundle" c2
    ((status != 0)) && [[ ! -e $cgroup ]]
}

# hint: Both looked, neither found anything, both went on. What makes it one step?
# hint: mkdir(2): EEXIST; flock(2).
# hint: The state's directory: whoever makes it has the name. config/state.c.
# bats test_tags=any-runtime
@test "the same id twice, at the same time: one container" {
    local i pids=() good=0
    bundle
    oci_set_up
    for i in 1 2 3 4 5; do
        "$DEMO_PROGRAM" --root "$state" create --bundle "$bundle" c1 </dev/null >"$BATS_TEST_TMPDIR/out$i" 2>&1 3>&- 4>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        if wait "$i"; then good=$((good + 1)); fi
    done
    ((good == 1))
    is created
    pids=() good=0
    for i in 1 2 3 4 5; do
        "$DEMO_PROGRAM" --root "$state" start c1 >"$BATS_TEST_TMPDIR/out$i" 2>&1 3>&- 4>&- &
        pids+=($!)
    done
    for i in "${pids[@]}"; do
        if wait "$i"; then good=$((good + 1)); fi
    done
    ((good == 1))
    is running
}

# hint: Which of them failed, and at what that they share?
# hint: flock(2), EBUSY of cgroup files.
# hint: base/lock.c around what several share, and nothing else.
# bats test_tags=any-runtime
@test "twenty containers at once" {
    local i pids=()
    bundle 'del linux.cgroupsPath'
    oci_set_up
    every() {
        pids=()
        for i in {1..20}; do
            "$DEMO_PROGRAM" --root "$state" "$@" "p$i" </dev/null >"$BATS_TEST_TMPDIR/out$i" 2>&1 3>&- 4>&- &
            pids+=($!)
        done
        for i in "${!pids[@]}"; do
            wait "${pids[i]}" || fail "$1: $(<"$BATS_TEST_TMPDIR/out$((i + 1))")" || return
        done
    }
    every create --bundle "$bundle"
    every start
    [[ $("$DEMO_PROGRAM" --root "$state" list | grep -c running) == 20 ]]
    # Each in a cgroup of its own.
    [[ $(for i in {1..20}; do cgroup_of "$(state_of pid "p$i")"; done | sort -u | wc -l) == 20 ]]
    every delete --force
    nothing_left
}

# --- state, list, kill, delete ---

# hint: Which of the three forms is another than runc's?
# hint: runc-list(8): --format, --quiet.
# hint: command_list and print_row in commands/list.c.
# bats test_tags=any-runtime
@test "list: a table, JSON, names alone" {
    bundle
    oci_create
    oci list
    assert_output_like 'ID*PID*STATUS*BUNDLE*CREATED*OWNER*c1*created*'"$bundle"'*T*Z*root*'
    oci list --quiet
    assert_output c1
    oci list --format json
    [[ $(json - 0.id <<<"$output") == c1 ]] || [[ $(json /dev/stdin 0.id <<<"$output") == c1 ]]
    [[ $(json /dev/stdin 0.created <<<"$output") == 20??-??-??T??:??:??* ]]
    oci delete --force c1
    oci list --format json
    assert_output '[]'
}

# hint: Without a PID namespace, the end of one process ends no other. How do you find them all?
# hint: cgroups(7), cgroup.procs; cgroup.kill.
# hint: signal_all in commands/kill.c, by cgroup_signal.
# bats test_tags=any-runtime
@test "kill --all: without a PID namespace, too" {
    bundle 'linux.namespaces = [n for n in linux.namespaces if n.type != "pid"]' \
        'process.args = ["sh", "-c", "sleep 1001 & sleep 1002 & echo ready; wait"]'
    oci_run
    eventually grep -q ready "$out"
    [[ $(wc -l <"$cgroup/cgroup.procs") == 3 ]]
    oci kill --all c1 KILL
    assert_status 0
    eventually is stopped
    oci delete c1
    assert_status 0
    nothing_left
}

# hint: The first process was killed. Who tells the others, if no PID namespace ends with it?
# hint: runc-kill(8); kernel: admin-guide/cgroup-v2.rst, cgroup.kill.
# hint: command_kill: SIGKILL goes to the cgroup, too, also when signal_first found nobody.
@test "kill KILL: all of the container's processes, also when its first one is gone" {
    bundle 'linux.namespaces = [n for n in linux.namespaces if n.type != "pid"]' \
        'process.args = ["sh", "-c", "sleep 1001 & echo ready; exec sleep 1002"]'
    local round other
    for round in running stopped; do
        oci_run
        eventually grep -q ready "$out"
        other=$(grep -vx "$pid" "$cgroup/cgroup.procs")
        if [[ $round == stopped ]]; then
            kill -KILL "$pid"
            eventually is stopped
            oci kill c1 TERM
            assert_status 1
            oci ps --format json c1
            assert_output "[$other]"
        fi
        oci kill c1 KILL
        assert_status 0
        eventually is_gone "$other"
        eventually is stopped
        oci kill c1 KILL
        assert_status 1
        assert_one_line_error '*not running*'
        oci delete c1
        assert_status 0
        nothing_left
    done
}

is_gone() { [[ ! -e /proc/$1 ]]; }

# hint: Not every C library numbers them alike, and some keep the first ones for themselves. Whose numbers do containers use?
# hint: signal(7), "Real-time signals"; rt_sigaction(2); /proc/PID/status: SigIgn.
# hint: signal_number in commands/kill.c, unblock_signals in process/process.c.
@test "real-time signals: RTMIN is 34, and none comes in ignored" {
    bundle 'process.args = ["sh", "-c", "trap \"echo heard; exit\" 34; grep SigIgn /proc/self/status; while :; do sleep 0.1; done"]'
    trap '' HUP RTMIN RTMAX
    oci_run
    trap - HUP RTMIN RTMAX
    eventually grep -q SigIgn "$out"
    [[ $(sed -n 's/^SigIgn:\s*//p' "$out") == 0000000000000000 ]]
    oci kill c1 RTMIN
    assert_status 0
    eventually grep -q heard "$out"
}

# hint: 0 is no signal. What does kill(2) do with it?
# hint: kill(2), DESCRIPTION: "If sig is 0".
# hint: signal_number returns -1 for what is none, so that `0` is one.
@test "kill 0 only asks; flags may stand after the name" {
    requires pids
    bundle
    oci_run
    oci kill c1 0
    assert_status 0
    is running
    oci update c1 --pids-limit 9
    assert_status 0
    [[ $(<"$cgroup/pids.max") == 9 ]]
    oci kill c1 --all KILL
    assert_status 0
    eventually is stopped
    oci kill c1 0
    assert_status 1
    oci list -f json -q
    assert_output c1
    oci delete c1 --force
    assert_status 0
    nothing_left
    # Of exec, what follows the name is the command's.
    bundle
    oci_run
    oci exec c1 echo --detach
    assert_output --detach
}

# hint: Which of them fits, and which one is still running?
# hint: crun(1), delete; regex(3): extended expressions, anywhere in the name.
# hint: delete_all in commands/delete.c goes through state_list with `regexec`.
@test "delete --regex: all whose names fit" {
    local name
    for name in one-1 one-2 two; do
        bundle
        oci create --bundle "$bundle" "$name" >/dev/null
    done
    oci start one-2
    oci delete --regex '^one-[0-9]$'
    assert_status 125
    assert_one_line_error '*one-2*running*'
    oci list -q
    assert_output $'one-2\ntwo'
    oci delete --regex --force one
    assert_status 0
    oci delete --regex nobody
    assert_status 0
    oci list -q
    assert_output two
    oci delete --regex '('
    assert_status 2
}

# hint: A frozen process hears SIGKILL only. Which of the two commands waits for ever?
# hint: kernel: admin-guide/cgroup-v2.rst, cgroup.freeze.
# hint: command_kill and container_delete: cgroup_kill.
# bats test_tags=any-runtime
@test "pause: kill and delete --force reach a container that is frozen" {
    bundle
    oci_run
    oci pause c1
    assert_status 0
    is paused
    oci exec c1 true
    ((status != 0))
    oci kill c1 KILL
    assert_status 0
    eventually is stopped
    oci delete c1
    assert_status 0
    bundle
    oci_run
    oci pause c1
    oci delete --force c1
    assert_status 0
    nothing_left
}

# hint: Which of the four was an error, or left something?
# hint: runc-delete(8), --force.
# hint: command_delete and container_delete, with --force.
# bats test_tags=any-runtime
@test "delete --force: absent, twice, created, running" {
    oci delete --force absent
    assert_status 0
    bundle
    oci_create
    pid=$(state_of pid)
    oci delete --force c1
    assert_status 0
    nothing_left
    process_ended "$pid"
    oci delete --force c1
    assert_status 0
    bundle 'hooks = {"poststop": [hook("echo called >'"$BATS_TEST_TMPDIR"'/poststop")]}'
    oci_run
    oci delete --force c1
    assert_status 0
    nothing_left
    process_ended "$pid"
    [[ -e $BATS_TEST_TMPDIR/poststop ]]
}

# hint: Process 1 waits for a zombie whose parent is outside and does not care. Is there still something to wait for?
# hint: pid_namespaces(7); wait(2), NOTES, for zombies; proc_pid_stat(5): flags.
# hint: state_process_lives takes who is `PF_EXITING` for dead, and remove_tree in cgroup/end.c asks rmdir(2), not "populated".
@test "delete --force does not wait for a parent that waits for nobody" {
    bundle
    oci_set_up
    # It inherits the processes of both, and leaves them zombies.
    run_and_show python3 -c '
import ctypes, json, subprocess, sys, time
program, state, bundle = sys.argv[1:]
def rung(*words):
    result = subprocess.run([program, "--root", state, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=30)
    return result.returncode, result.stdout
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
subprocess.run([program, "--root", state, "run", "--detach", "--bundle", bundle, "c1"], check=True,
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
subprocess.run([program, "--root", state, "exec", "--detach", "c1", "sleep", "1001"], check=True,
    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
assert rung("kill", "c1", "KILL")[0] == 0
end = time.monotonic() + 5
while json.loads(rung("state", "c1")[1])["status"] == "running" and time.monotonic() < end:
    time.sleep(0.05)
status = json.loads(rung("state", "c1")[1])["status"]
begin = time.monotonic()
code = rung("delete", "--force", "c1")[0]
assert time.monotonic() - begin < 5, "it took too long"
print(status, code)' "$DEMO_PROGRAM" "$state" "$bundle"
    assert_status 0
    [[ $output == 'stopped 0' ]] || fail "$output"
    nothing_left
}

# --- exec ---

# hint: Somebody reads the file as soon as it is there. Is the number in it by then?
# hint: rename(2): whoever opens the name finds the old file or the new one.
# hint: write_pid_file in container/milestones.c writes beside it, and ends with `rename`.
@test "--pid-file: it is there with all that is in it, or not at all" {
    local file=$BATS_TEST_TMPDIR/pid
    echo old >"$file"
    ln "$file" "$BATS_TEST_TMPDIR/old"
    bundle
    oci_create --pid-file "$file"
    assert_status 0
    [[ $(<"$file") == "$(state_of pid)" && $(<"$BATS_TEST_TMPDIR/old") == old ]]
    [[ $(echo "$file"*) == "$file" && $(stat -c %a "$file") == 644 ]]
    oci delete c1
    # What is no plain file is not replaced.
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    cat "$BATS_TEST_TMPDIR/fifo" >"$BATS_TEST_TMPDIR/read" 3>&- 4>&- &
    oci_create --pid-file "$BATS_TEST_TMPDIR/fifo"
    assert_status 0
    eventually test -s "$BATS_TEST_TMPDIR/read"
    [[ -p $BATS_TEST_TMPDIR/fifo && $(<"$BATS_TEST_TMPDIR/read") == "$(state_of pid)" ]]
    oci delete c1
    oci_create --pid-file /no/such/pid
    refused '*write /no/such/pid*'
}

# hint: Which option did not reach the process?
# hint: runc-exec(8).
# hint: exec_run in container/exec.c fills a process as config.json does.
# bats test_tags=any-runtime
@test "exec: its options" {
    bundle 'process.env.append("FROM=config")' 'process.cwd = "/usr"'
    oci_run
    oci exec c1 sh -c 'echo $FROM; pwd; id -u; exit 9'
    assert_status 9
    assert_output $'config\n/usr\n0'
    oci exec --env A=1 -e B=2 --cwd /bin --user 5:6 c1 sh -c 'echo $A$B$FROM; pwd; id -u; id -g'
    assert_status 0
    assert_output $'12config\n/bin\n5\n6'
    oci exec --cap CAP_CHOWN c1 sh -c 'grep CapEff /proc/self/status'
    assert_output_like '*1'
    local pair
    for pair in '/no/such:127' '/etc:126' 'no-such:127'; do
        oci exec c1 "${pair%:*}"
        assert_status "${pair#*:}"
    done
    oci exec c1 sh -c 'kill -TERM $$'
    assert_status 143
    oci exec --detach --pid-file "$BATS_TEST_TMPDIR/pid" c1 sleep 1003
    assert_status 0
    grep -qz 1003 "/proc/$(<"$BATS_TEST_TMPDIR/pid")/cmdline"
    echo '{"args": ["sh", "-c", "echo $X; pwd; id -u; ulimit -n"], "cwd": "/etc", "env": ["PATH=/bin", "X=y"], "user": {"uid": 7, "gid": 8},
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 77}]}' >"$BATS_TEST_TMPDIR/process.json"
    cd "$BATS_TEST_TMPDIR"
    oci exec --process process.json c1
    assert_status 0
    assert_output $'y\n/etc\n7\n77'
    echo text >"$BATS_TEST_TMPDIR/three"
    oci exec --preserve-fds 1 c1 cat /proc/self/fd/3 3<"$BATS_TEST_TMPDIR/three"
    is running
    # A cgroup below the container's, and never one beside it.
    mkdir "$cgroup/inner"
    oci exec --cgroup inner c1 grep ^0: /proc/self/cgroup
    assert_output '0::/inner'
    oci exec --cgroup ../../inner/.. c1 grep ^0: /proc/self/cgroup
    assert_output '0::/'
    oci exec --cgroup /none c1 true
    assert_status 125
    assert_one_line_error '*--cgroup /none*'
}

# hint: The new process needs a terminal in the container's own /dev/pts. Who opens it?
# hint: pts(4), setns(2).
# hint: console_open after exec_enter.
# bats test_tags=any-runtime
@test "exec --tty --console-socket" {
    bundle
    oci_run
    typed='' receive_terminal exec --tty c1 sh -c 'tty; echo done' >"$BATS_TEST_TMPDIR/tty"
    [[ $(<"$BATS_TEST_TMPDIR/tty") == $'/dev/pts/0\r\ndone\r' ]]
}

# --- The log ---

# hint: The engine reads your error in the log: one line of JSON with which keys?
# hint: runc(8): --log, --log-format; level, msg, time.
# hint: The log in base/report.c: die writes to it as well.
@test "--log: records for engines" {
    local log=$BATS_TEST_TMPDIR/log
    bundle 'process.cwd = "a\"b\\\\\n\u0001"'
    rung --root "$BATS_TEST_TMPDIR/oci-state" --log "$log" --log-format json create --bundle "$bundle" c1
    ((status != 0))
    quick_python -c '
import json, re, sys
record = json.loads(open(sys.argv[1]).read())
assert record["level"] == "error" and "process.cwd" in record["msg"], record
assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", record["time"]), record' "$log"
    # What the child says stands there, too, and after what was there already.
    bundle 'mounts.append(bind("/no/such", "/x"))'
    rung --root "$BATS_TEST_TMPDIR/oci-state" --log "$log" --log-format json create --bundle "$bundle" c1
    ((status != 0))
    [[ $(wc -l <"$log") == 2 && $(tail -n 1 "$log") == *'"level":"error"'*/no/such* ]]
    rung --root "$BATS_TEST_TMPDIR/oci-state" --log "$log" create --bundle "$bundle" c1
    [[ $(tail -n 1 "$log") == *level=error* ]]
}

# hint: The command was fine. Which words of yours made the engine say 127, or 126?
# hint: podman-run(1), "Exit Status": podman and docker look for "no such file or directory" and "permission denied" in the log.
# hint: reword in base/log_record.c: for errors with status 125, and in the log alone.
@test "the log keeps the words for a missing command to the command" {
    local log=$BATS_TEST_TMPDIR/log edit
    touch "$BATS_TEST_TMPDIR/file"
    for edit in 'mounts.append(bind("/no/such", "/x"))' 'mounts.append(bind("/etc", "/bin/busybox/x"))' \
        "root.path = '$BATS_TEST_TMPDIR/file'" 'process.apparmorProfile = "none"' 'process.cwd = "/bin/busybox"'; do
        bundle "$edit"
        rung --root "$BATS_TEST_TMPDIR/oci-state" --log "$log" create --bundle "$bundle" c1
        assert_status 125
    done
    [[ -s $log ]]
    run ! grep -iE 'no such file or directory|not a directory|permission denied|operation not permitted' "$log"
    bundle 'process.args = ["/no/such"]'
    rung --root "$BATS_TEST_TMPDIR/oci-state" --log "$log" create --bundle "$bundle" c1
    assert_status 127
    tail -n 1 "$log" | grep 'No such file or directory'
}

# --- The state ---

# hint: A member is missing, or a number is a text. Who looked before it was used?
# hint: `json_typeof` of jansson. Look at all of them when the file is read.
# hint: wrong_member in config/state_file.c, with the table of what there has to be.
@test "a state.json that is damaged is refused by name, and list shows the others" {
    bundle
    oci_run
    local file=$state/c1/state.json edit command
    cp "$file" good
    for edit in 'del s["bundle"]' 's["bundle"] = 7' 's["pid"] = "x"' 's["pid"] = -1' 's["status"] = None' 'del s["startTime"]' \
        's["cgroupPath"] = "x"' 's["cgroupPath"] = {}' 's["link"] = []' 's = []'; do
        quick_python -c 'import json, sys
s = json.load(open("good"))
exec(sys.argv[1])
json.dump(s, open(sys.argv[2], "w"))' "$edit" "$file"
        oci delete --force c1
        assert_status 1
        assert_one_line_error "*$file*" || fail "$edit"
    done
    for command in 'state c1' 'kill c1' 'exec c1 true' 'update c1'; do
        # shellcheck disable=SC2086
        oci $command
        assert_status 1
        assert_one_line_error "*$file*" || fail "$command"
    done
    oci list -q
    assert_status 0
    [[ $output == '' && $stderr == *"$file"* ]]
    echo '{"id": ' >"$file"
    oci delete --force c1
    assert_status 1
    assert_one_line_error "*$file*"
    cp good "$file"
    is running
}

# hint: /tmp/rung-1000 was there already. Who made it?
# hint: open(2): O_PATH and O_NOFOLLOW, then fstat(2) on the descriptor; sticky directories in inode(7).
# hint: open_ours in config/state_file.c looks at the owner and the mode of ROOT and of ROOT/ID.
@test "states that somebody else may have written are not believed" {
    bundle
    oci_run
    refuses() {
        local command
        for command in 'state c1' 'kill c1' 'delete --force c1' 'exec c1 true' list "create --bundle $bundle c2"; do
            # shellcheck disable=SC2086
            oci $command
            ((status != 0)) || fail "$command" || return
            assert_one_line_error "*$1" || return
        done
    }
    chmod o+w "$state"
    refuses "*$state: others may write there*"
    chmod o-w "$state"
    mv "$state" "$state.true"
    ln -s "$state.true" "$state"
    refuses "*$state: it is a link*"
    rm "$state"
    mv "$state.true" "$state"
    chown 65534 "$state"
    refuses "*$state: it belongs to somebody else*"
    chown 0 "$state"
    chown 65534 "$state/c1"
    oci kill c1 KILL
    ((status != 0))
    assert_one_line_error "*$state/c1: it belongs to somebody else*"
    chown 0 "$state/c1"
    is running
    # An ordinary user without XDG_RUNTIME_DIR.
    make_public_copies
    local directory=/tmp/rung-65534
    rmdir "$directory" 2>/dev/null || true # another test has had its own run something
    mkdir -m 777 "$directory"
    run_and_show "${AS_NOBODY[@]}" env -u XDG_RUNTIME_DIR "$PUBLIC/demo" list
    rmdir "$directory"
    assert_status 125
    assert_one_line_error "*$directory: it belongs to somebody else*--root*"
}

# --- Who dies half-way ---

# hint: The container was created and is dead. What should start say?
# hint: runtime.md, "Start"; connect(2), ECONNREFUSED.
# hint: container_start in container/start.c.
# bats test_tags=any-runtime
@test "the container dies before start: start says so, and delete works" {
    bundle
    oci_create
    kill -KILL "$(state_of pid)"
    eventually is stopped
    oci_start
    ((status != 0))
    oci delete c1
    assert_status 0
    nothing_left
}

# hint: Half a start must leave the container as it was. What did it take with it?
# hint: accept4(2) in a loop: the next one is welcome.
# hint: wait_for_start in container/init.c.
@test "start is killed before it says go: the next one starts the container" {
    bundle 'process.args = ["sh", "-c", "echo it runs; sleep 1000"]'
    oci_create
    strace -qq -o /dev/null -e trace=connect -e inject=sendto:signal=KILL:when=1 "$DEMO_PROGRAM" --root "$state" start c1 \
        >"$BATS_TEST_TMPDIR/start" 2>&1 3>&- 4>&- || true
    if is created; then
        [[ ! -s $out ]]
        oci_start
        assert_status 0
    fi
    eventually grep -q 'it runs' "$out"
}

# start_held SCRIPT: a container of it, whose start a hook holds up. $starter is the runtime, which writes to "start".
start_held() {
    bundle 'process.args = ["sh", "-c", "'"$1"'"]' \
        'hooks = {"startContainer": [hook(": >/mnt/hook; exec sleep 30")]}' 'mounts.append(bind("'"$BATS_TEST_TMPDIR"'", "/mnt"))'
    oci_create
    "$DEMO_PROGRAM" --root "$state" start c1 </dev/null >"$BATS_TEST_TMPDIR/start" 2>&1 3>&- 4>&- &
    starter=$!
    eventually test -e "$BATS_TEST_TMPDIR/hook"
}

# hint: A signal came while the container was on its way to its command, and start said 0. Does the command run?
# hint: signalfd(2); has execve(2) happened when the signal comes? If not, end the container, and say so.
# hint: pass_on in container/attend.c; was_ended in container_start.
@test "a signal to start before the command runs: the container ends, and start does not say 0" {
    local number
    for number in HUP INT TERM; do
        start_held 'echo it runs; sleep 1000'
        kill -s "$number" "$starter"
        wait "$starter" && status=0 || status=$?
        rm "$BATS_TEST_TMPDIR/hook"
        [[ $status == 125 ]] || fail "$number: status $status"
        [[ $(<"$BATS_TEST_TMPDIR/start") == *': start container c1: it was killed before its command ran' ]] || return
        eventually is stopped
        run ! grep 'it runs' "$out"
        oci delete c1
        assert_status 0
        nothing_left
    done
}

# hint: A signal and the container's last word came together. What did create do with the container, and what did it say?
# hint: poll(2) may have several answers at once: the container was ended, so there is none.
# hint: container_finish looks at was_ended first.
@test "a signal to create: there is a container and status 0, or neither" {
    requires strace
    local call
    for call in sendto recvmsg; do
        bundle
        # (When poll begins, the container's last word is there.)
        strace -qq -o /dev/null -e trace=sendto,poll,recvmsg -e "inject=$call:signal=HUP:when=1" \
            -e inject=poll:delay_enter=300000:when=1 "$DEMO_PROGRAM" --root "$state" create --bundle "$bundle" c1 \
            </dev/null >"$BATS_TEST_TMPDIR/create" 2>&1 3>&- 4>&- && status=0 || status=$?
        if ((status == 0)); then
            is created || fail "$call: status 0, and no container"
            oci delete --force c1
            assert_status 0
        else
            [[ $status == 125 && $(<"$BATS_TEST_TMPDIR/create") == *': start container c1: '* ]] || return
            nothing_left
        fi
    done
}

# hint: Something killed the container half-way through its set-up. Who is to notice, before start says 0?
# hint: The socket closes at execve(2), and at the process's end, too: proc_pid_stat(5), the flags.
# hint: has_executed in container/attend.c.
@test "the container is killed before its command runs: start does not say 0" {
    start_held 'echo it runs'
    kill -KILL "$(state_of pid)"
    wait "$starter" && status=0 || status=$?
    assert_status 125
    [[ $(<"$BATS_TEST_TMPDIR/start") == *': start container c1: it was killed before its command ran' ]]
    run ! grep 'it runs' "$out"
    oci delete c1
    assert_status 0
    nothing_left
}

# hint: The command ran, and a signal ended it. Whose status is that?
# hint: runtime.md, "Start": start is done when the command has begun.
# hint: container_start returns 0 once is_executing says that the command runs.
# bats test_tags=any-runtime
@test "a command that dies of a signal is not a start that failed" {
    bundle 'process.args = ["sh", "-c", "echo it runs; kill -KILL $$"]' 'linux.namespaces = [n for n in linux.namespaces if n.type != "pid"]'
    oci_create
    oci_start
    assert_status 0
    eventually is stopped
    [[ $(<"$out") == 'it runs' ]]
    oci delete c1
    assert_status 0
    nothing_left
}

# hint: The child has said why, and ended. It had not read what the parent had to say.
# hint: unix(7): that is ECONNRESET, once; and what it said still waits.
# hint: channel_receive in base/channel.c.
@test "a mount that fails when the parent has said go already: its error is told" {
    requires strace cgroup2
    bundle 'mounts.append(bind("/etc", "/etc/passwd/x"))'
    oci_set_up
    run_and_show strace -f -qq -o /dev/null -e trace=recvmsg -e inject=recvmsg:delay_enter=300000 \
        "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" c1
    assert_status 125
    assert_one_line_error '*/etc/passwd/x*Not a directory*'
    nothing_left
}

# hint: The hook runs on, the runtime is dead. Where does it say what there is?
# hint: The state file is written first: rename(2).
# hint: container_delete with what record has written.
# bats test_tags=any-runtime
@test "the runtime is killed while a hook runs: delete --force cleans up" {
    bundle 'hooks = {"createRuntime": [hook("echo >'"$BATS_TEST_TMPDIR"'/called; exec sleep 20")]}'
    oci_set_up
    "$DEMO_PROGRAM" --root "$state" create --bundle "$bundle" c1 </dev/null >"$out" 2>&1 3>&- 4>&- &
    local runtime=$!
    eventually test -e "$BATS_TEST_TMPDIR/called"
    is creating
    pid=$(state_of pid)
    kill -KILL "$runtime"
    wait "$runtime" || true
    eventually process_ended "$pid"
    oci delete --force c1
    assert_status 0
    nothing_left
    pkill -x -f 'sleep 20' || true
}

# A container with something of everything, which tells what it has: what it prints must never be less.
full_bundle() {
    bundle 'root.readonly = True' 'process.noNewPrivileges = True' 'linux.maskedPaths = ["/proc/kcore"]' 'linux.readonlyPaths = ["/proc/sys"]' \
        'linux.resources = {"pids": {"limit": 50}, "devices": [{"allow": False, "access": "rwm"}]}' \
        'process.capabilities = {s: ["CAP_KILL"] for s in ["bounding", "permitted", "effective"]}' 'process.user = {"uid": 5, "gid": 6}' \
        'linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}' \
        'process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 77}]' 'process.oomScoreAdj = 100' 'hostname = "full"' \
        'mounts.append(bind("/etc", "/mnt", "ro"))' \
        'process.args = ["sh", "-c", "grep -E \"^(Cap|NoNew|Seccomp:|Uid|Gid|Groups)\" /proc/self/status; ulimit -n; hostname; cat /proc/self/oom_score_adj; for m in / /proc/sys /mnt; do grep -c \" $m ro\" /proc/self/mountinfo; done; head -c 1 /proc/kcore | wc -c; ls -l /proc/self/ns | grep -c :"]'
}

# injected KIND CALL:N: run it while that call, the Nth of a process, fails or kills.
injected() {
    status=0
    timeout --kill-after=5 30 strace -f -qq -o /dev/null -e "trace=${2%:*}" -e "inject=${2%:*}:$1:when=${2#*:}" \
        "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" c1 </dev/null >"$out" 2>"$out.err" 3>&- 4>&- || status=$?
}

# Calls that make a container: the first of a kind in a process, the third... Those that fail and those that kill take
# turns, as each run takes half a second.
CALLS=(clone3:1 openat:3 openat:9 openat2:1 openat2:4 fsopen:1 fsopen:3 fsconfig:4 fsmount:1 fsmount:2 move_mount:1
    move_mount:4 open_tree:1 open_tree:3 mount_setattr:1 mount_setattr:3 mount:1 mknodat:2 mkdirat:1 mkdir:1 symlinkat:1 pivot_root:1
    umount2:1 fchdir:1 chroot:1 setns:1 unshare:1 sethostname:1 socketpair:1 sendto:1 recvmsg:1 write:1 write:3 write:5 rename:1 rename:2
    memfd_create:1 bpf:1 bpf:2 prctl:1 prctl:3 prctl:20 capset:1 capset:2 setgroups:1 setresuid:1 setresgid:1 seccomp:1 seccomp:2
    prlimit64:2 close_range:1 waitid:1 poll:1 signalfd4:1 pidfd_open:1 unlink:1 rmdir:1 keyctl:1 fchownat:1 chdir:1)

# hint: One kernel call failed, and the command ran with less. The output names the call. Which return value did
#   nobody look at?
# hint: strace(1): `-e inject=CALL:error=ENOMEM:when=N` does it again.
# hint: Each call that fails ends the start: `die(...)`, never a return value that nobody reads.
@test "a call that fails: the container is whole, or there is none" {
    requires pids
    full_bundle
    oci_set_up
    oci run --bundle "$bundle" c1
    assert_status 0
    local expected=$output point bad=0 failed=0 i
    [[ $expected == *CapEff:*NoNewPrivs:*77*full*100*1*1*1*0* ]]
    for ((i = 0; i < ${#CALLS[@]}; i += 2)); do
        point=${CALLS[i]}
        injected error=ENOMEM "$point"
        if ((status == 0)); then
            [[ $(<"$out") == "$expected" ]] || { echo "$point: a weaker container: $(diff <(echo "$expected") "$out")" && bad=1; }
        elif ((status == 124)); then
            echo "$point: it hangs" && bad=1
        elif [[ ! -s $out.err ]]; then
            echo "$point: status $status, and not a word" && bad=1
        fi
        ((status == 0)) || failed=$((failed + 1))
        # What could not be undone was said, and can be undone now.
        rung --root "$state" delete --force c1
        ((status == 0)) && nothing_left || { echo "$point: something is left" && bad=1; }
    done
    ((bad == 0 && failed > 15))
}

# hint: You could not look whether the process lives. What did you take that for?
# hint: proc(5): only ENOENT and ESRCH mean that it is gone.
# hint: read_process in config/state.c.
@test "a process that cannot be looked at is not taken for gone" {
    # ASan looks into /proc, too.
    [[ $DEMO != */asan/* ]] || return 0
    bundle
    oci_run
    # Its /proc/PID/stat is a link to itself: open(2) fails with ELOOP.
    for command in state delete kill; do
        run_and_show unshare --mount sh -c '
            mount -t tmpfs none /proc && mkdir "/proc/$1" && ln -s stat "/proc/$1/stat" && shift && "$@"' - \
            "$pid" "$DEMO_PROGRAM" --root "$state" "$command" c1
        ((status != 0))
        assert_one_line_error '*ymbolic link*' || return
    done
    is running
    [[ -e $cgroup ]]
}

# hint: Between which two calls was something made that no file names?
# hint: strace(1): `-e inject=CALL:signal=KILL:when=N`; rename(2).
# hint: record in config/state.c before each side effect; undo by what it says.
@test "a SIGKILL at any call: delete --force finds all that is left" {
    requires pids
    full_bundle
    oci_set_up
    local point bad=0 killed=0 i
    for ((i = 1; i < ${#CALLS[@]}; i += 2)); do
        point=${CALLS[i]}
        injected signal=KILL "$point"
        ((status == 0)) || killed=$((killed + 1))
        rung --root "$state" delete --force c1
        ((status == 0)) && nothing_left || { echo "$point: something is left" && bad=1; }
    done
    ((bad == 0 && killed > 15))
}
