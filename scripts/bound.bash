# shellcheck shell=bash
#
# A limit of processes around what a script starts, and the end of all of it.
# To be sourced. A fork bomb that is let loose in there stays small; what
# daemonizes itself ends with the others.
#
#   bound_make LIMIT  make it: LIMIT processes and threads at most, together.
#                     Fails, with a word to standard error, if it can't be had
#   bound_enter       this (sub)shell and what it starts is inside from now on
#   bound_end         kill all that is inside, and remove it
#   bound_count       sets $count: how many are inside
#
# Root is held by nothing but a cgroup (v1 or v2, whichever has the controller
# pids). An ordinary user may not make one, and is held by RLIMIT_NPROC.

bound=       # the cgroup's directory; empty for an ordinary user
bound_limit= # of processes

# Where it may be: our own cgroup in v1's hierarchy of pids, or the top of v2,
# whose processes are the kernel's own exception.
bound_parent()
{
    local root mount rest own v1=' - cgroup [^ ]+ ([^ ]*,)?pids(,|$)'
    while read -r _ _ _ root mount rest; do
        if [[ " $rest" =~ $v1 ]]; then
            own=$(sed -nE 's/^[0-9]+:([^:]*,)?pids(,[^:]*)?://p' /proc/self/cgroup)
            echo "$mount${own#"${root%/}"}"
            return
        elif [[ " $rest" == *' - cgroup2 '* ]] &&
            grep -qw pids "$mount/cgroup.controllers"; then
            echo "$mount"
            return
        fi
    done </proc/self/mountinfo
    return 1
}

bound_make()
{
    local parent dead
    bound_limit=$1
    [ "$EUID" = 0 ] || return 0
    if ! parent=$(bound_parent); then
        echo "no cgroup here can limit processes (no controller pids)" >&2
        return 1
    fi
    # (v1 has no such file. If children can't have the limit, the last line says so.)
    [ ! -w "$parent/cgroup.subtree_control" ] ||
        echo +pids >"$parent/cgroup.subtree_control" || true
    # Those of dead ones: only who is killed leaves them. (One that is empty may
    # be somebody's who has just made it.)
    for dead in "$parent"/rung-bound-*; do
        [ -e "/proc/${dead##*-}" ] || rmdir "$dead" 2>/dev/null || true
    done
    mkdir "$parent/rung-bound-$$" || return
    bound=$parent/rung-bound-$$
    echo "$1" >"$bound/pids.max" || bound_end
    [ -n "$bound" ]
}

bound_enter()
{
    if [ -n "$bound" ]; then
        echo "$BASHPID" >"$bound/cgroup.procs"
    else
        # It counts all of the user's. If this is more than we may have, then
        # the limit is lower already.
        ulimit -Su $(($(ps -L -U "$UID" -o lwp= | wc -l) + bound_limit)) \
            2>/dev/null || true
    fi
}

# shellcheck disable=SC2034 # it is for the caller
bound_count()
{
    [ -z "$bound" ] || read -r count <"$bound/pids.current"
}

bound_end()
{
    [ -n "$bound" ] || return 0
    local tries=0
    # First nobody in there may start another. Then one kill for each will do.
    { echo 0 >"$bound/pids.max"; } 2>/dev/null || true
    while [ -d "$bound" ] && [ "$tries" -lt 200 ]; do
        # shellcheck disable=SC2046 # many words
        kill -KILL $(find "$bound" -name cgroup.procs -exec cat {} +) || true
        find "$bound" -depth -type d -exec rmdir {} \; || true
        [ ! -d "$bound" ] || sleep 0.05
        tries=$((tries + 1))
    done 2>/dev/null
    bound=
}
