/*
 * spec_namespaces.c - what config.json says of namespaces, and what they bear.
 *
 * Ids, clocks, host names and kernel settings may be the container's own only
 * in a namespace of its own; elsewhere they would be the host's, so they are
 * refused. It must have no side effect. Part of spec.c; grew out of steps 02
 * and 03.
 */
#define _GNU_SOURCE

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "config/spec_parts.h"

static const struct word NAMES[] = {
    {"user", NS_USER},     {"pid", NS_PID},   {"mount", NS_MOUNT},
    {"ipc", NS_IPC},       {"uts", NS_UTS},   {"network", NS_NETWORK},
    {"cgroup", NS_CGROUP}, {"time", NS_TIME},
};
const struct vocabulary NAMESPACE_NAMES = VOCABULARY("namespace", NAMES);

/* The kernel's, in /proc/self/ns. */
static const char *const KERNEL_NAMES[NS_COUNT] = {
    "user", "pid", "mnt", "ipc", "uts", "net", "cgroup", "time",
};

bool spec_makes(const struct spec *spec, enum namespace_type type)
{
    return spec->namespaces[type].wanted && !spec->namespaces[type].path;
}

static bool asks_for_mounts(const struct spec *spec)
{
    return spec->mount_count || *spec->masked_paths || *spec->readonly_paths ||
           spec->device_count || spec->root_readonly || spec->root_propagation;
}

bool spec_prepares_root(const struct spec *spec)
{
    return spec_makes(spec, NS_MOUNT) ||
           (spec->namespaces[NS_MOUNT].wanted && asks_for_mounts(spec));
}

/* Not the one that we are in ourselves: neither left out, nor named by path. */
static bool is_apart(const struct spec *spec, enum namespace_type type)
{
    const struct namespace_spec *n = &spec->namespaces[type];
    CLEANUP(free_string)
    char *ours = print_string("/proc/self/ns/%s", KERNEL_NAMES[type]);
    struct stat a;
    struct stat b;
    if (n->path && stat(ours, &a) == 0 && stat(n->path, &b) == 0)
        return a.st_dev != b.st_dev || a.st_ino != b.st_ino;
    return n->wanted;
}

static void read_list(struct spec *spec, struct field list)
{
    for (size_t i = 0; i < get_size(list); i++) {
        struct field entry = item(&list, i);
        struct field type = required(&entry, "type");
        struct namespace_spec *n =
            &spec->namespaces[get_word(type, &NAMESPACE_NAMES, 0)];
        if (n->wanted)
            refuse(type, "the same namespace twice");
        n->wanted = true;
        n->path = get_path(member(&entry, "path"));
    }
}

static void read_id_map(struct id_map *map, struct field f)
{
    map->inside = (uint32_t)get_integer(required(&f, "containerID"), 0,
                                        UINT32_MAX - 1, 0);
    map->outside =
        (uint32_t)get_integer(required(&f, "hostID"), 0, UINT32_MAX - 1, 0);
    map->count = (uint32_t)get_integer(required(&f, "size"), 1, UINT32_MAX, 0);
    if (map->inside > UINT32_MAX - map->count ||
        map->outside > UINT32_MAX - map->count)
        refuse(member(&f, "size"), "reaches past the largest id");
}

static bool overlap(uint32_t a, uint32_t a_count, uint32_t b, uint32_t b_count)
{
    return a < b ? b - a < a_count : a - b < b_count;
}

void read_id_maps(struct id_maps *maps, struct field list)
{
    maps->count = get_size(list);
    /* The kernel's own limit: user_namespaces(7). */
    if (maps->count > 340)
        refuse(list, "more than 340 lines");
    maps->maps = allocate(maps->count, sizeof(*maps->maps));
    for (size_t i = 0; i < maps->count; i++) {
        struct field entry = item(&list, i);
        const struct id_map *map = &maps->maps[i];
        read_id_map(&maps->maps[i], entry);
        for (const struct id_map *old = maps->maps; old < map; old++) {
            if (overlap(old->inside, old->count, map->inside, map->count) ||
                overlap(old->outside, old->count, map->outside, map->count))
                refuse(entry, "overlaps with an earlier line");
        }
    }
}

/* Without maps, who calls us is the container's user, and nobody else is
 * there. */
