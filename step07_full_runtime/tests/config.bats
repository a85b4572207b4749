#!/usr/bin/env bats
#
# config.json: what is refused, with the field's path and the line, before anything is made; and what is not.
#
# bats file_tags=step07,config
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper

before_each() { requires root; }

# A config.json with something of everything, so that there is something to spoil: config.json in the test's directory.
full_config() {
    "$DEMO_PROGRAM" spec --print --hostname full --memory 64M --cpus 0.5 --pids 100 --ulimit nofile=64:128 --user 5:6 \
        --sysctl net.ipv4.ip_forward=0 --time-offset 5 --uidmap 0:100000:1000 --gidmap 0:100000:1000 -- true >base.json
    python3 - <<'END'
import json
config = json.load(open("base.json"))
config["domainname"] = "example.org"
config["annotations"]["org.example"] = "kept"
hook = {"path": "/bin/true", "args": ["true", "x"], "env": ["A=b"], "timeout": 5}
config["hooks"] = {name: [hook, {"path": "/bin/true"}] for name in
                   ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")}
config["process"]["consoleSize"] = {"height": 24, "width": 80}
config["process"]["oomScoreAdj"] = 100
config["process"]["user"]["additionalGids"] = [7, 8]
linux = config["linux"]
linux["namespaces"].append({"type": "network", "path": "/run/netns/other"})
linux["namespaces"] = [n for n in linux["namespaces"] if n != {"type": "network"}]
linux["sysctl"] = {"kernel.shmmax": "65536"}
linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 0, "gid": 0}]
linux["netDevices"] = {"eth7": {"name": "inside"}}
linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}
linux["personality"] = {"domain": "LINUX"}
linux["rootfsPropagation"] = "slave"
linux["cgroupsPath"] = "/a/b"
json.dump(config, open("config.json", "w"), indent=2)
END
}

# Standard input: lines "PATH = JSON => MESSAGE". The field at PATH (with / between; nothing after the = removes it)
# becomes JSON; then the program must say MESSAGE, and the number of the line where the field stands that it names, or
# the object that lacks it.
is_refused() {
    full_config
    "$DEMO_PROGRAM" spec --print --config config.json >/dev/null || fail 'refused before anything was changed' || return
    cat >cases
    python3 - "$DEMO_PROGRAM" <<'END'
import json, re, subprocess, sys

def change(config, path, text):
    *names, last = path.split("/")
    place = config
    for name in names:
        place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
    if isinstance(place, list):
        last = int(last)
    if not text:
        del place[last]
    elif isinstance(place, list) and last == len(place):
        place.append(json.loads(text))
    else:
        place[last] = json.loads(text)

# JSON with a line for each value; lines[path] is its number, path as the errors have it.
def write(value, path, text, lines):
    lines[path] = text.count("\n") + 1
    if isinstance(value, dict) and value:
        items = [(json.dumps(key) + ": ", f"{path}.{key}" if path else key, value[key]) for key in value]
    elif isinstance(value, list) and value:
        items = [("", f"{path}[{i}]", item) for i, item in enumerate(value)]
    else:
        return text + json.dumps(value)
    text += "{[" [isinstance(value, list)]
    for i, (key, name, item) in enumerate(items):
        text = write(item, name, text + ("," if i else "") + "\n" + key, lines)
    return text + "\n" + "}]" [isinstance(value, list)]

bad = 0
for case in open("cases"):
    path, text, message = re.fullmatch(r"(\S+) = ?(.*) => (.*)", case.strip()).groups()
    config = json.load(open("config.json"))
    change(config, path, text)
    lines = {}
    text = write(config, "", "", lines)
    open("changed.json", "w").write(text)
    field = message.split(": ")[0]
    while field not in lines:
        field = re.sub(r"(\.?[^.\[]*|\[\d+\])$", "", field)
    result = subprocess.run([sys.argv[1], "spec", "--print", "--config", "changed.json"], capture_output=True, text=True)
    name = sys.argv[1].rsplit("/", 1)[-1]
    wanted = f"{name}: config.json: {message} (line {lines[field]})\n"
    if result.returncode != 125 or result.stdout or result.stderr != wanted:
        bad += 1
        print(f"{case}  wanted: {wanted}  but:    {result.stderr}  status {result.returncode}\n")
sys.exit(bad != 0)
END
}

