#!/usr/bin/env bats
#
# Bad input: for each option a value that is missing, malformed, out of range or hostile. All of it must be refused
# before anything is made, by one line that names the option and the value.
#
# bats file_tags=step07,options
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper

before_each() { requires root rootfs; }

# refuses OPTION VALUE...: each value is a usage error, and so is none.
refuses() {
    local option=$1 value
    shift
    demo "$option"
    is_usage_error "$option"
    for value in "$@"; do
        demo "$option" "$value" touch /tmp/ran
        is_usage_error "$option" "$value"
        demo "$option=$value" touch /tmp/ran
        is_usage_error "$option" "$value"
    done
}

is_usage_error() {
    assert_status 2 || return
    [[ -z $output ]] || fail 'a usage error does not belong on standard output' || return
    [[ ${stderr_lines[0]} == demo:* || ${stderr_lines[0]} == rung:* ]] || fail "no program's name" || return
    [[ ${stderr_lines[0]} == *"${1#--}"* ]] || fail "the error does not name the option $1" || return
    # A long value may be cut, and control characters are shown as question marks.
    local shown=${2:0:40}
    [[ $stderr == *"${shown//[[:cntrl:]]/?}"* ]] || fail "the error does not name the value $2"
}

long=$(printf 'x%.0s' {1..5000})

# hint: Which value was accepted? The output names it.
# hint: strtol(3), strtod(3), inet_pton(3): their end pointers and ranges.
# hint: size_of, number_of and parse_address: what is left after the number is an error.
@test "the usual options, in step07's spelling" {
    refuses --hostname '' "$long"
    refuses --rootfs ''
    refuses --without '' no-such-safeguard
    refuses --memory '' lots -1 1e3 0x10 99999999999999999999
    refuses --swap '' lots -5
    refuses --pids '' -1 1.5 99999999999999999999
    refuses --cpus '' 0 nan inf -1
    refuses --ip '' here 10.240.0.2 10.240.0.2/33
    refuses --bridge '' ../x a/b . ..
}

# hint: After -v, --hostname was taken for the value of -v, and lost. Where does the list of letters end?
# hint: getopt_long(3): a letter with a colon has a value; the list is a string, up to its '\0'.
# hint: next_flag in commands/flags.c.
@test "flags that follow a flag of one letter count" {
    local letter
    for letter in i m n p u C v; do
        demo "-$letter" --hostname other hostname
        assert_status 0
        assert_output other || fail "after -$letter" || return
    done
    demo -imnpuCv --hostname other hostname
    assert_status 0
    assert_output other
}

# hint: The name becomes a directory, a cgroup and a line of a list. Which characters can't it have?
# hint: path_resolution(7): "/", "." and "..".
# hint: is_plain_path will not do: letters, digits, _, +, - and . only, and not first the dot.
@test "bad values of --name" {
    refuses --name '' . .. a/b ../x 'a b' $'a\nb' -x/ "$long" 'ü' '*' 'a;b'
    assert_one_line_error '*letters, digits*at most 128*'
}

# hint: What is a variable without a name, or without "="?
# hint: environ(7): NAME=VALUE.
# hint: edit_env: `strcspn(e->value, "=")` must find one, and not at the beginning.
@test "bad values of --env" {
    refuses --env '' =x novalue
}

# hint: Which of these is no number, or one that means "no change"?
# hint: setresuid(2): -1 means "leave it"; strtoul(3) takes a minus sign.
# hint: edit_user in commands/edits_ids.c; 4294967295 is refused as well.
@test "bad values of --user" {
    refuses --user '' root: :0 -1 1.5 0:0:0 4294967295 4294967296 0:-1 '0 0' nobody/x
}

# hint: Relative to what would a relative directory be?
# hint: config.md, "cwd": it must be absolute.
# hint: absolute_path, used by edit_workdir.
@test "bad values of --workdir" {
    refuses --workdir '' relative ../up
}

