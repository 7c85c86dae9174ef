/* llm.h - the decoder that a GGUF file's keys and tensors describe, in the words of
 * formats/llm/model.h. */
#ifndef IG_GGUF_LLM_H
#define IG_GGUF_LLM_H

#include "formats/gguf/parts.h"
#include "formats/llm/model.h"

/* ig_gguf_checkpoint - the tensors of all parts, by name, their bytes held against the files.
 * Errors: E_FORMAT, E_UNSUPPORTED (a type that is not known), each with the tensor's name; E_NOMEM.
 */
ingot_status ig_gguf_checkpoint(ig_checkpoint *c, ig_arena *arena, const ig_gguf_part *parts,
                                size_t n_parts, ingot_error *err);

/* ig_gguf_llm - m (set by ig_llm_init) from the keys, with its weights from c; log may be NULL.
 * Errors: E_UNSUPPORTED (an architecture, a scaling or a tensor that Ingot does not know; lists
 * those that it does), E_FORMAT (a key or a tensor is missing, by its name), E_NOMEM. */
ingot_status ig_gguf_llm(ig_llm *m, ig_arena *arena, const ig_gguf *g, const ig_checkpoint *c,
                         const ig_log *log, ingot_error *err);

/* ---- what the files of this folder share ---- */

/* One description being read. */
typedef struct {
    ig_llm *m;
    const ig_gguf *g;
    const ig_checkpoint *c;
    ig_arena *arena;
    const struct ig_gguf_arch *arch;
    const ig_log *log;
    ingot_error *err;
} ig_gguf_reader;

/* How an architecture differs from Llama; all else is told by keys and by which tensors there are.
 */
typedef struct ig_gguf_arch {
    const char *name;
    const char *act;
    ig_llm_norm_kind norm;
    ig_llm_qk_norm qk_norm; /* when there are weights for it */
    bool interleaved;       /* neighbours turn as pairs */
    /* Every layer but each `global`th has the window of attention.sliding_window; 0: no layer has,
     * 1: all layers. window: when the key is missing. */
    int64_t global, window;
    ig_llm_scores scores; /* of experts */
    bool renormalise;
    ingot_status (*adjust)(ig_gguf_reader *r); /* or NULL: the last word, after all keys */
} ig_gguf_arch;

/* ig_gguf_arch_find - NULL: not known. ig_gguf_arch_names - those that are, for messages. */
const ig_gguf_arch *ig_gguf_arch_find(ingot_str name);
void ig_gguf_arch_names(char *out, size_t cap);

/* Keys "<architecture>.<name>". */
int64_t ig_gguf_arch_int(const ig_gguf_reader *r, const char *name, int64_t otherwise);
double ig_gguf_arch_real(const ig_gguf_reader *r, const char *name, double otherwise);
const ig_gguf_value *ig_gguf_arch_value(const ig_gguf_reader *r, const char *name); /* or NULL */

#endif
