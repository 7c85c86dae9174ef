/* Narrow floats against a slow oracle: the nearest of all codes, found by trying them. */
#include "runtime/base/dtype.h"
#include "runtime/base/half.h"
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

static const ingot_dtype types[] = {INGOT_F8E4M3FN, INGOT_F8E4M3FNUZ, INGOT_F8E5M2,
                                    INGOT_F8E5M2FNUZ, INGOT_F4E2M1};

static int codes_of(ingot_dtype dtype) { return dtype == INGOT_F4E2M1 ? 16 : 256; }

static double largest_of(ingot_dtype dtype)
{
    double largest = 0;
    for (int code = 0; code < codes_of(dtype); code++) {
        const double v = (double)ig_f8_to_f32((uint8_t)code, dtype);
        if (isfinite(v)) largest = fmax(largest, v);
    }
    return largest;
}

/* The finite code nearest to x; of two, the even one. */
static double nearest(double x, ingot_dtype dtype)
{
    double best = 0, distance = INFINITY;
    for (int code = 0; code < codes_of(dtype) / 2; code++) {
        const double v = (double)ig_f8_to_f32((uint8_t)code, dtype), d = fabs(fabs(x) - v);
        if (!isfinite(v)) continue;
        if (d < distance || (d == distance && code % 2 == 0)) best = v, distance = d;
    }
    return x < 0 ? -best : best;
}

static void check_value(float x, ingot_dtype dtype)
{
    const uint8_t got = ig_f32_to_f8(x, dtype, true);
    const double value = (double)ig_f8_to_f32(got, dtype), want = nearest((double)x, dtype);
    if (value != want)
        fail_msg("%s: %.9g became %g (code %u), nearest is %g", ig_dtype(dtype)->name, (double)x,
                 value, got, want);
}

static void finite_values_round_to_the_nearest_code(void **state)
{
    (void)state;
    srand(7);
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++) {
        const double largest = largest_of(types[t]);
        for (int code = 0; code < codes_of(types[t]) / 2 - 1; code++) {
            const float a = ig_f8_to_f32((uint8_t)code, types[t]);
            const float b = ig_f8_to_f32((uint8_t)(code + 1), types[t]);
            if (!isfinite(a) || !isfinite(b)) continue;
            const float mid = (a + b) / 2;
            check_value(a, types[t]);
            check_value(mid, types[t]);
            check_value(nextafterf(mid, 0), types[t]);
            check_value(-nextafterf(mid, INFINITY), types[t]);
        }
        for (int i = 0; i < 2000; i++) {
            const double u = (double)rand() / RAND_MAX;
            check_value((float)(largest * (u * 2.2 - 1.1) * ldexp(1, -(i % 20))), types[t]);
        }
    }
}

static void codes_survive_a_round_trip(void **state)
{
    (void)state;
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
        for (int code = 0; code < codes_of(types[t]); code++) {
            const float v = ig_f8_to_f32((uint8_t)code, types[t]);
            if (!isnan(v)) assert_int_equal(ig_f32_to_f8(v, types[t], false), code);
        }
}

/* The tables of ONNX Cast. */
static void specials_follow_the_specification(void **state)
{
    (void)state;
    assert_int_equal(ig_f32_to_f8(INFINITY, INGOT_F8E4M3FN, true), 0x7e);
    assert_int_equal(ig_f32_to_f8(INFINITY, INGOT_F8E4M3FN, false), 0x7f);
    assert_int_equal(ig_f32_to_f8(-1e9f, INGOT_F8E4M3FN, false), 0xff);
    assert_int_equal(ig_f32_to_f8(NAN, INGOT_F8E4M3FN, true) & 0x7f, 0x7f);
    assert_int_equal(ig_f32_to_f8(-INFINITY, INGOT_F8E4M3FNUZ, true), 0xff);
    assert_int_equal(ig_f32_to_f8(-INFINITY, INGOT_F8E4M3FNUZ, false), 0x80);
    assert_int_equal(ig_f32_to_f8(-0.0f, INGOT_F8E4M3FNUZ, true), 0);
    assert_int_equal(ig_f32_to_f8(-1e-9f, INGOT_F8E5M2FNUZ, true), 0);
    assert_int_equal(ig_f32_to_f8(1e9f, INGOT_F8E5M2, false), 0x7c);
    assert_int_equal(ig_f32_to_f8(-1e9f, INGOT_F8E5M2, true), 0xfb);
    assert_int_equal(ig_f32_to_f8(NAN, INGOT_F4E2M1, true), 0x08);
    assert_int_equal(ig_f32_to_f8(-1e9f, INGOT_F4E2M1, true), 0x0f);
}

static void powers_of_two_round_as_told(void **state)
{
    (void)state;
    for (int code = 0; code < 255; code++) {
        const float v = ig_f8_to_f32((uint8_t)code, INGOT_F8E8M0);
        assert_true(v == ldexpf(1, code - 127));
        for (ig_round r = IG_ROUND_UP; r <= IG_ROUND_NEAREST; r++)
            assert_int_equal(ig_f32_to_e8m0(v, r, true), code);
    }
    assert_int_equal(ig_f32_to_e8m0(1.1f, IG_ROUND_UP, true), 128);
    assert_int_equal(ig_f32_to_e8m0(1.9f, IG_ROUND_DOWN, true), 127);
    assert_int_equal(ig_f32_to_e8m0(1.5f, IG_ROUND_NEAREST, true), 128);
    assert_int_equal(ig_f32_to_e8m0(1.49f, IG_ROUND_NEAREST, true), 127);
    assert_int_equal(ig_f32_to_e8m0(0x1.8p127f, IG_ROUND_UP, true), 254);
    assert_int_equal(ig_f32_to_e8m0(0x1.8p127f, IG_ROUND_UP, false), 255);
    assert_int_equal(ig_f32_to_e8m0(INFINITY, IG_ROUND_UP, true), 254);
    assert_int_equal(ig_f32_to_e8m0(NAN, IG_ROUND_UP, true), 255);
    assert_int_equal(ig_f32_to_e8m0(0, IG_ROUND_NEAREST, false), 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finite_values_round_to_the_nearest_code),
        cmocka_unit_test(codes_survive_a_round_trip),
        cmocka_unit_test(specials_follow_the_specification),
        cmocka_unit_test(powers_of_two_round_as_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
