"""Grades a program: has scripts/test run the tests of its step, reads what
became of each, and works out points and causes.

A grade is a dictionary, and kept as JSON in work/.grades:
    step, time, program, seconds, tenths, most, error, tests
with a dictionary for each test:
    name, part, result, tenths, most, cause, seconds, text
result is passed, failed, timeout, skipped, or "not run" (what it needs has
failed). cause is the test that has to pass first.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as xml

import catalogue
from catalogue import TOP

WORK = os.path.join(TOP, "work")
GRADES = os.path.join(WORK, ".grades")
# A whole run that is not done by then has gone wrong.
LIMIT = 2400


class Failed(Exception):
    """The tests could not be run: nobody's program is to blame."""


class NoProgram(Exception):
    """It does not compile: the compiler's words."""


def clean(text):
    """Without what could move the cursor: programs print all sorts of things."""
    return "".join(c for c in text if c in "\n\t" or c.isprintable())


# --- Files -------------------------------------------------------------------

def load(name, default):
    try:
        with open(os.path.join(GRADES, name), encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return default


def save(name, value):
    """Atomically: whoever presses Ctrl-C now keeps the old one."""
    os.makedirs(GRADES, exist_ok=True)
    path = os.path.join(GRADES, name)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1, ensure_ascii=False)
    os.replace(path + ".new", path)


def keep(grade):
    save(f"step{grade['step']}{'.' + grade['part'] if grade['part'] else ''}.json", grade)
    save("history.json", load("history.json", []) + [
        {key: grade[key] for key in ("step", "part", "time", "tenths", "most")}])


def grade_of(step, part=""):
    return load(f"step{step}{'.' + part if part else ''}.json", None)


# --- Building ----------------------------------------------------------------

def compile_program(directory):
    """Build DIRECTORY/demo as ours are built; return the compiler's warnings."""
    make = subprocess.run(
        ["make", "-s", "--no-print-directory", f"{directory}/demo"], cwd=TOP,
        env=os.environ | {"GCC_COLORS": ""}, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=600, check=False)
    if make.returncode:
        raise NoProgram(clean(make.stdout))
    return clean(make.stdout)


# --- Running -----------------------------------------------------------------

