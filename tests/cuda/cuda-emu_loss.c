/* cuda-emu_loss.c - what a device does when calls fail: most errors end that call alone, some lose
 * the device, for all who have it open and nobody else, until the last of them closes it. */
#include "tests/cuda/device.h"
#include "runtime/device/cuda/gpu.h"

#include <pthread.h>
#include <string.h>

enum { MIB = 1 << 20, N = 3000 };

static const ig_device_api *api;

static ig_device *open_at(int ordinal)
{
    ingot_error err;
    ig_device *d;
    const ig_device_options o = {.budget_bytes = 32 * MIB};
    check_ok(api->open(&d, ordinal, &o, &err));
    return d;
}

/* Memory, a stream, copies up and down, a constant, a recording: the first thing that fails ends
 * it. Each call makes all anew, so that it shows whether the device is well. */
static ingot_status use(ig_device *d, ingot_error *err)
{
    static float host[N];
    float back[N] = {0};
    for (int i = 0; i < N; i++) host[i] = (float)i;
    ig_device_stream *s = NULL;
    ig_device_graph *g = NULL;
    void *p = NULL, *c = NULL;
    ingot_status status = api->stream_open(&s, d, err);
    if (!status) status = api->take(d, &p, sizeof host, IG_DEVICE_WORK, err);
    if (!status) status = api->constant(d, host, sizeof host, &c, err);
    if (!status) status = api->copy(s, p, host, sizeof host, IG_TO_DEVICE, err);
    if (!status) status = api->record_begin(s, err);
    if (!status) {
        ingot_error later;
        status = api->copy(s, p, c, sizeof host, IG_ON_DEVICE, err);
        const ingot_status ended = api->record_end(s, &g, status ? &later : err);
        if (!status) status = ended;
    }
    if (!status) status = api->replay(s, g, err);
    if (!status) status = api->copy(s, back, p, sizeof back, IG_TO_HOST, err);
    if (!status) status = api->wait(s, err);
    if (!status) assert_memory_equal(back, host, sizeof host);
    if (s) (void)api->wait(s, NULL); /* what it began may not go on behind what is given back */
    if (g) api->graph_close(&g);
    api->give_constant(d, c);
    api->give(d, p);
    api->stream_close(&s);
    return status;
}

static void errors_are_sorted(void **state)
{
    (void)state;
    static const int lost[] = {46,  201, 214, 220, 226, 700, 702, 709, 710, 714,
                               715, 716, 717, 718, 719, 721, 810, 911, 999};
    static const int refused[] = {1,   9,   12,  13,  17,  98,  200, 209, 218, 222, 400, 401,
                                  600, 701, 704, 705, 712, 720, 800, 801, 900, 901, 906, 912};
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
        if (gpu_kind_of(lost[i]) != GPU_LOST) fail_msg("%d is a loss", lost[i]);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (gpu_kind_of(refused[i]) != GPU_REFUSED) fail_msg("%d is no loss", refused[i]);
    assert_int_equal(gpu_kind_of(0), GPU_FINE);
    assert_int_equal(gpu_kind_of(2), GPU_FULL);
    assert_int_equal(gpu_kind_of(34), GPU_NO_DRIVER);
    assert_int_equal(gpu_kind_of(35), GPU_NO_DRIVER);
    assert_int_equal(gpu_kind_of(100), GPU_NO_DEVICE);
    assert_int_equal(gpu_kind_of(GPU_E_COMM + 5), GPU_REFUSED);
    assert_int_equal(gpu_kind_of(GPU_E_CUDNN + 5000), GPU_REFUSED);
}

/* Whatever call fails, with whatever error that is no loss: that use ends with its text, the next
 * is well, and nothing is left behind. */
static void a_refusal_ends_one_call(void **state)
{
    (void)state;
    static const int errors[] = {1, 9, 209, 400, 801};
    ig_device *d = open_at(0);
    for (size_t e = 0; e < sizeof errors / sizeof *errors; e++) {
        int n = 1, refusals = 0;
        for (bool failed = true; failed && n < 300; n++) {
            ingot_error err;
            char fault[40];
            snprintf(fault, sizeof fault, "lost:%d,error:%d", n, errors[e]);
            set_fault(fault);
            failed = use(d, &err) != INGOT_OK;
            if (failed) {
                char number[24];
                snprintf(number, sizeof number, "(error %d)", errors[e]);
                assert_int_equal(err.status, INGOT_E_DEVICE);
                if (!strstr(err.text, "refuses: ") || !strstr(err.text, number) ||
                    !strstr(err.text, gpu_text(errors[e])))
                    fail_msg("%s", err.text);
                refusals++;
            }
            assert_false(api->lost(d));
            set_fault(NULL);
            check_ok(use(d, &err));
            /* calls of which nobody waits for the answer: closing and forgetting */
            failed = failed || n < 40;
        }
        assert_true(refusals > 10 && n < 300);
    }
    api->close(&d);
}

