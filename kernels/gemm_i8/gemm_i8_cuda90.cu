// gemm_i8_cuda90.cu - the product of bytes on Hopper's wgmma.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm_i8/bytes_sm90.cuh"
#include "kernels/gemm_i8/finish_sm80.cuh"

namespace
{
struct I8 {
    typedef cu_gemm_i8_args Args;
#if defined(IGT_EMU) || defined(IGT_SM90A)
    template <int R>
    static __device__ __forceinline__ void mma(int (&d)[R], uint64_t a, uint64_t w, bool keep)
    {
        px_wgmma_s8(d, a, w, keep);
    }
#endif
    static __device__ __forceinline__ void finish(const Args &g, int m, int n, int sum)
    {
        i8_finish(g, 0, 0, 0, m, n, sum);
    }
};
} // namespace

extern "C" int cu_gemm_i8_sm90(const cu_gemm_i8_args *g, cu_stream s)
{
    constexpr int BN = 256, ST = 4;
    igt_tmap ta, tw;
    int status = cu_tmap_2d(&ta, g->a, 1, (uint64_t)g->m, (uint64_t)g->k, (uint64_t)g->lda, B8_BM,
                            B8_BK, true);
    if (!status)
        status = cu_tmap_2d(&tw, g->w, 1, (uint64_t)g->n, (uint64_t)g->k, (uint64_t)g->ldw, BN,
                            B8_BK, true);
    if (status) return status;
    const int tiles = (g->m + B8_BM - 1) / B8_BM * ((g->n + BN - 1) / BN);
    const int room = cu_this_chip().processors;
    return cu_start(gemm_bytes_sm90<I8, BN, ST>, dim3((unsigned)(tiles < room ? tiles : room)), 384,
                    b8_shared<BN, ST>(), s, ta, tw, *g, g->m, g->n, g->k);
}
