"""Runs the suites of some steps on the machine that it is on: suites.py JOB, the
job as JSON. Prints a dot for each test, and what a failed one has to say; each
suite's TAP goes to a file in the job's directory of results.

scripts/test starts this, here or in a virtual machine.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field

import results

TOP = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
STEPS = ["01", "02", "03", "04", "05", "06", "07"]
# What a suite may have. (Its program may be anybody's.)
PROCESSES = 1000
# These take their time, and call for what other tests call for.
PROMISES = "scripts/promises.bats"
NOT_WITH_ASAN = re.compile(r"engines\.bats|conformance_.*\.bats")


@dataclass
class Job:
    """What is to be run, and how. Of a step with names in ONLY those alone."""
    directory: str  # of the results, relative to the top
    steps: list
    readme: bool = False  # the top README.md, too
    scripts: tuple = ()  # and tests of the scripts: (1, 2) is the second half of their files
    only: dict = field(default_factory=dict)
    filter: str = ""
    first: list = field(default_factory=list)
    demo: str = ""
    source: str = ""
    variant: str = ""
    verbose: bool = False
    share: tuple = (0, 1)  # (1, 2): the second half of the tests, and no transcripts
    transcripts: bool = False  # these alone
    no_skip: bool = False
    again: bool = False  # what is skipped here runs in another place

    @property
    def foreign(self):
        """Somebody's program: it may do anything, and its author waits."""
        return self.demo or self.source


# --- Where things are --------------------------------------------------------

def directory_of(step):
    """step05_cgroup_v2"""
    return os.path.basename(glob.glob(f"{TOP}/step{step}_*/")[0].rstrip("/"))


def in_vm():
    return "RUNG_VM" in os.environ


def program_of(job, step):
    """The command that a step's tests run. Of step07's, which has commands, the
    one that does as the other steps do is "run"."""
    if job.demo:
        return job.demo
    program = f"{job.source or directory_of(step)}/demo"
    if job.variant:
        program = f"build/{job.variant}/step{step}/demo"
    return f"{TOP}/{program}" + (" run" if step == "07" else "")


# --- Building ----------------------------------------------------------------

def build(job, targets):
    """Make what the job runs. Exits with 125 if that fails."""
    if job.source:
        targets = targets and [*targets, f"{job.source}/demo"]
    elif not job.demo:
        targets = [*targets, *([job.variant] if job.variant else []),
                   *(["all"] if job.readme else [f"step{step}" for step in job.steps])]
    targets = [*targets, "build/plain/host"]
    if subprocess.run(["make", "-s", f"-j{os.cpu_count()}", *targets], cwd=TOP, check=False,
                                  stdout=sys.stderr).returncode:
        sys.exit("test: the build failed") if in_vm() else die("the build failed")


def distrust_build():
    """What came along into this VM and does not run here is to be built again."""
    for program in glob.glob("build/*/step0[1-7]/demo") + glob.glob("step0[1-7]_*/demo"):
        if subprocess.run([f"./{program}", "--help"], capture_output=True, check=False).returncode:
            shutil.rmtree("build/plain", ignore_errors=True)
            shutil.rmtree("build/asan", ignore_errors=True)
            for other in glob.glob("step0[1-7]_*/demo"):
                os.unlink(other)
            return


def die(text):
    print(f"test: {text}", file=sys.stderr)
    sys.exit(125)


# --- The tests of a file -----------------------------------------------------

@dataclass
class Test:
    file: str
    line: int
    name: str
    tags: list

    def is_for(self, step):
        """One of promises.bats may be for some steps only: from:04, upto:06."""
        return not any(tag[:5] == "from:" and tag[5:] > step or tag[:5] == "upto:" and tag[5:] < step for tag in self.tags)


