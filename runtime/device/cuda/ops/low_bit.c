/* low_bit.c - see low_bit.h. */
#include "runtime/device/cuda/ops/low_bit.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm_q/q_tiles_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/device/cuda/tune.h"
#include "runtime/base/checked.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

cu_q_round ig_cu_low_round(const char *acts, const ig_q_format *f)
{
    const bool e4m3 = f && f->offset == IG_Q_E4M3;
    if (f && !e4m3 && !strcmp(acts, "a8")) return CU_Q_A8;
    if (e4m3 && !strcmp(acts, "f8")) return f->group ? CU_Q_F8_GROUPS : CU_Q_F8_ROWS;
    return CU_Q_ASIS;
}

/* ---- weights ---- */

/* The host's panels and the device's tiles, as the kernel that makes these wants it. */
static bool tiles_of(cu_q_tiles_args *a, ig_q_tiles *t, const ig_cu_low_weights *w)
{
    const ig_q_format *f = w->format;
    ig_q_layout l = {0};
    size_t half_panel;
    if (f ? !ig_q_tiles_of(t, f, w->n, w->k) || !ig_q_layout_of(&l, f, w->k)
          : !ig_q_tiles16_of(t, w->n, w->k))
        return false;
    const size_t panels = ig_q_panels(w->n);
    const bool bf16 = w->dtype == INGOT_BF16;
    if (!f && !ig_mul_ok(bf16 ? ig_gemm_even(w->k) : w->k, 2 * (size_t)IG_PANEL, &half_panel))
        return false;
    if (panels > INT_MAX / 16 || t->k > INT_MAX - 64 || l.per_block > INT_MAX ||
        l.scale_step * l.per_block > INT_MAX)
        return false;
    *a = (cu_q_tiles_args){.per_matrix = (int)panels,
                           .panel_bytes = (int64_t)(f ? l.panel_bytes : half_panel),
                           .matrix_bytes = (int64_t)t->bytes,
                           .n = (int)w->n,
                           .k = (int)w->k,
                           .tiles_n = (int)t->n,
                           .tiles_k = (int)t->k,
                           .row = (int64_t)t->row,
                           .bf16 = bf16};
    if (!f) return true;
    a->bits = (int)f->bits, a->group = (int)f->group;
    a->scale_bytes = (int)f->scale_bytes, a->offset = (int)f->offset;
    a->groups = (int)l.groups, a->per_block = (int)l.per_block, a->per_scale = (int)l.per_scale;
    a->quant_bytes = (int)l.quant_bytes, a->scale_step = (int)l.scale_step;
    a->super_bytes = (int)l.super_bytes, a->block_bytes = (int64_t)l.block_bytes;
    a->scale_groups = (int)t->groups;
    a->scales = (int64_t)t->scales, a->offsets = (int64_t)t->offsets;
    return true;
}

static int make(const void *ud, void *dst, const void *raw, size_t first, size_t n, cu_stream s)
{
    cu_q_tiles_args a = *(const cu_q_tiles_args *)ud;
    a.panels = raw;
    a.tiles = dst;
    a.first = (int64_t)first;
    a.count = (int)n;
    return a.bits ? cu_q_tiles(&a, s) : cu_q_tiles16(&a, s);
}

