#!/usr/bin/env bats
#
# A network of its own: the cable, the bridge, the neighbours, the world.
#
# The "host" of these tests is a network namespace, and the "outside" is another
# one, so that no packet and no rule of theirs gets near this machine's network.
#
# bats file_tags=step06,net
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

before_each() {
    requires root rootfs veth bridge
    new_network_namespace
    host_pid=$new_pid
    host ip link set lo up
    # All demos of a test run on that host.
    DEMO_WORDS=(nsenter --net="/proc/$host_pid/ns/net" "${DEMO_WORDS[@]}")
    network_before=$(network)
}

after_each() {
    local problem='' pid
    for pid in "${!running[@]}"; do
        stop_demo "$pid" >/dev/null || problem="$pid does not end"
    done
    if [[ -n ${network_before-} ]]; then
        eventually network_is_unchanged || problem='the network has changed'
        diff <(echo "$network_before") <(network) || true
    fi
    kill -KILL "${namespace_pids[@]}" 2>/dev/null || true
    wait "${namespace_pids[@]}" 2>/dev/null || true
    [[ -z $problem ]] || fail "$problem"
}

# --- The vocabulary of this file -------------------------------------------

has_dnsmasq() { type -P dnsmasq >/dev/null; }

# A process that does nothing but keep a network namespace: sets $new_pid.
new_network_namespace() {
    unshare --net sleep 1000 </dev/null >/dev/null 2>&1 3>&- 4>&- &
    new_pid=$!
    namespace_pids+=("$new_pid")
    eventually differs_from_ours "$new_pid"
}

differs_from_ours() {
    [[ $(ns_inode "$1" net) != "$(ns_inode self net)" ]]
}

# host COMMAND...: there; inside PID COMMAND...: in that process's network, with the host's files.
host() { inside "$host_pid" "$@"; }
inside() { nsenter --net="/proc/$1/ns/net" "${@:2}"; }

# All that a demo may change on the host: devices, addresses, routes, rules, forwarding.
network() {
    host sh -c '
        ip -brief link show | sed "s/[ @].*//"
        ip -brief link show up | sed "s/[ @].*/ is up/"
        ip -o address show scope global | sed "s/^[0-9]*: //"
        ip route show | sed "s/ linkdown//; s/ *$//"
        nft list ruleset 2>/dev/null
        cat /proc/sys/net/ipv4/ip_forward'
}

network_is_unchanged() {
    [[ $(network) == "$network_before" ]]
}

# start_ready OPTIONS...: a container that sleeps; $pid is its process 1.
start_ready() {
    start_demo "$@" sh -c 'echo ready; exec sleep 1000'
    eventually is_ready_or_dead
    grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
    [[ $(ns_inode "$pid" net) != "$(ns_inode "$demo_pid" net)" ]] || fail "its network namespace is not its own"
}

is_ready_or_dead() {
    grep -q ready "$demo_out" || process_ended "$demo_pid"
}

# listen PID PORT FILE: wait in that network for one connection: its address and its line go to FILE. It answers "heard".
listen() {
    inside "$1" python3 - "$2" >"$3" <<'PYTHON' 3>&- 4>&- &
import socket, sys
server = socket.create_server(("0.0.0.0", int(sys.argv[1])))
connection, address = server.accept()
print(address[0], connection.recv(100).decode().strip(), flush=True)
connection.sendall(b"heard\n")
PYTHON
    eventually listens "$1" "$2"
}

listens() {
    [[ -n $(inside "$1" ss -Htln "sport = :$2") ]]
}

# send PID ADDRESS PORT TEXT: from that network; prints the answer.
send() {
    inside "$1" python3 - "${@:2}" <<'PYTHON'
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as connection:
    connection.sendall(sys.argv[3].encode() + b"\n")
    print(connection.recv(100).decode().strip())
PYTHON
}

