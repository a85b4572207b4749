# Above each test stand its points, what it needs, and three hints. scripts/lab reads them; here is whether they are good.
# bats file_tags=scripts
# shellcheck disable=SC2016
load test_helper

before_each() {
    cd "$TOP" || return
}

# check PYTHON: it calls bad(test, text) for what is wrong. It has "steps", the tests of each step as scripts/lab reads
# them; reading alone says whether what they need exists, and whether two have one name.
check() {
    cat >"$BATS_TEST_TMPDIR/check.py" <<'END_OF_PYTHON'
import sys
sys.dont_write_bytecode = True
sys.path.insert(0, "scripts/lab.d")
import catalogue

wrong = set()
def bad(test, text):
    wrong.add(f"{test.file}:{test.line}: {test.name}: {text}")

steps = {step: catalogue.read_step(step) for step in catalogue.STEPS}
END_OF_PYTHON
    printf '%s\n' "$1" 'print(*sorted(wrong), sep="\n")' 'sys.exit(bool(wrong))' >>"$BATS_TEST_TMPDIR/check.py"
    python3 "$BATS_TEST_TMPDIR/check.py"
}

@test "each test has three hints" {
    check '
for tests in steps.values():
    for test in tests:
        # Of step 07, where the reader is past the beginning, a few may have none yet.
        if not test.hints and test.file.startswith("step07") and len(tests) > 4 * sum(not t.hints for t in tests):
            print(f"no hints: {test.file}:{test.line}: {test.name}")
        elif len(test.hints) != 3 or not all(test.hints):
            bad(test, f"{len(test.hints)} hints, not 3")'
}

@test "each lesson has 100 points, in 8 to 15 tests" {
    check '
for step, tests in steps.items():
    lesson = [test for test in tests if test.lesson]
    print(f"step{step}: {len(lesson)} tests of the lesson, {len(tests) - len(lesson)} of the polish")
    if sum(test.points for test in lesson) != 100 or not 8 <= len(lesson) <= 15:
        bad(lesson[0], f"step{step}: {sum(test.points for test in lesson)} points in {len(lesson)} tests")
    for test in lesson:
        if not 1 <= test.points <= 20:
            bad(test, f"{test.points} points")
# The marks as they stand, before a step takes its own.
for path in {test.file for tests in steps.values() for test in tests}:
    for test in catalogue.read_file(path):
        if any(tag.startswith("lesson") for tag in test.tags) and not test.points:
            bad(test, "the lesson has points")'
}

@test "no two tests of a step give the same hint" {
    check '
for tests in steps.values():
    given = {}
    for test in tests:
        # The conformance tests quote the rule of the specification that they are about.
        for hint in test.hints if "/conformance_" not in test.file else []:
            if given.setdefault(hint, test) is not test:
                bad(test, f"the same hint as \"{given[hint].name}\": {hint}")'
}

@test "a hint quotes its code between two backticks" {
    check '
for tests in steps.values():
    for test in tests:
        for hint in test.hints:
            if hint.count("`") % 2:
                bad(test, f"an odd number of backticks: {hint}")'
}

@test "the second hint says where to read on, and the third one quotes code or names a function" {
    check '
import re
for tests in steps.values():
    for test in tests:
        if test.hints and not re.search(r"\w\([1-9]\)|\.rst|\.md|\.c\b|\.h\b|--help|\./demo|`", test.hints[1]):
            bad(test, f"where to read? {test.hints[1]}")
        if test.hints and not re.search(r"`|\w_\w|\.c\b", test.hints[2]):
            bad(test, f"which line? {test.hints[2]}")'
}

@test "the files of step07 that a hint names are there, and what it says is in them" {
    check '
import os, re
rooms = "|".join(name for name in os.listdir("step07_full_runtime") if os.path.isdir(f"step07_full_runtime/{name}"))
for test in steps["07"]:
    for names, path in re.findall(rf"((?:\w+(?:, | and ))*\w*) ?\b((?:{rooms})/\w+\.[ch])\b", test.hints[2].replace(" in ", " ") if test.hints else ""):
        if not os.path.exists(f"step07_full_runtime/{path}"):
            bad(test, f"no such file: {path}")
            continue
        text = open(f"step07_full_runtime/{path}", encoding="utf-8").read()
        for name in re.split(", | and ", names):
            if "_" in name and not re.search(rf"\b{name}\b", text):
                bad(test, f"{name} is not in {path}")'
}

