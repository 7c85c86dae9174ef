/* llm_sampler.c - samplers against a slow oracle that sorts, draws against their distribution by
 * chi-square, speculation against the target distribution, and what must be refused. */
#include "tests/check.h"
#include "runtime/base/checked.h"
#include "runtime/llm/sample/work.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 3000 };

static ingot_error err;
static ig_heap heap;
static float logits[MOST];

static uint64_t noise_at;
static double noise(void) { return ig_draw_uniform(7, noise_at++); }

/* Bell-shaped logits; `steps` > 0 makes them multiples of 1 / steps, so that many are equal. */
static void fill(size_t n, double spread, int steps)
{
    for (size_t i = 0; i < n; i++) {
        double x = (noise() + noise() + noise() + noise() - 2) * spread;
        if (steps) x = rint(x * steps) / steps;
        logits[i] = (float)x;
    }
}

/* ---- the oracle: doubles, sorted ---- */

typedef struct {
    uint32_t id;
    double x, p, key;
} item;

static int by_key(const void *a_, const void *b_)
{
    const item *a = a_, *b = b_;
    if (a->key != b->key) return a->key > b->key ? -1 : 1;
    return a->id < b->id ? -1 : 1;
}

static void normalise(item *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += v[i].p;
    for (size_t i = 0; i < n; i++) v[i].p /= sum;
}

static size_t until(item *v, size_t n, double share)
{
    double sum = 0;
    qsort(v, n, sizeof *v, by_key);
    for (size_t i = 0; i < n; i++)
        if ((sum += v[i].p) >= share - 1e-9) return i + 1;
    return n;
}

static size_t oracle(item *v, const ig_sampling *s, const float *x, size_t n)
{
    double top = -INFINITY, entropy = 0;
    for (size_t i = 0; i < n; i++) top = fmax(top, (double)x[i]);
    for (size_t i = 0; i < n; i++) {
        const double z = ((double)x[i] - top) / (double)s->temperature;
        const double p = exp(z) < 0x1p-40 ? 0 : exp(z); /* what is less is never drawn */
        v[i] = (item){(uint32_t)i, (double)x[i], p, (double)x[i]};
    }
    qsort(v, n, sizeof *v, by_key);
    if (s->top_k) n = IG_MIN(n, (size_t)s->top_k);
    normalise(v, n);
    if (s->top_p > 0) n = until(v, n, (double)s->top_p);
    normalise(v, n);
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (v[i].p > 0 && v[i].p >= (double)s->min_p * v[0].p * (1 - 1e-7)) v[left++] = v[i];
    n = left;
    normalise(v, n);
    for (size_t i = 0; i < n; i++) entropy -= v[i].p * log(v[i].p);
    for (size_t i = 0; i < n; i++) v[i].key = (double)(float)-fabs(-log(v[i].p) - entropy);
    if (s->typical_p > 0) n = until(v, n, (double)s->typical_p);
    normalise(v, n);
    return n;
}

static double share_of(const ig_dist *d, uint32_t id)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->ids[i] == id) return (double)ig_mass(d->weights[i]) / (double)d->total;
    return 0;
}

/* Sets of the two may differ in the last token, where a sum meets the limit within rounding. */
static void agrees(const ig_sampling *s, size_t vocab)
{
    static item want[MOST];
    ig_sample_work *w;
    ig_dist d;
    check_ok(ig_sample_work_open(&w, &heap, vocab, &err));
    check_ok(ig_sample_dist(&d, w, s, &(ig_sample_row){.logits = logits}, &err));
    const size_t n = oracle(want, s, logits, vocab);
    assert_true(d.n + 1 >= n && n + 1 >= d.n);
    double apart = 0;
    for (size_t i = 0; i < n; i++) apart += fabs(share_of(&d, want[i].id) - want[i].p);
    for (size_t i = 1; i < d.n; i++) assert_true(d.ids[i] > d.ids[i - 1]);
    assert_true(apart < (n == d.n ? 1e-4 : 4.0 / (double)n));
    ig_sample_work_close(&w);
}

