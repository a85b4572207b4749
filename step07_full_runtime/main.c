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
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/library.h"
#include "base/memory.h"
#include "base/report.h"
#include "commands/commands.h"
#include "commands/flags.h"
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
    {"create", command_create, true, "make one that waits for start"},
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

static void print_help(void)
{
    printf("usage: %s [options] command [argument...]\n"
           "       %s [options]          shows what a container is\n\n",
           program_name(), program_name());
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
        printf("  %-16s %s\n", COMMANDS[i].name, COMMANDS[i].help);
    printf("\n");
    print_global_flags();
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
    read_flags(argc, argv, NULL, "[command]", NULL);
    if (optind == argc) {
        print_help();
        return 0;
    }
    char *words[] = {argv[optind], "--help", NULL};
    return find_command(words[0])->run(2, words);
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

/* What we have printed may not have arrived: on a full disk, or in a pipe that
 * nobody reads. */
static void check_output(void)
{
    if (fflush(stdout) != EOF && !ferror(stdout))
        return;
    warn("write to standard output: %s", strerror(errno));
    _exit(EXIT_RUNTIME);
}

int main(int argc, char **argv)
{
    set_program_name(argv[0]);
    if (atexit(check_output) != 0)
        die("prepare for the end");
    library_arguments(argv);
    open_standard_files();
    int log_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (log_fd != -1)
        log_to(log_fd);
    /* A caller may have left it ignored: then waiting would find nothing. */
    (void)signal(SIGCHLD, SIG_DFL);
    parse_global_options(argc, argv, print_help);
    if (optind == argc)
        return demonstrate(!globals.no_pause);
    const struct command *command = find_command(argv[optind]);
    if (command->enters)
        self_protect(argv);
    return command->run(argc - optind, argv + optind);
}
