#!/usr/bin/env bats
#
# The container's files: root, mounts, /dev, volumes, overlay, images.
#
# bats file_tags=step07,rootfs
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper

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

# hint: Which path still leads to the host's files?
# hint: pivot_root(2), umount2(2): MNT_DETACH.
# hint: pivot in rootfs/rootfs.c: pivot_root(".", "."), then the old root goes.
@test "its root is the directory of --rootfs, and nothing else of the host" {
    make_own_root
    echo inside >"$root/etc/where"
    echo outside >"$BATS_TEST_TMPDIR/where"
    demo sh -c "cat /etc/where; ls $BATS_TEST_TMPDIR /proc/1/root$BATS_TEST_TMPDIR"
    ((status != 0))
    assert_output inside
}

# points: 8
# needs: nothing
# chapter: The same, made robust
# hint: `cat /proc/PID/mountinfo`, read on the host: what is left of the host's mounts?
# hint: pivot_root(2), mount_namespaces(7).
# hint: enter_root: change_root pivots and detaches the old root.
# bats test_tags=lesson
@test "no mount of the host is left in it" {
    start_ready
    run ! grep -F "$BATS_TEST_TMPDIR" "/proc/$pid/mountinfo"
    [[ $(awk '$5 == "/"' "/proc/$pid/mountinfo" | wc -l) == 1 ]]
    [[ $(cut -d ' ' -f 5 "/proc/$pid/mountinfo" | grep -vcE '^/$|^/(dev|proc|sys|tmp)(/|$)') == 0 ]]
}

# hint: Which mount of yours came before everything was private?
# hint: mount_namespaces(7): MS_REC and MS_PRIVATE, or MS_SLAVE.
# hint: make_mounts_private is the first thing that is done to mounts in the child.
@test "the host's mounts stay as they are while it runs, even if they are shared" {
    DEMO_WORDS=(unshare --mount --propagation private unshare --mount --propagation shared "${DEMO_WORDS[@]}")
    start_ready --overlay --volume "$BATS_TEST_TMPDIR:/mnt"
    diff <(cut -d ' ' -f 5 /proc/self/mountinfo | sort) <(cut -d ' ' -f 5 "/proc/$demo_pid/mountinfo" | sort)
}

# hint: The host mounts something below the root later. Why does it arrive?
# hint: mount_namespaces(7): MS_SLAVE receives, MS_PRIVATE does not.
# hint: rootfs_attach has mount_change for the root's own mount, whatever rootfsPropagation says later.
@test "the host's later mounts do not appear in it" {
    make_own_root
    mkdir "$root/later"
    DEMO_WORDS=(unshare --mount --propagation private unshare --mount --propagation shared "${DEMO_WORDS[@]}")
    start_ready
    nsenter --mount="/proc/$demo_pid/ns/mnt" mount -t tmpfs later "$root/later"
    run ! grep -w later "/proc/$pid/mountinfo"
}

# hint: chroot, "..", and chroot again. What is above the root, if it climbs?
# hint: chroot(2), NOTES; pivot_root(2).
# hint: pivot, not chroot: change_root in rootfs/rootfs.c.
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

# points: 6
# chapter: The same, made robust
# hint: "ro" must come last, when everything below is mounted. Which call does it?
# hint: mount_setattr(2): MOUNT_ATTR_RDONLY; mount(2): MS_REMOUNT and MS_BIND.
# hint: rootfs_protect remounts / when root.readonly is set.
# bats test_tags=lesson
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

# needs: the root can be written, and not with --read-only
# hint: Read-only for the root alone, or for all below it?
# hint: mount_setattr(2): with AT_RECURSIVE it is all of them.
# hint: No AT_RECURSIVE where rootfs_protect makes / read-only.
@test "--read-only: /tmp, /dev/shm and volumes can still be written" {
    mkdir volume
    demo --read-only --volume "$PWD/volume:/mnt" sh -c 'for d in /tmp /dev/shm /mnt; do echo hello >$d/f || exit 1; done'
    assert_status 0
    [[ $(<volume/f) == hello ]]
}

# hint: Something was made in the image. Before or after a file system covered the place?
# hint: mkdir(2), mknod(2): only in your own tmpfs.
# hint: make_devices works in the new /dev; mount points that are missing are another matter: mount_target.
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

# hint: Which type or flag is another than the test's?
# hint: config-linux.md, "Default Filesystems"; mount(2).
# hint: The list of mounts in commands/defaults.c.
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

# hint: sysfs is read-only. And cgroup2, mounted on it?
# hint: mount(2): each mount has its own MS_RDONLY.
# hint: "ro" in the options of both mounts in commands/defaults.c.
@test "/sys and the cgroups in it cannot be written" {
    start_ready
    [[ $(mount_of /sys) == 'sysfs ro,'* ]]
    [[ $(mount_of /sys/fs/cgroup) == '' || $(mount_of /sys/fs/cgroup) == 'cgroup2 ro,'* ]]
}

