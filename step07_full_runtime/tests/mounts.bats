#!/usr/bin/env bats
#
# The mounts of config.json: every option, and what must not happen on the way.
#
# bats file_tags=step07,mounts
# shellcheck disable=SC2016,SC2030,SC2031,SC2154
load ../../scripts/test_helper
load ../../scripts/oci_helper

before_each() {
    requires root rootfs
    make_own_root
    # What the host has to offer: mounts of its own, that go away with it.
    host=$BATS_TEST_TMPDIR/host
    mkdir "$host"
    mount -t tmpfs -o mode=755 host "$host"
    mount --make-private "$host"
}

after_each() {
    oci_clean_up
    [[ -z ${holder-} ]] || kill "$holder"
    umount --recursive --lazy "$host"
}

# mounted PATH: sets $line to ",ATTRIBUTES | OPTIONAL FIELDS | TYPE | OPTIONS" of what was last mounted there in the
# container $pid. In plain bash, because it is asked so often.
mounted() {
    local where attributes rest optional word
    line=''
    while read -r _ _ _ _ where attributes rest; do
        [[ $where == "$1" ]] || continue
        optional=''
        for word in ${rest%% - *}; do
            [[ $word == - ]] || optional+="$word "
        done
        [[ $rest != '- '* ]] || optional=''
        rest=" $rest"
        read -r word _ rest <<<"${rest#* - }"
        line=",$attributes | $optional| $word | $rest"
    done <"/proc/$pid/mountinfo"
}

# has PATH PATTERN
has() {
    mounted "$1"
    # shellcheck disable=SC2053 # it is a pattern
    [[ $line == *$2* ]] || fail "$1 is: $line, and not: $2"
}

hasnt() {
    mounted "$1"
    # shellcheck disable=SC2053
    [[ $line != *$2* ]] || fail "$1 is: $line, which has: $2"
}

is_mounted() {
    mounted "$1"
    [[ $line ]]
}

# peers_of PATH: the number of the group that shares what is mounted there on the host.
peers_of() {
    awk -v path="$1" '$5 == path { sub("shared:", "", $7); print $7 }' /proc/self/mountinfo
}

# tmpfs NAME OPTION...: an edit that mounts a tmpfs on /NAME.
tmpfs() {
    local name=$1 options
    shift
    options=$(printf '"%s",' "$@")
    echo "mounts.append({'destination': '/$name', 'type': 'tmpfs', 'source': 'tmpfs', 'options': [${options%,}]})"
}

# bind SOURCE NAME OPTION...: an edit that binds it to /NAME.
bind() {
    local source=$1 name=$2 options
    shift 2
    options=$(printf '"%s",' "$@")
    echo "mounts.append({'destination': '/$name', 'source': '$source', 'options': [${options%,}]})"
}

# count_mounts PID: of its namespace, reachable or not: listmount(2).
count_mounts() {
    quick_python -c '
import ctypes, fcntl, struct, sys
namespace = bytearray(8)
with open("/proc/%s/ns/mnt" % sys.argv[1]) as f:
    fcntl.ioctl(f, 0x8008b705, namespace) # NS_GET_MNTNS_ID
request = struct.pack("=IIQQ", 32, 0, 2**64 - 1, 0) + bytes(namespace)
ids = ctypes.create_string_buffer(8 * 1000)
print(1 + ctypes.CDLL(None).syscall(458, request, ids, ctypes.c_size_t(1000), 0))' "$1"
}

# created EDIT...: a container of that configuration; $pid is its process, which has not started anything yet.
created() {
    bundle "$@"
    oci_create
    assert_status 0 || return
    pid=$(state_of pid)
}

# in_container COMMAND...: with the files as the container's root sees them.
in_container() {
    run_and_show nsenter --target "$pid" --mount --root --wd=/ "$@"
}

# cannot EDIT... PATTERN: such a container is refused, with an error that fits.
cannot() {
    bundle "${@:1:$#-1}"
    oci_create
    refused "${*: -1}"
}

# --- Options of the mount ---

# hint: Which option did not become a flag of the mount, or not for the mounts below?
# hint: mount_setattr(2): attr_set; config.md, "Linux mount options".
# hint: The table in config/spec_mounts.c, set_attributes in rootfs/mount_fd.c.
@test "options that set an attribute" {
    set_by='ro nosuid nodev noexec nodiratime noatime relatime nosymfollow'
    edits=()
    for option in $set_by strictatime norelatime rro rnosuid rnodev rnoexec rnodiratime rnoatime rrelatime rnosymfollow \
        rstrictatime; do
        edits+=("$(tmpfs "$option" "$option")")
    done
    created "${edits[@]}"
    for option in $set_by; do
        has "/$option" ",${option}[, ]"
        has "/r$option" ",${option}[, ]"
    done
    hasnt /strictatime atime
    hasnt /rstrictatime atime
    has /norelatime ',relatime '
}

# Everything is set on the host's mount, and each option takes one thing away.
# hint: suid, dev, exec, rw: they take a flag away that the source has. Is attr_clr empty?
# hint: mount_setattr(2): attr_clr.
# hint: read_option notes what is cleared, set_attributes hands it on.
@test "options that clear an attribute, on a bind mount" {
    local all=ro,nosuid,nodev,noexec,noatime,nodiratime,nosymfollow name option expected
    mkdir "$host/full"
    mount -t tmpfs -o "$all" full "$host/full"
    edits=("$(bind "$host/full" same bind defaults)")
    options='suid dev exec diratime symfollow rw atime relatime'
    for name in $options; do
        edits+=("$(bind "$host/full" "to/$name" bind "$name")" "$(bind "$host/full" "to/r$name" rbind "r$name")")
    done
    created "${edits[@]}"
    has /same ",$all "
    for option in $options; do
        case $option in
        rw) expected=rw${all#ro} ;;
        atime | relatime) expected=${all/,noatime,nodiratime/,nodiratime,relatime} ;;
        *) expected=${all/,no$option/} ;;
        esac
        has "/to/$option" ",$expected "
        has "/to/r$option" ",$expected "
    done
}

# hint: noatime, relatime and strictatime are one setting with three values. How do you clear the old one?
# hint: mount_setattr(2): MOUNT_ATTR__ATIME must be cleared as a whole.
# hint: read_option: each of them clears MOUNT_ATTR__ATIME and sets one value.
@test "access times: what is said last holds" {
    created "$(tmpfs a noatime atime)" "$(tmpfs b strictatime nostrictatime)" "$(tmpfs c strictatime atime)" \
        "$(tmpfs d noatime nostrictatime)" "$(tmpfs e relatime strictatime)" "$(tmpfs f ro rw)" "$(tmpfs g rw ro)" \
        "$(tmpfs h strictatime norelatime)" "$(tmpfs i rstrictatime rnostrictatime)" "$(tmpfs j rnoatime ratime)"
    for path in /a /b /i /j; do has "$path" ',relatime '; done
    hasnt /c atime
    has /d ,noatime
    hasnt /e atime
    has /f ,rw
    has /g ,ro
    hasnt /h atime
}

