/*
 * spec_linux.c - the object "linux" of config.json, without its resources.
 *
 * Devices, paths to hide, policies; namespaces and networks have files of
 * their own. It must have no side effect. Part of spec.c.
 */
#define _GNU_SOURCE

#include <linux/mempolicy.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/sysmacros.h>

#include "base/memory.h"
#include "config/spec_parts.h"

static void read_device(struct device_spec *d, struct field f)
{
    struct field major = member(&f, "major");
    struct field minor = member(&f, "minor");
    struct field mode = member(&f, "fileMode");
    d->path = get_path(required(&f, "path"));
    CLEANUP(free_string) char *letter = get_string(required(&f, "type"));
    if (strlen(letter) != 1 || !strchr("cbup", letter[0]))
        refuse(member(&f, "type"), "\"%s\" is not c, b, u or p", letter);
    d->type = letter[0] == 'u' ? 'c' : letter[0];
    if (d->type != 'p') {
        require(major);
        require(minor);
    }
    d->major = (unsigned int)get_integer(major, 0, 0xfff, 0);
    d->minor = (unsigned int)get_integer(minor, 0, 0xfffff, 0);
    /* Some engines say what kind of file it is in there, too: S_IFCHR. */
    d->mode = (mode_t)get_integer(mode, 0, 0177777, 0666) & 0777;
    d->uid = (uid_t)get_integer(member(&f, "uid"), 0, UINT32_MAX - 1, 0);
    d->gid = (gid_t)get_integer(member(&f, "gid"), 0, UINT32_MAX - 1, 0);
}

static void read_devices(struct spec *spec, struct field list)
{
    spec->device_count = get_size(list);
    spec->devices = allocate(spec->device_count, sizeof(*spec->devices));
    for (size_t i = 0; i < spec->device_count; i++)
        read_device(&spec->devices[i], item(&list, i));
}

/* The path is joined to a cgroup's: it must not lead out of it. */
static char *read_cgroups_path(struct field f)
{
    char *path = get_string(f);
    CLEANUP(free_string) char *copy = copy_string(path ? path : "");
    for (char *rest = copy, *part; (part = strsep(&rest, "/"));) {
        if (strcmp(part, "..") == 0 || strcmp(part, ".") == 0)
            refuse(f, "\"%s\" has a \"%s\" in it", path, part);
    }
    return path;
}

static void read_propagation(struct spec *spec, struct field f)
{
    CLEANUP(free_string) char *name = get_string(f);
    if (!name)
        return;
    spec->root_propagation = propagation_flags(name);
    if (!spec->root_propagation)
        refuse(f, "unknown propagation \"%s\"", name);
}

/* uname(2) may say that the machine is a 32-bit one: personality(2). */
static void read_personality(struct spec *spec, struct field f)
{
    static const struct word WORDS[] = {
        {"LINUX", PER_LINUX},
        {"LINUX32", PER_LINUX32},
    };
    static const struct vocabulary DOMAINS = VOCABULARY("domain", WORDS);
    if (!f.json)
        return;
    spec->has_personality = true;
    spec->personality =
        (unsigned long)get_word(required(&f, "domain"), &DOMAINS, 0);
    if (get_size(member(&f, "flags")))
        refuse(member(&f, "flags"), "the specification knows none");
}

/* The newest ones are not in every linux/mempolicy.h: hence numbers. */
enum {
    PREFERRED_MANY = 5,
    WEIGHTED_INTERLEAVE = 6,
};

static const struct word MODES[] = {
    {"MPOL_DEFAULT", MPOL_DEFAULT},
    {"MPOL_BIND", MPOL_BIND},
    {"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
    {"MPOL_WEIGHTED_INTERLEAVE", WEIGHTED_INTERLEAVE},
    {"MPOL_PREFERRED", MPOL_PREFERRED},
    {"MPOL_PREFERRED_MANY", PREFERRED_MANY},
    {"MPOL_LOCAL", MPOL_LOCAL},
};
const struct vocabulary MEMORY_MODES = VOCABULARY("mode", MODES);

static const struct word FLAGS[] = {
    {"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
    {"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
    {"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
};
const struct vocabulary MEMORY_FLAGS = VOCABULARY("flag", FLAGS);

/* Which mode goes with what is the kernel's rule: set_mempolicy(2). */
static void read_memory_policy(struct spec *spec, struct field f)
{
    struct memory_policy_spec *m = &spec->memory_policy;
    struct field mode = member(&f, "mode");
    struct field nodes = member(&f, "nodes");
    struct field flags = member(&f, "flags");
    if (!f.json)
        return;
    require(mode);
    m->wanted = true;
    m->mode = (int)get_word(mode, &MEMORY_MODES, 0);
    m->nodes = get_ranges(nodes);
    m->flags = (unsigned int)get_words(flags, &MEMORY_FLAGS);

    const unsigned int both = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES;
    bool has_no_nodes = m->mode == MPOL_DEFAULT || m->mode == MPOL_LOCAL;
    if (has_no_nodes && m->nodes)
        refuse(nodes, "this mode takes none");
    if (!has_no_nodes && m->mode != MPOL_PREFERRED && !m->nodes)
        refuse(nodes, "missing: this mode needs at least one");
    if ((m->flags & both) == both || ((m->flags & both) && !m->nodes))
        refuse(flags, "static or relative, and of at least one node");
    if (m->flags & MPOL_F_NUMA_BALANCING && m->mode != MPOL_BIND &&
        m->mode != PREFERRED_MANY)
        refuse(flags, "MPOL_F_NUMA_BALANCING goes with MPOL_BIND and "
                      "MPOL_PREFERRED_MANY only");
}

/* What we cannot do is never left out silently. */
static void refuse_others(struct field object)
{
    struct field rdt = member(&object, "intelRdt");
    if (rdt.json)
        refuse(rdt, "we do not manage a processor's caches (resctrl)");
}

void read_linux(struct spec *spec, struct field object)
{
    struct field seccomp = member(&object, "seccomp");

    read_namespaces(spec, object);
    read_devices(spec, member(&object, "devices"));
    read_net_devices(spec, member(&object, "netDevices"));
    read_resources(spec, member(&object, "resources"));
    spec->cgroups_path = read_cgroups_path(member(&object, "cgroupsPath"));
    spec->masked_paths = get_paths(member(&object, "maskedPaths"));
    spec->readonly_paths = get_paths(member(&object, "readonlyPaths"));
    read_propagation(spec, member(&object, "rootfsPropagation"));
    spec->mount_label = get_text(member(&object, "mountLabel"));
    read_personality(spec, member(&object, "personality"));
    read_memory_policy(spec, member(&object, "memoryPolicy"));
    refuse_others(object);
    if (seccomp.json) {
        spec->seccomp.wanted = true;
        spec->seccomp.profile = seccomp.json;
    }
}
