/* conv.c - convolution as ONNX has it: x [N, C, spatial..], w [M, C/G, kernel..], any float type.
 *
 * fp32 images of one or two dims go through the NHWC kernels, with transposes in scratch and
 * constant weights packed once; everything else gathers columns and multiplies, one image and group
 * at a time. The layout pass replaces most of these by conv_nhwc. */
#include "runtime/ops/conv_columns.h"
#include "runtime/ops/conv_image.h"
#include "kernels/transpose/transpose.h"
#include "runtime/base/checked.h"

enum { X, W, BIAS, RESIDUAL };

typedef struct {
    ig_window_attrs window;
    int64_t group;
    int act;
    double act_a, act_b;
} conv_attrs;

static const ig_attr attrs[] = {
    IG_WINDOW_FIELDS,
    IG_INT(conv_attrs, group, 1),
    IG_ENUM(conv_attrs, act, 0, ig_act_names),
    IG_FLOAT(conv_attrs, act_a, 0),
    IG_FLOAT(conv_attrs, act_b, 0),
    {0},
};

static ingot_status check_extras(ig_infer *c, const ig_type *y)
{
    if (ig_has(c, BIAS) && c->in[BIAS]->rank >= 0 &&
        (c->in[BIAS]->rank != 1 || ig_dim_differ(c->in[BIAS]->dims[0], y->dims[1])))
        return ig_infer_fail(c, "the bias does not have one element a channel");
    if (!ig_has(c, RESIDUAL) || c->in[RESIDUAL]->rank < 0) return INGOT_OK;
    const ig_type *r = c->in[RESIDUAL];
    bool same = r->rank == y->rank;
    for (int d = 0; same && d < r->rank; d++) same = !ig_dim_differ(r->dims[d], y->dims[d]);
    return same ? INGOT_OK : ig_infer_fail(c, "the residual is not shaped like the result");
}

static ingot_status check_dtypes(ig_infer *c)
{
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (!c->in[i] || c->in[i]->dtype == INGOT_NONE || c->out[0].dtype == INGOT_NONE) continue;
        if (c->in[i]->dtype != c->out[0].dtype)
            return ig_infer_fail(c, "convolves %s with %s", ig_dtype(c->out[0].dtype)->name,
                                 ig_dtype(c->in[i]->dtype)->name);
    }
    if (c->out[0].dtype != INGOT_NONE && ig_dtype(c->out[0].dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "no convolution of %s", ig_dtype(c->out[0].dtype)->name);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const conv_attrs *a = c->attrs;
    const ig_type *x = c->in[X], *w = c->in[W];
    ig_type *y = &c->out[0];
    y->dtype = x->dtype != INGOT_NONE ? x->dtype : w->dtype;
    IG_TRY(check_dtypes(c));
    const int rank = x->rank >= 0 ? x->rank : w->rank;
    if (rank < 0) return INGOT_OK;
    if (rank < 3) return ig_infer_fail(c, "an image of rank %d", rank);
    if ((x->rank >= 0 && x->rank != rank) || (w->rank >= 0 && w->rank != rank))
        return ig_infer_fail(c, "images of rank %d meet weights of rank %d", x->rank, w->rank);
    y->rank = rank;
    for (int d = 0; d < rank; d++) y->dims[d] = IG_DIM_UNKNOWN;
    if (x->rank >= 0) y->dims[0] = x->dims[0];
    if (w->rank >= 0) y->dims[1] = w->dims[0];
    if (a->group < 1) return ig_infer_fail(c, "group is %lld", (long long)a->group);
    if (x->rank < 0 || !ig_type_static(w)) return check_extras(c, y);
    int64_t channels;
    if (!ig_mul_ok(w->dims[1], a->group, &channels) || ig_dim_differ(x->dims[1], channels) ||
        w->dims[0] % a->group)
        return ig_infer_fail(c, "%lld channels, weights for %lld by %lld, %lld groups",
                             (long long)x->dims[1], (long long)w->dims[0], (long long)w->dims[1],
                             (long long)a->group);
    ig_window window;
    IG_TRY(
        ig_window_make(&window, &a->window, rank - 2, x->dims + 2, w->dims + 2, c->node, c->err));
    for (int i = 0; i < window.n; i++)
        y->dims[2 + i] = window.out[i] >= 0 ? window.out[i] : IG_DIM_UNKNOWN;
    return check_extras(c, y);
}

/* ---- bind
 * ------------------------------------------------------------------------------------------ */

typedef struct {
    bool image; /* else columns */
    ig_conv_image conv;
    ig_conv_columns columns;
    transpose_fn *transpose;
    size_t at_conv, at_x, at_y, at_residual, at_w, at_room;
    size_t pixels_in, pixels_out;
    const float *packed; /* constant weights, in plan memory */
} state;

static ingot_status pack_constant(state *s, ig_bind *b)
{
    const size_t n = ig_conv_weights_elements(&s->conv), room = ig_conv_weights_room(&s->conv);
    float *p = ig_arena_array(b->arena, n, sizeof *p);
    float *wide = ig_arena_array(b->arena, room, sizeof *wide);
    if (!p || !wide)
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for packed weights");
    ig_conv_weights_oihw(p, wide, b->known[W]->data, &s->conv);
    s->packed = p;
    return INGOT_OK;
}

