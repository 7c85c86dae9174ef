/* top_k_ref.c - what is better than a bound, the scalar truth. */
#include "kernels/vec/vec_ref.h"
#include "kernels/top_k/top_k_body.h"
