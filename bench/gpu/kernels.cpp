// kernels.cpp - our CUDA kernels as plain functions over device pointers, for bench/gpu/bench.py:
// one case each, all sizes as arguments, torch's memory and stream. Each returns the launcher's
// status.
#include "kernels/attention/attention_cuda.h"
#include "kernels/gemm/gemm_cuda.h"
#include "kernels/gemm/gemv_cuda.h"
#include "kernels/gemm_i8/gemm_i8_cuda.h"
#include "kernels/gemm_q/gemm_q_cuda.h"
#include "kernels/norm/norm_cuda.h"
extern "C" {
#include "runtime/device/cuda/kv_tables.h"
}

#include <cmath>
#include <vector>

#define BENCH extern "C" __attribute__((visibility("default")))

static cu_gemm_args gemm(int type, void *c, const void *a, const void *b, int m, int n, int k)
{
    cu_gemm_args g = {};
    g.type = g.c_type = (cu_float)type;
    g.a = a, g.b = b;
    g.m = m, g.n = n, g.k = k;
    g.lda = g.ldb = k;
    g.out.c = c;
    g.out.ldc = n;
    g.out.alpha = 1;
    return g;
}

// c [m, n] = a [m, k] b [n, k]^T; type: 1 f16, 2 bf16. room: of bench_gemm_room bytes; tickets:
// 4096 ints, zero. only: 0, or 1 + a variant.
BENCH size_t bench_gemm_room(int type, int m, int n, int k)
{
    const cu_gemm_args g = gemm(type, nullptr, nullptr, nullptr, m, n, k);
    return cu_gemm_room(&g);
}

BENCH int bench_gemm(int type, void *c, const void *a, const void *b, int m, int n, int k,
                     void *room, int *tickets, int only, cu_stream s)
{
    cu_gemm_args g = gemm(type, c, a, b, m, n, k);
    g.room = room;
    g.tickets = tickets;
    g.only = only;
    return cu_gemm(&g, s);
}

BENCH const char *bench_gemm_name(int type, int m, int n, int k)
{
    const cu_gemm_args g = gemm(type, nullptr, nullptr, nullptr, m, n, k);
    return cu_gemm_name(&g);
}

// y [m, n] = x [m, k] w [n, k]^T of bf16, m up to 4.
BENCH int bench_gemv(void *y, const void *x, const void *w, int m, int n, int k, cu_stream s)
{
    cu_gemv_args g = {};
    g.w = w, g.ldw = k, g.type = CU_GEMV_BF16;
    g.x = x, g.ldx = k, g.x_type = CU_BF16;
    g.m = m, g.n = n, g.k = k;
    g.finish.y = y;
    g.finish.ldy = n;
    g.finish.type = CU_BF16;
    g.finish.n_out = n;
    return cu_gemv(&g, s);
}

// Weights of 4 bits in groups of 2^group_log2 k, random bytes in tiles: quants [n k / 2], scales
// [n / 64][k >> group_log2][64] f16, row [n] f32. x [m, k] bf16 becomes tiles [k / 64][rows][64]
// f16 and factor [rows], then y [m, n].
BENCH size_t bench_w4_scratch(int m, int n, int k)
{
    cu_gemm_q_args g = {};
    g.w.bits = 4, g.w.n = n, g.w.k = k;
    g.m = m;
    g.rows = (m + 7) / 8 * 8;
    return cu_gemm_q_scratch(&g);
}

BENCH int bench_w4(void *y, const void *x, const uint8_t *quants, const uint16_t *scales,
                   const float *row, int group_log2, int m, int n, int k, uint16_t *tiles,
                   float *factor, float *partial, int *tickets, cu_stream s)
{
    const int rows = (m + 7) / 8 * 8;
    cu_q_acts_args acts = {};
    acts.tiles = tiles, acts.factor = factor;
    acts.x = x, acts.ldx = k, acts.type = CU_BF16;
    acts.m = m, acts.rows = rows, acts.k = k;
    if (const int e = cu_q_acts(&acts, s)) return e;
    cu_gemm_q_args g = {};
    g.w.quants = quants, g.w.scales = scales, g.w.row = row;
    g.w.bits = 4, g.w.group_log2 = group_log2, g.w.groups = k >> group_log2;
    g.w.n = n, g.w.k = k;
    g.x = tiles, g.factor = factor;
    g.m = m, g.rows = rows;
    g.finish.y = y;
    g.finish.ldy = n;
    g.finish.type = CU_BF16;
    g.finish.n_out = n;
    g.partial = partial, g.tickets = tickets;
    return cu_gemm_q(&g, s);
}

