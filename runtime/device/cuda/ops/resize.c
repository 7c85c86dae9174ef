/* resize.c - resize on the device: nearest is a pick by tables, the rest one pass an axis. The
 * tables are those of the CPU (runtime/ops/resize_table.h). */
#include "runtime/ops/resize.h"
#include "kernels/copy/copy_cuda.h"
#include "kernels/resize/resize_cuda.h"
#include "runtime/device/cuda/ops/common.h"

#include <math.h>
#include <string.h>

typedef struct {
    bool nearest;
    cu_pick_args pick;
    cu_resize_args pass[IG_MAX_RANK];
    int n_pass;
    size_t buffer_at[2];
    void *index[IG_MAX_RANK], *weight[IG_MAX_RANK]; /* by axis */
} resize_state;

static void unbind(ig_device *d, void *state)
{
    resize_state *s = state;
    for (int i = 0; s && i < IG_MAX_RANK; i++) {
        if (s->index[i]) ig_cu_unpack(d, s->index[i]);
        if (s->weight[i]) ig_cu_unpack(d, s->weight[i]);
    }
}

/* The table of one axis on the device; -1 at its first tap: outside. */
static ingot_status upload(ig_device *d, ig_device_bind *b, resize_state *s, int axis,
                           const ig_resize_axis *a)
{
    const size_t n = a->out * a->taps;
    int32_t *index = ig_new_n(b->arena, int32_t, n);
    if (!index) return ig_fail(b->err, INGOT_E_NOMEM, "resize: no memory for tables");
    for (size_t i = 0; i < n; i++) index[i] = (int32_t)a->index[i];
    for (size_t j = 0; j < a->out; j++)
        if (a->outside[j]) index[j * a->taps] = -1;
    IG_TRY(ig_cu_table(d, b, index, n * sizeof *index, &s->index[axis]));
    if (s->nearest) return INGOT_OK;
    return ig_cu_table(d, b, a->weight, n * sizeof *a->weight, &s->weight[axis]);
}

static ingot_status make_tables(ig_device *d, ig_device_bind *b, resize_state *s,
                                const ig_resize_geometry *g, const ig_resize_rule *rule,
                                ig_resize_axis *axes)
{
    const ig_type *x = b->in[0];
    const bool crop = rule->coordinates == IG_TF_CROP;
    const ig_tensor *roi = crop ? ig_cu_known(b, 1) : NULL;
    if (crop && (!roi || ig_cu_count(roi->dims, 0, roi->rank) != 2 * g->n))
        return IG_CU_DECLINE(b, "a roi that only a run tells");
    for (int i = 0; i < g->n; i++) {
        const int k = g->order[i];
        double part[2] = {0, 1};
        if (!crop && g->out[k] == x->dims[k] && fabs(g->scale[k] - 1) <= 1e-9) continue;
        if (crop) {
            part[0] = ig_to_double(roi->data, roi->dtype, (size_t)i);
            part[1] = ig_to_double(roi->data, roi->dtype, (size_t)(g->n + i));
        }
        IG_TRY(ig_resize_open(&axes[k], b->arena, rule, (size_t)x->dims[k], (size_t)g->out[k],
                              g->scale[k], b->err));
        ig_resize_fill(&axes[k], rule, g->scale[k], part);
        IG_TRY(upload(d, b, s, k, &axes[k]));
    }
    return INGOT_OK;
}

static ingot_status bind_nearest(ig_device_bind *b, resize_state *s, double outside)
{
    const ig_type *x = b->in[0], *y = b->out[0];
    int64_t from[IG_MAX_RANK];
    s->pick = (cu_pick_args){.bytes = ig_cu_bytes(x->dtype), .rank = x->rank};
    if (x->rank < 1 || x->rank > CU_RANK) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    if (ig_dtype(x->dtype)->class_ != IG_CLASS_COMPLEX)
        ig_from_double(s->pick.outside, x->dtype, 0, outside);
    ig_cu_strides(from, x->rank, x->dims);
    for (int i = 0; i < x->rank; i++) {
        const int at = x->rank - 1 - i;
        s->pick.size[at] = y->dims[i];
        s->pick.stride[at] = from[i];
        s->pick.table[at] = s->index[i];
    }
    b->kernel = "pick";
    return INGOT_OK;
}

static bool needs_f64(ingot_dtype dtype)
{
    return dtype == INGOT_F64 || dtype == INGOT_I32 || dtype == INGOT_U32 || dtype == INGOT_I64 ||
           dtype == INGOT_U64;
}

