/* tokenizer.c - the tokenizer of a folder; see folder.h. */
#include "formats/hf/slow.h"
#include "formats/tokenizer/import.h"
#include "runtime/base/checked.h"

#include <stdio.h>

ingot_status ig_tokenizer_json(ig_import *out, const void *bytes, size_t n, ingot_error *err)
{
    ig_recipe recipe;
    IG_TRY(ig_tokenizer_from_json(&recipe, &out->graph->arena, bytes, n, err));
    return ig_recipe_write(&out->tokenizer, &recipe, err);
}

/* ---- the files ---- */

bool ig_folder_has_tokenizer(const ig_source *src)
{
    return ig_folder_has(src, "tokenizer.json") || ig_folder_has(src, "tokenizer.model") ||
           (ig_folder_has(src, "vocab.json") && ig_folder_has(src, "merges.txt")) ||
           ig_folder_has(src, "vocab.txt");
}

static ingot_status open_file(ig_map *map, const ig_source *src, const char *name, ingot_error *err)
{
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", src->path, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return ig_fail(err, INGOT_E_ARG, "%.80s...: the path is too long", src->path);
    return ig_map_open(map, src->heap, path, err);
}

static ingot_status read_recipe(ig_recipe *r, ig_arena *arena, const ig_source *src,
                                ingot_error *err)
{
    ig_map map = {0};
    ingot_status s;
    if (ig_folder_has(src, "tokenizer.json")) {
        IG_TRY(open_file(&map, src, "tokenizer.json", err));
        s = ig_tokenizer_from_json(r, arena, (const char *)map.data, map.size, err);
    } else if (ig_folder_has(src, "tokenizer.model")) {
        IG_TRY(open_file(&map, src, "tokenizer.model", err));
        s = ig_tokenizer_from_sentencepiece(r, arena, map.data, map.size, err);
        if (!s) s = ig_slow_sentencepiece(r, arena, src, err);
    } else {
        s = ig_slow_vocabulary(r, arena, src, err);
    }
    ig_map_close(&map);
    return s;
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
    ig_recipe r;
    if (!ig_folder_has_tokenizer(src)) return INGOT_OK;
    IG_TRY(read_recipe(&r, &out->graph->arena, src, err));
    if (m) IG_TRY(agree(&r, m, src->log, err));
    return ig_recipe_write(&out->tokenizer, &r, err);
}
