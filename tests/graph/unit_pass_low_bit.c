/* unit_pass_low_bit.c - products with dequantised constants: what they become, and that not one bit
 * of the result moves; what a file may not say of matmul_q. */
#include "tests/graph/small.h"
#include "kernels/gemm_q/gemm_q.h"
#include "runtime/base/checked.h"
#include "runtime/graph/match.h"

#include <stdio.h>

enum { N = 144, K = 128, ROWS = 11 };

static unsigned seed = 5;
static unsigned next(void) { return (seed = seed * 1664525u + 1013904223u) >> 16; }

/* How the weights are written down. */
typedef struct {
    ingot_dtype dtype;
    int64_t block; /* 0: none */
    bool turned;   /* [N, K] */
    bool channel;  /* one scale a row; else, without blocks, one in all */
    bool zeros, transpose, halves;
    bool cast;          /* a cast and a product with the scales, no dequantize */
    const char *format; /* NULL: stays a product of f32 */
} weights;

static ig_id constant(ig_graph *g, ingot_dtype dtype, int rank, const int64_t *dims, bool halves)
{
    static int64_t storage[N * K];
    size_t n;
    assert_true(ig_dims_elements(rank, dims, &n));
    for (size_t i = 0; i < n; i++)
        ig_from_double(storage, dtype, i,
                       dtype != INGOT_F32 ? (double)(next() % 16) - (dtype == INGOT_I4 ? 8 : 0)
                       : halves           ? 0.0625 * (1 + next() % 64)
                                          : 0.001 * (1 + next() % 1000));
    return ig_graph_const_copy(g, "", dtype, rank, dims, storage);
}

/* *out may be one of the inputs. */
static ig_node *add(ig_graph *g, const char *op, const ig_id *in, size_t n_in, ig_id *out)
{
    const ig_id made = ig_graph_value(g, "", NULL);
    ig_node *n = ig_graph_node(g, ig_op_find(op), op, in, n_in, &made, 1, 0);
    assert_non_null(n);
    *out = made;
    return n;
}

/* scales times bytes: in has the bytes first. */
static void widen(ig_graph *g, const ig_id *in, ig_id *y)
{
    ig_node *cast = add(g, "cast", in, 1, y);
    assert_true(ig_put_attr_int(g, cast, "to", INGOT_F32));
    ig_node *scaled = add(g, "binary", (ig_id[]){in[1], *y}, 2, y);
    assert_true(ig_put_attr_text(g, scaled, "fn", "mul"));
}

static ig_id product(ig_graph *g, ig_id x, const weights *w)
{
    const int64_t dims[] = {w->turned ? N : K, w->turned ? K : N};
    const int64_t axis = w->block ? (w->turned ? 1 : 0) : (w->turned ? 0 : 1);
    int64_t tables[] = {dims[0], dims[1]}, rows = N;
    if (w->block) tables[axis] = (K + w->block - 1) / w->block;
    const int rank = w->block ? 2 : w->channel ? 1 : 0;
    const int64_t *shape = w->block ? tables : &rows;
    ig_id in[3], y;
    in[0] = constant(g, w->dtype, 2, dims, false);
    in[1] = constant(g, INGOT_F32, rank, shape, w->halves);
    if (w->zeros) in[2] = constant(g, w->dtype, rank, shape, false);
    if (w->cast) {
        const int64_t spread[] = {w->turned ? N : 1, w->turned ? 1 : N};
        if (w->channel) in[1] = constant(g, INGOT_F32, 2, spread, w->halves);
        widen(g, in, &y);
    } else {
        ig_node *d = add(g, "dequantize", in, w->zeros ? 3 : 2, &y);
        assert_true(ig_put_attr_int(g, d, "axis", axis));
        assert_true(ig_put_attr_int(g, d, "block_size", w->block));
    }
    if (w->transpose) add(g, "transpose", &y, 1, &y);
    ig_node *p = add(g, "matmul", (ig_id[]){x, y}, 2, &y);
    assert_true(ig_put_attr_int(g, p, "trans_b", w->turned && !w->transpose));
    const int64_t n = N;
    ig_id all;
    ig_node *sum = add(g, "binary", (ig_id[]){y, constant(g, INGOT_F32, 1, &n, false)}, 2, &all);
    assert_true(ig_put_attr_text(g, sum, "fn", "add"));
    return small_unary(g, "relu", all);
}

