/*
 * spec.c - the command "spec": write the config.json of a new bundle.
 *
 * What somebody has written must never be lost. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "base/report.h"
#include "commands/commands.h"
#include "commands/options.h"

static void write_config(const char *path, const json_t *config)
{
    FILE *file = fopen(path, "wxe");
    if (!file && errno == EEXIST)
        fail("write %s: it is there already (remove it, or print with --print)",
             path);
    if (file && json_dumpf(config, file, JSON_INDENT(4)) == 0 &&
        fputc('\n', file) != EOF && fclose(file) == 0)
        return;
    int reason = errno;
    if (file)
        (void)unlink(path); /* a half would be taken for the whole */
    errno = reason;
    die("write %s", path);
}

int command_spec(int argc, char **argv)
{
    const struct options *options =
        options_parse(argc, argv, &globals.invocation);
    globals.invocation.needs_process = true;
    /* What is written may be for root, who may do more than we. */
    if (options->print || geteuid() == 0)
        (void)spec_parse(options->config, options->bundle, &globals.invocation);
    if (options->print)
        print_json(options->config, JSON_INDENT(4));
    else
        write_config(options->config_path, options->config);
    return 0;
}
