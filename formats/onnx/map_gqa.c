/* map_gqa.c - com.microsoft's GroupQueryAttention and RotaryEmbedding, which exported decoders
 * hold.
 *
 * GroupQueryAttention(query, key?, value?, past_key?, past_value?, seqlens_k, total, cos?, sin?,
 * positions?, bias?) -> y, present_key, present_value. A row of the batch has seqlens_k + 1 keys;
 * before the new ones lie kept = seqlens_k + 1 - S of the past, or none where a prompt that is
 * padded behind has fewer than S. It becomes
 *
 *     past' = past, padded to `total` tokens     (a cache of a fixed length stays as it is)
 *     present = tensor_scatter(past', key turned to positions kept.., kept)
 *     y = attention(query turned alike, present, causal, kv_len = kept + S)
 *
 * so that rows of different lengths stand in one batch. Rows behind a padded prompt are anything.
 */
#include "formats/onnx/import.h"
#include "runtime/base/checked.h"

enum { QUERY, KEY, VALUE, PAST_KEY, PAST_VALUE, SEQLENS, TOTAL, COS, SIN, POSITIONS, BIAS, SINK };
enum { Q_FIRST = 1, Y_FIRST = 8 }; /* bits of attention's tokens_first */

typedef struct {
    ig_import *c;
    const ig_onnx_node *n;
    int64_t heads, kv_heads;
    ig_id tokens;          /* [1] i64: S */
    ig_id kept;            /* [B] i64 */
    ig_id cos, sin, place; /* place [B, S] i64; IG_NO_VALUE: no rotation */
} gqa;

static ig_id given(const ig_onnx_node *n, uint32_t i)
{
    return onnx_given(n, i) ? n->in[i] : IG_NO_VALUE;
}

static ig_id with_ints(gqa *g, const char *op, ig_id x, const int64_t *v, size_t count)
{
    return ig_emit_new(g->c, g->n, op, 2, x, ig_emit_ints(g->c, v, count));
}

static ig_id binary(gqa *g, const char *fn, ig_id a, ig_id b)
{
    const ig_id y = ig_emit_new(g->c, g->n, "binary", 2, a, b);
    ig_set_text(g->c, ig_emit_last(g->c), "fn", fn);
    return y;
}

/* Whole numbers of any shape as i64 [n]. */
static ig_id counts(gqa *g, ig_id x)
{
    static const int64_t flat[] = {-1};
    const ig_id wide = ig_emit_new(g->c, g->n, "cast", 1, x);
    ig_set_int(g->c, ig_emit_last(g->c), "to", INGOT_I64);
    return with_ints(g, "reshape", wide, flat, 1);
}

/* The size of a dim of x, i64 [1]. */
static ig_id size_of(gqa *g, ig_id x, int64_t dim)
{
    const ig_id y = ig_emit_new(g->c, g->n, "shape", 1, x);
    ig_set_int(g->c, ig_emit_last(g->c), "start", dim);
    ig_set_int(g->c, ig_emit_last(g->c), "end", dim + 1);
    return y;
}

static ig_id i64(gqa *g, int64_t v) { return ig_emit_ints(g->c, &v, 1); }

/* ---- what is refused ---- */

static ingot_status check(gqa *g)
{
    ig_import *c = g->c;
    const ig_onnx_node *n = g->n;
    if (g->heads < 1 || g->kv_heads < 1 || g->heads % g->kv_heads)
        return ig_onnx_bad(c, n, "num_heads=%lld, kv_num_heads=%lld", (long long)g->heads,
                           (long long)g->kv_heads);
    if (onnx_given(n, SINK) || onnx_int(c, n, "smooth_softmax", 0) > 0)
        return ig_onnx_fail(c, n,
                            "head_sink and smooth_softmax are not supported: convert the "
                            "model from its Hugging Face folder or GGUF file instead");
    for (uint32_t i = SINK + 1; i < n->n_in; i++)
        if (onnx_given(n, i))
            return ig_onnx_fail(c, n,
                                "a quantised cache of keys and values is not supported: "
                                "export with one of the activations' type");
    if (onnx_given(n, KEY) != onnx_given(n, VALUE) ||
        onnx_given(n, PAST_KEY) != onnx_given(n, PAST_VALUE))
        return ig_onnx_bad(c, n, "keys without values, or values without keys");
    if (!onnx_given(n, SEQLENS) || !onnx_given(n, TOTAL))
        return ig_onnx_bad(c, n, "seqlens_k or total_sequence_length is missing");
    if (onnx_int(c, n, "do_rotary", 0) && (!onnx_given(n, COS) || !onnx_given(n, SIN)))
        return ig_onnx_bad(c, n, "do_rotary without cos_cache and sin_cache");
    return c->status;
}

