/*
 * util.c - what every module needs: errors, narration, files, memory.
 *
 * It must never know anything about containers, and never print more than one
 * line for an error. It grew out of die() in step01.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/log_record.h"
#include "base/util.h"

/* Configuration files are small; more than this is a mistake or an attack. */
static const size_t FILE_SIZE_MAX = 16 << 20;

static struct {
    const char *program_name;
    int log_fd;
    int file_fd; /* --log FILE, or -1 */
    bool is_json;
    bool verbose;
    bool is_child;
    int report_fd; /* the child's: its lines go to the parent, who logs them */
} settings = {
    .program_name = "demo",
    .log_fd = STDERR_FILENO,
    .file_fd = -1,
    .report_fd = -1,
};

void set_program_name(const char *argv0)
{
    if (!argv0)
        return;
    const char *slash = strrchr(argv0, '/');
    settings.program_name = slash ? slash + 1 : argv0;
}

const char *program_name(void)
{
    return settings.program_name;
}

void log_to(int fd)
{
    settings.log_fd = fd;
}

void log_to_file(const char *path, bool is_json)
{
    settings.is_json = is_json;
    settings.file_fd =
        open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);
    if (settings.file_fd == -1)
        die("open the log %s", path);
}

void become_child(void)
{
    settings.is_child = true;
}

/* Where we wrote before may be a pipe, and its reader may wait until it has
 * been closed by all who have it: so by us, too. */
void report_to(int fd)
{
    settings.report_fd = fd;
    if (settings.log_fd != STDERR_FILENO)
        close_fd(&settings.log_fd);
    close_fd(&settings.file_fd);
    settings.log_fd = STDERR_FILENO;
    settings.file_fd = -1;
}

void set_verbose(bool on)
{
    settings.verbose = on;
}

bool is_verbose(void)
{
    return settings.verbose;
}

/* One write(2) for the whole line, so that two processes' lines do not mix.
 * Nobody is left to tell if it fails. */
static void write_line(int fd, char *line, size_t length, size_t space)
{
    if (length > space - 1)
        length = space - 1;
    line[length++] = '\n';
    ssize_t ignored = write(fd, line, length);
    (void)ignored;
}

void log_text(enum log_level level, int status, const char *text)
{
    static const char *const names[] = {
        [LOG_ERROR] = "error",
        [LOG_WARNING] = "warning",
        [LOG_DEBUG] = "debug",
    };
    if (settings.file_fd != -1)
        log_record(settings.file_fd, settings.is_json, names[level], text,
                   status == EXIT_RUNTIME);
    if (settings.file_fd != -1 && level == LOG_DEBUG)
        return;
    char line[LINE_SIZE + 128];
    int n = level == LOG_DEBUG ? snprintf(line, sizeof(line), "+ %s", text)
                               : snprintf(line, sizeof(line), "%s: %s",
                                          settings.program_name, text);
    if (n > 0)
        write_line(settings.log_fd, line, (size_t)n, sizeof(line));
}

/* In the child: hand the line to the parent, whose log it is. */
static void report(enum log_level level, int status, const char *text)
{
    struct message message = {.type = MESSAGE_LOG, .level = level};
    message.status = status;
    snprintf(message.text, sizeof(message.text), "%s", text);
    (void)send(settings.report_fd, &message,
               offsetof(struct message, text) + strlen(message.text) + 1,
               MSG_NOSIGNAL);
}

/* An error is one line, and never a command to the terminal that shows it,
 * whatever somebody has put into a name. */
static void say(enum log_level level, int status, const char *format,
                va_list values)
{
    char text[LINE_SIZE];
    vsnprintf(text, sizeof(text), format, values);
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    }
    if (settings.report_fd != -1)
        report(level, status, text);
    else
        log_text(level, status, text);
}

/* In the child, exit(3) would run the parent's undo functions. */
static _Noreturn void leave(int status)
{
    if (settings.is_child)
        _exit(status);
    exit(status);
}

/* Where " (is it there?)" begins, or the end. The format is ours, while the
 * values may hold anything, parentheses too. */
static size_t find_hint(const char *format)
{
    size_t hint = strlen(format);
    bool is_there = hint > 0 && format[hint - 1] == ')';
    for (const char *p = format; is_there && (p = strstr(p, " (")); p++)
        hint = (size_t)(p - format);
    return hint;
}

/* The hint comes last: of "open %s (is it there?)" is made "open /x: No such
 * file or directory (is it there?)". */
void die(const char *format, ...)
{
    int error = errno;
    char action[512];
    char what[2048];
    va_list values;
    snprintf(action, sizeof(action), "%.*s", (int)find_hint(format), format);
    va_start(values, format);
    vsnprintf(what, sizeof(what), action, values);
    va_end(values);
    size_t length = strlen(what);
    va_start(values, format);
    vsnprintf(what, sizeof(what), format, values);
    va_end(values);
    quit(EXIT_RUNTIME, "%.*s: %s%s", (int)length, what, strerror(error),
         what + length);
}

void die_with_hint(const char *hint, const char *format, ...)
{
    int error = errno;
    char what[2048];
    va_list values;
    va_start(values, format);
    vsnprintf(what, sizeof(what), format, values);
    va_end(values);
    quit(EXIT_RUNTIME, hint ? "%s: %s (%s)" : "%s: %s", what, strerror(error),
         hint);
}

void fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(LOG_ERROR, EXIT_RUNTIME, format, values);
    va_end(values);
    leave(EXIT_RUNTIME);
}

