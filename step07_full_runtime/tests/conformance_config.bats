#!/usr/bin/env bats
#
# config.md of the OCI runtime specification, rule by rule (runtime.md: conformance_runtime.bats).
#
# bats file_tags=step07,conformance,any-runtime
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() { requires root rootfs cgroup2; }

# accepted EDIT...: a container can be created from such a bundle.
accepted() {
    bundle "$@"
    oci_create
    ((status == 0)) || fail "config.json has $*" || return
    oci delete --force c1
    assert_status 0
}

# prints EDIT...: what the container of such a bundle prints.
prints() {
    bundle "$@"
    oci_run >&2 || return
    oci_output
    "$DEMO_PROGRAM" --root "$state" delete c1 >&2
}

# --- Version, root ---

# rule: config.md#specification-version MUST "ociVersion is there, and is a semantic version"
# rule: config.md#specification-version MUST "every version 1 is accepted"
# hint: Which version was refused or accepted against the rule? The test quotes each rule.
# hint: The OCI specification, config.md: "Specification version".
# hint: check_version in config/spec.c.
@test "ociVersion" {
    cannot_create '*ociVersion*' 'del ociVersion'
    cannot_create '*ociVersion*' 'ociVersion = "banana"'
    cannot_create '*ociVersion*' 'ociVersion = 1'
    cannot_create '*ociVersion*' 'ociVersion = "2.0.0"'
    accepted 'ociVersion = "1.0.0"'
    accepted 'ociVersion = "1.0.2-dev"'
    accepted 'ociVersion = "1.3.9"'
}

# rule: config.md#root MUST "root and its path are there"
# rule: config.md#root MUST "a directory exists at root.path"
# hint: No root, or a file: which was not refused? The test quotes each rule.
# hint: The OCI specification, config.md: "Root".
# hint: read_root and rootfs_check.
@test "root: missing, or no directory" {
    cannot_create '*root*' 'del root'
    cannot_create '*root.path*' 'del root.path'
    cannot_create '*' 'root.path = "/no/such"'
    cannot_create '*' 'root.path = "/etc/passwd"'
}

# rule: config.md#root MUST "path is absolute, or relative to the bundle"
# rule: config.md#root MUST "readonly makes the root read-only, and is false by default"
# hint: From where is a relative path seen? The test quotes each rule.
# hint: The OCI specification, config.md: "Root", path and readonly.
# hint: bundle_path, and rootfs_protect for readonly.
@test "root: relative to the bundle, writable or not" {
    make_own_root
    bundle 'root.path = "rootfs"' 'process.args = ["touch", "/new"]'
    mv "$root" "$bundle/rootfs"
    oci_run
    [[ -z $(oci_output) && -e $bundle/rootfs/new ]]
    oci delete c1
    sed -i 's|"path": "rootfs"|"path": "rootfs", "readonly": true|; s|/new|/newer|' "$bundle/config.json"
    oci_run
    [[ $(oci_output) == *[Rr]ead-only* && ! -e $bundle/rootfs/newer ]]
}

# --- Mounts ---

# rule: config.md#mounts MUST "mount in the listed order"
# rule: config.md#mounts MUST "a relative destination starts at /"
# rule: config.md#mounts MUST "the source of a bind mount may be relative to the bundle"
# hint: Which mount was made out of order, or elsewhere? The test quotes each rule.
# hint: The OCI specification, config.md: "Mounts".
# hint: mount_filesystems, in the listed order.
@test "mounts: order, relative paths" {
    make_own_root
    bundle 'mounts += [tmpfs("/a"), tmpfs("/a/b"), tmpfs("/c/d"), tmpfs("/c"), tmpfs("relative"), bind("source", "/bound")]' \
        'process.args = ["sh", "-c", "grep -o \" / /[acrb][^ p]* \" /proc/self/mountinfo; cat /bound/file; ls -A /c"]'
    mkdir "$bundle/source"
    echo text >"$bundle/source/file"
    oci_run
    [[ $(oci_output) == *'/a '*'/a/b '*'/c '*'/relative '*text ]]
}

