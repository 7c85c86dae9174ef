/* layout.h - the NHWC layout pass: what its files share.
 *
 * An image value [N, C, H, W] can have a twin [N, H, W, C]. The pass walks the nodes in order and
 * gives each node the form that its inputs already have; a transpose is made only where a node
 * needs a form that is not there, and once per value. */
#ifndef IG_LAYOUT_H
#define IG_LAYOUT_H

#include "runtime/graph/match.h"

typedef struct {
    ig_graph *g;
    ig_match m;
    ig_id *twin; /* [cap] the NHWC form of a value, or IG_NO_VALUE */
    bool *there; /* [cap] the value itself is made (or an input, or a constant) */
    size_t cap;  /* values at the beginning: only those have twins */
    bool failed; /* no memory; sticky */
} ig_layouting;

/* NHWC axis of an NCHW axis, and the permutation between the forms. */
extern const int ig_nhwc_of_axis[4]; /* {0, 3, 1, 2} */

bool ig_is_image(const ig_graph *g, ig_id id); /* rank 4 */
bool ig_has_twin(const ig_layouting *l, ig_id id);

/* ig_twin - the NHWC form, made by a transpose when it is not there. ig_twin_new - a new value,
 * declared to be the twin of `id`. */
ig_id ig_twin(ig_layouting *l, ig_id id);
ig_id ig_twin_new(ig_layouting *l, ig_id id);
/* ig_need_plain - make sure that the value itself is made. */
void ig_need_plain(ig_layouting *l, ig_id id);

/* ig_layout_copy - append a node like n with other inputs and outputs, same attributes. NULL:
 * failed. */
ig_node *ig_layout_copy(ig_layouting *l, const ig_node *n, const ig_id *in, size_t n_in,
                        const ig_id *out, size_t n_out);
ig_node *ig_layout_node(ig_layouting *l, const char *op, const char *name, const ig_id *in,
                        size_t n_in, ig_id out);

/* layout_conv.c and layout_rules.c: emit the node in NHWC; false: it stays as it is. */
bool ig_layout_conv(ig_layouting *l, const ig_node *n, bool pack);
bool ig_layout_rule(ig_layouting *l, const ig_node *n);

#endif
