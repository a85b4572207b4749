"""What the lab prints: grades, changes, the table of the steps."""

import os
import re
import shutil
import signal
import sys
import time

import catalogue

COLOURS = {"good": "32", "bad": "31", "dim": "2", "strong": "1", "warn": "33"}


def colour(kind, text):
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[{COLOURS[kind]}m{text}\033[0m"


def score(grade):
    """56 of 100 points, 12 of 60 stars: of what has been graded."""
    words = [f"{grade['points']} of {grade['most']} points"] if grade["most"] else []
    words += [f"{grade['stars']} of {grade['most_stars']} stars"] if grade["most_stars"] else []
    return ", ".join(words) or "nothing could be tested"


def full(grade):
    """The whole lesson."""
    return bool(grade) and grade["points"] == grade["most"] and not grade["error"]


def when(stamp):
    """10:42 for today, 2026-11-20 10:42 for other days."""
    day, hour = stamp[:10], stamp[11:16]
    return hour if day == time.strftime("%Y-%m-%d") else f"{day} {hour}"


class Progress:
    """A counter on one line, if somebody is watching."""

    def __init__(self, total, giving_up=lambda: None):
        self.total, self.giving_up, self.said = total, giving_up, ""
        self.shown = sys.stderr.isatty()

    def __call__(self, seen, line):
        self.giving_up()
        note = line if line.startswith(("test:", "vm:", "rootfs:", "setup:")) else ""
        text = note or f"test {seen} of {self.total}"
        if self.shown and text != self.said:
            self.said = text
            sys.stderr.write(f"\r\033[K{text[:76]}")
            sys.stderr.flush()

    def end(self):
        if self.shown:
            sys.stderr.write("\r\033[K")


# --- A failure ---------------------------------------------------------------

def in_words(status):
    """143 (killed by SIGTERM): what a shell's statuses mean."""
    number = int(status)
    meaning = {2: "wrong usage", 124: "it did not end", 125: "the demo itself failed", 126: "cannot be executed",
               127: "not found"}.get(number, "")
    try:
        meaning = meaning or (f"killed by {signal.Signals(number - 128).name}" if number > 128 else "")
    except ValueError: # no such signal
        pass
    return f"{status} ({meaning})" if meaning else status


def read_failure(text, program):
    """Three things out of what bats says: what ran, what was expected, what
    came instead."""
    # What is left on the host is worth a word only if nothing else was wrong.
    only_left = "`teardown' failed" in text
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
        elif "tracing.bash: line" in line or re.match(r"\S*bash: line \d+: +\d+ [A-Z]", line):
            continue # what bash says of a killed process
        elif line.startswith(("FAILED: ", "VALUE: ")):
            came.insert(0, line.split(": ", 1)[1])
        elif line.strip():
            came.append(line)
    expected = [re.sub(r"' failed( with status \d+)?$", "", line) for line in expected]
    if only_left:
        expected = ["that it leaves the host as it was"]
        came = [re.sub("^> ", "left: ", re.sub("^< ", "gone: ", line)) for line in came if line[:2] in ("< ", "> ")] or came
    for line in [line for line in came if line.startswith("status is ")]:
        is_, wanted = re.findall(r"\d+", line)[:2]
        expected = [f"exit status {in_words(wanted)}", *expected[-1:]]
        came[came.index(line)] = f"exit status {in_words(is_)}"
        came = [other for other in came if other != f"status: {is_}"]
    for line in [line for line in came if line.startswith("standard output is not: ")]:
        expected = [f"standard output: {line.partition(': ')[2] or '(empty)'}", *expected[-1:]]
        came.remove(line)
    came.sort(key=lambda line: "NOT OBSERVED" not in line)
    word = program.split()[0] + ("" if program.startswith("/") else "/demo")
    ran = re.sub(rf"\S*{re.escape(word)}(?= |$)", "demo", ran)
    return ran, expected, came


def width():
    return shutil.get_terminal_size((100, 24)).columns


def row(label, lines, most):
    """Cut to the terminal: what is longer is in work/.grades."""
    if len(lines) > most:
        lines = [*lines[:most], f"... ({len(lines) - most} more lines)"]
    room = max(width() - 20, 40)
    for line in lines:
        line = line if len(line) <= room else line[:room - 3] + "..."
        print(f"          {label:9} {line}".rstrip())
        label = ""


def show_failure(test, grade, before=None):
    """What ran, what was expected, what came, and where the chapter says so."""
    print(f"{colour('bad', 'not yet')}  {worth(test):>3}  {colour('strong', test['name'])}")
    ran, expected, came = read_failure(test["text"], grade["program"])
    if ran:
        row("ran", ran.splitlines(), 4)
    row("expected", expected, 4)
    row("came", came, 8)
    row("chapter", [f"{catalogue.directory_of(grade['step'])}/README.md"
                    + (f": {test['chapter']}" if test.get("chapter") else "")], 1)
    waiting = [other for other in grade["tests"] if other["cause"] == test["name"]]
    if waiting:
        more = sum(other["points"] for other in waiting)
        print(f"          and {len(waiting)} more {'waits' if len(waiting) == 1 else 'wait'} for this one"
              + (f" ({more} points)" if more else ""))
    if passed_before(test, grade, before):
        print("          The same program passed this the last time: is it a race? Which of two things that happen\n"
              "          at the same time (a signal and the line that stores the PID, for one) has to come first?")
    print()


def worth(test):
    return test["points"] if test["lesson"] else "*"


def passed_before(test, grade, before):
    """BEFORE: the grade before, if there is one."""
    return bool(before) and bool(grade["digest"]) and before["digest"] == grade["digest"] and any(
        old["name"] == test["name"] and old["result"] == "passed" for old in before["tests"])


# --- A grade -----------------------------------------------------------------

def show_error(grade):
    """It does not compile, or has no right to points."""
    lines = grade["error"].splitlines()
    print("\n".join(lines[:25]))
    if len(lines) > 25:
        print(f"... ({len(lines) - 25} more lines)")
    if grade["error"].startswith("No points"):
        return
    print(f"\nIt does not compile, so nothing could be tested: 0 of {grade['most']} points.\n"
          "Mend the first error above: those after it often follow from it.")


def show_grade(grade, faults, hint, before=None):
    """All of a grade. HINT is the command that gives the next hint."""
    if grade["error"]:
        show_error(grade)
        return
    if grade["warnings"]:
        print(f"The compiler warns:\n{grade['warnings'].rstrip()}\n")
    passed = [test for test in grade["tests"] if test["counts"]]
    for test in passed:
        if test["lesson"]:
            print(f"{colour('good', 'ok')}       {worth(test):>3}  {test['name']}")
    polished = sum(not test["lesson"] for test in passed)
    if polished:
        print(f"{colour('good', 'ok')}         *  {polished} of the polish")
    print()
    if faults:
        show_failure(faults[0], grade, before)
    for test in faults[1:]:
        print(f"{colour('bad', 'not yet')}  {worth(test):>3}  {test['name']}")
    if faults[1:]:
        print()
    skipped = [test for test in grade["tests"] if test["result"] == "skipped"]
    if skipped:
        print(f"{len(skipped)} could not run here, and {'does' if len(skipped) == 1 else 'do'} not count: "
              f"{skipped[0]['text'].strip()}")
    print(colour("strong", f"step{grade['step']}: {score(grade)}"), f"({grade['seconds']:g} s)")
    if faults:
        print(f"Begin with: {faults[0]['name']}\nStuck? {hint}")
    elif not grade["most_stars"]:
        print(f"The lesson is done. What a tool of daily use needs besides: make polish STEP={grade['step']}")


def show_change(before, grade):
    """What is different from the grade before: for watch. No more than ten lines: a
    core that breaks takes everything with it."""
    now = {test["name"]: test["counts"] for test in grade["tests"]}
    old = {test["name"]: test["counts"] for test in (before or {"tests": []})["tests"]}
    lines = [colour("good", f"+ now passes: {name}") for name in now if now[name] and not old.get(name, False)]
    lines += [colour("bad", f"- no longer passes: {name}") for name in old if old[name] and not now.get(name, True)]
    print("\n".join(lines[:10] or ["nothing has changed"]))
    if len(lines) > 10:
        print(f"  ... and {len(lines) - 10} more")
    gained = grade["points"] - (before["points"] if before else 0)
    print(colour("strong", f"step{grade['step']}: {score(grade)}"), f"({gained:+} points)")


# --- The steps ---------------------------------------------------------------

def rung(points, most):
    """A step's place in the ladder: ten parts, filled as far as one has come."""
    filled = 10 * points // most if most else 0
    return "|" + colour("good", "=" * filled) + "-" * (10 - filled) + "|"


def status_row(step, grade, begun, jumped, hints, saved):
    """One rung of the ladder. SAVED: when the program was, as a stamp."""
    name = catalogue.directory_of(step)[4:].replace("_", " ", 1)
    if not grade:
        note = "begun, not graded yet" if begun else "left out: you jumped ahead" if jumped else ""
        return f"{rung(0, 1)}  {name:18} {note}".rstrip()
    if grade["error"]:
        note = "does not compile"
    elif full(grade):
        note = colour("good", "done")
    else:
        note = next((f"next: {t['name']}" for t in grade["tests"] if not t["cause"]
                     and t["result"] in ("failed", "timeout")), "")
    if saved > grade["time"]:
        note += " (changed since)"
    if hints:
        note += f" ({hints} hints)"
    return f"{rung(grade['points'], grade['most'])}  {name:18} {score(grade):16}  {note}"
