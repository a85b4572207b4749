/*
 * delete.c - the command "delete": remove what is left of a container.
 *
 * What runs is not deleted, unless --force says so. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <regex.h>
#include <stdbool.h>

#include "base/report.h"
#include "commands/commands.h"
#include "commands/flags.h"
#include "container/container.h"

/* A created container runs nothing of its own yet. */
static bool may_delete(enum status status, bool force)
{
    return force || status == STATUS_STOPPED || status == STATUS_CREATED;
}

/* Those whose names fit: 0, or -1 after warn(). */
static int delete_all(const char *pattern, bool force)
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        usage_error("--regex %s: not a regular expression", pattern);
    char *root = state_root(globals.root);
    int result = 0;
    for (char **id = state_list(root); *id; id++) {
        struct state state;
        if (regexec(&regex, *id, 0, NULL, 0) != 0)
            continue;
        if (state_load(&state, root, *id) == -1) {
            result = errno == ENOENT ? result : -1;
            continue;
        }
        enum status status = state_status(&state);
        bool may = may_delete(status, force);
        if (!may)
            warn("delete %s: it is %s (stop it, or give --force)", *id,
                 status_name(status));
        if (!may || container_delete(&state) == -1)
            result = -1;
    }
    regfree(&regex);
    return result;
}

int command_delete(int argc, char **argv)
{
    static bool force;
    static bool is_regex;
    static const struct flag flags[] = {
        {"force", 'f', NULL, "kill it first, if it runs", .on = &force},
        {"regex", 0, NULL, "all whose names fit this regular expression",
         .on = &is_regex},
        {0},
    };
    const char *id = only_id(argc, argv, flags);
    if (is_regex)
        return delete_all(id, force) == 0 ? 0 : EXIT_RUNTIME;
    struct state state;
    if (!force)
        load_state(&state, id);
    else if (!find_state(&state, id))
        return 0; /* nothing to delete is what was wanted */
    enum status status = state_status(&state);
    if (!may_delete(status, force))
        fail("delete %s: it is %s (stop it, or give --force)", state.id,
             status_name(status));
    return container_delete(&state) == 0 ? 0 : EXIT_RUNTIME;
}