static void run(ig_graph *g, int64_t rows, float *y)
{
    static float x[ROWS * K];
    for (size_t i = 0; i < ROWS * K; i++) x[i] = (float)((i * 37) % 101) * 0.017f - 0.9f;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    const ig_exec_options o = {.heap = &heap};
    ig_exec *e;
    check_ok(ig_exec_open(&e, g, &o, &err));
    ig_tensor in = small_tensor(x, 2, (int64_t[]){rows, K}), out = {0};
    check_ok(ig_exec_run(e, &out, &in, &err));
    assert_int_equal(ig_tensor_elements(&out), rows * N);
    memcpy(y, out.data, (size_t)rows * N * sizeof *y);
    ig_exec_close(&e);
}

static const ig_node *only_node(const ig_graph *g)
{
    assert_int_equal(g->n_nodes, 1);
    return g->nodes[0];
}

static void check_weights(const weights *w)
{
    static float before[ROWS * N], after[ROWS * N];
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const ig_id x = small_input(g, "x", 2, (int64_t[]){IG_DIM_UNKNOWN, K}), y = product(g, x, w);
    assert_true(ig_graph_set_io(g, &x, 1, &y, 1));
    run(g, ROWS, before);
    small_passes(g, &heap);
    for (int64_t rows = 1; rows <= ROWS; rows += 5) {
        run(g, rows, after);
        if (memcmp(before, after, (size_t)rows * N * sizeof *before))
            fail_msg("%lld rows differ:\n%s", (long long)rows, small_text(g));
    }
    const ig_node *n = only_node(g);
    if (!ig_is(n, w->format ? "matmul_q" : "matmul", NULL)) fail_msg("%s", small_text(g));
    if (w->format) assert_string_equal(ig_attr_text(n, "format"), w->format);
    assert_string_equal(ig_attr_text(n, "act"), "relu");
    ig_graph_close(&g);
    assert_int_equal(heap.live_bytes, 0);
}

static void weights_stay_as_they_are(void **state)
{
    (void)state;
    static const weights all[] = {
        {.dtype = INGOT_F8E4M3FN, .turned = true, .channel = true, .format = "f8c"},
        {.dtype = INGOT_F8E4M3FN, .format = "f8c"},
        {.dtype = INGOT_F8E4M3FN, .block = 128, .transpose = true, .turned = true, .format = "f8c"},
        {.dtype = INGOT_F8E4M3FN, .block = 64},                    /* no such format */
        {.dtype = INGOT_F8E4M3FN, .channel = true, .zeros = true}, /* shifted */
        {.dtype = INGOT_F8E5M2, .channel = true},
        {.dtype = INGOT_U4, .block = 32, .turned = true, .zeros = true, .format = "i4g32zf"},
        {.dtype = INGOT_U4, .block = 64, .zeros = true, .halves = true, .format = "i4g64z"},
        {.dtype = INGOT_I4, .block = 128, .format = "i4c"},
        {.dtype = INGOT_I4, .block = 32, .turned = true, .halves = true, .format = "i4g32"},
        {.dtype = INGOT_I4, .block = 96, .turned = true, .transpose = true, .format = "i4g32f"},
        {.dtype = INGOT_I8, .channel = true, .turned = true, .format = "i8c"},
        {.dtype = INGOT_U8, .channel = true, .zeros = true, .format = "i8cz"},
        {.dtype = INGOT_I8, .turned = true, .transpose = true, .format = "i8c"},
        {.dtype = INGOT_U8, .format = "i8cz"},
        {.dtype = INGOT_I8, .channel = true, .cast = true, .format = "i8c"},
        {.dtype = INGOT_I8, .turned = true, .channel = true, .cast = true, .format = "i8c"},
        {.dtype = INGOT_U4, .turned = true, .cast = true, .transpose = true, .format = "i4cz"},
        {.dtype = INGOT_I8, .block = 16, .turned = true},
    };
    for (size_t i = 0; i < IG_LEN(all); i++) check_weights(&all[i]);
}

