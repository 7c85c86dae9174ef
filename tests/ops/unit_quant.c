/* unit_quant.c - quantised ops: rounding and saturation, products against 64-bit sums, results that
 * no number of threads changes, and hostile shapes. */
#include "tests/ops/call.h"

#include <math.h>

static ig_tensor *scalar(caller *c, ingot_dtype dtype, const void *v)
{
    return caller_tensor(c, dtype, 0, NULL, v);
}

static uint32_t seed = 1;
static uint8_t random_byte(void) { return (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24); }

static ig_tensor *bytes(caller *c, ingot_dtype dtype, int rank, const int64_t *dims)
{
    uint8_t none = 0;
    ig_tensor shape = {.rank = rank};
    memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    const size_t n = ig_tensor_elements(&shape);
    uint8_t *p = ig_arena_take(&c->arena, n + 1);
    for (size_t i = 0; i < n; i++) p[i] = random_byte();
    return caller_tensor(c, dtype, rank, dims, n ? p : &none);
}

static void rounds_to_even_and_saturates(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const float x[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 1000, -1000, INFINITY, -INFINITY, NAN};
    const uint8_t zero = 1, want[] = {1, 3, 3, 1, 0, 255, 0, 255, 0, 0};
    const float scale = 1;
    ig_tensor y;
    const ig_tensor *in[] = {caller_tensor(&c, INGOT_F32, 1, (int64_t[]){10}, x),
                             scalar(&c, INGOT_F32, &scale), scalar(&c, INGOT_U8, &zero)};
    assert_int_equal(call(&c, caller_node(&c, "quantize", 3, 1), in, &y), INGOT_OK);
    assert_memory_equal(y.data, want, sizeof want);
    caller_close(&c);
}

/* Blocks of 2 along axis 0, which 3 does not divide. */
static void uses_the_scale_of_the_block(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const int8_t x[] = {1, 2, 3, 4, 5, 6};
    const float scale[] = {1, 10, 100, 1000}, want[] = {1, 20, 3, 40, 500, 6000};
    ig_tensor y;
    ig_node *node = caller_node(&c, "dequantize", 2, 1);
    caller_int(&c, node, "axis", 0);
    caller_int(&c, node, "block_size", 2);
    const ig_tensor *in[] = {caller_tensor(&c, INGOT_I8, 2, (int64_t[]){3, 2}, x),
                             caller_tensor(&c, INGOT_F32, 2, (int64_t[]){2, 2}, scale)};
    assert_int_equal(call(&c, node, in, &y), INGOT_OK);
    assert_memory_equal(y.data, want, sizeof want);
    caller_int(&c, node, "block_size", 1);
    assert_int_equal(call(&c, node, in, &y), INGOT_E_FORMAT);
    caller_int(&c, node, "block_size", -1);
    assert_int_equal(call(&c, node, in, &y), INGOT_E_FORMAT);
    caller_int(&c, node, "block_size", INT64_MAX);
    assert_int_equal(call(&c, node, in, &y), INGOT_E_FORMAT);
    caller_close(&c);
}

static void widens_the_range_to_zero(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const float x[] = {1, 2, 255}, none[] = {0, 0, 0};
    ig_tensor y[3];
    const ig_tensor *in[] = {caller_tensor(&c, INGOT_F32, 1, (int64_t[]){3}, x)};
    const ig_node *node = caller_node(&c, "dynamic_quantize", 1, 3);
    assert_int_equal(call(&c, node, in, y), INGOT_OK);
    assert_true(*(float *)y[1].data == 1 && *(uint8_t *)y[2].data == 0);
    assert_memory_equal(y[0].data, ((uint8_t[]){1, 2, 255}), 3);
    in[0] = caller_tensor(&c, INGOT_F32, 1, (int64_t[]){3}, none);
    assert_int_equal(call(&c, node, in, y), INGOT_OK);
    assert_true(*(float *)y[1].data > 0 && *(uint8_t *)y[2].data == 0);
    caller_close(&c);
}

enum { M = 61, N = 300, K = 45 };

/* a [2, M, K] u8 by b [K, N] i8 with a zero point for each column. */
static void multiplies_exactly(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const uint8_t a_zero = 77;
    const ig_tensor *in[] = {bytes(&c, INGOT_U8, 3, (int64_t[]){2, M, K}),
                             bytes(&c, INGOT_I8, 2, (int64_t[]){K, N}),
                             scalar(&c, INGOT_U8, &a_zero), bytes(&c, INGOT_I8, 1, (int64_t[]){N})};
    const uint8_t *a = in[0]->data;
    const int8_t *b = in[1]->data, *b_zero = in[3]->data;
    const ig_node *node = caller_node(&c, "matmul_integer", 4, 1);
    ig_tensor y, again;
    assert_int_equal(call(&c, node, in, &y), INGOT_OK);
    for (size_t i = 0; i < 2 * M * N; i++) {
        int64_t sum = 0;
        for (size_t k = 0; k < K; k++)
            sum += (int64_t)(a[i / N * K + k] - a_zero) * (b[k * N + i % N] - b_zero[i % N]);
        assert_int_equal(((int32_t *)y.data)[i], sum);
    }
    assert_int_equal(ig_pool_open(&c.pool, &c.heap, &(ig_pool_options){.n_threads = 3}, &c.err),
                     INGOT_OK);
    assert_int_equal(call(&c, node, in, &again), INGOT_OK);
    assert_memory_equal(y.data, again.data, 2 * M * N * sizeof(int32_t));
    caller_close(&c);
}

