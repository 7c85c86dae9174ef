/* llm_paged_attention.c - paged_attention: against plain sums in fp64 with every option now and
 * then; the same bits however the tokens are spread over steps, sequences, pages and threads; what
 * does not fit the cache is refused. */
#include "tests/graph/small.h"
#include "runtime/base/checked.h"
#include "runtime/ops/paged_attention.h"
#include "kernels/rope/rope.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SEQUENCES = 3, LAYERS = 2, SPANS_MOST = 8, PAGES = 256 };

/* ---- numbers ---- */

static uint32_t seed;

static size_t pick(size_t low, size_t high)
{
    seed = seed * 1664525u + 1013904223u;
    return low + (seed >> 8) % (high - low + 1);
}

static float *floats(size_t n, float low, float high)
{
    float *p = calloc(n + 1, sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = low + (high - low) * (float)pick(0, 1 << 20) * 0x1p-20f;
    return p;
}

/* ---- a case: the tokens of a few sequences, and a layer ---- */

typedef struct {
    size_t heads, kv_heads, d, dv, half, page, layer;
    size_t length[SEQUENCES];
    bool joined, interleaved;
    float softcap, scale;
    int64_t window;
    float *sinks, *slopes;                             /* [heads] or NULL */
    float *q[SEQUENCES], *k[SEQUENCES], *v[SEQUENCES]; /* [length][heads][size] */
    float *cos_table, *sin_table;                      /* [longest][half] */
    ig_page_type type;
} scene;

static scene make_scene(unsigned options)
{
    scene s = {.kv_heads = pick(1, 3), .d = 2 * pick(2, 20), .dv = pick(3, 40)};
    s.heads = s.kv_heads * pick(1, 3);
    s.joined = options & 1;
    s.page = 16 * pick(1, 4);
    s.layer = options & 1;
    s.half = options & 2 ? pick(1, s.d / 2) : 0;
    s.interleaved = options & 4;
    s.softcap = options & 8 ? 3 : 0;
    s.scale = options & 16 ? 0.3f : 0;
    s.window = options & 32 ? (int64_t)pick(0, 90) : -1;
    s.sinks = options & 64 ? floats(s.heads, -1, 2) : NULL;
    s.slopes = options & 128 ? floats(s.heads, 0, 0.1f) : NULL;
    s.type = (ig_page_type)(options >> 8 & 3);
    size_t longest = 0;
    for (size_t i = 0; i < SEQUENCES; i++) {
        s.length[i] = i ? pick(1, 70) : pick(100, 700);
        longest = IG_MAX(longest, s.length[i]);
        s.q[i] = floats(s.length[i] * s.heads * s.d, -1, 1);
        s.k[i] = floats(s.length[i] * s.kv_heads * s.d, -1, 1);
        s.v[i] = floats(s.length[i] * s.kv_heads * s.dv, -1, 1);
    }
    s.cos_table = floats(longest * s.half, 0, 0);
    s.sin_table = floats(longest * s.half, 0, 0);
    double w[32];
    const ig_rope_rule rule = {.base = 100, .half = s.half};
    if (s.half) {
        ig_rope_frequencies(w, &rule);
        ig_rope_table(s.cos_table, s.sin_table, w, &rule, 0, longest);
    }
    return s;
}

static void free_scene(scene *s)
{
    for (size_t i = 0; i < SEQUENCES; i++) {
        free(s->q[i]);
        free(s->k[i]);
        free(s->v[i]);
    }
    free(s->cos_table);
    free(s->sin_table);
    free(s->sinks);
    free(s->slopes);
}

/* ---- the truth ---- */

static double turned(const scene *s, const float *x, size_t token, size_t i)
{
    if (i >= 2 * s->half) return (double)x[i];
    const size_t pair = s->interleaved ? i / 2 : i % s->half;
    const bool second = s->interleaved ? i % 2 : i >= s->half;
    const double a = (double)x[s->interleaved ? 2 * pair : pair];
    const double b = (double)x[s->interleaved ? 2 * pair + 1 : pair + s->half];
    const double cosine = (double)s->cos_table[token * s->half + pair];
    const double sine = (double)s->sin_table[token * s->half + pair];
    return second ? a * sine + b * cosine : a * cosine - b * sine;
}

static double score(const scene *s, size_t sequence, size_t head, size_t i, size_t j)
{
    const float *q = s->q[sequence] + (i * s->heads + head) * s->d;
    const float *k = s->k[sequence] + (j * s->kv_heads + head / (s->heads / s->kv_heads)) * s->d;
    double z = 0;
    for (size_t c = 0; c < s->d; c++) z += turned(s, q, i, c) * turned(s, k, j, c);
    z *= s->scale != 0 ? (double)s->scale : 1 / sqrt((double)s->d);
    if (s->softcap > 0) z = (double)s->softcap * tanh(z / (double)s->softcap);
    return z + (s->slopes ? (double)s->slopes[head] * ((double)j - (double)i) : 0);
}

/* y [dv] of one query and head. */
static void attend(const scene *s, double *y, size_t sequence, size_t head, size_t i)
{
    const size_t kv = head / (s->heads / s->kv_heads);
    double sum = s->sinks ? exp((double)s->sinks[head]) : 0;
    for (size_t c = 0; c < s->dv; c++) y[c] = 0;
    for (size_t j = 0; j <= i; j++) {
        if (s->window >= 0 && (int64_t)(i - j) > s->window) continue;
        const double p = exp(score(s, sequence, head, i, j));
        const float *v = s->v[sequence] + (j * s->kv_heads + kv) * s->dv;
        sum += p;
        for (size_t c = 0; c < s->dv; c++) y[c] += p * (double)v[c];
    }
    for (size_t c = 0; c < s->dv; c++) y[c] /= sum;
}

static void check_truth(const scene *s, float *const *y)
{
    static const double allowed[] = {1e-5, 4e-3, 3e-2, 3e-2};
    double want[64];
    for (size_t q = 0; q < SEQUENCES; q++)
        for (size_t i = 0; i < s->length[q]; i += 1 + s->length[q] / 40)
            for (size_t h = 0; h < s->heads; h++) {
                attend(s, want, q, h, i);
                for (size_t c = 0; c < s->dv; c++) {
                    const double got = (double)y[q][(i * s->heads + h) * s->dv + c];
                    if (!(fabs(got - want[c]) <= allowed[s->type]))
                        fail_msg("sequence %zu, token %zu, head %zu, %zu: %g, not %g", q, i, h, c,
                                 got, want[c]);
                }
            }
}

/* ---- runs ---- */

typedef struct {
    ig_heap heap;
    ig_graph *g;
    ig_exec *x;
    ig_pool *pool;
    ig_kv_layer layers[LAYERS];
    ig_kv_step kv;
    ig_kv_span spans[SPANS_MOST];
    int32_t tables[SEQUENCES][PAGES];
    size_t done[SEQUENCES], n_inputs;
    unsigned char *raw;
    ingot_error err;
} runner;

static void set_number(ig_node *n, const char *name, double f, int64_t i, ig_attr_kind kind)
{
    ingot_error err;
    const ig_attr_value v = {.kind = kind, .i = i, .f = f};
    check_ok(ig_attr_set(n->attrs, ig_attr_find(n->op->attrs, name), &v, NULL, &err));
}
#define set_int(n, name, v)   set_number(n, name, 0, (int64_t)(v), IG_ATTR_INT)
#define set_float(n, name, v) set_number(n, name, (double)(v), 0, IG_ATTR_FLOAT)

static ig_node *build(runner *r, const scene *s)
{
    ig_graph *g = r->g = ig_graph_open(&r->heap, NULL);
    const int64_t tokens = ig_graph_symbol(g, "tokens");
    const int64_t q = (int64_t)(s->heads * s->d), k = (int64_t)(s->kv_heads * s->d);
    const int64_t v = (int64_t)(s->kv_heads * s->dv), heads = (int64_t)s->heads;
    ig_id in[6] = {IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE};
    ig_id inputs[4];
    in[0] = inputs[r->n_inputs++] =
        small_input(g, "q", 2, (int64_t[]){tokens, s->joined ? q + k + v : q});
    if (!s->joined) {
        in[1] = inputs[r->n_inputs++] = small_input(g, "k", 2, (int64_t[]){tokens, k});
        in[2] = inputs[r->n_inputs++] =
            small_input(g, "v", 3, (int64_t[]){tokens, (int64_t)s->kv_heads, (int64_t)s->dv});
    }
    if (s->half)
        in[3] = inputs[r->n_inputs++] =
            small_input(g, "table", 3, (int64_t[]){tokens, 2, (int64_t)s->half});
    if (s->sinks) in[4] = small_const(g, "sinks", 1, &heads, s->sinks);
    if (s->slopes) in[5] = small_const(g, "slopes", 1, &heads, s->slopes);
    const ig_id y = ig_graph_value(g, "y", NULL);
    ig_node *n = ig_graph_node(g, ig_op_find("paged_attention"), "attention", in, 6, &y, 1, 0);
    set_int(n, "layer", s->layer);
    set_int(n, "heads", s->heads);
    set_int(n, "kv_heads", s->kv_heads);
    if (s->joined) set_int(n, "dv", s->dv);
    set_int(n, "window", s->window);
    set_int(n, "interleaved", s->interleaved);
    set_float(n, "scale", s->scale);
    set_float(n, "softcap", s->softcap);
    assert_true(ig_graph_set_io(g, inputs, r->n_inputs, &y, 1));
    return n;
}

static void open_runner(runner *r, const scene *s, size_t threads)
{
    memset(r, 0, sizeof *r);
    ingot_error err;
    ig_heap_init(&r->heap, NULL);
    ig_node *n = build(r, s);
    ig_paged_layer layer;
    bool is;
    check_ok(ig_paged_layer_of(&layer, &is, r->g, n, &err));
    assert_true(is && layer.d == s->d && layer.dv == s->dv && layer.kv_heads == s->kv_heads);
    const ig_pool_options o = {.n_threads = threads};
    if (threads > 1) check_ok(ig_pool_open(&r->pool, &r->heap, &o, &err));
    const ig_exec_options options = {.heap = &r->heap, .pool = r->pool};
    check_ok(ig_exec_open(&r->x, r->g, &options, &err));
    size_t bytes = 0;
    for (size_t i = 0; i < LAYERS; i++) {
        r->layers[i] = (ig_kv_layer){.at = bytes, .kv_heads = s->kv_heads};
        assert_true(ig_page_format_init(&r->layers[i].format, s->type, s->page, s->d, s->dv));
        bytes += s->kv_heads * r->layers[i].format.bytes;
    }
    r->raw = malloc(PAGES * bytes + 64);
    memset(r->raw, 0xff, PAGES * bytes + 64);
    r->kv = (ig_kv_step){.layers = r->layers,
                         .n_layers = LAYERS,
                         .base = r->raw + (64 - (uintptr_t)r->raw % 64) % 64,
                         .page_bytes = bytes,
                         .spans = r->spans};
    for (size_t i = 0, page = 0; i < SEQUENCES; i++)
        for (size_t p = 0; p < s->length[i] / s->page + 1; p++, page++)
            r->tables[i][p] = (int32_t)((page * 77 + 13) % PAGES);
    ig_exec_kv(r->x, &r->kv);
}

static void close_runner(runner *r)
{
    ig_exec_close(&r->x);
    ig_pool_close(&r->pool);
    ig_graph_close(&r->g);
    free(r->raw);
    assert_int_equal(r->heap.live_bytes, 0);
}

/* The next tokens of sequences, n[i] of sequence i (0: none), from done[i] on: one step. */
static void put_rows(const runner *r, const scene *s, const size_t *n, float *q, float *k, float *v,
                     float *table)
{
    const size_t wq = s->heads * s->d, wk = s->kv_heads * s->d, wv = s->kv_heads * s->dv;
    const size_t row = s->joined ? wq + wk + wv : wq;
    for (size_t i = 0, t = 0; i < SEQUENCES; i++)
        for (size_t at = r->done[i]; at < r->done[i] + n[i]; at++, t++) {
            memcpy(q + t * row, s->q[i] + at * wq, wq * sizeof *q);
            memcpy(s->joined ? q + t * row + wq : k + t * wk, s->k[i] + at * wk, wk * sizeof *q);
            memcpy(s->joined ? q + t * row + wq + wk : v + t * wv, s->v[i] + at * wv,
                   wv * sizeof *q);
            for (size_t c = 0; c < s->half; c++) {
                table[t * 2 * s->half + c] = s->cos_table[at * s->half + c];
                table[(t * 2 + 1) * s->half + c] = s->sin_table[at * s->half + c];
            }
        }
}

static void step(runner *r, const scene *s, const size_t *n, float *const *y)
{
    const size_t wq = s->heads * s->d, wk = s->kv_heads * s->d, wv = s->kv_heads * s->dv;
    size_t total = 0;
    r->kv.n_spans = 0;
    for (size_t i = 0; i < SEQUENCES; i++) {
        if (!n[i]) continue;
        r->spans[r->kv.n_spans++] = (ig_kv_span){total, n[i], r->done[i], r->tables[i]};
        total += n[i];
    }
    float *q = floats(total * (wq + wk + wv), 0, 0), *k = floats(total * wk, 0, 0);
    float *v = floats(total * wv, 0, 0), *table = floats(total * 2 * s->half, 0, 0);
    put_rows(r, s, n, q, k, v, table);
    const int64_t t = (int64_t)total;
    ig_tensor in[4], out = {0};
    size_t n_in = 0;
    in[n_in++] = small_tensor(q, 2, (int64_t[]){t, (int64_t)(s->joined ? wq + wk + wv : wq)});
    if (!s->joined) {
        in[n_in++] = small_tensor(k, 2, (int64_t[]){t, (int64_t)wk});
        in[n_in++] = small_tensor(v, 3, (int64_t[]){t, (int64_t)s->kv_heads, (int64_t)s->dv});
    }
    if (s->half) in[n_in++] = small_tensor(table, 3, (int64_t[]){t, 2, (int64_t)s->half});
    if (ig_exec_run(r->x, &out, in, &r->err)) fail_msg("%s", r->err.text);
    assert_int_equal(out.dims[0], t);
    assert_int_equal(out.dims[1], s->heads * s->dv);
    const float *from = out.data;
    const size_t row = s->heads * s->dv;
    for (size_t i = 0; i < SEQUENCES; i++) {
        if (y) memcpy(y[i] + r->done[i] * row, from, n[i] * row * sizeof *from);
        from += n[i] * row;
        r->done[i] += n[i];
    }
    free(q);
    free(k);
    free(v);
    free(table);
}

/* ---- tests ---- */

static void room_for(const scene *s, float **y)
{
    for (size_t i = 0; i < SEQUENCES; i++) y[i] = floats(s->length[i] * s->heads * s->dv, 0, 0);
}

static void compare(const scene *s, float *const *want, float *const *got, const char *what)
{
    for (size_t i = 0; i < SEQUENCES; i++)
        if (memcmp(want[i], got[i], s->length[i] * s->heads * s->dv * sizeof **got))
            fail_msg("sequence %zu differs: %s", i, what);
}

/* All tokens in steps of random sizes, some of one token, some of many, now of all sequences, now
 * of some. */
static void run_spread(const scene *s, float *const *y, size_t threads)
{
    runner r;
    open_runner(&r, s, threads);
    for (bool more = true; more;) {
        size_t n[SEQUENCES], total = 0;
        more = false;
        for (size_t i = 0; i < SEQUENCES; i++) {
            const size_t left = s->length[i] - r.done[i];
            const size_t next = pick(0, 3) ? pick(0, 7) : pick(0, 150);
            n[i] = IG_MIN(left, next);
            total += n[i];
            more = more || left > n[i];
        }
        if (total) step(&r, s, n, y);
    }
    close_runner(&r);
}

static void options_agree_with_the_truth_and_steps_change_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 24; i++) {
        seed = i + 1;
        const unsigned options = i < 10 ? (i ? 1u << (i - 1) : 0) : (unsigned)pick(0, 1023);
        scene s = make_scene(options);
        float *whole[SEQUENCES], *spread[SEQUENCES];
        room_for(&s, whole);
        room_for(&s, spread);
        runner r;
        open_runner(&r, &s, 1);
        step(&r, &s, s.length, whole);
        close_runner(&r);
        check_truth(&s, whole);
        run_spread(&s, spread, 1);
        compare(&s, whole, spread, "one thread");
        run_spread(&s, spread, 3);
        compare(&s, whole, spread, "three threads");
        for (size_t k = 0; k < SEQUENCES; k++) {
            free(whole[k]);
            free(spread[k]);
        }
        free_scene(&s);
    }
}