# rule: config.md#linux-mount-options MUST "async atime defaults dev diratime dirsync exec iversion lazytime loud"
# rule: config.md#linux-mount-options MUST "noatime nodev nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid"
# rule: config.md#linux-mount-options MUST "relatime remount ro rw silent strictatime suid sync"
# rule: config.md#linux-mount-options SHOULD "nosymfollow symfollow"
# rule: config.md#linux-mount-options SHOULD "an unknown option goes to the file system as its data"
# hint: Which option had no effect? The test quotes each rule.
# hint: The OCI specification, config.md: "Linux mount options".
# hint: The table of options in config/spec_mounts.c, mount_new in rootfs/mount_fd.c.
@test "mount options: of a new file system" {
    make_own_root
    local option edit='' output
    for option in async atime defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime \
        noexec noiversion nolazytime norelatime nostrictatime nosuid relatime ro rw silent strictatime suid sync \
        nosymfollow symfollow size=64k; do
        edit+="mounts.append(tmpfs('/o/$option', '$option'));"
    done
    output=$(prints "$edit" 'process.args = ["sh", "-c", "grep /o/ /proc/self/mountinfo"]')
    # shows OPTION TEXT: the flags of that mount, and of its file system.
    shows() { [[ $(sed -n "s|.* /o/$1 \(.*\)|\1|p" <<<"$output") == *$2* ]] || fail "$1: no $2"; }
    shows ro ro
    shows rw rw
    shows noatime noatime
    shows nodiratime nodiratime
    shows relatime relatime
    shows nodev nodev
    shows noexec noexec
    shows nosuid nosuid
    shows nosymfollow nosymfollow
    shows dirsync dirsync
    shows sync sync
    shows lazytime lazytime
    shows size=64k size=64k
    for option in strictatime atime; do
        shows "$option" rw
    done
    ((28 <= $(wc -l <<<"$output")))
    cannot_create '*' 'mounts.append(tmpfs("/o", "no_such_option=1"))'
}

# rule: config.md#linux-mount-options MUST "bind rbind"
# rule: config.md#linux-mount-options MUST "private rprivate shared rshared slave rslave unbindable runbindable"
# rule: config.md#linux-mount-options SHOULD "rro rrw rnosuid rsuid rnodev rdev rnoexec rexec rnodiratime rdiratime"
# rule: config.md#linux-mount-options SHOULD "rnoatime ratime rrelatime rnorelatime rstrictatime rnostrictatime rnosymfollow rsymfollow"
# hint: Which word was taken for a file system's option? The test quotes each rule.
# hint: The OCI specification, config.md: "Linux mount options": r..., rbind, rshared.
# hint: set_attributes and propagation_flags.
@test "mount options: bind mounts, propagation, recursive attributes" {
    make_own_root
    local source=$BATS_TEST_TMPDIR/source option edit='' output
    mkdir -p "$source"
    for option in bind rbind ro nosuid private rprivate shared rshared slave rslave unbindable runbindable rro rrw rnosuid \
        rsuid rnodev rdev rnoexec rexec rnodiratime rdiratime rnoatime ratime rrelatime rnorelatime rstrictatime \
        rnostrictatime rnosymfollow rsymfollow; do
        edit+="mounts.append(bind('$source', '/o/$option', '$option'));"
    done
    edit+='mounts.append(Object(destination="/o/single", source="'"$source"'", options=["bind"]));'
    # Its mount must not show up on the host: a test's mounts are private, and go with its namespace.
    bundle "$edit" 'process.args = ["sh", "-c", "grep /o/ /proc/self/mountinfo"]'
    oci_set_up
    unshare --mount --propagation private sh -c 'mount -t tmpfs sub "$1" && mkdir "$1/sub" && mount -t tmpfs sub "$1/sub" &&
        exec "$2" --root "$3" run --bundle "$4" c1' sh "$source" "$DEMO_PROGRAM" "$state" "$bundle" >"$out" 2>&1
    output=$(<"$out")
    line() { grep " /o/$1 " <<<"$output"; }
    [[ $(line rbind) && $(line rbind/sub) && $(line single) && -z $(line single/sub) ]]
    [[ $(line ro) == *' ro,'* && $(line ro/sub) == *' rw,'* && $(line nosuid) == *nosuid* ]]
    [[ $(line rro) == *' ro,'* && $(line rro/sub) == *' ro,'* ]]
    for option in nosuid nodev noexec noatime nodiratime nosymfollow; do
        [[ $(line "r$option") == *"$option"* && $(line "r$option/sub") == *"$option"* ]] || fail "r$option"
    done
    for option in suid dev exec atime diratime; do
        [[ $(line "r$option/sub") != *"no$option"* ]] || fail "r$option"
    done
    [[ $(line rrelatime/sub) == *relatime* && $(line rstrictatime/sub) != *relatime* ]]
    [[ $(line shared) == *shared:* && $(line shared/sub) != *shared:* && $(line rshared/sub) == *shared:* ]]
    [[ $(line private) != *shared:* && $(line private) != *master:* && $(line rprivate/sub) != *:*:*shared* ]]
    [[ $(line unbindable) == *unbindable* && $(line runbindable/sub) == *unbindable* ]]
    [[ -n $(line slave) && -n $(line rslave/sub) ]]
}

