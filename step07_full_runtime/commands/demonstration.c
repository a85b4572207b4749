/*
 * demonstration.c - what the demo does when it is given no command.
 *
 * It plays scenes: in each it runs itself as the reader would type it, shows
 * what comes out, and checks what must be seen. Nothing of the container is in
 * here, and nothing here may change the host. It grew out of the demonstration
 * of step01.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/memory.h"
#include "base/numbers.h"
#include "base/report.h"
#include "commands/commands.h"

enum {
    WORDS_MAX = 24,
    SIGHTS_MAX = 5,
    NOBODY = 65534,
};

struct scene {
    const char *shows;
    const char *words[WORDS_MAX]; /* what to type after the program's name */
    /* For the host's shell, once the container has said "ready": $PID is its
     * process 1, $DEMO the program. */
    const char *host;
    const char *sees[SIGHTS_MAX]; /* what the output must contain */
    int status; /* what the exit status must be */
    bool as_user; /* not as root, but as who called sudo */
    bool depends; /* on what a host may lack: left out if it says so (125) */
};

/* A script for the container's shell; the host looks while it waits. */
#define SHELL(script) "/bin/sh", "-c", script
#define THEN_WAIT "; echo ready; read _ || :"
/* For the host's shell: go to the directory of the container's cgroup. */
#define ENTER_CGROUP \
    "cd $(grep -m 1 ' - cgroup2 ' /proc/self/mountinfo | cut -d ' ' -f 5)\n" \
    "cd .$(sed -n s/^0:://p /proc/$PID/cgroup)\n"

