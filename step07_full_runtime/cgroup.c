/*
 * cgroup.c - make a cgroup, limit it, freeze it, kill it, remove it.
 *
 * A cgroup is a directory; each limit is a file in it. cgroup_place.c found
 * the directory above. The controllers that we switch on there are noted in
 * its extended attribute "user.rung", so that the last container, whichever
 * it is, can switch them off again.
 */
#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup_place.h"
#include "lock.h"
#include "spec.h"
#include "util.h"

#define NOTE "user.rung"
/* Ours are called so; what an engine names, the engine looks after. */
#define OWN_PREFIX "rung-"

enum {
    WAIT_MS = 10000,
    RETRY_MS = 10
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_own(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && strncmp(slash + 1, OWN_PREFIX, strlen(OWN_PREFIX)) == 0;
}

/* --- making it --- */

/* Note in `directory` that we switched these controllers on. */
static void note_controllers(const char *directory, unsigned int set)
{
    char old[128] = "";
    (void)getxattr(directory, NOTE, old, sizeof(old) - 1); /* none yet: "" */
    CLEANUP(free_string)
    char *names = controller_names(set | controllers_in(old), "");
    if (setxattr(directory, NOTE, names, strlen(names), 0) == -1)
        warn("note the controllers of %s: %s (they will stay on)", directory,
             strerror(errno));
}

/*
 * Let `directory` hand the controllers down: `echo +memory >
 * cgroup.subtree_control`. One that does not have them itself gets them from
 * above first.
 */
static void hand_down(const struct cgroup *c, const char *directory)
{
    unsigned int missing =
        c->need & ~read_controllers(directory, "cgroup.subtree_control");
    if (!missing)
        return;
    if (missing & ~read_controllers(directory, "cgroup.controllers")) {
        CLEANUP(free_string) char *above = copy_string(directory);
        *strrchr(above, '/') = '\0';
        if (!*above)
            fail("set limits: no controllers at %s", directory);
        hand_down(c, above);
    }
    if (is_own(c->path))
        note_controllers(directory, missing);
    CLEANUP(free_string) char *text = controller_names(missing, "+");
    CLEANUP(free_string)
    char *file = join_path(directory, "cgroup.subtree_control");
    narrate(5, "write(\"%s\") # echo %s > %s", text, text, file);
    if (write_file_at(AT_FDCWD, file, text) == 0)
        return;
    if (errno == EBUSY)
        fail("write %s to %s: it has processes of its own, so it cannot hand "
             "controllers down",
             text, file);
    die("write %s to %s", text, file);
}

/* The directories above the one that config.json names. */
static void make_parents(const char *path)
{
    CLEANUP(free_string) char *copy = copy_string(path);
    for (char *slash = strchr(copy + 1, '/'); slash;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) == -1 && access(copy, F_OK) == -1)
            die("create cgroup %s", copy);
        *slash = '/';
    }
}

