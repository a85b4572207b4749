#!/usr/bin/env bats
#
# A root, and the file systems in it.  Most of these look from the host: at mountinfo and through /proc/PID/root.
#
# bats file_tags=step04,mount
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

before_each() { requires root rootfs; }

after_each() { end_commands; }

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

# --- The root ---

# points: 14
# needs: nothing
# chapter: In a few lines
# hint: The command should see DIR as its "/". Which call makes a directory the root, and in which process?
# hint: pivot_root(2), NOTES: it shows pivot_root(".", "."). The new root must be a mount: mount(2), MS_BIND.
# hint: enter_root in child: `mount(root, root, NULL, MS_BIND | MS_REC, NULL)`, chdir(root), `syscall(SYS_pivot_root,
#   ".", ".")`, `umount2(".", MNT_DETACH)`.
# bats test_tags=lesson
@test "its root is the directory of --rootfs" {
    make_own_root
    echo inside >"$root/etc/where"
    demo sh -c 'cat /etc/where; echo written >/etc/back'
    assert_output inside
    [[ $(<"$root/etc/back") == written ]]
    start_ready
    [[ /proc/$pid/root/etc/where -ef $root/etc/where ]]
}

# hint: No option was given. What is the default, and from where is that path seen?
# hint: mount(2) and chdir(2) take a relative path from the working directory.
# hint: `c->root_path = "build/rootfs";` in parse_options.
@test "without --rootfs it is build/rootfs" {
    start_ready
    [[ /proc/$pid/root/bin/busybox -ef $ROOTFS/bin/busybox ]]
}

# points: 6
# chapter: The same, made robust
# hint: Is it the working directory, a root that stayed behind, or an old mount that still leads out?
# hint: pivot_root(2), umount2(2): MNT_DETACH; chdir(2).
# hint: `umount2(".", MNT_DETACH)` after pivot_root in enter_root; with "." and "." the old root lies on top, so it is
#   what goes.
# bats test_tags=lesson
@test "no path leads from it to a file of the host" {
    echo secret >"$BATS_TEST_TMPDIR/secret"
    demo sh -c 'for dir in "" /.. /../../.. /proc/self/root /proc/1/root /proc/1/cwd /proc/1/cwd/..; do
        ! cat "$dir$1" || exit 1
    done' sh "$BATS_TEST_TMPDIR/secret"
    assert_status 0
    assert_output ''
}

# hint: `cat /proc/self/mountinfo` in the container: which of them is too many, or missing?
# hint: mount(2): types proc, sysfs, tmpfs (three times), devpts, mqueue. umount2(2) for the old root.
# hint: The rows of `filesystems[]` are seven, and the root itself is the eighth: mount_filesystems.
@test "its mounts are these eight, and no others" {
    demo sh -c 'cut -d " " -f 5 /proc/self/mountinfo | sort'
    assert_output $'/\n/dev\n/dev/mqueue\n/dev/pts\n/dev/shm\n/proc\n/sys\n/tmp'
}

# points: 6
# chapter: The same, made robust
# hint: From /, mountinfo hides what is not below it. What is mounted in the namespace, all the same?
# hint: chroot(2) leaves the host's mounts in place; pivot_root(2) and umount2(2) take them away.
# hint: `syscall(SYS_pivot_root, ".", ".")` and `umount2(".", MNT_DETACH)` in enter_root: no chroot.
# bats test_tags=lesson
@test "the host's mounts are not only out of sight, they are detached" {
    # mountinfo leaves out what is not below the reader's root.  nsenter enters the namespace at its real root.
    start_ready
    nsenter --mount --pid --target "$pid" /bin/busybox cat /proc/self/mountinfo >all
    [[ -s all && $(mount_points all) == "$(mount_points "/proc/$pid/mountinfo")" ]]
}

# points: 4
# chapter: The same, made robust
# hint: `pwd` in the container: does it say "/"? Where did the last chdir lead?
# hint: pivot_root(2): it may leave the working directory where it was. chdir(2).
# hint: `chdir(root)` before pivot_root("." , ".") in enter_root: afterwards "." is the new root.
# bats test_tags=lesson
@test "the command begins in the new root" {
    for dir in / "$BATS_TEST_TMPDIR" /proc; do
        (cd "$dir" && demo --rootfs "$ROOTFS" sh -c 'pwd; readlink /proc/self/cwd')
        [[ $(<"$BATS_TEST_TMPDIR/stdout") == $'/\n/' ]]
    done
}

