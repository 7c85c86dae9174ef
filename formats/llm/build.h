/* build.h - making the nodes of a language model: what decoders and encoders share.
 *
 * A builder is sticky: after the first failure every call gives IG_NO_VALUE and does nothing, so
 * that a model reads as the list of its nodes and is checked once, at its end. */
#ifndef IG_LLM_BUILD_H
#define IG_LLM_BUILD_H

#include "formats/llm/model.h"

typedef struct {
    ig_graph *g;
    const ig_weights *weights;
    ingot_error *err;
    ingot_status failed;
    const char *where; /* begins the names of nodes and values: "3.attn." */
} ig_build;

/* ig_build_in - begin names with the text of the format from now on. */
void ig_build_in(ig_build *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ig_build_node - a node with one output, *out; trailing inputs that are IG_NO_VALUE are left out.
 * NULL: failed. ig_build_op - the same for a node without attributes to set. */
ig_node *ig_build_node(ig_build *b, ig_id *out, const char *op, const char *name, const ig_id *in,
                       size_t n_in);
ig_id ig_build_op(ig_build *b, const char *op, const char *name, const ig_id *in, size_t n_in);
/* Attributes; node may be NULL. */
void ig_build_int(ig_build *b, ig_node *node, const char *attr, int64_t v);
void ig_build_real(ig_build *b, ig_node *node, const char *attr, double v);
void ig_build_text(ig_build *b, ig_node *node, const char *attr, const char *v);

ig_id ig_build_input(ig_build *b, const char *name, ingot_dtype dtype, int rank,
                     const int64_t *dims);
ig_id ig_build_vector(ig_build *b, const ig_rows *rows, float add);

ig_id ig_build_binary(ig_build *b, const char *fn, const char *name, ig_id x, ig_id y);
ig_id ig_build_unary(ig_build *b, const char *fn, const char *name, ig_id x);
ig_id ig_build_scaled(ig_build *b, ig_id x, double factor); /* x where factor is 0 or 1 */
/* ig_build_reshape - dims as the op has them: 0 copies a dimension, one may be -1. */
ig_id ig_build_reshape(ig_build *b, ig_id x, const int64_t *dims, size_t rank);

/* A norm of the last dimension; x where n has no tensor. */
typedef struct {
    ig_llm_norm_kind kind;
    double eps, add;
} ig_build_norm_rule;
ig_id ig_build_norm(ig_build *b, const char *name, ig_id x, const ig_build_norm_rule *rule,
                    const ig_llm_norm *n);

/* act(x W^T + bias) + residual with the rows of several weights one after the other. act NULL:
 * none; residual IG_NO_VALUE: none (with an act it must be none). */
typedef struct {
    const ig_llm_linear *parts;
    size_t n_parts;
    ig_weight_role role;
    const char *act;
    ig_id residual;
} ig_build_product;
ig_id ig_build_linear(ig_build *b, const char *name, ig_id x, const ig_build_product *p);
/* ig_build_with - the same with a weight that is there already, and its bias or IG_NO_VALUE. */
ig_id ig_build_with(ig_build *b, const char *name, ig_id x, const ig_weight *w, ig_id bias,
                    const char *act, ig_id residual);
/* ig_build_format - the attributes `format` and `acts` of a product with that weight. */
void ig_build_format(ig_build *b, ig_node *n, const ig_weight *w);
/* ig_build_can_join - may these be the parts of one product? */
bool ig_build_can_join(const ig_llm_linear *parts, size_t n_parts);

/* ig_build_table - rows of a table, times scale (0: 1). */
ig_id ig_build_table(ig_build *b, const char *name, ig_id ids, const ig_rows *table,
                     ig_weight_role role, double scale);

/* ig_build_mlp - gated or plain, without norm; the residual as above. */
ig_id ig_build_mlp(ig_build *b, ig_id x, const ig_llm_mlp *mlp, const char *act, ig_id residual);

#endif
