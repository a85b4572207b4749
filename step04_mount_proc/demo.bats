#!/usr/bin/env bats
#
# A root, and the file systems in it.  Most of these look from the host: at mountinfo and through /proc/PID/root.
#
# bats file_tags=step04,mount
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

before_each() { requires root rootfs; }

# start_ready ARGS...: a container that says "ready" and sleeps; $pid is its process 1.
start_ready() {
    start_demo "$@" sh -c "${script:-:}; echo ready; exec sleep 100"
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
}

# mount_points FILE: the fifth field of a mountinfo.
mount_points() {
    cut -d ' ' -f 5 "$1" | sort
}

# mount_of PATH: "TYPE OPTIONS" of what is mounted there in the container $pid.
mount_of() {
    awk -v path="$1" '$5 == path { for (i = 7; $i != "-"; i++); print $(i + 1), $6 }' "/proc/$pid/mountinfo"
}

# same_mounts PID: it has the same mount points as we.
same_mounts() {
    diff <(mount_points /proc/self/mountinfo) <(mount_points "/proc/$1/mountinfo")
}

# --- The host's mounts ---

# look_at_host shared|private: run a container on a host whose mounts are such, and compare that host's mounts before,
# while it runs and after; and those that the demo itself sees. The container itself has another root.
look_at_host() {
    in_outer_mount_namespace "$1" bash -c '
        cat /proc/self/mountinfo >before
        coproc demo { exec "$@" sh -c "echo ready; read -r _"; }
        pid=$demo_PID
        read -r -u "${demo[0]}" word
        [[ $word == ready ]] || exit 1
        read -r container _ <"/proc/$pid/task/$pid/children"
        [[ ! "/proc/$container/root" -ef / ]] || exit 1
        cat /proc/self/mountinfo >during
        cat "/proc/$pid/mountinfo" >during_demo
        echo >&"${demo[1]}"
        wait "$pid"
        cat /proc/self/mountinfo >after' bash "${DEMO_WORDS[@]}" 3>&-
    diff before during
    diff before after
    diff <(mount_points before) <(mount_points during_demo)
}

@test "a host whose mounts are shared keeps them as they are" {
    look_at_host shared
    grep -q ' / .* shared:' before
}

@test "a host whose mounts are private keeps them as they are" {
    look_at_host private
    run ! grep -q ' / .* shared:' before
}

@test "this host and the demo itself see none of the container's mounts" {
    start_ready
    [[ $(ns_inode "$pid" mnt) != "$(ns_inode self mnt)" ]]
    eventually same_mounts "$demo_pid"
    run ! grep -F " $ROOTFS" /proc/self/mountinfo "/proc/$demo_pid/mountinfo"
}

@test "what the container mounts stays in there" {
    DEMO_WORDS=(unshare --mount --propagation private unshare --mount --propagation shared "${DEMO_WORDS[@]}")
    script='mount -t tmpfs mine /mnt && echo hello >/mnt/file' start_ready
    [[ $(<"/proc/$pid/root/mnt/file") == hello ]]
    [[ $(mount_of /mnt) == tmpfs* ]]
    run ! grep -w mine "/proc/$demo_pid/mountinfo"
    [[ ! -e $ROOTFS/mnt/file ]]
}

@test "what a host with shared mounts mounts later does not appear in there" {
    make_own_root
    DEMO_WORDS=(unshare --mount --propagation private unshare --mount --propagation shared "${DEMO_WORDS[@]}")
    start_ready
    nsenter --mount --target "$demo_pid" mount -t tmpfs later "$root/mnt"
    nsenter --mount --target "$demo_pid" touch "$root/mnt/file"
    run ! grep -w later "/proc/$pid/mountinfo"
    [[ ! -e /proc/$pid/root/mnt/file ]]
}

@test "--without=private: the mounts leak, but into a namespace that the demo sacrifices" {
    start_ready --without=private
    grep -F "$ROOTFS/proc " "/proc/$demo_pid/mountinfo"
    grep -F "$ROOTFS/dev/pts " "/proc/$demo_pid/mountinfo"
    [[ $(ns_inode "$demo_pid" mnt) != "$(ns_inode self mnt)" ]]
    run ! grep -F " $ROOTFS" /proc/self/mountinfo
    stop_demo
    run ! grep -F " $ROOTFS" /proc/self/mountinfo
}

