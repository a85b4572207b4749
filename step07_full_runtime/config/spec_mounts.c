/*
 * spec_mounts.c - the array "mounts" of config.json, and its many options.
 *
 * What mount(8) takes as one list of words, the kernel takes in four ways:
 * attributes of the mount, the kind of propagation, how to find the tree, and
 * words for the file system itself. It must have no side effect. Part of
 * spec.c; grew out of step04.
 */
#define _GNU_SOURCE

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "base/memory.h"
#include "config/spec_parts.h"

/* What an option is about: each kind goes to the kernel in another way. */
enum kind {
    ATTRIBUTE, /* of this mount: mount_setattr(2) */
    RECURSIVE, /* the same, and of all mounts below it */
    PROPAGATION, /* mount_namespaces(7) */
    SUPERBLOCK, /* of the file system, wherever it is mounted: fsconfig(2) */
    IVERSION, /* the same, but only mount(2) knows it */
    YES, /* a member of struct mount_spec: set is its offset */
    NOTHING, /* what we do anyway */
};

/* An attribute "ro" has a twin "rro" that is recursive. */
#define BOTH(name, set, clear) \
    {name, ATTRIBUTE, set, clear}, \
    { \
        "r" name, RECURSIVE, set, clear \
    }

/*
 * All options that are not the file system's own. Reading access times is not
 * a bit but a number in the attributes, and RELATIME is its 0: what an option
 * takes away, "relatime" replaces.
 */
