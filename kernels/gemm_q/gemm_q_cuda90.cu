// gemm_q_cuda90.cu - products with low-bit weights and many tokens on Hopper's wgmma.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm_q/gemm_q_sm90.cuh"

namespace
{

template <int BITS, QKind KIND, int NT> int run(const cu_gemm_q_args *a, cu_stream s)
{
    const int items = (a->w.n / 64 + 1) / 2 * ((a->m + NT - 1) / NT);
    const int room = cu_this_chip().processors;
    return cu_start(gemm_q_sm90<BITS, KIND, NT>, dim3((unsigned)(items < room ? items : room)), 384,
                    QShape90<BITS, NT>::smem, s, *a);
}

template <int BITS, QKind KIND> int run_tokens(const cu_gemm_q_args *a, cu_stream s)
{
    cu_q_variant v = a->variant;
    if (v == CU_Q_MODEL) (void)cu_gemm_q_variants(&v, 1, a);
    return v == CU_Q_W256 ? run<BITS, KIND, 256>(a, s) : run<BITS, KIND, 128>(a, s);
}

} // namespace

extern "C" int cu_gemm_q_sm90(const cu_gemm_q_args *a, cu_stream s)
{
    if (a->w.bits == 16) return run_tokens<16, Q_PLAIN>(a, s);
    if (a->w.e4m3) return run_tokens<8, Q_E4M3>(a, s);
    if (a->w.bits == 8)
        return a->w.offsets ? run_tokens<8, Q_OFFSET>(a, s) : run_tokens<8, Q_PLAIN>(a, s);
    return a->w.offsets ? run_tokens<4, Q_OFFSET>(a, s) : run_tokens<4, Q_PLAIN>(a, s);
}
