/*
 * inject.c - run a command, and have one system call of it go wrong.
 *
 *   inject --log FILE [option...] COMMAND [ARGUMENT...]
 *
 * Every process of the command is traced, and numbered in the order in which
 * they were made: the command itself is 0. So are the calls of each, from 1.
 * "--at 1:37" is the 37th call of the first process that the command made,
 * whatever the others do meanwhile.
 *
 *   --list           write every call that can go wrong into the log
 *   --at P:N         the call that something is done about:
 *   --errno E          it is not made, and fails with this number of errno
 *   --short            it reads or writes half of what it was to
 *   --signal S         the process gets this signal before it
 *   --signal-first S   process 0 gets it
 *   --until NAME     who executes a program of this name is no longer traced
 *   --also PID       trace this process, too, as number 1
 *   --limit SECONDS  end it all then (20)
 *
 * The log has a line for each of: "call P N NAME" (--list), "done P N NAME",
 * "until P", "died P SIGNAL", and "hangs P N NAME", in which call each process
 * was when the time was up.
 *
 * The exit status is the command's, 128+N if signal N killed it, 124 if it was
 * ended, 125 if we could not trace it. ptrace(2)
 */
#define _GNU_SOURCE

#include <errno.h>
#include <getopt.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __x86_64__
#error "it knows the registers of x86-64 alone"
#endif

enum {
    PROCESSES_MAX = 200, /* more is a mistake: all are ended */
    EXIT_TIME_UP = 124,
    EXIT_FAILED = 125,
};

struct process {
    pid_t pid; /* 0: it has gone, or is traced no longer */
    long calls;
    long call; /* the number of the system call that it is in */
    bool struck; /* at the end of this call it gets the error, or these back: */
    unsigned long long rdi;
    unsigned long long rdx;
};

static struct {
    bool list;
    long at_process;
    long at_call; /* 0: nothing is done */
    int error;
    bool cut;
    int signal;
    int signal_first;
    const char *until;
    pid_t also;
    unsigned int limit;
    FILE *log;
} options = {.limit = 20};

static struct process processes[PROCESSES_MAX];
static long process_count;
static volatile sig_atomic_t time_is_up;
static bool is_done; /* from then on calls are no longer looked at */

static const unsigned long TRACE = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
                                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                                   PTRACE_O_TRACEEXEC;

static void end_all(void)
{
    for (long i = 0; i < process_count; i++) {
        if (processes[i].pid)
            (void)kill(processes[i].pid, SIGKILL); /* it may have gone */
    }
}

_Noreturn static void die(const char *what)
{
    fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
    end_all();
    exit(EXIT_FAILED);
}

static const char *call_name(long call)
{
    static char *name;
    free(name);
    name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)call);
    return name ? name : "?";
}

static void note_call(const char *what, const struct process *p)
{
    fprintf(options.log, "%s %td %ld %s\n", what, p - processes, p->calls,
            call_name(p->call));
}

/* Some calls can't fail, or there is nothing to be done about it. */
static bool may_fail(long call)
{
    static const long never[] = {
        SYS_exit,
        SYS_exit_group,
        SYS_rt_sigreturn,
        SYS_getpid,
        SYS_getppid,
        SYS_gettid,
        SYS_getuid,
        SYS_geteuid,
        SYS_getgid,
        SYS_getegid,
        SYS_umask,
        SYS_set_tid_address,
        SYS_set_robust_list,
        SYS_rseq,
        SYS_arch_prctl,
        SYS_restart_syscall,
    };
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++) {
        if (call == never[i])
            return false;
    }
    return true;
}

/* Is this address in the dynamic loader, which is not the command's own? */
static bool is_loader(pid_t pid, unsigned long address)
{
    char line[4096];
    unsigned long begin;
    unsigned long end;
    bool found = false;
    snprintf(line, sizeof(line), "/proc/%d/maps", pid);
    FILE *maps = fopen(line, "re");
    while (maps && fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%lx-%lx", &begin, &end) == 2 && begin <= address &&
            address < end)
            found = strstr(line, "/ld-linux") || strstr(line, "/ld-2");
    }
    if (maps)
        fclose(maps);
    return found;
}

