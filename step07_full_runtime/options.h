/*
 * options.h - the flags of `run` and `spec`: each edits config.json.
 */
#ifndef RUNG_OPTIONS_H
#define RUNG_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>

#include "spec.h"

struct options {
    const char *bundle; /* absolute; relative paths start there */
    const char *id; /* --name, or NULL */
    const char *pid_file; /* NULL: none wanted */
    const char *console_socket; /* NULL: the terminal is for us */
    bool detach;
    struct invocation *invocation; /* what is said about it is put in there */
    bool is_builtin; /* nobody gave a config.json */
    json_t *config; /* config.json, or the built-in one, as edited */
};

/* argv[0] is the command's name. --help ends the program. */
void options_parse(struct options *o, int argc, char **argv);

/* Checks that they are open. */
unsigned int parse_preserve_fds(const char *value);

#endif
