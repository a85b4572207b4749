/*
 * spec_parts.h - the pieces that spec.c puts together. For spec*.c alone.
 */
#ifndef RUNG_SPEC_PARTS_H
#define RUNG_SPEC_PARTS_H

#include "json.h"
#include "spec.h"

/* spec_process.c: the object "process" */
void read_process(struct spec *spec, const struct field *process);
/* spec_mounts.c: the array "mounts" */
void read_mounts(struct spec *spec, const struct field *mounts);
/* "private", "rslave"...: MS_PRIVATE, MS_SLAVE | MS_REC...; 0: unknown */
unsigned long propagation_flags(const char *name);
/* spec_linux.c: the object "linux", without "resources" */
void read_linux(struct spec *spec, const struct field *object);
/* spec_resources.c: the object "linux.resources" */
void read_resources(struct spec *spec, const struct field *resources);

#endif
