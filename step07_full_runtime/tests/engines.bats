#!/usr/bin/env bats
#
# Real engines drive the runtime: podman, and containerd through its runc shim.  Everything is offline; the image is
# made of build/rootfs.
#
# bats file_tags=step07,engines
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

# One store for the whole file: making it takes longer than a test.
setup_file() {
    ((EUID == 0)) && type -P podman >/dev/null && [[ -x $ROOTFS/bin/busybox ]] || return 0
    # Short paths: a Unix socket's may have 107 characters.
    export STORE
    STORE=$(mktemp -d /tmp/rung-engines.XXXXXX)
    tar -C "$ROOTFS" -cf "$STORE/busybox.tar" .
    set_engines
    podman import "$STORE/busybox.tar" box
    # What podman mounts once and for all, it mounts for the first container.
    podman run --rm --network none box true || true
    # (And this for the first with a network: /run/netns.)
    ip netns add rung-engines && ip netns delete rung-engines || true
    ! has_containerd || start_containerd
}

teardown_file() {
    [[ -n ${STORE-} ]] || return 0
    set_engines
    podman rm --all --force --time 0 || true
    [[ ! -e $STORE/containerd.pid ]] || kill "$(<"$STORE/containerd.pid")" || true
    grep -o " ${STORE}[^ ]*" /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l || true
    rm -rf "$STORE"
}

before_each() {
    # (First of all: so it is known at once where these run again.)
    [[ $BATS_TEST_DESCRIPTION != *' session'* ]] || requires systemd
    requires root rootfs cgroup2 podman
    set_engines
}

after_each() {
    local id
    "${PODMAN[@]}" rm --all --force --time 0 3>&- 4>&- || true
    if [[ -d $STORE/student ]]; then stop_student; fi
    for id in $("${CTR[@]}" container ls -q 2>/dev/null); do
        "${CTR[@]}" task rm --force "$id" || true
        "${CTR[@]}" container rm "$id" || true
    done
}

has_containerd() { type -P containerd ctr >/dev/null; }
has_pasta() { type -P pasta >/dev/null && [[ -e /dev/net/tun ]]; }
has_student() { id student && grep -q ^student: /etc/subuid; } &>/dev/null

set_engines() {
    PODMAN=(env PATH="$PATH" podman --root "$STORE/root" --runroot "$STORE/run" --tmpdir "$STORE/tmp"
        --runtime "$DEMO_PROGRAM" --cgroup-manager cgroupfs --events-backend file)
    CTR=(env ctr --address "$STORE/containerd.sock")
}

podman() { run_and_show "${PODMAN[@]}" "$@"; }

# box [OPTIONS] COMMAND...: run it in a new container that has no network.
box() { podman run --rm --network none "$@"; }

# start_box NAME [OPTIONS]: a container that sleeps, and can be stopped; $pid is its process 1.
start_box() {
    local name=$1
    shift
    podman run --detach --network none --name "$name" "$@" box sh -c 'trap "exit 3" TERM; echo ready; for _ in $(seq 3000); do sleep 0.1; done'
    assert_status 0 || return
    pid=$("${PODMAN[@]}" inspect --format '{{.State.Pid}}' "$name")
    ((pid > 0)) || fail "podman does not know its PID: $pid"
}

# cgroup_file NAME: a file of the cgroup of $pid.
cgroup_file() { cat "$(cgroup_of "$pid")/$1"; }

ended() { [[ $("${PODMAN[@]}" inspect --format '{{.State.Status}}' "$1") == exited ]]; }

# --- podman run ---

# needs: nothing
# hint: podman calls create, start and delete, with conmon between. Which of the calls failed? `podman
#   --log-level=debug` shows it.
# hint: runtime.md, "Lifecycle"; conmon(8).
# hint: create waits until the child says "ready", start opens the socket: container/start.c.
@test "podman run: input, output, status" {
    podman run --rm --network none -i box sh -c 'cat; echo error >&2; exit 7' <<<'typed'
    assert_status 7
    assert_output typed
    [[ $stderr == error ]]
}

# hint: podman reads your error to find out which. What words does it look for?
# hint: podman-run(1), "Exit Status": "executable file not found".
# hint: process_find_executable says it in create, in the engines' words.
@test "podman run: 127 for no such command, 126 for what can't be run, 125 or 126 for the runtime" {
    box box /no/such
    assert_status 127
    box box no-such
    assert_status 127
    box box /etc
    assert_status 126
    box box /etc/passwd
    assert_status 126
    box --runtime-flag no-such-flag box true
    [[ $status == 12[56] ]]
}

