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
    end_commands
    for pid in "${!running[@]}"; do
        process_ended "$pid" || stop_demo "$pid" >/dev/null || problem="$pid does not end"
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

# points: 12
# needs: nothing
# chapter: The idea
# hint: `ls -l /proc/PID/ns/net` shows the host's number. Which flag is missing?
# hint: network_namespaces(7): CLONE_NEWNET; clone3(2).
# hint: `c->clone.flags |= CLONE_NEWNET;` in want_network_namespace, called by main before start.
# bats test_tags=lesson
@test "its network namespace is its own" {
    start_ready
    [[ $(ns_inode "$pid" net) != "$(ns_inode "$host_pid" net)" ]]
    [[ $(ns_inode "$pid" net) != "$(ns_inode self net)" ]]
}

# points: 8
# chapter: The same, made robust
# hint: A new network namespace has lo, switched off. Who switches it on, and from where?
# hint: rtnetlink(7): RTM_NEWLINK with IFF_UP in ifi_flags and in ifi_change. In C: libmnl.
# hint: `set_link_up(c, "lo");` in set_up_network, called by child.
# bats test_tags=lesson
@test "without --ip there is a loopback device, switched on, and nothing else" {
    start_ready
    [[ $(inside "$pid" ip -o link show | wc -l) == 1 ]]
    [[ $(inside "$pid" ip -o link show lo) == *LOOPBACK,UP* ]]
    reaches "$pid" 127.0.0.1
    [[ -z $(inside "$pid" ip route show) ]]
    [[ $(network) == "$network_before" ]]
}

# hint: With --ip, do you leave before lo has had its turn?
# hint: netdevice(7): IFF_UP.
# hint: In set_up_network: `set_link_up(c, "lo");` comes before `if (!c->ip.s_addr) return;`
@test "with --ip the loopback device is on as well" {
    start_ready --ip 10.240.0.2/24
    reaches "$pid" 127.0.0.1
}

# hint: /sys/class/net in the container: lo, eth0, and what else? Whose network does a sysfs mount show?
# hint: network_namespaces(7); sysfs shows the network namespace of whoever mounted it.
# hint: `mount_filesystems(c);` runs in the child, so after clone3 with CLONE_NEWNET.
@test "it does not see the host's devices" {
    host ip link add of-the-host type veth peer name peer
    network_before=$(network)
    demo --ip 10.240.0.2/24 ls /sys/class/net
    assert_status 0
    assert_output $'eth0\nlo'
}

# hint: 127.0.0.1 in the container must be the container's own. Is its network really another?
# hint: network_namespaces(7): ports, too, are the namespace's.
# hint: CLONE_NEWNET for each run, with and without --ip: want_network_namespace.
@test "a service on the host's loopback device is out of its reach" {
    listen "$host_pid" 7000 heard
    start_ready --ip 10.240.0.2/24
    run ! send "$pid" 127.0.0.1 7000 hello
    send "$host_pid" 127.0.0.1 7000 bye
}

# --- The cable -------------------------------------------------------------

# points: 12
# chapter: In a few lines
# hint: `ip link` in the container: is there an eth0, is it up, and which number does the other end have on the host?
# hint: veth(4); rtnetlink(7): RTM_NEWLINK with IFLA_LINKINFO, IFLA_INFO_KIND "veth", VETH_INFO_PEER; IFLA_NET_NS_PID
#   gives the peer away. Both ends must be up.
# hint: make_veth: inside VETH_INFO_PEER `mnl_attr_put_u32(request, IFLA_NET_NS_PID, (uint32_t)c->pid);`
# bats test_tags=lesson
@test "a cable leads from its eth0 to the host" {
    start_ready --ip 10.240.0.2/24
    theirs=$(inside "$pid" ip -o link show eth0)
    [[ $theirs == *"UP,LOWER_UP"* ]]
    # Each end names the other by its number: 5: rung-0af00002@if2
    [[ $theirs =~ eth0@if([0-9]+): ]]
    ours=$(host ip -o link show | grep "^${BASH_REMATCH[1]}: ")
    [[ $ours == *"@if${theirs%%:*}: "*"UP,LOWER_UP"* ]]
}

