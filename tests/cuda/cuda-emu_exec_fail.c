/* cuda-emu_exec_fail.c - the executor when the device fails, refuses or is full: which run ends,
 * and what comes after; recordings, and what is launched where there can be none. */
#include "tests/cuda/exec_bench.h"

/* ---- refusals ---- */

/* A step that the device refuses ends its run, and says which it was; the exec stays there. */
static void a_refused_step_ends_one_run(void **state)
{
    (void)state;
    ingot_error err;
    bench b;
    open_bench(&b, 0);
    ig_graph *g = copies_only(&b.heap);
    ig_exec *x = open_exec(&b, g, false);
    const ig_tensor in = small_tensor(b.x, 2, (int64_t[]){ROWS, COLUMNS});
    int refused = 0, named = 0;
    for (int n = 1; n < 60; n++) {
        ig_tensor out = {0};
        char fault[40];
        snprintf(fault, sizeof fault, "lost:%d,error:801", n);
        if (n % 7 == 1) { /* planning, first runs, recorded runs */
            ig_exec_close(&x);
            x = open_exec(&b, g, false);
        }
        set_fault(fault);
        if (ig_exec_run(x, &out, &in, &err)) {
            assert_int_equal(err.status, INGOT_E_DEVICE);
            assert_non_null(strstr(err.text, "operation not supported (error 801)"));
            refused++;
            named += strstr(err.text, "copy (bitcast)") != NULL;
        }
        set_fault(NULL);
        check_ok(ig_exec_run(x, &out, &in, &err));
        assert_memory_equal(out.data, b.x, SIZE * sizeof(float));
        assert_string_equal(ig_exec_device_name(x), "cuda:0");
    }
    assert_true(refused > 10 && named > 1);
    ig_exec_close(&x);
    ig_graph_close(&g);
    close_bench(&b);
}

/* ---- recordings ---- */

static ig_device_api watched; /* the plugin's, and */
static uint64_t form;         /* the form of the next run, */
static int recordings;        /* how many were begun */

static ingot_status watched_kv(ig_device_stream *s, const ig_kv_step *kv, uint64_t *out,
                               ingot_error *err)
{
    (void)s, (void)kv, (void)err;
    *out = form;
    return INGOT_OK;
}

static ingot_status watched_record(ig_device_stream *s, ingot_error *err)
{
    recordings++;
    return api->record_begin(s, err);
}

static ig_exec *open_watched(bench *b, const ig_graph *g)
{
    ingot_error err;
    ig_exec *x;
    watched = *api;
    watched.kv = watched_kv;
    watched.record_begin = watched_record;
    recordings = 0;
    static const ig_log quiet = {.level = IG_LOG_ERROR};
    const ig_exec_options o = {.heap = &b->heap,
                               .log = &quiet,
                               .device = {.api = &watched, .device = b->d, .name = "cuda:0"}};
    check_ok(ig_exec_open(&x, g, &o, &err));
    return x;
}

static void run_watched(bench *b, ig_exec *x, uint64_t as, int want_recordings)
{
    ingot_error err;
    ig_tensor in = small_tensor(b->x, 2, (int64_t[]){ROWS, COLUMNS}), out = {0};
    for (int i = 0; i < SIZE; i++) b->x[i] += 1;
    form = as;
    check_ok(ig_exec_run(x, &out, &in, &err));
    assert_memory_equal(out.data, b->x, SIZE * sizeof(float));
    assert_int_equal(recordings, want_recordings);
}

/* Every form is run step by step before it is recorded, also when it comes again. */
static void a_new_form_is_not_recorded_at_once(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 0);
    ig_graph *g = copies_only(&b.heap);
    ig_exec *x = open_watched(&b, g);
    static const struct {
        uint64_t form;
        int recordings;
    } runs[] = {{4, 0}, {4, 1}, {4, 1}, {8, 1}, {8, 2}, {5, 2}, {8, 2},
                {5, 3}, {8, 3}, {5, 3}, {4, 3}, {4, 4}, {4, 4}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        run_watched(&b, x, runs[i].form, runs[i].recordings);
    ig_exec_close(&x);
    ig_graph_close(&g);
    close_bench(&b);
}

