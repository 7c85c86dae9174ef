/* rnn_cuda.h - one step of an RNN, GRU or LSTM on a device, product with the state included: f32,
 * and any type.
 *
 * The sums of the input (x W, without biases) of all times were made before by a product. A step
 * reads R once and writes the new state; steps follow each other as launches, which a graph
 * records. Gates are in ONNX order (kernels/rnn/rnn.h). */
#ifndef RNN_CUDA_H
#define RNN_CUDA_H

#include "kernels/cuda/stream.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* GRU: with linear_before_reset a step is one launch; else two: RESET makes z and r h', FRESH takes
 * the product of the latter. */
typedef enum { CU_RNN, CU_GRU_LINEAR, CU_GRU_RESET, CU_GRU_FRESH, CU_LSTM } cu_rnn_kind;

/* In the order of runtime/ops/rnn_cell.c. */
typedef enum {
    CU_RNN_AFFINE,
    CU_RNN_ELU,
    CU_RNN_HARD_SIGMOID,
    CU_RNN_LEAKY_RELU,
    CU_RNN_RELU,
    CU_RNN_SCALED_TANH,
    CU_RNN_SIGMOID,
    CU_RNN_SOFTPLUS,
    CU_RNN_SOFTSIGN,
    CU_RNN_TANH,
    CU_RNN_THRESHOLDED_RELU,
} cu_rnn_act;

typedef struct {
    cu_rnn_kind kind;
    int batch, hidden, gates; /* gates: of the cell, 1, 3 or 4 */
    int t;                    /* the time of this step */
    const float *sums;        /* row b at b * sums_row, [gates * hidden] */
    int64_t sums_row;
    const float *r;        /* [gates * hidden, hidden] */
    const float *bias;     /* [2 * gates * hidden]: Wb, then Rb; NULL: none */
    const float *h;        /* [batch, hidden] before the step; GRU_FRESH: r h' is in reset */
    float *h_new;          /* likewise after it; not h */
    float *c;              /* LSTM: [batch, hidden], before and after */
    float *z, *reset;      /* GRU in two launches: [batch, hidden] each */
    const float *peephole; /* LSTM: [3 * hidden] i o f, or NULL */
    const void *lens;      /* [batch] integers, or NULL: all are active */
    int lens_bytes;        /* 4 or 8 */
    float *y;              /* row b at b * y_row, zeros where a sequence is over; NULL: not asked */
    int64_t y_row;
    bool input_forget;
    float clip; /* infinity: none */
    int act[3]; /* of cu_rnn_act, f g h */
    float alpha[3], beta[3];
} cu_rnn_args;

int cu_rnn_step(const cu_rnn_args *a, cu_stream s);

/* ---- the same for any float type, summed in f64, the product with the input included ---- */

/* A state [batch, hidden]: row b at b * row elements of p, of a cu_number; p NULL: zeros. */
typedef struct {
    const void *p;
    int type;
    int64_t row;
} cu_rnn_state;

typedef struct {
    cu_rnn_kind kind;
    int type;                        /* of cu_number: of all that is no state before the step */
    int batch, hidden, gates, input; /* gates: as above */
    int t;
    const void *x; /* of this time: row b at b * x_row, [input] */
    int64_t x_row;
    const void *w, *r;           /* [gates * hidden, input], [gates * hidden, hidden] */
    const void *bias, *peephole; /* as above */
    cu_rnn_state h, c;           /* before the step */
    double *h_new, *c_new;       /* [batch, hidden] after it; h_new is not h */
    double *z, *reset;           /* GRU in two launches: [batch, hidden] each */
    void *last_h, *last_c;       /* the same, row b at b * last_row; NULL: not asked */
    int64_t last_row;
    const void *lens;
    int lens_type; /* of cu_number */
    void *y;
    int64_t y_row;
    bool input_forget;
    double clip;
    int act[3];
    double alpha[3], beta[3];
} cu_rnn_any_args;

int cu_rnn_any_step(const cu_rnn_any_args *a, cu_stream s);

/* ---- other recurrences ---- */

/* y[b, c, i] = act(bias[c] + sum over t < k of w[c, t] p[b, c, i + t]), p = past x; the last k - 1
 * elements of p are kept. Types of cu_number; f32, f16 or bf16. */
typedef struct {
    const void *x, *w, *bias, *past; /* bias, past: NULL, none */
    void *y, *kept;
    int type, w_type, bias_type, past_type;
    int64_t rows, channels, n, k; /* rows: batch * channels */
    bool silu;
} cu_causal_conv_args;

int cu_causal_conv(const cu_causal_conv_args *a, cu_stream s);

/* Attention without softmax as a recurrence over tokens with a state [d, dv] a key head; see
 * runtime/ops/linear_attention.c. Types of cu_number by input; the state is f32. */
typedef struct {
    const void *q, *k, *v, *decay, *beta; /* decay, beta: NULL, none */
    const float *past;                    /* NULL: zeros */
    void *y;
    float *state; /* [batch, heads, d, dv]; may be past */
    int q_type, k_type, v_type, decay_type, beta_type, y_type;
    int64_t batch, tokens, group, heads, d, dv; /* group: heads of q a key head */
    bool decay_rows;                            /* a factor a row of the state, else one a head */
    bool beta_heads;                            /* one a head, else one for all */
    float scale;
} cu_linear_attention_args;

int cu_linear_attention(const cu_linear_attention_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
