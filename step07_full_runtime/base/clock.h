/*
 * clock.h - what time it is.
 */
#ifndef RUNG_CLOCK_H
#define RUNG_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds, from some moment on; nobody can set this clock: CLOCK_MONOTONIC
 * in clock_gettime(2). */
int64_t now_ms(void);

/* "2026-01-31T12:00:00Z": RFC 3339. */
enum {
    TIME_SIZE = 40
};
void print_time(char text[TIME_SIZE], time_t when);

#endif
