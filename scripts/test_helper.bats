# The vocabulary of the tests must notice what a program leaves behind, or does wrong.
# bats file_tags=scripts
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load test_helper

before_each() {
    # A program that does what its arguments say.
    put "$PWD/program" $'#!/bin/bash\nexec "$@"\n'
}

# inner_test TEXT: run a test of this text with the program above, in a bats of its own.
inner_test() {
    printf '%s\n' "load $TOP/scripts/test_helper" '@test "inner" {' "$1" '}' >inner.bats
    run_and_show env -u RUNG_NO_SKIP STEP="${inner_step:-01}" RUNG_TEST= RUNG_HOST_PATIENCE=1 DEMO="$PWD/program" \
        bats --formatter tap inner.bats
}

passes() {
    inner_test "$1"
    assert_status 0
}

fails() {
    inner_test "$1"
    assert_status 1
    assert_output_like "*$2*"
}

@test "demo, and what it sets" {
    passes 'demo sh -c "echo out; echo err >&2; exit 3"
            assert_status 3; assert_output out; assert_output_like "o*"; assert_stderr_like "er*"'
    fails 'demo true; assert_status 1' 'status is 0, not 1'
    fails 'demo echo one; assert_output two' 'standard output is not: two'
    fails 'DEMO_LIMIT=1; demo sleep 60' 'did not end within 1 seconds'
}

@test "of endless output a test reads and shows 64 KB" {
    passes 'demo sh -c "head -c 1000000 /dev/zero | tr \\\\0 x; echo err >&2"
            ((${#output} == 65536)); [[ $stderr == err ]]'
    fails 'demo sh -c "head -c 1000000 /dev/zero | tr \\\\0 x"; demo sh -c "head -c 60000 /dev/zero | tr \\\\0 y"; false' \
        'more output than is shown'
    ((${#output} < 10000))
}

@test "a program that never ends is given up after three tests, and not if one has passed in between" {
    put "$PWD/program" $'#!/bin/sh\n"$@"'
    export RUNG_HANGS=$PWD/hangs
    hang='DEMO_LIMIT=1; demo sleep 60'
    printf '%s\n' "load $TOP/scripts/test_helper" >inner.bats
    for name in 1 2 pass 3 4 5 6; do
        printf '@test "%s" { %s; }\n' "$name" "$([[ $name == pass ]] && echo true || echo "$hang")" >>inner.bats
    done
    run_and_show env -u RUNG_NO_SKIP STEP=01 RUNG_TEST= RUNG_HOST_PATIENCE=1 DEMO="$PWD/program" bats --formatter tap inner.bats
    [[ $output == *'not ok 6 5'*'did not end'*'not ok 7 6'*'not tried'* ]]
    (($(grep -c 'did not end' <<<"$output") == 5))
}

@test "assert_one_line_error" {
    passes 'demo sh -c "echo demo: open x: no such file >&2"; assert_one_line_error "*open x*"'
    fails 'demo sh -c "echo demo: one >&2; echo two >&2"; assert_one_line_error' 'longer than one line'
    fails 'demo sh -c "echo oops >&2"; assert_one_line_error' 'does not start'
    fails 'demo sh -c "echo demo: a: b >&2"; assert_one_line_error "*c*"' 'does not fit'
}

@test "a process that is left fails the test, and is killed" {
    fails 'demo setsid --fork sleep 4321' 'sleep 4321'
    run ! pgrep -f 'sleep 4321'
}

@test "a demo in the background is ended with the test" {
    passes 'start_demo sleep 4322; eventually pgrep -f "sleep 4322"'
    passes 'start_demo sleep 60; eventually grep -q sleep "/proc/$demo_pid/comm"; stop_demo; assert_status 143'
    run ! pgrep -f 'sleep 4322'
}

@test "a mount, a link, a table or a cgroup that is left fails the test, and is removed" {
    requires root veth nft cgroup2
    fails 'mkdir m; demo mount -t tmpfs none "$PWD/m"' 'mount *tmpfs none'
    fails 'demo ip link add rung-test type veth peer name rung-tset' 'link rung-test'
    fails 'demo nft add table ip rung' 'nft table ip rung'
    inner_step=05 # which makes cgroups
    fails 'demo mkdir "$(cgroup2_mount)/rung-99999999"' 'rung-99999999'
    run ! ip link show rung-test
    run ! nft list table ip rung
    [[ ! -e $(cgroup2_mount)/rung-99999999 ]]
}

@test "requires: what is missing skips, or fails; what is unknown fails" {
    passes 'has_root() { false; }; requires root; false'
    assert_output_like '*ok 1 inner # skip this machine lacks: root*'
    fails 'RUNG_NO_SKIP=1; has_root() { false; }; requires root' 'lacks: root'
    fails 'requires magic' 'unknown name: magic'
}

@test "every RUNG_ variable is in the list above the vocabulary, and no other" {
    cd "$TOP"
    diff <(grep -rhoE '\bRUNG_[A-Z_]+\b' scripts step0*_* .ci | grep -vE '_H$|^RUNG_VERSION$' | sort -u) \
        <(sed -n 's/^#   \(RUNG_[A-Z_]*\)=.*/\1/p' scripts/test_helper.bash | sort)
}
