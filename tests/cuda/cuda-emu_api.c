/* cuda-emu_api.c - bad devices through the public interface: what opening, planning and running
 * say, what "auto" does instead, and what comes after. */
#include "runtime/ingot.h"
#include "formats/ingot/ingot_file.h"
#include "runtime/base/checked.h"
#include "runtime/device/plugin.h"
#include "tests/graph/small.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 200, MOST = 2000 };

static ingot_runtime *rt;
static ingot_model *model;
static char said[2048]; /* the log of the present test */
static float x[MOST * COLUMNS], y[MOST * COLUMNS];

static void listen(void *ud, ingot_log_level level, const char *text)
{
    (void)ud, (void)level;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", text);
}

/* y = -max(x, w), one chain */
static void write_model(const char *path)
{
    ig_heap heap;
    ingot_error err;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    static float w[COLUMNS];
    const int64_t dims[] = {ig_graph_symbol(g, "rows"), COLUMNS}, one[] = {COLUMNS};
    const ig_id in = small_input(g, "x", 2, dims), c = small_const(g, "w", 1, one, w);
    const ig_id out = small_unary(g, "neg", small_binary(g, "max", in, c));
    assert_true(ig_graph_set_io(g, &in, 1, &out, 1));
    check_ok(ig_ingot_write(path, &(ig_contents){.graph = g}, &heap, &err));
    ig_graph_close(&g);
}

static int open_all(void **state)
{
    (void)state;
    ingot_error err;
    char path[64];
    snprintf(path, sizeof path, P_tmpdir "/ingot-api-%d.ingot", (int)getpid());
    write_model(path);
    const ingot_runtime_options o = {
        .size = sizeof o, .n_threads = 1, .log = listen, .log_level = INGOT_LOG_INFO};
    check_ok(ingot_runtime_open(&rt, &o, &err));
    check_ok(ingot_model_open(&model, rt, path, NULL, &err));
    unlink(path);
    for (int i = 0; i < MOST * COLUMNS; i++) x[i] = (float)(i % 23) - 11;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    ingot_model_close(&model);
    ingot_runtime_close(&rt);
    return 0;
}

static void set_fault(const char *text)
{
    ingot_error err;
    if (text)
        setenv("INGOT_EMU_FAULT", text, 1);
    else
        unsetenv("INGOT_EMU_FAULT");
    (void)ig_plugin(NULL, NULL)->count(&err); /* reads it */
    said[0] = 0;
}

static ingot_status open_session(ingot_session **s, const char *device, size_t bytes,
                                 ingot_error *err)
{
    const ingot_session_options o = {.size = sizeof o, .device = device, .device_bytes = bytes};
    return ingot_session_open(s, model, &o, err);
}

static ingot_status run(ingot_session *s, int rows, ingot_error *err)
{
    const int64_t dims[] = {rows, COLUMNS};
    ingot_tensor in = ingot_view_f32(x, 2, dims), out = ingot_view_f32(y, 2, dims);
    memset(y, 0, sizeof y);
    IG_TRY(ingot_session_run(s, &out, 1, &in, 1, err));
    for (int i = 0; i < rows * COLUMNS; i++) assert_true(y[i] == (x[i] > 0 ? -x[i] : -0.0f));
    return INGOT_OK;
}

static void expect_text(const char *where, const char *text, const char *want)
{
    if (!strstr(text, want)) fail_msg("%s: '%s', want '%s'", where, text, want);
}

/* ---- before the first run ---- */

static void no_device_can_be_used(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *text;
    } cases[] = {
        {"driver:none", "no NVIDIA driver is installed"},
        {"driver:old", "the NVIDIA driver is for CUDA 11.4, this build needs 13.0 (update the"},
        {"devices:0", "the NVIDIA driver finds no device"},
        {"cc:60", "has compute capability 6.0, the kernels need 8.0 or newer"},
        {"cc:75", "has compute capability 7.5, the kernels need 8.0 or newer"},
        {"lost:1", "is/are busy or unavailable"},
        {"lost:1,error:802", "cannot be used"},
    };
    for (size_t i = 0; i < IG_LEN(cases); i++) {
        ingot_error err;
        ingot_session *s;
        set_fault(cases[i].fault);
        assert_int_equal(open_session(&s, "cuda:0", 0, &err), INGOT_E_DEVICE);
        assert_null(s);
        expect_text(cases[i].fault, err.text, cases[i].text);
        set_fault(NULL);
        set_fault(cases[i].fault);
        check_ok(open_session(&s, "auto", 0, &err));
        expect_text(cases[i].fault, said, cases[i].text);
        check_ok(run(s, 8, &err));
        assert_string_equal(ingot_session_device(s, NULL), "cpu");
        ingot_session_close(&s);
        set_fault(NULL);
    }
}

