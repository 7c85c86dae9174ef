/* cuda-emu_draws.c - tokens of language models are drawn where the logits lie: the same tokens and
 * log probabilities, bit for bit, as the CPU's sampler draws from the device's logits; the same
 * tokens among others, with guesses and with a draft model; and what a step copies to the host. */
#include "tests/cuda/device.h"
#include "tests/llm/tiny.h"
#include "runtime/llm/engine/engine.h"

#include <math.h>

enum { ANSWER = 20, TOPS = 5, N_WAYS = 8, N_BIAS = 3 };

static const ig_device_api *api;

/* ---- the plugin's table, counting what comes to the host ---- */

static struct {
    size_t copies, bytes;
    bool refuse; /* to draw: the engine does it */
    bool full;   /* no memory for more work */
} down;

static ingot_status count_copy(ig_device_stream *s, void *to, const void *from, size_t bytes,
                               ig_device_way way, ingot_error *err)
{
    if (way == IG_TO_HOST) down.copies++, down.bytes += bytes;
    return api->copy(s, to, from, bytes, way, err);
}

static ingot_status maybe_take(ig_device *d, void **out, size_t bytes, ig_device_use use,
                               ingot_error *err)
{
    if (down.full && use == IG_DEVICE_WORK) return ig_fail(err, INGOT_E_NOMEM, "full");
    return api->take(d, out, bytes, use, err);
}

static ingot_status maybe_draw(ig_device_stream *s, const ig_draw_args *a, ingot_error *err)
{
    ingot_status status = api->draw(s, a, err);
    ig_drawn none[64];
    for (int i = 0; i < 64; i++) none[i] = (ig_drawn){.status = IG_DRAW_NAN};
    if (!status && down.refuse)
        status = api->copy(s, a->drawn, none, (size_t)a->n * sizeof *none, IG_TO_DEVICE, err);
    return status;
}

/* ---- requests ---- */

static const int32_t bias_ids[N_BIAS] = {3, 50, 3};
static const float bias[N_BIAS] = {1.5f, -2, 0.25f};
static const int32_t prompt[] = {1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3};

static const ingot_sampling ways[N_WAYS] = {
    {.temperature = 0},
    {.temperature = 1, .seed = 3},
    {.temperature = 1.3f, .top_k = 9, .seed = 4},
    {.temperature = 1, .top_p = 0.8f, .min_p = 0.02f, .seed = 5},
    {.temperature = 0.9f, .typical_p = 0.7f, .seed = 6},
    {.temperature = 1, .repetition_penalty = 1.3f, .penalty_window = 7, .seed = 7},
    {.temperature = 1.1f, .frequency_penalty = 0.5f, .presence_penalty = 0.3f, .seed = 8},
    {.temperature = 1,
     .repetition_penalty = 1.1f,
     .bias_ids = bias_ids,
     .bias = bias,
     .n_bias = N_BIAS,
     .seed = 9},
};

typedef struct {
    ingot_token tokens[ANSWER];
    ingot_logprob tops[ANSWER][TOPS];
} answer;

typedef struct {
    ig_heap heap;
    ig_device *device;
    ig_device_api counted;
    ig_ingot *file;
} world;

static ig_engine *open_engine(world *w, const ingot_generator_options *options, bool draft)
{
    ingot_error err;
    ig_engine *e;
    const ig_exec_device device = {.api = &w->counted, .device = w->device, .name = "cuda:0"};
    const ingot_generator_options plain = {.size = sizeof plain};
    const ig_engine_setup setup = {.heap = &w->heap,
                                   .file = w->file,
                                   .draft = draft ? w->file : NULL,
                                   .options = options ? options : &plain,
                                   .devices = &device,
                                   .n_devices = 1,
                                   .device_name = "cuda:0"};
    check_ok(ig_engine_open(&e, &setup, &err));
    return e;
}

static ingot_request request_of(size_t way, bool logprobs)
{
    return (ingot_request){.size = sizeof(ingot_request),
                           .ids = prompt,
                           .n_ids = IG_LEN(prompt) - way,
                           .max_tokens = ANSWER,
                           .logprobs = logprobs,
                           .top_logprobs = logprobs && way % 2 ? TOPS : 0,
                           .sampling = ways[way]};
}

static void take_answer(answer *a, ingot_generation *g)
{
    ingot_error err;
    ingot_result r;
    check_ok(ingot_generation_wait(&r, g, &err));
    assert_int_equal(r.n_tokens, ANSWER);
    memset(a, 0, sizeof *a);
    for (size_t i = 0; i < ANSWER; i++) {
        a->tokens[i].id = r.tokens[i].id;
        a->tokens[i].logprob = r.tokens[i].logprob;
        memcpy(a->tops[i], r.tokens[i].top, r.tokens[i].n_top * sizeof *a->tops[i]);
    }
    ingot_generation_close(&g);
}

/* All ways at once, or one after the other. */
static void ask(answer *a, ig_engine *e, bool together)
{
    ingot_error err;
    ingot_generation *g[N_WAYS];
    for (size_t i = 0; i < N_WAYS; i++) {
        const ingot_request r = request_of(i, true);
        check_ok(ig_engine_submit(&g[i], e, &r, &err));
        if (!together) take_answer(&a[i], g[i]);
    }
    for (size_t i = 0; together && i < N_WAYS; i++) take_answer(&a[i], g[i]);
}

/* Among others a row's logits are rounded otherwise, since products are cut otherwise. */
static bool same(const answer *a, const answer *b, bool alone)
{
    if (alone) return !memcmp(a, b, sizeof *a);
    for (size_t i = 0; i < ANSWER; i++)
        if (a->tokens[i].id != b->tokens[i].id ||
            fabsf(a->tokens[i].logprob - b->tokens[i].logprob) > 1e-4f)
            return false;
    return true;
}