def run_tests(step, options, tests, directory, progress, gate):
    """Run scripts/test with its results in DIRECTORY: with GATE first the cores,
    and no more if they fail. Returns what it said, and its status."""
    command = [f"{TOP}/scripts/test", "--verbose", "--junit", directory, *options]
    first = [test.name for test in catalogue.cores(tests)]
    if first and gate:
        command += ["--first", "\n".join(first)]
    if len(tests) < len(catalogue.read_step(step)):
        command += ["--only", "\n".join(test.name for test in tests)]
    said, seen = [], 0
    environment = dict(os.environ)
    for name in ("STEP", "DEMO", "MAKEFLAGS", "MAKELEVEL"):
        environment.pop(name, None)
    inherit = None if sys.stdin.isatty() else subprocess.DEVNULL
    with subprocess.Popen([*command, step], cwd=TOP, text=True, errors="replace",
                          env=environment, stdin=inherit,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as test:
        watchdog = threading.Timer(LIMIT, test.terminate)
        watchdog.start()
        try:
            for line in test.stdout:
                said.append(clean(line.rstrip()))
                seen += bool(re.match(r"(not )?ok \d", line))
                progress(seen, said[-1])
        except BaseException:
            test.terminate()
            raise
        finally:
            watchdog.cancel()
    return said, test.returncode


def read_results(directory):
    """What became of each test: {name: (result, seconds, text)}."""
    results = {}
    for path in sorted(glob.glob(f"{directory}/*.xml")):
        if os.path.getsize(path) > 20_000_000:
            continue
        try:
            cases = xml.parse(path).getroot().iter("testcase")
        except xml.ParseError:
            continue
        for case in cases:
            name = case.get("name", "")
            text, result = "", "passed"
            if case.find("failure") is not None:
                text, result = case.find("failure").text or "", "failed"
            elif case.find("skipped") is not None:
                text, result = case.find("skipped").text or "", "skipped"
            late = re.match(r"(.*?)(?: in \d+ms)? # timeout after (\d+)", name)
            if late:
                name, result = late[1], "timeout"
                text = f"FAILED: it was stopped after {late[2]} s\n" + text
            # What one virtual machine had to skip, another one may have done.
            if result == "skipped" and name in results:
                continue
            results[name] = (result, float(case.get("time") or 0), clean(text))
    return results


# --- Points ------------------------------------------------------------------

def find_cause(test, tests, failed, seen=()):
    """The test at the bottom of this one's troubles; None if it is its own."""
    needed, one_of = catalogue.needs_of(test, tests)
    if one_of and all(core.name in failed for core in one_of):
        needed = needed + one_of[:1]
    for other in needed:
        if other.name in failed and other.name not in seen and other is not test:
            return find_cause(other, tests, failed, (*seen, test.name)) or other
    return None


def complaint(text):
    """What the program itself said of its failure, without the numbers."""
    if '|| fail "$problem"' in text: # it is only that something is left: of which kind?
        return " ".join(re.findall(r"^# [<>] (\w+)", text, re.M)[:1])
    said = re.findall(r"\b(?:demo|rung): .*", text)
    return re.sub(r"\d+", "N", said[-1]) if said else ""


def evaluate(tests, results):
    """A dictionary for each test: see above. Those at fault come first."""
    failed = {test.name for test in tests
              if results.get(test.name, ("not run",))[0] in ("failed", "timeout", "not run")}
    # What was not run waits for what was.
    really = {name for name in failed if name in results} or failed
    graded, first_to_say = [], {}
    for test in tests:
        result, seconds, text = results.get(test.name, ("not run", 0, ""))
        cause = find_cause(test, tests, really)
        if not cause and result == "not run":
            cause = next((t for t in tests if t.name in really and t.core), None)
        cause = cause.name if cause else ""
        # Two failures with the same last words have the same cause.
        if test.name in really and not cause and complaint(text):
            cause = first_to_say.setdefault(complaint(text), test.name)
            cause = "" if cause == test.name else cause
        most = 0 if result == "skipped" else test.tenths
        blocked = find_cause(test, tests, really) is not None
        graded.append({
            "name": test.name, "part": test.part, "result": result,
            "tenths": most if result == "passed" and not blocked else 0,
            "most": most, "cause": cause, "seconds": seconds, "text": text})
    return graded


# --- All of it ---------------------------------------------------------------

def empty(step, program, error, part=""):
    """A grade without tests, because of ERROR."""
    tests = catalogue.read_step(step, part)
    return {"step": step, "part": part, "program": program, "error": error, "tests": [],
            "time": time.strftime("%Y-%m-%dT%H:%M:%S"), "seconds": 0,
            "tenths": 0, "most": sum(test.tenths for test in tests)}


def blame(tests, results, said):
    """Who ends a suite early (that is a bomb) has failed the first test without a result."""
    why = [line for line in said if line.startswith("test: ") and "all of it was ended" in line]
    cores = catalogue.cores(tests)
    missing = [test.name for test in cores + tests if test.name not in results]
    if why and missing:
        results[missing[0]] = ("failed", 0, f"FAILED: {why[-1].removeprefix('test: ')}\n")


def read_run(tests, directory, said, status):
    """What became of the tests, or an exception that says why nothing did."""
    results = read_results(directory)
    blame(tests, results, said)
    if set(results) & {test.name for test in tests}:
        return results
    if any("the build failed" in line for line in said):
        raise NoProgram("\n".join(line for line in said if re.search(r"\.[ch]:|^ +[0-9|]|ld:", line)))
    raise Failed("\n".join(["the tests could not be run: "
                            f"scripts/test ended with status {status}", *said[-15:]]))


def grade(step, part="", source="", demo="", options=(), progress=lambda *_: None, trusted=True, gate=True, tests=None):
    """Grade the program made of work/step05_... (SOURCE) or another one (DEMO).
    What is not trusted is not even compiled on this machine."""
    tests = tests or catalogue.read_step(step, part)
    result = empty(step, source or demo, "", part)
    begin = time.monotonic()
    directory = tempfile.mkdtemp(prefix="rung-lab.")
    try:
        if source and trusted:
            compile_program(source)
        words = ["--source", source] if source else ["--demo", demo]
        said, status = run_tests(step, [*words, *options], tests, directory, progress, gate)
        result["tests"] = evaluate(tests, read_run(tests, directory, said, status))
        result["tenths"] = sum(test["tenths"] for test in result["tests"])
        result["most"] = sum(test["most"] for test in result["tests"])
    except NoProgram as error:
        result["error"] = str(error)
    finally:
        shutil.rmtree(directory)
    result["seconds"] = round(time.monotonic() - begin, 1)
    return result


def at_fault(grade_):
    """The failed tests that wait for no other: what to mend, what is worth most
    first."""
    return sorted((test for test in grade_["tests"] if not test["cause"]
                   and test["result"] in ("failed", "timeout")),
                  key=lambda test: (test["part"] == "promises", -test["most"]))
