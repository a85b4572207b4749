/*
 * spec_mounts.c - the array "mounts" of config.json, and its many options.
 *
 * What mount(8) takes as one list of words, the kernel takes in four ways:
 * attributes of the mount, the kind of propagation, how to find the tree, and
 * words for the file system itself. It must have no side effect. Part of
 * spec.c; grew out of step04.
 */
#define _GNU_SOURCE

#include <string.h>
#include <sys/mount.h>

#include "spec_parts.h"

/* mount_setattr(2): set these bits after clearing those. */
static const struct {
    const char *name;
    uint64_t set;
    uint64_t clear;
} ATTRIBUTES[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"norelatime", 0, 0},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
    {"defaults", 0, 0},
};

static const struct {
    const char *name;
    unsigned long flags;
} PROPAGATIONS[] = {
    {"private", MS_PRIVATE},       {"rprivate", MS_PRIVATE | MS_REC},
    {"shared", MS_SHARED},         {"rshared", MS_SHARED | MS_REC},
    {"slave", MS_SLAVE},           {"rslave", MS_SLAVE | MS_REC},
    {"unbindable", MS_UNBINDABLE}, {"runbindable", MS_UNBINDABLE | MS_REC},
};

unsigned long propagation_flags(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(PROPAGATIONS); i++) {
        if (strcmp(PROPAGATIONS[i].name, name) == 0)
            return PROPAGATIONS[i].flags;
    }
    return 0;
}

/* "ro" is for this mount, "rro" for those below it as well. */
static bool read_attribute(struct mount_spec *m, const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(ATTRIBUTES); i++) {
        uint64_t set = ATTRIBUTES[i].set;
        uint64_t clear = ATTRIBUTES[i].clear;
        if (strcmp(ATTRIBUTES[i].name, name) == 0) {
            m->attr_set = (m->attr_set & ~clear) | set;
            m->attr_clear |= clear;
            return true;
        }
        if (name[0] == 'r' && strcmp(ATTRIBUTES[i].name, name + 1) == 0) {
            m->recursive_set = (m->recursive_set & ~clear) | set;
            m->recursive_clear |= clear;
            return true;
        }
    }
    return false;
}

static void append_data(struct mount_spec *m, const char *option)
{
    char *before = m->data;
    m->data =
        before ? print_string("%s,%s", before, option) : copy_string(option);
    free(before);
}

static void read_option(struct mount_spec *m, const char *option)
{
    unsigned long propagation = propagation_flags(option);
    if (strcmp(option, "bind") == 0)
        m->bind = true;
    else if (strcmp(option, "rbind") == 0)
        m->bind = m->recursive = true;
    else if (propagation)
        m->propagation = propagation;
    else if (!read_attribute(m, option))
        append_data(m, option);
}

static void read_mount(struct spec *spec, struct mount_spec *m,
                       const struct field *f)
{
    struct field destination = member(f, "destination");
    struct field type = member(f, "type");
    struct field source = member(f, "source");
    struct field options = member(f, "options");

    require(&destination);
    m->destination = get_string(&destination);
    if (m->destination[0] != '/')
        refuse(&destination, "\"%s\" is not an absolute path", m->destination);
    m->type = get_string(&type);
    m->source = get_string(&source);
    CLEANUP(free_strings) char **words = get_strings(&options);
    for (size_t i = 0; words[i]; i++)
        read_option(m, words[i]);
    if (m->type && strcmp(m->type, "bind") == 0)
        m->bind = true;
    if (!m->bind && !m->type)
        refuse(&type, "missing (and no \"bind\" in options)");
    if (!m->bind)
        return;
    require(&source);
    if (m->data)
        refuse(&options, "\"%s\" is not an option of a bind mount", m->data);
    if (m->source[0] == '/')
        return;
    CLEANUP(free_string) char *relative = m->source;
    m->source = join_path(spec->bundle, relative);
}

void read_mounts(struct spec *spec, const struct field *mounts)
{
    spec->mount_count = get_size(mounts);
    spec->mounts = allocate(spec->mount_count, sizeof(*spec->mounts));
    for (size_t i = 0; i < spec->mount_count; i++) {
        struct field entry = item(mounts, i);
        read_mount(spec, &spec->mounts[i], &entry);
    }
}