# rule: config.md#linux-mount-options MAY "tmpcopyup"
# rule: config.md#linux-mount-options MUST "remount"
# hint: Was the content copied, and was the mount changed that is there? The test quotes each rule.
# hint: The OCI specification, config.md: tmpcopyup and remount.
# hint: rootfs/copy_up.c, and mount_reconfigure.
@test "mount options: tmpcopyup, remount" {
    make_own_root
    mkdir "$root/full"
    echo text >"$root/full/file"
    output=$(prints 'mounts += [tmpfs("/full", "tmpcopyup"), tmpfs("/again"), tmpfs("/again", "remount", "ro")]' \
        'process.args = ["sh", "-c", "cat /full/file; echo new >/full/file; grep -o \" /again ro\" /proc/self/mountinfo; grep -c /again /proc/self/mountinfo"]')
    [[ $output == $'text\n /again ro\n1' && $(<"$root/full/file") == text ]]
}

# rule: config.md#linux-mount-options MUST "idmap: use the mount's mappings"
# rule: config.md#linux-mount-options MUST "idmap without mappings and without a user namespace is an error"
# rule: config.md#linux-mount-options MUST "ridmap: use the mount's mappings, for the mounts below, too"
# rule: config.md#linux-mount-options MUST "ridmap without mappings and without a user namespace is an error"
# rule: config.md#posix-mounts MUST "uidMappings and gidMappings come together"
# hint: Which owner is wrong? The test quotes each rule.
# hint: The OCI specification, config.md: uidMappings of a mount.
# hint: mount_map_ids.
@test "mount options: idmap, ridmap" {
    make_own_root
    local source=$BATS_TEST_TMPDIR/source option
    mkdir "$source"
    touch "$source/file"
    chown 1000:1000 "$source/file"
    local maps='"uidMappings": [{"containerID": 1000, "hostID": 7, "size": 1}]'
    for option in idmap ridmap; do
        cannot_create '*map*' 'mounts.append(bind("'"$source"'", "/x", "'$option'"))'
        cannot_create '*gidMappings*' 'mounts.append({"destination": "/x", "source": "'"$source"'", "options": ["rbind", "'$option'"], '"$maps"'})'
    done
    maps+=', "gidMappings": [{"containerID": 1000, "hostID": 8, "size": 1}]'
    # Not every file system can do it: tmpfs since Linux 6.3.
    for option in idmap ridmap; do
        [[ $(prints 'mounts.append({"destination": "/x", "source": "'"$source"'", "options": ["rbind", "'$option'"], '"$maps"'})' \
            'process.args = ["stat", "-c", "%u %g", "/x/file"]') == '7 8' ]] || fail "$option"
    done
}

# --- Process ---

