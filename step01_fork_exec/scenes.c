/*
 * scenes.c - what each chapter's demonstration shows.
 */
#include "demonstration.h"

/* A script for the container's shell. */
#define SHELL(script) "/bin/sh", "-c", script

const struct scene scenes[] = {
    {
        .chapter = 1,
        .shows = "fork(2) makes a child; execve(2) makes it another program",
        .arguments = {"-v", "echo", "hello world"},
        .sees = {"my parent is", "execve(\"echo\")", "hello world"},
        .saw = "One process became two. The copy called execve(2) and is echo "
               "now; the original has waited for it.",
    },
    {
        .chapter = 1,
        .shows = "its exit status becomes ours",
        .arguments = {SHELL("exit 42")},
        .saw = "The command's exit status has become the demo's own, as a "
               "shell would have it.",
        .status = 42,
    },
    {
        .chapter = 1,
        .until = 1,
        .shows = "killed by signal 15: 128 + 15, as in every shell",
        .arguments = {SHELL("kill -TERM $$")},
        .saw = "A killed program has no exit status of its own, so 128 and the "
               "signal's number stand for it.",
        .status = 143,
    },
    {
        .chapter = 1,
        .shows = "a program that is not there: 127",
        .arguments = {"no-such-program"},
        .sees = {"no such program in $PATH"},
        .saw = "Only the child can find out that there is no such program, and "
               "its status tells us.",
        .status = 127,
    },
    {
        .chapter = 1,
        .shows = "a stopped child is not a dead one",
        .arguments = {"-v", SHELL("trap : TERM" THEN_WAIT)},
        .host = "kill -STOP $PID; cd /proc\n"
                "until grep '^State.*T' $PID/status; do sleep 0.01; done\n"
                "while grep -q 'ShdPnd:.*1....$' $DEMO_PID/status; do :; done\n"
                "sleep 0.1; kill -CONT $PID",
        .sees = {"T (stopped)", "stopped by signal 19"},
        .saw = "waitpid(2) told of a stop, a continuation and an end. Only the "
               "last one is the end.",
    },
};

const size_t scene_count = sizeof(scenes) / sizeof(*scenes);

int newest_chapter(void)
{
    return scenes[scene_count - 1].chapter;
}