# points: 10
# needs: a cable leads from its eth0 to the host
# chapter: In a few lines
# hint: eth0 is there. Who gives it its address, and how many bits of that are the network's?
# hint: rtnetlink(7): RTM_NEWADDR with IFA_LOCAL and IFA_ADDRESS, and ifa_prefixlen; or ioctl(2) as in netdevice(7).
# hint: `add_address(c, "eth0", c->ip);` in set_up_network, called by child after wait_for_go.
# bats test_tags=lesson
@test "its eth0 has the address asked for" {
    start_ready --ip 10.240.0.2/24
    [[ $(inside "$pid" ip -o -4 address show eth0) == *"inet 10.240.0.2/24 "* ]]
}

# points: 6
# needs: a cable leads from its eth0 to the host
# chapter: The idea
# hint: `ip link` on the host, and in the container: where are the two ends, and are both up?
# hint: veth(4); rtnetlink(7): RTM_NEWLINK with IFLA_LINKINFO, IFLA_INFO_KIND "veth", VETH_INFO_PEER; IFLA_MASTER
#   plugs it in, IFLA_NET_NS_PID gives the peer away.
# hint: make_veth: `mnl_attr_put_u32(request, IFLA_MASTER, bridge);`, and inside VETH_INFO_PEER
#   `mnl_attr_put_u32(request, IFLA_NET_NS_PID, (uint32_t)c->pid);`
# bats test_tags=lesson
@test "one end of the cable is its eth0, the other is in the host's bridge" {
    start_ready --ip 10.240.0.2/24
    ours=$(host ip -o link show master rung0)
    theirs=$(inside "$pid" ip -o link show eth0)
    [[ $ours == *"UP,LOWER_UP"* ]]
    [[ $theirs == *"UP,LOWER_UP"* ]]
    [[ $theirs == *"eth0@if${ours%%:*}:"* && $ours == *"@if${theirs%%:*}:"* ]]
    [[ $(host ip -details link show master rung0) == *veth* ]]
}

# points: 8
# needs: one end of the cable is its eth0, the other is in the host's bridge
# chapter: The same, made robust
# hint: Which is missing: eth0's address, the bridge's, or the route?
# hint: rtnetlink(7): RTM_NEWADDR with IFA_LOCAL and IFA_ADDRESS; RTM_NEWROUTE with RTA_GATEWAY.
# hint: set_up_network: `add_address(c, "eth0", c->ip); set_link_up(c, "eth0"); add_default_route(c);`. In this order:
#   a route needs a device that is up.
# bats test_tags=lesson
@test "addresses and the default route are those asked for" {
    start_ready --ip 10.240.0.2/24
    [[ $(inside "$pid" ip -o -4 address show eth0) == *"inet 10.240.0.2/24 "* ]]
    [[ $(inside "$pid" ip route show default) == "default via 10.240.0.1 dev eth0"* ]]
    [[ $(host ip -o -4 address show rung0) == *"inet 10.240.0.1/24 "* ]]
}

# needs: addresses and the default route are those asked for
# hint: Is the prefix /24, or the name rung0, written into your code somewhere?
# hint: The gateway is the subnet's first address: all bits of the host part 0, plus 1. ntohl(3), htonl(3).
# hint: `c->gateway.s_addr = htonl((ip & ~hosts) + 1);` in set_ip, with `hosts = UINT32_MAX >> c->prefix`.
@test "another subnet, and a bridge of another name" {
    start_ready --bridge other --ip 172.20.5.7/16
    [[ $(inside "$pid" ip -o -4 address show eth0) == *"inet 172.20.5.7/16 "* ]]
    [[ $(inside "$pid" ip route show default) == "default via 172.20.0.1 "* ]]
    [[ $(host ip -o -4 address show other) == *"inet 172.20.0.1/16 "* ]]
    [[ $(host ip -o link show rung-ac140507) == *" master other "* ]]
    reaches "$host_pid" 172.20.5.7
}

