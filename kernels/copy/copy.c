/* copy.c - planning and running strided copies; see copy.h.
 *
 * Transposes go to the kernels of kernels/transpose where these know the element and the strides.
 * Others (16 bytes, strides of wide elements that are not multiples of them, negative strides) run
 * in tiles of 16 x 16 elements, so that every line which is read or written is used whole. */
#include "kernels/copy/copy.h"
#include "runtime/base/topology.h"

#include <stdbool.h>
#include <string.h>

enum { TILE = 16, TILE_MIN = 4, THIN_MIN = 64, PIECE_BYTES = 64 * 1024 };

/* Past the caches: rows that a transpose walks together, columns that are worth it, bytes of a run.
 */
enum { PAST_BAND = 64, PAST_COLUMNS = 128, PAST_RUN = 512 };

typedef struct {
    uint64_t half[2];
} block16;

/* ---- planning ---- */

typedef struct {
    int rank;
    size_t n[IG_COPY_RANK];
    ptrdiff_t to[IG_COPY_RANK], from[IG_COPY_RANK]; /* bytes */
} loops;

static void add_loop(loops *l, size_t n, ptrdiff_t to, ptrdiff_t from)
{
    if (n == 1) return;
    if (l->rank) { /* does the loop before step exactly over this one? */
        const int d = l->rank - 1;
        if (l->to[d] == (ptrdiff_t)n * to && l->from[d] == (ptrdiff_t)n * from) {
            l->n[d] *= n;
            l->to[d] = to;
            l->from[d] = from;
            return;
        }
    }
    l->n[l->rank] = n;
    l->to[l->rank] = to;
    l->from[l->rank++] = from;
}

static void remove_loop(loops *l, int d)
{
    for (l->rank--; d < l->rank; d++) {
        l->n[d] = l->n[d + 1];
        l->to[d] = l->to[d + 1];
        l->from[d] = l->from[d + 1];
    }
}

/* A contiguous run of a machine word's size is one wide element. */
static void widen(loops *l, size_t *bytes)
{
    const int d = l->rank - 1;
    if (d < 1 || l->to[d] != (ptrdiff_t)*bytes || l->from[d] != (ptrdiff_t)*bytes) return;
    const size_t run = l->n[d] * *bytes;
    if (run != 2 && run != 4 && run != 8 && run != 16) return;
    *bytes = run;
    l->rank--;
}

/* The loop whose source is contiguous, to be the rows of a transpose; -1: none. A thin one must be
 * long, as that between the planes and the pixels of an image. */
static int find_rows(const loops *l, size_t bytes)
{
    const int last = l->rank - 1;
    if (l->to[last] != (ptrdiff_t)bytes) return -1;
    for (int d = last - 1; d >= 0; d--) {
        const size_t less = l->n[d] < l->n[last] ? l->n[d] : l->n[last];
        const size_t more = l->n[d] < l->n[last] ? l->n[last] : l->n[d];
        if (l->from[d] == (ptrdiff_t)bytes && (less >= TILE_MIN || more >= THIN_MIN)) return d;
    }
    return -1;
}

/* Strides that a transpose kernel takes: elements, positive, rows that do not overlap. */
static bool fits_kernel(const ig_copy *c)
{
    const ptrdiff_t b = (ptrdiff_t)c->bytes;
    return c->line_from % b == 0 && c->rows_to % b == 0 && c->line_from / b >= (ptrdiff_t)c->rows &&
           c->rows_to / b >= (ptrdiff_t)c->line;
}

/* A line of a few elements costs more to start than to run: let a longer loop be the line. */
static void lengthen(loops *l)
{
    const int last = l->rank - 1;
    if (last < 1 || l->n[last] >= TILE_MIN * 2 || l->n[last - 1] <= l->n[last]) return;
    const size_t n = l->n[last];
    const ptrdiff_t to = l->to[last], from = l->from[last];
    l->n[last] = l->n[last - 1];
    l->to[last] = l->to[last - 1];
    l->from[last] = l->from[last - 1];
    l->n[last - 1] = n;
    l->to[last - 1] = to;
    l->from[last - 1] = from;
}

