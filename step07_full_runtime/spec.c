/*
 * spec.c - config.json into struct spec: the top level, and what must fit.
 *
 * All of it is checked before anything is made on the host; a field that we
 * do not know is ignored, as the OCI runtime specification asks. This module
 * must have no side effect. It grew out of parse_options in steps 02 to 06.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <inttypes.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "spec_parts.h"

bool spec_makes(const struct spec *spec, enum namespace_type type)
{
    return spec->namespaces[type].wanted && !spec->namespaces[type].path;
}

static void read_root(struct spec *spec, const struct field *root)
{
    require(root);
    struct field path = member(root, "path");
    require(&path);
    CLEANUP(free_string) char *text = get_string(&path);
    spec->root_path =
        *text == '/' ? copy_string(text) : join_path(spec->bundle, text);
    struct field readonly = member(root, "readonly");
    spec->root_readonly = get_bool(&readonly, false);
}

/* The limit is the kernel's: sethostname(2) takes 64 bytes. */
static char *read_host_name(const struct field *f)
{
    char *name = get_string(f);
    if (name && strlen(name) > 64)
        refuse(f, "\"%s\" is longer than 64 characters", name);
    return name;
}

static bool is_true(const struct field *f)
{
    CLEANUP(free_string) char *text = get_text(f);
    if (text && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        refuse(f, "\"%s\" is not \"true\" or \"false\"", text);
    return text && strcmp(text, "true") == 0;
}

/* "10.240.0.2/24" */
static void read_address(struct network_spec *network, const struct field *f)
{
    CLEANUP(free_string) char *text = get_string(f);
    char *slash = strchr(text, '/');
    uint64_t prefix = 0;
    if (slash)
        *slash = '\0';
    if (!slash || inet_pton(AF_INET, text, &network->ip) != 1 ||
        !parse_u64(slash + 1, &prefix) || prefix < 8 || prefix > 30)
        refuse(f, "not an address like 10.240.0.2/24 (prefix 8 to 30)");
    network->prefix = (unsigned int)prefix;
    network->wanted = true;
}

/* Directories, bottom first, with ':' between, as overlayfs has it. */
static void read_layers(struct spec *spec, const struct field *layers)
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
static void read_annotations(struct spec *spec, const struct field *notes)
{
    struct field ip = member(notes, "io.rung.ip");
    struct field bridge = member(notes, "io.rung.bridge");
    struct field nat = member(notes, "io.rung.nat");
    struct field overlay = member(notes, "io.rung.overlay");
    struct field layers = member(notes, "io.rung.layers");
    struct field init = member(notes, "io.rung.init");
    struct field seccomp = member(notes, "io.rung.seccomp");

    if (ip.json)
        read_address(&spec->network, &ip);
    spec->network.bridge = get_string(&bridge);
    if (!spec->network.bridge)
        spec->network.bridge = copy_string("rung0");
    if (strlen(spec->network.bridge) >= IFNAMSIZ ||
        strchr(spec->network.bridge, '/'))
        refuse(&bridge, "not the name of a link");
    spec->network.nat = is_true(&nat);
    if (spec->network.nat && !spec->network.wanted)
        refuse(&nat, "needs an address (io.rung.ip, --ip)");
    spec->overlay.wanted = is_true(&overlay);
    spec->process.init = is_true(&init);

    CLEANUP(free_string) char *filter = get_string(&seccomp);
    if (filter && strcmp(filter, "default") != 0)
        refuse(&seccomp, "\"%s\" is not \"default\"", filter);
    spec->seccomp.wanted = filter != NULL;
    read_layers(spec, &layers);
}

static bool is_mapped(const struct id_maps *maps, uint32_t id)
{
    for (size_t i = 0; i < maps->count; i++) {
        const struct id_map *map = &maps->maps[i];
        if (id >= map->inside && id - map->inside < map->count)
            return true;
    }
    return false;
}

/* An id that the user namespace does not map cannot be set in it. */
static void check_user_namespace(const struct spec *spec,
                                 const struct field *root)
{
    struct field object = member(root, "linux");
    struct field maps = member(&object, "uidMappings");
    struct field process = member(root, "process");
    struct field user = member(&process, "user");
    if (!spec_makes(spec, NS_USER)) {
        if (spec->uid_maps.count || spec->gid_maps.count)
            refuse(&maps, "needs a new user namespace");
        if (spec->rootless && !spec->namespaces[NS_USER].wanted)
            refuse(&object, "an ordinary user needs a user namespace");
        return;
    }
    if (!spec->uid_maps.count || !spec->gid_maps.count)
        refuse(&maps, "a new user namespace needs uidMappings and gidMappings");
    if (!is_mapped(&spec->uid_maps, spec->process.uid))
        refuse(&user, "user %u is not in uidMappings", spec->process.uid);
    if (!is_mapped(&spec->gid_maps, spec->process.gid))
        refuse(&user, "group %u is not in gidMappings", spec->process.gid);
    for (size_t i = 0; i < spec->process.groups.count; i++) {
        if (!is_mapped(&spec->gid_maps, spec->process.groups.ids[i]))
            refuse(&user, "group %u is not in gidMappings",
                   spec->process.groups.ids[i]);
    }
}

/* What would change the host, if it is not in a namespace of its own. */
static void check_namespaces(const struct spec *spec, const struct field *root)
{
    struct field object = member(root, "linux");
    struct field list = member(&object, "namespaces");
    struct field hostname = member(root, "hostname");
    struct field offsets = member(&object, "timeOffsets");
    struct field annotations = member(root, "annotations");
    if (!spec_makes(spec, NS_MOUNT))
        refuse(&list, "needs a new mount namespace");
    if ((spec->hostname || spec->domainname) &&
        !spec->namespaces[NS_UTS].wanted)
        refuse(&hostname, "needs a uts namespace");
    if (offsets.json && !spec_makes(spec, NS_TIME))
        refuse(&offsets, "needs a new time namespace");
    if (spec->network.wanted && !spec_makes(spec, NS_NETWORK))
        refuse(&annotations, "io.rung.ip needs a new network namespace");
}

static void check_version(const struct field *version)
{
    require(version);
    CLEANUP(free_string) char *text = get_string(version);
    if (strncmp(text, "1.", 2) != 0)
        refuse(version, "\"%s\" is not 1.x, the version we know", text);
}

struct spec *spec_parse(json_t *config, const char *bundle)
{
    /* Kept in a static variable: it lives as long as the program. */
    static struct spec spec;
    spec.bundle = copy_string(bundle);
    spec.rootless = geteuid() != 0;

    struct field top = {.json = config};
    if (!json_is_object(config))
        fail("config.json: not an object");
    struct field version = member(&top, "ociVersion");
    struct field root = member(&top, "root");
    struct field process = member(&top, "process");
    struct field hostname = member(&top, "hostname");
    struct field domainname = member(&top, "domainname");
    struct field mounts = member(&top, "mounts");
    struct field object = member(&top, "linux");
    struct field annotations = member(&top, "annotations");

    check_version(&version);
    read_root(&spec, &root);
    require(&process);
    read_process(&spec, &process);
    spec.hostname = read_host_name(&hostname);
    spec.domainname = read_host_name(&domainname);
    read_mounts(&spec, &mounts);
    read_annotations(&spec, &annotations);
    read_linux(&spec, &object);

    check_user_namespace(&spec, &top);
    check_namespaces(&spec, &top);
    return &spec;
}
