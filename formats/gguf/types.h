/* types.h - ggml's tensor types as data: how a block of values comes apart.
 *
 * Every quantised type is, value by value, what a format of kernels/gemm_q multiplies by: (q -
 * centre) d, or fma(d, q, min), with one d and min for a group of 16 or 32, which types with blocks
 * of 256 write as d = D s and min = E t. So one function a type, which fills an ig_split, serves
 * both dequantising, bit for bit as ggml does it, and repacking without loss. */
#ifndef IG_GGUF_TYPES_H
#define IG_GGUF_TYPES_H

#include "formats/llm/weights.h"
#include "kernels/gemm_q/gemm_q.h"
#include "runtime/base/dtype.h"
#include "runtime/base/half.h"

enum { IG_GGML_BLOCK_MOST = 256, IG_GGML_GROUPS_MOST = 16 };

typedef struct {
    uint32_t id;
    const char *name;   /* as ggml writes it: "q4_K" */
    ingot_dtype dtype;  /* f32, f16, bf16: a block is one value. NONE: quantised, and then: */
    uint32_t n, bytes;  /* values and bytes of a block */
    const char *format; /* its format in kernels/gemm_q */
    void (*split)(const ig_split *to, const uint8_t *block); /* one block */
} ig_ggml_type;

/* ig_ggml_type_at - by ggml's number; NULL: unknown. ig_ggml_type_names - those that are known,
 * for messages. */
const ig_ggml_type *ig_ggml_type_at(uint32_t id);
void ig_ggml_type_names(char *out, size_t cap);

/* ig_ggml_split_row - n values, whole blocks, of a quantised type. */
void ig_ggml_split_row(const ig_split *to, const ig_ggml_type *t, const uint8_t *row, size_t n);
/* ig_ggml_row_f32 - n values, whole blocks, as f32, each rounded once. */
void ig_ggml_row_f32(float *y, const ig_ggml_type *t, const uint8_t *row, size_t n);

#define T(id, name, n, bytes, format) \
    void ig_ggml_split_##name(const ig_split *to, const uint8_t *block);
#include "formats/gguf/types.def"
#undef T

/* The f16 at p. */
static inline float ig_ggml_f16(const uint8_t *p)
{
    return ig_f16_to_f32((uint16_t)(p[0] | p[1] << 8));
}

/* IQ4's sixteen steps, denser around zero. */
extern const int8_t ig_ggml_iq4[16];

#endif
