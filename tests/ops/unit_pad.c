/* unit_pad.c - Pad in all modes against a walk along the row, and blow-ups. */
#include "tests/ops/call.h"

enum { N = 4 };
static const char *const modes[] = {"constant", "edge", "reflect", "wrap"};

static ingot_status pad(caller *c, ig_tensor *out, const char *mode, const int64_t pads[4])
{
    const float v[2 * N] = {1, 2, 3, 4, 5, 6, 7, 8};
    const float value = -1;
    const ig_tensor *in[3] = {caller_tensor(c, INGOT_F32, 2, (int64_t[]){2, N}, v),
                              caller_ints(c, 4, pads),
                              caller_tensor(c, INGOT_F32, 0, NULL, &value)};
    ig_node *node = caller_node(c, "pad", 3, 1);
    caller_text(c, node, "mode", mode);
    return call(c, node, in, out);
}

/* Where place i of a row of n comes from, one step at a time; -1: the constant. */
static int64_t walk(const char *mode, int64_t i, int64_t n)
{
    if (!strcmp(mode, "constant")) return i >= 0 && i < n ? i : -1;
    while (i < 0 || i >= n) {
        if (!strcmp(mode, "edge"))
            i = i < 0 ? 0 : n - 1;
        else if (!strcmp(mode, "wrap"))
            i += i < 0 ? n : -n;
        else
            i = n == 1 ? 0 : i < 0 ? -i : 2 * (n - 1) - i;
    }
    return i;
}

static void rows(void **state)
{
    (void)state;
    for (size_t m = 0; m < IG_LEN(modes); m++)
        for (int64_t b = -2; b <= 9; b++)
            for (int64_t e = -1; e <= 9; e++) {
                caller c;
                caller_open(&c);
                ig_tensor out;
                if (pad(&c, &out, modes[m], (int64_t[]){0, b, 0, e})) fail_msg("%s", c.err.text);
                const int64_t skip = b < 0 ? -b : 0, n = N - skip + (e < 0 ? e : 0);
                assert_int_equal(out.dims[1], N + b + e);
                for (int64_t r = 0; r < 2; r++)
                    for (int64_t i = 0; i < N + b + e; i++) {
                        const int64_t from = walk(modes[m], i - (b > 0 ? b : 0), n);
                        const float want = from < 0 ? -1 : (float)(r * N + skip + from + 1);
                        const float got = ((float *)out.data)[r * (N + b + e) + i];
                        if (want != got)
                            fail_msg("%s, pads %d %d: element %d is %g, not %g", modes[m], (int)b,
                                     (int)e, (int)i, (double)got, (double)want);
                    }
                caller_close(&c);
            }
}

static void both_axes(void **state)
{
    (void)state;
    static const float want[3 * 6] = {6, 5, 6, 7, 8, 7, 2, 1, 2, 3, 4, 3, 6, 5, 6, 7, 8, 7};
    caller c;
    ig_tensor out;
    caller_open(&c);
    if (pad(&c, &out, "reflect", (int64_t[]){1, 1, 0, 1})) fail_msg("%s", c.err.text);
    assert_memory_equal(out.data, want, sizeof want);
    caller_close(&c);
}

static void refused(void **state)
{
    (void)state;
    caller c;
    ig_tensor out;
    caller_open(&c);
    assert_int_equal(pad(&c, &out, "constant", (int64_t[]){0, -3, 0, -2}), INGOT_E_FORMAT);
    assert_int_equal(pad(&c, &out, "edge", (int64_t[]){0, INT64_MAX, 0, 1}), INGOT_E_FORMAT);
    assert_int_equal(pad(&c, &out, "constant", (int64_t[]){0, INT64_MIN, 0, 0}), INGOT_E_FORMAT);
    assert_int_equal(pad(&c, &out, "constant", (int64_t[]){INT64_MAX / 4, 0, 0, INT64_MAX / 4}),
                     INGOT_E_FORMAT);
    assert_int_equal(pad(&c, &out, "wrap", (int64_t[]){-2, 0, 3, 0}), INGOT_E_FORMAT);
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows), cmocka_unit_test(both_axes),
                                       cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
