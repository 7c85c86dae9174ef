/* check_transpose.c - every variant against the definition, with gaps between rows kept intact. */
#include "tests/kernels/kernel_check.h"
#include "kernels/stream/stream.h"
#include "kernels/transpose/transpose.h"

#include <string.h>

static void check_shape(transpose_fn *fn, const transpose_shape *s, size_t bytes)
{
    const size_t x_bytes = (s->batch * s->x_batch) * bytes,
                 y_bytes = (s->batch * s->y_batch) * bytes;
    const uint8_t *x = check_bytes(x_bytes);
    uint8_t *got = check_bytes(y_bytes), *want = check_bytes(y_bytes);
    if (y_bytes) memcpy(want, got, y_bytes);
    for (size_t b = 0; b < s->batch; b++)
        for (size_t r = 0; r < s->rows; r++)
            for (size_t c = 0; c < s->cols; c++)
                memcpy(want + (b * s->y_batch + c * s->y_row + r) * bytes,
                       x + (b * s->x_batch + r * s->x_row + c) * bytes, bytes);
    fn(got, x, s);
    check_same(want, got, y_bytes);
}

/* Past the caches: whole lines, where y and its rows begin on them, and as usual where not. */
static void check_past(transpose_fn *fn, transpose_shape s, size_t bytes, size_t off)
{
    enum { LINE = 64 };
    s.y_row = (s.rows * bytes + LINE - 1) / LINE * LINE / bytes;
    s.x_row = s.cols;
    s.x_batch = s.rows * s.x_row, s.y_batch = s.cols * s.y_row;
    const size_t y_bytes = s.batch * s.y_batch * bytes + 2 * LINE;
    const uint8_t *x = check_bytes(s.batch * s.x_batch * bytes);
    uint8_t *got = check_bytes(y_bytes), *want = check_bytes(y_bytes);
    memcpy(want, got, y_bytes);
    const size_t at = (LINE - (uintptr_t)got % LINE) % LINE + off * bytes;
    fn(want + at, x, &s);
    s.past = true;
    fn(got + at, x, &s);
    ig_stream_end();
    check_same(want, got, y_bytes);
}

static void check_one(transpose_fn *fn, const char *name, uint32_t needs, size_t bytes)
{
    for (size_t i = 0; i < 80; i++) {
        transpose_shape s = {
            .batch = check_pick(1, 3), .rows = check_pick(0, 70), .cols = check_pick(0, 70)};
        if (i % 4 == 0) s.rows = 16 * check_pick(1, 3), s.cols = 16 * check_pick(1, 3);
        if (i % 4 == 1) s.rows = 3; /* planes of images */
        s.x_row = s.cols + check_pick(0, 2);
        s.y_row = s.rows + check_pick(0, i % 4 == 1 ? 1 : 2);
        s.x_batch = s.rows * s.x_row;
        s.y_batch = s.cols * s.y_row;
        if (check_next(needs, name, "%zu of %zux%zu rows of %zu to %zu", s.batch, s.rows, s.cols,
                       s.x_row, s.y_row))
            check_shape(fn, &s, bytes);
    }
    for (size_t i = 0; i < 20; i++) {
        const transpose_shape s = {
            .batch = check_pick(1, 2), .rows = check_pick(1, 200), .cols = check_pick(1, 150)};
        if (check_next(needs, name, "past the caches, %zu of %zux%zu, %zu", s.batch, s.rows, s.cols,
                       i % 4 / 3))
            check_past(fn, s, bytes, i % 4 / 3);
    }
}

void check_transpose(void);
void check_transpose(void)
{
#define K(family, fn, needs) check_one(fn, #fn, needs, (size_t)(#family[sizeof #family - 2] - '0'));
#include "kernels/transpose/transpose.kern"
#undef K
}
