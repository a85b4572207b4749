/*
 * scenes.c - what the demonstration shows. It grew out of step01's.
 */
#include "commands/scenes.h"

/* A script for the container's shell. */
#define SHELL(script) "/bin/sh", "-c", script
/* For the host's shell: go to the directory of the container's cgroup. */
#define ENTER_CGROUP \
    "cd $(grep -m 1 ' - cgroup2 ' /proc/self/mountinfo | cut -d ' ' -f 5)\n" \
    "cd .$(sed -n s/^0:://p /proc/$PID/cgroup)\n"
/* In there: how much memory is in use, as a bar on the terminal, and at the end
 * the most that was seen. */
#define DRAW_MEMORY \
    "most=0; while read used 2>/dev/null <memory.current &&\n" \
    "    [ $((used * 2)) -gt $most ]; do\n" \
    "    most=$used; bar=$(printf %$((used >> 20))s | tr ' ' '#')\n" \
    "    [ -t 2 ] && printf '\\r    host | [%-50s] %d MB ' \"$bar\" " \
    "$((used >> 20)) >&2\n" \
    "    sleep 0.05\n" \
    "done; [ -t 2 ] && echo >&2; echo $((most >> 20)) MB seen"

const struct scene SCENES[] = {
    {
        .shows = "one command, and six namespaces around it",
        .words = {"run", SHELL("id -un; uname -n; echo $(ls /)\n"
                               "ps -o pid,user,comm" THEN_WAIT)},
        .host = "cd /proc; for type in pid mnt net uts ipc cgroup; do\n"
                "    [ self/ns/$type -ef $PID/ns/$type ] || n=$((n + 1))\n"
                "    echo $type: $(readlink self/ns/$type | tr -dc 0-9) here,"
                " $(readlink $PID/ns/$type | tr -dc 0-9) in there\n"
                "done; echo $n of them differ",
        .sees = {"root\n", "container\n", "    1 root", "6 of them differ"},
        .saw = "A user, a name, files and processes of its own. Each pair of "
               "numbers differs: six namespaces are not the host's.",
    },
    {
        .shows = "a user namespace: root in there is nobody out here",
        .words = {"run", "--userns",
                  SHELL("id -u; cat /proc/self/uid_map" THEN_WAIT)},
        .host = "grep Uid /proc/$PID/status",
        .sees = {"\n0\n", "100000      65536", "Uid:\t100000"},
        .saw = "One process, two user ids: 0 in there, 100000 for the host, "
               "which that id may do nothing to.",
    },
    {
        .shows = "so an ordinary user may have a container, too",
        .words = {"run", "--overlay",
                  SHELL("id -un; touch /tmp/mine && echo mine\n"
                        "cat /proc/self/setgroups")},
        .sees = {"root\n", "mine\n"},
        .saw = "No root was needed for this one: a new user namespace gives "
               "its maker all rights in there, and none outside.",
        .as_user = true,
        .depends = true,
    },
    {
        .shows = "root, but with 11 of the 41 capabilities",
        .words = {"run", SHELL("chown 1 /tmp && echo chown works\n"
                               "hostname mine; mount -t tmpfs x /mnt\n"
                               "mknod /tmp/disk b 8 0" THEN_WAIT)},
        .host = "grep CapBnd /proc/$PID/status",
        .sees = {"chown works", "hostname: ", "mount: ", "mknod: ",
                 "CapBnd:\t00000000800405fb"},
        .saw = "It may give a file away, but not rename, mount or make a disk. "
               "Each bit that is set in CapBnd is a right that it has left.",
    },
    {
        .shows = "no_new_privs and a filter of system calls",
        .words = {"run", SHELL("unshare -U true" THEN_WAIT)},
        .host = "grep -E 'NoNewPrivs|Seccomp:' /proc/$PID/status",
        .sees = {"unshare: ", "NoNewPrivs:\t1", "Seccomp:\t2"},
        .saw = "The filter refused a system call that any user may make "
               "elsewhere. Seccomp 2 means that a filter is on.",
    },
    {
        .shows = "without the filter a way back to power is open",
        .words = {"run", "--without=seccomp",
                  SHELL("unshare -r grep CapEff /proc/self/status")},
        .sees = {"CapEff:\t000001ff"},
        .saw = "A new user namespace, and it has all 41 capabilities again, if "
               "only in there. Much of the kernel can be reached with them.",
    },
    {
        .shows = "overlayfs: what it changes is its own, the root stays clean",
        .words = {"run", "--overlay",
                  SHELL("echo mine >/etc/motd; rm /bin/vi\n"
                        "cat /etc/motd" THEN_WAIT)},
        .host = "$DEMO run --overlay -- ls /bin/vi /etc/motd 2>&1\n"
                "[ -e build/rootfs/etc/motd ] || echo the root is clean",
        .sees = {"mine\n", "/bin/vi\n", "the root is clean"},
        .saw = "It wrote a file and removed one, in a layer of its own. The "
               "next container and the host find all as it was.",
    },
    {
        .shows = "a root that can't be written, and a volume that can't either",
        .words = {"run", "--read-only", "--volume", "/tmp:/mnt:ro",
                  SHELL("touch /new; touch /mnt/new\n"
                        "touch /tmp/new && echo only here")},
        .sees = {"/new: Read-only file system",
                 "/mnt/new: Read-only file system", "only here"},
        .saw = "Only its own /tmp could be written, and that is in memory and "
               "gone already.",
    },
    {
        .shows = "the host's kernel can be neither read nor turned",
        .words = {"run", SHELL("echo 0 >/proc/sys/kernel/printk\n"
                               "echo $(wc -c </proc/keys) bytes of keys\n"
                               "echo $(ls /sys/firmware | wc -l) tables\n"
                               "grep -o \"/sys sysfs r.\" /proc/mounts")},
        .sees = {"Read-only file system", "\n0 bytes", "\n0 tables",
                 "sysfs ro"},
        .saw = "The kernel's switches are read-only, and what tells of the "
               "machine is covered by empty files and directories.",
    },
    {
        .shows = "clocks of its own: it was booted a day earlier",
        .words = {"run", "--time-offset", "86400",
                  SHELL("read up _ </proc/uptime; echo up $up seconds\n"
                        "[ ${up%.*} -ge 86400 ] && echo a day older")},
        .sees = {"a day older"},
        .saw = "A time namespace moves the time since boot. A program that is "
               "moved to another machine needs that.",
        .depends = true,
    },
    {
        .shows = "--init: process 1 collects the orphans",
        .words = {"run", "--init",
                  SHELL("(sleep 0.1 &); sleep 0.3; ps -o pid,user,comm\n"
                        "grep -l \"^State.*Z\" /proc/[0-9]*/status || "
                        "echo no zombie")},
        .sees = {"rung-init", "no zombie"},
        .saw = "The sleep lost its parent, process 1 got it, and waited for "
               "it: no zombie is left.",
    },
    {
        .shows = "flags edit config.json: print it, run it again",
        .words = {"run", SHELL("true" THEN_WAIT)},
        .host = "file=$(mktemp)\n"
                "$DEMO spec --print --hostname written -- uname -n >$file\n"
                "grep -n hostname $file; $DEMO run --config $file again\n"
                "rm $file",
        .sees = {"\"hostname\": \"written\"", "written\n"},
        .saw = "The flag became a line of config.json, and a container was "
               "made of that file alone: as engines do it.",
    },
    {
        .shows = "limits: more memory than allowed, and the kernel kills",
        .words = {"run", "--memory", "50M", "--init",
                  SHELL("echo ready\n"
                        "awk -v nap=\"sleep 0.02\" -v mb=%1048576d \"BEGIN {\n"
                        "    while (!system(nap)) m[n++] = sprintf(mb, n) }\"\n"
                        "echo exit status $?\n"
                        "grep -w oom_kill /sys/fs/cgroup/memory.events")},
        .host = ENTER_CGROUP DRAW_MEMORY,
        .sees = {"MB seen", "exit status 137", "oom_kill 1"},
        .saw = "It grew to its limit, and the kernel killed what was growing. "
               "Nothing else on the machine was touched.",
        .depends = true,
    },
    {
        .shows = "a network of its own: a cable to a bridge",
        .words = {"run", "--ip", "10.240.0.2/24",
                  SHELL("ip -4 addr show eth0; ip route" THEN_WAIT)},
        .host = "grep -o rung-0af00002 /proc/net/dev\n"
                "/proc/$PID/root/bin/busybox ping -q -c 1 10.240.0.2",
        .sees = {"inet 10.240.0.2/24", "default via", " 0% packet loss",
                 "rung-0af00002"},
        .saw =
            "One cable with two ends: eth0 in there, rung-0af00002 here, and "
            "an answer comes over it.",
        .depends = true,
    },
    {
        .shows = "and the way out: the host forwards its packets",
        .words = {"run", "--ip", "10.240.0.2/24", "--nat",
                  SHELL("grep -c nameserver /etc/resolv.conf" THEN_WAIT)},
        .host = "echo ip_forward $(cat /proc/sys/net/ipv4/ip_forward)",
        .sees = {"ip_forward 1"},
        .saw = "It knows a name server, and the host passes its packets on. "
               "When the container ends, the host stops doing so.",
        .depends = true,
    },
    {
        .shows = "all of it at once",
        .words = {"run", "--userns", "--overlay", "--read-only", "--init",
                  "--memory", "50M", "--pids", "20", "--cpus", "0.5", "--ip",
                  "10.240.0.2/24", "--cap-drop", "ALL", "--user", "1000:1000",
                  SHELL("id; cd /sys/fs/cgroup\n"
                        "echo $(($(cat memory.max) >> 20)) MB of memory\n"
                        "echo $(cat pids.max) processes, cpu.max "
                        "$(cat cpu.max)\n"
                        "ip -4 -o addr show eth0" THEN_WAIT)},
        .host = "grep -E 'Uid|CapBnd|NoNewPrivs|Seccomp:' "
                "/proc/$PID/status\n" ENTER_CGROUP
                "echo $(($(cat memory.current) >> 10)) KB in use by "
                "$(cat pids.current) processes",
        .sees = {"uid=1000",
                 "50 MB of memory\n20 processes, cpu.max 50000 100000",
                 "10.240.0.2", "Uid:\t101000", "CapBnd:\t0000000000000000"},
        .saw = "A process with restrictions: that is all that a container is.",
        .depends = true,
    },
    {0},
};
