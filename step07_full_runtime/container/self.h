/*
 * self.h - our own program file, out of the container's reach.
 */
#ifndef RUNG_SELF_H
#define RUNG_SELF_H

/* Go on as the same program from a file that cannot be written. Returns if
 * that is so already. */
void self_protect(char **argv);

#endif
