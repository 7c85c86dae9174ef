/* unit_ingot_file.c - what is written is what is read; errors say section, offset and reason. */
#include "tests/formats/image.h"

static void a_file_comes_back_whole(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    image_write(image_path(), &heap);
    ig_graph *g = image_graph(&heap);
    char before[4096];
    assert_true(ig_graph_print(before, sizeof before, g) < sizeof before);
    ig_ingot *f;
    check_ok(ig_ingot_open(&f, &heap, image_path(), &err));
    assert_string_equal(small_text(f->graph), before);
    check_ok(ig_ingot_check_digests(f, &err));
    assert_int_equal(f->meta.n, 3);
    assert_string_equal(f->meta.v[0].s, "small");
    assert_int_equal(f->meta.v[1].i, 42);
    assert_true(f->meta.v[2].f == 0.25);
    assert_int_equal(f->golden.n, 1);
    assert_string_equal(f->golden.cases[0].in_names[0], "x");
    for (size_t v = 0; v < f->graph->n_values; v++) { /* weights stay in the map, 64-byte aligned */
        const ig_value *value = &f->graph->values[v];
        if (!value->is_const || value->type.dtype == INGOT_STR) continue;
        assert_in_range((uintptr_t)value->data, (uintptr_t)f->bytes,
                        (uintptr_t)f->bytes + f->n_bytes);
        assert_int_equal((uintptr_t)value->data % 64, 0);
    }
    ig_ingot_close(&f);
    size_t n;
    unsigned char *bytes = image_load(image_path(), &n);
    assert_int_equal(image_try(&heap, bytes, n), INGOT_OK);
    free(bytes);
    ig_graph_close(&g);
    unlink(image_path());
    assert_int_equal(heap.live_bytes, 0);
}

static void writing_twice_gives_the_same_bytes(void **state)
{
    (void)state;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    size_t n, m;
    image_write(image_path(), &heap);
    unsigned char *a = image_load(image_path(), &n);
    image_write(image_path(), &heap);
    unsigned char *b = image_load(image_path(), &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a), free(b);
    unlink(image_path());
}

static void expect(const unsigned char *bytes, size_t n, ingot_status status, const char *part)
{
    ingot_error err = {0};
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_ingot *f;
    assert_int_equal(ig_ingot_open_memory(&f, &heap, bytes, n, &err), status);
    assert_null(f);
    if (!strstr(err.text, part)) fail_msg("'%s' does not say '%s'", err.text, part);
    assert_int_equal(heap.live_bytes, 0);
}

static void errors_say_what_is_wrong(void **state)
{
    (void)state;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    image_write(image_path(), &heap);
    size_t n;
    unsigned char *good = image_load(image_path(), &n), *bytes = image_load(image_path(), &n);
    bytes[0] = 'X';
    expect(bytes, n, INGOT_E_FORMAT, "not an .ingot file");
    memcpy(bytes, good, n);
    bytes[8] = 2;
    expect(bytes, n, INGOT_E_UNSUPPORTED, "version 2");
    memcpy(bytes, good, n);
    bytes[12] = 8;
    expect(bytes, n, INGOT_E_UNSUPPORTED, "features 0x8");
    memcpy(bytes, good, n);
    bytes[16] = 0xff; /* optional features are ignored */
    assert_int_equal(image_try(&heap, bytes, n), INGOT_OK);
    memcpy(bytes, good, n);
    expect(bytes, n - 64, INGOT_E_FORMAT, "cut off");
    bytes[100] ^= 1;
    expect(bytes, n, INGOT_E_FORMAT, "digest");
    memcpy(bytes, good, n);
    bytes[55] ^= 1;
    expect(bytes, n, INGOT_E_FORMAT, "directory");
    memcpy(bytes, good, n);
    memset(bytes + 32, 0xff, 8);
    expect(bytes, n, INGOT_E_FORMAT, "directory");
    free(good), free(bytes);
    unlink(image_path());
}

static void damage_in_data_is_found_by_verify(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    image_write(image_path(), &heap);
    size_t n;
    unsigned char *bytes = image_load(image_path(), &n);
    bytes[n - 70] ^= 4;
    ig_ingot *f;
    check_ok(ig_ingot_open_memory(&f, &heap, bytes, n, &err));
    assert_int_equal(ig_ingot_check_digests(f, &err), INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "DATA"));
    ig_ingot_close(&f);
    free(bytes);
    unlink(image_path());
}

