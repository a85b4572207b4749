#!/usr/bin/env bats
#
# What engines, tools and people rely on in any runtime, and no page of the specification says in one place. These tests
# use nothing but the command line of runc(8) and crun(1): scripts/compare-runtimes runs them with all three.
#
# bats file_tags=step07,any-runtime
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() {
    requires root rootfs cgroup2
    oci_set_up
}

# prints EDIT...: what a container with these edits writes, to its end.
prints() {
    bundle "$@"
    oci_run >&2 || return
    oci_output
}

# args SCRIPT: an edit: the container runs that.
args() { printf 'process.args = ["sh", "-c", """%s"""]' "$1"; }

# An edit: a user namespace, whose root is $outside on the host.
outside=100000
USER_NAMESPACE='linux.namespaces.append({"type": "user"})
linux.uidMappings = linux.gidMappings = [{"containerID": 0, "hostID": '$outside', "size": 65536}]'

# make_shared_root: a root file system of this test's own, that the root of $USER_NAMESPACE may enter and change.
make_shared_root() {
    make_own_root
    chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
    chown "$outside:$outside" "$root" "$root"/*
}

# mounts_on PATH: how many mounts stand there in the container.
mounts_on() { grep -c " $1 " "/proc/$pid/mountinfo" || true; }

# has_command NAME: or the test does not apply to this runtime.
has_command() {
    "$DEMO_PROGRAM" --help 2>&1 | grep -qE "^ +$1( |,|\$)" || skip "not applicable: no command $1"
}

# --- Terminals ---

# needs: nothing
# hint: Which mount did the first exec leave behind, and whose is it?
# hint: config.md, "process": /dev/console is for a container with a terminal.
# hint: Only the container's own process gets /dev/console: see console_hand_over and who calls it.
@test "exec with a terminal, twice: /dev/console is none of its business" {
    requires pty
    bundle "$(args 'ln -s /etc/passwd /dev/console; echo ready; exec sleep 1000')"
    oci_run
    eventually grep -q ready "$out"
    RUNTIME="$DEMO_PROGRAM --root $state" with_pty <<'PY'
for time in 1, 2:
    box = Terminal(*os.environ["RUNTIME"].split(), "exec", "-t", "c1", "sh", "-c", "tty; exit 5")
    box.expect("/dev/pts/[0-9]+")
    assert box.wait_status() == 5
PY
    [[ $(mounts_on /dev/console) == 0 && $(mounts_on /etc/passwd) == 0 ]]
}

# hint: A terminal makes two bytes of a newline, unless it is told not to. Where do logs come from?
# hint: termios(3): ONLCR.
# hint: console_open: tcsetattr, if nobody's terminal is at the other end.
@test "a terminal's output that goes to a file: a newline is one byte" {
    requires pty
    bundle 'process.terminal = True' "$(args 'tty; echo b')"
    RUNTIME="$DEMO_PROGRAM --root $state run --bundle $bundle c1" with_pty <<'PY'
assert Terminal("sh", "-c", os.environ["RUNTIME"] + " >log").wait_status() == 0
PY
    [[ $(<log) == $'/dev/pts/0\nb' ]]
}

# --- Mounts ---

# hint: Who has made the directory that the tmpfs is to look like?
# hint: tmpfs(5): mode; the other runtimes' "tmpcopyup".
# hint: A directory that you have made a moment ago is not the image's: mount_data in rootfs/mounts.c.
@test "a tmpfs on a place that the image lacks: everybody may write there, the second time too" {
    local options
    make_own_root
    for options in '"tmpcopyup"' ''; do
        output=$(prints "mounts.append(tmpfs('/scratch', $options))" "$(args 'stat -c %a /scratch')")
        [[ $output == 1777 ]] || fail "with options \"$options\" its mode is $output"
        oci delete c1
    done
}

# hint: By the time that you open the source, who are you, and whose is the directory above it?
# hint: open_tree(2), path_resolution(7): search permission.
# hint: Sources are opened on the host's side, before the ids change: rootfs/mounts.c.
@test "a volume below a private home, with a user namespace" {
    requires user_ns
    make_shared_root
    mkdir -p home/project
    echo mine >home/project/file
    chown -R 1234:1234 home
    chmod 700 home
    [[ $(prints "$USER_NAMESPACE" "mounts.append(bind('$PWD/home/project', '/p'))" "$(args 'cat /p/file')") == mine ]]
}

# hint: The name is there, and what it stands for is not. Which of the two is to be made?
# hint: symlink(7); openat2(2): RESOLVE_IN_ROOT.
# hint: Follow the link by hand, inside the root: link_target in rootfs/mount_fd.c.
@test "a mount on a dangling link: what it stands for is made, inside the root" {
    make_own_root
    rm "$root/etc/resolv.conf"
    ln -s ../run/rungtest/resolve/stub.conf "$root/etc/resolv.conf"
    echo 'nameserver 127.0.0.9' >resolv.conf
    [[ $(prints "mounts.append(bind('$PWD/resolv.conf', '/etc/resolv.conf'))" "$(args 'cat /etc/resolv.conf')") == *127.0.0.9 ]]
    [[ -e $root/run/rungtest && ! -e /run/rungtest ]]
}

# hint: The second mount's source is a mount of yours. When did you open it?
# hint: config.md, "Mounts": the order listed.
# hint: A source is opened when it is its mount's turn: rootfs/mounts.c.
@test "a mount from an earlier mount" {
    make_own_root
    mkdir source
    echo here >source/file
    [[ $(prints "mounts.append(bind('$PWD/source', '/mnt'))" "mounts.append(bind('$root/mnt/file', '/home/file'))" \
        "$(args 'cat /home/file')") == here ]]
}

# hint: How often is the path in /proc/PID/mountinfo?
# hint: config-linux.md, "Masked Paths".
# hint: mask_paths asks is_repeated: what is a mask of yours already needs none.
@test "a path that is named twice in maskedPaths is masked once" {
    bundle 'linux.maskedPaths = ["/proc/keys", "/proc/keys"]'
    oci_run
    [[ $(mounts_on /proc/keys) == 1 ]]
}

# hint: The root was made private. Was that before this mount, or after it?
# hint: mount_namespaces(7), "Shared subtrees"; mount(2): MS_SHARED.
# hint: rootfs/mounts.c: rootfsPropagation is for the root, a mount's own option for that mount.
@test "rootfsPropagation is private, and a mount is shared" {
    mkdir source
    bundle 'linux.rootfsPropagation = "rprivate"' "mounts.append(bind('$PWD/source', '/mnt', 'rshared'))"
    oci_run
    grep -q ' /mnt .* shared:' "/proc/$pid/mountinfo"
}

# hint: /dev of the image leads elsewhere, and later something is mounted there. Where do your devices go?
# hint: openat2(2); config-linux.md, "Default Devices".
# hint: Open /dev once and keep the descriptor, or refuse a link: make_devices.
@test "an image whose /dev is a link: no device appears in a volume" {
    make_own_root
    rmdir "$root/dev"
    mkdir volume "$root/v"
    ln -s /v "$root/dev"
    bundle "mounts.append(bind('$PWD/volume', '/v'))" 'linux.devices = [{"type": "c", "path": "/dev/x", "major": 1, "minor": 3}]'
    oci_create
    [[ -z $(ls volume) ]]
}

# hint: What would a set-user-ID program in the same file system be allowed to do?
# hint: mount(8): nosuid, noexec.
# hint: bind_device in rootfs/dev.c.
@test "devices in a user namespace are bound with nosuid and noexec" {
    requires user_ns
    make_shared_root
    bundle "$USER_NAMESPACE"
    oci_run
    grep -q ' /dev/null [^-]*nosuid[^-]*noexec' "/proc/$pid/mountinfo"
}

# --- The process ---

# hint: The directory is to be made, and the root is read-only. Which comes first?
# hint: config.md: "process.cwd".
# hint: Make it before the root turns read-only: rootfs/rootfs.c.
@test "a read-only root, and a working directory that the image lacks" {
    make_own_root
    [[ $(prints 'root.readonly = True' 'process.cwd = "/not/yet"' "$(args 'pwd; touch /x 2>/dev/null || echo read-only')") == $'/not/yet\nread-only' ]]
}

# hint: HOME is there, and says nothing. What does a shell make of that?
# hint: environ(7).
# hint: process_environment in process/environment.c: an empty one counts as none.
@test "HOME without a value is filled from the image's /etc/passwd" {
    [[ $(prints 'process.env.append("HOME=")' "$(args 'echo $HOME')") == /root ]]
}

# hint: A service's sockets come with three variables. Who passes them on?
# hint: sd_listen_fds(3).
# hint: LISTEN_FDS counts as that many descriptors more of --preserve-fds: commands/activation.c.
@test "LISTEN_FDS: a service's sockets are passed on" {
    bundle "$(args 'echo $LISTEN_FDS $LISTEN_PID; cat <&3')"
    echo 'of the service' >file
    # As systemd does it: the PID is the runtime's.
    timeout "$DEMO_LIMIT" sh -c 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"' sh \
        "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" c1 </dev/null >"$out" 2>&1 3<file
    [[ $(<"$out") == $'1 1\nof the service' ]]
}

# listen_as_systemd: write what is said at ./systemd to ./heard; $listener does so.
listen_as_systemd() {
    timeout 60 python3 -c '
import socket
service = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
service.bind("systemd")
while True:
    print(repr(service.recv(4096).decode()), flush=True)' >heard 2>&1 3>&- 4>&- &
    listener=$!
    eventually test -S systemd
}

# hint: Systemd believes the service's own processes alone. Who speaks for the command, and what may it say?
# hint: sd_notify(3): READY=1, MAINPID=.
# hint: container/notify.c: a socket for the container, in a directory of the state.
@test "NOTIFY_SOCKET: run and start wait for the command's READY=1, and pass on that alone" {
    make_own_root
    gcc -x c -static -o "$root/bin/ready" - <<'C'
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, getenv("NOTIFY_SOCKET"), sizeof(address.sun_path) - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    char *texts[] = {"STATUS=soon", "MAINPID=1\nREADY=1\nSTATUS=now"};
    for (int i = 0; i < 2; i++) {
        if (sendto(fd, texts[i], strlen(texts[i]), 0, (void *)&address, sizeof(address)) == -1)
            return 1;
        sleep(1);
    }
    return pause();
}
C
    listen_as_systemd
    export NOTIFY_SOCKET=$PWD/systemd
    bundle 'process.args = ["ready"]' 'process.user = {"uid": 5, "gid": 5}'
    oci run --detach --bundle "$bundle" c1
    assert_status 0
    eventually heard_ready 1
    oci delete --force c1
    bundle 'process.args = ["ready"]'
    oci_create
    assert_status 0
    heard_ready 1
    oci_start
    assert_status 0
    eventually heard_ready 2
    run ! grep -E 'STATUS|MAINPID=1\b' heard
    oci delete --force c1
    # One that ends and never says it.
    bundle 'process.args = ["true"]'
    oci run --detach --bundle "$bundle" c1
    eventually is stopped
    kill "$listener"
}

heard_ready() { [[ $(grep -c READY=1 heard) == "$1" ]]; }

# hint: Look at /proc/PID/fd while the container waits for start.
# hint: runtime-linux.md, "File descriptors"; close_range(2).
# hint: files_close_callers in plan: long before start.
@test "a created container holds no file of the caller's open" {
    echo secret >file
    exec 9<file
    bundle
    oci_create
    exec 9<&-
    pid=$(state_of pid)
    [[ $(readlink "/proc/$pid/fd/"*) != *"$PWD/file"* ]]
}

# hint: Whose is the file behind standard output, and who is to open it once more?
# hint: fchown(2); /dev/stdout is a link to /proc/self/fd/1.
# hint: process/process.c: standard files that are regular files, or pipes, go to the process's user.
@test "a process of another user, in a user namespace, can open its /dev/stdout" {
    requires user_ns
    make_shared_root
    [[ $(prints "$USER_NAMESPACE" 'process.user = {"uid": 5, "gid": 6}' "$(args 'echo opened >>/dev/stdout')") == opened ]]
}

# --- Namespaces ---

# hint: There is no mount namespace to change. What do you leave out, and what do you refuse?
# hint: config-linux.md, "Namespaces": not listed means the runtime's.
# hint: namespaces_clone_flags; then no pivot_root, a chroot: rootfs/rootfs.c.
@test "a container without a mount namespace of its own, or a refusal" {
    bundle 'linux.namespaces = [n for n in linux.namespaces if n.type != "mount"]' 'mounts = []' "$(args 'echo it runs')"
    oci_create
    ((status == 0)) || { refused && return; }
    oci_start
    [[ $(oci_output) == *'it runs'* ]]
}

# hint: Nobody has said who is who in there. Is that a mistake, or is there a natural answer?
# hint: user_namespaces(7): uid_map.
# hint: process/id_maps.c: the default maps.
@test "a new user namespace without mappings: it starts, and its root is not the host's" {
    requires user_ns
    make_shared_root
    bundle 'linux.namespaces.append({"type": "user"})' 'linux.namespaces = [n for n in linux.namespaces if n.type != "network"]' \
        'mounts = [m for m in mounts if m.type not in ("sysfs", "devpts")]'
    oci_run
    [[ -n $(<"/proc/$pid/uid_map") && $(ns_inode "$pid" user) != "$(ns_inode self user)" ]]
}

# --- Hooks ---

# hint: Is it in the container, and is it the container's? Then what may it do?
# hint: config.md, "startContainer Hooks".
# hint: Run it where the process's own rights hold already: container/init.c.
@test "a startContainer hook may do what the process may, and no more" {
    make_own_root
    bundle 'process.user = {"uid": 5, "gid": 6}' 'process.noNewPrivileges = True' \
        'process.capabilities = {k: [] for k in ["bounding", "effective", "inheritable", "permitted", "ambient"]}' \
        'hooks = {"startContainer": [hook("grep -E \"^(Uid|CapEff|CapBnd|NoNewPrivs)\" /proc/self/status >/t/hook")]}' \
        'mounts.append(tmpfs("/t", "mode=1777"))' "$(args 'cat /t/hook')"
    oci_run
    [[ $(oci_output) == *'Uid:'*5*5*5*5*'CapEff:'*0000000000000000*'CapBnd:'*0000000000000000*'NoNewPrivs:'*1* ]]
}

# hint: Whose environment did it get: that of the runtime's caller, of the process, or none?
# hint: config.md, "POSIX-platform Hooks": env; where it is silent, runc and crun agree.
# hint: environment() in container/hooks.c: a program of the host gets the runtime's, one of the image the process's.
@test "a hook without env: the host's has the runtime's environment, the image's that of the process" {
    make_own_root
    bundle 'process.env = [PATH, "WHOSE=process"]' 'mounts.append(tmpfs("/t", "mode=1777"))' "$(args 'cat /t/hook')" \
        'hooks = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", "echo $WHOSE >'"$PWD"'/hook"]}],
            "startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo $WHOSE >/t/hook"]}]}'
    export WHOSE=runtime
    oci_run
    [[ $(<hook) == runtime && $(oci_output) == process* ]]
}

# --- Resources ---

# in_populated_cgroup COMMAND...: run it in a cgroup where we are, too.
in_populated_cgroup() {
    local mount here=rung-0test-caller-$$ before result=0
    mount=$(cgroup2_mount)
    before=$(cgroup_of $$)
    mkdir "$mount/$here"
    echo $$ >"$mount/$here/cgroup.procs"
    "$@" || result=$?
    echo $$ >"$before/cgroup.procs"
    rmdir "$mount/$here" 2>/dev/null || true
    return "$result"
}

# hint: update wants a controller. Can it be had where the container was put?
# hint: cgroups(7): "no internal processes".
# hint: cgroup_plan: choose a place where controllers can be had, and climb.
@test "update after a start without limits, from a cgroup that has processes" {
    requires pids
    bundle 'del linux.cgroupsPath'
    in_populated_cgroup oci_run
    oci update --pids-limit 9 c1
    assert_status 0
    [[ $(<"$(cgroup_of "$pid")/pids.max") == 9 ]]
}

# hint: Which figures does the cgroup have, and which did you ask for?
# hint: runc-events(8): --stats.
# hint: commands/events.c and cgroup/stats.c.
@test "events --stats has figures after a start without limits" {
    requires memory pids
    has_command events
    bundle 'del linux.cgroupsPath'
    in_populated_cgroup oci_run
    oci events --stats c1
    assert_status 0
    [[ $(json /dev/stdin data.pids.current <<<"$output") == [1-9]* && $(json /dev/stdin data.memory.usage.usage <<<"$output") == [1-9]* ]]
}

# hint: No limit is written: is a limit of swap alone a mistake?
# hint: config-linux.md, "Memory": swap; memory.swap.max.
# hint: read_swap in config/spec_resources.c: needs a limit only for a number above 0.
@test "memory.swap 0 alone is no mistake" {
    requires memory
    bundle 'linux.resources = {"memory": {"swap": 0}}'
    oci_run
}

# --- Commands ---

# hint: Process 1 has gone, and another lives. Whose death ends them all?
# hint: kill(2); cgroup.kill in cgroups(7).
# hint: command_kill: without a PID namespace the kernel does not do it for you.
@test "kill KILL without a PID namespace of its own ends all processes" {
    local script='sleep 1001 & echo ready; exec sleep 1000'
    bundle 'linux.namespaces = [n for n in linux.namespaces if n.type != "pid"]' "$(args "$script")"
    oci_run
    eventually grep -q ready "$out"
    oci kill c1 KILL
    assert_status 0
    eventually no_process_in "$cgroup"
    oci delete c1
    # It shares another container's.
    bundle
    oci create --bundle "$bundle" c2 >"$BATS_TEST_TMPDIR/c2" 2>&1
    bundle "linux.namespaces[0]['path'] = '/proc/$(state_of pid c2)/ns/pid'" "$(args "$script")"
    oci_run
    eventually grep -q ready "$out"
    oci kill c1 KILL
    assert_status 0
    eventually no_process_in "$cgroup"
    is created c2
}

# (The size of a file of a cgroup is always 0.)
no_process_in() { [[ ! -e $1 || -z $(<"$1/cgroup.procs") ]]; }

# hint: Somebody asks whether it lives. What is signal 0?
# hint: kill(2).
# hint: command_kill and its table of signals.
@test "kill 0 asks whether it lives" {
    bundle
    oci_run
    oci kill c1 0
    assert_status 0
    is running
    oci kill c1 KILL
    eventually is stopped
    oci kill c1 0
    ((status != 0))
}

# hint: It is not running, but it is not stopped either. What do engines expect?
# hint: runc-delete(8).
# hint: container_delete in container/container.c.
@test "delete --force of a container that was never started" {
    bundle
    oci_create
    oci delete --force c1
    assert_status 0
    nothing_left
}

# hint: Where did the text go, and what did a second call do to the first one's file?
# hint: runc-spec(8); open(2): O_EXCL.
# hint: command_spec: config.json of the bundle.
@test "spec writes config.json for the root file system in rootfs, and never over another" {
    make_own_root
    mv "$root" rootfs
    oci spec
    assert_status 0
    [[ $(json config.json root.path) == rootfs && $(json config.json process.terminal) == true ]]
    sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"pwd"/' config.json
    cp config.json before
    oci spec
    ((status != 0))
    cmp config.json before
    oci run c1
    assert_status 0
    assert_output /
    [[ -z $stderr ]]
}

# hint: Who wrote it, and what did you run instead?
# hint: runtime.md, "Create".
# hint: find_config: a config.json that is there is used or refused, by name.
@test "a config.json that is empty, cut off, unreadable or a FIFO is refused, at once" {
    local kind DEMO_LIMIT=$((5 * SLOWNESS))
    bundle
    for kind in ': >' 'echo "{" >' 'head -c 200 /dev/urandom >' 'mkdir' 'mkfifo'; do
        rm -rf "$bundle/config.json"
        eval "$kind" "$bundle/config.json"
        cd "$bundle"
        oci run c1
        refused || fail "$kind"
    done
}

# hint: Whoever made that directory may have written what is in it, too.
# hint: stat(2): st_uid.
# hint: config/state.c: look at the owner and the mode before you believe it.
@test "a state directory that somebody else owns is not believed" {
    bundle
    mkdir -m 700 "$state"
    chown 1234 "$state"
    oci_create
    refused
}

# hint: Each variable is compared with all the others. How many comparisons is that?
# hint: environ(7): the last one of a name counts.
# hint: read_process in config/spec_process.c looks at each variable once.
@test "20,000 variables are no reason to wait" {
    local DEMO_LIMIT=$((10 * SLOWNESS))
    [[ $(prints 'process.env += [f"V{i}=x" for i in range(20000)]' "$(args 'echo $V19999')") == x ]]
}
