#!/usr/bin/env bats
#
# scripts/attacks on two steps: one that lets much through, and the one that lets nothing through.
# bats file_tags=scripts
# shellcheck disable=SC2154
load test_helper

@test "attacks: what step03 lets through, step07 holds" {
    requires root rootfs
    cd "$TOP" || return
    make -s step03 step07 >&2
    status=0
    output=$(scripts/attacks 03 07 2>&1 3>&- 4>&-) || status=$?
    printf '%s\n' "$output"
    assert_status 0
    [[ $output == *'| set the hostname | held | held |'* ]]
    [[ $output == *'| read a file | through | held |'* ]]
    [[ $output == *'| mount over a directory | through | held |'* ]]
    [[ $output == *'| take down a network link | through | held |'* ]]
}
