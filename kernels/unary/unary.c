/* unary.c - see unary.h. Asked once, when a node is bound. */
#include "kernels/unary/unary.h"
#include "kernels/stream/stream.h"
#include "runtime/base/checked.h"

#include <string.h>

static const struct {
    const char *family;
    unary_f32_fn *fn;
    uint32_t needs;
} variants[] = {
#define K(family, fn, needs) {#family, fn, needs},
#include "kernels/unary/unary.kern"
#undef K
};

static unary_f32_fn *best_of(const char *family)
{
    const uint32_t have = ig_cpu_flags();
    unary_f32_fn *best = NULL;
    for (size_t i = 0; i < IG_LEN(variants); i++)
        if ((have & variants[i].needs) == variants[i].needs && !strcmp(variants[i].family, family))
            best = variants[i].fn;
    return best;
}

void ig_unary_past(unary_f32_fn *fn, float *y, const float *x, size_t n, float a, float b)
{
    stream_fn *send = ig_stream();
    ig_stream_room room;
    for (size_t i = 0, m; i < n; i += m) {
        m = IG_MIN(n - i, IG_LEN(room.f32));
        fn(room.f32, x + i, m, a, b);
        send(y + i, room.f32, m * sizeof *y);
    }
    ig_stream_end();
}

#define U(op) \
    unary_f32_fn *ig_##op##_f32(void) { return best_of(#op "_f32"); }
#include "kernels/unary/unary.def"
#undef U
