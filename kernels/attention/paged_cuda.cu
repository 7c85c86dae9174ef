// paged_cuda.cu - launchers of attention over pages: which kernels a layer's pages take.
#include "kernels/attention/append_sm80.cuh"
#include "kernels/attention/inside_cuda.cuh"
#include "kernels/cuda/launch_as.cuh"

// The layer of the cache, NULL if it is not as the launch says.
static const ig_kv_layer *layer_of(const cu_paged_args *a)
{
    if (a->layer < 0 || a->layer >= a->kv.n_layers) return nullptr;
    const ig_kv_layer *l = &a->kv.layers[a->layer];
    const bool same = l->kv_heads == (size_t)a->kv_heads && l->format.d == (size_t)a->d &&
                      l->format.dv == (size_t)a->dv;
    return same && a->heads % a->kv_heads == 0 ? l : nullptr;
}

// Tensor cores: pages of at most 16 bits, with heads that there is a kernel for.
static bool is_tensor(const cu_paged_args *a, const ig_kv_layer *l)
{
    const cu_att_type t = (cu_att_type)l->format.type;
    if (t == CU_ATT_F32 || a->d != a->dv) return false;
    const bool half = t == CU_ATT_F16 || t == CU_ATT_BF16;
    return (half ? att_few_half : att_few_byte)(nullptr, t, a->d, dim3(0), nullptr) == 0;
}

// What queries are multiplied as.
static cu_att_type q_type_of(const cu_paged_args *a, const ig_kv_layer *l)
{
    if (!is_tensor(a, l)) return CU_ATT_F32;
    return l->format.type == IG_PAGE_F16 ? CU_ATT_F16 : CU_ATT_BF16;
}

// Elements that 16-byte accesses can read: rows and heads that are multiples of 8, on such
// addresses.
static bool is_wide(const cu_paged_args *a)
{
    const void *const x[] = {a->q, a->k, a->v, a->table, a->turned};
    for (const void *p : x)
        if ((uintptr_t)p % 16) return false;
    const int64_t sizes[] = {a->d, a->dv, a->half, a->q_row, a->k_row, a->v_row};
    for (int64_t n : sizes)
        if (n % 8) return false;
    return true;
}

static int lanes_of(const cu_paged_args *a, int v)
{
    const int most =
        a->d - (a->table ? a->half : 0) > a->dv ? a->d - (a->table ? a->half : 0) : a->dv;
    int lanes = 1;
    while (lanes < 32 && lanes * v < most) lanes *= 2;
    return lanes;
}

extern "C" int cu_paged_append(const cu_paged_args *a, cu_stream s)
{
    const ig_kv_layer *l = layer_of(a);
    if (!l) return ATT_INVALID;
    const ig_page_format *f = &l->format;
    const bool wide = is_wide(a);
    append_args p = {};
    p.x[ATT_Q] = a->q;
    p.x[ATT_K] = a->k;
    p.x[ATT_V] = a->v;
    p.x_row[ATT_Q] = a->q_row;
    p.x_row[ATT_K] = a->k_row;
    p.x_row[ATT_V] = a->v_row;
    p.x_type = a->x_type;
    p.page_type = (cu_att_type)f->type;
    p.q_type = q_type_of(a, l);
    p.table = a->table;
    p.half = a->table ? a->half : 0;
    p.interleaved = a->interleaved;
    p.rows = a->rows;
    p.heads = a->heads;
    p.kv_heads = a->kv_heads;
    p.size[ATT_Q] = p.size[ATT_K] = a->d;
    p.size[ATT_V] = a->dv;
    p.group = lanes_of(a, wide ? 8 : 1);
    while (1 << p.group_log < p.group) p.group_log++;
    p.turned = a->turned;
    p.y = a->y;
    p.base = a->kv.base;
    p.image = a->kv.image;
    p.page_bytes = a->kv.page_bytes;
    p.at = (int64_t)l->at;
    p.head_bytes = (int64_t)f->bytes;
    p.v_at = (int64_t)f->v_at;
    p.scales_at[0] = (int64_t)f->k_scales_at;
    p.scales_at[1] = (int64_t)f->v_scales_at;
    p.row_bytes[0] = (int)f->k_group;
    p.row_bytes[1] = (int)f->v_row;
    p.page_tokens = (int)f->tokens;
    enum { THREADS = 256 };
    const int per_warp = 32 / p.group;
    const int64_t warps =
        (int64_t)a->rows * ((a->heads + 2 * a->kv_heads + per_warp - 1) / per_warp);
    const unsigned grid = (unsigned)((warps + THREADS / 32 - 1) / (THREADS / 32));
    return wide ? cu_start_ahead(append_sm80<8>, grid, THREADS, 0, s, p)
                : cu_start_ahead(append_sm80<1>, grid, THREADS, 0, s, p);
}

extern "C" void cu_paged_scratch(const cu_paged_args *a, int64_t *turned_bytes,
                                 int64_t *parts_bytes)
{
    const int64_t unit = 256, q = (int64_t)a->rows * a->heads * a->d * 4;
    const int64_t p = cu_kv_part_rows(a->rows) * a->heads * (a->dv + 4) * 4;
    *turned_bytes = (q + unit - 1) / unit * unit;
    *parts_bytes = (p + unit - 1) / unit * unit;
}

// Blocks that a processor should have, in all.
enum { BLOCKS = 4 };

