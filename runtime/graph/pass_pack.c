/* pass_pack.c - constant right operands of products in f32, f16, bf16 or bytes are stored in P16
 * panels, and so are the weights of integer convolutions in one group and those of recurrent ops in
 * f32, so that opening the file on any CPU needs no repacking. Convolutions of floats were packed
 * when they became NHWC. */
#include "runtime/graph/match.h"
#include "runtime/graph/passes.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm_i8/gemm_i8.h"
#include "runtime/base/checked.h"

/* Matrices smaller than this gain nothing from panels of 16 columns. */
enum { SMALLEST = 16 };

static bool packable(const ig_value *w)
{
    const ingot_dtype d = w->type.dtype;
    return w->is_const && w->layout == IG_PLAIN &&
           (d == INGOT_F32 || d == INGOT_F16 || d == INGOT_BF16) && w->type.rank >= 2 &&
           w->data_bytes >= SMALLEST * ig_dtype(d)->bytes;
}

static void pack_one(ingot_dtype dtype, void *to, const void *from, size_t k, size_t n,
                     bool transposed)
{
    const size_t ld_k = transposed ? 1 : n, ld_n = transposed ? k : 1, panels = ig_gemm_panels(n);
    if (dtype == INGOT_F32)
        ig_gemm_pack_f32()(to, from, k, n, ld_k, ld_n, 0, panels);
    else if (dtype == INGOT_F16)
        ig_gemm_pack_f16()(to, from, k, n, ld_k, ld_n, 0, panels);
    else
        ig_gemm_pack_bf16()(to, from, k, n, ld_k, ld_n, 0, panels);
}

static ig_id put_packed(ig_graph *g, const char *name, const ig_type *type, ig_layout layout,
                        const void *data, size_t bytes)
{
    const ig_id now = ig_graph_value(g, name, type);
    if (now == IG_NO_VALUE) return now;
    g->values[now].data = data;
    g->values[now].data_bytes = bytes;
    g->values[now].layout = layout;
    g->values[now].is_const = true;
    return now;
}

/* What one constant may become for different readers; a place in the list of known packed forms. */
enum { AS_IT_IS, TRANSPOSED, TURNED, FORMS };

/* [.., K, N], or [.., N, K] when transposed or turned, into panels; TURNED keeps the dims.
 * IG_NO_VALUE: no memory. */
static ig_id pack(ig_graph *g, ig_id id, int form)
{
    const ig_value w = g->values[id];
    const int r = w.type.rank;
    ig_type type = w.type;
    if (form != AS_IT_IS) {
        type.dims[r - 2] = w.type.dims[r - 1];
        type.dims[r - 1] = w.type.dims[r - 2];
    }
    size_t bytes;
    if (!ig_layout_bytes(&type, IG_P16, &bytes)) return IG_NO_VALUE;
    char *panels = ig_arena_take(&g->arena, bytes);
    if (!panels) return IG_NO_VALUE;
    const size_t k = (size_t)type.dims[r - 2], n = (size_t)type.dims[r - 1];
    const size_t each = k * n * ig_dtype(type.dtype)->bytes;
    const size_t count = each ? w.data_bytes / each : 0, packed = count ? bytes / count : 0;
    for (size_t i = 0; i < count; i++)
        pack_one(type.dtype, panels + i * packed, (const char *)w.data + i * each, k, n,
                 form != AS_IT_IS);
    return form == TURNED ? put_packed(g, w.name, &w.type, IG_P16_TURNED, panels, bytes)
                          : put_packed(g, w.name, &type, IG_P16, panels, bytes);
}

/* W and R of recurrent ops, [directions, gates * hidden, k]: see runtime/ops/rnn_run.c, which takes
 * the last gate of a gru's R apart. */
static bool pack_recurrent(ig_graph *g, ig_node *n, size_t n_values, ig_id *plain)
{
    enum { W = 1, R = 2 };
    const bool gru = ig_is(n, "gru", NULL);
    if (!gru && !ig_is(n, "lstm", NULL) && !ig_is(n, "rnn", NULL)) return true;
    for (uint32_t i = W; i <= R; i++) {
        const ig_id id = n->in[i];
        const ig_value *w = &g->values[id];
        if (id >= n_values || !packable(w) || w->type.dtype != INGOT_F32 || w->type.rank != 3 ||
            (gru && i == R && w->type.dims[2] * 2 % IG_PANEL))
            continue;
        ig_id *known = &plain[FORMS * id + TURNED];
        if (!*known) *known = pack(g, id, TURNED);
        if (*known == IG_NO_VALUE) return false;
        n->in[i] = *known;
    }
    return true;
}

/* ---- bytes ---- */

