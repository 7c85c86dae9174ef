/* tensor.h - TensorProto and SparseTensorProto as tensors. */
#ifndef IG_ONNX_TENSOR_H
#define IG_ONNX_TENSOR_H

#include "formats/wire.h"
#include "runtime/graph/ir.h"

/* Files beside the model that tensors keep their bytes in. See external.c. */
typedef struct onnx_files onnx_files;

typedef struct {
    ig_arena *arena;   /* for content that cannot be borrowed */
    onnx_files *files; /* NULL: external data is refused */
    size_t dense_left; /* bytes that sparse tensors may still grow to */
    bool counted;      /* inside a function, whose tensors are copied at every call */
    size_t copy_left;  /* bytes that those copies may still take */
} onnx_store;

/* What all sparse tensors of a model may take once they are dense: a few bytes can ask for
 * anything.
 */
#define ONNX_DENSE_MOST ((size_t)256 << 20)
#define ONNX_COPY_MOST  ((size_t)256 << 20)

/* onnx_tensor_read - the tensor's content: borrowed from the message (or the external file) where
 * it is stored plainly and aligned to its elements, else made in the store's arena. Elements of 4
 * and 2 bits are widened to a byte; strings point into the message. `what` names it in errors. */
ingot_status onnx_tensor_read(ig_tensor *out, ig_span message, onnx_store *store, const char *what,
                              ingot_error *err);
ingot_status onnx_sparse_read(ig_tensor *out, ig_span message, onnx_store *store, const char *what,
                              ingot_error *err);

/* onnx_dtype - of TensorProto.DataType; INGOT_NONE: undefined, or one that Ingot does not have. */
ingot_dtype onnx_dtype(int64_t code);

/* ---- external data ---- */

/* onnx_files_open - `folder` is where they must lie; it is copied. NULL: no memory. */
onnx_files *onnx_files_open(ig_heap *heap, const char *folder);
void onnx_files_close(void *files); /* an onnx_files; may be NULL */
bool onnx_files_used(const onnx_files *files);

/* onnx_external - the bytes that a TensorProto's external_data entries tell of, mapped. */
ingot_status onnx_external(ig_span *out, ig_span message, onnx_files *files, const char *what,
                           ingot_error *err);

#endif
