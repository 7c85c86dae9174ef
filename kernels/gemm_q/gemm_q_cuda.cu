// gemm_q_cuda.cu - instances and launchers of the sm_80 products with low-bit weights.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm_q/gemm_q_sm80.cuh"
#include "kernels/gemm_q/q_acts_sm80.cuh"

extern "C" int cu_q_acts(const cu_q_acts_args *a, cu_stream s)
{
    return cu_start(q_acts_sm80, dim3((unsigned)a->rows), ACTS_THREADS, ACTS_THREADS / 32 * 4, s,
                    *a);
}

namespace
{

// How many tokens a block has, and the tiles of k in a stage.
int tokens_of(int m) { return m <= 8 ? 8 : m <= 16 ? 16 : m <= 32 ? 32 : 64; }
int tiles_of(int tokens, int bits) { return tokens <= 16 ? 16 / bits : tokens <= 32 ? 2 : 1; }

// Blocks along the list of stages: as many as the device holds at once, and no more than stages.
int blocks_of(int m, int n, int k, int bits)
{
    const int tokens = tokens_of(m), kt = tiles_of(tokens, bits), each = tokens <= 32 ? 4 : 3;
    const int64_t all = (int64_t)(n / 64) * ((k / 64 + kt - 1) / kt);
    const int rows = (m + tokens - 1) / tokens, room = cu_this_chip().processors * each;
    const int64_t fit = room > rows ? room / rows : 1;
    return (int)(all < fit ? all : fit);
}

template <int BITS, bool FINE, bool OFFSET, int NT, int KT>
int run(const cu_gemm_q_args *a, cu_stream s)
{
    constexpr int ST = 4;
    const dim3 grid((unsigned)blocks_of(a->m, a->w.n, a->w.k, BITS),
                    (unsigned)((a->m + NT - 1) / NT));
    return cu_start(gemm_q_sm80<BITS, FINE, OFFSET, NT, KT, ST>, grid, 128,
                    QShape<BITS, NT, KT, ST>::smem + 16, s, a->w, a->x, a->factor, a->m, a->rows,
                    a->finish, a->partial, a->tickets);
}

template <int BITS, bool FINE, bool OFFSET> int run_tokens(const cu_gemm_q_args *a, cu_stream s)
{
    switch (tokens_of(a->m)) {
    case 8:
        return run<BITS, FINE, OFFSET, 8, 16 / BITS>(a, s);
    case 16:
        return run<BITS, FINE, OFFSET, 16, 16 / BITS>(a, s);
    case 32:
        return run<BITS, FINE, OFFSET, 32, 2>(a, s);
    default:
        return run<BITS, FINE, OFFSET, 64, 1>(a, s);
    }
}

template <int BITS> int run_form(const cu_gemm_q_args *a, cu_stream s)
{
    const bool fine = a->w.group_log2 < 6;
    if (a->w.offsets)
        return fine ? run_tokens<BITS, true, true>(a, s) : run_tokens<BITS, false, true>(a, s);
    return fine ? run_tokens<BITS, true, false>(a, s) : run_tokens<BITS, false, false>(a, s);
}

} // namespace

extern "C" size_t cu_gemm_q_scratch(int m, int n, int k, int bits)
{
    const size_t tokens = (size_t)tokens_of(m), rows = ((size_t)m + tokens - 1) / tokens;
    return rows * (size_t)blocks_of(m, n, k, bits) * 2 * 64 * tokens;
}

extern "C" size_t cu_gemm_q_tickets(int m, int n)
{
    const int tokens = tokens_of(m);
    return (size_t)((m + tokens - 1) / tokens) * (size_t)(n / 64);
}

extern "C" int cu_gemm_q(const cu_gemm_q_args *a, cu_stream s)
{
    if (a->m == 0 || a->w.n == 0) return 0;
    return a->w.bits == 4 ? run_form<4>(a, s) : run_form<8>(a, s);
}
