/* Transposed and deformable convolution against their definitions in double, for each dtype;
 * threads that change no bit; attributes that do not fit. */
#include "tests/ops/call.h"

#include <math.h>

static const ingot_dtype dtypes[] = {INGOT_F32, INGOT_F64, INGOT_F16};

static double at(const ig_tensor *t, size_t i) { return ig_to_double(t->data, t->dtype, i); }

static ig_tensor *noise(caller *c, ingot_dtype dtype, int rank, const int64_t *dims, double size)
{
    static unsigned seed = 7;
    size_t n = 1;
    for (int d = 0; d < rank; d++) n *= (size_t)dims[d];
    void *data = ig_arena_take(&c->arena, n * 8 + 64);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        ig_from_double(data, dtype, i, size * ((double)(seed >> 8) / 0x1p23 - 1));
    }
    return caller_tensor(c, dtype, rank, dims, data);
}

static void set_ints(caller *c, ig_node *node, const char *name, size_t n, const int64_t *v)
{
    caller_set(c, node, name, (ig_attr_value){.kind = IG_ATTR_INTS, .ints = {v, n}});
}

/* Results are sums of up to 60 products of size 1. */
static void expect(const ig_tensor *y, const double *want, size_t n)
{
    const double error = y->dtype == INGOT_F64 ? 1e-13 : y->dtype == INGOT_F32 ? 1e-5 : 0x1p-7;
    assert_int_equal(ig_tensor_elements(y), n);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(at(y, i) - want[i]) <= error))
            fail_msg("%s: element %zu is %.17g, not %.17g", ig_dtype(y->dtype)->name, i, at(y, i),
                     want[i]);
}

/* Two samples, two groups of 3 channels to 2, images 5 x 6, kernel 3 x 2. */
enum { N = 2, G = 2, C = 3, M = 2, IH = 5, IW = 6, KH = 3, KW = 2 };
enum { SH = 2, SW = 3, DH = 1, DW = 2, OH = SH * (IH - 1) + KH - 1, OW = SW * (IW - 1) + 3 - 2 };

static void transpose_by_definition(double *y, const ig_tensor *x, const ig_tensor *w,
                                    const ig_tensor *bias)
{
    for (size_t i = 0; i < (size_t)N * G * M * OH * OW; i++)
        y[i] = at(bias, i / (OH * OW) % (G * M));
    for (size_t i = 0; i < (size_t)N * G * C * IH * IW * M * KH * KW; i++) {
        size_t rest = i;
        const size_t kx = rest % KW, ky = (rest /= KW) % KH, m = (rest /= KH) % M;
        const size_t ix = (rest /= M) % IW, iy = (rest /= IW) % IH, c = (rest /= IH) % (G * C);
        const size_t n = rest / (G * C);
        const int64_t oy = (int64_t)(iy * SH + ky * DH) - 1, ox = (int64_t)(ix * SW + kx * DW);
        if (oy < 0 || oy >= OH || ox >= OW) continue;
        y[((n * G + c / C) * M + m) * OH * OW + (size_t)oy * OW + (size_t)ox] +=
            at(x, ((n * G * C + c) * IH + iy) * IW + ix) * at(w, ((c * M + m) * KH + ky) * KW + kx);
    }
}

static void conv_transpose_follows_its_definition(void **state)
{
    (void)state;
    for (size_t k = 0; k < IG_LEN(dtypes); k++) {
        caller c;
        caller_open(&c);
        ig_tensor *x = noise(&c, dtypes[k], 4, (int64_t[]){N, G * C, IH, IW}, 1), y;
        ig_tensor *w = noise(&c, dtypes[k], 4, (int64_t[]){G * C, M, KH, KW}, 1);
        ig_tensor *bias = noise(&c, dtypes[k], 1, (int64_t[]){G * M}, 1);
        ig_node *node = caller_node(&c, "conv_transpose", 3, 1);
        caller_int(&c, node, "group", G);
        set_ints(&c, node, "strides", 2, (int64_t[]){SH, SW});
        set_ints(&c, node, "dilations", 2, (int64_t[]){DH, DW});
        set_ints(&c, node, "pads", 4, (int64_t[]){1, 0, 0, 2});
        if (call(&c, node, (const ig_tensor *[]){x, w, bias}, &y)) fail_msg("%s", c.err.text);
        double want[N * G * M * OH * OW];
        transpose_by_definition(want, x, w, bias);
        expect(&y, want, IG_LEN(want));
        caller_close(&c);
    }
}

