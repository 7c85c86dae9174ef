/* paged_attention.c - paged_attention on the device; see runtime/ops/paged_attention.c. The type of
 * the pages, and with it the kernels, is the cache's: launch learns it. */
#include "kernels/attention/attention_cuda.h"
#include "runtime/device/cuda/ops/common.h"

#include <math.h>

enum { Q, K, V, TABLE, SINKS, SLOPES };

typedef struct {
    cu_paged_args args;
    bool joined; /* q, k and v are one input */
    size_t at_turned, at_parts;
} state;

static const ig_type *input(const ig_device_bind *b, uint32_t i)
{
    return i < b->node->n_in ? b->in[i] : NULL;
}

static int64_t width_of(const ig_type *t) { return t->dims[1] * (t->rank == 3 ? t->dims[2] : 1); }

static bool measure(state *s, const ig_device_bind *b)
{
    cu_paged_args *a = &s->args;
    const int64_t heads = ig_cu_int(b, "heads"), kv_heads = ig_cu_int(b, "kv_heads");
    const int64_t dv = b->out[0]->dims[1] / heads, rows = b->out[0]->dims[0];
    const int64_t width = width_of(b->in[Q]), layer = ig_cu_int(b, "layer");
    s->joined = !input(b, K);
    const int64_t d = s->joined ? (width - kv_heads * dv) / (heads + kv_heads) : width / heads;
    if (width > INT32_MAX || rows * CU_KV_CHUNKS > INT32_MAX || kv_heads > UINT16_MAX ||
        layer > INT32_MAX || heads * IG_MAX(d, dv) > INT32_MAX)
        return false;
    a->rows = (int32_t)rows, a->heads = (int32_t)heads, a->kv_heads = (int32_t)kv_heads;
    a->d = (int32_t)d, a->dv = (int32_t)dv, a->layer = (int32_t)layer;
    a->q_row = width;
    a->k_row = s->joined ? width : kv_heads * d;
    a->v_row = s->joined ? width : kv_heads * dv;
    a->half = input(b, TABLE) ? (int32_t)b->in[TABLE]->dims[2] : 0;
    return true;
}

static ingot_status bind(ig_device *device, ig_device_bind *b)
{
    (void)device;
    state *s = IG_CU_STATE(b, state);
    if (!s) return INGOT_E_NOMEM;
    cu_paged_args *a = &s->args;
    if (!measure(s, b)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    if (!cu_attention_can(a->d, a->dv)) return IG_CU_DECLINE(b, "heads larger than shared memory");
    const double scale = ig_cu_float(b, "scale");
    const int64_t window = ig_cu_int(b, "window");
    a->x_type = CU_ATT_F32;
    a->interleaved = ig_cu_int(b, "interleaved") != 0;
    a->rule = (cu_att_rule){.scale = (float)(scale != 0 ? scale : 1 / sqrt((double)a->d)),
                            .softcap = (float)ig_cu_float(b, "softcap"),
                            .causal = 1,
                            .left = window > INT32_MAX ? -1 : (int32_t)window,
                            .right = -1};
    int64_t turned, parts;
    cu_paged_scratch(a, &turned, &parts);
    if (!ig_cu_room(b, turned, 1, &s->at_turned) || !ig_cu_room(b, parts, 1, &s->at_parts))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "attention_pages";
    return INGOT_OK;
}

/* Is the cache the one that the model needs? */
static ingot_status check_cache(const ig_device_run *r, const cu_paged_args *a,
                                const cu_kv_tables *kv)
{
    const char *name = r->node->name;
    if (!kv)
        return ig_fail(r->err, INGOT_E_ARG,
                       "%s: a language model needs a cache of keys and values: run it with `ingot "
                       "generate`",
                       name);
    if (a->layer >= kv->n_layers)
        return ig_fail(r->err, INGOT_E_ARG, "%s: layer %d, the cache has %d", name, a->layer,
                       kv->n_layers);
    const ig_kv_layer *l = &kv->layers[a->layer];
    if (l->kv_heads != (size_t)a->kv_heads || l->format.d != (size_t)a->d ||
        l->format.dv != (size_t)a->dv)
        return ig_fail(r->err, INGOT_E_ARG,
                       "%s: layer %d has %d heads of %d and %d elements, the cache %zu of %zu and "
                       "%zu",
                       name, a->layer, a->kv_heads, a->d, a->dv, l->kv_heads, l->format.d,
                       l->format.dv);
    if (kv->n_rows > a->rows)
        return ig_fail(r->err, INGOT_E_ARG, "%s: the cache's step has %d tokens, the model's %d",
                       name, kv->n_rows, a->rows);
    return INGOT_OK;
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const state *s = r->state;
    const cu_kv_tables *kv = ig_cu_kv(stream);
    cu_paged_args a = s->args;
    IG_TRY(check_cache(r, &a, kv));
    a.kv = *kv;
    a.q = r->in[Q];
    a.k = s->joined ? (const float *)a.q + (int64_t)a.heads * a.d : r->in[K];
    a.v = s->joined ? (const float *)a.k + (int64_t)a.kv_heads * a.d : r->in[V];
    if (TABLE < r->node->n_in) a.table = r->in[TABLE];
    if (SINKS < r->node->n_in) a.rule.sinks = r->in[SINKS];
    if (SLOPES < r->node->n_in) a.rule.slopes = r->in[SLOPES];
    a.y = r->out[0];
    a.turned = ig_cu_piece(r, s->at_turned);
    a.parts = ig_cu_piece(r, s->at_parts);
    return ig_cu_done(stream, r, cu_paged_attention(&a, ig_cu_stream(stream)));
}

const ig_cu_op ig_cu_op_paged_attention = {
    .name = "paged_attention", .bind = bind, .launch = launch};
