/* unit_npz.c - archives are read whatever wrote them, survive a round trip, agree with NumPy, and
 * are refused when a byte is wrong. */
#include "tests/check.h"
#include "runtime/base/checked.h"
#include "tools/data/npy.h"
#include "tools/data/npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static ig_heap heap;
static ingot_error err;
static char folder[] = "/tmp/unit-npz-XXXXXX", path[64], path2[64];

static void check_counting(const ig_array *a, size_t n, int first)
{
    assert_non_null(a);
    assert_int_equal(a->dtype, INGOT_I32);
    assert_int_equal(a->bytes, 4 * n);
    for (size_t i = 0; i < n; i++) assert_int_equal(((int32_t *)a->data)[i], (int)i + first);
}

static void archives_of_every_make_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        size_t n;
        bool deflated;
    } good[] = {
        {"tests/data/npz_deflated.npz", 2000, true},
        {"tests/data/npz_descriptor.npz", 2000, true},
        {"tests/data/npz_stored_descriptor.npz", 20, false},
        {"tests/data/npz_zip64.npz", 20, false},
    };
    for (size_t i = 0; i < IG_LEN(good); i++) {
        ig_arrays list;
        ig_arrays_init(&list, &heap);
#if IG_HAVE_ZLIB
        check_ok(ig_npz_read(&list, good[i].path, &err));
        check_counting(ig_arrays_find(&list, "plain"), good[i].n, 0);
#else
        if (good[i].deflated)
            assert_int_equal(ig_npz_read(&list, good[i].path, &err), INGOT_E_DATA);
        else
            check_ok(ig_npz_read(&list, good[i].path, &err));
#endif
        if (i == 3) check_counting(ig_arrays_find(&list, "again"), 20, 1);
        ig_arrays_clear(&list);
    }
    ig_arrays list;
    ig_arrays_init(&list, &heap);
    check_ok(ig_npz_read(&list, "tests/data/npz_empty.npz", &err));
    assert_int_equal(list.n, 0);
    assert_int_equal(ig_npz_read(&list, "tests/data/npz_bzip2.npz", &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "method 12"));
    assert_int_equal(ig_npz_read(&list, "tests/data/npy_v1.npy", &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "no end record"));
    ig_arrays_clear(&list);
}

static void true_types_are_honoured(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        ingot_dtype dtype;
    } want[] = {{"h", INGOT_BF16}, {"q", INGOT_I4}, {"e", INGOT_F8E4M3FN}, {"f", INGOT_F32}};
    ig_arrays list;
    ig_arrays_init(&list, &heap);
    check_ok(ig_npz_read(&list, "tests/data/npz_types.npz", &err));
    assert_int_equal(list.n, IG_LEN(want));
    for (size_t i = 0; i < IG_LEN(want); i++)
        assert_int_equal(ig_arrays_find(&list, want[i].name)->dtype, want[i].dtype);
    ig_arrays_clear(&list);
}

/* Writes one array and a __dtype__ of that text under the given name; what does reading say? */
static void check_type_refused(const char *name, const char *type, const char *reason)
{
    int8_t value[] = {3, 9};
    ingot_str text = {type, strlen(type)};
    char member[40];
    snprintf(member, sizeof member, "%s.__dtype__", name);
    const ig_array two[] = {
        {.name = (char[]){"a"},
         .dtype = INGOT_I8,
         .rank = 1,
         .dims = {2},
         .data = value,
         .bytes = 2},
        {.name = member, .dtype = INGOT_STR, .data = &text, .bytes = sizeof text}};
    ig_arrays list;
    ig_arrays_init(&list, &heap);
    check_ok(ig_npz_write(path, two, 2, &heap, 0, &err));
    assert_int_equal(ig_npz_read(&list, path, &err), INGOT_E_DATA);
    if (!strstr(err.text, reason)) fail_msg("%s\n  does not say: %s", err.text, reason);
    assert_int_equal(list.n, 0);
    ig_arrays_clear(&list);
}