@test "--without=private: even a host whose mounts are shared stays as it is" {
    in_outer_mount_namespace shared bash -c '
        cat /proc/self/mountinfo >before
        "$@" true || exit
        cat /proc/self/mountinfo >after' bash "${DEMO_WORDS[@]}" --without=private 3>&-
    diff before after
}

# --- The root ---

# needs: nothing
@test "its root is the directory of --rootfs" {
    make_own_root
    echo inside >"$root/etc/where"
    demo sh -c 'cat /etc/where; echo written >/etc/back'
    assert_output inside
    [[ $(<"$root/etc/back") == written ]]
    start_ready
    [[ /proc/$pid/root/etc/where -ef $root/etc/where ]]
}

@test "without --rootfs it is build/rootfs" {
    start_ready
    [[ /proc/$pid/root/bin/busybox -ef $ROOTFS/bin/busybox ]]
}

@test "no path leads from it to a file of the host" {
    echo secret >"$BATS_TEST_TMPDIR/secret"
    demo sh -c 'for dir in "" /.. /../../.. /proc/self/root /proc/1/root /proc/1/cwd /proc/1/cwd/..; do
        ! cat "$dir$1" || exit 1
    done 2>/dev/null' sh "$BATS_TEST_TMPDIR/secret"
    assert_status 0
    assert_output ''
}

@test "its mounts are these eight, and no others" {
    demo sh -c 'cut -d " " -f 5 /proc/self/mountinfo | sort'
    assert_output $'/\n/dev\n/dev/mqueue\n/dev/pts\n/dev/shm\n/proc\n/sys\n/tmp'
}

@test "the host's mounts are not only out of sight, they are detached" {
    # mountinfo leaves out what is not below the reader's root.  nsenter enters the namespace at its real root.
    start_ready
    nsenter --mount --pid --target "$pid" /bin/busybox cat /proc/self/mountinfo >all
    [[ $(mount_points all) == "$(mount_points "/proc/$pid/mountinfo")" ]]
    # Field 4 is what of its file system is mounted: of a directory that is no file system of its own, its path there.
    [[ $(wc -l <all) == 8 ]]
}

@test "the command begins in the new root" {
    for dir in / "$BATS_TEST_TMPDIR" /proc; do
        (cd "$dir" && demo --rootfs "$ROOTFS" sh -c 'pwd; readlink /proc/self/cwd')
        [[ $(<"$BATS_TEST_TMPDIR/stdout") == $'/\n/' ]]
    done
}

@test "a mount that the host made in the root file system comes along" {
    make_own_root
    run_and_show unshare --mount sh -c 'mount -t tmpfs data "$1/mnt" && echo hello >"$1/mnt/file" && shift && exec "$@"' \
        sh "$root" "${DEMO_WORDS[@]}" cat /mnt/file
    assert_output hello
}

# --- The way out ---

# The classic: a root that is changed while the working directory stays where it was, outside of it.
compile_escape() {
    make_own_root
    echo secret >"$BATS_TEST_TMPDIR/secret"
    cat >escape.c <<'END_OF_C'
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    char line[64];
    if (argc != 2 || mkdir("/tmp/hole", 0700) == -1 || chroot("/tmp/hole") == -1)
        return 10;
    for (int i = 0; i < 100; i++)
        (void)!chdir("..");
    if (chroot(".") == -1)
        return 11;
    FILE *file = fopen(argv[1], "r");
    if (!file)
        return 12;
    if (!fgets(line, sizeof(line), file))
        return 13;
    fputs(line, stdout);
    return 0;
}
END_OF_C
    gcc -static -o "$root/escape" escape.c
}

@test "the classic escape from a chroot leads nowhere" {
    compile_escape
    demo /escape "$BATS_TEST_TMPDIR/secret"
    assert_status 12
    assert_output ''
}

@test "--without=pivot: the classic escape from a chroot leads to the host's files" {
    compile_escape
    demo --without=pivot /escape "$BATS_TEST_TMPDIR/secret"
    assert_status 0
    assert_output secret
}

@test "joining its own mount namespace again leads nowhere" {
    make_own_root
    echo inside >"$root/etc/where"
    demo nsenter -m -t 1 /bin/cat /etc/where
    assert_status 0
    assert_output inside
}

@test "--without=pivot: joining its own mount namespace leads to the host's root" {
    make_own_root
    echo inside >"$root/etc/where"
    echo secret >"$BATS_TEST_TMPDIR/secret"
    demo --without=pivot nsenter -m -t 1 /bin/cat "$BATS_TEST_TMPDIR/secret"
    assert_status 0
    assert_output secret
    demo --without=pivot nsenter -m -t 1 /bin/cat /etc/where
    ((status != 0))
}

