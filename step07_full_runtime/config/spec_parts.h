/*
 * spec_parts.h - the pieces that spec.c puts together. For spec*.c alone.
 */
#ifndef RUNG_SPEC_PARTS_H
#define RUNG_SPEC_PARTS_H

#include <stdbool.h>

#include "config/json.h"
#include "config/spec.h"

/* --- spec_process.c --- */
/* The object "process" */
void read_process(struct spec *spec, struct field process);

/* --- spec_mounts.c --- */
/* The array "mounts"; after read_linux, for its namespaces */
void read_mounts(struct spec *spec, struct field mounts);
/* "private", "rslave"...: MS_PRIVATE, MS_SLAVE | MS_REC...; 0: unknown */
unsigned long propagation_flags(const char *name);

/* --- spec_hooks.c --- */
/* The object "hooks", and the annotations about their output */
void read_hooks(struct spec *spec, struct field object,
                struct field annotations);

/* --- spec_linux.c --- */
/* The object "linux", but for what follows */
void read_linux(struct spec *spec, struct field object);

/* --- spec_resources.c --- */
/* The object "linux.resources" */
void read_resources(struct spec *spec, struct field resources);

/* --- spec_devices.c --- */
/* "linux.resources.devices" */
void read_device_rules(struct resources *r, struct field rules);

/* --- spec_namespaces.c --- */
/* "linux.namespaces", the maps, clocks and "sysctl" */
void read_namespaces(struct spec *spec, struct field object);
/* Lines of uid_map or gid_map, for a namespace or a mount. */
void read_id_maps(struct id_maps *maps, struct field list);
/* What would change the host, if it is not in a namespace of its own. */
void check_namespaces(const struct spec *spec, struct field top);

/* --- spec_network.c --- */
/* The annotations io.rung.ip, bridge, nat */
void read_network(struct spec *spec, struct field annotations);
void read_net_devices(struct spec *spec, struct field object);

#endif
