/* llm_experts.c - glu: the bits of product, activation and multiplication, for every type of
 * weights; moe: a loop over tokens and their experts, ties and all; neither rows beside a row nor
 * threads change a bit; what cannot be is refused. */
#include "tests/graph/small.h"
#include "tests/llm/low_bits.h"
#include "kernels/gemm/glu.h"
#include "kernels/unary/unary.h"
#include "runtime/base/checked.h"
#include "runtime/base/half.h"
#include "runtime/ops/q_product.h"

static uint32_t seed;

static float *floats(size_t n, float size)
{
    float *p = malloc((n + 1) * sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = size * ((float)low_next(&seed) * 0x1p-23f - 1);
    return p;
}

/* ---- weights of any type ---- */

typedef struct {
    ingot_dtype dtype; /* U8: low bits */
    const ig_q_format *format;
    bool rounds;              /* x, in the way that the format has */
    size_t n, k, count, each; /* columns; matrices, bytes of one */
    char *data;
} weights;

static ig_gemm_f32_args no_args;

static bool is_e4m3(const ig_q_format *f) { return f && f->offset == IG_Q_E4M3; }
static const char *acts_of(const weights *w)
{
    return !w->rounds ? "f32" : is_e4m3(w->format) ? "f8" : "a8";
}

static weights make_weights(ingot_dtype dtype, const char *format, bool rounds, size_t n, size_t k,
                            size_t count)
{
    weights w = {dtype, format ? ig_q_format_named(format) : NULL, rounds, n, k, count, 0, NULL};
    const size_t depth = dtype == INGOT_BF16 ? ig_gemm_even(k) : k;
    w.each = ig_gemm_packed(depth, n) * ig_dtype(dtype)->bytes;
    if (w.format) assert_true(ig_q_bytes(w.format, n, k, &w.each));
    w.data = malloc(w.each * count);
    for (size_t i = 0; i < count; i++) {
        float *rows = w.format ? NULL : floats(n * k, 0.3f);
        uint16_t *half = malloc(n * k * sizeof *half);
        void *to = w.data + i * w.each;
        for (size_t e = 0; rows && e < n * k; e++)
            half[e] = dtype == INGOT_BF16 ? ig_f32_to_bf16(rows[e]) : ig_f32_to_f16(rows[e]);
        const size_t p = ig_gemm_panels(n);
        if (dtype == INGOT_F32) ig_gemm_pack_f32()(to, rows, k, n, n, 1, 0, p);
        if (dtype == INGOT_F16) ig_gemm_pack_f16()(to, half, k, n, n, 1, 0, p);
        if (dtype == INGOT_BF16) ig_gemm_pack_bf16()(to, half, k, n, n, 1, 0, p);
        if (w.format) {
            uint8_t *panels = low_random(w.format, n, k, seed += 7);
            memcpy(to, panels, w.each);
            free(panels);
        }
        free(rows);
        free(half);
    }
    return w;
}

/* The plain product of m rows with matrix i: y [m, n]. */
static void product(const weights *w, size_t i, float *y, const float *x, size_t m,
                    const float *bias)
{
    const ig_epilogue e = {.bias = bias};
    const void *panels = w->data + i * w->each;
    if (!w->format) {
        ig_gemm_f32_args g = no_args;
        g.c = y, g.a = x, g.b = panels, g.ldc = w->n, g.lda = w->k, g.n = w->n, g.k = w->k;
        g.epilogue = e;
        gemm_f32_fn *fn = w->dtype == INGOT_F32   ? ig_gemm_f32()
                          : w->dtype == INGOT_F16 ? ig_gemm_f16()
                                                  : ig_gemm_bf16();
        fn(&g, 0, m, 0, ig_gemm_panels(w->n));
        return;
    }
    const ig_q_kernels q = ig_q_choose();
    size_t bytes;
    if (w->rounds && !is_e4m3(w->format)) {
        const ig_gemm_q_args g = {.c = y,
                                  .ldc = w->n,
                                  .panels = panels,
                                  .format = w->format,
                                  .m = m,
                                  .n = w->n,
                                  .k = w->k,
                                  .epilogue = e};
        assert_true(ig_q_acts_bytes(m, w->k, &bytes));
        ig_q_act *acts = malloc(bytes);
        ig_q_product(&q, NULL, &g, acts, x, w->k);
        free(acts);
        return;
    }
    assert_true(ig_q_product_scratch(m, w->k, 1, &bytes));
    float *scratch = malloc(bytes + 1), *rounded = malloc(m * w->k * sizeof *rounded + 1);
    for (size_t r = 0; r < m && w->rounds; r++)
        ig_q_e4m3_row(rounded + r * w->k, x + r * w->k, w->k, w->format);
    const ig_gemm_q_f32_args g = {.c = y,
                                  .a = w->rounds ? rounded : x,
                                  .ldc = w->n,
                                  .lda = w->k,
                                  .panels = panels,
                                  .format = w->format,
                                  .n = w->n,
                                  .k = w->k,
                                  .epilogue = e,
                                  .scratch = scratch};
    ig_q_product_f32(&q, NULL, &g, m);
    free(scratch);
    free(rounded);
}

/* up * silu(gate) of m rows. n: columns of y. */
static void gated(const weights *w, size_t i, float *y, const float *x, size_t m, size_t n,
                  const float *bias)
{
    float *wide = malloc(m * w->n * sizeof *wide);
    product(w, i, wide, x, m, bias);
    for (size_t r = 0; r < m; r++)
        for (size_t j = 0; j < n; j++) {
            const float *up = wide + r * w->n + ig_glu_up(j);
            float gate;
            ig_silu_f32()(&gate, up + IG_GLU_COLS, 1, 1, 0);
            y[r * n + j] = up[0] * gate;
        }
    free(wide);
}

/* ---- a graph of one node ---- */

typedef struct {
    ig_heap heap;
    ig_graph *g;
    ig_node *node;
    ig_exec *x;
    ig_pool *pool;
    ingot_error err;
} one;

static ig_id constant(one *o, const weights *w, bool stacked)
{
    int64_t dims[3] = {(int64_t)w->count, (int64_t)w->k, (int64_t)w->n};
    if (w->format) {
        dims[1] = (int64_t)ig_q_panels(w->n);
        dims[2] = (int64_t)(w->each / ig_q_panels(w->n));
    }
    const ig_id id =
        ig_graph_const(o->g, "w", w->dtype, stacked ? 3 : 2, stacked ? dims : dims + 1, w->data);
    o->g->values[id].layout = w->format ? IG_PLAIN : IG_P16;
    return id;
}

static void open_one(one *o)
{
    memset(o, 0, sizeof *o);
    ig_heap_init(&o->heap, NULL);
    o->g = ig_graph_open(&o->heap, NULL);
}

static void finish_one(one *o, const char *op, const ig_id *in, size_t n_in, size_t n_inputs,
                       size_t threads)
{
    ingot_error err;
    const ig_id y = ig_graph_value(o->g, "y", NULL);
    o->node = ig_graph_node(o->g, ig_op_find(op), op, in, n_in, &y, 1, 0);
    assert_true(ig_graph_set_io(o->g, in, n_inputs, &y, 1));
    const ig_pool_options p = {.n_threads = threads};
    if (threads > 1) check_ok(ig_pool_open(&o->pool, &o->heap, &p, &err));
    const ig_exec_options options = {.heap = &o->heap, .pool = o->pool};
    check_ok(ig_exec_open(&o->x, o->g, &options, &err));
}

static void close_one(one *o)
{
    ig_exec_close(&o->x);
    ig_pool_close(&o->pool);
    ig_graph_close(&o->g);
    assert_int_equal(o->heap.live_bytes, 0);
}

static void set(one *o, const char *name, ig_attr_kind kind, int64_t i, const char *s)
{
    ingot_error err;
    const ig_attr_value v = {.kind = kind, .i = i, .f = (double)i, .s = s};
    check_ok(ig_attr_set(o->node->attrs, ig_attr_find(o->node->op->attrs, name), &v, &o->g->arena,
                         &err));
}
#define set_int(o, name, v)  set(o, name, IG_ATTR_INT, (int64_t)(v), NULL)
#define set_text(o, name, v) set(o, name, IG_ATTR_TEXT, 0, v)

/* ---- glu ---- */

static const struct {
    ingot_dtype dtype;
    const char *format;
    bool rounds;
} kinds[] = {
    {INGOT_F32, NULL, false},     {INGOT_F16, NULL, false},    {INGOT_BF16, NULL, false},
    {INGOT_U8, "i8g32", false},   {INGOT_U8, "i8g32", true},   {INGOT_U8, "i4g32", true},
    {INGOT_U8, "i4g128z", false}, {INGOT_U8, "i4g32ms", true}, {INGOT_U8, "i8g16s", false},
    {INGOT_U8, "f8g128", false},  {INGOT_U8, "f8c", true},     {INGOT_U8, "f8g128", true},
};

static ig_id input(one *o, const char *name, size_t columns)
{
    return small_input(o->g, name, 2,
                       (int64_t[]){ig_graph_symbol(o->g, "tokens"), (int64_t)columns});
}

static void glu_of(const weights *w, size_t n, const float *bias, float *y, const float *x,
                   size_t m, size_t threads)
{
    one o;
    open_one(&o);
    const int64_t wide = (int64_t)w->n;
    const ig_id in[3] = {input(&o, "x", w->k), constant(&o, w, false),
                         bias ? small_const(o.g, "b", 1, &wide, bias) : IG_NO_VALUE};
    finish_one(&o, "glu", in, 3, 1, threads);
    set_int(&o, "n", n);
    set_int(&o, "k", w->k);
    if (w->format) set_text(&o, "format", w->format->name);
    set_text(&o, "acts", acts_of(w));
    set_text(&o, "act", "silu");
    ig_tensor t = small_tensor((float *)(uintptr_t)x, 2, (int64_t[]){(int64_t)m, (int64_t)w->k});
    ig_tensor out = {0};
    if (ig_exec_run(o.x, &out, &t, &o.err)) fail_msg("%s", o.err.text);
    assert_int_equal(out.dims[0], m);
    assert_int_equal(out.dims[1], n);
    memcpy(y, out.data, m * n * sizeof *y);
    close_one(&o);
}

static void gated_products_of_every_type(void **state)
{
    (void)state;
    static const size_t sizes[][3] = {{1, 40, 96}, {9, 20, 71}, {70, 64, 128}, {300, 21, 45}};
    for (size_t i = 0; i < IG_LEN(kinds); i++)
        for (size_t c = 0; c < IG_LEN(sizes); c++) {
            const size_t m = sizes[c][0], n = sizes[c][1], k = sizes[c][2];
            const size_t wide = ig_glu_panels(n) * IG_PANEL;
            seed = (uint32_t)(i * 8 + c);
            weights w = make_weights(kinds[i].dtype, kinds[i].format, kinds[i].rounds, wide, k, 1);
            float *x = floats(m * k, 1), *bias = c % 2 ? floats(wide, 1) : NULL;
            float *want = floats(m * n, 0), *got = floats(m * n, 0);
            gated(&w, 0, want, x, m, n, bias);
            for (size_t threads = 1; threads <= 3; threads += 2) {
                glu_of(&w, n, bias, got, x, m, threads);
                if (memcmp(want, got, m * n * sizeof *got))
                    fail_msg("weights %zu, size %zu, %zu threads", i, c, threads);
            }
            free(x);
            free(bias);
            free(want);
            free(got);
            free(w.data);
        }
}

/* ---- moe ---- */

enum { EXPERTS = 7, TOP = 3, N = 24, K = 50, T = 41, WIDE = 48 };

typedef struct {
    weights up, down;
    const char *scores;
    bool renormalise, bias;
    float *bias_up, *bias_down;
} mixture;

static void mix(const mixture *m, float *y, const float *x, const float *logits, size_t tokens,
                size_t threads)
{
    one o;
    open_one(&o);
    const ig_id in[6] = {
        input(&o, "x", K),
        input(&o, "logits", EXPERTS),
        constant(&o, &m->up, true),
        constant(&o, &m->down, true),
        m->bias ? small_const(o.g, "bu", 2, (int64_t[]){EXPERTS, WIDE}, m->bias_up) : IG_NO_VALUE,
        m->bias ? small_const(o.g, "bd", 2, (int64_t[]){EXPERTS, K}, m->bias_down) : IG_NO_VALUE};
    finish_one(&o, "moe", in, 6, 2, threads);
    set_int(&o, "n", N);
    set_int(&o, "k", K);
    set_int(&o, "top_k", TOP);
    set_int(&o, "renormalise", m->renormalise);
    set(&o, "scale", IG_ATTR_FLOAT, 2, NULL);
    if (m->up.format) set_text(&o, "format", m->up.format->name);
    if (m->down.format) set_text(&o, "down_format", m->down.format->name);
    set_text(&o, "acts", acts_of(m->up.rounds ? &m->up : &m->down));
    set_text(&o, "scores", m->scores);
    set_text(&o, "act", "silu");
    ig_tensor t[2] = {
        small_tensor((float *)(uintptr_t)x, 2, (int64_t[]){(int64_t)tokens, K}),
        small_tensor((float *)(uintptr_t)logits, 2, (int64_t[]){(int64_t)tokens, EXPERTS})};
    ig_tensor out = {0};
    if (ig_exec_run(o.x, &out, t, &o.err)) fail_msg("%s", o.err.text);
    memcpy(y, out.data, tokens * K * sizeof *y);
    close_one(&o);
}

/* What the rule says, one expert after the other, by sorting. */
static void weights_of(const mixture *m, double *weight, size_t *chosen, const float *logits)
{
    double score[EXPERTS], sum = 0, top_sum = 0;
    bool taken[EXPERTS] = {0};
    for (size_t r = 0; r < TOP; r++) {
        size_t best = EXPERTS;
        for (size_t e = 0; e < EXPERTS; e++)
            if (!taken[e] && (best == EXPERTS || logits[e] > logits[best])) best = e;
        taken[best] = true;
        chosen[r] = best;
    }
    const bool sigmoid = !strcmp(m->scores, "sigmoid"), all = !strcmp(m->scores, "softmax");
    for (size_t e = 0; e < EXPERTS; e++) {
        score[e] = exp((double)logits[e]);
        if (sigmoid) score[e] = 1 / (1 + exp(-(double)logits[e]));
        sum += score[e];
    }
    for (size_t r = 0; r < TOP; r++) top_sum += score[chosen[r]];
    for (size_t r = 0; r < TOP; r++) {
        weight[r] = score[chosen[r]] / (sigmoid ? 1 : all ? sum : top_sum);
        if (m->renormalise && (sigmoid || all)) weight[r] = score[chosen[r]] / top_sum;
        weight[r] *= 2;
    }
}

static void expect(const mixture *m, const float *y, const float *x, const float *logits)
{
    for (size_t t = 0; t < T; t++) {
        double weight[TOP], want[K] = {0}, size[K] = {0};
        size_t chosen[TOP];
        weights_of(m, weight, chosen, logits + t * EXPERTS);
        for (size_t r = 0; r < TOP; r++) {
            float inner[N], outer[K];
            const size_t e = chosen[r];
            gated(&m->up, e, inner, x + t * K, 1, N, m->bias ? m->bias_up + e * WIDE : NULL);
            product(&m->down, e, outer, inner, 1, m->bias ? m->bias_down + e * K : NULL);
            for (size_t c = 0; c < K; c++) {
                want[c] += weight[r] * (double)outer[c];
                size[c] += fabs(weight[r] * (double)outer[c]);
            }
        }
        for (size_t c = 0; c < K; c++)
            if (!(fabs(want[c] - (double)y[t * K + c]) <= 4e-6 * (0.1 + size[c])))
                fail_msg("token %zu, %zu: %g, not %g", t, c, (double)y[t * K + c], want[c]);
    }
}

static mixture make_mixture(size_t i)
{
    static const char *const scores[] = {"softmax", "top_softmax", "sigmoid"};
    const size_t d = (i + i / IG_LEN(kinds)) % IG_LEN(kinds), u = i % IG_LEN(kinds);
    mixture m = {.scores = scores[i % 3], .renormalise = i / 3 % 2, .bias = i % 2};
    const bool rounds = kinds[u].rounds;
    m.up = make_weights(kinds[u].dtype, kinds[u].format, rounds, WIDE, K, EXPERTS);
    const char *down = kinds[d].format;
    const bool both = down && is_e4m3(ig_q_format_named(down)) == is_e4m3(m.up.format);
    m.down = make_weights(kinds[d].dtype, down, rounds && both, K, N, EXPERTS);
    m.bias_up = floats(EXPERTS * WIDE, 0.5f);
    m.bias_down = floats(EXPERTS * K, 0.5f);
    return m;
}

static void mixtures_are_loops_over_their_experts(void **state)
{
    (void)state;
    static float y[T * K], again[T * K];
    for (size_t i = 0; i < 2 * IG_LEN(kinds); i++) {
        seed = (uint32_t)(100 + i);
        mixture m = make_mixture(i);
        float *x = floats(T * K, 1), *logits = floats(T * EXPERTS, 2);
        for (size_t t = 0; t < T; t += 5)
            logits[t * EXPERTS + 5] = logits[t * EXPERTS + 2]; /* ties */
        for (size_t e = 0; e < EXPERTS; e++) logits[e] = 0.5f;
        mix(&m, y, x, logits, T, 1);
        expect(&m, y, x, logits);
        mix(&m, again, x, logits, T, 3);
        assert_memory_equal(y, again, sizeof y);
        for (size_t t = 0; t < T; t += 6) { /* alone, and with one neighbour */
            const size_t n = IG_MIN(T - t, 1 + t % 4);
            mix(&m, again, x + t * K, logits + t * EXPERTS, n, 1 + t % 3);
            assert_memory_equal(y + t * K, again, n * K * sizeof *y);
        }
        free(x);
        free(logits);
        free(m.up.data);
        free(m.down.data);
        free(m.bias_up);
        free(m.bias_down);
    }
}

/* ---- what is refused ---- */

static void refuse(const char *op, const char *attr, int64_t v, const char *text)
{
    one o;
    open_one(&o);
    seed = 1;
    weights up = make_weights(INGOT_F32, NULL, false, WIDE, K, EXPERTS);
    weights down = make_weights(INGOT_F32, NULL, false, K, N, EXPERTS);
    const bool moe = !strcmp(op, "moe");
    const ig_id x = input(&o, "x", K);
    ig_id in[4] = {x, input(&o, "logits", EXPERTS), constant(&o, &up, true),
                   constant(&o, &down, true)};
    if (!moe) in[1] = constant(&o, &up, false);
    finish_one(&o, op, in, moe ? 4 : 2, moe ? 2 : 1, 1);
    set_int(&o, "n", N);
    set_int(&o, "k", K);
    if (moe) set_int(&o, "top_k", TOP);
    if (text)
        set_text(&o, attr, text);
    else
        set_int(&o, attr, v);
    float *data = floats(2 * K, 1);
    ig_tensor t[2] = {small_tensor(data, 2, (int64_t[]){2, K}),
                      small_tensor(data, 2, (int64_t[]){2, EXPERTS})};
    ig_tensor out = {0};
    const ingot_status s = ig_exec_run(o.x, &out, t, &o.err);
    if (s != INGOT_E_FORMAT) fail_msg("%s: %s %lld %s", op, attr, (long long)v, text ? text : "");
    free(data);
    free(up.data);
    free(down.data);
    close_one(&o);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    refuse("glu", "n", 0, NULL);
    refuse("glu", "n", N + 8, NULL);
    refuse("glu", "n", INT64_MAX, NULL);
    refuse("glu", "k", K + 1, NULL);
    refuse("glu", "k", -1, NULL);
    refuse("glu", "format", 0, "i8g32");
    refuse("glu", "format", 0, "i9g32");
    refuse("glu", "acts", 0, "a8");
    refuse("glu", "acts", 0, "f8");
    refuse("moe", "top_k", 0, NULL);
    refuse("moe", "top_k", EXPERTS + 1, NULL);
    refuse("moe", "n", N - 8, NULL);
    refuse("moe", "k", K - 1, NULL);
    refuse("moe", "format", 0, "i4g32");
    refuse("moe", "down_format", 0, "i4g32");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gated_products_of_every_type),
        cmocka_unit_test(mixtures_are_loops_over_their_experts),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