static void layouts_have_their_size(void **state)
{
    (void)state;
    size_t bytes;
    const ig_type t = ig_type_tensor(INGOT_F32, 3, (int64_t[]){2, 5, 17});
    assert_true(ig_layout_bytes(&t, IG_P16, &bytes));
    assert_int_equal(bytes, 2 * 5 * 32 * 4);
    const ig_type half = ig_type_tensor(INGOT_F16, 3, (int64_t[]){2, 5, 17});
    assert_true(ig_layout_bytes(&half, IG_P16, &bytes));
    assert_int_equal(bytes, 2 * 5 * 32 * 2);
    const ig_type pairs = ig_type_tensor(INGOT_BF16, 3, (int64_t[]){2, 5, 17});
    assert_true(ig_layout_bytes(&pairs, IG_P16, &bytes));
    assert_int_equal(bytes, 2 * 6 * 32 * 2);
    assert_true(ig_layout_bytes(&t, IG_P16_TURNED, &bytes));
    assert_int_equal(bytes, 2 * 16 * 17 * 4);
    const ig_type whole = ig_type_tensor(INGOT_I8, 3, (int64_t[]){2, 5, 17});
    assert_true(ig_layout_bytes(&whole, IG_P16, &bytes));
    assert_int_equal(bytes, 2 * (8 + 4) * 32);
    assert_false(ig_layout_bytes(&whole, IG_P16_TURNED, &bytes));
    const ig_type window = ig_type_tensor(INGOT_U8, 4, (int64_t[]){17, 5, 3, 3});
    assert_true(ig_layout_bytes(&window, IG_P16_CONV, &bytes));
    assert_int_equal(bytes, (48 + 4) * 32);
    const ig_type flat = ig_type_tensor(INGOT_U8, 2, (int64_t[]){17, 5});
    assert_false(ig_layout_bytes(&flat, IG_P16_CONV, &bytes));
    const ig_type wide_window = ig_type_tensor(INGOT_F32, 4, (int64_t[]){17, 5, 3, 3});
    assert_false(ig_layout_bytes(&wide_window, IG_P16_CONV, &bytes));
    const ig_type ints = ig_type_tensor(INGOT_I32, 2, (int64_t[]){5, 17});
    assert_false(ig_layout_bytes(&ints, IG_P16, &bytes));
    const ig_type vector = ig_type_tensor(INGOT_F32, 1, (int64_t[]){5});
    assert_false(ig_layout_bytes(&vector, IG_P16, &bytes));
    const ig_type huge = ig_type_tensor(INGOT_F32, 2, (int64_t[]){INT64_MAX, 17});
    assert_false(ig_layout_bytes(&huge, IG_P16, &bytes));
}

/* Weights of 72 MB: nothing of them passes through the allocator, and DATA begins on a huge page.
 */
static void opening_copies_no_weights(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    const int64_t dims[] = {18, 1 << 20};
    float *weights = calloc(18 << 20, sizeof *weights);
    assert_non_null(weights);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const ig_id x = small_input(g, "x", 2, dims);
    const ig_id w = ig_graph_const(g, "w", INGOT_F32, 2, dims, weights);
    const ig_id y = small_binary(g, "add", x, w);
    assert_true(ig_graph_set_io(g, &x, 1, &y, 1));
    check_ok(
        ig_ingot_write(image_path(), &(ig_contents){.graph = g, .meta = image_meta}, &heap, &err));
    ig_graph_close(&g);
    free(weights);
    ig_heap_reset_peak(&heap);
    ig_ingot *f;
    check_ok(ig_ingot_open(&f, &heap, image_path(), &err));
    assert_true(f->n_bytes > 72 << 20);
    assert_true(heap.peak_bytes < 64 << 10);
    assert_int_equal(((const unsigned char *)f->graph->values[w].data - f->bytes) % (2 << 20), 0);
    ig_ingot_close(&f);
    unlink(image_path());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_copies_no_weights),
        cmocka_unit_test(a_file_comes_back_whole),
        cmocka_unit_test(writing_twice_gives_the_same_bytes),
        cmocka_unit_test(errors_say_what_is_wrong),
        cmocka_unit_test(damage_in_data_is_found_by_verify),
        cmocka_unit_test(layouts_have_their_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
