/* unit_slice.c - Slice against a loop over indices, and what it says to bad ranges. */
#include "tests/ops/call.h"

enum { D0 = 5, D1 = 7 };

static ig_tensor *grid(caller *c)
{
    int32_t v[D0 * D1];
    for (int i = 0; i < D0 * D1; i++) v[i] = i;
    return caller_tensor(c, INGOT_I32, 2, (int64_t[]){D0, D1}, v);
}

/* The spec, word by word: returns the count, *first the first index. */
static int64_t by_hand(int64_t dim, int64_t start, int64_t end, int64_t step, int64_t *first)
{
    int64_t n = 0;
    if (start < 0) start += dim;
    if (end < 0) end += dim;
    const int64_t top = step > 0 ? dim : dim - 1, bottom = step > 0 ? 0 : -1;
    start = start < 0 ? 0 : start > top ? top : start;
    end = end < bottom ? bottom : end > top ? top : end;
    *first = start;
    for (int64_t i = start; step > 0 ? i < end : i > end; i += step) n++;
    return n;
}

static void one_axis(void **state)
{
    (void)state;
    for (int64_t start = -9; start <= 9; start++)
        for (int64_t end = -9; end <= 9; end++)
            for (int64_t step = -3; step <= 3; step++) {
                if (step == 0) continue;
                caller c;
                caller_open(&c);
                int64_t first, axis = 1, n = by_hand(D1, start, end, step, &first);
                const ig_tensor *in[5] = {grid(&c), caller_ints(&c, 1, &start),
                                          caller_ints(&c, 1, &end), caller_ints(&c, 1, &axis),
                                          caller_ints(&c, 1, &step)};
                ig_tensor out;
                if (call(&c, caller_node(&c, "slice", 5, 1), in, &out)) fail_msg("%s", c.err.text);
                assert_int_equal(out.dims[0], D0);
                assert_int_equal(out.dims[1], n);
                for (int64_t i = 0; i < D0; i++)
                    for (int64_t j = 0; j < n; j++)
                        assert_int_equal(((int32_t *)out.data)[i * n + j],
                                         i * D1 + first + j * step);
                caller_close(&c);
            }
}

static ingot_status try(caller *c, ig_tensor *out, int64_t start, int64_t end, int64_t axis,
                        int64_t step)
{
    const ig_tensor *in[5] = {grid(c), caller_ints(c, 1, &start), caller_ints(c, 1, &end),
                              caller_ints(c, 1, &axis), caller_ints(c, 1, &step)};
    return call(c, caller_node(c, "slice", 5, 1), in, out);
}

static void extremes(void **state)
{
    (void)state;
    caller c;
    ig_tensor out;
    caller_open(&c);
    assert_int_equal(try(&c, &out, INT64_MIN, INT64_MAX, -1, INT64_MAX), INGOT_OK);
    assert_int_equal(out.dims[1], 1);
    assert_int_equal(try(&c, &out, INT64_MAX, INT64_MIN, 0, -1), INGOT_OK);
    assert_int_equal(out.dims[0], D0);
    assert_int_equal(((int32_t *)out.data)[0], (D0 - 1) * D1);
    assert_int_equal(try(&c, &out, INT64_MAX, INT64_MIN, 0, INT64_MIN), INGOT_OK);
    assert_int_equal(out.dims[0], 1);
    assert_int_equal(try(&c, &out, 0, 1, 0, 0), INGOT_E_FORMAT);
    assert_int_equal(try(&c, &out, 0, 1, 2, 1), INGOT_E_FORMAT);
    assert_int_equal(try(&c, &out, 0, 1, INT64_MIN, 1), INGOT_E_FORMAT);
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_axis), cmocka_unit_test(extremes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