# The source of the step; of the promises, which all steps keep, that of any step. Names are those in small letters with
# an underscore. Code is quoted without regard to white space and braces; "..." stands for anything.
@test "the code that a third hint quotes is in the source, and so are the functions that it names" {
    check '
import glob, re

def source(step):
    files = glob.glob(f"step{step}_*/**/*.[ch]", recursive=True) + glob.glob(f"step{step}_*/rung.*") + ["Makefile"]
    return re.sub(r"\"\s*\n\s*\"", "", "".join(open(path, encoding="utf-8").read() for path in files))

def squeezed(text):
    return re.sub(r"[\s{}]+", "", text)

sources = {step: source(step) for step in catalogue.STEPS}
sources["any"] = "".join(sources.values())
code = {step: squeezed(text) for step, text in sources.items()}
quotes = names = 0
for step, tests in steps.items():
    for test in tests:
        hint = test.hints[2] if test.hints else ""
        where = "any" if test.file.endswith("promises.bats") else step
        for quote in re.findall("`([^`]+)`", hint):
            if re.search(r"[;(=\[]", quote):
                quotes += 1
                if not all(squeezed(part) in code[where] for part in quote.split("...")):
                    bad(test, f"not in the source: {quote}")
        for name in re.findall(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b(?!\.)", re.sub("`[^`]*`", "", hint)):
            names += 1
            if not re.search(rf"\b{name}\b", sources[where]):
                bad(test, f"not in the source: {name}")
if quotes < 500 or names < 300:
    wrong.add(f"{quotes} quotes and {names} names: where are the others?")'
}

@test "what a test needs does not need it in its turn" {
    check '
for tests in steps.values():
    named = {test.name: test for test in tests}
    def climb(test, above):
        if test.name in above:
            bad(test, "it needs itself: " + ", ".join(above))
        else:
            for name in test.needs:
                climb(named[name], above + [test.name])
    for test in tests:
        climb(test, [])
        if test.core and test.needs:
            bad(test, "it needs nothing, and something")'
}

@test "what a chapter says of the next step's tests is so" {
    check '
import glob, re
for step, before in zip(catalogue.STEPS[1:], catalogue.STEPS):
    path = glob.glob(f"step{before}_*/README.md")[0]
    text = open(path, encoding="utf-8").read().partition(f"## Next: write step {step}")[2]
    names = {test.name for test in catalogue.read_step(step)}
    lesson = sum(test.lesson for test in catalogue.read_step(step))
    if not text:
        wrong.add(f"{path}: no section \"Next: write step {step}\"")
    for number in re.findall(r"(\d+) tests", text):
        if int(number) != lesson:
            wrong.add(f"{path}: the lesson of step {step} has {lesson} tests, not {number}")
    for title in re.findall(r"^- \"(.*?)\"", text, re.M):
        if title not in names:
            wrong.add(f"{path}: step {step} has no test \"{title}\"")'
}

@test "each chapter asks three questions, and folds the answers away" {
    check '
import glob, re
for path in sorted(glob.glob("step0[1-7]_*/README.md")):
    questions, _, answers = open(path, encoding="utf-8").read().partition("## Questions")[2].partition("<details>")
    answers = answers.partition("</details>")[0]
    for text in questions, answers:
        if re.findall(r"^(\d)\. ", text, re.M) != ["1", "2", "3"]:
            wrong.add(f"{path}: not three questions with their answers")'
}

@test "the hints that the guide's table of failures names are there" {
    check '
import re
names = {test.name for tests in steps.values() for test in tests}
rows = [line for line in open("scripts/README.md", encoding="utf-8") if re.match(r"\| .*hint", line)]
quoted = [title for row in rows for title in re.findall(r"\"(.*?)\"", row.rpartition("hint")[2])]
if len(quoted) < 5:
    wrong.add("scripts/README.md: where are the hints?")
for title in quoted:
    if title not in names:
        wrong.add(f"scripts/README.md: no test is called \"{title}\"")'
}