# hint: Each flag is a field of config.json. Which one did not arrive?
# hint: `podman inspect`; /proc/PID/status on the host.
# hint: Compare config.json in podman's bundle with what spec_parse reads.
@test "podman run: what a person asks for is what the process gets" {
    mkdir volume
    echo mine >volume/file
    start_box c1 --memory 50m --memory-reservation 20m --pids-limit 20 --cpus 0.5 --cap-drop all --cap-add NET_RAW --read-only \
        --user 5:6 --group-add 7 --volume "$PWD/volume:/v" --volume "$PWD/volume:/readonly:ro" --hostname boxed --env WORD=x \
        --workdir /usr --ulimit nofile=77:88 --security-opt no-new-privileges --oom-score-adj 300 --umask 0077 --annotation a.b=c \
        --sysctl net.ipv4.ip_forward=1 --device /dev/null:/dev/mine --tmpfs /scratch:size=1m --shm-size 2m
    # shellcheck disable=SC2153
    [[ $(cgroup_file memory.max) == 52428800 && $(cgroup_file pids.max) == 20 && $(cgroup_file cpu.max) == '50000 100000' ]]
    [[ $(cgroup_file memory.low) == 20971520 ]]
    [[ $(status_field "$pid" CapBnd) == 0000000000002000 && $(status_field "$pid" CapAmb) == 0000000000002000 ]]
    [[ $(status_field "$pid" Uid) == 5*5*5*5 && $(status_field "$pid" Gid) == 6*6*6*6 && $(status_field "$pid" Groups) == *7* ]]
    [[ $(status_field "$pid" NoNewPrivs) == 1 && $(status_field "$pid" Seccomp) == 2 && $(status_field "$pid" Umask) == 0077 ]]
    [[ $(</proc/"$pid"/oom_score_adj) == 300 ]]
    [[ $(readlink "/proc/$pid/cwd") == /usr ]]
    grep -q 'Max open files *77 *88' "/proc/$pid/limits"
    grep -qE ' / / ro' "/proc/$pid/mountinfo"
    podman exec --user 0 c1 sh -c 'cat /v/file; hostname; echo $WORD; cat /proc/sys/net/ipv4/ip_forward; ls -l /dev/mine; df -k /scratch /dev/shm
        echo new >/v/new; echo no >/readonly/no; echo no >/no'
    [[ $output == mine$'\n'boxed$'\nx\n1\n'*'1, '*3*/dev/mine*1024*2048* ]] || fail 'not what was asked for'
    [[ -e volume/new && ! -e volume/no && ! -e $STORE/no ]]
}

# hint: Who gets the terminal's other end, and over which socket?
# hint: unix(7), SCM_RIGHTS; runc-create(8): --console-socket.
# hint: console_hand_over sends it; consoleSize is set before.
@test "podman run -t: a terminal of its own, with the size of the caller's" {
    requires pty
    PODMAN_LINE=${PODMAN[*]} with_pty <<'PY'
words = os.environ["PODMAN_LINE"].split() + ["run", "--rm", "-it", "--network", "none", "box", "sh"]
box = Terminal(*words)
box.expect("# ")
box.sendline("tty; stty size")
box.expect("/dev/pts/0\r\n24 80\r\n")
box.expect("# ")
box.setwinsize(30, 100)
box.sendline("for _ in $(seq 300); do stty size | grep '^30 10[0]' && break; sleep 0.1; done; ls -l /dev/console")
box.expect("30 100")
box.expect("/dev/console")
box.expect("# ")
box.sendline("sleep 1543")
box.until(lambda: any(is_in_front(pid) for pid in os.listdir("/proc") if read(pid, "cmdline") == "sleep\0001543\0"))
box.sendintr()
box.expect("# ")
box.sendline("exit 5")
assert box.wait_status() == 5
PY
}

# hint: Nothing came back. Is the terminal still open on your side?
# hint: conmon(8) holds it, not you.
# hint: console_hand_over closes your own descriptor.
@test "podman attach: to a terminal, and back" {
    requires pty
    podman run -dit --network none --name c1 box sh
    assert_status 0
    PODMAN_LINE=${PODMAN[*]} with_pty <<'PY'
box = Terminal(*os.environ["PODMAN_LINE"].split(), "attach", "c1")
box.sendline("echo $((40 + 2)) on $(tty)")
box.expect("42 on /dev/pts/0")
box.send("\x10") # Ctrl-P Ctrl-Q: leave it
box.send("\x11")
box.wait_status()
PY
    podman ps --format '{{.Names}} {{.State}}'
    assert_output 'c1 running'
}

# hint: podman mounts its own init into the container. Did the mount work?
# hint: podman-run(1), --init.
# hint: A bind mount of a file: make_file in rootfs/mount_fd.c.
@test "podman run --init: catatonit is process 1" {
    [[ -x $(type -P catatonit) ]] || skip 'no catatonit'
    box --init box sh -c 'cat /proc/1/comm; exit 4'
    assert_status 4
    assert_output_like '*init*'
}

