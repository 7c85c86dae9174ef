/* states.c - see states.h. */
#include "runtime/llm/grammar/states.h"
#include "runtime/base/checked.h"

#include <stdlib.h>
#include <string.h>

enum {
    WORK_MOST = 1 << 23,   /* places that one mask may look at: some tenths of a second */
    PLACES_MOST = 1 << 14, /* of one state */
    TABLE_MOST = 96 << 20, /* bytes of all states */
    SEEN_LEAST = 256,
};

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ h >> 32;
}

static const ig_place *places_at(const ig_bytes *b, size_t i)
{
    return (const ig_place *)(const void *)b->p + i;
}

static uint32_t u32_at(const ig_bytes *b, size_t i)
{
    return ((const uint32_t *)(const void *)b->p)[i];
}

static const ig_place *state_places(const ig_states *s, uint32_t state, size_t *n)
{
    const uint32_t begin = state ? u32_at(&s->ends, state - 1) : 0;
    *n = u32_at(&s->ends, state) - begin;
    return places_at(&s->places, begin);
}

static void fail(ig_states *s, ingot_status status, const char *why)
{
    if (!s->status) s->status = ig_fail(s->err, status, "constrained output: %s", why);
}

static void no_memory(ig_states *s) { fail(s, INGOT_E_NOMEM, "no memory for its automaton"); }

static void too_ambiguous(ig_states *s)
{
    fail(s, INGOT_E_FULL,
         "the grammar is too ambiguous: a text has too many readings (nested repetitions of what "
         "may be empty, or alternatives that begin alike?)");
}

/* ---- hash tables of numbers ---- */

static bool slots_grow(ig_states *s, ig_slots *t, size_t n)
{
    uint32_t *slots = ig_take0(s->heap, n * sizeof *slots);
    if (!slots) {
        no_memory(s);
        return false;
    }
    ig_give(s->heap, t->slots, t->n_slots * sizeof *slots);
    *t = (ig_slots){slots, n};
    return true;
}

static void slots_put(ig_slots *t, uint64_t hash, uint32_t value)
{
    size_t i = (size_t)hash & (t->n_slots - 1);
    while (t->slots[i]) i = (i + 1) & (t->n_slots - 1);
    t->slots[i] = value;
}

static uint64_t place_hash(const ig_place *p) { return mix(p->pc, p->stack); }

static uint64_t places_hash(const ig_place *p, size_t n)
{
    uint64_t h = n;
    for (size_t i = 0; i < n; i++) h = mix(h, (uint64_t)p[i].pc << 32 | p[i].stack);
    return h;
}

/* ---- stacks ---- */

static uint32_t push(ig_states *s, uint32_t pc, uint32_t below)
{
    const ig_place p = {pc, below};
    const size_t n = s->stacks.n / sizeof p;
    const uint64_t h = place_hash(&p);
    for (size_t i = (size_t)h & (s->by_stack.n_slots - 1); s->by_stack.slots[i];
         i = (i + 1) & (s->by_stack.n_slots - 1)) {
        const uint32_t id = s->by_stack.slots[i];
        if (!memcmp(places_at(&s->stacks, id - 1), &p, sizeof p)) return id;
    }
    ig_put(&s->stacks, &p, sizeof p);
    if (s->stacks.failed) {
        no_memory(s);
        return 0;
    }
    if (2 * (n + 1) > s->by_stack.n_slots) {
        if (!slots_grow(s, &s->by_stack, 2 * s->by_stack.n_slots)) return 0;
        for (size_t i = 0; i <= n; i++)
            slots_put(&s->by_stack, place_hash(places_at(&s->stacks, i)), (uint32_t)i + 1);
    } else {
        slots_put(&s->by_stack, h, (uint32_t)n + 1);
    }
    return (uint32_t)n + 1;
}

/* ---- closure: what is reached without reading a byte ---- */

static void closure_begin(ig_states *s)
{
    s->todo.n = s->found.n = 0;
    if (s->seen.n_slots > SEEN_LEAST)
        slots_grow(s, &s->seen, SEEN_LEAST);
    else
        memset(s->seen.slots, 0, s->seen.n_slots * sizeof *s->seen.slots);
}

