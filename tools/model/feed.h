/* feed.h - what a model is given: arrays from files and from the command line, made into tensors.
 */
#ifndef IG_TOOL_FEED_H
#define IG_TOOL_FEED_H

#include "runtime/graph/ir.h"
#include "tools/data/array.h"

/* ig_feed_option - one `--input` text, appended to the list:
 *   NAME=x.npy            a file
 *   NAME=data.npz:KEY     one array of an archive
 *   NAME=3.5, NAME=[[1,2],[3,4]], NAME="a text", NAME=["a","b"]
 *                         values, converted to the input's type; leading dimensions of 1 are added
 *                         where the input has more
 * NAME= may be left out when the model has one input. Errors: E_DATA (no such input, a file that
 * cannot be read, a value that does not parse), E_NOMEM. */
ingot_status ig_feed_option(ig_arrays *list, const ig_graph *g, const char *text, ingot_error *err);

/* ig_feed_tensors - views of the arrays. An array in the type that carries the input's in NumPy's
 * files (uint16 for bfloat16) is taken as that type; NAME.0, NAME.1... become a sequence where the
 * input is one. *out [*n] lives in the arena. Errors: E_DATA, E_NOMEM. */
ingot_status ig_feed_tensors(ingot_tensor **out, size_t *n, const ig_arrays *list,
                             const ig_graph *g, ig_arena *arena, ingot_error *err);

/* ig_literal_read - the values of feed_option's last form into an array that was added empty. */
ingot_status ig_literal_read(ig_array *array, ig_heap *heap, const ig_type *want, const char *text,
                             ingot_error *err);

#endif
