/*
 * demonstration.h - the scenes that a demo plays when it is given no command.
 */
#ifndef DEMONSTRATION_H
#define DEMONSTRATION_H

#include <stddef.h>

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
    const char *sees[4]; /* what the output must contain */
    int status; /* what the exit status must be */
};

/* scenes.c: in the order of the chapters. */
extern const struct scene scenes[];
extern const size_t scene_count;
int newest_chapter(void);

/* Play the scenes of CHAPTER (0: of the newest). Returns EXIT_SUCCESS if all
 * that they claim was observed, EXIT_FAILURE if not. */
int demonstrate(int chapter);

#endif
