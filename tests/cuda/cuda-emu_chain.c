/* cuda-emu_chain.c - elementwise steps that become one kernel: the bits of the steps one by one,
 * and which steps join and which do not. A graph whose intermediate values are outputs has no
 * chains. */
#include "tests/cuda/device.h"
#include "tests/graph/small.h"
#include "runtime/base/checked.h"
#include "runtime/base/dtype.h"
#include "runtime/base/half.h"
#include "runtime/graph/attr.h"
#include "runtime/graph/plan.h"

#include <limits.h>
#include <math.h>
#include <string.h>

enum { ROWS = 61, COLUMNS = 276, SIZE = ROWS * COLUMNS, NODES = 14, ROUNDS = 16, INPUTS = 6 };

static const ig_device_api *api;

static unsigned pick(unsigned *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* ---- graphs ---- */

typedef struct {
    ig_graph *g;
    ig_id v[64];
    ingot_dtype dtype[64];
    bool full[64];    /* of all dims */
    unsigned n, made; /* values; of them by nodes, the last ones */
} drawing;

static ig_id node(ig_graph *g, const char *op, const ig_id *in, uint32_t n_in)
{
    const ig_id out = ig_graph_value(g, "", NULL);
    assert_non_null(ig_graph_node(g, ig_op_find(op), op, in, n_in, &out, 1, 0));
    return out;
}

static void set(ig_graph *g, const char *name, ig_attr_value v)
{
    ingot_error err;
    ig_node *n = g->nodes[g->n_nodes - 1];
    check_ok(ig_attr_set(n->attrs, ig_attr_find(n->op->attrs, name), &v, &g->arena, &err));
}
static void set_text(ig_graph *g, const char *name, const char *s)
{
    set(g, name, (ig_attr_value){.kind = IG_ATTR_TEXT, .s = s});
}
static void set_float(ig_graph *g, const char *name, double f)
{
    set(g, name, (ig_attr_value){.kind = IG_ATTR_FLOAT, .f = f});
}

static void add(drawing *d, ig_id id, ingot_dtype dtype, bool full)
{
    d->v[d->n] = id;
    d->dtype[d->n] = dtype;
    d->full[d->n++] = full;
}

/* A value of that dtype, the latest ones above all; UINT_MAX: there is none. */
static unsigned choose(const drawing *d, unsigned *seed, ingot_dtype dtype)
{
    const bool latest = pick(seed, 3) != 0;
    for (unsigned tries = 0; tries < 200; tries++) {
        const unsigned i =
            latest && tries < 3 ? d->n - 1 - pick(seed, d->n < 3 ? d->n : 3) : pick(seed, d->n);
        if (d->dtype[i] == dtype) return i;
    }
    return UINT_MAX;
}

static ig_id constant(ig_graph *g, ingot_dtype dtype, float x)
{
    const uint16_t h = dtype == INGOT_F16 ? ig_f32_to_f16(x) : ig_f32_to_bf16(x);
    return ig_graph_const_copy(g, "", dtype, 0, NULL,
                               dtype == INGOT_F32 ? (const void *)&x : (const void *)&h);
}

static void draw_node(drawing *d, unsigned *seed)
{
    static const char *const unary[] = {"neg",  "tanh", "sigmoid",    "abs",   "relu",
                                        "gelu", "exp",  "leaky_relu", "floor", "swish"};
    static const char *const binary[] = {"add", "sub", "mul", "div", "max", "min", "prelu"};
    static const char *const tests[] = {"less", "greater_or_equal", "equal"};
    static const ingot_dtype dtypes[] = {INGOT_F32, INGOT_F16, INGOT_BF16};
    ig_graph *g = d->g;
    unsigned a = UINT_MAX;
    while (a == UINT_MAX || !d->full[a]) a = choose(d, seed, dtypes[pick(seed, 3)]);
    const ingot_dtype t = d->dtype[a];
    const unsigned b = choose(d, seed, t), c = choose(d, seed, INGOT_BOOL);
    ig_id in[3] = {d->v[a], d->v[b]}, out;
    switch (pick(seed, 8)) {
    case 0:
    case 1:
        out = node(g, "unary", in, 1);
        set_text(g, "fn", unary[pick(seed, (unsigned)IG_LEN(unary))]);
        set_float(g, "alpha", 0.75);
        add(d, out, t, d->full[a]);
        break;
    case 2:
        in[1] = constant(g, t, 0.5f + (float)pick(seed, 4));
        if (pick(seed, 2)) in[0] = in[1], in[1] = d->v[a];
        out = node(g, "binary", in, 2);
        set_text(g, "fn", binary[pick(seed, (unsigned)IG_LEN(binary))]);
        add(d, out, t, d->full[a]);
        break;
    case 3:
        in[1] = pick(seed, 3) ? constant(g, t, -1) : IG_NO_VALUE;
        in[2] = constant(g, t, 2.5f);
        add(d, node(g, "clip", in, 3), t, d->full[a]);
        break;
    case 4:
        out = node(g, "cast", in, 1);
        const ingot_dtype to = dtypes[pick(seed, 3)];
        set(g, "to", (ig_attr_value){.kind = IG_ATTR_INT, .i = to});
        add(d, out, to, d->full[a]);
        break;
    case 5:
        out = node(g, "binary", in, 2);
        set_text(g, "fn", tests[pick(seed, (unsigned)IG_LEN(tests))]);
        add(d, out, INGOT_BOOL, d->full[a] || d->full[b]);
        break;
    case 6:
        if (c == UINT_MAX) return;
        in[0] = d->v[c], in[1] = d->v[a], in[2] = d->v[b];
        add(d, node(g, "where", in, 3), t, d->full[a] || d->full[b] || d->full[c]);
        break;
    default:
        out = node(g, "binary", in, 2);
        set_text(g, "fn", binary[pick(seed, (unsigned)IG_LEN(binary))]);
        add(d, out, t, d->full[a] || d->full[b]);
    }
    d->made++;
}

/* x of three dtypes, a row, a column, a mask; then nodes. */
static ig_graph *draw(ig_heap *heap, unsigned seed, bool apart, size_t *n_out)
{
    drawing d = {.g = ig_graph_open(heap, NULL)};
    static const ingot_dtype dtypes[INPUTS] = {INGOT_F32, INGOT_F16, INGOT_BF16,
                                               INGOT_F32, INGOT_F32, INGOT_BOOL};
    static const int64_t dims[INPUTS][2] = {{ROWS, COLUMNS}, {ROWS, COLUMNS}, {ROWS, COLUMNS},
                                            {1, COLUMNS},    {ROWS, 1},       {ROWS, COLUMNS}};
    for (int i = 0; i < INPUTS; i++) {
        const ig_type t = ig_type_tensor(dtypes[i], 2, dims[i]);
        add(&d,
            ig_graph_value(d.g, (const char *[]){"x", "h", "b", "row", "column", "mask"}[i], &t),
            dtypes[i], i != 3 && i != 4);
    }
    while (d.made < NODES) draw_node(&d, &seed);
    ig_id outs[NODES];
    *n_out = 0;
    for (unsigned i = 0; i < d.made; i++) /* from the last */
        if (apart || i == 0 || i == 7) outs[(*n_out)++] = d.v[d.n - 1 - i];
    assert_true(ig_graph_set_io(d.g, d.v, INPUTS, outs, *n_out));
    return d.g;
}

/* ---- runs ---- */

typedef struct {
    ig_heap heap;
    ig_device *d;
    ig_tensor in[INPUTS];
    float x[SIZE], row[COLUMNS], column[ROWS];
    uint16_t h[SIZE], b[SIZE];
    uint8_t mask[SIZE];
} bench;

static void open_bench(bench *b)
{
    ig_heap_init(&b->heap, NULL);
    b->d = open_device(0);
    for (int i = 0; i < SIZE; i++) {
        b->x[i] = sinf((float)i) * (i % 97 == 5 ? 1e30f : 4);
        b->h[i] = ig_f32_to_f16(cosf((float)i) * 3);
        b->b[i] = ig_f32_to_bf16(sinf((float)i * 0.7f) * 5);
        b->mask[i] = (uint8_t)(i % 3 == 0);
    }
    b->x[11] = NAN, b->x[12] = INFINITY;
    for (int i = 0; i < COLUMNS; i++) b->row[i] = (float)i / 16 - 1;
    for (int i = 0; i < ROWS; i++) b->column[i] = (float)i / 8 - 2;
    const void *const data[INPUTS] = {b->x, b->h, b->b, b->row, b->column, b->mask};
    static const ingot_dtype dtypes[INPUTS] = {INGOT_F32, INGOT_F16, INGOT_BF16,
                                               INGOT_F32, INGOT_F32, INGOT_BOOL};
    for (int i = 0; i < INPUTS; i++)
        b->in[i] = (ig_tensor){.dtype = dtypes[i],
                               .rank = 2,
                               .dims = {i == 3 ? 1 : ROWS, i == 4 ? 1 : COLUMNS},
                               .data = (void *)(uintptr_t)data[i]};
}

static void close_bench(bench *b)
{
    api->close(&b->d);
    assert_int_equal(b->heap.live_bytes, 0);
}

static ig_exec *open_exec(bench *b, const ig_graph *g)
{
    ingot_error err;
    ig_exec *x;
    const ig_exec_options o = {.heap = &b->heap,
                               .device = {.api = api, .device = b->d, .name = "cuda:0"}};
    check_ok(ig_exec_open(&x, g, &o, &err));
    return x;
}

static bool same_element(const ig_tensor *a, const ig_tensor *b, size_t i)
{
    const double x = ig_to_double(a->data, a->dtype, i), y = ig_to_double(b->data, b->dtype, i);
    return (isnan(x) && isnan(y)) || (x == y && signbit(x) == signbit(y));
}

static size_t steps_of(ig_exec *x, bench *b)
{
    ingot_error err;
    ig_type types[INPUTS];
    ig_plan_info info;
    for (int i = 0; i < INPUTS; i++) types[i] = ig_type_of(&b->in[i]);
    check_ok(ig_exec_plan(x, types, &info, &err));
    assert_int_equal(info.n_steps, info.n_on_device);
    return info.n_steps;
}

static void chains_have_the_bits_of_their_steps(void **state)
{
    (void)state;
    ingot_error err;
    static bench b;
    open_bench(&b);
    size_t saved = 0;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        size_t n_one, n_apart;
        ig_graph *one = draw(&b.heap, seed, false, &n_one),
                 *apart = draw(&b.heap, seed, true, &n_apart);
        ig_exec *x = open_exec(&b, one), *y = open_exec(&b, apart);
        saved += steps_of(y, &b) - steps_of(x, &b);
        for (int run = 0; run < 3; run++) { /* the last two are recorded */
            ig_tensor got[NODES] = {0}, want[NODES] = {0};
            check_ok(ig_exec_run(x, got, b.in, &err));
            check_ok(ig_exec_run(y, want, b.in, &err));
            for (size_t o = 0; o < n_one; o++) {
                const ig_tensor *w = &want[o ? 7 : 0];
                assert_int_equal(got[o].dtype, w->dtype);
                for (size_t i = 0; i < ig_tensor_elements(w); i++)
                    if (!same_element(&got[o], w, i))
                        fail_msg("seed %u, output %zu, element %zu: %g, want %g", seed, o, i,
                                 ig_to_double(got[o].data, w->dtype, i),
                                 ig_to_double(w->data, w->dtype, i));
            }
        }
        ig_exec_close(&x), ig_exec_close(&y);
        ig_graph_close(&one), ig_graph_close(&apart);
    }
    assert_true(saved > 2 * ROUNDS); /* there were chains */
    close_bench(&b);
}

