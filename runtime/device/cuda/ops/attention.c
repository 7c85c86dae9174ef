/* attention.c - attention on the device: ONNX's Attention over tensors; see
 * runtime/ops/attention.c.
 *
 * Past and new keys are joined where someone wants them joined, else heads are read where they lie.
 * Counts of keys are read on the host: each batch element is a launch of its own then. With
 * math=fast, f32 is rounded to bf16 on its way to the tensor cores. What these kernels lack goes
 * to one that takes a query at a time (rows). */
#include "kernels/attention/attention_cuda.h"
#include "kernels/convert/convert_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/graph/op.h"

#include <math.h>

enum { Q, K, V, MASK, PAST_K, PAST_V, KV_LEN };
enum { Y, PRESENT_K, PRESENT_V, SCORES };

typedef struct {
    int64_t batch, head, row;
} layout;

typedef struct {
    cu_attention_args args;
    cu_join_args join[2]; /* keys, values */
    bool joined, counted;
    size_t at[2]; /* scratch of what is joined and nobody's output */
    bool rounded; /* f32 to bf16 first */
    size_t at_rounded[3];
    int64_t n_rounded[3];         /* elements of q and of what is read of k and v */
    cu_attention_rows_args *rows; /* NULL: the kernels above */
    size_t at_room;
} state;

static layout layout_of(const ig_type *t, bool first, int64_t count, int64_t tokens, int64_t size)
{
    if (t->rank == 4 && !first) return (layout){count * tokens * size, tokens * size, size};
    return (layout){count * tokens * size, size, count * size};
}

static bool type_of(cu_att_type *out, ingot_dtype d)
{
    switch (d) {
    case INGOT_F32:
        return *out = CU_ATT_F32, true;
    case INGOT_F16:
        return *out = CU_ATT_F16, true;
    case INGOT_BF16:
        return *out = CU_ATT_BF16, true;
    case INGOT_BOOL:
        return *out = CU_ATT_BOOL, true;
    default:
        return false;
    }
}

static const ig_type *input(const ig_device_bind *b, uint32_t i)
{
    return i < b->node->n_in ? b->in[i] : NULL;
}
static const ig_type *output(const ig_device_bind *b, uint32_t i)
{
    return i < b->node->n_out ? b->out[i] : NULL;
}

/* Have the fast kernels these types and outputs? */
static bool suits(const ig_device_bind *b, cu_att_type *type)
{
    const ingot_dtype d = b->in[Q]->dtype;
    cu_att_type mask;
    if (output(b, SCORES) || d != b->in[K]->dtype || d != b->in[V]->dtype) return false;
    if (!type_of(type, d) || ig_cu_int(b, "softmax_precision") == INGOT_F64) return false;
    return !input(b, MASK) || type_of(&mask, b->in[MASK]->dtype);
}

static void set_mask(cu_attention_args *a, const ig_type *t)
{
    int64_t dims[4] = {1, 1, 1, 1};
    for (int d = 0; d < t->rank; d++) dims[4 - t->rank + d] = t->dims[d];
    (void)type_of(&a->mask_type, t->dtype);
    a->mask_len = (int32_t)dims[3];
    a->mask_row = dims[2] > 1 ? dims[3] : 0;
    a->mask_head = dims[1] > 1 ? dims[2] * dims[3] : 0;
    a->mask_batch = dims[0] > 1 ? dims[1] * dims[2] * dims[3] : 0;
}

