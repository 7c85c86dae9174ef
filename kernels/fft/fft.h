/* fft.h - discrete Fourier transforms of any length, complex, in double precision.
 *
 * Lengths whose prime factors are small go through a mixed-radix Stockham transform; others become
 * a convolution of a power of two (Bluestein 1970). O(n log n) for every n. */
#ifndef IG_FFT_H
#define IG_FFT_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    double re, im;
} ig_complex;

/* A plan lives in memory that the caller gives; nothing is allocated. */
typedef struct {
    size_t n;             /* length */
    size_t m;             /* Bluestein: the power of two, else 0 */
    ig_complex *w;        /* [n] exp(-2 pi i k / n) */
    ig_complex *wm;       /* [m] the same of m */
    ig_complex *chirp;    /* [n] exp(-pi i k^2 / n) */
    ig_complex *spectrum; /* [m] of the convolution's other side */
} ig_fft;

/* ig_fft_radix - the factor that the next pass takes from n > 1 points: 4, else the smallest prime
 * up to 13; 0: there is none, the transform goes by way of a convolution. */
size_t ig_fft_radix(size_t n);

/* Elements of ig_complex that a plan's tables and one transform's scratch take; false: n is 0 or
 * too large. */
bool ig_fft_sizes(size_t n, size_t *table, size_t *scratch);

/* table: [table] elements that live as long as the plan; scratch as for a run. */
void ig_fft_init(ig_fft *f, size_t n, ig_complex *table, ig_complex *scratch);

/* x [n] in place; inverse: with exp(+...) and divided by n. Threads: scratch is the caller's. */
void ig_fft_run(const ig_fft *f, ig_complex *x, bool inverse, ig_complex *scratch);

#ifdef __cplusplus
}
#endif

#endif