# rule: config.md#process MUST "cwd is there, and absolute"
# rule: config.md#process MUST "args has at least one entry"
# rule: config.md#process MUST "args[0] is searched as execvp does"
# rule: config.md#process MUST "env is the environment"
# rule: config.md#user MUST "uid, gid and additionalGids are those of the process"
# rule: config.md#user SHOULD "umask is applied"
# rule: config.md#linux-process MUST "oomScoreAdj is set"
# rule: config.md#linux-process MUST "noNewPrivileges is set"
# rule: config.md#linux-process MUST "the five capability sets are the configured ones"
# rule: config.md#posix-process MUST "the rlimits are the configured ones"
# rule: config.md#linux-process MUST "scheduler: policy and nice"
# rule: config.md#linux-process MUST "ioPriority: class and priority"
# rule: config.md#hostname MUST "the container's hostname"
# rule: config.md#domainname MUST "the container's domainname"
# hint: Which field did not arrive? /proc/PID shows them from outside. The test quotes each rule.
# hint: The OCI specification, config.md: "Process".
# hint: The process_ functions in process/process.c, called by init_execute.
@test "the process has what config.json says" {
    local script='echo $A/$PWD; cat /proc/self/status; cat /proc/self/limits /proc/sys/kernel/domainname /proc/sys/kernel/hostname /proc/1/oom_score_adj; sleep 1000'
    bundle "process.args = ['sh', '-c', '$script']" 'process.env.append("A=word")' 'process.cwd = "/usr"' \
        'process.user = {"uid": 5, "gid": 6, "additionalGids": [7, 8], "umask": 18}' 'hostname = "box"' 'domainname = "example"' \
        'process.oomScoreAdj = 123' 'process.noNewPrivileges = True' 'process.scheduler = {"policy": "SCHED_BATCH", "nice": 7}' \
        'process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 6}' \
        'process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 77, "hard": 88}, {"type": "RLIMIT_CORE", "soft": 1, "hard": 18446744073709551615}]' \
        'process.capabilities = {"bounding": ["CAP_KILL", "CAP_CHOWN", "CAP_SETUID"], "permitted": ["CAP_KILL", "CAP_CHOWN"],
            "inheritable": ["CAP_CHOWN"], "effective": ["CAP_CHOWN"], "ambient": ["CAP_CHOWN"]}'
    oci_run
    eventually grep -qx 123 "$out"
    grep -qx 'word//usr' "$out"
    has() { grep -qE "^$1:[[:blank:]]*$2" "$out" || fail "$1 is not $2"; }
    has Uid '5.5.5.5$'
    has Gid '6.6.6.6$'
    has Groups '(6 )?7 8 *$'
    has Umask 0022
    has NoNewPrivs 1
    # busybox, started without set-user-ID: what is ambient stays.
    has CapBnd 00000000000000a1
    [[ $(status_field "$pid" CapPrm) == *1 && $(status_field "$pid" CapInh) == *01 && $(status_field "$pid" CapAmb) == *01 ]]
    grep -q 'Max open files *77 *88' "$out"
    grep -q 'Max core file size *1 *unlimited' "$out"
    grep -qx box "$out"
    grep -qx example "$out"
    [[ $(chrt --pid "$pid") == *SCHED_BATCH* && $(ionice -p "$pid") == 'best-effort: prio 6' ]]
    [[ $(ps -o ni= -p "$pid") == *7 ]]
}

# rule: config.md#linux-process MUST NOT "oom_score_adj without oomScoreAdj"
# hint: What did you set that nobody asked for? The test quotes each rule.
# hint: The OCI specification, config.md: "Process": OPTIONAL.
# hint: process_limits and its like: only what is given.
@test "what config.json does not say stays as the caller has it" {
    bundle
    (
        echo 77 >"/proc/$BASHPID/oom_score_adj"
        oci_run
        [[ $(</proc/"$pid"/oom_score_adj) == 77 ]]
    )
}

