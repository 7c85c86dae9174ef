// gemm_q_cuda.cu - instances and launchers of the sm_80 products with low-bit weights.
#include "kernels/cuda/launch.cuh"
#include "kernels/gemm_q/gemm_q_sm80.cuh"
#include "kernels/gemm_q/q_acts_sm80.cuh"

extern "C" int cu_q_acts(const cu_q_acts_args *a, cu_stream s)
{
    constexpr int THREADS = 512;
    const dim3 grid((unsigned)a->rows);
    if (a->round == CU_Q_F8_ROWS || a->round == CU_Q_F8_GROUPS)
        return cu_start(q_acts_sm80<THREADS, true>, grid, THREADS, THREADS / 32 * 4, s, *a);
    return cu_start(q_acts_sm80<THREADS, false>, grid, THREADS, THREADS / 32 * 4, s, *a);
}

namespace
{

// How many tokens a block has, and the tiles of k in a stage.
int tokens_of(const cu_gemm_q_args *a)
{
    const int m = a->slots ? a->tokens : a->m, v = (int)a->variant;
    if (!a->slots && v >= CU_Q_T8 && v <= CU_Q_T64) return 8 << (v - CU_Q_T8);
    return m <= 8 ? 8 : m <= 16 ? 16 : m <= 32 ? 32 : 64;
}
constexpr int tiles_of(int tokens, int bits)
{
    return bits == 16 ? 1 : tokens <= 16 ? 16 / bits : tokens <= 32 ? 2 : 1;
}

// Blocks along the list of stages: as many as the device holds at once, and no more than stages.
dim3 grid_of(const cu_gemm_q_args *a)
{
    const int tokens = tokens_of(a), kt = tiles_of(tokens, a->w.bits);
    const int64_t all = (int64_t)(a->w.n / 64) * ((a->w.k / 64 + kt - 1) / kt);
    const int rows = a->slots ? a->max_slots : (a->m + tokens - 1) / tokens;
    // few: two blocks where x takes more than it leaves for three or four
    const int each = a->few && a->m * a->w.k > 4096 ? 2 : tokens <= 32 ? 4 : 3;
    const int room = cu_this_chip().processors * each;
    const int64_t fit = room > rows ? room / rows : 1;
    return dim3((unsigned)(all < fit ? all : fit), (unsigned)rows);
}

template <int BITS, bool FINE, QKind KIND, int NT, bool FEW>
int run(const cu_gemm_q_args *a, const cu_q_acts_args *x, cu_stream s)
{
    constexpr int ST = 4, KT = tiles_of(NT, BITS);
    const size_t raw = FEW ? (size_t)a->m * (size_t)a->w.k * 2 : 0;
    return cu_start(gemm_q_sm80<BITS, FINE, KIND, NT, KT, ST, FEW>, grid_of(a), 128,
                    QShape<BITS, FINE, KIND == Q_OFFSET, NT, KT, ST, FEW>::smem + raw, s, *a, *x);
}

template <int BITS, bool FINE, QKind KIND>
int run_tokens(const cu_gemm_q_args *a, const cu_q_acts_args *x, cu_stream s)
{
    if (a->few) return run<BITS, FINE, KIND, 8, true>(a, x, s);
    switch (tokens_of(a)) {
    case 8:
        return run<BITS, FINE, KIND, 8, false>(a, x, s);
    case 16:
        return run<BITS, FINE, KIND, 16, false>(a, x, s);
    case 32:
        return run<BITS, FINE, KIND, 32, false>(a, x, s);
    default:
        return run<BITS, FINE, KIND, 64, false>(a, x, s);
    }
}

template <int BITS> int run_form(const cu_gemm_q_args *a, const cu_q_acts_args *x, cu_stream s)
{
    const bool fine = a->w.group_log2 < 6;
    if (a->w.offsets)
        return fine ? run_tokens<BITS, true, Q_OFFSET>(a, x, s)
                    : run_tokens<BITS, false, Q_OFFSET>(a, x, s);
    return fine ? run_tokens<BITS, true, Q_PLAIN>(a, x, s)
                : run_tokens<BITS, false, Q_PLAIN>(a, x, s);
}

int run_bits(const cu_gemm_q_args *a, const cu_q_acts_args *x, cu_stream s)
{
    if (a->m == 0 || a->w.n == 0) return 0;
    switch (a->w.bits) {
    case 4:
        return run_form<4>(a, x, s);
    case 8:
        return a->w.e4m3 ? run_tokens<8, false, Q_E4M3>(a, x, s) : run_form<8>(a, x, s);
    default:
        return run_tokens<16, false, Q_PLAIN>(a, x, s);
    }
}

} // namespace

