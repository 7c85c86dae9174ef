/* rnn_run.c - the work of rnn, gru and lstm, one direction after the other or both at once.
 *
 * One product takes the whole input to the sums before the gates, biases included; then each step
 * adds the product of the state. Constant weights lie in panels in the file, or are packed when
 * the node is bound; others are packed on every run. The reverse direction walks the time
 * backwards: a sequence that is shorter than T keeps its initial state until its last element is
 * reached, so all sequences are at the same time in every step and share one product. Small steps
 * run on the calling thread; larger ones are split by columns or rows, which does not change a bit.
 * Two directions whose steps are too small to be split run on a thread each, with scratch of their
 * own: a sequence alone reads R from its core's own cache once a step, and that bounds it. */
#include "runtime/ops/rnn.h"
#include "runtime/ops/product.h"
#include "runtime/base/checked.h"

#include <string.h>

/* A matrix of each direction: rows [first, first + n) of an input [D, rows, k]. */
typedef struct {
    uint32_t input;
    size_t first, n, k, rows;
    const void *panels[2]; /* of constants, else NULL */
    size_t at[2];          /* scratch for the panels of a direction */
    ig_wide wide;          /* the input, where it is no constant */
} weights;

enum { WX, RH, RN, N_WEIGHTS }; /* RN: the h part of a gru's R, apart from z and r */

/* Where a direction's memory lies in the scratch. */
typedef struct {
    size_t sums, gates, h, c, reset, rest, bias, rest_bias, peephole;
} pieces;

typedef struct {
    ig_rnn_cell cells[2];
    ig_product_kernels kernels;
    ig_calc calc;
    size_t time, batch, hidden, gates, dirs;
    size_t x_t, x_b; /* distance of rows of X: from one time, from one sequence to the next */
    weights w[N_WEIGHTS];
    ig_wide x;
    pieces at[2]; /* of the directions: the same ones unless they run at once */
    size_t lens;  /* in scratch */
    bool at_once;
} rnn_state;

static bool is_linear(const ig_rnn_attrs *a, ig_rnn_kind kind)
{
    return kind == IG_GRU && a->linear_before_reset;
}

/* ---- bind ---- */

static ingot_status pack_constant(weights *w, ig_bind *b, const rnn_state *s, size_t elements)
{
    const size_t each = ig_calc_bytes(s->calc);
    const void *plain = ig_wide_constant(b, b->known[w->input], s->calc);
    if (!plain) return INGOT_E_NOMEM;
    for (size_t d = 0; d < s->dirs; d++) {
        void *panels = ig_arena_array(b->arena, elements, each);
        if (!panels) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for weights");
        const char *src = (const char *)plain + (d * w->rows + w->first) * w->k * each;
        ig_product_pack(&s->kernels, panels, src, w->k, w->n, 1, w->k, 0, ig_gemm_panels(w->n));
        w->panels[d] = panels;
    }
    return INGOT_OK;
}

/* Panels from the file (IG_P16_TURNED), of all rows of a direction. */
static ingot_status take_panels(weights *w, ig_bind *b, const rnn_state *s)
{
    const size_t each = ig_calc_bytes(s->calc), panel = IG_PANEL * w->k * each;
    if (b->in[w->input]->dtype != INGOT_F32 || w->first % IG_PANEL)
        return ig_bind_fail(b, "these weights cannot lie in panels");
    const char *panels = b->known[w->input]->data;
    for (size_t d = 0; d < s->dirs; d++)
        w->panels[d] = panels + (d * ig_gemm_panels(w->rows) + w->first / IG_PANEL) * panel;
    return INGOT_OK;
}

static ingot_status bind_weights(weights *w, ig_bind *b, const rnn_state *s, size_t first, size_t n)
{
    const ig_type *t = b->in[w->input];
    size_t elements;
    w->first = first;
    w->n = n;
    w->rows = (size_t)t->dims[1];
    w->k = (size_t)t->dims[2];
    if (!ig_product_packed(w->k, n, &elements)) return ig_bind_fail(b, "the weights are too large");
    if (b->in_layout[w->input] != IG_PLAIN) return take_panels(w, b, s);
    if (b->known[w->input]) return pack_constant(w, b, s, elements);
    IG_TRY(ig_wide_bind(&w->wide, b, t, s->calc));
    const size_t each = ig_calc_bytes(s->calc);
    IG_TRY(ig_scratch_add(b, elements, each, &w->at[0]));
    w->at[1] = w->at[0];
    return s->at_once ? ig_scratch_add(b, elements, each, &w->at[1]) : INGOT_OK;
}

