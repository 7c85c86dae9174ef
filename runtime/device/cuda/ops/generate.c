/* generate.c - ops that make tensors of a few numbers on the device: range, eye_like, window,
 * mel_weights, random. What they are made of is known when they are bound, as their sizes are. */
#include "kernels/generate/generate_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/ops/random.h"
#include "runtime/ops/signal.h"

#include <string.h>

/* The output of a step; declined where no kernel writes its type. */
static ingot_status describe(ig_device_bind *b, cu_made *out)
{
    out->type = ig_cu_number(b->out[0]->dtype);
    out->n = ig_cu_elements(b->out[0]);
    if (out->type < 0) return IG_CU_DECLINE(b, "this type");
    if (out->n > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    return INGOT_OK;
}

/* Input i, one known number; launch does not need it on the device. */
static const ig_tensor *one_number(ig_device_bind *b, uint32_t i)
{
    const ig_tensor *t = ig_cu_known(b, i);
    if (!t || ig_cu_count(t->dims, 0, t->rank) != 1) return NULL;
    b->taken |= UINT64_C(1) << i;
    return t;
}

/* ---- range ---- */

static ingot_status bind_range(ig_device *d, ig_device_bind *b)
{
    (void)d;
    cu_range_args *a = IG_CU_STATE(b, cu_range_args);
    if (!a) return INGOT_E_NOMEM;
    const ig_tensor *start = one_number(b, 0), *limit = one_number(b, 1), *step = one_number(b, 2);
    if (!start || !limit || !step) return IG_CU_DECLINE(b, "a range that is no constant");
    if (ig_cu_float_type(start->dtype) < 0)
        a->start = ig_to_int(start->data, start->dtype, 0),
        a->step = ig_to_int(step->data, step->dtype, 0);
    else
        a->start_f = ig_to_double(start->data, start->dtype, 0),
        a->step_f = ig_to_double(step->data, step->dtype, 0);
    return describe(b, &a->out);
}

static ingot_status launch_range(ig_device_stream *s, const ig_device_run *r)
{
    cu_range_args a = *(const cu_range_args *)r->state;
    a.out.y = r->out[0];
    return ig_cu_done(s, r, cu_range(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_range = {.name = "range", .bind = bind_range, .launch = launch_range};

/* ---- eye_like ---- */

static ingot_status bind_eye(ig_device *d, ig_device_bind *b)
{
    (void)d;
    cu_eye_args *a = IG_CU_STATE(b, cu_eye_args);
    if (!a) return INGOT_E_NOMEM;
    const ig_type *y = b->out[0];
    const int64_t k = ig_cu_int(b, "k");
    a->columns = y->dims[1];
    a->k = k <= -y->dims[0] || k >= a->columns ? a->columns : k; /* none of it is inside */
    b->taken |= 1;                                               /* only its shape counts */
    return describe(b, &a->out);
}

static ingot_status launch_eye(ig_device_stream *s, const ig_device_run *r)
{
    cu_eye_args a = *(const cu_eye_args *)r->state;
    a.out.y = r->out[0];
    return ig_cu_done(s, r, cu_eye(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_eye_like = {.name = "eye_like", .bind = bind_eye, .launch = launch_eye};

/* ---- window ---- */

static ingot_status bind_window(ig_device *d, ig_device_bind *b)
{
    (void)d;
    cu_window_args *a = IG_CU_STATE(b, cu_window_args);
    if (!a) return INGOT_E_NOMEM;
    if (!one_number(b, 0)) return IG_CU_DECLINE(b, "a size that is no constant");
    IG_TRY(describe(b, &a->out));
    a->by = (double)a->out.n - (ig_cu_int(b, "periodic") ? 0 : 1);
    memcpy(a->term, ig_window_terms[ig_cu_int(b, "fn")], sizeof a->term);
    return INGOT_OK;
}

static ingot_status launch_window(ig_device_stream *s, const ig_device_run *r)
{
    cu_window_args a = *(const cu_window_args *)r->state;
    a.out.y = r->out[0];
    return ig_cu_done(s, r, cu_window(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_window = {.name = "window", .bind = bind_window, .launch = launch_window};

/* ---- mel_weights ---- */

typedef struct {
    cu_triangles_args args;
    void *edges;
} mel_state;

static ingot_status bind_mel(ig_device *d, ig_device_bind *b)
{
    mel_state *s = IG_CU_STATE(b, mel_state);
    if (!s) return INGOT_E_NOMEM;
    double v[5], bin;
    for (uint32_t i = 0; i < IG_LEN(v); i++) {
        const ig_tensor *t = one_number(b, i);
        if (!t) return IG_CU_DECLINE(b, "filters that are no constant");
        v[i] = ig_to_double(t->data, t->dtype, 0);
    }
    const ig_type *y = b->out[0];
    const ig_mel_bank bank = {y->dims[1], y->dims[0], v[1], v[2], v[3], v[4]};
    IG_TRY(describe(b, &s->args.out));
    if (b->declined) return INGOT_OK;
    int32_t *edges = ig_new_n(b->arena, int32_t, (size_t)bank.bins + 2);
    if (!edges) return ig_fail(b->err, INGOT_E_NOMEM, "%.80s: no memory", b->node->name);
    for (int64_t i = 0; i < bank.bins + 2; i++) {
        edges[i] = ig_mel_ok(&bank) ? (int32_t)ig_mel_edge(&bank, i, &bin) : -1;
        if (edges[i] < 0) return IG_CU_DECLINE(b, "filters beyond the transform's bins");
    }
    s->args.columns = bank.bins;
    IG_TRY(ig_cu_table(d, b, edges, ((size_t)bank.bins + 2) * sizeof *edges, &s->edges));
    s->args.edge = s->edges;
    return INGOT_OK;
}

static ingot_status launch_mel(ig_device_stream *s, const ig_device_run *r)
{
    cu_triangles_args a = ((const mel_state *)r->state)->args;
    a.out.y = r->out[0];
    return ig_cu_done(s, r, cu_triangles(&a, ig_cu_stream(s)));
}

static void unbind_mel(ig_device *d, void *state)
{
    if (state) ig_cu_unpack(d, ((mel_state *)state)->edges);
}

const ig_cu_op ig_cu_op_mel_weights = {
    .name = "mel_weights", .bind = bind_mel, .launch = launch_mel, .unbind = unbind_mel};

/* ---- random ---- */

typedef struct {
    cu_random_args args;
    void *calls; /* NULL: seeded */
} random_state;

static ingot_status bind_random(ig_device *d, ig_device_bind *b)
{
    random_state *s = IG_CU_STATE(b, random_state);
    uint64_t *none = ig_new(b->arena, uint64_t);
    if (!s || !none) return ig_fail(b->err, INGOT_E_NOMEM, "%.80s: no memory", b->node->name);
    const bool seeded = ig_cu_int(b, "seeded") != 0;
    IG_TRY(describe(b, &s->args.out));
    if (b->declined) return INGOT_OK;
    s->args.normal = !strcmp(ig_cu_text(b, "fn"), "normal");
    s->args.a = ig_cu_float(b, "a");
    s->args.b = ig_cu_float(b, "b");
    s->args.key = ig_random_key(seeded, ig_cu_float(b, "seed"));
    if (b->node->n_in) b->taken |= 1; /* only its shape counts */
    if (seeded) return INGOT_OK;
    IG_TRY(ig_cu_table(d, b, none, sizeof *none, &s->calls));
    s->args.calls = s->calls;
    return INGOT_OK;
}

static ingot_status launch_random(ig_device_stream *s, const ig_device_run *r)
{
    cu_random_args a = ((const random_state *)r->state)->args;
    a.out.y = r->out[0];
    return ig_cu_done(s, r, cu_random(&a, ig_cu_stream(s)));
}

static void unbind_random(ig_device *d, void *state)
{
    if (state) ig_cu_unpack(d, ((random_state *)state)->calls);
}

const ig_cu_op ig_cu_op_random = {
    .name = "random", .bind = bind_random, .launch = launch_random, .unbind = unbind_random};