# hint: SOURCE:TARGET[:ro]. Which part is missing, relative or unknown?
# hint: strchr(3); docker-run(1) knows the form.
# hint: edit_volume in commands/edits.c.
@test "bad values of --volume" {
    refuses --volume '' /tmp /tmp: :/mnt /tmp:relative relative:mnt /tmp:/mnt:rx /tmp:/mnt:ro:ro \
        /tmp:/ /tmp:// /tmp:/. /tmp:/..:ro
}

# hint: Was the source made, or the error late?
# hint: open_tree(2), ERRORS: ENOENT.
# hint: open_source in rootfs/mounts.c dies, and names it; undo_running removes what was made.
@test "--volume: a source that is missing" {
    demo --volume /no/such/source:/mnt true
    assert_status 125
    assert_one_line_error '*/no/such/source*No such file*'
    [[ ! -e /no/such ]]
}

# hint: What directory is the empty word?
# hint: open(2): ENOENT for "".
# hint: edit_layer.
@test "bad values of --layer" {
    refuses --layer ''
}

# hint: Does a name that nobody knows pass as "no change"?
# hint: cap_from_name(3), capabilities(7).
# hint: capability_name, and an error if there is none.
@test "bad values of --cap-add and --cap-drop" {
    for option in --cap-add --cap-drop; do
        refuses "$option" '' NO_SUCH_CAPABILITY 99999
    done
}

# hint: An empty file name: what became of the filter?
# hint: open(2).
# hint: edit_seccomp refuses it.
@test "bad values of --seccomp" {
    refuses --seccomp ''
}

# hint: NAME=SOFT[:HARD]. Which is missing, unknown, or has a soft limit above the hard one?
# hint: getrlimit(2), EINVAL.
# hint: edit_ulimit and rlimit_value.
@test "bad values of --ulimit" {
    refuses --ulimit '' nofile nofile= nofile=x nofile=1:2:3 nofile=-1:5 =1:1
    for value in nosuch=1:1 nofile=200:100; do
        demo --ulimit "$value" true
        ((status == 2 || status == 125)) || fail "accepted: $value" || return
        assert_one_line_error
    done
}

# hint: A key was accepted that is the host's, or that leads elsewhere by way of dots and slashes. How do you compare?
# hint: sysctl(8): "." and "/" may change places; compare the whole path, after that.
# hint: sysctl_path makes one form of it, sysctl_namespace knows what belongs to a namespace.
@test "bad values of --sysctl" {
    refuses --sysctl '' nothing =1
    # Keys that are the host's own, and ways to smuggle one in.
    for key in kernel.core_pattern=x kernel.shm_rmid_forced/../core_pattern=x net/../kernel/core_pattern=x \
        ../kernel/core_pattern=x kernel.modprobe=/x vm.swappiness=1 fs.mqueue./../../kernel.core_pattern=x 'kernel.msgmax+kernel.core_pattern=x'; do
        before=$(</proc/sys/kernel/core_pattern)
        demo --sysctl "$key" true
        ((status == 2 || status == 125)) || fail "accepted: $key"
        assert_one_line_error
        [[ $(</proc/sys/kernel/core_pattern) == "$before" ]]
    done
}

# hint: From where to where does it go?
# hint: proc(5), /proc/PID/oom_score_adj: -1000 to 1000.
# hint: The row "oom-score-adj" of FLAGS in commands/options.c: `.least = -1000, .most = 1000`.
@test "bad values of --oom-score-adj" {
    refuses --oom-score-adj '' x 1001 -1001 1.5
}

# hint: Seconds, perhaps with a fraction: what about "1.x"?
# hint: time_namespaces(7); strtol(3) and its end pointer.
# hint: edit_time_offset.
@test "bad values of --time-offset" {
    refuses --time-offset '' x 1.x
}

