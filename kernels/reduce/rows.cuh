// rows.cuh - what kernels over rows share: values of all threads of a block joined in one order,
// and rows that are kept in registers.
#pragma once
#include "kernels/convert/element.cuh"

// ---- joining: every thread gets the same bits, whichever order warps run in ----
template <class T, class F> EL_INLINE T rows_warp(T v, F f)
{
#pragma unroll
    for (int d = 16; d; d >>= 1) v = f(v, px_shfl_xor(v, d));
    return v;
}

// `room`: shared memory for one T a warp, free again when this returns.
template <class T, class F> EL_INLINE T rows_block(T v, F f, T *room)
{
    const int warps = (int)blockDim.x / 32;
    v = rows_warp(v, f);
    if (threadIdx.x % 32 == 0) room[threadIdx.x / 32] = v;
    __syncthreads();
    v = room[0];
    for (int w = 1; w < warps; w++) v = f(v, room[w]);
    __syncthreads();
    return v;
}

// Over the LANES threads of a row: a warp, or the block.
template <int LANES, class T, class F> EL_INLINE T rows_join(T v, F f, T *room)
{
    if constexpr (LANES == 32)
        return rows_warp(v, f);
    else
        return rows_block(v, f, room);
}

template <class T> EL_INLINE T rows_max(T a, T b) { return a > b || a != a ? a : b; } // keeps NaN

// ---- a row of f32 computing type, elements of S bytes, in the registers of LANES threads ----
// Element e of a thread (0 <= e < 4 PACKS) is at(e) of the row: four neighbours by vectors where
// the row's length is a multiple of 4, else every LANES-th, so that loads coalesce either way.
template <int S, int LANES, int PACKS> struct rows_tile {
    enum { N = 4 * PACKS, MOST = N * LANES };
    float v[N];
    int n, lane;
    bool packs;

    EL_INLINE rows_tile(int n_, int lane_) : n(n_), lane(lane_), packs(n_ % 4 == 0) {}
    EL_INLINE int at(int e) const
    {
        return packs ? ((e >> 2) * LANES + lane) * 4 + (e & 3) : e * LANES + lane;
    }
    EL_INLINE void load(const void *row, int64_t from, int dtype, float fill)
    {
        if (packs) {
            el_pack<S> raw[PACKS] = {};
#pragma unroll
            for (int p = 0; p < PACKS; p++)
                if (at(4 * p) < n) raw[p] = el_load4<S>(row, from + at(4 * p), 1);
#pragma unroll
            for (int e = 0; e < N; e++) {
                const float x = el_code<float, S>::of(el_take<S>(raw[e >> 2]), dtype);
                v[e] = at(e) < n ? x : fill;
            }
            return;
        }
        typename el_raw<S>::type raw[N] = {};
#pragma unroll
        for (int e = 0; e < N; e++)
            if (e * LANES + lane < n) raw[e] = el_load<S>(row, from + e * LANES + lane);
#pragma unroll
        for (int e = 0; e < N; e++)
            v[e] = e * LANES + lane < n ? el_code<float, S>::of(raw[e], dtype) : fill;
    }
    EL_INLINE void store(void *row, int64_t from, int dtype)
    {
        if (packs) {
#pragma unroll
            for (int p = 0; p < PACKS; p++) {
                el_pack<S> out = {};
                if (at(4 * p) >= n) continue;
#pragma unroll
                for (int k = 0; k < 4; k++)
                    el_put<S>(out, el_code<float, S>::to(v[4 * p + k], dtype));
                el_store4<S>(row, from + at(4 * p), out);
            }
            return;
        }
#pragma unroll
        for (int e = 0; e < N; e++)
            if (e * LANES + lane < n)
                el_store<S>(row, from + e * LANES + lane, el_code<float, S>::to(v[e], dtype));
    }
    template <class F> EL_INLINE void each(F f)
    {
#pragma unroll
        for (int e = 0; e < N; e++)
            if (at(e) < n) f(v[e], at(e));
    }
};
