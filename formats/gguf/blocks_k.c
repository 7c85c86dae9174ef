/* blocks_k.c - ggml's types with blocks of 256 values and scales of two levels, see types.h.
 *
 *     q2_K    16 bytes (scale low, min high nibble), 64 of pairs of bits, d, dmin
 *     q3_K    32 bytes of third bits, 64 of pairs, 12 of 16 scales of 6 bits, d
 *     q4_K    d, dmin, 12 bytes of 8 scales and 8 mins of 6 bits, 128 of nibbles
 *     q5_K    d, dmin, 12 bytes of scales and mins, 32 of fifth bits, 128 of nibbles
 *     q6_K    128 bytes of nibbles, 64 of pairs, 16 signed scales, d
 *     iq4_xs  d, u16 and 4 bytes of 8 scales of 6 bits, 128 of nibbles (steps of ig_ggml_iq4)
 *
 * Values lie in runs of 32 bytes: value 32 j + i is in byte i of its run, at the bits of plane j.
 */
#include "formats/gguf/types.h"

enum { N = 256, RUN = 32 };

void ig_ggml_split_q2_K(const ig_split *to, const uint8_t *block)
{
    *to->scale = ig_ggml_f16(block + 80);
    *to->offset = -ig_ggml_f16(block + 82);
    for (size_t g = 0; g < N / 16; g++) {
        to->s[g] = block[g] & 15;
        to->t[g] = (int8_t)(block[g] >> 4);
    }
    for (size_t i = 0; i < N; i++)
        to->q[i] = block[16 + i / 128 * RUN + i % RUN] >> (2 * (i / RUN % 4)) & 3;
}

/* Scale g of sixteen: the low nibbles lie in 8 bytes, the high pairs of bits in 4. */
static int q3_scale(const uint8_t *packed, size_t g)
{
    const int low = packed[g % 8] >> (4 * (g / 8)) & 15,
              high = packed[8 + g % 4] >> (2 * (g / 4)) & 3;
    return (low | high << 4) - 32;
}

void ig_ggml_split_q3_K(const ig_split *to, const uint8_t *block)
{
    *to->scale = ig_ggml_f16(block + 108);
    for (size_t g = 0; g < N / 16; g++) to->s[g] = (int8_t)q3_scale(block + 96, g);
    for (size_t i = 0; i < N; i++) { /* 0 .. 7 means -4 .. 3: centred at 8 it is 4 more */
        const unsigned low = block[32 + i / 128 * RUN + i % RUN] >> (2 * (i / RUN % 4)) & 3;
        const unsigned high = block[i % RUN] >> (i / RUN) & 1;
        to->q[i] = (uint8_t)((low | high << 2) + 4);
    }
}

/* Eight scales and eight mins of 6 bits: the first four of each are the low bits of bytes 0..3 and
 * 4..7, whose upper two are the upper two of the others; the rest of those are nibbles of 8..11. */
static void q45_scales(const ig_split *to, const uint8_t *block)
{
    const uint8_t *p = block + 4;
    *to->scale = ig_ggml_f16(block);
    *to->offset = -ig_ggml_f16(block + 2);
    for (size_t g = 0; g < 8; g++) {
        const size_t i = g % 4;
        const int scale = g < 4 ? p[i] & 63 : (p[8 + i] & 15) | (p[i] >> 6) << 4;
        const int low = g < 4 ? p[4 + i] & 63 : p[8 + i] >> 4 | (p[4 + i] >> 6) << 4;
        to->s[g] = (int8_t)scale;
        to->t[g] = (int8_t)low;
    }
}

/* Nibble i of 256: runs of 32 bytes hold 64 values. */
static unsigned nibble(const uint8_t *from, size_t i)
{
    return from[i / 64 * RUN + i % RUN] >> (4 * (i / RUN % 2)) & 15u;
}

void ig_ggml_split_q4_K(const ig_split *to, const uint8_t *block)
{
    q45_scales(to, block);
    for (size_t i = 0; i < N; i++) to->q[i] = (uint8_t)nibble(block + 16, i);
}

void ig_ggml_split_q5_K(const ig_split *to, const uint8_t *block)
{
    q45_scales(to, block);
    for (size_t i = 0; i < N; i++) {
        const unsigned fifth = block[16 + i % RUN] >> (i / RUN) & 1;
        to->q[i] = (uint8_t)(nibble(block + 48, i) | fifth << 4);
    }
}

void ig_ggml_split_q6_K(const ig_split *to, const uint8_t *block)
{
    *to->scale = ig_ggml_f16(block + 208);
    for (size_t g = 0; g < N / 16; g++) to->s[g] = (int8_t)block[192 + g];
    for (size_t i = 0; i < N; i++) { /* planes of 32: nibbles low, low, high, high of 64 bytes */
        const size_t half = i / 128, plane = i / RUN % 4;
        const unsigned low = block[half * 64 + i % 64] >> (4 * (plane / 2)) & 15u;
        const unsigned high = block[128 + half * RUN + i % RUN] >> (2 * plane) & 3u;
        to->q[i] = (uint8_t)((low | high << 4) + (128 - 32));
    }
}

void ig_ggml_split_iq4_xs(const ig_split *to, const uint8_t *block)
{
    *to->scale = ig_ggml_f16(block);
    const unsigned high = (unsigned)(block[2] | block[3] << 8);
    for (size_t g = 0; g < N / 32; g++) {
        const unsigned low = block[4 + g / 2] >> (4 * (g % 2)) & 15u;
        to->s[g] = (int8_t)((int)(low | (high >> (2 * g) & 3u) << 4) - 32);
    }
    for (size_t i = 0; i < N; i++) { /* each 32 values as iq4_nl has them */
        const unsigned code = block[8 + i / 32 * 16 + i % 16] >> (4 * (i / 16 % 2)) & 15u;
        to->q[i] = (uint8_t)(ig_ggml_iq4[code] + 128);
    }
}
