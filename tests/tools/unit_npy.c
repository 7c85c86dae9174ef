/* unit_npy.c - NumPy's files are read in every layout, written so that NumPy reads them, and
 * damaged or foreign ones are refused with a reason. */
#include "tests/check.h"
#include "runtime/base/checked.h"
#include "runtime/base/dtype.h"
#include "tools/data/npy.h"
#include "tools/data/npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ig_heap heap;
static ingot_error err;

static double element(const ig_array *a, size_t k) { return ig_to_double(a->data, a->dtype, k); }

static double imaginary(const ig_array *a, size_t k)
{
    if (a->dtype == INGOT_C64) return ((const float *)a->data)[2 * k + 1];
    return ((const double *)a->data)[2 * k + 1];
}

static void check_numbers(const ig_array *a, ingot_dtype dtype)
{
    assert_int_equal(a->dtype, dtype);
    assert_int_equal(a->rank, 3);
    assert_int_equal(a->bytes, 24 * ig_dtype(dtype)->bytes);
    assert_int_equal((uintptr_t)a->data % 64, 0);
    const bool is_unsigned = dtype >= INGOT_U8 && dtype <= INGOT_U64;
    for (size_t k = 0; k < 24; k++) {
        const double signed_value = (double)k - 2, unsigned_value = (double)k + 250;
        const double wrapped = dtype == INGOT_U8 ? (double)((k + 250) & 255) : unsigned_value;
        const double want = dtype == INGOT_BOOL ? k % 2 == 0 : is_unsigned ? wrapped : signed_value;
        if (element(a, k) != want)
            fail_msg("%s[%zu] is %g, not %g", a->name, k, element(a, k), want);
        if (dtype == INGOT_C64 || dtype == INGOT_C128) assert_true(imaginary(a, k) == (double)k);
    }
}

static void numbers_are_read_in_every_layout(void **state)
{
    (void)state;
    static const struct {
        const char *code;
        ingot_dtype dtype;
    } types[] = {{"b1", INGOT_BOOL}, {"i1", INGOT_I8},   {"i2", INGOT_I16}, {"i4", INGOT_I32},
                 {"i8", INGOT_I64},  {"u1", INGOT_U8},   {"u2", INGOT_U16}, {"u4", INGOT_U32},
                 {"u8", INGOT_U64},  {"f2", INGOT_F16},  {"f4", INGOT_F32}, {"f8", INGOT_F64},
                 {"c8", INGOT_C64},  {"c16", INGOT_C128}};
    static const char *const layouts[] = {"little", "big", "fortran"};
    ig_arrays list;
    char name[40];
    ig_arrays_init(&list, &heap);
    check_ok(ig_npz_read(&list, "tests/data/npy_numbers.npz", &err));
    for (size_t t = 0; t < IG_LEN(types); t++)
        for (size_t l = 0; l < IG_LEN(layouts); l++) {
            snprintf(name, sizeof name, "%s_%s", layouts[l], types[t].code);
            const ig_array *a = ig_arrays_find(&list, name);
            assert_non_null(a);
            check_numbers(a, types[t].dtype);
        }
    const ig_array *scalar = ig_arrays_find(&list, "scalar"), *none = ig_arrays_find(&list, "none");
    assert_int_equal(scalar->rank, 0);
    assert_true(*(float *)scalar->data == 2.5f);
    assert_int_equal(none->bytes, 0);
    assert_int_equal(none->dims[1], 3);
    assert_non_null(none->data);
    assert_int_equal(ig_arrays_find(&list, "none_inside")->bytes, 0);
    assert_int_equal(ig_arrays_find(&list, "rank8")->rank, 8);
    ig_arrays_clear(&list);
}

static void strings_become_utf8(void **state)
{
    (void)state;
    static const char *const want[] = {"", "a", "déjà", "日本", "🦊x", "tail"};
    static const char *const names[] = {"little", "big", "fortran", "bytes"};
    ig_arrays list;
    ig_arrays_init(&list, &heap);
    check_ok(ig_npz_read(&list, "tests/data/npy_strings.npz", &err));
    for (size_t n = 0; n < IG_LEN(names); n++) {
        const ig_array *a = ig_arrays_find(&list, names[n]);
        assert_int_equal(a->dtype, INGOT_STR);
        assert_int_equal(a->bytes, 6 * sizeof(ingot_str));
        for (size_t k = 0; k < 6; k++) {
            const ingot_str s = ((ingot_str *)a->data)[k];
            assert_int_equal(s.n, strlen(want[k]));
            assert_memory_equal(s.p, want[k], s.n);
        }
    }
    const ingot_str one = *(ingot_str *)ig_arrays_find(&list, "scalar")->data;
    assert_int_equal(one.n, 3);
    assert_int_equal(ig_arrays_find(&list, "none")->bytes, 0);
    ig_arrays_clear(&list);
}

