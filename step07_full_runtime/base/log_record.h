/*
 * log_record.h - a line of the log that engines read (--log FILE).
 */
#ifndef RUNG_LOG_RECORD_H
#define RUNG_LOG_RECORD_H

#include <stdbool.h>

/* Append "time=... level=error msg=..." or the same as JSON, as runc writes
 * it; is_ours: the reason is not the command's. Nobody is told if it fails. */
void log_record(int fd, bool is_json, const char *level, const char *text,
                bool is_ours);

#endif
