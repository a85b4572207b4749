"""What became of the tests: read from TAP, counted, written as JUnit's XML."""

import os
import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

LINE = re.compile(r"(not )?ok \d+ (.*?)(?: in (\d+)ms)?( # (?:skip|timeout).*)?$")


@dataclass
class Result:
    """One test. Its suite is "step05 promises": a step (or "top", or the name
    of a script's tests), and a file."""
    suite: str
    name: str
    kind: str  # passed, failed or skipped
    seconds: float = 0
    note: str = ""  # "# skip ...", "# timeout ..."
    text: str = ""  # of a failed one: what it had to say

    @property
    def key(self):
        return self.suite, self.name

    @property
    def step(self):
        return self.suite.split()[0].removeprefix("step")


def read_line(suite, line):
    """The result that a line of TAP says, or None."""
    match = LINE.match(line)
    if not match:
        return None
    note = (match[4] or "").strip()
    kind = "failed" if match[1] else "skipped" if note.startswith("# skip") else "passed"
    return Result(suite, match[2], kind, int(match[3] or 0) / 1000, note)


def read_directory(directory):
    """Every result in the TAP files of DIRECTORY, by key."""
    found = {}
    for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
        if not name.endswith(".tap"):
            continue
        result = None
        with open(f"{directory}/{name}", encoding="utf-8", errors="replace") as lines:
            suite = next(lines, "").removeprefix("# suite: ").rstrip("\n")
            for line in lines:
                new = read_line(suite, line.rstrip("\n"))
                if new:
                    result = found[new.key] = new
                elif result and result.kind == "failed":
                    result.text += line
    return found


def sum_of(results):
    """(passed, failed, skipped)"""
    kinds = [result.kind for result in results]
    return tuple(kinds.count(kind) for kind in ("passed", "failed", "skipped"))


def write_junit(results, directory):
    """A file for each suite."""
    suites = {}
    for result in results:
        suites.setdefault(result.suite, []).append(result)
    for suite, tests in suites.items():
        _, failed, skipped = sum_of(tests)
        with open(f"{directory}/{re.sub('[ /]', '_', suite)}.xml", "w", encoding="utf-8") as file:
            file.write(f'<testsuite name={quoteattr(suite)} tests="{len(tests)}" failures="{failed}" skipped="{skipped}">\n')
            file.writelines(junit_of(test) for test in tests)
            file.write("</testsuite>\n")


def junit_of(test):
    tag, body, name = {"failed": "failure", "skipped": "skipped"}.get(test.kind), "", test.name
    if tag:
        body = f"<{tag}>{escape(printable(test.note + chr(10) + test.text))}</{tag}>"
    if test.note.startswith("# timeout"):
        name += f" {test.note}"
    return (f"<testcase classname={quoteattr(test.suite)} name={quoteattr(printable(name))} "
            f'time="{test.seconds}">{body}</testcase>\n')


def printable(text):
    """XML has no place for the rest."""
    return re.sub(r"[^\n\t -~]", "?", text.strip())
