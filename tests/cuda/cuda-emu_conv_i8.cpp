// Convolutions of bytes on the emulator: sums must be exact, results as the formulas say.
#include "kernels/conv_i8/conv_i8_cuda.h"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

enum finish { SUMS, FLOATS, BYTES };

static void bytes(const cu_conv_window &o, int groups, int in_c, int out_c, bool planes,
                  bool is_signed, finish how)
{
    const int ld = (in_c + 15) / 16 * 16, taps = o.kh * o.kw, all = groups * in_c,
              out = groups * out_c, area = o.in_h * o.in_w;
    const size_t n_x = (size_t)o.batch * area, n_y = (size_t)o.batch * o.out_h * o.out_w;
    uint8_t *x = buffer<uint8_t>(n_x * all), x_zero = (uint8_t)(is_signed ? -7 : 113);
    int8_t *w = zeros<int8_t>((size_t)out * taps * ld), *cast = buffer<int8_t>(n_x * groups * ld);
    int32_t *w_sum = zeros<int32_t>(out);
    for (size_t i = 0; i < n_x * all; i++) x[i] = (uint8_t)bits();
    for (int i = 0; i < out * taps; i++)
        for (int c = 0; c < in_c; c++) w_sum[i / taps] += w[i * ld + c] = (int8_t)bits();
    const cu_conv_i8_cast_args turn = {x, cast, o.batch, area, groups, in_c, ld, planes, is_signed};
    same_in_all_modes("cast", cast, n_x * groups * ld,
                      [&] { return cu_conv_i8_cast(&turn, nullptr); });
    const float *scale = random_f32(out, 1e-3);
    const float *bias = random_f32(out);
    const uint8_t y_zero = 90;
    const size_t each = how == BYTES ? 1 : 4;
    char *y = buffer<char>(n_y * out * each);
    cu_conv_i8_args a = {};
    a.window = o;
    a.groups = groups, a.in_c = ld, a.out_c = out_c;
    a.x = cast, a.w = w, a.w_sum = w_sum, a.x_zero = &x_zero, a.x_signed = is_signed;
    a.border = buffer<int8_t>(16);
    a.y = y;
    if (how != SUMS) a.scale = scale, a.scales = out, a.bias = bias;
    if (how == BYTES) a.to_bytes = true, a.y_zero = &y_zero, a.low = 0, a.high = 255;
    same_in_all_modes("conv_i8", y, n_y * out * each, [&] { return cu_conv_i8(&a, nullptr); });
    const int zero = is_signed ? (int8_t)x_zero : x_zero;
    int wrong = 0;
    for (size_t i = 0; i < n_y * out; i++) {
        const int m = (int)(i % out), ox = (int)(i / out % o.out_w),
                  oy = (int)(i / out / o.out_w % o.out_h), n = (int)(i / out / o.out_w / o.out_h);
        int sum = 0;
        for (int t = 0; t < taps; t++) {
            const int r = oy * o.stride_h - o.pad_top + t / o.kw * o.dilation_h;
            const int c = ox * o.stride_w - o.pad_left + t % o.kw * o.dilation_w;
            if (r < 0 || c < 0 || r >= o.in_h || c >= o.in_w) continue;
            for (int k = 0; k < in_c; k++) {
                const int channel = m / out_c * in_c + k, p = r * o.in_w + c;
                const uint8_t raw = planes ? x[((size_t)n * all + channel) * area + p]
                                           : x[((size_t)n * area + p) * all + channel];
                sum += ((is_signed ? (int8_t)raw : raw) - zero) * w[(m * taps + t) * ld + k];
            }
        }
        const float v = (float)sum * scale[m] + bias[m];
        if (how == SUMS)
            wrong += ((int32_t *)y)[i] != sum;
        else if (how == FLOATS)
            wrong += fabsf(((float *)y)[i] - v) > 1e-5f * (fabsf(v) + 1);
        else {
            const float q = fminf(fmaxf(rintf(v) + 90, 0), 255);
            wrong += fabsf((float)(uint8_t)y[i] - q) > (fabsf(v - rintf(v)) > 0.499f ? 1 : 0);
        }
    }
    check(!wrong, "conv_i8, %d groups of %d to %d, planes %d, signed %d, finish %d: %d differ",
          groups, in_c, out_c, planes, is_signed, how, wrong);
}

int main()
{
    const cu_conv_window a = {2, 9, 8, 9, 8, 3, 3, 1, 1, 1, 1, 1, 1},
                         b = {1, 13, 15, 6, 13, 3, 3, 2, 1, 1, 1, 0, 0},
                         c = {1, 5, 40, 5, 40, 1, 1, 1, 1, 1, 1, 0, 0};
    bytes(a, 1, 20, 70, false, false, SUMS);
    bytes(a, 2, 3, 5, true, true, FLOATS);
    bytes(b, 1, 33, 12, true, false, BYTES);
    bytes(c, 1, 64, 64, false, true, BYTES);
    return done();
}
