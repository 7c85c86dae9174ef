/* unit_move_limits.c - hostile shapes, indices and counts: an error that says so, never a crash. */
#include "tests/ops/call.h"

#include <math.h>

static const float ones[6] = {1, 1, 1, 1, 1, 1};

static ig_tensor *floats(caller *c)
{
    return caller_tensor(c, INGOT_F32, 2, (int64_t[]){2, 3}, ones);
}

/* op(floats, ints) with default attributes. */
static ingot_status with_ints(const char *op, size_t n, const int64_t *v)
{
    caller c;
    caller_open(&c);
    ig_tensor out;
    const ig_tensor *in[2] = {floats(&c), caller_ints(&c, n, v)};
    const ingot_status s = call(&c, caller_node(&c, op, 2, 1), in, &out);
    caller_close(&c);
    return s;
}

#define INTS(op, ...) \
    with_ints((op), sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static void shapes(void **state)
{
    (void)state;
    assert_int_equal(INTS("reshape", 3, 2), INGOT_OK);
    assert_int_equal(INTS("reshape", -1, 2), INGOT_OK);
    assert_int_equal(INTS("reshape", -1, -1), INGOT_E_FORMAT);
    assert_int_equal(INTS("reshape", 4, 2), INGOT_E_FORMAT);
    assert_int_equal(INTS("reshape", 4, -1), INGOT_E_FORMAT);
    assert_int_equal(INTS("reshape", -2, 3), INGOT_E_FORMAT);
    assert_int_equal(INTS("reshape", 0, 0, 0), INGOT_E_FORMAT);
    assert_int_equal(INTS("reshape", INT64_MAX, INT64_MAX), INGOT_E_FORMAT);
    assert_int_equal(INTS("reshape", 1, 1, 1, 1, 1, 1, 1, 1, 6), INGOT_E_FORMAT);
    assert_int_equal(INTS("expand", 4, 2, 3), INGOT_OK);
    assert_int_equal(INTS("expand", 4), INGOT_E_FORMAT);
    assert_int_equal(INTS("expand", -1, 1, 1), INGOT_E_FORMAT);
    assert_int_equal(INTS("expand", INT64_MAX, 1, 1), INGOT_E_FORMAT);
    assert_int_equal(INTS("tile", 2, 0), INGOT_OK);
    assert_int_equal(INTS("tile", 2), INGOT_E_FORMAT);
    assert_int_equal(INTS("tile", -1, 1), INGOT_E_FORMAT);
    assert_int_equal(INTS("tile", INT64_MAX, 1), INGOT_E_FORMAT);
    assert_int_equal(INTS("tile", INT64_MAX / 8, 1), INGOT_E_FORMAT);
    assert_int_equal(INTS("squeeze", 0), INGOT_E_FORMAT);
    assert_int_equal(INTS("unsqueeze", 0, 0), INGOT_E_FORMAT);
    assert_int_equal(INTS("unsqueeze", 0, 1, 2, 3, 4, 5, 6), INGOT_E_FORMAT);
    assert_int_equal(INTS("center_crop_pad", INT64_MAX, 5), INGOT_E_FORMAT);
    assert_int_equal(INTS("center_crop_pad", -1, 5), INGOT_E_FORMAT);
}

static void indices(void **state)
{
    (void)state;
    assert_int_equal(INTS("gather", 0, 1, -2), INGOT_OK);
    assert_int_equal(INTS("gather", 2), INGOT_E_DATA);
    assert_int_equal(INTS("gather", INT64_MIN), INGOT_E_DATA);
    assert_int_equal(INTS("gather_nd", 1, 2), INGOT_OK);
    assert_int_equal(INTS("gather_nd", 1, 3), INGOT_E_DATA);
    assert_int_equal(INTS("gather_nd", INT64_MIN, 0), INGOT_E_DATA);
    assert_int_equal(INTS("gather_nd", 0, 0, 0), INGOT_E_FORMAT);
    assert_int_equal(INTS("top_k", 3), INGOT_OK);
    assert_int_equal(INTS("top_k", 4), INGOT_E_FORMAT);
    assert_int_equal(INTS("top_k", -1), INGOT_E_FORMAT);
    assert_int_equal(INTS("reverse_sequence", 1, 2, 0), INGOT_OK);
    assert_int_equal(INTS("reverse_sequence", 1, 2, 3), INGOT_E_DATA);
    assert_int_equal(INTS("reverse_sequence", 1, 2, -1), INGOT_E_DATA);
}

static ingot_status one_hot(double depth)
{
    caller c;
    caller_open(&c);
    ig_tensor out;
    const ig_tensor *in[3] = {floats(&c), caller_tensor(&c, INGOT_F64, 0, NULL, &depth),
                              caller_tensor(&c, INGOT_F32, 1, (int64_t[]){2}, ones)};
    const ingot_status s = call(&c, caller_node(&c, "one_hot", 3, 1), in, &out);
    caller_close(&c);
    return s;
}

static void depths(void **state)
{
    (void)state;
    assert_int_equal(one_hot(3), INGOT_OK);
    assert_int_equal(one_hot(0), INGOT_OK);
    assert_int_equal(one_hot(-1), INGOT_E_FORMAT);
    assert_int_equal(one_hot(NAN), INGOT_E_FORMAT);
    assert_int_equal(one_hot(INFINITY), INGOT_E_FORMAT);
    assert_int_equal(one_hot(1e16), INGOT_E_FORMAT);
}

static ingot_status roi(const float box[4], int64_t batch)
{
    caller c;
    caller_open(&c);
    ig_tensor out;
    const ig_tensor *in[3] = {caller_tensor(&c, INGOT_F32, 4, (int64_t[]){1, 1, 2, 3}, ones),
                              caller_tensor(&c, INGOT_F32, 2, (int64_t[]){1, 4}, box),
                              caller_ints(&c, 1, &batch)};
    const ingot_status s = call(&c, caller_node(&c, "roi_align", 3, 1), in, &out);
    caller_close(&c);
    return s;
}

static void regions(void **state)
{
    (void)state;
    assert_int_equal(roi((float[]){0, 0, 2, 2}, 0), INGOT_OK);
    assert_int_equal(roi((float[]){0, 0, 2, 2}, 1), INGOT_E_DATA);
    assert_int_equal(roi((float[]){0, 0, 2, 2}, -1), INGOT_E_DATA);
    assert_int_equal(roi((float[]){0, 0, 1e30f, 2}, 0), INGOT_E_DATA);
    assert_int_equal(roi((float[]){NAN, 0, 2, 2}, 0), INGOT_E_DATA);
    assert_int_equal(roi((float[]){5, 5, -2, -2}, 0), INGOT_OK);
}

static void grids(void **state)
{
    (void)state;
    static const char *const modes[] = {"linear", "nearest", "cubic"};
    static const char *const paddings[] = {"zeros", "border", "reflection"};
    const float points[12] = {NAN, 0,  INFINITY, -INFINITY, 1e30f, -1e30f,
                              1,   -1, 3e9f,     0,         -7,    1e20f};
    for (size_t i = 0; i < 18; i++) {
        caller c;
        caller_open(&c);
        ig_tensor out;
        ig_node *node = caller_node(&c, "grid_sample", 2, 1);
        caller_text(&c, node, "mode", modes[i % 3]);
        caller_text(&c, node, "padding_mode", paddings[i / 3 % 3]);
        caller_int(&c, node, "align_corners", i >= 9);
        const ig_tensor *in[2] = {caller_tensor(&c, INGOT_F32, 4, (int64_t[]){1, 1, 2, 3}, ones),
                                  caller_tensor(&c, INGOT_F32, 4, (int64_t[]){1, 2, 3, 2}, points)};
        assert_int_equal(call(&c, node, in, &out), INGOT_OK);
        caller_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shapes), cmocka_unit_test(indices),
                                       cmocka_unit_test(depths), cmocka_unit_test(regions),
                                       cmocka_unit_test(grids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
