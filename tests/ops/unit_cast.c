/* cast: widths, single rounding, text both ways. */
#include "runtime/base/half.h"
#include "tests/ops/call.h"

#include <math.h>

static ingot_status try_cast(caller *c, ig_tensor *out, ingot_dtype to, ingot_dtype from, size_t n,
                             const void *x)
{
    ig_node *node = caller_node(c, "cast", 1, 1);
    const int64_t dims[] = {(int64_t)n};
    const ig_tensor *in[] = {caller_tensor(c, from, 1, dims, x)};
    caller_int(c, node, "to", to);
    return call(c, node, in, out);
}

static const void *cast(caller *c, ingot_dtype to, ingot_dtype from, size_t n, const void *x)
{
    ig_tensor out;
    if (try_cast(c, &out, to, from, n, x)) fail_msg("%s", c->err.text);
    return out.data;
}

static void integers_keep_their_low_bits(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const int32_t x[] = {200, -129, 70000, -1};
    assert_memory_equal(cast(&c, INGOT_I8, INGOT_I32, 4, x), ((int8_t[]){-56, 127, 112, -1}), 4);
    assert_memory_equal(cast(&c, INGOT_I4, INGOT_I32, 4, x), ((int8_t[]){-8, -1, 0, -1}), 4);
    assert_memory_equal(cast(&c, INGOT_U2, INGOT_I32, 4, x), ((uint8_t[]){0, 3, 0, 3}), 4);
    assert_memory_equal(cast(&c, INGOT_BOOL, INGOT_I32, 4, x), ((uint8_t[]){1, 1, 1, 1}), 4);
    const float f[] = {1e20f, -1e20f, NAN, -3.9f};
    assert_memory_equal(cast(&c, INGOT_I32, INGOT_F32, 4, f),
                        ((int32_t[]){INT32_MAX, INT32_MIN, 0, -3}), 16);
    caller_close(&c);
}

/* Halfway between two halves by f32, just above by f64: one rounding goes up, two would go down. */
static void doubles_round_once(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const double x[] = {1 + 0x1p-11 + 0x1p-40, 1 + 0x1p-8 + 0x1p-45, 65519.999};
    const uint16_t *h = cast(&c, INGOT_F16, INGOT_F64, 3, x);
    assert_int_equal(h[0], 0x3c01);
    assert_int_equal(h[2], 0x7bff);
    const uint16_t *b = cast(&c, INGOT_BF16, INGOT_F64, 3, x);
    assert_int_equal(b[1], 0x3f81);
    caller_close(&c);
}

static void check_text(const ingot_str *got, const char *const *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (got[i].n != strlen(want[i]) || memcmp(got[i].p, want[i], got[i].n))
            fail_msg("element %zu is \"%.*s\", not \"%s\"", i, (int)got[i].n, got[i].p, want[i]);
}

static void numbers_as_text(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const float f[] = {0.47892547f, 1.5f, 100, 1e-5f, 2e6f, -0.0f, NAN, -INFINITY, 0.001f};
    check_text(cast(&c, INGOT_STR, INGOT_F32, 9, f),
               (const char *[]){"0.47892547", "1.5", "100.0", "1e-05", "2e+06", "-0.0", "nan",
                                "-inf", "0.001"},
               9);
    const double d[] = {1.0 / 3, 123456789012.5, 1e300};
    check_text(cast(&c, INGOT_STR, INGOT_F64, 3, d),
               (const char *[]){"0.3333333333333333", "123456789012.5", "1e+300"}, 3);
    const uint64_t u[] = {UINT64_MAX};
    check_text(cast(&c, INGOT_STR, INGOT_U64, 1, u), (const char *[]){"18446744073709551615"}, 1);
    caller_close(&c);
}

static void text_as_numbers(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const ingot_str s[] = {{"3.25", 4}, {"-INF", 4}, {" 1E2 ", 5}, {"NaN", 3}};
    const float *f = cast(&c, INGOT_F32, INGOT_STR, 4, s);
    assert_true(f[0] == 3.25f && f[1] == -INFINITY && f[2] == 100 && isnan(f[3]));
    const ingot_str whole[] = {{"9223372036854775807", 19}, {"-12", 3}};
    const int64_t *i = cast(&c, INGOT_I64, INGOT_STR, 2, whole);
    assert_true(i[0] == INT64_MAX && i[1] == -12);
    const ingot_str bad[] = {{"0x10", 4}, {"", 0}, {"1.5z", 4}, {"Hello", 5}};
    ig_tensor out;
    for (int k = 0; k < 4; k++)
        assert_int_equal(try_cast(&c, &out, INGOT_F32, INGOT_STR, 1, &bad[k]), INGOT_E_DATA);
    assert_int_equal(try_cast(&c, &out, (ingot_dtype)99, INGOT_F32, 1, f), INGOT_E_FORMAT);
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_keep_their_low_bits),
        cmocka_unit_test(doubles_round_once),
        cmocka_unit_test(numbers_as_text),
        cmocka_unit_test(text_as_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
