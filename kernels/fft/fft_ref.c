/* fft_ref.c - see fft.h. Plain C; the transforms of a model's spectrogram are short. */
#include "kernels/fft/fft.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { LARGEST_RADIX = 13 };

static ig_complex mul(ig_complex a, ig_complex b)
{
    return (ig_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

size_t ig_fft_radix(size_t n)
{
    if (n % 4 == 0) return 4;
    for (size_t p = 2; p <= LARGEST_RADIX; p++)
        if (n % p == 0) return p;
    return 0;
}

static bool is_smooth(size_t n)
{
    for (size_t p; n > 1; n /= p)
        if (!(p = ig_fft_radix(n))) return false;
    return true;
}

bool ig_fft_sizes(size_t n, size_t *table, size_t *scratch)
{
    if (n == 0 || n > ((size_t)1 << 40)) return false;
    *table = *scratch = n;
    if (is_smooth(n)) return true;
    size_t m = 1;
    while (m < 2 * n - 1) m *= 2;
    *table = 2 * n + 2 * m;
    *scratch = 2 * m;
    return true;
}

/* w[k] = exp(-2 pi i k / n): by octants, so that symmetric entries agree exactly. */
static void fill_roots(ig_complex *w, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        const size_t eighth = 8 * k / n;                              /* 0..7 */
        const double turn = (double)(8 * k - eighth * n) / (double)n; /* [0, 1) of an octant */
        const double angle = (eighth % 2 ? 1 - turn : turn) * 0.78539816339744830962;
        const double a = cos(angle), b = sin(angle);
        static const int swap[8] = {0, 1, 1, 0, 0, 1, 1, 0};
        static const int sign_c[8] = {1, 1, -1, -1, -1, -1, 1, 1};
        static const int sign_s[8] = {1, 1, 1, 1, -1, -1, -1, -1};
        w[k].re = sign_c[eighth] * (swap[eighth] ? b : a);
        w[k].im = -sign_s[eighth] * (swap[eighth] ? a : b);
    }
}

/* One pass of Stockham's transform: `radix` interleaved parts of n / (radix * stride) become one.
 * from [radix][rest][stride], to [rest][radix][stride] with twiddles of the whole n. */
static void pass(ig_complex *to, const ig_complex *from, const ig_complex *w, size_t n,
                 size_t radix, size_t stride)
{
    const size_t rest = n / (radix * stride);
    for (size_t p = 0; p < rest; p++)
        for (size_t s = 0; s < stride; s++) {
            ig_complex v[LARGEST_RADIX];
            for (size_t j = 0; j < radix; j++) v[j] = from[s + stride * (p + rest * j)];
            for (size_t q = 0; q < radix; q++) {
                ig_complex sum = v[0];
                for (size_t j = 1; j < radix; j++) { /* v[j] * w^(j q n / radix) */
                    const ig_complex t = mul(v[j], w[j * q % radix * (n / radix)]);
                    sum.re += t.re, sum.im += t.im;
                }
                to[s + stride * (q + radix * p)] = mul(sum, w[p * q * stride]);
            }
        }
}

static void transform(ig_complex *x, const ig_complex *w, size_t n, ig_complex *other)
{
    ig_complex *from = x, *to = other;
    size_t stride = 1;
    while (stride < n) {
        const size_t radix = ig_fft_radix(n / stride);
        pass(to, from, w, n, radix, stride);
        ig_complex *t = from;
        from = to, to = t;
        stride *= radix;
    }
    if (from != x) memcpy(x, from, n * sizeof *x);
}

/* k^2 mod 2n without overflow for n < 2^40 */
static size_t square_mod(size_t k, size_t n)
{
    size_t r = 0, a = k % (2 * n);
    for (size_t b = a; b; b >>= 1) {
        if (b & 1) r = (r + a) % (2 * n);
        a = a * 2 % (2 * n);
    }
    return r;
}

void ig_fft_init(ig_fft *f, size_t n, ig_complex *table, ig_complex *scratch)
{
    *f = (ig_fft){.n = n, .w = table};
    if (is_smooth(n)) {
        fill_roots(f->w, n);
        return;
    }
    f->m = 1;
    while (f->m < 2 * n - 1) f->m *= 2;
    f->chirp = table;
    f->wm = table + n;
    f->spectrum = f->wm + f->m;
    f->w = NULL;
    fill_roots(f->wm, f->m);
    memset(f->spectrum, 0, f->m * sizeof *f->spectrum);
    for (size_t k = 0; k < n; k++) {
        const double angle = 3.14159265358979323846 * (double)square_mod(k, n) / (double)n;
        f->chirp[k] = (ig_complex){cos(angle), -sin(angle)};
        const ig_complex back = {f->chirp[k].re, -f->chirp[k].im};
        f->spectrum[k] = back;
        if (k) f->spectrum[f->m - k] = back;
    }
    transform(f->spectrum, f->wm, f->m, scratch);
}

static void bluestein(const ig_fft *f, ig_complex *x, ig_complex *scratch)
{
    ig_complex *y = scratch, *other = scratch + f->m;
    memset(y, 0, f->m * sizeof *y);
    for (size_t k = 0; k < f->n; k++) y[k] = mul(x[k], f->chirp[k]);
    transform(y, f->wm, f->m, other);
    for (size_t k = 0; k < f->m; k++) { /* the conjugate, for the way back */
        y[k] = mul(y[k], f->spectrum[k]);
        y[k].im = -y[k].im;
    }
    transform(y, f->wm, f->m, other);
    const double scale = 1 / (double)f->m;
    for (size_t k = 0; k < f->n; k++)
        x[k] = mul((ig_complex){y[k].re * scale, -y[k].im * scale}, f->chirp[k]);
}

void ig_fft_run(const ig_fft *f, ig_complex *x, bool inverse, ig_complex *scratch)
{
    if (inverse)
        for (size_t k = 0; k < f->n; k++) x[k].im = -x[k].im;
    if (f->m)
        bluestein(f, x, scratch);
    else
        transform(x, f->w, f->n, scratch);
    const double scale = 1 / (double)f->n;
    if (inverse)
        for (size_t k = 0; k < f->n; k++) x[k].re *= scale, x[k].im *= -scale;
}
