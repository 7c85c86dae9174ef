// gemm_i8_cuda.cu - instances and launchers of the sm_80 products of bytes.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm_i8/gemm_i8_sm80.cuh"

namespace
{
template <int BM, int BN, int BK, int ST> int run(const cu_gemm_i8_args *g, cu_stream s)
{
    const int tiles = (g->m + BM - 1) / BM * ((g->n + BN - 1) / BN);
    return cu_start(gemm_i8_sm80<BM, BN, BK, ST>, dim3((unsigned)tiles, 1, (unsigned)g->batch), 128,
                    i8_shared<BM, BN, BK, ST>(), s, *g);
}
} // namespace

extern "C" const char *cu_gemm_i8_name(cu_i8_variant v)
{
    static const char *const names[CU_I8_VARIANTS] = {"gemm_i8", "gemm_i8_sm80_64x64",
                                                      "gemm_i8_sm80_128x128", "gemm_i8_sm90"};
    return names[v];
}

extern "C" int cu_gemm_i8_variants(cu_i8_variant *out, int most, const cu_gemm_i8_args *g)
{
    cu_i8_variant all[3];
    int n = 0;
    // A small tile where the large ones would leave processors without work.
    const int64_t large = (int64_t)((g->m + 127) / 128) * ((g->n + 127) / 128) * g->batch;
    const bool small = g->m <= 64 || g->n <= 64 || large < cu_this_chip().processors;
    if (cu_this_chip().cc == 90 && g->batch == 1 && g->m > 64 && g->n > 64 && g->k > 64)
        all[n++] = CU_I8_W;
    all[n++] = small ? CU_I8_T64 : CU_I8_T128;
    all[n++] = small ? CU_I8_T128 : CU_I8_T64;
    for (int i = 0; i < n && i < most; i++) out[i] = all[i];
    return n < most ? n : most;
}

extern "C" int cu_gemm_i8(const cu_gemm_i8_args *g, cu_stream s)
{
    cu_i8_variant v = g->variant;
    if (g->m == 0 || g->n == 0 || g->batch == 0) return 0;
    if (v == CU_I8_MODEL) (void)cu_gemm_i8_variants(&v, 1, g);
    if (v == CU_I8_W && (g->a_signed || g->a_ready)) return cu_gemm_i8_sm90(g, s);
    return cu_gemm_i8_sm80(g, s);
}

extern "C" int cu_gemm_i8_sm80(const cu_gemm_i8_args *g, cu_stream s)
{
    if (g->m == 0 || g->n == 0 || g->batch == 0) return 0;
    cu_i8_variant v[3] = {g->variant, CU_I8_MODEL, CU_I8_MODEL};
    if (v[0] == CU_I8_MODEL) (void)cu_gemm_i8_variants(v, 3, g);
    const cu_i8_variant tile = v[0] == CU_I8_W ? v[1] : v[0];
    return tile == CU_I8_T128 ? run<128, 128, 64, 4>(g, s) : run<64, 64, 128, 3>(g, s);
}

extern "C" int cu_i8_rows(const cu_i8_rows_args *a, cu_stream s)
{
    const int64_t rows = (int64_t)a->rows * a->matrices;
    if (rows == 0) return 0;
    if (a->x_row == 1 && a->x_col != 1 && a->y) {
        const dim3 grid((unsigned)(a->rows + 63) / 64, (unsigned)(a->pitch + 63) / 64,
                        (unsigned)a->matrices);
        const int status = cu_start(i8_turn_sm80, grid, 256, 64 * 68, s, *a);
        if (status || !a->sums) return status;
        cu_i8_rows_args out = *a; // its sums, of what came out
        out.x = a->y;
        out.step = (int64_t)a->rows * a->pitch;
        out.x_row = a->pitch;
        out.x_col = 1;
        out.is_signed = 1;
        out.y = nullptr;
        return cu_start(i8_rows_sm80, dim3((unsigned)((rows + 7) / 8)), 256, 0, s, out);
    }
    return cu_start(i8_rows_sm80, dim3((unsigned)((rows + 7) / 8)), 256, 0, s, *a);
}
