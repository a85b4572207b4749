#!/usr/bin/env bats
#
# linux.resources and cgroupsPath of config.json: where the cgroup is, what its files say, and what is refused.
#
# bats file_tags=step07,cgroup
# shellcheck disable=SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() {
    requires root rootfs cgroup2
    mount=$(cgroup2_mount)
}

after_each() {
    oci_clean_up || return
    [[ ! -d $mount/made-before ]] || rmdir "$mount/made-before"
}

value() { cat "$cgroup/$1"; }

# limits EDIT...: a container with these linux.resources runs.
limits() {
    local edit edits=('linux.resources = {}')
    for edit in "$@"; do edits+=("linux.resources.$edit"); done
    bundle "${edits[@]}"
    oci_run
}

# impossible PATTERN EDIT...: it is refused, with the path of the field, before anything is made.
impossible() {
    local pattern=$1
    shift
    bundle 'linux.resources = {}' "${@/#/linux.resources.}"
    oci_create
    refused "*config.json: linux.resources.$pattern"
}

# --- Where ---

# hint: Who made which directory, and who is still below it?
# hint: mkdir(2) says EEXIST; rmdir(2) says EBUSY.
# hint: make_parents and remove_parents.
@test "directories on the way to cgroupsPath are made, and removed again with the last container below" {
    bundle
    top=$cgroup
    bundle "linux.cgroupsPath = '/${top##*/}/a/one'"
    oci_run
    [[ $(cgroup_of "$pid") == "$top/a/one" ]]
    bundle "linux.cgroupsPath = '/${top##*/}/b'"
    oci run --detach --bundle "$bundle" c2
    oci delete --force c1
    assert_status 0
    [[ ! -e $top/a && -d $top/b ]]
    oci delete --force c2
    assert_status 0
    [[ ! -e $top ]]
}

# hint: You removed one that you had not made. How would you have known?
# hint: mkdir(2), EEXIST.
# hint: remove_parents asks cgroup_is_own.
@test "a directory that was there before stays" {
    mkdir "$mount/made-before"
    bundle 'linux.cgroupsPath = "/made-before/one"'
    oci_run
    oci delete --force c1
    assert_status 0
    [[ -d $mount/made-before && ! -e $mount/made-before/one ]]
}

# hint: Relative to what: where you happen to be, or the top?
# hint: config-linux.md, "Cgroups Path".
# hint: plan_given_path in cgroup/place.c.
@test "a relative cgroupsPath is below the top too, so that it always means the same place" {
    bundle
    bundle "linux.cgroupsPath = '${cgroup##*/}/x'"
    oci_run
    [[ $(cgroup_of "$pid") == "$mount/"*/x ]]
    oci delete --force c1
}

# hint: The path leads to somebody else's cgroup. What did you do there?
# hint: cgroups(7): cgroup.procs and cgroup.freeze, to be looked at first.
# hint: check_fresh in cgroup/cgroup.c.
@test "a cgroup with strangers in it, or a frozen one, is refused and left alone" {
    mkdir "$mount/made-before"
    bundle 'linux.cgroupsPath = "/made-before/one"'
    oci_run
    oci run --bundle "$bundle" c2
    assert_status 125
    assert_one_line_error '*/made-before/one*has processes*'
    is running
    oci delete --force c1
    echo 1 >"$mount/made-before/cgroup.freeze"
    bundle 'linux.cgroupsPath = "/made-before"'
    oci run --bundle "$bundle" c2
    assert_status 125
    assert_one_line_error '*frozen*'
    [[ -d $mount/made-before ]]
}

# hint: No limit, no controller, no statistics. Who wants them?
# hint: cgroups(7), cgroup.subtree_control.
# hint: controllers_needed: with a cgroupsPath it is all that there are.
@test "an engine's cgroup has all controllers, limits or not: it reads statistics" {
    requires memory pids cpu
    bundle
    oci_run
    for file in memory.current pids.current cpu.stat; do [[ -e $cgroup/$file ]]; done
}