/* Sizes and strides; false: larger than the kernels count. */
static bool measure(state *s, const ig_device_bind *b)
{
    const ig_type *q = b->in[Q], *k = b->in[K], *v = b->in[V], *past = input(b, PAST_K);
    const bool four = q->rank == 4;
    const int64_t first = ig_cu_int(b, "tokens_first");
    const bool q_first = first >> Q & 1, k_first = first >> K & 1, v_first = first >> V & 1;
    cu_attention_args *a = &s->args;
    const int64_t heads = four ? q->dims[q_first ? 2 : 1] : ig_cu_int(b, "q_heads");
    const int64_t kv_heads = four ? k->dims[k_first ? 2 : 1] : ig_cu_int(b, "kv_heads");
    const int64_t tq = q->dims[four && !q_first ? 2 : 1],
                  d = four ? q->dims[3] : q->dims[2] / heads;
    const int64_t dv = four ? v->dims[3] : v->dims[2] / kv_heads;
    const int64_t fresh = k->dims[four && !k_first ? 2 : 1], n_past = past ? past->dims[2] : 0;
    const int64_t tk = fresh + n_past, most[] = {q->dims[0], heads, tq, tk, d, dv};
    for (size_t i = 0; i < IG_LEN(most); i++)
        if (most[i] > INT32_MAX / 4) return false;
    if (heads > UINT16_MAX || kv_heads > UINT16_MAX) return false; /* a grid's */
    s->joined = past || output(b, PRESENT_K) || output(b, PRESENT_V);
    const ig_type whole = {.rank = 4};
    const layout lq = layout_of(q, q_first, heads, tq, d),
                 ly = layout_of(q, first >> 3 & 1, heads, tq, dv);
    const layout lk = layout_of(s->joined ? &whole : k, k_first && !s->joined, kv_heads, tk, d);
    const layout lv = layout_of(s->joined ? &whole : v, v_first && !s->joined, kv_heads, tk, dv);
    a->batch = (int32_t)q->dims[0], a->heads = (int32_t)heads, a->kv_heads = (int32_t)kv_heads;
    a->tq = (int32_t)tq, a->tk = (int32_t)tk, a->d = (int32_t)d, a->dv = (int32_t)dv;
    a->q_batch = lq.batch, a->q_head = lq.head, a->q_row = lq.row;
    a->k_batch = lk.batch, a->k_head = lk.head, a->k_row = lk.row;
    a->v_batch = lv.batch, a->v_head = lv.head, a->v_row = lv.row;
    a->y_batch = ly.batch, a->y_head = ly.head, a->y_row = ly.row;
    a->offset = (int32_t)n_past;
    for (int w = 0; w < 2; w++) {
        const layout from = w ? layout_of(v, v_first, kv_heads, fresh, dv)
                              : layout_of(k, k_first, kv_heads, fresh, d);
        s->join[w] = (cu_join_args){.from_batch = from.batch,
                                    .from_head = from.head,
                                    .from_row = from.row,
                                    .batch = a->batch,
                                    .heads = a->kv_heads,
                                    .past_tokens = (int32_t)n_past,
                                    .tokens = (int32_t)fresh,
                                    .size = (int32_t)(w ? dv : d),
                                    .bytes = ig_cu_bytes((w ? v : k)->dtype)};
    }
    return true;
}

/* f32 that may be rounded, where the kernels for tensor cores read heads of these sizes. */
static bool bind_rounding(state *s, ig_device_bind *b)
{
    cu_attention_args *a = &s->args;
    const int64_t keys = (int64_t)a->batch * a->kv_heads * a->tk;
    const int64_t n[3] = {(int64_t)a->batch * a->heads * a->tq * a->d, keys * a->d, keys * a->dv};
    s->rounded = true;
    a->type = CU_ATT_BF16;
    for (int i = 0; i < 3; i++) {
        s->n_rounded[i] = n[i];
        if (n[i] > INT32_MAX || !ig_cu_room(b, n[i], 2, &s->at_rounded[i])) return false;
    }
    return true;
}

