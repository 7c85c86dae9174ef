/* conv_drive.h - convolution as indirect GEMM (Dukhan 2019): the loops around the register tile,
 * the same for every ISA that has such a tile.
 *
 * A tile is a few output pixels times a few panels. Its depth is cut into segments that lie
 * together in x for every pixel of the tile, and a table says where:
 *
 *     from [segment][pixel]    inside the image, dilation_w 1, one group: kh segments of kw * in_c
 *                              at an edge, or otherwise:  kh * kw segments of in_c / groups, a row
 *                                                         of zeros where the tap is in the padding
 *
 * so nothing is copied, and tiles run over the ends of output rows. Windows are copied into rows
 * after all (one segment) where segments at an edge would be a few elements long, and where the
 * window has very many taps. Pixels that meet in the same set of L1 make smaller tiles.
 *
 *     for panels that fill half of L2      (all of K deep)
 *     for pixels, `group` tiles at a time   the table is made here
 *     for panels, as many as a tile takes
 *     for runs of IG_GEMM_RUN products     B is read once for all tiles; sums wait in `sum`
 *     for the tiles of the group */
#ifndef IG_CONV_DRIVE_H
#define IG_CONV_DRIVE_H

#include "kernels/conv/conv_window.h"

#include <string.h>

enum {
    HALF = IG_PANEL / 2,
    MOST_TILE = 14,     /* pixels */
    MOST_GROUP = 5,     /* tiles */
    MOST_WIDE = 4,      /* half panels of the widest tile */
    B_BLOCK = 96 << 10, /* elements of B at a time: 384 KB */
};

/* Where a tile's next product lies in its table: element `at` of the segment. */
typedef struct {
    const float *const *from; /* [segment][MOST_TILE], at this segment */
    size_t at, segment;       /* segment: elements of one */
} tile_cursor;

/* One call of a register tile: rows pixels x (halves * 8) outputs, one run deep. */
typedef struct {
    tile_cursor *cursor; /* moves on by kc */
    const float *b;      /* first panel, at this run */
    size_t panel;        /* elements from one panel to the next */
    const float *next;   /* where this tile's share of the next run's B begins, to be prefetched */
    size_t kc;
    float *sum; /* [rows, rounded up to even][halves * 8] of the runs so far */
    float *c;
    size_t rows, ldc, cols;       /* valid columns: 1 .. halves * 8 */
    bool first, last;             /* run */
    const float *bias, *residual; /* at this tile, or NULL */
    size_t ld_residual;
    float low, high;
} conv_tile;
typedef void conv_tile_fn(const conv_tile *t);

/* An ISA's tiles. */
typedef struct {
    size_t rows, group;                          /* pixels of a tile, tiles of a group: as above */
    size_t halves;                               /* of the widest tile */
    size_t spread;                               /* tiles that share prefetching one panel */
    conv_tile_fn *const (*by_halves)[MOST_TILE]; /* [halves - 1][rows - 1] */
    /* finish - the activations that are no clip, over a stored tile */
    void (*finish)(const ig_epilogue *e, float *c, size_t ldc, size_t rows, size_t cols);
} conv_tiles;

/* Up to MOST_TILE pixels and where their inputs lie. */
typedef struct {
    size_t pixel, rows, segment;
    tile_cursor cursor;
    const float *from[CONV_MOST_TAPS * MOST_TILE];
    _Alignas(64) float sum[MOST_TILE * MOST_WIDE * HALF]; /* a vector across lines is slow */
} tile_place;

/* What all tiles of one group of channels share. */
typedef struct {
    const ig_conv_f32_args *c;
    size_t group, channels, depth, pixels; /* pixels: of the largest tile */
    bool skips;                            /* rows of taps above and below the image */
    size_t steps[MOST_TILE];               /* elements of x from pixel to pixel of a row */
    const float *zeros;                    /* [channels] */
    float *room;                           /* [pixels of a group of tiles][conv_row_length] */
    conv_tile tile;                        /* what every call shares */
} conv_source;

/* The table of a tile in one output row whose taps are all inside the image. Here and below one
 * entry more than pixels is filled, for tiles that double their last one. */
static inline void place_inside(tile_place *p, const conv_source *s, const window *w)
{
    const ig_conv_f32_args *c = s->c;
    const bool joined = c->dilation_w == 1 && c->groups == 1;
    const size_t runs = joined ? 1 : c->kw;
    const float **from = p->from;
    p->segment = joined ? c->kw * s->channels : s->channels;
    for (size_t ky = 0; ky < c->kh; ky++)
        for (size_t run = 0; run < runs; run++, from += MOST_TILE) {
            const size_t y = (size_t)w->y + ky * c->dilation_h;
            const float *x =
                w->image + (y * c->in_w + (size_t)w->x + run * c->dilation_w) * c->in_c;
            for (size_t r = 0; r < MOST_TILE; r++) from[r] = x + s->steps[r];
            from[p->rows] = from[p->rows - 1];
        }
}

