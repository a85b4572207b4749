#!/usr/bin/env python3
"""Runs tests of a step on one program, where this runs: on this machine, or in
a virtual one (then as a script: running.py STEP PROGRAM PATIENCE NAMES).

Two run at the same time, each on a host to itself (test.d/own-host), and each
test has processes of its own: who kills or stops all that it can see has not seen
the grader. The cores come first, and a test comes after what it needs: if that
has failed, it is left out.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
LAB = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [LAB, os.path.join(LAB, "..", "test.d")]
# pylint: disable=wrong-import-position
import catalogue
import results as tap
import suites
from catalogue import TOP

LIMIT = 1200 # seconds for all of them
PARTS = f"{TOP}/scripts/test.d"
# What each test is run with.
PRIVATE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "shared"]
# So many times a program may end or hang who runs its tests.
ENDINGS = 3


class Tampered(Exception):
    """The program has no right to points: it has changed the tests, or is ours."""


def slowness():
    """How many times slower than a quiet machine this one is, roughly: by those who
    want a processor now, but for our own two, and those of the last minute."""
    if os.environ.get("RUNG_SLOWNESS") or suites.in_vm():
        return suites.slowness()
    with open("/proc/loadavg", encoding="utf-8") as file:
        words = file.read().split()
    waiting = max(float(words[0]), int(words[3].partition("/")[0]) - 2)
    return min(1 + int(waiting / (os.cpu_count() or 1) / 2), 6)


class Queue:
    """The tests, handed out to whoever is free, and what becomes of them: results
    is {name: (result, seconds, text)}."""

    def __init__(self, step, tests):
        self.tests = tests
        self.waiting = sorted(tests, key=lambda test: (not test.core, -test.points))
        self.gates = {gate.name for gate in catalogue.gates(step, tests)}
        self.results, self.endings, self.seen = {}, 0, 0
        self.changed = threading.Condition()

    def failed(self, name):
        return self.results.get(name, ("",))[0] in ("failed", "timeout", "not run")

    def decided(self, test):
        """May it run? True, False, or None: what it needs is not known yet. One of
        several cores is enough."""
        needed, one_of = catalogue.needs_of(test, self.tests)
        if any(self.failed(other.name) for other in needed) or one_of and all(self.failed(other.name) for other in one_of):
            return False
        rest = [other for other in needed if other.name not in self.results]
        return None if rest or one_of and not any(other.name in self.results for other in one_of) else True

    def next(self):
        """A test to run, or None if there is none left. Nothing counts without the
        gates."""
        with self.changed:
            while self.waiting:
                if any(map(self.failed, self.gates)) or self.endings >= ENDINGS:
                    return None
                for test in self.waiting:
                    if self.decided(test) is False:
                        self.waiting.remove(test)
                        self.results[test.name] = ("not run", 0, "")
                        break
                    if self.decided(test):
                        self.waiting.remove(test)
                        return test
                else:
                    self.changed.wait()
            return None

    def close(self):
        with self.changed:
            self.waiting = []
            self.changed.notify_all()

    def answer(self, name, *result):
        with self.changed:
            self.results[name] = result
            self.seen += 1
            self.changed.notify_all()


class Worker(threading.Thread):
    """One that runs tests: test.d/run-tests, behind bounds. If a program ends or
    hangs it, there will be another."""

    def __init__(self, step, program, patience, queue, directory):
        super().__init__()
        self.queue, self.process, self.owner, self.late = queue, None, None, False
        self.said = [] # what is no test's
        self.step, self.program, self.patience, self.hangs = step, program, patience, f"{directory}/hangs{id(self)}"
        self.factor = slowness()

    def run(self):
        try:
            while test := self.queue.next():
                if not self.process:
                    self.begin()
                self.queue.answer(test.name, *self.fair_result_of(test))
            self.end()
        finally:
            self.queue.close()

    @property
    def limit(self):
        """The slowest test of a lesson takes three seconds, of the polish a minute."""
        return self.patience * (6 if self.patience < 10 else 13) * self.factor

    def command(self):
        # Bats, if it is what runs us, has put its own parts first. And a python3 that
        # is a script (pyenv's) would start others at every call.
        path = ":".join([os.path.dirname(sys.executable),
                         *(word for word in os.environ["PATH"].split(":") if "/bats-core" not in word)])
        setting = {"STEP": self.step, "DEMO": self.program, "PATH": path, "RUNG_SLOWNESS": self.factor,
                   "RUNG_PATIENCE": self.patience, "RUNG_HOST_PATIENCE": min(self.patience, 3),
                   "RUNG_HANGS": self.hangs, "RUNG_NO_SKIP": os.environ.get("RUNG_NO_SKIP", ""),
                   "RUNG_ANY_WORDS": "1" if self.patience < 10 and self.step < "07" else ""}
        return [*([] if os.geteuid() == 0 else ["sudo"]),
                f"{PARTS}/bounded", str(self.owner.pid), str(LIMIT), str(suites.PROCESSES),
                f"{PARTS}/own-host", self.step, "env", *(f"{name}={value}" for name, value in setting.items()),
                "prlimit", f"--fsize={256 << 20}", f"{PARTS}/run-tests", str(self.limit), *PRIVATE]

    def fair_result_of(self, test):
        """Whoever has waited in vain on a machine that is slower than it was gets a
        second try, with more time."""
        result = self.result_of(test)
        if result[0] in ("failed", "timeout") and result[1] >= self.patience * self.factor < self.patience * slowness():
            self.end()
            self.factor = slowness()
            self.begin()
            result = self.result_of(test)
        return result

    def begin(self):
        # It is small, ours and not root's: with it ends all that the tests have started.
        self.owner = subprocess.Popen(["sleep", "infinity"])
        # Whoever called us may be make, or bats.
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("BATS_", "MAKE", "RUNG_TEST", "RUNG_ENOUGH", "RUNG_HANGS"))}
        self.process = subprocess.Popen(
            self.command(), cwd=TOP, env=environment, text=True, errors="replace",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def result_of(self, test):
        """Have it run, and read what is said until its verdict."""
        self.late, begun = False, len(self.said)
        watchdog = threading.Timer(self.limit + 30, self.stop)
        watchdog.start()
        try:
            self.process.stdin.write(f"{test.file}:{test.line}\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                verdict = tap.read_line("", line.rstrip("\n"))
                if verdict and verdict.name == test.name:
                    return self.verdict(verdict)
                self.said.append(line.rstrip("\n"))
        except BrokenPipeError:
            pass
        finally:
            watchdog.cancel()
        self.end()
        return self.no_verdict(self.said[begun:])

    def verdict(self, verdict):
        """The result in the TAP, and the lines after a failure: they end with an
        empty one."""
        text = ""
        for line in self.process.stdout if verdict.kind == "failed" else ():
            if line == "\n":
                break
            text += line
        kind = "timeout" if verdict.note.startswith("# timeout") else verdict.kind
        return kind, verdict.seconds, text or verdict.note.removeprefix("# skip").strip()

    def no_verdict(self, said):
        """Whoever ran the test has gone without one."""
        self.queue.endings += 1
        ended = next((line.removeprefix("test: ") for line in said if "all of it was ended" in line), "")
        if self.late:
            ended = f"it was stopped after {self.limit} s"
        why = ended or "the test itself was killed: whom does your program send signals to?"
        return "timeout" if ended else "failed", 0, f"FAILED: {why}\n"

    def stop(self):
        self.late = True
        self.disown()

    def disown(self):
        """(A dead process is there until somebody has waited for it.)"""
        if self.owner:
            self.owner.kill()
            self.owner.wait()

    def end(self):
        """It ends when nothing more comes."""
        if self.process:
            self.process.stdin.close()
            self.said += [line.rstrip("\n") for line in self.process.stdout]
            self.process.wait()
            self.disown()
        self.process = self.owner = None


def state_of(paths):
    """What changes when somebody writes to a file, even if they put it back."""
    state = {}
    for path in paths:
        try:
            status = os.stat(path)
            state[path] = (status.st_ino, status.st_size, status.st_ctime_ns)
        except OSError:
            state[path] = None
    return state


def watched_files(step, program):
    """The tests, what they are made of, and the program that they run."""
    directories = [f"{TOP}/scripts", f"{TOP}/scripts/lab.d", f"{TOP}/scripts/test.d"]
    files = [f"{directory}/{name}" for directory in directories for name in os.listdir(directory)
             if not os.path.isdir(f"{directory}/{name}")]
    files += [f"{TOP}/{test.file}" for test in catalogue.read_step(step)]
    return [*files, program.split()[0], f"{TOP}/build/plain/host", "/bin/bash", "/bin/sh"]


def run(step, program, tests, patience=10, progress=lambda *_: None):
    """Returns {name: (result, seconds, text)}, and what was said besides."""
    subprocess.run(["make", "-s", "build/plain/host"], cwd=TOP, check=True, stdout=sys.stderr)
    before = state_of(watched_files(step, program))
    queue = Queue(step, tests)
    with tempfile.TemporaryDirectory(prefix="rung-lab.") as directory:
        workers = [Worker(step, program, patience, queue, directory) for _ in range(min(2, os.cpu_count() or 1, len(tests)))]
        try:
            for worker in workers:
                worker.start()
            while any(worker.is_alive() for worker in workers):
                time.sleep(0.05)
                progress(queue.seen, "") # which may be told to give up
        finally:
            queue.close()
            for worker in workers:
                worker.disown()
    results = {name: result for name, result in queue.results.items() if result[0] != "not run"}
    said = [line for worker in workers for line in worker.said]
    changed = sorted(path for path, state in state_of(before).items() if state != before[path])
    if changed:
        raise Tampered(f"while your program ran, {os.path.relpath(changed[0], TOP)} was changed "
                       "(git checkout brings it back)")
    return results, said


def main():
    """In the virtual machine: a line of JSON for each result."""
    def say(**answer):
        print(json.dumps(answer), flush=True)
    step, program, patience, names = sys.argv[1:]
    tests = [test for test in catalogue.read_step(step) if test.name in names.split("\n")]
    try:
        results, said = run(step, program, tests, int(patience), lambda seen, _: say(seen=seen))
        for name, (result, seconds, text) in results.items():
            say(name=name, result=result, seconds=seconds, text=text[:20000])
        say(said=said[-20:])
    except Tampered as error:
        say(tampered=str(error))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main()
