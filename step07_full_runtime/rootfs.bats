#!/usr/bin/env bats
#
# The container's files: root, mounts, /dev, volumes, overlay, images.
#
# bats file_tags=step07,rootfs
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

before_each() { requires root rootfs; }

# start_ready FLAGS...: a container that sleeps; $pid is its process 1.
start_ready() {
    start_demo "$@" sh -c 'echo ready; exec sleep 100'
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
}

# mount_of PATH: "TYPE OPTIONS" of what is mounted there in the container $pid.
mount_of() {
    awk -v path="$1" '$5 == path { for (i = 7; $i != "-"; i++); print $(i + 1), $6 }' "/proc/$pid/mountinfo"
}

# --- The root ---

@test "its root is the directory of --rootfs, and nothing else of the host" {
    make_own_root
    echo inside >"$root/etc/where"
    echo outside >"$BATS_TEST_TMPDIR/where"
    demo sh -c "cat /etc/where; ls $BATS_TEST_TMPDIR /proc/1/root$BATS_TEST_TMPDIR"
    ((status != 0))
    assert_output inside
}

# needs: nothing
@test "no mount of the host is left in it" {
    start_ready
    run ! grep -F "$BATS_TEST_TMPDIR" "/proc/$pid/mountinfo"
    [[ $(awk '$5 == "/"' "/proc/$pid/mountinfo" | wc -l) == 1 ]]
    [[ $(cut -d ' ' -f 5 "/proc/$pid/mountinfo" | grep -vcE '^/$|^/(dev|proc|sys|tmp)(/|$)') == 0 ]]
}

@test "the host's mounts stay as they are while it runs, even if they are shared" {
    DEMO_WORDS=(unshare --mount --propagation private unshare --mount --propagation shared "${DEMO_WORDS[@]}")
    start_ready --overlay --volume "$BATS_TEST_TMPDIR:/mnt"
    diff <(cut -d ' ' -f 5 /proc/self/mountinfo | sort) <(cut -d ' ' -f 5 "/proc/$demo_pid/mountinfo" | sort)
}

@test "the host's later mounts do not appear in it" {
    make_own_root
    mkdir "$root/later"
    DEMO_WORDS=(unshare --mount --propagation private unshare --mount --propagation shared "${DEMO_WORDS[@]}")
    start_ready
    nsenter --mount="/proc/$demo_pid/ns/mnt" mount -t tmpfs later "$root/later"
    run ! grep -w later "/proc/$pid/mountinfo"
}

@test "root cannot climb out with chroot" {
    make_own_root
    echo secret >"$BATS_TEST_TMPDIR/secret"
    cat >escape.c <<'END'
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char text[64];
    mkdir("/hole", 0755);
    if (argc < 2 || chroot("/hole"))
        return 3;
    for (int i = 0; i < 64; i++)
        if (chdir(".."))
            return 4;
    if (chroot("."))
        return 5;
    int fd = open(argv[1], O_RDONLY);
    ssize_t n = fd == -1 ? -1 : read(fd, text, sizeof(text));
    return n > 0 && write(1, text, n) == n ? 0 : 6;
}
END
    gcc -static -o "$root/escape" escape.c
    demo /escape "$BATS_TEST_TMPDIR/secret"
    assert_status 6
    assert_output ''
}

@test "the root can be written, and not with --read-only" {
    make_own_root
    demo sh -c 'echo hello >/new && cat /new'
    assert_output hello
    [[ $(<"$root/new") == hello ]]
    demo --read-only sh -c 'echo hello >/new2'
    ((status != 0))
    [[ ! -e $root/new2 ]]
    start_ready --read-only
    [[ $(mount_of /) == *' ro'* ]]
}

@test "--read-only: /tmp, /dev/shm and volumes can still be written" {
    mkdir volume
    demo --read-only --volume "$PWD/volume:/mnt" sh -c 'for d in /tmp /dev/shm /mnt; do echo hello >$d/f || exit 1; done'
    assert_status 0
    [[ $(<volume/f) == hello ]]
}

@test "the directory of the root is clean afterwards" {
    make_own_root
    find "$root" | sort >before
    demo --tty true
    assert_status 0
    demo --init --ip 10.240.0.300/24 true
    ((status != 0))
    find "$root" | sort >after
    diff before after
}

# --- What is mounted in it ---

