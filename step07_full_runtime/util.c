/*
 * util.c - what every module needs: errors, narration, files, memory.
 *
 * It must never know anything about containers, and never print more than one
 * line for an error. It grew out of die() in step01.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util.h"

/* Configuration files are small; more than this is a mistake or an attack. */
static const size_t FILE_SIZE_MAX = 16 << 20;

static struct {
    const char *program_name;
    int log_fd;
    bool verbose;
    bool is_child;
} settings = {.program_name = "demo", .log_fd = STDERR_FILENO};

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

void become_child(void)
{
    settings.is_child = true;
}

void set_verbose(bool on)
{
    settings.verbose = on;
}

bool is_verbose(void)
{
    return settings.verbose;
}

/* One write(2) for the whole line, so that two processes' lines do not mix. */
static void print_line(const char *prefix, const char *format, va_list values,
                       const char *suffix)
{
    char line[4096];
    size_t space = sizeof(line) - 1;
    size_t length = 0;
    for (int part = 0; part < 3 && length < space; part++) {
        int n;
        if (part == 1)
            n = vsnprintf(line + length, space - length, format, values);
        else
            n = snprintf(line + length, space - length, "%s",
                         part == 0 ? prefix : suffix);
        length += n < 0 ? 0 : (size_t)n;
    }
    if (length >= space)
        length = space - 1;
    line[length++] = '\n';
    /* Nobody is left to tell if standard error cannot be written. */
    ssize_t ignored = write(settings.log_fd, line, length);
    (void)ignored;
}

static void print_error(const char *format, va_list values, const char *suffix)
{
    char prefix[64];
    snprintf(prefix, sizeof(prefix), "%s: ", settings.program_name);
    print_line(prefix, format, values, suffix);
}

/* In the child, exit(3) would run the parent's undo functions. */
static _Noreturn void leave(int status)
{
    if (settings.is_child)
        _exit(status);
    exit(status);
}

void die(const char *format, ...)
{
    int error = errno;
    char what[2048];
    va_list values;
    va_start(values, format);
    vsnprintf(what, sizeof(what), format, values);
    va_end(values);
    /* A hint comes last: "open /x (is it there?)" was ours, then the kernel's
     * reason, so we print "open /x: No such file (is it there?)". */
    size_t length = strlen(what);
    const char *hint = what + length;
    if (length && what[length - 1] == ')') {
        for (const char *p = what; (p = strstr(p, " (")); p++)
            hint = p;
    }
    quit(EXIT_RUNTIME, "%.*s: %s%s", (int)(hint - what), what, strerror(error),
         hint);
}

void fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    print_error(format, values, "");
    va_end(values);
    leave(EXIT_RUNTIME);
}

void usage_error(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    print_error(format, values, "");
    va_end(values);
    leave(EXIT_USAGE);
}

void warn(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    print_error(format, values, "");
    va_end(values);
}

void quit(int status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    print_error(format, values, "");
    va_end(values);
    leave(status);
}

void narrate(int chapter, const char *format, ...)
{
    if (!settings.verbose)
        return;
    char suffix[32];
    snprintf(suffix, sizeof(suffix), "  (chapter %02d)", chapter);
    int saved_errno = errno;
    va_list values;
    va_start(values, format);
    print_line("+ ", format, values, suffix);
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
    int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    return fd == -1 ? NULL : read_fd(fd);
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