# hint: A directory of the image had a file system of its own mounted on it. Why is it empty now?
# hint: mount(2): MS_BIND alone copies one mount; with MS_REC those below it, too.
# hint: `MS_BIND | MS_REC` in enter_root.
@test "a mount that the host made in the root file system comes along" {
    make_own_root
    run_and_show unshare --mount sh -c 'mount -t tmpfs data "$1/mnt" && echo hello >"$1/mnt/file" && shift && exec "$@"' \
        sh "$root" "${DEMO_WORDS[@]}" cat /mnt/file
    assert_output hello
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

# points: 10
# chapter: The idea
# hint: systemd makes all mounts shared. A mount in your copy then appears on the host as well. What must come before
#   the first mount?
# hint: mount_namespaces(7), "Shared subtrees"; mount(2): MS_PRIVATE with MS_REC.
# hint: `mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)` in make_mounts_private, the first of the mount calls in
#   child.
# bats test_tags=lesson
@test "a host whose mounts are shared keeps them as they are" {
    look_at_host shared
    grep -q ' / .* shared:' before
}

# hint: Here nothing propagates, and yet the host's mounts have changed. In which process did you call mount?
# hint: mount_namespaces(7), clone3(2): CLONE_NEWNS is for the child.
# hint: `c->clone.flags |= CLONE_NEWNS | CLONE_NEWIPC;` in want_mount_namespace; all mounts in child.
@test "a host whose mounts are private keeps them as they are" {
    look_at_host private
    run ! grep -q ' / .* shared:' before
}

# hint: Compare /proc/PID/mountinfo of the demo and of the command. Where is the bind mount of the root file system?
# hint: mount_namespaces(7). unshare(2) in the demo would give the demo and the command one common namespace.
# hint: CLONE_NEWNS in clone3's flags (want_mount_namespace), and enter_root in child.
@test "this host and the demo itself see none of the container's mounts" {
    start_ready
    [[ $(ns_inode "$pid" mnt) != "$(ns_inode self mnt)" ]]
    eventually same_mounts "$demo_pid"
    run ! grep -F " $ROOTFS" /proc/self/mountinfo "/proc/$demo_pid/mountinfo"
}

# points: 8
# chapter: The idea
# hint: The command mounts something itself, and it shows outside. Are all of its mounts private, those below / too?
# hint: mount(2): MS_REC; mount_namespaces(7): a bind mount joins the peer group of what it is bound from.
# hint: MS_REC beside MS_PRIVATE in make_mounts_private, and that before `mount(root, root, NULL, MS_BIND | MS_REC,
#   NULL)`.
# bats test_tags=lesson
@test "what the container mounts stays in there" {
    DEMO_WORDS=(unshare --mount --propagation private unshare --mount --propagation shared "${DEMO_WORDS[@]}")
    script='mount -t tmpfs mine /mnt && echo hello >/mnt/file' start_ready
    [[ $(<"/proc/$pid/root/mnt/file") == hello ]]
    [[ $(mount_of /mnt) == tmpfs* ]]
    run ! grep -w mine "/proc/$demo_pid/mountinfo"
    [[ ! -e $ROOTFS/mnt/file ]]
}

# hint: Propagation has two directions. Is there one that still leads in?
# hint: mount_namespaces(7): MS_SLAVE keeps receiving, MS_PRIVATE does neither.
# hint: `MS_REC | MS_PRIVATE` in make_mounts_private, not MS_SLAVE.
@test "what a host with shared mounts mounts later does not appear in there" {
    make_own_root
    DEMO_WORDS=(unshare --mount --propagation private unshare --mount --propagation shared "${DEMO_WORDS[@]}")
    start_ready
    nsenter --mount --target "$demo_pid" mount -t tmpfs later "$root/mnt"
    nsenter --mount --target "$demo_pid" touch "$root/mnt/file"
    run ! grep -w later "/proc/$pid/mountinfo"
    [[ ! -e /proc/$pid/root/mnt/file ]]
}

# hint: Left out on purpose, the mounts must leak, but never into the real host. What can stand between?
# hint: unshare(2): CLONE_NEWNS for the demo itself; then MS_PRIVATE, to be cut off, and MS_SHARED, to play the host.
# hint: sacrifice_mount_namespace in main, before start: `unshare(CLONE_NEWNS)`, then mount with MS_PRIVATE, then with
#   MS_SHARED.
@test "--without=private: the mounts leak, but into a namespace that the demo sacrifices" {
    start_ready --without=private
    grep -F "$ROOTFS/proc " "/proc/$demo_pid/mountinfo"
    grep -F "$ROOTFS/dev/pts " "/proc/$demo_pid/mountinfo"
    [[ $(ns_inode "$demo_pid" mnt) != "$(ns_inode self mnt)" ]]
    run ! grep -F " $ROOTFS" /proc/self/mountinfo
    stop_demo
    run ! grep -F " $ROOTFS" /proc/self/mountinfo
}

# needs: --without=private: the mounts leak, but into a namespace that the demo sacrifices
# hint: After unshare the copy is still tied to the host. Which call cuts it off first?
# hint: mount_namespaces(7): a new namespace's mounts stay in the peer groups of the old one.
# hint: In sacrifice_mount_namespace: `mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)`, and only then MS_SHARED.
@test "--without=private: even a host whose mounts are shared stays as it is" {
    in_outer_mount_namespace shared bash -c '
        cat /proc/self/mountinfo >before
        "$@" true || exit
        cat /proc/self/mountinfo >after' bash "${DEMO_WORDS[@]}" --without=private 3>&-
    diff before after
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

# points: 8
# chapter: Break it
# hint: A root user makes a directory, calls chroot into it, and climbs up with "..". What stops the climb?
# hint: chroot(2), NOTES, tells of the escape. After pivot_root(2) and MNT_DETACH there is nothing above.
# hint: `syscall(SYS_pivot_root, ".", ".")` in enter_root; chroot only for `without(c, "pivot")`.
# bats test_tags=lesson
@test "the classic escape from a chroot leads nowhere" {
    compile_escape
    demo /escape "$BATS_TEST_TMPDIR/secret"
    assert_status 12
    assert_output ''
}

# hint: With the safeguard left out the escape has to work. What stands in for pivot_root then?
# hint: chroot(2), after chdir(2) into the new root.
# hint: `if (without(c, "pivot") || without(c, "private"))`: then `chroot(".")` and no more, in enter_root.
@test "--without=pivot: the classic escape from a chroot leads to the host's files" {
    compile_escape
    demo --without=pivot /escape "$BATS_TEST_TMPDIR/secret"
    assert_status 0
    assert_output secret
}

# hint: setns puts a process at the root of the mount namespace. Which root is that: the new one, or the host's?
# hint: setns(2): CLONE_NEWNS sets root and working directory to the namespace's root; pivot_root(2) changes just
#   that.
# hint: pivot_root in enter_root, not `chroot(".")`: chroot is a matter of one process.
@test "joining its own mount namespace again leads nowhere" {
    make_own_root
    echo inside >"$root/etc/where"
    demo nsenter -m -t 1 /bin/cat /etc/where
    assert_status 0
    assert_output inside
}

# hint: After chroot the namespace's root is still the host's. Does your option really leave pivot_root out?
# hint: chroot(2), setns(2).
# hint: `if (without(c, "pivot") ...)` stands before `syscall(SYS_pivot_root, ...)` in enter_root, and returns.
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

# hint: A chroot looks like a new root, until somebody tries. What differs in yours: directory, mounts?
# hint: chroot(2), and chdir(2) before it; mount_filesystems runs in both cases.
# hint: `chdir(root)` comes before the question `without(c, "pivot")` in enter_root.
@test "--without=pivot: short of the escape it looks the same" {
    echo secret >"$BATS_TEST_TMPDIR/secret"
    demo --without=pivot sh -c 'pwd; ls /; cat /..$1; cut -d " " -f 5 /proc/self/mountinfo | sort' sh "$BATS_TEST_TMPDIR/secret"
    assert_output_like $'/\nbin\n*/dev/shm\n/proc\n/sys\n/tmp'
    [[ $output != *secret* ]]
}

# --- What is mounted in it ---

# points: 12
# chapter: In a few lines
# hint: ps reads /proc. Whose processes does a proc file system show: those of the reader, or of who mounted it?
# hint: pid_namespaces(7), "/proc and PID namespaces"; mount(2) with the type proc.
# hint: `{"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""}` in `filesystems[]`, mounted by the child, process 1.
# bats test_tags=lesson
@test "/proc shows the container's processes only" {
    sleep 31337 3>&- &
    host_sleeper=$!
    demo sh -c 'ps; for dir in /proc/[0-9]*; do echo "${dir#/proc/}"; done'
    kill "$host_sleeper"
    assert_output_like '*    1 root*'
    [[ $output != *31337* ]]
    [[ $(grep -cxE '[0-9]+' <<<"$output") -le 3 ]]
}

# needs: /proc shows the container's processes only
# hint: /proc/1 in the container is not the command. Who mounted that /proc, and before or after clone3?
# hint: pid_namespaces(7): a mount made by the parent shows the parent's namespace.
# hint: `mount_filesystems(c);` in child, after `enter_root(c);`.
@test "/proc/1 is the command, as the host sees it under another number" {
    start_ready
    [[ $(cat "/proc/$pid/root/proc/1/comm") == sleep ]]
    [[ $(status_field "$pid" NSpid) == "$pid"$'\t1' ]]
    [[ $(ls -d "/proc/$pid/root/proc/"[0-9]*) == "/proc/$pid/root/proc/1" ]]
}

# hint: Which one lacks nosuid, nodev or noexec, or should be read-only?
# hint: mount(2): MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_RDONLY. /dev has device nodes, so no MS_NODEV there.
# hint: The third column of `filesystems[]`.
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

# points: 5
# chapter: The same, made robust
# hint: Writing to /sys changes the host's kernel. What keeps the container from it?
# hint: mount(2): MS_RDONLY on a sysfs mount of your own. A remount of the host's would be seen there.
# hint: `{"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, ""}` in `filesystems[]`.
# bats test_tags=lesson
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

# points: 6
# chapter: The same, made robust
# hint: Compare `ls -l /dev` inside with the list in the test. What is missing, or has the wrong number or mode?
# hint: mknod(2), makedev(3), symlink(2). The mode that you ask for is cut by umask(2).
# hint: `devices[]` and `links[]`, made by make_devices between `umask(0)` and `umask(mask)`.
# bats test_tags=lesson
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

# points: 5
# needs: /dev holds exactly the devices, links and directories that it should
# chapter: The same, made robust
# hint: A device is two numbers. Is one of them that of another device, or is /dev mounted nodev?
# hint: mem(4), random(4), full(4): the numbers. mount(2): MS_NODEV makes device nodes dead.
# hint: `{"tmpfs", "/dev", MS_NOSUID | MS_NOEXEC, ...}`, and the numbers 1:3, 1:5, 1:7, 1:8, 1:9 in `devices[]`.
# bats test_tags=lesson
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

# hint: /dev/pts lists terminals. Whose are they, if you bind the host's?
# hint: pts(4); mount(2) with the type devpts and the option newinstance. /dev/ptmx must lead to pts/ptmx.
# hint: `{"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=666"}` and the link `{"pts/ptmx",
#   "/dev/ptmx"}`.
@test "its terminals are its own: none of the host's, and the first new one is 0" {
    demo sh -c 'ls /dev/pts; exec 3<>/dev/ptmx; ls /dev/pts; stat -c %d /dev/pts'
    assert_status 0
    assert_output_like $'ptmx\n0\nptmx\n*'
    # Not the host's file system of terminals, which may be as empty.
    [[ ${lines[-1]} != "$(stat -c %d /dev/pts)" ]]
}

# needs: /dev holds exactly the devices, links and directories that it should
# hint: /dev/tty is a name for "my terminal", whichever that is. Did you call setsid, or leave the device out?
# hint: tty(4); setsid(2) takes the controlling terminal away.
# hint: `{"/dev/tty", 5, 0}` in `devices[]`, and no setsid in child.
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

# points: 4
# chapter: The same, made robust
# hint: Anybody may write there, and nothing is left in the image afterwards. What kind of file system is that?
# hint: mount(2) with the type tmpfs and the option mode=1777; the 1 is the sticky bit, chmod(2).
# hint: `{"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"}` in `filesystems[]`, and the same for /dev/shm.
# bats test_tags=lesson
@test "/tmp and /dev/shm are for everyone, and forget" {
    make_own_root
    script='echo x >/tmp/file; echo x >/dev/shm/file' start_ready
    [[ $(stat -c %a "/proc/$pid/root/tmp" "/proc/$pid/root/dev/shm") == $'1777\n1777' ]]
    [[ -e /proc/$pid/root/tmp/file && -e /proc/$pid/root/dev/shm/file && ! -e $root/tmp/file ]]
    stop_demo
    demo ls /tmp /dev/shm
    assert_output $'/dev/shm:\n\n/tmp:'
}

# needs: /dev holds exactly the devices, links and directories that it should
# hint: With umask 077, what becomes of the mode 666 that you gave to mknod?
# hint: umask(2) returns the old mask, so that it can be put back.
# hint: `mode_t mask = umask(0);` first in make_devices, `umask(mask);` last.
@test "the caller's umask does not make /dev useless, and is still the command's" {
    make_own_root
    echo inside >"$root/etc/where"
    (umask 077 && demo sh -c 'umask; stat -c "%a %n" /dev/null /tmp; stat -c %a /dev /dev/pts; cat /etc/where')
    [[ $(<"$BATS_TEST_TMPDIR/stdout") == $'0077\n666 /dev/null\n1777 /tmp\n755\n755\ninside' ]]
}

# --- IPC ---

# points: 4
# chapter: The same, made robust
# hint: /dev/mqueue shows the queues of an IPC namespace. Which one's?
# hint: ipc_namespaces(7): CLONE_NEWIPC; mq_overview(7): mounting the queue file system.
# hint: `CLONE_NEWNS | CLONE_NEWIPC` in want_mount_namespace, and `{"mqueue", "/dev/mqueue", ...}` in `filesystems[]`.
# bats test_tags=lesson
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

# hint: Who got the new IPC namespace?
# hint: clone3(2): the child alone. unshare(2): the caller.
# hint: `c->clone.flags |= ... | CLONE_NEWIPC;` in want_mount_namespace, no unshare.
@test "the demo itself stays in the host's IPC namespace" {
    start_ready
    [[ $(ns_inode "$demo_pid" ipc) == "$(ns_inode self ipc)" ]]
    [[ $(ns_inode "$pid" ipc) != "$(ns_inode self ipc)" ]]
}

# hint: /proc/sysvipc/shm in the container lists a segment of the host's. Which namespace is still shared?
# hint: ipc_namespaces(7); `ipcs -m`.
# hint: CLONE_NEWIPC in the flags, set by want_mount_namespace.
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

# points: 6
# chapter: The same, made robust
# hint: Something was made, or touched, in the image. Which call wrote there before a file system was mounted over it?
# hint: mkdir(2), mknod(2), symlink(2): in /dev of the image, or in the tmpfs on it? find(1) -newer shows what
#   changed.
# hint: mount_filesystems makes directories below /dev only, after the row `{"tmpfs", "/dev", ...}` has been mounted.
# bats test_tags=lesson
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

# hint: A file in one's /tmp appeared in the other's. Is it the image's own directory?
# hint: mount(2): each tmpfs is new. mount_namespaces(7).
# hint: `{"tmpfs", "/tmp", ...}` in `filesystems[]`, mounted by each child for itself.
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

# hint: rm says "busy". Which mount has stayed on the host?
# hint: `grep rootfs /proc/self/mountinfo` on the host; mount_namespaces(7).
# hint: `mount(root, root, NULL, MS_BIND | MS_REC, NULL)` belongs into the child's namespace: enter_root, called by
#   child.
@test "the directory can be removed while nothing runs: no mount keeps it" {
    make_own_root
    touch "$root/here"
    demo test -e /here
    assert_status 0
    rm -rf --one-file-system "$root"
    [[ ! -e $root ]]
}

# --- Other root file systems ---

# hint: A directory's name is only bytes. Who split it, or took it for an option?
# hint: mount(2) and chdir(2) take any path; realpath(3) may be too much of a good thing. No shell.
# hint: `c->root_path = value;` in set_root, used as it is.
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

# hint: Is the path in your error the one that is missing?
# hint: mount(2), ERRORS: ENOENT. Name the type and the path.
# hint: `die_with_hint(errno == ENOENT ? "the root file system lacks the directory" : NULL, "mount %s on %s", type,
#   path);` in mount_filesystems.
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

# hint: /proc is a file in this image. What does mount say, and do you hand that on?
# hint: mount(2), ERRORS: ENOTDIR. Don't lose errno before strerror(3) is called.
# hint: `if (mount(type, path, type, ...) == -1) die_with_hint(...)` in mount_filesystems: nothing in between.
@test "a file where a directory should be" {
    without_leak_check
    make_own_root
    rmdir "$root/proc"
    touch "$root/proc"
    demo true
    assert_status 125
    assert_one_line_error '*/proc: Not a directory*'
}

# hint: A link in the image points out of it. From which root is it followed when you mount?
# hint: path_resolution(7): a link is followed from the caller's root. Mount after pivot_root(2), not before.
# hint: In child: `enter_root(c);` comes first, then `mount_filesystems(c);`, with paths such as "/proc".
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

# hint: The image's /dev leads to /proc/self/fd/9, a directory of the host that the caller left open. Who should close
#   it, or refuse?
# hint: close_range(2); proc(5), /proc/PID/fd. symlink(7): what a "magic link" may reach.
# hint: `mkdir(path, 0755)` and mknod in there fail with an error, and `close_files(c);` in child closes the rest.
@test "a /dev that is a link to an open descriptor of the host does not lead there either" {
    # As a caller may have left one open by mistake.
    make_own_root
    mkdir "$BATS_TEST_TMPDIR/outside"
    rm -rf "${root:?}/dev"
    ln -s /proc/self/fd/9 "$root/dev"
    demo true 9<"$BATS_TEST_TMPDIR/outside"
    assert_status 125
    assert_one_line_error
    [[ -z $(ls -A "$BATS_TEST_TMPDIR/outside") ]]
}

# hint: --rootfs / would make the host's root the container's. Which call notices?
# hint: pivot_root(2), ERRORS: EBUSY and EINVAL.
# hint: `die_with_hint(errno == EBUSY ? "it is the host's own root" : ..., "pivot_root to %s", root);` in enter_root.
@test "the host's own root is refused" {
    ln -s / link
    for path in / // /. "$PWD/link"; do
        demo --rootfs "$path" true
        assert_status 125
        assert_one_line_error
    done
}

# hint: On a read-only root, which of your calls wants to write? And did you make it writable again?
# hint: mount(2): mounting on a directory needs no write access. A bind mount keeps the flag read-only.
# hint: mkdir, mknod and symlink only below /dev, a tmpfs: mount_filesystems and make_devices.
@test "a root on a read-only mount works, and cannot be written" {
    make_own_root
    run_and_show unshare --mount sh -c 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"' \
        sh "$root" "${DEMO_WORDS[@]}" sh -c 'echo x >/tmp/x && cat /tmp/x && ps >/dev/null && echo x >/etc/x'
    ((status != 0))
    assert_output x
    assert_stderr_like '*Read-only file system*'
    [[ ! -e $root/etc/x ]]
}

# hint: The name is too long, or a link that leads to itself. At which call do you notice?
# hint: open(2), ERRORS: ENAMETOOLONG, ELOOP. O_PATH tries a path without doing anything.
# hint: `open(c->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC)` in want_mount_namespace.
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

# hint: Which of the calls is not named, or not in the order in which it is made?
# hint: mount(8), mknod(1), pivot_root(8): the commands that do the same.
# hint: `narrate(c, "mount(\"%s\", \"%s\")   # mount -t %s %s %s", ...)` in mount_filesystems; the same in enter_root
#   and make_devices.
@test "-v names each call, and the shell's command for it" {
    demo -v true
    assert_status 0
    assert_stderr_like '*pivot_root(*umount2(*mount("proc", "/proc")*# mount -t proc proc /proc*mknod("/dev/null")*'
}

# needs: --without=private: the mounts leak, but into a namespace that the demo sacrifices
# needs: --without=pivot: joining its own mount namespace leads to the host's root
# hint: Which scene of chapter 4 says NOT OBSERVED?
# hint: `sudo ./demo --chapter 4`; the scenes and what they must show are in scenes.c.
# hint: Two scenes need `--without`: leave_out notes the word, `without(c, "pivot")` and `without(c, "private")` ask
#   for it.
@test "the demonstration observes all that it claims" {
    # It runs the program itself, and as a reader would: a safeguard cannot be left out of it.
    run_and_show "$DEMO_PROGRAM" --chapter 4
    assert_status 0
    [[ ${lines[-1]} =~ ^demo:\ ([0-9]+)\ of\ ([0-9]+)\ observed$ ]]
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" && ${BASH_REMATCH[1]} != 0 ]]
    [[ $output != *'NOT OBSERVED'* ]]
}