# Standard input: lines "PATH = JSON"; all of that is fine, without a word. The last one stays in changed.json.
is_accepted() {
    full_config
    cat >cases
    python3 - "$DEMO_PROGRAM" <<'END'
import json, subprocess, sys

bad = 0
for case in open("cases"):
    path, value = case.split(" = ", 1)
    config = place = json.load(open("config.json"))
    *names, last = path.split("/")
    for name in names:
        place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
    place[int(last) if isinstance(place, list) else last] = json.loads(value)
    json.dump(config, open("changed.json", "w"), indent=2)
    result = subprocess.run([sys.argv[1], "spec", "--print", "--config", "changed.json"], capture_output=True, text=True)
    if result.returncode or result.stderr:
        bad += 1
        print(f"{case}  refused: {result.stderr}")
sys.exit(bad != 0)
END
}

# hint: Which text was taken for a version, or which version refused?
# hint: semver.org: no leading zeros; config.md, "ociVersion".
# hint: check_version in config/spec.c.
@test "ociVersion is a semantic version, and 1.something" {
    is_refused <<'END'
ociVersion = => ociVersion: missing
ociVersion = 1 => ociVersion: not a string
ociVersion = "" => ociVersion: empty
ociVersion = "1.3" => ociVersion: "1.3" is not a version like 1.3.0
ociVersion = "1.03.0" => ociVersion: "1.03.0" is not a version like 1.3.0
ociVersion = "1.3.0 " => ociVersion: "1.3.0 " is not a version like 1.3.0
ociVersion = "v1.3.0" => ociVersion: "v1.3.0" is not a version like 1.3.0
ociVersion = "0.9.0" => ociVersion: "0.9.0" is not 1.x, the version we know
ociVersion = "2.0.0" => ociVersion: "2.0.0" is not 1.x, the version we know
END
    is_accepted <<'END'
ociVersion = "1.0.0"
ociVersion = "1.0.2-dev"
ociVersion = "1.10.0"
ociVersion = "1.2.0+dev"
ociVersion = "1.1.0-rc.3"
ociVersion = "1.3.12"
END
}

# hint: Each line of the test is a change and the words that it must bring. Which does not?
# hint: config.md: root, hostname, domainname, process.
# hint: read_root, read_host_name and read_process.
@test "root, names and process" {
    is_refused <<'END'
root = => root: missing
root = 5 => root: not an object
root/path = => root.path: missing
root/path = "" => root.path: empty
root/readonly = "yes" => root.readonly: not true or false
hostname = 5 => hostname: not a string
hostname = "12345678901234567890123456789012345678901234567890123456789012345" => hostname: "12345678901234567890123456789012345678901234567890123456789012345" is longer than 64 characters
domainname = [] => domainname: not a string
process = => process: missing
process = "true" => process: not an object
process/args = => process.args: missing
process/args = [] => process.args: empty
process/args = ["true", 5] => process.args[1]: not a string
process/env/0 = "PATH" => process.env[0]: "PATH" is not NAME=VALUE
process/cwd = => process.cwd: missing
process/cwd = "here" => process.cwd: "here" is not an absolute path
process/user/uid = -1 => process.user.uid: -1 is not between 0 and 4294967294
process/user/additionalGids = [7, "8"] => process.user.additionalGids[1]: not an integer
process/rlimits/1 = {"type": "RLIMIT_FOO", "soft": 1, "hard": 1} => process.rlimits[1].type: unknown limit "RLIMIT_FOO"
process/rlimits/1 = {"type": "RLIMIT_CORE", "hard": 1} => process.rlimits[1].soft: missing
process/rlimits/1 = {"type": "RLIMIT_NOFILE", "soft": 1, "hard": 1} => process.rlimits[1].type: the same limit twice
process/oomScoreAdj = 1001 => process.oomScoreAdj: 1001 is not between -1000 and 1000
END
}

