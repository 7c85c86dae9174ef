// Matrix products of 16-bit floats on the emulator against sums in double: all variants, ragged
// shapes, types, epilogues, batches and split K, in all schedules.
#include "tests/cuda/gemm_case.hpp"

using namespace cuda_test;

static void product(int variant, int m, int n, int k, cu_float type, bool wide_c,
                    const epilogue_case &e, const batch_case &b = {}, bool room = true)
{
    const cu_float c_type = wide_c ? CU_F32 : type;
    const int64_t lda = k + below(3) * 8, ldb = k + below(3) * 8;
    cu_gemm_args g = {};
    int64_t a_n, b_n;
    g.batch = batch_of(b, m * lda, n * ldb, 0, &a_n, &b_n);
    g.type = type, g.c_type = c_type;
    g.a = random_of(type, a_n * m * lda), g.b = random_of(type, b_n * n * ldb);
    g.m = m, g.n = n, g.k = k, g.lda = lda, g.ldb = ldb;
    g.out = out_of(e, c_type, b.n(), m, n);
    g.batch.c_step = g.batch.r_step = (int64_t)m * g.out.columns;
    g.only = variant + 1;
    const size_t bytes = room ? cu_gemm_room(&g) : 0;
    if (bytes) g.room = buffer<char>(bytes), g.tickets = zeros<int>(CU_GEMM_TICKETS);
    char what[160];
    snprintf(what, sizeof what, "%s %dx%dx%d batch %d type %d to %d act %d%s%s%s", cu_gemm_name(&g),
             m, n, k, b.n(), type, c_type, e.act, e.gated ? " gated" : "",
             e.residual ? " residual" : "", bytes ? " split" : "");
    same_in_all_modes(what, g.out.c, b.n() * g.batch.c_step * cu_float_bytes(c_type),
                      [&] { return cu_gemm(&g, nullptr); });
    const auto want = finish(g.out, c_type, b.n(), m, n, g.batch.r_step, [&](int i, int r, int j) {
        const int64_t a0 = start_of(g.batch, g.batch.a_step, i) + r * lda,
                      b0 = start_of(g.batch, g.batch.b_step, i) + j * ldb;
        double sum = 0;
        for (int x = 0; x < k; x++) sum += widen(type, g.a, a0 + x) * widen(type, g.b, b0 + x);
        return sum;
    });
    const double err = error_of(g.out, c_type, want);
    check(err < 1e-5 + unit(c_type), "%s: error %.2e", what, err);
    if (bytes)
        for (int i = 0; i < CU_GEMM_TICKETS; i++)
            if (!check(!g.tickets[i], "%s: ticket %d is left at %d", what, i, g.tickets[i])) break;
}

// A variant with shapes that straddle its tile.
static void variant(int v)
{
    const cu_gemm_block *b = cu_gemm_block_of(v);
    const int few = (v == CU_GEMM_STREAM_K ? 4 : 1) * b->bk; // what stream-K cuts at least
    product(v, b->bm, b->bn, few + b->bk, CU_BF16, false, {});
    product(v, b->bm + 1, b->bn + 9, few + 8, CU_F16, true, random_epilogue(false));
    product(v, 1, 3, few - b->bk + 8, CU_F16, false, random_epilogue(false));
    product(v, b->bm - 1, 48, 5 * b->bk, CU_BF16, true, random_epilogue(true));
    product(v, 17, 2 * b->bn, 16 * b->bk + 8, CU_BF16, false, random_epilogue(false));
    epilogue_case plain; // what Hopper's boxes do
    plain.act = CU_ACT_relu, plain.bias = true, plain.alpha = 0.5f;
    product(v, 2 * b->bm + 5, b->bn + 24, few + 16, CU_F16, false, plain);
    batch_case one, two;
    one.d0 = 3, one.b_repeats = 1;
    product(v, 33, 40, few + 8, CU_BF16, false, plain, one);
    two.d0 = 2, two.d1 = 3, two.b_repeats = 1;
    if (b->cc_min == 80) {
        product(v, 33, 40, 72, CU_BF16, true, random_epilogue(false), two);
        two.a_repeats = 2, two.b_repeats = 0;
        product(v, 20, 16, 24, CU_F16, false, random_epilogue(true), two);
    }
}

static void activations()
{
    for (int act = 0; act <= CU_ACT_affine; act++) {
        epilogue_case e;
        e.act = act, e.a = 0.75f, e.b = 1.25f, e.bias = true;
        product(CU_GEMM_M64N64, 9, 24, 16, CU_BF16, true, e);
    }
}

// Matrices of a batch that 16-byte copies cannot read are refused, whichever operand's they are.
static void misaligned()
{
    for (int which = 0; which < 2; which++)
        for (const int step : {260, 264}) {
            cu_gemm_args g = {};
            epilogue_case plain;
            g.type = CU_F16, g.c_type = CU_F32, g.m = g.n = g.k = 16, g.lda = g.ldb = 16;
            g.a = random_of(CU_F16, 2 * 264), g.b = random_of(CU_F16, 2 * 264);
            g.batch.rank = 1, g.batch.dims[0] = 2;
            g.batch.a_step[0] = which ? 264 : step, g.batch.b_step[0] = which ? step : 264;
            g.out = out_of(plain, CU_F32, 2, 16, 16);
            g.batch.c_step = 16 * 16;
            const int status = cu_gemm(&g, nullptr);
            check((status == CU_INVALID) == (step % 8 != 0), "a batch's step of %d: %d", step,
                  status);
        }
}

int main()
{
    misaligned();
    for (int v = 0; v < CU_GEMM_VARIANTS; v++)
        if (cu_gemm_block_of(v)->element == 2) variant(v);
    activations();
    for (int i = 0; i < 6; i++)
        product(-1, 1 + below(150), 1 + below(150), 8 * (1 + below(20)), CU_BF16, below(2),
                random_epilogue(false));
    return done();
}