/* Types and the room of the kernel that takes a query at a time. */
static ingot_status bind_rows(state *s, ig_device *d, ig_device_bind *b, double scale)
{
    const ig_type *mask = input(b, MASK), *scores = output(b, SCORES);
    const ingot_dtype q = b->in[Q]->dtype, v = b->in[V]->dtype;
    cu_attention_rows_args *a = s->rows = ig_new(b->arena, cu_attention_rows_args);
    if (!a) return ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    const bool narrow =
        q != INGOT_F64 && v != INGOT_F64 && ig_cu_int(b, "softmax_precision") != INGOT_F64;
    *a = (cu_attention_rows_args){.q_type = ig_cu_number(q),
                                  .k_type = ig_cu_number(b->in[K]->dtype),
                                  .v_type = ig_cu_number(v),
                                  .y_type = ig_cu_number(b->out[Y]->dtype),
                                  .mask_type = mask ? ig_cu_number(mask->dtype) : 0,
                                  .scores_type = scores ? ig_cu_number(scores->dtype) : 0,
                                  .scale = scale,
                                  .softcap = ig_cu_float(b, "softcap"),
                                  .narrow = narrow,
                                  .hidden_nan = ig_cu_int(b, "hidden_nan") &&
                                                (mask || scores || !narrow), /* as the CPU */
                                  .stage = (cu_scores_stage)ig_cu_int(b, "scores"),
                                  .blocks = 4 * ig_cu_chip(d).processors};
    if (a->mask_type < 0) return IG_CU_DECLINE(b, "a mask of this type");
    b->kernel = "attention_rows";
    int64_t rows;
    if (!ig_mul_ok((int64_t)s->args.batch * s->args.heads, (int64_t)s->args.tq, &rows) ||
        rows > INT32_MAX - a->blocks)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    a->blocks = (int32_t)IG_MIN(rows, (int64_t)a->blocks);
    if (!ig_cu_room(b, (int64_t)a->blocks * s->args.tk, sizeof(double), &s->at_room))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    return INGOT_OK;
}

