#!/usr/bin/env bats
#
# runtime.md and runtime-linux.md of the OCI runtime specification, rule by rule: states, operations, errors.
# "make conformance" prints the rules, which stand above the tests that check them, and how they fared.
#
# bats file_tags=step07,conformance,any-runtime
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() { requires root rootfs cgroup2; }

after_each() {
    oci_clean_up
    [[ ! -e $BATS_TEST_TMPDIR/net ]] || umount "$BATS_TEST_TMPDIR/net" || true
}

# --- State and lifecycle ---

# rule: runtime.md#scope MUST "who created a container can use every operation on it"
# rule: runtime.md#state MUST "ociVersion, id, status, pid and bundle are there, with the types of the schema"
# rule: runtime.md#state MUST "bundle is an absolute path"
# rule: runtime.md#state MAY "annotations are there, as configured"
# rule: runtime.md#state MUST "status is created, running, stopped when the lifecycle says so"
# rule: runtime.md#state MUST "pid is the container process, as the host sees it"
# rule: runtime.md#query-state MUST "return the state of the container"
# rule: runtime.md#create MUST "create a new container"
# rule: runtime.md#create MUST NOT "process.args before start"
# rule: runtime.md#create MUST "properties other than process apply to the created container"
# rule: runtime.md#start MUST "run the program of process"
# rule: runtime.md#kill MUST "send the signal that was asked for"
# rule: runtime.md#lifecycle MUST NOT "run the program before start"
# rule: runtime.md#lifecycle MUST "the environment is made at create, as config.json says"
# hint: Which state came too early, too late or not at all? The test quotes each rule.
# hint: The OCI specification, runtime.md: "State" and "Lifecycle".
# hint: record in config/state.c, at each step of container_run.
@test "a container's life: creating, created, running, stopped, gone" {
    requires pids
    bundle 'process.args = ["sh", "-c", "trap \"exit 5\" USR1; echo it runs; for _ in $(seq 3000); do sleep 0.1; done"]' \
        'annotations = {"org.example": "text"}' 'hostname = "early"' 'linux.resources = {"pids": {"limit": 99}}' \
        'hooks = {"createRuntime": [hook("cat >'"$BATS_TEST_TMPDIR"'/creating")]}'
    cd "$BATS_TEST_TMPDIR"
    oci_create --bundle "${bundle##*/}"
    assert_status 0
    [[ $(json creating status) == creating && $(json creating id) == c1 ]]
    oci state c1
    assert_status 0
    # The types, as the schema gives them.
    quick_python -c '
import json, sys
state = json.load(sys.stdin)
assert isinstance(state["ociVersion"], str) and isinstance(state["pid"], int), state
assert state["id"] == "c1" and state["status"] == "created", state
assert state["bundle"] == sys.argv[1], state
assert state["annotations"] == {"org.example": "text"}, state' "$bundle" <<<"$output"
    pid=$(state_of pid)
    [[ -e /proc/$pid && ! -s $out ]]
    [[ $(ns_inode "$pid" uts) != "$(ns_inode self uts)" && $(nsenter --uts -t "$pid" hostname) == early ]]
    [[ $(<"$cgroup/pids.max") == 99 && $(<"$cgroup/cgroup.procs") == *"$pid"* ]]
    oci_start
    assert_status 0
    is running
    [[ $(state_of pid) == "$pid" ]]
    eventually grep -q 'it runs' "$out"
    oci kill c1 USR1
    assert_status 0
    eventually is stopped
    oci delete c1
    assert_status 0
    nothing_left
}

# rule: runtime.md#lifecycle MUST NOT "a config.json that changes after create counts"
# hint: You read the bundle again at start. What should you read? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Lifecycle", step 2.
# hint: The copy in the state's directory: load_state.
@test "config.json may change after create: it does not matter" {
    bundle 'process.args = ["echo", "old"]' 'hooks = {"poststop": [hook("echo old >'"$BATS_TEST_TMPDIR"'/log")]}'
    oci_create
    sed -i 's/old/new/' "$bundle/config.json"
    oci_start
    assert_status 0
    [[ $(oci_output) == old ]]
    oci delete c1
    assert_status 0
    [[ $(<"$BATS_TEST_TMPDIR/log") == old ]]
}

