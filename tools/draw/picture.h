/* picture.h - a graph as boxes and links, the common ground of all drawings. */
#ifndef IG_PICTURE_H
#define IG_PICTURE_H

#include "runtime/base/bytes.h"
#include "runtime/graph/ir.h"

typedef struct ig_picture ig_picture;

typedef enum { IG_BOX_NODE, IG_BOX_INPUT, IG_BOX_OUTPUT } ig_box_kind;

typedef struct {
    ig_box_kind kind;
    const char *title; /* the op, or the name of an input or output */
    const char *note;  /* the type of what it gives */
    const char *name;  /* the node's own, for tooltips; may be "" */
    ig_picture **sub;  /* [n_sub] */
    uint32_t n_sub;
    size_t rank;       /* longest way from an input */
    double x, y, w, h; /* after ig_picture_arrange */
} ig_box;

typedef struct {
    size_t from, to; /* boxes; from has the lower rank */
} ig_link;

struct ig_picture {
    const char *title;
    ig_box *boxes; /* in topological order */
    size_t n_boxes;
    ig_link *links;
    size_t n_links;
    double w, h;
};

/* ig_picture_make - boxes, links and ranks; NULL in *out and E_NOMEM without memory. */
ingot_status ig_picture_make(ig_picture **out, const ig_graph *g, ig_arena *arena,
                             ingot_error *err);

/* ig_picture_arrange - places for all boxes, subgraphs first: rows by rank, ordered so that links
 * cross seldom. */
ingot_status ig_picture_arrange(ig_picture *p, ig_arena *arena, ingot_error *err);

/* Appending text. */
void ig_draw_put(ig_bytes *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
