/* attention_ref.c - attention of one head: the scalar truth, one lane after the other. */
#include "kernels/vec/vec_ref.h"
#include "kernels/attention/attention_body.h"
