/* invent.c - see invent.h. */
#include "tools/model/invent.h"
#include "runtime/base/checked.h"
#include "runtime/base/dtype.h"

#include <string.h>

/* splitmix64 */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void fill(ingot_tensor *t, size_t n, bool ones, uint64_t *state)
{
    const ig_dtype_class class_ = ig_dtype(t->dtype)->class_;
    const bool tiny = ig_dtype(t->dtype)->bits < 8;
    for (size_t i = 0; i < n; i++) {
        const uint64_t r = next(state);
        double v = 1;
        if (!ones && class_ == IG_CLASS_FLOAT)
            v = (double)(r >> 11) * 0x1p-52 - 1;
        else if (!ones)
            v = (double)(r % (class_ == IG_CLASS_BOOL || tiny ? 2 : 10));
        ig_from_double(t->data, t->dtype, i, v);
    }
}

ingot_status ig_invent(ingot_tensor *tensors, size_t n, const ig_graph *g, uint64_t seed,
                       ig_arena *arena, ingot_error *err)
{
    for (size_t i = 0; i < n; i++) {
        ingot_tensor *t = &tensors[i];
        const char *name = g->values[g->inputs[i]].name;
        const ig_dtype_info *info = ig_dtype(t->dtype);
        size_t count, bytes;
        if (t->absent) continue;
        if (t->is_sequence || info->class_ == IG_CLASS_STR || info->class_ == IG_CLASS_COMPLEX)
            return ig_fail(err, INGOT_E_DATA,
                           "input '%.60s': values of this kind cannot be made up (give --data)",
                           name);
        if (!ig_dims_elements(t->rank, t->dims, &count) || !ig_mul_ok(count, info->bytes, &bytes) ||
            !(t->data = ig_arena_take(arena, IG_MAX(bytes, (size_t)IG_ALIGN))))
            return ig_fail(err, INGOT_E_NOMEM, "input '%.60s': no memory", name);
        uint64_t state = seed + i;
        fill(t, count, strstr(name, "mask") != NULL, &state);
    }
    return INGOT_OK;
}
