/* A process 1: starts a command, passes SIGTERM on, reaps every orphan. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile pid_t command;

/* With a handler, process 1 hears the signal: pid_namespaces(7) */
static void pass_on(int signal)
{
    kill(command, signal);
}

int main(int argc, char **argv)
{
    int status = 0;
    if (argc < 2)
        return 2;
    command = fork();
    if (command == -1)
        return 125;
    if (command == 0) {
        execvp(argv[1], argv + 1);
        perror(argv[1]);
        _exit(127);
    }
    signal(SIGTERM, pass_on); /* it restarts waitpid(2) */
    for (;;) {
        pid_t ended = waitpid(-1, &status, 0); /* whoever it is: reaped */
        if (ended == command || ended == -1)
            break;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
