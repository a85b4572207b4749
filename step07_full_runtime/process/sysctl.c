/*
 * sysctl.c - the kernel's settings that a namespace holds: sysctl(8).
 *
 * config/spec_namespaces.c has refused all others: they would be the host's.
 * New in step07.
 */
#define _GNU_SOURCE

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "process/process.h"

void process_sysctls(const struct spec *spec)
{
    if (!spec->sysctl_count)
        return;
    CLEANUP(close_fd) int fd = open_procfs();
    for (size_t i = 0; i < spec->sysctl_count; i++) {
        const struct sysctl_setting *s = &spec->sysctls[i];
        CLEANUP(free_string) char *path = print_string("sys/%s", s->path);
        if (write_file_at(fd, path, s->value) == -1)
            die("write the kernel setting %s", s->path);
    }
}
