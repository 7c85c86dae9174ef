/* resize.c - resample along axes: nearest, linear, cubic, with or without antialiasing.
 *
 * Inputs: data, roi, scales, sizes; all but the data may be absent or empty, and one of scales and
 * sizes must be there. Every method is separable: a table an axis (resize_table.h) says where an
 * output comes from. Nearest copies elements of any type. The others run one pass an axis; where
 * just the last two dims change (images), both passes are one. f32 and f64 are resampled as they
 * are, other types through f32, or f64 where f32 cannot hold them. */
#include "runtime/ops/resize.h"
#include "runtime/ops/move.h"

#include <math.h>

static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
static const char *const coordinates[] = {
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel",   "align_corners",
    "asymmetric", "tf_crop_and_resize",   "tf_half_pixel_for_nn", NULL};
static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil",
                                        NULL};
enum { STRETCH, NOT_LARGER, NOT_SMALLER };
static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};

static const ig_attr fields[] = {
    IG_INT(ig_resize_attrs, antialias, 0),
    IG_INTS(ig_resize_attrs, axes),
    IG_ENUM(ig_resize_attrs, coordinate_transformation_mode, IG_HALF_PIXEL, coordinates),
    IG_FLOAT(ig_resize_attrs, cubic_coeff_a, -0.75),
    IG_INT(ig_resize_attrs, exclude_outside, 0),
    IG_FLOAT(ig_resize_attrs, extrapolation_value, 0),
    IG_ENUM(ig_resize_attrs, keep_aspect_ratio_policy, STRETCH, policies),
    IG_ENUM(ig_resize_attrs, mode, IG_NEAREST, modes),
    IG_ENUM(ig_resize_attrs, nearest_mode, IG_PREFER_FLOOR, roundings),
    {0}};

/* ---- sizes ---- */

bool ig_resize_given(const ig_type *const *in, uint32_t n_in, uint32_t i)
{
    return i < n_in && in[i] && !(in[i]->rank == 1 && in[i]->dims[0] == 0);
}

static const char *read_axes(ig_resize_geometry *g, const ig_resize_attrs *a, int rank)
{
    *g = (ig_resize_geometry){.rank = rank, .n = a->axes.n ? (int)a->axes.n : rank};
    if (a->axes.n > (size_t)rank) return "there are more axes than dims";
    for (int i = 0; i < g->n; i++) {
        int64_t axis = a->axes.n ? a->axes.v[i] : i;
        if (!ig_index_ok(&axis, rank)) return "an axis is outside the input's rank";
        if (g->on[axis]) return "an axis is given twice";
        g->on[axis] = true;
        g->order[i] = (int)axis;
    }
    return NULL;
}

static const char *from_scales(ig_resize_geometry *g, const ig_tensor *scales, const int64_t *in)
{
    if (ig_tensor_elements(scales) != (size_t)g->n || scales->dtype != INGOT_F32)
        return "scales must be one f32 for each axis";
    for (int i = 0; i < g->n; i++) {
        const int d = g->order[i];
        g->scale[d] = (double)((const float *)scales->data)[i];
        if (!(g->scale[d] > 0) || !(g->scale[d] * (double)in[d] < 9e15))
            return "a scale is not a positive number, or too large";
        g->out[d] = (int64_t)(g->scale[d] * (double)in[d]);
    }
    return NULL;
}

static const char *from_sizes(ig_resize_geometry *g, const ig_resize_attrs *a,
                              const ig_tensor *sizes, const int64_t *in)
{
    int64_t v[IG_MAX_RANK];
    double same = 0;
    if (ig_tensor_ints(sizes, v, IG_MAX_RANK) != g->n) return "sizes must be one for each axis";
    for (int i = 0; i < g->n; i++) {
        const int d = g->order[i];
        if (v[i] < 0 || v[i] > INT64_C(1) << 52) return "a size is negative or too large";
        if (in[d] == 0 && v[i] > 0) return "a dimension of size 0 cannot grow";
        g->out[d] = v[i];
        g->scale[d] = in[d] ? (double)v[i] / (double)in[d] : 1;
        if (i == 0) same = g->scale[d];
        same = a->keep_aspect_ratio_policy == NOT_LARGER ? fmin(same, g->scale[d])
                                                         : fmax(same, g->scale[d]);
    }
    if (a->keep_aspect_ratio_policy == STRETCH) return NULL;
    for (int i = 0; i < g->n; i++) {
        const int d = g->order[i];
        if (!(same * (double)in[d] < 9e15)) return "a size is too large";
        g->scale[d] = same;
        g->out[d] = (int64_t)(same * (double)in[d] + 0.5);
    }
    return NULL;
}

