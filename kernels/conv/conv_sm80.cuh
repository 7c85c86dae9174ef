// conv_sm80.cuh - convolution as a matrix product whose one operand is gathered while it is copied
// (implicit GEMM): a ring of stages that cp.async fills, ldmatrix, mma.sync with f32 sums.
//
// A tile has PT pixels and WT output channels; k runs over taps, then channels. A thread copies the
// same 16 bytes of k of several pixels: it divides k by the channels once a step, and each pixel
// costs two additions and two comparisons against the edges of the image; what lies outside is
// zero-filled by cp.async. The loop over the ring, the shared sums (split K) and the epilogue are
// those of gemm_sm80.cuh. Bytes in flight: 48 KB a block of 128 x 128 x 32 with 4 stages.
//
// Split operands (f32 as three bf16 planes h + m + l, exact): step t is product t % 6 of a K block,
// from the smallest: (l h), (m m), (h l), (m h), (h m), (h h). What is left out is below 2^-24 of
// the product of the sizes.
//
// PLANES: channels are the rows of the tile and pixels of one image its columns, so that results
// are stored as [n, m, pixels]; else pixels of all images are the rows.
#pragma once
#include "kernels/conv/conv_cuda.h"
#include "kernels/cuda/index.cuh"
#include "kernels/gemm/gemm_sm80.cuh"

enum { CONV_BK = 32, CONV_STAGES = 4 };

// Planes of rows and columns in the six products, four bits each.
constexpr uint32_t SPLIT_A = 0x001012, SPLIT_B = 0x010210;
constexpr int SPLIT_TERMS = 6, SPLIT_PLANES = 3;

// What the launch adds to the arguments.
struct conv_plan {
    gemm_plan split;
    int pixels; // of a product: of one image (PLANES) or of all
    int tiles_p, tiles_w;
    cu_div in_c, kw, out_w, out_pixels;
    int64_t room_at; // bytes of tickets before the sums
};

// Channels in rows, pixels in columns: the bias is one a row.
template <class C, int BM, int BN>
__device__ void tile_to_planes(const float *tile, const cu_gemm_out &o, int m0, int n0, int m,
                               int n, int thread, int threads)
{
    constexpr int V = PER16<C>, PER = BN / V;
    typedef typename C::raw raw;
    const bool wide = (uintptr_t)o.c % 16 == 0 && n % V == 0,
               wide_r = (uintptr_t)o.residual % 16 == 0 && n % V == 0;
#pragma unroll 1
    for (int i = thread; i < BM * PER; i += threads) {
        const int r = i / PER, at = i % PER * V;
        if (m0 + r >= m || n0 + at >= n) continue;
        const float bias = o.bias ? C::widen(((const raw *)o.bias)[m0 + r]) : 0.f;
        float v[V];
#pragma unroll
        for (int q = 0; q < V; q += 4) {
            const float4 t = *(const float4 *)(tile + tile_at<BN>(r, at + q));
            v[q] = t.x + bias, v[q + 1] = t.y + bias, v[q + 2] = t.z + bias, v[q + 3] = t.w + bias;
        }
        const int64_t row = (int64_t)(m0 + r) * n;
        if (o.residual) add_row<C, V>(v, (const raw *)o.residual + row, n0 + at, n, wide_r);
        act_apply<V>(o.act, o.act_a, o.act_b, v);
        store_row<C, V>(v, (raw *)o.c + row, n0 + at, n, wide);
    }
}

