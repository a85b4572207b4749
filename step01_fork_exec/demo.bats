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

# What a test leaves running ends with its command, whether the demo passes signals on or not: that has its own tests.
after_each() {
    local demo
    for demo in "${!running[@]}"; do
        kill -KILL "$(container_runs "$demo")" 2>/dev/null || true
    done
}

# state_is PID LETTERS: R runs, S sleeps, T is stopped, Z is a zombie.
state_is() {
    [[ $(status_field "$1" State) == [$2]* ]]
}

# --- Parent and child ------------------------------------------------------

# points: 10
# needs: nothing
# chapter: The idea
# hint: Your shell starts the demo. Who must start the command, and which process has to stay and wait for it?
# hint: fork(2): it returns twice. What does it return in the parent, and what in the child? See also getppid(2).
# hint: In start: `c->pid = fork();`, then `if (c->pid == 0) child(c);`. Only the child calls execve; the parent goes
#   on to wait_for_child.
# bats test_tags=lesson
@test "shell, demo and command are three generations" {
    start_ready sh -c 'echo $$ $PPID; echo ready; exec sleep 100'
    [[ $(status_field "$pid" PPid) == "$demo_pid" ]]
    [[ $(status_field "$demo_pid" PPid) == "$BASHPID" ]]
    # The command itself says the same.
    read -r own parent <"$demo_out"
    [[ $own == "$pid" && $parent == "$demo_pid" ]]
}

# hint: The demo has another child than the command, or none. How often does fork run, and in which process?
# hint: fork(2): after it both processes run on from the same line. What stops the child from going where the parent
#   goes?
# hint: Call fork once, in start, and let the child never return: `__attribute__((noreturn)) static void child(struct
#   container *c)`, which ends in run_program.
@test "the command is the demo's only child" {
    start_ready sh -c 'echo ready; exec sleep 100'
    [[ $(children_of "$demo_pid") == "$pid" || $(children_of "$demo_pid") == "$pid " ]]
}

# hint: With -v the lines must name three numbers. Which process knows which of them?
# hint: getpid(2) and getppid(2); what fork(2) returns in the parent. The lines go to standard error: dprintf(3).
# hint: `narrate(c, "fork() = %d, my parent is %d   # command &", c->pid, getppid());` in start, and `say("demo[%d]:
#   %s", getpid(), call);` in narrate.
@test "-v names the shell, the demo and the command by their PIDs" {
    start_ready -v sh -c 'echo ready; exec sleep 100'
    for number in "$BASHPID" "$demo_pid" "$pid"; do
        eventually grep -qw "$number" "$demo_err"
    done
}

# needs: the exit status is the command's own
# hint: Is there a shell, or anything else, between the demo and the command that it was given?
# hint: execve(2): what it keeps. system(3) and popen(3) would start a process more.
# hint: `execvp(name, c->argv);` in run_program: no system(3), no `sh -c`.
@test "a program that becomes another keeps its PID" {
    demo sh -c 'echo $$; exec sh -c "echo \$\$"'
    assert_status 0
    [[ ${lines[0]} == "${lines[1]}" && ${lines[0]} -gt 1 ]]
}

# hint: Did the demo's own directory or umask change? Then who ran the command?
# hint: fork(2) copies the process: chdir(2) and umask(2) in the copy stay in the copy. vfork(2) and threads are
#   another matter.
# hint: `c->pid = fork();`, and nothing but the child calls run_program.
@test "what the command does to itself does not reach its parent" {
    umask 022
    start_ready sh -c 'cd /; umask 077; echo ready; exec sleep 100'
    [[ $(readlink "/proc/$pid/cwd") == / ]]
    [[ $(readlink "/proc/$demo_pid/cwd") == "$PWD" ]]
    [[ $(status_field "$pid" Umask) == 0077 ]]
    [[ $(status_field "$demo_pid" Umask) == 0022 ]]
}

