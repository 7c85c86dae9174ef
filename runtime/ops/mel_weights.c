/* mel_weights.c - mel_weights(bins, dft_length, sample_rate, lowest_hz, highest_hz): triangular
 * filters, equally wide on the mel scale, as a matrix [dft_length / 2 + 1, bins]. */
#include "runtime/ops/block.h"
#include "runtime/ops/signal.h"
#include "runtime/graph/op.h"

#include <math.h>
#include <string.h>

enum { MEL_MOST = 1 << 20 }; /* bins, and points of the transform */

typedef struct {
    int64_t dtype;
} mel_attrs;

static const ig_attr attrs[] = {
    IG_INT(mel_attrs, dtype, INGOT_F32),
    {0},
};

static ingot_status infer(ig_infer *c)
{
    const mel_attrs *a = c->attrs;
    ig_type *out = &c->out[0];
    int64_t v[2];
    if (a->dtype <= 0 || a->dtype > INT8_MAX || ig_calc_of((ingot_dtype)a->dtype) == IG_CALC_NONE)
        return ig_infer_fail(c, "dtype=%lld is no number type", (long long)a->dtype);
    out->dtype = (ingot_dtype)a->dtype;
    out->rank = 2;
    out->dims[0] = out->dims[1] = IG_DIM_UNKNOWN;
    for (uint32_t i = 0; i < 5; i++) {
        size_t n;
        if (ig_type_elements(c->in[i], &n) && n != 1)
            return ig_infer_fail(c, "input %u has %zu elements, not one", i, n);
    }
    for (uint32_t i = 0; i < 2; i++) {
        if (ig_known_ints(c, i, &v[i], 1) != 1) continue;
        if (v[i] < 0 || v[i] > MEL_MOST)
            return ig_infer_fail(c, "input %u, %lld, is outside 0..%d", i, (long long)v[i],
                                 MEL_MOST);
        out->dims[1 - i] = i ? v[i] / 2 + 1 : v[i];
    }
    return INGOT_OK;
}

/* Raises column `filter` from `low` to its peak at `centre` and lowers it to `high`. */
static void triangle(ig_tensor *y, int64_t filter, int64_t low, int64_t centre, int64_t high)
{
    const int64_t columns = y->dims[1];
    for (int64_t j = low; j <= centre; j++) {
        const double v = centre == low ? 1 : (double)(j - low) / (double)(centre - low);
        ig_store(y->data, y->dtype, (size_t)(j * columns + filter), &v, IG_CALC_F64, 1);
    }
    for (int64_t j = centre; j < high; j++) {
        const double v = (double)(high - j) / (double)(high - centre);
        ig_store(y->data, y->dtype, (size_t)(j * columns + filter), &v, IG_CALC_F64, 1);
    }
}

static double mel_of(double hz) { return 2595 * log1p(hz / 700) / log(10); }
static double hz_of(double mel) { return 700 * expm1(mel / 2595 * log(10)); }

bool ig_mel_ok(const ig_mel_bank *m)
{
    const double low = mel_of(m->low_hz), high = mel_of(m->high_hz);
    return m->rate > 0 && isfinite(low) && isfinite(high) && high >= low;
}

int64_t ig_mel_edge(const ig_mel_bank *m, int64_t i, double *bin)
{
    const double low = mel_of(m->low_hz), high = mel_of(m->high_hz);
    const double step = (high - low) / (double)(m->bins + 2);
    *bin = floor((m->length + 1) * hz_of((double)i * step + low) / m->rate);
    const bool last = i == m->bins + 1;
    const bool inside = *bin >= 0 && *bin < (double)m->rows + (last ? 1 : 0);
    return inside ? (int64_t)*bin : -1;
}

static ingot_status run(ig_run *r)
{
    ig_tensor *y = r->out[0];
    const size_t bytes = ig_tensor_elements(y) * ig_dtype(y->dtype)->bytes;
    const ig_mel_bank bank = {.bins = y->dims[1],
                              .rows = y->dims[0],
                              .length = ig_load_f64(r->in[1]->data, r->in[1]->dtype, 0),
                              .rate = ig_load_f64(r->in[2]->data, r->in[2]->dtype, 0),
                              .low_hz = ig_load_f64(r->in[3]->data, r->in[3]->dtype, 0),
                              .high_hz = ig_load_f64(r->in[4]->data, r->in[4]->dtype, 0)};
    if (!ig_mel_ok(&bank))
        return ig_run_fail(r, "sample rate %g or the edges are not a frequency range", bank.rate);
    if (bytes) memset(y->data, 0, bytes);
    for (int64_t i = 0; i < bank.bins; i++) {
        int64_t edge[3];
        for (int k = 0; k < 3; k++) {
            double bin;
            edge[k] = ig_mel_edge(&bank, i + k, &bin);
            if (edge[k] < 0)
                return ig_run_fail(r, "filter %lld reaches bin %g of %lld: lower the upper edge",
                                   (long long)i, bin, (long long)bank.rows);
        }
        triangle(y, i, edge[0], edge[1], edge[2]);
    }
    return INGOT_OK;
}

const ig_op ig_op_mel_weights = {
    .name = "mel_weights",
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(mel_attrs),
    .infer = infer,
    .run = run,
};
