# What the program of every step promises.  scripts/test runs this file once for each step, with $DEMO and $STEP set,
# and leaves out what does not hold for that step: a test tagged from:04 holds from step04 on, one tagged upto:06 up
# to step06 (step07 speaks another command line).
# shellcheck disable=SC1003,SC2016,SC2030,SC2031,SC2154
load test_helper

before_each() {
    ((10#$STEP < 2)) || requires root
    ((10#$STEP < 4)) || requires rootfs
}

# --- What it is ------------------------------------------------------------

# points: 2
# needs: nothing
# chapter: In a few lines
# hint: Between your demo and the command another program ran. Which line of yours asks somebody else to do the work?
# hint: system(3) and popen(3) start a shell; execve(2) of unshare(1), or of another demo, is no better. Ask the kernel:
#   clone3(2), mount(2), sethostname(2).
# hint: In run_program, once: `execvp(name, c->argv);`. No other exec call, and system nowhere.
# bats test_tags=upto:06,lesson
@test "the demo becomes the command itself: no other program does its work" {
    # A debugger's eye sees each program that is begun. (The demo may begin itself again.)
    export ASAN_OPTIONS=detect_leaks=0 # which does not go with a debugger
    run_and_show python3 - "${DEMO_WORDS[@]}" true <<'END'
import ctypes, os, signal, sys

ptrace = ctypes.CDLL(None).ptrace
ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
TRACEME, CONT, SETOPTIONS = 0, 7, 0x4200
NEW_PROCESSES, EXEC, EXITKILL, WALL = 2 | 4 | 8, 0x10, 0x100000, 0x40000000
EVENT_EXEC = 4

demo = os.fork()
if demo == 0:
    ptrace(TRACEME, 0, None, None)
    os.execvp(sys.argv[1], sys.argv[1:])
os.waitpid(demo, 0)
ptrace(SETOPTIONS, demo, None, NEW_PROCESSES | EXEC | EXITKILL)
known, begun, ended = {demo}, [], None
ptrace(CONT, demo, None, None)
while ended is None:
    pid, status = os.waitpid(-1, WALL)
    if not os.WIFSTOPPED(status):
        ended = status if pid == demo else None
        continue
    number, event = os.WSTOPSIG(status), status >> 16
    if event == EVENT_EXEC and not os.path.samefile(f"/proc/{pid}/exe", sys.argv[1]):
        begun.append(open(f"/proc/{pid}/cmdline").read().rstrip("\0").replace("\0", " "))
    if event or pid not in known and number == signal.SIGSTOP:
        number = 0
    known.add(pid)
    ptrace(CONT, pid, None, number)
print("programs that were begun:", ", ".join(begun) or "none")
sys.exit(os.waitstatus_to_exitcode(ended))
END
    assert_status 0
    assert_output_like '*programs that were begun: true' # the demo may say what it likes
}

# --- Exit statuses ---------------------------------------------------------

# points: 14
# chapter: In a few lines
# hint: The command ended with 7. Which call tells its parent so, and who must hand the 7 on to the shell?
# hint: waitpid(2): WIFEXITED and WEXITSTATUS take the number out of the status. exit(3) or main's return value is
#   ours.
# hint: `c->status = WEXITSTATUS(status);` in collect, and `return container.status;` at the end of main.
# bats test_tags=lesson:01
@test "the exit status is the command's own" {
    for wanted in 0 1 7 125 127 255; do
        demo sh -c "exit $wanted"
        assert_status "$wanted"
        [[ -n ${RUNG_ANY_WORDS-} || -z $stderr ]]
    done
}

# needs: the exit status is the command's own
# hint: It is a shell inside that reports 143 here. Did your demo change the number on its way out?
# hint: waitpid(2): WEXITSTATUS is 0 to 255, so 143 fits. Is WEXITSTATUS asked only after WIFEXITED?
# hint: `c->status = WEXITSTATUS(status);` in collect, nothing added and nothing cut off.
@test "a command killed by signal N gives the status 128+N" {
    # Process 1 of a PID namespace cannot kill itself, so a child of the command's does the dying.
    demo sh -c 'sh -c "kill -TERM \$\$"; exit $?'
    assert_status 143
    demo sh -c 'sh -c "kill -KILL \$\$"; exit $?'
    assert_status 137
}

# needs: the exit status is the command's own
# hint: Somebody killed the command. WEXITSTATUS then means nothing: what do you ask instead?
# hint: waitpid(2): WIFSIGNALED and WTERMSIG. Shells report 128 + N: bash(1), EXIT STATUS.
# hint: `c->status = EXIT_SIGNALLED + WTERMSIG(status);` in collect, when `WIFSIGNALED(status)`.
@test "a command killed from outside by signal N gives the status 128+N" {
    start_demo sleep 100
    kill -KILL "$(container_pid)"
    wait_for_demo
    assert_status 137
}

# points: 10
# needs: the exit status is the command's own
# chapter: The same, made robust
# hint: When execve returns, it has failed. What does your child do next, and with which status does it leave?
# hint: execve(2), ERRORS: ENOENT. strerror(3) gives the words; a line on standard error, then exit(3) with 127.
# hint: `exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);` at the end of run_program, after say
#   has printed `strerror(error)`.
# bats test_tags=lesson:01
@test "a command that is not found gives the status 127" {
    demo no-such-program
    assert_status 127
    assert_one_line_error '*no-such-program: *No such file or directory*'
    demo /no/such/program
    assert_status 127
    assert_one_line_error '*/no/such/program: No such file or directory*'
}

# needs: a command that is not found gives the status 127
# hint: Somebody's variable was empty: `demo "$PROGRAM"`. Is that no command, or a command without a name?
# hint: execvp(3), ERRORS: ENOENT, for an empty name, too. No command at all is `argc`'s business.
# hint: Nothing for `""` alone: `execvp(name, c->argv);` in run_program fails, and the rest is as for any other name.
@test "an empty name is not found either" {
    demo ''
    assert_status 127
    assert_one_line_error
}

# needs: a command that is not found gives the status 127
# hint: /bin/ is there, and yet it can't run. Is that "not found"?
# hint: execve(2), ERRORS: EACCES. fstat(2) and S_ISDIR tell a directory, so that the error can say so.
# hint: `if (S_ISDIR(status.st_mode)) return "it is a directory";` in why_not_executed; the status is
#   EXIT_CANNOT_EXECUTE, 126.
@test "a command that is a directory gives the status 126" {
    demo /bin/
    assert_status 126
    assert_one_line_error '*/bin/: *directory*'
}

# needs: a command that is not found gives the status 127
# hint: /etc/passwd is no directory, so nothing can be below it. Did you print errno's own words?
# hint: execve(2), ERRORS: ENOTDIR. Between the failed call and strerror(3), what may change errno?
# hint: `int error = errno;` right after execv in run_program, then `strerror(error)`.
@test "a command that is a file below a file gives the status 126 or 127" {
    demo /etc/passwd/command
    [[ $status == 12[67] ]]
    assert_one_line_error '*/etc/passwd/command: Not a directory*'
}

# points: 6
# needs: a command that is not found gives the status 127
# chapter: Try it
# hint: The file is there, but without the x bit. Which errno is that, and what should the reader do about it?
# hint: execve(2), ERRORS: EACCES. The reason in brackets is your own: a hint at the likely cause.
# hint: `if (error == EACCES) return "not executable, or on a noexec mount";` in why_not_executed.
# bats test_tags=lesson:01
@test "a file that is not executable gives the status 126" {
    make_own_root
    echo 'exit 0' >"$root/script"
    demo "$in_root/script"
    assert_status 126
    assert_one_line_error '*/script: Permission denied*'
}

# needs: a command that is not found gives the status 127
# hint: A shell would run this file. Should a runtime guess that it is a shell script?
# hint: execvp(3): after ENOEXEC it hands the file to /bin/sh. execv(3) does not. execve(2), "Interpreter scripts".
# hint: `if (strchr(name, '/')) execv(name, c->argv);` in run_program; `return "no ELF file, and no script with a #!
#   line";` in why_not_executed.
@test "a script without #! gives the status 126 and says what is missing" {
    make_own_root
    put "$root/script" 'exit 0'
    demo "$in_root/script"
    assert_status 126
    assert_one_line_error '*/script: Exec format error (*#!*)'
}

# needs: a script without #! gives the status 126 and says what is missing
# hint: An empty file, run as a shell script, does nothing and "succeeds". Who ran it as one?
# hint: execvp(3), ENOEXEC. Use execv(3) for a path; execve(2) says ENOEXEC for a file it does not know.
# hint: `execv(name, c->argv);` for a name with a slash, and EXIT_CANNOT_EXECUTE for every error but ENOENT.
@test "an empty file gives the status 126" {
    make_own_root
    put "$root/empty" ''
    demo "$in_root/empty"
    assert_status 126
    assert_one_line_error '*/empty: Exec format error*'
}

# needs: a command that is not found gives the status 127
# hint: "No such file", and yet the script is there. Which other file did the kernel look for?
# hint: execve(2), "Interpreter scripts". Open the file: pread(2) its first two bytes.
# hint: `if (error == ENOENT && script) return "it is there, but the interpreter in its #! line is not";` in
#   why_not_executed.
@test "a script whose interpreter is missing gives the status 127 and says so" {
    make_own_root
    put "$root/script" '#!/no/such/interpreter'
    demo "$in_root/script"
    assert_status 127
    assert_one_line_error '*/script: No such file or directory (*interpreter*)'
}

# needs: a command that is not found gives the status 127
# hint: A dynamic program names another file that must be there first. Which?
# hint: ld.so(8); `readelf -l /bin/ls` shows "interpreter". An ELF file starts with ELFMAG: elf(5).
# hint: `if (error == ENOENT && elf) return "it is there, but the loader that it was linked with is not";` in
#   why_not_executed.
@test "a program whose loader is missing gives the status 127 and says so" {
    make_own_root
    sed 's,/ld-linux,/no-linux,' "$(type -P env)" >"$root/program"
    chmod +x "$root/program"
    demo "$in_root/program"
    assert_status 127
    assert_one_line_error '*/program: No such file or directory (*loader*)'
}

# needs: a command that is not found gives the status 127
# hint: It is an ELF file, and the kernel does not know what to do with it. What is the likely cause?
# hint: execve(2), ERRORS: ENOEXEC; elf(5): ELFMAG, SELFMAG and e_machine.
# hint: `if (error == ENOEXEC && elf) return "built for another architecture?";` in why_not_executed.
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

# points: 6
# needs: the exit status is the command's own
# chapter: In a few lines
# hint: Was one of the arguments split, or taken for an option of yours? Is there a shell in between?
# hint: getopt_long(3): a + first in the letters ends the options at the first word that is none. execve(2): argv is
#   an array, not a line.
# hint: `char letters[ROWS + 2] = "+";` and `c->argv = argv + optind;` in parse_options; `execvp(name, c->argv);` in
#   run_program.
# bats test_tags=lesson:01
@test "the command gets exactly the arguments given" {
    args=('' ' ' 'a b' $'two\nlines' '*' '"' "'" '\\' '$HOME' '--' '-v' '--help' 'å' $'\x01')
    demo sh -c 'printf "<%s>" "$@"' sh "${args[@]}"
    assert_output "$(printf '<%s>' "${args[@]}")"
}

# needs: the exit status is the command's own
# hint: Did you change a variable of your own? The child has a copy of all of them.
# hint: environ(7), setenv(3): execv(3) and execvp(3) hand on what is in environ.
# hint: `execvp(name, c->argv);` in run_program, with no setenv or putenv before it.
# bats test_tags=upto:06
@test "the command gets exactly the environment given" {
    run_and_show env -i PATH="$PATH" EMPTY= 'SPACES=a  b' $'LINES=one\ntwo' "${DEMO_WORDS[@]}" env
    assert_status 0
    [[ $(sort <<<"$output") == "$(printf '%s\n' "PATH=$PATH" EMPTY= 'SPACES=a  b' $'LINES=one\ntwo' | sort)" ]]
}

# points: 5
# needs: the exit status is the command's own
# chapter: The idea
# hint: What does the demo read from its standard input, or write to its standard output, while the command runs?
# hint: fork(2) and execve(2) hand on open descriptors. dup2(2) or a pipe in between would need a reason.
# hint: `dprintf(STDERR_FILENO, ...)` in say is all that the demo itself writes, and it reads nothing.
# bats test_tags=lesson:01
@test "standard input, output and error are the command's" {
    demo sh -c 'cat; echo out; echo err >&2' <<<in
    assert_status 0
    assert_output $'in\nout'
    [[ $stderr == err || -n ${RUNG_ANY_WORDS-} && $stderr == err$'\n'* ]]
}

# with_closed REDIRECTIONS ARGS...: the demo, started without some of its descriptors.
with_closed() {
    local redirections=$1
    shift
    run_and_show bash -c "exec \"\$@\" $redirections" bash "${DEMO_WORDS[@]}" "$@"
}

# needs: standard input, output and error are the command's
# hint: With descriptor 0 closed, what number does the next file get that you open?
# hint: open(2): the lowest free number. A check such as tcgetpgrp(3) may fail here, and that is no reason to stop.
# hint: Don't die of what concerns standard input only: `if (tcgetpgrp(STDIN_FILENO) == getpgrp())` is false then, and
#   that is all.
@test "standard input may be closed" {
    with_closed '<&-' sh -c 'read -r x; echo out; exit 3'
    assert_status 3
    assert_output out
}

# needs: standard input, output and error are the command's
# hint: The command may print nothing, and does not have to. Why did it matter to the demo?
# hint: write(2): EBADF. Who of you wrote to standard output, or checked it?
# hint: `dprintf(STDERR_FILENO, "%s\n", line);` in say: while a command runs, the demo writes nowhere else.
@test "standard output may be closed" {
    with_closed '>&-' sh -c 'echo err >&2; exit 3'
    assert_status 3
    [[ $stderr == err ]]
}

# needs: standard input, output and error are the command's
# hint: An error that nobody can hear is still an error. Did its status get lost, or did the words land in another
#   file?
# hint: dprintf(3) fails then, and that may be ignored. open(2) must not get the number 2 and keep it while you write.
# hint: `dprintf(STDERR_FILENO, "%s\n", line);` in say, its result unused; then `exit(...)` as ever.
@test "standard error may be closed" {
    with_closed '2>&-' sh -c 'echo out; exit 3'
    assert_status 3
    assert_output out
    export ASAN_OPTIONS=detect_leaks=0 # nobody could hear of them
    with_closed '2>&-' no-such-program
    assert_status 127
    assert_output ''
}

# needs: standard input may be closed
# needs: standard output may be closed
# needs: standard error may be closed
# hint: Each of the three alone works? Then what do you open that gets a number below 3?
# hint: open(2) and pipe(2) take the lowest free numbers: 0, 1, 2. O_CLOEXEC closes them again at execve.
# hint: Open with O_CLOEXEC, close at once what is not needed, and never stop because 0, 1 or 2 is missing.
@test "all three may be closed" {
    with_closed '<&- >&- 2>&-' sh -c 'exit 3'
    assert_status 3
    assert_output ''
}

# needs: the exit status is the command's own
# hint: SIGPIPE ends who writes to such a pipe. Did the command inherit a mask or a "do not care" from you?
# hint: signal(7): SIGPIPE; execve(2) keeps blocked and ignored signals. Is SIGPIPE among those that you block or
#   ignore?
# hint: SIGPIPE is not in `signals[]` of block_signals, and nothing ignores it before run_program.
@test "the command's output may go to a pipe that nobody reads any more" {
    status=0
    timeout "$DEMO_LIMIT" "${DEMO_WORDS[@]}" sh -c 'while echo y; do :; done' 2>/dev/null | head -n 1 >first
    [[ ${PIPESTATUS[0]} != 124 && $(<first) == y ]]
}

# needs: the exit status is the command's own
# hint: `ls -l /proc/PID/fd` of the command shows a file that you opened. How could it close by itself?
# hint: open(2): O_CLOEXEC; socketpair(2): SOCK_CLOEXEC; pipe2(2); fopen(3): the letter e.
# hint: `open(path, O_RDONLY | O_CLOEXEC)`, `fopen(path, "re")`: every time, everywhere.
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
    kill -KILL "$pid"
}

# points: 5
# needs: the exit status is the command's own
# chapter: The same, made robust
# hint: You block signals in order to wait for them. Who else has them blocked after fork?
# hint: sigprocmask(2); execve(2) keeps the mask, and keeps ignored signals ignored. /proc/PID/status shows SigBlk and
#   SigIgn: proc(5).
# hint: `sigprocmask(SIG_UNBLOCK, &c->signals, NULL)` in unblock_signals, the first line of child.
# bats test_tags=lesson:01
@test "the command has no signal blocked, and ignores none that we do not" {
    ignored=$(status_field "$BASHPID" SigIgn)
    start_demo sleep 100
    pid=$(container_pid)
    [[ $(status_field "$pid" SigBlk) == 0000000000000000 ]]
    [[ $((0x$(status_field "$pid" SigIgn) & ~0x$ignored)) == 0 ]]
    kill -KILL "$pid"
}

# needs: the command gets exactly the arguments given
# hint: Is there an array of a fixed size on the way?
# hint: execve(2), "Limits on size of arguments and environment". You need no copy: argv and environ are there.
# hint: `c->argv = argv + optind;` in parse_options: a pointer, no copy.
# bats test_tags=upto:06
@test "large arguments and a large environment arrive whole" {
    long=$(printf '%0100000d' 0)
    args=()
    for _ in 1 2 3 4 5; do args+=("$long"); done
    # Built-ins only: the command's shell has as little room for arguments as ours.
    BIG=$long demo sh -c 'echo $# ${#1} ${#5} ${#BIG}' sh "${args[@]}"
    assert_output '5 100000 100000 100000'
}

# needs: a command that is not found gives the status 127
# hint: execve can fail for reasons that are none of the file's. What does your error say then?
# hint: execve(2), ERRORS: E2BIG. Any errno but ENOENT means status 126.
# hint: `exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXECUTE);` with `strerror(error)` in the line before.
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

# hint: Which option is missing from the text? Or did the text go to standard error?
# hint: getopt_long(3): both its names and --help's text can come from one table. puts(3) writes to standard output.
# hint: A row for each option in `rows[]`, and print_help, which ends with `exit(EXIT_SUCCESS);`.
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

# needs: the exit status is the command's own
# hint: Something was printed that is not the command's. Which line of yours did it?
# hint: getopt_long(3) sets what -v asks for; a line for the curious belongs behind that question.
# hint: `if (!c->verbose) return;` first in narrate.
@test "without -v the demo itself says nothing" {
    demo echo hello
    assert_status 0
    assert_output hello
    [[ -z $stderr ]]
}

# needs: without -v the demo itself says nothing
# hint: Where do the lines of -v go, and does one of them name execve?
# hint: dprintf(3) with STDERR_FILENO. printf(3) would mix them into the command's output.
# hint: `narrate(c, "execve(\"%s\"), my parent is %d   # exec %s", name, getppid(), name);` in run_program.
@test "-v narrates on standard error, and only there" {
    for option in -v --verbose; do
        demo "$option" echo hello
        assert_status 0
        assert_output hello
        assert_stderr_like '*execve*'
    done
}

# hint: getopt_long has printed an error and returned '?'. What is the status for "you typed it wrong"?
# hint: getopt_long(3), RETURN VALUE. It prints argv[0] before the message: what should stand there?
# hint: `argv[0] = "demo";` before getopt_long, and `exit(EXIT_USAGE);` for an option that is in no row.
@test "an unknown option is a usage error that names it" {
    for option in --no-such-option -Z; do
        demo "$option" true
        assert_usage_error "$option"
    done
}

# needs: an unknown option is a usage error that names it
# hint: --verbose=yes: who checks whether an option takes a value?
# hint: getopt_long(3): has_arg is no_argument or required_argument.
# hint: `options[i].has_arg = rows[i].value ? required_argument : no_argument;` in parse_options.
@test "a value for an option that takes none is a usage error" {
    demo --verbose=yes true
    assert_usage_error --verbose
}

# needs: without -v the demo itself says nothing
# hint: In `demo echo -v`, whose option is -v?
# hint: getopt_long(3): it reorders the words, unless the string of letters begins with +.
# hint: `char letters[ROWS + 2] = "+";` in parse_options.
@test "options end at the command" {
    demo echo --help -v --no-such-option
    assert_status 0
    assert_output '--help -v --no-such-option'
    [[ -z $stderr ]]
}

# needs: options end at the command
# hint: After -- comes the command, even if it is called --help. Did you look at the words yourself?
# hint: getopt_long(3): "--" ends the scan, and optind is the word after it.
# hint: `c->argv = argv + optind;` after the loop in parse_options.
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

# needs: an unknown option is a usage error that names it
# hint: Which of these was taken for a number: an empty word, 1x, one with far too many digits?
# hint: strtol(3): endptr shows where the number ended, and the range has to be checked. atoi(3) tells you nothing.
# hint: `if (!end || *end != '\0' || number < least || number > most) usage_error(option, value, ...)` in
#   parse_number.
# bats test_tags=upto:06
@test "bad values of --chapter" {
    check_values --chapter '' 0 -1 99 x 1x 99999999999999999999
}

# needs: a value for an option that takes none is a usage error
# hint: --net=yes has no meaning. Who should say so?
# hint: getopt_long(3): no_argument.
# hint: `{"net", 'n', NULL, open_namespace, "open a new network namespace"}` in `rows[]`: NULL says that it takes no
#   value.
# bats test_tags=from:02
@test "the namespace options take no value" {
    for option in --ipc --mount --net --pid --uts --cgroup --time; do
        if [[ $option != --time ]] || has_time_ns; then
            demo "$option" true
            assert_status 0
        fi
        demo "$option=yes" true
        assert_usage_error "$option"
    done
}

# needs: an unknown option is a usage error that names it
# hint: Which name did you accept that the kernel would not, or that means something to a shell?
# hint: sethostname(2): at most HOST_NAME_MAX, 64 bytes. An empty name is no name.
# hint: `if (strlen(value) < 1 || strlen(value) > 64) usage_error(row->name, value, "must have 1 to 64 characters");`
#   in set_name.
# bats test_tags=from:03
@test "bad values of --hostname" {
    check_values --hostname '' "$(printf '%065d' 0)" "$(printf '%01000d' 0)"
}

# needs: bad values of --hostname
# hint: 64 characters are allowed. Did you stop one short, or cut one off?
# hint: sethostname(2) takes a length, and needs no NUL at the end. A buffer of 64 bytes holds only 63 and the NUL.
# hint: `sethostname(c->hostname, strlen(c->hostname))` in set_hostname, and no copy.
# bats test_tags=from:03
@test "the longest hostname that the kernel takes" {
    name=$(printf '%064d' 0)
    demo --hostname "$name" hostname
    assert_status 0
    assert_output "$name"
}

# needs: an unknown option is a usage error that names it
# hint: A word that names no safeguard was accepted. What would a user think has been left out?
# hint: strcmp(3) with each word of a list: the whole word, not its beginning.
# hint: The loop over `safeguards[]` in leave_out, and after it `usage_error(row->name, value, "no such safeguard");`.
# bats test_tags=from:04
@test "bad values of --without" {
    check_values --without '' no-such-safeguard 'private,' "pivot private"
}

# needs: an unknown option is a usage error that names it
# hint: What directory is ""?
# hint: getopt_long(3), required_argument, refuses a missing value; the empty word is for you to refuse.
# hint: `if (!*value) usage_error(row->name, value, "needs a directory");` in set_root.
# bats test_tags=from:04
@test "--rootfs without a value, or with an empty one" {
    demo --rootfs "$ROOTFS" true
    assert_status 0
    check_values --rootfs ''
}

# needs: the exit status is the command's own
# hint: The directory is not there. At which moment do you notice, and is the error one line with a hint?
# hint: open(2): O_PATH and O_DIRECTORY find both mistakes (ENOENT, ENOTDIR) before anything has been changed.
# hint: `open(c->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC)` in want_mount_namespace, then die_with_hint.
# bats test_tags=from:04
@test "a root file system that is missing, or that is a file" {
    demo --rootfs /no/such/directory true
    assert_status 125
    assert_one_line_error '*/no/such/directory: No such file or directory (*)'
    demo --rootfs /etc/passwd true
    assert_status 125
    assert_one_line_error '*/etc/passwd: Not a directory*'
}

# needs: a root file system that is missing, or that is a file
# hint: /proc is missing in that root. Did you make it, in a directory that is not yours?
# hint: mount(2), ERRORS: ENOENT. Who owns the image: you, or the user?
# hint: No mkdir outside of /dev: `if (strncmp(path, "/dev/", 5) == 0 && mkdir(path, 0755) == -1)` in
#   mount_filesystems.
# bats test_tags=from:04
@test "a root file system without the directories to mount on" {
    export ASAN_OPTIONS=detect_leaks=0 # the leaks are looked for in /proc
    mkdir "$BATS_TEST_TMPDIR/empty"
    demo --rootfs "$BATS_TEST_TMPDIR/empty" true
    assert_status 125
    assert_one_line_error
    [[ -z $(ls -A "$BATS_TEST_TMPDIR/empty") ]]
}

# needs: a root file system that is missing, or that is a file
# hint: Every beginner meets this error first. Does it say what to type?
# hint: strerror(3) says what went wrong; the words in brackets after it say what to do.
# hint: `die_with_hint("run \"make rootfs\", or give --rootfs DIR", "open the root file system %s", c->root_path);` in
#   want_mount_namespace.
# bats test_tags=from:04
@test "without make rootfs the error says to run it" {
    rm build
    status=0
    run_and_show "${DEMO_WORDS[@]}" true
    assert_status 125
    assert_one_line_error '*build/rootfs: No such file or directory (*make rootfs*)'
}

# needs: an unknown option is a usage error that names it
# hint: Which of these became a number: 50X, 1e3, '5 0M', a size that does not fit 64 bits?
# hint: strtoll(3): endptr, and errno for ERANGE; it also skips blanks and takes a minus sign. Check the shift for
#   overflow, too.
# hint: `if (!end || end[unit ? 1 : 0] != '\0' || errno || size >> (62 - shift)) usage_error(...)` in limit_size.
# bats test_tags=from:05
@test "bad values of the sizes" {
    for option in --memory --memory-high --swap; do
        check_values "$option" '' lots -1 50X 50MM 1e3 0x10 '5 0M' 1.5M. 99999999999999999999 99999999999G '50M;ls' max-1
    done
}

# needs: an unknown option is a usage error that names it
# hint: Which value slipped through: an empty one, -1, 1.5, 0x10?
# hint: strtol(3) with base 10, and its endptr; isdigit(3) for the first character.
# hint: `(void)parse_number(row->name, value, 1, 4194304);` in limit_pids.
# bats test_tags=from:05
@test "bad values of --pids" {
    check_values --pids '' -1 many 1.5 20K5 0x10 99999999999999999999
}

# needs: an unknown option is a usage error that names it
# hint: strtod knows more numbers than you want. Which of them are no amount of processor time?
# hint: strtod(3): it takes nan, inf, 1e309 and 0x1. strspn(3) tells which characters a word begins with.
# hint: `strspn(value, "0123456789.") ? strtod(value, &end) : 0` in limit_cpus, then the range 0.01 to 8192.
# bats test_tags=from:05
@test "bad values of --cpus" {
    check_values --cpus '' 0 -1 half nan inf -inf 1e309 0x1 1,5 1.5.5 99999999999999999999
}

# needs: an unknown option is a usage error that names it
# hint: Was the subnet's own address, its broadcast address or the bridge's accepted? Or one that is no address at
#   all?
# hint: inet_pton(3) is strict; sscanf(3) finds the slash and the length. What are the first and the last address of a
#   subnet?
# hint: `if ((ip & hosts) <= 1 || (ip & hosts) == hosts || ...) usage_error(row->name, value, ...)` in set_ip.
# bats test_tags=from:06
@test "bad values of --ip" {
    check_values --ip '' here 10.240.0.2 10.240.0.2/ /24 10.240.0.2/33 10.240.0.2/-1 10.240.0.2/x 10.240.0.2/24x \
        300.1.1.1/24 10.240.0/24 10.240.0.2.2/24 10.240.0.0/24 10.240.0.255/24 fe80::1/64 '10.240.0.2 /24'
}

# needs: an unknown option is a usage error that names it
# hint: A device's name has rules. Which of these breaks them?
# hint: IFNAMSIZ in <net/if.h> is 16, the NUL included. A slash, or the names . and .., would be a path in
#   /sys/class/net.
# hint: `if (!isalpha(...) || strlen(value) >= IFNAMSIZ || !is_made_of(value, "-_")) usage_error(...)` in set_bridge.
# bats test_tags=from:06
@test "bad values of --bridge" {
    check_values --bridge '' ../x a/b . .. 'a b' sixteen_letters_ "$(printf '%01000d' 0)"
}

# --- Rights ----------------------------------------------------------------

# needs: the exit status is the command's own
# hint: fork and execve need no rights. Which call of yours does?
# hint: capabilities(7) lists what needs which right. `strace -f ./demo true` shows the call that got EPERM.
# hint: In this step start is `fork()`, and child is unblock_signals and run_program: nothing asks for root.
# bats test_tags=upto:01
@test "without root it works" {
    demo_as_nobody sh -c 'echo hello; exit 7'
    assert_status 7
    assert_output hello
}

# needs: the exit status is the command's own
# hint: "Operation not permitted" is true, and no help. What should the user do?
# hint: geteuid(2), and errno: EPERM or EACCES. clone(2) says which flags need CAP_SYS_ADMIN.
# hint: `if (!hint && (error == EPERM || error == EACCES) && geteuid() != 0) hint = "this needs root: try sudo";` in
#   die_with_hint.
# bats test_tags=from:02,upto:06
@test "without root the error says in one line what it needs" {
    make_public_copies
    options=()
    ((10#$STEP < 4)) || options=(--rootfs "$PUBLIC/rootfs")
    demo_as_nobody "${options[@]}" true
    assert_status 125
    assert_one_line_error '*(*root*)*'
}

# needs: without root the error says in one line what it needs
# hint: Did you ask "am I root?" instead of trying? Root may lack the right as well.
# hint: capabilities(7): it is the call that knows. Try it, then report its errno with strerror(3).
# hint: `if (c->pid == -1) die("start a process");` in start: no check of getuid before it.
# bats test_tags=from:02,upto:06
@test "root without CAP_SYS_ADMIN gets an error of one line" {
    run_and_show setpriv --bounding-set=-sys_admin "${DEMO_WORDS[@]}" true
    assert_status 125
    assert_one_line_error '*Operation not permitted*'
}

# --- Signals ---------------------------------------------------------------

# points: 5
# needs: a command killed from outside by signal N gives the status 128+N
# chapter: The same, made robust
# hint: The signal goes to the demo. Which of the six does it not hand on?
# hint: sigprocmask(2) and sigwaitinfo(2) to take them, kill(2) to hand them on.
# hint: `kill(c->pid, signal);` in pass_on, and all six in `signals[]` of block_signals.
# bats test_tags=lesson:01
@test "SIGTERM and the others reach a command that handles them" {
    for signal in TERM HUP INT QUIT USR1 USR2; do
        start_demo sh -c "trap 'exit 9' $signal; echo ready; while [ \$((i += 1)) -lt 1000 ]; do sleep 0.1; done"
        eventually grep -q ready "$demo_out"
        kill -"$signal" "$demo_pid"
        wait_for_demo
        assert_status 9
    done
}

# needs: SIGTERM and the others reach a command that handles them
# hint: As process 1 the command never notices a signal it has no handler for. Who else could end it?
# hint: pid_namespaces(7), "The namespace init process". /proc/PID/status has SigCgt, SigIgn and SigBlk: proc(5).
# hint: `if (is_deaf(c, signal))`, then `kill(c->pid, SIGKILL);`, in pass_on (step01: the plain kill is enough).
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

# A shell blocks all signals for a moment when it forks: that does not mean that it hears them.
# needs: SIGTERM ends a command that does not handle it
# hint: When you looked, the command had the signal blocked, so you took it for one that hears. A moment later it had
#   not. Who blocks signals just for a moment?
# hint: proc(5), /proc/PID/status: State. Whoever waits for a blocked signal, with sigwait(3), sleeps; a shell that is
#   about to fork runs.
# hint: In is_deaf, look again while the signal is in SigBlk but the process runs: `for (int looks = 0; looks < 1000;
#   looks++)`.
# bats test_tags=from:02
@test "SIGTERM ends a command that forks all the time" {
    for _ in {1..10}; do
        start_demo sh -c 'echo ready; while [ $((i += 1)) -lt 20000 ]; do /bin/true; done'
        eventually grep -q ready "$demo_out"
        kill -TERM "$demo_pid"
        wait_for_demo
        [[ $status == 137 || $status == 143 ]]
    done
}

# needs: SIGTERM ends a command that does not handle it
# hint: It was `kill -INT`, not the key Ctrl-C. Can you tell the two apart?
# hint: sigwaitinfo(2): si_code is SI_KERNEL when the terminal sent it (then the command got it as well), SI_USER
#   after kill(2).
# hint: `if (info->si_code == SI_KERNEL) return;` in pass_on, for the keys only.
@test "SIGINT ends a command that does not handle it" {
    start_demo sleep 100
    pid=$(container_pid)
    kill -INT "$demo_pid"
    wait_for_demo
    [[ $status == 137 || $status == 130 ]]
    eventually process_ended "$pid"
}

# needs: SIGTERM ends a command that does not handle it
# hint: What if SIGTERM comes before the child exists, or just before you wait for it?
# hint: sigprocmask(2): block first, then fork(2), and nothing is lost in between. signal(7).
# hint: In main: `block_signals(&container);` comes before `start(&container);`.
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

# points: 8
# needs: the exit status is the command's own
# chapter: The same, made robust
# hint: After kill -9 the demo can't do anything any more. Who could end the container for it?
# hint: prctl(2): PR_SET_PDEATHSIG, called in the child. pid_namespaces(7): what happens when process 1 ends.
# hint: `prctl(PR_SET_PDEATHSIG, SIGKILL)` in die_with_parent, called by child.
# bats test_tags=from:02,lesson:02
@test "SIGKILL to the demo kills the container" {
    start_demo sh -c 'sleep 100 & sleep 100'
    pid=$(container_pid)
    kill -KILL "$demo_pid"
    wait_for_demo
    assert_status 137
    eventually process_ended "$pid"
    ((10#$STEP < 5)) || "$TOP/scripts/cleanup"
}

# needs: SIGKILL to the demo kills the container
# hint: PR_SET_PDEATHSIG is a wish for later. What if the demo is dead by the time that the child says it?
# hint: In there getppid(2) is 0 in any case. But a dead process has no open descriptors: socketpair(2), poll(2): POLLHUP.
# hint: `int gone = poll(&parent, 1, 0);` after the prctl in die_with_parent, with the child's end of the lifeline in
#   `parent`; and before, `close(c->sync_fd[0]);`.
# bats test_tags=from:02
@test "SIGKILL to the demo kills the container, too, when that has just been born" {
    # A debugger's eye sees the new process before its first instruction. Then the demo dies, and the other goes on.
    run_and_show python3 - "${DEMO_WORDS[@]}" sleep 1000 <<'END'
import ctypes, os, signal, sys

ptrace = ctypes.CDLL(None).ptrace
ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
TRACEME, CONT, DETACH, SETOPTIONS, GETEVENTMSG = 0, 7, 17, 0x4200, 0x4201
FORK_VFORK_CLONE, WALL = 2 | 4 | 8, 0x40000000

demo = os.fork()
if demo == 0:
    ptrace(TRACEME, 0, None, None)
    os.execvp(sys.argv[1], sys.argv[1:])
os.waitpid(demo, 0)
ptrace(SETOPTIONS, demo, None, FORK_VFORK_CLONE)
status = signal.SIGTRAP << 8
while status >> 16 == 0: # no event yet
    number = os.WSTOPSIG(status)
    ptrace(CONT, demo, None, None if number == signal.SIGTRAP else number)
    status = os.waitpid(demo, 0)[1]
    assert os.WIFSTOPPED(status), "it has made no process"
child = ctypes.c_ulong()
ptrace(GETEVENTMSG, demo, None, ctypes.addressof(child))
os.waitpid(child.value, WALL)
os.kill(demo, signal.SIGKILL)
os.waitpid(demo, 0)
ptrace(DETACH, child.value, None, None)
print(child.value)
END
    assert_status 0
    eventually process_ended "$output"
    ((10#$STEP < 5)) || "$TOP/scripts/cleanup"
}

# needs: SIGKILL to the demo kills the container
# hint: scripts/cleanup finds leftovers by their names. What is your cgroup called?
# hint: `scripts/cleanup --help`: it looks for cgroups called rung-PID. A second run needs another name than the
#   first.
# hint: `snprintf(c->cgroup_name, sizeof(c->cgroup_name), "rung-%d", getpid());` in make_cgroup.
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

# hint: Your shell is in a scope of systemd's. What becomes of a cgroup with processes that hands down "pids" or "cpu"?
# hint: cgroups(7), "Cgroups v2 thread mode"; cgroup.type: "domain threaded", "domain invalid". clone3(2), EOPNOTSUPP.
# hint: In find_place: `while (!enable_controllers(c, dir))`, which has to fail as well if the write has changed cgroup.type.
# bats test_tags=from:05
@test "one limit alone holds in a session of systemd's" {
    requires pids cpu systemd
    words=("${DEMO_WORDS[@]}")
    for slice in system.slice user-0.slice; do
        DEMO_WORDS=(systemd-run --quiet --scope --collect "--slice=$slice" -- "${words[@]}")
        has_in_cgroup pids.max 20 --pids 20
        has_in_cgroup cpu.max '50000 100000' --cpus 0.5
        has_in_cgroup cgroup.type domain
    done
}

# has_in_cgroup FILE VALUE OPTIONS...: a container with these options has it.
has_in_cgroup() {
    start_demo "${@:3}" sleep 1000
    cgroup=$(cgroup_of "$(container_pid)")
    [[ $(<"$cgroup/$1") == "$2" ]]
    stop_demo
    [[ ! -e $cgroup ]]
}

# needs: after SIGKILL scripts/cleanup removes what is left, and the demo runs again
# hint: The kernel forgets the wish to die with the parent when a process changes its user. Who else knows the container?
# hint: prctl(2), PR_SET_PDEATHSIG, NOTES; kernel: admin-guide/cgroup-v2.rst, cgroup.kill. scripts/cleanup uses that.
# hint: Nothing new: `CLONE_INTO_CGROUP` in make_cgroup, and the name of the cgroup.
# bats test_tags=from:05,upto:06
@test "after SIGKILL scripts/cleanup ends a command that has changed its user" {
    start_demo start-stop-daemon -S -c 65534:65534 -x /bin/sleep -- 1000
    pid=$(container_pid)
    eventually is_nobody "$pid"
    kill -KILL "$demo_pid"
    wait_for_demo
    run_and_show "$TOP/scripts/cleanup"
    assert_status 0
    eventually process_ended "$pid"
}

is_nobody() {
    [[ $(status_field "$1" Uid) == 65534* ]]
}

# needs: SIGTERM and the others reach a command that handles them
# hint: SIGCHLD also comes when a child stops. Did you take that for its end?
# hint: waitpid(2): WUNTRACED reports stops, and WIFSTOPPED recognises them. sigaction(2) has SA_NOCLDSTOP.
# hint: `if (WIFSTOPPED(status))` in collect, which leaves `c->ended` alone.
@test "a stopped command is waited for" {
    start_demo sh -c 'trap "exit 4" USR1; echo ready; while [ $((i += 1)) -lt 1000 ]; do sleep 0.1; done'
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

# needs: the exit status is the command's own
# hint: Your caller ignored SIGCHLD, and you inherited that. What does the kernel do with children then?
# hint: waitpid(2), NOTES; signal(7): with SIGCHLD ignored there are no zombies, hence no status, and no signal.
# hint: `signal(SIGCHLD, SIG_DFL);` in block_signals.
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

# needs: the exit status is the command's own
# hint: The second run found something of the first. What did you leave?
# hint: atexit(3) for what must be undone; a name with getpid(2) in it is nobody else's.
# hint: See which call failed: `demo -v`, twice. What it made has to have its undo registered right after it.
@test "the same demo twice, one after the other" {
    demo sh -c 'exit 3'
    assert_status 3
    demo sh -c 'exit 3'
    assert_status 3
}

# needs: SIGTERM and the others reach a command that handles them
# hint: What do the two share that should be each one's own: a file, a name, an address?
# hint: getpid(2) makes a name unique. `demo -v` in two terminals shows who stumbles over whom.
# hint: No name that is fixed: `"rung-%d", getpid()` for what is made on the host.
@test "two demos at once" {
    for i in 1 2; do
        start_demo sh -c "trap 'echo $i; exit $i' USR1; echo ready; while [ \$((i += 1)) -lt 1000 ]; do sleep 0.1; done"
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

# needs: two demos at once
# hint: Two at once went well. What happens between "look whether it is there" and "make it"?
# hint: flock(2) lets one in at a time; EEXIST may only mean that somebody else was quicker.
# hint: lock_host around what several demos share, unlock_host after it (from step05 on; before, they share nothing).
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
# needs: the exit status is the command's own
# hint: The inner demo runs as the outer one's command. What is different for it?
# hint: It may be process 1 of a namespace, without a parent there: getppid(2) is 0. pid_namespaces(7).
# hint: Don't take getppid() for something that it is not: die_with_parent looks at its end of the lifeline instead.
# bats test_tags=upto:03
@test "a demo in a demo" {
    demo "${DEMO_WORDS[@]}" "${DEMO_WORDS[@]}" sh -c 'echo deep; exit 3'
    assert_status 3
    assert_output deep
}

# needs: a command that is not found gives the status 127
# hint: An error is an ending like any other. Which of your undo steps did not run?
# hint: exit(3) runs what atexit(3) registered; _exit(2), and a signal, do not. In the parent: does it return from
#   main?
# hint: `exit(EXIT_DEMO_FAILED);` in die_with_hint, and the undo registered in the parent as soon as there is
#   something to undo.
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

# needs: the same demo twice, one after the other
# hint: You wrote to cgroup.subtree_control. Who takes the + back?
# hint: cgroups(7), "Cgroups v2 controllers": a minus disables. Remember what you enabled: only that is yours to
#   disable.
# hint: `write_file(c->place_fd, "cgroup.subtree_control", c->enabled)` in disable_controllers, called by
#   remove_cgroup.
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

# points: 10
# needs: the exit status is the command's own
# chapter: The same, made robust
# hint: Ctrl-C goes to the whole group in front of the terminal. Is the demo in it, and what did it do with the
#   signal?
# hint: credentials(7), "Process groups"; tcsetpgrp(3). sigwaitinfo(2): si_code says whether the terminal sent it.
# hint: `if (info->si_code == SI_KERNEL) return;` first in pass_on: the child has got it already.
# bats test_tags=lesson:02
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

# needs: the exit status is the command's own
# hint: Ctrl-D is no signal: it is the end of file. Who else reads from the terminal?
# hint: termios(3): VEOF. Only the command may read standard input.
# hint: Nobody but the command reads descriptor 0; the demo sleeps in `sigwaitinfo(&c->signals, &info)`.
@test "an interactive shell: Ctrl-D ends it" {
    requires pty
    with_pty <<'END'
t = demo("sh")
t.expect("# ")
t.sendeof()
assert t.wait_status() == 0
END
}

# needs: an interactive shell: Ctrl-C ends a command, not the shell
# hint: The shell moves its jobs to the front of the terminal and back. Which group does it give the terminal back to,
#   and does that group have a number in its PID namespace?
# hint: tcsetpgrp(3), setpgid(2), credentials(7). In a new PID namespace your own group has no number.
# hint: take_terminal in the child (`setpgid(0, 0)`, then set_foreground) and share_terminal in the parent.
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

# needs: an interactive shell: Ctrl-C ends a command, not the shell
# hint: At its prompt a shell handles both keys. Which of them stopped or killed it?
# hint: pid_namespaces(7) and proc(5): SigCgt and SigIgn say what the shell hears. What it hears is not yours to
#   translate.
# hint: `else if (signal == SIGTSTP && is_deaf(c, SIGTSTP)) suspend(c);` in wait_for_child: only if it is deaf.
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

# needs: the exit status is the command's own
# hint: The terminal tells the group in front when its size changes. Is the command in that group?
# hint: tty_ioctl(4): TIOCGWINSZ and SIGWINCH. tcsetpgrp(3).
# hint: Nothing to do in step01. Later: take_terminal, so that the group in front is the container's.
@test "the command knows the size of the window, and hears when it changes" {
    requires pty
    with_pty <<'END'
t = demo("sh", "-c", "stty size; trap 'stty size; exit 3' WINCH; echo ready; while [ $((i += 1)) -lt 1000 ]; do sleep 0.1; done")
t.expect("24 80")
t.expect("ready")
t.setwinsize(30, 100)
t.expect("30 100")
assert t.wait_status() == 3
END
}

# needs: an interactive shell: Ctrl-C ends a command, not the shell
# hint: A session leader cannot leave its own group. Did you stop because setpgid failed?
# hint: setpgid(2), ERRORS: EPERM for a session leader. setsid(2).
# hint: `(void)setpgid(0, c->pid);` in share_terminal: it may fail.
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

# needs: the exit status is the command's own
# hint: The command has ended. Which group is in front of the terminal now?
# hint: tcsetpgrp(3): from the background it sends SIGTTOU, unless that is ignored.
# hint: `leave_terminal(c);` after wait_for_child in parent; it calls set_foreground, which ignores SIGTTOU meanwhile.
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

# needs: the exit status is the command's own
# hint: You pressed Ctrl-C and nothing ended. Who got the signal, and was it deaf?
# hint: signal(7): SIGINT. A process 1 without a handler does not notice it: pid_namespaces(7).
# hint: The parent shares the command's group in front (share_terminal); pass_on makes a SIGKILL of what the command
#   is deaf to.
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

# needs: Ctrl-C ends a command that is not a shell
# hint: `script -qec "./demo sleep 100" /dev/null`: the demo leads the terminal's session. Which group is in front, and who
#   of yours is in it?
# hint: setpgid(2), ERRORS: EPERM for a session leader. A child of it may change its group.
# hint: `if (setpgid(0, c->pid) == -1) send_ear(c);` in share_terminal: a child joins the group, waits for SIGINT and
#   SIGQUIT with sigwaitinfo(2), and hands them to the demo. pass_on drops them if the command has heard them, too.
@test "Ctrl-C is heard once, too, when the demo leads the terminal's session" {
    requires pty
    with_pty <<'END'
def lead(*args):
    t = Terminal(*os.environ["DEMO"].split(), *args)
    t.expect("ready")
    t.until(lambda: any(is_demo(pid) and is_in_front(pid) for pid in t.processes()))
    return t
t = lead("sh", "-c", "n=0; trap 'n=$((n + 1)); echo heard' INT; trap 'echo signals: $n.; exit' USR1; echo ready; "
         "while [ $((i += 1)) -lt 1000 ]; do sleep 0.1; done")
t.sendintr()
t.expect("heard")
t.until_demo_rests()
os.kill(t.demo(), signal.SIGUSR1)
t.expect(r"signals: (\d+)\.")
assert t.match.group(1) == "1", t.match.group(1)
t.expect(pexpect.EOF)
t = lead("sh", "-c", "echo ready; exec sleep 100")
t.until_in_front("sleep 100")
t.sendintr()
assert t.wait_status() in (130, 137)
END
}

# needs: Ctrl-C ends a command that is not a shell
# hint: The terminal sent it to the command, and you sent it again. How can you tell?
# hint: sigwaitinfo(2): siginfo_t's si_code: SI_KERNEL from a key, SI_USER from kill(2).
# hint: `if (info->si_code == SI_KERNEL) return;` in pass_on (from step02 on only after asking is_deaf).
@test "Ctrl-C once is one signal to the command" {
    requires pty
    with_pty <<'END'
t = demo("sh", "-c", "n=0; trap 'n=$((n + 1)); echo heard' INT; trap 'echo signals: $n.; exit' USR1; echo ready; "
         "while [ $((i += 1)) -lt 1000 ]; do sleep 0.1; done")
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

# needs: a stopped command is waited for
# hint: After Ctrl-Z your shell should show its prompt: it waits for the demo. Who has to stop, and who has to go on
#   at fg?
# hint: credentials(7); raise(3) with SIGSTOP; SIGCONT comes with fg. waitpid(2): WUNTRACED.
# hint: Step01: leave SIGTSTP alone. Later: suspend stops the command, then `raise(SIGSTOP);`, then share_terminal and
#   SIGCONT.
@test "Ctrl-Z in the caller's shell stops the demo, and fg goes on" {
    requires pty
    with_pty <<'END'
t = Terminal("bash", "--norc", "--noprofile", "--noediting", "-i")
t.expect("[#$] ")
t.sendline(os.environ["DEMO"] + " sh -c 'trap \"exit 4\" USR1; echo ready$((1 + 1)); while [ $((i += 1)) -lt 1000 ]; do sleep 0.1; done'")
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

# needs: the exit status is the command's own
# hint: A scene says NOT OBSERVED. Which, and what does it miss?
# hint: Run the demo without a command. The scenes are in scenes.c, `.sees` is what must come out.
# hint: `if (!container.argv[0]) return demonstrate(container.chapter, !container.no_pause);` in main, and then the scene's own feature.
# bats test_tags=upto:06
@test "without a command it gives its demonstration, and observes all it claims" {
    ((10#$STEP < 5)) || requires memory pids cpu
    ((10#$STEP < 6)) || requires veth bridge nat
    # It shows what it does for anybody.
    demo sh -c 'exit 42'
    assert_status 42
    demo
    assert_status 0
    [[ ${lines[-1]} =~ ^demo:\ ([0-9]+)\ of\ ([0-9]+)\ observed$ ]]
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" && ${BASH_REMATCH[1]} != 0 ]]
    # Here is all that they need; a tool's line has 80 columns, beside the folded ones.
    [[ $output != *'left out'* ]]
    run ! grep -E '^.{82}' <<<"$output"
}

# hint: On a terminal there are colours, and a scene begins when the reader says so. When is it plain?
# hint: isatty(3); NO_COLOR in the environment; --no-pause in options.c.
# hint: demonstration.c does it: `demonstrate(container.chapter, !container.no_pause)` in main.
# bats test_tags=upto:06
@test "on a terminal the demonstration waits for Enter, unless it is told not to" {
    requires pty
    with_pty <<'END'
words = os.environ["DEMO"].split()
t = Terminal(*words, "--chapter", "1")
t.expect(r"\[Enter\] ")
assert "\x1b[1m" in t.before and t.before.count("== ") == 1, t.before
t.sendline("")
t.expect(r"\[Enter\] ")
t.sendcontrol("d")
t.expect(r"observed.*\n")
t.expect(pexpect.EOF)
for plain in ["NO_COLOR=1"], ["A=1", "sh", "-c", '"$@" --chapter 1 | cat', "sh"], ["A=1"]:
    t = Terminal("env", *plain, *words, *(["--no-pause"] if plain == ["A=1"] else []), *(["--chapter", "1"] if len(plain) == 1 else []))
    t.expect("observed")
    assert "[Enter]" not in t.before, t.before
    assert ("\x1b" in t.before) == (plain == ["A=1"]), t.before
    t.expect(pexpect.EOF)
END
}

# A program that is being written may do anything: here it is the container's shell that does.
# hint: A scene waits for an end that never comes. Who ends it?
# hint: alarm(2), sigaction(2) without SA_RESTART; kill(2) with a negative PID: a whole process group.
# hint: Nothing to do for you: demonstration.c comes with the step. Its stop_scene ends a scene at its limit.
# bats test_tags=from:04,upto:06
@test "the demonstration ends, even if nothing in it does" {
    rm build
    mkdir build
    cp -a "$ROOTFS" build/rootfs
    rm build/rootfs/bin/sh
    put build/rootfs/bin/sh '#!/bin/busybox yes'
    run_and_show sh -c 'ulimit -f 2000; exec "$@" >said 2>&1' sh "${DEMO_WORDS[@]}"
    assert_status 1
    # Silent, too. Nobody waits here for the minute that each scene has: SIGALRM says that it is over.
    put build/rootfs/bin/sh $'#!/bin/busybox ash\nexec sleep 1000'
    start_demo
    container_pid
    EVENTUALLY_SECONDS=60 eventually ring_until_ended
    wait_for_demo
    assert_status 1
    ((10#$STEP < 5)) || "$TOP/scripts/cleanup"
}

ring_until_ended() {
    kill -ALRM "$demo_pid" 2>/dev/null || true
    sleep 1 # in which it can tidy up
    process_ended "$demo_pid"
}

# needs: without a command it gives its demonstration, and observes all it claims
# hint: What worked in an earlier step has to work in this one. Which scene of which chapter does not?
# hint: Run `demo --chapter N` for each earlier N.
# hint: `return demonstrate(container.chapter, !container.no_pause);` in main; the rest is that scene's feature.
# bats test_tags=from:02,upto:06
@test "--chapter gives an earlier step's demonstration" {
    for ((chapter = 1; chapter < 10#$STEP; chapter++)); do
        ((chapter < 5)) || requires memory pids cpu
        demo --chapter "$chapter"
        assert_status 0
        assert_output_like '*observed*'
    done
}
