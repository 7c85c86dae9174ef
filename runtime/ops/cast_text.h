/* cast_text.h - numbers as text and back, for casts. */
#ifndef IG_OPS_CAST_TEXT_H
#define IG_OPS_CAST_TEXT_H

#include "runtime/base/dtype.h"

enum { IG_NUMBER_TEXT = 400 }; /* bytes that any number's text fits in */

/* ig_number_print - element `at` as the shortest text that reads back as the same value; plain
 * digits from 1e-4 up to 1e16 (f64), 1e6 (f32) or 1e3 (f16) as NumPy has it, "nan", "inf", "-inf".
 * Integers in full, bool "True" and "False". Returns the length. */
size_t ig_number_print(char out[IG_NUMBER_TEXT], const void *p, ingot_dtype dtype, size_t at);

/* ig_number_parse - text (n bytes, not terminated) into element `at`: plain or scientific, INF and
 * NAN in any case; blanks around it are dropped. false: not a number. */
bool ig_number_parse(void *p, ingot_dtype dtype, size_t at, const char *text, size_t n);

#endif