# reaches PID ADDRESS: is there an answer? (The first packet over a new cable may be lost.)
reaches() {
    inside "$1" ping -n -q -c 1 -W 2 "$2" >/dev/null
}

# make_outside: the world, 192.0.2.2, behind the host's 192.0.2.1. It knows no way back to the containers.
make_outside() {
    new_network_namespace
    outside_pid=$new_pid
    host ip link add uplink type veth peer name eth0 netns "$outside_pid"
    host ip address add 192.0.2.1/24 dev uplink
    host ip link set uplink up
    inside "$outside_pid" ip address add 192.0.2.2/24 dev eth0
    inside "$outside_pid" ip link set eth0 up
    inside "$outside_pid" ip link set lo up
    eventually reaches "$host_pid" 192.0.2.2
    network_before=$(network)
}

mac_of() {
    host ip -o link show "$1" | grep -o 'link/ether [^ ]*'
}

set_ip_forward() {
    host sh -c "echo $1 >/proc/sys/net/ipv4/ip_forward"
    network_before=$(network)
}

ip_forward() {
    host cat /proc/sys/net/ipv4/ip_forward
}

# --- The namespace ---------------------------------------------------------

# needs: nothing
@test "its network namespace is its own" {
    start_ready
    [[ $(ns_inode "$pid" net) != "$(ns_inode "$host_pid" net)" ]]
    [[ $(ns_inode "$pid" net) != "$(ns_inode self net)" ]]
}

@test "without --ip there is a loopback device, switched on, and nothing else" {
    start_ready
    [[ $(inside "$pid" ip -o link show | wc -l) == 1 ]]
    [[ $(inside "$pid" ip -o link show lo) == *LOOPBACK,UP* ]]
    reaches "$pid" 127.0.0.1
    [[ -z $(inside "$pid" ip route show) ]]
    [[ $(network) == "$network_before" ]]
}

@test "with --ip the loopback device is on as well" {
    start_ready --ip 10.240.0.2/24
    reaches "$pid" 127.0.0.1
}

@test "it does not see the host's devices" {
    host ip link add of-the-host type veth peer name peer
    network_before=$(network)
    demo --ip 10.240.0.2/24 ls /sys/class/net
    assert_status 0
    assert_output $'eth0\nlo'
}

@test "a service on the host's loopback device is out of its reach" {
    listen "$host_pid" 7000 heard
    start_ready --ip 10.240.0.2/24
    run ! send "$pid" 127.0.0.1 7000 hello
    send "$host_pid" 127.0.0.1 7000 bye
}

# --- The cable -------------------------------------------------------------

@test "one end of the cable is its eth0, the other is in the host's bridge" {
    start_ready --ip 10.240.0.2/24
    ours=$(host ip -o link show rung-0af00002)
    theirs=$(inside "$pid" ip -o link show eth0)
    [[ $ours == *"UP,LOWER_UP"*" master rung0 "* ]]
    [[ $theirs == *"UP,LOWER_UP"* ]]
    # Each end names the other by its number: 5: rung-0af00002@if2
    [[ $theirs == *"eth0@if${ours%%:*}:"* && $ours == *"rung-0af00002@if${theirs%%:*}:"* ]]
    [[ $(host ip -details link show rung-0af00002) == *veth* ]]
}

@test "addresses and the default route are those asked for" {
    start_ready --ip 10.240.0.2/24
    [[ $(inside "$pid" ip -o -4 address show eth0) == *"inet 10.240.0.2/24 "* ]]
    [[ $(inside "$pid" ip route show default) == "default via 10.240.0.1 dev eth0"* ]]
    [[ $(host ip -o -4 address show rung0) == *"inet 10.240.0.1/24 "* ]]
}

@test "another subnet, and a bridge of another name" {
    start_ready --bridge other --ip 172.20.5.7/16
    [[ $(inside "$pid" ip -o -4 address show eth0) == *"inet 172.20.5.7/16 "* ]]
    [[ $(inside "$pid" ip route show default) == "default via 172.20.0.1 "* ]]
    [[ $(host ip -o -4 address show other) == *"inet 172.20.0.1/16 "* ]]
    [[ $(host ip -o link show rung-ac140507) == *" master other "* ]]
    reaches "$host_pid" 172.20.5.7
}