# needs: the exit status is the command's own
# hint: What did your child change between fork and execve that nobody asked for?
# hint: fork(2) and execve(2) hand on directory, umask, priority, group and session. setsid(2), setpgid(2), chdir(2),
#   umask(2) and nice(2) change them.
# hint: In this step child has two lines only: `unblock_signals(c);` and `run_program(c);`.
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

# hint: This step contains nothing. Which call of yours makes something new?
# hint: namespaces(7): only clone(2), clone3(2), unshare(2) and setns(2) change them. fork(2) does not.
# hint: `c->pid = fork();` in start, with no unshare before or after it.
@test "the command is in all of the host's namespaces: nothing is contained yet" {
    start_ready sh -c 'echo ready; exec sleep 100'
    for path in /proc/self/ns/*; do
        [[ $(ns_inode "$pid" "${path##*/}") == "$(ns_inode self "${path##*/}")" ]] || fail "$path differs"
    done
    # One process has one number.
    [[ $(status_field "$pid" NSpid) == "$pid" ]]
}

# --- Which program ---------------------------------------------------------

# points: 5
# needs: the exit status is the command's own
# chapter: The same, made robust
# hint: `ls` is no path. Who finds out that it means /usr/bin/ls?
# hint: exec(3): what the letter p in execvp(3) stands for, and which variable it reads.
# hint: `execvp(name, c->argv);` in run_program, for a name without a slash.
# bats test_tags=lesson
@test "a name without a slash is looked for in PATH, in its order" {
    mkdir one two
    put one/twin $'#!/bin/sh\necho one'
    put two/twin $'#!/bin/sh\necho two'
    PATH=$PWD/two:$PWD/one:$PATH demo twin
    assert_output two
    PATH=$PWD/one:$PWD/two:$PATH demo twin
    assert_output one
}

# needs: a name without a slash is looked for in PATH, in its order
# hint: A file that lies in the working directory but not in $PATH was found, or one with ./ was not. Where did you
#   look?
# hint: execvp(3) looks in $PATH if the name has no slash; execv(3) takes it as a path. strchr(3) tells which is
#   which.
# hint: `if (strchr(name, '/')) execv(name, c->argv); else execvp(name, c->argv);` in run_program.
@test "a program in the working directory needs its ./" {
    put only-here $'#!/bin/sh\necho found'
    demo only-here
    assert_status 127
    demo ./only-here
    assert_status 0
    assert_output found
}

# needs: a name without a slash is looked for in PATH, in its order
# hint: The first directory of $PATH has such a file, but not an executable one. Should the search end there?
# hint: execvp(3), ERRORS: what it does after EACCES. Do you search $PATH on your own, and stop at the first name?
# hint: Leave the search to `execvp(name, c->argv);` in run_program.
@test "a file in PATH that is not executable is passed over" {
    mkdir one two
    echo no >one/twin
    put two/twin $'#!/bin/sh\necho two'
    PATH=$PWD/one:$PWD/two:$PATH demo twin
    assert_status 0
    assert_output two
}

# --- How it ended ----------------------------------------------------------

# points: 10
# needs: the exit status is the command's own
# chapter: In a few lines
# hint: A killed process has no exit status. What does waitpid give you instead?
# hint: waitpid(2): WIFEXITED and WEXITSTATUS, WIFSIGNALED and WTERMSIG. A shell says 128 + N.
# hint: `} else if (WIFSIGNALED(status)) { c->status = EXIT_SIGNALLED + WTERMSIG(status); c->ended = true; }` in
#   collect.
# bats test_tags=lesson
@test "each deadly signal gives its own status" {
    for signal in HUP INT QUIT ABRT KILL USR1 SEGV USR2 PIPE ALRM TERM; do
        demo sh -c 'ulimit -c 0; kill -'"$signal"' $$'
        assert_status $((128 + $(kill -l "$signal")))
    done
}