# hint: What is left of your fences, although the config asks for none?
# hint: podman-run(1), --privileged: no seccomp, no masked paths, all capabilities.
# hint: Nothing by default when an engine gives the config: commands/defaults.c is for flags only.
@test "podman run --privileged" {
    start_box c1 --privileged
    [[ $(status_field "$pid" CapEff) == "$(status_field self CapBnd)" && $(status_field "$pid" Seccomp) == 0 ]]
    podman exec c1 sh -c 'mount -t tmpfs none /mnt && echo mounted'
    assert_output mounted
}

# hint: The user is not root, and the directory is new. Who may write there?
# hint: podman-run(1): --tmpfs; podman adds the option tmpcopyup.
# hint: A directory that the image lacks is 1777 as a tmpfs: mount_target_shared in rootfs/mount_fd.c.
@test "podman run --user --tmpfs: the user can write there, whether the image has the directory or not" {
    box --user 1000 --tmpfs /scratch --tmpfs /tmp box sh -c 'touch /scratch/x /tmp/x && echo could write'
    assert_status 0
    assert_output 'could write'
}

# hint: podman mounts its resolv.conf on a link that leads nowhere. Where should it lead?
# hint: podman-run(1): --network host; symlink(7).
# hint: link_target in rootfs/mount_fd.c: make_file goes on where the link leads, inside the root.
@test "podman run: an image whose /etc/resolv.conf is a dangling link" {
    make_own_root
    ln -sf ../run/rungtest/stub-resolv.conf "$root/etc/resolv.conf"
    podman run --rm --network host --rootfs "$root" cat /etc/resolv.conf
    assert_status 0
    [[ ! -e /run/rungtest ]]
}

# hint: podman says 127 and 126 for what is wrong with the command. What made it say so here?
# hint: podman-run(1), "Exit Status". It reads your log.
# hint: reword in base/log_record.c.
@test "podman run: a mount that fails is not the command's fault" {
    make_own_root
    echo file >file
    podman run --rm --network none --volume "$PWD/file:/etc/passwd/x" --rootfs "$root" true
    ((status == 125 || status == 126)) && [[ $stderr != *'ermission denied'* ]]
    mkdir "$root/data"
    ln -s /data/x "$root/data/x"
    podman run --rm --network none --volume "$PWD/file:/data/x" --rootfs "$root" true
    ((status == 125 || status == 126))
    podman run --rm --network none --tmpfs /etc/passwd --rootfs "$root" true
    ((status == 125 || status == 126))
}

# --- Namespaces ---

# hint: Maps, ids, and who owns the image's files: which is wrong?
# hint: user_namespaces(7); newuidmap(1).
# hint: namespaces_write_maps and process_ids.
@test "podman run: user namespaces" {
    box --uidmap 0:100000:1000 --gidmap 0:200000:1000 box sh -c 'cat /proc/self/uid_map /proc/self/gid_map; id -u; touch /new && ls -ln /new'
    assert_status 0
    assert_output_like '*0 *100000 *1000*0 *200000 *1000*0*-rw*0 *0 *'
    start_box c1 --uidmap 0:100000:1000 --user 5
    [[ $(status_field "$pid" Uid) == 100005* ]]
    podman exec c1 id -u
    assert_output 5
}

# hint: The root of a user namespace is nobody to a private directory. Who opens the volume?
# hint: path_resolution(7); open_tree(2).
# hint: host_file_open asks the parent, which is the host's root, in the child's mount namespace: rootfs/host_files.c.
@test "podman run --uidmap: a volume below a private home" {
    mkdir -p home/project
    echo mine >home/project/file
    chown -R 1234:1234 home
    chmod 700 home
    box --uidmap 0:100000:1000 --gidmap 0:100000:1000 --volume "$PWD/home/project:/p" box cat /p/file
    assert_status 0
    assert_output mine
}

# hint: podman chooses a range, and shifts the files. By which mount option?
# hint: podman-run(1), --userns; mount_setattr(2).
# hint: mount_map_ids for "idmap".
@test "podman run --userns=auto: ids of its own" {
    cp /etc/subuid "$BATS_TEST_TMPDIR"
    cp /etc/subgid "$BATS_TEST_TMPDIR"
    echo containers:2000000:200000 | tee -a /etc/subuid >>/etc/subgid
    box --userns=auto box sh -c 'read -r inside outside count </proc/self/uid_map; echo $inside $outside'
    cp "$BATS_TEST_TMPDIR/subuid" "$BATS_TEST_TMPDIR/subgid" /etc
    assert_status 0
    [[ $output == '0 2'??????  ]]
}

