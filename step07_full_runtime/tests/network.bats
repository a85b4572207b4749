#!/usr/bin/env bats
#
# The network: veth, bridge, NAT. Everything happens in a network namespace that plays the host, so that neither the
# machine's own links and rules nor two tests at once can get in each other's way; another one plays the world outside.
#
# bats file_tags=step07,network
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper

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
    start_demo "$@" sh -c 'echo ready; for _ in $(seq 1000); do echo hello from $(hostname) | nc -l -p 9999 >/dev/null; done'
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

# hint: A new network namespace has lo, switched off. Who switches it on in there?
# hint: netdevice(7): IFF_UP; rtnetlink(7), RTM_NEWLINK, sent from inside.
# hint: set_up_network in network/network.c, called in the child, with and without --ip.
@test "without --ip it has lo alone, and lo is up" {
    demo sh -c 'ls /sys/class/net; ip -o addr show lo | grep -c 127.0.0.1; echo hi | nc -l -p 7777 &
        for _ in $(seq 300); do nc 127.0.0.1 7777 </dev/null 2>/dev/null && break; sleep 0.1; done'
    assert_status 0
    assert_output $'lo\n1\nhi'
    [[ $(on_host ip -br link) != *rung* ]]
}

# hint: Now and then something is missing. Does the child wait until its parent has made the cable?
# hint: rtnetlink(7); a byte over a socketpair(2) says "go".
# hint: wait_for_go in container/init.c comes before set_up_network, attach_network before the "go".
@test "--ip: address, route and lo are there when the command starts" {
    for _ in 1 2 3 4 5; do
        demo --ip 10.240.0.2/24 sh -c 'ip -4 -o addr show | awk "{ print \$2, \$4 }"; ip route'
        assert_status 0
        assert_output_like $'lo 127.0.0.1/8\neth0 10.240.0.2/24\ndefault via 10.240.0.1 dev eth0*\n10.240.0.0/24 dev eth0*'
    done
}

# points: 8
# needs: nothing
# chapter: The same, made robust
# hint: On the host there should be rung0 with the gateway's address, and one end of a cable in it. Which is missing?
# hint: rtnetlink(7), veth(4), ip-link(8): `ip link show master rung0`.
# hint: attach_network: have_bridge, make_bridge, then make_veth with IFLA_MASTER and IFLA_NET_NS_PID.
# bats test_tags=lesson
@test "--ip: the bridge and the cable, seen from the host" {
    start_ready --ip 10.240.0.2/24
    [[ $(on_host ip -4 -o addr show rung0) == *'10.240.0.1/24'* ]]
    on_host ip -o link show rung0 | grep -q '[<,]UP[,>]'
    on_host ip -o link show rung-0af00002 | grep -q 'master rung0'
    [[ $(nsenter "--net=/proc/$pid/ns/net" ip -4 -o addr show eth0) == *10.240.0.2/24* ]]
    # The two ends belong together.
    [[ $(nsenter "--net=/proc/$pid/ns/net" cat /sys/class/net/eth0/iflink 2>/dev/null || true) != 0 ]]
}

# hint: The cable is there, and nothing gets through. Are both ends and the bridge up?
# hint: ip-link(8): LOWER_UP; `ip neigh` says who has been found.
# hint: make_veth switches the host's end on, parent the other one.
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

# hint: A /28 does not begin at .0. Which is the first address of 172.30.7.18/28?
# hint: inet_pton(3), ntohl(3): all bits of the host part 0, plus 1.
# hint: first_address in network/network.c.
@test "another subnet has another gateway" {
    demo --ip 172.30.7.18/28 ip route
    assert_status 0
    assert_output_like 'default via 172.30.7.17 dev eth0*'
}

# hint: With a user namespace, in whose namespace do you configure eth0, and with what rights?
# hint: user_namespaces(7), network_namespaces(7): the network belongs to the container's user namespace.
# hint: The cable is the parent's work (attach_network), addresses are the child's (set_up_network).
@test "--userns has a network just the same" {
    start_server --userns --hostname server --ip 10.240.0.2/24
    eventually says_hello 10.240.0.2
}

# hint: Where does a program look for its name server, and what is in that file in the container?
# hint: resolv.conf(5); open_tree(2) before the root changes.
# hint: resolver_path finds the host's file; it becomes a bind mount on /etc/resolv.conf, read-only.
@test "name servers of the host are known inside" {
    demo --ip 10.240.0.2/24 true
    assert_status 0
    grep -E '^nameserver' /etc/resolv.conf | grep -vqE ' (127\.|::1)' || return 0
    demo --ip 10.240.0.2/24 grep -c ^nameserver /etc/resolv.conf
    assert_status 0
    ((output > 0))
}

# --- Two containers ---

# needs: host and container talk over TCP, both ways
# hint: Are both in one bridge? Did the second one make another, or fail because it was there?
# hint: rtnetlink(7): NLM_F_EXCL, EEXIST.
# hint: have_bridge looks first; make_bridge only if there is none.
@test "two containers talk to each other" {
    start_server --hostname one --ip 10.240.0.2/24
    demo --ip 10.240.0.3/24 sh -c 'for _ in $(seq 300); do nc -w 2 10.240.0.2 9999 </dev/null && break; sleep 0.1; done'
    assert_status 0
    assert_output 'hello from one'
}

# hint: Who could notice that an address is taken, without a list of your own?
# hint: A device's name can exist once only: rtnetlink(7), NLM_F_EXCL.
# hint: choose_name makes "rung-" and the address in hexadecimal.
@test "the same address twice is refused, and the first one keeps it" {
    start_server --hostname one --ip 10.240.0.2/24
    demo --ip 10.240.0.2/24 true
    assert_status 125
    assert_one_line_error '*rung-0af00002*another container*'
    eventually says_hello 10.240.0.2
    assert_output 'hello from one'
}