static void choose_inner(ig_copy *c, loops *l)
{
    const int last = l->rank - 1;
    const ptrdiff_t one = (ptrdiff_t)c->bytes;
    if (last >= 0 && (l->to[last] != one || l->from[last] != one) && find_rows(l, c->bytes) < 0)
        lengthen(l);
    if (last < 0) { /* a single element */
        c->kind = IG_COPY_RUN;
        c->line = c->bytes;
        return;
    }
    c->line_to = l->to[last];
    c->line_from = l->from[last];
    c->line = l->n[last];
    if (c->line_to == one && c->line_from == one) {
        c->kind = IG_COPY_RUN;
        c->line *= c->bytes;
        l->rank--;
        return;
    }
    const int rows = find_rows(l, c->bytes);
    c->kind = rows >= 0 ? IG_COPY_TILE : IG_COPY_LINE;
    l->rank--;
    if (rows < 0) return;
    c->rows = l->n[rows];
    c->rows_to = l->to[rows];
    remove_loop(l, rows);
    if (fits_kernel(c)) c->transpose = ig_transpose(c->bytes);
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static size_t round_up(size_t n, size_t step) { return (n + step - 1) / step * step; }

/* Transposes are cut along the longer side. */
static size_t cut_length(const ig_copy *c)
{
    return c->kind == IG_COPY_TILE && !c->along_line ? c->rows : c->line;
}

/* A transpose past the caches: bands of x's rows as long as can be, else columns in plenty. */
static void cut_past(ig_copy *c)
{
    c->along_line = c->rows <= c->line;
    const size_t least_piece = c->along_line ? PAST_BAND : PAST_COLUMNS;
    const size_t other = c->along_line ? c->rows : c->line;
    c->piece = round_up(PIECE_BYTES / c->bytes / other + 1, least_piece);
}

/* How much of the inner loop makes a unit. */
static void cut(ig_copy *c)
{
    c->piece = c->kind == IG_COPY_RUN ? PIECE_BYTES : PIECE_BYTES / c->bytes;
    if (c->kind == IG_COPY_TILE) {
        c->along_line = c->rows < TILE && c->rows < c->line;
        const size_t other = c->along_line ? c->rows : c->line;
        c->piece = PIECE_BYTES / c->bytes / other / TILE * TILE;
        if (c->piece < TILE) c->piece = TILE;
        if (c->stream && c->transpose) cut_past(c);
    }
    c->pieces = (cut_length(c) + c->piece - 1) / c->piece;
    c->units = c->pieces;
    for (int d = 0; d < c->rank; d++) c->units *= c->n[d];
}

void ig_copy_plan(ig_copy *c, size_t bytes, int rank, const size_t *n, const ptrdiff_t *to,
                  const ptrdiff_t *from)
{
    loops l = {0};
    memset(c, 0, sizeof *c);
    c->bytes = bytes;
    double total = (double)bytes;
    for (int d = 0; d < rank; d++) {
        if (n[d] == 0) return;
        add_loop(&l, n[d], to[d] * (ptrdiff_t)bytes, from[d] * (ptrdiff_t)bytes);
        total *= (double)n[d];
    }
    if (ig_past_caches(total)) c->stream = ig_stream();
    widen(&l, &c->bytes);
    choose_inner(c, &l);
    c->rank = l.rank;
    memcpy(c->n, l.n, sizeof c->n);
    memcpy(c->to, l.to, sizeof c->to);
    memcpy(c->from, l.from, sizeof c->from);
    cut(c);
}

size_t ig_copy_unit_bytes(const ig_copy *c)
{
    if (c->kind == IG_COPY_RUN) return c->line < c->piece ? c->line : c->piece;
    if (c->kind == IG_COPY_LINE) return (c->line < c->piece ? c->line : c->piece) * c->bytes;
    const size_t other = c->along_line ? c->rows : c->line, length = cut_length(c);
    return (length < c->piece ? length : c->piece) * other * c->bytes;
}

/* ---- inner steps, by element size ----
 * Elements move through a local by memcpy, which compilers turn into one load and one store: wide
 * elements made of narrow ones need no alignment. */

#define INNER(name, type)                                                                         \
    static void line_##name(char *to, const char *from, size_t n, ptrdiff_t to_step,              \
                            ptrdiff_t from_step)                                                  \
    {                                                                                             \
        if (from_step == 0) {                                                                     \
            type v;                                                                               \
            memcpy(&v, from, sizeof v);                                                           \
            if (to_step == (ptrdiff_t)sizeof v) /* contiguous: vectorised */                      \
                for (size_t i = 0; i < n; i++) memcpy(to + i * sizeof v, &v, sizeof v);           \
            else                                                                                  \
                for (size_t i = 0; i < n; i++) memcpy(to + (ptrdiff_t)i * to_step, &v, sizeof v); \
            return;                                                                               \
        }                                                                                         \
        for (size_t i = 0; i < n; i++, to += to_step, from += from_step) {                        \
            type v;                                                                               \
            memcpy(&v, from, sizeof v);                                                           \
            memcpy(to, &v, sizeof v);                                                             \
        }                                                                                         \
    }                                                                                             \
    static void tile_##name(char *to, const char *from, size_t rows, size_t columns,              \
                            ptrdiff_t rows_to, ptrdiff_t columns_from)                            \
    {                                                                                             \
        for (size_t r = 0; r < rows; r++)                                                         \
            for (size_t c = 0; c < columns; c++) {                                                \
                type v;                                                                           \
                memcpy(&v, from + (ptrdiff_t)c * columns_from + r * sizeof v, sizeof v);          \
                memcpy(to + (ptrdiff_t)r * rows_to + c * sizeof v, &v, sizeof v);                 \
            }                                                                                     \
    }                                                                                             \
    static void pick_##name(char *y, const char *x, const int64_t *index, size_t n)               \
    {                                                                                             \
        for (size_t i = 0; i < n; i++) {                                                          \
            type v;                                                                               \
            memcpy(&v, x + index[i] * (ptrdiff_t)sizeof v, sizeof v);                             \
            memcpy(y + i * sizeof v, &v, sizeof v);                                               \
        }                                                                                         \
    }
