/* Convolutions and pools against their definitions in double: dtypes, one to three dims, groups,
 * strides, dilations, uneven padding; threads change no bit; the NHWC ops agree with the NCHW ones.
 */
#include "tests/ops/call.h"

#include <math.h>

enum { MOST = 3 };

typedef struct {
    int n; /* spatial dims */
    int64_t batch, in_c, out_c, group;
    int64_t in[MOST], kernel[MOST], stride[MOST], dilation[MOST], pads[2 * MOST];
} shape;

static const shape shapes[] = {
    {1, 2, 3, 5, 1, {11}, {3}, {2}, {1}, {1, 2}},
    {2, 1, 3, 20, 1, {9, 8}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
    {2, 2, 6, 4, 2, {7, 10}, {2, 3}, {2, 1}, {1, 2}, {0, 3, 1, 0}},
    {2, 1, 18, 18, 18, {8, 8}, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
    {2, 1, 4, 8, 4, {6, 5}, {3, 1}, {1, 2}, {2, 1}, {2, 0, 2, 0}},
    {2, 3, 5, 7, 1, {4, 4}, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}},
    {3, 1, 2, 3, 1, {5, 4, 6}, {2, 2, 3}, {1, 2, 1}, {1, 1, 2}, {1, 0, 2, 0, 1, 2}},
    {3, 2, 4, 6, 2, {7, 9, 11}, {3, 2, 3}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1, 1, 0, 1}}, /* blocks */
    {1, 1, 2, 3, 1, {600}, {40}, {1}, {1}, {7, 0}}, /* long rows */
};

static unsigned seed;

static ig_tensor *noise(caller *c, ingot_dtype dtype, int rank, const int64_t *dims)
{
    size_t n;
    assert_true(ig_dims_elements(rank, dims, &n));
    void *data = ig_arena_take(&c->arena, n * 8 + 64);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        ig_from_double(data, dtype, i, (double)(seed >> 24) / 64 - 2);
    }
    return caller_tensor(c, dtype, rank, dims, data);
}

static double at(const ig_tensor *t, size_t i) { return ig_to_double(t->data, t->dtype, i); }

static void set_list(caller *c, ig_node *node, const char *name, const int64_t *v, int n)
{
    caller_set(c, node, name, (ig_attr_value){.kind = IG_ATTR_INTS, .ints = {v, (size_t)n}});
}

static void set_window(caller *c, ig_node *node, const shape *s)
{
    set_list(c, node, "kernel_shape", s->kernel, s->n);
    set_list(c, node, "strides", s->stride, s->n);
    set_list(c, node, "dilations", s->dilation, s->n);
    set_list(c, node, "pads", s->pads, 2 * s->n);
}

/* Element (image, channel) of x under tap t of output pixel p; false: in the padding. */
static bool under(double *v, const shape *s, const ig_tensor *x, const ig_tensor *y, int64_t image,
                  int64_t channel, size_t p, size_t t)
{
    int64_t from[MOST];
    for (int i = s->n - 1; i >= 0; i--) {
        from[i] = (int64_t)(p % (size_t)y->dims[2 + i]) * s->stride[i] - s->pads[i] +
                  (int64_t)(t % (size_t)s->kernel[i]) * s->dilation[i];
        if (from[i] < 0 || from[i] >= s->in[i]) return false;
        p /= (size_t)y->dims[2 + i];
        t /= (size_t)s->kernel[i];
    }
    int64_t index = image * s->in_c + channel;
    for (int i = 0; i < s->n; i++) index = index * s->in[i] + from[i];
    *v = at(x, (size_t)index);
    return true;
}

static size_t span(const int64_t *dims, int n)
{
    size_t k;
    assert_true(ig_dims_elements(n, dims, &k));
    return k;
}

static double convolved(const shape *s, const ig_tensor *const *in, const ig_tensor *y, size_t i)
{
    const size_t pixels = span(y->dims + 2, s->n), taps = span(s->kernel, s->n);
    const int64_t o = (int64_t)(i / pixels) % s->out_c, image = (int64_t)(i / pixels) / s->out_c;
    const int64_t depth = s->in_c / s->group, group = o / (s->out_c / s->group);
    double sum = at(in[2], (size_t)o), v;
    for (int64_t k = 0; k < depth; k++)
        for (size_t t = 0; t < taps; t++)
            if (under(&v, s, in[0], y, image, group * depth + k, i % pixels, t))
                sum += v * at(in[1], (size_t)(o * depth + k) * taps + t);
    return fmax(sum + at(in[3], i), 0);
}

