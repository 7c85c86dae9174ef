/* top_k_neon.c - what is better than a bound, NEON. */
#include "kernels/vec/vec_neon.h"
#include "kernels/top_k/top_k_body.h"
