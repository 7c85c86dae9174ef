/* conv_integer.c - conv_integer(x, w, x_zero?, w_zero?, scale?, bias?, y_zero?): convolution of
 * 8-bit integers less their zero points, exact in 32 bits, over any number of spatial dimensions.
 * Scale, bias and y_zero make floats or 8-bit integers of the sums; see i8_product.h.
 *
 * x [N, C, in...] becomes [N, in..., C] first, so that one tap of the window is C / group bytes in
 * a row. A task makes IG_I8_ROWS output positions of one image: it gathers their windows as rows of
 * a matrix, padding with x's zero point, and multiplies by the packed weights of each group.
 * Depthwise convolutions (one channel in, one out a group) multiply and add channels side by side
 * instead. */
#include "runtime/ops/i8_product.h"
#include "runtime/ops/conv_window.h"
#include "kernels/transpose/transpose.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    ig_window_attrs window;
    int64_t group, dtype;
} conv_integer_attrs;

static const ig_attr attrs[] = {
    IG_WINDOW_FIELDS,
    IG_INT(conv_integer_attrs, group, 1),
    IG_INT(conv_integer_attrs, dtype, 0),
    {0},
};

enum { X, W, X_ZERO, W_ZERO, FINISH };

static ingot_status check_channels(ig_infer *c, const ig_type *x, const ig_type *w, int64_t group)
{
    const int64_t in = x->dims[1], each = w->dims[1], out = w->dims[0];
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
    IG_TRY(ig_i8_finish_infer(c, FINISH, a->dtype, channels, &y->dtype));
    if (x->rank < 0 || w->rank < 0) return INGOT_OK;
    if (x->rank < 3 || x->rank != w->rank)
        return ig_infer_fail(c, "images of rank %d meet weights of rank %d", x->rank, w->rank);
    IG_TRY(check_channels(c, x, w, a->group));
    y->rank = x->rank;
    y->dims[0] = x->dims[0];
    y->dims[1] = w->dims[0];
    for (int i = 2; i < x->rank; i++) y->dims[i] = IG_DIM_UNKNOWN;
    if (!ig_type_static(w)) return INGOT_OK;
    IG_TRY(ig_window_make(&s, &a->window, x->rank - 2, x->dims + 2, w->dims + 2, c->node, c->err));
    for (int i = 0; i < s.n; i++)
        if (s.out[i] >= 0) y->dims[i + 2] = s.out[i];
    return INGOT_OK;
}

/* ---- bind ---- */

typedef struct {
    gemm_i8_fn *gemm;
    gemm_i8_acts_fn *pack;
    transpose_fn *transpose, *turn_out; /* of x, of finished tiles */
    dw_i8_fn *dw;
    ig_i8_weights w;
    ig_i8_finish finish;
    ig_window win;
    size_t batch, c, m, groups, c_each, m_each; /* channels; _each: of a group */
    size_t p_in, p_out, taps, blocks;           /* positions; blocks of them in an image */
    int64_t *tap;                               /* [taps, spatial]: offsets in x */
    bool x_signed, w_signed, depthwise, direct; /* direct: a window is one position of x */
    size_t at_x, at_words;                      /* scratch: x with channels last; depthwise w */
    size_t at_worker, worker_bytes, out_bytes;
    size_t at_acts, at_sums, at_zeros, at_tile, at_done, at_taps; /* within a worker's part */
} state;

static ingot_status measure(state *s, const ig_bind *b)
{
    const conv_integer_attrs *a = b->attrs;
    const ig_type *x = b->in[X], *w = b->in[W], *y = b->out[0];
    IG_TRY(ig_window_make(&s->win, &a->window, x->rank - 2, x->dims + 2, w->dims + 2, b->node,
                          b->err));
    s->batch = (size_t)x->dims[0], s->c = (size_t)x->dims[1], s->m = (size_t)w->dims[0];
    s->groups = (size_t)a->group;
    s->c_each = (size_t)w->dims[1], s->m_each = s->m / s->groups;
    s->p_in = ig_dims_product(x->dims, 2, x->rank);
    s->p_out = ig_dims_product(y->dims, 2, y->rank);
    s->taps = ig_dims_product(w->dims, 2, w->rank);
    s->blocks = s->p_out / IG_I8_ROWS + (s->p_out % IG_I8_ROWS != 0);
    s->x_signed = x->dtype == INGOT_I8, s->w_signed = w->dtype == INGOT_I8;
    s->depthwise = s->c_each == 1 && s->m_each == 1;
    s->direct = s->groups == 1 && s->p_in == s->p_out && s->taps == 1;
    for (int i = 0; i < s->win.n; i++)
        if (s->win.stride[i] != 1 || s->win.begin[i]) s->direct = false;
    return INGOT_OK;
}

