# scripts/setup, doctor and cleanup: what can be tested without changing this
# machine.
# bats file_tags=scripts
bats_require_minimum_version 1.5.0

setup() {
    scripts=$BATS_TEST_DIRNAME
    cd "$BATS_TEST_TMPDIR" || return
}

# fake NAME: a command that only notes how it was called.
fake() {
    mkdir -p fake
    printf '#!/bin/sh\necho "%s $*" >>%q\n' "$1" "$PWD/calls" >"fake/$1"
    chmod +x "fake/$1"
}

# A PATH with nothing but the tools that setup itself needs, and the fakes.
few_tools() {
    local tool
    mkdir -p few
    for tool in sh cat uname id env; do
        ln -sf "$(command -v "$tool")" "few/$tool"
    done
    echo "$PWD/fake:$PWD/few"
}

@test "setup installs what is missing, and nothing else" {
    # In a world without sbin: setup looks there, too.
    fake apt-get
    fake sudo
    fake gcc
    PATH=$(few_tools) run "$scripts/setup" build
    [[ $output == *"pkg-config: finds libraries"* ]]
    [[ $output != *"gcc:"* ]]
    grep -q 'apt-get .*install .*libmnl-dev' calls
    run ! grep -qw 'gcc' calls
}

@test "setup --check installs nothing" {
    fake apt-get
    fake sudo
    PATH=$(few_tools) run "$scripts/setup" --check build
    [[ $status == 1 && $output == *"pkg-config"* ]]
    [[ ! -e calls ]]
}

@test "setup asks for nothing where nothing is missing" {
    fake apt-get
    fake sudo
    PATH=$PWD/fake:$PATH run "$scripts/setup" build test
    [[ $status == 0 && -z $output && ! -e calls ]]
}

@test "setup refuses a set that it does not know" {
    run "$scripts/setup" nonsense
    [[ $status == 2 && $output == *nonsense* ]]
}

@test "the doctor says ok, or why not and how to fix it" {
    run "$scripts/doctor"
    [[ $status == [01] ]]
    for step in 01 02 03 04 05 06 07; do
        [[ $output == *"step$step  "* ]]
    done
    reasons=$(grep -c '^        why:' <<<"$output") || true
    fixes=$(grep -c '^        fix:' <<<"$output") || true
    [[ $reasons == "$fixes" ]]
    [[ $status == 0 || $reasons -gt 0 ]]
    run ! grep -qE '.{81}' <<<"$output"
}

@test "the doctor sees what a mistake in step 3 or 4 has done to the host" {
    [[ $(id -u) == 0 ]] || skip "needs root"
    run unshare --uts sh -c "hostname box; '$scripts/doctor' 03"
    [[ $output == *'is called box'* ]]
    run unshare --mount sh -c "mount -t proc proc /proc; '$scripts/doctor' 01"
    [[ $status == 1 && $output == *'/proc is mounted '*' times'* ]]
    # A container's, whose mounts were shared: whoever is outside is not in it.
    run unshare --mount sh -c "mount --make-rshared /
        unshare --pid --fork sh -c 'mount -t proc proc /proc; exit'
        '$scripts/doctor' 03; umount /proc; '$scripts/doctor' --quiet 01"
    [[ $status == 0 && $output == 'step01  no'*'/proc is a container'*'umount /proc'*'step03  no, for the reason'* ]]
    [[ $output != *'No such file'* ]]
}

@test "the doctor counts what dead demos have left, and not what lives" {
    run apart "'$scripts/doctor' 05"
    [[ $output == *step05* && $output != *cleanup* ]]
    run apart "
        mkdir -p /run/rung/dead /run/rung/alive
        printf '{\"pid\": %d, \"startTime\": %d}' 999999 1 >/run/rung/dead/state.json
        printf '{\"pid\": %d, \"startTime\": %d}' \$\$ \$(cut -d ' ' -f 22 /proc/\$\$/stat) >/run/rung/alive/state.json
        '$scripts/cleanup' --dry-run
        '$scripts/doctor' 05"
    echo "$output"
    [[ $output == *'container alive (it is running)'*'(things: 1)'*cleanup* ]]
}

@test "the doctor is quiet when asked to be" {
    run "$scripts/doctor" --quiet 01
    [[ $status == 0 && -z $output ]]
    run "$scripts/doctor" 08
    [[ $status == 2 && $output == *08* ]]
}

# In namespaces where there is nothing but what we put there.
apart() {
    [[ $(id -u) == 0 ]] || skip "needs root"
    unshare --net --mount --pid --fork --mount-proc bash -ec "
        mount -t tmpfs none /run
        mount -t tmpfs none /sys/fs/cgroup
        $1"
}

@test "cleanup has nothing to do on a clean host" {
    run apart "$scripts/cleanup"
    [[ $status == 0 && $output == "cleanup: nothing to do" ]]
}

@test "cleanup removes what is ours, and nothing else" {
    run apart "
        sysctl -q -w net.ipv4.ip_forward=1
        ip link add rung0 type bridge
        ip link set rung0 alias ip_forward=0
        ip link add br0 type bridge
        ip link add rung-0af00002 type veth peer name other
        ip link add mine type veth peer name mine2
        nft 'add table ip rung; add chain ip rung rung0; add table ip mine'
        mkdir -p /run/rung/dead
        echo '{\"pid\": 999999, \"startTime\": 1}' >/run/rung/dead/state.json
        '$scripts/cleanup' --dry-run >/dev/null
        ip link show rung0 >/dev/null
        '$scripts/cleanup' >/dev/null
        ip -o link | sed 's/^[0-9]*: //; s/[:@].*//' | LC_ALL=C sort | paste -s
        nft list tables
        cat /proc/sys/net/ipv4/ip_forward
        ls /run/rung"
    [[ $status == 0 ]]
    [[ $output == $'br0\tlo\tmine\tmine2\ntable ip mine\n0' ]]
}

@test "cleanup leaves what a living container uses" {
    run apart "
        unshare --net sleep 20 & other=\$!
        for _ in {1..200}; do
            [ \"\$(readlink /proc/\$other/ns/net)\" = \
                \"\$(readlink /proc/self/ns/net)\" ] || break
            sleep 0.05
        done
        ip link add rung0 type bridge
        ip link set rung0 alias rung
        ip link add rung-0af00002 master rung0 type veth peer name eth0 \
            netns \$other
        '$scripts/cleanup' >/dev/null
        ip -o link | sed 's/^[0-9]*: //; s/[:@].*//' | LC_ALL=C sort | paste -s
        '$scripts/cleanup' --all >/dev/null
        ip -o link | sed 's/^[0-9]*: //; s/[:@].*//' | LC_ALL=C sort | paste -s"
    [[ $status == 0 ]]
    echo "$output"
    [[ $output == $'lo\trung-0af00002\trung0\nlo' ]]
}
