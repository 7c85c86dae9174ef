/* binary: integers are exact and never trap; the corner cases of mod, pow and shifts. */
#include "tests/ops/call.h"

#include <math.h>

static ig_tensor run_pair(caller *c, const char *fn, ingot_dtype ta, ingot_dtype tb, size_t n,
                          const void *a, const void *b)
{
    ig_tensor out;
    ig_node *node = caller_node(c, "binary", 2, 1);
    const int64_t dims[] = {(int64_t)n};
    const ig_tensor *in[] = {caller_tensor(c, ta, 1, dims, a), caller_tensor(c, tb, 1, dims, b)};
    caller_text(c, node, "fn", fn);
    if (call(c, node, in, &out)) fail_msg("%s: %s", fn, c->err.text);
    return out;
}

static void check_i8(caller *c, const char *fn, size_t n, const int8_t *a, const int8_t *b,
                     const int8_t *want)
{
    const ig_tensor out = run_pair(c, fn, INGOT_I8, INGOT_I8, n, a, b);
    for (size_t i = 0; i < n; i++)
        if (((int8_t *)out.data)[i] != want[i])
            fail_msg("%s(%d, %d) = %d, not %d", fn, a[i], b[i], ((int8_t *)out.data)[i], want[i]);
}

static void integers_wrap_and_never_trap(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const int8_t a[] = {-128, 127, -7, 7, 5, -128}, b[] = {-1, -1, 3, -3, 0, 2};
    check_i8(&c, "div", 6, a, b, (int8_t[]){-128, -127, -2, -2, 0, -64});
    check_i8(&c, "mod", 6, a, b, (int8_t[]){0, 0, 2, -2, 0, 0});
    check_i8(&c, "fmod", 6, a, b, (int8_t[]){0, 0, -1, 1, 0, 0});
    check_i8(&c, "add", 6, a, b, (int8_t[]){127, 126, -4, 4, 5, -126});
    check_i8(&c, "mul", 6, a, b, (int8_t[]){-128, -127, -21, -21, 0, 0});
    const int64_t wide_a[] = {INT64_MIN, INT64_MIN, 9}, wide_b[] = {-1, 0, 0};
    const ig_tensor q = run_pair(&c, "div", INGOT_I64, INGOT_I64, 3, wide_a, wide_b);
    assert_true(((int64_t *)q.data)[0] == INT64_MIN && ((int64_t *)q.data)[1] == 0);
    const uint64_t big[] = {UINT64_MAX}, two[] = {2};
    const ig_tensor half = run_pair(&c, "div", INGOT_U64, INGOT_U64, 1, big, two);
    assert_true(((uint64_t *)half.data)[0] == UINT64_MAX / 2);
    caller_close(&c);
}

static void shifts_past_the_width_keep_only_the_sign(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const int8_t a[] = {-128, -1, 64, 3, -3}, b[] = {7, 8, 1, -1, 100};
    check_i8(&c, "shift_right", 5, a, b, (int8_t[]){-1, -1, 32, 0, -1});
    check_i8(&c, "shift_left", 5, a, b, (int8_t[]){0, 0, -128, 0, 0});
    const uint8_t ua[] = {255, 1, 128}, ub[] = {4, 7, 8};
    const ig_tensor out = run_pair(&c, "shift_right", INGOT_U8, INGOT_U8, 3, ua, ub);
    assert_memory_equal(out.data, ((uint8_t[]){15, 0, 0}), 3);
    caller_close(&c);
}

static void powers_of_mixed_types(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const int32_t base[] = {3, -2, 0, 1, -1}, power[] = {4, 3, 0, -5, -3};
    const ig_tensor out = run_pair(&c, "pow", INGOT_I32, INGOT_I32, 5, base, power);
    assert_memory_equal(out.data, ((int32_t[]){81, -8, 1, 1, -1}), 5 * sizeof(int32_t));
    const int64_t ninth[] = {39}, three[] = {3};
    const ig_tensor exact = run_pair(&c, "pow", INGOT_I64, INGOT_I64, 1, three, ninth);
    assert_true(((int64_t *)exact.data)[0] == INT64_C(4052555153018976267));
    const float half[] = {0.5f, 2};
    const int32_t whole[] = {4, 9};
    const ig_tensor root = run_pair(&c, "pow", INGOT_I32, INGOT_F32, 2, whole, half);
    assert_memory_equal(root.data, ((int32_t[]){2, 81}), 2 * sizeof(int32_t));
    caller_close(&c);
}

static void float_mod_has_the_sign_of_the_divisor(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const float a[] = {-4.3f, 7.2f, -0.0f, 5, INFINITY, 3, -3},
                b[] = {2, -3, 2, 0, 2, INFINITY, INFINITY};
    const ig_tensor out = run_pair(&c, "mod", INGOT_F32, INGOT_F32, 7, a, b);
    const float *y = out.data;
    assert_true(fabsf(y[0] - 1.7f) < 1e-5f && fabsf(y[1] + 1.8f) < 1e-5f);
    assert_true(y[2] == 0 && !signbit(y[2]));
    assert_true(isnan(y[3]) && isnan(y[4]));
    assert_true(y[5] == 3 && y[6] == INFINITY);
    caller_close(&c);
}

static void wrong_types_are_errors(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    ig_tensor out;
    ig_node *node = caller_node(&c, "binary", 2, 1);
    const int64_t one = 1;
    const ig_tensor *ints = caller_tensor(&c, INGOT_I64, 1, &one, &one);
    const ig_tensor *bools = caller_tensor(&c, INGOT_BOOL, 1, &one, &one);
    assert_int_equal(call(&c, node, (const ig_tensor *[]){ints, bools}, &out), INGOT_E_FORMAT);
    assert_int_equal(call(&c, node, (const ig_tensor *[]){bools, bools}, &out), INGOT_E_FORMAT);
    caller_text(&c, node, "fn", "and");
    assert_int_equal(call(&c, node, (const ig_tensor *[]){ints, ints}, &out), INGOT_E_FORMAT);
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_wrap_and_never_trap),
        cmocka_unit_test(shifts_past_the_width_keep_only_the_sign),
        cmocka_unit_test(powers_of_mixed_types),
        cmocka_unit_test(float_mod_has_the_sign_of_the_divisor),
        cmocka_unit_test(wrong_types_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