# hint: No cgroup was wanted. Where is the container then, and what of a limit?
# hint: crun(1), --cgroup-manager.
# hint: cgroup_plan leaves the path empty.
@test "--cgroup-manager disabled: it stays where we are, and limits are an error" {
    bundle 'del linux.cgroupsPath'
    oci --cgroup-manager disabled run --detach --bundle "$bundle" c1
    assert_status 0
    [[ $(cgroup_of "$(state_of pid)") == "$(cgroup_of self)" ]]
    oci delete --force c1
    bundle 'linux.resources = {"pids": {"limit": 5}}'
    oci --cgroup-manager disabled run --bundle "$bundle" c2
    assert_status 125
    assert_one_line_error '*--cgroup-manager disabled*'
}

# --- What the files say ---

# hint: The specification's swap has the memory in it. Did you subtract?
# hint: config-linux.md, "Memory"; memory.low.
# hint: cgroup/limits.c: memory.swap.max is swap minus limit.
@test "memory: limit, swap with the memory in it, reservation" {
    requires memory
    limits 'memory = {"limit": 52428800, "swap": 73400320, "reservation": 20971520, "kernel": -1, "disableOOMKiller": false}'
    [[ $(value memory.max) == 52428800 && $(value memory.low) == 20971520 ]]
    [[ ! -e $cgroup/memory.swap.max || $(value memory.swap.max) == 20971520 ]]
}

# hint: 0 was taken for "not given". What else could somebody mean who writes it?
# hint: config-linux.md, "Memory"; kernel: admin-guide/cgroup-v2.rst, memory.swap.max.
# hint: read_swap in config/spec_resources.c returns 0 for 0, and `LIMIT_UNSET` only for what is missing.
@test "memory: swap 0, with a limit or alone, is no swap" {
    requires memory
    local memory
    for memory in '{"swap": 0}' '{"swap": 0, "limit": 52428800}'; do
        limits "memory = $memory"
        [[ ! -e $cgroup/memory.swap.max || $(value memory.swap.max) == 0 ]]
        # For update, 0 is "leave it as it is".
        oci update --memory-swap 0 --memory 60M c1
        assert_status 0
        [[ ! -e $cgroup/memory.swap.max || $(value memory.swap.max) == 0 ]]
        [[ $(value memory.max) == 62914560 ]]
        oci delete --force c1
    done
}

# hint: 2 to 262144 on one side, 1 to 10000 on the other, 1024 must be 100. A straight line?
# hint: cpu.weight: kernel, admin-guide/cgroup-v2.rst.
# hint: weight_of_shares, with logarithm: the smallest weight that reaches the curve.
@test "cpu: shares become a weight on the curve that runc and crun use" {
    requires cpu
    limits 'cpu = {"shares": 1024, "quota": 20000, "period": 50000, "burst": 10000}'
    [[ $(value cpu.weight) == 100 && $(value cpu.max) == '20000 50000' && $(value cpu.max.burst) == 10000 ]]
    while read -r shares weight; do
        oci update --cpu-share "$shares" c1
        assert_status 0
        [[ $(value cpu.weight) == "$weight" ]]
    done <<<$'2 1\n512 59\n2048 174\n262144 10000\n999999 10000'
}

# hint: What does cpu.max say if there is a period and no quota?
# hint: kernel: admin-guide/cgroup-v2.rst, cpu.max ("max PERIOD") and cpu.idle.
# hint: cgroup/limits.c, the row for cpu.max.
@test "cpu: idle, and a period without a quota" {
    requires cpu
    limits 'cpu = {"idle": 1, "period": 50000, "shares": 2048}'
    [[ $(value cpu.idle) == 1 && $(value cpu.max) == 'max 50000' ]]
}