# hint: No entry means the host's, an entry with a path means join. Which did you mix up?
# hint: podman-run(1): --pid, --ipc, --network container:NAME.
# hint: namespaces_clone_flags and namespaces_join_flags.
@test "podman run: the host's namespaces, and another container's" {
    start_box c1 --pid host --ipc host --uts host --cgroupns host
    local type
    for type in pid ipc uts cgroup; do
        [[ $(ns_inode "$pid" "$type") == "$(ns_inode self "$type")" ]] || fail "$type"
    done
    local first=$pid
    podman run -d --name c2 --network container:c1 --ipc container:c1 box sleep 100
    assert_status 0
    pid=$("${PODMAN[@]}" inspect --format '{{.State.Pid}}' c2)
    [[ $(ns_inode "$pid" net) == "$(ns_inode "$first" net)" && $(ns_inode "$pid" ipc) == "$(ns_inode "$first" ipc)" ]]
    [[ $(ns_inode "$pid" pid) != "$(ns_inode "$first" pid)" ]]
}

# hint: The second one joins what the first has. Is hostname set in a namespace that is not yours?
# hint: setns(2); config-linux.md.
# hint: set_hostname sets it only in a new UTS namespace.
@test "podman pod: two containers share its network, IPC and hostname" {
    [[ -x $(type -P catatonit) ]] || skip 'no catatonit'
    podman pod create --name pod --network none --share net,ipc,uts --hostname whale
    assert_status 0
    podman run -d --pod pod --name a box sh -c 'nc -l -p 80 -e echo from a; sleep 1000'
    assert_status 0
    podman run -d --pod pod --name b box sleep 1000
    assert_status 0
    local a b
    a=$("${PODMAN[@]}" inspect --format '{{.State.Pid}}' a)
    b=$("${PODMAN[@]}" inspect --format '{{.State.Pid}}' b)
    [[ $(ns_inode "$a" net) == "$(ns_inode "$b" net)" && $(ns_inode "$a" mnt) != "$(ns_inode "$b" mnt)" ]]
    podman exec b sh -c 'hostname; for _ in $(seq 300); do nc 127.0.0.1 80 && break; sleep 0.1; done'
    assert_output $'whale\nfrom a'
    podman pod pause pod
    assert_status 0
    pid=$a
    [[ $(cgroup_file cgroup.freeze) == 1 ]]
    podman pod unpause pod
    assert_status 0
    podman pod stop --time 0 pod
    podman pod rm --force --time 0 pod
    assert_status 0
    eventually process_ended "$a"
    eventually process_ended "$b"
}

# hint: netavark goes into the namespace at a path, before start. Is it there by then?
# hint: podman-network(1); namespaces(7), /proc/PID/ns.
# hint: container_prepare and container_start: at "created" the namespaces are there.
@test "podman run: a bridge network" {
    requires nat
    local forward
    forward=$(</proc/sys/net/ipv4/ip_forward)
    podman run --rm box ip -o -4 address show eth0
    # These podman leaves to the host.
    echo "$forward" >/proc/sys/net/ipv4/ip_forward
    nft delete table inet netavark || true
    assert_status 0
    assert_output_like '*inet 10.88.*'
}

# --- A container that runs ---

# hint: exec takes its process from a file. Which of its fields did not arrive?
# hint: runc-exec(8): --process, --pid-file, --detach.
# hint: container_exec in container/exec.c.
@test "podman exec: status, user, directory, environment, input, terminal, detached" {
    start_box c1
    podman exec -i --user 5:6 --workdir /usr --env WORD=y c1 sh -c 'cat; id -u; id -g; pwd; echo $WORD; exit 9' <<<typed
    assert_status 9
    assert_output $'typed\n5\n6\n/usr\ny'
    podman exec c1 /no/such
    assert_status 127
    podman exec c1 /etc
    assert_status 126
    podman exec --privileged c1 grep CapEff /proc/self/status
    [[ $output == *"$(status_field self CapBnd)" ]]
    podman exec c1 grep -E 'CapEff|Seccomp:' /proc/self/status
    [[ $output == *"$(status_field "$pid" CapEff)"*2 ]]
    podman exec --detach c1 sleep 987
    assert_status 0
    eventually grep -q . <(pgrep -x -f 'sleep 987')
    [[ $(cgroup_of "$(pgrep -x -f 'sleep 987')") == "$(cgroup_of "$pid")" ]]
    requires pty
    PODMAN_LINE=${PODMAN[*]} with_pty <<'PY'
box = Terminal(*os.environ["PODMAN_LINE"].split(), "exec", "-it", "c1", "sh")
box.expect("# ")
box.sendline("tty; stty size; exit 8")
box.expect("/dev/pts/0\r\n24 80\r\n")
assert box.wait_status() == 8
PY
}

