/* importer.c - a folder as Hugging Face's hub has it, as a source of `ingot convert`: config.json
 * says of which family the model is, safetensors files hold its weights; tokenizer, chat template
 * and defaults for sampling are taken where they are. A folder or file with a tokenizer alone
 * converts too. */
#include "formats/hf/folder.h"
#include "formats/hf/hub.h"
#include "formats/llm/encoder.h"
#include "formats/safetensors/safetensors.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void close_shards(void *kept) { ig_shards_close(kept); }

/* Where the weights are from: the hash of all their bytes, file after file. */
static ingot_status put_origin(ig_import *out, const ig_shards *shards, ingot_error *err)
{
    char text[33];
    ig_hasher h;
    ig_hasher_init(&h);
    for (size_t i = 0; i < shards->n; i++)
        ig_hasher_add(&h, shards->maps[i].data, shards->maps[i].size);
    const char *kept =
        ig_arena_text(&out->graph->arena, ig_hash_text(text, ig_hasher_result(&h)), 32);
    ig_import_text(out, "source.xxh3", kept);
    return kept ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
}

/* Tables that old checkpoints hold although the model makes them itself. */
static void skip_buffers(const ig_checkpoint *c)
{
    static const char *const ends[] = {".rotary_emb.inv_freq", ".masked_bias", ".attention.bias",
                                       ".attn.bias", ".position_ids"};
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < IG_LEN(ends); k++) {
            const size_t n = strlen(c->tensors[i].name), m = strlen(ends[k]);
            if (n >= m && !strcmp(c->tensors[i].name + n - m, ends[k])) c->tensors[i].used = true;
        }
}

static ingot_status make_graph(ig_import *out, const ig_encoder *e, bool is_encoder,
                               const ig_weights *weights, ingot_error *err)
{
    return is_encoder ? ig_llm_encoder(out, e, weights, err)
                      : ig_llm_decoder(out, &e->base, weights, err);
}

static ingot_status read_model(ig_import *out, const ig_source *src, const json_t *config,
                               ingot_error *err)
{
    ig_arena *arena = &out->graph->arena;
    ig_checkpoint c;
    ig_encoder e;
    ig_llm *m = &e.base;
    bool is_encoder;
    ig_shards *shards = ig_new(arena, ig_shards);
    if (!shards) return ig_fail(err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
    ig_graph_keep(out->graph, close_shards, shards);
    IG_TRY(ig_shards_open(&c, shards, arena, src->path, err));
    IG_TRY(ig_hub_scales(&c, config, arena, err));
    IG_TRY(ig_hub_describe(&e, &is_encoder, &c, config, arena, src->log, err));
    IG_TRY(ig_folder_generation(m, src, config, err));
    const ig_weights weights = {
        .graph = out->graph, .heap = src->heap, .target = src->target, .round_f8 = src->round_f8};
    IG_TRY(make_graph(out, &e, is_encoder, &weights, err));
    skip_buffers(&c);
    ig_checkpoint_unused(&c, src->log);
    IG_TRY(put_origin(out, shards, err));
    IG_TRY(ig_folder_tokenizer(out, src, m, err));
    IG_TRY(ig_folder_template(out, src, err));
    if (!is_encoder) return ig_llm_meta(out, m, err);
    IG_TRY(ig_folder_pooling(&e, src, err));
    return ig_encoder_meta(out, &e, err);
}

/* ---- the source ---- */

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* A part of a checkpoint, which is read as a folder. */
static bool is_part(const ig_source *src)
{
    return ends_with(src->path, ".safetensors") ||
           ends_with(src->path, ".safetensors.index.json") || ends_with(src->path, "/config.json");
}

static bool is_hf(const ig_source *src)
{
    /* No ONNX file begins so: field 15 of its message would be a group's end. */
    const bool is_json = src->n_bytes && *(const char *)src->bytes == '{';
    if (!src->is_folder) return is_json || is_part(src);
    return ig_folder_has(src, "config.json") || ig_folder_has_tokenizer(src);
}

static ingot_status read_hf(ig_import *out, const ig_source *src, ingot_error *err)
{
    json_t *config = NULL;
    out->graph = ig_graph_open(src->heap, NULL);
    if (!out->graph) return ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
    if (!src->is_folder && is_part(src))
        return ig_fail(err, INGOT_E_ARG, "a part of a checkpoint: name the folder that it is in");
    if (!src->is_folder) return ig_tokenizer_json(out, src->bytes, src->n_bytes, err);
    const bool has_weights = ig_folder_has(src, "model.safetensors") ||
                             ig_folder_has(src, "model.safetensors.index.json") ||
                             ig_folder_has(src, "pytorch_model.bin");
    if (!has_weights && ig_folder_has_tokenizer(src))
        return ig_folder_tokenizer(out, src, NULL, err);
    IG_TRY(ig_folder_json(&config, src, "config.json", true, err));
    const ingot_status s = read_model(out, src, config, err);
    json_decref(config);
    return s;
}

const ig_importer ig_importer_hf = {.name = "hf", .is = is_hf, .read = read_hf};
