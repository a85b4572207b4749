/*
 * demo.c - a container, one kernel feature at a time. Yours.
 *
 *   step01  run a program and report how it ended    fork(2), execve(2)
 *
 * To write, in this order (make grade STEP=01 says how far you are):
 *
 *   1. Start a child: fork(2). In the child become the program that argv
 *      names: execvp(3). In the parent wait for it: waitpid(2).
 *   2. End as the program ended: with its own status, or with 128+N if signal
 *      N killed it: WIFSIGNALED and its neighbours, waitpid(2).
 *   3. A program that is not there is 127, one that cannot be executed 126,
 *      with one line on standard error: "demo: execute NAME: why".
 *   4. The options: --help, --verbose, --chapter N, and "--": getopt_long(3).
 *      They end where the program's own words begin. A wrong one is 2.
 *   5. Signals that you get are for the program: hand them on, kill(2). One
 *      way to hear of a signal and of the child's end in one place:
 *      sigprocmask(2) and sigwaitinfo(2).
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>

#include "demonstration.h" /* what the demo does without a command */

/* Exit statuses, as a shell's: our own failures keep clear of the program's. */
enum {
    EXIT_USAGE = 2,
    EXIT_DEMO_FAILED = 125,
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
    EXIT_SIGNALLED = 128, /* and the signal's number on top */
};

int main(int argc, char **argv)
{
    if (argc < 2)
        return demonstrate(newest_chapter(), true);
    fprintf(stderr, "demo: run %s: not written yet (demo.c, step 1)\n",
            argv[1]);
    return EXIT_DEMO_FAILED;
}