# needs: two containers talk to each other
# hint: The first to leave took the bridge along. What should it have looked for?
# hint: rtnetlink(7): RTM_GETLINK with NLM_F_DUMP, IFLA_MASTER.
# hint: leave_bridge in network/network.c: look_at_bridge counts who is in it, under lock.
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

# hint: "Is it there?" and "then make it" are two steps. Who is between them?
# hint: flock(2): one at a time.
# hint: The lock of base/lock.c is held around attach_network and detach_network.
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

# hint: Is rung0 written into your code somewhere?
# hint: The name travels as an annotation of config.json; `demo spec --print --bridge other` shows it.
# hint: edit_bridge in commands/edits_limits.c writes it, config/spec_network.c reads it.
@test "--bridge names the bridge" {
    start_ready --bridge rung-other --ip 10.240.0.2/24
    [[ $(on_host ip -4 -o addr show rung-other) == *'10.240.0.1/24'* ]]
    stop_demo
    eventually host_is_clean
}

# hint: How will you still know at the end whether you made it?
# hint: rtnetlink(7): IFLA_GROUP, a number on the device.
# hint: make_bridge writes the group, look_at_link reads it.
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

# hint: The name is that of another kind of device. Which attribute tells the kind?
# hint: rtnetlink(7): IFLA_LINKINFO, IFLA_INFO_KIND.
# hint: kind_is_bridge, asked by have_bridge before anything is made.
@test "--bridge: a link that is no bridge is refused" {
    on_host ip link add plain0 type veth peer name plain1
    demo --bridge plain0 --ip 10.240.0.2/24 true
    assert_status 125
    assert_one_line_error '*plain0*not a bridge*'
}

# hint: Which of them was accepted: the gateway's, the subnet's own, broadcast, loopback, multicast?
# hint: inet_pton(3), ip(7). Check when the spec is read.
# hint: check_address, called while the spec is read: parse_address in config/spec_network.c.
@test "addresses that no container can have are refused before anything is made" {
    for address in 10.240.0.1/24 10.240.0.0/24 10.240.0.255/24 127.0.0.5/8 224.0.0.5/24 0.0.0.2/24 10.240.0.2/31 10.240.0.2/0; do
        demo --ip "$address" true
        ((status == 2 || status == 125))
        assert_one_line_error "*$address*"
    done
}

# --- NAT ---

# hint: The answer does not come back. Whose address is on the packet when it leaves?
# hint: nft(8): masquerade; libnftables(3); ip(7): ip_forward.
# hint: open_nat in network/nat.c: table, chain, rule, then set_ip_forward.
@test "--nat: the world sees the host's address, and answers" {
    requires nat
    the_world
    demo --ip 10.240.0.2/24 --nat nc -w 3 192.0.2.2 80
    assert_status 0
    assert_output 192.0.2.1
    eventually host_is_clean
}

# hint: Nobody asked for forwarding. Who switched it on?
# hint: ip(7): ip_forward.
# hint: open_nat is called only if the spec says so.
@test "without --nat the world cannot be reached" {
    requires nat
    the_world
    demo --ip 10.240.0.2/24 nc -w 1 192.0.2.2 80
    ((status != 0 && status != 125))
    assert_output ''
}

# needs: --nat: the world sees the host's address, and answers
# hint: What was there before is gone, or yours is still there. Did you flush too much or too little?
# hint: nft(8): delete your own chain and table, never the ruleset.
# hint: close_nat; the table's comment remembers ip_forward.
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

# needs: --nat: the world sees the host's address, and answers
# hint: It was on before. Where is that noted?
# hint: ip(7), nft(8): a table can carry a comment.
# hint: set_ip_forward in close_nat only if the comment says that it was 0.
@test "--nat: ip_forward that was on stays on" {
    requires nat
    on_host sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
    forward_before=1
    demo --ip 10.240.0.2/24 --nat true
    assert_status 0
    [[ $(ip_forward) == 1 ]]
}

# needs: --nat: the world sees the host's address, and answers
# hint: Two share a bridge, a third has another. Whose rule goes when the first one ends?
# hint: nft(8): a chain for each bridge.
# hint: close_nat is called for the last container of a bridge; have_table tells when the table is empty.
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

# hint: After which ending is something left: an error, a signal, a command that is not there?
# hint: atexit(3), sigprocmask(2); rtnetlink(7): RTM_DELLINK.
# hint: undo_at_exit registers detach_network before attach_network.
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

# hint: The demo had ended, and the link was still there for a moment. Who waited for whom?
# hint: network_namespaces(7): the kernel tears down in the background.
# hint: wait_until_gone in network/network.c: it has a limit to the time.
@test "when the network is there, so is nothing else: the links are gone when the demo ends" {
    demo --ip 10.240.0.2/24 true
    assert_status 0
    [[ $(on_host ip -br link) != *rung* ]]
}

# hint: Where does it say which link, which bridge, which table?
# hint: The state file has to be written before the link is made: rename(2).
# hint: network_reopen takes the names from the state, detach_network removes them.
@test "after SIGKILL delete --force removes link, bridge, table, and restores ip_forward" {
    requires nat
    start_ready --name "killed-$$" --ip 10.240.0.2/24 --nat
    kill -KILL "$demo_pid"
    wait_for_demo
    [[ $(ip_forward) == 1 ]]
    on_host "$DEMO_PROGRAM" delete --force "killed-$$"
    host_is_clean
}