static void header_versions_are_read(void **state)
{
    (void)state;
    static const char *const paths[] = {"tests/data/npy_v1.npy", "tests/data/npy_v2.npy",
                                        "tests/data/npy_v3.npy", "tests/data/npy_old.npy"};
    ig_arrays list;
    ig_arrays_init(&list, &heap);
    for (size_t i = 0; i < IG_LEN(paths); i++) {
        check_ok(ig_npy_read(&list, paths[i], paths[i], &err));
        const ig_array *a = &list.items[i];
        assert_int_equal(a->rank, 2);
        assert_int_equal(a->dims[0], 2);
        for (size_t k = 0; k < 6; k++) assert_true(element(a, k) == (double)k);
    }
    ig_arrays_clear(&list);
}

/* A source in memory, for files that no NumPy writes. */
typedef struct {
    ig_source source;
    const char *at;
} memory_source;

static ingot_status read_memory(ig_source *s, void *to, size_t n, ingot_error *e)
{
    (void)e;
    memory_source *m = (memory_source *)s;
    memcpy(to, m->at, n);
    m->at += n;
    return INGOT_OK;
}

static ingot_status decode(ig_array *a, const char *dict, const void *data, size_t n)
{
    char file[1024] = "\x93NUMPY\x01";
    const size_t len = strlen(dict);
    file[8] = (char)(len & 0xff);
    file[9] = (char)(len >> 8);
    memcpy(file + 10, dict, len);
    if (n) memcpy(file + 10 + len, data, n);
    memory_source m = {{read_memory, 10 + len + n}, file};
    *a = (ig_array){0};
    return ig_npy_decode(a, &heap, &m.source, &err);
}

#define HEAD(descr, order, shape) \
    "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }\n"

static void bad_headers_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const struct {
        const char *dict, *reason;
        size_t bytes;
    } bad[] = {
        {HEAD("|O", "False", "(1,)"), "pickle", 8},
        {HEAD("<f16", "False", "(1,)"), "'<f16'", 16},
        {HEAD("<M8[s]", "False", "(1,)"), "dates", 8},
        {HEAD("<f4", "False", "(3,)"), "needs 12 bytes, 8 are there (the file is cut short)", 8},
        {HEAD("<f4", "False", "(3,)"), "something follows", 16},
        {HEAD("<f4", "False", "(4611686018427387904, 4)"), "overflows", 8},
        {HEAD("<f8", "False", "(2305843009213693952,)"), "overflows", 8},
        {HEAD("<f4", "False", "(0, 9223372036854775807, 4)"), "overflows", 0},
        {HEAD("<f4", "False", "(9223372036854775808,)"), "past 2^63", 0},
        {HEAD("<f4", "False", "(-1,)"), "no number", 0},
        {HEAD("<f4", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), "more than 8", 4},
        {HEAD("<f4", "Maybe", "(1,)"), "neither True nor False", 4},
        {HEAD("<f4", "False", "1"), "tuple", 4},
        {HEAD("<U0", "False", "(1000000000000,)"), "no characters", 0},
        {HEAD("<U9223372036854775807", "False", "(1,)"), "characters", 0},
        {HEAD("<", "False", "(1,)"), "descr", 0},
        {HEAD("<f", "False", "(1,)"), "'<f'", 0},
        {HEAD("<f4x", "False", "(1,)"), "'<f4x'", 4},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "records", 4},
        {"{'descr': '<f4', 'fortran_order': False}", "missing", 0},
        {"{'descr': '<f4', 'descr': '<f4'}", "repeated", 0},
        {"{'color': 'red'}", "unknown key", 0},
        {"{'descr': '<f4'", "malformed", 0},
        {"{'descr", "not a dict", 0},
        {"__import__('os')", "no dict", 0},
        {"", "no dict", 0},
        {HEAD("<f4", "False", "(1,)") "x", "behind the dict", 4},
    };
    const char zeros[64] = {0};
    ig_array a;
    for (size_t i = 0; i < IG_LEN(bad); i++) {
        assert_int_equal(decode(&a, bad[i].dict, zeros, bad[i].bytes), INGOT_E_DATA);
        if (!strstr(err.text, bad[i].reason))
            fail_msg("%s\n  does not say: %s", err.text, bad[i].reason);
        assert_null(a.data);
    }
}

