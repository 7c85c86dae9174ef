/* product.c - see product.h. */
#include "runtime/device/cuda/ops/product.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/weight_rows_cuda.h"
#include "runtime/device/cuda/ops/common.h"

#include <string.h>

/* Room for n * m * each bytes at the end of the step's scratch. */
static bool piece(ig_device_bind *b, size_t *at, int64_t n, int64_t m, size_t each)
{
    int64_t all;
    return ig_mul_ok(n, m, &all) && ig_cu_room(b, all, each, at);
}

/* ---- weights ---- */

/* The lines that a constant b lies in, and how they become rows along k of f32 or of 16 bits.
 * Panels of bf16 have pairs along k in 32 bits, which stay together. */
static cu_weight_rows_args lines_of(const ig_cu_product_ask *ask, int64_t ld, cu_float to,
                                    ig_cu_source *from)
{
    const bool panels = ask->layout == IG_P16, pairs = panels && ask->b == INGOT_BF16;
    const int64_t n = ask->n, k = pairs ? (ask->k + 1) / 2 : ask->k;
    const int64_t blocks = panels ? (n + IG_PANEL - 1) / IG_PANEL : 1;
    const bool turned = panels || !ask->b_turned;
    cu_weight_rows_args a = {.type = pairs || to == CU_F32 ? CU_ROWS_32
                                     : ask->b == INGOT_F32 ? CU_ROWS_TO_BF16
                                                           : CU_ROWS_16,
                             .width = (int)(panels   ? IG_PANEL
                                            : turned ? n
                                                     : k),
                             .deep = (int)(turned ? k : n),
                             .blocks = (int)blocks,
                             .n = (int)n,
                             .ld = pairs ? ld / 2 : ld,
                             .turned = turned};
    *from = (ig_cu_source){.host = ask->known->data,
                           .units = (size_t)ask->b_n * (size_t)blocks * (size_t)a.deep,
                           .unit_bytes = (size_t)a.width *
                                         (pairs ? sizeof(uint32_t) : ig_dtype(ask->b)->bytes)};
    return a;
}

static int make_rows(const void *ud, void *dst, const void *raw, size_t first, size_t n,
                     cu_stream s)
{
    cu_weight_rows_args a = *(const cu_weight_rows_args *)ud;
    a.x = raw;
    a.y = dst;
    a.first = (int64_t)first;
    a.count = (int)n;
    return cu_weight_rows(&a, s);
}

static ingot_status pack_weights(ig_cu_product *p, ig_device *d, ig_device_bind *b,
                                 const ig_cu_product_ask *ask, int64_t ld, cu_float to)
{
    static const char *const forms[] = {"f32 [n, k]", "f16 [n, k]", "bf16 [n, k]"};
    ig_cu_source from;
    const cu_weight_rows_args how = lines_of(ask, ld, to, &from);
    size_t bytes;
    if (!ig_mul_ok((size_t)ask->b_n, (size_t)ask->n, &bytes) ||
        !ig_mul_ok(bytes, (size_t)ld, &bytes) ||
        !ig_mul_ok(bytes, (size_t)cu_float_bytes(to), &bytes))
        return IG_CU_DECLINE(b, "the weights are too large");
    from.make = make_rows;
    from.ud = &how;
    b->taken |= (uint64_t)1 << ask->input_b;
    return ig_cu_convert(d, &from, forms[to], IG_MAX(bytes, (size_t)16), &p->weights, b->err);
}

static ingot_status fill_zeros(const void *ud, void *dst, ingot_error *err)
{
    (void)ud, (void)err;
    memset(dst, 0, CU_GEMM_TICKETS * sizeof(int));
    return INGOT_OK;
}

/* Partial sums, and tickets that are zero between launches: the plan's own. */
static ingot_status reserve_room(ig_cu_product *p, ig_device *d, ig_device_bind *b, size_t bytes)
{
    if (!bytes) return INGOT_OK;
    p->splits = true;
    if (!piece(b, &p->at_room, 1, (int64_t)bytes, 1)) return IG_CU_DECLINE(b, "too large");
    return ig_cu_pack(d, p, "tickets", CU_GEMM_TICKETS * sizeof(int), fill_zeros, NULL, &p->tickets,
                      b->err);
}

/* ---- bind ---- */

static cu_gemm_batch batch_of(const ig_cu_product_ask *ask, int64_t a_size, int64_t b_size)
{
    cu_gemm_batch g = ask->batch;
    for (int d = 0; d < g.rank; d++) g.a_step[d] *= a_size, g.b_step[d] *= b_size;
    g.c_step = g.r_step = ask->m * ask->columns;
    return g;
}

