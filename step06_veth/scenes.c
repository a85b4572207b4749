/*
 * scenes.c - what each chapter's demonstration shows.
 */
#include "demonstration.h"

/* A script for the container's shell. */
#define SHELL(script) "/bin/sh", "-c", script
/* For the host's shell: go to the directory of the container's cgroup. */
#define ENTER_CGROUP \
    "cd $(findmnt -n -o TARGET -t cgroup2 | head -n 1)\n" \
    "cd .$(sed -n s/^0:://p /proc/$PID/cgroup)\n"

const struct scene scenes[] = {
    {
        .chapter = 1,
        .shows = "fork(2) makes a child; execve(2) makes it another program",
        .arguments = {"-v", "echo", "hello world"},
        .sees = {"my parent is", "execve(\"echo\")", "hello world"},
        .saw = "One process became two. The copy called execve(2) and is echo "
               "now; the original has waited for it.",
    },
    {
        .chapter = 1,
        .shows = "its exit status becomes ours",
        .arguments = {SHELL("exit 42")},
        .saw = "The command's exit status has become the demo's own, as a "
               "shell would have it.",
        .status = 42,
    },
    {
        .chapter = 1,
        .until = 1,
        .shows = "killed by signal 15: 128 + 15, as in every shell",
        .arguments = {SHELL("kill -TERM $$")},
        .saw = "A killed program has no exit status of its own, so 128 and the "
               "signal's number stand for it.",
        .status = 143,
    },
    {
        .chapter = 1,
        .shows = "a program that is not there: 127",
        .arguments = {"no-such-program"},
        .sees = {"no such program in $PATH"},
        .saw = "Only the child can find out that there is no such program, and "
               "its status tells us.",
        .status = 127,
    },
    {
        .chapter = 1,
        .shows = "a stopped child is not a dead one",
        .arguments = {"-v", SHELL("trap : TERM" THEN_WAIT)},
        .host = "kill -STOP $PID; cd /proc\n"
                "until grep '^State.*T' $PID/status; do sleep 0.01; done\n"
                "while grep -q 'ShdPnd:.*1....$' $DEMO_PID/status; do :; done\n"
                "sleep 0.1; kill -CONT $PID",
        .sees = {"T (stopped)", "stopped by signal 19"},
        .saw = "waitpid(2) told of a stop, a continuation and an end. Only the "
               "last one is the end.",
    },
    {
        .chapter = 2,
        .shows = "the container's process 1 has no parent in there",
        .arguments = {"-v", SHELL("echo I am $$, my parent is $PPID")},
        .sees = {"clone3() =", "demo[1]: execve", "I am 1, my parent is 0"},
        .saw = "The shell is process 1 in there, and nobody is its parent: in "
               "its PID namespace there is no other process.",
    },
    {
        .chapter = 2,
        .shows = "the host knows it by another number: the same process, twice",
        .arguments = {SHELL("echo I am $$" THEN_WAIT)},
        .host = "echo I see $PID; grep NSpid /proc/$PID/status",
        .sees = {"I am 1", "I see ", "\t1\n"},
        .saw = "One process with two numbers: the first is the host's, the "
               "last the container's own.",
    },
    {
        .chapter = 2,
        .until = 3,
        .shows = "ps still shows the host: /proc is still the host's",
        .arguments = {SHELL("read pid rest </proc/self/stat\n"
                            "echo I am $$, but /proc calls me $pid\n"
                            "[ $pid != 1 ] && echo it is not my /proc")},
        .sees = {"I am 1, but", "it is not my /proc"},
        .saw = "getpid(2) and /proc disagree, because /proc is still the "
               "host's. Step 04 gives the container its own.",
    },
    {
        .chapter = 2,
        .shows = "process 1 is deaf to signals that it has no handler for",
        .arguments = {SHELL("kill -TERM $$; kill -KILL $$; echo still here")},
        .sees = {"still here"},
        .saw =
            "It sent itself SIGTERM and SIGKILL, and lives. In its own "
            "namespace, process 1 gets only signals that it has a handler for.",
    },
    {
        .chapter = 2,
        .shows = "who loses its parent in there gets process 1 as its parent",
        .arguments = {SHELL("(sleep 1000 &)" THEN_WAIT)},
        .host = "read orphan rest </proc/$PID/task/$PID/children\n"
                "ps -o pid,ppid,comm -p $PID,$orphan 2>/dev/null ||\n"
                "    grep -H PPid /proc/$orphan/status\n"
                "grep -q \"PPid:.$PID$\" /proc/$orphan/status && echo adopted",
        .sees = {"adopted"},
        .saw = "The sleep lost its parent, and its new parent is the "
               "container's process 1, not the host's.",
    },
    {
        .chapter = 2,
        .shows = "a process 1 that does not wait for it leaves a zombie",
        .arguments = {SHELL("(sleep 0.1 &); echo ready; exec cat")},
        .host = "for try in 1 2 3 4 5 6 7 8 9; do\n"
                "    read zombie rest </proc/$PID/task/$PID/children\n"
                "    grep '^State.*Z' /proc/$zombie/status && break\n"
                "    sleep 0.1\n"
                "done",
        .sees = {"Z (zombie)"},
        .saw = "cat never asks how its children ended. So a dead one stays in "
               "the table, as a zombie.",
    },
    {
        .chapter = 2,
        .shows = "each namespace is a flag: -n and -i here, no -U",
        .arguments = {"-n", "-i", SHELL("cd /proc/self" THEN_WAIT)},
        .host =
            "for type in ipc net pid user; do\n"
            "    echo $type: host $(readlink /proc/self/ns/$type),"
            " container $(readlink /proc/$PID/ns/$type)\n"
            "done\n"
            "[ /proc/self/ns/net -ef /proc/$PID/ns/net ] || echo two nets\n"
            "[ /proc/self/ns/user -ef /proc/$PID/ns/user ] && echo one user",
        .sees = {"two nets", "one user"},
        .saw = "Where the numbers differ, the container has a namespace of its "
               "own; where they are equal, it shares the host's.",
    },
    {
        .chapter = 3,
        .shows = "a name of its own; the host keeps its own",
        .arguments = {"-v", "--hostname", "box", SHELL("uname -n" THEN_WAIT)},
        .host = "uname -n; [ $(uname -n) != box ] && echo it is still me",
        .sees = {"sethostname(\"box\")", "\nbox\n", "it is still me"},
        .saw = "Two names at the same time. sethostname(2) changed the one in "
               "the container's UTS namespace, and no other.",
    },
    {
        .chapter = 3,
        .shows = "it may change its name, too, and the host does not notice",
        .arguments = {SHELL("uname -n; hostname mine; uname -n" THEN_WAIT)},
        .host = "[ $(uname -n) != mine ] && echo it is still me",
        .sees = {"container\n", "mine\n", "it is still me"},
        .saw = "Root in the container renamed it once more. The host's name is "
               "another one, in another namespace.",
    },
    {
        .chapter = 4,
        .shows = "another root, and a /proc that shows the container alone",
        .arguments = {SHELL("echo $(ls /); ps -o pid,user,comm\n"
                            "[ $(ls -d /proc/[1-9]* | wc -l) -lt 5 ] && "
                            "echo nobody else is here")},
        .sees = {"    1 ", "nobody else is here"},
        .saw = "It has other files, and sees two processes, both its own. "
               "pivot_root(2) changed its /, and it mounted its own /proc.",
    },
    {
        .chapter = 4,
        .shows = "the host sees its files, and none of its mounts",
        .arguments = {SHELL(
            "touch /tmp/in-here; grep \" /proc \" /proc/mounts" THEN_WAIT)},
        .host = "ls /proc/$PID/root/tmp\n"
                "echo $(wc -l </proc/$PID/mountinfo) mounts in there\n"
                "grep $PWD/build/rootfs /proc/self/mountinfo || echo none here",
        .sees = {"proc /proc proc", "in-here", "none here"},
        .saw = "The host reads the container's files through /proc/PID/root. "
               "But the container's mounts are not in the host's list.",
    },
    {
        .chapter = 4,
        .shows = "without private propagation its mounts leak out",
        .arguments = {"--without=private", SHELL("true" THEN_WAIT)},
        .host = "grep /proc /proc/$DEMO_PID/mountinfo | tail -n 1 |\n"
                "    cut -d ' ' -f 5,6,7",
        .sees = {"/rootfs/proc "},
        .saw = "This mount was made in the container, and it is in the list of "
               "the namespace around it: it leaked. (A sacrificial namespace, "
               "not the host's own.)",
    },
    {
        .chapter = 4,
        .shows = "pivot_root: joining its own mount namespace leads nowhere",
        .arguments = {SHELL("touch /tmp/in-here\n"
                            "nsenter -m -t 1 /bin/sh -c "
                            "\"[ -e /tmp/in-here ] && echo no way out\"")},
        .sees = {"no way out"},
        .saw = "It entered its own mount namespace anew, and arrived at the "
               "same root: there is no other one left.",
    },
    {
        .chapter = 4,
        .shows = "chroot: the same leads out, to the host's files",
        .arguments = {"--without=pivot",
                      SHELL("touch /tmp/in-here\n"
                            "nsenter -m -t 1 /bin/sh -c "
                            "\"[ -e /tmp/in-here ] || echo escaped\"")},
        .sees = {"escaped"},
        .saw = "The same command, and it sees the host's files. chroot(2) "
               "hides the old root, and leaves it in the namespace.",
    },
    {
        .chapter = 5,
        .shows = "memory.max: 50 MB, and the kernel's killer behind it",
        .arguments =
            {"--memory", "50M",
             SHELL("echo ready\n"
                   "awk -v nap=\"sleep 0.02\" -v mb=%1048576d \"BEGIN {\n"
                   "    while (!system(nap)) m[n++] = sprintf(mb, n) }\"\n"
                   "echo exit status $?\n"
                   "grep oom_kill /sys/fs/cgroup/memory.events")},
        .host = ENTER_CGROUP
        "most=0; while read used 2>/dev/null <memory.current &&\n"
        "    [ $((used * 2)) -gt $most ]; do\n"
        "    most=$used; bar=$(printf %$((used >> 20))s | tr ' ' '#')\n"
        "    [ -t 2 ] && printf '\\r    host | [%-50s] %d MB ' \"$bar\" "
        "$((used >> 20)) >&2\n"
        "    sleep 0.05\n"
        "done; [ -t 2 ] && echo >&2; echo $((most >> 20)) MB seen",
        .sees = {"exit status 137", "oom_kill 1"},
        .saw = "It grew to its limit, and the kernel killed what was growing. "
               "Nothing else on the machine was touched.",
    },
    {
        .chapter = 5,
        .shows = "no swap to hide in, unless we forget to say so",
        .arguments = {"--memory", "50M", "--without=swap-limit",
                      SHELL("cat /sys/fs/cgroup/memory.swap.max")},
        .sees = {"max\n"},
        .saw = "A limit on memory alone lets a program grow on in swap. So the "
               "demo writes 0 to memory.swap.max, unless told not to.",
    },
    {
        .chapter = 5,
        .shows = "memory.high: slowed down and squeezed, but not killed",
        .arguments = {"--memory", "100M", "--memory-high", "10M",
                      SHELL("dd if=/dev/zero of=/dev/null bs=11M count=1\n"
                            "grep -E \"^(high|oom_kill) \" "
                            "/sys/fs/cgroup/memory.events")},
        .sees = {"high ", "oom_kill 0"},
        .saw = "It crossed memory.high, and was slowed down. memory.max is "
               "what kills, and that was far away.",
    },
    {
        .chapter = 5,
        .shows = "pids.max: a fork bomb, stopped at 20 processes",
        .arguments = {"--pids", "20",
                      SHELL("bomb() { [ $1 = 0 ] && exec sleep 9\n"
                            "    bomb $(($1 - 1)) | bomb $(($1 - 1)) & }\n"
                            "bomb 6 2>/dev/null &\n"
                            "cd /sys/fs/cgroup; i=99999\n"
                            "until [ ${n:-0} -gt 0 -o $((i -= 1)) = 0 ]; do\n"
                            "    read word n <pids.events; done 2>/dev/null\n"
                            "read now <pids.current; read max <pids.max\n"
                            "[ $now -le $max ] && echo never more than $max")},
        .sees = {"never more than 20"},
        .saw = "The bomb went on trying, and fork(2) failed at the 20th "
               "process. The host has not felt it.",
    },
    {
        .chapter = 5,
        .shows = "cpu.max: half a processor for a loop that wants all",
        .arguments = {"--cpus", "0.5",
                      SHELL("timeout 1 sh -c \"while :; do :; done\"\n"
                            "cd /sys/fs/cgroup\n"
                            "used() { echo $(($2 / 1000)) ms used; }\n"
                            "used $(grep usage_usec cpu.stat)\n"
                            "times() { echo throttled $2 times; }\n"
                            "times $(grep nr_throttled cpu.stat)")},
        .sees = {" ms used", "throttled "},
        .saw = "It wanted a whole processor for a second, and got half of one: "
               "the kernel stopped it in each period of 100 ms.",
    },
    {
        .chapter = 5,
        .shows =
            "its cgroup is its root; the host sees where, and can freeze it",
        .arguments = {SHELL("cat /proc/self/cgroup" THEN_WAIT)},
        .host = "grep ^0:: /proc/$PID/cgroup\n" ENTER_CGROUP
                "cat cgroup.procs; echo 1 >cgroup.freeze\n"
                "until grep 'frozen 1' cgroup.events; do sleep 0.01; done\n"
                "echo 0 >cgroup.freeze",
        .sees = {"0::/\n", "0::/", "/rung-", "frozen 1"},
        .saw = "In there its cgroup is called /. The host sees where it really "
               "is, and has stopped it with one line in a file.",
    },
    {
        .chapter = 5,
        .shows = "cgroup.kill: all of it at once",
        .arguments = {SHELL("(sleep 1000 & sleep 1000 &)" THEN_WAIT)},
        .host = ENTER_CGROUP "echo $(wc -l <cgroup.procs) processes\n"
                             "echo 1 >cgroup.kill",
        .sees = {"3 processes"},
        .saw = "One line in one file, and all three were killed. No process "
               "can slip away between two kills.",
        .status = 137,
    },
    {
        .chapter = 6,
        .shows = "a network namespace is empty but for a loopback device",
        .arguments = {SHELL("ip -4 addr; ping -q -c 1 127.0.0.1")},
        .sees = {"1: lo:", "inet 127.0.0.1/8", " 0% packet loss"},
        .saw = "No network card and no route: only lo, which the child had to "
               "switch on itself.",
    },
    {
        .chapter = 6,
        .shows = "a cable to a bridge on the host",
        .arguments = {"--ip", "10.240.0.2/24",
                      SHELL("ip -4 addr show eth0; ip route\n"
                            "ping -q -c 1 10.240.0.1" THEN_WAIT)},
        .host = "ip -br link show master rung0 2>/dev/null ||\n"
                "    ls /sys/class/net\n"
                "/proc/$PID/root/bin/busybox ping -q -c 1 10.240.0.2",
        .sees = {"inet 10.240.0.2/24", "default via 10.240.0.1",
                 " 0% packet loss", "rung-0af00002"},
        .saw = "One cable, and an end in each namespace: eth0 in there, "
               "rung-0af00002 in the host's bridge. Ping goes both ways.",
        .depends = true,
    },
    {
        .chapter = 6,
        .shows = "a line sent from the host arrives in the container",
        .arguments = {"--ip", "10.240.0.2/24",
                      SHELL("echo ready; nc -l -p 8080")},
        .host = "until echo Hello from the host |\n"
                "    /proc/$PID/root/bin/busybox nc -w 5 10.240.0.2 8080\n"
                "do sleep 0.01; done 2>/dev/null",
        .sees = {"Hello from the host"},
        .saw = "A line went from the host over the cable to port 8080 of the "
               "container.",
        .depends = true,
    },
    {
        .chapter = 6,
        .shows = "two containers on one bridge talk to each other",
        .arguments = {"--ip", "10.240.0.2/24",
                      SHELL("echo ready; nc -l -p 9999")},
        .host = "$DEMO --ip 10.240.0.3/24 -- /bin/sh -c '\n"
                "    ping -q -c 1 10.240.0.2\n"
                "    until echo Hello from 10.240.0.3 | nc 10.240.0.2 9999\n"
                "    do sleep 0.01; done 2>/dev/null'",
        .sees = {" 0% packet loss", "Hello from 10.240.0.3"},
        .saw = "Each has a cable to the bridge, and the bridge passes on what "
               "they send: as a switch does.",
        .depends = true,
    },
    {
        .chapter = 6,
        .shows = "--nat: the host forwards its packets, for as long as it runs",
        .arguments = {"--ip", "10.240.0.2/24", "--nat",
                      SHELL("ip route" THEN_WAIT)},
        .host = "echo ip_forward $(cat /proc/sys/net/ipv4/ip_forward)\n"
                "nft list table ip rung 2>/dev/null || echo masquerade: no nft",
        .sees = {"ip_forward 1", "masquerade"},
        .saw = "The host forwards the container's packets, and its firewall "
               "gives them the host's address. Both end with the container.",
        .depends = true,
    },
    {
        .chapter = 6,
        .shows = "without the handshake it looks for a cable that is not there",
        .arguments = {"--without=handshake", "--ip", "10.240.0.2/24",
                      SHELL("ip addr")},
        .sees = {"eth0"},
        .saw = "The child was faster than its parent: eth0 was not there yet. "
               "With the handshake it waits for a word.",
        .status = 125,
    },
};

const size_t scene_count = sizeof(scenes) / sizeof(*scenes);

int newest_chapter(void)
{
    return scenes[scene_count - 1].chapter;
}
