/* check.c - can these be the sizes of a decoder, and do its tensors fit them? Checkpoints come from
 * anywhere; after this the builder has nothing to doubt. */
#include "formats/llm/check.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SIZE_MOST = 1 << 24 /* of a width, a vocabulary, a context */ };

void ig_llm_init(ig_llm *m)
{
    memset(m, 0, sizeof *m);
    m->bos = m->pad = m->add_bos = -1;
}

/* ---- shapes ---- */

static void print_shape(char text[160], const ig_stored *t)
{
    size_t at = (size_t)snprintf(text, 160, "%.12s [", t->type->name);
    for (int d = 0; d < t->rank; d++)
        at += (size_t)snprintf(text + at, 160 - at, "%s%lld", d ? ", " : "", (long long)t->dims[d]);
    snprintf(text + at, 160 - at, "]");
}

/* The rows that a reference speaks of lie within its tensor. */
static bool within(const ig_rows *r)
{
    const ig_rows all = ig_rows_of(r->tensor, r->turned);
    size_t end;
    if (!r->count || !r->block) return true;
    return ig_mul_ok(r->count - 1, r->stride, &end) && ig_add_ok(end, r->first, &end) &&
           ig_add_ok(end, r->block, &end) && end <= all.block;
}

/* W [n, k]; none is fine where it may be none. */
ingot_status ig_check_matrix(const ig_rows *r, size_t n, size_t k, bool optional, const char *what,
                             ingot_error *err)
{
    char shape[160];
    if (!r->tensor)
        return optional ? INGOT_OK : ig_fail(err, INGOT_E_FORMAT, "the checkpoint has no %s", what);
    if (ig_rows_n(r) == n && ig_rows_k(r) == k && within(r)) return INGOT_OK;
    print_shape(shape, r->tensor);
    return ig_fail(err, INGOT_E_FORMAT, "tensor '%.90s' is %s, but the model's %s is [%zu, %zu]",
                   r->tensor->name, shape, what, r->turned ? k : n, r->turned ? n : k);
}

static ingot_status check_vector(const ig_rows *r, size_t n, const char *what, ingot_error *err)
{
    char shape[160];
    if (!r->tensor || (ig_rows_n(r) == n && ig_rows_k(r) == 1 && within(r))) return INGOT_OK;
    print_shape(shape, r->tensor);
    return ig_fail(err, INGOT_E_FORMAT, "tensor '%.90s' is %s, but the model's %s is [%zu]",
                   r->tensor->name, shape, what, n);
}

ingot_status ig_check_linear(const ig_llm_linear *l, size_t n, size_t k, bool optional,
                             const char *what, ingot_error *err)
{
    IG_TRY(ig_check_matrix(&l->w, n, k, optional, what, err));
    return check_vector(&l->bias, n, what, err);
}

ingot_status ig_check_norm(const ig_llm_norm *l, size_t n, const char *what, ingot_error *err)
{
    IG_TRY(check_vector(&l->gamma, n, what, err));
    return check_vector(&l->beta, n, what, err);
}

/* ---- the parts of a layer ---- */

static ingot_status check_mlp(const ig_llm_mlp *f, const ig_llm *m, bool optional, const char *what,
                              ingot_error *err)
{
    const ig_rows *up = &f->up.w;
    if (!up->tensor && optional && !f->down.w.tensor) return INGOT_OK;
    if (!up->tensor) return ig_fail(err, INGOT_E_FORMAT, "the checkpoint has no %s", what);
    const size_t inner = ig_rows_n(up);
    if (!inner || inner > SIZE_MOST)
        return ig_fail(err, INGOT_E_FORMAT, "a feed-forward layer is %zu wide", inner);
    if (!f->gate.bias.tensor != !f->up.bias.tensor && f->gate.w.tensor)
        return ig_fail(err, INGOT_E_UNSUPPORTED, "of '%.80s' and its gate only one has a bias",
                       up->tensor->name);
    IG_TRY(ig_check_linear(&f->gate, inner, m->width, true, what, err));
    IG_TRY(ig_check_linear(&f->up, inner, m->width, false, what, err));
    return ig_check_linear(&f->down, m->width, inner, false, what, err);
}

static ingot_status check_experts(const ig_llm_layer *l, const ig_llm *m, ingot_error *err)
{
    if (!l->router.w.tensor) return INGOT_OK;
    IG_TRY(ig_check_linear(&l->router, m->n_experts, m->width, false, "router", err));
    IG_TRY(ig_check_linear(&l->shared_gate, 1, m->width, true, "shared expert's gate", err));
    for (size_t e = 0; e < m->n_experts; e++) {
        const ig_llm_mlp *x = &l->experts[e];
        IG_TRY(check_mlp(x, m, false, "experts", err));
        if (!x->gate.w.tensor || x->up.bias.tensor || x->down.bias.tensor)
            return ig_fail(err, INGOT_E_UNSUPPORTED, "experts without gates, or with biases");
        if (ig_rows_n(&x->up.w) != ig_rows_n(&l->experts[0].up.w))
            return ig_fail(err, INGOT_E_FORMAT, "expert %zu is not as wide as the first", e);
    }
    return INGOT_OK;
}

static ingot_status check_qk_norm(const ig_llm_norm *n, const ig_llm *m, size_t heads,
                                  ingot_error *err)
{
    const size_t wide = m->qk_norm == IG_QK_WHOLE ? heads * m->head_dim : m->head_dim;
    for (size_t h = 0; n->gammas && h < heads; h++)
        IG_TRY(check_vector(&n->gammas[h], m->head_dim, "norm of a head", err));
    return ig_check_norm(n, wide, "norm of queries and keys", err);
}