static ingot_status bind_pieces(pieces *at, const rnn_state *s, ig_bind *b)
{
    const size_t each = ig_calc_bytes(s->calc), sums = s->gates * s->hidden;
    size_t rows, all, state, gates;
    if (!ig_mul_ok(s->time, s->batch, &rows) || !ig_mul_ok(rows, sums, &all) ||
        !ig_mul_ok(s->batch, s->hidden, &state) || !ig_mul_ok(s->batch, sums, &gates))
        return ig_bind_fail(b, "the sequences are too large");
    IG_TRY(ig_scratch_add(b, all, each, &at->sums));
    IG_TRY(ig_scratch_add(b, gates, each, &at->gates));
    IG_TRY(ig_scratch_add(b, state, each, &at->h));
    IG_TRY(ig_scratch_add(b, state, each, &at->c));
    IG_TRY(ig_scratch_add(b, state, each, &at->reset));
    IG_TRY(ig_scratch_add(b, state, each, &at->rest));
    IG_TRY(ig_scratch_add(b, sums, each, &at->bias));
    IG_TRY(ig_scratch_add(b, sums, each, &at->rest_bias));
    return ig_scratch_add(b, 3 * s->hidden, each, &at->peephole);
}

static ingot_status bind_scratch(rnn_state *s, ig_bind *b)
{
    IG_TRY(bind_pieces(&s->at[0], s, b));
    s->at[1] = s->at[0];
    if (s->at_once) IG_TRY(bind_pieces(&s->at[1], s, b));
    return ig_scratch_add(b, s->batch, sizeof(size_t), &s->lens);
}

/* Steps of fewer products than this are not worth splitting: a barrier or two each. */
enum { SMALL_STEP = 1 << 20 };

static bool runs_at_once(const rnn_state *s, size_t n_threads)
{
    const double step = (double)s->batch * (double)s->gates * (double)s->hidden * (double)s->hidden;
    return s->dirs == 2 && n_threads > 1 && (n_threads == 2 || step < SMALL_STEP);
}

ingot_status ig_rnn_bind(ig_bind *b, ig_rnn_kind kind)
{
    const ig_rnn_attrs *a = b->attrs;
    const ig_type *x = b->in[IG_RNN_X];
    rnn_state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    for (uint32_t i = 0; i < b->n_in; i++) {
        const bool matrix = i == IG_RNN_W || i == IG_RNN_R;
        if (b->in[i] && b->in_layout[i] != IG_PLAIN &&
            (!matrix || b->in_layout[i] != IG_P16_TURNED))
            return ig_bind_fail(b, "input %u has a layout that it cannot have here", i);
    }
    s->calc = ig_calc_float(x->dtype);
    s->kernels = ig_product_choose(s->calc);
    s->time = (size_t)x->dims[a->layout ? 1 : 0];
    s->batch = (size_t)x->dims[a->layout ? 0 : 1];
    s->hidden = (size_t)b->in[IG_RNN_R]->dims[2];
    s->gates = ig_rnn_gates(kind);
    s->dirs = a->direction == IG_RNN_BIDIRECTIONAL ? 2 : 1;
    s->at_once = runs_at_once(s, b->n_threads);
    s->x_t = a->layout ? 1 : s->batch;
    s->x_b = a->layout ? s->time : 1;
    const char *wrong = ig_rnn_cells(s->cells, kind, a, s->calc);
    if (wrong) return ig_bind_fail(b, "%s", wrong);
    for (size_t d = 0; d < s->dirs; d++) s->cells[d].hidden = s->hidden;
    const size_t all = s->gates * s->hidden, apart = kind == IG_GRU ? s->hidden : 0;
    s->w[WX].input = IG_RNN_W;
    s->w[RH].input = s->w[RN].input = IG_RNN_R;
    IG_TRY(ig_wide_bind(&s->x, b, x, s->calc));
    IG_TRY(bind_weights(&s->w[WX], b, s, 0, all));
    IG_TRY(bind_weights(&s->w[RH], b, s, 0, all - apart));
    if (apart) IG_TRY(bind_weights(&s->w[RN], b, s, all - apart, apart));
    b->kernel = s->cells[0].usual ? "panels" : "panels, plain cells";
    return bind_scratch(s, b);
}