/* Any tile, tap by tap. */
static inline void place_taps(tile_place *p, const conv_source *s, window w)
{
    const ig_conv_f32_args *c = s->c;
    const float **from = p->from, *zeros = s->zeros;
    const size_t in_h = c->in_h, in_w = c->in_w;
    const float *image[MOST_TILE];
    size_t at[MOST_TILE], y[MOST_TILE], x[MOST_TILE]; /* left of and above the image they wrap */
    for (size_t r = 0; r < MOST_TILE; r++) {
        image[r] = w.image;
        y[r] = (size_t)w.y;
        x[r] = (size_t)w.x;
        at[r] = (y[r] * in_w + x[r]) * c->in_c;
        if (r + 1 < p->rows) window_step(c, &w, 1);
    }
    p->segment = s->channels;
    for (size_t ky = 0; ky < c->kh; ky++) {
        const size_t dy = ky * c->dilation_h;
        const bool skip = s->skips && y[0] + dy >= in_h;
        for (size_t kx = 0; kx < c->kw; kx++, from += MOST_TILE) {
            const size_t dx = kx * c->dilation_w, step = (dy * in_w + dx) * c->in_c;
            if (skip) {
                for (size_t r = 0; r < MOST_TILE; r++) from[r] = NULL;
                continue;
            }
            for (size_t r = 0; r < MOST_TILE; r++) {
                const bool in = (y[r] + dy < in_h) & (x[r] + dx < in_w);
                from[r] = in ? image[r] + (at[r] + step) : zeros;
            }
        }
    }
}

/* p->pixel and p->rows are set, w is the first pixel's; room is for this tile. */
INLINE void place(tile_place *p, const conv_source *s, const window *w, float *room, copy_fn *copy)
{
    const ig_conv_f32_args *c = s->c;
    const size_t bottom = (size_t)w->y + (c->kh - 1) * c->dilation_h;
    const size_t reach = (p->rows - 1) * c->stride_w + (c->kw - 1) * c->dilation_w;
    const bool inside = w->ox + p->rows <= c->out_w && w->y >= 0 && w->x >= 0 && bottom < c->in_h &&
                        (size_t)w->x + reach < c->in_w;
    if (c->kh * c->kw <= CONV_MOST_TAPS && inside) {
        place_inside(p, s, w);
    } else if (!ig_conv_copies(c)) {
        place_taps(p, s, *w);
    } else {
        p->segment = s->depth;
        gather(c, *w, room, p->rows, copy);
        for (size_t r = 0; r < p->rows; r++) p->from[r] = room + r * conv_row_length(c);
        p->from[p->rows] = room;
    }
}

/* A tile begins at a whole panel: it takes 2 or 4 halves, or the last 3 or 1 (5 are 2 and 3). */
static inline size_t halves_now(const conv_tiles *tiles, size_t left)
{
    return left == 3 ? 3 : left == 5 ? 2 : IG_MIN(left, tiles->halves);
}

/* Tile i prefetches one share of one panel of what the group reads next, at `from`: all at once
 * would take every miss buffer. Tiles without a share touch the present B again. */
static inline const float *share_of(const conv_tiles *tiles, const conv_tile *t, const float *from,
                                    size_t i)
{
    const size_t panel = i / tiles->spread, share = i % tiles->spread;
    if (panel * IG_PANEL >= t->cols) return t->b;
    return from + panel * t->panel + share * (IG_GEMM_RUN / tiles->spread) * IG_PANEL;
}

/* Panels [p0, p1) of one group of channels for `n` placed tiles. */
static inline void run_group(const conv_source *s, const conv_tiles *tiles, tile_place *places,
                             size_t n, size_t p0, size_t p1)
{
    const ig_conv_f32_args *c = s->c;
    const ig_epilogue *e = &c->epilogue;
    const size_t k = s->depth, width = c->out_c / c->groups, first = s->group * width;
    const size_t end = IG_MIN(p1 * IG_PANEL, width);
    conv_tile t = s->tile;
    for (size_t col = p0 * IG_PANEL, halves; col < end; col += halves * HALF) {
        halves = halves_now(tiles, (end - col + HALF - 1) / HALF);
        t.cols = IG_MIN(end - col, halves * HALF);
        t.bias = e->bias ? e->bias + first + col : NULL;
        for (size_t k0 = 0; k0 < k || !k0; k0 += IG_GEMM_RUN) {
            t.kc = IG_MIN((size_t)IG_GEMM_RUN, k - k0);
            t.first = k0 == 0;
            t.last = k0 + t.kc == k;
            t.b = s->tile.b + col * k + k0 * IG_PANEL;
            const float *next =
                t.last ? s->tile.b + (col + halves * HALF) * k : t.b + IG_GEMM_RUN * IG_PANEL;
            for (size_t i = 0; i < n; i++) {
                tile_place *p = places + i;
                if (t.first) p->cursor = (tile_cursor){p->from, 0, p->segment};
                t.cursor = &p->cursor;
                t.sum = p->sum;
                t.rows = p->rows;
                t.next = share_of(tiles, &t, next, i);
                t.c = c->y + p->pixel * c->out_c + first + col;
                if (e->residual) t.residual = e->residual + p->pixel * e->ld_residual + first + col;
                tiles->by_halves[halves - 1][p->rows - 1](&t);
                if (t.last && !ig_act_is_clip(e->act))
                    tiles->finish(e, t.c, t.ldc, p->rows, t.cols);
            }
        }
    }
}