# rule: runtime.md#lifecycle MUST "prestart hooks are invoked, and one that fails ends the container"
# rule: runtime.md#lifecycle MUST "createRuntime hooks are invoked, and one that fails ends the container"
# rule: runtime.md#lifecycle MUST "createContainer hooks are invoked, and one that fails ends the container"
# rule: runtime.md#errors MUST "leave the environment as if the operation had never been tried"
# hint: The hook failed, and something was left. What? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Lifecycle" and "Errors".
# hint: container_early_hooks, then undo_running.
@test "a hook of create that fails: an error, and the container is undone" {
    local kind
    for kind in prestart createRuntime createContainer; do
        bundle 'hooks = {"'$kind'": [hook("echo called >'"$BATS_TEST_TMPDIR/$kind"'; exit 3")],
            "poststop": [hook("echo poststop >>'"$BATS_TEST_TMPDIR/$kind"'")]}'
        oci_create
        refused || fail "$kind"
        [[ $(<"$BATS_TEST_TMPDIR/$kind") == $'called\npoststop' ]] || fail "$kind: $(<"$BATS_TEST_TMPDIR/$kind")"
    done
}

# rule: runtime.md#lifecycle MUST "startContainer hooks are invoked, and one that fails ends the container"
# hint: The program ran all the same. Who waits for the hook? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Lifecycle", step 7.
# hint: become_hook in container/hooks.c; run_start_hooks in container/init.c comes before init_execute.
@test "a startContainer hook that fails: the program does not run" {
    bundle 'process.args = ["echo", "it ran"]' 'hooks = {"startContainer": [hook("echo called; exit 3")],
        "poststop": [hook("echo poststop >'"$BATS_TEST_TMPDIR"'/log")]}'
    oci_create
    assert_status 0
    oci_start
    ((status != 0))
    [[ $(<"$out") != *ran* && $stderr == *'exit status 3: called' ]]
    [[ $(state_of status) == @(|stopped) ]]
    oci delete --force c1
    [[ $(<"$BATS_TEST_TMPDIR/log") == poststop ]]
    nothing_left
}

# rule: runtime.md#lifecycle MUST "poststart hooks are invoked, and one that fails stops the container"
# hint: Since 1.2 this hook may fail, too. What follows? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Lifecycle".
# hint: run_last_hooks and kill_running.
@test "a poststart hook that fails: the container is stopped" {
    bundle 'hooks = {"poststart": [hook("exit 3")], "poststop": [hook("echo poststop >'"$BATS_TEST_TMPDIR"'/log")]}'
    oci_create
    pid=$(state_of pid)
    oci_start
    ((status != 0))
    eventually process_ended "$pid"
    oci delete --force c1
    [[ $(<"$BATS_TEST_TMPDIR/log") == poststop ]]
    nothing_left
}

# rule: runtime.md#lifecycle MUST "poststop hooks are invoked; a failure is a warning, and the next ones run"
# rule: runtime.md#lifecycle MUST "destroy the container at delete"
# rule: runtime.md#warnings MUST "go on after a warning"
# hint: One failed; were the others left out? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Lifecycle", the last step.
# hint: run_last_hooks: a warning.
@test "a poststop hook that fails: the rest goes on" {
    bundle 'process.args = ["true"]' \
        'hooks = {"poststop": [hook("exit 3"), hook("echo second >'"$BATS_TEST_TMPDIR"'/log")]}'
    oci_run
    eventually is stopped
    oci delete c1
    assert_status 0
    [[ $stderr == *poststop* && $(<"$BATS_TEST_TMPDIR/log") == second ]]
    nothing_left
}

# --- Operations ---

# rule: runtime.md#query-state MUST "fail without an ID"
# rule: runtime.md#create MUST "fail without an ID"
# rule: runtime.md#start MUST "fail without an ID"
# rule: runtime.md#kill MUST "fail without an ID"
# rule: runtime.md#delete MUST "fail without an ID"
# rule: runtime.md#query-state MUST "fail for a container that does not exist"
# rule: runtime.md#start MUST "fail for a container that does not exist"
# rule: runtime.md#kill MUST "fail for a container that does not exist"
# rule: runtime.md#delete MUST "fail for a container that does not exist"
# hint: Which command did not say so? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Query State", "Start", "Kill", "Delete".
# hint: state_load in config/state_file.c.
@test "no ID, or one that nothing has" {
    local operation
    bundle
    for operation in state 'create --bundle '"$bundle" start kill delete; do
        # shellcheck disable=SC2086
        oci $operation
        ((status != 0)) || fail "$operation"
    done
    for operation in state start kill delete; do
        oci "$operation" absent
        ((status != 0)) || fail "$operation"
    done
}

