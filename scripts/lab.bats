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

@test "every step's tests have needs that make sense, and a core" {
    python <<'END'
import catalogue
for step in catalogue.STEPS:
    tests = catalogue.read_step(step)
    cores = {core.name for core in catalogue.cores(tests)}
    assert cores, f"step {step} has no core"
    assert all(core.lesson for core in catalogue.gates(step, tests)), f"step {step}: a core that is no part of the lesson"
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

@test "every test of a lesson says which section of the chapter it is about" {
    python <<'END'
import re
import catalogue
for step in catalogue.STEPS:
    chapter = open(f"{catalogue.directory_of(step)}/README.md").read()
    for test in catalogue.read_step(step):
        assert not test.lesson or re.search(f"^## {re.escape(test.chapter)}$", chapter, re.M), f"{test.name}: {test.chapter}"
END
}

@test "points count when all that a test needs passes, and causes are told from what follows from them" {
    python <<'END'
import grading
from catalogue import PROMISES, Test
tests = [Test("core", "a.bats", 1, [], core=True, points=30, lesson=True),
         Test("honest", PROMISES, 1, [], core=True, points=2, lesson=True),
         Test("two", "a.bats", 2, [], points=10, lesson=True),
         Test("three", "a.bats", 3, [], needs=["two"], points=10, lesson=True),
         Test("star", PROMISES, 4, [])]
def graded(**results):
    results = {name: (result, 0, "") for name, result in results.items()}
    return {test["name"]: (test["counts"], test["cause"]) for test in grading.evaluate(tests, results, tests[:2])}
passed = dict.fromkeys(["core", "honest", "two", "three", "star"], "passed")
assert graded(**passed) == dict.fromkeys(passed, (True, ""))
assert graded(**passed | {"two": "failed", "star": "failed"}) == {
    "core": (True, ""), "honest": (True, ""), "two": (False, ""), "three": (False, "two"), "star": (False, "")}
# Who prints the right words passes all but a core. Who has others do the work passes all but the other one.
for core in "core", "honest":
    assert not any(counts for counts, _ in graded(**passed | {core: "failed"}).values())
# What was not run waits for the core.
assert {cause for name, (_, cause) in graded(core="timeout", honest="passed").items() if name != "core"} == {"", "core"}
# The same last words mean the same cause.
grade = grading.evaluate(tests, {"core": ("passed", 0, ""), "honest": ("passed", 0, ""), "star": ("passed", 0, ""),
    "two": ("failed", 0, "stderr: demo: mount 7: no"), "three": ("failed", 0, "stderr: demo: mount 8: no")})
assert [test["cause"] for test in grade] == ["", "", "", "two", ""]
END
}

@test "wrong options are errors of one line, with status 2" {
    for arguments in '' no-such-command 'grade --step=8' 'grade --step=x' grade '--no-such' 'lab --step=2 --from=yours' \
        class-report 'grade --step=01 --part=nose --demo=/bin/true' 'hint --step=07 --part=nose' \
        'grade --step=01 --test=nosuchtest --demo=/bin/true'; do
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
    # All of this step, but what the lesson is about.
    for file in step02_pid_ns/*.[ch]; do
        case $file in
        */namespaces.c | */terminal.c) run ! cmp -s "work/step02_pid_ns/${file##*/}" "$file" ;;
        *) cmp "work/step02_pid_ns/${file##*/}" "$file" ;;
        esac
    done
}

