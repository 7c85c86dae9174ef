/* unit_gguf_types.c - ggml's tensor types: every value bit for bit as the gguf package gives it,
 * and packed without loss where a format of ours holds the type. data/types.gguf is made by
 * data/make.py. */
#include "formats/gguf/gguf.h"
#include "tests/text/shared.h"

#include <math.h>

typedef struct {
    ig_heap heap;
    ig_arena arena;
    ig_gguf g;
    char *bytes;
} file;

static void open_file(file *f)
{
    size_t n;
    ingot_error err;
    ig_heap_init(&f->heap, NULL);
    ig_arena_init(&f->arena, &f->heap);
    f->bytes = read_whole("tests/formats/data/types.gguf", &n);
    check_ok(ig_gguf_read(&f->g, &f->arena, f->bytes, n, &err));
}

static void close_file(file *f)
{
    ig_arena_clear(&f->arena);
    free(f->bytes);
    assert_int_equal(f->heap.live_bytes, 0);
}

/* Tensor i and its values, which follow it. */
static const ig_ggml_type *pair_at(const file *f, size_t i, const uint8_t **data,
                                   const float **want, size_t *n)
{
    const ig_ggml_type *type, *floats;
    const uint8_t *values;
    ingot_error err;
    check_ok(ig_gguf_tensor_data(data, &type, &f->g, &f->g.tensors[i], &err));
    check_ok(ig_gguf_tensor_data(&values, &floats, &f->g, &f->g.tensors[i + 1], &err));
    assert_int_equal(floats->dtype, INGOT_F32);
    *want = (const float *)(const void *)values;
    *n = (size_t)(f->g.tensors[i].dims[0] * f->g.tensors[i].dims[1]);
    assert_int_equal(*n, f->g.tensors[i + 1].dims[0] * f->g.tensors[i + 1].dims[1]);
    return type;
}

static void every_type_has_the_values_of_ggml(void **state)
{
    (void)state;
    file f;
    open_file(&f);
    assert_int_equal(f.g.n_tensors, 2 * 14);
    for (size_t i = 0; i < f.g.n_tensors; i += 2) {
        const uint8_t *data;
        const float *want;
        size_t n;
        const ig_ggml_type *t = pair_at(&f, i, &data, &want, &n);
        const ingot_str name = f.g.tensors[i].name;
        assert_int_equal(strlen(t->name), name.n);
        assert_memory_equal(t->name, name.p, name.n);
        float *got = test_malloc(n * sizeof *got);
        ig_ggml_row_f32(got, t, data, n);
        for (size_t k = 0; k < n; k++)
            if (memcmp(&got[k], &want[k], sizeof *got))
                fail_msg("%s[%zu]: want %a, got %a", t->name, k, (double)want[k], (double)got[k]);
        test_free(got);
    }
    close_file(&f);
}

/* A row as a panel, and back. */
static void check_packing(const ig_ggml_type *t, const uint8_t *data, const float *want, size_t n)
{
    enum { MOST = 2 * IG_GGML_BLOCK_MOST };
    uint8_t q[MOST];
    float scale[MOST / 32], offset[MOST / 32], back[MOST];
    int8_t s[MOST / 16], times[MOST / 16];
    const ig_split parts = {q, scale, offset, s, times};
    const ig_q_format *format = ig_q_format_named(t->format);
    size_t bytes;
    assert_true(format && n <= MOST && ig_q_bytes(format, 1, n, &bytes));
    uint8_t *panel = test_malloc(bytes);
    ig_ggml_split_row(&parts, t, data, n);
    const ig_q_source from = {.q = q,
                              .q_k = 1,
                              .scale = scale,
                              .scale_g = 1,
                              .offset = offset,
                              .offset_g = 1,
                              .s = s,
                              .t = times,
                              .sub_g = 1};
    ig_q_pack(panel, format, &from, 1, n, 0, 1);
    ig_q_unpack(back, 1, 1, panel, format, 1, n, 0, 1);
    for (size_t k = 0; k < n; k++)
        if (memcmp(&back[k], &want[k], sizeof *back))
            fail_msg("%s as %s [%zu]: want %a, got %a", t->name, format->name, k, (double)want[k],
                     (double)back[k]);
    test_free(panel);
}

static void types_are_packed_without_loss(void **state)
{
    (void)state;
    file f;
    open_file(&f);
    for (size_t i = 0; i < f.g.n_tensors; i += 2) {
        const uint8_t *data;
        const float *want;
        size_t n;
        const ig_ggml_type *t = pair_at(&f, i, &data, &want, &n);
        if (t->dtype == INGOT_NONE) check_packing(t, data, want, n);
    }
    close_file(&f);
}

static void damaged_tensors_are_errors(void **state)
{
    (void)state;
    file f;
    open_file(&f);
    const ig_gguf_tensor whole = f.g.tensors[0];
    const ig_ggml_type *type;
    const uint8_t *data;
    ingot_error err;
    ig_gguf_tensor t = whole;
    t.type = 99;
    assert_int_equal(ig_gguf_tensor_data(&data, &type, &f.g, &t, &err), INGOT_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "99"));
    assert_non_null(strstr(err.text, "q4_K"));
    t = whole;
    t.dims[0] = 33;
    assert_int_equal(ig_gguf_tensor_data(&data, &type, &f.g, &t, &err), INGOT_E_FORMAT);
    t = whole;
    t.dims[1] = UINT64_MAX;
    assert_int_equal(ig_gguf_tensor_data(&data, &type, &f.g, &t, &err), INGOT_E_FORMAT);
    t = whole;
    t.offset = UINT64_MAX - 3;
    assert_int_equal(ig_gguf_tensor_data(&data, &type, &f.g, &t, &err), INGOT_E_FORMAT);
    t = whole;
    t.offset = f.g.data_bytes - 1;
    assert_int_equal(ig_gguf_tensor_data(&data, &type, &f.g, &t, &err), INGOT_E_FORMAT);
    assert_non_null(ig_gguf_tensor_find(&f.g, "q4_K"));
    assert_null(ig_gguf_tensor_find(&f.g, "q4"));
    close_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_the_values_of_ggml),
        cmocka_unit_test(types_are_packed_without_loss),
        cmocka_unit_test(damaged_tensors_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
