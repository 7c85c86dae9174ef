/* cuda-emu_tune.c - measured choices of variants: what is measured, what the file keeps, what of it
 * is believed. The emulator's clock shows INGOT_EMU_TIMES. */
#include "runtime/device/cuda/inside.h"
#include "runtime/device/cuda/tune.h"
#include "tests/cuda/device.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256], file[300];

/* ---- a trial of nothing ---- */

typedef struct {
    int runs[IG_CU_TRIALS];
    bool right;
    int fails; /* the error of every run; 0: none */
    size_t bytes, zeros;
} fake;

static int run_fake(const void *ud, size_t i, char *room, cu_stream s)
{
    fake *f = (fake *)(uintptr_t)ud; /* the test's own */
    f->runs[i]++;
    (void)gpu_stream_wait(s); /* the emulator's memory is the host's */
    for (size_t k = 0; k < f->bytes; k += 2)
        f->right = f->right && (k >= f->zeros) == (room[k] || room[k + 1]);
    return f->fails ? f->fails : gpu_clear(s, room, f->zeros);
}

static ig_cu_trial trial_of(fake *f, const char *what)
{
    ig_cu_trial t = {.n = 3,
                     .names = {"first", "second", "third"},
                     .bytes = f->bytes,
                     .zeros = f->zeros,
                     .run = run_fake,
                     .ud = f};
    snprintf(t.what, sizeof t.what, "%s", what);
    return t;
}

/* ---- a device with a log ---- */

typedef struct {
    ig_log log;
    ig_device *d;
    int warnings;
    char last[256];
} bench;

static void hear(void *ud, int level, const char *text)
{
    bench *b = ud;
    if (level <= IG_LOG_WARN) {
        b->warnings++;
        snprintf(b->last, sizeof b->last, "%s", text);
    }
}

static ingot_status try_open(bench *b, const char *mode, int ordinal, size_t budget,
                             ingot_error *err)
{
    if (mode) setenv("INGOT_AUTOTUNE", mode, 1);
    if (!mode) unsetenv("INGOT_AUTOTUNE");
    *b = (bench){.log = {.fn = hear, .ud = b, .level = IG_LOG_WARN}};
    const ig_device_options o = {.budget_bytes = budget, .log = &b->log};
    const ingot_status s = ingot_cuda_plugin_v1()->open(&b->d, ordinal, &o, err);
    device_log_use(&b->log); /* as when a step is bound */
    return s;
}

static void open_bench(bench *b, const char *mode)
{
    ingot_error err;
    check_ok(try_open(b, mode, 0, 0, &err));
}

static void close_bench(bench *b)
{
    ingot_cuda_plugin_v1()->close(&b->d);
    device_log_use(NULL);
}

static void tuned_to(bench *b, fake *f, const char *what, const char *want)
{
    ingot_error err;
    char name[IG_CU_TUNE_NAME];
    const ig_cu_trial t = trial_of(f, what);
    check_ok(ig_cu_tune(b->d, &t, name, &err));
    assert_string_equal(name, want);
}

static size_t lines_of(const char *part)
{
    char line[1100];
    size_t n = 0;
    FILE *f = fopen(file, "r");
    while (f && fgets(line, sizeof line, f)) n += strstr(line, part) != NULL;
    if (f) fclose(f);
    return n;
}

static int fresh(void **state)
{
    (void)state;
    remove(file);
    unsetenv("INGOT_EMU_TIMES");
    setenv("XDG_CACHE_HOME", folder, 1);
    set_fault(NULL);
    return 0;
}

/* ---- tests ---- */

static void the_fastest_is_found_and_kept(void **state)
{
    (void)state;
    bench b;
    fake f = {.bytes = 100000, .zeros = 512, .right = true};
    setenv("INGOT_EMU_TIMES", "30,20.5,10.25", 1);
    open_bench(&b, "full");
    tuned_to(&b, &f, "product 1x2x3", "third");
    assert_true(f.right); /* zeros stay zeros, numbers are none */
    assert_true(f.runs[0] > 3 && f.runs[0] == f.runs[1] && f.runs[1] == f.runs[2]);
    const int runs = f.runs[0];
    tuned_to(&b, &f, "product 1x2x3", "third");
    assert_int_equal(f.runs[0], runs); /* once */
    assert_int_equal(lines_of("\tproduct 1x2x3\tthird\t10.250\n"), 1);
    assert_int_equal(lines_of("emulated device 0\t9.0\t4\t13000\t"), 1);
    close_bench(&b);
    open_bench(&b, NULL); /* another process: cached is the default */
    tuned_to(&b, &f, "product 1x2x3", "third");
    tuned_to(&b, &f, "product 4x5x6", ""); /* not measured, not invented */
    close_bench(&b);
    open_bench(&b, "off");
    tuned_to(&b, &f, "product 1x2x3", "");
    close_bench(&b);
    assert_int_equal(f.runs[0], runs);
    assert_int_equal(b.warnings, 0);
}