# rule: config.md#valid-values MUST "an invalid or unsupported value is an error"
# rule: config.md#posix-process MUST "an unknown rlimit is an error"
# rule: config.md#posix-process MUST "an rlimit given twice is an error"
# rule: config.md#annotations MUST "keys are not empty, values are strings"
# hint: Which of them was accepted? The test quotes each rule.
# hint: The OCI specification, config.md: the types and ranges of "Process".
# hint: read_process in config/spec_process.c.
@test "values that are wrong" {
    cannot_create '*process.cwd*' 'del process.cwd'
    cannot_create '*process.cwd*' 'process.cwd = "usr"'
    cannot_create '*process.args*' 'process.args = []'
    cannot_create '*process.args*' 'process.args = "sh"'
    cannot_create '*process.env*' 'process.env = {"A": "b"}'
    cannot_create '*rlimits*RLIMIT_X*' 'process.rlimits = [{"type": "RLIMIT_X", "soft": 1, "hard": 1}]'
    cannot_create '*rlimits*' 'process.rlimits = [{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}, {"type": "RLIMIT_CPU", "soft": 2, "hard": 2}]'
    cannot_create '*rlimits*' 'process.rlimits = [{"type": "RLIMIT_CPU", "soft": 2, "hard": 1}]'
    cannot_create '*rlimits*' 'process.rlimits = [{"type": "RLIMIT_CPU", "soft": 2}]'
    cannot_create '*uid*' 'process.user.uid = -1'
    cannot_create '*uid*' 'process.user.uid = "root"'
    cannot_create '*scheduler*' 'process.scheduler = {"policy": "SCHED_X"}'
    cannot_create '*ioPriority*' 'process.ioPriority = {"class": "IOPRIO_CLASS_BE", "priority": 9}'
    cannot_create '*oomScoreAdj*' 'process.oomScoreAdj = 1001'
    cannot_create '*terminal*' 'process.terminal = "yes"'
    cannot_create '*mounts*destination*' 'del mounts[0]["destination"]'
    cannot_create '*annotations*' 'annotations = {"": "x"}'
    cannot_create '*annotations*' 'annotations = {"org.example": 1}'
    cannot_create '*annotations*' 'annotations = ["org.example"]'
}

# rule: config.md#linux-process MUST "an unknown capability is a warning"
# rule: config.md#linux-process SHOULD NOT "fail for a capability that can't be granted"
# hint: Is an unknown capability an error or a warning? The test quotes each rule.
# hint: The OCI specification, config.md: "Linux Process", capabilities.
# hint: read_capability_set.
@test "a capability that does not exist" {
    bundle 'process.capabilities = {name: ["CAP_CHOWN", "CAP_NO_SUCH"] for name in ["bounding", "permitted", "effective"]}'
    oci_create
    assert_status 0
    [[ $stderr == *CAP_NO_SUCH* ]]
    oci_start
    [[ $(status_field "$(state_of pid)" CapEff) == *1 ]]
}

# rule: config.md#process MUST "ignore consoleSize without a terminal"
# rule: config.md#process MUST "terminal: a pseudo-terminal on the standard streams, of consoleSize"
# rule: config-linux.md#default-devices MUST "/dev/console is the terminal"
# hint: Is it a terminal of its own, with the size asked for? The test quotes each rule.
# hint: The OCI specification, config.md: terminal and consoleSize.
# hint: console_open in process/console.c.
@test "a terminal" {
    accepted 'process.consoleSize = {"height": 10, "width": 20}'
    bundle 'process.terminal = True' 'process.consoleSize = {"height": 10, "width": 20}' \
        'process.args = ["sh", "-c", "tty <&0; tty <&1; tty <&2; stty size; stat -c %t:%T /dev/console; stat -Lc %t:%T /proc/self/fd/0"]'
    oci_set_up
    python3 - "$DEMO_PROGRAM" "$state" "$bundle" >"$out" <<'PY'
import array, os, socket, subprocess, sys
program, state, bundle = sys.argv[1:]
path = bundle + "/s"
os.chdir(bundle)
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind("s")
server.listen()
server.settimeout(30)
subprocess.run([program, "--root", state, "create", "--bundle", bundle, "--console-socket", path, "c1"], check=True, stdin=subprocess.DEVNULL)
connection, _ = server.accept()
_, fds, _, _ = socket.recv_fds(connection, 100, 1)
subprocess.run([program, "--root", state, "start", "c1"], check=True)
while True:
    try:
        data = os.read(fds[0], 1000)
    except OSError:
        break
    if not data:
        break
    sys.stdout.write(data.decode())
PY
    local expected=$'/dev/pts/0\r\n/dev/pts/0\r\n/dev/pts/0\r\n10 20\r\n'
    [[ $(<"$out") == "$expected"88:0*88:0* ]] || fail "$(<"$out")"
}

