/* map_low_bit.c - com.microsoft's MatMulNBits: weights of 4 or 8 bits in blocks of a row.
 *
 *     A [.., K], B u8 [N, blocks, block_size * bits / 8] (low nibble first), scales [N, blocks],
 *     zero_points u8 [N, bytes of a row's blocks * bits] or like the scales, g_idx, bias [N]
 *
 * It becomes matmul_q; with accuracy_level 4, A is rounded to 8 bits there (in groups of 32,
 * whatever the block size). Blocks of 16 are no format of matmul_q: they become a dequantize of
 * constants, which is folded. */
#include "formats/onnx/import.h"
#include "runtime/graph/low_bit.h"
#include "runtime/base/checked.h"

enum { A, B, SCALES, ZEROS, G_IDX, BIAS, ROUNDS_A = 4 };

typedef struct {
    size_t n, k, blocks, block;
    uint32_t bits;
    const ig_value *b, *scales, *zeros; /* zeros may be NULL */
    uint8_t *q;                         /* [n, k] */
    float *scale, *zero;                /* [n, blocks]; zero may be NULL */
} nbits;

static bool holds(const ig_value *v, size_t elements)
{
    size_t n;
    return v->layout == IG_PLAIN && ig_type_elements(&v->type, &n) && n == elements;
}

/* Element i of packed bytes whose rows are row_bytes apart. */
static uint8_t unpacked(const uint8_t *row, uint32_t bits, size_t i)
{
    return bits == 8 ? row[i] : (uint8_t)(row[i / 2] >> i % 2 * 4 & 15);
}

static bool is_float(const ig_value *v)
{
    return ig_dtype(v->type.dtype)->class_ == IG_CLASS_FLOAT;
}

static ingot_status read_sizes(ig_import *c, const ig_onnx_node *n, nbits *w)
{
    const int64_t cols = onnx_int(c, n, "N", 0), deep = onnx_int(c, n, "K", 0);
    const int64_t bits = onnx_int(c, n, "bits", 4), block = onnx_int(c, n, "block_size", 0);
    if (onnx_given(n, G_IDX))
        return ig_onnx_fail(c, n,
                            "g_idx (weights in another order than their groups) is not "
                            "supported: export without act_order");
    if (bits != 4 && bits != 8)
        return ig_onnx_fail(c, n, "weights of %lld bits; 4 and 8 are supported", (long long)bits);
    if (cols < 1 || deep < 1 || cols > INT32_MAX || deep > INT32_MAX || block < 16 ||
        block > INT32_MAX || (block & (block - 1)))
        return ig_onnx_bad(c, n, "N=%lld, K=%lld, block_size=%lld", (long long)cols,
                           (long long)deep, (long long)block);
    w->n = (size_t)cols;
    w->k = (size_t)deep;
    w->block = (size_t)block;
    w->bits = (uint32_t)bits;
    w->blocks = (w->k - 1) / w->block + 1;
    return c->status;
}

static ingot_status read_tables(ig_import *c, const ig_onnx_node *n, nbits *w)
{
    w->b = onnx_known(c, n, B);
    w->scales = onnx_known(c, n, SCALES);
    w->zeros = onnx_given(n, ZEROS) ? onnx_known(c, n, ZEROS) : NULL;
    if (c->status) return c->status;
    if (!w->b || !w->scales || (onnx_given(n, ZEROS) && !w->zeros))
        return ig_onnx_fail(c, n, "B, scales and zero_points must be constants");
    const size_t zero_row = (w->blocks * w->bits + 7) / 8;
    if (w->b->type.dtype != INGOT_U8 || !holds(w->b, w->n * w->blocks * w->block * w->bits / 8))
        return ig_onnx_bad(c, n, "B is not u8 [%zu, %zu, %zu]", w->n, w->blocks,
                           w->block * w->bits / 8);
    if (!is_float(w->scales) || !holds(w->scales, w->n * w->blocks))
        return ig_onnx_bad(c, n, "scales are not floats [%zu, %zu]", w->n, w->blocks);
    if (w->zeros && !(is_float(w->zeros) && holds(w->zeros, w->n * w->blocks)) &&
        !(w->zeros->type.dtype == INGOT_U8 && holds(w->zeros, w->n * zero_row)))
        return ig_onnx_bad(c, n, "zero_points are neither u8 [%zu, %zu] nor floats [%zu, %zu]",
                           w->n, zero_row, w->n, w->blocks);
    return c->status;
}

/* One byte a weight, f32 a scale. */
static ingot_status unpack(ig_import *c, const ig_onnx_node *n, nbits *w, ig_arena *a)
{
    const size_t row = w->blocks * w->block * w->bits / 8, tables = w->n * w->blocks;
    const size_t zero_row = (w->blocks * w->bits + 7) / 8;
    w->q = ig_new_n(a, uint8_t, w->n * w->k);
    w->scale = ig_new_n(a, float, tables);
    if (w->zeros) w->zero = ig_new_n(a, float, tables);
    if (!w->q || !w->scale || (w->zeros && !w->zero))
        return ig_onnx_fail(c, n, "no memory for %zu by %zu weights", w->n, w->k);
    for (size_t r = 0; r < w->n; r++)
        for (size_t i = 0; i < w->k; i++)
            w->q[r * w->k + i] = unpacked((const uint8_t *)w->b->data + r * row, w->bits, i);
    for (size_t i = 0; i < tables; i++)
        w->scale[i] = (float)ig_to_double(w->scales->data, w->scales->type.dtype, i);
    for (size_t i = 0; w->zeros && i < tables; i++)
        w->zero[i] = is_float(w->zeros)
                         ? (float)ig_to_double(w->zeros->data, w->zeros->type.dtype, i)
                         : unpacked((const uint8_t *)w->zeros->data + i / w->blocks * zero_row,
                                    w->bits, i % w->blocks);
    return c->status;
}

