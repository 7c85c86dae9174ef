/* cuda-emu_plugin.c - devices by name, opened once with one budget, and given up when they fail.
 * The plugin is opened as the command opens it. */
#include "tests/check.h"
#include "runtime/device/plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void names(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ig_device_kind kind;
        int ordinal;
    } good[] = {{NULL, IG_ON_CPU, 0},    {"cpu", IG_ON_CPU, 0},     {"auto", IG_ON_AUTO, 0},
                {"cuda", IG_ON_CUDA, 0}, {"cuda:0", IG_ON_CUDA, 0}, {"cuda:12", IG_ON_CUDA, 12}};
    static const char *const bad[] = {"",        "gpu",       "cuda:", "cuda:x", "cuda:1x",
                                      "cuda:-1", "cuda:1234", "CPU",   "cuda 0"};
    ig_device_kind kind;
    int ordinal;
    ingot_error err;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        check_ok(ig_device_name(&kind, &ordinal, good[i].name, &err));
        assert_int_equal(kind, good[i].kind);
        assert_int_equal(ordinal, good[i].ordinal);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ig_device_name(&kind, &ordinal, bad[i], &err), INGOT_E_ARG);
        assert_non_null(strstr(err.text, "auto, cpu or cuda:0"));
    }
    assert_int_equal(ig_device_name(&kind, &ordinal, "cuda:0,cuda:1", &err), INGOT_E_ARG);
    assert_non_null(strstr(err.text, "give one"));
}

static void a_device_is_shared(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_devices ds;
    ig_found_device a, b;
    ig_heap_init(&heap, NULL);
    ig_devices_init(&ds, &heap, NULL);
    ig_device_wish wish = {.name = "auto", .budget_bytes = 8 << 20};
    check_ok(ig_devices_take(&ds, &a, &wish, &err));
    assert_string_equal(a.name, "cuda:0");
    assert_true(a.may_fall_back);
    wish = (ig_device_wish){.name = "cuda:0"};
    check_ok(ig_devices_take(&ds, &b, &wish, &err));
    assert_ptr_equal(a.device, b.device);
    assert_false(b.may_fall_back);
    ig_device_memory m;
    a.api->memory(b.device, &m);
    assert_int_equal(m.budget_bytes, 8 << 20);
    ig_devices_give(&ds, &b);
    wish.budget_bytes = 9 << 20;
    assert_int_equal(ig_devices_take(&ds, &b, &wish, &err), INGOT_E_ARG);
    assert_non_null(strstr(err.text, "another budget"));
    ig_devices_give(&ds, &a);
    ig_devices_give(&ds, &a); /* nothing any more */
    ig_devices_clear(&ds);
    assert_int_equal(heap.live_bytes, 0);
}

static void budgets(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    static const double bad[] = {-0.5, 1.5};
    for (int i = 0; i < 2; i++) {
        ig_devices ds;
        ig_found_device a;
        ig_devices_init(&ds, &heap, NULL);
        ig_device_wish wish = {.name = "auto", .budget_fraction = bad[i]};
        assert_int_equal(ig_devices_take(&ds, &a, &wish, &err), INGOT_E_ARG);
        wish.budget_fraction = 0.25;
        check_ok(ig_devices_take(&ds, &a, &wish, &err));
        ig_device_info info;
        ig_device_memory m;
        check_ok(a.api->probe(0, &info, &err));
        a.api->memory(a.device, &m);
        assert_true(m.budget_bytes <= info.total_bytes / 4 &&
                    m.budget_bytes > info.total_bytes / 5);
        ig_devices_give(&ds, &a);
        ig_devices_clear(&ds);
    }
    assert_int_equal(heap.live_bytes, 0);
}