static bool list_taps(state *s, ig_arena *arena)
{
    const int n = s->win.n;
    s->tap = ig_new_n(arena, int64_t, s->taps * (size_t)n + 1);
    if (!s->tap) return false;
    for (size_t t = 0; t < s->taps; t++) {
        size_t rest = t;
        for (int d = n - 1; d >= 0; d--) {
            const size_t k = (size_t)s->win.kernel[d];
            s->tap[t * (size_t)n + (size_t)d] = (int64_t)(rest % k) * s->win.dilation[d];
            rest /= k;
        }
    }
    return true;
}

/* Panel `i` of all groups' panels; rows [16, k] is room for its channels, taps first. */
static void pack_panel(const state *s, const uint8_t *w, uint8_t *panels, int32_t *sums, size_t i,
                       uint8_t *rows)
{
    const size_t each = s->w.n16 / GEMM_I8_PANEL, k = s->w.k;
    const size_t first = i % each * GEMM_I8_PANEL;
    const size_t n = IG_MIN(s->m_each - first, (size_t)GEMM_I8_PANEL);
    w += (i / each * s->m_each + first) * k;
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c < s->c_each; c++)
            for (size_t t = 0; t < s->taps; t++)
                rows[r * k + t * s->c_each + c] = w[r * k + c * s->taps + t];
    ig_gemm_i8_pack_weights(panels + i * (s->w.bytes / each), sums + i * GEMM_I8_PANEL, rows,
                            s->w_signed, n, k, k, 1);
}

static ingot_status bind_worker(state *s, ig_bind *b)
{
    const size_t before = b->scratch_bytes, k = s->w.k, rows = IG_I8_ROWS;
    size_t acts, gathered, at;
    b->scratch_bytes = 0; /* count one worker's part alone */
    if (!ig_gemm_i8_acts_bytes(rows, k, &acts) || !ig_mul_ok(rows, k, &gathered))
        return ig_bind_fail(b, "the windows are too large");
    IG_TRY(ig_scratch_add(b, gathered, 1, &at));
    IG_TRY(ig_scratch_add(b, acts, 1, &s->at_acts));
    IG_TRY(ig_scratch_add(b, rows, sizeof(int32_t), &s->at_sums));
    IG_TRY(ig_scratch_add(b, rows, sizeof(int32_t), &s->at_zeros));
    IG_TRY(ig_scratch_add(b, rows * IG_I8_COLS, sizeof(int32_t), &s->at_tile));
    IG_TRY(ig_scratch_add(b, rows * IG_I8_COLS, s->out_bytes, &s->at_done));
    IG_TRY(ig_scratch_add(b, s->taps, 2 * sizeof(void *), &s->at_taps));
    s->worker_bytes = b->scratch_bytes;
    b->scratch_bytes = before;
    return ig_scratch_add(b, IG_MAX(b->n_threads, (size_t)1), s->worker_bytes, &s->at_worker);
}

static ingot_status bind(ig_bind *b)
{
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    s->gemm = ig_gemm_i8();
    s->pack = ig_gemm_i8_acts();
    s->transpose = ig_transpose(1);
    s->out_bytes = ig_dtype(b->out[0]->dtype)->bytes;
    s->turn_out = ig_transpose(s->out_bytes);
    s->dw = ig_dw_i8();
    s->finish = ig_i8_finish_bind(b);
    IG_TRY(measure(s, b));
    if (!list_taps(s, b->arena)) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    const ig_tensor *known = s->depthwise ? NULL : b->known[W];
    const size_t count = s->depthwise ? 0 : s->groups;
    IG_TRY(ig_i8_weights_bind(&s->w, b, count, s->m_each, s->taps * s->c_each, b->in[W]->dtype,
                              known != NULL));
    IG_TRY(ig_scratch_add(b, s->batch * s->c, s->p_in, &s->at_x));
    if (s->depthwise) IG_TRY(ig_scratch_add(b, s->taps * s->c, sizeof(int16_t), &s->at_words));
    IG_TRY(bind_worker(s, b));
    b->kernel = s->depthwise ? "depthwise" : s->direct ? "pointwise" : "gemm_i8";
    if (!known) return INGOT_OK;
    size_t room;
    uint8_t *rows = NULL;
    if (ig_mul_ok(s->w.k, (size_t)GEMM_I8_PANEL, &room))
        rows = ig_arena_take(b->arena, IG_MAX(room, (size_t)1));
    if (!rows) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory to pack weights");
    for (size_t i = 0; i < count * (s->w.n16 / GEMM_I8_PANEL); i++)
        pack_panel(s, known->data, s->w.panels, s->w.sums, i, rows);
    return INGOT_OK;
}

/* ---- run ---- */

typedef struct {
    const state *s;
    const ig_run *r;
    const uint8_t *x; /* channels last */
    ig_i8_finish finish;
    int32_t x_zero;
} job;

