/*
 * json.c - walk through config.json and never lose the way.
 *
 * It knows JSON's types and the path of each field, and must not know what
 * any field means. New in step07.
 */
#define _GNU_SOURCE

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "config/json.h"

struct field member(const struct field *parent, const char *name)
{
    if (parent->json && !json_is_object(parent->json))
        refuse(*parent, "not an object");
    const json_t *json = json_object_get(parent->json, name);
    return (struct field){
        .json = json_is_null(json) ? NULL : json,
        .parent = parent,
        .name = name,
    };
}

struct field item(const struct field *array, size_t index)
{
    return (struct field){
        .json = json_array_get(array->json, index),
        .parent = array,
        .index = index,
    };
}

static char *path_of(const struct field *f)
{
    if (!f->parent)
        return copy_string("");
    CLEANUP(free_string) char *above = path_of(f->parent);
    if (!f->name)
        return print_string("%s[%zu]", above, f->index);
    return print_string("%s%s%s", above, f->parent->parent ? "." : "", f->name);
}

static char *describe(struct field f, const char *format, va_list values)
{
    char what[1024];
    vsnprintf(what, sizeof(what), format, values);
    CLEANUP(free_string) char *path = path_of(&f);
    size_t line = line_of(f);
    if (line == 0)
        return print_string("%s: %s", path, what);
    return print_string("%s: %s (line %zu)", path, what, line);
}

void refuse(struct field f, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    fail("config.json: %s", describe(f, format, values));
}

void complain(struct field f, const char *format, ...)
{
    static int complaints;
    const int enough = 20; /* for a reader; and each takes time to find */
    if (++complaints > enough) {
        if (complaints == enough + 1)
            warn("config.json: there is more of that kind");
        return;
    }
    va_list values;
    va_start(values, format);
    CLEANUP(free_string) char *text = describe(f, format, values);
    va_end(values);
    warn("config.json: %s", text);
}

void require(struct field f)
{
    if (!f.json)
        refuse(f, "missing");
}

struct field required(const struct field *parent, const char *name)
{
    struct field f = member(parent, name);
    require(f);
    return f;
}

bool get_bool(struct field f, bool otherwise)
{
    if (!f.json)
        return otherwise;
    if (!json_is_boolean(f.json))
        refuse(f, "not true or false");
    return json_is_true(f.json);
}

int64_t get_integer(struct field f, int64_t min, int64_t max, int64_t otherwise)
{
    if (!f.json)
        return otherwise;
    if (!json_is_integer(f.json))
        refuse(f, "not an integer");
    int64_t value = json_integer_value(f.json);
    if (value < min || value > max)
        refuse(f, "%" PRId64 " is not between %" PRId64 " and %" PRId64, value,
               min, max);
    return value;
}

char *get_text(struct field f)
{
    if (!f.json)
        return NULL;
    if (!json_is_string(f.json))
        refuse(f, "not a string");
    const char *text = json_string_value(f.json);
    if (strlen(text) != json_string_length(f.json))
        refuse(f, "has a zero byte");
    return copy_string(text);
}

char *get_string(struct field f)
{
    char *text = get_text(f);
    if (text && *text == '\0')
        refuse(f, "empty");
    return text;
}

char *get_filled(struct field f)
{
    char *text = get_text(f);
    if (text && *text)
        return text;
    free(text);
    return NULL;
}

size_t get_size(struct field f)
{
    if (!f.json)
        return 0;
    if (!json_is_array(f.json))
        refuse(f, "not an array");
    return json_array_size(f.json);
}

char *get_path(struct field f)
{
    char *path = get_string(f);
    if (path && path[0] != '/')
        refuse(f, "\"%s\" is not an absolute path", path);
    return path;
}

static char **get_each(struct field f, char *(*get)(struct field))
{
    size_t count = get_size(f);
    char **texts = allocate(count + 1, sizeof(*texts));
    for (size_t i = 0; i < count; i++)
        texts[i] = get(item(&f, i));
    return texts;
}

char **get_paths(struct field f)
{
    return get_each(f, get_path);
}

char **get_strings(struct field f)
{
    return get_each(f, get_text);
}

void free_strings(char ***strings)
{
    for (char **string = *strings; *string; string++)
        free(*string);
    free(*strings);
}

uint64_t get_word(struct field f, const struct vocabulary *v,
                  uint64_t otherwise)
{
    CLEANUP(free_string) char *text = get_string(f);
    if (!text)
        return otherwise;
    for (size_t i = 0; i < v->count; i++) {
        if (strcmp(v->words[i].text, text) == 0)
            return v->words[i].value;
    }
    refuse(f, "unknown %s \"%s\"", v->kind, text);
}

uint64_t get_words(struct field f, const struct vocabulary *v)
{
    uint64_t values = 0;
    for (size_t i = 0; i < get_size(f); i++)
        values |= get_word(item(&f, i), v, 0);

    return values;
}

char *get_ranges(struct field f)
{
    char *text = get_filled(f);
    CLEANUP(free_string) char *copy = copy_string(text ? text : "");
    for (char *rest = copy, *range; *copy && (range = strsep(&rest, ","));) {
        const char *first = strsep(&range, "-");
        uint64_t low;
        uint64_t high;
        if (!parse_u64(first, &low) ||
            !parse_u64(range ? range : first, &high) || low > high ||
            high > 32767)
            refuse(f, "\"%s\" is not a list like 0-3,7", text);
    }
    return text;
}

size_t get_count(struct field f)
{
    if (f.json && !json_is_object(f.json))
        refuse(f, "not an object");
    return json_object_size(f.json);
}

bool next_member(const struct field *f, void **at, struct field *each)
{
    /* jansson takes no "const" here, because it could change what it finds. */
    json_t *object = get_count(*f) ? (json_t *)f->json : NULL;
    *at = *at ? json_object_iter_next(object, *at) : json_object_iter(object);
    if (!*at)
        return false;
    *each = member(f, json_object_iter_key(*at));
    return true;
}

bool get_note(struct field f)
{
    static const struct word WORDS[] = {{"true", true}, {"false", false}};
    static const struct vocabulary TRUTH = VOCABULARY("value", WORDS);
    return get_word(f, &TRUTH, false);
}