static cu_gemm_out out_of(const ig_cu_product_ask *ask)
{
    return (cu_gemm_out){.ldc = ask->columns,
                         .ld_residual = ask->columns,
                         .alpha = (float)ask->alpha,
                         .act = ig_cu_act(ask->act),
                         .act_a = (float)ask->act_a,
                         .act_b = (float)ask->act_b,
                         .gated = ask->gated,
                         .columns = (int)ask->columns};
}

static ingot_status bind_f32(ig_cu_product *p, ig_device *d, ig_device_bind *b,
                             const ig_cu_product_ask *ask)
{
    const bool rows = ask->known || ask->b_turned;
    p->kind = IG_CU_GEMM_F32;
    p->full = (cu_gemm_f32_args){.m = (int)ask->m,
                                 .n = (int)ask->n,
                                 .k = (int)ask->k,
                                 .a_row = ask->a_turned ? 1 : ask->k,
                                 .a_col = ask->a_turned ? ask->m : 1,
                                 .b_row = rows ? ask->k : 1,
                                 .b_col = rows ? 1 : ask->n,
                                 .batch = batch_of(ask, ask->m * ask->k, ask->n * ask->k),
                                 .out = out_of(ask)};
    if (ask->known) IG_TRY(pack_weights(p, d, b, ask, ask->k, CU_F32));
    if (!b->declined) IG_TRY(ig_cu_product_tune(p, d, b, ask));
    return b->declined ? INGOT_OK : reserve_room(p, d, b, cu_gemm_f32_room(&p->full));
}

static ingot_status bind_half(ig_cu_product *p, ig_device *d, ig_device_bind *b,
                              const ig_cu_product_ask *ask, cu_float type)
{
    size_t ld;
    cu_float a_type, b_type, c_type;
    (void)ig_cu_operand(&a_type, ask->a), (void)ig_cu_operand(&b_type, ask->b),
        (void)ig_cu_operand(&c_type, ask->c);
    if (!ig_align_ok((size_t)ask->k, 8, &ld) || ld > INT32_MAX)
        return IG_CU_DECLINE(b, "k is too long");
    const bool ragged = (int64_t)ld != ask->k;
    p->casts_a = a_type != type || ask->a_turned || ragged;
    p->casts_b = !ask->known && (b_type != type || !ask->b_turned || ragged);
    p->half = (cu_gemm_args){.type = type,
                             .c_type = c_type,
                             .m = (int)ask->m,
                             .n = (int)ask->n,
                             .k = (int)ld,
                             .lda = (int64_t)ld,
                             .ldb = (int64_t)ld,
                             .batch = batch_of(ask, ask->m * (int64_t)ld, ask->n * (int64_t)ld),
                             .out = out_of(ask)};
    p->cast_a = (cu_gemm_cast_args){.from = a_type,
                                    .to = type,
                                    .batch = ask->a_n,
                                    .rows = (int)ask->m,
                                    .cols = (int)ask->k,
                                    .ld = (int)ld,
                                    .turned = ask->a_turned};
    p->cast_b = (cu_gemm_cast_args){.from = b_type,
                                    .to = type,
                                    .batch = ask->b_n,
                                    .rows = (int)ask->n,
                                    .cols = (int)ask->k,
                                    .ld = (int)ld,
                                    .turned = !ask->b_turned};
    if ((p->casts_a && !piece(b, &p->at_a, ask->a_n * ask->m, (int64_t)ld, 2)) ||
        (p->casts_b && !piece(b, &p->at_b, ask->b_n * ask->n, (int64_t)ld, 2)))
        return IG_CU_DECLINE(b, "operands are too large");
    if (ask->known) IG_TRY(pack_weights(p, d, b, ask, (int64_t)ld, type));
    if (!b->declined) IG_TRY(ig_cu_product_tune(p, d, b, ask));
    return b->declined ? INGOT_OK : reserve_room(p, d, b, cu_gemm_room(&p->half));
}

/* Is it a product of few rows with weights that lie, or will, in rows of 16 bytes? */
static bool is_thin(const ig_cu_product_ask *ask)
{
    const int64_t bytes = (int64_t)ig_dtype(ask->b)->bytes;
    return ask->known && ask->m <= CU_GEMV_ROWS && ask->m > 0 && ask->n > 0 && ask->k > 0 &&
           ask->k * bytes % 16 == 0 && !ask->batch.rank && (!ask->a_turned || ask->m == 1) &&
           ask->alpha == 1;
}

