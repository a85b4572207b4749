# shellcheck shell=bash
# The vocabulary of the tests that drive step07's program as an engine does.  After test_helper, such a file says
#
#     load ../../scripts/oci_helper
#
# and may then use:
#
#   bundle [EDIT...]      make a bundle: sets $bundle and $cgroup (the host path of its cgroup).  An EDIT is a line of
#                         Python that changes config.json: 'process.args = ["true"]', 'del linux.namespaces[0]',
#                         'hostname = "box"', 'mounts += [bind("/host", "/here", "ro"), tmpfs("/there", "size=1m")]',
#                         'hooks = {"poststop": [hook("echo a shell script", timeout=5)]}'
#   oci ARGS...           rung ARGS... with a state directory of the test's own, $state
#   oci_create [OPT...]   create the container c1 from $bundle; its output goes to $out, and not to the runtime's
#   oci_start             start it
#   oci_run               create it and start it: $pid is its process on the host
#   state_of FIELD [ID]   print a field of the container's state, or nothing if there is no such container
#   is STATUS [ID]        its status is this one
#   oci_output            wait until c1 has stopped; print what it wrote
#   nothing_left          no state, no cgroup
#   of_flags              this test is about rung's own flags: it does not apply to another runtime
#   receive_terminal ...  create or exec with --console-socket: print what comes from the terminal
#   cannot_create P EDIT...  make such a bundle: creating a container from it is refused for the reason P
#   refused [PATTERN]     the last command failed, said why in one line (that fits PATTERN), and left nothing behind
#   json FILE PATH        print a value of a JSON file: json "$bundle/config.json" process.cwd
#   start_agent COUNT     an agent for seccomp, at ./agent
#
# With RUNG_ANY_WORDS=1 an error may say what it likes: $DEMO is somebody else's runtime (scripts/compare-runtimes).
#
# after_each (oci_clean_up) deletes every container by force, and fails if anything is left of one.

OCI_STATE=oci-state

# The smallest container that deserves the name.  It sleeps.
OCI_CONFIG='{
    "ociVersion": "1.2.0",
    "process": {
        "user": {"uid": 0, "gid": 0},
        "args": ["sleep", "1000"],
        "env": ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"],
        "cwd": "/"
    },
    "root": {"path": "@ROOTFS@"},
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
        {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
         "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
        {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]}
    ],
    "linux": {
        "cgroupsPath": "@CGROUP@",
        "namespaces": [
            {"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}, {"type": "network"}, {"type": "cgroup"}
        ]
    }
}'

# What an EDIT sees as variables are the keys of config.json. (To load Python's json module takes a fifth of the time,
# and our JSON is a Python expression: only what comes out has to be written as JSON.)
OCI_EDIT='
import sys
from _json import encode_basestring_ascii as quoted
class Object(dict):
    __getattr__ = dict.__getitem__
    __setattr__ = dict.__setitem__
    __delattr__ = dict.__delitem__
PATH = "PATH=/bin:/sbin:/usr/bin:/usr/sbin"
def hook(script, **more):
    return Object(path="/bin/sh", args=["sh", "-c", script], env=[PATH], **more)
def tmpfs(destination, *options):
    return Object(destination=destination, type="tmpfs", source="tmpfs", options=options)
def bind(source, destination, *options):
    return Object(destination=destination, type="none", source=source, options=["rbind", *options])
names = {"true": True, "false": False, "null": None, "hook": hook, "tmpfs": tmpfs, "bind": bind, "Object": Object,
    "PATH": PATH}
def objects(value):
    if isinstance(value, dict):
        return Object((key, objects(below)) for key, below in value.items())
    return [objects(below) for below in value] if isinstance(value, (list, tuple)) else value
