/* Normalisations against their definitions in double, for each dtype that is stored. */
#include "tests/ops/call.h"

#include <math.h>

enum { N = 2, C = 6, S = 35, TOTAL = N * C * S };

static const ingot_dtype dtypes[] = {INGOT_F32, INGOT_F64, INGOT_F16, INGOT_BF16};

/* What a result of size about 4 may be off by. */
static double allowed(ingot_dtype dtype)
{
    return dtype == INGOT_F64   ? 1e-13
           : dtype == INGOT_F32 ? 4e-6
           : dtype == INGOT_F16 ? 4 * 0x1p-11 + 1e-5
                                : 4 * 0x1p-8 + 1e-5;
}

static ig_tensor *noise(caller *c, ingot_dtype dtype, int rank, const int64_t *dims, unsigned seed)
{
    ig_tensor shape = {.dtype = dtype, .rank = rank};
    for (int d = 0; d < rank; d++) shape.dims[d] = dims[d];
    const size_t n = ig_tensor_elements(&shape);
    void *data = ig_arena_take(&c->arena, n * 8 + 64);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        ig_from_double(data, dtype, i, (double)(seed >> 8) / 0x1p23 - 0.75);
    }
    return caller_tensor(c, dtype, rank, dims, data);
}

static double at(const ig_tensor *t, size_t i) { return ig_to_double(t->data, t->dtype, i); }

static void expect(const ig_tensor *y, size_t i, double want)
{
    const double got = at(y, i);
    if (!(fabs(got - want) <= allowed(y->dtype)))
        fail_msg("%s: element %zu is %.17g, not %.17g", ig_dtype(y->dtype)->name, i, got, want);
}

static void moments(const ig_tensor *x, size_t from, size_t n, double *mean, double *var)
{
    *mean = *var = 0;
    for (size_t i = 0; i < n; i++) *mean += at(x, from + i) / (double)n;
    for (size_t i = 0; i < n; i++) *var += pow(at(x, from + i) - *mean, 2) / (double)n;
}

/* gamma of three forms: the usual vector, one value for all, one row for each channel. */
static void layer_norm_follows_its_definition(void **state)
{
    (void)state;
    static const struct {
        int rank;
        int64_t dims[3];
    } gammas[] = {{1, {S}}, {1, {1}}, {3, {1, C, S}}, {3, {N, 1, 1}}};
    for (size_t k = 0; k < IG_LEN(dtypes) * IG_LEN(gammas); k++) {
        caller c;
        caller_open(&c);
        const ingot_dtype dtype = dtypes[k % IG_LEN(dtypes)];
        const size_t form = k / IG_LEN(dtypes);
        ig_tensor *x = noise(&c, dtype, 3, (int64_t[]){N, C, S}, 1);
        ig_tensor *gamma = noise(&c, dtype, gammas[form].rank, gammas[form].dims, 2);
        ig_tensor *beta = noise(&c, dtype, 1, (int64_t[]){S}, 3);
        ig_tensor *residual = noise(&c, dtype, 3, (int64_t[]){N, C, S}, 4);
        ig_tensor y[3];
        ig_node *node = caller_node(&c, "layer_norm", 4, 3);
        assert_int_equal(call(&c, node, (const ig_tensor *[]){x, gamma, beta, residual}, y), 0);
        assert_int_equal(y[1].dtype, INGOT_F32);
        assert_int_equal(y[1].dims[2], 1);
        ig_tensor *v = noise(&c, INGOT_F64, 3, x->dims, 0);
        for (size_t i = 0; i < TOTAL; i++) ((double *)v->data)[i] = at(x, i) + at(residual, i);
        for (size_t r = 0; r < N * C; r++) {
            double mean, var;
            moments(v, r * S, S, &mean, &var);
            expect(&y[1], r, mean);
            expect(&y[2], r, 1 / sqrt(var + 1e-5));
            for (size_t i = 0; i < S; i++) {
                const size_t g[] = {i, 0, r % C * S + i, r / C};
                expect(&y[0], r * S + i,
                       (at(v, r * S + i) - mean) / sqrt(var + 1e-5) * at(gamma, g[form]) +
                           at(beta, i));
            }
        }
        caller_close(&c);
    }
}

