#!/usr/bin/env bats
#
# The network: veth, bridge, NAT. Everything happens in a network namespace that plays the host, so that neither the
# machine's own links and rules nor two tests at once can get in each other's way; another one plays the world outside.
#
# bats file_tags=step07,network
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../scripts/test_helper

before_each() {
    requires root rootfs veth bridge
    host=$(new_namespace)
    DEMO_WORDS=(nsenter "--net=/proc/$host/ns/net" "${DEMO_WORDS[@]}")
    players=("$host")
}

after_each() {
    local pid result=0
    # What a container left in the "host" would vanish with it unseen: look first.
    if [[ -z ${left_on_purpose-} ]]; then
        for pid in "${!running[@]}"; do
            kill -TERM "$pid"
            eventually process_ended "$pid"
        done
        eventually host_is_clean || result=1
    fi
    kill "${players[@]}"
    for pid in "${players[@]}"; do eventually process_ended "$pid"; done
    ((result == 0)) || fail "left on the host: $(on_host ip -br link; on_host nft list tables)"
}

# new_namespace: print the PID of a process in a network namespace of its own.
new_namespace() {
    unshare --net sleep 1000 >/dev/null 3>&- 4>&- &
    eventually has_own_network $! && echo $!
}

has_own_network() { [[ $(ns_inode "$1" net) != "$(ns_inode self net)" ]]; }

on_host() { nsenter "--net=/proc/$host/ns/net" "$@"; }

ip_forward() { on_host cat /proc/sys/net/ipv4/ip_forward; }

host_is_clean() {
    local links
    links=$(on_host ip -br link | grep -cE '^(rung|br)' || true)
    [[ $links == 0 && -z $(on_host nft list tables 2>/dev/null) && $(ip_forward) == "${forward_before:-0}" ]]
}

# start_ready FLAGS...: a container that sleeps; $pid is its process 1.
start_ready() {
    start_demo "$@" sh -c 'echo ready; exec sleep 100'
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")" || return
    pid=$(container_pid)
}

# start_server FLAGS...: a container that says hello to whoever connects to port 9999.
start_server() {
    start_demo "$@" sh -c 'echo ready; while :; do echo hello from $(hostname) | nc -l -p 9999 >/dev/null; done'
    eventually grep -q ready "$demo_out" || fail "it did not start: $(cat "$demo_err")"
}

# the_world: a namespace that plays the world: 192.0.2.2, connected to the host's 192.0.2.1. It knows no 10.240.0.0/24.
the_world() {
    outside=$(new_namespace)
    players+=("$outside")
    on_host ip link add up0 type veth peer name eth0 netns "$outside"
    on_host ip address add 192.0.2.1/24 dev up0
    on_host ip link set up0 up
    nsenter "--net=/proc/$outside/ns/net" sh -c 'ip link set lo up; ip link set eth0 up; ip address add 192.0.2.2/24 dev eth0'
    # It tells each who connects what address he has.
    nsenter "--net=/proc/$outside/ns/net" python3 -c '
import socket
server = socket.create_server(("192.0.2.2", 80))
while True:
    client, address = server.accept()
    client.sendall((address[0] + "\n").encode())
    client.close()' >/dev/null 2>&1 3>&- 4>&- &
    players+=("$!")
    eventually on_host python3 -c 'import socket; socket.create_connection(("192.0.2.2", 80), 1)' 2>/dev/null
}

# --- One container ---

@test "without --ip it has lo alone, and lo is up" {
    demo sh -c 'ls /sys/class/net; ip -o addr show lo | grep -c 127.0.0.1; echo hi | nc -l -p 7777 &
        until nc 127.0.0.1 7777 </dev/null 2>/dev/null; do sleep 0.1; done'
    assert_status 0
    assert_output $'lo\n1\nhi'
    [[ $(on_host ip -br link) != *rung* ]]
}

@test "--ip: address, route and lo are there when the command starts" {
    for _ in 1 2 3 4 5; do
        demo --ip 10.240.0.2/24 sh -c 'ip -4 -o addr show | awk "{ print \$2, \$4 }"; ip route'
        assert_status 0
        assert_output_like $'lo 127.0.0.1/8\neth0 10.240.0.2/24\ndefault via 10.240.0.1 dev eth0*\n10.240.0.0/24 dev eth0*'
    done
}