# points: 10
# needs: its eth0 has the address asked for
# chapter: The same, made robust
# hint: Now and then eth0 is not there yet. Who has to wait for whom?
# hint: socketpair(2), read(2): the child waits for a byte. It can't sleep for "long enough".
# hint: `wait_for_go(c);` early in child, and `send(c->sync_fd[0], "g", 1, MSG_NOSIGNAL)` at the end of
#   attach_network.
# bats test_tags=lesson
@test "the command finds its network complete when it starts" {
    for _ in {1..5}; do
        demo --ip 10.240.0.2/24 sh -c 'ip address show eth0; ip route'
        assert_status 0
        assert_output_like '*UP*inet 10.240.0.2/24*10.240.0.0/24 dev eth0*'
    done
}

# needs: the command finds its network complete when it starts
# hint: Left out, the handshake must be missed each time, not by chance. Who has to be late?
# hint: read(2): the end of file comes when the other side has ended. if_nametoindex(3).
# hint: `if (without(c, "handshake")) return;` in wait_for_go; in attach_network the parent then reads until the child
#   has died.
@test "--without=handshake: it looks for a cable that is not there, and nothing is left" {
    demo --without=handshake --ip 10.240.0.2/24 true
    assert_status 125
    assert_stderr_like '*eth0*No such device*'
    eventually network_is_unchanged
}

# points: 6
# needs: addresses and the default route are those asked for
# chapter: Try it
# hint: `ping` from the host to the container: does it answer? Which of the two ends, or the bridge, is down?
# hint: ip-link(8): UP and LOWER_UP; bridge(8) link shows what is plugged in.
# hint: `link->ifi_flags = IFF_UP;` in make_veth, `set_link_up(c, c->bridge);` in make_bridge.
# bats test_tags=lesson
@test "a line from the host arrives in the container, and the answer comes back" {
    start_ready --ip 10.240.0.2/24
    listen "$pid" 8080 got
    [[ $(send "$host_pid" 10.240.0.2 8080 'Hello to the container') == heard ]]
    grep -x '10.240.0.1 Hello to the container' got
}

# needs: addresses and the default route are those asked for
# hint: The host's own address on this cable is the bridge's. Has it one?
# hint: rtnetlink(7): RTM_NEWADDR for the bridge.
# hint: `add_address(c, c->bridge, c->gateway);` in make_bridge.
@test "a line from the container arrives on the host, and the answer comes back" {
    listen "$host_pid" 8080 got
    start_ready --ip 10.240.0.2/24
    [[ $(send "$pid" 10.240.0.1 8080 'Hello to the host') == heard ]]
    grep -x '10.240.0.2 Hello to the host' got
}

# needs: addresses and the default route are those asked for
# hint: It is the container's own program this time. Does what it needs, lo and eth0, stand when it starts?
# hint: nc(1); `ip address` in the container.
# hint: `set_up_network(c);` before `run_program(c);` in child.
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

# points: 8
# needs: addresses and the default route are those asked for
# chapter: Two containers
# hint: Are both ends plugged into the same bridge? And did the second demo make a bridge of its own, or fail at "it
#   exists"?
# hint: rtnetlink(7): NLM_F_CREATE and NLM_F_EXCL; EEXIST is no error here. ip-link(8): `ip link show master rung0`.
# hint: `if (ask(request, NULL, NULL) == -1 && errno != EEXIST) die("make the bridge %s", c->bridge);` in make_bridge.
# bats test_tags=lesson
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

# points: 4
# needs: two containers reach each other over one bridge
# chapter: Two containers
# hint: The first container ended and took the bridge along. How can it see that another still needs it?
# hint: rtnetlink(7): RTM_GETLINK with NLM_F_DUMP; IFLA_MASTER says in which bridge a device is. flock(2) against a
#   race.
# hint: `if (bridge.ours && bridge.ports == 0) delete_link(c, c->bridge);` in detach_network. The MAC address is fixed
#   in make_bridge.
# bats test_tags=lesson
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

# needs: two containers reach each other over one bridge
# hint: Two with one address would disturb each other. What could make the kernel itself refuse the second?
# hint: rtnetlink(7): NLM_F_EXCL: a device's name can exist only once. A name made of the address says it all.
# hint: `snprintf(c->veth, sizeof(c->veth), "rung-%08x", ntohl(c->ip.s_addr));` in make_veth.
@test "the same address twice is refused, and the first container keeps working" {
    start_ready --ip 10.240.0.2/24
    first=$pid
    demo --ip 10.240.0.2/24 true
    assert_status 125
    assert_one_line_error '*10.240.0.2*File exists*another container*'
    listen "$first" 8080 got
    [[ $(send "$host_pid" 10.240.0.2 8080 'still there?') == heard ]]
}

