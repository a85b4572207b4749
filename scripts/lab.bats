# scripts/lab: the learner's commands on steps 01 and 02, in a copy of this checkout. (What virtual machines and whole
# steps take longer for is in "scripts/lab check".)
# bats file_tags=scripts
# shellcheck disable=SC2030,SC2031,SC2154
load test_helper

setup_file() {
    local copy=$BATS_FILE_TMPDIR/copy
    mkdir "$copy"
    (cd "$TOP" && find . \( -name .git -o -path ./build -o -path ./work -o -name demo \) -prune -o -type f -print0 |
        tar -c --null --files-from=-) | tar -x -C "$copy"
    mkdir "$copy/build"
    [[ ! -d $TOP/build/rootfs ]] || cp -a "$TOP/build/rootfs" "$copy/build/"
}

before_each() {
    cd "$BATS_FILE_TMPDIR/copy" || return
    rm -rf work
}

# lab ARGS...: sets $status, and $output to standard output and error together.
lab() {
    status=0
    output=$(scripts/lab "$@" 2>&1 </dev/null) || status=$?
    mapfile -t lines <<<"$output"
    printf '$ lab %s\n%s\nstatus: %s\n' "$*" "$output" "$status"
}

# ours 01: our own program, where the reader's would be.
ours() {
    mkdir -p work
    cp -r "step$1"_* work/
}

# python: a script that knows the lab's modules.
python() {
    run_and_show python3 -B -c "import sys; sys.path.insert(0, 'scripts/lab.d'); $(cat)"
    assert_status 0
}

# --- The rules -------------------------------------------------------------

@test "every step's tests have points, needs and hints that make sense, and a core" {
    python <<'END'
import catalogue
for step in catalogue.STEPS:
    tests = catalogue.read_step(step)
    own = [test for test in tests if test.part != "promises"]
    cores = {core.name for core in catalogue.cores(tests)}
    assert cores, f"step {step} has no core"
    if step > "01":
        kept = sum(test.tenths for test in tests if test.part == "promises")
        assert sum(test.tenths for test in own) > kept, f"step {step}: the promises outweigh its own tests"
    # Whatever a test needs, in the end there is a core, and no circle.
    for test in tests:
        seen, rest = set(), [test]
        while rest:
            needed, one_of = catalogue.needs_of(rest.pop(), tests)
            rest += [other for other in needed + one_of if other.name not in seen]
            seen |= {other.name for other in needed + one_of}
        assert test.name not in seen, f"{test.name} needs itself"
        assert test.core or seen & cores, f"{test.name} needs no core"
END
}

@test "points count when all that a test needs passes, and causes are told from what follows from them" {
    python <<'END'
import grading
from catalogue import Test
tests = [Test("core", "a.bats", 1, [], core=True, tenths=30),
         Test("two", "a.bats", 2, [], tenths=10),
         Test("three", "a.bats", 3, [], needs=["two"], tenths=10),
         Test("promise", "promises.bats", 4, [], tenths=1)]
def graded(**results):
    results = {name: (result, 0, "") for name, result in results.items()}
    return {test["name"]: (test["tenths"], test["cause"]) for test in grading.evaluate(tests, results)}
assert graded(core="passed", two="passed", three="passed", promise="passed") == {
    "core": (30, ""), "two": (10, ""), "three": (10, ""), "promise": (1, "")}
assert graded(core="passed", two="failed", three="passed", promise="failed") == {
    "core": (30, ""), "two": (0, ""), "three": (0, "two"), "promise": (0, "")}
# Who prints the right words passes all but the core.
assert not any(tenths for tenths, _ in graded(core="failed", two="passed", three="passed", promise="passed").values())
# What was not run waits for the core, and so does all the rest.
assert graded(core="timeout") == {"core": (0, ""), "two": (0, "core"), "three": (0, "core"), "promise": (0, "core")}
# The same last words mean the same cause.
grade = grading.evaluate(tests, {"core": ("passed", 0, ""), "promise": ("passed", 0, ""),
    "two": ("failed", 0, "stderr: demo: mount 7: no"), "three": ("failed", 0, "stderr: demo: mount 8: no")})
assert [test["cause"] for test in grade] == ["", "", "two", ""]
END
}