# needs: nothing
@test "--ip: the bridge and the cable, seen from the host" {
    start_ready --ip 10.240.0.2/24
    [[ $(on_host ip -4 -o addr show rung0) == *'10.240.0.1/24'* ]]
    on_host ip -o link show rung0 | grep -q '[<,]UP[,>]'
    on_host ip -o link show rung-0af00002 | grep -q 'master rung0'
    [[ $(nsenter "--net=/proc/$pid/ns/net" ip -4 -o addr show eth0) == *10.240.0.2/24* ]]
    # The two ends belong together.
    [[ $(nsenter "--net=/proc/$pid/ns/net" cat /sys/class/net/eth0/iflink 2>/dev/null || true) != 0 ]]
}

@test "host and container talk over TCP, both ways" {
    start_server --hostname server --ip 10.240.0.2/24
    eventually says_hello 10.240.0.2
    assert_output 'hello from server'
    on_host python3 -c '
import socket
server = socket.create_server(("10.240.0.1", 80))
client, address = server.accept()
print(address[0], client.makefile().readline().strip(), flush=True)' >heard 2>&1 3>&- 4>&- &
    listener=$!
    eventually listening 10.240.0.1:80
    demo --ip 10.240.0.3/24 sh -c 'echo hi there | nc -w 2 10.240.0.1 80'
    eventually process_ended "$listener"
    [[ $(<heard) == '10.240.0.3 hi there' ]]
}

says_hello() {
    output=$(on_host python3 -c 'import socket, sys; print(socket.create_connection((sys.argv[1], 9999), 2).makefile().read(), end="")' "$1" 2>/dev/null) &&
        [[ -n $output ]]
}

listening() { on_host ss -Htln | grep -qF "$1 "; }

@test "another subnet has another gateway" {
    demo --ip 172.30.7.18/28 ip route
    assert_status 0
    assert_output_like 'default via 172.30.7.17 dev eth0*'
}

@test "--userns has a network just the same" {
    start_server --userns --hostname server --ip 10.240.0.2/24
    eventually says_hello 10.240.0.2
}

@test "name servers of the host are known inside" {
    grep -E '^nameserver' /etc/resolv.conf | grep -vqE ' (127\.|::1)' || return 0
    demo --ip 10.240.0.2/24 grep -c ^nameserver /etc/resolv.conf
    assert_status 0
    ((output > 0))
}

# --- Two containers ---

@test "two containers talk to each other" {
    start_server --hostname one --ip 10.240.0.2/24
    demo --ip 10.240.0.3/24 sh -c 'until nc -w 2 10.240.0.2 9999 </dev/null; do sleep 0.1; done'
    assert_status 0
    assert_output 'hello from one'
}

@test "the same address twice is refused, and the first one keeps it" {
    start_server --hostname one --ip 10.240.0.2/24
    demo --ip 10.240.0.2/24 true
    assert_status 125
    assert_one_line_error '*rung-0af00002*another container*'
    eventually says_hello 10.240.0.2
    assert_output 'hello from one'
}

@test "the bridge stays until the last container leaves" {
    start_ready --ip 10.240.0.2/24
    one=$demo_pid
    start_server --hostname two --ip 10.240.0.3/24
    two=$demo_pid
    stop_demo "$one"
    eventually says_hello 10.240.0.3
    stop_demo "$two"
    eventually host_is_clean
}

@test "ten containers come and go at once" {
    pids=()
    for i in {2..11}; do
        start_demo --ip "10.240.0.$i/24" ip -4 -o addr show eth0
        pids+=("$demo_pid")
    done
    for i in {2..11}; do
        wait_for_demo "${pids[i - 2]}"
        assert_status 0
        assert_output_like "*10.240.0.$i/24*"
    done
    eventually host_is_clean
}

# --- Bridges ---

@test "--bridge names the bridge" {
    start_ready --bridge rung-other --ip 10.240.0.2/24
    [[ $(on_host ip -4 -o addr show rung-other) == *'10.240.0.1/24'* ]]
    stop_demo
    eventually host_is_clean
}

