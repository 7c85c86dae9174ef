// conv_i8_cuda.cu - launchers of the convolution of bytes.
#include "kernels/conv_i8/conv_i8_sm80.cuh"
#include "kernels/cuda/launch.cuh"

extern "C" int cu_conv_i8_cast(const cu_conv_i8_cast_args *a, cu_stream s)
{
    const int64_t total = a->batch * a->pixels * a->groups * a->ld;
    if (!total) return 0;
    if (total > CU_MOST) return CU_INVALID;
    return cu_start(conv_i8_cast, (unsigned)((total + I8_CAST_THREADS - 1) / I8_CAST_THREADS),
                    I8_CAST_THREADS, 0, s, *a, cu_div_of((uint32_t)a->ld),
                    cu_div_of((uint32_t)a->groups), cu_div_of((uint32_t)a->pixels),
                    (uint32_t)total);
}

extern "C" int cu_conv_i8(const cu_conv_i8_args *a, cu_stream s)
{
    const cu_conv_window *o = &a->window;
    const int64_t area = (int64_t)o->out_h * o->out_w, pixels = area * o->batch;
    const int tiles_p = (int)((pixels + I8_SIDE - 1) / I8_SIDE),
              tiles_w = (a->out_c + I8_SIDE - 1) / I8_SIDE;
    const int64_t blocks = (int64_t)a->groups * tiles_p * tiles_w;
    if (!blocks) return 0;
    if (blocks > CU_MOST || pixels > CU_MOST) return CU_INVALID;
    if (const int e = cu_start(conv_i8_border, 1, 32, 0, s, *a)) return e;
    return cu_start(conv_i8_sm80, (unsigned)blocks, 128, 2 * I8_STAGES * I8_SIDE * I8_BK, s, *a,
                    cu_div_of((uint32_t)a->in_c), cu_div_of((uint32_t)o->kw),
                    cu_div_of((uint32_t)o->out_w), cu_div_of((uint32_t)area), (int)pixels, tiles_p,
                    tiles_w);
}
