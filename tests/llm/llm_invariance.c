/* llm_invariance.c - a request gives the same tokens and the same log probabilities, bit for bit,
 * alone and among others: whatever arrives beside it, in chunks of any size, with a cache so small
 * that requests give up their pages and are computed again, with shared prefixes and with guesses,
 * greedy and drawn. */
#include "tests/llm/gate.h"
#include "tests/llm/tiny.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum { REQUESTS = 24, PROMPT_MOST = 90, ANSWER_MOST = 60, THREADS = 4 };

typedef struct {
    int32_t prompt[PROMPT_MOST];
    size_t n_prompt, n_answer;
    bool drawn;
    int priority;
    const char *tenant;
    int32_t want[ANSWER_MOST], got[ANSWER_MOST];
    float want_p[ANSWER_MOST], got_p[ANSWER_MOST];
    size_t n_got, preempted, cached;
    unsigned wait_us;
} one;

typedef struct {
    ingot_runtime *rt;
    ingot_model *model;
    one requests[REQUESTS];
    ingot_generator *g;
    size_t before; /* live bytes of the runtime alone */
} world;

static uint32_t state;

static size_t pick(size_t low, size_t high)
{
    state = state * 1664525u + 1013904223u;
    return low + (state >> 8) % (high - low + 1);
}

static void make_requests(world *w)
{
    static const char *const tenants[] = {NULL, "a", "b"};
    int32_t common[48];
    for (size_t i = 0; i < IG_LEN(common); i++) common[i] = (int32_t)pick(0, 95);
    for (size_t r = 0; r < REQUESTS; r++) {
        one *o = &w->requests[r];
        *o = (one){.n_prompt = pick(1, PROMPT_MOST),
                   .n_answer = pick(1, ANSWER_MOST),
                   .drawn = r % 2,
                   .priority = (int)pick(0, 2),
                   .tenant = tenants[pick(0, 2)],
                   .wait_us = (unsigned)pick(0, 3000)};
        for (size_t i = 0; i < o->n_prompt; i++)
            o->prompt[i] = r % 3 == 0 && i < IG_LEN(common) ? common[i] : (int32_t)pick(0, 95);
    }
}

static void ask(const world *w, size_t r, ingot_generator *g, bool alone)
{
    ingot_error err;
    ingot_generation *t;
    ingot_result result;
    one *o = (one *)&w->requests[r];
    const ingot_request request = {
        .size = sizeof request,
        .ids = o->prompt,
        .n_ids = o->n_prompt,
        .max_tokens = o->n_answer,
        .logprobs = true,
        .priority = o->priority,
        .tenant = o->tenant,
        .sampling = {.temperature = o->drawn ? 0.9f : 0,
                     .top_p = 0.95f,
                     .repetition_penalty = o->drawn ? 1.1f : 0,
                     .seed = 77 + r},
    };
    check_ok(ingot_generator_submit(&t, g, &request, &err));
    check_ok(ingot_generation_wait(&result, t, &err));
    assert_int_equal(result.n_tokens, o->n_answer);
    for (size_t i = 0; i < result.n_tokens; i++) {
        (alone ? o->want : o->got)[i] = result.tokens[i].id;
        (alone ? o->want_p : o->got_p)[i] = result.tokens[i].logprob;
    }
    o->n_got = result.n_tokens;
    o->preempted = result.preempted;
    o->cached = result.cached_tokens;
    ingot_generation_close(&t);
}

static void same(const world *w, const char *what)
{
    for (size_t r = 0; r < REQUESTS; r++) {
        const one *o = &w->requests[r];
        if (memcmp(o->want, o->got, o->n_answer * sizeof *o->want))
            fail_msg("%s: request %zu has other tokens", what, r);
        if (memcmp(o->want_p, o->got_p, o->n_answer * sizeof *o->want_p))
            fail_msg("%s: request %zu has other log probabilities", what, r);
    }
}

typedef struct {
    const world *w;
    size_t first;
} worker;

static void *submit_some(void *arg)
{
    const worker *k = arg;
    for (size_t r = k->first; r < REQUESTS; r += THREADS) {
        usleep(k->w->requests[r].wait_us);
        ask(k->w, r, k->w->g, false);
    }
    return NULL;
}

/* All requests at once, from several threads; then those that run one after the other in a thread
 * meet those of the other threads. */
static ingot_generator_info together(world *w, const ingot_generator_options *o, const char *what)
{
    ingot_error err;
    ingot_generator_info info;
    pthread_t threads[THREADS];
    worker workers[THREADS];
    check_ok(ingot_generator_open(&w->g, w->model, o, &err));
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){w, i};
        pthread_create(&threads[i], NULL, submit_some, &workers[i]);
    }
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    same(w, what);
    ingot_generator_get_info(&info, w->g);
    ingot_generator_close(&w->g);
    return info;
}

/* All are submitted before any is waited for. */
static ingot_generator_info at_once(world *w, const ingot_generator_options *o, const char *what)
{
    ingot_error err;
    ingot_generator_info info;
    ingot_generation *t[REQUESTS];
    gate all_in = {0};
    check_ok(ingot_generator_open(&w->g, w->model, o, &err));
    for (size_t r = 0; r < REQUESTS; r++) {
        const one *q = &w->requests[r];
        const ingot_request request = {
            .size = sizeof request,
            .ids = q->prompt,
            .n_ids = q->n_prompt,
            .max_tokens = q->n_answer,
            .logprobs = true,
            .priority = q->priority,
            .tenant = q->tenant,
            .sampling = {.temperature = q->drawn ? 0.9f : 0,
                         .top_p = 0.95f,
                         .repetition_penalty = q->drawn ? 1.1f : 0,
                         .seed = 77 + r},
            .piece = r ? NULL : gate_wait,
            .ud = &all_in,
        };
        check_ok(ingot_generator_submit(&t[r], w->g, &request, &err));
    }
    gate_open(&all_in);
    for (size_t r = 0; r < REQUESTS; r++) {
        ingot_result result;
        one *q = &w->requests[r];
        check_ok(ingot_generation_wait(&result, t[r], &err));
        assert_int_equal(result.n_tokens, q->n_answer);
        for (size_t i = 0; i < result.n_tokens; i++) {
            q->got[i] = result.tokens[i].id;
            q->got_p[i] = result.tokens[i].logprob;
        }
        ingot_generation_close(&t[r]);
    }
    same(w, what);
    ingot_generator_get_info(&info, w->g);
    ingot_generator_close(&w->g);
    return info;
}

