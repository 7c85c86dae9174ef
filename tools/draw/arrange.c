/* arrange.c - a layered layout: rows by rank, sweeps that move each box towards its neighbours.
 *
 * Within a row boxes are sorted by the mean place of what they are linked to in the rows above
 * (downward sweeps) or below (upward), then set side by side as near to those places as their
 * widths allow. A few sweeps are enough for nets, which are mostly chains with short branches. */
#include "tools/draw/picture.h"
#include "runtime/base/checked.h"

#include <stdlib.h>
#include <string.h>

enum { SWEEPS = 4, GAP_X = 24, GAP_Y = 34, MARGIN = 14, LINE = 16, CHAR = 7, WIDEST_TEXT = 46 };

typedef struct {
    ig_box *box;
    double want; /* centre */
} place;

typedef struct {
    ig_picture *p;
    size_t n_rows;
    size_t *first; /* [n_rows + 1] into places */
    place *places; /* [n_boxes] row by row */
    double *sum;   /* [n_boxes] of neighbours' centres */
    uint32_t *n;   /* [n_boxes] */
} sheet;

static double text_width(const char *text)
{
    return CHAR * (double)IG_MIN(strlen(text), (size_t)WIDEST_TEXT);
}

static void size_box(ig_box *b)
{
    b->w = IG_MAX(text_width(b->title), text_width(b->note)) + 2 * MARGIN;
    b->h = 2 * LINE + MARGIN;
    double inner = MARGIN;
    for (uint32_t k = 0; k < b->n_sub; k++) {
        inner += b->sub[k]->w + MARGIN;
        b->h = IG_MAX(b->h, b->sub[k]->h + 4 * LINE + MARGIN);
    }
    if (b->n_sub) b->w = IG_MAX(b->w, inner);
}

static int by_want(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->want != y->want) return x->want < y->want ? -1 : 1;
    return (x->box > y->box) - (x->box < y->box); /* topological order: stable */
}

static bool open_sheet(sheet *s, ig_picture *p, ig_arena *arena)
{
    *s = (sheet){.p = p};
    for (size_t i = 0; i < p->n_boxes; i++) s->n_rows = IG_MAX(s->n_rows, p->boxes[i].rank + 1);
    s->first = ig_new_n(arena, size_t, s->n_rows + 1);
    s->places = ig_new_n(arena, place, p->n_boxes);
    s->sum = ig_new_n(arena, double, p->n_boxes);
    s->n = ig_new_n(arena, uint32_t, p->n_boxes);
    if (!s->first || !s->places || !s->sum || !s->n) return false;
    for (size_t i = 0; i < p->n_boxes; i++) s->first[p->boxes[i].rank + 1]++;
    for (size_t r = 0; r < s->n_rows; r++) s->first[r + 1] += s->first[r];
    size_t *at = ig_arena_copy(arena, s->first, s->n_rows * sizeof *at);
    if (!at) return false;
    for (size_t i = 0; i < p->n_boxes; i++)
        s->places[at[p->boxes[i].rank]++] = (place){.box = &p->boxes[i]};
    return true;
}

/* Neighbours on one side: those above for a downward sweep. */
static void gather(sheet *s, bool down)
{
    const ig_picture *p = s->p;
    memset(s->sum, 0, p->n_boxes * sizeof *s->sum);
    memset(s->n, 0, p->n_boxes * sizeof *s->n);
    for (size_t i = 0; i < p->n_links; i++) {
        const size_t me = down ? p->links[i].to : p->links[i].from;
        const ig_box *other = &p->boxes[down ? p->links[i].from : p->links[i].to];
        s->sum[me] += other->x + other->w / 2;
        s->n[me]++;
    }
}

static void set_row(sheet *s, size_t row)
{
    place *at = &s->places[s->first[row]];
    const size_t n = s->first[row + 1] - s->first[row];
    double right = -1e300, shift = 0;
    for (size_t i = 0; i < n; i++) {
        const size_t id = (size_t)(at[i].box - s->p->boxes);
        at[i].want = s->n[id] ? s->sum[id] / s->n[id] : at[i].box->x + at[i].box->w / 2;
    }
    qsort(at, n, sizeof *at, by_want);
    for (size_t i = 0; i < n; i++) {
        ig_box *b = at[i].box;
        b->x = IG_MAX(at[i].want - b->w / 2, right);
        right = b->x + b->w + GAP_X;
        shift += at[i].want - (b->x + b->w / 2);
    }
    for (size_t i = 0; i < n; i++) at[i].box->x += shift / (double)n;
}

/* The sums change row by row: what was moved counts for the next row. */
static void sweep(sheet *s, bool down)
{
    for (size_t k = 0; k < s->n_rows; k++) {
        if (k < 2 || s->p->n_links < 4096) gather(s, down); /* large graphs: old places will do */
        set_row(s, down ? k : s->n_rows - 1 - k);
    }
}

static void settle(sheet *s)
{
    ig_picture *p = s->p;
    double left = 1e300, y = MARGIN;
    for (size_t i = 0; i < p->n_boxes; i++) left = IG_MIN(left, p->boxes[i].x);
    for (size_t r = 0; r < s->n_rows; r++) {
        double high = 0;
        for (size_t i = s->first[r]; i < s->first[r + 1]; i++) {
            ig_box *b = s->places[i].box;
            b->x += MARGIN - left;
            b->y = y;
            high = IG_MAX(high, b->h);
            p->w = IG_MAX(p->w, b->x + b->w + MARGIN);
        }
        y += high + GAP_Y;
    }
    p->h = y - GAP_Y + MARGIN;
}

ingot_status ig_picture_arrange(ig_picture *p, ig_arena *arena, ingot_error *err)
{
    sheet s;
    p->w = p->h = 2 * MARGIN;
    for (size_t i = 0; i < p->n_boxes; i++) {
        for (uint32_t k = 0; k < p->boxes[i].n_sub; k++)
            IG_TRY(ig_picture_arrange(p->boxes[i].sub[k], arena, err));
        size_box(&p->boxes[i]);
    }
    if (!p->n_boxes) return INGOT_OK;
    if (!open_sheet(&s, p, arena)) return ig_fail(err, INGOT_E_NOMEM, "drawing: no memory");
    for (int i = 0; i < SWEEPS; i++) sweep(&s, i % 2 == 0);
    settle(&s);
    return INGOT_OK;
}
