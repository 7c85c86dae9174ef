/* q_cursor.h - how tiles that read scales where they lie walk along a panel: a body for the files
 * that include q_drive.h. */
#ifndef IG_Q_CURSOR_H
#define IG_Q_CURSOR_H

#include "kernels/gemm_q/q_drive.h"

/* Where a tile stands: the next group. */
typedef struct {
    const uint8_t *w, *head;
    const ig_q_act *a;
    size_t at, left; /* bytes from head to the scales; groups to the next gap */
    size_t same;     /* groups until the next scales */
} q_cursor;

VEC_INLINE q_cursor q_begin(const q_tile *t)
{
    return (q_cursor){t->quants, t->head, t->acts, 0, t->per_block, t->layout->per_scale};
}

VEC_INLINE const ig_q_act *q_act_after(const ig_q_act *a, size_t bytes)
{
    return (const ig_q_act *)(const void *)((const char *)a + bytes);
}

VEC_INLINE void q_next_block(q_cursor *c, const q_tile *t)
{
    c->w += t->gap;
    c->head += t->layout->block_bytes;
    c->left = t->per_block;
    c->same = t->layout->per_scale;
    c->at = 0;
}

VEC_INLINE void q_next(q_cursor *c, const q_tile *t, size_t quant_bytes)
{
    c->w += quant_bytes;
    c->a = q_act_after(c->a, t->act_step);
    if (!--c->same) {
        c->same = t->layout->per_scale;
        c->at += t->layout->scale_step;
    }
    if (!--c->left) q_next_block(c, t);
}

#endif
