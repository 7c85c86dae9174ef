/* types.h - ggml's tensor types as data: how a block of values comes apart.
 *
 * Every quantised type is, value by value, what kernels/gemm_q multiplies by:
 *
 *     (q - centre) d      IG_Q_CENTRED, centre 8 for 4 bits, 128 for 8
 *     fma(d, q, min)      IG_Q_MIN
 *
 * with one d (and min) for each group of 16 or 32 values. Types with two levels of scales (K) have
 * their product in f32, which is exact: at most 11 bits by 8. So one function a type serves both
 * dequantising, bit for bit as ggml does it, and repacking without loss. */
#ifndef IG_GGUF_TYPES_H
#define IG_GGUF_TYPES_H

#include "kernels/gemm_q/gemm_q.h"
#include "runtime/base/dtype.h"
#include "runtime/base/half.h"

enum { IG_GGML_BLOCK_MOST = 256, IG_GGML_GROUPS_MOST = 16 };

typedef struct {
    uint32_t id;
    const char *name;  /* as ggml writes it: "q4_K" */
    ingot_dtype dtype; /* f32, f16, bf16: a block is one value. NONE: quantised, and then: */
    uint32_t n, bytes; /* values and bytes of a block */
    uint32_t bits, group, scale_bytes;
    ig_q_offset offset;
    /* One block: q [n], d [n / group], min [n / group] (only IG_Q_MIN). */
    void (*split)(uint8_t *q, float *d, float *min, const uint8_t *block);
} ig_ggml_type;

/* ig_ggml_type_at - by ggml's number; NULL: unknown. ig_ggml_type_names - those that are known,
 * for messages. */
const ig_ggml_type *ig_ggml_type_at(uint32_t id);
void ig_ggml_type_names(char *out, size_t cap);

/* ig_ggml_split_row - n values, whole blocks, of a quantised type. */
void ig_ggml_split_row(uint8_t *q, float *d, float *min, const ig_ggml_type *t, const uint8_t *row,
                       size_t n);
/* ig_ggml_row_f32 - n values, whole blocks, as f32, each rounded once. */
void ig_ggml_row_f32(float *y, const ig_ggml_type *t, const uint8_t *row, size_t n);

#define T(id, name, n, bytes, bits, group, scale, offset) \
    void ig_ggml_split_##name(uint8_t *q, float *d, float *min, const uint8_t *block);
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