/* ---- parts ---- */

/* query, key and value side by side along the last axis; where they are one tensor, cut it. */
static ingot_status take_parts(gqa *g, ig_id part[3])
{
    for (uint32_t i = 0; i < 3; i++) part[i] = given(g->n, i);
    if (onnx_given(g->n, KEY)) return g->c->status;
    const ig_type *t = onnx_type(g->c, part[QUERY]);
    const int64_t all = g->heads + 2 * g->kv_heads;
    if (t->rank != 3 || t->dims[2] < 1 || t->dims[2] % all)
        return ig_onnx_fail(g->c, g->n,
                            "the width of packed queries, keys and values must be known "
                            "and a multiple of num_heads + 2 kv_num_heads");
    const int64_t size = t->dims[2] / all;
    const int64_t widths[] = {g->heads * size, g->kv_heads * size, g->kv_heads * size};
    const ig_id in[] = {part[QUERY], ig_emit_ints(g->c, widths, 3)};
    for (size_t i = 0; i < 3; i++)
        part[i] = g->c->status ? IG_NO_VALUE : ig_graph_value(g->c->g, "", NULL);
    ig_set_int(g->c, ig_emit(g->c, g->n, "split", in, 2, part, 3), "axis", -1);
    return g->c->status;
}

/* How many keys of the past each row has, and the positions of the new ones. */
static void find_places(gqa *g)
{
    static const int64_t none[] = {0}, second[] = {1};
    g->tokens = size_of(g, g->n->in[QUERY], 1);
    const ig_id last = counts(g, g->n->in[SEQLENS]);
    const ig_id before = binary(g, "sub", binary(g, "add", last, i64(g, 1)), g->tokens);
    g->kept = binary(g, "max", before, i64(g, 0));
    g->place = IG_NO_VALUE;
    if (!onnx_int(g->c, g->n, "do_rotary", 0)) return;
    g->cos = given(g->n, COS), g->sin = given(g->n, SIN), g->place = given(g->n, POSITIONS);
    if (g->place != IG_NO_VALUE) return;
    const ig_id end = with_ints(g, "squeeze", g->tokens, none, 1);
    const ig_id step = ig_emit_new(g->c, g->n, "range", 3, ig_emit_scalar(g->c, INGOT_I64, 0), end,
                                   ig_emit_scalar(g->c, INGOT_I64, 1));
    g->place = binary(g, "add", with_ints(g, "unsqueeze", g->kept, second, 1), step);
}

/* x [B, S, heads * D] with its heads turned, as [B, S, heads, D]. */
static ig_id heads_of(gqa *g, ig_id x, int64_t heads, bool turned)
{
    const int64_t apart[] = {0, 0, heads, -1};
    if (turned && g->place != IG_NO_VALUE) {
        const ig_type *t = onnx_type(g->c, g->cos);
        const int64_t half = t->rank == 2 ? t->dims[1] : -1;
        x = ig_emit_new(g->c, g->n, "rotary_embedding", 4, x, g->cos, g->sin, g->place);
        ig_node *node = ig_emit_last(g->c);
        ig_set_int(g->c, node, "heads", heads);
        ig_set_int(g->c, node, "rotary_dim", half > 0 ? 2 * half : 0);
        ig_set_int(g->c, node, "interleaved", onnx_int(g->c, g->n, "rotary_interleaved", 0) != 0);
    }
    return with_ints(g, "reshape", x, apart, IG_LEN(apart));
}

