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

after_each() { end_commands; }

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

# --- The namespace ---

# points: 14
# needs: nothing
# chapter: The idea
# hint: Compare /proc/PID/ns/uts of the command, of the demo and of your shell. Which should differ?
# hint: uts_namespaces(7) and clone3(2): one flag more. unshare(2) in the demo would move the demo, too.
# hint: `c->clone.flags |= CLONE_NEWUTS;` in want_uts_namespace, which main calls after want_pid_namespace.
# bats test_tags=lesson
@test "the UTS namespace is new, and the demo stays in the host's" {
    start_ready
    [[ $(ns_inode "$pid" uts) != "$(ns_inode self uts)" ]]
    [[ $(ns_inode "$demo_pid" uts) == "$(ns_inode self uts)" ]]
}

# hint: You added a flag. Did another get lost, or come along?
# hint: clone3(2): flags are bits. In C, `|=` adds one and `=` replaces all.
# hint: `|=` in want_uts_namespace; main calls want_pid_namespace as well.
@test "the PID namespace is still new, and the network is still the host's" {
    start_ready
    [[ $(ns_inode "$pid" pid) != "$(ns_inode self pid)" ]]
    [[ $(ns_inode "$pid" net) == "$(ns_inode self net)" ]]
}

# needs: its name is the one of --hostname
# hint: With -u the flag is set twice. What does your code make of that?
# hint: clone3(2): a bit that is set stays set. `^=` and `+=` would spoil it.
# hint: `c->clone.flags |= CLONE_NEWUTS;` in want_uts_namespace.
@test "the letter -u, which opens a UTS namespace since step02, changes nothing" {
    demo -u --hostname box uname -n
    assert_status 0
    assert_output box
}

# needs: its name is the one of --hostname
# hint: The command was not found. Had somebody called sethostname on the host before that?
# hint: sethostname(2): only after clone3 has returned in the child.
# hint: `set_hostname(c);` in child and nowhere else.
@test "a container that cannot be started has not renamed the host either" {
    demo --hostname box no-such-program
    assert_status 127
    [[ $(uname -n) == "$host_name" ]]
}

# needs: its name is the one of --hostname
# hint: A call failed, and the command ran all the same, under the wrong name. Which return value did nobody look at?
# hint: sethostname(2), RETURN VALUE and EPERM; clone(2), EPERM. A safeguard that fails must end the start.
# hint: `if (sethostname(...) == -1) die("set the hostname %s", c->hostname);` in set_hostname; start checks clone3.
@test "without the right to name it there is no container, and no renamed host" {
    # CAP_SYS_ADMIN is what both the namespace and sethostname(2) ask for.
    run_and_show setpriv --bounding-set=-sys_admin "${DEMO_WORDS[@]}" --hostname box touch ran
    assert_status 125
    assert_one_line_error
    [[ ! -e ran && $(uname -n) == "$host_name" ]]
}

# --- Its name ---

# points: 10
# chapter: The same, made robust
# hint: Nobody gave it a name. Where does the default come from, who sets it before the command runs, and is all of it
#   there?
# hint: sethostname(2). In which process must it be called: the demo, or its child?
# hint: `c->hostname = "container";` in parse_options, `set_hostname(c);` in child.
# bats test_tags=lesson
@test "its name is container, if it is given no other" {
    demo uname -n
    assert_status 0
    assert_output container
}

# points: 14
# chapter: In a few lines
# hint: The option was read, but does its value reach sethostname? Does a long or dotted name get through whole?
# hint: getopt_long(3): required_argument and optarg; sethostname(2) takes a length.
# hint: `sethostname(c->hostname, strlen(c->hostname))` in set_hostname, and a row `{"hostname", 0, "NAME", set_name,
#   ...}` in `rows[]`.
# bats test_tags=lesson
@test "its name is the one of --hostname" {
    for name in box x 42 web-1.example.org "$(printf '%064d' 0)"; do
        demo --hostname "$name" uname -n
        assert_status 0
        assert_output "$name"
        demo --hostname="$name" cat /proc/sys/kernel/hostname
        assert_output "$name"
    done
}

# needs: its name is the one of --hostname
# hint: The option comes twice. Which of the two values do you keep?
# hint: getopt_long(3) gives them in order, one after the other.
# hint: `c->hostname = value;` in set_name: a later one replaces an earlier one.
@test "the last --hostname counts" {
    demo --hostname one --hostname two uname -n
    assert_output two
}