extern "C" size_t cu_gemm_q_scratch(const cu_gemm_q_args *a)
{
    if (a->variant >= CU_Q_W128) return 0;
    const dim3 grid = grid_of(a);
    return (size_t)grid.x * grid.y * 2 * 64 * (size_t)tokens_of(a) * sizeof(float);
}

extern "C" size_t cu_gemm_q_tickets(const cu_gemm_q_args *a)
{
    if (a->variant >= CU_Q_W128) return 0;
    return (size_t)grid_of(a).y * (size_t)(a->w.n / 64);
}

extern "C" const char *cu_gemm_q_name(cu_q_variant v)
{
    static const char *const names[CU_Q_VARIANTS] = {
        "gemm_q",         "gemm_q_few",      "gemm_q_sm80_8",   "gemm_q_sm80_16", "gemm_q_sm80_32",
        "gemm_q_sm80_64", "gemm_q_sm90_128", "gemm_q_sm90_256", "gemm_f8"};
    return names[v];
}

extern "C" int cu_gemm_q_variants(cu_q_variant *out, int most, const cu_gemm_q_args *a)
{
    enum { MANY = 64, MOST = 3 };
    const int m = a->m, tokens = m <= 8 ? 0 : m <= 16 ? 1 : m <= 32 ? 2 : 3;
    const bool wide = cu_this_chip().cc == 90 && a->w.n && a->w.k;
    // 256 tokens where that leaves no processor without work
    const int64_t items = (int64_t)(a->w.n / 64 + 1) / 2 * ((m + 255) / 256);
    const cu_q_variant own = (cu_q_variant)(CU_Q_T8 + tokens),
                       half = (cu_q_variant)(tokens ? own - 1 : own),
                       large =
                           m > 128 && items >= cu_this_chip().processors ? CU_Q_W256 : CU_Q_W128,
                       other = large == CU_Q_W256 ? CU_Q_W128 : CU_Q_W256;
    cu_q_variant all[MOST];
    int n = 0;
    if (cu_gemm_q_is_few(m, a->w.k)) all[n++] = CU_Q_FEW;
    if (m > MANY && wide) all[n++] = large;
    if (m > 128 && wide) all[n++] = other;
    all[n++] = own;
    if (n < MOST && half != own) all[n++] = half;
    if (n < MOST && wide && m > MANY / 2 && m <= MANY) all[n++] = CU_Q_W128;
    for (int i = 0; i < n && i < most; i++) out[i] = all[i];
    return n < most ? n : most;
}

extern "C" int cu_gemm_q(const cu_gemm_q_args *a, cu_stream s)
{
    cu_q_variant v = a->variant;
    if (v == CU_Q_F8) return CU_INVALID;
    if (v == CU_Q_MODEL && !a->slots) (void)cu_gemm_q_variants(&v, 1, a);
    return v >= CU_Q_W128 ? cu_gemm_q_sm90(a, s) : cu_gemm_q_sm80(a, s);
}

extern "C" int cu_gemm_q_sm80(const cu_gemm_q_args *a, cu_stream s)
{
    const cu_q_acts_args none = {};
    if (a->few) return CU_INVALID;
    return run_bits(a, &none, s);
}

extern "C" int cu_gemm_q_few(const cu_gemm_q_args *a, const cu_q_acts_args *x, cu_stream s)
{
    if (!a->few || a->slots || !cu_gemm_q_is_few(a->m, a->w.k)) return CU_INVALID;
    return run_bits(a, x, s);
}
