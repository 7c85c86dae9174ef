/* conv_integer.c - conv_integer(x, w, x_zero?, w_zero?, scale?, bias?, y_zero?): convolution of
 * 8-bit integers less their zero points, exact in 32 bits, over any number of spatial dimensions.
 * Scale, bias and y_zero make floats or 8-bit integers of the sums; see i8_product.h.
 *
 * x [N, C, in...] becomes [N, in..., C] first, and the result is turned back; with channels_last
 * both have that form already. w is [M, C / group, kernel...] always, in panels (IG_P16_CONV) or
 * plain. What is constant and plain is packed by bind. */
#include "runtime/ops/conv_i8.h"
#include "kernels/transpose/transpose.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    ig_window_attrs window;
    int64_t group, dtype, low, high, channels_last;
} conv_integer_attrs;

static const ig_attr attrs[] = {
    IG_WINDOW_FIELDS,
    IG_INT(conv_integer_attrs, group, 1),
    IG_INT(conv_integer_attrs, dtype, 0),
    IG_INT(conv_integer_attrs, low, -128),
    IG_INT(conv_integer_attrs, high, 255),
    IG_INT(conv_integer_attrs, channels_last, 0),
    {0},
};

enum { X, W, X_ZERO, W_ZERO, FINISH, INPUTS = FINISH + 3 };

static ig_i8_out_attrs out_attrs(const conv_integer_attrs *a)
{
    return (ig_i8_out_attrs){a->dtype, a->low, a->high};
}

static ingot_status check_channels(ig_infer *c, const ig_type *x, const ig_type *w, int c_axis,
                                   int64_t group)
{
    const int64_t in = x->dims[c_axis], each = w->dims[1], out = w->dims[0];
    size_t n;
    if (group < 1) return ig_infer_fail(c, "group is %lld", (long long)group);
    if (out >= 0 && out % group)
        return ig_infer_fail(c, "%lld output channels in %lld groups", (long long)out,
                             (long long)group);
    if (in >= 0 && each >= 0 && (in % group || in / group != each))
        return ig_infer_fail(c, "%lld channels in %lld groups meet weights for %lld each",
                             (long long)in, (long long)group, (long long)each);
    if (ig_has(c, X_ZERO) && ig_type_elements(c->in[X_ZERO], &n) && n != 1)
        return ig_infer_fail(c, "x has %zu zero points, expected one", n);
    if (ig_has(c, W_ZERO) && out >= 0 && ig_type_elements(c->in[W_ZERO], &n) && n != 1 &&
        n != (size_t)out)
        return ig_infer_fail(c, "the weights have %zu zero points, expected 1 or %lld", n,
                             (long long)out);
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const conv_integer_attrs *a = c->attrs;
    const ig_type *x = c->in[X], *w = c->in[W];
    ig_type *y = &c->out[0];
    ig_window s;
    IG_TRY(ig_i8_infer_pair(c, X, W, X_ZERO, W_ZERO));
    const int64_t channels = w->rank > 0 ? w->dims[0] : -1;
    const ig_i8_out_attrs out = out_attrs(a);
    IG_TRY(ig_i8_finish_infer(c, FINISH, &out, channels, &y->dtype));
    if (y->dtype == INGOT_F16 || y->dtype == INGOT_BF16)
        return ig_infer_fail(c, "the result cannot be %s", ig_dtype(y->dtype)->name);
    if (x->rank < 0 || w->rank < 0) return INGOT_OK;
    if (x->rank < 3 || x->rank != w->rank)
        return ig_infer_fail(c, "images of rank %d meet weights of rank %d", x->rank, w->rank);
    const int c_axis = a->channels_last ? x->rank - 1 : 1, first = a->channels_last ? 1 : 2;
    IG_TRY(check_channels(c, x, w, c_axis, a->group));
    y->rank = x->rank;
    y->dims[0] = x->dims[0];
    y->dims[c_axis] = w->dims[0];
    for (int i = 0; i < x->rank - 2; i++) y->dims[first + i] = IG_DIM_UNKNOWN;
    if (!ig_type_static(w)) return INGOT_OK;
    IG_TRY(
        ig_window_make(&s, &a->window, x->rank - 2, x->dims + first, w->dims + 2, c->node, c->err));
    for (int i = 0; i < s.n; i++)
        if (s.out[i] >= 0) y->dims[first + i] = s.out[i];
    return INGOT_OK;
}

