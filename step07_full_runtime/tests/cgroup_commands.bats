#!/usr/bin/env bats
#
# pause, resume, update, ps, events: the commands about a container's cgroup.
#
# bats file_tags=step07,cgroup
# shellcheck disable=SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() {
    requires root rootfs cgroup2 memory pids cpu
    bundle 'linux.resources = {"memory": {"limit": 52428800, "swap": 62914560}, "pids": {"limit": 50}}'
    oci_run
}

value() { cat "$cgroup/$1"; }
swap_is() { [[ ! -e $cgroup/memory.swap.max || $(value memory.swap.max) == "$1" ]]; }

# --- pause, resume ---

# hint: Which process went on, or was the answer there before the kernel had done it?
# hint: kernel: admin-guide/cgroup-v2.rst, cgroup.freeze and cgroup.events; poll(2).
# hint: cgroup_freeze, and wait_for "frozen 1" with a limit to the time.
@test "pause stops every process, and resume lets them go on" {
    oci exec --detach c1 sh -c 'for _ in $(seq 30000); do echo x; sleep 0.01; done >/dev/shm/count'
    count=/proc/$pid/root/dev/shm/count
    eventually test -s "$count"
    oci pause c1
    assert_status 0
    is paused
    grep -qx 'frozen 1' "$cgroup/cgroup.events"
    before=$(wc -c <"$count")
    # These take longer than one turn of the loop.
    oci ps c1
    oci events --stats c1
    [[ $(wc -c <"$count") == "$before" ]]
    oci resume c1
    assert_status 0
    is running
    eventually has_grown
}

has_grown() { (($(wc -c <"$count") > before)); }

# hint: Which of the three was no error?
# hint: runc-pause(8); the state comes first.
# hint: commands/pause.c looks at the state before cgroup_freeze.
@test "pause what is paused, resume what runs, pause what is not there: errors" {
    oci resume c1
    ((status != 0))
    assert_one_line_error '*not paused*'
    oci pause c1
    oci pause c1
    ((status != 0))
    assert_one_line_error '*paused*'
    oci delete --force c1
    oci_create
    oci pause c1
    ((status != 0))
    assert_one_line_error '*it is created*'
    oci pause nobody
    ((status != 0))
    assert_one_line_error '*nobody*does not exist*'
}

# hint: A frozen process hears no SIGTERM. And SIGKILL?
# hint: kernel: admin-guide/cgroup-v2.rst, cgroup.kill.
# hint: cgroup_kill; thaw is not needed.
@test "a paused container can be killed, and deleted by force" {
    oci pause c1
    oci kill c1 KILL
    assert_status 0
    eventually is stopped
    oci delete c1
    assert_status 0
    nothing_left
    oci_run
    oci pause c1
    oci delete --force c1
    assert_status 0
    nothing_left
}

# hint: Did the signal wake it, or get lost?
# hint: signal(7): a signal waits.
# hint: cgroup_signal sends it to each process, and leaves cgroup.freeze alone.
@test "kill --all of a paused container: it stays paused, and hears of it later" {
    oci pause c1
    oci kill --all c1 USR1
    assert_status 0
    is paused
}

# --- update ---

# hint: Which flag is missing, or writes another file than runc's?
# hint: runc-update(8).
# hint: The table of update's flags in commands/update.c.
@test "update: flags, in runc's words" {
    oci update --memory 100M --memory-reservation 20M --pids-limit 60 --cpu-period 50000 --cpu-quota 25000 \
        --cpu-burst 5000 --cpu-share 512 c1
    assert_status 0
    [[ $(value memory.max) == 104857600 && $(value memory.low) == 20971520 && $(value pids.max) == 60 ]]
    [[ $(value cpu.max) == '25000 50000' && $(value cpu.max.burst) == 5000 && $(value cpu.weight) == 59 ]]
}

# hint: memory.swap.max is the difference of two numbers. What if only one of them changes?
# hint: config-linux.md, "Memory".
# hint: cgroup_update takes the old value for what is not given.
@test "update: swap beside the memory stays as it is, unless it is given" {
    swap_is 10485760
    oci update --memory 100M c1
    swap_is 10485760
    oci update --memory 100M --memory-swap 130M c1
    swap_is 31457280
    oci update --memory -1 c1
    [[ $(value memory.max) == max ]]
    swap_is max
}

