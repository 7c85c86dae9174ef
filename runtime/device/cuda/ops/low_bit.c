/* low_bit.c - see low_bit.h. */
#include "runtime/device/cuda/ops/low_bit.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/base/checked.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

bool ig_cu_low_type(cu_float *type, ingot_dtype dtype)
{
    *type = dtype == INGOT_F32 ? CU_F32 : dtype == INGOT_F16 ? CU_F16 : CU_BF16;
    return dtype == INGOT_F32 || dtype == INGOT_F16 || dtype == INGOT_BF16;
}

cu_act ig_cu_low_act(const char *name)
{
    static const char *const names[] = {
#define A(name) #name,
#include "kernels/gemm/act_cuda.def"
#undef A
    };
    size_t act = 0;
    while (act + 1 < IG_LEN(names) && strcmp(names[act], name) != 0) act++;
    return (cu_act)act;
}

cu_q_round ig_cu_low_round(const char *acts, const ig_q_format *f)
{
    const bool e4m3 = f && f->offset == IG_Q_E4M3;
    if (f && !e4m3 && !strcmp(acts, "a8")) return CU_Q_A8;
    if (e4m3 && !strcmp(acts, "f8")) return f->group ? CU_Q_F8_GROUPS : CU_Q_F8_ROWS;
    return CU_Q_ASIS;
}

/* ---- weights ---- */

typedef struct {
    const ig_cu_low_weights *spec;
    const ig_q_tiles *tiles;
    const void *panels;
} packing;

static ingot_status fill(const void *ud, void *dst, ingot_error *err)
{
    (void)err;
    const packing *p = ud;
    const ig_cu_low_weights *w = p->spec;
    const ig_q_tiles *t = p->tiles;
    const uint8_t *from = p->panels;
    for (size_t i = 0; i < w->matrices; i++) {
        uint8_t *to = (uint8_t *)dst + i * t->bytes;
        size_t bytes = 0;
        if (w->format) {
            if (!ig_q_bytes(w->format, w->n, w->k, &bytes)) return INGOT_OK; /* bind saw it fits */
            ig_q_tiles_fill(to, t, from, w->format, w->n, w->k, 0, t->n / IG_Q_TILE);
        } else {
            bytes = ig_q_tiles16_fill(to, t, from, w->dtype == INGOT_BF16, w->n, w->k);
        }
        from += bytes;
    }
    return INGOT_OK;
}

static ingot_status bind_weights(ig_cu_low *p, ig_device *d, ig_device_bind *b, uint32_t in,
                                 const ig_cu_low_weights *spec)
{
    const ig_tensor *known = b->known[in];
    ig_q_tiles t;
    size_t bytes, all;
    if (!known) return IG_CU_DECLINE(b, "the weights are no constant");
    if (spec->format ? !ig_q_tiles_of(&t, spec->format, spec->n, spec->k)
                     : !ig_q_tiles16_of(&t, spec->n, spec->k))
        return IG_CU_DECLINE(b, "the weights are too large");
    if (t.n > INT_MAX / 64 || t.k > INT_MAX / 64 || !ig_mul_ok(t.n / 64, t.k / 64, &all) ||
        all > INT_MAX || !ig_mul_ok(t.bytes, spec->matrices, &bytes))
        return IG_CU_DECLINE(b, "the weights are too large");
    char form[64];
    snprintf(form, sizeof form, "tiles %s %zu %zu",
             spec->format ? spec->format->name : ig_dtype(spec->dtype)->name, spec->n, spec->k);
    const packing how = {spec, &t, known->data};
    IG_TRY(ig_cu_pack(d, known->data, form, bytes, fill, &how, &p->weights, b->err));
    b->taken |= UINT64_C(1) << in;
    const uint8_t *at = p->weights;
    p->gemm.w = (cu_q_weights){.quants = at,
                               .row = (const float *)(const void *)(at + t.row),
                               .bits = (int)t.bits,
                               .group_log2 = (int)t.group_log2,
                               .groups = (int)t.groups,
                               .n = (int)t.n,
                               .k = (int)t.k,
                               .e4m3 = t.e4m3,
                               .expert_bytes = (int64_t)t.bytes};
    if (spec->format) p->gemm.w.scales = (const uint16_t *)(const void *)(at + t.scales);
    if (t.has_offset) p->gemm.w.offsets = (const uint16_t *)(const void *)(at + t.offsets);
    return INGOT_OK;
}