# rule: runtime.md#create MUST "fail without a bundle"
# rule: bundle.md#container-format MUST "config.json is in the bundle's directory"
# hint: What does the error name? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Create".
# hint: find_config.
@test "create: no bundle" {
    oci create c1
    refused '*config.json*'
    oci create --bundle /no/such c1
    refused '*/no/such*'
}

# rule: runtime.md#state MUST "an ID is unique"
# rule: runtime.md#create MUST "fail if the ID is in use, and leave its container alone"
# rule: runtime.md#create MUST NOT "a new container in that case"
# hint: Was the first container harmed? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Create".
# hint: record in config/state.c makes the state's directory: whoever makes it has the name.
@test "create: an ID in use" {
    bundle
    oci_run
    local before
    before=$(find "$state" | sort)
    bundle
    oci_create
    ((status != 0))
    is running
    [[ $(state_of pid) == "$pid" && $(find "$state" | sort) == "$before" && ! -e $cgroup ]]
}

# rule: runtime.md#create MUST "fail for an ID that is not valid"
# hint: Which ID became a path? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Create".
# hint: is_plain_path.
@test "create: an ID that is no name" {
    local id
    bundle
    for id in '' . .. a/b ../x $'a\nb' 'a b' "$(printf 'x%.0s' {1..2000})"; do
        oci create --bundle "$bundle" -- "$id"
        refused || fail "the ID was: $id"
    done
    [[ ! -e $BATS_TEST_TMPDIR/x ]]
}

# rule: runtime.md#create MUST "fail if a property can't be applied"
# rule: runtime.md#create MUST NOT "a new container in that case, too"
# rule: runtime.md#lifecycle MUST "fail if the environment can't be made"
# hint: What was left? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Create" and "Errors".
# hint: undo_at_exit.
@test "create: what can't be done is an error, and leaves nothing" {
    cannot_create '*' 'mounts.append(bind("/no/such/source", "/x"))'
    cannot_create '*' 'linux.sysctl = {"kernel.no_such": "1"}'
    cannot_create '*' 'linux.namespaces[4]["path"] = "/no/such/netns"'
    cannot_create '*' 'root.path = "/no/such/root"'
}

# rule: runtime.md#start MUST "fail if the container is not created, and have no effect"
# hint: The second start must be an error, and change nothing. What did it do? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Start".
# hint: container_start asks the state.
@test "start: only once" {
    bundle 'process.args = ["sh", "-c", "echo once; sleep 1000"]'
    oci_run
    eventually grep -q once "$out"
    oci_start
    ((status != 0))
    is running
    [[ $(state_of pid) == "$pid" ]]
    oci kill c1 KILL
    eventually is stopped
    oci_start
    ((status != 0))
    is stopped
    [[ $(<"$out") == once ]]
}

# rule: config.md#process MAY "be missing when create is called"
# rule: runtime.md#start MUST "fail if process is not set"
# hint: Which of create, start and delete minded the missing process, or which did not? The test quotes each rule.
# hint: The OCI specification, config.md, "Process": REQUIRED when start is called; runtime.md: "Start".
# hint: needs_process in config/spec.h: who sets it, and who looks at it.
@test "create: without a process; start refuses it" {
    requires pids
    bundle 'del process'
    oci run --bundle "$bundle" c1
    refused '*config.json: process: missing (line *)'
    oci_create
    assert_status 0
    is created
    oci_start
    assert_status 125
    assert_one_line_error '*config.json: process: missing*'
    is created
    oci exec --cwd / c1 sh -c 'echo in there'
    assert_output 'in there'
    oci update --pids-limit 20 c1
    assert_status 0
    oci delete --force c1
    assert_status 0
    nothing_left
}

