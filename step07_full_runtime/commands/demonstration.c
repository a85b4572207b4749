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
#include "commands/scenes.h"

/* How it looks on a terminal: in colour, and at the reader's own pace. */
enum look {
    PLAIN = 0,
    BOLD = 1,
    RED = 31,
    GREEN = 32,
    YELLOW = 33,
    MAGENTA = 35,
    CYAN = 36,
};

enum {
    COLUMNS = 80,
    NOBODY = 65534,
};

static char seen[65536];
static bool in_colour;

static void look(enum look look)
{
    if (in_colour)
        printf("\033[%dm", look);
}

/* How much of LINE goes into ROOM columns: up to its last space, if need be. */
static size_t fold(const char *line, size_t room)
{
    size_t columns = 0;
    size_t space = 0;
    size_t length = 0;
    for (; line[length] && line[length] != '\n'; length++) {
        columns += line[length] == '\t' ? 8 : 1;
        if (columns > room)
            return space ? space : length;
        if (line[length] == ' ' && length > room / 2)
            space = length;
    }
    return length;
}

/* Print "child | LINE", with a mark if it shows what must be seen. */
static void print_line(enum look colour, const char *who, const char *line,
                       bool marked)
{
    do {
        size_t length = fold(line, COLUMNS - strlen("x parent | "));
        look(colour);
        printf("%s %6s |", marked ? "\u2713" : " ", who);
        look(PLAIN);
        printf(" %.*s\n", (int)length, line);
        line += length + strspn(line + length, " ");
        marked = false;
    } while (*line && *line != '\n');
    fflush(stdout);
}

/* Print a sentence, folded in the same way. */
static void print_sentence(enum look colour, const char *sentence)
{
    while (*sentence) {
        size_t length = fold(sentence, COLUMNS - strlen("  "));
        look(colour);
        printf("  %.*s\n", (int)length, sentence);
        look(PLAIN);
        sentence += length + strspn(sentence + length, " ");
    }
}

/*
 * Print a word as it would be typed, from COLUMN on: in quotes, if the shell
 * needs them, and on a new line, if it does not fit. Returns where it ends.
 */
