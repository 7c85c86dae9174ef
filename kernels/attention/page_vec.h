/* page_vec.h - pages through the sixteen-lane vector; include after attention_vec_<isa>.h, which
 * has
 *
 *     vf_f16, vf_bf16 (const unsigned char *)      16 elements, widened
 *     vf_i8 (const unsigned char *)                16 bytes
 *     vf_i8_quads (const unsigned char *, vf [4])  16 tokens x 4 elements: one vector each element
 */
#ifndef IG_PAGE_VEC_H
#define IG_PAGE_VEC_H

#include "kernels/attention/pages.h"

VEC_INLINE const unsigned char *page_of(const attention_pages *p, size_t token)
{
    return p->base + (size_t)p->table[token / p->format->tokens] * p->stride;
}

/* Element c of 16 tokens: out[0]; for i8 elements c .. c + 3. */
VEC_INLINE void widen_element(vf out[4], const unsigned char *group, const ig_page_type type,
                              size_t c)
{
    switch (type) {
    case IG_PAGE_F32:
        out[0] = vf_load((const float *)(const void *)group + c * IG_PAGE_GROUP);
        break;
    case IG_PAGE_F16:
        out[0] = vf_f16(group + 2 * c * IG_PAGE_GROUP);
        break;
    case IG_PAGE_BF16:
        out[0] = vf_bf16(group + 2 * c * IG_PAGE_GROUP);
        break;
    case IG_PAGE_I8:
        vf_i8_quads(group + c * IG_PAGE_GROUP, out);
        break;
    case IG_PAGE_F8: /* no CPU has such pages */
        break;
    }
}

/* A group of K as [d][16] floats. */
VEC_INLINE void widen_keys(float *to, const unsigned char *group, const ig_page_format *f)
{
    const size_t step = f->type == IG_PAGE_I8 ? 4 : 1;
    for (size_t c = 0; c < f->d; c += step) {
        vf x[4];
        widen_element(x, group, f->type, c);
        for (size_t i = 0; i < step && c + i < f->d; i++)
            vf_store(to + (c + i) * IG_PAGE_GROUP, x[i]);
    }
}

/* V's elements c .. c + 15 at p, where that row's first one is. */
VEC_INLINE vf widen_value(const unsigned char *row, const ig_page_type type, size_t c)
{
    switch (type) {
    case IG_PAGE_F32:
        return vf_load((const float *)(const void *)row + c);
    case IG_PAGE_F16:
        return vf_f16(row + 2 * c);
    case IG_PAGE_BF16:
        return vf_bf16(row + 2 * c);
    case IG_PAGE_I8:
    case IG_PAGE_F8:
        break;
    }
    return vf_i8(row + c);
}

VEC_INLINE vf widen_values(const unsigned char *page, const ig_page_format *f, size_t token,
                           size_t c)
{
    return widen_value(page + f->v_at + token * f->v_row, f->type, c);
}

#endif
