/*
 * spec_linux.c - the object "linux" of config.json, without its resources.
 *
 * Namespaces, id maps, devices, paths to hide, kernel settings. It must have
 * no side effect. Part of spec.c.
 */
#define _GNU_SOURCE

#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "spec_parts.h"

static const char *const NAMESPACE_NAMES[NS_COUNT] = {
    [NS_USER] = "user",     [NS_PID] = "pid",   [NS_MOUNT] = "mount",
    [NS_IPC] = "ipc",       [NS_UTS] = "uts",   [NS_NETWORK] = "network",
    [NS_CGROUP] = "cgroup", [NS_TIME] = "time",
};

static struct namespace_spec *find_namespace(struct spec *spec,
                                             const struct field *type)
{
    require(type);
    CLEANUP(free_string) char *name = get_string(type);
    for (size_t i = 0; i < NS_COUNT; i++) {
        if (strcmp(NAMESPACE_NAMES[i], name) == 0)
            return &spec->namespaces[i];
    }
    refuse(type, "unknown namespace \"%s\"", name);
}

static void read_namespaces(struct spec *spec, const struct field *list)
{
    for (size_t i = 0; i < get_size(list); i++) {
        struct field entry = item(list, i);
        struct field type = member(&entry, "type");
        struct field path = member(&entry, "path");
        struct namespace_spec *n = find_namespace(spec, &type);
        if (n->wanted)
            refuse(&type, "the same namespace twice");
        n->wanted = true;
        n->path = get_string(&path);
        if (n->path && n->path[0] != '/')
            refuse(&path, "\"%s\" is not an absolute path", n->path);
    }
}

static void read_id_maps(struct id_maps *maps, const struct field *list)
{
    maps->count = get_size(list);
    /* The kernel's own limit: user_namespaces(7). */
    if (maps->count > 340)
        refuse(list, "more than 340 lines");
    maps->maps = allocate(maps->count, sizeof(*maps->maps));
    for (size_t i = 0; i < maps->count; i++) {
        struct field entry = item(list, i);
        struct field inside = member(&entry, "containerID");
        struct field outside = member(&entry, "hostID");
        struct field size = member(&entry, "size");
        require(&inside);
        require(&outside);
        require(&size);
        maps->maps[i] = (struct id_map){
            .inside = (uint32_t)get_integer(&inside, 0, UINT32_MAX - 1, 0),
            .outside = (uint32_t)get_integer(&outside, 0, UINT32_MAX - 1, 0),
            .count = (uint32_t)get_integer(&size, 1, UINT32_MAX, 0),
        };
        if (maps->maps[i].inside > UINT32_MAX - maps->maps[i].count ||
            maps->maps[i].outside > UINT32_MAX - maps->maps[i].count)
            refuse(&size, "reaches past the largest id");
    }
}

static void read_device(struct device_spec *d, const struct field *f)
{
    struct field path = member(f, "path");
    struct field type = member(f, "type");
    struct field major = member(f, "major");
    struct field minor = member(f, "minor");
    struct field mode = member(f, "fileMode");
    struct field uid = member(f, "uid");
    struct field gid = member(f, "gid");
    require(&path);
    require(&type);
    d->path = get_string(&path);
    if (d->path[0] != '/')
        refuse(&path, "\"%s\" is not an absolute path", d->path);
    CLEANUP(free_string) char *letter = get_string(&type);
    if (strlen(letter) != 1 || !strchr("cbup", letter[0]))
        refuse(&type, "\"%s\" is not c, b, u or p", letter);
    d->type = letter[0] == 'u' ? 'c' : letter[0];
    if (d->type != 'p') {
        require(&major);
        require(&minor);
    }
    d->major = (unsigned int)get_integer(&major, 0, 0xfff, 0);
    d->minor = (unsigned int)get_integer(&minor, 0, 0xfffff, 0);
    d->mode = (mode_t)get_integer(&mode, 0, 07777, 0666) & 0777;
    d->uid = (uid_t)get_integer(&uid, 0, UINT32_MAX - 1, 0);
    d->gid = (gid_t)get_integer(&gid, 0, UINT32_MAX - 1, 0);
}

static void read_devices(struct spec *spec, const struct field *list)
{
    spec->device_count = get_size(list);
    spec->devices = allocate(spec->device_count, sizeof(*spec->devices));
    for (size_t i = 0; i < spec->device_count; i++) {
        struct field entry = item(list, i);
        read_device(&spec->devices[i], &entry);
    }
}

static char **read_paths(const struct field *list)
{
    char **paths = get_strings(list);
    for (size_t i = 0; paths[i]; i++) {
        struct field entry = item(list, i);
        if (paths[i][0] != '/')
            refuse(&entry, "\"%s\" is not an absolute path", paths[i]);
    }
    return paths;
}

