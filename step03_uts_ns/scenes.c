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
    {
        .chapter = 2,
        .shows = "the container's process 1 has no parent in there",
        .arguments = {"-v", SHELL("echo I am $$, my parent is $PPID")},
        .sees = {"clone3() =", "demo[1]: execve", "I am 1, my parent is 0"},
        .saw = "The shell is process 1 in there, and nobody is its parent: in "
               "its PID namespace there is no other process.",
    },
    {
        .chapter = 2,
        .shows = "the host knows it by another number: the same process, twice",
        .arguments = {SHELL("echo I am $$" THEN_WAIT)},
        .host = "echo I see $PID; grep NSpid /proc/$PID/status",
        .sees = {"I am 1", "I see ", "\t1\n"},
        .saw = "One process with two numbers: the first is the host's, the "
               "last the container's own.",
    },
    {
        .chapter = 2,
        .until = 3,
        .shows = "ps still shows the host: /proc is still the host's",
        .arguments = {SHELL("read pid rest </proc/self/stat\n"
                            "echo I am $$, but /proc calls me $pid\n"
                            "[ $pid != 1 ] && echo it is not my /proc")},
        .sees = {"I am 1, but", "it is not my /proc"},
        .saw = "getpid(2) and /proc disagree, because /proc is still the "
               "host's. Step 04 gives the container its own.",
    },
    {
        .chapter = 2,
        .shows = "process 1 is deaf to signals that it has no handler for",
        .arguments = {SHELL("kill -TERM $$; kill -KILL $$; echo still here")},
        .sees = {"still here"},
        .saw =
            "It sent itself SIGTERM and SIGKILL, and lives. In its own "
            "namespace, process 1 gets only signals that it has a handler for.",
    },
    {
        .chapter = 2,
        .shows = "who loses its parent in there gets process 1 as its parent",
        .arguments = {SHELL("(sleep 1000 &)" THEN_WAIT)},
        .host = "read orphan rest </proc/$PID/task/$PID/children\n"
                "ps -o pid,ppid,comm -p $PID,$orphan 2>/dev/null ||\n"
                "    grep -H PPid /proc/$orphan/status\n"
                "grep -q \"PPid:.$PID$\" /proc/$orphan/status && echo adopted",
        .sees = {"adopted"},
        .saw = "The sleep lost its parent, and its new parent is the "
               "container's process 1, not the host's.",
    },
    {
        .chapter = 2,
        .shows = "a process 1 that does not wait for it leaves a zombie",
        .arguments = {SHELL("(sleep 0.1 &); echo ready; exec cat")},
        .host = "for try in 1 2 3 4 5 6 7 8 9; do\n"
                "    read zombie rest </proc/$PID/task/$PID/children\n"
                "    grep '^State.*Z' /proc/$zombie/status && break\n"
                "    sleep 0.1\n"
                "done",
        .sees = {"Z (zombie)"},
        .saw = "cat never asks how its children ended. So a dead one stays in "
               "the table, as a zombie.",
    },
    {
        .chapter = 2,
        .shows = "each namespace is a flag: -n and -i here, no -U",
        .arguments = {"-n", "-i", SHELL("cd /proc/self" THEN_WAIT)},
        .host =
            "for type in ipc net pid user; do\n"
            "    echo $type: host $(readlink /proc/self/ns/$type),"
            " container $(readlink /proc/$PID/ns/$type)\n"
            "done\n"
            "[ /proc/self/ns/net -ef /proc/$PID/ns/net ] || echo two nets\n"
            "[ /proc/self/ns/user -ef /proc/$PID/ns/user ] && echo one user",
        .sees = {"two nets", "one user"},
        .saw = "Where the numbers differ, the container has a namespace of its "
               "own; where they are equal, it shares the host's.",
    },
    {
        .chapter = 3,
        .shows = "a name of its own; the host keeps its own",
        .arguments = {"-v", "--hostname", "box", SHELL("uname -n" THEN_WAIT)},
        .host = "uname -n; [ $(uname -n) != box ] && echo it is still me",
        .sees = {"sethostname(\"box\")", "\nbox\n", "it is still me"},
        .saw = "Two names at the same time. sethostname(2) changed the one in "
               "the container's UTS namespace, and no other.",
    },
    {
        .chapter = 3,
        .shows = "it may change its name, too, and the host does not notice",
        .arguments = {SHELL("uname -n; hostname mine; uname -n" THEN_WAIT)},
        .host = "[ $(uname -n) != mine ] && echo it is still me",
        .sees = {"container\n", "mine\n", "it is still me"},
        .saw = "Root in the container renamed it once more. The host's name is "
               "another one, in another namespace.",
    },
};

const size_t scene_count = sizeof(scenes) / sizeof(*scenes);

int newest_chapter(void)
{
    return scenes[scene_count - 1].chapter;
}
