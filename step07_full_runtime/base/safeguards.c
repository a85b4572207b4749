/*
 * safeguards.c - the list behind --without=WORD.
 *
 * Each word names one thing that protects the host or the other containers.
 * Left out, a famous bug comes back; so the reader can see what it is good
 * for, and the tests can show that they would notice. Nothing else in the
 * program may weaken a container. It grew out of --without in step04.
 */
#define _GNU_SOURCE

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/safeguards.h"

static const struct {
    const char *word;
    const char *meaning;
} SAFEGUARDS[] = {
    {"private", "our mounts spread to the host's (here: a copy of it)"},
    {"pivot", "chroot in place of pivot_root: root can climb out"},
    {"swap-limit", "memory over the limit goes to swap, nothing is killed"},
    {"handshake", "the command starts before its network is there"},
    {"setgroups-deny", "gid_map of an ordinary user is refused"},
    {"no-new-privs", "set-user-ID programs give privileges again"},
    {"seccomp", "every system call may be made"},
    {"capabilities", "root keeps all the capabilities we have"},
    {"groups", "the caller's supplementary groups stay"},
    {"masked-paths", "/proc/kcore and the like can be read"},
    {"read-only-paths", "/proc/sys and the like can be written"},
    {"read-only-sys", "/sys can be written"},
    {"close-fds", "the caller's open files reach the command"},
    {"resolve-in-root", "links in the image lead mounts to the host"},
    {"own-binary", "the container can overwrite this program"},
    {"dumpable", "the container can look into us while we start it"},
    {"keyring", "the caller's session keyring is shared"},
    {"death-signal", "the container outlives us when we are killed"},
};

static bool left_out[ARRAY_SIZE(SAFEGUARDS)];

bool leave_out(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(SAFEGUARDS); i++) {
        if (strcmp(SAFEGUARDS[i].word, word) == 0) {
            left_out[i] = true;
            return true;
        }
    }
    return false;
}

bool without(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(SAFEGUARDS); i++) {
        if (strcmp(SAFEGUARDS[i].word, word) == 0)
            return left_out[i];
    }
    fprintf(stderr, "no such safeguard: %s\n", word);
    abort();
}

bool safeguard(size_t i, const char **word, const char **meaning)
{
    if (i >= ARRAY_SIZE(SAFEGUARDS))
        return false;
    *word = SAFEGUARDS[i].word;
    *meaning = SAFEGUARDS[i].meaning;
    return true;
}
