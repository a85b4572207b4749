/*
 * defaults.h - the config.json of a container that nobody described.
 */
#ifndef RUNG_DEFAULTS_H
#define RUNG_DEFAULTS_H

#include <jansson.h>

/* What `run` starts from. */
json_t *default_config(void);
/* What `spec` writes: the example that runc and crun write, for tutorials and
 * tools that change it. */
json_t *example_config(void);

#endif
