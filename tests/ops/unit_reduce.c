/* reduce: against a plain loop in double, and the same bits for any number of threads. */
#include "tests/ops/call.h"

#include <math.h>

static const char *const fns[] = {"sum", "mean", "max",     "min",         "prod",
                                  "l1",  "l2",   "log_sum", "log_sum_exp", "sum_square"};

static double slow(const char *fn, const float *x, const int64_t *dims, const bool *gone,
                   const size_t *kept_index)
{
    double sum = 0, prod = 1, low = INFINITY, high = -INFINITY, abs = 0, square = 0, e = 0;
    size_t count = 0;
    for (int64_t i = 0; i < dims[0]; i++)
        for (int64_t j = 0; j < dims[1]; j++)
            for (int64_t k = 0; k < dims[2]; k++) {
                if ((!gone[0] && (size_t)i != kept_index[0]) ||
                    (!gone[1] && (size_t)j != kept_index[1]) ||
                    (!gone[2] && (size_t)k != kept_index[2]))
                    continue;
                const double v = (double)x[(i * dims[1] + j) * dims[2] + k];
                sum += v, prod *= v, low = fmin(low, v), high = fmax(high, v);
                abs += fabs(v), square += v * v, e += exp(v), count++;
            }
    const double all[] = {sum, sum / (double)count, high,     low,    prod,
                          abs, sqrt(square),        log(sum), log(e), square};
    for (size_t f = 0; f < IG_LEN(fns); f++)
        if (!strcmp(fn, fns[f])) return all[f];
    fail();
    return 0;
}

static void reduce(caller *c, const char *fn, ig_tensor *x, const int64_t *axes, size_t n,
                   ig_tensor *out)
{
    ig_node *node = caller_node(c, "reduce", 2, 1);
    caller_text(c, node, "fn", fn);
    const ig_tensor *in[] = {x, caller_ints(c, n, axes)};
    if (call(c, node, in, out)) fail_msg("%s: %s", fn, c->err.text);
}

static void check_axes(caller *c, const char *fn, ig_tensor *x, unsigned mask)
{
    bool gone[3];
    int64_t axes[3];
    size_t n = 0, at = 0, index[3];
    ig_tensor out;
    const size_t n_x = ig_tensor_elements(x);
    for (int d = 0; d < 3; d++)
        if ((gone[d] = mask >> d & 1)) axes[n++] = d - 3; /* negative on purpose */
    reduce(c, fn, x, axes, n, &out);
    for (index[0] = 0; index[0] < (size_t)out.dims[0]; index[0]++)
        for (index[1] = 0; index[1] < (size_t)out.dims[1]; index[1]++)
            for (index[2] = 0; index[2] < (size_t)out.dims[2]; index[2]++, at++) {
                const double want = slow(fn, x->data, x->dims, gone, index);
                const double got = (double)((float *)out.data)[at];
                /* no sum rounds oftener than it has elements; 1 bounds the logarithm's derivative
                 */
                const double u = 0x1p-24 * (4 + (double)(n_x / ig_tensor_elements(&out)));
                if (!(fabs(got - want) <= u * (fabs(want) + 1)))
                    fail_msg("%s, axes %u, element %zu: %.9g, not %.9g", fn, mask, at, got, want);
            }
}

static ig_tensor *positive(caller *c, int64_t a, int64_t b, int64_t d)
{
    const int64_t dims[] = {a, b, d};
    float *v = ig_new_n(&c->arena, float, (size_t)(a * b * d));
    srand(3);
    for (int64_t i = 0; i < a * b * d; i++) v[i] = 0.5f + (float)(rand() % 1000) / 1000;
    return caller_tensor(c, INGOT_F32, 3, dims, v);
}

