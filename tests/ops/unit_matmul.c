/* matmul against the definition in double: dtypes, transposes, broadcast batches, epilogue; and
 * that threads and neighbouring rows change no bit. */
#include "tests/ops/call.h"

#include <math.h>

static unsigned seed = 7;

static double next(void)
{
    seed = seed * 1664525u + 1013904223u;
    return (double)(seed >> 24) / 64 - 2; /* few bits: exact in every dtype below */
}

static ig_tensor *noise(caller *c, ingot_dtype dtype, int rank, const int64_t *dims)
{
    size_t n;
    assert_true(ig_dims_elements(rank, dims, &n));
    void *data = ig_arena_take(&c->arena, n * 8 + 64);
    const bool whole = ig_dtype(dtype)->class_ != IG_CLASS_FLOAT;
    for (size_t i = 0; i < n; i++)
        ig_from_double(data, dtype, i, whole ? rint(next() * 8) : next());
    return caller_tensor(c, dtype, rank, dims, data);
}

static double at(const ig_tensor *t, size_t i) { return ig_to_double(t->data, t->dtype, i); }

static double allowed(ingot_dtype dtype, double size)
{
    const double unit = dtype == INGOT_F64   ? 0x1p-50
                        : dtype == INGOT_F32 ? 0x1p-20
                        : dtype == INGOT_F16 ? 0x1p-10
                                             : 0x1p-7;
    return ig_dtype(dtype)->class_ == IG_CLASS_FLOAT ? unit * (size + 1) : 0;
}

typedef struct {
    int64_t m, k, n;
    bool trans_a, trans_b;
    int a_batch, b_batch; /* matrices of each operand: 1, or all of them */
} shape;

static const shape shapes[] = {
    {1, 1, 1, false, false, 1, 1},     {1, 33, 40, false, true, 1, 1},
    {5, 17, 3, true, false, 3, 3},     {30, 64, 16, false, false, 3, 1},
    {7, 9, 35, true, true, 1, 3},      {13, 0, 4, false, false, 3, 3},
    {50, 20, 100, false, false, 3, 3}, {4, 8, 15, true, false, 3, 1},
};

static ig_tensor *operand(caller *c, ingot_dtype dtype, int batch, int64_t rows, int64_t cols,
                          bool turned)
{
    const int64_t dims[] = {batch, turned ? cols : rows, turned ? rows : cols};
    return noise(c, dtype, 3, dims);
}

static double element(const ig_tensor *t, bool turned, int64_t batch, int64_t row, int64_t col)
{
    const int64_t b = t->dims[0] == 1 ? 0 : batch;
    const int64_t r = turned ? col : row, i = turned ? row : col;
    return at(t, (size_t)((b * t->dims[1] + r) * t->dims[2] + i));
}

static void expect_product(const ig_tensor *y, const ig_tensor *const *in, const shape *s,
                           double alpha, bool fused)
{
    for (int64_t i = 0; i < y->dims[0] * s->m * s->n; i++) {
        const int64_t col = i % s->n, row = i / s->n % s->m, batch = i / s->n / s->m;
        double want = 0, size = 0;
        for (int64_t k = 0; k < s->k; k++) {
            const double v = element(in[0], s->trans_a, batch, row, k) *
                             element(in[1], s->trans_b, batch, k, col);
            want += v, size += fabs(v);
        }
        want *= alpha;
        if (fused) want = fmax(want + at(in[2], (size_t)col) + at(in[3], (size_t)i), 0);
        if (!(fabs(at(y, (size_t)i) - want) <= allowed(y->dtype, size + 4)))
            fail_msg("%s, %lld x %lld x %lld: element %lld is %.17g, not %.17g",
                     ig_dtype(y->dtype)->name, (long long)s->m, (long long)s->k, (long long)s->n,
                     (long long)i, at(y, (size_t)i), want);
    }
}

static void product(caller *c, const shape *s, ingot_dtype dtype, bool fused, ig_tensor *y,
                    const ig_tensor **in)
{
    ig_node *node = caller_node(c, "matmul", fused ? 4 : 2, 1);
    const int64_t batch = IG_MAX(s->a_batch, s->b_batch);
    in[0] = operand(c, dtype, s->a_batch, s->m, s->k, s->trans_a);
    in[1] = operand(c, dtype, s->b_batch, s->k, s->n, s->trans_b);
    in[2] = noise(c, dtype, 1, (int64_t[]){s->n});
    in[3] = noise(c, dtype, 3, (int64_t[]){batch, s->m, s->n});
    caller_int(c, node, "trans_a", s->trans_a);
    caller_int(c, node, "trans_b", s->trans_b);
    if (fused) {
        caller_set(c, node, "alpha", (ig_attr_value){.kind = IG_ATTR_FLOAT, .f = 0.5});
        caller_text(c, node, "act", "relu");
    }
    if (call(c, node, in, y)) fail_msg("%s", c->err.text);
}

