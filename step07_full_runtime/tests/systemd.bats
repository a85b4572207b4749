#!/usr/bin/env bats
#
# --systemd-cgroup: systemd makes the cgroup, as a transient scope.
#
# bats file_tags=step07,cgroup,systemd
# shellcheck disable=SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() {
    requires root rootfs cgroup2 systemd
    mount=$(cgroup2_mount)
    unit=rungtest-$$-$RANDOM.scope
}

after_each() {
    oci_clean_up || return
    [[ -z $(systemctl list-units --all --plain --no-legend 'rungtest-*') ]] || fail 'a scope is left' || return
}

# scope SLICE EDIT...: a container in $unit runs; $scope is that one's directory, and $cgroup the container's below.
scope() {
    local name=${unit#rungtest-}
    bundle "linux.cgroupsPath = '$1:rungtest:${name%.scope}'" "${@:2}"
    oci --systemd-cgroup run --detach --bundle "$bundle" c1 || return
    ((status == 0)) || return 0
    pid=$(state_of pid)
    cgroup=$(cgroup_of "$pid")
    scope=${cgroup%/container}
}

value() { cat "$cgroup/$1"; }
property() { systemctl show "$unit" --property "$1" --value; }

# hint: systemd makes the scope, and it belongs to systemd. What below it belongs to you?
# hint: systemd.scope(5), systemd's D-Bus API: StartTransientUnit; Delegate in systemd.resource-control(5).
# hint: cgroup_plan_scope, then widen_to_scope: cgroup/scope.c.
@test "the container is in a scope of its own, in a directory below that is ours" {
    scope ''
    [[ $cgroup == "$mount/system.slice/$unit/container" ]]
    [[ $(property Delegate) == yes && $(property Slice) == system.slice && $(property TasksMax) == infinity ]]
    [[ -e $cgroup/memory.current && -e $cgroup/pids.current ]]
    # In its own cgroup namespace this is the root.
    oci exec c1 cat /proc/self/cgroup
    assert_output '0::/'
    oci delete --force c1
    assert_status 0
    [[ ! -e $scope && $(property LoadState) == not-found ]]
}

# hint: a-b.slice is in a.slice. Where did you look for it?
# hint: systemd.slice(5).
# hint: slice_path in cgroup/scope.c.
@test "a dash in a slice's name is a step down" {
    scope rungtest-a-b.slice
    [[ $cgroup == "$mount/rungtest.slice/rungtest-a.slice/rungtest-a-b.slice/$unit/container" ]]
    oci delete --force c1
    systemctl stop rungtest.slice
}

# hint: systemd writes the files again at its next reload. With which values?
# hint: systemd.resource-control(5): MemoryMax, TasksMax, CPUQuota.
# hint: cgroup/properties.c.
@test "limits are in the cgroup's files and in systemd's properties, and update changes both" {
    scope '' 'linux.resources = {"memory": {"limit": 52428800}, "pids": {"limit": 20}, "cpu": {"quota": 50000, "shares": 512}}'
    [[ $(value memory.max) == 52428800 && $(value pids.max) == 20 && $(value cpu.max) == '50000 100000' ]]
    [[ $(property MemoryMax) == 52428800 && $(property TasksMax) == 20 ]]
    [[ $(property CPUQuotaPerSecUSec) == 500ms && $(property CPUWeight) == 59 ]]
    oci update --memory 100M --pids-limit 30 c1
    assert_status 0
    [[ $(value memory.max) == 104857600 && $(value pids.max) == 30 ]]
    [[ $(property MemoryMax) == 104857600 && $(property TasksMax) == 30 ]]
    # systemd writes its own files again; ours stay.
    oci update -r - c1 <<<'{"unified": {"cpu.max": "20000 50000"}}'
    systemctl daemon-reload
    [[ $(value cpu.max) == '20000 50000' && $(value memory.max) == 104857600 ]]
}

# hint: systemd has a policy of its own for that. Which?
# hint: systemd.scope(5): OOMPolicy.
# hint: The property OOMPolicy in cgroup/properties.c.
@test "a process that the OOM killer ends does not end the scope" {
    scope '' 'linux.resources = {"memory": {"limit": 20971520, "swap": 20971520}}'
    oci exec c1 dd if=/dev/zero of=/dev/null bs=90M count=1
    assert_status 137
    is running
    [[ $(property ActiveState) == active ]]
}

# hint: A text becomes a value of a type. Which one was wrong?
# hint: crun(1): "org.systemd.property."; D-Bus types in sd_bus_message_append(3).
# hint: add_annotated_properties in cgroup/properties.c.
@test "annotations set other properties" {
    scope '' 'annotations = {"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.Description": "\"a test\"",
        "org.systemd.property.Before": "[\"rungtest-x.service\"]", "org.systemd.property.CPUWeight": "uint64 77"}'
    [[ $(property TimeoutStopUSec) == 7s && $(property Description) == 'a test' && $(property CPUWeight) == 77 ]]
    [[ $(property Before) == rungtest-x.service ]]
}

