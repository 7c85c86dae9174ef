/* checkpoint.h - checkpoints of llama2.c (Karpathy 2023): a Llama in one file without names.
 *
 *     version 0  7 i32: width, inner, layers, heads, kv heads, vocabulary (negative: the output is
 *                a matrix of its own), context; then f32 matrices, kind after kind
 *     version 1  "24ka", i32 1, the same 7 (vocabulary positive), u8 tied, zeros up to byte 256;
 *                f32, norms first
 *     version 2  the same with i32 2, and the size of a group behind `tied`; matrices are i8
 * values, then one f32 scale for each group of them */
#ifndef IG_LLAMA2C_CHECKPOINT_H
#define IG_LLAMA2C_CHECKPOINT_H

#include "formats/llm/model.h"

typedef struct {
    int version;
    size_t width, inner, layers, heads, kv_heads, vocab, context, group;
    bool tied;
    size_t head_bytes;
} ig_llama2c_head;

/* ig_llama2c_head_read - false: not such a file. Version 0 has no mark: its numbers are believed
 * when the file is exactly as long as they say. */
bool ig_llama2c_head_read(ig_llama2c_head *h, const void *bytes, size_t n);

/* ig_llama2c_read - the model (set by ig_llm_init) and its tensors. Matrices of version 2 are
 * copied to the arena, scales beside their groups. Errors: E_FORMAT (cut off), E_UNSUPPORTED (a
 * later version, groups that do not divide rows), E_NOMEM. */
ingot_status ig_llama2c_read(ig_llm *m, ig_checkpoint *c, ig_arena *arena, const ig_llama2c_head *h,
                             const void *bytes, size_t n, ingot_error *err);

#endif