ig_resize_rule ig_resize_rule_of(const ig_resize_attrs *a)
{
    return (ig_resize_rule){.mode = (ig_resize_mode)a->mode,
                            .coordinates = (ig_resize_coordinates)a->coordinate_transformation_mode,
                            .rounding = (ig_resize_rounding)a->nearest_mode,
                            .antialias = a->antialias != 0,
                            .exclude_outside = a->exclude_outside != 0,
                            .cubic_a = a->cubic_coeff_a};
}

const char *ig_resize_resolve(ig_resize_geometry *g, const ig_resize_attrs *a, const ig_type *x,
                              const ig_tensor *scales, const ig_tensor *sizes)
{
    const char *wrong = read_axes(g, a, x->rank);
    if (wrong) return wrong;
    for (int d = 0; d < x->rank; d++) {
        g->out[d] = x->dims[d];
        g->scale[d] = 1;
    }
    if (scales) return from_scales(g, scales, x->dims);
    return from_sizes(g, a, sizes, x->dims);
}

/* Input dims that are not known: a size or a scale of 1 still tells something. */
static void infer_part(ig_infer *c, const ig_resize_geometry *g, ig_type *out, bool by_size)
{
    const ig_resize_attrs *a = c->attrs;
    int64_t v[IG_MAX_RANK];
    const ig_tensor *scales = ig_resize_given(c->in, c->n_in, 2) ? c->known[2] : NULL;
    const int n = by_size && a->keep_aspect_ratio_policy == STRETCH
                      ? ig_known_ints(c, 3, v, IG_MAX_RANK)
                      : -1;
    const bool scaled =
        scales && scales->dtype == INGOT_F32 && ig_tensor_elements(scales) == (size_t)g->n;
    for (int i = 0; i < g->n; i++) {
        const bool same = scaled && ((const float *)scales->data)[i] == 1.0f;
        if (!same) out->dims[g->order[i]] = n == g->n && v[i] >= 0 ? v[i] : IG_DIM_UNKNOWN;
    }
}

static ingot_status infer(ig_infer *c)
{
    const ig_resize_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *out = ig_infer_like(c);
    const bool by_scale = ig_resize_given(c->in, c->n_in, 2),
               by_size = ig_resize_given(c->in, c->n_in, 3);
    const ig_dtype_class class_ = ig_dtype(x->dtype)->class_;
    if (a->mode != IG_NEAREST && (class_ == IG_CLASS_STR || class_ == IG_CLASS_COMPLEX))
        return ig_infer_fail(c, "%s of %s is not defined", modes[a->mode],
                             ig_dtype(x->dtype)->name);
    if (!by_scale && !by_size) return ig_infer_fail(c, "neither scales nor sizes are given");
    if (x->rank < 0) return INGOT_OK;
    ig_resize_geometry g;
    const char *wrong = read_axes(&g, a, x->rank);
    if (wrong) return ig_infer_fail(c, "%s", wrong);
    *out = *x;
    const ig_tensor *scales = by_scale ? c->known[2] : NULL, *sizes = by_size ? c->known[3] : NULL;
    if (!ig_type_static(x) || (!scales && !sizes)) {
        infer_part(c, &g, out, by_size);
        return INGOT_OK;
    }
    wrong = ig_resize_resolve(&g, a, x, scales, sizes);
    if (wrong) return ig_infer_fail(c, "%s", wrong);
    memcpy(out->dims, g.out, sizeof out->dims);
    return INGOT_OK;
}

/* ---- tables ---- */

typedef struct {
    ig_resize_geometry g;
    ig_resize_rule rule;
    bool roi_later;            /* the roi comes with the run */
    bool changes[IG_MAX_RANK]; /* has a table */
    ig_resize_axis axis[IG_MAX_RANK];
    int pass[IG_MAX_RANK], n_pass; /* the axes with a table, in order */
    int64_t *same;                 /* 0, 1, 2, ...: table of an unchanged last dimension */
    ingot_dtype work;              /* F32 or F64 */
    size_t buffer_bytes;           /* of each of two buffers */
    size_t line_bytes;             /* > 0: both axes at once, through a line a thread */
    bool any_outside;
} resize_state;

