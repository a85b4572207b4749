#!/usr/bin/env bats
#
# A program is run in a child process, and how it ends becomes how the demo ends. What every step promises of its exit
# statuses, options and terminals is in scripts/promises.bats; here is what only the processes show.
#
# bats file_tags=step01,process
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

# start_ready ARGS...: start the demo, and wait until its command has printed "ready"; $pid is the command.
start_ready() {
    start_demo "$@"
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
}

# state_is PID LETTERS: R runs, S sleeps, T is stopped, Z is a zombie.
state_is() {
    [[ $(status_field "$1" State) == [$2]* ]]
}

# --- Parent and child ------------------------------------------------------

# needs: nothing
@test "shell, demo and command are three generations" {
    start_ready sh -c 'echo $$ $PPID; echo ready; exec sleep 100'
    [[ $(status_field "$pid" PPid) == "$demo_pid" ]]
    [[ $(status_field "$demo_pid" PPid) == "$BASHPID" ]]
    # The command itself says the same.
    read -r own parent <"$demo_out"
    [[ $own == "$pid" && $parent == "$demo_pid" ]]
}

@test "the command is the demo's only child" {
    start_ready sh -c 'echo ready; exec sleep 100'
    [[ $(children_of "$demo_pid") == "$pid" || $(children_of "$demo_pid") == "$pid " ]]
}

@test "-v names the shell, the demo and the command by their PIDs" {
    start_ready -v sh -c 'echo ready; exec sleep 100'
    for number in "$BASHPID" "$demo_pid" "$pid"; do
        eventually grep -qw "$number" "$demo_err"
    done
}

@test "a program that becomes another keeps its PID" {
    demo sh -c 'echo $$; exec sh -c "echo \$\$"'
    assert_status 0
    [[ ${lines[0]} == "${lines[1]}" && ${lines[0]} -gt 1 ]]
}

@test "what the command does to itself does not reach its parent" {
    umask 022
    start_ready sh -c 'cd /; umask 077; echo ready; exec sleep 100'
    [[ $(readlink "/proc/$pid/cwd") == / ]]
    [[ $(readlink "/proc/$demo_pid/cwd") == "$PWD" ]]
    [[ $(status_field "$pid" Umask) == 0077 ]]
    [[ $(status_field "$demo_pid" Umask) == 0022 ]]
}

@test "the command starts with what its parent has: directory, umask, priority, group and session" {
    mkdir here
    cd here
    umask 027
    demo sh -c 'pwd -P; umask; cut -d " " -f 5,6,19 /proc/self/stat'
    assert_status 0
    [[ ${lines[0]} == "$(pwd -P)" && ${lines[1]} == 0027 ]]
    # Group and session are this test's, but for timeout(1), which makes a group of its own.
    read -r _ session nice <<<"${lines[2]}"
    read -r our_session our_nice <<<"$(cut -d ' ' -f 6,19 /proc/self/stat)"
    [[ $session == "$our_session" && $nice == "$our_nice" ]]
}

@test "the command is in all of the host's namespaces: nothing is contained yet" {
    start_ready sh -c 'echo ready; exec sleep 100'
    for path in /proc/self/ns/*; do
        [[ $(ns_inode "$pid" "${path##*/}") == "$(ns_inode self "${path##*/}")" ]] || fail "$path differs"
    done
    # One process has one number.
    [[ $(status_field "$pid" NSpid) == "$pid" ]]
}

# --- Which program ---------------------------------------------------------

@test "a name without a slash is looked for in PATH, in its order" {
    mkdir one two
    put one/twin $'#!/bin/sh\necho one'
    put two/twin $'#!/bin/sh\necho two'
    PATH=$PWD/two:$PWD/one:$PATH demo twin
    assert_output two
    PATH=$PWD/one:$PWD/two:$PATH demo twin
    assert_output one
}

@test "a program in the working directory needs its ./" {
    put only-here $'#!/bin/sh\necho found'
    demo only-here
    assert_status 127
    demo ./only-here
    assert_status 0
    assert_output found
}

@test "a file in PATH that is not executable is passed over" {
    mkdir one two
    echo no >one/twin
    put two/twin $'#!/bin/sh\necho two'
    PATH=$PWD/one:$PWD/two:$PATH demo twin
    assert_status 0
    assert_output two
}

# --- How it ended ----------------------------------------------------------

@test "each deadly signal gives its own status" {
    for signal in HUP INT QUIT ABRT KILL USR1 SEGV USR2 PIPE ALRM TERM; do
        demo sh -c 'ulimit -c 0; kill -'"$signal"' $$'
        assert_status $((128 + $(kill -l "$signal")))
    done
}