static void cuts_agree_with_sorting(void **state)
{
    (void)state;
    static const size_t vocabs[] = {1, 2, 17, 300, MOST};
    static const ig_sampling options[] = {
        {.temperature = 1},
        {.temperature = 0.7f, .top_k = 5},
        {.temperature = 1.5f, .top_k = 200},
        {.temperature = 1, .top_p = 0.9f},
        {.temperature = 0.5f, .top_p = 0.3f},
        {.temperature = 1, .min_p = 0.05f},
        {.temperature = 1, .typical_p = 0.8f},
        {.temperature = 0.8f, .top_k = 40, .top_p = 0.95f, .min_p = 0.02f},
        {.temperature = 2, .top_k = 1000, .top_p = 0.8f, .min_p = 0.01f, .typical_p = 0.9f},
    };
    for (size_t v = 0; v < IG_LEN(vocabs); v++)
        for (size_t o = 0; o < IG_LEN(options); o++)
            for (int round = 0; round < 7; round++) {
                fill(vocabs[v], 1 + 3 * (double)round, round == 4 ? 2 : 0);
                if (round == 5) logits[0] = -INFINITY, logits[vocabs[v] - 1] = 3;
                for (size_t i = 2; round == 6 && i + 1 < vocabs[v]; i++) logits[i] = -INFINITY;
                agrees(&options[o], vocabs[v]);
            }
}

static void ties_go_to_the_lowest_id(void **state)
{
    (void)state;
    ig_sample_work *w;
    ig_sampled out;
    ig_dist d;
    for (size_t i = 0; i < 100; i++) logits[i] = i % 3 == 1 ? 0.0f : -0.0f;
    check_ok(ig_sample_work_open(&w, &heap, 100, &err));
    const ig_sample_row row = {.logits = logits};
    check_ok(ig_sample(&out, w, &(ig_sampling){0}, &row, 0, &err));
    assert_int_equal(out.token, 0);
    check_ok(ig_sample_dist(&d, w, &(ig_sampling){.temperature = 1, .top_k = 7}, &row, &err));
    assert_int_equal(d.n, 7);
    for (uint32_t i = 0; i < 7; i++) assert_int_equal(d.ids[i], i);
    check_ok(ig_sample_dist(&d, w, &(ig_sampling){.temperature = 1, .top_p = 0.095f}, &row, &err));
    assert_int_equal(d.n, 10);
    check_ok(ig_sample(&out, w, &(ig_sampling){.top_logprobs = 3, .logprob = true}, &row, 0, &err));
    assert_int_equal(out.n_top, 3);
    for (uint32_t i = 0; i < 3; i++) assert_int_equal(out.top[i].id, i);
    assert_true(fabsf(out.logprob + logf(100)) < 1e-5f);
    ig_sample_work_close(&w);
}

/* ---- draws ---- */

/* The 1 - 1e-6 quantile of chi-square, by Wilson and Hilferty's cube. */
static double chi_limit(double freedom)
{
    const double a = 2 / (9 * freedom), c = 1 - a + 4.7534 * sqrt(a);
    return freedom * c * c * c;
}

static void check_chi(const double *p, const size_t *seen, size_t n, size_t draws)
{
    double chi = 0, freedom = -1, p_rest = 0, seen_rest = 0;
    for (size_t i = 0; i < n; i++) {
        const double want = p[i] * (double)draws;
        if (p[i] <= 0) assert_int_equal(seen[i], 0);
        if (want < 10) { /* rare ones count together */
            p_rest += p[i];
            seen_rest += (double)seen[i];
            continue;
        }
        chi += ((double)seen[i] - want) * ((double)seen[i] - want) / want;
        freedom++;
    }
    const double want = p_rest * (double)draws;
    if (want >= 10) {
        chi += (seen_rest - want) * (seen_rest - want) / want;
        freedom++;
    }
    if (freedom >= 1 && chi > chi_limit(freedom))
        fail_msg("chi-square %g for %g degrees of freedom", chi, freedom);
}

enum { DRAWS = 100000, SMALL = 60 };

