/* decode_body.h - attention_decode and attention_merge: one chunk of keys, straight from its pages,
 * for the few rows of one or a few new tokens. Bound by reading the pages once from memory. Include
 * after attention_body.h.
 *
 * Keys are read for up to DECODE_ROWS rows at a time, DECODE_GROUPS groups of 16 tokens side by
 * side (DECODE_PAIR of them for two rows). While a block is computed the next one is fetched into
 * L2: pages are too short and too scattered for the CPU's own prefetcher. Values are read for as
 * many rows and DECODE_COLS vectors of columns. The order of every sum is that of attention_f32. */
enum { GROUPS = IG_ATT_BLOCK / IG_PAGE_GROUP };

/* s [rows][64] = q k^T of `rows` rows and n groups of keys. */
VEC_INLINE void dots(float *s, const float *q, const unsigned char *const *groups,
                     const unsigned char *const *ahead, size_t d, const size_t rows,
                     const size_t n_groups, const ig_page_type type)
{
    const size_t step = type == IG_PAGE_I8 ? 4 : 1;
    const size_t each = IG_PAGE_GROUP * (type == IG_PAGE_F32 ? 4 : type == IG_PAGE_I8 ? 1 : 2);
    vf acc[DECODE_ROWS][GROUPS];
    for (size_t from = 0; from < d; from += IG_GEMM_RUN) {
        const size_t end = IG_MIN(d, from + IG_GEMM_RUN);
        ATT_UNROLL for (size_t r = 0; r < rows; r++)
        {
            ATT_UNROLL for (size_t g = 0; g < GROUPS; g++) acc[r][g] = vf_set(0.0f);
        }
        for (size_t c = from; c < end; c += step) {
            const size_t n = IG_MIN(step, end - c);
            vf k[GROUPS][4];
            /* never read, which gcc for Arm does not see */
            ATT_UNROLL for (size_t g = n_groups; g < GROUPS; g++)
            {
                ATT_UNROLL for (size_t i = 0; i < step; i++) k[g][i] = vf_set(0.0f);
            }
            ATT_UNROLL for (size_t g = 0; g < n_groups; g++)
            {
                widen_element(k[g], groups[g], type, c);
                __builtin_prefetch(ahead[g] + c * each, 0, 2);
            }
            ATT_UNROLL for (size_t i = 0; i < step; i++)
            {
                if (i >= n) break;
                ATT_UNROLL for (size_t r = 0; r < rows; r++)
                {
                    const vf x = vf_set(q[r * d + c + i]);
                    ATT_UNROLL for (size_t g = 0; g < n_groups; g++) acc[r][g] =
                        vf_fma(x, k[g][i], acc[r][g]);
                }
            }
        }
        ATT_UNROLL for (size_t r = 0; r < rows; r++)
        {
            ATT_UNROLL for (size_t g = 0; g < n_groups; g++)
            {
                float *to = s + r * IG_ATT_BLOCK + g * IG_PAGE_GROUP;
                vf_store(to, from ? vf_add(vf_load(to), acc[r][g]) : acc[r][g]);
            }
        }
    }
}

/* o [rows][wide] = o + the chain over tokens [begin, end) of s v, columns [c, c + 16 cols). */
VEC_INLINE void sums(float *o, size_t wide, const float *s, const unsigned char *const *values,
                     const unsigned char *const *ahead, size_t v_row, size_t begin, size_t end,
                     size_t c, const size_t rows, const size_t cols, const ig_page_type type)
{
    const size_t each = type == IG_PAGE_F32 ? 4 : type == IG_PAGE_I8 ? 1 : 2;
    vf acc[DECODE_ROWS][GROUPS];
    ATT_UNROLL for (size_t r = 0; r < rows; r++)
    {
        ATT_UNROLL for (size_t k = 0; k < GROUPS; k++) acc[r][k] = vf_set(0.0f);
    }
    for (size_t t = begin; t < end; t++) {
        const size_t at = t % IG_PAGE_GROUP * v_row;
        const unsigned char *v = values[t / IG_PAGE_GROUP] + at;
        const unsigned char *later = ahead[t / IG_PAGE_GROUP] + at + c * each;
        vf x[GROUPS];
        /* never read, which gcc for Arm does not see */
        ATT_UNROLL for (size_t k = cols; k < GROUPS; k++) x[k] = vf_set(0.0f);
        for (size_t k = 0; k < cols * 16 * each; k += 64) __builtin_prefetch(later + k, 0, 2);
        ATT_UNROLL for (size_t k = 0; k < cols; k++) x[k] = widen_value(v, type, c + k * 16);
        ATT_UNROLL for (size_t r = 0; r < rows; r++)
        {
            const vf w = vf_set(s[r * IG_ATT_BLOCK + t]);
            ATT_UNROLL for (size_t k = 0; k < cols; k++) acc[r][k] = vf_fma(w, x[k], acc[r][k]);
        }
    }
    ATT_UNROLL for (size_t r = 0; r < rows; r++)
    {
        ATT_UNROLL for (size_t k = 0; k < cols; k++)
        {
            float *to = o + r * wide + c + k * 16;
            vf_store(to, vf_add(acc[r][k], vf_load(to)));
        }
    }
}