@test "the command finds its network complete when it starts" {
    for _ in {1..5}; do
        demo --ip 10.240.0.2/24 sh -c 'ip address show eth0; ip route'
        assert_status 0
        assert_output_like '*UP*inet 10.240.0.2/24*default via 10.240.0.1*'
    done
}

@test "--without=handshake: it looks for a cable that is not there, and nothing is left" {
    demo --without=handshake --ip 10.240.0.2/24 true
    assert_status 125
    assert_stderr_like '*eth0*No such device*'
    eventually network_is_unchanged
}

@test "a line from the host arrives in the container, and the answer comes back" {
    start_ready --ip 10.240.0.2/24
    listen "$pid" 8080 got
    [[ $(send "$host_pid" 10.240.0.2 8080 'Hello to the container') == heard ]]
    grep -x '10.240.0.1 Hello to the container' got
}

@test "a line from the container arrives on the host, and the answer comes back" {
    listen "$host_pid" 8080 got
    start_ready --ip 10.240.0.2/24
    [[ $(send "$pid" 10.240.0.1 8080 'Hello to the host') == heard ]]
    grep -x '10.240.0.2 Hello to the host' got
}

@test "the root file system's own nc prints what the host sends" {
    start_demo --ip 10.240.0.2/24 nc -l -p 8080
    pid=$(container_pid)
    eventually listens "$pid" 8080
    host "$ROOTFS/bin/busybox" nc -w 5 10.240.0.2 8080 <<<'Hello to the container'
    wait_for_demo
    assert_status 0
    assert_output 'Hello to the container'
}

# --- The bridge ------------------------------------------------------------

@test "two containers reach each other over one bridge" {
    start_ready --ip 10.240.0.2/24
    one=$pid
    start_ready --ip 10.240.0.3/24
    two=$pid
    eventually reaches "$one" 10.240.0.3
    eventually reaches "$two" 10.240.0.2
    listen "$one" 9999 got
    [[ $(send "$two" 10.240.0.2 9999 'hello from two') == heard ]]
    grep -x '10.240.0.3 hello from two' got
    listen "$two" 9999 got
    [[ $(send "$one" 10.240.0.3 9999 'hello from one') == heard ]]
    grep -x '10.240.0.2 hello from one' got
}

@test "the bridge stays as long as one container uses it" {
    start_ready --ip 10.240.0.2/24
    first=$demo_pid
    mac=$(mac_of rung0)
    start_ready --ip 10.240.0.3/24
    [[ $(mac_of rung0) == "$mac" ]]
    stop_demo "$first"
    eventually host sh -c '! ip link show rung-0af00002 2>/dev/null'
    host ip link show rung0
    [[ $(mac_of rung0) == "$mac" ]]
    reaches "$pid" 10.240.0.1
    stop_demo
    eventually network_is_unchanged
}

@test "the same address twice is refused, and the first container keeps working" {
    start_ready --ip 10.240.0.2/24
    first=$pid
    demo --ip 10.240.0.2/24 true
    assert_status 125
    assert_one_line_error '*10.240.0.2*File exists*another container*'
    listen "$first" 8080 got
    [[ $(send "$host_pid" 10.240.0.2 8080 'still there?') == heard ]]
}

@test "ten containers start and end at once" {
    pids=()
    for i in {2..11}; do
        start_demo --ip "10.240.0.$i/24" sh -c 'ip -o address show eth0; exit 3'
        pids+=("$demo_pid")
    done
    for i in {2..11}; do
        wait_for_demo "${pids[i - 2]}"
        assert_status 3
        assert_output_like "*inet 10.240.0.$i/24*"
    done
    eventually network_is_unchanged
}

