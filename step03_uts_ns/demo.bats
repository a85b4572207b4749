#!/usr/bin/env bats
#
# A hostname of its own.  Most of these look from the host, through /proc/PID and with nsenter.
#
# bats file_tags=step03,uts
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

before_each() {
    requires root
    host_name=$(uname -n)
}

# start_ready ARGS...: a container that says "ready" and sleeps; $pid is its process 1.
start_ready() {
    start_demo "$@" sh -c "${script:-:}; echo ready; exec sleep 100"
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
    [[ $(ns_inode "$pid" uts) != "$(ns_inode "$demo_pid" uts)" ]] || fail "its UTS namespace is not its own"
}

# name_in PID: the name that a process of the host gets when it joins the UTS namespace of PID.
name_in() {
    nsenter --uts --target "$1" uname -n
}

# --- Its name ---

@test "its name is container, if it is given no other" {
    demo uname -n
    assert_status 0
    assert_output container
}

@test "its name is the one of --hostname" {
    for name in box x 42 web-1.example.org "$(printf '%064d' 0)"; do
        demo --hostname "$name" uname -n
        assert_status 0
        assert_output "$name"
        demo --hostname="$name" cat /proc/sys/kernel/hostname
        assert_output "$name"
    done
}

@test "the last --hostname counts" {
    demo --hostname one --hostname two uname -n
    assert_output two
}

@test "the host finds the name in the container's namespace" {
    start_ready --hostname box
    [[ $(name_in "$pid") == box ]]
}

@test "the name is there before the command starts, and for what the command starts" {
    demo --hostname box sh -c 'uname -n; sh -c "uname -n"; (uname -n)'
    assert_output $'box\nbox\nbox'
}

# --- The host's name ---

@test "the host keeps its own name while the container has another" {
    start_ready --hostname box
    [[ $(uname -n) == "$host_name" && $(</proc/sys/kernel/hostname) == "$host_name" ]]
    [[ $(name_in "$demo_pid") == "$host_name" ]]
}

@test "a name that is changed in the container stays there" {
    script='hostname mine' start_ready --hostname box
    [[ $(name_in "$pid") == mine ]]
    [[ $(uname -n) == "$host_name" ]]
}

@test "a name that is changed through /proc/sys stays there, too" {
    script='echo mine >/proc/sys/kernel/hostname; echo our.nis >/proc/sys/kernel/domainname' start_ready
    before=$(</proc/sys/kernel/domainname)
    [[ $(name_in "$pid") == mine ]]
    [[ $(nsenter --uts --target "$pid" cat /proc/sys/kernel/domainname) == our.nis ]]
    [[ $(uname -n) == "$host_name" && $(</proc/sys/kernel/domainname) == "$before" && $before != our.nis ]]
}

@test "two containers have two names, and neither sees the other's change" {
    start_ready --hostname one
    one=$pid
    start_ready --hostname two
    nsenter --uts --target "$pid" hostname changed
    [[ $(name_in "$one") == one ]]
    [[ $(name_in "$pid") == changed ]]
}

@test "a new name of the host's does not reach the container" {
    # A UTS namespace that plays the host: the real one keeps its name.
    DEMO_WORDS=(unshare --uts "${DEMO_WORDS[@]}")
    start_ready --hostname box
    nsenter --uts --target "$demo_pid" hostname renamed
    [[ $(name_in "$demo_pid") == renamed ]]
    [[ $(name_in "$pid") == box ]]
}

# --- The namespace ---

# needs: nothing
@test "the UTS namespace is new, and the demo stays in the host's" {
    start_ready
    [[ $(ns_inode "$pid" uts) != "$(ns_inode self uts)" ]]
    [[ $(ns_inode "$demo_pid" uts) == "$(ns_inode self uts)" ]]
}

@test "the PID namespace is still new, and the network is still the host's" {
    start_ready
    [[ $(ns_inode "$pid" pid) != "$(ns_inode self pid)" ]]
    [[ $(ns_inode "$pid" net) == "$(ns_inode self net)" ]]
}

@test "the letter -u, which opens a UTS namespace since step02, changes nothing" {
    demo -u --hostname box uname -n
    assert_status 0
    assert_output box
}

@test "a container that cannot be started has not renamed the host either" {
    demo --hostname box no-such-program
    assert_status 127
    [[ $(uname -n) == "$host_name" ]]
}

@test "without the right to name it there is no container, and no renamed host" {
    # CAP_SYS_ADMIN is what both the namespace and sethostname(2) ask for.
    run_and_show setpriv --bounding-set=-sys_admin "${DEMO_WORDS[@]}" --hostname box touch ran
    assert_status 125
    assert_one_line_error
    [[ ! -e ran && $(uname -n) == "$host_name" ]]
}

# --- Bad names ---

# assert_refused NAME: this name, but not every name.
assert_refused() {
    demo --hostname good uname -n
    assert_output good || return
    demo --hostname "$1" touch "$BATS_TEST_TMPDIR/ran"
    assert_status 2 || return
    [[ -z $output && $stderr == demo:*--hostname* ]] || fail "the error does not name the option" || return
    [[ ! -e $BATS_TEST_TMPDIR/ran ]] || fail "the command ran all the same"
}

@test "a name that is empty, or longer than the kernel's 64 characters, is refused" {
    for name in '' "$(printf '%065d' 0)" "$(printf '%0100000d' 0)"; do
        assert_refused "$name"
        assert_one_line_error
    done
}

@test "a name that could mean something to a shell, a file name or a header is refused" {
    for name in 'a b' ' ' a/b ../.. . -a -- 'a;reboot' '$(reboot)' '`id`' 'a&b' 'a|b' 'a>b' "a'b" 'a"b' 'a\b' a:b a@b a_b \
        '%s%n' 'a=b' '*' å '名'; do
        assert_refused "$name"
        assert_one_line_error
    done
}

@test "a name with control characters is refused" {
    for name in $'a\nb' $'a\n' $'\x1b[31mred' $'a\tb' $'a\rb' $'a\x7f' $'\xff'; do
        assert_refused "$name"
    done
}

# --- What it says ---

@test "-v names the call, and the shell's command for it" {
    demo -v --hostname box true
    assert_status 0
    assert_stderr_like '*sethostname("box")*# hostname box*'
}

@test "the demonstration observes all that it claims" {
    demo --chapter 3
    assert_status 0
    [[ ${lines[-1]} =~ ^demo:\ ([0-9]+)\ of\ ([0-9]+)\ observed$ ]]
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" && ${BASH_REMATCH[1]} != 0 ]]
    [[ $output != *'NOT OBSERVED'* ]]
}