static void visit(ig_states *s, uint32_t pc, uint32_t stack)
{
    const ig_place p = {pc, stack};
    const uint64_t h = place_hash(&p);
    if (s->status) return;
    for (size_t i = (size_t)h & (s->seen.n_slots - 1); s->seen.slots[i];
         i = (i + 1) & (s->seen.n_slots - 1))
        if (!memcmp(places_at(&s->todo, s->seen.slots[i] - 1), &p, sizeof p)) return;
    ig_put(&s->todo, &p, sizeof p);
    const size_t n = s->todo.n / sizeof p;
    if (s->todo.failed) {
        no_memory(s);
        return;
    }
    if (++s->work > WORK_MOST) {
        too_ambiguous(s);
        return;
    }
    if (2 * n <= s->seen.n_slots) {
        slots_put(&s->seen, h, (uint32_t)n);
        return;
    }
    if (!slots_grow(s, &s->seen, 2 * s->seen.n_slots)) return;
    for (size_t i = 0; i < n; i++)
        slots_put(&s->seen, place_hash(places_at(&s->todo, i)), (uint32_t)i + 1);
}

/* Where a call returns to; what only returns again needs no place on the stack. */
static void call(ig_states *s, const ig_code *code, ig_place p)
{
    uint32_t back = p.pc + 1;
    while (code[back].kind == IG_CODE_JUMP) back = code[back].a;
    const bool last = code[back].kind == IG_CODE_RETURN;
    visit(s, code[p.pc].a, last ? p.stack : push(s, back, p.stack));
}

static void closure_run(ig_states *s)
{
    const ig_code *code = ig_grammar_code(s->g);
    for (size_t i = 0; i < s->todo.n / sizeof(ig_place) && !s->status; i++) {
        const ig_place p = *places_at(&s->todo, i);
        if (p.pc == IG_PLACE_END) {
            ig_put(&s->found, &p, sizeof p);
            continue;
        }
        const ig_code *c = &code[p.pc];
        switch (c->kind) {
        case IG_CODE_BYTES:
            ig_put(&s->found, &p, sizeof p);
            break;
        case IG_CODE_SPLIT:
            visit(s, c->a, p.stack);
            visit(s, c->b, p.stack);
            break;
        case IG_CODE_JUMP:
            visit(s, c->a, p.stack);
            break;
        case IG_CODE_CALL:
            call(s, code, p);
            break;
        case IG_CODE_RETURN:
            if (p.stack) {
                const ig_place below = *places_at(&s->stacks, p.stack - 1);
                visit(s, below.pc, below.stack);
            } else {
                visit(s, IG_PLACE_END, 0);
            }
        }
    }
    if (s->found.failed) no_memory(s);
}

/* ---- states ---- */

static int by_place(const void *a_, const void *b_)
{
    const ig_place *a = a_, *b = b_;
    if (a->pc != b->pc) return a->pc < b->pc ? -1 : 1;
    return a->stack < b->stack ? -1 : a->stack > b->stack;
}

static size_t n_states(const ig_states *s) { return s->ends.n / sizeof(uint32_t); }

static bool grow_by_state(ig_states *s)
{
    if (2 * (n_states(s) + 1) <= s->by_state.n_slots) return true;
    if (!slots_grow(s, &s->by_state, 2 * s->by_state.n_slots)) return false;
    for (uint32_t i = IG_STATE_FIRST; i < n_states(s); i++) {
        size_t n;
        const ig_place *p = state_places(s, i, &n);
        slots_put(&s->by_state, places_hash(p, n), i);
    }
    return true;
}

static void add_state(ig_states *s, const ig_place *p, size_t n)
{
    ig_put(&s->places, p, n * sizeof *p);
    ig_put_u32(&s->ends, (uint32_t)(s->places.n / sizeof *p));
    for (unsigned c = 0; c < s->g->n_classes; c++) ig_put_u32(&s->steps, IG_STATE_UNKNOWN);
    if (s->places.failed || s->ends.failed || s->steps.failed) no_memory(s);
}

/* The number of the state in `found`. */
static uint32_t intern(ig_states *s)
{
    const size_t n = s->found.n / sizeof(ig_place);
    ig_place *p = (ig_place *)(void *)s->found.p;
    if (s->status) return IG_STATE_DEAD;
    if (!n) return IG_STATE_DEAD;
    if (n > PLACES_MOST) too_ambiguous(s);
    if (ig_states_bytes(s) > TABLE_MOST)
        fail(s, INGOT_E_FULL, "the grammar's automaton passes 96 MiB");
    if (s->status) return IG_STATE_DEAD;
    if (n > 1) qsort(p, n, sizeof *p, by_place);
    const uint64_t h = places_hash(p, n);
    for (size_t i = (size_t)h & (s->by_state.n_slots - 1); s->by_state.slots[i];
         i = (i + 1) & (s->by_state.n_slots - 1)) {
        size_t m;
        const uint32_t id = s->by_state.slots[i];
        const ig_place *q = state_places(s, id, &m);
        if (m == n && !memcmp(p, q, n * sizeof *p)) return id;
    }
    const uint32_t id = (uint32_t)n_states(s);
    add_state(s, p, n);
    if (s->status || !grow_by_state(s)) return IG_STATE_DEAD;
    slots_put(&s->by_state, h, id);
    return id;
}

