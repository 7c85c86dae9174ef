/* rope.c - rotary position embedding on the device: rope_table and rotary_embedding. */
#include "kernels/rope/rope.h"
#include "kernels/rope/rope_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/graph/op.h"

#include <math.h>
#include <string.h>

/* ---- rope_table ---- */

enum { POSITIONS, DIVIDE };

typedef struct {
    cu_rope_table_args args;
    void *w;
} table_state;

static ig_rope_rule rule_of(const ig_device_bind *b)
{
    static const char *const names[] = {"plain", "linear", "ntk", "yarn", "llama3"};
    ig_rope_rule r = {.base = ig_cu_float(b, "base"),
                      .half = (size_t)ig_cu_int(b, "half"),
                      .factor = ig_cu_float(b, "factor"),
                      .context = ig_cu_float(b, "context"),
                      .fast = ig_cu_float(b, "fast"),
                      .slow = ig_cu_float(b, "slow"),
                      .magnitude = ig_cu_float(b, "magnitude")};
    for (size_t i = 0; i < IG_LEN(names); i++)
        if (!strcmp(ig_cu_text(b, "scaling"), names[i])) r.scaling = (ig_rope_scaling)i;
    if (r.fast == 0) r.fast = r.scaling == IG_ROPE_LLAMA3 ? 4 : 32;
    if (r.slow == 0) r.slow = 1;
    return r;
}

static double magnitude_of(const ig_rope_rule *r)
{
    if (r->magnitude != 0) return r->magnitude;
    return r->scaling == IG_ROPE_YARN ? 0.1 * log(r->factor) + 1 : 1;
}

static ingot_status bind_table(ig_device *device, ig_device_bind *b)
{
    ig_rope_rule rule = rule_of(b);
    table_state *s = IG_CU_STATE(b, table_state);
    double *w = ig_arena_take(b->arena, rule.half * sizeof *w);
    if (!s) return INGOT_E_NOMEM;
    if (!w) return ig_fail(b->err, INGOT_E_NOMEM, "%s: no memory", b->node->name);
    if (ig_cu_has(b, DIVIDE)) {
        const ig_tensor *divide = ig_cu_known(b, DIVIDE);
        if (!divide) return IG_CU_DECLINE(b, "frequencies that are no constant");
        rule.divide = divide->data;
        b->taken |= UINT64_C(1) << DIVIDE;
    }
    const int64_t n = b->in[POSITIONS]->dims[0];
    if (n * (int64_t)rule.half > INT32_MAX / 2) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    ig_rope_frequencies(w, &rule);
    s->args = (cu_rope_table_args){.by = magnitude_of(&rule),
                                   .n = n,
                                   .half = (int32_t)rule.half,
                                   .narrow = b->in[POSITIONS]->dtype == INGOT_I32};
    b->kernel = "rope_table";
    return ig_cu_table(device, b, w, rule.half * sizeof *w, &s->w);
}

static ingot_status launch_table(ig_device_stream *stream, const ig_device_run *r)
{
    const table_state *s = r->state;
    cu_rope_table_args a = s->args;
    a.y = r->out[0];
    a.positions = r->in[POSITIONS];
    a.w = s->w;
    a.fault = ig_cu_fault(stream);
    return ig_cu_done(stream, r, cu_rope_table(&a, ig_cu_stream(stream)));
}

static void unbind_table(ig_device *device, void *state)
{
    ig_cu_unpack(device, ((table_state *)state)->w);
}

static ingot_status refuse_table(const ig_node *node, const void *state, const cu_fault *f,
                                 ingot_error *err)
{
    (void)state;
    return ig_node_fail(err, INGOT_E_DATA, node, "position %lld is %lld", (long long)f->at,
                        (long long)f->value);
}

const ig_cu_op ig_cu_op_rope_table = {.name = "rope_table",
                                      .bind = bind_table,
                                      .launch = launch_table,
                                      .unbind = unbind_table,
                                      .refuse = refuse_table};

/* ---- rotary_embedding ---- */

enum { X, COS, SIN, WHERE };

static cu_rope_type type_of(const ig_type *t)
{
    return t->dtype == INGOT_F32 ? CU_ROPE_F32 : t->dtype == INGOT_F16 ? CU_ROPE_F16 : CU_ROPE_BF16;
}

static ingot_status bind_turn(ig_device *device, ig_device_bind *b)
{
    (void)device;
    const ig_type *x = b->in[X];
    cu_rope_args *a = IG_CU_STATE(b, cu_rope_args);
    if (!a) return INGOT_E_NOMEM;
    const bool four = x->rank == 4;
    if (ig_cu_elements(x) > INT32_MAX) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    const int64_t heads = four ? x->dims[1] : ig_cu_int(b, "heads");
    const int64_t size = four ? x->dims[3] : x->dims[2] / heads,
                  turned = ig_cu_int(b, "rotary_dim");
    a->batch = (int32_t)x->dims[0];
    a->heads = (int32_t)heads;
    a->tokens = (int32_t)x->dims[four ? 2 : 1];
    a->size = (int32_t)size;
    a->half = (int32_t)(turned ? turned : size) / 2;
    a->x_batch = heads * a->tokens * size;
    a->x_head = four ? a->tokens * size : size;
    a->x_token = four ? size : heads * size;
    a->x_type = type_of(x), a->cos_type = type_of(b->in[COS]), a->sin_type = type_of(b->in[SIN]);
    a->rows = (int64_t)a->batch * a->tokens;
    if (ig_cu_has(b, WHERE)) {
        a->rows = IG_MIN(b->in[COS]->dims[0], b->in[SIN]->dims[0]);
        a->from_first = b->in[WHERE]->rank == 1;
    }
    a->interleaved = ig_cu_int(b, "interleaved") != 0;
    b->kernel = "rope";
    return INGOT_OK;
}

static ingot_status launch_turn(ig_device_stream *stream, const ig_device_run *r)
{
    cu_rope_args a = *(const cu_rope_args *)r->state;
    a.y = r->out[0];
    a.x = r->in[X], a.cos = r->in[COS], a.sin = r->in[SIN];
    if (WHERE < r->node->n_in) a.positions = r->in[WHERE];
    a.fault = ig_cu_fault(stream);
    return ig_cu_done(stream, r, cu_rope(&a, ig_cu_stream(stream)));
}

static ingot_status refuse_turn(const ig_node *node, const void *state, const cu_fault *f,
                                ingot_error *err)
{
    return ig_node_fail(err, INGOT_E_DATA, node, "position %lld is outside a table of %lld",
                        (long long)f->value, (long long)((const cu_rope_args *)state)->rows);
}

const ig_cu_op ig_cu_op_rotary_embedding = {
    .name = "rotary_embedding", .bind = bind_turn, .launch = launch_turn, .refuse = refuse_turn};