static const struct scene SCENES[] = {
    {
        .shows = "one command, and six namespaces around it",
        .words = {"run", SHELL("id -un; uname -n; ps; ls /" THEN_WAIT)},
        .host = "for type in pid mnt net uts ipc cgroup; do\n"
                "    echo $type: host $(readlink /proc/self/ns/$type),"
                " container $(readlink /proc/$PID/ns/$type)\n"
                "    [ /proc/self/ns/$type -ef /proc/$PID/ns/$type ] &&"
                " echo $type is shared\n"
                "done; echo looked at all",
        .sees = {"root\n", "container\n", "    1 root", "looked at all"},
    },
    {
        .shows = "a user namespace: root in there is nobody out here",
        .words = {"run", "--userns",
                  SHELL("id -u; cat /proc/self/uid_map" THEN_WAIT)},
        .host = "grep Uid /proc/$PID/status",
        .sees = {"\n0\n", "100000      65536", "Uid:\t100000"},
    },
    {
        .shows = "so an ordinary user may have a container, too",
        .words = {"run", "--overlay",
                  SHELL("id -un; touch /tmp/mine && echo mine; "
                        "ls -l /tmp; "
                        "cat /proc/self/setgroups")},
        .sees = {"root\n", "mine\n"},
        .as_user = true,
        .depends = true,
    },
    {
        .shows = "root, but with 11 of the 41 capabilities",
        .words = {"run", SHELL("chown 1 /tmp && echo chown works\n"
                               "hostname mine; mount -t tmpfs x /mnt\n"
                               "mknod /tmp/disk b 8 0" THEN_WAIT)},
        .host = "grep Cap /proc/$PID/status",
        .sees = {"chown works", "hostname: ", "mount: ", "mknod: ",
                 "CapBnd:\t00000000800405fb"},
    },
    {
        .shows = "no_new_privs and a filter of system calls",
        .words = {"run", SHELL("unshare -U true" THEN_WAIT)},
        .host = "grep -E 'NoNewPrivs|Seccomp:' /proc/$PID/status",
        .sees = {"unshare: ", "NoNewPrivs:\t1", "Seccomp:\t2"},
    },
    {
        .shows = "without the filter a way back to power is open",
        .words = {"run", "--without=seccomp",
                  SHELL("unshare -r grep CapEff /proc/self/status")},
        .sees = {"CapEff:\t000001ff"},
    },
    {
        .shows = "overlayfs: what it changes is its own, the root stays clean",
        .words =
            {"run", "--overlay",
             SHELL(
                 "echo mine >/etc/motd; rm /bin/vi; cat /etc/motd" THEN_WAIT)},
        .host = "$DEMO run --overlay -- ls /bin/vi /etc/motd\n"
                "[ -e build/rootfs/etc/motd ] || echo the root is clean",
        .sees = {"mine\n", "/bin/vi\n", "the root is clean"},
    },
    {
        .shows = "a root that cannot be written, and a volume that can",
        .words = {"run", "--read-only", "--volume", "/tmp:/mnt:ro",
                  SHELL("touch /new; touch /mnt/new; touch /tmp/new && echo "
                        "only here")},
        .sees = {"/new: Read-only file system",
                 "/mnt/new: Read-only file system", "only here"},
    },
    {
        .shows = "the host's kernel can be neither read nor turned",
        .words = {"run", SHELL("echo 0 >/proc/sys/kernel/printk\n"
                               "wc -c </proc/keys; ls /sys/firmware | wc -l\n"
                               "grep -c ' /sys sysfs ro' /proc/mounts")},
        .sees = {"Read-only file system", "0\n0\n1\n"},
    },
    {
        .shows = "clocks of its own: it was booted a day earlier",
        .words = {"run", "--time-offset", "86400",
                  SHELL("read up _ </proc/uptime; echo up $up seconds\n"
                        "[ ${up%.*} -ge 86400 ] && echo a day older")},
        .host = NULL,
        .sees = {"a day older"},
        .depends = true,
    },
    {
        .shows = "--init: process 1 collects the orphans",
        .words = {"run", "--init",
                  SHELL("(sleep 0.1 &); sleep 0.3; ps; "
                        "grep -l '^State.*Z' /proc/[0-9]*/status || "
                        "echo no zombie")},
        .sees = {"rung-init", "no zombie"},
    },
    {
        .shows = "flags edit config.json: print it, run it again",
        .words = {"run", SHELL("true" THEN_WAIT)},
        .host = "file=$(mktemp); $DEMO spec --hostname written -- uname -n "
                ">$file\n"
                "grep -n hostname $file; $DEMO run --config $file again\n"
                "rm $file",
        .sees = {"\"hostname\": \"written\"", "written\n"},
    },
    {
        .shows = "limits: more memory than allowed, and the kernel kills",
        .words = {"run", "--memory", "20M", "--init",
                  SHELL("dd if=/dev/zero of=/dev/null bs=40M count=1\n"
                        "echo exit status $?\n"
                        "grep -w oom_kill /sys/fs/cgroup/memory.events")},
        .sees = {"exit status 137", "oom_kill 1"},
        .depends = true,
    },
    {
        .shows = "a network of its own: a cable to a bridge",
        .words = {"run", "--ip", "10.240.0.2/24",
                  SHELL("ip -4 addr show eth0; ip route" THEN_WAIT)},
        .host = "grep -o rung-0af00002 /proc/net/dev\n"
                "/proc/$PID/root/bin/busybox ping -c 1 10.240.0.2",
        .sees = {"inet 10.240.0.2/24", "default via", " 0% packet loss",
                 "rung-0af00002"},
        .depends = true,
    },
    {
        .shows = "and the way out: the host forwards its packets",
        .words = {"run", "--ip", "10.240.0.2/24", "--nat",
                  SHELL("wc -l </etc/resolv.conf" THEN_WAIT)},
        .host = "echo ip_forward $(cat /proc/sys/net/ipv4/ip_forward)",
        .sees = {"ip_forward 1"},
        .depends = true,
    },
    {
        .shows = "all of it at once",
        .words = {"run", "--userns", "--overlay", "--read-only", "--init",
                  "--memory", "50M", "--pids", "20", "--cpus", "0.5", "--ip",
                  "10.240.0.2/24", "--cap-drop", "ALL", "--user", "1000:1000",
                  SHELL("id; cd /sys/fs/cgroup; cat memory.max pids.max "
                        "cpu.max; ip -4 -o addr" THEN_WAIT)},
        .host = "grep -E 'Uid|CapBnd|NoNewPrivs|Seccomp:' "
                "/proc/$PID/status\n" ENTER_CGROUP
                "pwd; cat memory.current pids.current",
        .sees = {"uid=1000", "52428800\n20\n50000 100000", "10.240.0.2",
                 "Uid:\t101000", "CapBnd:\t0000000000000000"},
        .depends = true,
    },
};

static char seen[65536];

/* Print a word as it would be typed: in quotes, if the shell needs them. */
static void print_word(const char *word)
{
    if (!strpbrk(word, " \n$;&|<>()'\"")) {
        printf(" %s", word);
        return;
    }
    fputs(" '", stdout);
    for (; *word; word++)
        *word == '\'' ? fputs("'\\''", stdout) : putchar(*word);
    putchar('\'');
}

/* The user who called sudo; else the one whom nothing belongs to. */
static void become_user(void)
{
    uint64_t uid = NOBODY;
    uint64_t gid = NOBODY;
    const char *sudo_uid = getenv("SUDO_UID");
    const char *sudo_gid = getenv("SUDO_GID");
    if (sudo_uid && sudo_gid &&
        (!parse_u64(sudo_uid, &uid) || !parse_u64(sudo_gid, &gid)))
        fail("SUDO_UID, SUDO_GID: not numbers");
    (void)unsetenv("XDG_RUNTIME_DIR"); /* it is root's */
    if (setresgid((gid_t)gid, (gid_t)gid, (gid_t)gid) == -1 ||
        setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) == -1)
        die("become an ordinary user");
}