static void follows_its_definition(void **state)
{
    (void)state;
    static const ingot_dtype dtypes[] = {INGOT_F32,  INGOT_F64, INGOT_F16,
                                         INGOT_BF16, INGOT_I32, INGOT_I64};
    for (size_t d = 0; d < IG_LEN(dtypes); d++)
        for (size_t i = 0; i < IG_LEN(shapes); i++)
            for (int fused = 0; fused < (d < 4 ? 2 : 1); fused++) {
                caller c;
                caller_open(&c);
                ig_tensor y;
                const ig_tensor *in[4];
                product(&c, &shapes[i], dtypes[d], fused, &y, in);
                expect_product(&y, in, &shapes[i], fused ? 0.5 : 1, fused);
                caller_close(&c);
            }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < IG_LEN(shapes); i++) {
        caller c;
        caller_open(&c);
        ig_tensor one, many;
        const ig_tensor *in[4];
        const unsigned start = seed;
        product(&c, &shapes[i], INGOT_F32, true, &one, in);
        const ig_pool_options options = {.n_threads = 3};
        assert_int_equal(ig_pool_open(&c.pool, &c.heap, &options, &c.err), INGOT_OK);
        seed = start;
        product(&c, &shapes[i], INGOT_F32, true, &many, in);
        const size_t bytes = ig_tensor_elements(&one) * sizeof(float);
        if (bytes) assert_memory_equal(one.data, many.data, bytes);
        caller_close(&c);
    }
}

static void a_row_does_not_depend_on_its_neighbours(void **state)
{
    (void)state;
    enum { M = 37, K = 70, N = 50 };
    caller c;
    caller_open(&c);
    const ig_tensor *in[] = {noise(&c, INGOT_F32, 2, (int64_t[]){M, K}),
                             noise(&c, INGOT_F32, 2, (int64_t[]){K, N})};
    ig_tensor all, row;
    const ig_node *node = caller_node(&c, "matmul", 2, 1);
    assert_int_equal(call(&c, node, in, &all), INGOT_OK);
    for (size_t m = 0; m < M; m++) {
        const ig_tensor *one[] = {
            caller_tensor(&c, INGOT_F32, 1, (int64_t[]){K}, (const float *)in[0]->data + m * K),
            in[1]};
        assert_int_equal(call(&c, node, one, &row), INGOT_OK);
        assert_int_equal(row.rank, 1);
        assert_memory_equal(row.data, (const float *)all.data + m * N, N * sizeof(float));
    }
    caller_close(&c);
}

/* Weights stored in half meet activations in f32: as if they were widened first. */
static void weights_of_16_bits_count_as_widened(void **state)
{
    (void)state;
    enum { M = 5, K = 131, N = 37 };
    static const ingot_dtype halves[] = {INGOT_F16, INGOT_BF16};
    for (size_t i = 0; i < IG_LEN(halves); i++) {
        caller c;
        caller_open(&c);
        const ig_tensor *in[] = {noise(&c, INGOT_F32, 2, (int64_t[]){M, K}),
                                 noise(&c, halves[i], 2, (int64_t[]){K, N})};
        ig_tensor got, want;
        const ig_node *node = caller_node(&c, "matmul", 2, 1);
        assert_int_equal(call(&c, node, in, &got), INGOT_OK);
        assert_int_equal(got.dtype, INGOT_F32);
        float *wide = ig_arena_take(&c.arena, K * N * sizeof *wide);
        for (size_t j = 0; j < K * N; j++) wide[j] = (float)at(in[1], j);
        in[1] = caller_tensor(&c, INGOT_F32, 2, (int64_t[]){K, N}, wide);
        assert_int_equal(call(&c, node, in, &want), INGOT_OK);
        assert_memory_equal(got.data, want.data, M * N * sizeof(float));
        in[0] = noise(&c, halves[i], 2, (int64_t[]){M, K}); /* the other way round: no */
        assert_int_equal(call(&c, node, in, &got), INGOT_E_FORMAT);
        caller_close(&c);
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    ig_tensor y;
    const ig_node *node = caller_node(&c, "matmul", 2, 1);
    const ig_tensor *in[] = {noise(&c, INGOT_F32, 2, (int64_t[]){2, 3}),
                             noise(&c, INGOT_F32, 2, (int64_t[]){4, 2})};
    assert_int_equal(call(&c, node, in, &y), INGOT_E_FORMAT);
    in[1] = noise(&c, INGOT_F64, 2, (int64_t[]){3, 2});
    assert_int_equal(call(&c, node, in, &y), INGOT_E_FORMAT);
    in[1] = noise(&c, INGOT_F32, 0, NULL);
    assert_int_equal(call(&c, node, in, &y), INGOT_E_FORMAT);
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_its_definition),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_row_does_not_depend_on_its_neighbours),
        cmocka_unit_test(weights_of_16_bits_count_as_widened),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
