#!/usr/bin/env bats
#
# What scripts/fuzz begins with is read as it is meant to be. The changed files are for "make fuzz".
# bats file_tags=scripts
# shellcheck disable=SC2154
load test_helper

# read_as KIND FILE: by step07's readers. A state has to be in a directory with its name.
read_as() {
    mkdir -p "$BATS_TEST_TMPDIR/root/c"
    chmod 700 "$BATS_TEST_TMPDIR/root" "$BATS_TEST_TMPDIR/root/c"
    cp "$2" "$BATS_TEST_TMPDIR/root/c/state.json"
    run_and_show "${watched_by[@]}" "$TOP/build/plain/target" "$1" "$BATS_TEST_TMPDIR/root/c/state.json"
}

@test "fuzz: the files that it begins with are good ones, and filters say what their profiles say" {
    # It sees what ASan does not: a value that is used before it is set.
    watched_by=(valgrind --quiet --error-exitcode=99)
    make -s -C "$TOP" build/plain/target >&2
    local file
    for file in "$TOP"/scripts/fuzz.d/corpus/*/*; do
        read_as "$(basename "$(dirname "$file")")" "$file"
        assert_status 0
    done
}

@test "fuzz: a file that is no good is refused, and nothing worse" {
    make -s -C "$TOP" build/plain/target >&2
    for kind in config process resources seccomp state options; do
        echo '{"process": [' >"$BATS_TEST_TMPDIR/bad"
        read_as "$kind" "$BATS_TEST_TMPDIR/bad"
        ((status == 0 || status == 125 || status == 2))
    done
}