# hint: Which name or value got as far as systemd?
# hint: systemd.unit(5): names of units.
# hint: is_unit_name and is_slice_name.
@test "what makes no sense is refused before systemd is asked" {
    for path in /a/b slice:x a.slice:x:y/z 'a--b.slice:x:y' 'a:x:y' ':x:y.slice'; do
        bundle "linux.cgroupsPath = '$path'"
        oci --systemd-cgroup run --bundle "$bundle" c1
        ((status != 0))
        assert_one_line_error '*cgroupsPath*'
    done
    scope '' 'annotations = {"org.systemd.property.Before": "what"}'
    ((status != 0))
    assert_one_line_error '*annotations.org.systemd.property.Before*'
    # This one systemd refuses itself.
    scope '' 'annotations = {"org.systemd.property.Nonsense": "true"}'
    ((status != 0))
    assert_one_line_error '*Nonsense*'
    nothing_left
}

# hint: StartTransientUnit says that the unit exists. Did you end it?
# hint: org.freedesktop.systemd1(5): StartTransientUnit's mode "fail".
# hint: check_fresh, and undo only your own scope.
@test "a name that is taken is refused, and the other one lives on" {
    scope ''
    oci --systemd-cgroup run --detach --bundle "$bundle" c2
    ((status != 0))
    assert_one_line_error "*$unit*"
    is running
    [[ $(property ActiveState) == active ]]
}

# hint: `systemctl list-units` shows a scope. Who should have stopped it?
# hint: systemd.scope(5): it goes with its last process, unless it is failed or frozen.
# hint: cgroup_undo in cgroup/end.c, with a StopUnit in cgroup/systemd.c.
@test "it can end by itself, or while it is frozen; nothing is left" {
    scope ''
    oci kill c1 KILL
    eventually is stopped
    oci delete c1
    assert_status 0
    [[ ! -e $scope && $(property LoadState) == not-found ]]
    scope ''
    oci pause c1
    is paused
    oci delete --force c1
    assert_status 0
    [[ ! -e $scope && $(property LoadState) == not-found ]]
}

# hint: There is no systemd here. What does the error name?
# hint: sd_bus_open_system(3), ENOENT.
# hint: cgroup/systemd.c: an error before anything is made.
@test "without systemd's socket it says so" {
    bundle 'linux.cgroupsPath = "system.slice:rungtest:x"'
    # shellcheck disable=SC2016
    run_and_show unshare --mount sh -c 'mount -t tmpfs none /run && exec "$@"' sh \
        "$DEMO_PROGRAM" --root "$BATS_TEST_TMPDIR/other" --systemd-cgroup run --bundle "$bundle" c9
    assert_status 125
    [[ $stderr == *'systemd'*'cannot be reached'* ]]
}

# hint: A session's cgroup has processes. Which one above it can hand pids down, and did you look at its type?
# hint: systemd-run(1), --scope; cgroups(7), "no internal processes" rule and thread mode.
# hint: find_wishes and find_place in cgroup/place.c climb out of the scope.
@test "in a session's scope, without --systemd-cgroup: limits at once, or later" {
    requires pids memory cpu
    oci_set_up
    local flags
    for flags in '' '--pids 9' '--cpus 0.5'; do
        # shellcheck disable=SC2086
        run_and_show systemd-run --quiet --scope --unit "$unit" sh -c 'cat /proc/self/cgroup; "$@" </dev/null >/dev/null' sh \
            "$DEMO_PROGRAM" --root "$state" run --detach --rootfs "$ROOTFS" $flags --name c1 sleep 1000
        assert_status 0
        pid=$(state_of pid)
        cgroup=$(cgroup_of "$pid")
        [[ $cgroup == */rung-c1 && $cgroup != *"$unit"* ]]
        oci update --pids-limit 8 --memory 60M c1
        assert_status 0
        [[ $(value pids.max) == 8 && $(value memory.max) == 62914560 ]]
        oci events --stats c1
        assert_output_like '*"pids":{*'
        oci delete --force c1
        assert_status 0
        [[ ! -e $cgroup ]]
    done
}

# A user with a systemd of his own: the VM's.
# hint: Which of the two systemds did you ask: root's, or the user's?
# hint: sd_bus_open_user(3): XDG_RUNTIME_DIR.
# hint: cgroup/systemd.c: by the user's id.
@test "an ordinary user's containers are scopes of that user's systemd" {
    uid=$(id -u student 2>/dev/null) || skip 'there is no user to be'
    systemctl start "user@$uid.service"
    make_public_copies
    user=(env -u DBUS_SESSION_BUS_ADDRESS "XDG_RUNTIME_DIR=/run/user/$uid"
        setpriv "--reuid=$uid" "--regid=$uid" --clear-groups "$PUBLIC/demo")
    run_and_show "${user[@]}" --systemd-cgroup run --detach --rootfs "$PUBLIC/rootfs" --name c9 --memory 50M -- sleep 1000
    assert_status 0
    run_and_show "${user[@]}" state c9
    cgroup=$(cgroup_of "$(json /dev/stdin pid <<<"$output")")
    [[ $cgroup == "$mount/user.slice/user-$uid.slice/user@$uid.service/user.slice/rung-c9.scope/container" ]]
    [[ $(value memory.max) == 52428800 ]]
    run_and_show "${user[@]}" update --memory 60M c9
    [[ $(value memory.max) == 62914560 ]]
    # We are in no cgroup of the user's, so the kernel alone would not let him move a process from here to there.
    run_and_show "${user[@]}" exec c9 cat /proc/self/cgroup
    assert_output '0::/'
    run_and_show "${user[@]}" delete --force c9
    assert_status 0
    [[ ! -e $cgroup ]]
    systemctl stop "user@$uid.service"
}
