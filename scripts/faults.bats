#!/usr/bin/env bats
#
# scripts/faults, by a sample: what it takes hours for as a whole is "make faults" and "make kills".
# bats file_tags=scripts
# shellcheck disable=SC2154
load test_helper

before_each() {
    requires root rootfs
    [[ $(uname -m) == x86_64 ]] || skip 'not applicable: it knows the registers of x86-64 alone'
    cd "$TOP" || return
    make -s build/faults/inject step05 step06 step07 >&2
}

# faults ARGS...: nothing goes wrong that has to be counted.
faults() {
    status=0
    output=$(scripts/faults --seconds 300 "$@" 2>&1 3>&- 4>&-) || status=$?
    printf '%s\n' "$output"
    assert_status 0 || return
    [[ $output != *' 0        0        0        0        0        0' ]] || fail 'nothing was tried'
}

@test "inject: the call that it is to fail fails, and no other" {
    run_and_show build/faults/inject --log "$BATS_TEST_TMPDIR/log" --list cat /etc/passwd
    assert_status 0
    local at
    # The last call that opens something is for the file.
    at=$(awk '$1 == "call" && $4 == "openat" { at = $2 ":" $3 } END { print at }' "$BATS_TEST_TMPDIR/log")
    run_and_show build/faults/inject --log "$BATS_TEST_TMPDIR/log" --at "$at" --errno 12 cat /etc/passwd
    assert_status 1
    [[ $stderr == *'/etc/passwd: Cannot allocate memory' ]]
    [[ $(<"$BATS_TEST_TMPDIR/log") == "done ${at/:/ } openat" ]]
    run_and_show build/faults/inject --log "$BATS_TEST_TMPDIR/log" --at "$at" --signal 9 cat /etc/passwd
    assert_status 137
}

@test "a call that fails leaves no container that hangs, has less, or more" {
    faults --every 97 --only run --only exec --only step06 ENOMEM short
    faults --only step05 --call wait4 EPERM
    faults --only step06 --call open_tree EACCES
    faults --only exec --call sendto ENOMEM
}

@test "a look that fails is not taken for no" {
    # At directories and files of a cgroup, at the host's name servers, at links, at a table of nftables.
    faults --only run --only update --call faccessat2 ENOMEM EACCES
    faults --only run-ip --call access EINTR
    faults --only run-ip --only step06 --call ioctl ENOMEM
    faults --only run-ip --only step06 --call socket EPERM
}

@test "an answer that is lost leaves nobody who waits, nothing behind, and a reason" {
    faults --only run-ip --only step06 --call recvmsg ENOMEM
    faults --only step06 --call sendto EINTR
    faults --only exec --only run-user --only start --call recvmsg EPERM
    faults --only exec --call write ENOMEM
}

@test "after SIGKILL at any request to the kernel's network nothing stays" {
    faults --every 3 --only step06 --call sendto SIGKILL
}
