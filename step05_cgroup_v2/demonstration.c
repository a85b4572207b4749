/*
 * demonstration.c - what the demo does when it is given no command.
 *
 * It plays the scenes of the newest chapter: in each it runs itself as the
 * reader would type it, shows what comes out, and checks what must be seen.
 * Nothing of the container is in here; that is all in demo.c.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demonstration.h"

/* How it looks on a terminal: in colour, and at the reader's own pace. */
enum look {
    PLAIN = 0,
    BOLD = 1,
    RED = 31,
    GREEN = 32,
    YELLOW = 33,
    BLUE = 34,
    MAGENTA = 35,
    CYAN = 36,
};

enum {
    COLUMNS = 80,
    SEEN_SIZE = 16384,
};

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

/* What we need in order to demonstrate anything has failed. */
__attribute__((noreturn)) static void fail(const char *what)
{
    fprintf(stderr, "demo: %s: %s\n", what, strerror(errno));
    exit(125);
}

/*
 * No scene goes on for ever, though the program may be half-finished: after a
 * minute it is asked to end, five seconds later it has to. alarm(2)
 */
static volatile pid_t playing; /* the scene's process group */
static volatile bool asked;

static void stop_scene(int signal)
{
    (void)signal;
    kill(-playing, asked ? SIGKILL : SIGTERM);
    asked = true;
    alarm(5);
}

static void limit_scene(pid_t pid)
{
    struct sigaction action = {.sa_handler = stop_scene}; /* no SA_RESTART */
    sigaction(SIGALRM, &action, NULL);
    playing = pid;
    asked = false;
    alarm(60);
}

/* Run ourselves with the scene's arguments; IN and OUT are pipes to it. */
static pid_t start_scene(const struct scene *scene, int in[2], int out[2])
{
    const char *argv[16] = {"demo"};
    memcpy(argv + 1, scene->arguments, sizeof(scene->arguments));
    if (pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1)
        fail("pipe2");
    pid_t pid = fork();
    if (pid == -1)
        fail("fork");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* so that it tidies up */
        setpgid(0, 0); /* with all that it starts, to be ended together */
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(out[1], STDERR_FILENO);
        execv("/proc/self/exe", (char **)argv);
        fail("execute ourselves");
    }
    setpgid(pid, pid); /* whoever is first */
    limit_scene(pid);
    close(in[0]);
    close(out[1]);
    return pid;
}

/* Who says this line that comes from the demo? With -v it gives its PID. */
static void print_spoken(pid_t demo, const char *line, bool marked)
{
    int pid;
    if (demo == 0)
        print_line(MAGENTA, "host", line, marked);
    else if (sscanf(line, "demo[%d]:", &pid) == 1 && pid == demo)
        print_line(BLUE, "parent", line, marked);
    else if (strncmp(line, "demo: ", strlen("demo: ")) == 0)
        print_line(YELLOW, "demo", line, marked); /* of either */
    else
        print_line(GREEN, "child", line, marked);
}

/* Add LINE to SEEN. Does SEEN now have something that the scene must show? */
static bool add_sight(const struct scene *scene, char *seen, const char *line)
{
    bool had[SIGHTS] = {0};
    bool found = false;
    for (int i = 0; i < SIGHTS && scene->sees[i]; i++)
        had[i] = strstr(seen, scene->sees[i]);
    strcat(seen, line);
    for (int i = 0; i < SIGHTS && scene->sees[i]; i++)
        found |= !had[i] && strstr(seen, scene->sees[i]);
    return found;
}

/*
 * Print what STREAM brings (of the host, if DEMO is 0) and add it to SEEN; stop
 * at its end or "ready". A scene that says more than SEEN can hold says it for
 * ever: end it.
 */
static bool follow(FILE *stream, const struct scene *scene, pid_t demo,
                   char *seen)
{
    char line[1024];
    while (fgets(line, sizeof(line), stream)) {
        if (strcmp(line, "ready\n") == 0)
            return true;
        if (strlen(line) >= SEEN_SIZE - strlen(seen)) {
            stop_scene(0);
            return false;
        }
        print_spoken(demo, line, add_sight(scene, seen, line));
    }
    return false;
}

/* A number for the host's script to use. */
static void export_number(const char *name, int number)
{
    char text[16];
    snprintf(text, sizeof(text), "%d", number);
    setenv(name, text, 1);
}

