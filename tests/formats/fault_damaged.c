/* fault_damaged.c - a file cut off anywhere, or damaged anywhere with its digests put right again,
 * never does worse than an error: it is opened, planned and run. */
#include "tests/formats/image.h"

static ig_heap heap;

static void cut_off_anywhere(void **state)
{
    (void)state;
    ig_heap_init(&heap, NULL);
    image_write(image_path(), &heap);
    size_t n;
    unsigned char *bytes = image_load(image_path(), &n);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_not_equal(image_try(&heap, bytes, cut), INGOT_OK);
    unsigned char *copy = aligned_alloc(64, (n + 63) / 64 * 64);
    for (size_t cut = 64; cut < n; cut++) {
        memcpy(copy, bytes, n);
        ig_ingot_fix_digests(copy, cut);
        image_try(&heap, copy, cut);
        assert_int_equal(heap.live_bytes, 0);
    }
    free(copy), free(bytes);
}

static void every_byte_damaged_behind_the_digests(void **state)
{
    (void)state;
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    size_t n, opened = 0;
    unsigned char *good = image_load(image_path(), &n), *bytes = image_load(image_path(), &n);
    for (size_t at = 0; at < n; at++)
        for (size_t v = 0; v < sizeof values; v++) {
            memcpy(bytes, good, n);
            bytes[at] = values[v];
            ig_ingot_fix_digests(bytes, n);
            opened += image_try(&heap, bytes, n) == INGOT_OK;
            assert_int_equal(heap.live_bytes, 0);
        }
    assert_true(opened > 100); /* the digests were indeed put right */
    free(good), free(bytes);
}

static void wide_numbers_damaged_behind_the_digests(void **state)
{
    (void)state;
    static const uint64_t values[] = {UINT64_MAX, UINT64_C(1) << 62, INT64_MAX, 0x100000000, 64};
    size_t n;
    unsigned char *good = image_load(image_path(), &n), *bytes = image_load(image_path(), &n);
    for (size_t at = 0; at + 8 <= n; at++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            memcpy(bytes, good, n);
            memcpy(bytes + at, &values[v], 8);
            ig_ingot_fix_digests(bytes, n);
            image_try(&heap, bytes, n);
            assert_int_equal(heap.live_bytes, 0);
        }
    free(good), free(bytes);
    unlink(image_path());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cut_off_anywhere),
        cmocka_unit_test(every_byte_damaged_behind_the_digests),
        cmocka_unit_test(wide_numbers_damaged_behind_the_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
