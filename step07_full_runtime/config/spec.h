/*
 * spec.h - what the container is to be: config.json as a C structure.
 *
 * Flags edit the JSON document (commands/options.c); spec_parse() is the only
 * way from JSON to this structure, and refuses whatever it cannot make true.
 * After it the structure is only read. It grew out of the options of steps 02
 * to 06.
 *
 * Pointers are NULL, counts 0 and the "has" numbers LIMIT_UNSET where
 * config.json says nothing.
 */
#ifndef RUNG_SPEC_H
#define RUNG_SPEC_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

/* The newest version of the specification that we know, and speak. */
#define OCI_VERSION "1.3.0"

struct json_t;

/* A limit nobody asked for, and one that was asked to be "max". */
#define LIMIT_UNSET INT64_MIN
#define LIMIT_MAX (-1)

/* One line of /proc/PID/uid_map or gid_map. */
struct id_map {
    uint32_t inside;
    uint32_t outside;
    uint32_t count;
};

struct id_maps {
    struct id_map *maps;
    size_t count;
};

struct ids {
    uid_t *ids;
    size_t count;
};

/* The five sets of capabilities(7), a bit for each CAP_ number. */
struct capability_sets {
    uint64_t bounding;
    uint64_t effective;
    uint64_t permitted;
    uint64_t inheritable;
    uint64_t ambient;
};

struct rlimit_spec {
    int resource; /* RLIMIT_... */
    const char *name;
    struct rlimit limit;
};

/* sched_setattr(2) */
struct scheduler_spec {
    bool wanted;
    uint32_t policy; /* SCHED_OTHER, ... */
    uint64_t flags; /* SCHED_FLAG_... */
    int32_t nice;
    uint32_t priority;
    uint64_t runtime; /* nanoseconds, as deadline and period */
    uint64_t deadline;
    uint64_t period;
};

/* ioprio_set(2) */
struct io_priority_spec {
    bool wanted;
    int priority_class; /* IOPRIO_CLASS_... */
    int level; /* 0 to 7 */
};

struct process_spec {
    char **args; /* NULL-terminated; NULL: config.json has no process */
    char **env; /* NULL-terminated, NAME=value */
    char *cwd;
    uid_t uid;
    gid_t gid;
    mode_t umask;
    struct ids groups;
    bool keep_groups; /* the caller's, in place of these */
    struct capability_sets capabilities;
    struct rlimit_spec *rlimits;
    size_t rlimit_count;
    bool terminal;
    bool init; /* io.rung.init: our own process 1 reaps and passes signals */
    bool no_new_privs;
    int console_rows; /* 0: as the caller's terminal */
    int console_columns;
    bool has_oom_score_adj;
    int oom_score_adj;
    struct scheduler_spec scheduler;
    struct io_priority_spec io_priority;
    char *initial_affinity; /* execCPUAffinity: "0-3,7"; exec only */
    char *final_affinity;
    char *apparmor_profile;
    char *selinux_label;
};

/* One mount; what to do with it has been read from its options already. */
struct mount_spec {
    char *destination;
    char *type;
    char *source;
    char *data; /* options that belong to the file system itself */
    uint64_t attr_set; /* MOUNT_ATTR_... for mount_setattr(2) */
    uint64_t attr_clear;
    uint64_t recursive_set; /* the same for all mounts below: "rro" */
    uint64_t recursive_clear;
    unsigned long propagation; /* MS_PRIVATE and so on, 0: leave it */
    unsigned long super_flags; /* MS_SYNCHRONOUS...: they are in data, too, */
    bool has_iversion; /* but MS_I_VERSION has no word there */
    struct id_maps uid_maps; /* idmapped mount: mount_setattr(2) */
    struct id_maps gid_maps;
    bool idmap; /* with the container's own maps if it has none */
    bool idmap_recursive;
    bool bind;
    bool recursive;
    bool remount; /* change what is mounted there already */
    bool src_nofollow; /* a source that is a link is bound itself, */
    bool copy_symlink; /* or made again in the root */
    bool dest_nofollow; /* a link at the destination is covered itself */
    bool is_dev; /* mounted on /dev */
    bool copy_up; /* tmpcopyup: fill the tmpfs with what it hides */
};