static void draws_follow_the_distribution(void **state)
{
    (void)state;
    static const ig_sampling options[] = {
        {.temperature = 1, .seed = 1},
        {.temperature = 0.6f, .top_k = 20, .seed = 2},
        {.temperature = 1.3f, .top_p = 0.8f, .min_p = 0.02f, .seed = 3},
    };
    ig_sample_work *w;
    check_ok(ig_sample_work_open(&w, &heap, SMALL, &err));
    for (size_t o = 0; o < IG_LEN(options); o++) {
        size_t seen[SMALL] = {0};
        double p[SMALL];
        ig_dist d;
        fill(SMALL, 3, 0);
        const ig_sample_row row = {.logits = logits};
        check_ok(ig_sample_dist(&d, w, &options[o], &row, &err));
        for (uint32_t i = 0; i < SMALL; i++) p[i] = share_of(&d, i);
        for (uint64_t i = 0; i < DRAWS; i++) {
            ig_sampled out;
            check_ok(ig_sample(&out, w, &options[o], &row, i, &err));
            seen[out.token]++;
        }
        check_chi(p, seen, SMALL, DRAWS);
    }
    ig_sample_work_close(&w);
}

/* ---- what the row is before it is drawn from ---- */

static void penalties_and_bias(void **state)
{
    (void)state;
    static const int32_t before[] = {0, 1, 1, 2, 2, 2, 900, -1};
    ig_sample_work *w;
    const float *x;
    check_ok(ig_sample_work_open(&w, &heap, 6, &err));
    for (int i = 0; i < 6; i++) logits[i] = i % 2 ? -2.0f : 2.0f;
    const ig_logit_bias bias[] = {{4, 1.5f}, {5, -INFINITY}};
    ig_sample_row row = {.logits = logits, .before = before, .n_before = 8, .n_prompt = 3};
    ig_sample_shape(&x, w, &(ig_sampling){.repetition_penalty = 2, .bias = bias, .n_bias = 2},
                    &row);
    const float repeated[] = {1, -4, 1, -2, 3.5f, -INFINITY};
    assert_memory_equal(x, repeated, sizeof repeated);
    ig_sample_shape(&x, w, &(ig_sampling){.presence_penalty = 0.5f, .frequency_penalty = 0.25f},
                    &row);
    const float present[] = {2, -2, 0.75f, -2, 2, -2}; /* only the answer counts */
    assert_memory_equal(x, present, sizeof present);
    ig_sample_shape(&x, w, &(ig_sampling){.frequency_penalty = 1, .penalty_window = 4}, &row);
    const float late[] = {2, -2, 0, -2, 2, -2};
    assert_memory_equal(x, late, sizeof late);
    row.n_prompt = 100; /* more than there is: nothing is of the answer */
    ig_sample_shape(&x, w, &(ig_sampling){.frequency_penalty = 1}, &row);
    assert_memory_equal(x, logits, sizeof late);
    const uint64_t mask[] = {1 << 3 | 1 << 5};
    ig_sampled out;
    row.mask = mask;
    check_ok(ig_sample(&out, w, &(ig_sampling){0}, &row, 0, &err));
    assert_int_equal(out.token, 3);
    for (size_t i = 0; i < 6; i++) assert_int_equal(w->counts[i], 0);
    ig_sample_work_close(&w);
}

static void logprobs_are_of_the_raw_row(void **state)
{
    (void)state;
    ig_sample_work *w;
    ig_sampled out;
    double sum = 0;
    fill(500, 4, 0);
    for (size_t i = 0; i < 500; i++) sum += exp((double)logits[i]);
    const uint64_t mask[8] = {[3] = 1 << 5};
    check_ok(ig_sample_work_open(&w, &heap, 500, &err));
    const ig_sampling s = {.temperature = 2, .logprob = true, .top_logprobs = 10};
    check_ok(ig_sample(&out, w, &s, &(ig_sample_row){.logits = logits, .mask = mask}, 3, &err));
    assert_int_equal(out.token, 197);
    assert_true(fabs((double)out.logprob - (double)logits[197] + log(sum)) < 1e-5);
    assert_int_equal(out.n_top, 10);
    for (size_t i = 0; i < 10; i++) {
        size_t above = 0;
        for (size_t k = 0; k < 500; k++) above += logits[k] > logits[out.top[i].id];
        assert_int_equal(above, i);
    }
    ig_sample_work_close(&w);
}

