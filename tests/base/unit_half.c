/* unit_half.c - every half and bfloat16 survives a round trip; roundings are checked against an
 * oracle that finds the nearest representable value by search, in double. */
#include "tests/check.h"
#include "runtime/base/checked.h"
#include "runtime/base/half.h"

#include <math.h>

/* A format by its fields, decoded by definition. */
typedef struct {
    int exp_bits, man_bits;
} format;

static double decode(format f, uint32_t magnitude)
{
    const int bias = (1 << (f.exp_bits - 1)) - 1, exp = (int)(magnitude >> f.man_bits);
    const double man = (double)(magnitude & ((1u << f.man_bits) - 1));
    if (exp == 0) return ldexp(man, 1 - bias - f.man_bits);
    return ldexp(man + ldexp(1, f.man_bits), exp - bias - f.man_bits); /* also "infinity" */
}

/* The nearest by binary search, ties to the even code; the code after the largest is infinity. */
static uint32_t nearest(format f, double x)
{
    const uint32_t infinity = ((1u << f.exp_bits) - 1) << f.man_bits;
    uint32_t low = 0, high = infinity;
    if (x >= decode(f, infinity)) return infinity;
    while (high - low > 1) {
        const uint32_t middle = (low + high) / 2;
        if (decode(f, middle) <= x)
            low = middle;
        else
            high = middle;
    }
    const double below = x - decode(f, low), above = decode(f, high) - x;
    if (below != above) return below < above ? low : high;
    return low & 1 ? high : low;
}

static const format f16 = {5, 10}, bf16 = {8, 7};

static void check_value(uint32_t bits)
{
    const float x = ig_f32_from_bits(bits);
    const uint16_t h = ig_f32_to_f16(x), b = ig_f32_to_bf16(x);
    const uint32_t sign = bits >> 31 << 15;
    if (isnan(x)) {
        assert_true((h & 0x7c00) == 0x7c00 && (h & 0x0200) && (h & 0x8000) == sign);
        assert_true((b & 0x7f80) == 0x7f80 && (b & 0x0040) && (b & 0x8000) == sign);
        return;
    }
    const double a = isinf(x) ? 1e300 : fabs((double)x);
    if (h != (sign | nearest(f16, a))) fail_msg("f16 of 0x%08x is 0x%04x", bits, h);
    if (b != (sign | nearest(bf16, a))) fail_msg("bf16 of 0x%08x is 0x%04x", bits, b);
}

static void every_half_round_trips(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 65536; h++) {
        const float x = ig_f16_to_f32((uint16_t)h), y = ig_bf16_to_f32((uint16_t)h);
        if ((h & 0x7fff) > 0x7c00)
            assert_true(isnan(x));
        else
            assert_int_equal(ig_f32_to_f16(x), h);
        if ((h & 0x7fff) > 0x7f80)
            assert_true(isnan(y));
        else
            assert_int_equal(ig_f32_to_bf16(y), h);
        assert_int_equal(ig_f32_bits(x) >> 31, h >> 15);
        if ((h & 0x7fff) < 0x7c00) assert_true(fabs((double)x) == decode(f16, h & 0x7fff));
        if ((h & 0x7fff) < 0x7f80) assert_true(fabs((double)y) == decode(bf16, h & 0x7fff));
    }
    assert_true(isinf(ig_f16_to_f32(0x7c00)) && isinf(ig_bf16_to_f32(0x7f80)));
}

/* Each half, the midpoint after it, and the floats just beside both. */
static void ties_and_their_neighbours_round_right(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x7c00; h++) {
        const double middle = (decode(f16, h) + decode(f16, h + 1)) / 2;
        const uint32_t at[] = {ig_f32_bits((float)decode(f16, h)), ig_f32_bits((float)middle)};
        for (size_t i = 0; i < IG_LEN(at); i++)
            for (uint32_t d = 0; d < 3; d++)
                if (at[i] + d >= 1) {
                    check_value(at[i] + d - 1);
                    check_value((at[i] + d - 1) | 0x80000000u);
                }
    }
    for (uint32_t b = 0; b < 0x7f80; b++)
        for (uint32_t low = 0; low < 4; low++) {
            static const uint32_t lows[] = {0x7fff, 0x8000, 0x8001, 0xffff};
            check_value(b << 16 | lows[low]);
        }
}

static void other_floats_round_right(void **state)
{
    (void)state;
    for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 4099) check_value((uint32_t)bits);
    static const uint32_t special[] = {0,          1,          0x7f800000, 0x7f800001, 0x7fc00000,
                                       0x7fffffff, 0x7f7fffff, 0x477fefff, 0x477ff000, 0x477fffff,
                                       0x33000000, 0x33000001, 0x387fffff, 0x38800000};
    for (size_t i = 0; i < IG_LEN(special); i++) {
        check_value(special[i]);
        check_value(special[i] | 0x80000000u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_round_trips),
        cmocka_unit_test(ties_and_their_neighbours_round_right),
        cmocka_unit_test(other_floats_round_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
