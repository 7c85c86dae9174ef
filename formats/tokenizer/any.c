/* any.c - a tokenizer from a file of any kind that Ingot reads; see import.h. */
#include "formats/gguf/tokenizer.h"
#include "formats/llama2c/tokenizer.h"
#include "formats/tokenizer/import.h"
#include "runtime/base/file.h"

#include <string.h>

static bool is_sentencepiece(const char *path)
{
    const size_t n = strlen(path);
    return n >= 6 && !strcmp(path + n - 6, ".model");
}

static ingot_status from_gguf(ig_recipe *r, ig_arena *arena, const void *bytes, size_t n,
                              ingot_error *err)
{
    ig_gguf g;
    IG_TRY(ig_gguf_read(&g, arena, bytes, n, err));
    return ig_gguf_tokenizer(r, arena, &g, err);
}

static ingot_status read_recipe(ig_recipe *r, ig_arena *arena, const char *path, const ig_map *map,
                                ingot_error *err)
{
    const char *p = (const char *)map->data;
    if (map->size && *p == '{') return ig_tokenizer_from_json(r, arena, p, map->size, err);
    if (map->size >= 4 && !memcmp(p, "GGUF", 4)) return from_gguf(r, arena, p, map->size, err);
    if (is_sentencepiece(path)) return ig_tokenizer_from_sentencepiece(r, arena, p, map->size, err);
    const ingot_status s = ig_llama2c_tokenizer(r, arena, p, map->size, err);
    return s == INGOT_E_FORMAT
               ? ig_wrap(err, s, "no tokenizer.json, .model or GGUF file, read as llama2.c's")
               : s;
}

ingot_status ig_tokenizer_from_file(ig_bytes *section, size_t *n_pieces, ig_heap *heap,
                                    const char *path, ingot_error *err)
{
    ig_map map = {0};
    ig_arena arena;
    ig_recipe r = {0};
    IG_TRY(ig_map_open(&map, heap, path, err));
    ig_arena_init(&arena, heap);
    ingot_status s = read_recipe(&r, &arena, path, &map, err);
    if (!s) s = ig_recipe_write(section, &r, err);
    *n_pieces = r.n_pieces;
    ig_arena_clear(&arena);
    ig_map_close(&map);
    return ig_wrap(err, s, "--tokenizer %.200s", path);
}