/*
 * A key of sysctl(8) may be written only if it belongs to a namespace that is
 * the container's alone; all others would change the host. The key becomes a
 * path below /proc/sys, so nothing but plain characters may be in it: a "/",
 * or a "+" that core_pattern takes, has led to the host before.
 */
static bool sysctl_is_ours(const struct spec *spec, const char *key)
{
    static const struct {
        const char *start;
        enum namespace_type type;
    } KEYS[] = {
        {"fs.mqueue.", NS_IPC},
        {"kernel.msgmax", NS_IPC},
        {"kernel.msgmnb", NS_IPC},
        {"kernel.msgmni", NS_IPC},
        {"kernel.sem", NS_IPC},
        {"kernel.shmall", NS_IPC},
        {"kernel.shmmax", NS_IPC},
        {"kernel.shmmni", NS_IPC},
        {"kernel.shm_rmid_forced", NS_IPC},
        {"kernel.domainname", NS_UTS},
        {"net.", NS_NETWORK},
    };
    for (size_t i = 0; i < ARRAY_SIZE(KEYS); i++) {
        size_t length = strlen(KEYS[i].start);
        bool is_prefix = KEYS[i].start[length - 1] == '.';
        if (strncmp(key, KEYS[i].start, length) == 0 &&
            (is_prefix || key[length] == '\0'))
            return spec->namespaces[KEYS[i].type].wanted;
    }
    return false;
}

static void read_sysctls(struct spec *spec, const struct field *object)
{
    if (object->json && !json_is_object(object->json))
        refuse(object, "not an object");
    spec->sysctls =
        allocate(json_object_size(object->json), sizeof(*spec->sysctls));
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object->json, key, value)
    {
        struct field f = member(object, key);
        if (strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_-.") !=
                strlen(key) ||
            strstr(key, "..") || !sysctl_is_ours(spec, key))
            refuse(&f, "not a setting of a namespace of the container's own");
        spec->sysctls[spec->sysctl_count++] = (struct sysctl_setting){
            .key = copy_string(key),
            .value = get_text(&f),
        };
    }
}

static void read_time_offset(struct time_offset *offset,
                             const struct field *clock)
{
    struct field seconds = member(clock, "secs");
    struct field nanoseconds = member(clock, "nanosecs");
    offset->seconds = get_integer(&seconds, -INT32_MAX, INT32_MAX, 0);
    offset->nanoseconds = (uint32_t)get_integer(&nanoseconds, 0, 999999999, 0);
}

/* The path is joined to a cgroup's: it must not lead out of it. */
static char *read_cgroups_path(const struct field *f)
{
    char *path = get_string(f);
    CLEANUP(free_string) char *copy = copy_string(path ? path : "");
    for (char *rest = copy, *part; (part = strsep(&rest, "/"));) {
        if (strcmp(part, "..") == 0 || strcmp(part, ".") == 0)
            refuse(f, "\"%s\" has a \"%s\" in it", path, part);
    }
    return path;
}

static void read_propagation(struct spec *spec, const struct field *f)
{
    CLEANUP(free_string) char *name = get_string(f);
    if (!name)
        return;
    spec->root_propagation = propagation_flags(name);
    if (!spec->root_propagation)
        refuse(f, "unknown propagation \"%s\"", name);
}

void read_linux(struct spec *spec, const struct field *object)
{
    struct field namespaces = member(object, "namespaces");
    struct field uid_maps = member(object, "uidMappings");
    struct field gid_maps = member(object, "gidMappings");
    struct field devices = member(object, "devices");
    struct field resources = member(object, "resources");
    struct field cgroups_path = member(object, "cgroupsPath");
    struct field masked = member(object, "maskedPaths");
    struct field readonly = member(object, "readonlyPaths");
    struct field propagation = member(object, "rootfsPropagation");
    struct field sysctl = member(object, "sysctl");
    struct field seccomp = member(object, "seccomp");
    struct field offsets = member(object, "timeOffsets");
    struct field monotonic = member(&offsets, "monotonic");
    struct field boottime = member(&offsets, "boottime");

    read_namespaces(spec, &namespaces);
    read_id_maps(&spec->uid_maps, &uid_maps);
    read_id_maps(&spec->gid_maps, &gid_maps);
    read_devices(spec, &devices);
    read_resources(spec, &resources);
    spec->cgroups_path = read_cgroups_path(&cgroups_path);
    spec->masked_paths = read_paths(&masked);
    spec->readonly_paths = read_paths(&readonly);
    read_propagation(spec, &propagation);
    read_sysctls(spec, &sysctl);
    read_time_offset(&spec->monotonic, &monotonic);
    read_time_offset(&spec->boottime, &boottime);
    if (seccomp.json) {
        spec->seccomp.wanted = true;
        spec->seccomp.profile = seccomp.json;
    }
}
