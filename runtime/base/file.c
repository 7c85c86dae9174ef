/* file.c - see file.h: mapping a file to read. */
#include "runtime/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static ingot_status cannot_read(const char *path, int code, ingot_error *err)
{
    switch (code) {
    case ENOENT:
        return ig_fail(err, INGOT_E_IO, "%s: no such file", path);
    case ENOTDIR:
        return ig_fail(err, INGOT_E_IO, "%s: a part of the path is not a folder", path);
    case EACCES:
    case EPERM:
        return ig_fail(err, INGOT_E_IO, "%s: no permission to read it", path);
    case EMFILE:
    case ENFILE:
        return ig_fail(err, INGOT_E_IO, "%s: too many files are open (raise `ulimit -n`)", path);
    case ENOMEM:
        return ig_fail(err, INGOT_E_NOMEM, "%s: no memory to map it", path);
    default:
        return ig_fail(err, INGOT_E_IO, "%s: cannot read it: %s", path, strerror(code));
    }
}

static ingot_status check_kind(const struct stat *st, const char *path, ingot_error *err)
{
    if (S_ISDIR(st->st_mode))
        return ig_fail(err, INGOT_E_IO, "%s: is a folder, a file is needed", path);
    if (!S_ISREG(st->st_mode))
        return ig_fail(err, INGOT_E_IO, "%s: is not a regular file (pipe, socket or device)", path);
    if (st->st_size <= 0) return ig_fail(err, INGOT_E_FORMAT, "%s: is empty", path);
    if ((uint64_t)st->st_size > SIZE_MAX / 2)
        return ig_fail(err, INGOT_E_IO, "%s: is too large for this machine", path);
    return INGOT_OK;
}

static ingot_status map_fd(ig_map *map, int fd, const char *path, ingot_error *err)
{
    struct stat st;
    if (fstat(fd, &st)) return cannot_read(path, errno, err);
    IG_TRY(check_kind(&st, path, err));
    void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) return cannot_read(path, errno, err);
    map->data = data;
    map->size = (size_t)st.st_size;
    map->device = st.st_dev;
    map->inode = st.st_ino;
    map->mtime_s = st.st_mtim.tv_sec;
    map->mtime_ns = st.st_mtim.tv_nsec;
    return INGOT_OK;
}

ingot_status ig_map_open(ig_map *map, ig_heap *heap, const char *path, ingot_error *err)
{
    *map = (ig_map){.heap = heap};
    const size_t path_bytes = strlen(path) + 1;
    map->path = ig_take(heap, path_bytes);
    if (!map->path) return ig_fail(err, INGOT_E_NOMEM, "%s: no memory for its path", path);
    memcpy(map->path, path, path_bytes);
    /* NONBLOCK: opening a pipe must not wait for a writer */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const ingot_status s = fd < 0 ? cannot_read(path, errno, err) : map_fd(map, fd, path, err);
    if (fd >= 0) close(fd);
    if (s) ig_map_close(map);
    return s;
}

void ig_map_close(ig_map *map)
{
    if (map->data) munmap((void *)(uintptr_t)map->data, map->size);
    if (map->path) ig_give(map->heap, map->path, strlen(map->path) + 1);
    *map = (ig_map){0};
}

ig_file_change ig_file_changed(const ig_map *map)
{
    struct stat st;
    if (stat(map->path, &st)) return IG_FILE_REMOVED;
    if (st.st_dev != map->device || st.st_ino != map->inode) return IG_FILE_REPLACED;
    if ((uint64_t)st.st_size != map->size) return IG_FILE_RESIZED;
    if (st.st_mtim.tv_sec != map->mtime_s || st.st_mtim.tv_nsec != map->mtime_ns)
        return IG_FILE_MODIFIED;
    return IG_FILE_SAME;
}

const char *ig_file_change_text(ig_file_change change)
{
    static const char *const texts[] = {"unchanged", "removed", "replaced by another file",
                                        "truncated or extended", "modified"};
    return texts[change];
}