# hint: What did the first one leave in the container that the second one stumbled over?
# hint: podman-exec(1): --tty; config.md, "process": only its own process has /dev/console.
# hint: container_exec opens a terminal, and binds nothing.
@test "podman exec -it, twice" {
    requires pty
    start_box c1
    PODMAN_LINE=${PODMAN[*]} with_pty <<'PY'
for time in 1, 2:
    box = Terminal(*os.environ["PODMAN_LINE"].split(), "exec", "-it", "c1", "sh", "-c", "tty; exit 6")
    box.expect("/dev/pts/[0-9]+")
    assert box.wait_status() == 6
PY
}

# hint: Which of your commands answered in another form than runc's?
# hint: runc-ps(8), runc-events(8).
# hint: commands/pause.c, commands/update.c and commands/events.c.
@test "podman pause, unpause, top, stats, logs, inspect" {
    start_box c1 --memory 50m
    podman pause c1
    assert_status 0
    [[ $(cgroup_file cgroup.events) == *'frozen 1'* ]]
    podman ps --all --format '{{.Status}}'
    assert_output_like '*Paused*'
    podman unpause c1
    assert_status 0
    [[ $(cgroup_file cgroup.events) == *'frozen 0'* ]]
    podman top c1 pid comm
    assert_output_like '*1 *sh*'
    podman stats --no-stream --format '{{.PIDs}} {{.MemUsage}}' c1
    assert_output_like '[12] *52.43MB*'
    podman logs c1
    assert_output ready
    podman inspect --format '{{.OCIRuntime}} {{.State.Running}} {{.HostConfig.Memory}}' c1
    assert_output "$DEMO_PROGRAM true 52428800"
}

# hint: podman sends --resources. What did the cgroup get?
# hint: podman-update(1) and runc-update(8).
# hint: cgroup_update.
@test "podman update: the limits of a container that runs" {
    start_box c1 --memory 50m
    podman update --memory 60m --pids-limit 30 --cpus 0.25 c1
    assert_status 0
    [[ $(cgroup_file memory.max) == 62914560 && $(cgroup_file pids.max) == 30 && $(cgroup_file cpu.max) == '25000 100000' ]]
}

# hint: Which state did your runtime report, and when?
# hint: runtime.md, "State" and "Delete".
# hint: command_kill in commands/kill.c, command_delete in commands/delete.c.
@test "podman stop, start, restart, kill, wait, rm" {
    start_box c1
    local first=$pid
    podman stop --time 8 c1
    assert_status 0
    podman inspect --format '{{.State.ExitCode}} {{.State.Status}}' c1
    assert_output '3 exited'
    podman start c1
    assert_status 0
    podman restart --time 8 c1
    assert_status 0
    pid=$("${PODMAN[@]}" inspect --format '{{.State.Pid}}' c1)
    ((pid != first))
    podman kill --signal KILL c1
    assert_status 0
    podman wait c1
    assert_output 137
    podman rm c1
    assert_status 0
    process_ended "$pid"
}

# hint: Some processes were left. Who kills them all?
# hint: cgroup.kill; runc-delete(8), --force.
# hint: cgroup_kill, from remove_tree, as often as it takes; cgroup_undo calls that.
@test "podman rm --force: with processes that ignore SIGTERM" {
    podman run -d --network none --name c1 box sh -c 'trap "" TERM; sleep 1000 & for _ in $(seq 3000); do sleep 0.2; done'
    pid=$("${PODMAN[@]}" inspect --format '{{.State.Pid}}' c1)
    local directory
    directory=$(cgroup_of "$pid")
    podman rm --force --time 0 c1
    assert_status 0
    process_ended "$pid"
    [[ ! -e $directory ]]
}

# hint: A health check is an exec. What status did it give?
# hint: podman-healthcheck-run(1).
# hint: exec_run hands the status back.
@test "podman run --health-cmd" {
    start_box c1 --health-cmd 'test -e /tmp/well' --health-interval disable
    podman healthcheck run c1
    assert_status 1
    podman exec c1 sh -c 'mkdir -p /tmp; touch /tmp/well'
    podman healthcheck run c1
    assert_status 0
}

# hint: The second start finds something of the first. What?
# hint: runtime.md, "Delete".
# hint: container_delete must leave nothing by that name.
@test "podman run --restart: it comes back by itself" {
    podman run -d --network none --name c1 --restart on-failure:2 box sh -c 'echo again; exit 1'
    assert_status 0
    eventually three_times
}

