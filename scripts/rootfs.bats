# scripts/rootfs: it makes what it promises, and harms nothing.
# bats file_tags=scripts
bats_require_minimum_version 1.5.0

setup() {
    rootfs=$BATS_TEST_DIRNAME/rootfs
    mkdir -p "$BATS_TEST_TMPDIR/cwd"
    cd "$BATS_TEST_TMPDIR/cwd" || return
}

@test "a busybox root has its programs behind relative links" {
    "$rootfs" busybox root
    [[ $(readlink root/bin/sh) == busybox ]]
    [[ $(readlink root/usr/bin/awk) == ../../bin/busybox ]]
    [[ $(readlink root/sbin/ip root/bin/ip) == *busybox ]]
    [[ $(root/bin/sh -c 'echo works') == works ]]
}

@test "a busybox root has the directories that a container needs" {
    "$rootfs" busybox root
    for directory in proc sys dev run mnt home usr/bin usr/sbin; do
        [[ -d root/$directory ]]
    done
    [[ $(stat -c %a root/tmp root/var/tmp) == $'1777\n1777' ]]
    [[ $(stat -c %a root/root) == 700 ]]
    [[ $(head -n 1 root/etc/passwd) == root:x:0:0:* ]]
    [[ -f root/etc/resolv.conf && ! -s root/etc/resolv.conf ]]
}

@test "a root that is up to date is not made again" {
    "$rootfs" busybox root
    before=$(stat -c %i root)
    "$rootfs" busybox root
    [[ $(stat -c %i root) == "$before" ]]
    "$rootfs" --force busybox root
    [[ $(stat -c %i root) != "$before" ]]
}

@test "a directory that something else made is left alone" {
    mkdir other
    echo precious >other/file
    run "$rootfs" --force busybox other
    [[ $status == 1 && $output == *"not made by this script"* ]]
    [[ $(ls -A other) == file && $(<other/file) == precious ]]
    ln -s other link
    run "$rootfs" --force busybox link
    [[ $status == 1 && $(readlink link) == other ]]
}

@test "nothing but the root is left beside it" {
    "$rootfs" busybox root
    "$rootfs" --force busybox root
    [[ $(ls -A) == root ]]
}

@test "interrupted, it leaves the old root" {
    "$rootfs" busybox root
    touch root/mine
    # It stops at the first program that it runs for the new root.
    mkdir bin
    printf '#!/bin/sh\nkill -TERM $PPID; exec sleep 0.2\n' >bin/cp
    chmod +x bin/cp
    PATH=$PWD/bin:$PATH run "$rootfs" --force busybox root
    [[ $status == 143 ]]
    [[ -e root/mine ]]
    [[ $(ls -A) == $'bin\nroot' ]]
}

@test "a tarball becomes a root" {
    mkdir -p in/etc in/dev
    echo ours >in/etc/issue
    tar -cf export.tar -C in .
    "$rootfs" export.tar root
    [[ $(<root/etc/issue) == ours ]]
}

@test "a hostile tarball writes nothing outside" {
    mkdir target
    python=/usr/bin/python3
    "$python" - "$PWD/target" <<'EOF'
import io, sys, tarfile
with tarfile.open("evil.tar", "w") as tar:
    def link(name, to):
        member = tarfile.TarInfo(name)
        member.type = tarfile.SYMTYPE
        member.linkname = to
        tar.addfile(member)
    def file(name):
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    link("absolute", sys.argv[1])
    file("absolute/1")
    link("relative", "../target")
    file("relative/2")
    file("../target/3")
    file(sys.argv[1] + "/4")
    link(".rung-rootfs", sys.argv[1] + "/5")
EOF
    run "$rootfs" ./evil.tar root
    [[ -z $(ls -A target) ]]
}

@test "bad words are usage errors that name them" {
    run "$rootfs"
    [[ $status == 2 ]]
    run "$rootfs" busybox
    [[ $status == 2 ]]
    run "$rootfs" --nonsense busybox root
    [[ $status == 2 && $output == *--nonsense* ]]
    run "$rootfs" missing.tar root
    [[ $status == 2 && $output == *missing.tar* ]]
    run "$rootfs" --layers busybox root
    [[ $status == 2 && $output == *--layers* ]]
    [[ ! -e root ]]
}
