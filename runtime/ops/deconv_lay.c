/* deconv_lay.c - see deconv_lay.h. */
#include "runtime/ops/deconv_lay.h"
#include "runtime/base/checked.h"

bool ig_deconv_one_term(const ig_deconv_axis *axes, int n)
{
    bool one = true;
    for (int d = 0; d < n; d++) {
        const ig_deconv_axis *a = &axes[d];
        one = one && a->kernel == a->stride && (a->dilation == 1 || a->kernel == 1) &&
              a->before == 0 && a->out == a->in * a->stride;
    }
    return one;
}

/* to[i * wide + k] = rows[k][i] + bias */
static void interleave(float *restrict to, const float *restrict rows, size_t ld, size_t wide,
                       size_t n, float bias)
{
    if (wide == 2) { /* by vectors */
        const float *restrict other = rows + ld;
        for (size_t i = 0; i < n; i++) {
            to[2 * i] = rows[i] + bias;
            to[2 * i + 1] = other[i] + bias;
        }
        return;
    }
    for (size_t k = 0; k < wide; k++)
        for (size_t i = 0; i < n; i++) to[i * wide + k] = rows[k * ld + i] + bias;
}

void ig_deconv_lay(float *y, const float *rows, const ig_deconv_axis *axes, int n, size_t p,
                   size_t cols, float bias)
{
    const ig_deconv_axis *last = &axes[n - 1];
    const size_t width = (size_t)last->in, wide = (size_t)last->kernel;
    size_t kernel = 1;
    for (int d = 0; d < n; d++) kernel *= (size_t)axes[d].kernel;
    for (size_t k = 0; k < kernel; k += wide)
        for (size_t i = 0, step; i < cols; i += step) {
            size_t rest = (p + i) / width, lead = k / wide, at = 0, span = (size_t)last->out;
            step = IG_MIN(width - (p + i) % width, cols - i);
            for (int d = n - 2; d >= 0; d--) {
                const size_t in = (size_t)axes[d].in, size = (size_t)axes[d].kernel;
                at += (rest % in * size + lead % size) * span;
                span *= (size_t)axes[d].out;
                rest /= in;
                lead /= size;
            }
            interleave(y + at + (p + i) % width * wide, rows + k * cols + i, cols, wide, step,
                       bias);
        }
}
