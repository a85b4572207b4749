/*
 * state.c - the command "state": what is known about a container.
 *
 * It only reads. New in step07.
 */
#define _GNU_SOURCE

#include <jansson.h>

#include "commands/commands.h"

int command_state(int argc, char **argv)
{
    struct state state;
    load_state(&state, only_id(argc, argv, NULL));
    json_t *config = state.status_name ? state_config(&state) : NULL;
    print_json(describe(&state, config), JSON_INDENT(2));
    json_decref(config);
    return 0;
}