/* A device node to make in /dev. */
struct device_spec {
    char *path;
    char type; /* 'c', 'b', 'p' */
    unsigned int major;
    unsigned int minor;
    mode_t mode;
    uid_t uid;
    gid_t gid;
};

/* Who may open what: one line of linux.resources.devices, in order. */
struct device_rule {
    bool allow;
    char type; /* 'a' (all), 'b', 'c' */
    int64_t major; /* -1: any */
    int64_t minor;
    unsigned int access; /* DEVICE_READ | ... */
};

enum {
    DEVICE_READ = 1,
    DEVICE_WRITE = 2,
    DEVICE_MKNOD = 4,
};

/* A file of the cgroup, and what to write into it. Where the kernel does not
 * have the file, another may do: io.weight for io.bfq.weight. */
struct cgroup_setting {
    char *file;
    char *value;
    char *other_file; /* NULL: there is none */
    char *other_value;
};

/* linux.resources, in the words of cgroup v2, and in the order to write. */
struct resources {
    struct cgroup_setting *settings;
    size_t setting_count;
    int64_t memory_limit; /* to be compared with what is used now, */
    bool memory_check; /* if config.json asks for it */
    struct device_rule *device_rules;
    size_t device_rule_count;
};

/* io.rung.* annotations: networking, for which OCI has no field. */
struct network_spec {
    bool wanted; /* false: the namespace has lo alone */
    char *bridge;
    struct in_addr ip; /* network byte order */
    unsigned int prefix;
    bool nat;
};

/* io.rung.layers / io.rung.overlay: what the root is stacked from. */
struct overlay_spec {
    bool wanted;
    char **layers; /* NULL-terminated, bottom first; root.path is below */
};

/* The eight namespaces: a new one, an existing one's path, or the host's. */
enum namespace_type {
    NS_USER,
    NS_PID,
    NS_MOUNT,
    NS_IPC,
    NS_UTS,
    NS_NETWORK,
    NS_CGROUP,
    NS_TIME,
    NS_COUNT,
};

struct namespace_spec {
    bool wanted; /* listed in config.json */
    char *path; /* join this one; NULL: make a new one */
};

/* A clock of a new time namespace, moved by this much. */
struct time_offset {
    int64_t seconds;
    uint32_t nanoseconds;
};

struct seccomp_spec {
    bool wanted;
    const struct json_t *profile; /* linux.seccomp; NULL: our own filter */
};

struct sysctl_setting {
    char *path; /* below /proc/sys: net/ipv4/ip_forward */
    char *value;
};

/* Programs to run at certain moments of the container's life. */
struct hook {
    char *path; /* absolute */
    char **args; /* NULL-terminated, args[0] first; NULL: path alone */
    char **env; /* NULL-terminated; NULL: what its kind has by default */
    int64_t timeout; /* seconds; 0: none */
};

enum hook_kind {
    HOOK_PRESTART,
    HOOK_CREATE_RUNTIME,
    HOOK_CREATE_CONTAINER,
    HOOK_START_CONTAINER,
    HOOK_POSTSTART,
    HOOK_POSTSTOP,
    HOOK_COUNT,
};

struct hook_list {
    struct hook *hooks;
    size_t count;
};

/* linux.memoryPolicy: set_mempolicy(2) */
struct memory_policy_spec {
    bool wanted;
    int mode; /* MPOL_... */
    unsigned int flags; /* MPOL_F_... */
    char *nodes; /* "0-3,7" */
};

/* linux.netDevices: a link of the host that moves into the container. */
struct net_device_spec {
    char *host_name;
    char *name; /* in the container */
};

