"""The tests as the lab sees them: points, needs and hints, read from the
comments above each @test.

    # points: 3                    what a test of the lesson is worth
    # needs: title of a test       of the same step; may be repeated
    # needs: nothing               this is a core: see below
    # chapter: a heading           where the step's README.md says it
    # hint: a question             three of them, each a little plainer;
    #   goes on in such lines
    # bats test_tags=lesson        it is part of the lesson (in promises.bats
                                   lesson:02 for the one of step 02); without
                                   this tag it is polish

Three rules make the points honest. They are here and nowhere else:

1. A step's lesson is what its chapter teaches, and has 100 points. Polish is
   what a tool of daily use needs besides: a star for each, and no points.
2. The core of a file is the test that says "needs: nothing". It looks from
   the host. Every other test needs the core of its file without saying so; in
   a file that has none it needs any core of the step. All need the core in
   promises.bats: that the program does its work itself.
3. A test counts if it passes and everything that it needs does. So a program
   that prints the right words and does nothing gets none.
"""

import glob
import os
import re
from dataclasses import dataclass, field

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
STEPS = ["01", "02", "03", "04", "05", "06", "07"]


PROMISES = "scripts/promises.bats"


@dataclass
class Test:
    name: str
    file: str  # relative to the top
    line: int
    tags: list
    points: int = 0  # none for polish
    lesson: bool = False
    needs: list = field(default_factory=list)
    hints: list = field(default_factory=list)
    chapter: str = ""
    core: bool = False

    @property
    def part(self):
        """rootfs of step07_full_runtime/tests/rootfs.bats."""
        return os.path.basename(self.file).removesuffix(".bats")


class Mistake(Exception):
    """Of whoever wrote the comments."""


def directory_of(step):
    """The directory of our step 05: step05_cgroup_v2."""
    return os.path.basename(glob.glob(f"{TOP}/step{step}_*/")[0].rstrip("/"))


# Nobody has to write the demonstration: it comes with the step, and is no part of a program.
GIVEN = ["demonstration.c", "demonstration.h", "scenes.c"]


def given_files(step):
    return [f"{TOP}/{directory_of(step)}/{name}" for name in GIVEN]


def _add_comment(test, key, value, where):
    if key == "points":
        if not value.isdigit():
            raise Mistake(f"{where}: points: {value}: not a number")
        test.points = int(value)
    elif key == "needs" and value == "nothing":
        test.core = True
    elif key == "needs":
        test.needs.append(value)
    elif key == "chapter":
        test.chapter = value
    elif key == "hint":
        test.hints.append(value)
    elif key == "bats test_tags":
        test.tags += value.split(",")


COMMENT = re.compile(r"# (points|needs|hint|chapter): *(.*)"
                     r"|# (bats test_tags)=(.*)")


def read_file(path):
    """The tests of one .bats file, in its order."""
    tests, block = [], []
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        lines = file.read().splitlines()
    for number, line in enumerate(lines, 1):
        title = re.match(r'@test "(.*)" \{$', line)
        if title:
            name = re.sub(r'\\(["\\$`])', r"\1", title[1])
            test = Test(name, path, number, [])
            for key, value in block:
                _add_comment(test, key, value.strip(), f"{path}:{number}")
            tests.append(test)
        comment = COMMENT.match(line)
        if not line.startswith("#"):
            block = []
        elif comment:
            block.append((comment[1] or comment[3], comment[2] or comment[4] or ""))
        elif line.startswith("#   ") and block:
            block[-1] = (block[-1][0], block[-1][1] + " " + line[4:].strip())
        else:
            block.append(("", ""))
    return tests


def _tag(test, name, default):
    values = [tag[len(name) + 1:] for tag in test.tags if tag.startswith(name + ":")]
    return int(values[0]) if values else default


def read_step(step, part=""):
    """All tests of a step, or of one part of it: its own, then the promises."""
    number, tests = int(step), []
    for path in sorted(glob.glob(f"{TOP}/{directory_of(step)}/**/*.bats", recursive=True)):
        tests += read_file(os.path.relpath(path, TOP))
    tests += [test for test in read_file(PROMISES) if _tag(test, "from", 1) <= number <= _tag(test, "upto", 7)]
    for test in tests:
        test.lesson = "lesson" in test.tags or f"lesson:{step}" in test.tags
    _check(tests)
    for test in tests:
        test.points *= test.lesson
    return [test for test in tests if part in ("", test.part)]


def _check(tests):
    names = {test.name for test in tests}
    for test in tests:
        where = f"{test.file}:{test.line}"
        for need in test.needs:
            if need not in names:
                raise Mistake(f"{where}: needs: no test is called: {need}")
        if test.points and not test.lesson and not any(tag.startswith("lesson") for tag in test.tags):
            raise Mistake(f"{where}: points, but it is no part of a lesson")
        if test.hints and len(test.hints) != 3:
            raise Mistake(f"{where}: {len(test.hints)} hints, not 3")
    if len(names) != len(tests):
        seen = set()
        twice = [t.name for t in tests if t.name in seen or seen.add(t.name)]
        raise Mistake(f"two tests are called: {twice[0]}")


def cores(tests):
    return [test for test in tests if test.core]


def parts(step):
    """The parts of step07, which may be written and graded one by one."""
    return sorted({test.part for test in read_step(step)} - {"promises"})


def needs_of(test, tests):
    """Two lists: the tests that it needs, and those of which one is enough."""
    named = {other.name: other for other in tests}
    needed = [named[name] for name in test.needs if name in named]
    if test.core:
        return needed, []
    honest = [other for other in cores(tests) if other.file == PROMISES]
    heart = [other for other in cores(tests) if other.file != PROMISES]
    own = [other for other in heart if other.file == test.file]
    return needed + honest + own, ([] if own else heart)


def gates(step, tests):
    """Without each of these no test counts. (The parts of step 07 are graded one
    by one: no core of it is all the others' affair.)"""
    return cores(tests) if step != "07" else []
