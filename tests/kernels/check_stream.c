/* check_stream.c - copies past the caches: every byte, from and to any place in a line, and none
 * beside them. */
#include "tests/kernels/kernel_check.h"
#include "kernels/binary/binary.h"
#include "kernels/stream/stream.h"
#include "kernels/unary/unary.h"

#include <string.h>

static void check_copy(stream_fn *fn, size_t bytes, size_t to, size_t from)
{
    enum { ROOM = 128 };
    const uint8_t *x = check_bytes(bytes + from);
    uint8_t *got = check_bytes(bytes + ROOM + to), *want = check_bytes(bytes + ROOM + to);
    memcpy(want, got, bytes + ROOM + to);
    memcpy(want + to, x + from, bytes);
    fn(got + to, x + from, bytes);
    ig_stream_end();
    check_same(want, got, bytes + ROOM + to);
}

static void check_one(stream_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 200; i++) {
        const size_t bytes = i < 40 ? i * 7 : check_pick(0, 2 * IG_STREAM_BYTES);
        const size_t to = check_pick(0, 64), from = check_pick(1, 64);
        if (check_next(needs, name, "%zu bytes from %zu to %zu", bytes, from, to))
            check_copy(fn, bytes, to, from);
    }
}

/* Kernels through the room give what they give at once; y lies anywhere. */
static void check_past(size_t n, size_t off)
{
    const float *a = check_f32(n, -4, 4), *b = check_f32(n, -4, 4);
    float *want = check_out_f32(n), *got = check_out_f32(n + off);
    ig_leaky_relu_f32()(want, a, n, 0.1f, 0);
    ig_unary_past(ig_leaky_relu_f32(), got + off, a, n, 0.1f, 0);
    check_same_f32(want, got + off, n);
    ig_sub_f32()(want, a, b, n);
    ig_binary_past(ig_sub_f32(), got + off, a, 1, b, 1, n);
    check_same_f32(want, got + off, n);
    ig_sub_sv_f32()(want, a, b, n);
    ig_binary_past(ig_sub_sv_f32(), got + off, a, 0, b, 1, n);
    check_same_f32(want, got + off, n);
    ig_sub_vs_f32()(want, a, b, n);
    ig_binary_past(ig_sub_vs_f32(), got + off, a, 1, b, 0, n);
    check_same_f32(want, got + off, n);
}

void check_stream(void);
void check_stream(void)
{
#define K(family, fn, needs) check_one(fn, #fn, needs);
#include "kernels/stream/stream.kern"
#undef K
    for (size_t i = 0; i < 12; i++) {
        const size_t n = check_pick(1, 5000), off = check_pick(0, 17);
        if (check_next(IG_CPU_REF, "stream_past", "%zu at %zu", n, off)) check_past(n, off);
    }
}
