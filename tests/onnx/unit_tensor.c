/* unit_tensor.c - TensorProto in all its encodings, and what must be refused. */
#include "tests/check.h"
#include "tests/onnx/pb.h"
#include "formats/onnx/tensor.h"

#include <stdio.h>
#include <unistd.h>

static ingot_error err;
static ig_heap heap;
static ig_arena arena;
static onnx_store store;

static int open_arena(void **state)
{
    (void)state;
    ig_heap_init(&heap, NULL);
    ig_arena_init(&arena, &heap);
    store = (onnx_store){.arena = &arena, .dense_left = ONNX_DENSE_MOST};
    return 0;
}

static int close_arena(void **state)
{
    (void)state;
    ig_arena_clear(&arena);
    return heap.live_bytes != 0;
}

static pb head(int dtype, int64_t n)
{
    pb m = {0};
    if (n >= 0) pb_int(&m, 1, n);
    pb_int(&m, 2, dtype);
    return m;
}

static ingot_status decode(ig_tensor *t, pb m)
{
    return onnx_tensor_read(t, (ig_span){m.p, m.n}, &store, "the tensor", &err);
}

static void raw_bytes_are_borrowed_when_aligned(void **state)
{
    (void)state;
    _Alignas(8) unsigned char place[64];
    const float v[] = {1, 2, 3};
    size_t borrowed = 0;
    for (size_t shift = 0; shift < 4; shift++) {
        pb m = head(1, 3);
        pb_bytes(&m, 9, v, sizeof v);
        ig_tensor t;
        memcpy(place + shift, m.p, m.n);
        check_ok(onnx_tensor_read(&t, (ig_span){place + shift, m.n}, &store, "t", &err));
        const unsigned char *data = t.data;
        borrowed += data >= place && data < place + sizeof place;
        assert_int_equal((uintptr_t)t.data % 4, 0);
        assert_memory_equal(t.data, v, sizeof v);
        assert_int_equal(t.dims[0], 3);
        free(m.p);
    }
    assert_int_equal(borrowed, 1);
}

static void narrow_integers_are_widened(void **state)
{
    (void)state;
    static const struct {
        int code;
        ingot_dtype dtype;
        int n;
        unsigned char raw[2];
        int8_t want[5];
    } cases[] = {
        {22, INGOT_I4, 3, {0x8f, 0x07}, {-1, -8, 7}},
        {21, INGOT_U4, 3, {0x8f, 0x07}, {15, 8, 7}},
        {26, INGOT_I2, 5, {0xe4, 0x01}, {0, 1, -2, -1, 1}},
        {25, INGOT_U2, 5, {0xe4, 0x03}, {0, 1, 2, 3, 3}},
        {23, INGOT_F4E2M1, 3, {0x2f, 0x09}, {15, 2, 9}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int typed = 0; typed < 2; typed++) {
            pb m = head(cases[i].code, cases[i].n);
            if (!typed) pb_bytes(&m, 9, cases[i].raw, 2);
            for (int k = 0; typed && k < 2; k++) pb_int(&m, 5, cases[i].raw[k]);
            ig_tensor t;
            check_ok(decode(&t, m));
            assert_int_equal(t.dtype, cases[i].dtype);
            assert_memory_equal(t.data, cases[i].want, (size_t)cases[i].n);
            free(m.p);
        }
}

static void typed_fields_of_every_width(void **state)
{
    (void)state;
    ig_tensor t;
    pb f16 = head(10, 2); /* bit patterns in int32_data */
    pb_int(&f16, 5, 0x3c00);
    pb_int(&f16, 5, 0xc000);
    check_ok(decode(&t, f16));
    assert_true(ig_to_double(t.data, t.dtype, 0) == 1 && ig_to_double(t.data, t.dtype, 1) == -2);
    pb i8 = head(3, 2);
    pb_int(&i8, 5, -7);
    pb_int(&i8, 5, 100);
    check_ok(decode(&t, i8));
    assert_int_equal(ig_to_int(t.data, t.dtype, 0), -7);
    pb u32 = head(12, 1);
    pb_int(&u32, 11, 0xfffffff0);
    check_ok(decode(&t, u32));
    assert_int_equal(ig_to_int(t.data, t.dtype, 0), 0xfffffff0);
    pb scalar = head(7, -1);
    pb_int(&scalar, 7, INT64_MIN);
    check_ok(decode(&t, scalar));
    assert_int_equal(t.rank, 0);
    assert_int_equal(*(int64_t *)t.data, INT64_MIN);
    pb c64 = head(14, 1);
    pb_float(&c64, 4, 1);
    pb_float(&c64, 4, -2);
    check_ok(decode(&t, c64));
    assert_true(((float *)t.data)[1] == -2);
    pb bools = head(9, 3);
    pb_bytes(&bools, 9, "\0\1\7", 3);
    check_ok(decode(&t, bools));
    assert_memory_equal(t.data, "\0\1\1", 3);
    free(f16.p), free(i8.p), free(u32.p), free(scalar.p), free(c64.p), free(bools.p);
}

static void strings_point_into_the_message(void **state)
{
    (void)state;
    pb m = head(8, 2);
    pb_text(&m, 6, "");
    pb_bytes(&m, 6, "a\0b", 3);
    ig_tensor t;
    check_ok(decode(&t, m));
    const ingot_str *v = t.data;
    assert_int_equal(v[0].n, 0);
    assert_int_equal(v[1].n, 3);
    assert_true((const unsigned char *)v[1].p > m.p && (const unsigned char *)v[1].p < m.p + m.n);
    free(m.p);
}

static void false_counts_and_types_are_refused(void **state)
{
    (void)state;
    ig_tensor t;
    pb few = head(1, 4), huge = head(1, INT64_MAX), negative = head(1, -1);
    pb strange = head(99, 1), f6 = head(27, 1), wide = head(1, 1), over = head(22, INT64_MAX);
    pb_bytes(&few, 9, "12345678", 8);
    pb_bytes(&huge, 9, "1234", 4);
    pb_int(&negative, 1, -1);
    for (int i = 0; i < 8; i++) pb_int(&wide, 1, 1);
    pb_int(&over, 1, INT64_MAX);
    assert_int_equal(decode(&t, few), INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "8 bytes"));
    assert_int_equal(decode(&t, huge), INGOT_E_FORMAT);
    assert_int_equal(decode(&t, negative), INGOT_E_FORMAT);
    assert_int_equal(decode(&t, strange), INGOT_E_UNSUPPORTED);
    assert_int_equal(decode(&t, f6), INGOT_E_UNSUPPORTED);
    assert_int_equal(decode(&t, wide), INGOT_E_UNSUPPORTED);
    assert_int_equal(decode(&t, over), INGOT_E_FORMAT);
    assert_true(heap.peak_bytes < 1 << 20);
    free(few.p), free(huge.p), free(negative.p), free(strange.p), free(f6.p), free(wide.p);
    free(over.p);
}