# hint: The flag reached too many mounts, or too few.
# hint: mount_setattr(2): AT_RECURSIVE.
# hint: set_attributes is called twice: for the mount, and with AT_RECURSIVE for the r... options.
@test "r... is for the mounts below, too; without r it is for one" {
    mkdir "$host/above"
    mount -t tmpfs above "$host/above"
    mkdir "$host/above/below"
    mount -t tmpfs -o nosuid below "$host/above/below"
    created "$(bind "$host/above" one rbind ro nodev)" "$(bind "$host/above" all rbind rro rnoexec rsuid)" \
        "$(bind "$host/above" single bind)"
    has /one ',ro,nodev'
    has /one/below ',rw,nosuid,relatime '
    has /all ',ro,noexec,relatime '
    has /all/below ',ro,noexec,relatime '
    has /single ',rw,relatime '
    run ! is_mounted /single/below
    in_container touch /all/below/file
    assert_stderr_like '*Read-only file system*'
}

# hint: sync and size are no attributes of a mount. Who gets them?
# hint: fsconfig(2): FSCONFIG_SET_FLAG, FSCONFIG_SET_STRING.
# hint: read_super_option in config/spec_mounts.c, configure in rootfs/mount_fd.c.
@test "options of the file system itself" {
    created "$(tmpfs super sync dirsync lazytime size=1m mode=711)" "$(tmpfs undone sync async lazytime nolazytime)" \
        "$(tmpfs quiet silent loud defaults nomand noiversion)" "$(tmpfs version iversion nosuid strictatime)" \
        "$(tmpfs mandatory mand)"
    for word in sync dirsync lazytime size=1024k mode=711; do
        has /super "| tmpfs | *$word"
    done
    hasnt /undone '| tmpfs | *sync'
    hasnt /undone lazytime
    has /quiet ',rw,relatime |* tmpfs'
    has /version ',rw,nosuid |* tmpfs | rw'
    has /mandatory '| tmpfs | rw'
}

# hint: A word that you do not know: whose is it, and who refuses it?
# hint: fsconfig(2): EINVAL from the file system. A bind mount has no file system to ask.
# hint: is_bind decides: append_data, or a warning that names the option.
@test "an option that nobody knows is the file system's; a bind mount has none" {
    cannot "$(tmpfs x no-such-option)" "*: tmpfs: Unknown parameter 'no-such-option'*"
    created "$(bind "$host" x bind no-such-option)"
    [[ $stderr == *'mounts[5].options[1]: "no-such-option" means nothing for a bind mount'* ]]
}

# hint: You split at each comma. What about those that belong to a name?
# hint: overlayfs.rst: lowerdir with commas; fsconfig(2) takes a whole value.
# hint: next_word and unescape.
@test "an option may hold a comma: in quotes, or after a backslash" {
    mkdir "$host/a,b" "$host/c:d"
    touch "$host/a,b/one" "$host/c:d/two"
    created 'mounts.append({"destination": "/x", "type": "overlay", "source": "overlay",
        "options": ["lowerdir='"$host/a\\\\,b:$host/c\\\\:d"'"]})' "$(tmpfs y size=1m,nr_inodes=50)"
    [[ -e /proc/$pid/root/x/one && -e /proc/$pid/root/x/two ]]
    has /y size=1024k,nr_inodes=50
    oci delete --force c1
    cannot "mounts.append({'destination': '/z', 'type': 'tmpfs', 'options': ['mode=\"7,0,0\"']})" '*mode*7,0,0*'
}

# hint: A label was asked for, and the kernel has none. Is it left out in silence?
# hint: mount(8), "context="; config-linux.md, "Mount Label".
# hint: mount_use_label; the kernel's answer is handed on.
@test "linux.mountLabel: an error where the kernel has no SELinux" {
    [[ ! -e /sys/fs/selinux/enforce ]] || skip 'this kernel has SELinux'
    cannot 'linux.mountLabel = "system_u:object_r:container_file_t:s0:c1,c2"' '*SELinux*'
    created 'linux.mountLabel = ""'
}

# hint: It can have no effect: an error, a warning or nothing?
# hint: mount(2): MS_SYNCHRONOUS with MS_BIND.
# hint: could_be_link aside: read_mounts says "has no effect on a bind mount".
@test "a bind mount can't change the file system: \"sync\" is a warning" {
    bundle 'process.args = ["true"]' "$(bind "$host" x rbind sync)"
    oci run --bundle "$bundle" c1
    assert_status 0
    assert_stderr_like '*mounts?5?.options?1?: "sync" has no effect on a bind mount*'
}

# hint: A remount makes no mount. Which one do you change?
# hint: fspick(2) with fsconfig(2) FSCONFIG_CMD_RECONFIGURE; mount_setattr(2).
# hint: mount_reconfigure and mount_change in rootfs/mount_fd.c.
@test "remount changes what is there" {
    created "$(tmpfs x size=1m)" 'mounts.append({"destination": "/x", "options": ["remount", "size=2m", "ro", "nosuid"]})' \
        "$(bind "$host" y bind)" 'mounts.append({"destination": "/y", "options": ["bind", "remount", "ro"]})' \
        'mounts.append({"destination": "/", "options": ["remount", "noatime"]})'
    has /x ',ro,nosuid*| tmpfs | rw,size=2048k'
    has /y ',ro,'
    has / ",noatime"
    [[ $(grep -c ' /x ' "/proc/$pid/mountinfo") == 1 ]]
    touch "$host/still-writable"
}

# hint: /etc is a directory, no mount. What would you have changed?
# hint: statx(2): STATX_ATTR_MOUNT_ROOT; mount(2), EINVAL.
# hint: remount in rootfs/mounts.c.
@test "remount of something that is not mounted is an error" {
    cannot 'mounts.append({"destination": "/etc", "options": ["remount", "ro"]})' '*/etc*'
    cannot 'mounts.append({"destination": "/nothing", "options": ["remount", "ro"]})' '*/nothing*No such file*'
}

# --- Propagation ---

# hint: shared:N, master:N, unbindable: which is missing in mountinfo?
# hint: mount_setattr(2): propagation; mount_namespaces(7).
# hint: propagation_flags, and set_attributes with the field propagation.
@test "propagation options, as mountinfo shows them" {
    mkdir "$host/shared"
    mount -t tmpfs shared "$host/shared"
    mount --make-shared "$host/shared"
    edits=()
    for option in private shared slave unbindable; do
        edits+=("$(bind "$host/shared" "$option" rbind "$option")" "$(bind "$host/shared" "r$option" rbind "r$option")")
    done
    created "${edits[@]}" "$(bind "$host/shared" default rbind)" "$(tmpfs new shared)"
    peers=$(peers_of "$host/shared")
    for r in '' r; do
        has "/${r}private" '| | '
        has "/${r}shared" "| shared:$peers |"
        has "/${r}slave" "| master:$peers |"
        has "/${r}unbindable" '| unbindable |'
    done
    has /default '| | '
    has /new '| shared:*'
    hasnt /new "| shared:$peers "
}