@test "what a step begins with compiles without a warning, has the lesson's functions, and none of the answers" {
    for step in 2 3 4 5 6; do
        lab lab --step="$step"
        ((status == 0))
    done
    # Of the last one, which has all the files of those before it.
    make -s WERROR=1 work/step06_veth/demo work/step02_pid_ns/demo
    for file in step02_pid_ns/namespaces.c step03_uts_ns/hostname.c step04_mount_proc/rootfs.c \
        step05_cgroup_v2/cgroup.c step06_veth/network.c; do
        # The functions that others call, each with its comment.
        diff <(grep -E '^[a-z].*\(.*' "$file" | grep -v '^static\|;$\|=' | sort) \
            <(grep -E '^[a-z].*\(.*' "work/$file" | sort)
        (($(grep -c '^/\*\|^ \*' "work/$file") > 3))
        run ! grep -E 'CLONE_|sethostname\(|mkdir|mount\(|if \(' <(grep -v '^ \*\|^/\*' "work/$file")
    done
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
    cmp work/step03_uts_ns/demo.c step03_uts_ns/demo.c
    lab status
    [[ ${lines[6]} == *'jumped ahead' && ${lines[5]} == *'jumped ahead' && ${lines[4]} == *begun* ]]
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
    [[ $output == *'not yet'*'shell, demo and command'*'ran '*'expected '*'came '*'not written yet'* ]]
    [[ $output == *'chapter '*'step01_fork_exec/README.md: The idea'* ]]
    [[ $output == *'step01: 0 of 100 points'*'make hint STEP=01'* ]]
    lab grade --step=01 --strict
    ((status == 1))
}

@test "our own program has all points, and status and reports remember them" {
    requires root
    ours 01
    lab grade --step=1 --strict
    ((status == 0))
    [[ $output == *'step01: 100 of 100 points'*'make polish STEP=01' && $output != *'not yet'* ]]
    lab status
    [[ ${lines[6]} == '|==========|  01 fork_exec '*' done' && ${lines[-1]} == 'next: make lab STEP=02' ]]
    # One test is graded alone, and the others stay as they are.
    lab grade --step=1 --test='each deadly signal'
    [[ $output == *'step01: 22 of 22 points'* ]]
    lab status
    [[ ${lines[6]} == *'100 of 100 points'*done ]]
    lab report
    ((status == 0))
    grep -q '^ok 1 ' work/report/report.tap
    run ! grep -q '^not ok' work/report/report.tap
    python <<'END'
import json
import xml.etree.ElementTree as xml
steps = json.load(open("work/report/report.json"))["steps"]
assert steps[0]["points"] == steps[0]["most"] == 100
suite = xml.parse("work/report/report.xml").getroot().find("testsuite")
assert len(suite.findall("testcase")) == len(steps[0]["tests"]) and suite.find("testcase/failure") is None
END
}

