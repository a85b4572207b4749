/*
 * options.h - the flags of `run` and `spec`: each edits config.json.
 */
#ifndef RUNG_OPTIONS_H
#define RUNG_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>

struct options {
    const char *bundle; /* absolute; relative paths start there */
    const char *id; /* --name, or NULL */
    const char *pid_file; /* NULL: none wanted */
    bool is_builtin; /* nobody gave a config.json */
    json_t *config; /* config.json, or the built-in one, as edited */
};

/* argv[0] is the command's name. --help ends the program. */
void options_parse(struct options *o, int argc, char **argv);

#endif
