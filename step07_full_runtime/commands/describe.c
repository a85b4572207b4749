/*
 * describe.c - a container in words: what `state` and `list` print of it.
 *
 * It only reads. New in step07.
 */
#define _GNU_SOURCE

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "base/ids.h"
#include "base/memory.h"
#include "base/report.h"
#include "commands/commands.h"

char *time_text(int64_t seconds)
{
    char text[40];
    struct tm tm;
    time_t when = (time_t)seconds;
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
    return copy_string(text);
}

json_t *describe(const struct state *state, const json_t *config)
{
    enum status status = state_status(state);
    json_t *oci = state_to_oci(state, status, config);
    CLEANUP(free_string) char *created = time_text(state->created);
    CLEANUP(free_string) char *owner = user_name(state->owner);
    if (!json_object_get(oci, "pid"))
        json_object_set_new(oci, "pid", json_integer(0));
    json_object_set_new(oci, "rootfs",
                        json_string(state->root_path ? state->root_path : ""));
    json_object_set_new(oci, "created", json_string(created));
    json_object_set_new(oci, "owner", json_string(owner));
    return oci;
}

void print_json(json_t *json, size_t flags)
{
    if (!json || json_dumpf(json, stdout, flags) == -1 ||
        putchar('\n') == EOF || fflush(stdout) == EOF)
        die("write to standard output");
    json_decref(json);
}