# hint: INSIDE:OUTSIDE:LENGTH: what is missing, too long, or overlaps?
# hint: user_namespaces(7), "User and group ID mappings".
# hint: edit_map reads one, overlap looks at all.
@test "bad values of --uidmap and --gidmap" {
    for option in --uidmap --gidmap; do
        refuses "$option" '' 0 0:1 0:1:x 0:1:2:3 -1:0:1 0:0:4294967297
    done
    demo --uidmap 0:100000:10 --uidmap 5:200000:10 true
    ((status == 2 || status == 125))
    assert_one_line_error
}

# hint: The command ran, and only then the file could not be written. When can you know?
# hint: open(2) with O_CREAT before the start; rename(2).
# hint: write_pid_file before the command is let go.
@test "--pid-file in a directory that is missing: nothing runs" {
    demo --pid-file /no/such/dir/pid echo ran
    assert_status 125
    assert_output ''
    assert_one_line_error '*/no/such/dir/pid*'
}

# hint: --tty=yes: who looks whether a flag takes a value?
# hint: getopt_long(3) calls it no_argument; here the tables say it.
# hint: The tables of commands/flags.c and commands/options.c.
@test "options that take no value" {
    for option in --read-only --overlay --tty --init --userns --new-privs --nat; do
        demo "$option=yes" true
        is_usage_error "$option"
    done
}

# hint: A program that has printed does not know yet whether it arrived. When does it?
# hint: fflush(3) and ferror(3) of stdout, before the program ends: atexit(3). Try features >/dev/full.
# hint: check_output in main.c.
@test "what was printed and did not arrive is an error" {
    local words
    for words in features list --version --help "run --help"; do
        # shellcheck disable=SC2086 # words
        run_and_show sh -c 'exec "$0" "$@" >/dev/full' "$DEMO_PROGRAM" $words
        assert_status 125
        [[ $stderr == *': write to standard output: No space left on device' ]] ||
            fail "$words: $stderr"
    done
}

# hint: Each command has its own flags, and its own number of words. Which was not checked?
# hint: getopt_long(3), optind. Usage errors are status 2.
# hint: The table of commands in main.c, next_flag in commands/flags.c.
@test "an option of another command, and a command that is none" {
    rung run --force true
    assert_status 2
    rung no-such-command
    assert_status 2
    assert_stderr_like '*no-such-command*'
    rung delete
    assert_status 2
    rung state
    assert_status 2
    rung delete ../x
    ((status != 0))
    assert_one_line_error '*../x*'
    rung state a b
    assert_status 2
}

# hint: What could another user put into that directory?
# hint: stat(2): st_uid and the write bits of st_mode.
# hint: config/state.c checks owner and mode before it is used.
@test "--root: a directory that others may write to is refused" {
    mkdir -m 777 shared
    rung --root "$PWD/shared" run echo ran
    assert_status 125
    assert_output ''
    assert_one_line_error '*shared*'
}

# hint: Which of these made it run, crash, or say nothing of the file's name?
# hint: json_loadf(3) of jansson: JSON_REJECT_DUPLICATES and JSON_DECODE; json_error_t says the line.
# hint: load_config and check_bundles_file: everything is checked first.
@test "--bundle and --config: what is missing or no JSON" {
    for file in /no/such/bundle "$ROOTFS"; do
        rung run --bundle "$file" x
        assert_status 125
        assert_one_line_error "*$file*"
    done
    rung run --config /no/such/config.json x
    assert_status 125
    assert_one_line_error '*/no/such/config.json*'
    mkdir bundle
    for text in '' '{' '[]' 'null' '{"ociVersion": 5}' '{"ociVersion": "1.0.0"}' '{"a": 1, "a": 2}' $'\xff\xfe{}'; do
        printf '%s' "$text" >bundle/config.json
        rung run --bundle bundle x
        assert_status 125
        assert_one_line_error '*config.json*'
    done
    # Nested without end, and very long.
    python3 -c 'print("[" * 200000)' >bundle/config.json
    rung run --bundle bundle x
    assert_status 125
    assert_one_line_error
    python3 -c 'print("{\"ociVersion\": \"" + "1" * 20000000 + "\"}")' >bundle/config.json
    rung run --bundle bundle x
    assert_status 125
    assert_one_line_error
}

