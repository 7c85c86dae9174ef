/* describe.h - what is in a model, counted and put into words. */
#ifndef IG_TOOL_DESCRIBE_H
#define IG_TOOL_DESCRIBE_H

#include "formats/ingot/ingot_file.h"
#include "tools/cli/json.h"
#include "tools/cli/text.h"

/* Constants that share an element type and a layout. */
typedef struct {
    ingot_dtype dtype;
    ig_layout layout;
    const char *format; /* of weights of few bits: a name of kernels/gemm_q; NULL: none */
    size_t n;
    uint64_t bytes, elements;
} ig_weight_class;

typedef struct {
    const ig_op *op;
    size_t n;
} ig_op_count;

/* Subgraphs are counted in. A constant of a kind that only shapes and indices have (64-bit
 * integers, strings, booleans) is no parameter. */
typedef struct {
    uint64_t parameters, weight_bytes;
    size_t n_nodes, n_graphs;
    ig_op_count *ops; /* most frequent first */
    size_t n_ops;
    ig_weight_class *classes; /* largest first */
    size_t n_classes;
} ig_summary;

/* ig_summarize - lists live in the arena. E_NOMEM. */
ingot_status ig_summarize(ig_summary *out, const ig_graph *g, ig_arena *arena, ingot_error *err);

const char *ig_layout_name(ig_layout layout); /* "plain", "p16" */
const char *ig_section_name(char text[5], uint32_t type);

/* ig_ports_print - inputs and outputs as a table; ig_ports_json - as arrays "inputs", "outputs". */
ingot_status ig_ports_print(const ig_graph *g, FILE *to, ingot_error *err);
void ig_ports_json(ig_json *j, const ig_graph *g);

/* ig_dims_json - sizes as numbers, symbols as their names, the unknown as null. */
void ig_dims_json(ig_json *j, const char *key, const ig_type *type, const ig_symbols *symbols);

#endif
