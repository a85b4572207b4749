/*
 * capabilities.c - the pieces that root's power is divided into.
 *
 * It sets all five sets of capabilities(7) to what the spec says, and must
 * never leave one as it was: an inheritable set that stays comes back with the
 * next file that has capabilities. It makes the system calls itself: libcap's
 * functions pass over the numbers that libcap does not know. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "base/report.h"
#include "base/safeguards.h"
#include "process/capabilities.h"

enum {
    SET_BITS = 64, /* capget(2) and capset(2) have room for so many */
};

static bool has(uint64_t set, int capability)
{
    return set >> capability & 1;
}

/* What we have ourselves: nobody can give more. */
static uint64_t grantable;

void capabilities_check(const struct spec *spec)
{
    if (without("capabilities"))
        return;
    const struct capability_sets *s = &spec->process.capabilities;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    if (capget(&header, data) == -1)
        die("read our own capabilities");
    grantable = data[0].permitted | (uint64_t)data[1].permitted << 32;
    uint64_t lacking = (s->bounding | s->permitted | s->effective |
                        s->inheritable | s->ambient) &
                       ~grantable;
    for (int i = 0; i < SET_BITS; i++) {
        char *name = has(lacking, i) ? cap_to_name(i) : NULL;
        if (name)
            warn("config.json: process.capabilities: %s cannot be given: we "
                 "do not have it",
                 name);
        cap_free(name);
    }
}

/*
 * The bounding set is a ceiling: what is not in it, no program can gain, not
 * even one that is set-user-ID root.
 */
void capabilities_drop_bounding(const struct spec *spec)
{
    if (without("capabilities"))
        return;
    narrate(7, "prctl(PR_CAPBSET_DROP, ...) # capsh --drop=... --");
    for (int i = 0; i < SET_BITS; i++) {
        if (has(spec->process.capabilities.bounding, i) ||
            prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0)
            continue;
        if (errno != EINVAL)
            die("drop capability %d", i);
        /* This kernel has no such capability, and none after it. (What libcap
         * thinks to be the last one is a guess where its own look has failed.)
         */
        if (i > CAP_LAST_CAP)
            break;
    }
}

static struct __user_cap_data_struct half(const struct capability_sets *sets,
                                          int shift)
{
    return (struct __user_cap_data_struct){
        .permitted = (uint32_t)((sets->permitted & grantable) >> shift),
        .effective = (uint32_t)((sets->effective & grantable) >> shift),
        .inheritable = (uint32_t)((sets->inheritable & grantable) >> shift),
    };
}

/*
 * permitted: what the process may use; effective: what it uses now;
 * inheritable and ambient: what goes on to a program of an ordinary user.
 */
void capabilities_set(const struct spec *spec)
{
    if (without("capabilities"))
        return;
    const struct capability_sets *sets = &spec->process.capabilities;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {half(sets, 0), half(sets, 32)};
    narrate(7, "capset() # capsh --caps=... --");
    if (capset(&header, data) == -1)
        die("set the capabilities (does the caller have them all?)");
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1)
        die("empty the ambient capabilities");
    for (int i = 0; i < SET_BITS; i++) {
        if (has(sets->ambient & grantable, i) &&
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) == -1)
            die("set the ambient capability %d", i);
    }
}
