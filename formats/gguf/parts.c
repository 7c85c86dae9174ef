/* parts.c - see parts.h. */
#include "formats/gguf/parts.h"
#include "runtime/base/checked.h"
#include "runtime/base/fault.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <string.h>

enum { PARTS_MOST = 9999, ENDING = sizeof "-00001-of-00003.gguf" - 1 };

typedef struct {
    ig_map *maps;
    size_t n;
} files;

static void close_files(void *kept)
{
    files *f = kept;
    for (size_t i = 0; i < f->n; i++) {
        if (f->maps[i].data) ig_fault_unwatch(f->maps[i].data);
        ig_map_close(&f->maps[i]);
    }
}

/* The path of part i (from 0) of n beside the first one's. */
static bool name_part(char *to, size_t room, const char *first, size_t i, size_t n)
{
    char want[64];
    const size_t length = strlen(first);
    snprintf(want, sizeof want, "-00001-of-%05zu.gguf", n);
    if (length < ENDING || strcmp(first + length - ENDING, want)) return false;
    const int wrote =
        snprintf(to, room, "%.*s-%05zu-of-%05zu.gguf", (int)(length - ENDING), first, i + 1, n);
    return wrote > 0 && (size_t)wrote < room;
}

static ingot_status open_part(ig_gguf_part *part, ig_map *map, ig_arena *arena, const char *path,
                              size_t i, size_t n, ingot_error *err)
{
    IG_TRY(ig_map_open(map, arena->heap, path, err));
    if (ig_fault_guard_installed()) IG_TRY(ig_fault_watch(map->data, map->size, &map->bad, err));
    IG_TRY(ig_wrap(err, ig_gguf_read(&part->gguf, arena, map->data, map->size, err), "%s", path));
    part->bad = &map->bad;
    if (ig_gguf_int(&part->gguf, "split.no", -1) == (int64_t)i &&
        ig_gguf_int(&part->gguf, "split.count", -1) == (int64_t)n)
        return INGOT_OK;
    return ig_fail(err, INGOT_E_FORMAT, "%s: not part %zu of %zu", path, i + 1, n);
}

static ingot_status check_tensors(const ig_gguf_part *parts, size_t n, ingot_error *err)
{
    size_t all = 0;
    for (size_t i = 0; i < n; i++) all += parts[i].gguf.n_tensors;
    const int64_t told = ig_gguf_int(&parts[0].gguf, "split.tensors.count", (int64_t)all);
    if (told == (int64_t)all) return INGOT_OK;
    return ig_fail(err, INGOT_E_FORMAT, "GGUF: %zu tensors in %zu parts, not %lld", all, n,
                   (long long)told);
}

ingot_status ig_gguf_parts(ig_gguf_part **parts, size_t *n, ig_graph *graph, const ig_source *src,
                           const ig_gguf *first, ingot_error *err)
{
    const int64_t count = ig_gguf_int(first, "split.count", 1);
    const int64_t number = ig_gguf_int(first, "split.no", 0);
    char path[4096];
    *n = count > 1 ? (size_t)count : 1;
    if (count > PARTS_MOST)
        return ig_fail(err, INGOT_E_FORMAT, "GGUF: a model of %lld parts", (long long)count);
    if (number)
        return ig_fail(err, INGOT_E_ARG,
                       "GGUF: part %lld of %zu: convert the first one, the others are found beside "
                       "it",
                       (long long)number + 1, *n);
    *parts = ig_new_n(&graph->arena, ig_gguf_part, *n);
    files *f = ig_new(&graph->arena, files);
    ig_map *maps = ig_new_n(&graph->arena, ig_map, *n);
    if (!*parts || !f || !maps) return ig_fail(err, INGOT_E_NOMEM, "GGUF: no memory");
    (*parts)[0].gguf = *first;
    f->maps = maps;
    if (*n > 1) ig_graph_keep(graph, close_files, f);
    for (size_t i = 1; i < *n; i++) {
        if (!name_part(path, sizeof path, src->path, i, *n))
            return ig_fail(err, INGOT_E_ARG,
                           "GGUF: the first of %zu parts, but not named NAME-00001-of-%05zu.gguf",
                           *n, *n);
        IG_TRY(open_part(&(*parts)[i], &maps[f->n++], &graph->arena, path, i, *n, err));
    }
    return check_tensors(*parts, *n, err);
}
