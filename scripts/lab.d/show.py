"""What the lab prints: grades, changes, the table of the steps."""

import os
import re
import sys
import textwrap
import time

import catalogue

COLOURS = {"good": "32", "bad": "31", "dim": "2", "strong": "1", "warn": "33"}


def colour(kind, text):
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{COLOURS[kind]}m{text}\033[0m"


def points(tenths):
    return f"{tenths / 10:g}"


def score(grade):
    return f"{points(grade['tenths'])} of {points(grade['most'])} points"


def full(grade):
    return bool(grade) and grade["tenths"] == grade["most"] and not grade["error"]


def when(stamp):
    """10:42 for today, 2026-11-20 10:42 for other days."""
    day, hour = stamp[:10], stamp[11:16]
    return hour if day == time.strftime("%Y-%m-%d") else f"{day} {hour}"


class Progress:
    """A counter on one line, if somebody is watching."""

    def __init__(self, total):
        self.total = total
        self.shown = sys.stderr.isatty()

    def __call__(self, seen, line):
        if self.shown:
            note = line if line.startswith(("test:", "vm:", "rootfs:", "setup:")) else ""
            text = note or f"test {seen} of {self.total}"
            sys.stderr.write(f"\r\033[K{text[:76]}")
            sys.stderr.flush()

    def end(self):
        if self.shown:
            sys.stderr.write("\r\033[K")


# --- A failure ---------------------------------------------------------------

def read_failure(text, program):
    """Three things out of what bats says: what ran, what was expected, what
    came instead."""
    # What is left on the host is worth a word only if nothing else was wrong.
    only_left = '|| fail "$problem"' in text
    if not only_left:
        text = text.partition("The host has changed (")[0]
    lines = [re.sub(r"^ *# ?", "", line) for line in text.splitlines()]
    expected, came, ran = [], [], ""
    inside = False
    for line in lines:
        if re.match(r"\(from function|\(in test file| from function| in test file", line):
            place = re.search(r"in test file (.*), line (\d+)", line)
            if place:
                expected.append(f"({os.path.normpath(place[1])}, line {place[2]})")
        elif line.startswith("  `") or inside:
            expected.insert(-1 if expected else 0, line.strip().removeprefix("`"))
            inside = not re.search(r"' failed( with status \d+)?$", line)
        elif line.startswith("$ "):
            ran, came = line[2:], []
        elif "tracing.bash: line" in line:
            continue
        elif line.startswith(("FAILED: ", "VALUE: ")):
            came.insert(0, line.split(": ", 1)[1])
        elif line.strip():
            came.append(line)
    expected = [re.sub(r"' failed( with status \d+)?$", "", line) for line in expected]
    if only_left:
        expected = ["that it leaves the host as it was"]
        came = [re.sub("^> ", "left: ", re.sub("^< ", "gone: ", line)) for line in came if line[:2] in ("< ", "> ")] or came
    word = program.split()[0] + ("" if program.startswith("/") else "/demo")
    ran = re.sub(rf"\S*{re.escape(word)}(?= |$)", "demo", ran)
    return ran, expected, came


def row(label, lines, most):
    if len(lines) > most:
        lines = [*lines[:most], f"... ({len(lines) - most} more lines)"]
    for line in lines:
        for piece in textwrap.wrap(line, 100, break_long_words=False,
                                   break_on_hyphens=False, replace_whitespace=False)[:3] or [""]:
            print(f"          {label:9} {piece}".rstrip())
            label = ""


def show_failure(test, program, waiting):
    lost = points(test["most"] - test["tenths"])
    print(f"{colour('bad', 'not yet')}  {lost:>3}  {colour('strong', test['name'])}")
    ran, expected, came = read_failure(test["text"], program)
    if ran:
        row("ran", ran.splitlines(), 4)
    row("expected", expected, 4)
    row("came", came, 8)
    if waiting:
        more = sum(other["most"] for other in waiting)
        print(f"          and {len(waiting)} more wait for this one ({points(more)} points)")
    print()


# --- A grade -----------------------------------------------------------------

def show_error(grade):
    """It does not compile."""
    lines = grade["error"].splitlines()
    print("\n".join(lines[:25]))
    if len(lines) > 25:
        print(f"... ({len(lines) - 25} more lines)")
    print(f"\nIt does not compile, so nothing could be tested: 0 of {points(grade['most'])} points.\n"
          "Mend the first error above: those after it often follow from it.")


def show_grade(grade, faults, hint):
    """All of a grade. HINT is the command that gives the next hint."""
    if grade["error"]:
        show_error(grade)
        return
    passed = [test for test in grade["tests"] if test["result"] == "passed" and test["tenths"]]
    kept = [test["tenths"] for test in passed if test["tenths"] < 10]
    for test in passed:
        if test["tenths"] >= 10:
            print(f"{colour('good', 'ok')}       {points(test['tenths']):>3}  {test['name']}")
    if kept:
        print(f"{colour('good', 'ok')}       {points(sum(kept)):>3}  {len(kept)} tests that the step before passes as well")
    print()
    for test in faults:
        waiting = [other for other in grade["tests"] if other["cause"] == test["name"]]
        show_failure(test, grade["program"], waiting)
    skipped = [test for test in grade["tests"] if test["result"] == "skipped"]
    if skipped:
        print(f"{len(skipped)} tests could not run here, and do not count: {skipped[0]['text'].strip()}")
    print(colour("strong", f"step{grade['step']}: {score(grade)}"), f"({grade['seconds']:g} s)")
    if faults:
        print(f"Begin with: {faults[0]['name']}\nStuck? {hint}")


def show_change(before, grade):
    """What is different from the grade before: for watch."""
    now = {test["name"]: test["tenths"] > 0 or test["result"] == "passed" for test in grade["tests"]}
    old = {test["name"]: test["tenths"] > 0 or test["result"] == "passed"
           for test in (before or {"tests": []})["tests"]}
    for name, passes in now.items():
        if passes and not old.get(name, False):
            print(colour("good", f"+ now passes: {name}"))
    for name, passes in old.items():
        if passes and not now.get(name, False):
            print(colour("bad", f"- no longer passes: {name}"))
    if before and now == old:
        print("nothing has changed")
    gained = grade["tenths"] - (before["tenths"] if before else 0)
    print(colour("strong", f"step{grade['step']}: {score(grade)}"),
          f"({'+' if gained >= 0 else ''}{points(gained)})")


# --- The steps ---------------------------------------------------------------

def status_row(step, grade, begun, jumped, hints, saved):
    """One line of the table. SAVED: when the program was, as a stamp."""
    name = catalogue.directory_of(step)[4:].replace("_", " ", 1)
    if not grade:
        note = "begun, not graded yet" if begun else "left out: you jumped ahead" if jumped else ""
        return f"{name:18} {'-':>16}   {'':16} {note}".rstrip()
    sum_ = f"{points(grade['tenths'])} of {points(grade['most'])}"
    if grade["error"]:
        note = "does not compile"
    elif full(grade):
        note = colour("good", "done")
    else:
        stuck = next((t["name"] for t in grade["tests"] if not t["cause"]
                      and t["result"] in ("failed", "timeout")), "")
        note = f"next: {stuck}"
    if saved > grade["time"]:
        note += " (changed since)"
    if hints:
        note += f" ({hints} hints)"
    return f"{name:18} {sum_:>16}   {when(grade['time']):16} {note}"