/* ---- bind ---- */

typedef struct {
    ig_conv_i8 conv;
    ig_i8_weights w;       /* depthwise: one matrix [c, taps] whose panels are the kernel's */
    ig_i8_columns columns; /* all known: made by bind */
    transpose_fn *turn_in, *turn_out;
    size_t y_bytes, at_x, at_y, at_border, at_columns, at_ordered, at_workers, at_rows;
    bool known, flip_in, flip_out; /* flip: the tensor is turned */
    bool w_signed;
} state;

static ingot_status measure(state *s, const ig_bind *b)
{
    const conv_integer_attrs *a = b->attrs;
    const ig_type *x = b->in[X], *w = b->in[W], *y = b->out[0];
    ig_conv_i8 *v = &s->conv;
    const int first = a->channels_last ? 1 : 2, last = x->rank - (a->channels_last ? 1 : 0);
    IG_TRY(ig_window_make(&v->win, &a->window, x->rank - 2, x->dims + first, w->dims + 2, b->node,
                          b->err));
    v->batch = (size_t)x->dims[0], v->m = (size_t)w->dims[0];
    v->c = (size_t)x->dims[a->channels_last ? x->rank - 1 : 1];
    v->groups = (size_t)a->group;
    v->c_each = (size_t)w->dims[1], v->m_each = v->m / v->groups;
    v->p_in = ig_dims_product(x->dims, first, last);
    v->p_out = ig_dims_product(y->dims, first, last);
    v->taps = ig_dims_product(w->dims, 2, w->rank);
    v->x_signed = x->dtype == INGOT_I8;
    s->w_signed = w->dtype == INGOT_I8;
    s->y_bytes = ig_dtype(y->dtype)->bytes;
    s->flip_in = !a->channels_last && v->c > 1 && v->p_in > 1;
    s->flip_out = !a->channels_last && v->m > 1 && v->p_out > 1;
    return INGOT_OK;
}

static const ig_tensor *known(const ig_bind *b, uint32_t i)
{
    return i < b->n_in ? b->known[i] : NULL;
}

static bool settled(const ig_bind *b, uint32_t i)
{
    return i >= b->n_in || !b->in[i] || b->known[i];
}

/* Depthwise weights less their zero points, when all is known: [c, taps]. */
static int16_t *centred_weights(const state *s, const ig_bind *b)
{
    const ig_conv_i8 *v = &s->conv;
    const ig_tensor *w = b->known[W], *zero = known(b, W_ZERO);
    if (v->c_each != 1 || v->m_each != 1 || !w || !settled(b, W_ZERO)) return NULL;
    if (b->in_layout[W] != IG_PLAIN) return NULL;
    const size_t zeros = zero ? ig_tensor_elements(zero) : 0, n = v->c * v->taps;
    int16_t *to = ig_new_n(b->arena, int16_t, n + 1);
    for (size_t i = 0; to && i < n; i++) {
        const size_t c = i / v->taps;
        const int64_t z = zeros ? ig_to_int(zero->data, zero->dtype, zeros > 1 ? c : 0) : 0;
        to[i] = (int16_t)(ig_to_int(w->data, w->dtype, i) - z);
    }
    return to;
}

/* Of a sum of bytes: what the first one takes, and how many there are. */
static int8_t first_part(int32_t q) { return (int8_t)(q < -128 ? -128 : q > 127 ? 127 : q); }

static size_t copies_of(const int16_t *w, size_t n)
{
    size_t most = 1;
    for (size_t i = 0; i < n; i++) {
        size_t parts = 1;
        for (int32_t q = w[i]; q != first_part(q); q -= first_part(q)) parts++;
        most = IG_MAX(most, parts);
    }
    return most;
}

