/* llm_encoder_ops.c - the small ops that text encoders need: or_zeros, token_positions,
 * relative_bias. */
#include "tests/ops/call.h"

static const int64_t shape[] = {2, 4};

static void positions(int64_t pad, const int64_t *ids, const int64_t *want)
{
    caller c;
    caller_open(&c);
    ig_node *n = caller_node(&c, "token_positions", 1, 1);
    caller_int(&c, n, "pad", pad);
    const ig_tensor *in[] = {caller_tensor(&c, INGOT_I64, 2, shape, ids)};
    ig_tensor y;
    assert_int_equal(call(&c, n, in, &y), INGOT_OK);
    assert_int_equal(y.dtype, INGOT_I64);
    assert_memory_equal(y.data, want, 8 * sizeof *want);
    caller_close(&c);
}

static void tokens_are_counted(void **state)
{
    (void)state;
    const int64_t ids[] = {5, 6, 1, 1, 1, 1, 7, 8};
    positions(-1, ids, (const int64_t[]){0, 1, 2, 3, 0, 1, 2, 3});
    positions(1, ids, (const int64_t[]){2, 3, 1, 1, 1, 1, 2, 3});
    positions(6, ids, (const int64_t[]){7, 6, 8, 9, 7, 8, 9, 10});
}

static void refused(const char *op, const char *attr, int64_t v, const ig_tensor *const *in,
                    size_t n_in, const char *word)
{
    caller c;
    caller_open(&c);
    ig_node *n = caller_node(&c, op, n_in, 1);
    if (attr) caller_int(&c, n, attr, v);
    ig_tensor y;
    assert_int_equal(call(&c, n, in, &y), INGOT_E_FORMAT);
    if (!strstr(c.err.text, word)) fail_msg("'%s' does not say '%s'", c.err.text, word);
    caller_close(&c);
}

static void defaults(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    ig_node *n = caller_node(&c, "or_zeros", 2, 1);
    const int64_t v[] = {1, 0, 1, 0, 1, 1, 1, 0}, zeros[8] = {0};
    ig_tensor empty = {.absent = true}, y;
    const ig_tensor *like = caller_tensor(&c, INGOT_I32, 2, shape, v);
    const ig_tensor *given = caller_tensor(&c, INGOT_I64, 2, shape, v);
    assert_int_equal(call(&c, n, (const ig_tensor *[]){&empty, like}, &y), INGOT_OK);
    assert_int_equal(y.rank, 2);
    assert_int_equal(y.dtype, INGOT_I64);
    assert_memory_equal(y.data, zeros, sizeof zeros);
    assert_int_equal(call(&c, n, (const ig_tensor *[]){given, like}, &y), INGOT_OK);
    assert_memory_equal(y.data, v, sizeof v);
    const ig_tensor *other = caller_ints(&c, 3, v);
    refused("or_zeros", NULL, 0, (const ig_tensor *[]){other, like}, 2, "shaped like");
    refused("or_zeros", NULL, 0, (const ig_tensor *[]){like, like}, 2, "i32, not i64");
    refused("or_zeros", "dtype", 99, (const ig_tensor *[]){given, like}, 2, "dtype=99");
    caller_close(&c);
}

/* The buckets of the paper's code for 32 of them and distances up to 128, by hand. */
static void distances_have_buckets(void **state)
{
    (void)state;
    enum { T = 140, H = 2 };
    static const struct {
        int64_t distance;
        int bucket;
    } known[] = {{0, 0},    {-1, 1},   {-7, 7},   {-8, 8},   {-11, 8},   {-12, 9},
                 {-16, 10}, {-32, 12}, {-64, 14}, {-91, 15}, {-128, 15}, {-139, 15},
                 {1, 17},   {7, 23},   {8, 24},   {16, 26},  {139, 31}};
    caller c;
    caller_open(&c);
    float table[32 * H];
    for (size_t i = 0; i < IG_LEN(table); i++) table[i] = (float)(i / H) + (i % H ? 100.0f : 0.0f);
    const ig_tensor *in[] = {caller_tensor(&c, INGOT_I64, 2, (int64_t[]){1, T}, (int64_t[T]){0}),
                             caller_tensor(&c, INGOT_F32, 2, (int64_t[]){32, H}, table)};
    ig_node *n = caller_node(&c, "relative_bias", 2, 1);
    ig_tensor y;
    assert_int_equal(call(&c, n, in, &y), INGOT_OK);
    assert_true(y.rank == 4 && y.dims[0] == 1 && y.dims[1] == H && y.dims[3] == T);
    const float *v = y.data;
    for (size_t k = 0; k < IG_LEN(known); k++)
        for (int64_t i = 0; i < T; i++) {
            const int64_t j = i + known[k].distance;
            if (j < 0 || j >= T) continue;
            assert_true(v[i * T + j] == (float)known[k].bucket);
            assert_true(v[T * T + i * T + j] == (float)known[k].bucket + 100);
        }
    refused("relative_bias", "buckets", 64, in, 2, "64 buckets");
    refused("relative_bias", "buckets", 6, in, 2, "6 buckets");
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tokens_are_counted),
                                       cmocka_unit_test(defaults),
                                       cmocka_unit_test(distances_have_buckets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
