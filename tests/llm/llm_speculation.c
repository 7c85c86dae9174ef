/* llm_speculation.c - guesses change no distribution: the first two tokens of many drawn answers,
 * guessed by the text itself or by another model, against the probabilities that the model gives
 * (chi-square over all pairs); and the same answers, seed by seed, as without guesses. */
#include "tests/llm/tiny.h"

#include <math.h>
#include <unistd.h>

enum { VOCAB = 8, PAIRS = VOCAB * VOCAB, DRAWS = 4000, AT_ONCE = 100 };

static const int32_t prompt[] = {1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3};

typedef struct {
    ingot_runtime *rt;
    ingot_model *model, *draft;
    double want[PAIRS];
    uint8_t plain[DRAWS];
} world;

static void softmax(double *p, const float *logits)
{
    double sum = 0;
    for (size_t i = 0; i < VOCAB; i++) sum += p[i] = exp((double)logits[i]);
    for (size_t i = 0; i < VOCAB; i++) p[i] /= sum;
}

/* P(a) P(b | a), from the logits of prompt + a. */
static void expect_pairs(world *w)
{
    ingot_error err;
    ingot_generator *g;
    enum { N = IG_LEN(prompt) + 1 };
    check_ok(ingot_generator_open(&g, w->model, NULL, &err));
    for (int32_t a = 0; a < VOCAB; a++) {
        int32_t ids[N];
        static float logits[N * VOCAB];
        double first[VOCAB], second[VOCAB];
        memcpy(ids, prompt, sizeof prompt);
        ids[N - 1] = a;
        const ingot_request r = {
            .size = sizeof r, .ids = ids, .n_ids = N, .prompt_only = true, .prompt_logits = logits};
        ingot_generation *t;
        check_ok(ingot_generator_submit(&t, g, &r, &err));
        check_ok(ingot_generation_wait(NULL, t, &err));
        ingot_generation_close(&t);
        softmax(first, logits + (N - 2) * VOCAB);
        softmax(second, logits + (N - 1) * VOCAB);
        for (int32_t b = 0; b < VOCAB; b++) w->want[a * VOCAB + b] = first[a] * second[b];
    }
    ingot_generator_close(&g);
}

static void draw(uint8_t *pairs, ingot_generator *g)
{
    ingot_error err;
    ingot_generation *t[AT_ONCE];
    for (size_t begin = 0; begin < DRAWS; begin += AT_ONCE) {
        for (size_t i = 0; i < AT_ONCE; i++) {
            const ingot_request r = {.size = sizeof r,
                                     .ids = prompt,
                                     .n_ids = IG_LEN(prompt),
                                     .max_tokens = 4,
                                     .sampling = {.temperature = 1, .seed = begin + i}};
            check_ok(ingot_generator_submit(&t[i], g, &r, &err));
        }
        for (size_t i = 0; i < AT_ONCE; i++) {
            ingot_result r;
            check_ok(ingot_generation_wait(&r, t[i], &err));
            pairs[begin + i] = (uint8_t)(r.tokens[0].id * VOCAB + r.tokens[1].id);
            ingot_generation_close(&t[i]);
        }
    }
}

/* Cells that expect fewer than five are one. */
static double chi_square(const world *w, const uint8_t *pairs, size_t *cells)
{
    double seen[PAIRS] = {0}, chi = 0, rest_seen = 0, rest_want = 0;
    for (size_t i = 0; i < DRAWS; i++) seen[pairs[i]]++;
    *cells = 0;
    for (size_t c = 0; c < PAIRS; c++) {
        const double want = w->want[c] * DRAWS;
        if (want < 5) {
            rest_seen += seen[c];
            rest_want += want;
            continue;
        }
        chi += (seen[c] - want) * (seen[c] - want) / want;
        ++*cells;
    }
    if (rest_want > 0) chi += (rest_seen - rest_want) * (rest_seen - rest_want) / rest_want;
    return chi;
}

static void compare(world *w, const ingot_generator_options *o, const char *what)
{
    ingot_error err;
    ingot_generator *g;
    ingot_generator_info info;
    static uint8_t pairs[DRAWS];
    size_t cells;
    check_ok(ingot_generator_open(&g, w->model, o, &err));
    draw(pairs, g);
    ingot_generator_get_info(&info, g);
    ingot_generator_close(&g);
    if (o->lookup || o->draft) assert_true(info.accepted > 0 && info.accepted < info.drafted);
    const double chi = chi_square(w, pairs, &cells);
    /* mean `cells`, deviation sqrt(2 cells): five deviations are 1 in 10^6 */
    if (chi > (double)cells + 5 * sqrt(2.0 * (double)cells))
        fail_msg("%s: chi-square %.1f over %zu cells", what, chi, cells);
    assert_true(cells > 8);
    if (!o->lookup && !o->draft)
        memcpy(w->plain, pairs, sizeof pairs);
    else
        assert_memory_equal(w->plain, pairs, sizeof pairs);
}

static void distributions(void **unused)
{
    (void)unused;
    static world w;
    ingot_error err;
    tiny_shape shape = tiny_default;
    const ingot_runtime_options rt = {.size = sizeof rt, .n_threads = 1};
    check_ok(ingot_runtime_open(&w.rt, &rt, &err));
    shape.vocab = VOCAB;
    shape.sharp = 2;
    const char *path = tiny_file(&shape, 0);
    check_ok(ingot_model_open(&w.model, w.rt, path, NULL, &err));
    unlink(path);
    shape.seed = 4;
    path = tiny_file(&shape, 1);
    check_ok(ingot_model_open(&w.draft, w.rt, path, NULL, &err));
    unlink(path);
    expect_pairs(&w);
    compare(&w, &(ingot_generator_options){.size = sizeof(ingot_generator_options)}, "plain");
    compare(&w, &(ingot_generator_options){.size = sizeof(ingot_generator_options), .lookup = 3},
            "lookup");
    compare(&w,
            &(ingot_generator_options){
                .size = sizeof(ingot_generator_options), .draft = w.draft, .draft_tokens = 3},
            "draft");
    ingot_model_close(&w.draft);
    ingot_model_close(&w.model);
    ingot_runtime_close(&w.rt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(distributions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