static void wrong_types_are_refused(void **state)
{
    (void)state;
    check_type_refused("a", "bfloat16", "bfloat16 travels as uint16, not as int8");
    check_type_refused("a", "float12", "unknown type 'float12'");
    check_type_refused("b", "int4", "not there");
    check_type_refused("a", "int4", "element 1 is 9, int4 goes from -8 to 7");
}

static float floats[] = {0, 0.25f, 0.5f, 0.75f, 1, 1.25f};
static int64_t ints[] = {INT64_MIN, -1, 0, INT64_MAX};
static uint8_t bools[] = {1, 0}, seven = 7, nothing;
static double complex_one[] = {1, 2};
static ingot_str words[] = {{"", 0}, {"a", 1}, {"日本🦊", 10}};
static uint16_t halves[] = {0x3f80, 0xc000}, half = 0x3e00;
static const ig_array written[] = {
    {(char[]){"f32"}, INGOT_F32, 2, {2, 3}, floats, sizeof floats, 0},
    {(char[]){"i64"}, INGOT_I64, 1, {4}, ints, sizeof ints, 0},
    {(char[]){"bool"}, INGOT_BOOL, 1, {2}, bools, sizeof bools, 0},
    {(char[]){"scalar"}, INGOT_U8, 0, {0}, &seven, sizeof seven, 0},
    {(char[]){"none"}, INGOT_F64, 3, {2, 0, 3}, &nothing, 0, 0},
    {(char[]){"c128"}, INGOT_C128, 1, {1}, complex_one, sizeof complex_one, 0},
    {(char[]){"texts"}, INGOT_STR, 1, {3}, words, sizeof words, 0},
    {(char[]){"half/1:0"}, INGOT_BF16, 1, {2}, halves, sizeof halves, 0},
    {(char[]){"ünï"}, INGOT_F16, 1, {1}, &half, sizeof half, 0},
};

static void check_same(const ig_array *a, const ig_array *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->rank, b->rank);
    assert_memory_equal(a->dims, b->dims, sizeof a->dims);
    assert_int_equal(a->bytes, b->bytes);
    if (a->dtype != INGOT_STR) {
        assert_memory_equal(a->data, b->data, a->bytes);
        return;
    }
    const ingot_str *s = a->data, *t = b->data;
    for (size_t i = 0; i < a->bytes / sizeof *s; i++) {
        assert_int_equal(s[i].n, t[i].n);
        assert_memory_equal(s[i].p, t[i].p, s[i].n);
    }
}

static void a_round_trip_keeps_everything(void **state)
{
    (void)state;
    static const uint64_t zip64_from[] = {0, 1, 200, 600, 1000000};
    for (size_t z = 0; z < IG_LEN(zip64_from); z++) {
        ig_arrays list;
        ig_arrays_init(&list, &heap);
        check_ok(ig_npz_write(path, written, IG_LEN(written), &heap, zip64_from[z], &err));
        check_ok(ig_npz_read(&list, path, &err));
        assert_int_equal(list.n, IG_LEN(written));
        for (size_t i = 0; i < list.n; i++) check_same(&list.items[i], &written[i]);
        ig_arrays_clear(&list);
    }
}

static void numpy_reads_what_is_written(void **state)
{
    (void)state;
    static const uint64_t zip64_from[] = {0, 1, 600};
    const char *python = getenv("INGOT_PYTHON");
    char command[400];
    if (!python) python = "python3";
    snprintf(command, sizeof command, "'%s' -c 'import numpy' 2>/dev/null", python);
    if (system(command) != 0) {
        print_message("no NumPy in %s (INGOT_PYTHON names another): not compared\n", python);
        skip();
    }
    check_ok(ig_npy_write(path2, &written[0], &heap, &err));
    for (size_t z = 0; z < IG_LEN(zip64_from); z++) {
        check_ok(ig_npz_write(path, written, IG_LEN(written), &heap, zip64_from[z], &err));
        snprintf(command, sizeof command, "'%s' tests/data/check_npz.py %s %s", python, path,
                 path2);
        assert_int_equal(system(command), 0);
    }
}

