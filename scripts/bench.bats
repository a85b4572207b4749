#!/usr/bin/env bats
#
# What measures is right about who failed, and leaves nothing behind.
#
# bats file_tags=scripts
# shellcheck disable=SC2154
load test_helper

@test "the bench: a row for each that works, and the one that fails is refused and named" {
    requires root cgroup2
    program=$TOP/step07_full_runtime/demo
    [[ -x $program ]] || fail 'step07 is not built'
    printf '#!/bin/sh\necho "not this time" >&2\nexit 3\n' >broken
    chmod +x broken
    mounts=$(cut -d ' ' -f 3- /proc/self/mountinfo)
    run_and_show "$TOP/scripts/bench" --rounds 5 --only run --only exec --only sizes --json times \
        --runtime rung="$program" --runtime broken=broken --runtime crun= --runtime runc= --svg picture.svg
    assert_status 1
    [[ $output =~ '| rung | '[0-9.]+' |' && $output =~ '| floor | '[0-9.]+' | '[0-9.]+' | '[0-9.]+' to '[0-9.]+' |' ]]
    [[ $(grep -c '^Refused: broken: .*: 3: not this time$' <<<"$output") == 2 ]]
    [[ ! $output =~ \|\ broken\ \|\ [0-9.]+\ \|\ [0-9] ]]
    [[ $(python3 -c 'import json; print(*map(len, json.load(open("times"))["rows"]["exec"].values()))') == 5 ]]
    python3 -c 'import xml.dom.minidom as m; m.parse("picture.svg")'
    [[ $(cut -d ' ' -f 3- /proc/self/mountinfo) == "$mounts" ]]
    ! compgen -G "/sys/fs/cgroup/*bench-*"
}

@test "no command makes many more system calls than the table says" {
    requires root cgroup2 rootfs
    run_and_show "$TOP/scripts/syscalls"
    assert_status 0
    [[ $(grep -c 'system calls' <<<"$output") == 5 ]]
    # It would notice: a program that is started once more.
    printf '#!/bin/bash\n%s --version >/dev/null\nexec %s "$@"\n' "$TOP/step07_full_runtime/demo"{,} >twice
    chmod +x twice
    run_and_show "$TOP/scripts/syscalls" --program "$PWD/twice"
    assert_status 1
    assert_output_like '*start: too many*'
}

@test "costs: a figure for each call, and for the programs that are named" {
    requires root
    run_and_show "$TOP/scripts/costs" /bin/true
    assert_status 0
    ((${#lines[@]} == 20))
    for line in "${lines[@]}"; do
        [[ $line =~ ^\ *[0-9]+\.[0-9]\ \ .+ ]]
    done
}

@test "the timeline: a bar for each part of a run, of the parent's and of the child's" {
    requires root rootfs
    "$TOP/scripts/timeline" >run.svg
    python3 -c 'import xml.dom.minidom as m; m.parse("run.svg")'
    # The program is started twice, so two of them come twice.
    for part in main:2 self_protect:2 clone_process:1 enter_root:1 seccomp_apply:1 run_program:1; do
        [[ $(grep -c ">${part%:*}<" run.svg) == "${part#*:}" ]] || fail "$part: $(grep -c ">${part%:*}<" run.svg)"
    done
    (($(grep -c '<rect class="parent"' run.svg) > 12 && $(grep -c '<rect class="child"' run.svg) > 12))
}