three_times() { [[ $("${PODMAN[@]}" logs c1) == $'again\nagain\nagain' ]]; }

# hint: conmon watches memory.events. In which cgroup?
# hint: conmon(8); memory.events.
# hint: cgroup_plan: the path that cgroupsPath says, so that others find it.
@test "podman run --memory: the OOM killer is reported" {
    box --memory 20m --memory-swap 20m --name c1 box sh -c 'exec tail /dev/zero'
    assert_status 137
}

# --- Rootless ---

# An ordinary user with subordinate ids and a runtime directory: sets STUDENT, podman as that user.
prepare_student() {
    local id
    id=$(id -u student)
    chmod 755 "$STORE"
    install -d -o student -m 711 "$STORE/student" "$STORE/student/run"
    install -m 755 "$DEMO_PROGRAM" "$STORE/runtime"
    chmod 644 "$STORE/busybox.tar"
    STUDENT=(env -i PATH="$PATH" HOME="$STORE/student" XDG_RUNTIME_DIR="$STORE/student/run" RUNG_TEST="$RUNG_TEST"
        setpriv --reuid="$id" --regid="$(id -g student)" --init-groups
        podman --runtime "$STORE/runtime" --cgroup-manager cgroupfs --events-backend file)
    student_podman import "$STORE/busybox.tar" box
    assert_status 0
}

student_podman() { run_and_show "${STUDENT[@]}" "$@"; }

# Podman keeps a process that holds its user namespace.
stop_student() {
    student_podman rm --all --force --time 0
    student_podman system migrate
    rm -rf "$STORE/student"
}

# hint: podman runs you in a user namespace already. Are you root there, and do you need another?
# hint: podman(1), "Rootless mode"; user_namespaces(7).
# hint: namespaces_clone_flags takes what the config says, no more.
@test "podman, rootless: ids, status, keep-id, exec" {
    requires student user_ns
    cd /
    prepare_student
    student_podman run --rm --network none box sh -c 'cat /proc/self/uid_map; id -u; exit 6'
    assert_status 6
    assert_output_like "*0 *$(id -u student) *1*1 *100000 *65536*0"
    student_podman run --rm --network none --userns keep-id box sh -c 'id -u; echo >/dev/shm/x && echo could write'
    assert_status 0
    assert_output "$(id -u student)"$'\ncould write'
    student_podman run -d --network none --name c1 --read-only --cap-drop all box sleep 1000
    assert_status 0
    student_podman exec c1 sh -c 'grep CapEff /proc/self/status; echo >/no; exit 4'
    assert_status 4
    assert_output_like '*0000000000000000'
    student_podman ps --format '{{.Names}} {{.State}}'
    assert_output 'c1 running'
    student_podman rm -f --time 0 c1
    assert_status 0
}

# hint: pasta joins by a path. Did the namespace last until then?
# hint: pasta(1).
# hint: namespaces_open, and the state "created" before pasta comes: container_prepare.
@test "podman, rootless: pasta's network" {
    requires student user_ns pasta
    cd /
    # Without udev it is for root alone.
    local mode
    mode=$(stat -c %a /dev/net/tun)
    chmod 666 /dev/net/tun
    prepare_student
    student_podman run --rm --network pasta --dns 127.0.0.1 box cat /proc/net/dev
    chmod "$mode" /dev/net/tun
    assert_status 0
    assert_output_like '*lo:*'
}

# --- An agent for seccomp ---

