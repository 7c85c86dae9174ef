// Products of bytes on the emulator: exact sums, and results finished to the CPU's bits.
#include "kernels/gemm_i8/gemm_i8_cuda.h"
#include "kernels/gemm_i8/i8_finish_ref.h"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

static uint8_t *random_bytes(size_t n)
{
    uint8_t *p = buffer<uint8_t>(n);
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)bits();
    return p;
}
static int value(uint8_t b, bool is_signed) { return is_signed ? (int8_t)b : b; }
static int round16(int k) { return (k + 15) / 16 * 16; }

// What cu_i8_rows makes of [matrices][rows][k] bytes (turned: [matrices][k][rows]).
struct Rows {
    int8_t *y;
    int32_t *sums;
};
static Rows rows(const uint8_t *x, int matrices, int n, int k, bool is_signed, bool turned)
{
    const int pitch = round16(k);
    Rows r = {buffer<int8_t>((size_t)matrices * n * pitch), buffer<int32_t>((size_t)matrices * n)};
    const cu_i8_rows_args args = {
        x,   (int64_t)n * k, turned ? 1 : k, turned ? n : 1, matrices, n, k, pitch, is_signed,
        r.y, r.sums};
    check(cu_i8_rows(&args, nullptr) == 0, "rows");
    bool right = true;
    for (int i = 0; i < matrices * n; i++) {
        int sum = 0;
        for (int c = 0; c < pitch; c++) {
            const size_t at = (size_t)(i / n) * n * k +
                              (turned ? (size_t)c * n + i % n : (size_t)(i % n) * k + c);
            const int want = c < k ? value(x[at], is_signed) - (is_signed ? 0 : 128) : 0;
            right &= r.y[(size_t)i * pitch + c] == want;
            sum += want;
        }
        right &= r.sums[i] == sum;
    }
    check(right, "%d rows of %d%s", n, k, turned ? ", turned" : "");
    return r;
}