/* An embedding whose rows are widened after they are looked up. */
static void tables_stay_as_they_are(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) { /* one scale, one a row, one a column */
        static float before[ROWS * N], after[ROWS * N];
        ig_heap heap;
        ig_heap_init(&heap, NULL);
        ig_graph *g = ig_graph_open(&heap, NULL);
        const int64_t table[] = {K, N}, scales[] = {kind == 1 ? K : 1, kind == 2 ? N : 1};
        const ig_id x = small_input(g, "x", 2, (int64_t[]){IG_DIM_UNKNOWN, K});
        ig_id y, index;
        widen(g,
              (ig_id[]){constant(g, INGOT_I8, 2, table, false),
                        constant(g, INGOT_F32, 2, scales, false)},
              &y);
        ig_node *n = add(g, "arg_reduce", &x, 1, &index);
        assert_true(ig_put_attr_int(g, n, "axis", 1) && ig_put_attr_int(g, n, "keepdims", 0));
        add(g, "gather", (ig_id[]){y, index}, 2, &y);
        assert_true(ig_graph_set_io(g, &x, 1, &y, 1));
        run(g, ROWS, before);
        small_passes(g, &heap);
        run(g, ROWS, after);
        assert_memory_equal(before, after, sizeof before);
        size_t wide = 0;
        for (size_t v = 0; v < g->n_values; v++)
            wide += g->values[v].is_const && g->values[v].data_bytes >= sizeof(float) * K * N;
        assert_int_equal(wide, 0);
        ig_graph_close(&g);
        assert_int_equal(heap.live_bytes, 0);
    }
}

/* A file may say anything. */
static void wrong_weights_are_refused(void **state)
{
    (void)state;
    static const struct {
        int64_t n, k, panels, bytes;
        const char *format;
        bool ok;
    } cases[] = {
        {20, 64, 2, 2 * 32 + 512, "i4g32", true},  {20, 64, 1, 2 * 32 + 512, "i4g32", false},
        {20, 64, 2, 2 * 32 + 511, "i4g32", false}, {-1, 64, 0, 576, "i4g32", false},
        {20, INT64_MAX, 2, 576, "i4g32", false},   {20, 64, 2, 576, "i4g33", false},
    };
    for (size_t i = 0; i < IG_LEN(cases); i++) {
        static const uint8_t bytes[2048];
        ingot_error err;
        ig_heap heap;
        ig_heap_init(&heap, NULL);
        ig_graph *g = ig_graph_open(&heap, NULL);
        const ig_id x = small_input(g, "x", 2, (int64_t[]){3, 64});
        const ig_id w = ig_graph_const_copy(g, "", INGOT_U8, 2,
                                            (int64_t[]){cases[i].panels, cases[i].bytes}, bytes);
        ig_id y;
        ig_node *n = add(g, "matmul_q", (ig_id[]){x, w}, 2, &y);
        assert_true(ig_put_attr_int(g, n, "n", cases[i].n) &&
                    ig_put_attr_int(g, n, "k", cases[i].k) &&
                    ig_put_attr_text(g, n, "format", cases[i].format));
        assert_true(ig_graph_set_io(g, &x, 1, &y, 1));
        const ingot_status s = ig_infer_graph(g, &heap, &err);
        assert_int_equal(s, cases[i].ok ? INGOT_OK : INGOT_E_FORMAT);
        ig_graph_close(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_stay_as_they_are),
        cmocka_unit_test(tables_stay_as_they_are),
        cmocka_unit_test(wrong_weights_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