# hint: Where was the tie to the host's peer group cut?
# hint: mount_namespaces(7): MS_SLAVE keeps half of it.
# hint: mounts_copy_shared comes first, then make_mounts_private.
@test "what the host mounts later comes into a slave, and out of a shared mount" {
    mkdir "$host/shared"
    mount -t tmpfs shared "$host/shared"
    mount --make-shared "$host/shared"
    mkdir "$host/shared/in" "$host/shared/out"
    created "$(bind "$host/shared" private bind)" "$(bind "$host/shared" slave bind slave)" \
        "$(bind "$host/shared" shared bind rshared)"
    mount -t tmpfs later "$host/shared/in"
    run ! is_mounted /private/in
    has /slave/in tmpfs
    has /shared/in tmpfs
    in_container mount -t tmpfs mine /slave/out
    assert_status 0
    run ! mountpoint -q "$host/shared/out"
    in_container mount -t tmpfs mine /shared/out
    assert_status 0
    mountpoint -q "$host/shared/out"
}

# hint: One call for "/" and all below it: what did it take from the mount that wanted to be shared?
# hint: config-linux.md, "Rootfs Mount Propagation"; mount_namespaces(7).
# hint: enter_root: private and slave are the root's from the beginning.
@test "rootfsPropagation does not take from a mount what its own options say" {
    local name
    mkdir "$host/dir"
    for name in rprivate rslave; do
        created "linux.rootfsPropagation = '$name'" "$(bind "$host/dir" dir rbind rshared)"
        has /dir '| shared:'
        hasnt / 'shared:'
        oci delete --force c1
    done
}

# hint: At which moment is the root's own propagation set?
# hint: config-linux.md, "Rootfs Mount Propagation"; pivot_root(2) refuses shared mounts.
# hint: rootfs_protect sets it, after the pivot.
@test "rootfsPropagation: private, shared, slave, unbindable" {
    # The root itself is a shared mount of the host.
    mkdir "$host/root"
    mount --bind "$root" "$host/root"
    mount --make-shared "$host/root"
    mkdir -p "$root/later"
    peers=$(peers_of "$host/root")
    local name
    for name in private shared rshared slave rslave unbindable; do
        created "root.path = '$host/root'" "linux.rootfsPropagation = '$name'"
        case $name in
        *private) has / '| | ' ;;
        *shared) has / '| shared:' && hasnt / "| shared:$peers " ;;
        *slave) has / "| master:$peers " ;;
        *unbindable) has / '| unbindable ' ;;
        esac || return
        if [[ $name != r* ]]; then
            mount -t tmpfs later "$host/root/later"
            case $name in
            slave) is_mounted /later ;;
            *) run ! is_mounted /later ;;
            esac || return
            umount "$host/root/later"
        fi
        oci delete --force c1
    done
    cannot 'linux.rootfsPropagation = "upwards"' '*linux.rootfsPropagation: *"upwards"*'
}

# --- Owners through maps ---

MAPS='[{"containerID": 0, "hostID": 5000, "size": 1000}]'

# mapped SOURCE NAME OPTION: an edit that binds it with maps of its own
mapped() {
    echo "mounts.append({'destination': '/$2', 'source': '$1', 'options': ['rbind', '$3'], 'uidMappings': $MAPS, 'gidMappings': $MAPS})"
}

# hint: The file's owner is another number in there. What carries the map?
# hint: mount_setattr(2): MOUNT_ATTR_IDMAP with userns_fd.
# hint: mount_map_ids, with the user namespace from id_maps_namespace.
@test "an idmapped mount shows the owners through its maps" {
    mkdir "$host/above"
    mount -t tmpfs above "$host/above"
    mkdir "$host/above/below"
    mount -t tmpfs -o mode=777 below "$host/above/below"
    touch "$host/above/file" "$host/above/below/file"
    chown 7:8 "$host/above/file" "$host/above/below/file"
    created "$(mapped "$host/above" idmap idmap)" "$(mapped "$host/above" ridmap ridmap)" \
        "$(mapped "$host/above" implied defaults)" "$(bind "$host/above" plain rbind)"
    in_container stat -c %u:%g /idmap/file /idmap/below/file /ridmap/file /ridmap/below/file /implied/file /plain/file
    assert_output $'5007:5008\n7:8\n5007:5008\n5007:5008\n5007:5008\n7:8'
    has /idmap idmapped
    # It goes the other way as well: who is 5009 out here is 9 on the disk.
    in_container sh -c 'chown 5009:5009 /idmap/file'
    assert_status 0
    [[ $(stat -c %u:%g "$host/above/file") == 9:9 ]]
}

# hint: No maps were given with the mount. Whose are meant?
# hint: config.md, "idmap".
# hint: read_mount_maps in config/spec_mounts.c, maps_group in commands/edits_ids.c.
@test "idmap without maps of its own takes the container's" {
    touch "$host/file"
    chown 7:8 "$host/file"
    users='linux.namespaces.append({"type": "user"})'
    both='linux.uidMappings = linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
    chown 100000:100000 "$root"
    created "$users" "$both" "$(bind "$host" idmap bind idmap)" "$(mapped "$host" own idmap)" "$(bind "$host" plain bind)"
    run_and_show nsenter --target "$pid" --user --mount --root --wd=/ stat -c %u:%g /idmap/file /plain/file
    assert_output $'7:8\n65534:65534'
    in_container stat -c %u:%g /idmap/file /own/file
    assert_output $'100007:100008\n5007:5008'
}

@test "idmap in a user namespace that exists already" {
    touch "$host/file"
    chown 7:8 "$host/file"
    chown 100000:100000 "$root"
    unshare --user sleep 100 3>&- 4>&- &
    holder=$!
    eventually grep -q sleep "/proc/$holder/comm"
    for map in uid_map gid_map; do
        echo 0 100000 65536 >"/proc/$holder/$map"
    done
    created "linux.namespaces.append({'type': 'user', 'path': '/proc/$holder/ns/user'})" "$(bind "$host" idmap bind idmap)"
    in_container stat -c %u:%g /idmap/file
    assert_output 100007:100008
    [[ $(ns_inode "$pid" user) == "$(ns_inode "$holder" user)" ]]
}

# hint: Which of these was not refused, or does not name the field?
# hint: mount_setattr(2), EINVAL and EPERM.
# hint: read_mount_maps checks before anything is made.
@test "idmap: what can't be" {
    cannot "$(bind "$host" x bind idmap)" '*mounts?5?*needs uidMappings*'
    cannot "$(mapped "$host" x idmap)" 'del mounts[5].gidMappings' '*uidMappings*gidMappings*'
    cannot "$(tmpfs x idmap)" "mounts[5].uidMappings = mounts[5].gidMappings = $MAPS" '*bind*'
    cannot "$(mapped /proc x idmap)" '*/x*'
}

