/* roofline.h - what was measured as a roofline plot (Williams, Waterman & Patterson 2009). */
#ifndef IG_BENCH_ROOFLINE_H
#define IG_BENCH_ROOFLINE_H

#include "bench/kernels/runner.h"

#include <stdio.h>

/* roofline_svg - one panel for each number of threads: operations/s over operations a byte, both
 * logarithmic; the limits of memory as slopes, those of arithmetic as ceilings, a point for each
 * result that has both operations and bytes. E_IO. */
ingot_status roofline_svg(const bench *b, FILE *to, ingot_error *err);

#endif
