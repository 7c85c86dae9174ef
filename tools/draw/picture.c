/* picture.c - boxes and links of a graph; see picture.h. */
#include "tools/draw/picture.h"
#include "runtime/base/checked.h"
#include "runtime/graph/op.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NO_BOX = 0, NOTE_ROOM = 160 };

typedef struct {
    const ig_graph *g;
    ig_picture *p;
    ig_arena *arena;
    size_t *maker; /* [n_values] box that makes the value, plus one; NO_BOX: a constant */
} sketch;

void ig_draw_put(ig_bytes *out, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n > 0) ig_put(out, text, IG_MIN((size_t)n, sizeof text - 1));
}

static const char *type_note(sketch *s, ig_id id)
{
    char text[NOTE_ROOM];
    ig_type_print(text, sizeof text, &s->g->values[id].type, s->g->symbols);
    return ig_arena_text(s->arena, text, strlen(text));
}

static ig_box *add_box(sketch *s, ig_box_kind kind, const char *title, ig_id value)
{
    ig_box *b = &s->p->boxes[s->p->n_boxes++];
    *b = (ig_box){.kind = kind, .title = title, .name = ""};
    b->note = value == IG_NO_VALUE ? "" : type_note(s, value);
    return b->note ? b : NULL;
}

static void link_value(sketch *s, ig_id value)
{
    if (value == IG_NO_VALUE || s->maker[value] == NO_BOX) return;
    ig_picture *p = s->p;
    const size_t from = s->maker[value] - 1, to = p->n_boxes - 1;
    p->links[p->n_links++] = (ig_link){from, to};
    p->boxes[to].rank = IG_MAX(p->boxes[to].rank, p->boxes[from].rank + 1);
}

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "drawing: no memory");
}

static ingot_status add_node(sketch *s, const ig_node *node, ingot_error *err)
{
    ig_box *b = add_box(s, IG_BOX_NODE, node->op->name, node->n_out ? node->out[0] : IG_NO_VALUE);
    if (!b) return no_memory(err);
    b->name = node->name;
    b->sub = ig_new_n(s->arena, ig_picture *, node->n_sub);
    if (!b->sub) return no_memory(err);
    for (uint32_t k = 0; k < node->n_sub; k++) {
        if (!node->sub[k]) continue;
        IG_TRY(ig_picture_make(&b->sub[b->n_sub], node->sub[k], s->arena, err));
        b->n_sub++;
    }
    for (uint32_t i = 0; i < node->n_in; i++) link_value(s, node->in[i]);
    for (uint32_t o = 0; o < node->n_out; o++)
        if (node->out[o] != IG_NO_VALUE) s->maker[node->out[o]] = s->p->n_boxes;
    return INGOT_OK;
}

static ingot_status add_all(sketch *s, ingot_error *err)
{
    const ig_graph *g = s->g;
    for (size_t i = 0; i < g->n_inputs; i++) {
        if (!add_box(s, IG_BOX_INPUT, g->values[g->inputs[i]].name, g->inputs[i]))
            return no_memory(err);
        s->maker[g->inputs[i]] = s->p->n_boxes;
    }
    for (size_t i = 0; i < g->n_nodes; i++) IG_TRY(add_node(s, g->nodes[i], err));
    for (size_t i = 0; i < g->n_outputs; i++) {
        if (!add_box(s, IG_BOX_OUTPUT, g->values[g->outputs[i]].name, g->outputs[i]))
            return no_memory(err);
        link_value(s, g->outputs[i]);
    }
    return INGOT_OK;
}

ingot_status ig_picture_make(ig_picture **out, const ig_graph *g, ig_arena *arena, ingot_error *err)
{
    size_t links = g->n_outputs;
    for (size_t i = 0; i < g->n_nodes; i++) links += g->nodes[i]->n_in;
    ig_picture *p = *out = ig_new(arena, ig_picture);
    sketch s = {.g = g, .p = p, .arena = arena, .maker = ig_new_n(arena, size_t, g->n_values)};
    if (!p || !s.maker) return no_memory(err);
    p->title = g->name ? g->name : "";
    p->boxes = ig_new_n(arena, ig_box, g->n_inputs + g->n_nodes + g->n_outputs);
    p->links = ig_new_n(arena, ig_link, links);
    if (!p->boxes || !p->links) return no_memory(err);
    return add_all(&s, err);
}
