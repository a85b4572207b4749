/*
 * options.c - the command line: getopt_long(3).
 *
 * A step adds its options as rows of one table, which --help prints, too.
 */
#define _GNU_SOURCE

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

/* One row for each option: getopt_long(3) and --help both read it. */
struct option_row {
    const char *name;
    char letter; /* 0: it has none */
    const char *value; /* what --help calls its value; NULL: it has none */
    void (*apply)(struct container *c, const struct option_row *row,
                  const char *value);
    const char *help;
};

static void set_verbose(struct container *c, const struct option_row *row,
                        const char *value)
{
    (void)row;
    (void)value;
    c->verbose = true;
}

/* A whole number from LEAST to MOST, and nothing after it. */
static long parse_number(const char *option, const char *value, long least,
                         long most)
{
    char *end = NULL;
    long number = isdigit((unsigned char)*value) ? strtol(value, &end, 10) : -1;
    if (!end || *end != '\0' || number < least || number > most)
        usage_error(option, value, "not a number, or out of range");
    return number;
}

static void set_chapter(struct container *c, const struct option_row *row,
                        const char *value)
{
    c->chapter = (int)parse_number(row->name, value, 1, newest_chapter());
}

static void set_no_pause(struct container *c, const struct option_row *row,
                         const char *value)
{
    (void)row;
    (void)value;
    c->no_pause = true;
}

static void open_namespace(struct container *c, const struct option_row *row,
                           const char *value)
{
    (void)value;
    want_namespace(c, row->letter);
}

static const struct option_row rows[] = {
    {"help", 'h', NULL, NULL, "print this help"},
    {"verbose", 'v', NULL, set_verbose, "narrate the kernel calls that matter"},
    {"chapter", 0, "N", set_chapter, "demonstrate chapter N, not the newest"},
    {"no-pause", 0, NULL, set_no_pause, "don't wait for Enter between scenes"},
    {"ipc", 'i', NULL, open_namespace, "open a new IPC namespace"},
    {"mount", 'm', NULL, open_namespace, "open a new mount namespace"},
    {"net", 'n', NULL, open_namespace, "open a new network namespace"},
    {"pid", 'p', NULL, open_namespace, "open a new PID namespace (always)"},
    {"uts", 'u', NULL, open_namespace, "open a new UTS namespace"},
    {"user", 'U', NULL, open_namespace, "open a new user namespace"},
    {"cgroup", 'C', NULL, open_namespace, "open a new cgroup namespace"},
    {"time", 'T', NULL, open_namespace, "open a new time namespace"},
};

enum {
    ROWS = sizeof(rows) / sizeof(*rows),
    LONG_OPTION = 256, /* plus the row: what getopt_long returns for a name */
};

__attribute__((noreturn)) static void print_help(void)
{
    puts("usage: demo [options] [--] [command [argument...]]\n"
         "Run a command in the container built so far; without a command,\n"
         "demonstrate the chapter's kernel feature.\n");
    for (int i = 0; i < ROWS; i++) {
        const char *value = rows[i].value ? rows[i].value : "";
        printf(rows[i].letter ? "  -%c," : "     ", rows[i].letter);
        printf(" --%s %-*s %s\n", rows[i].name, 22 - (int)strlen(rows[i].name),
               value, rows[i].help);
    }
    puts(
        "\nExit status: the command's own; 128+N: killed by signal N;\n"
        "127: not found; 126: cannot execute; 125: the demo failed; 2: usage.");
    exit(EXIT_SUCCESS);
}

/* The row that getopt_long means; NULL: it has printed an error. */
static const struct option_row *find_row(int option)
{
    for (int i = 0; i < ROWS; i++) {
        if (option == LONG_OPTION + i || option == rows[i].letter)
            return &rows[i];
    }
    return NULL;
}

/* Fill in the container: the defaults, then what the command line says. */
void parse_options(struct container *c, int argc, char **argv)
{
    struct option options[ROWS + 1] = {0};
    char letters[ROWS + 2] = "+"; /* options end where the command begins */
    char *letter = letters + 1;
    int option;
    for (int i = 0; i < ROWS; i++) {
        options[i].name = rows[i].name;
        options[i].has_arg = rows[i].value ? required_argument : no_argument;
        options[i].val = LONG_OPTION + i;
        if (rows[i].letter)
            *letter++ = rows[i].letter;
    }
    argv[0] = "demo"; /* what getopt_long calls us in its errors */
    while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        const struct option_row *row = find_row(option);
        if (!row)
            exit(EXIT_USAGE);
        if (!row->apply)
            print_help();
        row->apply(c, row, optarg);
    }
    c->argv = argv + optind;
}
