/* map_rnn.c - ONNX recurrent layers. */
#include "formats/onnx/import.h"

/* arg: the op. output_sequence (opset 1) says whether Y is there, which the node's outputs say too.
 */
static ingot_status recurrent(ig_import *c, const ig_onnx_node *n, const char *op)
{
    ig_node *node = ig_emit(c, n, op, n->in, n->n_in, n->out, n->n_out);
    const ig_texts names = onnx_texts(c, n, "activations");
    const ig_floats alpha = onnx_floats(c, n, "activation_alpha"),
                    beta = onnx_floats(c, n, "activation_beta");
    ig_set_text(c, node, "direction", onnx_text(c, n, "direction", "forward"));
    if (names.n) ig_set_texts(c, node, "activations", names.v, names.n);
    if (alpha.n) ig_set_floats(c, node, "activation_alpha", alpha.v, alpha.n);
    if (beta.n) ig_set_floats(c, node, "activation_beta", beta.v, beta.n);
    ig_set_float(c, node, "clip", onnx_float(c, n, "clip", 0));
    ig_set_int(c, node, "hidden_size", onnx_int(c, n, "hidden_size", 0));
    ig_set_int(c, node, "layout", onnx_int(c, n, "layout", 0));
    if (onnx_has(n, "input_forget"))
        ig_set_int(c, node, "input_forget", onnx_int(c, n, "input_forget", 0) != 0);
    if (onnx_has(n, "linear_before_reset"))
        ig_set_int(c, node, "linear_before_reset", onnx_int(c, n, "linear_before_reset", 0) != 0);
    return c->status;
}

// clang-format off
const ig_onnx_map ig_onnx_map_rnn[] = {
    {"", "GRU", 1, 0, recurrent, "gru"},
    {"", "LSTM", 1, 0, recurrent, "lstm"},
    {"", "RNN", 1, 0, recurrent, "rnn"},
    {0},
};