static int open_directory(const char *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_populated(int fd)
{
    CLEANUP(free_string) char *text = read_file_at(fd, "cgroup.events");
    bool empty = text && strstr(text, "populated 0\n");
    errno = empty ? 0 : EBUSY;
    return !empty;
}

/* Not ours? Then undo must forget it, or it would kill strangers. */
static _Noreturn void give_up(struct cgroup *c, bool ours)
{
    const char *path = c->path;
    if (!ours)
        c->path = NULL;
    die("create cgroup %s", path);
}

void cgroup_create(struct cgroup *c)
{
    if (!c->path)
        return;
    /* Nobody may take the controllers back until our directory is there. */
    CLEANUP(unlock_host) bool locked = c->need && lock_host();
    if (c->need && !locked)
        die("lock /run");
    if (!is_own(c->path))
        make_parents(c->path);
    hand_down(c, c->parent);
    narrate(5, "mkdir(\"%s\") # mkdir %s", c->path, c->path);
    bool made = mkdir(c->path, 0755) == 0;
    if (!made && (errno != EEXIST || is_own(c->path)))
        give_up(c, made);
    c->fd = open_directory(c->path);
    if (c->fd == -1 || is_populated(c->fd))
        give_up(c, made);
}

void cgroup_adopt(struct cgroup *c, const struct spec *spec, pid_t pid)
{
    (void)spec;
    (void)pid;
    if (!c->scope)
        return;
    fail("create cgroup %s: no systemd manager yet", c->path);
}

/* --- limits --- */

/* One file, one limit. A limit that cannot be set ends the program. */
static void set(const struct cgroup *c, const char *file, const char *value)
{
    narrate(5, "write(\"%s\") # echo %s > %s/%s", value, value, c->path, file);
    if (write_file_at(c->fd, file, value) == 0)
        return;
    if (errno == ENOENT && strcmp(value, "max") == 0)
        return; /* without the controller there is no limit anyway */
    die("write %s to %s/%s", value, c->path, file);
}

static void set_number(const struct cgroup *c, const char *file, int64_t value)
{
    if (value == LIMIT_UNSET)
        return;
    char text[32] = "max";
    if (value != LIMIT_MAX)
        snprintf(text, sizeof(text), "%" PRId64, value);
    set(c, file, text);
}

/* Does /proc/swaps list any, below its heading? */
static bool has_swap(void)
{
    CLEANUP(free_string) char *text = read_file_at(AT_FDCWD, "/proc/swaps");
    const char *heading = text ? strchr(text, '\n') : NULL;
    return heading && heading[1];
}

/*
 * config.json counts memory and swap together; the kernel counts swap alone.
 * A machine that has no swap at all may lack memory.swap.max.
 */
static void limit_swap(const struct cgroup *c, const struct resources *r)
{
    int64_t swap = r->memory_swap;
    if (swap == LIMIT_UNSET || without("swap-limit"))
        return;
    if (swap != LIMIT_MAX && r->memory_limit > 0)
        swap -= r->memory_limit;
    if (swap < 0 && swap != LIMIT_MAX)
        fail("set limits: memory.swap is less than memory.limit");
    if (faccessat(c->fd, "memory.swap.max", F_OK, 0) == -1 && !has_swap())
        return;
    set_number(c, "memory.swap.max", swap);
}

/* "50000 100000": 50 ms of every 100 ms, on all CPUs together. */
static void limit_cpu(const struct cgroup *c, const struct resources *r)
{
    if (r->cpu_quota != LIMIT_UNSET || r->cpu_period) {
        char text[64];
        uint64_t period = r->cpu_period ? r->cpu_period : 100000;
        if (r->cpu_quota > 0)
            snprintf(text, sizeof(text), "%" PRId64 " %" PRIu64, r->cpu_quota,
                     period);
        else
            snprintf(text, sizeof(text), "max %" PRIu64, period);
        set(c, "cpu.max", r->cpu_quota > 0 ? text : "max");
    }
    if (r->cpu_shares) /* from 2..262144 to 1..10000 */
        set_number(c, "cpu.weight",
                   1 + (int64_t)((r->cpu_shares - 2) * 9999 / 262142));
    if (r->cpuset_cpus)
        set(c, "cpuset.cpus", r->cpuset_cpus);
    if (r->cpuset_mems)
        set(c, "cpuset.mems", r->cpuset_mems);
}

void cgroup_limits(const struct cgroup *c, const struct spec *spec)
{
    if (!c->path)
        return;
    const struct resources *r = &spec->resources;
    set_number(c, "memory.max", r->memory_limit);
    limit_swap(c, r);
    set_number(c, "memory.high", r->memory_high);
    set_number(c, "memory.low", r->memory_reservation);
    set_number(c, "pids.max", r->pids_limit);
    limit_cpu(c, r);
    for (size_t i = 0; i < r->unified_count; i++)
        set(c, r->unified[i].file, r->unified[i].value);
}

/* --- freezing and killing --- */

/*
 * Wait until cgroup.events says `line`. The kernel wakes a poll(2) on it at
 * every change. 0, or -1 and ETIMEDOUT.
 */
static int wait_for(int cgroup_fd, const char *line)
{
    int64_t end = now_ms() + WAIT_MS;
    CLEANUP(close_fd)
    int fd = openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return -1;
    for (;;) {
        char text[256]; /* reading it says: wake me at the next change */
        ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
        if (length == -1 && errno == ENODEV)
            return 0; /* removed: nobody is in it */
        if (length == -1)
            return -1;
        text[length] = '\0';
        if (strstr(text, line))
            return 0;
        struct pollfd p = {.fd = fd, .events = POLLPRI};
        int64_t left = end - now_ms();
        if (left <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
        (void)poll(&p, 1, (int)left); /* a signal? then look again */
    }
}

int cgroup_freeze(const struct cgroup *c, bool frozen)
{
    if (!c->path) {
        errno = ENOENT;
        return -1;
    }
    narrate(5, "write(\"%d\") # echo %d > %s/cgroup.freeze", frozen, frozen,
            c->path);
    if (write_file_at(c->fd, "cgroup.freeze", frozen ? "1" : "0") == -1)
        return -1;
    return wait_for(c->fd, frozen ? "frozen 1\n" : "frozen 0\n");
}

/* Kernels before 5.14 have no cgroup.kill: one by one, while they are frozen
 * and cannot fork. */
static int kill_one_by_one(int cgroup_fd)
{
    (void)write_file_at(cgroup_fd, "cgroup.freeze", "1"); /* helps, only */
    CLEANUP(free_string) char *pids = read_file_at(cgroup_fd, "cgroup.procs");
    char *save;
    for (char *pid = pids ? strtok_r(pids, "\n", &save) : NULL; pid;
         pid = strtok_r(NULL, "\n", &save)) {
        uint64_t number;
        if (parse_u64(pid, &number) && number > 0)
            (void)kill((pid_t)number, SIGKILL); /* gone already: fine */
    }
    return write_file_at(cgroup_fd, "cgroup.freeze", "0");
}

int cgroup_kill(const struct cgroup *c)
{
    if (!c->path || c->fd == -1)
        return 0;
    narrate(5, "write(\"1\") # echo 1 > %s/cgroup.kill", c->path);
    if (write_file_at(c->fd, "cgroup.kill", "1") == 0 || errno == ENODEV)
        return 0;
    return errno == ENOENT ? kill_one_by_one(c->fd) : -1;
}

/* --- removing it --- */

/* Open the first cgroup below this one; its name into `name`. -1: none. */
static int open_first_child(int fd, char name[NAME_MAX + 1])
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = copy == -1 ? NULL : fdopendir(copy);
    if (!directory)
        return -1;
    int child = -1;
    const struct dirent *entry;
    while (child == -1 && (entry = readdir(directory))) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
        child =
            openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    closedir(directory);
    return child;
}

/*
 * The container may have made cgroups below its own, to any depth. Go down
 * along the first ones and remove the last: 1; 0 if there was none; -1.
 */
static int remove_one_below(int top_fd)
{
    char name[NAME_MAX + 1] = "";
    char next_name[NAME_MAX + 1];
    int above = dup(top_fd);
    int fd = open_first_child(above, name);
    if (fd == -1) {
        close(above);
        return 0;
    }
    int next;
    while ((next = open_first_child(fd, next_name)) != -1) {
        close(above);
        above = fd;
        fd = next;
        memcpy(name, next_name, sizeof(name));
    }
    int result = unlinkat(above, name, AT_REMOVEDIR);
    close(above);
    close(fd);
    return result == -1 ? -1 : 1;
}

/* Remove it and all below. The kernel may need a moment after the last
 * process has gone (EBUSY). 0, or -1 and errno. */
static int remove_all(const struct cgroup *c)
{
    int64_t end = now_ms() + WAIT_MS;
    for (;;) {
        int below;
        do {
            below = remove_one_below(c->fd);
        } while (below == 1);
        if (below == 0 && (rmdir(c->path) == 0 || errno == ENOENT))
            return 0;
        if (errno != EBUSY || now_ms() > end)
            return -1;
        (void)poll(NULL, 0, RETRY_MS);
    }
}

/* Is there another container of ours below this directory? */
static bool has_own_child(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return false;
    const struct dirent *entry;
    bool found = false;
    while (!found && (entry = readdir(directory)))
        found = strncmp(entry->d_name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0;
    closedir(directory);
    return found;
}

/*
 * Switch off what we switched on, when no container of ours is left there.
 * EBUSY: somebody else uses it below by now; then it stays on.
 */
static int take_back(const char *directory)
{
    char names[128] = "";
    if (getxattr(directory, NOTE, names, 0) == -1)
        return 0; /* we switched nothing on */
    CLEANUP(unlock_host) bool locked = lock_host();
    if (!locked)
        return -1;
    if (getxattr(directory, NOTE, names, sizeof(names) - 1) == -1 ||
        has_own_child(directory))
        return 0;
    CLEANUP(free_string)
    char *text = controller_names(controllers_in(names), "-");
    CLEANUP(free_string)
    char *file = join_path(directory, "cgroup.subtree_control");
    narrate(5, "write(\"%s\") # echo %s > %s", text, text, file);
    if (write_file_at(AT_FDCWD, file, text) == -1 && errno != EBUSY)
        return -1;
    return removexattr(directory, NOTE);
}

static int complain(const char *action, const char *path)
{
    warn("%s cgroup %s: %s", action, path, strerror(errno));
    return -1;
}

int cgroup_undo(struct cgroup *c)
{
    if (!c->path)
        return 0;
    if (c->fd == -1 && access(c->path, F_OK) == 0)
        c->fd = open_directory(c->path);
    if (c->fd == -1 && access(c->path, F_OK) == 0)
        return complain("open", c->path);
    if (c->fd != -1) {
        if (!is_file_system(c->fd, CGROUP2_SUPER_MAGIC)) {
            errno = EINVAL;
            return complain("remove", c->path);
        }
        if (cgroup_kill(c) == -1 || wait_for(c->fd, "populated 0\n") == -1)
            return complain("kill", c->path);
    }
    narrate(5, "rmdir(\"%s\") # rmdir %s", c->path, c->path);
    if (c->fd != -1 && remove_all(c) == -1)
        return complain("remove", c->path);
    if (is_own(c->path) && take_back(c->parent) == -1)
        return complain("take the controllers back from", c->parent);
    if (c->fd != -1)
        close(c->fd);
    c->fd = -1;
    return 0;
}