# hint: Where do tutorials look for what `spec` has made, and what do they change in it?
# hint: runc-spec(8): config.json in the bundle, and never over one that is there; fopen(3), "x".
# hint: write_config in commands/spec.c; example_config in commands/defaults.c.
@test "spec writes runc's example into the bundle, and never over a config.json" {
    mkdir bundle
    cp -a "$ROOTFS" bundle/rootfs
    rung spec --bundle bundle
    assert_status 0
    assert_output ''
    (($(stat -c %a bundle/config.json) == 644))
    python3 - bundle/config.json <<'END'
import json, sys
c = json.load(open(sys.argv[1]))
assert c["root"] == {"path": "rootfs", "readonly": True} and "annotations" not in c
p = c["process"]
assert p["terminal"] is True and p["args"] == ["sh"] and p["cwd"] == "/" and p["noNewPrivileges"] is True
assert p["user"] == {"uid": 0, "gid": 0} and p["rlimits"] == [{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}]
few = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
assert [p["capabilities"][s] for s in ("bounding", "effective", "permitted")] == 3 * [few]
assert [m["destination"] for m in c["mounts"]] == ["/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys",
                                                   "/sys/fs/cgroup"]
assert sorted(n["type"] for n in c["linux"]["namespaces"]) == ["cgroup", "ipc", "mount", "network", "pid", "uts"]
END
    # As tutorials go on.
    sed -i 's|"sh"|"sh", "-c", "id -u; touch /x"|; s/"terminal": true/"terminal": false/' bundle/config.json
    cp bundle/config.json before
    rung spec --bundle bundle
    assert_status 125
    assert_one_line_error '*bundle/config.json: it is there already*'
    cmp before bundle/config.json
    cd bundle
    rung run from-a-tutorial
    assert_status 1
    assert_output 0
    assert_stderr_like '*Read-only file system*'
    # Flags change the example; another name for it is --config.
    rung spec --config other.json --memory 64M -- echo hello
    assert_status 0
    rung spec --print --config other.json
    [[ $output == *'"limit": 67108864'* && $output == *'"hello"'* && $output == *'"path": "rootfs"'* ]]
    ln -s nowhere dangling.json
    for file in /no/such/dir/config.json dangling.json; do
        rung spec --config "$file"
        assert_status 125
        assert_one_line_error "*$file*"
    done
    rung run --print true
    assert_status 2
}

# hint: For whom is it: who writes it, or who runs it?
# hint: `rung spec`, and then `sudo rung run`; runc-spec(8), --rootless.
# hint: options_parse calls edit_for_user for those that are to run it now.
@test "spec by an ordinary user: the same example, and with --rootless one for them" {
    "$DEMO_PROGRAM" spec --config root.json
    make_public_copies
    mkdir -m 777 "$PUBLIC/bundle"
    run_and_show "${AS_NOBODY[@]}" "$PUBLIC/demo" spec --bundle "$PUBLIC/bundle"
    assert_status 0
    cmp root.json "$PUBLIC/bundle/config.json"
    run_and_show "${AS_NOBODY[@]}" "$PUBLIC/demo" spec --config "$PUBLIC/bundle/mine.json" --rootless
    assert_status 0
    run_and_show grep -A 3 -e '"type": "user"' -e Mappings "$PUBLIC/bundle/mine.json"
    assert_output_like '*"user"*uidMappings*"containerID": 0,*gidMappings*'
}

