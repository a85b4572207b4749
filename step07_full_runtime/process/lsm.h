/*
 * lsm.h - profiles of AppArmor, labels of SELinux.
 */
#ifndef RUNG_LSM_H
#define RUNG_LSM_H

#include "config/spec.h"

/* In the parent: refuse what this kernel does not have. No side effect. */
void lsm_check(const struct spec *spec);
/* In the child, while /proc is the host's: keep a way to it. */
void lsm_open(const struct spec *spec);
/* In the child, after the last hook: the next execve(2) changes the profile or
 * label. */
void lsm_apply(const struct spec *spec);

#endif
