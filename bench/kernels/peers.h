/* peers.h - libraries that Ingot is timed beside: found at run time, never linked.
 *
 * The bench_vs functions add every library that was loaded and can do the work, with operands of
 * its own in the layout it likes best (weights packed beforehand, where it packs). Call them
 * between bench_add(b, "ingot", ..) and bench_run. */
#ifndef IG_BENCH_PEERS_H
#define IG_BENCH_PEERS_H

#include "bench/kernels/bench.h"

void bench_vs_gemm_f32(bench *b, size_t m, size_t n, size_t k);
void bench_vs_gemm_f64(bench *b, size_t m, size_t n, size_t k);
/* bf16 activations and weights, fp32 sums. */
void bench_vs_gemm_bf16(bench *b, size_t m, size_t n, size_t k);
/* 8-bit activations, signed or not, signed weights, 32-bit sums. */
void bench_vs_gemm_i8(bench *b, size_t m, size_t n, size_t k, bool a_signed);

typedef struct {
    size_t batch, in_h, in_w, in_c, out_h, out_w, out_c, groups, kh, kw, stride, pad;
} bench_image;
void bench_vs_conv_f32(bench *b, const bench_image *c);
/* 8-bit results, scaled and rounded; activations unsigned. */
void bench_vs_conv_i8(bench *b, const bench_image *c);

void bench_vs_softmax_f32(bench *b, size_t rows, size_t cols);
void bench_vs_layer_norm_f32(bench *b, size_t rows, size_t cols);

/* ---- for the runner ---- */

/* peers_open - load those of the list (comma-separated; NULL: all that are installed; "": none).
 * One that is named and not installed is an error that says which package brings it: E_ARG. */
ingot_status peers_open(const char *list, ingot_error *err);

/* The names that --vs takes, which package has them, and whether each was loaded; NULL past the
 * last. */
const char *peers_name(size_t i);
const char *peers_package(size_t i);
bool peers_loaded(size_t i);

/* Each finds its library's functions; false: some are missing. */
bool peer_openblas(void *handle);
bool peer_blis(void *handle);
bool peer_onednn(void *handle);

void blas_gemm_f32(bench *b, size_t m, size_t n, size_t k);
void onednn_gemm_f32(bench *b, size_t m, size_t n, size_t k);

#endif
