# shellcheck shell=bash
#
# Part of scripts/doctor: what earlier runs, mistakes and other programs have
# left on this machine or in this checkout, that makes the next run fail. Each
# check has its row in the table of common failures in scripts/README.md.

# Made with "sudo make", files are root's, and the next make may not write.
check_owner()
{
    local file
    is_root && return
    file=$(find . -path ./.git -prune -o -path ./build/rootfs -prune -o \
        -user root -print -quit 2>/dev/null)
    [ -z "$file" ] ||
        no "$file and perhaps others here belong to root (sudo make?)" \
            "sudo chown -R $(id -un) .; use sudo only for running a demo"
}

# A file from tomorrow is always newer than what is made of it.
check_clock()
{
    local file
    file=$(find . -path ./.git -prune -o -newermt 'now + 1 hour' -print -quit \
        2>/dev/null)
    [ -z "$file" ] ||
        note "$file is from the future: is the clock wrong ($(date '+%F %R'))? Set it, then: find . -newermt 'now + 1 hour' -exec touch {} +"
}

check_tools()
{
    local missing
    missing=$(scripts/setup --check build 2>&1) ||
        note "building needs more than there is here: make setup ($(tail -n 1 <<<"$missing"))"
}

# A step 4 that mounts without private propagation covers the host's own /proc:
# with that of a PID namespace, where we have no number and so no /proc/self.
# Then hardly anything else here can be found out: blind says so.
check_proc()
{
    local count
    if [ ! -e /proc/self ]; then
        blind=yes
        if [ -e /proc/version ]; then
            no "/proc is a container's, mounted over the host's: we are not in it" \
                "sudo umount /proc, until ls /proc/self works again; then make the mounts private first (step 04)"
        else
            no "/proc is not mounted" "sudo mount -t proc proc /proc"
        fi
        return
    fi
    count=$(cut -d ' ' -f 5 /proc/self/mountinfo | grep -cx /proc)
    [ "$count" -le 1 ] ||
        no "/proc is mounted $count times, one over the other: ps and the demos see the topmost" \
            "sudo umount /proc, until ps shows all processes again; then make the mounts private first (step 04)"
}

# A step 3 that names the host.
check_hostname()
{
    case $(uname -n) in
    container | box)
        [ "$(uname -n)" = "$(cat /etc/hostname 2>/dev/null)" ] ||
            note "this machine is called $(uname -n): did a demo rename the host? sudo hostname $(cat /etc/hostname 2>/dev/null)"
        ;;
    esac
}

check_rootfs()
{
    [ -x build/rootfs/bin/busybox ] ||
        note "there is no root file system yet: make rootfs"
}

# After SIGKILL: cgroups, devices, rules.
check_leftovers()
{
    local left
    can_try || return 0
    left=$(as_root scripts/cleanup --dry-run 2>/dev/null | grep -c '^cleanup: would')
    [ "$left" = 0 ] ||
        note "demos that were killed have left something here (things: $left), and the next may stumble over it: make cleanup"
}

# The virtual machine, for who needs it: its disk, and its speed.
check_vm()
{
    local cache=${XDG_CACHE_HOME:-$HOME/.cache} free
    free=$(df -P -k "$(dirname "$cache")" 2>/dev/null | awk 'NR == 2 { print int($4 / 1024) }')
    [ "${free:-9999}" -ge 3000 ] ||
        note "only $free MB are free for the virtual machine's disk in $cache: it wants 3000"
    [ ! -e /dev/kvm ] || [ -w /dev/kvm ] ||
        note "virtual machines are slow: you may not use /dev/kvm. sudo usermod -aG kvm $(id -un), then log in again"
}
