/* unit_wire.c - the wire reader: every field kind, packed and not, and every way to be cut off. */
#include "tests/check.h"
#include "tests/onnx/pb.h"
#include "formats/wire.h"

static ingot_error err;

static ig_span span_of(pb m) { return (ig_span){m.p, m.n}; }

static ingot_status walk(ig_span m, size_t *n)
{
    ig_field f;
    ig_wire w = ig_wire_open(m);
    for (*n = 0; ig_wire_next(&w, &f);) ++*n;
    return ig_wire_end(&w, "the message", &err);
}

static void fields_come_in_order(void **state)
{
    (void)state;
    pb m = {0};
    pb_int(&m, 1, -1);
    pb_float(&m, 2, 1.5f);
    pb_text(&m, 3, "hello");
    pb_int(&m, 1000, 7);
    ig_field f;
    ig_wire w = ig_wire_open(span_of(m));
    assert_true(ig_wire_next(&w, &f));
    assert_true(ig_wire_is(&f, 1, IG_WIRE_VARINT));
    assert_int_equal((int64_t)f.value, -1);
    assert_true(ig_wire_next(&w, &f));
    assert_true(ig_wire_is(&f, 2, IG_WIRE_FIXED32));
    float x;
    memcpy(&x, &f.value, sizeof x);
    assert_true(x == 1.5f);
    assert_true(ig_wire_next(&w, &f));
    assert_int_equal(f.bytes.n, 5);
    assert_memory_equal(f.bytes.p, "hello", 5);
    assert_true(ig_wire_next(&w, &f));
    assert_int_equal(f.number, 1000);
    assert_false(ig_wire_next(&w, &f));
    check_ok(ig_wire_end(&w, "m", &err));
    free(m.p);
}

static void groups_are_skipped(void **state)
{
    (void)state;
    pb m = {0};
    pb_raw_varint(&m, (5 << 3) | 3);
    for (int i = 0; i < 5000; i++) pb_raw_varint(&m, (6 << 3) | 3);
    pb_int(&m, 1, 42);
    for (int i = 0; i < 5000; i++) pb_raw_varint(&m, (6 << 3) | 4);
    pb_raw_varint(&m, (5 << 3) | 4);
    pb_int(&m, 2, 43);
    size_t n;
    check_ok(walk(span_of(m), &n));
    assert_int_equal(n, 1);
    assert_int_equal(walk((ig_span){m.p, m.n - 4}, &n), INGOT_E_FORMAT);
    assert_int_equal(walk((ig_span){m.p + 5001, m.n - 5001}, &n), INGOT_E_FORMAT);
    free(m.p);
}

static void every_cut_is_a_fault_or_a_whole_field(void **state)
{
    (void)state;
    pb m = {0};
    pb_int(&m, 300, INT64_MAX);
    pb_text(&m, 3, "a longer text than that");
    pb_float(&m, 4, 1);
    size_t faults = 0, n;
    for (size_t cut = 0; cut <= m.n; cut++) {
        unsigned char *copy = malloc(cut + 1); /* so that a sanitizer sees a read past the end */
        assert_non_null(copy);
        memcpy(copy, m.p, cut);
        faults += walk((ig_span){copy, cut}, &n) != INGOT_OK;
        free(copy);
    }
    assert_int_equal(faults, m.n + 1 - 4); /* whole: nothing, one, two, three fields */
    free(m.p);
}

static void hostile_numbers_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        unsigned char v[16];
    } bad[] = {
        {11, {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, /* too long */
        {2, {0x00, 0x00}},                                                        /* field 0 */
        {6, {0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f}},                                /* length */
        {11, {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}}, /* length -1 */
        {1, {0x0e}},                                                              /* wire type 6 */
        {1, {0x0c}},                                                              /* lone end */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t n;
        assert_int_equal(walk((ig_span){bad[i].v, bad[i].n}, &n), INGOT_E_FORMAT);
    }
}

static void numbers_may_be_packed_or_not(void **state)
{
    (void)state;
    pb m = {0}, packed = {0};
    pb_int(&m, 7, 1);
    for (int64_t i = 2; i <= 4; i++) pb_raw_varint(&packed, (uint64_t)i * 1000);
    pb_message(&m, 7, packed);
    pb_int(&m, 7, -5);
    pb_int(&m, 8, 99);
    int64_t v[8];
    size_t n;
    check_ok(ig_wire_ints(NULL, &n, span_of(m), 7, &err));
    assert_int_equal(n, 5);
    check_ok(ig_wire_ints(v, &n, span_of(m), 7, &err));
    assert_int_equal(v[0], 1);
    assert_int_equal(v[3], 4000);
    assert_int_equal(v[4], -5);
    pb fixed = {0};
    const float two[] = {1.5f, 2.5f};
    pb_float(&fixed, 4, 0.5f);
    pb_bytes(&fixed, 4, two, sizeof two);
    float x[4];
    check_ok(ig_wire_fixed(x, 4, &n, span_of(fixed), 4, &err));
    assert_int_equal(n, 3);
    assert_true(x[0] == 0.5f && x[2] == 2.5f);
    pb_bytes(&fixed, 4, two, 7);
    assert_int_equal(ig_wire_fixed(NULL, 4, &n, span_of(fixed), 4, &err), INGOT_E_FORMAT);
    free(m.p);
    free(fixed.p);
}

static void repeated_messages_are_merged(void **state)
{
    (void)state;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_arena arena;
    ig_arena_init(&arena, &heap);
    pb m = {0};
    ig_span found;
    check_ok(ig_wire_message(&found, span_of(m), 5, &arena, &err));
    assert_null(found.p);
    pb_text(&m, 5, "one");
    check_ok(ig_wire_message(&found, span_of(m), 5, &arena, &err));
    assert_ptr_equal(found.p, m.p + 2); /* borrowed */
    pb_text(&m, 6, "between");
    pb_text(&m, 5, "two");
    check_ok(ig_wire_message(&found, span_of(m), 5, &arena, &err));
    assert_int_equal(found.n, 6);
    assert_memory_equal(found.p, "onetwo", 6);
    assert_null(ig_wire_lone(span_of(m), 5).p);
    assert_non_null(ig_wire_lone(span_of(m), 6).p);
    free(m.p);
    ig_arena_clear(&arena);
    assert_int_equal(heap.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_come_in_order),
        cmocka_unit_test(groups_are_skipped),
        cmocka_unit_test(every_cut_is_a_fault_or_a_whole_field),
        cmocka_unit_test(hostile_numbers_are_refused),
        cmocka_unit_test(numbers_may_be_packed_or_not),
        cmocka_unit_test(repeated_messages_are_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
