/* cuda-emu_share.c - two language models on one device under one budget, at the same time: their
 * answers are those that each gives alone, with caches so small that pages go to host memory and
 * come back; a device or budget that is too small for both, and allocations that fail one after the
 * other, give errors that say what is missing, and nothing stays taken. */
#include "tests/cuda/device.h"
#include "tests/llm/gate.h"
#include "tests/llm/tiny.h"
#include "runtime/llm/engine/engine.h"

enum { MODELS = 2, REQUESTS = 4, ANSWER = 40, SHORT = 14, PROMPT = 44, PAGES = 8 };

static const ig_device_api *api;
static const ig_log quiet = {.level = IG_LOG_ERROR};

typedef struct {
    ig_heap heap;
    ig_device *device;
    ig_ingot *files[MODELS];
    ig_engine *engines[MODELS];
} world;

static void open_world(world *w, size_t budget)
{
    ingot_error err;
    memset(w, 0, sizeof *w);
    api = ingot_cuda_plugin_v1();
    ig_heap_init(&w->heap, NULL);
    w->device = open_device(budget);
    for (size_t m = 0; m < MODELS; m++) {
        tiny_shape shape = tiny_default;
        shape.seed = (uint32_t)(m + 1);
        shape.layers += (int64_t)m;
        const char *path = tiny_file(&shape, m);
        check_ok(ig_ingot_open(&w->files[m], &w->heap, path, &err));
        unlink(path);
    }
}

static void close_world(world *w)
{
    ig_device_memory m;
    for (size_t i = 0; i < MODELS; i++) {
        ig_engine_close(&w->engines[i]);
        ig_ingot_close(&w->files[i]);
    }
    api->memory(w->device, &m);
    for (int use = 0; use < IG_DEVICE_USES; use++) assert_int_equal(m.used_bytes[use], 0);
    api->close(&w->device);
    assert_int_equal(w->heap.live_bytes, 0);
}

static ingot_status open_engine(world *w, size_t m, size_t pages, ingot_error *err)
{
    const size_t page = (size_t)(tiny_default.layers + (int64_t)m) * 2 * 2 * 8 * 16 * sizeof(float);
    const ig_exec_device device = {.api = api, .device = w->device, .name = "cuda:0"};
    const ingot_generator_options o = {.size = sizeof o,
                                       .page_tokens = 16,
                                       .kv_bytes = pages ? pages * page : 0,
                                       .kv_spare_bytes = 64 * page,
                                       .max_sequences = 6};
    const ig_engine_setup setup = {.heap = &w->heap,
                                   .log = &quiet,
                                   .file = w->files[m],
                                   .options = &o,
                                   .devices = &device,
                                   .n_devices = 1,
                                   .device_name = "cuda:0"};
    return ig_engine_open(&w->engines[m], &setup, err);
}

static ingot_request request(int32_t *ids, size_t m, size_t r)
{
    for (size_t i = 0; i < PROMPT; i++) /* most are the same for two requests */
        ids[i] = (int32_t)((i < 32 ? r / 2 : r) * 31 + i * 7 + m) % 96;
    return (ingot_request){.size = sizeof(ingot_request),
                           .ids = ids,
                           .n_ids = PROMPT - r,
                           .max_tokens = ANSWER,
                           .sampling = {.temperature = r % 2 ? 0.7f : 0, .seed = r}};
}

static ingot_status answer(int32_t *out, ingot_generation *g, size_t *preempted, ingot_error *err)
{
    ingot_result r;
    const ingot_status s = ingot_generation_wait(&r, g, err);
    for (size_t i = 0; !s && i < r.n_tokens; i++) out[i] = r.tokens[i].id;
    if (!s) *preempted += r.preempted;
    ingot_generation_close(&g);
    return s;
}

