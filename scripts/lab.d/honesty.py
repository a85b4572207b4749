"""Are the points honest? Grades programs that deserve none, or not all:

- the program of the step before, and a fake, which prints the right words and
  does nothing: 0 points;
- the chapter's own program, just as it is printed there: most of them;
- ours with a safeguard left out (--without=WORD): something must be lost;
- ours: all points.
"""

import os
import re
import subprocess

import catalogue
import grading
import show
from catalogue import TOP


def our_demo(step):
    return f"{TOP}/{catalogue.directory_of(step)}/demo"


def words_for(step, program):
    return f"{program} run" if step == "07" else program


def safeguards(step):
    """What this step's --help lists and the one before does not have."""
    def listed(which):
        said = subprocess.run([*words_for(which, our_demo(which)).split(), "--help"], check=False,
                              stdout=subprocess.PIPE, text=True).stdout
        return [line.split()[0] for line in said.partition("\nSafeguards")[2].splitlines()[1:]
                if line.startswith(" ")]
    before = listed(f"{int(step) - 1:02d}") if "04" < step < "07" else []
    return [word for word in listed(step) if word not in before]


def write_fake(step):
    """Says all that ours says without being asked to do anything."""
    path = f"{TOP}/build/lab/fake{step}"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    said = subprocess.run([*words_for(step, our_demo(step)).split(), "--help"], check=False,
                          stdout=subprocess.PIPE, text=True).stdout
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""#!/bin/sh
case "$*" in
*--help* | *' -h'*) cat <<'HELP'
{said}HELP
exit ;;
*--without* | *--hostname* | *--memory* | *--ip*) echo "demo: $1: bad value: $2" >&2; exit 2 ;;
*no-such*) echo "demo: execute $1: No such file or directory (no such program in PATH)" >&2; exit 127 ;;
esac
echo "1 0"; echo container; echo ready; echo "demo: 9 of 9 observed"
exec sleep 2
""")
    os.chmod(path, 0o755)
    return path


def run(step, program, engine, kind="lesson"):
    tests = grading.chosen(step, kind=kind)
    progress = show.Progress(len(tests))
    try:
        return grading.grade(step, tests, demo=program, engine=engine, progress=progress)
    finally:
        progress.end()


def deserves_none(step, whose, program, engine):
    grade = run(step, words_for(step, program), engine)
    print(f"step{step} with {whose}: {show.score(grade)} ({grade['seconds']:g} s)", flush=True)
    return [f"step {step}: {show.score(grade)} for {whose}"] if grade["points"] else []


def check_before(step, engine):
    return deserves_none(step, f"step {int(step) - 1}'s program", our_demo(f"{int(step) - 1:02d}"), engine)


def check_fake(step, engine):
    return deserves_none(step, "a fake", write_fake(step), engine)


def chapters_program(step):
    """What the reader types in from the chapter, compiled as it says."""
    directory = f"{TOP}/build/lab/chapter{step}"
    os.makedirs(directory, exist_ok=True)
    with open(f"{TOP}/{catalogue.directory_of(step)}/README.md", encoding="utf-8") as file:
        section = file.read().partition("\n## In a few lines\n")[2].partition("\n## ")[0]
    paths = []
    for name, text in re.findall(r"<!-- file: build/(\w+\.c) -->\n```c\n(.*?)```", section, re.S):
        paths.append(f"{directory}/{name}")
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write(text)
    subprocess.run(["gcc", "-o", f"{directory}/demo", *paths, *(["-lmnl"] if step == "06" else [])], check=True)
    return f"{directory}/demo"


def check_chapter(step, engine):
    grade = run(step, chapters_program(step), engine)
    print(f"step{step} with the chapter's own program: {show.score(grade)} ({grade['seconds']:g} s)", flush=True)
    return [] if grade["points"] >= 60 else [f"step {step}: the chapter's own program gets only {show.score(grade)}: "
                                             + "; ".join(test["name"] for test in grading.at_fault(grade))]


def check_ours(step, engine):
    grade = run(step, words_for(step, our_demo(step)), engine)
    print(f"step{step} with ours: {show.score(grade)} ({grade['seconds']:g} s)", flush=True)
    return [] if show.full(grade) else [f"step {step}: ours gets only {show.score(grade)}: "
                                        + "; ".join(test["name"] for test in grading.at_fault(grade))]


def check_mutants(step, engine):
    wrong, words = [], safeguards(step)
    if not words:
        print(f"step{step} has no safeguard that can be left out")
    for word in words:
        grade = run(step, f"{words_for(step, our_demo(step))} --without={word}", engine, "all")
        lost = [test for test in grade["tests"] if not test["counts"] and test["result"] != "skipped"]
        print(f"step{step} --without={word}: {show.score(grade)}; lost in:", flush=True)
        for test in lost[:6]:
            print(f"    {show.worth(test):>4}  {test['name']}")
        if not lost:
            wrong.append(f"step {step}: --without={word} loses nothing")
    return wrong


CHECKS = {"before": check_before, "fake": check_fake, "chapter": check_chapter, "ours": check_ours,
          "mutants": check_mutants}


def check(steps, kinds, engine):
    """Run the checks, and print what is wrong. Returns the exit status."""
    wrong = []
    for step in steps:
        subprocess.run(["make", "-s", f"step{step}", "rootfs"] + ([f"step0{int(step) - 1}"] if step > "01" else []),
                       cwd=TOP, check=True, stdout=subprocess.DEVNULL)
        for kind in kinds:
            if kind != "before" or step > "01":
                wrong += CHECKS[kind](step, engine)
    for line in wrong:
        print(f"WRONG: {line}")
    return 1 if wrong else 0