# points: 6
# chapter: The same, made robust
# hint: A process that has ended stays as a zombie until its parent does what?
# hint: waitpid(2), NOTES: zombies. SIGCHLD in signal(7) says when there is something to ask for.
# hint: `waitpid(c->pid, &status, WNOHANG | WUNTRACED | WCONTINUED)` in collect, called at each SIGCHLD; main then
#   returns `container.status`.
# bats test_tags=lesson
@test "the demo ends when the command does, and leaves no zombie" {
    start_ready sh -c 'echo ready; exec sleep 100'
    kill -KILL "$pid"
    wait_for_demo
    assert_status 137
    # A zombie would still have its directory here.
    [[ ! -e /proc/$pid ]]
}

# needs: the exit status is the command's own
# hint: The demo can have a child that it did not start. Whose end did you take for the command's?
# hint: waitpid(2): the first argument. What does -1 mean there, and what does a PID? wait(2) takes whichever ends
#   first.
# hint: `waitpid(c->pid, &status, ...)` in collect: not wait(2), and not waitpid(-1).
@test "a child that the demo got from its caller does not pass for the command" {
    # Before it becomes the demo, the shell starts a process that ends first, with another status.
    run_and_show sh -c 'sh -c "exit 9" & exec "$@"' sh "${DEMO_WORDS[@]}" sh -c '
        cd /proc/$PPID || exit 1
        while [ $((i += 1)) -lt 9999 ] && read -r first others <task/$PPID/children && [ "$others" ]; do
            ! grep -q "^State.*Z" /proc/$first/status || break
        done
        exit 5'
    assert_status 5
}

# hint: The command's child lost its parent and came to you. What did you do to be its new parent?
# hint: prctl(2), PR_SET_CHILD_SUBREAPER: it makes a process take orphans in. This step does without.
# hint: No prctl in this step: start is `fork()` and nothing else.
@test "an orphan does not come to the demo: in this step the host's init takes it" {
    start_ready sh -c 'sh -c "sleep 100 >/dev/null 2>&1 & echo \$!"; echo ready; read -r _; exec sleep 100'
    read -r orphan <"$demo_out"
    parent=$(status_field "$orphan" PPid)
    kill "$orphan"
    [[ $parent != "$demo_pid" && $parent != "$pid" ]]
}

# needs: the exit status is the command's own
# hint: The command has ended, and a process that it started runs on. What are you still waiting for?
# hint: waitpid(2) tells of the command's own end. Reading a pipe to its end, or wait(2) until there is no child,
#   takes longer.
# hint: `while (!c->ended)` in wait_for_child, and `c->ended = true;` in collect as soon as the command itself has
#   ended.
@test "the demo does not wait for what the command leaves behind" {
    demo sh -c 'sleep 100 >/dev/null 2>&1 & echo $!; exit 3'
    assert_status 3
    # It runs on: nothing holds it together with the command yet.
    state_is "$output" RSD
    kill "$output"
    eventually process_ended "$output"
}

# --- Signals ---------------------------------------------------------------

# points: 10
# chapter: The same, made robust
# hint: SIGUSR1 was sent to the demo. How does the command hear of it, and does it hear twice?
# hint: kill(2) hands it on; sigwaitinfo(2) takes it, once it is blocked with sigprocmask(2). A PID below 0 would be a
#   whole group.
# hint: `kill(c->pid, signal);` in pass_on, called from wait_for_child for each signal but SIGCHLD.
# bats test_tags=lesson
@test "a signal to the demo reaches the command once" {
    start_ready sh -c 'n=0; trap "n=\$((n + 1))" USR1; trap "echo got \$n; exit 0" USR2
        echo ready; while [ $((i += 1)) -lt 2000 ]; do sleep 0.05; done'
    kill -USR1 "$demo_pid"
    # Once the first is delivered and handled, ask how many there were.
    eventually no_signal_waits "$demo_pid" && eventually no_signal_waits "$pid"
    kill -USR2 "$demo_pid"
    wait_for_demo
    assert_status 0
    [[ ${lines[1]} == 'got 1' ]]
}


