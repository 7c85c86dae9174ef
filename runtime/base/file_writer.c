/* file_writer.c - see file.h: writing a file that is whole or not there. */
#include "runtime/base/file.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, SLOTS = 32, TRIES = 100 };

/* ---- temporaries of this process, for a signal handler to remove ---- */

/* Paths lie in static memory: a handler may look at any moment, on any thread. */
static struct {
    atomic_bool taken;
    atomic_int owner; /* process that made the file; 0: none. A forked child leaves it alone. */
    char path[PATH_MAX];
} temporaries[SLOTS];

void ig_writer_unlink_all(void)
{
    const int error = errno;
    for (size_t i = 0; i < SLOTS; i++)
        if (atomic_load(&temporaries[i].owner) == (int)getpid()) unlink(temporaries[i].path);
    errno = error;
}

static bool take_slot(size_t *slot)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (!atomic_exchange(&temporaries[i].taken, true)) {
            *slot = i;
            return true;
        }
    return false;
}

static void give_slot(size_t slot)
{
    atomic_store(&temporaries[slot].owner, 0);
    atomic_store(&temporaries[slot].taken, false);
}

/* ---- opening ---- */

static ingot_status cannot_write(const char *path, int code, ingot_error *err)
{
    switch (code) {
    case ENOSPC:
    case EDQUOT:
        return ig_fail(err, INGOT_E_IO, "%s: the disk is full; nothing was written", path);
    case EFBIG:
        return ig_fail(err, INGOT_E_IO,
                       "%s: larger than the limit of file sizes (`ulimit -f`); nothing was written",
                       path);
    case ENOENT:
    case ENOTDIR:
        return ig_fail(err, INGOT_E_IO, "%s: its folder does not exist", path);
    case EACCES:
    case EPERM:
    case EROFS:
        return ig_fail(err, INGOT_E_IO, "%s: no permission to write in its folder", path);
    case ENOMEM:
        return ig_fail(err, INGOT_E_NOMEM, "%s: no memory to write it", path);
    default:
        return ig_fail(err, INGOT_E_IO, "%s: cannot write it: %s", path, strerror(code));
    }
}

/* The file to replace, links followed, in `resolved`; *mode: its permissions, or 0 when new. */
static ingot_status find_target(char *resolved, mode_t *mode, const char *path, ingot_error *err)
{
    struct stat st;
    *mode = 0;
    if (lstat(path, &st)) {
        if (errno != ENOENT) return cannot_write(path, errno, err);
        const size_t n = strlen(path);
        if (n == 0) return ig_fail(err, INGOT_E_IO, "an empty path cannot be written");
        if (n >= PATH_MAX) return cannot_write(path, ENAMETOOLONG, err);
        if (path[n - 1] == '/') return cannot_write(path, ENOENT, err);
        memcpy(resolved, path, n + 1);
        return INGOT_OK;
    }
    if (stat(path, &st) || !realpath(path, resolved))
        return ig_fail(err, INGOT_E_IO, "%s: is a link that leads nowhere", path);
    if (S_ISDIR(st.st_mode))
        return ig_fail(err, INGOT_E_IO, "%s: is a folder, name a file in it", path);
    if (!S_ISREG(st.st_mode))
        return ig_fail(err, INGOT_E_IO,
                       "%s: exists and is not a regular file; it is not overwritten", path);
    *mode = st.st_mode & 0777;
    return INGOT_OK;
}

/* "<folder of target>/.ingot-<16 hex digits>": short, so that any target's folder can hold it. */
static bool name_temporary(char *name, const char *target)
{
    static atomic_uint_fast64_t counter;
    uint64_t x = ig_now_ns() ^ (uint64_t)getpid() << 40;
    x += atomic_fetch_add(&counter, 1) * UINT64_C(0x9e3779b97f4a7c15);
    const char *slash = strrchr(target, '/');
    const int folder = slash ? (int)(slash - target) + 1 : 0;
    const int n =
        snprintf(name, PATH_MAX, "%.*s.ingot-%016llx", folder, target, (unsigned long long)x);
    return n > 0 && n < PATH_MAX;
}

/* Make the file; 0 or an errno. It is in the list before it exists: a signal between the two would
 * leave it behind otherwise, while to remove what is not there does no harm. */
static int create_temporary(ig_writer *w, const char *target)
{
    char *name = temporaries[w->slot].path;
    for (int i = 0; i < TRIES; i++) {
        if (!name_temporary(name, target)) return ENAMETOOLONG;
        atomic_store(&temporaries[w->slot].owner, (int)getpid());
        w->fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (w->fd >= 0) return 0;
        atomic_store(&temporaries[w->slot].owner, 0);
        if (errno != EEXIST) break;
    }
    return errno;
}

static char *copy_text(ig_heap *heap, const char *text)
{
    const size_t n = strlen(text) + 1;
    char *copy = ig_take(heap, n);
    return copy ? memcpy(copy, text, n) : NULL;
}

ingot_status ig_writer_open(ig_writer *w, ig_heap *heap, const char *path, ingot_error *err)
{
    *w = (ig_writer){.fd = -1, .slot = SLOTS, .heap = heap};
    char target[PATH_MAX];
    mode_t mode;
    IG_TRY(find_target(target, &mode, path, err));
    w->target = copy_text(heap, target);
    w->buffer = ig_take(heap, BUFFER);
    ingot_status s = INGOT_OK;
    if (!w->target || !w->buffer) s = cannot_write(path, ENOMEM, err);
    if (!s && !take_slot(&w->slot))
        s = ig_fail(err, INGOT_E_FULL, "%s: %d files are being written already", path, SLOTS);
    const int code = s ? 0 : create_temporary(w, target);
    if (code) s = cannot_write(path, code, err);
    if (!s && mode && fchmod(w->fd, mode)) s = cannot_write(path, errno, err);
    if (s) ig_writer_abort(w);
    return s;
}