# Podman hands a profile on without its listenerPath: a hook of its own puts it into config.json.
prepare_agent() {
    mkdir hooks
    put agent-hook "#!/usr/bin/python3 -IS
import json, sys
config = json.load(sys.stdin)
config['linux']['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '$PWD/agent', 'listenerMetadata': 'm',
    'syscalls': [{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_NOTIFY'}]}
json.dump(config, sys.stdout)
"
    echo '{"version": "1.0.0", "hook": {"path": "'"$PWD/agent-hook"'"}, "when": {"always": true}, "stages": ["precreate"]}' >hooks/agent.json
    start_agent 1
    chmod a+rwx agent
}

# hint: Does the agent have the descriptor before the first call waits for it? And all of its message at once?
# hint: seccomp_unotify(2); config-linux.md, "listenerPath".
# hint: One sendmsg(2), by a process that has no filter: seccomp/notify.c.
@test "podman run: a seccomp agent judges calls" {
    prepare_agent
    podman --hooks-dir "$PWD/hooks" run --rm --network none box sh -c 'mkdir /tmp/new && echo made'
    assert_status 0
    assert_output made
    [[ $(<agent.out) == *'"seccompFd"'*'"metadata":"m"'* ]]
}

# hint: Whose are the socket, the process that waits and the one that passes the descriptor on?
# hint: ptrace(2), "Ptrace access mode checking"; pidfd_getfd(2).
# hint: seccomp/notify.c, in a user namespace.
@test "podman, rootless: a seccomp agent judges calls" {
    requires student user_ns
    cd /
    prepare_student
    mkdir -m 755 "$STORE/student/agent"
    cd "$STORE/student/agent"
    prepare_agent
    student_podman --hooks-dir "$PWD/hooks" run --rm --network none box sh -c 'mkdir /tmp/new && echo made'
    cd /
    assert_status 0
    assert_output made
}

# --- Systemd ---

# in_session COMMAND...: as in a login: in a scope that systemd has made for it, where processes are.
in_session() { run_and_show systemd-run --quiet --scope -- "$@"; }

# hint: You are in a cgroup with processes of its own, and may not spoil it. Where does the container go?
# hint: systemd.scope(5); cgroups(7): "no internal processes", "threaded".
# hint: cgroup_plan and cgroup_plan_scope: cgroup/place.c, cgroup/scope.c.
@test "podman in a session's scope: limits, exec, nothing left, with systemd's cgroups and without" {
    local manager directory
    for manager in systemd cgroupfs; do
        in_session "${PODMAN[@]}" --cgroup-manager "$manager" run -d --network none --name c1 --pids-limit 20 --cpus 0.5 box sleep 1000
        assert_status 0
        pid=$("${PODMAN[@]}" inspect --format '{{.State.Pid}}' c1)
        [[ $(cgroup_file pids.max) == 20 && $(cgroup_file cpu.max) == '50000 100000' ]]
        directory=$(cgroup_of "$pid")
        [[ $manager == cgroupfs || $directory == */libpod-*.scope/* ]]
        in_session "${PODMAN[@]}" --cgroup-manager "$manager" exec c1 echo inside
        assert_output inside
        in_session "${PODMAN[@]}" --cgroup-manager "$manager" rm --force --time 0 c1
        assert_status 0
        [[ ! -e $directory ]]
    done
}

# hint: The session is the user's, and so is the systemd to ask. How do you find it?
# hint: systemd-run(1): --uid, PAMName=; sd_bus_open_user(3).
# hint: cgroup/systemd.c asks the bus of whoever it is: `sd_bus_open_user`.
@test "podman, rootless, in a session: limits in a scope of the user's systemd" {
    requires student user_ns
    cd /
    prepare_student
    run_and_show systemd-run --quiet --pipe --wait --collect --uid=student --property=PAMName=login --setenv=HOME="$STORE/student" \
        --setenv=PATH="$PATH" podman --runtime "$STORE/runtime" --cgroup-manager systemd --events-backend file \
        run --rm --network none --pids-limit 20 --cgroupns host box sh -c 'cat /proc/self/cgroup; cat /sys/fs/cgroup/$(sed s/^0::// /proc/self/cgroup)/pids.max'
    assert_status 0
    assert_output_like '0::/user.slice/user-*/libpod-*.scope/*20'
}

# --- containerd ---

# containerd without Kubernetes' part: the shim and ctr are what drives the runtime.
start_containerd() {
    cat >"$STORE/containerd.toml" <<TOML
version = 2
root = "$STORE/containerd"
state = "$STORE/containerd.run"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = "$STORE/containerd.sock"
TOML
    containerd --config "$STORE/containerd.toml" </dev/null >"$STORE/containerd.log" 2>&1 3>&- 4>&- &
    echo $! >"$STORE/containerd.pid"
    podman save --quiet --format oci-archive --output "$STORE/box.tar" box
    eventually "${CTR[@]}" version >"$STORE/version" 2>&1 || cat "$STORE/containerd.log"
    "${CTR[@]}" image import "$STORE/box.tar"
}

ctr() { run_and_show "${CTR[@]}" "$@"; }

# ctr_run [OPTIONS] ID COMMAND...: in a new container.
ctr_run() {
    local -a options=()
    while [[ $1 == -* ]]; do
        options+=("$1")
        shift
    done
    ctr run --runc-binary "$DEMO_PROGRAM" --runc-root "$STORE/runc" "${options[@]}" localhost/box:latest "$@"
}

# start_task [OPTIONS]: the container c1 that sleeps; $pid is its process 1.
start_task() {
    ctr_run --detach "$@" c1 sh -c 'trap "exit 3" TERM; for _ in $(seq 3000); do sleep 0.1; done'
    assert_status 0 || return
    pid=$("${CTR[@]}" task ls | awk '$1 == "c1" { print $2 }')
}

task_is() { [[ $("${CTR[@]}" task ls) == *c1*$1* ]]; }

# stop_task: as ctr does it; the shim ends with its last container.
stop_task() {
    ctr task kill --signal KILL c1
    eventually task_is STOPPED
    ctr task delete c1
    assert_status 0 || return
    ctr container delete c1
    [[ -z $(ls "$STORE/runc/default" 2>/dev/null) ]] || fail 'a state is left'
}

# hint: containerd's shim calls you, with --root and --log. What does the log say?
# hint: runc(8): --log, --log-format json.
# hint: The global options in commands/globals.c; die writes to the log as well.
@test "ctr run: output, status, what can't be run" {
    requires containerd
    # A command that is faster than ctr opens its output is not heard, whatever runtime has started it.
    ctr_run --rm c1 sh -c 'echo out; echo error >&2; sleep 2; exit 7'
    assert_status 7
    assert_output out
    ctr_run --rm c1 /no/such
    ((status != 0))
    [[ $stderr == *'/no/such'*[Nn]'o such file'* ]] || fail 'why?'
    ctr container ls -q
    assert_output ''
}

# hint: Which field of its config.json did not arrive?
# hint: ctr's own: `ctr container info`.
# hint: spec_parse, and who uses the field.
@test "ctr run: limits, rights, namespaces, read-only root" {
    requires containerd
    start_task --memory-limit=52428800 --cpus=0.5 --read-only --cap-drop=CAP_CHOWN --hostname=whale --env=WORD=x --user=5:6 \
        --no-pivot=false --seccomp
    [[ $(cgroup_file memory.max) == 52428800 && $(cgroup_file cpu.max) == '50000 100000' ]]
    [[ $(status_field "$pid" Uid) == 5*5*5*5 && $(status_field "$pid" CapBnd) != *1 && $(status_field "$pid" Seccomp) == 2 ]]
    grep -qE ' / / ro' "/proc/$pid/mountinfo"
    ctr task exec --exec-id e1 c1 sh -c 'hostname; echo $WORD'
    assert_output $'whale\nx'
    stop_task
}

# hint: Its size is set by a call later. Did you forget the console socket?
# hint: tty_ioctl(4): TIOCSWINSZ.
# hint: console_hand_over.
@test "ctr run --tty: a terminal" {
    requires containerd pty
    CTR_LINE="${CTR[*]} run --runc-binary $DEMO_PROGRAM --runc-root $STORE/runc --rm --tty localhost/box:latest c1 sh" with_pty <<'PY'
box = Terminal(*os.environ["CTR_LINE"].split())
box.expect("# ")
box.sendline("tty; stty size; exit 5")
box.expect("/dev/pts/0\r+\n24 80\r+\n")
assert box.wait_status() == 5
PY
}

# hint: The shim wants runc's output, word by word. Which command's is another?
# hint: runc-ps(8): --format json.
# hint: print_json in commands/describe.c; commands/pause.c.
@test "ctr task: exec, ps, pause, resume, metrics, kill, delete" {
    requires containerd
    start_task --memory-limit=52428800
    ctr task exec --exec-id e1 c1 sh -c 'echo inside; exit 5'
    assert_status 5
    assert_output inside
    ctr task exec --exec-id e2 c1 /no/such
    ((status != 0))
    ctr task ps c1
    assert_output_like "*$pid*"
    ctr task pause c1
    assert_status 0
    task_is PAUSED
    [[ $(cgroup_file cgroup.freeze) == 1 ]]
    ctr task resume c1
    assert_status 0
    task_is RUNNING
    ctr task metrics c1
    assert_status 0
    assert_output_like '*memory.usage_limit*52428800*'
    ctr task kill --signal TERM c1
    eventually task_is STOPPED
    ctr task delete c1
    ctr container delete c1
    assert_status 0
}

# hint: Two at once stumbled over each other, or a dead one left something. What do they share?
# hint: flock(2).
# hint: The state's lock: base/lock.c.
@test "ctr run: several at once, and a shim that died" {
    requires containerd
    local i pids=()
    for i in 1 2 3 4; do
        "${CTR[@]}" run --rm --runc-binary "$DEMO_PROGRAM" --runc-root "$STORE/runc" localhost/box:latest "p$i" \
            echo "$i" >"out$i" 2>&1 3>&- 4>&- &
        pids+=($!)
    done
    for i in 1 2 3 4; do
        wait "${pids[i - 1]}"
        [[ $(<"out$i") == "$i" ]] || fail "$(<"out$i")"
    done
    start_task
    kill -KILL "$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status")"
    # containerd notices, and has the runtime delete the container by force.
    eventually process_ended "$pid"
    eventually no_state
    ctr container delete c1
}

no_state() { [[ -z $(ls "$STORE/runc/default" 2>/dev/null) ]]; }