@test "--without=pivot: short of the escape it looks the same" {
    echo secret >"$BATS_TEST_TMPDIR/secret"
    demo --without=pivot sh -c 'pwd; ls /; cat /..$1; cut -d " " -f 5 /proc/self/mountinfo | sort' sh "$BATS_TEST_TMPDIR/secret"
    assert_output_like $'/\nbin\n*/dev/shm\n/proc\n/sys\n/tmp'
    [[ $output != *secret* ]]
}

# --- What is mounted in it ---

@test "/proc shows the container's processes only" {
    sleep 31337 3>&- &
    host_sleeper=$!
    demo sh -c 'ps; for dir in /proc/[0-9]*; do echo "${dir#/proc/}"; done'
    kill "$host_sleeper"
    assert_output_like '*    1 root*'
    [[ $output != *31337* ]]
    [[ $(grep -cxE '[0-9]+' <<<"$output") -le 3 ]]
}

@test "/proc/1 is the command, as the host sees it under another number" {
    start_ready
    [[ $(cat "/proc/$pid/root/proc/1/comm") == sleep ]]
    [[ $(status_field "$pid" NSpid) == "$pid"$'\t1' ]]
    [[ $(ls -d "/proc/$pid/root/proc/"[0-9]*) == "/proc/$pid/root/proc/1" ]]
}

@test "each file system is of its type, and as restricted as it can be" {
    start_ready
    [[ $(mount_of /proc) == 'proc rw,nosuid,nodev,noexec'* ]]
    [[ $(mount_of /sys) == 'sysfs ro,nosuid,nodev,noexec'* ]]
    [[ $(mount_of /dev) == 'tmpfs rw,nosuid,noexec'* ]]
    [[ $(mount_of /dev/pts) == 'devpts rw,nosuid,noexec'* ]]
    [[ $(mount_of /dev/shm) == 'tmpfs rw,nosuid,nodev,noexec'* ]]
    [[ $(mount_of /dev/mqueue) == 'mqueue rw,nosuid,nodev,noexec'* ]]
    [[ $(mount_of /tmp) == 'tmpfs rw,nosuid,nodev'* ]]
}

@test "/sys is for reading only, and the host's /sys stays as it was" {
    grep -E ' /sys ' /proc/self/mountinfo >before
    demo sh -c 'ls -d /sys/class/net/lo; echo x >/sys/kernel/new'
    ((status != 0))
    assert_output /sys/class/net/lo
    assert_stderr_like '*Read-only file system*'
    demo mkdir /sys/fs/cgroup/new
    ((status != 0))
    diff before <(grep -E ' /sys ' /proc/self/mountinfo)
}

@test "/dev holds exactly the devices, links and directories that it should" {
    start_ready
    wanted='c 1:3 666 null
c 1:5 666 zero
c 1:7 666 full
c 1:8 666 random
c 1:9 666 urandom
c 5:0 666 tty
d mqueue
d pts
d shm
l /proc/self/fd fd
l /proc/self/fd/0 stdin
l /proc/self/fd/1 stdout
l /proc/self/fd/2 stderr
l pts/ptmx ptmx'
    got=$(cd "/proc/$pid/root/dev" && for file in .[!.]* *; do
        if [[ -L $file ]]; then
            echo "l $(readlink "$file") $file"
        elif [[ -d $file ]]; then
            echo "d $file"
        elif [[ -e $file ]]; then
            stat -c "%F %Hr:%Lr %a %n" "$file" | sed 's/^character special file/c/'
        fi
    done | sort)
    diff <(echo "$wanted") <(echo "$got")
}

@test "the devices do what they are for" {
    demo sh -c 'echo x >/dev/null; wc -c </dev/null; head -c 3 /dev/zero | wc -c; head -c 5 /dev/random | wc -c
        head -c 7 /dev/urandom | wc -c; cat /dev/stdin; echo out >>/dev/stdout; echo err >>/dev/stderr' <<<in
    assert_status 0
    assert_output $'0\n3\n5\n7\nin\nout'
    [[ $stderr == err ]]
    demo sh -c 'echo x >/dev/full'
    ((status != 0))
    assert_stderr_like '*No space left*'
}

@test "its terminals are its own: none of the host's, and the first new one is 0" {
    demo sh -c 'ls /dev/pts; exec 3<>/dev/ptmx; ls /dev/pts; stat -c %d /dev/pts'
    assert_status 0
    assert_output_like $'ptmx\n0\nptmx\n*'
    # Not the host's file system of terminals, which may be as empty.
    [[ ${lines[-1]} != "$(stat -c %d /dev/pts)" ]]
}

