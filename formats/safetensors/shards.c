/* shards.c - the files of a checkpoint; see safetensors.h. */
#include "formats/safetensors/safetensors.h"
#include "runtime/base/checked.h"
#include "runtime/base/fault.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SHARDS_MOST = 1000, INDEX_MOST = 100 << 20 };
static const char lone[] = "model.safetensors", index_name[] = "model.safetensors.index.json";

static const char *path_of(ig_arena *a, const char *folder, const char *name)
{
    return ig_arena_printf(a, "%s/%s", folder, name);
}

static bool has(ig_arena *a, const char *folder, const char *name)
{
    const char *path = path_of(a, folder, name);
    return path && !access(path, F_OK);
}

static ingot_status open_one(ig_checkpoint *c, ig_map *map, ig_arena *arena, const char *folder,
                             const char *name, ingot_error *err)
{
    const char *path = path_of(arena, folder, name);
    if (!path) return ig_fail(err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
    IG_TRY(ig_map_open(map, arena->heap, path, err));
    if (ig_fault_guard_installed()) IG_TRY(ig_fault_watch(map->data, map->size, &map->bad, err));
    return ig_wrap(err, ig_safetensors_read(c, arena, map->data, map->size, &map->bad, err),
                   "%.120s", name);
}

/* ---- the index ---- */

typedef struct {
    const char *names[SHARDS_MOST];
    size_t n;
} shard_list;

/* A name of the index is that of a file beside it, whatever it says. */
static ingot_status add_shard(shard_list *l, const char *name, ingot_error *err)
{
    for (size_t i = l->n; i--;)
        if (!strcmp(l->names[i], name)) return INGOT_OK;
    if (!*name || strchr(name, '/') || name[0] == '.')
        return ig_fail(err, INGOT_E_FORMAT, "%s: '%.80s' is no name of a file beside it",
                       index_name, name);
    if (l->n == SHARDS_MOST)
        return ig_fail(err, INGOT_E_UNSUPPORTED, "%s: more than %d files", index_name, SHARDS_MOST);
    l->names[l->n++] = name;
    return INGOT_OK;
}

static ingot_status list_shards(shard_list *l, const json_t *weight_map, ingot_error *err)
{
    const char *tensor;
    json_t *file;
    json_object_foreach((json_t *)(uintptr_t)weight_map, tensor, file)
    {
        if (!json_is_string(file))
            return ig_fail(err, INGOT_E_FORMAT, "%s: the file of '%.120s' is no text", index_name,
                           tensor);
        IG_TRY(add_shard(l, json_string_value(file), err));
    }
    return l->n ? INGOT_OK : ig_fail(err, INGOT_E_FORMAT, "%s has no weight_map", index_name);
}

static ingot_status check_listed(const ig_checkpoint *c, const json_t *weight_map, ingot_error *err)
{
    const char *tensor;
    json_t *file;
    json_object_foreach((json_t *)(uintptr_t)weight_map, tensor, file) if (
        !ig_checkpoint_find(
            c, tensor)) return ig_fail(err, INGOT_E_FORMAT,
                                       "tensor '%.120s' is not in %.80s, where %s says it "
                                       "is",
                                       tensor, json_string_value(file), index_name);
    return INGOT_OK;
}

static ingot_status open_all(ig_checkpoint *c, ig_shards *shards, ig_arena *arena,
                             const char *folder, const json_t *weight_map, ingot_error *err)
{
    shard_list *l = ig_new(arena, shard_list);
    if (!l) return ig_fail(err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
    IG_TRY(list_shards(l, weight_map, err));
    shards->maps = ig_new_n(arena, ig_map, l->n);
    if (!shards->maps) return ig_fail(err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
    for (size_t i = 0; i < l->n; i++)
        if (!has(arena, folder, l->names[i]))
            return ig_fail(err, INGOT_E_FORMAT, "%.120s is missing, one of %zu files that %s names",
                           l->names[i], l->n, index_name);
    for (size_t i = 0; i < l->n; i++)
        IG_TRY(open_one(c, &shards->maps[shards->n++], arena, folder, l->names[i], err));
    IG_TRY(ig_checkpoint_sort(c, err));
    return check_listed(c, weight_map, err);
}

static ingot_status open_index(ig_checkpoint *c, ig_shards *shards, ig_arena *arena,
                               const char *folder, ingot_error *err)
{
    ig_map map = {0};
    json_error_t fault;
    const char *path = path_of(arena, folder, index_name);
    if (!path) return ig_fail(err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
    IG_TRY(ig_map_open(&map, arena->heap, path, err));
    json_t *root = map.size <= INDEX_MOST ? json_loadb((const char *)map.data, map.size,
                                                       JSON_REJECT_DUPLICATES, &fault)
                                          : NULL;
    ingot_status s;
    if (map.size > INDEX_MOST)
        s = ig_fail(err, INGOT_E_FORMAT, "%s has %zu bytes", index_name, map.size);
    else if (!root)
        s = ig_fail(err, INGOT_E_FORMAT, "%s, line %d: %.120s", index_name, fault.line, fault.text);
    else
        s = open_all(c, shards, arena, folder, json_object_get(root, "weight_map"), err);
    json_decref(root);
    ig_map_close(&map);
    return s;
}

ingot_status ig_shards_open(ig_checkpoint *c, ig_shards *shards, ig_arena *arena,
                            const char *folder, ingot_error *err)
{
    *c = (ig_checkpoint){0};
    *shards = (ig_shards){0};
    if (has(arena, folder, index_name)) return open_index(c, shards, arena, folder, err);
    if (!has(arena, folder, lone) && has(arena, folder, "pytorch_model.bin"))
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "its weights are a pickle (pytorch_model.bin), which can run any code; save "
                       "them as safetensors");
    shards->maps = ig_new(arena, ig_map);
    if (!shards->maps) return ig_fail(err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
    IG_TRY(open_one(c, &shards->maps[shards->n++], arena, folder, lone, err));
    return ig_checkpoint_sort(c, err);
}

void ig_shards_close(ig_shards *shards)
{
    for (size_t i = 0; i < shards->n; i++) {
        if (shards->maps[i].data) ig_fault_unwatch(shards->maps[i].data);
        ig_map_close(&shards->maps[i]);
    }
    shards->n = 0;
}
