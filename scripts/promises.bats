# What the program of every step promises.  scripts/test runs this file once for each step, with $DEMO and $STEP set,
# and leaves out what does not hold for that step: a test tagged from:04 holds from step04 on, one tagged upto:06 up
# to step06 (step07 speaks another command line).
# shellcheck disable=SC1003,SC2016,SC2030,SC2031,SC2154
load test_helper

before_each() {
    ((10#$STEP < 2)) || requires root
    ((10#$STEP < 4)) || requires rootfs
}

# --- Exit statuses ---------------------------------------------------------

@test "the exit status is the command's own" {
    for wanted in 0 1 7 125 127 255; do
        demo sh -c "exit $wanted"
        assert_status "$wanted"
        [[ -z $stderr ]]
    done
}

@test "a command killed by signal N gives the status 128+N" {
    # Process 1 of a PID namespace cannot kill itself, so a child of the command's does the dying.
    demo sh -c 'sh -c "kill -TERM \$\$"; exit $?'
    assert_status 143
    demo sh -c 'sh -c "kill -KILL \$\$"; exit $?'
    assert_status 137
}

@test "a command killed from outside by signal N gives the status 128+N" {
    start_demo sleep 100
    kill -KILL "$(container_pid)"
    wait_for_demo
    assert_status 137
}

@test "a command that is not found gives the status 127" {
    demo no-such-program
    assert_status 127
    assert_one_line_error '*no-such-program: No such file or directory*'
    demo /no/such/program
    assert_status 127
    assert_one_line_error '*/no/such/program: No such file or directory*'
    demo ''
    assert_status 127
    assert_one_line_error
}

@test "a command that is a directory gives the status 126" {
    demo /bin/
    assert_status 126
    assert_one_line_error '*/bin/: *directory*'
}

@test "a command that is a file below a file gives the status 126 or 127" {
    demo /etc/passwd/command
    [[ $status == 12[67] ]]
    assert_one_line_error '*/etc/passwd/command: Not a directory*'
}

@test "a file that is not executable gives the status 126" {
    make_own_root
    echo 'exit 0' >"$root/script"
    demo "$in_root/script"
    assert_status 126
    assert_one_line_error '*/script: Permission denied (*)'
}

@test "a script without #! gives the status 126 and says what is missing" {
    make_own_root
    put "$root/script" 'exit 0'
    demo "$in_root/script"
    assert_status 126
    assert_one_line_error '*/script: Exec format error (*#!*)'
}

@test "an empty file gives the status 126" {
    make_own_root
    put "$root/empty" ''
    demo "$in_root/empty"
    assert_status 126
    assert_one_line_error '*/empty: Exec format error*'
}

@test "a script whose interpreter is missing gives the status 127 and says so" {
    make_own_root
    put "$root/script" '#!/no/such/interpreter'
    demo "$in_root/script"
    assert_status 127
    assert_one_line_error '*/script: No such file or directory (*interpreter*)'
}

@test "a program whose loader is missing gives the status 127 and says so" {
    make_own_root
    sed 's,/ld-linux,/no-linux,' "$(type -P env)" >"$root/program"
    chmod +x "$root/program"
    demo "$in_root/program"
    assert_status 127
    assert_one_line_error '*/program: No such file or directory (*loader*)'
}

@test "a program for another architecture gives the status 126 and says so" {
    make_own_root
    # A 64-bit ELF header, with a machine (0xbeef) that nobody builds for.
    printf '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xef\xbe\x01%0100d' 0 >"$root/program"
    chmod +x "$root/program"
    demo "$in_root/program"
    assert_status 126
    assert_one_line_error '*/program: Exec format error (*architecture*)'
}

# --- What the command gets -------------------------------------------------

@test "the command gets exactly the arguments given" {
    args=('' ' ' 'a b' $'two\nlines' '*' '"' "'" '\\' '$HOME' '--' '-v' '--help' 'å' $'\x01')
    demo sh -c 'printf "<%s>" "$@"' sh "${args[@]}"
    assert_output "$(printf '<%s>' "${args[@]}")"
}

# bats test_tags=upto:06
@test "the command gets exactly the environment given" {
    run_and_show env -i PATH="$PATH" EMPTY= 'SPACES=a  b' $'LINES=one\ntwo' "${DEMO_WORDS[@]}" env
    assert_status 0
    [[ $(sort <<<"$output") == "$(printf '%s\n' "PATH=$PATH" EMPTY= 'SPACES=a  b' $'LINES=one\ntwo' | sort)" ]]
}

@test "standard input, output and error are the command's" {
    demo sh -c 'cat; echo out; echo err >&2' <<<in
    assert_status 0
    assert_output $'in\nout'
    [[ $stderr == err ]]
}

# with_closed REDIRECTIONS ARGS...: the demo, started without some of its descriptors.
with_closed() {
    local redirections=$1
    shift
    run_and_show bash -c "exec \"\$@\" $redirections" bash "${DEMO_WORDS[@]}" "$@"
}

@test "standard input may be closed" {
    with_closed '<&-' sh -c 'read -r x; echo out; exit 3'
    assert_status 3
    assert_output out
}

@test "standard output may be closed" {
    with_closed '>&-' sh -c 'echo err >&2; exit 3'
    assert_status 3
    [[ $stderr == err ]]
}

@test "standard error may be closed" {
    with_closed '2>&-' sh -c 'echo out; exit 3'
    assert_status 3
    assert_output out
    export ASAN_OPTIONS=detect_leaks=0 # nobody could hear of them
    with_closed '2>&-' no-such-program
    assert_status 127
    assert_output ''
}

@test "all three may be closed" {
    with_closed '<&- >&- 2>&-' sh -c 'exit 3'
    assert_status 3
    assert_output ''
}

@test "the command's output may go to a pipe that nobody reads any more" {
    status=0
    timeout "$DEMO_LIMIT" "${DEMO_WORDS[@]}" sh -c 'while echo y; do :; done' 2>/dev/null | head -n 1 >/dev/null
    [[ ${PIPESTATUS[0]} != 124 ]]
}

@test "the command inherits none of the demo's own descriptors" {
    start_demo sleep 100
    pid=$(container_pid)
    ls "/proc/$pid/fd" >got
    env sleep 100 </dev/null >/dev/null 2>&1 3>&- 4>&- &
    eventually grep -q sleep "/proc/$!/comm"
    ls "/proc/$!/fd" >wanted
    kill -KILL $!
    wait $! 2>/dev/null || true
    # It may have fewer: of what we have open, step07 passes on only the first three.
    comm -13 <(sort wanted) <(sort got) >too_many
    cat too_many
    [[ ! -s too_many ]]
}

@test "the command has no signal blocked, and ignores none that we do not" {
    ignored=$(status_field "$BASHPID" SigIgn)
    start_demo sleep 100
    pid=$(container_pid)
    [[ $(status_field "$pid" SigBlk) == 0000000000000000 ]]
    [[ $((0x$(status_field "$pid" SigIgn) & ~0x$ignored)) == 0 ]]
}

# bats test_tags=upto:06
@test "large arguments and a large environment arrive whole" {
    long=$(printf '%0100000d' 0)
    args=()
    for _ in 1 2 3 4 5; do args+=("$long"); done
    # Built-ins only: the command's shell has as little room for arguments as ours.
    BIG=$long demo sh -c 'echo $# ${#1} ${#5} ${#BIG}' sh "${args[@]}"
    assert_output '5 100000 100000 100000'
}

# bats test_tags=upto:06
@test "too many arguments for the command are an error of one line" {
    make_own_root
    put "$root/script" "#!/bin/sh $(printf '%0200d' 0)"
    # Find the most that the demo itself can be given.  The script needs more: its interpreter and that one's argument.
    cat >find_limit.py <<'END'
import os, resource, subprocess, sys
resource.setrlimit(resource.RLIMIT_STACK, (512 << 10, 512 << 10))
words, script, path = sys.argv[2:], sys.argv[1], os.environ["PATH"]
def run(command, size, **keywords):
    big = {f"V{i}": "x" * 8192 for i in range(size // 8192)} | {"V": "x" * (size % 8192)}
    return subprocess.run([*words, command], env={"PATH": path, **big}, **keywords)
low, high = 0, 1 << 18
while low + 1 < high:
    middle = (low + high) // 2
    try:
        run(os.path.dirname(script) + "/absent", middle, stderr=subprocess.DEVNULL)
        low = middle
    except OSError:
        high = middle
sys.exit(run(script, low).returncode)
END
    run_and_show python3 find_limit.py "$in_root/script" "${DEMO_WORDS[@]}"
    assert_status 126
    assert_one_line_error '*Argument list too long*'
}

# --- Options ---------------------------------------------------------------

# What --help must list, by step.
options_of_step() {
    echo --help --verbose
    (($1 < 2)) || echo --ipc --mount --net --pid --uts --user --cgroup --time
    (($1 < 3)) || echo --hostname
    (($1 < 4)) || echo --rootfs --without
    (($1 < 5)) || echo --memory --memory-high --swap --pids --cpus
    (($1 < 6)) || echo --bridge --ip --nat
    (($1 < 7)) || echo --user --cap-add --cap-drop --overlay --read-only --volume --env --workdir --tty --init
}

@test "--help goes to standard output, and lists every option" {
    for option in --help -h; do
        demo "$option"
        assert_status 0
        [[ -n $output && -z $stderr ]]
        for name in $(options_of_step "$((10#$STEP))"); do
            assert_output_like "*$name*"
        done
    done
}

@test "without -v the demo itself says nothing" {
    demo echo hello
    assert_status 0
    assert_output hello
    [[ -z $stderr ]]
}

@test "-v narrates on standard error, and only there" {
    for option in -v --verbose; do
        demo "$option" echo hello
        assert_status 0
        assert_output hello
        assert_stderr_like '*execve*'
    done
}

@test "an unknown option is a usage error that names it" {
    for option in --no-such-option -Z; do
        demo "$option" true
        assert_usage_error "$option"
    done
}

@test "a value for an option that takes none is a usage error" {
    demo --verbose=yes true
    assert_usage_error --verbose
}

@test "options end at the command" {
    demo echo --help -v --no-such-option
    assert_status 0
    assert_output '--help -v --no-such-option'
    [[ -z $stderr ]]
}

@test "-- ends the options" {
    demo -- echo -- hello
    assert_status 0
    assert_output '-- hello'
    demo -- --help
    assert_status 127
    assert_one_line_error '*--help*'
}

# check_values OPTION VALUE...: each is a bad value, and so is none.
check_values() {
    local option=$1 value
    shift
    demo "$option"
    assert_usage_error "$option"
    for value in "$@"; do
        demo "$option" "$value" true
        assert_usage_error "$option" "$value"
        demo "$option=$value" true
        assert_usage_error "$option" "$value"
    done
}

# assert_usage_error OPTION [VALUE]: status 2, nothing on standard output, and an error that names what is wrong.
assert_usage_error() {
    assert_status 2 || return
    [[ -z $output ]] || fail "a usage error does not belong on standard output" || return
    [[ ${stderr_lines[0]} =~ ^(demo|rung):\  ]] || fail "the error does not start with 'demo: '" || return
    [[ ${stderr_lines[0]} == *"${1#-}"* ]] || fail "the error does not name the option $1" || return
    [[ $stderr == *"${2-}"* ]] || fail "the error does not name the value $2"
}

# bats test_tags=upto:06
@test "bad values of --chapter" {
    check_values --chapter '' 0 -1 99 x 1x 99999999999999999999
}

# bats test_tags=from:02
@test "the namespace options take no value" {
    for option in --ipc --mount --net --pid --uts --cgroup --time; do
        demo "$option=yes" true
        assert_usage_error "$option"
    done
}

# bats test_tags=from:03
@test "bad values of --hostname" {
    check_values --hostname '' "$(printf '%065d' 0)" "$(printf '%01000d' 0)"
}

# bats test_tags=from:03
@test "the longest hostname that the kernel takes" {
    name=$(printf '%064d' 0)
    demo --hostname "$name" hostname
    assert_status 0
    assert_output "$name"
}

# bats test_tags=from:04
@test "bad values of --without" {
    check_values --without '' no-such-safeguard 'private,' "pivot private"
}

# bats test_tags=from:04
@test "--rootfs without a value, or with an empty one" {
    check_values --rootfs ''
}

# bats test_tags=from:04
@test "a root file system that is missing, or that is a file" {
    demo --rootfs /no/such/directory true
    assert_status 125
    assert_one_line_error '*/no/such/directory: No such file or directory (*)'
    demo --rootfs /etc/passwd true
    assert_status 125
    assert_one_line_error '*/etc/passwd: Not a directory*'
}

# bats test_tags=from:04
@test "a root file system without the directories to mount on" {
    export ASAN_OPTIONS=detect_leaks=0 # the leaks are looked for in /proc
    mkdir "$BATS_TEST_TMPDIR/empty"
    demo --rootfs "$BATS_TEST_TMPDIR/empty" true
    assert_status 125
    assert_one_line_error
    [[ -z $(ls -A "$BATS_TEST_TMPDIR/empty") ]]
}

# bats test_tags=from:04
@test "without make rootfs the error says to run it" {
    rm build
    status=0
    run_and_show "${DEMO_WORDS[@]}" true
    assert_status 125
    assert_one_line_error '*build/rootfs: No such file or directory (*make rootfs*)'
}

# bats test_tags=from:05
@test "bad values of the sizes" {
    for option in --memory --memory-high --swap; do
        check_values "$option" '' lots -1 50X 50MM 1e3 0x10 '5 0M' 1.5M. 99999999999999999999 99999999999G '50M;ls' max-1
    done
}

# bats test_tags=from:05
@test "bad values of --pids" {
    check_values --pids '' -1 many 1.5 20K5 0x10 99999999999999999999
}

# bats test_tags=from:05
@test "bad values of --cpus" {
    check_values --cpus '' 0 -1 half nan inf -inf 1e309 0x1 1,5 1.5.5 99999999999999999999
}

# bats test_tags=from:06
@test "bad values of --ip" {
    check_values --ip '' here 10.240.0.2 10.240.0.2/ /24 10.240.0.2/33 10.240.0.2/-1 10.240.0.2/x 10.240.0.2/24x \
        300.1.1.1/24 10.240.0/24 10.240.0.2.2/24 10.240.0.0/24 10.240.0.255/24 fe80::1/64 '10.240.0.2 /24'
}

# bats test_tags=from:06
@test "bad values of --bridge" {
    check_values --bridge '' ../x a/b . .. 'a b' sixteen_letters_ "$(printf '%01000d' 0)"
}

# --- Rights ----------------------------------------------------------------

# bats test_tags=upto:01
@test "without root it works" {
    demo_as_nobody sh -c 'echo hello; exit 7'
    assert_status 7
    assert_output hello
}

# bats test_tags=from:02,upto:06
@test "without root the error says in one line what it needs" {
    make_public_copies
    options=()
    ((10#$STEP < 4)) || options=(--rootfs "$PUBLIC/rootfs")
    demo_as_nobody "${options[@]}" true
    assert_status 125
    assert_one_line_error '*(*root*)*'
}

# bats test_tags=from:02,upto:06
@test "root without CAP_SYS_ADMIN gets an error of one line" {
    run_and_show setpriv --bounding-set=-sys_admin "${DEMO_WORDS[@]}" true
    assert_status 125
    assert_one_line_error '*Operation not permitted*'
}

# --- Signals ---------------------------------------------------------------

@test "SIGTERM and the others reach a command that handles them" {
    for signal in TERM HUP INT QUIT USR1 USR2; do
        start_demo sh -c "trap 'exit 9' $signal; echo ready; while :; do sleep 0.1; done"
        eventually grep -q ready "$demo_out"
        kill -"$signal" "$demo_pid"
        wait_for_demo
        assert_status 9
    done
}

@test "SIGTERM ends a command that does not handle it" {
    start_demo sleep 100
    pid=$(container_pid)
    kill -TERM "$demo_pid"
    wait_for_demo
    # Process 1 of a PID namespace never sees a signal that it has no handler for: it is killed instead.
    if ((10#$STEP == 1)); then
        assert_status 143
    else
        [[ $status == 137 || $status == 143 ]]
    fi
    eventually process_ended "$pid"
}

@test "SIGINT ends a command that does not handle it" {
    start_demo sleep 100
    pid=$(container_pid)
    kill -INT "$demo_pid"
    wait_for_demo
    [[ $status == 137 || $status == 130 ]]
    eventually process_ended "$pid"
}

@test "SIGTERM at any moment leaves nothing" {
    for delay in 0 0.001 0.002 0.004 0.008 0.016 0.03; do
        start_demo sleep 100
        sleep "$delay"
        kill -TERM "$demo_pid" 2>/dev/null || true
        # It may have come before the demo was ready for it, or before the command was: then once more.
        EVENTUALLY_SECONDS=2 eventually process_ended "$demo_pid" || kill -TERM "$demo_pid"
        wait_for_demo
        ((status >= 125))
    done
}

# bats test_tags=from:02
@test "SIGKILL to the demo kills the container" {
    start_demo sh -c 'sleep 100 & sleep 100'
    pid=$(container_pid)
    kill -KILL "$demo_pid"
    wait_for_demo
    assert_status 137
    eventually process_ended "$pid"
    ((10#$STEP < 5)) || "$TOP/scripts/cleanup"
}

# bats test_tags=from:05
@test "after SIGKILL scripts/cleanup removes what is left, and the demo runs again" {
    requires memory pids cpu
    start_demo --memory 50M --pids 20 sleep 100
    container_pid
    kill -KILL "$demo_pid"
    wait_for_demo
    run_and_show "$TOP/scripts/cleanup"
    assert_status 0
    assert_host_unchanged
    demo --memory 50M --pids 20 true
    assert_status 0
}

@test "a stopped command is waited for" {
    start_demo sh -c 'trap "exit 4" USR1; echo ready; while :; do sleep 0.1; done'
    eventually grep -q ready "$demo_out"
    pid=$(container_pid)
    kill -STOP "$pid"
    eventually is_stopped "$pid"
    # The kernel has told the demo. Once it has taken note, it should still be there.
    eventually is_resting "$demo_pid"
    kill -CONT "$demo_pid" "$pid"
    kill -USR1 "$demo_pid"
    wait_for_demo
    assert_status 4
}

is_stopped() {
    [[ $(status_field "$1" State) == T* ]]
}

@test "a caller that ignores SIGCHLD gets the right status, too" {
    status=0
    output=$(trap '' CHLD; exec timeout "$DEMO_LIMIT" "${DEMO_WORDS[@]}" sh -c 'exit 6') || status=$?
    assert_status 6
    run_and_show python3 -c '
import signal, subprocess, sys
start = lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN)
sys.exit(subprocess.run(sys.argv[1:], preexec_fn=start).returncode)' "${DEMO_WORDS[@]}" sh -c 'exit 6'
    assert_status 6
}

# --- Several ---------------------------------------------------------------

@test "the same demo twice, one after the other" {
    demo sh -c 'exit 3'
    assert_status 3
    demo sh -c 'exit 3'
    assert_status 3
}

@test "two demos at once" {
    for i in 1 2; do
        start_demo sh -c "trap 'echo $i; exit $i' USR1; echo ready; while :; do sleep 0.1; done"
        pids[i]=$demo_pid
        eventually grep -q ready "$demo_out"
    done
    for i in 1 2; do
        kill -USR1 "${pids[i]}"
        wait_for_demo "${pids[i]}"
        assert_status "$i"
        assert_output $'ready\n'"$i"
    done
}

@test "ten demos at once" {
    pids=()
    for i in {1..10}; do
        start_demo sh -c "echo $i; exit $i"
        pids+=("$demo_pid")
    done
    for i in {1..10}; do
        wait_for_demo "${pids[i - 1]}"
        assert_status "$i"
        assert_output "$i"
    done
}

# From step04 on the demo is not in the container's root.
# bats test_tags=upto:03
@test "a demo in a demo" {
    demo "${DEMO_WORDS[@]}" "${DEMO_WORDS[@]}" sh -c 'echo deep; exit 3'
    assert_status 3
    assert_output deep
}

@test "50 failing runs leave nothing" {
    make_own_root
    put "$root/script" '#!/no/such/interpreter'
    for _ in {1..25}; do
        status=0
        "${DEMO_WORDS[@]}" no-such-program >/dev/null 2>&1 3>&- || status=$?
        assert_status 127
        status=0
        "${DEMO_WORDS[@]}" "$in_root/script" >/dev/null 2>&1 3>&- || status=$?
        assert_status 127
    done
}

# bats test_tags=from:05
@test "the controllers of the host's cgroups are as before" {
    requires memory pids cpu
    subtree_controls >before
    demo --memory 50M --pids 20 --cpus 0.5 true
    assert_status 0
    demo --memory 50M --pids 20 --cpus 0.5 no-such-program
    assert_status 127
    subtree_controls >after
    diff before after
}

# Of our cgroup, and of all above it.
subtree_controls() {
    local cgroup
    cgroup=$(cgroup_of self)
    while [[ -e $cgroup/cgroup.subtree_control ]]; do
        echo "$cgroup: $(<"$cgroup/cgroup.subtree_control")"
        cgroup=${cgroup%/*}
    done
}

# --- Terminals -------------------------------------------------------------

@test "an interactive shell: Ctrl-C ends a command, not the shell" {
    requires pty
    with_pty <<'END'
t = demo("sh")
t.expect("# ")
t.sendline("echo $((6 * 7))")
t.expect("42")
t.expect("# ")
t.sendline("echo begin$((1 + 1)); sleep 100")
t.expect("begin2")
t.until_in_front("sleep 100")
t.sendintr()
t.expect("# ")
t.sendline("echo status $?")
t.expect("status 130")
t.expect("# ")
t.sendline("exit 5")
assert t.wait_status() == 5
END
}

@test "an interactive shell: Ctrl-D ends it" {
    requires pty
    with_pty <<'END'
t = demo("sh")
t.expect("# ")
t.sendeof()
assert t.wait_status() == 0
END
}

@test "an interactive shell: job control with Ctrl-Z, fg and bg" {
    requires pty
    with_pty <<'END'
t = demo("sh")
assert t.expect(["# ", "job control turned off", "can't access tty"]) == 0
t.sendline("echo begin$((1 + 1)); sleep 100")
t.expect("begin2")
t.until_in_front("sleep 100")
t.sendcontrol("z")
t.expect("Stopped")
t.expect("# ")
t.sendline("bg; jobs; echo end$((1 + 1))")
t.expect("Running")
t.expect("end2")
t.expect("# ")
t.sendline("fg")
t.expect("sleep 100")
t.until_in_front("sleep 100")
t.sendintr()
t.expect("# ")
t.sendline("exit 5")
assert t.wait_status() == 5
END
}

@test "an interactive shell: Ctrl-C and Ctrl-Z at its prompt are its own" {
    requires pty
    with_pty <<'END'
t = demo("sh")
t.expect("# ")
t.sendintr()
t.expect("# ")
t.sendcontrol("z")
t.until_demo_rests()
t.sendline("echo still$((1 + 1))")
t.expect("still2")
t.expect("# ")
t.sendline("exit 5")
assert t.wait_status() == 5
END
}

@test "the command knows the size of the window, and hears when it changes" {
    requires pty
    with_pty <<'END'
t = demo("sh", "-c", "stty size; trap 'stty size; exit 3' WINCH; echo ready; while :; do sleep 0.1; done")
t.expect("24 80")
t.expect("ready")
t.setwinsize(30, 100)
t.expect("30 100")
assert t.wait_status() == 3
END
}

@test "an interactive shell, when the demo leads the terminal's session" {
    requires pty
    with_pty <<'END'
t = Terminal(*os.environ["DEMO"].split(), "sh")
t.expect("# ")
t.sendline("echo begin$((1 + 1)); sleep 100")
t.expect("begin2")
t.until_in_front("sleep 100")
t.sendintr()
t.expect("# ")
t.sendline("exit 5")
assert t.wait_status() == 5
END
}

@test "the terminal is the caller's again afterwards" {
    requires pty
    with_pty <<'END'
t = Terminal("sh", "-c", "\"$@\"; echo ended$?; read line && echo got $line", "sh",
             *os.environ["DEMO"].split(), "sh", "-c", "exit 3")
t.expect("ended3")
t.sendline("hello")
t.expect("got hello")
assert t.wait_status() == 0
END
}

@test "Ctrl-C ends a command that is not a shell" {
    requires pty
    with_pty <<'END'
t = demo("sh", "-c", "echo ready; exec sleep 100")
t.expect("ready")
t.until_in_front("sleep 100")
t.until_demo_hears()
t.sendintr()
assert t.wait_status() in (130, 137)
END
}

@test "Ctrl-C once is one signal to the command" {
    requires pty
    with_pty <<'END'
t = demo("sh", "-c", "n=0; trap 'n=$((n + 1)); echo heard' INT; trap 'echo signals: $n.; exit' USR1; echo ready; "
         "while :; do sleep 0.1; done")
t.expect("ready")
t.until_demo_hears()
t.sendintr()
t.expect("heard")
t.until_demo_rests() # had it passed on another one, that would come before this:
os.kill(t.demo(), signal.SIGUSR1)
t.expect(r"signals: (\d+)\.")
assert t.match.group(1) == "1", t.match.group(1)
t.expect(pexpect.EOF)
END
}

@test "Ctrl-Z in the caller's shell stops the demo, and fg goes on" {
    requires pty
    with_pty <<'END'
t = Terminal("bash", "--norc", "--noprofile", "--noediting", "-i")
t.expect("[#$] ")
t.sendline(os.environ["DEMO"] + " sh -c 'trap \"exit 4\" USR1; echo ready$((1 + 1)); while :; do sleep 0.1; done'")
t.expect("ready2")
t.until_demo_hears()
t.sendcontrol("z")
t.expect("Stopped")
t.expect("[#$] ")
t.sendline("fg")
t.expect("ready")
t.until_demo_hears()
os.kill(t.demo(), signal.SIGUSR1)
t.expect("[#$] ")
t.sendline("echo status=$?")
t.expect("status=4")
t.sendline("exit")
t.wait_status()
END
}

# --- The demonstration -----------------------------------------------------

# bats test_tags=upto:06
@test "without a command it gives its demonstration, and observes all it claims" {
    ((10#$STEP < 5)) || requires memory pids cpu
    ((10#$STEP < 6)) || requires veth bridge nat
    demo
    assert_status 0
    [[ ${lines[-1]} =~ ^demo:\ ([0-9]+)\ of\ ([0-9]+)\ observed$ ]]
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" && ${BASH_REMATCH[1]} != 0 ]]
}

# bats test_tags=from:02,upto:06
@test "--chapter gives an earlier step's demonstration" {
    for ((chapter = 1; chapter < 10#$STEP; chapter++)); do
        ((chapter < 5)) || requires memory pids cpu
        demo --chapter "$chapter"
        assert_status 0
        assert_output_like '*observed*'
    done
}
