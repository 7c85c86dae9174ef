// Matrix products of f32 on the emulator against sums in double: exact ones of any strides, and
// those of operands that were rounded or split into planes of bf16.
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

// f32 through six products of bf16 planes: the error is that of f32 sums.
static void split_product(int variant, int m, int n, int k)
{
    const int ld = (k + 7) / 8 * 8;
    float *a = random_f32((size_t)m * k), *b = random_f32((size_t)n * k);
    uint16_t *pa = buffer<uint16_t>((size_t)m * 3 * ld), *pb = buffer<uint16_t>((size_t)n * 3 * ld);
    cu_gemm_cast_args ca = {CU_F32, CU_BF16, a, pa, 1, m, k, ld, false, true},
                      cb = {CU_F32, CU_BF16, b, pb, 1, n, k, ld, false, true};
    cu_gemm_args g = {};
    g.type = CU_BF16, g.c_type = CU_F32, g.a = pa, g.b = pb, g.m = m, g.n = n, g.k = ld;
    g.lda = g.ldb = 3 * ld, g.split = true;
    epilogue_case e;
    g.out = out_of(e, CU_F32, 1, m, n);
    g.only = variant + 1;
    const size_t bytes = cu_gemm_room(&g);
    if (bytes) g.room = buffer<char>(bytes), g.tickets = zeros<int>(CU_GEMM_TICKETS);
    char what[120];
    snprintf(what, sizeof what, "six products, %s %dx%dx%d", cu_gemm_name(&g), m, n, k);
    same_in_all_modes(what, g.out.c, (size_t)m * n * 4, [&] {
        const int status = cu_gemm_cast(&ca, nullptr) | cu_gemm_cast(&cb, nullptr);
        return status ? status : cu_gemm(&g, nullptr);
    });
    const auto want = finish(g.out, CU_F32, 1, m, n, 0, [&](int, int r, int j) {
        double sum = 0;
        for (int x = 0; x < k; x++) sum += (double)a[(size_t)r * k + x] * b[(size_t)j * k + x];
        return sum;
    });
    const double err = error_of(g.out, CU_F32, want);
    check(err < 5e-7, "%s: error %.2e", what, err);
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
    for (int v = 0; v < CU_GEMM_VARIANTS; v++) {
        const cu_gemm_block *b = cu_gemm_block_of(v);
        if (b->element == 2) split_product(v, 70, 40, b->cc_min == 80 ? 101 : 128);
    }
    split_product(-1, 9, 20, 600);
    return done();
}
