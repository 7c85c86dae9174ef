// flash_cuda90.cu - instances of attention for Hopper.
#include "kernels/attention/flash_sm90.cuh"
#include "kernels/attention/inside_cuda.cuh"
#include "kernels/cuda/launch.cuh"

// Heads of tokens, in boxes of `rows` tokens of 64 elements.
static int map_of(igt_tmap *t, const void *p, int64_t d, int64_t tokens, int64_t heads,
                  int64_t batch, int64_t row, int64_t head, int64_t each, int rows)
{
    const uint64_t dims[] = {(uint64_t)d, (uint64_t)tokens, (uint64_t)heads, (uint64_t)batch};
    const uint64_t pitches[] = {2, (uint64_t)row * 2, (uint64_t)head * 2, (uint64_t)each * 2};
    const uint32_t box[] = {64, (uint32_t)rows, 1, 1};
    return cu_tmap(t, p, 2, 4, dims, pitches, box, 128);
}

// Heads whose keys and values the L2 holds, with room for what else passes through it.
static int64_t beside(const flash_args *a, int64_t all)
{
    enum { L2_BYTES = 32 << 20 };
    const int64_t shared = a->heads / a->kv_heads, each = ((int64_t)a->d + a->dv) * a->tk * 2,
                  held = each > 0 ? L2_BYTES / each * shared : all;
    return held < shared ? shared : held < all ? held : all;
}

template <int D, int N, class E> static int start(const flash_args *a, int batch, cu_stream s)
{
    constexpr int BYTES = flash90_memory<D, N>::BYTES;
    static_assert(BYTES <= 232448, "more than a Hopper block may have");
    const int64_t tiles = (a->tq + FLASH90_M - 1) / FLASH90_M, all = (int64_t)a->heads * batch,
                  items = tiles * all, processors = cu_this_chip().processors;
    if (items > INT32_MAX) return ATT_NO_KERNEL;
    igt_tmap q, k, v;
    int status =
        map_of(&q, a->q, a->d, a->tq, a->heads, batch, a->q_row, a->q_head, a->q_batch, FLASH90_M);
    if (!status)
        status =
            map_of(&k, a->k, a->d, a->tk, a->kv_heads, batch, a->k_row, a->k_head, a->k_batch, N);
    if (!status)
        status =
            map_of(&v, a->v, a->dv, a->tk, a->kv_heads, batch, a->v_row, a->v_head, a->v_batch, N);
    if (status) return status;
    flash90_args p = {};
    p.y = a->y;
    p.y_type = a->y_type;
    p.shared = a->heads / a->kv_heads;
    p.heads = a->heads;
    p.tq = a->tq;
    p.tk = a->tk;
    p.dv = a->dv;
    p.offset = a->offset;
    p.all = (int)all;
    p.group = (int)beside(a, all);
    p.y_batch = a->y_batch;
    p.y_head = a->y_head;
    p.y_row = a->y_row;
    p.rule = a->rule;
    p.score = a->score;
    return cu_start(flash_sm90<D, N, E>, dim3((unsigned)(items < processors ? items : processors)),
                    384, BYTES, s, q, k, v, p, (int)items);
}

template <class E> static int flash_of(const flash_args *a, int batch, cu_stream s)
{
    const int d = a->d > a->dv ? a->d : a->dv;
    if (d <= 64) return start<64, 128, E>(a, batch, s);
    // without an edge through the tiles wide ones cost no work that is masked
    const bool full = !a->rule.causal && a->rule.left < 0 && a->rule.right < 0;
    if (d <= 128) return full ? start<128, 176, E>(a, batch, s) : start<128, 128, E>(a, batch, s);
    if (d <= 256) return start<256, 80, E>(a, batch, s);
    return ATT_NO_KERNEL;
}

int att_dense90(const flash_args *a, cu_att_type type, int batch, cu_stream s)
{
    // fewer queries leave a tile of 128 half empty; masks and slopes are the other kernel's
    if (cu_this_chip().cc != 90 || a->tq < 64 || a->tk < 1 || a->mask || a->rule.slopes ||
        !(a->rule.scale > 0))
        return ATT_NO_KERNEL;
    return type == CU_ATT_F16 ? flash_of<att_w_f16>(a, batch, s)
                              : flash_of<att_w_bf16>(a, batch, s);
}
