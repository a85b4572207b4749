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

# scene TERMINAL LINE...: another block of the same README, played in that terminal.
scene() {
    {
        echo "In **terminal $1**:"
        echo '```console'
        printf '%s\n' "${@:2}"
        echo '```'
    } >>README.md
}

@test "each terminal has a shell of its own, and a scene's numbers are the same in both" {
    scene 1 '$ X=5; echo $$' '1234'
    scene 2 '$ echo "[$X]"; X=6; echo $((PPID))' '[]' '2345'
    printf '%s\n' '' '```console' '$ echo $X' 6 '```' >>README.md
    scene 1 '$ echo $X $$ $((PPID))' '5 1234 2345'
    cp README.md scene.md
    scene 2 '$ echo $$' '1234'
    check_file
    assert_status 1
    assert_output_like '*not ok 5*'
    # After a heading all begins anew: in the first terminal.
    printf '%s\n' '# Next' '' '```console' '$ echo $X $$' '5 2345' '```' >>scene.md
    mv scene.md README.md
    check_file
    assert_status 0
}

@test "what a terminal has left running goes on in its next block" {
    scene 1 '$ echo one; until [ -e go ]; do sleep 0.1; done; echo two' 'one'
    scene 2 '$ touch go'
    scene 1 'two'
    scene 2 '$ rm go; sleep 100'
    scene 2 '^C'
    scene 1 '$ cat'
    scene 1 '^C'
    check_file
    assert_status 0
    sed -i 's/^two$/three/' README.md
    check_file
    assert_status 1
    assert_output_like '*not ok 3 README.md:12: ... echo one*'
}

@test "what a command has yet to print is waited for, before the reader turns to the other terminal" {
    scene 1 '$ sleep 4; echo late' 'late'
    scene 2 '$ echo other' 'other'
    run_and_show "$TOP/scripts/transcripts" --timeout 20 README.md
    assert_status 0
}

# program LINE...: a README with a program that the reader saves.
program() {
    printf '%s\n' '<!-- file: build/program.c -->' '' '```c' "$@" '```' '```console' '$ cat build/program.c' "$@" '```' \
        >copy/README.md
}

@test "a program of a chapter is where its reader saves it, and compiles without a warning" {
    mkdir -p copy/scripts
    cp "$TOP/scripts/transcripts" "$TOP/scripts/test_helper.bash" copy/scripts
    program 'int main(void)' '{' '    return 0;' '}'
    run_and_show copy/scripts/transcripts copy/README.md
    assert_status 0
    assert_output_like '1..2*ok 1 copy/README.md:3: build/program.c compiles*ok 2*'
    program 'int main(void)' '{' '    int unused;' '    return 0;' '}'
    run_and_show copy/scripts/transcripts --no-run copy/README.md
    assert_status 1
    assert_output_like '1..1*not ok 1*unused variable*'
    sed -i s,build/,../, copy/README.md
    run_and_show copy/scripts/transcripts --no-run copy/README.md
    assert_status 1
    [[ ! -e program.c ]]
}

# quotes NAME LINE...: a README that says so of file.c.
quotes() {
    printf '%s\n' "<!-- quote: file.c $1 -->" '```c' "${@:2}" '```' >README.md
    check_file
}

@test "a quotation is what the file has, but for what ... leaves out" {
    put file.c $'int other(void);\n\n/* Says. */\nstatic int\nsay(int a)\n{\n    other();\n    return a;\n}
\nstatic const struct {\n    int a;\n} table[] = {\n    {1},\n    {2},\n};\n'
    quotes say 'static int' 'say(int a)' '{' '    other();' '    return a;' '}'
    assert_status 0
    quotes say 'static int' 'say(int a)' '{' '    ...' '    return a;' '}'
    assert_status 0
    quotes table 'static const struct {' '...' '} table[] = {' '    {1},' '    {2},' '};'
    assert_status 0
    quotes say 'static int' 'say(int a)' '{' '    return a;' '}'
    assert_status 1
    assert_output_like '*not ok 1 README.md:2: say is quoted from file.c*+    other();*'
    quotes say 'static int' 'say(int a)' '{' '    ...' '    return b;' '}'
    assert_status 1
    quotes other 'int other(void);'
    assert_status 1
    assert_output_like '*file.c defines no other*'
}

# Each of 01 to 06 has one.
@test "what the chapters quote is what the files have, and their programs are short" {
    cd "$TOP"
    run_and_show scripts/transcripts --no-run step0[1-7]_*/README.md
    assert_status 0
    [[ $output != 1..0* ]]
    # A program stands between the two fences: 55 lines of 80 columns, without what every program includes.
    for readme in step0[1-7]_*/README.md; do
        awk -v name="$readme" '/^<!-- file: / { file = $3; lines = 0; inside = 0; next }
            file && /^```c/ { inside = 1; next }
            inside && /^```/ { if (lines > 55) { print name, file, lines; bad = 1 } file = ""; inside = 0 }
            inside { lines += !/^(#include.*)?$/; if (length > 80) { print name ": " $0; bad = 1 } }
            END { exit bad }' "$readme"
    done
}

@test "a chapter takes a quarter of an hour to read: 700 to 1,300 words, without code and what is folded away" {
    cd "$TOP"
    for readme in step0[1-6]_*/README.md; do
        words=$(perl -0pe 's,<details>.*?</details>,,gs; s,^ *```.*?^ *```,,gms; s,<!--.*?-->,,gs' "$readme" |
            tr -s '[:space:]' '\n' | grep -c '[[:alnum:]]')
        echo "$readme: $words words"
        ((words >= 700 && words <= 1300))
    done
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