static void map_caller(struct id_maps *maps, uint32_t inside, uint32_t outside)
{
    if (maps->count)
        return;
    maps->maps = allocate(1, sizeof(*maps->maps));
    maps->maps[0] = (struct id_map){inside, outside, 1};
    maps->count = 1;
}

/* The line that has the id; NULL: it is not mapped. */
static const struct id_map *find_map(const struct id_maps *maps, uint32_t id)
{
    for (size_t i = 0; i < maps->count; i++) {
        const struct id_map *map = &maps->maps[i];
        if (id >= map->inside && id - map->inside < map->count)
            return map;
    }
    return NULL;
}

bool spec_host_user(const struct spec *spec, uid_t *uid)
{
    *uid = spec->process.uid;
    if (!spec->namespaces[NS_USER].wanted)
        return true;
    const struct id_map *map = find_map(&spec->uid_maps, *uid);
    if (map)
        *uid += map->outside - map->inside;
    return map;
}

/* A clock that counts from the boot cannot show a time before it. */
static void read_clock(struct time_offset *offset, clockid_t clock,
                       struct field f)
{
    struct field nanoseconds = member(&f, "nanosecs");
    offset->seconds = get_integer(member(&f, "secs"), INT32_MIN, INT32_MAX, 0);
    offset->nanoseconds = (uint32_t)get_integer(nanoseconds, 0, 999999999, 0);
    struct timespec now;
    if (clock_gettime(clock, &now) == 0 && now.tv_sec + offset->seconds < 0)
        refuse(member(&f, "secs"), "sets the clock to before the boot");
}

static void read_clocks(struct spec *spec, struct field offsets)
{
    void *at = NULL;
    for (struct field clock; next_member(&offsets, &at, &clock);) {
        if (strcmp(clock.name, "monotonic") == 0)
            read_clock(&spec->monotonic, CLOCK_MONOTONIC, clock);
        else if (strcmp(clock.name, "boottime") == 0)
            read_clock(&spec->boottime, CLOCK_BOOTTIME, clock);
        else
            refuse(clock, "not a clock of time_namespaces(7)");
    }
    if (offsets.json && !spec_makes(spec, NS_TIME))
        refuse(offsets, "needs a new time namespace");
}

/* The namespace that a key of sysctl(8) belongs to; NS_COUNT: it is the
 * host's alone. */
static enum namespace_type sysctl_namespace(const char *path)
{
    static const struct {
        const char *start;
        enum namespace_type type;
    } KEYS[] = {
        {"fs/mqueue/", NS_IPC},
        {"kernel/msgmax", NS_IPC},
        {"kernel/msgmnb", NS_IPC},
        {"kernel/msgmni", NS_IPC},
        {"kernel/sem", NS_IPC},
        {"kernel/shmall", NS_IPC},
        {"kernel/shmmax", NS_IPC},
        {"kernel/shmmni", NS_IPC},
        {"kernel/shm_rmid_forced", NS_IPC},
        {"kernel/domainname", NS_UTS},
        {"net/", NS_NETWORK},
        {"user/", NS_USER},
    };
    for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++) {
        size_t length = strlen(KEYS[i].start);
        bool is_prefix = KEYS[i].start[length - 1] == '/';
        if (strncmp(path, KEYS[i].start, length) == 0 &&
            (is_prefix || path[length] == '\0'))
            return KEYS[i].type;
    }
    return NS_COUNT;
}

/* "net.ipv4.ip_forward" or "net/ipv4/ip_forward", as sysctl(8) takes it: what
 * separates the first two words separates all; the other character means
 * itself, as in the name of a link. */
static char *sysctl_path(const char *key)
{
    char *path = copy_string(key);
    if (path[strcspn(path, "./")] != '.')
        return path;
    for (char *p = path; *p; p++)
        *p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
    return path;
}

/* It is opened below /proc/sys, so it may lead nowhere else: a "..", or a "+"
 * that core_pattern takes, has led to the host before. */
static bool is_plain_path(const char *path)
{
    CLEANUP(free_string) char *copy = copy_string(path);
    for (char *rest = copy, *part; (part = strsep(&rest, "/"));) {
        if (strspn(part, ".") == strlen(part))
            return false;
    }
    return strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789_-./:@") == strlen(path);
}