static ingot_status fill_tables(resize_state *s, const ig_tensor *roi, const ig_node *node,
                                ingot_error *err)
{
    const ig_resize_geometry *g = &s->g;
    s->any_outside = false;
    if (s->rule.coordinates == IG_TF_CROP && (!roi || ig_tensor_elements(roi) != 2 * (size_t)g->n ||
                                              ig_dtype(roi->dtype)->class_ != IG_CLASS_FLOAT))
        return ig_node_fail(err, INGOT_E_DATA, node, "tf_crop_and_resize needs a roi of %d numbers",
                            2 * g->n);
    for (int i = 0; i < g->n; i++) {
        const int d = g->order[i];
        double part[2] = {0, 1};
        if (!s->changes[d]) continue;
        if (s->rule.coordinates == IG_TF_CROP) {
            part[0] = ig_to_double(roi->data, roi->dtype, (size_t)i);
            part[1] = ig_to_double(roi->data, roi->dtype, (size_t)(g->n + i));
        }
        ig_resize_fill(&s->axis[d], &s->rule, g->scale[d], part);
        for (size_t j = 0; j < s->axis[d].out; j++) s->any_outside |= s->axis[d].outside[j];
    }
    return INGOT_OK;
}

/* What a crop leaves as it is need not be computed, but only the roi tells: then keep the table. */
static bool unchanged(const ig_resize_geometry *g, const ig_type *x, int d, bool crop)
{
    return !g->on[d] || (!crop && g->out[d] == x->dims[d] && fabs(g->scale[d] - 1) <= 1e-9);
}

static ingot_status open_tables(resize_state *s, ig_bind *b)
{
    const ig_type *x = b->in[0];
    const bool crop = s->rule.coordinates == IG_TF_CROP;
    for (int d = 0; d < x->rank; d++) {
        if (unchanged(&s->g, x, d, crop)) continue;
        s->changes[d] = true;
        s->pass[s->n_pass++] = d;
        IG_TRY(ig_resize_open(&s->axis[d], b->arena, &s->rule, (size_t)x->dims[d],
                              (size_t)s->g.out[d], s->g.scale[d], b->err));
    }
    const bool known = b->n_in > 1 && b->in[1] && b->known[1];
    s->roi_later = crop && !known;
    return s->roi_later ? INGOT_OK : fill_tables(s, known ? b->known[1] : NULL, b->node, b->err);
}

static ingot_status bind_nearest(resize_state *s, ig_bind *b)
{
    const int last = s->g.rank - 1;
    if (last < 0 || s->changes[last]) return INGOT_OK;
    const size_t n = (size_t)b->in[0]->dims[last];
    s->same = ig_new_n(b->arena, int64_t, n);
    if (!s->same) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for a table");
    for (size_t i = 0; i < n; i++) s->same[i] = (int64_t)i;
    return INGOT_OK;
}

/* Buffers between passes, and for conversion. */
static ingot_status bind_passes(resize_state *s, ig_bind *b)
{
    const ig_type *x = b->in[0];
    const size_t elem = ig_elem(s->work);
    const bool convert = x->dtype != s->work;
    int64_t dims[IG_MAX_RANK];
    size_t n, most = 0;
    memcpy(dims, x->dims, sizeof dims);
    if (!convert && s->n_pass == 2 && s->pass[0] == x->rank - 2 && s->pass[1] == x->rank - 1) {
        s->line_bytes = (size_t)x->dims[x->rank - 1] * elem;
        s->line_bytes = (s->line_bytes + IG_ALIGN - 1) / IG_ALIGN * IG_ALIGN;
        b->scratch_bytes = s->line_bytes * b->n_threads;
        b->kernel = "resize_plane";
        return INGOT_OK;
    }
    for (int i = 0; i <= s->n_pass; i++) { /* dims before pass i; at the end, of the output */
        if (i) dims[s->pass[i - 1]] = s->g.out[s->pass[i - 1]];
        if (!ig_dims_elements(x->rank, dims, &n))
            return ig_bind_fail(b, "an intermediate result is too large");
        if (convert || (i > 0 && i < s->n_pass)) most = IG_MAX(most, n);
    }
    if (!ig_mul_ok(most, elem, &s->buffer_bytes) ||
        !ig_align_ok(s->buffer_bytes, IG_ALIGN, &s->buffer_bytes) ||
        !ig_mul_ok(s->buffer_bytes, (size_t)2, &b->scratch_bytes))
        return ig_bind_fail(b, "an intermediate result is too large");
    b->kernel = "resize_pass";
    return INGOT_OK;
}