# hint: Which hook passed that has no path, a relative one, or no time?
# hint: config.md, "POSIX-platform Hooks".
# hint: read_hook in config/spec_hooks.c.
@test "hooks have absolute paths, and timeouts over 0" {
    is_refused <<'END'
hooks = [] => hooks: not an object
hooks/prestart = {} => hooks.prestart: not an array
hooks/createRuntime/1 = 5 => hooks.createRuntime[1]: not an object
hooks/createContainer/1 = {} => hooks.createContainer[1].path: missing
hooks/startContainer/0/path = "bin/true" => hooks.startContainer[0].path: "bin/true" is not an absolute path
hooks/poststart/0/args = "x" => hooks.poststart[0].args: not an array
hooks/poststart/0/args/1 = 5 => hooks.poststart[0].args[1]: not a string
hooks/poststop/0/env = {"A": "b"} => hooks.poststop[0].env: not an array
hooks/poststop/0/timeout = 0 => hooks.poststop[0].timeout: 0 is not between 1 and 2147483647
hooks/poststop/0/timeout = 1.5 => hooks.poststop[0].timeout: not an integer
END
}

# hint: An annotation is text. And those that begin with io.rung?
# hint: config.md, "Annotations".
# hint: read_annotations; get_note for our own.
@test "annotations are strings, and their names not empty" {
    is_refused <<'END'
annotations = [] => annotations: not an object
annotations/ = "x" => annotations: has an empty key
annotations/org.example = 5 => annotations.org.example: not a string
annotations/io.rung.ip = "nowhere" => annotations.io.rung.ip: not an address like 10.240.0.2/24 (prefix 8 to 30)
annotations/io.rung.ip = "10.0.0.2/24" => annotations.io.rung.ip: needs a new network namespace
annotations/io.rung.bridge = "a/b" => annotations.io.rung.bridge: not the name of a link
annotations/io.rung.nat = "true" => annotations.io.rung.nat: needs an address (io.rung.ip, --ip)
annotations/io.rung.init = "yes" => annotations.io.rung.init: unknown value "yes"
annotations/io.rung.layers = "/a:b" => annotations.io.rung.layers: "b" is not an absolute path
annotations/io.rung.seccomp = "strict" => annotations.io.rung.seccomp: "strict" is not "default"
END
    is_accepted <<'END'
annotations/org.example = ""
annotations/anything = "goes"
END
}

# hint: Twice the same, an unknown one, or a relative path: which passed?
# hint: config-linux.md, "Namespaces".
# hint: read_namespaces and check_namespaces in config/spec_namespaces.c.
@test "namespaces: the eight that there are, each once, with absolute paths" {
    is_refused <<'END'
linux/namespaces = {} => linux.namespaces: not an array
linux/namespaces/0 = "pid" => linux.namespaces[0]: not an object
linux/namespaces/0 = {} => linux.namespaces[0].type: missing
linux/namespaces/0/type = "net" => linux.namespaces[0].type: unknown namespace "net"
linux/namespaces/1 = {"type": "pid"} => linux.namespaces[1].type: the same namespace twice
linux/namespaces/0/path = "proc/1/ns/pid" => linux.namespaces[0].path: "proc/1/ns/pid" is not an absolute path
linux/namespaces = [] => linux.timeOffsets: needs a new time namespace
linux/namespaces = [{"type": "time"}, {"type": "ipc"}, {"type": "network"}] => linux.namespaces: without a mount namespace of the container's own nothing can be mounted: leave out mounts, maskedPaths, readonlyPaths, devices, root.readonly, rootfsPropagation
linux/namespaces = [{"type": "time"}, {"type": "ipc"}, {"type": "network"}, {"type": "mount"}] => linux.uidMappings: needs a user namespace
linux/namespaces = [{"type": "time"}, {"type": "ipc"}, {"type": "network"}, {"type": "mount"}, {"type": "user"}] => hostname: needs a uts namespace of the container's own
END
    # What podman writes for a container that joins a pod's user namespace.
    is_accepted <<'END'
linux/uidMappings = [{"containerID": 0, "hostID": 100000, "size": 1000}]
linux/namespaces/0/path = "/proc/self/ns/pid"
END
}

# hint: A path may lead to the host's own namespace. Whose settings does a sysctl change then?
# hint: namespaces(7): compare device and inode of /proc/self/ns/NAME; ioctl_ns(2).
# hint: check_mounts and is_apart in config/spec_namespaces.c.
@test "a namespace by path that is the host's own gives no right to its settings" {
    is_refused <<'END'
linux/namespaces = [{"type": "time"}, {"type": "network"}, {"type": "ipc", "path": "/proc/self/ns/ipc"}] => linux.sysctl.kernel.shmmax: needs a ipc namespace of the container's own
linux/namespaces = [{"type": "time"}, {"type": "network"}, {"type": "ipc"}, {"type": "mount"}, {"type": "user"}, {"type": "uts", "path": "/proc/self/ns/uts"}] => hostname: needs a uts namespace of the container's own
END
}