static void flip_each_byte(const char *original)
{
    static uint8_t file[8192];
    ig_arrays want;
    ig_arrays_init(&want, &heap);
    check_ok(ig_npz_read(&want, original, &err));
    FILE *in = fopen(original, "rb");
    const size_t n = fread(file, 1, sizeof file, in);
    fclose(in);
    FILE *out = fopen(path, "wb");
    setvbuf(out, NULL, _IONBF, 0);
    for (size_t i = 0; i < n; i++) {
        file[i] ^= (uint8_t)(1 + i % 255);
        rewind(out);
        assert_int_equal(fwrite(file, 1, n, out), n);
        file[i] ^= (uint8_t)(1 + i % 255);
        ig_arrays list;
        ig_arrays_init(&list, &heap);
        const ingot_status s = ig_npz_read(&list, path, &err);
        if (s) assert_int_equal(s, INGOT_E_DATA);
        for (size_t k = 0; !s && k < list.n; k++) { /* names have no checksum: compared by place */
            const size_t len = strlen(want.items[k].name);
            assert_int_equal(strlen(list.items[k].name), len);
            memcpy(want.items[k].name, list.items[k].name, len);
            check_same(&list.items[k], &want.items[k]);
        }
        ig_arrays_clear(&list);
    }
    fclose(out);
    ig_arrays_clear(&want);
}

/* Every byte of an archive is damaged in turn: the answer is an error, or the same arrays (the byte
 * was a date, a version, a letter of a name). */
static void a_wrong_byte_is_found_or_harmless(void **state)
{
    (void)state;
    flip_each_byte("tests/data/npz_zip64.npz");
    flip_each_byte("tests/data/npz_stored_descriptor.npz");
#if IG_HAVE_ZLIB
    flip_each_byte("tests/data/npz_deflated.npz");
#endif
}

/* A directory that promises 4 GB in a few bytes is refused before memory is taken. */
static void a_bomb_takes_no_memory(void **state)
{
    (void)state;
    static uint8_t file[8192];
    FILE *in = fopen("tests/data/npz_deflated.npz", "rb");
    const size_t n = fread(file, 1, sizeof file, in);
    fclose(in);
    for (size_t i = 0; i + 46 < n; i++)
        if (!memcmp(file + i, "PK\1\2", 4)) memcpy(file + i + 24, "\xf0\xff\xff\xff", 4);
    FILE *out = fopen(path, "wb");
    assert_int_equal(fwrite(file, 1, n, out), n);
    fclose(out);
    ig_arrays list;
    ig_arrays_init(&list, &heap);
    ig_heap_reset_peak(&heap);
    assert_int_equal(ig_npz_read(&list, path, &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "claims to be"));
    assert_in_range(heap.peak_bytes, 1, 1 << 20);
    ig_arrays_clear(&list);
}

static void nothing_is_left_where_writing_fails(void **state)
{
    (void)state;
    ingot_str broken = {"a\xc0", 2};
    const ig_array bad[] = {
        written[0],
        {.name = (char[]){"b"}, .dtype = INGOT_STR, .data = &broken, .bytes = sizeof broken}};
    remove(path);
    assert_int_equal(ig_npz_write(path, bad, 2, &heap, 0, &err), INGOT_E_DATA);
    assert_int_equal(access(path, F_OK), -1);
    remove(path2);
    assert_int_equal(rmdir(folder), 0); /* no temporary file is in it */
}

static int balanced(void **state)
{
    (void)state;
    return heap.live_bytes != 0;
}

int main(void)
{
    ig_heap_init(&heap, NULL);
    if (!mkdtemp(folder)) return 1;
    snprintf(path, sizeof path, "%s/x.npz", folder);
    snprintf(path2, sizeof path2, "%s/x.npy", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(archives_of_every_make_are_read, balanced),
        cmocka_unit_test_teardown(true_types_are_honoured, balanced),
        cmocka_unit_test_teardown(wrong_types_are_refused, balanced),
        cmocka_unit_test_teardown(a_round_trip_keeps_everything, balanced),
        cmocka_unit_test_teardown(numpy_reads_what_is_written, balanced),
        cmocka_unit_test_teardown(a_wrong_byte_is_found_or_harmless, balanced),
        cmocka_unit_test_teardown(a_bomb_takes_no_memory, balanced),
        cmocka_unit_test_teardown(nothing_is_left_where_writing_fails, balanced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
