/* subgraph.h - running the graphs that a node owns: bodies of loops, branches.
 *
 * A subgraph's inputs are what the op gives it, then the captured values, which are the node's last
 * inputs. The graphs come from files: ig_child_check is called in infer, before anything else. */
#ifndef IG_OPS_SUBGRAPH_H
#define IG_OPS_SUBGRAPH_H

#include "runtime/graph/exec.h"

/* ig_child_check - subgraph `slot` takes `own` values of the op and then the node's inputs
 * [captured, captured + n_captured), and gives at least `gives` outputs. */
ingot_status ig_child_check(const ig_infer *c, uint32_t slot, size_t own, size_t captured,
                            size_t n_captured, size_t gives);

/* ig_child_sure - what the subgraph declares of its inputs from `first` on does not contradict the
 * actual types given[n] (NULL: unknown), so that its outputs' types can be trusted. */
bool ig_child_sure(const ig_graph *sub, size_t first, const ig_type *const *given, size_t n);

const ig_type *ig_child_output(const ig_graph *sub, size_t i);

/* ig_type_common - what holds for a and for b: dims that differ become unknown. false: they are of
 * different kinds or element types. */
bool ig_type_common(ig_type *out, const ig_type *a, const ig_type *b);

/* One subgraph, opened. `in` is filled by the op before each run; `out` points into the subgraph's
 * memory until the next run. */
typedef struct {
    ig_exec *exec;
    ig_tensor *in, *out;
    size_t n_in, n_out;
} ig_child;

/* ig_child_open - in bind; arrays come from the plan's arena. ig_child_close: in unbind; an
 * unopened child is fine. */
ingot_status ig_child_open(ig_child *child, const ig_bind *b, uint32_t slot);
void ig_child_close(ig_child *child);

/* ig_child_capture - the node's inputs [from, from + n) become the subgraph's inputs at + k. */
void ig_child_capture(ig_child *child, size_t at, const ig_run *r, size_t from, size_t n);
ingot_status ig_child_run(ig_child *child, const ig_run *r);

/* ig_child_keep - behind a run whose outputs [out, out + n) are the next one's inputs [in, in + n):
 * where all have the types that they had, those that a device made and reads stay there (there[i];
 * the tensor has no data), the others come to the host. Before the first run: ig_exec_leave(exec,
 * out, n); behind the last one ig_exec_fetch brings them. */
ingot_status ig_child_keep(ig_child *child, const ig_run *r, bool *there, size_t n, size_t in,
                           size_t out);

/* ig_child_flag - a condition: one bool. */
ingot_status ig_child_flag(bool *out, const ig_tensor *t, const ig_run *r, const char *what);

/* ig_child_give - output i of the node is a copy of t. */
ingot_status ig_child_give(ig_run *r, size_t i, const ig_tensor *t);

#endif
