/* importer.c - checkpoints of llama2.c as a source of `ingot convert`. They hold no vocabulary:
 * --tokenizer names it. */
#include "formats/llama2c/checkpoint.h"

static bool is_llama2c(const ig_source *src)
{
    ig_llama2c_head h;
    return !src->is_folder && ig_llama2c_head_read(&h, src->bytes, src->n_bytes);
}

static ingot_status read_llama2c(ig_import *out, const ig_source *src, ingot_error *err)
{
    ig_llama2c_head h;
    ig_llm m;
    ig_checkpoint c = {0};
    if (!is_llama2c(src))
        return ig_fail(err, INGOT_E_FORMAT, "not a checkpoint of llama2.c, or cut off");
    ig_llama2c_head_read(&h, src->bytes, src->n_bytes);
    out->graph = ig_graph_open(src->heap, NULL);
    if (!out->graph) return ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
    ig_llm_init(&m);
    IG_TRY(ig_llama2c_read(&m, &c, &out->graph->arena, &h, src->bytes, src->n_bytes, err));
    const ig_weights weights = {out->graph, src->heap, src->target, src->round_f8};
    IG_TRY(ig_llm_check(&m, err));
    IG_TRY(ig_llm_decoder(out, &m, &weights, err));
    return ig_llm_meta(out, &m, err);
}

const ig_importer ig_importer_llama2c = {.name = "llama2c", .is = is_llama2c, .read = read_llama2c};
