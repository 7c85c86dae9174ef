/* constraint.c - a grammar over the tokens of a model: masks, and the sequences that follow them.
 *
 * A mask is one walk over the trie of the tokens with the automaton beside it: where the automaton
 * is dead the subtree is skipped. Masks are kept by state. When the automaton or the masks take too
 * much memory, all is forgotten but the states that sequences are in. */
#include "runtime/llm/grammar/states.h"
#include "runtime/llm/grammar/trie.h"
#include "runtime/base/checked.h"

#include <string.h>

enum {
    STATES_KEPT = 48 << 20, /* bytes of the automaton that are kept between masks */
    MASKS_KEPT = 48 << 20,
};

struct ig_constrained {
    ig_constraint *c;
    struct ig_constrained *previous, *next; /* the constraint's others */
    ig_bytes states;                        /* u32: at the beginning, and after each token */
};

struct ig_constraint {
    ig_heap *heap;
    const ig_trie *t;
    ig_states states;
    ig_bytes masks; /* uint64_t *: by state, NULL: not made yet */
    size_t n_masks;
    uint32_t *path; /* [deepest + 1] states along the walk */
    ig_constrained *sequences;
    size_t keep_bytes; /* of the automaton, before it is made anew */
};

static size_t mask_words(const ig_constraint *c) { return (c->t->vocab + 63) / 64; }

static uint32_t state_of(const ig_constrained *q)
{
    return ((const uint32_t *)(const void *)q->states.p)[q->states.n / 4 - 1];
}

static void forget_masks(ig_constraint *c)
{
    uint64_t **masks = (uint64_t **)(void *)c->masks.p;
    for (size_t i = 0; i < c->masks.n / sizeof *masks; i++)
        ig_give(c->heap, masks[i], mask_words(c) * sizeof **masks);
    c->masks.n = 0;
    c->n_masks = 0;
}

/* A new table with nothing but what the sequences stand in. */
static ingot_status forget_states(ig_constraint *c, ingot_error *err)
{
    ig_states fresh;
    ingot_status s = ig_states_init(&fresh, c->heap, c->states.g, err);
    for (int pass = 0; pass < 2 && !s; pass++) /* the second one cannot fail */
        for (ig_constrained *q = c->sequences; q; q = q->next) {
            uint32_t *v = (uint32_t *)(void *)q->states.p;
            for (size_t i = 0; i < q->states.n / 4 && !fresh.status; i++) {
                const uint32_t to = ig_states_move(&fresh, &c->states, v[i]);
                if (pass) v[i] = to;
            }
            s = fresh.status;
        }
    if (s) {
        ig_states_clear(&fresh);
        return s;
    }
    forget_masks(c);
    ig_states_clear(&c->states);
    c->states = fresh;
    c->keep_bytes = IG_MAX((size_t)STATES_KEPT, 2 * ig_states_bytes(&fresh));
    return INGOT_OK;
}

static ingot_status begin(ig_constraint *c, ingot_error *err)
{
    c->states.err = err;
    c->states.status = INGOT_OK;
    c->states.work = 0;
    if (c->n_masks * mask_words(c) * 8 > MASKS_KEPT) forget_masks(c);
    if (ig_states_bytes(&c->states) > c->keep_bytes) {
        IG_TRY(forget_states(c, err));
        c->states.err = err;
        c->states.work = 0;
    }
    return INGOT_OK;
}

/* ---- masks ---- */

static void allow(uint64_t *mask, uint32_t id) { mask[id / 64] |= UINT64_C(1) << id % 64; }

static ingot_status walk(ig_constraint *c, uint64_t *mask, uint32_t state)
{
    const ig_trie *t = c->t;
    const uint8_t *classes = c->states.g->classes;
    c->path[0] = state;
    for (uint32_t i = 0; i < t->n_nodes;) {
        const ig_trie_node *v = &t->nodes[i];
        const uint32_t to = ig_states_step(&c->states, c->path[v->depth - 1], classes[v->byte]);
        if (to == IG_STATE_DEAD) {
            if (c->states.status) return c->states.status;
            i = v->skip;
            continue;
        }
        c->path[v->depth] = to;
        for (uint32_t k = v->first; k < v[1].first; k++) allow(mask, t->tokens[k]);
        i++;
    }
    if (ig_states_may_end(&c->states, state))
        for (size_t i = 0; i < t->n_eos; i++) allow(mask, t->eos[i]);
    return INGOT_OK;
}

/* Room for the mask of a state. NULL: no memory. */
static uint64_t **mask_slot(ig_constraint *c, uint32_t state)
{
    static const uint64_t *const none = NULL;
    while (c->masks.n / sizeof none <= state && !c->masks.failed)
        ig_put(&c->masks, &none, sizeof none);
    return c->masks.failed ? NULL : (uint64_t **)(void *)c->masks.p + state;
}

static ingot_status check_mask(const ig_constraint *c, const uint64_t *mask, uint32_t state,
                               ingot_error *err)
{
    for (size_t i = 0; i < mask_words(c); i++)
        if (mask[i]) return INGOT_OK;
    if (ig_states_must_end(&c->states, state)) return INGOT_OK; /* and there is no eos */
    return ig_fail(err, INGOT_E_DATA,
                   "constrained output: no token of this vocabulary continues what the grammar "
                   "asks for here");
}

