/* q_zmm_few.h - tiles of few columns, which wait for memory: a body of q_zmm_tiles.h.
 *
 * What counts is the order of reading. The hardware follows a stream whose lines are asked for once
 * and from front to back, as far as the core sees ahead; on Zen 4, in percent of what bare loops
 * read (4 bits, groups of 32, one column):
 *
 *     scales of each group just before its quants      87       line 1 of a block after line 9
 *     those of a block first, then the quants          96
 *     each line of quants loaded for either nibble     79 .. 85
 *     any software prefetch, at any distance           58 .. 90
 *     two, four, eight panels in turns                 72, 75, 60
 *
 * So the tables of a block are in registers before its quants are asked for. */
#ifndef IG_Q_ZMM_FEW_H
#define IG_Q_ZMM_FEW_H

enum { EIGHT = IG_Q_SUPER / IG_Q_GROUP };

/* ---- one level: groups by four, which is what a block holds, or half of it ---- */

/* share: groups of a scale, 1, 2 or FOUR and more. Whatever the loop keeps must fit the general
 * registers: what gcc moves to vector registers comes back behind all that waits for memory there
 * (a tenth of the speed). */
VEC_INLINE size_t by_fours(__m512 *y, q_cursor *c, const q_tile *t, const size_t cols,
                           const size_t bits, const bool offset, const uint32_t bytes,
                           const size_t share)
{
    const size_t quant_bytes = bits * IG_Q_GROUP * IG_Q_PANEL / 8, scale = bytes * IG_Q_PANEL;
    const size_t step = t->act_step, per_block = t->per_block;
    const uint8_t *w = c->w, *scales = c->head;
    const ig_q_act *a = c->a;
    size_t left = t->groups, in_block = per_block;
    for (; left >= FOUR; left -= FOUR) {
        __m512 d[FOUR], z[FOUR];
        UNROLL for (size_t i = 0; i < FOUR; i += share)
        {
            q_scales(&d[i], &z[i], t, scales, i / share * scale, bytes, offset);
            q_here(d[i]);
            if (offset) q_here(z[i]);
        }
        UNROLL for (size_t i = 0; i < FOUR; i++)
        {
            q_group(y, w, a, d[i / share * share], z[i / share * share], cols, bits, offset);
            w += quant_bytes;
            a = q_act_after(a, step);
            q_step(a);
        }
        if (share == FOUR && per_block == 2 * FOUR) scales += scale;
        in_block -= FOUR;
        if (in_block) continue;
        in_block = per_block;
        scales = w;
        w += t->gap;
    }
    *c = (q_cursor){w, scales, a, 0, in_block, t->layout->per_scale};
    return left;
}

VEC_INLINE size_t by_share(__m512 *y, q_cursor *c, const q_tile *t, const size_t cols,
                           const size_t bits, const bool offset, const uint32_t bytes)
{
    const size_t share = t->layout->per_scale;
    if (share == 1) return by_fours(y, c, t, cols, bits, offset, bytes, 1);
    if (share == 2) return by_fours(y, c, t, cols, bits, offset, bytes, 2);
    return by_fours(y, c, t, cols, bits, offset, bytes, FOUR);
}

/* ---- two levels: whole blocks of eight groups ---- */

/* D and E of a block, and its tables of s and t as they are: lines of 64 bytes. */
enum { MOST_LINES = 2 * EIGHT * IG_Q_PANEL / 64 };
typedef struct {
    __m512 d, e;
    __m512i s[MOST_LINES], t[MOST_LINES];
} q_tables;

/* from: the block; returns its quants. */
VEC_INLINE const uint8_t *q_tables_of(q_tables *b, const uint8_t *from, const size_t lines,
                                      const bool min)
{
    b->d = b->e = q_load_scales(from, 2);
    q_here(b->d);
    if (min) b->e = q_load_scales(from + 2 * IG_Q_PANEL, 2);
    if (min) q_here(b->e);
    from += 4 * IG_Q_PANEL;
    UNROLL for (size_t i = 0; i < lines; i++, from += 64)
    {
        b->s[i] = _mm512_loadu_si512(from);
        q_here(b->s[i]);
    }
    if (!min) return from;
    UNROLL for (size_t i = 0; i < lines; i++, from += 64)
    {
        b->t[i] = _mm512_loadu_si512(from);
        q_here(b->t[i]);
    }
    return from;
}