# needs: the bridge stays as long as one container uses it
# hint: One looks whether the bridge is in use, another is about to use it. Who lets them in one at a time?
# hint: flock(2) on a file that all know; step05 has it for the controllers.
# hint: `lock_host();` and `unlock_host();` around the work of attach_network and of detach_network.
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

# needs: two containers reach each other over one bridge
# hint: The bridge belongs to somebody else. How will you still know that at the end?
# hint: rtnetlink(7): IFLA_GROUP is a number on a device that you may choose; ip-link(8) calls it group.
# hint: `mnl_attr_put_u32(request, IFLA_GROUP, our_group);` in make_bridge, and `bridge.ours` in detach_network.
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

# needs: a bridge that was there is used, and left as it was
# hint: You gave a bridge an address that was not yours to set up. What did you ask before?
# hint: look_at_bridge reads the group of the device: rtnetlink(7), IFLA_GROUP.
# hint: `if (!look_at_bridge(c).ours) return;` in make_bridge, before add_address.
@test "a bridge that was there gets no address from us" {
    host ip link add foreign type bridge
    host ip link set foreign up
    network_before=$(network)
    start_ready --bridge foreign --ip 10.240.0.2/24
    [[ -z $(host ip -o -4 address show foreign) ]]
    stop_demo
    eventually network_is_unchanged
}

# needs: two containers reach each other over one bridge
# hint: A name exists, but it is no bridge. Which of your requests does the kernel refuse?
# hint: rtnetlink(7): IFLA_MASTER with a device that can't be a master is an error.
# hint: `die_with_hint(hint, "connect %s to the bridge %s", inet_ntoa(c->ip), c->bridge);` in make_veth.
@test "a device that is no bridge is refused" {
    host ip link add other type veth peer name peer
    network_before=$(network)
    demo --bridge other --ip 10.240.0.2/24 true
    assert_status 125
    assert_stderr_like '*other*'
    eventually network_is_unchanged
}

# --- The world -------------------------------------------------------------

# needs: addresses and the default route are those asked for
# hint: Nobody asked for NAT. Who switched on forwarding, or made a table?
# hint: ip(7): ip_forward; nft(8): `nft list tables`.
# hint: `if (c->nat) open_nat(c);` in attach_network.
@test "without --nat the world does not answer" {
    make_outside
    start_ready --ip 10.240.0.2/24
    eventually reaches "$pid" 10.240.0.1
    run ! inside "$pid" ping -n -c 1 -W 1 192.0.2.2
    [[ $(ip_forward) == 0 ]]
    [[ -z $(host nft list tables 2>/dev/null) ]]
}

# points: 6
# needs: addresses and the default route are those asked for
# chapter: Out into the world
# hint: The packet leaves, and no answer comes. Whose address does it carry, and does the world know the way back?
# hint: nft(8), "NAT statements": masquerade; ip(7): ip_forward; libnftables(3): nft_run_cmd_from_buffer.
# hint: In open_nat: a chain with `type nat hook postrouting priority 100`, a rule that ends with `masquerade`, and
#   "1" into /proc/sys/net/ipv4/ip_forward.
# bats test_tags=lesson
@test "with --nat the world sees the host's address, and answers" {
    requires nat
    make_outside
    start_ready --ip 10.240.0.2/24 --nat
    eventually reaches "$pid" 192.0.2.2
    listen "$outside_pid" 80 got
    [[ $(send "$pid" 192.0.2.2 80 'hello world') == heard ]]
    grep -x '192.0.2.1 hello world' got
}

# needs: with --nat the world sees the host's address, and answers
# hint: Two containers on one bridge saw the host's address. Which packets should the rule leave alone?
# hint: nft(8): oifname, the device that a packet leaves by.
# hint: `oifname != \"%s\" masquerade` with c->bridge in open_nat.
@test "with --nat neighbours see each other's own addresses" {
    requires nat
    start_ready --ip 10.240.0.2/24 --nat
    one=$pid
    start_ready --ip 10.240.0.3/24 --nat
    listen "$one" 9999 got
    [[ $(send "$pid" 10.240.0.2 9999 hello) == heard ]]
    grep -x '10.240.0.3 hello' got
}

