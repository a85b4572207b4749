/*
 * options.c - the flags of `run` and `spec`: each edits config.json.
 *
 * One table says what there is, for getopt_long(3), for --help, and for the
 * function that does it. It grew out of parse_options in steps 02 to 06.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "defaults.h"
#include "edits.h"
#include "json.h"
#include "options.h"
#include "util.h"

/* NULL as a function: parse() itself knows what to do. */
static const struct {
    const char *name;
    const char *value; /* NULL: takes none */
    edit_function *edit;
    const char *help;
} FLAGS[] = {
    {"bundle", "DIR", NULL, "take config.json of this bundle"},
    {"config", "FILE", NULL, "take this config.json"},
    {"name", "ID", NULL, "the container's name (our PID)"},
    {"pid-file", "FILE", NULL, "write the PID of process 1 there"},
    {"detach", NULL, NULL, "leave it alone once it runs (-d)"},
    {"console-socket", "PATH", NULL, "give its terminal to who listens there"},
    {"preserve-fds", "N", NULL, "keep N open files, from 3 on"},
    {"no-pivot", NULL, NULL, "chroot(2), for a root on a ramfs"},
    {"no-new-keyring", NULL, NULL, "share our session keyring"},
    {"rootfs", "DIR", edit_rootfs, "root file system (build/rootfs)"},
    {"read-only", NULL, edit_field, "the root cannot be written"},
    {"overlay", NULL, edit_field, "what is written is thrown away"},
    {"layer", "DIR", edit_layer, "put DIR on top of the root, as overlay"},
    {"volume", "SRC:DST[:ro]", edit_volume, "SRC of the host appears as DST"},
    {"hostname", "NAME", edit_hostname, "host name (container)"},
    {"env", "NAME=VALUE", edit_env, "set an environment variable"},
    {"workdir", "DIR", edit_workdir, "start in this directory (/)"},
    {"tty", NULL, edit_field, "a terminal of its own (if ours is one)"},
    {"no-tty", NULL, edit_field, "no terminal"},
    {"init", NULL, edit_field, "process 1 reaps and passes signals on"},
    {"user", "UID[:GID]", edit_user, "run as this user (0:0)"},
    {"userns", NULL, edit_userns, "a user namespace: its root is not root"},
    {"uidmap", "IN:OUT:COUNT", edit_uidmap, "a line of uid_map"},
    {"gidmap", "IN:OUT:COUNT", edit_gidmap, "a line of gid_map"},
    {"cap-add", "NAME", edit_cap_add, "give a capability, or ALL"},
    {"cap-drop", "NAME", edit_cap_drop, "take a capability, or ALL"},
    {"new-privs", NULL, edit_field, "set-user-ID programs work"},
    {"seccomp", "PROFILE", edit_seccomp, "default, unconfined or a file"},
    {"ulimit", "NAME=SOFT:HARD", edit_ulimit, "nofile=1024:2048"},
    {"sysctl", "KEY=VALUE", edit_sysctl, "a kernel setting of a namespace"},
    {"oom-score-adj", "N", edit_oom_score, "-1000 (last) to 1000 (first)"},
    {"time-offset", "SECONDS", edit_time_offset,
     "its clocks since boot run ahead"},
    {"memory", "SIZE", edit_memory, "kill when it uses more memory"},
    {"memory-high", "SIZE", edit_memory_high, "slow down when it uses more"},
    {"swap", "SIZE", edit_swap, "swap beside --memory (0)"},
    {"pids", "N", edit_pids, "processes at most"},
    {"cpus", "N", edit_cpus, "CPUs at most: 0.5 is half of one"},
    {"ip", "ADDRESS/LEN", edit_ip, "a network: 10.240.0.2/24"},
    {"bridge", "NAME", edit_bridge, "the bridge to plug it into (rung0)"},
    {"nat", NULL, edit_field, "reach the world through the host"},
    {"without", "WORD", NULL, "leave out one safeguard (see below)"},
    {"ipc", NULL, edit_namespace, "a new IPC namespace (it is new anyway)"},
    {"mount", NULL, edit_namespace, "a new mount namespace (likewise)"},
    {"net", NULL, edit_namespace, "a new network namespace (likewise)"},
    {"pid", NULL, edit_namespace, "a new PID namespace (likewise)"},
    {"uts", NULL, edit_namespace, "a new host name namespace (likewise)"},
    {"cgroup", NULL, edit_namespace, "a new cgroup namespace (likewise)"},
    {"time", NULL, edit_namespace, "a new time namespace"},
    {"verbose", NULL, NULL, "say each kernel call (-v)"},
    {"help", NULL, NULL, "this list (-h)"},
};

enum {
    FLAG_COUNT = ARRAY_SIZE(FLAGS)
};

static _Noreturn void print_help(const char *command)
{
    printf("usage: %s %s [flags] [--] [command [argument...]]\n\n",
           program_name(), command);
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        CLEANUP(free_string)
        char *flag = print_string("--%s %s", FLAGS[i].name,
                                  FLAGS[i].value ? FLAGS[i].value : "");
        printf("  %-24s %s\n", flag, FLAGS[i].help);
    }
    printf("\nWith --bundle or --config, the first argument names the "
           "container, as in runc.\n"
           "\nSafeguards that --without=WORD leaves out, to show what they are "
           "good for:\n");
    const char *word;
    const char *meaning;
    for (size_t i = 0; safeguard(i, &word, &meaning); i++)
        printf("  %-24s %s\n", word, meaning);
    exit(EXIT_SUCCESS);
}

