/* unit_alloc.c - the heap counts what lives, passes sizes back to the host, and takes its NULL. */
#include "tests/check.h"
#include "runtime/base/alloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void default_memory_is_aligned_and_counted(void **state)
{
    (void)state;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    unsigned char *a = ig_take(&heap, 100), *b = ig_take0(&heap, 1000), *c = ig_take(&heap, 0);
    assert_true(a && b && c && a != b && b != c);
    assert_int_equal((uintptr_t)a % IG_ALIGN, 0);
    assert_int_equal((uintptr_t)b % IG_ALIGN, 0);
    assert_int_equal((uintptr_t)c % IG_ALIGN, 0);
    for (size_t i = 0; i < 1000; i++) assert_int_equal(b[i], 0);
    assert_int_equal(heap.live_bytes, 1101); /* nothing counts as one byte */
    ig_give(&heap, b, 1000);
    assert_int_equal(heap.live_bytes, 101);
    assert_int_equal(heap.peak_bytes, 1101);
    ig_heap_reset_peak(&heap);
    assert_int_equal(heap.peak_bytes, 101);
    ig_give(&heap, a, 100);
    ig_give(&heap, c, 0);
    ig_give(&heap, NULL, 77);
    assert_int_equal(heap.live_bytes, 0);
    assert_int_equal(heap.n_calls, 3);
}

static void what_does_not_fit_is_null_and_uncounted(void **state)
{
    (void)state;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    assert_null(ig_take(&heap, SIZE_MAX));
    assert_null(ig_take(&heap, SIZE_MAX - 63));
    assert_null(ig_take0(&heap, SIZE_MAX - 200));
    assert_int_equal(heap.live_bytes, 0);
    assert_int_equal(heap.n_calls, 0);
}

typedef struct {
    size_t live, fail_after, calls;
} host;

static void *host_alloc(void *ud, void *p, size_t old, size_t now)
{
    host *h = ud;
    if (now == 0) {
        h->live -= old;
        free(p);
        return NULL;
    }
    if (h->calls++ >= h->fail_after) return NULL;
    h->live += now;
    return aligned_alloc(IG_ALIGN, (now + 63) / 64 * 64);
}

static void the_host_gets_sizes_back(void **state)
{
    (void)state;
    host h = {.fail_after = 2};
    ig_heap heap;
    ig_heap_init(&heap, &(ingot_alloc){host_alloc, &h});
    void *a = ig_take(&heap, 10), *b = ig_take0(&heap, 20);
    assert_true(a && b);
    assert_null(ig_take(&heap, 1));
    assert_null(ig_take0(&heap, 1));
    assert_int_equal(heap.live_bytes, 30);
    assert_int_equal(h.live, 30);
    ig_give(&heap, a, 10);
    ig_give(&heap, b, 20);
    assert_int_equal(h.live, 0);
    assert_int_equal(heap.live_bytes, 0);
}

static void *take_and_give(void *arg)
{
    ig_heap *heap = arg;
    for (size_t i = 1; i < 2000; i++) {
        void *p = ig_take(heap, i);
        if (p) memset(p, 1, i);
        ig_give(heap, p, i);
    }
    return NULL;
}

static void threads_count_together(void **state)
{
    (void)state;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, take_and_give, &heap), 0);
    for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    assert_int_equal(heap.live_bytes, 0);
    assert_int_equal(heap.n_calls, 4 * 1999);
    assert_true(heap.peak_bytes >= 1999 && heap.peak_bytes <= 4 * 1999);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(default_memory_is_aligned_and_counted),
        cmocka_unit_test(what_does_not_fit_is_null_and_uncounted),
        cmocka_unit_test(the_host_gets_sizes_back),
        cmocka_unit_test(threads_count_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
