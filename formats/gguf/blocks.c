/* blocks.c - ggml's types with blocks of 32 values and one f16 scale, see types.h.
 *
 *     q4_0, iq4_nl  d, 16 bytes of nibbles: the low ones are values 0 to 15, the high ones 16 to 31
 *     q4_1          d, min, nibbles
 *     q5_0, q5_1    d, [min,] u32 of fifth bits in order of the values, nibbles
 *     q8_0          d, 32 signed bytes */
#include "formats/gguf/types.h"

enum { N = 32 };

const int8_t ig_ggml_iq4[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                1,    13,   25,  38,  53,  69,  89,  113};

static void nibbles(uint8_t *q, const uint8_t *from)
{
    for (size_t i = 0; i < N / 2; i++) {
        q[i] = from[i] & 15;
        q[N / 2 + i] = from[i] >> 4;
    }
}

/* Nibbles with fifth bits, plus what centres them at 128. */
static void fives(uint8_t *q, const uint8_t *from, uint8_t plus)
{
    const uint32_t fifth = (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
                           (uint32_t)from[3] << 24;
    nibbles(q, from + 4);
    for (size_t i = 0; i < N; i++) q[i] = (uint8_t)((q[i] | (fifth >> i & 1) << 4) + plus);
}

void ig_ggml_split_q4_0(const ig_split *to, const uint8_t *block)
{
    *to->scale = ig_ggml_f16(block);
    nibbles(to->q, block + 2);
}

void ig_ggml_split_q4_1(const ig_split *to, const uint8_t *block)
{
    *to->scale = ig_ggml_f16(block);
    *to->offset = ig_ggml_f16(block + 2);
    nibbles(to->q, block + 4);
}

void ig_ggml_split_q5_0(const ig_split *to, const uint8_t *block)
{
    *to->scale = ig_ggml_f16(block);
    fives(to->q, block + 2, 128 - 16);
}

void ig_ggml_split_q5_1(const ig_split *to, const uint8_t *block)
{
    *to->scale = ig_ggml_f16(block);
    *to->offset = ig_ggml_f16(block + 2);
    fives(to->q, block + 4, 0);
}

void ig_ggml_split_q8_0(const ig_split *to, const uint8_t *block)
{
    *to->scale = ig_ggml_f16(block);
    for (size_t i = 0; i < N; i++) to->q[i] = block[2 + i] ^ 0x80; /* signed to centred at 128 */
}

void ig_ggml_split_iq4_nl(const ig_split *to, const uint8_t *block)
{
    *to->scale = ig_ggml_f16(block);
    nibbles(to->q, block + 2);
    for (size_t i = 0; i < N; i++) to->q[i] = (uint8_t)(ig_ggml_iq4[to->q[i]] + 128);
}
