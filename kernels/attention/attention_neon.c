/* attention_neon.c - attention of one head, NEON. */
#include "kernels/vec/vec_neon.h"
#include "kernels/attention/attention_body.h"
