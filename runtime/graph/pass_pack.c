/* pass_pack.c - constant right operands of products in f32, f16 or bf16 are stored in P16 panels,
 * so that opening the file on any CPU needs no repacking. Convolutions were packed when they became
 * NHWC. */
#include "runtime/graph/match.h"
#include "runtime/graph/passes.h"
#include "kernels/gemm/gemm.h"
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

/* [.., K, N], or [.., N, K] when transposed, into panels; IG_NO_VALUE: no memory. */
static ig_id pack(ig_graph *g, ig_id id, bool transposed)
{
    const ig_value w = g->values[id];
    const int r = w.type.rank;
    ig_type type = w.type;
    if (transposed) {
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
                 transposed);
    const ig_id now = ig_graph_value(g, w.name, &type);
    if (now == IG_NO_VALUE) return now;
    g->values[now].data = panels;
    g->values[now].data_bytes = bytes;
    g->values[now].layout = IG_P16;
    g->values[now].is_const = true;
    return now;
}

ingot_status ig_pass_pack(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    if (c->keep_plain) return INGOT_OK;
    const size_t n_values = g->n_values;
    ig_id *plain =
        ig_new_n(c->scratch, ig_id, 2 * n_values); /* packed form, by transposition; 0: none */
    if (!plain) return ig_fail(err, INGOT_E_NOMEM, "packing weights: no memory");
    for (size_t i = 0; i < g->n_nodes; i++) {
        ig_node *n = g->nodes[i];
        if (!ig_is(n, "matmul", NULL) || n->in[1] >= n_values || !packable(&g->values[n->in[1]]))
            continue;
        const bool transposed = ig_attr_int(n, "trans_b");
        ig_id *known = &plain[2 * n->in[1] + transposed];
        if (!*known) *known = pack(g, n->in[1], transposed);
        if (*known == IG_NO_VALUE || !ig_put_attr_int(g, n, "trans_b", 0))
            return ig_fail(err, INGOT_E_NOMEM, "packing weights: no memory");
        n->in[1] = *known;
    }
    return INGOT_OK;
}
