/*
 * spec.c - config.json into struct spec: the top level, and what must fit.
 *
 * All of it is checked before anything is made on the host; a field that we
 * do not know is ignored, as the OCI runtime specification asks. This module
 * must have no side effect. It grew out of parse_options in steps 02 to 06.
 */
#define _GNU_SOURCE

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/ids.h"
#include "base/memory.h"
#include "base/report.h"
#include "config/spec_parts.h"

static void read_root(struct spec *spec, struct field root)
{
    require(root);
    CLEANUP(free_string) char *text = get_string(required(&root, "path"));
    spec->root_path =
        *text == '/' ? copy_string(text) : join_path(spec->bundle, text);
    spec->root_readonly = get_bool(member(&root, "readonly"), false);
}

/* The limit is the kernel's: sethostname(2) takes 64 bytes. */
static char *read_host_name(struct field f)
{
    char *name = get_string(f);
    if (name && strlen(name) > 64)
        refuse(f, "\"%s\" is longer than 64 characters", name);
    return name;
}

/* Directories, bottom first, with ':' between, as overlayfs has it. */
static void read_layers(struct spec *spec, struct field layers)
{
    CLEANUP(free_string) char *list = get_string(layers);
    size_t count = 1;
    for (const char *p = list; p && *p; p++)
        count += *p == ':';
    spec->overlay.layers = allocate(count + 1, sizeof(char *));
    char *rest = list;
    for (size_t i = 0; list && i < count; i++) {
        char *layer = strsep(&rest, ":");
        if (*layer != '/')
            refuse(layers, "\"%s\" is not an absolute path", layer);
        spec->overlay.layers[i] = copy_string(layer);
    }
    if (list)
        spec->overlay.wanted = true;
}

/* What OCI has no field for travels as annotations of our own. */
static void read_annotations(struct spec *spec, struct field notes)
{
    struct field init = member(&notes, "io.rung.init");
    struct field seccomp = member(&notes, "io.rung.seccomp");
    struct field groups = member(&notes, "run.oci.keep_original_groups");

    void *at = NULL;
    for (struct field note; next_member(&notes, &at, &note);) {
        if (*note.name == '\0')
            refuse(notes, "has an empty key");
        CLEANUP(free_string) char *text = get_text(note);
    }
    read_network(spec, notes);
    spec->overlay.wanted = get_note(member(&notes, "io.rung.overlay"));
    read_layers(spec, member(&notes, "io.rung.layers"));
    /* A further process is none's process 1. */
    spec->process.init = get_note(init) && !spec->invocation.is_exec;
    spec->idmap_root = get_note(member(&notes, "io.rung.idmap"));

    /* crun's; any value but "0" means yes. */
    CLEANUP(free_string) char *keep = get_text(groups);
    spec->process.keep_groups = keep && strcmp(keep, "0") != 0;

    CLEANUP(free_string) char *filter = get_string(seccomp);
    if (filter && strcmp(filter, "default") != 0)
        refuse(seccomp, "\"%s\" is not \"default\"", filter);
    spec->seccomp.wanted = filter != NULL;
}

/* Digits without leading zeros, and the dot or end after them. */
static const char *skip_number(const char *p, const char *end)
{
    size_t digits = strspn(p, "0123456789");
    if (digits == 0 || (digits > 1 && *p == '0') || !strchr(end, p[digits]))
        return NULL;
    return p + digits + (p[digits] == '.');
}

/*
 * MAJOR.MINOR.PATCH, and perhaps -PRERELEASE and +BUILD: semver.org. A minor
 * version adds fields, and the specification has us ignore those that we do
 * not know. So next year's engines can drive us; what we do know, `features`
 * tells them.
 */
static void check_version(struct field version)
{
    require(version);
    CLEANUP(free_string) char *text = get_string(version);
    const char *minor = skip_number(text, ".");
    const char *patch = minor ? skip_number(minor, ".") : NULL;
    const char *rest = patch ? skip_number(patch, "-+") : NULL;
    if (!rest || strspn(rest, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz.-+") != strlen(rest))
        refuse(version, "\"%s\" is not a version like " OCI_VERSION, text);
    if (strncmp(text, "1.", 2) != 0)
        refuse(version, "\"%s\" is not 1.x, the version we know", text);
}

struct spec *spec_parse(json_t *config, const char *bundle,
                        const struct invocation *invocation)
{
    struct spec *spec = allocate(1, sizeof(*spec));
    spec->invocation = *invocation;
    spec->config = config;
    spec->bundle = copy_string(bundle);
    spec->rootless = !is_host_root();

    struct field top = {.json = config};
    if (!json_is_object(config))
        fail("config.json: not an object");
    struct field process = member(&top, "process");

    check_version(member(&top, "ociVersion"));
    read_root(spec, member(&top, "root"));
    if (invocation->needs_process)
        require(process);
    read_process(spec, process);
    spec->hostname = read_host_name(member(&top, "hostname"));
    spec->domainname = read_host_name(member(&top, "domainname"));
    read_annotations(spec, member(&top, "annotations"));
    read_linux(spec, member(&top, "linux"));
    read_mounts(spec, member(&top, "mounts"));
    read_hooks(spec, member(&top, "hooks"), member(&top, "annotations"));
    check_namespaces(spec, top);
    return spec;
}
