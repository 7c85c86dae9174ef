// conv_cuda.cu - instances and launchers of convolutions.
#include "kernels/conv/conv_direct_sm80.cuh"
#include "kernels/conv/conv_sm80.cuh"
#include "kernels/copy/copy_cuda.h"
#include "kernels/cuda/launch.cuh"

enum { BIG = 128, SMALL = 64, MOST_SPLITS = 8, LEAST_STEPS = 8 /* of K a block */ };

static int tiles(int64_t n, int each) { return (int)((n + each - 1) / each); }

// How a convolution is cut; `big`: tiles of 128 x 128, where they fill the chip.
struct choice {
    bool big;
    conv_plan plan;
    int64_t blocks, steps;
};

static choice choose(const cu_conv_args *a)
{
    const cu_conv_window *o = &a->window;
    const int processors = cu_this_chip().processors;
    const int64_t area = (int64_t)o->out_h * o->out_w;
    const int64_t products = (int64_t)a->groups * (a->planes ? o->batch : 1);
    choice c = {};
    c.plan.pixels = (int)(a->planes ? area : area * o->batch);
    c.steps =
        ((int64_t)o->kh * o->kw * a->in_c + CONV_BK - 1) / CONV_BK * (a->split ? SPLIT_TERMS : 1);
    const int64_t big = products * tiles(c.plan.pixels, BIG) * tiles(a->out_c, BIG);
    c.big = big >= processors && a->out_c > SMALL && c.plan.pixels > SMALL;
    const int side = c.big ? BIG : SMALL;
    c.plan.tiles_p = tiles(c.plan.pixels, side);
    c.plan.tiles_w = tiles(a->out_c, side);
    c.blocks = products * c.plan.tiles_p * c.plan.tiles_w;
    int64_t splits = 1;
    if (c.blocks < processors) { // at most MOST_SPLITS, of LEAST_STEPS or more each
        const int64_t most =
            c.steps / LEAST_STEPS < MOST_SPLITS ? c.steps / LEAST_STEPS : +MOST_SPLITS;
        splits = processors / (c.blocks ? c.blocks : 1);
        splits = splits < most ? splits : most;
    }
    splits = splits < 1 ? 1 : splits;
    c.plan.split.split_steps = (int)((c.steps + splits - 1) / splits);
    c.plan.split.splits =
        (int)((c.steps + c.plan.split.split_steps - 1) / c.plan.split.split_steps);
    c.plan.room_at = (c.blocks * (int64_t)sizeof(int) + 255) / 256 * 256;
    c.plan.in_c = cu_div_of((uint32_t)a->in_c);
    c.plan.kw = cu_div_of((uint32_t)o->kw);
    c.plan.out_w = cu_div_of((uint32_t)o->out_w);
    c.plan.out_pixels = cu_div_of((uint32_t)area);
    return c;
}

extern "C" size_t cu_conv_room(const cu_conv_args *a)
{
    const choice c = choose(a);
    const int side = c.big ? BIG : SMALL;
    if (c.plan.split.splits == 1) return 0;
    return (size_t)c.plan.room_at +
           (size_t)c.blocks * (size_t)c.plan.split.splits * side * side * sizeof(float);
}

template <class T, class C, bool PLANES, int SIDE>
static int run(const cu_conv_args *a, const choice &c, cu_stream s)
{
    return cu_start(conv_sm80<T, C, PLANES, SIDE, SIDE>,
                    dim3((unsigned)c.blocks, (unsigned)c.plan.split.splits), 128,
                    gemm_sm80_smem<SIDE, SIDE, CONV_BK, CONV_STAGES>(), s, *a, c.plan);
}

template <class T, class C, bool PLANES>
static int run(const cu_conv_args *a, const choice &c, cu_stream s)
{
    return c.big ? run<T, C, PLANES, BIG>(a, c, s) : run<T, C, PLANES, SMALL>(a, c, s);
}

extern "C" int cu_conv(const cu_conv_args *a, cu_stream s)
{
    cu_conv_args g = *a;
    choice c = choose(a);
    if (!c.blocks) return 0;
    if (c.blocks > CU_MOST) return CU_INVALID;
    g.out.alpha = 1;
    g.out.ldc = g.out.ld_residual = (int64_t)a->groups * a->out_c;
    g.out.gated = false;
    g.out.columns = a->out_c;
    if (!a->room) c.plan.split.splits = 1, c.plan.split.split_steps = (int)c.steps;
    if (c.plan.split.splits > 1) { // tickets
        const cu_fill_args zero = {a->room, 4, c.blocks, {0, 0}};
        if (const int e = cu_fill(&zero, s)) return e;
    }
    if (!a->planes)
        return a->type == CU_BF16 && a->c_type == CU_F32 ? run<Bf16, F32, false>(&g, c, s)
                                                         : CU_INVALID;
    if (a->type == CU_BF16)
        return a->c_type == CU_F32 ? run<Bf16, F32, true>(&g, c, s)
                                   : run<Bf16, Bf16, true>(&g, c, s);
    return a->c_type == CU_F16 ? run<F16, F16, true>(&g, c, s) : CU_INVALID;
}

// ---- without matrix units ----

extern "C" int cu_conv_direct(const cu_conv_direct_args *a, cu_stream s)
{
    int64_t pixels = 1;
    for (int d = 0; d < a->spatial; d++) pixels *= a->out[d];
    const int64_t total = a->images * a->groups * a->out_c * pixels;
    if (!total) return 0;
    if (total > CU_MOST) return CU_INVALID;
    const cu_div by[3] = {cu_div_of((uint32_t)a->out_c), cu_div_of((uint32_t)a->groups),
                          cu_div_of((uint32_t)pixels)};
    const unsigned blocks = (unsigned)((total + DIRECT_THREADS - 1) / DIRECT_THREADS);
    if (a->type == NB_F64)
        return cu_start(conv_direct<double>, blocks, DIRECT_THREADS, 0, s, *a, by[0], by[1], by[2],
                        (uint32_t)total);
    return cu_start(conv_direct<float>, blocks, DIRECT_THREADS, 0, s, *a, by[0], by[1], by[2],
                    (uint32_t)total);
}

template <int V> static int depthwise(const cu_conv_dw_args *a, cu_stream s)
{
    const cu_conv_window *o = &a->window;
    const int64_t total = (int64_t)o->batch * o->out_h * o->out_w * (a->channels / V);
    if (!total) return 0;
    if (total > CU_MOST) return CU_INVALID;
    return cu_start(conv_dw<V>, (unsigned)((total + DIRECT_THREADS - 1) / DIRECT_THREADS),
                    DIRECT_THREADS, 0, s, *a, cu_div_of((uint32_t)(a->channels / V)),
                    cu_div_of((uint32_t)o->out_w), cu_div_of((uint32_t)o->out_h), (uint32_t)total);
}

extern "C" int cu_conv_dw(const cu_conv_dw_args *a, cu_stream s)
{
    const uintptr_t all = (uintptr_t)a->x | (uintptr_t)a->w | (uintptr_t)a->bias |
                          (uintptr_t)a->residual | (uintptr_t)a->y;
    return a->channels % 4 == 0 && all % 16 == 0 ? depthwise<4>(a, s) : depthwise<1>(a, s);
}