enum { COLUMNS = 64 }; /* of a transposing task */

static void turn(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    const state *s = j->s;
    const size_t each = s->p_in / COLUMNS + (s->p_in % COLUMNS != 0);
    for (size_t i = begin; i < end; i++) {
        const size_t image = i / each * s->c * s->p_in, col = i % each * COLUMNS;
        const transpose_shape t = {.batch = 1,
                                   .rows = s->c,
                                   .cols = IG_MIN(s->p_in - col, (size_t)COLUMNS),
                                   .x_row = s->p_in,
                                   .y_row = s->c};
        s->transpose((uint8_t *)ig_piece(j->r, s->at_x) + image + col * s->c,
                     (const uint8_t *)j->r->in[X]->data + image + col, &t);
    }
}

static void pack_panels(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const state *s = j->s;
    uint8_t *rows = (uint8_t *)ig_piece(j->r, s->at_worker) + worker * s->worker_bytes;
    for (size_t i = begin; i < end; i++)
        pack_panel(s, j->r->in[W]->data, ig_i8_panels(&s->w, j->r), ig_i8_sums(&s->w, j->r), i,
                   rows);
}

/* Depthwise weights less their zero points, [taps, c]. */
static void widen_weights(const job *j)
{
    const state *s = j->s;
    const ig_tensor *w = j->r->in[W], *zero = j->r->n_in > W_ZERO ? j->r->in[W_ZERO] : NULL;
    const size_t zeros = zero ? ig_tensor_elements(zero) : 0;
    int16_t *words = ig_piece(j->r, s->at_words);
    for (size_t c = 0; c < s->c; c++) {
        const int64_t z = zeros ? ig_to_int(zero->data, zero->dtype, zeros > 1 ? c : 0) : 0;
        for (size_t t = 0; t < s->taps; t++)
            words[t * s->c + c] = (int16_t)(ig_to_int(w->data, w->dtype, c * s->taps + t) - z);
    }
}

/* Where the window of output position p begins in x; it may be outside. */
static void origin(const state *s, size_t p, int64_t at[IG_SPATIAL])
{
    for (int d = s->win.n - 1; d >= 0; d--) {
        const size_t out = (size_t)s->win.out[d];
        at[d] = (int64_t)(p % out) * s->win.stride[d] - s->win.begin[d];
        p /= out;
    }
}

/* The position in x of tap t, or -1 in the padding. */
static int64_t tap_at(const state *s, const int64_t at[IG_SPATIAL], size_t t)
{
    const int64_t *tap = s->tap + t * (size_t)s->win.n;
    int64_t p = 0;
    for (int d = 0; d < s->win.n; d++) {
        const int64_t i = at[d] + tap[d];
        if (i < 0 || i >= s->win.in[d]) return -1;
        p = p * s->win.in[d] + i;
    }
    return p;
}

/* rows windows from output position p on, as rows of k bytes, of group g of an image x. */
static void gather(const job *j, uint8_t *to, const uint8_t *x, size_t p, size_t rows, size_t g)
{
    const state *s = j->s;
    int64_t at[IG_SPATIAL];
    for (size_t r = 0; r < rows; r++) {
        origin(s, p + r, at);
        for (size_t t = 0; t < s->taps; t++, to += s->c_each) {
            const int64_t from = tap_at(s, at, t);
            if (from < 0)
                memset(to, (int)(uint8_t)j->x_zero, s->c_each);
            else
                memcpy(to, x + (size_t)from * s->c + g * s->c_each, s->c_each);
        }
    }
}

/* The tile's columns are channels from `first` on: finished row by row, then turned, for each is a
 * piece of a row of y. */
static void leave(const job *j, char *mine, size_t image, size_t p, size_t rows, size_t first,
                  size_t cols)
{
    const state *s = j->s;
    int32_t *tile = (int32_t *)(mine + s->at_tile);
    char *done = mine + s->at_done;
    for (size_t r = 0; r < rows; r++)
        ig_i8_finish_row(&j->finish, done, r * IG_I8_COLS, tile + r * IG_I8_COLS, first, cols);
    const transpose_shape t = {
        .batch = 1, .rows = rows, .cols = cols, .x_row = IG_I8_COLS, .y_row = s->p_out};
    const size_t at = (image * s->m + first) * s->p_out + p;
    s->turn_out((char *)j->r->out[0]->data + at * s->out_bytes, done, &t);
}

