/*
 * seccomp.c - which system calls the command may make: seccomp(2).
 *
 * libseccomp turns a list of names into a program for the kernel's filter
 * machine. It must never let a call through because a rule could not be
 * expressed, and never leave another architecture's calls unfiltered. New in
 * step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "seccomp.h"
#include "util.h"

static scmp_filter_ctx filter;

static void check(int result, const char *what)
{
    if (result >= 0)
        return;
    errno = -result;
    die("seccomp: %s", what);
}

/* A call that this machine does not have needs no rule. */
static void add_rule(uint32_t action, const char *name, unsigned int count,
                     const struct scmp_arg_cmp *conditions)
{
    int number = seccomp_syscall_resolve_name(name);
    if (number != __NR_SCMP_ERROR)
        check(seccomp_rule_add_array(filter, action, number, count, conditions),
              name);
}

static void add_rules(uint32_t action, const char *names)
{
    CLEANUP(free_string) char *copy = copy_string(names);
    for (char *rest = copy, *name; (name = strsep(&rest, " "));)
        add_rule(action, name, 0, NULL);
}

static void allow_if(const char *name, struct scmp_arg_cmp condition)
{
    add_rule(SCMP_ACT_ALLOW, name, 1, &condition);
}

/*
 * Four calls are allowed with some arguments only. The filter sees numbers,
 * never what a pointer points at.
 */
static void add_conditional_rules(void)
{
    static const unsigned int personalities[] = {
        PER_LINUX, PER_LINUX32, UNAME26, PER_LINUX32 | UNAME26, 0xffffffff,
    };
    for (size_t i = 0; i < ARRAY_SIZE(personalities); i++)
        allow_if("personality", SCMP_A0_32(SCMP_CMP_EQ, personalities[i]));

    /* No family that few use: vsock, for one, reaches the hypervisor. */
    static const unsigned int families[] = {
        AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET,
    };
    for (size_t i = 0; i < ARRAY_SIZE(families); i++)
        allow_if("socket", SCMP_A0_32(SCMP_CMP_EQ, families[i]));

    /* No new namespaces: in a user namespace of his own anybody is root. */
    const uint64_t new_namespaces = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS |
                                    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
                                    CLONE_NEWCGROUP;
    allow_if("clone", SCMP_A0_64(SCMP_CMP_MASKED_EQ, new_namespaces, 0));

    /* TIOCSTI types into a terminal as if its user did. */
    allow_if("ioctl", SCMP_A1_32(SCMP_CMP_NE, TIOCSTI));
    struct scmp_arg_cmp is_tiocsti = SCMP_A1_32(SCMP_CMP_EQ, TIOCSTI);
    add_rule(SCMP_ACT_ERRNO(EPERM), "ioctl", 1, &is_tiocsti);
}

/*
 * libseccomp filters the architecture that it runs on, and kills whoever makes
 * a call of another one: a 32-bit call on a 64-bit machine has other numbers,
 * which no rule of ours would fit.
 */
static void make_default_filter(void)
{
    filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!filter)
        fail("seccomp: make a filter");
    check(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
                           SCMP_ACT_KILL_PROCESS),
          "kill on calls of other architectures");
    add_rules(SCMP_ACT_ALLOW, ALLOWED_CALLS);
    add_rules(SCMP_ACT_ERRNO(EPERM), REFUSED_CALLS);
    add_conditional_rules();
}

void seccomp_prepare(const struct spec *spec)
{
    if (!spec->seccomp.wanted || without("seccomp"))
        return;
    if (spec->seccomp.profile)
        filter = seccomp_read_profile(spec->seccomp.profile);
    else
        make_default_filter();
    /* We set no_new_privs ourselves, or are asked not to. */
    check(seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0),
          "leave no_new_privs alone");
}

void seccomp_apply(const struct spec *spec)
{
    if (!spec->seccomp.wanted || without("seccomp"))
        return;
    narrate(7, "seccomp(SET_MODE_FILTER) # systemd-run -p "
               "SystemCallFilter=... ...");
    check(seccomp_load(filter), "load the filter (is no_new_privs off?)");
}
