// Convolutions on the emulator against sums in double.
#include "kernels/conv/conv_cuda.h"
#include "kernels/cuda/number.h"
#include "tests/cuda/harness.hpp"

#include "runtime/base/half.h"

using namespace cuda_test;

// An image convolution with all that it may have; x and w are what the kernels read, as doubles.
struct image_case {
    cu_conv_window o;
    int groups, in_c, out_c; // of a group
    bool bias, residual;
    int act;
};

static float rounded(float v, int type)
{
    return type == CU_F16    ? ig_f16_to_f32(ig_f32_to_f16(v))
           : type == CU_BF16 ? ig_bf16_to_f32(ig_f32_to_bf16(v))
                             : v;
}

static double acted(int act, double v) { return act == CU_ACT_relu && v < 0 ? 0 : v; }

// want [n, pixel, channel] of all groups.
static std::vector<double> reference(const image_case &c, const float *x, const float *w,
                                     const float *bias, const float *residual)
{
    const cu_conv_window &o = c.o;
    const int in = c.groups * c.in_c, out = c.groups * c.out_c;
    std::vector<double> want((size_t)o.batch * o.out_h * o.out_w * out);
    size_t at = 0;
    for (int n = 0; n < o.batch; n++)
        for (int oy = 0; oy < o.out_h; oy++)
            for (int ox = 0; ox < o.out_w; ox++)
                for (int m = 0; m < out; m++, at++) {
                    double sum = bias ? bias[m] : 0;
                    for (int t = 0; t < o.kh * o.kw; t++) {
                        const int y = oy * o.stride_h - o.pad_top + t / o.kw * o.dilation_h;
                        const int xx = ox * o.stride_w - o.pad_left + t % o.kw * o.dilation_w;
                        if (y < 0 || xx < 0 || y >= o.in_h || xx >= o.in_w) continue;
                        for (int k = 0; k < c.in_c; k++)
                            sum += (double)x[((size_t)(n * o.in_h + y) * o.in_w + xx) * in +
                                             m / c.out_c * c.in_c + k] *
                                   w[((size_t)m * o.kh * o.kw + t) * c.in_c + k];
                    }
                    if (residual) sum += residual[at];
                    want[at] = acted(c.act, sum);
                }
    return want;
}

// Value v as plane `plane` of three by truncation, or rounded to the type.
static uint16_t stored(float v, int type, bool split, int plane)
{
    if (!split) return type == CU_F16 ? ig_f32_to_f16(v) : ig_f32_to_bf16(v);
    for (int s = 0; s < plane; s++) v -= ig_f32_from_bits(ig_f32_bits(v) & 0xffff0000u);
    return (uint16_t)(ig_f32_bits(v) >> 16);
}