# hint: Forwarding is still on after the end. What was it before, and where did you note that?
# hint: ip(7): ip_forward. Note it before the first write, where a second demo can find it, too.
# hint: `"add table ip rung { comment \"ip_forward was %c\"; }"` in open_nat; close_nat reads it: `strstr(table,
#   "ip_forward was 0")`.
@test "ip_forward is switched on for --nat, and then what it was: 0" {
    requires nat
    set_ip_forward 0
    start_ready --ip 10.240.0.2/24 --nat
    [[ $(ip_forward) == 1 ]]
    stop_demo
    [[ $(ip_forward) == 0 ]]
}

# hint: It was on before you came. Is it still?
# hint: ip(7): ip_forward. The administrator may need it for something else.
# hint: `if (strstr(table, "ip_forward was 0"))` in close_nat: only then write "0".
@test "ip_forward is switched on for --nat, and then what it was: 1" {
    requires nat
    set_ip_forward 1
    start_ready --ip 10.240.0.2/24 --nat
    [[ $(ip_forward) == 1 ]]
    stop_demo
    [[ $(ip_forward) == 1 ]]
}

# needs: with --nat the world sees the host's address, and answers
# hint: The host has rules of its own. Did you put yours among them, or remove more than you made?
# hint: nft(8): tables are name spaces. Never flush the ruleset.
# hint: `delete chain ip rung from_%s`, and `delete table ip rung` when no chain is left: close_nat.
@test "NAT is in a table of its own, which goes with the last container" {
    requires nat
    host nft 'add table ip mine { chain c { type filter hook forward priority 0; counter; }; }'
    network_before=$(network)
    start_ready --ip 10.240.0.2/24 --nat
    [[ $(host nft list tables | sort | tr '\n' ' ') == 'table ip mine table ip rung ' ]]
    stop_demo
    eventually network_is_unchanged
}

# needs: with --nat the world sees the host's address, and answers
# hint: The first one ended and took the rule along. Who else depends on it?
# hint: rtnetlink(7), RTM_GETLINK: are other containers in the bridge?
# hint: `if (bridge.containers == 0) close_nat(c);` in detach_network.
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

# needs: with --nat the world sees the host's address, and answers
# hint: Each bridge has its own subnet. Do they share one rule?
# hint: nft(8): a chain for each bridge; the table goes when it is empty.
# hint: `from_%s` with c->bridge names the chain in open_nat; close_nat looks for `"chain "` before it deletes the
#   table.
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

# needs: with --nat the world sees the host's address, and answers
# hint: The bridge stays, since it is not yours. But the rule?
# hint: nft(8): `nft list ruleset` afterwards.
# hint: In detach_network close_nat depends on `bridge.containers == 0`, delete_link on `bridge.ours` as well.
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

# hint: NAT without an address has nothing to translate. When can you know that both were, or were not, given?
# hint: getopt_long(3): options come in any order, so check after the loop.
# hint: `if (c->nat && !c->ip.s_addr) usage_error("nat", "", "needs --ip");` at the end of parse_options.
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

# needs: addresses and the default route are those asked for
# hint: /etc/resolv.conf in the container is the image's. How can a single file of the host appear there,
#   unchangeable?
# hint: resolv.conf(5); open_tree(2) takes it before pivot_root, move_mount(2) puts it in; mount(2): MS_REMOUNT,
#   MS_BIND and MS_RDONLY.
# hint: `take_resolv_conf(c);` in child before enter_root, `put_resolv_conf(c);` after it.
@test "it has the host's list of name servers, to read only" {
    use_resolv_conf 'nameserver 192.0.2.53'
    demo --ip 10.240.0.2/24 sh -c 'cat /etc/resolv.conf; echo x >>/etc/resolv.conf'
    ((status != 0))
    assert_output 'nameserver 192.0.2.53'
    [[ $(<plain) == 'nameserver 192.0.2.53' ]]
}

