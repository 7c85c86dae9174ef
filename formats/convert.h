/* convert.h - from other formats to .ingot. */
#ifndef IG_CONVERT_H
#define IG_CONVERT_H

#include "formats/ingot/ingot_file.h"
#include "formats/llm/weights.h"
#include "runtime/base/log.h"
#include "runtime/base/pool.h"

typedef struct {
    ig_heap *heap;
    ig_pool *pool;           /* may be NULL */
    const ig_log *log;       /* may be NULL */
    const char *from;        /* "onnx", or NULL: told from the content and the name */
    const char *name;        /* META name; NULL: the source file's, without its ending */
    const char *version;     /* META version; NULL: "1.0.0" */
    const char *command;     /* META convert.options: how it was asked for; may be NULL */
    bool plain;              /* keep weights in plain layout */
    ig_weight_target target; /* what becomes of the weights of a language model */
    bool round_f8;           /* weights of e4m3 meet activations of e4m3; E_ARG without such */
    const char *tokenizer;   /* a tokenizer file of its own (llama2.c, folders without); or NULL */
    const ig_golden *golden; /* may be NULL; checked against a run before it is stored */
    void (*after_pass)(void *ud, const char *pass,
                       const ig_graph *g); /* may be NULL; "import" first */
    void *after_ud;
} ig_convert_options;

/* ig_convert_file - read src, run the passes, write out (through a temporary file).
 * Errors: E_IO, E_FORMAT, E_UNSUPPORTED (every unsupported op at once), E_NOMEM, E_DATA (the golden
 * outputs differ). No output is left behind on failure. */
ingot_status ig_convert_file(const char *out, const char *src, const ig_convert_options *options,
                             ingot_error *err);

/* ig_golden_check - run every case on the graph; E_DATA names the output, the error and the
 * tolerance. worst (may be NULL): the largest relative error seen. */
ingot_status ig_golden_check(double *worst, const ig_graph *g, const ig_golden *golden,
                             ig_heap *heap, ig_pool *pool, ingot_error *err);

#endif
