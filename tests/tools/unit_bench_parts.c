/* unit_bench_parts.c - what benches are made of: quantiles, memory, which limit counts, that a
 * limit's loops do the work they claim, and which change of a speed is one. */
#include "bench/kernels/compare.h"
#include "bench/kernels/memory.h"
#include "bench/kernels/numbers.h"
#include "bench/kernels/roofs.h"
#include "runtime/base/checked.h"
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ingot_error err;

static void quantiles_lie_between_neighbours(void **state)
{
    (void)state;
    double v[] = {9, 1, 5, 3, 7};
    assert_true(numbers_quantile(v, 5, 0.5) == 5);
    assert_true(numbers_quantile(v, 5, 0) == 1);
    assert_true(numbers_quantile(v, 5, 1) == 9);
    assert_true(numbers_quantile(v, 5, 0.125) == 2);
    assert_true(numbers_quantile(v, 2, 0.5) == 2); /* of the two smallest: they are sorted now */
    assert_true(numbers_quantile(v, 1, 0.9) == 1);
}

static void memory_is_aligned_and_zero(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 4096, 5000, 2 << 20, (2 << 20) + 1, 5 << 20};
    for (size_t i = 0; i < IG_LEN(sizes); i++) {
        unsigned char *p = bench_map(sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % (sizes[i] >= 2 << 20 ? 2 << 20 : 4096), 0);
        assert_int_equal(p[0] | p[sizes[i] - 1], 0);
        memset(p, 1, sizes[i]);
        bench_unmap(p, sizes[i]);
    }
    assert_null(bench_map(SIZE_MAX));
    assert_null(bench_map(SIZE_MAX - (4 << 20)));
}

/* The private caches hold a thread's part, the shared one everything. */
static void the_smallest_cache_that_holds_it_counts(void **state)
{
    (void)state;
    const roofs r = {.cache = {32 << 10, 1 << 20, 32 << 20}};
    assert_int_equal(roof_memory(&r, 32 << 10, 1, false), ROOF_L1_READ);
    assert_int_equal(roof_memory(&r, (32 << 10) + 1, 1, false), ROOF_L2_READ);
    assert_int_equal(roof_memory(&r, 64 << 10, 2, false), ROOF_L1_READ);
    assert_int_equal(roof_memory(&r, 2 << 20, 1, true), ROOF_L3_COPY);
    assert_int_equal(roof_memory(&r, 2 << 20, 2, true), ROOF_L2_COPY);
    assert_int_equal(roof_memory(&r, 33 << 20, 2, false), ROOF_DRAM_READ);
}

/* Arithmetic grows with the turns; copies arrive; every way reads to the end without going past. */
static void loops_do_their_work(void **state)
{
    (void)state;
    enum { BYTES = 4 * 4096 };
    ig_limit_loops l;
    ig_limit_loops_get(&l);
    ig_limit_ops_fn *const ops[] = {l.fma_f32, l.fma_f64, l.mac_i8, l.mac_i4, l.dot_bf16};
    for (size_t i = 0; i < IG_LEN(ops); i++)
        if (ops[i]) assert_true(ops[i](3) == 3 * ops[i](1) && ops[i](1) > 0);
    unsigned char *from = bench_map(BYTES), *to = bench_map(BYTES);
    for (size_t i = 0; i < BYTES; i++) from[i] = (unsigned char)(i * 7 + i / 251);
    for (size_t i = 0; l.copy[i]; i++) {
        memset(to, 0, BYTES);
        l.copy[i](to, from, BYTES);
        assert_memory_equal(to, from, BYTES);
    }
    assert_non_null(l.copy[0]);
    assert_non_null(l.read[0]);
    for (size_t i = 0; l.read[i]; i++) l.read[i](from, BYTES);
    bench_unmap(from, BYTES);
    bench_unmap(to, BYTES);
}

static void a_limit_is_found_once_and_sampled_again(void **state)
{
    (void)state;
    static roofs r; /* large: it keeps samples */
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    check_ok(roofs_open(&r, &heap, &err));
    roof *f = roofs_find(&r, ROOF_L1_READ, 0, NULL);
    const size_t n = f->n;
    assert_ptr_equal(roofs_find(&r, ROOF_L1_READ, 0, NULL), f);
    assert_int_equal(f->n, n);
    for (size_t i = 0; i < 5; i++) assert_true(roofs_sample(&r, f) > 0);
    assert_int_equal(f->n, n + 5);
    assert_true(roof_limit(f) > 0);
    roofs_close(&r);
}

/* An earlier run with one result, and one of now beside it: is that slower? */
static bool is_slower(const char *then, const bench_result *now)
{
    char path[] = P_tmpdir "/ingot-bench-XXXXXX";
    ig_heap heap;
    bench_earlier e;
    size_t n_slower;
    FILE *f = fdopen(mkstemp(path), "w");
    assert_non_null(f);
    fprintf(f, "{\"results\": [{\"bench\": \"a\", \"shape\": \"n=1\", \"threads\": 1, %s}]}", then);
    fclose(f);
    ig_heap_init(&heap, NULL);
    check_ok(earlier_open(&e, &heap, path, &err));
    const bench b = {.results = (bench_result *)(uintptr_t)now, .n_results = 1};
    check_ok(earlier_print(&e, &b, &n_slower, &err));
    earlier_close(&e);
    unlink(path);
    return n_slower == 1;
}

#define THEN(median, p10, p90) \
    "\"median\": " #median ", \"p10\": " #p10 ", \"p90\": " #p90 ", \"seconds\": " #median "e-6"

static void slower_is_what_lies_beyond_the_spread(void **state)
{
    (void)state;
    /* microseconds */
    const bench_result now = {
        .name = "a", .shape = "n=1", .threads = 1, .median = 100, .low = 95, .high = 104};
    assert_true(is_slower(THEN(33, 32, 34), &now));
    assert_true(is_slower(THEN(90, 88, 94), &now));
    assert_false(is_slower(THEN(90, 88, 96), &now));    /* within the spread */
    assert_false(is_slower(THEN(98, 98, 98), &now));    /* nothing that matters */
    assert_false(is_slower(THEN(300, 290, 310), &now)); /* faster */
    /* shares of a limit, whatever the times were */
    const roof f = {.kind = ROOF_FMA_F32};
    bench_result share = now;
    share.limit = &f, share.median = 0.5, share.low = 0.48, share.high = 0.52;
#define LIMIT ", \"limit\": \"fma_f32_1t\", \"limit_pct\": "
    assert_true(is_slower(THEN(33, 32, 34) LIMIT "60", &share));
    assert_false(is_slower(THEN(33, 32, 34) LIMIT "51", &share));
    assert_false(is_slower(THEN(33, 20, 34) LIMIT "60", &share));
    assert_false(is_slower(THEN(33, 32, 34) LIMIT "20", &share));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_lie_between_neighbours),
        cmocka_unit_test(memory_is_aligned_and_zero),
        cmocka_unit_test(the_smallest_cache_that_holds_it_counts),
        cmocka_unit_test(loops_do_their_work),
        cmocka_unit_test(a_limit_is_found_once_and_sampled_again),
        cmocka_unit_test(slower_is_what_lies_beyond_the_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
