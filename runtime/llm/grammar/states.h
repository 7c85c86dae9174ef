/* states.h - the sets of stacks of a grammar, numbered as they are met.
 *
 * A stack is a place in the code and the calls that it stands in; stacks with the same calls share
 * them (hash-consed lists, as in Tomita's graph-structured stack). A state is the sorted set of the
 * stacks that a text leads to, each at an instruction that reads a byte or at the end of the
 * grammar. States are numbered, and what follows a state for a class of bytes is remembered: the
 * automaton is built while it is used. */
#ifndef IG_LLM_STATES_H
#define IG_LLM_STATES_H

#include "runtime/llm/grammar/program.h"

enum {                       /* states that are always there */
       IG_STATE_UNKNOWN = 0, /* in the table of steps: not yet seen */
       IG_STATE_DEAD = 1,    /* no text leads on */
       IG_STATE_DONE = 2,    /* the end was taken */
       IG_STATE_FIRST = 3,   /* where the grammar begins */
};

typedef struct {
    uint32_t pc, stack;
} ig_place;

enum { IG_PLACE_END = UINT32_MAX }; /* pc: the grammar is at its end; stack 0 */

typedef struct {
    uint32_t *slots; /* index + 1; 0: empty */
    size_t n_slots;  /* a power of two */
} ig_slots;

typedef struct {
    const ig_grammar *g;
    ig_heap *heap;
    ig_bytes stacks; /* ig_place: where a call returns to, and the stack below; 0: none */
    ig_bytes places; /* ig_place: of all states, one after another */
    ig_bytes ends;   /* u32: of each state's places */
    ig_bytes steps;  /* u32 [n_classes] of each state */
    ig_slots by_stack, by_state;
    /* scratch of a step */
    ig_bytes todo, found; /* ig_place */
    ig_slots seen;        /* of todo, which holds all that was met */
    size_t work;          /* places looked at; the caller resets it */
    ingot_error *err;     /* of the call at hand */
    ingot_status status;  /* sticky until reset */
} ig_states;

ingot_status ig_states_init(ig_states *s, ig_heap *heap, const ig_grammar *g, ingot_error *err);
void ig_states_clear(ig_states *s);
size_t ig_states_bytes(const ig_states *s);

/* ig_states_step_slow - the state after a byte of this class; DEAD too on failure (s->status:
 * E_FULL, E_NOMEM). */
uint32_t ig_states_step_slow(ig_states *s, uint32_t state, unsigned class_);

static inline uint32_t ig_states_step(ig_states *s, uint32_t state, unsigned class_)
{
    const uint32_t to =
        ((const uint32_t *)(const void *)s->steps.p)[state * s->g->n_classes + class_];
    return to ? to : ig_states_step_slow(s, state, class_);
}

bool ig_states_may_end(const ig_states *s, uint32_t state);
bool ig_states_must_end(const ig_states *s, uint32_t state);

/* ig_states_move - the number in `to` of a state of `from`, an older table of the same grammar. */
uint32_t ig_states_move(ig_states *to, const ig_states *from, uint32_t state);

#endif
