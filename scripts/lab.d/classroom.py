"""The instructor's table: what each student has reached, and where they are
stuck.

What students hand in is not trusted. It is copied to work/class, compiled and
run in a virtual machine, one for each program, and never on this machine; of
the machine's answer only the names of our own tests, and what became of them,
is used. (A program that is root in its machine could still forge that: have
somebody explain theirs if in doubt.) A program that has not changed since, as
little as the tests, is not graded again.
"""

import csv
import glob
import hashlib
import json
import os
import re
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import catalogue
import grading
import show
from catalogue import STEPS, TOP

LARGEST = 1 << 20


def find_programs(directory, default_step):
    """{(student, step): [files]} of what was handed in, and a list of what
    nobody can tell the step of. Any of these will do:
        alice/step05_cgroup_v2/demo.c   alice/work/step05.../demo.c
        step05/alice/demo.c  step05/alice.c  alice-05.c  alice_step05.c
        alice.c, alice/demo.c           if the step is given
    """
    found, unclear = {}, []
    for path, directories, names in os.walk(directory):
        directories[:] = sorted(name for name in directories if not name.startswith(".") and name != "old")
        sources = [os.path.join(path, name) for name in sorted(names) if name.endswith((".c", ".h"))
                   and not os.path.islink(os.path.join(path, name))]
        # A directory is one program if it has a demo.c or main.c, else each file is one.
        programs = [sources] if {"demo.c", "main.c"} & set(names) else \
            [[source] for source in sources if source.endswith(".c")]
        for files in programs:
            name = os.path.relpath(files[0] if len(programs) > 1 or len(files) == 1
                                   else path, directory)
            step = re.search(r"step0?([1-7])(?![0-9])|[-_.]0([1-7])\.c$", name)
            step = f"0{step[1] or step[2]}" if step else default_step
            words = [word for word in name.split(os.sep)
                     if not re.match(r"(step0?[1-7]|work$|(demo|main)\.c$)", word)]
            student = re.sub(r"([-_.](step)?0?[1-7])?\.c$", "", words[0]) if words else ""
            student = re.sub(r"[^\w.-]", "_", student).lstrip(".-")
            if step and student:
                found[student, step] = files
            else:
                unclear.append(name)
    return found, unclear


def stage(student, step, files, directory):
    """Copy a program to work/class/STUDENT/step05; returns that, and a digest
    of it and of the tests."""
    target = f"{directory}/{student}/step{step}"
    shutil.rmtree(target, ignore_errors=True)
    os.makedirs(target)
    digest = hashlib.sha256()
    for path in files:
        # A single file may have any name; the scenes are ours up to step 6.
        name = "demo.c" if len(files) == 1 else os.path.basename(path)
        with open(path, "rb") as file:
            text = file.read(LARGEST)
        if name not in catalogue.GIVEN or step == "07":
            digest.update(name.encode() + text)
            with open(f"{target}/{name}", "wb") as file:
                file.write(text)
    own = f"{TOP}/{catalogue.directory_of(step)}"
    if step != "07":
        for given in catalogue.given_files(step):
            shutil.copy(given, target)
    for path in sorted(glob.glob(f"{own}/**/*.bats", recursive=True)):
        with open(path, "rb") as file:
            digest.update(file.read())
    return os.path.relpath(target, TOP), digest.hexdigest()


class Stopped(Exception):
    """The instructor has pressed Ctrl-C."""


class Class:
    """Grades several at a time, a virtual machine each, and keeps each grade as soon
    as it is there: whoever interrupts it goes on from there."""

    def __init__(self, total, engine):
        self.total, self.engine = total, engine
        self.done, self.failures, self.stopped = 0, [], False
        self.known = grading.load("class.json", {})
        self.lock = threading.Lock()

    def go_on(self, *_):
        if self.stopped:
            raise Stopped

    def grade(self, student, step, source, digest):
        """Whatever the program does, a grade comes back. Where the machine failed, it
        is nobody's: it is not kept, and made again the next time."""
        key = f"{student} {step}"
        if self.known.get(key, {}).get("digest_of_class") != digest:
            try:
                self.go_on()
                grade = grading.grade(step, grading.chosen(step), source=source, engine=self.engine, progress=self.go_on,
                                      trusted=False)
            except Stopped:
                return
            except grading.Failed as error:
                with self.lock:
                    self.done += 1
                    self.failures.append((student, step, str(error).splitlines()[0]))
                return
            with self.lock:
                self.known[key] = grade | {"digest_of_class": digest}
                grading.save("class.json", self.known)
        with self.lock:
            self.done += 1
            print(f"{self.done} of {self.total}: {student}, step {step}: {show.score(self.known[key])}", file=sys.stderr)


def stuck_on(grade):
    if not grade or show.full(grade):
        return ""
    if grade["error"]:
        return "no points: see its grade" if grade["error"].startswith("No points") else "does not compile"
    return grading.at_fault(grade)[0]["name"] if grading.at_fault(grade) else ""


def print_table(rows, students):
    width = max([len(student) for student in students] + [7])
    print(f"{'student':{width}}" + "".join(f"{'step' + step:>12}" for step in STEPS) + "   last grade        stuck on")
    for student in students:
        own = {step: rows[student, step] for step in STEPS if (student, step) in rows}
        cells = [f"{own[step]['points']}/{own[step]['most']}"
                 if step in own else "-" for step in STEPS]
        stuck = next((f"{step}: {stuck_on(own[step])}" for step in own if stuck_on(own[step])), "")
        last = max(grade["time"] for grade in own.values())
        print(f"{student:{width}}" + "".join(f"{cell:>12}" for cell in cells) + f"   {show.when(last):16}  {stuck}")


def write_tables(rows, directory):
    paths = [f"{directory}/report.csv", f"{directory}/report.json"]
    flat = [{"student": student, "step": step, "points": grade["points"],
             "points_most": grade["most"], "time": grade["time"], "stuck_on": stuck_on(grade)}
            for (student, step), grade in sorted(rows.items())]
    with open(paths[0], "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(flat[0]))
        writer.writeheader()
        writer.writerows(flat)
    with open(paths[1], "w", encoding="utf-8") as file:
        json.dump(flat, file, indent=1, ensure_ascii=False)
    return paths


def report(submissions, directory, step, engine):
    """Grade what has changed, print the table, return the files written."""
    found, unclear = find_programs(submissions, step)
    for name in unclear:
        print(f"lab: {name}: of which step is that? (try alice-05.c, or alice/step05/demo.c)", file=sys.stderr)
    if step:
        found = {key: files for key, files in found.items() if key[1] == step}
    if not found:
        raise grading.Failed(f"{submissions}: no program of a student in there")
    os.makedirs(directory, exist_ok=True)
    staged = [(student, its_step, *stage(student, its_step, files, directory))
              for (student, its_step), files in sorted(found.items())]
    everybody = Class(len(staged), engine)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        try:
            list(pool.map(lambda one: everybody.grade(*one), staged))
        except BaseException:
            everybody.stopped = True # those that run end soon
            raise
    rows = {(student, its_step): everybody.known[f"{student} {its_step}"] for student, its_step, *_ in staged
            if (student, its_step) not in [failure[:2] for failure in everybody.failures]}
    for student, its_step, why in everybody.failures:
        print(f"lab: {student}, step {its_step}: not graded: {why} (again: the same command)", file=sys.stderr)
    if not rows:
        raise grading.Failed("nobody's program could be graded")
    print_table(rows, sorted({student for student, _ in rows}))
    return write_tables(rows, directory)