static void expect(world *w, const answer *want, const char *what,
                   const ingot_generator_options *options, bool draft, bool together)
{
    static answer got[N_WAYS];
    ig_engine *e = open_engine(w, options, draft);
    ask(got, e, together);
    ig_engine_close(&e);
    for (size_t i = 0; i < N_WAYS; i++)
        if (!same(&got[i], &want[i], !together)) fail_msg("%s: way %zu: other tokens", what, i);
}

static void open_world(world *w, const tiny_shape *shape)
{
    ingot_error err;
    memset(w, 0, sizeof *w);
    set_fault(NULL);
    api = ingot_cuda_plugin_v1();
    w->counted = *api;
    w->counted.copy = count_copy;
    w->counted.draw = maybe_draw;
    w->counted.take = maybe_take;
    down.refuse = down.full = false;
    ig_heap_init(&w->heap, NULL);
    w->device = open_device(0);
    const char *path = tiny_file(shape, 0);
    check_ok(ig_ingot_open(&w->file, &w->heap, path, &err));
    unlink(path);
}

static void close_world(world *w)
{
    ig_device_memory m;
    ig_ingot_close(&w->file);
    api->memory(w->device, &m);
    for (int use = 0; use < IG_DEVICE_USES; use++) assert_int_equal(m.used_bytes[use], 0);
    api->close(&w->device);
    assert_int_equal(w->heap.live_bytes, 0);
}

static void the_same_as_on_the_host(void **state)
{
    (void)state;
    static answer want[N_WAYS];
    world w;
    open_world(&w, &tiny_default);
    down.refuse = true;
    ig_engine *e = open_engine(&w, NULL, false);
    ask(want, e, false);
    ig_engine_close(&e);
    down.refuse = false;
    expect(&w, want, "alone", NULL, false, false);
    expect(&w, want, "together", NULL, false, true);
    const ingot_generator_options chunks = {.size = sizeof chunks, .chunk = 3};
    expect(&w, want, "chunks", &chunks, false, true);
    const ingot_generator_options lookup = {.size = sizeof lookup, .lookup = 3};
    expect(&w, want, "guesses", &lookup, false, true);
    const ingot_generator_options draft = {.size = sizeof draft, .draft_tokens = 3};
    expect(&w, want, "a draft", &draft, true, true);
    close_world(&w);
}

/* A row of results a token, and nothing else; the logits where the host draws. */
static void what_a_step_copies(void **state)
{
    (void)state;
    static answer a;
    ingot_error err;
    world w;
    ig_device_memory warm, after;
    open_world(&w, &tiny_default);
    ig_engine *e = open_engine(&w, NULL, false);
    for (size_t i = 0; i < N_WAYS; i++) {
        ingot_request r = request_of(i, false);
        for (int round = 0; round < 2; round++) {
            ingot_generation *g;
            api->memory(w.device, &warm);
            down.copies = down.bytes = 0;
            check_ok(ig_engine_submit(&g, e, &r, &err));
            take_answer(&a, g);
            assert_int_equal(down.copies, ANSWER);
            assert_int_equal(down.bytes, ANSWER * sizeof(ig_drawn));
        }
        api->memory(w.device, &after);
        assert_int_equal(after.allocations, warm.allocations);
        r.top_logprobs = TOPS;
        ingot_generation *g;
        down.copies = down.bytes = 0;
        check_ok(ig_engine_submit(&g, e, &r, &err));
        take_answer(&a, g);
        assert_int_equal(down.bytes, ANSWER * (sizeof(ig_drawn) + TOPS * sizeof(ig_drawn_top)));
        r.top_logprobs = 0;
        down.copies = down.bytes = 0;
        down.refuse = true;
        check_ok(ig_engine_submit(&g, e, &r, &err));
        take_answer(&a, g);
        down.refuse = false;
        assert_true(down.bytes >= ANSWER * 96 * sizeof(float));
    }
    ig_engine_close(&e);
    close_world(&w);
}

static void a_device_without_room_for_it(void **state)
{
    (void)state;
    static answer want, got;
    ingot_error err;
    world w;
    open_world(&w, &tiny_default);
    for (int full = 0; full < 2; full++) {
        ingot_generation *g;
        ig_engine *e = open_engine(&w, NULL, false);
        ingot_request r = request_of(5, false);
        r.sampling = ways[0]; /* plans are made, and place for draws without penalties */
        check_ok(ig_engine_submit(&g, e, &r, &err));
        take_answer(&got, g);
        down.full = full;
        r.sampling = ways[5];
        check_ok(ig_engine_submit(&g, e, &r, &err));
        take_answer(full ? &got : &want, g);
        down.full = false;
        ig_engine_close(&e);
    }
    assert_memory_equal(&got, &want, sizeof got);
    close_world(&w);
}

/* What the host says of a row that nothing can be drawn from. */
static void a_row_that_is_nan(void **state)
{
    (void)state;
    ingot_error err;
    world w;
    ingot_generation *g;
    tiny_shape broken = tiny_default;
    broken.sharp = (double)NAN;
    open_world(&w, &broken);
    ig_engine *e = open_engine(&w, NULL, false);
    const ingot_request r = request_of(1, false);
    check_ok(ig_engine_submit(&g, e, &r, &err));
    assert_int_equal(ingot_generation_wait(NULL, g, &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "the logit of token 0 is NaN"));
    ingot_generation_close(&g);
    ig_engine_close(&e);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_on_the_host), cmocka_unit_test(what_a_step_copies),
        cmocka_unit_test(a_device_without_room_for_it), cmocka_unit_test(a_row_that_is_nan)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