static ingot_status product(caller *c, const ig_tensor *a, const ig_tensor *b,
                            const ig_tensor *zero)
{
    ig_tensor y;
    const ig_tensor *in[] = {a, b, zero};
    return call(c, caller_node(c, "matmul_integer", 3, 1), in, &y);
}

static void refuses_products_that_do_not_fit(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const ig_tensor *a = bytes(&c, INGOT_U8, 2, (int64_t[]){3, 4});
    const ig_tensor *b = bytes(&c, INGOT_U8, 2, (int64_t[]){4, 5});
    assert_int_equal(product(&c, a, b, NULL), INGOT_OK);
    assert_int_equal(product(&c, b, a, NULL), INGOT_E_FORMAT);
    assert_int_equal(product(&c, a, bytes(&c, INGOT_U8, 0, (int64_t[]){1}), NULL), INGOT_E_FORMAT);
    assert_int_equal(product(&c, a, b, bytes(&c, INGOT_U8, 1, (int64_t[]){2})), INGOT_E_FORMAT);
    assert_int_equal(product(&c, a, b, bytes(&c, INGOT_U8, 1, (int64_t[]){0})), INGOT_E_FORMAT);
    assert_int_equal(product(&c, a, b, bytes(&c, INGOT_I8, 1, (int64_t[]){1})), INGOT_E_FORMAT);
    assert_int_equal(product(&c, a, bytes(&c, INGOT_U16, 2, (int64_t[]){4, 0}), NULL),
                     INGOT_E_FORMAT);
    assert_int_equal(product(&c, bytes(&c, INGOT_U8, 2, (int64_t[]){3, 0}),
                             bytes(&c, INGOT_U8, 2, (int64_t[]){0, 5}), NULL),
                     INGOT_OK);
    assert_int_equal(product(&c, bytes(&c, INGOT_U8, 2, (int64_t[]){0, 4}), b, NULL), INGOT_OK);
    caller_close(&c);
}

/* Two groups, padding and strides; then each channel alone, with weights that need several bytes
 * once their zero points are taken off. */
static void check_conv(caller *c, int64_t group, int64_t c_in, int64_t c_out)
{
    enum { SIZE = 7, OUT = 4 };
    const uint8_t x_zero = 9;
    const int64_t each = c_in / group, pads[] = {1, 1, 1, 1}, strides[] = {2, 2};
    const ig_tensor *in[] = {bytes(c, INGOT_U8, 4, (int64_t[]){1, c_in, SIZE, SIZE}),
                             bytes(c, INGOT_I8, 4, (int64_t[]){c_out, each, 3, 3}),
                             scalar(c, INGOT_U8, &x_zero),
                             bytes(c, INGOT_I8, 1, (int64_t[]){c_out})};
    const uint8_t *x = in[0]->data;
    const int8_t *w = in[1]->data, *w_zero = in[3]->data;
    ig_node *node = caller_node(c, "conv_integer", 4, 1);
    ig_tensor y;
    caller_int(c, node, "group", group);
    caller_set(c, node, "pads", (ig_attr_value){.kind = IG_ATTR_INTS, .ints = {pads, 4}});
    caller_set(c, node, "strides", (ig_attr_value){.kind = IG_ATTR_INTS, .ints = {strides, 2}});
    assert_int_equal(call(c, node, in, &y), INGOT_OK);
    for (int64_t i = 0; i < c_out * OUT * OUT; i++) {
        const int64_t m = i / OUT / OUT, row = i / OUT % OUT, col = i % OUT;
        int64_t sum = 0;
        for (int64_t k = 0; k < each * 9; k++) {
            const int64_t ch = m / (c_out / group) * each + k / 9;
            const int64_t r = row * 2 - 1 + k % 9 / 3, s = col * 2 - 1 + k % 3;
            if (r < 0 || s < 0 || r >= SIZE || s >= SIZE) continue;
            sum += (x[(ch * SIZE + r) * SIZE + s] - x_zero) * (w[m * each * 9 + k] - w_zero[m]);
        }
        assert_int_equal(((int32_t *)y.data)[i], sum);
    }
}

static void convolves_exactly(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    check_conv(&c, 1, 5, 20);
    check_conv(&c, 2, 6, 8);
    check_conv(&c, 300, 300, 300);
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_to_even_and_saturates),
        cmocka_unit_test(uses_the_scale_of_the_block),
        cmocka_unit_test(widens_the_range_to_zero),
        cmocka_unit_test(multiplies_exactly),
        cmocka_unit_test(refuses_products_that_do_not_fit),
        cmocka_unit_test(convolves_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
