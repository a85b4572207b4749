/*
 * systemd.c - the few D-Bus calls that make, change and stop a scope.
 *
 * libsystemd speaks D-Bus: sd-bus(3). Few containers need it, so it is loaded
 * when --systemd-cgroup asks for it, by base/library.c, and is no dependency of
 * the program. That is why its functions are declared here.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/channel.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/library.h"
#include "base/memory.h"
#include "base/report.h"
#include "cgroup/systemd.h"
#include "config/spec.h"

enum {
    WAIT_SECONDS = 30
};

/* systemd itself, as D-Bus names it: whom, which of its objects, as what. */
#define MANAGER \
    "org.freedesktop.systemd1", "/org/freedesktop/systemd1", \
        "org.freedesktop.systemd1.Manager"

struct sd_bus;
struct sd_bus_message;
struct sd_bus_slot;

struct sd_bus_error {
    const char *name;
    const char *message;
    int need_free;
};

typedef int handler(struct sd_bus_message *, void *, struct sd_bus_error *);

/* What we use of <systemd/sd-bus.h>. */
static struct {
    int (*open_system)(struct sd_bus **);
    int (*open_user)(struct sd_bus **);
    int (*call)(struct sd_bus *, struct sd_bus_message *, uint64_t,
                struct sd_bus_error *, struct sd_bus_message **);
    int (*get_property_string)(struct sd_bus *, const char *, const char *,
                               const char *, const char *,
                               struct sd_bus_error *, char **);
    int (*match_signal)(struct sd_bus *, struct sd_bus_slot **, const char *,
                        const char *, const char *, const char *, handler *,
                        void *);
    int (*process)(struct sd_bus *, struct sd_bus_message **);
    int (*wait)(struct sd_bus *, uint64_t);
    int (*new_call)(struct sd_bus *, struct sd_bus_message **, const char *,
                    const char *, const char *, const char *);
    int (*append)(struct sd_bus_message *, const char *, ...);
    int (*append_array)(struct sd_bus_message *, char, const void *, size_t);
    int (*open_container)(struct sd_bus_message *, char, const char *);
    int (*close_container)(struct sd_bus_message *);
    int (*read)(struct sd_bus_message *, const char *, ...);
    struct sd_bus_message *(*unref)(struct sd_bus_message *);
} lib;

static const struct {
    const char *name;
    void *to;
} SYMBOLS[] = {
    {"sd_bus_open_system", &lib.open_system},
    {"sd_bus_open_user", &lib.open_user},
    {"sd_bus_call", &lib.call},
    {"sd_bus_get_property_string", &lib.get_property_string},
    {"sd_bus_match_signal", &lib.match_signal},
    {"sd_bus_process", &lib.process},
    {"sd_bus_wait", &lib.wait},
    {"sd_bus_message_new_method_call", &lib.new_call},
    {"sd_bus_message_append", &lib.append},
    {"sd_bus_message_append_array", &lib.append_array},
    {"sd_bus_message_open_container", &lib.open_container},
    {"sd_bus_message_close_container", &lib.close_container},
    {"sd_bus_message_read", &lib.read},
    {"sd_bus_message_unref", &lib.unref},
};

static struct sd_bus *bus;

/* --- connecting --- */

/* False after warn(). */
static bool load_library(void)
{
    const char *why;
    void *library = library_open("libsystemd.so.0", &why);
    if (!library) {
        warn("load libsystemd (for --systemd-cgroup): %s", why);
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(SYMBOLS); i++) {
        void *symbol = library_symbol(library, SYMBOLS[i].name);
        if (!symbol) {
            warn("load libsystemd: %s: it is too old", SYMBOLS[i].name);
            return false;
        }
        memcpy(SYMBOLS[i].to, &symbol, sizeof(symbol));
    }
    return true;
}

/* False after warn(). The connection stays for the other calls. */
static bool connect_bus(void)
{
    if (bus)
        return true;
    if (!load_library())
        return false;
    /* Of an ordinary user, also as root in his user namespace, his own. */
    bool user = !is_host_root();
    int result = user ? lib.open_user(&bus) : lib.open_system(&bus);
    if (result >= 0)
        return true;
    warn("connect to %s: %s", user ? "your systemd" : "systemd",
         strerror(-result));
    return false;
}

char *systemd_own_cgroup(void)
{
    if (!connect_bus())
        fail("make a cgroup with systemd: it cannot be reached (is it process "
             "1 here? else leave out --systemd-cgroup)");
    struct sd_bus_error error = {0};
    char *path = NULL;
    int result =
        lib.get_property_string(bus, MANAGER, "ControlGroup", &error, &path);
    if (result < 0)
        fail("ask systemd for its cgroup: %s",
             error.message ? error.message : strerror(-result));
    if (strcmp(path, "/") == 0)
        *path = '\0';
    return path;
}

