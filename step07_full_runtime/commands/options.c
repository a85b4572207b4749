/*
 * options.c - the flags of run, create and spec: most edit config.json.
 *
 * Here is decided whose config.json that is: a bundle's, or the built-in one.
 * It grew out of parse_options in steps 02 to 06.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "base/safeguards.h"
#include "commands/defaults.h"
#include "commands/edits.h"
#include "commands/flags.h"
#include "commands/options.h"
#include "config/json.h"

static struct options options;
static const char *bundle;
static const char *config_path;
static const char *preserve_fds;
static bool no_pivot;
static bool no_new_keyring;
static bool no_subreaper;
static bool verbose;

/* --without=WORD edits no config.json, but there may be several. */
static void break_it(struct edits *e)
{
    if (!leave_out(e->value))
        usage_error("%s=%s: not a safeguard (--help lists them)", e->option,
                    e->value);
}

static const struct flag FLAGS[] = {
    {"bundle", 'b', "DIR", "take config.json of this bundle", .text = &bundle},
    {"config", 'f', "FILE", "take this config.json", .text = &config_path},
    {"name", 0, "ID", "the container's name (our PID)", .text = &options.id},
    {"pid-file", 0, "FILE", "write the PID of process 1 there",
     .text = &options.pid_file},
    {"detach", 'd', NULL, "leave it alone once it runs", .on = &options.detach},
    {"keep", 0, NULL, "when it has ended, leave it to delete",
     .on = &options.keep},
    {"console-socket", 0, "PATH", "give its terminal to who listens there",
     .text = &options.console_socket},
    {"preserve-fds", 0, "N", "keep N open files, from 3 on",
     .text = &preserve_fds},
    {"no-pivot", 0, NULL, "chroot(2), for a root on a ramfs", .on = &no_pivot},
    {"no-new-keyring", 0, NULL, "share our session keyring",
     .on = &no_new_keyring},
    {"no-subreaper", 0, NULL, "taken, and ignored: we never are one",
     .on = &no_subreaper},
    {"print", 0, NULL, "spec: print what run would take, write no file",
     .on = &options.print},
    {"rootfs", 0, "DIR", "root file system (build/rootfs)", .path = "root/path",
     .kind = PATH},
    {"read-only", 0, NULL, "the root cannot be written",
     .path = "root/readonly", .json = "true"},
    {"overlay", 0, NULL, "what is written is thrown away",
     .path = "annotations/io.rung.overlay", .json = "\"true\""},
    {"layer", 0, "DIR", "put DIR on top of the root, as overlay",
     .edit = edit_layer},
    {"volume", 0, "SRC:DST[:ro]", "SRC of the host appears as DST",
     .edit = edit_volume},
    {"hostname", 0, "NAME", "host name (container)", .edit = edit_hostname},
    {"env", 0, "NAME=VALUE", "set an environment variable", .edit = edit_env},
    {"workdir", 0, "DIR", "start in this directory (/)", .edit = edit_workdir},
    {"tty", 0, NULL, "a terminal of its own (if ours is one)",
     .path = "process/terminal", .json = "true"},
    {"no-tty", 0, NULL, "no terminal", .path = "process/terminal",
     .json = "false"},
    {"init", 0, NULL, "process 1 reaps and passes signals on",
     .path = "annotations/io.rung.init", .json = "\"true\""},
    {"user", 0, "UID[:GID]", "run as this user (0:0)", .edit = edit_user},
    {"userns", 'U', NULL, "a user namespace: its root is not root",
     .edit = edit_userns},
    {"uidmap", 0, "IN:OUT:COUNT", "a line of uid_map", .edit = edit_uidmap},
    {"gidmap", 0, "IN:OUT:COUNT", "a line of gid_map", .edit = edit_gidmap},
    {"cap-add", 0, "NAME", "give a capability, or ALL", .edit = edit_cap_add},
    {"cap-drop", 0, "NAME", "take a capability, or ALL", .edit = edit_cap_drop},
    {"new-privs", 0, NULL, "set-user-ID programs work",
     .path = "process/noNewPrivileges", .json = "false"},
    {"seccomp", 0, "PROFILE", "default, unconfined or a file",
     .edit = edit_seccomp},
    {"ulimit", 0, "NAME=SOFT:HARD", "nofile=1024:2048", .edit = edit_ulimit},
    {"sysctl", 0, "KEY=VALUE", "a kernel setting of a namespace",
     .edit = edit_sysctl},
    {"oom-score-adj", 0, "N", "-1000 (last) to 1000 (first)",
     .path = "process/oomScoreAdj", .kind = NUMBER, .least = -1000,
     .most = 1000, .what = "a number from -1000 to 1000"},
    {"time-offset", 0, "SECONDS", "its clocks since boot run ahead",
     .edit = edit_time_offset},
    {"memory", 0, "SIZE", "kill when it uses more memory", .edit = edit_memory},
    {"memory-high", 0, "SIZE", "slow down when it uses more",
     .edit = edit_memory_high},
    {"swap", 0, "SIZE", "swap beside --memory (0)", .edit = edit_swap},
    {"pids", 0, "N", "processes at most", .path = "linux/resources/pids/limit",
     .kind = NUMBER, .least = 1, .most = 4194304,
     .what = "a number of processes (1 to 4194304)"},
    {"cpus", 0, "N", "CPUs at most: 0.5 is half of one", .edit = edit_cpus},
    {"ip", 0, "ADDRESS/LEN", "a network: 10.240.0.2/24", .edit = edit_ip},
    {"bridge", 0, "NAME", "the bridge to plug it into (rung0)",
     .edit = edit_bridge},
    {"nat", 0, NULL, "reach the world through the host",
     .path = "annotations/io.rung.nat", .json = "\"true\""},
    {"without", 0, "WORD", "leave out one safeguard", .edit = break_it},
    {"rootless", 0, NULL, "what an ordinary user needs (as --userns)",
     .edit = edit_userns},
    {"ipc", 'i', NULL, "a new IPC namespace (it is new anyway)",
     .edit = edit_namespace},
    {"mount", 'm', NULL, "a new mount namespace (likewise)",
     .edit = edit_namespace},
    {"net", 'n', NULL, "a new network namespace (likewise)",
     .edit = edit_namespace},
    {"pid", 'p', NULL, "a new PID namespace (likewise)",
     .edit = edit_namespace},
    {"uts", 'u', NULL, "a new host name namespace (likewise)",
     .edit = edit_namespace},
    {"cgroup", 'C', NULL, "a new cgroup namespace (likewise)",
     .edit = edit_namespace},
    {"time", 'T', NULL, "a new time namespace", .edit = edit_namespace},
    {"verbose", 'v', NULL, "say the kernel calls that matter", .on = &verbose},
    {0},
};

