// chain_sm80.cuh - a chain of elementwise steps, read from a list in the launch's arguments.
//
// Bound by memory where chains are short: a thread has a pack of four neighbours of every input in
// flight, 16 bytes of f32, so that 1024 threads of a multiprocessor keep 16 KB of each input on
// their way: chains of two inputs and more fill the memory, those of one are bound by their steps.
// The list is run for one element at a time, so that each function is there once; a step takes
// about as many instructions as a kernel of its own would take for an element, and saves its
// reading and writing. Values between steps live in four registers (the latest and two that are
// kept) which steps select, so that no array is in memory.
#pragma once
#include "kernels/binary/binary_sm80.cuh"
#include "kernels/chain/chain_cuda.h"
#include "kernels/unary/functions.cuh"

enum { CHAIN_THREADS = 256 };

struct chain_pack {
    uint32_t w[4];
};

EL_INLINE chain_pack chain_load4(const void *p, int64_t at, int64_t step, int dtype)
{
    chain_pack v = {};
    if (dtype == INGOT_F32) {
        const el_pack<4> x = el_load4<4>(p, at, step);
#pragma unroll
        for (int i = 0; i < 4; i++) v.w[i] = x.w[i];
    } else if (dtype == INGOT_BOOL) {
        v.w[0] = el_load4<1>(p, at, step).w[0];
    } else {
        const el_pack<2> x = el_load4<2>(p, at, step);
        v.w[0] = x.w[0], v.w[1] = x.w[1];
    }
    return v;
}

// The first element; the others move down.
EL_INLINE float chain_take(chain_pack &v, int dtype)
{
    const uint32_t r = v.w[0];
    if (dtype == INGOT_F32) {
        v.w[0] = v.w[1], v.w[1] = v.w[2], v.w[2] = v.w[3];
        return px_float(r);
    }
    if (dtype == INGOT_BOOL) {
        v.w[0] >>= 8;
        return r & 0xffu ? 1.f : 0.f;
    }
    v.w[0] = r >> 16 | v.w[1] << 16;
    v.w[1] >>= 16;
    return el_code<float, 2>::of(r & 0xffffu, dtype);
}

EL_INLINE float chain_load(const void *p, int64_t at, int dtype)
{
    if (dtype == INGOT_F32) return px_float(el_load<4>(p, at));
    if (dtype == INGOT_BOOL) return el_load<1>(p, at) ? 1.f : 0.f;
    return el_code<float, 2>::of(el_load<2>(p, at), dtype);
}

EL_INLINE void chain_store(void *p, int64_t at, float v, int dtype)
{
    if (dtype == INGOT_F32)
        el_store<4>(p, at, px_bits(v));
    else if (dtype == INGOT_BOOL)
        el_store<1>(p, at, v != 0.f);
    else
        el_store<2>(p, at, el_code<float, 2>::to(v, dtype));
}

EL_INLINE float chain_one(const cu_chain_step &s, float a, float b, float c)
{
    switch (s.kind) {
    case CU_CHAIN_UNARY:
        return fn_real<float>(s.fn, a, s.p, s.q);
    case CU_CHAIN_BINARY:
        return bin_value<float>(s.fn, a, b, true, 0);
    case CU_CHAIN_TEST:
        return bin_test<float>(s.fn, a, b, true) ? 1.f : 0.f;
    case CU_CHAIN_CLIP:
        if (s.fn & 1 && a < s.p) a = s.p;
        return s.fn & 2 && s.q < a ? s.q : a;
    case CU_CHAIN_WHERE:
        return c != 0.f ? a : b;
    default:
        return a;
    }
}

EL_INLINE float chain_rounded(float v, int dtype)
{
    if (dtype == INGOT_F32 || dtype == INGOT_BOOL) return v;
    return el_code<float, 2>::of(el_code<float, 2>::to(v, dtype), dtype);
}

// The list on one element of each input.
EL_INLINE float chain_run(const cu_chain_args &g, const float (&x)[CU_OPERANDS])
{
    static_assert(CU_OPERANDS == 4 && CU_CHAIN_KEPT == 2, "what is selected from");
    float last = 0, kept0 = 0, kept1 = 0;
#pragma unroll 1
    for (int i = 0; i < g.n_steps; i++) {
        const cu_chain_step &s = g.steps[i];
        const auto from = [&](int place, float number) {
            float v = place == CU_CHAIN_NUMBER ? number : last;
            v = place == CU_CHAIN_KEPT_FIRST ? kept0 : v;
            v = place == CU_CHAIN_KEPT_FIRST + 1 ? kept1 : v;
#pragma unroll
            for (int k = 0; k < CU_OPERANDS; k++) v = place == k ? x[k] : v;
            return v;
        };
        const float r = chain_one(s, from(s.a, s.p), from(s.b, s.q), from(s.c, 0));
        last = chain_rounded(r, s.dtype);
        kept0 = s.keep == 1 ? last : kept0;
        kept1 = s.keep == 2 ? last : kept1;
    }
    return last;
}

__global__ void __launch_bounds__(CHAIN_THREADS)
    chain_k(uint32_t units, const __grid_constant__ cu_chain_args g)
{
    const uint32_t unit = cu_thread();
    float x[CU_OPERANDS] = {};
    if (unit < units) {
        chain_pack in[CU_OPERANDS] = {};
        int64_t at[CU_OPERANDS];
        cu_offsets(at, g.walk, unit * 4);
#pragma unroll
        for (int k = 0; k < CU_OPERANDS; k++)
            if (k < g.walk.n)
                in[k] = chain_load4(g.in[k], at[k], g.walk.stride[k][0], g.in_dtype[k]);
        el_pack<4> out = {}; // of any dtype, from the end
#pragma unroll 1
        for (int e = 0; e < 4; e++) {
#pragma unroll
            for (int k = 0; k < CU_OPERANDS; k++) x[k] = chain_take(in[k], g.in_dtype[k]);
            el_put<4>(out, px_bits(chain_run(g, x)));
        }
        const float y[4] = {px_float(out.w[0]), px_float(out.w[1]), px_float(out.w[2]),
                            px_float(out.w[3])};
        if (g.y_dtype == INGOT_F32) {
            el_store4<4>(g.y, (int64_t)unit * 4, out);
        } else if (g.y_dtype == INGOT_BOOL) {
            el_pack<1> narrow = {};
#pragma unroll
            for (int e = 0; e < 4; e++) el_put<1>(narrow, y[e] != 0.f);
            el_store4<1>(g.y, (int64_t)unit * 4, narrow);
        } else {
            el_pack<2> narrow = {};
#pragma unroll
            for (int e = 0; e < 4; e++) el_put<2>(narrow, el_code<float, 2>::to(y[e], g.y_dtype));
            el_store4<2>(g.y, (int64_t)unit * 4, narrow);
        }
    }
#pragma unroll 1
    for (uint32_t i = units * 4 + cu_thread(); i < g.walk.total; i += cu_threads()) {
        int64_t at[CU_OPERANDS];
        cu_offsets(at, g.walk, i);
#pragma unroll
        for (int k = 0; k < CU_OPERANDS; k++)
            if (k < g.walk.n) x[k] = chain_load(g.in[k], at[k], g.in_dtype[k]);
        chain_store(g.y, i, chain_run(g, x), g.y_dtype);
    }
}
