/* range.c - range(start, limit, delta): start, start + delta, ... below (above) limit. The length
 * is known when the three are; floats are computed in f64 and rounded once, integers are exact. */
#include "runtime/ops/block.h"
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <math.h>

enum { RANGE_MOST = 1 << 30 }; /* elements: more is a broken model, not a request */

static bool is_int(ingot_dtype d) { return ig_calc_of(d) >= IG_CALC_I64; }

/* false: delta is 0, NaN or the range is too long. */
static bool range_count(const ig_tensor *const *in, int64_t *count)
{
    double n;
    if (is_int(in[0]->dtype)) {
        const int64_t start = ig_load_i64(in[0]->data, in[0]->dtype, 0);
        const int64_t limit = ig_load_i64(in[1]->data, in[1]->dtype, 0);
        const int64_t delta = ig_load_i64(in[2]->data, in[2]->dtype, 0);
        if (!delta) return false;
        *count = 0;
        if (delta > 0 ? start >= limit : start <= limit) return true;
        const uint64_t span =
            delta > 0 ? (uint64_t)limit - (uint64_t)start : (uint64_t)start - (uint64_t)limit;
        const uint64_t by = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
        const uint64_t whole = span / by + (span % by != 0);
        *count = (int64_t)IG_MIN(whole, (uint64_t)INT64_MAX);
        return whole <= RANGE_MOST;
    }
    n = ceil(
        (ig_load_f64(in[1]->data, in[1]->dtype, 0) - ig_load_f64(in[0]->data, in[0]->dtype, 0)) /
        ig_load_f64(in[2]->data, in[2]->dtype, 0));
    if (!(n <= RANGE_MOST)) return false; /* NaN too: 0 / 0 */
    *count = n > 0 ? (int64_t)n : 0;
    return true;
}

static ingot_status infer(ig_infer *c)
{
    ig_type *out = &c->out[0];
    const ingot_dtype dtype = c->in[0]->dtype;
    out->dtype = dtype;
    out->rank = 1;
    out->dims[0] = IG_DIM_UNKNOWN;
    if (dtype != INGOT_NONE && (ig_calc_of(dtype) == IG_CALC_NONE || dtype == INGOT_BOOL))
        return ig_infer_fail(c, "a range of %s is not defined", ig_dtype(dtype)->name);
    bool known = true;
    for (uint32_t i = 0; i < 3; i++) {
        size_t n;
        if (ig_type_elements(c->in[i], &n) && n != 1)
            return ig_infer_fail(c, "input %u has %zu elements, not one", i, n);
        if (c->in[i]->dtype != INGOT_NONE && dtype != INGOT_NONE && c->in[i]->dtype != dtype)
            return ig_infer_fail(c, "input %u is %s, start is %s", i,
                                 ig_dtype(c->in[i]->dtype)->name, ig_dtype(dtype)->name);
        known = known && c->known[i] && ig_tensor_elements(c->known[i]) == 1;
    }
    if (known && !range_count(c->known, &out->dims[0]))
        return ig_infer_fail(c, "the range never ends, or has more than %d elements", RANGE_MOST);
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const ingot_dtype dtype = r->out[0]->dtype;
    const size_t n = ig_tensor_elements(r->out[0]);
    int64_t count;
    if (!range_count(r->in, &count) || (size_t)count != n)
        return ig_run_fail(r, "the range does not have %zu elements", n);
    const int64_t start = ig_load_i64(r->in[0]->data, dtype, 0);
    const int64_t delta = ig_load_i64(r->in[2]->data, dtype, 0);
    const double start_f = ig_load_f64(r->in[0]->data, dtype, 0);
    const double delta_f = ig_load_f64(r->in[2]->data, dtype, 0);
    ig_block block;
    for (size_t at = 0; at < n; at += IG_BLOCK) {
        const size_t m = IG_MIN(n - at, (size_t)IG_BLOCK);
        for (size_t i = 0; i < m; i++)
            if (is_int(dtype))
                block.u64[i] = (uint64_t)start + (uint64_t)(at + i) * (uint64_t)delta;
            else
                block.f64[i] = start_f + (double)(at + i) * delta_f;
        ig_store(r->out[0]->data, dtype, at, &block,
                 is_int(dtype) ? ig_calc_of(dtype) : IG_CALC_F64, m);
    }
    return INGOT_OK;
}

const ig_op ig_op_range = {
    .name = "range",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
};