static void a_loss_is_everybodys_until_the_last_closes(void **state)
{
    (void)state;
    ingot_error err;
    ig_device *a = open_at(0), *b = open_at(0), *c;
    assert_ptr_equal(a, b);
    void *mine;
    check_ok(api->take(b, &mine, MIB, IG_DEVICE_WORK, &err));
    set_fault("lost:1,error:700");
    assert_int_equal(use(a, &err), INGOT_E_DEVICE);
    set_fault(NULL);
    assert_true(api->lost(b));
    assert_int_equal(use(b, &err), INGOT_E_DEVICE);
    assert_non_null(strstr(err.text, "an illegal memory access was encountered"));
    const ig_device_options o = {0};
    assert_int_equal(api->open(&c, 0, &o, &err), INGOT_E_DEVICE);
    assert_null(c);
    assert_non_null(strstr(err.text, "can be used again when all"));
    api->close(
        &a); /* no reset: the other one's memory would go, and the emulator end the program */
    assert_true(api->lost(b));
    assert_int_equal(api->open(&c, 0, &o, &err), INGOT_E_DEVICE);
    api->give(b, mine);
    api->close(&b);
    c = open_at(0);
    check_ok(use(c, &err));
    api->close(&c);
}

static void a_loss_is_of_one_device(void **state)
{
    (void)state;
    ingot_error err;
    set_fault("devices:2");
    ig_device *a = open_at(0), *b = open_at(1);
    check_ok(use(a, &err));
    check_ok(use(b, &err));
    set_fault("devices:2,lost:1");
    assert_int_equal(use(b, &err), INGOT_E_DEVICE);
    assert_non_null(strstr(err.text, "cuda:1"));
    assert_true(api->lost(b));
    check_ok(use(a, &err));
    assert_false(api->lost(a));
    api->close(&b);
    check_ok(use(a, &err)); /* the reset was of the other */
    b = open_at(1);
    check_ok(use(b, &err));
    api->close(&a);
    api->close(&b);
    set_fault(NULL);
}

static void a_device_has_one_budget(void **state)
{
    (void)state;
    ingot_error err;
    ig_device *a, *b;
    ig_device_options o = {.budget_fraction = 0.25};
    check_ok(api->open(&a, 0, &o, &err));
    check_ok(api->open(&b, 0, &o, &err)); /* the same wish, though less is free now */
    api->close(&b);
    o = (ig_device_options){0};
    check_ok(api->open(&b, 0, &o, &err)); /* none */
    ig_device_memory m;
    api->memory(b, &m);
    assert_int_equal(m.budget_bytes, 256 * MIB); /* of the emulator's 1 GiB */
    void *p, *q;
    check_ok(api->take(a, &p, 200 * MIB, IG_DEVICE_WEIGHTS, &err));
    assert_int_equal(api->take(b, &q, 100 * MIB, IG_DEVICE_WORK, &err), INGOT_E_NOMEM);
    assert_non_null(strstr(err.text, "weights 200.0"));
    api->give(a, p);
    ig_device *c;
    static const ig_device_options others[] = {{.budget_fraction = 0.5},
                                               {.budget_bytes = 64 * MIB}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(api->open(&c, 0, &others[i], &err), INGOT_E_ARG);
        assert_non_null(strstr(err.text, "with another budget (256.0 MiB)"));
    }
    api->close(&a);
    check_ok(use(b, &err));
    api->close(&b);
    check_ok(api->open(&c, 0, &others[1], &err)); /* nobody has it open any more */
    api->close(&c);
}

/* ---- threads ---- */

static void *open_and_close(void *arg)
{
    bool *good = arg;
    ingot_error err;
    for (int i = 0; i < 40 && *good; i++) {
        ig_device *d;
        const ig_device_options o = {0};
        *good = !api->open(&d, 0, &o, &err) && !use(d, &err);
        api->close(&d);
    }
    return NULL;
}

static void threads_open_and_close(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    bool good[THREADS];
    for (int i = 0; i < THREADS; i++) {
        good[i] = true;
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &good[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(good[i]);
    }
}

int main(void)
{
    api = ingot_cuda_plugin_v1();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_are_sorted),
        cmocka_unit_test(a_refusal_ends_one_call),
        cmocka_unit_test(a_loss_is_everybodys_until_the_last_closes),
        cmocka_unit_test(a_loss_is_of_one_device),
        cmocka_unit_test(a_device_has_one_budget),
        cmocka_unit_test(threads_open_and_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