# hint: A map without a user namespace, or one of the three numbers missing: what should it say?
# hint: user_namespaces(7); config-linux.md, "User namespace mappings".
# hint: read_id_map and read_id_maps.
@test "uidMappings and gidMappings" {
    is_refused <<'END'
linux/uidMappings = {} => linux.uidMappings: not an array
linux/uidMappings/0/size = => linux.uidMappings[0].size: missing
linux/uidMappings/0/size = 0 => linux.uidMappings[0].size: 0 is not between 1 and 4294967295
linux/uidMappings/0/hostID = -1 => linux.uidMappings[0].hostID: -1 is not between 0 and 4294967294
linux/gidMappings/0/containerID = 4294967290 => linux.gidMappings[0].size: reaches past the largest id
linux/gidMappings/1 = {"containerID": 999, "hostID": 5, "size": 1} => linux.gidMappings[1]: overlaps with an earlier line
linux/gidMappings/1 = {"containerID": 5000, "hostID": 100999, "size": 1} => linux.gidMappings[1]: overlaps with an earlier line
process/user/uid = 1000 => process.user.uid: user 1000 is not in uidMappings
process/user/gid = 1000 => process.user.gid: group 1000 is not in gidMappings
process/user/additionalGids/1 = 1000 => process.user.additionalGids[1]: group 1000 is not in gidMappings
END
}

# hint: Only two clocks can be moved, and not to before the start of the machine. Which passed?
# hint: time_namespaces(7).
# hint: read_clock and read_clocks.
@test "timeOffsets" {
    is_refused <<'END'
linux/timeOffsets = [] => linux.timeOffsets: not an object
linux/timeOffsets/realtime = {"secs": 1} => linux.timeOffsets.realtime: not a clock of time_namespaces(7)
linux/timeOffsets/boottime = 5 => linux.timeOffsets.boottime: not an object
linux/timeOffsets/boottime/secs = "5" => linux.timeOffsets.boottime.secs: not an integer
linux/timeOffsets/boottime/secs = -2000000000 => linux.timeOffsets.boottime.secs: sets the clock to before the boot
linux/timeOffsets/monotonic/nanosecs = 1000000000 => linux.timeOffsets.monotonic.nanosecs: 1000000000 is not between 0 and 999999999
END
}

# hint: A type, a number or a path that can't be: which passed?
# hint: config-linux.md, "Devices"; makedev(3).
# hint: read_device and read_device_number.
@test "devices: types, numbers and paths" {
    is_refused <<'END'
linux/devices = {} => linux.devices: not an array
linux/devices/0/path = => linux.devices[0].path: missing
linux/devices/0/path = "dev/fuse" => linux.devices[0].path: "dev/fuse" is not an absolute path
linux/devices/0/type = => linux.devices[0].type: missing
linux/devices/0/type = "x" => linux.devices[0].type: "x" is not c, b, u or p
linux/devices/0/type = "cb" => linux.devices[0].type: "cb" is not c, b, u or p
linux/devices/0/major = => linux.devices[0].major: missing
linux/devices/0/minor = 1048576 => linux.devices[0].minor: 1048576 is not between 0 and 1048575
linux/devices/0/fileMode = "0666" => linux.devices[0].fileMode: not an integer
linux/devices/0/uid = -1 => linux.devices[0].uid: -1 is not between 0 and 4294967294
END
    is_accepted <<'END'
linux/devices/0/type = "u"
linux/devices/0 = {"path": "/pipe", "type": "p"}
END
}

