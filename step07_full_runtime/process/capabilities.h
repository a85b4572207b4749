/*
 * capabilities.h - the pieces that root's power is divided into.
 */
#ifndef RUNG_CAPABILITIES_H
#define RUNG_CAPABILITIES_H

#include "config/spec.h"

/* What of it can we give? Warns of the rest. Before the other two. */
void capabilities_check(const struct spec *spec);
/* Lower the bounding set: needs CAP_SETPCAP, so it comes before the ids. */
void capabilities_drop_bounding(const struct spec *spec);
/* Set the other four, after setuid(2). */
void capabilities_set(const struct spec *spec);

#endif
