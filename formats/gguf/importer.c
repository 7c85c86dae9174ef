/* importer.c - GGUF files as a source of `ingot convert`: language models, and files that hold a
 * vocabulary and no tensors. */
#include "formats/gguf/llm.h"
#include "formats/gguf/tokenizer.h"
#include "formats/import.h"
#include "runtime/base/checked.h"

#include <string.h>

static bool is_gguf(const ig_source *src)
{
    return src->n_bytes >= 4 && !memcmp(src->bytes, "GGUF", 4);
}

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
}

/* ---- the vocabulary ---- */

static ingot_status read_tokenizer(ig_import *out, ig_recipe *r, const ig_gguf *g, ingot_error *err)
{
    const ingot_str text = ig_gguf_text(g, "tokenizer.chat_template", "");
    IG_TRY(ig_gguf_tokenizer(r, &out->graph->arena, g, err));
    IG_TRY(ig_recipe_write(&out->tokenizer, r, err));
    if (!text.n) return INGOT_OK;
    out->template.p = ig_arena_text(&out->graph->arena, text.p, text.n);
    out->template.n = text.n;
    return out->template.p ? INGOT_OK : no_memory(err);
}

static void add_end(ig_llm *m, int64_t id)
{
    for (size_t i = 0; i < m->n_eos; i++)
        if (m->eos[i] == id) return;
    if (id >= 0 && m->n_eos < IG_LLM_STOPS) m->eos[m->n_eos++] = id;
}

/* Ids that end an answer: the key's, those of a turn's and a message's end, and control pieces with
 * the names that chat models give these. */
static void find_ends(ig_llm *m, const ig_recipe *r, const ig_gguf *g)
{
    static const char *const names[] = {"<|im_end|>",    "<|eot_id|>", "<|end|>",
                                        "<end_of_turn>", "<|eom_id|>", "<|endoftext|>"};
    add_end(m, r->eos);
    add_end(m, ig_gguf_int(g, "tokenizer.ggml.eot_token_id", -1));
    add_end(m, ig_gguf_int(g, "tokenizer.ggml.eom_token_id", -1));
    for (size_t i = 0; i < r->n_pieces; i++)
        for (size_t k = 0; k < IG_LEN(names); k++)
            if (r->pieces[i].kind == IG_PIECE_CONTROL && r->pieces[i].n == strlen(names[k]) &&
                !memcmp(r->pieces[i].p, names[k], r->pieces[i].n))
                add_end(m, (int64_t)i);
}

static void take_ids(ig_llm *m, const ig_recipe *r, const ig_gguf *g)
{
    m->bos = r->bos;
    m->pad = r->pad;
    m->add_bos = r->one.n && r->one.v[0].kind == IG_PART_TOKEN && (int64_t)r->one.v[0].id == r->bos;
    find_ends(m, r, g);
}

/* ---- the model ---- */

static ingot_status read_model(ig_import *out, const ig_source *src, const ig_gguf *g,
                               ingot_error *err)
{
    ig_arena *a = &out->graph->arena;
    ig_checkpoint c = {0};
    ig_recipe r;
    ig_llm m;
    ig_llm_init(&m);
    ig_gguf_part *parts;
    size_t n_parts;
    IG_TRY(ig_gguf_parts(&parts, &n_parts, out->graph, src, g, err));
    IG_TRY(ig_gguf_checkpoint(&c, a, parts, n_parts, err));
    IG_TRY(ig_gguf_llm(&m, a, g, &c, src->log, err));
    if (ig_gguf_find(g, "tokenizer.ggml.tokens")) {
        IG_TRY(read_tokenizer(out, &r, g, err));
        if (r.n_pieces > m.vocab)
            return ig_fail(err, INGOT_E_FORMAT,
                           "GGUF: a vocabulary of %zu pieces, but token_embd.weight has %zu rows",
                           r.n_pieces, m.vocab);
        take_ids(&m, &r, g);
    }
    const ig_weights weights = {out->graph, src->heap, src->target, src->round_f8};
    IG_TRY(ig_llm_check(&m, err));
    IG_TRY(ig_llm_decoder(out, &m, &weights, err));
    return ig_llm_meta(out, &m, err);
}

static ingot_status read_gguf(ig_import *out, const ig_source *src, ingot_error *err)
{
    ig_gguf g;
    ig_recipe recipe;
    if (src->is_folder) return ig_fail(err, INGOT_E_ARG, "a folder, not a GGUF file");
    out->graph = ig_graph_open(src->heap, NULL);
    if (!out->graph) return no_memory(err);
    ig_arena *a = &out->graph->arena;
    IG_TRY(ig_gguf_read(&g, a, src->bytes, src->n_bytes, err));
    IG_TRY(g.n_tensors ? read_model(out, src, &g, err) : read_tokenizer(out, &recipe, &g, err));
    const ingot_str name = ig_gguf_text(&g, "general.name", "");
    const char *text = ig_arena_text(a, name.p, name.n);
    if (!text) return no_memory(err);
    ig_import_text(out, "source.graph", text);
    return INGOT_OK;
}

const ig_importer ig_importer_gguf = {.name = "gguf", .is = is_gguf, .read = read_gguf};