/* ---- what joins ---- */

typedef ig_id draw_fn(ig_graph *g, ig_id x, ig_id *second);

static void expect_steps(draw_fn *of, size_t want, const char *kernel)
{
    ingot_error err;
    static bench b;
    open_bench(&b);
    const int64_t dims[] = {ROWS, COLUMNS};
    ig_graph *g = ig_graph_open(&b.heap, NULL);
    const ig_id x = small_input(g, "x", 2, dims);
    ig_id outs[2] = {IG_NO_VALUE, IG_NO_VALUE};
    outs[0] = of(g, x, &outs[1]);
    assert_true(ig_graph_set_io(g, &x, 1, outs, outs[1] == IG_NO_VALUE ? 1 : 2));
    ig_exec *e = open_exec(&b, g);
    ig_plan_info info;
    const ig_type type = ig_type_of(&b.in[0]);
    check_ok(ig_exec_plan(e, &type, &info, &err));
    assert_int_equal(info.n_steps, want);
    assert_int_equal(info.n_on_device, want);
    ig_plan *p;
    check_ok(ig_plan_open(&p, e, g, ig_exec_opts(e), &type, &err));
    bool found = false;
    for (size_t s = 0; s < p->n_steps; s++)
        found = found || (p->steps[s].kernel && !strcmp(p->steps[s].kernel, kernel));
    if (!found) fail_msg("no step %s", kernel);
    ig_plan_close(&p);
    ig_exec_close(&e);
    ig_graph_close(&g);
    close_bench(&b);
}

