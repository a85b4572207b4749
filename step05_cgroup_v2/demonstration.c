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

/*
 * Print what STREAM brings and add it to SEEN; stop at its end or "ready". A
 * scene that says more than SEEN can hold says it for ever: end it.
 */
static bool follow(FILE *stream, const char *who, char *seen, size_t size)
{
    char line[1024];
    while (fgets(line, sizeof(line), stream)) {
        if (strcmp(line, "ready\n") == 0)
            return true;
        if (strlen(line) >= size - strlen(seen)) {
            stop_scene(0);
            return false;
        }
        printf("%s | %s", who, line);
        fflush(stdout);
        strcat(seen, line);
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
static void look_from_host(const struct scene *scene, pid_t demo, char *seen,
                           size_t size)
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
    (void)follow(host, "     host", seen, size);
    pclose(host);
}

/* Is all there that must be seen? Say what is not. */
static bool check(const struct scene *scene, const char *seen, int status)
{
    bool observed = true;
    for (int i = 0; i < 4 && scene->sees[i]; i++) {
        if (!strstr(seen, scene->sees[i])) {
            printf("NOT OBSERVED: %s\n", scene->sees[i]);
            observed = false;
        }
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != scene->status) {
        printf("NOT OBSERVED: exit status %d\n", scene->status);
        observed = false;
    }
    return observed;
}

/* Play one scene. Was all of it observed? */
static bool play(const struct scene *scene)
{
    char seen[16384] = "";
    int in[2];
    int out[2];
    int status = 0;
    printf("\n== %s ==\n", scene->shows);
    printf("$ ./demo");
    for (int i = 0; scene->arguments[i]; i++)
        print_word(scene->arguments[i]);
    putchar('\n');
    fflush(stdout);
    pid_t pid = start_scene(scene, in, out);
    FILE *stream = fdopen(out[0], "r");
    if (!stream)
        fail("fdopen");
    if (follow(stream, "container", seen, sizeof(seen)) && scene->host)
        look_from_host(scene, pid, seen, sizeof(seen));
    close(in[1]);
    (void)follow(stream, "container", seen, sizeof(seen));
    fclose(stream);
    while (waitpid(pid, &status, 0) == -1 && errno == EINTR)
        continue; /* until stop_scene has had its way */
    alarm(0);
    printf("exit status %d\n", WEXITSTATUS(status));
    return check(scene, seen, status);
}

/* Play CHAPTER's scenes (0: the newest's): 0 if all was as it must be. */
int demonstrate(int chapter)
{
    int count = 0;
    int observed = 0;
    if (chapter == 0)
        chapter = newest_chapter();
    for (size_t i = 0; i < scene_count; i++) {
        if (scenes[i].chapter != chapter ||
            (scenes[i].until && scenes[i].until < newest_chapter()))
            continue;
        count++;
        observed += play(&scenes[i]);
    }
    printf("\ndemo: %d of %d observed\n", observed, count);
    return observed == count ? EXIT_SUCCESS : EXIT_FAILURE;
}