static void the_models_choice_stands_against_scatter(void **state)
{
    (void)state;
    bench b;
    fake f = {.bytes = 64, .right = true};
    setenv("INGOT_EMU_TIMES", "100,98,99", 1);
    open_bench(&b, "full");
    tuned_to(&b, &f, "close", "first");
    setenv("INGOT_EMU_TIMES", "100,95,80", 1);
    tuned_to(&b, &f, "far", "third");
    /* medians: a few outliers do nothing */
    setenv("INGOT_EMU_TIMES", "50,2000,2000,50,40,2000,50,2000,2000", 1);
    tuned_to(&b, &f, "unsteady", "first");
    close_bench(&b);
}

/* Two devices: what one of them chose says nothing of the other. */
static void choices_belong_to_a_device(void **state)
{
    (void)state;
    bench one, two;
    ingot_error err;
    fake f = {.bytes = 64, .right = true};
    set_fault("devices:2");
    setenv("INGOT_EMU_TIMES", "3,2,1", 1);
    open_bench(&one, "full");
    tuned_to(&one, &f, "product", "third");
    close_bench(&one);
    check_ok(try_open(&two, "cached", 1, 0, &err));
    tuned_to(&two, &f, "product", "");
    close_bench(&two);
}

static void damaged_lines_are_ignored(void **state)
{
    (void)state;
    bench b;
    fake f = {.bytes = 64, .right = true};
    setenv("INGOT_EMU_TIMES", "3,1,2", 1);
    open_bench(&b, "full");
    tuned_to(&b, &f, "whole", "second");
    close_bench(&b);
    FILE *out = fopen(file, "a");
    fputs("\n\t\t\t\t\t\t\t\nno tabs\na\tb\tc\td\te\twhat\tname\tfast\n", out);
    fputs("a\tb\tc\td\te\twhat\tname\t-1\na\tb\tc\td\te\twhat\tname\t1\t2\n", out);
    for (int i = 0; i < 5000; i++) fputc('x', out);
    fwrite("\n\0\1\2\n", 1, 5, out);
    fputs("a\tb\tc\td\te\twhat\tna", out); /* a write that was cut off */
    fclose(out);
    open_bench(&b, "cached");
    assert_int_equal(b.warnings, 1); /* one line for all of them */
    assert_non_null(strstr(b.last, "9 damaged lines are ignored"));
    tuned_to(&b, &f, "whole", "second");
    close_bench(&b);
    open_bench(&b, "full"); /* the next choice writes the file without them */
    tuned_to(&b, &f, "next", "second");
    close_bench(&b);
    open_bench(&b, "cached");
    assert_int_equal(b.warnings, 0);
    tuned_to(&b, &f, "whole", "second");
    tuned_to(&b, &f, "next", "second");
    close_bench(&b);
}

static void the_file_does_not_grow_for_ever(void **state)
{
    (void)state;
    bench b;
    fake f = {.bytes = 64, .right = true};
    mkdir(folder, 0700);
    char above[300];
    snprintf(above, sizeof above, "%s/ingot", folder);
    mkdir(above, 0700);
    FILE *out = fopen(file, "w");
    for (int i = 0; i < 5000; i++) fprintf(out, "old\t8.0\t108\t12040\tb\twhat %d\tname\t1.5\n", i);
    fclose(out);
    setenv("INGOT_EMU_TIMES", "3,1,2", 1);
    open_bench(&b, "full");
    tuned_to(&b, &f, "new", "second");
    close_bench(&b);
    assert_int_equal(lines_of("\t"), 4096);
    assert_int_equal(lines_of("\tnew\tsecond\t"), 1);
    assert_int_equal(lines_of("\twhat 0\t"), 0); /* the oldest went */
    assert_int_equal(lines_of("\twhat 4999\t"), 1);
}

/* ---- many at once ---- */

enum { WRITERS = 4, CHOICES = 8 };

static void *write_some(void *of)
{
    bench *b = of;
    char name[IG_CU_TUNE_NAME];
    for (int i = 0; i < CHOICES; i++) {
        fake f = {.bytes = 64, .right = true};
        ig_cu_trial t = trial_of(&f, "");
        snprintf(t.what, sizeof t.what, "choice %d", i);
        if (ig_cu_tune(b->d, &t, name, NULL) || !*name) return b;
    }
    return NULL;
}

static void writers_do_not_disturb_each_other(void **state)
{
    (void)state;
    bench b[WRITERS];
    pthread_t threads[WRITERS];
    ingot_error err;
    set_fault("devices:4");
    for (int i = 0; i < WRITERS; i++) check_ok(try_open(&b[i], "full", i, 0, &err));
    for (int i = 0; i < WRITERS; i++) pthread_create(&threads[i], NULL, write_some, &b[i]);
    for (int i = 0; i < WRITERS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(b[i].warnings, 0); /* the file was whole whenever it was read */
        close_bench(&b[i]);
    }
    assert_in_range(lines_of("\tchoice "), CHOICES, WRITERS * CHOICES);
    open_bench(&b[0], "cached");
    assert_int_equal(b[0].warnings, 0);
    close_bench(&b[0]);
}

/* ---- what goes wrong ---- */