static void load_config(struct options *o, const char *path)
{
    json_error_t error;
    o->config = load_json(path, true, &error);
    if (!o->config)
        fail("%s: %s (line %d, column %d)", path, error.text, error.line,
             error.column);
}

static void set_bundle(struct options *o, const char *path)
{
    static char absolute[PATH_MAX];
    if (!*path)
        usage_error("--bundle '': not a directory (it is empty)");
    if (!realpath(path, absolute))
        die("open the bundle %s", path);
    o->bundle = absolute;
}

static void break_it(const char *word)
{
    if (!leave_out(word))
        usage_error("--without=%s: not a safeguard (--help lists them)", word);
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

/* The flags that do not edit config.json. They come before all others, because
 * those need a config.json to edit. */
static void apply_own_flag(struct options *o, const char *name,
                           const char *value, const char **config_path)
{
    if (strcmp(name, "bundle") == 0)
        set_bundle(o, value);
    else if (strcmp(name, "config") == 0)
        *config_path = value;
    else if (strcmp(name, "name") == 0)
        o->id = value;
    else if (strcmp(name, "pid-file") == 0)
        o->pid_file = value;
    else if (strcmp(name, "detach") == 0)
        o->detach = true;
    else if (strcmp(name, "console-socket") == 0)
        o->console_socket = value;
    else if (strcmp(name, "preserve-fds") == 0)
        o->invocation->preserve_fds = parse_preserve_fds(value);
    else if (strcmp(name, "no-pivot") == 0)
        o->invocation->no_pivot = true;
    else if (strcmp(name, "no-new-keyring") == 0)
        o->invocation->no_new_keyring = true;
    else if (strcmp(name, "without") == 0)
        break_it(value);
    else if (strcmp(name, "verbose") == 0)
        set_verbose(true);
}

static int next_flag(int argc, char **argv)
{
    static struct option list[FLAG_COUNT + 1];
    for (size_t i = 0; i < FLAG_COUNT; i++)
        list[i] = (struct option){
            .name = FLAGS[i].name,
            .has_arg = FLAGS[i].value ? required_argument : no_argument,
            .val = 256 + (int)i,
        };
    opterr = 0;
    int flag = getopt_long(argc, argv, "+:hvimnpuUCTb:d", list, NULL);
    static const struct {
        char letter;
        const char *name;
    } letters[] = {
        {'h', "help"},   {'v', "verbose"}, {'i', "ipc"},    {'m', "mount"},
        {'n', "net"},    {'p', "pid"},     {'u', "uts"},    {'U', "userns"},
        {'C', "cgroup"}, {'T', "time"},    {'b', "bundle"}, {'d', "detach"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++) {
        for (int j = 0; flag == letters[i].letter && j < FLAG_COUNT; j++) {
            if (strcmp(FLAGS[j].name, letters[i].name) == 0)
                return j;
        }
    }
    if (flag == ':')
        usage_error("%s: needs a value (see --help)", argv[optind - 1]);
    if (flag == '?')
        usage_error("%s: unknown option (see --help)", argv[optind - 1]);
    return flag == -1 ? -1 : flag - 256;
}

static void find_config(struct options *o, const char *config_path,
                        bool is_create)
{
    static char cwd[PATH_MAX];
    bool has_bundle = o->bundle || is_create;
    if (!o->bundle) {
        if (!getcwd(cwd, sizeof(cwd)))
            die("find the current directory");
        o->bundle = cwd;
    }
    CLEANUP(free_string) char *inside = join_path(o->bundle, "config.json");
    if (config_path)
        load_config(o, config_path);
    else if (has_bundle)
        load_config(o, inside);
    else
        o->config = default_config();
    if (!json_is_object(o->config))
        fail("config.json: not an object");
}

/* Is there somebody to type, and to read? */
static bool is_interactive(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static void take_arguments(struct options *o, char **args, bool is_bundle)
{
    if (is_bundle && *args)
        o->id = *args++;
    if (*args)
        edit_args(o->config, args);
}

void options_parse(struct options *o, int argc, char **argv)
{
    const char *config_path = NULL;
    /* Twice: first to find config.json, then to edit it. */
    optind = 0;
    for (int flag; (flag = next_flag(argc, argv)) != -1;) {
        if (strcmp(FLAGS[flag].name, "help") == 0)
            print_help(argv[0]);
        if (!FLAGS[flag].edit)
            apply_own_flag(o, FLAGS[flag].name, optarg, &config_path);
    }
    bool is_create = strcmp(argv[0], "create") == 0;
    bool is_bundle = o->bundle || config_path || is_create;
    o->is_builtin = !is_bundle;
    find_config(o, config_path, is_create);
    if (!is_bundle && strcmp(argv[0], "run") == 0 && is_interactive())
        edit_field(o->config, "--tty", NULL);
    optind = 0;
    for (int flag; (flag = next_flag(argc, argv)) != -1;) {
        if (!FLAGS[flag].edit)
            continue;
        CLEANUP(free_string)
        char *name = print_string("--%s", FLAGS[flag].name);
        FLAGS[flag].edit(o->config, name, optarg);
    }
    take_arguments(o, argv + optind, is_bundle);
    edit_finish(o->config);
}
