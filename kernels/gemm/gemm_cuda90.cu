// gemm_cuda90.cu - instances and launcher of Hopper's products of 16-bit floats.
#include "kernels/cuda/launch_as.cuh"
#include "kernels/gemm/gemm_pick_cuda.h"
#include "kernels/gemm/gemm_sm90.cuh"
#include "kernels/gemm/gemm_thin_sm90.cuh"

// Rows of an operand in boxes of `box_rows` x 64; step 0: one matrix for the whole batch.
static int map_of(igt_tmap *map, const cu_gemm_args *g, const void *base, int64_t rows, int64_t ld,
                  int64_t step, int box_rows)
{
    const uint64_t count = step ? (uint64_t)cu_gemm_batch_count(&g->batch) : 1;
    return cu_tmap_3d(map, base, 2, count, (uint64_t)rows, (uint64_t)g->k,
                      (uint64_t)(step ? step : rows * ld) * 2, (uint64_t)ld * 2, (uint32_t)box_rows,
                      H_BK, true);
}
static int64_t step_of(const cu_gemm_args *g, const int64_t *step)
{
    return g->batch.rank ? step[0] : 0;
}

// Can TMA store c, and is nothing asked for that the boxes lack?
static bool boxes_do(const cu_gemm_args *g)
{
    const cu_gemm_out *o = &g->out;
    return g->c_type != CU_F32 && !o->gated && !o->residual &&
           (o->act == CU_ACT_none || o->act == CU_ACT_relu) && (uintptr_t)o->c % 16 == 0 &&
           o->ldc % 8 == 0 && (!g->batch.rank || g->batch.c_step % 8 == 0);
}

template <class T, class C, int BN, int ST, bool PING, int CL>
static int run(const cu_gemm_args *g, const cu_gemm_choice *c, cu_stream s)
{
    const int64_t tiles = ((int64_t)g->m + CL * H_BM - 1) / (CL * H_BM) *
                          (((int64_t)g->n + BN - 1) / BN) * cu_gemm_batch_count(&g->batch);
    const int processors = cu_this_chip().processors;
    igt_tmap ta, tb, tc = {};
    gemm90_plan plan = {};
    if (tiles > INT32_MAX) return CU_INVALID;
    int e = map_of(&ta, g, g->a, g->m, g->lda, step_of(g, g->batch.a_step), H_BM);
    if (!e) e = map_of(&tb, g, g->b, g->n, g->ldb, step_of(g, g->batch.b_step), BN / CL);
    plan.boxes = boxes_do(g);
    if (!e && plan.boxes)
        e = cu_tmap_3d(&tc, g->out.c, 2, (uint64_t)cu_gemm_batch_count(&g->batch), (uint64_t)g->m,
                       (uint64_t)g->n,
                       (uint64_t)(g->batch.rank ? g->batch.c_step : g->m * g->out.ldc) * 2,
                       (uint64_t)g->out.ldc * 2, 64, 64, true);
    if (e) return e;
    const int most = processors / CL;
    plan.blocks = (c->cut_steps || tiles > most ? most : (int)tiles) * CL;
    plan.cut_steps = c->cut_steps;
    plan.whole = c->cut_steps ? c->whole : (int)tiles;
    return cu_start_clusters(CL, gemm_sm90<T, C, BN, ST, PING, CL>, dim3((unsigned)plan.blocks),
                             384, gemm_sm90_smem<BN, ST>(), s, ta, tb, tc, *g, plan, (int)tiles);
}

template <class T, class C, int NA, int ST>
static int run_thin(const cu_gemm_args *g, const cu_gemm_choice *c, cu_stream s)
{
    const int64_t tiles = ((int64_t)g->m + NA - 1) / NA *
                          (((int64_t)g->n + THIN_BN - 1) / THIN_BN) *
                          cu_gemm_batch_count(&g->batch);
    const gemm_plan plan = {c->splits, c->split_steps};
    igt_tmap ta, tb;
    if (tiles > INT32_MAX) return CU_INVALID;
    int e = map_of(&ta, g, g->a, g->m, g->lda, step_of(g, g->batch.a_step), NA);
    if (!e) e = map_of(&tb, g, g->b, g->n, g->ldb, step_of(g, g->batch.b_step), THIN_BN);
    if (e) return e;
    return cu_start_ahead(gemm_thin_sm90<T, C, NA, ST>,
                          dim3((unsigned)tiles, (unsigned)plan.splits), THIN_CONSUMERS + 32,
                          gemm_thin_smem<NA, ST>(), s, ta, tb, *g, plan);
}

template <class T, class C>
static int run_variant(const cu_gemm_args *g, const cu_gemm_choice *c, cu_stream s)
{
    switch (c->variant) {
    case CU_GEMM_COOPERATIVE:
    case CU_GEMM_STREAM_K:
        return run<T, C, 256, 4, false, 1>(g, c, s);
    case CU_GEMM_CLUSTER:
        return run<T, C, 256, 4, false, 2>(g, c, s);
    case CU_GEMM_PING_PONG:
        return run<T, C, 128, 6, true, 1>(g, c, s);
    case CU_GEMM_THIN16:
        return run_thin<T, C, 16, 5>(g, c, s);
    case CU_GEMM_THIN32:
        return run_thin<T, C, 32, 5>(g, c, s);
    case CU_GEMM_THIN64:
        return run_thin<T, C, 64, 4>(g, c, s);
    case CU_GEMM_THIN128:
        return run_thin<T, C, 128, 6>(g, c, s);
    default:
        return CU_INVALID;
    }
}

extern "C" int cu_gemm_hopper(const cu_gemm_args *g, const cu_gemm_choice *c, cu_stream s)
{
    if (g->type == CU_F16)
        return g->c_type == CU_F32 ? run_variant<F16, F32>(g, c, s)
                                   : run_variant<F16, F16>(g, c, s);
    return g->c_type == CU_F32 ? run_variant<Bf16, F32>(g, c, s) : run_variant<Bf16, Bf16>(g, c, s);
}
