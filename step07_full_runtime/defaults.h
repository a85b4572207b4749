/*
 * defaults.h - the config.json of a container that nobody described.
 */
#ifndef RUNG_DEFAULTS_H
#define RUNG_DEFAULTS_H

#include <jansson.h>

json_t *default_config(void);

#endif