static void steady_steps_allocate_nothing(void **state)
{
    (void)state;
    seed = 5;
    scene s = make_scene(2);
    runner r;
    open_runner(&r, &s, 2);
    size_t before = 0;
    step(&r, &s, (size_t[]){s.length[0] - 40, 0, 0}, NULL);
    for (size_t i = 0; i < 40; i++) {
        if (i == 2) before = r.heap.n_calls;
        step(&r, &s, (size_t[]){1, 0, 0}, NULL);
    }
    assert_int_equal(r.heap.n_calls, before);
    close_runner(&r);
    free_scene(&s);
}

/* ---- what is refused ---- */

static void expect_run(runner *r, const scene *s, const char *text)
{
    float *x = floats(4 * s->heads * s->d * 3, -1, 1);
    ig_tensor out = {0}, in[3];
    in[0] = small_tensor(x, 2, (int64_t[]){2, (int64_t)(s->heads * s->d)});
    in[1] = small_tensor(x, 2, (int64_t[]){2, (int64_t)(s->kv_heads * s->d)});
    in[2] = small_tensor(x, 3, (int64_t[]){2, (int64_t)s->kv_heads, (int64_t)s->dv});
    assert_int_equal(ig_exec_run(r->x, &out, in, &r->err), INGOT_E_ARG);
    if (!strstr(r->err.text, text)) fail_msg("'%s', not '%s'", r->err.text, text);
    free(x);
}

