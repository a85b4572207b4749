/*
 * main.c - step07: a complete container runtime.
 *
 * The table of contents. From here the modules point one way only, downwards:
 *
 *   5  main.c            global options, the table of commands
 *      demonstration.c   what to show when nothing is asked for
 *   4  run.c             the commands; options.c, edits*.c: flags edit the spec
 *   3  container.c       the container's life in the parent
 *      init.c            the way to the command in the child
 *   2  namespaces.c rootfs.c mounts.c cgroup.c devices.c network.c console.c
 *      capabilities.c seccomp.c process.c state.c   one concern each
 *   1  spec*.c           config.json as struct spec; json.c, mount_fd.c
 *   0  util.c            errors, files; safeguards.c
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
    const char *help;
} COMMANDS[] = {
    {"run", command_run, "make a container, run a command in it"},
    {"spec", command_spec, "print the config.json that flags make"},
    {"list", command_list, "the containers that are there"},
    {"state", command_state, "what is known about one"},
    {"delete", command_delete, "remove what is left of one"},
};

static _Noreturn void print_help(void)
{
    printf("usage: %s [options] command [argument...]\n"
           "       %s [options]          shows what a container is\n\n",
           program_name(), program_name());
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
        printf("  %-16s %s\n", COMMANDS[i].name, COMMANDS[i].help);
    printf("\n  --root DIR       keep the containers' states there\n"
           "  --debug, -v      say each kernel call, with the chapter that "
           "explains it\n"
           "  --version\n"
           "  --help, -h       this; \"%s run --help\" lists the flags\n",
           program_name());
    exit(EXIT_SUCCESS);
}

static void parse_global_options(int argc, char **argv)
{
    static const struct option list[] = {
        {"root", required_argument, NULL, 'r'},
        {"debug", no_argument, NULL, 'v'},
        {"verbose", no_argument, NULL, 'v'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    opterr = 0;
    for (int flag;
         (flag = getopt_long(argc, argv, "+:hv", list, NULL)) != -1;) {
        switch (flag) {
        case 'r':
            set_state_root(optarg);
            break;
        case 'v':
            set_verbose(true);
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
    parse_global_options(argc, argv);
    if (optind == argc)
        return demonstrate();
    const char *name = argv[optind];
    for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++) {
        if (strcmp(COMMANDS[i].name, name) == 0) {
            if (COMMANDS[i].run == command_run)
                self_protect(argv);
            return COMMANDS[i].run(argc - optind, argv + optind);
        }
    }
    usage_error("%s: unknown command (see --help)", name);
}