# hint: In there the image is nobody's. How can its owners be shifted without chown?
# hint: mount_setattr(2): MOUNT_ATTR_IDMAP, on the root's own mount.
# hint: rootfs_open_sources and mount_map_ids.
@test "--userns: the image's files belong to the container's root" {
    chown 33:44 "$root/etc/passwd"
    demo --userns stat -c %u:%g /etc/passwd /etc
    assert_output $'33:44\n0:0'
    demo --userns --overlay sh -c 'stat -c %u:%g /etc/passwd /etc; echo new >/etc/passwd && cat /etc/passwd'
    assert_output $'33:44\n0:0\nnew'
    [[ $(stat -c %u "$root/etc") == 0 && $(<"$root/etc/passwd") != new ]]
}

# --- tmpcopyup ---

# hint: What differs: compare both with `find -printf`.
# hint: copy_file_range(2), lseek(2) SEEK_DATA, utimensat(2), fchownat(2).
# hint: copy_metadata and copy_data in rootfs/copy_up.c.
@test "tmpcopyup copies what the tmpfs hides: owners, modes, times, links, holes" {
    mkdir -p "$root/data/dir/deep"
    cd "$root/data"
    echo hello >file
    chown 12:34 file
    chmod 4750 file
    ln file dir/hard
    ln -s /etc/passwd absolute
    ln -s ../../../../../../etc dangling
    chown -h 56:78 absolute
    mkfifo pipe
    mknod null c 1 3
    truncate -s 1G sparse
    setfattr -n security.rung -v yes file 2>/dev/null || true
    chmod 1777 dir
    touch -d '2001-02-03 04:05:06' file dir/deep dir
    touch -hd '2001-02-03 04:05:06' absolute
    chmod 2751 "$root/data"
    chown 3:4 "$root/data"
    list='find . -printf "%p %y %m %U:%G %n %l %s %t\n" | grep -v "sparse\|^\. \|^./dir[/ ]" | sort; find . ! -name sparse -printf "%p %m %U:%G %n\n" | sort'
    here=$(bash -c "$list")
    cd "$BATS_TEST_TMPDIR"
    created "$(tmpfs data tmpcopyup size=1m)" "$(tmpfs etc tmpcopyup size=1m ro mode=700)"
    there=$(cd "/proc/$pid/root/data" && bash -c "$list")
    diff <(echo "$here") <(echo "$there")
    cd "/proc/$pid/root/data"
    [[ $(<file) == hello && file -ef dir/hard && $(stat -c %s sparse) == 1073741824 && $(stat -c %b sparse) == 0 ]]
    [[ $(stat -c %Y dir) == "$(stat -c %Y "$root/data/dir")" && $(stat -c '%m %a' .) == *2751 ]]
    [[ $(getfattr -n security.rung --only-values file 2>/dev/null) == "$(getfattr -n security.rung --only-values "$root/data/file" 2>/dev/null)" ]]
    echo changed >file
    [[ $(<"$root/data/file") == hello ]]
    # A mode that was asked for wins, and "ro" comes after the copy.
    [[ $(stat -c %a "/proc/$pid/root/etc") == 700 ]]
    has /etc ',ro,'
    diff <(ls "$root/etc") <(ls "/proc/$pid/root/etc")
    cd "$BATS_TEST_TMPDIR"
}

# hint: Another file system begins below. How do you notice, and where does it end?
# hint: openat2(2): RESOLVE_NO_XDEV; ENOSPC.
# hint: copy_entries in rootfs/copy_up.c.
@test "tmpcopyup: what is mounted inside stays out, and too much is an error" {
    mkdir -p "$root/data/inner"
    echo secret >"$host/secret"
    created "$(bind "$host" data/inner bind)" "$(tmpfs data tmpcopyup)"
    [[ -z $(ls -A "/proc/$pid/root/data/inner") ]]
    oci delete --force c1
    head -c 2000000 /dev/zero >"$root/data/big"
    cannot "$(tmpfs data tmpcopyup size=1m)" '*/data/big*No space left*'
    rm "$root/data/big"
    (cd "$root/data" && for ((i = 0; i < 120; i++)); do mkdir d && cd d || exit; done)
    cannot "$(tmpfs data tmpcopyup)" '*/data/d/d/d*too deep*'
    cannot "$(bind "$host" x bind tmpcopyup)" '*tmpcopyup*tmpfs*'
}

# --- Where a mount goes ---

# hint: The image's directory had a mode. What has the tmpfs?
# hint: fstat(2), fsconfig(2) "mode".
# hint: mount_data in rootfs/mounts.c.
@test "a tmpfs without a mode looks like the directory that it covers" {
    mkdir -m 1733 "$root/odd"
    created "$(tmpfs odd)" "$(tmpfs odd2 nosuid)" 'mounts[5].options = []'
    [[ $(stat -c %a "/proc/$pid/root/odd") == 1733 && $(stat -c %a "/proc/$pid/root/odd2") == 1777 ]]
}

# hint: A file can't be mounted on a directory. Who looks first?
# hint: fstat(2) on the opened source.
# hint: bind_target, then make_file or make_directories.
@test "the source of a bind mount decides what its target is" {
    echo file >"$host/file"
    mkdir "$host/dir"
    created "$(bind "$host/file" new/deep/file bind)" "$(bind "$host/dir" new/deep/dir bind)" \
        'mounts[5].type = "none"' 'mounts[6].type = "bind"' 'mounts[6].options = []'
    [[ $(<"/proc/$pid/root/new/deep/file") == file && -d /proc/$pid/root/new/deep/dir ]]
    oci delete --force c1
    cannot "$(bind "$host/file" etc bind)" '*/etc*'
    cannot "$(bind "$host/dir" etc/passwd bind)" '*directory on /etc/passwd*it is a file'
    cannot "$(bind "$host/dir" etc/passwd/x bind)" '*/etc/passwd/x*Not a directory'
    cannot "$(bind "$host/absent" x bind)" "*$host/absent*No such file*"
    cannot "mounts.append({'destination': '/x', 'options': ['bind']})" '*mounts?5?.source*'
    cannot "mounts.append({'destination': '/x', 'source': '/'})" '*mounts?5?.type*'
    cannot "mounts.append({'source': '/', 'type': 'bind'})" '*mounts?5?.destination*'
}

# hint: Was it the image that had the directory, or did the container before you make it?
# hint: mkdirat(2), umask(2); tmpfs(5): mode=1777 is its own default.
# hint: mount_target_shared makes what is missing, and mount_data looks at it afterwards.
@test "a tmpfs on a place that the image lacks is for all users, the second time too" {
    local option
    for option in nosuid tmpcopyup; do
        for _ in first second; do
            created "$(tmpfs "new-$option/deep" "$option")"
            [[ $(stat -c %a "/proc/$pid/root/new-$option/deep") == 1777 ]]
            [[ $(stat -c %a "/proc/$pid/root/new-$option") == 755 ]]
            oci delete --force c1
        done
    done
}

