/* q_tiles.h - weights of few bits as tiles for the matrix units of a CUDA device, made from the
 * panels of gemm_q.h: where their parts lie, and what the device's kernels (q_tiles_cuda.h) are
 * compared with.
 *
 * All formats become one of three forms, of 4 bits, of 8 bits or of e4m3:
 *
 *     W[n, k] = row[n] * fma(q - centre, scale[n, group], offset[n, group])      centre: 8 or 128
 *     W[n, k] = row[n] * (q / 256) * scale[n, group]                             e4m3
 *
 *     format                 group of k         scale, offset (f16)
 *     i4g32 .. i8g128f       32, 64, 128        d / row, and nothing
 *       .. with zeros                           d / row, d (centre - zero) / row
 *       .. with mins                            d / row, fma(centre, d, min) / row
 *     i4c, i8c (cz)          the whole row      the same
 *     i4g16s .. i8g32ms      16, 32             D s / row, fma(centre, D s, E t) / row
 *     f8c, f8g128            the whole row, 128 256 d / row, and nothing
 *
 * row[n] is a power of two that brings the largest weight of the row between 2^13 and 2^14. So the
 * f16 scales of a format are kept exactly (unless they are 2^27 times smaller than the row's
 * largest), those of f32 and of two levels are rounded by at most 2^-12 of themselves, and nothing
 * overflows. The device makes each weight in f16 with one more rounding of 2^-12: a product with
 * such weights differs from one with the CPU's by less than bf16 operands do by a factor of 8.
 *
 * A tile is 64 rows by 64 k in the order of mma's operand A (m16n8k16, and wgmma's A of registers):
 * thread t of 128 owns rows 16 (t / 32) + t % 32 / 4 + {0, 8} and, in each of four steps of 16 k,
 * k = 2 (t % 4) + {0, 1, 8, 9}.
 *
 *     4 bits, 2 KB  [128 threads][4 steps] words; in a word, register i (row + 8 (i % 2),
 *                   k + 8 (i / 2)) has its two values at bits 4 i and 16 + 4 i
 *     8 bits, 4 KB  [2 halves][128 threads][2 steps][8 bytes], registers in order
 *
 * Tiles follow each other along k, then rows. Scales and offsets: [rows / 64][groups][64], where
 * rows r and r + 8 of each 16 are neighbours. Rows and k beyond the matrix are zeros. */
#ifndef IG_Q_TILES_H
#define IG_Q_TILES_H

#include "kernels/gemm_q/gemm_q.h"

enum { IG_Q_TILE = 64 };

typedef struct {
    uint32_t bits;
    uint32_t group_log2; /* k of a scale; 31: the whole row */
    bool has_offset, e4m3;
    size_t n, k;                 /* multiples of 64 */
    size_t groups;               /* of a row */
    size_t scales, offsets, row; /* where they begin, in bytes; quants are first */
    size_t bytes;                /* of everything, a multiple of 256 */
} ig_q_tiles;

/* ig_q_tiles_of - false: the sizes do not fit. */
bool ig_q_tiles_of(ig_q_tiles *t, const ig_q_format *f, size_t n, size_t k);
/* ig_q_tiles_fill - rows [64 b0, 64 b1) of the tiles of W [n, k] in panels. */
void ig_q_tiles_fill(uint8_t *to, const ig_q_tiles *t, const uint8_t *panels, const ig_q_format *f,
                     size_t n, size_t k, size_t b0, size_t b1);

/* Floats of 16 bits in tiles: W [n, k] from B = W^T [k, n] in gemm.h's panels F16P16 or B16P16, as
 * f16 that a power of two a row brings below 2^14 (f16 stays as it is but for what is 2^27 times
 * smaller than the row's largest; bf16 has fewer bits). A tile is 8 KB: [4 steps][128 threads][16
 * bytes], the registers of operand A in order. No scales. ig_q_tiles16_fill returns the bytes of
 * the panels. */
bool ig_q_tiles16_of(ig_q_tiles *t, size_t n, size_t k);
size_t ig_q_tiles16_fill(uint8_t *to, const ig_q_tiles *t, const void *panels, bool bf16, size_t n,
                         size_t k);

#endif
