/* shapes.h - sizes for the dimensions that a model leaves open, from the command line. */
#ifndef IG_TOOL_SHAPES_H
#define IG_TOOL_SHAPES_H

#include "runtime/graph/ir.h"
#include "tools/cli/option.h"

typedef struct {
    int64_t batch, context; /* 0: not given */
    ig_words dims;          /* "NAME=N" for a named dimension, "INPUT.AXIS=N" for any */
} ig_shape_wishes;

/* What was chosen for one dimension. */
typedef struct {
    const char *name; /* of the symbol, or "INPUT.AXIS" */
    int64_t size;
    bool given; /* false: it is 1 because nobody said otherwise */
} ig_shape_choice;

typedef struct {
    ingot_tensor *in; /* [n_in], without data; optional inputs are absent */
    size_t n_in;
    ig_shape_choice *choices;
    size_t n_choices;
} ig_shapes;

/* ig_shapes_choose - a size for every open dimension of the inputs. --batch means the dimension
 * that is called batch, batch_size, N or the like, else the inputs' first open one; --context the
 * one called seq, sequence, tokens, length or the like. An input of unknown rank gets none, one of
 * unknown type f32. Lives in the arena. Errors: E_ARG (names that nothing has; the text lists what
 * there is), E_NOMEM. */
ingot_status ig_shapes_choose(ig_shapes *out, const ig_graph *g, const ig_shape_wishes *wishes,
                              ig_arena *arena, ingot_error *err);

/* ig_shapes_text - "batch=8, seq=1" into text; returns text. */
const char *ig_shapes_text(char *text, size_t room, const ig_shapes *s, bool only_defaults);

#endif
