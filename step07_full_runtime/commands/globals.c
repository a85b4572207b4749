/*
 * globals.c - the options before the command: "rung --root DIR run".
 *
 * They hold for every command. New in step07.
 */
#define _GNU_SOURCE

#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "commands/commands.h"
#include "commands/flags.h"
#include "config/spec.h"

struct globals globals;

static const char *log_path;
static const char *log_format = "text";
static const char *manager = "cgroupfs";
static const char *rootless = "auto";
static const char *criu;
static bool systemd;
static bool debug;
static bool version;

static const struct flag FLAGS[] = {
    {"root", 0, "DIR", "keep the containers' states there",
     .text = &globals.root},
    {"log", 0, "FILE", "write errors there, too", .text = &log_path},
    {"log-format", 0, "FORMAT", "text or json", .text = &log_format},
    {"systemd-cgroup", 0, NULL, "have systemd make the cgroups",
     .on = &systemd},
    {"cgroup-manager", 0, "MANAGER", "cgroupfs, systemd or disabled",
     .text = &manager},
    {"rootless", 0, "BOOL", "true, false or auto (it is found out anyway)",
     .text = &rootless},
    {"debug", 0, NULL, "say the calls that matter, with chapters",
     .on = &debug},
    {"verbose", 0, NULL, "the same", .on = &debug},
    {"no-pause", 0, NULL, "demonstrate without waiting for Enter",
     .on = &globals.no_pause},
    {"criu", 0, "FILE", "taken, and ignored: there is no checkpoint",
     .text = &criu},
    {"version", 'v', NULL, "what this is, and for which specification",
     .on = &version},
    {0},
};

void print_global_flags(void)
{
    print_flags(FLAGS);
}

/* The number of the word that the value is; they end with NULL. */
static int choose(const char *option, const char *value,
                  const char *const *words)
{
    for (int i = 0; words[i]; i++) {
        if (strcmp(value, words[i]) == 0)
            return i;
    }
    usage_error("%s %s: not %s%s%s or %s", option, *value ? value : "''",
                words[0], words[2] ? ", " : "", words[2] ? words[1] : "",
                words[2] ? words[2] : words[1]);
}

/* In the words of runc and of crun, which tools read. Those of runc look for
 * its name, so somebody may call us by it; the second line says who we are. */
static _Noreturn void print_version(void)
{
    const struct scmp_version *v = seccomp_version();
    printf("%s version " RUNG_VERSION "\n", program_name());
    if (strcmp(program_name(), "rung") != 0)
        printf("rung version " RUNG_VERSION "\n");
    printf("spec: " OCI_VERSION "\n"
           "libseccomp: %u.%u.%u\n"
           "+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF\n",
           v->major, v->minor, v->micro);
    exit(EXIT_SUCCESS);
}

void parse_global_options(int argc, char **argv, void (*explain)(void))
{
    static const char *const formats[] = {"text", "json", NULL};
    static const char *const choices[] = {"true", "false", "auto", NULL};
    static const char *const managers[] = {
        [CGROUP_CGROUPFS] = "cgroupfs",
        [CGROUP_SYSTEMD] = "systemd",
        [CGROUP_DISABLED] = "disabled",
        NULL,
    };
    read_flags(argc, argv, FLAGS, NULL, explain);
    bool is_json = choose("--log-format", log_format, formats) == 1;
    (void)choose("--rootless", rootless, choices);
    globals.invocation.cgroup_manager =
        (enum cgroup_manager)choose("--cgroup-manager", manager, managers);
    if (systemd)
        globals.invocation.cgroup_manager = CGROUP_SYSTEMD;
    set_verbose(debug);
    if (log_path && *log_path)
        log_to_file(log_path, is_json);
    if (version)
        print_version();
}
