// flash_paged_cuda90.cu - instances of attention of many queries over 16-bit pages for Hopper.
#include "kernels/attention/flash_paged_sm90.cuh"
#include "kernels/attention/inside_cuda.cuh"
#include "kernels/cuda/launch.cuh"

// K (0) or V (1) of all pages, in boxes of 16 tokens of 64 elements. How many pages there are is
// not known here; the block tables name none that is not there.
static int map_pages(igt_tmap *t, const flash_args *a, int which)
{
    const uint64_t dims[] = {(uint64_t)(which ? a->dv : a->d), (uint64_t)a->page_tokens,
                             (uint64_t)a->kv_heads, INT32_MAX};
    const uint64_t pitches[] = {2, (uint64_t)(which ? a->v_bytes : a->k_bytes),
                                (uint64_t)a->head_bytes, (uint64_t)a->page_bytes};
    const uint32_t box[] = {64, FLASH90_BOX, 1, 1};
    return cu_tmap(t, a->base + (which ? a->v_at : 0), 2, 4, dims, pitches, box, 128);
}

// Some tokens of the query heads that share a kv head.
static int map_queries(igt_tmap *t, const flash_args *a, int shared, int tokens)
{
    const uint64_t dims[] = {(uint64_t)a->d, (uint64_t)a->heads, (uint64_t)a->tq};
    const uint64_t pitches[] = {2, (uint64_t)a->q_head * 2, (uint64_t)a->q_row * 2};
    const uint32_t box[] = {64, (uint32_t)shared, (uint32_t)tokens};
    return cu_tmap(t, a->q, 2, 3, dims, pitches, box, 128);
}

template <int D, int N, class E> static int start(const flash_args *a, int64_t tiles, cu_stream s)
{
    constexpr int BYTES = flash90_memory<D, N>::BYTES;
    static_assert(BYTES <= 232448, "more than a Hopper block may have");
    flash90_paged_args p = {};
    p.y = (float *)a->y;
    p.shared = a->heads / a->kv_heads;
    p.kv_heads = a->kv_heads;
    p.dv = a->dv;
    p.tokens = FLASH90_M / p.shared;
    p.pieces = (CU_KV_TILE + p.tokens - 1) / p.tokens;
    p.y_head = a->y_head;
    p.y_row = a->y_row;
    p.image = a->image;
    p.page_tokens = a->page_tokens;
    p.rule = a->rule;
    p.score = a->score;
    const int64_t items = tiles * p.kv_heads * p.pieces, processors = cu_this_chip().processors;
    if (items > INT32_MAX) return ATT_NO_KERNEL;
    igt_tmap q, k, v;
    int status = map_queries(&q, a, p.shared, p.tokens);
    if (!status) status = map_pages(&k, a, 0);
    if (!status) status = map_pages(&v, a, 1);
    if (status) return status;
    return cu_start(flash_paged_sm90<D, N, E>,
                    dim3((unsigned)(items < processors ? items : processors)), 384, BYTES, s, q, k,
                    v, p);
}

template <class E> static int flash_of(const flash_args *a, int64_t tiles, cu_stream s)
{
    if (a->d <= 64) return start<64, 128, E>(a, tiles, s);
    if (a->d <= 128) return start<128, 128, E>(a, tiles, s);
    if (a->d <= 256) return start<256, 80, E>(a, tiles, s);
    return ATT_NO_KERNEL;
}

int att_many90(const flash_args *a, cu_att_type type, int64_t tiles, cu_stream s)
{
    // slopes are the other kernel's; the choice is a matter of chip and model only
    if (cu_this_chip().cc != 90 || a->d != a->dv || a->heads / a->kv_heads > FLASH90_M ||
        a->rule.slopes || !(a->rule.scale > 0))
        return ATT_NO_KERNEL;
    return type == CU_ATT_F16 ? flash_of<att_w_f16>(a, tiles, s)
                              : flash_of<att_w_bf16>(a, tiles, s);
}
