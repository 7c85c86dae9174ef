/* onnx.h - reading ONNX files into graphs. */
#ifndef IG_ONNX_H
#define IG_ONNX_H

#include "runtime/graph/ir.h"
#include "runtime/base/log.h"

typedef struct {
    const ig_log *log;
} ig_onnx_options;

/* What the file says of itself, for META. Texts live in the graph's arena. */
typedef struct {
    const char *producer, *producer_version, *domain, *doc, *graph_name;
    int64_t ir_version, model_version;
    const char *opsets; /* "ai.onnx 17, ai.onnx.ml 3" */
} ig_onnx_meta;

/* ig_onnx_read - a new graph from a model in memory. Constants point into `bytes` where they are
 * aligned and stored plainly: the bytes must outlive the graph. folder: where external data files
 * lie (only beneath it), NULL: external data is refused. Maps of external files are kept by *out
 * until it closes. Errors: E_FORMAT (malformed), E_UNSUPPORTED (lists every op at once), E_NOMEM,
 * E_IO. */
ingot_status ig_onnx_read(ig_graph **out, ig_onnx_meta *meta, ig_heap *heap, const void *bytes,
                          size_t n_bytes, const char *folder, const ig_onnx_options *options,
                          ingot_error *err);

#endif