static ig_id bias_of(const ig_onnx_node *n)
{
    return onnx_given(n, BIAS) ? n->in[BIAS] : IG_NO_VALUE;
}

static ingot_status emit_packed(ig_import *c, const ig_onnx_node *n, const nbits *w,
                                const ig_low_bit *source, const ig_q_format *f)
{
    const ig_id panels = ig_low_bit_pack(c->g, w->b->name, source, f);
    if (panels == IG_NO_VALUE) return ig_onnx_fail(c, n, "no memory for packed weights");
    const ig_id in[] = {n->in[A], panels, bias_of(n)};
    ig_node *node = ig_emit(c, n, "matmul_q", in, IG_LEN(in), n->out, 1);
    ig_set_int(c, node, "n", (int64_t)w->n);
    ig_set_int(c, node, "k", (int64_t)w->k);
    ig_set_text(c, node, "format", f->name);
    if (onnx_int(c, n, "accuracy_level", 0) == ROUNDS_A) ig_set_text(c, node, "acts", "a8");
    return c->status;
}

/* Weights [n, k] in the type of their scales; zero points that are floats. IG_NO_VALUE: no memory.
 */
static ig_id widened(ig_import *c, const nbits *w)
{
    const int64_t whole[] = {(int64_t)w->n, (int64_t)w->k};
    const ingot_dtype dtype = w->scales->type.dtype;
    void *wide = ig_arena_take(&c->g->arena, w->n * w->k * ig_dtype(dtype)->bytes);
    if (!wide) return IG_NO_VALUE;
    for (size_t i = 0; i < w->n * w->k; i++) {
        const size_t at = i / w->k * w->blocks + i % w->k / w->block;
        ig_from_double(wide, dtype, i, ((double)w->q[i] - w->zero[at]) * w->scale[at]);
    }
    return ig_graph_const(c->g, w->b->name, dtype, 2, whole, wide);
}

/* The same for whole zero points, as a node over the weights of a byte. */
static ig_id dequantized(ig_import *c, const ig_onnx_node *n, const nbits *w)
{
    const int64_t whole[] = {(int64_t)w->n, (int64_t)w->k};
    const int64_t tables[] = {(int64_t)w->n, (int64_t)w->blocks};
    const size_t count = w->n * w->blocks;
    uint8_t *zero = ig_new_n(&c->g->arena, uint8_t, count);
    if (!zero) return IG_NO_VALUE;
    for (size_t i = 0; i < count; i++)
        zero[i] = w->zero ? (uint8_t)w->zero[i] : w->bits == 4 ? 8 : 128;
    const ig_id q = ig_graph_const_copy(c->g, w->b->name, INGOT_U8, 2, whole, w->q);
    const ig_id z = ig_graph_const(c->g, "", INGOT_U8, 2, tables, zero);
    const ig_id s = ig_graph_const(c->g, "", w->scales->type.dtype, 2, tables, w->scales->data);
    if (q == IG_NO_VALUE || z == IG_NO_VALUE || s == IG_NO_VALUE) return IG_NO_VALUE;
    const ig_id b = ig_emit_new(c, n, "dequantize", 3, q, s, z);
    ig_set_int(c, ig_emit_last(c), "axis", 1);
    ig_set_int(c, ig_emit_last(c), "block_size", (int64_t)w->block);
    return b;
}

/* Blocks that matmul_q does not have: weights are widened when the model is converted. */
static ingot_status emit_plain(ig_import *c, const ig_onnx_node *n, const nbits *w)
{
    const ig_id b = w->zeros && is_float(w->zeros) ? widened(c, w) : dequantized(c, n, w);
    if (b == IG_NO_VALUE) return ig_onnx_fail(c, n, "no memory for %zu by %zu weights", w->n, w->k);
    const ig_id in[] = {n->in[A], b, bias_of(n)};
    ig_set_int(c, ig_emit(c, n, "matmul", in, IG_LEN(in), n->out, 1), "trans_b", 1);
    return c->status;
}

static ingot_status map_nbits(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    nbits w = {0};
    ig_arena scratch;
    ig_arena_init(&scratch, c->g->arena.heap);
    ingot_status s = read_sizes(c, n, &w);
    if (!s) s = read_tables(c, n, &w);
    if (!s) s = unpack(c, n, &w, &scratch);
    if (!s) {
        const ig_low_bit source = {.bits = w.bits,
                                   .n = w.n,
                                   .k = w.k,
                                   .group = w.block,
                                   .q = w.q,
                                   .q_n = w.k,
                                   .q_k = 1,
                                   .scale = w.scale,
                                   .scale_n = w.blocks,
                                   .scale_g = 1,
                                   .zero = w.zero,
                                   .zero_n = w.blocks,
                                   .zero_g = 1};
        const ig_q_format *f = ig_low_bit_format(&source);
        s = f ? emit_packed(c, n, &w, &source, f) : emit_plain(c, n, &w);
    }
    ig_arena_clear(&scratch);
    return s;
}

const ig_onnx_map ig_onnx_map_low_bit[] = {
    {"com.microsoft", "MatMulNBits", 1, 0, map_nbits, NULL},
    {0},
};
