/*
 * target.c - step07's readers of what others have written, one file at a time.
 *
 *   target KIND FILE
 *
 *   config     a config.json
 *   process    what `exec --process` reads
 *   resources  what `update --resources` reads
 *   seccomp    linux.seccomp: the program that is made of it gives the verdicts
 *              that the profile's rules give when they are read one by one
 *   state      a state.json, below FILE's directory's directory
 *   options    the arguments of `run`, one a line
 *
 * Whatever is wrong with the file ends us with a message and an exit status.
 * Nothing is touched besides. A signal is a bug that was found: afl-fuzz(8)
 */
#define _GNU_SOURCE

#include <jansson.h>
#include <libgen.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "config/json.h"
#include "config/spec.h"
#include "config/state.h"
#include "seccomp/parts.h"
#include "seccomp/seccomp.h"

static const char base[] =
    "{\"ociVersion\": \"1.2.0\", \"root\": {\"path\": \"/\"},"
    " \"process\": {\"args\": [\"true\"], \"cwd\": \"/\","
    " \"user\": {\"uid\": 0, \"gid\": 0}}, \"linux\": {}}";

static struct invocation invocation = {.id = "c", .needs_process = true};

static json_t *read_json(const char *path)
{
    json_error_t error;
    json_t *json = load_json(path, false, &error);
    if (!json)
        fail("%s: %s", path, error.text);
    return json;
}

/* A configuration that has nothing but this. */
static json_t *base_with(const char *object, const char *member, json_t *json)
{
    json_t *config = json_loads(base, 0, NULL);
    json_t *place = object ? json_object_get(config, object) : config;
    json_object_set_new(place, member, json);
    return config;
}

static struct spec *parse(json_t *config)
{
    return spec_parse(config, "/", &invocation);
}

/* --- seccomp: what the rules say when they are read one by one --- */

/* What a program does with these: classic BPF, as the kernel runs it. */
static uint32_t run_program(const struct sock_fprog *program,
                            const struct seccomp_data *data)
{
    uint32_t a = 0;
    uint32_t value;
    for (size_t i = 0; i < program->len; i++) {
        const struct sock_filter *f = &program->filter[i];
        bool yes;
        switch (f->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            memcpy(&value, (const char *)data + f->k, sizeof(value));
            a = value;
            continue;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= f->k;
            continue;
        case BPF_JMP | BPF_JA:
            i += f->k;
            continue;
        case BPF_JMP | BPF_JEQ | BPF_K:
            yes = a == f->k;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            yes = a >= f->k;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            yes = a > f->k;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            yes = a & f->k;
            break;
        case BPF_RET | BPF_K:
            return f->k;
        default:
            abort();
        }
        i += yes ? f->jt : f->jf;
    }
    abort(); /* it ran off its end */
}

static bool holds(const struct scmp_arg_cmp *c, uint64_t argument)
{
    switch (c->op) {
    case SCMP_CMP_NE:
        return argument != c->datum_a;
    case SCMP_CMP_LT:
        return argument < c->datum_a;
    case SCMP_CMP_LE:
        return argument <= c->datum_a;
    case SCMP_CMP_EQ:
        return argument == c->datum_a;
    case SCMP_CMP_GE:
        return argument >= c->datum_a;
    case SCMP_CMP_GT:
        return argument > c->datum_a;
    case SCMP_CMP_MASKED_EQ:
        return (argument & c->datum_a) == c->datum_b;
    default:
        abort();
    }
}

static bool fits(const struct call_rule *rule, const struct seccomp_data *data)
{
    if (rule->number != (uint32_t)data->nr)
        return false;
    for (unsigned int i = 0; i < rule->count; i++) {
        if (!holds(&rule->conditions[i], data->args[rule->conditions[i].arg]))
            return false;
    }
    return true;
}

/* Pieces of a call after the whole, the strictest first, else as given. */
static bool comes_before(const struct call_rule *a, const struct call_rule *b)
{
    int32_t strict_a = (int32_t)(a->action & SECCOMP_RET_ACTION_FULL);
    int32_t strict_b = (int32_t)(b->action & SECCOMP_RET_ACTION_FULL);
    if (a->is_piece != b->is_piece)
        return b->is_piece;
    if (strict_a != strict_b && a->count && b->count)
        return strict_a < strict_b;
    return a->order < b->order;
}