/* ---- what a direction starts from ---- */

typedef struct {
    ig_run *r;
    const rnn_state *s;
    const pieces *at;
    size_t d;
    bool linear;
    const void *panels[N_WEIGHTS];
    ig_rnn_rows rows;
    const size_t *lens;
    size_t t; /* of the step */
} direction;

static void load(void *to, ig_calc calc, const ig_tensor *t, size_t at, size_t n)
{
    const size_t each = ig_calc_bytes(calc);
    for (size_t i = 0; i < n; i += IG_BLOCK) {
        ig_block block;
        const size_t m = IG_MIN(n - i, (size_t)IG_BLOCK);
        ig_load(&block, calc, t->data, t->dtype, at + i, m);
        memcpy((char *)to + i * each, &block, m * each);
    }
}

static void store(const ig_tensor *t, size_t at, const void *from, ig_calc calc, size_t n)
{
    for (size_t i = 0; i < n; i += IG_BLOCK)
        ig_store(t->data, t->dtype, at + i, (const char *)from + i * ig_calc_bytes(calc), calc,
                 IG_MIN(n - i, (size_t)IG_BLOCK));
}

static const ig_tensor *given(const ig_run *r, uint32_t i) { return i < r->n_in ? r->in[i] : NULL; }

static ig_pack_pair same_pair(const void *arg, size_t i)
{
    (void)i;
    return *(const ig_pack_pair *)arg;
}

static void take_weights(direction *j, const void *const *plain)
{
    const rnn_state *s = j->s;
    for (size_t k = 0; k < N_WEIGHTS; k++) {
        const weights *w = &s->w[k];
        j->panels[k] = w->panels[j->d];
        if (!w->n || j->panels[k]) continue;
        const size_t skip = (j->d * w->rows + w->first) * w->k;
        const ig_pack_pair pair = {ig_piece(j->r, w->at[j->d]),
                                   (const char *)plain[k] + skip * ig_calc_bytes(s->calc)};
        ig_product_pack_all(&s->kernels, j->r->pool, w->k, w->n, 1, w->k, 1, same_pair, &pair);
        j->panels[k] = pair.panels;
    }
}

/* bias = Wb + Rb; the h part of Rb waits for the state's product where a gru is linear. */
static void take_biases(const direction *j)
{
    const rnn_state *s = j->s;
    const size_t n = s->gates * s->hidden, apart = j->linear ? s->hidden : 0;
    const ig_tensor *b = given(j->r, IG_RNN_B);
    void *bias = ig_piece(j->r, j->at->bias), *rest = ig_piece(j->r, j->at->rest_bias);
    memset(bias, 0, n * ig_calc_bytes(s->calc));
    memset(rest, 0, n * ig_calc_bytes(s->calc));
    if (!b) return;
    load(bias, s->calc, b, j->d * 2 * n, n);
    load(rest, s->calc, b, j->d * 2 * n + n, n);
    if (s->calc == IG_CALC_F32)
        for (size_t i = 0; i < n - apart; i++) ((float *)bias)[i] += ((float *)rest)[i];
    else
        for (size_t i = 0; i < n - apart; i++) ((double *)bias)[i] += ((double *)rest)[i];
}

/* Element of a state [D, B, H] or [B, D, H] where sequence b begins. */
static size_t state_at(const direction *j, size_t b)
{
    const ig_rnn_attrs *a = j->r->attrs;
    const rnn_state *s = j->s;
    return (a->layout ? b * s->dirs + j->d : j->d * s->batch + b) * s->hidden;
}

static void take_state(const direction *j, void *to, const ig_tensor *t)
{
    const rnn_state *s = j->s;
    const size_t bytes = s->hidden * ig_calc_bytes(s->calc);
    for (size_t b = 0; b < s->batch; b++) {
        char *row = (char *)to + b * bytes;
        if (t)
            load(row, s->calc, t, state_at(j, b), s->hidden);
        else
            memset(row, 0, bytes);
    }
}

