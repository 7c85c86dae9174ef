/* stream.c - see stream.h. */
#include "tools/data/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

ingot_status ig_source_read(ig_source *s, void *to, size_t n, ingot_error *err)
{
    if (n > s->left)
        return ig_fail(err, INGOT_E_DATA, "cut short: %zu bytes are wanted, %" PRIu64 " are left",
                       n, s->left);
    if (!n) return INGOT_OK;
    const ingot_status status = s->read(s, to, n, err);
    if (!status) s->left -= n;
    return status;
}

static ingot_status read_file(ig_source *s, void *to, size_t n, ingot_error *err)
{
    ig_file_source *f = (ig_file_source *)s;
    for (char *p = to; n;) {
        const ssize_t got = pread(f->fd, p, n, (off_t)f->at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ig_fail(err, INGOT_E_IO, "reading: %s", strerror(errno));
        if (got == 0) return ig_fail(err, INGOT_E_IO, "the file became shorter while it was read");
        p += got;
        n -= (size_t)got;
        f->at += (uint64_t)got;
    }
    return INGOT_OK;
}

void ig_file_source_init(ig_file_source *f, int fd, uint64_t at, uint64_t n)
{
    *f = (ig_file_source){.source = {.read = read_file, .left = n}, .fd = fd, .at = at};
}

ingot_status ig_input_open(int *fd, uint64_t *size, const char *path, ingot_error *err)
{
    struct stat st;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang the open */
    if (*fd < 0) return ig_fail(err, INGOT_E_DATA, "%s: %s", path, strerror(errno));
    if (!fstat(*fd, &st) && S_ISREG(st.st_mode)) {
        *size = (uint64_t)st.st_size;
        return INGOT_OK;
    }
    const bool folder = S_ISDIR(st.st_mode);
    close(*fd);
    *fd = -1;
    return ig_fail(err, INGOT_E_DATA, "%s: %s, not a data file", path,
                   folder ? "a folder" : "a device or a pipe");
}