@test "the demo ends when the command does, and leaves no zombie" {
    start_ready sh -c 'echo ready; exec sleep 100'
    kill -KILL "$pid"
    wait_for_demo
    assert_status 137
    # A zombie would still have its directory here.
    [[ ! -e /proc/$pid ]]
}

@test "a child that the demo got from its caller does not pass for the command" {
    # Before it becomes the demo, the shell starts a process that ends first, with another status.
    run_and_show sh -c 'sh -c "exit 9" & exec "$@"' sh "${DEMO_WORDS[@]}" sh -c '
        cd /proc/$PPID || exit 1
        while read -r first others <task/$PPID/children && [ "$others" ]; do
            ! grep -q "^State.*Z" /proc/$first/status || break
        done
        exit 5'
    assert_status 5
}

@test "an orphan does not come to the demo: in this step the host's init takes it" {
    start_ready sh -c 'sh -c "sleep 100 >/dev/null 2>&1 & echo \$!"; echo ready; read -r _; exec sleep 100'
    read -r orphan <"$demo_out"
    parent=$(status_field "$orphan" PPid)
    kill "$orphan"
    [[ $parent != "$demo_pid" && $parent != "$pid" ]]
}

@test "the demo does not wait for what the command leaves behind" {
    demo sh -c 'sleep 100 >/dev/null 2>&1 & echo $!; exit 3'
    assert_status 3
    # It runs on: nothing holds it together with the command yet.
    state_is "$output" RSD
    kill "$output"
    eventually process_ended "$output"
}

# --- Signals ---------------------------------------------------------------

@test "a signal to the demo reaches the command once" {
    start_ready sh -c 'n=0; trap "n=\$((n + 1))" USR1; trap "echo got \$n; exit 0" USR2
        echo ready; while :; do sleep 0.05; done'
    kill -USR1 "$demo_pid"
    # Once the first is delivered and handled, ask how many there were.
    eventually no_signal_waits "$demo_pid" && eventually no_signal_waits "$pid"
    kill -USR2 "$demo_pid"
    wait_for_demo
    assert_status 0
    [[ ${lines[1]} == 'got 1' ]]
}


@test "the demo itself outlives what it passes on" {
    start_ready sh -c 'trap "echo one" HUP; trap "echo two" INT; trap "echo three" TERM
        echo ready; while :; do sleep 0.05; done'
    kill -HUP "$demo_pid"
    eventually grep -q one "$demo_out"
    kill -INT "$demo_pid"
    eventually grep -q two "$demo_out"
    kill -TERM "$demo_pid"
    eventually grep -q three "$demo_out"
    run ! process_ended "$demo_pid"
    kill -KILL "$pid"
    wait_for_demo
    assert_status 137
}

# --- A stopped child -------------------------------------------------------

@test "a stopped child is not a dead one: the demo waits on, and hears that it continues" {
    start_ready sh -c 'trap "exit 6" USR1; echo ready; while :; do sleep 0.05; done'
    kill -STOP "$pid"
    eventually state_is "$pid" T
    # A parent that took the stop for the end would be gone, or be busy asking.
    eventually state_is "$demo_pid" S
    kill -CONT "$pid"
    eventually state_is "$pid" SR
    kill -USR1 "$demo_pid"
    wait_for_demo
    assert_status 6
}

@test "a stopped child that is killed gives the status of its death" {
    start_ready sh -c 'echo ready; exec sleep 100'
    kill -STOP "$pid"
    eventually state_is "$pid" T
    kill -KILL "$pid"
    wait_for_demo
    assert_status 137
}

@test "a signal for a stopped child waits until it goes on" {
    start_ready sh -c 'trap "exit 6" TERM; echo ready; while :; do sleep 0.05; done'
    kill -STOP "$pid"
    eventually state_is "$pid" T
    kill -TERM "$demo_pid"
    eventually signal_waits "$pid"
    run ! process_ended "$demo_pid"
    kill -CONT "$pid"
    wait_for_demo
    assert_status 6
}

signal_waits() {
    run ! no_signal_waits "$1"
}

# --- The demonstration -----------------------------------------------------

@test "the demonstration shows each way to end, and a stopped child as the host sees it" {
    # It may be a later step's program that is tested: this is the demonstration of chapter 1.
    demo --chapter 1
    assert_status 0
    assert_output_like '*hello world*exit status 0*exit status 42*exit status 127*'
    assert_output_like '*host*State:*T (stopped)*exit status 0*'
    [[ ${lines[-1]} =~ ^demo:\ ([0-9]+)\ of\ ([0-9]+)\ observed$ ]]
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" ]]
}
