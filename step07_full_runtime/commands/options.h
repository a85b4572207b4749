/*
 * options.h - the flags of run, create and spec.
 */
#ifndef RUNG_OPTIONS_H
#define RUNG_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>

#include "config/spec.h"

struct options {
    const char *bundle; /* absolute; relative paths start there */
    const char *id; /* NULL: nobody gave a name */
    const char *pid_file; /* NULL: none wanted */
    const char *console_socket; /* NULL: the terminal is for us */
    const char *config_path; /* of config.json, read or to be written */
    bool detach;
    bool keep;
    bool print; /* spec: to standard output */
    bool is_builtin; /* nobody gave a config.json */
    json_t *config; /* config.json, or the built-in one, as edited */
};

/* argv[0] is the command's name. --help ends the program. What the flags say
 * of the invocation is put into *invocation. */
const struct options *options_parse(int argc, char **argv,
                                    struct invocation *invocation);

/* Checks that they are open. */
unsigned int parse_preserve_fds(const char *value);

#endif
