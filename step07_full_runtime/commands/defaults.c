/*
 * defaults.c - the config.json of a container that nobody described.
 *
 * As strict as an ordinary program can bear: fewer rights than this must be
 * the exception, more must be asked for. `rung spec --print` prints it. New in
 * step07.
 */
#define _GNU_SOURCE

#include "commands/defaults.h"
#include "base/memory.h"
#include "base/report.h"
#include "config/spec.h"

/* The same capabilities that podman gives; each is for one common duty:
 * installing packages, changing users, listening on port 80. */
#define CAPABILITIES \
    "['CAP_CHOWN','CAP_DAC_OVERRIDE','CAP_FOWNER','CAP_FSETID','CAP_KILL'," \
    "'CAP_NET_BIND_SERVICE','CAP_SETFCAP','CAP_SETGID','CAP_SETPCAP'," \
    "'CAP_SETUID','CAP_SYS_CHROOT']"

/* These are runc's example's. */
#define FEW_CAPABILITIES "['CAP_AUDIT_WRITE','CAP_KILL','CAP_NET_BIND_SERVICE']"

/* JSON with ' for ", so that C can hold it. */
static const char TEXT[] = {
    "{"
    "'ociVersion':'" OCI_VERSION "',"
    "'hostname':'container',"
    "'root':{'path':'build/rootfs','readonly':false},"
    "'process':{"
    "  'terminal':false,"
    "  'user':{'uid':0,'gid':0},"
    "  'args':['/bin/sh'],"
    "  'env':['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
    "/bin','HOME=/root','TERM=xterm'],"
    "  'cwd':'/',"
    "  'capabilities':{"
    "    'bounding':" CAPABILITIES ","
    "    'effective':" CAPABILITIES ","
    "    'permitted':" CAPABILITIES ","
    "    'inheritable':[],"
    "    'ambient':[]"
    "  },"
    "  'noNewPrivileges':true"
    "},"
    "'mounts':["
    "  {'destination':'/proc','type':'proc','source':'proc',"
    "   'options':['nosuid','noexec','nodev']},"
    "  {'destination':'/dev','type':'tmpfs','source':'tmpfs',"
    "   'options':['nosuid','noexec','strictatime','mode=755','size=64k']},"
    "  {'destination':'/dev/pts','type':'devpts','source':'devpts',"
    "   'options':['nosuid','noexec','newinstance','ptmxmode=0666',"
    "   'mode=0620','gid=5']},"
    "  {'destination':'/dev/shm','type':'tmpfs','source':'shm',"
    "   'options':['nosuid','noexec','nodev','mode=1777','size=64m']},"
    "  {'destination':'/dev/mqueue','type':'mqueue','source':'mqueue',"
    "   'options':['nosuid','noexec','nodev']},"
    "  {'destination':'/sys','type':'sysfs','source':'sysfs',"
    "   'options':['nosuid','noexec','nodev','ro']},"
    "  {'destination':'/sys/fs/cgroup','type':'cgroup','source':'cgroup',"
    "   'options':['nosuid','noexec','nodev','relatime','ro']},"
    "  {'destination':'/tmp','type':'tmpfs','source':'tmpfs',"
    "   'options':['nosuid','nodev','mode=1777','size=64m']}"
    "],"
    "'linux':{"
    "  'namespaces':[{'type':'pid'},{'type':'network'},{'type':'ipc'},"
    "    {'type':'uts'},{'type':'mount'},{'type':'cgroup'}],"
    "  'resources':{'devices':[{'allow':false,'access':'rwm'}]},"
    "  'maskedPaths':['/proc/acpi','/proc/asound','/proc/interrupts',"
    "    '/proc/kcore','/proc/keys','/proc/latency_stats','/proc/sched_debug',"
    "    '/proc/scsi','/proc/timer_list','/proc/timer_stats',"
    "    '/sys/devices/virtual/powercap','/sys/firmware','/sys/fs/selinux',"
    "    '/sys/dev/block'],"
    "  'readonlyPaths':['/proc/bus','/proc/fs','/proc/irq','/proc/sys',"
    "    '/proc/sysrq-trigger']"
    "},"
    "'annotations':{'io.rung.seccomp':'default'}"
    "}"};

/* Where the example differs from that. */
static const char EXAMPLE[] = {
    "{"
    "'hostname':'rung',"
    "'root':{'path':'rootfs','readonly':true},"
    "'process':{"
    "  'terminal':true,"
    "  'args':['sh'],"
    "  'env':['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
    "/bin','TERM=xterm'],"
    "  'capabilities':{"
    "    'bounding':" FEW_CAPABILITIES ","
    "    'effective':" FEW_CAPABILITIES ","
    "    'permitted':" FEW_CAPABILITIES "  },"
    "  'rlimits':[{'type':'RLIMIT_NOFILE','hard':1024,'soft':1024}]"
    "}"
    "}"};

static json_t *parse(const char *text)
{
    CLEANUP(free_string) char *json = copy_string(text);
    for (char *p = json; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_error_t error;
    json_t *config = json_loads(json, 0, &error);
    if (!config)
        fail("the built-in config.json: %s", error.text);
    return config;
}

json_t *default_config(void)
{
    return parse(TEXT);
}

json_t *example_config(void)
{
    json_t *config = parse(TEXT);
    json_t *example = parse(EXAMPLE);
    json_t *mounts = json_object_get(config, "mounts");
    if (json_object_update_recursive(config, example) == -1)
        die("allocate memory");
    /* /tmp is the last one. */
    json_array_remove(mounts, json_array_size(mounts) - 1);
    json_object_del(config, "annotations");
    json_decref(example);
    return config;
}
