/*
 * safeguards.h - what --without=WORD leaves out, to show what it stops.
 */
#ifndef RUNG_SAFEGUARDS_H
#define RUNG_SAFEGUARDS_H

#include <stdbool.h>
#include <stddef.h>

/* False if the word is not one that we know. */
bool leave_out(const char *word);
/* True if --without=WORD was given. A word that is not in the list aborts. */
bool without(const char *word);
/* For --help: word and explanation number i, or false after the last. */
bool safeguard(size_t i, const char **word, const char **meaning);

#endif