static void a_lost_device_comes_back(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_devices ds;
    ig_found_device a, b;
    ig_heap_init(&heap, NULL);
    ig_devices_init(&ds, &heap, NULL);
    const ig_device_wish wish = {.name = "cuda:0"}, any = {.name = "auto"};
    check_ok(ig_devices_take(&ds, &a, &wish, &err));
    setenv("INGOT_EMU_FAULT", "lost:1", 1);
    (void)a.api->count(&err);
    void *p;
    assert_int_equal(a.api->take(a.device, &p, 64, IG_DEVICE_WORK, &err), INGOT_E_DEVICE);
    assert_int_equal(ig_devices_take(&ds, &b, &wish, &err), INGOT_E_DEVICE);
    assert_non_null(strstr(err.text, "is lost"));
    check_ok(ig_devices_take(&ds, &b, &any, &err)); /* the CPU */
    assert_null(b.api);
    assert_string_equal(b.name, "cpu");
    unsetenv("INGOT_EMU_FAULT");
    ig_devices_give(&ds, &a);
    check_ok(ig_devices_take(&ds, &a, &wish, &err));
    assert_false(a.api->lost(a.device));
    ig_devices_give(&ds, &a);
    ig_devices_clear(&ds);
    assert_int_equal(heap.live_bytes, 0);
}

/* Two runtimes, as two libraries of one program may have them: one budget, one loss; the device is
 * well again when no session of either is left on it. */
static void runtimes_share_a_device(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_devices one, two;
    ig_found_device a, b, c;
    ig_heap_init(&heap, NULL);
    ig_devices_init(&one, &heap, NULL);
    ig_devices_init(&two, &heap, NULL);
    const ig_device_wish wish = {.name = "cuda:0", .budget_fraction = 0.5},
                         other = {.name = "cuda:0", .budget_fraction = 0.75};
    check_ok(ig_devices_take(&one, &a, &wish, &err));
    check_ok(ig_devices_take(&two, &b, &wish, &err));
    assert_ptr_equal(a.device, b.device);
    assert_int_equal(ig_devices_take(&two, &c, &other, &err), INGOT_E_ARG);
    setenv("INGOT_EMU_FAULT", "lost:1", 1);
    (void)a.api->count(&err);
    void *p;
    assert_int_equal(a.api->take(a.device, &p, 64, IG_DEVICE_WORK, &err), INGOT_E_DEVICE);
    unsetenv("INGOT_EMU_FAULT");
    ig_devices_give(&one, &a);
    assert_int_equal(ig_devices_take(&one, &a, &wish, &err), INGOT_E_DEVICE);
    assert_non_null(strstr(err.text, "can be used again when all"));
    ig_devices_give(&two, &b);
    check_ok(ig_devices_take(&one, &a, &wish, &err));
    assert_false(a.api->lost(a.device));
    ig_devices_give(&one, &a);
    ig_devices_clear(&one);
    ig_devices_clear(&two);
    assert_int_equal(heap.live_bytes, 0);
}

static void without_one_it_is_the_cpu(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_devices ds;
    ig_found_device a;
    ig_heap_init(&heap, NULL);
    ig_devices_init(&ds, &heap, NULL);
    setenv("INGOT_EMU_FAULT", "driver:none", 1);
    const ig_device_wish wish = {.name = "cuda:0"}, any = {.name = "auto"}, none = {0};
    assert_int_equal(ig_devices_take(&ds, &a, &wish, &err), INGOT_E_DEVICE);
    assert_non_null(strstr(err.text, "cuda:0 cannot be used: no NVIDIA driver"));
    check_ok(ig_devices_take(&ds, &a, &any, &err));
    assert_null(a.api);
    check_ok(ig_devices_take(&ds, &a, &none, &err));
    assert_null(a.api);
    ig_devices_give(&ds, &a);
    ig_devices_clear(&ds);
    unsetenv("INGOT_EMU_FAULT");
    assert_int_equal(heap.live_bytes, 0);
}

int main(void)
{
    const char *bin = getenv("INGOT_BIN");
    char path[1024];
    ingot_error err = {0};
    snprintf(path, sizeof path, "%s/../libingot_cuda_emu.so", bin ? bin : "build/bin");
    setenv("INGOT_CUDA_PLUGIN", path, 1);
    const char *found;
    if (!ig_plugin(&found, &err)) {
        printf("%s\n", err.text);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(a_device_is_shared),
        cmocka_unit_test(budgets),
        cmocka_unit_test(a_lost_device_comes_back),
        cmocka_unit_test(runtimes_share_a_device),
        cmocka_unit_test(without_one_it_is_the_cpu),
    };
    return strcmp(found, path) ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