# hint: The second update forgot the first. Where is it kept?
# hint: config.json in the state's directory; rename(2).
# hint: After cgroup_update the resources are stored again.
@test "update: what was set before is remembered" {
    oci update --cpu-quota 25000 c1
    oci update --cpu-period 50000 c1
    [[ $(value cpu.max) == '25000 50000' ]]
    oci update --pids-limit 5 c1
    [[ $(value cpu.max) == '25000 50000' && $(value memory.max) == 52428800 ]]
}

# hint: What did 0 do?
# hint: runc-update(8), "--resources".
# hint: read_resources, with 0 taken for "not given".
@test "update: --resources takes a file, or standard input; 0 and null leave things as they are" {
    echo '{"memory": {"limit": 83886080, "swap": 0}, "cpu": null, "pids": {"limit": 7}}' >limits.json
    oci update --resources limits.json c1
    assert_status 0
    [[ $(value memory.max) == 83886080 && $(value pids.max) == 7 ]]
    oci update -r - c1 <<<'{"unified": {"memory.high": "41943040"}}'
    assert_status 0
    [[ $(value memory.high) == 41943040 && $(value memory.max) == 83886080 ]]
}

# hint: The first limit was set, and the second was refused. What is the state now?
# hint: write(2) may fail in the middle: check all, then write all.
# hint: check_update in cgroup/limits.c.
@test "update: everything is checked before anything is written" {
    oci update --pids-limit 5 --cpu-rt-period 1000 c1
    ((status != 0))
    assert_one_line_error '*realtimePeriod*'
    oci update --pids-limit 5 --memory x c1
    assert_status 2
    oci update -r - c1 <<<'{"pids": {"limit": 5}, "unified": {"cgroup.procs": "1"}}'
    ((status != 0))
    oci update -r - c1 <<<'{"pids": {"limit": 5}, "unified": {"memory.nothing": "1"}}'
    ((status != 0))
    assert_one_line_error '*memory.nothing*'
    oci update -r - c1 <<<'{"pids": {"limit": 5'
    ((status != 0))
    assert_one_line_error '*line 2*'
    [[ $(value pids.max) == 50 ]]
}

# hint: The third file could not be written. And the first two?
# hint: write(2), EBUSY and EINVAL from cgroup files: read the old value before.
# hint: take_back in cgroup/limits.c.
@test "update: what the kernel refuses half-way is taken back" {
    oci update -r - c1 <<<'{"memory": {"limit": 83886080}, "pids": {"limit": 5}, "unified": {"memory.high": "lots"}}'
    ((status != 0))
    assert_one_line_error '*memory.high*as before*'
    [[ $(value memory.max) == 52428800 && $(value pids.max) == 50 ]]
    swap_is 10485760
    # And it is not what later updates start from.
    oci update --cpu-share 512 c1
    [[ $(value memory.max) == 52428800 ]]
}

# hint: Less than memory.current means a kill. Who asked first?
# hint: config-linux.md, "checkBeforeUpdate".
# hint: check_update compares with read_number(c, "memory.current").
@test "update: checkBeforeUpdate refuses less memory than is used" {
    oci update -r - c1 <<<'{"memory": {"limit": 4096, "checkBeforeUpdate": true}}'
    ((status != 0))
    assert_one_line_error '*checkBeforeUpdate*'
    is running
    [[ $(value memory.max) == 52428800 ]]
}

# hint: Which file is missing, and does the error say whose?
# hint: cgroups(7), cgroup.controllers.
# hint: has_file and why_not_controllers.
@test "update: a controller that is not there is named" {
    ! grep -qw rdma "$(cgroup2_mount)/cgroup.controllers" || skip 'it is there'
    oci update -r - c1 <<<'{"rdma": {"mlx5_1": {"hcaHandles": 3}}}'
    ((status != 0))
    assert_one_line_error '*rdma*'
}

# --- ps ---