# hint: What does `spec --print` begin with?
# hint: runc-run(8): --bundle; flags edit what is there.
# hint: find_config in commands/options.c.
@test "spec --print: what flags make of the built-in config.json, or of a bundle's" {
    mkdir bundle
    rung spec --print --hostname first -- true
    assert_status 0
    printf '%s\n' "$output" >bundle/config.json
    rung spec --print --bundle bundle --workdir /tmp
    assert_status 0
    assert_output_like '*"hostname": "first"*"cwd": "/tmp"*'
    # No container's name comes first, as it does in run.
    rung spec --print --bundle bundle echo here
    assert_output_like '*"args": [[]*"echo",*"here"*'
    rung spec --print --bundle "$ROOTFS"
    assert_status 125
    assert_one_line_error "*$ROOTFS/config.json: No such file*"
}

# hint: Compare what `spec` prints with the file: what did you change that nobody asked for?
# hint: config.md: what is not there is not there. The default values belong to a config.json of your own.
# hint: edit_by_flags does nothing where no flag was given; commands/edits.c.
@test "without flags, config.json stays as it is" {
    "$DEMO_PROGRAM" spec --print --memory 50M --user 5:6 --cap-add CAP_KILL -- true |
        python3 -c '
import json, sys
config = json.load(sys.stdin)
del config["linux"]["resources"]["memory"]["swap"]
config["process"]["capabilities"]["permitted"].append("CAP_CHOWN")
config["process"]["capabilities"]["effective"].append("CAP_CHOWN")
json.dump(config, sys.stdout, indent=4)
print()' >config.json
    rung spec --print --config config.json
    assert_status 0
    assert_output "$(<config.json)"
}

# hint: One word can be a name or a command. Which is it, and what does -- say?
# hint: runc-run(8); getopt_long(3).
# hint: find_config in commands/options.c: a config.json that is there is used or refused; ID comes first.
@test "run ID in a bundle's directory is that bundle's container; after -- it is a command" {
    mkdir bundle
    "$DEMO_PROGRAM" spec --print --rootfs "$ROOTFS" --no-tty -- echo from the bundle >bundle/config.json
    cd bundle
    rung run some-name
    assert_status 0
    assert_output 'from the bundle'
    rung run --env A=b some-name
    assert_output 'from the bundle'
    rung run --rootfs "$ROOTFS" -- hostname
    assert_output container
    rung run --rootfs "$ROOTFS" echo several words
    assert_output 'several words'
}

# hint: Something is there under the name of config.json, and another container was run instead of that one.
# hint: lstat(2) says whether it is there; what it holds is another question.
# hint: is_beside_config and load_config in commands/options.c.
@test "run ID beside a config.json: that is used or refused by name, whatever it is" {
    full=$("$DEMO_PROGRAM" spec --print --rootfs "$ROOTFS" --no-tty -- echo from the bundle)
    # Truncated, empty, binary, another program's.
    for text in "${full:0:500}" '' $'\x7fELF\x02' '{"version": 1}' '[]' null; do
        printf '%s' "$text" >config.json
        rung run --rootfs "$ROOTFS" hostname
        assert_status 125
        assert_output ''
        assert_one_line_error "*$PWD/config.json*" || return
    done
    printf '{}\0' >config.json
    rung run --rootfs "$ROOTFS" hostname
    assert_one_line_error "*$PWD/config.json: has a zero byte"
    echo '{"version": 1}' >config.json
    rung run --rootfs "$ROOTFS" hostname
    assert_one_line_error '*no ociVersion (to run hostname as a command: run -- hostname)'
    rung run --rootfs "$ROOTFS" -- hostname
    assert_output container
    # No file, or one that cannot be read.
    rm config.json
    for make in 'mkdir config.json' 'mkfifo config.json' 'ln -s config.json config.json' 'ln -s nowhere config.json'; do
        $make
        rung run --rootfs "$ROOTFS" hostname
        assert_status 125
        assert_output ''
        assert_one_line_error "*$PWD/config.json: *" || return
        rm -r config.json
    done
    make_public_copies
    mkdir -m 755 "$PUBLIC/bundle"
    echo "$full" >"$PUBLIC/bundle/config.json"
    chmod 600 "$PUBLIC/bundle/config.json"
    cd "$PUBLIC/bundle"
    run_and_show "${AS_NOBODY[@]}" "$PUBLIC/demo" run --rootfs "$PUBLIC/rootfs" hostname
    assert_status 125
    assert_output ''
    assert_one_line_error '*/config.json: Permission denied'
}