static void open_world(world *w, size_t threads)
{
    ingot_error err;
    const ingot_runtime_options o = {.size = sizeof o, .n_threads = threads};
    const char *path = tiny_file(&tiny_default, 0);
    memset(w, 0, sizeof *w);
    check_ok(ingot_runtime_open(&w->rt, &o, &err));
    w->before = ingot_runtime_memory(w->rt).live_bytes;
    check_ok(ingot_model_open(&w->model, w->rt, path, NULL, &err));
    unlink(path);
    state = 5;
    make_requests(w);
    for (size_t r = 0; r < REQUESTS; r++) { /* each alone, in a generator of its own, whole */
        const ingot_generator_options alone = {
            .size = sizeof alone, .chunk = SIZE_MAX, .max_sequences = 1};
        check_ok(ingot_generator_open(&w->g, w->model, &alone, &err));
        ask(w, r, w->g, true);
        ingot_generator_close(&w->g);
    }
}

static void close_world(world *w)
{
    ingot_model_close(&w->model);
    assert_int_equal(ingot_runtime_memory(w->rt).live_bytes, w->before);
    ingot_runtime_close(&w->rt);
}

static void among_others(void **unused)
{
    (void)unused;
    static world w;
    open_world(&w, 1);
    static const size_t chunks[] = {0, 1, 7, 33, SIZE_MAX};
    for (size_t c = 0; c < IG_LEN(chunks); c++) {
        const ingot_generator_options o = {.size = sizeof o,
                                           .chunk = chunks[c],
                                           .max_sequences = REQUESTS,
                                           .page_tokens = 16}; /* short texts share them */
        const ingot_generator_info info = at_once(&w, &o, "chunks");
        assert_int_equal(info.preempted, 0);
        together(&w, &o, "arrivals");
    }
    close_world(&w);
}

/* The second time the prompt's whole pages are found, and give the same bits as computing them. */
static void from_the_cache(void **unused)
{
    (void)unused;
    static world w;
    ingot_error err;
    open_world(&w, 1);
    const ingot_generator_options o = {.size = sizeof o, .page_tokens = 16};
    check_ok(ingot_generator_open(&w.g, w.model, &o, &err));
    for (size_t r = 0; r < REQUESTS; r++) {
        ask(&w, r, w.g, false);
        ask(&w, r, w.g, false);
        assert_int_equal(w.requests[r].cached, (w.requests[r].n_prompt - 1) / 16 * 16);
    }
    same(&w, "prefixes");
    ingot_generator_close(&w.g);
    close_world(&w);
}

/* Pages for little more than one request. */
static void under_pressure(void **unused)
{
    (void)unused;
    static world w;
    open_world(&w, 2);
    static const size_t sequences[] = {4, 16};
    for (size_t c = 0; c < IG_LEN(sequences); c++) {
        const ingot_generator_options o = {.size = sizeof o,
                                           .kv_bytes = 14 * 2 * 2 * 16 * (8 + 16) * 4,
                                           .page_tokens = 16,
                                           .context = 160,
                                           .chunk = 24,
                                           .max_sequences = sequences[c]};
        assert_true(at_once(&w, &o, "pressure").preempted > 0);
        together(&w, &o, "pressure and arrivals");
    }
    close_world(&w);
}

static void with_guesses(void **unused)
{
    (void)unused;
    static world w;
    open_world(&w, 1);
    const ingot_generator_options o = {.size = sizeof o, .lookup = 5, .chunk = 20};
    const ingot_generator_info info = at_once(&w, &o, "lookup");
    assert_true(info.drafted > 0 && info.accepted > 0 && info.accepted < info.drafted);
    close_world(&w);
}

/* A draft model that thinks otherwise, and one that thinks the same. */
static void with_a_draft(void **unused)
{
    (void)unused;
    static world w;
    ingot_error err;
    open_world(&w, 1);
    for (uint32_t same_model = 0; same_model < 2; same_model++) {
        tiny_shape shape = tiny_default;
        if (!same_model) shape.seed = 9, shape.layers = 1;
        const char *path = tiny_file(&shape, 1);
        ingot_model *draft;
        check_ok(ingot_model_open(&draft, w.rt, path, NULL, &err));
        unlink(path);
        const ingot_generator_options o = {
            .size = sizeof o, .draft = draft, .lookup = same_model ? 0 : 2, .chunk = 30};
        const ingot_generator_info info = at_once(&w, &o, "draft");
        assert_true(info.drafted > 0);
        assert_true(same_model ? info.accepted == info.drafted : info.accepted < info.drafted);
        together(&w, &o, "draft and arrivals");
        ingot_model_close(&draft);
    }
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(among_others),   cmocka_unit_test(from_the_cache),
        cmocka_unit_test(under_pressure), cmocka_unit_test(with_guesses),
        cmocka_unit_test(with_a_draft),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