ingot_status ig_cu_low_take(void **held, cu_q_weights *w, ig_device *d, ig_device_bind *b,
                            uint32_t in, const ig_cu_low_weights *spec)
{
    const ig_tensor *known = b->known[in];
    ig_q_tiles t;
    size_t bytes, all;
    if (!known) return IG_CU_DECLINE(b, "the weights are no constant");
    cu_q_tiles_args how;
    if (!tiles_of(&how, &t, spec)) return IG_CU_DECLINE(b, "the weights are too large");
    if (t.n > INT_MAX / 64 || t.k > INT_MAX / 64 || !ig_mul_ok(t.n / 64, t.k / 64, &all) ||
        all > INT_MAX || !ig_mul_ok(t.bytes, spec->matrices, &bytes))
        return IG_CU_DECLINE(b, "the weights are too large");
    char form[64];
    snprintf(form, sizeof form, "tiles %s %zu %zu",
             spec->format ? spec->format->name : ig_dtype(spec->dtype)->name, spec->n, spec->k);
    const ig_cu_source from = {.host = known->data,
                               .units = spec->matrices * (size_t)how.per_matrix,
                               .unit_bytes = (size_t)how.panel_bytes,
                               .make = make,
                               .ud = &how};
    IG_TRY(ig_cu_convert(d, &from, form, bytes, held, b->err));
    b->taken |= UINT64_C(1) << in;
    const uint8_t *at = *held;
    *w = (cu_q_weights){.quants = at,
                        .row = (const float *)(const void *)(at + t.row),
                        .bits = (int)t.bits,
                        .group_log2 = (int)t.group_log2,
                        .groups = (int)t.groups,
                        .n = (int)t.n,
                        .k = (int)t.k,
                        .e4m3 = t.e4m3,
                        .expert_bytes = (int64_t)t.bytes};
    if (spec->format) w->scales = (const uint16_t *)(const void *)(at + t.scales);
    if (t.has_offset) w->offsets = (const uint16_t *)(const void *)(at + t.offsets);
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

/* ---- the variant ---- */

typedef struct {
    const ig_cu_low *p;
    cu_gemm_q_args gemm[IG_CU_TRIALS];
    cu_q_acts_args acts;
    size_t at_weights, at_partial, at_y, at_x; /* tickets lie in front */
    size_t at_tiles, at_factor;
} trial;

/* A part of the weights at `was`, in those at `now`. */
static const void *moved(const void *part, const uint8_t *was, const char *now)
{
    return part ? now + ((const uint8_t *)part - was) : NULL;
}

static int run_trial(const void *ud, size_t i, char *room, cu_stream s)
{
    const trial *t = ud;
    cu_gemm_q_args g = t->gemm[i];
    cu_q_acts_args a = t->acts;
    const uint8_t *was = g.w.quants;
    const char *now = room + t->at_weights;
    g.w.scales = moved(g.w.scales, was, now);
    g.w.offsets = moved(g.w.offsets, was, now);
    g.w.row = moved(g.w.row, was, now);
    g.w.quants = (const uint8_t *)now;
    g.tickets = (int *)(void *)room;
    g.partial = (float *)(void *)(room + t->at_partial);
    g.finish.y = room + t->at_y;
    a.x = room + t->at_x;
    if (g.few) return cu_gemm_q_few(&g, &a, s);
    a.tiles = (uint16_t *)(void *)(room + t->at_tiles);
    a.factor = (float *)(void *)(room + t->at_factor);
    g.x = a.tiles;
    g.factor = a.factor;
    const int status = cu_q_acts(&a, s);
    return status ? status : cu_gemm_q(&g, s);
}

/* What a trial reads and writes; false: beyond all memory. */
static bool lay_out(trial *t, ig_cu_trial *all, size_t weights)
{
    const cu_gemm_q_args *g = &t->p->gemm;
    size_t tickets = 1, partial = 0;
    for (size_t i = 0; i < all->n; i++) {
        tickets = IG_MAX(tickets, cu_gemm_q_tickets(&t->gemm[i]));
        partial = IG_MAX(partial, cu_gemm_q_scratch(&t->gemm[i]));
    }
    const size_t m = (size_t)g->m, rows = (size_t)g->rows, k = (size_t)g->w.k;
    all->zeros = all->bytes = tickets * sizeof(int);
    return ig_cu_trial_room(all, &t->at_weights, weights, 1, 1) &&
           ig_cu_trial_room(all, &t->at_partial, partial, 1, 1) &&
           ig_cu_trial_room(all, &t->at_y, m, (size_t)g->w.n, sizeof(uint16_t)) &&
           ig_cu_trial_room(all, &t->at_x, m, (size_t)t->p->k, sizeof(uint16_t)) &&
           ig_cu_trial_room(all, &t->at_tiles, rows, k, sizeof(uint16_t)) &&
           ig_cu_trial_room(all, &t->at_factor, rows, 1, sizeof(float));
}

static const char *type_name(const cu_q_weights *w)
{
    return w->e4m3 ? "fp8" : w->bits == 4 ? "4 bits" : "8 bits";
}

/* "gemm_q_few, 4 bits, tuned" */
static const char *kernel_name(ig_device_bind *b, const ig_cu_low *p, bool tuned)
{
    enum { MOST = 64 };
    const char *name = cu_gemm_q_name(p->gemm.variant);
    char *text = ig_new_n(b->arena, char, MOST);
    if (!text) return name;
    snprintf(text, MOST, "%s, %s%s", name, type_name(&p->gemm.w), tuned ? ", tuned" : "");
    return text;
}

/* The variant of p->gemm: what was measured, or the model's. */
static ingot_status choose(ig_cu_low *p, ig_device *d, ig_device_bind *b,
                           const ig_cu_low_weights *spec)
{
    cu_q_variant ranked[IG_CU_TRIALS];
    trial t = {.p = p};
    ig_cu_trial all = {.run = run_trial, .ud = &t};
    char name[IG_CU_TUNE_NAME] = "";
    all.n = (size_t)cu_gemm_q_variants(ranked, IG_CU_TRIALS, &p->gemm);
    t.acts = (cu_q_acts_args){
        .ldx = p->k, .type = CU_F16, .m = p->gemm.m, .rows = p->gemm.rows, .k = p->k};
    for (size_t i = 0; i < all.n; i++) {
        t.gemm[i] = p->gemm;
        t.gemm[i].variant = ranked[i];
        t.gemm[i].few = ranked[i] == CU_Q_FEW;
        t.gemm[i].finish = (cu_finish){.type = CU_F16, .ldy = p->gemm.w.n, .n_out = (int)spec->n};
        snprintf(all.names[i], IG_CU_TUNE_NAME, "%s", cu_gemm_q_name(ranked[i]));
    }
    snprintf(all.what, IG_CU_TUNE_WHAT, "gemm_q %s%s group 2^%d %lldx%dx%d", type_name(&p->gemm.w),
             p->gemm.w.offsets ? " offset" : "", p->gemm.w.group_log2,
             (long long)ig_cu_bucket(p->gemm.m), p->gemm.w.n, p->gemm.w.k);
    if (p->gemm.m && spec->n && spec->k && lay_out(&t, &all, (size_t)p->gemm.w.expert_bytes))
        IG_TRY(ig_cu_tune(d, &all, name, b->err));
    const size_t named = ig_cu_trial_named(&all, name);
    p->gemm.variant = ranked[named < all.n ? named : 0];
    p->gemm.few = p->gemm.variant == CU_Q_FEW;
    b->kernel = kernel_name(b, p, named < all.n);
    return INGOT_OK;
}

/* Room for x as 8-bit floats; the product needs none. */
static ingot_status bind_f8(ig_cu_low *p, ig_device *d, ig_device_bind *b)
{
    const int64_t groups = (p->gemm.w.k + 127) / 128, rows = p->gemm.rows;
    const int64_t scales = p->round == CU_Q_F8_GROUPS ? groups : 1;
    p->f8 = true;
    b->kernel = "gemm_f8";
    if (ig_cu_room(b, rows, (size_t)groups * 128, &p->at_tiles) &&
        ig_cu_room(b, rows, (size_t)scales * sizeof(float), &p->at_factor))
        return INGOT_OK;
    ig_cu_low_unbind(p, d);
    return IG_CU_DECLINE(b, "too many rows");
}

ingot_status ig_cu_low_bind(ig_cu_low *p, ig_device *d, ig_device_bind *b, uint32_t in,
                            const ig_cu_low_weights *spec, size_t m, int max_slots, int tokens)
{
    static const cu_q_slot some = {0, 0, 0, 0}; /* sizes are asked for with slots, of any content */
    size_t rows, tiles;
    *p = (ig_cu_low){.k = (int)spec->k, .round = spec->round};
    /* of a grid's blocks along y each has 8 rows or more */
    if (m > UINT16_MAX * 8 || !ig_align_ok(m, (size_t)8, &rows))
        return IG_CU_DECLINE(b, "too many rows");
    IG_TRY(ig_cu_low_take(&p->weights, &p->gemm.w, d, b, in, spec));
    if (b->declined) return INGOT_OK;
    p->gemm.m = (int)m;
    p->gemm.rows = (int)rows;
    if (!max_slots && (spec->round == CU_Q_F8_ROWS || spec->round == CU_Q_F8_GROUPS) &&
        cu_gemm_f8_suits(ig_cu_chip(d).cc, (int64_t)m))
        return bind_f8(p, d, b);
    p->gemm.max_slots = max_slots;
    p->gemm.tokens = tokens;
    p->gemm.slots = max_slots ? &some : NULL;
    ingot_status s = max_slots ? INGOT_OK : choose(p, d, b, spec);
    if (s) {
        ig_cu_low_unbind(p, d);
        return s;
    }
    if (!ig_mul_ok(rows, (size_t)p->gemm.w.k * sizeof(uint16_t), &tiles) ||
        (!p->gemm.few && (!ig_cu_room(b, (int64_t)tiles, 1, &p->at_tiles) ||
                          !ig_cu_room(b, (int64_t)rows, sizeof(float), &p->at_factor))) ||
        !ig_cu_room(b, (int64_t)cu_gemm_q_scratch(&p->gemm), 1, &p->at_partial)) {
        ig_cu_low_unbind(p, d);
        return IG_CU_DECLINE(b, "too many rows");
    }
    const size_t tickets = cu_gemm_q_tickets(&p->gemm) * sizeof(int);
    void *at;
    s = ig_cu_pack(d, p, "tickets", IG_MAX(tickets, sizeof(int)), clear, &tickets, &at, b->err);
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

static int run_f8(const ig_cu_low *p, ig_device_stream *s, char *room, const ig_cu_low_args *a)
{
    const cu_f8_acts_args acts = {.tiles = (uint8_t *)room + p->at_tiles,
                                  .scale = (float *)(void *)(room + p->at_factor),
                                  .x = a->x,
                                  .ldx = a->ldx,
                                  .type = a->type,
                                  .m = p->gemm.m,
                                  .rows = p->gemm.rows,
                                  .k = p->k,
                                  .round = p->round};
    const cu_gemm_f8_args gemm = {.w = p->gemm.w,
                                  .x = acts.tiles,
                                  .scale = acts.scale,
                                  .m = acts.m,
                                  .rows = acts.rows,
                                  .x_groups = p->round == CU_Q_F8_GROUPS,
                                  .finish = a->finish};
    const int status = cu_f8_acts(&acts, ig_cu_stream(s));
    return status ? status : cu_gemm_f8(&gemm, ig_cu_stream(s));
}

int ig_cu_low_run(const ig_cu_low *p, ig_device_stream *s, const ig_device_run *r,
                  const ig_cu_low_args *a)
{
    char *room = r->scratch;
    if (p->f8) return run_f8(p, s, room, a);
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
                                 .round = p->round};
    if (gemm.few) return cu_gemm_q_few(&gemm, &acts, ig_cu_stream(s));
    const int status = cu_q_acts(&acts, ig_cu_stream(s));
    return status ? status : cu_gemm_q(&gemm, ig_cu_stream(s));
}