@test "/proc, /sys, /dev and the others are mounted as the specification says" {
    start_ready
    [[ $(mount_of /proc) == 'proc rw,nosuid,nodev,noexec'* ]]
    [[ $(mount_of /sys) == 'sysfs ro,nosuid,nodev,noexec'* ]]
    [[ $(mount_of /dev) == 'tmpfs rw,nosuid,noexec'* ]]
    [[ $(mount_of /dev/pts) == 'devpts rw,nosuid,noexec'* ]]
    [[ $(mount_of /dev/shm) == 'tmpfs rw,nosuid,nodev,noexec'* ]]
    [[ $(mount_of /dev/mqueue) == 'mqueue rw,nosuid,nodev,noexec'* ]]
    [[ $(mount_of /tmp) == 'tmpfs rw,nosuid,nodev'* ]]
}

@test "/sys and the cgroups in it cannot be written" {
    start_ready
    [[ $(mount_of /sys) == 'sysfs ro,'* ]]
    [[ $(mount_of /sys/fs/cgroup) == '' || $(mount_of /sys/fs/cgroup) == 'cgroup2 ro,'* ]]
}

@test "the paths of /proc/sys and the like cannot be written" {
    start_ready
    for path in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger; do
        [[ ! -e $path || $(mount_of "$path") == 'proc ro,'* ]]
    done
    demo sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    ((status != 0))
    assert_stderr_like '*Read-only file system*'
}

@test "files of /proc and /sys that tell about the host are empty" {
    for path in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do
        [[ -e $path ]] || continue
        demo head -c 1 "$path"
        assert_output ''
    done
    for path in /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/dev/block; do
        [[ -e $path ]] || continue
        demo ls -A "$path"
        assert_output ''
    done
}

@test "/dev has the devices of the specification, and no others" {
    demo sh -c 'cd /dev && for f in *; do [ ! -h $f ] && { [ -c $f ] || [ -b $f ]; } && stat -c "%n %t:%T %a" $f; done; true'
    assert_status 0
    [[ $(sort <<<"$output") == $'full 1:7 666\nnull 1:3 666\nrandom 1:8 666\ntty 5:0 666\nurandom 1:9 666\nzero 1:5 666' ]]
}

@test "/dev has its links, and its own terminals" {
    demo sh -c 'for f in fd stdin stdout stderr ptmx; do readlink /dev/$f; done; ls /dev/pts'
    assert_status 0
    assert_output $'/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\nptmx'
}

@test "the devices work" {
    demo sh -c 'echo x >/dev/null && head -c 3 /dev/zero | wc -c && head -c 5 /dev/urandom | wc -c; echo x >/dev/full'
    ((status != 0))
    assert_output $'3\n5'
}

# --- Links in the image ---

@test "a link in the image does not lead a mount to the host" {
    make_own_root
    mkdir "$BATS_TEST_TMPDIR/outside" "$BATS_TEST_TMPDIR/volume"
    ln -s "$BATS_TEST_TMPDIR/outside" "$root/link"
    ln -s "../../../../../../../../../..$BATS_TEST_TMPDIR/outside" "$root/up"
    for target in /link/new /up/new; do
        demo --volume "$BATS_TEST_TMPDIR/volume:$target" true
        [[ -z $(ls -A "$BATS_TEST_TMPDIR/outside") ]]
    done
}

@test "an image whose /proc is a link gets no /proc elsewhere" {
    make_own_root
    mkdir "$BATS_TEST_TMPDIR/outside" "$root/elsewhere"
    for target in "$BATS_TEST_TMPDIR/outside" /elsewhere /etc; do
        rm -rf "$root/proc"
        ln -s "$target" "$root/proc"
        demo ls /elsewhere /etc/self
        ((status == 125))
        assert_one_line_error
    done
}

# --- Volumes ---

@test "--volume: files go both ways" {
    mkdir volume
    echo 'from the host' >volume/a
    demo --volume "$PWD/volume:/mnt" sh -c 'cat /mnt/a; echo from inside >/mnt/b'
    assert_status 0
    assert_output 'from the host'
    [[ $(<volume/b) == 'from inside' ]]
}

@test "--volume with :ro cannot be written" {
    mkdir volume
    demo --volume "$PWD/volume:/mnt:ro" sh -c 'echo x >/mnt/a'
    ((status != 0))
    assert_stderr_like '*Read-only file system*'
    [[ -z $(ls -A volume) ]]
}

