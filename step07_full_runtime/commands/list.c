/*
 * list.c - the command "list": the containers that are there.
 *
 * It only reads. New in step07.
 */
#define _GNU_SOURCE

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ids.h"
#include "base/memory.h"
#include "base/report.h"
#include "commands/commands.h"
#include "commands/flags.h"

static void print_row(const struct state *state)
{
    char created[TIME_SIZE];
    print_time(created, state->created);
    CLEANUP(free_string) char *owner = user_name(state->owner);
    enum status status = state_status(state);
    printf("%-20s %8d  %-10s %-30s %-20s %s\n", state->id,
           status == STATUS_STOPPED ? 0 : state->pid, status_name(status),
           state->bundle ? state->bundle : "", created, owner);
}

int command_list(int argc, char **argv)
{
    static bool quiet;
    static const char *format = "table";
    static const struct flag flags[] = {
        {"format", 'f', "FORMAT", "table or json", .text = &format},
        {"quiet", 'q', NULL, "only the names", .on = &quiet},
        {0},
    };
    read_flags_anywhere(argc, argv, flags, "");
    bool is_json = wants_json(format);
    if (optind != argc)
        usage_error("list: takes no arguments");
    char *root = state_root(globals.root);
    char **ids = state_list(root);
    json_t *array = json_array();
    if (!quiet && !is_json)
        printf("%-20s %8s  %-10s %-30s %-20s %s\n", "ID", "PID", "STATUS",
               "BUNDLE", "CREATED", "OWNER");
    for (size_t i = 0; ids[i]; i++) {
        struct state state;
        if (state_load(&state, root, ids[i]) == -1)
            continue; /* it ended while we looked */
        if (quiet)
            puts(ids[i]);
        else if (is_json)
            json_array_append_new(array, describe(&state, NULL));
        else
            print_row(&state);
    }
    if (is_json && !quiet)
        print_json(array, JSON_INDENT(2));
    return 0;
}