static bool bind_joined(state *s, ig_device_bind *b)
{
    const cu_attention_args *a = &s->args;
    const int64_t rows = (int64_t)a->batch * a->kv_heads * a->tk;
    for (uint32_t w = 0; w < 2 && s->joined; w++)
        if (!output(b, PRESENT_K + w) &&
            !ig_cu_room(b, rows, (size_t)(w ? a->dv : a->d) * (size_t)s->join[w].bytes, &s->at[w]))
            return false;
    return true;
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    state *s = IG_CU_STATE(b, state);
    if (!s) return INGOT_E_NOMEM;
    const bool fast = suits(b, &s->args.type);
    s->args.y_type = s->args.type;
    if (!measure(s, b)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    cu_attention_args *a = &s->args;
    if (!a->heads) return IG_CU_DECLINE(b, "no heads");
    const double scale = ig_cu_float(b, "scale");
    const int64_t left = ig_cu_int(b, "left_window"), right = ig_cu_int(b, "right_window");
    const double by = scale != 0 ? scale : a->d ? 1 / sqrt((double)a->d) : 1;
    a->rule = (cu_att_rule){.scale = (float)by,
                            .softcap = (float)ig_cu_float(b, "softcap"),
                            .causal = ig_cu_int(b, "causal") != 0,
                            .left = left > a->tk + (int64_t)a->tq ? -1 : (int32_t)left,
                            .right = right > a->tk + (int64_t)a->tq ? -1 : (int32_t)right};
    if (input(b, MASK)) set_mask(a, b->in[MASK]);
    if (input(b, MASK) && ig_cu_int(b, "hidden_nan")) a->rule.hidden = NAN;
    if (!bind_joined(s, b)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    if (!fast || !a->d || !a->tk || !cu_attention_can(a->d, a->dv)) return bind_rows(s, d, b, by);
    s->counted = input(b, KV_LEN) != NULL;
    if (s->counted) b->host_in = UINT64_C(1) << KV_LEN;
    b->kernel = "attention";
    if (a->type == CU_ATT_F32 && b->fast && a->d % 8 == 0 && a->dv % 8 == 0) {
        b->kernel = "attention_bf16";
        if (!bind_rounding(s, b)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    }
    return INGOT_OK;
}

static int join(const ig_device_run *r, const state *s, cu_attention_args *a, cu_stream stream)
{
    const void **to[2] = {&a->k, &a->v};
    int status = 0;
    for (uint32_t w = 0; w < 2 && !status; w++) {
        cu_join_args j = s->join[w];
        void *present = PRESENT_K + w < r->node->n_out ? r->out[PRESENT_K + w] : NULL;
        j.to = present ? present : ig_cu_piece(r, s->at[w]);
        j.past = PAST_K + w < r->node->n_in ? r->in[PAST_K + w] : NULL;
        j.from = r->in[K + w];
        *to[w] = j.to;
        status = cu_join_tokens(&j, stream);
    }
    return status;
}

static int round_all(const ig_device_run *r, const state *s, cu_attention_args *a, cu_stream stream)
{
    const void **const x[3] = {&a->q, &a->k, &a->v};
    int status = 0;
    for (int i = 0; i < 3 && !status; i++) {
        void *to = ig_cu_piece(r, s->at_rounded[i]);
        status = cu_cast(
            &(cu_cast_args){
                .x = *x[i], .y = to, .n = s->n_rounded[i], .from = INGOT_F32, .to = INGOT_BF16},
            stream);
        *x[i] = to;
    }
    return status;
}

/* Batch elements that have so many keys each. */
static ingot_status counted(ig_device_stream *stream, const ig_device_run *r,
                            const cu_attention_args *a)
{
    const int64_t *keys = r->in[KV_LEN];
    for (int32_t i = 0; i < a->batch; i++)
        if (keys[i] < 0 || keys[i] > a->tk)
            return ig_node_fail(r->err, INGOT_E_DATA, r->node, "batch %d has %lld keys of %d", i,
                                (long long)keys[i], a->tk);
    for (int32_t i = 0; i < a->batch; i++) {
        cu_attention_args one = cu_attention_some(a, i, 1);
        one.tk = (int32_t)keys[i];
        one.offset = one.tk - a->tq;
        if (!one.tk) one.rule.hidden = 0;
        IG_TRY(ig_cu_done(stream, r, cu_attention(&one, ig_cu_stream(stream))));
    }
    return INGOT_OK;
}

static ingot_status launch_rows(ig_device_stream *stream, const ig_device_run *r,
                                const cu_attention_args *a)
{
    const state *s = r->state;
    cu_attention_rows_args rows = *s->rows;
    rows.of = *a;
    rows.room = ig_cu_piece(r, s->at_room);
    if (SCORES < r->node->n_out) rows.scores = r->out[SCORES];
    if (KV_LEN < r->node->n_in) rows.keys = r->in[KV_LEN];
    rows.fault = ig_cu_fault(stream);
    return ig_cu_done(stream, r, cu_attention_rows(&rows, ig_cu_stream(stream)));
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const state *s = r->state;
    cu_attention_args a = s->args;
    a.q = r->in[Q], a.k = r->in[K], a.v = r->in[V], a.y = r->out[Y];
    if (MASK < r->node->n_in) a.mask = r->in[MASK];
    if (s->joined) IG_TRY(ig_cu_done(stream, r, join(r, s, &a, ig_cu_stream(stream))));
    if (s->rounded) IG_TRY(ig_cu_done(stream, r, round_all(r, s, &a, ig_cu_stream(stream))));
    if (s->rows) return launch_rows(stream, r, &a);
    if (s->counted) return counted(stream, r, &a);
    return ig_cu_done(stream, r, cu_attention(&a, ig_cu_stream(stream)));
}

static ingot_status refuse(const ig_node *node, const void *state_, const cu_fault *f,
                           ingot_error *err)
{
    return ig_node_fail(err, INGOT_E_DATA, node, "batch %lld has %lld keys of %d", (long long)f->at,
                        (long long)f->value, ((const state *)state_)->args.tk);
}

const ig_cu_op ig_cu_op_attention = {
    .name = "attention", .bind = bind, .launch = launch, .refuse = refuse};