static void each_answers_as_it_does_alone(void **state)
{
    (void)state;
    static int32_t want[MODELS][REQUESTS][ANSWER], got[ANSWER], ids[PROMPT];
    ingot_error err;
    size_t preempted = 0;
    world w;
    set_fault(NULL);
    for (size_t m = 0; m < MODELS; m++) {
        open_world(&w, 0);
        check_ok(open_engine(&w, m, 0, &err));
        for (size_t r = 0; r < REQUESTS; r++) {
            ingot_generation *g;
            const ingot_request q = request(ids, m, r);
            check_ok(ig_engine_submit(&g, w.engines[m], &q, &err));
            check_ok(answer(want[m][r], g, &preempted, &err));
        }
        close_world(&w);
    }
    assert_int_equal(preempted, 0);
    open_world(&w, 0);
    ingot_generation *g[MODELS][REQUESTS];
    gate all_in = {0};
    for (size_t m = 0; m < MODELS; m++) check_ok(open_engine(&w, m, PAGES, &err));
    for (size_t r = 0; r < REQUESTS; r++)
        for (size_t m = 0; m < MODELS; m++) {
            ingot_request q = request(ids, m, r);
            if (!r) q.piece = gate_wait, q.ud = &all_in;
            check_ok(ig_engine_submit(&g[m][r], w.engines[m], &q, &err));
        }
    gate_open(&all_in);
    for (size_t m = 0; m < MODELS; m++)
        for (size_t r = 0; r < REQUESTS; r++) {
            memset(got, -1, sizeof got);
            check_ok(answer(got, g[m][r], &preempted, &err));
            assert_memory_equal(got, want[m][r], sizeof got);
        }
    assert_true(preempted > 0); /* there was pressure */
    close_world(&w);
}

/* Both models, a request each. What failed first. */
static ingot_status go(world *w, size_t pages, ingot_error *err)
{
    static int32_t ids[MODELS][PROMPT], got[ANSWER];
    ingot_generation *g[MODELS] = {0};
    size_t preempted = 0;
    ingot_status s = INGOT_OK;
    for (size_t m = 0; !s && m < MODELS; m++) s = open_engine(w, m, pages, err);
    for (size_t m = 0; !s && m < MODELS; m++) {
        ingot_request q = request(ids[m], m, 0);
        q.max_tokens = SHORT;
        s = ig_engine_submit(&g[m], w->engines[m], &q, err);
    }
    for (size_t m = 0; m < MODELS; m++) {
        ingot_error other;
        if (!g[m]) continue;
        const ingot_status one = answer(got, g[m], &preempted, s ? &other : err);
        if (!s) s = one;
    }
    return s;
}

static void too_little_for_both(void **state)
{
    (void)state;
    size_t refused = 0, done = 0;
    for (size_t kib = 300; kib < 2000; kib += 240)
        for (int whole = 0; whole < 2; whole++) {
            char fault[40];
            ingot_error err;
            world w;
            snprintf(fault, sizeof fault, "memory:%zu", kib << 10);
            set_fault(whole ? fault : NULL);
            open_world(&w, whole ? 0 : kib << 10);
            const ingot_status s = go(&w, PAGES, &err);
            if (s) assert_int_equal(s, INGOT_E_NOMEM);
            if (s && (!strstr(err.text, "cuda:0") || !strstr(err.text, "MiB are taken")))
                fail_msg("%zu KiB: '%s' does not say who has the memory", kib, err.text);
            *(s ? &refused : &done) += 1;
            close_world(&w);
        }
    set_fault(NULL);
    assert_true(refused > 2 && done > 2);
}

static void allocations_that_fail(void **state)
{
    (void)state;
    bool reached = true;
    for (int n = 1; reached && n < 60; n++) {
        char fault[32];
        ingot_error err;
        world w;
        snprintf(fault, sizeof fault, "alloc:%d", n);
        set_fault(NULL);
        open_world(&w, 3 << 20); /* slabs of a little each */
        set_fault(fault);
        const ingot_status s = go(&w, PAGES, &err);
        ig_device_memory m;
        api->memory(w.device, &m);
        reached = s || m.allocations >= (uint64_t)n;
        if (s) assert_int_equal(s, INGOT_E_NOMEM); /* else it was had smaller */
        close_world(&w);
    }
    set_fault(NULL);
    assert_false(reached); /* one that never came ended the loop */
}

/* A budget that the first model's pages would take alone leaves the second one an error. */
static void who_comes_first_takes_what_it_asks(void **state)
{
    (void)state;
    ingot_error err;
    world w;
    set_fault(NULL);
    open_world(&w, 1 << 20);
    check_ok(open_engine(&w, 0, 0, &err)); /* no kv_bytes: what is there for whole contexts */
    assert_int_equal(open_engine(&w, 1, 64, &err), INGOT_E_NOMEM);
    if (!strstr(err.text, "keys and values")) fail_msg("'%s'", err.text);
    ig_engine_close(&w.engines[0]);
    check_ok(open_engine(&w, 1, 64, &err)); /* then it is free again */
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_answers_as_it_does_alone),
                                       cmocka_unit_test(too_little_for_both),
                                       cmocka_unit_test(allocations_that_fail),
                                       cmocka_unit_test(who_comes_first_takes_what_it_asks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