/* Panel `i` of all groups' panels; rows [16, k] is room for its channels, taps first. */
static void pack_panel(const state *s, const uint8_t *w, int8_t *panels, int32_t *sums, size_t i,
                       uint8_t *rows)
{
    const ig_conv_i8 *v = &s->conv;
    const size_t each = s->w.n16 / GEMM_I8_PANEL, k = s->w.k;
    const size_t first = i % each * GEMM_I8_PANEL;
    const size_t n = IG_MIN(v->m_each - first, (size_t)GEMM_I8_PANEL);
    w += (i / each * v->m_each + first) * k;
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c < v->c_each; c++)
            for (size_t t = 0; t < v->taps; t++)
                rows[r * k + t * v->c_each + c] = w[r * k + c * v->taps + t];
    ig_gemm_i8_pack_weights(panels + i * (s->w.bytes / each), sums + i * GEMM_I8_PANEL, rows,
                            s->w_signed, n, k, k, 1);
}

static ingot_status no_memory(const ig_bind *b)
{
    return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for packed weights");
}

static ingot_status bind_dense(state *s, ig_bind *b)
{
    const ig_conv_i8 *v = &s->conv;
    const ig_tensor *w = b->known[W];
    const ig_layout layout = b->in_layout[W];
    size_t room;
    bool packed;
    if (layout != IG_PLAIN && (layout != IG_P16_CONV || v->groups != 1))
        return ig_bind_fail(b,
                            "the layout of the weights is not that of a convolution in one group");
    IG_TRY(ig_i8_weights_bind(&s->w, b, W, v->groups, v->m_each, v->k, &packed));
    if (packed) return INGOT_OK;
    if (!w)
        return ig_scratch_add(b, IG_MAX(b->n_threads, (size_t)1) * GEMM_I8_PANEL, s->w.k,
                              &s->at_rows);
    uint8_t *rows = NULL;
    if (ig_mul_ok(s->w.k, (size_t)GEMM_I8_PANEL, &room))
        rows = ig_arena_take(b->arena, IG_MAX(room, (size_t)1));
    if (!rows) return no_memory(b);
    for (size_t i = 0; i < v->groups * (s->w.n16 / GEMM_I8_PANEL); i++)
        pack_panel(s, w->data, s->w.panels, s->w.sums, i, rows);
    return INGOT_OK;
}

/* The kernel's weights, and the sums of each channel in plain order for the columns. */
static ingot_status bind_depthwise(state *s, ig_bind *b, const int16_t *w)
{
    const ig_conv_i8 *v = &s->conv;
    const size_t slots = 4 * v->dw_groups;
    size_t bytes, c64, all;
    if (!ig_conv_dw_i8_bytes(v->c, v->dw_groups, &bytes) || !ig_align_ok(v->c, 64, &c64) ||
        !ig_mul_ok(v->c, slots, &all))
        return ig_bind_fail(b, "the weights are too large");
    s->w = (ig_i8_weights){.count = 1, .n = v->c, .n16 = c64, .k = v->taps, .is_signed = true};
    s->w.panels = ig_arena_take(b->arena, IG_MAX(bytes, (size_t)1));
    s->w.sums = ig_new_n(b->arena, int32_t, c64 + 1);
    int8_t *in_slots = ig_new_n(b->arena, int8_t, all + 1);
    if (!s->w.panels || !s->w.sums || !in_slots) return no_memory(b);
    for (size_t i = 0; i < v->c * v->taps; i++) s->w.sums[i / v->taps] += w[i];
    for (size_t i = 0; i < all; i++) {
        const int64_t t = v->slot[i % slots];
        if (t < 0) continue;
        int32_t q =
            w[i / slots * v->taps + (size_t)t]; /* copies before this one took their parts */
        for (size_t past = v->dw_columns ? 0 : i % slots / v->taps; past; past--)
            q -= first_part(q);
        in_slots[i] = first_part(q);
    }
    ig_conv_dw_i8_pack(s->w.panels, in_slots, v->c, v->dw_groups);
    return INGOT_OK;
}