@test "a bridge that was there is used, and left as it was" {
    host ip link add foreign type bridge
    host ip address add 10.240.0.1/24 dev foreign
    host ip link set foreign up
    network_before=$(network)
    start_ready --bridge foreign --ip 10.240.0.2/24
    [[ $(host ip -o link show rung-0af00002) == *" master foreign "* ]]
    eventually reaches "$host_pid" 10.240.0.2
    stop_demo
    eventually network_is_unchanged
}

@test "a bridge that was there gets no address from us" {
    host ip link add foreign type bridge
    host ip link set foreign up
    network_before=$(network)
    start_ready --bridge foreign --ip 10.240.0.2/24
    [[ -z $(host ip -o -4 address show foreign) ]]
    stop_demo
    eventually network_is_unchanged
}

@test "a device that is no bridge is refused" {
    host ip link add other type veth peer name peer
    network_before=$(network)
    demo --bridge other --ip 10.240.0.2/24 true
    assert_status 125
    assert_stderr_like '*other*'
    eventually network_is_unchanged
}

# --- The world -------------------------------------------------------------

@test "without --nat the world does not answer" {
    make_outside
    start_ready --ip 10.240.0.2/24
    eventually reaches "$pid" 10.240.0.1
    run ! inside "$pid" ping -n -c 1 -W 1 192.0.2.2
    [[ $(ip_forward) == 0 ]]
    [[ -z $(host nft list tables 2>/dev/null) ]]
}

@test "with --nat the world sees the host's address, and answers" {
    requires nat
    make_outside
    start_ready --ip 10.240.0.2/24 --nat
    eventually reaches "$pid" 192.0.2.2
    listen "$outside_pid" 80 got
    [[ $(send "$pid" 192.0.2.2 80 'hello world') == heard ]]
    grep -x '192.0.2.1 hello world' got
}

@test "with --nat neighbours see each other's own addresses" {
    requires nat
    start_ready --ip 10.240.0.2/24 --nat
    one=$pid
    start_ready --ip 10.240.0.3/24 --nat
    listen "$one" 9999 got
    [[ $(send "$pid" 10.240.0.2 9999 hello) == heard ]]
    grep -x '10.240.0.3 hello' got
}

@test "ip_forward is switched on for --nat, and then what it was: 0" {
    requires nat
    set_ip_forward 0
    start_ready --ip 10.240.0.2/24 --nat
    [[ $(ip_forward) == 1 ]]
    stop_demo
    [[ $(ip_forward) == 0 ]]
}

@test "ip_forward is switched on for --nat, and then what it was: 1" {
    requires nat
    set_ip_forward 1
    start_ready --ip 10.240.0.2/24 --nat
    [[ $(ip_forward) == 1 ]]
    stop_demo
    [[ $(ip_forward) == 1 ]]
}

@test "NAT is in a table of its own, which goes with the last container" {
    requires nat
    host nft 'add table ip mine { chain c { type filter hook forward priority 0; counter; }; }'
    network_before=$(network)
    start_ready --ip 10.240.0.2/24 --nat
    [[ $(host nft list tables | sort | tr '\n' ' ') == 'table ip mine table ip rung ' ]]
    stop_demo
    eventually network_is_unchanged
}

@test "two containers with --nat: the one that stays still reaches the world" {
    requires nat
    make_outside
    start_ready --ip 10.240.0.2/24 --nat
    first=$demo_pid
    start_ready --ip 10.240.0.3/24 --nat
    stop_demo "$first"
    [[ $(ip_forward) == 1 ]]
    eventually reaches "$pid" 192.0.2.2
    stop_demo
    eventually network_is_unchanged
}

@test "two bridges with --nat: the one that stays still reaches the world" {
    requires nat
    make_outside
    start_ready --ip 10.240.0.2/24 --nat
    first=$demo_pid
    start_ready --bridge rung1 --ip 10.241.0.2/24 --nat
    stop_demo "$first"
    [[ $(ip_forward) == 1 ]]
    eventually reaches "$pid" 192.0.2.2
    stop_demo
    eventually network_is_unchanged
}