void usage_error(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(LOG_ERROR, EXIT_USAGE, format, values);
    va_end(values);
    leave(EXIT_USAGE);
}

void warn(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(LOG_WARNING, 0, format, values);
    va_end(values);
}

void quit(int status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    say(LOG_ERROR, status, format, values);
    va_end(values);
    leave(status);
}

void narrate(int chapter, const char *format, ...)
{
    if (!settings.verbose)
        return;
    int saved_errno = errno;
    CLEANUP(free_string)
    char *line = print_string("%s  (chapter %02d)", format, chapter);
    va_list values;
    va_start(values, format);
    say(LOG_DEBUG, 0, line, values);
    va_end(values);
    errno = saved_errno;
}

void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        die("allocate %zu times %zu bytes", count, size);
    return memory;
}

char *copy_string(const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        die("copy a string");
    return copy;
}

char *print_string(const char *format, ...)
{
    char *text = NULL;
    va_list values;
    va_start(values, format);
    int length = vasprintf(&text, format, values);
    va_end(values);
    if (length < 0)
        die("make a string");
    return text;
}

char *join_path(const char *directory, const char *name)
{
    size_t length = strlen(directory);
    while (length > 0 && directory[length - 1] == '/')
        length--;
    while (*name == '/')
        name++;
    return print_string("%.*s/%s", (int)length, directory, name);
}

void free_string(char **text)
{
    free(*text);
}

void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* nothing to do about a failure, and no data */
}

bool is_host_root(void)
{
    CLEANUP(free_string)
    char *map = read_file_at(AT_FDCWD, "/proc/self/uid_map");
    unsigned int inside;
    unsigned int outside;
    unsigned int count;
    return geteuid() == 0 &&
           (!map || sscanf(map, "%u %u %u", &inside, &outside, &count) != 3 ||
            count == UINT32_MAX);
}

/*
 * The files of /proc and of a cgroup take what one write(2) brings as the
 * whole: so a short write is an error, not something to continue.
 */
int write_file_at(int directory_fd, const char *path, const char *text)
{
    CLEANUP(close_fd)
    int fd = openat(directory_fd, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd == -1)
        return -1;
    ssize_t written;
    do {
        written = write(fd, text, strlen(text));
    } while (written == -1 && errno == EINTR);
    if (written == -1)
        return -1;
    if ((size_t)written != strlen(text)) {
        errno = EIO;
        return -1;
    }
    return 0;
}

char *read_fd(int fd)
{
    size_t size = 4096;
    size_t length = 0;
    char *text = allocate(1, size);
    for (;;) {
        ssize_t n = read(fd, text + length, size - length - 1);
        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0) {
            text[length] = '\0';
            if (n == 0 && !memchr(text, '\0', length))
                return text;
            errno = n == 0 ? EILSEQ : errno;
            break;
        }
        length += (size_t)n;
        if (length + 1 < size)
            continue;
        if (size >= FILE_SIZE_MAX) {
            errno = EFBIG;
            break;
        }
        size *= 2;
        char *larger = realloc(text, size);
        if (!larger)
            break;
        text = larger;
    }
    int saved_errno = errno;
    free(text);
    errno = saved_errno;
    return NULL;
}

char *read_file_at(int directory_fd, const char *path)
{
    CLEANUP(close_fd)
    int fd = openat(directory_fd, path,
                    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    /* To open a pipe does not wait for somebody who writes; to read does. */
    return fd == -1 || fcntl(fd, F_SETFL, 0) == -1 ? NULL : read_fd(fd);
}

int open_procfs(void)
{
    struct statfs fs;
    int fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd == -1 || fstatfs(fd, &fs) == -1)
        die("open /proc");
    if (fs.f_type != PROC_SUPER_MAGIC)
        fail("open /proc: not a procfs");
    return fd;
}

bool is_file_system(int fd, long magic)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 && (long)fs.f_type == magic;
}

/*
 * A container's image may hold any link, and another container may swap one
 * while we look: so nothing inside a root is ever opened by a plain path. The
 * kernel resolves it with root_fd as "/", "..", absolute links and all, and
 * refuses the magic links of /proc, which lead anywhere: openat2(2).
 */
int open_in_root(int root_fd, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)flags | O_CLOEXEC,
        .mode = flags & O_CREAT ? 0644 : 0,
        .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
    };
    if (without("resolve-in-root"))
        how.resolve = 0;
    while (without("resolve-in-root") && *path == '/')
        path++;
    if (*path == '\0')
        path = ".";
    for (int tries = 0; tries < 100; tries++) {
        long fd = syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
        /* EAGAIN: something on the way was renamed meanwhile. */
        if (fd != -1 || (errno != EINTR && errno != EAGAIN))
            return (int)fd;
    }
    return -1;
}

bool parse_u64(const char *text, uint64_t *value)
{
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

bool parse_size(const char *text, int64_t *bytes)
{
    if (strcmp(text, "max") == 0 || strcmp(text, "-1") == 0) {
        *bytes = -1;
        return true;
    }
    if (*text < '0' || *text > '9')
        return false;
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno)
        return false;
    static const char UNITS[] = "kmgt";
    int shift = 0;
    if (*end) {
        const char *unit = strchr(UNITS, *end | 0x20);
        if (!unit || end[1])
            return false;
        shift = 10 * (int)(unit - UNITS + 1);
    }
    if (value > (uint64_t)INT64_MAX >> shift)
        return false;
    *bytes = (int64_t)(value << shift);
    return true;
}
