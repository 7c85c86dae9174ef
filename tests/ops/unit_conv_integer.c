/* unit_conv_integer.c - convolutions of bytes with channels last, whose windows are read where they
 * lie or gathered, against 64-bit sums: kernels, strides, dilations, padding on each side, zero
 * points of x that are 0 (taps in the padding are left out) and not (they are gathered), more
 * padding than image, batches, channels beyond the kernel's 64, and threads. */
#include "tests/ops/call.h"

typedef struct {
    int64_t batch, in[2], c, m, kernel[2], stride[2], dilation[2],
        pads[4]; /* top left bottom right */
} shape;

static const shape shapes[] = {
    {1, {14, 14}, 8, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
    {2, {7, 9}, 12, 70, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
    {1, {15, 13}, 4, 130, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}},
    {1, {16, 16}, 8, 20, {3, 3}, {2, 1}, {1, 1}, {0, 0, 1, 1}},
    {1, {12, 17}, 8, 33, {3, 3}, {1, 1}, {2, 2}, {2, 2, 2, 2}},
    {1, {9, 20}, 4, 16, {5, 3}, {1, 2}, {1, 3}, {2, 0, 1, 4}},
    {1, {4, 3}, 4, 48, {7, 7}, {1, 1}, {1, 1}, {3, 3, 3, 3}}, /* a window larger than the image */
    {1, {2, 2}, 4, 5, {3, 3}, {1, 1}, {1, 1}, {4, 4, 4, 4}},  /* windows of padding alone */
    {3, {10, 10}, 16, 64, {1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}},
    {1, {60, 5}, 4, 17, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},  /* lines run down */
    {1, {21, 20}, 3, 20, {7, 7}, {2, 2}, {1, 1}, {3, 3, 3, 3}}, /* few channels: gathered in runs */
    {2, {9, 9}, 3, 20, {3, 3}, {1, 1}, {2, 2}, {2, 2, 2, 2}},
    {2, {6, 8}, 1, 9, {5, 5}, {1, 1}, {1, 1}, {4, 4, 0, 1}},
    {1, {5, 5}, 11, 9, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
    {1, {40, 40}, 4, 8, {2, 2}, {1, 1}, {1, 1}, {0, 0, 0, 0}},
};

static uint32_t seed = 1;
static const ig_tensor *random_bytes(caller *c, ingot_dtype dtype, int rank, const int64_t *dims)
{
    ig_tensor shape_only = {.rank = rank};
    memcpy(shape_only.dims, dims, (size_t)rank * sizeof *dims);
    const size_t n = ig_tensor_elements(&shape_only);
    uint8_t *p = ig_arena_take(&c->arena, n + 1);
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
    return caller_tensor(c, dtype, rank, dims, p);
}

static int64_t exact(const shape *s, const uint8_t *x, const int8_t *w, int64_t zero, int64_t y,
                     int64_t col, int64_t m)
{
    int64_t sum = 0;
    for (int64_t k = 0; k < s->kernel[0] * s->kernel[1]; k++) {
        const int64_t r = y * s->stride[0] - s->pads[0] + k / s->kernel[1] * s->dilation[0];
        const int64_t q = col * s->stride[1] - s->pads[1] + k % s->kernel[1] * s->dilation[1];
        if (r < 0 || q < 0 || r >= s->in[0] || q >= s->in[1]) continue;
        for (int64_t i = 0; i < s->c; i++)
            sum += (x[(r * s->in[1] + q) * s->c + i] - zero) *
                   w[(m * s->c + i) * s->kernel[0] * s->kernel[1] + k];
    }
    return sum;
}

static void check_shape(caller *c, const shape *s, uint8_t zero)
{
    const int64_t window[] = {s->m, s->c, s->kernel[0], s->kernel[1]};
    const ig_tensor *in[] = {
        random_bytes(c, INGOT_U8, 4, (int64_t[]){s->batch, s->in[0], s->in[1], s->c}),
        random_bytes(c, INGOT_I8, 4, window), caller_tensor(c, INGOT_U8, 0, NULL, &zero)};
    ig_node *node = caller_node(c, "conv_integer", 3, 1);
    ig_tensor y;
    caller_int(c, node, "channels_last", 1);
    caller_set(c, node, "pads", (ig_attr_value){.kind = IG_ATTR_INTS, .ints = {s->pads, 4}});
    caller_set(c, node, "strides", (ig_attr_value){.kind = IG_ATTR_INTS, .ints = {s->stride, 2}});
    caller_set(c, node, "dilations",
               (ig_attr_value){.kind = IG_ATTR_INTS, .ints = {s->dilation, 2}});
    assert_int_equal(call(c, node, in, &y), INGOT_OK);
    const int32_t *got = y.data;
    const size_t image = (size_t)(s->in[0] * s->in[1] * s->c);
    for (int64_t b = 0; b < s->batch; b++)
        for (int64_t r = 0; r < y.dims[1]; r++)
            for (int64_t q = 0; q < y.dims[2]; q++)
                for (int64_t m = 0; m < s->m; m++) {
                    const uint8_t *x = (const uint8_t *)in[0]->data + (size_t)b * image;
                    const int64_t want = exact(s, x, in[1]->data, zero, r, q, m);
                    if (*got++ != want)
                        fail_msg("shape %d, zero %d: [%d, %d, %d, %d] is %d, not %d",
                                 (int)(s - shapes), zero, (int)b, (int)r, (int)q, (int)m, got[-1],
                                 (int)want);
                }
}

static void follows_its_definition(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 3; threads += 2) {
        caller c;
        caller_open(&c);
        const ig_pool_options options = {.n_threads = threads};
        if (threads > 1)
            assert_int_equal(ig_pool_open(&c.pool, &c.heap, &options, &c.err), INGOT_OK);
        for (size_t i = 0; i < IG_LEN(shapes); i++) {
            check_shape(&c, &shapes[i], 0);
            check_shape(&c, &shapes[i], 131);
        }
        caller_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(follows_its_definition)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