# hint: A key in another spelling reached the host's own setting. Compare what: the text, or the path?
# hint: sysctl(8), namespaces(7).
# hint: sysctl_path and sysctl_namespace.
@test "sysctl: only what a namespace holds, and no way around" {
    is_refused <<'END'
linux/sysctl = [] => linux.sysctl: not an object
linux/sysctl/kernel.shmmax = 5 => linux.sysctl.kernel.shmmax: not a string
linux/sysctl = {"kernel.core_pattern": "x"} => linux.sysctl.kernel.core_pattern: not a kernel setting that a namespace holds
linux/sysctl = {"kernel.hostname": "x"} => linux.sysctl.kernel.hostname: conflicts with the field "hostname", which sets it
linux/sysctl = {"kernel.shm_rmid_forced+x": "1"} => linux.sysctl.kernel.shm_rmid_forced+x: not a kernel setting that a namespace holds
linux/sysctl = {"net..x": "1"} => linux.sysctl.net..x: not a kernel setting that a namespace holds
linux/sysctl = {"net.//.kernel.core_pattern": "x"} => linux.sysctl.net.//.kernel.core_pattern: not a kernel setting that a namespace holds
linux/sysctl = {"net/../kernel/core_pattern": "x"} => linux.sysctl.net/../kernel/core_pattern: not a kernel setting that a namespace holds
END
    is_accepted <<'END'
linux/sysctl = {"kernel/shmmax": "1", "fs.mqueue.msg_max": "5", "user.max_user_namespaces": "0"}
END
}

# hint: A name too long, with a slash, or twice: which passed?
# hint: netdevice(7): IFNAMSIZ; config-linux.md, "Network Devices".
# hint: read_net_device and is_link_name.
@test "netDevices" {
    is_refused <<'END'
linux/netDevices = [] => linux.netDevices: not an object
linux/netDevices/eth7 = "x" => linux.netDevices.eth7: not an object
linux/netDevices = {"a/b": {}} => linux.netDevices.a/b: not the name of a link
linux/netDevices = {"a1234567890123456": {}} => linux.netDevices.a1234567890123456: not the name of a link
linux/netDevices/eth7/name = "a b" => linux.netDevices.eth7.name: "a b" is not a name for a link
linux/netDevices/eth7/name = ".." => linux.netDevices.eth7.name: ".." is not a name for a link
linux/netDevices/eth7/name = "a%s" => linux.netDevices.eth7.name: "a%s" is not a name for a link
linux/netDevices/eth7/name = "a%d%d" => linux.netDevices.eth7.name: "a%d%d" is not a name for a link
linux/netDevices/eth8 = {"name": "inside"} => linux.netDevices.eth8.name: two links cannot be "inside"
linux/namespaces = [{"type": "time"}, {"type": "ipc"}] => linux.netDevices: needs a network namespace of the container's own
END
    is_accepted <<'END'
linux/netDevices/eth7 = {}
linux/netDevices/eth7/name = "net%d"
END
}

# hint: A mode or flag that is none, or nodes without a mode: which passed?
# hint: set_mempolicy(2).
# hint: read_memory_policy.
@test "memoryPolicy" {
    is_refused <<'END'
linux/memoryPolicy = [] => linux.memoryPolicy: not an object
linux/memoryPolicy/mode = => linux.memoryPolicy.mode: missing
linux/memoryPolicy/mode = "BIND" => linux.memoryPolicy.mode: unknown mode "BIND"
linux/memoryPolicy/nodes = => linux.memoryPolicy.nodes: missing: this mode needs at least one
linux/memoryPolicy/nodes = "1-0" => linux.memoryPolicy.nodes: "1-0" is not a list like 0-3,7
linux/memoryPolicy/nodes = "0,,1" => linux.memoryPolicy.nodes: "0,,1" is not a list like 0-3,7
linux/memoryPolicy/mode = "MPOL_LOCAL" => linux.memoryPolicy.nodes: this mode takes none
linux/memoryPolicy/flags = "x" => linux.memoryPolicy.flags: not an array
linux/memoryPolicy/flags/0 = "x" => linux.memoryPolicy.flags[0]: unknown flag "x"
linux/memoryPolicy/flags/1 = "MPOL_F_RELATIVE_NODES" => linux.memoryPolicy.flags: static or relative, and of at least one node
linux/memoryPolicy = {"mode": "MPOL_INTERLEAVE", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]} => linux.memoryPolicy.flags: MPOL_F_NUMA_BALANCING goes with MPOL_BIND and MPOL_PREFERRED_MANY only
END
}

