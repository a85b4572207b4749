#!/usr/bin/env bats
#
# Hooks: as whom each kind runs, where, with which rights and environment, and what becomes of what it says.
#
# bats file_tags=step07,hooks
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() {
    requires root rootfs cgroup2
    d=$BATS_TEST_TMPDIR
}

# facts FILE: what a process is, for the shells of host and image.
FACTS='{
    echo "directory $(pwd)"
    echo "rights" $(sed -n "s/^\(Uid\|Gid\|Groups\|Cap...\|NoNewPrivs\|Seccomp\):/\1/p" /proc/self/status)
    echo "namespaces" $(for n in ipc mnt net pid uts; do readlink /proc/self/ns/$n; done)
    echo "environment MARK=$MARK FROM=$FROM HOME=$HOME"
} >"$1"'

fact() { sed -n "s/^$2 //p" "$d/log/$1"; }

# hint: A hook ran as somebody else, or somewhere else, than the table says. Which column is it?
# hint: The OCI specification's config.md, "POSIX-platform Hooks": whose program is it, the host's or the image's?
# hint: become_hook in container/hooks.c; a startContainer hook goes through drop_privileges, as the command does.
@test "each kind of hook: as whom, in which directory, with which rights, namespaces and environment" {
    make_own_root
    mkdir "$root/log" "$d/log"
    chmod 777 "$d/log"
    chmod 755 "$d" "$root"
    echo "$FACTS" | tee "$d/facts" >"$root/facts"
    bundle 'mounts.append(bind("'"$d"'/log", "/log"))' 'hostname = "inside"' 'annotations = {"note": "text"}' \
        'process.user = {"uid": 1000, "gid": 1000, "additionalGids": [7]}' 'process.cwd = "/tmp"' \
        'process.noNewPrivileges = True' 'process.env = [PATH, "FROM=process"]' \
        'process.capabilities = {k: ["CAP_CHOWN", "CAP_NET_RAW"] for k in ["bounding", "effective", "permitted", "inheritable", "ambient"]}' \
        'process.args = ["sh", "-c", "sh /facts /log/program; sleep 1000"]' \
        'linux.seccomp = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["swapon"], "action": "SCMP_ACT_ERRNO"}]}' \
        'hooks = {k: [Object(path="/bin/sh", args=["sh", "'"$d"'/facts", "'"$d"'/log/" + k])] for k in ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]}' \
        'hooks["startContainer"] = [Object(path="/bin/sh", args=["sh", "/facts", "/log/startContainer"])]' \
        'hooks["createRuntime"].append(Object(path="/bin/sh", args=["sh", "'"$d"'/facts", "'"$d"'/log/empty"], env=[]))'
    export MARK=runtime
    (cd "$bundle" && sh "$d/facts" "$d/log/host")
    oci_run
    eventually grep -q environment "$d/log/program"
    oci delete --force c1
    assert_status 0
    local kind directory rights namespaces environment
    while read -r kind directory rights namespaces environment; do
        [[ $(fact "$kind" directory) == "$directory" ]] || fail "$kind: its directory is $(fact "$kind" directory)"
        [[ $(fact "$kind" rights) == "$(fact "$rights" rights)" ]] || fail "$kind: its rights are $(fact "$kind" rights)"
        [[ $(fact "$kind" namespaces) == "$(fact "$namespaces" namespaces)" ]] || fail "$kind: its namespaces"
        [[ $(fact "$kind" environment) == "$(fact "$environment" environment)" ]] || fail "$kind: $(fact "$kind" environment)"
    done <<END
prestart $bundle host host host
createRuntime $bundle host host host
createContainer $root host program host
startContainer /tmp program program program
poststart $bundle host host host
poststop $bundle host host host
END
    [[ $(fact empty environment) == 'MARK= FROM= HOME=' ]]
    [[ $(fact program rights) == *'Uid 1000'*'NoNewPrivs 1 Seccomp 2' && $(fact program environment) == *FROM=process* ]]
}

# hint: The error has two lines: who tried to execute the hook said why, and so did who waited for it.
# hint: execve(2); mmap(2), MAP_SHARED: the one that failed can leave errno for the other.
# hint: run_hook: `fail("%s hook %s: %s", ...)` is the only line.
@test "a hook that cannot be executed: one line says which, and why" {
    local kind
    for kind in prestart createRuntime createContainer; do
        cannot_create "*$kind hook /no/such: *No such file or directory*" 'hooks = {"'$kind'": [{"path": "/no/such"}]}'
    done
    bundle 'hooks = {"startContainer": [{"path": "/dev/null"}]}'
    oci_create
    assert_status 0
    oci_start
    assert_status 125
    assert_one_line_error '*startContainer hook /dev/null: *Permission denied*'
    oci delete --force c1
    nothing_left
}

# hint: What a hook prints is no output of the container; but when it fails, its last words say why.
# hint: pipe(2), poll(2): read while you wait. A process that it leaves behind keeps the pipe open.
# hint: listen_to and last_line in container/hooks.c.
@test "what hooks write is not the container's output; the last line of one that fails is in the error" {
    local kinds='["prestart", "createRuntime", "createContainer", "startContainer", "poststart"]'
    bundle 'process.args = ["echo", "program"]' \
        "hooks = {k: [hook('seq 20000; echo err >&2; timeout 20 sh -c \"until test -e $d/end; do sleep 0.1; done\" &')] for k in $kinds}"
    local before=$SECONDS
    oci_run
    touch "$d/end"
    ((SECONDS - before < 20)) || fail 'it waits for what a hook has left behind'
    [[ $(oci_output) == program ]]
    oci delete --force c1
    [[ -z $output && -z $stderr ]]
    cannot_create '*createRuntime hook /bin/sh: exit status 3: no such disk' \
        'hooks = {"createRuntime": [hook("echo first; echo no such disk >&2; exit 3")]}'
    cannot_create '*createContainer hook /bin/sh: killed after its timeout: waiting' \
        'hooks = {"createContainer": [hook("echo waiting; exec sleep 1000", timeout=1)]}'
}

# hint: The files are the host's, but two kinds of hooks run where the host's paths are gone. When are they opened?
# hint: open(2), O_APPEND; crun(1): run.oci.hooks.stdout and run.oci.hooks.stderr.
# hint: hooks_open_output, before clone_process.
@test "annotations name files for the output of hooks" {
    local kinds='["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]'
    echo before >"$d/hooks.out"
    bundle 'process.args = ["sleep", "1000"]' "hooks = {k: [hook(f'echo {k}; echo {k}! >&2')] for k in $kinds}" \
        'annotations = {"run.oci.hooks.stdout": "'"$d"'/hooks.out", "run.oci.hooks.stderr": "'"$d"'/hooks.err"}'
    oci_run
    oci delete --force c1
    assert_status 0
    [[ $(paste -sd ' ' "$d/hooks.out") == 'before prestart createRuntime createContainer startContainer poststart poststop' ]]
    [[ $(paste -sd ' ' "$d/hooks.err") == 'prestart! createRuntime! createContainer! startContainer! poststart! poststop!' ]]
    cannot_create '*run.oci.hooks.stdout*' 'hooks = {}' 'annotations = {"run.oci.hooks.stdout": "relative"}'
    cannot_create '*output of hooks*/no/such*' "hooks = {'prestart': [hook('true')]}" \
        'annotations = {"run.oci.hooks.stderr": "/no/such"}'
}