/* One pass an axis that changes; between them f32 or f64. */
static ingot_status bind_passes(ig_device_bind *b, resize_state *s, const ig_resize_axis *axes,
                                double fill)
{
    const ig_type *x = b->in[0];
    const bool wide = needs_f64(x->dtype);
    const int work = wide ? NB_F64 : NB_F32, own = ig_cu_number(x->dtype);
    int64_t dims[IG_MAX_RANK], most = 0;
    if (own < 0) return IG_CU_DECLINE(b, "this type");
    memcpy(dims, x->dims, sizeof dims);
    for (int k = 0; k < x->rank; k++) {
        if (!s->index[k]) continue;
        cu_resize_args *p = &s->pass[s->n_pass++];
        *p = (cu_resize_args){.x_type = s->n_pass == 1 ? own : work,
                              .y_type = work,
                              .wide = wide,
                              .outer = ig_cu_count(dims, 0, k),
                              .in = dims[k],
                              .out = b->out[0]->dims[k],
                              .inner = ig_cu_count(dims, k + 1, x->rank),
                              .taps = (int)axes[k].taps,
                              .index = s->index[k],
                              .weight = s->weight[k],
                              .fill = fill};
        dims[k] = p->out;
        int64_t all = 1;
        for (int i = 0; i < x->rank; i++)
            if (!ig_mul_ok(all, dims[i], &all) || all > CU_MOST)
                return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
        most = IG_MAX(most, all);
    }
    s->pass[s->n_pass - 1].y_type = own;
    for (int i = 0; i < IG_MIN(s->n_pass - 1, 2); i++)
        if (!ig_cu_room(b, most, wide ? sizeof(double) : sizeof(float), &s->buffer_at[i]))
            return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "resize_axis";
    return INGOT_OK;
}

static ingot_status bind_all(ig_device *d, ig_device_bind *b, resize_state *s)
{
    const ig_resize_attrs *a = b->node->attrs;
    const ig_type *x = b->in[0];
    const ig_resize_rule rule = ig_resize_rule_of(a);
    ig_resize_geometry g;
    ig_resize_axis axes[IG_MAX_RANK];
    const ig_tensor *scales = ig_resize_given(b->in, b->node->n_in, 2) ? b->known[2] : NULL;
    const ig_tensor *sizes = ig_resize_given(b->in, b->node->n_in, 3) ? b->known[3] : NULL;
    if (!scales && !sizes) return IG_CU_DECLINE(b, "the sizes are not known");
    const char *wrong = ig_resize_resolve(&g, a, x, scales, sizes);
    if (wrong)
        return ig_fail(b->err, INGOT_E_UNSUPPORTED, "%.80s (resize): %s", b->node->name, wrong);
    for (uint32_t i = 1; i < b->node->n_in; i++)
        if (ig_cu_known(b, i)) b->taken |= UINT64_C(1) << i;
    s->nearest = a->mode == IG_NEAREST;
    IG_TRY(make_tables(d, b, s, &g, &rule, axes));
    if (b->declined) return INGOT_OK;
    bool changes = false;
    for (int k = 0; k < x->rank; k++) changes = changes || s->index[k];
    s->nearest = s->nearest || !changes; /* a copy is a pick without tables */
    return s->nearest ? bind_nearest(b, s, a->extrapolation_value)
                      : bind_passes(b, s, axes, a->extrapolation_value);
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    resize_state *s = IG_CU_STATE(b, resize_state);
    if (!s) return INGOT_E_NOMEM;
    if (!ig_cu_bytes(b->in[0]->dtype)) return IG_CU_DECLINE(b, "strings");
    if (ig_cu_elements(b->in[0]) > CU_MOST || ig_cu_elements(b->out[0]) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    if (!ig_cu_elements(b->out[0])) return IG_CU_DECLINE(b, "nothing to do");
    const ingot_status status = bind_all(d, b, s);
    if (status || b->declined) unbind(d, s);
    return status;
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const resize_state *s = r->state;
    const cu_stream st = ig_cu_stream(stream);
    if (s->nearest) {
        cu_pick_args a = s->pick;
        a.to = r->out[0];
        a.from = r->in[0];
        return ig_cu_done(stream, r, cu_pick(&a, st));
    }
    const void *x = r->in[0];
    int e = 0;
    for (int i = 0; i < s->n_pass && !e; i++) {
        cu_resize_args a = s->pass[i];
        a.x = x;
        a.y = i + 1 == s->n_pass ? r->out[0] : ig_cu_piece(r, s->buffer_at[i % 2]);
        e = cu_resize(&a, st);
        x = a.y;
    }
    return ig_cu_done(stream, r, e);
}

const ig_cu_op ig_cu_op_resize = {
    .name = "resize", .bind = bind, .launch = launch, .unbind = unbind};
