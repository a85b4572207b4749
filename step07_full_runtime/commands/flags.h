/*
 * flags.h - a command's flags: a table, for getopt_long(3) and for --help.
 */
#ifndef RUNG_FLAGS_H
#define RUNG_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

struct edits;

/* What a flag does to config.json: see edits.h. */
typedef void edit_function(struct edits *e);

/* What the value of a flag is, in config.json. */
enum flag_kind {
    TEXT,
    NUMBER,
    SIZE, /* "50M": in bytes */
    PATH, /* one that is relative starts in our directory */
};

/* A table ends with {0}. --help, -h is in each. */
struct flag {
    const char *name;
    char letter; /* 0: none */
    const char *value; /* what it takes, for --help; NULL: it takes none */
    const char *help;
    /* What it does, one of: */
    bool *on; /* becomes true */
    const char **text; /* points to the value; the last one counts */
    edit_function *edit; /* called by edit_by_flags(), for each time */
    const char *path; /* sets this field of config.json, "root/path", */
    const char *json; /* to this; NULL: to its value, which is of that kind */
    enum flag_kind kind;
    int64_t least; /* of a NUMBER; 0 and 0: any */
    int64_t most;
    const char *what; /* it is, for errors: "a number of processes" */
    bool may_be_empty; /* and is then as if it had not been given */
};

/* Read them all (NULL: there are none but --help); optind is then the first
 * argument. A flag that is not in the table is a usage error. --help prints
 * "usage: rung kill [flags] ID [SIGNAL]" and the list, calls explain (if it is
 * not NULL) to say more, and ends the program. argv[0] is the command's name.
 * arguments NULL: explain says all. */
void read_flags(int argc, char **argv, const struct flag *flags,
                const char *arguments, void (*explain)(void));

/* The same for a command whose arguments are only names: flags may come after
 * them, too. */
void read_flags_anywhere(int argc, char **argv, const struct flag *flags,
                         const char *arguments);

/* The list that --help prints. */
void print_flags(const struct flag *flags);

/* Then, in the order of the command line, all edits. */
void edit_by_flags(int argc, char **argv, const struct flag *flags,
                   struct edits *e);

#endif