# hint: /proc has to be writable, parts of it not. How can a part be read-only?
# hint: mount(2): a bind mount on itself, then MS_REMOUNT, MS_BIND and MS_RDONLY; config-linux.md, "Readonly Paths".
# hint: protect_paths in rootfs/rootfs.c, the list in commands/defaults.c: linux.readonlyPaths.
@test "the paths of /proc/sys and the like cannot be written" {
    start_ready
    for path in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger; do
        [[ ! -e $path || $(mount_of "$path") == 'proc ro,'* ]]
    done
    demo sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    ((status != 0))
    assert_stderr_like '*Read-only file system*'
}

# hint: What can be mounted over a file, so that it reads as empty? And over a directory?
# hint: config-linux.md, "Masked Paths"; null(4), tmpfs(5).
# hint: mask_paths in rootfs/rootfs.c: /dev/null over files, an empty read-only tmpfs over directories.
@test "files of /proc and /sys that tell about the host are empty" {
    for path in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do
        [[ -e $path ]] || continue
        demo head -c 1 "$path"
        assert_status 0
        assert_output ''
    done
    for path in /proc/acpi /proc/scsi /proc/asound /sys/firmware /sys/dev/block; do
        [[ -e $path ]] || continue
        demo ls -A "$path"
        assert_status 0
        assert_output ''
    done
}

# hint: Which number or mode differs, or which is too many?
# hint: mknod(2), umask(2); config-linux.md, "Default Devices".
# hint: make_devices and make_device in rootfs/dev.c.
@test "/dev has the devices of the specification, and no others" {
    demo sh -c 'cd /dev && for f in *; do [ ! -h $f ] && { [ -c $f ] || [ -b $f ]; } && stat -c "%n %t:%T %a" $f; done; true'
    assert_status 0
    [[ $(sort <<<"$output") == $'full 1:7 666\nnull 1:3 666\nrandom 1:8 666\ntty 5:0 666\nurandom 1:9 666\nzero 1:5 666' ]]
}

# hint: Which link is missing? Is /dev/pts an instance of its own?
# hint: symlink(2); mount(2): devpts with newinstance and ptmxmode=0666.
# hint: make_links in rootfs/dev.c.
@test "/dev has its links, and its own terminals" {
    demo sh -c 'for f in fd stdin stdout stderr ptmx; do readlink /dev/$f; done; ls /dev/pts'
    assert_status 0
    assert_output $'/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\nptmx'
}

# needs: /dev has the devices of the specification, and no others
# hint: The node is there, and open says EPERM or EACCES. Who forbids it: the mount, or the device filter?
# hint: mount(2): MS_NODEV; bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE.
# hint: No nodev on /dev in commands/defaults.c; emit_nodes in cgroup/devices.c allows what is in there.
@test "the devices work" {
    demo sh -c 'echo x >/dev/null && head -c 3 /dev/zero | wc -c && head -c 5 /dev/urandom | wc -c; echo x >/dev/full'
    ((status != 0))
    assert_output $'3\n5'
}

# --- Links in the image ---

# hint: A component of the target is a link. Who follows it, and from which root?
# hint: openat2(2): RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS. Mount on the descriptor: move_mount(2).
# hint: mount_target in rootfs/mount_fd.c opens the place, make_directories makes what is missing, inside.
@test "a link in the image does not lead a mount to the host" {
    make_own_root
    mkdir "$BATS_TEST_TMPDIR/outside" "$BATS_TEST_TMPDIR/volume"
    ln -s "$BATS_TEST_TMPDIR/outside" "$root/link"
    ln -s "../../../../../../../../../..$BATS_TEST_TMPDIR/outside" "$root/up"
    demo --volume "$BATS_TEST_TMPDIR/volume:/new" true
    assert_status 0
    for target in /link/new /up/new; do
        demo --volume "$BATS_TEST_TMPDIR/volume:$target" true
        [[ -z $(ls -A "$BATS_TEST_TMPDIR/outside") ]]
    done
}

# hint: /proc must be a plain directory. Where did the proc file system land?
# hint: openat2(2): RESOLVE_NO_SYMLINKS.
# hint: mount_target_plain for proc and sysfs; guard_proc looks before.
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

# hint: A bind mount shows the same files in two places. When must the source be opened?
# hint: open_tree(2) before the root changes, move_mount(2) after.
# hint: bind_mount and take_source, from mount_filesystems; then enter_root.
@test "--volume: files go both ways" {
    mkdir volume
    echo 'from the host' >volume/a
    demo --volume "$PWD/volume:/mnt" sh -c 'cat /mnt/a; echo from inside >/mnt/b'
    assert_status 0
    assert_output 'from the host'
    [[ $(<volume/b) == 'from inside' ]]
}

