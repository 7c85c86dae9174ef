/* output.c - see output.h. */
#include "tools/data/output.h"
#include "runtime/base/checked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a signal handler has to remove. Slots are claimed with a compare-and-swap, read with a load;
 * a command writes a few files at a time. */
enum { SLOTS = 16 };
static _Atomic(const char *) pending[SLOTS];

static void remember(const char *path)
{
    for (size_t i = 0; i < SLOTS; i++) {
        const char *none = NULL;
        if (atomic_compare_exchange_strong(&pending[i], &none, path)) return;
    }
}

static void forget(const char *path)
{
    for (size_t i = 0; i < SLOTS; i++) {
        const char *same = path;
        if (atomic_compare_exchange_strong(&pending[i], &same, NULL)) return;
    }
}

void ig_output_unlink_all(void)
{
    for (size_t i = 0; i < SLOTS; i++) {
        const char *path = atomic_load(&pending[i]);
        if (path) unlink(path);
    }
}

static ingot_status write_all(ig_output *o, const void *p, size_t n, ingot_error *err)
{
    for (const char *at = p; n;) {
        const ssize_t wrote = write(o->fd, at, n);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return ig_fail(err, INGOT_E_IO, "%s: %s", o->path, strerror(errno));
        at += wrote;
        n -= (size_t)wrote;
    }
    return INGOT_OK;
}

static ingot_status drain(ig_output *o, ingot_error *err)
{
    const size_t n = o->used;
    o->used = 0;
    return write_all(o, o->buffer, n, err);
}

static ingot_status put(ig_sink *s, const void *p, size_t n, ingot_error *err)
{
    ig_output *o = (ig_output *)s;
    if (n > sizeof o->buffer - o->used) IG_TRY(drain(o, err));
    if (n >= sizeof o->buffer) return write_all(o, p, n, err);
    memcpy(o->buffer + o->used, p, n);
    o->used += n;
    return INGOT_OK;
}

ingot_status ig_output_open(ig_output *o, const char *path, ingot_error *err)
{
    struct stat st;
    o->sink.put = put;
    o->path = path;
    o->used = 0;
    o->fd = -1;
    mode_t mode = umask(0);
    umask(mode);
    mode = 0666 & ~mode;
    if (!stat(path, &st)) {
        if (!S_ISREG(st.st_mode))
            return ig_fail(err, INGOT_E_ARG, "%s: not a regular file (name a new or ordinary file)",
                           path);
        mode = st.st_mode & 0777;
    }
    const int n = snprintf(o->temporary, sizeof o->temporary, "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof o->temporary)
        return ig_fail(err, INGOT_E_ARG, "%.100s…: the path is too long", path);
    o->fd = mkostemp(o->temporary, O_CLOEXEC);
    if (o->fd < 0) return ig_fail(err, INGOT_E_IO, "%s: %s", path, strerror(errno));
    remember(o->temporary);
    if (fchmod(o->fd, mode)) {
        ig_output_close(o);
        return ig_fail(err, INGOT_E_IO, "%s: %s", path, strerror(errno));
    }
    return INGOT_OK;
}

ingot_status ig_output_commit(ig_output *o, ingot_error *err)
{
    ingot_status s = drain(o, err);
    if (!s && fsync(o->fd)) s = ig_fail(err, INGOT_E_IO, "%s: %s", o->path, strerror(errno));
    if (!s && rename(o->temporary, o->path))
        s = ig_fail(err, INGOT_E_IO, "%s: %s", o->path, strerror(errno));
    if (!s) {
        forget(o->temporary);
        close(o->fd);
        o->fd = -1;
    }
    return s;
}

void ig_output_close(ig_output *o)
{
    if (o->fd < 0) return;
    unlink(o->temporary);
    forget(o->temporary);
    close(o->fd);
    o->fd = -1;
}