/* The rules without a condition: the first counts. With one: the strictest of
 * those that hold, if it is no milder than that. */
static uint32_t read_rules(const struct filter *f,
                           const struct call_table *table,
                           const struct seccomp_data *data)
{
    const struct call_rule *plain = NULL;
    const struct call_rule *best = NULL;
    bool is_new = table->rule_count > 0;
    for (size_t i = 0; i < table->rule_count; i++) {
        const struct call_rule *rule = &table->rules[i];
        const struct call_rule **first = rule->count ? &best : &plain;
        is_new &= rule->number < (uint32_t)data->nr;
        if (fits(rule, data) && (!*first || comes_before(rule, *first)))
            *first = rule;
    }
    if (plain && best &&
        (best->is_piece ||
         (int32_t)(best->action & SECCOMP_RET_ACTION_FULL) >
             (int32_t)(plain->action & SECCOMP_RET_ACTION_FULL)))
        best = NULL;
    if (best || plain)
        return best ? best->action : plain->action;
    return is_new ? f->newer_action : f->default_action;
}

static void compare_verdicts(const struct filter *f,
                             const struct call_table *table,
                             const struct call_rule *rule)
{
    for (int more = -1; more <= 1; more++) {
        struct seccomp_data data = {.nr = (int)rule->number,
                                    .arch = table->token};
        for (unsigned int i = 0; i < rule->count; i++)
            data.args[rule->conditions[i].arg] =
                (rule->conditions[i].op == SCMP_CMP_MASKED_EQ
                     ? rule->conditions[i].datum_b
                     : rule->conditions[i].datum_a) +
                (uint64_t)more;
        for (int i = 0; i < 2; i++, data.nr++) {
            if (run_program(&f->program, &data) != read_rules(f, table, &data))
                abort();
        }
    }
}

static void check_filter(const struct filter *f)
{
    for (size_t i = 0; i < f->table_count; i++) {
        if (f->tables[i].has_x32)
            return; /* two numberings in one */
    }
    for (size_t i = 0; i < f->table_count; i++) {
        const struct call_table *table = &f->tables[i];
        for (size_t k = 0; k < table->rule_count; k++)
            compare_verdicts(f, table, &table->rules[k]);
    }
}

/* --- the kinds --- */

static void read_config(const char *path)
{
    seccomp_prepare(parse(read_json(path)));
}

static void read_process(const char *path)
{
    invocation.is_exec = true;
    (void)parse(base_with(NULL, "process", read_json(path)));
}

static void read_resources(const char *path)
{
    (void)parse(base_with("linux", "resources", read_json(path)));
}

static void read_seccomp(const char *path)
{
    check_filter(
        seccomp_prepare(parse(base_with("linux", "seccomp", read_json(path)))));
}

static void read_state(const char *path)
{
    char *directory = dirname(copy_string(path));
    struct state state;
    if (state_load(&state, dirname(copy_string(directory)),
                   basename(directory)) == 0 &&
        state.status_name)
        print_json(state_to_oci(&state, state_status(&state), NULL), 0);
}

static void read_options(const char *path)
{
    enum {
        WORDS_MAX = 100
    };
    char *words[WORDS_MAX + 1] = {copy_string("run")};
    char *text = read_file_at(AT_FDCWD, path);
    char *rest = NULL;
    int count = 1;
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL;
         line && count < WORDS_MAX; line = strtok_r(NULL, "\n", &rest))
        words[count++] = line;
    const struct options *options = options_parse(count, words, &invocation);
    (void)spec_parse(options->config, options->bundle, &invocation);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*read)(const char *path);
    } kinds[] = {
        {"config", read_config},       {"process", read_process},
        {"resources", read_resources}, {"seccomp", read_seccomp},
        {"state", read_state},         {"options", read_options},
    };
    for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (strcmp(argv[1], kinds[i].name) != 0)
            continue;
#ifdef __AFL_HAVE_MANUAL_CONTROL
        __AFL_INIT(); /* from here on once for each file */
#endif
        kinds[i].read(argv[2]);
        return 0;
    }
    fprintf(stderr, "usage: target KIND FILE\n");
    return 2;
}
