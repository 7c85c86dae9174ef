/* signal.h - what windows and filter banks are made of, on the CPU and on devices. */
#ifndef IG_OPS_SIGNAL_H
#define IG_OPS_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

/* ig_window_terms - by window fn: t[0] - t[1] cos(x) + t[2] cos(2 x). */
extern const double ig_window_terms[][3];

/* A bank of `bins` filters between two frequencies, over `rows` bins of a transform. */
typedef struct {
    int64_t bins, rows;
    double length, rate, low_hz, high_hz; /* length: points of the transform */
} ig_mel_bank;

/* ig_mel_ok - the rate and the edges are a frequency range. ig_mel_edge - the row where filter i
 * begins, which the one before has its peak at and that before it ends at; i < bins + 2. -1 where
 * that is not a row (the last edge may be `rows`); *bin says where it would be. */
bool ig_mel_ok(const ig_mel_bank *m);
int64_t ig_mel_edge(const ig_mel_bank *m, int64_t i, double *bin);

#endif
