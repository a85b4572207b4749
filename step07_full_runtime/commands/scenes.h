/*
 * scenes.h - what the demonstration shows.
 */
#ifndef RUNG_SCENES_H
#define RUNG_SCENES_H

#include <stdbool.h>
#include <stddef.h>

enum {
    WORDS_MAX = 24,
    SIGHTS_MAX = 5,
};

/* At the end of a script for the container's shell: the host looks while it
 * waits. It is not shown. */
#define THEN_WAIT "; echo ready; read _ || :"

struct scene {
    const char *shows;
    const char *words[WORDS_MAX]; /* what to type after the program's name */
    /* For the host's shell, once the container has said "ready": $PID is its
     * process 1, $DEMO the program. */
    const char *host;
    const char *sees[SIGHTS_MAX]; /* what the output must contain */
    const char *saw; /* what it meant, in a sentence */
    bool as_user; /* not as root, but as who called sudo */
    bool depends; /* on what a host may lack: left out if it says so (125) */
};

/* In the order in which they are played; the last one has nothing to show. */
extern const struct scene SCENES[];

#endif
