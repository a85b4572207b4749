/*
 * options.c - the command line: getopt_long(3).
 *
 * A step adds its options as rows of one table, which --help prints, too.
 */
#define _GNU_SOURCE

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

/* Letters, digits and OTHERS only? */
static bool is_made_of(const char *text, const char *others)
{
    while (isalnum((unsigned char)*text) || (*text && strchr(others, *text)))
        text++;
    return *text == '\0';
}

/* Has the user asked to leave out this safeguard? */
bool without(const struct container *c, const char *safeguard)
{
    for (int i = 0; i < SAFEGUARDS; i++) {
        if (c->without[i] && strcmp(c->without[i], safeguard) == 0)
            return true;
    }
    return false;
}

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

static void set_name(struct container *c, const struct option_row *row,
                     const char *value)
{
    if (strlen(value) < 1 || strlen(value) > 64)
        usage_error(row->name, value, "must have 1 to 64 characters");
    if (!isalnum((unsigned char)*value) || !is_made_of(value, "-."))
        usage_error(row->name, value, "only letters, digits, - and .");
    c->hostname = value;
}

static void set_root(struct container *c, const struct option_row *row,
                     const char *value)
{
    if (!*value)
        usage_error(row->name, value, "needs a directory");
    c->root_path = value;
}

/* The safeguards that can be left out, and what breaks then. */
static const struct {
    const char *word;
    const char *breaks;
} safeguards[] = {
    {"private", "its mounts appear in the host's as well"},
    {"pivot", "it gets a chroot, from which root can escape"},
    {"swap-limit", "it swaps instead of being killed"},
};

static void leave_out(struct container *c, const struct option_row *row,
                      const char *value)
{
    size_t count = sizeof(safeguards) / sizeof(*safeguards);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(safeguards[i].word, value) == 0) {
            c->without[i] = value;
            return;
        }
    }
    usage_error(row->name, value, "no such safeguard");
}

/* Note a line for a file of the cgroup; the last one for a file counts. */
static void set_limit(struct container *c, const char *file, const char *value)
{
    struct limit *limit = c->limits;
    while (limit->file && strcmp(limit->file, file) != 0)
        limit++;
    limit->file = file;
    snprintf(limit->value, sizeof(limit->value), "%s", value);
}

/* A size in bytes, with K, M or G for the powers of 1024. */
static void limit_size(struct container *c, const struct option_row *row,
                       const char *value)
{
    static const char units[] = "KMG";
    const char *file = strcmp(row->name, "memory") == 0 ? "memory.max"
                       : strcmp(row->name, "swap") == 0 ? "memory.swap.max"
                                                        : "memory.high";
    char text[32];
    char *end = NULL;
    errno = 0;
    long long size =
        isdigit((unsigned char)*value) ? strtoll(value, &end, 10) : -1;
    const char *unit = end && *end ? strchr(units, *end) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    if (!end || end[unit ? 1 : 0] != '\0' || errno || size >> (62 - shift))
        usage_error(row->name, value, "not a size (such as 50M or 1G)");
    snprintf(text, sizeof(text), "%lld", size << shift);
    set_limit(c, file, text);
}

static void limit_pids(struct container *c, const struct option_row *row,
                       const char *value)
{
    (void)parse_number(row->name, value, 1, 4194304);
    set_limit(c, "pids.max", value);
}

/* So many microseconds in each period of 100000, over all processors. */
static void limit_cpus(struct container *c, const struct option_row *row,
                       const char *value)
{
    char text[32];
    char *end = NULL;
    double cpus = strspn(value, "0123456789.") ? strtod(value, &end) : 0;
    if (!end || *end != '\0' || strchr(value, 'x') || cpus < 0.01 ||
        cpus > 8192)
        usage_error(row->name, value, "not a number from 0.01 to 8192");
    snprintf(text, sizeof(text), "%ld 100000", (long)(cpus * 100000));
    set_limit(c, "cpu.max", text);
}

/* A limit that memory can escape into swap is none: allow no swap, then. */
static void default_swap(struct container *c)
{
    bool memory = false;
    for (struct limit *limit = c->limits; limit->file; limit++) {
        if (strcmp(limit->file, "memory.swap.max") == 0)
            return;
        memory |= strcmp(limit->file, "memory.max") == 0;
    }
    if (memory && !without(c, "swap-limit"))
        set_limit(c, "memory.swap.max", "0");
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
    {"hostname", 0, "NAME", set_name, "its hostname (default: container)"},
    {"rootfs", 0, "DIR", set_root, "what becomes its / (build/rootfs)"},
    {"without", 0, "WORD", leave_out, "leave out a safeguard (below)"},
    {"memory", 0, "SIZE", limit_size, "limit its memory (50M); no swap then"},
    {"memory-high", 0, "SIZE", limit_size, "slow it down from there on"},
    {"swap", 0, "SIZE", limit_size, "limit its swap"},
    {"pids", 0, "N", limit_pids, "limit its number of processes"},
    {"cpus", 0, "N", limit_cpus, "limit its processor time (0.5: half of one)"},
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
    puts("\nSafeguards that --without leaves out:");
    for (size_t i = 0; i < sizeof(safeguards) / sizeof(*safeguards); i++)
        printf("  %-12s%s\n", safeguards[i].word, safeguards[i].breaks);
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
    c->hostname = "container";
    c->root_path = "build/rootfs";
    argv[0] = "demo"; /* what getopt_long calls us in its errors */
    while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        const struct option_row *row = find_row(option);
        if (!row)
            exit(EXIT_USAGE);
        if (!row->apply)
            print_help();
        row->apply(c, row, optarg);
    }
    if (c->clone.flags & CLONE_NEWUSER)
        usage_error("user", "", "its own root file system needs real root");
    default_swap(c);
    c->argv = argv + optind;
}