static void every_function_matches_a_plain_loop(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    ig_tensor *x = positive(&c, 5, 7, 13);
    for (size_t f = 0; f < IG_LEN(fns); f++)
        for (unsigned mask = 1; mask < 8; mask++) check_axes(&c, fns[f], x, mask);
    ig_tensor *tall = positive(&c, 2, 3, 700);
    check_axes(&c, "sum", tall, 4);
    check_axes(&c, "log_sum_exp", tall, 2);
    caller_close(&c);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    caller one, many;
    caller_open(&one);
    caller_open(&many);
    assert_int_equal(
        ig_pool_open(&many.pool, &many.heap, &(ig_pool_options){.n_threads = 4}, &many.err),
        INGOT_OK);
    ig_tensor *x = positive(&one, 37, 61, 53);
    for (size_t f = 0; f < IG_LEN(fns); f++)
        for (int64_t axis = 0; axis < 3; axis++) {
            ig_tensor a, b;
            reduce(&one, fns[f], x, &axis, 1, &a);
            reduce(&many, fns[f], x, &axis, 1, &b);
            assert_memory_equal(a.data, b.data, ig_tensor_elements(&a) * sizeof(float));
        }
    caller_close(&one);
    caller_close(&many);
}

static void empty_sets_have_their_values(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    ig_tensor out, *x = caller_tensor(&c, INGOT_F32, 2, (int64_t[]){2, 0}, &c);
    const int64_t axis = 1;
    const double want[] = {0, NAN, -INFINITY, INFINITY, 1, 0, 0, -INFINITY, -INFINITY, 0};
    for (size_t f = 0; f < IG_LEN(fns); f++) {
        reduce(&c, fns[f], x, &axis, 1, &out);
        const double got = (double)((float *)out.data)[1];
        assert_true(isnan(want[f]) ? isnan(got) : got == want[f]);
    }
    ig_tensor *bytes = caller_tensor(&c, INGOT_I8, 1, (int64_t[]){0}, &c);
    reduce(&c, "max", bytes, (int64_t[]){0}, 1, &out);
    assert_int_equal(((int8_t *)out.data)[0], INT8_MIN);
    caller_close(&c);
}

static void bad_axes_are_errors(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    ig_tensor out, *x = positive(&c, 2, 2, 2);
    ig_node *node = caller_node(&c, "reduce", 2, 1);
    const int64_t bad[][2] = {{3, 0}, {-4, 0}, {1, 1}};
    for (size_t i = 0; i < 3; i++) {
        const ig_tensor *in[] = {x, caller_ints(&c, 2, bad[i])};
        assert_int_equal(call(&c, node, in, &out), INGOT_E_FORMAT);
    }
    caller_close(&c);
}

/* Few values, so that extremes repeat; a NaN here and there. */
static void places_of_extremes(void **state)
{
    (void)state;
    enum { ROWS = 9, COLS = 700 };
    static float x[ROWS * COLS];
    srand(5);
    for (size_t i = 0; i < ROWS * COLS; i++) x[i] = (float)(rand() % 40);
    x[2 * COLS + 300] = x[2 * COLS + 650] = NAN;
    for (int which = 0; which < 4; which++) {
        const bool min = which % 2, last = which / 2;
        caller c;
        caller_open(&c);
        ig_tensor out, *t = caller_tensor(&c, INGOT_F32, 2, (int64_t[]){ROWS, COLS}, x);
        ig_node *node = caller_node(&c, "arg_reduce", 1, 1);
        caller_text(&c, node, "fn", min ? "min" : "max");
        caller_int(&c, node, "axis", 1);
        caller_int(&c, node, "select_last_index", last);
        assert_int_equal(call(&c, node, (const ig_tensor *[]){t}, &out), INGOT_OK);
        for (size_t r = 0; r < ROWS; r++) {
            const float *row = x + r * COLS;
            size_t best = 0;
            for (size_t i = 1; i < COLS; i++) {
                const bool beats = min ? row[i] < row[best] : row[i] > row[best];
                const bool nan = row[i] != row[i], had = row[best] != row[best];
                if (nan ? !had || last : !had && (beats || (last && row[i] == row[best]))) best = i;
            }
            assert_int_equal(((int64_t *)out.data)[r], best);
        }
        caller_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_function_matches_a_plain_loop),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(empty_sets_have_their_values),
        cmocka_unit_test(bad_axes_are_errors),
        cmocka_unit_test(places_of_extremes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