static void a_cache_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    seed = 9;
    scene s = make_scene(0);
    runner r;
    open_runner(&r, &s, 1);
    ig_exec_kv(r.x, NULL);
    expect_run(&r, &s, "ingot generate");
    ig_exec_kv(r.x, &r.kv);
    r.spans[0] = (ig_kv_span){0, 1, 0, r.tables[0]};
    r.kv.n_spans = 1;
    expect_run(&r, &s, "do not cover the 2 tokens");
    r.spans[0].n = 2;
    r.kv.n_layers = 0;
    expect_run(&r, &s, "layer 0, the cache has 0");
    r.kv.n_layers = LAYERS;
    r.layers[0].kv_heads++;
    expect_run(&r, &s, "the cache");
    close_runner(&r);
    free_scene(&s);
}

/* Types and attributes as a hostile file may have them. */
static void bad_shapes_are_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t heads, kv_heads, d, dv, q, k, v, half;
    } bad[] = {
        {0, 1, 0, 0, 8, 8, 8, 0},         {4, 3, 0, 0, 8, 6, 6, 0},
        {4, 2, 0, 0, 9, 4, 4, 0},         {4, 2, 0, 0, 8, 6, 4, 0},
        {4, 2, 4, 0, 8, 4, 4, 0},         {4, 2, 0, 3, 8, 4, 4, 0},
        {4, 2, 0, 0, 8, 4, 4, 2},         {4, 0, 0, 0, 8, 4, 4, 0},
        {-4, -2, 0, 0, 8, 4, 4, 0},       {INT64_MAX, 1, 0, 0, 8, 8, 8, 0},
        {4, 2, INT64_MAX, 0, 8, 4, 4, 0}, {4, 2, 0, 0, 0, 0, 0, 0},
        {4, 2, 0, 0, INT64_MAX, 4, 4, 0},
    };
    for (size_t i = 0; i < IG_LEN(bad); i++) {
        ig_paged_attrs a = {.heads = bad[i].heads,
                            .kv_heads = bad[i].kv_heads,
                            .d = bad[i].d,
                            .dv = bad[i].dv,
                            .window = -1};
        ig_node node = {.op = ig_op_find("paged_attention"), .name = "n", .attrs = &a, .n_in = 4};
        const ig_type q = ig_type_tensor(INGOT_F32, 2, (int64_t[]){3, bad[i].q});
        const ig_type k = ig_type_tensor(INGOT_F32, 2, (int64_t[]){3, bad[i].k});
        const ig_type v = ig_type_tensor(INGOT_F32, 2, (int64_t[]){3, bad[i].v});
        const ig_type t = ig_type_tensor(INGOT_F32, 3, (int64_t[]){3, 2, bad[i].half});
        const ig_type *in[] = {&q, &k, &v, bad[i].half ? &t : NULL};
        ig_type out;
        ingot_error err;
        ig_infer c = {
            .node = &node, .attrs = &a, .in = in, .out = &out, .n_in = 4, .n_out = 1, .err = &err};
        if (node.op->infer(&c) != INGOT_E_FORMAT) fail_msg("case %zu was taken", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_agree_with_the_truth_and_steps_change_nothing),
        cmocka_unit_test(steady_steps_allocate_nothing),
        cmocka_unit_test(a_cache_that_does_not_fit_is_refused),
        cmocka_unit_test(bad_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
