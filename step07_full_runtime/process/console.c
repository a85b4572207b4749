/*
 * console.c - a terminal of the container's own: pty(7).
 *
 * The container never holds the caller's terminal: it could type into it. We
 * stand between, and pass bytes as they are. The caller's terminal must get
 * its old settings back, however we end. New in step07.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/files.h"
#include "base/memory.h"
#include "base/report.h"
#include "process/console.h"

/*
 * A terminal writes "\r\n" for "\n". A caller who has none of his own gets
 * plain lines; our raw terminal, and an engine's, expect it as it is.
 */
static void set_newlines(int terminal_fd, const char *console_socket)
{
    struct termios settings;
    if (console_socket || isatty(STDOUT_FILENO))
        return;
    if (tcgetattr(terminal_fd, &settings) == -1)
        die("read the settings of the terminal");
    settings.c_oflag &= ~(tcflag_t)ONLCR;
    if (tcsetattr(terminal_fd, TCSANOW, &settings) == -1)
        die("change the settings of the terminal");
}

/*
 * The pair comes from the container's own devpts, so that its name there is
 * right. TIOCGPTPEER opens the other side without any path: pty(7).
 */
void console_open(const struct spec *spec, int socket_fd,
                  const char *console_socket)
{
    if (!spec->process.terminal)
        return;
    narrate(7, "open(\"/dev/pts/ptmx\") # script -c ...");
    CLEANUP(close_fd)
    int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(close_fd)
    int master_fd = open_in_root(root_fd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY);
    if (master_fd == -1 || !is_file_system(master_fd, DEVPTS_SUPER_MAGIC))
        die("open /dev/pts/ptmx in the root (config.json mounts no devpts?)");
    int unlock = 0;
    if (ioctl(master_fd, TIOCSPTLCK, &unlock) == -1)
        die("unlock the terminal");
    CLEANUP(close_fd)
    int slave_fd = ioctl(master_fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (slave_fd == -1)
        die("open the terminal");
    /* EPERM, EINVAL: that id is not ours to give, or not mapped. */
    if (fchown(slave_fd, spec->process.uid, (gid_t)-1) == -1)
        narrate(7, "fchown(terminal): %s", strerror(errno));
    set_newlines(slave_fd, console_socket);
    if (ioctl(slave_fd, TIOCSCTTY, 0) == -1)
        die("take the terminal");
    for (int fd = 0; fd <= 2; fd++) {
        if (dup2(slave_fd, fd) == -1)
            die("take the terminal");
    }
    struct winsize size = {
        .ws_row = (unsigned short)spec->process.console_rows,
        .ws_col = (unsigned short)spec->process.console_columns,
    };
    if (spec->process.console_rows && ioctl(slave_fd, TIOCSWINSZ, &size) == -1)
        die("set the size of the terminal");
    struct message message = {.type = MESSAGE_TERMINAL};
    if (channel_send_fd(socket_fd, &message, sizeof(message), master_fd) == -1)
        die("send the terminal to the parent");
}

/*
 * Who asked for it (an engine) listens there, and from then on the terminal is
 * his; what we send beside it is its name, for him to show.
 */
void console_hand_over(const char *path, int terminal_fd)
{
    static const char name[] = "/dev/pts/ptmx";
    CLEANUP(close_fd) int fd = channel_connect(path, SOCK_STREAM);
    if (fd == -1)
        die("connect to the console socket %s (does its owner listen?)", path);
    if (channel_send_fd(fd, name, sizeof(name), terminal_fd) == -1)
        die("send the terminal to %s", path);
}

static struct termios saved_settings;
static bool is_raw;

static void restore_settings(void)
{
    if (is_raw)
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_settings);
    is_raw = false;
}

void console_resize(int terminal_fd)
{
    struct winsize size;
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
        (void)ioctl(terminal_fd, TIOCSWINSZ, &size);
}

