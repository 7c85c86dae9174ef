/* stop.c - see stop.h. The automaton is a trie with failure links; children are a list of siblings,
 * since stop strings are few and short. */
#include "runtime/llm/sample/stop.h"
#include "runtime/base/utf8.h"

#include <string.h>

typedef struct {
    uint32_t child, sibling; /* 0: none */
    uint32_t parent, fail;
    uint32_t depth;
    uint32_t stop, stop_bytes; /* index + 1 of the longest stop string that ends here, 0: none */
    unsigned char byte;
} stop_node;

struct ig_stops {
    ig_heap *heap;
    size_t n_nodes, cap;
    stop_node nodes[]; /* 0 is the root */
};

static uint32_t child_of(const ig_stops *s, uint32_t node, unsigned char byte)
{
    uint32_t c = s->nodes[node].child;
    while (c && s->nodes[c].byte != byte) c = s->nodes[c].sibling;
    return c;
}

static uint32_t step(const ig_stops *s, uint32_t node, unsigned char byte)
{
    for (;; node = s->nodes[node].fail) {
        const uint32_t c = child_of(s, node, byte);
        if (c || !node) return c;
    }
}

/* ---- building ---- */

static ingot_status check_strings(size_t *bytes, const ingot_str *strings, size_t n,
                                  ingot_error *err)
{
    *bytes = 0;
    if (n > IG_STOPS_MOST)
        return ig_fail(err, INGOT_E_ARG, "%zu stop strings; at most %d", n, IG_STOPS_MOST);
    for (size_t i = 0; i < n; i++) {
        uint32_t c;
        if (!strings[i].n) return ig_fail(err, INGOT_E_ARG, "stop string %zu is empty", i + 1);
        if (strings[i].n > IG_STOP_BYTES_MOST - *bytes)
            return ig_fail(err, INGOT_E_ARG, "stop strings of more than %d bytes together",
                           IG_STOP_BYTES_MOST);
        for (size_t at = 0, size; at < strings[i].n; at += size)
            if (!(size = ig_utf8_next(&c, strings[i].p + at, strings[i].n - at)))
                return ig_fail(err, INGOT_E_ARG, "stop string %zu is not UTF-8 at byte %zu", i + 1,
                               at);
        *bytes += strings[i].n;
    }
    return INGOT_OK;
}

static void insert(ig_stops *s, ingot_str text, uint32_t index)
{
    uint32_t node = 0;
    for (size_t i = 0; i < text.n; i++) {
        const unsigned char byte = (unsigned char)text.p[i];
        uint32_t c = child_of(s, node, byte);
        if (!c) {
            c = (uint32_t)s->n_nodes++;
            s->nodes[c] = (stop_node){.byte = byte,
                                      .sibling = s->nodes[node].child,
                                      .parent = node,
                                      .depth = s->nodes[node].depth + 1};
            s->nodes[node].child = c;
        }
        node = c;
    }
    if (s->nodes[node].stop) return; /* given twice */
    s->nodes[node].stop = index + 1;
    s->nodes[node].stop_bytes = (uint32_t)text.n;
}

/* Failure links, nodes of lesser depth first: `queue` holds them as they come. */
static void link_nodes(ig_stops *s, uint32_t *queue)
{
    size_t head = 0, tail = 0;
    queue[tail++] = 0;
    while (head < tail) {
        const uint32_t node = queue[head++];
        stop_node *v = &s->nodes[node];
        if (v->depth > 1) v->fail = step(s, s->nodes[v->parent].fail, v->byte);
        const stop_node *f = &s->nodes[v->fail];
        if (!v->stop && f->stop) v->stop = f->stop, v->stop_bytes = f->stop_bytes;
        for (uint32_t c = v->child; c; c = s->nodes[c].sibling) queue[tail++] = c;
    }
}

ingot_status ig_stops_open(ig_stops **out, ig_heap *heap, const ingot_str *strings, size_t n,
                           ingot_error *err)
{
    size_t bytes;
    *out = NULL;
    IG_TRY(check_strings(&bytes, strings, n, err));
    const size_t cap = bytes + 1;
    ig_stops *s = ig_take0(heap, sizeof *s + cap * sizeof *s->nodes);
    uint32_t *queue = ig_take(heap, cap * sizeof *queue);
    if (s) *s = (ig_stops){.heap = heap, .n_nodes = 1, .cap = cap};
    if (s && queue) {
        for (size_t i = 0; i < n; i++) insert(s, strings[i], (uint32_t)i);
        link_nodes(s, queue);
    }
    ig_give(heap, queue, cap * sizeof *queue);
    *out = s;
    if (s && queue) return INGOT_OK;
    ig_stops_close(out);
    return ig_fail(err, INGOT_E_NOMEM, "no memory for %zu bytes of stop strings", bytes);
}

void ig_stops_close(ig_stops **stops)
{
    ig_stops *s = *stops;
    *stops = NULL;
    if (s) ig_give(s->heap, s, sizeof *s + s->cap * sizeof *s->nodes);
}

/* ---- running ---- */

/* The first n bytes of what a node stands for. */
static void put_beginning(const ig_stops *s, uint32_t node, size_t n, ig_bytes *out)
{
    while (s->nodes[node].depth > n) node = s->nodes[node].parent;
    const size_t at = out->n;
    for (size_t i = 0; i < n; i++) ig_put_u8(out, 0);
    if (out->failed) return;
    for (size_t i = n; i--; node = s->nodes[node].parent) out->p[at + i] = s->nodes[node].byte;
}

void ig_stop_feed(const ig_stops *s, ig_stop_state *state, const char *text, size_t n,
                  ig_bytes *out)
{
    for (size_t i = 0; i < n && !state->stopped; i++) {
        const unsigned char byte = (unsigned char)text[i];
        const uint32_t from = state->node, to = step(s, from, byte);
        /* held: the bytes of `from`, then this one; the last `depth of to` of them go on waiting */
        const size_t held = s->nodes[from].depth, wait = s->nodes[to].depth;
        size_t shown = held + 1 - wait;
        const stop_node *v = &s->nodes[to];
        if (v->stop) {
            state->stopped = true;
            state->which = v->stop - 1;
            shown = held + 1 - v->stop_bytes;
        }
        put_beginning(s, from, shown > held ? held : shown, out);
        if (shown > held) ig_put_u8(out, byte);
        state->node = to;
    }
}

void ig_stop_end(const ig_stops *s, ig_stop_state *state, ig_bytes *out)
{
    if (!state->stopped) put_beginning(s, state->node, s->nodes[state->node].depth, out);
    state->node = 0;
}