static ig_id swish_by_hand(ig_graph *g, ig_id x, ig_id *second)
{
    (void)second;
    return small_binary(g, "mul", x, small_unary(g, "sigmoid", x));
}
static ig_id read_twice(ig_graph *g, ig_id x, ig_id *second)
{
    const ig_id y = small_unary(g, "tanh", x);
    *second = small_unary(g, "neg", y);
    return small_unary(g, "abs", y);
}
static ig_id is_an_output(ig_graph *g, ig_id x, ig_id *second)
{
    *second = small_unary(g, "tanh", x);
    return small_unary(g, "neg", *second);
}
static ig_id long_row(ig_graph *g, ig_id x, ig_id *second)
{
    (void)second;
    for (int i = 0; i < 20; i++) x = small_unary(g, i % 2 ? "tanh" : "neg", x);
    return x;
}
static ig_id many_operands(ig_graph *g, ig_id x, ig_id *second)
{
    (void)second;
    static const float w[6][SIZE] = {{1}, {2}, {3}, {4}, {5}, {6}};
    const int64_t dims[] = {ROWS, COLUMNS};
    for (int i = 0; i < 6; i++) x = small_binary(g, "add", x, small_const(g, "", 2, dims, w[i]));
    return x;
}
static void steps_join_where_they_may(void **state)
{
    (void)state;
    expect_steps(swish_by_hand, 1, "sigmoid+mul");
    expect_steps(read_twice, 3, "tanh");
    expect_steps(is_an_output, 2, "neg");
    expect_steps(long_row, 2, "neg+tanh+neg+tanh");
    expect_steps(many_operands, 2, "add+add+add");
}

int main(void)
{
    api = ingot_cuda_plugin_v1();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chains_have_the_bits_of_their_steps),
        cmocka_unit_test(steps_join_where_they_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
