/* tokenizer.c - the tokenizer of a folder; see folder.h. */
#include "formats/hf/folder.h"
#include "formats/tokenizer/import.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

ingot_status ig_tokenizer_json(ig_import *out, const void *bytes, size_t n, ingot_error *err)
{
    ig_recipe recipe;
    IG_TRY(ig_tokenizer_from_json(&recipe, &out->graph->arena, bytes, n, err));
    return ig_recipe_write(&out->tokenizer, &recipe, err);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* ---- the files ---- */

static const char *const files[] = {"tokenizer.json", "tokenizer.model"};

bool ig_folder_has_tokenizer(const ig_source *src)
{
    for (size_t i = 0; i < IG_LEN(files); i++)
        if (ig_folder_has(src, files[i])) return true;
    return false;
}

static ingot_status find_path(char path[4096], const ig_source *src, ingot_error *err)
{
    int n = 0;
    *path = 0;
    for (size_t i = 0; !n && i < IG_LEN(files); i++)
        if (ig_folder_has(src, files[i])) n = snprintf(path, 4096, "%s/%s", src->path, files[i]);
    return n >= 0 && n < 4096 ? INGOT_OK : ig_fail(err, INGOT_E_ARG, "a path is too long");
}

static ingot_status read_recipe(ig_recipe *r, ig_arena *arena, const char *path, const ig_map *map,
                                ingot_error *err)
{
    return ends_with(path, ".model")
               ? ig_tokenizer_from_sentencepiece(r, arena, map->data, map->size, err)
               : ig_tokenizer_from_json(r, arena, (const char *)map->data, map->size, err);
}

/* ---- what model and tokenizer must agree on ---- */

static bool is_added(const ig_recipe *r, size_t id)
{
    for (size_t i = 0; i < r->n_added; i++)
        if (r->added[i].id == id) return true;
    return false;
}

/* Added tokens past the table are known to happen (a text model with its multimodal sister's
 * tokenizer): text hardly ever has them. Other ids would be made of any text. */
static ingot_status check_ids(const ig_recipe *r, const ig_llm *m, const ig_log *log,
                              ingot_error *err)
{
    for (size_t id = m->vocab; id < r->n_pieces; id++)
        if (ig_piece_is_found(&r->pieces[id]) && !is_added(r, id))
            return ig_fail(err, INGOT_E_FORMAT,
                           "the tokenizer makes ids up to %zu, the model's table has %zu rows",
                           r->n_pieces - 1, m->vocab);
    if (r->n_pieces > m->vocab)
        ig_log_say(log, IG_LOG_WARN,
                   "the tokenizer has special tokens up to id %zu, past the model's table of %zu",
                   r->n_pieces - 1, m->vocab);
    return INGOT_OK;
}

static void set_id(int32_t *id, int64_t told, const ig_recipe *r)
{
    if (told >= 0 && (size_t)told < r->n_pieces) *id = (int32_t)told;
}

static ingot_status agree(ig_recipe *r, ig_llm *m, const ig_log *log, ingot_error *err)
{
    IG_TRY(check_ids(r, m, log, err));
    set_id(&r->bos, m->bos, r);
    set_id(&r->pad, m->pad, r);
    if (m->n_eos) set_id(&r->eos, m->eos[0], r);
    const ig_template *one = &r->one;
    m->add_bos =
        m->bos >= 0 && one->n && one->v[0].kind == IG_PART_TOKEN && (int64_t)one->v[0].id == m->bos;
    return INGOT_OK;
}

ingot_status ig_folder_tokenizer(ig_import *out, const ig_source *src, ig_llm *m, ingot_error *err)
{
    char path[4096];
    ig_map map = {0};
    ig_recipe r;
    IG_TRY(find_path(path, src, err));
    if (!*path) return INGOT_OK;
    IG_TRY(ig_map_open(&map, src->heap, path, err));
    ingot_status s = read_recipe(&r, &out->graph->arena, path, &map, err);
    if (!s && m) s = agree(&r, m, src->log, err);
    if (!s) s = ig_recipe_write(&out->tokenizer, &r, err);
    ig_map_close(&map);
    return s;
}
