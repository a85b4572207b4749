/*
 * controllers.c - sets of controllers, a bit for each, and how to switch them.
 *
 * A cgroup has a controller if the one above lists it in its
 * cgroup.subtree_control. A name that is no controller must never be taken for
 * none at all. It grew out of step05.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "cgroup/parts.h"
#include "config/spec.h"

static const char *const CONTROLLERS[] = {
    "cpu", "cpuset", "dmem", "hugetlb", "io", "memory", "misc", "pids", "rdma",
};

/* The bit of "memory"; 0 for a name that is no controller. */
static unsigned int controller_bit(const char *name, size_t length)
{
    for (size_t i = 0; i < ARRAY_SIZE(CONTROLLERS); i++) {
        if (strlen(CONTROLLERS[i]) == length &&
            strncmp(CONTROLLERS[i], name, length) == 0)
            return 1U << i;
    }
    return 0;
}

unsigned int controllers_in(const char *text)
{
    unsigned int set = 0;
    while (text && *text) {
        size_t length = strcspn(text, " \n");
        set |= controller_bit(text, length);
        text += length + strspn(text + length, " \n");
    }
    return set;
}

char *controller_names(unsigned int set, const char *prefix)
{
    char text[128] = "";
    size_t length = 0;
    for (size_t i = 0; i < ARRAY_SIZE(CONTROLLERS); i++) {
        if (set & 1U << i)
            length +=
                (size_t)snprintf(text + length, sizeof(text) - length, "%s%s%s",
                                 length ? " " : "", prefix, CONTROLLERS[i]);
    }
    return copy_string(text);
}

unsigned int read_controllers(const char *directory, const char *file)
{
    CLEANUP(free_string) char *path = join_path(directory, file);
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, path);
    return controllers_in(text);
}

/* "memory.max" needs memory; "cgroup.max.depth" needs nothing, and "max" is
 * what holds without the controller, too. */
unsigned int controllers_needed(const struct resources *r)
{
    unsigned int need = 0;
    for (size_t i = 0; i < r->setting_count; i++) {
        const struct cgroup_setting *s = &r->settings[i];
        unsigned int bit = controller_bit(s->file, strcspn(s->file, "."));
        if (!bit && strncmp(s->file, "cgroup.", 7) != 0)
            fail("config.json: linux.resources.unified: \"%s\" is not a file "
                 "of a controller that we know",
                 s->file);
        if (strncmp(s->value, "max", 3) != 0)
            need |= bit;
    }
    return need;
}

unsigned int switch_controllers(const char *directory, unsigned int set,
                                const char *sign)
{
    CLEANUP(free_string) char *text = controller_names(set, sign);
    CLEANUP(free_string)
    char *file = join_path(directory, "cgroup.subtree_control");
    narrate(5, "write(\"%s\") # echo %s > %s", text, text, file);
    if (write_file_at(AT_FDCWD, file, text) == 0)
        return 0;
    if (!(set & (set - 1)))
        return set; /* only one */
    unsigned int refused = 0;
    for (unsigned int bit = 1; bit <= set; bit <<= 1) {
        if (set & bit)
            refused |= switch_controllers(directory, bit, sign);
    }
    return refused;
}