# hint: What is 0: no limit, or no process? Which version of the specification does config.json name?
# hint: config-linux.md, "PIDs": since 1.3, 0 is a limit; before, "default is no limit".
# hint: zero_is_a_limit in config/spec_resources.c looks at `ociVersion`.
@test "pids: 0 is a limit since version 1.3, and none before; -1 is none" {
    requires pids
    bundle 'ociVersion = "1.3.0"' 'linux.resources = {"pids": {"limit": 0}}'
    oci_run
    [[ $(value pids.max) == 0 ]]
    oci update --pids-limit -1 c1
    [[ $(value pids.max) == max ]]
    oci update --pids-limit 0 c1
    [[ $(value pids.max) == 0 ]]
    oci delete --force c1
    bundle 'ociVersion = "1.2.0"' 'linux.resources = {"pids": {"limit": 0}}'
    oci_run
    [[ $(value pids.max) == max ]]
    oci update --pids-limit 7 c1
    oci update --pids-limit 0 c1
    [[ $(value pids.max) == max ]]
}

# hint: A value of several lines was written in one go. What did the kernel take?
# hint: write(2) to a cgroup file: one setting a call.
# hint: read_unified, and set for each line.
@test "unified: any file of a controller, a line at a time" {
    requires memory pids
    limits 'unified = {"memory.high": "41943040", "pids.max": "7\n9", "cgroup.max.depth": "3"}'
    [[ $(value memory.high) == 41943040 && $(value pids.max) == 9 && $(value cgroup.max.depth) == 3 ]]
}

