"""What a test types into the terminal of the program under test: see with_pty in
test_helper.bash."""

import fcntl
import linecache
import os
import struct
import sys
import termios
import time

import pexpect

PATIENCE = 2 * int(os.environ["PATIENCE"])

def read(pid, name):
    try:
        return open(f"/proc/{pid}/{name}", errors="replace").read()
    except OSError:
        return "" # it has gone

# The fields of proc(5) that follow the name: state, parent, group, session, terminal, the group in front of that.
def stat(pid):
    return read(pid, "stat").rpartition(")")[2].split()

def is_in_front(pid):
    fields = stat(pid)
    return len(fields) > 5 and fields[2] == fields[5]

def descendants(pid):
    for child in read(pid, f"task/{pid}/children").split():
        yield int(child)
        yield from descendants(int(child))

# Does it run the program under test?  (step07 runs from a copy of the mount, or of the file.)
def is_demo(pid):
    exe = f"/proc/{pid}/exe"
    try:
        return os.readlink(exe).startswith("/memfd:") or os.path.samefile(exe, os.environ["DEMO"].split()[0])
    except OSError:
        return False # it has gone

def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

class Terminal(pexpect.spawn):
    def __init__(self, *words):
        # The size comes first: pexpect would set it while the program runs already.
        super().__init__(words[0], list(words[1:]), encoding="utf-8", codec_errors="replace", timeout=PATIENCE,
                         logfile=None, preexec_fn=lambda: set_size(0, 24, 80))
        self.logfile_read = sys.stdout
        self.delaybeforesend = 0.1

    def processes(self):
        return [self.pid, *descendants(self.pid)]

    def until(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, "it never came about"
            time.sleep(0.02)

    def demo(self):
        return next(filter(is_demo, self.processes()), None)

    def until_in_front(self, command):
        self.until(lambda: any(is_in_front(pid) for pid in self.processes()
                               if read(pid, "cmdline").split("\0")[:-1] == command.split()))

    # The container gets a process group of its own in front, and then the demo joins it: only the two together will do.
    def until_demo_hears(self):
        self.until(lambda: self.demo() and is_in_front(self.demo()))

    def until_demo_rests(self):
        self.until(lambda: "ShdPnd:\t0000000000000000" in read(self.demo(), "status") and stat(self.demo())[0] in "ST")

    def wait_status(self):
        self.expect(pexpect.EOF)
        self.close()
        return self.exitstatus if self.signalstatus is None else 128 + self.signalstatus

# The line of the script that went wrong.
def explain(kind, error, trace):
    script = trace.tb_frame.f_code.co_filename
    while trace.tb_next and trace.tb_next.tb_frame.f_code.co_filename == script:
        trace = trace.tb_next
    line = linecache.getline(script, trace.tb_lineno).strip()
    print(f"\n{kind.__name__} in: {line}: {str(error).splitlines()[:1]}", file=sys.stderr)

sys.excepthook = explain

# As a shell would start it: a session leader, which pexpect would make of it, may not leave its process group.
def demo(*args):
    return Terminal("sh", "-c", '"$@"; exit $?', "sh", *os.environ["DEMO"].split(), *args)
