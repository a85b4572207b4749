/*
 * devices.h - who may open which device: a small eBPF program.
 *
 * cgroup v2 has no devices.allow file. The kernel asks a program instead, at
 * every open(2) and mknod(2) of a device by a process of the cgroup. We
 * translate the rules of config.json to such a program and hand it over with
 * bpf(2). Never: lets a rule it cannot express pass. New in step07.
 */
#ifndef RUNG_DEVICES_H
#define RUNG_DEVICES_H

#include "config/spec.h"

/*
 * Attach the filter to the cgroup. With cgroup_fd -1, or when rootless, there
 * is nothing to attach to: then the kernel's own rule must do, which is that
 * without CAP_MKNOD on the host nobody can make a device node.
 */
void devices_attach(int cgroup_fd, const struct spec *spec);
/* Other rules for a container that runs, in one step: bpf(2), BPF_F_REPLACE. */
void devices_replace(int cgroup_fd, const struct spec *spec);

#endif
