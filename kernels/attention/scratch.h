/* scratch.h - how a call of attention_f32 divides its scratch. */
#ifndef IG_ATTENTION_SCRATCH_H
#define IG_ATTENTION_SCRATCH_H

#include "kernels/attention/attention.h"
#include "runtime/base/checked.h"

enum {
    ATT_ROWS = 64, /* most rows (queries x heads) that go through a block of keys together */
    ATT_LANES = 16,
};

static inline size_t att_up(size_t n) { return (n + ATT_LANES - 1) / ATT_LANES * ATT_LANES; }

/* In floats, all multiples of 16. A chunk's keys are panels of 16 tokens [d][16], its values blocks
 * of IG_ATT_BLOCK tokens, each as panels of 16 columns [dv / 16 up][tokens][16]. */
typedef struct {
    size_t k, v;    /* of a chunk */
    size_t scales;  /* [2][IG_ATT_CHUNK]: of K and V */
    size_t q, s, o; /* [rows][d], [rows][IG_ATT_BLOCK], [rows][dv up] */
    size_t running; /* [2][rows of the call]: largest score, sum */
    size_t total;
} attention_layout;

static inline attention_layout att_layout(const attention_args *p, size_t n_queries)
{
    const size_t tokens = att_up(IG_MIN(p->tk, (size_t)IG_ATT_CHUNK)), dv = att_up(p->dv);
    const size_t rows = n_queries * p->heads, block = IG_MIN(rows, (size_t)ATT_ROWS);
    attention_layout l = {.k = tokens * p->d,
                          .v = tokens * dv,
                          .scales = 2 * IG_ATT_CHUNK,
                          .q = att_up(block * p->d),
                          .s = block * IG_ATT_BLOCK,
                          .o = block * dv,
                          .running = 2 * att_up(rows)};
    l.total = l.k + l.v + l.scales + l.q + l.s + l.o + l.running;
    return l;
}

#endif
