# The steps as texts: one program that grows, in pieces that a reader can take in.
# bats file_tags=scripts
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load test_helper

before_each() {
    cd "$TOP" || return
}

# step 03: its directory.
step() {
    echo step"$1"_*
}

# deleted_lines STEP NEXT-STEP: the lines that NEXT-STEP does not take over from STEP, file by file.
deleted_lines() {
    local file
    for file in "$(step "$1")"/*.[ch]; do
        diff -N "$file" "$(step "$2")/${file##*/}" | sed -n "s,^< ,${file##*/}: ,p"
    done
}

@test "step02 replaces fork with clone3, and deletes nothing else" {
    deleted_lines 01 02
    [[ $(deleted_lines 01 02 | grep -vc '^demo.c: .*fork()') == 0 ]]
    (($(deleted_lines 01 02 | wc -l) <= 2))
    grep -q 'clone3(' "$(step 02)/demo.c"
}

@test "from step03 on each step adds lines and files, and deletes none" {
    for next in 03 04 05 06; do
        deleted_lines "0$((10#$next - 1))" "$next"
        [[ -z $(deleted_lines "0$((10#$next - 1))" "$next") ]]
    done
}

# What is new is in files of its own. Of those that were there, it touches these alone: demo.c calls the new functions,
# demo.h lists them, options.c reads its options, scenes.c shows it.
@test "a step leaves the files of other features as they are, to the letter" {
    for next in 02 03 04 05 06; do
        for file in "$(step "0$((10#$next - 1))")"/*.[ch]; do
            case ${file##*/} in demo.[ch] | options.c | scenes.c) continue ;; esac
            cmp "$file" "$(step "$next")/${file##*/}"
        done
    done
}

@test "each step has its feature in a file of its own, which the step before has not" {
    while read -r number file feature; do
        grep -q "$feature" "$(step "$number")/$file"
        [[ ! -e $(step "0$((10#$number - 1))")/$file ]]
        run ! grep -n "$feature" "$(step "0$((10#$number - 1))")"/*.c
    done <<'END'
02 namespaces.c CLONE_NEWPID
03 hostname.c sethostname(
04 rootfs.c pivot_root
05 cgroup.c CLONE_INTO_CGROUP
06 network.c VETH_INFO_PEER
END
}

@test "demo.c stays a text of five minutes" {
    wc -l step0[1-6]_*/demo.c
    wc -l step0[1-6]_*/demo.c | awk '$2 != "total" && $1 > 240 { bad = 1 } END { exit bad }'
}

@test "demo.h lists the functions of each file, and no other" {
    command -v ctags >/dev/null || requires ctags
    for directory in step0[1-6]_*; do
        for file in "$directory"/*.c; do
            # Those that are not static, and what stands under the file's name in demo.h.
            case ${file##*/} in demonstration.c | scenes.c) continue ;; esac
            sed -n "/^\/\* --- ${file##*/} --- \*\/$/,/^$/p" "$directory/demo.h" >"$BATS_TEST_TMPDIR/part.h"
            diff <(ctags -x --c-kinds=f --extras=-F "$file" | awk '$1 != "main" { print $1 }') \
                <(ctags -x --c-kinds=p --extras=+F "$BATS_TEST_TMPDIR/part.h" | awk '{ print $1 }')
        done
    done
}

@test "a step needs no file of another step" {
    # The copies compile where no other step is. Step 07 includes by room, "base/lock.h"; the others have none.
    run ! grep -rnE '#include "(.*/|)\.\./' step0?_*/ --include='*.[ch]'
    run ! grep -nE '#include "[^"]*/' step0[1-6]_*/*.[ch]
    for number in 01 02 03 04 05 06 07; do
        mkdir "$BATS_TEST_TMPDIR/$number"
        cp -r "$(step "$number")/." "$BATS_TEST_TMPDIR/$number"
        find "$BATS_TEST_TMPDIR/$number" -name '*.c' -exec gcc -std=gnu17 -fsyntax-only -I "$BATS_TEST_TMPDIR/$number" {} +
    done
}

# The demonstration does: it looks at the host as the reader would.
@test "no step runs another program to do its work" {
    for file in step0?_*/*.[ch] step07_*/*/*.[ch]; do
        [[ $file == */demonstration.c || $file == */scenes.c ]] || run ! grep -nE '\<(system|popen|wordexp)\(' "$file"
    done
}

@test "functions are short" {
    command -v ctags >/dev/null || requires ctags
    ctags --fields=+ne --c-kinds=f -o "$BATS_TEST_TMPDIR/tags" step0*_*/*.c step07_*/*/*.c
    awk -F'\t' '/^!/ { next }
        {
            for (i = 4; i <= NF; i++) {
                if ($i ~ /^line:/) begin = substr($i, 6)
                if ($i ~ /^end:/) end = substr($i, 5)
            }
            if (end - begin + 1 > 40 && $2 !~ /^step07/ || end - begin + 1 >= 60) { print $2 ": " $1 ": " end - begin + 1 " lines"; bad = 1 }
        }
        END { exit bad }' "$BATS_TEST_TMPDIR/tags"
}

@test "main is short" {
    for file in step0[1-6]_*/demo.c; do
        length=$(sed -n '/^int main(/,/^}/p' "$file" | wc -l)
        echo "$file: main has $length lines"
        ((length > 0 && length < 40))
    done
}

@test "the files of step07 are short, and so are the lines of all" {
    wc -l step07_*/*.[ch] step07_*/*/*.[ch] | awk '$2 != "total" && $1 > 500 { print; bad = 1 } END { exit bad }'
    run ! grep -rnE '^.{81}' step0?_*/ --include='*.[ch]'
}

# calls_of_step07: who needs whom for what, of step 07's files: "container/exec container/clone clone_process".
calls_of_step07() {
    make -s step07 >&2
    (cd step07_*/ && printf '%s\n' main.c */*.c) | sed 's,.*,build/plain/step07/&,; s/c$/o/' | xargs nm -A |
        sed 's,^build/plain/step07/,,; s/\.o:/ /' | awk '{ print $1, $(NF - 1), $NF }' >"$BATS_TEST_TMPDIR/symbols"
    awk 'NR == FNR { if ($2 ~ /^[TDBRC]$/) home[$3] = $1; next }
        $2 == "U" && $3 in home && home[$3] != $1 { print $1, home[$3], $3 }' "$BATS_TEST_TMPDIR/symbols" "$BATS_TEST_TMPDIR/symbols"
}

# from_to SED-COMMAND: of such lines, those two; without a room's calls in itself.
from_to() {
    sed "$1" | awk '$1 != $2 { print $1, $2 }' | sort -u
}

@test "no file of step07 calls another that calls it, by whatever way, and no room does" {
    calls=$(calls_of_step07)
    (($(wc -l <<<"$calls") > 1000))
    from_to '' <<<"$calls" | tsort >/dev/null
    from_to 's,/[a-z_]*,,g' <<<"$calls" | tsort >/dev/null
    # It would notice.
    run ! tsort <(from_to '' <<<"$calls"$'\n'"container/clone container/container container_run")
}

@test "the rooms of step07 call only those below them in the chapter's table" {
    sed -n 's,^| `\([a-z]*\)[./]c*` |.*,\1,p' step07_*/README.md | sed '/^tests$/d' >"$BATS_TEST_TMPDIR/rooms"
    diff <(sort "$BATS_TEST_TMPDIR/rooms") <(cd step07_*/ && printf '%s\n' main.c */*.c | sed 's,[./].*,,' | sort -u)
    calls_of_step07 | from_to 's,/[a-z_]*,,g' >"$BATS_TEST_TMPDIR/arrows"
    awk 'NR == FNR { row[$1] = NR; next } row[$1] > row[$2] { print $1 " calls " $2; bad = 1 } END { exit bad }' \
        "$BATS_TEST_TMPDIR/rooms" "$BATS_TEST_TMPDIR/arrows"
}

# What stands under a heading "--- exec.c ---" is that file's; what stands above all of them has the header's name.
@test "a header of step07 declares what its own file defines, or says whose it is" {
    command -v ctags >/dev/null || requires ctags
    cd step07_*/
    for header in */*.h; do
        awk -v room="${header%/*}" -v part="$(basename "$header" .h)" '
            match($0, /^\/\* --- [a-z_]+\.c/) { part = substr($0, 8, RLENGTH - 9) }
            { print >("'"$BATS_TEST_TMPDIR"'/" room "+" part ".h") }' "$header"
    done
    (cd "$BATS_TEST_TMPDIR" && ctags -x -I PRINTF+ --c-kinds=p --extras=+F *+*.h) | awk '{ sub(/\.h$/, ".c", $4); sub(/\+/, "/", $4); print $4, $1 }' |
        sort -u >"$BATS_TEST_TMPDIR/declared"
    ctags -x --c-kinds=f --extras=-F */*.c | awk '{ print $4, $1 }' | sort -u >"$BATS_TEST_TMPDIR/defined"
    (($(wc -l <"$BATS_TEST_TMPDIR/declared") > 200))
    comm -23 "$BATS_TEST_TMPDIR/declared" "$BATS_TEST_TMPDIR/defined" | tee "$BATS_TEST_TMPDIR/strange"
    [[ ! -s $BATS_TEST_TMPDIR/strange ]]
}

@test "step 07 keeps the names of step 06, and make diff07 says where they are" {
    run_and_show scripts/diff07 --check
    assert_status 0
}

# is_in_order PAGE ENTERED: have the parent and the child, each for itself, entered the functions of the page one after the
# other? Others come in between.
is_in_order() {
    awk -F'\t' 'NR != FNR { if (!($1 in first)) { first[$1] = FNR; who[$1] = $2 }; next }
        { row[NR] = $2; rows = NR }
        END { for (i = 1; i <= rows; i++) {
                if (!(row[i] in first) || first[row[i]] < last[who[row[i]]]) { print "not entered after those above it: " row[i]; exit 1 }
                last[who[row[i]]] = first[row[i]] } }' "$1" "$2"
}

@test "the chapter's page of what run does is what it does" {
    requires root rootfs
    sed -n 's/^| `\([a-z_/0-9]*\.c\):\([a-z_0-9]*\)` | [^|]* | `*\([^`]*\)`* |$/\1\t\2\t\3/p' step07_*/README.md >"$BATS_TEST_TMPDIR/page"
    (($(wc -l <"$BATS_TEST_TMPDIR/page") >= 25))
    while IFS=$'\t' read -r file function _; do
        grep -qE "^[a-z].*\b$function\(" step07_*/"$file" || fail "$file has no function $function"
    done <"$BATS_TEST_TMPDIR/page"
    "$TOP/scripts/timeline" --entered run -v --no-tty -- true >"$BATS_TEST_TMPDIR/entered" 2>"$BATS_TEST_TMPDIR/said"
    (($(wc -l <"$BATS_TEST_TMPDIR/entered") > 500))
    is_in_order "$BATS_TEST_TMPDIR/page" "$BATS_TEST_TMPDIR/entered"
    # What -v says of them comes in that order, too.
    said=$(<"$BATS_TEST_TMPDIR/said")
    while IFS=$'\t' read -r _ function call; do
        [[ -z $call || $said == *"]: $call"* ]] || fail "$function: no \"$call\", or it came before"
        [[ -z $call ]] || said=${said#*"]: $call"}
    done <"$BATS_TEST_TMPDIR/page"
    # It would notice.
    run ! is_in_order <(tac "$BATS_TEST_TMPDIR/page") "$BATS_TEST_TMPDIR/entered"
}

@test "the evening's path of step07 is at most 3,200 lines" {
    cd step07_*/
    sed -n "/^Twelve files/,/^$/p" README.md | grep -o '`[a-z/_]*\.c`' | tr -d '`' >"$BATS_TEST_TMPDIR/path"
    (($(wc -l <"$BATS_TEST_TMPDIR/path") == 12))
    xargs wc -l <"$BATS_TEST_TMPDIR/path" | awk '{ print } END { exit $1 > 3200 }'
}

@test "only main, the commands and the container's own room know the container" {
    cd step07_*/
    run ! grep -n '#include "container/container.h"' rootfs/* network/* cgroup/* seccomp/* process/* config/* base/*
}

@test "the top level holds what the design lists, and nothing else" {
    git rev-parse --git-dir >/dev/null 2>&1 || skip "this is not a git checkout"
    git ls-files | sed 's,/.*,,' | sort -u | grep -vxE \
        'README\.md|LICENSE|Makefile|scripts|step0[1-7]_[a-z0-9_]+|\.[a-z.-]+' >"$BATS_TEST_TMPDIR/others" || true
    cat "$BATS_TEST_TMPDIR/others"
    [[ ! -s $BATS_TEST_TMPDIR/others ]]
}

@test "every step has its chapter, its program and its tests" {
    for number in 01 02 03 04 05 06 07; do
        ls "$(step "$number")"
        [[ -s $(step "$number")/README.md ]]
        compgen -G "$(step "$number")/*.bats" >/dev/null || compgen -G "$(step "$number")/tests/*.bats" >/dev/null
        compgen -G "$(step "$number")/*.c" >/dev/null
    done
}

@test "every script says what it does" {
    for script in scripts/*; do
        [[ -x $script && -f $script ]] || continue
        run_and_show "$script" --help
        assert_status 0
        [[ -n $output ]]
    done
}

@test "each row of the chapter's table of runtimes is a test" {
    run_and_show scripts/compare-runtimes --check
    assert_status 0
    # It would notice.
    mkdir -p "$BATS_TEST_TMPDIR/copy/scripts"
    cp scripts/compare-runtimes "$BATS_TEST_TMPDIR/copy/scripts"
    cp -r step07_full_runtime "$BATS_TEST_TMPDIR/copy"
    sed -i 's/^@test "kill 0 asks/@test "who asks/' "$BATS_TEST_TMPDIR/copy/step07_full_runtime/tests/runtimes.bats"
    run_and_show "$BATS_TEST_TMPDIR/copy/scripts/compare-runtimes" --check
    assert_status 1
    assert_output 'no such test: kill 0 asks whether it lives'
}
