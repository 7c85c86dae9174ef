/* paged_attention_infer.c - paged_attention: do the shapes fit, and what comes out. */
#include "runtime/ops/paged_attention.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

enum { HEADS_MOST = 1 << 16, SIZE_MOST = 1 << 16 }; /* so that their products cannot wrap */

#define bad(...) ig_node_fail(err, INGOT_E_FORMAT, node, __VA_ARGS__)

/* The width of a row of heads: of [T, width] or [T, heads, size]. */
static ingot_status width_of(int64_t *out, const ig_node *node, const ig_type *t, uint32_t i,
                             int64_t heads, ingot_error *err)
{
    *out = IG_DIM_UNKNOWN;
    if (t->dtype != INGOT_NONE && t->dtype != INGOT_F32)
        return bad("input %u is %s, not f32", i, ig_dtype(t->dtype)->name);
    if (t->rank < 0) return INGOT_OK;
    if (t->rank != 2 && t->rank != 3) return bad("input %u has rank %d, not 2 or 3", i, t->rank);
    const int64_t last = t->dims[t->rank - 1];
    if (t->rank == 3 && ig_dim_differ(t->dims[1], heads))
        return bad("input %u has %lld heads, the attribute says %lld", i, (long long)t->dims[1],
                   (long long)heads);
    if (last >= 0 && !ig_mul_ok(last, t->rank == 3 ? heads : 1, out))
        return bad("input %u is too wide", i);
    return INGOT_OK;
}

/* The size of a head, told by the width of a row or by an attribute (0: not told), or by both. */
static ingot_status size_of(int64_t *size, const ig_node *node, int64_t width, int64_t heads,
                            int64_t told, const char *what, ingot_error *err)
{
    *size = told ? told : IG_DIM_UNKNOWN;
    if (width < 0) return INGOT_OK;
    if (width % heads || width / heads < 1 || width / heads > SIZE_MOST)
        return bad("%lld columns of %s do not make %lld heads", (long long)width, what,
                   (long long)heads);
    if (told && width / heads != told)
        return bad("a head of %s has %lld elements, the attribute says %lld", what,
                   (long long)(width / heads), (long long)told);
    *size = width / heads;
    return INGOT_OK;
}

/* Queries, keys and values side by side. */
static ingot_status joined_sizes(ig_paged_size *out, const ig_node *node, const ig_type *q,
                                 ingot_error *err)
{
    const ig_paged_attrs *a = node->attrs;
    int64_t width;
    IG_TRY(width_of(&width, node, q, IG_PAGED_Q, a->heads + 2 * a->kv_heads, err));
    *out = (ig_paged_size){a->d ? a->d : IG_DIM_UNKNOWN, a->dv ? a->dv : IG_DIM_UNKNOWN};
    if (a->d && !a->dv) out->dv = a->d;
    if (width < 0) return INGOT_OK;
    if (a->dv)
        IG_TRY(size_of(&out->d, node, width - a->kv_heads * a->dv, a->heads + a->kv_heads, a->d,
                       "q and k", err));
    else
        IG_TRY(size_of(&out->d, node, width, a->heads + 2 * a->kv_heads, a->d, "q, k and v", err));
    if (!a->dv) out->dv = out->d;
    return INGOT_OK;
}

ingot_status ig_paged_sizes(ig_paged_size *out, const ig_node *node, const ig_type *q,
                            const ig_type *k, const ig_type *v, ingot_error *err)
{
    const ig_paged_attrs *a = node->attrs;
    int64_t width, d;
    if (a->heads < 1 || a->heads > HEADS_MOST || a->kv_heads < 1 || a->heads % a->kv_heads)
        return bad("%lld query heads share %lld key heads", (long long)a->heads,
                   (long long)a->kv_heads);
    if (a->d < 0 || a->d > SIZE_MOST || a->dv < 0 || a->dv > SIZE_MOST)
        return bad("heads of %lld and %lld elements", (long long)a->d, (long long)a->dv);
    if (!k != !v) return bad("k and v are given together or not at all");
    if (!k) return joined_sizes(out, node, q, err);
    IG_TRY(width_of(&width, node, q, IG_PAGED_Q, a->heads, err));
    IG_TRY(size_of(&out->d, node, width, a->heads, a->d, "q", err));
    IG_TRY(width_of(&width, node, k, IG_PAGED_K, a->kv_heads, err));
    IG_TRY(size_of(&d, node, width, a->kv_heads, a->d, "k", err));
    if (ig_dim_differ(out->d, d))
        return bad("heads of q have %lld elements, of k %lld", (long long)out->d, (long long)d);
    if (out->d < 0) out->d = d;
    IG_TRY(width_of(&width, node, v, IG_PAGED_V, a->kv_heads, err));
    return size_of(&out->dv, node, width, a->kv_heads, a->dv, "v", err);
}