static ingot_status bind_image(state *s, ig_bind *b, const ig_window *w)
{
    const conv_attrs *a = b->attrs;
    const ig_type *x = b->in[X], *y = b->out[0];
    const bool dw = b->in[W]->dims[1] == 1 && y->dims[1] == a->group && a->group > 1;
    size_t n_x, n_y;
    s->image = true;
    s->transpose = ig_transpose(sizeof(float));
    IG_TRY(ig_conv_image_bind(&s->conv, b, w, x->dims[0], x->dims[1], y->dims[1], a->group, dw,
                              a->act, a->act_a, a->act_b));
    IG_TRY(ig_conv_image_room(&s->conv, b, &s->at_conv));
    if (!ig_type_elements(x, &n_x) || !ig_type_elements(y, &n_y))
        return ig_bind_fail(b, "too large");
    s->pixels_in = s->conv.args.in_h * s->conv.args.in_w;
    s->pixels_out = s->conv.args.out_h * s->conv.args.out_w;
    IG_TRY(ig_scratch_add(b, n_x, sizeof(float), &s->at_x));
    IG_TRY(ig_scratch_add(b, n_y, sizeof(float), &s->at_y));
    if (b->n_in > RESIDUAL && b->in[RESIDUAL])
        IG_TRY(ig_scratch_add(b, n_y, sizeof(float), &s->at_residual));
    b->kernel = dw ? "conv_dw_f32" : s->conv.few ? "conv_few_f32" : "conv_f32";
    if (b->known[W]) return pack_constant(s, b);
    IG_TRY(ig_scratch_add(b, ig_conv_weights_elements(&s->conv), sizeof(float), &s->at_w));
    return ig_scratch_add(b, ig_conv_weights_room(&s->conv), sizeof(float), &s->at_room);
}

static ingot_status bind(ig_bind *b)
{
    const conv_attrs *a = b->attrs;
    const ig_type *x = b->in[X];
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    ig_window w;
    IG_TRY(ig_window_make(&w, &a->window, x->rank - 2, x->dims + 2, b->in[W]->dims + 2, b->node,
                          b->err));
    if (x->dtype == INGOT_F32 && w.n <= 2) return bind_image(s, b, &w);
    return ig_conv_columns_bind(&s->columns, b, &w, a->group, a->act, a->act_a, a->act_b);
}

/* ---- run
 * -------------------------------------------------------------------------------------------- */

typedef struct {
    const state *s;
    float *y;
    const float *x;
    size_t rows, cols;
} turn_job;

static void turn_some(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const turn_job *j = arg;
    const size_t image = j->rows * j->cols;
    const transpose_shape t = {.batch = end - begin,
                               .rows = j->rows,
                               .cols = j->cols,
                               .x_batch = image,
                               .x_row = j->cols,
                               .y_batch = image,
                               .y_row = j->rows};
    j->s->transpose(j->y + begin * image, j->x + begin * image, &t);
}

/* [batch, rows, cols] to [batch, cols, rows]. */
static void turn(const state *s, ig_pool *pool, float *y, const float *x, size_t rows, size_t cols)
{
    turn_job j = {s, y, x, rows, cols};
    const size_t worth = (64u << 10) / IG_MAX(rows * cols, (size_t)1) + 1;
    ig_parallel(pool, s->conv.args.batch, worth, 0, turn_some, &j);
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    if (!s->image) return ig_conv_columns_run(&s->columns, r);
    const ig_tensor *bias = r->n_in > BIAS ? r->in[BIAS] : NULL;
    const ig_tensor *residual = r->n_in > RESIDUAL ? r->in[RESIDUAL] : NULL;
    const size_t in_c = s->conv.args.in_c, out_c = s->conv.args.out_c;
    const float *w = s->packed;
    float *x = ig_piece(r, s->at_x), *y = ig_piece(r, s->at_y), *other = NULL;
    if (!w) {
        ig_conv_weights_oihw(ig_piece(r, s->at_w), ig_piece(r, s->at_room), r->in[W]->data,
                             &s->conv);
        w = ig_piece(r, s->at_w);
    }
    turn(s, r->pool, x, r->in[X]->data, in_c, s->pixels_in);
    if (residual) {
        other = ig_piece(r, s->at_residual);
        turn(s, r->pool, other, residual->data, out_c, s->pixels_out);
    }
    ig_conv_image_run(&s->conv, r->pool, ig_piece(r, s->at_conv), y, x, w, bias ? bias->data : NULL,
                      other);
    turn(s, r->pool, r->out[0]->data, y, s->pixels_out, out_c);
    return INGOT_OK;
}

static void cost(ig_cost *cost, const ig_bind *b)
{
    const ig_type *w = b->in[W];
    size_t n = 0, k = 0;
    ig_type_elements(b->out[0], &n);
    ig_dims_elements(w->rank - 1, w->dims + 1, &k);
    cost->flops = 2.0 * (double)n * (double)k;
}

const ig_op ig_op_conv = {
    .name = "conv",
    .min_in = 2,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_KEEP_BIND,
    .attrs = attrs,
    .attrs_bytes = sizeof(conv_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
