/* binary_i8_avx512.c - binary_i8 of quant.h, 64 bytes at a time.
 *
 * Bound by its division, 10 clocks for 16 bytes; multiplying by 1 / scale and correcting twice,
 * which gives the same bits, takes longer. The compiler's own vectors of the plain loop take 13. */
#include "kernels/gemm_i8/i8_finish_zmm.h"
#include "kernels/quant/quant.h"

#include <string.h>

enum { STEP = 64 };

/* An operand's numbers in all lanes. */
typedef struct {
    __m128i flip; /* the sign bit of s8, which makes it u8 + 128 */
    __m512i zero;
    __m512 scale, all; /* all: the operand, if it is one element */
} numbers;

FINISH_INLINE __m512 widened(const numbers *n, const uint8_t *x)
{
    const __m128i bytes = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)x), n->flip);
    const __m512i less = _mm512_sub_epi32(_mm512_cvtepu8_epi32(bytes), n->zero);
    return _mm512_mul_ps(_mm512_cvtepi32_ps(less), n->scale);
}

static numbers numbers_of(const binary_i8_operand *o, const uint8_t *x)
{
    const int32_t flip = o->is_signed ? 0x80 : 0;
    numbers n = {_mm_set1_epi8((char)flip), _mm512_set1_epi32(o->zero + flip),
                 _mm512_set1_ps(o->scale), _mm512_setzero_ps()};
    uint8_t same[16];
    if (o->step) return n;
    memset(same, *x, sizeof same);
    n.all = widened(&n, same);
    return n;
}

/* What i8_finish knows: rounding, bounds, packing. */
static i8_finish finish_of(const binary_i8_args *p)
{
    const float a = p->a.scale * 255, b = p->b.scale * 255;
    const float most = (p->fn == BINARY_I8_MUL ? a * b : a + b) / p->scale;
    return (i8_finish){.to = I8_TO_BYTES,
                       .to_signed = p->low + (float)p->zero < 0,
                       .low = p->low,
                       .high = p->high,
                       .zero = p->zero,
                       .small = most < 0x1p29f};
}

FINISH_INLINE __m512 combined(__m512 a, __m512 b, binary_i8_kind fn)
{
    return fn == BINARY_I8_ADD   ? _mm512_add_ps(a, b)
           : fn == BINARY_I8_SUB ? _mm512_sub_ps(a, b)
                                 : _mm512_mul_ps(a, b);
}

FINISH_INLINE void binary(uint8_t *y, const uint8_t *a, const uint8_t *b, size_t n,
                          const binary_i8_args *p, binary_i8_kind fn)
{
    const numbers na = numbers_of(&p->a, a), nb = numbers_of(&p->b, b);
    const __m512 scale = _mm512_set1_ps(p->scale);
    const i8_finish f = finish_of(p);
    const bool each_a = p->a.step, each_b = p->b.step;
    uint8_t last[2][STEP] = {{0}};
    for (size_t i = 0; i < n; i += STEP) {
        const size_t left = n - i < STEP ? n - i : STEP;
        const uint8_t *at[2] = {a + i, b + i};
        if (left < STEP) { /* nothing past the end is read */
            if (each_a) at[0] = memcpy(last[0], a + i, left);
            if (each_b) at[1] = memcpy(last[1], b + i, left);
        }
        __m512i q[4];
#pragma GCC unroll 4
        for (size_t v = 0; v < 4; v++) {
            const __m512 x = each_a ? widened(&na, at[0] + 16 * v) : na.all;
            const __m512 z = each_b ? widened(&nb, at[1] + 16 * v) : nb.all;
            q[v] = rounded_16(&f, _mm512_div_ps(combined(x, z, fn), scale));
        }
        store_bytes(&f, y, i, q, left);
    }
}

void binary_i8_avx512(uint8_t *y, const uint8_t *a, const uint8_t *b, size_t n,
                      const binary_i8_args *p)
{
    switch (p->fn) {
    case BINARY_I8_ADD:
        binary(y, a, b, n, p, BINARY_I8_ADD);
        break;
    case BINARY_I8_SUB:
        binary(y, a, b, n, p, BINARY_I8_SUB);
        break;
    case BINARY_I8_MUL:
        binary(y, a, b, n, p, BINARY_I8_MUL);
        break;
    }
}