static pb sparse(int64_t size, const int64_t *at, size_t n)
{
    static const float v[] = {10, 20, 30};
    pb m = {0}, indices = head(7, (int64_t)n);
    pb_message(&m, 1, pb_floats("v", v, n));
    for (size_t i = 0; i < n; i++) pb_int(&indices, 7, at[i]);
    pb_message(&m, 2, indices);
    pb_int(&m, 3, size);
    return m;
}

static ingot_status read_sparse(ig_tensor *t, pb m)
{
    const ingot_status s = onnx_sparse_read(t, (ig_span){m.p, m.n}, &store, "s", &err);
    free(m.p);
    return s;
}

static void sparse_tensors_become_dense(void **state)
{
    (void)state;
    ig_tensor t;
    check_ok(read_sparse(&t, sparse(5, (int64_t[]){1, 4}, 2)));
    assert_memory_equal(t.data, ((float[]){0, 10, 0, 0, 20}), 20);
    assert_int_equal(read_sparse(&t, sparse(5, (int64_t[]){1, 5}, 2)), INGOT_E_FORMAT);
    assert_int_equal(read_sparse(&t, sparse(5, (int64_t[]){-1, 2}, 2)), INGOT_E_FORMAT);
    assert_int_equal(read_sparse(&t, sparse(1ll << 40, (int64_t[]){1, 2}, 2)), INGOT_E_FORMAT);
}

/* ---- external data ---- */

static void entry(pb *m, const char *key, const char *value)
{
    pb e = {0};
    pb_text(&e, 1, key);
    pb_text(&e, 2, value);
    pb_message(m, 13, e);
}

static ingot_status read_external(ig_tensor *t, const char *location, const char *offset)
{
    pb m = head(1, 2);
    pb_int(&m, 14, 1);
    entry(&m, "location", location);
    entry(&m, "offset", offset);
    entry(&m, "length", "8");
    const ingot_status s = decode(t, m);
    free(m.p);
    return s;
}

static void external_files_lie_beneath_the_model(void **state)
{
    (void)state;
    char dir[] = "/tmp/ingot-onnx-XXXXXX", path[256];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/w.bin", dir);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite((float[]){1, 2, 3}, 4, 3, f), 3);
    fclose(f);
    snprintf(path, sizeof path, "%s/out", dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    ig_tensor t;
    assert_int_equal(read_external(&t, "w.bin", "4"), INGOT_E_UNSUPPORTED); /* no folder */
    store.files = onnx_files_open(&heap, dir);
    check_ok(read_external(&t, "w.bin", "4"));
    assert_memory_equal(t.data, ((float[]){2, 3}), 8);
    check_ok(read_external(&t, "./w.bin", "0"));
    assert_int_equal(read_external(&t, "w.bin", "8"), INGOT_E_FORMAT); /* past the end */
    assert_int_equal(read_external(&t, "w.bin", "-8"), INGOT_E_FORMAT);
    assert_int_equal(read_external(&t, "w.bin", "18446744073709551615"), INGOT_E_FORMAT);
    assert_int_equal(read_external(&t, "/etc/passwd", "0"), INGOT_E_FORMAT);
    assert_int_equal(read_external(&t, "../w.bin", "0"), INGOT_E_FORMAT);
    assert_int_equal(read_external(&t, "x/../../w.bin", "0"), INGOT_E_FORMAT);
    assert_int_equal(read_external(&t, "out", "0"), INGOT_E_FORMAT); /* a link that leaves */
    assert_non_null(strstr(err.text, "link"));
    assert_int_equal(read_external(&t, "missing.bin", "0"), INGOT_E_IO);
    onnx_files_close(store.files);
    unlink(path);
    snprintf(path, sizeof path, "%s/w.bin", dir);
    unlink(path);
    rmdir(dir);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        TEST(raw_bytes_are_borrowed_when_aligned),  TEST(narrow_integers_are_widened),
        TEST(typed_fields_of_every_width),          TEST(strings_point_into_the_message),
        TEST(false_counts_and_types_are_refused),   TEST(sparse_tensors_become_dense),
        TEST(external_files_lie_beneath_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