# --- Hooks ---


# rule: config.md#hooks MUST "in the listed order"
# rule: config.md#hooks MUST "the state on standard input"
# rule: config.md#hooks MUST "args and env"
# rule: config.md#hooks-prestart MUST "during create, before createRuntime, in the runtime's namespaces"
# rule: config.md#hooks-createruntime MUST "during create, before pivot_root, in the runtime's namespaces"
# rule: config.md#hooks-createcontainer MUST "during create, after createRuntime, before pivot_root"
# rule: config.md#hooks-createcontainer MUST "path is the runtime's, the namespaces are the container's"
# rule: config.md#hooks-startcontainer MUST "during start, before the program"
# rule: config.md#hooks-startcontainer MUST "path and namespaces are the container's"
# rule: config.md#hooks-poststart MUST "after the program runs, before start returns, in the runtime's namespaces"
# rule: config.md#hooks-poststop MUST "after delete, before delete returns, in the runtime's namespaces"
# hint: Each hook runs at a time, in a namespace, with the state on its standard input. Which is wrong? The test
#   quotes each rule.
# hint: The OCI specification, config.md: "POSIX-platform Hooks".
# hint: hooks_run in container/hooks.c, and its callers in container/container.c and container/init.c.
@test "hooks: when, where, in which order, with what" {
    local log=$BATS_TEST_TMPDIR/log d=$BATS_TEST_TMPDIR
    # A program that host and container have in different places says where a path was looked up.
    make_own_root
    cp "$ROOTFS/bin/busybox" "$d/only-host"
    mv "$root/bin/busybox" "$root/bin/only-container"
    ln -s only-container "$root/bin/busybox"
    mkdir "$root/log" "$d/log"
    bundle 'mounts.append(bind("'"$d"'/log", "/log"))' 'process.args = ["sh", "-c", "echo program >>/log/log; sleep 1000"]' \
        'hooks = {kind: [Object(path="'"$d"'/only-host", args=["sh", "-c", f"echo {kind} $WORD $0 $(readlink /proc/self/ns/mnt) $(hostname) >>'"$d"'/log/log; cat >'"$d"'/log/{kind}; ls -d '"$d"' >/dev/null || echo lost", number],
            env=[PATH, "WORD=word"]) for number in ["1", "2"]] for kind in ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]}' \
        'hooks["startContainer"] = [Object(path="/bin/only-container", args=["sh", "-c", "echo startContainer $WORD $0 $(readlink /proc/self/ns/mnt) $(hostname) >>/log/log; cat >/log/startContainer", number],
            env=[PATH, "WORD=word"]) for number in ["1", "2"]]' 'hostname = "inside"'
    log=$d/log/log
    oci_create
    assert_status 0
    pid=$(state_of pid)
    local host inside
    host="$(readlink /proc/self/ns/mnt) $(hostname)"
    inside="$(readlink "/proc/$pid/ns/mnt") inside"
    local expected="prestart word 1 $host
prestart word 2 $host
createRuntime word 1 $host
createRuntime word 2 $host
createContainer word 1 $inside
createContainer word 2 $inside"
    diff <(echo "$expected") "$log"
    oci_start
    assert_status 0
    # The program and the poststart hooks run at the same time.
    eventually grep -q program "$log"
    expected+="