static ingot_status bind_thin(ig_cu_product *p, ig_device *d, ig_device_bind *b,
                              const ig_cu_product_ask *ask, cu_float type)
{
    static const cu_gemv_type types[] = {CU_GEMV_F32, CU_GEMV_F16, CU_GEMV_BF16};
    cu_float a_type, c_type;
    (void)ig_cu_operand(&a_type, ask->a), (void)ig_cu_operand(&c_type, ask->c);
    p->kind = IG_CU_GEMV;
    p->thin = (cu_gemv_args){.ldw = ask->k,
                             .type = types[type],
                             .ldx = ask->k,
                             .x_type = a_type,
                             .m = (int)ask->m,
                             .n = (int)ask->n,
                             .k = (int)ask->k,
                             .finish = {.ld_residual = ask->columns,
                                        .ldy = ask->columns,
                                        .type = c_type,
                                        .act = ig_cu_act(ask->act),
                                        .a = (float)ask->act_a,
                                        .b = (float)ask->act_b,
                                        .gated = ask->gated,
                                        .n_out = (int)ask->columns}};
    b->kernel = "gemv";
    return pack_weights(p, d, b, ask, ask->k, type);
}

/* Has every kernel's grid a block for each tile? None is smaller than 16 x 64. */
static bool fits_grid(const ig_cu_product_ask *ask)
{
    int64_t tiles = (ask->m + 15) / 16;
    bool ok = ig_mul_ok(tiles, (ask->n + 63) / 64, &tiles);
    for (int d = 0; d < ask->batch.rank; d++)
        ok = ok && ig_mul_ok(tiles, (int64_t)ask->batch.dims[d], &tiles);
    return ok && tiles <= INT32_MAX;
}

ingot_status ig_cu_product_bind(ig_cu_product *p, ig_device *d, ig_device_bind *b,
                                const ig_cu_product_ask *ask)
{
    cu_float a, w, c;
    *p = (ig_cu_product){0};
    if (!ig_cu_operand(&a, ask->a) || !ig_cu_operand(&w, ask->b) || !ig_cu_operand(&c, ask->c))
        return IG_CU_DECLINE(b, "a product of neither f32, f16 nor bf16");
    if (ask->m > INT32_MAX || ask->n > INT32_MAX || ask->k > INT32_MAX || !fits_grid(ask) ||
        ask->m * ask->columns > INT64_MAX / 8 || ask->a_n * ask->m > INT64_MAX / 8)
        return IG_CU_DECLINE(b, "a side of 2^31 or more, or as many tiles");
    if (ig_cu_act(ask->act) < 0) return IG_CU_DECLINE(b, "an activation without a device function");
    const cu_float type = w == CU_F32 && b->fast ? CU_BF16 : w;
    if (is_thin(ask) && (type == w || ask->k % 8 == 0)) return bind_thin(p, d, b, ask, type);
    return type == CU_F32 ? bind_f32(p, d, b, ask) : bind_half(p, d, b, ask, type);
}

void ig_cu_product_unbind(ig_cu_product *p, ig_device *d)
{
    ig_cu_unpack(d, p->weights);
    ig_cu_unpack(d, p->tickets);
    p->weights = p->tickets = NULL;
}

/* ---- launch ---- */

static int cast(const cu_gemm_cast_args *how, const void *x, void *y, cu_stream s)
{
    cu_gemm_cast_args a = *how;
    a.x = x;
    a.y = y;
    return cu_gemm_cast(&a, s);
}

static int launch_thin(const ig_cu_product *p, const ig_cu_product_io *io, cu_stream s)
{
    cu_gemv_args g = p->thin;
    g.w = p->weights;
    g.x = io->a;
    g.finish.bias = io->bias;
    g.finish.residual = io->residual;
    g.finish.y = io->c;
    return cu_gemv(&g, s);
}

static cu_gemm_out out_to(const cu_gemm_out *of, const ig_cu_product_io *io)
{
    cu_gemm_out out = *of;
    out.c = io->c;
    out.bias = io->bias;
    out.residual = io->residual;
    return out;
}

int ig_cu_product_launch(const ig_cu_product *p, const ig_cu_product_io *io, cu_stream s)
{
    char *scratch = io->scratch;
    const void *a = io->a, *b = p->weights ? p->weights : io->b;
    void *room = p->splits ? scratch + p->at_room : NULL;
    if (p->kind == IG_CU_GEMV) return launch_thin(p, io, s);
    if (p->kind == IG_CU_GEMM_F32) {
        cu_gemm_f32_args g = p->full;
        g.a = a, g.b = b, g.out = out_to(&g.out, io), g.room = room, g.tickets = p->tickets;
        return cu_gemm_f32(&g, s);
    }
    int status = 0;
    if (p->casts_a) {
        status = cast(&p->cast_a, a, scratch + p->at_a, s);
        a = scratch + p->at_a;
    }
    if (!status && p->casts_b) {
        status = cast(&p->cast_b, b, scratch + p->at_b, s);
        b = scratch + p->at_b;
    }
    cu_gemm_args g = p->half;
    g.a = a, g.b = b, g.out = out_to(&g.out, io), g.room = room, g.tickets = p->tickets;
    return status ? status : cu_gemm(&g, s);
}