static void rms_norm_follows_its_definition(void **state)
{
    (void)state;
    for (size_t k = 0; k < IG_LEN(dtypes); k++) {
        caller c;
        caller_open(&c);
        ig_tensor *x = noise(&c, dtypes[k], 3, (int64_t[]){N, C, S}, 5);
        ig_tensor *gamma = noise(&c, dtypes[k], 2, (int64_t[]){C, S}, 6), y;
        ig_node *node = caller_node(&c, "rms_norm", 2, 1);
        caller_int(&c, node, "axis", 1);
        assert_int_equal(call(&c, node, (const ig_tensor *[]){x, gamma}, &y), 0);
        for (size_t n = 0; n < N; n++) {
            double mean, var;
            moments(x, n * C * S, C * S, &mean, &var);
            for (size_t i = 0; i < C * S; i++)
                expect(&y, n * C * S + i,
                       at(x, n * C * S + i) / sqrt(var + mean * mean + 1e-5) * at(gamma, i));
        }
        caller_close(&c);
    }
}

static void group_norm_follows_its_definition(void **state)
{
    (void)state;
    static const size_t groups[] = {0, 1, 2, 3};
    for (size_t k = 0; k < IG_LEN(dtypes) * IG_LEN(groups) * 2; k++) {
        caller c;
        caller_open(&c);
        const size_t g = groups[k / IG_LEN(dtypes) % IG_LEN(groups)], n = g ? C / g : 1;
        const bool per_group = g && k >= IG_LEN(dtypes) * IG_LEN(groups);
        const int64_t own[] = {per_group ? (int64_t)g : C};
        const ingot_dtype dtype = dtypes[k % IG_LEN(dtypes)];
        ig_tensor *x = noise(&c, dtype, 4, (int64_t[]){N, C, 5, 7}, 7), y;
        ig_tensor *scale = noise(&c, dtype, 1, own, 8), *bias = noise(&c, dtype, 1, own, 9);
        ig_node *node = caller_node(&c, "group_norm", 3, 1);
        caller_int(&c, node, "num_groups", (int64_t)g);
        caller_int(&c, node, "per_group", per_group);
        assert_int_equal(call(&c, node, (const ig_tensor *[]){x, scale, bias}, &y), 0);
        for (size_t i = 0; i < TOTAL; i++) {
            double mean, var;
            const size_t row = i / (n * S), channel = i / S % C;
            const size_t p = per_group ? channel / n : channel;
            moments(x, row * n * S, n * S, &mean, &var);
            expect(&y, i, (at(x, i) - mean) / sqrt(var + 1e-5) * at(scale, p) + at(bias, p));
        }
        caller_close(&c);
    }
}

/* The mean and variance of channel `ch` of x [N, C, S]. */
static void channel_moments(const ig_tensor *x, size_t ch, double *mean, double *var)
{
    double m[N], v[N];
    for (size_t n = 0; n < N; n++) moments(x, (n * C + ch) * S, S, &m[n], &v[n]);
    *mean = (m[0] + m[1]) / 2;
    *var = (v[0] + v[1]) / 2 + pow((m[0] - m[1]) / 2, 2);
}