static void give_state(const direction *j, const ig_tensor *t, const void *from)
{
    const rnn_state *s = j->s;
    const size_t bytes = s->hidden * ig_calc_bytes(s->calc);
    for (size_t b = 0; t && b < s->batch; b++)
        store(t, state_at(j, b), (const char *)from + b * bytes, s->calc, s->hidden);
}

/* ---- steps ---- */

static void multiply_input(const direction *j, const void *x)
{
    const rnn_state *s = j->s;
    const size_t n = s->gates * s->hidden, k = s->w[WX].k;
    const ig_product p = {
        .c = ig_piece(j->r, j->at->sums),
        .a = x,
        .b = j->panels[WX],
        .m = s->time * s->batch,
        .n = n,
        .k = k,
        .ldc = n,
        .lda = k,
        .scale = 1,
        .bias = ig_piece(j->r, j->at->bias),
    };
    ig_product_run(&s->kernels, j->r->pool, &p, 1, NULL, NULL);
}

/* Columns [first, first + n) of the gates: a R, added to the input's sums. */
static void multiply_state(const direction *j, int which, const void *a, size_t first)
{
    const rnn_state *s = j->s;
    const size_t each = ig_calc_bytes(s->calc), all = s->gates * s->hidden;
    const char *sums = (const char *)ig_piece(j->r, j->at->sums) + j->t * s->x_t * all * each;
    const ig_product p = {
        .c = (char *)j->rows.gates + first * each,
        .a = a,
        .b = j->panels[which],
        .m = s->batch,
        .n = s->w[which].n,
        .k = s->hidden,
        .ldc = all,
        .lda = s->hidden,
        .scale = 1,
        .residual = sums + first * each,
        .ld_residual = s->x_b * all,
    };
    ig_product_run(&s->kernels, j->r->pool, &p, 1, NULL, NULL);
}

/* A linear gru: rest = h Rh + Rbh; its gate h holds the input's sums alone. */
static void multiply_rest(const direction *j)
{
    const rnn_state *s = j->s;
    const size_t h = s->hidden, each = ig_calc_bytes(s->calc);
    const char *sums = (const char *)ig_piece(j->r, j->at->sums) + j->t * s->x_t * 3 * h * each;
    const ig_product p = {
        .c = ig_piece(j->r, j->at->rest),
        .a = j->rows.h,
        .b = j->panels[RN],
        .m = s->batch,
        .n = h,
        .k = h,
        .ldc = h,
        .lda = h,
        .scale = 1,
        .bias = (char *)ig_piece(j->r, j->at->rest_bias) + 2 * h * each,
    };
    ig_product_run(&s->kernels, j->r->pool, &p, 1, NULL, NULL);
    for (size_t b = 0; b < s->batch; b++)
        memcpy((char *)j->rows.gates + (b * 3 + 2) * h * each,
               sums + (b * s->x_b * 3 + 2) * h * each, h * each);
}

/* The rows of [begin, end) whose sequences reach as far as this step, run by run. */
static void each_run(const direction *j, size_t begin, size_t end,
                     void (*fn)(const ig_rnn_cell *, const ig_rnn_rows *, size_t, size_t))
{
    while (begin < end) {
        size_t to = begin;
        while (to < end && j->lens[to] > j->t) to++;
        if (to > begin) fn(&j->s->cells[j->d], &j->rows, begin, to);
        begin = to + 1;
    }
}

static void reset_range(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    each_run(arg, begin, end, ig_rnn_reset);
}

static void step_range(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const direction *j = arg;
    const rnn_state *s = j->s;
    const ig_rnn_attrs *a = j->r->attrs;
    const ig_tensor *y = j->r->out[IG_RNN_Y];
    each_run(j, begin, end, ig_rnn_step);
    for (size_t b = begin; y && b < end; b++) {
        const size_t outer = a->layout ? (b * s->time + j->t) * s->dirs + j->d
                                       : (j->t * s->dirs + j->d) * s->batch + b;
        const size_t bytes = s->hidden * ig_dtype(y->dtype)->bytes;
        if (j->lens[b] <= j->t)
            memset((char *)y->data + outer * bytes, 0, bytes);
        else
            store(y, outer * s->hidden,
                  (const char *)j->rows.h + b * s->hidden * ig_calc_bytes(s->calc), s->calc,
                  s->hidden);
    }
}

