/*
 * lsm.c - profiles of AppArmor, labels of SELinux: Linux security modules.
 *
 * Both say what a program may do, by rules that root has loaded before; we only
 * name them. It must never pass over a name that the kernel cannot honour, nor
 * write to a /proc that the container made: there the write succeeds and means
 * nothing (CVE-2019-16884). New in step07. Read on in apparmor(7), selinux(8).
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "process/lsm.h"

static int proc_fd = -1;

static bool has_apparmor(void)
{
    CLEANUP(free_string)
    char *text =
        read_file_at(AT_FDCWD, "/sys/module/apparmor/parameters/enabled");
    return text && *text == 'Y';
}

/* SELinux's file system is there, or there is no policy to name a label of. */
static bool has_selinux(void)
{
    CLEANUP(close_fd)
    int fd = open("/sys/fs/selinux", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return fd != -1 && is_file_system(fd, SELINUX_MAGIC);
}

void lsm_check(const struct spec *spec)
{
    const struct process_spec *p = &spec->process;
    if (p->apparmor_profile && !has_apparmor())
        fail("config.json: process.apparmorProfile: \"%s\": this kernel has no "
             "AppArmor, or it is off",
             p->apparmor_profile);
    if (p->selinux_label && !has_selinux())
        fail("config.json: process.selinuxLabel: \"%s\": this kernel has no "
             "SELinux, or it is off",
             p->selinux_label);
    if (spec->mount_label && *spec->mount_label && !has_selinux())
        fail("config.json: linux.mountLabel: \"%s\": this kernel has no "
             "SELinux, or it is off",
             spec->mount_label);
}

void lsm_open(const struct spec *spec)
{
    if (!spec->process.apparmor_profile && !spec->process.selinux_label)
        return;
    proc_fd = open_procfs();
}

static void write_attribute(const char *file, const char *text)
{
    narrate(7, "write(\"/proc/%s\", \"%s\")", file, text);
    if (write_file_at(proc_fd, file, text) == -1)
        die("write %s to `/proc/%s` (is it loaded?)", text, file);
}

void lsm_apply(const struct spec *spec)
{
    const struct process_spec *p = &spec->process;
    if (p->apparmor_profile) {
        CLEANUP(free_string)
        char *text = print_string("exec %s", p->apparmor_profile);
        /* Kernels before 5.8 have one directory for all modules. */
        if (faccessat(proc_fd, "thread-self/attr/apparmor", F_OK, 0) == 0)
            write_attribute("thread-self/attr/apparmor/exec", text);
        else
            write_attribute("thread-self/attr/exec", text);
    }
    if (p->selinux_label)
        write_attribute("thread-self/attr/exec", p->selinux_label);
    close_fd(&proc_fd);
}
