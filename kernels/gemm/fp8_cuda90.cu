// fp8_cuda90.cu - the product of 8-bit floats on Hopper's wgmma: bytes_sm90.cuh with 128 x 128
// tiles, whose two sets of sums are 128 registers, and six stages of 32 KB. Sums are promoted every
// fourth stage, while the other warpgroup multiplies.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm/fp8_finish.cuh"
#include "kernels/gemm_i8/bytes_sm90.cuh"

namespace
{
struct E4m3 {
    typedef cu_gemm_fp8_args Args;
    typedef float Sum;
    static constexpr int PROMOTE = 4;
#if defined(IGT_EMU) || defined(IGT_SM90A)
    template <int R>
    static __device__ __forceinline__ void mma(float (&d)[R], uint64_t a, uint64_t w, bool keep)
    {
        px_wgmma_e4m3(d, a, w, keep);
    }
#endif
    static __device__ __forceinline__ void finish(const Args &g, int m, int n, float sum)
    {
        fp8_finish(g, m, n, sum);
    }
};
} // namespace

extern "C" int cu_gemm_fp8_sm90(const cu_gemm_fp8_args *g, cu_stream s)
{
    constexpr int BN = 128, ST = 6;
    igt_tmap ta, tw;
    int status = cu_tmap_2d(&ta, g->a, 1, (uint64_t)g->m, (uint64_t)g->k, (uint64_t)g->lda, B8_BM,
                            B8_BK, true);
    if (!status)
        status = cu_tmap_2d(&tw, g->w, 1, (uint64_t)g->n, (uint64_t)g->k, (uint64_t)g->ldw, BN,
                            B8_BK, true);
    if (status) return status;
    const int tiles = (g->m + B8_BM - 1) / B8_BM * ((g->n + BN - 1) / BN);
    const int room = cu_this_chip().processors;
    return cu_start(gemm_bytes_sm90<E4m3, BN, ST>, dim3((unsigned)(tiles < room ? tiles : room)),
                    384, b8_shared<BN, ST>(), s, ta, tw, *g, g->m, g->n, g->k);
}