# hint: Which of the five took a relative path, or a word that it doesn't know?
# hint: config-linux.md; personality(2).
# hint: read_cgroups_path, read_propagation, read_personality.
@test "cgroupsPath, maskedPaths, readonlyPaths, rootfsPropagation, personality" {
    is_refused <<'END'
linux = [] => linux: not an object
linux/cgroupsPath = 5 => linux.cgroupsPath: not a string
linux/cgroupsPath = "/../x" => linux.cgroupsPath: "/../x" has a ".." in it
linux/cgroupsPath = "a/./b" => linux.cgroupsPath: "a/./b" has a "." in it
linux/maskedPaths = "x" => linux.maskedPaths: not an array
linux/maskedPaths = ["/proc", "sys"] => linux.maskedPaths[1]: "sys" is not an absolute path
linux/readonlyPaths/0 = "" => linux.readonlyPaths[0]: empty
linux/rootfsPropagation = "sideways" => linux.rootfsPropagation: unknown propagation "sideways"
linux/personality = {} => linux.personality.domain: missing
linux/personality/domain = "BSD" => linux.personality.domain: unknown domain "BSD"
linux/personality/flags = ["ADDR_NO_RANDOMIZE"] => linux.personality.flags: the specification knows none
END
}

# hint: A field that you can't honour: what would its author believe if you said nothing?
# hint: config-linux.md, "IntelRdt".
# hint: refuse_others in config/spec_linux.c.
@test "what we cannot do is refused, not left out: intelRdt" {
    is_refused <<'END'
linux/intelRdt = {} => linux.intelRdt: we do not manage a processor's caches (resctrl)
linux/intelRdt = {"closID": "x"} => linux.intelRdt: we do not manage a processor's caches (resctrl)
END
}

# hint: A text instead of a number, a fraction, a letter too many: which passed?
# hint: config-linux.md, "Control groups".
# hint: read_number, read_limit and read_device_rule.
@test "capabilities and limits: types and numbers" {
    is_refused <<'END'
process/capabilities = [] => process.capabilities: not an object
process/capabilities/bounding = "CAP_KILL" => process.capabilities.bounding: not an array
process/capabilities/permitted/0 = 5 => process.capabilities.permitted[0]: not a string
process/noNewPrivileges = "true" => process.noNewPrivileges: not true or false
linux/resources = [] => linux.resources: not an object
linux/resources/memory/limit = "50M" => linux.resources.memory.limit: not an integer
linux/resources/pids/limit = "x" => linux.resources.pids.limit: not an integer
linux/resources/cpu/quota = 1.5 => linux.resources.cpu.quota: not an integer
linux/resources/devices/0/access = "xyz" => linux.resources.devices[0].access: "xyz" has a letter that is not r, w or m
linux/resources/devices/0/type = "q" => linux.resources.devices[0].type: "q" is not a, b or c
linux/resources/devices/0/allow = => linux.resources.devices[0].allow: missing
END
}

# hint: A mount without a destination, or with options in one text: which passed?
# hint: config.md, "Mounts".
# hint: read_mount in config/spec_mounts.c.
@test "mounts: where and what" {
    is_refused <<'END'
mounts = {} => mounts: not an array
mounts/0/destination = => mounts[0].destination: missing
mounts/0/destination = 5 => mounts[0].destination: not a string
mounts/0/options = "ro" => mounts[0].options: not an array
mounts/0/options/1 = 5 => mounts[0].options[1]: not a string
END
}

# hint: null, or a field for Windows, was an error. Whom does it concern?
# hint: config.md, "Extensibility".
# hint: The config/json.c functions take null for "not given".
@test "unknown fields and other systems' are ignored, null is not there" {
    is_accepted <<'END'
org.example = {"a": [1]}
process/org.example = null
linux/resources/org.example = {}
windows = {"layerFolders": 5}
vm = 7
solaris = {"anet": []}
zos = []
freebsd = "x"
hooks = null
linux/devices = null
process/oomScoreAdj = null
linux/memoryPolicy = null
END
}

# hint: Your JSON library knows 63 bits. What becomes of 18446744073709551615?
# hint: json_integer_t of jansson; strtoull(3).
# hint: config/json_text.c rewrites them before the text is parsed.
@test "numbers up to 2^64-1, which engines write for \"no limit\"" {
    is_accepted <<'END'
process/rlimits/0 = {"type": "RLIMIT_NOFILE", "soft": 18446744073709551615, "hard": 18446744073709551615}
annotations/big = "18446744073709551615 in a text stays"
END
    rung spec --print --config changed.json
    [[ $output == *'18446744073709551615 in a text stays'* ]]
    is_refused <<'END'
process/user/uid = 18446744073709551610 => process.user.uid: -6 is not between 0 and 4294967294
END
    sed -i 's/18446744073709551610/18446744073709551616/' changed.json
    rung spec --print --config changed.json
    assert_status 125
    assert_one_line_error '*changed.json: too big integer* (line *, column *)'
}