/* The tiles of pixels [m0, m1): stretches whose pixels may share tiles are cut evenly. */
typedef struct {
    window w;                               /* at `pixel` */
    size_t pixel, end, stretch, rows, more; /* of the stretch: its end, tiles that are one larger */
} tile_walk;

static inline void next_stretch(tile_walk *t, const conv_source *s)
{
    const size_t left = t->end - t->pixel,
                 n = s->skips ? IG_MIN(left, same_rows(s->c, &t->w)) : left;
    const size_t tiles = (n + s->pixels - 1) / s->pixels;
    t->stretch = t->pixel + n;
    t->rows = n / tiles;
    t->more = n % tiles;
}

static inline size_t count_tiles(tile_walk t, const conv_source *s)
{
    size_t n = 0;
    for (; t.pixel < t.end; t.pixel = t.stretch) {
        next_stretch(&t, s);
        n += (t.stretch - t.pixel + s->pixels - 1) / s->pixels;
        window_pass(s->c, &t.w, t.stretch - t.pixel);
    }
    return n;
}

static inline size_t next_tile(tile_walk *t, const conv_source *s)
{
    if (t->pixel == t->stretch) next_stretch(t, s);
    const size_t rows = t->rows + (t->more > 0);
    t->more -= t->more > 0;
    return rows;
}

/* Pixels [m0, m1), panels [p0, p1) of one group of channels. */
INLINE void drive_panels(const conv_source *s, const conv_tiles *tiles, size_t m0, size_t m1,
                         size_t p0, size_t p1, copy_fn *copy)
{
    tile_walk t = {.w = window_at(s->c, m0, s->group), .pixel = m0, .end = m1, .stretch = m0};
    tile_place places[MOST_GROUP];
    const size_t n_tiles = count_tiles(t, s);
    const size_t most = conv_rows_room(s->c) ? MOST_PIXELS / s->pixels : tiles->group;
    const size_t together = IG_MIN(most, tiles->group);
    const size_t n_groups = (n_tiles + together - 1) / together;
    for (size_t g = 0; g < n_groups; g++) {
        const size_t n = n_tiles / n_groups + (g < n_tiles % n_groups);
        for (size_t i = 0; i < n; i++) {
            tile_place *p = &places[i];
            p->rows = next_tile(&t, s);
            p->pixel = t.pixel;
            place(p, s, &t.w, s->room + i * s->pixels * conv_row_length(s->c), copy);
            t.pixel += p->rows;
            window_pass(s->c, &t.w, p->rows);
        }
        run_group(s, tiles, places, n, p0, p1);
    }
}

INLINE void conv_drive(const ig_conv_f32_args *args, float *scratch, size_t m0, size_t m1,
                       size_t p0, size_t p1, const conv_tiles *tiles, copy_fn *copy)
{
    const ig_conv_f32_args flat = conv_flat(args), *c = &flat;
    const size_t each = ig_conv_group_panels(c), k = ig_conv_depth(c);
    const size_t block = IG_MAX(B_BLOCK / IG_MAX(k * IG_PANEL, 1) / 2 * 2, 2);
    conv_source s = {.c = c, .channels = c->in_c / c->groups, .depth = k, .zeros = scratch};
    s.skips = ig_conv_skips_rows(c);
    if (m0 >= m1 || p0 >= p1) return;
    s.room = scratch + conv_zeros_length(c);
    s.pixels = conv_clashes(c) ? IG_MIN(tiles->rows, CLASH_PIXELS) : tiles->rows;
    s.tile =
        (conv_tile){.ldc = c->out_c, .panel = k * IG_PANEL, .ld_residual = c->epilogue.ld_residual};
    ig_act_bounds(&c->epilogue, &s.tile.low, &s.tile.high);
    for (size_t r = 0; r < MOST_TILE; r++) s.steps[r] = r * c->stride_w * c->in_c;
    memset(scratch, 0, conv_zeros_length(c) * sizeof *scratch);
    for (s.group = p0 / each; s.group * each < p1; s.group++) {
        const size_t low = IG_MAX(p0, s.group * each) - s.group * each;
        const size_t high = IG_MIN(p1, (s.group + 1) * each) - s.group * each;
        s.tile.b = c->w + s.group * each * IG_PANEL * k;
        for (size_t p = low; p < high; p += block)
            drive_panels(&s, tiles, m0, m1, p, IG_MIN(p + block, high), copy);
    }
}

#endif