static bool needs_f64(ingot_dtype dtype)
{
    return dtype == INGOT_F64 || dtype == INGOT_I32 || dtype == INGOT_U32 || dtype == INGOT_I64 ||
           dtype == INGOT_U64;
}

static ingot_status bind(ig_bind *b)
{
    const ig_resize_attrs *a = b->attrs;
    const ig_type *x = b->in[0];
    resize_state *s = IG_BIND_STATE(b, resize_state);
    size_t n;
    if (!s) return INGOT_E_NOMEM;
    if (!ig_type_elements(b->out[0], &n) || n == 0) return INGOT_OK;
    s->rule = ig_resize_rule_of(a);
    const ig_tensor *scales = ig_resize_given(b->in, b->n_in, 2) ? b->known[2] : NULL;
    const ig_tensor *sizes = ig_resize_given(b->in, b->n_in, 3) ? b->known[3] : NULL;
    if (!scales && !sizes) return ig_bind_fail(b, "the sizes are not known");
    const char *wrong = ig_resize_resolve(&s->g, a, x, scales, sizes);
    if (wrong) return ig_bind_fail(b, "%s", wrong);
    IG_TRY(open_tables(s, b));
    s->work = needs_f64(x->dtype) ? INGOT_F64 : INGOT_F32;
    return a->mode == IG_NEAREST ? bind_nearest(s, b) : bind_passes(s, b);
}

/* ---- nearest ---- */

typedef struct {
    const resize_state *s;
    const ig_tensor *x;
    ig_tensor *y;
    uint64_t fill[2]; /* one element */
} nearest_task;

/* Source of row `row` of the output (all dims but the last); false: outside. */
static bool source_row(const nearest_task *t, size_t row, size_t *at)
{
    size_t stride = 1;
    bool inside = true;
    *at = 0;
    for (int d = t->y->rank - 2; d >= 0; d--) {
        const size_t j = row % (size_t)t->y->dims[d];
        row /= (size_t)t->y->dims[d];
        const ig_resize_axis *a = &t->s->axis[d];
        *at += (t->s->changes[d] ? (size_t)a->index[j] : j) * stride;
        if (t->s->changes[d]) inside &= !a->outside[j];
        stride *= (size_t)t->x->dims[d];
    }
    return inside;
}

static void nearest_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const nearest_task *t = arg;
    const int last = t->y->rank - 1;
    const size_t bytes = ig_elem(t->y->dtype), n = (size_t)t->y->dims[last] * bytes;
    const size_t from_row = (size_t)t->x->dims[last] * bytes;
    const ig_resize_axis *a = t->s->changes[last] ? &t->s->axis[last] : NULL;
    size_t before = SIZE_MAX;
    (void)worker;
    for (size_t row = begin; row < end; row++) {
        char *y = (char *)t->y->data + row * n;
        size_t at;
        if (!source_row(t, row, &at)) {
            ig_copy_fill(y, t->fill, bytes, (size_t)t->y->dims[last]);
            before = SIZE_MAX;
            continue;
        }
        const char *x = (const char *)t->x->data + at * from_row;
        if (at == before)
            memcpy(y, y - n, n); /* the same row again */
        else if (a)
            ig_copy_pick(y, x, a->index, bytes, a->out);
        else
            memcpy(y, x, n);
        for (size_t j = 0; a && t->s->any_outside && j < a->out; j++)
            if (a->outside[j]) memcpy(y + j * bytes, t->fill, bytes);
        before = at;
    }
}

static ingot_status run_nearest(ig_run *r, const resize_state *s)
{
    const ig_resize_attrs *a = r->attrs;
    nearest_task t = {.s = s, .x = r->in[0], .y = r->out[0]};
    const ig_dtype_class k = ig_dtype(t.x->dtype)->class_;
    if (k != IG_CLASS_STR && k != IG_CLASS_COMPLEX)
        ig_from_double(t.fill, t.x->dtype, 0, a->extrapolation_value);
    const size_t n = (size_t)t.y->dims[t.y->rank - 1];
    ig_parallel(r->pool, ig_tensor_elements(t.y) / n, ig_grain(n * ig_elem(t.y->dtype)), 0,
                nearest_range, &t);
    return INGOT_OK;
}

/* ---- weighted ---- */

typedef struct {
    const ig_resize_axis *v, *h;
    void *y;
    const void *x;
    char *lines;
    size_t line_bytes, inner;
    double fill;
    bool f64;
} pass_task;

