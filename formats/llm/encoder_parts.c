/* encoder_parts.c - can this be an encoder, and what META says of it; see encoder.h. */
#include "formats/llm/check.h"
#include "formats/llm/encoder.h"
#include "runtime/base/checked.h"

#include <string.h>

void ig_encoder_init(ig_encoder *e)
{
    memset(e, 0, sizeof *e);
    ig_llm_init(&e->base);
    e->position_pad = -1;
}

static ingot_status check_head(const ig_encoder *e, ingot_error *err)
{
    const size_t width = e->base.width;
    if (e->head == IG_HEAD_NONE) return INGOT_OK;
    const size_t inner = e->dense.w.tensor ? ig_rows_n(&e->dense.w) : width;
    const size_t labels = e->classifier.w.tensor ? ig_rows_n(&e->classifier.w) : 0;
    IG_TRY(ig_check_linear(&e->dense, inner, width, true, "head", err));
    IG_TRY(ig_check_norm(&e->head_norm, inner, "norm of the head", err));
    return ig_check_linear(&e->classifier, labels, inner, false, "classifier", err);
}

ingot_status ig_encoder_check(const ig_encoder *e, ingot_error *err)
{
    const ig_llm *m = &e->base;
    const size_t types = e->types.tensor ? ig_rows_n(&e->types) : 0;
    const size_t buckets = e->distances.tensor ? ig_rows_n(&e->distances) : 0;
    IG_TRY(ig_llm_check(m, err));
    IG_TRY(ig_check_matrix(&e->types, types, m->width, true, "token types", err));
    IG_TRY(ig_check_norm(&e->embed_norm, m->width, "norm of the embedding", err));
    IG_TRY(ig_check_matrix(&e->distances, buckets, m->heads, true, "bias of distances", err));
    if (buckets && buckets < IG_ENCODER_BUCKETS)
        return ig_fail(err, INGOT_E_FORMAT, "the bias of distances has %zu rows, not %d", buckets,
                       (int)IG_ENCODER_BUCKETS);
    if (m->n_experts || m->norm != IG_NORM_LAYER)
        return ig_fail(err, INGOT_E_UNSUPPORTED, "an encoder with experts or without layer norms");
    for (size_t i = 0; i < m->n_ropes; i++)
        if (!m->context || m->context > IG_ENCODER_TURNS / m->ropes[i].half)
            return ig_fail(err, INGOT_E_UNSUPPORTED,
                           "rotary positions for a context of %zu tokens (1 to %zu)", m->context,
                           IG_ENCODER_TURNS / m->ropes[i].half);
    if (e->position_pad >= (int64_t)m->context && m->positions.tensor)
        return ig_fail(err, INGOT_E_FORMAT, "padding token %lld lies past the %zu positions",
                       (long long)e->position_pad, m->context);
    return check_head(e, err);
}

/* Positions that count past the padding leave the first ones out. */
static size_t most_tokens(const ig_encoder *e)
{
    const size_t context = e->base.context - (size_t)(e->position_pad + 1);
    return e->most_tokens ? IG_MIN(e->most_tokens, context) : context;
}

ingot_status ig_encoder_meta(ig_import *im, const ig_encoder *e, ingot_error *err)
{
    static const char *const poolings[] = {
        [IG_POOLING_MEAN] = "mean", [IG_POOLING_CLS] = "cls", [IG_POOLING_LAST] = "last"};
    const ig_llm *m = &e->base;
    ig_arena *a = &im->graph->arena;
    const char *family = ig_arena_printf(a, "%s", m->family);
    const char *labels = e->labels ? ig_arena_printf(a, "%s", e->labels) : "";
    if (!family || !labels) return ig_fail(err, INGOT_E_NOMEM, "describing the model: no memory");
    ig_import_text(im, "llm.kind", "encoder");
    ig_import_text(im, "llm.family", family);
    ig_import_int(im, "llm.vocab", (int64_t)m->vocab);
    if (m->context) ig_import_int(im, "llm.context", (int64_t)most_tokens(e));
    if (m->pad >= 0) ig_import_int(im, "llm.pad", m->pad);
    ig_import_text(im, "llm.pooling", poolings[e->pooling]);
    if (e->pooling) ig_import_int(im, "llm.normalize", e->normalize);
    ig_import_text(im, "llm.labels", labels);
    return INGOT_OK;
}
