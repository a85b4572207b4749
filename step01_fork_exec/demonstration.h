/*
 * demonstration.h - the scenes that a demo plays when it is given no command.
 */
#ifndef DEMONSTRATION_H
#define DEMONSTRATION_H

#include <stdbool.h>
#include <stddef.h>

/* At the end of a script for the container's shell: the host looks while it
 * waits. It is not shown. */
#define THEN_WAIT "; echo ready; read _ || :"

enum {
    SIGHTS = 4,
};

/*
 * HOST is for the host's shell: it runs once the container has said "ready".
 * $PID is the container, $DEMO_PID its demo, $DEMO the program.
 */
struct scene {
    int chapter;
    int until; /* the last chapter in which this is so; 0: all */
    const char *shows;
    const char *arguments[12]; /* what to type after demo */
    const char *host;
    const char *sees[SIGHTS]; /* what the output must contain */
    const char *saw; /* what it meant, in a sentence */
    int status; /* what the exit status must be */
    bool depends; /* on what a machine may lack: status 125 leaves it out */
};

/* scenes.c: in the order of the chapters. */
extern const struct scene scenes[];
extern const size_t scene_count;
int newest_chapter(void);

/* Play the scenes of CHAPTER (0: of the newest). On a terminal wait for Enter
 * after each, if PAUSE. Returns EXIT_SUCCESS if all that they claim was
 * observed, EXIT_FAILURE if not. */
int demonstrate(int chapter, bool pause);

#endif