static int print_word(int column, const char *word)
{
    const char *wait = strstr(word, THEN_WAIT); /* that is only for us */
    int length = wait ? (int)(wait - word) : (int)strlen(word);
    int first = (int)strcspn(word, "\n");
    int width = (first < length ? first : length) + (int)strlen(" ''");
    if (column + width > COLUMNS - 2) {
        fputs(" \\\n   ", stdout);
        column = (int)strlen("   ");
    }
    if (!strpbrk(word, " \n$;&|<>()'\"")) {
        printf(" %s", word);
        return column + width - 2;
    }
    fputs(" '", stdout);
    for (; length; length--, word++)
        *word == '\'' ? fputs("'\\''", stdout) : putchar(*word);
    putchar('\'');
    return column + width;
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

/* The directories above ours may be closed to that user, as /root is. */
static void check_reach(void)
{
    CLEANUP(free_string) char *here = getcwd(NULL, 0);
    if (!here || access(here, X_OK) == -1)
        fail("an ordinary user cannot get to %s, where build/rootfs is",
             here ? here : "this directory");
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
        log_to(STDERR_FILENO);
        if (scene->as_user && geteuid() == 0)
            become_user();
        if (scene->as_user)
            check_reach();
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

/* Add LINE to what was seen. Does that now have something that must be? */
static bool add_sight(const struct scene *scene, const char *line)
{
    bool had[SIGHTS_MAX] = {0};
    bool found = false;
    for (int i = 0; i < SIGHTS_MAX && scene->sees[i]; i++)
        had[i] = strstr(seen, scene->sees[i]);
    strncat(seen, line, sizeof(seen) - strlen(seen) - 1);
    for (int i = 0; i < SIGHTS_MAX && scene->sees[i]; i++)
        found |= !had[i] && strstr(seen, scene->sees[i]);
    return found;
}

/* Print what comes and keep it; stop at its end or at "ready". */
static bool follow(FILE *stream, const struct scene *scene, bool is_host)
{
    char line[1024];
    while (fgets(line, sizeof(line), stream)) {
        if (strcmp(line, "ready\n") == 0)
            return true;
        bool found = add_sight(scene, line);
        if (is_host)
            print_line(MAGENTA, "host", line, found);
        else if (strncmp(line, program_name(), strlen(program_name())) == 0)
            print_line(RED, program_name(), line, found);
        else
            print_line(GREEN, "child", line, found);
    }
    return false;
}

static void export_path(void)
{
    CLEANUP(free_string) char *path = realpath("/proc/self/exe", NULL);
    if (!path)
        die("read /proc/self/exe");
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
    FILE *host = popen(scene->host, "re");
    if (!host)
        die("start a shell");
    (void)follow(host, scene, true);
    pclose(host);
}

static bool check(const struct scene *scene, int status)
{
    bool observed = status == 0;
    look(RED);
    for (int i = 0; i < SIGHTS_MAX && scene->sees[i]; i++) {
        if (!strstr(seen, scene->sees[i])) {
            printf("NOT OBSERVED: %s\n", scene->sees[i]);
            observed = false;
        }
    }
    if (status != 0)
        printf("NOT OBSERVED: exit status 0, it was %d\n", status);
    look(PLAIN);
    if (observed) {
        putchar('\n');
        print_sentence(CYAN, scene->saw);
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
    NOT_OBSERVED,
    OBSERVED,
    LEFT_OUT,
    OUTCOMES,
};

/* Say what the scene shows, and what to type to see it. */
static void announce(const struct scene *scene)
{
    look(BOLD);
    printf("\n== %s ==\n", scene->shows);
    int column = printf("$ ./%s", program_name());
    for (int i = 0; scene->words[i]; i++)
        column = print_word(column, scene->words[i]);
    look(PLAIN);
    printf("%s\n", scene->as_user ? "  # as an ordinary user" : "");
    fflush(stdout);
}

static enum outcome play(const struct scene *scene)
{
    int in_fd;
    int out_fd;
    strcpy(seen, "\n");
    announce(scene);
    pid_t pid = start_scene(scene, &in_fd, &out_fd);
    FILE *stream = fdopen(out_fd, "r");
    if (!stream)
        die("open a pipe");
    if (follow(stream, scene, false) && scene->host)
        look_from_host(scene, pid);
    close(in_fd);
    (void)follow(stream, scene, false);
    fclose(stream);
    int status = wait_for(pid);
    if (scene->depends && status == EXIT_RUNTIME) {
        print_sentence(YELLOW, "left out: this machine lacks something for it");
        return LEFT_OUT;
    }
    return check(scene, status) ? OBSERVED : NOT_OBSERVED;
}

/* Wait for the reader's Enter; at the end of its input there is no reader. */
static bool wait_for_enter(void)
{
    int letter;
    printf("[Enter] ");
    fflush(stdout);
    do {
        letter = getchar();
    } while (letter != '\n' && letter != EOF);
    return letter == '\n';
}

/*
 * Everything promised has to be seen, except what this host cannot do: that is
 * named, with the place where it can.
 */
int demonstrate(bool pause)
{
    int counts[OUTCOMES] = {0};
    in_colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    pause = pause && in_colour && isatty(STDIN_FILENO);
    if (access("build/rootfs/bin", F_OK) == -1)
        die("open the root file system build/rootfs (run \"make rootfs\")");
    for (const struct scene *scene = SCENES; scene->shows; scene++) {
        if (scene != SCENES && pause)
            pause = wait_for_enter();
        counts[play(scene)]++;
    }
    putchar('\n');
    if (counts[LEFT_OUT])
        printf("%s: %d left out%s\n", program_name(), counts[LEFT_OUT],
               getenv("RUNG_VM")
                   ? ""
                   : " (\"scripts/vm run ./step07/demo\" has what "
                     "they need)");
    look(counts[NOT_OBSERVED] ? RED : GREEN);
    printf("%s: %d of %d observed", program_name(), counts[OBSERVED],
           counts[OBSERVED] + counts[NOT_OBSERVED]);
    look(PLAIN);
    putchar('\n');
    return counts[NOT_OBSERVED] ? EXIT_FAILURE : EXIT_SUCCESS;
}
