# The checker of the READMEs' transcripts must notice what is wrong in one.
# bats file_tags=scripts
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load test_helper

before_each() {
    requires pty
}

# check LINE...: a README with one console block of these lines. (Many take the time of one: they share a bash.)
check() {
    {
        echo '```console'
        printf '%s\n' "$@"
        echo '```'
    } >README.md
    check_file
}

check_file() {
    run_and_show env -u RUNG_NO_SKIP "$TOP/scripts/transcripts" --timeout 3 README.md
}

# accepts LINE..., refuses LINE...: what the checker says of the last command of such a block.
accepts() {
    check "$@"
    assert_status 0
    [[ $output != *'not ok'* ]]
}

refuses() {
    check "$@"
    assert_status 1
    [[ $output == *'not ok'* ]]
}

@test "what is printed must be there, and nothing else" {
    accepts '$ echo hello' 'hello' '$ true' '$ printf "a\n\nb\n"' 'a' '' 'b'
    refuses '$ echo hello' 'hallo'
    refuses '$ echo hello'
    refuses '$ true' 'hello'
    refuses '$ seq 3' '1' '3'
    refuses '$ seq 2' '1' '2' '3'
}

@test "a failure says where, and shows the difference" {
    refuses '$ true' '$ seq 3' '1' 'two' '3'
    assert_output_like '*not ok 2 README.md:3: $ seq 3*-two*+2*'
}

@test "... stands for any lines, and for any text in a line" {
    accepts '$ seq 9' '1' '...' '9'
    accepts '$ seq 9' '...'
    accepts '$ true' '...'
    accepts '$ echo hello big world' 'hello ... world'
    refuses '$ seq 9' '1' '...' '8'
    refuses '$ echo hello big world' 'hello ... moon'
}

@test "long numbers stand for numbers, short ones for themselves" {
    accepts '$ echo $((998 + 1)) 42' '123 42'
    refuses '$ echo $((98 + 1))' '98'
    refuses '$ echo many' '123'
}

@test "a number in a block's commands stands for itself" {
    accepts '$ echo 52428800' '52428800'
    refuses '$ echo 52428800 | sed s/5/6/' '52428800'
}

@test "the same long number in a block must be the same number" {
    accepts '$ echo $$; echo $$' '1234' '1234' '$ echo $$' '1234'
    refuses '$ echo $$ $((BASHPID + 1))' '1234 1234'
    refuses '$ echo $$' '1234' '$ echo $(($$ + 1))' '1234'
}

@test "namespaces that differ in the README must differ" {
    accepts '$ readlink /proc/self/ns/net /proc/self/ns/ipc' 'net:[4026531840]' 'ipc:[4026531839]'
    refuses '$ readlink /proc/self/ns/net /proc/self/ns/net' 'net:[4026531840]' 'net:[4026531841]'
}

@test "spaces count as one" {
    accepts '$ printf "   a    b   \n"' 'a b' '$ echo a b' ' a   b'
    refuses '$ echo a b' 'ab'
}

@test "a line is typed into the shell that the command before started" {
    accepts '$ sh' '# X=7' '# echo $((X * 6))' '42' '# exit' '$ echo [$X]' '[]'
    accepts '$ sh' '# sh' '# echo deep' 'deep' '$ echo back' 'back'
    refuses '$ sh' '# echo one' 'two'
    refuses '$ true' '# echo one' 'one'
}

@test "a command of several lines, and Ctrl-C" {
    accepts '$ for i in 1 2; do' '> echo $i' '> done' '1' '2'
    accepts '$ sh' '# sleep 100' '^C' '# echo $?' '130'
}

@test "a prompt may come in pieces, and what only looks like one is output" {
    put shell $'#!/bin/sh\nwhile printf "# "; sleep 0.1; printf "\\033[6n"; read -r line; do eval "$line"; done'
    accepts "\$ $PWD/shell" '# echo one' 'one' '# printf "two # "; sleep 0.1; echo three' 'two # three'
    refuses "\$ $PWD/shell" '# echo one' 'one' '# echo two' 'three'
}

@test "bash may tell of a job's end now or later" {
    accepts '$ sleep 0.1 & sleep 0.3' '[1] 1234' '$ wait; echo ok' '[1]+  Done                    sleep 0.1' 'ok'
    accepts '$ sleep 0.1 & wait' '[1] 1234' '$ true'
}

@test "what is written over in place is seen as it is in the end" {
    accepts '$ printf "1 of 3\r2 of 3\r3 of 3\n"' '3 of 3'
}

@test "a command that does not end is stopped, and the next one runs" {
    refuses '$ sleep 100' '$ echo next' 'next'
    assert_output_like '*not ok 1*no prompt within 3 s*ok 2*'
}

@test "blocks share one bash, other blocks are not run" {
    printf '%s\n' '```console' '$ X=5' '```' '```sh' '$ X=6' '```' '```console' '$ echo $X' 5 '```' >README.md
    check_file
    assert_status 0
    assert_output_like '1..2*'
}

@test "a block that needs what is not here is skipped, and fails where nothing may be" {
    printf '%s\n' '<!-- needs: rootfs -->' '' '```console' '$ echo hello' 'hello' '```' >README.md
    # The root file system is looked for in the checkout of the script.
    mkdir -p copy/scripts
    cp "$TOP/scripts/transcripts" "$TOP/scripts/test_helper.bash" copy/scripts
    run_and_show env -u RUNG_NO_SKIP copy/scripts/transcripts README.md
    assert_status 0
    assert_output_like '*ok 1 * # skip this machine lacks: rootfs*'
    run_and_show env RUNG_NO_SKIP=1 copy/scripts/transcripts README.md
    assert_status 1
    printf '%s\n' '<!-- needs: magic -->' '```console' '$ echo hello' 'hello' '```' >README.md
    run_and_show env RUNG_NO_SKIP=1 copy/scripts/transcripts README.md
    assert_status 1
    assert_stderr_like '*unknown*magic*'
}

@test "a block that is not closed, or begins with output, is an error" {
    printf '%s\n' '```console' '$ true' >README.md
    check_file
    assert_status 1
    assert_stderr_like '*does not end*'
    printf '%s\n' '```console' 'hello' '```' >README.md
    check_file
    assert_status 1
    assert_stderr_like '*README.md:2: *'
}
