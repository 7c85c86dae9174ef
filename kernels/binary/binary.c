/* binary.c - see binary.h. */
#include "kernels/binary/binary.h"
#include "kernels/stream/stream.h"
#include "runtime/base/checked.h"

#include <string.h>

static const struct {
    const char *family;
    binary_f32_fn *fn;
    uint32_t needs;
} variants[] = {
#define K(family, fn, needs) {#family, fn, needs},
#include "kernels/binary/binary.kern"
#undef K
};

static binary_f32_fn *best_of(const char *family)
{
    const uint32_t have = ig_cpu_flags();
    binary_f32_fn *best = NULL;
    for (size_t i = 0; i < IG_LEN(variants); i++)
        if ((have & variants[i].needs) == variants[i].needs && !strcmp(variants[i].family, family))
            best = variants[i].fn;
    return best;
}

void ig_binary_past(binary_f32_fn *fn, float *y, const float *a, size_t step_a, const float *b,
                    size_t step_b, size_t n)
{
    stream_fn *send = ig_stream();
    ig_stream_room room;
    for (size_t i = 0, m; i < n; i += m) {
        m = IG_MIN(n - i, IG_LEN(room.f32));
        fn(room.f32, a + i * step_a, b + i * step_b, m);
        send(y + i, room.f32, m * sizeof *y);
    }
    ig_stream_end();
}

#define B(op)                                                                \
    binary_f32_fn *ig_##op##_f32(void) { return best_of(#op "_f32"); }       \
    binary_f32_fn *ig_##op##_vs_f32(void) { return best_of(#op "_vs_f32"); } \
    binary_f32_fn *ig_##op##_sv_f32(void) { return best_of(#op "_sv_f32"); }
#include "kernels/binary/binary.def"
#undef B

scale_shift_f32_fn *ig_scale_shift_f32(void)
{
    scale_shift_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;
#include "kernels/binary/scale_shift.kern"
#undef K
    return best;
}