static void a_budget_is_larger_than_the_memory(void **state)
{
    (void)state;
    ingot_error err;
    ingot_session *s;
    static const char *const names[] = {"cuda:0", "auto"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(open_session(&s, names[i], (size_t)3 << 30, &err), INGOT_E_ARG);
        assert_null(s);
        expect_text(names[i], err.text, "a budget of 3072.0 MiB is asked for, cuda:0");
        expect_text(names[i], err.text, "has 1024.0 MiB");
    }
}

/* The weights, or the activations, find no room when the plan is made. */
static void memory_is_full_at_load(void **state)
{
    (void)state;
    static const char *const faults[] = {"memory:300", "memory:10000", "alloc:1"};
    for (int i = 0; i < 3; i++) {
        ingot_error err;
        ingot_session *s;
        set_fault(faults[i]);
        check_ok(open_session(&s, "cuda:0", 0, &err));
        const ingot_status status = run(s, 8, &err);
        if (i < 2) {
            assert_int_equal(status, INGOT_E_NOMEM);
            expect_text(faults[i], err.text, "no room for");
            expect_text(faults[i], err.text, "--device cpu");
        } else { /* a smaller piece could be had */
            assert_int_equal(status, INGOT_OK);
        }
        assert_string_equal(ingot_session_device(s, NULL), "cuda:0");
        ingot_session_close(&s);
        check_ok(open_session(&s, "auto", 0, &err));
        check_ok(run(s, 8, &err));
        const char *why;
        assert_string_equal(ingot_session_device(s, &why), i < 2 ? "cpu" : "cuda:0");
        if (i < 2) expect_text(faults[i], why, "no room for");
        if (i < 2) expect_text(faults[i], said, "the CPU goes on");
        ingot_session_close(&s);
        set_fault(NULL);
        close_all(NULL); /* and the device, which has its budget as long as it is open */
        open_all(NULL);
    }
}

/* ---- in mid-run ---- */

/* Larger inputs than the device has room for: that run fails, smaller ones go on there. */
static void memory_is_full_in_mid_run(void **state)
{
    (void)state;
    ingot_error err;
    ingot_session *s;
    check_ok(open_session(&s, "cuda:0", 1 << 20, &err));
    check_ok(run(s, 100, &err));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run(s, MOST, &err), INGOT_E_NOMEM);
        expect_text("budget", err.text, "the budget is spent (budget 1.0 MiB");
        check_ok(run(s, 100, &err));
        assert_string_equal(ingot_session_device(s, NULL), "cuda:0");
    }
    ingot_session_close(&s);
    check_ok(open_session(&s, "auto", 1 << 20, &err));
    check_ok(run(s, 100, &err));
    assert_string_equal(ingot_session_device(s, NULL), "cuda:0");
    check_ok(run(s, MOST, &err));
    assert_string_equal(ingot_session_device(s, NULL), "cpu");
    ingot_session_close(&s);
}

static void a_device_is_lost_in_mid_run(void **state)
{
    (void)state;
    static const char *const faults[] = {"launch:1", "launch:2,error:700", "lost:4,error:214",
                                         "lost:9"};
    for (int i = 0; i < 4; i++) {
        ingot_error err;
        ingot_session *s, *other, *next;
        check_ok(open_session(&s, "cuda:0", 0, &err));
        check_ok(open_session(&other, "auto", 0, &err));
        check_ok(run(s, 16, &err));
        check_ok(run(other, 16, &err));
        set_fault(faults[i]);
        assert_int_equal(run(s, 16, &err), INGOT_E_DEVICE);
        expect_text(faults[i], err.text, "cuda:0 (emulated device 0) is lost");
        const char *why;
        assert_string_equal(ingot_session_device(s, &why), "cpu");
        expect_text(faults[i], why, "is lost");
        expect_text(faults[i], said, "the CPU goes on");
        check_ok(run(s, 16, &err));
        check_ok(run(other, 16, &err)); /* it had nothing there in the making */
        assert_string_equal(ingot_session_device(other, NULL), "cpu");
        set_fault(NULL);
        assert_int_equal(open_session(&next, "cuda:0", 0, &err), INGOT_E_DEVICE);
        expect_text(faults[i], err.text, "it can be used again when all sessions");
        ingot_session_close(&s);
        ingot_session_close(&other);
        check_ok(open_session(&next, "cuda:0", 0, &err));
        check_ok(run(next, 16, &err));
        assert_string_equal(ingot_session_device(next, NULL), "cuda:0");
        ingot_session_close(&next);
    }
}

/* Whenever it is lost, "auto" gives the results of every run: opening, planning, copying, launching
 * and recording have their turns. */