void ig_writer_abort(ig_writer *w)
{
    if (w->fd >= 0) {
        unlink(temporaries[w->slot].path);
        close(w->fd);
    }
    if (w->slot < SLOTS) give_slot(w->slot);
    if (w->buffer) ig_give(w->heap, w->buffer, BUFFER);
    if (w->target) ig_give(w->heap, w->target, strlen(w->target) + 1);
    *w = (ig_writer){.fd = -1, .slot = SLOTS};
}

/* ---- writing ---- */

static ingot_status fail(ig_writer *w, int code, ingot_error *err)
{
    const ingot_status s = cannot_write(w->target, code, err);
    ig_writer_abort(w);
    return s;
}

/* Past a limit of file sizes the system raises SIGXFSZ, which by default ends the process. It is
 * held back on this thread while writing, and taken away again if writing raised it. */
static int write_all(int fd, const unsigned char *data, size_t n, int64_t offset)
{
    sigset_t one, before, pending;
    sigemptyset(&one);
    sigaddset(&one, SIGXFSZ);
    sigpending(&pending);
    const bool was_pending = sigismember(&pending, SIGXFSZ) == 1;
    pthread_sigmask(SIG_BLOCK, &one, &before);
    int code = 0;
    while (n && !code) {
        const ssize_t done = offset < 0 ? write(fd, data, n) : pwrite(fd, data, n, offset);
        if (done < 0) {
            if (errno != EINTR) code = errno;
            continue;
        }
        data += done;
        n -= (size_t)done;
        if (offset >= 0) offset += done;
    }
    if (code == EFBIG && !was_pending)
        while (sigtimedwait(&one, NULL, &(struct timespec){0}) < 0 && errno == EINTR) continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static ingot_status flush(ig_writer *w, ingot_error *err)
{
    const int code = write_all(w->fd, w->buffer, w->used, -1);
    if (code) return fail(w, code, err);
    w->used = 0;
    return INGOT_OK;
}

ingot_status ig_writer_put(ig_writer *w, const void *data, size_t n, ingot_error *err)
{
    if (w->fd < 0) return ig_fail(err, INGOT_E_IO, "the file is not open for writing");
    w->position += n;
    if (n >= BUFFER) { /* tensors go past the buffer */
        IG_TRY(flush(w, err));
        const int code = write_all(w->fd, data, n, -1);
        return code ? fail(w, code, err) : INGOT_OK;
    }
    const unsigned char *from = data;
    while (n) {
        const size_t part = IG_MIN(n, (size_t)BUFFER - w->used);
        memcpy(w->buffer + w->used, from, part);
        w->used += part;
        from += part;
        n -= part;
        if (w->used == BUFFER) IG_TRY(flush(w, err));
    }
    return INGOT_OK;
}

ingot_status ig_writer_pad(ig_writer *w, size_t to, ingot_error *err)
{
    static const unsigned char zeros[4096];
    size_t n = to ? (to - (size_t)(w->position % to)) % to : 0;
    for (; n > sizeof zeros; n -= sizeof zeros) IG_TRY(ig_writer_put(w, zeros, sizeof zeros, err));
    return ig_writer_put(w, zeros, n, err);
}

ingot_status ig_writer_patch(ig_writer *w, uint64_t offset, const void *data, size_t n,
                             ingot_error *err)
{
    if (w->fd < 0) return ig_fail(err, INGOT_E_IO, "the file is not open for writing");
    if (!ig_range_ok(offset, n, w->position))
        return ig_fail(err, INGOT_E_INTERNAL,
                       "%s: patch of %zu bytes at %llu, past what is written", w->target, n,
                       (unsigned long long)offset);
    IG_TRY(flush(w, err));
    const int code = write_all(w->fd, data, n, (int64_t)offset);
    return code ? fail(w, code, err) : INGOT_OK;
}

/* ---- committing ---- */

/* Without this the new name may be lost in a power cut. Some file systems cannot do it. */
static int sync_folder_of(const char *target)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(target, '/');
    const int n = slash ? (int)(slash - target) + 1 : 0;
    snprintf(folder, sizeof folder, "%.*s", n ? n : 1, n ? target : ".");
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno == EACCES ? 0 : errno; /* may be written but not read */
    const int code = fsync(fd) && errno != EINVAL && errno != EBADF ? errno : 0;
    close(fd);
    return code;
}

ingot_status ig_writer_commit(ig_writer *w, ingot_error *err)
{
    if (w->fd < 0) return ig_fail(err, INGOT_E_IO, "the file is not open for writing");
    IG_TRY(flush(w, err));
    struct stat st;
    if (fsync(w->fd)) return fail(w, errno, err);
    if (lstat(w->target, &st) == 0 && !S_ISREG(st.st_mode)) { /* it appeared while we wrote */
        const ingot_status s =
            ig_fail(err, INGOT_E_IO, "%s: exists and is not a regular file; it is not overwritten",
                    w->target);
        ig_writer_abort(w);
        return s;
    }
    if (rename(temporaries[w->slot].path, w->target)) return fail(w, errno, err);
    atomic_store(&temporaries[w->slot].owner, 0);
    const int code = sync_folder_of(w->target);
    const int closed = close(w->fd) ? errno : 0;
    w->fd = -1; /* nothing to remove any more */
    ingot_status s = INGOT_OK;
    if (code || closed)
        s = ig_fail(err, INGOT_E_IO, "%s: written, but not surely on the disk: %s", w->target,
                    strerror(code ? code : closed));
    ig_writer_abort(w);
    return s;
}