/* One block of keys: where its groups and their values lie. */
typedef struct page_block {
    const unsigned char *keys[GROUPS], *values[GROUPS];
    float k_scales[IG_ATT_BLOCK], v_scales[IG_ATT_BLOCK];
    const struct page_block *next; /* read ahead into L2; itself where there is no other */
    size_t begin, end;             /* seen tokens of the block */
} page_block;

static void find_block(page_block *b, const attention_pages *p, size_t first, size_t n)
{
    const ig_page_format *f = p->format;
    for (size_t g = 0; g < GROUPS; g++) {
        const size_t token = g * IG_PAGE_GROUP < n ? first + g * IG_PAGE_GROUP : first;
        const size_t at = token % f->tokens;
        const unsigned char *page = page_of(p, token);
        b->keys[g] = page + at / IG_PAGE_GROUP * f->k_group;
        b->values[g] = page + f->v_at + at * f->v_row;
        if (f->type != IG_PAGE_I8) continue;
        memcpy(b->k_scales + g * IG_PAGE_GROUP, page + f->k_scales_at + at * sizeof(float),
               IG_PAGE_GROUP * sizeof(float));
        memcpy(b->v_scales + g * IG_PAGE_GROUP, page + f->v_scales_at + at * sizeof(float),
               IG_PAGE_GROUP * sizeof(float));
    }
}

/* Few rows leave registers for more keys and columns side by side, whose chains hide each other's
 * latency. */
VEC_INLINE void dots_of_block(float *s, const float *q, const page_block *b, size_t d,
                              const size_t rows, const ig_page_type type)
{
    const size_t n = rows == 1 ? GROUPS : rows == 2 ? DECODE_PAIR : DECODE_GROUPS;
    for (size_t g = 0; g < GROUPS; g += n)
        if (g * IG_PAGE_GROUP < b->end)
            dots(s + g * IG_PAGE_GROUP, q, b->keys + g, b->next->keys + g, d, rows, n, type);
}

VEC_INLINE void sums_of_block(float *o, size_t wide, const float *s, const page_block *b,
                              const ig_page_format *f, const size_t rows, const ig_page_type type)
{
    const size_t n = rows == 1 ? GROUPS : rows == 2 ? DECODE_PAIR : DECODE_COLS;
    size_t c = 0;
    for (; c + 16 * n <= wide; c += 16 * n)
        sums(o, wide, s, b->values, b->next->values, f->v_row, b->begin, b->end, c, rows, n, type);
    for (; c < wide; c += 16)
        sums(o, wide, s, b->values, b->next->values, f->v_row, b->begin, b->end, c, rows, 1, type);
}

/* The rows of one query over one block, of pages of one type: these are the hot loops. */
typedef struct {
    float *s, *o; /* [rows][64], [rows][wide] */
    const float *q;
    running *state;
    size_t rows, wide;
} decode_rows;

/* The products of rows [r, r + n), n a constant. */
VEC_INLINE void dots_of_rows(const decode_rows *w, const page_block *b, const ig_page_format *f,
                             size_t r, const size_t n, const ig_page_type type)
{
    dots_of_block(w->s + r * IG_ATT_BLOCK, w->q + r * f->d, b, f->d, n, type);
}

VEC_INLINE void sums_of_rows(const decode_rows *w, const page_block *b, const ig_page_format *f,
                             size_t r, const size_t n, const ig_page_type type)
{
    sums_of_block(w->o + r * w->wide, w->wide, w->s + r * IG_ATT_BLOCK, b, f, n, type);
}

/* Rows that are left over go together too: widening a key costs as much as a product. */
#define EACH_ROWS(do_rows, r)                                                  \
    do {                                                                       \
        for (; r + DECODE_ROWS <= w->rows; r += DECODE_ROWS)                   \
            do_rows(w, b, f, r, DECODE_ROWS, type);                            \
        if (DECODE_ROWS > 3 && w->rows - r == 3) do_rows(w, b, f, r, 3, type); \
        if (DECODE_ROWS > 2 && w->rows - r == 2) do_rows(w, b, f, r, 2, type); \
        if (w->rows - r == 1) do_rows(w, b, f, r, 1, type);                    \
    } while (0)

