/*
 * clock.c - what time it is. New in step07.
 */
#define _GNU_SOURCE

#include "base/clock.h"

int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* every kernel has it */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void print_time(char text[TIME_SIZE], time_t when)
{
    struct tm tm;
    strftime(text, TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&when, &tm));
}
