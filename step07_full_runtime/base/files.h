/*
 * files.h - read, write and open files. EINTR is invisible, descriptors are
 * O_CLOEXEC.
 */
#ifndef RUNG_FILES_H
#define RUNG_FILES_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>

/* Closes it, unless it is negative, and makes it -1; errno stays. */
void close_fd(int *fd);

/* Write the whole text to an existing file; -1 and errno on failure. Not for
 * big files: id maps and cgroup files must be written in one write(2). */
int write_file_at(int directory_fd, const char *path, const char *text);
/* Same, but opened for reading: the whole file, '\0'-terminated, malloc()ed;
 * NULL and errno on failure: EFBIG over 16 MB, EILSEQ if it is not text. A
 * pipe that nobody writes to is empty. */
char *read_file_at(int directory_fd, const char *path);
/* The same of an open file. */
char *read_fd(int fd);
/* Is there anything of this name? What else keeps us from looking ends the
 * program: a look that failed is not "no". */
bool file_exists_at(int directory_fd, const char *path)
    __attribute__((nonnull));

/* A directory's entries: from the beginning, whoever has read it before, and
 * never through a link. NULL and errno. */
DIR *open_directory(int at_fd, const char *path);
void close_directory(DIR **directory); /* with CLEANUP() */

/* /proc, where a mount could fake what we write to: so it has to be a real
 * procfs, or the program ends. */
int open_procfs(void);
/* True if the file system under fd is of this type (PROC_SUPER_MAGIC, ...). */
bool is_file_system(int fd, long magic);

/* openat2(2) without following anything out of root_fd: a link or ".." in
 * the path is resolved as if root_fd were "/"; magic links are refused. */
int open_in_root(int root_fd, const char *path, int flags);

/* In place: "\040" in a path of /proc/self/mountinfo is a space.
 * proc_pid_mountinfo(5) */
void unescape_mount(char *path);

#endif
