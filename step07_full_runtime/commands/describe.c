/*
 * describe.c - a container in words: what `state` and `list` print of it.
 *
 * It only reads. New in step07.
 */
#define _GNU_SOURCE

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/report.h"
#include "commands/commands.h"

json_t *describe(const struct state *state, const json_t *config)
{
    enum status status = state_status(state);
    json_t *oci = state_to_oci(state, status, config);
    char created[TIME_SIZE];
    print_time(created, state->created);
    CLEANUP(free_string) char *owner = user_name(state->owner);
    if (!json_object_get(oci, "pid"))
        json_object_set_new(oci, "pid", json_integer(0));
    json_object_set_new(oci, "rootfs",
                        json_string(state->root_path ? state->root_path : ""));
    json_object_set_new(oci, "created", json_string(created));
    json_object_set_new(oci, "owner", json_string(owner));
    return oci;
}

bool wants_json(const char *format)
{
    bool is_json = strcmp(format, "json") == 0;
    if (!is_json && strcmp(format, "table") != 0)
        usage_error("--format %s: not table or json", format);
    return is_json;
}

void print_json(json_t *json, size_t flags)
{
    if (!json || (json_dumpf(json, stdout, flags) == -1 && !ferror(stdout)))
        die("print JSON");
    if (putchar('\n') == EOF || fflush(stdout) == EOF)
        exit(EXIT_RUNTIME); /* and check_output in main.c says why */
    json_decref(json);
}