static int few(const cu_paged_args *a, const ig_kv_layer *l, cu_stream s)
{
    const ig_page_format *f = &l->format;
    const cu_att_type t = (cu_att_type)f->type;
    const bool half = t == CU_ATT_F16 || t == CU_ATT_BF16;
    paged_few_args p = {};
    p.q = a->turned;
    p.y = a->y;
    p.parts = a->parts;
    p.base = a->kv.base;
    p.image = a->kv.image;
    p.page_bytes = a->kv.page_bytes;
    p.at = (int64_t)l->at;
    p.head_bytes = (int64_t)f->bytes;
    p.v_at = (int64_t)f->v_at;
    p.k_scales_at = (int64_t)f->k_scales_at;
    p.v_scales_at = (int64_t)f->v_scales_at;
    p.page_tokens = (int)f->tokens;
    p.heads = a->heads;
    p.kv_heads = a->kv_heads;
    p.rule = a->rule;
    p.score = att_scores_of(a->rule);
    // blocks stride over the items: the grid depends on the launch's rows only, so that a recording
    // serves any lengths
    const int most = (cu_this_chip().processors * BLOCKS + a->kv_heads - 1) / a->kv_heads;
    const int64_t items = (int64_t)a->rows * CU_KV_CHUNKS;
    const dim3 grid((unsigned)(items < most ? items : most), (unsigned)a->kv_heads);
    return (half ? att_few_half : att_few_byte)(&p, t, a->d, grid, s);
}

// Spans of at least so many tokens.
static int plain(const cu_paged_args *a, const ig_kv_layer *l, int least, cu_stream s)
{
    const ig_page_format *f = &l->format;
    plain_args p = {};
    p.q = a->turned;
    p.q_type = q_type_of(a, l);
    p.kv_type = (cu_att_type)f->type;
    p.y = a->y;
    p.y_type = CU_ATT_F32;
    p.heads = a->heads;
    p.kv_heads = a->kv_heads;
    p.d = a->d;
    p.dv = a->dv;
    p.q_head = a->d;
    p.q_row = (int64_t)a->heads * a->d;
    p.y_head = a->dv;
    p.y_row = (int64_t)a->heads * a->dv;
    p.least = least;
    p.image = a->kv.image;
    p.base = a->kv.base + l->at;
    p.page_bytes = a->kv.page_bytes;
    p.head_bytes = (int64_t)f->bytes;
    p.v_at = (int64_t)f->v_at;
    p.k_scales_at = (int64_t)f->k_scales_at;
    p.v_scales_at = (int64_t)f->v_scales_at;
    p.page_tokens = (int)f->tokens;
    p.k_bytes = (int)f->k_group;
    p.v_bytes = (int)f->v_row;
    p.rule = a->rule;
    p.score = att_scores_of(a->rule);
    const int status = att_plain(&p, a->rows, 1, a->kv.n_tiles > 0, s);
    return status == ATT_NO_KERNEL ? ATT_INVALID : status;
}

static int many(const cu_paged_args *a, const ig_kv_layer *l, cu_stream s)
{
    const ig_page_format *f = &l->format;
    const cu_att_type t = (cu_att_type)f->type;
    flash_args p = {};
    p.q = a->turned;
    p.y = a->y;
    p.y_type = CU_ATT_F32;
    p.heads = a->heads;
    p.kv_heads = a->kv_heads;
    p.tq = a->rows;
    p.d = a->d;
    p.dv = a->dv;
    p.q_head = a->d;
    p.q_row = (int64_t)a->heads * a->d;
    p.y_head = a->dv;
    p.y_row = (int64_t)a->heads * a->dv;
    p.image = a->kv.image;
    p.base = a->kv.base + l->at;
    p.page_bytes = a->kv.page_bytes;
    p.head_bytes = (int64_t)f->bytes;
    p.v_at = (int64_t)f->v_at;
    p.k_scales_at = (int64_t)f->k_scales_at;
    p.v_scales_at = (int64_t)f->v_scales_at;
    p.page_tokens = (int)f->tokens;
    p.k_bytes = (int)f->k_group;
    p.v_bytes = (int)f->v_row;
    p.rule = a->rule;
    p.score = att_scores_of(a->rule);
    // tiles that so many rows may have; blocks stride over them, a few for each processor
    const int64_t bound = a->rows / CU_KV_TILE + a->rows / (CU_KV_FEW + 1) + 1;
    const int64_t most = (cu_this_chip().processors * BLOCKS + a->kv_heads - 1) / a->kv_heads;
    const int64_t tiles = bound < most ? bound : most;
    const bool half = t == CU_ATT_F16 || t == CU_ATT_BF16;
    int status = half ? att_many90(&p, t, bound, s) : ATT_NO_KERNEL;
    if (status == ATT_NO_KERNEL) status = (half ? att_many_half : att_many_byte)(&p, t, tiles, s);
    return status == ATT_NO_KERNEL ? plain(a, l, CU_KV_FEW + 1, s) : status;
}

extern "C" int cu_paged_attend(const cu_paged_args *a, cu_stream s)
{
    const ig_kv_layer *l = layer_of(a);
    if (!l) return ATT_INVALID;
    if (!is_tensor(a, l)) return plain(a, l, 0, s);
    const int status = a->kv.n_items ? few(a, l, s) : 0;
    return status || !a->kv.n_tiles ? status : many(a, l, s);
}

extern "C" int cu_paged_attention(const cu_paged_args *a, cu_stream s)
{
    const int status = cu_paged_append(a, s);
    return status ? status : cu_paged_attend(a, s);
}
