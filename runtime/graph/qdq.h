/* qdq.h - what the files of the qdq pass share: quantised tensors, as the operands of dequantize
 * and quantize nodes with constant scales. */
#ifndef IG_QDQ_H
#define IG_QDQ_H

#include "runtime/graph/match.h"
#include "runtime/graph/pass.h"

typedef struct {
    ig_graph *g;
    ig_match m;
    ig_pass_context *c;
    ingot_error *err;
    bool failed; /* no memory; sticky */
} ig_qdq;

/* A tensor of bytes with one scale and one zero point. */
typedef struct {
    ig_id q;       /* the bytes */
    ig_id zero_id; /* or IG_NO_VALUE: 0 */
    float scale;
    int32_t zero;
    ingot_dtype dtype;
} ig_quantised;

/* ig_qdq_source - f32 value `id` is made from bytes by a dequantize of that kind. ig_qdq_target -
 * node n quantises f32 to such bytes (out->q is its output). */
bool ig_qdq_source(const ig_qdq *q, ig_id id, ig_quantised *out);
bool ig_qdq_target(const ig_qdq *q, const ig_node *n, ig_quantised *out);
bool ig_qdq_same(const ig_quantised *a, const ig_quantised *b); /* but for the bytes */

/* The values that a quantised tensor can have, narrowed by what lies before its quantisation. */
typedef struct {
    int64_t low, high;
} ig_qdq_range;

/* Each tries to compute node n, the quantisation `to` of f32 value v within the range, from bytes;
 * true: n became that. v is read by nobody else. n's input need not be v: relus and clips may lie
 * between. */
bool ig_qdq_product(ig_qdq *q, ig_node *n, const ig_quantised *to, ig_id v, const ig_qdq_range *r);
bool ig_qdq_binary(ig_qdq *q, ig_node *n, const ig_quantised *to, ig_id v, const ig_qdq_range *r);

/* ig_qdq_product_to_f32 - the same for a product or convolution n whose result stays f32. */
bool ig_qdq_product_to_f32(ig_qdq *q, ig_node *n);

/* ig_qdq_table - n quantises a function of one byte, spelled out in any number of ops: a look-up.
 */
bool ig_qdq_table(ig_qdq *q, ig_node *n, const ig_quantised *to);
/* ig_qdq_concat - n quantises a concatenation of bytes of several scales: each is looked up alone.
 */
bool ig_qdq_concat(ig_qdq *q, ig_node *n, const ig_quantised *to);

/* ig_qdq_move - n moves, repeats or selects elements of bytes that were dequantised: it moves the
 * bytes, and the result is dequantised. */
bool ig_qdq_move(ig_qdq *q, ig_node *n);

/* ig_qdq_dynamic - n scales the i32 result of an integer product, or adds a bias to one that was
 * scaled: the product does it. */
bool ig_qdq_dynamic(ig_qdq *q, ig_node *n);

#endif