# hint: Who waits for whom when a pipe is opened?
# hint: fifo(7): O_NONBLOCK; a bundle's config.json is a regular file.
# hint: read_file_at in base/files.c, check_bundles_file in commands/options.c.
@test "a pipe instead of a file: nobody waits for a writer, and who writes is read" {
    # shellcheck disable=SC2034 # demo reads it
    DEMO_LIMIT=5
    mkfifo config.json pipe
    # It has a writer, who says nothing.
    sleep 1000 3>&- 4>&- 1<>config.json &
    silent=$!
    for args in 'run x' 'run --bundle . x' 'create x' 'run --config pipe x' 'spec --print --seccomp pipe'; do
        read -ra words <<<"$args"
        rung "${words[@]}" || { kill "$silent" && return 1; }
        [[ $stderr == *config.json:\ not\ a\ regular\ file || $stderr == *pipe:*is\ empty* ]]
        assert_one_line_error
    done
    kill "$silent"
    start_demo --name has-a-pipe sleep 1000
    container_pid >/dev/null
    rung exec --process pipe has-a-pipe
    assert_one_line_error '*pipe: is empty'
    rung update --resources pipe has-a-pipe
    assert_one_line_error '*pipe: is empty'
    stop_demo
    "$DEMO_PROGRAM" spec --print --rootfs "$ROOTFS" --no-tty -- echo through a pipe >good
    (sleep 0.2; cat good) >pipe &
    rung run --config pipe x
    [[ $output == 'through a pipe' || $stderr == *'is empty' ]]
    wait $!
    rung run --config <(sleep 0.2; cat good) x
    assert_output 'through a pipe'
}

# hint: It ended, and nothing of it was left to look at.
# hint: runc-run(8): --keep.
# hint: container_finish in container/container.c.
@test "run --keep leaves the container for state and delete" {
    mkdir bundle
    "$DEMO_PROGRAM" spec --print --rootfs "$ROOTFS" --no-tty -- sh -c 'exit 3' >bundle/config.json
    rung run --no-subreaper --keep --bundle bundle kept
    assert_status 3
    rung state kept
    assert_output_like '*"status": "stopped"*'
    rung run --bundle bundle kept
    assert_status 125
    assert_one_line_error '*this id*'
    rung delete kept
    assert_status 0
    rung run --bundle bundle kept
    assert_status 3
    rung state kept
    assert_status 1
}

# hint: Where does the reason belong, and where does the hint begin?
# hint: printf(3): a value may have parentheses in it; the words of your format you know.
# hint: find_hint in base/report.c looks into the format.
@test "an error about a file whose name has parentheses" {
    rung --log 'no/such (file)' list
    assert_status 125
    assert_one_line_error '*: open the log no/such (file): No such file or directory'
}

# hint: Which command took a flag of another one, or said nothing to --help?
# hint: getopt_long(3): a table for each command.
# hint: print_flags and next_flag in commands/flags.c.
@test "each command has --help, and refuses a flag that it does not have" {
    for command in run create start exec kill delete state list spec ps pause resume update events features; do
        rung "$command" --help
        assert_status 0
        assert_output_like "usage: * $command *"
        [[ -z $stderr ]]
        rung "$command" --no-such-flag x
        assert_status 2
        assert_one_line_error '*--no-such-flag: unknown option*'
    done
}