def text(value, line="\n"):
    if isinstance(value, dict):
        values = [quoted(key) + ": " + text(below, line + " ") for key, below in value.items()]
        return "{" + ",".join(line + " " + below for below in values) + line + "}" if values else "{}"
    if isinstance(value, list):
        return "[" + ",".join(line + " " + text(below, line + " ") for below in value) + line + "]" if value else "[]"
    for word in ("true", "false", "null"):
        if value is names[word]:
            return word
    return quoted(value) if isinstance(value, str) else repr(value)
config = objects(eval(sys.stdin.read(), names))
for edit in sys.argv[1:]:
    exec(edit, names, config)
    config = objects(config)
sys.stdout.write(text(config))
'

# Python without what it would load for a person: it starts in half the time.
quick_python() { python3 -I -S "$@"; }

bundle() {
    local name base=$OCI_CONFIG
    oci_set_up
    bundle=$(mktemp -d "$BATS_TEST_TMPDIR/bundle.XXXXXX")
    # The name is of the kind that assert_host_unchanged looks for.
    name=rung-0test-$$-${bundle##*.}
    cgroup=$(cgroup2_mount)/$name
    base=${base//@ROOTFS@/${root:-$ROOTFS}}
    base=${base//@CGROUP@//$name}
    if (($#)); then
        quick_python -c "$OCI_EDIT" "$@" <<<"$base" >"$bundle/config.json"
    else
        echo "$base" >"$bundle/config.json"
    fi
}

oci_set_up() {
    state=$BATS_TEST_TMPDIR/$OCI_STATE
    out=$BATS_TEST_TMPDIR/container.out
}

oci() {
    oci_set_up
    rung --root "$state" "$@"
}

# What a container writes may come long after the command that made it: it gets files of its own.
oci_create() {
    oci_set_up
    : >"$out"
    status=0
    timeout --kill-after=5 "$DEMO_LIMIT" "$DEMO_PROGRAM" --root "$state" create --bundle "$bundle" "$@" c1 \
        </dev/null >>"$out" 2>"$BATS_TEST_TMPDIR/create.err" 3>&- 4>&- || status=$?
    read_output /dev/null "$BATS_TEST_TMPDIR/create.err"
    show_result "rung create --bundle $bundle $* c1"
}

oci_start() { oci start c1; }

oci_run() {
    oci_create "$@"
    assert_status 0 || return
    oci_start
    assert_status 0 || return
    local value
    find_state pid
    # shellcheck disable=SC2034 # it is for the tests
    pid=$value
}

# find_state FIELD [ID]: sets $value, to nothing if there is no such container. (Tests wait for it: no other process.)
find_state() {
    local said
    "$DEMO_PROGRAM" --root "$state" state "${2:-c1}" >"$BATS_TEST_TMPDIR/state.out" 2>/dev/null || true
    read_file said "$BATS_TEST_TMPDIR/state.out"
    value=
    [[ ! $said =~ \"$1\":\ *\"?([^\",}[:space:]]*) ]] || value=${BASH_REMATCH[1]}
}

state_of() {
    local value
    find_state "$@"
    [[ -z $value ]] || echo "$value"
}

is() {
    local value
    find_state status "${2:-c1}"
    [[ $value == "$1" ]]
}

oci_output() {
    eventually is stopped || fail "it does not end: it is $(state_of status)" || return
    head -qc "$OUTPUT_LIMIT" "$out" "$BATS_TEST_TMPDIR/create.err"
}

# shellcheck disable=SC2053 # it is a pattern
refused() {
    ((status != 0)) || fail 'it was not refused' || return
    # Another runtime's words are its own.
    if [[ -z ${RUNG_ANY_WORDS-} ]]; then
        [[ -n $stderr && $stderr != *$'\n'* ]] || fail 'its error is not one line' || return
        [[ $stderr == ${1:-*} ]] || fail "its error does not fit: $1" || return
    fi
    nothing_left
}

cannot_create() {
    local pattern=$1
    shift
    bundle "$@"
    oci_create
    refused "$pattern" || fail "config.json has $*"
}

# nothing_left: no state (of any container), and no cgroup.
nothing_left() {
    local value
    find_state status
    [[ -z $value ]] || fail 'there is a state' || return
    ! compgen -G "$state/*/" || fail 'there is a directory of it' || return
    [[ ! -e $cgroup ]] || fail 'its cgroup is there'
}

of_flags() { [[ -z ${RUNG_ANY_WORDS-} ]] || skip 'not applicable: it is about our own flags'; }

json() {
    quick_python -c '
import json, sys
try:
    value = json.load(open(sys.argv[1]))
    for key in sys.argv[2].split("."):
        value = value[int(key) if isinstance(value, list) else key]
except (ValueError, KeyError, IndexError):
    sys.exit(0)
print(value if isinstance(value, str) else json.dumps(value))' "$1" "$2"
}

# receive_terminal OPTIONS...: run rung OPTIONS --console-socket SOCKET ID, and print what comes from the terminal it
# sends. Once that is "ready", the bytes of $typed are typed.
receive_terminal() {
    oci_set_up
    python3 -c '
import os, socket, subprocess, sys
directory, typed, program, state, *words = sys.argv[1:]
os.chdir(directory)
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind("console")
server.listen()
server.settimeout(60)
# A relative path: it starts where the caller is.
runtime = subprocess.Popen([program, "--root", state, words[0], "--console-socket", "console", *words[1:]], stdin=subprocess.DEVNULL)
connection, _ = server.accept()
_, fds, _, _ = socket.recv_fds(connection, 1000, 1)
if words[0] == "create":
    assert runtime.wait(60) == 0
    runtime = subprocess.Popen([program, "--root", state, "start", "c1"])
assert runtime.wait(60) == 0 or words[0] == "exec"
while True:
    try:
        data = os.read(fds[0], 1000)
    except OSError:
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
    if typed and b"ready" in data:
        os.write(fds[0], typed.encode())
        typed = ""
' "$BATS_TEST_TMPDIR" "${typed-}" "$DEMO_PROGRAM" "$state" "$@"
}

# start_agent COUNT [leaves|dies]: an agent for seccomp that listens at ./agent, and lets every call go on, for that many
# connections. It writes the states that it gets to ./agent.out. One that leaves listens no more when the runtime has
# connected; one that dies waits for the listener and does not take it.
start_agent() {
    python3 - "$@" >agent.out 2>&1 3>&- 4>&- <<'END' &
import array, ctypes, fcntl, os, select, socket, struct, sys, threading
RECEIVE, SEND = 0xc0502100, 0xc0182101
def serve(fd):
    while True:
        events = select.poll()
        events.register(fd, select.POLLIN)
        if events.poll(30000)[0][1] & select.POLLHUP:
            return
        request = bytearray(80)
        try:
            fcntl.ioctl(fd, RECEIVE, request)
            number, = struct.unpack_from("Q", request)
            fcntl.ioctl(fd, SEND, bytearray(struct.pack("QqiI", number, 0, 0, 1)))
        except OSError:
            pass # whoever made the call is gone
server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
server.bind("agent")
server.listen()
server.settimeout(60)
for i in range(int(sys.argv[1])):
    connection, _ = server.accept()
    if len(sys.argv) > 2:
        if sys.argv[2] == "dies":
            select.select([connection], [], [], 60)
        sys.exit()
    data, fds, _, _ = socket.recv_fds(connection, 65536, 4)
    # Real agents read once.
    assert not connection.recv(65536), "the state comes in pieces"
    print(data.decode(), flush=True)
    threading.Thread(target=serve, args=fds).start()
END
    eventually test -S agent
}

oci_clean_up() {
    local directory
    [[ -d ${state-} ]] || return 0
    for directory in "$state"/*/; do
        [[ -d $directory ]] || continue
        directory=${directory%/}
        timeout 20 "$DEMO_PROGRAM" --root "$state" delete --force "${directory##*/}" 3>&- 4>&- || return
    done
}
after_each() { oci_clean_up; }
