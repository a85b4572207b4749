/*
 * util.h - what every module needs: errors, narration, files, memory.
 *
 * It knows nothing about containers. It grew out of die() in step01.
 */
#ifndef RUNG_UTIL_H
#define RUNG_UTIL_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>

/* The exit statuses that are ours; every other one is the command's. */
enum {
    EXIT_USAGE = 2,
    EXIT_RUNTIME = 125,
    EXIT_CANNOT_EXECUTE = 126,
    EXIT_NOT_FOUND = 127,
};

#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* --- errors: always one line, on the descriptor that log_to() names --- */

/* The name errors start with: "demo" or "rung", after argv[0]. */
void set_program_name(const char *argv0);
const char *program_name(void);

/* Keep the caller's standard error for errors and narration, even when the
 * container's own standard error becomes a terminal. */
void log_to(int fd);

/* "demo: mount /x: Permission denied", exit status 125. die() adds errno's
 * text; fail() does not, for errors that we found ourselves. */
_Noreturn void die(const char *format, ...) PRINTF(1, 2);
/* The same with a hint that depends on something; NULL: none. */
_Noreturn void die_with_hint(const char *hint, const char *format, ...)
    PRINTF(2, 3);
_Noreturn void fail(const char *format, ...) PRINTF(1, 2);
/* The same for a wrong command line: exit status 2. */
_Noreturn void usage_error(const char *format, ...) PRINTF(1, 2);
/* A line that does not end the program. */
void warn(const char *format, ...) PRINTF(1, 2);
/* Print one line and leave with this status. */
_Noreturn void quit(int status, const char *format, ...) PRINTF(2, 3);

/* --log FILE: the same lines as records with a time, "time=... level=error
 * msg=..." or JSON, in the form in which engines read runc's log. */
void log_to_file(const char *path, bool is_json);

enum log_level {
    LOG_ERROR,
    LOG_WARNING,
    LOG_DEBUG, /* narration */
};
/* Log a line that is complete, such as one that the child has reported; status
 * is what an error ends the program with. */
void log_text(enum log_level level, int status, const char *text);

/* From here on this process is the container's side: die() must _exit(2), so
 * that the parent's undo functions (atexit) do not run in the child. */
void become_child(void);
/* The child's lines, packed in messages, go to the socket of its parent: only
 * the parent has the log open. channel.h */
void report_to(int fd);

/* What parent and child say to each other, a packet each. channel.h */
enum message_type {
    MESSAGE_LOG, /* level, status (of an error that ends the child), text */
    MESSAGE_GO, /* the parent: go on; status: your PID on the host */
    MESSAGE_OPEN, /* the child: open this path for me; status: a link itself */
    MESSAGE_OPENED, /* the answer: errno, or a descriptor comes along */
    MESSAGE_TERMINAL, /* a descriptor comes along */
    MESSAGE_HOOKS, /* the container is made: now prestart, createRuntime */
    MESSAGE_READY, /* created: waits for "start" */
    MESSAGE_EXECUTING, /* only execve(2) is left to do */
};

enum {
    LINE_SIZE = 4096
};

struct message {
    int type;
    int level;
    int status;
    char text[LINE_SIZE];
};

/* --- narration: one line for a kernel call, with -v --- */

/*
 * narrate(4, "mount(\"proc\", \"%s\") # mount -t proc proc %s", path, path);
 * The text before " # " is the kernel call, after it the shell command that
 * does the same; the number is the chapter (the step) that explains it.
 */
void narrate(int chapter, const char *format, ...) PRINTF(2, 3);
void set_verbose(bool on);
bool is_verbose(void);

/* --- safeguards that --without=WORD leaves out, to show what they stop --- */

/* False if the word is not one that we know. */
bool leave_out(const char *word);
/* True if --without=WORD was given. A word that is not in the list aborts. */
bool without(const char *word);
/* For --help: word and explanation number i, or false after the last. */
bool safeguard(size_t i, const char **word, const char **meaning);

/* --- memory and strings: all of them die when memory ends --- */

void *allocate(size_t count, size_t size); /* zeroed */
char *copy_string(const char *text);
char *print_string(const char *format, ...) PRINTF(1, 2);
/* Join with exactly one slash between. */
char *join_path(const char *directory, const char *name);

/* Run at the end of the block: CLEANUP(free_string) char *path = ...; */
#define CLEANUP(function) __attribute__((cleanup(function)))
void free_string(char **text);
void close_fd(int *fd); /* closes it unless it is negative */

/* --- files: EINTR is invisible, descriptors are O_CLOEXEC --- */

/* Write the whole text to an existing file; -1 and errno on failure. Not for
 * big files: id maps and cgroup files must be written in one write(2). */
int write_file_at(int directory_fd, const char *path, const char *text);
/* Same, but opened for reading: the whole file, '\0'-terminated, malloc()ed;
 * NULL and errno on failure: EFBIG over 16 MB, EILSEQ if it is not text. A
 * pipe that nobody writes to is empty. */
char *read_file_at(int directory_fd, const char *path);

/* Root in a user namespace may call itself so, but is an ordinary user to the
 * host: user_namespaces(7). */
bool is_host_root(void);
char *read_fd(int fd);

/* /proc, where a mount could fake what we write to: so it has to be a real
 * procfs, or the program ends. */
int open_procfs(void);
/* True if the file system under fd is of this type (PROC_SUPER_MAGIC, ...). */
bool is_file_system(int fd, long magic);

/* openat2(2) without following anything out of root_fd: a link or ".." in
 * the path is resolved as if root_fd were "/"; magic links are refused. */
int open_in_root(int root_fd, const char *path, int flags);

/* --- numbers: false unless the whole text is one --- */

bool parse_u64(const char *text, uint64_t *value);
/* "50M", "1G", "4096", "max" or "-1" (unlimited: -1). */
bool parse_size(const char *text, int64_t *bytes);

#endif
