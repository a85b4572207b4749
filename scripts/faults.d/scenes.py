"""What scripts/faults runs: commands, what comes before and after each, and what may be left."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

PATH = "PATH=/bin:/sbin:/usr/bin:/usr/sbin"
CAPABILITIES = ["CAP_CHOWN", "CAP_KILL"]


def tmpfs(destination, *options):
    return {"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": list(options)}


def bind(source, destination, *options):
    return {"destination": destination, "type": "none", "source": source, "options": ["rbind", *options]}


def config(place, args):
    """A container that has a bit of everything."""
    maps = [{"containerID": 0, "hostID": 0, "size": 65536}]
    return {
        "ociVersion": "1.2.0",
        "hostname": "box",
        "process": {
            "user": {"uid": 1000, "gid": 1000, "additionalGids": [5], "umask": 0o27},
            "args": args, "env": [PATH], "cwd": "/tmp", "noNewPrivileges": True,
            "capabilities": {name: CAPABILITIES for name in ("bounding", "permitted", "effective", "inheritable", "ambient")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200}],
            "oomScoreAdj": 100,
        },
        "root": {"path": str(place.root), "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            tmpfs("/dev", "nosuid", "mode=755"),
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "newinstance", "ptmxmode=0666"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
            tmpfs("/tmp", "nosuid", "nodev", "size=1m"),
            bind(str(place.work), "/mnt", "ro", "nosuid", "nodev", "noexec"),
        ],
        "hooks": {"createRuntime": [{"path": "/bin/true"}]},
        "linux": {
            "cgroupsPath": f"/{place.cgroups.name}/container",
            "resources": {"unified": {"cgroup.max.depth": "3"}},
            "namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts", "network", "cgroup")],
            "sysctl": {"net.ipv4.ip_unprivileged_port_start": "80"},
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/sys/firmware"],
            "readonlyPaths": ["/proc/sys", "/proc/sysrq-trigger"],
            "seccomp": {"defaultAction": "SCMP_ACT_ALLOW",
                        "syscalls": [{"names": ["mount", "keyctl", "unshare"], "action": "SCMP_ACT_ERRNO"}]},
        },
    }, maps


def remove_tree(cgroup):
    """Remove it and those below it, if they are empty."""
    for directory, _, _ in os.walk(cgroup, topdown=False):
        try:
            os.rmdir(directory)
        except OSError as error:
            print(f"faults: remove {directory}: {error.strerror}", file=sys.stderr)


class Place:
    """Where all of it happens, and what is there before."""

    def __init__(self, top, work):
        self.top, self.work = top, work
        self.root, self.state = work / "root", work / "state"
        self.runtime = [str(top / "step07_full_runtime/demo"), "--root", str(self.state)]
        self.enter_cgroup()
        work.chmod(0o755)
        shutil.copytree(top / "build/rootfs", self.root, symlinks=True)
        shutil.copy(top / "scripts/faults.d/probe", self.root / "probe")
        os.mknod(self.root / "disk", 0o060666, os.makedev(7, 0))
        self.namespaces = {name: os.readlink(f"/proc/self/ns/{name}") for name in os.listdir("/proc/self/ns")}
        self.begin = self.look()

    def enter_cgroup(self):
        """One of our own, where all others are to be made."""
        mounts = open("/proc/self/mountinfo").read()
        self.top_cgroup = pathlib.Path(re.search(r"^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 ", mounts, re.M)[1])
        for dead in self.top_cgroup.glob("faults-*"):
            if not os.path.exists(f"/proc/{dead.name[7:]}"):
                remove_tree(dead)
        self.cgroups = self.top_cgroup / f"faults-{os.getpid()}"
        self.cgroup = self.cgroups / "container"
        (self.cgroups / "driver").mkdir(parents=True)
        (self.cgroups / "driver/cgroup.procs").write_text(str(os.getpid()))

    def leave_cgroup(self):
        (self.top_cgroup / "cgroup.procs").write_text(str(os.getpid()))
        remove_tree(self.cgroups)

    def look(self):
        """What this host has."""
        found = {f"cgroup {name}" for _, names, _ in os.walk(self.cgroups) for name in names}
        found |= {f"link {name}" for name in os.listdir("/sys/class/net")}
        found |= {f"mount {line.split()[4]}" for line in open("/proc/self/mountinfo")}
        found |= {f"state {name}" for name in (os.listdir(self.state) if self.state.exists() else [])}
        return found

    def children(self):
        """Whoever lost its parent is our child. The dead ones are waited for."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return set()
        return {f"process {pid} {open(f'/proc/{pid}/comm').read().strip()}"
                for pid in open(f"/proc/self/task/{os.getpid()}/children").read().split()}

    def left(self, seconds):
        """What is there now and was not. The kernel may need a moment."""
        end = time.monotonic() + seconds
        while True:
            found = sorted((self.look() - self.begin) | self.children())
            if not found or time.monotonic() > end:
                return ", ".join(found)
            time.sleep(0.005)


