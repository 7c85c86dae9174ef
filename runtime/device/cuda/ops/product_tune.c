/* product_tune.c - the variant that a product runs on: the model's, or the one that was measured
 * (runtime/device/cuda/tune.h).
 *
 * What is kept of a choice is its variant and in how many pieces K is cut; the rest follows from
 * the sizes, so that one choice serves all rows of a bucket. */
#include "kernels/gemm/gemm_pick_cuda.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/ops/product.h"
#include "runtime/device/cuda/tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const ig_cu_product *p;
    cu_gemm_choice choices[IG_CU_TRIALS];
    size_t at_a, at_b, at_c, at_room; /* tickets lie in front */
} trial;

static void name_of(char *out, const cu_gemm_choice *c)
{
    snprintf(out, IG_CU_TUNE_NAME, "%s/%d", cu_gemm_block_of(c->variant)->name, c->splits);
}

/* No splits: the name is none, or this product cannot run so. */
static cu_gemm_choice choice_named(const char *name, const cu_gemm_shape *shape,
                                   const cu_chip *chip)
{
    const char *slash = strchr(name, '/');
    for (int v = 0; slash && v < CU_GEMM_VARIANTS; v++) {
        const char *one = cu_gemm_block_of(v)->name;
        if (strlen(one) == (size_t)(slash - name) && !memcmp(one, name, strlen(one)))
            return cu_gemm_choice_of(shape, chip, v, atoi(slash + 1));
    }
    return (cu_gemm_choice){0};
}

static int run(const void *ud, size_t i, char *room, cu_stream s)
{
    const trial *t = ud;
    if (t->p->kind == IG_CU_GEMM_F32) {
        cu_gemm_f32_args g = t->p->full;
        g.choice = t->choices[i];
        g.a = (const float *)(const void *)(room + t->at_a);
        g.b = (const float *)(const void *)(room + t->at_b);
        g.out.c = room + t->at_c, g.room = room + t->at_room, g.tickets = (int *)(void *)room;
        return cu_gemm_f32(&g, s);
    }
    cu_gemm_args g = t->p->half;
    g.choice = t->choices[i];
    g.a = room + t->at_a, g.b = room + t->at_b;
    g.out.c = room + t->at_c, g.room = room + t->at_room, g.tickets = (int *)(void *)room;
    return cu_gemm(&g, s);
}

/* Operands, result and partial sums of a trial; false: beyond all memory. */
static bool lay_out(trial *t, ig_cu_trial *all, const cu_gemm_shape *s, const cu_chip *chip,
                    const ig_cu_product_ask *ask)
{
    size_t room = 0;
    for (size_t i = 0; i < all->n; i++)
        room = IG_MAX(room, cu_gemm_choice_room(&t->choices[i], s, chip));
    all->bytes = all->zeros = CU_GEMM_TICKETS * sizeof(int);
    return ig_cu_trial_room(all, &t->at_a, (size_t)ask->a_n * (size_t)s->m, (size_t)s->k,
                            (size_t)s->element) &&
           ig_cu_trial_room(all, &t->at_b, (size_t)ask->b_n * (size_t)s->n, (size_t)s->k,
                            (size_t)s->element) &&
           ig_cu_trial_room(all, &t->at_c, (size_t)s->batch * (size_t)s->m, (size_t)ask->columns,
                            (size_t)s->c_bytes) &&
           ig_cu_trial_room(all, &t->at_room, 1, room, 1);
}

static void describe(char *what, const ig_cu_product *p, const cu_gemm_shape *s,
                     const ig_cu_product_ask *ask)
{
    static const char *const types[] = {"f32", "f16", "bf16"};
    const bool f32 = p->kind == IG_CU_GEMM_F32;
    snprintf(what, IG_CU_TUNE_WHAT, "gemm %s to %s %lldx%lldx%lld batch %lld%s%s",
             types[f32 ? CU_F32 : p->half.type], types[f32 ? CU_F32 : p->half.c_type],
             (long long)ig_cu_bucket(s->m), (long long)(ask->known ? s->n : ig_cu_bucket(s->n)),
             (long long)(ask->known ? s->k : ig_cu_bucket(s->k)), (long long)ig_cu_bucket(s->batch),
             s->tma ? " tma" : "", ask->gated ? " gated" : "");
}

ingot_status ig_cu_product_tune(ig_cu_product *p, ig_device *d, ig_device_bind *b,
                                const ig_cu_product_ask *ask)
{
    const bool f32 = p->kind == IG_CU_GEMM_F32;
    const cu_gemm_shape shape = f32 ? cu_gemm_f32_shape_of(&p->full) : cu_gemm_shape_of(&p->half);
    const cu_chip chip = ig_cu_chip(d);
    trial t = {.p = p};
    ig_cu_trial all = {.run = run, .ud = &t};
    char name[IG_CU_TUNE_NAME] = "";
    all.n = (size_t)cu_gemm_rank(t.choices, IG_CU_TRIALS, &shape, &chip);
    if (!all.n) return IG_CU_DECLINE(b, "no variant of the product runs here");
    for (size_t i = 0; i < all.n; i++) name_of(all.names[i], &t.choices[i]);
    describe(all.what, p, &shape, ask);
    if (shape.m && shape.n && shape.batch && lay_out(&t, &all, &shape, &chip, ask))
        IG_TRY(ig_cu_tune(d, &all, name, b->err));
    const cu_gemm_choice tuned = choice_named(name, &shape, &chip),
                         choice = tuned.splits ? tuned : t.choices[0];
    *(f32 ? &p->full.choice : &p->half.choice) = choice;
    b->kernel = cu_gemm_block_of(choice.variant)->name;
    if (tuned.splits) b->kernel = ig_cu_tuned_name(b, b->kernel);
    return INGOT_OK;
}