static void on_matrix_units(const image_case &c, cu_float type, cu_float c_type, bool split,
                            bool planes)
{
    const cu_conv_window &o = c.o;
    const int in = c.groups * c.in_c, out = c.groups * c.out_c, taps = o.kh * o.kw;
    const int c8 = (c.in_c + 7) / 8 * 8, parts = split ? 3 : 1, pixels = o.out_h * o.out_w;
    const size_t n_x = (size_t)o.batch * o.in_h * o.in_w, n_y = (size_t)o.batch * pixels * out;
    float *x = random_f32(n_x * in), *w = random_f32((size_t)out * taps * c.in_c);
    float *bias = random_f32(out), *residual = random_f32(n_y);
    for (size_t i = 0; i < n_x * in && !split; i++) x[i] = rounded(x[i], type);
    for (int i = 0; i < out * taps * c.in_c && !split; i++) w[i] = rounded(w[i], type);
    for (int i = 0; i < out; i++) bias[i] = rounded(bias[i], c_type);
    for (size_t i = 0; i < n_y; i++) residual[i] = rounded(residual[i], c_type);
    const auto want = reference(c, x, w, c.bias ? bias : nullptr, c.residual ? residual : nullptr);

    cu_conv_args a = {};
    a.window = o;
    a.type = type, a.c_type = c_type, a.split = split, a.planes = planes;
    a.groups = c.groups, a.in_c = c8, a.out_c = c.out_c;
    a.x_pixel = (int64_t)c.groups * parts * c8, a.x_group = parts * c8;
    a.x_image = o.in_h * o.in_w * a.x_pixel;
    uint16_t *xs = zeros<uint16_t>(n_x * a.x_pixel),
             *ws = zeros<uint16_t>((size_t)out * taps * parts * c8);
    for (size_t p = 0; p < n_x; p++)
        for (int k = 0; k < in; k++)
            for (int s = 0; s < parts; s++)
                xs[p * a.x_pixel + k / c.in_c * a.x_group + s * c8 + k % c.in_c] =
                    stored(x[p * in + k], type, split, s);
    for (int i = 0; i < out * taps; i++)
        for (int k = 0; k < c.in_c; k++)
            for (int s = 0; s < parts; s++)
                ws[((size_t)i * parts + s) * c8 + k] =
                    stored(w[(size_t)i * c.in_c + k], type, split, s);
    a.x = xs, a.w = ws;
    const int bytes = cu_float_bytes(c_type);
    const auto at = [&](size_t i) { // element of [n, pixel, channel] in y
        if (!planes) return i;
        const size_t m = i % out, p = i / out % pixels, n = i / out / pixels;
        return (n * out + m) * pixels + p;
    };
    const auto put = [&](void *to, size_t i, float v) {
        if (c_type == CU_F32)
            ((float *)to)[i] = v;
        else
            ((uint16_t *)to)[i] = stored(v, c_type, false, 0);
    };
    void *cbias = buffer<char>((size_t)out * bytes), *cres = buffer<char>(n_y * bytes);
    for (int i = 0; i < out; i++) put(cbias, i, bias[i]);
    for (size_t i = 0; i < n_y; i++) put(cres, at(i), residual[i]);
    char *y = buffer<char>(n_y * bytes);
    a.out.c = y;
    a.out.bias = c.bias ? cbias : nullptr;
    a.out.residual = c.residual ? cres : nullptr;
    a.out.act = c.act;
    const size_t room = cu_conv_room(&a);
    if (room) a.room = buffer<char>((room + 255) / 256 * 256);
    char what[128];
    snprintf(what, sizeof what,
             "conv %dx%dx%d of %d to %d by %d, %d groups, split %d planes %d room %zu", o.batch,
             o.in_h, o.in_w, in, out, taps, c.groups, split, planes, room);
    same_in_all_modes(what, y, n_y * bytes, [&] { return cu_conv(&a, nullptr); });
    std::vector<double> got(n_y);
    for (size_t i = 0; i < n_y; i++)
        got[i] = c_type == CU_F32    ? ((float *)y)[at(i)]
                 : c_type == CU_BF16 ? ig_bf16_to_f32(((uint16_t *)y)[at(i)])
                                     : ig_f16_to_f32(((uint16_t *)y)[at(i)]);
    const double err = distance(
        got.data(), [](double d) { return d; }, want.data(), n_y);
    check(err < (c_type == CU_F32 ? 1e-6 : 4e-3), "%s: error %.2e", what, err);
}

static void depthwise(int channels, bool more)
{
    image_case c = {{2, 9, 8, 5, 7, 3, 3, 2, 1, 1, 2, 1, 1}, channels, 1, 1, more, more,
                    more ? CU_ACT_relu : CU_ACT_none};
    const cu_conv_window &o = c.o;
    const size_t n_x = (size_t)o.batch * o.in_h * o.in_w * channels,
                 n_y = (size_t)o.batch * o.out_h * o.out_w * channels;
    const float *x = random_f32(n_x), *w = random_f32((size_t)channels * 9),
                *bias = random_f32(channels), *residual = random_f32(n_y);
    float *turned = buffer<float>((size_t)channels * 9), *y = buffer<float>(n_y);
    for (int i = 0; i < channels * 9; i++) turned[i % 9 * channels + i / 9] = w[i];
    const auto want = reference(c, x, w, more ? bias : nullptr, more ? residual : nullptr);
    const cu_conv_dw_args a = {
        o, channels, x, turned, more ? bias : nullptr, more ? residual : nullptr, y, c.act, 0, 0};
    same_in_all_modes("depthwise", y, n_y * 4, [&] { return cu_conv_dw(&a, nullptr); });
    check(distance(y, of_f32, want.data(), n_y) < 1e-6, "depthwise of %d channels", channels);
}