class Scene:
    """A command. It is run with before(), words(), after() and end(), in this order."""
    pid = 0 # another process that belongs to it
    status = 0
    has_probe = True
    runs_alone = False # its command goes on when it has ended
    output_name = "out" # the file that has what the command prints

    def __init__(self, place, name, args=(), edit=None):
        self.place, self.name, self.args, self.edit = place, name, list(args), edit

    def rung(self, *words):
        return subprocess.run([*self.place.runtime, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, check=False)

    def need(self, *words):
        """The same without a fault, for what has to go well. What it starts prints into a file."""
        with open(self.place.work / "container", "w") as output:
            status = subprocess.call([*self.place.runtime, *words], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        if status:
            raise RuntimeError(f"{words}: {(self.place.work / 'container').read_text()}")

    def write_bundle(self, args):
        bundle = self.place.work / "bundle"
        bundle.mkdir(exist_ok=True)
        content, maps = config(self.place, args)
        if self.edit:
            self.edit(content, maps)
        (bundle / "config.json").write_text(json.dumps(content))
        return str(bundle)

    def created(self, args):
        self.need("create", "--bundle", self.write_bundle(args), "c")

    def started(self, args):
        self.created(args)
        self.need("start", "c")

    def printed(self):
        """What the container has printed, when it has ended."""
        end = time.monotonic() + 10
        while f'"{"stopped"}"' not in self.rung("state", "c").stdout and time.monotonic() < end:
            time.sleep(0.01)
        return (self.place.work / "container").read_text()

    def before(self):
        pass

    def words(self):
        return [*self.place.runtime, *self.args]

    def after(self, status):
        return ""

    def end(self):
        """Remove what is left, and say what can't be."""
        result = self.rung("delete", "--force", "c")
        left = self.place.left(1)
        if left:
            self.sweep()
        return left or (f"delete --force: {result.stderr}" if result.returncode else "")

    def sweep(self):
        """So that the next one begins as this one did."""
        for pid in open(f"/proc/self/task/{os.getpid()}/children").read().split():
            os.kill(int(pid), 9)
        shutil.rmtree(self.place.state, ignore_errors=True)
        # (Never --all: whoever else has containers on this host keeps them.)
        subprocess.run([self.place.top / "scripts/cleanup"], stdout=subprocess.DEVNULL, check=False)
        for thing in self.place.look() - self.place.begin:
            if thing.startswith("link "):
                subprocess.run(["ip", "link", "delete", thing[5:]], check=False)
        self.place.left(2)

    def normal(self, text):
        """Without what differs from run to run."""
        for name, link in self.place.namespaces.items():
            text = text.replace(f"{name} -> {link}", f"{name} -> the host's")
        text = text.replace(f"faults-{os.getpid()}", "faults-N")
        text = re.sub(r"\b(pipe|socket|\w+):\[\d+\]", r"\1:[N]", text)
        text = re.sub(r"rung-\d+", "rung-N", text)
        text = re.sub(r" (master|shared):\d+", "", text)
        # A device may be made there, or bound: ls(1) shows what it is.
        text = re.sub(r"^mount .* /dev/(null|zero|full|random|urandom|tty) .*\n", "", text, flags=re.M)
        text = text.replace("/dev/null (deleted)", "/dev/null") # bound by a first name that is gone
        text = re.sub(r"/proc/\d+/", "/proc/N/", text)
        return re.sub(r'"(pid|created)": *[^,\n]*', r'"\1": N', text)


class Run(Scene):
    def words(self):
        return [*self.place.runtime, "run", "--bundle", self.write_bundle(["/probe"]), "c"]


class Flags(Scene):
    def words(self):
        return [*self.place.runtime, "run", "--name", "c", "--rootfs", str(self.place.root), "--ip", "10.240.0.2/24", "/probe"]


class Create(Scene):
    has_probe = False
    output_name = "container"

    def words(self):
        return [*self.place.runtime, "create", "--bundle", self.write_bundle(["/probe"]), "c"]

    def after(self, status):
        if status != 0:
            return ""
        return self.rung("start", "c").stderr + self.printed()


class Start(Scene):
    has_probe = False # it may be over before its execve(2) is seen
    runs_alone = True

    def before(self):
        self.created(["/probe"])
        self.pid = json.loads(self.rung("state", "c").stdout)["pid"]

    def words(self):
        return [*self.place.runtime, "start", "c"]

    def after(self, status):
        return self.printed() if status == 0 else ""


class Exec(Scene):
    def before(self):
        self.started(["sleep", "100"])

    def words(self):
        return [*self.place.runtime, "exec", "c", "/probe"]


class Running(Scene):
    """A command about a container that runs. "look" says what has come of it."""
    has_probe = False

    def __init__(self, place, name, args, look, status=0):
        super().__init__(place, name, args)
        self.look, self.status = look, status

    def before(self):
        self.started(["sleep", "100"])

    def after(self, status):
        return self.look(self) if status == self.status else ""

    def normal(self, text):
        """Who it belongs to is told by name if the host's users can be looked up."""
        text = re.sub(r'"owner": .*|^\S+ +(?=\d+ +\d+ +\d+ \d+:)', "", super().normal(text), flags=re.M)
        return re.sub(r"\d+", "N", text)


class Created(Running):
    def before(self):
        self.created(["sleep", "100"])


class Demo(Scene):
    """A step's program."""

    def __init__(self, place, step):
        super().__init__(place, f"step{step}")
        self.directory = next(place.top.glob(f"step{step}_*"))

    def words(self):
        step = self.name[4:]
        probe = "/probe" if step >= "04" else str(self.place.root / "probe")
        root = ["--rootfs", str(self.place.root)] if step >= "04" else []
        return [str(self.directory / "demo"), *root, *(["--ip", "10.240.0.2/24"] if step == "06" else []), probe]

    def end(self):
        left = self.place.left(0.3)
        if left:
            subprocess.run([self.place.top / "scripts/cleanup"], stdout=subprocess.DEVNULL, check=False)
            left = self.place.left(1)
        if left:
            self.sweep()
        return left


def in_user_namespace(content, maps):
    content["linux"]["namespaces"].append({"type": "user"})
    content["linux"]["uidMappings"] = content["linux"]["gidMappings"] = [{**maps[0], "hostID": 100000}]


def status_of(scene):
    return scene.rung("state", "c").stdout + str(scene.place.cgroup.exists())


def depth_of(scene):
    return (scene.place.cgroup / "cgroup.max.depth").read_text()


NAMES = ["run", "run-user", "run-ip", "create", "start", "exec", "update", "pause", "resume", "kill", "state", "ps",
         "delete", "delete-force", "step02", "step03", "step04", "step05", "step06"]


def all_of(place):
    """The scenes, in the order of NAMES."""
    resources = place.work / "resources.json"
    resources.write_text(json.dumps({"unified": {"cgroup.max.depth": "7"}}))
    return [
        Run(place, "run"),
        Run(place, "run-user", edit=in_user_namespace),
        Flags(place, "run-ip"),
        Create(place, "create"),
        Start(place, "start"),
        Exec(place, "exec"),
        Running(place, "update", ["update", "--resources", str(resources), "c"], depth_of),
        Running(place, "pause", ["pause", "c"], status_of),
        Paused(place, "resume", ["resume", "c"], status_of),
        Running(place, "kill", ["kill", "c", "KILL"], lambda scene: ""),
        Running(place, "state", ["state", "c"], status_of),
        Running(place, "ps", ["ps", "c"], status_of),
        Created(place, "delete", ["delete", "c"], status_of),
        Running(place, "delete-force", ["delete", "--force", "c"], status_of),
        *(Demo(place, step) for step in ("02", "03", "04", "05", "06")),
    ]


class Paused(Running):
    def before(self):
        super().before()
        self.rung("pause", "c")