static void explain_forms(void)
{
    printf(
        "\n\"run\" and \"create\" have a second form, which is runc's: [flags] "
        "ID [command].\nIt takes a bundle's config.json, and flags edit it. It "
        "is meant by --bundle, by\n--config, and by \"run ID\" without -- in a "
        "directory with a config.json.\n\n"
        "Safeguards that --without=WORD leaves out, to show what they are good "
        "for:\n");
    const char *word;
    const char *meaning;
    for (size_t i = 0; safeguard(i, &word, &meaning); i++)
        printf("  %-24s %s\n", word, meaning);
}

static void load_config(const char *path)
{
    json_error_t error;
    options.config = load_json(path, true, &error);
    if (!options.config)
        fail("%s: %s", path, error.text);
    if (!json_is_object(options.config))
        fail("%s: not an object", path);
}

unsigned int parse_preserve_fds(const char *value)
{
    uint64_t count;
    if (!parse_u64(value, &count) || count > 1000)
        usage_error("--preserve-fds %s: not a number of open files", value);
    for (int fd = 3; fd < 3 + (int)count; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags == -1 || flags & FD_CLOEXEC) /* those are our own */
            usage_error("--preserve-fds %s: descriptor %d is not open", value,
                        fd);
    }
    return (unsigned int)count;
}

/* Is there somebody to type, and to read? */
static bool is_interactive(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static const char *bundle_path(void)
{
    if (bundle && !*bundle)
        usage_error("--bundle '': not a directory (it is empty)");
    char *absolute = realpath(bundle ? bundle : ".", NULL);
    if (!absolute)
        die("open the bundle %s", bundle ? bundle : "(current directory)");
    return absolute;
}

/* A pipe or a device would make us wait, or read without end. */
static void check_bundles_file(const char *path)
{
    struct stat file;
    if (stat(path, &file) == -1 && errno == ENOENT)
        die("open %s (rung spec makes one)", path);
    if (stat(path, &file) == -1)
        die("open %s", path);
    if (!S_ISREG(file.st_mode))
        fail("open %s: not a regular file", path);
}

/* "run WORD" beside a config.json: WORD is a name, as runc's users write it.
 * Another program's config.json must not be mistaken for a container's, nor a
 * container's for none. */
static bool is_beside_config(char **args)
{
    struct stat file;
    return args[0] && !args[1] && strcmp(args[-1], "--") != 0 &&
           (lstat(options.config_path, &file) == 0 || errno != ENOENT);
}

/* True: the container is described by a config.json, which is now loaded, and
 * the first argument is its name. */
static bool find_config(const char *command, char **args)
{
    bool is_given = bundle || config_path;
    bool is_run = strcmp(command, "run") == 0;
    bool is_spec = strcmp(command, "spec") == 0;
    bool wanted = is_spec ? options.print && is_given
                          : is_given || !is_run || is_beside_config(args);
    options.is_builtin = !wanted;
    if (!wanted) {
        options.config =
            is_spec && !options.print ? example_config() : default_config();
        return false;
    }
    if (!config_path)
        check_bundles_file(options.config_path);
    load_config(options.config_path);
    if (!is_given && is_run && !json_object_get(options.config, "ociVersion"))
        fail("%s describes no container: it has no ociVersion (to run %s as a "
             "command: run -- %s)",
             options.config_path, args[0], args[0]);
    return !is_spec;
}

const struct options *options_parse(int argc, char **argv,
                                    struct invocation *invocation)
{
    read_flags(argc, argv, FLAGS, "[--] [command [argument...]]",
               explain_forms);
    char **args = argv + optind;
    if (verbose)
        set_verbose(true);
    if (preserve_fds)
        invocation->preserve_fds = parse_preserve_fds(preserve_fds);
    invocation->no_pivot = no_pivot;
    invocation->no_new_keyring = no_new_keyring;
    options.bundle = bundle_path();
    options.config_path =
        config_path ? config_path : join_path(options.bundle, "config.json");
    bool is_spec = strcmp(argv[0], "spec") == 0;
    if (options.print && !is_spec)
        usage_error("--print: for spec only");
    if (find_config(argv[0], args) && *args)
        options.id = *args++;
    else if (strcmp(argv[0], "run") == 0 && options.is_builtin &&
             is_interactive())
        set(options.config, "process/terminal", json_true());
    struct edits edits = {.config = options.config};
    edit_by_flags(argc, argv, FLAGS, &edits);
    if (*args)
        edit_args(options.config, args);
    /* What spec writes may be for another user. */
    if (!is_spec || options.print)
        edit_for_user(&edits);
    finish_limits(&edits);
    finish_ids(&edits);
    return &options;
}
