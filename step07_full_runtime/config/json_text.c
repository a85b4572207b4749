/*
 * json_text.c - config.json as text: what jansson does not keep of it.
 *
 * An error names the line of a field; jansson forgets lines, so the text is
 * kept, and searched again when there is an error to report. And numbers up
 * to 2^64 - 1 must come through. It must not know what any field means. New
 * in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "config/json.h"

static char *config_text; /* NULL: nobody gave a config.json */

/* The text is JSON as jansson takes it, so these need not check much. */
static const char *skip_space(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

static const char *skip_string(const char *p)
{
    for (p++; *p && *p != '"'; p++)
        p += *p == '\\' && p[1];
    return *p ? p + 1 : p;
}

static const char *skip_value(const char *p)
{
    int depth = 0;
    do {
        if (*p == '"') {
            p = skip_string(p);
            continue;
        }
        depth += *p == '{' || *p == '[';
        depth -= *p == '}' || *p == ']';
        p++;
    } while (*p && (depth > 0 || !strchr(",]} \t\r\n", *p)));
    return p;
}

/* The value that starts there, as jansson sees it. NULL if it sees none. */
static json_t *value_at(const char *p)
{
    return json_loads(p, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, NULL);
}

static bool is_named(const char *key, const char *name)
{
    json_t *text = value_at(key);
    bool same = text && strcmp(json_string_value(text), name) == 0;
    json_decref(text);
    return same;
}

static bool is_same(const char *p, const json_t *json)
{
    json_t *there = value_at(p);
    bool same = json_equal(there, json);
    json_decref(there);
    return same;
}

/* p is where the object or array begins that f is in. */
static const char *find_in(const char *p, const struct field *f)
{
    if (*p != (f->name ? '{' : '['))
        return NULL;
    p = skip_space(p + 1);
    for (size_t i = 0; *p && *p != '}' && *p != ']'; i++) {
        const char *value = p;
        if (f->name)
            value = skip_space(skip_space(skip_string(p)) + 1);
        if (f->name ? is_named(p, f->name) : i == f->index)
            return value;
        p = skip_space(skip_value(value));
        p = *p == ',' ? skip_space(p + 1) : p;
    }
    return NULL;
}

static const char *find(const struct field *f)
{
    if (!f->parent)
        return skip_space(config_text);
    const char *p = find(f->parent);
    return p ? find_in(p, f) : NULL;
}

size_t line_of(struct field f)
{
    const char *at = config_text ? find(&f) : NULL;
    if (!config_text || (f.json && (!at || !is_same(at, f.json))))
        return 0;
    for (const struct field *in = f.parent; !at && in; in = in->parent)
        at = find(in);
    size_t line = 1;
    for (const char *p = config_text; p < at; p++)
        line += *p == '\n';
    return line;
}

/*
 * jansson's numbers have a sign, so the largest ones of the specification,
 * like 18446744073709551615 for "no limit", do not fit. Here they get one: -1
 * has the same 64 bits. Lines stay as they are.
 */
static char *sign_large_numbers(const char *p)
{
    char *result = NULL;
    size_t size;
    FILE *out = open_memstream(&result, &size);
    if (!out)
        die("allocate memory");
    while (*p) {
        const char *end = p + strspn(p, "0123456789+-.eE");
        char number[24];
        uint64_t value;
        if (end == p)
            end = *p == '"' ? skip_string(p) : p + 1;
        snprintf(number, sizeof(number), "%.*s", (int)(end - p), p);
        if (parse_u64(number, &value) && value > INT64_MAX)
            fprintf(out, "%" PRId64, (int64_t)value);
        else
            fwrite(p, 1, (size_t)(end - p), out);
        p = end;
    }
    if (fclose(out) != 0 || !result)
        die("allocate memory");
    return result;
}

json_t *load_json(const char *path, bool is_config, json_error_t *error)
{
    /* Of two members with one name runc takes the last. But then what an
     * engine checked need not be what we do: so there may not be two. */
    const size_t flags = JSON_REJECT_DUPLICATES;
    char *text = read_file_at(AT_FDCWD, path);
    if (!text) {
        snprintf(error->text, sizeof(error->text), "%s",
                 errno == EILSEQ ? "has a zero byte" : strerror(errno));
        return NULL;
    }
    if (!*text) {
        free(text);
        snprintf(error->text, sizeof(error->text), "is empty");
        return NULL;
    }
    json_t *json = json_loads(text, flags, error);
    if (!json && json_error_code(error) == json_error_numeric_overflow) {
        CLEANUP(free_string) char *before = text;
        text = sign_large_numbers(before);
        json = json_loads(text, flags, error);
    }
    if (!json) {
        size_t length = strlen(error->text);
        snprintf(error->text + length, sizeof(error->text) - length,
                 " (line %d, column %d)", error->line, error->column);
    }
    if (is_config)
        config_text = text;
    else
        free(text);
    return json;
}
