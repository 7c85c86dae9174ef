/* meta.c - what the engine must know of a language model beside its graph, as keys of META; the
 * keys are listed in formats/ingot/FORMAT.md. */
#include "formats/llm/model.h"

#include <stdio.h>

static const char *id_list(ig_arena *a, const int64_t *ids, size_t n)
{
    char text[IG_LLM_STOPS * 22] = "";
    size_t at = 0;
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", i ? "," : "",
                               (long long)ids[i]);
    return ig_arena_text(a, text, at);
}

static void put_id(ig_import *im, const char *key, int64_t id)
{
    if (id >= 0) ig_import_int(im, key, id);
}

static void put_default(ig_import *im, const char *key, double v)
{
    if (v > 0) ig_import_real(im, key, v);
}

ingot_status ig_llm_meta(ig_import *im, const ig_llm *m, ingot_error *err)
{
    ig_arena *a = &im->graph->arena;
    const char *family = ig_arena_printf(a, "%s", m->family), *eos = id_list(a, m->eos, m->n_eos);
    if (!family || !eos) return ig_fail(err, INGOT_E_NOMEM, "describing the model: no memory");
    ig_import_text(im, "llm.kind", "decoder");
    ig_import_text(im, "llm.family", family);
    if (m->context) ig_import_int(im, "llm.context", (int64_t)m->context);
    ig_import_int(im, "llm.vocab", (int64_t)m->vocab);
    put_id(im, "llm.bos", m->bos);
    ig_import_text(im, "llm.eos", eos);
    put_id(im, "llm.pad", m->pad);
    put_id(im, "llm.add_bos", m->add_bos);
    put_default(im, "llm.temperature", m->temperature);
    put_default(im, "llm.top_p", m->top_p);
    put_default(im, "llm.repetition_penalty", m->repetition_penalty);
    if (m->top_k_tokens > 0) ig_import_int(im, "llm.top_k", m->top_k_tokens);
    return INGOT_OK;
}
