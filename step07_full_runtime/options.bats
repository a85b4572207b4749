#!/usr/bin/env bats
#
# Bad input: for each option a value that is missing, malformed, out of range or hostile. All of it must be refused
# before anything is made, by one line that names the option and the value.
#
# bats file_tags=step07,options
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

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

# points: 2
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

# hint: The name becomes a directory, a cgroup and a line of a list. Which characters can't it have?
# hint: path_resolution(7): "/", "." and "..".
# hint: is_plain_path will not do: letters, digits, _, +, - and . only, and not first the dot.
@test "bad values of --name" {
    refuses --name '' . .. a/b ../x 'a b' $'a\nb' -x/ "$long" 'ü' '*' 'a;b'
}

# hint: What is a variable without a name, or without "="?
# hint: environ(7): NAME=VALUE.
# hint: edit_env: strchr(value, '=') must find one, and not at the beginning.
@test "bad values of --env" {
    refuses --env '' =x novalue
}

# hint: Which of these is no number, or one that means "no change"?
# hint: setresuid(2): -1 means "leave it"; strtoul(3) takes a minus sign.
# hint: skip_number in edits_ids.c; 4294967295 is refused as well.
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
# hint: edit_volume in edits.c.
@test "bad values of --volume" {
    refuses --volume '' /tmp /tmp: :/mnt /tmp:relative relative:mnt /tmp:/mnt:rx /tmp:/mnt:ro:ro \
        /tmp:/ /tmp:// /tmp:/. /tmp:/..:ro
}

# hint: Was the source made, or the error late?
# hint: open_tree(2), ERRORS: ENOENT.
# hint: mounts_open_sources: in the parent's plan, before anything is made.
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

# points: 2
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
# hint: edit_oom_score.
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
# hint: The tables of flags.c and options.c.
@test "options that take no value" {
    for option in --read-only --overlay --tty --init --userns --new-privs --nat; do
        demo "$option=yes" true
        is_usage_error "$option"
    done
}

# points: 2
# hint: Each command has its own flags, and its own number of words. Which was not checked?
# hint: getopt_long(3), optind. Usage errors are status 2.
# hint: The table of commands in main.c, next_flag in flags.c.
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
# hint: state.c checks owner and mode before it is used.
@test "--root: a directory that others may write to is refused" {
    mkdir -m 777 shared
    rung --root "$PWD/shared" run echo ran
    assert_status 125
    assert_output ''
    assert_one_line_error '*shared*'
}

# points: 2
# hint: Which of these made it run, crash, or say nothing of the file's name?
# hint: json_loadf(3) of jansson: JSON_REJECT_DUPLICATES and JSON_DECODE; json_error_t says the line.
# hint: load_config and load_spec: everything is checked first.
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

# hint: There is no config.json to begin with. What does `spec` print then?
# hint: runc-spec(8): it makes a default one.
# hint: load_spec falls back to defaults.c; find_config says which.
@test "spec --bundle: of a bundle that has no config.json yet, as of one that has" {
    mkdir bundle
    # The shell has made an empty file by then.
    "$DEMO_PROGRAM" spec --bundle bundle --hostname first -- true >bundle/config.json
    rung spec --bundle bundle --workdir /tmp
    assert_status 0
    assert_output_like '*"hostname": "first"*"cwd": "/tmp"*'
    # No container's name comes first, as it does in run.
    rung spec --bundle bundle echo here
    assert_output_like '*"args": [[]*"echo",*"here"*'
}

# points: 2
# hint: Compare what `spec` prints with the file: what did you change that nobody asked for?
# hint: config.md: what is not there is not there. The default values belong to a config.json of your own.
# hint: edit_by_flags does nothing where no flag was given; edits.c.
@test "without flags, config.json stays as it is" {
    "$DEMO_PROGRAM" spec --memory 50M --user 5:6 --cap-add CAP_KILL -- true |
        python3 -c '
import json, sys
config = json.load(sys.stdin)
del config["linux"]["resources"]["memory"]["swap"]
config["process"]["capabilities"]["permitted"].append("CAP_CHOWN")
config["process"]["capabilities"]["effective"].append("CAP_CHOWN")
json.dump(config, sys.stdout, indent=4)
print()' >config.json
    rung spec --config config.json
    assert_status 0
    assert_output "$(<config.json)"
}

# hint: One word can be a name or a command. Which is it, and what does -- say?
# hint: runc-run(8); getopt_long(3).
# hint: is_bundles in run.c.
@test "run ID in a bundle's directory is that bundle's container; after -- it is a command" {
    mkdir bundle
    "$DEMO_PROGRAM" spec --rootfs "$ROOTFS" --no-tty -- echo from the bundle >bundle/config.json
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
    # Some other program's file of that name.
    echo '{"version": 1}' >config.json
    rung run --rootfs "$ROOTFS" hostname
    assert_output container
}

# hint: Which command took a flag of another one, or said nothing to --help?
# hint: getopt_long(3): a table for each command.
# hint: print_help and find_option in flags.c.
@test "each command has --help, and refuses a flag that it does not have" {
    for command in run create start exec kill delete state list spec ps pause resume update events; do
        rung "$command" --help
        assert_status 0
        assert_output_like "usage: * $command *"
        [[ -z $stderr ]]
        rung "$command" --no-such-flag x
        assert_status 2
        assert_one_line_error '*--no-such-flag: unknown option*'
    done
}