enum cgroup_manager {
    CGROUP_CGROUPFS,
    CGROUP_SYSTEMD,
    CGROUP_DISABLED,
};

/* What the command line says that config.json has no field for. */
struct invocation {
    enum cgroup_manager cgroup_manager;
    unsigned int preserve_fds; /* descriptors 3 to 3+N-1 are the command's */
    bool listens; /* some of these by socket activation */
    bool no_pivot; /* MS_MOVE and chroot(2): the root is on a ramfs */
    bool no_new_keyring;
    const char *id; /* the container's */
    bool needs_process; /* its command is to run, now or by this one */
    bool is_exec; /* a further process of a container that runs */
};

struct spec {
    struct invocation invocation;
    const struct json_t *config; /* what all this was read from */
    char *bundle; /* absolute: relative paths in config.json start here */
    char *hostname;
    char *domainname;

    char *root_path; /* absolute */
    bool root_readonly;
    bool idmap_root; /* its files' owners are seen through the id maps */
    unsigned long root_propagation; /* MS_..., 0: private */
    struct overlay_spec overlay;
    struct mount_spec *mounts;
    size_t mount_count;
    char *mount_label; /* SELinux's, of the file systems that we make */
    char **masked_paths; /* NULL-terminated */
    char **readonly_paths; /* NULL-terminated */

    struct process_spec process;
    struct seccomp_spec seccomp;

    struct namespace_spec namespaces[NS_COUNT];
    struct id_maps uid_maps;
    struct id_maps gid_maps;
    struct time_offset monotonic;
    struct time_offset boottime;
    struct sysctl_setting *sysctls;
    size_t sysctl_count;

    struct device_spec *devices; /* beside the default ones */
    size_t device_count;

    char *cgroups_path; /* NULL: a name of our own; checked: no ".." */
    struct resources resources;
    struct network_spec network;
    struct net_device_spec *net_devices;
    size_t net_device_count;
    struct hook_list hooks[HOOK_COUNT];
    char *hook_output[2]; /* files for their standard output and error */
    struct memory_policy_spec memory_policy;
    bool has_personality;
    unsigned long personality; /* PER_LINUX or PER_LINUX32 */

    bool rootless; /* we are not root on the host */
};

/* Read and check all of it; it lives as long as the program. An error ends the
 * program and names the field: "rung: config.json: process.rlimits[2].type:
 * unknown limit "X"". */
struct spec *spec_parse(struct json_t *config, const char *bundle,
                        const struct invocation *invocation);

/* --- spec_namespaces.c --- */
/* True if a new namespace of this type is to be made. */
bool spec_makes(const struct spec *spec, enum namespace_type type);
/* True if the root is ours to prepare: in a new mount namespace, or in one that
 * exists, if config.json wants something mounted there. */
bool spec_prepares_root(const struct spec *spec);
/* The command's user as the host sees him; false if nobody is mapped there. */
bool spec_host_user(const struct spec *spec, uid_t *uid);
/* As config.json calls them: "network". */
extern const struct vocabulary NAMESPACE_NAMES;

/* --- spec_hooks.c --- */
/* "createRuntime": as config.json calls it; NULL after the last. */
const char *hook_name(size_t kind);

/* --- spec_linux.c --- */
/* The modes and flags of linux.memoryPolicy that there are. */
extern const struct vocabulary MEMORY_MODES;
extern const struct vocabulary MEMORY_FLAGS;

/* --- spec_network.c --- */
/* Could this be the name of a network link? 1 to 15 characters. */
bool could_be_link(const char *name);
/* "10.240.0.2/24"; false if no container can have this address. */
bool parse_address(const char *text, struct in_addr *ip, unsigned int *prefix);

/* --- spec_mounts.c --- */
/* For "features": the name of mount option number i, NULL after the last. */
const char *mount_option_name(size_t i);

#endif