static bool packable_bytes(const ig_value *w, int least_rank)
{
    const ingot_dtype d = w->type.dtype;
    return w->is_const && w->layout == IG_PLAIN && (d == INGOT_I8 || d == INGOT_U8) &&
           w->type.rank >= least_rank && w->data_bytes >= SMALLEST;
}

/* [.., K, N] */
static ig_id pack_matrices(ig_graph *g, ig_id id)
{
    const ig_value w = g->values[id];
    const size_t k = (size_t)w.type.dims[w.type.rank - 2], n = (size_t)w.type.dims[w.type.rank - 1];
    size_t bytes, each;
    if (!ig_layout_bytes(&w.type, IG_P16, &bytes) || !ig_gemm_i8_weight_bytes(n, k, &each))
        return IG_NO_VALUE;
    int8_t *panels = ig_arena_take(&g->arena, bytes);
    if (!panels) return IG_NO_VALUE;
    const size_t count = w.data_bytes / (k * n), n16 = (n + 15) / 16 * 16;
    int32_t *sums = (int32_t *)(void *)(panels + count * each);
    for (size_t i = 0; i < count; i++)
        ig_gemm_i8_pack_weights(panels + i * each, sums + i * n16,
                                (const uint8_t *)w.data + i * k * n, w.type.dtype == INGOT_I8, n, k,
                                1, n);
    return put_packed(g, w.name, &w.type, IG_P16, panels, bytes);
}

/* [M, C, taps], of which each row becomes [taps, C] */
static ig_id pack_windows(ig_graph *g, ig_id id)
{
    const ig_value w = g->values[id];
    const size_t m = (size_t)w.type.dims[0], c = (size_t)w.type.dims[1];
    const size_t k = w.data_bytes / m, taps = k / c;
    size_t bytes, each;
    if (!ig_layout_bytes(&w.type, IG_P16_CONV, &bytes) || !ig_gemm_i8_weight_bytes(m, k, &each))
        return IG_NO_VALUE;
    int8_t *panels = ig_arena_take(&g->arena, bytes);
    uint8_t *rows = ig_take(g->arena.heap, w.data_bytes);
    if (panels && rows) {
        for (size_t i = 0; i < w.data_bytes; i++)
            rows[i / k * k + i % taps * c + i % k / taps] = ((const uint8_t *)w.data)[i];
        ig_gemm_i8_pack_weights(panels, (int32_t *)(void *)(panels + each), rows,
                                w.type.dtype == INGOT_I8, m, k, k, 1);
    }
    const bool ok = panels && rows;
    if (rows) ig_give(g->arena.heap, rows, w.data_bytes);
    return ok ? put_packed(g, w.name, &w.type, IG_P16_CONV, panels, bytes) : IG_NO_VALUE;
}

/* The packed form of a node's bytes, of which `known` remembers each way; true: not concerned, or
 * done. */
static bool pack_bytes(ig_graph *g, ig_node *n, size_t n_values, ig_id *plain)
{
    const bool product = ig_is(n, "matmul_integer", NULL), conv = ig_is(n, "conv_integer", NULL);
    if (!product && !conv) return true;
    const ig_id id = n->in[1];
    if (id >= n_values || !packable_bytes(&g->values[id], conv ? 3 : 2) ||
        (conv && ig_attr_int(n, "group") != 1))
        return true;
    ig_id *known = &plain[FORMS * id + conv];
    if (!*known) *known = conv ? pack_windows(g, id) : pack_matrices(g, id);
    if (*known == IG_NO_VALUE) return false;
    n->in[1] = *known;
    return true;
}

ingot_status ig_pass_pack(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    if (c->keep_plain) return INGOT_OK;
    const size_t n_values = g->n_values;
    ig_id *plain = ig_new_n(c->scratch, ig_id, FORMS * n_values); /* packed forms; 0: none */
    if (!plain) return ig_fail(err, INGOT_E_NOMEM, "packing weights: no memory");
    for (size_t i = 0; i < g->n_nodes; i++) {
        ig_node *n = g->nodes[i];
        if (!pack_bytes(g, n, n_values, plain) || !pack_recurrent(g, n, n_values, plain))
            return ig_fail(err, INGOT_E_NOMEM, "packing weights: no memory");
        if (!ig_is(n, "matmul", NULL) || n->in[1] >= n_values || !packable(&g->values[n->in[1]]))
            continue;
        const int form = ig_attr_int(n, "trans_b") ? TRANSPOSED : AS_IT_IS;
        ig_id *known = &plain[FORMS * n->in[1] + (ig_id)form];
        if (!*known) *known = pack(g, n->in[1], form);
        if (*known == IG_NO_VALUE || !ig_put_attr_int(g, n, "trans_b", 0))
            return ig_fail(err, INGOT_E_NOMEM, "packing weights: no memory");
        n->in[1] = *known;
    }
    return INGOT_OK;
}