/* Run ourselves with the scene's words; in_fd and out_fd are pipes to it. */
static pid_t start_scene(const struct scene *scene, int *in_fd, int *out_fd)
{
    const char *argv[WORDS_MAX + 2] = {program_name()};
    memcpy(argv + 1, scene->words, sizeof(scene->words));
    int in[2];
    int out[2];
    if (pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1)
        die("make a pipe");
    pid_t pid = fork();
    if (pid == -1)
        die("fork");
    if (pid == 0) {
        become_child();
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        if (scene->as_user && geteuid() == 0)
            become_user();
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* so that it tidies up */
        execv("/proc/self/exe", (char **)argv);
        die("execute ourselves");
    }
    close(in[0]);
    close(out[1]);
    *in_fd = in[1];
    *out_fd = out[0];
    return pid;
}

/* Print what comes and keep it; stop at its end or at "ready". */
static bool follow(FILE *stream, const char *who)
{
    char line[1024];
    while (fgets(line, sizeof(line), stream)) {
        if (strcmp(line, "ready\n") == 0)
            return true;
        printf("%9s | %s", who, line);
        fflush(stdout);
        strncat(seen, line, sizeof(seen) - strlen(seen) - 1);
    }
    return false;
}

static void export_path(void)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (n == -1)
        die("read /proc/self/exe");
    path[n] = '\0';
    (void)setenv("DEMO", path, 1);
}

/* The container's process 1 is the only child of the demo's. */
static void look_from_host(const struct scene *scene, pid_t demo)
{
    CLEANUP(free_string)
    char *path = print_string("/proc/%d/task/%d/children", demo, demo);
    CLEANUP(free_string) char *children = read_file_at(AT_FDCWD, path);
    if (!children)
        die("read %s", path);
    children[strcspn(children, " \n")] = '\0';
    (void)setenv("PID", children, 1);
    export_path();
    CLEANUP(free_string)
    char *script = print_string("exec 2>&1\n%s", scene->host);
    FILE *host = popen(script, "re");
    if (!host)
        die("start a shell");
    (void)follow(host, "host");
    pclose(host);
}

static bool check(const struct scene *scene, int status)
{
    bool observed = true;
    for (int i = 0; i < SIGHTS_MAX && scene->sees[i]; i++) {
        if (!strstr(seen, scene->sees[i])) {
            printf("NOT OBSERVED: %s\n", scene->sees[i]);
            observed = false;
        }
    }
    if (status != scene->status) {
        printf("NOT OBSERVED: exit status %d, it was %d\n", scene->status,
               status);
        observed = false;
    }
    return observed;
}

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) == -1) {
        if (errno != EINTR)
            die("wait for a scene");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

enum outcome {
    OBSERVED,
    NOT_OBSERVED,
    LEFT_OUT,
};

static enum outcome play(const struct scene *scene)
{
    int in_fd;
    int out_fd;
    strcpy(seen, "\n");
    printf("\n== %s ==\n$ ./%s", scene->shows, program_name());
    for (int i = 0; scene->words[i]; i++)
        print_word(scene->words[i]);
    printf("%s\n", scene->as_user ? "        # as an ordinary user" : "");
    fflush(stdout);
    pid_t pid = start_scene(scene, &in_fd, &out_fd);
    FILE *stream = fdopen(out_fd, "r");
    if (!stream)
        die("open a pipe");
    if (follow(stream, "container") && scene->host)
        look_from_host(scene, pid);
    close(in_fd);
    (void)follow(stream, "container");
    fclose(stream);
    int status = wait_for(pid);
    if (scene->depends && status == EXIT_RUNTIME) {
        printf("left out: this machine lacks something for it (see above)\n");
        return LEFT_OUT;
    }
    return check(scene, status) ? OBSERVED : NOT_OBSERVED;
}

/*
 * Everything promised has to be seen, except what this host cannot do: that is
 * named, with the place where it can.
 */
int demonstrate(void)
{
    enum outcome outcomes[ARRAY_SIZE(SCENES)];
    size_t counts[3] = {0};
    if (access("build/rootfs/bin", F_OK) == -1)
        die("open the root file system build/rootfs (run \"make rootfs\")");
    for (size_t i = 0; i < ARRAY_SIZE(SCENES); i++) {
        outcomes[i] = play(&SCENES[i]);
        counts[outcomes[i]]++;
    }
    printf("\n");
    for (size_t i = 0; i < ARRAY_SIZE(SCENES); i++) {
        if (outcomes[i] != OBSERVED)
            printf("%s: %s: %s\n", program_name(),
                   outcomes[i] == LEFT_OUT ? "left out" : "not observed",
                   SCENES[i].shows);
    }
    if (counts[LEFT_OUT])
        printf("%s: left out %zu that this machine cannot do: scripts/vm run "
               "./step07/demo shows them\n",
               program_name(), counts[LEFT_OUT]);
    size_t played = ARRAY_SIZE(SCENES) - counts[LEFT_OUT];
    printf("%s: %zu of %zu observed\n", program_name(), counts[OBSERVED],
           played);
    return counts[NOT_OBSERVED] ? EXIT_FAILURE : EXIT_SUCCESS;
}
