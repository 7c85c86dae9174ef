/* q_format.c - the table of weight formats, and where the parts of a panel lie. See gemm_q.h. */
#include "kernels/gemm_q/gemm_q.h"
#include "runtime/base/checked.h"

#include <string.h>

static const ig_q_format formats[] = {
#define Q(id, name, bits, group, scale_bytes, offset) {id, name, bits, group, scale_bytes, offset},
#include "kernels/gemm_q/q_formats.def"
#undef Q
};

const ig_q_format *ig_q_formats(size_t *n)
{
    *n = IG_LEN(formats);
    return formats;
}

const ig_q_format *ig_q_format_at(uint32_t id)
{
    for (size_t i = 0; i < IG_LEN(formats); i++)
        if (formats[i].id == id) return &formats[i];
    return NULL;
}

const ig_q_format *ig_q_format_named(const char *name)
{
    for (size_t i = 0; i < IG_LEN(formats); i++)
        if (!strcmp(formats[i].name, name)) return &formats[i];
    return NULL;
}

const ig_q_format *ig_q_format_like(uint32_t bits, uint32_t group, uint32_t scale_bytes,
                                    ig_q_offset offset)
{
    for (size_t i = 0; i < IG_LEN(formats); i++) {
        const ig_q_format *f = &formats[i];
        if (f->bits == bits && f->group == group && f->scale_bytes == scale_bytes &&
            f->offset == offset)
            return f;
    }
    return NULL;
}

bool ig_q_layout_of(ig_q_layout *l, const ig_q_format *f, size_t k)
{
    const size_t groups = ig_q_groups(k), tables = ig_q_has_offset(f) ? 2 : 1;
    l->groups = groups;
    l->quant_bytes = f->bits * IG_Q_GROUP * IG_Q_PANEL / 8;
    if (f->scale_bytes == IG_Q_TWO_LEVELS) {
        l->per_scale = 1;
        l->per_block = IG_Q_SUPER / IG_Q_GROUP;
        l->scale_step = IG_Q_GROUP / f->group * IG_Q_PANEL;
        l->super_bytes = 2 * IG_Q_PANEL * sizeof(uint16_t);
    } else {
        l->per_scale = f->group ? f->group / IG_Q_GROUP : IG_MAX(groups, (size_t)1);
        l->per_block = f->group ? IG_MAX((size_t)4, 2 * l->per_scale) : IG_MAX(groups, (size_t)1);
        l->scale_step = f->scale_bytes * IG_Q_PANEL;
        l->super_bytes = 0;
    }
    const size_t rest = groups % l->per_block;
    const size_t rest_scales = rest / l->per_scale + (rest % l->per_scale != 0);
    const size_t head = l->super_bytes + l->per_block / l->per_scale * l->scale_step * tables;
    const size_t rest_head = (rest ? l->super_bytes : 0) + rest_scales * l->scale_step * tables;
    size_t quants;
    if (!ig_mul_ok(l->per_block, l->quant_bytes, &quants) ||
        !ig_add_ok(quants, head, &l->block_bytes) ||
        !ig_mul_ok(groups / l->per_block, l->block_bytes, &l->panel_bytes))
        return false;
    return ig_add_ok(l->panel_bytes, rest * l->quant_bytes + rest_head, &l->panel_bytes);
}

bool ig_q_bytes(const ig_q_format *f, size_t n, size_t k, size_t *bytes)
{
    ig_q_layout l;
    return ig_q_layout_of(&l, f, k) && ig_mul_ok(l.panel_bytes, ig_q_panels(n), bytes);
}

bool ig_q_acts_bytes(size_t m, size_t k, size_t *bytes)
{
    return ig_mul_ok(m, ig_q_groups(k), bytes) && ig_mul_ok(*bytes, sizeof(ig_q_act), bytes);
}