VEC_INLINE void block_of_type(const decode_rows *w, const page_block *b, const ig_page_format *f,
                              row_view view, const ig_page_type type)
{
    size_t r = 0;
    EACH_ROWS(dots_of_rows, r);
    for (r = 0; r < w->rows; r++, view.head++) {
        const float factor =
            weigh(&view, w->s + r * IG_ATT_BLOCK, view.end, &w->state[r].top, &w->state[r].sum);
        if (factor != 1) scale_row(w->o + r * w->wide, w->wide, vf_set(factor));
    }
    r = 0;
    EACH_ROWS(sums_of_rows, r);
}
#undef EACH_ROWS

typedef void block_fn(const decode_rows *w, const page_block *b, const ig_page_format *f,
                      row_view view);

#define BLOCK_OF(name, type)                                                             \
    static void name(const decode_rows *w, const page_block *b, const ig_page_format *f, \
                     row_view view)                                                      \
    {                                                                                    \
        block_of_type(w, b, f, view, type);                                              \
    }
BLOCK_OF(block_f32, IG_PAGE_F32)
BLOCK_OF(block_f16, IG_PAGE_F16)
BLOCK_OF(block_bf16, IG_PAGE_BF16)
BLOCK_OF(block_i8, IG_PAGE_I8)
#undef BLOCK_OF

static block_fn *const by_type[] = {[IG_PAGE_F32] = block_f32,
                                    [IG_PAGE_F16] = block_f16,
                                    [IG_PAGE_BF16] = block_bf16,
                                    [IG_PAGE_I8] = block_i8};

/* A query's rows over the tokens of a chunk that it sees. */
static void query_of_chunk(const attention_args *p, size_t query, size_t chunk, decode_rows *w)
{
    const ig_page_format *f = p->pages->format;
    const attention_range r = ig_attention_sees(p, query);
    const size_t first = chunk * IG_ATT_CHUNK;
    const size_t begin = IG_MAX(r.begin, first), end = IG_MIN(r.end, first + IG_ATT_CHUNK);
    page_block blocks[2];
    for (size_t b = begin / IG_ATT_BLOCK * IG_ATT_BLOCK; b < end; b += IG_ATT_BLOCK) {
        page_block *block = &blocks[b / IG_ATT_BLOCK % 2],
                   *next = &blocks[b / IG_ATT_BLOCK % 2 ^ 1];
        if (b <= begin) find_block(block, p->pages, b, end - b);
        block->begin = begin > b ? begin - b : 0;
        block->end = IG_MIN(end - b, IG_ATT_BLOCK);
        block->next = b + IG_ATT_BLOCK < r.end ? next : block;
        if (block->next == next)
            find_block(next, p->pages, b + IG_ATT_BLOCK, r.end - b - IG_ATT_BLOCK);
        row_view view = {.rule = &p->rule,
                         .ahead = (int64_t)b - (int64_t)query - p->rule.offset,
                         .begin = block->begin,
                         .end = block->end};
        if (f->type == IG_PAGE_I8) {
            view.k_scale = block->k_scales;
            view.v_scale = block->v_scales;
        }
        by_type[f->type](w, block, f, view);
    }
}

/* A part: outputs [rows][dv up], then largest score and sum of each row. */
void IG_ISA(attention_decode)(const attention_args *p, size_t chunk, float *part, float *scratch)
{
    const size_t wide = att_up(p->dv), rows = p->tq * p->heads;
    running *state = (running *)(void *)(part + rows * wide);
    memset(part, 0, rows * wide * sizeof *part);
    for (size_t i = 0; i < rows; i++) state[i] = (running){LOWEST, 0};
    for (size_t i = 0; i < p->tq; i++) {
        const size_t row = i * p->heads;
        for (size_t h = 0; h < p->heads; h++)
            memcpy(scratch + h * p->d, p->q + i * p->q_row + h * p->q_head, p->d * sizeof *p->q);
        decode_rows w = {.q = scratch,
                         .s = scratch + att_up(p->heads * p->d),
                         .o = part + row * wide,
                         .state = state + row,
                         .rows = p->heads,
                         .wide = wide};
        query_of_chunk(p, i, chunk, &w);
    }
}

void IG_ISA(attention_merge)(const attention_args *p, const float *parts, size_t first, size_t end,
                             size_t stride)
{
    const size_t wide = att_up(p->dv), rows = p->tq * p->heads;
    for (size_t i = 0; i < rows; i++) {
        const size_t head = i % p->heads;
        float *y = p->y + i / p->heads * p->y_row + head * p->y_head;
        running all = start_row(&p->rule, head, y, p->dv);
        for (size_t c = first; c < end; c++) {
            const float *part = parts + (c - first) * stride;
            const running *state = (const running *)(const void *)(part + rows * wide);
            merge_row(&all, y, &state[i], part + i * wide, p->dv);
        }
        finish_row(&p->rule, &all, y, p->dv);
    }
}