/* What cannot be recorded is launched step by step, and not tried again. */
static void a_recording_may_be_refused(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 0);
    ig_graph *g = copies_only(&b.heap);
    ig_exec *x = open_watched(&b, g);
    run_watched(&b, x, 0, 0);
    set_fault("record:1");
    run_watched(&b, x, 0, 1);
    set_fault(NULL);
    for (int i = 0; i < 3; i++) run_watched(&b, x, 0, 1);
    assert_string_equal(ig_exec_device_name(x), "cuda:0");
    ig_exec_close(&x);
    ig_graph_close(&g);
    close_bench(&b);
}

/* ---- losses ---- */

static void a_lost_device_leaves_the_cpu(void **state)
{
    (void)state;
    bool failed = true;
    int n = 1, losses = 0;
    for (; failed && n < 2000; n += 1 + n / 8) {
        ingot_error err;
        bench b;
        char fault[32];
        open_bench(&b, 0);
        ig_graph *g = random_graph(&b.heap, 3);
        ig_exec *x = open_exec(&b, g, false), *cpu;
        const ig_exec_options o = {.heap = &b.heap};
        check_ok(ig_exec_open(&cpu, g, &o, &err));
        snprintf(fault, sizeof fault, "lost:%d", n);
        set_fault(fault);
        failed = false;
        for (int run = 0; run < 3; run++) {
            ig_tensor out[OUTPUTS] = {0};
            const ingot_status s = ig_exec_run(x, out, b.in, &err);
            if (s) {
                assert_int_equal(s, INGOT_E_DEVICE);
                assert_non_null(strstr(err.text, "is lost"));
                assert_false(failed); /* at most one run */
                failed = true;
                losses++;
            }
        }
        const bool lost = api->lost(b.d);
        assert_true(lost == (ig_exec_fallen(x) != NULL));
        failed = failed || lost;
        set_fault(NULL);
        expect_same(&b, x, cpu, true);
        assert_string_equal(ig_exec_device_name(x), lost ? "cpu" : "cuda:0");
        ig_exec_close(&x);
        ig_exec_close(&cpu);
        ig_graph_close(&g);
        close_bench(&b);
    }
    assert_false(failed);
    assert_true(losses > 3);
}

static void a_full_device_is_an_error_or_a_fall(void **state)
{
    (void)state;
    ingot_error err;
    bench b;
    open_bench(&b, 100000); /* more than the constant, less than the activations */
    ig_graph *g = random_graph(&b.heap, 3);
    ig_exec *x = open_exec(&b, g, false), *cpu;
    const ig_exec_options o = {.heap = &b.heap};
    check_ok(ig_exec_open(&cpu, g, &o, &err));
    ig_tensor out[OUTPUTS] = {0};
    assert_int_equal(ig_exec_run(x, out, b.in, &err), INGOT_E_NOMEM);
    assert_non_null(strstr(err.text, "the budget is spent"));
    assert_non_null(strstr(err.text, "--device cpu"));
    ig_exec_close(&x);
    x = open_exec(&b, g, true);
    expect_same(&b, x, cpu, false);
    assert_non_null(strstr(ig_exec_fallen(x), "the budget is spent"));
    assert_string_equal(ig_exec_device_name(x), "cpu");
    ig_exec_close(&x);
    ig_exec_close(&cpu);
    ig_graph_close(&g);
    close_bench(&b);
}

int main(void)
{
    api = ingot_cuda_plugin_v1();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_step_ends_one_run),
        cmocka_unit_test(a_new_form_is_not_recorded_at_once),
        cmocka_unit_test(a_recording_may_be_refused),
        cmocka_unit_test(a_lost_device_leaves_the_cpu),
        cmocka_unit_test(a_full_device_is_an_error_or_a_fall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