static void convolve(caller *c, const shape *s, ingot_dtype dtype, ig_tensor *y,
                     const ig_tensor **in)
{
    int64_t x[2 + MOST] = {s->batch, s->in_c}, w[2 + MOST] = {s->out_c, s->in_c / s->group};
    int64_t out[2 + MOST] = {s->batch, s->out_c};
    for (int i = 0; i < s->n; i++) {
        x[2 + i] = s->in[i], w[2 + i] = s->kernel[i];
        const int64_t room = s->in[i] + s->pads[i] + s->pads[s->n + i];
        out[2 + i] = (room - (s->kernel[i] - 1) * s->dilation[i] - 1) / s->stride[i] + 1;
    }
    in[0] = noise(c, dtype, 2 + s->n, x);
    in[1] = noise(c, dtype, 2 + s->n, w);
    in[2] = noise(c, dtype, 1, &s->out_c);
    in[3] = noise(c, dtype, 2 + s->n, out);
    ig_node *node = caller_node(c, "conv", 4, 1);
    set_window(c, node, s);
    caller_int(c, node, "group", s->group);
    caller_text(c, node, "act", "relu");
    if (call(c, node, in, y)) fail_msg("%s", c->err.text);
}

static void conv_follows_its_definition(void **state)
{
    (void)state;
    static const struct {
        ingot_dtype dtype;
        double allowed;
    } kinds[] = {{INGOT_F32, 1e-4}, {INGOT_F64, 1e-12}, {INGOT_F16, 0.1}, {INGOT_BF16, 1}};
    for (size_t k = 0; k < IG_LEN(kinds) * IG_LEN(shapes); k++) {
        const shape *s = &shapes[k / IG_LEN(kinds)];
        caller c;
        caller_open(&c);
        ig_tensor y;
        const ig_tensor *in[4];
        convolve(&c, s, kinds[k % IG_LEN(kinds)].dtype, &y, in);
        for (size_t i = 0; i < ig_tensor_elements(&y); i++) {
            const double want = convolved(s, in, &y, i);
            if (!(fabs(at(&y, i) - want) <= kinds[k % IG_LEN(kinds)].allowed))
                fail_msg("shape %zu, %s: element %zu is %.9g, not %.9g", k / IG_LEN(kinds),
                         ig_dtype(y.dtype)->name, i, at(&y, i), want);
        }
        caller_close(&c);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (size_t k = 0; k < IG_LEN(shapes); k++) {
        caller c;
        caller_open(&c);
        ig_tensor one, many;
        const ig_tensor *in[4];
        seed = 5;
        convolve(&c, &shapes[k], INGOT_F32, &one, in);
        const ig_pool_options options = {.n_threads = 3};
        assert_int_equal(ig_pool_open(&c.pool, &c.heap, &options, &c.err), INGOT_OK);
        seed = 5;
        convolve(&c, &shapes[k], INGOT_F32, &many, in);
        assert_memory_equal(one.data, many.data, ig_tensor_elements(&one) * sizeof(float));
        caller_close(&c);
    }
}

/* ---- pools ---- */

static double pooled(const shape *s, const char *fn, bool count_pad, const ig_tensor *x,
                     const ig_tensor *y, size_t i)
{
    const size_t pixels = span(y->dims + 2, s->n), taps = span(s->kernel, s->n);
    const int64_t plane = (int64_t)(i / pixels);
    double top = -INFINITY, sum = 0, squares = 0, n = 0, v;
    for (size_t t = 0; t < taps; t++) {
        if (!under(&v, s, x, y, plane / s->in_c, plane % s->in_c, i % pixels, t)) continue;
        top = fmax(top, v), sum += v, squares += v * v, n += 1;
    }
    if (!strcmp(fn, "max")) return top;
    if (!strcmp(fn, "lp")) return sqrt(squares);
    return sum / (count_pad ? (double)taps : n);
}

static const shape pools[] = {
    {1, 2, 3, 3, 1, {11}, {3}, {2}, {1}, {1, 1}},
    {2, 2, 5, 5, 1, {9, 8}, {3, 2}, {2, 1}, {1, 2}, {1, 1, 1, 1}},
    {3, 1, 2, 2, 1, {5, 4, 6}, {2, 2, 3}, {1, 2, 1}, {1, 1, 2}, {1, 0, 2, 0, 1, 2}},
    {1, 2, 3, 3, 1, {100}, {80}, {7}, {1}, {3, 4}},
};

static void pools_follow_their_definition(void **state)
{
    (void)state;
    static const char *const fns[] = {"max", "average", "lp"};
    static const ingot_dtype dtypes[] = {INGOT_F32, INGOT_F64, INGOT_F16};
    for (size_t k = 0; k < IG_LEN(pools) * 18; k++) {
        const shape *s = &pools[k / 18];
        const char *fn = fns[k % 3];
        const bool count_pad = k / 3 % 2;
        caller c;
        caller_open(&c);
        int64_t dims[2 + MOST] = {s->batch, s->in_c, s->in[0], s->in[1], s->in[2]};
        const ig_tensor *x = noise(&c, dtypes[k / 6 % 3], 2 + s->n, dims);
        ig_tensor y;
        ig_node *node = caller_node(&c, "pool", 1, 1);
        set_window(&c, node, s);
        caller_text(&c, node, "fn", fn);
        caller_int(&c, node, "count_include_pad", count_pad);
        if (call(&c, node, &x, &y)) fail_msg("%s", c.err.text);
        for (size_t i = 0; i < ig_tensor_elements(&y); i++) {
            const double want = pooled(s, fn, count_pad, x, &y, i);
            const double off = fabs(at(&y, i) - want);
            if (!(off <= (y.dtype == INGOT_F16 ? 0x1p-9 : 1e-5) * (1 + fabs(want))))
                fail_msg("shape %zu, %s: element %zu is %.9g, not %.9g", k / 18, fn, i, at(&y, i),
                         want);
        }
        caller_close(&c);
    }
}

static ig_tensor *to_nhwc(caller *c, const ig_tensor *t)
{
    const int64_t dims[] = {t->dims[0], t->dims[2], t->dims[3], t->dims[1]};
    const size_t channels = (size_t)t->dims[1], pixels = (size_t)(t->dims[2] * t->dims[3]);
    float *data = ig_arena_take(&c->arena, ig_tensor_elements(t) * sizeof *data + 64);
    for (size_t i = 0; i < ig_tensor_elements(t); i++) {
        const size_t image = i / pixels / channels, channel = i / pixels % channels;
        data[(image * pixels + i % pixels) * channels + channel] = ((const float *)t->data)[i];
    }
    return caller_tensor(c, INGOT_F32, 4, dims, data);
}

static void nhwc_pools_agree(void **state)
{
    (void)state;
    const shape *s = &pools[1];
    for (int k = 0; k < 4; k++) {
        caller c;
        caller_open(&c);
        const int64_t dims[] = {s->batch, s->in_c, s->in[0], s->in[1]};
        const ig_tensor *x = noise(&c, INGOT_F32, 4, dims), *turned = to_nhwc(&c, x);
        ig_tensor y, z;
        for (int nhwc = 0; nhwc < 2; nhwc++) {
            ig_node *node = caller_node(&c, nhwc ? "pool_nhwc" : "pool", 1, 1);
            set_window(&c, node, s);
            caller_text(&c, node, "fn", k % 2 ? "max" : "average");
            caller_int(&c, node, "count_include_pad", k / 2);
            if (call(&c, node, nhwc ? &turned : &x, nhwc ? &z : &y)) fail_msg("%s", c.err.text);
        }
        const ig_tensor *want = to_nhwc(&c, &y);
        for (size_t i = 0; i < ig_tensor_elements(&z); i++)
            if (!(fabs(at(&z, i) - at(want, i)) <= 1e-5))
                fail_msg("element %zu is %.9g, not %.9g", i, at(&z, i), at(want, i));
        caller_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_follows_its_definition),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(pools_follow_their_definition),
        cmocka_unit_test(nhwc_pools_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
