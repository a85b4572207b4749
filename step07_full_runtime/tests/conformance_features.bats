#!/usr/bin/env bats
#
# features.md and features-linux.md of the OCI runtime specification, rule by rule: what "rung features" says is so.
#
# bats file_tags=step07,conformance
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() { requires root rootfs cgroup2; }

# features PYTHON: an expression about what "rung features" prints, as f; it must be true, or is printed.
features() {
    "$DEMO_PROGRAM" features >"$BATS_TEST_TMPDIR/features.json"
    quick_python -c '
import json, sys
f = json.load(open(sys.argv[1]))
value = eval(sys.argv[2])
if isinstance(value, bool):
    sys.exit(not value)
print(value)' "$BATS_TEST_TMPDIR/features.json" "$1"
}

accepted() {
    bundle "$@"
    oci_create
    ((status == 0)) || fail "config.json has $*" || return
    oci delete --force c1
    assert_status 0
}

# rule: features.md#specification-version MUST "ociVersionMin and ociVersionMax are there, the one not above the other"
# rule: features.md#specification-version MUST "both are accepted as ociVersion"
# hint: Which version is the oldest, which the newest that you take? The test quotes each rule.
# hint: The OCI specification, features.md: ociVersionMin and ociVersionMax.
# hint: commands/features.c and check_version.
@test "features: versions" {
    features '[int(x) for x in f["ociVersionMin"].replace("+", "-").split("-")[0].split(".")] <= [int(x) for x in f["ociVersionMax"].replace("+", "-").split("-")[0].split(".")]'
    accepted "ociVersion = '$(features 'f["ociVersionMin"]')'"
    accepted "ociVersion = '$(features 'f["ociVersionMax"]')'"
}

# rule: features.md#specification-version MUST NOT "properties that this version does not define"
# rule: features.md#features MUST NOT "mix up null and empty"
# hint: Which key is yours alone? The test quotes each rule.
# hint: The OCI specification, features.md: all of it.
# hint: commands/features.c.
@test "features: nothing but what is defined" {
    features 'set(f) <= {"ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux", "annotations", "potentiallyUnsafeConfigAnnotations"}'
    features 'set(f["linux"]) <= {"namespaces", "capabilities", "cgroup", "seccomp", "apparmor", "selinux", "memoryPolicy", "intelRdt", "mountExtensions", "netDevices"}'
    features 'None not in list(f.values()) + list(f["linux"].values())'
}

# rule: features.md#features SHOULD "what it says is settled when it is compiled"
# hint: Root and an ordinary user got different answers. Does it depend on rights? The test quotes each rule.
# hint: The OCI specification, features.md: its first section.
# hint: commands/features.c: what the program can, not what this caller may: print_json.
@test "features: the same for everybody" {
    local before
    before=$("$DEMO_PROGRAM" features)
    make_public_copies
    [[ $("${AS_NOBODY[@]}" unshare --user "$PUBLIC/demo" features) == "$before" ]]
}