uint32_t ig_states_step_slow(ig_states *s, uint32_t state, unsigned class_)
{
    size_t n;
    const ig_place *p = state_places(s, state, &n);
    const ig_code *code = ig_grammar_code(s->g);
    const unsigned byte = s->g->of_class[class_];
    if (s->status) return IG_STATE_DEAD;
    closure_begin(s);
    for (size_t i = 0; i < n; i++)
        if (p[i].pc != IG_PLACE_END && ig_byte_in(&ig_grammar_sets(s->g)[code[p[i].pc].a], byte))
            visit(s, p[i].pc + 1, p[i].stack);
    closure_run(s);
    const uint32_t to = intern(s);
    if (s->status) return IG_STATE_DEAD;
    const size_t at = (state * s->g->n_classes + class_) * sizeof to;
    memcpy(s->steps.p + at, &to, sizeof to);
    return to;
}

bool ig_states_may_end(const ig_states *s, uint32_t state)
{
    size_t n;
    const ig_place *p = state_places(s, state, &n);
    return state == IG_STATE_DONE || (n && p[n - 1].pc == IG_PLACE_END);
}

bool ig_states_must_end(const ig_states *s, uint32_t state)
{
    size_t n;
    state_places(s, state, &n);
    return state == IG_STATE_DONE || (n == 1 && ig_states_may_end(s, state));
}

/* ---- the table ---- */

ingot_status ig_states_init(ig_states *s, ig_heap *heap, const ig_grammar *g, ingot_error *err)
{
    *s = (ig_states){.g = g, .heap = heap, .err = err};
    ig_bytes *const arrays[] = {&s->stacks, &s->places, &s->ends, &s->steps, &s->todo, &s->found};
    for (size_t i = 0; i < IG_LEN(arrays); i++) ig_bytes_init(arrays[i], heap);
    if (!slots_grow(s, &s->by_stack, 64) || !slots_grow(s, &s->by_state, 64) ||
        !slots_grow(s, &s->seen, SEEN_LEAST))
        return s->status;
    for (int i = 0; i < IG_STATE_FIRST; i++) add_state(s, NULL, 0);
    closure_begin(s);
    visit(s, 0, 0);
    closure_run(s);
    intern(s);
    return s->status;
}

void ig_states_clear(ig_states *s)
{
    ig_bytes *const arrays[] = {&s->stacks, &s->places, &s->ends, &s->steps, &s->todo, &s->found};
    ig_slots *const tables[] = {&s->by_stack, &s->by_state, &s->seen};
    for (size_t i = 0; i < IG_LEN(arrays); i++)
        if (s->heap) ig_bytes_clear(arrays[i]);
    for (size_t i = 0; i < IG_LEN(tables); i++) {
        if (s->heap) ig_give(s->heap, tables[i]->slots, tables[i]->n_slots * sizeof(uint32_t));
        *tables[i] = (ig_slots){0};
    }
}

size_t ig_states_bytes(const ig_states *s)
{
    return s->stacks.n + s->places.n + s->ends.n + s->steps.n +
           4 * (s->by_stack.n_slots + s->by_state.n_slots);
}

/* The same calls in the other table, from the lowest up. */
static uint32_t move_stack(ig_states *to, const ig_states *from, uint32_t stack)
{
    to->todo.n = 0;
    for (uint32_t i = stack; i; i = places_at(&from->stacks, i - 1)->stack)
        ig_put_u32(&to->todo, i);
    if (to->todo.failed) no_memory(to);
    uint32_t below = 0;
    for (size_t k = to->todo.n / 4; k-- && !to->status;)
        below = push(to, places_at(&from->stacks, u32_at(&to->todo, k) - 1)->pc, below);
    return below;
}

uint32_t ig_states_move(ig_states *to, const ig_states *from, uint32_t state)
{
    size_t n;
    const ig_place *p = state_places(from, state, &n);
    if (state <= IG_STATE_FIRST) return state;
    to->found.n = 0;
    for (size_t i = 0; i < n && !to->status; i++) {
        const ig_place moved = {p[i].pc, move_stack(to, from, p[i].stack)};
        ig_put(&to->found, &moved, sizeof moved);
    }
    if (to->found.failed) no_memory(to);
    return intern(to);
}