startContainer word 1 $inside
startContainer word 2 $inside
poststart word 1 $host
poststart word 2 $host"
    diff <(echo "$expected") <(grep -v program "$log")
    [[ $(grep -E 'program|startContainer|poststart' "$log") == startContainer*startContainer*poststart* ]]
    [[ $(grep -E 'program|startContainer' "$log") == startContainer*startContainer*program ]]
    oci kill c1 KILL
    eventually is stopped
    oci delete c1
    assert_status 0
    [[ $(tail -n 2 "$log") == "poststop word 1 $host"$'\n'"poststop word 2 $host" ]]
    local kind status
    for kind in prestart:creating createRuntime:creating createContainer:creating startContainer:created poststart:running poststop:stopped; do
        status=${kind#*:} kind=$d/log/${kind%:*}
        [[ $(json "$kind" status) == "$status" && $(json "$kind" id) == c1 && $(json "$kind" bundle) == "$bundle" ]] ||
            fail "${kind##*/}: $(<"$kind")"
    done
    [[ $(json "$d/log/createRuntime" pid) == "$pid" && $(json "$d/log/poststart" pid) == "$pid" ]]
    [[ $(json "$d/log/startContainer" pid) == 1 ]]
}

# rule: config.md#hooks MUST "path is absolute"
# rule: config.md#hooks MUST "timeout is greater than zero"
# hint: Which hook should have been refused? The test quotes each rule.
# hint: The OCI specification, config.md: "POSIX-platform Hooks", path and timeout.
# hint: read_hook in config/spec_hooks.c.
@test "hooks: what is wrong with one" {
    local kind
    for kind in prestart poststop; do
        cannot_create "*hooks.$kind*path*" 'hooks = {"'$kind'": [{"path": "bin/true"}]}'
        cannot_create "*hooks.$kind*path*" 'hooks = {"'$kind'": [{"args": ["true"]}]}'
        cannot_create "*hooks.$kind*timeout*" 'hooks = {"'$kind'": [{"path": "/bin/true", "timeout": 0}]}'
        cannot_create "*hooks.$kind*timeout*" 'hooks = {"'$kind'": [{"path": "/bin/true", "timeout": -1}]}'
    done
}

# rule: config.md#hooks MUST "timeout: the hook is aborted after so many seconds"
# hint: The time was over. Who ends the hook, and what of the container? The test quotes each rule.
# hint: The OCI specification, config.md: timeout.
# hint: wait_for_hook in container/hooks.c.
@test "hooks: one that takes too long" {
    local before=$SECONDS
    bundle 'hooks = {"createRuntime": [hook("sleep 1000", timeout=1)]}'
    oci_create
    refused '*createRuntime*'
    ((SECONDS - before < 20 * SLOWNESS))
}

# --- Extensibility ---

# rule: config.md#extensibility MUST "ignore unknown properties"
# rule: config.md#annotations MUST "unknown keys of annotations are ignored, and values may be empty"
# hint: Unknown: an error, or ignored? The test quotes each rule.
# hint: The OCI specification, config.md: "Extensibility".
# hint: spec_parse asks for what it knows, no more.
@test "properties that nobody knows" {
    accepted 'unknown = {"a": 1}' 'process.unknown = 1' 'root.unknown = []' 'linux.unknown = "x"' 'mounts[0]["unknown"] = 1' \
        'annotations = {"org.example.unknown": "", "org.opencontainers.image.os": "linux"}' \
        'windows = {}' 'linux.resources = {"unknown": 1}' 'hooks = {"unknown": []}' 'linux.namespaces[0]["unknown"] = 1'
}

# not followed: config.md#user SHOULD "without umask, the caller's": a daemon may have any; as runc and crun we take 022
# not testable: config.md#root SHOULD "the value is rootfs": it is about who writes config.json
# not testable: config.md#annotations SHOULD "reverse domain names": it is about who writes config.json
# not testable: config.md#annotations MUST NOT "use reserved keys of org.opencontainers": it is about who writes config.json
# not testable: config.md#linux-mount-options SHOULD "mount_setattr(2) makes id-mapped mounts": how, not what; there is no other way
