/* lexicon.h - a recipe read back from its section, with the pieces and merges where they lie.
 *
 * The section carries its own hash tables, so opening costs one pass over the pieces' offsets and
 * no table is built. Nothing in it is trusted: what a slot says is checked when it is used. */
#ifndef IG_TEXT_LEXICON_H
#define IG_TEXT_LEXICON_H

#include "runtime/text/recipe.h"

#include <string.h>

enum { IG_LEXICON_VERSION = 1 };

typedef struct {
    ig_recipe recipe; /* .pieces is NULL: use the arrays below; the rest is as it was written */
    const uint32_t *ends;
    const float *scores;
    const uint8_t *kinds;
    const char *text;
    const uint32_t *piece_slots, *merge_slots; /* index + 1, 0: empty; powers of two */
    unsigned piece_shift, merge_shift;         /* 64 - log2 of the slots */
    uint32_t longest;                          /* bytes of a piece */
    uint32_t byte_ids[256];                    /* or UINT32_MAX */
    double worst, best;                        /* scores of normal pieces */
} ig_lexicon;

/* ig_lexicon_read - the section at bytes[0, n), 64-byte aligned; small things go to the arena,
 * large ones are views. Errors: E_FORMAT (says where), E_NOMEM. */
ingot_status ig_lexicon_read(ig_lexicon *x, ig_arena *arena, const void *bytes, size_t n,
                             ingot_error *err);

static inline ingot_str ig_lexicon_piece(const ig_lexicon *x, uint32_t id)
{
    const uint32_t begin = id ? x->ends[id - 1] : 0;
    return (ingot_str){x->text + begin, x->ends[id] - begin};
}

/* The hash grows byte by byte, so that every prefix of a text is looked up in one pass. */
static inline uint64_t ig_piece_hash(uint64_t h, unsigned char byte)
{
    return (h ^ byte) * 0x100000001b3u;
}
#define IG_PIECE_HASH_0 0x811c9dc5u

static inline uint64_t ig_piece_hash_of(const char *p, size_t n)
{
    uint64_t h = IG_PIECE_HASH_0;
    for (size_t i = 0; i < n; i++) h = ig_piece_hash(h, (unsigned char)p[i]);
    return h;
}

static inline uint64_t ig_merge_hash(uint32_t left, uint32_t right)
{
    return ((uint64_t)left << 32 | right) * 0xff51afd7ed558ccdu;
}

static inline size_t ig_slot_of(uint64_t h, unsigned shift)
{
    return (size_t)((h ^ h >> 32) * 0x9e3779b97f4a7c15u >> shift);
}

/* The id of piece p[0, n), whose hash is h, or UINT32_MAX. Control, unknown and byte pieces are not
 * found: text never makes them. */
static inline uint32_t ig_lexicon_find_hashed(const ig_lexicon *x, const char *p, size_t n,
                                              uint64_t h)
{
    const size_t slots = (size_t)1 << (64 - x->piece_shift);
    for (size_t k = 0, s = ig_slot_of(h, x->piece_shift); k < slots;
         k++, s = (s + 1) & (slots - 1)) {
        const uint32_t id = x->piece_slots[s] - 1;
        if (id >= x->recipe.n_pieces) return UINT32_MAX; /* empty, or damaged */
        const ingot_str piece = ig_lexicon_piece(x, id);
        if (piece.n == n && !memcmp(piece.p, p, n)) return id;
    }
    return UINT32_MAX;
}

static inline uint32_t ig_lexicon_find(const ig_lexicon *x, const char *p, size_t n)
{
    return ig_lexicon_find_hashed(x, p, n, ig_piece_hash_of(p, n));
}

/* The merge of two neighbours, or NULL. */
static inline const ig_merge *ig_lexicon_merge(const ig_lexicon *x, uint32_t left, uint32_t right)
{
    const size_t slots = (size_t)1 << (64 - x->merge_shift);
    size_t s = ig_slot_of(ig_merge_hash(left, right), x->merge_shift);
    for (size_t k = 0; k < slots; k++, s = (s + 1) & (slots - 1)) {
        const uint32_t i = x->merge_slots[s] - 1;
        if (i >= x->recipe.n_merges) return NULL;
        const ig_merge *m = &x->recipe.merges[i];
        if (m->left == left && m->right == right) return m->result < x->recipe.n_pieces ? m : NULL;
    }
    return NULL;
}

#endif
