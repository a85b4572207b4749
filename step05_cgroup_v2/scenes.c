/*
 * scenes.c - what each chapter's demonstration shows.
 */
#include "demonstration.h"

/* A script for the container's shell; the host looks while it waits. */
#define SHELL(script) "/bin/sh", "-c", script
#define THEN_WAIT "; echo ready; read _ || :"
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
    },
    {
        .chapter = 1,
        .shows = "its exit status becomes ours",
        .arguments = {SHELL("exit 42")},
        .status = 42,
    },
    {
        .chapter = 1,
        .until = 1,
        .shows = "killed by signal 15: 128 + 15, as in every shell",
        .arguments = {SHELL("kill -TERM $$")},
        .status = 143,
    },
    {
        .chapter = 1,
        .shows = "a program that is not there: 127",
        .arguments = {"no-such-program"},
        .sees = {"no such program in $PATH"},
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
    },
    {
        .chapter = 2,
        .shows = "the container's process 1 has no parent in there",
        .arguments = {"-v", SHELL("echo I am $$, my parent is $PPID")},
        .sees = {"clone3() =", "demo[1]: execve", "I am 1, my parent is 0"},
    },
    {
        .chapter = 2,
        .shows = "the host knows it by another number: the same process, twice",
        .arguments = {SHELL("echo I am $$" THEN_WAIT)},
        .host = "echo I see $PID; grep NSpid /proc/$PID/status",
        .sees = {"I am 1", "I see ", "\t1\n"},
    },
    {
        .chapter = 2,
        .until = 3,
        .shows = "ps still shows the host: /proc is still the host's",
        .arguments = {SHELL("read pid rest </proc/self/stat\n"
                            "echo I am $$, but /proc calls me $pid\n"
                            "[ $pid != 1 ] && echo it is not my /proc")},
        .sees = {"I am 1, but", "it is not my /proc"},
    },
    {
        .chapter = 2,
        .shows = "process 1 is deaf to signals that it has no handler for",
        .arguments = {SHELL("kill -TERM $$; kill -KILL $$; echo still here")},
        .sees = {"still here"},
    },
    {
        .chapter = 2,
        .shows = "who loses its parent in there gets process 1 as its parent",
        .arguments = {SHELL("(sleep 1000 &)" THEN_WAIT)},
        .host = "read orphan rest </proc/$PID/task/$PID/children\n"
                "ps -o pid,ppid,args -p $PID,$orphan 2>/dev/null ||\n"
                "    grep -H PPid /proc/$orphan/status\n"
                "grep -q \"PPid:.$PID$\" /proc/$orphan/status && echo adopted",
        .sees = {"adopted"},
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
    },
    {
        .chapter = 3,
        .shows = "a name of its own; the host keeps its own",
        .arguments = {"-v", "--hostname", "box", SHELL("uname -n" THEN_WAIT)},
        .host = "uname -n; [ $(uname -n) != box ] && echo it is still me",
        .sees = {"sethostname(\"box\")", "\nbox\n", "it is still me"},
    },
    {
        .chapter = 3,
        .shows = "it may change its name, too, and the host does not notice",
        .arguments = {SHELL("uname -n; hostname mine; uname -n" THEN_WAIT)},
        .host = "[ $(uname -n) != mine ] && echo it is still me",
        .sees = {"container\n", "mine\n", "it is still me"},
    },
    {
        .chapter = 4,
        .shows = "another root, and a /proc that shows the container alone",
        .arguments = {SHELL("ls /; ps; [ $(ls -d /proc/[1-9]* | wc -l) -lt 5 ]"
                            " && echo nobody else is here")},
        .sees = {"    1 ", "nobody else is here"},
    },
    {
        .chapter = 4,
        .shows = "the host sees its files, and none of its mounts",
        .arguments = {SHELL(
            "touch /tmp/in-here; grep ' /proc ' /proc/mounts" THEN_WAIT)},
        .host = "ls /proc/$PID/root/tmp\n"
                "echo $(wc -l </proc/$PID/mountinfo) mounts in there\n"
                "grep $PWD/build/rootfs /proc/self/mountinfo || echo none here",
        .sees = {"proc /proc proc", "in-here", "none here"},
    },
    {
        .chapter = 4,
        .shows = "without private propagation its mounts leak out",
        .arguments = {"--without=private", SHELL("true" THEN_WAIT)},
        .host = "grep /proc /proc/$DEMO_PID/mountinfo | tail -n 1",
        .sees = {"/rootfs/proc "},
    },
    {
        .chapter = 4,
        .shows = "pivot_root: joining its own mount namespace leads nowhere",
        .arguments = {SHELL("touch /tmp/in-here; nsenter -m -t 1 /bin/sh -c "
                            "'[ -e /tmp/in-here ] && echo no way out'")},
        .sees = {"no way out"},
    },
    {
        .chapter = 4,
        .shows = "chroot: the same leads out, to the host's files",
        .arguments = {"--without=pivot",
                      SHELL("touch /tmp/in-here; nsenter -m -t 1 /bin/sh -c "
                            "'[ -e /tmp/in-here ] || echo escaped'")},
        .sees = {"escaped"},
    },
    {
        .chapter = 5,
        .shows = "memory.max: 50 MB, and the kernel's killer behind it",
        .arguments =
            {"--memory", "50M",
             SHELL("echo ready\n"
                   "awk 'BEGIN { mb = sprintf(\"%1048576s\", \"\")\n"
                   "    while (!system(\"sleep 0.02\")) m[n++] = mb n }'\n"
                   "echo exit status $?\n"
                   "grep oom_kill /sys/fs/cgroup/memory.events")},
        .host = ENTER_CGROUP
        "most=0; while read used 2>/dev/null <memory.current &&\n"
        "    [ $((used * 2)) -gt $most ]; do\n"
        "    most=$used; bar=$(printf %$((used >> 20))s | tr ' ' '#')\n"
        "    [ -t 2 ] && printf '\\r     host | [%-50s]' \"$bar\" >&2\n"
        "    sleep 0.05\n"
        "done; [ -t 2 ] && echo >&2; echo $((most >> 20)) MB seen",
        .sees = {"exit status 137", "oom_kill 1"},
    },
    {
        .chapter = 5,
        .shows = "no swap to hide in, unless we forget to say so",
        .arguments = {"--memory", "50M", "--without=swap-limit",
                      SHELL("cat /sys/fs/cgroup/memory.swap.max")},
        .sees = {"max\n"},
    },
    {
        .chapter = 5,
        .shows = "memory.high: slowed down and squeezed, but not killed",
        .arguments = {"--memory", "100M", "--memory-high", "10M",
                      SHELL("dd if=/dev/zero of=/dev/null bs=11M count=1\n"
                            "grep -E '^(high|oom_kill) ' "
                            "/sys/fs/cgroup/memory.events")},
        .sees = {"high ", "oom_kill 0"},
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
    },
    {
        .chapter = 5,
        .shows = "cpu.max: half a processor for a loop that wants all",
        .arguments = {"--cpus", "0.5",
                      SHELL("timeout 1 sh -c 'while :; do :; done'\n"
                            "cd /sys/fs/cgroup; grep -E 'usage|nr_' cpu.stat\n"
                            "[ $(sed -n 's/nr_throttled //p' cpu.stat) -gt 2 ]"
                            " && echo throttled")},
        .sees = {"\nthrottled"},
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
    },
    {
        .chapter = 5,
        .shows = "cgroup.kill: all of it at once",
        .arguments = {SHELL("(sleep 1000 & sleep 1000 &)" THEN_WAIT)},
        .host = ENTER_CGROUP "wc -l <cgroup.procs; echo 1 >cgroup.kill",
        .sees = {"3\n"},
        .status = 137,
    },
};

const size_t scene_count = sizeof(scenes) / sizeof(*scenes);

int newest_chapter(void)
{
    return scenes[scene_count - 1].chapter;
}
