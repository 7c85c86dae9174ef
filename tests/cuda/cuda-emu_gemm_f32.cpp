// Matrix products of f32 of any strides on the emulator against sums in double, and operands that
// become 16-bit floats or three planes of them.
#include "tests/cuda/gemm_case.hpp"

using namespace cuda_test;

static void product(int variant, int m, int n, int k, bool a_turned, bool b_turned,
                    const epilogue_case &e, const batch_case &b = {})
{
    cu_gemm_f32_args g = {};
    int64_t a_n, b_n;
    g.batch = batch_of(b, (int64_t)m * k, (int64_t)n * k, 0, &a_n, &b_n);
    g.a = random_f32(a_n * m * k), g.b = random_f32(b_n * n * k);
    g.m = m, g.n = n, g.k = k;
    g.a_row = a_turned ? 1 : k, g.a_col = a_turned ? m : 1;
    g.b_row = b_turned ? 1 : k, g.b_col = b_turned ? n : 1;
    g.out = out_of(e, CU_F32, b.n(), m, n);
    g.batch.c_step = g.batch.r_step = (int64_t)m * g.out.columns;
    g.only = variant + 1;
    const size_t bytes = cu_gemm_f32_room(&g);
    if (bytes) g.room = buffer<char>(bytes), g.tickets = zeros<int>(CU_GEMM_TICKETS);
    char what[160];
    snprintf(what, sizeof what, "gemm_f32 variant %d %dx%dx%d batch %d turned %d%d act %d%s%s",
             variant, m, n, k, b.n(), a_turned, b_turned, e.act, e.gated ? " gated" : "",
             bytes ? " split" : "");
    same_in_all_modes(what, g.out.c, b.n() * g.batch.c_step * 4,
                      [&] { return cu_gemm_f32(&g, nullptr); });
    const auto want = finish(g.out, CU_F32, b.n(), m, n, g.batch.r_step, [&](int i, int r, int j) {
        const float *x = g.a + start_of(g.batch, g.batch.a_step, i) + r * g.a_row,
                    *w = g.b + start_of(g.batch, g.batch.b_step, i) + j * g.b_row;
        double sum = 0;
        for (int q = 0; q < k; q++) sum += (double)x[q * g.a_col] * w[q * g.b_col];
        return sum;
    });
    check(error_of(g.out, CU_F32, want) < 2e-6, "%s: error %.2e", what,
          error_of(g.out, CU_F32, want));
}

static void variant(int v)
{
    const cu_gemm_block *b = cu_gemm_block_of(v);
    product(v, b->bm, b->bn, 32, false, false, {});
    product(v, b->bm + 3, b->bn + 5, 37, true, true, random_epilogue(false));
    product(v, 2, 48, 19, false, true, random_epilogue(true));
    product(v, 5, 7, 333, true, false, random_epilogue(false));
    batch_case two;
    two.d0 = 2, two.d1 = 2, two.a_repeats = 1;
    product(v, 9, 11, 13, false, true, random_epilogue(false), two);
}

// x [batch, rows, cols] (or turned) to 16 bits or planes.
static void cast(cu_float from, cu_float to, int batch, int rows, int cols, bool turned, bool split)
{
    cu_gemm_cast_args g = {};
    g.from = from, g.to = to, g.batch = batch, g.rows = rows, g.cols = cols;
    g.ld = (cols + 7) / 8 * 8 + below(2) * 8, g.turned = turned, g.split = split;
    g.x = random_of(from, (size_t)batch * rows * cols, split ? 1e10 : 1);
    if (from == CU_F32 && !split) ((float *)g.x)[0] = 1e6f; // beyond f16
    const int planes = split ? 3 : 1;
    const size_t n = (size_t)batch * rows * planes * g.ld;
    uint16_t *y = buffer<uint16_t>(n);
    g.y = y;
    char what[120];
    snprintf(what, sizeof what, "cast %d to %d [%d, %d, %d]%s%s", from, to, batch, rows, cols,
             turned ? " turned" : "", split ? " split" : "");
    same_in_all_modes(what, y, n * 2, [&] { return cu_gemm_cast(&g, nullptr); });
    double worst = 0;
    for (int i = 0; i < batch * rows; i++)
        for (int c = 0; c < g.ld; c++) {
            const int64_t at =
                turned ? ((int64_t)(i / rows) * cols + c) * rows + i % rows : (int64_t)i * cols + c;
            double want = c < cols ? widen(from, g.x, at) : 0, got = 0;
            if (to == CU_F16 && want > 65504) want = 65504;
            for (int p = 0; p < planes; p++)
                got += widen(to, y, ((size_t)i * planes + p) * g.ld + c);
            const double err = fabs(got - want) / (fabs(want) + 1e-30);
            worst = err > worst || err != err ? err : worst;
        }
    check(worst <= (split ? 0 : unit(to)), "%s: error %.2e", what, worst);
}

int main()
{
    for (int v = 0; v < CU_GEMM_VARIANTS; v++)
        if (cu_gemm_block_of(v)->element == 4) variant(v);
    for (int turned = 0; turned < 2; turned++) {
        cast(CU_F32, CU_BF16, 1, 70, 33, turned, false);
        cast(CU_F32, CU_F16, 3, 5, 64, turned, false);
        cast(CU_BF16, CU_BF16, 2, 9, 11, turned, false);
        cast(CU_F16, CU_F16, 1, 66, 72, turned, false);
        cast(CU_F32, CU_BF16, 2, 7, 100, turned, true);
    }
    return done();
}