# hint: MS_BIND and MS_RDONLY in one call: what does the kernel make of it?
# hint: mount(2): a bind mount ignores other flags; a second call, MS_REMOUNT, or mount_setattr(2), sets them.
# hint: mount_change in rootfs/mount_fd.c.
@test "--volume with :ro cannot be written" {
    mkdir volume
    demo --volume "$PWD/volume:/mnt:ro" sh -c 'echo x >/mnt/a'
    ((status != 0))
    assert_stderr_like '*Read-only file system*'
    [[ -z $(ls -A volume) ]]
}

# needs: --volume with :ro cannot be written
# hint: There is a mount below the volume, and it can be written. Which flag reaches it?
# hint: mount_setattr(2): AT_RECURSIVE; config.md: "rro".
# hint: edit_volume writes "rro", set_attributes takes AT_RECURSIVE.
@test "--volume with :ro holds for the mounts below it as well" {
    mkdir -p volume/below
    run_and_show unshare --mount sh -c 'mount -t tmpfs below volume/below && exec "$@"' sh \
        "${DEMO_WORDS[@]}" --volume "$PWD/volume:/mnt:ro" sh -c 'echo x >/mnt/below/a'
    ((status != 0))
    assert_stderr_like '*Read-only file system*'
}

# hint: A file needs a file to be mounted on, a directory a directory. Who makes it?
# hint: openat2(2), mkdirat(2): in the container's root, each component.
# hint: make_parent, make_directories and make_file in rootfs/mount_fd.c.
@test "--volume: a file, a new directory, several at once" {
    mkdir one
    echo file >two
    make_own_root
    demo --volume "$PWD/one:/new/deep/place" --volume "$PWD/two:/etc/two:ro" sh -c 'echo x >/new/deep/place/x; cat /etc/two'
    assert_status 0
    assert_output file
    [[ -e one/x ]]
}

# hint: A volume from the user may hold anything. Which two flags make the worst of it harmless?
# hint: mount(2): MS_NOSUID, MS_NODEV.
# hint: edit_volume adds "nosuid" and "nodev".
@test "--volume gives no devices and no set-user-ID programs" {
    mkdir volume
    start_ready --volume "$PWD/volume:/mnt"
    [[ $(mount_of /mnt) == *nosuid*nodev* || $(mount_of /mnt) == *nodev*nosuid* ]]
}

# --- Overlay ---

# hint: Where do the changes go?
# hint: kernel: filesystems/overlayfs.rst: lowerdir, upperdir, workdir.
# hint: make_overlay in rootfs/rootfs.c, the upper directory on a tmpfs of its own.
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

# needs: --overlay leaves the root as it is
# hint: Do the two have one upper directory?
# hint: overlayfs.rst: an upperdir in use by two is undefined behaviour.
# hint: attach_layers makes one for each container.
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

# needs: --overlay leaves the root as it is
# hint: In which order does overlayfs take its lower directories?
# hint: overlayfs.rst, "Multiple lower layers": the first is the topmost.
# hint: list_layers turns the order round.
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

# needs: --overlay leaves the root as it is
# hint: Which name does the error give, and when: before anything is made?
# hint: open(2): O_PATH and O_DIRECTORY.
# hint: check_directory in rootfs_check.
@test "--layer: a layer that is missing, or a file" {
    demo --layer /no/such/layer true
    assert_status 125
    assert_one_line_error '*/no/such/layer*No such file*'
    demo --layer /etc/passwd true
    assert_status 125
    assert_one_line_error '*/etc/passwd*'
}

# needs: --overlay leaves the root as it is
# hint: What separates the options of a mount, and the layers of lowerdir?
# hint: overlayfs.rst; fsconfig(2) takes one option at a time, and no commas.
# hint: attach_layers gives each layer alone, or by descriptor; edit_layer refuses the colon.
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

# hint: Did scripts/rootfs unpack it, and does what it makes run?
# hint: `scripts/rootfs --help`.
# hint: `--rootfs DIR --overlay`: make_overlay over any directory.
@test "an image tarball" {
    tar -C "$ROOTFS" -cf image.tar .
    run_and_show "$TOP/scripts/rootfs" image.tar "$PWD/image"
    assert_status 0
    demo --rootfs "$PWD/image" --overlay sh -c 'echo hello from $(hostname)'
    assert_status 0
    assert_output 'hello from container'
}

# The one that "scripts/rootfs debian build/debian" makes; else this machine's own, under an overlay.
# hint: A whole distribution expects more than busybox. What does it miss?
# hint: config-linux.md, "Default Filesystems"; `-v` shows the calls.
# hint: The mounts of commands/defaults.c, with make_overlay below them.
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