/* columns as the depthwise kernel orders them, in `room` of the same size. */
static ig_i8_columns ordered(const state *s, const ig_i8_columns *plain, void *room)
{
    const size_t c64 = s->w.n16;
    int32_t *start = room;
    float *scale = (float *)(void *)(start + c64), *bias = scale + c64;
    ig_i8_columns c = *plain;
    for (size_t i = 0; i < c64; i++) {
        const size_t at = conv_dw_i8_order(i);
        start[at] = plain->finish.start[i];
        scale[at] = plain->finish.scale ? plain->finish.scale[i] : 0;
        bias[at] = plain->finish.bias ? plain->finish.bias[i] : 0;
    }
    c.finish.start = start;
    if (c.finish.scale) c.finish.scale = scale;
    if (c.finish.bias) c.finish.bias = bias;
    return c;
}

static ig_i8_columns columns_of(const state *s, const ig_tensor *const *in, const int32_t *sums,
                                const conv_integer_attrs *a, ingot_dtype to, void *room,
                                void *order_room)
{
    const ig_i8_terms terms = {.a_zero = in[X_ZERO],
                               .b_zero = s->conv.depthwise ? NULL : in[W_ZERO],
                               .scale = in[FINISH],
                               .bias = in[FINISH + 1],
                               .y_zero = in[FINISH + 2],
                               .a_signed = s->conv.x_signed};
    const ig_i8_out_attrs out = out_attrs(a);
    const ig_i8_columns c = ig_i8_columns_fill(room, &s->w, sums, &terms, to, &out);
    return s->conv.depthwise ? ordered(s, &c, order_room) : c;
}

static ingot_status bind_columns(state *s, ig_bind *b)
{
    const ig_tensor *in[INPUTS] = {NULL};
    size_t bytes;
    s->known = b->known[W] != NULL;
    for (uint32_t i = X_ZERO; i < INPUTS; i++) {
        s->known = s->known && settled(b, i);
        in[i] = known(b, i);
    }
    if (!ig_i8_columns_bytes(&s->w, &bytes)) return ig_bind_fail(b, "too many channels");
    if (!s->known) {
        IG_TRY(ig_scratch_add(b, bytes, 1, &s->at_columns));
        return ig_scratch_add(b, bytes, 1, &s->at_ordered);
    }
    void *room = ig_arena_take(b->arena, IG_MAX(bytes, (size_t)1));
    void *order_room = ig_arena_take(b->arena, IG_MAX(bytes, (size_t)1));
    if (!room || !order_room) return no_memory(b);
    s->columns = columns_of(s, in, s->w.sums, b->attrs, b->out[0]->dtype, room, order_room);
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    IG_TRY(measure(s, b));
    ig_conv_i8 *v = &s->conv;
    s->turn_in = ig_transpose(1);
    s->turn_out = ig_transpose(s->y_bytes);
    const int16_t *w = centred_weights(s, b);
    IG_TRY(ig_conv_i8_bind(v, b, w ? copies_of(w, v->c * v->taps) : 0));
    IG_TRY(w ? bind_depthwise(s, b, w) : bind_dense(s, b));
    IG_TRY(bind_columns(s, b));
    if (s->flip_in) IG_TRY(ig_scratch_add(b, v->batch * v->c, v->p_in, &s->at_x));
    if (s->flip_out) IG_TRY(ig_scratch_add(b, v->batch * v->m * v->p_out, s->y_bytes, &s->at_y));
    IG_TRY(ig_scratch_add(b, v->c, 1, &s->at_border));
    IG_TRY(ig_scratch_add(b, IG_MAX(b->n_threads, (size_t)1), v->worker_bytes, &s->at_workers));
    b->kernel = v->depthwise ? "conv_dw_i8" : v->direct ? "gemm_i8 of pixels" : "gemm_i8";
    return INGOT_OK;
}

/* ---- run ---- */

enum { COLUMNS = 64 }; /* of a transposing task */

typedef struct {
    transpose_fn *fn;
    size_t batch, rows, cols, bytes; /* of each image; of an element */
    char *to;
    const char *from;
} turn_job;

