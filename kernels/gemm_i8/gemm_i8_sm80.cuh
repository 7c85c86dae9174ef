// Products of bytes on mma.sync m16n8k32: y = finish(a w^T), exact in 32 bits.
//
// The loop is that of the 16-bit products (gemm_sm80.cuh) with 16-byte pieces of bytes: cp.async
// into a ring of ST stages, ldmatrix, 4 warps in 2 x 2 that own BM/2 x BN/2 each. A stage of
// 128x128x64 is 16 KB, so four are 64 KB and two blocks fit a multiprocessor. Unsigned activations
// are made signed by a flip of their top bits on the way from shared memory: one logic instruction
// for every two (BN / 32) products.
#pragma once
#include "kernels/gemm_i8/finish_sm80.cuh"

template <int BK> __device__ __forceinline__ int i8_swizzle(int row, int chunk)
{ // BK: 64 or 128 bytes a row
    return row * BK + ((chunk ^ (row / (128 / BK) & (BK / 16 - 1))) * 16);
}

template <int BM, int BN, int BK, int ST> constexpr int i8_shared()
{
    const int ring = ST * (BM + BN) * BK, tile = BM * (BN + 4) * 4;
    return ring > tile ? ring : tile;
}

template <int BM, int BN, int BK, int ST>
__global__ void __launch_bounds__(128) gemm_i8_sm80(const cu_gemm_i8_args g)
{
    constexpr int MI = BM / 32, NI = BN / 16, CH = BK / 16;
    IGT_SMEM(smem);
    const int tid = threadIdx.x, lane = tid & 31, wm = (tid >> 5) & 1, wn = tid >> 6;
    // Tiles are walked in columns of 8 rows: blocks in flight share operands through L2.
    const int tm = (g.m + BM - 1) / BM, tn = (g.n + BN - 1) / BN, group = blockIdx.x / (8 * tn),
              gm = min(8, tm - group * 8), in = blockIdx.x % (8 * tn);
    const int m0 = (group * 8 + in % gm) * BM, n0 = in / gm * BN, kt = (g.k + BK - 1) / BK;
    int ia, iw;
    i8_batch(g, (int)blockIdx.z, ia, iw);
    const int8_t *a = (const int8_t *)g.a + ia * g.a_matrix, *w = g.w + iw * g.w_matrix;
    const uint32_t flip = g.a_signed || g.a_ready ? 0 : 0x80808080;

    auto load = [&](int st, int k0) {
        char *sa = smem + st * (BM + BN) * BK, *sw = sa + BM * BK;
#pragma unroll
        for (int i = tid; i < BM * CH; i += 128) {
            const int r = i / CH, c = i % CH, left = g.k - k0 - c * 16;
            const bool ok = m0 + r < g.m && left > 0;
            px_cp16(sa + i8_swizzle<BK>(r, c), ok ? a + (m0 + r) * g.lda + k0 + c * 16 : a,
                    ok ? min(left, 16) : 0);
        }
#pragma unroll
        for (int i = tid; i < BN * CH; i += 128) {
            const int r = i / CH, c = i % CH, left = g.k - k0 - c * 16;
            const bool ok = n0 + r < g.n && left > 0;
            px_cp16(sw + i8_swizzle<BK>(r, c), ok ? w + (n0 + r) * g.ldw + k0 + c * 16 : w,
                    ok ? min(left, 16) : 0);
        }
    };
    int acc[MI][NI][4];
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < NI; j++)
#pragma unroll
            for (int q = 0; q < 4; q++) acc[i][j][q] = 0;
#pragma unroll
    for (int s = 0; s < ST - 1; s++) {
        if (s < kt) load(s, s * BK);
        px_cp_commit();
    }
    for (int t = 0; t < kt; t++) {
        px_cp_wait<ST - 2>();
        __syncthreads(); // stage t is visible; stage t - 1 is free again
        if (t + ST - 1 < kt) load((t + ST - 1) % ST, (t + ST - 1) * BK);
        px_cp_commit();
        const char *pa = smem + t % ST * (BM + BN) * BK, *pw = pa + BM * BK;
#pragma unroll
        for (int kk = 0; kk < BK / 32; kk++) {
            uint32_t fa[MI][4], fw[NI / 2][4];
#pragma unroll
            for (int i = 0; i < MI; i++) {
                px_ldsm4(fa[i], pa + i8_swizzle<BK>(wm * BM / 2 + i * 16 + (lane & 15),
                                                    kk * 2 + (lane >> 4)));
#pragma unroll
                for (int q = 0; q < 4; q++) fa[i][q] ^= flip;
            }
#pragma unroll
            for (int j = 0; j < NI / 2; j++)
                px_ldsm4(fw[j],
                         pw + i8_swizzle<BK>(wn * BN / 2 + j * 16 + (lane & 7) + (lane >> 4) * 8,
                                             kk * 2 + (lane >> 3 & 1)));
#pragma unroll
            for (int i = 0; i < MI; i++)
#pragma unroll
                for (int j = 0; j < NI; j++) px_mma_s8(acc[i][j], fa[i], &fw[j / 2][(j & 1) * 2]);
        }
    }
    px_cp_wait<0>();
    __syncthreads();
    // Through shared memory, so that stores are whole lines and the finish stands once in the code.
    int *tile = (int *)smem;
