// Paged flash-decoding for one new token per sequence. D = 128, pages of 16 tokens laid out
// [page][kv head][16][D], up to 16 query heads per KV head packed into one m16 tile. Grid: (splits,
// KV heads, sequences), 4 warps. The last split of a (sequence, KV head) to finish merges the
// partial results: no second launch, no waiting.
#pragma once
#include "kernels/cuda/ptx.cuh"

struct PagedArgs {
    const bf16_t *q, *kp, *vp;
    const int *table, *len;
    bf16_t *out; // q, out: [seq][hq][128]
    float *part; // [seq][hkv][split][16][130]: 128 outputs, row max, row sum
    int *ticket; // [seq][hkv], zero on entry, zero again on exit
    int hq, hkv, max_pages, splits;
    float scale_log2; // softmax scale * log2(e)
};
constexpr int PD_D = 128, PD_PAGE = 16, PD_ST = 3, PD_TILE = PD_PAGE * PD_D,
              PD_SMEM = 4 * PD_ST * 2 * PD_TILE * 2;

__device__ __forceinline__ int pd_swz(int row, int chunk)
{
    return row * PD_D + (chunk ^ (row & 7)) * 8;
}

__global__ void __launch_bounds__(128) paged_decode_sm80(const PagedArgs a)
{
    IGT_SMEM(smem);
    const int tid = threadIdx.x, lane = tid & 31, w = tid >> 5, g = lane >> 2, t = lane & 3;
    const int sp = blockIdx.x, hk = blockIdx.y, s = blockIdx.z, G = a.hq / a.hkv;
    const int len = a.len[s], pages = (len + PD_PAGE - 1) / PD_PAGE,
              per = (pages + a.splits - 1) / a.splits;
    const int p0 = min(sp * per, pages), p1 = min(p0 + per, pages);
    bf16_t *ring = (bf16_t *)smem + w * PD_ST * 2 * PD_TILE;

    uint32_t qf[8][4]; // the whole Q tile as A fragments
#pragma unroll
    for (int k = 0; k < 8; k++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            int r = g + (i & 1) * 8, c = k * 16 + t * 2 + (i >> 1) * 8;
            qf[k][i] =
                r < G ? *(const uint32_t *)(a.q + ((size_t)s * a.hq + hk * G + r) * PD_D + c) : 0u;
        }
    auto load = [&](int st,
                    int p) { // one page of K and V by one warp; rows past the end become zeros
        const size_t base = ((size_t)a.table[s * a.max_pages + p] * a.hkv + hk) * PD_TILE;
        bf16_t *dk = ring + st * 2 * PD_TILE, *dv = dk + PD_TILE;
#pragma unroll
        for (int i = 0; i < 8; i++) {
            int c = i * 32 + lane, r = c >> 4, ch = c & 15, n = p * PD_PAGE + r < len ? 16 : 0;
            px_cp16(dk + pd_swz(r, ch), a.kp + base + r * PD_D + ch * 8, n);
            px_cp16(dv + pd_swz(r, ch), a.vp + base + r * PD_D + ch * 8, n);
        }
    };
    float o[16][4], mx[2] = {-1e30f, -1e30f}, sum[2] = {0.f, 0.f};
#pragma unroll
    for (int j = 0; j < 16; j++)
#pragma unroll
        for (int i = 0; i < 4; i++) o[j][i] = 0.f;

#pragma unroll
    for (int i = 0; i < PD_ST - 1; i++) {
        if (p0 + w + i * 4 < p1) load(i, p0 + w + i * 4);
        px_cp_commit();
    }
    int st = 0;
    for (int p = p0 + w; p < p1; p += 4) {
        int nx = p + (PD_ST - 1) * 4, ns = st + PD_ST - 1;
        if (ns >= PD_ST) ns -= PD_ST;
        if (nx < p1) load(ns, nx);
        px_cp_commit();
        px_cp_wait<PD_ST - 1>();
        __syncwarp(); // other lanes' copies are visible too
        const bf16_t *sk = ring + st * 2 * PD_TILE, *sv = sk + PD_TILE;
        float x[2][4] = {{0.f, 0.f, 0.f, 0.f}, {0.f, 0.f, 0.f, 0.f}};
#pragma unroll
        for (int k = 0; k < 8; k++) {
            uint32_t b[4];
            px_ldsm4(b, sk + pd_swz((lane & 7) + (lane >> 4) * 8, k * 2 + (lane >> 3 & 1)));
            px_mma_bf16(x[0], qf[k], b);
            px_mma_bf16(x[1], qf[k], b + 2);
        }
        float m[2] = {mx[0], mx[1]};
#pragma unroll
        for (int j = 0; j < 2; j++)
#pragma unroll
            for (int i = 0; i < 4; i++) {
                x[j][i] =
                    p * PD_PAGE + j * 8 + t * 2 + (i & 1) < len ? x[j][i] * a.scale_log2 : -1e30f;
                m[i >> 1] = fmaxf(m[i >> 1], x[j][i]);
            }
#pragma unroll
        for (int h = 0; h < 2; h++) {
            m[h] = fmaxf(m[h], px_shfl_xor(m[h], 1));
            m[h] = fmaxf(m[h], px_shfl_xor(m[h], 2));
            float f = px_exp2(mx[h] - m[h]);
            mx[h] = m[h];
            sum[h] *= f;
#pragma unroll
            for (int j = 0; j < 16; j++) {
                o[j][h * 2] *= f;
                o[j][h * 2 + 1] *= f;
            }
        }
        uint32_t pf[4];
#pragma unroll
        for (int j = 0; j < 2; j++) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                x[j][i] = px_exp2(x[j][i] - mx[i >> 1]);
                sum[i >> 1] += x[j][i];
            }
            pf[j * 2] = px_pack_bf16(x[j][0], x[j][1]);
            pf[j * 2 + 1] = px_pack_bf16(x[j][2], x[j][3]);
        }
