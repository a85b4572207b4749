/*
 * log_record.c - a line of the log that engines read (--log FILE).
 *
 * It must be one write(2), so that two processes' lines do not mix, and must
 * need no memory: it may have to say that there is none. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log_record.h"

enum {
    RECORD_SIZE = 8192, /* the time, and a line with its characters escaped */
};

/* What may stand between the quotes of a JSON string. */
static size_t escape(char *out, size_t space, const char *text)
{
    size_t n = 0;
    for (; *text && n + 7 < space; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            out[n++] = '\\';
        if (byte < 0x20)
            n += (size_t)sprintf(out + n, "\\u%04x", byte);
        else
            out[n++] = *text;
    }
    out[n] = '\0';
    return n;
}

/*
 * Engines look for the kernel's words in the log, and tell their user that the
 * command was not found (127) or may not be executed (126). So where it is not
 * the command that is missing, others say the same.
 */
static const struct {
    int error;
    const char *words;
} REASONS[] = {
    {ENOENT, "it is missing"},
    {ENOTDIR, "part of the path is no directory"},
    {EACCES, "access is denied"},
    {EPERM, "not allowed"},
};

/* What to say for the words that the text starts with, and their length. */
static const char *other_words(const char *text, size_t *length)
{
    for (size_t i = 0; i < sizeof(REASONS) / sizeof(*REASONS); i++) {
        const char *words = strerror(REASONS[i].error);
        *length = strlen(words);
        if (strncmp(text, words, *length) == 0)
            return REASONS[i].words;
    }
    return NULL;
}

static void reword(char *out, size_t space, const char *text)
{
    char *end = out + space - 1;
    while (*text && out < end) {
        size_t length;
        const char *words = other_words(text, &length);
        if (words) {
            text += length;
            while (*words && out < end)
                *out++ = *words++;
        } else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

void log_record(int fd, bool is_json, const char *level, const char *text,
                bool is_ours)
{
    char line[RECORD_SIZE];
    char other[RECORD_SIZE];
    char now[TIME_SIZE];
    print_time(now, time(NULL));
    if (is_ours)
        reword(other, sizeof(other), text);
    int n = is_json ? sprintf(line, "{\"level\":\"%s\",\"msg\":\"", level)
                    : sprintf(line, "time=\"%s\" level=%s msg=\"", now, level);
    n += (int)escape(line + n, sizeof(line) - (size_t)n - 80,
                     is_ours ? other : text);
    n += is_json ? sprintf(line + n, "\",\"time\":\"%s\"}\n", now)
                 : sprintf(line + n, "\"\n");
    ssize_t ignored = write(fd, line, (size_t)n);
    (void)ignored;
}