@test "/dev/tty is the terminal that it was started on" {
    requires pty
    make_own_root
    echo inside >"$root/etc/where"
    with_pty <<'END_OF_PYTHON'
terminal = demo("/bin/sh", "-c", "cat /etc/where >/dev/tty; echo over the terminal >/dev/tty; read x </dev/tty; exit 7")
terminal.expect("inside")
terminal.expect("over the terminal")
terminal.sendline("answer")
assert terminal.wait_status() == 7
END_OF_PYTHON
}

@test "/tmp and /dev/shm are for everyone, and forget" {
    make_own_root
    script='echo x >/tmp/file; echo x >/dev/shm/file' start_ready
    [[ $(stat -c %a "/proc/$pid/root/tmp" "/proc/$pid/root/dev/shm") == $'1777\n1777' ]]
    [[ -e /proc/$pid/root/tmp/file && -e /proc/$pid/root/dev/shm/file && ! -e $root/tmp/file ]]
    stop_demo
    demo ls /tmp /dev/shm
    assert_output $'/dev/shm:\n\n/tmp:'
}

@test "the caller's umask does not make /dev useless, and is still the command's" {
    make_own_root
    echo inside >"$root/etc/where"
    (umask 077 && demo sh -c 'umask; stat -c "%a %n" /dev/null /tmp; stat -c %a /dev /dev/pts; cat /etc/where')
    [[ $(<"$BATS_TEST_TMPDIR/stdout") == $'0077\n666 /dev/null\n1777 /tmp\n755\n755\ninside' ]]
}

# --- IPC ---

@test "the IPC namespace is new: message queues are the container's own" {
    # An IPC namespace that plays the host: a queue that leaks ends with it.
    DEMO_WORDS=(unshare --ipc "${DEMO_WORDS[@]}")
    script='touch /dev/mqueue/mine' start_ready
    [[ $(ns_inode "$pid" ipc) != "$(ns_inode "$demo_pid" ipc)" ]]
    [[ -e /proc/$pid/root/dev/mqueue/mine ]]
    mkdir queues
    queues='mount -t mqueue queues queues && ls queues'
    [[ $(nsenter --ipc --target "$demo_pid" unshare --mount sh -c "$queues") == '' ]]
    [[ $(nsenter --ipc --target "$pid" unshare --mount sh -c "$queues") == mine ]]
}

@test "the demo itself stays in the host's IPC namespace" {
    start_ready
    [[ $(ns_inode "$demo_pid" ipc) == "$(ns_inode self ipc)" ]]
    [[ $(ns_inode "$pid" ipc) != "$(ns_inode self ipc)" ]]
}

@test "System V shared memory of the host is not to be seen in there" {
    # An IPC namespace that plays the host: it ends with the test.
    run_and_show unshare --ipc sh -c 'ipcmk -M 4096 && wc -l </proc/sysvipc/shm && exec "$@"' sh \
        "${DEMO_WORDS[@]}" sh -c 'wc -l </proc/sysvipc/shm'
    assert_status 0
    # The first line of the table is its heading.
    assert_output_like $'*\n2\n1'
}

# --- The root file system's directory ---

# inventory: everything that a run could change in it.
inventory() {
    find "$root" -printf '%p %y %m %U:%G %s %l %T@\n' | sort
}

@test "the root file system's directory stays clean, however it ends" {
    make_own_root
    inventory >before
    demo true
    demo sh -c 'touch /tmp/x /dev/x /dev/shm/x; mkdir /dev/y; exit 3'
    assert_status 3
    demo no-such-program
    assert_status 127
    start_ready
    stop_demo
    start_ready
    kill -KILL "$demo_pid"
    wait_for_demo
    eventually process_ended "$pid"
    diff before <(inventory)
}

@test "two containers at once share a root, but neither /tmp nor /dev nor /proc" {
    make_own_root
    start_ready
    one=$pid
    start_ready
    touch "/proc/$one/root/tmp/mine" "/proc/$one/root/dev/mine" "/proc/$one/root/etc/ours"
    [[ ! -e /proc/$pid/root/tmp/mine && ! -e /proc/$pid/root/dev/mine && -e /proc/$pid/root/etc/ours ]]
    stop_demo
    [[ -e /proc/$one/root/proc/1/comm && -e /proc/$one/root/tmp/mine ]]
}