# points: 10
# needs: its name is the one of --hostname
# chapter: Look from the host
# hint: The host joins the container's UTS namespace and asks for its name. In which namespace did you set it?
# hint: uts_namespaces(7); nsenter(1) --uts --target PID uname -n shows what the test sees.
# hint: `set_hostname(c);` in child, which runs in the new namespace; in parent it would be the host's.
# bats test_tags=lesson
@test "the host finds the name in the container's namespace" {
    start_ready --hostname box
    [[ $(name_in "$pid") == box ]]
}

# points: 8
# needs: its name is the one of --hostname
# chapter: The same, made robust
# hint: The first thing that the command does is to ask for its name. Who sets it, and is that early enough?
# hint: sethostname(2) in the child, before execve(2). From the parent there would be a race.
# hint: `set_hostname(c);` stands before `run_program(c);` in child.
# bats test_tags=lesson
@test "the name is there before the command starts, and for what the command starts" {
    demo --hostname box sh -c 'uname -n; sh -c "uname -n"; (uname -n)'
    assert_output $'box\nbox\nbox'
}

# --- The host's name ---

# points: 12
# chapter: The idea
# hint: Look at your own prompt: has your machine a new name? In whose UTS namespace did sethostname run?
# hint: uts_namespaces(7): CLONE_NEWUTS gives the child a copy. sethostname(2) changes the caller's.
# hint: `c->clone.flags |= CLONE_NEWUTS;` in want_uts_namespace, called in main before start; set_hostname only in
#   child.
# bats test_tags=lesson
@test "the host keeps its own name while the container has another" {
    start_ready --hostname box
    [[ $(uname -n) == "$host_name" && $(</proc/sys/kernel/hostname) == "$host_name" ]]
    [[ $(name_in "$demo_pid") == "$host_name" ]]
}

# points: 8
# chapter: The idea
# hint: hostname(1) in the container changed the host's name, or failed. Is the namespace new?
# hint: uts_namespaces(7), sethostname(2): it needs CAP_SYS_ADMIN in the namespace's user namespace.
# hint: CLONE_NEWUTS among the child's flags, set by want_uts_namespace before `start(&container);`.
# bats test_tags=lesson
@test "a name that is changed in the container stays there" {
    script='hostname mine' start_ready --hostname box
    [[ $(name_in "$pid") == mine ]]
    [[ $(uname -n) == "$host_name" ]]
}

# hint: /proc/sys/kernel/hostname is the same name by another road. Whose does it show?
# hint: uts_namespaces(7): it is that of the process that opens the file, hostname and NIS domain name alike.
# hint: Nothing beyond CLONE_NEWUTS in want_uts_namespace: don't set the domain name yourself.
@test "a name that is changed through /proc/sys stays there, too" {
    script='echo mine >/proc/sys/kernel/hostname; echo our.nis >/proc/sys/kernel/domainname' start_ready
    before=$(</proc/sys/kernel/domainname)
    [[ $(name_in "$pid") == mine ]]
    [[ $(nsenter --uts --target "$pid" cat /proc/sys/kernel/domainname) == our.nis ]]
    [[ $(uname -n) == "$host_name" && $(</proc/sys/kernel/domainname) == "$before" && $before != our.nis ]]
}

# points: 6
# needs: its name is the one of --hostname
# chapter: Look from the host
# hint: One container's change arrived in the other. Do they share a namespace?
# hint: uts_namespaces(7): each clone3 with CLONE_NEWUTS makes one. setns(2) would share.
# hint: `c->clone.flags |= CLONE_NEWUTS;` in want_uts_namespace, for each run.
# bats test_tags=lesson
@test "two containers have two names, and neither sees the other's change" {
    start_ready --hostname one
    one=$pid
    start_ready --hostname two
    nsenter --uts --target "$pid" hostname changed
    [[ $(name_in "$one") == one ]]
    [[ $(name_in "$pid") == changed ]]
}

