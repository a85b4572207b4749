/*
 * capabilities.c - the pieces that root's power is divided into.
 *
 * It sets all five sets of capabilities(7) to what the spec says, and must
 * never leave one as it was: an inheritable set that stays comes back with the
 * next file that has capabilities. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "capabilities.h"
#include "util.h"

static bool has(uint64_t set, int capability)
{
    return set >> capability & 1;
}

/* What we have ourselves: nobody can give more. */
static uint64_t grantable;

static void find_grantable(const struct capability_sets *s)
{
    cap_t caps = cap_get_proc();
    if (!caps)
        die("read our own capabilities");
    for (int i = 0; i < cap_max_bits(); i++) {
        cap_flag_value_t value = CAP_CLEAR;
        if (cap_get_flag(caps, i, CAP_PERMITTED, &value) == 0 &&
            value == CAP_SET)
            grantable |= UINT64_C(1) << i;
    }
    cap_free(caps);
    uint64_t lacking = (s->bounding | s->permitted | s->effective |
                        s->inheritable | s->ambient) &
                       ~grantable;
    for (int i = 0; lacking >> i; i++) {
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
    find_grantable(&spec->process.capabilities);
    narrate(7, "prctl(PR_CAPBSET_DROP, ...) # capsh --drop=... --");
    for (int i = 0; i < cap_max_bits(); i++) {
        if (has(spec->process.capabilities.bounding, i))
            continue;
        if (cap_drop_bound(i) == -1)
            die("drop capability %d", i);
    }
}

static void add(cap_t caps, cap_flag_t flag, uint64_t set)
{
    cap_value_t values[64];
    int count = 0;
    for (int i = 0; i < cap_max_bits(); i++) {
        if (has(set & grantable, i))
            values[count++] = i;
    }
    if (count && cap_set_flag(caps, flag, count, values, CAP_SET) == -1)
        die("put capabilities into a set");
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
    cap_t caps = cap_init();
    if (!caps)
        die("allocate capabilities");
    add(caps, CAP_PERMITTED, sets->permitted);
    add(caps, CAP_EFFECTIVE, sets->effective);
    add(caps, CAP_INHERITABLE, sets->inheritable);
    narrate(7, "capset() # capsh --caps=... --");
    if (cap_set_proc(caps) == -1)
        die("set the capabilities (does the caller have them all?)");
    cap_free(caps);

    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1)
        die("empty the ambient capabilities");
    for (int i = 0; i < cap_max_bits(); i++) {
        if (has(sets->ambient & grantable, i) &&
            cap_set_ambient(i, CAP_SET) == -1)
            die("set the ambient capability %d", i);
    }
}