# needs: it has the host's list of name servers, to read only
# hint: 127.0.0.53 in the container is the container itself. Where does the host keep the real list?
# hint: systemd-resolved(8), "/etc/resolv.conf": the file with the uplink servers.
# hint: take_resolv_conf: `const char *path = "/run/systemd/resolve/resolv.conf";`, and if that is not there
#   `path = "/etc/resolv.conf";`.
@test "where systemd-resolved listens on the host's loopback, it gets the real servers" {
    use_resolv_conf 'nameserver 127.0.0.53' 'nameserver 192.0.2.53'
    demo --ip 10.240.0.2/24 cat /etc/resolv.conf
    assert_output 'nameserver 192.0.2.53'
}

# needs: it has the host's list of name servers, to read only
# hint: Without a network there is nobody to ask, so leave the file alone. And did you write into the image?
# hint: move_mount(2) covers a file and does not change it. open(2) with O_TRUNC would.
# hint: `c->resolv_conf_fd = open_tree(...)` only where `c->ip.s_addr` is one, in take_resolv_conf.
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

# needs: it has the host's list of name servers, to read only
# hint: There is nothing to mount on. Is that a reason to stop, or to create a file?
# hint: move_mount(2), ERRORS: ENOENT.
# hint: `if (errno == ENOENT) return;` in put_resolv_conf.
@test "an image without resolv.conf works, and gets none" {
    make_own_root
    rm "$root/etc/resolv.conf"
    demo --ip 10.240.0.2/24 true
    assert_status 0
    [[ ! -e $root/etc/resolv.conf ]]
}

# needs: with --nat the world sees the host's address, and answers
# needs: it has the host's list of name servers, to read only
# hint: A name needs a server, a route there, and an answer. Which of the three is missing?
# hint: resolv.conf(5); `nslookup www.rung.test` in the container; UDP passes masquerade as TCP does.
# hint: put_resolv_conf for the server's address, open_nat for the way.
@test "names are resolved by a server in the world" {
    requires nat dnsmasq
    make_outside
    nsenter --net="/proc/$outside_pid/ns/net" dnsmasq --conf-file=/dev/null --keep-in-foreground --no-resolv --no-hosts --user=root \
        --pid-file="$PWD/dnsmasq.pid" --address=/rung.test/192.0.2.2 </dev/null >/dev/null 2>&1 3>&- 4>&- &
    namespace_pids+=("$!")
    eventually listens "$outside_pid" 53
    use_resolv_conf 'nameserver 192.0.2.2'
    demo --ip 10.240.0.2/24 --nat sh -c 'until ping -c 1 -W 1 www.rung.test || [ $((i += 1)) = 100 ]; do sleep 0.1; done'
    assert_status 0
    assert_output_like '*(192.0.2.2)*'
}

# --- Every ending ----------------------------------------------------------

# points: 8
# needs: a cable leads from its eth0 to the host
# chapter: The same, made robust
# hint: Compare `ip link` and `nft list tables` before and after. What did you leave?
# hint: rtnetlink(7): RTM_DELLINK; atexit(3).
# hint: `to_undo = c; atexit(detach_network);` in attach_network, before anything is made.
# bats test_tags=lesson
@test "nothing is left when the command ends, is not found, or is killed" {
    options=(--ip 10.240.0.2/24)
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

# needs: nothing is left when the command ends, is not found, or is killed
# hint: Does a signal end your demo without its atexit?
# hint: sigprocmask(2): from the start all three wait for sigwaitinfo(2).
# hint: `block_signals(&container);` in main before start, and pass_on for what arrives.
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

# needs: nothing is left after SIGTERM, SIGINT or SIGHUP
# hint: The signal came between two requests. Was the undo registered before the first of them?
# hint: atexit(3); sigprocmask(2): a blocked signal waits until the set-up is done.
# hint: In attach_network: `atexit(detach_network);` comes before make_bridge and make_veth.
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
    demo --ip 10.240.0.2/24 ls /sys/class/net
    assert_output $'eth0\nlo'
}