# needs: its name is the one of --hostname
# hint: The host was renamed while the container ran. Is the container's name a copy, or the host's own?
# hint: uts_namespaces(7): the new namespace starts as a copy.
# hint: `c->pid = clone3(&c->clone);` with CLONE_NEWUTS in the flags copies the name once: see want_uts_namespace.
@test "a new name of the host's does not reach the container" {
    # A UTS namespace that plays the host: the real one keeps its name.
    DEMO_WORDS=(unshare --uts "${DEMO_WORDS[@]}")
    start_ready --hostname box
    nsenter --uts --target "$demo_pid" hostname renamed
    [[ $(name_in "$demo_pid") == renamed ]]
    [[ $(name_in "$pid") == box ]]
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

# points: 8
# needs: its name is the one of --hostname
# chapter: The same, made robust
# hint: Is the name checked when the option is read, before anything has been made?
# hint: sethostname(2): len may be 0 to HOST_NAME_MAX (64). A usage error is status 2 and names the option.
# hint: `if (strlen(value) < 1 || strlen(value) > 64) usage_error(row->name, value, ...)` in set_name.
# bats test_tags=lesson
@test "a name that is empty, or longer than the kernel's 64 characters, is refused" {
    for name in '' "$(printf '%065d' 0)" "$(printf '%0100000d' 0)"; do
        assert_refused "$name"
        assert_one_line_error
    done
}

# points: 8
# needs: its name is the one of --hostname
# chapter: The same, made robust
# hint: A name such as `$(reboot)` will be put into prompts, files and scripts by somebody. Which characters can a
#   name do without?
# hint: hostname(7): letters, digits, hyphen and dot. isalnum(3) wants an unsigned char.
# hint: `if (!isalnum((unsigned char)*value) || !is_made_of(value, "-.")) usage_error(...)` in set_name.
# bats test_tags=lesson
@test "a name that could mean something to a shell, a file name or a header is refused" {
    for name in 'a b' ' ' a/b ../.. 'a;reboot' '$(reboot)' '`id`' 'a&b' 'a|b' 'a>b' "a'b" 'a"b' 'a\b' a:b a@b a_b \
        '%s%n' 'a=b' '*' å '名'; do
        assert_refused "$name"
        assert_one_line_error
    done
}

# needs: its name is the one of --hostname
# hint: `cat $name` and `cd $name`: what do a name that begins with a hyphen, and a dot alone, mean there?
# hint: hostname(7): a name begins with a letter or a digit. isalnum(3).
# hint: `if (!isalnum((unsigned char)*value) || ...)` in set_name: the first character has a rule of its own.
@test "a name that does not begin with a letter or digit is refused" {
    for name in . -a -- .a; do
        assert_refused "$name"
        assert_one_line_error
    done
}

# needs: its name is the one of --hostname
# hint: A newline or an escape sequence in a name: was it accepted, or did the error print it raw?
# hint: isalnum(3) refuses them; iscntrl(3) finds them in what you quote. An error stays one line.
# hint: `!is_made_of(value, "-.")` in set_name; in say: `if (iscntrl((unsigned char)*p)) *p = '?';`
@test "a name with control characters is refused" {
    for name in $'a\nb' $'a\n' $'\x1b[31mred' $'a\tb' $'a\rb' $'a\x7f' $'\xff'; do
        assert_refused "$name"
    done
}

# --- What it says ---

# hint: With -v the reader wants to see the call, and what to type for the same. Which line is missing?
# hint: hostname(1) does in the shell what sethostname(2) does in C.
# hint: `narrate(c, "sethostname(\"%s\")   # hostname %s", c->hostname, c->hostname);` in set_hostname.
@test "-v names the call, and the shell's command for it" {
    demo -v --hostname box true
    assert_status 0
    assert_stderr_like '*sethostname("box")*# hostname box*'
}

# needs: its name is the one of --hostname
# needs: -v names the call, and the shell's command for it
# hint: Which scene of chapter 3 says NOT OBSERVED?
# hint: `./demo --chapter 3`; scenes.c says what each scene must show.
# hint: Both scenes: `set_hostname(c);` in child, its narration, and "container" as the default in parse_options.
@test "the demonstration observes all that it claims" {
    demo --chapter 3
    assert_status 0
    [[ ${lines[-1]} =~ ^demo:\ ([0-9]+)\ of\ ([0-9]+)\ observed$ ]]
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" && ${BASH_REMATCH[1]} != 0 ]]
    [[ $output != *'NOT OBSERVED'* ]]
}
