/*
 * spec_hooks.c - the object "hooks" of config.json.
 *
 * Programs that others want run at certain moments. Whether they are there is
 * found out when they are to run: some are in the container. It must have no
 * side effect. Part of spec.c; new in step07.
 */
#define _GNU_SOURCE

#include <stdint.h>

#include "base/memory.h"
#include "config/spec_parts.h"

static const char *const HOOK_NAMES[HOOK_COUNT] = {
    [HOOK_PRESTART] = "prestart",
    [HOOK_CREATE_RUNTIME] = "createRuntime",
    [HOOK_CREATE_CONTAINER] = "createContainer",
    [HOOK_START_CONTAINER] = "startContainer",
    [HOOK_POSTSTART] = "poststart",
    [HOOK_POSTSTOP] = "poststop",
};

const char *hook_name(size_t kind)
{
    return kind < HOOK_COUNT ? HOOK_NAMES[kind] : NULL;
}

static void read_hook(struct hook *hook, struct field f)
{
    struct field env = member(&f, "env");
    hook->path = get_path(required(&f, "path"));
    if (get_size(member(&f, "args")))
        hook->args = get_strings(member(&f, "args"));
    if (env.json)
        hook->env = get_strings(env);
    hook->timeout = get_integer(member(&f, "timeout"), 1, INT32_MAX, 0);
}

/* Annotations of crun: files on the host, for engines to show. */
static void read_output(struct spec *spec, struct field annotations)
{
    struct field output = member(&annotations, "run.oci.hooks.stdout");
    struct field error = member(&annotations, "run.oci.hooks.stderr");
    spec->hook_output[0] = get_path(output);
    spec->hook_output[1] = get_path(error);
}

void read_hooks(struct spec *spec, struct field object,
                struct field annotations)
{
    read_output(spec, annotations);
    for (size_t kind = 0; kind < HOOK_COUNT; kind++) {
        struct hook_list *list = &spec->hooks[kind];
        struct field hooks = member(&object, HOOK_NAMES[kind]);
        list->count = get_size(hooks);
        list->hooks = allocate(list->count, sizeof(*list->hooks));
        for (size_t i = 0; i < list->count; i++)
            read_hook(&list->hooks[i], item(&hooks, i));
    }
}