# needs: nothing is left when the command ends, is not found, or is killed
# hint: The child died half-way, and the parent still has a cable in its hand. Does it notice, and does it hang?
# hint: send(2): MSG_NOSIGNAL, or the parent dies of SIGPIPE; waitpid(2).
# hint: `send(c->sync_fd[0], "g", 1, MSG_NOSIGNAL)` in attach_network, where EPIPE is no error; then wait_for_child, and
#   atexit does the rest.
@test "nothing is left after an error in the container's half of the set-up" {
    make_own_root
    demo --ip 10.240.0.2/24 ls /sys/class/net
    assert_output $'eth0\nlo'
    rmdir "$root/proc"
    # A build that checks its memory use could not do so without /proc.
    export ASAN_OPTIONS=detect_leaks=0
    demo --ip 10.240.0.2/24 true
    assert_status 125
    assert_stderr_like '*proc*'
    eventually network_is_unchanged
}

# needs: nothing is left when the command ends, is not found, or is killed
# hint: One end is deleted, and with it the other. Does your undo stumble over what is gone?
# hint: veth(4): the two ends live and die together. ENODEV from RTM_DELLINK.
# hint: `(void)ask(new_link_request(buffer, RTM_DELLINK, 0, name), NULL, NULL);` in delete_link: it may be gone
#   already.
@test "nothing is left of a container that removed its own cable" {
    demo --ip 10.240.0.2/24 ip link delete eth0
    assert_status 0
    eventually network_is_unchanged
}

# needs: nothing is left when the command ends, is not found, or is killed
# hint: kill -9 left the bridge. How does scripts/cleanup recognise it as yours?
# hint: `scripts/cleanup --help`: devices named rung-..., bridges of the group 1920298599 (or with the alias rung), the table rung.
# hint: `IFLA_GROUP, our_group` in make_bridge, and the name "rung-%08x" in make_veth.
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

# needs: nothing is left when the command ends, is not found, or is killed
# hint: A bridge was left behind. The next demo finds it: does it take it for somebody else's?
# hint: rtnetlink(7), IFLA_GROUP: it outlives the process that wrote it.
# hint: `bridge->ours = mnl_attr_get_u32(attribute) == our_group;` in look_at_link.
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

# hint: The demo's mounts have changed. Where did you mount, or take resolv.conf from?
# hint: open_tree(2) with OPEN_TREE_CLONE makes a mount that is nowhere yet: call it in the child.
# hint: `take_resolv_conf(c);` stands in child, after make_mounts_private.
@test "its mounts stay its own" {
    start_ready
    diff <(cut -d ' ' -f 5 /proc/self/mountinfo) <(cut -d ' ' -f 5 "/proc/$demo_pid/mountinfo")
}

# hint: What stands between make_mounts_private and enter_root now?
# hint: pivot_root(2), setns(2): the namespace's root has to be the container's.
# hint: The order in child: make_mounts_private, take_resolv_conf, enter_root, mount_filesystems.
@test "joining its own mount namespace leads nowhere else" {
    demo --ip 10.240.0.2/24 sh -c '
        touch /tmp/in-here; nsenter -m -t 1 /bin/sh -c "[ -e /tmp/in-here ] && ls /sys/class/net"'
    assert_output $'eth0\nlo'
}

# hint: Which line of step05 got lost when you added this step?
# hint: `make diff STEP=06` shows what this step adds; memory.swap.max is in kernel, admin-guide/cgroup-v2.rst.
# hint: `default_swap(c);` at the end of parse_options.
@test "with a limit to memory there is still no swap" {
    requires memory
    demo --memory 50M --ip 10.240.0.2/24 cat /sys/fs/cgroup/memory.swap.max
    assert_output 0
}

# --- The demonstration -----------------------------------------------------

# needs: with --nat the world sees the host's address, and answers
# needs: two containers reach each other over one bridge
# hint: Which scene of chapter 6 says NOT OBSERVED?
# hint: `sudo ./demo --chapter 6`; the scenes are in scenes.c, with the host's script for each.
# hint: The scenes use all of attach_network and set_up_network, and one of them `--without=handshake`.
@test "the demonstration observes all of it" {
    requires nat
    demo --chapter 6
    assert_status 0
    [[ ${lines[-1]} == demo:*observed && $output != *'left out'* ]]
}
