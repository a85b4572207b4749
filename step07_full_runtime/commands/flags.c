/*
 * flags.c - a command's flags: a table, for getopt_long(3) and for --help.
 *
 * It must not know what a flag means. It grew out of parse_options in steps 02
 * to 06.
 */
#define _GNU_SOURCE

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/report.h"
#include "commands/edits.h"
#include "commands/flags.h"

enum {
    FLAGS_MAX = 80,
    FIRST = 256, /* what getopt_long() says for flag 0: no letter */
};

/* Where getopt_long() looks for flags: its letters for that. */
#define BEFORE_ARGUMENTS "+"
#define ANYWHERE "" /* those that follow an argument are moved before it */

/* The number of the next flag; that of the {0} at the end stands for --help;
 * -1 after the last. */
static int next_flag(int argc, char **argv, const struct flag *flags,
                     const char *where)
{
    struct option list[FLAGS_MAX + 2] = {0};
    char letters[2 * FLAGS_MAX + 4] = {0};
    (void)snprintf(letters, sizeof(letters), "%s:h", where);
    char *letter = letters + strlen(letters);
    int count = 0;
    for (const struct flag *f = flags; f->name && count < FLAGS_MAX; f++) {
        list[count].name = f->name;
        list[count].has_arg = f->value ? required_argument : no_argument;
        list[count].val = FIRST + count;
        count++;
        if (f->letter)
            *letter++ = f->letter;
        if (f->letter && f->value)
            *letter++ = ':';
    }
    list[count] = (struct option){"help", no_argument, NULL, 'h'};
    opterr = 0;
    int found = getopt_long(argc, argv, letters, list, NULL);
    if (found == ':')
        usage_error("%s: needs a value (see --help)", argv[optind - 1]);
    if (found == '?')
        usage_error("%s: unknown option (see --help)", argv[optind - 1]);
    if (found == -1 || found >= FIRST)
        return found == -1 ? -1 : found - FIRST;
    int i = 0;
    while (i < count && flags[i].letter != found)
        i++;
    return i;
}

void print_flags(const struct flag *flags)
{
    for (const struct flag *f = flags; f->name; f++) {
        char letter[8] = "";
        if (f->letter)
            snprintf(letter, sizeof(letter), " (-%c)", f->letter);
        CLEANUP(free_string)
        char *flag = print_string("--%s %s", f->name, f->value ? f->value : "");
        printf("  %-26s %s%s\n", flag, f->help, letter);
    }
    printf("  %-26s %s\n", "--help", "this list (-h)");
}

static void read_each(int argc, char **argv, const struct flag *flags,
                      const char *where, const char *arguments,
                      void (*explain)(void))
{
    static const struct flag none[] = {{0}};
    flags = flags ? flags : none;
    optind = 0;
    for (int i; (i = next_flag(argc, argv, flags, where)) != -1;) {
        const struct flag *f = &flags[i];
        if (f->on)
            *f->on = true;
        if (f->text)
            *f->text = optarg;
        if (f->name)
            continue;
        if (arguments) {
            printf("usage: %s %s [flags] %s\n\n", program_name(), argv[0],
                   arguments);
            print_flags(flags);
        }
        if (explain)
            explain();
        exit(EXIT_SUCCESS);
    }
}

void read_flags(int argc, char **argv, const struct flag *flags,
                const char *arguments, void (*explain)(void))
{
    read_each(argc, argv, flags, BEFORE_ARGUMENTS, arguments, explain);
}

void read_flags_anywhere(int argc, char **argv, const struct flag *flags,
                         const char *arguments)
{
    read_each(argc, argv, flags, ANYWHERE, arguments, NULL);
}

void edit_by_flags(int argc, char **argv, const struct flag *flags,
                   struct edits *e)
{
    optind = 0;
    for (int i; (i = next_flag(argc, argv, flags, BEFORE_ARGUMENTS)) != -1;) {
        CLEANUP(free_string) char *name = print_string("--%s", flags[i].name);
        e->option = name;
        e->value = optarg;
        if (flags[i].edit)
            flags[i].edit(e);
        else if (flags[i].path)
            edit_field(e, &flags[i]);
    }
}
