/* low_bit.c - see low_bit.h. */
#include "runtime/graph/low_bit.h"
#include "runtime/base/checked.h"
#include "runtime/base/half.h"

static size_t groups_of(const ig_low_bit *w)
{
    return w->group && w->k ? (w->k - 1) / w->group + 1 : 1;
}

static bool is_half(float x)
{
    return ig_f32_bits(ig_f16_to_f32(ig_f32_to_f16(x))) == ig_f32_bits(x);
}

/* Every scale and zero is a half; *centred: every zero is in the middle. */
static bool all_halves(const ig_low_bit *w, bool *centred)
{
    const float middle = w->bits == 4 ? 8 : 128;
    const size_t groups = groups_of(w);
    bool halves = true;
    *centred = true;
    for (size_t n = 0; n < w->n; n++)
        for (size_t g = 0; g < groups; g++) {
            const float zero = w->zero ? w->zero[n * w->zero_n + g * w->zero_g] : middle;
            halves &= is_half(w->scale[n * w->scale_n + g * w->scale_g]) && is_half(zero);
            *centred &= zero == middle;
        }
    return halves;
}

/* The format's group: 128, 64 or 32, of which the weights' group is a multiple; 0: the whole row.
 */
static bool format_group(const ig_low_bit *w, uint32_t *group)
{
    *group = 0;
    if (!w->group || w->group >= w->k) return true;
    for (*group = 128; *group >= 32; *group /= 2)
        if (w->group % *group == 0) return true;
    return false;
}

const ig_q_format *ig_low_bit_format(const ig_low_bit *w)
{
    uint32_t group;
    bool centred;
    if (!format_group(w, &group)) return NULL;
    if (w->e4m3) return ig_q_format_like(8, group, 4, IG_Q_E4M3);
    const bool halves = all_halves(w, &centred) && group; /* whole rows keep f32 */
    return ig_q_format_like(w->bits, group, halves ? 2 : 4, centred ? IG_Q_CENTRED : IG_Q_ZERO);
}

/* table[n][g] -> one for each of the format's groups. */
static float *spread(ig_arena *a, const ig_low_bit *w, const float *from, size_t step_n,
                     size_t step_g, size_t groups, size_t group)
{
    size_t count;
    float *to = ig_mul_ok(w->n, groups, &count) ? ig_new_n(a, float, count + 1) : NULL;
    for (size_t n = 0; to && n < w->n; n++)
        for (size_t g = 0; g < groups; g++)
            to[n * groups + g] = from[n * step_n + (w->group ? g * group / w->group : 0) * step_g];
    return to;
}

ig_id ig_low_bit_pack(ig_graph *g, const char *name, const ig_low_bit *w, const ig_q_format *f)
{
    const size_t group = f->group ? f->group : IG_MAX(w->k, (size_t)1);
    const size_t groups = f->group && w->k ? (w->k - 1) / group + 1 : 1;
    ig_q_layout l;
    size_t bytes;
    if (!ig_q_layout_of(&l, f, w->k) || !ig_q_bytes(f, w->n, w->k, &bytes)) return IG_NO_VALUE;
    ig_q_source from = {.q = w->q,
                        .q_n = w->q_n,
                        .q_k = w->q_k,
                        .scale_n = groups,
                        .scale_g = 1,
                        .offset_n = groups,
                        .offset_g = 1};
    from.scale = spread(&g->arena, w, w->scale, w->scale_n, w->scale_g, groups, group);
    if (w->zero) from.offset = spread(&g->arena, w, w->zero, w->zero_n, w->zero_g, groups, group);
    uint8_t *panels = ig_arena_take(&g->arena, bytes);
    if (!from.scale || (w->zero && !from.offset) || !panels) return IG_NO_VALUE;
    ig_q_pack(panels, f, &from, w->n, w->k, 0, ig_q_panels(w->n));
    const int64_t dims[] = {(int64_t)ig_q_panels(w->n), (int64_t)l.panel_bytes};
    return ig_graph_const(g, name, INGOT_U8, 2, dims, panels);
}
