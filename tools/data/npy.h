/* npy.h - NumPy's .npy: one array a file.
 *
 * Reading takes versions 1 to 3, C and Fortran order, both byte orders, bool, integers, floats of
 * 16 to 64 bits, complex numbers, and strings (<U and |S, trailing NULs dropped as NumPy does). An
 * array is only read when the bytes for its whole shape are there, so memory stays in proportion to
 * the file. Writing gives version 1, C order, strings as <U. Types that NumPy lacks are written as
 * the type that carries them (ig_numpy_carrier); .npz files keep their name beside. */
#ifndef IG_NPY_H
#define IG_NPY_H

#include "tools/data/array.h"
#include "tools/data/npy_head.h"

/* ig_npy_decode - read header and elements into `array` (its name stays). The source must hold
 * exactly one array. On failure the array holds no data. Errors: E_DATA, E_NOMEM, the source's. */
ingot_status ig_npy_decode(ig_array *array, ig_heap *heap, ig_source *from, ingot_error *err);

/* ig_npy_encode - write header and elements. The bytes depend on the array alone. Errors: E_DATA
 * (a string that is not UTF-8), the sink's. */
ingot_status ig_npy_encode(ig_sink *to, const ig_array *array, ingot_error *err);

/* ig_npy_read - append the file's array to the list, as `name`. Errors: E_DATA (missing file
 * included), E_NOMEM, E_IO; the text begins with the path. */
ingot_status ig_npy_read(ig_arrays *list, const char *name, const char *path, ingot_error *err);

/* ig_npy_write - through a temporary file: the path has the whole array or what it had before. */
ingot_status ig_npy_write(const char *path, const ig_array *array, ig_heap *heap, ingot_error *err);

#endif