static void read_sysctls(struct spec *spec, struct field object)
{
    spec->sysctls = allocate(get_count(object), sizeof(*spec->sysctls));
    void *at = NULL;
    for (struct field f; next_member(&object, &at, &f);) {
        char *path = sysctl_path(f.name);
        if (strcmp(path, "kernel/hostname") == 0)
            refuse(f, "conflicts with the field \"hostname\", which sets it");
        enum namespace_type type = sysctl_namespace(path);
        if (type == NS_COUNT || !is_plain_path(path))
            refuse(f, "not a kernel setting that a namespace holds");
        if (!is_apart(spec, type))
            refuse(f, "needs a %s namespace of the container's own",
                   NAMES[type].text);
        require(f);
        spec->sysctls[spec->sysctl_count++] = (struct sysctl_setting){
            .path = path,
            .value = get_text(f),
        };
    }
}

void read_namespaces(struct spec *spec, struct field object)
{
    read_list(spec, member(&object, "namespaces"));
    read_id_maps(&spec->uid_maps, member(&object, "uidMappings"));
    read_id_maps(&spec->gid_maps, member(&object, "gidMappings"));
    if (spec_makes(spec, NS_USER)) {
        map_caller(&spec->uid_maps, spec->process.uid, geteuid());
        map_caller(&spec->gid_maps, spec->process.gid, getegid());
    }
    read_clocks(spec, member(&object, "timeOffsets"));
    read_sysctls(spec, member(&object, "sysctl"));
}

/* An id that the user namespace does not map cannot be set in it. One that is
 * joined has its maps already; podman then writes maps that mean nothing. */
static void check_ids(const struct spec *spec, struct field top)
{
    struct field process = member(&top, "process");
    struct field user = member(&process, "user");
    struct field uid = member(&user, "uid");
    struct field gid = member(&user, "gid");
    struct field groups = member(&user, "additionalGids");
    if (!find_map(&spec->uid_maps, spec->process.uid))
        refuse(uid, "user %u is not in uidMappings", spec->process.uid);
    if (!find_map(&spec->gid_maps, spec->process.gid))
        refuse(gid, "group %u is not in gidMappings", spec->process.gid);
    for (size_t i = 0; i < spec->process.groups.count; i++) {
        if (!find_map(&spec->gid_maps, spec->process.groups.ids[i]))
            refuse(item(&groups, i), "group %u is not in gidMappings",
                   spec->process.groups.ids[i]);
    }
}

/*
 * In a mount namespace that is the host's, mounts would be the host's, and
 * stay. And a directory or a copy of ours has a name only in our own.
 */
static void check_mounts(const struct spec *spec, struct field list)
{
    if (!is_apart(spec, NS_MOUNT) && asks_for_mounts(spec))
        refuse(list, "without a mount namespace of the container's own nothing "
                     "can be mounted: leave out mounts, maskedPaths, "
                     "readonlyPaths, devices, root.readonly, "
                     "rootfsPropagation");
    if (!spec_makes(spec, NS_MOUNT) &&
        (spec->overlay.wanted || spec->idmap_root))
        refuse(list, "an overlay, or a mapped root, needs a new mount "
                     "namespace");
}

void check_namespaces(const struct spec *spec, struct field top)
{
    struct field object = member(&top, "linux");
    struct field list = member(&object, "namespaces");
    struct field hostname = member(&top, "hostname");
    struct field domainname = member(&top, "domainname");
    struct field annotations = member(&top, "annotations");
    struct field ip = member(&annotations, "io.rung.ip");
    struct field idmap = member(&annotations, "io.rung.idmap");
    bool has_users = spec->namespaces[NS_USER].wanted;

    check_mounts(spec, list);
    if (spec_makes(spec, NS_USER))
        check_ids(spec, top);
    if (!has_users && (spec->uid_maps.count || spec->gid_maps.count))
        refuse(member(&object, "uidMappings"), "needs a user namespace");
    if (!has_users && geteuid() != 0)
        refuse(list, "an ordinary user needs a user namespace");
    if (spec->idmap_root && !spec_makes(spec, NS_USER))
        refuse(idmap, "needs a new user namespace");
    if (spec->hostname && !is_apart(spec, NS_UTS))
        refuse(hostname, "needs a uts namespace of the container's own");
    if (spec->domainname && !is_apart(spec, NS_UTS))
        refuse(domainname, "needs a uts namespace of the container's own");
    if (spec->network.wanted && !spec_makes(spec, NS_NETWORK))
        refuse(ip, "needs a new network namespace");
}