/* s or t of group g: 16 bytes as floats, 32 as pairs of words. */
VEC_INLINE __m512 q_subs(const __m512i *lines, const size_t g)
{
    const __m512i line = lines[g / 4];
    const __m128i of = g % 4 == 0   ? _mm512_castsi512_si128(line)
                       : g % 4 == 1 ? _mm512_extracti32x4_epi32(line, 1)
                       : g % 4 == 2 ? _mm512_extracti32x4_epi32(line, 2)
                                    : _mm512_extracti32x4_epi32(line, 3);
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(of));
}

VEC_INLINE __m512i q_pairs(const __m512i *lines, const size_t g)
{
    const __m512i line = lines[g / 2];
    return _mm512_cvtepi8_epi16(g % 2 ? _mm512_extracti64x4_epi64(line, 1)
                                      : _mm512_castsi512_si256(line));
}

/* Group g of a block. */
VEC_INLINE void q_of_block(__m512 *y, const q_tables *b, const uint8_t *w, const ig_q_act *a,
                           const size_t g, const size_t cols, const size_t bits,
                           const q_rules rules)
{
    if (rules == Q_PLAIN || rules == Q_OFFSET) {
        const __m512 d = _mm512_mul_ps(b->d, q_subs(b->s, g));
        const __m512 centre = _mm512_set1_ps(bits == 4 ? 8 : 128);
        __m512 z = d;
        if (rules == Q_OFFSET) z = _mm512_fmadd_ps(centre, d, _mm512_mul_ps(b->e, q_subs(b->t, g)));
        q_group(y, w, a, d, z, cols, bits, rules == Q_OFFSET);
    } else {
        const bool min = rules == Q_TWO_MIN;
        const __m512i none = _mm512_setzero_si512();
        const q_levels v =
            q_levels_from(b->d, b->e, q_pairs(b->s, g), min ? q_pairs(b->t, g) : none, bits, min);
        q_group_two(y, w, a, &v, cols, bits, min);
    }
}

VEC_INLINE size_t by_eights(__m512 *y, q_cursor *c, const q_tile *t, const size_t cols,
                            const size_t bits, const q_rules rules)
{
    const bool min = rules == Q_OFFSET || rules == Q_TWO_MIN;
    const size_t subs = rules == Q_TWO || rules == Q_TWO_MIN ? 2 : 1; /* of 32 k and a row */
    const size_t lines = EIGHT * subs * IG_Q_PANEL / 64, step = t->act_step;
    const uint8_t *w = c->head - t->layout->super_bytes;
    const ig_q_act *a = c->a;
    size_t left = t->groups;
    for (; left >= EIGHT; left -= EIGHT) {
        q_tables b;
        w = q_tables_of(&b, w, lines, min);
        UNROLL for (size_t g = 0; g < EIGHT; g++)
        {
            q_of_block(y, &b, w, a, g, cols, bits, rules);
            w += bits * IG_Q_GROUP * IG_Q_PANEL / 8;
            a = q_act_after(a, step);
            q_step(a);
        }
    }
    if (left < t->groups) *c = (q_cursor){w + t->gap, w + t->layout->super_bytes, a, 0, left, 1};
    return left;
}

/* All groups but the last few, whose number is returned. */
VEC_INLINE size_t q_few(__m512 *y, q_cursor *c, const q_tile *t, const size_t cols,
                        const size_t bits, const q_rules rules)
{
    const uint32_t bytes = t->format->scale_bytes;
    if (rules == Q_TWO || rules == Q_TWO_MIN || bytes == IG_Q_TWO_LEVELS)
        return by_eights(y, c, t, cols, bits, rules);
    return bytes == 2 ? by_share(y, c, t, cols, bits, rules == Q_OFFSET, 2)
                      : by_share(y, c, t, cols, bits, rules == Q_OFFSET, 4);
}

#endif