# hint: /etc/resolv.conf is there, and leads to what is not. Which of the two has to be made?
# hint: readlinkat(2); symlink(7): a path that is relative to the link's own directory.
# hint: link_target in rootfs/mount_fd.c, called where mkdirat or mknodat says EEXIST.
@test "where the destination is a link that leads to nothing, what it names is made, inside the root" {
    ln -sf ../run/systemd/resolve/stub.conf "$root/etc/resolv.conf"
    ln -s nowhere/at/all "$root/relative"
    ln -s "$host/absolute" "$root/absolute"
    echo nameserver >"$host/resolv.conf"
    mkdir "$host/dir"
    created "$(bind "$host/resolv.conf" etc/resolv.conf rbind)" "$(bind "$host/dir" relative bind)" \
        "$(tmpfs absolute/below nosuid)"
    [[ $(<"/proc/$pid/root/run/systemd/resolve/stub.conf") == nameserver ]]
    has /run/systemd/resolve/stub.conf tmpfs
    has /nowhere/at/all tmpfs
    has "$host/absolute/below" ,nosuid
    [[ ! -e $host/absolute && -L $root/etc/resolv.conf && -L $root/relative ]]
    oci delete --force c1
    ln -s round "$root/round"
    cannot "$(bind "$host/dir" round bind)" '*/round*ymbolic link*'
}

# hint: The kernel follows the link at the end of the source, or of the destination. Who told it not to?
# hint: open_tree(2): AT_SYMLINK_NOFOLLOW; crun(1): copy-symlink, src-nofollow, dest-nofollow.
# hint: open_source, bind_target and copy_link in rootfs/mounts.c.
@test "a bind mount of a link itself, on a link itself, or a copy of the link" {
    mkdir "$root/place"
    ln -s place "$root/target"
    ln -s gone "$host/link"
    echo file >"$host/file"
    created "$(bind "$host/link" made/link bind copy-symlink)" "$(bind "$host/link" bound bind src-nofollow)" \
        "$(bind "$host/file" target bind dest-nofollow)" "$(bind "$host/file" copy bind copy-symlink)"
    [[ $(readlink "/proc/$pid/root/made/link") == gone && $(readlink "/proc/$pid/root/bound") == gone ]]
    [[ $(<"/proc/$pid/root/target") == file && -d $root/place && $(<"/proc/$pid/root/copy") == file ]]
    run ! is_mounted /made/link
    oci delete --force c1
    created "$(bind "$host/link" made/link bind copy-symlink)"
    oci delete --force c1
    ln -sfn other "$root/made/link"
    cannot "$(bind "$host/link" made/link bind copy-symlink)" '*/made/link*File exists*'
    cannot "$(bind "$host/link" x bind copy-symlink src-nofollow)" '*mounts?5?*copy-symlink*'
    cannot "$(tmpfs x dest-nofollow)" '*mounts?5?*dest-nofollow*bind*'
}

# hint: Relative to what did you open them?
# hint: config.md, "mounts": source and destination.
# hint: bundle_path for sources, mount_target for destinations.
@test "relative paths: the source starts at the bundle, the destination at the root" {
    bundle "$(bind volume x bind)" 'mounts[5].destination = "some//./place/"' 'root.path = "fs"'
    mkdir "$bundle/volume"
    touch "$bundle/volume/here"
    ln -s "$root" "$bundle/fs"
    oci_create
    assert_status 0
    pid=$(state_of pid)
    has /some/place relatime
    [[ -e /proc/$pid/root/some/place/here ]]
}

# hint: A link says /../../etc. From which root is it followed?
# hint: openat2(2): RESOLVE_IN_ROOT.
# hint: mount_target in rootfs/mount_fd.c: one descriptor from look to mount.
@test "a destination goes through links of the image, and never out of it" {
    mkdir "$BATS_TEST_TMPDIR/outside"
    ln -s /usr "$root/link"
    ln -s "$BATS_TEST_TMPDIR/outside" "$root/out"
    ln -s ../../../../../../../../../../etc "$root/up"
    created "$(tmpfs link/there nosuid)" "$(tmpfs up/here nosuid)" "$(tmpfs ../../odd nosuid)" "$(tmpfs out/new nosuid)"
    has /usr/there tmpfs
    has /etc/here tmpfs
    has /odd tmpfs
    has "$BATS_TEST_TMPDIR/outside/new" tmpfs
    [[ -z $(ls -A "$BATS_TEST_TMPDIR/outside") && ! -e $BATS_TEST_TMPDIR/odd ]]
    oci delete --force c1
    for path in / // /. ''; do
        cannot "mounts.append({'destination': '$path', 'type': 'tmpfs'})" '*mounts?5?.destination*'
    done
}

# hint: The last one on a place covers the others. Did you sort them?
# hint: config.md: "in the listed order".
# hint: The loop of mount_filesystems.
@test "mounts are made in the order of config.json" {
    created "$(tmpfs a size=1m)" "$(tmpfs a/b size=2m)" "$(tmpfs a size=3m)"
    has /a size=3072k
    [[ ! -e /proc/$pid/root/a/b ]]
}

# hint: The source is what an earlier line has mounted. When did you open it?
# hint: config.md: "in the listed order"; open_tree(2) with OPEN_TREE_CLONE copies what is there now.
# hint: bind_mount opens its source when its turn comes, unless mounts_copy_shared did.
@test "a source may be what an earlier mount has brought" {
    local users
    mkdir "$host/dir" "$host/dir/sub"
    echo here >"$host/dir/sub/file"
    for users in 'linux' 'linux.uidMappings = linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}];
linux.namespaces.append({"type": "user"})'; do
        created "$users" "$(bind "$host/dir" mnt bind)" "$(bind "$root/mnt/sub" second bind ro)" \
            "$(bind "$root/second" third bind rshared)" 'mounts.insert(5, tmpfs("/first", "mode=755"))' \
            "$(bind "$root/first" fourth bind)"
        [[ $(<"/proc/$pid/root/second/file") == here && $(<"/proc/$pid/root/third/file") == here ]]
        has /second ,ro,
        has /fourth mode=755
        oci delete --force c1
    done
}

# hint: Root of the user namespace is nobody in that home. Who may enter it?
# hint: user_namespaces(7): a capability counts for files whose owner is mapped; setns(2) with CLONE_NEWNS.
# hint: host_file_open asks the parent, and host_files_answer opens it in the mount namespace of the child.
@test "a source in a directory that only its owner may enter, with a user namespace" {
    users='linux.namespaces.append({"type": "user"})'
    both='linux.uidMappings = linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
    chown -R 100000:100000 "$root"
    mkdir -p "$host/home/volume" "$host/home/root"
    echo here >"$host/home/volume/file"
    chmod 755 "$host/home/volume"
    mount --bind "$root" "$host/home/root"
    chown -R 1234:1234 "$host/home/volume"
    chown 1234:1234 "$host/home"
    chmod 700 "$host/home"
    created "$users" "$both" "$(bind "$host/home/volume" volume rbind ro)" "root.path = '$host/home/root'"
    [[ $(<"/proc/$pid/root/volume/file") == here ]]
    has /volume ,ro,
    # What the host does not let its users take away is kept.
    in_container mount -o remount,bind,rw /volume
    ((status != 0))
    oci delete --force c1
    cannot "$users" "$both" "$(bind "$host/home/absent" volume rbind)" '*/home/absent*No such file*'
    run ! pgrep -P $$ -f "$DEMO_PROGRAM"
}