// y [heads, t, d] of bf16: attention over itself, hkv key heads.
BENCH int bench_attention(void *y, const void *q, const void *k, const void *v, int heads, int hkv,
                          int t, int d, int causal, cu_stream s)
{
    cu_attention_args a = {};
    a.y = y, a.q = q, a.k = k, a.v = v;
    a.type = CU_ATT_BF16;
    a.batch = 1, a.heads = heads, a.kv_heads = hkv;
    a.tq = a.tk = t;
    a.d = a.dv = d;
    a.q_head = a.k_head = a.v_head = a.y_head = (int64_t)t * d;
    a.q_row = a.k_row = a.v_row = a.y_row = d;
    a.q_batch = a.y_batch = a.q_head * heads;
    a.k_batch = a.v_batch = a.k_head * hkv;
    a.rule.scale = 1 / std::sqrt((float)d);
    a.rule.causal = causal;
    a.rule.left = a.rule.right = -1;
    return cu_attention(&a, s);
}

// y = rms_norm(x + residual) * gamma, rows of bf16, gamma f32. dtype: an ingot_dtype.
BENCH int bench_norm(void *y, const void *x, const void *residual, const void *gamma, int64_t rows,
                     int64_t cols, int dtype, cu_stream s)
{
    cu_norm_args n = {};
    n.x = x, n.residual = residual, n.gamma = gamma, n.y = y;
    n.rows = rows, n.cols = cols;
    n.period = 1, n.row = 0, n.inner = 1;
    n.eps = 1e-5;
    n.dtype = dtype;
    n.rms = true;
    return cu_norm(&n, s);
}

// y [m, n] i32 = a [m, k] w [n, k]^T of s8.
BENCH int bench_i8(int32_t *y, const void *a, const int8_t *w, int m, int n, int k, cu_stream s)
{
    cu_gemm_i8_args g = {};
    g.a = a, g.w = w;
    g.lda = g.ldw = k;
    g.m = m, g.n = n, g.k = k;
    g.a_signed = g.w_signed = 1;
    g.batch = 1;
    g.to = CU_I8_I32;
    g.y = y;
    return cu_gemm_i8(&g, s);
}

// Decoding over pages: `seqs` sequences of `length` tokens, one new token each, pages of 64 tokens
// in the order of `order` [seqs * pages]. bench_paged_open returns the bytes of the image and,
// where host is given, fills it; then the pool's page bytes are in *page_bytes.
static struct {
    ig_kv_layer layer;
    cu_kv_tables tables;
} g_paged;

BENCH size_t bench_paged_open(int32_t *host, const int32_t *order, int seqs, int length, int hkv,
                              int d, int type, int processors, int64_t *page_bytes)
{
    std::vector<ig_kv_span> spans((size_t)seqs);
    g_paged.layer = {};
    g_paged.layer.kv_heads = (size_t)hkv;
    if (!ig_page_format_init_device(&g_paged.layer.format, (ig_page_type)type, 64, (size_t)d,
                                    (size_t)d))
        return 0;
    const int pages = (length + 63) / 64;
    for (int i = 0; i < seqs; i++)
        spans[(size_t)i] = {(size_t)i, 1, (size_t)length - 1, order ? order + i * pages : nullptr};
    ig_kv_step step = {};
    step.layers = &g_paged.layer;
    step.n_layers = 1;
    step.page_bytes = g_paged.layer.format.bytes * (size_t)hkv;
    step.spans = spans.data();
    step.n_spans = (size_t)seqs;
    *page_bytes = (int64_t)step.page_bytes;
    size_t bytes = 0;
    if (ig_cu_kv_measure(&bytes, &step, nullptr)) return 0;
    if (host) ig_cu_kv_fill(&g_paged.tables, host, &bytes, &step, processors);
    return bytes;
}

static cu_paged_args paged(void *y, void *pool, void *image, const void *q, int seqs, int heads,
                           int hkv, int d)
{
    cu_paged_args a = {};
    a.kv = g_paged.tables;
    a.kv.base = (unsigned char *)pool;
    a.kv.image = (int32_t *)image;
    a.rows = seqs, a.heads = heads, a.kv_heads = hkv, a.d = a.dv = d;
    a.q = q;
    a.q_row = (int64_t)heads * d;
    a.x_type = CU_ATT_BF16;
    a.y = (float *)y;
    a.rule.scale = 1 / std::sqrt((float)d);
    a.rule.causal = 1;
    a.rule.left = a.rule.right = -1;
    return a;
}

BENCH void bench_paged_scratch(int seqs, int heads, int hkv, int d, int64_t *turned, int64_t *parts)
{
    const cu_paged_args a = paged(nullptr, nullptr, nullptr, nullptr, seqs, heads, hkv, d);
    cu_paged_scratch(&a, turned, parts);
}

// y [seqs, heads, d] f32; the pages hold what they hold. turned: q as the pages' type wants it.
BENCH int bench_paged(void *y, void *pool, void *image, const void *q, void *turned, float *parts,
                      int seqs, int heads, int hkv, int d, cu_stream s)
{
    cu_paged_args a = paged(y, pool, image, q, seqs, heads, hkv, d);
    a.turned = turned;
    a.parts = parts;
    return cu_paged_attend(&a, s);
}
