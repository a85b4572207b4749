/*
 * main.c - step07: a complete container runtime.
 *
 * The table of contents. From here the modules point one way only, downwards:
 *
 *   5  main.c            global options, the table of commands
 *      demonstration.c   what to show when nothing is asked for
 *   4  run.c lifecycle.c commands_cgroup.c events.c features.c
 *                        the commands; flags.c options.c edits*.c: flags edit
 *                        the spec
 *   3  container.c       the container's life in the parent; attend.c
 *      init.c start.c exec.c  the way to the command in the child
 *   2  namespaces.c rootfs.c mounts.c cgroup.c devices.c network.c console.c
 *      netdevices.c capabilities.c seccomp*.c lsm.c scheduling.c process.c
 *      hooks.c state.c   one concern each
 *   1  spec*.c           config.json as struct spec; json*.c, mount_fd.c,
 *                        copy_up.c, id_maps.c
 *   0  util.c            errors, files; channel.c safeguards.c
 *
 * The ladder that leads here:
 *
 *   step01  run a program and report how it ended    fork(2) execve(2)
 *   step02  make it process 1                        pid_namespaces(7)
 *   step03  give it a host name                      uts_namespaces(7)
 *   step04  give it a root file system               mount_namespaces(7)
 *   step05  limit what it uses                       cgroups(7)
 *   step06  give it a network                        network_namespaces(7)
 *   step07  take away its power over the host        user_namespaces(7)
 *                                        capabilities(7) seccomp(2)
 */
#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "self.h"
#include "spec.h"
#include "util.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    bool enters; /* a process of ours gets into a container */
    const char *help;
} COMMANDS[] = {
    {"run", command_run, true, "make a container, run a command in it"},
    {"create", command_run, true, "make one that waits for start"},
    {"start", command_start, false, "let its command begin"},
    {"exec", command_exec, true, "run a further command in it"},
    {"kill", command_kill, false, "send a signal to it"},
    {"delete", command_delete, false, "remove what is left of it"},
    {"state", command_state, false, "what is known about it"},
    {"list", command_list, false, "the containers that are there"},
    {"spec", command_spec, false, "print the config.json that flags make"},
    {"ps", command_ps, false, "the processes in it"},
    {"pause", command_pause, false, "stop all of its processes"},
    {"resume", command_resume, false, "let them go on"},
    {"update", command_update, false, "change its limits"},
    {"events", command_events, false, "show what it uses"},
    {"features", command_features, false, "print what this runtime can do"},
};

struct globals globals;

static _Noreturn void print_help(void)
{
    printf("usage: %s [options] command [argument...]\n"
           "       %s [options]          shows what a container is\n\n",
           program_name(), program_name());
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
        printf("  %-16s %s\n", COMMANDS[i].name, COMMANDS[i].help);
    printf("\n  --root DIR       keep the containers' states there\n"
           "  --log FILE       write errors there, too\n"
           "  --log-format FORMAT  text or json\n"
           "  --systemd-cgroup have systemd make the cgroups\n"
           "  --cgroup-manager MANAGER  cgroupfs, systemd or disabled\n"
           "  --rootless BOOL  true, false or auto (it is found out anyway)\n"
           "  --debug, -v      say each kernel call, with the chapter that "
           "explains it\n"
           "  --version\n"
           "  --help, -h       this; \"%s run --help\" lists the flags\n",
           program_name());
    exit(EXIT_SUCCESS);
}

static enum cgroup_manager parse_manager(const char *name)
{
    static const char *const names[] = {
        [CGROUP_CGROUPFS] = "cgroupfs",
        [CGROUP_SYSTEMD] = "systemd",
        [CGROUP_DISABLED] = "disabled",
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return (enum cgroup_manager)i;
    }
    usage_error("--cgroup-manager %s: not cgroupfs, systemd or disabled", name);
}

static void check_word(const char *option, const char *value,
                       const char *const *words)
{
    const char *const *word = words;
    while (*word && strcmp(value, *word) != 0)
        word++;
    if (!*word)
        usage_error("%s %s: not %s, %s%s%s", option, value, words[0], words[1],
                    words[2] ? " or " : "", words[2] ? words[2] : "");
}

static int next_option(int argc, char **argv)
{
    static const struct option list[] = {
        {"root", required_argument, NULL, 'r'},
        {"log", required_argument, NULL, 'l'},
        {"log-format", required_argument, NULL, 'f'},
        {"debug", no_argument, NULL, 'v'},
        {"verbose", no_argument, NULL, 'v'},
        {"systemd-cgroup", no_argument, NULL, 's'},
        {"cgroup-manager", required_argument, NULL, 'c'},
        {"rootless", required_argument, NULL, 'R'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    opterr = 0;
    return getopt_long(argc, argv, "+:hv", list, NULL);
}

static void parse_global_options(int argc, char **argv)
{
    static const char *const formats[] = {"text", "json", NULL};
    static const char *const choices[] = {"true", "false", "auto", NULL};
    const char *log = NULL;
    const char *format = formats[0];
    for (int flag; (flag = next_option(argc, argv)) != -1;) {
        switch (flag) {
        case 'r':
            globals.root = optarg;
            break;
        case 'l':
            log = optarg;
            break;
        case 'f':
            check_word("--log-format", optarg, formats);
            format = optarg;
            break;
        case 'v':
            set_verbose(true);
            break;
        case 's':
            globals.invocation.cgroup_manager = CGROUP_SYSTEMD;
            break;
        case 'c':
            globals.invocation.cgroup_manager = parse_manager(optarg);
            break;
        case 'R':
            check_word("--rootless", optarg, choices);
            break;
        case 'V':
            printf("%s version 0.1.0\nspec: " OCI_VERSION "\n", program_name());
            exit(EXIT_SUCCESS);
        case 'h':
            print_help();
        case ':':
            usage_error("%s: needs a value (see --help)", argv[optind - 1]);
        default:
            usage_error("%s: unknown option (see --help)", argv[optind - 1]);
        }
    }
    if (log && *log)
        log_to_file(log, strcmp(format, "json") == 0);
}

/* A file that we open must never become standard input or output by chance,
 * because the caller had closed that one. */
static void open_standard_files(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
        if (fd == -1)
            _exit(EXIT_RUNTIME); /* and no place to say so */
    } while (fd <= STDERR_FILENO);
    close(fd);
}

int main(int argc, char **argv)
{
    open_standard_files();
    set_program_name(argv[0]);
    int log_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (log_fd != -1)
        log_to(log_fd);
    /* A caller may have left it ignored: then waiting would find nothing. */
    (void)signal(SIGCHLD, SIG_DFL);
    parse_global_options(argc, argv);
    if (optind == argc)
        return demonstrate();
    const char *name = argv[optind];
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++) {
        if (strcmp(COMMANDS[i].name, name) == 0) {
            if (COMMANDS[i].enters)
                self_protect(argv);
            return COMMANDS[i].run(argc - optind, argv + optind);
        }
    }
    usage_error("%s: unknown command (see --help)", name);
}