# rule: features.md#hooks MUST "the listed hooks are supported"
# hint: Which hook is missing? The test quotes each rule.
# hint: The OCI specification, features.md: "Hooks".
# hint: hook_name gives the names to commands/features.c.
@test "features: hooks" {
    features 'set(f["hooks"]) == {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}'
    make_own_root
    mkdir "$root/log" "$BATS_TEST_TMPDIR/log"
    bundle "$(features '"hooks = {kind: [hook(f\"echo >>/tmp/x; echo $HOOK >>%s/{kind}\")] for kind in " + str(f["hooks"]) + "}"' | sed "s|%s|$BATS_TEST_TMPDIR/log|; s|echo >>/tmp/x; ||")" \
        'hooks["startContainer"] = [hook("echo >/log/startContainer")]' 'mounts.append(bind("'"$BATS_TEST_TMPDIR"'/log", "/log"))' 'process.args = ["true"]'
    oci_run
    eventually is stopped
    oci delete c1
    [[ $(ls "$BATS_TEST_TMPDIR/log" | paste -sd ' ') == "$(features '" ".join(sorted(f["hooks"]))')" ]]
}

# rule: features.md#mount-options MUST "the listed options are recognized"
# rule: features.md#mount-options SHOULD NOT "options of one file system"
# hint: Which option do you take and not list, or the reverse? The test quotes each rule.
# hint: The OCI specification, features.md: "Mount Options".
# hint: mount_option_name gives the names to commands/features.c.
@test "features: mount options" {
    features 'not {"size", "mode", "gid", "uid"} & set(f["mountOptions"])'
    features '{"bind", "rbind", "ro", "rro", "nosuid", "rprivate", "idmap", "ridmap", "tmpcopyup", "nosymfollow", "remount"} <= set(f["mountOptions"])'
    make_own_root
    # What is not recognized would be data for tmpfs, which refuses it. A file system of its own for each.
    accepted "mounts += [tmpfs('/m/' + o, o) for o in $(features '[o for o in f["mountOptions"] if "bind" not in o and "idmap" not in o and "ridmap" != o and "nofollow" not in o and o not in ("remount", "iversion", "mand", "copy-symlink")]')]"
    accepted "mounts += [bind('$ROOTFS/etc', '/m/' + o, o) for o in $(features '[o for o in f["mountOptions"] if "bind" in o]')]"
    # These are for a bind mount alone.
    accepted "mounts += [bind('$ROOTFS/etc', '/m/' + o, 'bind,' + o) for o in $(features '[o for o in f["mountOptions"] if "nofollow" in o or o == "copy-symlink"]')]"
}

# rule: features-linux.md#namespaces MUST "the listed types are recognized"
# rule: features-linux.md#capabilities MUST "the listed capabilities are recognized"
# hint: Which name is missing? The test quotes each rule.
# hint: The OCI specification, features-linux.md, "Namespaces" and "Capabilities".
# hint: NAMESPACE_NAMES in config/spec_namespaces.c, and list_capabilities in commands/features.c.
@test "features: namespaces, capabilities" {
    features 'set(f["linux"]["namespaces"]) == {"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}'
    features '{"CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"} <= set(f["linux"]["capabilities"])'
    bundle "process.capabilities = {'bounding': $(features 'f["linux"]["capabilities"]')}"
    oci_create
    assert_status 0
    [[ $stderr != *unknown* ]]
}

# rule: features-linux.md#cgroup MUST "v2, systemd: as implemented"
# rule: features-linux.md#apparmor MUST "as implemented"
# rule: features-linux.md#mount-extensions MUST "idmap is true if the mappings are used at all"
# rule: features-linux.md#net-devices MUST "as implemented"
# hint: Which of cgroup, idmap, AppArmor, SELinux, netDevices is wrong? The test quotes each rule.
# hint: The OCI specification, features-linux.md.
# hint: commands/features.c.
@test "features: the rest" {
    features 'f["linux"]["cgroup"]["v2"] and not f["linux"]["cgroup"].get("v1")'
    features 'f["linux"]["mountExtensions"]["idmap"]["enabled"]'
    features 'f["linux"]["netDevices"]["enabled"]'
    features 'not f["linux"].get("intelRdt", {}).get("enabled")'
}

# rule: features-linux.md#seccomp MUST "the listed actions are recognized"
# rule: features-linux.md#seccomp MUST "the listed operators are recognized"
# rule: features-linux.md#seccomp MUST "the listed architectures are recognized"
# rule: features-linux.md#seccomp MUST "the listed flags are recognized, and the supported ones work"
# hint: Which action, operator, architecture or flag is missing? The test quotes each rule.
# hint: The OCI specification, features-linux.md, "Seccomp".
# hint: The tables of seccomp/profile.c.
@test "features: seccomp" {
    features 'f["linux"]["seccomp"]["enabled"]'
    local actions
    actions=$(features '[a for a in f["linux"]["seccomp"]["actions"] if "NOTIFY" not in a]')
    accepted "linux.seccomp = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['swapon'], 'action': a,
        'args': [{'index': 0, 'op': 'SCMP_CMP_EQ', 'value': i}]} for i, a in enumerate($actions) if a != 'SCMP_ACT_ALLOW']}"
    accepted "linux.seccomp = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['swapon'], 'action': 'SCMP_ACT_ERRNO',
        'args': [{'index': 0, 'op': o, 'value': 1, 'valueTwo': 1}]} for o in $(features 'f["linux"]["seccomp"]["operators"]')]}"
    accepted "linux.seccomp = {'defaultAction': 'SCMP_ACT_ALLOW', 'flags': $(features 'f["linux"]["seccomp"]["supportedFlags"]')}"
    features 'set(f["linux"]["seccomp"]["supportedFlags"]) <= set(f["linux"]["seccomp"]["knownFlags"])'
    accepted "linux.seccomp = {'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': $(features 'f["linux"]["seccomp"]["archs"]')}"
}

# rule: features-linux.md#memory-policy MUST "the listed modes and flags are recognized"
# hint: Which mode or flag is missing? The test quotes each rule.
# hint: The OCI specification, features-linux.md, "Memory policy".
# hint: The table that read_memory_policy uses.
@test "features: memoryPolicy" {
    features '{"MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_PREFERRED", "MPOL_LOCAL"} <= set(f["linux"]["memoryPolicy"]["modes"])'
    local mode
    for mode in $(features '" ".join(f["linux"]["memoryPolicy"]["modes"])'); do
        # A kernel without NUMA refuses every one of them: but not as unknown.
        bundle "linux.memoryPolicy = {'mode': '$mode', **({} if '$mode' in ('MPOL_DEFAULT', 'MPOL_LOCAL') else {'nodes': '0'})}"
        oci_create
        [[ $stderr != *unknown* ]] || fail "$mode"
        oci delete --force c1
    done
}
