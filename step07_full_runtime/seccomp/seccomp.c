/*
 * seccomp.c - which system calls the command may make: seccomp(2).
 *
 * A list of names and conditions, from config.json or our own, becomes a
 * program that the kernel runs at each system call. It must never let a call
 * through because a rule could not be expressed, and never leave another
 * architecture's calls unfiltered. New in step07; its parts:
 *
 *   profile.c  what config.json says
 *   default.c  what holds when it says nothing
 *   rules.c    names become numbers
 *   program.c  rules become a program
 *   notify.c   calls that another program is to judge
 */
#define _GNU_SOURCE

#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/report.h"
#include "base/safeguards.h"
#include "seccomp/parts.h"
#include "seccomp/seccomp.h"

struct filter *seccomp_prepare(const struct spec *spec)
{
    if (!spec->seccomp.wanted || without("seccomp"))
        return NULL;
    struct filter *f = allocate(1, sizeof(*f));
    seccomp_add_architecture(f, seccomp_arch_native());
    if (spec->seccomp.profile)
        seccomp_read_profile(f, spec->seccomp.profile);
    else
        seccomp_make_default(f, spec->process.capabilities.bounding);
    seccomp_assemble(f);
    if (seccomp_forbids(f, SYS_execve))
        fail("config.json: linux.seccomp: it forbids execve(2), so no command "
             "could start");
    narrate(7, "the filter of system calls has %u instructions",
            f->program.len);
    return f;
}

void seccomp_apply(struct filter *f)
{
    if (!f)
        return;
    narrate(7, "seccomp(SET_MODE_FILTER) # systemd-run -p "
               "SystemCallFilter=... ...");
    long result;
    if (f->notifies)
        result = seccomp_load_with_listener(f);
    else
        result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                         f->flags & ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                         &f->program);
    if (result == -1)
        die("load the filter of system calls (does the kernel know its "
            "flags?)");
}