/* Kernels as large as their strides, in f32, against f64, which adds up as ever. */
static void outputs_of_one_term(void **state)
{
    (void)state;
    static const struct {
        int n;
        int64_t in[3], kernel[3];
    } cases[] = {{1, {9}, {3}},         {2, {5, 6}, {2, 2}},      {2, {4, 5}, {3, 2}},
                 {2, {5, 4}, {1, 2}},   {2, {3, 7}, {2, 1}},      {3, {2, 3, 4}, {2, 1, 3}},
                 {2, {70, 83}, {2, 2}}, {3, {1, 2, 3}, {2, 2, 2}}};
    for (size_t i = 0; i < IG_LEN(cases); i++) {
        caller c;
        caller_open(&c);
        ig_tensor y[2];
        int64_t x_dims[5] = {2, 4}, w_dims[5] = {4, 14};
        memcpy(x_dims + 2, cases[i].in, sizeof cases[i].in);
        memcpy(w_dims + 2, cases[i].kernel, sizeof cases[i].kernel);
        ig_tensor *x = noise(&c, INGOT_F32, cases[i].n + 2, x_dims, 1);
        ig_tensor *w = noise(&c, INGOT_F32, cases[i].n + 2, w_dims, 1);
        ig_tensor *bias = noise(&c, INGOT_F32, 1, (int64_t[]){28}, 1);
        const ig_tensor *in[3] = {x, w, bias};
        for (size_t wide = 0; wide < 2; wide++) {
            ig_node *node = caller_node(&c, "conv_transpose", 3, 1);
            caller_int(&c, node, "group", 2);
            set_ints(&c, node, "strides", (size_t)cases[i].n, cases[i].kernel);
            for (size_t k = 0; k < 3 && wide; k++) {
                const size_t n = ig_tensor_elements(in[k]);
                double *data = ig_arena_take(&c.arena, n * sizeof *data);
                for (size_t e = 0; e < n; e++) data[e] = at(in[k], e);
                in[k] = caller_tensor(&c, INGOT_F64, in[k]->rank, in[k]->dims, data);
            }
            if (call(&c, node, in, &y[wide])) fail_msg("%s", c.err.text);
        }
        expect(&y[0], y[1].data, ig_tensor_elements(&y[1]));
        caller_close(&c);
    }
}

/* Positions in several stretches, channels in several tasks. */
static void threads_change_no_bit(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    ig_tensor *x = noise(&c, INGOT_F32, 4, (int64_t[]){1, 8, 90, 80}, 1), one, four;
    ig_tensor *w = noise(&c, INGOT_F32, 4, (int64_t[]){8, 30, 4, 4}, 1);
    ig_node *node = caller_node(&c, "conv_transpose", 2, 1);
    set_ints(&c, node, "strides", 2, (int64_t[]){2, 2});
    assert_int_equal(call(&c, node, (const ig_tensor *[]){x, w}, &one), 0);
    assert_int_equal(ig_pool_open(&c.pool, &c.heap, &(ig_pool_options){.n_threads = 4}, &c.err), 0);
    assert_int_equal(call(&c, node, (const ig_tensor *[]){x, w}, &four), 0);
    assert_memory_equal(one.data, four.data, ig_tensor_elements(&one) * sizeof(float));
    caller_close(&c);
}

static double pixel(const ig_tensor *x, size_t plane, int64_t y, int64_t col)
{
    if (y < 0 || col < 0 || y >= IH || col >= IW) return 0;
    return at(x, plane * IH * IW + (size_t)y * IW + (size_t)col);
}

static double between(const ig_tensor *x, size_t plane, double y, double col)
{
    const int64_t top = (int64_t)floor(y), left = (int64_t)floor(col);
    const double down = y - floor(y), right = col - floor(col);
    return (1 - down) *
               ((1 - right) * pixel(x, plane, top, left) + right * pixel(x, plane, top, left + 1)) +
           down * ((1 - right) * pixel(x, plane, top + 1, left) +
                   right * pixel(x, plane, top + 1, left + 1));
}