@test "a bridge that is not ours is used, and stays as it was" {
    on_host ip link add mine0 type bridge
    on_host ip address add 10.240.0.1/24 dev mine0
    on_host ip link set mine0 up
    start_server --hostname guest --bridge mine0 --ip 10.240.0.2/24
    eventually says_hello 10.240.0.2
    stop_demo
    [[ $(on_host ip -4 -o addr show mine0) == *'10.240.0.1/24'* ]]
    [[ $(on_host ip -br link) != *rung* ]]
}

@test "--bridge: a link that is no bridge is refused" {
    on_host ip link add plain0 type veth peer name plain1
    demo --bridge plain0 --ip 10.240.0.2/24 true
    assert_status 125
    assert_one_line_error '*plain0*not a bridge*'
}

@test "addresses that no container can have are refused before anything is made" {
    for address in 10.240.0.1/24 10.240.0.0/24 10.240.0.255/24 127.0.0.5/8 224.0.0.5/24 0.0.0.2/24 10.240.0.2/31 10.240.0.2/0; do
        demo --ip "$address" true
        ((status == 2 || status == 125))
        assert_one_line_error "*$address*"
    done
}

# --- NAT ---

@test "--nat: the world sees the host's address, and answers" {
    requires nat
    the_world
    demo --ip 10.240.0.2/24 --nat nc -w 3 192.0.2.2 80
    assert_status 0
    assert_output 192.0.2.1
    eventually host_is_clean
}

@test "without --nat the world cannot be reached" {
    requires nat
    the_world
    demo --ip 10.240.0.2/24 nc -w 1 192.0.2.2 80
    ((status != 0 && status != 125))
    assert_output ''
}

@test "--nat is a table of its own; other rules and ip_forward stay as they were" {
    requires nat
    on_host nft 'add table ip other; add chain ip other c'
    start_ready --ip 10.240.0.2/24 --nat
    [[ $(ip_forward) == 1 ]]
    on_host nft list table ip rung | grep -q masquerade
    stop_demo
    eventually table_is_gone
    [[ $(on_host nft list tables) == 'table ip other' ]]
    [[ $(ip_forward) == 0 ]]
    on_host nft delete table ip other
}

table_is_gone() { ! on_host nft list tables | grep -qw rung; }

@test "--nat: ip_forward that was on stays on" {
    requires nat
    on_host sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    forward_before=1
    demo --ip 10.240.0.2/24 --nat true
    assert_status 0
    [[ $(ip_forward) == 1 ]]
}

@test "--nat: one container's end does not cut off another one" {
    requires nat
    the_world
    start_ready --ip 10.240.0.2/24 --nat
    one=$demo_pid
    start_ready --ip 10.240.0.3/24 --nat
    start_ready --bridge rung1 --ip 10.241.0.2/24 --nat
    other=$pid
    stop_demo "$one"
    [[ $(ip_forward) == 1 ]]
    nsenter "--net=/proc/$pid/ns/net" python3 -c 'import socket; print(socket.create_connection(("192.0.2.2", 80), 3).makefile().read())' >seen
    [[ $(<seen) == 192.0.2.1* ]]
    stop_demo "$(ppid_of "$other")"
    [[ $(ip_forward) == 1 ]]
}

ppid_of() { status_field "$1" PPid; }

# --- The end ---

@test "every ending leaves the host clean" {
    requires nat
    for command in true false 'sh -c "kill -9 $$"' no-such-program /etc/passwd; do
        eval "demo --ip 10.240.0.2/24 --nat $command"
        eventually host_is_clean || fail "after: $command"
    done
    for signal in TERM INT HUP; do
        start_ready --ip 10.240.0.2/24 --nat
        kill -"$signal" "$demo_pid"
        wait_for_demo
        eventually host_is_clean || fail "after SIG$signal"
    done
}

@test "when the network is there, so is nothing else: the links are gone when the demo ends" {
    demo --ip 10.240.0.2/24 true
    [[ $(on_host ip -br link) != *rung* ]]
}

@test "after SIGKILL delete --force removes link, bridge, table, and restores ip_forward" {
    requires nat
    start_ready --name "killed-$$" --ip 10.240.0.2/24 --nat
    kill -KILL "$demo_pid"
    wait_for_demo
    [[ $(ip_forward) == 1 ]]
    on_host "$DEMO_PROGRAM" delete --force "killed-$$"
    host_is_clean
}
