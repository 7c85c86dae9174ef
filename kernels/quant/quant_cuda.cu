// quant_cuda.cu - instances and launchers of quantisation.
#include "kernels/cuda/launch.cuh"
#include "kernels/quant/quant_sm80.cuh"

static quant_how how_of(const void *scale, const void *zero, const cu_quant_grid &g, int x_dtype,
                        int scale_dtype, int y_dtype)
{
    quant_how h = {};
    h.scale = scale, h.zero = zero;
    h.x_dtype = x_dtype, h.scale_dtype = scale_dtype, h.y_dtype = y_dtype;
    h.scale_bytes = el_bytes(scale_dtype);
    h.grid.whole = g.n == 0, h.grid.blocked = g.block > 0;
    h.grid.n = cu_div_of((uint32_t)(g.n ? g.n : 1));
    h.grid.inner = cu_div_of((uint32_t)(g.inner ? g.inner : 1));
    h.grid.block = cu_div_of((uint32_t)(g.block ? g.block : 1));
    h.grid.blocks = (uint32_t)g.blocks;
    return h;
}

template <int S, int D, bool BACK>
static int run(const void *x, void *y, int64_t n, const quant_how &h, cu_stream s)
{
    const uint32_t each = QUANT_THREADS * QUANT_LOADS * 4;
    return cu_start(quant_k<S, D, BACK>, (uint32_t)(n / each + 1), QUANT_THREADS, 0, s, x, y,
                    (uint32_t)n, h);
}

extern "C" int cu_quantize(const cu_quantize_args *a, cu_stream s)
{
    quant_how h = how_of(a->scale, a->zero, a->grid, a->x_dtype, a->scale_dtype, a->y_dtype);
    h.precision = a->precision, h.saturate = a->saturate;
    h.single = a->precision == INGOT_F32 && el_kind_of(a->x_dtype) == EL_F32 &&
               el_kind_of(a->scale_dtype) == EL_F32;
    const int bits = el_bits(a->y_dtype);
    h.low = el_signed(a->y_dtype) ? -(double)(1 << (bits - 1)) : 0;
    h.high = h.low + (double)(1 << bits) - 1;
    if (a->n == 0) return 0;
    const bool two = el_bytes(a->y_dtype) == 2;
    switch (el_bytes(a->x_dtype)) {
    case 8:
        return two ? run<8, 2, false>(a->x, a->y, a->n, h, s)
                   : run<8, 1, false>(a->x, a->y, a->n, h, s);
    case 4:
        return two ? run<4, 2, false>(a->x, a->y, a->n, h, s)
                   : run<4, 1, false>(a->x, a->y, a->n, h, s);
    default:
        return two ? run<2, 2, false>(a->x, a->y, a->n, h, s)
                   : run<2, 1, false>(a->x, a->y, a->n, h, s);
    }
}

extern "C" int cu_dequantize(const cu_dequantize_args *a, cu_stream s)
{
    const quant_how h = how_of(a->scale, a->zero, a->grid, a->x_dtype, a->scale_dtype, a->y_dtype);
    if (a->n == 0) return 0;
    const bool wide = el_bytes(a->y_dtype) == 4;
    switch (el_bytes(a->x_dtype)) {
    case 4:
        return wide ? run<4, 4, true>(a->x, a->y, a->n, h, s)
                    : run<4, 2, true>(a->x, a->y, a->n, h, s);
    case 2:
        return wide ? run<2, 4, true>(a->x, a->y, a->n, h, s)
                    : run<2, 2, true>(a->x, a->y, a->n, h, s);
    default:
        return wide ? run<1, 4, true>(a->x, a->y, a->n, h, s)
                    : run<1, 2, true>(a->x, a->y, a->n, h, s);
    }
}

extern "C" int cu_dynamic_quantize(const cu_dynamic_quantize_args *a, cu_stream s)
{
    const int64_t want = a->n / (QUANT_THREADS * 16) + 1;
    const uint32_t most = CU_DYNAMIC_BLOCKS, blocks = want < most ? (uint32_t)want : most;
    const size_t smem = QUANT_THREADS / 32 * sizeof(float);
    const int status =
        cu_start(range_k, blocks, QUANT_THREADS, smem, s, a->x, a->part, (uint32_t)a->n);
    if (status) return status;
    return cu_start(dynamic_k, blocks, QUANT_THREADS, smem, s, a->x, (const float *)a->part, a->y,
                    a->scale, a->zero, (uint32_t)a->n, blocks);
}
