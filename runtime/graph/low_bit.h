/* low_bit.h - weights of 4 and 8 bits as a graph has them, into the constant that matmul_q takes.
 */
#ifndef IG_LOW_BIT_H
#define IG_LOW_BIT_H

#include "kernels/gemm_q/gemm_q.h"
#include "runtime/graph/ir.h"

/* W [n, k] = scale (q - zero), or scale q where q is an 8-bit float: `group` k in a row share a
 * scale and a zero (0: the whole row). */
typedef struct {
    uint32_t bits;
    bool e4m3; /* no NaN among them, no zeros */
    size_t n, k, group;
    const uint8_t *q; /* unsigned, one a byte; element (n, k) at q[n * q_n + k * q_k] */
    size_t q_n, q_k;
    const float *scale; /* group g of row n at scale[n * scale_n + g * scale_g] */
    size_t scale_n, scale_g;
    const float *zero; /* likewise; NULL: 8 or 128 */
    size_t zero_n, zero_g;
} ig_low_bit;

/* ig_low_bit_format - the smallest format that holds these weights without loss; NULL: none does
 * (groups that are no multiple of 32, of 8-bit floats no multiple of 128). */
const ig_q_format *ig_low_bit_format(const ig_low_bit *w);

/* ig_low_bit_pack - the panels as a constant u8 [panels, bytes of a panel] in g's arena;
 * IG_NO_VALUE: no memory. f: from ig_low_bit_format. */
ig_id ig_low_bit_pack(ig_graph *g, const char *name, const ig_low_bit *w, const ig_q_format *f);

#endif
