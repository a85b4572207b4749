/*
 * numbers.h - numbers and sizes as texts: false unless the whole text is one.
 */
#ifndef RUNG_NUMBERS_H
#define RUNG_NUMBERS_H

#include <stdbool.h>
#include <stdint.h>

bool parse_u64(const char *text, uint64_t *value);
/* "50M", "1G", "4096", "max" or "-1" (unlimited: -1). */
bool parse_size(const char *text, int64_t *bytes);

#endif
