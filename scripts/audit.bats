#!/usr/bin/env bats
#
# scripts/audit: each difference to podman's and docker's default container has a reason.
# bats file_tags=scripts
# shellcheck disable=SC2154
load test_helper

audit() {
    status=0
    output=$("$TOP/scripts/audit" "$@" 2>&1 3>&- 4>&-) || status=$?
    printf '%s\n' "$output"
}

@test "audit: what the default container may do differs from podman's and docker's for a reason" {
    requires root rootfs
    make -C "$TOP" -s step07 >&2
    audit
    assert_status 0
    # What the kernel holds as our filter was read and run: an ordinary call, and three that it refuses.
    [[ $output == *'system calls: '[12]??' the same'* ]]
    for call in clone3 keyctl unshare; do
        [[ $output == *"    $call "*' -         yes       -'* ]]
    done
    [[ $output == *'    socket of AF_ALG '*' -         yes       yes'* ]]
}

@test "audit: a difference without a reason, and a reason without a difference, are said" {
    requires root rootfs
    make -C "$TOP" -s step07 >&2
    sed -e 's/keyctl/read/' "$TOP/scripts/audit.d/reasons.ini" >reasons.ini
    audit --reasons reasons.ini
    assert_status 1
    [[ $output == *'NO REASON: keyctl '* ]]
    [[ $output == *'read: NO DIFFERENCE, and a reason'* ]]
    [[ $output == *'; 2 to explain' ]]
}
