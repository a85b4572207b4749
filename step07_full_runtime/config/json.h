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

#include "base/memory.h"
#include "base/report.h"

struct field {
    const json_t *json; /* NULL: config.json does not have it */
    const struct field *parent;
    const char *name; /* NULL: an item of an array */
    size_t index;
};

/* The parent must outlive the field: both are locals of the reader, or what is
 * called in one line. */
struct field member(const struct field *parent, const char *name);
struct field item(const struct field *array, size_t index);

/* "rung: config.json: PATH: what is wrong (line 41)", exit status 125. */
_Noreturn void refuse(struct field f, const char *format, ...) PRINTF(2, 3);
/* The same line, and life goes on; up to 20 times. */
void complain(struct field f, const char *format, ...) PRINTF(2, 3);

/* Ends the program if the field is missing. */
void require(struct field f);
/* A member that has to be there. */
struct field required(const struct field *parent, const char *name);

/* Words that config.json may use, and what each stands for. */
struct word {
    const char *text;
    uint64_t value;
};

struct vocabulary {
    const char *kind; /* for errors: "limit" */
    const struct word *words;
    size_t count;
};
#define VOCABULARY(kind, words) \
    { \
        kind, words, ARRAY_SIZE(words) \
    }

/* What the field holds, or the default if it is missing. null is missing, as
 * it is for runc and crun. */
bool get_bool(struct field f, bool otherwise);
int64_t get_integer(struct field f, int64_t min, int64_t max,
                    int64_t otherwise);
char *get_string(struct field f); /* NULL if missing; never empty */
char *get_text(struct field f); /* NULL if missing; may be empty */
/* NULL if it is missing or "", by which some say that they want none. */
char *get_filled(struct field f);
size_t get_size(struct field f); /* of an array; 0 if missing */
char **get_strings(struct field f); /* NULL-terminated, never NULL */
char *get_path(struct field f); /* absolute; NULL if missing */
char **get_paths(struct field f);
void free_strings(char ***strings);
/* A word's value; an unknown one is refused. */
uint64_t get_word(struct field f, const struct vocabulary *v,
                  uint64_t otherwise);
/* An array of words: all their values, or-ed. */
uint64_t get_words(struct field f, const struct vocabulary *v);
/* An annotation, whose value is "true" or "false" as a string. */
bool get_note(struct field f);
/* CPUs or memory nodes: "0-3,7"; NULL if missing or empty. */
char *get_ranges(struct field f);
/* How many members an object has; 0 if it is missing. */
size_t get_count(struct field f);
/* One after the other; *at is NULL to begin with. False after the last. */
bool next_member(const struct field *f, void **at, struct field *each);

/* --- json_text.c --- */
/* NULL and the error (its text says where) if the file cannot be read, or is
 * not JSON. Numbers over INT64_MAX have become negative ones of the same 64
 * bits. is_config: this is the file whose lines errors are to name. */
json_t *load_json(const char *path, bool is_config, json_error_t *error);

/* The line where the field is, or, if it is missing, where the object starts
 * that lacks it. 0: the field is not as in the file; a flag made it so. */
size_t line_of(struct field f);

#endif
