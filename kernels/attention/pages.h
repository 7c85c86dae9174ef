/* pages.h - keys and values of one layer and KV head, in pages of a cache.
 *
 * A page holds P tokens, P a multiple of 16. A sequence's block table names its pages in order, so
 * that sequences can share them. The bytes of a page:
 *
 *     K  f32, f16, bf16   [P / 16][d][16]              a score of 16 tokens is one vector
 *        i8               [P / 16][d / 4 up][16][4]
 *     V                   [P][dv up to 16]             rows padded with zeros
 *     i8 only             K scales [P] f32, V scales [P] f32
 *
 * each part begins at a multiple of 64 bytes. An i8 token is x = scale * q with scale = max|x| /
 * 127, rounded to nearest even; of a token that is not finite the scale is NaN. The scores are
 * sums over the stored elements, widened exactly, times the scale; V's scale is multiplied into the
 * weight of its token. Attention over pages gives the same bits whether a token's keys were written
 * a moment ago or long before: K and V are always read after rounding. */
#ifndef IG_ATTENTION_PAGES_H
#define IG_ATTENTION_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    IG_PAGE_F32,
    IG_PAGE_F16,
    IG_PAGE_BF16,
    IG_PAGE_I8,
    IG_PAGE_F8 /* e4m3, on devices only */
} ig_page_type;

enum { IG_PAGE_GROUP = 16 }; /* tokens side by side */

/* Where the parts of a page lie, in bytes. */
typedef struct {
    ig_page_type type;
    bool device; /* as ig_page_format_init_device lays it out */
    size_t tokens, d, dv;
    size_t k_group, v_at, v_row; /* a group of K; V; a row of V */
    size_t k_scales_at, v_scales_at;
    size_t bytes; /* of the page, a multiple of 64 */
} ig_page_format;

/* Where a layer's keys and values lie in a page of all layers: key head h at `at` + h *
 * format.bytes. */
typedef struct {
    ig_page_format format; /* tokens is P in every layer */
    size_t at, kv_heads;
} ig_kv_layer;

/* ig_page_format_init - false: no tokens or not whole groups, no elements, a type that only devices
 * have, or it does not fit size_t. */
bool ig_page_format_init(ig_page_format *f, ig_page_type type, size_t tokens, size_t d, size_t dv);

/* ig_page_format_init_device - the same for pages in a device's memory, whose kernels want a
 * token's K and V each in one piece:
 *
 *     K  [P][d], V  [P][dv]       rows padded with zeros to a multiple of 16 bytes: k_group (here
 * the bytes of a row of K) and v_row i8, f8   K scales [P] f32, V scales [P] f32
 *
 * each part begins at a multiple of 128 bytes; `bytes` is one, too. f8: x = scale * q with scale =
 * max|x| / 448, q rounded to nearest even; a token that is not finite as in i8. */
bool ig_page_format_init_device(ig_page_format *f, ig_page_type type, size_t tokens, size_t d,
                                size_t dv);

/* The pages of one sequence for one layer and KV head: that of tokens [i * P, (i + 1) * P) begins
 * at base + table[i] * stride. base and stride are multiples of 64. */
typedef struct {
    const ig_page_format *format;
    const unsigned char *base;
    size_t stride;
    const int32_t *table;
} attention_pages;

/* ig_page_append - round one token's K [d] and V [dv] into place `at` < tokens of a page. The same
 * bytes on every CPU. Threads: different places of a page may be written at the same time. */
void ig_page_append(unsigned char *page, const ig_page_format *f, size_t at, const float *k,
                    const float *v);

/* ig_page_clear - zeros in places [from, tokens) of a page and between its parts: all that no
 * token's K and V are, before the bytes go where others read them, such as a file. */
void ig_page_clear(unsigned char *page, const ig_page_format *f, size_t from);

#endif
