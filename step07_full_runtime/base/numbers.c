/*
 * numbers.c - numbers and sizes as texts.
 *
 * What is after a number must never be passed over: "1x" is no 1. It grew out
 * of options.c in step05.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/numbers.h"

bool parse_u64(const char *text, uint64_t *value)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

bool parse_size(const char *text, int64_t *bytes)
{
    if (strcmp(text, "max") == 0 || strcmp(text, "-1") == 0) {
        *bytes = -1;
        return true;
    }
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno)
        return false;
    static const char UNITS[] = "kmgt";
    int shift = 0;
    if (*end) {
        const char *unit = strchr(UNITS, *end | 0x20);
        if (!unit || end[1])
            return false;
        shift = 10 * (int)(unit - UNITS + 1);
    }
    if (value > (uint64_t)INT64_MAX >> shift)
        return false;
    *bytes = (int64_t)(value << shift);
    return true;
}