# needs: a signal to the demo reaches the command once
# hint: Three signals came, and the command handled them all. Why did the demo die of one?
# hint: signal(7): the default action. A blocked signal waits until sigwaitinfo(2) takes it: which signals did you
#   block?
# hint: All of SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1 and SIGUSR2 in `signals[]` of block_signals, then
#   `sigprocmask(SIG_BLOCK, &c->signals, NULL)`.
@test "the demo itself outlives what it passes on" {
    start_ready sh -c 'trap "echo one" HUP; trap "echo two" INT; trap "echo three" TERM
        echo ready; while [ $((i += 1)) -lt 2000 ]; do sleep 0.05; done'
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

# points: 6
# chapter: The same, made robust
# hint: The command was stopped, not ended. What made your demo leave, or spin?
# hint: waitpid(2): WUNTRACED and WCONTINUED make it report stops; WIFSTOPPED and WIFCONTINUED tell them from an end.
# hint: In collect: test `WIFSTOPPED(status)` and `WIFCONTINUED(status)` first, and set `c->ended` only for the other
#   two.
# bats test_tags=lesson
@test "a stopped child is not a dead one: the demo waits on, and hears that it continues" {
    start_ready sh -c 'trap "exit 6" USR1; echo ready; while [ $((i += 1)) -lt 2000 ]; do sleep 0.05; done'
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

# needs: a stopped child is not a dead one: the demo waits on, and hears that it continues
# hint: First it stopped, then it died. Which of the two did you report?
# hint: waitpid(2): one call reports one change. After WIFSTOPPED there is more to come.
# hint: `while (!c->ended)` around waitpid in collect: ask on until it has ended.
@test "a stopped child that is killed gives the status of its death" {
    start_ready sh -c 'echo ready; exec sleep 100'
    kill -STOP "$pid"
    eventually state_is "$pid" T
    kill -KILL "$pid"
    wait_for_demo
    assert_status 137
}

# needs: a signal to the demo reaches the command once
# needs: a stopped child is not a dead one: the demo waits on, and hears that it continues
# hint: SIGTERM came while the command was stopped. Must the demo end, wake it, or neither?
# hint: signal(7): what is sent to a stopped process waits there. kill(2) is all there is to do.
# hint: `kill(c->pid, signal);` in pass_on, with no SIGCONT and no exit beside it.
@test "a signal for a stopped child waits until it goes on" {
    start_ready sh -c 'trap "exit 6" TERM; echo ready; while [ $((i += 1)) -lt 2000 ]; do sleep 0.05; done'
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

# needs: each deadly signal gives its own status
# needs: -v names the shell, the demo and the command by their PIDs
# hint: The demonstration runs your demo and looks for words in what it prints. Which scene says NOT OBSERVED?
# hint: Run the demo without a command: it shows each scene. scenes.c lists what each must print (`.sees`) and
#   its status.
# hint: It wants the narration too: `narrate(c, "waitpid: stopped by signal %d   # kill -CONT %d", ...)` in collect.
@test "the demonstration shows each way to end, and a stopped child as the host sees it" {
    # It shows what it does for anybody.
    demo sh -c 'exit 42'
    assert_status 42
    # It may be a later step's program that is tested: this is the demonstration of chapter 1.
    demo --chapter 1
    assert_status 0
    assert_output_like '*hello world*exit status 0*exit status 42*exit status 127*'
    assert_output_like '*host*State:*T (stopped)*exit status 0*'
    [[ ${lines[-1]} =~ ^demo:\ ([0-9]+)\ of\ ([0-9]+)\ observed$ ]]
    [[ ${BASH_REMATCH[1]} == "${BASH_REMATCH[2]}" ]]
}