/* The same tokens forwards and backwards, with other rows in between. */
static void draws_do_not_depend_on_order(void **state)
{
    (void)state;
    static uint32_t first[500], again[500];
    static float other[MOST];
    ig_sample_work *w;
    ig_sampled out;
    const ig_sampling s = {.temperature = 1, .top_p = 0.95f, .seed = UINT64_MAX - 5};
    fill(MOST, 4, 0);
    memcpy(other, logits, sizeof other);
    fill(MOST, 3, 0);
    check_ok(ig_sample_work_open(&w, &heap, MOST, &err));
    for (uint64_t i = 0; i < 500; i++) {
        check_ok(ig_sample(&out, w, &s, &(ig_sample_row){.logits = logits}, i, &err));
        first[i] = out.token;
    }
    for (uint64_t i = 500; i--;) {
        check_ok(ig_sample(&out, w, &s, &(ig_sample_row){.logits = other}, i / 2, &err));
        check_ok(ig_sample(&out, w, &s, &(ig_sample_row){.logits = logits}, i, &err));
        again[i] = out.token;
    }
    assert_memory_equal(first, again, sizeof first);
    ig_sample_work_close(&w);
}

static void philox_gives_the_known_answer(void **state)
{
    (void)state;
    uint32_t out[4];
    ig_philox(out, (uint32_t[4]){0}, 0);
    const uint32_t zeros[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    assert_memory_equal(out, zeros, sizeof zeros);
    ig_philox(out, (uint32_t[4]){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, UINT64_MAX);
    const uint32_t ones[] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    assert_memory_equal(out, ones, sizeof ones);
}

/* ---- refusals ---- */

static void refuse(const ig_sampling *s, const char *says)
{
    assert_int_equal(ig_sampling_check(s, 100, &err), INGOT_E_ARG);
    assert_non_null(strstr(err.text, says));
}

static void options_out_of_range(void **state)
{
    (void)state;
    check_ok(ig_sampling_check(&(ig_sampling){0}, 100, &err));
    refuse(&(ig_sampling){.temperature = -1}, "temperature");
    refuse(&(ig_sampling){.temperature = NAN}, "temperature");
    refuse(&(ig_sampling){.top_p = 1.5f}, "top_p");
    refuse(&(ig_sampling){.min_p = -0.5f}, "min_p");
    refuse(&(ig_sampling){.typical_p = 2}, "typical_p");
    refuse(&(ig_sampling){.repetition_penalty = -3}, "repetition_penalty");
    refuse(&(ig_sampling){.top_logprobs = 65}, "top_logprobs");
    refuse(&(ig_sampling){.bias = &(ig_logit_bias){100, 1}, .n_bias = 1}, "token 100");
    refuse(&(ig_sampling){.bias = &(ig_logit_bias){3, NAN}, .n_bias = 1}, "token 3");
}

static void broken_rows(void **state)
{
    (void)state;
    ig_sample_work *w;
    ig_sampled out;
    const ig_sampling warm = {.temperature = 1};
    const uint64_t one[] = {1}, none[] = {0};
    ig_sample_row row = {.logits = logits};
    check_ok(ig_sample_work_open(&w, &heap, 50, &err));
    fill(50, 1, 0);
    logits[33] = NAN;
    row.mask = one; /* a mask does not hide it */
    assert_int_equal(ig_sample(&out, w, &warm, &row, 0, &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "token 33 is NaN"));
    row.mask = NULL;
    logits[33] = INFINITY;
    assert_int_equal(ig_sample(&out, w, &warm, &row, 0, &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "token 33 is +infinity"));
    logits[33] = 0;
    row.mask = none;
    assert_int_equal(ig_sample(&out, w, &warm, &row, 0, &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "no token is left"));
    row.mask = NULL;
    for (int i = 0; i < 50; i++) logits[i] = i == 7 ? -FLT_MAX : -INFINITY;
    check_ok(ig_sample(&out, w, &warm, &row, 0, &err));
    assert_int_equal(out.token, 7);
    ig_sample_work_close(&w);
}

static int setup(void **state)
{
    (void)state;
    ig_heap_init(&heap, NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return atomic_load(&heap.live_bytes) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_agree_with_sorting),
        cmocka_unit_test(ties_go_to_the_lowest_id),
        cmocka_unit_test(draws_follow_the_distribution),
        cmocka_unit_test(penalties_and_bias),
        cmocka_unit_test(logprobs_are_of_the_raw_row),
        cmocka_unit_test(draws_do_not_depend_on_order),
        cmocka_unit_test(philox_gives_the_known_answer),
        cmocka_unit_test(options_out_of_range),
        cmocka_unit_test(broken_rows),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