static void product(int m, int n, int k, int batch, bool a_signed, bool w_signed, cu_i8_to to,
                    bool all_modes)
{
    // dims [2, batch / 2]: a is repeated over the first, w over the second
    const int inner = batch > 1 ? batch / 2 : 1, outer = batch / inner;
    const uint8_t *a = random_bytes((size_t)inner * m * k),
                  *w = random_bytes((size_t)outer * n * k);
    const bool zeros = below(4) != 0, row_zeros = below(2), column_zeros = below(2);
    const uint8_t *az = random_bytes((size_t)inner * m), *wz = random_bytes((size_t)outer * n);
    const uint8_t *y_zero = random_bytes(1);
    const Rows ra = rows(a, inner, m, k, a_signed, false),
               rw = rows(w, outer, n, k, w_signed, true);
    // w is read turned: element (n, k) of matrix i at w[i][k][n]
    const float *scale = random_f32(n, 0.02), *bias = random_f32(n, 50);
    int32_t *int_bias = buffer<int32_t>(n);
    for (int i = 0; i < n; i++) int_bias[i] = below(20000) - 10000;
    const size_t size = to == CU_I8_I32 || to == CU_I8_F32 ? 4
                        : to == CU_I8_S8 || to == CU_I8_U8 ? 1
                                                           : 2;
    char *y = buffer<char>((size_t)batch * m * n * size);
    cu_gemm_i8_args g = {};
    g.a = k % 16 ? (const void *)ra.y : a;
    g.a_ready = k % 16 != 0;
    g.a_signed = a_signed;
    g.w = rw.y;
    g.lda = g.ldw = round16(k);
    g.m = m, g.n = n, g.k = k;
    g.batch = batch;
    g.rank = 2;
    g.dims[0] = outer, g.dims[1] = inner;
    g.a_step[1] = 1, g.w_step[0] = 1;
    g.a_matrix = (int64_t)m * round16(k), g.w_matrix = (int64_t)n * round16(k);
    g.a_sum = ra.sums, g.w_sum = rw.sums;
    g.w_signed = w_signed;
    g.a_zero = {zeros ? az : nullptr, zeros && row_zeros, zeros && row_zeros ? m : 0};
    g.w_zero = {zeros ? wz : nullptr, column_zeros, column_zeros ? n : 0};
    g.to = to;
    g.scale = {scale, 1, 0};
    const bool ints = size == 1 && below(2);
    if (to != CU_I8_I32) g.bias = {ints ? (const void *)int_bias : bias, 1, 0};
    g.bias_is_int = ints;
    g.y_zero = y_zero;
    g.low = -100, g.high = 200;
    g.y = y;
    char what[128];
    snprintf(what, sizeof what, "%d x %dx%dx%d, %s %s, to %d", batch, m, n, k,
             a_signed ? "s8" : "u8", w_signed ? "s8" : "u8", (int)to);
    if (all_modes)
        same_in_all_modes(what, y, (size_t)batch * m * n * size,
                          [&] { return cu_gemm_i8(&g, nullptr); });
    else
        check(cu_gemm_i8(&g, nullptr) == 0, "%s", what);

    i8_finish f = {};
    f.to = to == CU_I8_I32 ? I8_TO_I32 : size == 1 ? I8_TO_BYTES : I8_TO_F32;
    f.to_signed = to == CU_I8_S8;
    f.scale = scale;
    f.bias = g.bias.p && !ints ? bias : nullptr;
    f.zero = value(*y_zero, f.to_signed);
    const int least = f.to_signed ? -128 : 0;
    f.low = (float)(max(g.low, least) - f.zero);
    f.high = (float)(min(g.high, least + 255) - f.zero);
    int wrong = 0;
    for (int i = 0; i < batch; i++)
        for (int r = 0; r < m; r++)
            for (int c = 0; c < n; c++) {
                const int ma = i % inner, mw = i / inner;
                const int za = zeros ? value(az[row_zeros ? ma * m + r : 0], a_signed) : 0;
                const int zw = zeros ? value(wz[column_zeros ? mw * n + c : 0], w_signed) : 0;
                uint32_t sum = ints ? (uint32_t)int_bias[c] : 0;
                for (int x = 0; x < k; x++)
                    sum += (uint32_t)((value(a[((size_t)ma * m + r) * k + x], a_signed) - za) *
                                      (value(w[((size_t)mw * k + x) * n + c], w_signed) - zw));
                char want[4];
                i8_finish_one(&f, want, 0, (int32_t)sum, (size_t)c);
                float v;
                memcpy(&v, want, 4);
                if (size == 2) {
                    const uint16_t h = to == CU_I8_F16 ? px_f2h(v) : px_f2bf(v);
                    memcpy(want, &h, 2);
                }
                // i8_finish_one reads the columns' arrays at c
                wrong += memcmp(want, y + (((size_t)i * m + r) * n + c) * size, size) != 0;
            }
    check(!wrong, "%s: %d of %d wrong", what, wrong, batch * m * n);
}

int main()
{
    static const cu_i8_to all[] = {CU_I8_I32, CU_I8_F32, CU_I8_F16, CU_I8_BF16, CU_I8_S8, CU_I8_U8};
    for (int i = 0; i < 24; i++)
        product(1 + below(90), 1 + below(90), 1 + below(200), 1 + below(2) * 3, i & 1, i & 2,
                all[i % 6], false);
    product(70, 66, 160, 1, false, true, CU_I8_I32, true);
    product(130, 257, 96, 1, false, false, CU_I8_F32, true); // the large tile
    product(3, 5, 0, 1, true, true, CU_I8_I32, false);
    // Hopper's: whole and ragged tiles, one and several stages, more tiles than processors
    product(130, 257, 96, 1, true, true, CU_I8_I32, false);
    product(70, 66, 600, 1, true, false, CU_I8_U8, true);
    product(65, 1300, 130, 1, false, true, CU_I8_F32, false);
    return done();
}
