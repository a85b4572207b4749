/*
 * scenes.c - what each chapter's demonstration shows.
 */
#include "demonstration.h"

/* A script for the container's shell; the host looks while it waits. */
#define SHELL(script) "/bin/sh", "-c", script
#define THEN_WAIT "; echo ready; read _ || :"

const struct scene scenes[] = {
    {
        .chapter = 1,
        .shows = "fork(2) makes a child; execve(2) makes it another program",
        .arguments = {"-v", "echo", "hello world"},
        .sees = {"my parent is", "execve(\"echo\")", "hello world"},
    },
    {
        .chapter = 1,
        .shows = "its exit status becomes ours",
        .arguments = {SHELL("exit 42")},
        .status = 42,
    },
    {
        .chapter = 1,
        .until = 1,
        .shows = "killed by signal 15: 128 + 15, as in every shell",
        .arguments = {SHELL("kill -TERM $$")},
        .status = 143,
    },
    {
        .chapter = 1,
        .shows = "a program that is not there: 127",
        .arguments = {"no-such-program"},
        .sees = {"no such program in $PATH"},
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
    },
};

const size_t scene_count = sizeof(scenes) / sizeof(*scenes);

int newest_chapter(void)
{
    return scenes[scene_count - 1].chapter;
}