INNER(1, uint8_t)
INNER(2, uint16_t)
INNER(4, uint32_t)
INNER(8, uint64_t)
INNER(16, block16)

static void run_line(const ig_copy *c, char *to, const char *from, size_t n)
{
    switch (c->bytes) {
    case 1:
        line_1(to, from, n, c->line_to, c->line_from);
        break;
    case 2:
        line_2(to, from, n, c->line_to, c->line_from);
        break;
    case 4:
        line_4(to, from, n, c->line_to, c->line_from);
        break;
    case 8:
        line_8(to, from, n, c->line_to, c->line_from);
        break;
    default:
        line_16(to, from, n, c->line_to, c->line_from);
        break;
    }
}

static void one_tile(const ig_copy *c, char *to, const char *from, size_t rows, size_t columns)
{
    switch (c->bytes) {
    case 1:
        tile_1(to, from, rows, columns, c->rows_to, c->line_from);
        break;
    case 2:
        tile_2(to, from, rows, columns, c->rows_to, c->line_from);
        break;
    case 4:
        tile_4(to, from, rows, columns, c->rows_to, c->line_from);
        break;
    case 8:
        tile_8(to, from, rows, columns, c->rows_to, c->line_from);
        break;
    default:
        tile_16(to, from, rows, columns, c->rows_to, c->line_from);
        break;
    }
}

static void run_tiles(const ig_copy *c, char *to, const char *from, size_t rows, size_t line)
{
    if (c->transpose) {
        const transpose_shape s = {.batch = 1,
                                   .rows = line,
                                   .cols = rows,
                                   .x_row = (size_t)c->line_from / c->bytes,
                                   .y_row = (size_t)c->rows_to / c->bytes,
                                   .past = c->stream != NULL};
        c->transpose(to, from, &s);
        return;
    }
    for (size_t r = 0; r < rows; r += TILE)
        for (size_t k = 0; k < line; k += TILE)
            one_tile(c, to + (ptrdiff_t)r * c->rows_to + k * c->bytes,
                     from + r * c->bytes + (ptrdiff_t)k * c->line_from,
                     rows - r < TILE ? rows - r : TILE, line - k < TILE ? line - k : TILE);
}