# thirty_lines: what chapter 01 teaches, and nothing else.
thirty_lines() {
    mkdir -p work/step01_fork_exec
    cat >work/step01_fork_exec/mine.c <<'END'
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t started;

static void hand_on(int number)
{
    kill(started, number);
}

int main(int argc, char **words)
{
    for (int number = 1; argc > 1 && number < NSIG; number++)
        if (number == SIGTERM || number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGUSR1 ||
            number == SIGUSR2)
            signal(number, hand_on);
    started = fork();
    if (started == 0) {
        execvp(words[1], words + 1);
        fprintf(stderr, "demo: %s: %s\n", words[1], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
    }
    int status;
    while (waitpid(started, &status, 0) == -1)
        ;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
END
}

@test "who has understood the chapter has its points: thirty lines, one file, names of their own" {
    requires root
    thirty_lines
    lab grade --step=01
    [[ $output =~ 'step01: '([0-9]+)' of 100 points' ]]
    ((BASH_REMATCH[1] >= 90))
}

@test "a program that does not compile: the compiler's error, and one clear sentence" {
    ours 01
    sed -i 's/^#include "demo.h"//' work/step01_fork_exec/demo.c
    lab grade --step=01
    ((status == 0))
    [[ $output == *demo.c:*error:*'does not compile'*': 0 of '* ]]
    lab status
    [[ ${lines[6]} == *'does not compile' ]]
    lab hint --step=01
    ((status == 1))
    [[ $output == *compile* ]]
}

# nothing_for STEP PROGRAM [REASON]: it gets no point, and soon.
nothing_for() {
    local begin=$SECONDS
    lab grade --step="$1" --demo="$2"
    ((status == 0))
    [[ $output == *"step$1: 0 of 100 points"* && $output == *"${3-}"* ]]
    ((SECONDS - begin < 60 * SLOWNESS))
}

# compile NAME <<'END' ... END: a program in C.
compile() {
    gcc -D_GNU_SOURCE -include stdio.h -include stdlib.h -include string.h -include unistd.h -include signal.h \
        -include fcntl.h -include sys/wait.h -o "$1" -x c -
}

@test "no points for printing the right words, nor for the program of the step before" {
    requires root
    put fake '#!/bin/sh
printf "%s\n" "1 0" hello ready "demo: 5 of 5 observed" --help --verbose --pid
echo "demo: $1: No such file or directory (no such program in PATH)" >&2
exit 2'
    nothing_for 01 ./fake
    make -s step01
    nothing_for 02 step01/demo
    # What programs elsewhere get says nothing about the reader's own.
    [[ ! -e work/.grades/step02.json ]]
}

@test "no points for having others do the work: system(3), unshare, ours, a copy of it" {
    requires root
    make -s step02
    compile system <<'END'
int main(int argc, char **argv)
{
    char line[99999] = "unshare --pid --fork --kill-child";
    for (int i = 1; i < argc; i++)
        sprintf(line + strlen(line), " '%s'", argv[i]);
    return WEXITSTATUS(system(line));
}
END
    compile unshare <<'END'
int main(int argc, char **argv)
{
    char *words[argc + 4];
    memcpy(words, (char *[]){"unshare", "--pid", "--fork", "--kill-child"}, 4 * sizeof(char *));
    memcpy(words + 4, argv + 1, (size_t)argc * sizeof(char *));
    return execvp("unshare", words);
}
END
    cp step02/demo copy
    compile ours <<END
int main(int argc, char **argv)
{
    return argc ? execv("$PWD/copy", argv) : 0;
}
END
    nothing_for 02 ./system
    nothing_for 02 ./unshare 'programs that were begun: unshare'
    nothing_for 02 ./ours copy
}

@test "no points for bubblewrap's work, nor for crun's" {
    requires root
    type -P bwrap crun >/dev/null || skip "this machine lacks: bwrap crun"
    compile bwrap <<'END'
int main(int argc, char **argv)
{
    char *words[argc + 6];
    memcpy(words, (char *[]){"bwrap", "--unshare-pid", "--as-pid-1", "--dev-bind", "/", "/"}, 6 * sizeof(char *));
    memcpy(words + 6, argv + 1, (size_t)argc * sizeof(char *));
    return execvp("bwrap", words);
}
END
    # crun wants a bundle: the host's root, and our command.
    compile crun <<'END'
int main(int argc, char **argv)
{
    char line[9999] = "", name[99];
    for (int i = 1; i < argc; i++)
        sprintf(line + strlen(line), "%s\"%s\"", i > 1 ? "," : "", argv[i]);
    FILE *file = fopen("config.json", "w");
    fprintf(file, "{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"/\"},\"mounts\":[],\"process\":{\"cwd\":\"/\",\"args\":[%s]},"
                  "\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"mount\"}]}}", line);
    fclose(file);
    sprintf(name, "lab%d", getpid());
    return execlp("crun", "crun", "run", name, NULL);
}
END
    nothing_for 02 ./bwrap 'programs that were begun: '
    nothing_for 02 ./crun
}

@test "no points for an #include of ours" {
    mkdir -p work/step01_fork_exec
    for file in demo options program report; do
        echo "#include \"../../step01_fork_exec/$file.c\"" >"work/step01_fork_exec/$file.c"
    done
    lab grade --step=01
    [[ $output == *'step01_fork_exec/'*'that is ours'* && $output != *'of 100 points (' ]]
    lab status
    [[ ${lines[6]} != *done ]]
}

@test "no points for killing or stopping whoever runs the test, and an answer all the same" {
    requires root
    for signal in KILL STOP; do
        compile violent <<END
int main(void)
{
    kill(getppid(), SIG$signal);
    kill(-1, SIG$signal);
    return 0;
}
END
        nothing_for 01 ./violent
    done
    run ! pgrep -xf "$PWD/violent.*"
}

@test "no points for changing the tests" {
    requires root
    compile robber <<END
int main(int argc, char **argv)
{
    close(open("$PWD/scripts/promises.bats", O_WRONLY | O_APPEND));
    FILE *file = fopen("$PWD/scripts/promises.bats", "a");
    fputs("# nothing\n", file);
    fclose(file);
    pid_t pid = fork();
    if (pid == 0)
        execvp(argv[1], argv + 1);
    int status;
    return argc && waitpid(pid, &status, 0) > 0 ? WEXITSTATUS(status) : 1;
}
END
    cp scripts/promises.bats saved
    lab grade --step=01 --demo=./robber
    cp saved scripts/promises.bats
    [[ $output == *'No points'*'scripts/promises.bats was changed'* ]]
}

@test "no points for a test that leaves a process, a mount or a link behind" {
    requires root
    compile untidy <<'END'
int main(int argc, char **argv)
{
    if (fork() == 0)
        return setsid() + (int)sleep(1000);
    pid_t pid = fork();
    if (pid == 0)
        execvp(argv[1], argv + 1);
    int status;
    return argc && waitpid(pid, &status, 0) > 0 ? WEXITSTATUS(status) : 1;
}
END
    nothing_for 01 ./untidy
    run ! pgrep -f "$PWD/untidy"
}

@test "watch grades at each save, and stays at its step" {
    requires root
    lab lab --step=01
    watched=$BATS_TEST_TMPDIR/watched
    scripts/lab watch --step=01 </dev/null >"$watched" 2>&1 3>&- &
    watcher=$!
    EVENTUALLY_SECONDS=60 eventually grep -q 'step01: 0 of ' "$watched"
    sed 's/^#include "demo.h"//' step01_fork_exec/demo.c >new
    mv new work/step01_fork_exec/demo.c
    EVENTUALLY_SECONDS=60 eventually grep -q 'does not compile' "$watched"
    # Who saves again does not wait for the grade of what was.
    cp step01_fork_exec/*.[ch] work/step01_fork_exec/
    EVENTUALLY_SECONDS=60 eventually bash -c '(($(grep -c "^---" "$1") == 3))' - "$watched"
    sleep 1
    touch work/step01_fork_exec/demo.c
    EVENTUALLY_SECONDS=60 eventually grep -q 'given up' "$watched"
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

@test "a class: who interrupts the report goes on from there, and a failed machine is nobody's grade" {
    rm -rf class
    mkdir class
    for name in alice bob carol; do
        echo "/* $name */" >"class/$name-01.c"
    done
    python <<'END'
import classroom
import grading
graded, plan = [], []
def grade(step, tests, source, **_):
    name = source.split("/")[2]
    graded.append(name)
    what = plan.pop(0)
    if what == "interrupt":
        raise KeyboardInterrupt
    if what == "broken machine":
        raise grading.Failed("the virtual machine ended with status 125")
    return grading.empty(step, source, "", [])
grading.grade = grade
classroom.os.cpu_count = lambda: 1
def report(*what):
    graded.clear()
    plan[:] = what
    try:
        classroom.report("class", "work/class", "", "")
    except KeyboardInterrupt:
        pass
    return sorted(graded)
assert report("good", "interrupt", "interrupt")[:2] == ["alice", "bob"]
assert report("good", "broken machine") == ["bob", "carol"] # not alice again
assert report("good") == ["carol"] # whose machine had failed
assert report() == []
END
}

@test "a class: the table, CSV and JSON" {
    python <<'END'
import csv, json
import classroom
import grading
full = dict(grading.empty("01", "", "", []), points=100, most=100, time="2026-11-20T10:42:00")
stuck = dict(grading.empty("02", "", "demo.c:1: error: what is this?", []), most=100)
rows = {("alice", "01"): full, ("alice", "02"): stuck, ("bob", "01"): full}
classroom.print_table(rows, ["alice", "bob"])
paths = classroom.write_tables(rows, ".")
assert [row["stuck_on"] for row in csv.DictReader(open(paths[0]))] == ["", "does not compile", ""]
assert json.load(open(paths[1]))[0] == {"student": "alice", "step": "01", "points": 100, "points_most": 100,
                                        "time": "2026-11-20T10:42:00", "stuck_on": ""}
END
    [[ ${lines[1]} == alice*100/100*0/100*'02: does not compile' ]]
}