static void odd_values_are_mended_or_refused(void **state)
{
    (void)state;
    ig_array a;
    check_ok(decode(&a, HEAD("|b1", "False", "(3,)"), "\x00\x01\xff", 3));
    assert_memory_equal(a.data, "\0\1\1", 3);
    ig_give(&heap, a.data, a.held);
    const uint32_t surrogate[2] = {'a', 0xd800}, large[1] = {0x110000};
    assert_int_equal(decode(&a, HEAD("<U2", "False", "(1,)"), surrogate, 8), INGOT_E_DATA);
    assert_int_equal(decode(&a, HEAD("<U1", "False", "()"), large, 4), INGOT_E_DATA);
    assert_int_equal(decode(&a, HEAD("|S2", "False", "()"), "a\xff", 2), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "UTF-8"));
    assert_null(a.data);
}

static void foreign_files_are_refused_with_their_path(void **state)
{
    (void)state;
    static const struct {
        const char *path, *reason;
    } bad[] = {
        {"tests/data/npy_object.npy", "pickle"},
        {"tests/data/npy_record.npy", "records"},
        {"tests/data/npy_void.npy", "__dtype__"},
        {"tests/data/npy_date.npy", "int64"},
        {"tests/data/none.npy", "No such file"},
        {"tests/data", "a folder"},
        {"/dev/null", "a device"},
        {"tests/data/npz_empty.npz", "does not begin with"},
    };
    ig_arrays list;
    ig_arrays_init(&list, &heap);
    for (size_t i = 0; i < IG_LEN(bad); i++) {
        assert_int_equal(ig_npy_read(&list, "x", bad[i].path, &err), INGOT_E_DATA);
        assert_ptr_equal(strstr(err.text, bad[i].path), err.text);
        if (!strstr(err.text, bad[i].reason))
            fail_msg("%s\n  does not say: %s", err.text, bad[i].reason);
        assert_int_equal(list.n, 0);
    }
    ig_arrays_clear(&list);
}

static void a_cut_file_is_refused_at_every_length(void **state)
{
    (void)state;
    char file[512], path[] = "/tmp/cut-npy-XXXXXX";
    FILE *in = fopen("tests/data/npy_v2.npy", "rb");
    const size_t n = fread(file, 1, sizeof file, in);
    fclose(in);
    assert_in_range(n, 100, 511);
    close(mkstemp(path));
    ig_arrays list;
    ig_arrays_init(&list, &heap);
    for (size_t cut = 0; cut < n; cut++) {
        FILE *out = fopen(path, "wb");
        assert_int_equal(fwrite(file, 1, cut, out), cut);
        fclose(out);
        assert_int_equal(ig_npy_read(&list, "x", path, &err), INGOT_E_DATA);
    }
    ig_arrays_clear(&list);
    remove(path);
}

static void an_unwritable_target_is_refused(void **state)
{
    (void)state;
    float x = 1;
    const ig_array a = {.dtype = INGOT_F32, .data = &x, .bytes = sizeof x};
    ingot_str words[] = {{"\xff", 1}};
    const ig_array text = {.dtype = INGOT_STR, .data = words, .bytes = sizeof words};
    assert_int_equal(ig_npy_write("/dev/null", &a, &heap, &err), INGOT_E_IO);
    assert_int_equal(ig_npy_write("tests", &a, &heap, &err), INGOT_E_IO);
    assert_int_equal(ig_npy_write("tests/none/x.npy", &a, &heap, &err), INGOT_E_IO);
    assert_int_equal(ig_npy_write("text-npy", &text, &heap, &err), INGOT_E_DATA);
    assert_int_equal(access("text-npy", F_OK), -1);
}

static int balanced(void **state)
{
    (void)state;
    return heap.live_bytes != 0;
}

int main(void)
{
    ig_heap_init(&heap, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(numbers_are_read_in_every_layout, balanced),
        cmocka_unit_test_teardown(strings_become_utf8, balanced),
        cmocka_unit_test_teardown(header_versions_are_read, balanced),
        cmocka_unit_test_teardown(bad_headers_are_refused_with_a_reason, balanced),
        cmocka_unit_test_teardown(odd_values_are_mended_or_refused, balanced),
        cmocka_unit_test_teardown(foreign_files_are_refused_with_their_path, balanced),
        cmocka_unit_test_teardown(a_cut_file_is_refused_at_every_length, balanced),
        cmocka_unit_test_teardown(an_unwritable_target_is_refused, balanced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