static void a_mode_that_is_none_is_an_error(void **state)
{
    (void)state;
    bench b;
    ingot_error err;
    assert_int_equal(try_open(&b, "fast", 0, 0, &err), INGOT_E_ARG);
    assert_non_null(strstr(err.text, "INGOT_AUTOTUNE is 'fast': off, cached or full"));
    device_log_use(NULL);
}

static void without_room_the_model_chooses(void **state)
{
    (void)state;
    bench b;
    ingot_error err;
    fake f = {.bytes = 8 << 20, .right = true};
    check_ok(try_open(&b, "full", 0, 4 << 20, &err));
    tuned_to(&b, &f, "large", "");
    assert_int_equal(b.warnings, 1);
    assert_non_null(strstr(b.last, "large is not measured, the model chooses"));
    f.bytes = SIZE_MAX - 100;
    tuned_to(&b, &f, "endless", "");
    close_bench(&b);
    assert_int_equal(lines_of("\t"), 0);
}

static void a_refused_variant_is_not_taken(void **state)
{
    (void)state;
    enum { NO_KERNEL_IMAGE = 209 };
    bench b;
    fake f = {.bytes = 64, .right = true, .fails = NO_KERNEL_IMAGE};
    open_bench(&b, "full");
    tuned_to(&b, &f, "product", "");
    assert_int_equal(b.warnings, 1);
    assert_non_null(strstr(b.last, "product is not measured, the model chooses"));
    assert_false(ingot_cuda_plugin_v1()->lost(b.d));
    close_bench(&b);
}

static void a_folder_that_cannot_be_written_is_said_once(void **state)
{
    (void)state;
    bench b;
    fake f = {.bytes = 64, .right = true};
    setenv("XDG_CACHE_HOME", "/proc/none", 1);
    setenv("INGOT_EMU_TIMES", "3,1,2", 1);
    open_bench(&b, "full");
    tuned_to(&b, &f, "product", "second");
    assert_int_equal(b.warnings, 1);
    assert_non_null(strstr(b.last, "a measured choice is not kept: /proc/none/ingot"));
    tuned_to(&b, &f, "product", "second"); /* this process knows */
    close_bench(&b);
}

static void a_failed_trial_loses_the_device(void **state)
{
    (void)state;
    bench b;
    ingot_error err;
    char name[IG_CU_TUNE_NAME];
    fake f = {.bytes = 64, .fails = GPU_E_LAUNCH};
    open_bench(&b, "full");
    const ig_cu_trial t = trial_of(&f, "product");
    assert_int_equal(ig_cu_tune(b.d, &t, name, &err), INGOT_E_DEVICE);
    assert_non_null(strstr(err.text, "measuring product: "));
    assert_true(ingot_cuda_plugin_v1()->lost(b.d));
    close_bench(&b);
    for (int n = 1; n < 12; n++) { /* wherever it happens nothing leaks */
        char fault[32];
        f = (fake){.bytes = 64, .right = true};
        open_bench(&b, "full");
        snprintf(fault, sizeof fault, "lost:%d", n);
        set_fault(fault);
        assert_int_equal(ig_cu_tune(b.d, &t, name, &err), INGOT_E_DEVICE);
        set_fault(NULL);
        close_bench(&b);
    }
}

static void buckets_have_two_leading_bits(void **state)
{
    (void)state;
    static const int64_t want[][2] = {{0, 0},     {1, 1},     {3, 3},    {4, 4},   {5, 6},
                                      {7, 8},     {9, 12},    {13, 16},  {16, 16}, {17, 24},
                                      {100, 128}, {128, 128}, {129, 192}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(ig_cu_bucket(want[i][0]), want[i][1]);
    for (int64_t n = 1; n < 5000; n++) {
        assert_true(ig_cu_bucket(n) >= n && ig_cu_bucket(n) < n + n / 2 + 1);
        assert_int_equal(ig_cu_bucket(ig_cu_bucket(n)), ig_cu_bucket(n));
    }
}

int main(void)
{
    snprintf(folder, sizeof folder, "%s/ingot-tune-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder)) return 1;
    snprintf(file, sizeof file, "%s/ingot/cuda-tune.tsv", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_fastest_is_found_and_kept, fresh),
        cmocka_unit_test_setup(the_models_choice_stands_against_scatter, fresh),
        cmocka_unit_test_setup(choices_belong_to_a_device, fresh),
        cmocka_unit_test_setup(damaged_lines_are_ignored, fresh),
        cmocka_unit_test_setup(the_file_does_not_grow_for_ever, fresh),
        cmocka_unit_test_setup(writers_do_not_disturb_each_other, fresh),
        cmocka_unit_test_setup(a_mode_that_is_none_is_an_error, fresh),
        cmocka_unit_test_setup(without_room_the_model_chooses, fresh),
        cmocka_unit_test_setup(a_folder_that_cannot_be_written_is_said_once, fresh),
        cmocka_unit_test_setup(a_refused_variant_is_not_taken, fresh),
        cmocka_unit_test_setup(a_failed_trial_loses_the_device, fresh),
        cmocka_unit_test_setup(buckets_have_two_leading_bits, fresh),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove(file);
    *strrchr(file, '/') = 0;
    rmdir(file);
    rmdir(folder);
    return failed;
}