# hint: A file or a directory was mounted over /proc. Which CVE is that?
# hint: statfs(2): PROC_SUPER_MAGIC; config.md; CVE-2019-16884.
# hint: guard_proc in rootfs/mounts.c.
@test "nothing but a procfs is mounted on /proc" {
    echo 'MemTotal: 1 kB' >"$host/meminfo"
    mkdir "$host/dir"
    created "$(bind "$host/meminfo" proc/meminfo bind)" "$(bind /proc proc rbind)"
    has /proc 'proc'
    oci delete --force c1
    cannot "$(bind "$host/dir" proc bind)" '*/proc*fake*'
    cannot "$(tmpfs proc nosuid)" '*/proc*fake*'
    cannot "$(bind "$host/meminfo" proc/self/status bind)" '*/proc/self/status*'
    cannot "$(bind "$host/dir" proc/sys bind)" '*/proc/sys*fake*'
    ln -s /proc/sys "$root/link"
    cannot "$(bind "$host/dir" link bind)" '*/link*fake*'
    cannot "$(bind "$host/dir" proc bind)" 'del mounts[0]' '*/proc*fake*'
}

# hint: On v2 there is no type "cgroup". What is meant, and what if the cgroup namespace is the host's?
# hint: cgroups(7), cgroup_namespaces(7).
# hint: mounts_prepare: without a namespace of its own it binds the container's own cgroup.
@test "cgroup means cgroup2, with a cgroup namespace and without" {
    requires cgroup2
    mount='mounts.append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro", "nosuid"]})'
    created "$mount"
    has /sys/fs/cgroup ',ro,nosuid*| cgroup2'
    [[ ! -e /proc/$pid/root/sys/fs/cgroup/${cgroup##*/} ]]
    oci delete --force c1
    created "$mount" 'linux.namespaces = [n for n in linux.namespaces if n.type != "cgroup"]'
    has /sys/fs/cgroup ',ro,nosuid*| cgroup2'
    [[ -e /proc/$pid/root/sys/fs/cgroup/${cgroup##*/} ]]
}

# hint: In a user namespace you may not mount a sysfs of the host's network. What may you do?
# hint: user_namespaces(7): a bind mount of what is there.
# hint: copy_host_mount and find_host_mount in rootfs/mounts.c.
@test "where a namespace is the host's, its file system is a copy in a user namespace" {
    requires mqueue
    users='linux.namespaces = [n for n in linux.namespaces if n.type in ("mount", "pid")] + [{"type": "user"}]'
    both='linux.uidMappings = linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
    chown -R 100000:100000 "$root"
    created "$users" "$both" 'mounts.append({"destination": "/dev/mqueue", "type": "mqueue", "options": ["nosuid"]})'
    has /sys ',ro,nosuid,nodev,noexec*| sysfs'
    has /dev/mqueue ',nosuid*| mqueue'
    has /proc '| proc'
}

# --- /dev ---

# hint: Which node is missing, or has the wrong mode, owner or number?
# hint: config-linux.md, "Devices"; mknod(2), fchown(2), umask(2).
# hint: make_configured_device and is_configured in rootfs/dev.c.
@test "devices of config.json: a default one may be given, others are added" {
    created 'linux.devices = [
        {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o20600, "uid": 5, "gid": 6},
        {"path": "/dev/mine", "type": "u", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 7, "gid": 8},
        {"path": "/dev/sub/loop", "type": "b", "major": 7, "minor": 0},
        {"path": "/dev/pipe", "type": "p", "fileMode": 0o622}]'
    cd "/proc/$pid/root/dev"
    run_and_show stat -c '%n %F %t:%T %a %u:%g' null mine sub/loop pipe zero
    assert_output 'null character special file 1:3 600 5:6
mine character special file 1:5 640 7:8
sub/loop block special file 7:0 666 0:0
pipe fifo 0:0 622 0:0
zero character special file 1:5 666 0:0'
    cd "$BATS_TEST_TMPDIR"
}

# hint: Which path did you walk a second time? What was there then?
# hint: openat2(2); O_NOFOLLOW; a descriptor of the tmpfs stays the same, whatever is mounted on its path. CVE-2025-52565.
# hint: rootfs_need_dev and mount_filesystems hand dev_fd to make_devices; fresh_target wants a plain /dev.
@test "no device gets into a volume, whatever the image has for /dev" {
    local nodes='linux.devices = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 5}]'
    mkdir "$host/volume"
    mv "$root/dev" "$root/old-dev"
    ln -s /data "$root/dev"
    cannot "$(bind "$host/volume" data bind)" "$nodes" '*/dev in the root*link*'
    cannot "$(bind "$host/volume" data bind)" 'del mounts[1:4]' "$nodes" '*/dev in the root*link*'
    [[ -z $(ls -A "$host/volume") ]]
    rm "$root/dev"
    mv "$root/old-dev" "$root/dev"
    # The volume is mounted over our /dev, by another name.
    ln -s /dev "$root/data"
    created "$(bind "$host/volume" data bind)" "$nodes" 'process.terminal = False'
    [[ $(find "$host/volume" -mindepth 1 -printf '%f %y %s;') == 'mine f 0;' ]]
    oci delete --force c1
    rm "$host/volume/mine" "$root/data"
    # The one on /dev that counts is the last.
    created 'mounts.insert(2, {"destination": "/dev", "source": "/dev", "options": ["rbind"]})' 'del mounts[3:5]'
    [[ ! -e /dev/mine ]]
}

# hint: mknod writes a device into the directory that is there: whose is it?
# hint: mount(2): MS_BIND; nosuid and noexec, as for all of /dev.
# hint: make_device: only what is on our own tmpfs is made in its place; bind_device for the rest.
@test "a device outside /dev is bound: the user's own directory gets none" {
    mkdir "$host/volume"
    for _ in first second; do
        created "$(bind "$host/volume" data bind)" 'linux.devices = [
            {"path": "/data/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o640, "uid": 7, "gid": 8},
            {"path": "/pipe", "type": "p"}]'
        run_and_show stat -c '%F %t:%T %a %u:%g' "/proc/$pid/root/data/mine" "/proc/$pid/root/pipe"
        assert_output $'character special file 1:5 640 7:8\nfifo 0:0 666 0:0'
        has /data/mine ',nosuid,noexec'
        [[ ! -e /proc/$pid/root/dev/.rung && -f $host/volume/mine && -f $root/pipe ]]
        oci delete --force c1
    done
}

# hint: There was a file. Was it replaced, or taken for a device?
# hint: fstat(2): S_ISCHR and st_rdev.
# hint: check_device in rootfs/dev.c.
@test "a device where something else is already: an error" {
    node='linux.devices = [{"path": "/data/mine", "type": "c", "major": 1, "minor": 5, "fileMode": 0o666}]'
    mkdir -p "$root/data/mine"
    cannot "$node" '*/data/mine*something else*'
    rmdir "$root/data/mine"
    ln -sf /dev/zero "$root/data/mine"
    cannot "$node" '*/data/mine*something else*'
}

# hint: No tmpfs was asked for on /dev. Where did your nodes go?
# hint: mount(2): a tmpfs of your own.
# hint: rootfs_need_dev.
@test "without a mount on /dev the devices are there, and not in the image" {
    find "$root" >before
    created 'del mounts[1:4]'
    [[ -c /proc/$pid/root/dev/urandom && -L /proc/$pid/root/dev/ptmx ]]
    oci delete --force c1
    find "$root" >after
    diff before after
}

# hint: mknod says EPERM in a user namespace. What else gives a device?
# hint: user_namespaces(7); mount(2): MS_BIND of the host's node.
# hint: bind_device in rootfs/dev.c, checked by number: find_dev.
@test "devices in a user namespace are the host's" {
    users='linux.namespaces.append({"type": "user"})'
    both='linux.uidMappings = linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
    chown -R 100000:100000 "$root"
    created "$users" "$both" 'linux.devices = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3},
        {"path": "/dev/pipe", "type": "p"}]'
    [[ $(grep -c ' /dev/null ' "/proc/$pid/mountinfo") == 1 && -p /proc/$pid/root/dev/pipe ]]
    has /dev/zero ',nosuid,*noexec'
    in_container sh -c 'echo x >/dev/null && head -c 1 /dev/urandom | wc -c'
    assert_output 1
    oci delete --force c1
    # Under another name, or one that is another device on the host.
    created "$users" "$both" 'linux.devices = [{"path": "/dev/null", "type": "c", "major": 1, "minor": 5},
        {"path": "/dev/sub/mine", "type": "c", "major": 1, "minor": 8}]'
    run_and_show stat -c '%t:%T' "/proc/$pid/root/dev/null" "/proc/$pid/root/dev/sub/mine"
    assert_output $'1:5\n1:8'
    oci delete --force c1
    cannot "$users" "$both" 'linux.devices = [{"path": "/dev/mine", "type": "c", "major": 1, "minor": 99}]' '*/dev/mine*c 1:99*'
}

# hint: Did you write into the host's /dev? Or make /dev read-only before it was filled?
# hint: mount(2): MS_RDONLY comes last.
# hint: rootfs_need_dev says whether to fill it; make_devices before mounts_finish.
@test "a /dev that is bound stays as it is; one that is read-only has all" {
    created 'mounts[1] = {"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind"]}' 'del mounts[2:4]'
    [[ -e /proc/$pid/root/dev/null ]]
    oci delete --force c1
    created 'mounts[1].options.append("ro")'
    has /dev ',ro,'
    [[ -c /proc/$pid/root/dev/null ]]
}

# --- What is hidden ---

# hint: Which of them can still be read, or stopped the start?
# hint: config-linux.md, "Masked Paths"; open(2): ENOENT, ENOTDIR.
# hint: mask_paths in rootfs/rootfs.c.
@test "masked paths: files and directories; one that is missing is no error" {
    mkdir -p "$root/secret/dir" "$root/secret/dir2"
    echo secret | tee "$root/secret/file" >"$root/secret/dir/file"
    ln -s secret/file "$root/link"
    created 'linux.maskedPaths = ["/secret/dir", "/secret/dir2", "/secret/file", "/no/such/path", "/etc/passwd/x", "/proc/keys"]' \
        'linux.readonlyPaths = ["/proc/sys", "/tmp", "/no/such/path"]' 'root.readonly = True'
    in_container sh -c 'cat /secret/file; ls -A /secret/dir /secret/dir2; cat /proc/keys; touch /secret/dir/x; touch /tmp/x; touch /x'
    assert_output $'/secret/dir:\n\n/secret/dir2:'
    [[ $stderr == *Read-only*Read-only*Read-only* ]]
    has /secret/file '| devtmpfs'
    has /secret/dir ',ro,*| tmpfs'
    # One empty file system serves all directories.
    [[ $(awk '$5 ~ "^/secret/dir" { print $3 }' "/proc/$pid/mountinfo" | uniq | wc -l) == 1 ]]
    has /proc/sys ,ro
    has / ,ro
}

# hint: You covered it, and then the cover. Who takes off both?
# hint: proc_pid_mountinfo(5): two lines with one path.
# hint: is_repeated in rootfs/rootfs.c.
@test "a path that is listed twice is masked, or read-only, once" {
    created 'linux.maskedPaths = ["/proc/keys", "/etc", "/proc/keys", "/etc"]' \
        'linux.readonlyPaths = ["/proc/sys", "/tmp", "/proc/sys"]'
    [[ $(grep -cE ' /(proc/keys|etc|proc/sys|tmp) ' "/proc/$pid/mountinfo") == 4 ]]
}

# hint: The directory is made by whoever enters it. What has become of the root by then?
# hint: config.md: process.cwd; mount_setattr(2): MOUNT_ATTR_RDONLY.
# hint: make_working_directory, first in rootfs_protect.
@test "a working directory that the image lacks is made before the root becomes read-only" {
    bundle 'root.readonly = True' 'process.cwd = "/new/deep"' 'process.args = ["pwd"]'
    oci run --bundle "$bundle" c1
    assert_status 0
    assert_output /new/deep
}

# hint: /dev/null of the host, or of the image, may be an ordinary file. Did you look?
# hint: fstat(2) on the descriptor that you then mount: 1:3. CVE-2025-31133.
# hint: is_device in rootfs/mount_fd.c.
@test "a false /dev/null masks nothing" {
    touch "$host/null"
    bundle 'linux.maskedPaths = ["/etc/passwd"]'
    run_and_show unshare --mount sh -c 'mount --bind "$1" /dev/null && shift && exec "$@" 2>&1 </dev/zero' sh "$host/null" \
        "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" c1
    ((status == 125))
    assert_output_like '*/dev/null*1:3*'
    run_and_show unshare --mount sh -c 'mount -t tmpfs none /dev && shift && exec "$@" 2>&1 </proc/self/status' sh x \
        "$DEMO_PROGRAM" --root "$state" run --bundle "$bundle" c1
    ((status == 125))
    assert_output_like '*open /dev/null: No such file*'
}

# --- How the root becomes the root ---

# hint: An engine's user has no Makefile. Whose field is wrong?
# hint: config.md, "Root": root.path.
# hint: rootfs_check is for a bundle, rootfs_check_usual for the command line.
@test "a bundle whose root is missing, or is a file: the error names the field" {
    cannot 'root.path = "absent"' '*/absent: No such file or directory (root.path of config.json)'
    touch "$BATS_TEST_TMPDIR/file"
    cannot "root.path = '$BATS_TEST_TMPDIR/file'" '*/file: Not a directory (root.path of config.json)'
}

# hint: Without pivot_root, what becomes of the old mounts?
# hint: mount(2): MS_MOVE onto "/", then chroot(2); first everything else has to go.
# hint: move_root in rootfs/rootfs.c: mount_attach onto "/", then detach_old_mounts.
@test "--no-pivot: the root is moved, and nothing of the host's mounts is left" {
    mkdir "$host/a b"
    mount -t tmpfs space "$host/a b"
    bundle 'process.args = ["cat", "/proc/self/mountinfo"]'
    oci run --no-pivot --bundle "$bundle" c1
    assert_status 0
    [[ $(cut -d ' ' -f 5 <<<"$output" | sort | tr '\n' ' ') == '/ /dev /dev/pts /dev/shm /proc /sys ' ]]
    run ! grep -F "$BATS_TEST_TMPDIR/host" <<<"$output"
    # Not even in the parts of the namespace that no path leads to: but the host's root is there, below.
    oci_create
    usual=$(count_mounts "$(state_of pid)")
    oci delete --force c1
    oci_create --no-pivot
    [[ $(count_mounts "$(state_of pid)") == $((usual + 1)) ]]
    oci delete --force c1
    bundle 'linux.namespaces.append({"type": "user"})' \
        'linux.uidMappings = linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
    oci_create --no-pivot
    refused '*--no-pivot*user namespace*'
}

# hint: The path names somebody's mount namespace. Which of your mounts were made in there?
# hint: setns(2); config-linux.md, "Namespaces".
# hint: spec_prepares_root: with nothing to mount, rootfs_join enters, and prepares nothing.
@test "a mount namespace that exists is entered, and left as it is" {
    start_demo sleep 100
    owner=$(container_pid)
    before=$(cat "/proc/$owner/mountinfo")
    path='next(n for n in linux.namespaces if n.type == "mount").path = '"'/proc/$owner/ns/mnt'"
    bundle 'mounts.clear()' "$path" 'root.path = "/"'
    oci_run
    [[ $(ns_inode "$pid" mnt) == "$(ns_inode "$owner" mnt)" ]]
    [[ $(cat "/proc/$owner/mountinfo") == "$before" ]]
}

# is_apart PID TYPE: has it left our namespace of this type?
is_apart() {
    [[ $(ns_inode "$1" "$2") != "$(ns_inode self "$2")" ]]
}

# rule: config-linux.md#namespaces MUST "with a path for the mount namespace, mounts are made in it"
# hint: It is for the one who made the namespace that they are mounted. What does he see afterwards?
# hint: setns(2); config-linux.md, "Namespaces"; pivot_root(2) gives a new root to all who stand on the old one.
# hint: spec_prepares_root in container/init.c: join, then the same as in a namespace of its own.
@test "in a mount namespace that exists what config.json lists is mounted" {
    unshare --mount sleep 100 &
    holder=$!
    eventually is_apart "$holder" mnt
    path='next(n for n in linux.namespaces if n.type == "mount").path = '"'/proc/$holder/ns/mnt'"
    created "$path" "$(bind "$host" volume bind)" 'linux.maskedPaths = ["/proc/keys"]'
    [[ $(ns_inode "$pid" mnt) == "$(ns_inode "$holder" mnt)" ]]
    has /volume relatime
    [[ -c /proc/$pid/root/dev/null && $(readlink "/proc/$holder/root") == / && -d /proc/$holder/root/volume ]]
    oci delete --force c1
    cannot "${path/$holder/self}" '*linux.namespaces*mounts*'
    cannot "$path" 'annotations = {"io.rung.overlay": "true"}' '*linux.namespaces*overlay*'
}

# rule: config-linux.md#namespaces MUST "without a mount namespace, the runtime's"
# hint: Whose mount namespace is it, if config.json lists none?
# hint: config-linux.md, "Namespaces": the runtime's is inherited; chroot(2).
# hint: check_mounts refuses what would stay on the host; rootfs_join for the rest.
@test "without a mount namespace the root is another, and nothing is mounted" {
    local ours none='linux.namespaces = [n for n in linux.namespaces if n.type != "mount"]'
    ours=$(sort /proc/self/mountinfo)
    cannot "$none" '*linux.namespaces*mount namespace*mounts*'
    cannot "$none" 'mounts.clear()' 'linux.maskedPaths = ["/proc/keys"]' '*linux.namespaces*maskedPaths*'
    bundle "$none" 'mounts.clear()'
    oci_run
    [[ $(ns_inode "$pid" mnt) == "$(ns_inode self mnt)" && $(readlink "/proc/$pid/root") == "$root" ]]
    oci exec c1 ls /
    assert_output_like '*bin*'
    [[ $(sort /proc/self/mountinfo) == "$ours" ]]
}

# hint: The network is the host's, the users are the container's. When can you still join it?
# hint: setns(2), EPERM: user_namespaces(7), who owns a namespace.
# hint: namespaces_join_early, in the helper of clone_by_helper, before CLONE_NEWUSER.
@test "namespaces that another user namespace owns, joined with a new user namespace" {
    local both='linux.uidMappings = linux.gidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]'
    chown -R 100000:100000 "$root"
    unshare --net --ipc --uts sleep 100 &
    holder=$!
    eventually is_apart "$holder" net
    created 'linux.namespaces.append({"type": "user"})' "$both" "
for n in linux.namespaces:
    if n.type in ('network', 'ipc', 'uts'):
        n['path'] = '/proc/$holder/ns/' + n.type[:3]"
    for type in net ipc uts; do
        [[ $(ns_inode "$pid" "$type") == "$(ns_inode "$holder" "$type")" ]]
    done
    [[ $(ns_inode "$pid" user) != "$(ns_inode self user)" ]]
    has /sys ',ro,*| sysfs'
}

# hint: Nobody has said who is who. Who is the only one that you may always map?
# hint: user_namespaces(7): a map of one line and one id.
# hint: map_caller in config/spec_namespaces.c.
@test "a new user namespace without maps: the user of the container is who called us" {
    created 'linux.namespaces.append({"type": "user"})' 'del mounts[2]'
    [[ $(tr -s ' ' <"/proc/$pid/uid_map") == ' 0 0 1' && $(tr -s ' ' <"/proc/$pid/gid_map") == ' 0 0 1' ]]
    oci delete --force c1
    created 'linux.namespaces.append({"type": "user"})' 'del mounts[2]' 'process.user = {"uid": 5, "gid": 6}'
    [[ $(tr -s ' ' <"/proc/$pid/uid_map") == ' 5 0 1' && $(tr -s ' ' <"/proc/$pid/gid_map") == ' 6 0 1' ]]
}