ingot_status ig_constrained_mask(const uint64_t **mask, ig_constrained *q, ingot_error *err)
{
    ig_constraint *c = q->c;
    *mask = NULL;
    IG_TRY(begin(c, err));
    const uint32_t state = state_of(q);
    uint64_t **slot = mask_slot(c, state);
    if (slot && *slot) {
        *mask = *slot;
        return check_mask(c, *mask, state, err);
    }
    uint64_t *m = slot ? ig_take0(c->heap, mask_words(c) * sizeof *m) : NULL;
    if (!m) return ig_fail(err, INGOT_E_NOMEM, "constrained output: no memory for a mask");
    const ingot_status s = walk(c, m, state);
    if (s) {
        ig_give(c->heap, m, mask_words(c) * sizeof *m);
        return s;
    }
    *slot = m;
    c->n_masks++;
    *mask = m;
    return check_mask(c, m, state, err);
}

/* ---- sequences ---- */

ingot_status ig_constrained_accept(ig_constrained *q, uint32_t token, ingot_error *err)
{
    ig_constraint *c = q->c;
    IG_TRY(begin(c, err));
    uint32_t state = state_of(q);
    if (token >= c->t->vocab)
        return ig_fail(err, INGOT_E_ARG, "token %u: the vocabulary has %zu", token, c->t->vocab);
    const bool eos = ig_trie_is_eos(c->t, token);
    const ingot_str text = ig_trie_text(c->t, token);
    if (eos) state = ig_states_may_end(&c->states, state) ? IG_STATE_DONE : IG_STATE_DEAD;
    if (!eos && !text.n) state = IG_STATE_DEAD;
    for (size_t i = 0; i < text.n && state != IG_STATE_DEAD; i++)
        state = ig_states_step(&c->states, state, c->states.g->classes[(unsigned char)text.p[i]]);
    if (c->states.status) return c->states.status;
    if (state == IG_STATE_DEAD)
        return ig_fail(err, INGOT_E_ARG, "the grammar does not allow token %u here", token);
    ig_put_u32(&q->states, state);
    return q->states.failed ? ig_fail(err, INGOT_E_NOMEM, "no memory for a sequence") : INGOT_OK;
}

void ig_constrained_rollback(ig_constrained *q, size_t n)
{
    q->states.n -= 4 * IG_MIN(n, q->states.n / 4 - 1);
}

bool ig_constrained_may_end(const ig_constrained *q)
{
    return ig_states_may_end(&q->c->states, state_of(q));
}

bool ig_constrained_ended(const ig_constrained *q)
{
    return ig_states_must_end(&q->c->states, state_of(q));
}

static ingot_status open_with(ig_constrained **out, ig_constraint *c, const void *states, size_t n,
                              ingot_error *err)
{
    ig_constrained *q = ig_take0(c->heap, sizeof *q);
    *out = q;
    if (!q) return ig_fail(err, INGOT_E_NOMEM, "no memory for a sequence");
    q->c = c;
    q->next = c->sequences;
    if (q->next) q->next->previous = q;
    c->sequences = q;
    ig_bytes_init(&q->states, c->heap);
    ig_put(&q->states, states, n);
    if (!q->states.failed) return INGOT_OK;
    ig_constrained_close(out);
    return ig_fail(err, INGOT_E_NOMEM, "no memory for a sequence");
}

ingot_status ig_constrained_open(ig_constrained **out, ig_constraint *c, ingot_error *err)
{
    return open_with(out, c, &(uint32_t){IG_STATE_FIRST}, sizeof(uint32_t), err);
}

ingot_status ig_constrained_clone(ig_constrained **out, const ig_constrained *q, ingot_error *err)
{
    return open_with(out, q->c, q->states.p, q->states.n, err);
}

void ig_constrained_close(ig_constrained **sequence)
{
    ig_constrained *q = *sequence;
    *sequence = NULL;
    if (!q) return;
    if (q->next) q->next->previous = q->previous;
    if (q->previous)
        q->previous->next = q->next;
    else
        q->c->sequences = q->next;
    ig_bytes_clear(&q->states);
    ig_give(q->c->heap, q, sizeof *q);
}

/* ---- the two together ---- */

ingot_status ig_constraint_open(ig_constraint **out, ig_heap *heap, const ig_grammar *g,
                                const ig_trie *t, ingot_error *err)
{
    *out = NULL;
    ig_constraint *c = ig_take0(heap, sizeof *c);
    if (!c) return ig_fail(err, INGOT_E_NOMEM, "no memory for a constraint");
    c->heap = heap;
    c->t = t;
    c->keep_bytes = STATES_KEPT;
    ig_bytes_init(&c->masks, heap);
    c->path = ig_take(heap, (t->deepest + 1) * sizeof *c->path);
    ingot_status s = ig_states_init(&c->states, heap, g, err);
    if (!s && !c->path) s = ig_fail(err, INGOT_E_NOMEM, "no memory for a constraint");
    if (s) ig_constraint_close(&c);
    *out = c;
    return s;
}

void ig_constraint_close(ig_constraint **constraint)
{
    ig_constraint *c = *constraint;
    *constraint = NULL;
    if (!c) return;
    forget_masks(c);
    ig_bytes_clear(&c->masks);
    ig_give(c->heap, c->path, (c->t->deepest + 1) * sizeof *c->path);
    ig_states_clear(&c->states);
    ig_give(c->heap, c, sizeof *c);
}