def tests_in(file):
    tests, tags = [], []
    with open(f"{TOP}/{file}", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if title := re.match(r'@test "(.*)" \{$', line):
                tests.append(Test(file, number, re.sub(r'\\(["\\$`])', r"\1", title[1]), tags))
            tags = re.sub("# bats test_tags=", "", line).strip().split(",") if line.startswith("# bats test_tags=") else \
                tags if line.startswith("#") else []
    return tests


def written(file, lines):
    """The file, at its beginning, with these lines; without any, no input."""
    if not lines:
        return None
    file.write("".join(f"{line}\n" for line in lines))
    file.seek(0)
    return file


# --- A suite -----------------------------------------------------------------

class Runner:
    def __init__(self, job):
        self.job = job
        self.given_up = False
        self.slowness = slowness()
        os.makedirs(job.directory, exist_ok=True)

    def suite(self, name, command, places=()):
        """Run it, and read the TAP that it writes. Returns its results. PLACES of
        tests are what run-tests is to read."""
        # Somebody's program has ended a suite before its end, and would again.
        if self.given_up:
            return []
        show(f"{name}\n" if self.job.verbose else f"{name:32}")
        planned, found, last = len(places), [], []
        path = f"{self.job.directory}/{re.sub('[ /]', '_', name)}.tap"
        with open(path, "w", encoding="utf-8") as tap, tempfile.TemporaryFile("w+") as list_of_places, \
                subprocess.Popen(command, cwd=TOP, text=True, errors="replace", stdin=written(list_of_places, places),
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            tap.write(f"# suite: {name}\n")
            for line in process.stdout:
                tap.write(line)
                tap.flush()
                planned = int(line[3:]) if re.match(r"1\.\.\d+$", line) else planned
                self.take(results.read_line(name, line.rstrip("\n")), line, found, last)
        # Bats' own status is 1 if a test failed. Anything else is not a result.
        if len(found) < planned or process.returncode and not results.sum_of(found)[1]:
            self.ended_early(path, found, planned, process.returncode, last)
        if not self.job.verbose:
            wanted = ("failed",) if self.job.again else ("failed", "skipped")
            show("\n" + "".join(f"  {result.line}{result.text}" for result in found if result.kind in wanted))
        return found

    def take(self, result, line, found, last):
        """A line of a suite's output, which says a RESULT or not."""
        if result:
            result.line = line
            found.append(result)
            show(line if self.job.verbose else {"passed": ".", "failed": "F", "skipped": "s"}[result.kind])
            return
        last[:] = [*last[-19:], line]
        if found and found[-1].kind == "failed":
            found[-1].text += "  " + line
            if self.job.verbose:
                show(line)

    def ended_early(self, path, found, planned, status, last):
        self.given_up = bool(self.job.foreign)
        line = f"not ok {len(found) + 1} ended early: {len(found)} of {planned} tests, status {status}\n"
        result = results.read_line("", line.rstrip("\n"))
        result.line, result.text = line, "".join("  " + text for text in last)
        with open(path, "a", encoding="utf-8") as tap:
            tap.write(line + "".join(last))
        if self.job.verbose:
            show(line + result.text)
        found.append(result)

    # --- The suites of a step ------------------------------------------------

    def step(self, step):
        directory = directory_of(step)
        files = sorted(glob.glob(f"{directory}/*.bats") + glob.glob(f"{directory}/tests/*.bats"))
        if self.job.first:
            found = self.tests(step, "first", files, self.job.first)
            if results.sum_of(found)[1] >= len(self.job.first):
                return
        only = self.job.only.get(step)
        self.tests(step, "promises", [PROMISES], only)
        for file in files:
            if not (self.job.variant and NOT_WITH_ASAN.match(os.path.basename(file))):
                self.tests(step, os.path.basename(file), [file], only)
        self.transcript(step, f"step{step} README.md", f"{directory}/README.md")
        self.transcript(step, f"step{step} solutions", f"{directory}/.solution/README.md")

    def tests(self, step, name, files, only):
        """Those of ONLY, if that is not None, of a step's files."""
        tests = [test for file in files for test in tests_in(file)
                 if test.is_for(step) and (test.name in only if only is not None else re.search(self.job.filter, test.name))]
        index, number = self.job.share
        tests = tests[index::number]
        if not tests or self.job.transcripts:
            return []
        job = self.job
        leaks = 0 if step == "07" else 1 # The runtime leaves its memory to the kernel.
        settings = [f"STEP={step}", f"DEMO={program_of(job, step)}", f"ASAN_OPTIONS=detect_leaks={leaks}"]
        if job.foreign:
            patience = os.environ.get("RUNG_HOST_PATIENCE", "3")
            settings += [f"RUNG_HOST_PATIENCE={patience}", f"RUNG_HANGS={TOP}/{job.directory}/hangs{step}",
                         "prlimit", f"--fsize={256 << 20}"]
        words, places = self.tool(tests)
        return self.suite(f"step{step} {name}", self.as_root(step, [*settings, *words]), places)

    def tool(self, tests):
        """What runs these tests of a file, and what it is to read: ours, or bats
        where something is set up for the whole file."""
        with open(f"{TOP}/{tests[0].file}", encoding="utf-8") as file:
            if "\nsetup_file() {" in file.read():
                return ["bats", "--timing", "--formatter", "tap", "--filter", regex_of(test.name for test in tests),
                        tests[0].file], []
        return [f"{TOP}/scripts/test.d/run-tests", str(120 * self.slowness)], \
            [f"{test.file}:{test.line}" for test in tests]

    def transcript(self, step, name, file):
        job, words = self.job, []
        if job.foreign or job.variant or job.filter or job.share[1] > 1 or not os.path.exists(f"{TOP}/{file}"):
            return
        if job.only.get(step) is not None:
            lines = [test.split(":")[1] for test in job.only[step] if test.startswith(f"{file}:")]
            if not lines:
                return
            words = [word for line in lines for word in ("--line", line)]
        self.suite(name, self.as_root(step, ["scripts/transcripts", *words, file]))

    def as_root(self, step, words):
        """Only the suites get root's rights, so that nothing in the tree becomes
        root's. A VM is a host to break. But somebody else's program may be a bomb."""
        command = ["sudo"] if os.geteuid() else []
        if not in_vm() or (self.job.foreign and step != "07"):
            command += [*self.bounded(), f"{TOP}/scripts/test.d/own-host", step]
        return [*command, *self.environment(), *words]

    def bounded(self):
        seconds = 600 * self.slowness
        return [f"{TOP}/scripts/test.d/bounded", str(os.getpid()), str(seconds), str(PROCESSES)]

    def environment(self):
        # A python3 that is a script (pyenv's) would start others at every call.
        path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
        return ["env", f"PATH={path}", f"RUNG_NO_SKIP={int(self.job.no_skip)}", f"RUNG_SLOWNESS={self.slowness}"]

    def scripts(self):
        """What needs no step's program, and no root."""
        index, number = self.job.scripts
        for file in sorted(glob.glob("scripts/*.bats"))[index::number]:
            tests = [test for test in tests_in(file) if re.search(self.job.filter, test.name)]
            if tests and file != PROMISES:
                words, places = self.tool(tests)
                # These leave things behind on purpose: others must not be blamed for them.
                host = [f"{TOP}/scripts/test.d/own-host", "01"] if file == "scripts/test_helper.bats" else []
                self.suite(os.path.basename(file), [*self.bounded(), *host, *self.environment(), *words], places)


def slowness():
    """How many times as long a test may take."""
    given = os.environ.get("RUNG_SLOWNESS")
    return int(given) if given else 2 if not in_vm() else 3 if is_uml() else 8


def is_uml():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return "User Mode" in file.read()


def regex_of(names):
    """What bats --filter needs for these."""
    return "^(" + "|".join(re.sub(r"([][\\.*^$+?(){}|/])", r"\\\1", name) for name in names) + ")$"


def show(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def run(job):
    os.chdir(TOP)
    if in_vm():
        # Where everything is there, a skipped test is one that is missing.
        job.no_skip = job.no_skip or not is_uml() or os.path.isdir("/run/systemd/system")
        distrust_build()
        build(job, ["rootfs"])
    runner = Runner(job)
    if job.scripts:
        runner.scripts()
    for step in job.steps:
        runner.step(step)
    if job.readme:
        runner.transcript("top", "top README.md", "README.md")


if __name__ == "__main__":
    run(Job(**json.loads(sys.argv[1])))