/* What the host sees of the running container: the demo's only child. */
static void look_from_host(const struct scene *scene, pid_t demo, char *seen)
{
    char path[4096] = "";
    int pid = 0;
    if (readlink("/proc/self/exe", path, sizeof(path) - 1) > 0)
        setenv("DEMO", path, 1);
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", demo, demo);
    FILE *children = fopen(path, "re");
    if (!children || fscanf(children, "%d", &pid) != 1)
        fail(path);
    fclose(children);
    export_number("PID", pid);
    export_number("DEMO_PID", demo);
    setenv("SCRIPT", scene->host, 1);
    FILE *host = popen("exec timeout --foreground 60 sh -c \"$SCRIPT\"", "re");
    if (!host)
        fail("popen");
    (void)follow(host, scene, 0, seen);
    pclose(host);
}

/* Is all there that must be seen? Say what is not. */
static bool check(const struct scene *scene, const char *seen, int status)
{
    bool observed = WIFEXITED(status) && WEXITSTATUS(status) == scene->status;
    look(observed ? GREEN : RED);
    printf("%s exit status %d\n", observed ? "\u2713" : " ",
           WEXITSTATUS(status));
    if (!observed)
        printf("NOT OBSERVED: exit status %d\n", scene->status);
    look(RED);
    for (int i = 0; i < SIGHTS && scene->sees[i]; i++) {
        if (!strstr(seen, scene->sees[i])) {
            printf("NOT OBSERVED: %s\n", scene->sees[i]);
            observed = false;
        }
    }
    look(PLAIN);
    if (observed) {
        putchar('\n');
        print_sentence(CYAN, scene->saw);
    }
    return observed;
}

enum outcome {
    NOT_OBSERVED,
    OBSERVED,
    LEFT_OUT,
    OUTCOMES,
};

/* Not observed, or does this machine not have what the scene needs? */
static enum outcome judge(const struct scene *scene, const char *seen,
                          int status)
{
    if (scene->depends && WIFEXITED(status) && WEXITSTATUS(status) == 125) {
        print_sentence(YELLOW, "left out: this machine lacks something for it");
        return LEFT_OUT;
    }
    return check(scene, seen, status) ? OBSERVED : NOT_OBSERVED;
}

/* Say what the scene shows, and what to type to see it. */
static void announce(const struct scene *scene)
{
    look(BOLD);
    printf("\n== %s ==\n", scene->shows);
    int column = printf("$ ./demo");
    for (int i = 0; scene->arguments[i]; i++)
        column = print_word(column, scene->arguments[i]);
    look(PLAIN);
    putchar('\n');
    fflush(stdout);
}

static enum outcome play(const struct scene *scene)
{
    char seen[SEEN_SIZE] = "";
    int in[2];
    int out[2];
    int status = 0;
    announce(scene);
    pid_t pid = start_scene(scene, in, out);
    FILE *stream = fdopen(out[0], "r");
    if (!stream)
        fail("fdopen");
    if (follow(stream, scene, pid, seen) && scene->host)
        look_from_host(scene, pid, seen);
    close(in[1]);
    (void)follow(stream, scene, pid, seen);
    fclose(stream);
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
        continue; /* until stop_scene has had its way */
    alarm(0);
    return judge(scene, seen, status);
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

static bool is_played(const struct scene *scene, int chapter)
{
    return scene->chapter == chapter &&
           (!scene->until || scene->until >= newest_chapter());
}

/* Play CHAPTER's scenes (0: the newest's): 0 if all was as it must be. */
int demonstrate(int chapter, bool pause)
{
    int counts[OUTCOMES] = {0};
    in_colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    pause = pause && in_colour && isatty(STDIN_FILENO);
    if (chapter == 0)
        chapter = newest_chapter();
    for (size_t i = 0, played = 0; i < scene_count; i++) {
        if (!is_played(&scenes[i], chapter))
            continue;
        if (played++ && pause)
            pause = wait_for_enter();
        counts[play(&scenes[i])]++;
    }
    putchar('\n');
    if (counts[LEFT_OUT])
        printf("demo: %d left out%s\n", counts[LEFT_OUT],
               getenv("RUNG_VM") ? "" : " (\"make vm\" has what they need)");
    look(counts[NOT_OBSERVED] ? RED : GREEN);
    printf("demo: %d of %d observed", counts[OBSERVED],
           counts[OBSERVED] + counts[NOT_OBSERVED]);
    look(PLAIN);
    putchar('\n');
    return counts[NOT_OBSERVED] ? EXIT_FAILURE : EXIT_SUCCESS;
}