static struct process *find(pid_t pid)
{
    for (long i = 0; i < process_count; i++) {
        if (processes[i].pid == pid)
            return &processes[i];
    }
    if (process_count == PROCESSES_MAX) {
        errno = EAGAIN;
        die("too many processes");
    }
    processes[process_count] = (struct process){.pid = pid};
    return &processes[process_count++];
}

static void resume(const struct process *p, int request, int signal)
{
    if (request == PTRACE_SYSCALL && is_done && !p->struck)
        request = PTRACE_CONT;
    /* One that was killed while it stood still is no longer there. */
    if (ptrace(request, p->pid, NULL, (long)signal) == -1 && errno != ESRCH)
        die("go on");
}

/* Half of it. The count is the third argument of all of these. */
static bool cut(struct user_regs_struct *registers)
{
    long call = (long)registers->orig_rax;
    if ((call != SYS_read && call != SYS_write && call != SYS_pread64 &&
         call != SYS_pwrite64) ||
        registers->rdx < 2)
        return false;
    registers->rdx /= 2;
    return true;
}

/* What goes wrong at this call. False: this can't go wrong here. */
static bool strike(struct process *p)
{
    struct user_regs_struct registers;
    if (options.signal)
        return kill(p->pid, options.signal) == 0;
    if (options.signal_first)
        return processes[0].pid &&
               kill(processes[0].pid, options.signal_first) == 0;
    if (ptrace(PTRACE_GETREGS, p->pid, NULL, &registers) == -1)
        return false;
    p->rdi = registers.rdi;
    p->rdx = registers.rdx;
    if (options.cut && !cut(&registers))
        return false;
    if (!options.cut && p->call == SYS_brk)
        registers.rdi = 0; /* brk(2) tells by its result that nothing changed */
    else if (!options.cut && p->call != SYS_close) /* it closes even so */
        registers.orig_rax =
            (unsigned long long)-1; /* no call has this number */
    p->struck = true;
    return ptrace(PTRACE_SETREGS, p->pid, NULL, &registers) == 0;
}

static void enter_call(struct process *p,
                       const struct __ptrace_syscall_info *info)
{
    p->calls++;
    p->call = (long)info->entry.nr;
    bool signals = options.signal || options.signal_first;
    bool here =
        options.at_call == p->calls && options.at_process == p - processes;
    if (p->calls <= 0 || (!here && !options.list) ||
        (!signals && !may_fail(p->call)) ||
        is_loader(p->pid, info->instruction_pointer))
        return;
    if (options.list)
        note_call("call", p);
    else if (strike(p)) {
        note_call("done", p);
        is_done = true;
    }
}

static void leave_call(struct process *p)
{
    struct user_regs_struct registers;
    if (!p->struck)
        return;
    p->struck = false;
    if (ptrace(PTRACE_GETREGS, p->pid, NULL, &registers) == -1)
        return; /* killed meanwhile */
    registers.rdi = p->rdi;
    registers.rdx = p->rdx;
    if (!options.cut && p->call != SYS_brk)
        registers.rax = (unsigned long long)-options.error;
    (void)ptrace(PTRACE_SETREGS, p->pid, NULL, &registers);
}

static void stop_at_call(struct process *p)
{
    struct __ptrace_syscall_info info;
    if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof(info), &info) > 0) {
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
            enter_call(p, &info);
        else
            leave_call(p);
    }
    resume(p, PTRACE_SYSCALL, 0);
}

/* A program has begun. Do we go along? */
static void stop_at_exec(struct process *p)
{
    char name[64] = "";
    snprintf(name, sizeof(name), "/proc/%d/comm", p->pid);
    FILE *file = fopen(name, "re");
    if (file && fgets(name, sizeof(name), file))
        name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
    if (p == processes && p->calls < 0)
        p->calls = 0; /* the command itself */
    if (!options.until || strcmp(name, options.until) != 0) {
        resume(p, PTRACE_SYSCALL, 0);
        return;
    }
    fprintf(options.log, "until %td\n", p - processes);
    resume(p, PTRACE_DETACH, 0);
    p->pid = 0;
}

