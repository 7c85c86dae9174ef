// attention_cuda.cu - launchers of attention over tensors, of joining past and new tokens, and of
// biases by distance.
#include "kernels/attention/inside_cuda.cuh"
#include "kernels/cuda/launch.cuh"

extern "C" int cu_attention_can(int64_t d, int64_t dv)
{
    return d + dv < 1 << 16 && plain_smem<8>(d, dv) <= cu_this_chip().shared_bytes;
}

// What plain_args and flash_args have in common.
template <class A> static A dense_args(const cu_attention_args *a)
{
    A p = {};
    p.q = a->q;
    p.k = a->k;
    p.v = a->v;
    p.y = a->y;
    p.y_type = a->y_type;
    p.mask = a->mask;
    p.mask_type = a->mask_type;
    p.heads = a->heads;
    p.kv_heads = a->kv_heads;
    p.tq = a->tq;
    p.tk = a->tk;
    p.d = a->d;
    p.dv = a->dv;
    p.q_batch = a->q_batch, p.q_head = a->q_head, p.q_row = a->q_row;
    p.k_batch = a->k_batch, p.k_head = a->k_head, p.k_row = a->k_row;
    p.v_batch = a->v_batch, p.v_head = a->v_head, p.v_row = a->v_row;
    p.y_batch = a->y_batch, p.y_head = a->y_head, p.y_row = a->y_row;
    p.mask_batch = a->mask_batch, p.mask_head = a->mask_head, p.mask_row = a->mask_row;
    p.mask_len = a->mask_len;
    p.offset = a->offset;
    p.rule = a->rule;
    p.score = att_scores_of(a->rule);
    return p;
}

// 16-bit rows that 16-byte copies can read.
static bool is_wide(const cu_attention_args *a)
{
    if (a->type != CU_ATT_F16 && a->type != CU_ATT_BF16) return false;
    const void *const p[] = {a->q, a->k, a->v, a->y};
    for (const void *x : p)
        if ((uintptr_t)x % 16) return false;
    const int64_t n[] = {a->d,       a->dv,      a->q_batch, a->q_head,  a->q_row,
                         a->k_batch, a->k_head,  a->k_row,   a->v_batch, a->v_head,
                         a->v_row,   a->y_batch, a->y_head,  a->y_row};
    for (int64_t x : n)
        if (x % 8) return false;
    return true;
}

static int64_t bytes_of(cu_att_type t) { return t == CU_ATT_F32 ? 4 : t == CU_ATT_BOOL ? 1 : 2; }

extern "C" cu_attention_args cu_attention_some(const cu_attention_args *a, int32_t first, int32_t n)
{
    const int64_t each = first * bytes_of(a->type);
    cu_attention_args some = *a;
    some.batch = n;
    some.q = (const char *)a->q + a->q_batch * each;
    some.k = (const char *)a->k + a->k_batch * each;
    some.v = (const char *)a->v + a->v_batch * each;
    some.y = (char *)a->y + a->y_batch * first * bytes_of(a->y_type);
    if (a->mask) some.mask = (const char *)a->mask + a->mask_batch * first * bytes_of(a->mask_type);
    return some;
}

// As many batch elements as a grid has blocks along z.
static int attend(const cu_attention_args *a, cu_stream s)
{
    int status = ATT_NO_KERNEL;
    if (is_wide(a)) {
        const flash_args p = dense_args<flash_args>(a);
        status = att_dense90(&p, a->type, a->batch, s);
        if (status == ATT_NO_KERNEL) status = att_dense(&p, a->type, a->batch, s);
    }
    if (status == ATT_NO_KERNEL) {
        plain_args p = dense_args<plain_args>(a);
        p.q_type = p.kv_type = a->type;
        status = att_plain(&p, a->tq, a->batch, (int64_t)a->tq * (a->heads / a->kv_heads) > 8, s);
    }
    return status == ATT_NO_KERNEL ? ATT_INVALID : status;
}

extern "C" int cu_attention(const cu_attention_args *a, cu_stream s)
{
    const int32_t most = UINT16_MAX;
    int status = 0;
    for (int32_t first = 0; first < a->batch && !status; first += most) {
        const int32_t left = a->batch - first;
        const cu_attention_args some = cu_attention_some(a, first, left < most ? left : most);
        status = attend(&some, s);
    }
    return status;
}

// A thread an element; neighbours lie beside each other in both.
template <class T>
__global__ void __launch_bounds__(256) join_tokens(const __grid_constant__ cu_join_args a)
{
    const int64_t all = a.past_tokens + a.tokens;
    const int64_t total = (int64_t)a.batch * a.heads * all * a.size;
    for (int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < total;
         i += (int64_t)gridDim.x * blockDim.x) {
        const int c = (int)(i % a.size);
        const int64_t row = i / a.size, head = row / all, t = row % all;
        const T *from = (const T *)a.past + (head * a.past_tokens + t) * a.size;
        if (t >= a.past_tokens)
            from = (const T *)a.from + head / a.heads * a.from_batch +
                   head % a.heads * a.from_head + (t - a.past_tokens) * a.from_row;
        ((T *)a.to)[i] = from[c];
    }
}

template <class T> static int join(const cu_join_args *a, cu_stream s)
{
    enum { THREADS = 256 };
    const int64_t most = 1 << 16;
    const int64_t total =
        (int64_t)a->batch * a->heads * ((int64_t)a->past_tokens + a->tokens) * a->size;
    const int64_t blocks = (total + THREADS - 1) / THREADS;
    return cu_start(join_tokens<T>, (unsigned)(blocks < most ? blocks : most), THREADS, 0, s, *a);
}

extern "C" int cu_join_tokens(const cu_join_args *a, cu_stream s)
{
    switch (a->bytes) {
    case 1:
        return join<uint8_t>(a, s);
    case 2:
        return join<uint16_t>(a, s);
    case 4:
        return join<uint32_t>(a, s);
    case 8:
        return join<uint64_t>(a, s);
    default:
        return ATT_INVALID;
    }
}

// A row of y for a block; the table is small enough for the caches.
__global__ void __launch_bounds__(256)
    relative_bias(const __grid_constant__ cu_relative_bias_args a)
{
    const int i = blockIdx.x, h = blockIdx.y;
    float *y = a.y + ((int64_t)h * a.n + i) * a.n;
    for (int j = threadIdx.x; j < a.n; j += blockDim.x)
        y[j] = a.table[(int64_t)a.bucket[a.n - 1 + j - i] * a.heads + h];
}

extern "C" int cu_relative_bias(const cu_relative_bias_args *a, cu_stream s)
{
    return cu_start(relative_bias, dim3((unsigned)a->n, (unsigned)a->heads), 256, 0, s, *a);
}
