/*
 * json.h - walk through config.json and never lose the way.
 *
 * A field knows its parent, so an error can say where it is:
 * "process.rlimits[2].type". The path is put together only when it is needed.
 * Every function here checks the type, and ends the program if it is wrong.
 */
#ifndef RUNG_JSON_H
#define RUNG_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

struct field {
    const json_t *json; /* NULL: config.json does not have it */
    const struct field *parent;
    const char *name; /* NULL: an item of an array */
    size_t index;
};

/* The parent must outlive the field: both are locals of the reader. */
struct field member(const struct field *parent, const char *name);
struct field item(const struct field *array, size_t index);

/* "rung: config.json: PATH: what is wrong", exit status 125. */
_Noreturn void refuse(const struct field *f, const char *format, ...)
    PRINTF(2, 3);
/* The same line, and life goes on. */
void complain(const struct field *f, const char *format, ...) PRINTF(2, 3);

/* Ends the program if the field is missing. */
void require(const struct field *f);

/* What the field holds, or the default if it is missing. */
bool get_bool(const struct field *f, bool otherwise);
int64_t get_integer(const struct field *f, int64_t min, int64_t max,
                    int64_t otherwise);
char *get_string(const struct field *f); /* NULL if missing; never empty */
char *get_text(const struct field *f); /* NULL if missing; may be empty */
size_t get_size(const struct field *f); /* of an array; 0 if missing */
char **get_strings(const struct field *f); /* NULL-terminated, never NULL */
void free_strings(char ***strings);

#endif
