#!/usr/bin/env bats
#
# What comes with the program: `make install`, the manual, what bash completes, and what `features` promises.
#
# bats file_tags=step07,install
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper

here=$TOP/step07_full_runtime

# flags_of COMMAND...: those that its --help lists.
flags_of() {
    "$DEMO_PROGRAM" "$@" --help | grep -o '^  --[a-z-]*' | tr -d ' '
}

commands() {
    "$DEMO_PROGRAM" --help | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p'
}

# hint: Which of the three is missing, or has another mode?
# hint: install(1): -m; DESTDIR comes before PREFIX.
# hint: The target "install" of the Makefile: `install -D -m 644 step07_full_runtime/rung.1 $(INSTALLED_MANUAL)`, and so on.
@test "make install puts the program, its manual and its completion below PREFIX, and uninstall takes them away" {
    [[ -x $here/demo ]] || fail 'step07 is not built'
    make -C "$TOP" install DESTDIR="$PWD/to" PREFIX=/opt/x STATIC=none
    find to -type f | sort
    [[ $(find to -type f -printf '%P %m\n' | sort) == 'opt/x/bin/rung 755
opt/x/share/bash-completion/completions/rung 644
opt/x/share/man/man1/rung.1 644' ]]
    run_and_show to/opt/x/bin/rung --version
    assert_status 0
    assert_output_like 'rung version *spec: 1.3.0*'
    make -C "$TOP" uninstall DESTDIR="$PWD/to" PREFIX=/opt/x
    [[ -z $(find to -type f) ]]
}

# hint: An overflow in a program of root's is a way in. What may the compiler put in its way?
# hint: gcc(1), "Program Instrumentation Options"; ld(1), -z relro and -z now.
# hint: `HARDENING` in the Makefile; build/plain/hardening has what the compiler knew of it.
@test "the program is built with what keeps a mistake from becoming a way in" {
    readelf --dynamic --segments --symbols --notes --wide "$here/demo" >elf
    # Tables that are read-only once it runs; a place that nobody can guess; a guard before each return address;
    # calls of the C library that know how long a buffer is.
    for word in GNU_RELRO NOW PIE __stack_chk_fail@ __snprintf_chk@; do
        grep -q -e "$word" elf || fail "$word is missing"
    done
    # Jumps land where a jump may land.
    [[ $(uname -m) != x86_64 ]] || grep -q -e -fcf-protection "$TOP/build/plain/hardening"
}

# hint: Which of the two programs did not start, or should not have?
# hint: ld(1), -static; execve(2).
# hint: "make static", and library_prepare in base/library.c.
@test "make install takes the static program; it leaves to the plain one what needs a library, or says so" {
    requires root rootfs
    [[ -x $here/demo ]] || fail 'step07 is not built'
    [[ -e $(gcc -print-file-name=libseccomp.a) && -e $(gcc -print-file-name=libjansson.a) ]] && type -P musl-gcc >/dev/null ||
        skip 'not applicable: this distribution has no libraries to link statically'
    static=$PWD/build/step07/demo
    make -C "$TOP" --no-print-directory VARIANT=static BUILD="$PWD/build" CFLAGS=-O0 PREFIX="$PWD/to" "$static" >build.log 2>&1 || {
        cat build.log
        fail 'make static'
    }
    [[ $(<build.log) != *warning* ]] || fail "$(<build.log)"
    make -C "$TOP" install PREFIX="$PWD/to" STATIC="$static"
    [[ -x to/lib/rung/rung ]]
    run ldd to/bin/rung
    assert_output_like '*not a dynamic executable*'
    run_and_show to/bin/rung run -v --no-tty -- echo static
    assert_status 0
    [[ $output == static && $stderr != *'execve("'*lib/rung/rung* ]]
    # It runs from the copy of its file before its C library begins, which first says where its thread keeps its number;
    # a kernel that does not restore processes (ns_last_pid is for that, too) won't have it so: it starts anew from there.
    if type -P strace >/dev/null; then
        strace_start() { strace -qq -o calls -e trace=set_tid_address,execveat,prctl "$@" to/bin/rung run --no-tty -- true; }
        strace_start
        [[ ! -e /proc/sys/kernel/ns_last_pid ||
            $(<calls) == 'prctl(PR_SET_MM, PR_SET_MM_MAP, '*') = 0'$'\n''set_tid_address('* && $(<calls) != *'execveat('* ]]
        strace_start -e inject=prctl:error=EINVAL:when=1
        [[ $(<calls) == 'prctl('*' = -1 EINVAL '*$'\n''execveat('*$'\n''set_tid_address('* ]]
    fi
    # ps(1) knows it by all its words still.
    DEMO_PROGRAM=$PWD/to/bin/rung DEMO_WORDS=("$PWD/to/bin/rung" run)
    start_demo --no-tty -- sleep 100
    container_pid
    [[ $(tr '\0' ' ' </proc/"$demo_pid"/cmdline) == "${DEMO_WORDS[*]} --no-tty -- sleep 100 " ]]
    stop_demo
    run_and_show to/bin/rung run -v --no-tty --ip 10.241.7.2/24 --bridge rung-static -- echo plain
    assert_status 0
    [[ $output == plain && $stderr == *"execve(\"$PWD/to/lib/rung/rung\")"* ]]
    rm to/lib/rung/rung
    run_and_show to/bin/rung run --no-tty --ip 10.241.7.2/24 --bridge rung-static -- echo static
    assert_status 0
    assert_output static
    run_and_show to/bin/rung run --no-tty --ip 10.241.7.2/24 --bridge rung-static --nat -- echo plain
    assert_status 125
    [[ $stderr == *"this program is static, and $PWD/to/lib/rung/rung is not there: No such file or directory"* && $stderr != *$'\n'* ]]
}

# hint: Something is new in the program and not in the manual. The output names it.
# hint: mdoc(7): .It Fl, .Cm.
# hint: step07_full_runtime/rung.1: a line of its own, `.It Fl flag`.
@test "the manual names every command, flag, status and annotation" {
    missing=
    for command in $(commands); do
        grep -qE "^\.(Cm|It Cm).*\b$command\b" "$here/rung.1" || missing+=" $command"
        for flag in $(flags_of "$command"); do
            # mdoc adds one of the two dashes.
            grep -qE -- "^\.(Op|It|Fl).* -?${flag#-}( |$)|^\.Fl ${flag#-}$" "$here/rung.1" ||
                missing+=" $command$flag"
        done
    done
    for flag in $(flags_of); do
        grep -qE -- "^\.It Fl.* ?${flag#-}( |$)" "$here/rung.1" || missing+=" $flag"
    done
    for note in $(grep -oh '"io\.rung\.[a-z]*"' "$here"/config/spec*.c | tr -d '"' | sort -u); do
        grep -qF "$note" "$here/rung.1" || missing+=" $note"
    done
    [[ -z $missing ]] || fail "not in the manual:$missing"
    for number in 125 126 127 128; do
        grep -q "^.It $number" "$here/rung.1"
    done
}

# hint: mandoc says where. What is missing there?
# hint: mandoc(1): -T lint; mdoc(7).
# hint: step07_full_runtime/rung.1, the line that it names.
@test "the manual has no mistakes" {
    if command -v mandoc; then
        mandoc -T lint -W warning "$here/rung.1"
    elif command -v groff; then
        [[ -z $(groff -ww -man -T utf8 -z "$here/rung.1" 2>&1) ]]
    else
        # Neither is in the VM; "make lint" checks it.
        grep -q '^\.Sh EXIT STATUS$' "$here/rung.1"
    fi
}

# hint: Who asks for the version, and by which flag? What do they look for in it?
# hint: runc(8) and crun(1), --version: "spec: ", "libseccomp: ", "+SECCOMP".
# hint: print_version in commands/globals.c.
@test "--version and -v say what tools read of runc and of crun; help is a command, too" {
    mkdir bin
    for name in rung runc; do
        ln -s "$DEMO_PROGRAM" "bin/$name"
        for flag in --version -v; do
            run_and_show "bin/$name" "$flag"
            assert_status 0
            [[ -z $stderr && ${lines[0]} =~ ^$name\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
            [[ $output == *'rung version '* && $output =~ $'\nspec: 1.3.0\nlibseccomp: '[0-9]+\.[0-9]+\.[0-9]+ ]]
            [[ ${lines[-1]} == '+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF' ]]
        done
    done
    rung --help
    help=$output
    rung help
    assert_output "$help"
    rung help kill
    assert_status 0
    assert_output_like 'usage: * kill *'
    rung help nothing
    assert_status 2
    rung --criu /usr/sbin/criu --rootless false list
    assert_status 0
}

# completes WORD...: what bash offers for the last word, as a sorted list in $output.
completes() {
    mkdir -p bin
    ln -sf "$DEMO_PROGRAM" bin/rung
    output=$(PATH=$PWD/bin:$PATH bash -c '
        source "$1/rung.bash"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _rung
        printf "%s\n" "${COMPREPLY[@]}" | sed /^\$/d' - "$here" "$@" | sort | tr '\n' ' ')
    printf '$ %s<TAB>\n%s\n' "$*" "$output"
}

# hint: Which word did it offer, or not offer?
# hint: bash(1), "Programmable Completion": COMP_WORDS, COMPREPLY.
# hint: The function for bash in step07_full_runtime asks `rung --help`, so a flag has to be in the table.
@test "bash completes commands, flags and values" {
    completes rung ''
    [[ $output == "$(commands | sort | tr '\n' ' ')" && $output == *features*run* ]]
    completes rung st
    assert_output 'start state '
    completes rung help st
    assert_output 'start state '
    completes rung --root / de
    assert_output 'delete '
    completes rung --log-format ''
    assert_output 'json text '
    completes rung --log-format = j
    assert_output 'json '
    completes rung run --mem
    assert_output '--memory --memory-high '
    completes rung run --memory 5M --mem
    assert_output '--memory --memory-high '
    completes rung exec --no
    assert_output '--no-new-privs '
    completes rung run --seccomp unc
    assert_output 'unconfined '
    completes rung run --cap-add CAP_NET_A
    assert_output 'CAP_NET_ADMIN '
    completes rung run --without own
    assert_output 'own-binary '
    completes rung kill some SIGK
    assert_output 'SIGKILL '
    completes rung nothing ''
    assert_output ''
}

# hint: Where do the names come from?
# hint: bash(1), compgen -W.
# hint: The completion runs `rung list -q`.
@test "bash completes the names of containers" {
    requires root rootfs
    start_demo --name completed-1 sleep 1000
    container_pid >/dev/null
    for command in state kill exec delete; do
        completes rung "$command" compl
        assert_output 'completed-1 '
    done
    completes rung state completed-1 c
    assert_output ''
    stop_demo
}

# hint: Which key is missing, or of another type?
# hint: features.md and features-linux.md of the OCI specification.
# hint: commands/features.c; what it lists comes from the same tables that the parser uses.
@test "features: JSON with what the specification asks for" {
    rung features
    assert_status 0
    [[ -z $stderr ]]
    python3 - "$BATS_TEST_TMPDIR/stdout" <<'END'
import json, sys
f = json.load(open(sys.argv[1]))
assert f["ociVersionMin"] == "1.0.0" and f["ociVersionMax"] == "1.3.0"
assert f["hooks"] == ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
must = """async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime nodev nodiratime noexec
noiversion nolazytime norelatime nostrictatime nosuid private rbind relatime remount ro rprivate rshared rslave
runbindable rw shared silent slave strictatime suid sync unbindable""".split()
should = """nosymfollow ratime rdev rdiratime rexec rnoatime rnodiratime rnoexec rnorelatime rnostrictatime rnosuid
rnosymfollow rrelatime rro rrw rstrictatime rsuid rsymfollow symfollow idmap ridmap tmpcopyup""".split()
assert not set(must + should) - set(f["mountOptions"]), set(must + should) - set(f["mountOptions"])
l = f["linux"]
assert sorted(l["namespaces"]) == ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]
assert len(l["capabilities"]) >= 41 and "CAP_CHECKPOINT_RESTORE" in l["capabilities"]
assert l["cgroup"] == {"v1": False, "v2": True, "systemd": True, "systemdUser": True, "rdma": True}
s = l["seccomp"]
assert s["enabled"] and len(s["actions"]) == 9 and len(s["operators"]) == 7 and "SCMP_ARCH_X86_64" in s["archs"]
assert len(s["knownFlags"]) == 4 and not set(s["supportedFlags"]) - set(s["knownFlags"]) and s["supportedFlags"]
assert len(l["memoryPolicy"]["modes"]) == 7 and len(l["memoryPolicy"]["flags"]) == 3
assert l["intelRdt"] == {"enabled": False} and l["netDevices"]["enabled"] and l["mountExtensions"]["idmap"]["enabled"]
assert l["apparmor"]["enabled"] and l["selinux"]["enabled"]
assert all(isinstance(v, str) for v in f["annotations"].values())
assert {"io.rung.", "run.oci.hooks."} <= set(f["potentiallyUnsafeConfigAnnotations"])
END
    rung features now
    assert_status 2
}

# hint: A scene says NOT OBSERVED, or was left out although this machine has what it needs. Which?
# hint: Run the program without a command in the tree's top directory. The scenes are in commands/scenes.c.
# hint: `return demonstrate(!globals.no_pause);` in main, when no command is given.
@test "without a command it gives its demonstration, and observes all it claims" {
    requires memory pids cpu veth bridge nat pty
    cd "$TOP"
    run_and_show "$here/demo"
    assert_status 0
    [[ ${lines[-1]} =~ :\ ([0-9]+)\ of\ ([0-9]+)\ observed$ && ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" ]]
    # Two are left out at most: the ordinary user may not reach this directory, and a kernel may have no time namespaces.
    (($(grep -c '^  left out' <<<"$output") <= 2))
    run ! grep -E '^.{82}' <<<"$output"
    [[ $output != *$'\e'* && $output != *'[Enter]'* ]]
    with_pty <<'END'
t = Terminal(os.environ["DEMO"].split()[0])
t.expect(r"\[Enter\] ")
assert "\x1b[1m" in t.before and t.before.count("== ") == 1, t.before
END
}

# hint: A terminal in raw mode needs a carriage return before each newline. Who writes when it is raw?
# hint: termios(3): OPOST. And who speaks? getpid(2)
# hint: base/report.c: write_line asks the terminal; narrate begins with "demo[PID]: ".
@test "-v says who speaks, and its lines begin at the left on a raw terminal" {
    requires pty
    with_pty <<'END'
t = Terminal(*os.environ["DEMO"].split(), "-v", "true")
t.expect(pexpect.EOF)
lines = t.before.split("\n")
assert len(lines) > 30 and all(line == "" or line.endswith("\r") for line in lines), lines
speakers = {line.split(":")[0] for line in lines if line}
assert any(s.endswith("[1]") for s in speakers) and len(speakers) == 2, speakers
END
}