static void batch_norm_trains(void **state)
{
    (void)state;
    for (size_t k = 0; k < IG_LEN(dtypes) * 2; k++) {
        caller c;
        caller_open(&c);
        const bool training = k % 2;
        ig_tensor *in[5], y[5];
        in[0] = noise(&c, dtypes[k / 2], 3, (int64_t[]){N, C, S}, 10);
        for (unsigned i = 1; i < 5; i++) in[i] = noise(&c, INGOT_F32, 1, (int64_t[]){C}, 10 + i);
        for (size_t i = 0; i < C; i++) ((float *)in[4]->data)[i] += 1;
        ig_node *node = caller_node(&c, "batch_norm", 5, training ? 5 : 1);
        caller_int(&c, node, "training_mode", training);
        assert_int_equal(call(&c, node, (const ig_tensor *const *)in, y), 0);
        for (size_t ch = 0; ch < C; ch++) {
            double mean = at(in[3], ch), var = at(in[4], ch);
            if (training) {
                channel_moments(in[0], ch, &mean, &var);
                expect(&y[1], ch, at(in[3], ch) * 0.9 + mean * 0.1);
                expect(&y[2], ch, at(in[4], ch) * 0.9 + var * 0.1);
                expect(&y[3], ch, mean);
                expect(&y[4], ch, var);
            }
            for (size_t i = 0; i < N * S; i++) {
                const size_t p = (i / S * C + ch) * S + i % S;
                expect(&y[0], p,
                       (at(in[0], p) - mean) / sqrt(var + 1e-5) * at(in[1], ch) + at(in[2], ch));
            }
        }
        caller_close(&c);
    }
}

static void lrn_follows_its_definition(void **state)
{
    (void)state;
    for (size_t k = 0; k < IG_LEN(dtypes) * 4; k++) {
        caller c;
        caller_open(&c);
        const int64_t size = 1 + (int64_t)k / 2 % 4;
        const double beta = k % 2 ? 0.75 : 1.25;
        ig_tensor *x = noise(&c, dtypes[k / 4], 3, (int64_t[]){N, C, S}, 20), y;
        ig_node *node = caller_node(&c, "lrn", 1, 1);
        caller_int(&c, node, "size", size);
        caller_set(&c, node, "beta", (ig_attr_value){.kind = IG_ATTR_FLOAT, .f = beta});
        caller_set(&c, node, "alpha", (ig_attr_value){.kind = IG_ATTR_FLOAT, .f = 0.5});
        assert_int_equal(call(&c, node, (const ig_tensor *[]){x}, &y), 0);
        for (size_t i = 0; i < TOTAL; i++) {
            const int64_t ch = (int64_t)(i / S % C);
            double sum = 0;
            for (int64_t w = ch - (size - 1) / 2; w <= ch + size / 2; w++)
                if (w >= 0 && w < C) sum += pow(at(x, (size_t)((int64_t)i + (w - ch) * S)), 2);
            expect(&y, i, at(x, i) / pow(1 + 0.5 / (double)size * sum, beta));
        }
        caller_close(&c);
    }
}

static void misfits_are_refused(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    ig_tensor *x = noise(&c, INGOT_F32, 3, (int64_t[]){N, C, S}, 30), y[5];
    ig_tensor *wrong = noise(&c, INGOT_F32, 1, (int64_t[]){C + 1}, 31);
    ig_tensor *right = noise(&c, INGOT_F32, 1, (int64_t[]){C}, 32);
    ig_node *layer = caller_node(&c, "layer_norm", 2, 1);
    assert_int_equal(call(&c, layer, (const ig_tensor *[]){x, wrong}, y), INGOT_E_FORMAT);
    ig_node *group = caller_node(&c, "group_norm", 3, 1);
    caller_int(&c, group, "num_groups", 4);
    assert_int_equal(call(&c, group, (const ig_tensor *[]){x, right, right}, y), INGOT_E_FORMAT);
    caller_int(&c, group, "num_groups", -1);
    assert_int_equal(call(&c, group, (const ig_tensor *[]){x, right, right}, y), INGOT_E_FORMAT);
    ig_node *batch = caller_node(&c, "batch_norm", 5, 1);
    const ig_tensor *in[5] = {x, right, right, right, wrong};
    assert_int_equal(call(&c, batch, in, y), INGOT_E_FORMAT);
    ig_node *lrn = caller_node(&c, "lrn", 1, 1);
    assert_int_equal(call(&c, lrn, in, y), INGOT_E_FORMAT); /* no size */
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layer_norm_follows_its_definition),
        cmocka_unit_test(rms_norm_follows_its_definition),
        cmocka_unit_test(group_norm_follows_its_definition),
        cmocka_unit_test(batch_norm_trains),
        cmocka_unit_test(lrn_follows_its_definition),
        cmocka_unit_test(misfits_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