#pragma unroll
    for (int i = 0; i < MI; i++)
#pragma unroll
        for (int j = 0; j < NI; j++)
#pragma unroll
            for (int q = 0; q < 4; q++)
                tile[(wm * BM / 2 + i * 16 + (lane >> 2) + q / 2 * 8) * (BN + 4) + wn * BN / 2 +
                     j * 8 + (lane & 3) * 2 + q % 2] = acc[i][j][q];
    __syncthreads();
#pragma unroll 1
    for (int i = tid; i < BM * BN; i += 128) {
        const int r = i / BN, c = i % BN;
        if (m0 + r < g.m && n0 + c < g.n)
            i8_finish(g, (int)blockIdx.z, ia, iw, m0 + r, n0 + c, tile[r * (BN + 4) + c]);
    }
}

// ---- operands ----

// A warp a row of 32 pieces of 16 bytes at a time.
__global__ void __launch_bounds__(256) i8_rows_sm80(const cu_i8_rows_args g)
{
    const int lane = threadIdx.x & 31;
    const int64_t row = (int64_t)blockIdx.x * 8 + (threadIdx.x >> 5);
    if (row >= (int64_t)g.matrices * g.rows) return;
    const uint8_t flip = g.is_signed ? 0 : 0x80;
    const uint8_t *x = (const uint8_t *)g.x + row / g.rows * g.step + row % g.rows * g.x_row;
    int sum = 0;
    for (int c = lane * 16; c < g.pitch; c += 512) {
        uint32_t v[4] = {0, 0, 0, 0};
#pragma unroll
        for (int i = 0; i < 16; i++)
            if (c + i < g.k) {
                const uint8_t b = x[(c + i) * g.x_col] ^ flip;
                sum += (int8_t)b;
                v[i / 4] |= (uint32_t)b << (i % 4 * 8);
            }
        if (g.y) px_st16(g.y + row * g.pitch + c, uint4{v[0], v[1], v[2], v[3]});
    }
#pragma unroll
    for (int i = 16; i; i >>= 1) sum += px_shfl_xor(sum, i);
    if (g.sums && lane == 0) g.sums[row] = sum;
}

// The same of a matrix that lies the other way round (x_row 1): 64 x 64 bytes through shared
// memory. Sums are left to the rows that come out.
__global__ void __launch_bounds__(256) i8_turn_sm80(const cu_i8_rows_args g)
{
    constexpr int PITCH = 68;
    IGT_SMEM(smem);
    const uint8_t flip = g.is_signed ? 0 : 0x80, *x = (const uint8_t *)g.x + blockIdx.z * g.step;
    const int r0 = blockIdx.x * 64, c0 = blockIdx.y * 64;
#pragma unroll
    for (int i = threadIdx.x; i < 64 * 64; i += 256) {
        const int c = c0 + i / 64, r = r0 + i % 64;
        smem[i / 64 * PITCH + i % 64] =
            c < g.k && r < g.rows ? (char)(x[c * g.x_col + r] ^ flip) : (char)0;
    }
    __syncthreads();
    const int r = threadIdx.x / 4, c = threadIdx.x % 4 * 16;
    if (r0 + r >= g.rows || c0 + c >= g.pitch) return;
    uint32_t v[4] = {0, 0, 0, 0};
#pragma unroll
    for (int i = 0; i < 16; i++)
        v[i / 4] |= (uint32_t)(uint8_t)smem[(c + i) * PITCH + r] << (i % 4 * 8);
    px_st16(g.y + ((int64_t)blockIdx.z * g.rows + r0 + r) * g.pitch + c0 + c,
            uint4{v[0], v[1], v[2], v[3]});
}