static void step(direction *j)
{
    const rnn_state *s = j->s;
    const size_t grain = IG_GRAIN / 8 / (s->hidden + 1) + 1;
    multiply_state(j, RH, j->rows.h, 0);
    if (j->linear) {
        multiply_rest(j);
    } else if (s->w[RN].n) {
        ig_parallel(j->r->pool, s->batch, grain, 0, reset_range, j);
        multiply_state(j, RN, j->rows.reset, 2 * s->hidden);
    }
    ig_parallel(j->r->pool, s->batch, grain, 0, step_range, j);
}

/* ---- run ---- */

static ingot_status take_lens(ig_run *r, const rnn_state *s, size_t *lens)
{
    const ig_tensor *t = given(r, IG_RNN_LENS);
    for (size_t b = 0; b < s->batch; b++) {
        const int64_t n = t ? ig_load_i64(t->data, t->dtype, b) : (int64_t)s->time;
        if (n < 0 || (uint64_t)n > s->time)
            return ig_run_fail(r, "sequence_lens[%zu] is %lld, the sequences have %zu elements", b,
                               (long long)n, s->time);
        lens[b] = (size_t)n;
    }
    return INGOT_OK;
}

static void run_direction(direction *j, const void *x, const void *const *plain)
{
    const rnn_state *s = j->s;
    ig_run *r = j->r;
    const ig_rnn_attrs *a = r->attrs;
    const bool reverse = a->direction == IG_RNN_REVERSE || j->d == 1;
    take_weights(j, plain);
    take_biases(j);
    take_state(j, j->rows.h, given(r, IG_RNN_H0));
    take_state(j, j->rows.c, given(r, IG_RNN_C0));
    const ig_tensor *peephole = given(r, IG_RNN_P);
    if (peephole) {
        load(ig_piece(r, j->at->peephole), s->calc, peephole, j->d * 3 * s->hidden, 3 * s->hidden);
        j->rows.peephole = ig_piece(r, j->at->peephole);
    }
    multiply_input(j, x);
    for (size_t i = 0; i < s->time && !ig_run_cancelled(r); i++) {
        j->t = reverse ? s->time - 1 - i : i;
        step(j);
    }
    if (r->n_out > IG_RNN_Y_H) give_state(j, r->out[IG_RNN_Y_H], j->rows.h);
    if (r->n_out > IG_RNN_Y_C) give_state(j, r->out[IG_RNN_Y_C], j->rows.c);
}

typedef struct {
    ig_run *r;
    const void *x, *plain[N_WEIGHTS];
} rnn_job;

static void directions(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const rnn_job *job = arg;
    ig_run *r = job->r;
    const rnn_state *s = r->state;
    const bool linear = is_linear(r->attrs, s->cells[0].kind);
    for (size_t d = begin; d < end; d++) {
        const pieces *at = &s->at[d];
        direction j = {
            .r = r,
            .s = s,
            .at = at,
            .d = d,
            .linear = linear,
            .lens = ig_piece(r, s->lens),
            .rows = {.h = ig_piece(r, at->h),
                     .c = ig_piece(r, at->c),
                     .reset = ig_piece(r, at->reset),
                     .gates = ig_piece(r, at->gates),
                     .rest = linear ? ig_piece(r, at->rest) : NULL},
        };
        run_direction(&j, job->x, job->plain);
    }
}

ingot_status ig_rnn_run(ig_run *r)
{
    const rnn_state *s = r->state;
    IG_TRY(take_lens(r, s, ig_piece(r, s->lens)));
    if (!s->hidden) return INGOT_OK;
    rnn_job job = {.r = r, .x = ig_wide_in(&s->x, r, r->in[IG_RNN_X])};
    for (size_t k = 0; k < N_WEIGHTS; k++)
        job.plain[k] = s->w[k].panels[0] || !s->w[k].n
                           ? NULL
                           : ig_wide_in(&s->w[k].wide, r, r->in[s->w[k].input]);
    if (s->at_once)
        ig_parallel(r->pool, s->dirs, 1, 0, directions, &job);
    else
        directions(&job, 0, s->dirs, 0);
    if (ig_run_cancelled(r)) return ig_node_fail(r->err, INGOT_E_CANCELLED, r->node, "cancelled");
    return INGOT_OK;
}