static void group_products(const job *j, char *mine, size_t image, size_t p, size_t rows, size_t g)
{
    const state *s = j->s;
    const uint8_t *x = j->x + image * s->p_in * s->c, *a = x + p * s->c;
    int32_t *tile = (int32_t *)(mine + s->at_tile), *zeros = (int32_t *)(mine + s->at_zeros);
    if (!s->direct) {
        gather(j, (uint8_t *)mine, x, p, rows, g);
        a = (const uint8_t *)mine;
    }
    s->pack(mine + s->at_acts, (int32_t *)(mine + s->at_sums), a, s->x_signed, rows, s->w.k,
            s->w.k);
    for (size_t r = 0; r < rows; r++) zeros[r] = j->x_zero - (s->x_signed ? 0 : 128);
    for (size_t col = 0; col < s->m_each; col += IG_I8_COLS) {
        gemm_i8_args q = {.c = tile,
                          .acts = mine + s->at_acts,
                          .a_sum = (int32_t *)(mine + s->at_sums),
                          .a_zero = zeros,
                          .c_row = IG_I8_COLS};
        ig_i8_operand(&q, &s->w, j->r, g);
        q.n = IG_MIN(s->m_each - col, (size_t)IG_I8_COLS);
        q.panels += col / GEMM_I8_PANEL * (s->w.bytes / (s->w.n16 / GEMM_I8_PANEL));
        q.w_zero += col;
        q.w_fix += col;
        s->gemm(&q, 0, rows, 0, (q.n + GEMM_I8_PANEL - 1) / GEMM_I8_PANEL);
        leave(j, mine, image, p, rows, g * s->m_each + col, q.n);
    }
}

static void depthwise(const job *j, char *mine, size_t image, size_t p, size_t rows)
{
    const state *s = j->s;
    const uint8_t *x = j->x + image * s->p_in * s->c, flip = s->x_signed ? 0x80 : 0;
    const int16_t *words = ig_piece(j->r, s->at_words);
    const int16_t zero = (int16_t)(j->x_zero + (s->x_signed ? 128 : 0));
    const uint8_t **from = (const uint8_t **)(void *)(mine + s->at_taps);
    const int16_t **by = (const int16_t **)(void *)(from + s->taps);
    int64_t at[IG_SPATIAL];
    for (size_t col = 0; col < s->c; col += IG_I8_COLS) {
        const size_t n = IG_MIN(s->c - col, (size_t)IG_I8_COLS);
        for (size_t r = 0; r < rows; r++) {
            size_t taps = 0; /* those in the padding are left out */
            origin(s, p + r, at);
            for (size_t t = 0; t < s->taps; t++) {
                const int64_t place = tap_at(s, at, t);
                if (place < 0) continue;
                from[taps] = x + (size_t)place * s->c + col;
                by[taps++] = words + t * s->c + col;
            }
            s->dw((int32_t *)(mine + s->at_tile) + r * IG_I8_COLS, from, by, taps, n, flip, zero);
        }
        leave(j, mine, image, p, rows, col, n);
    }
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const state *s = j->s;
    char *mine = (char *)ig_piece(j->r, s->at_worker) + worker * s->worker_bytes;
    for (size_t i = begin; i < end; i++) {
        const size_t p = i % s->blocks * IG_I8_ROWS;
        const size_t rows = IG_MIN(s->p_out - p, (size_t)IG_I8_ROWS);
        if (s->depthwise)
            depthwise(j, mine, i / s->blocks, p, rows);
        else
            for (size_t g = 0; g < s->groups; g++)
                group_products(j, mine, i / s->blocks, p, rows, g);
    }
}

static void prepare(job *j)
{
    const state *s = j->s;
    const ig_run *r = j->r;
    const ig_tensor *zero = r->n_in > X_ZERO ? r->in[X_ZERO] : NULL;
    if (zero) j->x_zero = (int32_t)ig_to_int(zero->data, zero->dtype, 0);
    j->x = r->in[X]->data;
    if (s->c > 1 && s->p_in > 1) {
        const size_t each = s->p_in / COLUMNS + (s->p_in % COLUMNS != 0);
        ig_parallel(r->pool, s->batch * each, 4 * IG_GRAIN / (s->c * COLUMNS) + 1, 0, turn, j);
        j->x = ig_piece(r, s->at_x);
    }
    if (s->depthwise) {
        widen_weights(j);
        return;
    }
    if (!s->w.constant)
        ig_parallel(r->pool, s->groups * (s->w.n16 / GEMM_I8_PANEL), 1, 0, pack_panels, j);
    ig_i8_zeros(&s->w, r, r->n_in > W_ZERO ? r->in[W_ZERO] : NULL);
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    job j = {.s = s, .r = r, .finish = s->finish};
    if (!s->batch || !s->p_out || !s->m) return INGOT_OK;
    ig_i8_finish_run(&j.finish, r, FINISH);
    prepare(&j);
    ig_parallel(r->pool, s->batch * s->blocks, 1, 0, work, &j);
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
    .flags = IG_OP_KEEP_BIND,
    .attrs = attrs,
    .attrs_bytes = sizeof(conv_integer_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .cost = cost,
};
