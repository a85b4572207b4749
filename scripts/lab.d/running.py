#!/usr/bin/env python3
"""Runs tests of a step on one program, where this runs: on this machine, or in
a virtual one (then as a script: running.py STEP PROGRAM PATIENCE NAMES).

They run in two halves at the same time, each on a host to itself
(test.d/own-host) and with processes of its own: who kills or stops what it can see
has not seen the grader. The cores come first. Once one has failed, what is not
yet begun is left out: nothing can earn a point any more.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
LAB = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [LAB, os.path.join(LAB, "..", "test.d")]
# pylint: disable=wrong-import-position
import catalogue
import results as tap
import suites
from catalogue import TOP

OUTPUT = 20_000_000
PRIVATE_PROCESSES = 'mount -t proc proc /proc && exec "$@"'


class Tampered(Exception):
    """The program has no right to points: it has changed the tests, or is ours."""


def slowness():
    """How many times slower than a quiet machine this one is, roughly."""
    if os.environ.get("RUNG_SLOWNESS") or suites.in_vm():
        return suites.slowness()
    return min(1 + int(os.getloadavg()[0] / (os.cpu_count() or 1)), 6)


def halves(tests):
    """Two lists of about the same length. Bats runs files in the order given, and
    the tests of a file in its own: the cores are the first of theirs."""
    if (os.cpu_count() or 1) < 2 or len(tests) < 4:
        return [tests]
    lists = [[], []]
    cores = catalogue.cores(tests)
    for number, test in enumerate(cores + [test for test in tests if not test.core]):
        lists[number % 2].append(test)
    return lists


def in_bats_order(tests):
    """The files to give to bats, and the tests in the order that it runs them."""
    files = []
    for test in sorted(tests, key=lambda test: not test.core):
        if test.file not in files:
            files.append(test.file)
    return files, sorted(tests, key=lambda test: (files.index(test.file), test.line))


class Half(threading.Thread):
    """Bats with some of the tests; .results is {name: (result, seconds, text)}."""

    def __init__(self, step, program, tests, patience, enough, seen):
        super().__init__()
        self.files, self.tests = in_bats_order(tests)
        self.results, self.seen, self.late = {}, seen, False
        self.said = [] # what is no test's
        # It is small, ours and not root's: with it ends all that bats has started.
        self.owner = subprocess.Popen(["sleep", "infinity"])
        factor = slowness()
        # The slowest test of a lesson takes three seconds, of the polish a minute.
        self.limit = patience * (6 if patience < 10 else 13) * factor
        # Bats, if it is what runs us, has put its own parts first. And a python3 that
        # is a script (pyenv's) would start others at every call.
        path = ":".join([os.path.dirname(sys.executable),
                         *(word for word in os.environ["PATH"].split(":") if "/bats-core" not in word)])
        setting = {"STEP": step, "DEMO": program, "PATH": path, "RUNG_SLOWNESS": factor,
                   "RUNG_PATIENCE": patience, "RUNG_HOST_PATIENCE": min(patience, 3),
                   "RUNG_HANGS": f"{enough}.hangs{id(self)}", "RUNG_ENOUGH": enough,
                   "RUNG_NO_SKIP": os.environ.get("RUNG_NO_SKIP", "")}
        parts = f"{TOP}/scripts/test.d"
        self.command = [
            *([] if os.geteuid() == 0 else ["sudo"]),
            f"{parts}/bounded", str(self.owner.pid), str(self.limit * len(tests)), str(suites.PROCESSES),
            f"{parts}/own-host", step,
            "unshare", "--pid", "--fork", "--kill-child", "sh", "-c", PRIVATE_PROCESSES, "sh",
            "env", *(f"{name}={value}" for name, value in setting.items()),
            "prlimit", f"--fsize={256 << 20}", "bats", "--timing", "--formatter", "tap",
            "--filter", suites.regex_of(test.name for test in tests), *self.files]

    def run(self):
        # Whoever called us may be make, or bats.
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("BATS_", "MAKE", "RUNG_TEST", "RUNG_ENOUGH", "RUNG_HANGS"))}
        with subprocess.Popen(self.command, cwd=TOP, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace") as bats:
            size, name, watchdog = 0, "", self.watch()
            for line in bats.stdout:
                watchdog.cancel()
                size += len(line)
                if size > OUTPUT:
                    self.stop()
                name = self.read(line.rstrip("\n"), name)
                watchdog = self.watch()
            watchdog.cancel()
        self.disown()

    def watch(self):
        """Whoever says nothing for so long will say nothing any more."""
        watchdog = threading.Timer(self.limit, self.stop)
        watchdog.start()
        return watchdog

    def stop(self):
        self.late = True
        self.disown()

    def disown(self):
        """(A dead process is there until somebody has waited for it.)"""
        self.owner.kill()
        self.owner.wait()

    def read(self, line, name):
        """A line of TAP. NAME is the test that lines without one belong to."""
        verdict = tap.read_line("", line)
        if verdict and verdict.note == "# skip one failure is enough":
            return ""
        if verdict:
            name = verdict.name
            result = "timeout" if verdict.note.startswith("# timeout") else verdict.kind
            self.results[name] = (result, verdict.seconds, verdict.note.removeprefix("# skip").strip())
            self.seen()
        elif line.startswith("#") and self.results.get(name, ("",))[0] in ("failed", "timeout"):
            result, seconds, text = self.results[name]
            self.results[name] = (result, seconds, text + line + "\n")
        elif not line.startswith(("1..", "#")):
            self.said.append(line)
        return name

    def missing(self, enough):
        """The first test without a result is to blame for that. (Where one failure was
        enough, it has not been run. Where bats has not begun, no program has.)"""
        ended = next((line.removeprefix("test: ") for line in self.said if "all of it was ended" in line), "")
        killed = any("Killed" in line or "Terminated" in line for line in self.said)
        if self.late:
            ended = f"it was stopped after {self.limit} s"
        absent = [number for number, test in enumerate(self.tests) if test.name not in self.results]
        if not absent or not (ended or killed or self.results) or os.path.exists(enough) and not (ended or killed):
            return
        self.results[self.tests[absent[0]].name] = (
            "timeout" if ended else "failed", 0,
            f"FAILED: {ended or 'the test itself was killed: whom does your program send signals to?'}\n")


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
    return [*files, program.split()[0], f"{TOP}/build/plain/host", "/usr/bin/bats", "/bin/bash", "/bin/sh"]


def run(step, program, tests, patience=10, progress=lambda *_: None):
    """Returns {name: (result, seconds, text)}, and what was said besides."""
    subprocess.run(["make", "-s", "build/plain/host"], cwd=TOP, check=True, stdout=sys.stderr)
    before = state_of(watched_files(step, program))
    with tempfile.TemporaryDirectory(prefix="rung-lab.") as directory:
        enough = f"{directory}/enough"
        with open(f"{enough}.not", "w", encoding="utf-8") as file:
            gates = catalogue.gates(step, tests)
            file.writelines(f"{test.name}\n" for test in tests if test not in gates)
        count, lock = [0], threading.Lock()

        def seen():
            with lock:
                count[0] += 1
                progress(count[0], "")
        threads = [Half(step, program, part, patience, enough, seen) for part in halves(tests)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            for thread in threads:
                thread.disown()
        results, said = {}, []
        for thread in threads:
            thread.missing(enough)
            results |= thread.results
            said += thread.said
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
