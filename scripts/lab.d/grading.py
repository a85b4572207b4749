"""Grades a program: has the tests of its step run, reads what became of each,
and works out points, stars and causes.

A grade is a dictionary, and kept as JSON in work/.grades:
    step, part, time, program, digest, warnings, seconds, error, tests,
    points, most (of the lesson), stars, most_stars (of the polish)
with a dictionary for each test:
    name, part, lesson, result, counts, points, cause, seconds, text
result is passed, failed, timeout, skipped, or "not run" (what it needs has
failed). counts: it passed, and so did what it needs. cause is the test that
has to pass first.
"""

import glob
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

import catalogue
import running
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
    """A grade of a few tests of the step does not replace what is known of others:
    of the same program each result stays, until there is a newer one."""
    known = grade_of(grade["step"], grade["part"])
    if known and known["digest"] == grade["digest"] and not grade["error"] and not known["error"]:
        fresh = {test["name"] for test in grade["tests"]}
        grade = grade | {"tests": grade["tests"] + [test for test in known["tests"] if test["name"] not in fresh]}
        add_up(grade)
    save(f"step{grade['step']}{'.' + grade['part'] if grade['part'] else ''}.json", grade)
    save("history.json", load("history.json", []) + [
        {key: grade[key] for key in ("step", "part", "time", "points", "most", "stars")}])


def grade_of(step, part=""):
    known = load(f"step{step}{'.' + part if part else ''}.json", None)
    return known if known and "stars" in known else None # of an older form


# --- Building ----------------------------------------------------------------

def compile_program(directory):
    """Build DIRECTORY/demo as ours are built; return the compiler's warnings. What
    it warned of once is kept: make says nothing about what is built already."""
    kept = f"{directory}/.warnings"
    make = subprocess.run(
        ["make", "-s", "--no-print-directory", f"{directory}/demo"], cwd=TOP,
        env=os.environ | {"GCC_COLORS": ""}, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=600, check=False)
    said = clean(make.stdout)
    if make.returncode:
        if "multiple definition of `main'" in said:
            said += "Two of the files have a main. All .c files here are one program: move the one " \
                    "that does not belong to it to another directory.\n"
        raise NoProgram(said)
    path = os.path.join(TOP, kept)
    built = os.path.getmtime(f"{TOP}/{directory}/demo")
    if said or not os.path.exists(path) or os.path.getmtime(path) < built:
        with open(path, "w", encoding="utf-8") as file:
            file.write(said)
        return said
    with open(path, encoding="utf-8") as file:
        return file.read()


def borrowed(directory):
    """A file of ours that the program includes, if it does. (What was handed in may
    have stood elsewhere: then the name must do.)"""
    for path in sorted(glob.glob(f"{TOP}/{directory}/*.[ch]")):
        with open(path, encoding="utf-8", errors="replace") as file:
            words = re.findall(r'^\s*#\s*include\s*["<](.*?)[">]', file.read(), re.M)
        for word in words:
            if os.path.realpath(os.path.join(os.path.dirname(path), word)).startswith(f"{TOP}/step0") or \
                    directory.startswith("work/class/") and "step0" in word:
                return word
    return ""


def digest_of(source):
    """Of the program that its author sees: two grades of one are of the same."""
    digest = hashlib.sha256()
    for path in sorted(glob.glob(f"{TOP}/{source}/*.[ch]")):
        with open(path, "rb") as file:
            digest.update(path.encode() + file.read())
    return digest.hexdigest()


# --- Running -----------------------------------------------------------------