static void stop(struct process *p, int status)
{
    int event = status >> 16;
    int signal = WSTOPSIG(status);
    unsigned long child;
    if (signal == (SIGTRAP | 0x80))
        stop_at_call(p);
    else if (event == PTRACE_EVENT_EXEC)
        stop_at_exec(p);
    else if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
        resume(p, PTRACE_LISTEN, 0); /* stopped as by Ctrl-Z */
    else if (event == 0)
        resume(p, PTRACE_SYSCALL, signal);
    else {
        /* The number of a new process is fixed before it runs. */
        if (event != PTRACE_EVENT_STOP &&
            ptrace(PTRACE_GETEVENTMSG, p->pid, NULL, &child) == 0)
            (void)find((pid_t)child);
        resume(p, PTRACE_SYSCALL, 0);
    }
}

static void note_time(int signal)
{
    (void)signal;
    time_is_up = 1;
}

static void end_hanging(void)
{
    for (long i = 0; i < process_count; i++) {
        if (processes[i].pid)
            note_call("hangs", &processes[i]);
    }
    end_all();
    exit(EXIT_TIME_UP);
}

/* Until process 0 has ended. The others, if there are any, go on without us. */
static int trace(void)
{
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, __WALL);
        if (time_is_up)
            end_hanging();
        if (pid == -1 && errno == EINTR)
            continue;
        if (pid == -1)
            die("wait");
        struct process *p = find(pid);
        if (WIFSTOPPED(status)) {
            stop(p, status);
            continue;
        }
        p->pid = 0;
        if (WIFSIGNALED(status))
            fprintf(options.log, "died %td %d\n", p - processes,
                    WTERMSIG(status));
        if (p == processes)
            return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                       : WEXITSTATUS(status);
    }
}

static void seize(pid_t pid)
{
    if (ptrace(PTRACE_SEIZE, pid, NULL, TRACE) == -1 ||
        ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == -1)
        die("trace a process");
    (void)find(pid);
}

/* The command waits until it is traced. Its calls count from execve(2) on. */
static void start(char **argv)
{
    int ready[2];
    if (pipe2(ready, 0) == -1)
        die("make a pipe");
    pid_t pid = fork();
    if (pid == -1)
        die("fork");
    if (pid == 0) {
        char byte;
        close(ready[1]);
        if (read(ready[0], &byte, 1) != 1 || close(ready[0]) == -1)
            _exit(EXIT_FAILED);
        execvp(argv[0], argv);
        die(argv[0]);
    }
    close(ready[0]);
    seize(pid);
    processes[0].calls = -1000;
    if (options.also)
        seize(options.also);
    if (write(ready[1], "", 1) != 1)
        die("write to a pipe");
    close(ready[1]);
}

static void parse_options(int argc, char **argv)
{
    static const struct option names[] = {
        {"list", no_argument, NULL, 'l'},
        {"at", required_argument, NULL, 'a'},
        {"errno", required_argument, NULL, 'e'},
        {"short", no_argument, NULL, 'c'},
        {"signal", required_argument, NULL, 's'},
        {"signal-first", required_argument, NULL, 'f'},
        {"until", required_argument, NULL, 'u'},
        {"also", required_argument, NULL, 'p'},
        {"limit", required_argument, NULL, 't'},
        {"log", required_argument, NULL, 'o'},
        {0},
    };
    for (int c; (c = getopt_long(argc, argv, "+", names, NULL)) != -1;) {
        switch (c) {
        case 'l':
            options.list = true;
            break;
        case 'a':
            if (sscanf(optarg, "%ld:%ld", &options.at_process,
                       &options.at_call) != 2)
                exit(EXIT_FAILED);
            break;
        case 'e':
            options.error = atoi(optarg);
            break;
        case 'c':
            options.cut = true;
            break;
        case 's':
            options.signal = atoi(optarg);
            break;
        case 'f':
            options.signal_first = atoi(optarg);
            break;
        case 'u':
            options.until = optarg;
            break;
        case 'p':
            options.also = atoi(optarg);
            break;
        case 't':
            options.limit = (unsigned int)atoi(optarg);
            break;
        case 'o':
            options.log = fopen(optarg, "we");
            break;
        default:
            exit(EXIT_FAILED);
        }
    }
    if (!options.log || !argv[optind])
        die("usage: inject --log FILE [option...] COMMAND [ARGUMENT...]");
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    start(argv + optind);
    struct sigaction action = {.sa_handler = note_time};
    sigaction(SIGALRM, &action, NULL);
    alarm(options.limit);
    int status = trace();
    fclose(options.log);
    return status;
}
