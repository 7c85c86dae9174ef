/* reduce_neon.c - reductions, NEON. */
#include "kernels/vec/vec_neon.h"
#include "kernels/reduce/reduce_body.h"