@test "the directory can be removed while nothing runs: no mount keeps it" {
    make_own_root
    touch "$root/here"
    demo test -e /here
    assert_status 0
    rm -rf --one-file-system "$root"
    [[ ! -e $root ]]
}

# --- Other root file systems ---

@test "names of all kinds: relative, a link, a slash at the end, spaces" {
    for name in 'with space' $'with\nline' '-dash' 'quo"te' 'back\slash' 'å'; do
        cp -a "$ROOTFS" "./$name"
        demo --rootfs "./$name/" sh -c 'echo hello >/etc/hello; cat /etc/hello'
        assert_status 0
        assert_output hello
        [[ -e ./$name/etc/hello ]]
    done
    ln -s 'with space' link
    demo --rootfs=link cat /etc/hello
    assert_output hello
    demo --rootfs "$PWD/./link/../with space" cat /etc/hello
    assert_output hello
}

# A build with AddressSanitizer looks for leaks when it ends, and for that needs a /proc.
without_leak_check() {
    export ASAN_OPTIONS=detect_leaks=0
}

@test "a root file system that lacks a directory to mount on: the error names it" {
    without_leak_check
    for missing in proc sys dev tmp; do
        cp -a "$ROOTFS" "without-$missing"
        rm -r "without-$missing/$missing"
        find "without-$missing" | sort >before
        demo --rootfs "without-$missing" true
        assert_status 125
        assert_one_line_error "*/$missing: No such file or directory*"
        diff before <(find "without-$missing" | sort)
    done
}

@test "a file where a directory should be" {
    without_leak_check
    make_own_root
    rmdir "$root/proc"
    touch "$root/proc"
    demo true
    assert_status 125
    assert_one_line_error '*/proc: Not a directory*'
}

@test "a /proc that is a link never leads to the host" {
    without_leak_check
    make_own_root
    mkdir "$BATS_TEST_TMPDIR/outside"
    for target in "$BATS_TEST_TMPDIR/outside" "../../../../../../../../../../..$BATS_TEST_TMPDIR/outside"; do
        rm -rf "$root/proc"
        ln -s "$target" "$root/proc"
        demo true
        assert_status 125
        assert_one_line_error
        [[ -z $(ls -A "$BATS_TEST_TMPDIR/outside") ]]
    done
}

@test "a /dev that is a link to an open descriptor of the host does not lead there either" {
    # As a caller may have left one open by mistake.
    make_own_root
    mkdir "$BATS_TEST_TMPDIR/outside"
    rmdir "$root/dev"
    ln -s /proc/self/fd/9 "$root/dev"
    demo true 9<"$BATS_TEST_TMPDIR/outside"
    assert_status 125
    assert_one_line_error
    [[ -z $(ls -A "$BATS_TEST_TMPDIR/outside") ]]
}

@test "the host's own root is refused" {
    ln -s / link
    for path in / // /. "$PWD/link"; do
        demo --rootfs "$path" true
        assert_status 125
        assert_one_line_error
    done
}

@test "a root on a read-only mount works, and cannot be written" {
    make_own_root
    run_and_show unshare --mount sh -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"' \
        sh "$root" "${DEMO_WORDS[@]}" sh -c 'echo x >/tmp/x && cat /tmp/x && ps >/dev/null && echo x >/etc/x'
    ((status != 0))
    assert_output x
    assert_stderr_like '*Read-only file system*'
    [[ ! -e $root/etc/x ]]
}

@test "a root that the kernel cannot reach is an error of one line" {
    demo --rootfs "$(printf '%05000d' 0)" true
    assert_status 125
    assert_one_line_error
    ln -s loop loop
    demo --rootfs loop true
    assert_status 125
    assert_one_line_error '*loop*'
}

# --- What it says ---

@test "-v names each call, and the shell's command for it" {
    demo -v true
    assert_status 0
    assert_stderr_like '*pivot_root(*umount2(*mount("proc", "/proc")*# mount -t proc proc /proc*mknod("/dev/null")*'
}

@test "the demonstration observes all that it claims" {
    # It runs the program itself, and as a reader would: a safeguard cannot be left out of it.
    run_and_show "$DEMO_PROGRAM" --chapter 4
    assert_status 0
    [[ ${lines[-1]} =~ ^demo:\ ([0-9]+)\ of\ ([0-9]+)\ observed$ ]]
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" && ${BASH_REMATCH[1]} != 0 ]]
    [[ $output != *'NOT OBSERVED'* ]]
}