/* --- messages --- */

/* A call of one of the manager's methods. NULL and errno. */
static struct sd_bus_message *new_call(const char *method)
{
    struct sd_bus_message *m = NULL;
    int result = lib.new_call(bus, &m, MANAGER, method);
    errno = result < 0 ? -result : 0;
    return m;
}

/* What went wrong, for the caller's message; its name, in D-Bus's words. */
struct answer {
    char *error;
    char *error_name;
    char *job; /* the path of the job that was begun */
};

static void free_answer(struct answer *answer)
{
    free(answer->error);
    free(answer->error_name);
    free(answer->job);
    *answer = (struct answer){0};
}

/* Send it and wait for the answer, with the path of a job or without. False
 * and answer->error. */
static bool call(struct sd_bus_message *m, bool has_job, struct answer *answer)
{
    struct sd_bus_error error = {0};
    struct sd_bus_message *reply = NULL;
    *answer = (struct answer){0};
    int result = m ? lib.call(bus, m, WAIT_SECONDS * 1000000ULL, &error, &reply)
                   : -errno;
    const char *path = NULL;
    if (result >= 0 && has_job)
        result = lib.read(reply, "o", &path);
    answer->job = copy_string(path);
    if (result < 0) {
        answer->error =
            copy_string(error.message && *error.message ? error.message
                                                        : strerror(-result));
        answer->error_name = copy_string(error.name ? error.name : "");
    }
    if (reply)
        lib.unref(reply);
    if (m)
        lib.unref(m);
    return result >= 0;
}

/* --- jobs --- */

/* The one that we wait for. Static, because the handler stays installed. */
static struct {
    const char *path;
    char *result; /* "done", or how else it ended */
} job;

/* Called by lib.process(). What arrived during lib.call() has waited: so the
 * end of a quick job is not missed. */
static int on_job_removed(struct sd_bus_message *m, void *data,
                          struct sd_bus_error *error)
{
    (void)data;
    (void)error;
    uint32_t id;
    const char *path;
    const char *unit;
    const char *result;
    if (lib.read(m, "uoss", &id, &path, &unit, &result) >= 0 && job.path &&
        !job.result && strcmp(path, job.path) == 0)
        job.result = copy_string(result);
    return 0;
}

/* systemd sends signals about jobs to those who subscribe. */
static bool subscribe(void)
{
    static bool done;
    struct answer answer = {0};
    if (!done)
        done = lib.match_signal(bus, NULL, MANAGER, "JobRemoved",
                                on_job_removed, NULL) >= 0 &&
               call(new_call("Subscribe"), false, &answer);
    free_answer(&answer);
    return done;
}

/* NULL if the job was done in time, or else what happened. */
static const char *wait_for_job(const char *path)
{
    int64_t until = now_ms() + (int64_t)WAIT_SECONDS * 1000;
    free(job.result);
    job.result = NULL;
    job.path = path;
    while (!job.result) {
        int result = lib.process(bus, NULL); /* messages that are here */
        int64_t left = until - now_ms();
        if (left <= 0)
            return "it takes too long";
        if (result == 0)
            result = lib.wait(bus, (uint64_t)left * 1000);
        if (result < 0 && result != -EINTR)
            return strerror(-result);
    }
    return strcmp(job.result, "done") == 0 ? NULL : job.result;
}

/* --- properties --- */

static int append_value(struct sd_bus_message *m, const struct property *p)
{
    if (p->type[0] == 'a' && p->type[1] == 's') {
        int result = lib.open_container(m, 'a', "s");
        for (char **s = p->strings; result >= 0 && *s; s++)
            result = lib.append(m, "s", *s);
        return result < 0 ? result : lib.close_container(m);
    }
    switch (p->type[0]) {
    case 'a':
        return lib.append_array(m, p->type[1], p->bytes, p->size);
    case 's':
        return lib.append(m, "s", p->text);
    case 'x':
    case 't':
        return lib.append(m, p->type, p->number);
    default: /* what is smaller passes as an int */
        return lib.append(m, p->type, (int)p->number);
    }
}

/* An array of (name, value) pairs, where each value brings its type. */
static int append_properties(struct sd_bus_message *m,
                             const struct properties *properties)
{
    int result = lib.open_container(m, 'a', "(sv)");
    for (size_t i = 0; result >= 0 && i < properties->count; i++) {
        const struct property *p = &properties->list[i];
        if ((result = lib.open_container(m, 'r', "sv")) >= 0 &&
            (result = lib.append(m, "s", p->name)) >= 0 &&
            (result = lib.open_container(m, 'v', p->type)) >= 0 &&
            (result = append_value(m, p)) >= 0 &&
            (result = lib.close_container(m)) >= 0)
            result = lib.close_container(m);
    }
    return result < 0 ? result : lib.close_container(m);
}