# hint: cgroup.procs lists one directory. And those below it?
# hint: openat(2), readdir(3).
# hint: collect in cgroup/cgroup.c goes down; cgroup_processes gives all.
@test "ps: every process in the container, also in cgroups below" {
    oci exec --detach c1 sleep 987
    mkdir "$cgroup/below"
    other=$(grep -vx "$pid" "$cgroup/cgroup.procs")
    echo "$other" >"$cgroup/below/cgroup.procs"
    oci ps --format json c1
    [[ $(json /dev/stdin 0 <<<"$output") == "$pid" && $(json /dev/stdin 1 <<<"$output") == "$other" ]]
    oci ps c1
    assert_status 0
    [[ ${output%%$'\n'*} == 'UID '*' PID '*' PPID '*' STIME '*' CMD' ]]
    grep -qE "^root +$other +[0-9]+ .* sleep 987\$" <<<"$output"
    oci ps c1 -ef
    assert_status 0
}

# hint: ps(1) shows everybody. Which lines are the container's?
# hint: runc-ps(8): "ps options"; ps(1), -o and aux.
# hint: filter_ps in commands/ps.c looks at the column PID.
@test "ps: with flags of ps(1), and of a container that has stopped" {
    type -P ps >/dev/null || skip 'there is no ps(1)'
    oci exec --detach c1 sleep 987
    oci ps c1 -eo stat,pid,args
    assert_status 0
    [[ $(wc -l <<<"$output") == 3 && $output == STAT*PID*COMMAND*" $pid "*sleep*"sleep 987" ]]
    oci ps c1 aux
    [[ $output == USER*PID*%CPU*" $pid "*987 && $output != *bats* ]]
    oci ps c1 -eo args
    assert_status 125
    assert_one_line_error '*PID*'
    oci ps c1 --no-such-flag
    ((status != 0 && status != 125))
    oci kill c1 KILL
    eventually is stopped
    oci ps --format json c1
    assert_status 0
    assert_output '[]'
    oci ps c1
    assert_status 0
    assert_output_like 'UID*CMD'
    oci ps c1 aux
    assert_output_like 'USER*COMMAND'
}

# --- events ---

# hint: Which key is missing, or in another unit?
# hint: runc-events(8); kernel: admin-guide/cgroup-v2.rst.
# hint: cgroup_stats_json in cgroup/stats.c.
@test "events --stats: what the kernel counted, in runc's form" {
    oci events --stats c1
    assert_status 0
    echo "$output" >stats.json
    [[ $(json stats.json type) == stats && $(json stats.json id) == c1 ]]
    [[ $(json stats.json data.memory.usage.limit) == 52428800 && $(json stats.json data.pids.limit) == 50 ]]
    [[ $(json stats.json data.pids.current) == 1 ]]
    (($(json stats.json data.memory.usage.usage) > 0))
    [[ $(json stats.json data.cpu.usage.total) -ge 0 && -n $(json stats.json data.blkio) ]]
    [[ $(json stats.json data.memory.raw.anon) -gt 0 ]]
}

# hint: Did it miss an event, or not end?
# hint: poll(2) with POLLPRI on memory.events and cgroup.events.
# hint: commands/events.c: one poll for all, with the interval as its limit.
@test "events: again and again, with those of the OOM killer, until the container stops" {
    "$DEMO_PROGRAM" --root "$state" events --interval 100ms c1 >events.log 3>&- 4>&- &
    events=$!
    eventually several_stats
    oci update --memory 20M c1
    oci exec c1 sh -c 'dd if=/dev/zero of=/dev/null bs=90M count=1; true'
    eventually grep -qF '{"type":"oom","id":"c1"}' events.log
    ! process_ended "$events" || fail 'it has ended too early'
    oci kill c1 KILL
    wait "$events"
}

several_stats() { (($(grep -c '"type":"stats"' events.log) > 2)); }

# hint: 0, a word, a minus sign: what is an interval?
# hint: strtol(3).
# hint: parse_duration in commands/events.c gives 0, and that is refused.
@test "events: an interval that is none" {
    oci events --interval 5x c1
    assert_status 2
    oci events --interval 0s c1
    assert_status 2
}
