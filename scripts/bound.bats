# A bomb is small: scripts/bound.bash, and the virtual machine that is in one.
# bats file_tags=scripts
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load test_helper

before_each() {
    # A hundred processes that end by themselves: harmless, should nothing stop them.
    put "$PWD/hundred" '#!/usr/bin/env python3
import os, time
for count in range(100):
    try:
        child = os.fork()
    except OSError:
        break
    if child == 0:
        os.setsid()
        time.sleep(20)
        os._exit(0)
else:
    count = 100
print(count, flush=True)
time.sleep(int(os.environ.get("REST", "0")))
'
}

# in_bound TEXT...: a shell with the functions does that, without this test's mark on it.
in_bound() {
    run_and_show env -u RUNG_TEST "${as[@]}" bash -c 'set -euo pipefail; . scripts/bound.bash; '"$1" bash "$PWD/hundred"
    assert_status 0
}

@test "root can start no more than the limit, and all of it ends, whatever has a session of its own" {
    requires root
    as=(env --chdir="$TOP")
    in_bound '
        bound_make 30
        (bound_enter && exec "$1")
        bound_count
        echo "$count"
        [ "$count" -gt 20 ]
        place=$bound
        bound_end
        [ ! -e "$place" ] && [ "$(pgrep -cf "^[^ ]*python3 $1")" = 0 ]'
    ((lines[0] > 20 && lines[0] < 30))
}

@test "an ordinary user is held by a limit of the user" {
    as=(env --chdir="$TOP")
    if ((EUID == 0)); then
        chmod a+x "$BATS_RUN_TMPDIR" "$BATS_RUN_TMPDIR/test" "$BATS_TEST_TMPDIR"
        cp -r "$TOP/scripts" .
        as=("${AS_NOBODY[@]}")
    fi
    in_bound '
        bound_make 30
        [ -z "$bound" ]
        (bound_enter && exec timeout -s KILL 10 "$1")
        bound_end
        pkill -KILL -U "$UID" -f "^[^ ]*python3 $1"'
    ((lines[0] > 20 && lines[0] < 40))
}

@test "what a killed one has left goes with the next" {
    requires root
    as=(env --chdir="$TOP")
    in_bound '
        bound_make 30
        mkdir "$(bound_parent)/rung-bound-0"
        first=$bound
        bound_make 30 2>/dev/null || true
        bound=$first
        bound_end
        [ ! -e "$(bound_parent)/rung-bound-0" ]'
}

@test "cleanup ends what somebody who was killed had been running" {
    requires root
    run bash -c '. "$TOP/scripts/bound.bash"; bound_make 30; echo "$bound"
        (bound_enter && exec env -u RUNG_TEST sleep 4332) >/dev/null 2>&1 3>&- &
        for _ in {1..100}; do bound_count; [ "$count" = 0 ] || break; sleep 0.05; done
        kill -KILL $$'
    [[ -d $output ]]
    unshare --net --mount sh -c 'mount -t tmpfs none /run && exec "$TOP/scripts/cleanup"'
    [[ ! -e $output ]]
    run ! pgrep -f 'sleep 4332'
}

@test "a suite ends as a whole: with its command, in time, with who has started it, or when it is a bomb" {
    requires root
    as=(env --chdir="$TOP")
    left="setsid sleep 4331 & setsid sleep 4331 &"
    # Its command.
    in_bound 'exec scripts/test.d/bounded $$ 60 50 sh -c "'"$left"' echo over"'
    assert_output over
    run ! pgrep -f 'sleep 4331'
    # Its time.
    in_bound 'scripts/test.d/bounded $$ 1 50 sh -c "'"$left"' sleep 60" || echo "status $?"'
    assert_output_like 'test: not done after 1 s*status 137'
    run ! pgrep -f 'sleep 4331'
    # The one that has started it is gone.
    in_bound 'sleep 2 & scripts/test.d/bounded $! 60 50 sh -c "'"$left"' sleep 60" || echo "status $?"'
    assert_output 'status 137'
    run ! pgrep -f 'sleep 4331'
    # A bomb.
    in_bound 'scripts/test.d/bounded $$ 60 50 env REST=60 "$1" || echo "status $?"'
    assert_output_like '*test: nearly 50 processes*status 137'
    run ! pgrep -f "^[^ ]*python3 $PWD/hundred"
}

@test "a virtual machine has a limit of processes, inside and around it" {
    local vm seen="$BATS_TEST_TMPDIR/seen"
    RUNG_VM_ENGINE='' "$TOP/scripts/vm" run --timeout 300 sh -c \
        'cat /proc/sys/kernel/threads-max; sleep 3; exit 7' >"$seen" 3>&- &
    vm=$!
    eventually grep -q . "$seen" || true
    if ((EUID == 0)); then
        max=$(. "$TOP/scripts/bound.bash" && cat "$(bound_parent)/rung-bound-$vm/pids.max")
        ((max <= 2000))
    fi
    status=0
    wait "$vm" || status=$?
    assert_status 7
    (($(<"$seen") <= 1500))
    ((EUID != 0)) || [[ ! -e $(. "$TOP/scripts/bound.bash" && bound_parent)/rung-bound-$vm ]]
}