static int version(void)
{
    char *text = NULL;
    int number = 0;
    if (lib.get_property_string(bus, MANAGER, "Version", NULL, &text) >= 0 &&
        sscanf(text, "%d", &number) != 1)
        number = 0;
    free(text);
    return number;
}

/* --- what the others call --- */

bool systemd_start_scope(const char *slice, const char *scope,
                         const struct spec *spec, pid_t pid)
{
    if (!connect_bus() || !subscribe())
        fail("make %s: systemd cannot be reached", scope);
    CLEANUP(free_properties) struct properties p = {0};
    add_scope_properties(&p, slice, scope, pid, version());
    add_limit_properties(&p, &spec->resources);
    add_annotated_properties(&p, spec);
    narrate(5,
            "StartTransientUnit(\"%s\") # systemd-run --scope --unit=%s "
            "--slice=%s -p Delegate=yes",
            scope, scope, slice);
    struct sd_bus_message *m = new_call("StartTransientUnit");
    struct answer answer;
    int result = m ? lib.append(m, "ss", scope, "fail") : -errno;
    if (result >= 0)
        result = append_properties(m, &p);
    if (result >= 0)
        result = lib.append(m, "a(sa(sv))", 0); /* no other units */
    if (result < 0)
        fail("make %s: %s", scope, strerror(-result));
    if (!call(m, true, &answer)) {
        if (strcmp(answer.error_name, "org.freedesktop.systemd1.UnitExists") ==
            0)
            return false;
        fail("make %s with systemd: %s", scope, answer.error);
    }
    const char *obstacle = wait_for_job(answer.job);
    if (obstacle)
        fail("make %s with systemd: %s (journalctl -u %s)", scope, obstacle,
             scope);
    free_answer(&answer);
    return true;
}

void systemd_attach(const char *scope, const char *below, pid_t pid)
{
    if (!connect_bus())
        fail("move process %d to %s: systemd cannot be reached", pid, scope);
    narrate(5, "AttachProcessesToUnit(\"%s\", \"%s\", %d)", scope, below, pid);
    struct sd_bus_message *m = new_call("AttachProcessesToUnit");
    struct answer answer;
    int result =
        m ? lib.append(m, "ssau", scope, *below ? below : "/", 1, pid) : -errno;
    if (result < 0)
        fail("move process %d to %s: %s", pid, scope, strerror(-result));
    if (!call(m, false, &answer))
        fail("move process %d to %s%s: %s", pid, scope, below, answer.error);
}

int systemd_set_limits(const char *scope, const struct resources *r)
{
    CLEANUP(free_properties) struct properties p = {0};
    add_limit_properties(&p, r);
    if (p.count == 0)
        return 0;
    errno = EHOSTDOWN;
    if (!connect_bus())
        return -1;
    narrate(5, "SetUnitProperties(\"%s\") # systemctl set-property --runtime",
            scope);
    struct sd_bus_message *m = new_call("SetUnitProperties");
    struct answer answer;
    int result = m ? lib.append(m, "sb", scope, 1) : -errno;
    if (result >= 0)
        result = append_properties(m, &p);
    bool done = result >= 0 && call(m, false, &answer);
    if (!done && result >= 0)
        warn("set the limits of %s: %s", scope, answer.error);
    errno = result < 0 ? -result : EREMOTEIO;
    return done ? 0 : -1;
}

/* A call about one unit. That it does not exist is fine. */
static bool unit_call(const char *method, const char *scope, bool has_job,
                      struct answer *answer)
{
    *answer = (struct answer){0};
    struct sd_bus_message *m = new_call(method);
    if (!m || lib.append(m, has_job ? "ss" : "s", scope, "replace") < 0)
        return false;
    return call(m, has_job, answer) ||
           strcmp(answer->error_name, "org.freedesktop.systemd1.NoSuchUnit") ==
               0;
}

int systemd_stop(const char *scope)
{
    if (!connect_bus() || !subscribe()) {
        warn("stop %s: systemd cannot be reached", scope);
        return -1;
    }
    narrate(5, "StopUnit(\"%s\") # systemctl stop %s", scope, scope);
    struct answer answer;
    bool done = unit_call("StopUnit", scope, true, &answer);
    const char *obstacle = done ? NULL : answer.error;
    if (answer.job)
        obstacle = wait_for_job(answer.job);
    if (obstacle)
        warn("stop %s: %s", scope, obstacle);
    free_answer(&answer);
    /* Without CollectMode it would be remembered as failed. */
    (void)unit_call("ResetFailedUnit", scope, false, &answer);
    free_answer(&answer);
    return done && !obstacle ? 0 : -1;
}