static void turn(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const turn_job *t = arg;
    const size_t each = t->cols / COLUMNS + (t->cols % COLUMNS != 0);
    for (size_t i = begin; i < end; i++) {
        const size_t image = i / each * t->rows * t->cols, col = i % each * COLUMNS;
        const transpose_shape shape = {.batch = 1,
                                       .rows = t->rows,
                                       .cols = IG_MIN(t->cols - col, (size_t)COLUMNS),
                                       .x_row = t->cols,
                                       .y_row = t->rows};
        t->fn(t->to + (image + col * t->rows) * t->bytes, t->from + (image + col) * t->bytes,
              &shape);
    }
}

/* [batch, rows, cols] to [batch, cols, rows]. */
static void turn_all(const turn_job *t, ig_pool *pool)
{
    const size_t each = t->cols / COLUMNS + (t->cols % COLUMNS != 0);
    ig_parallel(pool, t->batch * each, 4 * IG_GRAIN / (t->rows * COLUMNS) + 1, 0, turn,
                (void *)(uintptr_t)t);
}

typedef struct {
    const state *s;
    const ig_run *r;
} pack_job;

static void pack_panels(void *arg, size_t begin, size_t end, size_t worker)
{
    const pack_job *j = arg;
    const state *s = j->s;
    uint8_t *rows = ig_piece(j->r, s->at_rows);
    for (size_t i = begin; i < end; i++)
        pack_panel(s, j->r->in[W]->data, ig_i8_panels(&s->w, j->r), ig_i8_sums(&s->w, j->r), i,
                   rows + worker * s->w.k * GEMM_I8_PANEL);
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    const ig_conv_i8 *v = &s->conv;
    const ig_tensor *in[INPUTS] = {NULL};
    if (!v->batch || !v->p_out || !v->m) return INGOT_OK;
    for (uint32_t i = 0; i < IG_MIN(r->n_in, (uint32_t)INPUTS); i++) in[i] = r->in[i];
    if (!s->w.panels)
        ig_parallel(r->pool, v->groups * (s->w.n16 / GEMM_I8_PANEL), 1, 0, pack_panels,
                    &(pack_job){s, r});
    ig_conv_i8_job j = {.s = v,
                        .w = &s->w,
                        .panels = ig_i8_panels(&s->w, r),
                        .columns = s->columns,
                        .y = s->flip_out ? ig_piece(r, s->at_y) : r->out[0]->data,
                        .y_bytes = s->y_bytes,
                        .x = s->flip_in ? ig_piece(r, s->at_x) : r->in[X]->data,
                        .border = ig_piece(r, s->at_border),
                        .workers = ig_piece(r, s->at_workers)};
    if (!s->known)
        j.columns = columns_of(s, in, ig_i8_sums(&s->w, r), r->attrs, r->out[0]->dtype,
                               ig_piece(r, s->at_columns), ig_piece(r, s->at_ordered));
    const int64_t zero = in[X_ZERO] ? ig_to_int(in[X_ZERO]->data, in[X_ZERO]->dtype, 0) : 0;
    memset(ig_piece(r, s->at_border), (int)(uint8_t)zero, v->c);
    const turn_job enter = {s->turn_in,           v->batch,      v->c, v->p_in, 1,
                            ig_piece(r, s->at_x), r->in[X]->data};
    const turn_job leave = {
        s->turn_out, v->batch, v->p_out, v->m, s->y_bytes, r->out[0]->data, ig_piece(r, s->at_y)};
    if (s->flip_in) turn_all(&enter, r->pool);
    ig_conv_i8_run(&j, r->pool);
    if (s->flip_out) turn_all(&leave, r->pool);
    return INGOT_OK;
}

static void cost(ig_cost *cost, const ig_bind *b)
{
    const ig_type *w = b->in[W];
    size_t n = 0;
    ig_type_elements(b->out[0], &n);
    cost->flops = 2.0 * (double)n * (double)ig_dims_product(w->dims, 1, w->rank);
}

const ig_op ig_op_conv_integer = {
    .name = "conv_integer",
    .min_in = 2,
    .max_in = 7,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_PACKED | IG_OP_KEEP_BIND,
    .attrs = attrs,
    .attrs_bytes = sizeof(conv_integer_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