static ingot_status check_layer(const ig_llm_layer *l, const ig_llm *m, ingot_error *err)
{
    const size_t dv = m->v_dim ? m->v_dim : m->head_dim;
    IG_TRY(
        ig_check_linear(&l->q, m->heads * m->head_dim, m->width, false, "query projection", err));
    IG_TRY(
        ig_check_linear(&l->k, m->kv_heads * m->head_dim, m->width, false, "key projection", err));
    IG_TRY(ig_check_linear(&l->v, m->kv_heads * dv, m->width, false, "value projection", err));
    IG_TRY(ig_check_linear(&l->o, m->width, m->heads * dv, false, "attention output", err));
    IG_TRY(ig_check_norm(&l->attn_norm, m->width, "norm before attention", err));
    IG_TRY(ig_check_norm(&l->attn_post, m->width, "norm after attention", err));
    IG_TRY(ig_check_norm(&l->mlp_norm, m->width, "norm before the feed-forward layer", err));
    IG_TRY(ig_check_norm(&l->mlp_post, m->width, "norm after the feed-forward layer", err));
    IG_TRY(check_qk_norm(&l->q_norm, m, m->heads, err));
    IG_TRY(check_qk_norm(&l->k_norm, m, m->kv_heads, err));
    if (l->window < 0 || l->window > INT32_MAX || l->rope >= (int)m->n_ropes)
        return ig_fail(err, INGOT_E_FORMAT, "a layer sees %lld tokens and turns by rule %d",
                       (long long)l->window, l->rope);
    IG_TRY(check_experts(l, m, err));
    return check_mlp(&l->mlp, m, l->router.w.tensor != NULL, "feed-forward layer", err);
}

/* ---- the whole ---- */

static ingot_status check_sizes(const ig_llm *m, ingot_error *err)
{
    const struct {
        const char *name;
        size_t v, least;
    } sizes[] = {{"vocabulary", m->vocab, 1},   {"width", m->width, 1},
                 {"heads", m->heads, 1},        {"key heads", m->kv_heads, 1},
                 {"head size", m->head_dim, 1}, {"size of a value", m->v_dim, 0},
                 {"context", m->context, 0},    {"layers", m->n_layers, 1},
                 {"experts", m->n_experts, 0}};
    for (size_t i = 0; i < IG_LEN(sizes); i++)
        if (sizes[i].v < sizes[i].least || sizes[i].v > SIZE_MOST)
            return ig_fail(err, INGOT_E_FORMAT, "the model's number of %s is %zu (%zu to %d)",
                           sizes[i].name, sizes[i].v, sizes[i].least, (int)SIZE_MOST);
    if (m->heads % m->kv_heads)
        return ig_fail(err, INGOT_E_FORMAT, "%zu heads cannot share %zu key heads", m->heads,
                       m->kv_heads);
    if (m->n_layers > IG_LLM_LAYERS_MOST || m->n_experts > IG_LLM_EXPERTS_MOST)
        return ig_fail(err, INGOT_E_UNSUPPORTED, "%zu layers, %zu experts (at most %d of each)",
                       m->n_layers, m->n_experts, (int)IG_LLM_LAYERS_MOST);
    if (m->n_experts && (!m->top_k || m->top_k > m->n_experts))
        return ig_fail(err, INGOT_E_FORMAT, "each token meets %zu of %zu experts", m->top_k,
                       m->n_experts);
    return INGOT_OK;
}

static ingot_status check_numbers(const ig_llm *m, ingot_error *err)
{
    const double all[] = {m->norm_eps,     m->norm_add,       m->attn_scale,
                          m->attn_softcap, m->final_softcap,  m->embed_scale,
                          m->logit_scale,  m->residual_scale, m->expert_scale};
    for (size_t i = 0; i < IG_LEN(all); i++)
        if (!isfinite(all[i]))
            return ig_fail(err, INGOT_E_FORMAT, "a scale, limit or epsilon is not a number");
    if (m->norm_eps < 0 || m->attn_softcap < 0 || m->final_softcap < 0)
        return ig_fail(err, INGOT_E_FORMAT, "an epsilon or a limit of scores is negative");
    for (size_t i = 0; i < m->n_ropes; i++) {
        const ig_rope_rule *r = &m->ropes[i];
        if (!r->half || 2 * r->half > m->head_dim)
            return ig_fail(err, INGOT_E_FORMAT, "%zu of the %zu elements of a head turn",
                           2 * r->half, m->head_dim);
        if (!(r->base > 0) || !isfinite(r->base) || !isfinite(r->factor) || r->factor < 0 ||
            !isfinite(r->magnitude) || !(r->context >= 0) || !isfinite(r->context))
            return ig_fail(err, INGOT_E_FORMAT, "the rotary base is %g, its factor %g", r->base,
                           r->factor);
    }
    return INGOT_OK;
}

ingot_status ig_llm_check(const ig_llm *m, ingot_error *err)
{
    IG_TRY(check_sizes(m, err));
    IG_TRY(check_numbers(m, err));
    IG_TRY(ig_check_matrix(&m->embedding, m->vocab, m->width, false, "token embedding", err));
    if (m->positions.tensor)
        IG_TRY(ig_check_matrix(&m->positions, m->context, m->width, false, "position table", err));
    IG_TRY(ig_check_norm(&m->final_norm, m->width, "last norm", err));
    IG_TRY(ig_check_linear(&m->output, m->vocab, m->width, true, "output projection", err));
    for (size_t i = 0; i < m->n_layers; i++) {
        const ingot_status s = check_layer(&m->layers[i], m, err);
        if (s) return ig_wrap(err, s, "layer %zu", i);
    }
    return INGOT_OK;
}