# hint: io.max wants "MAJOR:MINOR rbps=N". What did you write?
# hint: io.max: kernel, admin-guide/cgroup-v2.rst.
# hint: read_block_io and the row for io.max.
@test "blockIO: a rate for a device" {
    requires io_max
    device=$(cat /sys/block/*/dev | head -1)
    limits "blockIO = {'throttleReadBpsDevice': [{'major': ${device%:*}, 'minor': ${device#*:}, 'rate': 1048576}]}"
    [[ $(value io.max) == "$device rbps=1048576 "* ]]
}

# hint: Which file has this kernel: io.weight or io.bfq.weight?
# hint: io.weight; kernel, block/bfq-iosched.rst.
# hint: existing_file chooses; add_weight.
@test "blockIO: a weight" {
    requires io_weight
    limits 'blockIO = {"weight": 500}'
    if [[ -e $cgroup/io.bfq.weight ]]; then
        [[ $(value io.bfq.weight) == 'default 500' ]]
    else
        [[ $(value io.weight) == 'default 4950' ]]
    fi
}

# hint: Lists such as 0-3,5. Is the controller switched on, on the whole way?
# hint: cpuset(7), cpuset.cpus.
# hint: enable_controllers, then the rows cpuset.cpus and cpuset.mems.
@test "cpuset: cpus and mems" {
    requires cpuset
    limits 'cpu = {"cpus": "0", "mems": "0"}'
    [[ $(value cpuset.cpus) == 0 && $(value cpuset.mems) == 0 ]]
}

# hint: hugetlb.2MB.max, and beside it the reservation. Which is not there on each kernel?
# hint: kernel: admin-guide/cgroup-v2.rst, "HugeTLB".
# hint: read_huge_pages and is_page_size; existing_file.
@test "hugepageLimits: what is reserved, where the kernel can" {
    requires hugetlb
    limits 'hugepageLimits = [{"pageSize": "2MB", "limit": 4194304}]'
    [[ $(value hugetlb.2MB.rsvd.max) == 4194304 ]]
}

# --- What is refused ---

# hint: Which field of v1 was left out in silence?
# hint: config-linux.md: kernel memory, swappiness, realtime.
# hint: refuse_v1_memory and its neighbours in config/spec_resources.c.
@test "what cgroup v2 cannot do is refused" {
    impossible 'memory.swappiness: *' 'memory = {"swappiness": 60}'
    impossible 'memory.disableOOMKiller: *' 'memory = {"disableOOMKiller": true}'
    impossible 'memory.kernel: *' 'memory = {"kernel": 1000000}'
    impossible 'cpu.realtimeRuntime: *' 'cpu = {"realtimeRuntime": 1000}'
}

# hint: Which number passed?
# hint: config-linux.md, "Memory" and "CPU".
# hint: config/spec_resources.c: read_memory, read_cpu, read_swap.
@test "what makes no sense is refused" {
    impossible 'memory.swap: *limit*' 'memory = {"limit": 52428800, "swap": 1048576}'
    impossible 'memory.swap: needs *' 'memory = {"swap": 1048576}'
    impossible 'cpu.burst: *quota*' 'cpu = {"quota": 2000, "burst": 3000}'
    impossible 'cpu.cpus: *0-*' 'cpu = {"cpus": "0-x"}'
    impossible 'hugepageLimits[[]0].pageSize: *' 'hugepageLimits = [{"pageSize": "2 MB", "limit": 1}]'
    impossible 'blockIO.weightDevice[[]0]: *' 'blockIO = {"weightDevice": [{"major": 8, "minor": 0}]}'
}

# hint: A key with a slash, or cgroup.procs: what could that do?
# hint: config-linux.md, "Unified".
# hint: is_unified_name in config/spec_resources.c.
@test "unified names files of controllers, and nothing else" {
    for name in ../memory.max cgroup.procs cgroup.freeze memory .x nothing.max; do
        bundle "linux.resources = {'unified': {'$name': '1'}}"
        oci_create
        refused '*linux.resources.unified*'
    done
}

# hint: Was there a directory afterwards?
# hint: cgroup.controllers: cgroups(7).
# hint: why_not_controllers, asked in cgroup_plan.
@test "a controller that is not there is named, and nothing is made" {
    [[ ! -e $mount/cgroup.controllers ]] || ! grep -qw rdma "$mount/cgroup.controllers" || skip 'it is there'
    bundle 'linux.resources = {"rdma": {"mlx5_1": {"hcaHandles": 3}}}'
    oci_create
    refused '*controller rdma*'
}

# hint: classID and priorities exist in v1 only. An error, or a warning?
# hint: config-linux.md, "Network".
# hint: ignore_network in config/spec_resources.c.
@test "network: what cgroup v1 alone can do is ignored, with a warning" {
    limits 'network = {"classID": 5}'
    [[ $(cat "$BATS_TEST_TMPDIR/create.err") == *'linux.resources.network.classID'*ignored* ]]
}

# --- Whose it is ---

# hint: Which files may the container's user write, and which never?
# hint: kernel: admin-guide/cgroup-v2.rst, "Delegation"; /sys/kernel/cgroup/delegate.
# hint: give_away in cgroup/limits.c.
@test "a cgroup that the container sees writable is its user's, but for the limits" {
    requires pids
    bundle 'linux.namespaces.append({"type": "user"})' 'process.user = {"uid": 5, "gid": 5}' \
        'linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 10}]' 'linux.gidMappings = linux.uidMappings' \
        'linux.resources = {"pids": {"limit": 20}}' \
        'mounts.append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid"]})'
    oci_run
    [[ $(stat -c %u "$cgroup" "$cgroup/cgroup.procs" "$cgroup/cgroup.subtree_control" "$cgroup/pids.max" | xargs) == \
        '100005 100005 100005 0' ]]
    oci exec c1 mkdir /sys/fs/cgroup/below
    assert_status 0
    oci exec c1 sh -c 'echo max >/sys/fs/cgroup/pids.max'
    ((status != 0))
    [[ $(value pids.max) == 20 ]]
}

# hint: Who is the owner of the directory?
# hint: fchown(2).
# hint: give_away only if shows_cgroup_writable.
@test "a cgroup that it sees read-only stays ours" {
    bundle 'mounts.append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]})' \
        'process.user = {"uid": 5, "gid": 5}'
    oci_run
    [[ $(stat -c %u "$cgroup" "$cgroup/cgroup.procs" | xargs) == '0 0' ]]
}

# --- Devices ---

# may FILE MODE: can process 1 of c1 open the device so? (As root of the host, it could make the node.)
may() { oci exec c1 sh -c "exec 3$2$1" && ((status == 0)); }

with_nodes() {
    limits "devices = $1"
    for node in 'kmsg c 1 11' 'rtc c 10 229' 'loop b 7 0'; do
        # shellcheck disable=SC2086
        mknod -m 666 "/proc/$pid/root/dev/"$node
    done
}

# hint: A rule for reading says nothing of writing. Did it decide both?
# hint: config-linux.md, "Allowed Device list"; bpf(2).
# hint: emit_access and emit_rule: each letter for itself.
@test "device rules: the last one that speaks of r, w or m decides about it" {
    with_nodes '[{"allow": False}, {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"},
        {"allow": True, "type": "c", "major": 1, "minor": 11, "access": "w"},
        {"allow": True, "type": "c", "major": 10}, {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "w"}]'
    may /dev/kmsg '<' && may /dev/kmsg '<>'
    oci exec c1 sh -c 'exec 3>/dev/rtc'
    assert_stderr_like '*Operation not permitted*'
    # It may: but there is no such device.
    oci exec c1 sh -c 'exec 3</dev/rtc'
    [[ $stderr != *'Operation not permitted'* ]]
    oci exec c1 sh -c 'exec 3</dev/loop'
    assert_stderr_like '*Operation not permitted*'
}

# hint: Which of the defaults did your filter refuse?
# hint: config-linux.md, "Default Devices".
# hint: emit_nodes comes before the answer "no" of write_program.
@test "device rules: no rule for it means no; the specification's devices always work" {
    requires kmsg
    with_nodes '[]'
    may /dev/null '<>' && may /dev/zero '<' && may /dev/urandom '<'
    oci exec c1 sh -c 'exec 3</dev/kmsg'
    assert_stderr_like '*Operation not permitted*'
    oci update --resources - c1 <<<'{"devices": [{"allow": true}]}'
    assert_status 0
    may /dev/kmsg '<'
    oci update --resources - c1 <<<'{"devices": [{"allow": true}, {"allow": false, "type": "c", "major": 1, "access": "r"}]}'
    assert_status 0
    oci exec c1 sh -c 'exec 3</dev/kmsg'
    assert_stderr_like '*Operation not permitted*'
    may /dev/null '<>'
}

# hint: Two thousand rules, and the kernel says "Argument list too long". How many paths lead through your program?
# hint: kernel: bpf/verifier.rst, "State pruning"; a jump for each number of each rule makes too many.
# hint: emit_match in cgroup/devices.c compares once for a rule; read_device_rules refuses more than the kernel follows.
@test "device rules: thousands of them, in a moment; more are refused before anything is made" {
    requires kmsg
    bundle 'linux.resources = {"devices": [{"allow": i % 2 == 1, "type": "cb"[i % 2], "major": 10 + i % 50, "minor": i, "access": "rw"[i % 3 % 2]}
        for i in range(4000)] + [{"allow": True, "type": "c", "major": 1, "minor": 11, "access": "r"}]}' 'del linux.resources.devices[0]'
    oci_run
    mknod -m 666 "/proc/$pid/root/dev/kmsg" c 1 11
    may /dev/kmsg '<'
    oci exec c1 sh -c 'exec 3>/dev/kmsg'
    assert_stderr_like '*Operation not permitted*'
    oci delete --force c1
    impossible 'devices: 4001 rules are more than*' 'devices = [{"allow": True, "type": "c", "major": 10, "minor": i} for i in range(4001)]'
}
