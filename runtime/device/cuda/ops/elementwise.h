/* elementwise.h - the functions of `unary` and `binary` by name, for ops that are made of them. */
#ifndef IG_CU_ELEMENTWISE_H
#define IG_CU_ELEMENTWISE_H

/* A cu_unary_fn but clip, a cu_binary_fn; negative: a function without a kernel. */
int ig_el_unary_fn(const char *name);
int ig_el_binary_fn(const char *name);

#endif
