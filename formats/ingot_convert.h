/* ingot_convert.h - from other model formats to .ingot; link libingot_convert. */
#ifndef INGOT_CONVERT_H
#define INGOT_CONVERT_H

#include <ingot.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    size_t size;         /* sizeof(ingot_convert_options) */
    const char *from;    /* "onnx", "hf", "gguf"...; NULL: told from the content */
    const char *name;    /* the model's name; NULL: the source file's */
    const char *version; /* NULL: "1.0.0" */
    bool plain; /* keep weights in plain layout: smaller tools can read them, opening repacks */
    ingot_alloc alloc; /* fn NULL: libc */
    /* Language models: what their weights become ("keep", "f32", "f16", "bf16", "q8", "q4", "fp8",
     * "fp8-block"; NULL: keep), and a tokenizer of its own (tokenizer.json, tokenizer.model, GGUF)
     * or NULL. */
    const char *dtype, *tokenizer;
    /* "fp8": what weights of fp8 are multiplied by is rounded to fp8 too; NULL or "keep": it is not
     */
    const char *activations;
} ingot_convert_options;

/* ingot_convert_file - read the model at src (a file, or the folder of a checkpoint), optimise its
 * graph, write the .ingot file out. The weights of a language model are converted one by one, in
 * memory for the largest.
 *
 * out is written beside the target and renamed: it is whole or untouched. Errors: E_IO, E_FORMAT
 * (the source is malformed), E_UNSUPPORTED (lists every unsupported op at once), E_ARG, E_NOMEM.
 * Threads: any number of calls at once. */
INGOT_API INGOT_MUST_USE ingot_status ingot_convert_file(const char *out, const char *src,
                                                         const ingot_convert_options *options,
                                                         ingot_error *err);

#ifdef __cplusplus
}
#endif
#endif
