/*
 * personality.c - what kind of machine the command sees: personality(2).
 *
 * A 32-bit program asks uname(2) and is to hear of a 32-bit machine. It is
 * inherited, and kept over execve(2). New in step07.
 */
#define _GNU_SOURCE

#include <sys/personality.h>

#include "base/report.h"
#include "process/process.h"

void process_personality(const struct spec *spec)
{
    if (!spec->has_personality)
        return;
    narrate(7, "personality(%#lx) # setarch ...", spec->personality);
    if (personality(spec->personality) == -1)
        die("set the personality");
}