/* The keys (or values) of past and present as [B, heads, T, D], at output i. */
static ig_id join(gqa *g, ig_id x, uint32_t past, uint32_t i)
{
    static const int64_t heads_first[] = {0, 2, 1, 3}, front[] = {0, 0, 0, 0, 0, 0};
    const ig_id old = given(g->n, past);
    ig_id out = i < g->n->n_out ? g->n->out[i] : IG_NO_VALUE;
    if (out == IG_NO_VALUE && !g->c->status) out = ig_graph_value(g->c->g, "", NULL);
    const ig_id fresh = old == IG_NO_VALUE ? out
                        : g->c->status     ? old
                                           : ig_graph_value(g->c->g, "", NULL);
    ig_set_ints(g->c, ig_emit_to(g->c, g->n, fresh, "transpose", 1, x), "perm", heads_first, 4);
    if (old == IG_NO_VALUE) return out;
    const ig_id lacks = binary(g, "sub", counts(g, g->n->in[TOTAL]), size_of(g, old, 2));
    const ig_id pads = ig_emit_new(g->c, g->n, "concat", 3, ig_emit_ints(g->c, front, 6),
                                   binary(g, "max", lacks, i64(g, 0)), i64(g, 0));
    const ig_id room = ig_emit_new(g->c, g->n, "pad", 2, old, pads);
    ig_set_int(g->c, ig_emit_to(g->c, g->n, out, "tensor_scatter", 3, room, fresh, g->kept), "axis",
               2);
    return out;
}

static ingot_status map_gqa(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    static const int64_t together[] = {0, 0, -1};
    gqa g = {.c = c,
             .n = n,
             .heads = onnx_int(c, n, "num_heads", 0),
             .kv_heads = onnx_int(c, n, "kv_num_heads", 0)};
    ig_id part[3];
    IG_TRY(check(&g));
    IG_TRY(take_parts(&g, part));
    find_places(&g);
    const ig_id q = heads_of(&g, part[QUERY], g.heads, true);
    const ig_id k = join(&g, heads_of(&g, part[KEY], g.kv_heads, true), PAST_KEY, 1);
    const ig_id v = join(&g, heads_of(&g, part[VALUE], g.kv_heads, false), PAST_VALUE, 2);
    const ig_id y = ig_emit_new(c, n, "attention", 7, q, k, v, given(n, BIAS), IG_NO_VALUE,
                                IG_NO_VALUE, binary(&g, "add", g.kept, g.tokens));
    ig_node *node = ig_emit_last(c);
    const int64_t window = onnx_int(c, n, "local_window_size", -1);
    ig_set_int(c, node, "tokens_first", Q_FIRST | Y_FIRST);
    ig_set_int(c, node, "causal", 1);
    ig_set_int(c, node, "left_window", window < 1 ? -1 : window - 1);
    ig_set_float(c, node, "scale", onnx_float(c, n, "scale", 0));
    ig_set_float(c, node, "softcap", onnx_float(c, n, "softcap", 0));
    ig_emit_to(c, n, n->out[0], "reshape", 2, y, ig_emit_ints(c, together, IG_LEN(together)));
    return c->status;
}

/* x, positions [1] or [B, S], cos, sin. Without num_heads a head is what the tables turn. */
static ingot_status map_rotary(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ig_type *x = onnx_type(c, given(n, 0)), *t = onnx_type(c, given(n, 2));
    const int64_t half = t->rank == 2 ? t->dims[1] : -1;
    int64_t heads = onnx_int(c, n, "num_heads", 0);
    if (onnx_float(c, n, "scale", 1) != 1 || onnx_int(c, n, "is_packed_batching", 0))
        return ig_onnx_fail(c, n, "a scale or packed batches are not supported here");
    if (!heads && x->rank == 3) {
        if (x->dims[2] < 0 || half < 1)
            return ig_onnx_fail(c, n, "without num_heads the widths of x and cos must be known");
        heads = x->dims[2] / (2 * half);
    }
    ig_node *node = ig_emit_to(c, n, n->out[0], "rotary_embedding", 4, given(n, 0), given(n, 2),
                               given(n, 3), given(n, 1));
    ig_set_int(c, node, "heads", heads);
    ig_set_int(c, node, "rotary_dim", onnx_int(c, n, "rotary_embedding_dim", 0));
    ig_set_int(c, node, "interleaved", onnx_int(c, n, "interleaved", 0) != 0);
    return c->status;
}

// clang-format off
#define MS "com.microsoft"
const ig_onnx_map ig_onnx_map_gqa[] = {
    {MS, "GroupQueryAttention", 1, 0, map_gqa, NULL},
    {MS, "RotaryEmbedding", 1, 0, map_rotary, NULL},
    {0},
};
// clang-format on
