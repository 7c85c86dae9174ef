/* fault_nth_alloc.c - the n-th allocation fails, for every n, once and from then on: writing,
 * opening, planning and running give a clean error and leak nothing. */
#include "tests/formats/image.h"

typedef struct {
    size_t count, fail_at;
    bool for_good;
} faulty;

static void *faulty_alloc(void *ud, void *p, size_t old, size_t now)
{
    faulty *f = ud;
    (void)old;
    if (!now) {
        free(p);
        return NULL;
    }
    f->count++;
    if (f->count == f->fail_at || (f->for_good && f->count > f->fail_at)) return NULL;
    return aligned_alloc(64, (now + 63) / 64 * 64);
}

static ig_graph *model;
static unsigned char *bytes;
static size_t n_bytes;

static ingot_status whole_life(ig_heap *heap)
{
    ingot_error err;
    char path[80];
    snprintf(path, sizeof path, "%s.out", image_path());
    ingot_status s =
        ig_ingot_write(path, &(ig_contents){.graph = model, .meta = image_meta}, heap, &err);
    assert_int_equal(access(path, F_OK) == 0, s == INGOT_OK);
    unlink(path);
    return s ? s : image_try(heap, bytes, n_bytes);
}

static void run_all(bool for_good)
{
    for (size_t n = 1;; n++) {
        faulty f = {.fail_at = n, .for_good = for_good};
        const ingot_alloc alloc = {faulty_alloc, &f};
        ig_heap heap;
        ig_heap_init(&heap, &alloc);
        const ingot_status s = whole_life(&heap);
        assert_int_equal(heap.live_bytes, 0);
        if (f.count < n) {
            assert_int_equal(s, INGOT_OK);
            assert_true(n > 15);
            return;
        }
        if (s != INGOT_E_NOMEM && s != INGOT_E_FULL)
            fail_msg("allocation %zu gave status %d", n, s);
    }
}

static void once(void **state)
{
    (void)state;
    run_all(false);
}

static void from_then_on(void **state)
{
    (void)state;
    run_all(true);
}

int main(void)
{
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    image_write(image_path(), &heap);
    bytes = image_load(image_path(), &n_bytes);
    model = image_graph(&heap);
    const struct CMUnitTest tests[] = {cmocka_unit_test(once), cmocka_unit_test(from_then_on)};
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ig_graph_close(&model);
    free(bytes);
    unlink(image_path());
    return failed;
}