# hint: Twice as much takes four times as long: which loop is in which?
# hint: hsearch(3), or your JSON library's objects: a name is found without looking at the others.
# hint: find_last in config/spec_process.c, read_net_devices in config/spec_network.c, append_data in config/spec_mounts.c.
@test "four times as long a config.json takes about four times as long" {
    full_config
    cat >measure.py <<'END'
import json, resource, subprocess, sys

def seconds(edit, size):
    config = json.load(open("config.json"))
    exec(edit, {"config": config, "process": config["process"], "linux": config["linux"], "n": range(size)})
    json.dump(config, open("changed.json", "w"))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.argv[1], "spec", "--print", "--config", "changed.json"], stdout=subprocess.DEVNULL, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

for edit in sys.argv[2:]:
    short, long = seconds(edit, 20000), seconds(edit, 80000)
    print(f"{short:.2f} s, {long:.2f} s: {edit}", flush=True)
    assert long < 8 * short + 0.5
END
    python3 measure.py "$DEMO_PROGRAM" 'process["env"] = [f"V{i}=1" for i in n]' \
        'linux["netDevices"] = {f"e{i}": {} for i in n}' 'config["mounts"][0]["options"] = [f"o{i}" for i in n]' \
        'process["capabilities"]["bounding"] = [f"CAP_{i}" for i in n]'
    # The last two: refused beyond what mount(2) takes, and no more warnings than somebody reads.
    is_refused <<END
mounts/0/options = ["$(printf '%4096s' '' | tr ' ' x)"] => mounts[0].options[0]: the options are longer than 4095 characters
END
    python3 -c '