def places_for(step):
    """Where the step's tests can run, one after the other: "here", "vm". (Without
    the controllers this machine has nothing for step 05.)"""
    said = subprocess.run([f"{TOP}/scripts/test", "--where", step], cwd=TOP, check=False, text=True,
                          stdin=None if sys.stdin.isatty() else subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
    places = re.findall(r"here|vm", said.partition(":")[0])
    return [place for place in places if not (place == "here" and step == "05" and "vm" in places)]


def run_here(step, program, tests, patience, progress):
    if step > "03" and not os.path.exists(f"{TOP}/build/rootfs/bin/busybox"):
        subprocess.run(["make", "-s", "rootfs"], cwd=TOP, check=True)
    return running.run(step, program, tests, patience, progress)


# What a program needs that came along and was built with other libraries.
IN_VM = """program=${2%% *}
for built in "$program" build/plain/host; do
    ! ldd "$built" 2>&1 | grep -q 'not found' || rm "$built"
done
[ -x "$program" ] || make -s "$program" 2>&1 || { echo '{"broken": true}'; exit; }
exec env RUNG_VM=1 scripts/lab.d/running.py "$@"
"""


def run_in_vm(step, program, tests, patience, progress, copies, options):
    """The same in a virtual machine: it answers with a line of JSON for each result."""
    command = [f"{TOP}/scripts/vm", "run", "--timeout", str(LIMIT), *options]
    for path in [*copies, "build/rootfs", "build/plain/host"]:
        command += ["--copy-in", path] if os.path.exists(f"{TOP}/{path}") else []
    names = "\n".join(test.name for test in tests)
    results, said, seen, answered = {}, [], 0, False
    with subprocess.Popen([*command, "--", "sh", "-c", IN_VM, "sh", step, program, str(patience), names], cwd=TOP,
                          text=True, errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as machine:
        try:
            for line in machine.stdout:
                try:
                    answer = json.loads(line)
                except ValueError:
                    said.append(clean(line.rstrip()))
                    progress(seen, said[-1])
                    continue
                if not isinstance(answer, dict):
                    continue
                if "seen" in answer:
                    seen = answer["seen"]
                    progress(seen, "")
                elif "tampered" in answer:
                    raise running.Tampered(answer["tampered"])
                elif "broken" in answer:
                    raise NoProgram("\n".join(said))
                elif "said" in answer:
                    answered, said = True, said + answer["said"]
                else:
                    results[answer["name"]] = (answer["result"], answer["seconds"], answer["text"])
        except BaseException:
            machine.terminate()
            raise
    if not answered:
        raise Failed("\n".join([f"the virtual machine ended with status {machine.returncode}", *said[-15:]]))
    return results, said


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
    if "`teardown' failed" in text: # it is only that something is left: of which kind?
        return " ".join(re.findall(r"^# [<>] (\w+)", text, re.M)[:1])
    said = re.findall(r"\b(?:demo|rung): .*", text)
    return re.sub(r"\d+", "N", said[-1]) if said else ""


def evaluate(tests, results, gates=()):
    """A dictionary for each test: see above. Nothing counts without the GATES."""
    shut = any(results.get(gate.name, ("not run",))[0] not in ("passed", "skipped") for gate in gates)
    failed = {test.name for test in tests
              if results.get(test.name, ("not run",))[0] in ("failed", "timeout", "not run")}
    # What was not run waits for what was.
    really = {name for name in failed if name in results} or failed
    graded, first_to_say = [], {}
    for test in tests:
        result, seconds, text = results.get(test.name, ("not run", 0, ""))
        bottom = find_cause(test, tests, really)
        blocked = shut or bottom is not None
        if not bottom and result == "not run":
            bottom = next((other for other in tests if other.name in really and (other.core or other.name in results)), None)
        cause = bottom.name if bottom else ""
        # Two failures with the same last words have the same cause.
        if test.name in really and not cause and complaint(text):
            cause = first_to_say.setdefault(complaint(text), test.name)
            cause = "" if cause == test.name else cause
        graded.append({
            "name": test.name, "part": test.part, "lesson": test.lesson, "chapter": test.chapter, "result": result,
            "counts": result == "passed" and not blocked, "points": test.points, "cause": cause,
            "seconds": seconds, "text": clean(text)})
    return graded


# --- All of it ---------------------------------------------------------------

def add_up(grade_):
    """Points and stars. What could not run here does not count."""
    for key, most, of in (("points", "most", lambda test: test["points"] if test["lesson"] else 0),
                          ("stars", "most_stars", lambda test: 0 if test["lesson"] else 1)):
        grade_[key] = sum(of(test) for test in grade_["tests"] if test["counts"])
        grade_[most] = sum(of(test) for test in grade_["tests"] if test["result"] != "skipped")


def chosen(step, part="", kind="lesson", name=""):
    """The tests to run: of a part all, else the lesson, the polish, or all of them."""
    tests = catalogue.read_step(step, part)
    if name:
        wanted = [test for test in tests if name in test.name]
    elif part or kind == "all":
        wanted = tests
    else:
        wanted = [test for test in tests if test.lesson == (kind == "lesson")]
    # All hang on the core.
    gates = catalogue.gates(step, tests) if wanted else []
    return [test for test in tests if test in wanted or test in gates]


def empty(step, program, error, tests, part=""):
    """A grade without results, because of ERROR."""
    return {"step": step, "part": part, "program": program, "digest": "", "warnings": "", "error": error,
            "time": time.strftime("%Y-%m-%dT%H:%M:%S"), "seconds": 0, "tests": [],
            "points": 0, "most": sum(test.points for test in tests),
            "stars": 0, "most_stars": sum(not test.lesson for test in tests)}


def grade(step, tests, part="", source="", demo="", engine="", progress=lambda *_: None, trusted=True):
    """Grade the program made of work/step05_... (SOURCE) or another one (DEMO) by
    TESTS. What is not trusted is not even compiled on this machine."""
    result = empty(step, source or demo, "", tests, part)
    begin = time.monotonic()
    # For its lesson nobody waits ten seconds for what should come at once.
    patience = 2 if all(test.lesson for test in tests) else 10
    program = demo or f"{TOP}/{source}/demo{' run' if step == '07' else ''}"
    try:
        if source:
            result["digest"] = digest_of(source)
            if borrowed(source):
                raise running.Tampered(f"your program includes {borrowed(source)}, and that is ours")
            result["warnings"] = compile_program(source) if trusted else ""
        results, said = {}, []
        for place in places_for(step) if trusted and not engine else ["vm"]:
            # What one place had to skip, the next one runs.
            left = [test for test in tests if results.get(test.name, ("skipped",))[0] == "skipped"]
            if place == "here":
                results, said = run_here(step, program, tests, patience, progress)
            elif left:
                there, copies = for_vm(source, demo, step)
                # Whoever writes a program grades it again soon: a machine is kept ready.
                machine = [*(["--engine", engine] if engine else []), *(["--standby"] if trusted else [])]
                fresh, said = run_in_vm(step, there, left, patience, progress, copies, machine)
                results |= fresh
        if not results:
            raise Failed("\n".join(["the tests could not be run:", *said[-15:]]))
        result["tests"] = evaluate(tests, results, catalogue.gates(step, tests))
        add_up(result)
    except NoProgram as error:
        result["error"] = str(error)
    except running.Tampered as error:
        result["error"] = f"No points: {error}."
    result["seconds"] = round(time.monotonic() - begin, 1)
    return result


def for_vm(source, demo, step):
    """The program's path in the machine, and what to copy there."""
    run = " run" if step == "07" else ""
    if source:
        return f"{source}/demo{run}", [source]
    words = demo.split()
    os.makedirs(f"{TOP}/build/program", exist_ok=True)
    shutil.copy(words[0], f"{TOP}/build/program/demo")
    return " ".join(["build/program/demo", *words[1:]]), ["build/program/demo"]


def at_fault(grade_):
    """The failed tests that wait for no other: what to mend. The core first, then
    the lesson in its order, then the rest."""
    return sorted((test for test in grade_["tests"] if not test["cause"]
                   and test["result"] in ("failed", "timeout")),
                  key=lambda test: (not test["lesson"], -test["points"]))