@test "wrong options are errors of one line, with status 2" {
    for arguments in '' no-such-command 'grade --step=8' 'grade --step=x' grade '--no-such' 'lab --step=2 --from=yours' \
        class-report 'grade --step=01 --part=nose --demo=/bin/true'; do
        # shellcheck disable=SC2086 # several words
        lab $arguments
        ((status == 2 && ${#lines[@]} == 1))
        [[ $output == lab:\ *--help* ]]
    done
    lab grade --step=5
    ((status == 1))
    [[ $output == *"make lab STEP=05"* ]]
}

# --- Beginning -------------------------------------------------------------

@test "lab begins with a skeleton or the step before, and never overwrites" {
    lab lab --step=1
    ((status == 0))
    grep -q 'int main' work/step01_fork_exec/demo.c
    echo '/* mine */' >>work/step01_fork_exec/demo.c
    lab lab --step=01
    ((status == 1))
    [[ $output == *"there already"*"make reset STEP=01"* ]]
    [[ $(tail -n 1 work/step01_fork_exec/demo.c) == '/* mine */' ]]
    lab lab --step=02
    # All of the step before, with the scenes of this one.
    for file in step01_fork_exec/*.[ch]; do
        [[ $file == */scenes.c ]] || cmp "work/step02_pid_ns/${file##*/}" "$file"
    done
    cmp work/step02_pid_ns/scenes.c step02_pid_ns/scenes.c
    [[ ! -e work/step02_pid_ns/namespaces.c ]]
}

@test "lab --from=mine begins with the reader's own step before" {
    lab lab --step=02 --from=mine
    ((status == 1))
    [[ $output == *step01*"not there"* && ! -e work/step02_pid_ns ]]
    ours 01
    echo '/* mine */' >>work/step01_fork_exec/demo.c
    lab lab --step=02 --from=mine
    cmp work/step02_pid_ns/demo.c work/step01_fork_exec/demo.c
}

@test "reset moves the work away, and deletes nothing" {
    ours 01
    lab reset --step=1
    ((status == 0))
    [[ ! -e work/step01_fork_exec ]]
    cmp work/old/step01_fork_exec.*/demo.c step01_fork_exec/demo.c
    lab reset --step=1
    ((status == 1))
}

@test "jump begins later, and status says what was left out" {
    lab jump --step=3
    cmp work/step03_uts_ns/demo.c step02_pid_ns/demo.c
    lab status
    [[ ${lines[0]} == *'jumped ahead' && ${lines[1]} == *'jumped ahead' && ${lines[2]} == *begun* ]]
    [[ ${lines[-1]} == 'next: make grade STEP=03' ]]
}

@test "make passes everything on" {
    run_and_show make -s lab STEP=1
    assert_status 0
    run_and_show make -s lab STEP=9
    [[ $status != 0 && $stderr == *'STEP=9'* ]]
    run_and_show make -s diff STEP=3
    assert_output_like '*+*sethostname*'
}

# --- Grading ---------------------------------------------------------------

@test "the skeleton compiles without a warning, and is worth nothing" {
    requires root
    lab lab --step=01
    make -s WERROR=1 work/step01_fork_exec/demo
    lab grade --step=01
    ((status == 0))
    [[ $output == *'not yet'*'shell, demo and command'*'ran '*'expected '*'came '*'not written yet'*'wait for this one'* ]]
    [[ $output == *'step01: 0 of '*'make hint STEP=01'* ]]
    lab grade --step=01 --strict
    ((status == 1))
}

@test "our own program gets full marks, and status and reports remember them" {
    requires root
    ours 01
    lab grade --step=1 --part=demo --strict
    ((status == 0))
    [[ ${lines[-1]} =~ ^step01:\ ([0-9.]+)\ of\ ([0-9.]+)\ points && ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" ]]
    [[ $output != *'not yet'* ]]
    # As if it had been the whole step.
    mv work/.grades/step01.demo.json work/.grades/step01.json
    lab status
    [[ ${lines[0]} == '01 fork_exec '*' done' && ${lines[-1]} == 'next: make lab STEP=02' ]]
    lab report
    ((status == 0))
    grep -q '^ok 1 ' work/report/report.tap
    run ! grep -q '^not ok' work/report/report.tap
    python <<'END'
import json
import xml.etree.ElementTree as xml
steps = json.load(open("work/report/report.json"))["steps"]
assert steps[0]["points"] == steps[0]["points_most"] > 0
suite = xml.parse("work/report/report.xml").getroot().find("testsuite")
assert len(suite.findall("testcase")) == len(steps[0]["tests"]) and suite.find("testcase/failure") is None
END
}

@test "a program that does not compile: the compiler's error, and one clear sentence" {
    ours 01
    sed -i 's/^#include "demo.h"//' work/step01_fork_exec/demo.c
    lab grade --step=01
    ((status == 0))
    [[ $output == *demo.c:*error:*'does not compile'*': 0 of '* ]]
    lab status
    [[ ${lines[0]} == *'does not compile' ]]
    lab hint --step=01
    ((status == 1))
    [[ $output == *compile* ]]
}

@test "a program that prints the right words and does nothing gets no points" {
    requires root
    put fake '#!/bin/sh
printf "%s\n" "1 0" hello ready "demo: 5 of 5 observed" --help --verbose --pid
echo "demo: $1: No such file or directory (no such program in PATH)" >&2
exit 2'
    for step in 01 02; do
        lab grade --step="$step" --demo=./fake
        ((status == 0))
        [[ $output == *"step$step: 0 of "* ]]
    done
}

@test "the program of the step before is worth nothing" {
    requires root
    make -s step01
    lab grade --step=02 --demo=step01/demo
    [[ $output == *"step02: 0 of "* ]]
    # What programs of ours get says nothing about the reader.
    [[ ! -e work/.grades/step02.json ]]
}

@test "watch grades at each save, and stays at its step" {
    requires root
    lab lab --step=01
    watched=$BATS_TEST_TMPDIR/watched
    scripts/lab watch --step=01 </dev/null >"$watched" 2>&1 3>&- &
    watcher=$!
    eventually grep -q 'step01: 0 of ' "$watched"
    sed 's/^#include "demo.h"//' step01_fork_exec/demo.c >new
    mv new work/step01_fork_exec/demo.c
    eventually grep -q 'does not compile' "$watched"
    kill -TERM "$watcher"
    wait "$watcher" || true
    cat "$watched"
    [[ ! -e work/step02_pid_ns ]]
}

@test "hints: three levels for the first test that fails, then no more" {
    lab lab --step=01
    lab hint --step=01
    [[ $output == *'where to begin'*'shell, demo and command'*'1. '* && $output != *'2. '* ]]
    lab hint --step=01
    [[ $output == *'2. '* && $output != *'3. '* ]]
    for _ in 1 2; do
        lab hint --step=01
        [[ $output == *'1. '*'2. '*'3. '* && $output != *'more: '* ]]
    done
}

@test "compare shows the solution only to who asks for it, or has full marks" {
    ours 01
    echo '/* mine */' >>work/step01_fork_exec/demo.c
    lab compare --step=1
    ((status == 1))
    [[ $output == *YES=1* && $output != *mine* ]]
    lab compare --step=1 --yes
    ((status == 0))
    [[ $output == *'-/* mine */'* ]]
}

# --- A class ---------------------------------------------------------------

@test "a class: whose program is it, and of which step" {
    rm -rf class
    mkdir -p class/alice/work/{step02_pid_ns,old/step01_x} class/bob/step03 class/step04/carol class/step05
    touch class/alice/work/step02_pid_ns/{demo,demonstration}.c class/alice/work/old/step01_x/demo.c \
        class/bob/step03/demo.c class/step04/carol/demo.c class/step05/dan.c class/{erin-01,frank_step06,grace}.c
    ln -s /etc/passwd class/mallory-01.c
    python <<'END'
import classroom
found, unclear = classroom.find_programs("class", "")
assert sorted(found) == [("alice", "02"), ("bob", "03"), ("carol", "04"), ("dan", "05"), ("erin", "01"),
                         ("frank", "06")], sorted(found)
assert unclear == ["grace.c"], unclear
assert ("grace", "04") in classroom.find_programs("class", "04")[0]
END
}

@test "a class: the table, CSV and JSON" {
    python <<'END'
import csv, json
import classroom
import grading
full = dict(grading.empty("01", "", ""), tenths=1550, most=1550, time="2026-11-20T10:42:00")
stuck = grading.empty("02", "", "demo.c:1: error: what is this?")
rows = {("alice", "01"): full, ("alice", "02"): stuck, ("bob", "01"): full}
classroom.print_table(rows, ["alice", "bob"])
paths = classroom.write_tables(rows, ".")
assert [row["stuck_on"] for row in csv.DictReader(open(paths[0]))] == ["", "does not compile", ""]
assert json.load(open(paths[1]))[0] == {"student": "alice", "step": "01", "points": 155.0, "points_most": 155.0,
                                        "time": "2026-11-20T10:42:00", "stuck_on": ""}
END
    [[ ${lines[1]} == alice*155/155*0/*'02: does not compile' ]]
}