static const struct {
    const char *name;
    enum kind kind;
    uint64_t set;
    uint64_t clear;
} OPTIONS[] = {
    BOTH("ro", MOUNT_ATTR_RDONLY, 0),
    BOTH("rw", 0, MOUNT_ATTR_RDONLY),
    BOTH("nosuid", MOUNT_ATTR_NOSUID, 0),
    BOTH("suid", 0, MOUNT_ATTR_NOSUID),
    BOTH("nodev", MOUNT_ATTR_NODEV, 0),
    BOTH("dev", 0, MOUNT_ATTR_NODEV),
    BOTH("noexec", MOUNT_ATTR_NOEXEC, 0),
    BOTH("exec", 0, MOUNT_ATTR_NOEXEC),
    BOTH("nodiratime", MOUNT_ATTR_NODIRATIME, 0),
    BOTH("diratime", 0, MOUNT_ATTR_NODIRATIME),
    BOTH("relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME),
    BOTH("norelatime", 0, 0),
    BOTH("noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME),
    BOTH("atime", 0, MOUNT_ATTR_NOATIME),
    BOTH("strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME),
    BOTH("nostrictatime", 0, MOUNT_ATTR_STRICTATIME),
    BOTH("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
    BOTH("symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
    {"private", PROPAGATION, MS_PRIVATE, 0},
    {"rprivate", PROPAGATION, MS_PRIVATE | MS_REC, 0},
    {"shared", PROPAGATION, MS_SHARED, 0},
    {"rshared", PROPAGATION, MS_SHARED | MS_REC, 0},
    {"slave", PROPAGATION, MS_SLAVE, 0},
    {"rslave", PROPAGATION, MS_SLAVE | MS_REC, 0},
    {"unbindable", PROPAGATION, MS_UNBINDABLE, 0},
    {"runbindable", PROPAGATION, MS_UNBINDABLE | MS_REC, 0},
    {"sync", SUPERBLOCK, MS_SYNCHRONOUS, 0},
    {"async", SUPERBLOCK, 0, MS_SYNCHRONOUS},
    {"dirsync", SUPERBLOCK, MS_DIRSYNC, 0},
    {"lazytime", SUPERBLOCK, MS_LAZYTIME, 0},
    {"nolazytime", SUPERBLOCK, 0, MS_LAZYTIME},
    {"mand", SUPERBLOCK, MS_MANDLOCK, 0},
    {"nomand", SUPERBLOCK, 0, MS_MANDLOCK},
    {"iversion", IVERSION, MS_I_VERSION, 0},
    {"noiversion", IVERSION, 0, MS_I_VERSION},
    {"bind", NOTHING, 0, 0}, /* is_bind() has seen it */
    {"rbind", YES, offsetof(struct mount_spec, recursive), 0},
    {"remount", YES, offsetof(struct mount_spec, remount), 0},
    {"idmap", YES, offsetof(struct mount_spec, idmap), 0},
    {"ridmap", YES, offsetof(struct mount_spec, idmap_recursive), 0},
    {"tmpcopyup", YES, offsetof(struct mount_spec, copy_up), 0},
    {"copy-symlink", YES, offsetof(struct mount_spec, copy_symlink), 0},
    {"src-nofollow", YES, offsetof(struct mount_spec, src_nofollow), 0},
    {"dest-nofollow", YES, offsetof(struct mount_spec, dest_nofollow), 0},
    {"defaults", NOTHING, 0, 0},
    {"silent", NOTHING, 0, 0},
    {"loud", NOTHING, 0, 0},
};

const char *mount_option_name(size_t i)
{
    return i < ARRAY_SIZE(OPTIONS) ? OPTIONS[i].name : NULL;
}

/* The option's number, or the number of options: not one of ours. */
static size_t find_option(const char *name)
{
    size_t i = 0;
    while (i < ARRAY_SIZE(OPTIONS) && strcmp(OPTIONS[i].name, name) != 0)
        i++;
    return i;
}

unsigned long propagation_flags(const char *name)
{
    size_t i = find_option(name);
    return i < ARRAY_SIZE(OPTIONS) && OPTIONS[i].kind == PROPAGATION
               ? (unsigned long)OPTIONS[i].set
               : 0;
}

/* The kernel wants all bits of the access times cleared, or none. */
static void change(uint64_t *all_set, uint64_t *all_clear, uint64_t set,
                   uint64_t clear)
{
    *all_set = (*all_set & ~clear) | set;
    *all_clear |= clear & MOUNT_ATTR__ATIME ? clear | MOUNT_ATTR__ATIME : clear;
}

/* The limit is mount(2)'s: a page. */
static void append_data(struct mount_spec *m, struct field f,
                        const char *option)
{
    char *before = m->data;
    m->data =
        before ? print_string("%s,%s", before, option) : copy_string(option);
    free(before);
    if (strlen(m->data) > 4095)
        refuse(f, "the options are longer than 4095 characters");
}

/* mount(2), too, leaves the file system as it is when it binds: but a promise
 * like "sync" that is not kept should be seen. */
static void read_super_option(struct mount_spec *m, struct field f, size_t i)
{
    if (m->bind) {
        if (OPTIONS[i].set)
            complain(f, "\"%s\" has no effect on a bind mount",
                     OPTIONS[i].name);
        return;
    }
    m->super_flags &= ~(unsigned long)OPTIONS[i].clear;
    m->super_flags |= (unsigned long)OPTIONS[i].set;
    if (OPTIONS[i].kind == IVERSION)
        m->has_iversion = true;
    else
        append_data(m, f, OPTIONS[i].name);
}

static void read_option(struct mount_spec *m, struct field f,
                        const char *option)
{
    size_t i = find_option(option);
    if (i == ARRAY_SIZE(OPTIONS)) {
        /* For mount(2) it would be data, which a bind mount does not look at.
         */
        if (m->bind)
            complain(f, "\"%s\" means nothing for a bind mount", option);
        else
            append_data(m, f, option);
        return;
    }
    uint64_t set = OPTIONS[i].set;
    uint64_t clear = OPTIONS[i].clear;
    switch (OPTIONS[i].kind) {
    case ATTRIBUTE:
        change(&m->attr_set, &m->attr_clear, set, clear);
        break;
    case RECURSIVE:
        change(&m->recursive_set, &m->recursive_clear, set, clear);
        break;
    case PROPAGATION:
        m->propagation = (unsigned long)set;
        break;
    case SUPERBLOCK:
    case IVERSION:
        read_super_option(m, f, i);
        break;
    case YES:
        *(bool *)((char *)m + set) = true;
        break;
    case NOTHING:
        break;
    }
}

/* Known before the others are read, because it changes what they mean. */
static bool is_bind(const struct mount_spec *m, char **options)
{
    if (m->type && strcmp(m->type, "bind") == 0)
        return true;
    for (char **option = options; *option; option++) {
        if (strcmp(*option, "bind") == 0 || strcmp(*option, "rbind") == 0)
            return true;
    }
    return false;
}

static void read_options(struct mount_spec *m, struct field options)
{
    CLEANUP(free_strings) char **words = get_strings(options);
    m->bind = is_bind(m, words);
    for (size_t i = 0; words[i]; i++)
        read_option(m, item(&options, i), words[i]);
    m->idmap |= m->idmap_recursive;
    if (m->bind || m->remount)
        return;
    /* There is nothing below a new file system. */
    m->attr_set = (m->attr_set & ~m->recursive_clear) | m->recursive_set;
    m->recursive_set = m->recursive_clear = 0;
}

/* Maps of its own mean "idmap" too; without, the container's have to do. */
static void read_mount_maps(const struct spec *spec, struct mount_spec *m,
                            struct field f)
{
    struct field uid_maps = member(&f, "uidMappings");
    read_id_maps(&m->uid_maps, uid_maps);
    read_id_maps(&m->gid_maps, member(&f, "gidMappings"));
    if (!m->uid_maps.count != !m->gid_maps.count)
        refuse(uid_maps, "uidMappings and gidMappings need each other");
    if (m->uid_maps.count)
        m->idmap = true;
    if (!m->idmap)
        return;
    if (!m->bind || m->remount)
        refuse(f, "only a new bind mount can be idmapped");
    if (!m->uid_maps.count && !spec->namespaces[NS_USER].wanted)
        refuse(f, "\"idmap\" needs uidMappings, or a user namespace");
    if (spec->rootless)
        refuse(f, "an idmapped mount needs root on the host");
}

/* Old configurations have relative paths: taken from "/". */
static char *read_destination(struct field f, bool is_remount)
{
    require(f);
    CLEANUP(free_string) char *text = get_string(f);
    char *path = copy_string("/");
    for (char *rest = text, *part; (part = strsep(&rest, "/"));) {
        if (*part == '\0' || strcmp(part, ".") == 0)
            continue;
        CLEANUP(free_string) char *before = path;
        path = join_path(before, part);
    }
    if (strcmp(path, "/") == 0 && !is_remount)
        refuse(f, "\"/\" is the root itself: that is root.path");
    return path;
}

static void check_type(const struct mount_spec *m, struct field f)
{
    struct field source = member(&f, "source");
    if (m->bind && !m->remount)
        require(source);
    if (!m->bind && !m->remount && !m->type)
        refuse(member(&f, "type"), "missing (and no \"bind\" in options)");
    if (m->copy_up && (!m->type || strcmp(m->type, "tmpfs") != 0))
        refuse(member(&f, "type"), "\"tmpcopyup\" is for a tmpfs");
    if (!m->bind && (m->copy_symlink || m->src_nofollow || m->dest_nofollow))
        refuse(f, "copy-symlink, src-nofollow and dest-nofollow are for a bind "
                  "mount");
    if (m->copy_symlink && (m->src_nofollow || m->dest_nofollow))
        refuse(f, "copy-symlink excludes src-nofollow and dest-nofollow");
}

static void read_mount(const struct spec *spec, struct mount_spec *m,
                       struct field f)
{
    m->type = get_string(member(&f, "type"));
    m->source = get_string(member(&f, "source"));
    read_options(m, member(&f, "options"));
    m->destination = read_destination(member(&f, "destination"), m->remount);
    m->is_dev = !m->remount && strcmp(m->destination, "/dev") == 0;
    check_type(m, f);
    read_mount_maps(spec, m, f);
    if (!m->bind || !m->source || m->source[0] == '/')
        return;
    CLEANUP(free_string) char *relative = m->source;
    m->source = join_path(spec->bundle, relative);
}

void read_mounts(struct spec *spec, struct field mounts)
{
    spec->mount_count = get_size(mounts);
    spec->mounts = allocate(spec->mount_count, sizeof(*spec->mounts));
    for (size_t i = 0; i < spec->mount_count; i++)
        read_mount(spec, &spec->mounts[i], item(&mounts, i));
}
