/* svg.c - a graph as SVG: boxes with op and shape, subgraphs inside the box of their node. */
#include "tools/draw/draw.h"
#include "tools/draw/picture.h"

enum { LINE = 16, MARGIN = 14, LONGEST = 46 };

static void put_text(ig_bytes *out, const char *text, size_t most)
{
    size_t n = 0;
    for (; *text && n < most; text++, n++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '&')
            ig_put(out, "&amp;", 5);
        else if (c == '<')
            ig_put(out, "&lt;", 4);
        else if (c == '>')
            ig_put(out, "&gt;", 4);
        else if (c >= ' ' && c < 127)
            ig_put(out, text, 1);
        else
            ig_put(out, "?", 1); /* names are bytes; a picture must be valid XML */
    }
    if (*text) ig_put(out, "...", 3);
}

static void put_line(ig_bytes *out, double x, double y, const char *class_, const char *text)
{
    ig_draw_put(out, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\">", x, y, class_);
    put_text(out, text, LONGEST - 3);
    ig_draw_put(out, "</text>\n");
}

static void put_link(ig_bytes *out, const ig_box *a, const ig_box *b)
{
    const double x0 = a->x + a->w / 2, y0 = a->y + a->h, x1 = b->x + b->w / 2, y1 = b->y;
    const double bend = (y1 - y0) / 2;
    ig_draw_put(out, "<path d=\"M%.1f,%.1f C%.1f,%.1f %.1f,%.1f %.1f,%.1f\"/>\n", x0, y0, x0,
                y0 + bend, x1, y1 - bend, x1, y1);
}

static void put_picture(ig_bytes *out, const ig_picture *p);

static void put_box(ig_bytes *out, const ig_box *b)
{
    static const char *const classes[] = {"node", "port", "port"};
    const double middle = b->x + b->w / 2;
    ig_draw_put(out, "<g class=\"%s\"><title>", classes[b->kind]);
    put_text(out, b->name, 400);
    ig_draw_put(out,
                "</title><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%d\"/>\n",
                b->x, b->y, b->w, b->h, b->kind == IG_BOX_NODE ? 4 : 20);
    put_line(out, middle, b->y + LINE + 2, "title", b->title);
    put_line(out, middle, b->y + 2 * LINE + 2, "note", b->note);
    double x = b->x + MARGIN;
    for (uint32_t k = 0; k < b->n_sub; k++) {
        const ig_picture *sub = b->sub[k];
        ig_draw_put(out, "<g class=\"sub\" transform=\"translate(%.1f,%.1f)\">", x,
                    b->y + 4 * LINE);
        ig_draw_put(out, "<rect width=\"%.1f\" height=\"%.1f\"/>\n", sub->w, sub->h);
        put_line(out, sub->w / 2, -4, "note", sub->title);
        put_picture(out, sub);
        ig_draw_put(out, "</g>\n");
        x += sub->w + MARGIN;
    }
    ig_draw_put(out, "</g>\n");
}

static void put_picture(ig_bytes *out, const ig_picture *p)
{
    for (size_t i = 0; i < p->n_links; i++)
        put_link(out, &p->boxes[p->links[i].from], &p->boxes[p->links[i].to]);
    for (size_t i = 0; i < p->n_boxes; i++) put_box(out, &p->boxes[i]);
}

static const char style[] =
    "<style>text{font:11px sans-serif;text-anchor:middle;fill:#202124}"
    ".title{font-weight:bold}.note{font-size:10px;fill:#5f6368}"
    "path{fill:none;stroke:#9aa0a6;marker-end:url(#tip)}"
    ".node>rect{fill:#e8f0fe;stroke:#4285f4}.port>rect{fill:#e6f4ea;stroke:#34a853}"
    ".sub>rect{fill:#ffffff;stroke:#9aa0a6;stroke-dasharray:4 3}</style>\n"
    "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" "
    "markerHeight=\"7\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\" "
    "style=\"fill:#9aa0a6;stroke:none;marker-end:none\"/></marker></defs>\n"
    "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";

ingot_status ig_draw_svg(ig_bytes *out, const ig_graph *g, ig_arena *arena, ingot_error *err)
{
    ig_picture *p;
    IG_TRY(ig_picture_make(&p, g, arena, err));
    IG_TRY(ig_picture_arrange(p, arena, err));
    ig_draw_put(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                "viewBox=\"0 0 %.0f %.0f\">\n",
                p->w, p->h, p->w, p->h);
    ig_put(out, style, sizeof style - 1);
    put_picture(out, p);
    ig_draw_put(out, "</svg>\n");
    return INGOT_OK;
}
