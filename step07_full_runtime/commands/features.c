/*
 * features.c - `features`: what this runtime can do, whatever the host can.
 *
 * Engines read it before they ask for something. Each list is read out of the
 * table that the parser uses, so it cannot promise what a config.json would be
 * refused for. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/report.h"
#include "commands/commands.h"
#include "commands/flags.h"
#include "config/json.h"
#include "config/spec.h"
#include "seccomp/seccomp.h"

static json_t *list_words(const struct vocabulary *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->count; i++)
        json_array_append_new(list, json_string(v->words[i].text));
    return list;
}

/* The name of each is asked for, up to a NULL. */
static json_t *list_names(const char *(*name)(size_t i))
{
    json_t *list = json_array();
    for (size_t i = 0; name(i); i++)
        json_array_append_new(list, json_string(name(i)));
    return list;
}

/* libcap prints a capability that it has no name for as a number. */
static json_t *list_capabilities(void)
{
    json_t *list = json_array();
    for (cap_value_t i = 0; i < 64; i++) {
        char *name = cap_to_name(i);
        if (!name)
            die("allocate memory");
        for (char *p = name; *p; p++)
            *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 0x20) : *p;
        if (*name == 'C')
            json_array_append_new(list, json_string(name));
        cap_free(name);
    }
    return list;
}

/* The flags that this kernel knows: those that it refuses no filter for before
 * it has found that there is none. */
static json_t *list_supported_flags(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < SECCOMP_FLAGS.count; i++) {
        unsigned long flag = SECCOMP_FLAGS.words[i].value;
        if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
            flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
        if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) == -1 &&
            errno == EFAULT)
            json_array_append_new(list,
                                  json_string(SECCOMP_FLAGS.words[i].text));
    }
    return list;
}

static json_t *seccomp_features(void)
{
    return json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "enabled", true,
                     "actions", list_words(&SECCOMP_ACTIONS), "operators",
                     list_words(&SECCOMP_OPERATORS), "archs",
                     list_words(&SECCOMP_ARCHITECTURES), "knownFlags",
                     list_words(&SECCOMP_FLAGS), "supportedFlags",
                     list_supported_flags());
}

static json_t *enabled(bool is_enabled)
{
    return json_pack("{s:b}", "enabled", is_enabled);
}

static json_t *linux_features(void)
{
    json_t *cgroup =
        json_pack("{s:b, s:b, s:b, s:b, s:b}", "v1", false, "v2", true,
                  "systemd", true, "systemdUser", true, "rdma", true);
    json_t *memory_policy =
        json_pack("{s:o, s:o}", "modes", list_words(&MEMORY_MODES), "flags",
                  list_words(&MEMORY_FLAGS));
    json_t *features = json_pack(
        "{s:o, s:o, s:o, s:o, s:o}", "namespaces", list_words(&NAMESPACE_NAMES),
        "capabilities", list_capabilities(), "cgroup", cgroup, "seccomp",
        seccomp_features(), "memoryPolicy", memory_policy);
    json_t *others = json_pack(
        "{s:o, s:o, s:o, s:o, s:{s:o}}", "apparmor", enabled(true), "selinux",
        enabled(true), "intelRdt", enabled(false), "netDevices", enabled(true),
        "mountExtensions", "idmap", enabled(true));
    json_object_update(features, others);
    json_decref(others);
    return features;
}

int command_features(int argc, char **argv)
{
    read_flags(argc, argv, NULL, "", NULL);
    if (optind != argc)
        usage_error("%s: takes no arguments", argv[0]);
    const struct scmp_version *v = seccomp_version();
    CLEANUP(free_string)
    char *libseccomp = print_string("%u.%u.%u", v->major, v->minor, v->micro);
    /* What ends with a dot stands for all names that begin so. */
    json_t *features = json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:{s:s, s:s}, s:[s, s, s, s]}",
        "ociVersionMin", "1.0.0", "ociVersionMax", OCI_VERSION, "hooks",
        list_names(hook_name), "mountOptions", list_names(mount_option_name),
        "linux", linux_features(), "annotations", "io.rung.version",
        RUNG_VERSION, "io.github.seccomp.libseccomp.version", libseccomp,
        "potentiallyUnsafeConfigAnnotations", "io.rung.",
        "org.systemd.property.", "run.oci.hooks.",
        "run.oci.keep_original_groups");
    print_json(features, JSON_INDENT(4));
    return 0;
}
