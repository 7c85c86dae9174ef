/* unit_checked.c - sizes at the edge of what fits. */
#include "tests/check.h"
#include "runtime/base/checked.h"

static void sums_and_products_notice_wrapping(void **state)
{
    (void)state;
    size_t n = 0;
    assert_true(ig_add_ok(SIZE_MAX - 1, (size_t)1, &n));
    assert_true(n == SIZE_MAX);
    assert_false(ig_add_ok(SIZE_MAX, (size_t)1, &n));
    assert_true(ig_sub_ok((size_t)3, (size_t)3, &n));
    assert_int_equal(n, 0);
    assert_false(ig_sub_ok((size_t)3, (size_t)4, &n));
    assert_true(ig_mul_ok(SIZE_MAX / 3, (size_t)3, &n));
    assert_true(n == SIZE_MAX);
    assert_false(ig_mul_ok(SIZE_MAX / 3 + 1, (size_t)3, &n));
    int64_t i = 0;
    assert_false(ig_mul_ok(INT64_MIN, (int64_t)-1, &i));
    assert_false(ig_add_ok(INT64_MAX, (int64_t)1, &i));
    uint8_t small = 0; /* the result's type decides */
    assert_true(ig_add_ok(200, 55, &small));
    assert_false(ig_add_ok(200, 56, &small));
    assert_false(ig_sub_ok(1, 2, &small));
}

static void alignment_rounds_up(void **state)
{
    (void)state;
    size_t n = 0;
    static const size_t cases[][3] = {{0, 64, 0},    {1, 64, 64}, {64, 64, 64},
                                      {65, 64, 128}, {7, 1, 7},   {4095, 4096, 4096}};
    for (size_t i = 0; i < IG_LEN(cases); i++) {
        assert_true(ig_align_ok(cases[i][0], cases[i][1], &n));
        assert_int_equal(n, cases[i][2]);
    }
    assert_true(ig_align_ok(SIZE_MAX - 63, 64, &n));
    assert_true(n == SIZE_MAX - 63);
    assert_false(ig_align_ok(SIZE_MAX - 62, 64, &n));
    assert_false(ig_align_ok(SIZE_MAX, 2, &n));
}

static void ranges_stay_inside(void **state)
{
    (void)state;
    assert_true(ig_range_ok(0, 0, 0));
    assert_true(ig_range_ok(0, 10, 10));
    assert_true(ig_range_ok(10, 0, 10));
    assert_true(ig_range_ok(3, 7, 10));
    assert_false(ig_range_ok(3, 8, 10));
    assert_false(ig_range_ok(11, 0, 10));
    assert_false(ig_range_ok(UINT64_MAX, 2, 10)); /* the sum would be 1 */
    assert_false(ig_range_ok(2, UINT64_MAX, 10));
    assert_true(ig_range_ok(UINT64_MAX, 0, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_and_products_notice_wrapping),
        cmocka_unit_test(alignment_rounds_up),
        cmocka_unit_test(ranges_stay_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