static void make_raw(void)
{
    struct termios raw = saved_settings;
    cfmakeraw(&raw);
    if (!isatty(STDOUT_FILENO)) /* plain lines may come here through a pipe */
        raw.c_oflag = saved_settings.c_oflag;
    is_raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void console_suspend(void)
{
    bool was_raw = is_raw;
    restore_settings();
    (void)raise(SIGTSTP); /* we go on here after "fg" */
    if (was_raw)
        make_raw();
}

/*
 * Raw: every key is passed on as it is, Ctrl-C too; the container's terminal
 * makes the signal of it.
 */
void console_start(const struct spec *spec, int terminal_fd)
{
    if (!spec->process.console_rows)
        console_resize(terminal_fd);
    /* No write to it may block us: the container may not be reading. */
    int flags = fcntl(terminal_fd, F_GETFL);
    if (flags == -1 || fcntl(terminal_fd, F_SETFL, flags | O_NONBLOCK) == -1)
        die("set up the terminal");
    if (tcgetattr(STDIN_FILENO, &saved_settings) == -1)
        return; /* not a terminal: nothing to change */
    (void)atexit(restore_settings);
    make_raw();
}

/* What was typed and has not yet been taken by the container. */
static struct {
    char bytes[4096];
    size_t start;
    size_t end;
    bool closed; /* our standard input has ended */
} typed;

int console_poll_fds(struct pollfd *fds, int terminal_fd)
{
    bool is_empty = typed.start == typed.end;
    fds[0] = (struct pollfd){.fd = terminal_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    if (!is_empty)
        fds[0].events |= POLLOUT;
    if (!is_empty || typed.closed)
        fds[1].fd = -1;
    return 2;
}

int console_signal_key(const struct pollfd *fds, int terminal_fd, int pid)
{
    struct termios settings;
    if (!(fds[0].revents & POLLOUT) || typed.end - typed.start != 1 ||
        tcgetattr(terminal_fd, &settings) == -1 || !(settings.c_lflag & ISIG) ||
        tcgetpgrp(terminal_fd) != pid)
        return 0;
    cc_t key = (cc_t)typed.bytes[typed.start];
    if (key == settings.c_cc[VINTR])
        return SIGINT;
    if (key == settings.c_cc[VQUIT])
        return SIGQUIT;
    return key == settings.c_cc[VSUSP] ? SIGTSTP : 0;
}

void console_forget_key(void)
{
    typed.start++;
}

int console_timeout(void)
{
    return typed.closed ? 200 : -1;
}

/*
 * A terminal shows the end as Ctrl-D. One is not enough: a shell that is just
 * changing the terminal's mode loses it.
 */
void console_tell_end(void)
{
    if (!typed.closed || typed.start != typed.end)
        return;
    typed.bytes[0] = 4;
    typed.start = 0;
    typed.end = 1;
}

static void read_typed(void)
{
    ssize_t n = read(STDIN_FILENO, typed.bytes, sizeof(typed.bytes));
    if (n > 0) {
        typed.start = 0;
        typed.end = (size_t)n;
    } else if (n == 0 || errno != EINTR) {
        typed.closed = true;
        console_tell_end();
    }
}

/* What read(2) said: 0 or less when there is nothing more (now). */
static ssize_t print_output(int terminal_fd)
{
    char bytes[8192];
    ssize_t n = read(terminal_fd, bytes, sizeof(bytes));
    for (ssize_t done = 0; done < n;) {
        ssize_t written =
            write(STDOUT_FILENO, bytes + done, (size_t)(n - done));
        if (written == -1 && errno == EAGAIN)
            (void)poll(&(struct pollfd){STDOUT_FILENO, POLLOUT, 0}, 1, 1000);
        else if (written == -1 && errno != EINTR)
            break; /* nobody listens: let the container go on */
        done += written > 0 ? written : 0;
    }
    return n;
}

bool console_copy(const struct pollfd *fds, int terminal_fd)
{
    if (fds[1].fd != -1 && fds[1].revents)
        read_typed();
    if (fds[0].revents & POLLOUT) {
        ssize_t n = write(terminal_fd, typed.bytes + typed.start,
                          typed.end - typed.start);
        typed.start += n > 0 ? (size_t)n : 0;
    }
    if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
        return print_output(terminal_fd) > 0 || errno == EAGAIN ||
               errno == EINTR;
    return true;
}

void console_drain(int terminal_fd)
{
    while (print_output(terminal_fd) > 0)
        ;
}