# rule: runtime.md#kill MUST "fail for a container that has stopped, and have no effect"
# rule: runtime.md#kill MUST "a created container gets the signal, too"
# hint: Which of the three was wrong? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Kill".
# hint: command_kill.
@test "kill: created, running, stopped" {
    bundle
    oci_create
    oci kill c1 KILL
    assert_status 0
    eventually is stopped
    oci kill c1 TERM
    ((status != 0))
    is stopped
    oci delete c1
    local script='trap "echo got INT" INT; trap "echo got 12" 12; trap "echo got WINCH" WINCH; trap "echo got 64" 64; echo ready; for _ in $(seq 3000); do sleep 0.1; done'
    bundle "process.args = ['sh', '-c', '$script']"
    oci_run
    eventually grep -q ready "$out"
    local signal
    for signal in SIGINT 12 winch SIGRTMAX; do
        oci kill c1 "$signal"
        assert_status 0
    done
    eventually grep -q 'got WINCH' "$out"
    eventually grep -q 'got 12' "$out"
    eventually grep -q 'got INT' "$out"
    eventually grep -q 'got 64' "$out"
    oci kill c1 NONSENSE
    ((status != 0))
    is running
}

# rule: runtime.md#delete MUST "fail for a container that has not stopped, and have no effect"
# not followed: runtime.md#delete MUST "the same for one that is created": it is deleted, as by runc and crun, which engines expect
# rule: runtime.md#delete MUST "delete what create made"
# rule: runtime.md#delete MUST NOT "delete what create did not make"
# rule: runtime.md#delete MAY "the ID can be used again"
# hint: What was left, or deleted too early? The test quotes each rule.
# hint: The OCI specification, runtime.md: "Delete".
# hint: container_delete.
@test "delete" {
    # The network namespace, the parent of the cgroup and a file in the root are not the container's.
    make_own_root
    local net=$BATS_TEST_TMPDIR/net parent
    touch "$net"
    unshare --net="$net" true
    bundle 'linux.namespaces[4]["path"] = "'"$net"'"'
    parent=$cgroup
    mkdir "$parent"
    cgroup+=/inner
    sed -i "s|/${parent##*/}|&/inner|" "$bundle/config.json"
    oci_create
    oci_start
    oci delete c1
    ((status != 0))
    is running
    [[ -d $cgroup ]]
    oci kill c1 KILL
    eventually is stopped
    oci delete c1
    assert_status 0
    nothing_left
    [[ -d $parent && -d $root/bin && -e $bundle/config.json ]]
    nsenter --net="$net" true
    oci_create
    assert_status 0
    pid=$(state_of pid)
    oci delete c1
    assert_status 0
    nothing_left
    process_ended "$pid"
    oci_create
    oci delete --force c1
    assert_status 0
    nothing_left
    rmdir "$parent"
}

# --- Linux ---

# rule: runtime-linux.md#file-descriptors MUST "only standard input, output and error stay open"
# rule: runtime-linux.md#file-descriptors MAY "more are passed on if asked for"
# hint: Which descriptor is open that should not be? The test quotes each rule.
# hint: The OCI specification, runtime-linux.md, "File descriptors".
# hint: process_close_files.
@test "the descriptors of the program" {
    bundle 'process.args = ["sh", "-c", "ls -l /proc/self/fd; ls /proc/$$/fd; cat <&3"]'
    echo leaked >"$BATS_TEST_TMPDIR/file"
    exec 9<"$BATS_TEST_TMPDIR/file"
    oci_run
    exec 9<&-
    [[ $(oci_output) != *"$BATS_TEST_TMPDIR/file"* && $(oci_output) != *leaked* ]]
    oci delete c1
    bundle 'process.args = ["sh", "-c", "cat <&3; cat <&4"]'
    oci_set_up
    "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" --preserve-fds 2 c1 \
        >"$out" 2>&1 3<"$BATS_TEST_TMPDIR/file" 4<"$bundle/config.json" </dev/null
    [[ $(<"$out") == leaked*ociVersion* ]]
}

# rule: runtime-linux.md#dev-symbolic-links MUST "/dev/fd, /dev/stdin, /dev/stdout and /dev/stderr exist"
# hint: Which link is missing? The test quotes each rule.
# hint: The OCI specification, runtime-linux.md, "Dev symbolic links".
# hint: make_links.
@test "the links in /dev" {
    bundle 'process.args = ["sh", "-c", "for l in fd stdin stdout stderr; do readlink /dev/$l; done"]'
    oci_run
    [[ $(oci_output) == $'/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2' ]]
}