static void plane_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const pass_task *t = arg;
    void *line = t->lines + worker * t->line_bytes;
    if (t->f64)
        ig_resize_plane_f64(t->y, t->x, t->v, t->h, t->fill, line, begin, end);
    else
        ig_resize_plane_f32(t->y, t->x, t->v, t->h, (float)t->fill, line, begin, end);
}

static void pass_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const pass_task *t = arg;
    (void)worker;
    if (t->f64)
        ig_resize_pass_f64(t->y, t->x, t->v, t->inner, t->fill, begin, end);
    else
        ig_resize_pass_f32(t->y, t->x, t->v, t->inner, (float)t->fill, begin, end);
}

static void run_plane(ig_run *r, const resize_state *s, pass_task *t)
{
    t->v = &s->axis[s->pass[0]];
    t->h = &s->axis[s->pass[1]];
    t->lines = r->scratch;
    t->line_bytes = s->line_bytes;
    const size_t rows = ig_tensor_elements(r->out[0]) / t->h->out;
    ig_parallel(r->pool, rows, ig_grain((t->h->in * t->v->taps + t->h->out * t->h->taps) * 4), 0,
                plane_range, t);
}

/* Between types: numbers outside an integer's range become its ends, halves go to even. */
static void to_work(void *to, ingot_dtype work, const ig_tensor *x)
{
    const size_t n = ig_tensor_elements(x);
    for (size_t i = 0; i < n; i++) {
        const double v = ig_to_double(x->data, x->dtype, i);
        if (work == INGOT_F64)
            ((double *)to)[i] = v;
        else
            ((float *)to)[i] = (float)v;
    }
}

static void from_work(ig_tensor *y, const void *from, ingot_dtype work)
{
    const size_t n = ig_tensor_elements(y);
    const bool whole = ig_dtype(y->dtype)->class_ != IG_CLASS_FLOAT;
    for (size_t i = 0; i < n; i++) {
        const double v =
            work == INGOT_F64 ? ((const double *)from)[i] : (double)((const float *)from)[i];
        ig_from_double(y->data, y->dtype, i, whole ? rint(v) : v);
    }
}

static void run_passes(ig_run *r, const resize_state *s, pass_task *t)
{
    const ig_tensor *x = r->in[0];
    ig_tensor *y = r->out[0];
    const bool convert = x->dtype != s->work;
    char *buffer[2] = {r->scratch, (char *)r->scratch + s->buffer_bytes};
    int64_t dims[IG_MAX_RANK];
    int next = 0;
    memcpy(dims, x->dims, sizeof dims);
    if (convert) {
        to_work(buffer[0], s->work, x);
        t->x = buffer[0];
        next = 1;
    }
    for (int i = 0; i < s->n_pass; i++) {
        const int d = s->pass[i];
        const bool last = i + 1 == s->n_pass && !convert;
        dims[d] = s->g.out[d];
        t->v = &s->axis[d];
        t->inner = ig_span(dims, d + 1, x->rank);
        t->y = last ? y->data : buffer[next];
        const size_t rows = ig_span(dims, 0, t->inner == 1 ? d : d + 1);
        const size_t work = (t->inner == 1 ? t->v->out : t->inner) * t->v->taps * 4;
        ig_parallel(r->pool, rows, ig_grain(work), 0, pass_range, t);
        t->x = t->y;
        next ^= 1;
    }
    if (convert) from_work(y, t->x, s->work);
}

static ingot_status run(ig_run *r)
{
    const ig_resize_attrs *a = r->attrs;
    resize_state *s = r->state;
    ig_tensor *y = r->out[0];
    const size_t all = ig_tensor_elements(y);
    if (all == 0) return INGOT_OK;
    if (s->roi_later) IG_TRY(fill_tables(s, r->n_in > 1 ? r->in[1] : NULL, r->node, r->err));
    if (s->n_pass == 0) {
        memcpy(y->data, r->in[0]->data, all * ig_elem(y->dtype));
        return INGOT_OK;
    }
    if (a->mode == IG_NEAREST) return run_nearest(r, s);
    pass_task t = {.x = r->in[0]->data, .y = y->data, .fill = a->extrapolation_value};
    t.f64 = s->work == INGOT_F64;
    if (s->line_bytes)
        run_plane(r, s, &t);
    else
        run_passes(r, s, &t);
    return INGOT_OK;
}

const ig_op ig_op_resize = {
    .name = "resize",
    .min_in = 1,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(ig_resize_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