static void run_piece(const ig_copy *c, char *to, const char *from, size_t piece)
{
    const size_t start = piece * c->piece, length = cut_length(c);
    const size_t n = length - start < c->piece ? length - start : c->piece;
    const ptrdiff_t at = (ptrdiff_t)start;
    if (c->kind == IG_COPY_RUN && c->stream && n >= PAST_RUN)
        c->stream(to + at, from + at, n);
    else if (c->kind == IG_COPY_RUN)
        memcpy(to + at, from + at, n);
    else if (c->kind == IG_COPY_LINE)
        run_line(c, to + at * c->line_to, from + at * c->line_from, n);
    else if (c->along_line)
        run_tiles(c, to + start * c->bytes, from + at * c->line_from, c->rows, n);
    else
        run_tiles(c, to + at * c->rows_to, from + start * c->bytes, n, c->line);
}

/* Short runs of some whole vectors, n of them: a call of memcpy each would take longer. */
#define RUNS(bytes)                                                               \
    case bytes:                                                                   \
        for (; n; n--, to += to_step, from += from_step) memcpy(to, from, bytes); \
        return true

static bool run_short(char *to, const char *from, size_t bytes, size_t n, ptrdiff_t to_step,
                      ptrdiff_t from_step)
{
    switch (bytes) {
        RUNS(32);
        RUNS(48);
        RUNS(64);
        RUNS(96);
        RUNS(128);
        RUNS(192);
        RUNS(256);
    default:
        return false;
    }
}

void ig_copy_units(const ig_copy *c, void *to, const void *from, size_t begin, size_t end)
{
    if (begin >= end) return;
    size_t at[IG_COPY_RANK] = {0}, rest = begin / c->pieces, piece = begin % c->pieces;
    char *y = to;
    const char *x = from;
    for (int d = c->rank - 1; d >= 0; d--) {
        at[d] = rest % c->n[d];
        rest /= c->n[d];
        y += (ptrdiff_t)at[d] * c->to[d];
        x += (ptrdiff_t)at[d] * c->from[d];
    }
    const int last = c->rank - 1;
    for (size_t u = begin; u < end; u++) {
        const size_t row = last < 0 || c->pieces > 1 ? 1 : least(c->n[last] - at[last], end - u);
        if (row > 1 && c->kind == IG_COPY_RUN &&
            run_short(y, x, c->line, row, c->to[last], c->from[last])) {
            u += row - 1; /* the turn below steps over the last of them */
            at[last] += row - 1;
            y += (ptrdiff_t)(row - 1) * c->to[last];
            x += (ptrdiff_t)(row - 1) * c->from[last];
        } else {
            run_piece(c, y, x, piece);
        }
        if (++piece < c->pieces) continue;
        piece = 0;
        for (int d = c->rank - 1; d >= 0; d--) {
            y += c->to[d];
            x += c->from[d];
            if (++at[d] < c->n[d]) break;
            at[d] = 0;
            y -= (ptrdiff_t)c->n[d] * c->to[d];
            x -= (ptrdiff_t)c->n[d] * c->from[d];
        }
    }
    if (c->stream) ig_stream_end();
}

void ig_copy_fill(void *to, const void *element, size_t bytes, size_t n)
{
    ig_copy c = {.bytes = bytes, .line_to = (ptrdiff_t)bytes};
    run_line(&c, to, element, n);
}

void ig_copy_pick(void *y, const void *x, const int64_t *index, size_t bytes, size_t n)
{
    switch (bytes) {
    case 1:
        pick_1(y, x, index, n);
        break;
    case 2:
        pick_2(y, x, index, n);
        break;
    case 4:
        pick_4(y, x, index, n);
        break;
    case 8:
        pick_8(y, x, index, n);
        break;
    default:
        pick_16(y, x, index, n);
        break;
    }
}