@test "--nat on a bridge that was there leaves no rule" {
    requires nat
    make_outside
    host ip link add foreign type bridge
    host ip address add 10.240.0.1/24 dev foreign
    host ip link set foreign up
    network_before=$(network)
    start_ready --bridge foreign --ip 10.240.0.2/24 --nat
    eventually reaches "$pid" 192.0.2.2
    stop_demo
    eventually network_is_unchanged
}

@test "--nat without --ip is a usage error" {
    demo --nat true
    assert_status 2
    assert_stderr_like '*nat*--ip*'
}

# --- Names -----------------------------------------------------------------

# use_resolv_conf PLAIN [RESOLVED]: demos see these as the host's /etc/resolv.conf, and as systemd-resolved's list.
use_resolv_conf() {
    echo "$1" >plain
    echo "${2-}" >resolved
    cat >with_resolv_conf <<'SH'
set -e
file=$(readlink -m /etc/resolv.conf)
mount -t tmpfs run /run
case $file in
/run/*) mkdir -p "${file%/*}" && cp plain "$file" ;;
*) mount --bind plain "$file" ;;
esac
if [ "$(cat resolved)" ]; then
    mkdir -p /run/systemd/resolve
    cp resolved /run/systemd/resolve/resolv.conf
fi
exec "$@"
SH
    DEMO_WORDS=(unshare --mount --propagation private sh ./with_resolv_conf "${DEMO_WORDS[@]}")
}

@test "it has the host's list of name servers, to read only" {
    use_resolv_conf 'nameserver 192.0.2.53'
    demo --ip 10.240.0.2/24 sh -c 'cat /etc/resolv.conf; echo x >>/etc/resolv.conf'
    ((status != 0))
    assert_output 'nameserver 192.0.2.53'
    [[ $(<plain) == 'nameserver 192.0.2.53' ]]
}

@test "where systemd-resolved listens on the host's loopback, it gets the real servers" {
    use_resolv_conf 'nameserver 127.0.0.53' 'nameserver 192.0.2.53'
    demo --ip 10.240.0.2/24 cat /etc/resolv.conf
    assert_output 'nameserver 192.0.2.53'
}

@test "without --ip, and in the image, resolv.conf is the image's own" {
    make_own_root
    echo '# of the image' >"$root/etc/resolv.conf"
    use_resolv_conf 'nameserver 192.0.2.53'
    demo cat /etc/resolv.conf
    assert_output '# of the image'
    demo --ip 10.240.0.2/24 cat /etc/resolv.conf
    assert_output 'nameserver 192.0.2.53'
    [[ $(<"$root/etc/resolv.conf") == '# of the image' ]]
}

@test "an image without resolv.conf works, and gets none" {
    make_own_root
    rm "$root/etc/resolv.conf"
    demo --ip 10.240.0.2/24 true
    assert_status 0
    [[ ! -e $root/etc/resolv.conf ]]
}

@test "names are resolved by a server in the world" {
    requires nat dnsmasq
    make_outside
    nsenter --net="/proc/$outside_pid/ns/net" dnsmasq --conf-file=/dev/null --keep-in-foreground --no-resolv --no-hosts --user=root \
        --pid-file="$PWD/dnsmasq.pid" --address=/rung.test/192.0.2.2 </dev/null >/dev/null 2>&1 3>&- 4>&- &
    namespace_pids+=("$!")
    eventually listens "$outside_pid" 53
    use_resolv_conf 'nameserver 192.0.2.2'
    demo --ip 10.240.0.2/24 --nat sh -c 'until ping -c 1 -W 1 www.rung.test; do sleep 0.1; done'
    assert_status 0
    assert_output_like '*(192.0.2.2)*'
}

# --- Every ending ----------------------------------------------------------

@test "nothing is left when the command ends, is not found, or is killed" {
    options=(--ip 10.240.0.2/24)
    ! has_nat || options+=(--nat)
    demo "${options[@]}" sh -c 'exit 7'
    assert_status 7
    eventually network_is_unchanged
    demo "${options[@]}" no-such-program
    assert_status 127
    eventually network_is_unchanged
    start_ready "${options[@]}"
    kill -KILL "$pid"
    wait_for_demo
    assert_status 137
    eventually network_is_unchanged
}

@test "nothing is left after SIGTERM, SIGINT or SIGHUP" {
    options=(--ip 10.240.0.2/24)
    ! has_nat || options+=(--nat)
    for signal in TERM INT HUP; do
        start_ready "${options[@]}"
        kill -"$signal" "$demo_pid"
        wait_for_demo
        eventually network_is_unchanged
    done
}

@test "nothing is left after a SIGTERM in the middle of the set-up" {
    for delay in 0 0.002 0.004 0.008 0.016; do
        start_demo --ip 10.240.0.2/24 sleep 1000
        sleep "$delay"
        kill -TERM "$demo_pid" 2>/dev/null || true
        # It may have come before the demo was ready for it, or before the command was: then once more.
        EVENTUALLY_SECONDS=2 eventually process_ended "$demo_pid" || kill -TERM "$demo_pid"
        wait_for_demo
        eventually network_is_unchanged
    done
}

@test "nothing is left after an error in the container's half of the set-up" {
    make_own_root
    rmdir "$root/proc"
    # A build that checks its memory use could not do so without /proc.
    export ASAN_OPTIONS=detect_leaks=0
    demo --ip 10.240.0.2/24 true
    assert_status 125
    assert_stderr_like '*proc*'
    eventually network_is_unchanged
}

@test "nothing is left of a container that removed its own cable" {
    demo --ip 10.240.0.2/24 ip link delete eth0
    assert_status 0
    eventually network_is_unchanged
}

@test "after SIGKILL scripts/cleanup removes what is left, and the address is free again" {
    options=(--ip 10.240.0.2/24)
    ! has_nat || options+=(--nat)
    start_ready "${options[@]}"
    kill -KILL "$demo_pid"
    wait_for_demo
    eventually process_ended "$pid"
    [[ $(host ip -o link show rung0) == *rung0* ]]
    run_and_show nsenter --net="/proc/$host_pid/ns/net" "$TOP/scripts/cleanup"
    assert_status 0
    eventually network_is_unchanged
    demo "${options[@]}" true
    assert_status 0
}

@test "after SIGKILL the next container takes over, and the last one tidies up" {
    start_ready --ip 10.240.0.2/24
    kill -KILL "$demo_pid"
    wait_for_demo
    eventually host sh -c '! ip link show rung-0af00002 2>/dev/null'
    demo --ip 10.240.0.2/24 true
    assert_status 0
    eventually network_is_unchanged
    # Its cgroup is another matter.
    run_and_show "$TOP/scripts/cleanup"
}

# --- What the steps before have promised -----------------------------------

@test "its mounts stay its own" {
    start_ready
    diff <(cut -d ' ' -f 5 /proc/self/mountinfo) <(cut -d ' ' -f 5 "/proc/$demo_pid/mountinfo")
}

@test "joining its own mount namespace leads nowhere else" {
    demo sh -c 'touch /tmp/in-here; nsenter -m -t 1 /bin/sh -c "[ -e /tmp/in-here ] && echo no way out"'
    assert_output 'no way out'
}

@test "with a limit to memory there is still no swap" {
    requires memory
    demo --memory 50M cat /sys/fs/cgroup/memory.swap.max
    assert_output 0
}

# --- The demonstration -----------------------------------------------------

@test "the demonstration observes all of it" {
    requires nat
    demo --chapter 6
    assert_status 0
    [[ ${lines[-1]} == demo:*observed ]]
}
