/* dot.c - a graph in Graphviz's language; subgraphs are clusters beside their node. */
#include "tools/draw/draw.h"
#include "tools/draw/picture.h"

typedef struct {
    ig_bytes *out;
    size_t n_boxes; /* numbered so far; names of boxes are unique in the file */
} pen;

static void put_text(pen *p, const char *text)
{
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') ig_put(p->out, "\\", 1);
        if (c >= ' ' && c != 127) ig_put(p->out, text, 1);
    }
}

static const char *shape(ig_box_kind kind)
{
    return kind == IG_BOX_NODE ? "box, style=\"rounded,filled\", fillcolor=\"#e8f0fe\""
                               : "ellipse, style=filled, fillcolor=\"#e6f4ea\"";
}

static void put_picture(pen *p, const ig_picture *picture, int depth)
{
    const size_t first = p->n_boxes;
    p->n_boxes += picture->n_boxes;
    for (size_t i = 0; i < picture->n_boxes; i++) {
        const ig_box *b = &picture->boxes[i];
        ig_draw_put(p->out, "%*sn%zu [label=\"", depth, "", first + i);
        put_text(p, b->title);
        ig_draw_put(p->out, "\\n");
        put_text(p, b->note);
        ig_draw_put(p->out, "\", tooltip=\"");
        put_text(p, b->name);
        ig_draw_put(p->out, "\", shape=%s];\n", shape(b->kind));
        for (uint32_t k = 0; k < b->n_sub; k++) {
            ig_draw_put(p->out, "%*ssubgraph cluster_%zu_%u {\n%*slabel=\"", depth, "", first + i,
                        k, depth + 2, "");
            put_text(p, b->sub[k]->title);
            ig_draw_put(p->out, "\";\n");
            const size_t inner = p->n_boxes;
            put_picture(p, b->sub[k], depth + 2);
            ig_draw_put(p->out, "%*s}\n", depth, "");
            if (b->sub[k]->n_boxes)
                ig_draw_put(p->out, "%*sn%zu -> n%zu [style=dashed, arrowhead=none];\n", depth, "",
                            first + i, inner);
        }
    }
    for (size_t i = 0; i < picture->n_links; i++)
        ig_draw_put(p->out, "%*sn%zu -> n%zu;\n", depth, "", first + picture->links[i].from,
                    first + picture->links[i].to);
}

ingot_status ig_draw_dot(ig_bytes *out, const ig_graph *g, ig_arena *arena, ingot_error *err)
{
    ig_picture *picture;
    pen p = {.out = out};
    IG_TRY(ig_picture_make(&picture, g, arena, err));
    ig_draw_put(out, "digraph \"");
    put_text(&p, picture->title);
    ig_draw_put(out, "\" {\n  rankdir=TB;\n  node [fontname=\"sans-serif\", fontsize=10];\n");
    put_picture(&p, picture, 2);
    ig_draw_put(out, "}\n");
    return INGOT_OK;
}
