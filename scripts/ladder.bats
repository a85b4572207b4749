# The steps as texts: one program that grows, in pieces that a reader can take in.
# bats file_tags=scripts
# shellcheck disable=SC2016,SC2030,SC2031
load test_helper

before_each() {
    cd "$TOP" || return
}

# step 03: its directory.
step() {
    echo step"$1"_*
}

# deleted_lines FILE STEP NEXT-STEP: the lines that NEXT-STEP does not take over from STEP.
deleted_lines() {
    diff "$(step "$2")/$1" "$(step "$3")/$1" | sed -n 's/^< //p'
}

@test "step02 replaces fork with clone3, and nothing else" {
    deleted_lines demo.c 01 02
    [[ $(deleted_lines demo.c 01 02 | grep -vc 'fork()') == 0 ]]
    (($(deleted_lines demo.c 01 02 | wc -l) <= 2))
    grep -q 'clone3(' "$(step 02)/demo.c"
}

@test "from step03 on each demo.c only adds lines to the one before" {
    for next in 03 04 05 06; do
        deleted_lines demo.c "0$((10#$next - 1))" "$next"
        [[ -z $(deleted_lines demo.c "0$((10#$next - 1))" "$next") ]]
    done
}

@test "the other files that the steps share only grow, too" {
    for next in 02 03 04 05 06; do
        for file in "$(step "0$((10#$next - 1))")"/*.[ch]; do
            file=${file##*/}
            [[ $file != demo.c ]] || continue
            deleted_lines "$file" "0$((10#$next - 1))" "$next"
            [[ -z $(deleted_lines "$file" "0$((10#$next - 1))" "$next") ]]
        done
    done
}

@test "each step adds its kernel feature, and the step before does not have it" {
    while read -r number feature; do
        grep -q "$feature" "$(step "$number")/demo.c"
        run ! grep -n "$feature" "$(step "0$((10#$number - 1))")/demo.c"
    done <<'END'
02 clone3(
03 sethostname(
04 pivot_root
05 CLONE_INTO_CGROUP
06 RTM_NEWLINK
END
}

@test "a step needs no file of another step" {
    for number in 01 02 03 04 05 06 07; do
        run ! grep -nE '#include "[^"]*/' "$(step "$number")"/*.[ch]
        # Its own copy compiles where no other step is.
        mkdir "$BATS_TEST_TMPDIR/$number"
        cp "$(step "$number")"/*.[ch] "$BATS_TEST_TMPDIR/$number"
        gcc -std=gnu17 -fsyntax-only "$BATS_TEST_TMPDIR/$number"/*.c
    done
}

# The demonstration does: it looks at the host as the reader would.
@test "no step runs another program to do its work" {
    for file in step0?_*/*.[ch]; do
        [[ $file == */demonstration.c ]] || run ! grep -nE '\<(system|popen|wordexp)\(' "$file"
    done
}

@test "functions are short" {
    command -v ctags >/dev/null || requires ctags
    ctags --fields=+ne --c-kinds=f -o "$BATS_TEST_TMPDIR/tags" step0*_*/*.c
    awk -F'\t' '/^!/ { next }
        {
            for (i = 4; i <= NF; i++) {
                if ($i ~ /^line:/) begin = substr($i, 6)
                if ($i ~ /^end:/) end = substr($i, 5)
            }
            if (end - begin + 1 >= 60) { print $2 ": " $1 ": " end - begin + 1 " lines"; bad = 1 }
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
    wc -l step07_*/*.[ch] | awk '$2 != "total" && $1 > 500 { print; bad = 1 } END { exit bad }'
    run ! grep -nE '^.{81}' step*/*.[ch]
}

@test "the modules of step07 do not need one another in circles" {
    cd step07_*/
    # From each module to those whose header it includes. (The files cgroup.c and cgroup_place.c are one module.)
    for file in *.[ch]; do
        module=${file%.?}
        module=${module%%_*}
        sed -n 's/^#include "\([a-z]*\).*\.h"/\1/p' "$file" | while read -r other; do
            [[ $other == "$module" ]] || echo "$module $other"
        done
    done | tsort >/dev/null
}

@test "only the top modules of step07 know the container" {
    cd step07_*/
    for file in capabilities cgroup console devices mounts namespaces network process rootfs seccomp spec state util; do
        [[ ! -e $file.c ]] || run ! grep -n '#include "container.h"' "$file.c"
    done
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
        compgen -G "$(step "$number")/*.bats" >/dev/null
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
