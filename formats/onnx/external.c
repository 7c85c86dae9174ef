/* external.c - tensors whose bytes lie in files beside the model.
 *
 * A model names files; it must not reach beyond its own folder. A location is refused when it is
 * absolute, when a part of it is "..", or when links lead out of the folder. Each file is mapped
 * once and stays mapped as long as the graph. */
#include "formats/onnx/tensor.h"
#include "formats/onnx/model.h"
#include "runtime/base/checked.h"
#include "runtime/base/file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

typedef struct mapped {
    struct mapped *next;
    const char *location;
    ig_map map;
} mapped;

struct onnx_files {
    ig_arena arena;
    const char *folder;
    mapped *list;
};

onnx_files *onnx_files_open(ig_heap *heap, const char *folder)
{
    onnx_files *files = ig_take0(heap, sizeof *files);
    if (!files) return NULL;
    ig_arena_init(&files->arena, heap);
    files->folder = ig_arena_text(&files->arena, folder, strlen(folder));
    if (files->folder) return files;
    onnx_files_close(files);
    return NULL;
}

void onnx_files_close(void *p)
{
    onnx_files *files = p;
    if (!files) return;
    for (mapped *m = files->list; m; m = m->next) ig_map_close(&m->map);
    ig_heap *heap = files->arena.heap;
    ig_arena_clear(&files->arena);
    ig_give(heap, files, sizeof *files);
}

bool onnx_files_used(const onnx_files *files) { return files && files->list; }

/* ---- the entries ---- */

typedef struct {
    const char *location;
    uint64_t offset, length;
    bool has_length;
} place;

static ingot_status read_number(uint64_t *out, const char *text, const char *what, ingot_error *err)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || *out > INT64_MAX)
        return ig_fail(err, INGOT_E_FORMAT, "%s: '%.40s' is not a position in a file", what, text);
    return INGOT_OK;
}

static ingot_status read_entry(place *p, ig_span entry, ig_arena *arena, const char *what,
                               ingot_error *err)
{
    const char *key = "", *value = "";
    ig_field f;
    ig_wire w = ig_wire_open(entry);
    while (ig_wire_next(&w, &f)) {
        if (ig_wire_is(&f, 1, IG_WIRE_BYTES))
            IG_TRY(onnx_text_read(&key, f.bytes, "external data", arena, err));
        if (ig_wire_is(&f, 2, IG_WIRE_BYTES))
            IG_TRY(onnx_text_read(&value, f.bytes, "external data", arena, err));
    }
    IG_TRY(ig_wire_end(&w, what, err));
    if (!strcmp(key, "location")) p->location = value;
    if (!strcmp(key, "offset")) return read_number(&p->offset, value, what, err);
    if (strcmp(key, "length") != 0) return INGOT_OK;
    p->has_length = true;
    return read_number(&p->length, value, what, err);
}

static ingot_status read_place(place *p, ig_span message, ig_arena *arena, const char *what,
                               ingot_error *err)
{
    *p = (place){.location = ""};
    ig_field f;
    for (ig_wire w = ig_wire_open(message); ig_wire_next(&w, &f);)
        if (ig_wire_is(&f, 13, IG_WIRE_BYTES)) IG_TRY(read_entry(p, f.bytes, arena, what, err));
    if (!*p->location)
        return ig_fail(err, INGOT_E_FORMAT,
                       "%s lies in another file, but the model does not say "
                       "in which",
                       what);
    return INGOT_OK;
}

/* ---- the file ---- */

static bool climbs(const char *location)
{
    if (*location == '/') return true;
    for (const char *p = location; *p; p += strspn(p, "/")) {
        const size_t n = strcspn(p, "/");
        if (n == 2 && p[0] == '.' && p[1] == '.') return true;
        p += n;
    }
    return false;
}

/* Where the location really is; E_FORMAT: outside the folder. Both paths go through the links. */
static ingot_status resolve(char real[PATH_MAX], const onnx_files *files, const char *location,
                            const char *what, ingot_error *err)
{
    char folder[PATH_MAX], joined[PATH_MAX];
    if (climbs(location))
        return ig_fail(err, INGOT_E_FORMAT, "%s: '%.120s' leads out of the model's folder", what,
                       location);
    const size_t a = strlen(files->folder), b = strlen(location);
    if (a + b + 2 > sizeof joined)
        return ig_fail(err, INGOT_E_FORMAT, "%s: its file has too long a name", what);
    memcpy(joined, files->folder, a);
    joined[a] = '/';
    memcpy(joined + a + 1, location, b + 1);
    if (!realpath(*files->folder ? files->folder : ".", folder) ||
        !realpath(*files->folder ? joined : location, real))
        return ig_fail(err, INGOT_E_IO, "%s: its bytes are missing: '%.120s' beside the model: %s",
                       what, location, strerror(errno));
    const size_t n = strlen(folder);
    if (strncmp(real, folder, n) != 0 || (n > 1 && real[n] != '/'))
        return ig_fail(err, INGOT_E_FORMAT, "%s: '%.120s' is a link out of the model's folder",
                       what, location);
    return INGOT_OK;
}

static ingot_status map_file(const ig_map **out, onnx_files *files, const char *location,
                             const char *what, ingot_error *err)
{
    for (mapped *m = files->list; m; m = m->next)
        if (!strcmp(m->location, location)) {
            *out = &m->map;
            return INGOT_OK;
        }
    char real[PATH_MAX];
    IG_TRY(resolve(real, files, location, what, err));
    mapped *m = ig_new(&files->arena, mapped);
    if (!m) return ig_fail(err, INGOT_E_NOMEM, "%s: no memory", what);
    m->location = location;
    IG_TRY(ig_map_open(&m->map, files->arena.heap, real, err));
    m->next = files->list;
    files->list = m;
    *out = &m->map;
    return INGOT_OK;
}

ingot_status onnx_external(ig_span *out, ig_span message, onnx_files *files, const char *what,
                           ingot_error *err)
{
    if (!files)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "%s lies in another file; give the model as a file, not as bytes", what);
    place p;
    const ig_map *map;
    IG_TRY(read_place(&p, message, &files->arena, what, err));
    IG_TRY(map_file(&map, files, p.location, what, err));
    const uint64_t left = p.offset <= map->size ? map->size - p.offset : 0;
    const uint64_t length = p.has_length ? p.length : left;
    if (!ig_range_ok(p.offset, length, map->size))
        return ig_fail(err, INGOT_E_FORMAT,
                       "%s: bytes %llu to %llu lie past the end of '%.80s' (%zu bytes)", what,
                       (unsigned long long)p.offset, (unsigned long long)(p.offset + length),
                       p.location, map->size);
    *out = (ig_span){map->data + p.offset, (size_t)length};
    return INGOT_OK;
}