// Any number of dims, both ways, as x [n, c, in..], y [n, m, out..].
static void directly(int spatial, bool transposed, bool is_f64)
{
    const int in[3] = {5, 4, 3}, kernel[3] = {3, 2, 2}, stride[3] = {2, 1, 2},
              dilation[3] = {1, 2, 1};
    const int before[3] = {1, 1, 0}, groups = 2, in_c = 3, out_c = 2, images = 2;
    cu_conv_direct_args a = {};
    a.type = is_f64 ? NB_F64 : NB_F32;
    a.spatial = spatial;
    a.images = images, a.groups = groups, a.in_c = in_c, a.out_c = out_c;
    a.transposed = transposed;
    int n_in = 1, n_out = 1, taps = 1;
    for (int d = 0; d < spatial; d++) {
        const int extent = (kernel[d] - 1) * dilation[d] + 1;
        const int out = transposed ? (in[d] - 1) * stride[d] + extent - 2 * before[d]
                                   : (in[d] + 2 * before[d] - extent) / stride[d] + 1;
        a.in[d] = in[d], a.out[d] = out, a.kernel[d] = kernel[d];
        a.stride[d] = stride[d], a.dilation[d] = dilation[d], a.before[d] = before[d];
        n_in *= in[d], n_out *= out, taps *= kernel[d];
    }
    const size_t n_x = (size_t)images * groups * in_c * n_in,
                 n_w = (size_t)groups * in_c * out_c * taps,
                 n_y = (size_t)images * groups * out_c * n_out;
    std::vector<double> x(n_x), w(n_w), want(n_y, 0.0);
    for (auto *v : {&x, &w})
        for (double &e : *v) e = (float)uniform();
    // every product of an input element and a weight, added where it belongs
    for (size_t i = 0; i < n_x; i++)
        for (int m = 0; m < out_c; m++)
            for (int t = 0; t < taps; t++) {
                int p = (int)(i % n_in), rest = t, place = 0, step = 1;
                const int c = (int)(i / n_in) % in_c, g = (int)(i / n_in) / in_c % groups,
                          n = (int)(i / n_in) / in_c / groups;
                bool inside = true;
                for (int d = 0; d < spatial; d++) {
                    const int k = rest % kernel[d] * dilation[d];
                    int at = p % in[d];
                    if (transposed) {
                        at = at * stride[d] + k - before[d];
                    } else {
                        at = at + before[d] - k;
                        inside = inside && at >= 0 && at % stride[d] == 0;
                        at /= stride[d];
                    }
                    inside = inside && at >= 0 && at < a.out[d];
                    place += at * step;
                    step *= (int)a.out[d];
                    p /= in[d];
                    rest /= kernel[d];
                }
                const size_t at_w = transposed ? ((size_t)(g * in_c + c) * out_c + m) * taps + t
                                               : ((size_t)(g * out_c + m) * in_c + c) * taps + t;
                if (inside)
                    want[((size_t)(n * groups + g) * out_c + m) * n_out + place] += x[i] * w[at_w];
            }
    const size_t each = is_f64 ? 8 : 4;
    const auto stored_as = [&](const std::vector<double> &v) {
        char *p = buffer<char>(v.size() * each);
        for (size_t i = 0; i < v.size(); i++)
            if (is_f64)
                ((double *)p)[i] = v[i];
            else
                ((float *)p)[i] = (float)v[i];
        return p;
    };
    a.x = stored_as(x), a.w = stored_as(w);
    char *y = buffer<char>(n_y * each);
    a.y = y;
    same_in_all_modes("direct", y, n_y * each, [&] { return cu_conv_direct(&a, nullptr); });
    const double err = is_f64 ? distance((double *)y, [](double v) { return v; }, want.data(), n_y)
                              : distance((float *)y, of_f32, want.data(), n_y);
    check(err < (is_f64 ? 1e-14 : 1e-6), "direct, %d dims, transposed %d: error %.2e", spatial,
          transposed, err);
}

int main()
{
    //                     batch in     out    kernel stride dilation pad
    const cu_conv_window a = {2, 12, 11, 12, 11, 3, 3, 1, 1, 1, 1, 1, 1},
                         b = {1, 17, 19, 8, 9, 3, 4, 2, 2, 2, 1, 1, 1},
                         c = {3, 6, 5, 6, 5, 1, 1, 1, 1, 1, 1, 0, 0},
                         d = {1, 1, 40, 1, 21, 1, 5, 1, 2, 1, 1, 0, 3};
    for (bool planes : {false, true}) {
        on_matrix_units({a, 1, 16, 24, true, true, CU_ACT_relu}, CU_BF16, CU_F32, false, planes);
        on_matrix_units({b, 2, 5, 70, true, false, CU_ACT_none}, CU_BF16, CU_F32, true, planes);
        on_matrix_units({c, 1, 40, 33, false, true, CU_ACT_none}, CU_BF16, CU_F32, true, planes);
        on_matrix_units({d, 3, 8, 9, false, false, CU_ACT_relu}, CU_BF16, CU_F32, false, planes);
        on_matrix_units(
            {{1, 30, 30, 30, 30, 3, 3, 1, 1, 1, 1, 1, 1}, 1, 8, 130, true, false, CU_ACT_none},
            CU_BF16, CU_F32, false, planes); // tiles of 128
    }
    on_matrix_units({a, 1, 16, 24, true, true, CU_ACT_relu}, CU_F16, CU_F16, false, true);
    on_matrix_units({b, 2, 5, 70, true, true, CU_ACT_none}, CU_BF16, CU_BF16, false, true);
    for (int channels : {8, 6}) depthwise(channels, channels == 8);
    for (int spatial = 1; spatial <= 3; spatial++)
        for (bool transposed : {false, true}) {
            directly(spatial, transposed, false);
            directly(spatial, transposed, true);
        }
    return done();
}