@test "--volume with :ro holds for the mounts below it as well" {
    mkdir -p volume/below
    run_and_show unshare --mount sh -c 'mount -t tmpfs below volume/below && exec "$@"' sh \
        "${DEMO_WORDS[@]}" --volume "$PWD/volume:/mnt:ro" sh -c 'echo x >/mnt/below/a'
    ((status != 0))
    assert_stderr_like '*Read-only file system*'
}

@test "--volume: a file, a new directory, several at once" {
    mkdir one
    echo file >two
    make_own_root
    demo --volume "$PWD/one:/new/deep/place" --volume "$PWD/two:/etc/two:ro" sh -c 'echo x >/new/deep/place/x; cat /etc/two'
    assert_status 0
    assert_output file
    [[ -e one/x ]]
}

@test "--volume gives no devices and no set-user-ID programs" {
    mkdir volume
    start_ready --volume "$PWD/volume:/mnt"
    [[ $(mount_of /mnt) == *nosuid*nodev* || $(mount_of /mnt) == *nodev*nosuid* ]]
}

# --- Overlay ---

@test "--overlay leaves the root as it is" {
    make_own_root
    find "$root" -printf '%p %s %T@ %m\n' | sort >before
    demo --overlay sh -c 'echo new >/etc/passwd; echo x >/file; rm /etc/group; mkdir /usr/dir; cat /etc/passwd /file'
    assert_status 0
    assert_output $'new\nx'
    find "$root" -printf '%p %s %T@ %m\n' | sort >after
    diff before after
    demo --overlay ls /file
    ((status != 0))
}

@test "two containers share one root, and do not see each other's files" {
    make_own_root
    start_ready --overlay
    first=$pid
    start_ready --overlay
    echo one >"/proc/$first/root/etc/mine"
    [[ ! -e /proc/$pid/root/etc/mine && ! -e $root/etc/mine ]]
    echo two >"/proc/$pid/root/etc/mine"
    [[ $(<"/proc/$first/root/etc/mine") == one ]]
}

@test "--layer: the last one is on top, and the root below" {
    mkdir -p one/etc two/etc
    echo one >one/etc/both
    echo one >one/etc/one
    echo two >two/etc/both
    demo --layer "$PWD/one" --layer "$PWD/two" sh -c 'cat /etc/one /etc/both; ls /bin/busybox; echo x >/etc/both'
    assert_status 0
    assert_output $'one\ntwo\n/bin/busybox'
    [[ $(<two/etc/both) == two ]]
}

@test "--layer: a layer that is missing, or a file" {
    demo --layer /no/such/layer true
    assert_status 125
    assert_one_line_error '*/no/such/layer*No such file*'
    demo --layer /etc/passwd true
    assert_status 125
    assert_one_line_error '*/etc/passwd*'
}

@test "--layer: a name with a comma or a backslash is one name; a colon is refused" {
    demo --layer /a:b true
    assert_status 2
    assert_one_line_error '*/a:b*'
    for name in a,b 'a\b' 'a b'; do
        mkdir -p "$name/etc"
        echo "$name" >"$name/etc/name"
        demo --layer "$PWD/$name" cat /etc/name
        assert_status 0
        assert_output "$name"
    done
}

# --- Images ---

@test "an image tarball" {
    tar -C "$ROOTFS" -cf image.tar .
    run_and_show "$TOP/scripts/rootfs" image.tar "$PWD/image"
    assert_status 0
    demo --rootfs "$PWD/image" --overlay sh -c 'echo hello from $(hostname)'
    assert_status 0
    assert_output 'hello from container'
}

# The one that "scripts/rootfs debian build/debian" makes; else this machine's own, under an overlay.
@test "a Debian root" {
    debian=$TOP/build/debian
    [[ -d $debian ]] || debian=/
    [[ -e $debian/etc/debian_version ]] || skip 'this is no Debian (make one: scripts/rootfs debian build/debian)'
    DEMO_WORDS=("${DEMO_WORDS[@]}" --rootfs "$debian" --overlay)
    demo bash -c 'cat /etc/debian_version; touch /usr/new; dpkg --version | head -n 1; id -un; ls -d /proc/[0-9]* | wc -l'
    assert_status 0
    [[ ${lines[0]} == "$(<"$debian/etc/debian_version")" ]]
    [[ ${lines[1]} == *dpkg* && ${lines[2]} == root ]]
    [[ ! -e $debian/usr/new ]]
}