/* Tickets are zero before the first product, and each product leaves them so. They belong to one
 * bound step, whose address is their key. */
static ingot_status clear(const void *ud, void *dst, ingot_error *err)
{
    (void)err;
    memset(dst, 0, *(const size_t *)ud);
    return INGOT_OK;
}

ingot_status ig_cu_low_bind(ig_cu_low *p, ig_device *d, ig_device_bind *b, uint32_t in,
                            const ig_cu_low_weights *spec, size_t m, int max_slots, int tokens)
{
    static const cu_q_slot some = {0, 0, 0, 0}; /* sizes are asked for with slots, of any content */
    size_t rows, tiles;
    *p = (ig_cu_low){.k = (int)spec->k};
    if (m > INT_MAX / 2 || !ig_align_ok(m, (size_t)8, &rows))
        return IG_CU_DECLINE(b, "too many rows");
    IG_TRY(bind_weights(p, d, b, in, spec));
    if (b->declined) return INGOT_OK;
    p->gemm.m = (int)m;
    p->gemm.rows = (int)rows;
    p->gemm.max_slots = max_slots;
    p->gemm.tokens = tokens;
    p->gemm.slots = max_slots ? &some : NULL;
    p->gemm.few = !max_slots && cu_gemm_q_is_few((int64_t)m, p->gemm.w.k);
    if (!ig_mul_ok(rows, (size_t)p->gemm.w.k * sizeof(uint16_t), &tiles) ||
        (!p->gemm.few && (!ig_cu_room(b, (int64_t)tiles, 1, &p->at_tiles) ||
                          !ig_cu_room(b, (int64_t)rows, sizeof(float), &p->at_factor))) ||
        !ig_cu_room(b, (int64_t)cu_gemm_q_scratch(&p->gemm), 1, &p->at_partial)) {
        ig_cu_low_unbind(p, d);
        return IG_CU_DECLINE(b, "too many rows");
    }
    const size_t tickets = cu_gemm_q_tickets(&p->gemm) * sizeof(int);
    void *at;
    const ingot_status s =
        ig_cu_pack(d, p, "tickets", IG_MAX(tickets, sizeof(int)), clear, &tickets, &at, b->err);
    if (s) ig_cu_low_unbind(p, d);
    p->gemm.tickets = at;
    return s;
}

void ig_cu_low_unbind(ig_cu_low *p, ig_device *d)
{
    ig_cu_unpack(d, p->weights);
    ig_cu_unpack(d, p->gemm.tickets);
    p->weights = p->gemm.tickets = NULL;
}

int ig_cu_low_run(const ig_cu_low *p, ig_device_stream *s, const ig_device_run *r,
                  const ig_cu_low_args *a)
{
    char *room = r->scratch;
    cu_gemm_q_args gemm = p->gemm;
    gemm.x = (const uint16_t *)(void *)(room + p->at_tiles);
    gemm.factor = (const float *)(void *)(room + p->at_factor);
    gemm.partial = (float *)(void *)(room + p->at_partial);
    gemm.finish = a->finish;
    gemm.slots = a->slots;
    gemm.n_slots = a->n_slots;
    const cu_q_acts_args acts = {.tiles = (uint16_t *)(void *)(room + p->at_tiles),
                                 .factor = (float *)(void *)(room + p->at_factor),
                                 .x = a->x,
                                 .ldx = a->ldx,
                                 .type = a->type,
                                 .order = a->order,
                                 .m = gemm.m,
                                 .rows = gemm.rows,
                                 .k = p->k,
                                 .round = a->round};
    if (gemm.few) return cu_gemm_q_few(&gemm, &acts, ig_cu_stream(s));
    const int status = cu_q_acts(&acts, ig_cu_stream(s));
    return status ? status : cu_gemm_q(&gemm, ig_cu_stream(s));
}
