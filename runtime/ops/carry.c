/* carry.c - values that one round of a loop hands to the next; see carry.h. */
#include "runtime/ops/carry.h"
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { GARBAGE_BYTES = 1 << 20 };

/* Its bytes are somewhere else: on a device. */
static bool is_elsewhere(const ig_tensor *t)
{
    return t->kind == IG_TENSOR && !t->absent && !t->data && ig_tensor_elements(t);
}

bool ig_carry_init(ig_carry *c, size_t n, ig_arena *arena, ig_heap *heap, size_t limit_bytes)
{
    c->n = n;
    c->now = ig_new_n(arena, ig_tensor, n);
    c->room = ig_new_n(arena, size_t, n);
    for (int k = 0; k < 2; k++) {
        ig_arena_init(&c->keep[k], heap);
        c->keep[k].limit_bytes = limit_bytes;
    }
    return c->now && c->room;
}

void ig_carry_clear(ig_carry *c)
{
    for (int k = 0; k < 2; k++)
        if (c->keep[k].heap) ig_arena_clear(&c->keep[k]);
}

void ig_carry_start(ig_carry *c, const ig_tensor *const *in)
{
    for (size_t i = 0; i < c->n; i++) {
        c->now[i] = in[i] ? *in[i] : (ig_tensor){.absent = true};
        c->room[i] = 0;
    }
    ig_arena_reset(&c->keep[0]);
    ig_arena_reset(&c->keep[1]);
    c->at = 0;
    c->live_bytes = c->keep[0].total_bytes;
}

/* The items of `next` that are the items of `last`, perhaps with some taken out or put in, are
 * found in one walk. */
static bool step_sequence(ig_tensor *out, const ig_tensor *last, const ig_tensor *next,
                          ig_arena *arena)
{
    const size_t n = ig_tensor_elements(next);
    const bool had = !last->absent && last->kind == IG_SEQUENCE;
    const size_t n_old = had ? ig_tensor_elements(last) : 0;
    const ig_tensor *from = next->data, *old = last->data;
    ig_tensor *items = ig_new_n(arena, ig_tensor, IG_MAX(n, (size_t)1));
    if (!items) return false;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t found = at;
        while (found < n_old && found < at + 2 && old[found].data != from[i].data) found++;
        if (found < n_old && found < at + 2 && from[i].dtype != INGOT_STR) {
            items[i] = from[i];
            at = found + 1;
        } else if (!ig_tensor_copy(&items[i], &from[i], arena)) {
            return false;
        }
    }
    *out = *next;
    out->data = items;
    return true;
}

static bool still_seen(const ig_tensor *out, size_t n, const void *data)
{
    for (size_t i = 0; i < n; i++)
        if (out[i].data == data) return true;
    return false;
}

static bool step_tensor(ig_carry *c, size_t i, const ig_tensor *out)
{
    const ig_tensor *next = &out[i];
    ig_tensor *now = &c->now[i];
    const size_t bytes = ig_tensor_elements(next) * ig_dtype(next->dtype)->bytes;
    const bool plain = next->dtype != INGOT_STR;
    if (plain && next->data == now->data) { /* passed through, perhaps reshaped */
        *now = *next;
        return true;
    }
    if (plain && c->room[i] && bytes <= c->room[i] && !still_seen(out, c->n, now->data)) {
        void *data = now->data;
        if (bytes) memcpy(data, next->data, bytes);
        *now = *next;
        now->data = data;
        return true;
    }
    c->room[i] = plain ? bytes : 0;
    return ig_tensor_copy(now, next, &c->keep[c->at]);
}

/* Copy what lives to the other arena when the garbage is more than that. */
static bool clean(ig_carry *c)
{
    ig_arena *old = &c->keep[c->at], *fresh = &c->keep[!c->at];
    if (old->total_bytes / 2 < c->live_bytes + GARBAGE_BYTES) return true;
    for (size_t i = 0; i < c->n; i++) {
        const ig_tensor from = c->now[i];
        if (is_elsewhere(&from)) continue;
        if (!ig_tensor_copy(&c->now[i], &from, fresh)) return false;
        const bool plain = from.kind == IG_TENSOR && !from.absent && from.dtype != INGOT_STR;
        c->room[i] = plain ? ig_tensor_elements(&from) * ig_dtype(from.dtype)->bytes : 0;
    }
    ig_arena_reset(old);
    c->at = !c->at;
    c->live_bytes = fresh->total_bytes;
    return true;
}

bool ig_carry_step(ig_carry *c, const ig_tensor *out)
{
    /* Values that pass from one place to another must not be overwritten before they are copied:
     * step_tensor overwrites only what no output looks at. */
    for (size_t i = 0; i < c->n; i++) {
        bool ok = true;
        if (out[i].absent || is_elsewhere(&out[i])) {
            c->now[i] = out[i];
            c->room[i] = 0;
        } else if (out[i].kind == IG_SEQUENCE) {
            const ig_tensor last = c->now[i];
            ok = step_sequence(&c->now[i], &last, &out[i], &c->keep[c->at]);
            c->room[i] = 0;
        } else {
            ok = step_tensor(c, i, out);
        }
        if (!ok) return false;
    }
    return clean(c);
}