template <class T, class C, bool PLANES, int BM, int BN>
__global__ void __launch_bounds__(128)
    conv_sm80(const __grid_constant__ cu_conv_args g, const __grid_constant__ conv_plan plan)
{
    constexpr int BK = CONV_BK, ST = CONV_STAGES, PT = PLANES ? BN : BM, WT = PLANES ? BM : BN;
    constexpr int CH = BK / 8, ROWS = 128 / CH, NP = PT / ROWS, NW = WT / ROWS;
    IGT_SMEM(smem);
    uint16_t *sp = (uint16_t *)smem, *sw = sp + ST * PT * BK;
    const int tid = threadIdx.x;
    const cu_conv_window &o = g.window;
    const int tiles = plan.tiles_p * plan.tiles_w, part = blockIdx.x / tiles;
    const int group = PLANES ? part % g.groups : part, image = PLANES ? part / g.groups : 0;
    int ip, iw;
    walk<8>(blockIdx.x % tiles, plan.tiles_p, plan.tiles_w, ip, iw);
    const int p0 = ip * PT, w0 = iw * WT;
    const int taps = o.kh * o.kw, terms = g.split ? SPLIT_TERMS : 1;
    const int steps = (taps * g.in_c + BK - 1) / BK * terms,
              first = blockIdx.y * plan.split.split_steps,
              kt = min(steps - first, plan.split.split_steps);

    // This thread copies chunk `ch` of rows r0, r0 + ROWS, ... of both tiles.
    const int r0 = tid / CH, ch = tid % CH;
    int image_at[NP], y_at[NP], x_at[NP]; // of the pixel's image, in pieces of 16 bytes
    const uint16_t *x = (const uint16_t *)g.x + image * g.x_image + group * g.x_group;
#pragma unroll
    for (int i = 0; i < NP; i++) {
        uint32_t p = (uint32_t)(p0 + r0 + i * ROWS), n = 0;
        const bool there = p < (uint32_t)plan.pixels;
        if (!there) p = 0;
        if (!PLANES) {
            n = p;
            p = cu_remainder(n, plan.out_pixels);
        }
        uint32_t row = p;
        const uint32_t col = cu_remainder(row, plan.out_w);
        image_at[i] = (int)(n * (g.x_image / 8));
        y_at[i] = there ? (int)row * o.stride_h - o.pad_top : INT32_MIN / 2;
        x_at[i] = (int)col * o.stride_w - o.pad_left;
    }
    const int planes = g.split ? SPLIT_PLANES : 1, w_tap = planes * g.in_c;
    const uint16_t *w = (const uint16_t *)g.w + (int64_t)(group * g.out_c + w0 + r0) * taps * w_tap;
    int kb = first / terms, term = first % terms; // of the next step to copy
    auto load = [&](int st) {
        uint32_t tap = (uint32_t)(kb * BK + ch * 8);
        const int c = (int)cu_remainder(tap, plan.in_c);
        uint32_t ky = tap;
        const int dx = (int)cu_remainder(ky, plan.kw) * o.dilation_w, dy = (int)ky * o.dilation_h;
        const bool in_k = (int)tap < taps;
        int px = c, pw = c;
        if (terms > 1) {
            const int a = PLANES ? SPLIT_B >> term * 4 & 3 : SPLIT_A >> term * 4 & 3,
                      b = PLANES ? SPLIT_A >> term * 4 & 3 : SPLIT_B >> term * 4 & 3;
            px += a * g.in_c;
            pw += b * g.in_c;
        }
#pragma unroll
        for (int i = 0; i < NP; i++) {
            const int yy = y_at[i] + dy, xx = x_at[i] + dx;
            const bool ok =
                in_k && (uint32_t)yy < (uint32_t)o.in_h && (uint32_t)xx < (uint32_t)o.in_w;
            px_cp16(sp + st * PT * BK + gemm_swz<BK>(r0 + i * ROWS, ch),
                    ok ? x + (int64_t)image_at[i] * 8 + (int64_t)(yy * o.in_w + xx) * g.x_pixel + px
                       : x,
                    ok ? 16 : 0);
        }
#pragma unroll
        for (int i = 0; i < NW; i++) {
            const bool ok = in_k && w0 + r0 + i * ROWS < g.out_c;
            px_cp16(sw + st * WT * BK + gemm_swz<BK>(r0 + i * ROWS, ch),
                    ok ? w + (int64_t)(i * ROWS * taps + (int)tap) * w_tap + pw : w, ok ? 16 : 0);
        }
        if (++term == terms) term = 0, kb++;
    };
    float acc[BM * BN / 128];
    ring_sums<T, BM, BN, BK, ST>(acc, PLANES ? sw : sp, PLANES ? sp : sw, kt, load);
    float *tile = (float *)smem; // where the ring was
    if (plan.split.splits > 1 &&
        !join_splits<BM * BN / 128, 128>(acc,
                                         (float *)((char *)g.room + plan.room_at) +
                                             (int64_t)blockIdx.x * plan.split.splits * BM * BN,
                                         (int *)g.room + blockIdx.x, blockIdx.y, plan.split.splits,
                                         (int *)(smem + BM * BN * 4)))
        return;
    sums_to_tile<BM, BN>(tile, acc);
    typedef typename C::raw raw;
    cu_gemm_out out = g.out;
    const int64_t at = PLANES ? (int64_t)part * g.out_c * plan.pixels : (int64_t)group * g.out_c;
    out.c = (raw *)out.c + at;
    if (out.residual) out.residual = (const raw *)out.residual + at;
    if (out.bias) out.bias = (const raw *)out.bias + group * g.out_c;
    if constexpr (PLANES)
        tile_to_planes<C, BM, BN>(tile, out, w0, p0, g.out_c, plan.pixels, tid, 128);
    else
        tile_to_c<C, BM, BN>(tile, out, p0, w0, plan.pixels, g.out_c, tid, 128);
}
