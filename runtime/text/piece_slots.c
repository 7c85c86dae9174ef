/* piece_slots.c - the hash table of a recipe's pieces; see recipe.h. */
#include "runtime/text/lexicon.h"

bool ig_piece_is_found(const ig_piece *p)
{
    return p->n &&
           (p->kind == IG_PIECE_NORMAL || p->kind == IG_PIECE_USER || p->kind == IG_PIECE_UNUSED);
}

unsigned ig_slots_log2(size_t n)
{
    unsigned log2 = 4;
    while (((size_t)1 << log2) < 2 * n) log2++;
    return log2;
}

/* The slot that holds this piece, or the empty one where it belongs. */
static size_t slot_of(const uint32_t *slots, unsigned log2, const ig_piece *pieces, const char *p,
                      size_t n)
{
    const size_t mask = ((size_t)1 << log2) - 1;
    size_t s = ig_slot_of(ig_piece_hash_of(p, n), 64 - log2);
    for (; slots[s]; s = (s + 1) & mask) {
        const ig_piece *q = &pieces[slots[s] - 1];
        if (q->n == n && !memcmp(q->p, p, n)) break;
    }
    return s;
}

void ig_piece_slots_fill(uint32_t *slots, unsigned log2, const ig_piece *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!ig_piece_is_found(&pieces[i])) continue;
        uint32_t *slot = &slots[slot_of(slots, log2, pieces, pieces[i].p, pieces[i].n)];
        if (!*slot) *slot = (uint32_t)i + 1;
    }
}

uint32_t ig_piece_slots_find(const uint32_t *slots, unsigned log2, const ig_piece *pieces,
                             const char *p, size_t n)
{
    return slots[slot_of(slots, log2, pieces, p, n)] - 1; /* empty: UINT32_MAX */
}