static void auto_goes_on_wherever_it_is_lost(void **state)
{
    (void)state;
    static const char *const kinds[] = {"lost:%d", "launch:%d", "launch:%d,error:801", "record:%d"};
    for (size_t k = 0; k < IG_LEN(kinds); k++) {
        bool happened = true;
        for (int n = 1; happened; n++) {
            char fault[64];
            ingot_error err;
            ingot_session *s;
            snprintf(fault, sizeof fault, kinds[k], n);
            set_fault(fault);
            check_ok(open_session(&s, "auto", 0, &err));
            for (int again = 0; again < 4; again++) check_ok(run(s, 16, &err));
            happened = strstr(said, "(error");
            const bool recorded = !strstr(said, "cannot be recorded");
            const bool cpu = !strcmp(ingot_session_device(s, NULL), "cpu");
            assert_int_equal(cpu, happened && recorded);
            if (n == 1) assert_true(happened);
            ingot_session_close(&s);
            set_fault(NULL);
            close_all(NULL);
            open_all(NULL);
        }
    }
}

/* A step that the device refuses ends the run that it is in, under its name. */
static void a_step_is_refused_in_mid_run(void **state)
{
    (void)state;
    static const struct {
        const char *fault, *text;
    } cases[] = {
        {"launch:1,error:209", "no kernel image is available for execution on the device"},
        {"launch:1,error:9", "invalid configuration argument (error 9)"},
        {"launch:1,error:801", "operation not supported (error 801)"},
    };
    for (size_t i = 0; i < IG_LEN(cases); i++) {
        ingot_error err;
        ingot_session *s;
        check_ok(open_session(&s, "cuda:0", 0, &err));
        set_fault(cases[i].fault);
        assert_int_equal(run(s, 16, &err), INGOT_E_DEVICE);
        expect_text(cases[i].fault, err.text, cases[i].text);
        expect_text(cases[i].fault, err.text, "(chain): cuda:0");
        for (int again = 0; again < 3; again++) check_ok(run(s, 16, &err));
        assert_string_equal(ingot_session_device(s, NULL), "cuda:0");
        ingot_session_close(&s);
        set_fault(NULL);
    }
}

static void cancel(void *ud, const ingot_trace *step)
{
    (void)step;
    ingot_session_cancel(*(ingot_session **)ud);
}

/* All launches were made, and the device works on. */
static void a_run_is_cancelled_while_it_is_awaited(void **state)
{
    (void)state;
    ingot_error err;
    ingot_session *s;
    const ingot_session_options o = {
        .size = sizeof o, .device = "cuda:0", .trace = cancel, .trace_ud = &s};
    check_ok(ingot_session_open(&s, model, &o, &err));
    assert_int_equal(run(s, 16, &err), INGOT_E_CANCELLED);
    expect_text("a cancelled run", err.text, "cancelled");
    assert_string_equal(ingot_session_device(s, NULL), "cuda:0");
    ingot_session_close(&s);
}

/* Sessions of exact and of fast arithmetic have one device, one budget. */
static void exact_and_fast_share_a_budget(void **state)
{
    (void)state;
    ingot_error err;
    ingot_session *exact, *fast;
    const ingot_session_options o = {
        .size = sizeof o, .device = "cuda:0", .device_bytes = 1 << 20, .fast_math = true};
    check_ok(open_session(&exact, "cuda:0", 1 << 20, &err));
    check_ok(ingot_session_open(&fast, model, &o, &err));
    check_ok(run(exact, 400, &err)); /* 320 KB in, 320 KB out */
    assert_int_equal(run(fast, 400, &err), INGOT_E_NOMEM);
    expect_text("fast", err.text, "budget 1.0 MiB");
    ingot_session_close(&exact);
    check_ok(run(fast, 400, &err));
    ingot_session_close(&fast);
}

int main(void)
{
    const char *bin = getenv("INGOT_BIN");
    char path[1024];
    ingot_error err = {0};
    snprintf(path, sizeof path, "%s/../libingot_cuda_emu.so", bin ? bin : "build/bin");
    setenv("INGOT_CUDA_PLUGIN", path, 1);
    if (!ig_plugin(NULL, &err)) {
        printf("%s\n", err.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_device_can_be_used, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_budget_is_larger_than_the_memory, open_all, close_all),
        cmocka_unit_test_setup_teardown(memory_is_full_at_load, open_all, close_all),
        cmocka_unit_test_setup_teardown(memory_is_full_in_mid_run, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_device_is_lost_in_mid_run, open_all, close_all),
        cmocka_unit_test_setup_teardown(auto_goes_on_wherever_it_is_lost, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_step_is_refused_in_mid_run, open_all, close_all),
        cmocka_unit_test_setup_teardown(a_run_is_cancelled_while_it_is_awaited, open_all,
                                        close_all),
        cmocka_unit_test_setup_teardown(exact_and_fast_share_a_budget, open_all, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
