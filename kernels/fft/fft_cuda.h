/* fft_cuda.h - launcher of Fourier transforms on a device: rows of any tensor, any length, in
 * double precision, by the plan and tables that the host makes (fft.h). */
#ifndef FFT_CUDA_H
#define FFT_CUDA_H

#include "kernels/cuda/index.h"
#include "kernels/cuda/number.h"
#include "kernels/cuda/stream.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CU_FFT_PASSES = 32 };

/* Row r, with o = r / inner and i = r % inner: sample k of `parts` numbers (real, imaginary) lies
 * at x[o * x_outer + i * x_inner + k * x_step]; samples from n_in on are zero. Bin k of out_parts
 * numbers goes to y likewise, for k < n_out. Fewer than 2^31 rows. */
typedef struct {
    const void *x, *window; /* window: [n_window] factors of the samples, 0 past them; NULL: none */
    void *y;
    int x_type, window_type, y_type; /* of cu_number, floats */
    int64_t rows, inner;
    int64_t x_outer, x_inner, x_step, y_outer, y_inner, y_step; /* numbers */
    int parts, out_parts, n_in, n_out, n_window;
    bool inverse;   /* exp(+...), divided by n */
    bool hermitian; /* x has bins 0..n/2 of a real signal: the others are their conjugates */
    /* of ig_fft: n; or by way of a convolution of length m, a power of two */
    int n, m;
    const void *roots, *chirp, *spectrum; /* w of n, or wm of m; the last two with m */
    void *room;                           /* cu_fft_room bytes */
} cu_fft_args;

/* cu_fft_room - bytes of device memory that rows take which do not fit the shared memory; 0: they
 * fit. Reads n, m and rows. */
size_t cu_fft_room(const cu_fft_args *a, const cu_chip *chip);
int cu_fft(const cu_fft_args *a, cu_stream s);

#ifdef __cplusplus
}
#endif

#endif
