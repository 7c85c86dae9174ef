/* unit_arena.c - pieces are zeroed, aligned and apart; the heap is balanced afterwards. */
#include "tests/check.h"
#include "runtime/base/arena.h"

#include <string.h>

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_arena arena;
    ig_arena_init(&arena, &heap);
    unsigned char *last = NULL;
    for (size_t n = 0; n < 3000; n += 37) {
        unsigned char *p = ig_arena_take(&arena, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % (n >= 64 ? 64 : 16), 0);
        for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
        assert_ptr_not_equal(p, last);
        last = p;
    }
    assert_non_null(ig_arena_take(&arena, 5 << 20));
    assert_null(ig_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(ig_arena_take(&arena, SIZE_MAX - 8));
    assert_string_equal(ig_arena_printf(&arena, "%d-%s", 7, "x"), "7-x");
    ig_arena_clear(&arena);
    assert_int_equal(heap.live_bytes, 0);
    assert_true(heap.peak_bytes > 5 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pieces_are_zeroed_aligned_and_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
