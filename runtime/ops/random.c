/* random.c - random fn=uniform|normal(like?): a tensor of random numbers with the shape of the
 * input, or of the attribute. uniform: [a, b); normal: mean a, deviation b. */
#include "runtime/ops/random.h"
#include "runtime/ops/block.h"
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>
#include <time.h>

uint64_t ig_random_key(bool seeded, double seed)
{
    static atomic_uint_fast64_t calls;
    uint64_t bits;
    if (seeded) {
        memcpy(&bits, &seed, sizeof bits);
        return ig_random_mix(bits);
    }
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    bits = (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
    const uint64_t call = atomic_fetch_add(&calls, 1);
    return ig_random_mix(bits ^ ig_random_mix(call + (uint64_t)(uintptr_t)&calls));
}

typedef struct {
    int fn;
    double a, b, seed;
    int64_t seeded, dtype; /* dtype 0: the input's */
    ig_ints shape;
} random_attrs;

static const char *const names[] = {"uniform", "normal", NULL};

static const ig_attr attrs[] = {
    IG_ENUM(random_attrs, fn, 0, names), IG_FLOAT(random_attrs, a, 0),
    IG_FLOAT(random_attrs, b, 1),        IG_FLOAT(random_attrs, seed, 0),
    IG_INT(random_attrs, seeded, 0),     IG_INT(random_attrs, dtype, 0),
    IG_INTS(random_attrs, shape),        {0},
};

static ingot_status infer(ig_infer *c)
{
    const random_attrs *a = c->attrs;
    ig_type *out = &c->out[0];
    const bool like = ig_has(c, 0);
    if (a->dtype < 0 || a->dtype > INT8_MAX || (!a->dtype && !like))
        return ig_infer_fail(c, "dtype=%lld is no element type", (long long)a->dtype);
    const ingot_dtype dtype = a->dtype ? (ingot_dtype)a->dtype : c->in[0]->dtype;
    if (dtype != INGOT_NONE && ig_calc_of(dtype) == IG_CALC_NONE)
        return ig_infer_fail(c, "no random numbers of type %s", ig_dtype(dtype)->name);
    if (!like && a->shape.n > IG_MAX_RANK)
        return ig_infer_fail(c, "rank %zu is above %d", a->shape.n, IG_MAX_RANK);
    for (size_t i = 0; i < a->shape.n; i++)
        if (a->shape.v[i] < 0)
            return ig_infer_fail(c, "dimension %zu is %lld", i, (long long)a->shape.v[i]);
    *out = like ? *c->in[0] : ig_type_tensor(dtype, (int)a->shape.n, a->shape.v);
    out->dtype = dtype;
    return INGOT_OK;
}

typedef struct {
    const random_attrs *a;
    ig_tensor *y;
    uint64_t key;
} random_job;

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const random_job *job = arg;
    const random_attrs *a = job->a;
    for (size_t i = begin; i < end; i++) {
        double v;
        if (a->fn == 0)
            v = a->a + (a->b - a->a) * ig_random_uniform(job->key, i);
        else /* Box and Muller */
            v = a->a + a->b * sqrt(-2 * log1p(-ig_random_uniform(job->key, 2 * i))) *
                           cos(6.28318530717958647693 * ig_random_uniform(job->key, 2 * i + 1));
        ig_store(job->y->data, job->y->dtype, i, &v, IG_CALC_F64, 1);
    }
}

static ingot_status run(ig_run *r)
{
    const random_attrs *a = r->attrs;
    random_job job = {a, r->out[0], ig_random_key(a->seeded != 0, a->seed)};
    ig_parallel(r->pool, ig_tensor_elements(r->out[0]), IG_GRAIN / 4, 0, work, &job);
    return INGOT_OK;
}

const ig_op ig_op_random = {
    .name = "random",
    .min_in = 0,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_RANDOM,
    .attrs = attrs,
    .attrs_bytes = sizeof(random_attrs),
    .infer = infer,
    .run = run,
};