import json
config = json.load(open("config.json"))
config["process"]["capabilities"]["bounding"] = [f"CAP_{i}" for i in range(30)]
json.dump(config, open("changed.json", "w"))'
    run_and_show sh -c '"$1" spec --print --config changed.json >printed' - "$DEMO_PROGRAM"
    assert_status 0
    ((${#stderr_lines[@]} == 21))
    assert_stderr_like '*bounding\[19\]: capability "CAP_19" is unknown*there is more of that kind'
}

# at_line N TEXT: a config.json that looks like this has its mistake there.
at_line() {
    printf '%b' "$2" >config.json
    rung spec --print --config config.json
    assert_status 125
    assert_one_line_error "*: config.json: $3 (line $1)"
}

# hint: The library forgets where a value stood. How do you find its line again?
# hint: The text itself, read once more along the field's path. json_loadb(3).
# hint: skip_number, find_value and their neighbours in config/json_text.c.
@test "the line is found however the text is laid out" {
    at_line 1 '{"ociVersion":"1.0.0","root":{"path":5}}' 'root.path: not a string'
    at_line 4 '\n\n{\n  "ociVersion" : 5 }\n' 'ociVersion: not a string'
    at_line 3 '{\r\n\t"ociVersion":"1.0.0",\r\n\t"root":5}\r\n' 'root: not an object'
    at_line 3 '{"x": "\\"},{[",\n"ociVersion":"1.0.0", "y": {"root": 1, "z": ["]", {}]},\n"root": {"path": 5}}' \
        'root.path: not a string'
    # A name written in another way is the same name.
    at_line 2 '{"ociVersion":"1.0.0",\n"\\u0072oot":5}' 'root: not an object'
    at_line 4 '{"ociVersion":"1.0.0", "root": {"path":"/"}, "process": {"cwd": "/", "args": [\n"a",\n"b",\n[\n"c"]]}}' \
        'process.args\[2\]: not a string'
}

# hint: The value came from the command line, and the error blames a line of the file. Who knows better?
# hint: See commands/edits.c: a flag is applied to the parsed text.
# hint: line_of compares what the text has there with the field: is_same.
@test "a field that a flag changed has no line" {
    full_config
    sed -i 's/"hostname": "full"/"hostname": 5/' config.json
    rung spec --print --config config.json
    assert_one_line_error '*: config.json: hostname: not a string (line *)'
    rung spec --print --config config.json --hostname good
    assert_status 0
    full_config
    rung spec --print --config config.json --sysctl kernel.core_pattern=x
    assert_status 125
    assert_one_line_error '*: config.json: linux.sysctl.kernel.core_pattern: not a kernel setting that a namespace holds'
}

# hint: Line and column: what does your library say, and do you hand it on?
# hint: json_error_t: line, column, text; json_loadb(3).
# hint: load_config, which also refuses a zero byte.
@test "what is no JSON: the file, and where" {
    while read -r line text; do
        printf '%b' "$text" >config.json
        rung spec --print --config config.json
        assert_status 125
        assert_one_line_error "*: config.json: ?* (line $line, column *)" || return
    done <<'END'
1 {"a":x}
2 {"a": 1,\n"a": 2}
2 {\n} {}
1 \xef\xbb\xbf{}
3 {"a":\n\n"\xff"}
END
    printf '{}\0' >config.json
    rung spec --print --config config.json
    assert_status 125
    assert_one_line_error '*: config.json: has a zero byte'
    rung spec --print --config /no/such/file
    assert_status 125
    assert_one_line_error '*: /no/such/file: No such file or directory'
}

# hint: A state, a cgroup or a bundle's file was there afterwards. What came before the check?
# hint: mkdir(2), openat(2): none of them before spec_parse has returned.
# hint: container_prepare plans everything, then the state is written, then the rest.
@test "nothing is made when config.json is refused" {
    requires rootfs
    mkdir -m 700 states
    full_config
    mkdir bundle
    while read -r change; do
        sed "$change" config.json >bundle/config.json
        run ! cmp -s config.json bundle/config.json
        for command in run create; do
            rung --root "$PWD/states" "$command" --bundle bundle x
            assert_status 125
            assert_one_line_error '*: config.json: * (line *)' || return
        done
    done <<'END'
s,"/bin/true","bin/true",
s/"RLIMIT_NOFILE"/"x"/
s/"type": "pid"/"type": "x"/
s/"MPOL_BIND"/"x"/
s/"destination": "/"destination": 5, "x": "/
END
    [[ -z $(ls -A states) ]]
}

# Each run spoils one field, in one of many ways; 300 runs, or as many as RUNG_FUZZ says.
# hint: It crashed, or said nothing. The output has the change that did it.
# hint: `make asan`, then run it again with that file; gdb(1).
# hint: read_typed is the only way to a value: config/json.c.
@test "a spoiled config.json is accepted or refused with a field's name, and never a crash" {
    full_config
    python3 - "$DEMO_PROGRAM" "${RUNG_FUZZ:-300}" <<'END'
import copy, json, random, re, subprocess, sys

program, count = sys.argv[1], int(sys.argv[2])
base = json.load(open("config.json"))
deep = []
for _ in range(500):
    deep = [deep]
values = [None, True, 0, -1, 1, 1.5, 1e300, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1, -2**63, "", "x", "/", "..", "%s%n",
          "a\nb", "x" * 70000, "\u00e9", [], [[]], [None], {}, {"": ""}, {"a": None}, deep]

def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, path + (key,))

def spoil(config, path):
    place = config
    for key in path[:-1]:
        place = place[key]
    kind = random.randrange(12)
    if kind == 0:
        del place[path[-1]]
    elif kind == 1 and isinstance(place, list):
        place.extend(copy.deepcopy(place))
    elif kind == 2 and isinstance(place, dict):
        place[random.choice(["", "a\nb", "\u00e9", "x" * 5000, "a.b", "type", "path"])] = random.choice(values)
    else:
        place[path[-1]] = random.choice(values)

random.seed(7)
all_places = [path for path in places(base) if path]
refused = 0
for _ in range(count):
    config = copy.deepcopy(base)
    path = random.choice(all_places)
    spoil(config, path)
    text = json.dumps(config, indent=random.choice([None, 2]))
    open("changed.json", "w").write(text)
    result = subprocess.run([program, "spec", "--print", "--config", "changed.json"], capture_output=True, timeout=60)
    error = result.stderr.decode(errors="replace")
    if result.returncode == 0:
        continue
    refused += 1
    found = re.fullmatch(r"\w+: config\.json: [A-Za-z][^\n]*: [^\n]+ \(line (\d+)\)\n", error)
    cut = len(error) > 1000 and error.count("\n") == 1
    if result.returncode != 125 or not (found or cut) or (found and int(found[1]) > text.count("\n") + 1):
        sys.exit(f"{path}: status {result.returncode}: {error[:3000]}")
assert refused > count // 4, refused
print(refused, "of", count, "refused")
END
}
