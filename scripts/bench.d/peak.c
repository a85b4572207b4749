/*
 * peak.c - the most memory that a command had at a time, in KiB.
 *
 *   peak COMMAND...   run it, and print that of the largest process of it
 *
 * A process is counted from its fork(2) on: so this one has to be small.
 * getrusage(2), ru_maxrss.
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int status = 1;
    struct rusage usage = {0};
    if (argc < 2)
        return 2;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    if (pid == -1 || wait4(pid, &status, 0, &usage) == -1)
        perror("run the command");
    printf("%ld\n", usage.ru_maxrss);
    return status != 0;
}