/* An input of one f32 a head. */
static ingot_status check_heads(ig_infer *c, uint32_t i, const char *what)
{
    const ig_paged_attrs *a = c->attrs;
    if (!ig_has(c, i)) return INGOT_OK;
    const ig_type *t = c->in[i];
    if (t->dtype != INGOT_NONE && t->dtype != INGOT_F32)
        return ig_infer_fail(c, "%s are %s, not f32", what, ig_dtype(t->dtype)->name);
    if (t->rank >= 0 && (t->rank != 1 || ig_dim_differ(t->dims[0], a->heads)))
        return ig_infer_fail(c, "%s are no vector of %lld elements", what, (long long)a->heads);
    return INGOT_OK;
}

static ingot_status check_table(ig_infer *c, int64_t tokens, int64_t d)
{
    if (!ig_has(c, IG_PAGED_TABLE)) return INGOT_OK;
    const ig_type *t = c->in[IG_PAGED_TABLE];
    if (t->dtype != INGOT_NONE && t->dtype != INGOT_F32)
        return ig_infer_fail(c, "the table is %s, not f32", ig_dtype(t->dtype)->name);
    if (t->rank < 0) return INGOT_OK;
    if (t->rank != 3 || ig_dim_differ(t->dims[1], 2) || ig_dim_differ(t->dims[0], tokens))
        return ig_infer_fail(c, "the table is not [tokens, 2, half]");
    if (t->dims[2] >= 0 && d >= 0 && t->dims[2] > d / 2)
        return ig_infer_fail(c, "%lld pairs of %lld elements cannot turn", (long long)t->dims[2],
                             (long long)d);
    return INGOT_OK;
}

ingot_status ig_paged_infer(ig_infer *c)
{
    const ig_paged_attrs *a = c->attrs;
    const ig_type *q = c->in[IG_PAGED_Q];
    const ig_type *k = ig_has(c, IG_PAGED_K) ? c->in[IG_PAGED_K] : NULL;
    const ig_type *v = ig_has(c, IG_PAGED_V) ? c->in[IG_PAGED_V] : NULL;
    ig_paged_size size;
    IG_TRY(ig_paged_sizes(&size, c->node, q, k, v, c->err));
    if (a->layer < 0 || a->window < -1)
        return ig_infer_fail(c, "layer %lld, window %lld", (long long)a->layer,
                             (long long)a->window);
    if (!isfinite(a->scale) || !(a->softcap >= 0) || !isfinite(a->softcap))
        return ig_infer_fail(c, "scale %g, softcap %g", a->scale, a->softcap);
    const int64_t tokens = q->rank >= 0 ? q->dims[0] : IG_DIM_UNKNOWN;
    if ((k && k->rank >= 0 && ig_dim_differ(k->dims[0], tokens)) ||
        (v && v->rank >= 0 && ig_dim_differ(v->dims[0], tokens)))
        return ig_infer_fail(c, "q, k and v have different numbers of tokens");
    IG_TRY(check_table(c, tokens, size.d));
    IG_TRY(check_heads(c, IG_PAGED_SINKS, "sinks"));
    IG_TRY(check_heads(c, IG_PAGED_SLOPES, "slopes"));
    const int64_t wide = size.dv >= 0 ? size.dv * a->heads : IG_DIM_UNKNOWN;
    c->out[0] = ig_type_tensor(INGOT_F32, 2, (int64_t[]){tokens, wide});
    return INGOT_OK;
}

ingot_status ig_paged_layer_of(ig_paged_layer *out, bool *is, const ig_graph *g,
                               const ig_node *node, ingot_error *err)
{
    *is = !strcmp(node->op->name, "paged_attention");
    if (!*is) return INGOT_OK;
    const ig_paged_attrs *a = node->attrs;
    const ig_value *in[3] = {0};
    ig_paged_size size;
    for (uint32_t i = 0; i < 3 && i < node->n_in; i++) in[i] = ig_value_at(g, node->in[i]);
    IG_TRY(ig_paged_sizes(&size, node, &in[0]->type, in[1] ? &in[1]->type : NULL,
                          in[2] ? &in[2]->type : NULL, err));
    if (a->layer < 0 || size.d < 0 || size.dv < 0)
        return bad("the size of its heads is not told (layer %lld)", (long long)a->layer);
    *out = (ig_paged_layer){.layer = (size_t)a->layer,
                            .heads = (size_t)a->heads,
                            .kv_heads = (size_t)a->kv_heads,
                            .d = (size_t)size.d,
                            .dv = (size_t)size.dv,
                            .window = a->window};
    return INGOT_OK;
}
