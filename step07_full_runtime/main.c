/*
 * main.c - step07: a complete container runtime.
 *
 * The table of contents. Each room is a directory; the arrows between them
 * point one way only, downwards:
 *
 *   main.c      global options, the table of commands
 *   commands/   what each command reads and prints; the flags that edit a spec;
 *               what to show when nothing is asked for
 *   container/  the life of a container: the parent's list of steps, the
 *               child's list, and what they say to each other
 *   rootfs/  network/  cgroup/  seccomp/  process/
 *               one concern each
 *   config/     config.json as struct spec; the state file
 *   base/       errors, files, locks, messages
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
#include <fcntl.h>
#include <getopt.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/report.h"
#include "commands/flags.h"
#include "commands/run.h"
#include "config/spec.h"
#include "container/self.h"

static int command_help(int argc, char **argv);

static const struct command {
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
    {"spec", command_spec, false, "write the config.json of a new bundle"},
    {"ps", command_ps, false, "the processes in it"},
    {"pause", command_pause, false, "stop all of its processes"},
    {"resume", command_resume, false, "let them go on"},
    {"update", command_update, false, "change its limits"},
    {"events", command_events, false, "show what it uses"},
    {"features", command_features, false, "print what this runtime can do"},
    {"help", command_help, false, "this list, or what a command takes"},
};

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
    {"debug", 0, NULL, "say each kernel call, and its chapter", .on = &debug},
    {"verbose", 0, NULL, "the same", .on = &debug},
    {"criu", 0, "FILE", "taken, and ignored: there is no checkpoint",
     .text = &criu},
    {"version", 'v', NULL, "what this is, and for which specification",
     .on = &version},
    {0},
};

static void print_help(void)
{
    printf("usage: %s [options] command [argument...]\n"
           "       %s [options]          shows what a container is\n\n",
           program_name(), program_name());
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
        printf("  %-16s %s\n", COMMANDS[i].name, COMMANDS[i].help);
    printf("\n");
    print_flags(FLAGS);
    printf("\nEach command has --help, too.\n");
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++) {
        if (strcmp(COMMANDS[i].name, name) == 0)
            return &COMMANDS[i];
    }
    usage_error("%s: unknown command (see --help)", name);
}

static int command_help(int argc, char **argv)
{
    static const struct flag none[] = {{0}};
    read_flags(argc, argv, none, "[command]", NULL);
    if (optind == argc) {
        print_help();
        return 0;
    }
    char *words[] = {argv[optind], "--help", NULL};
    return find_command(words[0])->run(2, words);
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

static void parse_global_options(int argc, char **argv)
{
    static const char *const formats[] = {"text", "json", NULL};
    static const char *const choices[] = {"true", "false", "auto", NULL};
    static const char *const managers[] = {
        [CGROUP_CGROUPFS] = "cgroupfs",
        [CGROUP_SYSTEMD] = "systemd",
        [CGROUP_DISABLED] = "disabled",
        NULL,
    };
    read_flags(argc, argv, FLAGS, NULL, print_help);
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

/* A file that we open must never become standard input or output by chance,
 * because the caller had closed that one. */
static void open_standard_files(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
        if (fd == -1)
            die("open /dev/null");
    } while (fd <= STDERR_FILENO);
    close(fd);
}

int main(int argc, char **argv)
{
    set_program_name(argv[0]);
    open_standard_files();
    int log_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (log_fd != -1)
        log_to(log_fd);
    /* A caller may have left it ignored: then waiting would find nothing. */
    (void)signal(SIGCHLD, SIG_DFL);
    parse_global_options(argc, argv);
    if (optind == argc)
        return demonstrate();
    const struct command *command = find_command(argv[optind]);
    if (command->enters)
        self_protect(argv);
    return command->run(argc - optind, argv + optind);
}
