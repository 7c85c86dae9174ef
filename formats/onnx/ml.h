/* ml.h - what the mappings of ai.onnx.ml share. */
#ifndef IG_ONNX_ML_H
#define IG_ONNX_ML_H

#include "formats/onnx/import.h"

/* Numbers of an attribute that is a list of floats, or a tensor under `tensor` (may be NULL). */
typedef struct {
    double *v;
    size_t n;
    bool wide; /* they came as f64 */
} onnx_reals;

onnx_reals onnx_ml_reals(ig_import *c, const ig_onnx_node *n, const char *list, const char *tensor);

/* onnx_ml_const - a constant of reals as f32 or f64, dims as given. */
ig_id onnx_ml_const(ig_import *c, const double *v, int rank, const int64_t *dims, bool wide);

/* onnx_ml_post - sets `post` of the node from attribute post_transform. */
void onnx_ml_post(ig_import *c, const ig_onnx_node *n, ig_node *node);

/* onnx_ml_labels - the labels that an index means: output `out` gathers them, and is the index
 * itself where labels count from 0. ints or texts; exactly one has elements. */
void onnx_ml_labels(ig_import *c, const ig_onnx_node *n, ig_id out, ig_id index, ig_ints ints,
                    ig_texts texts);

void *onnx_ml_room(ig_import *c, size_t n, size_t each); /* zeroed; NULL: c->status is set */

#endif