/* As above, two groups of 4 channels to 2; two offset groups; kernel 2 x 2, pads 1. */
enum { DC = 4, DK = 2, DOH = IH + 1, DOW = IW + 1, DOUT = DOH * DOW };

static double deform_one(const ig_tensor *const *in, size_t n, size_t m, size_t p)
{
    double sum = at(in[3], m);
    for (size_t i = 0; i < DC * DK * DK; i++) {
        const size_t c = m / M * DC + i / (DK * DK), k = i % (DK * DK);
        const size_t plane = (n * G + c / DC) * DK * DK + k;
        const double y = (double)(p / DOW + k / DK) - 1 + at(in[2], plane * 2 * DOUT + p);
        const double x = (double)(p % DOW + k % DK) - 1 + at(in[2], (plane * 2 + 1) * DOUT + p);
        sum += between(in[0], n * G * DC + c, y, x) * at(in[4], plane * DOUT + p) *
               at(in[1], (m * DC + i / (DK * DK)) * DK * DK + k);
    }
    return sum;
}

static void deform_conv_follows_its_definition(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) { /* f16 offsets leave too little of the positions */
        caller c;
        caller_open(&c);
        ig_tensor y;
        const ig_tensor *in[5] = {
            noise(&c, dtypes[k], 4, (int64_t[]){N, G * DC, IH, IW}, 1),
            noise(&c, dtypes[k], 4, (int64_t[]){G * M, DC, DK, DK}, 1),
            noise(&c, dtypes[k], 4, (int64_t[]){N, G * DK * DK * 2, DOH, DOW}, 3),
            noise(&c, dtypes[k], 1, (int64_t[]){G * M}, 1),
            noise(&c, dtypes[k], 4, (int64_t[]){N, G * DK * DK, DOH, DOW}, 1),
        };
        ig_node *node = caller_node(&c, "deform_conv", 5, 1);
        caller_int(&c, node, "group", G);
        caller_int(&c, node, "offset_group", G);
        set_ints(&c, node, "pads", 4, (int64_t[]){1, 1, 1, 1});
        if (call(&c, node, in, &y)) fail_msg("%s", c.err.text);
        double want[N * G * M * DOUT];
        for (size_t i = 0; i < IG_LEN(want); i++)
            want[i] = deform_one(in, i / DOUT / (G * M), i / DOUT % (G * M), i % DOUT);
        expect(&y, want, IG_LEN(want));
        caller_close(&c);
    }
}

static void misfits_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t n;
        int64_t v[4];
    } wrong[] = {
        {"strides", 2, {0, 1}},        {"strides", 1, {1}},
        {"dilations", 2, {1, -1}},     {"dilations", 2, {INT64_MAX, 1}},
        {"pads", 4, {0, 0, -1, 0}},    {"pads", 4, {INT64_MAX, 0, INT64_MAX, 0}},
        {"kernel_shape", 2, {KH, KH}}, {"output_padding", 2, {INT64_MAX, 0}},
        {"output_shape", 2, {0, 4}},   {"output_padding", 2, {0, -1}},
    };
    for (size_t i = 0; i < IG_LEN(wrong); i++) {
        caller c;
        caller_open(&c);
        ig_tensor *x = noise(&c, INGOT_F32, 4, (int64_t[]){N, C, IH, IW}, 1), y;
        ig_tensor *w = noise(&c, INGOT_F32, 4, (int64_t[]){C, M, KH, KW}, 1);
        ig_node *node = caller_node(&c, "conv_transpose", 2, 1);
        set_ints(&c, node, wrong[i].name, wrong[i].n, wrong[i].v);
        if (call(&c, node, (const ig_tensor *[]){x, w}, &y) != INGOT_E_FORMAT)
            fail_msg("case %zu: %s is taken", i, wrong[i].name);
        caller_int(&c, node, "group", 2);
        assert_int_equal(call(&c, node, (const ig_tensor *[]){x, w}, &y), INGOT_E_FORMAT);
        caller_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_transpose_follows_its_definition),
        cmocka_unit_test(outputs_of_one_term),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(deform_conv_follows_its_definition),
        cmocka_unit_test(misfits_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