#pragma unroll
        for (int n = 0; n < 8; n++) {
            uint32_t b[4];
            px_ldsm4_t(b, sv + pd_swz((lane & 7) + (lane >> 3 & 1) * 8, n * 2 + (lane >> 4)));
            px_mma_bf16(o[n * 2], pf, b);
            px_mma_bf16(o[n * 2 + 1], pf, b + 2);
        }
        __syncwarp(); // everyone is done with this stage
        if (++st == PD_ST) st = 0;
    }
#pragma unroll
    for (int h = 0; h < 2; h++) {
        sum[h] += px_shfl_xor(sum[h], 1);
        sum[h] += px_shfl_xor(sum[h], 2);
    }
    px_cp_wait<0>();
    __syncthreads();
    float *red = (float *)smem; // [warp][16][130]
#pragma unroll
    for (int h = 0; h < 2; h++) {
        float *d = red + (w * 16 + g + h * 8) * 130;
#pragma unroll
        for (int j = 0; j < 16; j++) {
            d[j * 8 + t * 2] = o[j][h * 2];
            d[j * 8 + t * 2 + 1] = o[j][h * 2 + 1];
        }
        if (t == 0) {
            d[128] = mx[h];
            d[129] = sum[h];
        }
    }
    __syncthreads();
    // Merge n partial rows that lie `step` floats apart; thread tid owns column tid.
    auto merge = [&](const float *src, bool far, int n, int step, float &m, float &l) {
        auto at = [&](int i, int c) {
            const float *p = src + (size_t)i * step + c;
            return far ? px_ldcg(p) : *p;
        };
        m = -1e30f;
        l = 0.f;
        float r = 0.f;
        for (int i = 0; i < n; i++) m = fmaxf(m, at(i, 128));
        for (int i = 0; i < n; i++) {
            float f = px_exp2(at(i, 128) - m);
            l += at(i, 129) * f;
            r += at(i, tid) * f;
        }
        return r;
    };
    const int bh = s * a.hkv + hk;
    float *part = a.part + (size_t)bh * a.splits * 16 * 130, m, l;
    for (int r = 0; r < G; r++) {
        float v = merge(red + r * 130, false, 4, 16 * 130, m, l);
        if (a.splits == 1)
            a.out[((size_t)s * a.hq + hk * G + r) * PD_D + tid] =
                (bf16_t)px_pack_bf16(l > 0.f ? v / l : 0.f, 0.f);
        else {
            float *d = part + ((size_t)sp * 16 + r) * 130;
            d[tid] = v;
            if (tid == 0) {
                d[128] = m;
                d[129] = l;
            }
        }
    }
    if (a.splits == 1) return;
    px_fence();
    __syncthreads();
    int *flag = (int *)smem;
    if (tid == 0) *flag = px_ticket(a.ticket + bh);
    __syncthreads();
    if (*flag != a.splits - 1) return;
    px_fence();
    for (int r = 0; r < G; r++) {
        float v = merge(part + r * 130, true, a.splits, 16 * 130, m, l);
        a.out[((size_t)s * a.hq + hk * G + r) * PD_D + tid] =
            (bf16_t)px_pack_bf16(l > 0.f ? v / l : 0.f, 0.f);
    }
    if (tid == 0) a.ticket[bh] = 0;
}
